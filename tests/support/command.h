// SPDX-License-Identifier: MIT
//
// The command, run as a user runs it, with the data and runs that several tests share.
//
// PIX2PIX_COMMAND is the path of the command, TEST_EXAMPLES the folder of example
// images; both may be given by the build and by the environment, which wins. Files go
// into TEST_SCRATCH, or into a folder under the current one; with TEST_KEEP they stay.

#ifndef SUPPORT_COMMAND_H
#define SUPPORT_COMMAND_H

#include <stdbool.h>

#include "base/json.h"
#include "base/mem.h"
#include "pix2pix.h"
#include "support/check.h"

// A network that trains in milliseconds.
#define SMALL "--crop-size 32 --load-size 36 --ngf 4 --ndf 4 "

// What the last command printed, and the memory that the largest of its processes had
// at most, in KiB; 0 where that is not known.
extern char *command_out, *command_err;
extern long command_peak;

// Group setup and teardown. The scratch folder has an empty folder "folder" and a file
// "file" of one line.
int command_open(void **state);
int command_close(void **state);

// Skips the calling test if the command finds no usable device.
void command_need_device(void);

// Runs a shell script inside the scratch folder, with the command as $P and the example
// images as $X. Nothing is tuned unless TUNE is set. Returns its exit code.
int command_shell(const char *format, ...) PRINTF_LIKE(1, 2);

// Runs the command with these arguments and checks its exit code.
#define RUN(code, ...)                                                                 \
    do {                                                                               \
        const int got = command_shell("\"$P\" " __VA_ARGS__);                          \
        if (got != (code))                                                             \
            fail_msg("exit code %d, expected %d\nstdout: %s\nstderr: %s", got, (code), \
                     command_out, command_err);                                        \
    } while (0)

// The path of a file in the scratch folder, and the text of a file. Caller frees with
// mem_free.
char *command_file(const char *name);
char *command_read(const char *path);

void command_check_has(const char *text, const char *part);
void command_check_file(const char *name, bool exists);    // in the scratch folder
size_t command_count_lines(const char *text);

// One JSON document; caller frees with json_decref. A number of an object.
json_t *command_parse(const char *text);
double command_number_at(const json_t *object, const char *key);

// Each is made once for a group; the later ones need the earlier ones' data.
// "pairs": seven pairs to train with and a file that is cut off, two pairs to test
// with.
void command_make_data(void);
void command_make_run(void);    // "run", finished, of three steps
// "dropped", a run with dropout and an average, and "real.jpg" to translate.
void command_make_dropped(void);

#endif
