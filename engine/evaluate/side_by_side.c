// SPDX-License-Identifier: MIT
//
// See side_by_side.h. Images of the folders are read when their row is drawn.

#include "evaluate/side_by_side.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/lettering.h"
#include "data/picture_file.h"
#include "data/stems.h"

#include <stdio.h>
#include <string.h>

#define ROWS_USUAL 12u
#define ROWS_PER_STACK 4u    // more rows are divided between two stacks
#define COLUMNS_MAX (BESIDE_MAX + SHEET_COLUMNS)

bool side_by_side_check(const struct pix_evaluate_options *o)
{
    const size_t columns = o->beside_count + SHEET_COLUMNS;
    if ((o->beside_count > 0 || o->headings) && !o->grid) {
        log_error("evaluate: --beside and --headings are for the picture that --grid "
                  "writes: name one");
        return false;
    }
    if (o->beside_count > BESIDE_MAX) {
        log_error("evaluate: --beside takes up to %u folders, not %zu", BESIDE_MAX,
                  o->beside_count);
        return false;
    }
    for (size_t i = 0; i < o->beside_count; i++)
        if (!o->beside[i][0]) {
            log_error(
                "evaluate: one of the folders of --beside has no name: there is a "
                "comma too many");
            return false;
        }
    if (!o->headings)
        return true;
    if (o->heading_count != columns) {
        log_error("evaluate: --headings has %zu texts and the grid %zu columns: input, "
                  "those of --beside, output, target",
                  o->heading_count, columns);
        return false;
    }
    for (size_t i = 0; i < columns; i++)
        if (!lettering_is_fine(o->headings[i])) {
            log_error("evaluate: --headings \"%s\" cannot be drawn: a heading has up "
                      "to %u letters of ASCII",
                      o->headings[i], LETTERING_LENGTH_MAX);
            return false;
        }
    return true;
}

// The image of a folder for a pair, which the caller frees with mem_free; NULL after a
// message.
static char *find_image(const struct listing *folder, const char *pair)
{
    const char *found = NULL;
    char *path = NULL;
    bool ok = true;
    char *key = stem_make_key(pair, false);
    for (size_t i = 0; ok && key && i < folder->pictures.count; i++) {
        const char *name = folder->pictures.names[i];
        char *own = stem_make_key(name, false);
        ok = own != NULL;
        if (ok && strcmp(own, key) == 0) {
            if (found) {
                log_error("evaluate: --beside %s has two images for the pair %s, %s "
                          "and %s: remove one",
                          folder->folder, pair, found, name);
                ok = false;
            }
            found = name;
        }
        mem_free(own);
    }
    if (ok && key && !found)
        log_error("evaluate: --beside %s has no image for the pair %s: it needs one of "
                  "that name, with any extension, for each pair in the grid",
                  folder->folder, pair);
    else if (ok && key)
        path = file_join(folder->folder, found);
    mem_free(key);
    return path;
}

// The last part of a folder's path, as far as it can be drawn. False without memory.
static bool name_folder(const char *path, char *name, size_t size)
{
    char *own = mem_strdup(path);
    if (!own)
        return false;
    size_t length = strlen(own);
    while (length > 1 && (own[length - 1] == '/' || own[length - 1] == '\\'))
        own[--length] = '\0';
    stem_escape(file_name(own), name, size);
    mem_free(own);
    return true;
}

static bool make_sheet(struct side_by_side *g, const struct pix_evaluate_options *o,
                       uint32_t rows, struct pix_size tile)
{
    char names[BESIDE_MAX][LETTERING_LENGTH_MAX + 1];
    const char *usual[COLUMNS_MAX] = { "input" };
    const struct sheet_layout layout = {
        .tile = tile,
        .rows = rows,
        .columns = g->beside_count + SHEET_COLUMNS,
        .stacks = rows > ROWS_PER_STACK ? 2 : 1,
        .headings = o->headings ? o->headings : usual,
    };
    for (uint32_t i = 0; i < g->beside_count; i++) {
        if (!name_folder(g->beside[i].folder, names[i], sizeof(names[i])))
            return false;
        usual[1 + i] = names[i];
    }
    usual[1 + g->beside_count] = "output";
    usual[2 + g->beside_count] = "target";
    return sheet_create(&g->sheet, &layout);
}

bool side_by_side_create(struct side_by_side *g, const struct pix_evaluate_options *o,
                         const struct pair_list *list, const struct settings *s)
{
    const uint32_t most = o->grid_rows > 0 ? o->grid_rows : ROWS_USUAL;
    const uint32_t rows = (uint32_t)MIN((uint64_t)most, (uint64_t)list->count);
    *g = (struct side_by_side){ .reading = s->reading, .range = s->output_range };
    bool ok = true;
    for (size_t i = 0; ok && i < o->beside_count; i++) {
        ok = listing_read(o->beside[i], picture_has_known_extension, &g->beside[i]);
        g->beside_count += ok;
    }
    ok = ok && make_sheet(g, o, rows, s->options.crop_size);
    if (!ok)
        side_by_side_free(g);
    return ok;
}

void side_by_side_free(struct side_by_side *g)
{
    for (uint32_t i = 0; i < g->beside_count; i++)
        listing_free(&g->beside[i]);
    sheet_free(&g->sheet);
    *g = (struct side_by_side){ 0 };
}

static bool add_beside(struct side_by_side *g, uint32_t index, const char *pair)
{
    const struct pix_size tile = g->sheet.tile;
    struct picture stored, resized;
    struct reason reason;
    char *path = find_image(&g->beside[index], pair);
    if (!path)
        return false;
    bool ok = picture_read_with(path, &g->reading, &stored, &reason);
    if (ok) {
        picture_set_range(&stored, g->range);
        ok = picture_resize(&stored, RESIZE_BICUBIC, tile.width, tile.height, &resized);
        picture_free(&stored);
        if (ok) {
            ok = sheet_paste(&g->sheet, g->used, 1 + index, &resized);
            picture_free(&resized);
        }
    } else {
        log_error("evaluate: %s: %s", path, reason.text);
    }
    mem_free(path);
    return ok;
}

bool side_by_side_add(struct side_by_side *g, const char *pair,
                      const struct picture *input, const struct picture *output,
                      const struct picture *target)
{
    const uint32_t n = g->beside_count;
    if (g->used >= g->sheet.rows)
        return true;
    for (uint32_t i = 0; i < n; i++)
        if (!add_beside(g, i, pair))
            return false;
    if (!sheet_paste(&g->sheet, g->used, SHEET_INPUT, input) ||
        !sheet_paste(&g->sheet, g->used, n + SHEET_OUTPUT, output) ||
        !sheet_paste(&g->sheet, g->used, n + SHEET_TARGET, target))
        return false;
    g->used++;
    return true;
}
