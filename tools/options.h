// SPDX-License-Identifier: MIT
//
// Parsing of command lines, and what commands do with their arguments: opening a
// device, joining paths. The options of training come from the library's table.

#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include "command.h"
#include "output.h"
#include "pix2pix.h"

#include <stdbool.h>
#include <stddef.h>

// One training option as it was given, in the order of the command line.
struct given_option {
    const struct pix_option *row;
    const char *text;
};

struct given_options {
    struct given_option *items;
    size_t count;
};

// Rows of a command's arguments: how images are read, beside --npy-order, whose default
// is another for each. `except` is what --max-pixels is not for, or "".
#define OPTIONS_OF_READING(read, except)                                               \
    { "no-orient", ARGUMENT_FLAG, &(read).no_orient, NULL,                             \
      "pixels as they are stored, not turned as EXIF data says" },                     \
        { "max-pixels",                                                                \
          ARGUMENT_LARGE,                                                              \
          &(read).max_pixels,                                                          \
          "N",                                                                         \
          "refuse images of more pixels" except,                                       \
          NULL,                                                                        \
          "268435456" },                                                               \
        { "truncated",                                                                 \
          ARGUMENT_CHOICE,                                                             \
          &(read).truncated,                                                           \
          "NAME",                                                                      \
          "JPEG files that end early: refuse or keep",                                 \
          "refuse|keep",                                                               \
          "refuse" },                                                                  \
    {                                                                                  \
        "page", ARGUMENT_COUNT, &(read).page, "N", "page of a TIFF that has several",  \
            NULL, "the first"                                                          \
    }

// Likewise, the ranges of samples of a command that uses a model: `to` has the members
// `range`, `input_range` and `output_range`.
#define OPTIONS_OF_RANGES(to)                                                          \
    { "range",                                                                         \
      ARGUMENT_TEXT,                                                                   \
      &(to).range,                                                                     \
      "LO:HI",                                                                         \
      "u16, f32: inputs and outputs use LO to HI, or full",                            \
      NULL,                                                                            \
      "as trained" },                                                                  \
        { "input-range",                                                               \
          ARGUMENT_TEXT,                                                               \
          &(to).input_range,                                                           \
          "LO:HI",                                                                     \
          "the same of inputs alone",                                                  \
          NULL,                                                                        \
          "as trained" },                                                              \
    {                                                                                  \
        "output-range", ARGUMENT_TEXT, &(to).output_range, "LO:HI",                    \
            "the same of outputs alone", NULL, "as trained"                            \
    }

// Parses the words after the command's name. Returns false with *code set if the
// command ends here: help was printed, or the command line is wrong. `given` gets
// the training options, NULL where the command takes none; its caller frees `items`.
bool options_parse_words(const struct command *command, int argc, char **argv,
                         struct given_options *given, int *code);

// Prints the message and how to get help; returns EXIT_USAGE.
int options_print_usage_error(const struct command *command, const char *format, ...)
    OUTPUT_PRINTF(2, 3);

// Opens the device that the command line selects; NULL after a message.
pix_device *options_open_device(const struct device_arguments *arguments);

// Closes it; accepts NULL. Returns `code`, or EXIT_FAILED if the validation layer
// reported anything.
int options_close_device(pix_device *device, int code);

// Whether a path has a name before this extension, ".png".
bool options_ends_in(const char *path, const char *extension);

// "folder/name"; caller frees. NULL if out of memory.
char *options_join_path(const char *folder, const char *name);

#endif
