// SPDX-License-Identifier: MIT
//
// Integers are counted one by one, so that all follows from sums of whole numbers. Of
// floats the moments of each image are joined in the order of the pairs, and a second
// pass counts them in as many bins as u16 has numbers. So nothing depends on the order
// in which threads come to it. See pixel_statistics.h.

#include "dataset/pixel_statistics.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "dataset/survey.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BINS_U8 = 256, BINS = 65536 };

_Static_assert(BINS_U8 % PIX_HISTOGRAM_BINS == 0 && BINS % PIX_HISTOGRAM_BINS == 0,
               "bins are joined");

// Images of one side, kind and number of channels.
struct group {
    bool is_b;
    enum pixel_kind kind;
    uint32_t channels;
    uint64_t images, samples;
    struct pix_size smallest, largest;
    double low, high;    // of all samples
    uint64_t *counts;    // [channels][bins]
};

// Of the floats of a channel of an image.
struct moments {
    double count, mean, squares;    // of the differences from the mean
    double min, max;
};

struct image {
    struct moments *channels;    // floats only
    uint32_t group;
};

// What became of reading an item.
struct outcome {
    bool is_read;
    const char *culprit;     // a path of the survey's
    struct reason reason;    // why it was not read
};

struct work {
    struct survey survey;
    struct os_mutex *mutex;    // guards the groups
    struct group *groups;
    size_t count, capacity;
    struct image *images;    // [items][2]
    struct outcome *outcomes;
    bool failed;    // without memory
};

static uint32_t bins_of(enum pixel_kind kind)
{
    return kind == PIXEL_U8 ? BINS_U8 : BINS;
}

// ---------------------------------------------------------------------------
// Groups

// With the mutex held. NULL without memory.
static struct group *find_group(struct work *w, const struct picture *p, bool is_b)
{
    for (size_t i = 0; i < w->count; i++) {
        struct group *g = &w->groups[i];
        if (g->is_b == is_b && g->kind == p->kind && g->channels == p->channels)
            return g;
    }
    if (!mem_grow(&w->groups, &w->capacity, w->count + 1, sizeof(*w->groups)))
        return NULL;
    struct group *g = &w->groups[w->count];
    *g = (struct group){ .is_b = is_b,
                         .kind = p->kind,
                         .channels = p->channels,
                         .smallest = picture_size(p),
                         .largest = picture_size(p),
                         .low = HUGE_VAL,
                         .high = -HUGE_VAL };
    g->counts = mem_array((size_t)bins_of(p->kind) * p->channels, sizeof(*g->counts));
    if (!g->counts)
        return NULL;
    w->count++;
    return g;
}

// By area, then by width, so that it does not matter which comes first.
static bool is_smaller(struct pix_size a, struct pix_size b)
{
    const uint64_t x = (uint64_t)a.width * a.height, y = (uint64_t)b.width * b.height;
    return x != y ? x < y : a.width < b.width;
}

static void count_image(struct group *g, const struct picture *p)
{
    const struct pix_size size = picture_size(p);
    g->images++;
    g->samples += (uint64_t)p->width * p->height;
    if (is_smaller(size, g->smallest))
        g->smallest = size;
    if (is_smaller(g->largest, size))
        g->largest = size;
}

// With the mutex held: those of an image.
static void add_counts(struct group *g, const uint32_t *counts)
{
    for (size_t i = 0; i < (size_t)bins_of(g->kind) * g->channels; i++)
        g->counts[i] += counts[i];
}

static void fail(struct work *w)
{
    os_mutex_lock(w->mutex);
    w->failed = true;
    os_mutex_unlock(w->mutex);
}

// ---------------------------------------------------------------------------
// Images

static uint32_t *count_integers(const struct picture *p)
{
    const size_t bins = bins_of(p->kind), pixels = (size_t)p->width * p->height;
    uint32_t *counts = mem_array(bins * p->channels, sizeof(*counts));
    if (!counts)
        return NULL;
    for (size_t c = 0; c < p->channels; c++)
        for (size_t i = 0; i < pixels; i++)
            counts[c * bins + (size_t)picture_sample(p, c * pixels + i)]++;
    return counts;
}

static bool add_integers(struct work *w, const struct picture *p, bool is_b)
{
    uint32_t *counts = count_integers(p);
    if (!counts)
        return false;
    os_mutex_lock(w->mutex);
    struct group *g = find_group(w, p, is_b);
    if (g) {
        count_image(g, p);
        add_counts(g, counts);
    }
    os_mutex_unlock(w->mutex);
    mem_free(counts);
    return g != NULL;
}

static struct moments find_moments(const float *samples, size_t count)
{
    struct moments m = { .min = HUGE_VAL, .max = -HUGE_VAL };
    for (size_t i = 0; i < count; i++) {
        const double x = (double)samples[i];
        // Welford (1962).
        m.count++;
        const double delta = x - m.mean;
        m.mean += delta / m.count;
        m.squares += delta * (x - m.mean);
        m.min = MIN(m.min, x);
        m.max = MAX(m.max, x);
    }
    return m;
}

static bool add_floats(struct work *w, const struct picture *p, bool is_b, size_t item)
{
    const size_t pixels = (size_t)p->width * p->height;
    struct image *image = &w->images[2 * item + is_b];
    image->channels = mem_array(p->channels, sizeof(*image->channels));
    if (!image->channels)
        return false;
    for (size_t c = 0; c < p->channels; c++)
        image->channels[c] =
            find_moments((const float *)p->samples + c * pixels, pixels);
    os_mutex_lock(w->mutex);
    struct group *g = find_group(w, p, is_b);
    if (g) {
        count_image(g, p);
        image->group = (uint32_t)(g - w->groups);
        for (size_t c = 0; c < p->channels; c++) {
            const struct moments *m = &image->channels[c];
            g->low = MIN(g->low, m->min);
            g->high = MAX(g->high, m->max);
        }
    }
    os_mutex_unlock(w->mutex);
    return g != NULL;
}

// Called by any thread.
static void look(void *user, size_t item)
{
    struct work *w = user;
    struct outcome *o = &w->outcomes[item];
    struct picture sides[2];
    const uint64_t failures = mem_failures();
    o->is_read =
        survey_read(&w->survey, item, &sides[0], &sides[1], &o->culprit, &o->reason);
    bool ok = true;
    for (int i = 0; i < 2; i++) {
        if (ok && sides[i].samples)
            ok = sides[i].kind == PIXEL_F32 ? add_floats(w, &sides[i], i, item)
                                            : add_integers(w, &sides[i], i);
        picture_free(&sides[i]);
    }
    if (!ok || mem_failures() != failures)
        fail(w);
}

// Adds the floats of an image to the bins of its group, which the first pass has found.
static bool bin_floats(struct work *w, const struct picture *p,
                       const struct image *image)
{
    struct group *g = &w->groups[image->group];
    const size_t pixels = (size_t)p->width * p->height;
    const double scale = g->high > g->low ? BINS / (g->high - g->low) : 0;
    if (p->kind != PIXEL_F32 || p->channels != g->channels)    // it has changed
        return true;
    uint32_t *counts = mem_array((size_t)BINS * p->channels, sizeof(*counts));
    if (!counts)
        return false;
    for (size_t i = 0; i < p->channels * pixels; i++) {
        const double x = ((double)((const float *)p->samples)[i] - g->low) * scale;
        counts[i / pixels * BINS + (size_t)MIN(MAX(x, 0), (double)BINS - 1)]++;
    }
    os_mutex_lock(w->mutex);
    add_counts(g, counts);
    os_mutex_unlock(w->mutex);
    mem_free(counts);
    return true;
}

// The second pass, of floats alone.
static void count_floats(void *user, size_t item)
{
    struct work *w = user;
    const struct image *images = &w->images[2 * item];
    struct picture sides[2];
    struct reason reason;
    const char *culprit;
    if (!images[0].channels && !images[1].channels)
        return;
    bool ok = survey_read(&w->survey, item, &sides[0], &sides[1], &culprit, &reason);
    for (int i = 0; i < 2 && ok; i++)
        ok = !images[i].channels || bin_floats(w, &sides[i], &images[i]);
    if (!ok)
        fail(w);
    picture_free(&sides[0]);
    picture_free(&sides[1]);
}

// ---------------------------------------------------------------------------
// Results

// The sample that a bin stands for.
static double value_of(const struct group *g, size_t bin)
{
    return g->kind == PIXEL_F32
               ? g->low + ((double)bin + 0.5) / BINS * (g->high - g->low)
               : (double)bin;
}

static void find_quantiles(const struct group *g, const uint64_t *counts, uint64_t all,
                           double quantiles[PIX_QUANTILE_COUNT])
{
    static const double shares[PIX_QUANTILE_COUNT] = PIX_QUANTILES;
    uint64_t below = 0;
    size_t bin = 0;
    for (size_t i = 0; i < PIX_QUANTILE_COUNT; i++) {
        while (bin + 1 < bins_of(g->kind) &&
               (double)(below + counts[bin]) < shares[i] * (double)all)
            below += counts[bin++];
        quantiles[i] = value_of(g, bin);
    }
}

// Joined in the order of the pairs (Chan, Golub and LeVeque, 1979).
static void join_moments(const struct work *w, const struct group *g, size_t channel,
                         struct moments *all)
{
    *all = (struct moments){ .min = HUGE_VAL, .max = -HUGE_VAL };
    for (size_t i = 0; i < 2 * w->survey.count; i++) {
        if (!w->images[i].channels || &w->groups[w->images[i].group] != g)
            continue;
        const struct moments m = w->images[i].channels[channel];
        const double count = all->count + m.count, delta = m.mean - all->mean;
        all->squares += m.squares + delta * delta * all->count * (m.count / count);
        all->mean += delta * (m.count / count);
        all->count = count;
        all->min = MIN(all->min, m.min);
        all->max = MAX(all->max, m.max);
    }
}

static void count_moments(const struct group *g, const uint64_t *counts,
                          struct moments *all)
{
    uint64_t sum = 0, count = 0;
    *all = (struct moments){ .min = HUGE_VAL, .max = -HUGE_VAL };
    for (size_t i = 0; i < bins_of(g->kind); i++) {
        if (counts[i] == 0)
            continue;
        sum += counts[i] * i;
        count += counts[i];
        all->min = MIN(all->min, (double)i);
        all->max = (double)i;
    }
    all->count = (double)count;
    all->mean = (double)sum / (double)count;
    for (size_t i = 0; i < bins_of(g->kind); i++)
        all->squares +=
            (double)counts[i] * ((double)i - all->mean) * ((double)i - all->mean);
}

static void fill_channel(const struct work *w, const struct group *g, size_t channel,
                         struct pix_channel_statistics *out)
{
    const size_t bins = bins_of(g->kind);
    const uint64_t *counts = g->counts + channel * bins;
    struct moments m;
    uint64_t all = 0;
    if (g->kind == PIXEL_F32)
        join_moments(w, g, channel, &m);
    else
        count_moments(g, counts, &m);
    out->min = m.min;
    out->max = m.max;
    out->mean = m.mean;
    out->deviation = sqrt(m.squares / m.count);
    for (size_t i = 0; i < bins; i++)
        all += counts[i];
    find_quantiles(g, counts, all, out->quantiles);
    for (size_t i = 0; i < bins; i++) {
        size_t bin = i * PIX_HISTOGRAM_BINS / bins;
        if (g->kind == PIXEL_U16)
            bin = counts[i] ? (size_t)(((double)i - g->low) * PIX_HISTOGRAM_BINS /
                                       (g->high - g->low + 1))
                            : 0;
        out->histogram[bin] += counts[i];
    }
}

static void find_ends(struct group *g)
{
    if (g->kind == PIXEL_U8) {
        g->low = 0;
        g->high = UINT8_MAX;
    }
    for (size_t i = 0; g->kind == PIXEL_U16 && i < (size_t)BINS * g->channels; i++) {
        if (g->counts[i] == 0)
            continue;
        g->low = MIN(g->low, (double)(i % BINS));
        g->high = MAX(g->high, (double)(i % BINS));
    }
}

static int by_form(const void *a, const void *b)
{
    const struct pix_side_statistics *x = a, *y = b;
    if (x->is_target != y->is_target)
        return x->is_target ? 1 : -1;
    const int order = strcmp(x->kind, y->kind);
    return order ? order : x->channels < y->channels ? -1 : x->channels > y->channels;
}

static bool fill(struct work *w, struct pix_dataset_statistics *out)
{
    out->sides = mem_array(MAX(w->count, 1u), sizeof(*out->sides));
    if (!out->sides)
        return false;
    for (size_t i = 0; i < w->count; i++) {
        struct group *g = &w->groups[i];
        struct pix_side_statistics *side = &out->sides[out->count];
        find_ends(g);
        *side = (struct pix_side_statistics){
            .is_target = g->is_b,
            .kind = pixel_kind_name(g->kind),
            .channels = g->channels,
            .images = g->images,
            .samples = g->samples,
            .smallest = g->smallest,
            .largest = g->largest,
            .low = g->low,
            .high = g->high,
            .channel = mem_array(g->channels, sizeof(*side->channel)),
        };
        if (!side->channel)
            return false;
        out->count++;
        for (size_t c = 0; c < g->channels; c++)
            fill_channel(w, g, c, &side->channel[c]);
    }
    if (out->count > 1)
        qsort(out->sides, out->count, sizeof(*out->sides), by_form);
    return true;
}

// ---------------------------------------------------------------------------

static bool report_broken(const struct work *w, struct pix_dataset_statistics *out)
{
    for (size_t i = 0; i < w->survey.count; i++) {
        const struct outcome *o = &w->outcomes[i];
        out->pairs += o->is_read;
        out->broken += !o->is_read;
        if (!o->is_read && o->reason.kind == REASON_PASSING) {
            log_error("dataset: %s cannot be read for now: %s", o->culprit,
                      o->reason.text);
            return false;
        }
        if (!o->is_read)
            log_warn("dataset: leaving out %s: %s", o->culprit, o->reason.text);
    }
    if (out->pairs == 0)
        log_error("dataset: no image of %s can be read",
                  data_source_path(&w->survey.source));
    return out->pairs > 0;
}

static bool work_init(struct work *w, const struct pix_dataset_options *o)
{
    if (!survey_open(&w->survey, o))
        return false;
    const size_t count = w->survey.count;
    w->mutex = os_mutex_create();
    w->images = mem_array(2 * count, sizeof(*w->images));
    w->outcomes = mem_array(count, sizeof(*w->outcomes));
    return w->mutex && w->images && w->outcomes;
}

static void work_finish(struct work *w)
{
    for (size_t i = 0; w->images && i < 2 * w->survey.count; i++)
        mem_free(w->images[i].channels);
    for (size_t i = 0; i < w->count; i++)
        mem_free(w->groups[i].counts);
    mem_free(w->groups);
    mem_free(w->images);
    mem_free(w->outcomes);
    os_mutex_destroy(w->mutex);
    survey_close(&w->survey);
}

// Whether floats are among them, which are read twice.
static bool has_floats(const struct work *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->groups[i].kind == PIXEL_F32)
            return true;
    return false;
}

bool pixel_statistics_find(const struct pix_dataset_options *o,
                           struct pix_dataset_statistics *out)
{
    struct work w = { 0 };
    *out = (struct pix_dataset_statistics){ 0 };
    bool ok = work_init(&w, o);
    if (ok) {
        survey_run(&w.survey, "reading images", look, &w);
        if (!w.failed && has_floats(&w))
            survey_run(&w.survey, "reading floats again", count_floats, &w);
        if (w.failed)
            log_error("dataset: out of memory, or an image has changed while it was "
                      "read: free some memory, or use fewer threads");
        ok = !w.failed && report_broken(&w, out) && fill(&w, out);
    }
    work_finish(&w);
    if (!ok)
        pixel_statistics_free(out);
    return ok;
}

void pixel_statistics_free(struct pix_dataset_statistics *s)
{
    for (size_t i = 0; i < s->count; i++)
        mem_free(s->sides[i].channel);
    mem_free(s->sides);
    *s = (struct pix_dataset_statistics){ 0 };
}
