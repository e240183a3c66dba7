// SPDX-License-Identifier: MIT
//
// The PatchGAN: names of the reference, what a logit sees, the gradient of a small one.

#include "base/random.h"
#include "models/model.h"
#include "support/gradient.h"

static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {
        "model.0.weight",       "model.0.bias",         "model.2.weight",
        "model.3.weight",       "model.3.bias",         "model.3.running_mean",
        "model.3.running_var",  "model.5.weight",       "model.6.weight",
        "model.6.bias",         "model.6.running_mean", "model.6.running_var",
        "model.8.weight",       "model.9.weight",       "model.9.bias",
        "model.9.running_mean", "model.9.running_var",  "model.11.weight",
        "model.11.bias",
    };
    const struct op_limits limits = test_guaranteed_limits();
    struct graph *g = graph_create(&limits);
    struct weights *weights = weights_create(false);
    struct tensor *x = graph_input(g, "x", (struct shape){ 1, 6, 32, 32 }, TENSOR_F32);
    assert_non_null(discriminator_build(g, weights, x,
                                        &(struct discriminator_options){ 3, 64 },
                                        (struct model_mode){ 0 }));
    assert_int_equal(weights->count, ARRAY_LEN(names));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_string_equal(weights->items[i]->name, names[i]);
    graph_destroy(g);
    weights_destroy(weights);
}

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
    const struct shape shape = { 2, 6, 32, 32 };
    random_init(&r, 5, 5);
    float *data = check_random_floats(&r, shape);
    struct tensor *x = harness_input(h, "x", shape, data);
    return discriminator_build(h->graph, h->weights, x,
                               &(struct discriminator_options){ 3, 2 },
                               (struct model_mode){ 0 });
}

static void test_gradient(void **state)
{
    (void)state;
    gradient_check(&(struct gradient_options){
        .name = "patchgan, 3 layers, ndf 2",
        .build = build_small,
        .initialise = initialise,
        .step = 5e-4,
        .elements = 2,
        .directions = 1,
    });
}

// One logit of three layers sees 70 x 70 pixels: changing one pixel outside changes
// nothing. Without norms, whose statistics see everything, this would be exact; here
// the field follows from kernels and strides.
static void test_receptive_field(void **state)
{
    (void)state;
    const struct op_limits limits = test_guaranteed_limits();
    struct graph *g = graph_create(&limits);
    struct weights *weights = weights_create(false);
    struct tensor *x =
        graph_input(g, "x", (struct shape){ 1, 6, 128, 128 }, TENSOR_F32);
    assert_non_null(discriminator_build(g, weights, x,
                                        &(struct discriminator_options){ 3, 4 },
                                        (struct model_mode){ 0 }));
    // Strides follow from the sides of consecutive convolutions' outputs: 64 32 16
    // 15 14.
    static const uint32_t sides[] = { 64, 32, 16, 15, 14 };
    uint32_t field = 1, found = 0, strides[5];
    for (size_t i = 0; i < graph_tensor_count(g); i++) {
        const struct tensor *t = graph_tensor(g, i);
        if (found < 5 && t->shape.h == sides[found] && t->shape.h > 1) {
            strides[found] = found == 0 ? 2 : sides[found - 1] / sides[found];
            found++;
        }
    }
    assert_int_equal(found, 5);
    for (uint32_t i = 5; i-- > 0;)
        field = (field - 1) * strides[i] + 4;
    assert_int_equal(field, 70);
    graph_destroy(g);
    weights_destroy(weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_names),
        check_test(test_receptive_field),
        check_test(test_gradient),
    };
    return cmocka_run_group_tests_name("patchgan", tests, test_gpu_open,
                                       test_gpu_close);
}
