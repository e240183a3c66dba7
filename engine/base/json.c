// SPDX-License-Identifier: MIT
//
// What the engine adds to Jansson. See json.h.

#include "base/json.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// MAX_TEXT in bytes. 17 significant digits distinguish all doubles.
enum { MAX_TEXT = 100000000, MAX_DIGITS = 17 };

// ---------------------------------------------------------------------------
// Reading

// Jansson's lexer does not notice that a token could not grow, and then reads past its
// end, or ends the process by an assertion. So no allocation of its parser returns
// NULL: it is left by a jump instead, and all that it has is freed. For that nothing is
// freed before the parser has ended, so that no address comes twice.
struct parser {
    void **made, **unused;    // what it allocated, and what it has freed of that
    size_t made_count, made_capacity;
    size_t unused_count, unused_capacity;
    jmp_buf no_memory;
};

// Of this thread. Others may use Jansson meanwhile.
static _Thread_local struct parser *parser;

// Jansson's allocator is one for the process, perhaps the program's own: that one is
// kept, and used meanwhile.
static json_malloc_t outer_malloc;
static json_free_t outer_free;

static void *parser_malloc(size_t size)
{
    struct parser *p = parser;
    if (!p)
        return outer_malloc(size);
    // Room in both lists first: neither this nor parser_free fails behind it.
    bool ok =
        mem_grow(&p->made, &p->made_capacity, p->made_count + 1, sizeof(void *)) &&
        mem_grow(&p->unused, &p->unused_capacity, p->made_count + 1, sizeof(void *));
    void *memory = ok ? outer_malloc(size) : NULL;
    if (!memory) {
        mem_note_failure();
        longjmp(p->no_memory, 1);
    }
    p->made[p->made_count++] = memory;
    return memory;
}

static void parser_free(void *memory)
{
    struct parser *p = parser;
    if (p && memory)
        p->unused[p->unused_count++] = memory;
    else
        outer_free(memory);
}

static void free_all(void **memory, size_t count)
{
    for (size_t i = 0; i < count; i++)
        outer_free(memory[i]);
}

// A function of its own, since the parser may jump back into it.
static json_t *run_parser(struct parser *p, const char *text, size_t size,
                          json_error_t *error)
{
    if (setjmp(p->no_memory)) {
        parser = NULL;
        free_all(p->made, p->made_count);
        return NULL;
    }
    parser = p;
    // RFC 8259 leaves open which of two equal keys counts, so such a file is refused.
    // Any value may be at the top: callers check types anyway. \u0000 is refused
    // without JSON_ALLOW_NUL, so every string of the result is a whole C string.
    json_t *v = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, error);
    parser = NULL;
    free_all(p->unused, p->unused_count);
    return v;
}

static json_t *load(const char *text, size_t size, json_error_t *error)
{
    json_malloc_t allocate;
    json_free_t release;
    struct parser p = { 0 };
    struct log_capture capture;    // json_parse says it
    log_capture_begin(&capture);
    os_global_lock();
    json_get_alloc_funcs(&allocate, &release);
    // Other threads may be reading them, so they are written only if they differ.
    if (allocate != outer_malloc && allocate != parser_malloc)
        outer_malloc = allocate;
    if (release != outer_free && release != parser_free)
        outer_free = release;
    json_set_alloc_funcs(parser_malloc, parser_free);
    json_t *v = run_parser(&p, text, size, error);
    json_set_alloc_funcs(allocate, release);
    os_global_unlock();
    log_capture_end(&capture);
    mem_free(p.made);
    mem_free(p.unused);
    return v;
}

json_t *json_parse(const char *text, size_t size, const char *what)
{
    json_error_t error;

    // What the engine reads is far smaller; a wrong file is refused before it is
    // parsed.
    if (size > MAX_TEXT) {
        log_error("json: %s: %zu bytes are too many, at most %d are read", what, size,
                  (int)MAX_TEXT);
        return NULL;
    }
    const uint64_t failures = mem_failures();
    json_t *v = load(text, size, &error);
    if (!v && mem_failures() != failures)
        log_error("json: out of memory while reading %s", what);
    else if (!v)
        log_error("json: %s: line %d, column %d: %s", what, error.line, error.column,
                  error.text);
    return v;
}

// Up to 2^63 - 1 only: Jansson's integers are signed, and larger ones do not parse.
bool json_to_u64(const json_t *v, uint64_t *out)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return false;
    *out = (uint64_t)json_integer_value(v);
    return true;
}

bool json_to_double(const json_t *v, double *out)
{
    if (!json_is_number(v))
        return false;
    *out = json_number_value(v);
    return true;
}

// ---------------------------------------------------------------------------
// Writing

json_t *json_from_double(double value)
{
    // JSON has neither infinity nor NaN (RFC 8259, section 6). Below 1e15 all whole
    // numbers are exact, in a double as in an integer.
    if (!isfinite(value))
        return json_null();
    if (value == floor(value) && fabs(value) < 1e15)
        return json_integer((json_int_t)value);
    return json_real(value);
}

json_t *json_from_text(const char *text)
{
    // Jansson refuses what is not UTF-8, with the same NULL as without memory.
    const bool is_good = text_is_utf8(text);
    char *ascii = is_good ? NULL : mem_strdup(text);
    if (!is_good && !ascii)
        return NULL;
    for (char *c = ascii; c && *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    json_t *v = json_string(ascii ? ascii : text);
    mem_free(ascii);
    if (!v) {
        mem_note_failure();
        log_error("json: out of memory while writing a text");
    }
    return v;
}

void json_add(json_t **object, const char *key, json_t *value)
{
    // *object may be NULL already. Jansson releases `value` when it fails, too.
    if (json_object_set_new(*object, key, value) == 0)
        return;
    json_decref(*object);
    *object = NULL;
}

void json_append(json_t **array, json_t *value)
{
    if (json_array_append_new(*array, value) == 0)
        return;
    json_decref(*array);
    *array = NULL;
}

// Digits with which a number reads back the same: 0.1, not 0.10000000000000001. The
// decimal point may be the locale's: both functions use the same.
static int digits_of(const json_t *v)
{
    int digits = json_is_real(v) ? 1 : MAX_DIGITS;
    for (; digits < MAX_DIGITS; digits++) {
        char text[64];
        snprintf(text, sizeof(text), "%.*g", digits, json_real_value(v));
        if (strtod(text, NULL) == json_real_value(v))
            break;
    }
    return digits;
}

struct text {
    char *bytes;
    size_t size, capacity;
    bool failed;    // a part is missing
};

// Remembers that it failed: Jansson does not look at the result for the key of a
// member.
static int append(const char *bytes, size_t count, void *user)
{
    struct text *t = user;
    if (t->failed || !mem_grow(&t->bytes, &t->capacity, t->size + count + 1, 1)) {
        t->failed = true;
        return -1;
    }
    memcpy(t->bytes + t->size, bytes, count);
    t->size += count;
    t->bytes[t->size] = '\0';
    return 0;
}

// Jansson takes one number of digits for all that a call writes, so each member is
// written with a call of its own, without the braces around it (JSON_EMBED). Real
// numbers deeper inside get all 17 digits.
char *json_text(json_t *object)
{
    struct text t = { 0 };
    const char *key;
    json_t *value;

    bool ok = object && append("{", 1, &t) == 0;
    json_object_foreach(object, key, value) {
        const size_t flags = JSON_EMBED | JSON_REAL_PRECISION((size_t)digits_of(value));
        json_t *member = json_pack("{s:O}", key, value);
        ok = ok && member && (t.size == 1 || append(", ", 2, &t) == 0) &&
             json_dump_callback(member, append, &t, flags) == 0;
        json_decref(member);
    }
    ok = ok && append("}", 1, &t) == 0;    // fails if a part before has failed
    json_decref(object);
    if (ok)
        return t.bytes;
    log_error("json: out of memory while writing a text");
    mem_free(t.bytes);
    return NULL;
}

char *json_lines(const json_t *value)
{
    struct text t = { 0 };
    bool ok = value && json_dump_callback(value, append, &t, JSON_INDENT(2)) == 0 &&
              append("\n", 1, &t) == 0;    // fails if a part before has failed
    if (ok)
        return t.bytes;
    log_error("json: out of memory while writing a text");
    mem_free(t.bytes);
    return NULL;
}
