// SPDX-License-Identifier: MIT
//
// A tuning table: for shapes of convolutions the variants that a device is to use, as
// measured on it. Both are names in it, so that a file may hold those of any version:
// what this one does not know is never found.
//
// A file is one JSON object:
//
//     "format": "pix2pix tuning 1"
//     "device", "driver", "shaders": texts, where the table was measured
//     "kernels": { "forward 1x3x256x256 -> 64 k4 s2 p1": "shared-64x64x16-8x4", ... }
//     "untimed": [shapes of "kernels" that there was no time to measure, ...]

#ifndef OPS_TUNING_H
#define OPS_TUNING_H

#include "base/hash.h"
#include "ops/conv_variant.h"

// Where a program's table comes from.
enum tuning_mode {
    TUNING_AUTO,    // the device's cache; what it lacks is measured on a GPU
    TUNING_ON,      // the same, measured on any device
    TUNING_OFF,     // nowhere: the built-in choices
    TUNING_FILE,    // a file that the user names
};

struct tuning_entry {
    char *shape;      // conv_shape_text
    char *variant;    // conv_variant.name
    bool untimed;     // the built-in choice, recorded without a measurement
};

struct tuning {
    // Where it was measured, empty where it was not. `shaders` is a hash of all
    // kernels.
    char *device, *driver, *shaders;
    struct tuning_entry *entries;    // in rising order of shapes
    size_t count, capacity;
};

void tuning_finish(struct tuning *t);    // a zeroed one is fine

// Where a table is measured; texts are copied.
bool tuning_set_origin(struct tuning *t, const char *device, const char *driver,
                       const char *shaders);
bool tuning_same_origin(const struct tuning *a, const struct tuning *b);

// Sets or replaces the entry of a shape. False if out of memory.
bool tuning_set(struct tuning *t, const char *shape, const char *variant, bool untimed);

const struct tuning_entry *tuning_entry(const struct tuning *t, const char *shape);

// The variant for a shape; NULL where the table, which may be NULL, has none that this
// version knows.
const struct conv_variant *tuning_find(const struct tuning *t,
                                       const struct conv_shape *s);

// A hash of what decides the choice, shapes and variants, in 16 digits.
const char *tuning_hash(const struct tuning *t, char text[HASH_TEXT_SIZE]);

// Reads a file into a zeroed table. On failure the table is as it was and `reason` says
// why; nothing is logged.
bool tuning_read(const char *path, struct tuning *t, char *reason, size_t reason_size);

// Replaces a file, as a whole; logs what failed.
bool tuning_write(const char *path, const struct tuning *t);

#endif
