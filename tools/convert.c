// SPDX-License-Identifier: MIT
//
// pix2pix convert: writes the weights of one network in another file format.

#include "options.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>

static bool ends_in(const char *path, const char *extension)
{
    const size_t length = strlen(path), tail = strlen(extension);
    return length > tail && strcmp(path + length - tail, extension) == 0;
}

int command_convert(int argc, char **argv)
{
    const char *network = "G", *mode = NULL;
    bool no_ema = false, verbose = false;
    const char *paths[2] = { 0 };
    const struct argument arguments[] = {
        { "net", ARGUMENT_CHOICE, &network, "G|D", "generator or discriminator", "G|D",
          "G" },
        { "mode", ARGUMENT_CHOICE, &mode, "NAME",
          ".onnx: norms use batch statistics (stable) or running ones",
          "stable|running", "stable" },
        { "no-ema", ARGUMENT_FLAG, &no_ema, NULL,
          "use the raw weights instead of their average" },
        { "verbose", ARGUMENT_FLAG, &verbose, NULL, "print debug messages" },
    };
    const struct command command = {
        .name = "convert",
        .usages = { "convert IN OUT [OPTION...]" },
        .purpose = "IN is a run (its newest checkpoint), a checkpoint, or a "
                   ".safetensors or .pth file of a network of the PyTorch port or "
                   "of affinelayer's generator. OUT must end in .pth, .safetensors "
                   "or .onnx.",
        .arguments = arguments,
        .count = sizeof(arguments) / sizeof(arguments[0]),
        .words = paths,
        .word_count = 2,
    };
    int code;
    if (!options_parse_words(&command, argc, argv, NULL, &code))
        return code;
    if (!paths[1])
        return options_print_usage_error(
            &command, "give %s",
            paths[0] ? "the file to write" : "the file to read and the file to write");
    if (terminal_is_same_path(paths[0], paths[1]))
        return options_print_usage_error(
            &command, "%s is the input and would be overwritten: choose another name",
            paths[1]);
    const bool is_onnx = ends_in(paths[1], ".onnx");
    if (!is_onnx && !ends_in(paths[1], ".pth") && !ends_in(paths[1], ".safetensors"))
        return options_print_usage_error(
            &command, "%s must end in .pth, .safetensors or .onnx", paths[1]);
    if (mode && !is_onnx)
        return options_print_usage_error(&command, "--mode applies to .onnx only");
    if (terminal_get_path_kind(paths[0]) == PATH_NONE) {
        output_print_error("%s does not exist or cannot be read", paths[0]);
        return EXIT_FAILED;
    }
    const struct pix_convert_options options = {
        .input = paths[0],
        .output = paths[1],
        .discriminator = strcmp(network, "D") == 0,
        .no_ema = no_ema,
        .mode = mode,
        .log = output_get_log(verbose),
    };
    if (!pix_convert(&options))
        return EXIT_FAILED;
    output_print(stdout, "%s\n", paths[1]);
    return EXIT_DONE;
}
