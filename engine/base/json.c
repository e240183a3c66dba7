// SPDX-License-Identifier: MIT
//
// JSON in two passes. The first checks the text against the whole grammar and counts
// its tokens, so that one message can name the place of the first fault; jsmn, which
// forgives much, then only cuts valid text into tokens. A third, over the tokens alone,
// links each to the one after its last descendant, so that siblings are found in one
// step.

#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#ifdef __GNUC__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>
#ifdef __GNUC__
#pragma GCC diagnostic pop
#endif

enum { MAX_TEXT = 100000000, MAX_DEPTH = 64, MAX_NUMBER = 512 };

struct json_document {
    const char *text;
    jsmntok_t *tokens;    // after linking, `parent` is the index of the next sibling
    uint32_t count;
};

// Strings

// Length of the UTF-8 character at `s`, 0 if there is no valid one.
static size_t utf8_length(const char *s, const char *end)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t room = (size_t)(end - s);

    if (room == 0)
        return 0;
    if (u[0] < 0x80)
        return 1;
    size_t length = u[0] >= 0xc2 && u[0] < 0xe0   ? 2
                    : u[0] >= 0xe0 && u[0] < 0xf0 ? 3
                    : u[0] >= 0xf0 && u[0] < 0xf5 ? 4
                                                  : 0;
    if (length == 0 || room < length)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    }
    // Overlong forms, surrogates, and what lies above the last code point.
    if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] >= 0xa0) ||
        (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] >= 0x90))
        return 0;
    return length;
}

static size_t utf8_encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)(lead[length] | code);
    return length;
}

// Four hexadecimal digits, or -1.
static int32_t read_hex(const char *s, const char *end)
{
    int32_t code = 0;
    if (end - s < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = s[i];
        int32_t digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    return code;
}

// Takes one character, plain or escaped, from the inside of a string and moves *s past
// it. Returns the number of its bytes; 0 and *fault (which may not be NULL) if it is
// not one.
static size_t next_character(const char **s, const char *end, char out[4],
                             const char **fault)
{
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *p = *s;

    if (*p != '\\') {
        size_t length = utf8_length(p, end);
        if (length == 0 || (unsigned char)*p < 0x20) {
            *fault = length ? "control character in a string" : "invalid UTF-8";
            return 0;
        }
        memcpy(out, p, length);
        *s = p + length;
        return length;
    }

    *fault = "invalid escape in a string";
    if (end - p < 2)
        return 0;
    if (p[1] != 'u') {
        const char *found = p[1] ? strchr(escapes, p[1]) : NULL;
        if (!found)
            return 0;
        out[0] = meanings[found - escapes];
        *s = p + 2;
        return 1;
    }
    int32_t code = read_hex(p + 2, end);
    if (code < 0)
        return 0;
    p += 6;
    if (code >= 0xd800 && code < 0xe000) {
        int32_t low = -1;
        if (code < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u')
            low = read_hex(p + 2, end);
        if (low < 0xdc00 || low >= 0xe000) {
            *fault = "half of a surrogate pair";
            return 0;
        }
        code = 0x10000 + (code - 0xd800) * 0x400 + (low - 0xdc00);
        p += 6;
    }
    if (code == 0) {
        *fault = "NUL in a string";    // the engine's texts end at it
        return 0;
    }
    *s = p;
    return utf8_encode((uint32_t)code, out);
}

// Checking

struct checker {
    const char *at, *end;
    const char *fault;
    uint32_t tokens;
    uint32_t depth;
};

static bool fault(struct checker *c, const char *text)
{
    c->fault = c->at < c->end ? text : "the text ends too early";
    return false;
}

static void skip_space(struct checker *c)
{
    while (c->at < c->end &&
           (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
        c->at++;
}

static bool next_is(const struct checker *c, char wanted)
{
    return c->at < c->end && *c->at == wanted;
}

static bool next_is_digit(const struct checker *c)
{
    return c->at < c->end && *c->at >= '0' && *c->at <= '9';
}

static bool check_string(struct checker *c)
{
    c->tokens++;
    c->at++;
    while (c->at < c->end && *c->at != '"') {
        char bytes[4];
        const char *text;
        if (!next_character(&c->at, c->end, bytes, &text))
            return fault(c, text);
    }
    if (c->at == c->end)
        return fault(c, NULL);
    c->at++;
    return true;
}

static bool check_digits(struct checker *c)
{
    if (!next_is_digit(c))
        return fault(c, "invalid number");
    while (next_is_digit(c))
        c->at++;
    return true;
}

static bool check_number(struct checker *c)
{
    c->tokens++;
    if (next_is(c, '-'))
        c->at++;
    if (next_is(c, '0')) {
        c->at++;
        if (next_is_digit(c))
            return fault(c, "invalid number");
    } else if (!check_digits(c)) {
        return false;
    }
    if (next_is(c, '.')) {
        c->at++;
        if (!check_digits(c))
            return false;
    }
    if (next_is(c, 'e') || next_is(c, 'E')) {
        c->at++;
        if (next_is(c, '+') || next_is(c, '-'))
            c->at++;
        if (!check_digits(c))
            return false;
    }
    return true;
}

static bool check_word(struct checker *c, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0)
        return fault(c, "unknown word");
    c->tokens++;
    c->at += length;
    return true;
}

static bool check_value(struct checker *c);

static bool check_items(struct checker *c, bool is_object)
{
    char close = is_object ? '}' : ']';

    c->tokens++;
    c->at++;
    skip_space(c);
    if (next_is(c, close)) {
        c->at++;
        return true;
    }
    for (;;) {
        if (is_object) {
            skip_space(c);
            if (!next_is(c, '"'))
                return fault(c, "a name in quotes is expected");
            if (!check_string(c))
                return false;
            skip_space(c);
            if (!next_is(c, ':'))
                return fault(c, "':' is expected");
            c->at++;
        }
        if (!check_value(c))
            return false;
        skip_space(c);
        if (next_is(c, close)) {
            c->at++;
            return true;
        }
        if (!next_is(c, ','))
            return fault(c, is_object ? "',' or '}' is expected"
                                      : "',' or ']' is expected");
        c->at++;
    }
}

static bool check_value(struct checker *c)
{
    skip_space(c);
    if (next_is(c, '{') || next_is(c, '[')) {
        if (c->depth == MAX_DEPTH)
            return fault(c, "nested too deep");
        c->depth++;
        bool ok = check_items(c, *c->at == '{');
        c->depth--;
        return ok;
    }
    if (next_is(c, '"'))
        return check_string(c);
    if (next_is(c, '-') || next_is_digit(c))
        return check_number(c);
    if (next_is(c, 't'))
        return check_word(c, "true");
    if (next_is(c, 'f'))
        return check_word(c, "false");
    if (next_is(c, 'n'))
        return check_word(c, "null");
    return fault(c, "a value is expected");
}

// Counts the tokens of a valid text; 0 after a message.
static uint32_t check_text(const char *text, size_t size, const char *what)
{
    struct checker c = { .at = text, .end = text + size };

    if (size > MAX_TEXT) {
        log_error("json: %s: %zu bytes are too many, at most %d are read", what, size,
                  (int)MAX_TEXT);
        return 0;
    }
    if (check_value(&c)) {
        skip_space(&c);
        if (c.at == c.end)
            return c.tokens;
        fault(&c, "text after the end of the document");
    }
    uint32_t line = 1, column = 1;
    for (const char *p = text; p < c.at; p++) {
        column = *p == '\n' ? 1 : column + 1;
        line += *p == '\n';
    }
    log_error("json: %s: line %" PRIu32 ", column %" PRIu32 ": %s", what, line, column,
              c.fault);
    return 0;
}

// Documents

// From the last token to the first, children are linked before their parents.
static void link_siblings(struct json_document *document)
{
    for (uint32_t i = document->count; i-- > 0;) {
        uint32_t next = i + 1;
        for (int child = 0; child < document->tokens[i].size; child++)
            next = (uint32_t)document->tokens[next].parent;
        document->tokens[i].parent = (int)next;
    }
}

struct json_document *json_parse(const char *text, size_t size, const char *what)
{
    uint32_t count = check_text(text, size, what);
    if (count == 0)
        return NULL;

    struct json_document *document = mem_zalloc(sizeof(*document));
    if (!document)
        return NULL;
    document->text = text;
    document->count = count;
    document->tokens = mem_array(count, sizeof(*document->tokens));
    if (!document->tokens)
        goto fail;

    // jsmn takes a number or word only if something follows it, which after a root
    // need not be so.
    const char *root = text;
    while (*root == ' ' || *root == '\t' || *root == '\n' || *root == '\r')
        root++;
    if (*root != '{' && *root != '[' && *root != '"') {
        size_t end = size;
        while (strchr(" \t\n\r", text[end - 1]))
            end--;
        document->tokens[0] = (jsmntok_t){ .type = JSMN_PRIMITIVE,
                                           .start = (int)(root - text),
                                           .end = (int)end };
    } else {
        jsmn_parser parser;
        jsmn_init(&parser);
        int found = jsmn_parse(&parser, text, size, document->tokens, count);
        if (found < 0 || (uint32_t)found != count) {
            log_error("json: %s: the text can not be cut into tokens (%d)", what,
                      found);
            goto fail;
        }
    }
    link_siblings(document);
    return document;

fail:
    json_destroy(document);
    return NULL;
}

void json_destroy(struct json_document *document)
{
    if (!document)
        return;
    mem_free(document->tokens);
    mem_free(document);
}

struct json json_root(const struct json_document *document)
{
    return (struct json){ .document = document };
}

static const jsmntok_t *token_of(struct json v)
{
    return v.document ? &v.document->tokens[v.token] : NULL;
}

static bool is_type(struct json v, jsmntype_t type)
{
    const jsmntok_t *token = token_of(v);
    return token && token->type == type;
}

bool json_is_present(struct json v)
{
    return v.document != NULL;
}

bool json_is_object(struct json v)
{
    return is_type(v, JSMN_OBJECT);
}

bool json_is_array(struct json v)
{
    return is_type(v, JSMN_ARRAY);
}

bool json_is_string(struct json v)
{
    return is_type(v, JSMN_STRING);
}

size_t json_count(struct json v)
{
    return json_is_object(v) || json_is_array(v) ? (size_t)token_of(v)->size : 0;
}

static struct json next_sibling(struct json v)
{
    v.token = (uint32_t)token_of(v)->parent;
    return v;
}

// The first token below an object (a key), an array or a key (its value).
static struct json first_child(struct json v)
{
    v.token++;
    return v;
}

static bool string_equals(struct json string, const char *wanted)
{
    const jsmntok_t *token = token_of(string);
    const char *s = string.document->text + token->start;
    const char *end = string.document->text + token->end;
    const char *fault_text;

    while (s < end) {
        char bytes[4];
        size_t length = next_character(&s, end, bytes, &fault_text);
        if (strncmp(bytes, wanted, length) != 0)
            return false;
        wanted += length;
    }
    return *wanted == '\0';
}

struct json json_get(struct json object, const char *key)
{
    if (json_is_object(object)) {
        struct json name = first_child(object);
        for (size_t i = json_count(object); i > 0; i--) {
            if (string_equals(name, key))
                return first_child(name);
            name = next_sibling(name);
        }
    }
    return (struct json){ 0 };
}

struct json json_element(struct json array, size_t i)
{
    if (!json_is_array(array) || i >= json_count(array))
        return (struct json){ 0 };
    struct json v = first_child(array);
    for (; i > 0; i--)
        v = next_sibling(v);
    return v;
}

bool json_each(struct json object,
               bool (*member)(void *user, const char *key, struct json value),
               void *user)
{
    if (!json_is_object(object))
        return true;
    struct json name = first_child(object);
    for (size_t i = json_count(object); i > 0; i--) {
        char *key = json_to_string(name);
        bool ok = key && member(user, key, first_child(name));
        mem_free(key);
        if (!ok)
            return false;
        name = next_sibling(name);
    }
    return true;
}

// Copies the text of a primitive; false if it is not one or is longer than any number
// that means something.
static bool primitive_text(struct json v, char text[MAX_NUMBER])
{
    if (!is_type(v, JSMN_PRIMITIVE))
        return false;
    const jsmntok_t *token = token_of(v);
    size_t length = (size_t)(token->end - token->start);
    if (length >= MAX_NUMBER)
        return false;
    memcpy(text, v.document->text + token->start, length);
    text[length] = '\0';
    return true;
}

bool json_to_u64(struct json v, uint64_t *out)
{
    char text[MAX_NUMBER];
    uint64_t value = 0;

    if (!primitive_text(v, text))
        return false;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9')
            return false;
        uint64_t digit = (uint64_t)(*c - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

// The mark that this process's locale puts before decimals: strtod and printf follow
// it, JSON does not.
static void decimal_mark(char mark[16])
{
    char text[32];
    snprintf(text, sizeof(text), "%.1f", 0.5);
    size_t length = strlen(text) - 2;    // between "0" and "5"
    length = MIN(length, (size_t)15);
    memcpy(mark, text + 1, length);
    mark[length] = '\0';
}

static double read_double(const char *text)
{
    char local[MAX_NUMBER + 16], mark[16];
    decimal_mark(mark);

    const char *dot = strchr(text, '.');
    int before = dot ? (int)(dot - text) : (int)strlen(text);
    snprintf(local, sizeof(local), "%.*s%s%s", before, text, dot ? mark : "",
             dot ? dot + 1 : "");
    return strtod(local, NULL);
}

bool json_to_double(struct json v, double *out)
{
    char text[MAX_NUMBER];
    if (!primitive_text(v, text) || strchr("tfn", text[0]))
        return false;
    double value = read_double(text);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

bool json_to_bool(struct json v, bool *out)
{
    char text[MAX_NUMBER];
    if (!primitive_text(v, text) || (text[0] != 't' && text[0] != 'f'))
        return false;
    *out = text[0] == 't';
    return true;
}

char *json_to_string(struct json v)
{
    if (!json_is_string(v))
        return NULL;
    const jsmntok_t *token = token_of(v);
    const char *s = v.document->text + token->start;
    const char *end = v.document->text + token->end;
    const char *fault_text;

    // No escape is shorter than the bytes it stands for.
    char *text = mem_alloc((size_t)(end - s) + 1);
    if (!text)
        return NULL;
    size_t used = 0;
    while (s < end) {
        char bytes[4];
        size_t length = next_character(&s, end, bytes, &fault_text);
        memcpy(text + used, bytes, length);
        used += length;
    }
    text[used] = '\0';
    return text;
}

// Writing

static void put(struct json_writer *w, const char *bytes, size_t count)
{
    if (w->failed)
        return;
    if (!mem_grow(&w->text, &w->capacity, w->size + count + 1, 1)) {
        w->failed = true;
        return;
    }
    memcpy(w->text + w->size, bytes, count);
    w->size += count;
    w->text[w->size] = '\0';
}

static void put_text(struct json_writer *w, const char *text)
{
    put(w, text, strlen(text));
}

// What is not UTF-8 (a file name can be so) becomes U+FFFD: the document stays valid.
static void put_quoted(struct json_writer *w, const char *value)
{
    const char *end = value + strlen(value);

    put(w, "\"", 1);
    while (value < end) {
        size_t length = utf8_length(value, end);
        char escape[8];
        if (length == 0) {
            put(w, "\xef\xbf\xbd", 3);
            length = 1;
        } else if (*value == '"' || *value == '\\') {
            snprintf(escape, sizeof(escape), "\\%c", *value);
            put_text(w, escape);
        } else if (*value == '\n') {
            put(w, "\\n", 2);
        } else if (*value == '\t') {
            put(w, "\\t", 2);
        } else if ((unsigned char)*value < 0x20) {
            snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)*value);
            put_text(w, escape);
        } else {
            put(w, value, length);
        }
        value += length;
    }
    put(w, "\"", 1);
}

static void put_newline(struct json_writer *w)
{
    if (!w->newline)
        return;
    w->newline = false;
    put(w, "\n", 1);
    for (uint32_t i = 0; i < w->depth; i++)
        put(w, "  ", 2);
}

// What stands before a value: the comma after its sibling, a due newline, its name.
static void put_prefix(struct json_writer *w, const char *key)
{
    bool after_newline = w->newline;
    if (w->comma)
        put(w, ",", 1);
    if (w->comma && !after_newline)
        put(w, " ", 1);
    w->comma = w->depth > 0;
    put_newline(w);
    if (key) {
        put_quoted(w, key);
        put(w, ": ", 2);
    }
}

static void put_value(struct json_writer *w, const char *key, const char *text)
{
    put_prefix(w, key);
    put_text(w, text);
}

static void begin(struct json_writer *w, const char *key, const char *bracket)
{
    put_value(w, key, bracket);
    w->depth++;
    w->comma = false;
}

static void end(struct json_writer *w, const char *bracket)
{
    if (w->depth > 0)
        w->depth--;
    put_newline(w);
    put_text(w, bracket);
    w->comma = w->depth > 0;
}

void json_begin_object(struct json_writer *w, const char *key)
{
    begin(w, key, "{");
}

void json_end_object(struct json_writer *w)
{
    end(w, "}");
}

void json_begin_array(struct json_writer *w, const char *key)
{
    begin(w, key, "[");
}

void json_end_array(struct json_writer *w)
{
    end(w, "]");
}

void json_string(struct json_writer *w, const char *key, const char *value)
{
    put_prefix(w, key);
    put_quoted(w, value);
}

void json_u64(struct json_writer *w, const char *key, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRIu64, value);
    put_value(w, key, text);
}

void json_double(struct json_writer *w, const char *key, double value)
{
    char text[64], mark[16];

    if (!isfinite(value)) {
        json_null(w, key);
        return;
    }
    if (value == floor(value) && fabs(value) < 1e15) {
        snprintf(text, sizeof(text), "%.0f", value);
    } else {
        decimal_mark(mark);
        for (int digits = 1; digits <= 17; digits++) {
            snprintf(text, sizeof(text), "%.*g", digits, value);
            if (strtod(text, NULL) == value)
                break;
        }
        char *found = strstr(text, mark);
        if (found && strcmp(mark, ".") != 0) {
            char *rest = found + strlen(mark);
            *found = '.';
            memmove(found + 1, rest, strlen(rest) + 1);
        }
    }
    put_value(w, key, text);
}

void json_bool(struct json_writer *w, const char *key, bool value)
{
    put_value(w, key, value ? "true" : "false");
}

void json_null(struct json_writer *w, const char *key)
{
    put_value(w, key, "null");
}

void json_newline(struct json_writer *w)
{
    w->newline = true;
}

char *json_writer_finish(struct json_writer *w)
{
    put_newline(w);
    put(w, "", 0);    // an empty writer gives an empty text
    char *text = w->failed ? NULL : w->text;
    if (!text)
        mem_free(w->text);
    *w = (struct json_writer){ 0 };
    return text;
}
