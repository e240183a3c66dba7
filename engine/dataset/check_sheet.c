// SPDX-License-Identifier: MIT
//
// The contact sheet of findings: images are read again, since only features were kept.
// See check_inside.h.

#include "dataset/check_inside.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/lettering.h"
#include "data/sheet.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TILE = 128, MOST_ROWS = 64, BACKGROUND = 96 };

// The picture fitted into a tile of RGB, on grey.
static bool make_tile(const struct picture *p, struct picture *tile)
{
    const uint32_t longest = MAX(p->width, p->height);
    const uint32_t width = MAX(p->width * (uint64_t)TILE / longest, (uint64_t)1);
    const uint32_t height = MAX(p->height * (uint64_t)TILE / longest, (uint64_t)1);
    struct picture small, rgb;
    if (!picture_resize(p, RESIZE_AREA, width, height, &small))
        return false;
    bool ok = picture_create(&rgb, PIXEL_U8, 3, width, height);
    uint8_t *bytes = ok ? picture_interleave(&rgb) : NULL;
    ok = ok && bytes && picture_create(tile, PIXEL_U8, 3, TILE, TILE);
    if (ok) {
        uint8_t *to = tile->samples;
        const uint32_t left = (TILE - width) / 2, top = (TILE - height) / 2;
        picture_get_rgb(&small, bytes);
        memset(to, BACKGROUND, picture_bytes(tile));
        for (uint32_t y = 0; y < height; y++)
            for (uint32_t x = 0; x < width; x++)
                for (uint32_t k = 0; k < 3; k++)
                    to[((size_t)k * TILE + top + y) * TILE + left + x] =
                        bytes[((size_t)y * width + x) * 3 + k];
    }
    mem_free(bytes);
    picture_free(&rgb);
    picture_free(&small);
    return ok;
}

static bool paste(struct sheet *sheet, uint32_t row, uint32_t column,
                  const struct picture *p)
{
    struct picture tile;
    if (!p->samples)
        return true;
    if (!make_tile(p, &tile))
        return false;
    const bool ok = sheet_paste(sheet, row, column, &tile);
    picture_free(&tile);
    return ok;
}

// A pair from a column on. One that can no longer be read leaves its place empty.
static bool draw_pair(const struct check *c, struct sheet *sheet, uint32_t row,
                      uint32_t column, size_t item)
{
    struct picture a, b;
    const char *culprit;
    struct reason reason;
    if (!survey_read(&c->survey, item, &a, &b, &culprit, &reason)) {
        log_warn("dataset: %s is not on the sheet: %s", culprit, reason.text);
        return true;
    }
    const bool ok = paste(sheet, row, column, &a) && paste(sheet, row, column + 1, &b);
    picture_free(&a);
    picture_free(&b);
    return ok;
}

// Rows for findings about images that can be read. Those about the same pairs share
// one.
static uint32_t assign_rows(struct check *c, struct found *rows[MOST_ROWS])
{
    uint32_t count = 0;
    for (size_t i = 0; i < c->findings.count; i++) {
        struct found *f = &c->findings.list[i];
        if (f->item == FOUND_NONE || !c->entries[f->item].is_read)
            continue;
        uint32_t row = 0;
        while (row < count &&
               (rows[row]->item != f->item || rows[row]->other != f->other))
            row++;
        if (row == MOST_ROWS)
            continue;
        if (row == count)
            rows[count++] = f;
        f->finding.row = row + 1;
    }
    return count;
}

// What a row is about: "3 duplicate".
static void letter_row(struct sheet *sheet, uint32_t row, const struct found *f)
{
    char text[LETTERING_LENGTH_MAX + 1];
    snprintf(text, sizeof(text), "%" PRIu32 " %s", row + 1,
             finding_name(f->finding.kind));
    sheet_letter(sheet, row, 0, text);
}

bool check_draw(struct check *c, const char *path)
{
    static const char *const of_pairs[] = { "A", "B", "A it is like", "B it is like" };
    static const char *const of_singles[] = { "image", "it is like" };
    const bool is_single = check_is_of_singles(c);
    const uint32_t sides = is_single ? 1 : 2;
    struct found *rows[MOST_ROWS];
    const uint32_t count = assign_rows(c, rows);
    struct sheet sheet;
    bool has_others = false;
    if (count == 0) {
        log_info("dataset: nothing was found that can be shown: %s is not written",
                 path);
        return true;
    }
    for (uint32_t i = 0; i < count; i++)
        has_others |= rows[i]->other != FOUND_NONE;
    const struct sheet_layout layout = {
        .tile = { TILE, TILE },
        .rows = count,
        .columns = has_others ? 2 * sides : sides,
        .stacks = count > 8 ? 2 : 1,
        .headings = is_single ? of_singles : of_pairs,
    };
    bool ok = sheet_create(&sheet, &layout);
    for (uint32_t i = 0; ok && i < count; i++) {
        ok = draw_pair(c, &sheet, i, 0, rows[i]->item) &&
             (rows[i]->other == FOUND_NONE ||
              draw_pair(c, &sheet, i, sides, rows[i]->other));
        if (ok)
            letter_row(&sheet, i, rows[i]);
    }
    ok = ok && sheet_write(&sheet, path);
    for (size_t i = 0; !ok && i < c->findings.count; i++)
        c->findings.list[i].finding.row = 0;
    sheet_free(&sheet);
    return ok;
}
