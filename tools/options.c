// SPDX-License-Identifier: MIT
//
// Parsing of command lines. See options.h.

#include "options.h"

#include "help.h"
#include "nearest.h"
#include "rows.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int options_print_usage_error(const struct command *command, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    output_print_error("%s", text);
    output_print_note("see: pix2pix %s --help", command->name);
    return EXIT_USAGE;
}

// ---------------------------------------------------------------------------
// Parsing

// Compares the first `length` characters of `given` with a whole name; '_' is '-', as
// in the PyTorch port.
static bool same_name(const char *name, const char *given, size_t length)
{
    if (strlen(name) != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (name[i] != (given[i] == '_' ? '-' : given[i]))
            return false;
    return true;
}

static bool find_argument(const struct command *c, const char *name, size_t length,
                          struct argument *found)
{
    for (size_t i = 0; i < c->count; i++)
        if (same_name(c->arguments[i].name, name, length)) {
            *found = c->arguments[i];
            return true;
        }
    if (!c->device)
        return false;
    void *const targets[ROWS_DEVICE_COUNT] = { &c->device->select, &c->device->verbose,
                                               &c->device->validation,
                                               &c->device->no_matrix_units };
    for (size_t i = 0; i < ROWS_DEVICE_COUNT; i++)
        if (same_name(rows_device[i].name, name, length)) {
            *found = rows_device[i];
            found->target = targets[i];
            return true;
        }
    return false;
}

static const struct pix_option *find_training_row(const char *name, size_t length)
{
    size_t count;
    const struct pix_option *table = pix_train_option_table(&count);
    for (size_t i = 0; i < count; i++)
        if (same_name(table[i].name, name, length))
            return &table[i];
    return NULL;
}

static bool is_choice(const char *choices, const char *text)
{
    const size_t length = strcspn(text, "|");
    if (length == 0 || text[length])
        return false;
    for (const char *c = choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
        if (strncmp(c, text, length) == 0 && (c[length] == '|' || c[length] == 0))
            return true;
    return false;
}

static bool store(const struct command *c, const struct argument *a, const char *text)
{
    switch (a->type) {
    case ARGUMENT_FLAG:
        *(bool *)a->target = true;
        return true;
    case ARGUMENT_TEXT:
        if (!*text) {
            options_print_usage_error(c, "--%s takes a non-empty text", a->name);
            return false;
        }
        *(const char **)a->target = text;
        return true;
    case ARGUMENT_CHOICE:
    case ARGUMENT_PERHAPS:
        if (!is_choice(a->choices, text)) {
            options_print_usage_error(c, "--%s takes one of %s, not \"%s\"", a->name,
                                      a->choices, text);
            return false;
        }
        *(const char **)a->target = text;
        return true;
    case ARGUMENT_COUNT:
    case ARGUMENT_LARGE: {
        const uint64_t most = a->type == ARGUMENT_COUNT ? 9999999 : 999999999999;
        uint64_t value = 0;
        size_t i = 0;
        for (; text[i] >= '0' && text[i] <= '9' && value <= most / 10; i++)
            value = value * 10 + (uint64_t)(text[i] - '0');
        if (text[i] || value == 0) {
            options_print_usage_error(
                c, "--%s takes a whole number from 1 to %" PRIu64 ", not \"%s\"",
                a->name, most, text);
            return false;
        }
        if (a->type == ARGUMENT_COUNT)
            *(uint32_t *)a->target = (uint32_t)value;
        else
            *(uint64_t *)a->target = value;
        return true;
    }
    case ARGUMENT_SHARE: {
        const double value = strtod(text, NULL);
        if (!*text || text[strspn(text, "0123456789.")] || !(value < 1)) {
            options_print_usage_error(
                c, "--%s takes a number from 0 to less than 1, not \"%s\"", a->name,
                text);
            return false;
        }
        *(double *)a->target = value;
        return true;
    }
    case ARGUMENT_PAIR:
        // The caller finds the second text.
        *(const char **)a->target = text;
        return true;
    }
    return false;
}

struct parser {
    const struct command *command;
    int argc;
    char **argv;
    int at;    // the word that is being parsed
    size_t words;
    struct given_options *given;
};

// Moves on to the next word, which must be a value, and returns it. NULL after a
// message: `needs` says what the option needs, "a value".
static const char *next_value(struct parser *p, const char *name, const char *needs)
{
    if (p->at + 1 < p->argc && strncmp(p->argv[p->at + 1], "--", 2) != 0)
        return p->argv[++p->at];
    options_print_usage_error(p->command, "--%.*s needs %s", (int)strcspn(name, "="),
                              name, needs);
    return NULL;
}

// The value of an option that may have none: the next word if it is one, else the last
// choice.
static const char *perhaps_value(struct parser *p, const struct argument *a)
{
    const char *last = strrchr(a->choices, '|');
    if (p->at + 1 < p->argc && is_choice(a->choices, p->argv[p->at + 1]))
        return p->argv[++p->at];
    return last ? last + 1 : a->choices;
}

static void report_unknown(const struct command *c, const char *name, size_t length)
{
    const char *hint = nearest_of_port(c, name, length);
    const char *near = hint ? NULL : nearest_option(c, name, length);
    options_print_usage_error(c, "unknown option --%.*s%s%s%s", (int)length, name,
                              hint   ? ": "
                              : near ? ": did you mean --"
                                     : "",
                              hint   ? hint
                              : near ? near
                                     : "",
                              near ? "?" : "");
}

// Parses an option and its values.
static bool parse_option(struct parser *p)
{
    const struct command *c = p->command;
    const char *name = p->argv[p->at] + 2;
    const size_t length = strcspn(name, "=");
    const char *text = name[length] == '=' ? name + length + 1 : NULL;

    struct argument argument = { 0 };
    const bool own = find_argument(c, name, length, &argument);
    const struct pix_option *row =
        !own && c->is_training ? find_training_row(name, length) : NULL;
    if (!own && !row) {
        report_unknown(c, name, length);
        return false;
    }
    const bool is_flag =
        own ? argument.type == ARGUMENT_FLAG : row->type == PIX_OPTION_FLAG;
    if (is_flag && text) {
        options_print_usage_error(c, "--%.*s takes no value", (int)length, name);
        return false;
    }
    if (own && argument.type == ARGUMENT_PERHAPS && !text)
        text = perhaps_value(p, &argument);
    if (!is_flag && !text && !(text = next_value(p, name, "a value")))
        return false;
    if (!own) {
        p->given->items[p->given->count++] =
            (struct given_option){ row, is_flag ? "true" : text };
        return true;
    }
    if (!store(c, &argument, text))
        return false;
    if (argument.type != ARGUMENT_PAIR)
        return true;
    const char *second = next_value(p, name, "two values");
    ((const char **)argument.target)[1] = second;
    return second != NULL;
}

static bool parse_word(struct parser *p)
{
    const struct command *c = p->command;
    const char *word = p->argv[p->at];
    const bool is_option = strncmp(word, "--", 2) == 0;
    if (!is_option && *word && p->words < c->word_count) {
        c->words[p->words++] = word;
        return true;
    }
    if (!is_option || !word[2]) {
        options_print_usage_error(c, "\"%s\" is not an option", word);
        return false;
    }
    return parse_option(p);
}

bool options_parse_words(const struct command *command, int argc, char **argv,
                         struct given_options *given, int *code)
{
    struct parser p = { command, argc, argv, 0, 0, given };
    *code = EXIT_USAGE;
    for (int i = 0; i < argc; i++) {
        enum help_format format;
        if (help_is_asked(argv[i], &format)) {
            help_print_command(command, format);
            *code = EXIT_DONE;
            return false;
        }
    }
    if (given) {
        given->count = 0;
        given->items = calloc((size_t)argc + 1, sizeof(*given->items));
        if (!given->items) {
            output_print_error("out of memory");
            *code = EXIT_FAILED;
            return false;
        }
    }
    for (; p.at < argc; p.at++)
        if (!parse_word(&p))
            return false;
    return true;
}

// ---------------------------------------------------------------------------
// Devices and files

pix_device *options_open_device(const struct device_arguments *arguments)
{
    const struct pix_device_options options = {
        .log = output_get_log(arguments->verbose),
        .select = arguments->select,
        .validation = arguments->validation,
        .no_matrix_units = arguments->no_matrix_units,
    };
    return pix_device_create(&options);
}

int options_close_device(pix_device *device, int code)
{
    const uint32_t count = device ? pix_device_validation_count(device) : 0;
    pix_device_destroy(device);
    if (count > 0)
        output_print_error("the validation layer reported %" PRIu32 " message%s", count,
                           count == 1 ? "" : "s");
    return count > 0 && code == EXIT_DONE ? EXIT_FAILED : code;
}

bool options_ends_in(const char *path, const char *extension)
{
    const size_t length = strlen(path), tail = strlen(extension);
    return length > tail && strcmp(path + length - tail, extension) == 0;
}

char *options_join_path(const char *folder, const char *name)
{
    const size_t a = strlen(folder), b = strlen(name);
    char *path = malloc(a + b + 2);
    if (!path)
        return NULL;
    memcpy(path, folder, a);
    path[a] = '/';
    memcpy(path + a + 1, name, b + 1);
    return path;
}
