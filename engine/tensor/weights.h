// SPDX-License-Identifier: MIT
//
// The learned numbers of one network, by name. Each trainable weight has one range
// [value | gradient | m | v] of equal parts (each aligned), so that an optimiser fused
// into a weight gradient can bind it as one. Running statistics have a value only.

#ifndef TENSOR_WEIGHTS_H
#define TENSOR_WEIGHTS_H

#include "tensor/tensor.h"

struct gpu_device;
struct random;

enum weight_kind {
    WEIGHT_CONV,              // [c_out, c_in, k, k]
    WEIGHT_CONV_TRANSPOSE,    // [c_in, c_out, k, k]
    WEIGHT_BIAS,              // [1, c, 1, 1], a vector in files
    WEIGHT_NORM_SCALE,        // gamma, a vector
    WEIGHT_NORM_SHIFT,        // beta, a vector
    WEIGHT_RUNNING_MEAN,      // a vector, not trained
    WEIGHT_RUNNING_VARIANCE,
};

struct weight {
    char *name;    // the PyTorch port's: "model.model.0.weight"
    enum weight_kind kind;
    struct tensor value;
    struct tensor gradient, m, v;    // trained weights only (weight_is_trained)
};

struct weights {
    struct weight **items;    // pointers, so that tensors do not move
    size_t count, capacity;
    struct block **blocks;
    size_t block_count, block_capacity;
    bool inference;    // values only
    bool failed;       // no memory; sticky
    struct tensor
        placeholder;    // what weights_add returns after a failure; fits nothing
};

bool weight_is_trained(const struct weight *w);

struct weights *weights_create(bool inference);
void weights_destroy(
    struct weights *weights);    // NULL is fine; frees device memory too

// Adds a weight and returns the tensor of its value, or the existing one of that name
// (whose shape must be equal: builders may be run more than once over the same
// weights).
struct tensor *weights_add(struct weights *weights, enum weight_kind kind,
                           struct shape shape, const char *format, ...)
    PRINTF_LIKE(4, 5);
struct weight *weights_find(const struct weights *weights, const char *name);

uint64_t weights_trained_count(const struct weights *weights);    // numbers
uint64_t weights_bytes(const struct weights *weights);            // after weights_place

// Gives every tensor its place, in blocks of at most `max_block` bytes.
bool weights_place(struct weights *weights, uint64_t max_block);

// Allocates the blocks and zeroes them.
bool weights_allocate(struct weights *weights, struct gpu_device *device);

// Draws initial values as the PyTorch port does (N(0, gain) for convolutions,
// N(1, gain) for norm scales, 0 for shifts and biases, 0 and 1 for running mean and
// variance) in the order the weights were added.
bool weights_initialise(struct weights *weights, struct gpu_device *device,
                        struct random *r, double gain);

#endif
