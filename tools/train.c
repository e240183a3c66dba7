// SPDX-License-Identifier: MIT
//
// pix2pix train: gathers the options of a run, then steps until it is finished.

#include "options.h"
#include "terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------------------
// Options

// A configuration file first, then the command line, which wins.
static bool apply(const struct command *command, const struct settings *settings,
                  const char *config, struct pix_train_options *o)
{
    if (config && !pix_train_options_read_file(config, o)) {
        options_usage_error(command, "%s", pix_last_error());
        return false;
    }
    for (size_t i = 0; i < settings->count; i++) {
        const struct setting *s = &settings->items[i];
        if (!pix_train_options_set(o, s->row->name, s->text)) {
            options_usage_error(command, "%s", pix_last_error());
            return false;
        }
    }
    return true;
}

static char *join(const char *folder, const char *name)
{
    const size_t a = strlen(folder), b = strlen(name);
    char *path = malloc(a + b + 2);
    if (!path) {
        output_error("out of memory");
        return NULL;
    }
    memcpy(path, folder, a);
    path[a] = '/';
    memcpy(path + a + 1, name, b + 1);
    return path;
}

static bool has_entry(const char *folder, const char *name)
{
    char *path = join(folder, name);
    const bool found = path && terminal_path_kind(path) != PATH_NONE;
    free(path);
    return found;
}

// A new run goes into a folder that does not exist or is empty. A run that was killed
// before its first file was whole leaves the temporary file of config.json.
static int check_new_run(const struct command *command, const char *out)
{
    switch (terminal_path_kind(out)) {
    case PATH_NONE:
        return EXIT_DONE;
    case PATH_FILE:
    case PATH_OTHER:
        return options_usage_error(command, "--out %s is not a folder", out);
    case PATH_FOLDER:
        break;
    }
    if (has_entry(out, "config.json") || has_entry(out, "metrics.jsonl") ||
        has_entry(out, "checkpoints"))
        return options_usage_error(command,
                                   "--out %s holds a run already: go on with it with "
                                   "--continue, or name another folder",
                                   out);
    if (!terminal_folder_is_empty(out, "config.json.tmp"))
        return options_usage_error(command,
                                   "--out %s is not empty and not a run: name a folder "
                                   "that is new or empty",
                                   out);
    return EXIT_DONE;
}

static bool same_value(const struct pix_option *row, const struct pix_train_options *a,
                       const struct pix_train_options *b)
{
    char text_a[64], text_b[64];
    const void *at_a = (const char *)a + row->offset,
               *at_b = (const char *)b + row->offset;
    if (row->type == PIX_OPTION_REAL)    // its text is rounded
        return *(const double *)at_a == *(const double *)at_b;
    const char *value_a = options_value(row, a, text_a);
    const char *value_b = options_value(row, b, text_b);
    if (strcmp(value_a, value_b) == 0)
        return true;
    return strcmp(row->name, "data") == 0 && terminal_same_path(value_a, value_b);
}

// The options of the run in `out`, with those given now over them.
static int continue_options(const struct command *command,
                            const struct settings *settings, const char *config,
                            const char *out, struct pix_train_options *merged)
{
    if (!has_entry(out, "config.json"))
        return options_usage_error(
            command,
            "--out %s holds no run to continue (no config.json): "
            "leave out --continue to start one",
            out);
    struct pix_train_options run;
    if (!pix_train_options_read(out, &run)) {
        output_error("%s", pix_last_error());
        return EXIT_FAILED;
    }
    int code = EXIT_FAILED;
    if (!pix_train_options_read(out, merged)) {
        output_error("%s", pix_last_error());
        goto fail;
    }
    code = EXIT_USAGE;
    if (!apply(command, settings, config, merged))
        goto fail;

    // Compared as they will be used: --load-size 0 is what the run made of it.
    struct pix_train_options resolved = *merged;
    if (!pix_train_options_resolve(&resolved))
        resolved = *merged;
    size_t count;
    const struct pix_option *table = pix_train_option_table(&count);
    for (size_t i = 0; i < count; i++) {
        const struct pix_option *row = &table[i];
        if (row->may_change || row->is_run_state || same_value(row, &run, &resolved))
            continue;
        char text_given[64], text_run[64];
        options_usage_error(command,
                            "--%s: %s differs from the run's %s, and a continued run "
                            "keeps it: leave --%s out, or start another run",
                            row->name, options_value(row, merged, text_given),
                            options_value(row, &run, text_run), row->name);
        goto fail;
    }
    pix_train_options_finish(&run);
    return EXIT_DONE;

fail:
    pix_train_options_finish(&run);
    pix_train_options_finish(merged);
    return code;
}

// Everything that can be known before a device is opened. On EXIT_DONE the caller
// finishes the options.
static int gather_options(const struct command *command,
                          const struct settings *settings, const char *config,
                          bool plan, struct pix_train_options *o)
{
    int code = EXIT_USAGE;
    pix_train_options_init(o);
    if (!apply(command, settings, config, o))
        goto fail;
    if (!plan && !o->out) {
        options_usage_error(command, "--out is missing: the folder the run writes to");
        goto fail;
    }
    if (o->continue_run && !o->out) {
        options_usage_error(command, "--continue needs --out, the run to go on with");
        goto fail;
    }
    if (o->continue_run) {
        struct pix_train_options merged;
        code = continue_options(command, settings, config, o->out, &merged);
        if (code != EXIT_DONE)
            goto fail;
        pix_train_options_finish(o);
        *o = merged;
        code = EXIT_USAGE;
    }
    if (!plan && !o->data) {
        options_usage_error(command, "--data is missing: the folder that holds train/");
        goto fail;
    }
    struct pix_train_options resolved = *o;    // the library warns when it resolves `o`
    if (!pix_train_options_resolve(&resolved)) {
        options_usage_error(command, "%s", pix_last_error());
        goto fail;
    }
    if (!plan && !o->continue_run) {
        code = check_new_run(command, o->out);
        if (code != EXIT_DONE)
            goto fail;
    }
    return EXIT_DONE;

fail:
    pix_train_options_finish(o);
    return code;
}

// ---------------------------------------------------------------------------
// Progress

struct progress {
    FILE *stream;
    bool live;
    uint64_t log_freq;
    double start, last, shown;    // seconds
    double step_seconds;          // smoothed
    uint64_t trained;             // steps since the start of this process
    struct pix_step_metrics metrics;
};

static void progress_begin(struct progress *p, FILE *stream, uint64_t log_freq)
{
    *p = (struct progress){
        .stream = stream,
        .live = terminal_is_interactive(stream),
        .log_freq = log_freq,
        .start = terminal_seconds(),
    };
    p->last = p->start;
    if (p->live)
        output_live_begin(stream);
}

// Both forms hold the same; the short one is for terminals of 80 columns.
static void print_live(const struct progress *p, const char *left)
{
    const struct pix_step_metrics *m = &p->metrics;
    char line[256];
    int length = snprintf(line, sizeof(line),
                          "epoch %" PRIu64 "  step %" PRIu64 "/%" PRIu64
                          "  D real %.3f fake %.3f  G gan %.3f l1 %.3f  %.3g images/s  "
                          "%s left",
                          m->epoch, m->step, m->steps, m->loss_d_real, m->loss_d_fake,
                          m->loss_g_gan, m->loss_g_l1, m->images_per_s, left);
    if (length >= terminal_columns(p->stream))
        snprintf(line, sizeof(line),
                 "ep %" PRIu64 " %" PRIu64 "/%" PRIu64
                 " D %.2f %.2f G %.2f L1 %.2f %.3g img/s %s left",
                 m->epoch, m->step, m->steps, m->loss_d_real, m->loss_d_fake,
                 m->loss_g_gan, m->loss_g_l1, m->images_per_s, left);
    output_live(line);
}

static void progress_step(struct progress *p, const struct pix_step_metrics *m)
{
    // The first step of a process compiles pipelines: it counts until there is another.
    const double now = terminal_seconds();
    const double seconds = now - p->last;
    p->last = now;
    p->metrics = *m;
    p->trained++;
    if (p->trained <= 2)
        p->step_seconds = seconds;
    else
        p->step_seconds += (seconds - p->step_seconds) * (p->trained < 20 ? 0.2 : 0.05);

    const bool last = m->step == m->steps;
    char left[32];
    output_duration(p->step_seconds * (double)(m->steps - m->step), left);
    if (p->live) {
        if (!last && now - p->shown < 0.1)
            return;
        p->shown = now;
        print_live(p, left);
    } else if (m->step % p->log_freq == 0 || p->trained == 1 || last) {
        fprintf(p->stream,
                "epoch %" PRIu64 " step %" PRIu64 "/%" PRIu64
                " loss_d_real %.4f loss_d_fake %.4f loss_g_gan %.4f loss_g_l1 %.4f "
                "images/s %.3g left %s\n",
                m->epoch, m->step, m->steps, m->loss_d_real, m->loss_d_fake,
                m->loss_g_gan, m->loss_g_l1, m->images_per_s, left);
        fflush(p->stream);
    }
}

static bool print_summary(const struct progress *p, const struct pix_train_options *o,
                          bool interrupted, bool json)
{
    const struct pix_step_metrics *m = &p->metrics;
    const double seconds = p->last - p->start;
    char text[32];
    if (json) {
        json_t *document = json_object();
        output_add(&document, "out", output_text(o->out));
        output_add(&document, "interrupted", json_boolean(interrupted));
        output_add(&document, "trained", output_uint(p->trained));
        output_add(&document, "seconds", output_real(seconds));
        if (p->trained > 0) {
            output_add(&document, "step", output_uint(m->step));
            output_add(&document, "steps", output_uint(m->steps));
            output_add(&document, "epoch", output_uint(m->epoch));
            output_add(&document, "loss_d_real", output_real(m->loss_d_real));
            output_add(&document, "loss_d_fake", output_real(m->loss_d_fake));
            output_add(&document, "loss_g_gan", output_real(m->loss_g_gan));
            output_add(&document, "loss_g_l1", output_real(m->loss_g_l1));
            output_add(&document, "images_per_s", output_real(m->images_per_s));
        }
        return output_json(document);
        return output_json(document);
    }
    if (p->trained == 0) {
        printf("%s: %s\n", o->out,
               interrupted ? "interrupted before the first step"
                           : "all steps were trained already");
        return true;
    }
    printf("%s: %s step %" PRIu64 "/%" PRIu64 " after %" PRIu64
           " steps in %s, %.3g images/s\n",
           o->out, interrupted ? "interrupted at" : "finished at", m->step, m->steps,
           p->trained, output_duration(seconds, text),
           seconds > 0 ? (double)p->trained * o->batch_size / seconds : 0.0);
    if (interrupted)
        printf("go on with: pix2pix train --out %s --continue\n", o->out);
    return true;
}

// ---------------------------------------------------------------------------
// Command

static int run_training(pix_device *device, const struct pix_train_options *given,
                        bool json)
{
    terminal_catch_interrupt();
    pix_trainer *trainer = pix_trainer_create(device, given);
    if (!trainer)
        return terminal_interrupted() ? EXIT_INTERRUPTED : EXIT_FAILED;

    const struct pix_train_options *o = pix_trainer_get_options(trainer);
    struct progress progress;
    progress_begin(&progress, json ? stderr : stdout, o->log_freq);
    int code = EXIT_DONE;
    for (;;) {
        if (terminal_interrupted()) {
            code = pix_trainer_save(trainer) ? EXIT_INTERRUPTED : EXIT_FAILED;
            break;
        }
        struct pix_step_metrics metrics;
        const enum pix_step_result result = pix_trainer_step(trainer, &metrics);
        if (result == PIX_STEP_FAILED)
            code = EXIT_FAILED;
        if (result != PIX_STEP_DONE)
            break;
        progress_step(&progress, &metrics);
    }
    output_live_end();
    if (code != EXIT_FAILED &&
        !print_summary(&progress, o, code == EXIT_INTERRUPTED, json))
        code = EXIT_FAILED;
    pix_trainer_destroy(trainer);
    return code;
}

int command_train(int argc, char **argv)
{
    const char *config = NULL;
    bool plan = false, json = false;
    struct device_arguments device_arguments = { 0 };
    const struct argument arguments[] = {
        { "config", ARGUMENT_TEXT, &config, "FILE",
          "these options as JSON or lines `name = value`", NULL },
        { "plan", ARGUMENT_FLAG, &plan, NULL,
          "print what a step needs, train nothing, write nothing", NULL },
        { "json", ARGUMENT_FLAG, &json, NULL, "one JSON document on stdout", NULL },
    };
    const struct command command = {
        .name = "train",
        .usage = "train --data DIR --out RUN [OPTION...]    [default] in brackets",
        .purpose = "",
        .arguments = arguments,
        .count = sizeof(arguments) / sizeof(arguments[0]),
        .device = &device_arguments,
        .is_training = true,
    };
    struct settings settings = { 0 };
    struct pix_train_options options;
    int code;
    if (!options_parse(&command, argc, argv, &settings, &code))
        goto end;
    code = gather_options(&command, &settings, config, plan, &options);
    if (code != EXIT_DONE)
        goto end;

    pix_device *device = options_open_device(&device_arguments);
    if (!device) {
        code = EXIT_FAILED;
    } else if (plan) {
        struct pix_plan numbers;
        if (!pix_train_plan(device, &options, &numbers) || !output_plan(&numbers, json))
            code = EXIT_FAILED;
    } else {
        code = run_training(device, &options, json);
    }
    code = options_close_device(device, code);
    pix_train_options_finish(&options);

end:
    free(settings.items);
    return code;
}
