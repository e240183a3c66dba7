// SPDX-License-Identifier: MIT
//
// The result of a benchmark as a page: cards, charts and tables. See page.h.

#include "bench/page.h"

#include "bench/charts.h"
#include "output.h"
#include "page/html.h"
#include "page/script.h"
#include "replacement.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put_card(FILE *f, const char *value, const char *what)
{
    html_put(f, "<div class=\"card\"><b>");
    html_put_text(f, value);
    html_put(f, "</b><span>");
    html_put_text(f, what);
    html_put(f, "</span></div>\n");
}

static bool is_timed_whole(const struct pix_bench_row *row)
{
    return bench_is_whole(row) && row->samples > 0;
}

static void put_cards(FILE *f, const struct bench_device *d)
{
    char text[32], title[BENCH_TITLE_SIZE];
    html_put(f, "<div class=\"cards\">\n");
    // The first of training and the first of translation, in each precision.
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (!is_timed_whole(row) || row->is_simple)
            continue;
        size_t before = 0;
        while (before < i && !(is_timed_whole(&d->rows[before].row) &&
                               d->rows[before].row.kind == row->kind &&
                               !d->rows[before].row.is_simple &&
                               strcmp(d->rows[before].precision, row->precision) == 0))
            before++;
        if (before == i)
            put_card(f, html_format_seconds(row->median, text),
                     bench_format_title(row, title));
    }
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (row->kind != PIX_BENCH_CEILING)
            continue;
        if (row->flops > 0)
            put_card(f, html_format_rate(bench_get_gflops(row), "FLOP/s", text),
                     row->name);
        else if (row->bytes > 0)
            put_card(f, html_format_rate(bench_get_gbytes(row), "B/s", text),
                     row->name);
        else
            put_card(f, html_format_seconds(row->median, text), row->name);
    }
    html_put(f, "</div>\n");
}

static void put_whole(FILE *f, const struct bench_device *d)
{
    bool any = false, timed = false;
    char text[32], more[32], memory[32];
    for (size_t i = 0; i < d->count; i++) {
        any |= bench_is_whole(&d->rows[i].row);
        timed |= bench_is_whole(&d->rows[i].row) && d->rows[i].row.samples > 0;
    }
    if (!any)
        return;
    html_put(f, "<h3>Whole steps and translations</h3>\n");
    if (timed)
        html_put(
            f,
            "<div class=\"wide\" tabindex=\"0\"><table><tr><th></th><th>median</th><th>spread</th>"
            "<th>images/s</th><th>GFLOP/s</th><th>GB/s</th><th>ceiling</th>"
            "<th>floor</th><th>times the floor</th><th>bound by</th></tr>\n");
    for (size_t i = 0; timed && i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (!bench_is_whole(row) || row->samples == 0)
            continue;
        html_put(f, "<tr><td>");
        html_put_text(f, row->name);
        html_put_text(f, bench_precision_suffix(row->precision));
        html_put(
            f,
            "%s</td><td>%s</td><td>%.0f %%</td><td>%.3g</td><td>%.2f</td><td>%.2f</td>"
            "<td>%.0f %%%s</td><td>%s</td><td>%.2f</td><td>%s</td></tr>\n",
            row->is_simple ? ", simple kernels" : "",
            html_format_seconds(row->median, text), 100 * bench_get_spread(row),
            row->batch / row->median, bench_get_gflops(row), bench_get_gbytes(row),
            100 * row->ceiling_share, row->is_doubtful ? " ?" : "",
            html_format_seconds(bench_get_floor(row), more),
            row->ceiling_share > 0 ? 1 / row->ceiling_share : 0,
            bench_bound_name(row->bound_by));
    }
    if (timed)
        html_put(f, "</table></div>\n");
    html_put(
        f,
        "<div class=\"wide\" tabindex=\"0\"><table><tr><th>counted, without a clock</th>"
        "<th>dispatches</th><th>barriers</th><th>submissions</th><th>GFLOP</th>"
        "<th>MB moved</th><th>arena</th><th>state</th><th>memory</th></tr>\n");
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (!bench_is_whole(row))
            continue;
        html_put(f, "<tr><td>");
        html_put_text(f, row->name);
        html_put_text(f, bench_precision_suffix(row->precision));
        html_put(
            f,
            "%s</td><td>%" PRIu32 "</td><td>%" PRIu32 "</td><td>%" PRIu32
            "</td><td>%.2f</td><td>%.1f</td><td>%s</td><td>%s</td><td>%s</td></tr>\n",
            row->is_simple ? ", simple kernels" : "", row->plan.dispatches,
            row->plan.barriers, row->plan.submissions, 1e-9 * (double)row->flops,
            1e-6 * (double)row->bytes, output_format_bytes(row->plan.arena_bytes, text),
            output_format_bytes(row->plan.state_bytes, more),
            output_format_bytes(row->plan.device_bytes, memory));
    }
    html_put(f, "</table></div>\n");
}

static void put_side(FILE *f, double first, double seconds)
{
    char text[32];
    if (seconds > 0)
        html_put(f, "<td>%s</td><td>%.2f</td>", html_format_seconds(seconds, text),
                 first > 0 ? first / seconds : 0);
    else
        html_put(f, "<td>-</td><td>-</td>");
}

// The same work in each precision, where there are several.
static void put_precisions(FILE *f, const struct bench_device *d)
{
    const char *list[BENCH_MOST_PRECISIONS];
    const size_t count = bench_list_precisions(d, list);
    if (count < 2)
        return;
    html_put(f, "<h3>Precisions side by side</h3>\n<div class=\"wide\" tabindex=\"0\">"
                "<table><tr><th></th>");
    for (size_t i = 0; i < count; i++)
        html_put(f, "<th>%s</th><th>speed</th>", list[i]);
    html_put(f, "</tr>\n");
    for (size_t k = 0; k < d->count; k++) {
        const struct pix_bench_row *row = &d->rows[k].row;
        if (!bench_is_whole(row) || row->is_simple ||
            strcmp(row->precision, list[0]) != 0)
            continue;
        html_put(f, "<tr><td>");
        html_put_text(f, row->name);
        html_put(f, "</td>");
        for (size_t i = 0; i < count; i++) {
            const struct pix_bench_row *other = bench_find_in(d, row, list[i]);
            put_side(f, row->median, other ? other->median : 0);
        }
        html_put(f, "</tr>\n");
    }
    for (size_t g = 0; bench_groups[g]; g++) {
        double seconds[BENCH_MOST_PRECISIONS];
        if (!bench_time_group(d, bench_groups[g], list, count, seconds))
            continue;
        html_put(f, "<tr><td>calls of a step: %s</td>", bench_groups[g]);
        for (size_t i = 0; i < count; i++)
            put_side(f, seconds[0], seconds[i]);
        html_put(f, "</tr>\n");
    }
    html_put(f,
             "</table></div>\n<p class=\"dim\">Speed is relative to %s; above 1 is "
             "faster.</p>\n",
             list[0]);
}

static void put_calls(FILE *f, const struct bench_device *d, const char *group,
                      const char *precision, bool is_simple)
{
    bool begun = false;
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        char text[32];
        if (row->kind != PIX_BENCH_CALL || row->is_simple != is_simple ||
            strcmp(row->precision, precision) != 0 || strcmp(row->group, group) != 0)
            continue;
        if (!begun)
            html_put(
                f,
                "<details><summary>%s%s%s</summary><div class=\"wide\" tabindex=\"0\"><table><tr>"
                "<th>shape</th><th>times</th><th>median</th><th>spread</th>"
                "<th>GFLOP/s</th><th>GB/s</th><th>ceiling</th><th class=\"left\">"
                "kernel</th></tr>\n",
                group, bench_precision_suffix(precision),
                is_simple ? ", simple kernels" : "");
        begun = true;
        html_put(f, "<tr><td>");
        html_put_text(f, row->name);
        html_put(f, "</td><td>%" PRIu32 "</td>", row->count);
        if (row->samples > 0)
            html_put(f,
                     "<td>%s</td><td>%.0f %%</td><td>%.2f</td><td>%.2f</td>"
                     "<td>%.0f %% %c%s</td>",
                     html_format_seconds(row->median, text),
                     100 * bench_get_spread(row), bench_get_gflops(row),
                     bench_get_gbytes(row), 100 * row->ceiling_share,
                     *bench_bound_name(row->bound_by), row->is_doubtful ? " ?" : "");
        else
            html_put(f, "<td>-</td><td>-</td><td>-</td><td>-</td><td>-</td>");
        html_put(f, "<td class=\"left\">");
        html_put_text(f, row->kernel);
        html_put(f, "</td></tr>\n");
    }
    if (begun)
        html_put(f, "</table></div></details>\n");
}

static void put_device(FILE *f, const struct bench_device *d)
{
    char memory[32];
    html_put(f, "<h2>");
    html_put_text(f, d->name);
    html_put(f, "</h2>\n<p class=\"dim\">");
    html_put_text(f, d->type);
    html_put(f, ", driver ");
    html_put_text(f, *d->driver ? d->driver : "?");
    html_put(f, " ");
    html_put_text(f, d->driver_version);
    html_put(f, ", Vulkan ");
    html_put_text(f, d->api_version);
    html_put(f, ", memory %s%s</p>\n", output_format_bytes(d->memory_bytes, memory),
             d->complete ? "" : " (incomplete: interrupted, or something failed)");
    put_cards(f, d);
    put_whole(f, d);
    put_precisions(f, d);
    bench_put_floors(f, d);
    bench_put_growth(f, d, true);
    bench_put_growth(f, d, false);
    for (size_t p = 0; bench_precisions[p]; p++) {
        bench_put_shares(f, d, bench_precisions[p]);
        bench_put_roofline(f, d, bench_precisions[p]);
        bench_put_layers(f, d, bench_precisions[p]);
    }
    for (size_t i = 0; i < d->count; i++)
        if (d->rows[i].row.kind == PIX_BENCH_CALL) {
            html_put(f, "<h3>All calls</h3>\n");
            break;
        }
    for (size_t p = 0; bench_precisions[p]; p++)
        for (int simple = 0; simple < 2; simple++)
            for (size_t i = 0; bench_groups[i]; i++)
                put_calls(f, d, bench_groups[i], bench_precisions[p], simple == 1);
}

bool bench_write_page(const struct bench_result *r, const char *path)
{
    struct replacement out;
    if (!replacement_begin(&out, path)) {
        output_print_error("%s cannot be written: %s", path, strerror(errno));
        return false;
    }
    FILE *f = out.file;
    html_begin_page(f, "pix2pix bench");
    html_put(f, "<p class=\"dim\">pix2pix ");
    html_put_text(f, r->version);
    html_put(f, ", ");
    html_put_text(f, r->when);
    html_put(f, ", U-Net with %" PRIu32 " filters, PatchGAN with %" PRIu32 "</p>\n",
             r->ngf, r->ndf);
    bench_put_overview(f, r);
    for (size_t i = 0; i < r->count; i++)
        put_device(f, &r->devices[i]);
    html_put(f, "<h2>How it was measured</h2>\n<ul>\n");
    for (size_t i = 0; bench_method[i]; i++) {
        html_put(f, "<li>");
        html_put_text(f, bench_method[i]);
        html_put(f, "</li>\n");
    }
    html_put(f, "</ul>\n");
    script_put_code(f);
    html_end_page(f);
    if (replacement_end(&out, true))
        return true;
    output_print_error("%s cannot be written: %s", path, strerror(errno));
    return false;
}
