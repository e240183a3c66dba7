// SPDX-License-Identifier: MIT
//
// The contract of an operation. An op is applied by a node; its `forward` and
// `backward` do one thing: they emit calls. They never allocate memory, write a barrier
// or see a command buffer. A call is one dispatch of a kernel over tensors, before
// memory has addresses.

#ifndef OPS_OP_H
#define OPS_OP_H

#include "base/pixel.h"
#include "gpu/limits.h"
#include "gpu/shaders.h"
#include "tensor/tensor.h"

#include <stddef.h>

#define OP_MAX_INPUTS 5
#define OP_MAX_SAVED 2
// The guaranteed number of storage buffers, and the loss scale where there is 16-bit
// storage, which no device has without more of them.
#define CALL_MAX_BUFFERS 5
#define CALL_MAX_PARAMS 128    // the guaranteed size of push constants, bytes

#define OP_MAX_GROUPS 65535    // workgroups on each axis, guaranteed

// Invocations of every elementwise and reduction kernel: the guaranteed maximum.
#define OP_WORKGROUP 128

enum access {
    ACCESS_READ = 1,
    ACCESS_WRITE = 2,
    ACCESS_READ_WRITE = 3,
};

// How a kernel sees a tensor: as a storage buffer, or as a uniform texel buffer that it
// only reads, of floats or of fours of floats.
enum fetch { FETCH_NONE, FETCH_FLOATS, FETCH_FOURS };

struct grid {
    uint32_t x, y, z;    // workgroups, each 1 to 65535
};

// One dispatch. The index in `use` is the binding number; unused entries are NULL.
struct call {
    enum shader shader;
    uint32_t spec[SHADER_MAX_SPEC];    // by constant id; 0 is the workgroup size
    uint32_t spec_count;
    uint32_t formats;    // of the tensors, for SHADER_SPEC_FORMATS; by emit_call()
    uint32_t scaler;     // 1 + the place in `use` of the loss scale; by emit_call()
    struct call_use {
        struct tensor *tensor;
        enum access access;
        // Where in the params the kernel wants the struct view of the tensor, see
        // CALL_VIEW. 0: nowhere, then the tensor cannot be a slice of another one.
        uint32_t view;
        enum fetch fetch;
    } use[CALL_MAX_BUFFERS];
    // The kernel shuffles values in full subgroups of this size, which divides spec[0];
    // 0: it does nothing of the kind.
    uint32_t subgroup;
    bool uses_step;    // the step block is bound as uniform buffer SHADER_STEP_BINDING
    const void *params;    // copied by emit_call()
    uint32_t params_size;
    struct grid grid;
    uint64_t flops;       // multiplications and additions, for plans and the watchdog
    const char *label;    // filled in by emit_call(): the node's name
};

#define CALL_VIEW(type, member) ((uint32_t)offsetof(type, member) + 1)
#define CALL_PARAMS(p) .params = &(p), .params_size = sizeof(p)
#define CALL_SPEC(...)                                                                 \
    .spec = { __VA_ARGS__ }, .spec_count = ARRAY_LEN(((uint32_t[]){ __VA_ARGS__ }))

// Attributes of the ops; a closed list on purpose.
struct conv_attributes {
    uint32_t kernel, stride, pad;
    uint32_t output_pad;    // transposed convolution only
    bool leaky;             // the input goes through a leaky ReLU first,
    float slope;            // of this slope
    bool tanh;              // the output through tanh last
    // In networks of 16 bits: what the first and the last convolution keep in floats.
    bool full_weight, full_output;
    // Transposed convolution only: the output's size, one of those that a convolution
    // would bring to the input's. 0: what output_pad says.
    uint32_t out_h, out_w;
};

enum norm_kind {
    NORM_BATCH,       // statistics over n, h, w
    NORM_INSTANCE,    // over h, w of each sample
};

struct norm_attributes {
    enum norm_kind kind;
    float epsilon;
    float momentum;         // of running statistics
    bool update_running;    // a training forward of a batch norm
    bool fixed;             // batch norm: by the running statistics; forward only
    // With `fixed`: what the running statistics keep when they follow those of an
    // image.
    float keep;
    // Batch norm: the samples are this many equal batches, normalised apart, whose
    // statistics the running ones follow in turn. 0 is 1.
    uint32_t sections;
    bool leaky;    // a leaky ReLU after it, of this slope
    float slope;
    float dropout;    // then dropout with this probability of a zero, as graph_dropout
    // Filled in by graph_norm: those of its mask.
    uint32_t stream, first_sample;
};

enum activation_kind {
    ACTIVATION_KIND_LEAKY,    // ReLU is slope 0
    ACTIVATION_KIND_TANH,
    ACTIVATION_KIND_SIGMOID,
};

struct activation_attributes {
    enum activation_kind kind;
    float slope;
};

struct dropout_attributes {
    float probability;        // of a zero
    uint32_t stream;          // makes the masks of different nodes differ
    uint32_t first_sample;    // of the tensor in the whole batch
};

enum pad_kind { PAD_KIND_ZERO, PAD_KIND_REFLECT, PAD_KIND_WRAP };

struct pad_attributes {
    enum pad_kind down, across;    // above and below, left and right
    uint32_t size;                 // on all four sides
};

enum loss_kind {
    LOSS_KIND_L1,       // mean |x - t|
    LOSS_KIND_MSE,      // mean (x - t)^2
    LOSS_KIND_BCE,      // mean of -t log s(x) - (1 - t) log(1 - s(x)), x logits
    LOSS_KIND_HINGE,    // mean of max(0, 1 - t x); t is a label, 1 or -1
    LOSS_KIND_MEAN,     // mean of t x; t is a label
};

#define LOSS_MAX_GROUPS 2

struct loss_attributes {
    enum loss_kind kind;
    bool has_target;    // input 1 is the target; else labels
    uint32_t groups;    // equal parts of the samples, each with a loss of its own
    float labels[LOSS_MAX_GROUPS];
    float weight;    // the loss is multiplied by it
};

struct pool_attributes {
    uint32_t kernel, stride;
    bool ceil;    // a last window may reach over the end, as PyTorch's ceil_mode
};

#define AFFINE_CHANNELS 3

struct affine_attributes {
    float scale[AFFINE_CHANNELS], shift[AFFINE_CHANNELS];
};

struct concat_attributes {
    bool samples;    // join along samples, not along channels
};

struct fill_attributes {
    struct shape shape;
    float value;
};

struct interpolate_attributes {
    float alpha;              // negative: drawn for each sample
    uint32_t stream;          // makes the draws of different nodes differ
    uint32_t first_sample;    // of the tensors in the whole batch
};

struct pixels_attributes {
    enum pixel_kind kind;
    struct pixel_range range;
    uint32_t channels;
    uint32_t side_h, side_w;           // of the staged image, before the crop
    uint32_t offset_bytes;             // of the image in a sample
    uint32_t sample_bytes;             // of a sample; both are multiples of 4
    uint32_t first_sample, samples;    // those of the staged ones; 0 samples: all
    uint32_t h, w;                     // of the crop; filled in by graph_pixels_unpack
    bool is_augmented;                 // the jitter is more than a crop and a mirror
    bool nearest;                      // augmented: no pixels are mixed
    uint32_t touched;    // augmented: first channels whose values change as well
};

union op_attributes {
    struct conv_attributes conv;
    struct norm_attributes norm;
    struct activation_attributes activation;
    struct dropout_attributes dropout;
    struct pad_attributes pad;
    struct loss_attributes loss;
    struct pixels_attributes pixels;
    struct concat_attributes concat;
    struct fill_attributes fill;
    struct interpolate_attributes interpolate;
    struct pool_attributes pool;
    struct affine_attributes affine;
    float scale;
    float mask;             // the slope
    float penalty;          // the weight
    float cross_entropy;    // the weight
    uint32_t step;          // moments: units of the rectangle in an element
};

struct op;

// One application of an op. `saved` holds what forward leaves behind for backward.
struct op_node {
    const struct op *op;
    const char *label;    // "conv model.model.0.weight"; owned by the graph
    struct tensor *in[OP_MAX_INPUTS];
    struct tensor *out;
    struct tensor *saved[OP_MAX_SAVED];
    union op_attributes attr;
};

// Shapes that infer finds. A saved entry with n 0 is not made.
struct op_shapes {
    struct shape out;
    // Floats unless set; what is_full does not say becomes what the graph stores
    // activations in.
    enum tensor_format format;
    bool is_full;
    struct shape saved[OP_MAX_SAVED];    // floats
};

struct emitter;

struct op {
    const char *name;
    // Inputs to output shape; false after an error that names both shapes.
    bool (*infer)(const struct op_node *n, struct op_shapes *shapes);
    void (*forward)(struct emitter *e, const struct op_node *n);
    void (*backward)(struct emitter *e, const struct op_node *n);    // NULL: detach
    // What can wait until the next node's backward is emitted, because only an
    // optimiser waits for it: then both can run at a time. May be NULL.
    void (*backward_weights)(struct emitter *e, const struct op_node *n);
    uint32_t constant;    // bit i: the output's gradient does not reach input i
};

extern const struct op op_conv, op_conv_transpose, op_norm, op_activation, op_dropout,
    op_concat, op_add, op_scale, op_detach, op_pad, op_loss, op_pixels_unpack,
    op_pixels_pack, op_upsample, op_fill, op_mask, op_interpolate, op_penalty, op_pool,
    op_unit, op_affine, op_distance, op_moments, op_softmax, op_cross_entropy;

// ---------------------------------------------------------------------------
// Emitting (emit.c, gradients.c)

struct gradient {
    struct tensor *tensor;    // NULL: nobody upstream is being trained
    enum access access;       // WRITE, or READ_WRITE when accumulating
    uint32_t accumulate;      // 1: add to what is there, 0: overwrite
};

// Bytes that a call reads plus those it writes, each range once: a tensor that is bound
// a second time only fills a binding which the kernel does not look at.
uint64_t call_bytes(const struct call *call);

// Appends a call (params copied).
void emit_call(struct emitter *e, const struct call *call);

// A gradient that the optimiser waits for, so that the kernel which completes it may
// update the weight at once.
struct weight_gradient {
    struct gradient sum;
    // Not NULL: do not write the sum but update the state [value | m | v | flag] by it.
    // Then sum.tensor holds the gradient so far if sum.accumulate, else it is NULL.
    struct tensor *state;
    uint32_t part;    // elements of each part but the flag
    const struct optimizer *optimizer;
};

// A node's tensor in backward. Backward asks for n->in, n->out and n->saved through
// these, so that a recomputed value can take its place.
struct tensor *emit_value(struct emitter *e, struct tensor *t);
struct tensor *emit_saved(struct emitter *e, const struct op_node *n, uint32_t i);

// A tensor that lives between the calls that use it.
struct tensor *emit_temporary(struct emitter *e, const char *name, struct shape shape);

// The gradient of a node's output, complete when backward runs, in memory.
struct tensor *emit_output_gradient(struct emitter *e, struct tensor *out);

// Whether that gradient is one number everywhere, as that of a loss or of a sum of
// losses is: then it need not be in memory.
bool emit_output_constant(struct emitter *e, struct tensor *out, float *value);

// Adds such a number to the gradient of an input; false if it has to be in memory.
bool emit_gradient_constant(struct emitter *e, struct tensor *in, float value);

// Where to put the gradient of an input. The first caller overwrites, later ones add.
struct gradient emit_gradient(struct emitter *e, struct tensor *in);

// The gradient of a weight, for an op that can update it. Others call emit_gradient.
struct weight_gradient emit_weight_gradient(struct emitter *e, struct tensor *w);

// Workgroups of OP_WORKGROUP for a kernel that strides over `count` elements, and the
// stride (all invocations of the grid) that such a kernel takes in its params.
struct grid grid_linear(uint64_t count);
uint32_t grid_stride(struct grid grid);

// What the device allows, and what was measured on it; ops pick kernels by it.
struct tuning;
struct conv_variant;
struct conv_shape;
struct op_limits {
    uint32_t max_invocations;
    uint32_t shared_bytes;
    uint32_t max_texels;    // of a tensor that is fetched
    // Invocations of the subgroups that kernels may shuffle values in; 0: none.
    uint32_t subgroup;
    struct gpu_matrix matrix;    // what matrix units multiply; subgroup 0: none
    bool is_cpu;                 // a software driver
    uint64_t max_binding;        // bytes that a kernel sees through a binding
    // Iterations that all loops of an invocation may make together. llvmpipe ends them
    // after 65535, without a word; 0: as many as they like.
    uint32_t loop_iterations;
    // Which kernels convolutions take (conv_variant.h). NULL: the built-in choice.
    const struct tuning *tuning;
    const struct conv_variant *force;    // for tests: before any other choice
    // Asked before a kernel for matrix units is chosen for a shape, with trusts_user:
    // false, and another one is chosen. NULL: all are trusted.
    bool (*trusts)(void *user, const struct conv_variant *v,
                   const struct conv_shape *s);
    void *trusts_user;
};
const struct op_limits *emit_limits(const struct emitter *e);

// What Vulkan guarantees: for graphs that are built without a device.
extern const struct op_limits op_limits_guaranteed;

// Records the shape of a convolution that is emitted, for the tuner.
void emit_product(struct emitter *e, const struct conv_shape *shape);

// Optimisers (adam.c): one weight, its gradient complete.
struct optimizer {
    enum optimizer_kind { OPTIMIZER_ADAM, OPTIMIZER_SGD } kind;
    double beta1, beta2, epsilon;    // Adam
    double momentum;                 // SGD
};
struct weight;
struct adam_rule;
struct adam_rule adam_rule(const struct optimizer *optimizer);
void optimizer_emit(struct emitter *e, struct weight *w,
                    const struct optimizer *optimizer);

// The loss scale at an update of its network (scaler.c): before any weight is updated,
// when all gradients of activations have been computed.
void scaler_emit(struct emitter *e, struct tensor *scaler,
                 const struct optimizer *optimizer);

// The moving average of a weight's value (ema.c).
void ema_emit(struct emitter *e, struct weight *w, double decay);

// The backward pass of an activation for its output y (activation.c).
void activation_emit_backward(struct emitter *e, struct activation_attributes attr,
                              struct tensor *y, struct tensor *dy, struct gradient dx);

// The sum of the squares of each sample of x, into [1, n, 1, 1] (loss.c).
void loss_emit_squares(struct emitter *e, struct tensor *x, struct tensor *sums);

// The calls of one direction of a convolution alone (conv.c): a and b are x and w
// forward, dy and w for the input gradient, x and dy for the weight gradient; `out` is
// written, with the shape that conv_shape_out gives.
void conv_emit(struct emitter *e, const struct conv_shape *s, struct tensor *a,
               struct tensor *b, struct tensor *out);

// Sets every element (fill.c).
void fill_emit(struct emitter *e, struct tensor *t, float value);

#endif
