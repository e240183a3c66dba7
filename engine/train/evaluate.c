// SPDX-License-Identifier: MIT
//
// Mean absolute error of a model on pairs, beside two baselines that any model has to
// beat: the input itself, and the mean colour of the training targets.

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/image.h"
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

bool evaluate(struct translator *t, const char *data, const char *split,
              const char *grid_path, uint32_t grid_rows, struct pix_evaluation *out)
{
    const struct pix_train_options *o = translator_get_options(t);
    bool swap = strcmp(o->direction, "BtoA") == 0;
    uint32_t side = translator_size(t);
    struct pix_evaluation sum = { 0 };
    struct grid grid = { 0 };
    struct pix_image output = { 0 };
    struct pair pair = { 0 };
    struct file_list list = { 0 };
    char *folder = NULL, *path = NULL;
    double colour[3];
    bool ok = false;

    if (!find_split(data, split, &folder, &list) ||
        !mean_colour(data, swap, side, colour))
        goto fail;
    uint32_t rows =
        grid_path ? (uint32_t)MIN((uint64_t)grid_rows, (uint64_t)list.count) : 0;
    if (rows && !grid_create(&grid, side, rows))
        goto fail;
    for (size_t i = 0; i < list.count; i++) {
        path = file_join(folder, list.names[i]);
        if (!path || !pair_read(path, swap, side, &pair, NULL, 0) ||
            !translator_run(t, &pair.input, &output))
            goto fail;
        sum.l1 += difference(&output, &pair.target);
        sum.l1_copy += difference(&pair.input, &pair.target);
        sum.l1_mean_colour += difference_to_colour(&pair.target, colour);
        sum.pairs++;
        if (i < rows)
            grid_paste(&grid, (uint32_t)i, &pair, &output);
        image_free(&output);
        pair_free(&pair);
        mem_free(path);
        output = (struct pix_image){ 0 };
        path = NULL;
    }
    if (rows && !image_write(grid_path, &grid.picture))
        goto fail;
    *out = (struct pix_evaluation){
        .pairs = sum.pairs,
        .l1 = sum.l1 / sum.pairs,
        .l1_copy = sum.l1_copy / sum.pairs,
        .l1_mean_colour = sum.l1_mean_colour / sum.pairs,
    };
    ok = true;

fail:
    image_free(&output);
    pair_free(&pair);
    image_free(&grid.picture);
    mem_free(path);
    file_list_free(&list);
    mem_free(folder);
    return ok;
}
