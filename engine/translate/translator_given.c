// SPDX-License-Identifier: MIT
//
// Statistics that the norms of a translator are given. They lie where a batch norm has
// its running ones, in weights of their own, so that the model's stay as they are.

#include "translate/translator_inside.h"

#include "base/log.h"
#include "base/mem.h"

#include <assert.h>

enum { NORM_WEIGHTS = 4 };    // of one norm, the scale first

static struct norm_weights *norm_at(const struct translator *t, uint32_t norm)
{
    assert(norm < t->given.count);
    return t->given.weights->items[NORM_WEIGHTS * norm]->norm;
}

uint32_t translator_norm_count(const struct translator *t)
{
    return t->given.count;
}

uint32_t translator_norm_channels(const struct translator *t, uint32_t norm)
{
    return norm_at(t, norm)->scale->value.shape.c;
}

// A weight of the model, or the same number everywhere if it has none.
static bool set_weight(struct translator *t, struct weight *w, float otherwise)
{
    const struct weight *own = weights_find(t->generator, w->name);
    const uint32_t count = w->value.shape.c;
    float *values = mem_array(count, sizeof(*values));
    bool ok = values != NULL;
    for (uint32_t i = 0; ok && i < count; i++)
        values[i] = otherwise;
    ok = ok && (!own || tensor_download(t->device, &own->value, values)) &&
         tensor_upload(t->device, &w->value, values);
    mem_free(values);
    return ok;
}

bool translator_set_flicker(struct translator *t, const struct pix_translate_options *o)
{
    const double keep = o->flicker;
    const char *problem = NULL;
    if (keep == 0)
        return true;
    if (!(keep > 0 && keep < 1)) {
        log_error("%s: --flicker takes a number from 0 to less than 1, not %g",
                  t->command, keep);
        return false;
    }
    if (t->mode != TRANSLATION_STABLE)
        problem = "is for --mode stable";
    else if (!translator_has_own_statistics(t))
        problem = "has no effect: this model has no norms";
    else if (o->tile)
        problem = "cannot follow images in tiles: leave out --tile";
    else if (o->batch_size > 1)
        problem = "translates one image after the other: leave out --batch-size";
    if (problem) {
        log_error("%s: --flicker %s", t->command, problem);
        return false;
    }
    t->given.keep = (float)keep;
    return (t->given.weights = weights_create(true)) != NULL;
}

void translator_begin_images(struct translator *t)
{
    if (t->given.keep > 0)
        t->step.step = 1;
}

bool translator_prepare_given(struct translator *t)
{
    if (!t->given.weights)
        return true;
    bool ok = weights_allocate(t->given.weights, t->device);
    for (uint32_t i = 0; ok && i < t->given.count; i++)
        ok = set_weight(t, norm_at(t, i)->scale, 1.0f) &&
             set_weight(t, norm_at(t, i)->shift, 0.0f);
    return ok;
}

bool translator_give_norm(struct translator *t, uint32_t norm, const float *mean,
                          const float *variance)
{
    const struct norm_weights *w = norm_at(t, norm);
    assert(t->now.in_flight == 0);
    return tensor_upload(t->device, &w->mean->value, mean) &&
           tensor_upload(t->device, &w->variance->value, variance);
}
