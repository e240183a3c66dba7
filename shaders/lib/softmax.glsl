// SPDX-License-Identifier: MIT
//
// What softmax and cross entropy find of a pixel's logits x. See shared/softmax.h.

// exp(NaN) is a number on some drivers.
float softmax_exp(float x)
{
    return isnan(x) ? x : exp(x);
}

// The largest of `count` logits from `from` on, and the sum of exp(x - largest).
#define SOFTMAX_FIND(x, from, count, plane, largest, sum)                                  \
    float largest = x[from];                                                               \
    for (uint c = 1; c < (count); c++) {                                                   \
        float v = x[(from) + c * (plane)];                                                 \
        largest = v > largest ? v : largest; /* NaN comes into the sum */                  \
    }                                                                                      \
    float sum = 0.0;                                                                       \
    for (uint c = 0; c < (count); c++)                                                     \
        sum += softmax_exp(x[(from) + c * (plane)] - largest);
