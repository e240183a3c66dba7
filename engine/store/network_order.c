// SPDX-License-Identifier: MIT
//
// See network_order.h.

#include "store/network_order.h"

#include "store/weight_names.h"

#include <string.h>

// Whether a weight reads a concatenation of an encoder's and a decoder's output: the
// decoders of all levels of a U-Net except the innermost. In the port's Sequential they
// are layer 3 of the outermost level and layer 5 of the others.
static bool reads_joint(const struct weight *w)
{
    return (w->kind == WEIGHT_CONV || w->kind == WEIGHT_CONV_TRANSPOSE) &&
           (strcmp(w->name, "model.model.3.weight") == 0 ||
            weight_names_end_with(w->name, ".5.weight"));
}

// Exchanges the halves of each of `count` runs of floats.
static void swap_halves(float *values, size_t count, size_t run)
{
    const size_t half = run / 2;
    for (size_t i = 0; i < count; i++)
        for (size_t k = i * run; k < i * run + half; k++) {
            const float value = values[k];
            values[k] = values[k + half];
            values[k + half] = value;
        }
}

// The concatenation is along the input channels: the first side of a transposed
// convolution [in, out, h, w], the second of any other [out, in, h, w].
void network_order_swap(const struct weight *w, float *values)
{
    const struct shape s = w->value.shape;
    const size_t area = (size_t)s.h * s.w;
    if (!reads_joint(w))
        return;
    if (w->kind == WEIGHT_CONV_TRANSPOSE)
        swap_halves(values, 1, s.n * (s.c * area));
    else
        swap_halves(values, s.n, s.c * area);
}
