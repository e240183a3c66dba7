// SPDX-License-Identifier: MIT
//
// What is kept of an image after its samples are gone, so that all of a data set can be
// compared.

#ifndef DATASET_FEATURES_H
#define DATASET_FEATURES_H

#include "data/picture.h"

enum { FEATURES_SMALL = 16, FEATURES_MOST_COLOURS = 512 };

struct features {
    enum pixel_kind kind;
    uint32_t channels;
    struct pix_size size;
    bool is_cut;
    uint32_t orientation, pages;    // see struct picture
    uint64_t sum;                   // of its samples, size, channels and kind
    // dHash of 8 x 8 bits (Krawetz, "Kind of Like That", 2013): whether each of the
    // 8 x 9 means of the grey image is below its right neighbour. Images of hardly any
    // contrast have none.
    bool has_looks;
    uint64_t looks;
    uint8_t small[FEATURES_SMALL * FEATURES_SMALL];    // the grey image, means
    double deviation;                                  // of its grey, of 255 levels
    uint32_t bits;       // of u8 and u16 that its samples use, at least 8
    double clipped;      // share of samples of u8 and u16 that are the smallest or the
                         // largest of these bits
    double hidden;       // share of pixels whose alpha is 0
    uint32_t largest;    // sample of u16; else 0
    bool is_grey;        // of three channels and more: they are equal, nearly
    uint32_t colours;    // of u8, at most FEATURES_MOST_COLOURS + 1; 0: not counted
};

// `grey` becomes one channel of floats, 0 to 255, which the caller frees: of u8 and u16
// by the bits that they use, of floats from the smallest to the largest. Where luma
// hardly differs it is the first channel that does. False only without memory, after a
// message.
bool features_find(const struct picture *picture, struct features *features,
                   struct picture *grey);

// Whether two images look alike: hashes that differ in at most 6 of 64 bits, and small
// images that correlate by at least 0.98.
bool features_look_alike(const struct features *a, const struct features *b);

// The first place from `from` on where `list` has a hash that is near enough for it;
// `count`: there is none.
size_t features_find_looks(const uint64_t *list, size_t from, size_t count,
                           uint64_t looks);

#endif
