// SPDX-License-Identifier: MIT
//
// Whole runs with augmentation: the same bits each time, and nothing but training
// changes.

#include "support/tiny.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"

#define SCRATCH "test_train_augment.scratch"

enum { LAST = 4 };

static struct pix_train_options augmented_options(const char *out)
{
    struct pix_train_options o = tiny_options(DATA, out);
    o.steps = LAST;
    o.batch_size = 2;
    o.rotate = o.flip_vertical = true;
    o.scale_jitter = 0.2;
    o.aspect_jitter = 0.1;
    o.brightness = 0.1;
    o.contrast = 0.2;
    o.noise = 8;
    return o;
}

// Twice, by other threads and stopped in between; and with batches whose gradients are
// added up, where each sample is unpacked twice more.
static void test_same_bits(void **state)
{
    (void)state;
    public_need_device();
    for (uint32_t accumulate = 1; accumulate <= 2; accumulate++) {
        char straight[64], parts[64];
        snprintf(straight, sizeof(straight), SCRATCH "/straight-%u",
                 (unsigned)accumulate);
        snprintf(parts, sizeof(parts), SCRATCH "/parts-%u", (unsigned)accumulate);
        struct pix_train_options o = augmented_options(straight), stored;
        o.accumulate = accumulate;
        tiny_train(public_device, &o, UINT64_MAX);
        public_check_message("--scale-jitter 0.2 scales by 0.889 to 1.2");
        o.out = parts;
        o.steps = 2;
        o.threads = 3;
        tiny_train(public_device, &o, UINT64_MAX);
        o.continue_run = true;
        o.steps = LAST;
        o.threads = 1;
        tiny_train(public_device, &o, UINT64_MAX);
        tiny_check_same_checkpoint(straight, parts, LAST);
        assert_true(pix_train_options_read(parts, &stored));
        assert_true(stored.rotate && stored.flip_vertical &&
                    stored.scale_jitter == 0.2 && stored.aspect_jitter == 0.1 &&
                    stored.brightness == 0.1 && stored.contrast == 0.2 &&
                    stored.noise == 8);
        pix_train_options_finish(&stored);
        o.noise = 9;
        tiny_check_refused(&o, "--noise 9 differs from the run's 8");
    }
}

// A step that changes no weight is validated with the same score, augmented or not.
static void test_validation(void **state)
{
    double scores[2], losses[2];
    (void)state;
    public_need_device();
    for (int i = 0; i < 2; i++) {
        struct pix_train_options o = i == 0 ? augmented_options(SCRATCH "/augmented")
                                            : tiny_options(DATA, SCRATCH "/plain");
        o.lr = 0;
        o.norm = "instance";    // running statistics would follow the inputs
        o.max_dataset_size = o.batch_size = 1;
        o.steps = 1;
        o.val_freq = 1;
        const struct pix_step_metrics m = tiny_train(public_device, &o, UINT64_MAX);
        assert_true(m.has_val);
        scores[i] = m.val[PIX_METRIC_L1];
        losses[i] = m.loss_g_l1;
    }
    assert_true(scores[0] == scores[1]);
    assert_true(losses[0] != losses[1]);
}

// Crops that are not square, whose turns are half ones.
static void test_wide(void **state)
{
    struct pix_train_options o = augmented_options(SCRATCH "/wide");
    (void)state;
    public_need_device();
    o.crop_size = (struct pix_size){ 64, 32 };
    o.load_size = (struct pix_size){ 100, 50 };
    o.steps = 3;
    tiny_train(public_device, &o, UINT64_MAX);
    assert_non_null(
        strstr(public_messages, "--rotate makes half turns alone of crops of 64x32"));
    assert_null(strstr(public_messages, "--scale-jitter"));    // 0.64 leaves room
    public_messages[0] = 0;
}

static int open_group(void **state)
{
    (void)state;
    tiny_open(SCRATCH);
    return file_make_folder(DATA "/val") ? tiny_write_pair(DATA "/val", 9), 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_validation),
        cmocka_unit_test(test_wide),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
