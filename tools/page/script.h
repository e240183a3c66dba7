// SPDX-License-Identifier: MIT
//
// Data and code of a page that draws itself: JSON that the page's script reads, the
// script, and uPlot with its licence. Errors of writing stay with the stream, as in
// html.h.

#ifndef TOOLS_PAGE_SCRIPT_H
#define TOOLS_PAGE_SCRIPT_H

#include <stddef.h>
#include <stdio.h>

// What is between the two is one JSON document; `id` is an identifier.
void script_begin_data(FILE *f, const char *id);
void script_end_data(FILE *f);

// Foreign text as a JSON string: harmless inside an element, whatever it has in it.
// NULL gives null.
void script_put_text(FILE *f, const char *text);
// Six digits; what is not finite is null.
void script_put_number(FILE *f, double value);
// JSON that was written elsewhere.
void script_put_json(FILE *f, const char *json, size_t size);

// The code of the page, which begins when the document is there.
void script_put_code(FILE *f);

#endif
