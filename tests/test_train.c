// SPDX-License-Identifier: MIT
//
// Whole runs of a tiny model through the public API: that it learns, and that the same
// run gives the same bits.

#include "support/tiny.h"

#include "base/file.h"
#include "base/mem.h"
#include "support/evaluated.h"
#include "support/size.h"
#include "support/tree.h"

#define SCRATCH "test_train.scratch"

static void test_plan(void **state)
{
    struct pix_train_options o;
    struct pix_plan p;
    (void)state;
    if (!public_device)
        skip();
    pix_train_options_init(&o);
    o.tuning = "off";
    assert_true(pix_train_plan(public_device, &o, &p));
    assert_int_equal(p.weights_g, 54413955);
    assert_int_equal(p.weights_d, 2768705);
    assert_int_equal(p.device_bytes, p.state_bytes + p.arena_bytes +
                                         p.step_block_bytes + p.staging_bytes);
    assert_true(p.state_bytes >= (p.weights_g + p.weights_d) * 12);
    assert_true(p.device_bytes <= UINT64_C(1) << 30);
    assert_true(p.arena_bytes < p.arena_bytes_without_reuse / 2);
    assert_true(p.dispatches > 100 && p.dispatches <= 210 && p.barriers > 50 &&
                p.barriers <= p.dispatches);
    assert_true(p.submissions >= 1 && p.flops_per_step > UINT64_C(50000000000));
    assert_true(p.bytes_per_step > p.state_bytes);

    // Validation is a second graph beside that of the steps.
    struct pix_plan with;
    o.val_freq = 1;
    assert_true(pix_train_plan(public_device, &o, &with));
    assert_true(p.validation_bytes == 0 && with.validation_bytes > 0);
    assert_int_equal(with.device_bytes, p.device_bytes + with.validation_bytes);
    assert_int_equal(with.arena_bytes, p.arena_bytes);
    assert_int_equal(with.lpips_bytes, 0);

    // LPIPS are networks of their own, whose weights need not be there; VGG-16 has
    // 14.7 M.
    struct pix_plan alex, vgg;
    o.val_metrics = "lpips";
    assert_true(pix_train_plan(public_device, &o, &alex));
    assert_true(alex.lpips_bytes > UINT64_C(2470000) * 4);
    assert_int_equal(alex.validation_bytes, with.validation_bytes + alex.lpips_bytes);
    assert_int_equal(alex.device_bytes, with.device_bytes + alex.lpips_bytes);
    o.best = "lpips_vgg";
    assert_true(pix_train_plan(public_device, &o, &vgg));
    assert_true(vgg.lpips_bytes > alex.lpips_bytes + UINT64_C(14714688) * 4);
    o.output_nc = 2;
    assert_false(pix_train_plan(public_device, &o, &vgg));
    public_check_message("it is for 1 or 3 channels");
}

static void test_overfit(void **state)
{
    static const char run[] = SCRATCH "/overfit";
    struct pix_train_options o = tiny_options(ONE, run);
    struct pix_step_metrics first, last;
    (void)state;
    public_need_device();
    o.ngf = 8;
    o.load_size = SQUARE(CROP);
    o.no_flip = true;
    o.no_dropout = true;
    o.lr = 0.002;
    o.n_epochs = 1000;
    o.steps = 120;
    first = tiny_train(public_device, &o, 1);
    assert_true(test_remove_tree(run));
    last = tiny_train(public_device, &o, UINT64_MAX);
    assert_int_equal(last.step, 120);
    assert_int_equal(last.epoch, 120);
    if (!(last.loss_g_l1 < 0.25 * first.loss_g_l1))
        fail_msg("L1 went from %g to %g only", first.loss_g_l1, last.loss_g_l1);

    // The model translates what it learned, and beats both baselines.
    struct pix_translate_options t;
    struct evaluated e;
    struct pix_image grid;
    pix_translate_options_init(&t);
    t.tuning = "off";
    t.model = run;
    pix_translator *translator = pix_translator_create(public_device, &t);
    assert_non_null(translator);
    assert_size(pix_translator_size(translator), CROP, CROP);
    assert_int_equal(pix_translator_multiple(translator), 32);
    assert_int_equal(pix_translator_get_options(translator)->ngf, 8);
    assert_true(evaluated_find(translator, ONE, "test", SCRATCH "/grid.png", 12, &e));
    assert_int_equal(e.pairs, 1);
    assert_true(e.l1 < 0.5 * e.l1_mean_colour && e.l1 < 0.5 * e.l1_copy);
    assert_true(e.l1 * 100 < 2 * last.loss_g_l1);
    assert_true(pix_image_read(SCRATCH "/grid.png", &grid));
    // One row of three tiles, enlarged to at least 160 pixels each, below their
    // headings.
    assert_int_equal(grid.width, 3 * 5 * CROP);
    assert_true(grid.height > 5 * CROP && grid.height < 6 * CROP);
    pix_image_free(&grid);
    assert_false(evaluated_find(translator, ONE, "val", NULL, 0, &e));
    pix_translator_destroy(translator);
}

static void test_sample_grid(void **state)
{
    static const char run[] = SCRATCH "/samples";
    struct pix_train_options o = tiny_options(DATA, run);
    struct pix_image grid;
    (void)state;
    public_need_device();
    o.steps = 3;
    o.sample_freq = 2;
    o.batch_size = 2;
    tiny_train(public_device, &o, UINT64_MAX);
    assert_true(pix_image_read(SCRATCH "/samples/samples/step-00000003.png", &grid));
    // Enlarged to at least 160 pixels a tile.
    assert_int_equal(grid.width, 3 * 5 * CROP);
    assert_int_equal(grid.height, 2 * 5 * CROP);
    // The target column has the colours of a right half.
    const uint8_t *p = grid.pixels + (2 * 5 * CROP) * 3;
    assert_in_range(p[0], 195, 205);
    assert_in_range(p[1], 175, 185);
    pix_image_free(&grid);
    assert_true(file_exists(SCRATCH "/samples/samples/step-00000002.png"));
    assert_false(file_exists(SCRATCH "/samples/samples/step-00000001.png"));
}

static void test_same_bits(void **state)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/again");
    (void)state;
    public_need_device();
    tiny_train(public_device, &o, UINT64_MAX);
    tiny_check_same_checkpoint(tiny_straight(), o.out, STEPS);
    o.out = SCRATCH "/threads";
    o.threads = 5;
    tiny_train(public_device, &o, UINT64_MAX);
    tiny_check_same_checkpoint(tiny_straight(), o.out, STEPS);

    // Another seed is another run.
    size_t size;
    o.out = SCRATCH "/seed";
    o.seed = 8;
    tiny_train(public_device, &o, UINT64_MAX);
    void *x = tiny_read_tensors(tiny_straight(), STEPS, &size);
    void *y = tiny_read_tensors(o.out, STEPS, &size);
    assert_memory_not_equal(x, y, size);
    mem_free(x);
    mem_free(y);
}

static void test_tiny_submissions(void **state)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/cut");
    (void)state;
    public_need_device();
    pix_device *other = public_open_device(0.001);
    assert_non_null(other);
    tiny_train(other, &o, UINT64_MAX);
    assert_int_equal(pix_device_validation_count(other), 0);
    pix_device_destroy(other);
    tiny_check_same_checkpoint(tiny_straight(), o.out, STEPS);
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
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_overfit),
        cmocka_unit_test(test_sample_grid),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_tiny_submissions),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
