// SPDX-License-Identifier: MIT
//
// pix2pix dataset: what is odd in a data set, its statistics, and copies of it that are
// arranged in another way. Needs no device and no model.

#include "options.h"
#include "terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MOST_LINES 20    // of findings of one kind; --json has all

struct dataset {
    const char *words[2];    // what to do, and the folder
    struct pix_dataset_options o;
    const char *out, *sheet;
    bool json;
    struct device_arguments device;
};

static void show_progress(void *user, const char *text)
{
    (void)user;
    output_show_live(text);
}

static json_t *make_numbers(const double *values, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        output_append(&array, output_make_real(values[i]));
    return array;
}

// ---------------------------------------------------------------------------
// Findings

static const char *const levels[] = { "error", "warning", "hint" };

static bool print_findings_json(const struct pix_dataset_report *r)
{
    json_t *document = json_object(), *list = json_array(), *counts = json_object();
    output_add_member(&document, "pairs", output_make_uint(r->pairs));
    output_add_member(&document, "errors", output_make_uint(r->errors));
    output_add_member(&document, "warnings", output_make_uint(r->warnings));
    output_add_member(&document, "hints", output_make_uint(r->hints));
    for (int k = 0; k < PIX_FINDING_COUNT; k++)
        output_add_member(&counts, pix_finding_name((enum pix_finding_kind)k),
                          output_make_uint(r->counts[k]));
    output_add_member(&document, "counts", counts);
    for (size_t i = 0; i < r->count; i++) {
        const struct pix_finding *f = &r->findings[i];
        json_t *one = json_object();
        output_add_member(&one, "kind", output_make_text(pix_finding_name(f->kind)));
        output_add_member(&one, "level", output_make_text(levels[f->level]));
        output_add_member(&one, "split", output_make_text(*f->split ? f->split : NULL));
        output_add_member(&one, "file", output_make_text(f->file));
        output_add_member(&one, "other", output_make_text(f->other));
        output_add_member(&one, "text", output_make_text(f->text));
        if (f->kind == PIX_FINDING_SHIFTED) {
            output_add_member(&one, "dx", output_make_real(f->dx));
            output_add_member(&one, "dy", output_make_real(f->dy));
        }
        output_add_member(&one, "row", f->row ? output_make_uint(f->row) : json_null());
        output_append(&list, one);
    }
    output_add_member(&document, "findings", list);
    return output_print_json(document);
}

static void print_count(uint32_t count, const char *what, const char *end)
{
    output_print(stdout, "%" PRIu32 " %s%s%s", count, what, count == 1 ? "" : "s", end);
}

static void print_findings(const struct pix_dataset_report *r, const char *what)
{
    uint32_t printed[PIX_FINDING_COUNT] = { 0 };
    for (size_t i = 0; i < r->count; i++) {
        const struct pix_finding *f = &r->findings[i];
        const uint32_t count = r->counts[f->kind], number = ++printed[f->kind];
        char row[32] = "";
        if (number > MOST_LINES) {
            if (number == count)
                output_print(stdout, "%s: %" PRIu32 " more, which --json lists\n",
                             pix_finding_name(f->kind), count - MOST_LINES);
            continue;
        }
        if (f->row)
            snprintf(row, sizeof(row), " (row %" PRIu32 ")", f->row);
        output_print(stdout, "%s: %s: %s %s%s\n", levels[f->level],
                     pix_finding_name(f->kind), f->file, f->text, row);
    }
    output_print(stdout, "%" PRIu64 " %s%s looked at: ", r->pairs, what,
                 r->pairs == 1 ? "" : "s");
    print_count(r->errors, "error", ", ");
    print_count(r->warnings, "warning", ", ");
    print_count(r->hints, "hint", "\n");
}

static int check(const struct dataset *d)
{
    struct pix_dataset_report report;
    const bool found = pix_dataset_check(&d->o, d->sheet, &report);
    output_end_live();
    if (!report.findings)
        return EXIT_FAILED;
    bool ok = found;
    if (d->json)
        ok = print_findings_json(&report) && ok;
    else
        print_findings(&report, d->o.singles ? "image" : "pair");
    const bool has_errors = report.errors > 0;
    pix_dataset_report_free(&report);
    return ok && !has_errors ? EXIT_DONE : EXIT_FAILED;
}

// ---------------------------------------------------------------------------
// Statistics

static const double shares[PIX_QUANTILE_COUNT] = PIX_QUANTILES;

static json_t *make_size(struct pix_size size)
{
    json_t *array = json_array();
    output_append(&array, output_make_uint(size.width));
    output_append(&array, output_make_uint(size.height));
    return array;
}

static json_t *make_channel(const struct pix_channel_statistics *c)
{
    json_t *one = json_object(), *bins = json_array();
    output_add_member(&one, "min", output_make_real(c->min));
    output_add_member(&one, "max", output_make_real(c->max));
    output_add_member(&one, "mean", output_make_real(c->mean));
    output_add_member(&one, "deviation", output_make_real(c->deviation));
    output_add_member(&one, "quantiles",
                      make_numbers(c->quantiles, PIX_QUANTILE_COUNT));
    for (size_t i = 0; i < PIX_HISTOGRAM_BINS; i++)
        output_append(&bins, output_make_uint(c->histogram[i]));
    output_add_member(&one, "histogram", bins);
    return one;
}

static const char *side_name(const struct dataset *d,
                             const struct pix_side_statistics *s)
{
    return d->o.singles ? "image" : s->is_target ? "B" : "A";
}

static bool print_statistics_json(const struct dataset *d,
                                  const struct pix_dataset_statistics *s)
{
    json_t *document = json_object(), *sides = json_array();
    output_add_member(&document, "pairs", output_make_uint(s->pairs));
    output_add_member(&document, "broken", output_make_uint(s->broken));
    output_add_member(&document, "shares", make_numbers(shares, PIX_QUANTILE_COUNT));
    for (size_t i = 0; i < s->count; i++) {
        const struct pix_side_statistics *side = &s->sides[i];
        json_t *one = json_object(), *channels = json_array();
        output_add_member(&one, "side", output_make_text(side_name(d, side)));
        output_add_member(&one, "kind", output_make_text(side->kind));
        output_add_member(&one, "images", output_make_uint(side->images));
        output_add_member(&one, "samples", output_make_uint(side->samples));
        output_add_member(&one, "smallest", make_size(side->smallest));
        output_add_member(&one, "largest", make_size(side->largest));
        output_add_member(&one, "low", output_make_real(side->low));
        output_add_member(&one, "high", output_make_real(side->high));
        for (uint32_t c = 0; c < side->channels; c++)
            output_append(&channels, make_channel(&side->channel[c]));
        output_add_member(&one, "channels", channels);
        output_append(&sides, one);
    }
    output_add_member(&document, "sides", sides);
    return output_print_json(document);
}

// A letter for each part of the range, darker where there are more samples.
static void print_histogram(const struct pix_channel_statistics *c)
{
    static const char tones[] = " .:-=+*#%@";
    char line[PIX_HISTOGRAM_BINS + 1];
    uint64_t most = 1;
    for (size_t i = 0; i < PIX_HISTOGRAM_BINS; i++)
        most = c->histogram[i] > most ? c->histogram[i] : most;
    for (size_t i = 0; i < PIX_HISTOGRAM_BINS; i++) {
        const double share = (double)c->histogram[i] / (double)most;
        const size_t tone = (size_t)(share * (double)(sizeof(tones) - 2) + 0.5);
        line[i] = tones[tone == 0 && c->histogram[i] ? 1 : tone];
    }
    line[PIX_HISTOGRAM_BINS] = '\0';
    output_print(stdout, "  |%s|\n", line);
}

static void print_side(const struct dataset *d, const struct pix_side_statistics *s)
{
    output_print(stdout, "%s: %s, %" PRIu32 " channel%s, %" PRIu64 " image%s, ",
                 side_name(d, s), s->kind, s->channels, s->channels == 1 ? "" : "s",
                 s->images, s->images == 1 ? "" : "s");
    output_print(stdout, "%" PRIu32 "x%" PRIu32, s->smallest.width, s->smallest.height);
    if (s->smallest.width != s->largest.width ||
        s->smallest.height != s->largest.height)
        output_print(stdout, " to %" PRIu32 "x%" PRIu32, s->largest.width,
                     s->largest.height);
    output_print(stdout, "\n  %7s %9s %9s %9s %9s", "channel", "min", "max", "mean",
                 "deviation");
    for (size_t q = 0; q < PIX_QUANTILE_COUNT; q += 2)
        output_print(stdout, " %8g%%", 100 * shares[q]);
    output_print(stdout, "\n");
    for (uint32_t c = 0; c < s->channels; c++) {
        const struct pix_channel_statistics *x = &s->channel[c];
        output_print(stdout, "  %7" PRIu32 " %9.5g %9.5g %9.5g %9.5g", c + 1, x->min,
                     x->max, x->mean, x->deviation);
        for (size_t q = 0; q < PIX_QUANTILE_COUNT; q += 2)
            output_print(stdout, " %9.5g", x->quantiles[q]);
        output_print(stdout, "\n");
    }
    output_print(stdout, "  from %g to %g:\n", s->low, s->high);
    for (uint32_t c = 0; c < s->channels; c++)
        print_histogram(&s->channel[c]);
}

static int stats(const struct dataset *d)
{
    struct pix_dataset_statistics s;
    const bool found = pix_dataset_stats(&d->o, &s);
    output_end_live();
    if (!found)
        return EXIT_FAILED;
    bool ok = true;
    if (d->json) {
        ok = print_statistics_json(d, &s);
    } else {
        for (size_t i = 0; i < s.count; i++)
            print_side(d, &s.sides[i]);
        if (s.broken)
            output_print(stdout, "%" PRIu64 " left out\n", s.broken);
    }
    ok = ok && s.broken == 0;
    pix_dataset_statistics_free(&s);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

// ---------------------------------------------------------------------------
// Copies

static int print_written(const struct dataset *d, bool done, uint64_t written,
                         uint64_t failed)
{
    output_end_live();
    if (!done)
        return EXIT_FAILED;
    if (d->json) {
        json_t *document = json_object();
        output_add_member(&document, "out", output_make_text(d->out));
        output_add_member(&document, "written", output_make_uint(written));
        output_add_member(&document, "failed", output_make_uint(failed));
        if (!output_print_json(document))
            return EXIT_FAILED;
    } else {
        output_print(stdout, "%s: %" PRIu64 " pairs written, %" PRIu64 " left out\n",
                     d->out, written, failed);
    }
    return failed ? EXIT_FAILED : EXIT_DONE;
}

static int combine(const struct dataset *d)
{
    uint64_t written = 0, failed = 0;
    const bool done = pix_dataset_combine(&d->o, d->out, &written, &failed);
    return print_written(d, done, written, failed);
}

static int separate(const struct dataset *d)
{
    uint64_t written = 0, failed = 0;
    const bool done = pix_dataset_separate(&d->o, d->out, &written, &failed);
    return print_written(d, done, written, failed);
}

static int split(const struct dataset *d)
{
    uint64_t copied[3];
    const bool done = pix_dataset_split(&d->o, d->out, copied);
    output_end_live();
    if (!done)
        return EXIT_FAILED;
    if (d->json) {
        json_t *document = json_object();
        output_add_member(&document, "out", output_make_text(d->out));
        output_add_member(&document, "train", output_make_uint(copied[0]));
        output_add_member(&document, "val", output_make_uint(copied[1]));
        output_add_member(&document, "test", output_make_uint(copied[2]));
        return output_print_json(document) ? EXIT_DONE : EXIT_FAILED;
    }
    output_print(stdout,
                 "%s: %" PRIu64 " for train, %" PRIu64 " for val, %" PRIu64
                 " for test\n",
                 d->out, copied[0], copied[1], copied[2]);
    return EXIT_DONE;
}

// ---------------------------------------------------------------------------
// Command

static const struct action {
    const char *name;
    int (*run)(const struct dataset *d);
    bool writes, draws;
} actions[] = {
    { "check", check, false, true },     { "stats", stats, false, false },
    { "combine", combine, true, false }, { "separate", separate, true, false },
    { "split", split, true, false },
};

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; name && i < sizeof(actions) / sizeof(actions[0]); i++)
        if (strcmp(name, actions[i].name) == 0)
            return &actions[i];
    return NULL;
}

static int check_arguments(const struct command *command, const struct dataset *d,
                           const struct action *action)
{
    if (!action)
        return options_print_usage_error(command,
                                         "say what to do: check, stats, combine, "
                                         "separate or split");
    if ((d->words[1] != NULL) == (d->o.pairs != NULL))
        return options_print_usage_error(command, "give a folder, or a list with "
                                                  "--pairs");
    if (action->writes != (d->out != NULL))
        return options_print_usage_error(
            command, action->writes ? "name a new folder with --out"
                                    : "--out is for combine, separate and split");
    if (d->sheet && !action->draws)
        return options_print_usage_error(command, "--sheet is for check");
    if (d->sheet && !options_ends_in(d->sheet, ".png"))
        return options_print_usage_error(command, "--sheet %s must end in .png",
                                         d->sheet);
    return EXIT_DONE;
}

int command_dataset(int argc, char **argv)
{
    struct dataset d = { .out = NULL };
    pix_dataset_options_init(&d.o);
    const struct argument arguments[] = {
        { "pairs", ARGUMENT_TEXT, &d.o.pairs, "FILE",
          "in place of DATA a CSV file: input,target,split" },
        { "split-ratio", ARGUMENT_TEXT, &d.o.split_ratio, "A:B:C",
          "shares of train, val and test: 0.8:0.1:0.1" },
        { "split", ARGUMENT_CHOICE, &d.o.split, "NAME", "only train, val or test",
          "train|val|test", "all that there are" },
        { "singles", ARGUMENT_FLAG, &d.o.singles, NULL,
          "files are single images, as for train --task" },
        { "out", ARGUMENT_TEXT, &d.out, "DIR",
          "combine, separate, split: new folder that is written" },
        { "sheet", ARGUMENT_TEXT, &d.sheet, "FILE",
          "check: write a PNG with the images that were found" },
        { "npy-order", ARGUMENT_CHOICE, &d.o.read.npy_order, "NAME",
          "axes of .npy arrays: chw or hwc", "chw|hwc", "chw" },
        OPTIONS_OF_READING(d.o.read, ""),
        { "threads", ARGUMENT_COUNT, &d.o.threads, "N", "threads that read images",
          NULL, "one for each core" },
        { "json", ARGUMENT_FLAG, &d.json, NULL, "print one JSON document on stdout" },
        { "verbose", ARGUMENT_FLAG, &d.device.verbose, NULL,
          "print more messages, on stderr" },
    };
    const struct command command = {
        .name = "dataset",
        .usages = { "dataset check DATA [--sheet FILE] [OPTION...]",
                    "dataset stats DATA [OPTION...]",
                    "dataset combine DATA --out DIR [OPTION...]",
                    "dataset separate DATA --out DIR [OPTION...]",
                    "dataset split DATA --split-ratio A:B:C --out DIR" },
        .purpose =
            "Looks at a data set, which stays as it is, with or without train/, val/ and "
            "test/. check reports images that are broken, odd, without a partner, "
            "duplicates or alike, and pairs that do not fit each other; an error among "
            "them is exit code 1. stats prints statistics and histograms of the samples. "
            "combine writes pairs of two files as images A|B, separate such images as "
            "files of two folders, split copies images into train/, val/ and test/, all "
            "to a new folder.",
        .arguments = arguments,
        .count = sizeof(arguments) / sizeof(arguments[0]),
        .words = d.words,
        .word_count = 2,
    };
    int code;
    if (!options_parse_words(&command, argc, argv, NULL, &code))
        return code;
    const struct action *action = find_action(d.words[0]);
    code = check_arguments(&command, &d, action);
    if (code != EXIT_DONE)
        return code;
    d.o.data = d.words[1];
    d.o.log = output_get_log(d.device.verbose);
    if (terminal_is_interactive(stderr)) {
        output_begin_live(stderr);
        d.o.progress = show_progress;
    }
    return action->run(&d);
}
