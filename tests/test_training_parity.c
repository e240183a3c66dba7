// SPDX-License-Identifier: MIT
//
// Training against PyTorch: from the same weights, on the same images, 20 steps of the
// same recipe give the same losses, as far as rounding lets them, and the first step
// the same weights. A software driver makes 10 steps, but with PIX_TEST_FULL=1. How far
// PyTorch in f32 comes from itself in f64 stands in the fixtures.

#include "support/parity.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "data/picture_file.h"
#include "program/program.h"
#include "support/gpu.h"
#include "train/objective.h"

#define SIDE 128
#define PAIRS 5
#define STEPS 20
#define PAIR_BYTES (2 * 3 * SIDE * SIDE)
#define LEARNING_RATE 2e-4

static const struct {
    const char *name;
    enum gan_mode gan;
} gan_modes[] = {
    { "vanilla", GAN_VANILLA },
    { "lsgan", GAN_LSGAN },
    { "hinge", GAN_HINGE },
    { "wgangp", GAN_WGANGP },
};

static uint8_t *read_pairs(void)
{
    uint8_t *pixels = check_memory(PAIRS * PAIR_BYTES);
    for (int i = 0; i < PAIRS; i++) {
        struct picture pair, half;
        struct reason reason;
        char *path = mem_printf("%s/pairs/train/%d.png", TEST_GOLDEN, i + 1);
        assert_true(picture_read(path, &pair, &reason));
        assert_int_equal(pair.width, 2 * SIDE);
        assert_int_equal(pair.height, SIDE);
        for (uint32_t k = 0; k < 2; k++) {
            assert_true(picture_crop(&pair, k * SIDE, 0, SIDE, SIDE, &half));
            assert_int_equal(picture_bytes(&half), PAIR_BYTES / 2);
            memcpy(pixels + i * PAIR_BYTES + k * PAIR_BYTES / 2, half.samples,
                   PAIR_BYTES / 2);
            picture_free(&half);
        }
        picture_free(&pair);
        mem_free(path);
    }
    return pixels;
}

// Every tensor after the first step within 1e-3 in relative L2 norm. A bias whose norm
// takes it out again has no true gradient: Adam makes a step either way of rounding.
static void check_tensors(const json_t *c, struct safetensors *sketches,
                          const char *letter, const struct weights *weights)
{
    const json_t *tensors = json_object_get(c, "tensors");
    double worst = 0;
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *w = weights->items[i];
        const uint64_t count = shape_count(w->value.shape);
        double actual[GOLDEN_SKETCH], expected[GOLDEN_SKETCH];
        uint64_t rows;
        char name[256];
        snprintf(name, sizeof(name), "%s.%s", letter, w->name);
        const json_t *about = json_object_get(tensors, name);
        if (!about)
            fail_msg("PyTorch has no %s", name);
        float *golden = golden_floats(sketches, name, &rows);
        float *values = check_floats(w->value.shape);
        assert_true(tensor_download(test_gpu(), &w->value, values));
        assert_int_equal(golden_sketch(values, count, actual), rows);
        for (uint64_t k = 0; k < rows; k++)
            expected[k] = (double)golden[k];
        if (golden_bool(about, "free")) {
            assert_true(count <= GOLDEN_SKETCH);
            for (uint64_t k = 0; k < rows; k++)
                if (!(fabs(actual[k] - expected[k]) <= 2 * LEARNING_RATE))
                    fail_msg("%s[%u] is %.8g, PyTorch has %.8g", name, (unsigned)k,
                             actual[k], expected[k]);
        } else {
            double off =
                golden_distance(count, actual, expected) / golden_number(about, "norm");
            if (!(off <= 1e-3))
                fail_msg("%s is off by %.2e of its norm (PyTorch in f32: %.1e)", name,
                         off, golden_number(about, "off"));
            worst = MAX(worst, off);
        }
    }
    print_message("%s after step 1: off by %.1e of its norm at most\n", letter, worst);
}

// Losses of hinge and wgangp pass through zero: there a difference in absolute terms is
// all that can be asked for, once rounding has had some steps to grow.
static bool is_relative(const char *loss, enum gan_mode gan)
{
    return strcmp(loss, "loss_g_l1") == 0 || (gan != GAN_HINGE && gan != GAN_WGANGP);
}

static double allowed(const char *loss, enum gan_mode gan, uint32_t step,
                      double expected)
{
    if (strcmp(loss, "loss_g_l1") == 0)
        return 5e-3 * expected;
    if (step <= 3)
        return 5e-3 * fabs(expected);
    if (step > 10)
        return HUGE_VAL;
    return is_relative(loss, gan) ? 0.05 * fabs(expected) : 0.01;
}

static void run_case(const char *name)
{
    static const char *const names[] = { "loss_d_real", "loss_d_fake", "loss_g_gan",
                                         "loss_g_l1", "loss_d_gp" };
    struct gpu_device *device = test_gpu();
    const struct op_limits op_limits = test_gpu_limits();
    char path[512];
    snprintf(path, sizeof(path), "training/%s.json", name);
    json_t *c = golden_read(path);
    snprintf(path, sizeof(path), "%s/training/%s.safetensors", TEST_GOLDEN, name);
    struct safetensors *sketches = safetensors_open(path);
    assert_non_null(sketches);
    uint8_t *pairs = read_pairs();

    struct objective_options options = {
        .generator = parity_generator(c),
        .discriminator = parity_discriminator(c, "norm_d"),
        .batch = 1,
        .load_h = SIDE,
        .load_w = SIDE,
        .crop_h = SIDE,
        .crop_w = SIDE,
        .lambda_l1 = 100,
        .optimizer = { OPTIMIZER_ADAM, 0.5, 0.999, 1e-8, 0 },
    };
    options.generator.no_dropout = true;
    for (size_t i = 0; i < ARRAY_LEN(gan_modes); i++)
        if (strcmp(golden_text(c, "gan_mode"), gan_modes[i].name) == 0)
            options.gan = gan_modes[i].gan;
    const size_t loss_count = options.gan == GAN_WGANGP ? 5 : 4;
    if (options.gan == GAN_WGANGP) {
        options.lambda_gp = 10;
        options.gp_alpha = (float)golden_number(c, "alpha");
    }

    const struct program_options program_options = { .device = device,
                                                     .submission_seconds = 0.2,
                                                     .limits = &op_limits };
    struct program *program = program_create(&program_options);
    struct weights *generator = weights_create(false);
    struct weights *discriminator = weights_create(false);
    struct weights *const networks[] = { generator, discriminator };
    struct objective o;
    assert_true(objective_build(program_graph(program), generator, discriminator,
                                &options, &o));
    program_upload(program, o.pixels);
    program_upload(program, o.jitter);    // stays zero: nothing is cropped or mirrored
    program_download(program, o.loss_d);
    program_download(program, o.loss_g_gan);
    program_download(program, o.loss_g_l1);
    program_download(program, o.loss_d_gp);
    assert_true(program_plan(program, networks, 2, NULL));
    assert_true(weights_allocate(generator, device));
    assert_true(weights_allocate(discriminator, device));
    assert_true(program_start(program));
    uint8_t *pixels = program_input(program, 0, o.pixels);
    const float *loss_d = program_output(program, 0, o.loss_d);
    const float *const losses[] = {
        loss_d + 1,
        loss_d,
        program_output(program, 0, o.loss_g_gan),
        program_output(program, 0, o.loss_g_l1),
        loss_count == 5 ? program_output(program, 0, o.loss_d_gp) : NULL,
    };
    assert_int_equal(generator->count + discriminator->count,
                     json_object_size(json_object_get(c, "tensors")));
    parity_start(generator, "G", golden_number(c, "g_scale"));
    parity_start(discriminator, "D", golden_number(c, "d_scale"));

    double worst[5][3] = {
        0
    };    // by loss, steps 1-3, 4-10, 11-20, in parts of allowed
    const json_t *golden = json_object_get(c, "losses");
    const uint32_t steps = test_is_thorough() ? STEPS : STEPS / 2;
    for (uint32_t s = 1; s <= steps; s++) {
        memcpy(pixels, pairs + (s - 1) % PAIRS * PAIR_BYTES, PAIR_BYTES);
        const struct step_block block = {
            .step = s,
            .lr = (float)LEARNING_RATE,
            .adam_step_size = (float)(LEARNING_RATE / (1 - pow(0.5, s))),
            .adam_root = (float)sqrt(1 - pow(0.999, s)),
        };
        assert_true(program_run(program, &block));
        for (size_t i = 0; i < loss_count; i++) {
            const double actual = (double)*losses[i];
            const double expected = golden_element(golden, names[i], s - 1);
            const double off = fabs(actual - expected);
            if (!(off <= allowed(names[i], options.gan, s, expected)))
                fail_msg("%s, step %u: %s is %.7g, PyTorch has %.7g", name, s, names[i],
                         actual, expected);
            double *w = &worst[i][s <= 3 ? 0 : s <= 10 ? 1 : 2];
            *w = MAX(*w,
                     is_relative(names[i], options.gan) ? off / fabs(expected) : off);
        }
        if (s == 1) {
            check_tensors(c, sketches, "G", generator);
            check_tensors(c, sketches, "D", discriminator);
        }
    }
    for (size_t i = 0; i < loss_count; i++)
        print_message("%s off by %.1e, %.1e, %.1e in steps 1-3, 4-10, 11-20%s\n",
                      names[i], worst[i][0], worst[i][1], worst[i][2],
                      is_relative(names[i], options.gan) ? " (of itself)" : "");

    program_destroy(program);
    weights_destroy(generator);
    weights_destroy(discriminator);
    safetensors_close(sketches);
    json_decref(c);
}

static void test_unet_batch(void **state)
{
    (void)state;
    run_case("unet_batch");
}

static void test_unet_instance(void **state)
{
    (void)state;
    run_case("unet_instance");
}

static void test_unet_lsgan(void **state)
{
    (void)state;
    run_case("unet_lsgan");
}

static void test_unet_hinge(void **state)
{
    (void)state;
    run_case("unet_hinge");
}

static void test_unet_wgangp(void **state)
{
    (void)state;
    run_case("unet_wgangp");
}

static void test_resnet_6(void **state)
{
    (void)state;
    run_case("resnet_6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_unet_batch),  check_test(test_unet_instance),
        check_test(test_unet_lsgan),  check_test(test_unet_hinge),
        check_test(test_unet_wgangp), check_test(test_resnet_6),
    };
    return cmocka_run_group_tests_name("training parity", tests, test_gpu_open,
                                       test_gpu_close);
}
