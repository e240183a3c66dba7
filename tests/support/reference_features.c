// SPDX-License-Identifier: MIT
//
// Definitions in doubles. See reference_features.h; the formulas are in shaders/shared.

#include "support/reference_features.h"

#include "shared/unit.h"

#include <math.h>

// ---------------------------------------------------------------------------
// Pool

// Whole windows, and in ceil mode one more for what is behind them, unless it began
// behind the end.
static uint32_t windows(struct pool_attributes a, uint32_t side)
{
    uint32_t count = 0;
    while (count * a.stride + a.kernel <= side)
        count++;
    const uint32_t covered = count ? (count - 1) * a.stride + a.kernel : 0;
    // A side smaller than a window has one if no more than a stride is missing.
    const bool near = count > 0 || side + a.stride > a.kernel;
    return count + (a.ceil && covered < side && count * a.stride < side && near);
}

struct shape reference_pool_shape(struct pool_attributes a, struct shape s)
{
    return (struct shape){ s.n, s.c, windows(a, s.h), windows(a, s.w) };
}

// The first largest element of the window of row r, column q, in its plane.
static size_t find_largest(struct pool_attributes a, struct shape s,
                           const double *plane, uint32_t r, uint32_t q)
{
    size_t best = (size_t)r * a.stride * s.w + q * a.stride;
    for (uint32_t i = r * a.stride; i < r * a.stride + a.kernel && i < s.h; i++)
        for (uint32_t k = q * a.stride; k < q * a.stride + a.kernel && k < s.w; k++)
            if (plane[(size_t)i * s.w + k] > plane[best])
                best = (size_t)i * s.w + k;
    return best;
}

void reference_pool_forward(struct pool_attributes a, struct shape s, const double *x,
                            double *y)
{
    const struct shape out = reference_pool_shape(a, s);
    const size_t plane = (size_t)s.h * s.w;
    for (size_t p = 0; p < (size_t)s.n * s.c; p++)
        for (uint32_t r = 0; r < out.h; r++)
            for (uint32_t q = 0; q < out.w; q++)
                y[(p * out.h + r) * out.w + q] =
                    x[p * plane + find_largest(a, s, x + p * plane, r, q)];
}

void reference_pool_backward(struct pool_attributes a, struct shape s, const double *x,
                             const double *dy, double *dx)
{
    const struct shape out = reference_pool_shape(a, s);
    const size_t plane = (size_t)s.h * s.w;
    for (size_t i = 0; i < shape_count(s); i++)
        dx[i] = 0;
    for (size_t p = 0; p < (size_t)s.n * s.c; p++)
        for (uint32_t r = 0; r < out.h; r++)
            for (uint32_t q = 0; q < out.w; q++)
                dx[p * plane + find_largest(a, s, x + p * plane, r, q)] +=
                    dy[(p * out.h + r) * out.w + q];
}

// ---------------------------------------------------------------------------
// Unit

// The length of the channels of a pixel, whose first element this is.
static double length_at(struct shape s, const double *x, size_t first)
{
    double sum = 0;
    for (uint32_t c = 0; c < s.c; c++)
        sum += x[first + (size_t)c * s.h * s.w] * x[first + (size_t)c * s.h * s.w];
    return sqrt(sum);
}

// The first element of pixel i of all samples.
static size_t first_of(struct shape s, size_t i)
{
    const size_t plane = (size_t)s.h * s.w;
    return i / plane * plane * s.c + i % plane;
}

void reference_unit_forward(struct shape s, const double *x, double *y)
{
    const size_t plane = (size_t)s.h * s.w;
    for (size_t i = 0; i < s.n * plane; i++) {
        const size_t first = first_of(s, i);
        const double length = length_at(s, x, first);
        for (uint32_t c = 0; c < s.c; c++)
            y[first + c * plane] = x[first + c * plane] / (length + UNIT_EPSILON);
    }
}

void reference_unit_backward(struct shape s, const double *x, const double *dy,
                             double *dx)
{
    const size_t plane = (size_t)s.h * s.w;
    for (size_t i = 0; i < s.n * plane; i++) {
        const size_t first = first_of(s, i);
        const double length = length_at(s, x, first), all = length + UNIT_EPSILON;
        double product = 0;
        for (uint32_t c = 0; c < s.c; c++)
            product += dy[first + c * plane] * x[first + c * plane];
        for (uint32_t c = 0; c < s.c; c++) {
            const size_t at = first + c * plane;
            dx[at] =
                length == 0 ? 0 : dy[at] / all - x[at] * product / (length * all * all);
        }
    }
}

// ---------------------------------------------------------------------------
// Affine

void reference_affine_forward(const struct affine_attributes *a, struct shape s,
                              const double *x, double *y)
{
    for (size_t i = 0; i < shape_count(s); i++) {
        const size_t c = i / ((size_t)s.h * s.w) % s.c;
        y[i] = (double)a->scale[c] * x[i] + (double)a->shift[c];
    }
}

void reference_affine_backward(const struct affine_attributes *a, struct shape s,
                               const double *dy, double *dx)
{
    for (size_t i = 0; i < shape_count(s); i++)
        dx[i] = (double)a->scale[i / ((size_t)s.h * s.w) % s.c] * dy[i];
}

// ---------------------------------------------------------------------------
// Distance

void reference_distance_forward(struct shape s, const double *a, const double *b,
                                const double *w, double *y)
{
    const size_t plane = (size_t)s.h * s.w;
    for (uint32_t n = 0; n < s.n; n++) {
        y[n] = 0;
        for (size_t i = 0; i < s.c * plane; i++) {
            const double d = a[n * s.c * plane + i] - b[n * s.c * plane + i];
            y[n] += w[i / plane] * d * d;
        }
        y[n] /= (double)plane;
    }
}

void reference_distance_backward(struct shape s, const double *a, const double *b,
                                 const double *w, const double *dy, double *da,
                                 double *db)
{
    const size_t plane = (size_t)s.h * s.w;
    for (size_t i = 0; i < shape_count(s); i++) {
        const double factor = w[i / plane % s.c] * dy[i / plane / s.c];
        da[i] = 2 * factor * (a[i] - b[i]) / (double)plane;
        if (db)
            db[i] = -da[i];
    }
}

// ---------------------------------------------------------------------------
// Softmax

// The logarithm of the sum of exp(x) over the channels of a pixel.
static double log_sum_at(struct shape s, const double *x, size_t first)
{
    const size_t plane = (size_t)s.h * s.w;
    double most = x[first], sum = 0;
    for (uint32_t c = 1; c < s.c; c++)
        most = fmax(most, x[first + c * plane]);
    for (uint32_t c = 0; c < s.c; c++)
        sum += exp(x[first + c * plane] - most);
    return most + log(sum);
}

void reference_softmax_forward(struct shape s, const double *x, double *y)
{
    const size_t plane = (size_t)s.h * s.w;
    for (size_t i = 0; i < s.n * plane; i++) {
        const size_t first = first_of(s, i);
        const double sum = log_sum_at(s, x, first);
        for (uint32_t c = 0; c < s.c; c++)
            y[first + c * plane] = 2 * exp(x[first + c * plane] - sum) - 1;
    }
}

void reference_softmax_backward(struct shape s, const double *x, const double *dy,
                                double *dx)
{
    const size_t plane = (size_t)s.h * s.w;
    for (size_t i = 0; i < s.n * plane; i++) {
        const size_t first = first_of(s, i);
        const double sum = log_sum_at(s, x, first);
        for (uint32_t c = 0; c < s.c; c++) {
            const double p = exp(x[first + c * plane] - sum);
            double d = 0;
            for (uint32_t k = 0; k < s.c; k++) {
                const double q = exp(x[first + k * plane] - sum);
                d += 2 * dy[first + k * plane] * q * ((k == c) - p);
            }
            dx[first + c * plane] = d;
        }
    }
}

double reference_cross_entropy(struct shape s, const double *x, const double *t)
{
    const size_t plane = (size_t)s.h * s.w;
    double loss = 0;
    for (size_t i = 0; i < s.n * plane; i++) {
        const size_t first = first_of(s, i);
        const double sum = log_sum_at(s, x, first);
        for (uint32_t c = 0; c < s.c; c++)
            loss += (t[first + c * plane] + 1) / 2 * (sum - x[first + c * plane]);
    }
    return loss / (double)(s.n * plane);
}

void reference_cross_entropy_backward(struct shape s, const double *x, const double *t,
                                      double *dx)
{
    const size_t plane = (size_t)s.h * s.w;
    for (size_t i = 0; i < s.n * plane; i++) {
        const size_t first = first_of(s, i);
        const double sum = log_sum_at(s, x, first);
        double all = 0;
        for (uint32_t c = 0; c < s.c; c++)
            all += (t[first + c * plane] + 1) / 2;
        for (uint32_t c = 0; c < s.c; c++) {
            const size_t at = first + c * plane;
            dx[at] = (all * exp(x[at] - sum) - (t[at] + 1) / 2) / (double)(s.n * plane);
        }
    }
}
