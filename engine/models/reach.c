// SPDX-License-Identifier: MIT
//
// Intervals through convolutions. See reach.h.

#include "models/reach.h"

static int64_t floor_div(int64_t a, int64_t b)
{
    return a >= 0 ? a / b : -((b - 1 - a) / b);
}

// y[o] reads x[stride o - pad + k], 0 <= k < kernel.
struct reach reach_conv(struct reach out, struct conv_attributes attr)
{
    const int64_t stride = attr.stride, pad = attr.pad;
    return (struct reach){ out.first * stride - pad,
                           out.last * stride - pad + attr.kernel - 1 };
}

// x[i] is added to y[stride i - pad + k]: y[o] reads the i with
// stride i = o + pad - k.
static struct reach transposed(struct reach out, struct conv_attributes attr)
{
    const int64_t stride = attr.stride, pad = attr.pad;
    return (struct reach){
        floor_div(out.first + pad - attr.kernel + stride, stride),
        floor_div(out.last + pad, stride),
    };
}

struct reach reach_double(struct reach out, struct conv_attributes attr, bool resize)
{
    if (!resize)
        return transposed(out, attr);
    // A 3x3 convolution over repeated elements, see network_double.
    return (struct reach){ floor_div(out.first - 1, 2), floor_div(out.last + 1, 2) };
}
