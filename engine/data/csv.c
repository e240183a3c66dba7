// SPDX-License-Identifier: MIT
//
// See csv.h. Debian's libcsv (3.0.3, of 2013, LGPL) does not say in which line an error
// is, which is what a user needs, and is longer than this to call.

#include "data/csv.h"

#include <inttypes.h>
#include <string.h>

bool csv_begin(struct csv *csv, char *text, size_t size, struct reason *reason)
{
    static const char mark[] = "\xef\xbb\xbf";
    if (size >= 2 &&
        (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
        return reason_refuse(reason, "is UTF-16 text: save it as UTF-8");
    if (strlen(text) != size)
        return reason_refuse(reason, "is not a text: it holds a byte 0");
    const bool has_mark = strncmp(text, mark, strlen(mark)) == 0;
    *csv = (struct csv){ text + (has_mark ? strlen(mark) : 0), 1 };
    return true;
}

// Passes the end of a line, if there is one.
static bool take_line_end(struct csv *csv)
{
    if (*csv->next != '\r' && *csv->next != '\n')
        return false;
    csv->next += csv->next[0] == '\r' && csv->next[1] == '\n' ? 2 : 1;
    csv->line++;
    return true;
}

static bool take_quoted(struct csv *csv, char **field, char **end,
                        struct reason *reason)
{
    const uint64_t line = csv->line;
    char *to = *field = ++csv->next;
    for (;;) {
        if (csv->next[0] == '"' && csv->next[1] == '"') {
            csv->next++;
        } else if (csv->next[0] == '"') {
            break;
        } else if (csv->next[0] == '\0') {
            return reason_refuse(
                reason, "has a quotation mark in line %" PRIu64 " that is never closed",
                line);
        } else if (csv->next[0] == '\n' ||
                   (csv->next[0] == '\r' && csv->next[1] != '\n')) {
            csv->line++;
        }
        *to++ = *csv->next++;
    }
    csv->next++;
    *end = to;
    if (!*csv->next || strchr(",\r\n", *csv->next))
        return true;
    return reason_refuse(reason,
                         "has text behind a closing quotation mark in line %" PRIu64
                         ": two in a row stand for one in a field",
                         csv->line);
}

static bool take_plain(struct csv *csv, char **field, char **end, struct reason *reason)
{
    *field = csv->next;
    csv->next += strcspn(csv->next, ",\r\n\"");
    *end = csv->next;
    if (*csv->next != '"')
        return true;
    return reason_refuse(reason,
                         "has a quotation mark inside a field in line %" PRIu64
                         ": put the whole field in quotation marks, and two for each "
                         "one in it",
                         csv->line);
}

bool csv_next(struct csv *csv, struct csv_record *r, struct reason *reason)
{
    while (take_line_end(csv)) {
    }
    r->count = 0;
    r->line = csv->line;
    bool more = *csv->next != '\0';
    while (more) {
        char *field, *end = NULL;
        if (r->count == CSV_MOST_FIELDS)
            return reason_refuse(reason, "has more than %d columns in line %" PRIu64,
                                 CSV_MOST_FIELDS, csv->line);
        if (!(*csv->next == '"' ? take_quoted(csv, &field, &end, reason)
                                : take_plain(csv, &field, &end, reason)))
            return false;
        r->fields[r->count++] = field;
        more = *csv->next == ',';
        if (more)
            csv->next++;
        else
            take_line_end(csv);
        *end = '\0';    // the comma or the end of the line has been passed
    }
    return true;
}
