// SPDX-License-Identifier: MIT
//
// Every generator, discriminator and norm against PyTorch: weights that PyTorch wrote
// are imported, the output for the same image is compared with PyTorch's, and what is
// written again is loaded by PyTorch, where there is one.

#define _XOPEN_SOURCE 700

#include "settings/settings.h"
#include "support/parity.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/network_write.h"
#include "support/gpu.h"
#include "support/tree.h"
#include "translate/translation.h"

#define SCRATCH "test_parity.scratch"
#define LARGEST_DIFFERENCE 1e-4    // in parts of the output's largest magnitude

// Reads what PyTorch wrote, which says itself what it is, and writes it again.
static void exchange(const json_t *c, const struct weights *weights)
{
    const bool is_g = strcmp(golden_text(c, "net"), "G") == 0;
    char path[512];
    snprintf(path, sizeof(path), "%s/forward/%s", TEST_GOLDEN, golden_text(c, "file"));
    struct network_file *f =
        network_file_open(path, is_g ? NETWORK_G : NETWORK_D, "test");
    assert_non_null(f);
    const struct settings *s = network_file_settings(f);
    const struct pix_train_options *o = &s->options;
    if (is_g) {
        const struct generator_options found = s->generator;
        const struct generator_options expected = parity_generator(c);
        assert_int_equal(found.kind, expected.kind);
        if (found.kind == GENERATOR_RESNET)
            assert_int_equal(found.blocks, expected.blocks);
        else
            assert_int_equal(found.levels, expected.levels);
        assert_int_equal(found.resize, expected.resize);
        assert_int_equal(o->output_nc, expected.channels_out);
        assert_int_equal(o->input_nc, expected.channels_in);
        assert_int_equal(o->ngf, expected.ngf);
    } else {
        assert_int_equal(o->ndf, golden_count(c, "ndf"));
        assert_int_equal(network_file_channels_d(f), golden_count(c, "input_nc"));
    }
    assert_true(network_file_check(f, weights));
    assert_true(network_file_load(f, weights, false, test_gpu(), tensor_upload));
    snprintf(path, sizeof(path), "%s/%s.pth", SCRATCH, golden_text(c, "name"));
    assert_true(network_write(path, f, weights, false, false));
    network_file_close(f);
}

static void run_case(const json_t *c, struct safetensors *outputs)
{
    const bool running = strcmp(golden_text(c, "mode"), "running") == 0;
    const struct shape s = golden_shape(c, "input");
    struct harness h;
    struct tensor *y;

    float *data = check_floats(s);
    golden_input(s, data);
    harness_begin(&h);
    struct tensor *x = harness_input(&h, "x", s, data);
    if (strcmp(golden_text(c, "net"), "G") == 0) {
        const struct generator_options o = parity_generator(c);
        y = generator_build(
            h.graph, h.weights, x, &o,
            translation_model_mode(running ? TRANSLATION_RUNNING : TRANSLATION_STABLE));
    } else {
        const struct discriminator_options o = parity_discriminator(c, "norm");
        const struct model_mode mode = {
            .statistics = running ? STATISTICS_RUNNING : STATISTICS_BATCH,
        };
        y = discriminator_build(h.graph, h.weights, x, &o, mode);
    }
    assert_false(graph_failed(h.graph));
    harness_keep(&h, y);
    harness_prepare(&h);
    exchange(c, h.weights);
    harness_run(&h);

    const struct shape out = y->shape;
    float *values = check_floats(out);
    harness_read(&h, y, values);
    golden_check_output(c, outputs, values, out, LARGEST_DIFFERENCE);
    harness_end(&h);
}

static void run_cases(const char *net)
{
    test_gpu();
    json_t *cases = golden_read("forward/cases.json");
    struct safetensors *outputs =
        safetensors_open(TEST_GOLDEN "/forward/outputs.safetensors");
    assert_non_null(outputs);
    for (size_t i = 0; i < json_array_size(cases); i++)
        if (strcmp(golden_text(json_array_get(cases, i), "net"), net) == 0)
            run_case(json_array_get(cases, i), outputs);
    safetensors_close(outputs);
    json_decref(cases);
}

static void test_generators(void **state)
{
    (void)state;
    run_cases("G");
}

static void test_discriminators(void **state)
{
    (void)state;
    run_cases("D");
}

// What the tests before this one wrote.
static void test_pytorch_loads(void **state)
{
    (void)state;
    test_gpu();
    golden_python("check.py", SCRATCH, "PyTorch does not take what was written");
}

static int open_group(void **state)
{
    test_remove_tree(SCRATCH);
    return test_gpu_open(state) || !file_make_folder(SCRATCH);
}

static int close_group(void **state)
{
    test_remove_tree(SCRATCH);
    return test_gpu_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_generators),
        check_test(test_discriminators),
        check_test(test_pytorch_loads),
    };
    return cmocka_run_group_tests_name("parity", tests, open_group, close_group);
}
