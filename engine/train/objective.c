// SPDX-License-Identifier: MIT
//
// One training step of pix2pix, in the order of the PyTorch port: generate; update D on
// the detached fake and on the real image; update G through the updated D.
//
//     loss_d = (GAN(D(x, G(x)), fake) + GAN(D(x, y), real)) / 2
//     loss_g = GAN(D(x, G(x)), real) + lambda * mean |G(x) - y|
//
// Where y is a label map, a plane of each class that is 1 in its pixels and -1
// elsewhere, G(x) is 2 p - 1 with the probabilities p that softmax makes of its logits,
// and loss_g has their cross entropy too: lambda_ce * mean -log p[class of y].
//
// The losses are those of Isola et al. (2017), sections 3.1 and 3.3; the order is that
// of the port's optimize_parameters. Shapes below: n samples, x [n, c_in, h, w], y and
// G(x) [n, c_out, h, w], D's input their concatenation [n, c_in + c_out, h, w], its
// logits [n, 1, h / 8 - 2, w / 8 - 2] for the 70x70 PatchGAN.
//
// Gradients of several batches may be added up: then D learns from all of them before G
// does, and G runs a second time for each, which costs time but keeps the activations
// of one batch only.

#include "train/objective.h"

#include <assert.h>

// The losses of D and of G as kinds and labels; shared/loss.h has the formula of each
// kind, in which the label of hinge and of the mean is a sign. D's halves are judged
// against `fake` and `real`, G's output against `fooled`.
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
    const struct staged_pairs *pairs;
    uint32_t batches;    // whose gradients are added up, at least 1
};

// A batch, and G's output for it.
struct batch {
    uint32_t index;
    struct tensor *in;        // x [n, c_in, h, w]
    struct tensor *target;    // y [n, c_out, h, w]
    struct tensor *fake;      // G(x), as y
    struct tensor *logits;    // what G(x) is the softmax of, as y; NULL: of no classes
    struct tensor *d_fake;    // logits of D's first run on the fake, for `reuse`
};

// The inputs or the targets of a batch: [batch, channels, crop_h, crop_w].
static struct tensor *take(const struct step *s, uint32_t index,
                           enum staged_image image)
{
    return staging_take(s->g, s->pairs, image, index * s->o->batch, s->o->batch);
}

// Runs G on a batch. Everything random from here on (dropout, the points of the
// gradient penalty) belongs to the samples of this batch. `is_again`: the second run of
// the same samples, which must not count twice in running statistics.
static struct batch generate(const struct step *s, uint32_t index, bool is_again)
{
    const struct model_mode mode = { .keep_running = is_again };
    struct batch b = { .index = index };
    graph_begin_samples(s->g, index * s->o->batch);
    b.in = take(s, index, STAGED_INPUT);
    b.target = take(s, index, STAGED_TARGET);
    const struct generator_options *o = &s->o->generator;
    if (o->classes)
        b.logits = generator_build_logits(s->g, s->generator, b.in, o, mode);
    b.fake = b.logits ? graph_softmax(s->g, b.logits)
                      : generator_build(s->g, s->generator, b.in, o, mode);
    return b;
}

// D's input: the condition and the image, joined along channels without a copy, or with
// no_condition the image alone (the paper's unconditional GAN, section 4.2).
static struct tensor *look(const struct step *s, struct tensor *in,
                           struct tensor *image)
{
    return s->o->no_condition ? image : graph_concat(s->g, in, image);
}

// D's logits, one per patch. `sections`: parts of the batch with norm statistics of
// their own, as if D had been run once for each. `learns`: D does, of this run.
static struct tensor *discriminate(const struct step *s, struct tensor *x,
                                   uint32_t sections, bool learns)
{
    const struct model_mode mode = { .sections = sections, .passes_only = !learns };
    return discriminator_build(s->g, s->discriminator, x, &s->o->discriminator, mode);
}

// Adds a batch's loss to the mean over all batches that is reported.
static void report(const struct step *s, struct tensor **sum, struct tensor *loss)
{
    if (s->batches > 1)
        loss = graph_scale(s->g, loss, 1.0f / (float)s->batches);
    *sum = *sum ? graph_add(s->g, *sum, loss) : loss;
}

// Emits the gradient of a batch's loss by `weights`. Those of several batches are added
// up; the last one updates.
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

// loss_d = weight * (GAN(D(x, G(x)), fake) + GAN(D(x, y), real)), and with WGAN-GP the
// penalty lambda_gp * mean (|grad D| - 1)^2 between the two (Gulrajani et al. 2017,
// equation 3). D's loss is halved so that D learns more slowly than G (the paper,
// section 3.3): weight 0.5.
static void train_discriminator(const struct step *s, struct batch *b)
{
    const struct objective_options *o = s->o;
    const struct gan_terms terms = gan_terms[o->gan];
    const float weight =
        (o->d_loss_weight != 0.0f ? o->d_loss_weight : 0.5f) / (float)s->batches;
    // A tensor can be a slice of one other only, and D sees the condition twice: it is
    // unpacked a second time, with the same noise, which costs less than a copy.
    struct tensor *in_again = o->no_condition ? NULL : take(s, b->index, STAGED_INPUT);
    struct tensor *fake = look(s, b->in, graph_detach(s->g, b->fake));
    struct tensor *real = look(s, in_again, b->target);
    struct tensor *d;    // [2 n, 1, ...]: fakes, then reals
    if (o->reuse) {
        // Not detached: G's gradient will go through this run of D.
        b->d_fake = discriminate(s, look(s, b->in, b->fake), 1, true);
        d = graph_stack(s->g, b->d_fake, discriminate(s, real, 1, true));
    } else {
        // Both halves in one pass, which fills a device better than two.
        d = discriminate(s, graph_stack(s->g, fake, real), 2, true);
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

// loss_g = GAN(D(x, G(x)), real) + lambda * mean |G(x) - y|, and of classes their cross
// entropy. D has been updated by now,
// so unless `reuse` keeps its first run it is run again: the gradient goes through the
// new D.
static void train_generator(const struct step *s, const struct batch *b)
{
    const struct objective_options *o = s->o;
    struct tensor *loss = NULL;
    if (o->lambda_l1 != 0.0f) {
        loss = graph_l1(s->g, b->fake, b->target, o->lambda_l1);
        report(s, &s->out->loss_g_l1, loss);
    }
    if (b->logits && o->lambda_ce != 0.0f) {
        struct tensor *ce =
            graph_cross_entropy(s->g, b->logits, b->target, o->lambda_ce);
        report(s, &s->out->loss_g_ce, ce);
        loss = loss ? graph_add(s->g, loss, ce) : ce;
    }
    if (o->gan != GAN_NONE) {
        const struct gan_terms terms = gan_terms[o->gan];
        struct tensor *fooled =
            b->d_fake ? b->d_fake : discriminate(s, look(s, b->in, b->fake), 1, false);
        struct tensor *gan = graph_gan_loss(s->g, fooled, terms.g, terms.fooled);
        report(s, &s->out->loss_g_gan, gan);
        loss = loss ? graph_add(s->g, gan, loss) : gan;
    }
    if (s->batches > 1)
        loss = graph_scale(s->g, loss, 1.0f / (float)s->batches);
    learn(s, loss, s->generator, b->index);
}

// Packs input, output and target of the first batch as samples for grids. They stay on
// the device until a grid is due.
static void show(const struct step *s, const struct batch *b)
{
    if (b->index > 0)
        return;
    s->out->fake = b->fake;
    const struct staging staging = s->o->staging;
    s->out->sample_input =
        graph_pixels_pack(s->g, b->in, staging.input, staging.input_range);
    s->out->sample_output =
        graph_pixels_pack(s->g, b->fake, staging.output, staging.output_range);
    s->out->sample_target =
        graph_pixels_pack(s->g, b->target, staging.output, staging.output_range);
}

bool objective_build(struct graph *g, struct weights *generator,
                     struct weights *discriminator, const struct objective_options *o,
                     struct objective *out)
{
    struct staged_pairs pairs = {
        .staging = o->staging,
        .channels_in = o->generator.channels_in,
        .channels_out = o->generator.channels_out,
        .load_h = o->load_h,
        .load_w = o->load_w,
        .crop_h = o->crop_h,
        .crop_w = o->crop_w,
        .augment = o->augment,
    };
    const struct step s = {
        g, generator, discriminator, o, out, &pairs, MAX(o->accumulate, 1),
    };
    assert(o->gan != GAN_NONE || o->lambda_l1 != 0.0f ||
           (o->generator.classes && o->lambda_ce != 0.0f));
    assert(!o->reuse || s.batches == 1);
    *out = (struct objective){ 0 };
    staging_pairs(g, &pairs, o->batch * s.batches);
    out->pixels = pairs.pixels;
    out->jitter = pairs.jitter;

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
        out->loss_d,    out->loss_d_gp,    out->loss_g_gan,    out->loss_g_l1,
        out->loss_g_ce, out->sample_input, out->sample_output, out->sample_target,
    };
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        graph_keep(g, kept[i]);
    return !graph_failed(g);
}
