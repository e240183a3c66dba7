// SPDX-License-Identifier: MIT
//
// Named weights: sharing by name, places within limits, initial values.

#include "tensor/weights.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "support/gpu.h"

static void test_names_are_shared(void **state)
{
    (void)state;
    struct weights *weights = weights_create(false);
    const struct shape shape = { 4, 3, 2, 2 };
    struct tensor *a = weights_add(weights, WEIGHT_CONV, shape, "layer.%d.weight", 1);
    struct tensor *b = weights_add(weights, WEIGHT_CONV, shape, "layer.%d.weight", 2);
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(a, weights_add(weights, WEIGHT_CONV, shape, "layer.1.weight"));
    assert_ptr_equal(&weights_find(weights, "layer.2.weight")->value, b);
    assert_null(weights_find(weights, "layer.3.weight"));
    weights_add(weights, WEIGHT_RUNNING_MEAN, (struct shape){ 1, 4, 1, 1 }, "mean");
    assert_int_equal(weights_trained_count(weights), 2 * 48);
    weights_destroy(weights);
}

static void test_places(void **state)
{
    (void)state;
    struct weights *weights = weights_create(false);
    for (int i = 0; i < 10; i++)
        weights_add(weights, WEIGHT_CONV, (struct shape){ 5, 7, 3, 3 }, "w%d", i);
    // 315 floats are 1260 bytes, 1280 aligned; three parts and a flag are 4096. One
    // gradient in two is used.
    for (size_t i = 0; i < weights->count; i += 2)
        weights->items[i]->uses_gradient = true;
    assert_true(weights_place(weights, 12000));
    assert_int_equal(weights_bytes(weights), 10 * 4096 + 5 * 1280);
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *w = weights->items[i];
        assert_ptr_equal(w->value.block, w->v.block);
        assert_int_equal(w->v.offset, w->value.offset + 2 * 1280);
        assert_int_equal(w->state.offset, w->value.offset);
        assert_true(!w->gradient.block == !w->uses_gradient);
        assert_ptr_equal(w->flag.block, w->v.block);
        assert_int_equal(w->flag.offset, w->v.offset + 1280);
        assert_int_equal(tensor_bytes(&w->state), 4096);
        assert_int_equal(tensor_bytes(&w->v_and_flag), 1280 + 256);
        assert_int_equal(w->v_and_flag.offset, w->v.offset);
        assert_true(w->flag.offset + 256 <= w->flag.block->size);
    }
    for (size_t i = 0; i < weights->block_count; i++)
        assert_true(weights->blocks[i]->size <= 12000);
    weights_destroy(weights);

    // A range that does not fit in one piece is taken apart; a tensor is not, nor v and
    // its flag.
    weights = weights_create(false);
    weights_add(weights, WEIGHT_CONV, (struct shape){ 5, 7, 3, 3 }, "w");
    assert_true(weights_place(weights, 2000));
    assert_int_equal(weights->block_count, 3);
    const struct weight *apart = weights->items[0];
    assert_ptr_equal(apart->flag.block, apart->v.block);
    assert_int_equal(apart->flag.offset, 1280);
    assert_null(apart->state.block);
    weights_destroy(weights);
    // Two parts fit in a block, and not the flag with them.
    weights = weights_create(false);
    weights_add(weights, WEIGHT_CONV, (struct shape){ 5, 7, 3, 3 }, "w");
    assert_true(weights_place(weights, 2 * 1280));
    for (size_t i = 0; i < weights->block_count; i++)
        assert_true(weights->blocks[i]->size <= 2 * 1280);
    assert_ptr_equal(weights->items[0]->flag.block, weights->items[0]->v.block);
    weights_destroy(weights);
    const uint64_t small[] = { 1000, 1280 };
    for (size_t i = 0; i < ARRAY_LEN(small); i++) {
        weights = weights_create(false);
        weights_add(weights, WEIGHT_CONV, (struct shape){ 5, 7, 3, 3 }, "w");
        assert_false(weights_place(weights, small[i]));
        weights_destroy(weights);
    }

    // Averages have places behind everything else.
    weights = weights_create(false);
    weights->keeps_average = true;
    weights_add(weights, WEIGHT_CONV, (struct shape){ 5, 7, 3, 3 }, "w");
    weights_add_norm(weights, 5, "norm");
    assert_true(weights_place(weights, 12000));
    assert_int_equal(weights_bytes(weights), 4096 + 12 * 256 + 1280 + 4 * 256);
    for (size_t i = 0; i < weights->count; i++)
        assert_true(weights->items[i]->average.block &&
                    weights->items[i]->average.offset >= 4096 + 12 * 256);
    weights_destroy(weights);

    // Inference needs the values only.
    weights = weights_create(true);
    weights_add(weights, WEIGHT_CONV, (struct shape){ 5, 7, 3, 3 }, "w");
    assert_true(weights_place(weights, 12000));
    assert_int_equal(weights_bytes(weights), 1280);
    weights_destroy(weights);
}

static void moments(const float *x, size_t count, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += x[i];
    *mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (x[i] - *mean) * (x[i] - *mean);
    *deviation = sqrt(squares / (double)count);
}

static void test_initial_values(void **state)
{
    (void)state;
    const size_t count = 64 * 64 * 16;
    float *values = check_memory(count * sizeof(float));
    struct random r;
    double mean, deviation;
    struct weights *weights = weights_create(false);
    struct tensor *conv =
        weights_add(weights, WEIGHT_CONV, (struct shape){ 64, 64, 4, 4 }, "conv");
    const struct shape vector = { 1, 4096, 1, 1 };
    struct tensor *scale = weights_add(weights, WEIGHT_NORM_SCALE, vector, "scale");
    struct tensor *bias = weights_add(weights, WEIGHT_BIAS, vector, "bias");
    struct tensor *variance =
        weights_add(weights, WEIGHT_RUNNING_VARIANCE, vector, "variance");
    random_init(&r, 0, 0);
    assert_true(weights_place(weights, (uint64_t)1 << 30));
    assert_true(weights_allocate(weights, test_gpu()));
    assert_true(weights_initialise(weights, test_gpu(), &r, WEIGHTS_NORMAL, 0.02));

    assert_true(tensor_download(test_gpu(), conv, values));
    moments(values, count, &mean, &deviation);
    assert_true(fabs(mean) < 4 * 0.02 / 256);
    assert_true(fabs(deviation - 0.02) < 0.0004);
    assert_true(tensor_download(test_gpu(), scale, values));
    moments(values, 4096, &mean, &deviation);
    assert_true(fabs(mean - 1) < 4 * 0.02 / 64);
    assert_true(fabs(deviation - 0.02) < 0.002);
    assert_true(tensor_download(test_gpu(), bias, values));
    for (int i = 0; i < 4096; i++)
        assert_true(values[i] == 0.0f);
    assert_true(tensor_download(test_gpu(), variance, values));
    for (int i = 0; i < 4096; i++)
        assert_true(values[i] == 1.0f);
    assert_true(tensor_download(test_gpu(), &conv->weight->m, values));
    for (size_t i = 0; i < count; i++)
        assert_true(values[i] == 0.0f);
    weights_destroy(weights);
}

// Several threads draw what one would: each value has its place in the sequence, also
// those of the next weight.
static void test_drawn_in_parts(void **state)
{
    (void)state;
    const struct shape shapes[] = { { 64, 130, 4, 4 }, { 3, 5, 3, 3 } };
    struct weights *weights = weights_create(false);
    struct tensor *tensors[] = {
        weights_add(weights, WEIGHT_CONV, shapes[0], "large"),
        weights_add(weights, WEIGHT_CONV, shapes[1], "small"),
    };
    struct random r, expected;
    random_init(&r, 8, 9);
    expected = r;
    assert_true(weights_place(weights, (uint64_t)1 << 30));
    assert_true(weights_allocate(weights, test_gpu()));
    assert_true(weights_initialise(weights, test_gpu(), &r, WEIGHTS_NORMAL, 0.5));
    for (size_t i = 0; i < ARRAY_LEN(tensors); i++) {
        float *values = check_floats(shapes[i]);
        assert_true(tensor_download(test_gpu(), tensors[i], values));
        for (size_t k = 0; k < shape_count(shapes[i]); k++)
            assert_true(values[k] == (float)(0.5 * random_normal(&expected)));
    }
    assert_memory_equal(&r, &expected, sizeof(r));
    weights_destroy(weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_names_are_shared),
        check_test(test_places),
        check_test(test_initial_values),
        check_test(test_drawn_in_parts),
    };
    return cmocka_run_group_tests_name("weights", tests, test_gpu_open, test_gpu_close);
}
