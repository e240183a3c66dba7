// SPDX-License-Identifier: MIT
//
// What a pickle of torch.save says: which dictionary has the tensors, their names and
// shapes, and where in the file their values are. The data of a tensor is a storage,
// which several tensors may share; each shows some of its values through an offset and
// strides. See pth_tensors.h.

#include "formats/pth_tensors.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define TENSORS_MAX 65536u
#define NAME_MAX_BYTES 1000u
#define REPEATED_MAX ((uint64_t)1 << 20)    // values of a tensor that repeats some
#define PART_DEPTH_MAX 4u                   // dictionaries within each other
#define VISITS_MAX 1000000u                 // items looked at in search of tensors

// ---------------------------------------------------------------------------
// What a pickle may name, in groups

static const struct {
    const char *name;
    uint32_t size;    // bytes of a value
} kinds[PTH_KIND_COUNT] = {
    [PTH_F32] = { "F32", 4 },   [PTH_F64] = { "F64", 8 }, [PTH_F16] = { "F16", 2 },
    [PTH_BF16] = { "BF16", 2 }, [PTH_I64] = { "I64", 8 }, [PTH_I32] = { "I32", 4 },
    [PTH_I16] = { "I16", 2 },   [PTH_I8] = { "I8", 1 },   [PTH_U8] = { "U8", 1 },
    [PTH_BOOL] = { "BOOL", 1 },
};

// A storage is named by its class, a tensor by the function that would build it, with
// the arguments (storage, offset, sides, strides, requires_grad, hooks).
enum {
    NAME_STORAGE,    // the storages, in the order of kinds
    NAME_CUDA_STORAGE = NAME_STORAGE + PTH_KIND_COUNT,
    NAME_DICTIONARY = NAME_CUDA_STORAGE + PTH_KIND_COUNT,
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

// The dictionary to take from a file that has several, best first, after those that the
// caller asks for.
static const char *const usual_parts[] = {
    "state_dict",
    "model_state_dict",
    "model",
    "params",
};

uint32_t pth_kind_size(enum pth_kind kind)
{
    return kinds[kind].size;
}

bool pth_parse(const struct pth *p, const void *data, size_t size, struct pickle *out)
{
    return pickle_parse(out, data, size, names, ARRAY_LEN(names), p->path);
}

// ---------------------------------------------------------------------------
// Messages

bool pth_report_damage(const struct pth *p, const char *format, ...)
{
    char why[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    log_error("pth: %s is damaged: %s", p->path, why);
    return false;
}

bool pth_report_foreign(const struct pth *p, const char *why)
{
    log_error("pth: %s is not a dictionary of tensors saved by torch.save: %s", p->path,
              why);
    return false;
}

bool pth_report_cut(const struct pth *p, const char *where)
{
    log_error("pth: %s is cut short or damaged: it ends inside %s", p->path, where);
    return false;
}

bool pth_report_unreadable(const struct pth *p)
{
    log_error("pth: cannot read %s: %s", p->path, os_error_text());
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

// A number that must not be negative.
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

// The call that builds a tensor, also from within that of a parameter; NULL if the
// value is neither.
static const struct pickle_value *as_tensor(const struct pickle_value *v)
{
    if (is_call(v, NAME_PARAMETER))
        v = item(v->arguments[1], 0);
    return v && (is_call(v, NAME_TENSOR) || is_call(v, NAME_TENSOR_V1)) ? v : NULL;
}

// First the list of pairs that OrderedDict was called with, then the items that were
// set.
bool pth_dictionary_item(const struct pickle_value *dictionary, size_t i,
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

// The reference is a tuple: ('storage', kind, key, device, count).
bool pth_read_storage(const struct pth *p, const struct pickle_value *reference,
                      struct pth_storage *s)
{
    const struct pickle_value *tuple = reference && reference->type == PICKLE_REFERENCE
                                           ? reference->arguments[0]
                                           : NULL;
    const struct pickle_value *word = item(tuple, 0), *kind = item(tuple, 1);
    const struct pickle_value *key = item(tuple, 2);
    *s = (struct pth_storage){ 0 };
    if (!word || !pickle_text_is(word, "storage") || !key || key->type != PICKLE_TEXT ||
        key->size > NAME_MAX_BYTES || memchr(key->text, '\0', key->size) ||
        !to_count(item(tuple, 4), &s->count) || kind->type != PICKLE_NAME ||
        kind->integer >= NAME_DICTIONARY)
        return pth_report_damage(p, "it has a storage of an unknown kind");
    const struct pickle_value *view = item(tuple, 5);
    if (view && view->type != PICKLE_NONE)
        return pth_report_damage(p, "it has a storage that is a part of another one");
    s->kind = (enum pth_kind)(kind->integer % PTH_KIND_COUNT);
    s->key = key->text;
    s->length = key->size;
    // From here on count * size does not overflow.
    if (s->count > p->size / pth_kind_size(s->kind))
        return pth_report_damage(
            p, "storage %.*s has %" PRIu64 " values, more than the file can hold",
            (int)key->size, key->text, s->count);
    return true;
}

// ---------------------------------------------------------------------------
// Storages of the older kind of file, see pth_legacy.c

int pth_compare_storages(const void *a, const void *b)
{
    const struct pth_storage *left = a, *right = b;
    if (left->length != right->length)
        return left->length < right->length ? -1 : 1;
    return memcmp(left->key, right->key, left->length);
}

struct pth_storage *pth_find_storage(const struct pth *p, const char *key,
                                     size_t length)
{
    const struct pth_storage wanted = { .key = key, .length = length };
    if (p->storage_count == 0)
        return NULL;
    return bsearch(&wanted, p->storages, p->storage_count, sizeof(wanted),
                   pth_compare_storages);
}

// ---------------------------------------------------------------------------
// Tensors

static bool bad_tensor(const struct pth *p, const char *name, const char *why)
{
    log_error("pth: %s is damaged: tensor %s %s", p->path, name, why);
    return false;
}

// Finds the storage of a tensor in the file.
static bool find_place(struct pth *p, const char *name, const struct pth_storage *s,
                       struct pth_place *place)
{
    if (!p->archive) {
        const struct pth_storage *known = pth_find_storage(p, s->key, s->length);
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
    if (place->record.size != s->count * pth_kind_size(s->kind))
        return bad_tensor(p, name,
                          "has a storage whose size differs from the one stated");
    return true;
}

// Reads sides, strides and the offset of the first value. Every value must lie in the
// storage: the last one, sum of (side - 1) * stride, is checked without overflow.
static bool read_shape(const struct pth *p, const struct pickle_value *arguments,
                       const struct pth_storage *s, struct pth_entry *e,
                       struct pth_place *place)
{
    const struct pickle_value *sides = item(arguments, 2), *strides;
    strides = item(arguments, 3);
    // Sides are a tuple, or torch.Size of one.
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
        // Eight bytes a value at most, so the size in bytes fits 63 bits.
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
    // Strides of 0 show values many times: a small file could claim a tensor of any
    // size.
    if (e->count > s->count && e->count > REPEATED_MAX)
        return bad_tensor(p, e->name, "has more values than its storage");
    return true;
}

// Adds an entry for a tensor of the dictionary.
static bool add_tensor(struct pth *p, const struct pickle_value *key,
                       const struct pickle_value *tensor)
{
    if (key->type != PICKLE_TEXT || key->size == 0 || key->size > NAME_MAX_BYTES ||
        memchr(key->text, '\0', key->size))
        return pth_report_damage(p, "a tensor has no usable name");
    if (p->count == TENSORS_MAX)
        return pth_report_damage(p, "it has too many tensors");
    if (!mem_grow(&p->entries, &p->capacity, p->count + 1, sizeof(*p->entries)) ||
        !mem_grow(&p->places, &p->place_capacity, p->count + 1, sizeof(*p->places)))
        return false;
    char *name = mem_printf("%.*s", (int)key->size, key->text);
    if (!name)
        return false;
    struct pth_entry *e = &p->entries[p->count];
    struct pth_place *place = &p->places[p->count];
    struct pth_storage s;
    *e = (struct pth_entry){ .name = name };
    *place = (struct pth_place){ 0 };
    p->count++;
    if (!pth_read_storage(p, item(tensor->arguments[1], 0), &s) ||
        !read_shape(p, tensor->arguments[1], &s, e, place))
        return false;
    place->kind = s.kind;
    e->kind = kinds[s.kind].name;
    return e->count == 0 || find_place(p, e->name, &s, place);
}

int pth_compare_names(const void *a, const void *b)
{
    const struct pth_named *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static bool add_all(struct pth *p, const struct pickle_value *dictionary)
{
    const struct pickle_value *key, *value;
    for (size_t i = 0; pth_dictionary_item(dictionary, i, &key, &value); i++) {
        const struct pickle_value *tensor = as_tensor(value);
        if (tensor && !add_tensor(p, key, tensor))
            return false;
    }
    p->by_name = mem_array(p->count, sizeof(*p->by_name));
    if (!p->by_name)
        return false;
    for (size_t i = 0; i < p->count; i++)
        p->by_name[i] = (struct pth_named){ p->entries[i].name, i };
    qsort(p->by_name, p->count, sizeof(*p->by_name), pth_compare_names);
    for (size_t i = 1; i < p->count; i++)
        if (pth_compare_names(&p->by_name[i - 1], &p->by_name[i]) == 0)
            return bad_tensor(p, p->by_name[i].name, "is there twice");
    return true;
}

// ---------------------------------------------------------------------------
// Which dictionary

struct search {
    const char *const *parts;    // that the caller asks for
    const struct pickle_value *best;
    size_t best_rank;    // lower is better
    size_t count;        // dictionaries with tensors
    bool tie;            // another one is as good
    char seen[200];      // their names, for the message
    bool failed;         // out of memory
};

// Whether a name is one of the words of "netG.state_dict".
static bool has_word(const char *part, const char *name)
{
    const size_t length = strlen(name);
    for (const char *word = part; word; word = strchr(word, '.')) {
        word += *word == '.';
        if (strncmp(word, name, length) == 0 &&
            (word[length] == '.' || word[length] == '\0'))
            return true;
    }
    return false;
}

// How good a dictionary of this name is: those that the caller asks for, the usual
// names in their order, then the outermost one, whose name is "".
static size_t rank_part(const struct search *s, const char *part)
{
    const char *dot = strrchr(part, '.');
    const char *last = dot ? dot + 1 : part;
    size_t rank = 0;
    for (; s->parts && s->parts[rank]; rank++)
        if (has_word(part, s->parts[rank]))
            return rank;
    for (size_t i = 0; i < ARRAY_LEN(usual_parts); i++, rank++)
        if (strcmp(last, usual_parts[i]) == 0)
            return rank;
    return rank + (*part != '\0');
}

// Takes the dictionary if it is better than those before it.
static void consider(struct search *s, const struct pickle_value *dictionary,
                     const char *part)
{
    size_t rank = rank_part(s, part), used = strlen(s->seen);
    snprintf(s->seen + used, sizeof(s->seen) - used, "%s%s", used ? ", " : "",
             *part ? part : "(outermost)");
    s->count++;
    s->tie = rank == s->best_rank || (s->tie && rank > s->best_rank);
    if (rank < s->best_rank) {
        s->best = dictionary;
        s->best_rank = rank;
    }
}

// Looks for dictionaries with tensors in this one and those that it holds. A pickle can
// refer to one dictionary many times, so the number of visits is not bounded by the
// size of the file: `budget` ends the search.
static void search(struct search *s, const struct pickle_value *dictionary,
                   const char *part, unsigned depth, size_t *budget)
{
    const struct pickle_value *key, *value;
    bool holds = false;
    for (size_t i = 0; pth_dictionary_item(dictionary, i, &key, &value); i++) {
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

static bool choose_dictionary(const struct pth *p, const struct pickle_value *root,
                              const struct pickle_value **dictionary)
{
    struct search s = { .parts = p->parts, .best_rank = SIZE_MAX };
    size_t budget = VISITS_MAX;
    if (!is_dictionary(root))
        return pth_report_foreign(p, as_tensor(root)
                                         ? "it holds a tensor without a name"
                                         : "it holds something else");
    search(&s, root, "", 0, &budget);
    *dictionary = s.best;
    if (s.failed)
        return false;
    if (s.count == 0)
        return pth_report_foreign(p, "it holds no tensors");
    if (s.tie && s.count > 1) {
        log_error("pth: %s has several dictionaries of tensors (%s): save only the one "
                  "that is to be used",
                  p->path, s.seen);
        return false;
    }
    return true;
}

bool pth_add_tensors(struct pth *p, const struct pickle_value *root)
{
    const struct pickle_value *dictionary = NULL;
    return choose_dictionary(p, root, &dictionary) && add_all(p, dictionary);
}
