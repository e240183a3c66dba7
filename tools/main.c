// SPDX-License-Identifier: MIT
//
// pix2pix <command>: finds the command and runs it.

#include "options.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    { "devices", command_devices, "list the Vulkan devices of this machine" },
    { "train", command_train, "train a generator on a folder of image pairs" },
    { "translate", command_translate, "translate an image or a folder of images" },
    { "evaluate", command_evaluate, "compare translations with the targets of pairs" },
    { "convert", command_convert, "weights of a network to and from other formats" },
    { "bench", command_bench, "measure devices, or compare two measurements" },
    { "tune", command_tune, "measure which kernels are the fastest on a device" },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *stream)
{
    fprintf(stream, "usage: pix2pix COMMAND [OPTION...]\n"
                    "Paired image-to-image translation on any Vulkan device.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(stream, "  %-12s %s\n", commands[i].name, commands[i].help);
    fprintf(stream, "\n  pix2pix COMMAND --help   options of a command\n"
                    "  pix2pix --version        version of the library\n\n"
                    "exit codes: 0 done, 1 failed, 2 wrong command line, "
                    "130 interrupted\n");
}

// What was printed may still be in a buffer; a full disk or a closed pipe shows here.
static int finish(int code)
{
    const bool ok = fflush(stdout) == 0 && !ferror(stdout);
    if (!ok)
        output_print_error("the output could not be written");
    return ok || code != EXIT_DONE ? code : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    if (!terminal_init(&argc, &argv)) {
        output_print_error("the command line can not be read");
        return EXIT_FAILED;
    }
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("pix2pix %s\n", pix_version());
        return finish(EXIT_DONE);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_usage(stdout);
        return finish(EXIT_DONE);
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return finish(commands[i].run(argc - 2, argv + 2));

    output_print_error("there is no command \"%s\"", argv[1]);
    output_print_note("see: pix2pix --help");
    return EXIT_USAGE;
}
