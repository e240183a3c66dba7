// SPDX-License-Identifier: MIT
//
// pix2pix <command>: finds the command and runs it.

#include "help.h"
#include "options.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>

static const struct command_entry commands[] = {
    { "devices", command_devices, "list the Vulkan devices of this machine" },
    { "selftest", command_selftest, "test whether a device computes what it should" },
    { "train", command_train, "train a generator on a folder of image pairs" },
    { "translate", command_translate, "translate an image or a folder of images" },
    { "evaluate", command_evaluate, "compare translations with their targets" },
    { "compare", command_compare, "compare images with others, without a model" },
    { "dataset", command_dataset, "check, measure or rearrange a data set" },
    { "report", command_report, "write the report of a run as a page" },
    { "convert", command_convert, "import or export the weights of a network" },
    { "bench", command_bench, "measure devices, or compare two measurements" },
    { "tune", command_tune, "measure which kernels are fastest on a device" },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

// What was printed may still be in a buffer: a full disk or a closed pipe is only
// noticed here.
static int finish(int code)
{
    const bool ok = fflush(stdout) == 0 && !ferror(stdout);
    if (!ok)
        output_print_error("the output could not be written");
    return ok || code != EXIT_DONE ? code : EXIT_FAILED;
}

// Prints a line of names, if there are any.
static void print_names(const char *title, const char *(*name)(size_t index))
{
    if (!name(0))
        return;
    output_print(stdout, "%s: %s", title, name(0));
    for (size_t i = 1; name(i); i++)
        output_print(stdout, ", %s", name(i));
    output_print(stdout, "\n");
}

static void print_version(void)
{
    output_print(stdout, "pix2pix %s\n", pix_version());
    print_names("image files", pix_image_kind);
    print_names("not in this build", pix_image_kind_missing);
}

int main(int argc, char **argv)
{
    if (!terminal_init(&argc, &argv)) {
        output_print_error("the command line cannot be read, or a standard stream is "
                           "closed and the null device cannot be opened in its place");
        return EXIT_FAILED;
    }
    if (argc < 2) {
        help_print_usage(stderr, commands, COMMAND_COUNT);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        print_version();
        return finish(EXIT_DONE);
    }
    if (strcmp(argv[1], "--licences") == 0) {
        help_print_licences();
        return finish(EXIT_DONE);
    }
    enum help_format format;
    if (help_is_asked(argv[1], &format)) {
        help_print_program(commands, COMMAND_COUNT, format);
        return finish(EXIT_DONE);
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return finish(commands[i].run(argc - 2, argv + 2));

    output_print_error("unknown command \"%s\"", argv[1]);
    output_print_note("see: pix2pix --help");
    return EXIT_USAGE;
}
