// SPDX-License-Identifier: MIT
//
// What a sum covers is fed as texts, so that it does not depend on the machine. See
// sums.h.

#include "formats/sums.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sum.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COVERED "pix2pix."    // how the keys of covered texts begin
#define DIGITS 16

// ---------------------------------------------------------------------------
// The header

static int compare_keys(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return strcmp(*left, *right);
}

// The keys of an object, sorted, which belong to it. The caller frees the array.
static const char **sorted_keys(json_t *object)
{
    const size_t count = json_object_size(object);
    const char **keys = mem_array(MAX(count, (size_t)1), sizeof(*keys));
    const char *key;
    json_t *value;
    size_t i = 0;
    if (!keys)
        return NULL;
    json_object_foreach(object, key, value)
        keys[i++] = key;
    qsort(keys, count, sizeof(*keys), compare_keys);
    return keys;
}

// Every part ends with a 0, so that no two headers give the same bytes.
static void add_member(struct sum *sum, const char *text)
{
    sum_add_text(sum, text ? text : "");
}

static void add_tensor(struct sum *sum, const char *name, const json_t *tensor)
{
    const json_t *shape = json_object_get(tensor, "shape");
    add_member(sum, name);
    add_member(sum, json_string_value(json_object_get(tensor, "dtype")));
    for (size_t i = 0; i < json_array_size(shape); i++) {
        char side[32];
        snprintf(side, sizeof(side), "%" PRId64,
                 (int64_t)json_integer_value(json_array_get(shape, i)));
        add_member(sum, side);
    }
    add_member(sum, "");
}

bool sums_of_header(json_t *header, uint64_t *value)
{
    json_t *metadata = json_object_get(header, SUMS_METADATA);
    struct sum *sum = sum_create();
    const char **texts = sorted_keys(metadata), **tensors = sorted_keys(header);
    bool ok = sum && texts && tensors;
    for (size_t i = 0; ok && i < json_object_size(metadata); i++)
        if (strncmp(texts[i], COVERED, strlen(COVERED)) == 0 &&
            strcmp(texts[i], SUMS_KEY) != 0) {
            add_member(sum, texts[i]);
            add_member(sum, json_string_value(json_object_get(metadata, texts[i])));
        }
    for (size_t i = 0; ok && i < json_object_size(header); i++)
        if (strcmp(tensors[i], SUMS_METADATA) != 0)
            add_tensor(sum, tensors[i], json_object_get(header, tensors[i]));
    if (ok)
        *value = sum_end(sum);
    mem_free(tensors);
    mem_free(texts);
    sum_destroy(sum);
    return ok;
}

bool sums_parse(const char *text, uint64_t *value)
{
    if (!text || strlen(text) != DIGITS || strspn(text, "0123456789abcdef") != DIGITS)
        return false;
    *value = strtoull(text, NULL, 16);
    return true;
}

// ---------------------------------------------------------------------------
// Tensors

bool sums_add(struct sums *s, const char *name, uint64_t end)
{
    if (!s->sum)
        s->sum = sum_create();
    if (!s->sum || !mem_grow(&s->items, &s->capacity, s->count + 1, sizeof(*s->items)))
        return false;
    struct sums_item *item = &s->items[s->count];
    *item = (struct sums_item){ mem_strdup(name), end, 0 };
    if (!item->name)
        return false;
    s->count++;
    return true;
}

void sums_feed(struct sums *s, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    // Tensors without bytes end where they begin.
    for (;;) {
        while (s->done < s->count && s->items[s->done].end == s->at)
            s->items[s->done++].value = sum_end(s->sum);
        if (size == 0)
            return;
        assert(s->done < s->count);
        const uint64_t left = s->items[s->done].end - s->at;
        const size_t part = (size_t)MIN(left, (uint64_t)size);
        sum_add(s->sum, bytes, part);
        s->at += part;
        bytes += part;
        size -= part;
    }
}

char *sums_text(const struct sums *s, uint64_t header)
{
    char digits[HASH_TEXT_SIZE];
    json_t *object = json_object(), *tensors = json_object();
    for (size_t i = 0; i < s->count; i++)
        json_add(&tensors, s->items[i].name,
                 json_string(hash_digits(s->items[i].value, digits)));
    json_add(&object, "header", json_string(hash_digits(header, digits)));
    json_add(&object, "tensors", tensors);
    return json_text(object);
}

void sums_finish(struct sums *s)
{
    for (size_t i = 0; i < s->count; i++)
        mem_free(s->items[i].name);
    mem_free(s->items);
    sum_destroy(s->sum);
    *s = (struct sums){ 0 };
}
