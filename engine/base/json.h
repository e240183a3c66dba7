// SPDX-License-Identifier: MIT
//
// JSON (RFC 8259) through Jansson, whose values and functions the engine uses as they
// are. Here is what Jansson leaves open: one message for text that is not JSON,
// conversions that check, and texts whose numbers have no more digits than they need.

#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/base.h"

#include <jansson.h>

// Parses text[0..size), in which an object has each key once. `what` names the source
// in messages. Returns NULL after a message, otherwise a value for json_decref.
json_t *json_parse(const char *text, size_t size, const char *what);

// False if the value is absent (NULL), of another type or out of range.
bool json_to_u64(const json_t *v, uint64_t *out);
bool json_to_double(const json_t *v, double *out);

// New values for writing. A whole number is written without a point, a number that is
// not finite as null. In a text that is not UTF-8 (a path can be so) '?' stands for
// every byte that is not ASCII.
json_t *json_from_double(double value);
json_t *json_from_text(const char *text);

// Adds a member. Where there is no memory, *object is freed and becomes NULL and stays
// so: json_text is where that is seen. A `value` of NULL is such a failure.
void json_add(json_t **object, const char *key, json_t *value);

// The text of an object on one line, NUL-terminated, caller frees; its members that are
// numbers have as few digits as read back the same. Takes the reference. NULL
// after a message, also for NULL.
char *json_text(json_t *object);

#endif
