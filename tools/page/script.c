// SPDX-License-Identifier: MIT
//
// In JSON a '<' can only be inside a string, where \u003c means the same and ends no
// element. See script.h.

#include "page/script.h"

#include "page/assets.h"

#include <math.h>
#include <string.h>

void script_begin_data(FILE *f, const char *id)
{
    fprintf(f, "<script type=\"application/json\" id=\"%s\">", id);
}

void script_end_data(FILE *f)
{
    fputs("</script>\n", f);
}

void script_put_text(FILE *f, const char *text)
{
    if (!text) {
        fputs("null", f);
        return;
    }
    fputc('"', f);
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(f, "\\%c", c);
        else if (c < 0x20 || c == 0x7f || c == '<')
            fprintf(f, "\\u%04x", c);
        else
            fputc(c, f);
    }
    fputc('"', f);
}

void script_put_number(FILE *f, double value)
{
    if (isfinite(value))
        fprintf(f, "%.6g", value);
    else
        fputs("null", f);
}

void script_put_json(FILE *f, const char *json, size_t size)
{
    const char *const end = json + size;
    while (json < end) {
        const char *found = memchr(json, '<', (size_t)(end - json));
        const char *stop = found ? found : end;
        fwrite(json, 1, (size_t)(stop - json), f);
        if (found)
            fputs("\\u003c", f);
        json = found ? found + 1 : end;
    }
}

static void put_asset(FILE *f, const struct asset *a)
{
    fwrite(a->bytes, 1, a->size, f);
}

void script_put_code(FILE *f)
{
    fputs("<script>\n/*! uPlot\n\n", f);
    put_asset(f, &asset_uplot_licence);
    fputs("\n*/\n", f);
    put_asset(f, &asset_uplot);
    fputs("\n</script>\n<script>\n", f);
    put_asset(f, &asset_script);
    fputs("</script>\n", f);
}
