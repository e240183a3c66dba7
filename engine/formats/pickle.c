// SPDX-License-Identifier: MIT
//
// The opcodes work on a stack of values and a memo, an array of values by number. Each
// value takes at least one byte of the pickle, and the limits below bound the memory
// that a hostile pickle can ask for. See pickle.h.

#include "formats/pickle.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"

#include <string.h>

// A tensor takes about 25 values. On 64-bit machines a value has 72 bytes and a pointer
// 8, so values, stack and memo take about 72, 2 and 8 MiB at most.
#define VALUES_MAX ((size_t)1 << 20)
#define STACK_MAX ((size_t)1 << 18)
#define MEMO_MAX ((uint32_t)1 << 20)
#define DEPTH_MAX 100u    // check_shape recurses once per level
#define CHUNK 256         // values allocated at once

// The opcodes of protocols 2 to 5 that data needs. Those of protocols 0 and 1 that
// write numbers and strings as text are refused: PyTorch does not use them.
enum opcode {
    OP_MARK = '(',
    OP_STOP = '.',
    OP_POP = '0',
    OP_POP_MARK = '1',
    OP_FLOAT = 'G',
    OP_INT = 'J',
    OP_INT1 = 'K',
    OP_INT2 = 'M',
    OP_NONE = 'N',
    OP_PERSISTENT = 'Q',
    OP_REDUCE = 'R',
    OP_STRING = 'T',
    OP_SHORT_STRING = 'U',
    OP_UNICODE = 'X',
    OP_BYTES = 'B',
    OP_SHORT_BYTES = 'C',
    OP_APPEND = 'a',
    OP_BUILD = 'b',
    OP_GLOBAL = 'c',
    OP_APPENDS = 'e',
    OP_GET = 'h',
    OP_LONG_GET = 'j',
    OP_PUT = 'q',
    OP_LONG_PUT = 'r',
    OP_SET_ITEM = 's',
    OP_TUPLE = 't',
    OP_SET_ITEMS = 'u',
    OP_EMPTY_TUPLE = ')',
    OP_EMPTY_LIST = ']',
    OP_EMPTY_DICTIONARY = '}',
    OP_PROTOCOL = 0x80,
    OP_NEW = 0x81,
    OP_TUPLE1 = 0x85,
    OP_TUPLE2 = 0x86,
    OP_TUPLE3 = 0x87,
    OP_TRUE = 0x88,
    OP_FALSE = 0x89,
    OP_LONG1 = 0x8a,
    OP_LONG4 = 0x8b,
    OP_SHORT_UNICODE = 0x8c,
    OP_UNICODE8 = 0x8d,
    OP_BYTES8 = 0x8e,
    OP_STACK_GLOBAL = 0x93,
    OP_MEMOIZE = 0x94,
    OP_FRAME = 0x95,
};

// Values are allocated in chunks that never move, so pointers to them stay valid.
struct pickle_chunk {
    struct pickle_chunk *next;
    size_t used;
    struct pickle_value values[CHUNK];
};

// A pickle while it is read. Values belong to `p`, the arrays to the reader.
struct reader {
    struct pickle *p;
    const uint8_t *data;
    size_t size, at;
    const char *const *names;
    size_t name_count;
    const char *path;
    struct pickle_value **stack;
    size_t depth, stack_capacity;
    struct pickle_value **memo;    // NULL: no value has this number
    size_t memo_count, memo_capacity;
    size_t value_count;
    uint8_t opcode;
};

static bool damaged(const struct reader *r, const char *why)
{
    log_error("pickle: %s is damaged: %s (opcode 0x%02x, byte %zu of its pickle)",
              r->path, why, r->opcode, r->at);
    return false;
}

// ---------------------------------------------------------------------------
// Bytes

// The next n bytes. n may be any number that the file states, so it is compared with a
// difference: the sum `at` + n could overflow.
static bool take(struct reader *r, uint64_t n, const uint8_t **bytes)
{
    if (n > r->size - r->at) {
        log_error("pickle: %s is cut short or damaged: its pickle does not end",
                  r->path);
        return false;
    }
    *bytes = r->data + r->at;
    r->at += (size_t)n;
    return true;
}

// An unsigned number of n bytes, lowest first.
static bool take_number(struct reader *r, unsigned n, uint64_t *number)
{
    const uint8_t *bytes;
    if (!take(r, n, &bytes))
        return false;
    *number = bytes_get_little(bytes, n);
    return true;
}

// The rest of the line; its end is taken too.
static bool take_line(struct reader *r, const uint8_t **bytes, size_t *length)
{
    const uint8_t *end;
    *bytes = r->data + r->at;
    end = memchr(*bytes, '\n', r->size - r->at);
    *length = end ? (size_t)(end - *bytes) : r->size - r->at;
    // Without an end of line this takes one byte too many, which `take` reports.
    const uint8_t *line;
    return take(r, (uint64_t)*length + 1, &line);
}

// ---------------------------------------------------------------------------
// Values, stack and memo

static struct pickle_value *make(struct reader *r, enum pickle_type type)
{
    struct pickle_chunk *chunk = r->p->chunks;
    if (r->value_count == VALUES_MAX) {
        damaged(r, "it has too many values");
        return NULL;
    }
    if (!chunk || chunk->used == CHUNK) {
        chunk = mem_zalloc(sizeof(*chunk));
        if (!chunk)
            return NULL;
        chunk->next = r->p->chunks;
        r->p->chunks = chunk;
    }
    struct pickle_value *v = &chunk->values[chunk->used++];
    r->value_count++;
    v->type = type;
    return v;
}

static bool push(struct reader *r, struct pickle_value *v)
{
    if (!v)
        return false;
    if (r->depth == STACK_MAX)
        return damaged(r, "too many values are waiting");
    if (!mem_grow(&r->stack, &r->stack_capacity, r->depth + 1, sizeof(*r->stack)))
        return false;
    r->stack[r->depth++] = v;
    return true;
}

static bool push_new(struct reader *r, enum pickle_type type)
{
    return push(r, make(r, type));
}

static bool push_integer(struct reader *r, enum pickle_type type, int64_t integer)
{
    struct pickle_value *v = make(r, type);
    if (v)
        v->integer = integer;
    return push(r, v);
}

// The bytes stay in the caller's data, so a long string takes no memory.
static bool push_text(struct reader *r, enum pickle_type type, uint64_t size)
{
    const uint8_t *bytes;
    if (!take(r, size, &bytes))
        return false;
    struct pickle_value *v = make(r, type);
    if (v) {
        v->text = (const char *)bytes;
        v->size = (size_t)size;
    }
    return push(r, v);
}

// A mark counts as the bottom of the stack: only pop_mark ends its group.
static bool pop(struct reader *r, struct pickle_value **v)
{
    if (r->depth == 0 || r->stack[r->depth - 1]->type == PICKLE_MARK)
        return damaged(r, "a value is missing");
    *v = r->stack[--r->depth];
    return true;
}

// Takes the values above the last mark, and the mark, from the stack. *values points
// into the stack and is valid until something is pushed.
static bool pop_mark(struct reader *r, struct pickle_value ***values, size_t *count)
{
    size_t at = r->depth;
    while (at > 0 && r->stack[at - 1]->type != PICKLE_MARK)
        at--;
    if (at == 0)
        return damaged(r, "a mark is missing");
    *values = r->stack + at;
    *count = r->depth - at;
    r->depth = at - 1;
    return true;
}

static bool add_items(struct pickle_value *to, struct pickle_value *const *values,
                      size_t count)
{
    if (!mem_grow(&to->items, &to->capacity, to->count + count, sizeof(*to->items)))
        return false;
    for (size_t i = 0; i < count; i++)
        to->items[to->count++] = values[i];
    return true;
}

static bool push_tuple(struct reader *r, struct pickle_value *const *values,
                       size_t count)
{
    struct pickle_value *v = make(r, PICKLE_TUPLE);
    return v && (count == 0 || add_items(v, values, count)) && push(r, v);
}

// TUPLE1 to TUPLE3 take their items from the stack without a mark.
static bool small_tuple(struct reader *r, size_t count)
{
    struct pickle_value *values[3];
    for (size_t i = count; i-- > 0;)
        if (!pop(r, &values[i]))
            return false;
    return push_tuple(r, values, count);
}

// Adds to the container on top of the stack. A call may be filled like a dictionary,
// since PyTorch makes an OrderedDict by a call and then sets its items.
static bool add(struct reader *r, struct pickle_value *const *values, size_t count,
                bool pairs)
{
    if (r->depth == 0)
        return damaged(r, "a value is missing");
    struct pickle_value *to = r->stack[r->depth - 1];
    bool fits = pairs ? to->type == PICKLE_DICTIONARY || to->type == PICKLE_CALL
                      : to->type == PICKLE_LIST;
    if (!fits || (pairs && count % 2 != 0))
        return damaged(r, pairs ? "items are set in a value that is not a dictionary"
                                : "items are appended to a value that is not a list");
    return count == 0 || add_items(to, values, count);
}

// APPENDS and SETITEMS: everything above the mark.
static bool add_marked(struct reader *r, bool pairs)
{
    struct pickle_value **values;
    size_t count;
    return pop_mark(r, &values, &count) && add(r, values, count, pairs);
}

// APPEND and SETITEM: one value, or a key and a value.
static bool add_popped(struct reader *r, size_t count)
{
    struct pickle_value *values[2];
    for (size_t i = count; i-- > 0;)
        if (!pop(r, &values[i]))
            return false;
    return add(r, values, count, count == 2);
}

// The top of the stack gets a number in the memo, by which it can be pushed again.
static bool remember(struct reader *r, uint64_t number)
{
    if (r->depth == 0 || r->stack[r->depth - 1]->type == PICKLE_MARK)
        return damaged(r, "a value is missing");
    // LONG_PUT may state any 32-bit number: the memo would take 32 GiB.
    if (number >= MEMO_MAX)
        return damaged(r, "it memorises too many values");
    if (!mem_grow(&r->memo, &r->memo_capacity, (size_t)number + 1, sizeof(*r->memo)))
        return false;
    while (r->memo_count <= number)
        r->memo[r->memo_count++] = NULL;
    r->memo[number] = r->stack[r->depth - 1];
    return true;
}

static bool recall(struct reader *r, uint64_t number)
{
    if (number >= r->memo_count || !r->memo[number])
        return damaged(r, "it recalls a value that it has not memorised");
    return push(r, r->memo[number]);
}

// ---------------------------------------------------------------------------
// Names and calls

// A name of the caller's list becomes its index. Of any other only printable characters
// go into the message: the text comes from the file.
static bool push_name(struct reader *r, const char *module, size_t module_length,
                      const char *name, size_t name_length)
{
    for (size_t i = 0; i < r->name_count; i++) {
        const char *known = r->names[i];
        if (strlen(known) == module_length + 1 + name_length &&
            memcmp(known, module, module_length) == 0 && known[module_length] == '.' &&
            memcmp(known + module_length + 1, name, name_length) == 0)
            return push_integer(r, PICKLE_NAME, (int64_t)i);
    }
    char text[128];
    size_t used = 0;
    for (size_t i = 0; i < module_length + 1 + name_length; i++) {
        char c = i < module_length    ? module[i]
                 : i == module_length ? '.'
                                      : name[i - module_length - 1];
        if (used + 1 < sizeof(text))
            text[used++] = c > ' ' && c <= '~' ? c : '?';
    }
    text[used] = '\0';
    log_error("pickle: %s is refused: it asks for %s; only dictionaries of tensors "
              "are read, and nothing in a file is executed",
              r->path, text);
    return false;
}

// GLOBAL: module and name are lines of the pickle.
static bool read_global(struct reader *r)
{
    const uint8_t *module, *name;
    size_t module_length, name_length;
    return take_line(r, &module, &module_length) && take_line(r, &name, &name_length) &&
           push_name(r, (const char *)module, module_length, (const char *)name,
                     name_length);
}

// STACK_GLOBAL, protocol 4: module and name are on the stack.
static bool read_stack_global(struct reader *r)
{
    struct pickle_value *module, *name;
    if (!pop(r, &name) || !pop(r, &module))
        return false;
    if (module->type != PICKLE_TEXT || name->type != PICKLE_TEXT)
        return damaged(r, "a name is not a string");
    return push_name(r, module->text, module->size, name->text, name->size);
}

// REDUCE and NEWOBJ: Python would call a function or make an object here.
static bool read_call(struct reader *r)
{
    struct pickle_value *function, *arguments;
    if (!pop(r, &arguments) || !pop(r, &function))
        return false;
    if (function->type != PICKLE_NAME || arguments->type != PICKLE_TUPLE)
        return damaged(r, "it calls a value that is not a name");
    struct pickle_value *v = make(r, PICKLE_CALL);
    if (!v)
        return false;
    v->arguments[0] = function;
    v->arguments[1] = arguments;
    return push(r, v);
}

// BINPERSID: an object outside the pickle; PyTorch refers to its storages so.
static bool read_reference(struct reader *r)
{
    struct pickle_value *to, *v;
    if (!pop(r, &to))
        return false;
    v = make(r, PICKLE_REFERENCE);
    if (!v || !mem_grow(&r->p->references, &r->p->reference_capacity,
                        r->p->reference_count + 1, sizeof(v)))
        return false;
    v->arguments[0] = to;
    r->p->references[r->p->reference_count++] = v;
    return push(r, v);
}

// The attributes of a value. Only the dictionaries of data have some, and they do not
// matter here.
static bool read_attributes(struct reader *r)
{
    struct pickle_value *state;
    if (!pop(r, &state))
        return false;
    if (r->depth == 0 || r->stack[r->depth - 1]->type != PICKLE_CALL)
        return damaged(r, "it sets attributes of a value that has none");
    return true;
}

// ---------------------------------------------------------------------------
// Numbers

// BINFLOAT: 8 bytes, of no use for tensors.
static bool read_float(struct reader *r)
{
    const uint8_t *bytes;
    return take(r, 8, &bytes) && push_new(r, PICKLE_FLOAT);
}

// LONG1 and LONG4: two's complement of any size, lowest byte first. Up to 64 bits it is
// an integer; PyTorch's magic number has 80.
static bool read_long(struct reader *r, uint64_t size)
{
    if (size > 8)
        return push_text(r, PICKLE_LONG, size);
    uint64_t bits;
    if (!take_number(r, (unsigned)size, &bits))
        return false;
    unsigned unused = 64 - 8 * (unsigned)size;    // bits that the sign fills
    if (unused > 0 && unused < 64 && bits >> (63 - unused))
        bits |= ~(uint64_t)0 << (64 - unused);
    int64_t integer;
    memcpy(&integer, &bits, sizeof(integer));
    return push_integer(r, PICKLE_INTEGER, integer);
}

// ---------------------------------------------------------------------------
// The opcodes

static bool unknown(const struct reader *r)
{
    log_error("pickle: %s is refused: its pickle has opcode 0x%02x, which dictionaries "
              "of tensors do not use",
              r->path, r->opcode);
    return false;
}

static bool step(struct reader *r)
{
    struct pickle_value **values, *v;
    uint64_t n = 0;
    size_t count;
    switch (r->opcode) {
    case OP_PROTOCOL:
        if (!take_number(r, 1, &n))
            return false;
        return n <= 5 || damaged(r, "its protocol is unknown");
    case OP_FRAME:    // its size helps to read ahead, no more
        return take_number(r, 8, &n);

    case OP_NONE:
        return push_new(r, PICKLE_NONE);
    case OP_TRUE:
    case OP_FALSE:
        return push_integer(r, PICKLE_BOOL, r->opcode == OP_TRUE);
    case OP_INT:
        if (!take_number(r, 4, &n))
            return false;
        // Four bytes in two's complement.
        return push_integer(r, PICKLE_INTEGER,
                            (int64_t)n - (int64_t)((n & 0x80000000u) << 1));
    case OP_INT1:
    case OP_INT2:
        return take_number(r, r->opcode == OP_INT1 ? 1 : 2, &n) &&
               push_integer(r, PICKLE_INTEGER, (int64_t)n);
    case OP_LONG1:
    case OP_LONG4:
        return take_number(r, r->opcode == OP_LONG1 ? 1 : 4, &n) && read_long(r, n);
    case OP_FLOAT:
        return read_float(r);

    case OP_SHORT_STRING:
    case OP_SHORT_BYTES:
    case OP_SHORT_UNICODE:
        return take_number(r, 1, &n) && push_text(r, PICKLE_TEXT, n);
    case OP_STRING:
    case OP_BYTES:
    case OP_UNICODE:
        return take_number(r, 4, &n) && push_text(r, PICKLE_TEXT, n);
    case OP_UNICODE8:
    case OP_BYTES8:
        return take_number(r, 8, &n) && push_text(r, PICKLE_TEXT, n);

    case OP_MARK:
        return push_new(r, PICKLE_MARK);
    case OP_POP:
        return pop(r, &v);
    case OP_POP_MARK:
        return pop_mark(r, &values, &count);
    case OP_EMPTY_TUPLE:
        return push_new(r, PICKLE_TUPLE);
    case OP_TUPLE1:
    case OP_TUPLE2:
    case OP_TUPLE3:
        return small_tuple(r, (size_t)(r->opcode - OP_TUPLE1) + 1);
    case OP_TUPLE:
        return pop_mark(r, &values, &count) && push_tuple(r, values, count);
    case OP_EMPTY_LIST:
        return push_new(r, PICKLE_LIST);
    case OP_EMPTY_DICTIONARY:
        return push_new(r, PICKLE_DICTIONARY);
    case OP_APPEND:
        return add_popped(r, 1);
    case OP_APPENDS:
        return add_marked(r, false);
    case OP_SET_ITEM:
        return add_popped(r, 2);
    case OP_SET_ITEMS:
        return add_marked(r, true);

    case OP_PUT:
        return take_number(r, 1, &n) && remember(r, n);
    case OP_LONG_PUT:
        return take_number(r, 4, &n) && remember(r, n);
    case OP_MEMOIZE:
        // Python takes the size of its memo, which is the same without gaps.
        return remember(r, r->memo_count);
    case OP_GET:
        return take_number(r, 1, &n) && recall(r, n);
    case OP_LONG_GET:
        return take_number(r, 4, &n) && recall(r, n);

    case OP_GLOBAL:
        return read_global(r);
    case OP_STACK_GLOBAL:
        return read_stack_global(r);
    case OP_REDUCE:
    case OP_NEW:
        return read_call(r);
    case OP_PERSISTENT:
        return read_reference(r);
    case OP_BUILD:
        return read_attributes(r);
    default:
        return unknown(r);
    }
}

// ---------------------------------------------------------------------------
// The result

// States of a value. SHAPE_CHECKED + h: checked, h values deep.
enum { SHAPE_UNSEEN, SHAPE_OPEN, SHAPE_CHECKED };

// Refuses a value that contains itself and values nested too deeply. *height is the
// number of levels below the value; it is kept in the value, so that a value with many
// owners is visited once.
static bool check_shape(const struct reader *r, const struct pickle_value *value,
                        unsigned depth, unsigned *height)
{
    // `make` allocated it, so it is not const.
    struct pickle_value *v = (struct pickle_value *)value;
    *height = 0;
    if (v->state == SHAPE_OPEN)
        return damaged(r, "a value contains itself");
    if (v->state >= SHAPE_CHECKED) {
        *height = v->state - SHAPE_CHECKED;
        return depth + *height <= DEPTH_MAX ||
               damaged(r, "its values are nested too deeply");
    }
    if (depth > DEPTH_MAX)
        return damaged(r, "its values are nested too deeply");
    v->state = SHAPE_OPEN;
    unsigned below = 0;
    for (size_t i = 0; i < ARRAY_LEN(v->arguments) + v->count; i++) {
        const struct pickle_value *part = i < ARRAY_LEN(v->arguments)
                                              ? v->arguments[i]
                                              : v->items[i - ARRAY_LEN(v->arguments)];
        if (!part)
            continue;
        if (!check_shape(r, part, depth + 1, &below))
            return false;
        *height = MAX(*height, below + 1);
    }
    v->state = SHAPE_CHECKED + *height;
    return true;
}

bool pickle_parse(struct pickle *p, const void *data, size_t size,
                  const char *const *names, size_t name_count, const char *path)
{
    *p = (struct pickle){ 0 };
    struct reader r = {
        .p = p,
        .data = data,
        .size = size,
        .names = names,
        .name_count = name_count,
        .path = path,
    };
    const uint8_t *byte;
    struct pickle_value *root = NULL;
    unsigned height;
    bool ok;
    while ((ok = take(&r, 1, &byte))) {
        r.opcode = *byte;
        if (r.opcode == OP_STOP)
            break;
        ok = step(&r);
        if (!ok)
            break;
    }
    ok = ok && pop(&r, &root) && check_shape(&r, root, 0, &height);
    // References outside the root are looked at too, see pth_legacy.c.
    for (size_t i = 0; ok && i < p->reference_count; i++)
        ok = check_shape(&r, p->references[i], 0, &height);
    p->root = root;
    p->size = r.at;
    mem_free(r.stack);
    mem_free(r.memo);
    if (!ok)
        pickle_free(p);
    return ok;
}

void pickle_free(struct pickle *p)
{
    while (p->chunks) {
        struct pickle_chunk *chunk = p->chunks;
        p->chunks = chunk->next;
        for (size_t i = 0; i < chunk->used; i++)
            mem_free(chunk->values[i].items);
        mem_free(chunk);
    }
    mem_free(p->references);
    *p = (struct pickle){ 0 };
}

bool pickle_text_is(const struct pickle_value *v, const char *text)
{
    return v->type == PICKLE_TEXT && v->size == strlen(text) &&
           memcmp(v->text, text, v->size) == 0;
}
