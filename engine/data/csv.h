// SPDX-License-Identifier: MIT
//
// Tables in text files: records of fields with commas between them (RFC 4180). Lines
// may end in LF, CR LF or CR, a byte order mark of UTF-8 is passed over, and so are
// empty lines. A field that begins with a quotation mark ends with one, and two in a
// row stand for one in it; spaces belong to their field.

#ifndef DATA_CSV_H
#define DATA_CSV_H

#include "base/reason.h"

#include <stddef.h>

enum { CSV_MOST_FIELDS = 64 };

// The text is changed while it is read, and fields point into it.
struct csv {
    char *next;
    uint64_t line;    // of what is read next, from 1
};

struct csv_record {
    char *fields[CSV_MOST_FIELDS];    // each ends with 0
    size_t count;                     // 0: there are no more records
    uint64_t line;                    // where it begins
};

// Begins with a text of `size` bytes, behind which is a 0. False with the reason if it
// holds a 0 or is UTF-16.
bool csv_begin(struct csv *csv, char *text, size_t size, struct reason *reason);

// Reads a record. False with the reason, which names the line, where the text is
// malformed.
bool csv_next(struct csv *csv, struct csv_record *record, struct reason *reason);

#endif
