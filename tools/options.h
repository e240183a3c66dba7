// SPDX-License-Identifier: MIT
//
// The command line: what a command accepts, how it is parsed, and its help. The
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

// One option of the command itself.
struct argument {
    const char *name;
    enum argument_type type;
    void *target;
    const char *value;    // word for the value in help
    const char *help;
    const char *choices;
    const char *initial;    // the default as help shows it, or NULL
};

// Options of every command that opens a device.
struct device_arguments {
    const char *select;
    bool verbose;
    bool validation;
};

struct command {
    const char *name;
    const char *usages[4];    // after "pix2pix", up to the first NULL
    const char *purpose;      // sentences for help, which folds them
    const struct argument *arguments;
    size_t count;
    struct device_arguments *device;    // NULL: opens none
    bool is_training;                   // takes the library's training options too
    const char **words;                 // gets the arguments without a name, in order
    size_t word_count;                  // how many are accepted
};

// A row of the list of commands.
struct command_entry {
    const char *name;
    int (*run)(int argc, char **argv);    // without the command's name; an exit code
    const char *help;
};

// The rows of device_arguments.
#define OPTIONS_DEVICE_ROWS 3
extern const struct argument options_device_rows[OPTIONS_DEVICE_ROWS];

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
// command ends here: help was printed, or the command line is wrong. `settings` gets
// the training options, NULL where the command takes none; its caller frees `items`.
bool options_parse_words(const struct command *command, int argc, char **argv,
                         struct settings *settings, int *code);

// Prints the message and how to get help; returns EXIT_USAGE.
int options_print_usage_error(const struct command *command, const char *format, ...)
    OUTPUT_PRINTF(2, 3);

// Opens the device that the command line selects; NULL after a message.
pix_device *options_open_device(const struct device_arguments *arguments);

// Closes it; accepts NULL. Returns `code`, or EXIT_FAILED if the validation layer
// reported anything.
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
