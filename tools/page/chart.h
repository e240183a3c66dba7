// SPDX-License-Identifier: MIT
//
// Charts of a page, as SVG. Lengths and places are in the units of the chart's view
// box, CHART_WIDTH wide, from its upper left corner.

#ifndef TOOLS_PAGE_CHART_H
#define TOOLS_PAGE_CHART_H

#include <stdbool.h>
#include <stdio.h>

#define CHART_WIDTH 880.0

// Maps values from `low` to `high` to places between `from` and `to`, where `from` may
// be the larger one (a vertical axis).
struct chart_scale {
    double low, high;
    double from, to;
    bool is_logarithmic;    // low > 0
};

// A logarithmic scale with a margin around these values.
struct chart_scale chart_make_log_scale(double low, double high, double from,
                                        double to);
double chart_place(const struct chart_scale *s, double value);

// The distance of grid lines: 1, 2 or 5 times a power of ten, not below `value` > 0.
double chart_round_up(double value);

// `title` is read out in place of the chart.
void chart_begin(FILE *f, double height, const char *title);
void chart_end(FILE *f);

// `class` is one of those that the page's style knows: grid, dash, roof, dim, or "".
void chart_put_line(FILE *f, const char *class, double x1, double y1, double x2,
                    double y2);
// `anchor`: start, middle or end, where of the text x is.
void chart_put_label(FILE *f, double x, double y, const char *anchor, const char *class,
                     const char *text);

// Grid lines and numbers of a logarithmic axis at 1, and at 2 and 5 where there is
// room. `from` and `to` are where the lines begin and end on the other axis; `format`
// takes a double.
void chart_put_log_axis(FILE *f, const struct chart_scale *s, bool is_x, double from,
                        double to, const char *format);

#endif
