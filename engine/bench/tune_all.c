// SPDX-License-Identifier: MIT
//
// The graphs of a training step, of a translation and of LPIPS say which shapes there
// are; nothing of them is run. See tune_all.h.

#include "bench/tune_all.h"

#include "base/log.h"
#include "evaluate/lpips_set.h"
#include "graph/plan.h"
#include "program/tuned.h"
#include "settings/rules.h"
#include "settings/settings.h"
#include "store/lpips_file.h"
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
        ok =
            objective_options_build(g, generator, discriminator, s, "tune", &tensors) &&
            conv_shapes_add_all(list, graph_products(g));
    }
    graph_destroy(g);
    weights_destroy(discriminator);
    weights_destroy(generator);
    return ok;
}

// Of the networks that validations compute, and of the one whose weights are named.
static bool add_lpips(struct conv_shapes *list, const struct op_limits *limits,
                      const struct settings *s)
{
    const struct pix_train_options *o = &s->options;
    uint32_t wanted = s->val_metrics & ~METRICS_ON_HOST;
    if (lpips_file_is_named(o->lpips)) {
        struct lpips_file *f = lpips_file_open(o->lpips, NULL, "tune");
        if (!f)
            return false;
        wanted |= lpips_set_bit(lpips_file_backbone(f));
        lpips_file_close(f);
    }
    const struct pix_size size = o->crop_size;
    if (wanted && MIN(size.width, size.height) < LPIPS_SIDE_MIN) {
        log_error(
            "tune: LPIPS is for sides of %u pixels or more: raise --crop-size, or "
            "leave LPIPS out",
            LPIPS_SIDE_MIN);
        return false;
    }
    return lpips_set_add_shapes(list, limits, wanted, size.height, size.width);
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
    bool ok = add_training(&list, &limits, &s) &&
              translation_add_shapes(&list, &limits, &s) &&
              add_lpips(&list, &limits, &s) &&
              tuned_measure(device, submission_seconds, &list, report, user);
    conv_shapes_free(&list);
    settings_finish(&s);
    return ok;
}
