// SPDX-License-Identifier: MIT
//
// The charts of a benchmark's page. See charts.h.

#include "bench/charts.h"

#include "page/chart.h"
#include "page/html.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static size_t group_index(const char *group)
{
    size_t i = 0;
    while (bench_groups[i + 1] && strcmp(bench_groups[i], group) != 0)
        i++;
    return i;
}

static bool is_timed_call(const struct pix_bench_row *row, const char *precision)
{
    return row->kind == PIX_BENCH_CALL && row->samples > 0 && !row->is_simple &&
           strcmp(row->precision, precision) == 0;
}

static void put_share_rows(FILE *f, const struct bench_device *d, const char *precision,
                           const char *const *names, bool are_groups, double all)
{
    for (size_t i = 0; names[i]; i++) {
        const struct bench_share s =
            bench_sum_calls(d, are_groups ? names[i] : NULL,
                            are_groups ? NULL : names[i], precision, false);
        char text[32];
        if (s.kinds == 0 || s.seconds <= 0)
            continue;
        html_put(f, "<tr><td>");
        if (are_groups)
            html_put(f, "<span class=\"key\" style=\"background:var(--g%zu)\"></span>",
                     i);
        html_put(f,
                 "%s</td><td>%" PRIu32 "</td><td>%" PRIu32
                 "</td><td>%s</td><td>%.1f %%</td><td>%.2f</td><td>%.2f</td>"
                 "<td>%.0f %% %c%s</td></tr>\n",
                 names[i], s.calls, s.kinds, html_format_seconds(s.seconds, text),
                 100 * s.seconds / all, 1e-9 * (double)s.flops / s.seconds,
                 1e-9 * (double)s.bytes / s.seconds, 100 * s.floor / s.seconds,
                 *bench_bound_name(bench_get_share_bound(&s)),
                 s.doubtful > 0 ? " ?" : "");
    }
}

static void put_share_table(FILE *f, const struct bench_device *d,
                            const char *precision, const char *const *names,
                            bool are_groups, double all)
{
    html_put(f,
             "<div class=\"wide\" tabindex=\"0\"><table><tr><th>%s</th><th>calls</th>"
             "<th>distinct</th><th>time</th><th>share</th><th>GFLOP/s</th><th>GB/s</th>"
             "<th>ceiling</th></tr>\n",
             are_groups ? "group" : "op");
    put_share_rows(f, d, precision, names, are_groups, all);
    html_put(f, "</table></div>\n");
}

void bench_put_shares(FILE *f, const struct bench_device *d, const char *precision)
{
    const double all = bench_sum_calls(d, NULL, NULL, precision, false).seconds;
    if (all <= 0)
        return;
    html_put(f,
             "<h3>Where the time of a training step goes%s</h3>\n"
             "<div class=\"shares\" aria-hidden=\"true\">",
             bench_precision_suffix(precision));
    for (size_t i = 0; bench_groups[i]; i++) {
        const struct bench_share s =
            bench_sum_calls(d, bench_groups[i], NULL, precision, false);
        if (s.seconds > 0)
            html_put(f,
                     "<div title=\"%s, %.1f %%\" "
                     "style=\"flex:%.3f;background:var(--g%zu)\"></div>",
                     bench_groups[i], 100 * s.seconds / all, 100 * s.seconds / all, i);
    }
    html_put(f, "</div>\n");
    put_share_table(f, d, precision, bench_groups, true, all);
    put_share_table(f, d, precision, bench_ops, false, all);
}

// Finds the ceilings, 1e9 operations or bytes a second; 0: not measured. Those that
// were taken beside the calls may be faster than those of the beginning.
static void find_ceilings(const struct bench_device *d, const char *precision,
                          double *gflops, double *gbytes)
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
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (!is_timed_call(row, precision))
            continue;
        if (row->floor_flops > 0)
            *gflops = fmax(*gflops, 1e-9 * (double)row->flops / row->floor_flops);
        if (row->floor_bytes > 0)
            *gbytes = fmax(*gbytes, 1e-9 * (double)row->bytes / row->floor_bytes);
    }
}

// What a call is in the roofline. False: it is not there.
static bool find_roof_point(const struct pix_bench_row *row, const char *precision,
                            double *x, double *y)
{
    if (!is_timed_call(row, precision) || row->flops == 0 || row->bytes == 0)
        return false;
    *x = (double)row->flops / (double)row->bytes;
    *y = bench_get_gflops(row);
    return true;
}

static void put_roof_group(struct chart *c, const struct bench_device *d,
                           const char *precision, size_t group,
                           const struct chart_axis *x, const struct chart_axis *y,
                           double most)
{
    bool begun = false;
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        char text[512], time[32];
        double px, py;
        if (!find_roof_point(row, precision, &px, &py) ||
            group_index(row->group) != group || px < x->low || py < y->low)
            continue;
        if (!begun)
            chart_begin_series(c, bench_groups[group], group, CHART_CIRCLES);
        begun = true;
        snprintf(text, sizeof(text), "%s: %s, %.2f GFLOP/s, %.2f GB/s, %s", row->group,
                 row->name, py, bench_get_gbytes(row),
                 html_format_seconds(row->median, time));
        chart_put_point(c, px, fmin(py, y->high), row->count * row->median / most, text,
                        NULL);
    }
    if (begun)
        chart_end_series(c);
}

static void put_ceilings(struct chart *c, const struct chart_axis *x, double gflops,
                         double gbytes)
{
    char text[64];
    snprintf(text, sizeof(text), "%.3g GFLOP/s", gflops);
    chart_begin_series(c, "ceilings", 7, CHART_DASHES);
    chart_put_point(c, x->low, x->low * gbytes, 0, NULL, NULL);
    chart_put_point(c, gflops / gbytes, gflops, 0, NULL, NULL);
    chart_put_point(c, x->high, gflops, 0, NULL, text);
    chart_end_series(c);
}

void bench_put_roofline(FILE *f, const struct bench_device *d, const char *precision)
{
    double gflops, gbytes, low_x = 1e300, high_x = 0, low_y = 1e300, most = 0, px, py;
    find_ceilings(d, precision, &gflops, &gbytes);
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (!find_roof_point(row, precision, &px, &py))
            continue;
        low_x = fmin(low_x, px);
        high_x = fmax(high_x, px);
        low_y = fmin(low_y, py);
        most = fmax(most, row->count * row->median);
    }
    if (most <= 0 || gflops <= 0 || gbytes <= 0)
        return;
    // Calls on a few numbers would only squeeze the others together.
    const struct chart_axis x = { "floating point operations per byte", true,
                                  fmax(low_x, 0.02) / 1.4,
                                  fmax(high_x, 2 * gflops / gbytes) * 1.4 };
    const struct chart_axis y = { "GFLOP/s", true, fmax(low_y, gflops * 1e-4) / 1.4,
                                  gflops * 1.4 };
    html_put(
        f,
        "<h3>Calls under the ceilings%s</h3>\n<p class=\"dim\">Each circle is a kernel "
        "on one shape; its area shows its share of the time of a step.</p>\n",
        bench_precision_suffix(precision));
    struct chart c =
        chart_begin(f, "Rate of the calls by their operations per byte", &x, &y);
    for (size_t i = 0; bench_groups[i]; i++)
        put_roof_group(&c, d, precision, i, &x, &y, most);
    put_ceilings(&c, &x, gflops, gbytes);
    chart_end(&c);
}

static const struct pix_bench_row *find_call(const struct bench_device *d,
                                             const char *precision, const char *group,
                                             const char *name)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (is_timed_call(row, precision) && strcmp(row->group, group) == 0 &&
            strcmp(row->name, name) == 0)
            return row;
    }
    return NULL;
}

static bool is_layer(const struct pix_bench_row *row, const char *precision)
{
    return is_timed_call(row, precision) && strcmp(row->group, "forward") == 0;
}

static void put_layer_group(struct chart *c, const struct bench_device *d,
                            const char *precision, size_t group)
{
    double place = 0.27 * ((double)group - 1);
    chart_begin_series(c, bench_groups[group], group, CHART_BARS);
    for (size_t i = 0; i < d->count; i++) {
        char text[512], share[32];
        if (!is_layer(&d->rows[i].row, precision))
            continue;
        const struct pix_bench_row *r =
            find_call(d, precision, bench_groups[group], d->rows[i].row.name);
        if (r) {
            const double rate = bench_get_gflops(r);
            snprintf(text, sizeof(text), "%s, %s, %.2f GFLOP/s, %s", r->name,
                     bench_groups[group], rate, r->kernel);
            snprintf(share, sizeof(share), "%.0f %% %c%s", 100 * r->ceiling_share,
                     *bench_bound_name(r->bound_by), r->is_doubtful ? " ?" : "");
            chart_put_point(c, rate, place, 0.25, text,
                            r->ceiling_share > 0 ? share : NULL);
        }
        place++;
    }
    chart_end_series(c);
}

void bench_put_layers(FILE *f, const struct bench_device *d, const char *precision)
{
    static const struct chart_axis x = { "GFLOP/s", false, 0, 0 }, y = { 0 };
    bool any = false;
    for (size_t i = 0; i < d->count; i++)
        any |= is_layer(&d->rows[i].row, precision);
    if (!any)
        return;
    html_put(f, "<h3>Convolutions%s</h3>\n", bench_precision_suffix(precision));
    struct chart c = chart_begin(f, "Rate of each convolution, GFLOP/s", &x, &y);
    for (size_t i = 0; i < d->count; i++)
        if (is_layer(&d->rows[i].row, precision))
            chart_put_category(&c, d->rows[i].row.name);
    for (size_t g = 0; g < 3; g++)
        put_layer_group(&c, d, precision, g);
    chart_end(&c);
    html_put(
        f,
        "<p class=\"dim\">Percentages are those of the column \"ceiling\": of what the "
        "flops (f), the bytes (b) or the launches (l) allow.</p>\n");
}

// The lines of growth: whole rows of one kind, along sizes or along batches.
struct growth {
    const struct bench_device *device;
    bool by_size;
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

// Finds the neighbour to the right on the same line, or to the left; NULL: none.
static const struct pix_bench_row *find_next(const struct growth *g,
                                             const struct pix_bench_row *row, bool left)
{
    const struct pix_bench_row *next = NULL;
    for (size_t i = 0; i < g->device->count; i++) {
        const struct pix_bench_row *r = &g->device->rows[i].row;
        const int64_t step = (int64_t)growth_at(g, r) - growth_at(g, row);
        if (r->kind == row->kind && !r->is_simple && r->samples > 0 &&
            strcmp(r->precision, row->precision) == 0 &&
            (g->by_size ? r->batch == row->batch : r->size == row->size) &&
            (left ? step < 0 : step > 0) &&
            (!next || (growth_at(g, r) < growth_at(g, next)) != left))
            next = r;
    }
    return next;
}

// A line from its first point on.
static void put_growth_line(struct chart *c, const struct growth *g,
                            const struct pix_bench_row *row)
{
    const bool translates = row->kind == PIX_BENCH_TRANSLATE;
    const size_t precision = bench_precision_index(row->precision);
    char series[64];
    snprintf(series, sizeof(series), "%s%s", translates ? "translation" : "training",
             bench_precision_suffix(row->precision));
    chart_begin_series(c, series, 2 * precision + translates, CHART_LINE);
    for (; row; row = find_next(g, row, false)) {
        const double value = 1e3 * row->median / row->batch;
        char text[256], label[32];
        double ratio;
        if (!is_growth(g, row, &ratio))
            continue;
        snprintf(text, sizeof(text), "%s%s: %.3g ms per image, %.2f of linear",
                 row->name, bench_precision_suffix(row->precision), value, ratio);
        snprintf(label, sizeof(label), "%.2f", ratio);
        chart_put_point(c, growth_at(g, row), value, 0, text, label);
    }
    chart_end_series(c);
}

// The same, had it grown linearly.
static void put_linear_line(struct chart *c, const struct growth *g,
                            const struct pix_bench_row *row)
{
    double ratio;
    chart_begin_series(c, "linear growth", 7, CHART_DASHES);
    for (; row; row = find_next(g, row, false))
        if (is_growth(g, row, &ratio))
            chart_put_point(c, growth_at(g, row),
                            1e3 * row->median / row->batch / ratio, 0, NULL, NULL);
    chart_end_series(c);
}

void bench_put_growth(FILE *f, const struct bench_device *d, bool by_size)
{
    const struct growth g = { d, by_size };
    const struct chart_axis x = { by_size ? "side of the image, pixels"
                                          : "images in a batch",
                                  true, 0, 0 },
                            y = { "ms per image", true, 0, 0 };
    struct chart c = { 0 };
    double ratio;
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (!is_growth(&g, row, &ratio) || find_next(&g, row, true))
            continue;
        if (!c.file) {
            html_put(f, "<h3>Time per image against %s</h3>\n",
                     by_size ? "size" : "batch");
            c = chart_begin(f, "Milliseconds per image", &x, &y);
        }
        put_growth_line(&c, &g, row);
        put_linear_line(&c, &g, row);
    }
    if (!c.file)
        return;
    chart_end(&c);
    html_put(f,
             "<p class=\"dim\">Dashed: linear growth%s. The numbers are the ratio "
             "to it; below 1 is cheaper.</p>\n",
             by_size ? " with the number of pixels" : "");
}

static bool has_floor(const struct pix_bench_row *row)
{
    return bench_is_whole(row) && !row->is_simple && bench_get_floor(row) > 0;
}

static void put_floor_series(struct chart *c, const struct bench_device *d, size_t part)
{
    static const char *const names[] = { "time taken", "flops", "bytes", "launches" };
    double place = 0.21 * ((double)part - 1.5);
    chart_begin_series(c, names[part], part == 0 ? 7 : part - 1, CHART_BARS);
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (!has_floor(row))
            continue;
        const double ms = 1e3 * (part == 0   ? row->median
                                 : part == 1 ? row->floor_flops
                                 : part == 2 ? row->floor_bytes
                                             : row->floor_launches);
        char text[256], label[64] = "";
        snprintf(text, sizeof(text), "%s%s, %s: %.3g ms", row->name,
                 bench_precision_suffix(row->precision), names[part], ms);
        if (part == 0)
            snprintf(label, sizeof(label), "%.1f%s", 1 / row->ceiling_share,
                     row->is_doubtful ? " ?" : "");
        chart_put_point(c, ms, place, 0.19, text, part == 0 ? label : NULL);
        place++;
    }
    chart_end_series(c);
}

void bench_put_floors(FILE *f, const struct bench_device *d)
{
    static const struct chart_axis x = { "ms", false, 0, 0 }, y = { 0 };
    bool any = false;
    for (size_t i = 0; i < d->count; i++)
        any |= has_floor(&d->rows[i].row);
    if (!any)
        return;
    html_put(f, "<h3>Whole steps and their floors</h3>\n");
    struct chart c =
        chart_begin(f, "Time of whole steps, and the least that it could be", &x, &y);
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        char title[BENCH_TITLE_SIZE];
        if (has_floor(row))
            chart_put_category(&c, bench_format_title(row, title));
    }
    for (size_t part = 0; part < 4; part++)
        put_floor_series(&c, d, part);
    chart_end(&c);
    html_put(f, "<p class=\"dim\">What the flops, the bytes and the launches of a step "
                "would take at the ceilings measured beside it. The longest is its "
                "floor; the numbers are how many times its floor a step takes.</p>\n");
}

// The first training step of a device that was timed, or NULL.
static const struct pix_bench_row *find_training(const struct bench_device *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (row->kind == PIX_BENCH_TRAIN && !row->is_simple && row->samples > 0)
            return row;
    }
    return NULL;
}

void bench_put_overview(FILE *f, const struct bench_result *r)
{
    static const struct chart_axis x = { "images per second", false, 0, 0 }, y = { 0 };
    bool any = false;
    for (size_t i = 0; i < r->count; i++)
        any |= find_training(&r->devices[i]) != NULL;
    if (r->count < 2 || !any)
        return;
    html_put(f, "<h3>Training</h3>\n");
    struct chart c = chart_begin(f, "Training, images per second", &x, &y);
    for (size_t i = 0; i < r->count; i++)
        chart_put_category(&c, r->devices[i].name);
    chart_begin_series(&c, NULL, 0, CHART_BARS);
    for (size_t i = 0; i < r->count; i++) {
        const struct pix_bench_row *row = find_training(&r->devices[i]);
        char text[32];
        if (!row)
            continue;
        snprintf(text, sizeof(text), "%.3g", row->batch / row->median);
        chart_put_point(&c, row->batch / row->median, (double)i, 0.7, text, text);
    }
    chart_end_series(&c);
    chart_end(&c);
}
