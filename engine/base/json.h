// SPDX-License-Identifier: MIT
//
// Reading JSON (RFC 8259) through the jsmn tokenizer, and writing it into a growing
// text. Reading is strict and bounded: bad text gives one message, never a crash.

#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/base.h"

// A value inside a parsed document. A zeroed value is "absent": every function accepts
// it and answers absent, false or 0, so look-ups can be chained.
struct json_document;
struct json {
    const struct json_document *document;
    uint32_t token;
};

// Parses text[0..size). `what` names the source in messages. The text must stay alive
// as long as the document. Returns NULL after a message.
struct json_document *json_parse(const char *text, size_t size, const char *what);
void json_destroy(struct json_document *document);    // NULL is fine

struct json json_root(const struct json_document *document);
bool json_is_present(struct json v);
bool json_is_object(struct json v);
bool json_is_array(struct json v);
bool json_is_string(struct json v);

struct json json_get(struct json object, const char *key);    // first of equal keys
size_t json_count(struct json v);                             // members or elements

// The i-th element, in i steps.
struct json json_element(struct json array, size_t i);

// Calls `member` for each member of an object, in order; stops on false and returns it.
// `key` is unescaped and lives for the call only.
bool json_each(struct json object,
               bool (*member)(void *user, const char *key, struct json value),
               void *user);

// Conversions: false if the value is absent, of another type or out of range.
bool json_to_u64(struct json v, uint64_t *out);
bool json_to_double(struct json v, double *out);
bool json_to_bool(struct json v, bool *out);
char *json_to_string(
    struct json v);    // unescaped UTF-8, caller frees; NULL if not one

// Writing. Commas are put where they belong. Failure (no memory) is sticky and seen in
// json_writer_finish. `key` is NULL inside arrays and at the root.
struct json_writer {
    char *text;
    size_t size, capacity;
    uint32_t depth;
    bool failed, comma, newline;
};

void json_begin_object(struct json_writer *w, const char *key);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w, const char *key);
void json_end_array(struct json_writer *w);
void json_string(struct json_writer *w, const char *key, const char *value);
void json_u64(struct json_writer *w, const char *key, uint64_t value);
void json_double(
    struct json_writer *w, const char *key,
    double value);    // non-finite: null; shortest text that reads back the same
void json_bool(struct json_writer *w, const char *key, bool value);
void json_null(struct json_writer *w, const char *key);
void json_newline(struct json_writer *w);    // before what follows; layout only

// The text, NUL-terminated, caller frees; NULL after a failure. The writer is empty
// again.
char *json_writer_finish(struct json_writer *w);

#endif
