// SPDX-License-Identifier: MIT
//
// Structural similarity of two planes, in doubles.
//
// SSIM: Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment: From Error
// Visibility to Structural Similarity", 2004: a Gaussian window of 11 x 11 with sigma
// 1.5, K 0.01 and 0.03, population covariance, and only windows that lie inside the
// image. MS-SSIM: Wang, Simoncelli, Bovik, "Multi-Scale Structural Similarity for Image
// Quality Assessment", 2003: five scales, each the means of 2 x 2 samples of the one
// before; the last row or column of an odd side counts twice.

#ifndef EVALUATE_SSIM_H
#define EVALUATE_SSIM_H

#include "evaluate/plane.h"

#include <stddef.h>

#define SSIM_WINDOW 11u       // the smallest side that has an SSIM
#define SSIM_MAX_SCALES 5u    // of MS-SSIM
#define SSIM_MOST 3u          // planes that are compared with one

struct ssim_result {
    // MS-SSIM by the first n scales, whose weights are divided by their sum, at [n -
    // 1]; [0] is SSIM.
    double by_scales[SSIM_MAX_SCALES];
};

// How many scales an image of these sides has: each half of the one before, rounded
// down, and at least a window. 0: it is smaller than a window.
uint32_t ssim_scales(uint32_t width, uint32_t height);

// Compares each of `count` planes, at most SSIM_MOST, with y, whose part is computed
// once. All are of one size, kind and range; 1 <= scales <= ssim_scales of it. The
// dynamic range L of the paper is the range, or that of the kind; floats have [-1, 1].
// False without memory, after a message.
bool ssim_compare(const struct plane *x, size_t count, const struct plane *y,
                  uint32_t scales, struct ssim_result *results);

#endif
