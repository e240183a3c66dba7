// SPDX-License-Identifier: MIT
//
// Training steps against PyTorch's losses and gradients (golden_steps.h): what is
// beside and around convolutions. Each is run three times: the second time, and in
// pieces, it must give the same bits.

#include "selftest/inside.h"

#include "base/mem.h"
#include "gpu/device.h"
#include "graph/exec.h"
#include "ops/conv_variant.h"
#include "program/program.h"
#include "selftest/golden.h"
#include "selftest/golden_steps.h"
#include "shared/scaler.h"
#include "train/objective.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SIDE 32
#define CHANNELS 3
#define IMAGE (CHANNELS * SIDE * SIDE)
#define LEARNING_RATE 2e-4

// Of f16, so small that no gradient overflows: a step that is skipped shows nothing.
#define LOSS_SCALE 256.0f

struct step_case {
    const char *name;
    const struct golden_steps *golden;
    struct generator_options generator;
    enum model_norm norm_d;
    enum gan_mode gan;
    uint32_t pairs;
};

#define UNET(how)                                                                      \
    {                                                                                  \
        .kind = GENERATOR_UNET, .levels = 5, .ngf = 4, .channels_in = CHANNELS,        \
        .channels_out = CHANNELS, .norm = MODEL_NORM_BATCH, .no_dropout = true,        \
        .resize = (how)                                                                \
    }

static const struct step_case cases[] = {
    { "U-Net, batch norm, vanilla GAN", &golden_unet_batch, UNET(false),
      MODEL_NORM_BATCH, GAN_VANILLA, 2 },
    { "ResNet, instance norm, lsgan",
      &golden_resnet_instance,
      { .kind = GENERATOR_RESNET,
        .blocks = 6,
        .ngf = 4,
        .channels_in = CHANNELS,
        .channels_out = CHANNELS,
        .norm = MODEL_NORM_INSTANCE,
        .no_dropout = true },
      MODEL_NORM_INSTANCE,
      GAN_LSGAN,
      1 },
    { "U-Net, upsampling, wgangp", &golden_resize_wgangp, UNET(true), MODEL_NORM_NONE,
      GAN_WGANGP, 2 },
};

// A run of all steps. The second and third are compared by `numbers`.
struct step_run {
    const struct step_case *of;
    enum tensor_format format;
    double submission_seconds;
    const struct conv_variant *force;    // NULL: the built-in choice
    struct program *program;
    struct weights *networks[2];    // G, D
    struct objective objective;
    double losses[GOLDEN_STEPS][GOLDEN_LOSSES];
    // Losses, then the first moments after the first step, then values after the last.
    float *numbers;
    size_t count, capacity;
};

static void run_end(struct step_run *r)
{
    program_destroy(r->program);
    weights_destroy(r->networks[0]);
    weights_destroy(r->networks[1]);
    mem_free(r->numbers);
    r->program = NULL;
    r->networks[0] = r->networks[1] = NULL;
    r->numbers = NULL;
    r->count = r->capacity = 0;
}

// ---------------------------------------------------------------------------
// Before the first step

static bool build(const struct selftest *t, struct step_run *r)
{
    const struct step_case *c = r->of;
    struct op_limits limits = plan_op_limits(t->device);
    limits.force = r->force;
    const struct program_options program_options = {
        .device = t->device,
        .submission_seconds = r->submission_seconds,
        .limits = &limits,
    };
    const struct objective_options options = {
        .generator = c->generator,
        .discriminator = { .layers = 3, .ndf = 4, .norm = c->norm_d },
        .gan = c->gan,
        .batch = c->pairs,
        .load_h = SIDE,
        .load_w = SIDE,
        .crop_h = SIDE,
        .crop_w = SIDE,
        .lambda_l1 = 100,
        .lambda_gp = c->gan == GAN_WGANGP ? 10 : 0,
        .gp_alpha = (float)c->golden->alpha,
        .optimizer = { OPTIMIZER_ADAM, 0.5, 0.999, 1e-8, 0 },
    };
    r->program = program_create(&program_options);
    for (int i = 0; i < 2; i++) {
        r->networks[i] = weights_create(false);
        if (r->networks[i])
            r->networks[i]->precision = r->format;
    }
    if (!r->program || !r->networks[0] || !r->networks[1])
        return false;
    const struct objective *o = &r->objective;
    if (!objective_build(program_graph(r->program), r->networks[0], r->networks[1],
                         &options, &r->objective))
        return false;
    program_upload(r->program, o->pixels);
    program_upload(r->program, o->jitter);    // stays zero: nothing is cropped
    program_download(r->program, o->loss_d);
    program_download(r->program, o->loss_g_gan);
    program_download(r->program, o->loss_g_l1);
    program_download(r->program, o->loss_d_gp);
    return program_plan(r->program, r->networks, 2, NULL);
}

static bool start(const struct selftest *t, struct step_run *r)
{
    return weights_allocate(r->networks[0], t->device) &&
           weights_allocate(r->networks[1], t->device) && program_start(r->program);
}

static bool upload_weight(const struct selftest *t, struct weight *w, char letter,
                          double scale)
{
    const uint64_t count = shape_count(w->value.shape);
    float *values = mem_array((size_t)count, sizeof(values[0]));
    char *name = mem_printf("%c.%s", letter, w->name);
    bool ok = values && name;
    if (ok) {
        golden_start(name, w->kind == WEIGHT_CONV || w->kind == WEIGHT_CONV_TRANSPOSE,
                     w->kind == WEIGHT_NORM_SCALE || w->kind == WEIGHT_RUNNING_VARIANCE,
                     count, scale, values);
        ok = tensor_upload(t->device, &w->value, values);
    }
    mem_free(name);
    mem_free(values);
    return ok;
}

static bool upload_network(const struct selftest *t, struct weights *weights,
                           char letter, double scale)
{
    for (size_t i = 0; i < weights->count; i++)
        if (!upload_weight(t, weights->items[i], letter, scale))
            return false;
    if (weights_has_scaler(weights)) {
        struct scaler_block block;
        if (!tensor_download(t->device, &weights->scaler, &block))
            return false;
        block.scale = LOSS_SCALE;
        if (!tensor_upload(t->device, &weights->scaler, &block))
            return false;
    }
    return weights_refresh_copies(weights, t->device);
}

static bool write_pixels(struct step_run *r)
{
    const uint32_t n = r->of->pairs;
    const struct shape s = { 2 * n, CHANNELS, SIDE, SIDE };
    uint8_t *pixels = program_input(r->program, 0, r->objective.pixels);
    float *images = mem_array((size_t)shape_count(s), sizeof(images[0]));
    if (!images)
        return false;
    golden_input(s, images);
    // A sample is the input's planes and then the target's.
    for (uint32_t k = 0; k < 2 * n; k++)
        for (uint32_t i = 0; i < IMAGE; i++)
            pixels[(2 * (k % n) + k / n) * IMAGE + i] =
                (uint8_t)lround(127.5 * ((double)images[(size_t)k * IMAGE + i] + 1));
    mem_free(images);
    return true;
}

// ---------------------------------------------------------------------------
// Steps

static bool keep(struct step_run *r, const struct selftest *t,
                 const struct tensor *from)
{
    const size_t count = (size_t)shape_count(from->shape);
    if (!mem_grow(&r->numbers, &r->capacity, r->count + count, sizeof(r->numbers[0])) ||
        !tensor_download(t->device, from, r->numbers + r->count))
        return false;
    r->count += count;
    return true;
}

static bool keep_all(struct step_run *r, const struct selftest *t, bool moments)
{
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < r->networks[k]->count; i++) {
            const struct weight *w = r->networks[k]->items[i];
            if (moments && !weight_is_trained(w))
                continue;
            if (!keep(r, t, moments ? &w->m : &w->value))
                return false;
        }
    return true;
}

static void read_losses(struct step_run *r, uint32_t step)
{
    const struct objective *o = &r->objective;
    const float *d = program_output(r->program, 0, o->loss_d);
    double *losses = r->losses[step];
    losses[GOLDEN_D_FAKE] = (double)d[0];
    losses[GOLDEN_D_REAL] = (double)d[1];
    losses[GOLDEN_G_GAN] =
        (double)*(const float *)program_output(r->program, 0, o->loss_g_gan);
    losses[GOLDEN_G_L1] =
        (double)*(const float *)program_output(r->program, 0, o->loss_g_l1);
    losses[GOLDEN_D_GP] =
        o->loss_d_gp
            ? (double)*(const float *)program_output(r->program, 0, o->loss_d_gp)
            : 0;
}

// After build().
static bool run(const struct selftest *t, struct step_run *r)
{
    const struct golden_steps *golden = r->of->golden;
    if (!start(t, r) || !write_pixels(r) ||
        !upload_network(t, r->networks[0], 'G', golden->g_scale) ||
        !upload_network(t, r->networks[1], 'D', golden->d_scale))
        return false;
    for (uint32_t s = 1; s <= GOLDEN_STEPS; s++) {
        const struct step_block block = {
            .step = s,
            .lr = (float)LEARNING_RATE,
            .adam_step_size = (float)(LEARNING_RATE / (1 - pow(0.5, s))),
            .adam_root = (float)sqrt(1 - pow(0.999, s)),
        };
        if (!program_run(r->program, &block))
            return false;
        read_losses(r, s - 1);
        if (s == 1 && !keep_all(r, t, true))
            return false;
    }
    return keep_all(r, t, false);
}

// ---------------------------------------------------------------------------
// Comparison

struct verdict {
    double error;    // in parts of the allowed one
    bool failed, skipped;
    char text[400];
};

// What rounding may change: of a loss, of the length of a gradient. Of 16 bits that is
// much, since ReLUs and the L1 loss change sides: f16 was seen to change 6 % of the
// first layer's gradient, bf16 26 %. A kernel that is wrong changes all of it.
struct allowed {
    double loss, gradient;
};

static struct allowed allowed_of(enum tensor_format format)
{
    return format == TENSOR_F16    ? (struct allowed){ 0.01, 0.15 }
           : format == TENSOR_BF16 ? (struct allowed){ 0.05, 0.6 }
                                   : (struct allowed){ 1e-3, 2e-3 };
}

static void check_losses(const struct step_run *r, struct verdict *v)
{
    static const char *const names[] = {
        [GOLDEN_D_REAL] = "loss_d_real", [GOLDEN_D_FAKE] = "loss_d_fake",
        [GOLDEN_G_GAN] = "loss_g_gan",   [GOLDEN_G_L1] = "loss_g_l1",
        [GOLDEN_D_GP] = "loss_d_gp",
    };
    const struct allowed allowed = allowed_of(r->format);
    for (uint32_t s = 0; s < GOLDEN_STEPS; s++)
        for (int i = 0; i < GOLDEN_LOSSES; i++) {
            const double expected = r->of->golden->losses[s][i];
            const double off = fabs(r->losses[s][i] - expected);
            // Losses of wgangp are means that nearly cancel.
            const double most = allowed.loss * (fabs(expected) + 0.01);
            if (off <= most) {
                v->error = fmax(v->error, off / most);
            } else if (!v->failed) {
                v->failed = true;
                snprintf(v->text, sizeof(v->text),
                         "step %u: %s is %.7g, PyTorch has %.7g", (unsigned)s + 1,
                         names[i], r->losses[s][i], expected);
            }
        }
}

// The distance of a gradient from PyTorch's, estimated by sums with signs.
static double distance(const float *m, uint64_t count, const struct golden_gradient *g)
{
    const uint64_t seed = golden_hash("sketch");
    double sums[GOLDEN_SUMS] = { 0 }, square = 0;
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t bits = golden_splitmix(seed, i);
        // The first moment after a step is half the gradient.
        const double value = 2 * (double)m[i];
        for (int j = 0; j < GOLDEN_SUMS; j++)
            sums[j] += bits >> j & 1 ? -value : value;
    }
    for (int j = 0; j < GOLDEN_SUMS; j++)
        square += (sums[j] - g->sums[j]) * (sums[j] - g->sums[j]);
    return sqrt(square / GOLDEN_SUMS);
}

static const struct golden_gradient *find(const struct golden_steps *steps,
                                          const char *name)
{
    const uint64_t hash = golden_hash(name);
    for (size_t i = 0; i < steps->gradient_count; i++)
        if (steps->gradients[i].name == hash)
            return &steps->gradients[i];
    return NULL;
}

static void check_gradients(const struct step_run *r, struct verdict *v)
{
    const struct golden_steps *golden = r->of->golden;
    const struct allowed allowed = allowed_of(r->format);
    const float *m = r->numbers;
    double largest = 0;
    for (size_t i = 0; i < golden->gradient_count; i++)
        largest = fmax(largest, golden->gradients[i].length);
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < r->networks[k]->count; i++) {
            const struct weight *w = r->networks[k]->items[i];
            char name[256];
            if (!weight_is_trained(w))
                continue;
            const uint64_t count = shape_count(w->value.shape);
            snprintf(name, sizeof(name), "%c.%s", "GD"[k], w -> name);
            const struct golden_gradient *g = find(golden, name);
            // Where the true gradient is zero rounding is all there is.
            const double most = g ? allowed.gradient * (g->length + 1e-3 * largest) : 0;
            const double off = g ? distance(m, count, g) : INFINITY;
            m += count;
            if (off <= most) {
                v->error = fmax(v->error, off / most);
            } else if (!v->failed) {
                v->failed = true;
                snprintf(
                    v->text, sizeof(v->text),
                    "step 1: the gradient of %s is off by %.2g of PyTorch's, whose "
                    "length is %.4g",
                    name, off, g ? g->length : 0);
            }
        }
}

static bool is_same(const struct step_run *a, const struct step_run *b)
{
    return a->count == b->count &&
           memcmp(a->losses, b->losses, sizeof(a->losses)) == 0 &&
           memcmp(a->numbers, b->numbers, a->count * sizeof(a->numbers[0])) == 0;
}

// Runs again as `first` was run, but for the length of submissions, and compares.
static bool check_again(const struct selftest *t, const struct step_run *first,
                        double seconds, const char *different, struct verdict *v)
{
    struct step_run again = {
        .of = first->of,
        .format = first->format,
        .submission_seconds = seconds,
        .force = first->force,
    };
    const bool ok = build(t, &again) && run(t, &again);
    if (ok && !v->failed && !is_same(first, &again)) {
        v->failed = true;
        snprintf(v->text, sizeof(v->text), "%s", different);
    }
    run_end(&again);
    return ok;
}

// Whether the kernel that is forced computes any convolution of the step.
static bool is_forced(const struct selftest *t, const struct step_run *r)
{
    const struct conv_shapes *all = graph_products(program_graph(r->program));
    const struct op_limits limits = plan_op_limits(t->device);
    for (size_t i = 0; i < all->count; i++)
        if (conv_variant_fits(r->force, &limits, &all->items[i]))
            return true;
    return false;
}

static bool check_case(const struct selftest *t, struct step_run *r, struct verdict *v)
{
    if (!build(t, r))
        return false;
    v->skipped = r->force && !is_forced(t, r);
    if (v->skipped) {
        snprintf(v->text, sizeof(v->text), "not for this device, or this network");
        return true;
    }
    if (!run(t, r))
        return false;
    check_losses(r, v);
    check_gradients(r, v);
    // With a kernel of the caller's choice the numbers are what counts.
    if (v->failed || r->force)
        return true;
    if (!check_again(t, r, r->submission_seconds, "two runs give different numbers", v))
        return false;
    // Pieces are the same in every network: one shows them.
    if (r->of != &cases[0] || r->format != TENSOR_F32)
        return true;
    const double seconds = splitting_seconds(t, program_graph(r->program));
    return check_again(t, r, seconds,
                       "in pieces it gives other numbers than as a whole", v);
}

// What is tested, in order: a network, or the first one with a kernel wherever it fits.
struct step_test {
    const struct step_case *of;
    enum tensor_format format;
    const struct conv_variant *force;
};

static struct step_run run_of(const struct selftest *t, const struct step_test *test)
{
    return (struct step_run){
        .of = test->of,
        .format = test->format,
        .submission_seconds = t->submission_seconds,
        .force = test->force,
    };
}

static bool test_case(struct selftest *t, const struct step_test *test)
{
    struct selftest_attempt attempt;
    struct verdict v = { 0 };
    struct step_run r = run_of(t, test);
    const char *name = test->force ? test->force->name : test->of->name;
    if (!selftest_begin(t, name))
        return false;
    selftest_try(&attempt);
    const bool ok = check_case(t, &r, &v);
    run_end(&r);
    if (!selftest_catch(t, &attempt, ok, name, v.text, sizeof(v.text)))
        return false;
    v.failed |= !ok;
    return selftest_report(t, &(struct pix_selftest_row){
                                  .part = PIX_SELFTEST_STEP,
                                  .name = name,
                                  .direction = "",
                                  .precision = selftest_format_name(test->format),
                                  .outcome = v.failed    ? PIX_SELFTEST_FAILED
                                             : v.skipped ? PIX_SELFTEST_SKIPPED
                                                         : PIX_SELFTEST_PASSED,
                                  .cases = v.skipped ? 0 : GOLDEN_STEPS,
                                  .error = v.error,
                                  .text = v.text,
                                  .unit = "",
                              });
}

// Networks whose kernels are created together.
#define COMPILED_AT_ONCE 8

// What cannot be built is left to the test.
static bool compile(struct selftest *t, const struct step_test *tests, size_t count)
{
    struct step_run runs[COMPILED_AT_ONCE];
    struct program *programs[COMPILED_AT_ONCE] = { NULL };
    size_t built = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        struct selftest_attempt attempt;
        char text[64];
        runs[built] = run_of(t, &tests[i]);
        selftest_try(&attempt);
        const bool is_built = build(t, &runs[built]);
        ok = selftest_catch(t, &attempt, is_built, tests[i].of->name, text,
                            sizeof(text));
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

// A step with each kernel wherever it fits: with biases, activations, Adam and sums
// into gradients, which a product alone has not. On a software driver, where compiling
// takes long, a few of the small ones.
static bool takes_kernel(const struct selftest *t, const struct conv_variant *v,
                         enum tensor_format format)
{
    static const char *const few[] = { "direct-32x16-8x8", "fetch-4x4" };
    if (!gpu_device_limits(t->device)->is_cpu)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(few); i++)
        if (strcmp(v->name, few[i]) == 0)
            return format == TENSOR_F32;
    return false;
}

// `list` has room for all networks and kernels in all formats.
static size_t list_tests(const struct selftest *t, struct step_test *list)
{
    size_t count = 0, kernels;
    const struct conv_variant *table = conv_variant_table(&kernels);
    for (size_t f = 0; f < SELFTEST_FORMATS; f++) {
        const enum tensor_format format = selftest_formats[f];
        if (!selftest_has_format(t, format))
            continue;
        // The penalty of wgangp is not for 16 bits, and one network shows the rest.
        for (size_t i = 0; i < (f ? 1 : ARRAY_LEN(cases)); i++)
            list[count++] = (struct step_test){ &cases[i], format, NULL };
        for (size_t i = 0; i < kernels; i++)
            if (takes_kernel(t, &table[i], format))
                list[count++] = (struct step_test){ &cases[0], format, &table[i] };
    }
    return count;
}

bool steps_test(struct selftest *t)
{
    size_t kernels;
    conv_variant_table(&kernels);
    if (!selftest_wants(t, PIX_SELFTEST_STEP, NULL))
        return true;
    struct step_test *list =
        mem_array(SELFTEST_FORMATS * (kernels + ARRAY_LEN(cases)), sizeof(list[0]));
    const size_t count = list ? list_tests(t, list) : 0;
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        if (i % COMPILED_AT_ONCE == 0)
            ok = compile(t, list + i, MIN(count - i, COMPILED_AT_ONCE));
        ok = ok && test_case(t, &list[i]);
    }
    mem_free(list);
    return ok;
}
