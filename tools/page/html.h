// SPDX-License-Identifier: MIT
//
// Text, numbers and the frame of an HTML page: one file, without anything loaded from
// elsewhere. Errors of writing stay with the stream: whoever
// opened it checks it when the page is complete.

#ifndef TOOLS_PAGE_HTML_H
#define TOOLS_PAGE_HTML_H

#include "output.h"

#include <stdio.h>

// Everything up to and including the heading of the first level, which is `title`,
// foreign text. The style is page.css and that of uPlot.
void html_begin_page(FILE *f, const char *title);
void html_end_page(FILE *f);

// Markup, as it is.
void html_put(FILE *f, const char *format, ...) OUTPUT_PRINTF(2, 3);

// Foreign text, escaped: harmless inside elements and attributes.
void html_put_text(FILE *f, const char *text);

// Three digits in the unit that fits, "12.3 ms", "4.56 TFLOP/s"; `text` has room for
// 32 characters and is returned. `giga` counts 1e9 of `unit`.
const char *html_format_seconds(double seconds, char text[32]);
const char *html_format_rate(double giga, const char *unit, char text[32]);

#endif
