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

// One side, "256"; NULL if there is none, else what follows it.
static const char *read_side(const char *text, uint32_t *side)
{
    const char *end = text;
    *side = 0;
    // Five digits are more than any side has.
    for (; *end >= '0' && *end <= '9' && end - text < 5; end++)
        *side = *side * 10 + (uint32_t)(*end - '0');
    return *side > 0 ? end : NULL;
}

// "256" or "512x256"
static bool read_size(const char *text, uint32_t *width, uint32_t *height)
{
    const char *rest = read_side(text, width);
    *height = *width;
    if (rest && *rest == 'x')
        rest = read_side(rest + 1, height);
    return rest && !*rest;
}

// The options that say what is written into an .onnx file, as they were given.
struct onnx_arguments {
    const char *mode, *size, *opset;
    uint32_t batch;
};

// The first of them that was given; NULL: none.
static const char *given_name(const struct onnx_arguments *a)
{
    return a->mode    ? "mode"
           : a->size  ? "size"
           : a->batch ? "batch"
           : a->opset ? "opset"
                      : NULL;
}

// Everything that can be checked before a file is read. Gets the size, 0x0 without.
static int check_arguments(const struct command *command, const char *const paths[2],
                           const struct onnx_arguments *onnx, uint32_t *width,
                           uint32_t *height)
{
    if (!paths[1])
        return options_print_usage_error(
            command, "give %s",
            paths[0] ? "the file to write" : "the file to read and the file to write");
    if (terminal_is_same_path(paths[0], paths[1]))
        return options_print_usage_error(
            command, "%s is the input and would be overwritten: choose another name",
            paths[1]);
    const bool is_onnx = ends_in(paths[1], ".onnx");
    if (!is_onnx && !ends_in(paths[1], ".pth") && !ends_in(paths[1], ".safetensors"))
        return options_print_usage_error(
            command, "%s must end in .pth, .safetensors or .onnx", paths[1]);
    if (given_name(onnx) && !is_onnx)
        return options_print_usage_error(command, "--%s applies to .onnx only",
                                         given_name(onnx));
    if (onnx->size && !read_size(onnx->size, width, height))
        return options_print_usage_error(
            command,
            "--size takes a side (256) or width x height (512x256), not \"%s\"",
            onnx->size);
    if (terminal_get_path_kind(paths[0]) == PATH_NONE) {
        output_print_error("%s does not exist or cannot be read", paths[0]);
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

int command_convert(int argc, char **argv)
{
    const char *network = "G";
    struct onnx_arguments onnx = { 0 };
    uint32_t width = 0, height = 0;
    const char *checkpoint = NULL;
    bool no_ema = false, verbose = false;
    const char *paths[2] = { 0 };
    const struct argument arguments[] = {
        { "net", ARGUMENT_CHOICE, &network, "G|D", "generator or discriminator", "G|D",
          "G" },
        { "mode", ARGUMENT_CHOICE, &onnx.mode, "NAME",
          ".onnx: norms use batch statistics (stable) or running ones",
          "stable|running", "stable" },
        { "size", ARGUMENT_TEXT, &onnx.size, "N|WxH",
          ".onnx: take images of this size only, which OpenCV 4 needs", NULL, "any" },
        { "batch", ARGUMENT_COUNT, &onnx.batch, "N",
          ".onnx: take this number of images only", NULL, "any; with --size 1" },
        { "opset", ARGUMENT_CHOICE, &onnx.opset, "13|15",
          ".onnx: version of the operators; Unity asks for 15", "13|15", "13" },
        { "checkpoint", ARGUMENT_TEXT, &checkpoint, "NAME",
          "of a run: newest, best (see train --best) or a step", NULL, "newest" },
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
    code = check_arguments(&command, paths, &onnx, &width, &height);
    if (code != EXIT_DONE)
        return code;
    const struct pix_convert_options options = {
        .input = paths[0],
        .output = paths[1],
        .discriminator = strcmp(network, "D") == 0,
        .checkpoint = checkpoint,
        .no_ema = no_ema,
        .mode = onnx.mode,
        .width = width,
        .height = height,
        .batch = onnx.batch,
        .opset = onnx.opset && strcmp(onnx.opset, "15") == 0 ? 15 : 0,
        .log = output_get_log(verbose),
    };
    if (!pix_convert(&options))
        return EXIT_FAILED;
    output_print(stdout, "%s\n", paths[1]);
    return EXIT_DONE;
}
