// SPDX-License-Identifier: MIT
//
// pix2pix selftest: whether a device computes what it should, as a table or as JSON.

#include "options.h"
#include "terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Columns of the table of convolutions: directions of each precision.
#define DIRECTIONS 3
#define PRECISIONS 3
static const char *const directions[DIRECTIONS] = { "forward", "input gradient",
                                                    "weight gradient" };
static const char *const short_directions[DIRECTIONS] = { "fwd", "dx", "dw" };
static const char *const precisions[PRECISIONS] = { "f32", "f16", "bf16" };
static const char *const outcome_words[] = {
    [PIX_SELFTEST_PASSED] = "ok",
    [PIX_SELFTEST_FAILED] = "FAIL",
    [PIX_SELFTEST_SKIPPED] = "-",
};
static const char *const outcome_names[] = {
    [PIX_SELFTEST_PASSED] = "passed",
    [PIX_SELFTEST_FAILED] = "failed",
    [PIX_SELFTEST_SKIPPED] = "skipped",
};

struct selftest {
    bool as_json;
    json_t *rows;
    // The line of the table of convolutions that is being collected.
    char kernel[64];
    const char *cells[PRECISIONS][DIRECTIONS];
    char notes[PRECISIONS * DIRECTIONS][320];    // what is wrong, below the line
    size_t note_count;
    int heading;    // the part whose heading was printed last; -1: none
};

// The name of a row with what it has of a direction and a precision.
#define TITLE_SIZE 96
static const char *format_title(const struct pix_selftest_row *r,
                                char title[TITLE_SIZE])
{
    snprintf(title, TITLE_SIZE, "%s%s%s%s%s", r->name, *r->direction ? ", " : "",
             r->direction, *r->precision ? ", " : "", r->precision);
    return title;
}

// ---------------------------------------------------------------------------
// Table

static size_t find(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return count;
}

static void end_kernel(struct selftest *s)
{
    if (!s->kernel[0])
        return;
    output_print(stdout, "  %-26s", s->kernel);
    for (size_t p = 0; p < PRECISIONS; p++) {
        for (size_t d = 0; d < DIRECTIONS; d++)
            output_print(stdout, " %-4s", s->cells[p][d] ? s->cells[p][d] : "");
        output_print(stdout, "%s", p + 1 < PRECISIONS ? " " : "\n");
    }
    for (size_t i = 0; i < s->note_count; i++)
        output_print(stdout, "    %s\n", s->notes[i]);
    fflush(stdout);
    s->kernel[0] = 0;
    s->note_count = 0;
    memset(s->cells, 0, sizeof(s->cells));
}

static void add_cell(struct selftest *s, const struct pix_selftest_row *r)
{
    const size_t p = find(precisions, PRECISIONS, r->precision);
    const size_t d = find(directions, DIRECTIONS, r->direction);
    if (strcmp(s->kernel, r->name) != 0) {
        end_kernel(s);
        snprintf(s->kernel, sizeof(s->kernel), "%s", r->name);
    }
    if (p < PRECISIONS && d < DIRECTIONS)
        s->cells[p][d] = outcome_words[r->outcome];
    if (r->outcome == PIX_SELFTEST_FAILED && s->note_count < PRECISIONS * DIRECTIONS)
        snprintf(s->notes[s->note_count++], sizeof(s->notes[0]), "%s, %s", r->precision,
                 r->text);
}

static void print_heading(struct selftest *s, enum pix_selftest_part part)
{
    static const char *const texts[] = {
        [PIX_SELFTEST_ROUNDING] = "Numbers of 16 bits",
        [PIX_SELFTEST_CONVOLUTION] =
            "Convolutions: forward (fwd), input (dx) and weight (dw) gradients",
        [PIX_SELFTEST_OPERATION] = "Other operations, compared with PyTorch",
        [PIX_SELFTEST_SPLIT] = "Long calls in pieces, with the same bits",
        [PIX_SELFTEST_STEP] = "Training steps, compared with PyTorch",
        [PIX_SELFTEST_SPEED] = "Speed (not a test)",
    };
    if (s->heading == (int)part)
        return;
    s->heading = (int)part;
    output_print(stdout, "\n%s\n", texts[part]);
    if (part != PIX_SELFTEST_CONVOLUTION)
        return;
    output_print(stdout, "  %-26s", "");
    for (size_t p = 0; p < PRECISIONS; p++)
        output_print(stdout, " %-14s%s", precisions[p],
                     p + 1 < PRECISIONS ? " " : "\n");
    output_print(stdout, "  %-26s", "");
    for (size_t p = 0; p < PRECISIONS; p++)
        output_print(stdout, " %-4s %-4s %-4s%s", short_directions[0],
                     short_directions[1], short_directions[2],
                     p + 1 < PRECISIONS ? " " : "\n");
}

static void print_row(struct selftest *s, const struct pix_selftest_row *r)
{
    char value[32], title[TITLE_SIZE];
    if (r->part != PIX_SELFTEST_CONVOLUTION)
        end_kernel(s);
    print_heading(s, r->part);
    if (r->part == PIX_SELFTEST_CONVOLUTION) {
        add_cell(s, r);
        return;
    }
    output_print(stdout, "  %-46s", format_title(r, title));
    if (r->part == PIX_SELFTEST_SPEED && r->outcome == PIX_SELFTEST_PASSED)
        output_print(stdout, " %s %s\n", output_format_rate(r->value, value), r->unit);
    else
        output_print(stdout, " %-5s%s%s\n", outcome_words[r->outcome],
                     *r->text ? " " : "", r->text);
    fflush(stdout);
}

// ---------------------------------------------------------------------------
// JSON

static json_t *make_row(const struct pix_selftest_row *r)
{
    json_t *row = json_object();
    output_add_member(&row, "part", output_make_text(pix_selftest_part_name(r->part)));
    output_add_member(&row, "name", output_make_text(r->name));
    if (*r->direction)
        output_add_member(&row, "direction", output_make_text(r->direction));
    if (*r->precision)
        output_add_member(&row, "precision", output_make_text(r->precision));
    output_add_member(&row, "outcome", output_make_text(outcome_names[r->outcome]));
    output_add_member(&row, "cases", output_make_uint(r->cases));
    if (r->part == PIX_SELFTEST_SPEED && r->outcome == PIX_SELFTEST_PASSED) {
        output_add_member(&row, "value", output_make_real(r->value));
        output_add_member(&row, "unit", output_make_text(r->unit));
    } else if (r->part != PIX_SELFTEST_SPEED) {
        output_add_member(&row, "error", output_make_real(r->error));
    }
    if (*r->text)
        output_add_member(&row, "text", output_make_text(r->text));
    return row;
}

static json_t *make_device(const struct pix_device_info *d)
{
    json_t *device = json_object();
    output_add_device(&device, d);
    output_add_member(&device, "max_workgroup_invocations",
                      output_make_uint(d->max_workgroup_invocations));
    output_add_member(&device, "shared_memory_bytes",
                      output_make_uint(d->shared_memory_bytes));
    output_add_member(&device, "subgroup_size", output_make_uint(d->subgroup_size));
    return device;
}

static bool print_document(struct selftest *s, const struct pix_device_info *d,
                           const struct pix_selftest_result *r, bool complete)
{
    json_t *document = json_object();
    output_add_member(&document, "version", output_make_text(pix_version()));
    output_add_member(&document, "system", output_make_text(pix_system()));
    output_add_member(&document, "device", make_device(d));
    output_add_member(&document, "complete", json_boolean(complete));
    output_add_member(&document, "passed", output_make_uint(r->passed));
    output_add_member(&document, "failed", output_make_uint(r->failed));
    output_add_member(&document, "skipped", output_make_uint(r->skipped));
    output_add_member(&document, "seconds", output_make_real(r->seconds));
    output_add_member(&document, "rows", s->rows);
    s->rows = NULL;
    return output_print_json(document);
}

// ---------------------------------------------------------------------------
// The command

static bool take_row(void *user, const struct pix_selftest_row *r)
{
    struct selftest *s = user;
    char title[TITLE_SIZE];
    if (r->outcome == PIX_SELFTEST_FAILED)
        output_print_error("%s: %s", format_title(r, title), r->text);
    if (s->as_json)
        output_append(&s->rows, make_row(r));
    else
        print_row(s, r);
    return !terminal_is_interrupted();
}

static void show_progress(void *user, const char *text)
{
    (void)user;
    output_show_live(text);
}

static bool is_interrupted(void *user)
{
    (void)user;
    return terminal_is_interrupted();
}

static void print_device(const struct pix_device_info *d)
{
    char version[64], memory[32], shared[32];
    output_print(stdout, "pix2pix %s on %s\n", pix_version(), pix_system());
    output_print(stdout, "%s (%s), driver %s %s, Vulkan %s\n", d->name,
                 output_get_device_type(d->type), *d->driver ? d->driver : "?",
                 d->driver_version, output_format_api_version(d, version));
    output_print(stdout,
                 "id %04" PRIx32 ":%04" PRIx32 ", memory %s, workgroups up to %" PRIu32
                 " with %s shared, subgroups of %" PRIu32 "\n",
                 d->vendor_id, d->device_id,
                 output_format_bytes(d->memory_bytes, memory),
                 d->max_workgroup_invocations,
                 output_format_bytes(d->shared_memory_bytes, shared), d->subgroup_size);
}

static void print_summary(const struct pix_selftest_result *r, const char *corrupt)
{
    char seconds[32], skipped[64] = "";
    output_format_seconds(r->seconds, seconds);
    if (r->skipped)
        snprintf(skipped, sizeof(skipped), "; %" PRIu32 " are not for this device (-)",
                 r->skipped);
    if (r->failed && corrupt)
        output_print(stdout,
                     "\n%" PRIu32 " of %" PRIu32 " tests FAILED in %s: --corrupt %s is "
                     "to show that\n",
                     r->failed, r->passed + r->failed, seconds, corrupt);
    else if (r->failed)
        output_print(stdout,
                     "\n%" PRIu32 " of %" PRIu32 " tests FAILED in %s%s: please report "
                     "them with all of this output, see docs/drivers.md\n",
                     r->failed, r->passed + r->failed, seconds, skipped);
    else if (r->passed)
        output_print(stdout, "\nall %" PRIu32 " tests passed in %s%s\n", r->passed,
                     seconds, skipped);
    else if (r->skipped)
        output_print(stdout, "\nnothing was tested%s\n", skipped);
}

static int run(struct selftest *s, pix_device *device, const char *only,
               const char *corrupt)
{
    const struct pix_device_info *info = pix_device_get_info(device);
    const struct pix_selftest_options options = {
        .only = only,
        .corrupt = corrupt,
        .row = take_row,
        .progress = show_progress,
        .stop = is_interrupted,
        .user = s,
    };
    struct pix_selftest_result result;
    if (!s->as_json)
        print_device(info);
    if (terminal_is_interactive(stderr))
        output_begin_live(stderr);
    const bool complete = pix_selftest(device, &options, &result);
    output_end_live();
    end_kernel(s);
    bool ok = complete && result.failed == 0;
    if (s->as_json)
        ok = print_document(s, info, &result, complete) && ok;
    else if (complete)
        print_summary(&result, corrupt);
    if (terminal_is_interrupted())
        return EXIT_INTERRUPTED;
    return ok ? EXIT_DONE : EXIT_FAILED;
}

int command_selftest(int argc, char **argv)
{
    terminal_catch_interrupt("ending after this kernel");
    struct device_arguments device_arguments = { 0 };
    struct selftest s = { .heading = -1 };
    const char *only = NULL, *corrupt = NULL;
    const struct argument arguments[] = {
        { "json", ARGUMENT_FLAG, &s.as_json, NULL,
          "print one JSON document on stdout" },
        { "only", ARGUMENT_TEXT, &only, "NAME",
          "a part (convolution, rounding, operation, split, step, speed), or kernels "
          "and operations with NAME in theirs",
          NULL, "everything" },
        { "corrupt", ARGUMENT_TEXT, &corrupt, "NAME",
          "change a bit of this kernel's or operation's results, to see the alarm" },
    };
    const struct command command = {
        .name = "selftest",
        .usages = { "selftest [--only NAME] [--json]" },
        .purpose =
            "Tests whether a device and its driver compute what they should: every "
            "kernel of convolutions in all directions and precisions, each twice, "
            "roundings to 16 bits, long calls in pieces, training steps and other "
            "operations against PyTorch's; and measures what the device can do. Takes "
            "seconds on a GPU, a minute or two on a software driver. Ends with 1 and "
            "names the kernel if something is wrong. The output is what an issue report "
            "should contain.",
        .arguments = arguments,
        .count = sizeof(arguments) / sizeof(arguments[0]),
        .device = &device_arguments,
    };
    int code;
    if (!options_parse_words(&command, argc, argv, NULL, &code))
        return code;
    pix_device *device = options_open_device(&device_arguments);
    if (!device)
        return EXIT_FAILED;
    s.rows = json_array();
    code = run(&s, device, only, corrupt);
    json_decref(s.rows);
    return options_close_device(device, code);
}
