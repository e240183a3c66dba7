// SPDX-License-Identifier: MIT
//
// Sums of the samples of u8 and u16 pictures are sums of whole numbers and exact in
// doubles; only the division at the end rounds. See metrics.h.

#include "evaluate/metrics.h"

#include "base/mem.h"

#include <assert.h>
#include <math.h>

// Samples in a distance of 1 in [-1, 1]: half of what lies between the two that are -1
// and 1 to the networks. That of floats without a range is 1.
static double unit(enum pixel_kind kind, struct pixel_range range)
{
    const struct pixel_ends ends = pixel_ends(kind, range);
    return (ends.high - ends.low) / 2;
}

static bool is_unscaled(enum pixel_kind kind, struct pixel_range range)
{
    return kind == PIXEL_F32 && !pixel_range_is_set(range);
}

double metrics_to_range(enum pixel_kind kind, struct pixel_range range, double sample)
{
    return is_unscaled(kind, range)
               ? sample
               : (sample - pixel_ends(kind, range).low) / unit(kind, range) - 1.0;
}

double metrics_from_range(enum pixel_kind kind, struct pixel_range range, double value)
{
    return is_unscaled(kind, range)
               ? value
               : pixel_ends(kind, range).low + (value + 1.0) * unit(kind, range);
}

static size_t plane_count(const struct picture *p)
{
    return (size_t)p->width * p->height;
}

static size_t sample_count(const struct picture *p)
{
    return p->channels * plane_count(p);
}

static struct plane plane_of(const struct picture *p, uint32_t channel)
{
    const size_t at = channel * plane_count(p) * pixel_bytes(p->kind);
    return (struct plane){
        .samples = (const uint8_t *)p->samples + at,
        .kind = p->kind,
        .range = p->range,
        .width = p->width,
        .height = p->height,
    };
}

// A plane of what is compared with `target`.
static struct plane subject_plane(const struct subject *x, const struct picture *target,
                                  uint32_t channel)
{
    if (x->picture)
        return plane_of(x->picture, channel);
    struct plane flat = plane_of(target, channel);
    flat.samples = NULL;
    flat.value = x->colour[channel];
    return flat;
}

// Sums over the samples of |x - y| and of (x - y)^2.
struct differences {
    double absolute, square;
};

static void add_row(const double *restrict a, const double *restrict b, uint32_t width,
                    struct differences *d)
{
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < width; i++) {
        const double difference = a[i] - b[i];
        sum += fabs(difference);
        squares += difference * difference;
    }
    d->absolute += sum;
    d->square += squares;
}

// In samples.
static bool compare_samples(const struct subject *subjects, size_t count,
                            const struct picture *y, struct differences *d)
{
    double *a = mem_array(2 * (size_t)y->width, sizeof(double)), *b = a + y->width;
    if (!a)
        return false;
    for (size_t k = 0; k < count; k++)
        d[k] = (struct differences){ 0, 0 };
    for (uint32_t c = 0; c < y->channels; c++) {
        const struct plane target = plane_of(y, c);
        for (uint32_t row = 0; row < y->height; row++) {
            plane_read_row(&target, row, 0, b);
            for (size_t k = 0; k < count; k++) {
                const struct plane plane = subject_plane(&subjects[k], y, c);
                plane_read_row(&plane, row, 0, a);
                add_row(a, b, y->width, &d[k]);
            }
        }
    }
    mem_free(a);
    return true;
}

static void set_score(struct scores *scores, enum pix_metric metric, uint32_t wanted,
                      double value)
{
    if (wanted & METRIC_BIT(metric))
        scores->values[metric] = value;
}

// Sums of squares of finite floats stay far below the largest double: one that is not
// finite comes from such a sample.
static void set_differences(struct scores *scores, const struct differences *d,
                            const struct picture *y, uint32_t wanted)
{
    scores->not_finite = !isfinite(d->square);
    if (scores->not_finite)
        return;
    const double one = unit(y->kind, y->range), count = (double)sample_count(y);
    const double absolute = d->absolute / count, square = d->square / count;
    set_score(scores, PIX_METRIC_L1, wanted, absolute / one);
    set_score(scores, PIX_METRIC_MSE, wanted, square / (one * one));
    // The range is 2 units: a peak of 2 in [-1, 1].
    set_score(scores, PIX_METRIC_PSNR, wanted,
              square > 0 ? 10 * log10(4 * one * one / square) : INFINITY);
}

// Means over the channels, by the first n of `scales` scales.
static bool compare_structure(const struct subject *subjects, size_t count,
                              const struct picture *y, uint32_t scales)
{
    double sums[METRICS_MOST_SUBJECTS][SSIM_MAX_SCALES] = { { 0 } };
    for (uint32_t c = 0; c < y->channels; c++) {
        const struct plane target = plane_of(y, c);
        struct plane planes[METRICS_MOST_SUBJECTS];
        struct ssim_result results[METRICS_MOST_SUBJECTS];
        for (size_t k = 0; k < count; k++)
            planes[k] = subject_plane(&subjects[k], y, c);
        if (!ssim_compare(planes, count, &target, scales, results))
            return false;
        for (size_t k = 0; k < count; k++)
            for (uint32_t n = 0; n < scales; n++)
                sums[k][n] += results[k].by_scales[n];
    }
    for (size_t k = 0; k < count; k++)
        for (uint32_t n = 0; n < scales && !subjects[k].scores->not_finite; n++)
            subjects[k].scores->ms_ssim[n] = sums[k][n] / y->channels;
    return true;
}

void scores_clear(struct scores *scores)
{
    for (int i = 0; i < PIX_METRIC_COUNT; i++)
        scores->values[i] = NAN;
    scores->not_finite = false;
    for (uint32_t n = 0; n < SSIM_MAX_SCALES; n++)
        scores->ms_ssim[n] = NAN;
}

bool metrics_compare_all(const struct subject *subjects, size_t count,
                         const struct picture *y, uint32_t wanted)
{
    const bool wants_all = (wanted & METRIC_BIT(PIX_METRIC_MS_SSIM)) != 0;
    const bool wants_ssim = wants_all || (wanted & METRIC_BIT(PIX_METRIC_SSIM)) != 0;
    const uint32_t has = ssim_scales(y->width, y->height);
    const uint32_t scales = wants_all ? has : MIN(has, 1u);
    struct differences differences[METRICS_MOST_SUBJECTS];
    assert(count <= METRICS_MOST_SUBJECTS);
    for (size_t k = 0; k < count; k++) {
        const struct picture *x = subjects[k].picture;
        (void)x;    // where assertions are left out
        assert(!x || (x->kind == y->kind && x->channels == y->channels &&
                      x->width == y->width && x->height == y->height &&
                      pixel_range_equals(x->range, y->range)));
        scores_clear(subjects[k].scores);
    }
    if (!compare_samples(subjects, count, y, differences))
        return false;
    for (size_t k = 0; k < count; k++)
        set_differences(subjects[k].scores, &differences[k], y, wanted);
    if (!wants_ssim || scales == 0)
        return true;
    if (!compare_structure(subjects, count, y, scales))
        return false;
    for (size_t k = 0; k < count; k++) {
        struct scores *s = subjects[k].scores;
        set_score(s, PIX_METRIC_SSIM, wanted, s->ms_ssim[0]);
        set_score(s, PIX_METRIC_MS_SSIM, wanted, s->ms_ssim[scales - 1]);
    }
    return true;
}

bool metrics_compare(const struct picture *x, const struct picture *y, uint32_t wanted,
                     struct scores *scores)
{
    return metrics_compare_all(&(struct subject){ x, NULL, scores }, 1, y, wanted);
}

void scores_add(struct score_sums *sums, const struct scores *s)
{
    for (int m = 0; m < PIX_METRIC_COUNT; m++) {
        const double value = s->values[m];
        sums->values[m] += m == PIX_METRIC_PSNR && value > METRICS_PSNR_MOST
                               ? METRICS_PSNR_MOST
                               : value;
    }
    sums->count++;
    sums->not_finite += s->not_finite;
}

double scores_mean(const struct score_sums *sums, enum pix_metric metric)
{
    return sums->count > 0 ? sums->values[metric] / sums->count : NAN;
}
