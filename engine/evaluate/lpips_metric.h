// SPDX-License-Identifier: MIT
//
// LPIPS of images on a device: the network of models/lpips.h with the weights of a
// file, for one target and what is compared with it at a time.

#ifndef EVALUATE_LPIPS_METRIC_H
#define EVALUATE_LPIPS_METRIC_H

#include "models/lpips.h"
#include "program/program.h"

struct lpips_metric;

// Reads the weights of a file, see store/lpips_file.h. Of `options` the device, the
// length of submissions and the tuning table count; what they point to and `what`,
// which begins the messages ("evaluate"), must outlive the object. NULL after one
// message.
struct lpips_metric *lpips_metric_create(const struct program_options *options,
                                         const char *path, const char *what);
void lpips_metric_destroy(struct lpips_metric *m);    // NULL is fine

enum lpips_backbone lpips_metric_backbone(const struct lpips_metric *m);

// Plans what a metric of this backbone holds on a device from lpips_metric_prepare on:
// its weights, its temporaries and the copies of the images. Needs no file. False after
// one message.
bool lpips_metric_plan(const struct program_options *options,
                       enum lpips_backbone backbone, size_t count, uint32_t height,
                       uint32_t width, struct pix_plan *plan);

// Makes it ready to compare `count` images of this size with one, which
// lpips_metric_run does otherwise when the first ones come. Sides may be odd, from
// LPIPS_SIDE_MIN on. False after one message.
bool lpips_metric_prepare(struct lpips_metric *m, size_t count, uint32_t height,
                          uint32_t width);

// The distance of each of `count` images, at most LPIPS_MOST, from y, which does not
// depend on the others: planes [3, height, width] in [-1, 1]; grey ones have three
// equal planes. The program of the last number and size is kept. Not for several
// threads at once. False after one message.
bool lpips_metric_run(struct lpips_metric *m, const float *const *x, size_t count,
                      const float *y, uint32_t height, uint32_t width,
                      double *distances);

#endif
