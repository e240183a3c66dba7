// SPDX-License-Identifier: MIT
//
// Edges of an image, one pixel wide (Canny 1986, "A Computational Approach to Edge
// Detection"), as scikit-image finds them (feature.canny, mode "nearest"): a Gaussian,
// Sobel's operators, maxima across the edge by interpolation, two thresholds with
// hysteresis over eight neighbours.

#ifndef DATA_EDGES_H
#define DATA_EDGES_H

#include "data/picture.h"

// The Gaussian's standard deviation in pixels, and the thresholds of the gradient's
// magnitude by Sobel's operators, whose weights add up to 8, of an image in [0, 1].
#define EDGES_SIGMA 2
#define EDGES_LOW 0.1
#define EDGES_HIGH 0.2

// Of the luma (BT.601) of an image of 3 channels, else of the mean of its channels: u8,
// one channel, 0 on edges and 255 elsewhere. The outermost pixels have none. False
// only without memory, after a message.
bool edges_find(const struct picture *image, struct picture *out);

#endif
