// SPDX-License-Identifier: MIT
//
// The calls of one direction of a convolution: from the variant that was chosen to
// constants, grid and bindings, and a sum that is too long for one call in several.

#ifndef OPS_CONV_KERNEL_H
#define OPS_CONV_KERNEL_H

#include "ops/conv_variant.h"

// The convolution from x [n, c, h, w] to y [n, c_out, h', w'], whichever of them is the
// node's input.
struct conv {
    struct conv_attributes attr;
    struct shape x, y;
};

// How a direction of it is computed.
struct conv_kernel {
    const struct conv *conv;
    struct conv_shape shape;
    struct conv_product product;
    const struct conv_variant *variant;
};

// What forward and input gradient do around their sums. At most one of bias and z.
struct conv_ends {
    bool leaky;    // on load, with the slope of the attributes
    bool tanh;
    struct tensor *bias;    // [1, c_out, 1, 1]
    struct tensor *z;       // as the output: multiplies by the derivative of the leaky
                            // ReLU at z
};

// a and b are the operands.
struct conv_kernel conv_kernel_choose(struct emitter *e, const struct conv *c,
                                      enum conv_direction direction,
                                      const struct tensor *a, const struct tensor *b);

// Emits one call, or more that each add their part of the sum. `call` has the
// direction's tensors in `use`, the output as the last of four, and the flops of the
// whole. `load` is CONV_LOAD_X or CONV_LOAD_Y for the operand that goes through the
// leaky ReLU, else CONV_LOAD_PLAIN.
void conv_kernel_emit(struct emitter *e, const struct conv_kernel *k, struct call call,
                      uint32_t load, const struct conv_ends *ends);

// The same for a weight gradient, whose output is that of `dw` and need not be in
// `use`.
void conv_kernel_emit_weight(struct emitter *e, const struct conv_kernel *k,
                             struct call call, uint32_t load,
                             const struct weight_gradient *dw);

#endif
