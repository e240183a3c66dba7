// SPDX-License-Identifier: MIT
//
// Runs that start from the weights of another run or of a file.

#include "support/words.h"

#include <stdio.h>

#include "base/file.h"
#include "support/tree.h"

#define SCRATCH "test_train_start.scratch"

static void convert(const char *input, const char *output, bool discriminator)
{
    const struct pix_convert_options o = {
        .input = input,
        .output = output,
        .discriminator = discriminator,
        .log = { public_keep_message, NULL, PIX_LOG_WARN },
    };
    if (!pix_convert(&o))
        fail_msg("%s", public_messages);
}

#define FROM SCRATCH "/from"
#define FROM_FILE FROM "/checkpoints/step-00000001.safetensors"
#define G_PTH SCRATCH "/g.pth"
#define D_PTH SCRATCH "/d.pth"
#define G_TENSORS SCRATCH "/g.safetensors"
#define D_TENSORS SCRATCH "/d.safetensors"

// A run that learnt nothing holds the first weights of its seed. Another run with the
// same seed, but other random weights, starts from them and is the same run.
static void test_start(void **state)
{
    static const char *const files[][2] = {
        { FROM, FROM },           { FROM_FILE, FROM_FILE }, { G_PTH, D_PTH },
        { G_TENSORS, D_TENSORS }, { FROM, D_PTH },
    };
    static const char run[] = SCRATCH "/started";
    char words[256];
    (void)state;
    public_need_device();
    words_train(FROM, "lr=0 steps=1 bias=all");
    convert(FROM, G_PTH, false);
    convert(FROM, D_PTH, true);
    convert(FROM, G_TENSORS, false);
    convert(FROM, D_TENSORS, true);
    const struct words_result expected = words_train(SCRATCH "/expected", "bias=all");
    struct words_result r = words_train(SCRATCH "/unlike", "bias=all init-type=xavier");
    assert_false(words_same_losses(&r.m[0], &expected.m[0]));
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(words, sizeof(words), "bias=all init-type=xavier init-g=%s init-d=%s",
                 files[i][0], files[i][1]);
        r = words_train(run, words);
        for (int k = 0; k < STEPS; k++)
            if (!words_same_losses(&r.m[k], &expected.m[k]))
                fail_msg("%s and %s: other losses in step %d", files[i][0], files[i][1],
                         k + 1);
        assert_true(test_remove_tree(run));
    }

    // One of the two alone.
    r = words_train(run, "bias=all init-type=xavier init-g=" FROM);
    assert_true(r.m[0].loss_g_l1 == expected.m[0].loss_g_l1);
    assert_true(r.m[0].loss_d_real != expected.m[0].loss_d_real);
    assert_true(test_remove_tree(run));
    r = words_train(run, "bias=all init-type=xavier init-d=" FROM);
    assert_true(r.m[0].loss_g_l1 != expected.m[0].loss_g_l1);
    assert_true(r.m[0].loss_d_real == expected.m[0].loss_d_real);

    // A run that goes on has its own, and says so.
    public_messages[0] = '\0';
    words_continue(run,
                   "bias=all init-type=xavier steps=4 init-g=" FROM " init-d=" FROM);
    public_check_message("--init-g " FROM " is ignored");
    public_check_message("--init-d " FROM " is ignored");
    assert_true(test_remove_tree(run));

    // The average of a run that has one; a run that keeps one from a run that does not.
    words_train(SCRATCH "/averaged", "bias=all ema=0.75 lr=0.01");
    r = words_train(run, "bias=all ema=0.9 init-g=" SCRATCH "/averaged");
    convert(SCRATCH "/averaged", SCRATCH "/averaged.pth", false);
    assert_true(test_remove_tree(run));
    const struct words_result same =
        words_train(run, "bias=all ema=0.9 init-g=" SCRATCH "/averaged.pth");
    assert_true(words_same_losses(&r.m[0], &same.m[0]) &&
                words_same_losses(&r.m[2], &same.m[2]));
    assert_true(test_remove_tree(run));
    r = words_train(run,
                    "bias=all ema=0.9 init-type=xavier init-g=" FROM " init-d=" FROM);
    assert_true(words_same_losses(&r.m[2], &expected.m[2]));
    assert_true(test_remove_tree(run));

    // The other order of concatenations is put right.
    r = words_train(run, "bias=all concat=decoder_first init-g=" FROM " init-d=" FROM);
    words_check_near(r.m[0].loss_g_l1, expected.m[0].loss_g_l1, 1e-5);
    words_check_near(r.m[0].loss_d_fake, expected.m[0].loss_d_fake, 1e-5);
    assert_true(test_remove_tree(run));

    // Without a discriminator there is nothing to start.
    public_messages[0] = '\0';
    words_train(run, "gan-mode=none bias=all init-d=" FROM);
    public_check_message("--init-d");
    assert_true(test_remove_tree(run));
}

static void test_start_refused(void **state)
{
    static const char *const g_files[] = { FROM, G_PTH, G_TENSORS };
    static const char *const d_files[] = { FROM, D_PTH, D_TENSORS };
    char words[256];
    (void)state;
    public_need_device();
    assert_true(file_exists(FROM));
    for (size_t i = 0; i < ARRAY_LEN(g_files); i++) {
        snprintf(words, sizeof(words), "bias=all ngf=3 init-g=%s", g_files[i]);
        words_check_refused(words, "model.model.0.weight");
        public_check_message("[2, 3, 4, 4]");
        public_check_message("[3, 3, 4, 4]");
        snprintf(words, sizeof(words), "bias=all ndf=3 init-d=%s", d_files[i]);
        words_check_refused(words, "model.0.weight");
        public_check_message("[2, 6, 4, 4]");
        public_check_message("[3, 6, 4, 4]");
        // Tensors that the network does not have.
        snprintf(words, sizeof(words), "bias=all norm=none init-g=%s", g_files[i]);
        words_check_refused(words, "model.model.1.model.2.");
        snprintf(words, sizeof(words), "bias=all norm-d=none init-d=%s", d_files[i]);
        words_check_refused(words, "model.");
        snprintf(words, sizeof(words), "bias=all no-condition=true init-d=%s",
                 d_files[i]);
        words_check_refused(words, "[2, 3, 4, 4]");
    }
    words_check_refused("bias=all init-g=" D_PTH, "holds a discriminator");
    words_check_refused("bias=all init-d=" G_TENSORS, "holds a generator");
    words_check_refused("init-g=" SCRATCH "/absent", "does not exist");
    words_check_refused("init-g=" DATA, "no checkpoint");
    words_check_refused("init-d=" DATA "/train/0.png", "0.png");
    words_train(SCRATCH "/no_d", "gan-mode=none steps=1");
    words_check_refused("init-d=" SCRATCH "/no_d", "without a discriminator");
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
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_start_refused),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
