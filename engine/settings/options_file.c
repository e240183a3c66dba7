// SPDX-License-Identifier: MIT
//
// Training options in files: their JSON form, which a run and the metadata of weights
// store, and configuration files of lines. See options_file.h.

#include "settings/options_file.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/text.h"
#include "data/size.h"
#include "settings/options.h"
#include "settings/rules.h"
#include "settings/settings.h"
#include "settings/table.h"

#include <stdio.h>
#include <string.h>

// ---------------------------------------------------------------------------
// JSON

// A path is bytes on most systems, and JSON is Unicode. What is not UTF-8 is stored
// twice: "data" with '?' for the bytes that JSON cannot hold, for people to read, and
// "data-bytes" with all bytes as hexadecimal digits, which is what counts. Escapes
// inside the one text would either change the meaning of paths that contain the escape
// character, or be no Unicode (lone surrogates), which Jansson refuses to write.
static const char bytes_suffix[] = "-bytes";

static void add_bytes(json_t **object, const char *name, const char *text)
{
    const size_t size = strlen(text);
    char *key = mem_printf("%s%s", name, bytes_suffix),
         *digits = mem_alloc(2 * size + 1);
    for (size_t i = 0; digits && i < size; i++)
        snprintf(digits + 2 * i, 3, "%02x", (unsigned char)text[i]);
    json_add(object, key ? key : "", key && digits ? json_string(digits) : NULL);
    mem_free(digits);
    mem_free(key);
}

static void add_text(json_t **object, const char *name, const char *text)
{
    json_add(object, name, json_from_text(text));
    if (!text_is_utf8(text))
        add_bytes(object, name, text);
}

void options_drop_from_json(json_t *object, const char *name)
{
    char key[64];
    snprintf(key, sizeof(key), "%s%s", name, bytes_suffix);
    json_object_del(object, name);
    json_object_del(object, key);
}

// A square is a number, as in files of versions that had only squares.
static json_t *size_to_json(struct pix_size size)
{
    char text[SIZE_TEXT_SIZE];
    return size.width == size.height ? json_integer(size.width)
                                     : json_string(size_text(size, text));
}

static bool size_from_json(const json_t *value, struct pix_size *size)
{
    uint64_t side;
    if (json_is_string(value))
        return options_parse_size(json_string_value(value), size);
    if (!json_to_u64(value, &side) || side > UINT32_MAX)
        return false;
    *size = (struct pix_size){ (uint32_t)side, (uint32_t)side };
    return true;
}

json_t *options_to_json(const struct pix_train_options *o)
{
    size_t count;
    const struct pix_option *table = table_rows(&count);
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++) {
        const struct pix_option *row = &table[i];
        const void *value = table_field_const(row, o);
        json_t *member = NULL;
        if (row->is_run_state || (table_is_text(row) && !table_text(row, o)))
            continue;
        switch (row->type) {
        case PIX_OPTION_FLAG:
            member = json_boolean(*(const bool *)value);
            break;
        case PIX_OPTION_UINT32:
            member = json_integer(*(const uint32_t *)value);
            break;
        case PIX_OPTION_UINT64:
            // Checked options end at INT64_MAX, as these integers do (WHOLE_MAX).
            member = json_integer((json_int_t) * (const uint64_t *)value);
            break;
        case PIX_OPTION_REAL:
            member = json_from_double(*(const double *)value);
            break;
        case PIX_OPTION_SIZE:
            member = size_to_json(*(const struct pix_size *)value);
            break;
        case PIX_OPTION_TEXT:
        case PIX_OPTION_CHOICE:
        case PIX_OPTION_RANGE:
        case PIX_OPTION_RATIO:
            add_text(&object, row->name, table_text(row, o));
            continue;
        }
        json_add(&object, row->name, member);
    }
    return object;
}

// The row of a key like "data-bytes"; NULL: it is none.
static const struct pix_option *find_bytes_row(const char *key)
{
    char name[64];
    const size_t length = strlen(key), tail = strlen(bytes_suffix);
    if (length <= tail || length - tail >= sizeof(name) ||
        strcmp(key + length - tail, bytes_suffix) != 0)
        return NULL;
    snprintf(name, sizeof(name), "%.*s", (int)(length - tail), key);
    const struct pix_option *row = table_find(name);
    return row && row->type == PIX_OPTION_TEXT ? row : NULL;
}

static int digit_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

// The bytes that pairs of hexadecimal digits stand for, as a text, which the caller
// frees. NULL after a message.
static char *decode_bytes(const char *digits, const char *key, const char *source)
{
    const size_t size = digits ? strlen(digits) / 2 : 0;
    char *text = mem_zalloc(size + 1);
    bool ok = size > 0 && strlen(digits) == 2 * size;
    for (size_t i = 0; text && ok && i < size; i++) {
        const int high = digit_value(digits[2 * i]),
                  low = digit_value(digits[2 * i + 1]);
        text[i] = (char)(16 * high + low);
        ok = high >= 0 && low >= 0 && text[i];
    }
    if (ok || !text)
        return text;
    log_error("options: %s: \"%s\" must be the bytes of a path as pairs of hexadecimal "
              "digits",
              source, key);
    mem_free(text);
    return NULL;
}

// Sets an option from its bytes. Where somebody has edited the text beside them, they
// no longer belong together, and what was edited is meant.
static bool read_bytes(struct pix_train_options *o, const struct pix_option *row,
                       const char *key, const json_t *value, const char *source)
{
    const char *beside = *(const char *const *)table_field(row, o);
    char *text = decode_bytes(json_string_value(value), key, source);
    json_t *plain = text ? json_from_text(text) : NULL;
    bool ok = plain != NULL;
    if (ok && beside && strcmp(json_string_value(plain), beside) != 0) {
        log_warn("options: %s: \"%s\" is not \"%s\" any more: \"%s\" is used", source,
                 key, row->name, beside);
    } else if (ok) {
        const char *own = options_own_text(o, text);
        ok = own != NULL;
        if (ok)
            *(const char **)table_field(row, o) = own;
    }
    json_decref(plain);
    mem_free(text);
    return ok;
}

// Sets an option from a member of an object. Types are those of JSON, so that
// options_set_row, to which "12" is a number, does not fit. The text is copied: the
// document is freed before the options. An unknown name is an error with `strict`.
static bool read_member(struct pix_train_options *o, const char *key,
                        const json_t *value, const char *source, bool strict)
{
    const struct pix_option *row = table_find(key);
    if (!row) {
        if (strict)
            log_error("options: %s: there is no option \"%s\"", source, key);
        else
            log_warn("options: %s: this version does not know \"%s\" and ignores it",
                     source, key);
        return !strict;
    }

    uint64_t whole = 0;
    double real = 0;
    struct pix_size size;
    const char *text = json_string_value(value);
    bool fits = false;
    switch (row->type) {
    case PIX_OPTION_FLAG:
        fits = json_is_boolean(value);
        if (fits)
            *(bool *)table_field(row, o) = json_is_true(value);
        break;
    case PIX_OPTION_UINT32:
        fits = json_to_u64(value, &whole) && table_in_range(row, (double)whole);
        if (fits)
            *(uint32_t *)table_field(row, o) = (uint32_t)whole;
        break;
    case PIX_OPTION_UINT64:
        fits = json_to_u64(value, &whole) && table_in_range(row, (double)whole);
        if (fits)
            *(uint64_t *)table_field(row, o) = whole;
        break;
    case PIX_OPTION_REAL:
        fits = json_to_double(value, &real) && table_in_range(row, real);
        if (fits)
            *(double *)table_field(row, o) = real;
        break;
    case PIX_OPTION_SIZE:
        fits = size_from_json(value, &size) && table_has_size(row, size);
        if (fits)
            *(struct pix_size *)table_field(row, o) = size;
        break;
    case PIX_OPTION_TEXT:
    case PIX_OPTION_CHOICE:
    case PIX_OPTION_RANGE:
    case PIX_OPTION_RATIO:
        fits = text && table_takes_text(row, text);
        if (fits) {
            text = options_own_text(o, text);
            if (!text)
                return false;
            *(const char **)table_field(row, o) = text;
        }
        break;
    }
    if (!fits) {
        char takes[128];
        log_error("options: %s: \"%s\" must be %s", source, key,
                  table_describe(row, takes, sizeof(takes)));
    }
    return fits;
}

// With `strict`, unknown names are errors.
static bool read_object(json_t *object, struct pix_train_options *o, const char *source,
                        bool strict)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object)) {
        log_error("options: %s: options must be one JSON object", source);
        return false;
    }
    // The recipe first: it sets options that other members of the object change.
    value = json_object_get(object, "recipe");
    if (value &&
        (!read_member(o, "recipe", value, source, strict) || !options_apply_recipe(o)))
        return false;
    json_object_foreach(object, key, value)
        if (strcmp(key, "recipe") != 0 && !find_bytes_row(key) &&
            !read_member(o, key, value, source, strict))
            return false;
    // After the texts beside them.
    json_object_foreach(object, key, value) {
        const struct pix_option *row = find_bytes_row(key);
        if (row && !read_bytes(o, row, key, value, source))
            return false;
    }
    return true;
}

bool options_read_json(json_t *object, struct pix_train_options *o)
{
    return read_object(object, o, "stored options", false);
}

bool options_read_stored(const char *text, const char *what, const char *path,
                         struct settings *s)
{
    // The user knows the file of weights, not the JSON in it: what is wrong with that
    // becomes the reason in a message about the file.
    struct log_capture capture;
    log_capture_begin(&capture);
    json_t *document = json_parse(text, strlen(text), path);
    const bool ok =
        document && options_read_json(document, &s->options) && settings_resolve(s);
    json_decref(document);
    const char *error = log_capture_end(&capture);
    if (!ok)
        log_error("%s: %s holds options that this version cannot use: %s", what, path,
                  error);
    return ok;
}

// ---------------------------------------------------------------------------
// Files

// isspace would depend on the locale.
static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

// Cuts white space off both ends, in place.
static char *trim(char *text)
{
    while (is_space(*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && is_space(text[length - 1]))
        text[--length] = 0;
    return text;
}

// "name = value"; '#' starts a comment at the beginning or after white space, so that
// paths may contain it. Quotes around a value keep such a '#' and spaces at its ends.
// With `recipes` sets those, otherwise all but them.
static bool read_line(char *line, const char *source, bool recipes,
                      struct pix_train_options *o)
{
    bool quoted = false;
    for (char *c = line; *c; c++) {
        if (*c == '"')
            quoted = !quoted;
        if (*c == '#' && !quoted && (c == line || is_space(c[-1]))) {
            *c = 0;
            break;
        }
    }
    line = trim(line);
    if (!*line)
        return true;
    char *equals = strchr(line, '=');
    if (!equals) {
        log_error("options: %s: expected `name = value`, not \"%s\"", source, line);
        return false;
    }
    *equals = 0;
    const char *name = trim(line);
    char *value = trim(equals + 1);
    const size_t length = strlen(value);
    if (length >= 2 && value[0] == '"' && value[length - 1] == '"') {
        value[length - 1] = 0;
        value++;
    }
    const struct pix_option *row = table_find(name);
    if (!row) {
        log_error("options: %s: there is no option \"%s\"", source, name);
        return false;
    }
    if (table_is_recipe(row) != recipes)
        return true;
    char *where = mem_printf("%s: %s", source, row->name);
    const bool ok = where && options_set_row(o, row, value, where, true);
    mem_free(where);
    return ok;
}

// Cuts `text` into lines. Every line is parsed in both passes, so that the first one
// already reports a name that does not exist, whichever option it sets.
static bool read_pass(char *text, const char *path, bool recipes,
                      struct pix_train_options *o)
{
    bool ok = true;
    for (unsigned number = 1; ok && text; number++) {
        char *next = strchr(text, '\n');
        if (next)
            *next++ = 0;
        char *source = mem_printf("%s:%u", path, number);
        ok = source && read_line(text, source, recipes, o);
        mem_free(source);
        text = next;
    }
    return ok;
}

// A recipe is what the other lines change, wherever it stands.
static bool read_lines(char *text, const char *path, struct pix_train_options *o)
{
    char *copy = mem_strdup(text);    // lines are cut in place
    const bool ok =
        copy && read_pass(copy, path, true, o) && read_pass(text, path, false, o);
    mem_free(copy);
    return ok;
}

// `is_run`: a file that a run stored. Perhaps a newer version wrote it, so unknown
// names are warnings; and it is JSON in any case, so that a corrupted one is not taken
// for lines.
static bool read_file(const char *path, struct pix_train_options *o, bool is_run)
{
    void *data = NULL;
    size_t size = 0;
    if (!file_read(path, &data, &size))
        return false;

    bool ok = false;
    char *text = data;
    json_t *document = NULL;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3, size -= 3;    // the mark that some editors put before UTF-8
    // A zero byte would end the text early, and silently.
    if (strlen(text) != size) {
        log_error("options: %s is not a text file", path);
        goto fail;
    }
    if (is_run || text[strspn(text, " \t\r\n")] == '{') {
        document = json_parse(text, size, path);
        ok = document && read_object(document, o, path, !is_run);
    } else {
        ok = read_lines(text, path, o);
    }

fail:
    json_decref(document);
    mem_free(data);
    return ok;
}

bool options_read_file(const char *path, struct pix_train_options *options)
{
    return read_file(path, options, false);
}

bool options_read_run(const char *run, struct pix_train_options *options)
{
    options_init(options);
    char *path = file_join(run, "config.json");
    if (!path)
        goto fail;
    if (os_path_is_absent(path)) {
        log_error("options: %s has no config.json: it is not a run folder", run);
        goto fail;
    }
    if (!read_file(path, options, true))
        goto fail;
    // Run state, which the file does not have, unless somebody has edited it.
    options->out = options_own_text(options, run);
    options->continue_run = options->data_changed = false;
    if (!options->out)
        goto fail;
    mem_free(path);
    return true;

fail:
    mem_free(path);
    options_finish(options);
    return false;
}

bool settings_read_run(const char *run, struct settings *s)
{
    struct pix_train_options o;
    if (!options_read_run(run, &o))
        return false;
    const bool ok = settings_init(s, &o);
    options_finish(&o);
    return ok;
}
