// SPDX-License-Identifier: MIT
//
// See picture_file.h.

#include "data/picture_file.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/alpha.h"
#include "data/codec.h"
#include "data/encoded.h"
#include "data/jpeg_library.h"

#include <stdio.h>
#include <string.h>

// stb counts bytes as int.
#define STB_PIXELS ((uint64_t)INT32_MAX / 4)

// A kind of file. A new one is a row below, functions in codec.h, and its extension in
// picture_file.h.
struct file_kind {
    const char *name;                                // what it is, and by which library
    const char *extensions[2];                       // in lower case
    bool (*is)(const uint8_t *data, size_t size);    // NULL: only the name says it
    // Files that are held whole: before and after they are read. NULL for others.
    bool (*accept)(const uint8_t *data, size_t size, uint64_t whole,
                   const struct picture_reading *reading, struct reason *reason);
    bool (*decode)(const uint8_t *data, size_t size,
                   const struct picture_reading *reading, struct picture *picture,
                   struct reason *reason);
    // Others are read from where they are.
    bool (*decode_source)(struct source *source, const struct picture_reading *reading,
                          struct picture *picture, struct reason *reason);
    // NULL for arrays, which are written in an order of the axes.
    bool (*encode)(struct encoded *to, const struct picture *picture, const char *path);
    // NULL: always u8.
    bool (*find_kind)(const uint8_t *data, size_t size, enum pixel_kind *kind);
    bool holds[PIXEL_KINDS];
    uint32_t channels_max;
    bool drops_alpha;             // of 2 and 4 channels
    uint32_t side_max;            // of what is written; 0: PICTURE_MAX_SIDE
    uint64_t pixels_max;          // the same; 0: any
    bool is_array;                // channels are not colours
    struct picture_holds tags;    // of picture.tags
    // In place of find_kind where the first bytes do not say.
    bool (*find_source_kind)(struct source *source,
                             const struct picture_reading *reading,
                             enum pixel_kind *kind, struct reason *reason);
};

static bool is_webp(const uint8_t *data, size_t size)
{
    return size >= 12 && memcmp(data, "RIFF", 4) == 0 &&
           memcmp(data + 8, "WEBP", 4) == 0;
}

static const struct file_kind kinds[] = {
    {
        .name = "PNG",
        .extensions = { ".png" },
        .is = png_is,
        .decode_source = png_decode,
        .encode = png_encode,
        .find_kind = png_find_kind,
        .holds = { [PIXEL_U8] = true, [PIXEL_U16] = true },
        .channels_max = 4,
        .tags = { .profile = true, .palette = true },
    },
    {
        .name = "JPEG (" JPEG_LIBRARY ")",
        .extensions = { ".jpg", ".jpeg" },
        .is = jpeg_is,
        .decode_source = jpeg_decode,
        .encode = jpeg_encode,
        .holds = { [PIXEL_U8] = true },
        .channels_max = 4,
        .drops_alpha = true,
        .side_max = 65500,
        .tags = { .profile = true, .is_rgb = true },
    },
#ifdef PIX_HAVE_WEBP
    {
        .name = "WebP",
        .extensions = { ".webp" },
        .is = is_webp,
        .accept = webp_accept,
        .decode = webp_decode,
        .encode = webp_encode,
        .holds = { [PIXEL_U8] = true },
        .channels_max = 4,
        .side_max = 16383,
        .tags = { .profile = true, .is_rgb = true },
    },
#endif
    {
        .name = "BMP",
        .extensions = { ".bmp" },
        .is = bmp_is,
        .accept = bmp_accept,
        .decode = bmp_decode,
        .encode = bmp_encode,
        .holds = { [PIXEL_U8] = true },
        .channels_max = 4,
        .drops_alpha = true,
        .pixels_max = STB_PIXELS,
    },
    {
        .name = "TGA",
        .extensions = { ".tga" },
        .accept = tga_accept,
        .decode = tga_decode,
        .encode = tga_encode,
        .holds = { [PIXEL_U8] = true },
        .channels_max = 4,
        .drops_alpha = true,
        .side_max = UINT16_MAX,
        .pixels_max = STB_PIXELS,
    },
#ifdef PIX_HAVE_TIFF
    {
        .name = "TIFF",
        .extensions = { ".tif", ".tiff" },
        .is = tiff_is,
        .decode_source = tiff_decode,
        .encode = tiff_encode,
        .find_source_kind = tiff_find_kind,
        .holds = { [PIXEL_U8] = true, [PIXEL_U16] = true, [PIXEL_F32] = true },
        .channels_max = PIXEL_MAX_CHANNELS,
        .tags = { .place = true, .profile = true, .palette = true },
    },
#endif
    {
        .name = "NPY",
        .extensions = { ".npy" },
        .is = npy_is,
        .accept = npy_accept,
        .decode = npy_decode,
        .find_kind = npy_find_kind,
        .holds = { [PIXEL_U8] = true, [PIXEL_U16] = true, [PIXEL_F32] = true },
        .channels_max = PIXEL_MAX_CHANNELS,
        .is_array = true,
    },
};

// Kinds whose library this build is without; the last row has no name.
static const struct missing_kind {
    const char *name, *library;
    bool (*is)(const uint8_t *data, size_t size);
} missing_kinds[] = {
#ifndef PIX_HAVE_TIFF
    { "TIFF", "libtiff", tiff_is },
#endif
#ifndef PIX_HAVE_WEBP
    { "WebP", "libwebp", is_webp },
#endif
    { NULL, NULL, NULL },
};

// ---------------------------------------------------------------------------
// Which kind of file

// Compares ASCII letters without their case; `lower` is in lower case.
static bool is_same_text(const char *text, const char *lower)
{
    while (*text && *lower &&
           (*text >= 'A' && *text <= 'Z' ? *text + 32 : *text) == *lower) {
        text++;
        lower++;
    }
    return *text == '\0' && *lower == '\0';
}

static const struct file_kind *find_by_name(const char *name)
{
    const char *extension = file_extension(name);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        for (size_t k = 0; k < ARRAY_LEN(kinds[i].extensions); k++)
            if (kinds[i].extensions[k] &&
                is_same_text(extension, kinds[i].extensions[k]))
                return &kinds[i];
    return NULL;
}

// Images often have the extension of another kind, so what they hold decides.
static const struct file_kind *find_by_content(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kinds[i].is && kinds[i].is(data, size))
            return &kinds[i];
    return NULL;
}

const char *picture_file_kind(size_t index)
{
    return index < ARRAY_LEN(kinds) ? kinds[index].name : NULL;
}

const char *picture_file_missing(size_t index)
{
    return index < ARRAY_LEN(missing_kinds) ? missing_kinds[index].name : NULL;
}

bool picture_has_known_extension(const char *name)
{
    return find_by_name(name) != NULL;
}

const char *picture_jpeg_decoder(void)
{
    return JPEG_LIBRARY;
}

bool picture_has_extension_of(const char *name,
                              bool (*is)(const uint8_t *data, size_t size))
{
    const struct file_kind *kind = find_by_name(name);
    return kind && kind->is == is;
}

bool picture_has_jpeg_extension(const char *name)
{
    return picture_has_extension_of(name, jpeg_is);
}

bool picture_has_image_extension(const char *name)
{
    const struct file_kind *kind = find_by_name(name);
    return kind && !kind->is_array;
}

bool picture_has_foreign_extension(const char *name)
{
    static const char *const foreign[] = {
        ".tif",  ".tiff", ".webp", ".jfif", ".gif", ".avif", ".heic",
        ".heif", ".jp2",  ".jxl",  ".exr",  ".hdr", ".pgm",  ".ppm",
        ".pbm",  ".pnm",  ".psd",  ".dcm",  ".dng", ".npz",
    };
    const char *extension = file_extension(name);
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
        if (is_same_text(extension, foreign[i]))
            return true;
    return false;
}

// ---------------------------------------------------------------------------
// Reading

// Kinds that come under the names of others, by bytes at their beginning.
#define CONVERT "convert it to PNG or JPEG"
static const struct foreign_kind {
    size_t offset;
    const char *bytes, *name, *hint;
} foreign_kinds[] = {
    { 4, "ftypheic", "HEIC image", CONVERT },
    { 4, "ftypheix", "HEIC image", CONVERT },
    { 4, "ftypmif1", "HEIC image", CONVERT },
    { 4, "ftypmsf1", "HEIC image", CONVERT },
    { 4, "ftypavif", "AVIF image", CONVERT },
    { 4, "jP  \r\n", "JPEG 2000 image", CONVERT },
    { 4, "JXL \r\n", "JPEG XL image", CONVERT },
    { 0, "GIF8", "GIF image", CONVERT },
    { 0, "8BPS", "PSD image", CONVERT },
    { 0, "%PDF", "PDF", CONVERT },
    { 0, "<html", "web page", "download the image itself" },
    { 0, "<!doctype", "web page", "download the image itself" },
    { 0, "<!DOCTYPE", "web page", "download the image itself" },
    { 0, "version https://git-lfs", "Git LFS pointer",
      "fetch the image (git lfs pull)" },
};

static bool refuse_unknown(const uint8_t *data, size_t size, struct reason *reason)
{
    for (const struct missing_kind *m = missing_kinds; m->name; m++)
        if (m->is(data, size))
            return reason_refuse(reason,
                                 "a %s, which this build, without %s, cannot read",
                                 m->name, m->library);
    for (size_t i = 0; i < ARRAY_LEN(foreign_kinds); i++) {
        const struct foreign_kind *k = &foreign_kinds[i];
        const size_t length = strlen(k->bytes);
        if (size >= k->offset + length &&
            memcmp(data + k->offset, k->bytes, length) == 0)
            return reason_refuse(reason, "not an image that is read, but a %s: %s",
                                 k->name, k->hint);
    }
    return reason_refuse(reason, PICTURE_UNKNOWN);
}

// NULL with a reason where the first bytes are those of no kind.
static const struct file_kind *find_kind(const char *path, const uint8_t *data,
                                         size_t size, struct reason *reason)
{
    const struct file_kind *named = find_by_name(path);
    const struct file_kind *kind = find_by_content(data, size);
    if (size == 0)
        reason_refuse(reason, "the file is empty");
    else if (!kind && named && named->is_array)
        reason_refuse(reason, "not a .npy array");
    else if (!kind && named && !named->is && tga_may_be(data, size))
        kind = named;
    else if (!kind)
        refuse_unknown(data, size, reason);
    return kind;
}

// The rest of a file that is held whole may be large: its first bytes are asked first.
static bool decode(const struct file_kind *kind, struct source *source,
                   const uint8_t *head, size_t size,
                   const struct picture_reading *reading, struct picture *picture,
                   struct reason *reason)
{
    if (kind->decode_source)
        return kind->decode_source(source, reading, picture, reason);
    return kind->accept(head, size, source->size, reading, reason) &&
           source_hold(source, reason) &&
           kind->decode(source->bytes, (size_t)source->size, reading, picture, reason);
}

static bool read_source(const char *path, struct source *source,
                        const struct picture_reading *reading, struct picture *picture,
                        struct reason *reason)
{
    uint8_t head[FILE_HEAD];
    size_t size;
    if (!source_read(source, 0, head, sizeof(head), &size, reason))
        return false;
    const struct file_kind *kind = find_kind(path, head, size, reason);
    return kind && decode(kind, source, head, size, reading, picture, reason);
}

// What is done to the samples of every kind of file.
static bool finish(const struct picture_reading *reading, struct picture *picture,
                   struct reason *reason)
{
    if ((reading->as_stored || picture->orientation == 0 ||
         picture_turn_upright(picture, picture->orientation)) &&
        alpha_apply(picture, reading->alpha))
        return true;
    picture_free(picture);
    return reason_refuse_memory(reason);
}

bool picture_read_with(const char *path, const struct picture_reading *reading,
                       struct picture *picture, struct reason *reason)
{
    struct source source;
    *picture = (struct picture){ 0 };
    const bool ok = source_open(&source, path, reason) &&
                    read_source(path, &source, reading, picture, reason);
    source_close(&source);
    return ok && finish(reading, picture, reason);
}

bool picture_read_memory(const void *bytes, size_t size, const char *name,
                         const struct picture_reading *reading, struct picture *picture,
                         struct reason *reason)
{
    struct source source = source_of_memory(bytes, size);
    *picture = (struct picture){ 0 };
    return read_source(name, &source, reading, picture, reason) &&
           finish(reading, picture, reason);
}

bool picture_read(const char *path, struct picture *picture, struct reason *reason)
{
    return picture_read_with(path, &(struct picture_reading){ 0 }, picture, reason);
}

static bool find_source_kind(const char *path, struct source *source,
                             const struct picture_reading *reading,
                             enum pixel_kind *kind, struct reason *reason)
{
    uint8_t head[FILE_HEAD];    // enough for the header of every kind
    size_t size;
    if (!source_read(source, 0, head, sizeof(head), &size, reason))
        return false;
    const struct file_kind *named = find_by_name(path);
    const struct file_kind *file = find_by_content(head, size);
    if (!file && named && !named->is)
        file = named;
    *kind = PIXEL_U8;
    if (size && file && file->find_source_kind)
        return file->find_source_kind(source, reading, kind, reason);
    if (size && file && (!file->find_kind || file->find_kind(head, size, kind)))
        return true;
    return reason_refuse(reason, "its first bytes are not those of an image");
}

bool picture_find_kind(const char *path, const struct picture_reading *reading,
                       enum pixel_kind *kind, struct reason *reason)
{
    struct source source;
    const bool ok = source_open(&source, path, reason) &&
                    find_source_kind(path, &source, reading, kind, reason);
    source_close(&source);
    return ok;
}

void picture_tell_of_turning(const char *path, uint32_t orientation, size_t turned,
                             size_t count)
{
    if (count == 1)
        log_info("image: %s was turned upright, as its EXIF orientation, %u, asks "
                 "for" PICTURE_KEEP,
                 path, (unsigned)orientation);
    else
        log_info("image: %zu of %zu images %s EXIF orientation asks for (first: %s, "
                 "orientation %u)" PICTURE_KEEP,
                 turned, count,
                 turned == 1 ? "was turned upright, as its"
                             : "were turned upright, as their",
                 path, (unsigned)orientation);
}

void picture_warn_of_cut(const char *path, size_t cut, size_t count)
{
    if (count == 1)
        log_warn("image: %s ends early: what is missing is grey", path);
    else
        log_warn("image: %zu of %zu images %s early: what is missing is grey (first: "
                 "%s)",
                 cut, count, cut == 1 ? "ends" : "end", path);
}

void picture_tell_of_pages(const char *path, uint32_t pages, size_t images,
                           size_t count, const char *name)
{
    if (count == 1)
        log_info("image: %s has %u pages, of which the first is used; --page N uses "
                 "another",
                 path, (unsigned)pages);
    else
        log_info("image: %zu of %zu %ss %s several pages, of which the first is used "
                 "(first: %s, %u pages); --page N uses another",
                 images, count, name, images == 1 ? "has" : "have", path,
                 (unsigned)pages);
}

// ---------------------------------------------------------------------------
// Writing

static bool holds(const struct file_kind *file, enum pixel_kind kind, uint32_t channels)
{
    return channels <= file->channels_max && file->holds[kind];
}

bool picture_can_be_written(const char *name, enum pixel_kind kind, uint32_t channels)
{
    const struct file_kind *file = find_by_name(name);
    return file && holds(file, kind, channels) &&
           !(file->drops_alpha && (channels == 2 || channels == 4));
}

// Names the extensions that can hold such a picture: ".png or .npy".
static void suggest(enum pixel_kind kind, uint32_t channels, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(kinds) && length < size; i++)
        if (holds(&kinds[i], kind, channels))
            length += (size_t)snprintf(text + length, size - length, "%s%s",
                                       length ? " or " : "", kinds[i].extensions[0]);
}

struct picture_holds picture_file_holds(const char *name)
{
    const struct file_kind *file = find_by_name(name);
    return file ? file->tags : (struct picture_holds){ 0 };
}

enum pixel_kind picture_kind_held(const char *name, enum pixel_kind kind,
                                  uint32_t channels)
{
    const struct file_kind *file = find_by_name(name);
    if (!file || holds(file, kind, channels))
        return kind;
    for (int k = (int)kind - 1; k >= 0; k--)
        if (holds(file, (enum pixel_kind)k, channels))
            return (enum pixel_kind)k;
    return kind;
}

bool picture_check_file(const char *path, const struct picture *p)
{
    const struct file_kind *file = find_by_name(path);
    const uint32_t side = file && file->side_max ? file->side_max : PICTURE_MAX_SIDE;
    const uint64_t pixels = (uint64_t)p->width * p->height;
    if (!picture_size_is_valid(p->width, p->height,
                               (uint64_t)p->channels * pixel_bytes(p->kind))) {
        log_error("image: %s: an image of %ux%u cannot be written", path,
                  (unsigned)p->width, (unsigned)p->height);
        return false;
    }
    if (!file) {
        log_error("image: %s: the extension must be one of " PICTURE_EXTENSIONS, path);
        return false;
    }
    if (!holds(file, p->kind, p->channels)) {
        char others[64];
        suggest(p->kind, p->channels, others, sizeof(others));
        log_error("image: %s: this format cannot hold %u channel%s of %s: use %s", path,
                  (unsigned)p->channels, PLURAL(p->channels), pixel_kind_name(p->kind),
                  others);
        return false;
    }
    if (p->width > side || p->height > side ||
        (file->pixels_max && pixels > file->pixels_max)) {
        log_error("image: %s: this format cannot hold an image of %ux%u: use .png",
                  path, (unsigned)p->width, (unsigned)p->height);
        return false;
    }
    return true;
}

static bool encode(struct encoded *to, const struct picture *p, enum array_order order,
                   const char *path)
{
    const struct file_kind *file = find_by_name(path);
    return file->is_array ? npy_encode(to, p, order) : file->encode(to, p, path);
}

bool picture_write_ordered(const char *path, const struct picture *p,
                           enum array_order order)
{
    if (!picture_check_file(path, p))
        return false;
    struct encoded to;
    return encoded_begin(&to, path) && encode(&to, p, order, path);
}

bool picture_write_to_memory(const char *name, const struct picture *p,
                             enum array_order order, void **bytes, size_t *size)
{
    struct encoded to;
    if (!picture_check_file(name, p))
        return false;
    encoded_begin_memory(&to);
    if (!encode(&to, p, order, name))
        return false;
    *bytes = to.bytes;
    *size = to.size;
    return true;
}

bool picture_write(const char *path, const struct picture *p)
{
    return picture_write_ordered(path, p, ARRAY_CHW);
}

bool picture_encode(const struct picture *picture, bool as_jpeg, const char *path,
                    void **data, size_t *size)
{
    struct picture shown = { 0 };
    struct encoded to;
    *data = NULL;
    uint8_t *rgb = mem_array((size_t)picture->width * 3, picture->height);
    bool ok =
        rgb && picture_create(&shown, PIXEL_U8, 3, picture->width, picture->height);
    if (ok) {
        picture_get_rgb(picture, rgb);
        picture_set_interleaved(&shown, rgb);
        encoded_begin_memory(&to);
        ok = as_jpeg ? jpeg_encode(&to, &shown, path) : png_encode(&to, &shown, path);
    }
    if (ok) {
        *data = to.bytes;
        *size = to.size;
    }
    picture_free(&shown);
    mem_free(rgb);
    return ok;
}
