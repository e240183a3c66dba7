// SPDX-License-Identifier: MIT
//
// Each kind of network has a tensor that gives it away; the others then give its size
// and its options. See recognise.h.

#include "store/recognise.h"

#include "base/log.h"
#include "settings/choice.h"
#include "settings/settings.h"
#include "settings/table.h"
#include "store/affinelayer.h"

#include <inttypes.h>
#include <stdio.h>

#define NAME_SIZE 256
#define LAYERS_SCANNED 64    // more than any network has

// A batch norm has a scale. An instance norm has none (old files have its running
// statistics), but the convolutions before it have biases.
static enum model_norm norm_of(bool has_scale, bool has_bias)
{
    return has_scale  ? MODEL_NORM_BATCH
           : has_bias ? MODEL_NORM_INSTANCE
                      : MODEL_NORM_NONE;
}

// ---------------------------------------------------------------------------
// U-Net

// The names of a level's layers begin with "model.model.1.model" in level 2, and with
// one more ".3.model" in each deeper one: the port nests the levels as submodules.
static void write_prefix(uint32_t level, char text[NAME_SIZE])
{
    size_t used = (size_t)snprintf(text, NAME_SIZE, "model.model.1.model");
    for (uint32_t i = 2; i < level && used < NAME_SIZE; i++)
        used += (size_t)snprintf(text + used, NAME_SIZE - used, ".3.model");
}

static enum recognised refuse_levels(const char *path, uint32_t levels)
{
    log_error("%s is a U-Net of %" PRIu32 " levels; this engine has 2 to %d", path,
              levels, TABLE_LEVELS_MAX);
    return RECOGNISED_REFUSED;
}

static enum recognised recognise_unet(const struct dictionary *d, const char *path,
                                      struct recognition *out)
{
    char prefix[NAME_SIZE];
    uint32_t levels = 1;
    // The outermost level: its first convolution [ngf, in, 4, 4] and its last one,
    // transposed [ngf or 2 ngf, out, 4, 4] or after resizing [out, ngf or 2 ngf, 3, 3].
    const struct dictionary_tensor first = dictionary_find(d, "model.model.0.weight");
    const struct dictionary_tensor last = dictionary_find(d, "model.model.3.weight");
    if (first.rank != 4 || last.rank != 4)
        return RECOGNISED_NOTHING;
    for (; levels <= TABLE_LEVELS_MAX; levels++) {
        write_prefix(levels + 1, prefix);
        if (dictionary_find(d, "%s.1.weight", prefix).rank != 4)
            break;
    }
    if (levels < 2 || levels > TABLE_LEVELS_MAX)
        return refuse_levels(path, levels);

    // The innermost Sequential is ReLU, convolution, (norm,) ReLU, transposed
    // convolution, norm: a norm in brackets moves the transposed convolution from layer
    // 3 to layer 4.
    write_prefix(levels, prefix);
    const bool norm_innermost = dictionary_find(d, "%s.4.weight", prefix).rank == 4;
    const bool has_scale = norm_innermost
                               ? dictionary_find(d, "%s.5.weight", prefix).rank == 1
                               : dictionary_find(d, "%s.4.weight", prefix).rank == 1;
    const bool has_bias = dictionary_has(d, "model.model.0.bias");
    const bool resize = last.sides[2] == 3;
    // With skip connections the last convolution reads 2 ngf channels.
    const uint64_t joint = resize ? last.sides[1] : last.sides[0];
    out->generator = (struct generator_options){
        .kind = joint == first.sides[0] ? GENERATOR_ENCODER_DECODER : GENERATOR_UNET,
        .levels = levels,
        .ngf = (uint32_t)first.sides[0],
        .channels_in = (uint32_t)first.sides[1],
        .channels_out = (uint32_t)(resize ? last.sides[0] : last.sides[1]),
        .norm = norm_of(has_scale, has_bias),
        .bias = has_scale && has_bias,
        .norm_innermost = norm_innermost,
        .resize = resize,
    };
    return RECOGNISED_G;
}

// ---------------------------------------------------------------------------
// affinelayer's U-Net

static enum recognised recognise_affinelayer(const struct dictionary *d,
                                             const char *path, struct recognition *out)
{
    const uint32_t levels = affinelayer_levels(d);
    if (levels == 0)
        return RECOGNISED_NOTHING;
    if (levels < 2 || levels > TABLE_LEVELS_MAX)
        return refuse_levels(path, levels);
    out->is_affinelayer = true;
    out->generator = affinelayer_generator(d, levels);
    return RECOGNISED_G;
}

// ---------------------------------------------------------------------------
// ResNet

static enum recognised recognise_resnet(const struct dictionary *d, const char *path,
                                        struct recognition *out)
{
    // The Sequential has a convolution of 7 x 7 at 1, two that halve at 4 and 7, the
    // blocks from 10 on; behind them two that double, and a convolution of 7 x 7 to the
    // output.
    const struct dictionary_tensor first = dictionary_find(d, "model.1.weight");
    uint32_t blocks = 0;
    if (first.rank != 4 || first.sides[2] != 7)
        return RECOGNISED_NOTHING;
    while (
        blocks < LAYERS_SCANNED &&
        dictionary_find(d, "model.%" PRIu32 ".conv_block.1.weight", 10 + blocks).rank ==
            4)
        blocks++;
    if (blocks != 6 && blocks != 9) {
        log_error("%s is a ResNet generator of %" PRIu32
                  " blocks; this engine has 6 and 9",
                  path, blocks);
        return RECOGNISED_REFUSED;
    }
    const struct dictionary_tensor up =
        dictionary_find(d, "model.%" PRIu32 ".weight", 10 + blocks);
    const struct dictionary_tensor last =
        dictionary_find(d, "model.%" PRIu32 ".weight", 17 + blocks);
    const bool has_scale = dictionary_find(d, "model.2.weight").rank == 1;
    const bool has_bias = dictionary_has(d, "model.1.bias");
    if (up.rank != 4 || last.rank != 4)
        return RECOGNISED_NOTHING;
    out->generator = (struct generator_options){
        .kind = GENERATOR_RESNET,
        .blocks = blocks,
        .ngf = (uint32_t)first.sides[0],
        .channels_in = (uint32_t)first.sides[1],
        .channels_out = (uint32_t)last.sides[0],
        .norm = norm_of(has_scale, has_bias),
        .bias = has_scale && has_bias,
        // From 4 ngf to 2 ngf channels: a transposed convolution is [4 ngf, 2 ngf, 3,
        // 3], one after resizing [2 ngf, 4 ngf, 3, 3].
        .resize = up.sides[0] < up.sides[1],
        // A dropout in a block moves its second convolution from layer 5 to layer 6.
        .no_dropout = dictionary_find(d, "model.10.conv_block.6.weight").rank != 4,
    };
    return RECOGNISED_G;
}

// ---------------------------------------------------------------------------
// Discriminators

static enum recognised recognise_discriminator(const struct dictionary *d,
                                               const char *path,
                                               struct recognition *out)
{
    // PixelGAN calls its Sequential "net" and has kernels of 1 x 1; PatchGAN has 4 x 4.
    const bool pixel = dictionary_has(d, "net.0.weight");
    const struct dictionary_tensor first =
        dictionary_find(d, pixel ? "net.0.weight" : "model.0.weight");
    uint32_t convolutions = 1;
    if (first.rank != 4 || first.sides[2] != (pixel ? 1 : 4))
        return RECOGNISED_NOTHING;
    while (!pixel && convolutions < LAYERS_SCANNED &&
           dictionary_find(d, "model.%" PRIu32 ".weight", 3 * convolutions - 1).rank ==
               4)
        convolutions++;
    // `layers` does not count the last two convolutions: one of stride 1 and one to
    // logits.
    if (!pixel && (convolutions < 3 || convolutions - 2 > TABLE_LAYERS_D_MAX)) {
        log_error("%s is a discriminator of %" PRIu32
                  " convolutions; this engine has 3 to %d",
                  path, convolutions, TABLE_LAYERS_D_MAX + 2);
        return RECOGNISED_REFUSED;
    }
    // The second convolution is layer 2, the first norm layer 3.
    const char *prefix = pixel ? "net" : "model";
    const bool has_scale = dictionary_find(d, "%s.3.weight", prefix).rank == 1;
    const bool has_bias = dictionary_find(d, "%s.2.bias", prefix).rank > 0;
    out->channels_d = (uint32_t)first.sides[1];
    out->discriminator = (struct discriminator_options){
        .layers = pixel ? 3 : convolutions - 2,
        .ndf = (uint32_t)first.sides[0],
        .pixel = pixel,
        .norm = norm_of(has_scale, has_bias),
        .bias = has_scale && has_bias,
    };
    return RECOGNISED_D;
}

enum recognised recognise_network(const struct dictionary *d, const char *path,
                                  struct recognition *out)
{
    // No dictionary fits two of them: their first layers have different names, or
    // kernels of different sizes.
    static enum recognised (*const all[])(const struct dictionary *, const char *,
                                          struct recognition *) = {
        recognise_unet,
        recognise_affinelayer,
        recognise_resnet,
        recognise_discriminator,
    };
    *out = (struct recognition){ 0 };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        const enum recognised r = all[i](d, path, out);
        if (r != RECOGNISED_NOTHING)
            return r;
    }
    return RECOGNISED_NOTHING;
}

// ---------------------------------------------------------------------------
// In words

static const char *norm_text(enum model_norm norm)
{
    return norm == MODEL_NORM_NONE ? "no" : choice_name(choice_norms, norm);
}

void recognise_describe_g(const struct generator_options *o, char *text, size_t size)
{
    const char *name = settings_name_generator(o, true);
    char kind[64];
    if (name)
        snprintf(kind, sizeof(kind), "%s", name);
    else
        snprintf(kind, sizeof(kind), "%s of %" PRIu32 " levels",
                 settings_name_generator(o, false), o->levels);
    snprintf(text, size,
             "%s, ngf %" PRIu32 ", %s norm%s%s%s%s%s, %" PRIu32 " -> %" PRIu32
             " channels",
             kind, o->ngf, norm_text(o->norm), o->bias ? ", biases everywhere" : "",
             o->norm_innermost ? ", norm innermost" : "",
             o->decoder_first && o->kind == GENERATOR_UNET ? ", decoder first" : "",
             o->resize ? ", resizing" : "",
             o->kind == GENERATOR_RESNET && o->no_dropout ? ", no dropout" : "",
             o->channels_in, o->channels_out);
}

void recognise_describe_d(const struct discriminator_options *o, uint32_t channels,
                          char *text, size_t size)
{
    char kind[64];
    if (o->pixel)
        snprintf(kind, sizeof(kind), "pixel discriminator");
    else
        snprintf(kind, sizeof(kind),
                 "n_layers %" PRIu32 " discriminator (%" PRIu32 "x%" PRIu32 ")",
                 o->layers, discriminator_receptive_field(o),
                 discriminator_receptive_field(o));
    snprintf(text, size, "%s, ndf %" PRIu32 ", %s norm%s, %" PRIu32 " channel%s", kind,
             o->ndf, norm_text(o->norm), o->bias ? ", biases everywhere" : "", channels,
             PLURAL(channels));
}
