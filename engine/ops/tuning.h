// SPDX-License-Identifier: MIT
//
// A tuning table: for shapes of convolutions the variants that were measured to be the
// fastest on a device. Shapes stand in it by name, so that a table read from a file may
// hold any: what this version does not know is never found.

#ifndef OPS_TUNING_H
#define OPS_TUNING_H

#include "ops/conv_variant.h"

struct tuning_entry {
    char *shape;      // conv_shape_text
    char *variant;    // conv_variant.name
};

struct tuning {
    struct tuning_entry *entries;    // in rising order of shapes
    size_t count, capacity;
};

void tuning_finish(struct tuning *t);    // a zeroed one is fine

// Sets or replaces the entry of a shape. False if there is no memory.
bool tuning_set(struct tuning *t, const char *shape, const char *variant);

const struct tuning_entry *tuning_entry(const struct tuning *t, const char *shape);

// The variant for a shape; NULL where the table, which may be NULL, has none that this
// version knows.
const struct conv_variant *tuning_find(const struct tuning *t,
                                       const struct conv_shape *s);

#endif
