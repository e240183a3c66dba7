// SPDX-License-Identifier: MIT
//
// How far an image is from its target, on the host in doubles: every metric but LPIPS,
// which is a network (lpips.h). One implementation for evaluation, comparison,
// validation and reports.
//
// L1 and MSE are of values in the range of the networks, [-1, 1], whatever the kind: L1
// is between 0 and 2. PSNR and SSIM are relative to the range of the target, or to the
// whole one of its kind, which for floats is [-1, 1]. Samples outside are compared as
// they are. SSIM and MS-SSIM are means over the channels.

#ifndef EVALUATE_METRICS_H
#define EVALUATE_METRICS_H

#include "data/picture.h"
#include "evaluate/ssim.h"
#include "pix2pix.h"

// A set of enum pix_metric.
#define METRIC_BIT(metric) (1u << (metric))
#define METRICS_ON_HOST                                                                \
    (METRIC_BIT(PIX_METRIC_L1) | METRIC_BIT(PIX_METRIC_MSE) |                          \
     METRIC_BIT(PIX_METRIC_PSNR) | METRIC_BIT(PIX_METRIC_SSIM) |                       \
     METRIC_BIT(PIX_METRIC_MS_SSIM))

struct scores {
    // NaN: not wanted, there is none for such images, or not_finite. PSNR of equal
    // images is INFINITY. MS-SSIM is that by all scales.
    double values[PIX_METRIC_COUNT];
    // What was compared has samples that are infinite or NaN. Targets have none.
    bool not_finite;
    // MS-SSIM by the first n scales at [n - 1]: images of different sizes are compared
    // by the scales that all of them have.
    double ms_ssim[SSIM_MAX_SCALES];
};

// All values NaN, and not_finite false.
void scores_clear(struct scores *scores);

// Sums for the means by which a run is judged. Starts zeroed.
struct score_sums {
    double values[PIX_METRIC_COUNT];
    uint32_t count, not_finite;    // images
};

// A PSNR above this one, in dB, counts as this one in such means, and so does that of
// equal images. Without a limit an image that becomes equal would have to leave the
// mean, which would fall for it.
#define METRICS_PSNR_MOST 100.0

void scores_add(struct score_sums *sums, const struct scores *scores);
// NaN if there are no images, or one of them has no such score.
double scores_mean(const struct score_sums *sums, enum pix_metric metric);

// What is compared with a target: a picture of its kind, range and shape, or a flat
// one.
struct subject {
    const struct picture *picture;    // NULL: flat
    // Of a flat one: a value for each channel, in samples of the target's kind, not
    // rounded.
    const double *colour;
    struct scores *scores;    // where they go
};

#define METRICS_MOST_SUBJECTS SSIM_MOST

// The metrics of the set `wanted` that METRICS_ON_HOST has, of each of at most
// METRICS_MOST_SUBJECTS subjects; the target's part is computed once for all, and the
// scores of one do not depend on the others. False only without memory, after a
// message.
bool metrics_compare_all(const struct subject *subjects, size_t count,
                         const struct picture *target, uint32_t wanted);

// The same of one picture, x, with y.
bool metrics_compare(const struct picture *x, const struct picture *y, uint32_t wanted,
                     struct scores *scores);

// A sample of a kind with a range in that of the networks, and back; neither rounded
// nor clamped.
double metrics_to_range(enum pixel_kind kind, struct pixel_range range, double sample);
double metrics_from_range(enum pixel_kind kind, struct pixel_range range, double value);

#endif
