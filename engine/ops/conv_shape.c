// SPDX-License-Identifier: MIT
//
// Sizes and text of a convolution's shape. See conv_shape.h.

#include "ops/conv_shape.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>

// Files of tuning tables have this text as a key, so it has to stay as it is.
const char *conv_shape_text(const struct conv_shape *s, char text[CONV_SHAPE_TEXT_SIZE])
{
    static const char *const directions[] = {
        [CONV_FORWARD] = "forward",
        [CONV_BACKWARD_INPUT] = "backward-input",
        [CONV_BACKWARD_WEIGHT] = "backward-weight",
    };
    char x[SHAPE_TEXT_SIZE];
    snprintf(text, CONV_SHAPE_TEXT_SIZE,
             "%s %s -> %" PRIu32 " k%" PRIu32 " s%" PRIu32 " p%" PRIu32 "%s",
             directions[s->direction], shape_text(s->x, x), s->c_out, s->kernel,
             s->stride, s->pad,
             s->format == TENSOR_F16    ? " f16"
             : s->format == TENSOR_BF16 ? " bf16"
                                        : "");
    return text;
}

bool conv_shape_equal(const struct conv_shape *a, const struct conv_shape *b)
{
    return a->direction == b->direction && shape_equal(a->x, b->x) &&
           a->c_out == b->c_out && a->kernel == b->kernel && a->stride == b->stride &&
           a->pad == b->pad && a->format == b->format;
}

bool conv_shapes_add(struct conv_shapes *list, const struct conv_shape *shape)
{
    for (size_t i = 0; i < list->count; i++)
        if (conv_shape_equal(&list->items[i], shape))
            return true;
    if (!mem_grow(&list->items, &list->capacity, list->count + 1,
                  sizeof(list->items[0])))
        return false;
    list->items[list->count++] = *shape;
    return true;
}

bool conv_shapes_add_all(struct conv_shapes *list, const struct conv_shapes *more)
{
    for (size_t i = 0; i < more->count; i++)
        if (!conv_shapes_add(list, &more->items[i]))
            return false;
    return true;
}

void conv_shapes_free(struct conv_shapes *list)
{
    mem_free(list->items);
    *list = (struct conv_shapes){ 0 };
}

// The kernel fits into the padded side, as infer has checked: nothing underflows.
static uint32_t side_of_y(const struct conv_shape *s, uint32_t side)
{
    return (uint32_t)(((uint64_t)side + 2 * (uint64_t)s->pad - s->kernel) / s->stride) +
           1;
}

struct shape conv_shape_y(const struct conv_shape *s)
{
    return (struct shape){ s->x.n, s->c_out, side_of_y(s, s->x.h),
                           side_of_y(s, s->x.w) };
}

struct shape conv_shape_w(const struct conv_shape *s)
{
    return (struct shape){ s->c_out, s->x.c, s->kernel, s->kernel };
}

struct shape conv_shape_out(const struct conv_shape *s)
{
    return s->direction == CONV_FORWARD          ? conv_shape_y(s)
           : s->direction == CONV_BACKWARD_INPUT ? s->x
                                                 : conv_shape_w(s);
}

struct conv_product conv_shape_product(const struct conv_shape *s)
{
    const struct shape y = conv_shape_y(s);
    const uint64_t taps = (uint64_t)s->kernel * s->kernel;
    switch (s->direction) {
    case CONV_FORWARD:
        // y as [c_out, n h' w'] = w [c_out, c k k] times patches of x [c k k, n h' w'].
        return (struct conv_product){
            .m = y.c,
            .n = (uint64_t)y.n * y.h * y.w,
            .inner = taps,
            .terms = s->x.c,
            .phases = 1,
        };
    case CONV_BACKWARD_INPUT: {
        // dx as [c, n h w / s^2] = w [c, c_out taps] times dy. An element of dx meets
        // only the taps of its phase, its place modulo the stride on both axes, so
        // there is one product for each phase. This is as large as any of them.
        const uint64_t met = DIV_UP(s->kernel, s->stride);
        return (struct conv_product){
            .m = s->x.c,
            .n = (uint64_t)s->x.n * DIV_UP(s->x.h, s->stride) *
                 DIV_UP(s->x.w, s->stride),
            .inner = met * met,
            .terms = y.c,
            .phases = s->stride * s->stride,
        };
    }
    case CONV_BACKWARD_WEIGHT:
        break;
    }
    // dw as [c_out, c k k] = dy [c_out, n h' w'] times patches of x [n h' w', c k k].
    return (struct conv_product){
        .m = y.c,
        .n = s->x.c * taps,
        .inner = y.w,
        // Rows of dy in all samples, since a sum may be cut between terms only.
        .terms = y.n * y.h,
        .phases = 1,
    };
}
