// SPDX-License-Identifier: MIT
//
// Whole runs without a discriminator, without L1, of each recipe and in each order of
// updates, and that every kind of run resumes with the same bits.

#include "support/words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "formats/safetensors.h"
#include "support/tree.h"

#define SCRATCH "test_train_losses.scratch"

static void assert_no_network(const char *run, uint64_t step, const char *network)
{
    struct safetensors *s = words_open_tensors(run, step);
    size_t count = 0;
    for (size_t i = 0; i < safetensors_count(s); i++) {
        const char *name = safetensors_at(s, i)->name;
        count += strncmp(name, "G.", 2) == 0;
        if (strncmp(name, network, 2) == 0 ||
            (strncmp(name, "adam.", 5) == 0 && strncmp(name + 5, network, 2) == 0))
            fail_msg("there is a tensor %s", name);
    }
    assert_true(count > 0);
    safetensors_close(s);
}

static void test_no_discriminator(void **state)
{
    static const char run[] = SCRATCH "/l1",
                      words[] = "gan-mode=none net-d=basic n-layers-d=3 "
                                "steps=6";
    static const char *const absent[] = { "loss_d_real", "loss_d_fake", "loss_d_gp",
                                          "loss_g_gan" };
    double numbers[STEPS_MAX];
    struct pix_plan plan;
    struct words_setup s;
    (void)state;
    public_need_device();
    const struct words_result r = words_train(run, words);
    assert_string_equal(public_messages, "");
    assert_no_network(run, 6, "D.");
    for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
        assert_int_equal(words_read_metrics(run, absent[i], numbers), 6);
        for (int k = 0; k < 6; k++)
            assert_true(isnan(numbers[k]));
    }
    assert_int_equal(words_read_metrics(run, "loss_g_l1", numbers), 6);
    for (int k = 0; k < 6; k++) {
        assert_true(numbers[k] > 0 && numbers[k] == r.m[k].loss_g_l1);
        assert_false(r.m[k].has_gan || r.m[k].has_gp);
        assert_true(isnan(r.m[k].loss_d_real) && isnan(r.m[k].loss_g_gan));
    }
    words_train(SCRATCH "/l1_stopped",
                "gan-mode=none net-d=basic n-layers-d=3 steps=3");
    words_continue(SCRATCH "/l1_stopped", words);
    words_check_same_run(run, SCRATCH "/l1_stopped", 6);
    struct pix_image image = words_translate(run, NULL, false);
    pix_image_free(&image);
    words_set(&s, "", words);
    assert_true(pix_train_plan(public_device, &s.o, &plan));
    assert_int_equal(plan.weights_d, 0);
    words_check_refused("gan-mode=none lambda-l1=0", "nothing to learn from");
}

static void test_no_l1(void **state)
{
    static const char run[] = SCRATCH "/gan", words[] = "lambda-l1=0 steps=6";
    double numbers[STEPS_MAX];
    (void)state;
    public_need_device();
    const struct words_result with = words_train(SCRATCH "/gan_l1", "steps=6");
    const struct words_result r = words_train(run, words);
    // The first loss of G that is not L1 is the same, then the runs part.
    assert_true(r.m[0].loss_g_gan == with.m[0].loss_g_gan);
    assert_true(r.m[1].loss_g_gan != with.m[1].loss_g_gan);
    assert_int_equal(words_read_metrics(run, "loss_g_l1", numbers), 6);
    for (int k = 0; k < 6; k++)
        assert_true(numbers[k] == 0);
    words_train(SCRATCH "/gan_stopped", "lambda-l1=0 steps=3");
    words_continue(SCRATCH "/gan_stopped", words);
    words_check_same_run(run, SCRATCH "/gan_stopped", 6);
}

// Every kind of run resumes with the same bits.
static void test_continued(void **state)
{
    static const char *const cases[] = {
        "recipe=lua",
        "recipe=affinelayer batch-size=2",
        "optimizer=sgd lr=0.01",
        "gan-mode=wgangp",
        "gan-mode=hinge norm=none",
        "accumulate=2 norm=instance dropout-at=d1-d3",
        "accumulate=2 ema=0.9",    // with running statistics
        "net-g=resnet_6blocks net-d=pixel n-layers-d=3 lr-policy=cosine",
        "upsample=resize init-type=orthogonal init-gain=1",
    };
    (void)state;
    public_need_device();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static const char straight[] = SCRATCH "/straight", other[] = SCRATCH "/other2";
        char words[256];
        snprintf(words, sizeof(words), "%s steps=5", cases[i]);
        words_train(straight, words);
        snprintf(words, sizeof(words), "%s steps=2", cases[i]);
        words_train(other, words);
        snprintf(words, sizeof(words), "%s steps=5", cases[i]);
        words_continue(other, words);
        words_check_same_run(straight, other, 5);
        assert_true(test_remove_tree(straight));
        assert_true(test_remove_tree(other));
    }
}

static void test_recipes(void **state)
{
    static const struct {
        const char *recipe, *bias, *concat, *order, *filter;
        bool norm_innermost;
        double weight;
        uint32_t constant, falling;
    } cases[] = {
        { "lua", "auto", "decoder_first", "reuse", "bilinear", false, 1, 200, 0 },
        { "affinelayer", "all", "decoder_first", "reuse", "area", true, 1, 200, 0 },
        { "pytorch", "auto", "skip_first", "fresh", "bicubic", false, 0.5, 100, 100 },
    };
    (void)state;
    public_need_device();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pix_train_options o;
        char words[64];
        static const char run[] = SCRATCH "/recipe";
        snprintf(words, sizeof(words), "recipe=%s", cases[i].recipe);
        words_train(run, words);
        assert_true(pix_train_options_read(run, &o));
        assert_string_equal(o.recipe, cases[i].recipe);
        assert_string_equal(o.bias, cases[i].bias);
        assert_string_equal(o.concat, cases[i].concat);
        assert_string_equal(o.update_order, cases[i].order);
        assert_string_equal(o.resize_filter, cases[i].filter);
        assert_int_equal(o.norm_innermost, cases[i].norm_innermost);
        assert_true(o.d_loss_weight == cases[i].weight);
        assert_int_equal(o.n_epochs, cases[i].constant);
        assert_int_equal(o.n_epochs_decay, cases[i].falling);
        pix_train_options_finish(&o);

        struct safetensors *s = words_open_tensors(run, STEPS);
        const bool is_affine = strcmp(cases[i].recipe, "affinelayer") == 0;
        assert_int_equal(safetensors_find(s, "G.model.model.1.model.1.bias") != NULL,
                         is_affine);
        safetensors_close(s);
        assert_true(test_remove_tree(run));
    }
}

static void test_update_order(void **state)
{
    static const char *const modes[] = { "vanilla", "lsgan", "hinge", "wgangp" };
    (void)state;
    public_need_device();
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        char words[128];
        struct words_result r[2][2];    // order, rate
        for (int k = 0; k < 4; k++) {
            snprintf(words, sizeof(words), "gan-mode=%s update-order=%s lr=%s",
                     modes[i], k & 1 ? "reuse" : "fresh", k & 2 ? "0.002" : "1e-12");
            r[k & 1][k >> 1] = words_train(SCRATCH "/order", words);
            assert_true(test_remove_tree(SCRATCH "/order"));
        }
        // A discriminator that stays as it is makes no difference between the orders.
        for (int k = 0; k < STEPS; k++) {
            words_check_near(r[1][0].m[k].loss_g_gan, r[0][0].m[k].loss_g_gan, 1e-5);
            words_check_near(r[1][0].m[k].loss_d_real, r[0][0].m[k].loss_d_real, 1e-5);
            words_check_near(r[1][0].m[k].loss_d_fake, r[0][0].m[k].loss_d_fake, 1e-5);
        }
        // One that learns does, from the first step, but not in D's own loss.
        const double fresh = r[0][1].m[0].loss_g_gan, reuse = r[1][1].m[0].loss_g_gan;
        assert_true(fabs(fresh - reuse) > 1e-4 * fabs(fresh));
        words_check_near(reuse, r[1][0].m[0].loss_g_gan, 1e-5);
        words_check_near(r[1][1].m[0].loss_d_real, r[0][1].m[0].loss_d_real, 1e-5);
        // What wgangp gives back to each logit is a constant, and D has no norm: the
        // two orders differ only in a leaky ReLU that has changed sides.
        if (strcmp(modes[i], "wgangp") != 0)
            assert_true(r[1][1].m[2].loss_g_l1 != r[0][1].m[2].loss_g_l1);
    }
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
        cmocka_unit_test(test_no_discriminator), cmocka_unit_test(test_no_l1),
        cmocka_unit_test(test_continued),        cmocka_unit_test(test_recipes),
        cmocka_unit_test(test_update_order),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
