// SPDX-License-Identifier: MIT
//
// The U-Net: weight counts and names of the reference, shapes, the gradient of a small
// one, translation that does not depend on the batch.

#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "models/model.h"
#include "shared/norm.h"
#include "support/gradient.h"
#include "support/log.h"
#include "translate/translation.h"

struct network {
    struct graph *graph;
    struct weights *weights;
    struct tensor *out;
};

static void network_build(struct network *n, uint32_t levels, uint32_t ngf, uint32_t h,
                          uint32_t w, struct model_mode mode)
{
    const struct op_limits limits = test_guaranteed_limits();
    n->graph = graph_create(&limits);
    n->weights = weights_create(false);
    struct tensor *x =
        graph_input(n->graph, "x", (struct shape){ 1, 3, h, w }, TENSOR_F32);
    n->out = generator_build(n->graph, n->weights, x,
                             &(struct generator_options){ levels, ngf, 3, 3 }, mode);
}

static void network_end(struct network *n)
{
    graph_destroy(n->graph);
    weights_destroy(n->weights);
}

static void test_weight_counts(void **state)
{
    (void)state;
    static const struct {
        uint32_t levels, size;
        uint64_t count;
    } cases[] = { { 8, 256, 54413955 }, { 7, 128, 41828995 }, { 9, 512, 66998915 } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct network n;
        network_build(&n, cases[i].levels, 64, cases[i].size, cases[i].size,
                      (struct model_mode){ 0 });
        assert_int_equal(weights_trained_count(n.weights), cases[i].count);
        assert_int_equal(n.out->shape.c, 3);
        assert_int_equal(n.out->shape.h, cases[i].size);
        network_end(&n);
    }
}

// The PyTorch port's state_dict of unet_256: 82 keys, 13 of them num_batches_tracked,
// which are derived.
static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct shape shape;
    } cases[] = {
        { "model.model.0.weight", { 64, 3, 4, 4 } },
        { "model.model.1.model.1.weight", { 128, 64, 4, 4 } },
        { "model.model.1.model.2.running_mean", { 1, 128, 1, 1 } },
        { "model.model.1.model.3.model.3.model.2.bias", { 1, 512, 1, 1 } },
        { "model.model.1.model.3.model.3.model.3.model.3.model.3.model.3.model.1.weight",
          { 512, 512, 4, 4 } },
        { "model.model.1.model.3.model.3.model.3.model.3.model.3.model.3.model.3.weight",
          { 512, 512, 4, 4 } },
        { "model.model.1.model.3.model.3.model.3.model.3.model.3.model.3.model.4."
          "running_var",
          { 1, 512, 1, 1 } },
        { "model.model.1.model.3.model.3.model.3.model.3.model.3.model.5.weight",
          { 1024, 512, 4, 4 } },
        { "model.model.1.model.6.weight", { 1, 64, 1, 1 } },
        { "model.model.3.weight", { 128, 3, 4, 4 } },
        { "model.model.3.bias", { 1, 3, 1, 1 } },
    };
    struct network n;
    network_build(&n, 8, 64, 256, 256, (struct model_mode){ 0 });
    assert_int_equal(n.weights->count, 82 - 13);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct weight *w = weights_find(n.weights, cases[i].name);
        if (!w)
            fail_msg("there is no %s", cases[i].name);
        assert_true(shape_equal(w->value.shape, cases[i].shape));
    }
    network_end(&n);
}

// Norms that do something beside normalising.
static size_t count_norms(const struct graph *g, uint32_t spec)
{
    size_t count = 0;
    for (size_t i = 0; i < graph_call_count(g); i++)
        count += graph_call(g, i)->shader == SHADER_NORM_FORWARD &&
                 graph_call(g, i)->spec[spec];
    return count;
}

static void test_modes(void **state)
{
    (void)state;
    struct network n;
    // Dropout in d2, d3 and d4 of eight levels, in none of five.
    network_build(&n, 8, 4, 256, 256, (struct model_mode){ 0 });
    assert_int_equal(count_norms(n.graph, NORM_SPEC_DROPOUT), 3);
    assert_int_equal(count_norms(n.graph, NORM_SPEC_RUNNING), 13);
    network_end(&n);
    network_build(&n, 5, 4, 32, 64, (struct model_mode){ 0 });
    assert_int_equal(count_norms(n.graph, NORM_SPEC_DROPOUT), 0);
    assert_int_equal(n.out->shape.w, 64);
    network_end(&n);
    network_build(&n, 8, 4, 256, 256,
                  (struct model_mode){ true, STATISTICS_PER_IMAGE });
    assert_int_equal(count_norms(n.graph, NORM_SPEC_DROPOUT), 0);
    assert_int_equal(count_norms(n.graph, NORM_SPEC_RUNNING), 0);
    network_end(&n);
}

static void test_size_that_does_not_fit(void **state)
{
    (void)state;
    struct network n;
    test_forget_error();
    network_build(&n, 5, 4, 48, 48, (struct model_mode){ 0 });
    assert_true(graph_failed(n.graph));
    assert_true(log_last_error()[0]);
    network_end(&n);
}

// Random weights large enough that every path carries a signal.
static void initialise(struct harness *h, void *user)
{
    struct random r;
    (void)user;
    random_init(&r, 11, 3);
    assert_true(weights_initialise(h->weights, test_gpu(), &r, WEIGHTS_NORMAL, 0.2));
}

static struct tensor *build_small(struct harness *h, void *user)
{
    struct random r;
    (void)user;
    const struct shape shape = { 2, 3, 32, 32 };
    random_init(&r, 5, 5);
    float *data = check_random_floats(&r, shape);
    struct tensor *x = harness_input(h, "x", shape, data);
    return generator_build(h->graph, h->weights, x,
                           &(struct generator_options){ 5, 2, 3, 3 },
                           (struct model_mode){ 0 });
}

static void test_gradient(void **state)
{
    (void)state;
    gradient_check(&(struct gradient_options){
        .name = "unet, 5 levels, ngf 2",
        .build = build_small,
        .initialise = initialise,
        .step = 2e-3,
        .elements = 2,
        .directions = 1,
    });
}

// An image's translation is the same alone and in a batch.
static void test_translation_is_per_image(void **state)
{
    (void)state;
    const struct generator_options options = { 5, 4, 3, 3 };
    const size_t image = 3 * 32 * 32;
    uint8_t pixels[3 * 3 * 32 * 32], together[3 * 3 * 32 * 32], alone[3 * 32 * 32];
    struct random r;
    random_init(&r, 3, 3);
    for (size_t i = 0; i < sizeof(pixels); i++)
        pixels[i] = (uint8_t)random_below(&r, i < image ? 256 : 100);
    for (uint32_t batch = 1; batch <= 3; batch += 2) {
        struct harness h;
        struct translation t;
        harness_begin(&h);
        assert_true(translation_build(h.graph, h.weights, &options,
                                      (struct staging){ 0 }, TRANSLATION_STABLE, batch,
                                      32, 32, &t));
        harness_keep(&h, t.output);
        program_upload(h.program, t.pixels);
        program_upload(h.program, t.jitter);    // stays zero
        harness_prepare(&h);
        initialise(&h, NULL);
        memcpy(program_input(h.program, 0, t.pixels), pixels, image * batch);
        harness_run(&h);
        harness_read_bytes(&h, t.output, batch == 1 ? alone : together);
        harness_end(&h);
    }
    assert_memory_equal(alone, together, image);
    assert_memory_not_equal(alone, together + image, image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_weight_counts), check_test(test_names),
        check_test(test_modes),         check_test(test_size_that_does_not_fit),
        check_test(test_gradient),      check_test(test_translation_is_per_image),
    };
    return cmocka_run_group_tests_name("unet", tests, test_gpu_open, test_gpu_close);
}
