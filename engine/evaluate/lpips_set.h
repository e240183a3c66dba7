// SPDX-License-Identifier: MIT
//
// LPIPS of pictures by the networks whose weights there are: those of the file that the
// user names, or of all that are kept for the program.

#ifndef EVALUATE_LPIPS_SET_H
#define EVALUATE_LPIPS_SET_H

#include "data/picture.h"
#include "evaluate/lpips_metric.h"
#include "evaluate/metrics.h"

struct lpips_set {
    struct lpips_metric *metrics[LPIPS_BACKBONES];    // NULL: there are no weights
    uint32_t found;                                   // bits of enum pix_metric
};

// Opens the weights of `path`, or where none is named (lpips_file_is_named) of all
// files kept for the program. `wanted` are bits of enum pix_metric, UINT32_MAX:
// whatever there is. A named file must have what is wanted. Of those that are kept, the
// first for each network is used, with a warning of others; networks that are not
// wanted are passed over; that one is missing is no error, unless a file cannot be
// used, which may have it. See lpips_metric_create for the rest. False after one
// message; the set is closed then.
bool lpips_set_open(struct lpips_set *set, const struct program_options *options,
                    const char *path, uint32_t wanted, const char *what);
void lpips_set_close(struct lpips_set *set);    // a zeroed one is fine

// The bytes that the networks of `wanted` hold on a device to compare one image of this
// size with another. No weights are needed. False after one message.
bool lpips_set_plan(const struct program_options *options, uint32_t wanted,
                    uint32_t height, uint32_t width, uint64_t *bytes);

// Adds the shapes of the convolutions of the networks of `wanted` for images of one
// size. False after a message.
bool lpips_set_add_shapes(struct conv_shapes *list, const struct op_limits *limits,
                          uint32_t wanted, uint32_t height, uint32_t width);

// The bit of a network in such a set.
uint32_t lpips_set_bit(enum lpips_backbone backbone);

// Makes all of its networks ready for that, as lpips_metric_prepare.
bool lpips_set_prepare(struct lpips_set *set, uint32_t height, uint32_t width);

// Whether pictures have an LPIPS: 1 channel, which is repeated, or 3, and sides from
// LPIPS_SIDE_MIN on.
bool lpips_set_may_compare(const struct picture *picture);

// As metrics_compare_all, into the values of the networks there are; where the target
// has none they stay as they are, NaN. One thread at a time, that of the device. False
// after a message.
bool lpips_set_compare(struct lpips_set *set, const struct subject *subjects,
                       size_t count, const struct picture *target);

#endif
