// SPDX-License-Identifier: MIT
//
// JSON (RFC 8259) with Jansson, whose values and functions the engine uses directly.
// This adds one message for text that is not JSON, checked conversions, and output
// whose numbers have no more digits than they need.

#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/base.h"

#include <jansson.h>

// Parses text[0..size); an object with a key twice is refused. `what` names the source
// in messages. The caller frees the value with json_decref. NULL after a message.
json_t *json_parse(const char *text, size_t size, const char *what);

// False if the value is absent (NULL), of another type or out of range.
bool json_to_u64(const json_t *v, uint64_t *out);
bool json_to_double(const json_t *v, double *out);

// New values for writing. A whole number is written without a point, a number that is
// not finite as null. A text that is not UTF-8, as a path may be, is written with '?'
// for every byte that is not ASCII.
json_t *json_from_double(double value);
json_t *json_from_text(const char *text);

// Adds a member and takes `value`. Out of memory, or where `value` is NULL for the same
// reason, *object is freed and stays NULL: json_text is the one place to check.
void json_add(json_t **object, const char *key, json_t *value);
// The same for the next value of an array.
void json_append(json_t **array, json_t *value);

// The text of an object on one line, which the caller frees with mem_free. Its members
// that are numbers have as few digits as read back the same. Takes the reference. NULL
// after a message, also for NULL.
char *json_text(json_t *object);

// The text of a value on several lines, indented by 2, the last one ended as well. NULL
// after a message, also for NULL. mem_free.
char *json_lines(const json_t *value);

#endif
