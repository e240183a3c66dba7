// SPDX-License-Identifier: MIT
//
// Kernels for matrix units: each in all directions, against sums in doubles of the same
// operands in f16 or bf16; and the same bits on every run. Where a device has no matrix
// units, nothing is run: tools/test.sh takes a software driver that has some.
//
// No software driver has units for bf16. Where there are some for f16, the modules for
// bf16 are run with f16 in place of that one type: all they do with a number of bf16 is
// to move its bits from memory to the units, which then take the same bits for one of
// f16.

#include "support/conv_case.h"

#include "base/bytes.h"
#include "base/log.h"
#include "gpu/inside.h"
#include "gpu/matrix.h"
#include "graph/graph.h"
#include "models/model.h"
#include "ops/conv_choice.h"
#include "ops/conv_variant.h"
#include "ops/tuning.h"
#include "program/matrix_check.h"
#include "selftest/reference_conv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need_matrix(void)
{
    const struct gpu_limits *limits = gpu_device_limits(test_gpu());
    if (!limits->matrix.f16.m) {
        print_message("%s: %s\n", gpu_device_info(test_gpu())->name,
                      limits->matrix.f16.why_not);
        skip();
    }
}

// ---------------------------------------------------------------------------
// bf16 where there are units for f16 only

#define OP_CAPABILITY 17
#define OP_EXTENSION 10
#define OP_TYPE_FLOAT 22
#define CAPABILITY_FLOAT16 9
#define CAPABILITY_BF16 5116
#define CAPABILITY_BF16_MATRIX 5118

static bool replaces_bf16;
static PFN_vkCreateShaderModule create_module;    // the driver's

// One instruction of a module for bf16, as it is for f16; returns its words, at most as
// many as before.
static size_t replace(const uint32_t *from, size_t count, uint32_t *to)
{
    const uint32_t op = from[0] & 0xffff;
    if ((op == OP_CAPABILITY && from[1] == CAPABILITY_BF16_MATRIX) ||
        (op == OP_EXTENSION &&
         strcmp((const char *)(from + 1), "SPV_KHR_bfloat16") == 0))
        return 0;
    memcpy(to, from, count * sizeof(*to));
    if (op == OP_CAPABILITY && from[1] == CAPABILITY_BF16)
        to[1] = CAPABILITY_FLOAT16;
    if (op != OP_TYPE_FLOAT || count != 4)
        return count;
    // Without an encoding.
    to[0] = 3 << 16 | OP_TYPE_FLOAT;
    return 3;
}

static VKAPI_ATTR VkResult VKAPI_CALL
create_replaced(VkDevice device, const VkShaderModuleCreateInfo *info,
                const VkAllocationCallbacks *callbacks, VkShaderModule *module)
{
    // May be called from several threads.
    const size_t header = 5, count = info->codeSize / 4;
    uint32_t *words = malloc(info->codeSize);
    if (!words)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    size_t to = header;
    memcpy(words, info->pCode, header * sizeof(*words));
    for (size_t i = header; i < count; i += info->pCode[i] >> 16)
        to += replace(info->pCode + i, info->pCode[i] >> 16, words + to);
    VkShaderModuleCreateInfo replaced = *info;
    replaced.pCode = words;
    replaced.codeSize = to * sizeof(*words);
    const VkResult result = create_module(device, &replaced, callbacks, module);
    free(words);
    return result;
}

// The limits of an open device are its own: kernels are chosen by what is changed here.
static struct gpu_matrix *device_matrix(void)
{
    return &((struct gpu_device *)test_gpu())->limits.matrix;
}

static void replace_begin(void)
{
    struct gpu_device *device = test_gpu();
    if (device_matrix()->bf16.m)
        return;
    replaces_bf16 = true;
    const struct gpu_matrix_product f16 = device_matrix()->f16;
    device_matrix()->bf16 =
        (struct gpu_matrix_product){ .m = f16.m, .n = f16.n, .k = f16.k };
    create_module = device->vk.vkCreateShaderModule;
    device->vk.vkCreateShaderModule = create_replaced;
}

static void replace_end(void)
{
    struct gpu_device *device = test_gpu();
    if (!replaces_bf16)
        return;
    replaces_bf16 = false;
    device_matrix()->bf16 = (struct gpu_matrix_product){ 0 };
    device->vk.vkCreateShaderModule = create_module;
}

// What the matrix units take a number for.
static double seen(float value, enum tensor_format format)
{
    const uint16_t bits = tensor_bits_16(value, format);
    return (double)tensor_value_16(bits, replaces_bf16 ? TENSOR_F16 : format);
}

// Random numbers that the format has, as they are stored; and as units see them. Those
// are in [-1, 1], so the bits come from there.
static double *random_numbers(struct random *r, struct shape s,
                              enum tensor_format format, float **floats)
{
    *floats = check_random_floats(r, s);
    double *wide = check_doubles(s);
    for (size_t i = 0; i < shape_count(s); i++) {
        uint16_t bits =
            tensor_bits_16((*floats)[i], replaces_bf16 ? TENSOR_F16 : format);
        // Floats of so small exponents may become zeros on the way.
        if ((bits & 0x7f80) == 0)
            bits = 0;
        (*floats)[i] = tensor_value_16(bits, format);
        wide[i] = seen((*floats)[i], format);
    }
    return wide;
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
    double *a_wide = random_numbers(&r, of[0], s->format, &a);
    double *b_wide = random_numbers(&r, of[1], s->format, &b);
    harness_begin(&h);
    harness_set_limits(&h, limits);
    h.weights->precision = s->format;
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

static void check_direction(enum conv_direction direction, enum tensor_format format)
{
    size_t count;
    const struct conv_variant *table = conv_variant_table(&count);
    for (size_t v = 0; v < count; v++)
        for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
            struct conv_shape s = shapes[i];
            s.direction = direction;
            s.format = format;
            if (takes(&table[v], v, direction, i))
                check_product(&table[v], &s);
        }
}

static void test_forward(void **state)
{
    (void)state;
    need_matrix();
    check_direction(CONV_FORWARD, TENSOR_F16);
}

static void test_backward_input(void **state)
{
    (void)state;
    need_matrix();
    check_direction(CONV_BACKWARD_INPUT, TENSOR_F16);
}

static void test_backward_weight(void **state)
{
    (void)state;
    need_matrix();
    check_direction(CONV_BACKWARD_WEIGHT, TENSOR_F16);
}

// A convolution of a leaky ReLU: numbers of bf16 are computed with and rounded again on
// the way. Each weight kernel picks one of them, so that no sum is rounded.
static void check_leaky(float slope)
{
    const struct conv_attributes attr = { .kernel = 4,
                                          .stride = 2,
                                          .pad = 1,
                                          .leaky = true,
                                          .slope = slope,
                                          .full_output = true };
    const struct shape x = { 1, 34, 14, 9 }, w = { 36, 34, 4, 4 }, y = { 1, 36, 7, 4 };
    const enum tensor_format type = replaces_bf16 ? TENSOR_F16 : TENSOR_BF16;
    struct random r;
    struct harness h;
    float *x_values, *w_values = check_floats(w), *result = check_floats(y);
    check_case("slope %g", (double)slope);
    random_init(&r, 5, 5);
    random_numbers(&r, x, TENSOR_BF16, &x_values);
    for (uint32_t m = 0; m < y.c; m++)
        w_values[((m * x.c + m % x.c) * 4 + 1) * 4 + 1] =
            tensor_value_16(tensor_bits_16(1, type), TENSOR_BF16);
    harness_begin(&h);
    harness_set_limits(&h, conv_case_force("matrix-32x32x16-16x16"));
    h.weights->precision = TENSOR_BF16;
    graph_store(h.graph, TENSOR_BF16);
    struct tensor *from =
        graph_scale(h.graph, harness_weight(&h, "x", x, x_values), 1.0f);
    struct tensor *out =
        graph_conv(h.graph, from,
                   harness_weight_kind(&h, WEIGHT_CONV, "w", w, w_values), NULL, attr);
    harness_keep(&h, out);
    assert_int_equal(out->format, TENSOR_F32);
    const struct call *call = graph_call(h.graph, graph_call_count(h.graph) - 1);
    assert_int_equal(call->shader, SHADER_CONV_FORWARD_MATRIX_BF16);
    harness_run(&h);
    harness_read(&h, out, result);
    harness_end(&h);
    for (uint32_t i = 0; i < shape_count(y); i++) {
        const uint32_t m = i / (y.h * y.w), row = i / y.w % y.h, column = i % y.w;
        const float from_x = x_values[(m % x.c * x.h + 2 * row) * x.w + 2 * column];
        const double expected = seen(from_x > 0 ? from_x : slope * from_x, TENSOR_BF16);
        if ((double)result[i] != expected)
            fail_msg("%s: element %u is %.9g, expected %.9g", check_case_name(), i,
                     (double)result[i], expected);
    }
    check_release(NULL);
}

static void test_bf16(void **state)
{
    (void)state;
    need_matrix();
    replace_begin();
    for (int d = CONV_FORWARD; d <= CONV_BACKWARD_WEIGHT; d++)
        check_direction((enum conv_direction)d, TENSOR_BF16);
    check_leaky(0.2f);
    check_leaky(0);
    replace_end();
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
    const bool before = device_matrix()->literal;
    device_matrix()->literal = !before;
    // With padding that no kernel has had before.
    s.pad = 2;
    s.format = TENSOR_F16;
    check_product(conv_variant_find("matrix-32x32x16-16x16"), &s);
    replace_begin();
    s.format = TENSOR_BF16;
    check_product(conv_variant_find("matrix-32x32x16-16x16"), &s);
    replace_end();
    device_matrix()->literal = before;
}

static void note(void *user, enum log_level level, const char *text)
{
    (void)level;
    snprintf(user, LOG_LINE_SIZE, "%s", text);
}

// The check before the first network: units for f16 pass, those for bf16, which here
// are wrong, are left alone, and the former stay.
static void test_check_types(void **state)
{
    struct gpu_device *device = test_gpu();
    struct gpu_limits *limits = &device->limits;
    const struct gpu_limits before = *limits;
    const struct conv_variant *v = conv_variant_find("matrix-32x32x16-16x16");
    struct conv_shape s = { CONV_FORWARD,        { 1, 16, 8, 8 }, .c_out = 32, 4, 2, 1,
                            .format = TENSOR_F32 };
    char warning[LOG_LINE_SIZE] = "";
    const struct log_sink sink = { note, warning, LOG_WARN };
    bool f32, f16, bf16;
    (void)state;
    need_matrix();
    replace_begin();
    const struct log_sink *outer = log_use(&sink);
    const bool ok = matrix_check(device, v, &s, &f32);
    s.format = TENSOR_F16;
    const bool ok_f16 = matrix_check(device, v, &s, &f16);
    assert_string_equal(warning, "");
    s.format = TENSOR_BF16;
    const bool ok_bf16 = matrix_check(device, v, &s, &bf16);
    log_use(outer);
    assert_true(ok && ok_f16 && ok_bf16);
    assert_true(!f32 && f16 && limits->matrix.f16.m);
    // Units for f16 in place of those for bf16 are found out.
    assert_int_equal(bf16, !replaces_bf16 && before.matrix.bf16.m);
    assert_int_equal(limits->matrix.bf16.m, replaces_bf16 ? 0 : before.matrix.bf16.m);
    if (replaces_bf16) {
        assert_non_null(limits->matrix.bf16.why_not);
        assert_non_null(strstr(warning,
                               "kernel matrix-32x32x16-16x16 for matrix units computes "
                               "wrongly in bf16"));
    }
    replace_end();
    *limits = before;
}

// What units that have 8 x 16 x 16 for some formats can do, which all kernels fit.
static struct op_limits limits_with(bool f16, bool bf16)
{
    const struct gpu_matrix_product product = { .m = 8, .n = 16, .k = 16 };
    struct op_limits limits = test_guaranteed_limits();
    limits.max_invocations = 1024;
    limits.shared_bytes = 65536;
    limits.matrix = (struct gpu_matrix){ .subgroup = 16 };
    if (f16)
        limits.matrix.f16 = product;
    if (bf16)
        limits.matrix.bf16 = product;
    return limits;
}

// Operands in floats never meet matrix units, nor do those of different formats; others
// those that there are for them.
static void test_formats(void **state)
{
    (void)state;
    size_t count;
    const struct conv_variant *table = conv_variant_table(&count);
    struct conv_shape s = shapes[0];
    for (size_t v = 0; v < count; v++)
        for (int which = 0; which < 4; which++) {
            const bool f16 = which & 1, bf16 = which & 2;
            const struct op_limits limits = limits_with(f16, bf16);
            if (table[v].kind != CONV_MATRIX)
                continue;
            s.format = TENSOR_F16;
            assert_int_equal(conv_variant_fits(&table[v], &limits, &s), f16);
            s.format = TENSOR_BF16;
            assert_int_equal(conv_variant_fits(&table[v], &limits, &s), bf16);
            s.format = TENSOR_F32;
            assert_false(conv_variant_fits(&table[v], &limits, &s));
        }
}

// Without a measurement a GPU with matrix units uses them for what they multiply, and
// for nothing else; a software driver does not.
static void test_choice(void **state)
{
    struct conv_shape s = {
        .x = { 1, 128, 64, 64 }, .c_out = 256, .kernel = 4, .stride = 2, .pad = 1
    };
    (void)state;
    for (int d = CONV_FORWARD; d <= CONV_BACKWARD_WEIGHT; d++)
        for (int which = 0; which < 8; which++) {
            const bool f16 = which & 1, bf16 = which & 2;
            struct op_limits limits = limits_with(f16, bf16);
            s.direction = (enum conv_direction)d;
            limits.is_cpu = which & 4;
            s.format = TENSOR_F16;
            assert_int_equal(conv_choice_built_in(&limits, &s)->kind == CONV_MATRIX,
                             f16 && !limits.is_cpu);
            s.format = TENSOR_BF16;
            assert_int_equal(conv_choice_built_in(&limits, &s)->kind == CONV_MATRIX,
                             bf16 && !limits.is_cpu);
            s.format = TENSOR_F32;
            assert_int_not_equal(conv_choice_built_in(&limits, &s)->kind, CONV_MATRIX);
        }
}

// Large products have subgroups with as many results as registers and reads of shared
// memory ask for, see docs/benchmarks.md.
static void test_tiles(void **state)
{
    static const struct {
        struct gpu_matrix matrix;
        uint32_t least, most;    // results of a subgroup
    } devices[] = {
        { { .subgroup = 32, .f16 = { 16, 16, 16 } }, 32 * 32, 64 * 32 },
        { { .subgroup = 32, .f16 = { 16, 16, 16 }, .reads_twice = true },
          64 * 64,
          64 * 64 },
        { { .subgroup = 16, .f16 = { 8, 16, 16 } }, 16 * 64, 16 * 64 },
    };
    struct op_limits limits = test_guaranteed_limits();
    struct conv_shape s = { .x = { 1, 128, 64, 64 },
                            .c_out = 256,
                            .kernel = 4,
                            .stride = 2,
                            .pad = 1,
                            .format = TENSOR_F16 };
    (void)state;
    limits.max_invocations = 1024;
    limits.shared_bytes = 49152;
    for (size_t i = 0; i < ARRAY_LEN(devices); i++)
        for (int d = CONV_FORWARD; d <= CONV_BACKWARD_WEIGHT; d++) {
            s.direction = (enum conv_direction)d;
            limits.matrix = devices[i].matrix;
            const struct conv_variant *v = conv_choice_built_in(&limits, &s);
            assert_int_equal(v->kind, CONV_MATRIX);
            assert_in_range(v->reg_m * v->reg_n, devices[i].least, devices[i].most);
        }

    // Where none of these fits, others are better than none.
    limits.max_invocations = 128;
    limits.shared_bytes = 16384;
    assert_int_equal(conv_choice_built_in(&limits, &s)->kind, CONV_MATRIX);
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

// ---------------------------------------------------------------------------
// The check before a kernel is used

static bool is_right(const struct conv_variant *v, enum conv_direction direction)
{
    const struct conv_shape s = { direction, { 1, 16, 8, 8 },     .c_out = 32, 4, 2,
                                  1,         .format = TENSOR_F16 };
    bool right;
    test_pipelines.asked = 0;
    assert_true(matrix_check(test_gpu(), v, &s, &right));
    return right;
}

// A kernel is compared once for each direction in which it is used, and no other one is
// compiled for that. After one that is wrong none is used any more.
static void test_check(void **state)
{
    (void)state;
    need_matrix();
    struct gpu_device *device = test_gpu();
    const struct gpu_limits before = device->limits;
    const struct conv_variant *v = conv_variant_find("matrix-32x32x16-16x16");
    test_watch_pipelines();
    memset(device->limits.matrix.f16.checked, 0, sizeof(before.matrix.f16.checked));
    for (int d = 0; d < 3; d++) {
        assert_true(is_right(v, (enum conv_direction)d));
        assert_true(test_pipelines.asked <= 2);    // the simple one as well
        assert_true(is_right(v, (enum conv_direction)d));
        assert_int_equal(test_pipelines.asked, 0);
    }
    // Measured by the tuner: not compared again.
    const struct conv_variant *other = conv_variant_find("matrix-32x32x32-32x32");
    const struct conv_shape s = {
        CONV_FORWARD, { 1, 16, 8, 8 }, .c_out = 32, 4, 2, 1, .format = TENSOR_F16
    };
    matrix_check_mark(device, other, &s);
    assert_true(is_right(other, CONV_FORWARD));
    assert_int_equal(test_pipelines.asked, 0);

    test_pipelines.result = VK_ERROR_INITIALIZATION_FAILED;
    struct log_capture capture;
    log_capture_begin(&capture);
    assert_false(is_right(other, CONV_BACKWARD_INPUT));
    assert_string_equal(log_capture_end(&capture), "");    // a warning, no error
    test_pipelines.result = VK_SUCCESS;
    assert_false(is_right(v, CONV_FORWARD));
    assert_int_equal(device->limits.matrix.f16.m, 0);
    assert_non_null(device->limits.matrix.f16.why_not);
    device->limits = before;
    test_unwatch_pipelines();
}

// What `trusts` of limits says, how often it was asked, and for which kernel.
static struct trust {
    bool answer;
    int asked;
    const struct conv_variant *last;
} trust;

static bool answer(void *user, const struct conv_variant *v, const struct conv_shape *s)
{
    assert_ptr_equal(user, &trust);
    assert_int_equal(s->format, TENSOR_F16);
    trust.asked++;
    trust.last = v;
    return trust.answer;
}

// A kernel for matrix units that is not trusted is not chosen, whoever names it; only
// the one that would be chosen is asked for, and others never.
static void test_trust(void **state)
{
    struct op_limits limits = test_guaranteed_limits();
    struct conv_shape s = {
        .x = { 1, 128, 64, 64 }, .c_out = 256, .kernel = 4, .stride = 2, .pad = 1
    };
    struct tuning tuning = { 0 };
    char name[CONV_SHAPE_TEXT_SIZE];
    (void)state;
    limits.max_invocations = 1024;
    limits.shared_bytes = 65536;
    limits.matrix = (struct gpu_matrix){ .subgroup = 32, .f16 = { 16, 16, 16 } };
    limits.trusts = answer;
    limits.trusts_user = &trust;
    trust = (struct trust){ 0 };
    s.format = TENSOR_F32;
    assert_non_null(conv_choice_of(&limits, &s));
    assert_int_equal(trust.asked, 0);
    s.format = TENSOR_F16;
    trust.answer = true;
    const struct conv_variant *v = conv_choice_of(&limits, &s);
    assert_int_equal(v->kind, CONV_MATRIX);
    assert_int_equal(trust.asked, 1);
    assert_ptr_equal(trust.last, v);
    trust = (struct trust){ 0 };
    assert_int_not_equal(conv_choice_of(&limits, &s)->kind, CONV_MATRIX);
    assert_int_equal(trust.asked, 1);

    const struct conv_variant *named = conv_variant_find("matrix-32x32x16-16x16");
    assert_true(tuning_set(&tuning, conv_shape_text(&s, name), named->name, false));
    limits.tuning = &tuning;
    trust = (struct trust){ .answer = true };
    assert_ptr_equal(conv_choice_of(&limits, &s), named);
    assert_int_equal(trust.asked, 1);
    trust = (struct trust){ 0 };
    assert_int_not_equal(conv_choice_of(&limits, &s)->kind, CONV_MATRIX);
    // The one of the table, then the built-in one.
    assert_int_equal(trust.asked, 2);
    tuning_finish(&tuning);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_formats),        check_test(test_forward),
        check_test(test_backward_input), check_test(test_backward_weight),
        check_test(test_shapes),         check_test(test_step),
        check_test(test_check_types),    check_test(test_literal),
        check_test(test_choice),         check_test(test_tiles),
        check_test(test_drivers),        check_test(test_bf16),
        check_test(test_check),          check_test(test_trust),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
