// SPDX-License-Identifier: MIT
//
// A sorted list, and its file. See tuning.h.

#include "ops/tuning.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "pix2pix tuning 1"

// More is not a table: that of a thousand networks is smaller.
#define MAX_BYTES ((size_t)16 << 20)

// ---------------------------------------------------------------------------
// The list

void tuning_finish(struct tuning *t)
{
    for (size_t i = 0; i < t->count; i++) {
        mem_free(t->entries[i].shape);
        mem_free(t->entries[i].variant);
    }
    mem_free(t->entries);
    mem_free(t->device);
    mem_free(t->driver);
    mem_free(t->shaders);
    *t = (struct tuning){ 0 };
}

bool tuning_set_origin(struct tuning *t, const char *device, const char *driver,
                       const char *shaders)
{
    char **const texts[] = { &t->device, &t->driver, &t->shaders };
    const char *const values[] = { device, driver, shaders };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        mem_free(*texts[i]);
        *texts[i] = mem_strdup(values[i]);
        if (!*texts[i])
            return false;
    }
    return true;
}

// A table that was never measured has NULL where one read from a file has "".
static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

bool tuning_same_origin(const struct tuning *a, const struct tuning *b)
{
    return same_text(a->device, b->device) && same_text(a->driver, b->driver) &&
           same_text(a->shaders, b->shaders);
}

// The first entry that is not before `shape`. The list is sorted, so that equal tables
// have equal files and hashes, in whatever order they were measured.
static size_t place_of(const struct tuning *t, const char *shape)
{
    size_t low = 0, high = t->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(t->entries[middle].shape, shape) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct tuning *t, size_t place, const char *shape)
{
    return place < t->count && strcmp(t->entries[place].shape, shape) == 0;
}

const struct tuning_entry *tuning_entry(const struct tuning *t, const char *shape)
{
    const size_t place = place_of(t, shape);
    return is_at(t, place, shape) ? &t->entries[place] : NULL;
}

bool tuning_set(struct tuning *t, const char *shape, const char *variant, bool untimed)
{
    const size_t place = place_of(t, shape);
    const bool exists = is_at(t, place, shape);
    // All memory first, so that a failure leaves the table unchanged.
    char *name = mem_strdup(variant);
    char *key = name && !exists ? mem_strdup(shape) : NULL;
    if (!name || (!exists && (!key || !mem_grow(&t->entries, &t->capacity, t->count + 1,
                                                sizeof(t->entries[0]))))) {
        mem_free(key);
        mem_free(name);
        return false;
    }
    struct tuning_entry *entry = &t->entries[place];
    if (exists) {
        mem_free(entry->variant);
        entry->variant = name;
        entry->untimed = untimed;
        return true;
    }
    memmove(entry + 1, entry, (t->count - place) * sizeof(*entry));
    *entry = (struct tuning_entry){ key, name, untimed };
    t->count++;
    return true;
}

const struct conv_variant *tuning_find(const struct tuning *t,
                                       const struct conv_shape *s)
{
    char text[CONV_SHAPE_TEXT_SIZE];
    const struct tuning_entry *entry =
        t && t->count ? tuning_entry(t, conv_shape_text(s, text)) : NULL;
    return entry ? conv_variant_find(entry->variant) : NULL;
}

const char *tuning_hash(const struct tuning *t, char text[HASH_TEXT_SIZE])
{
    // Neither the origin nor `untimed` decides which kernels run.
    uint64_t hash = HASH_START;
    for (size_t i = 0; i < t->count; i++)
        hash = hash_text(hash_text(hash, t->entries[i].shape), t->entries[i].variant);
    return hash_digits(hash, text);
}

// ---------------------------------------------------------------------------
// The file

static bool refuse(char *reason, size_t size, const char *why)
{
    snprintf(reason, size, "%s", why);
    return false;
}

// "" where there is none.
static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static bool read_kernels(json_t *kernels, struct tuning *t, char *reason, size_t size)
{
    const char *shape;
    json_t *variant;
    if (!json_is_object(kernels))
        return refuse(reason, size, "it has no object \"kernels\"");
    json_object_foreach(kernels, shape, variant) {
        if (!json_is_string(variant))
            return refuse(reason, size, "a kernel in it is not a string");
        if (!tuning_set(t, shape, json_string_value(variant), false))
            return refuse(reason, size, "out of memory");
    }
    return true;
}

// Fills `t`, which on failure holds what was read so far.
static bool read_document(json_t *document, struct tuning *t, char *reason, size_t size)
{
    const json_t *untimed = json_object_get(document, "untimed");
    if (strcmp(text_of(document, "format"), FORMAT) != 0)
        return refuse(reason, size, "its \"format\" is not \"" FORMAT "\"");
    if (!tuning_set_origin(t, text_of(document, "device"), text_of(document, "driver"),
                           text_of(document, "shaders")))
        return refuse(reason, size, "out of memory");
    if (!read_kernels(json_object_get(document, "kernels"), t, reason, size))
        return false;
    // What is not among the kernels says nothing and is left out.
    for (size_t i = 0; i < json_array_size(untimed); i++) {
        const char *text = json_string_value(json_array_get(untimed, i));
        const size_t place = text ? place_of(t, text) : 0;
        if (text && is_at(t, place, text))
            t->entries[place].untimed = true;
    }
    return true;
}

bool tuning_read(const char *path, struct tuning *t, char *reason, size_t reason_size)
{
    struct tuning found = { 0 };
    void *data = NULL;
    size_t size = 0;
    struct reason why;
    if (!file_load(path, MAX_BYTES, &data, &size, &why))
        return refuse(reason, reason_size, why.text);
    // The parser logs what is wrong, but a table that cannot be read is not always an
    // error: the caller decides.
    struct log_capture capture;
    log_capture_begin(&capture);
    json_t *document = json_parse(data, size, "it");
    const char *error = log_capture_end(&capture);
    bool ok = document ? read_document(document, &found, reason, reason_size)
                       : refuse(reason, reason_size, error);
    json_decref(document);
    mem_free(data);
    if (ok)
        *t = found;
    else
        tuning_finish(&found);
    return ok;
}

static json_t *to_json(const struct tuning *t)
{
    json_t *object = json_object(), *kernels = json_object(), *untimed = json_array();
    for (size_t i = 0; i < t->count; i++) {
        const struct tuning_entry *e = &t->entries[i];
        json_add(&kernels, e->shape, json_from_text(e->variant));
        if (e->untimed)
            json_append(&untimed, json_from_text(e->shape));
    }
    json_add(&object, "format", json_string(FORMAT));
    json_add(&object, "device", json_from_text(t->device ? t->device : ""));
    json_add(&object, "driver", json_from_text(t->driver ? t->driver : ""));
    json_add(&object, "shaders", json_from_text(t->shaders ? t->shaders : ""));
    json_add(&object, "kernels", kernels);
    json_add(&object, "untimed", untimed);
    return object;
}

bool tuning_write(const char *path, const struct tuning *t)
{
    json_t *object = to_json(t);
    char *lines = json_lines(object);
    bool ok = lines && file_write(path, lines, strlen(lines));
    mem_free(lines);
    json_decref(object);
    return ok;
}
