// SPDX-License-Identifier: MIT
//
// pix2pix evaluate: prints the scores of a model on pairs beside two baselines, and
// writes a grid of images to look at.

#include "options.h"
#include "report/page.h"
#include "scores.h"
#include "terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct evaluation {
    const char *model, *data, *pairs, *split_ratio, *split, *grid, *beside, *headings,
        *csv, *report;
    const char *tuning, *mode, *direction;
    const char *input_kind, *output_kind;
    const char *range, *input_range, *output_range;
    const char *palette, *lpips;
    struct pix_read_options read;
    uint32_t rows;
    const char *checkpoint;
    bool no_ema, json;
    struct device_arguments device;
};

// The parts of a text that commas separate.
struct list {
    char *text;
    const char *parts[16];
    size_t count;    // of all; those beyond the sixteenth are not kept
};

// False only without memory, after a message.
static bool split_list(const char *text, struct list *list)
{
    *list = (struct list){ 0 };
    if (!text)
        return true;
    list->text = malloc(strlen(text) + 1);
    if (!list->text)
        return output_print_error("out of memory"), false;
    strcpy(list->text, text);
    for (char *part = list->text; part; list->count++) {
        char *comma = strchr(part, ',');
        if (comma)
            *comma = '\0';
        if (list->count < sizeof(list->parts) / sizeof(list->parts[0]))
            list->parts[list->count] = part;
        part = comma ? comma + 1 : NULL;
    }
    return true;
}

// Checks everything that can be checked before a device is opened.
static int check_arguments(const struct command *command, const struct evaluation *e)
{
    if (!e->model || (!e->data && !e->pairs))
        return options_print_usage_error(command, "--%s is missing",
                                         e->model ? "data" : "model");
    if (e->data && e->pairs)
        return options_print_usage_error(
            command, "--data and --pairs are both given: leave one of them out");
    if (e->grid && !options_ends_in(e->grid, ".png") &&
        !options_ends_in(e->grid, ".PNG"))
        return options_print_usage_error(command, "--grid %s must end in .png",
                                         e->grid);
    if ((e->beside || e->headings) && !e->grid)
        return options_print_usage_error(
            command, "--%s is for the picture that --grid writes: name one",
            e->beside ? "beside" : "headings");
    if (e->csv && !scores_is_csv(e->csv))
        return options_print_usage_error(command, "--csv %s must end in .csv", e->csv);
    if (e->report && !options_ends_in(e->report, ".html"))
        return options_print_usage_error(command, "--report %s must end in .html",
                                         e->report);
    if (terminal_get_path_kind(e->model) == PATH_NONE) {
        output_print_error("--model %s does not exist or cannot be read", e->model);
        return EXIT_FAILED;
    }
    if (e->data && terminal_get_path_kind(e->data) != PATH_FOLDER) {
        output_print_error("--data %s is not a readable folder", e->data);
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

static bool print_json(const struct evaluation *e, const struct pix_evaluation *result)
{
    json_t *document = json_object();
    output_add_member(&document, "pairs", output_make_uint(result->pairs));
    output_add_member(&document, "broken", output_make_uint(result->broken));
    static const char *const names[PIX_SUBJECT_COUNT] = { "l1", "l1_copy",
                                                          "l1_mean_colour" };
    for (int s = 0; s < PIX_SUBJECT_COUNT; s++)
        output_add_member(&document, names[s],
                          output_make_real(result->totals[s][PIX_METRIC_L1].mean));
    output_add_member(&document, "grid", output_make_text(e->grid));
    output_add_member(&document, "report", output_make_text(e->report));
    scores_add_members(&document, result, true);
    return output_print_json(document);
}

static bool print_result(const struct evaluation *e,
                         const struct pix_evaluation *result)
{
    if (e->json)
        return print_json(e, result);
    scores_print(result, true);
    if (e->grid)
        output_print(stdout, "grid: %s\n", e->grid);
    if (e->report)
        output_print(stdout, "report: %s\n", e->report);
    return true;
}

static void show_progress(void *user, const char *text)
{
    (void)user;
    output_show_live(text);
}

static bool write_report(const struct evaluation *e, const pix_device *device,
                         const pix_translator *translator,
                         const struct pix_evaluation *result)
{
    const struct report_evaluation page = {
        .model = e->model,
        .data = e->pairs ? e->pairs : e->data,
        .split = e->split,
        .checkpoint = e->checkpoint,
        .translator = pix_translator_get_info(translator),
        .device = pix_device_get_info(device),
        .options = pix_translator_get_options(translator),
        .result = result,
    };
    char reason[REPORT_REASON_SIZE];
    const bool ok = !e->report || report_write_evaluation(&page, e->report, reason);
    if (!ok)
        output_print_error("the report is not written: %s", reason);
    return ok;
}

static int run(pix_device *device, const struct evaluation *e)
{
    struct pix_translate_options options;
    struct pix_evaluate_options comparison;
    const char *const outputs[] = { e->csv, e->report };
    struct pix_evaluation result;
    struct list beside, headings;
    const bool split = split_list(e->beside, &beside);
    if (!split_list(e->headings, &headings) || !split) {
        free(beside.text);
        free(headings.text);
        return EXIT_FAILED;
    }
    pix_translate_options_init(&options);
    options.model = e->model;
    options.tuning = e->tuning;
    options.mode = e->mode;
    options.seed = 1;
    options.checkpoint = e->checkpoint;
    options.no_ema = e->no_ema;
    options.direction = e->direction;
    options.command = "evaluate";
    options.input_kind = e->input_kind;
    options.output_kind = e->output_kind;
    options.range = e->range;
    options.input_range = e->input_range;
    options.output_range = e->output_range;
    options.read = e->read;
    if (terminal_is_interactive(stderr)) {
        output_begin_live(stderr);
        options.progress = show_progress;
    }
    pix_translator *translator = pix_translator_create(device, &options);
    pix_evaluate_options_init(&comparison);
    comparison.data = e->data;
    comparison.pairs = e->pairs;
    comparison.split_ratio = e->split_ratio;
    comparison.split = e->split;
    comparison.grid = e->grid;
    comparison.grid_rows = e->rows;
    comparison.beside = beside.parts;
    comparison.beside_count = beside.count;
    comparison.headings = e->headings ? headings.parts : NULL;
    comparison.heading_count = headings.count;
    comparison.palette = e->palette;
    comparison.lpips = e->lpips;
    comparison.wants_gallery = e->report != NULL;
    comparison.outputs = outputs;
    comparison.output_count = sizeof(outputs) / sizeof(outputs[0]);
    const bool ok = translator && pix_evaluate(translator, &comparison, &result);
    output_end_live();
    const bool written = ok && (!e->csv || scores_write_csv(&result, true, e->csv)) &&
                         write_report(e, device, translator, &result);
    const bool printed = ok && print_result(e, &result);
    const int code = written && printed && !result.broken ? EXIT_DONE : EXIT_FAILED;
    if (ok)
        pix_evaluation_free(&result);
    pix_translator_destroy(translator);
    free(beside.text);
    free(headings.text);
    return code;
}

int command_evaluate(int argc, char **argv)
{
    struct evaluation e = { .split = "test", .rows = 12 };
    const struct argument arguments[] = {
        { "model", ARGUMENT_TEXT, &e.model, "RUN|FILE",
          "run folder (its newest checkpoint) or checkpoint" },
        { "data", ARGUMENT_TEXT, &e.data, "DIR", "folder with train/ and the split" },
        { "pairs", ARGUMENT_TEXT, &e.pairs, "FILE",
          "in place of --data a CSV file: input,target,split" },
        { "split-ratio", ARGUMENT_TEXT, &e.split_ratio, "A:B:C",
          "divide the images of DIR or FILE: 0.8:0.1:0.1", NULL, "as trained" },
        { "split", ARGUMENT_TEXT, &e.split, "NAME", "which pairs to compare", NULL,
          "test" },
        { "grid", ARGUMENT_TEXT, &e.grid, "FILE",
          "write rows of input | output | target as a PNG" },
        { "rows", ARGUMENT_COUNT, &e.rows, "N", "maximum rows in the grid", NULL,
          "12" },
        { "beside", ARGUMENT_TEXT, &e.beside, "DIR,...",
          "more columns: images of the same names elsewhere" },
        { "headings", ARGUMENT_TEXT, &e.headings, "TEXT,...",
          "words above the columns of the grid" },
        { "mode", ARGUMENT_CHOICE, &e.mode, "NAME",
          "stable, paper (with dropout) or running (running statistics)",
          "stable|paper|running", "stable" },
        { "direction", ARGUMENT_CHOICE, &e.direction, "NAME", "AtoB or BtoA",
          "AtoB|BtoA", "as trained, or AtoB" },
        { "input-kind", ARGUMENT_CHOICE, &e.input_kind, "NAME",
          "sample type that inputs are converted to: u8, u16 or f32", "u8|u16|f32",
          "as trained, or that of each image" },
        { "output-kind", ARGUMENT_CHOICE, &e.output_kind, "NAME",
          "sample type that targets are converted to: u8, u16 or f32", "u8|u16|f32",
          "as trained, or that of each target" },
        OPTIONS_OF_RANGES(e),
        { "npy-order", ARGUMENT_CHOICE, &e.read.npy_order, "NAME",
          "axes of .npy arrays: chw or hwc", "chw|hwc", "as trained, or chw" },
        { "alpha", ARGUMENT_CHOICE, &e.read.alpha, "NAME",
          "drop, or lay over white, black or checker", "drop|white|black|checker",
          "as trained" },
        OPTIONS_OF_READING(e.read, ""),
        { "checkpoint", ARGUMENT_TEXT, &e.checkpoint, "NAME",
          "of a run: newest, best or a step", NULL, "newest" },
        { "no-ema", ARGUMENT_FLAG, &e.no_ema, NULL,
          "use the raw weights instead of their average" },
        { "tuning", ARGUMENT_TEXT, &e.tuning, "FILE",
          "kernels: auto, on, off, or a table", NULL, "auto" },
        { "csv", ARGUMENT_TEXT, &e.csv, "FILE",
          "write the scores of each image, one row each" },
        { "report", ARGUMENT_TEXT, &e.report, "FILE",
          "write outputs and scores as one HTML page" },
        { "palette", ARGUMENT_TEXT, &e.palette, "FILE",
          "label maps: colours of classes; auto: of the targets" },
        { "lpips", ARGUMENT_TEXT, &e.lpips, "FILE",
          "weights for LPIPS, made by convert --lpips", NULL,
          "auto: lpips-*.safetensors in the user's data folder" },
        { "json", ARGUMENT_FLAG, &e.json, NULL, "print one JSON document on stdout" },
    };
    const struct command command = {
        .name = "evaluate",
        .usages = { "evaluate --model RUN|FILE --data DIR [OPTION...]" },
        .purpose = "Translates the inputs of pairs and compares the outputs with the "
                   "targets: l1 and mse (pixels in [-1, 1]), psnr (dB), ssim and "
                   "ms_ssim; beside them two baselines, the input itself and the mean "
                   "colour of the training targets. A pair that cannot be read is an "
                   "error; the others are still compared.",
        .arguments = arguments,
        .count = sizeof(arguments) / sizeof(arguments[0]),
        .device = &e.device,
    };
    int code;
    if (!options_parse_words(&command, argc, argv, NULL, &code))
        return code;
    code = check_arguments(&command, &e);
    if (code != EXIT_DONE)
        return code;
    pix_device *device = options_open_device(&e.device);
    if (!device)
        return EXIT_FAILED;
    return options_close_device(device, run(device, &e));
}
