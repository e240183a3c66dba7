// SPDX-License-Identifier: MIT
//
// The generator alone. See translation.h.

#include "translate/translation.h"

#include "shared/moments.h"

// Statistics of each image, so that a result does not depend on what is translated with
// it. Isola et al. 2017, section 3.3, keep dropout and take the statistics of the test
// batch; the implementations' batch has one image then, whose statistics are the same.
// Running statistics without dropout are the port's --eval.
struct model_mode translation_model_mode(enum translation_mode mode)
{
    return (struct model_mode){
        .no_dropout = mode != TRANSLATION_PAPER,
        .statistics =
            mode == TRANSLATION_RUNNING ? STATISTICS_RUNNING : STATISTICS_PER_IMAGE,
    };
}

// What the generator reads, [batch, channels, h, w].
static struct tensor *build_input(struct graph *g,
                                  const struct generator_options *options,
                                  struct staging staging, uint32_t batch, uint32_t h,
                                  uint32_t w, struct translation *out)
{
    const struct pixels_attributes staged = {
        .kind = staging.input,
        .range = staging.input_range,
        .channels = options->channels_in,
        .side_h = h,
        .side_w = w,
        .sample_bytes =
            (uint32_t)pixel_staged_bytes(staging.input, options->channels_in, w, h),
    };
    *out = (struct translation){ 0 };
    out->pixels = graph_input(
        g, "pixels", (struct shape){ batch, staged.sample_bytes, 1, 1 }, TENSOR_U8);
    out->jitter =
        graph_input(g, "jitter", (struct shape){ batch, 1, 1, 4 }, TENSOR_F32);
    return graph_pixels_unpack(g, out->pixels, out->jitter, h, w, staged);
}

bool translation_build(struct graph *g, struct weights *generator,
                       const struct generator_options *options, struct staging staging,
                       enum translation_mode mode, uint32_t batch, uint32_t h,
                       uint32_t w, struct translation *out)
{
    return translation_build_mode(g, generator, options, staging,
                                  translation_model_mode(mode), batch, h, w, out);
}

bool translation_build_mode(struct graph *g, struct weights *generator,
                            const struct generator_options *options,
                            struct staging staging, struct model_mode mode,
                            uint32_t batch, uint32_t h, uint32_t w,
                            struct translation *out)
{
    struct tensor *in = build_input(g, options, staging, batch, h, w, out);
    struct given_norms *given = mode.statistics == STATISTICS_GIVEN ? mode.given : NULL;
    if (given) {
        if (given->measures || given->keep > 0)
            out->region = graph_input(
                g, "region", (struct shape){ 1, 1, 1, MOMENTS_REGION }, TENSOR_F32);
        given->count = 0;
        given->height = h;
        given->region = out->region;
        given->moments = NULL;
    }
    struct tensor *y = generator_build(g, generator, in, options, mode);
    if (given && given->measures)
        out->moments = given->moments;
    else
        out->output = graph_pixels_pack(g, y, staging.output, staging.output_range);
    graph_keep(g, out->moments ? out->moments : out->output);
    return !graph_failed(g) && (out->moments || out->output);
}

bool translation_add_shapes(struct conv_shapes *list, const struct op_limits *limits,
                            const struct settings *s)
{
    const struct pix_size size = s->options.crop_size;
    struct translation tensors;
    struct graph *g = graph_create(limits);
    struct weights *generator = weights_create(true);
    const bool ok =
        g && generator &&
        translation_build(g, generator, &s->generator, settings_staging(s),
                          TRANSLATION_STABLE, 1, size.height, size.width, &tensors) &&
        conv_shapes_add_all(list, graph_products(g));
    graph_destroy(g);
    weights_destroy(generator);
    return ok;
}
