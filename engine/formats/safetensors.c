// SPDX-License-Identifier: MIT
//
// The header is one JSON object:
//
//     { "__metadata__": { KEY: TEXT, ... },
//       NAME: { "dtype": "F32", "shape": [64, 3, 4, 4], "data_offsets": [0, 12288] },
//       ... }
//
// Offsets count from the end of the header. Numbers are little-endian, as on every
// machine that has Vulkan. See safetensors.h.

#include "formats/safetensors.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/sum.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_SIZE 8             // bytes that hold the size of the header
#define HEADER_MAX (16u << 20)    // bytes; that of a large network has about 60 KiB
#define TENSORS_MAX 65536u        // in one file

struct kind {
    const char *name;
    uint32_t size;    // bytes of an element
};

// All kinds of the format, so that files with other tensors are described as well.
static const struct kind kinds[] = {
    { "F32", 4 }, { "I64", 8 }, { "F64", 8 },  { "F16", 2 }, { "BF16", 2 },
    { "I32", 4 }, { "I16", 2 }, { "I8", 1 },   { "U64", 8 }, { "U32", 4 },
    { "U16", 2 }, { "U8", 1 },  { "BOOL", 1 },
};

struct safetensors {
    char *path;
    FILE *stream;
    uint64_t size;    // of the file, bytes
    json_t *header;
    uint64_t data;                        // offset of the values in the file, bytes
    struct safetensors_entry *entries;    // sorted by name
    size_t count, capacity;
    bool has_sums;
    bool is_damaged;    // the content is known to be wrong
};

// ---------------------------------------------------------------------------
// The file

static bool foreign(struct safetensors *s, const char *why)
{
    log_error("safetensors: %s is not a file of weights: %s", s->path, why);
    s->is_damaged = true;
    return false;
}

// The stream ended where there should be more. The error comes from the system; without
// one the file was made shorter after it was measured.
static void report_short(struct safetensors *s, const char *what)
{
    s->is_damaged = !ferror(s->stream);
    if (s->is_damaged)
        log_error("safetensors: %s is cut short: it ends inside %s", s->path, what);
    else
        log_error("safetensors: cannot read %s of %s: %s", what, s->path,
                  os_error_text());
}

// Reads the size of the header and the header, a JSON object. NULL after one message.
static json_t *read_header(struct safetensors *s)
{
    uint8_t prefix[PREFIX_SIZE];
    size_t count = fread(prefix, 1, sizeof(prefix), s->stream);
    if (ferror(s->stream)) {
        log_error("safetensors: cannot read %s: %s", s->path, os_error_text());
        return NULL;
    }
    if (count < sizeof(prefix) || s->size < sizeof(prefix)) {
        foreign(s, count ? "it has fewer than 8 bytes" : "it is empty");
        return NULL;
    }
    const uint64_t length = bytes_get_little(prefix, PREFIX_SIZE);
    // Any file has some number in its first eight bytes, so the next byte decides
    // whether to call a wrong number a foreign file or a damaged one.
    int first = fgetc(s->stream);
    if (ferror(s->stream)) {
        log_error("safetensors: cannot read %s: %s", s->path, os_error_text());
        return NULL;
    }
    if (length < 2 || length > HEADER_MAX || first != '{') {
        foreign(s, "it does not begin like a safetensors file");
        return NULL;
    }
    if (length > s->size - PREFIX_SIZE) {
        report_short(s, "its header");
        return NULL;
    }
    char *text = mem_alloc((size_t)length);
    if (!text)
        return NULL;
    json_t *header = NULL;
    const uint64_t failures = mem_failures();
    if (!os_file_seek(s->stream, PREFIX_SIZE)) {
        log_error("safetensors: cannot read %s: %s", s->path, os_error_text());
    } else if (fread(text, 1, (size_t)length, s->stream) != (size_t)length) {
        report_short(s, "its header");
    } else {
        header = json_parse(text, (size_t)length, s->path);
        s->is_damaged = !header && mem_failures() == failures;
    }
    mem_free(text);
    s->data = PREFIX_SIZE + length;
    return header;
}

// ---------------------------------------------------------------------------
// The header

static bool bad_tensor(struct safetensors *s, const char *name, const char *why)
{
    s->is_damaged = true;
    log_error("safetensors: %s is damaged: tensor %s %s", s->path, name, why);
    return false;
}

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

// Checks one member of the header and adds it to the entries. False after one message.
static bool read_entry(struct safetensors *s, const char *key, const json_t *value)
{
    const json_t *shape = json_object_get(value, "shape");
    const json_t *offsets = json_object_get(value, "data_offsets");
    const char *kind = json_string_value(json_object_get(value, "dtype"));
    const struct kind *known = kind ? find_kind(kind) : NULL;
    if (!known)
        return bad_tensor(s, key, "has an unknown dtype");
    if (!json_is_array(shape) || json_array_size(shape) > SAFETENSORS_RANK_MAX)
        return bad_tensor(s, key, "has no usable shape");
    struct safetensors_entry e = {
        .name = key,
        .kind = known->name,
        .rank = (uint32_t)json_array_size(shape),
    };
    // A hostile shape must not overflow: every product stays below 2^63.
    uint64_t bytes = known->size;
    for (uint32_t i = 0; i < e.rank; i++) {
        uint64_t *side = &e.sides[i];
        if (!json_to_u64(json_array_get(shape, i), side) ||
            (*side && bytes > (uint64_t)INT64_MAX / *side))
            return bad_tensor(s, key, "has no usable shape");
        bytes *= *side;
    }
    if (json_array_size(offsets) != 2 ||
        !json_to_u64(json_array_get(offsets, 0), &e.begin) ||
        !json_to_u64(json_array_get(offsets, 1), &e.end) || e.begin > e.end)
        return bad_tensor(s, key, "has no usable data_offsets");
    if (e.end - e.begin != bytes)
        return bad_tensor(s, key, "has data whose size does not match its shape");

    if (s->count == TENSORS_MAX)
        return bad_tensor(s, key, "is one too many");
    if (!mem_grow(&s->entries, &s->capacity, s->count + 1, sizeof(e)))
        return false;
    s->entries[s->count++] = e;
    return true;
}

// By where the data begins; an empty tensor comes before the one that begins there too.
static int compare_places(const void *a, const void *b)
{
    const struct safetensors_entry *left = a, *right = b;
    if (left->begin != right->begin)
        return left->begin < right->begin ? -1 : 1;
    return (left->end > right->end) - (left->end < right->end);
}

static int compare_names(const void *a, const void *b)
{
    const struct safetensors_entry *left = a, *right = b;
    return strcmp(left->name, right->name);
}

// Checks that tensors do not overlap and fill the file, then sorts them by name.
static bool check_entries(struct safetensors *s)
{
    uint64_t end = 0;    // of the tensors so far
    if (s->count == 0)
        return foreign(s, "it holds no tensors");
    qsort(s->entries, s->count, sizeof(*s->entries), compare_places);
    for (size_t i = 0; i < s->count; i++) {
        if (s->entries[i].begin < end)
            return bad_tensor(s, s->entries[i].name, "shares bytes with another");
        end = s->entries[i].end;
    }
    if (end > s->size - s->data) {
        log_error("safetensors: %s is cut short: its header describes %" PRIu64
                  " bytes of tensors, and the file ends before",
                  s->path, end);
        s->is_damaged = true;
        return false;
    }
    if (end < s->size - s->data) {
        log_error("safetensors: %s is damaged: bytes follow the last tensor", s->path);
        s->is_damaged = true;
        return false;
    }
    qsort(s->entries, s->count, sizeof(*s->entries), compare_names);
    return true;
}

static bool bad_sums(struct safetensors *s, const char *why)
{
    s->is_damaged = true;
    log_error("safetensors: %s is damaged: %s", s->path, why);
    return false;
}

// What is wrong with the JSON of the sums does not help anybody. NULL after a message.
static json_t *parse_sums(struct safetensors *s, const char *text)
{
    struct log_capture capture;
    const uint64_t failures = mem_failures();
    log_capture_begin(&capture);
    json_t *document = json_parse(text, strlen(text), s->path);
    const char *error = log_capture_end(&capture);
    if (!document && mem_failures() == failures)
        bad_sums(s, "the sums in its metadata cannot be read");
    else if (!document)
        log_error("%s", error);
    return document;
}

// Files of other programs and of older versions have no sums.
static bool read_sums(struct safetensors *s)
{
    const char *text = safetensors_metadata(s, SUMS_KEY);
    uint64_t stored, found;
    bool ok = false;
    if (!text)
        return true;
    json_t *document = parse_sums(s, text);
    const json_t *tensors = json_object_get(document, "tensors");
    if (!document || !sums_of_header(s->header, &found))
        goto fail;
    if (!sums_parse(json_string_value(json_object_get(document, "header")), &stored)) {
        bad_sums(s, "the sums in its metadata cannot be read");
        goto fail;
    }
    if (stored != found) {
        bad_sums(s, "its metadata, or the names and shapes of its tensors, have "
                    "changed since they were written");
        goto fail;
    }
    for (size_t i = 0; i < s->count; i++) {
        struct safetensors_entry *e = &s->entries[i];
        if (!sums_parse(json_string_value(json_object_get(tensors, e->name)),
                        &e->sum)) {
            bad_tensor(s, e->name, "has no sum that can be read");
            goto fail;
        }
    }
    s->has_sums = ok = true;

fail:
    json_decref(document);
    return ok;
}

struct safetensors *safetensors_open(const char *path)
{
    bool is_damaged;
    return safetensors_examine(path, &is_damaged);
}

struct safetensors *safetensors_examine(const char *path, bool *is_damaged)
{
    struct safetensors *s = mem_zalloc(sizeof(*s));
    *is_damaged = false;
    if (!s)
        return NULL;
    s->path = mem_strdup(path);
    if (!s->path)
        goto fail;

    enum os_kind kind = os_path_kind(path);
    if (kind == OS_KIND_NONE && os_path_is_absent(path)) {
        log_error("safetensors: %s does not exist", path);
        goto fail;
    }
    if (kind == OS_KIND_FOLDER || kind == OS_KIND_OTHER) {
        log_error("safetensors: %s is not a file", path);
        s->is_damaged = true;
        goto fail;
    }
    s->stream = os_file_open(path, "rb");
    if (!s->stream) {
        log_error("safetensors: cannot open %s: %s", path, os_error_text());
        goto fail;
    }
    if (!os_file_size(s->stream, &s->size)) {
        log_error("safetensors: cannot measure %s: %s", path, os_error_text());
        goto fail;
    }
    s->header = read_header(s);
    if (!s->header)
        goto fail;
    const char *key;
    json_t *value;
    json_object_foreach(s->header, key, value)
        if (strcmp(key, SUMS_METADATA) != 0 && !read_entry(s, key, value))
            goto fail;
    if (!check_entries(s) || !read_sums(s))
        goto fail;
    return s;

fail:
    *is_damaged = s->is_damaged;
    safetensors_close(s);
    return NULL;
}

void safetensors_close(struct safetensors *s)
{
    if (!s)
        return;
    if (s->stream)
        fclose(s->stream);
    mem_free(s->entries);
    json_decref(s->header);
    mem_free(s->path);
    mem_free(s);
}

// ---------------------------------------------------------------------------
// Tensors and texts

size_t safetensors_count(const struct safetensors *s)
{
    return s->count;
}

const struct safetensors_entry *safetensors_at(const struct safetensors *s, size_t i)
{
    assert(i < s->count);
    return &s->entries[i];
}

const struct safetensors_entry *safetensors_find(const struct safetensors *s,
                                                 const char *name)
{
    const struct safetensors_entry key = { .name = name };
    return bsearch(&key, s->entries, s->count, sizeof(key), compare_names);
}

const char *safetensors_sides_text(const uint64_t *sides, uint32_t rank,
                                   char text[SAFETENSORS_SIDES_TEXT_SIZE])
{
    const size_t size = SAFETENSORS_SIDES_TEXT_SIZE;
    size_t used = (size_t)snprintf(text, size, "[");
    for (uint32_t i = 0; i < rank; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRIu64, i ? ", " : "",
                                 sides[i]);
    snprintf(text + used, size - used, "]");
    return text;
}

static bool check_sum(struct safetensors *s, const struct safetensors_entry *e,
                      const void *data, size_t size)
{
    char is[HASH_TEXT_SIZE], was[HASH_TEXT_SIZE];
    const uint64_t sum = s->has_sums ? sum_bytes(data, size) : 0;
    if (!s->has_sums || sum == e->sum)
        return true;
    log_error("safetensors: %s is damaged: the numbers of tensor %s have changed since "
              "they were written (XXH3 is %s and was %s): use another checkpoint or a "
              "good copy of the file",
              s->path, e->name, hash_digits(sum, is), hash_digits(e->sum, was));
    s->is_damaged = true;
    return false;
}

bool safetensors_read(struct safetensors *s, const struct safetensors_entry *e,
                      void *data)
{
    size_t size = (size_t)(e->end - e->begin);
    if (os_file_seek(s->stream, s->data + e->begin) &&
        fread(data, 1, size, s->stream) == size)
        return check_sum(s, e, data, size);
    s->is_damaged = feof(s->stream) != 0;
    log_error("safetensors: cannot read tensor %s of %s: %s", e->name, s->path,
              s->is_damaged ? "the file is cut short" : os_error_text());
    return false;
}

bool safetensors_has_floats(const struct safetensors_entry *e)
{
    return strcmp(e->kind, "F32") == 0 || strcmp(e->kind, "F16") == 0 ||
           strcmp(e->kind, "BF16") == 0;
}

bool safetensors_read_floats(struct safetensors *s, const struct safetensors_entry *e,
                             float *values)
{
    assert(safetensors_has_floats(e));
    if (strcmp(e->kind, "F32") == 0)
        return safetensors_read(s, e, values);
    // The numbers of 16 bits fill the end of the array. A float that is written there
    // never covers one that is still to be read.
    const size_t size = (size_t)(e->end - e->begin), count = size / 2;
    const uint8_t *from = (const uint8_t *)values + size;
    const bool is_half = strcmp(e->kind, "F16") == 0;
    if (!safetensors_read(s, e, (uint8_t *)values + size))
        return false;
    for (size_t i = 0; i < count; i++) {
        const uint16_t bits = (uint16_t)bytes_get_little(from + 2 * i, 2);
        values[i] = is_half ? bytes_half_value(bits) : bytes_bfloat16_value(bits);
    }
    return true;
}

bool safetensors_has_sums(const struct safetensors *s)
{
    return s->has_sums;
}

bool safetensors_is_damaged(const struct safetensors *s)
{
    return s->is_damaged;
}

const char *safetensors_metadata(const struct safetensors *s, const char *key)
{
    const json_t *metadata = json_object_get(s->header, SUMS_METADATA);
    return json_string_value(json_object_get(metadata, key));
}

// ---------------------------------------------------------------------------
// Writing

void safetensors_begin(struct safetensors_writer *w)
{
    *w = (struct safetensors_writer){ .header = json_pack("{s:{}}", SUMS_METADATA) };
}

void safetensors_put_metadata(struct safetensors_writer *w, const char *key,
                              const char *text)
{
    json_t *metadata = json_incref(json_object_get(w->header, SUMS_METADATA));
    json_add(&metadata, key, json_from_text(text));
    json_add(&w->header, SUMS_METADATA, metadata);
}

void safetensors_describe(struct safetensors_writer *w, const char *name,
                          const char *kind, const uint64_t *sides, uint32_t rank,
                          uint64_t bytes)
{
    // json_add with a NULL value drops the whole header, so that running out of memory
    // is noticed once, in safetensors_begin_data.
    const uint64_t end = w->offset + bytes;
    json_t *tensor = json_object(), *shape = json_array();
    for (uint32_t i = 0; i < rank; i++)
        json_append(&shape, json_integer((json_int_t)sides[i]));
    json_add(&tensor, "dtype", json_string(kind));
    json_add(&tensor, "shape", shape);
    json_add(&tensor, "data_offsets",
             json_pack("[I, I]", (json_int_t)w->offset, (json_int_t)end));
    json_add(&w->header, name, tensor);
    w->offset = end;
    if (!sums_add(&w->sums, name, end)) {
        json_decref(w->header);
        w->header = NULL;
    }
}

// The text of the header with the sums as they are now; its size is always the same.
static char *header_text(struct safetensors_writer *w)
{
    char *sums = sums_text(&w->sums, w->header_sum);
    if (!sums)
        return NULL;
    safetensors_put_metadata(w, SUMS_KEY, sums);
    mem_free(sums);
    return json_text(json_incref(w->header));    // which accepts NULL
}

// Sums of tensors are known when all are written. Until then the header has zeros in
// their places.
bool safetensors_begin_data(struct safetensors_writer *w, const char *path)
{
    static const char spaces[8] = "        ";
    uint8_t prefix[PREFIX_SIZE];
    if (!w->header)    // noticed here, once
        log_error("safetensors: out of memory while writing %s", path);
    if (!w->header || !sums_of_header(w->header, &w->header_sum))
        return false;
    char *header = header_text(w);
    if (!header)
        return false;
    // The size is that of the padded header. Spaces after the JSON make the data begin
    // at a multiple of eight.
    size_t length = strlen(header), padded = ALIGN_UP(length, sizeof(spaces));
    w->header_size = length;
    bytes_put_little(prefix, PREFIX_SIZE, padded);
    bool ok = file_writer_begin(&w->file, path, true);
    w->file.expected = PREFIX_SIZE + padded + w->offset;
    ok = ok && file_writer_write(&w->file, prefix, sizeof(prefix)) &&
         file_writer_write(&w->file, header, length) &&
         file_writer_write(&w->file, spaces, padded - length);
    mem_free(header);
    return ok;
}

bool safetensors_put_data(struct safetensors_writer *w, const void *data, size_t size)
{
    w->written += size;
    sums_feed(&w->sums, data, size);
    return file_writer_write(&w->file, data, size);
}

bool safetensors_commit(struct safetensors_writer *w)
{
    assert(w->written == w->offset);    // as much data as described
    sums_feed(&w->sums, NULL, 0);       // also of tensors without any at the end
    char *header = header_text(w);
    assert(!header || strlen(header) == w->header_size);
    bool ok = header &&
              file_writer_replace(&w->file, PREFIX_SIZE, header, w->header_size) &&
              file_writer_commit(&w->file);
    mem_free(header);
    safetensors_abort(w);    // of what was committed it finds nothing
    return ok;
}

void safetensors_abort(struct safetensors_writer *w)
{
    json_decref(w->header);
    w->header = NULL;
    sums_finish(&w->sums);
    file_writer_abort(&w->file);
}
