// SPDX-License-Identifier: MIT
//
// pix2pix tune: measures which kernels are the fastest for a network on a device.

#include "options.h"
#include "terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct tuning {
    bool as_json;
    json_t *rows;
    uint32_t faster, timed;
    bool interrupted;
};

static void print_row(const struct pix_tune_row *r)
{
    if (r->timed)
        output_print(stdout, "%-46s %-22s %9.3f  %-22s %9.3f %6.2f %8.1f\n", r->shape,
                     r->built_in, r->built_in_ms, r->chosen, r->chosen_ms,
                     r->built_in_ms / r->chosen_ms, r->gflops);
    else
        output_print(stdout, "%-46s %-22s not measured: does not fit the device\n",
                     r->shape, r->built_in);
    fflush(stdout);
}

static void keep_row(struct tuning *t, const struct pix_tune_row *r)
{
    json_t *row = json_object();
    output_add_member(&row, "shape", output_make_text(r->shape));
    output_add_member(&row, "built_in", output_make_text(r->built_in));
    output_add_member(&row, "chosen", output_make_text(r->chosen));
    output_add_member(&row, "timed", json_boolean(r->timed));
    output_add_member(&row, "built_in_ms", output_make_real(r->built_in_ms));
    output_add_member(&row, "chosen_ms", output_make_real(r->chosen_ms));
    output_add_member(&row, "gflops", output_make_real(r->gflops));
    output_append(&t->rows, row);
}

static void print_heading(uint32_t count)
{
    output_print(
        stdout, "%" PRIu32 " shape%s; ms of one call, the best of those within noise\n",
        count, count == 1 ? "" : "s");
    output_print(stdout, "%-46s %-22s %9s  %-22s %9s %6s %8s\n", "shape", "built-in",
                 "ms", "chosen", "ms", "ratio", "GFLOP/s");
}

static bool take_row(void *user, const struct pix_tune_row *row, uint32_t done,
                     uint32_t count)
{
    struct tuning *t = user;
    if (done == 1 && !t->as_json)
        print_heading(count);
    if (t->as_json)
        keep_row(t, row);
    else
        print_row(row);
    t->timed += row->timed;
    t->faster += row->timed && row->chosen_ms < row->built_in_ms;
    t->interrupted = terminal_is_interrupted();
    return !t->interrupted;
}

int command_tune(int argc, char **argv)
{
    terminal_catch_interrupt("ending after this shape; what was measured is kept");
    struct device_arguments device_arguments = { 0 };
    struct tuning t = { 0 };
    const struct argument arguments[] = {
        { "json", ARGUMENT_FLAG, &t.as_json, NULL,
          "print one JSON document on stdout" },
    };
    const struct command command = {
        .name = "tune",
        .usages = { "tune [--crop-size N] [--batch-size N] [OPTION...]" },
        .purpose = "Measures the kernels for every convolution of a network and "
                   "stores the fastest in the user's cache folder, where train and "
                   "translate find them. With --lpips FILE or --val-metrics lpips "
                   "those of LPIPS are measured too.",
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
    pix_train_options_init(&options);
    code = EXIT_DONE;
    for (size_t i = 0; i < given.count && code == EXIT_DONE; i++)
        if (!pix_train_options_set(&options, given.items[i].row->name,
                                   given.items[i].text))
            code = EXIT_USAGE;
    struct pix_train_options resolved = options;
    if (code != EXIT_DONE || !pix_train_options_resolve(&resolved)) {
        code = options_print_usage_error(&command, "%s", pix_last_error());
        goto end;
    }

    pix_device *device = options_open_device(&device_arguments);
    char *path = NULL;
    code = EXIT_FAILED;
    t.rows = json_array();
    if (device && pix_tune(device, &options, take_row, &t, &path)) {
        code = t.interrupted ? EXIT_INTERRUPTED : EXIT_DONE;
        if (t.as_json) {
            json_t *document = json_object();
            output_add_member(&document, "device",
                              output_make_text(pix_device_get_info(device)->name));
            output_add_member(&document, "table", output_make_text(path));
            output_add_member(&document, "rows", t.rows);
            t.rows = NULL;
            if (!output_print_json(document))
                code = EXIT_FAILED;
        } else {
            output_print(stdout,
                         "%" PRIu32 " of %" PRIu32
                         " are faster than the built-in choice\n",
                         t.faster, t.timed);
            if (path)
                output_print(stdout, "stored in %s\n", path);
        }
    }
    json_decref(t.rows);
    free(path);
    code = options_close_device(device, code);

end:
    free(given.items);
    return code;
}
