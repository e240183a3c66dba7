// SPDX-License-Identifier: MIT
//
// Reading and writing pictures: one table of file kinds says what each can hold.

#ifndef DATA_PICTURE_FILE_H
#define DATA_PICTURE_FILE_H

#include "base/reason.h"
#include "data/picture.h"

// Extensions of the files that are read and written, for messages.
#ifdef PIX_HAVE_WEBP
#define IMAGE_WEBP " .webp"
#else
#define IMAGE_WEBP
#endif
#ifdef PIX_HAVE_TIFF
#define IMAGE_TIFF " .tif .tiff"
#else
#define IMAGE_TIFF
#endif
#define IMAGE_EXTENSIONS ".png .jpg .jpeg" IMAGE_WEBP " .bmp .tga" IMAGE_TIFF
#define PICTURE_EXTENSIONS IMAGE_EXTENSIONS " .npy"

// Of a file that begins as none of them does.
#define PICTURE_UNKNOWN                                                                \
    "not an image of a kind that is read: " PICTURE_EXTENSIONS " are"

// The kinds of files that are read and written, by number: "PNG", with the library
// where it depends on the build, "JPEG (stb)". The second: those that this build is
// without. NULL from their number on.
const char *picture_file_kind(size_t index);
const char *picture_file_missing(size_t index);

// Where images were turned by their EXIF orientation, for messages.
#define PICTURE_KEEP "; --no-orient uses pixels as they are stored"

// Who decodes JPEG files in this build, whose samples are not the same everywhere.
const char *picture_jpeg_decoder(void);
bool picture_has_jpeg_extension(const char *name);

// Reads a file as what it holds: 1 channel is grey, 2 have alpha, 3 are RGB, 4 have
// alpha; u8, or u16 where the file has 16 bits; .npy has any channels and kinds. The
// content decides on the kind of file. Nothing is logged: `reason` says why it failed.
bool picture_read(const char *path, struct picture *picture, struct reason *reason);
// The same by these options.
bool picture_read_with(const char *path, const struct picture_reading *reading,
                       struct picture *picture, struct reason *reason);

// The same of a file in memory; its name is that of a path.
bool picture_read_memory(const void *bytes, size_t size, const char *name,
                         const struct picture_reading *reading, struct picture *picture,
                         struct reason *reason);

// The kind of samples that picture_read_with would find, without reading them. False
// with the reason where they do not say, or cannot be read. Nothing is logged.
bool picture_find_kind(const char *path, const struct picture_reading *reading,
                       enum pixel_kind *kind, struct reason *reason);

// Says that pictures were turned upright, as their files asked for: `turned` of
// `count`, the first of which has this path and orientation.
void picture_tell_of_turning(const char *path, uint32_t orientation, size_t turned,
                             size_t count);

// Warns that images end early and are used as far as they go: `cut` of `count`, the
// first of which has this path.
void picture_warn_of_cut(const char *path, size_t cut, size_t count);

// Says that the first of several pages was read of some of `count` files, the first of
// which has this path and so many pages; `name` is "image" or "pair".
void picture_tell_of_pages(const char *path, uint32_t pages, size_t images,
                           size_t count, const char *name);

// Writes by the extension of the path: .npy and .tif take everything, .png u8 and u16
// of 1 to 4 channels, .webp u8 of these, .jpg, .jpeg, .bmp and .tga u8 without the
// alpha. The file appears whole or not at all. False after a message.
bool picture_write(const char *path, const struct picture *picture);
bool picture_write_ordered(const char *path, const struct picture *picture,
                           enum array_order order);
// The same bytes in memory; the caller frees *bytes with mem_free.
bool picture_write_to_memory(const char *name, const struct picture *picture,
                             enum array_order order, void **bytes, size_t *size);
// Whether a file of this name can hold such a picture, whose samples are not looked at.
// False after a message.
bool picture_check_file(const char *path, const struct picture *form);

// Encodes for people to look at: RGB of 8 bits as picture_get_rgb makes it, a PNG or a
// JPEG. The caller frees *data with mem_free. False after a message that names `path`.
bool picture_encode(const struct picture *picture, bool as_jpeg, const char *path,
                    void **data, size_t *size);

// Whether a name ends in an extension of the kind of file that `is` recognises.
bool picture_has_extension_of(const char *name,
                              bool (*is)(const uint8_t *data, size_t size));

// What a file of this name can hold of picture.tags.
struct picture_holds picture_file_holds(const char *name);

// Whether a file of this name can hold such a picture with all of its channels.
bool picture_can_be_written(const char *name, enum pixel_kind kind, uint32_t channels);

// `kind`, or the kind nearest below it that a file of this name can hold.
enum pixel_kind picture_kind_held(const char *name, enum pixel_kind kind,
                                  uint32_t channels);

// Whether a name ends in one of PICTURE_EXTENSIONS or IMAGE_EXTENSIONS, in any case.
bool picture_has_known_extension(const char *name);
bool picture_has_image_extension(const char *name);
// Whether it ends in an extension of images of other kinds, such as .gif, in any case.
bool picture_has_foreign_extension(const char *name);

#endif
