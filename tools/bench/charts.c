// SPDX-License-Identifier: MIT
//
// The charts of a benchmark's page. See charts.h.

#include "bench/charts.h"

#include "page/chart.h"
#include "page/html.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static size_t group_index(const char *group)
{
    size_t i = 0;
    while (bench_groups[i + 1] && strcmp(bench_groups[i], group) != 0)
        i++;
    return i;
}

static bool is_timed_call(const struct pix_bench_row *row)
{
    return row->kind == PIX_BENCH_CALL && row->samples > 0 && !row->is_simple;
}

static void put_legend(FILE *f, const bool *used)
{
    html_put(f, "<p class=\"dim\">");
    for (size_t i = 0; bench_groups[i]; i++)
        if (used[i])
            html_put(f,
                     "<span class=\"key\" style=\"background:var(--g%zu)\"></span>%s "
                     "&emsp;",
                     i, bench_groups[i]);
    html_put(f, "</p>\n");
}

void bench_put_shares(FILE *f, const struct bench_device *d)
{
    double all = 0, x = 0;
    for (size_t i = 0; bench_groups[i]; i++)
        all += bench_sum_group(d, bench_groups[i], false).seconds;
    if (all <= 0)
        return;
    html_put(f, "<h3>Where the time of a training step goes</h3>\n");
    chart_begin(f, 44, "shares of a training step");
    for (size_t i = 0; bench_groups[i]; i++) {
        const struct bench_share s = bench_sum_group(d, bench_groups[i], false);
        const double width = s.seconds / all * CHART_WIDTH;
        char text[32];
        if (s.seconds <= 0)
            continue;
        html_put(f,
                 "<rect x=\"%.1f\" y=\"4\" width=\"%.1f\" height=\"36\" "
                 "fill=\"var(--g%zu)\"><title>%s: %s, %.1f %%</title></rect>\n",
                 x, width, i, bench_groups[i], html_format_seconds(s.seconds, text),
                 100 * s.seconds / all);
        if (width > 44) {
            snprintf(text, sizeof(text), "%.0f %%", 100 * s.seconds / all);
            html_put(f,
                     "<text x=\"%.1f\" y=\"27\" text-anchor=\"middle\" "
                     "style=\"fill:#fff;font-weight:600\">%s</text>\n",
                     x + width / 2, text);
        }
        x += width;
    }
    html_put(
        f,
        "</svg>\n<div class=\"wide\" tabindex=\"0\"><table><tr><th>group</th><th>calls</th>"
        "<th>distinct</th><th>time</th><th>share</th><th>GFLOP/s</th><th>GB/s</th>"
        "</tr>\n");
    for (size_t i = 0; bench_groups[i]; i++) {
        const struct bench_share s = bench_sum_group(d, bench_groups[i], false);
        char text[32];
        if (s.kinds > 0 && s.seconds > 0)
            html_put(
                f,
                "<tr><td><span class=\"key\" style=\"background:var(--g%zu)\">"
                "</span>%s</td><td>%" PRIu32 "</td><td>%" PRIu32
                "</td><td>%s</td><td>%.1f %%</td><td>%.2f</td><td>%.2f</td></tr>\n",
                i, bench_groups[i], s.calls, s.kinds,
                html_format_seconds(s.seconds, text), 100 * s.seconds / all,
                1e-9 * (double)s.flops / s.seconds, 1e-9 * (double)s.bytes / s.seconds);
    }
    html_put(f, "</table></div>\n");
}

// Finds the ceilings, 1e9 operations or bytes a second; 0: not measured.
static void find_ceilings(const struct bench_device *d, double *gflops, double *gbytes)
{
    const struct pix_bench_row *fma =
        bench_find_row(d, PIX_BENCH_CEILING, "multiply-add, f32");
    const struct pix_bench_row *copy =
        bench_find_row(d, PIX_BENCH_CEILING, "copy by a kernel");
    const struct pix_bench_row *transfer =
        bench_find_row(d, PIX_BENCH_CEILING, "copy by the driver");
    *gflops = fma ? bench_get_gflops(fma) : 0;
    *gbytes = fmax(copy ? bench_get_gbytes(copy) : 0,
                   transfer ? bench_get_gbytes(transfer) : 0);
}

void bench_put_roofline(FILE *f, const struct bench_device *d)
{
    double gflops, gbytes, low_x = 1e300, high_x = 0, low_y = 1e300, most = 0;
    bool used[16] = { false };
    size_t count = 0;
    find_ceilings(d, &gflops, &gbytes);
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (!is_timed_call(row) || row->flops == 0 || row->bytes == 0)
            continue;
        const double x = (double)row->flops / (double)row->bytes;
        low_x = fmin(low_x, x);
        high_x = fmax(high_x, x);
        low_y = fmin(low_y, bench_get_gflops(row));
        most = fmax(most, row->count * row->median);
        used[group_index(row->group)] = true;
        count++;
    }
    if (count == 0 || gflops <= 0 || gbytes <= 0)
        return;
    // Calls on a few numbers would only squeeze the others together.
    low_x = fmax(low_x, 0.02);
    low_y = fmax(low_y, gflops * 1e-4);
    const double knee = gflops / gbytes, bottom = 340, right = CHART_WIDTH - 12;
    const struct chart_scale x =
        chart_make_log_scale(low_x, fmax(high_x, knee * 2), 58, right);
    const struct chart_scale y = chart_make_log_scale(low_y, gflops, bottom, 14);
    html_put(
        f,
        "<h3>Calls under the ceilings</h3>\n<p class=\"dim\">Each circle is a kernel "
        "on one shape; its area shows its share of the time of a step.</p>\n");
    put_legend(f, used);
    chart_begin(f, bottom + 44, "roofline");
    chart_put_log_axis(f, &x, true, 14, bottom, "%g");
    chart_put_log_axis(f, &y, false, 58, right, "%g");
    html_put(f, "<polyline class=\"roof\" points=\"%.1f,%.1f %.1f,%.1f %.1f,%.1f\"/>\n",
             chart_place(&x, fmax(x.low, y.low / gbytes)),
             chart_place(&y, fmax(y.low, x.low * gbytes)), chart_place(&x, knee),
             chart_place(&y, gflops), right, chart_place(&y, gflops));
    char text[64];
    snprintf(text, sizeof(text), "%.3g GFLOP/s", gflops);
    chart_put_label(f, right - 4, chart_place(&y, gflops) - 6, "end", "dim", text);
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (!is_timed_call(row) || row->flops == 0 || row->bytes == 0)
            continue;
        const double vx = (double)row->flops / (double)row->bytes;
        const double vy = bench_get_gflops(row);
        if (vx < x.low || vy < y.low)
            continue;
        const double radius = 3 + 15 * sqrt(row->count * row->median / most);
        html_put(f,
                 "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"var(--g%zu)\" "
                 "fill-opacity=\".55\" stroke=\"var(--g%zu)\"><title>",
                 chart_place(&x, vx), chart_place(&y, fmin(vy, y.high)), radius,
                 group_index(row->group), group_index(row->group));
        html_put_text(f, row->group);
        html_put(f, ": ");
        html_put_text(f, row->name);
        html_put(f, ", %.2f GFLOP/s, %.2f GB/s, %s</title></circle>\n", vy,
                 bench_get_gbytes(row), html_format_seconds(row->median, text));
    }
    chart_put_label(f, (58 + right) / 2, bottom + 36, "middle", "dim",
                    "floating point operations per byte");
    chart_put_label(f, 6, 12, "start", "dim", "GFLOP/s");
    chart_end(f);
}

static const struct pix_bench_row *find_call(const struct bench_device *d,
                                             const char *group, const char *name)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (is_timed_call(row) && strcmp(row->group, group) == 0 &&
            strcmp(row->name, name) == 0)
            return row;
    }
    return NULL;
}

void bench_put_layers(FILE *f, const struct bench_device *d)
{
    static const bool used[16] = { true, true, true };
    const double left = 352, right = CHART_WIDTH - 40, bar = 10, pitch = 3 * bar + 9;
    double gflops, gbytes, most = 0;
    size_t layers = 0;
    find_ceilings(d, &gflops, &gbytes);
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (!is_timed_call(row) || group_index(row->group) > 2)
            continue;
        most = fmax(most, bench_get_gflops(row));
        layers += strcmp(row->group, "forward") == 0;
    }
    if (layers == 0 || most <= 0 || !isfinite(most))
        return;
    const struct chart_scale x = { 0, 1.04 * most, left, right, false };
    const double step = chart_round_up(most / 6), bottom = 10 + pitch * (double)layers;
    html_put(f, "<h3>Convolutions, GFLOP/s</h3>\n");
    put_legend(f, used);
    chart_begin(f, bottom + 24, "convolutions");
    for (double v = 0; v <= x.high; v += step) {
        char text[32];
        snprintf(text, sizeof(text), "%g", v);
        chart_put_line(f, "grid", chart_place(&x, v), 6, chart_place(&x, v), bottom);
        chart_put_label(f, chart_place(&x, v), bottom + 16, "middle", "dim", text);
    }
    double y = 10;
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (!is_timed_call(row) || strcmp(row->group, "forward") != 0)
            continue;
        chart_put_label(f, left - 8, y + 1.5 * bar + 4, "end", "", row->name);
        for (size_t g = 0; g < 3; g++) {
            const struct pix_bench_row *r = find_call(d, bench_groups[g], row->name);
            char share[32] = "";
            if (!r)
                continue;
            const double end = chart_place(&x, bench_get_gflops(r));
            if (gflops > 0)
                snprintf(share, sizeof(share), "%.0f %%",
                         100 * bench_get_gflops(r) / gflops);
            html_put(f,
                     "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
                     "fill=\"var(--g%zu)\"><title>%s, %.2f GFLOP/s, ",
                     left, y + bar * (double)g, fmax(end - left, 0.5), bar - 1, g,
                     bench_groups[g], bench_get_gflops(r));
            html_put_text(f, r->kernel);
            html_put(f,
                     "</title></rect>\n<text x=\"%.1f\" y=\"%.1f\" class=\"dim\" "
                     "style=\"font-size:9px\">%s</text>\n",
                     end + 4, y + bar * (double)g + 8, share);
        }
        y += pitch;
    }
    html_put(
        f,
        "</svg>\n<p class=\"dim\">Percentages are of the measured rate of f32 multiply-adds, "
        "%.3g GFLOP/s.</p>\n",
        gflops);
}

// The lines of growth: whole rows of one kind, along sizes or along batches.
struct growth {
    const struct bench_device *device;
    bool by_size;
    struct chart_scale x, y;    // pixels of a side or images; ms for an image
};

static bool is_growth(const struct growth *g, const struct pix_bench_row *row,
                      double *ratio)
{
    return bench_is_whole(row) && !row->is_simple &&
           bench_find_growth(g->device, row, g->by_size, ratio);
}

static uint32_t growth_at(const struct growth *g, const struct pix_bench_row *row)
{
    return g->by_size ? row->size : row->batch;
}

// Sets scales that hold all rows and their linear growth; false: there is no line.
static bool find_growth_scales(struct growth *g, double left, double right,
                               double bottom)
{
    double low = 1e300, high = 0, low_x = 1e300, high_x = 0, ratio;
    for (size_t i = 0; i < g->device->count; i++) {
        const struct pix_bench_row *row = &g->device->rows[i].row;
        if (!is_growth(g, row, &ratio))
            continue;
        const double v = row->median / row->batch;
        low = fmin(low, fmin(v, v / ratio));
        high = fmax(high, fmax(v, v / ratio));
        low_x = fmin(low_x, growth_at(g, row));
        high_x = fmax(high_x, growth_at(g, row));
    }
    if (high <= 0 || high_x <= low_x)
        return false;
    g->x = (struct chart_scale){ low_x / 1.12, high_x * 1.12, left, right, true };
    g->y = chart_make_log_scale(1e3 * low, 1e3 * high, bottom, 14);
    return true;
}

// Finds the neighbour to the right on the same line, or NULL.
static const struct pix_bench_row *find_next(const struct growth *g,
                                             const struct pix_bench_row *row)
{
    const struct pix_bench_row *next = NULL;
    for (size_t i = 0; i < g->device->count; i++) {
        const struct pix_bench_row *r = &g->device->rows[i].row;
        if (r->kind == row->kind && !r->is_simple && r->samples > 0 &&
            (g->by_size ? r->batch == row->batch : r->size == row->size) &&
            growth_at(g, r) > growth_at(g, row) &&
            (!next || growth_at(g, r) < growth_at(g, next)))
            next = r;
    }
    return next;
}

// Draws a point, and the line to its neighbour beside the dashed one of linear growth.
static void put_growth_point(FILE *f, const struct growth *g,
                             const struct pix_bench_row *row, double ratio)
{
    const bool translates = row->kind == PIX_BENCH_TRANSLATE;
    const char *colour = translates ? "var(--g1)" : "var(--g0)";
    const struct pix_bench_row *next = find_next(g, row);
    const double px = chart_place(&g->x, growth_at(g, row));
    const double v = 1e3 * row->median / row->batch, py = chart_place(&g->y, v);
    char text[64];
    snprintf(text, sizeof(text), "%" PRIu32, growth_at(g, row));
    chart_put_label(f, px, g->y.from + 16, "middle", "dim", text);
    if (next) {
        double other;
        const double nx = chart_place(&g->x, growth_at(g, next));
        const double nv = 1e3 * next->median / next->batch;
        bench_find_growth(g->device, next, g->by_size, &other);
        chart_put_line(f, "dash", px, chart_place(&g->y, v / ratio), nx,
                       chart_place(&g->y, nv / other));
        html_put(f,
                 "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" "
                 "stroke=\"%s\" stroke-width=\"2\"/>\n",
                 px, py, nx, chart_place(&g->y, nv), colour);
    }
    html_put(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" fill=\"%s\"><title>", px, py,
             colour);
    html_put_text(f, row->name);
    html_put(f, ": %.3g ms per image, %.2f of linear</title></circle>\n", v, ratio);
    snprintf(text, sizeof(text), "%.2f", ratio);
    chart_put_label(f, px + 7, py - 7, "start", "dim", text);
    if (!next)
        chart_put_label(f, px + 40, py + 4, "start", "",
                        translates ? "translation" : "training");
}

void bench_put_growth(FILE *f, const struct bench_device *d, bool by_size)
{
    static const enum pix_bench_kind kinds[] = { PIX_BENCH_TRAIN, PIX_BENCH_TRANSLATE };
    const double left = 70, right = CHART_WIDTH - 130, bottom = 250;
    struct growth g = { .device = d, .by_size = by_size };
    double ratio;
    if (!find_growth_scales(&g, left, right, bottom))
        return;
    html_put(f, "<h3>Time per image against %s</h3>\n", by_size ? "size" : "batch");
    chart_begin(f, bottom + 44, "growth");
    chart_put_log_axis(f, &g.y, false, left, right, "%g");
    for (size_t i = 0; i < d->count; i++)
        if (is_growth(&g, &d->rows[i].row, &ratio)) {
            const double px = chart_place(&g.x, growth_at(&g, &d->rows[i].row));
            chart_put_line(f, "grid", px, 14, px, bottom);
        }
    for (size_t kind = 0; kind < 2; kind++)
        for (size_t i = 0; i < d->count; i++)
            if (d->rows[i].row.kind == kinds[kind] &&
                is_growth(&g, &d->rows[i].row, &ratio))
                put_growth_point(f, &g, &d->rows[i].row, ratio);
    chart_put_label(f, (left + right) / 2, bottom + 36, "middle", "dim",
                    by_size ? "side of the image, pixels" : "images in a batch");
    chart_put_label(f, 6, 12, "start", "dim", "ms per image");
    html_put(
        f,
        "</svg>\n<p class=\"dim\">Dashed: linear growth%s. The numbers are the ratio "
        "to it; below 1 is cheaper.</p>\n",
        by_size ? " with the number of pixels" : "");
}

void bench_put_overview(FILE *f, const struct bench_result *r)
{
    const double left = 330, right = CHART_WIDTH - 80, pitch = 26;
    const struct pix_bench_row *rows[64] = { NULL };
    const size_t count = r->count < 64 ? r->count : 64;
    double most = 0;
    if (r->count < 2)
        return;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < r->devices[i].count && !rows[i]; k++) {
            const struct pix_bench_row *row = &r->devices[i].rows[k].row;
            if (row->kind != PIX_BENCH_TRAIN || row->is_simple || row->samples == 0)
                continue;
            rows[i] = row;
            most = fmax(most, row->batch / row->median);
        }
    if (most <= 0)
        return;
    const struct chart_scale x = { 0, most, left, right, false };
    html_put(f, "<h3>Training, images per second</h3>\n");
    chart_begin(f, 8 + pitch * (double)count, "devices");
    for (size_t i = 0; i < count; i++) {
        const double y = 4 + pitch * (double)i;
        char text[32];
        chart_put_label(f, left - 8, y + 15, "end", "", r->devices[i].name);
        if (!rows[i])
            continue;
        const double rate = rows[i]->batch / rows[i]->median,
                     end = chart_place(&x, rate);
        html_put(f,
                 "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"18\" "
                 "fill=\"var(--g0)\"/>\n",
                 left, y + 2, fmax(end - left, 0.5));
        snprintf(text, sizeof(text), "%.3g", rate);
        chart_put_label(f, end + 6, y + 15, "start", "dim", text);
    }
    chart_end(f);
}
