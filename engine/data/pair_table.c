// SPDX-License-Identifier: MIT
//
// See pair_table.h.

#include "data/pair_table.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/csv.h"
#include "data/picture_file.h"

#include <inttypes.h>
#include <string.h>

// Of a file that describes ten million pairs by a hundred bytes each.
#define TABLE_LIMIT ((uint64_t)1 << 30)

enum { COLUMN_INPUT, COLUMN_TARGET, COLUMN_SPLIT, COLUMNS };

static const char *const column_names[COLUMNS] = { "input", "target", "split" };

struct reader {
    const char *path;
    enum data_files files;
    bool quiet;
    size_t folder_length;    // of the path, with the separator behind it
    // Which field has a column; CSV_MOST_FIELDS: none.
    size_t columns[COLUMNS];
    size_t count;    // fields of a record
    size_t capacity, row_capacity;
    struct pair_table *table;
};

void pair_table_free(struct pair_table *table)
{
    pair_list_free(&table->pairs);
    mem_free(table->rows);
    *table = (struct pair_table){ 0 };
}

static bool equals_folded(const char *a, size_t length, const char *lower)
{
    for (size_t i = 0; i < length; i++)
        if ((a[i] >= 'A' && a[i] <= 'Z' ? a[i] - 'A' + 'a' : a[i]) != lower[i])
            return false;    // also behind its end
    return !lower[length];
}

static bool is_absolute(const char *path)
{
#ifdef _WIN32
    if (path[0] == '\\' || (path[0] && path[1] == ':'))
        return true;
#endif
    return path[0] == '/';
}

// ---------------------------------------------------------------------------
// Columns

// A column whose name is one of ours but for spaces around it; NULL: none is.
static const char *find_spaced(const struct csv_record *record)
{
    static const char spaces[] = " \t";
    for (size_t i = 0; i < record->count; i++) {
        const char *field = record->fields[i], *begin = field + strspn(field, spaces);
        size_t length = strlen(begin);
        while (length > 0 && strchr(spaces, begin[length - 1]))
            length--;
        for (int c = 0; c < COLUMNS; c++)
            if (length < strlen(field) && equals_folded(begin, length, column_names[c]))
                return field;
    }
    return NULL;
}

// Whether a record names columns; then takes their places.
static bool take_header(struct reader *r, const struct csv_record *record)
{
    const char *unused = NULL;
    size_t found[COLUMNS] = { CSV_MOST_FIELDS, CSV_MOST_FIELDS, CSV_MOST_FIELDS };
    for (size_t i = 0; i < record->count; i++) {
        int column = 0;
        while (column < COLUMNS &&
               !equals_folded(record->fields[i], strlen(record->fields[i]),
                              column_names[column]))
            column++;
        if (column < COLUMNS && found[column] == CSV_MOST_FIELDS)
            found[column] = i;
        else if (!unused)
            unused = record->fields[i];
    }
    if (found[COLUMN_INPUT] == CSV_MOST_FIELDS)
        return false;
    memcpy(r->columns, found, sizeof(found));
    if (unused && !r->quiet)
        log_info("dataset: of %s the columns input, target and split are used, others "
                 "are not (first: %s)",
                 r->path, unused);
    return true;
}

static bool take_columns(struct reader *r, const struct csv_record *first,
                         bool *is_header)
{
    const char *spaced = find_spaced(first);
    r->count = first->count;
    if (spaced) {
        log_error(
            "dataset: the first line of %s has the column \"%s\" with spaces, which "
            "are part of its name: remove them, there and in the lines below",
            r->path, spaced);
        return false;
    }
    *is_header = take_header(r, first);
    if (!*is_header && first->count > COLUMNS) {
        log_error("dataset: %s has %zu columns and no header: name those that are used "
                  "input, target and split in the first line",
                  r->path, first->count);
        return false;
    }
    for (size_t i = 0; !*is_header && i < COLUMNS; i++)
        r->columns[i] = i < first->count ? i : CSV_MOST_FIELDS;
    if (r->files == DATA_IMAGES && r->columns[COLUMN_TARGET] < CSV_MOST_FIELDS) {
        r->columns[COLUMN_TARGET] = CSV_MOST_FIELDS;
        if (!r->quiet)
            log_info("dataset: the targets in %s are not used: the task makes both "
                     "sides of each input",
                     r->path);
    }
    return true;
}

// ---------------------------------------------------------------------------
// Rows

static const char *field_of(const struct reader *r, const struct csv_record *record,
                            int column)
{
    const size_t i = r->columns[column];
    return i < record->count ? record->fields[i] : "";
}

static char *make_path(const struct reader *r, const char *name)
{
    return is_absolute(name)
               ? mem_strdup(name)
               : mem_printf("%.*s%s", (int)r->folder_length, r->path, name);
}

static bool refuse_field(const struct reader *r, uint64_t line, const char *what,
                         const char *text)
{
    log_error("dataset: line %" PRIu64 " of %s %s%s%s", line, r->path, what,
              text ? ": " : "", text ? text : "");
    return false;
}

// Most likely another program's idea of a CSV file.
static const char *separator_hint(const char *field)
{
    return strchr(field, ';')    ? " (columns are separated by commas, not by ;)"
           : strchr(field, '\t') ? " (columns are separated by commas, not by tabs)"
                                 : "";
}

static bool check_name(const struct reader *r, uint64_t line, const char *column,
                       const char *name)
{
    if (!*name) {
        log_error("dataset: line %" PRIu64 " of %s has no %s", line, r->path, column);
        return false;
    }
    if (picture_has_known_extension(name))
        return true;
    log_error("dataset: line %" PRIu64 " of %s names the %s \"%s\", whose extension is "
              "not read%s; " PICTURE_EXTENSIONS " are",
              line, r->path, column, name, separator_hint(name));
    return false;
}

static bool add_row(struct reader *r, const struct csv_record *record)
{
    struct pair_list *list = &r->table->pairs;
    const char *input = field_of(r, record, COLUMN_INPUT);
    const char *target = field_of(r, record, COLUMN_TARGET);
    const char *split = field_of(r, record, COLUMN_SPLIT);
    const bool has_target = r->columns[COLUMN_TARGET] < CSV_MOST_FIELDS;
    struct pair_row row = { record->line, SPLIT_COUNT };
    if (record->count != r->count) {
        log_error("dataset: line %" PRIu64 " of %s has %zu column%s and not the %zu of "
                  "the first one%s",
                  record->line, r->path, record->count, PLURAL(record->count), r->count,
                  separator_hint(record->fields[0]));
        return false;
    }
    if (!check_name(r, record->line, "input", input) ||
        (has_target && !check_name(r, record->line, "target", target)))
        return false;
    if (*split && !split_find(split, &row.split))
        return refuse_field(r, record->line,
                            "has a split other than train, val and test", split);
    if (!mem_grow(&list->files, &r->capacity, list->count + 1, sizeof(*list->files)) ||
        !mem_grow(&r->table->rows, &r->row_capacity, list->count + 1, sizeof(row)))
        return false;
    r->table->rows[list->count] = row;
    struct pair_file *file = &list->files[list->count++];
    *file = (struct pair_file){
        .name = mem_strdup(input),
        .a = make_path(r, input),
        .b = has_target ? make_path(r, target) : NULL,
    };
    return file->name && file->a && (!has_target || file->b);
}

static bool read_rows(struct reader *r, char *text, size_t size)
{
    struct csv csv;
    struct csv_record record;
    struct reason reason;
    bool is_header = false;
    if (!csv_begin(&csv, text, size, &reason))
        goto malformed;
    for (bool is_first = true;; is_first = false) {
        if (!csv_next(&csv, &record, &reason))
            goto malformed;
        if (record.count == 0)
            break;
        if (is_first && !take_columns(r, &record, &is_header))
            return false;
        if (!(is_first && is_header) && !add_row(r, &record))
            return false;
    }
    if (r->table->pairs.count > 0)
        return true;
    log_error("dataset: %s lists no pairs: it should have lines \"input,target\" or "
              "\"input,target,split\"",
              r->path);
    return false;

malformed:
    log_error("dataset: %s %s", r->path, reason.text);
    return false;
}

bool pair_table_read(const char *path, enum data_files files, bool quiet,
                     struct pair_table *table)
{
    struct reader r = { path, files, quiet,
                        .folder_length = (size_t)(file_name(path) - path),
                        .table = table };
    struct reason reason;
    void *text;
    size_t size;
    *table = (struct pair_table){ .pairs.folder = mem_strdup(path) };
    if (!table->pairs.folder)
        return false;
    bool ok = file_load(path, TABLE_LIMIT, &text, &size, &reason);
    if (!ok)
        log_error("dataset: the list of pairs %s cannot be read: %s", path,
                  reason.text);
    if (ok) {
        ok = read_rows(&r, text, size);
        mem_free(text);
    }
    if (!ok)
        pair_table_free(table);
    return ok;
}
