// SPDX-License-Identifier: MIT
//
// The whole engine without its numbers: every pipeline compiles and the recorded steps
// submit. On a driver that executes nothing (PIX_TEST_NO_EXECUTE=1: a real driver over
// a no-op shim) with the default networks at full size, elsewhere with small ones.

#define _XOPEN_SOURCE 700

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "bench/bench.h"
#include "bench/ceiling.h"
#include "gpu/cache.h"
#include "gpu/inside.h"
#include "gpu/kernel.h"
#include "graph/barriers.h"
#include "graph/exec_inside.h"
#include "ops/conv_variant.h"
#include "program/program.h"
#include "shared/fill.h"
#include "support/gpu.h"
#include "support/statistics.h"
#include "support/tree.h"
#include "train/objective.h"
#include "translate/translation.h"

static struct gpu_device *device;
static bool no_execute;

static int open_device(void **state)
{
    const char *text = getenv("PIX_TEST_NO_EXECUTE");
    (void)state;
    no_execute = text && strcmp(text, "1") == 0;
    log_use(&test_log_sink);
    device = gpu_device_create(
        &(struct gpu_device_options){ .validation = true, .no_cache = true });
    if (device)
        print_message("device: %s, %s\n", gpu_device_info(device)->name,
                      gpu_device_info(device)->driver);
    return 0;
}

static int close_device(void **state)
{
    (void)state;
    uint32_t messages = device ? gpu_device_message_count(device) : 0;
    gpu_device_destroy(device);
    test_fail_on_messages(messages);
    return 0;
}

// Of the device's own choice, or with one variant for all convolutions.
static struct program *create(const struct conv_variant *variant)
{
    struct op_limits limits = plan_op_limits(device);
    limits.force = variant;
    const struct program_options options = { .device = device, .limits = &limits };
    struct program *p = program_create(&options);
    assert_non_null(p);
    return p;
}

// Plans, allocates, records and runs three steps: at most two are measured, the others
// recorded. Inputs stay zero: a crop at random would lie outside the picture.
static void run(struct program *p, struct weights *const *networks, size_t count)
{
    const struct graph *g = program_graph(p);
    const struct step_block step = { .step = 1, .adam_root = 1 };
    for (size_t i = 0; i < graph_tensor_count(g); i++)
        if (graph_tensor(g, i)->is_input)
            program_upload(p, graph_tensor(g, i));
    assert_true(program_plan(p, networks, count, NULL));
    for (size_t i = 0; i < count; i++)
        assert_true(weights_allocate(networks[i], device));
    assert_true(program_start(p));
    for (int i = 0; i < 3; i++)
        assert_true(program_run(p, &step));
    uint32_t barriers;
    assert_true(barriers_count(g, &barriers));
    print_message("%u dispatches, %u barriers, %u submissions\n",
                  program_get_plan(p)->dispatches, barriers,
                  program_exec(p)->submissions);
}

static void run_training(const struct conv_variant *variant)
{
    const uint32_t crop = no_execute ? 256 : 32;
    const struct objective_options options = {
        .generator = { no_execute ? 8 : 5, no_execute ? 64 : 4, 3, 3 },
        .discriminator = { 3, no_execute ? 64 : 4 },
        .batch = 1,
        .load_h = crop + 30,
        .load_w = crop + 30,
        .crop_h = crop,
        .crop_w = crop,
        .lambda_l1 = 100,
        .optimizer = { OPTIMIZER_ADAM, 0.5, 0.999, 1e-8, 0 },
    };
    struct program *p = create(variant);
    struct weights *const networks[] = { weights_create(false), weights_create(false) };
    struct objective o;
    assert_true(
        objective_build(program_graph(p), networks[0], networks[1], &options, &o));
    run(p, networks, 2);
    program_destroy(p);
    weights_destroy(networks[0]);
    weights_destroy(networks[1]);
}

static void test_driver_is_what_was_said(void **state)
{
    (void)state;
    if (!device)
        skip();
    assert_int_equal(gpu_device_limits(device)->executes, !no_execute);
}

static void test_training_built_in(void **state)
{
    (void)state;
    if (!device)
        skip();
    run_training(NULL);
}

static void test_training_simple(void **state)
{
    (void)state;
    if (!device)
        skip();
    run_training(conv_variant_find("simple"));
}

static void test_translation(void **state)
{
    (void)state;
    if (!device)
        skip();
    const uint32_t side = no_execute ? 256 : 32;
    const struct generator_options options = { no_execute ? 8 : 5, no_execute ? 64 : 4,
                                               3, 3 };
    struct program *p = create(NULL);
    struct weights *const networks[] = { weights_create(true) };
    struct translation t;
    assert_true(translation_build(program_graph(p), networks[0], &options,
                                  (struct staging){ 0 }, TRANSLATION_STABLE, 1, side,
                                  side, &t));
    run(p, networks, 1);
    program_destroy(p);
    weights_destroy(networks[0]);
}

static bool count_row(void *user, const struct pix_bench_row *row)
{
    uint32_t *count = user;
    assert_true(row->kind == PIX_BENCH_CEILING || row->bytes > 0);
    assert_true(row->samples == 0 || !no_execute);
    (*count)++;
    return true;
}

// The ceilings' kernels compile and are submitted, and a device that runs nothing is
// counted.
static void test_bench(void **state)
{
    (void)state;
    if (!device)
        skip();
    const struct pix_bench_case at = { no_execute ? 256 : 32, 1 };
    struct pix_bench_options options;
    uint32_t count = 0;
    struct ceilings *ceilings = ceilings_create(device, 0);
    struct rates rates;
    assert_non_null(ceilings);
    assert_true(ceilings_take(ceilings, &rates));
    ceilings_destroy(ceilings);
    pix_bench_options_init(&options);
    options.cases = &at;
    options.case_count = 1;
    options.no_clock = !no_execute;
    options.row = count_row;
    options.user = &count;
    assert_true(bench_run(device, 0.2, &options));
    assert_true(count > 50);
}

// What the networks do not use: the other ops, losses and optimiser.
static void test_other_kernels(void **state)
{
    (void)state;
    if (!device)
        skip();
    struct program *p = create(NULL);
    struct graph *g = program_graph(p);
    struct weights *const networks[] = { weights_create(false) };
    networks[0]->keeps_average = true;
    struct tensor *x = graph_input(g, "x", (struct shape){ 2, 3, 8, 8 }, TENSOR_F32);
    struct tensor *w =
        weights_add(networks[0], WEIGHT_CONV, (struct shape){ 4, 3, 7, 7 }, "w");
    struct tensor *w2 = weights_add(networks[0], WEIGHT_CONV_TRANSPOSE,
                                    (struct shape){ 4, 2, 3, 3 }, "w2");
    struct tensor *w3 =
        weights_add(networks[0], WEIGHT_CONV, (struct shape){ 4, 2, 3, 3 }, "w3");
    struct tensor *h = graph_conv(g, graph_pad(g, x, 3, PAD_KIND_REFLECT), w, NULL,
                                  (struct conv_attributes){ .kernel = 7, .stride = 1 });
    h = graph_norm(g, h, NULL,
                   (struct norm_attributes){ .kind = NORM_INSTANCE, .epsilon = 1e-5f });
    h = graph_sigmoid(g, graph_dropout(g, h, 0.5f));
    h = graph_conv_transpose(g, graph_pad(g, h, 1, PAD_KIND_ZERO), w2, NULL,
                             (struct conv_attributes){
                                 .kernel = 3, .stride = 2, .pad = 1, .output_pad = 1 });
    struct tensor *scale = weights_add_norm(networks[0], 2, "norm");
    struct tensor *fixed = graph_norm(
        g, h, scale, (struct norm_attributes){ .epsilon = 1e-5f, .fixed = true });
    graph_keep(g, fixed);
    struct tensor *between = graph_interpolate(g, h, fixed, -1.0f);
    struct tensor *slope =
        graph_mask(g, graph_fill(g, between->shape, 1.0f), between, 0.2f);
    slope = graph_conv(g, slope, w3, NULL, (struct conv_attributes){ 3, 1, 1 });
    slope = graph_conv_gradient(g, slope, w3, h, (struct conv_attributes){ 3, 1, 1 });
    struct tensor *loss =
        graph_add(g, graph_gan_loss(g, graph_upsample(g, h), LOSS_KIND_HINGE, 1.0f),
                  graph_gradient_penalty(g, slope, 10.0f));
    struct tensor *pooled = graph_unit(
        g, graph_pool(g, h, (struct pool_attributes){ .kernel = 3, .stride = 2 }));
    struct tensor *ones = graph_fill(g, (struct shape){ 1, h->shape.c, 1, 1 }, 1.0f);
    pooled = graph_distance(g, pooled, graph_scale(g, pooled, 0.5f), ones);
    loss = graph_add(g, loss, graph_gan_loss(g, pooled, LOSS_KIND_MEAN, 1.0f));
    loss = graph_add(g, loss, graph_cross_entropy(g, h, graph_softmax(g, h), 2.0f));
    graph_keep(g, graph_affine(g, x, &(struct affine_attributes){ { 1, 1, 1 } }));
    graph_minimize(g, graph_add(g, loss, graph_gan_loss(g, h, LOSS_KIND_MSE, 1.0f)),
                   networks[0],
                   &(struct optimizer){ .kind = OPTIMIZER_SGD, .momentum = 0.9f });
    graph_average(g, networks[0], 0.999f);
    assert_false(graph_failed(g));
    run(p, networks, 1);
    program_destroy(p);
    weights_destroy(networks[0]);
}

// A real driver's cache: what one device made the next one finds in the file, and gives
// the driver back what it had. Times are printed and decide nothing.
static void test_pipeline_cache(void **state)
{
    (void)state;
    if (!device || !no_execute)
        skip();    // software drivers have nothing to keep
    struct gpu_device *before = device;
    char *here = os_path_absolute("."), *path = NULL;
    char *folder = mem_printf("%s/test_dryrun.cache", here);
    double seconds[2];
    assert_int_equal(setenv("XDG_CACHE_HOME", folder, 1), 0);
    // Mesa keeps shaders too.
    assert_int_equal(setenv("MESA_SHADER_CACHE_DISABLE", "true", 1), 0);
    for (int warm = 0; warm < 2; warm++) {
        device = gpu_device_create(&(struct gpu_device_options){ 0 });
        assert_non_null(device);
        if (!warm) {    // what an earlier run of this test left
            gpu_cache_open(device);
            path = mem_strdup(device->cache.path);
            gpu_cache_close(device);
            test_remove_tree(path);
        }
        double start = os_seconds();
        gpu_cache_open(device);
        seconds[warm] = os_seconds() - start;
        assert_int_equal(device->cache.loaded > 0, warm);
        run_training(NULL);
        seconds[warm] += device->cache.seconds;
        assert_true(file_exists(path));
        size_t stored = device->cache.stored;
        assert_true(warm ? stored == device->cache.loaded : stored > 10000);
        print_message("%zu pipelines in %.1f ms, %zu KiB %s\n", device->kernel_count,
                      1e3 * seconds[warm], stored >> 10,
                      warm ? "from the file" : "written");
        gpu_device_destroy(device);
    }
    device = before;
    test_remove_tree(path);
    mem_free(path);
    mem_free(folder);
    mem_free(here);
}

// What tests/isa.c prints: a driver that has statistics names a number that every
// kernel has, and its code.
static void test_statistics(void **state)
{
    (void)state;
    if (!device)
        skip();
    struct gpu_device *other = gpu_device_create(
        &(struct gpu_device_options){ .statistics = true, .no_cache = true });
    assert_non_null(other);
    if (!statistics_are_kept(other)) {
        gpu_device_destroy(other);
        skip();
    }
    struct gpu_kernel_key key = {
        .shader = SHADER_FILL,
        .spec = { OP_WORKGROUP },
        .spec_count = 1,
        .buffers = 1,
        .params_size = sizeof(struct fill_params),
    };
    struct gpu_kernel *kernel = gpu_kernel_get(other, &key);
    assert_non_null(kernel);
    struct statistics s;
    assert_true(statistics_read(other, kernel, &s));
    bool found = false;
    for (uint32_t i = 0; i < s.count; i++)
        if (strstr(s.values[i].name, "ode size") ||
            strstr(s.values[i].name, "nstruction"))
            found = s.values[i].value > 0;
    assert_true(found);
    if (strncmp(gpu_device_info(other)->driver, "radv", 4) == 0) {
        assert_non_null(s.assembly);
        assert_non_null(strstr(s.assembly, "s_endpgm"));
    }
    statistics_finish(&s);
    gpu_device_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_driver_is_what_was_said),
        cmocka_unit_test(test_training_built_in),
        cmocka_unit_test(test_training_simple),
        cmocka_unit_test(test_translation),
        cmocka_unit_test(test_bench),
        cmocka_unit_test(test_other_kernels),
        cmocka_unit_test(test_pipeline_cache),
        cmocka_unit_test(test_statistics),
    };
    return cmocka_run_group_tests_name("dryrun", tests, open_device, close_device);
}
