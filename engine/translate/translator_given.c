// SPDX-License-Identifier: MIT
//
// Statistics that the norms of a translator are given. They lie where a batch norm has
// its running ones, in weights of their own, so that the model's stay as they are.

#include "translate/translator_inside.h"

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
