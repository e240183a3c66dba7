// SPDX-License-Identifier: MIT
//
// See chart.h.

#include "page/chart.h"

#include "page/html.h"
#include "page/script.h"

static void put_axis(FILE *f, const char *name, const struct chart_axis *a)
{
    html_put(f, "\"%s\":{\"label\":", name);
    script_put_text(f, a->label);
    html_put(f, ",\"log\":%s", a->is_logarithmic ? "true" : "false");
    if (a->low != 0 || a->high != 0) {
        html_put(f, ",\"low\":");
        script_put_number(f, a->low);
        html_put(f, ",\"high\":");
        script_put_number(f, a->high);
    }
    html_put(f, "},");
}

struct chart chart_begin(FILE *f, const char *title, const struct chart_axis *x,
                         const struct chart_axis *y)
{
    html_put(f, "<figure class=\"chart drawn\"><figcaption>");
    html_put_text(f, title);
    html_put(f, "</figcaption>\n<script type=\"application/json\">{");
    put_axis(f, "x", x);
    put_axis(f, "y", y);
    html_put(f, "\"categories\":[");
    return (struct chart){ .file = f };
}

void chart_put_category(struct chart *c, const char *name)
{
    html_put(c->file, c->has_category ? "," : "");
    script_put_text(c->file, name);
    c->has_category = true;
}

void chart_begin_series(struct chart *c, const char *name, size_t colour,
                        enum chart_mark mark)
{
    static const char *const marks[] = { "circles", "line", "dashes", "bars" };
    html_put(c->file, "%s\n{\"name\":", c->has_series ? "," : "],\"series\":[");
    script_put_text(c->file, name);
    html_put(c->file, ",\"colour\":\"--g%zu\",\"mark\":\"%s\",\"points\":[", colour,
             marks[mark]);
    c->has_series = true;
    c->has_point = false;
}

void chart_put_point(struct chart *c, double x, double y, double size, const char *text,
                     const char *label)
{
    const double numbers[] = { x, y, size };
    html_put(c->file, c->has_point ? ",\n[" : "\n[");
    for (size_t i = 0; i < 3; i++) {
        script_put_number(c->file, numbers[i]);
        html_put(c->file, ",");
    }
    script_put_text(c->file, text);
    html_put(c->file, ",");
    script_put_text(c->file, label);
    html_put(c->file, "]");
    c->has_point = true;
}

void chart_end_series(struct chart *c)
{
    html_put(c->file, "]}");
}

void chart_end(struct chart *c)
{
    html_put(c->file, "%s]}</script></figure>\n",
             c->has_series ? "" : "],\"series\":[");
}
