// SPDX-License-Identifier: MIT
//
// pix2pix report: the page of a run, from what the run has left in its folder.

#include "report/report.h"

#include "options.h"
#include "report/page.h"

#include <stdlib.h>

bool report_refresh(const char *run)
{
    char reason[REPORT_REASON_SIZE];
    const bool ok = report_write_run(run, NULL, reason);
    if (!ok)
        output_print_note("warning: report: %s/report.html is not written, and the run "
                          "goes on: %s",
                          run, reason);
    return ok;
}

int command_report(int argc, char **argv)
{
    const char *run = NULL, *output = NULL, *words[1] = { NULL };
    const struct argument arguments[] = {
        { "output", ARGUMENT_TEXT, &output, "FILE", "the page to write", NULL,
          "RUN/report.html" },
    };
    const struct command command = {
        .name = "report",
        .usages = { "report RUN [--output FILE]" },
        .purpose =
            "Writes the report of a run as one HTML file, which a browser opens from "
            "disk: outputs of the newest validation beside inputs and targets, curves, "
            "sample grids and the configuration. It needs neither a device nor the "
            "data. Training writes the same page at each checkpoint and at its end.",
        .arguments = arguments,
        .count = sizeof(arguments) / sizeof(arguments[0]),
        .words = words,
        .word_count = 1,
    };
    char reason[REPORT_REASON_SIZE];
    int code;
    if (!options_parse_words(&command, argc, argv, NULL, &code))
        return code;
    run = words[0];
    if (!run)
        return options_print_usage_error(&command, "name a run");
    if (output && !options_ends_in(output, ".html"))
        return options_print_usage_error(&command, "--output %s must end in .html",
                                         output);
    if (!report_write_run(run, output, reason)) {
        output_print_error("%s", reason);
        return EXIT_FAILED;
    }
    char *path = output ? NULL : report_get_path(run);
    output_print(stdout, "%s\n", output ? output : path ? path : "report.html");
    free(path);
    return EXIT_DONE;
}
