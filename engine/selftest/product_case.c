// SPDX-License-Identifier: MIT
//
// Operands, definitions and comparison. See product_case.h.

#include "selftest/product_case.h"

#include "base/mem.h"
#include "base/random.h"
#include "selftest/reference_conv.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// ---------------------------------------------------------------------------
// Numbers of a format

static float rounded(float value, enum tensor_format format)
{
    return format == TENSOR_F32
               ? value
               : tensor_value_16(tensor_bits_16(value, format), format);
}

void product_case_encode(const float *values, uint64_t count, enum tensor_format format,
                         void *to)
{
    uint16_t *halves = to;
    if (format == TENSOR_F32)
        memcpy(to, values, (size_t)count * sizeof(values[0]));
    else
        for (uint64_t i = 0; i < count; i++)
            halves[i] = tensor_bits_16(values[i], format);
}

void product_case_erase(uint64_t count, enum tensor_format format, void *to)
{
    const float nothing = NAN;
    for (uint64_t i = 0; i < count; i++)
        product_case_encode(&nothing, 1, format,
                            (char *)to + i * tensor_element_bytes(format));
}

float product_case_decode(const void *from, uint64_t i, enum tensor_format format)
{
    if (format == TENSOR_F32)
        return ((const float *)from)[i];
    return tensor_value_16(((const uint16_t *)from)[i], format);
}

// ---------------------------------------------------------------------------
// A case

static void fill(struct random *r, enum product_data data, enum tensor_format format,
                 uint64_t count, float *values)
{
    for (uint64_t i = 0; i < count; i++) {
        // 1/8 to 1 and -1/8 to -1: a zero would hide what it is multiplied by.
        const int eighths = (int)random_below(r, 16) - 8;
        const double exact = (eighths + (eighths >= 0)) / 8.0;
        const double drawn = 2 * random_uniform(r) - 1;
        values[i] = rounded((float)(data == PRODUCT_EXACT ? exact : drawn), format);
    }
}

// The definition of all directions, of the operands or of their magnitudes.
static bool define(struct product_case *c, enum product_data data, bool magnitudes)
{
    const struct conv_attributes a = { .kernel = c->shape.kernel,
                                       .stride = c->shape.stride,
                                       .pad = c->shape.pad };
    double *in[PRODUCT_SIDE_COUNT], *out[PRODUCT_SIDE_COUNT];
    double *bias = mem_array(c->shape.c_out, sizeof(bias[0]));
    bool ok = bias != NULL;
    for (int k = 0; k < PRODUCT_SIDE_COUNT; k++) {
        struct product_numbers *side = &c->sides[k];
        const size_t count = (size_t)shape_count(side->shape);
        in[k] = mem_array(count, sizeof(in[k][0]));
        out[k] = mem_array(count, sizeof(out[k][0]));
        if (magnitudes)
            side->magnitude = out[k];
        else
            side->result[data] = out[k];
        ok = ok && in[k] && out[k];
        for (size_t i = 0; ok && i < count; i++) {
            const double value = (double)side->operand[data][i];
            in[k][i] = magnitudes ? fabs(value) : value;
        }
    }
    if (ok) {
        reference_conv_forward(a, c->shape.x, c->shape.c_out, in[PRODUCT_X],
                               in[PRODUCT_W], NULL, out[PRODUCT_Y]);
        reference_conv_backward(a, c->shape.x, c->shape.c_out, in[PRODUCT_X],
                                in[PRODUCT_W], in[PRODUCT_Y], out[PRODUCT_X],
                                out[PRODUCT_W], bias);
    }
    for (int k = 0; k < PRODUCT_SIDE_COUNT; k++)
        mem_free(in[k]);
    mem_free(bias);
    return ok;
}

bool product_case_init(struct product_case *c, const struct conv_shape *shape,
                       enum tensor_format format, bool defined)
{
    const struct shape shapes[PRODUCT_SIDE_COUNT] = { shape->x, conv_shape_w(shape),
                                                      conv_shape_y(shape) };
    *c = (struct product_case){ .shape = *shape, .format = format };
    struct random r;
    random_init(&r, 1, 0x5e);
    for (int k = 0; k < PRODUCT_SIDE_COUNT; k++) {
        struct product_numbers *side = &c->sides[k];
        side->shape = shapes[k];
        for (int d = 0; d < PRODUCT_DATA_COUNT; d++) {
            const uint64_t count = shape_count(side->shape);
            side->operand[d] = mem_array((size_t)count, sizeof(side->operand[d][0]));
            if (!side->operand[d])
                return false;
            fill(&r, (enum product_data)d, format, count, side->operand[d]);
        }
    }
    return !defined ||
           (define(c, PRODUCT_EXACT, false) && define(c, PRODUCT_ROUNDED, false) &&
            define(c, PRODUCT_ROUNDED, true));
}

void product_case_finish(struct product_case *c)
{
    for (int k = 0; k < PRODUCT_SIDE_COUNT; k++) {
        for (int d = 0; d < PRODUCT_DATA_COUNT; d++) {
            mem_free(c->sides[k].operand[d]);
            mem_free(c->sides[k].result[d]);
        }
        mem_free(c->sides[k].magnitude);
    }
    *c = (struct product_case){ 0 };
}

struct product_roles product_case_roles(const struct product_case *c,
                                        enum conv_direction direction)
{
    switch (direction) {
    case CONV_FORWARD:
        return (struct product_roles){ PRODUCT_X, PRODUCT_W, PRODUCT_Y, c->format };
    case CONV_BACKWARD_INPUT:
        return (struct product_roles){ PRODUCT_Y, PRODUCT_W, PRODUCT_X, c->format };
    case CONV_BACKWARD_WEIGHT:
        break;
    }
    return (struct product_roles){ PRODUCT_X, PRODUCT_Y, PRODUCT_W, TENSOR_F32 };
}

// ---------------------------------------------------------------------------
// Comparison

// Half the distance of neighbours around a number, at most.
static double half_step(double value, enum tensor_format format)
{
    switch (format) {
    case TENSOR_F16:
        return fmax(fabs(value) * 0x1p-11, 0x1p-25);
    case TENSOR_BF16:
        return fabs(value) * 0x1p-8;
    default:
        return 0;
    }
}

bool product_case_check(const struct product_case *c, enum conv_direction direction,
                        enum product_data data, const void *result, double *error,
                        char text[PRODUCT_TEXT_SIZE])
{
    const struct product_roles roles = product_case_roles(c, direction);
    const struct product_numbers *side = &c->sides[roles.out];
    struct conv_shape shape = c->shape;
    shape.direction = direction;
    const struct conv_product p = conv_shape_product(&shape);
    const double terms = (double)(p.inner * p.terms) + 2;
    const uint64_t count = shape_count(side->shape);
    uint64_t wrong = 0, first = 0;
    for (uint64_t i = 0; i < count; i++) {
        const double exact = side->result[data][i];
        const float value = product_case_decode(result, i, roles.out_format);
        bool is_right;
        if (data == PRODUCT_EXACT) {
            is_right = value == rounded((float)exact, roles.out_format);
        } else {
            // Each of k terms is rounded once in a product and once in a sum, by half
            // a unit, or by a whole one where a device cuts digits off.
            const double allowed = terms * 0x1p-23 * side->magnitude[i] +
                                   half_step(exact, roles.out_format) + 0x1p-126;
            const double off = fabs((double)value - exact) / allowed;
            is_right = off <= 1;
            if (is_right)
                *error = fmax(*error, off);
        }
        if (!is_right && wrong++ == 0)
            first = i;
    }
    if (!wrong)
        return true;
    char name[CONV_SHAPE_TEXT_SIZE];
    snprintf(text, PRODUCT_TEXT_SIZE,
             "%s: %" PRIu64 " of %" PRIu64 " numbers are wrong; number %" PRIu64
             " is %.9g, not %.9g",
             conv_shape_text(&shape, name), wrong, count, first,
             (double)product_case_decode(result, first, roles.out_format),
             side->result[data][first]);
    return false;
}
