// SPDX-License-Identifier: MIT
//
// What the commands print: messages, JSON documents, the live line of progress. With
// --json, stdout gets exactly one document and everything else goes to stderr.

#ifndef TOOLS_OUTPUT_H
#define TOOLS_OUTPUT_H

#include "pix2pix.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#if defined(__MINGW32__)
#define OUTPUT_PRINTF(text, first)                                                     \
    __attribute__((format(__MINGW_PRINTF_FORMAT, text, first)))
#elif defined(__GNUC__)
#define OUTPUT_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define OUTPUT_PRINTF(text, first)
#endif

// Text may come from names of files and from foreign files, whose characters a terminal
// would obey. All text that is printed goes through these functions, which show such
// characters as escapes (pix_text_escape); only files help.c and manual.c, which print
// the program's own text, and those that print numbers and what was cleaned before,
// call printf.

// Lines, or a part of one, on stdout or stderr. Newlines at both ends are kept, those
// between are escaped: a line each.
void output_print(FILE *stream, const char *format, ...) OUTPUT_PRINTF(2, 3);

// Messages on stderr. output_get_log sends the library's log there too, down to level
// debug if `verbose`, else info.
void output_print_error(const char *format, ...) OUTPUT_PRINTF(1, 2);
void output_print_note(const char *format, ...) OUTPUT_PRINTF(1, 2);
struct pix_log output_get_log(bool verbose);

// Adds a member to a JSON object; takes over `value`. Out of memory, *object is freed
// and becomes NULL, and stays so: output_print_json reports it.
void output_add_member(json_t **object, const char *key, json_t *value);
// The same for the next value of an array.
void output_append(json_t **array, json_t *value);

// Values. NULL and numbers that are not finite give null. Text that is not UTF-8, as a
// path may be, is written as messages show it: "\xff".
json_t *output_make_uint(uint64_t value);
json_t *output_make_real(double value);
json_t *output_make_text(const char *value);

// Prints a document on stdout, indented by two spaces, and frees it. NULL: there was no
// memory for it. False after a message.
bool output_print_json(json_t *document);

// A plan, as a document or as lines on stdout.
bool output_print_plan(const struct pix_plan *plan, bool json);

// A score or a loss with so many decimals: "0.1234". Where it is 10,000 and more, or
// has no digit but the last of these decimals, it has four digits: "1.27e+05",
// "0.0001234". "nan" and "inf". At most 10 characters with up to 4 decimals. `text` has
// room for 32.
const char *output_format_number(double value, int decimals, char *text);
// "1.25 GiB"; `text` has room for 32.
const char *output_format_bytes(uint64_t bytes, char *text);
// A measured number with three digits, and without an exponent if it is large: "7.14",
// "1234"; `text` has room for 32.
const char *output_format_rate(double value, char *text);
// A time as short as that of a step: "174 ms", "7.14 s", from 1000 s on "16:40"; `text`
// has room for 32.
const char *output_format_seconds(double seconds, char *text);
// "1:02:03"; `text` has room for 32.
const char *output_format_duration(double seconds, char *text);

// "discrete", "integrated", "virtual", "cpu" or "other".
const char *output_get_device_type(enum pix_device_type type);

// The version of Vulkan, "1.3.230"; `text` has room for 64.
const char *output_format_api_version(const struct pix_device_info *device, char *text);
// Adds what `devices` and `selftest` have in common to a JSON object.
void output_add_device(json_t **object, const struct pix_device_info *device);

// One line that is rewritten in place on a terminal. Messages clear it first.
void output_begin_live(FILE *stream);
void output_show_live(const char *text);
void output_end_live(void);    // clears it

#endif
