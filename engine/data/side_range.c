// SPDX-License-Identifier: MIT
//
// Threads take samples of one pair each, which lie in the order of the pairs
// afterwards. See side_range.h.

#include "data/side_range.h"

#include "base/mem.h"
#include "base/parallel.h"
#include "base/quantile.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

enum { MOST_PAIRS = 256, MOST_SAMPLES = 1 << 20 };

// Of one pair.
struct look {
    uint32_t taken[2];    // samples of each side
    bool failed;
    const char *culprit;
    struct reason reason;
};

struct search {
    const struct pair_list *list;
    const struct pair_options *options;
    size_t count, looks;    // pairs, and those that are looked at
    uint32_t most;          // samples of a side of each
    struct look *all;       // [looks]
    double *values[2];      // [looks][most]; NULL: not wanted
};

// One sample of each of `most` equal parts, anywhere in it: at equal distances all
// could lie in one column.
static uint32_t take_samples(const struct picture *p, uint32_t most, size_t look,
                             double *values)
{
    const uint64_t count = (uint64_t)p->channels * p->width * p->height;
    const uint32_t taken = (uint32_t)MIN((uint64_t)most, count);
    const double no_data =
        p->kind == PIXEL_F32 ? (double)(float)p->no_data : p->no_data;
    uint32_t kept = 0;
    struct random r;
    random_init(&r, 0, look);
    for (uint64_t i = 0; i < taken; i++) {
        const uint64_t begin = i * count / taken, end = (i + 1) * count / taken;
        const double sample = picture_sample(
            p, (size_t)(begin + random_below(&r, (uint32_t)(end - begin))));
        if (!p->has_no_data || sample != no_data)
            values[kept++] = sample;
    }
    return kept;
}

// Any thread.
static void look_at(void *user, size_t k)
{
    struct search *s = user;
    struct look *look = &s->all[k];
    const struct pair_file *file = &s->list->files[k * s->count / s->looks];
    struct picture pictures[2];
    struct pair_notes notes;
    if (!pair_read(file, s->options, &pictures[0], &pictures[1], &notes, &look->culprit,
                   &look->reason)) {
        look->failed = look->reason.kind == REASON_PASSING;
        return;
    }
    for (int side = 0; side < 2; side++) {
        if (s->values[side])
            look->taken[side] = take_samples(&pictures[side], s->most, k,
                                             s->values[side] + k * s->most);
        picture_free(&pictures[side]);
    }
}

// Moves what was taken to the front, and sorts it.
static uint64_t gather(const struct search *s, int side, uint32_t *images)
{
    size_t used = 0;
    *images = 0;
    for (size_t k = 0; k < s->looks; k++) {
        const uint32_t taken = s->all[k].taken[side];
        memmove(s->values[side] + used, s->values[side] + k * s->most,
                taken * sizeof(double));
        used += taken;
        *images += taken > 0;
    }
    quantile_sort(s->values[side], used);
    return used;
}

static void find_ends(const double *sorted, size_t count, enum pixel_kind kind,
                      struct side_range *out)
{
    double low = quantile_find(sorted, count, SIDE_RANGE_SHARE);
    double high = quantile_find(sorted, count, 1 - SIDE_RANGE_SHARE);
    if (kind != PIXEL_F32) {
        low = floor(low);
        high = ceil(high);
    }
    // Nearly all are equal, as the background of spots.
    if (!((float)high > (float)low)) {
        low = sorted[0];
        high = sorted[count - 1];
    }
    out->range = (struct pixel_range){ (float)low, (float)high };
    out->is_flat = !pixel_range_is_set(out->range);
}

static bool report_failure(const struct search *s, const char **culprit,
                           struct reason *reason)
{
    for (size_t k = 0; k < s->looks; k++)
        if (s->all[k].failed) {
            *culprit = s->all[k].culprit;
            *reason = s->all[k].reason;
            return true;
        }
    return false;
}

static void finish(const struct search *s, int side, struct side_range *out)
{
    const struct pair_options *o = s->options;
    out->samples = gather(s, side, &out->images);
    if (out->images > 0)
        find_ends(s->values[side], (size_t)out->samples,
                  side == 0 ? o->input_kind : o->output_kind, out);
}

bool side_range_find(const struct pair_list *list, size_t count,
                     const struct pair_options *options, struct side_range sides[2],
                     const char **culprit, struct reason *reason)
{
    struct pair_options whole = *options;
    whole.fit = (struct fit){ .mode = FIT_NOTHING };
    whole.input_range = whole.output_range = PIXEL_WHOLE;
    struct search s = { .list = list, .options = &whole };
    s.count = MIN(count, list->count);
    s.looks = MIN(s.count, (size_t)MOST_PAIRS);
    s.most = (uint32_t)(MOST_SAMPLES / MAX(s.looks, (size_t)1));
    s.all = mem_array(MAX(s.looks, (size_t)1), sizeof(s.all[0]));
    bool ok = s.all != NULL;
    for (int side = 0; ok && side < 2; side++)
        if (sides[side].wanted)
            ok = (s.values[side] =
                      mem_array((size_t)s.most * s.looks, sizeof(double))) != NULL;
    *culprit = list->folder;
    if (ok)
        parallel_run(s.looks, UINT32_MAX, look_at, &s);
    else
        reason_refuse_memory(reason);
    ok = ok && !report_failure(&s, culprit, reason);
    for (int side = 0; side < 2; side++) {
        if (ok && s.values[side])
            finish(&s, side, &sides[side]);
        mem_free(s.values[side]);
    }
    mem_free(s.all);
    return ok;
}
