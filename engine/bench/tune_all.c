// SPDX-License-Identifier: MIT
//
// The graphs of a training step and of a translation say which shapes there are;
// nothing of them is run. See tune_all.h.

#include "bench/tune_all.h"

#include "base/mem.h"
#include "graph/plan.h"
#include "program/tuned.h"
#include "settings/rules.h"
#include "settings/settings.h"
#include "train/objective_options.h"
#include "translate/translation.h"

struct shapes {
    struct conv_shape *items;
    size_t count, capacity;
};

// Appends the shapes of a graph that are not in the list.
static bool add_shapes(struct shapes *list, const struct graph *g)
{
    size_t all;
    const struct conv_shape *shapes = graph_products(g, &all);
    for (size_t i = 0; i < all; i++) {
        bool is_known = false;
        for (size_t k = 0; k < list->count && !is_known; k++)
            is_known = conv_shape_equal(&list->items[k], &shapes[i]);
        if (is_known)
            continue;
        if (!mem_grow(&list->items, &list->capacity, list->count + 1,
                      sizeof(list->items[0])))
            return false;
        list->items[list->count++] = shapes[i];
    }
    return true;
}

static bool add_training(struct shapes *list, const struct op_limits *limits,
                         const struct settings *s)
{
    struct objective tensors;
    struct graph *g = graph_create(limits);
    struct weights *generator = weights_create(false);
    struct weights *discriminator = weights_create(false);
    bool ok = g && generator && discriminator;
    if (ok) {
        // The step then updates an average, for which the weights need a place.
        generator->keeps_average = s->options.ema > 0;
        ok = objective_options_build(g, generator, discriminator, s, &tensors) &&
             add_shapes(list, g);
    }
    graph_destroy(g);
    weights_destroy(discriminator);
    weights_destroy(generator);
    return ok;
}

// One image of the size that is trained on. The modes differ in norms and dropout: the
// convolutions of one are those of all.
static bool add_translation(struct shapes *list, const struct op_limits *limits,
                            const struct settings *s)
{
    const uint32_t side = s->options.crop_size;
    struct translation tensors;
    struct graph *g = graph_create(limits);
    struct weights *generator = weights_create(true);
    bool ok = g && generator &&
              translation_build(g, generator, &s->generator, settings_staging(s),
                                TRANSLATION_STABLE, 1, side, side, &tensors) &&
              add_shapes(list, g);
    graph_destroy(g);
    weights_destroy(generator);
    return ok;
}

bool tune_all_run(struct gpu_device *device, double submission_seconds,
                  const struct pix_train_options *options,
                  bool (*report)(void *user, const struct tune_result *result,
                                 size_t done, size_t count),
                  void *user)
{
    const struct op_limits limits = plan_op_limits(device);
    struct settings s;
    struct shapes list = { 0 };
    if (!settings_init(&s, options))
        return false;
    bool ok =
        add_training(&list, &limits, &s) && add_translation(&list, &limits, &s) &&
        tuned_measure(device, submission_seconds, list.items, list.count, report, user);
    mem_free(list.items);
    settings_finish(&s);
    return ok;
}
