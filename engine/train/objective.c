// SPDX-License-Identifier: MIT
//
// One training step of pix2pix, in the order of the PyTorch port: generate; update D on
// the detached fake and on the real image; update G through the updated D.
//
//     loss_d = (BCE(D(x, G(x)), 0) + BCE(D(x, y), 1)) / 2
//     loss_g = BCE(D(x, G(x)), 1) + lambda * mean |G(x) - y|

#include "train/objective.h"

bool objective_build(struct graph *g, struct weights *generator,
                     struct weights *discriminator, const struct objective_options *o,
                     struct objective *out)
{
    const struct pixels_attributes staged = { .side_h = o->load_h,
                                              .side_w = o->load_w,
                                              .images = 2 };
    struct pixels_attributes first = staged, second = staged;
    second.first = 1;
    out->pixels = graph_input(
        g, "pixels", (struct shape){ o->batch, 6, o->load_h, o->load_w }, TENSOR_U8);
    out->jitter =
        graph_input(g, "jitter", (struct shape){ o->batch, 1, 1, 4 }, TENSOR_F32);
    struct tensor *in =
        graph_pixels_unpack(g, out->pixels, out->jitter, o->crop_h, o->crop_w, first);
    struct tensor *target =
        graph_pixels_unpack(g, out->pixels, out->jitter, o->crop_h, o->crop_w, second);
    // A tensor can be a slice of one other, and D's input holds the condition twice.
    struct tensor *in_again =
        graph_pixels_unpack(g, out->pixels, out->jitter, o->crop_h, o->crop_w, first);

    const struct model_mode mode = { .no_dropout = o->no_dropout };
    struct tensor *fake = unet_build(g, generator, in, &o->generator, mode);

    // Both halves in one pass, with statistics of their own.
    const struct model_mode halves = { .sections = 2 };
    struct tensor *pairs = graph_stack(g, graph_concat(g, in, graph_detach(g, fake)),
                                       graph_concat(g, in_again, target));
    struct tensor *d =
        patchgan_build(g, discriminator, pairs, &o->discriminator, halves);
    out->loss_d = graph_gan_loss_halves(g, d, LOSS_KIND_BCE, 0.0f, 1.0f);
    graph_minimize(g, graph_scale(g, out->loss_d, 0.5f), discriminator, &o->optimizer);

    out->loss_g_l1 = graph_l1(g, fake, target, o->lambda_l1);
    struct tensor *fooled = patchgan_build(g, discriminator, graph_concat(g, in, fake),
                                           &o->discriminator, (struct model_mode){ 0 });
    out->loss_g_gan = graph_gan_loss(g, fooled, LOSS_KIND_BCE, 1.0f);
    struct tensor *loss_g = graph_add(g, out->loss_g_gan, out->loss_g_l1);
    graph_minimize(g, loss_g, generator, &o->optimizer);

    out->fake = fake;
    out->sample_input = graph_pixels_pack(g, in);
    out->sample_output = graph_pixels_pack(g, fake);
    out->sample_target = graph_pixels_pack(g, target);
    struct tensor *const kept[] = {
        out->loss_d,       out->loss_g_gan,    out->loss_g_l1,
        out->sample_input, out->sample_output, out->sample_target,
    };
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        graph_keep(g, kept[i]);
    return !graph_failed(g);
}

bool translation_build(struct graph *g, struct weights *generator,
                       const struct unet_options *options, uint32_t batch, uint32_t h,
                       uint32_t w, struct translation *out)
{
    const struct pixels_attributes staged = { .side_h = h, .side_w = w, .images = 1 };
    const struct model_mode mode = { .no_dropout = true, .per_image = true };
    out->pixels = graph_input(g, "pixels", (struct shape){ batch, 3, h, w }, TENSOR_U8);
    out->jitter =
        graph_input(g, "jitter", (struct shape){ batch, 1, 1, 4 }, TENSOR_F32);
    struct tensor *in = graph_pixels_unpack(g, out->pixels, out->jitter, h, w, staged);
    out->output = graph_pixels_pack(g, unet_build(g, generator, in, options, mode));
    graph_keep(g, out->output);
    return !graph_failed(g);
}
