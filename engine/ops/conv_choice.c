// SPDX-License-Identifier: MIT
//
// What variants are expected to cost, and the choice among them. See conv_choice.h.

#include "ops/conv_choice.h"

#include "ops/tuning.h"

#include <assert.h>

// For a software driver, in vectors of multiplications: what was measured there. A term
// that is unrolled costs the compiler 0.6 ms, which a run of a thousand steps repays.
#define COMPILE_COST 5000

// A term costs 3 for each sum and 42 for each operand that is loaded, a sum 50 to
// store, a workgroup 3000 to start.
static uint64_t direct_cost(const struct conv_variant *v, const struct conv_product *p)
{
    const uint64_t sums = (uint64_t)v->reg_m * v->reg_n;
    const uint64_t groups = DIV_UP(p->m, v->m) * DIV_UP(p->n, v->n) * p->phases;
    return groups * (p->terms * p->inner * (3 * sums + 42 * (v->reg_m + v->reg_n + 1)) +
                     50 * sums + 3000) +
           COMPILE_COST * sums;
}

static uint64_t rows_cost(const struct conv_variant *v, const struct conv_shape *s,
                          const struct conv_product *p)
{
    // A fetch of a float, of four, and of those that a subgroup shares.
    const uint64_t one = 16, four = 26;
    // Eight invocations, as in the table: a vector of a usual CPU.
    const struct conv_rows r = conv_variant_rows(v, s, 8);
    const bool weight = s->direction == CONV_BACKWARD_WEIGHT;
    const bool input = s->direction == CONV_BACKWARD_INPUT;
    const uint64_t other = weight ? s->kernel : v->reg_n;
    const uint64_t a = (uint64_t)v->reg_m * (weight ? v->reg_n : s->kernel);
    const uint64_t line = input ? (v->reg_n + s->kernel - 1) / s->stride + 1
                                : (uint64_t)(v->reg_n - 1) * s->stride + s->kernel;
    const uint64_t sums = (uint64_t)v->reg_m * other;
    uint64_t fetches = r.fours_a ? a / 4 : a;
    if (v->kind == CONV_SHARE)
        fetches = DIV_UP(fetches, 8);
    uint64_t step = a * other / (input ? s->stride : 1) + sums + 40;
    // Weight gradients are most often used up by Adam at once.
    const uint64_t store = weight ? 1000 + 40 * v->reg_m : 100 + 10 * v->reg_m;
    step += fetches * (r.fours_a ? four : one) + (v->kind == CONV_SHARE ? a : 0);
    step += r.fours_line ? DIV_UP(line + 4, 4) * four : line * one;
    return r.groups * r.phases * (p->terms * r.steps * step + store * sums + 3000) +
           COMPILE_COST * a * other;
}

// Invocations of a vector variant for software drivers; those for GPUs have more.
#define VECTOR_OF_CPUS 8

static uint64_t vector_cost(const struct conv_variant *v, const struct conv_shape *s,
                            const struct conv_product *p)
{
    const struct shape y = conv_shape_y(s);
    const struct conv_vector r = conv_variant_vector(v, s);
    const bool forward = s->direction == CONV_FORWARD;
    const uint64_t parts = forward ? v->n : v->n / v->m;
    const uint64_t steps =
        DIV_UP((uint64_t)p->terms * (forward ? s->kernel : 1), parts);
    uint64_t image = (uint64_t)r.rows * (forward ? s->x.w : y.h * y.w);
    const uint64_t weights = forward ? v->reg_m : s->kernel;
    if (v->n > VECTOR_OF_CPUS) {
        // As below for GPUs.
        const uint64_t step = r.unrolled + 6 * (weights + image) + 60;
        const uint64_t waves = DIV_UP(r.groups * DIV_UP(v->n, 64), 64);
        return steps * MAX(waves * step, step + 150) + r.sums * v->n;
    }
    image = r.fours ? image / 4 * 26 : image * 16;
    const uint64_t ends = parts == 1 ? 50 * r.sums : 100 * r.sums;
    return r.groups *
               (steps * (r.unrolled + r.sums + image + 26 * weights) + ends + 3000) +
           COMPILE_COST * r.unrolled;
}

// Invocations of a subgroup of matrix units, and how many times as fast as others they
// multiply.
#define MATRIX_SUBGROUP 32
#define MATRIX_SPEED 6

// For GPUs, in multiplications of an invocation. The constants are rough guesses.
uint64_t conv_choice_cost(const struct conv_variant *v, const struct conv_shape *s)
{
    const struct conv_product p = conv_shape_product(s);
    if (conv_variant_has_rows(v))
        return rows_cost(v, s, &p);
    if (v->kind == CONV_VECTOR)
        return vector_cost(v, s, &p);
    const bool is_matrix = v->kind == CONV_MATRIX;
    if (v->kind != CONV_SHARED && !is_matrix)
        return direct_cost(v, &p);
    const uint64_t k = p.terms * p.inner;
    const uint64_t groups = DIV_UP(p.m, v->m) * DIV_UP(p.n, v->n) * p.phases;
    const uint64_t sums = (uint64_t)v->reg_m * v->reg_n;
    // In instructions of 64 invocations, of which a GPU of middle size has 64 units. As
    // compiled for AMD (tools/isa_report): a step multiplies, reads four operands of
    // shared memory at a time, loads its share of the tiles, and has 60 more. One that
    // is alone on its unit waits for memory and barriers besides.
    const uint64_t threads =
        v->m / v->reg_m * (v->n / v->reg_n) * (is_matrix ? MATRIX_SUBGROUP : 1);
    const uint64_t products = is_matrix ? v->k * sums / MATRIX_SUBGROUP / MATRIX_SPEED +
                                              v->k * (v->reg_m + v->reg_n) / 64
                                        : v->k * (sums + (v->reg_m + v->reg_n + 3) / 4);
    const uint64_t step = products + 6 * v->k * (v->m + v->n) / threads + 60;
    const uint64_t parts = MIN(v->parts, p.terms);
    const uint64_t waves = DIV_UP(groups * parts * DIV_UP(threads, 64), 64);
    // Parts need a second kernel and its memory traffic.
    const uint64_t second =
        parts > 1 ? 15000 + parts * shape_count(conv_shape_out(s)) / 25 : 0;
    return DIV_UP(DIV_UP(k, parts), v->k) * MAX(waves * step, step + 150) + second;
}

// Numbers that an invocation holds while it multiplies, its sums and what it stages: up
// to these a kernel takes no more registers than leave room for four subgroups, and
// spills none (tools/isa_report). That is 128 on NVIDIA's and Intel's GPUs. RDNA 3 has
// more, and reads operands twice, so that many sums pay there.
#define MATRIX_NUMBERS 80
#define MATRIX_NUMBERS_TWICE 176

static bool matrix_suits(const struct conv_variant *v, const struct op_limits *limits,
                         enum tensor_format format)
{
    const struct gpu_matrix *m = &limits->matrix;
    const struct gpu_matrix_product *units = tensor_matrix_product(m, format);
    if (!units || limits->is_cpu)
        return false;
    const uint32_t numbers = v->reg_m * v->reg_n / m->subgroup +
                             (v->m + v->n) * v->k / conv_variant_invocations(v, limits);
    // So few rows are for small matrices.
    return (v->reg_m >= 32 || units->m == 8) &&
           numbers <= (m->reads_twice ? MATRIX_NUMBERS_TWICE : MATRIX_NUMBERS);
}

// Whether a product takes at most two reads of shared memory for an instruction of
// matrix units, where that depends on the tile and the product fills one. RADV reads a
// matrix of 16 x 16 in four parts on RDNA 3: that takes 4 x 4 of them at least. ANV
// reads one of 8 x 16 in four and one of 16 x 16 in two: 2 x 4.
static bool matrix_feeds(const struct conv_variant *v, const struct op_limits *limits,
                         const struct conv_shape *s)
{
    const struct gpu_matrix *m = &limits->matrix;
    const struct conv_product p = conv_shape_product(s);
    const uint32_t sums = v->reg_m * v->reg_n;
    if (v->kind != CONV_MATRIX || p.m < 64 || p.n < 64)
        return true;
    if (m->reads_twice)
        return sums >= 64 * 64;
    return m->subgroup >= 32 || p.m < 128 || p.n < 128 || sums >= 16 * 64;
}

bool conv_choice_suits(const struct conv_variant *v, const struct op_limits *limits,
                       enum tensor_format format)
{
    if (v->kind == CONV_VECTOR)
        return (v->n <= VECTOR_OF_CPUS) == limits->is_cpu;
    if (v->kind == CONV_MATRIX)
        return matrix_suits(v, limits, format);
    return limits->is_cpu ? v->kind == CONV_DIRECT || conv_variant_has_rows(v)
                          : v->kind == CONV_SHARED;
}

static bool is_trusted(const struct op_limits *limits, const struct conv_variant *v,
                       const struct conv_shape *s)
{
    return v->kind != CONV_MATRIX || !limits->trusts ||
           limits->trusts(limits->trusts_user, v, s);
}

// Whether there is a kernel of those that matrix_feeds() means.
static bool can_feed(const struct op_limits *limits, const struct conv_shape *s)
{
    size_t count;
    const struct conv_variant *table = conv_variant_table(&count);
    for (size_t i = 0; i < count; i++)
        if (table[i].kind == CONV_MATRIX &&
            conv_choice_suits(&table[i], limits, s->format) &&
            conv_variant_fits(&table[i], limits, s) &&
            matrix_feeds(&table[i], limits, s))
            return true;
    return false;
}

static const struct conv_variant *find_cheapest(const struct op_limits *limits,
                                                const struct conv_shape *s,
                                                bool with_matrix)
{
    // The first of equally cheap ones wins, so the order of the table is part of the
    // choice.
    const struct conv_variant *best = NULL;
    size_t count;
    const struct conv_variant *table = conv_variant_table(&count);
    const bool fed = with_matrix && can_feed(limits, s);
    for (size_t i = 0; i < count; i++) {
        const struct conv_variant *v = &table[i];
        if ((with_matrix || v->kind != CONV_MATRIX) &&
            conv_choice_suits(v, limits, s->format) &&
            conv_variant_fits(v, limits, s) && (!fed || matrix_feeds(v, limits, s)) &&
            (!best || conv_choice_cost(v, s) < conv_choice_cost(best, s)))
            best = v;
    }
    // Each class of devices has variants within the guaranteed limits, for any shape.
    assert(best);
    return best;
}

const struct conv_variant *conv_choice_built_in(const struct op_limits *limits,
                                                const struct conv_shape *s)
{
    const struct conv_variant *best = find_cheapest(limits, s, true);
    return is_trusted(limits, best, s) ? best : find_cheapest(limits, s, false);
}

const struct conv_variant *conv_choice_of(const struct op_limits *limits,
                                          const struct conv_shape *s)
{
    if (limits->force && conv_variant_fits(limits->force, limits, s))
        return limits->force;
    // A table may come from another device: what does not fit this one is ignored.
    const struct conv_variant *tuned = tuning_find(limits->tuning, s);
    if (tuned && conv_variant_fits(tuned, limits, s) && is_trusted(limits, tuned, s))
        return tuned;
    return conv_choice_built_in(limits, s);
}
