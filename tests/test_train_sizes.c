// SPDX-License-Identifier: MIT
//
// Whole runs whose crops are not square.

#include "support/tiny.h"

#include "base/file.h"
#include "base/mem.h"
#include "support/evaluated.h"
#include "support/size.h"
#include "support/tree.h"

#define SCRATCH "test_train_sizes.scratch"

enum { WIDTH = 64, HEIGHT = 32, LAST = 5 };

static struct pix_train_options wide_options(const char *out)
{
    struct pix_train_options o = tiny_options(DATA, out);
    o.crop_size = (struct pix_size){ WIDTH, HEIGHT };
    o.load_size = (struct pix_size){ 0, 0 };
    o.steps = LAST;
    o.batch_size = 2;
    return o;
}

// A run that was stopped takes the steps of one that was not.
static void test_continued(void **state)
{
    struct pix_train_options o = wide_options(SCRATCH "/straight"), stored;
    (void)state;
    public_need_device();
    tiny_train(public_device, &o, UINT64_MAX);
    o.out = SCRATCH "/stopped";
    o.steps = 2;
    tiny_train(public_device, &o, UINT64_MAX);
    o.continue_run = true;
    o.steps = LAST;
    o.threads = 2;
    tiny_train(public_device, &o, UINT64_MAX);
    tiny_check_same_checkpoint(SCRATCH "/straight", o.out, LAST);

    assert_true(pix_train_options_read(o.out, &stored));
    assert_size(stored.crop_size, WIDTH, HEIGHT);
    assert_size(stored.load_size, 72, 36);
    assert_int_equal(stored.depth, 5);
    pix_train_options_finish(&stored);
    o.crop_size = (struct pix_size){ HEIGHT, WIDTH };
    tiny_check_refused(&o, "--crop-size 32x64 differs from the run's 64x32");
}

// Sides are not exchanged anywhere: the left and right half of targets differ, and the
// model learns which is where.
static void test_learned(void **state)
{
    static const char run[] = SCRATCH "/learned";
    struct pix_train_options o = wide_options(run);
    struct evaluated e;
    struct pix_image grid;
    (void)state;
    public_need_device();
    o.data = ONE;
    o.load_size = o.crop_size;
    o.no_flip = o.no_dropout = true;
    o.batch_size = 1;
    o.ngf = 8;
    o.lr = 0.002;
    o.n_epochs = 1000;
    o.steps = 40;
    tiny_train(public_device, &o, UINT64_MAX);
    // The sample grid has one row of three tiles, enlarged by 3.
    assert_true(pix_image_read(SCRATCH "/learned/samples/step-00000040.png", &grid));
    assert_int_equal(grid.width, 3 * 3 * WIDTH);
    assert_int_equal(grid.height, 3 * HEIGHT);
    pix_image_free(&grid);

    pix_translator *translator = tiny_open_model(run);
    assert_size(pix_translator_size(translator), WIDTH, HEIGHT);
    assert_true(evaluated_find(translator, ONE, "test", SCRATCH "/grid.png", 12, &e));
    assert_int_equal(e.pairs, 1);
    assert_true(e.l1 < 0.5 * e.l1_mean_colour && e.l1 < 0.5 * e.l1_copy);
    assert_true(pix_image_read(SCRATCH "/grid.png", &grid));
    assert_int_equal(grid.width, 3 * 3 * WIDTH);
    assert_in_range(grid.height, 3 * HEIGHT + 1, 4 * HEIGHT);
    pix_image_free(&grid);
    pix_translator_destroy(translator);
}

static int open_group(void **state)
{
    (void)state;
    tiny_open(SCRATCH);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_continued),
        cmocka_unit_test(test_learned),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
