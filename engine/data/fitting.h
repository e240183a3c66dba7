// SPDX-License-Identifier: MIT
//
// How the images of a pair become samples of one size, as the option preprocess says:
// which sizes they may have, how they are scaled, what is added where they are too
// small, and what is cut off.

#ifndef DATA_FITTING_H
#define DATA_FITTING_H

#include "base/reason.h"
#include "data/picture.h"
#include "data/resize.h"
#include "data/size.h"

enum fit_mode {
    FIT_NOTHING,       // as stored, of any size
    FIT_RESIZE,        // both sides to `load`, in its shape
    FIT_CROP,          // as stored, then any part
    FIT_WIDTH,         // to the width of `load`, then the middle of the height
    FIT_WIDTH_CROP,    // the same, then any part
    FIT_WHOLE,         // as stored, no larger than `crop`
};

struct fit {
    enum fit_mode mode;
    struct pix_size load, crop;
    enum resize_filter filter;
    bool centred;    // what is larger than `crop` is cut to its middle
};

// The size of samples. FIT_RESIZE leaves it to the device to cut `crop` from `load`; of
// all others a sample is what the networks see.
struct pix_size fit_sample_size(const struct fit *fit);

// Whether every pair has the size of a sample once it has been fitted. Of the others a
// sample is a part that the caller cuts.
bool fit_is_whole(const struct fit *fit);

// Whether the sides of a pair, as stored, can be fitted. Where `halves`, both are from
// one image. On failure *is_b says whether the reason is about the second one.
bool fit_check(const struct fit *fit, const struct picture *a, const struct picture *b,
               bool halves, bool *is_b, struct reason *reason);

// The size to which both sides are scaled, from that of the first one.
struct pix_size fit_scaled_size(const struct fit *fit, struct pix_size a);

// What becomes of the scaled size: is it padded, is its middle cut out?
bool fit_pads(const struct fit *fit, struct pix_size scaled);
bool fit_cuts(const struct fit *fit, struct pix_size scaled);

// Scales a side, pads it by its mirror image (window.h), as much on one side as on the
// other, and cuts it. False only without memory, after a message.
bool fit_apply(const struct fit *fit, struct pix_size scaled, struct picture *side);

#endif
