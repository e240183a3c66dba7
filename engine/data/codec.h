// SPDX-License-Identifier: MIT
//
// One file kind each: png.c, jpeg.c, bmp.c, tga.c and npy.c. picture_file.c has the
// table that chooses among them. Each kind has
//
// - X_is, which recognises a file by its first bytes (TGA has no signature);
// - X_accept, which has the first `size` bytes of a file of `whole` bytes, at least
//   FILE_HEAD of them (file.h) or all: false with the reason where they show that
//   X_decode would refuse it, so that the rest, which may be large, need not be read;
// - X_decode, which reads a whole file in memory as its own kind and channels. Nothing
//   is logged; a failure leaves its reason and no picture. PNG and JPEG are read from a
//   source, so that not even the file is held, and looked through before anything is
//   decoded: they have no X_accept;
// - X_find_kind, where there are several: the kind of samples that X_decode would find,
//   from the first bytes of a file. False where they do not say;
// - X_encode, for pictures that picture_file.c has found to fit. It writes into what
//   has begun, and ends it; `path` is for messages. False after a message.
//
// codec.c has what the kinds that stb decodes and encodes share, exif.c what photos
// have beside their pixels. Writers of stb that ask for memory do not check it and are
// not used.

#ifndef DATA_CODEC_H
#define DATA_CODEC_H

#include "base/reason.h"
#include "data/picture.h"
#include "data/source.h"

struct encoded;

bool png_is(const uint8_t *data, size_t size);
bool png_decode(struct source *source, const struct picture_reading *reading,
                struct picture *picture, struct reason *reason);
bool png_find_kind(const uint8_t *data, size_t size, enum pixel_kind *kind);
bool png_encode(struct encoded *to, const struct picture *picture, const char *path);

bool jpeg_is(const uint8_t *data, size_t size);
bool jpeg_decode(struct source *source, const struct picture_reading *reading,
                 struct picture *picture, struct reason *reason);
bool jpeg_encode(struct encoded *to, const struct picture *picture, const char *path);

#ifdef PIX_HAVE_WEBP
bool webp_accept(const uint8_t *data, size_t size, uint64_t whole,
                 const struct picture_reading *reading, struct reason *reason);
bool webp_decode(const uint8_t *data, size_t size,
                 const struct picture_reading *reading, struct picture *picture,
                 struct reason *reason);
bool webp_encode(struct encoded *to, const struct picture *picture, const char *path);
#endif

bool bmp_is(const uint8_t *data, size_t size);
bool bmp_accept(const uint8_t *data, size_t size, uint64_t whole,
                const struct picture_reading *reading, struct reason *reason);
bool bmp_decode(const uint8_t *data, size_t size, const struct picture_reading *reading,
                struct picture *picture, struct reason *reason);
bool bmp_encode(struct encoded *to, const struct picture *picture, const char *path);

// Whether these first bytes can be those of a TGA, or are too few to say.
bool tga_may_be(const uint8_t *data, size_t size);
bool tga_accept(const uint8_t *data, size_t size, uint64_t whole,
                const struct picture_reading *reading, struct reason *reason);
bool tga_decode(const uint8_t *data, size_t size, const struct picture_reading *reading,
                struct picture *picture, struct reason *reason);
bool tga_encode(struct encoded *to, const struct picture *picture, const char *path);

// NumPy's .npy files, versions 1 to 3: arrays whose axes are in this order, or [h, w],
// which is one channel, in either byte order and either memory order. u1, u2 and f4 are
// the kinds; f2 and f8 become f32, b1 u8 of 0 and 255; wider or signed integers become
// u16 (i1: u8) if all are 0 to 65535, and are refused otherwise. Floats must be finite.
// Written in little endian.
bool npy_is(const uint8_t *data, size_t size);
bool npy_accept(const uint8_t *data, size_t size, uint64_t whole,
                const struct picture_reading *reading, struct reason *reason);
bool npy_decode(const uint8_t *data, size_t size, const struct picture_reading *reading,
                struct picture *picture, struct reason *reason);
bool npy_find_kind(const uint8_t *data, size_t size, enum pixel_kind *kind);
bool npy_encode(struct encoded *to, const struct picture *picture,
                enum array_order order);

// TIFF (tiff.h). Without PIX_HAVE_TIFF there is only the first.
bool tiff_is(const uint8_t *data, size_t size);
bool tiff_decode(struct source *source, const struct picture_reading *reading,
                 struct picture *picture, struct reason *reason);
bool tiff_find_kind(struct source *source, const struct picture_reading *reading,
                    enum pixel_kind *kind, struct reason *reason);
bool tiff_encode(struct encoded *to, const struct picture *picture, const char *path);

// ---------------------------------------------------------------------------
// exif.c

// How the picture lies in a file, from its EXIF data, a TIFF file of `size` bytes: 2 to
// 8 as EXIF numbers it, 0 where it is upright or the data is damaged or does not say.
uint32_t exif_orientation(const uint8_t *data, size_t size);

// ---------------------------------------------------------------------------
// codec.c

// stb decodes a file that is cut off without complaint, so each kind checks first.
enum codec_state { CODEC_WHOLE, CODEC_TRUNCATED, CODEC_DAMAGED };

// True for CODEC_WHOLE, else false with the reason. `name` is that of the kind, "PNG".
bool codec_check_state(enum codec_state state, const char *name, struct reason *reason);

// Refuses sizes that no picture may have, or that are not wanted, before memory is
// asked for.
bool codec_check_size(uint64_t width, uint64_t height, bool is_u16,
                      const struct picture_reading *reading, struct reason *reason);
// The same with the bytes of a pixel that decoding takes.
bool codec_check_bytes(uint64_t width, uint64_t height, uint64_t bytes,
                       const struct picture_reading *reading, struct reason *reason);

// Refuses a file that is held whole and far larger than its image, whatever it has
// beside that: memory is bounded by what the header says.
bool codec_check_length(uint64_t size, uint64_t width, uint64_t height,
                        struct reason *reason);

// Rows that decoders have made on this thread: what is refused is refused before.
uint64_t codec_rows_decoded(void);
void codec_count_rows(uint32_t count);

// Decodes with stb: u8 of 1 to 4 channels.
bool codec_decode(const char *name, const uint8_t *data, size_t size,
                  const struct picture_reading *reading, struct picture *picture,
                  struct reason *reason);

// Writes a u8 picture as RGB: grey is repeated, alpha is dropped. `encode` is given
// [height][width][3] bytes and returns false if it fails. What has begun is ended;
// `path` is for messages.
bool codec_encode_rgb(struct encoded *to, const struct picture *picture,
                      const char *path,
                      bool (*encode)(struct encoded *to, const struct picture *picture,
                                     const uint8_t *rgb));

#endif
