// SPDX-License-Identifier: MIT
//
// The definition of every op on the host: plain loops over [n, c, h, w] arrays of
// doubles. Backward functions overwrite what they write. Convolutions are in
// reference_conv.h.

#ifndef SUPPORT_REFERENCE_H
#define SUPPORT_REFERENCE_H

#include "ops/op.h"
#include "shared/step.h"

void reference_activation_forward(enum activation_kind kind, double slope, size_t count,
                                  const double *x, double *y);
void reference_activation_backward(enum activation_kind kind, double slope,
                                   size_t count, const double *y, const double *dy,
                                   double *dx);

// Groups: c for batch norm, n * c for instance norm. scale and shift may be NULL. mean
// and variance (biased) have one element a group; they may be NULL.
uint32_t reference_norm_groups(enum norm_kind kind, struct shape s);
void reference_norm_forward(enum norm_kind kind, double epsilon, struct shape s,
                            const double *x, const double *scale, const double *shift,
                            double *y, double *mean, double *variance);
// dscale and dshift may be NULL.
void reference_norm_backward(enum norm_kind kind, double epsilon, struct shape s,
                             const double *x, const double *scale, const double *dy,
                             double *dx, double *dscale, double *dshift);
// By given statistics, [c] each.
void reference_norm_fixed(double epsilon, struct shape s, const double *x,
                          const double *scale, const double *shift, const double *mean,
                          const double *variance, double *y);
// running <- (1 - momentum) running + momentum batch, the variance unbiased.
void reference_norm_running(enum norm_kind kind, double momentum, struct shape s,
                            const double *mean, const double *variance,
                            double *running_mean, double *running_variance);

// Philox 4x32-10, and the 32 bits of one element by it (see shared/dropout.h).
void reference_philox(const uint32_t counter[4], const uint32_t key[2],
                      uint32_t out[4]);
uint32_t reference_random(const struct step_block *step, uint32_t stream,
                          uint32_t element);
// y = x * mask, dx = dy * mask.
void reference_dropout(double probability, const struct step_block *step,
                       uint32_t stream, size_t count, const double *x, double *y);

// a [n, ca, h, w], b [n, cb, h, w] -> y [n, ca + cb, h, w], and back.
void reference_concat(struct shape a_shape, uint32_t cb, const double *a,
                      const double *b, double *y);
void reference_split(struct shape a_shape, uint32_t cb, const double *dy, double *da,
                     double *db);

// s is the shape of x; y is larger by 2 * size in h and w.
void reference_pad_forward(struct pad_attributes a, struct shape s, const double *x,
                           double *y);
void reference_pad_backward(struct pad_attributes a, struct shape s, const double *dy,
                            double *dx);

// s is the shape of x; y is twice as high and wide.
void reference_upsample_forward(struct shape s, const double *x, double *y);
void reference_upsample_backward(struct shape s, const double *dy, double *dx);

// t NULL: label everywhere.
double reference_loss(enum loss_kind kind, size_t count, const double *x,
                      const double *t, double label);
void reference_loss_backward(enum loss_kind kind, size_t count, const double *x,
                             const double *t, double label, double dloss, double *dx);

// alpha of a sample; see shared/interpolate.h.
double reference_alpha(const struct step_block *step, uint32_t stream, uint32_t sample);
// See shared/penalty.h.
double reference_penalty(struct shape s, const double *x, double weight);
void reference_penalty_backward(struct shape s, const double *x, double weight,
                                double dy, double *dx);

// PyTorch's forms, one step.
void reference_adam(size_t count, uint32_t step, double lr, double beta1, double beta2,
                    double epsilon, const double *g, double *w, double *m, double *v);
void reference_sgd(size_t count, double lr, double momentum, const double *g, double *w,
                   double *velocity);

// See shared/pixels.h. jitter: crop_x, crop_y, mirror, 0 for each sample. n samples are
// written, from attr.first_sample on.
void reference_pixels_unpack(uint32_t n, struct pixels_attributes attr, uint32_t h,
                             uint32_t w, const uint8_t *pixels, const uint32_t *jitter,
                             double *out);
// The same of samples that are augmented, by 12 numbers each.
void reference_pixels_augment(uint32_t n, struct pixels_attributes attr, uint32_t h,
                              uint32_t w, const uint8_t *pixels, const uint32_t *jitter,
                              double *out);
// Each sample pixel_staged_bytes of them.
void reference_pixels_pack(struct shape s, enum pixel_kind kind,
                           struct pixel_range range, const float *x, uint8_t *out);

#endif
