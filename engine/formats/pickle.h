// SPDX-License-Identifier: MIT
//
// Python's pickles as data: numbers, texts, tuples, lists, dictionaries. A pickle is a
// program that may call anything; this reader calls nothing. It knows a list of names
// that its caller gives, keeps a call of one of them as a value with its arguments, and
// refuses every other name and every opcode that data does not need.
//
// Opcodes: protocols 2 to 5, https://docs.python.org/3/library/pickletools.html

#ifndef FORMATS_PICKLE_H
#define FORMATS_PICKLE_H

#include "base/base.h"

enum pickle_type {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INTEGER,    // that has at most 64 bits
    PICKLE_LONG,       // any other one: its bytes, the lowest first
    PICKLE_FLOAT,      // without its value
    PICKLE_TEXT,       // or bytes
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICTIONARY,
    PICKLE_NAME,         // `integer`: which of the caller's names
    PICKLE_CALL,         // arguments[0] is what is called, [1] a tuple
    PICKLE_REFERENCE,    // arguments[0] is what it refers to, outside the pickle
    PICKLE_MARK,         // of the reader, never in a result
};

struct pickle_value {
    enum pickle_type type;
    uint32_t state;    // of the reader: see check_shape
    int64_t integer;
    const char *text;    // of length `size`, in the data that was read; no final NUL
    size_t size;
    const struct pickle_value *arguments[2];
    // Of tuples and lists the items; of dictionaries, and of calls to which items were
    // added, keys and values in turns.
    const struct pickle_value **items;
    size_t count, capacity;
};

struct pickle {
    const struct pickle_value *root;
    size_t size;    // bytes read: another pickle may follow
    // All of type PICKLE_REFERENCE, in their order.
    const struct pickle_value **references;
    size_t reference_count, reference_capacity;
    struct pickle_chunk *chunks;    // the values
};

// Reads one pickle from data[0..size), which must outlive the result. `names` are those
// that may appear, as "module.name"; `path` is for messages. No value of the result
// contains itself, and it is not deeper than 100 values. False after one message, and
// then there is nothing to free.
bool pickle_parse(struct pickle *p, const void *data, size_t size,
                  const char *const *names, size_t name_count, const char *path);
void pickle_free(struct pickle *p);    // a zeroed one is fine

bool pickle_text_is(const struct pickle_value *v, const char *text);

#endif
