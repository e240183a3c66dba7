// SPDX-License-Identifier: MIT

#include "support/parity.h"

#include <stdio.h>
#include <string.h>

#include "support/gpu.h"
#include "tensor/weights.h"

static enum model_norm norm_of(const char *text)
{
    if (strcmp(text, "batch") == 0)
        return MODEL_NORM_BATCH;
    if (strcmp(text, "instance") == 0)
        return MODEL_NORM_INSTANCE;
    assert_string_equal(text, "none");
    return MODEL_NORM_NONE;
}

struct generator_options parity_generator(const json_t *o)
{
    const char *kind = golden_text(o, "netg");
    struct generator_options g = {
        .kind = GENERATOR_UNET,
        .levels = golden_count(o, "levels"),
        .ngf = golden_count(o, "ngf"),
        .channels_in = golden_count(o, "input_nc"),
        .channels_out = golden_count(o, "output_nc"),
        .norm = norm_of(golden_text(o, "norm")),
        .no_dropout = !golden_bool(o, "dropout"),
    };
    const json_t *upsample = json_object_get(o, "upsample");
    g.resize = upsample && strcmp(json_string_value(upsample), "resize") == 0;
    if (strcmp(kind, "unet_256") == 0)
        g.levels = 8;
    else if (strcmp(kind, "unet_128") == 0)
        g.levels = 7;
    else if (strcmp(kind, "encoder_decoder") == 0)
        g.kind = GENERATOR_ENCODER_DECODER;
    else if (strncmp(kind, "resnet_", 7) == 0) {
        g.kind = GENERATOR_RESNET;
        g.blocks = (uint32_t)(kind[7] - '0');
    } else
        assert_string_equal(kind, "unet");
    return g;
}

struct discriminator_options parity_discriminator(const json_t *o, const char *norm)
{
    const char *kind = golden_text(o, "netd");
    struct discriminator_options d = {
        .layers = 3,
        .ndf = golden_count(o, "ndf"),
        .norm = norm_of(golden_text(o, norm)),
        .pixel = strcmp(kind, "pixel") == 0,
    };
    if (strcmp(kind, "n_layers") == 0)
        d.layers = golden_count(o, "n_layers_d");
    return d;
}

static bool is_conv(const struct weight *w)
{
    return w->kind == WEIGHT_CONV || w->kind == WEIGHT_CONV_TRANSPOSE;
}

void parity_start(struct weights *weights, const char *letter, double conv_scale)
{
    for (size_t i = 0; i < weights->count; i++) {
        struct weight *w = weights->items[i];
        char name[256];
        snprintf(name, sizeof(name), "%s.%s", letter, w->name);
        float *values = check_floats(w->value.shape);
        golden_start(name, is_conv(w),
                     w->kind == WEIGHT_NORM_SCALE || w->kind == WEIGHT_RUNNING_VARIANCE,
                     shape_count(w->value.shape), conv_scale, values);
        assert_true(tensor_upload(test_gpu(), &w->value, values));
    }
}
