// SPDX-License-Identifier: MIT
//
// pix2pix train: gathers the options of a run, then steps until it is finished.

#include "options.h"
#include "report/report.h"
#include "terminal.h"
#include "training_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------------------
// Options

// Applies a configuration file, then the command line, which takes precedence.
static bool apply(const struct command *command, const struct given_options *given,
                  const char *config, struct pix_train_options *o)
{
    if (config && !pix_train_options_read_file(config, o)) {
        options_print_usage_error(command, "%s", pix_last_error());
        return false;
    }
    // The other options change what the recipe sets, wherever it is on the command
    // line.
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < given->count; i++) {
            const struct given_option *s = &given->items[i];
            if ((pass == 0) != (strcmp(s->row->name, "recipe") == 0))
                continue;
            if (!pix_train_options_set(o, s->row->name, s->text)) {
                options_print_usage_error(command, "%s", pix_last_error());
                return false;
            }
        }
    return true;
}

// Whether there is a run to resume: one that ended before its first file was complete
// starts from the beginning. What cannot be looked at counts as one: whoever reads it
// has the reason.
static bool is_run(const char *out)
{
    char *path = options_join_path(out, "config.json");
    const bool found = !path || !terminal_is_absent(path);
    free(path);
    return found;
}

// Reads the options of the run in `out` and applies those given now over them.
static int continue_options(const struct command *command,
                            const struct given_options *given, const char *config,
                            const char *out, struct pix_train_options *merged)
{
    if (!pix_train_options_read(out, merged)) {
        output_print_error("%s", pix_last_error());
        return EXIT_FAILED;
    }
    struct pix_train_options resolved = *merged;
    if (!pix_train_options_resolve(&resolved)) {
        output_print_error("%s: %s", out, pix_last_error());
        pix_train_options_finish(merged);
        return EXIT_FAILED;
    }
    if (!apply(command, given, config, merged)) {
        pix_train_options_finish(merged);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

// Gathers the options and checks everything that can be checked before a device is
// opened. On EXIT_DONE the caller finishes the options.
static int gather_options(const struct command *command,
                          const struct given_options *given, const char *config,
                          bool plan, struct pix_train_options *o)
{
    int code = EXIT_USAGE;
    pix_train_options_init(o);
    if (!apply(command, given, config, o))
        goto fail;
    if (o->continue_run && !o->out) {
        options_print_usage_error(command, "--continue needs --out, the run to resume");
        goto fail;
    }
    if (o->continue_run && is_run(o->out)) {
        struct pix_train_options merged;
        code = continue_options(command, given, config, o->out, &merged);
        if (code != EXIT_DONE)
            goto fail;
        pix_train_options_finish(o);
        *o = merged;
        code = EXIT_USAGE;
    } else if (o->continue_run && !plan && !o->data && !o->pairs) {
        options_print_usage_error(
            command,
            "--out %s contains no run yet (no config.json): give --data "
            "to start one",
            o->out);
        goto fail;
    }
    struct pix_train_options resolved = *o;    // the library warns when it resolves `o`
    if (!(plan ? pix_train_options_resolve(&resolved) : pix_train_check(o))) {
        options_print_usage_error(command, "%s", pix_last_error());
        goto fail;
    }
    return EXIT_DONE;

fail:
    pix_train_options_finish(o);
    return code;
}

// ---------------------------------------------------------------------------
// Command

// Prints what the recipe sets, the default one only if it was named.
static void print_recipe(const struct pix_train_options *o, bool is_named)
{
    char text[512];
    if ((is_named || strcmp(o->recipe, "pytorch") != 0) &&
        pix_train_recipe(o->recipe, text, sizeof(text)))
        output_print_note("recipe %s: %s", o->recipe, text);
}

static void show_progress(void *user, const char *text)
{
    (void)user;
    output_show_live(text);
}

// Creating a trainer reads all images, which is shown on a terminal.
static pix_trainer *create_trainer(pix_device *device,
                                   const struct pix_train_options *given, FILE *stream)
{
    struct pix_train_options o = *given;    // adds no text of its own
    if (terminal_is_interactive(stream)) {
        output_begin_live(stream);
        o.progress = show_progress;
    }
    pix_trainer *trainer = pix_trainer_create(device, &o);
    output_end_live();
    return trainer;
}

static int run_training(pix_device *device, const struct pix_train_options *given,
                        bool names_recipe, bool json)
{
    // Creating a trainer reads images and may measure kernels: not after an interrupt.
    if (terminal_is_interrupted()) {
        output_print_note("interrupted before the run started");
        return EXIT_INTERRUPTED;
    }
    FILE *const stream = json ? stderr : stdout;
    pix_trainer *trainer = create_trainer(device, given, stream);
    if (!trainer)
        return EXIT_FAILED;    // even after a request to end, which does not reach it

    terminal_catch_interrupt("saving after this step");
    const struct pix_train_options *o = pix_trainer_get_options(trainer);
    struct training_log progress;
    print_recipe(o, names_recipe);
    training_log_print_head(stream, pix_device_get_info(device), o);
    training_log_begin(&progress, stream, o);
    int code = EXIT_DONE;
    for (;;) {
        struct pix_step_metrics metrics;
        if (terminal_is_interrupted()) {
            const enum pix_step_result drained = pix_trainer_drain(trainer, &metrics);
            if (drained == PIX_STEP_DONE)
                training_log_step(&progress, &metrics);
            code = drained != PIX_STEP_FAILED && pix_trainer_save(trainer)
                       ? EXIT_INTERRUPTED
                       : EXIT_FAILED;
            break;
        }
        const enum pix_step_result result = pix_trainer_step(trainer, &metrics);
        if (result == PIX_STEP_FAILED)
            code = EXIT_FAILED;
        if (result != PIX_STEP_DONE)
            break;
        training_log_step(&progress, &metrics);
        if (o->save_freq && metrics.step % o->save_freq == 0 &&
            metrics.step < metrics.steps)
            report_refresh(o->out);
    }
    output_end_live();
    const bool has_report = report_refresh(o->out);
    struct pix_best_validation best;
    if (code != EXIT_FAILED &&
        !training_log_print_summary(&progress, o,
                                    pix_trainer_get_best(trainer, &best) ? &best : NULL,
                                    code == EXIT_INTERRUPTED, json))
        code = EXIT_FAILED;
    if (has_report && !json)
        output_print(stdout, "report: %s/report.html\n", o->out);
    pix_trainer_destroy(trainer);
    return code;
}

static bool has_recipe(const struct given_options *given)
{
    for (size_t i = 0; i < given->count; i++)
        if (strcmp(given->items[i].row->name, "recipe") == 0)
            return true;
    return false;
}

int command_train(int argc, char **argv)
{
    terminal_catch_interrupt("ending before the first step");
    const char *config = NULL;
    bool plan = false, json = false;
    struct device_arguments device_arguments = { 0 };
    const struct argument arguments[] = {
        { "config", ARGUMENT_TEXT, &config, "FILE",
          "read options from a file: JSON, or lines `name = value`" },
        { "plan", ARGUMENT_FLAG, &plan, NULL,
          "print what a step needs; nothing is trained or written" },
        { "json", ARGUMENT_FLAG, &json, NULL, "print one JSON document on stdout" },
    };
    const struct command command = {
        .name = "train",
        .usages = { "train --data DIR --out RUN [OPTION...]" },
        .purpose =
            "Trains a generator on pairs of images. A run that is resumed "
            "may change its steps, epochs, --threads, --val-metrics, --lpips, "
            "--patience, --keep, --on-nan, the device and frequencies other than "
            "--val-freq, and nothing else. Defaults are in [brackets].",
        .arguments = arguments,
        .count = sizeof(arguments) / sizeof(arguments[0]),
        .device = &device_arguments,
        .is_training = true,
    };
    struct given_options given = { 0 };
    struct pix_train_options options;
    int code;
    if (!options_parse_words(&command, argc, argv, &given, &code))
        goto end;
    code = gather_options(&command, &given, config, plan, &options);
    if (code != EXIT_DONE)
        goto end;

    pix_device *device = options_open_device(&device_arguments);
    if (!device) {
        code = EXIT_FAILED;
    } else if (plan) {
        struct pix_plan numbers;
        if (!pix_train_plan(device, &options, &numbers) ||
            !output_print_plan(&numbers, json))
            code = EXIT_FAILED;
    } else {
        code = run_training(device, &options, has_recipe(&given), json);
    }
    code = options_close_device(device, code);
    pix_train_options_finish(&options);

end:
    free(given.items);
    return code;
}
