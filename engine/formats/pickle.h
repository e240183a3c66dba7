// SPDX-License-Identifier: MIT
//
// Python's pickles as data: numbers, strings, tuples, lists, dictionaries. A pickle is
// a program that may call any function; this reader calls none. Its caller lists the
// names that may appear. A call of one of them becomes a value with its arguments;
// every other name, and every opcode that data does not need, is refused.
//
// Opcodes: protocols 2 to 5, https://docs.python.org/3/library/pickletools.html

#ifndef FORMATS_PICKLE_H
#define FORMATS_PICKLE_H

#include "base/base.h"

enum pickle_type {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INTEGER,    // of at most 64 bits
    PICKLE_LONG,       // larger: its bytes, lowest first, as `text`
    PICKLE_FLOAT,      // its value is dropped
    PICKLE_TEXT,       // a string or bytes
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICTIONARY,
    PICKLE_NAME,         // `integer` is the index of one of the caller's names
    PICKLE_CALL,         // arguments[0] is the name called, [1] a tuple
    PICKLE_REFERENCE,    // arguments[0] describes an object outside the pickle
    PICKLE_MARK,         // internal, never in a result
};

struct pickle_value {
    enum pickle_type type;
    uint32_t state;    // internal, see check_shape
    int64_t integer;
    const char *text;    // `size` bytes of the data that was read; no final NUL
    size_t size;
    const struct pickle_value *arguments[2];
    // Tuples and lists: the items. Dictionaries, and calls to whose result items were
    // added: keys and values in turns.
    const struct pickle_value **items;
    size_t count, capacity;
};

struct pickle {
    const struct pickle_value *root;
    size_t size;    // bytes read: another pickle may follow
    // All values of type PICKLE_REFERENCE, in order.
    const struct pickle_value **references;
    size_t reference_count, reference_capacity;
    struct pickle_chunk *chunks;    // the values
};

// Reads one pickle from data[0..size), which must outlive the result. `names` may
// appear in it, written "module.name"; `path` is for messages. In the result no value
// contains itself, and nesting is at most 100 deep. False after one message; then there
// is nothing to free.
bool pickle_parse(struct pickle *p, const void *data, size_t size,
                  const char *const *names, size_t name_count, const char *path);
void pickle_free(struct pickle *p);    // a zeroed one is fine

bool pickle_text_is(const struct pickle_value *v, const char *text);

#endif
