// SPDX-License-Identifier: MIT
//
// pix2pix convert: the weights of one network as another kind of file.

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
        { "net", ARGUMENT_CHOICE, &network, "G|D", "generator or discriminator [G]",
          "G|D" },
        { "mode", ARGUMENT_CHOICE, &mode, "NAME",
          "of .onnx: statistics of the batch (stable) or running [stable]",
          "stable|running" },
        { "no-ema", ARGUMENT_FLAG, &no_ema, NULL,
          "the weights, even where their moving average is there", NULL },
        { "verbose", ARGUMENT_FLAG, &verbose, NULL, "print more", NULL },
    };
    const struct command command = {
        .name = "convert",
        .usage = "convert IN OUT [OPTION...]",
        .purpose =
            "IN is a run (its newest checkpoint), a checkpoint, a .safetensors or .pth "
            "file\nof the PyTorch port's networks, or of affinelayer's generator. OUT "
            "ends in .pth,\n.safetensors or .onnx.\n\n",
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
            &command, "name %s",
            paths[0] ? "the file to write" : "the file to read and the file to write");
    if (terminal_is_same_path(paths[0], paths[1]))
        return options_print_usage_error(
            &command, "%s is the input, which would be overwritten: name another",
            paths[1]);
    const bool is_onnx = ends_in(paths[1], ".onnx");
    if (!is_onnx && !ends_in(paths[1], ".pth") && !ends_in(paths[1], ".safetensors"))
        return options_print_usage_error(
            &command, "%s must end in .pth, .safetensors or .onnx", paths[1]);
    if (mode && !is_onnx)
        return options_print_usage_error(&command, "--mode goes with .onnx only");
    if (terminal_get_path_kind(paths[0]) == PATH_NONE) {
        output_print_error("%s does not exist or can not be read", paths[0]);
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
    printf("%s\n", paths[1]);
    return EXIT_DONE;
}
