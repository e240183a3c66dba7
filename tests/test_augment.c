// SPDX-License-Identifier: MIT
//
// What augmentation makes of the random numbers of a sample: where the pixels of a crop
// come from, and what becomes of their values.

#include "data/augment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "data/order.h"
#include "support/check.h"

static const struct pix_size load = { 20, 17 }, square = { 12, 12 }, wide = { 12, 8 };

// Where the pixel at x, y of a crop comes from, as its centre.
static void place(const struct augment_sample *s, uint32_t x, uint32_t y,
                  double from[2])
{
    for (int i = 0; i < 2; i++)
        from[i] = (double)s->matrix[2 * i] * (x + 0.5) +
                  (double)s->matrix[2 * i + 1] * (y + 0.5) + (double)s->place[i];
}

// Without factors a crop has each pixel of its part of the image once, and what an
// option does not ask for does not happen.
static void test_turns(void **state)
{
    enum { X = 5, Y = 3 };
    (void)state;
    for (uint32_t i = 0; i < 64; i++) {
        const struct pix_size crop = i & 1 ? wide : square;
        const bool mirror = i & 2;
        const struct augment a = { .turns = i & 4, .flips = i & 8 };
        const struct augment_draws draws = { .turn = i / 16 / 4.0, .flip = 0.5 };
        const struct augment_sample s =
            augment_make(&a, &draws, load, crop, X, Y, mirror);
        const uint32_t turns = !a.turns                    ? 0
                               : crop.width == crop.height ? i / 16
                                                           : i / 16 / 2 * 2;
        uint8_t seen[12][12] = { { 0 } };
        for (uint32_t y = 0; y < crop.height; y++)
            for (uint32_t x = 0; x < crop.width; x++) {
                double from[2];
                place(&s, x, y, from);
                // From the back: the flip, the mirror, then quarter turns.
                uint32_t q = mirror ? crop.width - 1 - x : x,
                         r = a.flips ? crop.height - 1 - y : y;
                for (uint32_t k = 0; k < turns; k++) {
                    const uint32_t was = q;
                    q = (k % 2 == 0 ? crop.height : crop.width) - 1 - r;
                    r = was;
                }
                assert_true(from[0] == X + q + 0.5 && from[1] == Y + r + 0.5);
                seen[(int)from[1] - Y][(int)from[0] - X]++;
            }
        for (uint32_t y = 0; y < crop.height; y++)
            for (uint32_t x = 0; x < crop.width; x++)
                assert_int_equal(seen[y][x], 1);
        assert_true(s.gain == 1 && s.shift == 0 && s.noise == 0);
    }
}

// Factors are as asked for, a crop that is scaled lies in the image, and it reaches
// both of its edges.
static void test_scales(void **state)
{
    static const struct {
        struct augment a;
        struct pix_size load, crop;
        double least, most;    // factors, the geometric mean of both sides
    } cases[] = {
        { { .scale = 0.2 }, { 200, 200 }, { 100, 100 }, 0.8, 1.2 },
        { { .scale = 0.5 }, { 286, 286 }, { 256, 256 }, 256.0 / 286, 1.5 },
        { { .scale = 0.3 }, { 64, 64 }, { 64, 64 }, 1, 1.3 },
        { { .aspect = 0.2 }, { 200, 200 }, { 100, 100 }, 1, 1 },
        { { .aspect = 1 }, { 64, 64 }, { 64, 64 }, 1, 1.41422 },
        { { .scale = 0.2, .aspect = 0.5, .turns = true },
          { 300, 200 },
          { 96, 96 },
          0.8,
          1.2 },
        { { .scale = 0.2, .aspect = 0.5, .flips = true },
          { 300, 80 },
          { 128, 64 },
          0.8,
          1.2 },
    };
    struct order *order = order_create(9, 1, true);
    (void)state;
    assert_non_null(order);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct pix_size size = cases[i].load, crop = cases[i].crop;
        double low = 100, high = 0, ratio_low = 100, ratio_high = 0;
        double edges[4] = { 1e9, 1e9, -1e9, -1e9 };
        for (uint64_t k = 0; k < 2000; k++) {
            const struct augment_draws d = order_draw_augment(order, k);
            const struct augment_sample s =
                augment_make(&cases[i].a, &d, size, crop, 0, 0, k % 2);
            const double corners[4] = {
                (double)s.place[0],
                (double)s.place[1],
                (double)(s.place[0] + s.matrix[0] * (float)crop.width +
                         s.matrix[1] * (float)crop.height),
                (double)(s.place[1] + s.matrix[2] * (float)crop.width +
                         s.matrix[3] * (float)crop.height),
            };
            for (int e = 0; e < 2; e++) {
                edges[e] = MIN(edges[e], MIN(corners[e], corners[e + 2]));
                edges[e + 2] = MAX(edges[e + 2], MAX(corners[e], corners[e + 2]));
            }
            const double x = crop.width / fabs(corners[2] - corners[0]),
                         y = crop.height / fabs(corners[3] - corners[1]);
            low = MIN(low, sqrt(x * y)), high = MAX(high, sqrt(x * y));
            ratio_low = MIN(ratio_low, x / y), ratio_high = MAX(ratio_high, x / y);
        }
        const double most = 1 + cases[i].a.aspect;
        assert_true(fabs(low - cases[i].least) < 0.02 && low > cases[i].least - 1e-5);
        assert_true(fabs(high - cases[i].most) < 0.02 && high < cases[i].most + 1e-5);
        assert_true(fabs(ratio_low - 1 / most) < 0.02 && ratio_low > 1 / most - 1e-5);
        assert_true(fabs(ratio_high - most) < 0.02 && ratio_high < most + 1e-5);
        assert_true(edges[0] > -1e-4 && edges[0] < 0.01 * size.width);
        assert_true(edges[1] > -1e-4 && edges[1] < 0.01 * size.height);
        assert_true(fabs(edges[2] - size.width) < 0.01 * size.width);
        assert_true(edges[2] < size.width + 1e-4 && edges[3] < size.height + 1e-4);
    }
    order_destroy(order);
}

static void test_values(void **state)
{
    const struct augment a = { .brightness = 0.25, .contrast = 0.5, .noise = 51 };
    (void)state;
    for (int i = 0; i <= 4; i++) {
        const struct augment_draws d = { .brightness = i / 4.0,
                                         .contrast = i / 4.0,
                                         .key = { 7, 8 } };
        const struct augment_sample s = augment_make(&a, &d, load, square, 1, 2, false);
        assert_true(s.gain == 0.5f + 0.25f * (float)i);
        assert_true(s.shift == -0.5f + 0.25f * (float)i);    // of a range 2 wide
        assert_true(fabsf(s.noise - 0.4f) < 1e-6f);
        assert_true(s.key[0] == 7 && s.key[1] == 8);
        // Nothing else happens.
        assert_true(s.matrix[0] == 1 && s.matrix[3] == 1 && s.place[0] == 1);
    }
    assert_true(augment_touches(&a) && !augment_scales(&a) && augment_is_set(&a));
    assert_false(augment_is_set(&(struct augment){ 0 }));
}

// Draws depend on the seed and the sample alone, all turns come equally often, and no
// two of a sample go together.
static void test_draws(void **state)
{
    enum { COUNT = 4000 };
    struct order *order = order_create(1, 5, true), *again = order_create(1, 8, false),
                 *other = order_create(2, 5, true);
    uint32_t turns[4] = { 0 }, same = 0;
    double together[7] = { 0 };
    (void)state;
    assert_true(order && again && other);
    for (uint64_t i = COUNT; i-- > 0;) {
        const struct augment_draws d = order_draw_augment(order, i),
                                   e = order_draw_augment(again, i),
                                   f = order_draw_augment(other, i);
        const double all[] = { d.turn, d.flip, d.scale,      d.aspect,
                               d.x,    d.y,    d.brightness, d.contrast };
        assert_memory_equal(&d, &e, sizeof(d));
        same += d.key[0] == f.key[0] || d.turn == f.turn;
        turns[(int)(d.turn * 4)]++;
        for (size_t k = 0; k < ARRAY_LEN(together); k++)
            together[k] += (all[k] - 0.5) * (all[k + 1] - 0.5) * 12 / COUNT;
    }
    assert_int_equal(same, 0);
    for (size_t i = 0; i < 4; i++)
        assert_in_range(turns[i], COUNT / 4 - 120, COUNT / 4 + 120);
    for (size_t k = 0; k < ARRAY_LEN(together); k++)
        assert_true(fabs(together[k]) < 0.06);
    order_destroy(order);
    order_destroy(again);
    order_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_scales),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
