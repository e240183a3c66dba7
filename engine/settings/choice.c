// SPDX-License-Identifier: MIT
//
// Tables of names. See choice.h. The option table (table.c) has the same names, joined
// into one text for each option; a test compares them.

#include "settings/choice.h"

#include "data/fitting.h"
#include "data/picture.h"
#include "data/resize.h"
#include "data/task.h"
#include "models/model.h"
#include "ops/op.h"
#include "ops/tuning.h"
#include "pix2pix.h"
#include "settings/precision.h"
#include "tensor/weights.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define CHOICE_END                                                                     \
    {                                                                                  \
        NULL, 0                                                                        \
    }

const struct choice choice_directions[] = {
    { "AtoB", false },
    { "BtoA", true },
    CHOICE_END,
};

const struct choice choice_nets_d[] = {
    { "basic", NET_D_BASIC },
    { "n_layers", NET_D_N_LAYERS },
    { "pixel", NET_D_PIXEL },
    CHOICE_END,
};

// The port's syncbatch is missing: on one device it is batch.
const struct choice choice_norms[] = {
    { "batch", MODEL_NORM_BATCH },
    { "instance", MODEL_NORM_INSTANCE },
    { "none", MODEL_NORM_NONE },
    CHOICE_END,
};

const struct choice choice_upsamplings[] = {
    { "transpose", false },
    { "resize", true },
    CHOICE_END,
};

const struct choice choice_dropouts[] = {
    { "d2-d4", false },
    { "d1-d3", true },
    CHOICE_END,
};

const struct choice choice_biases[] = {
    { "auto", false },
    { "all", true },
    CHOICE_END,
};

const struct choice choice_concats[] = {
    { "skip_first", false },
    { "decoder_first", true },
    CHOICE_END,
};

// Names and laws are those of the port's init_weights.
const struct choice choice_laws[] = {
    { "normal", WEIGHTS_NORMAL },
    { "xavier", WEIGHTS_XAVIER },
    { "kaiming", WEIGHTS_KAIMING },
    { "orthogonal", WEIGHTS_ORTHOGONAL },
    CHOICE_END,
};

// The five modes of the port's --preprocess; fitting.c has how they differ.
const struct choice choice_preprocess[] = {
    { "resize_and_crop", FIT_RESIZE },
    { "crop", FIT_CROP },
    { "scale_width", FIT_WIDTH },
    { "scale_width_and_crop", FIT_WIDTH_CROP },
    { "none", FIT_WHOLE },
    CHOICE_END,
};

const struct choice choice_npy_orders[] = {
    { "chw", ARRAY_CHW },
    { "hwc", ARRAY_HWC },
    CHOICE_END,
};

const struct choice choice_truncated[] = {
    { "refuse", false },
    { "keep", true },
    CHOICE_END,
};

const struct choice choice_alphas[] = {
    { "drop", ALPHA_DROP },   { "keep", ALPHA_KEEP },       { "white", ALPHA_WHITE },
    { "black", ALPHA_BLACK }, { "checker", ALPHA_CHECKER }, CHOICE_END,
};

const struct choice choice_tasks[] = {
    { "pairs", TASK_PAIRS },       { "colorize", TASK_COLORIZE },
    { "superres", TASK_SUPERRES }, { "denoise", TASK_DENOISE },
    { "inpaint", TASK_INPAINT },   { "edges", TASK_EDGES },
    { "segment", TASK_SEGMENT },   CHOICE_END,
};

const struct choice choice_labels[] = {
    { "input", LABELS_INPUT },
    { "output", LABELS_OUTPUT },
    { "both", LABELS_BOTH },
    CHOICE_END,
};

const struct choice choice_holes[] = {
    { "center", HOLE_CENTER },
    { "random", HOLE_RANDOM },
    { "mask", HOLE_MASK },
    CHOICE_END,
};

const struct choice choice_filters[] = {
    { "bicubic", RESIZE_BICUBIC },
    { "bilinear", RESIZE_BILINEAR },
    { "area", RESIZE_AREA },
    { "nearest", RESIZE_NEAREST },
    CHOICE_END,
};

// The port's --gan_mode has vanilla, lsgan and wgangp, the last without its penalty.
// `none` is the Lua original's use_GAN=0 and affinelayer's --gan_weight 0.
const struct choice choice_gan_modes[] = {
    { "vanilla", GAN_VANILLA }, { "lsgan", GAN_LSGAN }, { "hinge", GAN_HINGE },
    { "wgangp", GAN_WGANGP },   { "none", GAN_NONE },   CHOICE_END,
};

const struct choice choice_update_orders[] = {
    { "fresh", false },
    { "reuse", true },
    CHOICE_END,
};

const struct choice choice_lr_policies[] = {
    { "linear", LR_LINEAR },   { "step", LR_STEP }, { "cosine", LR_COSINE },
    { "plateau", LR_PLATEAU }, CHOICE_END,
};

const struct choice choice_optimizers[] = {
    { "adam", OPTIMIZER_ADAM },
    { "sgd", OPTIMIZER_SGD },
    CHOICE_END,
};

const struct choice choice_precisions[] = {
    { "f32", PRECISION_F32 },
    { "f16", PRECISION_F16 },
    { "bf16", PRECISION_BF16 },
    { "auto", PRECISION_AUTO },
    CHOICE_END,
};

const struct choice choice_on_nan[] = {
    { "stop", false },
    { "continue", true },
    CHOICE_END,
};

// "lpips" is that of the lpips package, unless it is told which.
const struct choice choice_metrics[] = {
    { "l1", PIX_METRIC_L1 },
    { "mse", PIX_METRIC_MSE },
    { "psnr", PIX_METRIC_PSNR },
    { "ssim", PIX_METRIC_SSIM },
    { "ms_ssim", PIX_METRIC_MS_SSIM },
    { "lpips_alex", PIX_METRIC_LPIPS_ALEX },
    { "lpips_squeeze", PIX_METRIC_LPIPS_SQUEEZE },
    { "lpips_vgg", PIX_METRIC_LPIPS_VGG },
    { "lpips", PIX_METRIC_LPIPS_ALEX },
    CHOICE_END,
};

bool choice_metric_rises(enum pix_metric metric)
{
    return metric == PIX_METRIC_PSNR || metric == PIX_METRIC_SSIM ||
           metric == PIX_METRIC_MS_SSIM;
}

// TUNING_FILE has no name: any other text is the path.
const struct choice choice_tunings[] = {
    { "auto", TUNING_AUTO },
    { "on", TUNING_ON },
    { "off", TUNING_OFF },
    CHOICE_END,
};

// `paper` is what the port, the Lua original and affinelayer do unless told otherwise,
// `running` is the port's --eval. None of the three has `stable` for a network that was
// trained with dropout.
const struct choice choice_translation_modes[] = {
    { "stable", TRANSLATION_STABLE },
    { "paper", TRANSLATION_PAPER },
    { "running", TRANSLATION_RUNNING },
    CHOICE_END,
};

const struct choice choice_scalings[] = {
    { "resize", FIT_RESIZE },
    { "scale_width", FIT_WIDTH },
    { "none", FIT_NOTHING },
    CHOICE_END,
};

const struct choice choice_tile_statistics[] = {
    { "exact", false },
    { "sample", true },
    CHOICE_END,
};

bool choice_find(const struct choice *table, const char *name, int *value)
{
    for (; name && table->name; table++)
        if (strcmp(table->name, name) == 0) {
            *value = table->value;
            return true;
        }
    return false;
}

int choice_value(const struct choice *table, const char *name)
{
    int value = 0;
    // Options have been checked against table.c by now: an unknown name is a bug.
    const bool is_found = choice_find(table, name, &value);
    assert(is_found);
    (void)is_found;
    return value;
}

const char *choice_name(const struct choice *table, int value)
{
    while (table->name && table->value != value)
        table++;
    assert(table->name);
    return table->name;
}

const char *choice_list(const struct choice *table, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (const struct choice *c = table; c->name && used < size; c++)
        used += (size_t)snprintf(text + used, size - used, "%s%s",
                                 c == table  ? ""
                                 : c[1].name ? ", "
                                             : " or ",
                                 c->name);
    return text;
}
