// SPDX-License-Identifier: MIT
//
// What every page is made of. See html.h.

#include "page/html.h"

#include <stdarg.h>

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

void html_begin_page(FILE *f, const char *title)
{
    html_put(f,
             "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width\">\n"
             "<title>%s</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>%s</h1>\n",
             title, style, title);
}

void html_end_page(FILE *f)
{
    html_put(f, "</body>\n</html>\n");
}
