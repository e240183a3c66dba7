// SPDX-License-Identifier: MIT
//
// Where the parts of a staged sample lie. See staging.h.

#include "models/staging.h"

#include "shared/pixels.h"

// Bytes of a staged pair, and where its target begins.
static uint32_t sample_bytes(const struct staged_pairs *p, uint32_t *target)
{
    *target = (uint32_t)pixel_staged_bytes(p->staging.input, p->channels_in, p->load_w,
                                           p->load_h);
    return *target + (uint32_t)pixel_staged_bytes(p->staging.output, p->channels_out,
                                                  p->load_w, p->load_h);
}

void staging_pairs(struct graph *g, struct staged_pairs *p, uint32_t samples)
{
    uint32_t target;
    const struct shape pixels = { samples, sample_bytes(p, &target), 1, 1 };
    const struct shape jitter = { samples, 1, 1,
                                  p->augment.is_set ? PIXELS_AUGMENT : PIXELS_JITTER };
    p->pixels = graph_input(g, "pixels", pixels, TENSOR_U8);
    p->jitter = graph_input(g, "jitter", jitter, TENSOR_F32);
}

struct tensor *staging_take(struct graph *g, const struct staged_pairs *p,
                            enum staged_image image, uint32_t first_sample,
                            uint32_t samples)
{
    const bool is_target = image == STAGED_TARGET;
    uint32_t target;
    const uint32_t bytes = sample_bytes(p, &target);
    const struct pixels_attributes attr = {
        .kind = is_target ? p->staging.output : p->staging.input,
        .range = is_target ? p->staging.output_range : p->staging.input_range,
        .channels = is_target ? p->channels_out : p->channels_in,
        .side_h = p->load_h,
        .side_w = p->load_w,
        .offset_bytes = is_target ? target : 0,
        .sample_bytes = bytes,
        .first_sample = first_sample,
        .samples = samples,
        .is_augmented = p->augment.is_set,
        .nearest = is_target ? p->augment.nearest_out : p->augment.nearest_in,
        .touched = is_target ? 0 : p->augment.touched,
    };
    return graph_pixels_unpack(g, p->pixels, p->jitter, p->crop_h, p->crop_w, attr);
}
