// SPDX-License-Identifier: MIT
//
// Tensors of 16 bits: every kernel that can read and write them computes what it
// computes in floats, of operands that are rounded, and rounds the result once.

#include "support/conv_case.h"
#include "support/gpu.h"

#include "shared/scaler.h"

#include "gpu/inside.h"
#include "graph/graph.h"
#include "models/model.h"
#include "ops/conv_variant.h"
#include "settings/precision.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const enum tensor_format formats[] = { TENSOR_F16, TENSOR_BF16 };

static void need_storage(void)
{
    if (!gpu_device_limits(test_gpu())->storage16) {
        print_message("the device has no 16-bit storage\n");
        skip();
    }
}

static float rounded(float value, enum tensor_format format)
{
    return tensor_value_16(tensor_bits_16(value, format), format);
}

static float *rounded_floats(struct random *r, struct shape s,
                             enum tensor_format format)
{
    float *values = check_random_floats(r, s);
    for (size_t i = 0; i < shape_count(s); i++)
        values[i] = rounded(values[i], format);
    return values;
}

// Half the distance of neighbours of 1, for gradients, whose own incoming gradient was
// rounded.
static double epsilon(enum tensor_format format)
{
    return format == TENSOR_F16 ? 0x1p-11 : 0x1p-8;
}

// The state of the loss scale, where the weights of the harness have one.
static struct scaler_block read_scaler(struct harness *h)
{
    struct scaler_block block;
    assert_true(tensor_download(test_gpu(), &h->weights->scaler, &block));
    return block;
}

static void set_scale(struct harness *h, float scale)
{
    if (!weights_has_scaler(h->weights))
        return;
    struct scaler_block block = read_scaler(h);
    block.scale = scale;
    assert_true(tensor_upload(test_gpu(), &h->weights->scaler, &block));
}

// ---------------------------------------------------------------------------
// Single ops

struct unit {
    const char *name;
    struct tensor *(*build)(struct harness *h, struct tensor *x,
                            enum tensor_format format);
    struct shape x;
    const struct op_limits *limits;
    double slack;    // of the gradient, in roundings of the incoming one; 0: none
};

struct outcome {
    struct shape y_shape;
    float *y, *dx;
};

// The op between a weight x in floats and a loss in floats, with `stored` for what is
// built in between.
static struct outcome run_unit(const struct unit *u, enum tensor_format stored,
                               enum tensor_format format)
{
    struct outcome o;
    struct harness h;
    struct random r;
    random_init(&r, 3, 9);
    harness_begin(&h);
    if (u->limits)
        harness_set_limits(&h, *u->limits);
    h.weights->precision = stored;
    struct tensor *x = harness_weight(&h, "x", u->x, rounded_floats(&r, u->x, format));
    graph_store(h.graph, stored);
    struct tensor *y = u->build(&h, graph_scale(h.graph, x, 1.0f), format);
    graph_store(h.graph, TENSOR_F32);
    assert_non_null(y);
    assert_int_equal(y->format, stored);
    harness_keep(&h, y);
    struct tensor *full = graph_scale(h.graph, y, 1.0f);
    if (u->slack > 0)
        graph_backward(h.graph, graph_mse(h.graph, full, NULL), h.weights);
    harness_prepare(&h);
    set_scale(&h, 1.0f);
    harness_run(&h);
    o.y_shape = y->shape;
    o.y = check_floats(y->shape);
    o.dx = check_floats(u->x);
    harness_read(&h, y, o.y);
    if (u->slack > 0)
        harness_read_gradient(&h, x, o.dx);
    harness_end(&h);
    return o;
}

// Bit f of `which`: in formats[f].
static void check_unit(const struct unit *u, uint32_t which)
{
    for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
        if (!(which >> f & 1))
            continue;
        const enum tensor_format format = formats[f];
        check_case("%s %s", u->name, format == TENSOR_F16 ? "f16" : "bf16");
        const struct outcome full = run_unit(u, TENSOR_F32, format);
        const struct outcome half = run_unit(u, format, format);
        const size_t count = (size_t)shape_count(full.y_shape);
        float *expected = check_floats(full.y_shape);
        for (size_t i = 0; i < count; i++)
            expected[i] = rounded(full.y[i], format);
        check_same("y", half.y, expected, full.y_shape);
        const struct tolerance t = { "gradient", 0, u->slack * epsilon(format), 0 };
        check_array("dx", half.dx, check_widen(full.dx, u->x), u->x, &t);
    }
}

static struct tensor *build_leaky(struct harness *h, struct tensor *x,
                                  enum tensor_format format)
{
    (void)format;
    return graph_leaky_relu(h->graph, x, 0.25f);
}

static struct tensor *build_add(struct harness *h, struct tensor *x,
                                enum tensor_format format)
{
    (void)format;
    return graph_add(h->graph, x, graph_scale(h->graph, x, 0.5f));
}

static struct tensor *build_concat(struct harness *h, struct tensor *x,
                                   enum tensor_format format)
{
    (void)format;
    // Slices, a copy, and an odd number of elements in front of the second.
    return graph_concat(h->graph, graph_concat(h->graph, x, x),
                        graph_leaky_relu(h->graph, x, 0.25f));
}

static struct tensor *build_dropout(struct harness *h, struct tensor *x,
                                    enum tensor_format format)
{
    (void)format;
    return graph_dropout(h->graph, x, 0.5f);
}

static struct tensor *build_pad(struct harness *h, struct tensor *x,
                                enum tensor_format format)
{
    (void)format;
    return graph_pad(h->graph, x, 1, PAD_KIND_REFLECT);
}

static struct tensor *build_upsample(struct harness *h, struct tensor *x,
                                     enum tensor_format format)
{
    (void)format;
    return graph_upsample(h->graph, x);
}

static struct tensor *build_norm(struct harness *h, struct tensor *x,
                                 enum tensor_format format)
{
    (void)format;
    const float scale[] = { 1.0f, 0.5f, -2.0f }, shift[] = { 0.0f, 1.0f, 0.25f };
    return graph_norm(
        h->graph, x, harness_norm(h, 3, scale, shift, NULL, NULL),
        (struct norm_attributes){
            .kind = NORM_BATCH, .epsilon = 1e-5f, .leaky = true, .slope = 0.25f });
}

static struct tensor *build_fixed(struct harness *h, struct tensor *x,
                                  enum tensor_format format)
{
    (void)format;
    const float scale[] = { 1.0f, 0.5f, -2.0f }, variance[] = { 0.5f, 1.0f, 2.0f };
    return graph_norm(h->graph, x, harness_norm(h, 3, scale, scale, scale, variance),
                      (struct norm_attributes){ .epsilon = 1e-5f, .fixed = true });
}

static struct tensor *build_following(struct harness *h, struct tensor *x,
                                      enum tensor_format format)
{
    (void)format;
    const float scale[] = { 1.0f, 0.5f, -2.0f }, rows[] = { 0, 0, 5, 7 };
    struct tensor *region =
        harness_input(h, "region", (struct shape){ 1, 1, 1, 4 }, rows);
    struct tensor *moments = graph_moments(h->graph, x, region, 1);
    assert_int_equal(moments->format, TENSOR_F32);
    return graph_norm_following(
        h->graph, x, harness_norm(h, 3, scale, NULL, NULL, NULL), moments,
        (struct norm_attributes){ .epsilon = 1e-5f, .fixed = true, .keep = 0.5f });
}

static void test_ops(void **state)
{
    (void)state;
    need_storage();
    static const struct unit units[] = {
        { "leaky", build_leaky, { 2, 3, 5, 7 }, NULL, 4 },
        { "add", build_add, { 1, 3, 5, 7 }, NULL, 4 },
        { "concat", build_concat, { 2, 3, 5, 7 }, NULL, 4 },
        { "dropout", build_dropout, { 1, 3, 4, 7 }, NULL, 4 },
        { "pad", build_pad, { 2, 3, 5, 7 }, NULL, 8 },
        { "upsample", build_upsample, { 1, 3, 5, 7 }, NULL, 4 },
        { "norm", build_norm, { 2, 3, 5, 7 }, NULL, 16 },
        { "fixed norm", build_fixed, { 2, 3, 5, 7 }, NULL, 0 },
        { "following norm", build_following, { 1, 3, 5, 7 }, NULL, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        check_unit(&units[i], ~0u);
}

// ---------------------------------------------------------------------------
// Convolutions

static const struct conv_attributes down = {
    .kernel = 4, .stride = 2, .pad = 1, .leaky = true, .slope = 0.25f
};

static struct tensor *build_transpose(struct harness *h, struct tensor *x,
                                      enum tensor_format format)
{
    struct random r;
    const struct shape s = { 8, 4, 4, 4 }, c = { 1, 4, 1, 1 };
    random_init(&r, 5, 5);
    struct tensor *w = harness_weight_kind(h, WEIGHT_CONV_TRANSPOSE, "w", s,
                                           rounded_floats(&r, s, format));
    struct tensor *b =
        harness_weight_kind(h, WEIGHT_BIAS, "b", c, check_random_floats(&r, c));
    return graph_conv_transpose(h->graph, x, w, b, down);
}

static struct tensor *build_conv(struct harness *h, struct tensor *x,
                                 enum tensor_format format)
{
    struct random r;
    const struct shape s = { 5, 8, 4, 4 };
    random_init(&r, 5, 5);
    return graph_conv(
        h->graph, x,
        harness_weight_kind(h, WEIGHT_CONV, "w", s, rounded_floats(&r, s, format)),
        NULL, down);
}

static void test_convolutions(void **state)
{
    (void)state;
    need_storage();
    static const char *const names[] = { "simple",
                                         "shared-32x32x16-4x4",
                                         "direct-8x32-8x4",
                                         "fetch-4x4",
                                         "share-4x4",
                                         "vector-64-4",
                                         "shared-64x16x16-8x1-16p",
                                         "matrix-32x32x16-16x16" };
    const bool has_matrix = gpu_device_limits(test_gpu())->matrix.f16.m;
    // The last one needs matrix units.
    for (size_t i = 0; i < ARRAY_LEN(names) - !has_matrix; i++) {
        // Compiling them is what takes a software driver its time: one format each.
        const uint32_t which = test_is_thorough() ? ~0u : 1u << i % ARRAY_LEN(formats);
        const struct conv_variant *v = conv_variant_find(names[i]);
        struct op_limits limits = conv_case_force(names[i]);
        assert_non_null(v);
        const struct unit units[] = {
            { names[i], build_conv, { 2, 8, 6, 8 }, &limits, 8 },
            { names[i], build_transpose, { 2, 8, 3, 4 }, &limits, 8 },
        };
        for (size_t k = 0; k < ARRAY_LEN(units); k++)
            check_unit(&units[k], which);
    }
}

// ---------------------------------------------------------------------------
// Copies of weights

// One step of each optimiser, fused and not: the copies are the rounded values.
static void check_copies(enum tensor_format format, enum optimizer_kind kind,
                         bool is_fused)
{
    struct harness h;
    struct random r;
    const struct shape s = { 5, 3, 4, 4 }, in = { 1, 3, 8, 8 };
    random_init(&r, 7, 7);
    harness_begin(&h);
    struct op_limits limits = test_gpu_limits();
    if (!is_fused)
        limits.max_binding = 64;
    harness_set_limits(&h, limits);
    h.weights->precision = format;
    struct tensor *x = harness_input(&h, "x", in, check_random_floats(&r, in));
    struct tensor *w =
        harness_weight_kind(&h, WEIGHT_CONV, "w", s, check_random_floats(&r, s));
    graph_store(h.graph, format);
    struct tensor *y = graph_conv(h.graph, x, w, NULL, down);
    graph_store(h.graph, TENSOR_F32);
    y = graph_scale(h.graph, y, 1.0f);
    graph_minimize(h.graph, graph_mse(h.graph, y, NULL), h.weights,
                   &(struct optimizer){ .kind = kind,
                                        .beta1 = 0.5,
                                        .beta2 = 0.999,
                                        .epsilon = 1e-8,
                                        .momentum = 0.9 });
    harness_prepare(&h);
    assert_true(weights_refresh_copies(h.weights, test_gpu()));
    float *before = check_floats(s), *after = check_floats(s), *copy = check_floats(s);
    uint16_t *bits = check_memory((size_t)shape_count(s) * sizeof(bits[0]));
    harness_read(&h, w, before);
    harness_run(&h);
    harness_read(&h, w, after);
    assert_true(tensor_download(test_gpu(), &w->weight->copy, bits));
    assert_memory_not_equal(before, after, shape_count(s) * sizeof(after[0]));
    for (size_t i = 0; i < shape_count(s); i++) {
        copy[i] = tensor_value_16(bits[i], format);
        after[i] = rounded(after[i], format);
    }
    check_same("copy", copy, after, s);
    harness_end(&h);
}

static void test_copies(void **state)
{
    (void)state;
    need_storage();
    for (size_t f = 0; f < ARRAY_LEN(formats); f++)
        for (int fused = 0; fused < 2; fused++) {
            check_copies(formats[f], OPTIMIZER_ADAM, fused);
            check_copies(formats[f], OPTIMIZER_SGD, fused);
        }
}

// ---------------------------------------------------------------------------
// Networks

// The first and the last convolution keep floats, everything between them has 16 bits.
static void test_networks(void **state)
{
    (void)state;
    need_storage();
    const struct generator_options options = {
        .levels = 3, .ngf = 4, .channels_in = 3, .channels_out = 2
    };
    const struct discriminator_options d = { .layers = 2, .ndf = 4 };
    const struct shape in = { 1, 3, 16, 16 };
    struct harness h;
    struct random r;
    random_init(&r, 1, 2);
    float *input = check_random_floats(&r, in);
    float *outputs[3];
    for (int i = 0; i < 3; i++) {
        harness_begin(&h);
        h.weights->precision = i ? formats[i - 1] : TENSOR_F32;
        struct tensor *x = harness_input(&h, "x", in, input);
        struct tensor *y = generator_build(h.graph, h.weights, x, &options,
                                           (struct model_mode){ .no_dropout = true });
        struct tensor *logits =
            discriminator_build(h.graph, h.weights, graph_concat(h.graph, x, y), &d,
                                (struct model_mode){ 0 });
        assert_non_null(logits);
        assert_int_equal(y->format, TENSOR_F32);
        assert_int_equal(logits->format, TENSOR_F32);
        uint32_t copies = 0, convolutions = 0;
        for (size_t k = 0; k < h.weights->count; k++) {
            const struct weight *w = h.weights->items[k];
            copies += w->uses_copy;
            convolutions += w->kind == WEIGHT_CONV || w->kind == WEIGHT_CONV_TRANSPOSE;
        }
        assert_int_equal(convolutions, 2 * options.levels + 4);
        assert_int_equal(copies, i ? convolutions - 4 : 0);
        harness_keep(&h, y);
        harness_keep(&h, logits);
        harness_prepare(&h);
        struct random initial;
        random_init(&initial, 3, 4);
        assert_true(
            weights_initialise(h.weights, test_gpu(), &initial, WEIGHTS_NORMAL, 0.2));
        assert_true(weights_refresh_copies(h.weights, test_gpu()));
        harness_run(&h);
        const struct shape out = { 1, 2, 16, 16 };
        outputs[i] = check_floats(out);
        harness_read(&h, y, outputs[i]);
        if (i) {
            const struct tolerance t = { "network", 0, 16 * epsilon(formats[i - 1]),
                                         0 };
            check_case("generator %d", i);
            check_array("y", outputs[i], check_widen(outputs[0], out), out, &t);
            assert_memory_not_equal(outputs[i], outputs[0],
                                    shape_count(out) * sizeof(float));
        }
        harness_end(&h);
    }
}

// ---------------------------------------------------------------------------
// The loss scale

struct scaled {
    struct harness h;
    struct tensor *x, *w, *norm, *b;
    float *state;    // of w: [value | m | v | flag | copy]
};

#define SCALED_IN ((struct shape){ 1, 3, 8, 8 })
#define SCALED_W ((struct shape){ 4, 3, 4, 4 })

static const struct optimizer adam = {
    .kind = OPTIMIZER_ADAM, .beta1 = 0.5, .beta2 = 0.999, .epsilon = 1e-8
};

// A convolution, a norm and a loss, with each kind of update: fused and alone.
static void scaled_begin(struct scaled *s, bool is_fused, enum optimizer_kind kind,
                         float loss_weight)
{
    struct random r;
    random_init(&r, 7, 7);
    harness_begin(&s->h);
    struct harness *h = &s->h;
    struct op_limits limits = test_gpu_limits();
    if (!is_fused)
        limits.max_binding = 64;
    harness_set_limits(h, limits);
    h->weights->precision = TENSOR_F16;
    const float ones[] = { 1, 1, 1, 1 };
    const struct shape c = { 1, 4, 1, 1 };
    s->x = harness_input(h, "x", SCALED_IN, check_random_floats(&r, SCALED_IN));
    s->w = harness_weight_kind(h, WEIGHT_CONV, "w", SCALED_W,
                               check_random_floats(&r, SCALED_W));
    s->b = harness_weight_kind(h, WEIGHT_BIAS, "b", c, check_random_floats(&r, c));
    s->norm = harness_norm(h, 4, ones, ones, NULL, NULL);
    graph_store(h->graph, TENSOR_F16);
    struct tensor *y = graph_conv(h->graph, s->x, s->w, s->b, down);
    y = graph_norm(h->graph, y, s->norm,
                   (struct norm_attributes){ .kind = NORM_BATCH, .epsilon = 1e-5f });
    graph_store(h->graph, TENSOR_F32);
    graph_minimize(
        h->graph, graph_l1(h->graph, graph_scale(h->graph, y, 1.0f), NULL, loss_weight),
        h->weights,
        &(struct optimizer){ .kind = kind,
                             .beta1 = 0.5,
                             .beta2 = 0.999,
                             .epsilon = 1e-8,
                             .momentum = 0.9 });
    harness_prepare(h);
    s->state = check_memory((size_t)tensor_bytes(&s->w->weight->state));
}

static void read_state(struct scaled *s, const struct tensor *w, void *to)
{
    (void)s;
    assert_true(tensor_download(test_gpu(), &w->weight->state, to));
}

// A step whose gradients f16 cannot hold leaves every bit of weights and moments,
// halves the scale and is counted; the next one that it can hold is an update.
static void check_skip(bool is_fused, enum optimizer_kind kind)
{
    struct scaled s;
    check_case("%s %s", is_fused ? "fused" : "alone",
               kind == OPTIMIZER_ADAM ? "adam" : "sgd");
    scaled_begin(&s, is_fused, kind, 1000.0f);
    const struct tensor *weights[] = { s.w, s.b, s.norm };
    void *before[3], *after[3];
    for (int i = 0; i < 3; i++) {
        const size_t bytes = (size_t)tensor_bytes(&weights[i]->weight->state);
        before[i] = check_memory(bytes);
        after[i] = check_memory(bytes);
        read_state(&s, weights[i], before[i]);
    }
    struct scaler_block b = read_scaler(&s.h);
    assert_true(b.scale == (float)SCALER_FIRST && b.beta1_power == 1);
    set_scale(&s.h, 0x1p23f);
    uint32_t skipped = 0;
    do {
        harness_run(&s.h);
        b = read_scaler(&s.h);
        skipped += b.skip;
        assert_int_equal(b.skipped, skipped);
        assert_int_equal(b.overflow, 0);
        assert_int_equal(b.steps, !b.skip);
        assert_true(b.scale == ldexpf(1, 23 - (int)skipped));
        for (int i = 0; b.skip && i < 3; i++) {
            read_state(&s, weights[i], after[i]);
            assert_memory_equal(before[i], after[i],
                                tensor_bytes(&weights[i]->weight->state));
        }
    } while (b.skip && skipped < 30);
    assert_true(skipped > 2 && skipped < 30);
    for (int i = 0; i < 3; i++) {
        read_state(&s, weights[i], after[i]);
        assert_memory_not_equal(before[i], after[i],
                                tensor_bytes(&weights[i]->weight->value));
    }
    harness_end(&s.h);
}

static void test_skip(void **state)
{
    (void)state;
    need_storage();
    for (int fused = 0; fused < 2; fused++) {
        check_skip(fused, OPTIMIZER_ADAM);
        check_skip(fused, OPTIMIZER_SGD);
    }
}

// An activation that f16 cannot hold, where tanh hides it from the loss and its
// gradient: that of the last weight is 0 times infinite. It is the sum of a
// convolution, or by a norm's scale of what had another.
static void check_hidden_overflow(bool marks, bool by_norm)
{
    static const struct conv_attributes last = {
        .kernel = 1, .stride = 1, .tanh = true, .full_weight = true, .full_output = true
    };
    const struct shape shape = { 1, 1, 1, 2 }, one_number = { 1, 1, 1, 1 };
    const float large[] = { 400, -300 }, factor[] = { 400 }, one[] = { 1 };
    const float small[] = { 4, -3 }, zero[] = { 0 }, scale[] = { 1e6f };
    struct harness h;
    check_case("%s, %s", by_norm ? "norm" : "convolution",
               marks ? "marked" : "unmarked");
    harness_begin(&h);
    h.weights->precision = TENSOR_F16;
    struct tensor *x = harness_input(&h, "x", shape, by_norm ? small : large);
    struct tensor *v = harness_weight_kind(&h, WEIGHT_CONV, "v", one_number, factor);
    struct tensor *w = harness_weight_kind(&h, WEIGHT_CONV, "w", one_number, one);
    struct tensor *norm = harness_norm(&h, 1, scale, zero, NULL, NULL);
    graph_store(h.graph, TENSOR_F16);
    graph_mark(h.graph, marks ? h.weights : NULL);
    struct tensor *y = graph_conv(h.graph, x, v, NULL,
                                  (struct conv_attributes){ .kernel = 1, .stride = 1 });
    if (by_norm)
        y = graph_norm(
            h.graph, y, norm,
            (struct norm_attributes){ .kind = NORM_BATCH, .epsilon = 1e-5f });
    y = graph_conv(h.graph, y, w, NULL, last);
    graph_store(h.graph, TENSOR_F32);
    graph_mark(h.graph, NULL);
    graph_minimize(h.graph, graph_l1(h.graph, y, NULL, 1.0f), h.weights, &adam);
    harness_prepare(&h);
    harness_run(&h);
    float after;
    assert_true(tensor_download(test_gpu(), w, &after));
    assert_int_equal(read_scaler(&h).skipped, marks);
    // Unmarked it is what this is about.
    assert_true(marks ? after == 1.0f : isnan(after));
    harness_end(&h);
}

static void test_hidden_overflow(void **state)
{
    (void)state;
    need_storage();
    for (int marks = 0; marks < 2; marks++)
        for (int by_norm = 0; by_norm < 2; by_norm++)
            check_hidden_overflow(marks, by_norm);
}

// Running statistics do not follow activations that f16 cannot hold: the update is left
// out, and they would never be finite again.
static void test_running_overflow(void **state)
{
    const struct shape shape = { 1, 1, 1, 2 }, one_number = { 1, 1, 1, 1 };
    const float values[] = { 400, -300 }, factors[] = { 100, 400 };
    const float one[] = { 1 }, zero[] = { 0 };
    (void)state;
    need_storage();
    for (int overflows = 0; overflows < 2; overflows++) {
        struct harness h;
        harness_begin(&h);
        h.weights->precision = TENSOR_F16;
        struct tensor *x = harness_input(&h, "x", shape, values);
        struct tensor *v =
            harness_weight_kind(&h, WEIGHT_CONV, "v", one_number, &factors[overflows]);
        struct tensor *norm = harness_norm(&h, 1, one, zero, zero, one);
        graph_store(h.graph, TENSOR_F16);
        graph_mark(h.graph, h.weights);
        struct tensor *y = graph_conv(
            h.graph, x, v, NULL, (struct conv_attributes){ .kernel = 1, .stride = 1 });
        y = graph_norm(h.graph, y, norm,
                       (struct norm_attributes){ .kind = NORM_BATCH,
                                                 .epsilon = 1e-5f,
                                                 .momentum = 0.1f,
                                                 .update_running = true });
        graph_store(h.graph, TENSOR_F32);
        graph_mark(h.graph, NULL);
        y = graph_scale(h.graph, y, 1.0f);
        graph_minimize(h.graph, graph_l1(h.graph, y, NULL, 1.0f), h.weights, &adam);
        harness_prepare(&h);
        harness_run(&h);
        const struct norm_weights *n = norm->weight->norm;
        float mean, variance;
        assert_true(tensor_download(test_gpu(), &n->mean->value, &mean));
        assert_true(tensor_download(test_gpu(), &n->variance->value, &variance));
        assert_int_equal(read_scaler(&h).skipped, overflows);
        assert_int_equal(mean == 0, overflows);
        assert_int_equal(variance == 1, overflows);
        harness_end(&h);
    }
}

// Powers of two cancel: the scale does not change a bit of an update, unless it is so
// small that gradients of f16 lose bits.
static void test_scale_cancels(void **state)
{
    (void)state;
    need_storage();
    float *states[2];
    for (int i = 0; i < 2; i++) {
        struct scaled s;
        scaled_begin(&s, true, OPTIMIZER_ADAM, 1.0f);
        set_scale(&s.h, i ? 1024.0f : 256.0f);
        for (int step = 0; step < 3; step++)
            harness_run(&s.h);
        const struct scaler_block b = read_scaler(&s.h);
        assert_int_equal(b.steps, 3);
        assert_int_equal(b.good, 3);
        assert_true(b.beta1_power == 0.125f);
        read_state(&s, s.w, s.state);
        states[i] = s.state;
        if (i)
            check_same("w", states[1], states[0], SCALED_W);
        harness_end(&s.h);
    }
}

// After SCALER_PATIENCE updates in a row the scale doubles.
static void test_patience(void **state)
{
    (void)state;
    need_storage();
    struct scaled s;
    scaled_begin(&s, true, OPTIMIZER_ADAM, 1.0f);
    set_scale(&s.h, 64.0f);
    struct scaler_block b = read_scaler(&s.h);
    b.good = SCALER_PATIENCE - 2;
    assert_true(tensor_upload(test_gpu(), &s.h.weights->scaler, &b));
    harness_run(&s.h);
    assert_true(read_scaler(&s.h).scale == 64.0f);
    harness_run(&s.h);
    b = read_scaler(&s.h);
    assert_true(b.scale == 128.0f);
    assert_int_equal(b.good, 0);
    harness_end(&s.h);
}

// ---------------------------------------------------------------------------
// The choice

static void note(void *user, enum log_level level, const char *text)
{
    (void)level;
    snprintf(user, LOG_LINE_SIZE, "%s", text);
}

// What is made of a precision on devices with matrix units for f16 and bf16 or without,
// and what is said: auto never is bf16, and each has its own units.
static void test_choice(void **state)
{
    static const char *const names[] = { "f32", "f16", "bf16", "auto" };
    static struct gpu_device device = { .info = { .name = "Fake" } };
    (void)state;
    for (int i = 0; i < 4 * 8; i++) {
        char text[LOG_LINE_SIZE] = "";
        const struct log_sink sink = { note, text, LOG_INFO };
        const enum precision asked = (enum precision)(i / 8);
        enum precision p = asked;
        const bool f16 = i & 1, bf16 = i & 2, cpu = i & 4;
        device.limits = (struct gpu_limits){ .storage16 = true, .is_cpu = cpu };
        device.limits.matrix.f16 =
            (struct gpu_matrix_product){ .m = f16 ? 16 : 0,
                                         .why_not = f16 ? NULL : "no units for f16" };
        device.limits.matrix.bf16 =
            (struct gpu_matrix_product){ .m = bf16 ? 16 : 0,
                                         .why_not = bf16 ? NULL : "no units for bf16" };
        const struct log_sink *outer = log_use(&sink);
        assert_true(precision_resolve(&device, "test", &p));
        log_use(outer);
        check_case("%s, f16 %d, bf16 %d, CPU %d: %s", names[asked], f16, bf16, cpu,
                   text);
        const bool has = (asked == PRECISION_BF16 ? bf16 : f16) && !cpu;
        const bool warned = strstr(text, "is not faster than f32 here") != NULL;
        const char *reason = strstr(text, asked == PRECISION_BF16 ? "no units for bf16"
                                                                  : "no units for f16");
        bool ok = p == asked && warned == !has;
        if (asked == PRECISION_AUTO)
            ok = p == (has ? PRECISION_F16 : PRECISION_F32) &&
                 strstr(text, has ? "auto is f16" : "auto is f32");
        else if (asked == PRECISION_F32)
            ok = p == PRECISION_F32 && !text[0];
        if (ok && asked != PRECISION_F32 && !has)
            ok = reason || strstr(text, "it is a software driver");
        if (!ok)
            fail_msg("%s", check_case_name());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_ops),
        check_test(test_convolutions),
        check_test(test_copies),
        check_test(test_networks),
        check_test(test_skip),
        check_test(test_scale_cancels),
        check_test(test_patience),
        check_test(test_hidden_overflow),
        check_test(test_running_overflow),
        check_test(test_choice),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
