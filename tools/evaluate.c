// SPDX-License-Identifier: MIT
//
// pix2pix evaluate: the L1 of a model on pairs, beside two baselines, and a grid of
// pictures to look at.

#include "options.h"
#include "terminal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_png(const char *path)
{
    const size_t length = strlen(path);
    return length > 4 && (strcmp(path + length - 4, ".png") == 0 ||
                          strcmp(path + length - 4, ".PNG") == 0);
}

int command_evaluate(int argc, char **argv)
{
    const char *model = NULL, *data = NULL, *split = "test", *grid = NULL;
    const char *tuning = NULL, *mode = NULL, *direction = NULL;
    uint32_t rows = 12;
    bool no_ema = false, json = false;
    struct device_arguments device_arguments = { 0 };
    const struct argument arguments[] = {
        { "model", ARGUMENT_TEXT, &model, "RUN|FILE",
          "run folder (its newest checkpoint) or checkpoint", NULL },
        { "data", ARGUMENT_TEXT, &data, "DIR", "folder that holds the split and train/",
          NULL },
        { "split", ARGUMENT_TEXT, &split, "NAME", "folder in it, of A|B images [test]",
          NULL },
        { "grid", ARGUMENT_TEXT, &grid, "FILE",
          "write rows of input | output | target as PNG", NULL },
        { "rows", ARGUMENT_COUNT, &rows, "N", "most rows of the grid [12]", NULL },
        { "mode", ARGUMENT_CHOICE, &mode, "NAME",
          "stable, paper (dropout on) or running (statistics) [stable]",
          "stable|paper|running" },
        { "direction", ARGUMENT_CHOICE, &direction, "NAME",
          "AtoB or BtoA [that of training; AtoB if the file does not say]",
          "AtoB|BtoA" },
        { "no-ema", ARGUMENT_FLAG, &no_ema, NULL,
          "the weights, even where their moving average is there", NULL },
        { "tuning", ARGUMENT_TEXT, &tuning, "FILE",
          "kernels: auto (measured once), off, or a table [auto]", NULL },
        { "json", ARGUMENT_FLAG, &json, NULL, "one JSON document on stdout", NULL },
    };
    const struct command command = {
        .name = "evaluate",
        .usage = "evaluate --model RUN|FILE --data DIR [OPTION...]",
        .purpose = "Translates pairs and prints mean absolute differences to their "
                   "targets, pixels\nas [-1, 1]: of the output, of the input, of the "
                   "training targets' mean colour.\nA broken pair is an error; the "
                   "others are compared all the same.\n\n",
        .arguments = arguments,
        .count = sizeof(arguments) / sizeof(arguments[0]),
        .device = &device_arguments,
    };
    int code;
    if (!options_parse(&command, argc, argv, NULL, &code))
        return code;
    if (!model || !data)
        return options_usage_error(&command, "--%s is missing",
                                   model ? "data" : "model");
    if (grid && !is_png(grid))
        return options_usage_error(&command, "--grid %s must end in .png", grid);
    if (terminal_path_kind(model) == PATH_NONE) {
        output_error("--model %s does not exist or can not be read", model);
        return EXIT_FAILED;
    }
    if (terminal_path_kind(data) != PATH_FOLDER) {
        output_error("--data %s is not a folder that can be read", data);
        return EXIT_FAILED;
    }

    pix_device *device = options_open_device(&device_arguments);
    if (!device)
        return EXIT_FAILED;
    struct pix_translate_options options;
    pix_translate_options_init(&options);
    options.model = model;
    options.tuning = tuning;
    options.mode = mode;
    options.seed = 1;
    options.no_ema = no_ema;
    options.direction = direction;
    pix_translator *translator = pix_translator_create(device, &options);
    struct pix_evaluation result;
    code = EXIT_FAILED;
    if (translator && pix_evaluate(translator, data, split, grid, rows, &result)) {
        code = result.broken ? EXIT_FAILED : EXIT_DONE;
        if (json) {
            json_t *document = json_object();
            output_add(&document, "pairs", output_uint(result.pairs));
            output_add(&document, "broken", output_uint(result.broken));
            output_add(&document, "l1", output_real(result.l1));
            output_add(&document, "l1_copy", output_real(result.l1_copy));
            output_add(&document, "l1_mean_colour", output_real(result.l1_mean_colour));
            output_add(&document, "grid", output_text(grid));
            if (!output_json(document))
                code = EXIT_FAILED;
        } else {
            printf("pairs %" PRIu32 "\nL1 of the output       %.4f\n", result.pairs,
                   result.l1);
            // Input and target may have channels that can not be compared.
            if (!isnan(result.l1_copy))
                printf("L1 of a copied input   %.4f\n", result.l1_copy);
            printf("L1 of the mean colour  %.4f\n", result.l1_mean_colour);
            if (result.broken)
                printf("broken %" PRIu32 "\n", result.broken);
            if (grid)
                printf("grid: %s\n", grid);
        }
    }
    pix_translator_destroy(translator);
    return options_close_device(device, code);
}
