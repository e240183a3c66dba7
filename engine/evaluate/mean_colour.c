// SPDX-License-Identifier: MIT
//
// Threads read targets and sum up their samples; the sums of the images are added in
// the order of the list, so that the colour does not depend on the threads. See
// mean_colour.h.

#include "evaluate/mean_colour.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "evaluate/evaluated_pair.h"
#include "evaluate/metrics.h"
#include "settings/settings.h"
#include "translate/pipeline.h"
#include "translate/translator.h"

static struct pixel_range range_of(const struct settings *s, int kind)
{
    return pixel_range_for((enum pixel_kind)kind, s->output_range);
}

// Makes means of the sums over `used` targets of each kind. With one kind its samples
// are summed up and divided as they are, so that the result is exact up to one
// rounding.
static void finish_colour(const uint64_t used[PIXEL_KINDS], size_t plane,
                          const struct settings *s, struct mean_colour *colour)
{
    uint64_t all = 0;
    for (int kind = 0; kind < PIXEL_KINDS; kind++)
        all += used[kind];
    for (uint32_t c = 0; c < s->options.output_nc; c++) {
        double mean = 0;    // in the range of the networks
        for (int kind = 0; kind < PIXEL_KINDS; kind++) {
            double *sum = &colour->of[kind][c];
            if (used[kind] == 0)
                continue;
            *sum /= (double)used[kind] * (double)plane;
            mean += metrics_to_range((enum pixel_kind)kind, range_of(s, kind), *sum) *
                    (double)used[kind] / (double)all;
        }
        for (int kind = 0; kind < PIXEL_KINDS; kind++)
            if (used[kind] < all)
                colour->of[kind][c] =
                    metrics_from_range((enum pixel_kind)kind, range_of(s, kind), mean);
    }
}

// What a training target adds to the mean colour.
struct share {
    bool used, exceeds;
    enum pixel_kind found, kind;    // what it was, and is compared as
};

struct mean {
    const struct settings *settings;    // of the model
    const struct pair_list *list;       // of DATA/train
    struct share *shares;               // by index in the list
    double *sums;                       // [index][output_nc], of samples
    struct progress progress;
    struct os_mutex *mutex;
    // Under it: whether one cannot be read for a reason that passes; which and why.
    bool stop;
    char *trouble;
    // And the first one that cannot be read at all.
    size_t first_broken;
    char *broken;
};

static double *sums_of(const struct mean *m, size_t index)
{
    return m->sums + index * m->settings->options.output_nc;
}

static bool is_stopped(struct mean *m)
{
    os_mutex_lock(m->mutex);
    const bool stop = m->stop;
    os_mutex_unlock(m->mutex);
    return stop;
}

// Any thread. The message is of the first target in the list, whichever thread has it.
static void keep_broken(struct mean *m, size_t index, const char *culprit,
                        const struct reason *reason)
{
    os_mutex_lock(m->mutex);
    if (!m->broken || index < m->first_broken) {
        mem_free(m->broken);
        m->broken = mem_printf("%s: %s", culprit, reason->text);
        m->first_broken = index;
    }
    os_mutex_unlock(m->mutex);
}

static void report_broken(const struct mean *m, size_t used)
{
    const size_t count = m->list->count;
    if (used < count)
        log_warn(
            "evaluate: %zu of %zu training target%s cannot be read and %s not in the "
            "mean colour (first: %s)",
            count - used, count, PLURAL(count), count - used == 1 ? "is" : "are",
            m->broken ? m->broken : "out of memory");
}

// Any thread.
static void add_target(void *user, size_t index)
{
    struct mean *m = user;
    struct share *share = &m->shares[index];
    struct evaluated_pair pair;
    struct reason reason;
    const char *culprit;
    if (is_stopped(m))
        return;
    if (evaluated_pair_read_all(&m->list->files[index], m->settings, &pair, &culprit,
                                &reason)) {
        share->used = true;
        share->found = pair.found[1];
        share->kind = pair.target.kind;
        share->exceeds = pair.notes.exceeds[1];
        picture_add_sums(&pair.target, m->settings->options.crop_size,
                         sums_of(m, index));
        evaluated_pair_free(&pair);
    } else if (reason.kind == REASON_PASSING) {
        os_mutex_lock(m->mutex);
        if (!m->stop)
            m->trouble = mem_printf("%s: %s", culprit, reason.text);
        m->stop = true;
        os_mutex_unlock(m->mutex);
    } else {
        keep_broken(m, index, culprit, &reason);
    }
}

static void show_targets(void *user, size_t done)
{
    struct mean *m = user;
    progress_update(&m->progress, done);
}

// Reads all targets and sums them up in the order of the list, so that the colour does
// not depend on the threads. False after a message.
static bool read_targets(struct mean *m, uint32_t threads, struct mean_colour *colour,
                         struct conversions *counts)
{
    const struct pix_train_options *o = &m->settings->options;
    const size_t count = m->list->count;
    uint64_t used[PIXEL_KINDS] = { 0 };
    m->shares = mem_array(count, sizeof(*m->shares));
    m->sums = mem_array(count, o->output_nc * sizeof(*m->sums));
    m->mutex = os_mutex_create();
    if (!m->shares || !m->sums || !m->mutex)
        return false;
    progress_begin(&m->progress);
    parallel_run_watched(count, threads, add_target, show_targets, m);
    if (m->stop) {
        log_error("evaluate: cannot read %s: without it the mean colour of the "
                  "training targets would be another: remove the cause",
                  m->trouble ? m->trouble : "a training target: out of memory");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct share *share = &m->shares[i];
        if (!share->used)
            continue;
        for (uint32_t c = 0; c < o->output_nc; c++)
            colour->of[share->kind][c] += sums_of(m, i)[c];
        used[share->kind]++;
        conversion_count(counts, share->found, share->kind, share->exceeds);
    }
    if (counts->images == 0) {
        log_error("evaluate: no image in %s can be read", m->list->folder);
        return false;
    }
    report_broken(m, counts->images);
    finish_colour(used, (size_t)o->crop_size.width * o->crop_size.height, m->settings,
                  colour);
    return true;
}

bool mean_colour_find(const struct pair_list *list, const struct translator *t,
                      struct mean_colour *colour, struct conversions *counts)
{
    struct mean m = {
        .settings = translator_get_settings(t),
        .list = list,
        .progress = { translator_view(t), "evaluate", "reading training targets",
                      list->folder, list->count },
    };
    log_info("evaluate: reading the %zu target%s of %s for the mean colour",
             list->count, PLURAL(list->count), list->folder);
    const bool ok =
        read_targets(&m, pipeline_threads(translator_threads(t)), colour, counts);
    mem_free(m.trouble);
    mem_free(m.broken);
    mem_free(m.sums);
    mem_free(m.shares);
    os_mutex_destroy(m.mutex);
    return ok;
}
