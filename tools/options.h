// SPDX-License-Identifier: MIT
//
// The command line: what a command takes, how it is parsed and how its help looks. The
// options of training come from the library's table.

#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include "output.h"
#include "pix2pix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_INTERRUPTED = 130,    // 128 + SIGINT, as a shell reports it
};

enum argument_type {
    ARGUMENT_FLAG,      // bool
    ARGUMENT_TEXT,      // const char *
    ARGUMENT_CHOICE,    // const char *, one of `choices` separated by '|'
    ARGUMENT_COUNT,     // uint32_t from 1
    ARGUMENT_PAIR,      // const char *[2]: two texts
};

// One option that is the command's own.
struct argument {
    const char *name;
    enum argument_type type;
    void *target;
    const char *value;    // word for the value in help
    const char *help;
    const char *choices;
};

// What every command that opens a device takes.
struct device_arguments {
    const char *select;
    bool verbose;
    bool validation;
};

struct command {
    const char *name;
    const char *usage;      // after "pix2pix"
    const char *purpose;    // sentences for help, lines of at most 80 columns
    const struct argument *arguments;
    size_t count;
    struct device_arguments *device;    // NULL: opens none
    bool is_training;                   // takes the library's table too
    const char **words;                 // texts without a name, in their order
    size_t word_count;                  // most of them
};

// One training option as it was given, in the order of the command line.
struct setting {
    const struct pix_option *row;
    const char *text;
};

struct settings {
    struct setting *items;
    size_t count;
};

// Parses the words after the command's name. Returns false with *code set if the
// command ends here: help was printed, or the command line is wrong. `settings` may be
// NULL where the command is not a training; its items are freed by the caller.
bool options_parse_words(const struct command *command, int argc, char **argv,
                         struct settings *settings, int *code);

// Prints the message and where to find help; returns EXIT_USAGE.
int options_print_usage_error(const struct command *command, const char *format, ...)
    OUTPUT_PRINTF(2, 3);

// Opens the device that the command line names.
pix_device *options_open_device(const struct device_arguments *arguments);

// Closes it. Returns `code`, or EXIT_FAILED if validation had something to say.
int options_close_device(pix_device *device, int code);

// "folder/name"; caller frees. NULL after a message.
char *options_join_path(const char *folder, const char *name);

int command_devices(int argc, char **argv);
int command_train(int argc, char **argv);
int command_translate(int argc, char **argv);
int command_evaluate(int argc, char **argv);
int command_convert(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_tune(int argc, char **argv);

#endif
