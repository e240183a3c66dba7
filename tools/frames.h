// SPDX-License-Identifier: MIT
//
// pix2pix translate --input - --output -: frames from standard input, their
// translations to standard output.

#ifndef TOOLS_FRAMES_H
#define TOOLS_FRAMES_H

#include "command.h"
#include "pix2pix.h"

#include <stdbool.h>

struct frames {
    const char *raw, *matrix;    // see struct pix_stream_options
    double flicker;              // see struct pix_translate_options
};

// Rows of a command's arguments.
#define OPTIONS_OF_FRAMES(to)                                                          \
    { "raw", ARGUMENT_TEXT, &(to).raw, "NAME:WxH",                                     \
      "frames without headers: rgb24, rgba, gray8, gray16, f32" },                     \
        { "matrix",                                                                    \
          ARGUMENT_CHOICE,                                                             \
          &(to).matrix,                                                                \
          "NAME",                                                                      \
          "of YUV4MPEG2 frames: bt601 or bt709",                                       \
          "bt601|bt709",                                                               \
          "by size" },                                                                 \
    {                                                                                  \
        "flicker", ARGUMENT_SHARE, &(to).flicker, "A",                                 \
            "less of it, 0.9: norms follow the frames before", NULL, "0"               \
    }

// Whether a path means a standard stream.
bool frames_is_stream(const char *path);

// What of the command line does not fit; EXIT_DONE: it does.
int frames_check(const struct command *command, const struct frames *frames,
                 const char *input, const char *output);

// An exit code. How many frames there were is printed on stderr.
int frames_translate(pix_translator *translator, const struct frames *frames);

#endif
