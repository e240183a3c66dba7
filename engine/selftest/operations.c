// SPDX-License-Identifier: MIT
//
// Operations that are in no golden step, against PyTorch (golden_operations.h): those
// of classes, masks of dropout, the other optimiser, moving averages, augmentation, and
// what LPIPS has beside convolutions. Each is run twice, and must give the same bits.

#include "selftest/inside.h"

#include "base/mem.h"
#include "gpu/device.h"
#include "graph/graph.h"
#include "program/program.h"
#include "selftest/golden.h"
#include "selftest/golden_operations.h"
#include "shared/pixels.h"
#include "tensor/weights.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// As tests/golden/operations.py has them.
static const struct shape usual = { 2, 5, 6, 7 };
static const struct shape images = { 2, 3, 9, 12 };
static const float rates[] = { 20, 15, 10 };

#define STEP 3
#define SEED_LOW 0x01234567
#define SEED_HIGH 0x89abcdef
#define DROPOUT 0.3f
#define CROSS_ENTROPY 2.5f
#define MOMENTUM 0.9
#define DECAY 0.8f

#define SAMPLES 2
#define IMAGE_H 9
#define IMAGE_W 11
#define IMAGE_BYTES (3 * IMAGE_H * IMAGE_W)
#define SAMPLE_BYTES ((IMAGE_BYTES + 3) / 4 * 4)
#define CROP_H 8
#define CROP_W 7
#define TOUCHED 2

#define OPERANDS 4

struct operation_run;

struct operation {
    const char *name;
    const struct golden_operation *golden;
    const char *outputs[GOLDEN_OUTPUTS];    // what they are, in messages
    bool (*build)(struct operation_run *r);
    uint32_t steps;
    bool has_formats;    // networks have it in 16 bits as well
    // What may be wrong in f32, in parts of the largest number of an output: cosines
    // are right to 2^-11 in Vulkan.
    double tolerance;
};

// What the host writes: `fill` makes its numbers.
struct operand {
    struct tensor *tensor;
    const char *name;
    double scale, offset;
    void (*fill)(const struct operand *o, void *to);
};

struct operation_run {
    const struct operation *of;
    enum tensor_format format;
    struct program *program;
    struct weights *weights;
    struct operand operands[OPERANDS];
    size_t operand_count;
    // Of the program, or parts of the weight, which are read from the device.
    struct output {
        struct tensor *tensor;
        bool is_of_weight;
    } outputs[GOLDEN_OUTPUTS];
    size_t output_count;
    float *numbers[2];    // all outputs, of both runs
    size_t count;
};

// ---------------------------------------------------------------------------
// Operands and outputs

static void fill_formula(const struct operand *o, void *to)
{
    golden_weight(o->name, shape_count(o->tensor->shape), o->scale, o->offset, to);
}

// 1 in the channel of each pixel's class, else -1.
static void fill_classes(const struct operand *o, void *to)
{
    const struct shape s = o->tensor->shape;
    const uint64_t seed = golden_hash("classes");
    const uint32_t plane = s.h * s.w;
    float *values = to;
    for (uint32_t i = 0; i < s.n * plane; i++) {
        const uint32_t class = (uint32_t)(golden_splitmix(seed, i) % s.c);
        for (uint32_t c = 0; c < s.c; c++)
            values[(i / plane * s.c + c) * plane + i % plane] = c == class ? 1 : -1;
    }
}

static void fill_pixels(const struct operand *o, void *to)
{
    const uint64_t seed = golden_hash("augmentation");
    uint8_t *pixels = to;
    memset(pixels, 0, (size_t)tensor_bytes(o->tensor));
    for (uint32_t n = 0; n < SAMPLES; n++)
        for (uint32_t i = 0; i < IMAGE_BYTES; i++)
            pixels[n * SAMPLE_BYTES + i] =
                (uint8_t)(golden_splitmix(seed, n * IMAGE_BYTES + i) >> 56);
}

static void fill_jitter(const struct operand *o, void *to)
{
    static const float numbers[SAMPLES][PIXELS_KEY] = {
        { 0.0f, 0.83f, -0.71f, 0.0f, 1.1f, 7.9f, 1.25f, -0.1f, 0.1f },
        { 0.9f, 0.2f, -0.15f, 1.2f, -0.6f, 0.45f, 0.8f, 0.2f, 0.05f },
    };
    static const uint32_t keys[SAMPLES][2] = { { 0x9e3779b9, 7 }, { 3, 0xfffffffe } };
    uint8_t *sample = to;
    memset(to, 0, (size_t)tensor_bytes(o->tensor));
    for (uint32_t n = 0; n < SAMPLES; n++, sample += PIXELS_AUGMENT * sizeof(float)) {
        memcpy(sample, numbers[n], sizeof(numbers[n]));
        memcpy(sample + sizeof(numbers[n]), keys[n], sizeof(keys[n]));
    }
}

static struct tensor *add_operand(struct operation_run *r, struct tensor *t,
                                  struct operand o)
{
    assert(r->operand_count < OPERANDS);
    o.tensor = t;
    r->operands[r->operand_count++] = o;
    return t;
}

static struct tensor *add_input(struct operation_run *r, struct shape s,
                                enum tensor_format format, struct operand o)
{
    struct tensor *t = graph_input(program_graph(r->program), o.name, s, format);
    program_upload(r->program, t);
    return add_operand(r, t, o);
}

// By the formula of the name.
static struct tensor *add_numbers(struct operation_run *r, struct shape s,
                                  const char *name, double scale, double offset)
{
    return add_input(
        r, s, TENSOR_F32,
        (struct operand){
            .name = name, .scale = scale, .offset = offset, .fill = fill_formula });
}

// A tensor with a gradient.
static struct tensor *add_trained(struct operation_run *r, struct shape s,
                                  const char *name, double scale)
{
    struct tensor *t = weights_add(r->weights, WEIGHT_CONV, s, "%s", name);
    return add_operand(
        r, t, (struct operand){ .name = name, .scale = scale, .fill = fill_formula });
}

static void look_at(struct operation_run *r, struct tensor *t)
{
    assert(r->output_count < GOLDEN_OUTPUTS);
    graph_keep(program_graph(r->program), t);
    program_download(r->program, t);
    r->outputs[r->output_count++] = (struct output){ .tensor = t };
}

static void look_at_weight(struct operation_run *r, struct tensor *part)
{
    assert(r->output_count < GOLDEN_OUTPUTS);
    r->outputs[r->output_count++] =
        (struct output){ .tensor = part, .is_of_weight = true };
}

// The loss is made of y, the output; x is what it is derived by.
static bool look_at_both(struct operation_run *r, struct tensor *x, struct tensor *y,
                         struct tensor *loss)
{
    struct graph *g = program_graph(r->program);
    if (graph_failed(g) || r->weights->failed)
        return false;
    graph_backward(g, loss, r->weights);
    look_at(r, y);
    look_at_weight(r, &x->weight->gradient);
    return !graph_failed(g);
}

// ---------------------------------------------------------------------------
// Operations

static bool build_softmax(struct operation_run *r)
{
    struct graph *g = program_graph(r->program);
    struct tensor *x = add_trained(r, usual, "softmax.x", 4);
    struct tensor *y = graph_softmax(g, x);
    return look_at_both(r, x, y,
                        graph_mse(g, y, add_numbers(r, usual, "softmax.target", 1, 0)));
}

static bool build_cross_entropy(struct operation_run *r)
{
    struct graph *g = program_graph(r->program);
    struct tensor *x = add_trained(r, usual, "softmax.x", 4);
    struct tensor *classes =
        add_input(r, usual, TENSOR_F32,
                  (struct operand){ .name = "classes", .fill = fill_classes });
    struct tensor *loss = graph_cross_entropy(g, x, classes, CROSS_ENTROPY);
    return look_at_both(r, x, loss, loss);
}

// From floats to the format of the run, and back.
static struct tensor *begin_format(struct operation_run *r, struct tensor *x)
{
    struct graph *g = program_graph(r->program);
    if (r->format == TENSOR_F32)
        return x;
    graph_store(g, r->format);
    return graph_scale(g, x, 1.0f);
}

static struct tensor *end_format(struct operation_run *r, struct tensor *y)
{
    struct graph *g = program_graph(r->program);
    if (r->format == TENSOR_F32)
        return y;
    graph_store(g, TENSOR_F32);
    return graph_scale(g, y, 1.0f);
}

static bool build_dropout(struct operation_run *r)
{
    struct graph *g = program_graph(r->program);
    struct tensor *x = add_trained(r, usual, "dropout.x", 1);
    struct tensor *y = end_format(r, graph_dropout(g, begin_format(r, x), DROPOUT));
    return look_at_both(r, x, y, graph_mse(g, y, NULL));
}

// As the networks have it: norm, ReLU and dropout in one.
static bool build_dropout_of_norm(struct operation_run *r)
{
    struct graph *g = program_graph(r->program);
    struct tensor *x = add_trained(r, usual, "dropout.x", 1);
    struct tensor *scale = weights_add_norm(r->weights, usual.c, "norm");
    if (r->weights->failed)
        return false;
    const struct norm_weights *norm = scale->weight->norm;
    add_operand(
        r, scale,
        (struct operand){
            .name = "norm.scale", .scale = 0.5, .offset = 1, .fill = fill_formula });
    add_operand(
        r, &norm->shift->value,
        (struct operand){ .name = "norm.shift", .scale = 0.5, .fill = fill_formula });
    const struct norm_attributes attr = {
        .kind = NORM_BATCH, .epsilon = 1e-5f, .leaky = true, .dropout = DROPOUT
    };
    struct tensor *y = end_format(r, graph_norm(g, begin_format(r, x), scale, attr));
    return look_at_both(r, x, y,
                        graph_mse(g, y, add_numbers(r, usual, "dropout.target", 1, 0)));
}

static struct tensor *descend(struct operation_run *r)
{
    struct graph *g = program_graph(r->program);
    const struct optimizer sgd = { .kind = OPTIMIZER_SGD, .momentum = MOMENTUM };
    struct tensor *w = add_trained(r, usual, "sgd.w", 1);
    struct tensor *loss = graph_mse(g, w, add_numbers(r, usual, "sgd.target", 1, 0));
    if (graph_failed(g) || r->weights->failed)
        return NULL;
    graph_minimize(g, loss, r->weights, &sgd);
    return w;
}

static bool build_sgd(struct operation_run *r)
{
    struct tensor *w = descend(r);
    if (!w)
        return false;
    look_at_weight(r, w);
    look_at_weight(r, &w->weight->m);
    return !graph_failed(program_graph(r->program));
}

static bool build_average(struct operation_run *r)
{
    r->weights->keeps_average = true;
    struct tensor *w = descend(r);
    if (!w)
        return false;
    graph_average(program_graph(r->program), r->weights, DECAY);
    look_at_weight(r, &w->weight->average);
    return !graph_failed(program_graph(r->program));
}

// Quarter turns, scales and edges, bilinear and nearest; two of three channels with
// other brightness, contrast and noise.
static bool build_augmentation(struct operation_run *r)
{
    struct graph *g = program_graph(r->program);
    struct pixels_attributes attr = {
        .kind = PIXEL_U8,
        .channels = 3,
        .side_h = IMAGE_H,
        .side_w = IMAGE_W,
        .sample_bytes = SAMPLE_BYTES,
        .is_augmented = true,
        .touched = TOUCHED,
    };
    struct tensor *pixels =
        add_input(r, (struct shape){ SAMPLES, SAMPLE_BYTES, 1, 1 }, TENSOR_U8,
                  (struct operand){ .name = "pixels", .fill = fill_pixels });
    struct tensor *jitter =
        add_input(r, (struct shape){ SAMPLES, 1, 1, PIXELS_AUGMENT }, TENSOR_F32,
                  (struct operand){ .name = "jitter", .fill = fill_jitter });
    for (int i = 0; i < GOLDEN_OUTPUTS && !graph_failed(g); i++) {
        attr.nearest = i == 1;
        look_at(r, graph_pixels_unpack(g, pixels, jitter, CROP_H, CROP_W, attr));
    }
    return !graph_failed(g);
}

static struct tensor *features(struct graph *g, struct tensor *x)
{
    // Of formulas: 2 +- 0.5 and +- 0.5.
    struct affine_attributes affine;
    golden_weight("distance.scale", AFFINE_CHANNELS, 0.5, 2, affine.scale);
    golden_weight("distance.shift", AFFINE_CHANNELS, 0.5, 0, affine.shift);
    const struct pool_attributes pool = { .kernel = 3, .stride = 2, .ceil = true };
    return graph_unit(g, graph_pool(g, graph_affine(g, x, &affine), pool));
}

static bool build_distance(struct operation_run *r)
{
    struct graph *g = program_graph(r->program);
    struct tensor *a = add_trained(r, images, "distance.a", 1);
    struct tensor *b = add_numbers(r, images, "distance.b", 1, 0);
    struct tensor *heads =
        add_numbers(r, (struct shape){ 1, images.c, 1, 1 }, "distance.w", 0.5, 1);
    struct tensor *y = graph_distance(g, features(g, a), features(g, b), heads);
    return look_at_both(r, a, y, y);
}

#define ROW(title, id, first, second, runs, in_16, most)                               \
    {                                                                                  \
        .name = title, .golden = &golden_##id, .outputs = { first, second },           \
        .build = build_##id, .steps = runs, .has_formats = in_16, .tolerance = most    \
    }

static const struct operation operations[] = {
    ROW("softmax", softmax, "output", "gradient", 1, false, 2e-5),
    ROW("cross entropy", cross_entropy, "loss", "gradient", 1, false, 2e-5),
    ROW("dropout", dropout, "output", "gradient", 1, true, 1e-5),
    ROW("dropout after a norm", dropout_of_norm, "output", "gradient", 1, true, 2e-5),
    ROW("SGD", sgd, "weight", "momentum", ARRAY_LEN(rates), false, 1e-5),
    ROW("moving average", average, "average", NULL, ARRAY_LEN(rates), false, 1e-5),
    ROW("augmentation", augmentation, "bilinear image", "nearest pixels", 1, false,
        1e-3),
    ROW("LPIPS distance", distance, "distance", "gradient", 1, false, 2e-5),
};

const char *operations_name(size_t i)
{
    return i < ARRAY_LEN(operations) ? operations[i].name : NULL;
}

// ---------------------------------------------------------------------------
// Runs

static void run_end(struct operation_run *r)
{
    program_destroy(r->program);
    weights_destroy(r->weights);
    for (size_t i = 0; i < ARRAY_LEN(r->numbers); i++)
        mem_free(r->numbers[i]);
    *r = (struct operation_run){ 0 };
}

static bool build(const struct selftest *t, struct operation_run *r)
{
    const struct program_options options = {
        .device = t->device,
        .submission_seconds = t->submission_seconds,
    };
    r->program = program_create(&options);
    r->weights = weights_create(false);
    if (!r->program || !r->weights || !r->of->build(r))
        return false;
    for (size_t i = 0; i < r->output_count; i++)
        r->count += (size_t)shape_count(r->outputs[i].tensor->shape);
    for (size_t i = 0; i < ARRAY_LEN(r->numbers); i++) {
        r->numbers[i] = mem_array(r->count, sizeof(r->numbers[i][0]));
        if (!r->numbers[i])
            return false;
    }
    return program_plan(r->program, &r->weights, 1, NULL);
}

static bool zero(const struct selftest *t, struct tensor *to)
{
    void *zeros = mem_zalloc((size_t)tensor_bytes(to));
    const bool ok = zeros && tensor_upload(t->device, to, zeros);
    mem_free(zeros);
    return ok;
}

static bool write_operand(const struct selftest *t, const struct operation_run *r,
                          const struct operand *o)
{
    struct weight *w = o->tensor->weight;
    if (!w) {
        o->fill(o, program_input(r->program, 0, o->tensor));
        return true;
    }
    void *values = mem_alloc((size_t)tensor_bytes(o->tensor));
    if (values)
        o->fill(o, values);
    const bool ok =
        values && tensor_upload(t->device, o->tensor, values) && zero(t, &w->m);
    mem_free(values);
    return ok;
}

static bool read_output(const struct selftest *t, const struct operation_run *r,
                        const struct output *o, float *to)
{
    if (o->is_of_weight)
        return tensor_download(t->device, o->tensor, to);
    memcpy(to, program_output(r->program, 0, o->tensor),
           (size_t)tensor_bytes(o->tensor));
    return true;
}

// From the first step on.
static bool run(const struct selftest *t, struct operation_run *r, float *numbers)
{
    for (size_t i = 0; i < r->operand_count; i++)
        if (!write_operand(t, r, &r->operands[i]))
            return false;
    if (r->weights->keeps_average && !weights_copy_to_average(r->weights, t->device))
        return false;
    for (uint32_t s = 0; s < r->of->steps; s++) {
        const struct step_block block = {
            .step = STEP, .seed_low = SEED_LOW, .seed_high = SEED_HIGH, .lr = rates[s]
        };
        if (!program_run(r->program, &block))
            return false;
    }
    for (size_t i = 0; i < r->output_count; i++) {
        if (!read_output(t, r, &r->outputs[i], numbers))
            return false;
        numbers += shape_count(r->outputs[i].tensor->shape);
    }
    return true;
}

// ---------------------------------------------------------------------------
// Comparison

struct verdict {
    double error;    // in parts of the allowed one
    bool failed;
    char text[256];
};

// A mask that is wrong, or a term that is missing, changes a number by its own size.
static double tolerance_of(const struct operation_run *r)
{
    return r->format == TENSOR_F16    ? 0.004
           : r->format == TENSOR_BF16 ? 0.03
                                      : r->of->tolerance;
}

static void check_array(const struct operation_run *r, size_t which,
                        const float *numbers, struct verdict *v)
{
    const struct golden_array *golden = &r->of->golden->outputs[which];
    assert(golden->count == shape_count(r->outputs[which].tensor->shape));
    double largest = 0;
    for (size_t i = 0; i < golden->count; i++)
        largest = fmax(largest, fabs((double)golden->values[i]));
    const double most = largest * tolerance_of(r);
    for (size_t i = 0; i < golden->count && !v->failed; i++) {
        const double off = fabs((double)numbers[i] - (double)golden->values[i]);
        if (off <= most) {
            v->error = fmax(v->error, off / most);
            continue;
        }
        v->failed = true;
        snprintf(v->text, sizeof(v->text), "%s: number %zu is %.7g, PyTorch has %.7g",
                 r->of->outputs[which], i, (double)numbers[i],
                 (double)golden->values[i]);
    }
}

static bool check(struct selftest *t, struct operation_run *r, struct verdict *v)
{
    if (!build(t, r) || !weights_allocate(r->weights, t->device) ||
        !program_start(r->program) || !run(t, r, r->numbers[0]) ||
        !run(t, r, r->numbers[1]))
        return false;
    if (memcmp(r->numbers[0], r->numbers[1], r->count * sizeof(float)) != 0) {
        v->failed = true;
        snprintf(v->text, sizeof(v->text), "two runs give different numbers");
        return true;
    }
    const char *corrupt = t->options->corrupt;
    const float *numbers = r->numbers[0];
    // The caller wants the results corrupted, to see the alarm: the highest bit of the
    // exponent.
    if (corrupt && strcmp(corrupt, r->of->name) == 0) {
        uint32_t bits;
        memcpy(&bits, numbers, sizeof(bits));
        bits ^= UINT32_C(1) << 30;
        memcpy(r->numbers[0], &bits, sizeof(bits));
        t->has_corrupted = true;
    }
    for (size_t i = 0; i < r->output_count; i++) {
        check_array(r, i, numbers, v);
        numbers += r->of->golden->outputs[i].count;
    }
    return true;
}

static bool test_operation(struct selftest *t, const struct operation *o,
                           enum tensor_format format)
{
    struct selftest_attempt attempt;
    struct verdict v = { 0 };
    struct operation_run r = { .of = o, .format = format };
    if (!selftest_begin(t, o->name))
        return false;
    selftest_try(&attempt);
    const bool ok = check(t, &r, &v);
    const size_t count = r.count;
    run_end(&r);
    if (!selftest_catch(t, &attempt, ok, o->name, v.text, sizeof(v.text)))
        return false;
    v.failed |= !ok;
    return selftest_report(
        t, &(struct pix_selftest_row){
               .part = PIX_SELFTEST_OPERATION,
               .name = o->name,
               .direction = "",
               .precision = selftest_format_name(format),
               .outcome = v.failed ? PIX_SELFTEST_FAILED : PIX_SELFTEST_PASSED,
               .cases = (uint32_t)count,
               .error = v.error,
               .text = v.text,
               .unit = "",
           });
}

// What is tested, in order.
struct row {
    const struct operation *of;
    enum tensor_format format;
};
#define MOST_ROWS (ARRAY_LEN(operations) * SELFTEST_FORMATS)

static size_t list_rows(const struct selftest *t, struct row rows[MOST_ROWS])
{
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
        const struct operation *o = &operations[i];
        if (!selftest_wants(t, PIX_SELFTEST_OPERATION, o->name))
            continue;
        for (size_t f = 0; f < (o->has_formats ? SELFTEST_FORMATS : 1u); f++)
            if (selftest_has_format(t, selftest_formats[f]))
                rows[count++] = (struct row){ o, selftest_formats[f] };
    }
    return count;
}

// The kernels of all rows at once. What cannot be built is left to the test.
static bool compile(struct selftest *t, const struct row *rows, size_t count)
{
    struct operation_run runs[MOST_ROWS];
    struct program *programs[MOST_ROWS] = { NULL };
    size_t built = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        struct selftest_attempt attempt;
        char text[64];
        runs[built] =
            (struct operation_run){ .of = rows[i].of, .format = rows[i].format };
        selftest_try(&attempt);
        const bool is_built = build(t, &runs[built]);
        ok =
            selftest_catch(t, &attempt, is_built, rows[i].of->name, text, sizeof(text));
        if (is_built && ok)
            programs[built] = runs[built].program, built++;
        else
            run_end(&runs[built]);
    }
    ok = ok && selftest_compile(t, programs, built);
    while (built > 0)
        run_end(&runs[--built]);
    return ok;
}

bool operations_test(struct selftest *t)
{
    struct row rows[MOST_ROWS];
    const size_t count = list_rows(t, rows);
    bool ok = compile(t, rows, count);
    for (size_t i = 0; ok && i < count; i++)
        ok = test_operation(t, rows[i].of, rows[i].format);
    return ok;
}
