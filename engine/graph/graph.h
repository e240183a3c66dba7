// SPDX-License-Identifier: MIT
//
// The tape: nodes in creation order and the calls they emit. A builder function appends
// one node and emits its forward calls at this point of the program; graph_minimize
// emits a backward pass and an update at this point. Builders report no errors: the
// first failure is logged and kept (graph_failed); after it those that make nodes do
// nothing and return NULL, which they also take as an input, so that a network is built
// without a check after each line. Tensors belong to the graph.

#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "ops/op.h"
#include "tensor/weights.h"

struct graph;

struct graph *graph_create(const struct op_limits *limits);
void graph_destroy(struct graph *g);    // NULL is fine
bool graph_failed(const struct graph *g);

// A tensor that is written from outside before the calls run.
struct tensor *graph_input(struct graph *g, const char *name, struct shape shape,
                           enum tensor_format format);

// What is built from now on are the samples of the batch from this one on: they draw
// the random numbers that they would draw in the whole batch, if the same network is
// built again. A graph begins with 0.
void graph_begin_samples(struct graph *g, uint32_t first_sample);

// What activations are stored in from now on, but for those that an op keeps in floats:
// TENSOR_F32, with which a graph begins, or a format of 16 bits.
void graph_store(struct graph *g, enum tensor_format format);

// Whose update is left out if an activation that is built from now on overflows: the
// gradient of a weight may be 0 times infinite then, which no gradient of an activation
// shows. Of weights without a loss scale, or NULL, with which a graph begins: nobody's.
void graph_mark(struct graph *g, struct weights *weights);

// Keeps a tensor's memory until the end of the step, to be read by the host.
void graph_keep(struct graph *g, struct tensor *t);

// x [n, c, h, w], w [c_out, c, k, k], b [1, c_out, 1, 1] or NULL
//   -> [n, c_out, (h + 2 pad - k) / stride + 1, ...]
struct tensor *graph_conv(struct graph *g, struct tensor *x, struct tensor *w,
                          struct tensor *b, struct conv_attributes attr);

// x [n, c, h, w], w [c, c_out, k, k] -> [n, c_out, (h - 1) stride - 2 pad + k +
// output_pad, ...]
struct tensor *graph_conv_transpose(struct graph *g, struct tensor *x, struct tensor *w,
                                    struct tensor *b, struct conv_attributes attr);

// scale is what weights_add_norm returns, or NULL: then neither scale nor shift.
struct tensor *graph_norm(struct graph *g, struct tensor *x, struct tensor *scale,
                          struct norm_attributes attr);

// With fixed statistics, which follow those of each image first: `moments` is what
// graph_moments gives of x, of one sample.
struct tensor *graph_norm_following(struct graph *g, struct tensor *x,
                                    struct tensor *scale, struct tensor *moments,
                                    struct norm_attributes attr);

// Activations and losses are complete sets, so that a network is written without a new
// op: the networks of today take some of them as parts of norms and convolutions, and
// tests build on the rest.
struct tensor *graph_leaky_relu(struct graph *g, struct tensor *x, float slope);
struct tensor *graph_relu(struct graph *g, struct tensor *x);
struct tensor *graph_tanh(struct graph *g, struct tensor *x);
struct tensor *graph_sigmoid(struct graph *g, struct tensor *x);
struct tensor *graph_dropout(struct graph *g, struct tensor *x, float probability);
// Join along channels, and along samples. Without a copy unless an input is one already
// or the host's: they become slices of the result.
struct tensor *graph_concat(struct graph *g, struct tensor *a, struct tensor *b);
struct tensor *graph_stack(struct graph *g, struct tensor *a, struct tensor *b);
struct tensor *graph_add(struct graph *g, struct tensor *a, struct tensor *b);
struct tensor *graph_scale(struct graph *g, struct tensor *x, float factor);
struct tensor *graph_detach(struct graph *g, struct tensor *x);    // no copy
struct tensor *graph_pad(struct graph *g, struct tensor *x, uint32_t size,
                         enum pad_kind kind);
// With rows above and below, and columns left and right, of a kind each.
struct tensor *graph_pad_sides(struct graph *g, struct tensor *x, uint32_t size,
                               enum pad_kind down, enum pad_kind across);
// Probabilities of classes, of their logits, as images have them: 0 is -1, 1 is 1.
struct tensor *graph_softmax(struct graph *g, struct tensor *x);
// Nearest neighbour: [n, c, h, w] -> [n, c, 2 h, 2 w].
struct tensor *graph_upsample(struct graph *g, struct tensor *x);

// What networks that look at pictures are made of. The largest element of each window,
// without padding: [n, c, h, w] -> [n, c, (h - kernel) / stride + 1, ...], rounded up
// with `ceil`.
struct tensor *graph_pool(struct graph *g, struct tensor *x,
                          struct pool_attributes attr);
// scale[c] x + shift[c], [n, 3, h, w].
struct tensor *graph_affine(struct graph *g, struct tensor *x,
                            const struct affine_attributes *attr);
// The channels of each pixel divided by their length; zeros stay zeros.
struct tensor *graph_unit(struct graph *g, struct tensor *x);
// The mean over pixels of the sum over channels of w (a - b)^2: a and b [n, c, h, w], w
// [1, c, 1, 1], which gets no gradient -> [n, 1, 1, 1].
struct tensor *graph_distance(struct graph *g, struct tensor *a, struct tensor *b,
                              struct tensor *w);

// Mean and variance of a rectangle of each channel of x [n, c, h, w] -> [n, c, 1, 2].
// `region` [1, 1, 1, 4] has top, left, bottom and right, in units of which an element
// of x has `step` on each axis (shared/moments.h). No gradient.
struct tensor *graph_moments(struct graph *g, struct tensor *x, struct tensor *region,
                             uint32_t step);

// Parts of a gradient as nodes, for what is a loss of the gradient itself: where it
// starts, and y = x * (h > 0 ? 1 : slope), whose gradient goes to x only.
struct tensor *graph_fill(struct graph *g, struct shape shape, float value);
struct tensor *graph_mask(struct graph *g, struct tensor *x, struct tensor *h,
                          float slope);
// graph_conv_transpose to h and w of the tensor `like`, without a bias: what the
// gradient of a convolution over `like` is.
struct tensor *graph_conv_gradient(struct graph *g, struct tensor *dy, struct tensor *w,
                                   const struct tensor *like,
                                   struct conv_attributes attr);
// alpha a + (1 - alpha) b, with an alpha in [0, 1) drawn for each sample if it is
// negative. No gradient.
struct tensor *graph_interpolate(struct graph *g, struct tensor *a, struct tensor *b,
                                 float alpha);
// The mean over samples of (length - 1)^2, times weight: one number.
struct tensor *graph_gradient_penalty(struct graph *g, struct tensor *x, float weight);

// Losses: one number, [1, 1, 1, 1], unless said otherwise; graph_concat joins what
// graph_add cannot. target may be NULL: zero everywhere.
struct tensor *graph_l1(struct graph *g, struct tensor *x, struct tensor *target,
                        float weight);    // the mean times weight
struct tensor *graph_mse(struct graph *g, struct tensor *x, struct tensor *target);
// Logits of classes x [n, c, h, w] against a target as graph_softmax has it, which gets
// no gradient: the mean over pixels, times weight.
struct tensor *graph_cross_entropy(struct graph *g, struct tensor *x,
                                   struct tensor *target, float weight);
// The discriminator's logits x [n, 1, h, w] against one label everywhere.
struct tensor *graph_gan_loss(struct graph *g, struct tensor *x, enum loss_kind kind,
                              float label);
// The first and the second half of the samples with a label each: [1, 2, 1, 1].
struct tensor *graph_gan_loss_halves(struct graph *g, struct tensor *x,
                                     enum loss_kind kind, float first, float second);

// Staged samples, U8 [n, sample_bytes, 1, 1] (planes inside, see shared/pixels.h), and
// jitter [n, 1, 1, 4], augmented [n, 1, 1, 12], -> [n, channels, h, w] in [-1, 1]; or
// of some of the samples.
struct tensor *graph_pixels_unpack(struct graph *g, struct tensor *pixels,
                                   struct tensor *jitter, uint32_t h, uint32_t w,
                                   struct pixels_attributes attr);
// [n, c, h, w] in [-1, 1] -> U8 [n, bytes, 1, 1], planes of this kind, rounded to
// the nearest; pixel_staged_bytes a sample. A zeroed range is none.
struct tensor *graph_pixels_pack(struct graph *g, struct tensor *x,
                                 enum pixel_kind kind, struct pixel_range range);

// One direction of a convolution alone, without a node and without a gradient, for the
// tuner: see conv_emit.
void graph_product(struct graph *g, const struct conv_shape *shape, struct tensor *a,
                   struct tensor *b, struct tensor *out);

// ---------------------------------------------------------------------------
// Gradients (gradient.c)

// Emits the gradient of `loss` (a number, or the sum of a few) for all trained weights
// of `weights`, into each weight's gradient tensor; weights that the loss does not
// depend on get zeros.
void graph_backward(struct graph *g, struct tensor *loss, struct weights *weights);

// Emits the optimiser for every trained weight.
void graph_update(struct graph *g, struct weights *weights,
                  const struct optimizer *optimizer);

// graph_backward and graph_update. A weight whose gradient nobody else needs may be
// updated by the kernel that completes it; then it has no gradient tensor.
void graph_minimize(struct graph *g, struct tensor *loss, struct weights *weights,
                    const struct optimizer *optimizer);

// A batch in parts, whose losses are built one after another over the same weights:
// graph_accumulate for all but the last, which adds to the gradients that the one
// before left, unless it is the first; then graph_minimize_accumulated adds those of
// the last and updates. See graph_begin_samples.
void graph_accumulate(struct graph *g, struct tensor *loss, struct weights *weights,
                      bool is_first);
void graph_minimize_accumulated(struct graph *g, struct tensor *loss,
                                struct weights *weights,
                                const struct optimizer *optimizer);

// average = decay * average + (1 - decay) * value for every trained weight; averages of
// running statistics are copies. The weights keep averages.
void graph_average(struct graph *g, struct weights *weights, float decay);

// For tests: the gradient of a tensor made by the last graph_backward, or NULL. That of
// a convolution with tanh is the gradient before it; that of a joined tensor is where
// its parts add theirs.
struct tensor *graph_gradient_of(struct graph *g, const struct tensor *t);

// ---------------------------------------------------------------------------
// What was built, in order: each node after those whose outputs it reads.

size_t graph_node_count(const struct graph *g);
const struct op_node *graph_node(const struct graph *g, size_t i);

// ---------------------------------------------------------------------------
// What plan and exec read

// After the last builder: calls whose results nobody reads are dropped, the others get
// what is known only now, the places of slices.
void graph_finish(struct graph *g);

size_t graph_call_count(const struct graph *g);
const struct call *graph_call(const struct graph *g, size_t i);
size_t graph_tensor_count(const struct graph *g);    // all but weights
struct tensor *graph_tensor(const struct graph *g, size_t i);

// The shapes of the convolutions in it. The tuner reads them.
const struct conv_shapes *graph_products(const struct graph *g);

#endif
