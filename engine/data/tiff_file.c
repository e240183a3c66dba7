// SPDX-License-Identifier: MIT
//
// libtiff over data/source.h and data/encoded.h. Its messages go to the reason of a
// failure or to the debug log; its global handlers, which are the application's, are
// not called. See tiff_inside.h.

#include "data/tiff_inside.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>

#if TIFFLIB_VERSION < 20221213
#error "libtiff is older than 4.5, which has messages for each file: set PIX_TIFF=OFF"
#endif

// A limit on what libtiff takes at once for itself: arrays of offsets and profiles.
// Buffers for samples are ours.
#define MOST_BYTES ((tmsize_t)48 << 20)
#define NEEDED_BYTES ((size_t)1 << 20)

// ---------------------------------------------------------------------------
// Messages

// libtiff has no codes for errors, but malloc sets errno.
static void note_memory(struct tiff_file *file)
{
    file->no_memory = file->no_memory || errno == ENOMEM;
}

PRINTF_LIKE(4, 0)
static int on_error(TIFF *tiff, void *user, const char *module, const char *format,
                    va_list args)
{
    struct tiff_file *file = user;
    const int error = errno;
    (void)tiff;
    note_memory(file);
    if (!file->fault[0]) {    // the first is the cause
        const int length =
            module ? snprintf(file->fault, sizeof(file->fault), "%s: ", module) : 0;
        const size_t used = MIN((size_t)MAX(length, 0), sizeof(file->fault) - 1);
        vsnprintf(file->fault + used, sizeof(file->fault) - used, format, args);
    }
    errno = error;
    return 1;
}

PRINTF_LIKE(4, 0)
static int on_warning(TIFF *tiff, void *user, const char *module, const char *format,
                      va_list args)
{
    struct tiff_file *file = user;
    const int error = errno;
    char text[200];
    (void)tiff;
    note_memory(file);
    vsnprintf(text, sizeof(text), format, args);
    // libjpeg makes up what is missing in its data, and warns.
    if (module && strcmp(module, "JPEGLib") == 0) {
        if (!file->is_garbled)
            snprintf(file->fault, sizeof(file->fault), "%.*s",
                     (int)sizeof(file->fault) - 1, text);
        file->is_garbled = true;
    }
    log_debug("image: libtiff: %s%s%s", module ? module : "", module ? ": " : "", text);
    errno = error;
    return 1;
}

void tiff_file_prepare(struct tiff_file *file)
{
    file->fault[0] = '\0';
    errno = 0;
}

bool tiff_file_check(struct tiff_file *file, bool ok, struct reason *reason)
{
    if (ok && !file->no_memory && !file->is_garbled)
        return true;
    if (!ok)
        note_memory(file);
    if (file->no_memory)
        return reason_refuse_memory(reason);
    if (file->failed_system) {
        *reason = file->system;
        return false;
    }
    if (file->hit_end)
        return reason_refuse(reason, "truncated TIFF: its data go on behind the end of "
                                     "the file");
    return reason_refuse(reason, "damaged or unsupported TIFF: %s", file->fault);
}

// ---------------------------------------------------------------------------
// The file

static tmsize_t on_read(thandle_t handle, void *bytes, tmsize_t size)
{
    struct tiff_file *file = handle;
    const int error = errno;
    struct reason reason;
    size_t count;
    if (!file->source || size < 0)
        return -1;
    if (!source_read(file->source, file->at, bytes, (size_t)size, &count, &reason)) {
        if (!file->failed_system)
            file->system = reason;
        file->failed_system = true;
        return -1;
    }
    file->at += count;
    file->hit_end = file->hit_end || count < (size_t)size;
    errno = error;    // what streams leave there is no sign of missing memory
    return (tmsize_t)count;
}

static tmsize_t on_write(thandle_t handle, void *bytes, tmsize_t size)
{
    struct tiff_file *file = handle;
    if (!file->to || file->failed_system || size < 0 ||
        !encoded_put(file->to, file->at, bytes, (size_t)size)) {
        file->failed_system = true;
        return -1;
    }
    file->at += (uint64_t)size;
    file->size = MAX(file->size, file->at);
    return size;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int from)
{
    struct tiff_file *file = handle;
    file->at = offset + (from == SEEK_CUR   ? file->at
                         : from == SEEK_END ? file->size
                                            : 0);
    return file->at;
}

// The stream is the caller's.
static int on_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t on_size(thandle_t handle)
{
    const struct tiff_file *file = handle;
    return file->size;
}

// libtiff (4.5) crashes where it lacks the memory for its tables of tags, which are
// small: it is only called where there is more.
static bool has_memory(void)
{
    void *memory = mem_alloc(NEEDED_BYTES);
    mem_free(memory);
    return memory != NULL;
}

bool tiff_file_open(struct tiff_file *file, const char *mode, struct reason *reason)
{
    struct log_capture capture;    // the reason says it
    log_capture_begin(&capture);
    const bool has = has_memory();
    log_capture_end(&capture);
    if (!has)
        return reason_refuse_memory(reason);
    tiff_file_prepare(file);
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return reason_refuse_memory(reason);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, file);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, file);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, MOST_BYTES);
    // Without a function that maps files nothing is mapped.
    file->tiff = TIFFClientOpenExt("TIFF", mode, file, on_read, on_write, on_seek,
                                   on_close, on_size, NULL, NULL, options);
    const bool ok = tiff_file_check(file, file->tiff != NULL, reason);
    TIFFOpenOptionsFree(options);
    return ok;
}

bool tiff_file_read(struct tiff_file *file, uint64_t offset, void *bytes, size_t size,
                    struct reason *reason)
{
    size_t count;
    return source_read(file->source, offset, bytes, size, &count, reason) &&
           (count == size || reason_refuse(reason, "truncated TIFF"));
}

void tiff_file_close(struct tiff_file *file)
{
    if (file->tiff)
        TIFFClose(file->tiff);
    file->tiff = NULL;
}
