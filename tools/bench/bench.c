// SPDX-License-Identifier: MIT
//
// pix2pix bench: measures devices and prints a table; prints or compares stored
// results.

#include "bench/compare.h"
#include "bench/file.h"
#include "bench/page.h"
#include "bench/result.h"
#include "bench/table.h"
#include "options.h"
#include "terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_CASES 64
#define MOST_NUMBERS 16
#define SIZE_MOST 16384
#define BATCH_MOST 4096

#define QUICK_SECONDS 0.05    // for the samples of a call or ceiling

struct bench {
    const char *sizes, *batches;
    uint32_t ngf, ndf;
    bool linear, quick, simple, counters;
    const char *only, *precision;
    const char *json, *html;
    const char *show;
    const char *compare[2];
    struct device_arguments device;

    struct pix_bench_case cases[MOST_CASES];
    uint32_t case_count;
};

// ---------------------------------------------------------------------------
// Measuring

struct taker {
    struct bench_device *device;
    bool failed;
};

static bool take_row(void *user, const struct pix_bench_row *row)
{
    struct taker *t = user;
    t->failed = t->failed || !bench_add_row(t->device, row);
    return !t->failed && !terminal_is_interrupted();
}

static bool is_interrupted(void *user)
{
    (void)user;
    return terminal_is_interrupted();
}

static void show_progress(void *user, const char *text)
{
    (void)user;
    output_show_live(text);
}

static bool measure_device(const struct bench *b, pix_device *device,
                           struct bench_result *result)
{
    struct bench_device *d = bench_add_device(result, pix_device_get_info(device));
    struct taker taker = { d, false };
    struct pix_bench_options options;
    if (!d)
        return false;
    pix_bench_options_init(&options);
    options.cases = b->cases;
    options.case_count = b->case_count;
    options.ngf = b->ngf;
    options.ndf = b->ndf;
    options.precision = b->precision;
    options.with_simple = b->simple;
    options.no_clock = b->counters;
    if (b->quick)
        options.seconds = QUICK_SECONDS;
    options.no_calls = b->linear || (b->only && strcmp(b->only, "calls") != 0);
    options.no_train = b->only && strcmp(b->only, "train") != 0;
    options.no_translate = b->only && strcmp(b->only, "translate") != 0;
    options.row = take_row;
    options.progress = show_progress;
    options.stop = is_interrupted;
    options.user = &taker;
    if (terminal_is_interactive(stderr))
        output_begin_live(stderr);
    d->complete = pix_bench(device, &options);
    output_end_live();
    bench_sort_rows(d);
    bench_print_device(d);
    return d->complete;
}

static bool measure_one(const struct bench *b, const char *select,
                        struct bench_result *result)
{
    struct device_arguments arguments = b->device;
    arguments.select = select;
    pix_device *device = options_open_device(&arguments);
    if (!device)
        return false;
    const bool ok = measure_device(b, device, result);
    return options_close_device(device, ok ? EXIT_DONE : EXIT_FAILED) == EXIT_DONE;
}

static bool measure_all(const struct bench *b, struct bench_result *result)
{
    struct pix_device_info *list;
    uint32_t count;
    const struct pix_log log = output_get_log(b->device.verbose);
    if (!pix_device_list(&log, &list, &count))
        return false;
    bool ok = count > 0;
    if (!ok)
        output_print_error("no Vulkan device was found");
    for (uint32_t i = 0; i < count && !terminal_is_interrupted(); i++) {
        char select[16];
        snprintf(select, sizeof(select), "%" PRIu32, list[i].index);
        if (list[i].usable)
            ok = measure_one(b, select, result) && ok;
        else
            output_print_note("%s is skipped: it %s", list[i].name, list[i].reason);
    }
    pix_device_list_free(list);
    return ok;
}

static bool same_file(const char *a, const char *b)
{
    return strcmp(a, b) == 0 || terminal_is_same_path(a, b);
}

static int run(const struct bench *b)
{
    struct bench_result result;
    // Found out now, not after minutes of measuring.
    if ((b->json && !bench_can_write(b->json)) ||
        (b->html && !bench_can_write(b->html)))
        return EXIT_FAILED;
    bench_result_init(&result);
    result.ngf = b->ngf;
    result.ndf = b->ndf;
    bool ok = result.version && result.when;
    terminal_catch_interrupt("ending after this measurement");
    if (ok && b->device.select && strcmp(b->device.select, "all") == 0)
        ok = measure_all(b, &result);
    else if (ok)
        ok = measure_one(b, b->device.select, &result);
    bool any = false;
    for (size_t i = 0; i < result.count; i++)
        any |= result.devices[i].count > 0;
    if (any) {
        if (!b->counters)
            bench_print_method();
        // The rows of an interrupted benchmark are written as well.
        if (b->json)
            ok = bench_write_file(&result, b->json) && ok;
        // Two names of a file that did not exist before show now.
        const bool is_same = b->json && b->html && same_file(b->json, b->html);
        if (is_same)
            output_print_error(
                "--html %s is the file that --json has just written: the "
                "page was left out, write it with --show %s --html FILE",
                b->html, b->json);
        if (b->html)
            ok = !is_same && bench_write_page(&result, b->html) && ok;
    } else if (ok && !terminal_is_interrupted()) {
        output_print_error("nothing could be measured: the warnings say why");
        ok = false;
    }
    bench_result_finish(&result);
    return terminal_is_interrupted() ? EXIT_INTERRUPTED : ok ? EXIT_DONE : EXIT_FAILED;
}

// Prints a stored result, and writes its page if `html` is not NULL.
static int show(const char *path, const char *html)
{
    struct bench_result result;
    if (!bench_read_file(path, &result))
        return EXIT_FAILED;
    output_print(stdout, "%s, pix2pix %s, %s\n\n", path, result.version, result.when);
    for (size_t i = 0; i < result.count; i++)
        bench_print_device(&result.devices[i]);
    bench_print_method();
    const bool ok = !html || bench_write_page(&result, html);
    bench_result_finish(&result);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

// ---------------------------------------------------------------------------
// Command line

// Parses numbers separated by commas, "64,128"; returns how many, 0 after a message.
static uint32_t parse_list(const struct command *command, const char *name,
                           const char *text, uint32_t most,
                           uint32_t numbers[MOST_NUMBERS])
{
    uint32_t count = 0;
    const char *c = text;
    for (;;) {
        uint32_t value = 0;
        const char *start = c;
        for (; *c >= '0' && *c <= '9' && value <= most; c++)
            value = value * 10 + (uint32_t)(*c - '0');
        if (c == start || value == 0 || value > most || (*c && *c != ',') ||
            count == MOST_NUMBERS) {
            options_print_usage_error(command,
                                      "--%s takes up to %d numbers from 1 to %" PRIu32
                                      " separated by commas, not \"%s\"",
                                      name, MOST_NUMBERS, most, text);
            return 0;
        }
        numbers[count++] = value;
        if (!*c++)
            return count;
    }
}

// Whether all of a list of precisions are names of such. False after a message.
static bool check_precisions(const struct command *command, const char *list)
{
    for (const char *at = list;; at += strcspn(at, ",") + 1) {
        const size_t length = strcspn(at, ",");
        char name[8];
        struct pix_train_options o;
        snprintf(name, sizeof(name), "%.*s", (int)length, at);
        pix_train_options_init(&o);
        o.precision = name;
        if (length >= sizeof(name) || !pix_train_options_resolve(&o)) {
            options_print_usage_error(command,
                                      "--precision takes f32, f16, bf16 and auto, "
                                      "separated by commas, not \"%s\"",
                                      list);
            return false;
        }
        if (!at[length])
            return true;
    }
}

// Adds a case unless it is there already. False if there are too many.
static bool add_case(struct bench *b, uint32_t size, uint32_t batch)
{
    for (uint32_t i = 0; i < b->case_count; i++)
        if (b->cases[i].size == size && b->cases[i].batch == batch)
            return true;
    if (b->case_count == MOST_CASES)
        return false;
    b->cases[b->case_count++] = (struct pix_bench_case){ size, batch };
    return true;
}

static bool make_cases(const struct command *command, struct bench *b)
{
    const char *sizes = b->sizes, *batches = b->batches;
    uint32_t s[MOST_NUMBERS], n[MOST_NUMBERS];
    struct pix_train_options networks;
    pix_train_options_init(&networks);
    networks.ngf = b->ngf;
    networks.ndf = b->ndf;
    if (!pix_train_options_resolve(&networks)) {
        options_print_usage_error(command, "%s", pix_last_error());
        return false;
    }
    if (!sizes)
        sizes = b->linear ? "256,64,128,512" : b->quick ? "64" : "256";
    if (!batches)
        batches = b->linear ? "1,2,4,8" : "1";
    const uint32_t size_count = parse_list(command, "sizes", sizes, SIZE_MOST, s);
    if (size_count == 0)
        return false;
    const uint32_t batch_count = parse_list(command, "batches", batches, BATCH_MOST, n);
    if (batch_count == 0)
        return false;
    for (uint32_t i = 0; i < size_count; i++) {
        // Whether the networks can be built for this size; the message says which sizes
        // fit.
        struct pix_train_options o;
        pix_train_options_init(&o);
        o.crop_size = (struct pix_size){ s[i], s[i] };
        if (!pix_train_options_resolve(&o)) {
            options_print_usage_error(command, "--sizes %s: %s", sizes,
                                      pix_last_error());
            return false;
        }
        for (uint32_t k = 0; k < batch_count; k++)
            if ((!b->linear || i == 0 || k == 0) && !add_case(b, s[i], n[k])) {
                options_print_usage_error(
                    command, "--sizes and --batches give more than %d cases",
                    MOST_CASES);
                return false;
            }
    }
    return true;
}

// Whether an option is given that only a measurement uses.
static bool measures(const struct bench *b)
{
    return b->sizes || b->batches || b->ngf || b->ndf || b->linear || b->quick ||
           b->simple || b->counters || b->only || b->precision || b->json ||
           b->device.select || b->device.verbose || b->device.validation;
}

// Does what the command line asks for, or refuses options that contradict each other.
static int run_command(const struct command *command, struct bench *b, int argc)
{
    if (b->compare[0]) {
        if (argc > 3)
            return options_print_usage_error(
                command, "--compare takes two files and no other option");
        return bench_compare_files(b->compare) ? EXIT_DONE : EXIT_FAILED;
    }
    if (b->show) {
        if (measures(b))
            return options_print_usage_error(
                command, "--show takes no other option than --html");
        if (b->html && same_file(b->show, b->html))
            return options_print_usage_error(command, "--html would overwrite --show");
        return show(b->show, b->html);
    }
    if (b->json && b->html && same_file(b->json, b->html))
        return options_print_usage_error(command,
                                         "--json and --html name the same file");
    if (b->linear && b->only && strcmp(b->only, "calls") == 0)
        return options_print_usage_error(
            command, "--linear measures no calls: leave --only out");
    if (b->ngf == 0)
        b->ngf = b->quick ? 16 : 64;
    if (b->ndf == 0)
        b->ndf = b->quick ? 16 : 64;
    if ((b->precision && !check_precisions(command, b->precision)) ||
        !make_cases(command, b))
        return EXIT_USAGE;
    return run(b);
}

int command_bench(int argc, char **argv)
{
    struct bench b = { 0 };
    const struct argument arguments[] = {
        { "sizes", ARGUMENT_TEXT, &b.sizes, "LIST", "sides of the images in pixels",
          NULL, "256" },
        { "batches", ARGUMENT_TEXT, &b.batches, "LIST", "images in a batch", NULL,
          "1" },
        { "ngf", ARGUMENT_COUNT, &b.ngf, "N", "filters in the generator's first layer",
          NULL, "64" },
        { "ndf", ARGUMENT_COUNT, &b.ndf, "N",
          "filters in the discriminator's first layer", NULL, "64" },
        { "precision", ARGUMENT_TEXT, &b.precision, "LIST",
          "f32, f16, bf16 or auto, or several to be compared: f32,f16", NULL, "f32" },
        { "quick", ARGUMENT_FLAG, &b.quick, NULL,
          "a small network: 64 pixels, ngf and ndf 16" },
        { "linear", ARGUMENT_FLAG, &b.linear, NULL,
          "show how cost grows: whole steps at 256,64,128,512 pixels" },
        { "only", ARGUMENT_CHOICE, &b.only, "PART",
          "only ceilings and one of: calls, train, translate",
          "calls|train|translate" },
        { "simple", ARGUMENT_FLAG, &b.simple, NULL,
          "also measure the simple convolutions, for comparison (slow)" },
        { "counters", ARGUMENT_FLAG, &b.counters, NULL,
          "only count, without a clock: nothing is run" },
        { "json", ARGUMENT_TEXT, &b.json, "FILE",
          "write the result, for --show and --compare" },
        { "html", ARGUMENT_TEXT, &b.html, "FILE", "write a page with charts" },
        { "show", ARGUMENT_TEXT, &b.show, "FILE",
          "print a stored result, or write its page (--html)" },
        { "compare", ARGUMENT_PAIR, b.compare, "A B", "compare two stored results" },
    };
    const struct command command = {
        .name = "bench",
        .usages = { "bench [--quick|--linear] [--json FILE] [--html FILE]",
                    "bench --compare A.json B.json",
                    "bench --show A.json [--html FILE]" },
        .purpose = "Measures what a device can do at most (its ceilings), every "
                   "kernel call of a training step, and whole training steps and "
                   "translations. This takes about two minutes on a software "
                   "device, a few seconds with --quick. --device all measures "
                   "every device in turn. A LIST is separated by commas; each size is "
                   "combined with each batch, and precisions are measured in turns, "
                   "so that what disturbs one disturbs all. With --linear each size "
                   "is combined with the first batch only and each batch [1,2,4,8] "
                   "with the first size only, and calls are skipped: many minutes "
                   "on a software device.",
        .arguments = arguments,
        .count = sizeof(arguments) / sizeof(arguments[0]),
        .device = &b.device,
    };
    int code;
    if (!options_parse_words(&command, argc, argv, NULL, &code))
        return code;
    return run_command(&command, &b, argc);
}
