// SPDX-License-Identifier: MIT
//
// The graphs of a training step and of a translation say which shapes there are;
// nothing of them is run. See tune_all.h.

#include "bench/tune_all.h"

#include "graph/plan.h"
#include "program/tuned.h"
#include "settings/rules.h"
#include "settings/settings.h"
#include "train/objective_options.h"
#include "translate/translation.h"

static bool add_training(struct conv_shapes *list, const struct op_limits *limits,
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
             conv_shapes_add_all(list, graph_products(g));
    }
    graph_destroy(g);
    weights_destroy(discriminator);
    weights_destroy(generator);
    return ok;
}

// One image of the size that is trained on. The modes differ in norms and dropout: the
// convolutions of one are those of all.
static bool add_translation(struct conv_shapes *list, const struct op_limits *limits,
                            const struct settings *s)
{
    const uint32_t side = s->options.crop_size;
    struct translation tensors;
    struct graph *g = graph_create(limits);
    struct weights *generator = weights_create(true);
    bool ok = g && generator &&
              translation_build(g, generator, &s->generator, settings_staging(s),
                                TRANSLATION_STABLE, 1, side, side, &tensors) &&
              conv_shapes_add_all(list, graph_products(g));
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
    struct conv_shapes list = { 0 };
    if (!settings_init(&s, options))
        return false;
    bool ok = add_training(&list, &limits, &s) && add_translation(&list, &limits, &s) &&
              tuned_measure(device, submission_seconds, &list, report, user);
    conv_shapes_free(&list);
    settings_finish(&s);
    return ok;
}
