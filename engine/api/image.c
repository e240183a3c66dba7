// SPDX-License-Identifier: MIT
//
// Images and arrays in the public API. See relay.h. They belong to no device, so there
// is no log: messages reach the caller by pix_last_error. What is read is emptied
// before anything else, so that it may be freed after a failure too.

#include "api/relay.h"

#include "base/file.h"
#include "base/mem.h"
#include "data/image.h"
#include "data/listing.h"
#include "data/picture_file.h"
#include "settings/choice.h"
#include "settings/settings.h"
#include "translate/losses.h"

#include <stdio.h>

const char *pix_image_kind(size_t index)
{
    return picture_file_kind(index);
}

const char *pix_image_kind_missing(size_t index)
{
    return picture_file_missing(index);
}

bool pix_image_read(const char *path, struct pix_image *image)
{
    if (!api_check_given(image, "pix_image_read", "image"))
        return false;
    *image = (struct pix_image){ 0 };
    return api_check_given(path, "pix_image_read", "path") && image_read(path, image);
}

bool pix_image_write(const char *path, const struct pix_image *image)
{
    if (!api_check_given(path, "pix_image_write", "path") ||
        !api_check_given(image, "pix_image_write", "image"))
        return false;
    if (!image->pixels || image->width == 0 || image->height == 0) {
        log_error("image: %s: there are no pixels to write", path);
        return false;
    }
    return image_write(path, image);
}

void pix_image_free(struct pix_image *image)
{
    if (image)
        image_free(image);
}

// A file, or one in memory, whose name is that of messages.
struct array_file {
    const char *name;
    bool in_memory;
    const void *bytes;
    size_t size;
};

static bool read_array(const struct array_file *file,
                       const struct picture_reading *reading, struct pix_array *array)
{
    struct picture picture;
    struct reason reason;
    const bool ok = file->in_memory
                        ? picture_read_memory(file->bytes, file->size, file->name,
                                              reading, &picture, &reason)
                        : picture_read_with(file->name, reading, &picture, &reason);
    if (!ok) {
        log_error("image: %s: %s", file->name, reason.text);
        return false;
    }
    file_notes_report(reading, &picture, file->name);
    // Hands the samples over: the picture is empty afterwards.
    *array = picture_to_array(&picture);
    return true;
}

static bool read_array_with(const struct array_file *file,
                            const struct pix_read_options *options,
                            struct pix_array *array)
{
    struct relay relay;
    relay_init(&relay, &options->log);
    const struct log_sink *before = log_use(&relay.sink);
    bool ok = settings_check_reading(options, "image");
    if (ok) {
        struct picture_reading reading = settings_parse_reading(options);
        reading.with_tags = true;
        ok = read_array(file, &reading, array);
    }
    log_use(before);
    return ok;
}

bool pix_array_read(const char *path, struct pix_array *array)
{
    if (!api_check_given(array, "pix_array_read", "array"))
        return false;
    *array = (struct pix_array){ 0 };
    return api_check_given(path, "pix_array_read", "path") &&
           read_array(&(struct array_file){ path },
                      &(struct picture_reading){ .with_tags = true }, array);
}

bool pix_array_read_with(const char *path, const struct pix_read_options *options,
                         struct pix_array *array)
{
    static const char function[] = "pix_array_read_with";
    if (!api_check_given(array, function, "array"))
        return false;
    *array = (struct pix_array){ 0 };
    return api_check_given(options, function, "options") &&
           api_check_given(path, function, "path") &&
           read_array_with(&(struct array_file){ path }, options, array);
}

bool pix_array_decode(const void *bytes, size_t size, const char *name,
                      const struct pix_read_options *options, struct pix_array *array)
{
    static const char function[] = "pix_array_decode";
    const struct array_file file = { name ? name : "data in memory", true, bytes,
                                     size };
    if (!api_check_given(array, function, "array"))
        return false;
    *array = (struct pix_array){ 0 };
    return (size == 0 || api_check_given(bytes, function, "bytes")) &&
           read_array_with(&file, options ? options : &(struct pix_read_options){ 0 },
                           array);
}

static const char *name_of(void *user, size_t index)
{
    (void)index;
    return user;
}

// What the file does not have of the tags.
static void report_losses(const char *name, const struct picture *picture)
{
    char subject[300];
    const uint32_t losses = losses_of(name, picture);
    snprintf(subject, sizeof(subject), "image: %s", name);
    losses_report(&losses, 1, name_of, (void *)name, subject);
}

// To a file, or to memory where `bytes` is not NULL.
static bool write_array(const char *name, const struct pix_write_options *options,
                        const struct pix_array *array, void **bytes, size_t *size)
{
    struct relay relay;
    struct picture picture;
    enum array_order order;
    relay_init(&relay, &options->log);
    const struct log_sink *before = log_use(&relay.sink);
    bool ok = settings_find_npy_order(options->npy_order, "image", &order) &&
              picture_from_array(array, &picture);
    if (ok) {
        // A copy of the samples, which stay the caller's.
        ok = bytes ? picture_write_to_memory(name, &picture, order, bytes, size)
                   : picture_write_ordered(name, &picture, order);
        if (ok)
            report_losses(name, &picture);
        picture_free(&picture);
    }
    log_use(before);
    return ok;
}

bool pix_array_write(const char *path, const struct pix_array *array)
{
    return api_check_given(path, "pix_array_write", "path") &&
           api_check_given(array, "pix_array_write", "array") &&
           write_array(path, &(struct pix_write_options){ 0 }, array, NULL, NULL);
}

bool pix_array_write_with(const char *path, const struct pix_write_options *options,
                          const struct pix_array *array)
{
    static const char function[] = "pix_array_write_with";
    return api_check_given(path, function, "path") &&
           api_check_given(options, function, "options") &&
           api_check_given(array, function, "array") &&
           write_array(path, options, array, NULL, NULL);
}

bool pix_array_encode(const char *name, const struct pix_write_options *options,
                      const struct pix_array *array, void **bytes, size_t *size)
{
    static const char function[] = "pix_array_encode";
    if (!api_check_given(bytes, function, "bytes") ||
        !api_check_given(size, function, "size"))
        return false;
    *bytes = NULL;
    *size = 0;
    return api_check_given(name, function, "name") &&
           api_check_given(array, function, "array") &&
           write_array(name, options ? options : &(struct pix_write_options){ 0 },
                       array, bytes, size);
}

void pix_array_free(struct pix_array *array)
{
    if (!array)
        return;
    mem_free(array->data);
    picture_tags_free(array->tags);
    *array = (struct pix_array){ 0 };
}

bool pix_array_copy_tags(const struct pix_array *from, struct pix_array *to)
{
    struct picture_tags *tags;
    if (!api_check_given(from, "pix_array_copy_tags", "from") ||
        !api_check_given(to, "pix_array_copy_tags", "to") ||
        !picture_tags_copy(from->tags, &tags))
        return false;
    picture_tags_free(to->tags);
    to->tags = tags;
    return true;
}

bool pix_array_has_extension(const char *path)
{
    return api_check_given(path, "pix_array_has_extension", "path") &&
           picture_has_known_extension(path);
}

bool pix_image_has_extension(const char *path)
{
    return api_check_given(path, "pix_image_has_extension", "path") &&
           picture_has_image_extension(path);
}

// The names of a folder's files that are wanted, in the order of file_list_read. The
// array and the names in it become the caller's, the other names are freed here.
// `function` is the public one, for messages.
static bool list_files(const char *function, const char *folder, char ***names,
                       uint32_t *count, bool (*is_wanted)(const char *name))
{
    struct file_list list;
    if (!api_check_given(folder, function, "folder") ||
        !api_check_given(names, function, "names") ||
        !api_check_given(count, function, "count"))
        return false;
    *names = NULL;
    *count = 0;
    if (!file_list_read(folder, &list))
        return false;
    size_t kept = 0;
    for (size_t i = 0; i < list.count; i++) {
        if (is_wanted(list.names[i]) && kept < UINT32_MAX)
            list.names[kept++] = list.names[i];
        else
            mem_free(list.names[i]);
    }
    *names = list.names;
    *count = (uint32_t)kept;
    return true;
}

bool pix_image_list(const char *folder, char ***names, uint32_t *count)
{
    return list_files("pix_image_list", folder, names, count,
                      picture_has_image_extension);
}

bool pix_array_list(const char *folder, char ***names, uint32_t *count)
{
    return list_files("pix_array_list", folder, names, count,
                      picture_has_known_extension);
}

bool pix_array_list_others(const char *folder, char *text, size_t size)
{
    struct listing list;
    if (!api_check_given(folder, "pix_array_list_others", "folder") ||
        !api_check_given(size > 0 ? text : NULL, "pix_array_list_others", "text"))
        return false;
    text[0] = '\0';
    if (!listing_read(folder, picture_has_known_extension, &list))
        return false;
    listing_describe_others(&list, text, size);
    listing_free(&list);
    return true;
}

void pix_image_list_free(char **names, uint32_t count)
{
    // The array was a file_list's, whichever of the two functions made it. What it has
    // behind `count` was moved forward or freed.
    struct file_list list = { names, count };
    file_list_free(&list);
}
