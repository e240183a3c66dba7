// SPDX-License-Identifier: MIT
//
// Scales, axes and labels of charts. See chart.h.

#include "page/chart.h"

#include "page/html.h"

#include <math.h>
#include <stddef.h>

double chart_place(const struct chart_scale *s, double value)
{
    double part = s->is_logarithmic ? log(value / s->low) / log(s->high / s->low)
                                    : (value - s->low) / (s->high - s->low);
    return s->from + part * (s->to - s->from);
}

double chart_round_up(double value)
{
    double power = pow(10, floor(log10(value)));
    double digits = value / power;
    return power * (digits <= 1.001   ? 1
                    : digits <= 2.001 ? 2
                    : digits <= 5.001 ? 5
                                      : 10);
}

struct chart_scale chart_make_log_scale(double low, double high, double from, double to)
{
    struct chart_scale s = { low / 1.4, high * 1.4, from, to, true };
    return s;
}

void chart_begin(FILE *f, double height, const char *title)
{
    html_put(f, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\"><title>", CHART_WIDTH,
             height);
    html_put_text(f, title);
    html_put(f, "</title>\n");
}

void chart_put_line(FILE *f, const char *class, double x1, double y1, double x2,
                    double y2)
{
    html_put(f,
             "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
             class, x1, y1, x2, y2);
}

void chart_put_label(FILE *f, double x, double y, const char *anchor, const char *class,
                     const char *text)
{
    html_put(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y,
             anchor, class);
    html_put_text(f, text);
    html_put(f, "</text>\n");
}

void chart_put_log_axis(FILE *f, const struct chart_scale *s, bool is_x, double from,
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
            const double at = chart_place(s, value);
            snprintf(text, sizeof(text), format, value);
            if (is_x) {
                chart_put_line(f, "grid", at, from, at, to);
                chart_put_label(f, at, to + 16, "middle", "dim", text);
            } else {
                chart_put_line(f, "grid", from, at, to, at);
                chart_put_label(f, from - 6, at + 4, "end", "dim", text);
            }
        }
}

void chart_end(FILE *f)
{
    html_put(f, "</svg>\n");
}
