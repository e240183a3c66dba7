// SPDX-License-Identifier: MIT
//
// Sizes as tests write them.

#ifndef SUPPORT_SIZE_H
#define SUPPORT_SIZE_H

#include "pix2pix.h"

#define SQUARE(side) ((struct pix_size){ (side), (side) })

#define assert_size(size, w, h)                                                        \
    do {                                                                               \
        assert_int_equal((size).width, w);                                             \
        assert_int_equal((size).height, h);                                            \
    } while (0)

#endif
