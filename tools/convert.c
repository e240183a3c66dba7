// SPDX-License-Identifier: MIT
//
// pix2pix convert: writes the weights of one network in another file format.

#include "options.h"
#include "terminal.h"

#include <stdio.h>
#include <string.h>

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

// What the command line says.
struct convert_arguments {
    const char *network, *checkpoint;
    struct onnx_arguments onnx;
    bool no_ema, half, verbose, lpips;
    const char *paths[3];    // as they were given
};

static bool is_there(const char *path)
{
    if (terminal_get_path_kind(path) != PATH_NONE)
        return true;
    output_print_error("%s does not exist or cannot be read", path);
    return false;
}

// Prints the path of what was written.
static int finish(bool ok, const char *path)
{
    if (!ok)
        return EXIT_FAILED;
    output_print(stdout, "%s\n", path);
    return EXIT_DONE;
}

// An input that the output would replace; NULL: there is none.
static const char *find_overwritten(const char *const *inputs, size_t count,
                                    const char *output)
{
    for (size_t i = 0; i < count; i++)
        if (terminal_is_same_path(inputs[i], output))
            return inputs[i];
    return NULL;
}

static int convert_lpips(const struct command *command,
                         const struct convert_arguments *a)
{
    const bool has_heads = a->paths[2] != NULL;
    const size_t inputs = has_heads ? 2 : 1;
    const char *output = a->paths[inputs];
    const char *other = a->network      ? "net"
                        : a->checkpoint ? "checkpoint"
                        : a->no_ema     ? "no-ema"
                        : a->half       ? "half"
                                        : given_name(&a->onnx);
    if (other)
        return options_print_usage_error(command, "--%s does not apply to --lpips",
                                         other);
    if (!output)
        return options_print_usage_error(
            command,
            "--lpips needs the file of the backbone, that of the heads unless the first "
            "has them, and the file to write");
    if (find_overwritten(a->paths, inputs, output))
        return options_print_usage_error(
            command, "%s is an input and would be overwritten: choose another name",
            output);
    if (!options_ends_in(output, ".safetensors"))
        return options_print_usage_error(command, "%s must end in .safetensors",
                                         output);
    for (size_t i = 0; i < inputs; i++)
        if (!is_there(a->paths[i]))
            return EXIT_FAILED;
    const struct pix_lpips_options options = {
        .backbone = a->paths[0],
        .heads = has_heads ? a->paths[1] : NULL,
        .output = output,
        .log = output_get_log(a->verbose),
    };
    return finish(pix_convert_lpips(&options), output);
}

static int convert_network(const struct command *command,
                           const struct convert_arguments *a)
{
    const char *input = a->paths[0], *output = a->paths[1];
    const struct onnx_arguments *onnx = &a->onnx;
    uint32_t width = 0, height = 0;
    if (!output)
        return options_print_usage_error(
            command, "give %s",
            input ? "the file to write" : "the file to read and the file to write");
    if (a->paths[2])
        return options_print_usage_error(command, "\"%s\" is not an option",
                                         a->paths[2]);
    if (find_overwritten(&input, 1, output))
        return options_print_usage_error(
            command, "%s is the input and would be overwritten: choose another name",
            output);
    const bool is_onnx = options_ends_in(output, ".onnx");
    if (!is_onnx && !options_ends_in(output, ".pth") &&
        !options_ends_in(output, ".safetensors"))
        return options_print_usage_error(
            command, "%s must end in .pth, .safetensors or .onnx", output);
    if (given_name(onnx) && !is_onnx)
        return options_print_usage_error(command, "--%s applies to .onnx only",
                                         given_name(onnx));
    if (a->half && is_onnx)
        return options_print_usage_error(
            command, "--half applies to .pth and .safetensors only");
    if (onnx->size && !read_size(onnx->size, &width, &height))
        return options_print_usage_error(
            command,
            "--size takes a side (256) or width x height (512x256), not \"%s\"",
            onnx->size);
    if (!is_there(input))
        return EXIT_FAILED;
    const struct pix_convert_options options = {
        .input = input,
        .output = output,
        .discriminator = a->network && strcmp(a->network, "D") == 0,
        .checkpoint = a->checkpoint,
        .no_ema = a->no_ema,
        .half = a->half,
        .mode = onnx->mode,
        .width = width,
        .height = height,
        .batch = onnx->batch,
        .opset = onnx->opset && strcmp(onnx->opset, "15") == 0 ? 15 : 0,
        .log = output_get_log(a->verbose),
    };
    return finish(pix_convert(&options), output);
}

int command_convert(int argc, char **argv)
{
    struct convert_arguments a = { 0 };
    const struct argument arguments[] = {
        { "net", ARGUMENT_CHOICE, &a.network, "G|D", "generator or discriminator",
          "G|D", "G" },
        { "mode", ARGUMENT_CHOICE, &a.onnx.mode, "NAME",
          ".onnx: norms use batch statistics (stable) or running ones",
          "stable|running", "stable" },
        { "size", ARGUMENT_TEXT, &a.onnx.size, "N|WxH",
          ".onnx: take images of this size only, which OpenCV 4 needs", NULL, "any" },
        { "batch", ARGUMENT_COUNT, &a.onnx.batch, "N",
          ".onnx: take this number of images only", NULL, "any; with --size 1" },
        { "opset", ARGUMENT_CHOICE, &a.onnx.opset, "13|15",
          ".onnx: version of the operators; Unity asks for 15", "13|15", "13" },
        { "checkpoint", ARGUMENT_TEXT, &a.checkpoint, "NAME",
          "of a run: newest, best (see train --best) or a step", NULL, "newest" },
        { "no-ema", ARGUMENT_FLAG, &a.no_ema, NULL,
          "use the raw weights instead of their average" },
        { "half", ARGUMENT_FLAG, &a.half, NULL,
          ".pth, .safetensors: write 16-bit floats (F16)" },
        { "lpips", ARGUMENT_FLAG, &a.lpips, NULL,
          "make one file of LPIPS's weights, for evaluate" },
        { "verbose", ARGUMENT_FLAG, &a.verbose, NULL, "print debug messages" },
    };
    const struct command command = {
        .name = "convert",
        .usages = { "convert IN OUT [OPTION...]",
                    "convert --lpips BACKBONE [HEADS] OUT" },
        .purpose = "IN is a run (its newest checkpoint), a checkpoint, or a "
                   ".safetensors or .pth file of a network of the PyTorch port or "
                   "of affinelayer's generator. OUT must end in .pth, .safetensors "
                   "or .onnx. With --lpips, BACKBONE is torchvision's AlexNet, "
                   "SqueezeNet 1.1 or VGG-16, HEADS the lpips package's file for it "
                   "(not needed where BACKBONE has both), and OUT a .safetensors file.",
        .arguments = arguments,
        .count = sizeof(arguments) / sizeof(arguments[0]),
        .words = a.paths,
        .word_count = sizeof(a.paths) / sizeof(a.paths[0]),
    };
    int code;
    if (!options_parse_words(&command, argc, argv, NULL, &code))
        return code;
    return a.lpips ? convert_lpips(&command, &a) : convert_network(&command, &a);
}
