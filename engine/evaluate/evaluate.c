// SPDX-License-Identifier: MIT
//
// Mean absolute error of a model on pairs, beside two baselines that any model has to
// beat: the input itself, and the mean colour of the training targets.

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/image.h"
#include "data/pairs.h"
#include "settings/options.h"
#include "translate/pipeline.h"
#include "translate/translator.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// The picture: rows of input | output | target. Small tiles are enlarged by a whole
// factor, many rows stand in two columns, so that a person can look at it at once.
#define GRID_TILES 3u
#define GRID_LONG 4u    // more rows are too many for one column
#define GRID_GAP 8u     // between the columns, pixels

struct pair {
    struct picture input, target;
};

static void pair_free(struct pair *pair)
{
    picture_free(&pair->input);
    picture_free(&pair->target);
}

// Both sides at the model's size, channels and kinds.
static bool load_sides(const struct pair_file *file, const struct pix_train_options *o,
                       struct pair *pair, const char **culprit, struct reason *reason)
{
    const struct dataset_options d = options_dataset(o);
    const struct staging staging = options_staging(o);
    const struct pair_options options = {
        .swap = d.swap,
        .input_nc = d.input_nc,
        .output_nc = d.output_nc,
        .input_kind = PIXEL_KINDS,
        .output_kind = PIXEL_KINDS,
        .resize = true,
        .side = o->crop_size,
        .filter = d.filter,
    };
    if (!pair_read(file, &options, &pair->input, &pair->target, culprit, reason))
        return false;
    if (picture_set_kind(&pair->input, staging.input) &&
        picture_set_kind(&pair->target, staging.output))
        return true;
    pair_free(pair);
    return refuse(reason, "out of memory");
}

// Pairs of DATA/split.
static bool find_split(const char *data, const char *split, struct pair_list *list)
{
    char *folder = file_join(data, split);
    bool ok = folder && pair_list_read(folder, list);
    mem_free(folder);
    return ok;
}

// The length of [-1, 1] in steps of a kind.
static double unit(enum pixel_kind kind)
{
    return kind == PIXEL_U8 ? 127.5 : kind == PIXEL_U16 ? 32767.5 : 1.0;
}

static double sample(const struct picture *p, size_t i)
{
    switch (p->kind) {
    case PIXEL_U8:
        return ((const uint8_t *)p->samples)[i];
    case PIXEL_U16:
        return ((const uint16_t *)p->samples)[i];
    default:
        return (double)((const float *)p->samples)[i];
    }
}

static size_t sample_count(const struct picture *p)
{
    return (size_t)p->channels * p->width * p->height;
}

// Sums of whole numbers are exact.
static double difference(const struct picture *x, const struct picture *y)
{
    size_t count = sample_count(x);
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += fabs(sample(x, i) - sample(y, i));
    return sum / (double)count / unit(x->kind);
}

// The input as it would be as output; NaN where their channels differ.
static double difference_to_input(const struct pair *pair)
{
    struct picture copy;
    double l1 = NAN;
    if (pair->input.channels != pair->target.channels)
        return l1;
    if (pair->input.kind == pair->target.kind)
        return difference(&pair->input, &pair->target);
    if (picture_crop(&pair->input, 0, 0, pair->input.width, pair->input.height,
                     &copy) &&
        picture_set_kind(&copy, pair->target.kind))
        l1 = difference(&copy, &pair->target);
    picture_free(&copy);
    return l1;
}

static double difference_to_colour(const struct picture *x, const double *colour)
{
    size_t count = sample_count(x), plane = (size_t)x->width * x->height;
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += fabs(sample(x, i) - colour[i / plane]);
    return sum / (double)count / unit(x->kind);
}

// Mean colour of the targets of DATA/train; broken pairs are left out, as in training.
static bool mean_colour(const char *data, const struct pix_train_options *o,
                        double *colour)
{
    const size_t plane = (size_t)o->crop_size * o->crop_size;
    struct pair_list list;
    uint64_t used = 0;
    if (!find_split(data, "train", &list))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        struct pair pair;
        struct reason reason;
        const char *culprit;
        if (!load_sides(&list.files[i], o, &pair, &culprit, &reason))
            continue;
        for (uint32_t c = 0; c < o->output_nc; c++) {
            double part = 0;
            for (size_t p = 0; p < plane; p++)
                part += sample(&pair.target, c * plane + p);
            colour[c] += part;
        }
        used++;
        pair_free(&pair);
    }
    for (uint32_t c = 0; c < o->output_nc; c++)
        colour[c] /= (double)used * (double)plane;
    if (used == 0)
        log_error("evaluate: no image in %s/train can be read", data);
    pair_list_free(&list);
    return used > 0;
}

struct sheet {
    struct pix_image picture;
    uint32_t side, factor;    // of a tile: side in the model, enlargement
    uint32_t rows, in_column;
};

static bool grid_create(struct sheet *grid, uint32_t side, uint32_t rows)
{
    uint32_t columns = rows > GRID_LONG ? 2 : 1;
    *grid = (struct sheet){
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

static bool grid_paste(struct sheet *grid, uint32_t row, const struct pair *pair,
                       const struct picture *output)
{
    uint32_t tile = grid->side * grid->factor;
    uint32_t x = row / grid->in_column * (GRID_TILES * tile + GRID_GAP);
    uint32_t y = row % grid->in_column * tile;
    const struct picture *const tiles[] = { &pair->input, output, &pair->target };
    for (uint32_t i = 0; i < GRID_TILES; i++) {
        struct pix_image image;
        if (!picture_show(tiles[i], &image))
            return false;
        image_paste(&grid->picture, &image, x + i * tile, y, grid->factor);
        image_free(&image);
    }
    return true;
}

// A pair on its way through the pipeline.
struct record {
    struct pair pair;
    struct picture output;
    double l1, l1_copy, l1_mean_colour;
};

struct evaluation {
    const struct pix_train_options *options;
    struct pair_list list;
    double colour[PIXEL_MAX_CHANNELS];
    struct record **records;    // of pairs on their way, by index
    struct sheet *grid;         // NULL: none
    struct pix_evaluation sum;
    bool failed;
};

static void record_free(struct record *r)
{
    if (!r)
        return;
    pair_free(&r->pair);
    picture_free(&r->output);
    mem_free(r);
}

static bool load_pair(void *user, size_t index, struct picture *picture)
{
    struct evaluation *e = user;
    struct record *r = mem_zalloc(sizeof(*r));
    struct reason reason;
    const char *culprit;
    if (!r)
        return false;
    if (!load_sides(&e->list.files[index], e->options, &r->pair, &culprit, &reason)) {
        log_error("evaluate: %s: %s", culprit, reason.text);
        mem_free(r);
        return false;
    }
    const struct picture *in = &r->pair.input;
    if (!picture_crop(in, 0, 0, in->width, in->height, picture)) {
        record_free(r);
        return false;
    }
    e->records[index] = r;
    return true;
}

static bool compare_pair(void *user, size_t index, struct picture *picture)
{
    struct evaluation *e = user;
    struct record *r = e->records[index];
    r->output = *picture;
    *picture = (struct picture){ 0 };
    r->l1 = difference(&r->output, &r->pair.target);
    r->l1_copy = difference_to_input(&r->pair);
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
        if (e->grid && e->sum.pairs < e->grid->rows &&
            !grid_paste(e->grid, e->sum.pairs, &r->pair, &r->output))
            e->failed = true;
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
    struct sheet grid = { 0 };
    struct evaluation e = { .options = o };
    const struct pipeline_ends ends = { load_pair, compare_pair, add_pair, &e, 0 };
    bool ok = false;

    if (!find_split(data, split, &e.list) || !mean_colour(data, o, e.colour))
        goto end;
    uint32_t rows =
        grid_path ? (uint32_t)MIN((uint64_t)grid_rows, (uint64_t)e.list.count) : 0;
    if (rows && !grid_create(&grid, o->crop_size, rows))
        goto end;
    e.grid = rows ? &grid : NULL;
    e.records = mem_array(e.list.count, sizeof(e.records[0]));
    if (!e.records)
        goto end;
    pipeline_run(t, translator_threads(t), e.list.count, &ends);
    // Where it could not even begin, no pair was told of.
    if (e.failed || (uint64_t)e.sum.pairs + e.sum.broken < e.list.count)
        goto end;
    if (e.sum.pairs == 0) {
        log_error("evaluate: no image in %s/%s can be read", data, split);
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
    for (size_t i = 0; e.records && i < e.list.count; i++)
        record_free(e.records[i]);
    mem_free(e.records);
    image_free(&grid.picture);
    pair_list_free(&e.list);
    return ok;
}
