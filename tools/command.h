// SPDX-License-Identifier: MIT
//
// What a command is: its name, the arguments it accepts, its help, its exit codes. The
// same table parses the command line (options.h) and prints help (help.h).

#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_INTERRUPTED = 130,    // 128 + SIGINT, as a shell reports it
};

enum argument_type {
    ARGUMENT_FLAG,       // bool
    ARGUMENT_TEXT,       // const char *
    ARGUMENT_CHOICE,     // const char *, one of `choices` separated by '|'
    ARGUMENT_PERHAPS,    // likewise, the last of them where no value is given
    ARGUMENT_COUNT,      // uint32_t from 1
    ARGUMENT_LARGE,      // uint64_t from 1
    ARGUMENT_SHARE,      // double from 0 to less than 1
    ARGUMENT_PAIR,       // const char *[2]: two texts
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
    bool no_matrix_units;
};

struct command {
    const char *name;
    const char *usages[6];    // after "pix2pix", up to the first NULL
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

int command_devices(int argc, char **argv);
int command_train(int argc, char **argv);
int command_translate(int argc, char **argv);
int command_evaluate(int argc, char **argv);
int command_compare(int argc, char **argv);
int command_dataset(int argc, char **argv);
int command_report(int argc, char **argv);
int command_convert(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_tune(int argc, char **argv);
int command_selftest(int argc, char **argv);

#endif
