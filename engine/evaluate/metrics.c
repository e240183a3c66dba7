// SPDX-License-Identifier: MIT
//
// Sums of the samples of u8 and u16 pictures are sums of whole numbers and exact in
// doubles; only the division at the end rounds. See metrics.h.

#include "evaluate/metrics.h"

#include "base/mem.h"

#include <assert.h>
#include <math.h>

// Steps of a kind in a distance of 1 in [-1, 1]: half of its largest number, since that
// is 1 to the networks and 0 is -1. Floats are in that range already.
static double unit(enum pixel_kind kind)
{
    return kind == PIXEL_U8 ? 127.5 : kind == PIXEL_U16 ? 32767.5 : 1.0;
}

double metrics_to_range(enum pixel_kind kind, double sample)
{
    return kind == PIXEL_F32 ? sample : sample / unit(kind) - 1.0;
}

double metrics_from_range(enum pixel_kind kind, double value)
{
    return kind == PIXEL_F32 ? value : (value + 1.0) * unit(kind);
}

static size_t plane_count(const struct picture *p)
{
    return (size_t)p->width * p->height;
}

static size_t sample_count(const struct picture *p)
{
    return p->channels * plane_count(p);
}

// What is compared with a target: a picture, or a colour for each channel.
struct subject {
    const struct picture *picture;    // NULL: flat
    const double *colour;
};

static struct plane plane_of(const struct picture *p, uint32_t channel)
{
    const size_t at = channel * plane_count(p) * pixel_bytes(p->kind);
    return (struct plane){
        .samples = (const uint8_t *)p->samples + at,
        .kind = p->kind,
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

// Means of |x - y| and (x - y)^2, in samples.
static bool compare_samples(const struct subject *x, const struct picture *y,
                            double *absolute, double *square)
{
    const size_t count = sample_count(y);
    double *a = mem_array(2 * (size_t)y->width, sizeof(double)), *b = a + y->width;
    double sum = 0, squares = 0;
    if (!a)
        return false;
    for (uint32_t c = 0; c < y->channels; c++) {
        const struct plane target = plane_of(y, c), plane = subject_plane(x, y, c);
        for (uint32_t row = 0; row < y->height; row++) {
            double row_sum = 0, row_squares = 0;
            plane_read_row(&plane, row, 0, a);
            plane_read_row(&target, row, 0, b);
            for (uint32_t i = 0; i < y->width; i++) {
                const double difference = a[i] - b[i];
                row_sum += fabs(difference);
                row_squares += difference * difference;
            }
            sum += row_sum;
            squares += row_squares;
        }
    }
    mem_free(a);
    *absolute = sum / (double)count;
    *square = squares / (double)count;
    return true;
}

// Means over the channels, by the first n of `scales` scales.
static bool compare_structure(const struct subject *x, const struct picture *y,
                              uint32_t scales, double means[SSIM_MAX_SCALES])
{
    double sums[SSIM_MAX_SCALES] = { 0 };
    for (uint32_t c = 0; c < y->channels; c++) {
        const struct plane target = plane_of(y, c), plane = subject_plane(x, y, c);
        struct ssim_result result;
        if (!ssim_compare(&plane, &target, scales, &result))
            return false;
        for (uint32_t n = 0; n < scales; n++)
            sums[n] += result.by_scales[n];
    }
    for (uint32_t n = 0; n < scales; n++)
        means[n] = sums[n] / y->channels;
    return true;
}

static void set_score(struct scores *scores, enum pix_metric metric, uint32_t wanted,
                      double value)
{
    if (wanted & METRIC_BIT(metric))
        scores->values[metric] = value;
}

static bool compare(const struct subject *x, const struct picture *y, uint32_t wanted,
                    struct scores *scores)
{
    const double one = unit(y->kind);
    const bool wants_all = (wanted & METRIC_BIT(PIX_METRIC_MS_SSIM)) != 0;
    const bool wants_ssim = wants_all || (wanted & METRIC_BIT(PIX_METRIC_SSIM)) != 0;
    const uint32_t has = ssim_scales(y->width, y->height);
    const uint32_t scales = wants_all ? has : MIN(has, 1u);
    double absolute, square;
    scores_clear(scores);
    if (!compare_samples(x, y, &absolute, &square))
        return false;
    set_score(scores, PIX_METRIC_L1, wanted, absolute / one);
    set_score(scores, PIX_METRIC_MSE, wanted, square / (one * one));
    // The range is 2 units: a peak of 2 in [-1, 1].
    set_score(scores, PIX_METRIC_PSNR, wanted,
              square > 0 ? 10 * log10(4 * one * one / square) : INFINITY);
    if (!wants_ssim || scales == 0)
        return true;
    if (!compare_structure(x, y, scales, scores->ms_ssim))
        return false;
    set_score(scores, PIX_METRIC_SSIM, wanted, scores->ms_ssim[0]);
    set_score(scores, PIX_METRIC_MS_SSIM, wanted, scores->ms_ssim[scales - 1]);
    return true;
}

void scores_clear(struct scores *scores)
{
    for (int i = 0; i < PIX_METRIC_COUNT; i++)
        scores->values[i] = NAN;
    for (uint32_t n = 0; n < SSIM_MAX_SCALES; n++)
        scores->ms_ssim[n] = NAN;
}

bool metrics_compare(const struct picture *x, const struct picture *y, uint32_t wanted,
                     struct scores *scores)
{
    assert(x->kind == y->kind && x->channels == y->channels && x->width == y->width &&
           x->height == y->height);
    return compare(&(struct subject){ .picture = x }, y, wanted, scores);
}

bool metrics_compare_colour(const double *colour, const struct picture *target,
                            uint32_t wanted, struct scores *scores)
{
    return compare(&(struct subject){ .colour = colour }, target, wanted, scores);
}

void metrics_add_sums(const struct picture *picture, double *sums)
{
    const size_t plane = plane_count(picture);
    for (uint32_t c = 0; c < picture->channels; c++) {
        double sum = 0;
        for (size_t i = 0; i < plane; i++)
            sum += picture_sample(picture, c * plane + i);
        sums[c] += sum;
    }
}
