// SPDX-License-Identifier: MIT
//
// Mean absolute error of a model on pairs, beside two baselines that any model has to
// beat: the input itself, and the mean colour of the training targets.

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/image.h"
#include "train/pipeline.h"
#include "train/translator.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// From steps of 8-bit pixels to [-1, 1].
#define PIXEL_UNIT 127.5

// The picture: rows of input | output | target. Small tiles are enlarged by a whole
// factor, many rows stand in two columns, so that a person can look at it at once.
#define GRID_TILES 3u
#define GRID_LONG 4u    // more rows are too many for one column
#define GRID_GAP 8u     // between the columns, pixels

struct pair {
    struct pix_image input, target;
};

static void pair_free(struct pair *pair)
{
    image_free(&pair->input);
    image_free(&pair->target);
    *pair = (struct pair){ 0 };
}

// Both halves at side x side. With a `reason` a file that can not be read is no error.
static bool pair_read(const char *path, bool swap, uint32_t side, struct pair *pair,
                      char *reason, size_t reason_size)
{
    struct pix_image whole = { 0 }, a = { 0 }, b = { 0 };
    *pair = (struct pair){ 0 };
    bool ok = image_read(path, &whole, reason, reason_size);
    if (ok && whole.width < 2) {
        ok = false;
        if (reason)
            snprintf(reason, reason_size, "is too narrow for a pair");
        else
            log_error("evaluate: %s is too narrow for a pair", path);
    }
    ok = ok && image_split(&whole, &a, &b) &&
         image_resize(swap ? &b : &a, side, side, &pair->input) &&
         image_resize(swap ? &a : &b, side, side, &pair->target);
    image_free(&a);
    image_free(&b);
    image_free(&whole);
    if (!ok)
        pair_free(pair);
    return ok;
}

// Images of DATA/split. Caller frees *folder and the list.
static bool find_split(const char *data, const char *split, char **folder,
                       struct file_list *list)
{
    *list = (struct file_list){ 0 };
    *folder = file_join(data, split);
    if (!*folder)
        return false;
    if (!file_is_folder(*folder)) {
        log_error("evaluate: there is no folder %s", *folder);
        goto fail;
    }
    if (!file_list_read(*folder, list))
        goto fail;
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (image_has_known_extension(list->names[i]))
            list->names[count++] = list->names[i];
        else
            mem_free(list->names[i]);
    }
    list->count = count;
    if (count == 0) {
        log_error("evaluate: %s holds no images (.png .jpg .jpeg .bmp .tga)", *folder);
        goto fail;
    }
    return true;

fail:
    file_list_free(list);
    mem_free(*folder);
    *folder = NULL;
    return false;
}

static double difference(const struct pix_image *x, const struct pix_image *y)
{
    size_t count = (size_t)x->width * x->height * 3;
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        int d = (int)x->pixels[i] - (int)y->pixels[i];
        sum += (uint64_t)(d < 0 ? -d : d);
    }
    return (double)sum / (double)count / PIXEL_UNIT;
}

static double difference_to_colour(const struct pix_image *x, const double colour[3])
{
    size_t count = (size_t)x->width * x->height;
    double sum = 0;
    for (size_t i = 0; i < count * 3; i++)
        sum += fabs((double)x->pixels[i] - colour[i % 3]);
    return sum / (double)(count * 3) / PIXEL_UNIT;
}

// Mean colour of the targets of DATA/train; broken images are left out, as in training.
static bool mean_colour(const char *data, bool swap, uint32_t side, double colour[3])
{
    char reason[160], *folder;
    struct file_list list;
    uint64_t used = 0;
    double sum[3] = { 0 };
    if (!find_split(data, "train", &folder, &list))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        struct pair pair;
        char *path = file_join(folder, list.names[i]);
        if (!path || !pair_read(path, swap, side, &pair, reason, sizeof(reason))) {
            mem_free(path);
            continue;
        }
        uint64_t part[3] = { 0 };
        for (size_t p = 0; p < (size_t)side * side * 3; p++)
            part[p % 3] += pair.target.pixels[p];
        for (int c = 0; c < 3; c++)
            sum[c] += (double)part[c];
        used++;
        pair_free(&pair);
        mem_free(path);
    }
    for (int c = 0; c < 3; c++)
        colour[c] = sum[c] / ((double)used * side * side);
    if (used == 0)
        log_error("evaluate: no image in %s can be read", folder);
    file_list_free(&list);
    mem_free(folder);
    return used > 0;
}

struct grid {
    struct pix_image picture;
    uint32_t side, factor;    // of a tile: side in the model, enlargement
    uint32_t rows, in_column;
};

static bool grid_create(struct grid *grid, uint32_t side, uint32_t rows)
{
    uint32_t columns = rows > GRID_LONG ? 2 : 1;
    *grid = (struct grid){
        .side = side,
        .factor = image_enlargement(side),
        .rows = rows,
        .in_column = DIV_UP(rows, columns),
    };
    uint32_t tile = side * grid->factor;
    return image_create(&grid->picture,
                        columns * GRID_TILES * tile + (columns - 1) * GRID_GAP,
                        grid->in_column * tile);
}

static void grid_paste(struct grid *grid, uint32_t row, const struct pair *pair,
                       const struct pix_image *output)
{
    uint32_t tile = grid->side * grid->factor;
    uint32_t x = row / grid->in_column * (GRID_TILES * tile + GRID_GAP);
    uint32_t y = row % grid->in_column * tile;
    const struct pix_image *const tiles[] = { &pair->input, output, &pair->target };
    for (uint32_t i = 0; i < GRID_TILES; i++)
        image_paste(&grid->picture, tiles[i], x + i * tile, y, grid->factor);
}

// A pair on its way through the pipeline.
struct record {
    struct pair pair;
    struct pix_image output;
    double l1, l1_copy, l1_mean_colour;
};

struct evaluation {
    const char *folder;
    const struct file_list *list;
    bool swap;
    uint32_t side;
    double colour[3];
    struct record **records;    // of pairs on their way, by index
    struct grid *grid;          // NULL: none
    struct pix_evaluation sum;
    bool failed;
};

static void record_free(struct record *r)
{
    if (!r)
        return;
    pair_free(&r->pair);
    image_free(&r->output);
    mem_free(r);
}

static bool load_pair(void *user, size_t index, struct pix_image *image)
{
    struct evaluation *e = user;
    struct record *r = mem_zalloc(sizeof(*r));
    char *path = r ? file_join(e->folder, e->list->names[index]) : NULL;
    bool ok = path && pair_read(path, e->swap, e->side, &r->pair, NULL, 0) &&
              image_create(image, e->side, e->side);
    mem_free(path);
    if (!ok) {
        record_free(r);
        return false;
    }
    memcpy(image->pixels, r->pair.input.pixels, (size_t)e->side * e->side * 3);
    e->records[index] = r;
    return true;
}

static bool compare_pair(void *user, size_t index, struct pix_image *image)
{
    struct evaluation *e = user;
    struct record *r = e->records[index];
    r->output = *image;
    *image = (struct pix_image){ 0 };
    r->l1 = difference(&r->output, &r->pair.target);
    r->l1_copy = difference(&r->pair.input, &r->pair.target);
    r->l1_mean_colour = difference_to_colour(&r->pair.target, e->colour);
    return true;
}

// In order, so that the sums are the same in every run.
static bool add_pair(void *user, size_t index, enum pix_translate_result result)
{
    struct evaluation *e = user;
    struct record *r = e->records[index];
    if (result == PIX_TRANSLATE_DONE) {
        e->sum.l1 += r->l1;
        e->sum.l1_copy += r->l1_copy;
        e->sum.l1_mean_colour += r->l1_mean_colour;
        if (e->grid && e->sum.pairs < e->grid->rows)
            grid_paste(e->grid, e->sum.pairs, &r->pair, &r->output);
        e->sum.pairs++;
    } else if (result == PIX_TRANSLATE_NOT_READ) {
        e->sum.broken++;
    } else {
        e->failed = true;
    }
    record_free(r);
    e->records[index] = NULL;
    return !e->failed;
}

bool evaluate(struct translator *t, const char *data, const char *split,
              const char *grid_path, uint32_t grid_rows, struct pix_evaluation *out)
{
    const struct pix_train_options *o = translator_get_options(t);
    struct file_list list = { 0 };
    struct grid grid = { 0 };
    struct evaluation e = {
        .list = &list,
        .swap = strcmp(o->direction, "BtoA") == 0,
        .side = translator_size(t),
    };
    const struct pipeline_ends ends = { load_pair, compare_pair, add_pair, &e, 0 };
    char *folder = NULL;
    bool ok = false;

    if (!find_split(data, split, &folder, &list) ||
        !mean_colour(data, e.swap, e.side, e.colour))
        goto end;
    uint32_t rows =
        grid_path ? (uint32_t)MIN((uint64_t)grid_rows, (uint64_t)list.count) : 0;
    if (rows && !grid_create(&grid, e.side, rows))
        goto end;
    e.grid = rows ? &grid : NULL;
    e.folder = folder;
    e.records = mem_array(list.count, sizeof(e.records[0]));
    if (!e.records)
        goto end;
    pipeline_run(t, translator_threads(t), list.count, &ends);
    // Where it could not even begin, no pair was told of.
    if (e.failed || (uint64_t)e.sum.pairs + e.sum.broken < list.count)
        goto end;
    if (e.sum.pairs == 0) {
        log_error("evaluate: no image in %s can be read", folder);
        goto end;
    }
    if (rows && !image_write(grid_path, &grid.picture))
        goto end;
    *out = (struct pix_evaluation){
        .pairs = e.sum.pairs,
        .broken = e.sum.broken,
        .l1 = e.sum.l1 / e.sum.pairs,
        .l1_copy = e.sum.l1_copy / e.sum.pairs,
        .l1_mean_colour = e.sum.l1_mean_colour / e.sum.pairs,
    };
    ok = true;

end:
    for (size_t i = 0; e.records && i < list.count; i++)
        record_free(e.records[i]);
    mem_free(e.records);
    image_free(&grid.picture);
    file_list_free(&list);
    mem_free(folder);
    return ok;
}
