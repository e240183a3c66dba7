// SPDX-License-Identifier: MIT
//
// pix2pix compare: prints the scores of images against others, without a model.

#include "options.h"
#include "scores.h"
#include "terminal.h"

struct comparison {
    const char *paths[2], *csv, *range;
    const char *palette, *lpips;
    struct pix_read_options read;
    struct device_arguments device;
    bool json;
};

static bool print_json(const struct pix_evaluation *result)
{
    json_t *document = json_object();
    output_add_member(&document, "pairs", output_make_uint(result->pairs));
    output_add_member(&document, "broken", output_make_uint(result->broken));
    scores_add_members(&document, result, false);
    return output_print_json(document);
}

static int run(const struct comparison *c, pix_device *device)
{
    struct pix_compare_options options;
    struct pix_evaluation result;
    pix_compare_options_init(&options);
    options.a = c->paths[0];
    options.b = c->paths[1];
    options.read = c->read;
    options.range = c->range;
    options.palette = c->palette;
    options.device = device;
    options.lpips = c->lpips;
    options.outputs = &c->csv;
    options.output_count = 1;
    options.log = output_get_log(c->device.verbose);
    if (!pix_compare(&options, &result))
        return EXIT_FAILED;
    bool ok = !c->csv || scores_write_csv(&result, false, c->csv);
    if (!c->json)
        scores_print(&result, false);
    else if (!print_json(&result))
        ok = false;
    ok = ok && !result.broken;
    pix_evaluation_free(&result);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

int command_compare(int argc, char **argv)
{
    struct comparison c = { .csv = NULL };
    const struct argument arguments[] = {
        { "csv", ARGUMENT_TEXT, &c.csv, "FILE",
          "write the scores of each image, one row each" },
        { "range", ARGUMENT_TEXT, &c.range, "LO:HI",
          "u16, f32: scores are of the range LO to HI", NULL,
          "that of the sample type" },
        { "npy-order", ARGUMENT_CHOICE, &c.read.npy_order, "NAME",
          "axes of .npy arrays: chw or hwc", "chw|hwc", "chw" },
        { "alpha", ARGUMENT_CHOICE, &c.read.alpha, "NAME",
          "transparent images: keep (compared too), white, black or checker",
          "keep|white|black|checker", "keep" },
        OPTIONS_OF_READING(c.read, ""),
        { "palette", ARGUMENT_TEXT, &c.palette, "FILE",
          "label maps: colours of the classes, or auto: those of B" },
        { "lpips", ARGUMENT_TEXT, &c.lpips, "FILE",
          "compute LPIPS on a device: weights made by convert --lpips, or auto: those in "
          "the user's data folder" },
        { "json", ARGUMENT_FLAG, &c.json, NULL, "print one JSON document on stdout" },
    };
    const struct command command = {
        .name = "compare",
        .usages = { "compare A B [OPTION...]" },
        .purpose =
            "A and B are two images, or two folders whose images are compared "
            "where their names without extensions are equal: l1 and mse "
            "(pixels in [-1, 1]), psnr (dB), ssim and ms_ssim. Needs no model "
            "and, but for LPIPS, no device. Images that cannot be compared are an error; the "
            "others still are.",
        .arguments = arguments,
        .count = sizeof(arguments) / sizeof(arguments[0]),
        .device = &c.device,
        .words = c.paths,
        .word_count = 2,
    };
    int code;
    if (!options_parse_words(&command, argc, argv, NULL, &code))
        return code;
    if (!c.paths[1])
        return options_print_usage_error(&command, "give two images or two folders");
    if (c.csv && !scores_is_csv(c.csv))
        return options_print_usage_error(&command, "--csv %s must end in .csv", c.csv);
    for (int i = 0; i < 2; i++) {
        if (terminal_get_path_kind(c.paths[i]) == PATH_NONE) {
            output_print_error("%s does not exist or cannot be read", c.paths[i]);
            return EXIT_FAILED;
        }
    }
    if (!c.lpips)
        return run(&c, NULL);
    pix_device *device = options_open_device(&c.device);
    return device ? options_close_device(device, run(&c, device)) : EXIT_FAILED;
}
