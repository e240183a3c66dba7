// SPDX-License-Identifier: MIT
//
// Kernels for matrix units: each in all directions, against sums in doubles of the same
// operands in f16; and the same bits on every run. Where a device has no matrix units,
// nothing is run: tools/test.sh takes a software driver that has some.

#include "support/conv_case.h"

#include "base/bytes.h"
#include "gpu/matrix.h"
#include "graph/graph.h"
#include "models/model.h"
#include "ops/conv_choice.h"
#include "ops/conv_variant.h"
#include "selftest/reference_conv.h"

#include <math.h>
#include <string.h>

static void need_matrix(void)
{
    const struct gpu_limits *limits = gpu_device_limits(test_gpu());
    if (!limits->matrix.subgroup) {
        print_message("%s: %s\n", gpu_device_info(test_gpu())->name, limits->no_matrix);
        skip();
    }
}

// Random numbers that f16 has.
static double *random_halves(struct random *r, struct shape s, float **floats)
{
    *floats = check_random_floats(r, s);
    for (size_t i = 0; i < shape_count(s); i++)
        (*floats)[i] = bytes_half_value(bytes_half_bits((*floats)[i]));
    return check_widen(*floats, s);
}

static double *absolute(const double *values, struct shape s)
{
    double *result = check_doubles(s);
    for (size_t i = 0; i < shape_count(s); i++)
        result[i] = fabs(values[i]);
    return result;
}

// The sums of a direction; and how many terms they have at most.
static uint64_t refer(const struct conv_shape *s, const double *a, const double *b,
                      double *out)
{
    const struct conv_attributes attr = { s->kernel, s->stride, s->pad, 0 };
    const struct shape x = s->x, y = conv_shape_y(s), w = conv_shape_w(s);
    const uint64_t taps = (uint64_t)s->kernel * s->kernel;
    double *dx = check_doubles(x), *dw = check_doubles(w);
    double *db = check_doubles((struct shape){ 1, y.c, 1, 1 });
    if (s->direction == CONV_FORWARD) {
        reference_conv_forward(attr, x, y.c, a, b, NULL, out);
        return x.c * taps;
    }
    if (s->direction == CONV_BACKWARD_INPUT) {
        reference_conv_backward(attr, x, y.c, check_doubles(x), b, a, out, dw, db);
        return y.c * taps;
    }
    reference_conv_backward(attr, x, y.c, a, check_doubles(w), b, dx, out, db);
    return (uint64_t)y.n * y.h * y.w;
}

// One product by one variant. Each number is within the error of adding its K products
// in f32 in any order: K roundings of at most the sum of their absolute values.
static void check_product(const struct conv_variant *v, const struct conv_shape *s)
{
    const struct shape x = s->x, y = conv_shape_y(s), w = conv_shape_w(s);
    const struct shape shapes[][3] = {
        [CONV_FORWARD] = { x, w, y },
        [CONV_BACKWARD_INPUT] = { y, w, x },
        [CONV_BACKWARD_WEIGHT] = { x, y, w },
    };
    const struct shape *of = shapes[s->direction];
    char text[CONV_SHAPE_TEXT_SIZE];
    struct random r;
    struct harness h;
    struct op_limits limits = test_gpu_limits();
    random_init(&r, 4, shape_count(x));
    check_case("%s %s", v->name, conv_shape_text(s, text));
    limits.force = v;
    if (!conv_variant_fits(v, &limits, s))
        return;
    float *a, *b;
    double *a_wide = random_halves(&r, of[0], &a);
    double *b_wide = random_halves(&r, of[1], &b);
    harness_begin(&h);
    harness_set_limits(&h, limits);
    h.weights->precision = TENSOR_F16;
    struct tensor *a_tensor = harness_weight(&h, "a", of[0], a);
    struct tensor *b_tensor = harness_weight(&h, "b", of[1], b);
    struct tensor *out = harness_weight(&h, "out", of[2], NULL);
    graph_product(h.graph, s, weight_operand(a_tensor), weight_operand(b_tensor), out);
    assert_true(shader_table[graph_call(h.graph, 0)->shader].is_matrix);
    float *result = check_floats(of[2]), *again = check_floats(of[2]);
    harness_run(&h);
    harness_read(&h, out, result);
    harness_run(&h);
    harness_read(&h, out, again);
    harness_end(&h);
    check_same("the second time", again, result, of[2]);
    double *expected = check_doubles(of[2]), *sizes = check_doubles(of[2]);
    const uint64_t terms = refer(s, a_wide, b_wide, expected);
    refer(s, absolute(a_wide, of[0]), absolute(b_wide, of[1]), sizes);
    for (size_t i = 0; i < shape_count(of[2]); i++)
        if (!(fabs(result[i] - expected[i]) <= (double)terms * 0x1p-23 * sizes[i]))
            fail_msg("%s: element %zu is %.9g, expected %.9g within %.3g",
                     check_case_name(), i, (double)result[i], expected[i],
                     (double)terms * 0x1p-23 * sizes[i]);
    check_release(NULL);
}

// Across the edges of all tiles; the last has rows of whole runs.
static const struct conv_shape shapes[] = {
    { .x = { 1, 33, 14, 9 }, .c_out = 70, .kernel = 4, .stride = 2, .pad = 1 },
    { .x = { 2, 40, 8, 16 }, .c_out = 36, .kernel = 4, .stride = 2, .pad = 1 },
};

// A software driver takes a second to half a minute to compile such a kernel: there the
// one with the smallest tile is run in all directions, others in one, in turns, and
// none whose subgroups have more than 32 x 32 results.
static bool takes(const struct conv_variant *v, size_t place,
                  enum conv_direction direction, size_t i)
{
    if (v->kind != CONV_MATRIX || test_is_thorough())
        return v->kind == CONV_MATRIX;
    if (v->reg_m == 16)
        return true;
    return v->reg_m * v->reg_n <= 32 * 32 && place % 3 == (size_t)direction &&
           i == place / 3 % ARRAY_LEN(shapes);
}

static void check_direction(enum conv_direction direction)
{
    size_t count;
    const struct conv_variant *table = conv_variant_table(&count);
    need_matrix();
    for (size_t v = 0; v < count; v++)
        for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
            struct conv_shape s = shapes[i];
            s.direction = direction;
            s.format = TENSOR_F16;
            if (takes(&table[v], v, direction, i))
                check_product(&table[v], &s);
        }
}

static void test_forward(void **state)
{
    (void)state;
    check_direction(CONV_FORWARD);
}

static void test_backward_input(void **state)
{
    (void)state;
    check_direction(CONV_BACKWARD_INPUT);
}

static void test_backward_weight(void **state)
{
    (void)state;
    check_direction(CONV_BACKWARD_WEIGHT);
}

// Other kernels and strides, with and without padding, for one variant.
static void test_shapes(void **state)
{
    static const struct conv_shape others[] = {
        { .x = { 3, 5, 5, 3 }, .c_out = 6, .kernel = 3, .stride = 1, .pad = 1 },
        { .x = { 1, 130, 2, 2 }, .c_out = 65, .kernel = 4, .stride = 2, .pad = 1 },
        { .x = { 2, 3, 5, 7 }, .c_out = 1, .kernel = 4, .stride = 1, .pad = 1 },
        { .x = { 1, 7, 3, 3 }, .c_out = 65, .kernel = 1, .stride = 1, .pad = 0 },
        { .x = { 1, 3, 11, 13 }, .c_out = 4, .kernel = 5, .stride = 3, .pad = 2 },
        { .x = { 1, 3, 8, 5 }, .c_out = 2, .kernel = 2, .stride = 3, .pad = 0 },
        { .x = { 1, 3, 9, 5 }, .c_out = 4, .kernel = 7, .stride = 1, .pad = 3 },
    };
    (void)state;
    need_matrix();
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        for (int d = CONV_FORWARD; d <= CONV_BACKWARD_WEIGHT; d++) {
            struct conv_shape s = others[i];
            s.direction = (enum conv_direction)d;
            s.format = TENSOR_F16;
            check_product(conv_variant_find("matrix-32x32x16-16x16"), &s);
        }
}

// ---------------------------------------------------------------------------
// A training step

#define STEPS 2

struct trained {
    double losses[STEPS];
    float *y;
    uint32_t matrix_calls;
};

static struct trained train(const char *variant, const float *x, const float *goal,
                            struct shape in)
{
    const struct generator_options options = {
        .levels = 3, .ngf = 8, .channels_in = 3, .channels_out = 3
    };
    const struct discriminator_options d = { .layers = 1, .ndf = 8 };
    struct trained t = { .y = check_floats(in) };
    struct harness h;
    harness_begin(&h);
    harness_set_limits(&h, conv_case_force(variant));
    h.weights->precision = TENSOR_F16;
    struct tensor *from = harness_input(&h, "x", in, x);
    struct tensor *target = harness_input(&h, "goal", in, goal);
    struct tensor *y = generator_build(h.graph, h.weights, from, &options,
                                       (struct model_mode){ .no_dropout = true });
    struct tensor *logits =
        discriminator_build(h.graph, h.weights, graph_concat(h.graph, from, y), &d,
                            (struct model_mode){ 0 });
    struct tensor *loss =
        graph_add(h.graph, graph_gan_loss(h.graph, logits, LOSS_KIND_BCE, 1.0f),
                  graph_l1(h.graph, y, target, 10.0f));
    graph_minimize(
        h.graph, loss, h.weights,
        &(struct optimizer){
            .kind = OPTIMIZER_ADAM, .beta1 = 0.5, .beta2 = 0.999, .epsilon = 1e-8 });
    harness_keep(&h, loss);
    harness_keep(&h, y);
    for (size_t i = 0; i < graph_call_count(h.graph); i++)
        t.matrix_calls += shader_table[graph_call(h.graph, i)->shader].is_matrix;
    harness_prepare(&h);
    struct random initial;
    random_init(&initial, 3, 4);
    assert_true(
        weights_initialise(h.weights, test_gpu(), &initial, WEIGHTS_NORMAL, 0.1));
    assert_true(weights_refresh_copies(h.weights, test_gpu()));
    for (int i = 0; i < STEPS; i++) {
        float value;
        harness_run(&h);
        harness_read(&h, loss, &value);
        t.losses[i] = (double)value;
        h.step.step++;
    }
    harness_read(&h, y, t.y);
    harness_end(&h);
    return t;
}

// The losses and the output of a step in f16, and of the one after its update: what the
// simple kernels make, which round at the same places. Sums that differ in the last bit
// of f32 may be rounded to neighbours in f16.
static void test_step(void **state)
{
    const struct shape in = { 1, 3, 16, 16 };
    struct random r;
    (void)state;
    need_matrix();
    random_init(&r, 8, 8);
    float *x = check_random_floats(&r, in), *goal = check_random_floats(&r, in);
    const struct trained simple = train("simple", x, goal, in);
    const struct trained matrix = train("matrix-32x32x16-16x16", x, goal, in);
    const struct trained again = train("matrix-32x32x16-16x16", x, goal, in);
    const struct tolerance t = { "a few roundings to f16", 0, 0x1p-8, 0 };
    // Adam's first step has the size of the learning rate, whatever the gradient's is.
    const struct tolerance after = { "an update", 0, 0x1p-5, 0 };
    assert_int_equal(simple.matrix_calls, 0);
    assert_true(matrix.matrix_calls > 10);
    for (int i = 0; i < STEPS; i++) {
        check_case("step %d", i);
        check_number("loss", matrix.losses[i], simple.losses[i], &t);
        assert_true(matrix.losses[i] == again.losses[i]);
    }
    check_array("y", matrix.y, check_widen(simple.y, in), in, &after);
    check_same("y again", again.y, matrix.y, in);
}

// ---------------------------------------------------------------------------
// The choice

// Where no constant can be specialised, the same numbers come out of modules of
// literals.
static void test_literal(void **state)
{
    struct conv_shape s = shapes[1];
    (void)state;
    need_matrix();
    // The limits of an open device are its own; the next kernels are made by these.
    struct gpu_limits *limits = (struct gpu_limits *)gpu_device_limits(test_gpu());
    const bool before = limits->matrix.literal;
    limits->matrix.literal = !before;
    s.format = TENSOR_F16;
    // With padding that no kernel has had before.
    s.pad = 2;
    check_product(conv_variant_find("matrix-32x32x16-16x16"), &s);
    limits->matrix.literal = before;
}

// Operands in floats never meet matrix units, nor do those of different formats.
static void test_floats(void **state)
{
    (void)state;
    size_t count;
    const struct conv_variant *table = conv_variant_table(&count);
    struct op_limits limits = test_guaranteed_limits();
    limits.max_invocations = 1024;
    limits.shared_bytes = 65536;
    limits.matrix = (struct gpu_matrix){ .subgroup = 32, .m = 16, .n = 16, .k = 16 };
    struct conv_shape s = shapes[0];
    for (size_t v = 0; v < count; v++) {
        if (table[v].kind != CONV_MATRIX)
            continue;
        s.format = TENSOR_F16;
        assert_true(conv_variant_fits(&table[v], &limits, &s));
        s.format = TENSOR_F32;
        assert_false(conv_variant_fits(&table[v], &limits, &s));
        s.format = TENSOR_BF16;
        assert_false(conv_variant_fits(&table[v], &limits, &s));
    }
}

// Without a measurement a GPU with matrix units uses them for f16, and for nothing
// else; a software driver does not.
static void test_choice(void **state)
{
    struct op_limits limits = test_guaranteed_limits();
    struct conv_shape s = {
        .x = { 1, 128, 64, 64 }, .c_out = 256, .kernel = 4, .stride = 2, .pad = 1
    };
    (void)state;
    limits.max_invocations = 1024;
    limits.shared_bytes = 65536;
    limits.matrix = (struct gpu_matrix){ .subgroup = 32, .m = 16, .n = 16, .k = 16 };
    for (int d = CONV_FORWARD; d <= CONV_BACKWARD_WEIGHT; d++)
        for (int cpu = 0; cpu < 2; cpu++) {
            s.direction = (enum conv_direction)d;
            limits.is_cpu = cpu;
            s.format = TENSOR_F16;
            const bool is_matrix =
                conv_choice_built_in(&limits, &s)->kind == CONV_MATRIX;
            assert_int_equal(is_matrix, !cpu);
            s.format = TENSOR_F32;
            assert_int_not_equal(conv_choice_built_in(&limits, &s)->kind, CONV_MATRIX);
            s.format = TENSOR_BF16;
            assert_int_not_equal(conv_choice_built_in(&limits, &s)->kind, CONV_MATRIX);
        }
}

// Those of docs/drivers.md.
static void test_drivers(void **state)
{
    static const struct {
        struct gpu_matrix_driver driver;
        bool may;
    } known[] = {
        { { VK_DRIVER_ID_NVIDIA_PROPRIETARY, "580.95", 0x10de,
            VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, 32, 32, true, true },
          true },
        { { VK_DRIVER_ID_MESA_RADV, "Mesa 26.1.6", 0x1002,
            VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU, 32, 64, true, true },
          true },
        { { VK_DRIVER_ID_MESA_RADV, "Mesa 25.3.0-devel (git-a2d3cbac12)", 0x1002,
            VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, 32, 64, true, true },
          false },
        { { VK_DRIVER_ID_AMD_PROPRIETARY, "25.10.2", 0x1002,
            VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU, 32, 64, true, true },
          false },
        { { VK_DRIVER_ID_AMD_OPEN_SOURCE, "2025.Q2.1", 0x1002,
            VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, 32, 64, true, false },
          false },
        { { VK_DRIVER_ID_AMD_OPEN_SOURCE, "2025.Q2.1", 0x1002,
            VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, 32, 64, true, true },
          true },
        { { VK_DRIVER_ID_INTEL_OPEN_SOURCE_MESA, "Mesa 25.0.7", 0x8086,
            VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, 8, 32, true, true },
          false },
        { { VK_DRIVER_ID_INTEL_OPEN_SOURCE_MESA, "Mesa 25.0.7", 0x8086,
            VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU, 16, 32, true, true },
          true },
        { { VK_DRIVER_ID_QUALCOMM_PROPRIETARY, "512.840", 0x5143,
            VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU, 64, 128, true, true },
          false },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if ((gpu_matrix_refusal(&known[i].driver) == NULL) != known[i].may)
            fail_msg("driver %zu: %s", i, gpu_matrix_refusal(&known[i].driver));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_floats),         check_test(test_forward),
        check_test(test_backward_input), check_test(test_backward_weight),
        check_test(test_shapes),         check_test(test_step),
        check_test(test_literal),        check_test(test_choice),
        check_test(test_drivers),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
