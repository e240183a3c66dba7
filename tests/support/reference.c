// SPDX-License-Identifier: MIT
//
// Definitions of the ops in doubles. See reference.h; the formulas are in
// shaders/shared.

#include "support/reference.h"

#include "shared/interpolate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------------------
// Activation

void reference_activation_forward(enum activation_kind kind, double slope, size_t count,
                                  const double *x, double *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = kind == ACTIVATION_KIND_TANH      ? tanh(x[i])
               : kind == ACTIVATION_KIND_SIGMOID ? 1.0 / (1.0 + exp(-x[i]))
               : x[i] > 0.0                      ? x[i]
                                                 : slope * x[i];
}

void reference_activation_backward(enum activation_kind kind, double slope,
                                   size_t count, const double *y, const double *dy,
                                   double *dx)
{
    for (size_t i = 0; i < count; i++)
        dx[i] = dy[i] * (kind == ACTIVATION_KIND_TANH      ? 1.0 - y[i] * y[i]
                         : kind == ACTIVATION_KIND_SIGMOID ? y[i] * (1.0 - y[i])
                         : y[i] > 0.0                      ? 1.0
                                                           : slope);
}

// ---------------------------------------------------------------------------
// Norm

// Element k of a group, of group_count() elements.
static size_t group_count(enum norm_kind kind, struct shape s)
{
    return (size_t)(kind == NORM_BATCH ? s.n : 1) * s.h * s.w;
}

static size_t group_element(enum norm_kind kind, struct shape s, uint32_t group,
                            size_t k)
{
    size_t plane = (size_t)s.h * s.w;
    if (kind == NORM_INSTANCE)
        return group * plane + k;
    return (k / plane * s.c + group) * plane + k % plane;
}

uint32_t reference_norm_groups(enum norm_kind kind, struct shape s)
{
    return kind == NORM_BATCH ? s.c : s.n * s.c;
}

static void group_moments(enum norm_kind kind, struct shape s, uint32_t group,
                          const double *x, double *mean, double *variance)
{
    size_t count = group_count(kind, s);
    double sum = 0, squares = 0;
    for (size_t k = 0; k < count; k++)
        sum += x[group_element(kind, s, group, k)];
    *mean = sum / (double)count;
    for (size_t k = 0; k < count; k++) {
        double d = x[group_element(kind, s, group, k)] - *mean;
        squares += d * d;
    }
    *variance = squares / (double)count;
}

void reference_norm_forward(enum norm_kind kind, double epsilon, struct shape s,
                            const double *x, const double *scale, const double *shift,
                            double *y, double *mean, double *variance)
{
    for (uint32_t g = 0; g < reference_norm_groups(kind, s); g++) {
        double m, v;
        group_moments(kind, s, g, x, &m, &v);
        uint32_t c = g % s.c;
        for (size_t k = 0; k < group_count(kind, s); k++) {
            size_t i = group_element(kind, s, g, k);
            double xhat = (x[i] - m) / sqrt(v + epsilon);
            y[i] = scale ? xhat * scale[c] + shift[c] : xhat;
        }
        if (mean)
            mean[g] = m;
        if (variance)
            variance[g] = v;
    }
}

void reference_norm_backward(enum norm_kind kind, double epsilon, struct shape s,
                             const double *x, const double *scale, const double *dy,
                             double *dx, double *dscale, double *dshift)
{
    size_t count = group_count(kind, s);
    for (uint32_t c = 0; c < s.c; c++) {
        if (dscale)
            dscale[c] = 0;
        if (dshift)
            dshift[c] = 0;
    }
    for (uint32_t g = 0; g < reference_norm_groups(kind, s); g++) {
        double m, v, sum = 0, sum_xhat = 0;
        group_moments(kind, s, g, x, &m, &v);
        double rstd = 1.0 / sqrt(v + epsilon);
        uint32_t c = g % s.c;
        for (size_t k = 0; k < count; k++) {
            size_t i = group_element(kind, s, g, k);
            sum += dy[i];
            sum_xhat += dy[i] * (x[i] - m) * rstd;
        }
        for (size_t k = 0; k < count; k++) {
            size_t i = group_element(kind, s, g, k);
            double xhat = (x[i] - m) * rstd;
            dx[i] = (scale ? scale[c] : 1.0) * rstd *
                    (dy[i] - (sum + xhat * sum_xhat) / (double)count);
        }
        if (dscale)
            dscale[c] += sum_xhat;
        if (dshift)
            dshift[c] += sum;
    }
}

void reference_norm_fixed(double epsilon, struct shape s, const double *x,
                          const double *scale, const double *shift, const double *mean,
                          const double *variance, double *y)
{
    for (size_t i = 0; i < shape_count(s); i++) {
        size_t c = i / ((size_t)s.h * s.w) % s.c;
        y[i] = (x[i] - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + shift[c];
    }
}

void reference_norm_running(enum norm_kind kind, double momentum, struct shape s,
                            const double *mean, const double *variance,
                            double *running_mean, double *running_variance)
{
    double count = (double)group_count(kind, s);
    double unbiased = count > 1 ? count / (count - 1) : 1;
    uint32_t samples = reference_norm_groups(kind, s) / s.c;
    for (uint32_t c = 0; c < s.c; c++) {
        double m = 0, v = 0;
        for (uint32_t n = 0; n < samples; n++) {
            m += mean[n * s.c + c] / samples;
            v += variance[n * s.c + c] / samples;
        }
        running_mean[c] = (1 - momentum) * running_mean[c] + momentum * m;
        running_variance[c] =
            (1 - momentum) * running_variance[c] + momentum * v * unbiased;
    }
}

// ---------------------------------------------------------------------------
// Dropout

// Salmon et al. 2011, with the constants and the ten rounds of their paper.
void reference_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4] = { counter[0], counter[1], counter[2], counter[3] };
    uint32_t k[2] = { key[0], key[1] };
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c[0];
        uint64_t b = (uint64_t)0xCD9E8D57u * c[2];
        const uint32_t next[4] = { (uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b,
                                   (uint32_t)(a >> 32) ^ c[3] ^ k[1], (uint32_t)a };
        for (int i = 0; i < 4; i++)
            c[i] = next[i];
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    for (int i = 0; i < 4; i++)
        out[i] = c[i];
}

uint32_t reference_random(const struct step_block *step, uint32_t stream,
                          uint32_t element)
{
    const uint32_t counter[4] = { element / 4, step->step, stream, 0 };
    const uint32_t key[2] = { step->seed_low, step->seed_high };
    uint32_t bits[4];
    reference_philox(counter, key, bits);
    return bits[element % 4];
}

void reference_dropout(double probability, const struct step_block *step,
                       uint32_t stream, size_t count, const double *x, double *y)
{
    for (size_t i = 0; i < count; i++) {
        double bits = (double)reference_random(step, stream, (uint32_t)i);
        y[i] = bits >= floor(probability * 4294967296.0) ? x[i] / (1 - probability) : 0;
    }
}

// ---------------------------------------------------------------------------
// Concat

void reference_concat(struct shape a_shape, uint32_t cb, const double *a,
                      const double *b, double *y)
{
    size_t plane = (size_t)a_shape.h * a_shape.w, ca = a_shape.c;
    for (size_t n = 0; n < a_shape.n; n++)
        for (size_t c = 0; c < ca + cb; c++)
            for (size_t k = 0; k < plane; k++)
                y[(n * (ca + cb) + c) * plane + k] =
                    c < ca ? a[(n * ca + c) * plane + k]
                           : b[(n * cb + c - ca) * plane + k];
}

void reference_split(struct shape a_shape, uint32_t cb, const double *dy, double *da,
                     double *db)
{
    size_t plane = (size_t)a_shape.h * a_shape.w, ca = a_shape.c;
    for (size_t n = 0; n < a_shape.n; n++)
        for (size_t c = 0; c < ca + cb; c++)
            for (size_t k = 0; k < plane; k++)
                *(c < ca ? &da[(n * ca + c) * plane + k]
                         : &db[(n * cb + c - ca) * plane + k]) =
                    dy[(n * (ca + cb) + c) * plane + k];
}

// ---------------------------------------------------------------------------
// Pad

// The row of x that row i of y shows, or -1 for a zero.
static int pad_source(enum pad_kind kind, uint32_t i, uint32_t size, uint32_t n)
{
    int source = (int)i - (int)size, last = (int)n - 1;
    if (source >= 0 && source <= last)
        return source;
    if (kind == PAD_KIND_ZERO)
        return -1;
    if (kind == PAD_KIND_WRAP) {
        while (source < 0)
            source += (int)n;
        return source % (int)n;
    }
    return source < 0 ? -source : last - (source - last);
}

void reference_pad_forward(struct pad_attributes a, struct shape s, const double *x,
                           double *y)
{
    const uint32_t size = a.size, h = s.h + 2 * size, w = s.w + 2 * size;
    for (size_t plane = 0; plane < (size_t)s.n * s.c; plane++)
        for (uint32_t r = 0; r < h; r++)
            for (uint32_t q = 0; q < w; q++) {
                int from_r = pad_source(a.down, r, size, s.h);
                int from_q = pad_source(a.across, q, size, s.w);
                y[(plane * h + r) * w + q] =
                    from_r < 0 || from_q < 0
                        ? 0
                        : x[(plane * s.h + (size_t)from_r) * s.w + (size_t)from_q];
            }
}

void reference_pad_backward(struct pad_attributes a, struct shape s, const double *dy,
                            double *dx)
{
    const uint32_t size = a.size, h = s.h + 2 * size, w = s.w + 2 * size;
    for (size_t i = 0; i < shape_count(s); i++)
        dx[i] = 0;
    for (size_t plane = 0; plane < (size_t)s.n * s.c; plane++)
        for (uint32_t r = 0; r < h; r++)
            for (uint32_t q = 0; q < w; q++) {
                int from_r = pad_source(a.down, r, size, s.h);
                int from_q = pad_source(a.across, q, size, s.w);
                if (from_r >= 0 && from_q >= 0)
                    dx[(plane * s.h + (size_t)from_r) * s.w + (size_t)from_q] +=
                        dy[(plane * h + r) * w + q];
            }
}

// ---------------------------------------------------------------------------
// Upsample

void reference_upsample_forward(struct shape s, const double *x, double *y)
{
    for (size_t plane = 0; plane < (size_t)s.n * s.c; plane++)
        for (size_t r = 0; r < 2 * (size_t)s.h; r++)
            for (size_t q = 0; q < 2 * (size_t)s.w; q++)
                y[(plane * 2 * s.h + r) * 2 * s.w + q] =
                    x[(plane * s.h + r / 2) * s.w + q / 2];
}

void reference_upsample_backward(struct shape s, const double *dy, double *dx)
{
    for (size_t i = 0; i < shape_count(s); i++)
        dx[i] = 0;
    for (size_t plane = 0; plane < (size_t)s.n * s.c; plane++)
        for (size_t r = 0; r < 2 * (size_t)s.h; r++)
            for (size_t q = 0; q < 2 * (size_t)s.w; q++)
                dx[(plane * s.h + r / 2) * s.w + q / 2] +=
                    dy[(plane * 2 * s.h + r) * 2 * s.w + q];
}

// ---------------------------------------------------------------------------
// Losses

double reference_loss(enum loss_kind kind, size_t count, const double *x,
                      const double *t, double label)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double goal = t ? t[i] : label, d = x[i] - goal;
        if (kind == LOSS_KIND_L1)
            sum += fabs(d);
        else if (kind == LOSS_KIND_MSE)
            sum += d * d;
        else if (kind == LOSS_KIND_HINGE)
            sum += fmax(0, 1 - goal * x[i]);
        else if (kind == LOSS_KIND_MEAN)
            sum += goal * x[i];
        else
            sum += fmax(x[i], 0) - x[i] * goal + log1p(exp(-fabs(x[i])));
    }
    return sum / (double)count;
}

void reference_loss_backward(enum loss_kind kind, size_t count, const double *x,
                             const double *t, double label, double dloss, double *dx)
{
    for (size_t i = 0; i < count; i++) {
        double goal = t ? t[i] : label, d = x[i] - goal;
        double slope = kind == LOSS_KIND_L1      ? (double)((d > 0) - (d < 0))
                       : kind == LOSS_KIND_MSE   ? 2 * d
                       : kind == LOSS_KIND_HINGE ? (goal * x[i] < 1 ? -goal : 0)
                       : kind == LOSS_KIND_MEAN  ? goal
                                                 : 1 / (1 + exp(-x[i])) - goal;
        dx[i] = dloss * slope / (double)count;
    }
}

// ---------------------------------------------------------------------------
// Gradient penalty

double reference_alpha(const struct step_block *step, uint32_t stream, uint32_t sample)
{
    const uint32_t counter[4] = { sample, step->step, stream, INTERPOLATE_PURPOSE };
    const uint32_t key[2] = { step->seed_low, step->seed_high };
    uint32_t bits[4];
    reference_philox(counter, key, bits);
    return (double)(bits[0] >> 8) / 16777216.0;
}

static double sample_norm(struct shape s, const double *x, uint32_t n)
{
    double sum = 0;
    for (size_t i = 0; i < shape_run(s); i++)
        sum += x[n * (size_t)shape_run(s) + i] * x[n * (size_t)shape_run(s) + i];
    return sqrt(sum);
}

double reference_penalty(struct shape s, const double *x, double weight)
{
    double sum = 0;
    for (uint32_t n = 0; n < s.n; n++)
        sum += pow(sample_norm(s, x, n) - 1, 2);
    return weight * sum / s.n;
}

void reference_penalty_backward(struct shape s, const double *x, double weight,
                                double dy, double *dx)
{
    for (uint32_t n = 0; n < s.n; n++) {
        double norm = sample_norm(s, x, n);
        for (size_t i = n * (size_t)shape_run(s); i < (n + 1) * (size_t)shape_run(s);
             i++)
            dx[i] = norm == 0 ? 0 : dy * weight / s.n * 2 * (norm - 1) * (x[i] / norm);
    }
}

// ---------------------------------------------------------------------------
// Optimisers

void reference_adam(size_t count, uint32_t step, double lr, double beta1, double beta2,
                    double epsilon, const double *g, double *w, double *m, double *v)
{
    double correction1 = 1 - pow(beta1, step), correction2 = 1 - pow(beta2, step);
    for (size_t i = 0; i < count; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        w[i] -= lr / correction1 * m[i] / (sqrt(v[i]) / sqrt(correction2) + epsilon);
    }
}

void reference_sgd(size_t count, double lr, double momentum, const double *g, double *w,
                   double *velocity)
{
    for (size_t i = 0; i < count; i++) {
        velocity[i] = momentum * velocity[i] + g[i];
        w[i] -= lr * velocity[i];
    }
}

// ---------------------------------------------------------------------------
// Pixels

static double unpack_sample(const struct pixels_attributes *attr, const uint8_t *from,
                            size_t at)
{
    const double low = (double)attr->range.low, high = (double)attr->range.high;
    double v = from[at];
    uint16_t wide;
    float number;
    if (attr->kind == PIXEL_U16) {
        memcpy(&wide, from + at * 2, sizeof(wide));
        v = wide;
    } else if (attr->kind == PIXEL_F32) {
        memcpy(&number, from + at * 4, sizeof(number));
        v = (double)number;
    }
    if (high > low)
        return (MIN(MAX(v, low), high) - low) / (high - low) * 2 - 1;
    return attr->kind == PIXEL_U8    ? (v / 255 - 0.5) / 0.5
           : attr->kind == PIXEL_U16 ? (v / 65535 - 0.5) / 0.5
                                     : v;
}

void reference_pixels_unpack(uint32_t n, struct pixels_attributes attr, uint32_t h,
                             uint32_t w, const uint8_t *pixels, const uint32_t *jitter,
                             double *out)
{
    for (size_t i = 0; i < n; i++) {
        const size_t sample = attr.first_sample + i;
        const uint8_t *from = pixels + sample * attr.sample_bytes + attr.offset_bytes;
        const uint32_t *j = jitter + sample * 4;
        for (size_t c = 0; c < attr.channels; c++)
            for (size_t r = 0; r < h; r++)
                for (size_t q = 0; q < w; q++) {
                    size_t row = j[1] + r, column = j[0] + (j[2] ? w - 1 - q : q);
                    size_t at = (c * attr.side_h + row) * attr.side_w + column;
                    out[((i * attr.channels + c) * h + r) * w + q] =
                        unpack_sample(&attr, from, at);
                }
    }
}

static float float_of(uint32_t word)
{
    float v;
    memcpy(&v, &word, sizeof(v));
    return v;
}

// In floats, as the kernel: which pixel is the nearest depends on it.
static double place_in(float along, float across, float start, size_t q, size_t r,
                       uint32_t side)
{
    const float a = along * ((float)q + 0.5f), b = across * ((float)r + 0.5f);
    const float sum = a + b;
    const float place = sum + start;
    return MIN(MAX(place - 0.5f, 0), (float)(side - 1));
}

// Beside a place that is whole nothing counts.
static double mix(const struct pixels_attributes *attr, const uint8_t *from,
                  size_t plane, double row, double column)
{
    double sum = 0;
    for (int down = 0; down < 2; down++)
        for (int right = 0; right < 2; right++) {
            const size_t y = (size_t)row + (size_t)down,
                         x = (size_t)column + (size_t)right;
            const double wy = down ? row - floor(row) : 1 - (row - floor(row)),
                         wx = right ? column - floor(column)
                                    : 1 - (column - floor(column));
            if (wx != 0 && wy != 0)
                sum +=
                    wx * wy * unpack_sample(attr, from, plane + y * attr->side_w + x);
        }
    return sum;
}

static double touched(const struct pixels_attributes *attr, const uint32_t *j, size_t i,
                      double v)
{
    const uint32_t counter[4] = { (uint32_t)i, 0, 0, 0 };
    uint32_t bits[4];
    reference_philox(counter, j + 9, bits);
    const double u = ((bits[0] >> 8) + 0.5) / (1 << 24),
                 turn = (double)(bits[1] >> 8) / (1 << 24);
    v = v * (double)float_of(j[6]) + (double)float_of(j[7]) -
        (double)float_of(j[8]) * sqrt(-2 * log(u)) * cos(2 * acos(-1) * turn);
    const bool is_open = attr->kind == PIXEL_F32 && !pixel_range_is_set(attr->range);
    return is_open ? v : MIN(MAX(v, -1), 1);
}

void reference_pixels_augment(uint32_t n, struct pixels_attributes attr, uint32_t h,
                              uint32_t w, const uint8_t *pixels, const uint32_t *jitter,
                              double *out)
{
    for (size_t i = 0; i < n; i++) {
        const size_t sample = attr.first_sample + i;
        const uint8_t *from = pixels + sample * attr.sample_bytes + attr.offset_bytes;
        const uint32_t *j = jitter + sample * 12;
        for (size_t k = 0; k < (size_t)attr.channels * h * w; k++) {
            const size_t c = k / w / h, r = k / w % h, q = k % w;
            const double column = place_in(float_of(j[0]), float_of(j[1]),
                                           float_of(j[4]), q, r, attr.side_w);
            const double row = place_in(float_of(j[2]), float_of(j[3]), float_of(j[5]),
                                        q, r, attr.side_h);
            const size_t plane = c * attr.side_h * attr.side_w;
            double v = attr.nearest ? mix(&attr, from, plane, floor(row + 0.5),
                                          floor(column + 0.5))
                                    : mix(&attr, from, plane, row, column);
            if (c < attr.touched)
                v = touched(&attr, j, k, v);
            out[i * attr.channels * h * w + k] = v;
        }
    }
}

// In floats: which of two numbers is the nearest depends on it.
static float pack_sample(float x, enum pixel_kind kind, struct pixel_range range)
{
    const float width = range.high - range.low;
    const float most = kind == PIXEL_U8 ? 255.0f : 65535.0f;
    if (width > 0 && kind == PIXEL_F32)
        return range.low + (x + 1.0f) / 2.0f * width;
    if (width > 0)
        return range.low + (isnan(x) ? 0 : MIN(MAX((x + 1.0f) / 2.0f, 0), 1) * width) +
               0.5f;
    if (kind == PIXEL_F32)
        return x;
    const float v = (x + 1.0f) / 2.0f * most;
    return isnan(v) || v <= 0.0f ? 0.0f : MIN(v + 0.5f, most);
}

void reference_pixels_pack(struct shape s, enum pixel_kind kind,
                           struct pixel_range range, const float *x, uint8_t *out)
{
    size_t run = shape_run(s);
    size_t bytes = (size_t)pixel_staged_bytes(kind, s.c, s.w, s.h);
    memset(out, 0, s.n * bytes);
    for (size_t n = 0; n < s.n; n++)
        for (size_t k = 0; k < run; k++) {
            uint8_t *to = out + n * bytes + k * pixel_bytes(kind);
            const float v = pack_sample(x[n * run + k], kind, range);
            const uint16_t value = kind == PIXEL_F32 ? 0 : (uint16_t)v;
            if (kind == PIXEL_F32)
                memcpy(to, &v, sizeof(v));
            else if (kind == PIXEL_U16)
                memcpy(to, &value, sizeof(value));
            else
                *to = (uint8_t)value;
        }
}
