// SPDX-License-Identifier: MIT
//
// Generators whose images continue at the other end: their output is the middle of what
// the same network makes of the image laid side by side, and it moves with the image.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "models/model.h"
#include "support/gpu.h"

enum { SIDE = 32, PLANES = 3, TILES = 3 };

static const struct shape one = { 1, PLANES, SIDE, SIDE };

static struct model_mode make_mode(enum model_statistics statistics, bool across,
                                   bool down)
{
    return (struct model_mode){
        .no_dropout = true,
        .statistics = statistics,
        .wraps_across = across,
        .wraps_down = down,
    };
}

// The output of a network with random weights, always the same.
static float *run(const struct generator_options *options, struct model_mode mode,
                  struct shape s, const float *x)
{
    struct harness h;
    struct random r;
    float *out = malloc(shape_count(s) * sizeof(float));
    assert_non_null(out);
    harness_begin(&h);
    struct tensor *y = generator_build(h.graph, h.weights, harness_input(&h, "x", s, x),
                                       options, mode);
    assert_non_null(y);
    assert_true(shape_equal(y->shape, s));
    harness_keep(&h, y);
    harness_prepare(&h);
    random_init(&r, 11, 3);
    assert_true(weights_initialise(h.weights, test_gpu(), &r, WEIGHTS_NORMAL, 0.2));
    harness_run(&h);
    harness_read(&h, y, out);
    harness_end(&h);
    return out;
}

// The image moved to the right and down, what leaves it coming in at the other end; of
// a larger size it is repeated.
static float *move(const float *x, uint32_t width, uint32_t height, uint32_t right,
                   uint32_t down)
{
    float *out = malloc((size_t)PLANES * width * height * sizeof(float)), *to = out;
    assert_non_null(out);
    for (uint32_t c = 0; c < PLANES; c++)
        for (uint32_t i = 0; i < height; i++)
            for (uint32_t k = 0; k < width; k++)
                *to++ = x[(c * SIDE + (i + SIDE - down) % SIDE) * SIDE +
                          (k + SIDE - right) % SIDE];
    return out;
}

static double difference(const float *a, const float *b)
{
    double most = 0;
    for (size_t i = 0; i < shape_count(one); i++)
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

static void check(const char *name, const struct generator_options *options,
                  bool across, bool down)
{
    const struct shape tiled = { 1, PLANES, down ? TILES * SIDE : SIDE,
                                 across ? TILES * SIDE : SIDE };
    const struct model_mode mode = make_mode(STATISTICS_RUNNING, across, down);
    struct random r;
    random_init(&r, 5, 5);
    float *x = check_random_floats(&r, one);
    float *repeated = move(x, tiled.w, tiled.h, 0, 0);
    float *out = run(options, mode, one, x);
    float *all =
        run(options, make_mode(STATISTICS_RUNNING, false, false), tiled, repeated);
    float *plain = run(options, make_mode(STATISTICS_RUNNING, false, false), one, x);

    // The tile in the middle, whose edges the network does not see.
    float *middle = malloc(shape_count(one) * sizeof(float)), *to = middle;
    for (uint32_t c = 0; c < PLANES; c++)
        for (uint32_t i = 0; i < SIDE; i++, to += SIDE)
            memcpy(to,
                   all + ((size_t)c * tiled.h + (down ? SIDE : 0) + i) * tiled.w +
                       (across ? SIDE : 0),
                   SIDE * sizeof(float));
    if (difference(out, middle) > 2e-6 || difference(plain, middle) < 1e-3)
        fail_msg("%s: differs from the tiled image by %g, without wrap by %g", name,
                 difference(out, middle), difference(plain, middle));

    // The same bits, by a multiple of what the network halves to.
    const uint32_t right = across ? 8 : 0, below = down ? 16 : 0;
    float *moved = move(x, SIDE, SIDE, right, below);
    float *out_of_moved = run(options, mode, one, moved);
    float *moved_out = move(out, SIDE, SIDE, right, below);
    assert_memory_equal(out_of_moved, moved_out, shape_count(one) * sizeof(float));

    // Sums over an image that was moved are added up in another order.
    struct model_mode own = make_mode(STATISTICS_PER_IMAGE, across, down);
    float *of_own = run(options, own, one, x),
          *of_moved = run(options, own, one, moved);
    float *own_moved = move(of_own, SIDE, SIDE, right, below);
    if (difference(own_moved, of_moved) > 2e-5)
        fail_msg("%s: by the statistics of the image the output moves with it up to %g",
                 name, difference(own_moved, of_moved));
    float *const used[] = { repeated,     out,       all,    plain,    middle,   moved,
                            out_of_moved, moved_out, of_own, of_moved, own_moved };
    for (size_t i = 0; i < ARRAY_LEN(used); i++)
        free(used[i]);
}

static void test_unet(void **state)
{
    (void)state;
    check("unet", &(struct generator_options){ 3, 2, PLANES, PLANES }, true, true);
    check("unet, across",
          &(struct generator_options){ 3, 2, PLANES, PLANES, .resize = true }, true,
          false);
}

static void test_resnet(void **state)
{
    (void)state;
    check("resnet, down",
          &(struct generator_options){ .levels = 2,
                                       .ngf = 2,
                                       .channels_in = PLANES,
                                       .channels_out = PLANES,
                                       .kind = GENERATOR_RESNET,
                                       .blocks = 1 },
          false, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_unet),
        check_test(test_resnet),
    };
    return cmocka_run_group_tests_name("wrap", tests, test_gpu_open, test_gpu_close);
}
