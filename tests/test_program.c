// SPDX-License-Identifier: MIT
//
// A graph made ready to run: what its plan sums up, what the host sees of each slot,
// weights that two programs share.

#include "program/program.h"

#include "base/log.h"
#include "gpu/inside.h"
#include "ops/conv_shape.h"
#include "program/footprint.h"
#include "support/gpu.h"

#include <string.h>

#define COUNT 6

static const struct shape shape = { 1, 1, 2, 3 };

// y = x + w, or y = dropout(x + w), which reads the step block.
struct sum {
    struct program *program;
    struct tensor *x, *y;
};

static void build_sum(struct sum *s, struct weights *weights, uint32_t slots,
                      bool has_dropout)
{
    const struct op_limits limits = test_gpu_limits();
    const struct program_options options = {
        .device = test_gpu(),
        .slots = slots,
        .limits = &limits,
    };
    s->program = program_create(&options);
    assert_non_null(s->program);
    struct graph *g = program_graph(s->program);
    s->x = graph_input(g, "x", shape, TENSOR_F32);
    s->y = graph_add(g, s->x, weights_add(weights, WEIGHT_CONV, shape, "w"));
    if (has_dropout)
        s->y = graph_dropout(g, s->y, 0.5f);
    graph_keep(g, s->y);
    program_upload(s->program, s->x);
    program_download(s->program, s->y);
    program_download(s->program, NULL);    // what a graph does not have is left out
}

static void test_plan(void **state)
{
    (void)state;
    for (int has_dropout = 0; has_dropout < 2; has_dropout++) {
        struct weights *weights = weights_create(true);
        struct sum s;
        struct pix_plan plan, again;
        build_sum(&s, weights, 1, has_dropout);
        struct weights *const networks[] = { weights, NULL };
        assert_null(program_get_plan(s.program));
        assert_true(program_plan(s.program, networks, 2, &plan));
        assert_non_null(program_get_plan(s.program));
        const uint64_t copied = tensor_bytes(s.x) + tensor_bytes(s.y);
        assert_int_equal(plan.staging_bytes, copied);
        assert_int_equal(plan.state_bytes, weights_bytes(weights));
        assert_int_equal(plan.weights_g, COUNT);
        assert_int_equal(plan.weights_d, 0);
        assert_int_equal(plan.step_block_bytes,
                         has_dropout ? footprint_step_block() : 0);
        assert_int_equal(plan.device_bytes, plan.state_bytes + plan.staging_bytes +
                                                plan.step_block_bytes +
                                                plan.arena_bytes);
        assert_int_equal(plan.dispatches, has_dropout ? 2 : 1);
        // The plan stays; only the networks that are named are summed up.
        assert_true(program_plan(s.program, NULL, 0, &again));
        assert_int_equal(again.state_bytes, 0);
        assert_int_equal(again.arena_bytes, plan.arena_bytes);
        assert_false(program_is_started(s.program));
        program_destroy(s.program);
        weights_destroy(weights);
    }
}

static void check_sum(const float *y, const float *x, const float *w)
{
    for (int i = 0; i < COUNT; i++)
        assert_true(y[i] == x[i] + w[i]);
}

// Each slot has memory of its own, which begins as zeros; programs share weights.
static void test_runs(void **state)
{
    (void)state;
    static const float w[COUNT] = { 1, 2, 3, 4, 5, 6 };
    static const float x[2][COUNT] = { { 10, 20, 30, 40, 50, 60 },
                                       { -1, 0, 1, 2, 3, 4 } };
    static const float zeros[COUNT] = { 0 };
    const struct step_block step = { .step = 1 };
    struct weights *weights = weights_create(true);
    struct sum a, b;
    build_sum(&a, weights, 2, false);
    build_sum(&b, weights, 0, false);
    assert_true(program_plan(a.program, &weights, 1, NULL));
    assert_true(program_plan(b.program, &weights, 1, NULL));
    assert_true(weights_allocate(weights, test_gpu()));
    assert_true(tensor_upload(test_gpu(), &weights->items[0]->value, w));
    assert_true(program_start(a.program));
    assert_true(program_start(b.program));
    assert_true(program_is_started(a.program));

    assert_true(program_run(b.program, &step));
    check_sum(program_output(b.program, 0, b.y), zeros, w);

    // The first runs are measured; then two are under way.
    for (int round = 0; round < 3; round++) {
        for (uint32_t slot = 0; slot < 2; slot++) {
            memcpy(program_input(a.program, slot, a.x), x[slot], sizeof(x[slot]));
            assert_true(program_submit(a.program, slot, &step));
        }
        for (uint32_t slot = 0; slot < 2; slot++) {
            assert_true(program_wait(a.program, slot));
            check_sum(program_output(a.program, slot, a.y), x[slot], w);
        }
    }
    assert_ptr_not_equal(program_input(a.program, 0, a.x),
                         program_input(a.program, 1, a.x));
    program_destroy(a.program);
    program_destroy(b.program);
    weights_destroy(weights);
}

// A graph that could not be built is not planned; the message is that of the builder.
static void test_failed_graph(void **state)
{
    (void)state;
    struct weights *weights = weights_create(true);
    const struct op_limits limits = test_guaranteed_limits();
    const struct program_options options = { .device = test_gpu(), .limits = &limits };
    struct program *p = program_create(&options);
    struct graph *g = program_graph(p);
    const struct log_sink *sink = log_use(NULL);
    graph_add(g, graph_input(g, "x", shape, TENSOR_F32),
              weights_add(weights, WEIGHT_CONV, (struct shape){ 1, 2, 2, 3 }, "w"));
    assert_true(graph_failed(g));
    assert_false(program_plan(p, &weights, 1, NULL));
    log_use(sink);
    assert_non_null(strstr(log_last_error(), "1x2x2x3"));
    program_destroy(p);
    program_destroy(NULL);
    weights_destroy(weights);
}

// Kernels of several programs are made before any has memory; starting them then makes
// none. A failure is reported and changes nothing else.
static void test_compile(void **state)
{
    (void)state;
    struct weights *weights = weights_create(true);
    struct program *programs[3];
    for (uint32_t i = 0; i < ARRAY_LEN(programs); i++) {
        const struct program_options options = { .device = test_gpu() };
        programs[i] = program_create(&options);
        assert_non_null(programs[i]);
        struct graph *g = program_graph(programs[i]);
        struct tensor *x = graph_input(g, "x", shape, TENSOR_F32);
        // No other test has these; the third has nothing that is new.
        x = i == 1 ? graph_tanh(g, x) : graph_sigmoid(g, x);
        graph_keep(g, x);
        program_upload(programs[i], graph_node(g, 0)->in[0]);
        program_download(programs[i], x);
        assert_true(program_plan(programs[i], &weights, 1, NULL));
    }
    test_watch_pipelines();
    test_pipelines.result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    const struct log_sink *sink = log_use(NULL);
    assert_false(program_compile(programs, ARRAY_LEN(programs)));
    log_use(sink);
    assert_int_equal(test_pipelines.asked, 2);
    test_pipelines.asked = 0;
    test_pipelines.result = VK_SUCCESS;
    assert_true(program_compile(programs, 0));
    assert_true(program_compile(programs, ARRAY_LEN(programs)));
    assert_int_equal(test_pipelines.asked, 2);
    for (size_t i = 0; i < ARRAY_LEN(programs); i++)
        assert_true(program_start(programs[i]) && program_run(programs[i], NULL));
    assert_int_equal(test_pipelines.asked, 2);
    test_unwatch_pipelines();
    for (size_t i = 0; i < ARRAY_LEN(programs); i++)
        program_destroy(programs[i]);
    weights_destroy(weights);
}

static bool has_died(struct gpu_device *device, const struct conv_variant *v,
                     const struct conv_shape *s, bool *right)
{
    assert_ptr_equal(device, test_gpu());
    assert_non_null(v);
    assert_int_equal(s->format, TENSOR_F16);
    log_error("the device is lost");
    *right = true;
    return false;
}

static bool is_wrong(struct gpu_device *device, const struct conv_variant *v,
                     const struct conv_shape *s, bool *right)
{
    (void)device, (void)v, (void)s;
    *right = false;
    return true;
}

// A product on a device with matrix units, which asks `check` about them.
static struct program *make_product(const struct program_options *options)
{
    const struct conv_shape s = { CONV_FORWARD,        { 1, 128, 64, 64 }, .c_out = 256,
                                  .kernel = 4,         .stride = 2,        .pad = 1,
                                  .format = TENSOR_F16 };
    struct program *p = program_create(options);
    assert_non_null(p);
    struct graph *g = program_graph(p);
    struct tensor *a = graph_input(g, "a", s.x, TENSOR_F16);
    struct tensor *b = graph_input(g, "b", conv_shape_w(&s), TENSOR_F16);
    struct tensor *out = graph_input(g, "out", conv_shape_y(&s), TENSOR_F16);
    graph_product(g, &s, a, b, out);
    graph_keep(g, out);
    assert_false(graph_failed(g));
    return p;
}

// What a check finds wrong is left out of the graph; a check that fails is no answer.
// Without one, as for plans, nobody is asked.
static void test_check(void **state)
{
    (void)state;
    struct op_limits limits = test_gpu_limits();
    limits.is_cpu = false;
    limits.max_invocations = 1024;
    limits.shared_bytes = 65536;
    limits.matrix = (struct gpu_matrix){ .subgroup = 32, .f16 = { 16, 16, 16 } };
    struct program_options options = { .device = test_gpu(), .limits = &limits };
    struct program *p = make_product(&options);
    if (shader_table[SHADER_CONV_FORWARD_MATRIX].size > 0)
        assert_int_equal(graph_call(program_graph(p), 0)->shader,
                         SHADER_CONV_FORWARD_MATRIX);
    program_destroy(p);
    options.check = is_wrong;
    p = make_product(&options);
    assert_int_not_equal(graph_call(program_graph(p), 0)->shader,
                         SHADER_CONV_FORWARD_MATRIX);
    assert_true(program_plan(p, NULL, 0, NULL));
    program_destroy(p);
    options.check = has_died;
    const struct log_sink *sink = log_use(NULL);
    p = make_product(&options);
    assert_true(program_has_failed(p));
    assert_string_equal(log_last_error(), "the device is lost");
    assert_false(program_plan(p, NULL, 0, NULL));
    log_use(sink);
    program_destroy(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),         cmocka_unit_test(test_runs),
        cmocka_unit_test(test_failed_graph), cmocka_unit_test(test_compile),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests_name("program", tests, test_gpu_open, test_gpu_close);
}
