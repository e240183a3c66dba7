// SPDX-License-Identifier: MIT
//
// Opening parses the pickle, chooses the dictionary, and keeps of each tensor where its
// values lie: in a record of the archive, or at a place of the older kind of file.
// Numbers are little-endian, as on every machine that has Vulkan. See pth.h.

#include "formats/pth.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "formats/archive.h"
#include "formats/pickle.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PICKLE_MAX ((uint64_t)16 << 20)    // bytes; that of a large network has 50 KiB
#define TENSORS_MAX 65536u
#define NAME_MAX_BYTES 1000u
#define REPEATED_MAX ((uint64_t)1 << 20)    // values of a tensor that shows some again
#define PART_DEPTH_MAX 4u
#define CHUNK 65536u    // bytes converted at once
#define WRAPPER "module."

// ---------------------------------------------------------------------------
// What a pickle may name, in groups

struct kind {
    const char *name;
    uint32_t size;    // bytes of a value
};

enum {
    KIND_F32,
    KIND_F64,
    KIND_F16,
    KIND_BF16,
    KIND_I64,
    KIND_I32,
    KIND_I16,
    KIND_I8,
    KIND_U8,
    KIND_BOOL,
    KIND_COUNT,
};

static const struct kind kinds[KIND_COUNT] = {
    [KIND_F32] = { "F32", 4 },   [KIND_F64] = { "F64", 8 }, [KIND_F16] = { "F16", 2 },
    [KIND_BF16] = { "BF16", 2 }, [KIND_I64] = { "I64", 8 }, [KIND_I32] = { "I32", 4 },
    [KIND_I16] = { "I16", 2 },   [KIND_I8] = { "I8", 1 },   [KIND_U8] = { "U8", 1 },
    [KIND_BOOL] = { "BOOL", 1 },
};

enum {
    NAME_STORAGE,    // the storages, in the order of kinds
    NAME_CUDA_STORAGE = NAME_STORAGE + KIND_COUNT,
    NAME_DICTIONARY = NAME_CUDA_STORAGE + KIND_COUNT,
    NAME_TENSOR_V1,
    NAME_TENSOR,
    NAME_PARAMETER,
    NAME_SIZE,
    NAME_COUNT,
};

static const char *const names[NAME_COUNT] = {
    "torch.FloatStorage",
    "torch.DoubleStorage",
    "torch.HalfStorage",
    "torch.BFloat16Storage",
    "torch.LongStorage",
    "torch.IntStorage",
    "torch.ShortStorage",
    "torch.CharStorage",
    "torch.ByteStorage",
    "torch.BoolStorage",
    "torch.cuda.FloatStorage",
    "torch.cuda.DoubleStorage",
    "torch.cuda.HalfStorage",
    "torch.cuda.BFloat16Storage",
    "torch.cuda.LongStorage",
    "torch.cuda.IntStorage",
    "torch.cuda.ShortStorage",
    "torch.cuda.CharStorage",
    "torch.cuda.ByteStorage",
    "torch.cuda.BoolStorage",
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "torch.Size",
};

// The dictionary of tensors in a file that has several.
static const char *const usual_parts[] = {
    "state_dict", "model_state_dict", "model", "netG",
    "net_G",      "generator",        "G",     "params",
};

// ---------------------------------------------------------------------------
// The file

struct place {
    const struct kind *kind;
    uint64_t offset;                   // of the first value, in values
    uint64_t strides[PTH_RANK_MAX];    // in values
    uint64_t extent;                   // from the first value to behind the last one
    bool plain;                        // the values follow each other in order
    struct archive_record record;      // of the archive
    uint64_t position;                 // or of the older kind: in the file, bytes
};

// Bytes of the older kind of file, several tensors may share them.
struct storage {
    const char *key;
    size_t length;
    const struct kind *kind;
    uint64_t count, position;
    bool found;
};

struct named {    // for pth_find
    const char *name;
    size_t index;
};

struct pth {
    char *path;
    uint64_t size;    // of the file
    FILE *stream;     // of the older kind, otherwise the archive has it
    struct archive *archive;
    char *root;    // folder in the archive, with its slash
    struct storage *storages;
    size_t storage_count;
    char *part;
    struct pth_entry *entries;
    struct place *places;    // of the entries
    size_t count, capacity, place_capacity;
    struct named *by_name;
    uint8_t *chunk;
};

static bool damaged(const struct pth *p, const char *format, ...) PRINTF_LIKE(2, 3);

static bool damaged(const struct pth *p, const char *format, ...)
{
    char why[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    log_error("pth: %s is damaged: %s", p->path, why);
    return false;
}

static bool foreign(const struct pth *p, const char *why)
{
    log_error("pth: %s is not a dictionary of tensors by torch.save: %s", p->path, why);
    return false;
}

static bool cut_short(const struct pth *p, const char *where)
{
    log_error("pth: %s is cut short, or damaged: it ends inside %s", p->path, where);
    return false;
}

// ---------------------------------------------------------------------------
// Pickled values

static bool is_name(const struct pickle_value *v, int64_t name)
{
    return v && v->type == PICKLE_NAME && v->integer == name;
}

static bool is_call(const struct pickle_value *v, int64_t name)
{
    return v->type == PICKLE_CALL && is_name(v->arguments[0], name);
}

// Item i of a tuple, NULL if it has fewer.
static const struct pickle_value *item(const struct pickle_value *tuple, size_t i)
{
    return tuple && tuple->type == PICKLE_TUPLE && i < tuple->count ? tuple->items[i]
                                                                    : NULL;
}

static bool to_count(const struct pickle_value *v, uint64_t *count)
{
    if (!v || v->type != PICKLE_INTEGER || v->integer < 0)
        return false;
    *count = (uint64_t)v->integer;
    return true;
}

static bool is_dictionary(const struct pickle_value *v)
{
    return v->type == PICKLE_DICTIONARY || is_call(v, NAME_DICTIONARY);
}

// The tensor that a value is, without what makes it a parameter; NULL if it is none.
static const struct pickle_value *as_tensor(const struct pickle_value *v)
{
    if (is_call(v, NAME_PARAMETER))
        v = item(v->arguments[1], 0);
    return v && (is_call(v, NAME_TENSOR) || is_call(v, NAME_TENSOR_V1)) ? v : NULL;
}

// Key and value i of a dictionary: those that OrderedDict was called with, a list of
// pairs, then those that were set. False behind the last one.
static bool dictionary_item(const struct pickle_value *dictionary, size_t i,
                            const struct pickle_value **key,
                            const struct pickle_value **value)
{
    const struct pickle_value *pairs = item(dictionary->arguments[1], 0);
    size_t pair_count = pairs && pairs->type == PICKLE_LIST ? pairs->count : 0;
    if (i < pair_count) {
        const struct pickle_value *pair = pairs->items[i];
        bool fits = (pair->type == PICKLE_TUPLE || pair->type == PICKLE_LIST) &&
                    pair->count == 2;
        *key = fits ? pair->items[0] : pair;
        *value = fits ? pair->items[1] : pair;
        return true;
    }
    i -= pair_count;
    if (i >= dictionary->count / 2)
        return false;
    *key = dictionary->items[2 * i];
    *value = dictionary->items[2 * i + 1];
    return true;
}

// What ('storage', kind, key, place, count) refers to.
static bool read_storage(const struct pth *p, const struct pickle_value *reference,
                         struct storage *s)
{
    const struct pickle_value *tuple = reference && reference->type == PICKLE_REFERENCE
                                           ? reference->arguments[0]
                                           : NULL;
    const struct pickle_value *word = item(tuple, 0), *kind = item(tuple, 1);
    const struct pickle_value *key = item(tuple, 2);
    *s = (struct storage){ 0 };
    if (!word || !pickle_text_is(word, "storage") || !key || key->type != PICKLE_TEXT ||
        key->size > NAME_MAX_BYTES || memchr(key->text, '\0', key->size) ||
        !to_count(item(tuple, 4), &s->count) || kind->type != PICKLE_NAME ||
        kind->integer >= NAME_DICTIONARY)
        return damaged(p, "it has a storage of no known kind");
    const struct pickle_value *view = item(tuple, 5);
    if (view && view->type != PICKLE_NONE)
        return damaged(p, "it has a storage that is a part of another one");
    s->kind = &kinds[kind->integer % KIND_COUNT];
    s->key = key->text;
    s->length = key->size;
    if (s->count > p->size / s->kind->size)
        return damaged(p, "storage %.*s has %" PRIu64 " values, more than fit the file",
                       (int)key->size, key->text, s->count);
    return true;
}

// ---------------------------------------------------------------------------
// Storages of the older kind of file

static int compare_storages(const void *a, const void *b)
{
    const struct storage *left = a, *right = b;
    if (left->length != right->length)
        return left->length < right->length ? -1 : 1;
    return memcmp(left->key, right->key, left->length);
}

static bool list_storages(struct pth *p, const struct pickle *pickle)
{
    size_t used = 0;
    p->storages = mem_array(pickle->reference_count, sizeof(*p->storages));
    if (!p->storages)
        return false;
    for (size_t i = 0; i < pickle->reference_count; i++)
        if (!read_storage(p, pickle->references[i], &p->storages[i]))
            return false;
    if (pickle->reference_count > 0)
        qsort(p->storages, pickle->reference_count, sizeof(*p->storages),
              compare_storages);
    for (size_t i = 0; i < pickle->reference_count; i++) {
        const struct storage *s = &p->storages[i];
        const struct storage *last = used > 0 ? &p->storages[used - 1] : NULL;
        if (!last || compare_storages(s, last) != 0)
            p->storages[used++] = *s;
        else if (s->kind != last->kind || s->count != last->count)
            return damaged(p, "storage %.*s has two sizes", (int)s->length, s->key);
    }
    p->storage_count = used;
    return true;
}

static struct storage *find_storage(const struct pth *p, const char *key, size_t length)
{
    const struct storage wanted = { .key = key, .length = length };
    if (p->storage_count == 0)
        return NULL;
    return bsearch(&wanted, p->storages, p->storage_count, sizeof(wanted),
                   compare_storages);
}

// Each storage of the list follows the last pickle: its count, then its values.
static bool place_storages(struct pth *p, const struct pickle_value *keys,
                           uint64_t position)
{
    if (keys->type != PICKLE_LIST)
        return damaged(p, "it has no list of storages");
    for (size_t i = 0; i < keys->count; i++) {
        const struct pickle_value *key = keys->items[i];
        struct storage *s =
            key->type == PICKLE_TEXT ? find_storage(p, key->text, key->size) : NULL;
        if (!s || s->found)
            return damaged(p, "item %zu of its list of storages is %s", i,
                           s ? "there twice" : "used by no tensor");
        uint8_t prefix[8];
        uint64_t count = 0;
        if (p->size - position < sizeof(prefix))
            return cut_short(p, "its storages");
        if (!os_file_seek(p->stream, position) ||
            fread(prefix, 1, sizeof(prefix), p->stream) != sizeof(prefix)) {
            log_error("pth: can not read %s: %s", p->path, os_error_text());
            return false;
        }
        for (size_t k = 0; k < sizeof(prefix); k++)
            count |= (uint64_t)prefix[k] << (8 * k);
        if (count != s->count)
            return damaged(p, "storage %.*s has two sizes", (int)s->length, s->key);
        s->position = position + sizeof(prefix);
        s->found = true;
        // read_storage has compared the count with the size of the file.
        if (s->count * s->kind->size > p->size - s->position)
            return cut_short(p, "its storages");
        position = s->position + s->count * s->kind->size;
    }
    return true;
}

// ---------------------------------------------------------------------------
// Tensors

static bool bad_tensor(const struct pth *p, const char *name, const char *why)
{
    log_error("pth: %s is damaged: tensor %s %s", p->path, name, why);
    return false;
}

// Where the storage of a tensor lies in the file.
static bool find_place(struct pth *p, const char *name, const struct storage *s,
                       struct place *place)
{
    if (!p->archive) {
        const struct storage *known = find_storage(p, s->key, s->length);
        if (!known || !known->found)
            return bad_tensor(p, name, "has no values in the file");
        place->position = known->position;
        return true;
    }
    uint64_t index = 0;
    char *record = mem_printf("%sdata/%.*s", p->root, (int)s->length, s->key);
    if (!record)
        return false;
    bool found = archive_find(p->archive, record, &index);
    mem_free(record);
    if (!found)
        return bad_tensor(p, name, "has no values in the file");
    if (!archive_look(p->archive, index, &place->record))
        return false;
    if (place->record.size != s->count * s->kind->size)
        return bad_tensor(p, name, "has a storage of another size than it says");
    return true;
}

// Sides, strides and the place of the first value: the last one must be in the storage.
static bool read_shape(const struct pth *p, const struct pickle_value *arguments,
                       const struct storage *s, struct pth_entry *e,
                       struct place *place)
{
    const struct pickle_value *sides = item(arguments, 2), *strides;
    strides = item(arguments, 3);
    if (sides && is_call(sides, NAME_SIZE))
        sides = item(sides->arguments[1], 0);
    if (!sides || !strides || sides->type != PICKLE_TUPLE ||
        strides->type != PICKLE_TUPLE || sides->count != strides->count ||
        sides->count > PTH_RANK_MAX || !to_count(item(arguments, 1), &place->offset))
        return bad_tensor(p, e->name, "has no usable shape");
    e->rank = (uint32_t)sides->count;
    e->count = 1;
    bool empty = false, usable = true;
    for (uint32_t i = 0; i < e->rank; i++) {
        usable = usable && to_count(sides->items[i], &e->sides[i]) &&
                 to_count(strides->items[i], &place->strides[i]);
        if (!usable || e->sides[i] == 0) {
            empty = true;
            continue;
        }
        usable = e->count <= (uint64_t)INT64_MAX / 8 / e->sides[i];
        if (usable)
            e->count *= e->sides[i];
    }
    if (!usable)
        return bad_tensor(p, e->name, "has no usable shape");
    if (empty) {
        e->count = 0;
        return true;
    }

    uint64_t last = place->offset, next = 1;
    place->plain = true;
    if (last >= s->count)
        return bad_tensor(p, e->name, "reaches beyond its storage");
    for (uint32_t i = e->rank; i-- > 0;) {
        uint64_t steps = e->sides[i] - 1;
        if (steps == 0)
            continue;
        if (place->strides[i] > (s->count - 1 - last) / steps)
            return bad_tensor(p, e->name, "reaches beyond its storage");
        last += steps * place->strides[i];
        place->plain = place->plain && place->strides[i] == next;
        next *= e->sides[i];
    }
    place->extent = last - place->offset + 1;
    if (e->count > s->count && e->count > REPEATED_MAX)
        return bad_tensor(p, e->name, "has more values than its storage");
    return true;
}

static bool add_tensor(struct pth *p, const struct pickle_value *key,
                       const struct pickle_value *tensor)
{
    const size_t wrapper = strlen(WRAPPER);
    if (key->type != PICKLE_TEXT || key->size == 0 || key->size > NAME_MAX_BYTES ||
        memchr(key->text, '\0', key->size))
        return damaged(p, "a tensor has no usable name");
    if (p->count == TENSORS_MAX)
        return damaged(p, "it has too many tensors");
    if (!mem_grow(&p->entries, &p->capacity, p->count + 1, sizeof(*p->entries)) ||
        !mem_grow(&p->places, &p->place_capacity, p->count + 1, sizeof(*p->places)))
        return false;
    size_t skipped =
        key->size > wrapper && memcmp(key->text, WRAPPER, wrapper) == 0 ? wrapper : 0;
    char *name = mem_printf("%.*s", (int)(key->size - skipped), key->text + skipped);
    if (!name)
        return false;
    struct pth_entry *e = &p->entries[p->count];
    struct place *place = &p->places[p->count];
    struct storage s;
    *e = (struct pth_entry){ .name = name };
    *place = (struct place){ 0 };
    p->count++;
    if (!read_storage(p, item(tensor->arguments[1], 0), &s) ||
        !read_shape(p, tensor->arguments[1], &s, e, place))
        return false;
    place->kind = s.kind;
    e->kind = s.kind->name;
    return e->count == 0 || find_place(p, e->name, &s, place);
}

static int compare_names(const void *a, const void *b)
{
    const struct named *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static bool add_tensors(struct pth *p, const struct pickle_value *dictionary)
{
    const struct pickle_value *key, *value;
    for (size_t i = 0; dictionary_item(dictionary, i, &key, &value); i++) {
        const struct pickle_value *tensor = as_tensor(value);
        if (tensor && !add_tensor(p, key, tensor))
            return false;
    }
    p->by_name = mem_array(p->count, sizeof(*p->by_name));
    if (!p->by_name)
        return false;
    for (size_t i = 0; i < p->count; i++)
        p->by_name[i] = (struct named){ p->entries[i].name, i };
    qsort(p->by_name, p->count, sizeof(*p->by_name), compare_names);
    for (size_t i = 1; i < p->count; i++)
        if (compare_names(&p->by_name[i - 1], &p->by_name[i]) == 0)
            return bad_tensor(p, p->by_name[i].name, "is there twice");
    return true;
}

// ---------------------------------------------------------------------------
// Which dictionary

struct search {
    const char *part;    // NULL: the usual ones
    const struct pickle_value *best;
    char *best_part;
    size_t best_rank;    // the lower the better
    size_t count;        // with tensors
    bool tie;            // another one is as good
    char seen[200];      // their names, for the message
    bool failed;
};

// How good a dictionary is: SIZE_MAX if it is not wanted.
static size_t rank_part(const struct search *s, const char *part)
{
    const char *dot = strrchr(part, '.');
    const char *last = dot ? dot + 1 : part;
    if (s->part)
        return strcmp(part, s->part) == 0   ? 0
               : strcmp(last, s->part) == 0 ? 1
                                            : SIZE_MAX;
    for (size_t i = 0; i < ARRAY_LEN(usual_parts); i++)
        if (strcmp(last, usual_parts[i]) == 0)
            return i;
    return ARRAY_LEN(usual_parts) + (*part != '\0');
}

static void consider(struct search *s, const struct pickle_value *dictionary,
                     const char *part)
{
    size_t rank = rank_part(s, part), used = strlen(s->seen);
    snprintf(s->seen + used, sizeof(s->seen) - used, "%s%s", used ? ", " : "",
             *part ? part : "(outermost)");
    s->count++;
    s->tie = rank == s->best_rank || (s->tie && rank > s->best_rank);
    if (rank < s->best_rank) {
        mem_free(s->best_part);
        s->best_part = mem_strdup(part);
        s->failed = s->failed || !s->best_part;
        s->best = dictionary;
        s->best_rank = rank;
    }
}

// Looks for dictionaries with tensors in this one and those that it holds. Sharing can
// make these many more than the file has bytes, so `budget` ends the search.
static void search(struct search *s, const struct pickle_value *dictionary,
                   const char *part, unsigned depth, size_t *budget)
{
    const struct pickle_value *key, *value;
    bool holds = false;
    for (size_t i = 0; dictionary_item(dictionary, i, &key, &value); i++) {
        if (s->failed || *budget == 0)
            return;
        --*budget;
        if (as_tensor(value)) {
            holds = true;
        } else if (is_dictionary(value) && key->type == PICKLE_TEXT &&
                   key->size <= NAME_MAX_BYTES && !memchr(key->text, '\0', key->size) &&
                   depth < PART_DEPTH_MAX) {
            char *inner = mem_printf("%s%s%.*s", part, *part ? "." : "", (int)key->size,
                                     key->text);
            if (inner)
                search(s, value, inner, depth + 1, budget);
            else
                s->failed = true;
            mem_free(inner);
        }
    }
    if (holds)
        consider(s, dictionary, part);
}

static bool choose_part(struct pth *p, const struct pickle_value *root,
                        const char *part, const struct pickle_value **dictionary)
{
    struct search s = { .part = part, .best_rank = SIZE_MAX };
    size_t budget = 1000000;
    if (!is_dictionary(root))
        return foreign(p, as_tensor(root) ? "it holds a tensor without a name"
                                          : "it holds something else");
    search(&s, root, "", 0, &budget);
    p->part = s.best_part;
    *dictionary = s.best;
    if (s.failed)
        return false;
    if (s.count == 0)
        return foreign(p, "it holds no tensors");
    if (!s.best) {
        log_error("pth: %s has no tensors in a dictionary %s; it has some in: %s",
                  p->path, part, s.seen);
        return false;
    }
    if (s.tie && s.count > 1) {
        log_error("pth: %s has several dictionaries of tensors, and none is named as "
                  "usual: %s",
                  p->path, s.seen);
        return false;
    }
    return true;
}

// ---------------------------------------------------------------------------
// Opening

static bool take_pickle(struct pth *p, const struct pickle *pickle, const char *part)
{
    const struct pickle_value *dictionary;
    return choose_part(p, pickle->root, part, &dictionary) &&
           add_tensors(p, dictionary);
}

// Finds ROOT/data.pkl and says which record it is.
static bool find_root(struct pth *p, uint64_t *index)
{
    static const char tail[] = "/data.pkl";
    for (uint64_t i = 0; i < archive_count(p->archive); i++) {
        const char *name = archive_name(p->archive, i);
        const char *slash = name ? strchr(name, '/') : NULL;
        if (slash && strcmp(slash, tail) == 0) {
            *index = i;
            p->root = mem_printf("%.*s", (int)(slash + 1 - name), name);
            return p->root != NULL;
        }
    }
    return foreign(p, "the zip archive has no data.pkl");
}

// Newer files tell the order of bytes in a record of its own.
static bool check_order(struct pth *p)
{
    struct archive_record record;
    char text[4] = "", *name = mem_printf("%sbyteorder", p->root);
    uint64_t index;
    if (!name)
        return false;
    bool found = archive_find(p->archive, name, &index);
    mem_free(name);
    if (!found)
        return true;
    if (!archive_look(p->archive, index, &record))
        return false;
    size_t size = (size_t)MIN(record.size, sizeof(text) - 1);
    if (!archive_begin(p->archive, &record, 0) || !archive_take(p->archive, text, size))
        return false;
    return strcmp(text, "big") != 0 ||
           foreign(p, "its numbers are big-endian; save it on a usual machine");
}

static bool open_archive(struct pth *p, const char *part)
{
    struct archive_record record;
    struct pickle pickle = { 0 };
    uint64_t index = 0;
    FILE *stream = p->stream;
    p->stream = NULL;
    p->archive = archive_open(stream, p->size, p->path);
    if (!p->archive || !find_root(p, &index) || !check_order(p) ||
        !archive_look(p->archive, index, &record))
        return false;
    if (record.size > PICKLE_MAX)
        return foreign(p, "its pickle is too large");
    void *data = mem_alloc((size_t)record.size);
    bool ok = data && archive_begin(p->archive, &record, 0) &&
              archive_take(p->archive, data, (size_t)record.size) &&
              archive_end(p->archive) &&
              pickle_parse(&pickle, data, (size_t)record.size, names, ARRAY_LEN(names),
                           p->path) &&
              take_pickle(p, &pickle, part);
    pickle_free(&pickle);
    mem_free(data);
    return ok;
}

// The pickles that follow each other at the beginning of the older kind of file.
enum { PART_MAGIC, PART_PROTOCOL, PART_SYSTEM, PART_OBJECT, PART_KEYS, PART_COUNT };

static const char magic[10] = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

static bool check_system(const struct pth *p, const struct pickle_value *system)
{
    const struct pickle_value *key, *value;
    if (system->type != PICKLE_DICTIONARY)
        return damaged(p, "it does not tell its system");
    for (size_t i = 0; dictionary_item(system, i, &key, &value); i++)
        if (pickle_text_is(key, "little_endian") && value->type == PICKLE_BOOL &&
            !value->integer)
            return foreign(p, "its numbers are big-endian; save it on a usual machine");
    return true;
}

static bool open_legacy(struct pth *p, const char *part)
{
    struct pickle parts[PART_COUNT] = { 0 };
    size_t size = (size_t)MIN(p->size, PICKLE_MAX), at = 0;
    uint8_t *data = mem_alloc(size);
    bool ok = data != NULL;
    if (ok &&
        (!os_file_seek(p->stream, 0) || fread(data, 1, size, p->stream) != size)) {
        log_error("pth: can not read %s: %s", p->path, os_error_text());
        ok = false;
    }
    for (size_t i = 0; ok && i < PART_COUNT; i++) {
        const struct pickle_value *root;
        ok = pickle_parse(&parts[i], data + at, size - at, names, ARRAY_LEN(names),
                          p->path);
        if (!ok)
            break;
        at += parts[i].size;
        root = parts[i].root;
        if (i == PART_MAGIC)
            ok = (root->type == PICKLE_LONG && root->size == sizeof(magic) &&
                  memcmp(root->text, magic, sizeof(magic)) == 0) ||
                 foreign(p, "it is another pickle");
        if (i == PART_PROTOCOL)
            ok = (root->type == PICKLE_INTEGER && root->integer == 1001) ||
                 foreign(p, "its version is not known");
        if (i == PART_SYSTEM)
            ok = check_system(p, root);
    }
    ok = ok && list_storages(p, &parts[PART_OBJECT]) &&
         place_storages(p, parts[PART_KEYS].root, at) &&
         take_pickle(p, &parts[PART_OBJECT], part);
    for (size_t i = 0; i < PART_COUNT; i++)
        pickle_free(&parts[i]);
    // Their keys are texts of the pickle.
    mem_free(p->storages);
    p->storages = NULL;
    p->storage_count = 0;
    mem_free(data);
    return ok;
}

enum container { CONTAINER_NONE, CONTAINER_ARCHIVE, CONTAINER_LEGACY };

// By the first bytes: a local or, in an empty archive, the last header; a pickle of the
// magic number, which newer protocols frame.
static enum container recognise(FILE *stream)
{
    uint8_t head[23] = { 0 };
    size_t size = fread(head, 1, sizeof(head), stream);
    if (size >= 4 && (memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, "PK\5\6", 4) == 0))
        return CONTAINER_ARCHIVE;
    const uint8_t *number = head + (head[2] == 0x95 ? 11 : 2);
    if (head[0] == 0x80 && number[0] == 0x8a && number[1] == sizeof(magic) &&
        memcmp(number + 2, magic, sizeof(magic)) == 0)
        return CONTAINER_LEGACY;
    return CONTAINER_NONE;
}

bool pth_looks_like(const char *path)
{
    FILE *stream = os_path_kind(path) == OS_KIND_FILE ? os_file_open(path, "rb") : NULL;
    if (!stream)
        return false;
    enum container container = recognise(stream);
    fclose(stream);
    return container != CONTAINER_NONE;
}

struct pth *pth_open(const char *path, const char *part)
{
    struct pth *p = mem_zalloc(sizeof(*p));
    if (!p)
        return NULL;
    p->path = mem_strdup(path);
    if (!p->path)
        goto fail;
    enum os_kind kind = os_path_kind(path);
    if (kind != OS_KIND_FILE) {
        log_error("pth: %s %s", path,
                  kind == OS_KIND_NONE ? "does not exist" : "is not a file");
        goto fail;
    }
    p->stream = os_file_open(path, "rb");
    if (!p->stream) {
        log_error("pth: can not open %s: %s", path, os_error_text());
        goto fail;
    }
    if (!os_file_size(p->stream, &p->size)) {
        log_error("pth: can not measure %s: %s", path, os_error_text());
        goto fail;
    }
    enum container container = recognise(p->stream);
    if (container == CONTAINER_NONE) {
        foreign(p, "it begins as neither kind of its files does");
        goto fail;
    }
    if (container == CONTAINER_ARCHIVE ? !open_archive(p, part) : !open_legacy(p, part))
        goto fail;
    return p;

fail:
    pth_close(p);
    return NULL;
}

void pth_close(struct pth *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++)
        mem_free((char *)p->entries[i].name);
    if (p->stream)
        fclose(p->stream);
    archive_close(p->archive);
    mem_free(p->root);
    mem_free(p->storages);
    mem_free(p->part);
    mem_free(p->entries);
    mem_free(p->places);
    mem_free(p->by_name);
    mem_free(p->chunk);
    mem_free(p->path);
    mem_free(p);
}

const char *pth_part(const struct pth *p)
{
    return p->part;
}

size_t pth_count(const struct pth *p)
{
    return p->count;
}

const struct pth_entry *pth_at(const struct pth *p, size_t i)
{
    return &p->entries[i];
}

const struct pth_entry *pth_find(const struct pth *p, const char *name)
{
    const struct named key = { .name = name };
    const struct named *found =
        bsearch(&key, p->by_name, p->count, sizeof(key), compare_names);
    return found ? &p->entries[found->index] : NULL;
}

// ---------------------------------------------------------------------------
// Values

static float from_half(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16, exponent = bits >> 10 & 31u;
    uint32_t fraction = bits & 0x3ffu, result;
    float value;
    if (exponent == 0) {    // zero, or too small for a full exponent
        value = (float)fraction / 16777216.0f;
        return sign ? -value : value;
    }
    result = sign | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13;
    memcpy(&value, &result, sizeof(value));
    return value;
}

#define CONVERT(type)                                                                  \
    do {                                                                               \
        type x_;                                                                       \
        memcpy(&x_, from, sizeof(x_));                                                 \
        return (float)x_;                                                              \
    } while (0)

static float convert(const struct kind *kind, const uint8_t *from)
{
    uint32_t bits;
    float value;
    switch ((int)(kind - kinds)) {
    case KIND_F32:
        CONVERT(float);
    case KIND_F64:
        CONVERT(double);
    case KIND_F16:
        return from_half((uint16_t)(from[0] | from[1] << 8));
    case KIND_BF16:
        bits = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 24;
        memcpy(&value, &bits, sizeof(value));
        return value;
    case KIND_I64:
        CONVERT(int64_t);
    case KIND_I32:
        CONVERT(int32_t);
    case KIND_I16:
        CONVERT(int16_t);
    case KIND_I8:
        CONVERT(int8_t);
    case KIND_BOOL:
        return from[0] != 0;
    default:
        return from[0];
    }
}

static bool begin_bytes(struct pth *p, const struct place *place)
{
    uint64_t offset = place->offset * place->kind->size;
    if (p->archive)
        return archive_begin(p->archive, &place->record, offset);
    if (os_file_seek(p->stream, place->position + offset))
        return true;
    log_error("pth: can not read %s: %s", p->path, os_error_text());
    return false;
}

static bool take_bytes(struct pth *p, void *data, size_t size)
{
    if (p->archive)
        return archive_take(p->archive, data, size);
    if (fread(data, 1, size, p->stream) == size)
        return true;
    log_error("pth: can not read %s: %s", p->path, os_error_text());
    return false;
}

static bool end_bytes(struct pth *p)
{
    return !p->archive || archive_end(p->archive);
}

// Values that follow each other.
static bool read_plain(struct pth *p, const struct pth_entry *e,
                       const struct place *place, float *values)
{
    const uint32_t size = place->kind->size;
    if (place->kind == &kinds[KIND_F32])
        return take_bytes(p, values, (size_t)e->count * size);
    if (!p->chunk)
        p->chunk = mem_alloc(CHUNK);
    if (!p->chunk)
        return false;
    for (uint64_t at = 0; at < e->count;) {
        size_t count = (size_t)MIN(e->count - at, CHUNK / size);
        if (!take_bytes(p, p->chunk, count * size))
            return false;
        for (size_t i = 0; i < count; i++)
            values[at + i] = convert(place->kind, p->chunk + i * size);
        at += count;
    }
    return true;
}

// Values in any order: all bytes from the first to the last are read.
static bool read_strided(struct pth *p, const struct pth_entry *e,
                         const struct place *place, float *values)
{
    const uint32_t size = place->kind->size;
    uint64_t index[PTH_RANK_MAX] = { 0 }, from = 0;
    // No larger than the file, see read_storage and read_shape.
    uint8_t *bytes = mem_array((size_t)place->extent, size);
    bool ok = bytes && take_bytes(p, bytes, (size_t)place->extent * size);
    for (uint64_t to = 0; ok && to < e->count; to++) {
        values[to] = convert(place->kind, bytes + from * size);
        for (uint32_t i = e->rank; i-- > 0;) {
            from += place->strides[i];
            if (++index[i] < e->sides[i])
                break;
            from -= index[i] * place->strides[i];
            index[i] = 0;
        }
    }
    mem_free(bytes);
    return ok;
}

bool pth_read(struct pth *p, const struct pth_entry *e, float *values)
{
    const struct place *place = &p->places[e - p->entries];
    if (e->count == 0)
        return true;
    return begin_bytes(p, place) &&
           (place->plain ? read_plain : read_strided)(p, e, place, values) &&
           end_bytes(p);
}
