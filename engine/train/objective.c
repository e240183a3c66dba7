// SPDX-License-Identifier: MIT
//
// One training step of pix2pix, in the order of the PyTorch port: generate; update D on
// the detached fake and on the real image; update G through the updated D.
//
//     loss_d = (GAN(D(x, G(x)), fake) + GAN(D(x, y), real)) / 2
//     loss_g = GAN(D(x, G(x)), real) + lambda * mean |G(x) - y|
//
// Gradients of several batches may be added up: then D learns from all of them before G
// does, and G runs once for each, to save the memory of what it would have to keep.

#include "train/objective.h"

#include <assert.h>

// The losses of D and of G as labels, see shared/loss.h.
static const struct gan_terms {
    enum loss_kind d;
    float fake, real;
    enum loss_kind g;
    float fooled;
} gan_terms[] = {
    [GAN_VANILLA] = { LOSS_KIND_BCE, 0.0f, 1.0f, LOSS_KIND_BCE, 1.0f },
    [GAN_LSGAN] = { LOSS_KIND_MSE, 0.0f, 1.0f, LOSS_KIND_MSE, 1.0f },
    [GAN_HINGE] = { LOSS_KIND_HINGE, -1.0f, 1.0f, LOSS_KIND_MEAN, -1.0f },
    [GAN_WGANGP] = { LOSS_KIND_MEAN, 1.0f, -1.0f, LOSS_KIND_MEAN, -1.0f },
};

struct step {
    struct graph *g;
    struct weights *generator, *discriminator;
    const struct objective_options *o;
    struct objective *out;
    uint32_t batches;    // whose gradients are added up
};

// A batch, and what G makes of it.
struct batch {
    uint32_t index;
    struct tensor *in, *target, *fake;
    struct tensor *d_fake;    // logits of D's first run, for `reuse`
};

// Bytes of a staged sample, and where its target begins.
static uint32_t sample_bytes(const struct objective_options *o, uint32_t *target)
{
    *target = (uint32_t)pixel_staged_bytes(o->staging.input, o->generator.channels_in,
                                           o->load_w, o->load_h);
    return *target + (uint32_t)pixel_staged_bytes(o->staging.output,
                                                  o->generator.channels_out, o->load_w,
                                                  o->load_h);
}

static struct tensor *stage_pairs(struct graph *g, const struct objective_options *o,
                                  uint32_t samples)
{
    uint32_t target;
    const struct shape shape = { samples, sample_bytes(o, &target), 1, 1 };
    return graph_input(g, "pixels", shape, TENSOR_U8);
}

// The input (image 0) or the target (image 1) of a batch.
static struct tensor *take(const struct step *s, uint32_t index, uint32_t image)
{
    const struct objective_options *o = s->o;
    uint32_t target;
    const uint32_t bytes = sample_bytes(o, &target);
    const struct pixels_attributes attr = {
        .kind = image ? o->staging.output : o->staging.input,
        .channels = image ? o->generator.channels_out : o->generator.channels_in,
        .side_h = o->load_h,
        .side_w = o->load_w,
        .offset_bytes = image ? target : 0,
        .sample_bytes = bytes,
        .first_sample = index * o->batch,
        .samples = o->batch,
    };
    return graph_pixels_unpack(s->g, s->out->pixels, s->out->jitter, s->o->crop_h,
                               s->o->crop_w, attr);
}

// Everything random that follows belongs to the samples of this batch.
static struct batch generate(const struct step *s, uint32_t index, bool is_again)
{
    const struct model_mode mode = { .keep_running = is_again };
    struct batch b = { .index = index };
    graph_begin_samples(s->g, index * s->o->batch);
    b.in = take(s, index, 0);
    b.target = take(s, index, 1);
    b.fake = generator_build(s->g, s->generator, b.in, &s->o->generator, mode);
    return b;
}

// What D looks at.
static struct tensor *look(const struct step *s, struct tensor *in,
                           struct tensor *image)
{
    return s->o->no_condition ? image : graph_concat(s->g, in, image);
}

static struct tensor *discriminate(const struct step *s, struct tensor *x,
                                   uint32_t sections)
{
    const struct model_mode mode = { .sections = sections };
    return discriminator_build(s->g, s->discriminator, x, &s->o->discriminator, mode);
}

// Adds a batch's loss to the mean that is reported.
static void report(const struct step *s, struct tensor **sum, struct tensor *loss)
{
    if (s->batches > 1)
        loss = graph_scale(s->g, loss, 1.0f / (float)s->batches);
    *sum = *sum ? graph_add(s->g, *sum, loss) : loss;
}

// Adds up the gradients of the batches; the last one updates.
static void learn(const struct step *s, struct tensor *loss, struct weights *weights,
                  uint32_t batch)
{
    if (s->batches == 1)
        graph_minimize(s->g, loss, weights, &s->o->optimizer);
    else if (batch + 1 == s->batches)
        graph_minimize_accumulated(s->g, loss, weights, &s->o->optimizer);
    else
        graph_accumulate(s->g, loss, weights, batch == 0);
}

static void train_discriminator(const struct step *s, struct batch *b)
{
    const struct objective_options *o = s->o;
    const struct gan_terms terms = gan_terms[o->gan];
    const float weight =
        (o->d_loss_weight != 0.0f ? o->d_loss_weight : 0.5f) / (float)s->batches;
    // A tensor can be a slice of one other, and D looks at the condition twice.
    struct tensor *in_again = o->no_condition ? NULL : take(s, b->index, 0);
    struct tensor *fake = look(s, b->in, graph_detach(s->g, b->fake));
    struct tensor *real = look(s, in_again, b->target);
    struct tensor *d;
    if (o->reuse) {
        b->d_fake = discriminate(s, look(s, b->in, b->fake), 1);
        d = graph_stack(s->g, b->d_fake, discriminate(s, real, 1));
    } else {
        // Both halves in one pass, with statistics of their own.
        d = discriminate(s, graph_stack(s->g, fake, real), 2);
    }
    struct tensor *loss =
        graph_gan_loss_halves(s->g, d, terms.d, terms.fake, terms.real);
    report(s, &s->out->loss_d, loss);
    loss = graph_scale(s->g, loss, weight);
    if (o->gan == GAN_WGANGP) {
        struct tensor *between = graph_interpolate(s->g, real, fake, o->gp_alpha);
        struct tensor *penalty = graph_gradient_penalty(
            s->g,
            discriminator_input_gradient(s->g, s->discriminator, between,
                                         &o->discriminator),
            o->lambda_gp);
        report(s, &s->out->loss_d_gp, penalty);
        if (s->batches > 1)
            penalty = graph_scale(s->g, penalty, 1.0f / (float)s->batches);
        loss = graph_concat(s->g, loss, penalty);    // what is minimised is the sum
    }
    learn(s, loss, s->discriminator, b->index);
}

static void train_generator(const struct step *s, const struct batch *b)
{
    const struct objective_options *o = s->o;
    struct tensor *loss = NULL;
    if (o->lambda_l1 != 0.0f) {
        loss = graph_l1(s->g, b->fake, b->target, o->lambda_l1);
        report(s, &s->out->loss_g_l1, loss);
    }
    if (o->gan != GAN_NONE) {
        const struct gan_terms terms = gan_terms[o->gan];
        struct tensor *fooled =
            b->d_fake ? b->d_fake : discriminate(s, look(s, b->in, b->fake), 1);
        struct tensor *gan = graph_gan_loss(s->g, fooled, terms.g, terms.fooled);
        report(s, &s->out->loss_g_gan, gan);
        loss = loss ? graph_add(s->g, gan, loss) : gan;
    }
    if (s->batches > 1)
        loss = graph_scale(s->g, loss, 1.0f / (float)s->batches);
    learn(s, loss, s->generator, b->index);
}

// The pictures of the first batch.
static void show(const struct step *s, const struct batch *b)
{
    if (b->index > 0)
        return;
    s->out->fake = b->fake;
    const struct staging staging = s->o->staging;
    s->out->sample_input = graph_pixels_pack(s->g, b->in, staging.input);
    s->out->sample_output = graph_pixels_pack(s->g, b->fake, staging.output);
    s->out->sample_target = graph_pixels_pack(s->g, b->target, staging.output);
}

bool objective_build(struct graph *g, struct weights *generator,
                     struct weights *discriminator, const struct objective_options *o,
                     struct objective *out)
{
    const struct step s = {
        g, generator, discriminator, o, out, MAX(o->accumulate, 1),
    };
    const uint32_t samples = o->batch * s.batches;
    assert(o->gan != GAN_NONE || o->lambda_l1 != 0.0f);
    assert(!o->reuse || s.batches == 1);
    *out = (struct objective){ 0 };
    out->pixels = stage_pairs(g, o, samples);
    out->jitter =
        graph_input(g, "jitter", (struct shape){ samples, 1, 1, 4 }, TENSOR_F32);

    if (s.batches == 1) {
        struct batch b = generate(&s, 0, false);
        if (o->gan != GAN_NONE)
            train_discriminator(&s, &b);
        train_generator(&s, &b);
        show(&s, &b);
    }
    for (uint32_t i = 0; i < s.batches && s.batches > 1 && o->gan != GAN_NONE; i++) {
        struct batch b = generate(&s, i, false);
        train_discriminator(&s, &b);
    }
    for (uint32_t i = 0; i < s.batches && s.batches > 1; i++) {
        const struct batch b = generate(&s, i, o->gan != GAN_NONE);
        train_generator(&s, &b);
        show(&s, &b);
    }
    if (o->ema > 0.0f)
        graph_average(g, generator, o->ema);

    struct tensor *const kept[] = {
        out->loss_d,       out->loss_d_gp,     out->loss_g_gan,    out->loss_g_l1,
        out->sample_input, out->sample_output, out->sample_target,
    };
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        graph_keep(g, kept[i]);
    return !graph_failed(g);
}

struct model_mode translation_model_mode(enum translation_mode mode)
{
    return (struct model_mode){
        .no_dropout = mode != TRANSLATION_PAPER,
        .statistics =
            mode == TRANSLATION_RUNNING ? STATISTICS_RUNNING : STATISTICS_PER_IMAGE,
    };
}

bool translation_build(struct graph *g, struct weights *generator,
                       const struct generator_options *options, struct staging staging,
                       enum translation_mode mode, uint32_t batch, uint32_t h,
                       uint32_t w, struct translation *out)
{
    const struct pixels_attributes staged = {
        .kind = staging.input,
        .channels = options->channels_in,
        .side_h = h,
        .side_w = w,
        .sample_bytes =
            (uint32_t)pixel_staged_bytes(staging.input, options->channels_in, w, h),
    };
    out->pixels = graph_input(
        g, "pixels", (struct shape){ batch, staged.sample_bytes, 1, 1 }, TENSOR_U8);
    out->jitter =
        graph_input(g, "jitter", (struct shape){ batch, 1, 1, 4 }, TENSOR_F32);
    struct tensor *in = graph_pixels_unpack(g, out->pixels, out->jitter, h, w, staged);
    out->output = graph_pixels_pack(
        g, generator_build(g, generator, in, options, translation_model_mode(mode)),
        staging.output);
    graph_keep(g, out->output);
    return !graph_failed(g);
}

bool translation_error_build(struct graph *g, struct weights *generator,
                             const struct generator_options *options,
                             struct staging staging, uint32_t h, uint32_t w,
                             struct translation_error *out)
{
    const struct objective_options o = {
        .generator = *options,
        .batch = 1,
        .load_h = h,
        .load_w = w,
        .crop_h = h,
        .crop_w = w,
        .staging = staging,
    };
    struct objective staged = {
        .pixels = stage_pairs(g, &o, 1),
        .jitter = graph_input(g, "jitter", (struct shape){ 1, 1, 1, 4 }, TENSOR_F32),
    };
    const struct step s = { g, generator, NULL, &o, &staged, 1 };
    struct tensor *in = take(&s, 0, 0);
    struct tensor *target = take(&s, 0, 1);
    struct tensor *y = generator_build(g, generator, in, options,
                                       translation_model_mode(TRANSLATION_STABLE));
    *out = (struct translation_error){ staged.pixels, staged.jitter,
                                       graph_l1(g, y, target, 1.0f) };
    graph_keep(g, out->l1);
    return !graph_failed(g);
}
