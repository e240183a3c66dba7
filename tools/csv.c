// SPDX-License-Identifier: MIT
//
// Each field but the first of a row begins with a comma; the caller looks for errors of
// the stream at the end. See csv.h.

#include "csv.h"

#include <math.h>

void csv_add_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', file);
        fputc(*text, file);
    }
    fputc('"', file);
}

void csv_add_name(FILE *file, const char *name, const char *suffix)
{
    fprintf(file, ",%s%s%s", name, *suffix ? "_" : "", suffix);
}

void csv_add_number(FILE *file, double value)
{
    if (isnan(value))
        fputc(',', file);
    else if (isinf(value))
        fputs(",inf", file);
    else
        fprintf(file, ",%.9g", value);
}

void csv_add_nan(FILE *file)
{
    fputs(",nan", file);
}

void csv_end_row(FILE *file)
{
    fputs("\r\n", file);
}
