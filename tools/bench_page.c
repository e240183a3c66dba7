// SPDX-License-Identifier: MIT
//
// The result of a benchmark as a page: one HTML file with charts in SVG, without
// scripts and without anything from elsewhere.

#include "bench_file.h"
#include "output.h"
#include "replacement.h"
#include "terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CHART_WIDTH 880.0

static const char style[] =
    ":root{--back:#fff;--soft:#f4f6f8;--line:#d8dee4;--text:#1c2430;--dim:#5d6875;"
    "--g0:#2a6fdb;--g1:#e0811c;--g2:#2a9d6a;--g3:#b8a22a;--g4:#8a63d2;--g5:#d6455d;"
    "--g6:#3aa6b9;--g7:#8d99a6}\n"
    "@media(prefers-color-scheme:dark){:root{--back:#14181d;--soft:#1d232a;"
    "--line:#39424c;--text:#e4e9ee;--dim:#98a4b0}}\n"
    "body{background:var(--back);color:var(--text);font:15px/1.5 system-ui,sans-serif;"
    "margin:2em auto;max-width:62em;padding:0 1em}\n"
    "h1{font-size:1.6em;margin:0}h2{font-size:1.35em;margin:2.2em 0 .2em;"
    "border-top:3px solid var(--line);padding-top:.8em}"
    "h3{font-size:1.05em;margin:1.8em 0 .4em}\n"
    "p{margin:.3em 0}.dim{color:var(--dim)}\n"
    ".cards{display:flex;flex-wrap:wrap;gap:.7em;margin:1em 0}"
    ".card{background:var(--soft);border-radius:8px;padding:.6em 1em;min-width:8.5em}"
    ".card b{display:block;font-size:1.35em}.card span{color:var(--dim);"
    "font-size:.87em}\n"
    "svg{display:block;width:100%;height:auto;margin:.3em 0}"
    "svg text{fill:var(--text);font:12px system-ui,sans-serif}"
    "svg .dim{fill:var(--dim)}svg .grid{stroke:var(--line);stroke-width:1}"
    "svg .roof{stroke:var(--text);stroke-width:1.6;fill:none}"
    "svg .dash{stroke:var(--dim);stroke-width:1.2;stroke-dasharray:5 4;fill:none}\n"
    "table{border-collapse:collapse;font-size:.87em;margin:.6em 0;width:100%}"
    "td,th{padding:.18em .55em;text-align:right;border-bottom:1px solid var(--line);"
    "font-variant-numeric:tabular-nums;white-space:nowrap}"
    "td:first-child,th:first-child{text-align:left}"
    "td.left,th.left{text-align:left}th{color:var(--dim);font-weight:600}\n"
    ".wide{overflow-x:auto}details{margin:.5em 0}summary{cursor:pointer}"
    ".key{display:inline-block;width:.8em;height:.8em;border-radius:2px;"
    "margin-right:.4em}\n";

// ---------------------------------------------------------------------------
// Text

static void put(FILE *f, const char *format, ...) OUTPUT_PRINTF(2, 3);
static void put(FILE *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(f, format, args);
    va_end(args);
}

// Text of the outside, harmless inside elements and attributes.
static void put_text(FILE *f, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", f);
            break;
        case '<':
            fputs("&lt;", f);
            break;
        case '>':
            fputs("&gt;", f);
            break;
        case '"':
            fputs("&quot;", f);
            break;
        default:
            // Control characters have no place in a page.
            fputc((unsigned char)*text < 0x20 ? ' ' : *text, f);
        }
    }
}

// Three digits, in the unit that fits: "12.3 ms".
static const char *seconds_text(double seconds, char text[32])
{
    if (seconds <= 0)
        snprintf(text, 32, "-");
    else if (seconds < 1e-3)
        snprintf(text, 32, "%.3g \xc2\xb5s", 1e6 * seconds);
    else if (seconds < 1)
        snprintf(text, 32, "%.3g ms", 1e3 * seconds);
    else
        snprintf(text, 32, "%.3g s", seconds);
    return text;
}

static const char *rate_text(double giga, const char *unit, char text[32])
{
    if (giga >= 1000)
        snprintf(text, 32, "%.3g T%s", giga / 1000, unit);
    else
        snprintf(text, 32, "%.3g G%s", giga, unit);
    return text;
}

static size_t group_index(const char *group)
{
    size_t i = 0;
    while (bench_groups[i + 1] && strcmp(bench_groups[i], group) != 0)
        i++;
    return i;
}

static bool is_whole(const struct pix_bench_row *row)
{
    return row->kind == PIX_BENCH_TRAIN || row->kind == PIX_BENCH_TRANSLATE;
}

static bool is_timed_call(const struct pix_bench_row *row)
{
    return row->kind == PIX_BENCH_CALL && row->samples > 0 && !row->is_simple;
}

// ---------------------------------------------------------------------------
// Scales

struct scale {
    double low, high;    // values
    double from, to;     // places
    bool is_logarithmic;
};

static double place(const struct scale *s, double value)
{
    double part = s->is_logarithmic ? log(value / s->low) / log(s->high / s->low)
                                    : (value - s->low) / (s->high - s->low);
    return s->from + part * (s->to - s->from);
}

// A round number from 1, 2, 5 and powers of ten, not below `value`.
static double round_up(double value)
{
    double power = pow(10, floor(log10(value)));
    double digits = value / power;
    return power * (digits <= 1.001   ? 1
                    : digits <= 2.001 ? 2
                    : digits <= 5.001 ? 5
                                      : 10);
}

// A logarithmic scale over these values, with some air.
static struct scale log_scale(double low, double high, double from, double to)
{
    struct scale s = { low / 1.4, high * 1.4, from, to, true };
    return s;
}

// ---------------------------------------------------------------------------
// Charts

static void begin_chart(FILE *f, double height, const char *title)
{
    put(f, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\"><title>", CHART_WIDTH, height);
    put_text(f, title);
    put(f, "</title>\n");
}

static void put_line(FILE *f, const char *class, double x1, double y1, double x2,
                     double y2)
{
    put(f, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
        class, x1, y1, x2, y2);
}

static void put_label(FILE *f, double x, double y, const char *anchor,
                      const char *class, const char *text)
{
    put(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y, anchor,
        class);
    put_text(f, text);
    put(f, "</text>\n");
}

// Grid lines and numbers of a logarithmic axis at 1, and at 2 and 5 where there is
// room.
static void put_log_axis(FILE *f, const struct scale *s, bool is_x, double from,
                         double to, const char *format)
{
    static const double digits[] = { 1, 2, 5 };
    if (!(s->low > 0) || !isfinite(s->low) || !isfinite(s->high))
        return;
    const bool dense = s->high / s->low < 500;
    for (int power = (int)floor(log10(s->low)); power <= (int)ceil(log10(s->high));
         power++)
        for (size_t i = 0; i < (dense ? 3u : 1u); i++) {
            const double value = digits[i] * pow(10, power);
            char text[32];
            if (value < s->low || value > s->high)
                continue;
            const double at = place(s, value);
            snprintf(text, sizeof(text), format, value);
            if (is_x) {
                put_line(f, "grid", at, from, at, to);
                put_label(f, at, to + 16, "middle", "dim", text);
            } else {
                put_line(f, "grid", from, at, to, at);
                put_label(f, from - 6, at + 4, "end", "dim", text);
            }
        }
}

static void put_legend(FILE *f, const bool *used)
{
    put(f, "<p class=\"dim\">");
    for (size_t i = 0; bench_groups[i]; i++)
        if (used[i])
            put(f,
                "<span class=\"key\" style=\"background:var(--g%zu)\"></span>%s "
                "&emsp;",
                i, bench_groups[i]);
    put(f, "</p>\n");
}

// One bar, cut by groups.
static void put_shares(FILE *f, const struct bench_device *d)
{
    double all = 0, x = 0;
    for (size_t i = 0; bench_groups[i]; i++)
        all += bench_sum_group(d, bench_groups[i], false).seconds;
    if (all <= 0)
        return;
    put(f, "<h3>Where the time of a training step goes</h3>\n");
    begin_chart(f, 44, "shares of a training step");
    for (size_t i = 0; bench_groups[i]; i++) {
        const struct bench_share s = bench_sum_group(d, bench_groups[i], false);
        const double width = s.seconds / all * CHART_WIDTH;
        char text[32];
        if (s.seconds <= 0)
            continue;
        put(f,
            "<rect x=\"%.1f\" y=\"4\" width=\"%.1f\" height=\"36\" "
            "fill=\"var(--g%zu)\"><title>%s: %s, %.1f %%</title></rect>\n",
            x, width, i, bench_groups[i], seconds_text(s.seconds, text),
            100 * s.seconds / all);
        if (width > 44) {
            snprintf(text, sizeof(text), "%.0f %%", 100 * s.seconds / all);
            put(f,
                "<text x=\"%.1f\" y=\"27\" text-anchor=\"middle\" "
                "style=\"fill:#fff;font-weight:600\">%s</text>\n",
                x + width / 2, text);
        }
        x += width;
    }
    put(f, "</svg>\n<div class=\"wide\"><table><tr><th>group</th><th>calls</th>"
           "<th>distinct</th><th>time</th><th>share</th><th>GFLOP/s</th><th>GB/s</th>"
           "</tr>\n");
    for (size_t i = 0; bench_groups[i]; i++) {
        const struct bench_share s = bench_sum_group(d, bench_groups[i], false);
        char text[32];
        if (s.kinds > 0 && s.seconds > 0)
            put(f,
                "<tr><td><span class=\"key\" style=\"background:var(--g%zu)\">"
                "</span>%s</td><td>%" PRIu32 "</td><td>%" PRIu32
                "</td><td>%s</td><td>%.1f %%</td><td>%.2f</td><td>%.2f</td></tr>\n",
                i, bench_groups[i], s.calls, s.kinds, seconds_text(s.seconds, text),
                100 * s.seconds / all, 1e-9 * (double)s.flops / s.seconds,
                1e-9 * (double)s.bytes / s.seconds);
    }
    put(f, "</table></div>\n");
}

// The rates that the ceilings give, 1e9 a second.
static void find_ceilings(const struct bench_device *d, double *gflops, double *gbytes)
{
    const struct pix_bench_row *fma =
        bench_find(d, PIX_BENCH_CEILING, "multiply-add, f32");
    const struct pix_bench_row *copy =
        bench_find(d, PIX_BENCH_CEILING, "copy by a kernel");
    const struct pix_bench_row *transfer =
        bench_find(d, PIX_BENCH_CEILING, "copy by the driver");
    *gflops = fma ? bench_gflops(fma) : 0;
    *gbytes =
        fmax(copy ? bench_gbytes(copy) : 0, transfer ? bench_gbytes(transfer) : 0);
}

// Every call by its arithmetic intensity and its rate, under the two ceilings.
static void put_roofline(FILE *f, const struct bench_device *d)
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
        low_y = fmin(low_y, bench_gflops(row));
        most = fmax(most, row->count * row->median);
        used[group_index(row->group)] = true;
        count++;
    }
    if (count == 0 || gflops <= 0 || gbytes <= 0)
        return;
    // Calls of a few numbers would only make the rest small.
    low_x = fmax(low_x, 0.02);
    low_y = fmax(low_y, gflops * 1e-4);
    const double knee = gflops / gbytes, bottom = 340, right = CHART_WIDTH - 12;
    const struct scale x = log_scale(low_x, fmax(high_x, knee * 2), 58, right);
    const struct scale y = log_scale(low_y, gflops, bottom, 14);
    put(f,
        "<h3>Calls under the ceilings</h3>\n<p class=\"dim\">Each circle is a kernel "
        "on one shape; its area is the time it takes of a step.</p>\n");
    put_legend(f, used);
    begin_chart(f, bottom + 44, "roofline");
    put_log_axis(f, &x, true, 14, bottom, "%g");
    put_log_axis(f, &y, false, 58, right, "%g");
    put(f, "<polyline class=\"roof\" points=\"%.1f,%.1f %.1f,%.1f %.1f,%.1f\"/>\n",
        place(&x, fmax(x.low, y.low / gbytes)), place(&y, fmax(y.low, x.low * gbytes)),
        place(&x, knee), place(&y, gflops), right, place(&y, gflops));
    char text[64];
    snprintf(text, sizeof(text), "%.3g GFLOP/s", gflops);
    put_label(f, right - 4, place(&y, gflops) - 6, "end", "dim", text);
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (!is_timed_call(row) || row->flops == 0 || row->bytes == 0)
            continue;
        const double vx = (double)row->flops / (double)row->bytes;
        const double vy = bench_gflops(row);
        if (vx < x.low || vy < y.low)
            continue;
        const double radius = 3 + 15 * sqrt(row->count * row->median / most);
        put(f,
            "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"var(--g%zu)\" "
            "fill-opacity=\".55\" stroke=\"var(--g%zu)\"><title>",
            place(&x, vx), place(&y, fmin(vy, y.high)), radius, group_index(row->group),
            group_index(row->group));
        put_text(f, row->group);
        put(f, ": ");
        put_text(f, row->name);
        put(f, ", %.2f GFLOP/s, %.2f GB/s, %s</title></circle>\n", vy,
            bench_gbytes(row), seconds_text(row->median, text));
    }
    put_label(f, (58 + right) / 2, bottom + 36, "middle", "dim",
              "floating point operations for each byte");
    put_label(f, 6, 12, "start", "dim", "GFLOP/s");
    put(f, "</svg>\n");
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

// Three bars for each layer: forward, input gradient, weight gradient.
static void put_layers(FILE *f, const struct bench_device *d)
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
        most = fmax(most, bench_gflops(row));
        layers += strcmp(row->group, "forward") == 0;
    }
    if (layers == 0 || most <= 0 || !isfinite(most))
        return;
    const struct scale x = { 0, 1.04 * most, left, right, false };
    const double step = round_up(most / 6), bottom = 10 + pitch * (double)layers;
    put(f, "<h3>Convolutions, GFLOP/s</h3>\n");
    put_legend(f, used);
    begin_chart(f, bottom + 24, "convolutions");
    for (double v = 0; v <= x.high; v += step) {
        char text[32];
        snprintf(text, sizeof(text), "%g", v);
        put_line(f, "grid", place(&x, v), 6, place(&x, v), bottom);
        put_label(f, place(&x, v), bottom + 16, "middle", "dim", text);
    }
    double y = 10;
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (!is_timed_call(row) || strcmp(row->group, "forward") != 0)
            continue;
        put_label(f, left - 8, y + 1.5 * bar + 4, "end", "", row->name);
        for (size_t g = 0; g < 3; g++) {
            const struct pix_bench_row *r = find_call(d, bench_groups[g], row->name);
            char share[32] = "";
            if (!r)
                continue;
            const double end = place(&x, bench_gflops(r));
            if (gflops > 0)
                snprintf(share, sizeof(share), "%.0f %%",
                         100 * bench_gflops(r) / gflops);
            put(f,
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
                "fill=\"var(--g%zu)\"><title>%s, %.2f GFLOP/s, ",
                left, y + bar * (double)g, fmax(end - left, 0.5), bar - 1, g,
                bench_groups[g], bench_gflops(r));
            put_text(f, r->kernel);
            put(f,
                "</title></rect>\n<text x=\"%.1f\" y=\"%.1f\" class=\"dim\" "
                "style=\"font-size:9px\">%s</text>\n",
                end + 4, y + bar * (double)g + 8, share);
        }
        y += pitch;
    }
    put(f,
        "</svg>\n<p class=\"dim\">Percent: of the measured rate of f32 multiply-adds, "
        "%.3g GFLOP/s.</p>\n",
        gflops);
}

// Cost for each image against size or batch, with the straight line of linear growth.
static void put_growth(FILE *f, const struct bench_device *d, bool by_size)
{
    static const char *const colours[] = { "var(--g0)", "var(--g1)" };
    const double left = 70, right = CHART_WIDTH - 130, bottom = 250;
    double low = 1e300, high = 0, low_x = 1e300, high_x = 0, ratio;
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (!is_whole(row) || row->is_simple || !bench_linear(d, row, by_size, &ratio))
            continue;
        const double v = row->median / row->batch,
                     at = by_size ? row->size : row->batch;
        low = fmin(low, fmin(v, v / ratio));
        high = fmax(high, fmax(v, v / ratio));
        low_x = fmin(low_x, at);
        high_x = fmax(high_x, at);
    }
    if (high <= 0 || high_x <= low_x)
        return;
    put(f, "<h3>Time for an image against %s</h3>\n", by_size ? "size" : "batch");
    const struct scale x = { low_x / 1.12, high_x * 1.12, left, right, true };
    const struct scale y = log_scale(1e3 * low, 1e3 * high, bottom, 14);
    begin_chart(f, bottom + 44, "growth");
    put_log_axis(f, &y, false, left, right, "%g");
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (is_whole(row) && !row->is_simple && bench_linear(d, row, by_size, &ratio)) {
            const double px = place(&x, by_size ? row->size : row->batch);
            put_line(f, "grid", px, 14, px, bottom);
        }
    }
    for (int kind = 0; kind < 2; kind++) {
        const enum pix_bench_kind wanted = kind ? PIX_BENCH_TRANSLATE : PIX_BENCH_TRAIN;
        for (size_t i = 0; i < d->count; i++) {
            const struct pix_bench_row *row = &d->rows[i].row, *next = NULL;
            if (row->kind != wanted || row->is_simple ||
                !bench_linear(d, row, by_size, &ratio))
                continue;
            // The neighbour to the right of the same line.
            const uint32_t at = by_size ? row->size : row->batch;
            for (size_t k = 0; k < d->count; k++) {
                const struct pix_bench_row *r = &d->rows[k].row;
                const uint32_t there = by_size ? r->size : r->batch;
                if (r->kind == wanted && !r->is_simple && r->samples > 0 &&
                    (by_size ? r->batch == row->batch : r->size == row->size) &&
                    there > at &&
                    (!next || there < (by_size ? next->size : next->batch)))
                    next = r;
            }
            const double px = place(&x, at);
            const double v = 1e3 * row->median / row->batch, py = place(&y, v);
            char text[64];
            snprintf(text, sizeof(text), "%" PRIu32, at);
            put_label(f, px, bottom + 16, "middle", "dim", text);
            if (next) {
                double other;
                const double nx = place(&x, by_size ? next->size : next->batch);
                const double nv = 1e3 * next->median / next->batch;
                bench_linear(d, next, by_size, &other);
                put_line(f, "dash", px, place(&y, v / ratio), nx,
                         place(&y, nv / other));
                put(f,
                    "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" "
                    "stroke=\"%s\" stroke-width=\"2\"/>\n",
                    px, py, nx, place(&y, nv), colours[kind]);
            }
            put(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" fill=\"%s\"><title>", px,
                py, colours[kind]);
            put_text(f, row->name);
            put(f, ": %.3g ms an image, %.2f of linear</title></circle>\n", v, ratio);
            snprintf(text, sizeof(text), "%.2f", ratio);
            put_label(f, px + 7, py - 7, "start", "dim", text);
            if (!next)
                put_label(f, px + 40, py + 4, "start", "",
                          kind ? "translation" : "training");
        }
    }
    put_label(f, (left + right) / 2, bottom + 36, "middle", "dim",
              by_size ? "side of the image, pixels" : "images in a batch");
    put_label(f, 6, 12, "start", "dim", "ms an image");
    put(f,
        "</svg>\n<p class=\"dim\">Dashed: linear growth%s. The numbers are the ratio "
        "to it; below 1 is cheaper.</p>\n",
        by_size ? " with the number of pixels" : "");
}

// ---------------------------------------------------------------------------
// Tables and cards

static void put_card(FILE *f, const char *value, const char *what)
{
    put(f, "<div class=\"card\"><b>");
    put_text(f, value);
    put(f, "</b><span>");
    put_text(f, what);
    put(f, "</span></div>\n");
}

static void put_cards(FILE *f, const struct bench_device *d)
{
    bool shown[PIX_BENCH_TRANSLATE + 1] = { false };
    char text[32];
    put(f, "<div class=\"cards\">\n");
    // The first of training and the first of translation.
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (is_whole(row) && row->samples > 0 && !row->is_simple && !shown[row->kind]) {
            put_card(f, seconds_text(row->median, text), row->name);
            shown[row->kind] = true;
        }
    }
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (row->kind != PIX_BENCH_CEILING)
            continue;
        if (row->flops > 0)
            put_card(f, rate_text(bench_gflops(row), "FLOP/s", text), row->name);
        else if (row->bytes > 0)
            put_card(f, rate_text(bench_gbytes(row), "B/s", text), row->name);
        else
            put_card(f, seconds_text(row->median, text), row->name);
    }
    put(f, "</div>\n");
}

static void put_whole(FILE *f, const struct bench_device *d)
{
    bool any = false, timed = false;
    char text[32], more[32], memory[32];
    for (size_t i = 0; i < d->count; i++) {
        any |= is_whole(&d->rows[i].row);
        timed |= is_whole(&d->rows[i].row) && d->rows[i].row.samples > 0;
    }
    if (!any)
        return;
    put(f, "<h3>Whole steps and translations</h3>\n");
    if (timed)
        put(f, "<div class=\"wide\"><table><tr><th></th><th>median</th><th>spread</th>"
               "<th>images/s</th><th>GFLOP/s</th><th>GB/s</th><th>ceiling</th></tr>\n");
    for (size_t i = 0; timed && i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (!is_whole(row) || row->samples == 0)
            continue;
        put(f, "<tr><td>");
        put_text(f, row->name);
        put(f,
            "%s</td><td>%s</td><td>%.0f %%</td><td>%.3g</td><td>%.2f</td><td>%.2f</td>"
            "<td>%.0f %% %s</td></tr>\n",
            row->is_simple ? ", simple kernels" : "", seconds_text(row->median, text),
            100 * bench_spread(row), row->batch / row->median, bench_gflops(row),
            bench_gbytes(row), 100 * row->ceiling_share,
            row->bound_by_bytes ? "b" : "f");
    }
    if (timed)
        put(f, "</table></div>\n");
    put(f, "<div class=\"wide\"><table><tr><th>counted, without a clock</th>"
           "<th>dispatches</th><th>barriers</th><th>submissions</th><th>GFLOP</th>"
           "<th>MB moved</th><th>arena</th><th>state</th><th>memory</th></tr>\n");
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        if (!is_whole(row))
            continue;
        put(f, "<tr><td>");
        put_text(f, row->name);
        put(f,
            "%s</td><td>%" PRIu32 "</td><td>%" PRIu32 "</td><td>%" PRIu32
            "</td><td>%.2f</td><td>%.1f</td><td>%s</td><td>%s</td><td>%s</td></tr>\n",
            row->is_simple ? ", simple kernels" : "", row->plan.dispatches,
            row->plan.barriers, row->plan.submissions, 1e-9 * (double)row->flops,
            1e-6 * (double)row->bytes, output_bytes(row->plan.arena_bytes, text),
            output_bytes(row->plan.state_bytes, more),
            output_bytes(row->plan.device_bytes, memory));
    }
    put(f, "</table></div>\n");
}

static void put_calls(FILE *f, const struct bench_device *d, const char *group,
                      bool is_simple)
{
    bool begun = false;
    for (size_t i = 0; i < d->count; i++) {
        const struct pix_bench_row *row = &d->rows[i].row;
        char text[32];
        if (row->kind != PIX_BENCH_CALL || row->is_simple != is_simple ||
            strcmp(row->group, group) != 0)
            continue;
        if (!begun)
            put(f,
                "<details><summary>%s%s</summary><div class=\"wide\"><table><tr>"
                "<th>shape</th><th>times</th><th>median</th><th>spread</th>"
                "<th>GFLOP/s</th><th>GB/s</th><th>ceiling</th><th class=\"left\">"
                "kernel</th></tr>\n",
                group, is_simple ? ", simple kernels" : "");
        begun = true;
        put(f, "<tr><td>");
        put_text(f, row->name);
        put(f, "</td><td>%" PRIu32 "</td>", row->count);
        if (row->samples > 0)
            put(f,
                "<td>%s</td><td>%.0f %%</td><td>%.2f</td><td>%.2f</td>"
                "<td>%.0f %% %s</td>",
                seconds_text(row->median, text), 100 * bench_spread(row),
                bench_gflops(row), bench_gbytes(row), 100 * row->ceiling_share,
                row->bound_by_bytes ? "b" : "f");
        else
            put(f, "<td>-</td><td>-</td><td>-</td><td>-</td><td>-</td>");
        put(f, "<td class=\"left\">");
        put_text(f, row->kernel);
        put(f, "</td></tr>\n");
    }
    if (begun)
        put(f, "</table></div></details>\n");
}

static void put_device(FILE *f, const struct bench_device *d)
{
    char memory[32];
    put(f, "<h2>");
    put_text(f, d->name);
    put(f, "</h2>\n<p class=\"dim\">");
    put_text(f, d->type);
    put(f, ", driver ");
    put_text(f, *d->driver ? d->driver : "?");
    put(f, " ");
    put_text(f, d->driver_version);
    put(f, ", Vulkan ");
    put_text(f, d->api_version);
    put(f, ", memory %s%s</p>\n", output_bytes(d->memory_bytes, memory),
        d->complete ? "" : " (not complete: interrupted, or something failed)");
    put_cards(f, d);
    put_whole(f, d);
    put_growth(f, d, true);
    put_growth(f, d, false);
    put_shares(f, d);
    put_roofline(f, d);
    put_layers(f, d);
    for (size_t i = 0; i < d->count; i++)
        if (d->rows[i].row.kind == PIX_BENCH_CALL) {
            put(f, "<h3>All calls</h3>\n");
            break;
        }
    for (int simple = 0; simple < 2; simple++)
        for (size_t i = 0; bench_groups[i]; i++)
            put_calls(f, d, bench_groups[i], simple == 1);
}

// The first training step of every device, where there are several.
static void put_overview(FILE *f, const struct bench_result *r)
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
    const struct scale x = { 0, most, left, right, false };
    put(f, "<h3>Training, images a second</h3>\n");
    begin_chart(f, 8 + pitch * (double)count, "devices");
    for (size_t i = 0; i < count; i++) {
        const double y = 4 + pitch * (double)i;
        char text[32];
        put_label(f, left - 8, y + 15, "end", "", r->devices[i].name);
        if (!rows[i])
            continue;
        const double rate = rows[i]->batch / rows[i]->median, end = place(&x, rate);
        put(f,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"18\" "
            "fill=\"var(--g0)\"/>\n",
            left, y + 2, fmax(end - left, 0.5));
        snprintf(text, sizeof(text), "%.3g", rate);
        put_label(f, end + 6, y + 15, "start", "dim", text);
    }
    put(f, "</svg>\n");
}

bool bench_write_page(const struct bench_result *r, const char *path)
{
    struct replacement out;
    if (!replacement_begin(&out, path)) {
        output_error("%s can not be written: %s", path, strerror(errno));
        return false;
    }
    FILE *f = out.file;
    put(f,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width\">\n"
        "<title>pix2pix bench</title>\n<style>\n%s</style>\n</head>\n<body>\n"
        "<h1>pix2pix bench</h1>\n<p class=\"dim\">pix2pix ",
        style);
    put_text(f, r->version);
    put(f, ", ");
    put_text(f, r->when);
    put(f, ", U-Net with %" PRIu32 " filters, PatchGAN with %" PRIu32 ", f32</p>\n",
        r->ngf, r->ndf);
    put_overview(f, r);
    for (size_t i = 0; i < r->count; i++)
        put_device(f, &r->devices[i]);
    put(f, "<h2>How it was measured</h2>\n<ul>\n");
    for (size_t i = 0; bench_method[i]; i++) {
        put(f, "<li>");
        put_text(f, bench_method[i]);
        put(f, "</li>\n");
    }
    put(f, "</ul>\n</body>\n</html>\n");
    if (replacement_end(&out, true))
        return true;
    output_error("%s can not be written: %s", path, strerror(errno));
    return false;
}
