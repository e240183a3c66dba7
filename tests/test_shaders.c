// SPDX-License-Identifier: MIT
//
// The embedded shaders against the rules of shaders/README.md, and every call that the
// ops emit against the shader it names. Needs no device.

#include <stdio.h>
#include <string.h>

#include "ops/conv_variant.h"
#include "shared/bench.h"
#include "shared/step.h"
#include "support/gpu.h"
#include "support/spirv.h"

static struct spirv_module read_module(enum shader shader)
{
    struct spirv_module module;
    const struct shader_code *code = &shader_table[shader];
    if (!spirv_read(code->words, code->size, &module))
        fail_msg("%s: not readable", code->name);
    return module;
}

// Tensors, as storage or as texel buffers.
static bool is_tensor(const struct spirv_binding *binding)
{
    return binding->exists && (binding->is_storage || binding->is_fetched);
}

static uint32_t tensor_count(const struct spirv_module *module)
{
    uint32_t count = 0;
    while (count < SPIRV_MAX_BINDINGS && is_tensor(&module->bindings[count]))
        count++;
    return count;
}

// Numbers of the SPIR-V specification.
enum {
    CAPABILITY_SHADER = 1,
    CAPABILITY_FLOAT16 = 9,
    CAPABILITY_SAMPLED_BUFFER = 46,    // no feature either
    CAPABILITY_SUBGROUP = 61,
    CAPABILITY_SUBGROUP_SHUFFLE = 65,
    CAPABILITY_STORAGE_16 = 4433,
    CAPABILITY_BF16 = 5116,
    CAPABILITY_BF16_MATRIX = 5118,
    CAPABILITY_MEMORY_MODEL = 5345,
    CAPABILITY_MATRIX = 6022,
};

// Kernels of the benchmark: no op uses them.
static bool is_bench(enum shader shader)
{
    return strncmp(shader_table[shader].name, "bench_", 6) == 0;
}

static bool ends_in(enum shader shader, const char *text)
{
    const char *end = strrchr(shader_table[shader].name, '_');
    return strcmp(end ? end : "", text) == 0;
}

// Compiled for tensors of 16 bits, and where losses are scaled as well.
static bool is_16(enum shader shader)
{
    return ends_in(shader, "_16");
}

static bool is_scaled(enum shader shader)
{
    return ends_in(shader, "_scaled");
}

// On matrix units, of operands in bf16.
static bool is_bf16(enum shader shader)
{
    return ends_in(shader, "_bf16");
}

// Tensors of any format, by the constant of formats.
static bool takes_formats(enum shader shader)
{
    return is_16(shader) || is_scaled(shader) ||
           (shader_table[shader].is_matrix && !is_bench(shader));
}

// What every device has; subgroups, where the calls say so; float16, in the one kernel
// that is for it; 16-bit storage, in those for it; matrix units, in theirs.
static bool may_need(enum shader shader, uint32_t capability)
{
    return capability == CAPABILITY_SHADER || capability == CAPABILITY_SAMPLED_BUFFER ||
           capability == CAPABILITY_SUBGROUP ||
           capability == CAPABILITY_SUBGROUP_SHUFFLE ||
           (capability == CAPABILITY_FLOAT16 && shader == SHADER_BENCH_FMA_F16) ||
           (capability == CAPABILITY_STORAGE_16 && takes_formats(shader)) ||
           ((capability == CAPABILITY_FLOAT16 ||
             capability == CAPABILITY_MEMORY_MODEL ||
             capability == CAPABILITY_MATRIX) &&
            shader_table[shader].is_matrix) ||
           ((capability == CAPABILITY_BF16 || capability == CAPABILITY_BF16_MATRIX) &&
            is_bf16(shader));
}

static bool uses_subgroups(const struct spirv_module *module)
{
    for (uint32_t k = 0; k < module->capability_count; k++)
        if (module->capabilities[k] == CAPABILITY_SUBGROUP ||
            module->capabilities[k] == CAPABILITY_SUBGROUP_SHUFFLE)
            return true;
    return false;
}

static void test_rules(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SHADER_COUNT; i++) {
        if (shader_table[i].size == 0) {
            print_message("%s: the glslc of this build cannot compile it\n",
                          shader_table[i].name);
            continue;
        }
        const struct spirv_module module = read_module((enum shader)i);
        const char *name = shader_table[i].name;
        uint32_t tensors = tensor_count(&module);
        if (tensors == 0 || tensors > CALL_MAX_BUFFERS)
            fail_msg("%s: %u tensors", name, (unsigned)tensors);
        for (uint32_t b = 0; b < SPIRV_MAX_BINDINGS; b++) {
            const struct spirv_binding *binding = &module.bindings[b];
            if (!binding->exists)
                continue;
            if (binding->set != 0)
                fail_msg("%s: binding %u is in set %u", name, (unsigned)b,
                         (unsigned)binding->set);
            // Tensors come first without a gap, then only the step block.
            if (b >= tensors && (b != SHADER_STEP_BINDING || is_tensor(binding)))
                fail_msg("%s: binding %u should not be there", name, (unsigned)b);
            if (binding->non_writable && binding->non_readable)
                fail_msg("%s: binding %u cannot be used", name, (unsigned)b);
        }
        if (module.push_bytes == 0 || module.push_bytes > CALL_MAX_PARAMS ||
            module.push_bytes % 4 != 0)
            fail_msg("%s: %u bytes of params", name, (unsigned)module.push_bytes);
        if (module.spec[SHADER_SPEC_FORMATS] != takes_formats((enum shader)i) &&
            !is_scaled((enum shader)i))
            fail_msg("%s: the constant of formats", name);
        if (module.spec_limit >
            SHADER_MAX_SPEC + (module.spec[SHADER_SPEC_FORMATS] ? 1u : 0u))
            fail_msg("%s: constant id %u", name, (unsigned)module.spec_limit - 1);
        if (module.local_size_id != 0)
            fail_msg("%s: the workgroup size is not constant 0", name);
        // A dispatch may be split, and then this is not the size of the whole grid.
        if (module.uses_num_workgroups)
            fail_msg("%s: uses gl_NumWorkGroups", name);
        for (uint32_t k = 0; k < module.capability_count; k++)
            if (!may_need((enum shader)i, module.capabilities[k]))
                fail_msg("%s: needs capability %u", name,
                         (unsigned)module.capabilities[k]);
    }
}

static void check_call(const struct call *call)
{
    const struct spirv_module module = read_module(call->shader);
    const char *name = shader_table[call->shader].name;
    uint32_t bound = 0;
    while (bound < CALL_MAX_BUFFERS && call->use[bound].tensor)
        bound++;
    if (bound != tensor_count(&module))
        fail_msg("%s: %u buffers are bound, the shader has %u", name, (unsigned)bound,
                 (unsigned)tensor_count(&module));
    if (uses_subgroups(&module) != (call->subgroup != 0))
        fail_msg("%s: host and shader disagree about subgroups", name);
    for (uint32_t b = 0; b < bound; b++) {
        const struct spirv_binding *binding = &module.bindings[b];
        enum access access = call->use[b].access;
        if (binding->is_fetched != (call->use[b].fetch != FETCH_NONE))
            fail_msg("%s: host and shader disagree whether binding %u is fetched", name,
                     (unsigned)b);
        bool agrees = binding->non_writable   ? access == ACCESS_READ
                      : binding->non_readable ? access == ACCESS_WRITE
                                              : access & ACCESS_WRITE;
        if (!agrees)
            fail_msg("%s: binding %u is used as %u, the shader says %s", name,
                     (unsigned)b, (unsigned)access,
                     binding->non_writable   ? "readonly"
                     : binding->non_readable ? "writeonly"
                                             : "written");
    }
    if (call->uses_step != module.bindings[SHADER_STEP_BINDING].exists)
        fail_msg("%s: host and shader disagree about the step block", name);
    if (call->params_size != module.push_bytes)
        fail_msg("%s: %u bytes of params, the shader has %u", name,
                 (unsigned)call->params_size, (unsigned)module.push_bytes);
    uint32_t constants = module.spec_limit;
    if (module.spec[SHADER_SPEC_FORMATS])    // the last
        for (constants--; constants > 0 && !module.spec[constants - 1];)
            constants--;
    if (is_16(call->shader) != (call->formats != 0) && !is_scaled(call->shader) &&
        !shader_table[call->shader].is_matrix)
        fail_msg("%s: formats %x", name, (unsigned)call->formats);
    if (call->spec_count < constants)
        fail_msg("%s: %u constants, the shader has %u", name,
                 (unsigned)call->spec_count, (unsigned)constants);
    if (call->spec[0] == 0)
        fail_msg("%s: no workgroup size", name);
    if (!call->label)
        fail_msg("%s: no label", name);
}

// A tensor in floats, for ops that take nothing else.
static struct tensor *in_floats(struct graph *g, struct tensor *t)
{
    return t->format == TENSOR_F32 ? t : graph_scale(g, t, 1.0f);
}

// Every op, forward and backward, first and later contributions to a gradient, with
// activations stored in `format`.
static void build_everything(struct harness *h, enum tensor_format format)
{
    struct graph *g = h->graph;
    const struct shape channels = { 1, 6, 1, 1 };
    struct tensor *pixels =
        harness_input_bytes(h, "pixels", (struct shape){ 2, 1200, 1, 1 }, NULL);
    struct tensor *jitter =
        harness_input(h, "jitter", (struct shape){ 2, 1, 1, 4 }, NULL);
    struct tensor *x = graph_pixels_unpack(
        g, pixels, jitter, 16, 16,
        (struct pixels_attributes){
            .channels = 3, .side_h = 20, .side_w = 20, .sample_bytes = 1200 });
    struct tensor *augmented = graph_pixels_unpack(
        g, pixels, harness_input(h, "augment", (struct shape){ 2, 1, 1, 12 }, NULL), 16,
        16,
        (struct pixels_attributes){ .channels = 3,
                                    .side_h = 20,
                                    .side_w = 20,
                                    .sample_bytes = 1200,
                                    .is_augmented = true });
    harness_keep(h, augmented);
    h->weights->precision = format;
    struct tensor *w =
        weights_add(h->weights, WEIGHT_CONV, (struct shape){ 6, 3, 4, 4 }, "w");
    struct tensor *b = weights_add(h->weights, WEIGHT_BIAS, channels, "b");
    struct tensor *w_up = weights_add(h->weights, WEIGHT_CONV_TRANSPOSE,
                                      (struct shape){ 12, 6, 4, 4 }, "up");
    struct tensor *w_same =
        weights_add(h->weights, WEIGHT_CONV, (struct shape){ 6, 6, 3, 3 }, "same");
    struct tensor *w_down =
        weights_add(h->weights, WEIGHT_CONV, (struct shape){ 6, 6, 4, 4 }, "down");
    struct tensor *w_last =
        weights_add(h->weights, WEIGHT_CONV, (struct shape){ 3, 6, 3, 3 }, "last");
    struct tensor *scale = weights_add_norm(h->weights, channels.c, "norm");
    struct tensor *once = weights_add_norm(h->weights, channels.c, "once");
    const struct norm_attributes batch = {
        .kind = NORM_BATCH, .epsilon = 1e-5f, .momentum = 0.1f, .update_running = true
    };
    const struct norm_attributes instance = { .kind = NORM_INSTANCE, .epsilon = 1e-5f };
    const struct conv_attributes down = { .kernel = 4, .stride = 2, .pad = 1 };
    const struct conv_attributes same = { .kernel = 3, .stride = 1, .pad = 1 };

    graph_store(g, format);
    struct tensor *y = graph_conv(g, x, w, b, down);
    struct tensor *skip = graph_norm(g, y, scale, batch);
    y = graph_leaky_relu(g, graph_dropout(g, skip, 0.5f), 0.2f);
    struct tensor *deep = graph_conv(g, y, w_down, NULL, down);
    y = graph_add(g, graph_conv(g, y, w_same, NULL, same), skip);
    // The weights of one norm are used once, so that they are updated in one call,
    // those of the other twice.
    y = graph_norm(g, graph_norm(g, y, once, instance), scale, instance);
    y = graph_concat(g, y, graph_sigmoid(g, skip));
    y = graph_conv_transpose(g, y, w_up, b, down);
    graph_mark(g, h->weights);
    y = graph_norm(g, y, NULL, instance);
    graph_mark(g, NULL);
    y = graph_pad(g, graph_relu(g, y), 1, PAD_KIND_REFLECT);
    y = graph_conv(g, y, w_last, NULL, (struct conv_attributes){ 3, 1, 0, 0 });
    y = graph_tanh(g, y);
    harness_keep(
        h, graph_norm(g, skip, once,
                      (struct norm_attributes){ .epsilon = 1e-5f, .fixed = true }));
    struct tensor *region =
        graph_input(g, "region", (struct shape){ 1, 1, 1, 4 }, TENSOR_F32);
    const struct shape skipped = skip->shape;
    struct tensor *image = graph_input(
        g, "image", (struct shape){ 1, skipped.c, skipped.h, skipped.w }, TENSOR_F32);
    image = graph_scale(g, image, 2.0f);
    harness_keep(
        h, graph_norm_following(g, image, once, graph_moments(g, image, region, 2),
                                (struct norm_attributes){
                                    .epsilon = 1e-5f, .fixed = true, .keep = 0.9f }));
    y = graph_pad(g, y, 1, PAD_KIND_ZERO);
    // A tensor can be a slice of one other only.
    struct tensor *twice = graph_concat(g, deep, deep);
    struct tensor *larger = graph_upsample(g, deep);
    struct tensor *ones = graph_fill(g, deep->shape, 1.0f);
    graph_store(g, TENSOR_F32);
    y = in_floats(g, y);
    deep = in_floats(g, deep);
    harness_keep(h, graph_pixels_pack(g, y, PIXEL_U8, PIXEL_WHOLE));
    struct tensor *loss = graph_add(g, graph_gan_loss(g, y, LOSS_KIND_BCE, 1.0f),
                                    graph_l1(g, y, graph_detach(g, y), 100.0f));
    loss = graph_add(g, loss, graph_gan_loss(g, y, LOSS_KIND_MSE, 1.0f));
    loss = graph_add(g, loss, graph_gan_loss(g, deep, LOSS_KIND_MSE, 1.0f));
    loss = graph_add(g, loss,
                     graph_gan_loss(g, in_floats(g, larger), LOSS_KIND_MEAN, 1.0f));
    loss =
        graph_add(g, loss, graph_gan_loss(g, in_floats(g, twice), LOSS_KIND_MSE, 1.0f));
    struct tensor *between = graph_interpolate(g, deep, graph_tanh(g, deep), -1.0f);
    struct tensor *slope = graph_mask(g, ones, between, 0.2f);
    slope = graph_conv_gradient(g, slope, w_same, between, same);
    loss = graph_add(g, loss, graph_gradient_penalty(g, slope, 10.0f));
    struct tensor *seen = graph_affine(
        g, x,
        &(struct affine_attributes){ { 1.0f, 2.0f, 3.0f }, { 0.0f, 1.0f, 2.0f } });
    seen = graph_unit(g, graph_pool(g, graph_conv(g, seen, w, b, down),
                                    (struct pool_attributes){ 3, 2, true }));
    seen = graph_distance(g, seen, graph_detach(g, seen), b);
    loss = graph_add(g, loss, graph_gan_loss(g, seen, LOSS_KIND_MEAN, 1.0f));
    struct tensor *share = graph_softmax(g, deep);
    loss =
        graph_add(g, loss, graph_cross_entropy(g, deep, graph_detach(g, share), 2.0f));
    loss = graph_add(g, loss, graph_gan_loss(g, share, LOSS_KIND_MSE, 1.0f));
    // Weights cannot be slices.
    loss = graph_add(g, loss,
                     graph_gan_loss(g, graph_concat(g, b, b), LOSS_KIND_MSE, 1.0f));
    graph_minimize(
        g, loss, h->weights,
        &(struct optimizer){
            .kind = OPTIMIZER_ADAM, .beta1 = 0.5, .beta2 = 0.999, .epsilon = 1e-8 });
    // A weight that this loss does not depend on is filled with zeros.
    graph_minimize(g, graph_mse(g, scale, NULL), h->weights,
                   &(struct optimizer){ .kind = OPTIMIZER_SGD, .momentum = 0.9 });
    h->weights->keeps_average = true;
    graph_average(g, h->weights, 0.999f);
    assert_false(graph_failed(g));
}

static void check_calls(const struct harness *h, bool seen[SHADER_COUNT])
{
    for (size_t k = 0; k < graph_call_count(h->graph); k++) {
        const struct call *call = graph_call(h->graph, k);
        check_call(call);
        seen[call->shader] = true;
    }
}

// A weight gradient in f16 alone, as the tuner measures it: training has a loss scale.
static void check_product(const struct op_limits *limits, bool seen[SHADER_COUNT])
{
    const struct conv_shape s = {
        .direction = CONV_BACKWARD_WEIGHT,
        .x = { 1, 3, 8, 8 },
        .c_out = 5,
        .kernel = 4,
        .stride = 2,
        .pad = 1,
        .format = TENSOR_F16,
    };
    struct harness h;
    harness_begin_without_device(&h);
    harness_set_limits(&h, *limits);
    h.weights->precision = TENSOR_F16;
    struct tensor *x = weights_add(h.weights, WEIGHT_CONV, s.x, "x");
    struct tensor *dy = weights_add(h.weights, WEIGHT_CONV, conv_shape_y(&s), "dy");
    graph_product(h.graph, &s, weight_operand(x), weight_operand(dy),
                  weights_add(h.weights, WEIGHT_CONV, conv_shape_w(&s), "dw"));
    check_calls(&h, seen);
    harness_end(&h);
}

static void test_calls(void **state)
{
    (void)state;
    bool seen[SHADER_COUNT] = { false };
    size_t count;
    const struct conv_variant *variants = conv_variant_table(&count);
    static const enum tensor_format formats[] = { TENSOR_F32, TENSOR_F16, TENSOR_BF16 };
    for (size_t i = 0; i < count * ARRAY_LEN(formats); i++) {
        struct harness h;
        // Of a device that can do everything.
        struct op_limits limits = test_guaranteed_limits();
        limits.max_texels = 1u << 27;
        limits.subgroup = 8;
        const struct gpu_matrix_product product = { .m = 8, .n = 8, .k = 8 };
        limits.matrix = (struct gpu_matrix){ 8, .f16 = product, .bf16 = product };
        limits.max_invocations = 1024;
        limits.shared_bytes = 32768;
        limits.force = &variants[i / ARRAY_LEN(formats)];
        // One of them has no weight that an update can bind as a whole.
        if (limits.force->kind == CONV_SIMPLE)
            limits.max_binding = 64;
        harness_begin_without_device(&h);
        harness_set_limits(&h, limits);
        build_everything(&h, formats[i % ARRAY_LEN(formats)]);
        check_calls(&h, seen);
        harness_end(&h);
        check_product(&limits, seen);
    }
    for (uint32_t i = 0; i < SHADER_COUNT; i++)
        if (!seen[i] && !is_bench((enum shader)i) && shader_table[i].size)
            fail_msg("%s: no call of this test uses it", shader_table[i].name);
}

static void test_bench_kernels(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SHADER_COUNT; i++) {
        if (!is_bench((enum shader)i) || shader_table[i].size == 0)
            continue;
        const struct spirv_module module = read_module((enum shader)i);
        assert_int_equal(module.push_bytes, sizeof(struct bench_params));
        const bool copies = i == SHADER_BENCH_COPY || i == SHADER_BENCH_COPY_16;
        assert_int_equal(tensor_count(&module), copies ? 2 : 1);
        if (!is_16((enum shader)i))
            assert_int_equal(module.spec_limit, shader_table[i].is_matrix ? 4 : 1);
        assert_false(module.bindings[SHADER_STEP_BINDING].exists);
    }
}

// The reader itself: rubbish is refused.
static void test_reader(void **state)
{
    (void)state;
    struct spirv_module module;
    const uint32_t rubbish[] = { 1, 2, 3, 4, 5, 6 };
    const uint32_t cut[] = { 0x07230203, 0x10500, 0, 10, 0, (9u << 16) | 71, 1, 2 };
    assert_false(spirv_read(rubbish, sizeof(rubbish), &module));
    assert_false(spirv_read(cut, sizeof(cut), &module));
    // The step block is the host's, member by member.
    module = read_module(SHADER_ADAM);
    assert_true(module.bindings[SHADER_STEP_BINDING].exists);
    assert_false(module.bindings[SHADER_STEP_BINDING].is_storage);
    assert_int_equal(sizeof(struct step_block), 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_bench_kernels),
    };
    return cmocka_run_group_tests(tests, test_log_setup, NULL);
}
