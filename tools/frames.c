// SPDX-License-Identifier: MIT
//
// See frames.h.

#include "frames.h"

#include "options.h"
#include "terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool frames_is_stream(const char *path)
{
    return path && strcmp(path, "-") == 0;
}

int frames_check(const struct command *command, const struct frames *frames,
                 const char *input, const char *output)
{
    if (!frames_is_stream(input) && !frames_is_stream(output)) {
        if (frames->raw || frames->matrix)
            return options_print_usage_error(command,
                                             "--%s requires --input - --output -",
                                             frames->raw ? "raw" : "matrix");
        return EXIT_DONE;
    }
    if (!frames_is_stream(input) || !frames_is_stream(output))
        return options_print_usage_error(
            command, "--%s - is a stream of frames, so --%s must be - too",
            frames_is_stream(input) ? "input" : "output",
            frames_is_stream(input) ? "output" : "input");
    if (terminal_is_interactive(stdin))
        return options_print_usage_error(
            command, "--input - is a terminal: pipe a stream of frames into it");
    if (terminal_is_interactive(stdout))
        return options_print_usage_error(
            command,
            "--output - is a terminal: pipe it into a program, or into a file");
    return EXIT_DONE;
}

// ---------------------------------------------------------------------------
// Standard input and output for the library

static bool read_input(void *user, void *bytes, size_t size, size_t *count,
                       const char **reason)
{
    (void)user;
    if (terminal_read_bytes(bytes, size, count))
        return true;
    *reason = strerror(errno);
    return false;
}

static bool write_output(void *user, const void *bytes, size_t size,
                         const char **reason)
{
    (void)user;
    if (terminal_write_bytes(bytes, size))
        return true;
    *reason = errno == EPIPE || errno == EINVAL ? "its reader is gone"
              : errno == ETIMEDOUT              ? "its reader takes nothing"
                                                : strerror(errno);
    terminal_end_reading();    // nobody wants what is still to come
    return false;
}

static bool frame_done(void *user, uint64_t frames)
{
    char line[64];
    (void)user;
    snprintf(line, sizeof(line), "frame %" PRIu64, frames);
    output_show_live(line);
    return !terminal_is_interrupted();
}

int frames_translate(pix_translator *translator, const struct frames *frames)
{
    const struct pix_stream_options options = {
        .read = read_input,
        .write = write_output,
        .done = frame_done,
        .raw = frames->raw,
        .matrix = frames->matrix,
    };
    uint64_t count = 0;
    char time[32], rate[32];
    terminal_begin_streams();
    terminal_catch_interrupt("ending after the frames that are on their way");
    if (terminal_is_interactive(stderr))
        output_begin_live(stderr);
    const double start = terminal_get_seconds();
    const bool ok = pix_translator_run_stream(translator, &options, &count);
    const double seconds = terminal_get_seconds() - start;
    output_end_live();
    if (count > 0)
        output_print_note("%" PRIu64 " frame%s in %s, %s frames/s", count,
                          count == 1 ? "" : "s", output_format_seconds(seconds, time),
                          output_format_rate((double)count / seconds, rate));
    return terminal_is_interrupted() ? EXIT_INTERRUPTED : ok ? EXIT_DONE : EXIT_FAILED;
}
