// SPDX-License-Identifier: MIT
//
// What every page is made of. See html.h.

#include "page/html.h"

#include "page/assets.h"

#include <stdarg.h>

void html_put(FILE *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(f, format, args);
    va_end(args);
}

void html_put_text(FILE *f, const char *text)
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
            // HTML forbids control characters.
            fputc((unsigned char)*text < 0x20 ? ' ' : *text, f);
        }
    }
}

const char *html_format_seconds(double seconds, char text[32])
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

const char *html_format_rate(double giga, const char *unit, char text[32])
{
    if (giga >= 1000)
        snprintf(text, 32, "%.3g T%s", giga / 1000, unit);
    else
        snprintf(text, 32, "%.3g G%s", giga, unit);
    return text;
}

// The policy makes a browser load nothing, whatever the page has in it.
void html_begin_page(FILE *f, const char *title)
{
    html_put(f, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                "<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width\">\n"
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
                "'none'; img-src data:; style-src 'unsafe-inline'; script-src "
                "'unsafe-inline'\">\n<title>");
    html_put_text(f, title);
    html_put(f, "</title>\n<style>\n");
    fwrite(asset_uplot_style.bytes, 1, asset_uplot_style.size, f);
    html_put(f, "\n");
    fwrite(asset_style.bytes, 1, asset_style.size, f);
    html_put(f, "</style>\n</head>\n<body>\n<h1>");
    html_put_text(f, title);
    html_put(f, "</h1>\n");
}

void html_end_page(FILE *f)
{
    html_put(f, "</body>\n</html>\n");
}
