// SPDX-License-Identifier: MIT
//
// Every kernel that can compute a convolution, whatever a device would choose, against
// the reference, and those of the tiles that any GPU can have on every shape.
//
// A software driver takes a second to compile such a kernel. There are two in
// tools/test.sh, which take turns (test_takes), so that each kernel runs on one of them
// in all directions. What one kernel serves is run whole: sizes cost nothing. GPUs run
// everything, and software drivers do with PIX_TEST_FULL=1.

#include "support/conv_case.h"

#include "ops/conv_variant.h"

// The tiles that a GPU with the guaranteed limits gets.
static void run_guaranteed(void)
{
    size_t count;
    const struct conv_case *cases = conv_case_table(&count);
    for (size_t i = 0; i < count; i++)
        for (int transpose = 0; transpose < 2; transpose++)
            conv_case_run(&cases[i], transpose, "tiled for guaranteed limits",
                          test_guaranteed_limits(), i % 2);
}

// For a software driver: for each kernel, stride and padding one of the tiles that
// compile fast, without bias and without sums into gradients, so that all sizes of
// convolutions and transposed ones share three kernels, or six, where some numbers of
// channels are multiples of 4.
static void run_guaranteed_fast(void)
{
    static const char *const fast[] = { "shared-64x64x4-8x4", "shared-16x64x16-4x2",
                                        "shared-64x16x16-8x1" };
    size_t count;
    const struct conv_case *cases = conv_case_table(&count);
    for (size_t i = 0; i < count; i++) {
        const size_t group = conv_case_group(i);
        const char *name = fast[group % ARRAY_LEN(fast)];
        struct conv_case c = cases[i];
        c.bias = false;
        for (int transpose = 0; transpose < 2; transpose++)
            if (test_takes(group))
                conv_case_run(&c, transpose, name, conv_case_force(name), false);
    }
}

static void test_tiled_guaranteed(void **state)
{
    (void)state;
    if (test_is_thorough())
        run_guaranteed();
    else
        run_guaranteed_fast();
}

// Whether the variant is possible for a direction at least.
static bool fits_some(const struct conv_variant *v, const struct conv_case *c,
                      bool transpose)
{
    struct conv_shape s = {
        .x = transpose ? conv_case_out_shape(c, true) : c->x,
        .c_out = transpose ? c->x.c : c->c_out,
        .kernel = c->a.kernel,
        .stride = c->a.stride,
        .pad = c->a.pad,
    };
    const struct op_limits limits = test_gpu_limits();
    bool fits = false;
    for (int d = CONV_FORWARD; d <= CONV_BACKWARD_WEIGHT; d++) {
        s.direction = (enum conv_direction)d;
        fits |= conv_variant_fits(v, &limits, &s);
    }
    return fits;
}

// Shapes that cross the edges of most tiles; of the second three all numbers of
// channels are multiples of 4, which tiles in shared memory make use of.
static const struct conv_case tile_cases[] = {
    { { 1, 70, 5, 6 }, 66, { 4, 2, 1, 0 }, false },
    { { 2, 5, 11, 13 }, 3, { 4, 2, 1, 0 }, false },
    { { 1, 34, 2, 2 }, 133, { 4, 2, 1, 0 }, false },
    { { 1, 72, 5, 6 }, 68, { 4, 2, 1, 0 }, false },
    { { 2, 8, 11, 13 }, 4, { 4, 2, 1, 0 }, false },
    { { 1, 36, 2, 2 }, 132, { 4, 2, 1, 0 }, false },
};

// Whether a case is run. Pairs of neighbours in the table are alike but for one number,
// and of tiles in shared memory every other pair gets either kind of channels. A sum in
// parts has a kernel for each number of them, so it gets one shape.
static bool takes_case(const struct conv_variant *v, size_t place, size_t i)
{
    if (test_is_thorough())
        return true;
    if (v->parts > 1)
        return test_takes(place) && i == place % ARRAY_LEN(tile_cases);
    if (v->kind == CONV_SHARED)
        return test_takes(place) && i / 3 == place / 2 % 2;
    return test_takes(place / 2) && i < 3;
}

static void test_every_variant(void **state)
{
    (void)state;
    size_t count;
    const struct conv_variant *table = conv_variant_table(&count);
    for (size_t v = 0; v < count; v++)
        for (size_t i = 0; i < ARRAY_LEN(tile_cases); i++)
            if (takes_case(&table[v], v, i) &&
                fits_some(&table[v], &tile_cases[i], i % 2))
                conv_case_run(&tile_cases[i], i % 2, table[v].name,
                              conv_case_force(table[v].name), false);
}

// Variants for small maps, which several samples share: none of the shapes above has
// both.
static void test_batches_of_small_maps(void **state)
{
    static const struct conv_case cases[] = {
        { { 3, 9, 4, 6 }, 10, { 4, 2, 1, 0 }, false },
        { { 5, 8, 2, 2 }, 12, { 4, 2, 1, 0 }, true },
    };
    (void)state;
    size_t count;
    const struct conv_variant *table = conv_variant_table(&count);
    for (size_t v = 0; v < count; v++)
        for (size_t i = 0; i < ARRAY_LEN(cases) && table[v].kind == CONV_VECTOR; i++)
            for (int transpose = 0; transpose < 2; transpose++)
                if (test_takes(v + i) && fits_some(&table[v], &cases[i], transpose))
                    conv_case_run(&cases[i], transpose, table[v].name,
                                  conv_case_force(table[v].name), i == 0);
}

// The smallest tile has the most workgroups.
static void test_many_workgroups(void **state)
{
    static const char smallest[] = "direct-32x1-4x1";
    (void)state;
    // What counts here is the arithmetic of indices, the same on every driver.
    if (test_is_set("PIX_TEST_SECOND_DRIVER") && !test_is_thorough())
        skip();
    conv_case_run_large(smallest, conv_case_force(smallest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_tiled_guaranteed),
        check_test(test_every_variant),
        check_test(test_batches_of_small_maps),
        check_test(test_many_workgroups),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
