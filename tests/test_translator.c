// SPDX-License-Identifier: MIT
//
// Translation by a model that has just been trained, through the public API.

#include "support/tiny.h"

#include <stdlib.h>

#include "base/mem.h"
#include "store/checkpoint_folder.h"

#define SCRATCH "test_translator.scratch"

static void test_translate(void **state)
{
    struct pix_translate_options t;
    struct pix_image in = { 0 }, out, again;
    struct pix_plan plan;
    (void)state;
    public_need_device();
    pix_translate_options_init(&t);
    t.tuning = "off";
    t.model = tiny_straight();
    pix_translator *translator = pix_translator_create(public_device, &t);
    assert_non_null(translator);
    assert_true(pix_image_read(DATA "/train/1.png", &in));
    assert_true(pix_translator_run(translator, &in, &out));
    assert_int_equal(out.width, in.width);
    assert_int_equal(out.height, in.height);
    assert_true(pix_translator_run(translator, &in, &again));
    assert_memory_equal(out.pixels, again.pixels, (size_t)in.width * in.height * 3);
    pix_image_free(&out);
    pix_image_free(&again);
    assert_true(pix_translator_plan(translator, 0, 0, &plan));
    assert_int_equal(plan.weights_d, 0);
    assert_int_equal(plan.device_bytes, plan.state_bytes + plan.arena_bytes +
                                            plan.step_block_bytes + plan.staging_bytes);
    pix_translator_destroy(translator);

    // As it is: 80 x 40 is filled up, 64 x 32 fits.
    char *path = checkpoint_path(tiny_straight(), STEPS);
    t.model = path;
    t.preprocess = "none";
    translator = pix_translator_create(public_device, &t);
    assert_non_null(translator);
    assert_true(pix_translator_run(translator, &in, &out));
    assert_int_equal(out.width, 80);
    assert_int_equal(out.height, 40);
    pix_image_free(&out);
    in.width = 64;
    in.height = 32;
    assert_true(pix_translator_run(translator, &in, &out));
    assert_int_equal(out.width, 64);
    assert_int_equal(out.height, 32);
    pix_image_free(&out);
    in.width = in.height = 32;
    assert_true(pix_translator_run(translator, &in, &out));
    pix_image_free(&out);
    pix_image_free(&in);
    pix_translator_destroy(translator);

    t.preprocess = "crop";
    assert_null(pix_translator_create(public_device, &t));
    t.preprocess = NULL;
    t.output_size = "32x";
    public_messages[0] = '\0';
    assert_null(pix_translator_create(public_device, &t));
    public_check_message("--output-size takes input, model, or width x height");
    t.output_size = NULL;
    t.model = SCRATCH "/nothing";
    assert_null(pix_translator_create(public_device, &t));
    public_check_message("does not exist");
    t.model = DATA;
    assert_null(pix_translator_create(public_device, &t));
    public_check_message("no checkpoint");
    t.model = DATA "/train/1.png";
    assert_null(pix_translator_create(public_device, &t));
    public_check_message("not a file of weights");
    mem_free(path);
}

// Two images do not fit into a binding: they are translated one after the other.
static void test_translate_large_batch(void **state)
{
    enum { WIDTH = 32, HEIGHT = 32 * 5504 };
    struct pix_train_options o = tiny_options(ONE, SCRATCH "/thin");
    struct pix_translate_item items[2] = { 0 };
    struct pix_translate_options t;
    (void)state;
    public_need_device();
    if (pix_device_get_info(public_device)->max_binding_bytes > UINT64_C(128) << 20)
        skip();
    o.ngf = 1;
    o.steps = 1;
    tiny_train(public_device, &o, UINT64_MAX);
    pix_translate_options_init(&t);
    t.tuning = "off";
    t.model = o.out;
    t.preprocess = "none";
    t.batch_size = 2;
    pix_translator *translator = pix_translator_create(public_device, &t);
    assert_non_null(translator);
    for (int i = 0; i < 2; i++) {
        items[i].in = (struct pix_image){ WIDTH, HEIGHT, calloc(WIDTH * HEIGHT, 3) };
        assert_non_null(items[i].in.pixels);
    }
    assert_true(pix_translator_run_many(translator, items, 2, NULL, NULL));
    public_check_message("translating 1 at a time");
    assert_memory_equal(items[0].out.pixels, items[1].out.pixels, WIDTH * HEIGHT * 3);
    for (int i = 0; i < 2; i++) {
        pix_image_free(&items[i].in);
        pix_image_free(&items[i].out);
    }
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
        cmocka_unit_test(test_translate),
        cmocka_unit_test(test_translate_large_batch),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
