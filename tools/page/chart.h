// SPDX-License-Identifier: MIT
//
// Charts of a page: the data of each, which page.js draws with uPlot. The page ends in
// script_put_code.

#ifndef TOOLS_PAGE_CHART_H
#define TOOLS_PAGE_CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum chart_mark {
    CHART_CIRCLES,    // each as large as its size
    CHART_LINE,       // with points
    CHART_DASHES,     // a thin line without
    CHART_BARS,       // from the left edge; y is the number of a category
};

struct chart_axis {
    const char *label;
    bool is_logarithmic;
    double low, high;    // 0 and 0: what its points need
};

struct chart {
    FILE *file;
    bool has_category, has_series, has_point;    // written already
};

// `title` is the caption, and what is read out.
struct chart chart_begin(FILE *f, const char *title, const struct chart_axis *x,
                         const struct chart_axis *y);

// Names on the vertical axis from above, before the series.
void chart_put_category(struct chart *c, const char *name);

// `colour`: of those of the style, --g0 to --g7. Series of the same name have one entry
// in the legend; NULL: none.
void chart_begin_series(struct chart *c, const char *name, size_t colour,
                        enum chart_mark mark);
// `size` is from 0 to 1: the area of a circle, the height of a bar. `text` is shown
// where somebody points at it, `label` beside it; both may be NULL.
void chart_put_point(struct chart *c, double x, double y, double size, const char *text,
                     const char *label);
void chart_end_series(struct chart *c);

void chart_end(struct chart *c);

#endif
