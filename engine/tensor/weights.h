// SPDX-License-Identifier: MIT
//
// The learned numbers of one network, by name. Each trained weight has one range
// [value | m | v | flag] of aligned parts, the first three equal, where m and v are
// Adam's moments, so that an optimiser fused into a weight gradient can bind it as one.
// Behind it lies the value once more in 16 bits, where convolutions read it so.
// A gradient has memory only where a call uses it, running statistics have a value and
// a flag only, weights for inference a value only.
//
// The flag is a float, 0 until a kernel that updates the weight has computed a number
// for it that is not finite. It stays set: such a weight does not recover.

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

// Elements that a flag takes, which keeps what follows it aligned.
#define WEIGHT_FLAG (TENSOR_ALIGNMENT / 4)

// The four weights of a normalisation lie side by side, so that a kernel sees them
// through one binding: the states of scale and shift, then the running statistics.
struct norm_weights {
    struct weight *scale, *shift, *mean, *variance;
    struct tensor all;                          // [1, 1, 1, elements]
    uint32_t part;                              // elements of each part but the flags
    uint32_t shift_at, mean_at, variance_at;    // elements from the scale on
};

struct weight {
    char *name;    // as in the PyTorch port's files: "model.model.0.weight"
    enum weight_kind kind;
    struct tensor value;
    struct tensor gradient, m, v;    // trained weights only (weight_is_trained)
    struct tensor flag;              // one number; not for inference
    struct tensor copy;              // the value in weights.precision; if uses_copy
    struct tensor v_and_flag;        // where an optimiser sees m and v one by one,
    struct tensor flag_and_copy;     // and where it sees the flag; with the copy
    struct tensor state;             // all of [value | m | v | flag | copy]
    struct tensor average;           // moving one of the value; if keeps_average
    struct norm_weights *norm;       // of the scale of a normalisation only; owned
    bool uses_gradient;              // set by emit_call(): a call reads or writes it
    bool uses_copy;                  // set by weight_operand()
};

// Floats of the loss scale, see shared/scaler.h.
#define WEIGHTS_SCALER 12

struct weights {
    struct weight **items;    // pointers, so that tensors do not move
    size_t count, capacity;
    struct block **blocks;
    size_t block_count, block_capacity;
    bool inference;        // values only: no gradients, m and v
    bool keeps_average;    // set by the owner before the first weight is added
    // Likewise. TENSOR_F16 or TENSOR_BF16: networks of these weights store activations
    // so, and convolutions read copies of their weights in it, but for the first and
    // the last.
    enum tensor_format precision;
    // The loss scale, [1, 1, 1, WEIGHTS_SCALER], with TENSOR_F16 and not for inference
    // (weights_has_scaler). From weights_allocate on it is that of a new run.
    struct tensor scaler;
    bool failed;                  // out of memory; stays set
    struct tensor placeholder;    // weights_add returns it then; it fits nothing
};

bool weight_is_trained(const struct weight *w);
bool weights_has_scaler(const struct weights *weights);
// Whether they will have one with their first weight.
bool weights_wants_scaler(const struct weights *weights);

struct weights *weights_create(bool inference);    // NULL after a message
// Frees device memory too. NULL is fine.
void weights_destroy(struct weights *weights);

// Adds a weight and returns the tensor of its value, or the existing one of that name,
// whose shape must be equal: builders may run more than once over the same weights. The
// weights own it. After a failure: the placeholder, and `failed` is set.
struct tensor *weights_add(struct weights *weights, enum weight_kind kind,
                           struct shape shape, const char *format, ...)
    PRINTF_LIKE(4, 5);
// Adds the four weights of a normalisation of c channels, "PREFIX.weight",
// "PREFIX.bias", "PREFIX.running_mean" and "PREFIX.running_var". Returns the tensor of
// the scale, whose weight has the others in `norm`.
struct tensor *weights_add_norm(struct weights *weights, uint32_t c,
                                const char *prefix);
struct weight *weights_find(const struct weights *weights,
                            const char *name);    // or NULL

uint64_t weights_trained_count(const struct weights *weights);    // elements
uint64_t weights_largest(const struct weights *weights);          // bytes of one value
uint64_t weights_bytes(const struct weights *weights);            // after weights_place

// What a convolution reads for the value of its weight: the copy in 16 bits, where the
// weights have them, else the value itself.
struct tensor *weight_operand(struct tensor *value);

// Makes the copies equal to the values, rounded to nearest even. To be called whenever
// values were written from outside. False after a message.
bool weights_refresh_copies(struct weights *weights, struct gpu_device *device);

// Elements of one part of a weight's state.
uint32_t weight_part(const struct weight *w);

// Gives every tensor its place, in blocks of at most `max_block` bytes. To be called
// after the graph is built, which sets whose gradients need memory. False after a
// message.
bool weights_place(struct weights *weights, uint64_t max_block);

// Allocates the blocks and zeroes them.
bool weights_allocate(struct weights *weights, struct gpu_device *device);

// Copies every value to its average, which is how an average begins.
bool weights_copy_to_average(struct weights *weights, struct gpu_device *device);

// Copies the averages to the values of weights that the same builder made.
bool weights_copy_averages(const struct weights *from, struct weights *to,
                           struct gpu_device *device);

// Distributions of initial convolution weights, as torch.nn.init has them. N(0, d) has
// the standard deviation d. Fans are those of the weight's shape [first, second, k, k]:
// second k^2 in, first k^2 out, also where a transposed convolution swaps their roles.
enum weights_law {
    WEIGHTS_NORMAL,        // N(0, gain)
    WEIGHTS_XAVIER,        // N(0, gain sqrt(2 / (in + out))), Glorot and Bengio 2010
    WEIGHTS_KAIMING,       // N(0, sqrt(2 / in)), without the gain, He et al. 2015
    WEIGHTS_ORTHOGONAL,    // gain Q, Q a random orthogonal [first, second k^2], Saxe
                           // 2014
};

// Draws initial values as the PyTorch port does (convolutions by the law, N(1, gain)
// for norm scales, 0 for shifts and biases, 0 and 1 for running mean and variance) in
// the order the weights were added.
bool weights_initialise(struct weights *weights, struct gpu_device *device,
                        struct random *r, enum weights_law law, double gain);

#endif
