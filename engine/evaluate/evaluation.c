// SPDX-License-Identifier: MIT
//
// See evaluation.h.

#include "evaluate/evaluation.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "evaluate/statistics.h"

#include <inttypes.h>
#include <string.h>

enum { COLUMNS = PIX_SUBJECT_COUNT * PIX_METRIC_COUNT };

bool evaluation_create(struct pix_evaluation *e, size_t most)
{
    *e = (struct pix_evaluation){ .images = mem_array(most, sizeof(e->images[0])) };
    return e->images != NULL;
}

void evaluation_free(struct pix_evaluation *e)
{
    for (uint32_t i = 0; e->images && i < e->pairs; i++)
        mem_free((char *)e->images[i].name);
    mem_free(e->images);
    mem_free(e->colours);
    mem_free(e->confusion);
    mem_free(e->gallery);
    *e = (struct pix_evaluation){ 0 };
}

bool evaluation_add(struct pix_evaluation *e, const char *name,
                    const struct scores scores[PIX_SUBJECT_COUNT])
{
    struct pix_image_scores *image = &e->images[e->pairs];
    image->name = mem_strdup(name);
    if (!image->name)
        return false;
    for (int s = 0; s < PIX_SUBJECT_COUNT; s++)
        memcpy(image->values[s], scores[s].values, sizeof(image->values[s]));
    image->not_finite = scores[PIX_SUBJECT_OUTPUT].not_finite;
    e->not_finite += image->not_finite;
    e->pairs++;
    return true;
}

struct finish {
    struct pix_evaluation *evaluation;
    bool failed[COLUMNS];
};

// One job of all columns.
static void find_total(void *user, size_t column)
{
    struct finish *f = user;
    struct pix_evaluation *e = f->evaluation;
    const size_t subject = column / PIX_METRIC_COUNT,
                 metric = column % PIX_METRIC_COUNT;
    double *values = mem_array(e->pairs, sizeof(double));
    for (uint32_t i = 0; values && i < e->pairs; i++)
        values[i] = e->images[i].values[subject][metric];
    f->failed[column] =
        !values || !statistics_find(values, e->pairs, &e->totals[subject][metric]);
    mem_free(values);
}

bool evaluation_finish(struct pix_evaluation *e, const char *command)
{
    struct finish f = { .evaluation = e };
    parallel_run(COLUMNS, COLUMNS, find_total, &f);
    for (int i = 0; i < COLUMNS; i++) {
        if (f.failed[i]) {
            log_error("%s: out of memory for the scores of %" PRIu32 " images", command,
                      e->pairs);
            return false;
        }
    }
    return true;
}

bool evaluation_take_labels(struct pix_evaluation *e, const struct palette *palette,
                            struct confusion *output)
{
    e->colours = mem_array(palette->count, sizeof(e->colours[0]));
    if (!e->colours)
        return false;
    e->classes = palette->count;
    memcpy(e->colours, palette->colours, palette->count * sizeof(e->colours[0]));
    e->labels[PIX_SUBJECT_OUTPUT] = labels_score(output);
    e->confusion = output->pixels;
    output->pixels = NULL;
    return true;
}
