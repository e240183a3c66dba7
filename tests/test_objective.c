// SPDX-License-Identifier: MIT
//
// The training step against PyTorch: the golden files hold the losses of ten steps and
// every tensor after the first, computed in double precision (fixtures/make_golden.py).

#include "train/objective.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "data/image.h"
#include "formats/safetensors.h"
#include "program/program.h"
#include "support/gpu.h"

#define GOLDEN TEST_FIXTURES "/golden/"
#define SIDE 32
#define PAIR_BYTES (2 * 3 * SIDE * SIDE)

// Losses after steps of float32 training drift from those of float64.
static const struct tolerance golden_loss = { "golden loss", 2e-3, 0, 1e-5 };
static const struct tolerance golden_first_loss = { "golden first loss", 1e-5, 0,
                                                    1e-6 };

// A weight's golden values; caller frees.
static float *golden_values(struct safetensors *file, const char *network,
                            const struct weight *w)
{
    char name[256];
    snprintf(name, sizeof(name), "%s.%s", network, w->name);
    const struct safetensors_entry *e = safetensors_find(file, name);
    if (!e || e->end - e->begin != tensor_bytes(&w->value))
        fail_msg("the golden file has no %s of the right size", name);
    float *values = check_memory((size_t)tensor_bytes(&w->value));
    assert_true(safetensors_read(file, e, values));
    return values;
}

static void upload(struct safetensors *file, const char *network,
                   const struct weights *weights)
{
    for (size_t i = 0; i < weights->count; i++) {
        struct weight *w = weights->items[i];
        float *values = golden_values(file, network, w);
        assert_true(tensor_upload(test_gpu(), &w->value, values));
    }
}

// Adam's first step moves a weight by the learning rate times the sign of its gradient,
// so a gradient near zero may send it the other way: at most `strays` values may be up
// to 2 lr off, all others must agree closely.
static void check_weights(struct safetensors *file, const char *network,
                          const struct weights *weights)
{
    size_t strays = 0, total = 0;
    for (size_t i = 0; i < weights->count; i++) {
        struct weight *w = weights->items[i];
        size_t count = (size_t)shape_count(w->value.shape);
        float *expected = golden_values(file, network, w);
        float *actual = check_memory(tensor_bytes(&w->value));
        assert_true(tensor_download(test_gpu(), &w->value, actual));
        for (size_t k = 0; k < count; k++) {
            double off = fabs((double)actual[k] - (double)expected[k]);
            if (!(off <= 4.1e-4))
                fail_msg("%s.%s[%zu] is %.8g, PyTorch has %.8g", network, w->name, k,
                         (double)actual[k], (double)expected[k]);
            strays += off > 2e-6 + 1e-5 * fabs((double)expected[k]);
        }
        total += count;
    }
    print_message("%s: %zu of %zu values differ by more than rounding\n", network,
                  strays, total);
    assert_true(strays * 200 <= total);
}

static double golden_number(const json_t *object, const char *key, size_t i)
{
    double value;
    assert_true(
        json_to_double(json_array_get(json_object_get(object, key), i), &value));
    return value;
}

static void run_case(const char *name, struct op_limits op_limits)
{
    struct gpu_device *device = test_gpu();
    const struct program_options program_options = { .device = device,
                                                     .limits = &op_limits };
    void *text, *images, *output;
    size_t text_size, images_size, output_size;
    char path[512];

    assert_true(file_read(GOLDEN "golden.json", &text, &text_size));
    json_t *document = json_parse(text, text_size, "golden.json");
    assert_non_null(document);
    const json_t *golden = json_object_get(document, name);
    uint64_t batch, steps;
    assert_true(json_to_u64(json_object_get(golden, "batch_size"), &batch));
    assert_true(json_to_u64(json_object_get(golden, "steps"), &steps));
    assert_true(file_read(GOLDEN "images.raw", &images, &images_size));
    assert_true(images_size >= steps * batch * PAIR_BYTES);

    const struct objective_options options = {
        .generator = { 5, 2, 3, 3 },
        .discriminator = { 3, 2 },
        .batch = (uint32_t)batch,
        .load_h = SIDE,
        .load_w = SIDE,
        .crop_h = SIDE,
        .crop_w = SIDE,
        .lambda_l1 = 100,
        .optimizer = { OPTIMIZER_ADAM, 0.5, 0.999, 1e-8, 0 },
    };
    struct program *program = program_create(&program_options);
    struct graph *g = program_graph(program);
    struct weights *generator = weights_create(false);
    struct weights *discriminator = weights_create(false);
    struct weights *const networks[] = { generator, discriminator };
    struct objective o;
    assert_true(objective_build(g, generator, discriminator, &options, &o));
    graph_keep(g, o.fake);
    program_upload(program, o.pixels);
    program_upload(program, o.jitter);    // stays zero: nothing is cropped or mirrored
    program_download(program, o.fake);
    program_download(program, o.loss_d);
    program_download(program, o.loss_g_gan);
    program_download(program, o.loss_g_l1);
    assert_true(program_plan(program, networks, 2, NULL));
    assert_true(weights_allocate(generator, device));
    assert_true(weights_allocate(discriminator, device));
    assert_true(program_start(program));
    uint8_t *pixels = program_input(program, 0, o.pixels);
    const float *fake = program_output(program, 0, o.fake);
    static const char *const names[] = { "loss_d_real", "loss_d_fake", "loss_g_gan",
                                         "loss_g_l1" };
    const float *loss_d = program_output(program, 0, o.loss_d);
    const float *const losses[4] = { loss_d + 1, loss_d,
                                     program_output(program, 0, o.loss_g_gan),
                                     program_output(program, 0, o.loss_g_l1) };

    struct safetensors *file = safetensors_open(GOLDEN "initial.safetensors");
    assert_non_null(file);
    upload(file, "G", generator);
    upload(file, "D", discriminator);
    safetensors_close(file);

    for (uint64_t s = 0; s < steps; s++) {
        // The file has interleaved pictures.
        for (size_t i = 0; i < 2 * batch; i++) {
            struct pix_image image = {
                SIDE, SIDE, (uint8_t *)images + (2 * s * batch + i) * PAIR_BYTES / 2
            };
            struct picture picture;
            assert_true(image_to_picture(&image, &picture));
            memcpy(pixels + i * PAIR_BYTES / 2, picture.samples, PAIR_BYTES / 2);
            picture_free(&picture);
        }
        double t = (double)(s + 1);
        const struct step_block block = {
            .step = (uint32_t)(s + 1),
            .lr = 2e-4f,
            .adam_step_size = (float)(2e-4 / (1.0 - pow(0.5, t))),
            .adam_root = (float)sqrt(1.0 - pow(0.999, t)),
        };
        assert_true(program_run(program, &block));
        for (size_t i = 0; i < 4; i++) {
            check_case("%s, step %u", name, block.step);
            check_number(names[i], *losses[i], golden_number(golden, names[i], s),
                         s == 0 ? &golden_first_loss : &golden_loss);
        }
        if (s > 0)
            continue;
        snprintf(path, sizeof(path), GOLDEN "%s.output.raw", name);
        assert_true(file_read(path, &output, &output_size));
        const struct shape shape = { (uint32_t)batch, 3, SIDE, SIDE };
        assert_int_equal(output_size, shape_count(shape) * sizeof(float));
        double *wide = check_widen(output, shape);
        check_array("fake", fake, wide, shape, &TOLERANCE_NETWORK);
        mem_free(output);
        snprintf(path, sizeof(path), GOLDEN "%s.after1.safetensors", name);
        file = safetensors_open(path);
        assert_non_null(file);
        check_weights(file, "G", generator);
        check_weights(file, "D", discriminator);
        safetensors_close(file);
    }

    program_destroy(program);
    weights_destroy(generator);
    weights_destroy(discriminator);
    json_decref(document);
    mem_free(text);
    mem_free(images);
}

static void test_batch_1(void **state)
{
    (void)state;
    run_case("batch1", test_gpu_limits());
}

static void test_batch_2(void **state)
{
    (void)state;
    run_case("batch2", test_gpu_limits());
}

// The tiles that GPUs get, on whatever this device is.
static void test_shared_memory_tiles(void **state)
{
    (void)state;
    test_gpu();
    run_case("batch2", test_guaranteed_limits());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_batch_1),
        check_test(test_batch_2),
        check_test(test_shared_memory_tiles),
    };
    return cmocka_run_group_tests_name("objective", tests, test_gpu_open,
                                       test_gpu_close);
}
