// SPDX-License-Identifier: MIT
//
// A batch in parts is the whole batch: weights, losses and running statistics.

#include "support/words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "formats/safetensors.h"
#include "support/tree.h"

#define SCRATCH "test_train_accumulate.scratch"

static double relative_l2(const float *a, const float *b, size_t count)
{
    double difference = 0, square = 0;
    for (size_t i = 0; i < count; i++) {
        const double d = (double)a[i] - (double)b[i];
        difference += d * d;
        square += (double)b[i] * (double)b[i];
    }
    return sqrt(difference / fmax(square, 1e-30));
}

// A norm takes back what a bias in front of it adds: the true gradient is 0, and what
// there is of it is rounding, which Adam makes steps of full size of. The outermost and
// innermost convolutions of G have no norm, nor have D's first and last; with wgangp D
// has none. Of D's last bias hinge and wgangp take as much on the fake as they give on
// the real image, which is why they are compared with SGD here.
static bool is_noise(const char *name, const char *words)
{
    static const char *const free_biases[] = {
        "G.model.model.0.bias",
        "G.model.model.3.bias",
        "G.model.model.1.model.3.model.3.model.3.model.1.bias",
        "D.model.0.bias",
        "D.model.8.bias",
    };
    const bool is_wgangp = strstr(words, "wgangp") != NULL;
    if (!strstr(name, ".bias"))
        return false;
    if (strstr(name, "D.model.8.bias"))
        return is_wgangp || strstr(words, "hinge");
    if (strstr(name, "D.") && is_wgangp)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(free_biases); i++)
        if (strstr(name, free_biases[i]))
            return false;
    return true;
}

// Weights and moments of the last step. What is compared is sums in another order: each
// differs by 1e-7 to 1e-6 of it, and three steps make up to 9e-6 of that on lavapipe.
// Adam moves the biases that are noise by its full step, which norms take back, but for
// rounding; where that takes a pixel across the kink of the L1 loss, gradients change
// by one of their thousands of terms, 1e-4 and more. A sample that saw another mask,
// crop or alpha, or a scale that is wrong, is 1e-2 and more.
#define ROUNDING_SGD 1e-4
#define ROUNDING_ADAM 1e-3

static void assert_near_run(const char *run_a, const char *run_b, const char *words)
{
    struct safetensors *a = words_open_tensors(run_a, STEPS),
                       *b = words_open_tensors(run_b, STEPS);
    const double allowed = strstr(words, "sgd") ? ROUNDING_SGD : ROUNDING_ADAM;
    assert_int_equal(safetensors_count(a), safetensors_count(b));
    for (size_t i = 0; i < safetensors_count(a); i++) {
        const struct safetensors_entry *x = safetensors_at(a, i);
        const struct safetensors_entry *y = safetensors_find(b, x->name);
        assert_non_null(y);
        assert_string_equal(x->kind, "F32");
        assert_int_equal(words_entry_bytes(x), words_entry_bytes(y));
        float *data_x = words_read_entry(a, x), *data_y = words_read_entry(b, y);
        const double d =
            relative_l2(data_x, data_y, words_entry_bytes(x) / sizeof(float));
        if (!is_noise(x->name, words) && !(d <= allowed))
            fail_msg("%s: %g of %s in %s and %s", words, d, x->name, run_a, run_b);
        mem_free(data_x);
        mem_free(data_y);
    }
    safetensors_close(a);
    safetensors_close(b);
}

static void test_accumulate(void **state)
{
    static const char *const cases[][3] = {
        { "", "batch-size=1 accumulate=3", "batch-size=3 accumulate=1" },
        { "", "batch-size=2 accumulate=2", "batch-size=4 accumulate=1" },
        // The same sizes as before: other ones have kernels of their own.
        { "optimizer=sgd lr=0.01", "batch-size=1 accumulate=3", "batch-size=3" },
        { "gan-mode=lsgan", "batch-size=1 accumulate=3", "batch-size=3" },
        { "gan-mode=hinge optimizer=sgd lr=0.01", "batch-size=1 accumulate=3",
          "batch-size=3" },
        { "gan-mode=wgangp optimizer=sgd lr=0.01", "batch-size=2 accumulate=2",
          "batch-size=4" },
        { "gan-mode=none optimizer=sgd lr=0.01", "batch-size=1 accumulate=3",
          "batch-size=3" },
    };
    (void)state;
    public_need_device();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static const char parts[] = SCRATCH "/parts", whole[] = SCRATCH "/whole";
        char words[512];
        struct words_result r[2];
        for (int k = 0; k < 2; k++) {
            snprintf(words, sizeof(words),
                     "norm=instance dropout-at=d1-d3 n-layers-d=2 crop-size=64 "
                     "load-size=72 depth=5 ngf=4 ndf=4 %s %s",
                     cases[i][0], cases[i][1 + k]);
            r[k] = words_train(k ? whole : parts, words);
        }
        for (int k = 0; k < STEPS; k++) {
            const struct pix_step_metrics *a = &r[0].m[k], *b = &r[1].m[k];
            assert_int_equal(a->epoch, b->epoch);
            words_check_near(a->loss_g_l1, b->loss_g_l1, ROUNDING_SGD);
            if (b->has_gan) {
                words_check_near(a->loss_d_real, b->loss_d_real, ROUNDING_SGD);
                words_check_near(a->loss_d_fake, b->loss_d_fake, ROUNDING_SGD);
                words_check_near(a->loss_g_gan, b->loss_g_gan, ROUNDING_SGD);
            }
            if (b->has_gp)
                words_check_near(a->loss_d_gp, b->loss_d_gp, ROUNDING_SGD);
        }
        assert_near_run(parts, whole, words);
        assert_true(test_remove_tree(parts));
        assert_true(test_remove_tree(whole));
    }
}

// With a discriminator G runs twice over each part, and its running statistics see it
// once, as without one.
static void test_accumulated_statistics(void **state)
{
    static const char with[] = SCRATCH "/with_d", without[] = SCRATCH "/without_d";
    size_t statistics = 0, counters = 0;
    (void)state;
    public_need_device();
    words_train(with, "accumulate=2 lr=0 dropout-at=d1-d3");
    words_train(without, "accumulate=2 lr=0 dropout-at=d1-d3 gan-mode=none");
    struct safetensors *a = words_open_tensors(with, STEPS),
                       *b = words_open_tensors(without, STEPS);
    for (size_t i = 0; i < safetensors_count(b); i++) {
        const struct safetensors_entry *e = safetensors_at(b, i);
        const struct safetensors_entry *f = safetensors_find(a, e->name);
        assert_non_null(f);
        int64_t *x = words_read_entry(a, f), *y = words_read_entry(b, e);
        if (strstr(e->name, ".running_")) {
            statistics++;
            if (memcmp(x, y, words_entry_bytes(e)) != 0)
                fail_msg("%s differs", e->name);
        } else if (strstr(e->name, ".num_batches_tracked")) {
            counters++;
            assert_true(*x == 2 * STEPS && *y == 2 * STEPS);
        }
        mem_free(x);
        mem_free(y);
    }
    assert_true(counters > 0 && statistics == 2 * counters);
    safetensors_close(a);
    safetensors_close(b);
}

static int open_group(void **state)
{
    (void)state;
    words_open(SCRATCH);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accumulate),
        cmocka_unit_test(test_accumulated_statistics),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
