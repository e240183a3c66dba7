// SPDX-License-Identifier: MIT
//
// Initial values of weights. See weights.h.

#include "tensor/weights.h"

#include "base/mem.h"
#include "base/parallel.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

// The standard deviation of a convolution's weight [s.n, s.c, s.h, s.w].
static double deviation_of(const struct weight *w, enum weights_law law, double gain)
{
    const struct shape s = w->value.shape;
    const double area = (double)s.h * s.w;
    const double in = s.c * area, out = s.n * area;
    switch (law) {
    case WEIGHTS_XAVIER:
        return gain * sqrt(2.0 / (in + out));
    case WEIGHTS_KAIMING:
        return sqrt(2.0 / in);
    case WEIGHTS_NORMAL:
    case WEIGHTS_ORTHOGONAL:
        break;
    }
    return gain;
}

// Numbers that are drawn by several threads at once, each part from its place in the
// sequence, so that they are those that one thread would have drawn.
struct drawing {
    struct random start;
    double mean, deviation;
    size_t count;
    float *values;
};

enum { PART = 1 << 16 };    // numbers of one job

static void draw_part(void *user, size_t part)
{
    const struct drawing *d = user;
    const size_t first = part * PART, end = MIN(first + PART, d->count);
    struct random r = d->start;
    random_skip(&r, (uint64_t)first * RANDOM_NORMAL_DRAWS);
    for (size_t i = first; i < end; i++)
        d->values[i] = (float)(d->mean + d->deviation * random_normal(&r));
}

// A deviation of 0 draws nothing, so that constants do not advance the random numbers.
static void draw(struct random *r, double mean, double deviation, size_t count,
                 float *values)
{
    struct drawing d = {
        .start = *r,
        .mean = mean,
        .deviation = deviation,
        .count = count,
        .values = values,
    };
    if (deviation > 0) {
        parallel_run(DIV_UP(count, (size_t)PART), UINT32_MAX, draw_part, &d);
        random_skip(r, (uint64_t)count * RANDOM_NORMAL_DRAWS);
        return;
    }
    for (size_t i = 0; i < count; i++)
        values[i] = (float)mean;
}

static double dot(const double *a, const double *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

// Makes the rows orthonormal, each against those before it (modified Gram-Schmidt,
// which is the QR decomposition with a positive diagonal). There are at least as many
// columns as rows, and the rows are random, so none is the sum of others.
static void orthonormalise(double *rows, size_t count, size_t columns)
{
    for (size_t i = 0; i < count; i++) {
        double *row = rows + i * columns;
        const double length = 1 / sqrt(dot(row, row, columns));
        for (size_t k = 0; k < columns; k++)
            row[k] *= length;
        for (size_t j = i + 1; j < count; j++) {
            double *other = rows + j * columns;
            const double share = dot(row, other, columns);
            for (size_t k = 0; k < columns; k++)
                other[k] -= share * row[k];
        }
    }
}

// A weight [n, c, h, w] as a matrix of n rows and c h w columns, its rows orthonormal.
// With more rows than columns they cannot be, and the columns are.
static bool draw_orthogonal(struct random *r, const struct shape s, double gain,
                            float *values)
{
    const size_t rows = s.n, columns = (size_t)s.c * s.h * s.w;
    // As torch.nn.init.orthogonal_, which transposes a tall matrix before it decomposes
    // it. `few` rows of the matrix are made orthonormal.
    const size_t few = MIN(rows, columns), many = MAX(rows, columns);
    double *matrix = mem_array(few * many, sizeof(matrix[0]));
    if (!matrix)
        return false;
    for (size_t i = 0; i < few * many; i++)
        matrix[i] = random_normal(r);
    orthonormalise(matrix, few, many);
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < columns; k++)
            values[i * columns + k] =
                (float)(gain * (rows <= columns ? matrix[i * many + k]
                                                : matrix[k * many + i]));
    mem_free(matrix);
    return true;
}

// Values are drawn on the host in the order of the list, so a seed gives the same
// network on every device.
bool weights_initialise(struct weights *weights, struct gpu_device *device,
                        struct random *r, enum weights_law law, double gain)
{
    for (size_t i = 0; i < weights->count; i++) {
        struct weight *w = weights->items[i];
        double mean = 0.0, deviation = 0.0;
        bool is_matrix = false;
        switch (w->kind) {
        case WEIGHT_CONV:
        case WEIGHT_CONV_TRANSPOSE:
            is_matrix = true;
            deviation = deviation_of(w, law, gain);
            break;
        case WEIGHT_NORM_SCALE:
            // The port's init_weights draws it from N(1, gain), whatever the law.
            mean = 1.0;
            deviation = gain;
            break;
        case WEIGHT_RUNNING_VARIANCE:
            mean = 1.0;
            break;
        case WEIGHT_BIAS:
        case WEIGHT_NORM_SHIFT:
        case WEIGHT_RUNNING_MEAN:
            continue;    // zero since weights_allocate
        }
        const size_t count = (size_t)shape_count(w->value.shape);
        float *values = mem_array(count, sizeof(values[0]));
        bool ok = values != NULL;
        if (ok && is_matrix && law == WEIGHTS_ORTHOGONAL)
            ok = draw_orthogonal(r, w->value.shape, gain, values);
        else if (ok)
            draw(r, mean, deviation, count, values);
        ok = ok && tensor_upload(device, &w->value, values);
        mem_free(values);
        if (!ok)
            return false;
    }
    return true;
}
