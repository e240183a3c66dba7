// SPDX-License-Identifier: MIT
//
// The memory plan: tensors that live at the same time never share bytes, memory is
// reused, limits are kept. No device.

#include "graph/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "graph/barriers.h"
#include "graph/exec.h"
#include "support/gpu.h"
#include "support/log.h"
#include "train/objective.h"
#include "translate/translation.h"

static const struct plan_limits generous = { (uint64_t)1 << 30, (uint64_t)1 << 27 };

static struct objective_options options_of(uint32_t crop, uint32_t levels, uint32_t ngf,
                                           uint32_t batch)
{
    return (struct objective_options){
        .generator = { levels, ngf, 3, 3 },
        .discriminator = { 3, ngf },
        .batch = batch,
        .load_h = crop + 2,
        .load_w = crop + 2,
        .crop_h = crop,
        .crop_w = crop,
        .lambda_l1 = 100,
        .optimizer = { OPTIMIZER_ADAM, 0.5, 0.999, 1e-8, 0 },
    };
}

struct built {
    struct graph *graph;
    struct weights *generator, *discriminator;
    struct objective objective;
};

static void build(struct built *b, const struct objective_options *options)
{
    const struct op_limits limits = test_guaranteed_limits();
    b->graph = graph_create(&limits);
    b->generator = weights_create(false);
    b->discriminator = weights_create(false);
    assert_true(objective_build(b->graph, b->generator, b->discriminator, options,
                                &b->objective));
    assert_true(weights_place(b->generator, generous.max_block));
    assert_true(weights_place(b->discriminator, generous.max_block));
}

static void unbuild(struct built *b)
{
    graph_destroy(b->graph);
    weights_destroy(b->generator);
    weights_destroy(b->discriminator);
}

// First and last use, found the slow way.
static bool life_of(const struct graph *g, const struct tensor *t, size_t *first,
                    size_t *last)
{
    bool used = false;
    for (size_t i = 0; i < graph_call_count(g); i++) {
        const struct call *call = graph_call(g, i);
        for (size_t k = 0; k < CALL_MAX_BUFFERS; k++) {
            if (!call->use[k].tensor || tensor_place(call->use[k].tensor).root != t)
                continue;
            if (!used)
                *first = t->is_input ? 0 : i;
            *last = t->kept ? graph_call_count(g) - 1 : i;
            used = true;
        }
    }
    return used;
}

static void check_no_overlap(const struct graph *g, const struct plan_limits *limits)
{
    size_t count = graph_tensor_count(g), checked = 0;
    for (size_t i = 0; i < count; i++) {
        const struct tensor *a = graph_tensor(g, i);
        size_t a_first = 0, a_last = 0, b_first = 0, b_last = 0;
        if (!life_of(g, a, &a_first, &a_last))
            continue;
        assert_non_null(a->block);
        assert_true(a->offset + tensor_bytes(a) <= a->block->size);
        assert_true(a->block->size <= limits->max_block);
        assert_int_equal(a->offset % TENSOR_ALIGNMENT, 0);
        for (size_t k = i + 1; k < count; k++) {
            const struct tensor *b = graph_tensor(g, k);
            if (b->block != a->block || !life_of(g, b, &b_first, &b_last))
                continue;
            bool meet = a_first <= b_last && b_first <= a_last;
            if (meet && a->offset < b->offset + tensor_bytes(b) &&
                b->offset < a->offset + tensor_bytes(a))
                fail_msg("%s and %s live together and overlap", a->name, b->name);
            checked++;
        }
    }
    assert_true(checked > 0);
}

// Whether two tensors have a byte in common, sample by sample. (With one sample, as
// here, a slice is bound as it lies, except for its alignment.)
static bool overlap(const struct tensor *a, const struct tensor *b)
{
    const struct place p = tensor_place(a), q = tensor_place(b);
    if (p.root->block != q.root->block)
        return false;
    for (uint64_t i = 0; i < a->shape.n; i++)
        for (uint64_t k = 0; k < b->shape.n; k++) {
            uint64_t x = p.root->offset + (p.first + i * p.stride) * 4;
            uint64_t y = q.root->offset + (q.first + k * q.stride) * 4;
            if (x / TENSOR_ALIGNMENT * TENSOR_ALIGNMENT <
                    y + tensor_bytes(b) / b->shape.n &&
                y / TENSOR_ALIGNMENT * TENSOR_ALIGNMENT <
                    x + tensor_bytes(a) / a->shape.n)
                return true;
        }
    return false;
}

static bool conflict(const struct call_use *a, const struct call_use *b)
{
    return ((a->access | b->access) & ACCESS_WRITE) && overlap(a->tensor, b->tensor);
}

// Between any two calls that touch the same bytes, one of them writing, stands a
// barrier; and none stands where nothing demands it. Found pair by pair, without the
// ranges that exec keeps.
static void test_barriers(void **state)
{
    (void)state;
    struct built b;
    const struct objective_options options = options_of(32, 5, 4, 1);
    build(&b, &options);
    struct plan *plan = plan_build(b.graph, &generous);
    assert_non_null(plan);
    size_t calls = graph_call_count(b.graph), last = 0;
    bool *before = calloc(calls, sizeof(*before));
    assert_true(barriers_find(b.graph, before));
    for (size_t i = 0; i < calls; i++) {
        bool needed = false;
        const struct call *later = graph_call(b.graph, i);
        for (size_t k = last; k < i; k++) {
            const struct call *earlier = graph_call(b.graph, k);
            for (size_t u = 0; u < CALL_MAX_BUFFERS && earlier->use[u].tensor; u++)
                for (size_t v = 0; v < CALL_MAX_BUFFERS && later->use[v].tensor; v++)
                    needed |= conflict(&earlier->use[u], &later->use[v]);
        }
        if (needed != before[i])
            fail_msg("call %zu, %s: a barrier is %s", i, later->label,
                     needed ? "missing" : "not needed");
        if (needed)
            last = i;
    }
    free(before);
    plan_destroy(plan);
    unbuild(&b);
}

static void test_whole_step(void **state)
{
    (void)state;
    struct built b;
    const struct objective_options options = options_of(32, 5, 4, 2);
    build(&b, &options);
    struct plan *plan = plan_build(b.graph, &generous);
    assert_non_null(plan);
    check_no_overlap(b.graph, &generous);
    assert_true(plan->arena_bytes * 2 < plan->arena_bytes_without_reuse);
    assert_int_equal(plan->block_count, 1);
    plan_destroy(plan);
    unbuild(&b);
}

static void test_small_blocks(void **state)
{
    (void)state;
    struct built b;
    const struct objective_options options = options_of(32, 5, 4, 2);
    // The largest state is 192 KiB.
    const struct plan_limits limits = { 200 << 10, 200 << 10 };
    build(&b, &options);
    struct plan *plan = plan_build(b.graph, &limits);
    assert_non_null(plan);
    assert_true(plan->block_count > 1);
    check_no_overlap(b.graph, &limits);
    plan_destroy(plan);
    unbuild(&b);
}

static void test_tensor_over_the_limit_is_refused(void **state)
{
    (void)state;
    struct built b;
    const struct objective_options options = options_of(32, 5, 4, 2);
    struct plan_limits limits = { (uint64_t)1 << 30, 4 << 10, NULL };
    build(&b, &options);
    test_forget_error();
    assert_null(plan_build(b.graph, &limits));
    assert_non_null(strstr(log_last_error(), "binds at most 0.0 MiB at once"));
    assert_null(strstr(log_last_error(), "at once:"));
    limits.hint = "take less";
    assert_null(plan_build(b.graph, &limits));
    assert_non_null(strstr(log_last_error(), " at once: take less"));
    unbuild(&b);
}

// A chain of equal tensors needs two buffers; the kept one is never reused.
static void test_chain(void **state)
{
    (void)state;
    const struct op_limits limits = test_guaranteed_limits();
    struct graph *g = graph_create(&limits);
    const struct shape shape = { 1, 4, 8, 8 };
    struct tensor *x = graph_input(g, "x", shape, TENSOR_F32);
    struct tensor *kept = graph_relu(g, x);
    graph_keep(g, kept);
    struct tensor *y = kept;
    for (int i = 0; i < 6; i++)
        y = graph_tanh(g, y);
    graph_keep(g, y);
    struct plan *plan = plan_build(g, &generous);
    assert_non_null(plan);
    assert_int_equal(plan->arena_bytes, 3 * 1024);
    assert_int_equal(plan->arena_bytes_without_reuse, 8 * 1024);
    check_no_overlap(g, &generous);
    // Seven calls, each reads 1 KiB and writes 1 KiB.
    assert_int_equal(plan->bytes, 7 * 2048);
    // Each call reads what the one before wrote.
    uint32_t count;
    assert_true(barriers_count(g, &count));
    assert_int_equal(count, 6);
    plan_destroy(plan);
    graph_destroy(g);
}

// What the default networks may cost at 256 x 256.
static void test_default_networks(void **state)
{
    (void)state;
    struct built b;
    const struct objective_options options = options_of(256, 8, 64, 1);
    build(&b, &options);
    struct plan *plan = plan_build(b.graph, &generous);
    assert_non_null(plan);
    uint64_t weights = weights_bytes(b.generator) + weights_bytes(b.discriminator);
    uint32_t barriers;
    assert_true(barriers_count(b.graph, &barriers));
    print_message("default networks: %u dispatches, %u barriers, weights %.1f MiB, "
                  "arena %.1f MiB (%.1f without reuse), traffic %.3f GB\n",
                  plan->dispatches, barriers, (double)weights / (1 << 20),
                  (double)plan->arena_bytes / (1 << 20),
                  (double)plan->arena_bytes_without_reuse / (1 << 20),
                  (double)plan->bytes / 1e9);
    assert_true(plan->dispatches <= 210);
    assert_true(plan->bytes < 2600000000);
    assert_true(plan->arena_bytes < (uint64_t)75 << 20);
    assert_true(weights + plan->arena_bytes < (uint64_t)760 << 20);
    plan_destroy(plan);
    unbuild(&b);
}

// Inference needs little more than its weights: nothing is kept for a backward pass.
static void test_inference(void **state)
{
    (void)state;
    const struct op_limits limits = test_guaranteed_limits();
    const struct generator_options unet = { 8, 64, 3, 3 };
    for (int mode = TRANSLATION_STABLE; mode <= TRANSLATION_RUNNING; mode++) {
        struct translation t;
        struct graph *g = graph_create(&limits);
        struct weights *weights = weights_create(true);
        assert_true(translation_build(g, weights, &unet, (struct staging){ 0 },
                                      (enum translation_mode)mode, 1, 256, 256, &t));
        assert_true(weights_place(weights, generous.max_block));
        struct plan *plan = plan_build(g, &generous);
        assert_non_null(plan);
        assert_true(weights_bytes(weights) < (uint64_t)209 << 20);
        assert_true(plan->arena_bytes <= (uint64_t)18 << 20);
        plan_destroy(plan);
        weights_destroy(weights);
        graph_destroy(g);
    }
}

// Batches whose gradients are added up take the temporaries of one.
static void test_accumulation(void **state)
{
    (void)state;
    struct objective_options options = options_of(32, 5, 8, 1);
    uint64_t arena[2];
    for (int i = 0; i < 2; i++) {
        struct built b;
        options.batch = i ? 1 : 3;
        options.accumulate = i ? 3 : 1;
        build(&b, &options);
        struct plan *plan = plan_build(b.graph, &generous);
        assert_non_null(plan);
        check_no_overlap(b.graph, &generous);
        arena[i] = plan->arena_bytes;
        plan_destroy(plan);
        unbuild(&b);
    }
    assert_true(arena[1] * 2 < arena[0]);
}

// A binding that only fills a place is not traffic: a convolution without bias reads x
// and w and writes y.
static void test_bytes_of_a_convolution(void **state)
{
    (void)state;
    const struct op_limits limits = test_guaranteed_limits();
    struct graph *g = graph_create(&limits);
    struct weights *weights = weights_create(true);
    struct tensor *x = graph_input(g, "x", (struct shape){ 1, 2, 8, 8 }, TENSOR_F32);
    struct tensor *w =
        weights_add(weights, WEIGHT_CONV, (struct shape){ 3, 2, 4, 4 }, "w");
    struct tensor *y =
        graph_conv(g, x, w, NULL, (struct conv_attributes){ 4, 2, 1, 0 });
    assert_non_null(y);
    graph_keep(g, y);
    struct plan *plan = plan_build(g, &generous);
    assert_non_null(plan);
    assert_int_equal(plan->bytes, 4 * (2 * 64 + 3 * 2 * 16 + 3 * 16));
    assert_int_equal(plan->flops, 2 * 3 * 16 * 2 * 16);
    plan_destroy(plan);
    graph_destroy(g);
    weights_destroy(weights);
}

static void test_submissions(void **state)
{
    (void)state;
    struct built b;
    const struct objective_options options = options_of(64, 6, 16, 1);
    build(&b, &options);
    struct plan *plan = plan_build(b.graph, &generous);
    assert_non_null(plan);
    uint32_t few = exec_estimate_submissions(b.graph, false, 10.0);
    uint32_t some = exec_estimate_submissions(b.graph, true, 0.2);
    uint32_t many = exec_estimate_submissions(b.graph, true, 0.001);
    assert_int_equal(few, 1);
    assert_true(some > few && many > some);
    plan_destroy(plan);
    unbuild(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_step),
        cmocka_unit_test(test_barriers),
        cmocka_unit_test(test_small_blocks),
        cmocka_unit_test(test_tensor_over_the_limit_is_refused),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_default_networks),
        cmocka_unit_test(test_inference),
        cmocka_unit_test(test_accumulation),
        cmocka_unit_test(test_bytes_of_a_convolution),
        cmocka_unit_test(test_submissions),
    };
    return cmocka_run_group_tests_name("plan", tests, test_log_setup, NULL);
}
