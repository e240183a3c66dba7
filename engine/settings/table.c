// SPDX-License-Identifier: MIT
//
// The table of training options. The command line, its help, the manual page,
// configuration files and the stored form of a run's options all come from it.

#include "settings/table.h"

#include "data/split_ratio.h"
#include "settings/range.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

// The default of the largest crop, 286/256 of it, is below.
#define LOAD_MAX 32768
#define CHANNELS_MAX 64    // PIXEL_MAX_CHANNELS

// Doubles hold every integer up to here, 2^53.
#define EXACT_MAX 9007199254740992.0

// The largest integer of JSON is INT64_MAX; the nearest double is one more.
#define WHOLE_MAX 9223372036854775807.0

#define FIELD(member) offsetof(struct pix_train_options, member)

// The two flags of a row answer two questions. The first, may_change: is a resumed run
// with another value still the same run? Only where nothing that a step computes
// follows from the option. The second, is_run_state: would the value mean nothing in
// another place or at another time? Then it is neither stored nor compared with what
// was stored. Texts are paths, which are not compared either, since folders move;
// train/run.c has a rule of its own for that of the data.
//
// The order is that of the help: a group goes on until the next row with a heading.
static const struct pix_option table[] = {
    { "recipe", PIX_OPTION_CHOICE, FIELD(recipe), 0, 0, "pytorch|lua|affinelayer",
      "NAME", "pytorch, lua or affinelayer: sets several options", false, false,
      "Run folder and data" },
    { "data", PIX_OPTION_TEXT, FIELD(data), 0, 0, NULL, "DIR",
      "folder with train/, optionally val/ and test/: images A|B, or A/ and B/", false,
      false },
    { "pairs", PIX_OPTION_TEXT, FIELD(pairs), 0, 0, NULL, "FILE",
      "in place of --data a CSV file: input,target,split", false, false },
    { "split-ratio", PIX_OPTION_RATIO, FIELD(split_ratio), 0, 0, NULL, "A:B:C",
      "divide the images of DIR or FILE: 0.8:0.1:0.1 for train, val, test", false,
      false },
    // Where a run lies is not a property of it: it may be moved and copied as a whole.
    { "out", PIX_OPTION_TEXT, FIELD(out), 0, 0, NULL, "RUN",
      "run folder, made if missing", false, true },
    { "direction", PIX_OPTION_CHOICE, FIELD(direction), 0, 0, "AtoB|BtoA", "NAME",
      "AtoB or BtoA", false, false },
    { "input-nc", PIX_OPTION_UINT32, FIELD(input_nc), 1, CHANNELS_MAX, NULL, "N",
      "channels of the input", false, false },
    { "output-nc", PIX_OPTION_UINT32, FIELD(output_nc), 1, CHANNELS_MAX, NULL, "N",
      "channels of the output", false, false },
    { "input-kind", PIX_OPTION_CHOICE, FIELD(input_kind), 0, 0, "auto|u8|u16|f32",
      "NAME", "sample type of the input: auto, u8, u16 or f32", false, false },
    { "output-kind", PIX_OPTION_CHOICE, FIELD(output_kind), 0, 0, "auto|u8|u16|f32",
      "NAME", "sample type of the output: auto, u8, u16 or f32", false, false },
    { "range", PIX_OPTION_RANGE, FIELD(range), 0, 0, "full|auto", "LO:HI",
      "u16, f32: samples LO to HI are used, full or auto", false, false },
    { "input-range", PIX_OPTION_RANGE, FIELD(input_range), 0, 0, "full|auto", "LO:HI",
      "the same of the input alone", false, false },
    { "output-range", PIX_OPTION_RANGE, FIELD(output_range), 0, 0, "full|auto", "LO:HI",
      "the same of the output alone", false, false },
    { "npy-order", PIX_OPTION_CHOICE, FIELD(read.npy_order), 0, 0, "chw|hwc", "NAME",
      "axes of .npy arrays: chw or hwc", false, false },
    { "no-orient", PIX_OPTION_FLAG, FIELD(read.no_orient), 0, 0, NULL, NULL,
      "pixels as they are stored, not turned as EXIF data says", false, false },
    // What is refused is not trained on, and the images of a run are its own.
    { "max-pixels", PIX_OPTION_UINT64, FIELD(read.max_pixels), 1, 1e12, NULL, "N",
      "refuse images of more pixels, before they are decoded", true, false },
    { "truncated", PIX_OPTION_CHOICE, FIELD(read.truncated), 0, 0, "refuse|keep",
      "NAME", "JPEG files that end early: refuse, or keep what is there", true, false },
    { "page", PIX_OPTION_UINT32, FIELD(read.page), 0, 65535, NULL, "N",
      "page of a TIFF that has several; 0: the first", false, false },
    { "alpha", PIX_OPTION_CHOICE, FIELD(read.alpha), 0, 0,
      "drop|keep|white|black|checker", "NAME",
      "transparent images: drop (the alpha), keep, white, black or checker", false,
      false },
    { "task", PIX_OPTION_CHOICE, FIELD(task), 0, 0,
      "pairs|segment|colorize|superres|denoise|inpaint|edges", "NAME",
      "pairs, segment, or of single images: colorize, superres, denoise, inpaint, edges",
      false, false, "Task" },
    { "palette", PIX_OPTION_TEXT, FIELD(palette), 0, 0, NULL, "FILE",
      "segment: colours of the classes, or auto: those of the training pairs", false,
      false },
    { "labels", PIX_OPTION_CHOICE, FIELD(labels), 0, 0, "input|output|both", "NAME",
      "segment: which side is label maps: input, output or both", false, false },
    { "factor", PIX_OPTION_UINT32, FIELD(factor), 0, 16, NULL, "N",
      "superres, pairs: inputs are so many times smaller; 0: 4 or 1", false, false },
    { "sigma", PIX_OPTION_REAL, FIELD(sigma), 0, 255, NULL, "X",
      "denoise: standard deviation of the noise, of 255", false, false },
    { "hole", PIX_OPTION_CHOICE, FIELD(hole), 0, 0, "center|random|mask", "NAME",
      "inpaint: center (half of each side), random or mask", false, false },
    { "hole-mask", PIX_OPTION_TEXT, FIELD(hole_mask), 0, 0, NULL, "FILE",
      "--hole mask: an image that is white in the hole", false, false },
    { "net-g", PIX_OPTION_CHOICE, FIELD(net_g), 0, 0,
      "unet|unet_256|unet_128|resnet_6blocks|resnet_9blocks|encoder_decoder", "NAME",
      "unet, unet_256, unet_128, resnet_6blocks, resnet_9blocks or encoder_decoder",
      false, false, "Networks" },
    // The range begins with 0 for a default, so that settings_check_levels refuses 1.
    { "depth", PIX_OPTION_UINT32, FIELD(depth), 0, TABLE_LEVELS_MAX, NULL, "N",
      "U-Net levels, 2 to 10; 0: as many as fit, 5 to 8", false, false },
    { "net-d", PIX_OPTION_CHOICE, FIELD(net_d), 0, 0, "basic|n_layers|pixel", "NAME",
      "basic (70x70), n_layers or pixel", false, false },
    // Six layers map the default crop to 2x2 logits; a seventh would leave none.
    { "n-layers-d", PIX_OPTION_UINT32, FIELD(n_layers_d), 1, TABLE_LAYERS_D_MAX, NULL,
      "N", "layers of --net-d n_layers, 1 to 6", false, false },
    { "ngf", PIX_OPTION_UINT32, FIELD(ngf), 1, 1024, NULL, "N",
      "filters in the generator's first layer", false, false },
    { "ndf", PIX_OPTION_UINT32, FIELD(ndf), 1, 1024, NULL, "N",
      "filters in the discriminator's first layer", false, false },
    { "no-condition", PIX_OPTION_FLAG, FIELD(no_condition), 0, 0, NULL, NULL,
      "the discriminator sees the output only", false, false },
    { "norm", PIX_OPTION_CHOICE, FIELD(norm), 0, 0, "batch|instance|none", "NAME",
      "batch, instance or none", false, false },
    { "norm-d", PIX_OPTION_CHOICE, FIELD(norm_d), 0, 0, "auto|batch|instance|none",
      "NAME", "the same of D; auto: as --norm, none for wgangp", false, false },
    { "upsample", PIX_OPTION_CHOICE, FIELD(upsample), 0, 0, "transpose|resize", "NAME",
      "transpose, or resize: nearest, then convolution", false, false },
    { "no-dropout", PIX_OPTION_FLAG, FIELD(no_dropout), 0, 0, NULL, NULL,
      "generator without dropout", false, false },
    // In these four the implementations' U-Nets differ: see recipes.c.
    { "dropout-at", PIX_OPTION_CHOICE, FIELD(dropout_at), 0, 0, "d2-d4|d1-d3", "NAME",
      "U-Net decoders with dropout: d2-d4 or d1-d3", false, false },
    { "bias", PIX_OPTION_CHOICE, FIELD(bias), 0, 0, "auto|all", "NAME",
      "auto: none before batch norm; all: everywhere", false, false },
    { "norm-innermost", PIX_OPTION_FLAG, FIELD(norm_innermost), 0, 0, NULL, NULL,
      "norm on the U-Net's smallest map too", false, false },
    { "concat", PIX_OPTION_CHOICE, FIELD(concat), 0, 0, "skip_first|decoder_first",
      "NAME", "U-Net concatenation: skip_first or decoder_first", false, false },
    { "init-type", PIX_OPTION_CHOICE, FIELD(init_type), 0, 0,
      "normal|xavier|kaiming|orthogonal", "NAME",
      "normal, xavier, kaiming or orthogonal", false, false, "Initial weights" },
    { "init-gain", PIX_OPTION_REAL, FIELD(init_gain), 0, 100, NULL, "X",
      "standard deviation or gain of initial weights", false, false },
    // Only the beginning of a run reads these: later its own checkpoints are newer, and
    // the files may be gone.
    { "init-g", PIX_OPTION_TEXT, FIELD(init_g), 0, 0, NULL, "FILE",
      "start the generator from a run or a weights file", false, true },
    { "init-d", PIX_OPTION_TEXT, FIELD(init_d), 0, 0, NULL, "FILE",
      "start the discriminator from a run or a weights file", false, true },
    { "preprocess", PIX_OPTION_CHOICE, FIELD(preprocess), 0, 0,
      "resize_and_crop|crop|scale_width|scale_width_and_crop|none", "NAME",
      "resize_and_crop, crop, scale_width, scale_width_and_crop or none", false, false,
      "Images" },
    { "resize-filter", PIX_OPTION_CHOICE, FIELD(resize_filter), 0, 0,
      "bicubic|bilinear|area|nearest", "NAME", "bicubic, bilinear, area or nearest",
      false, false },
    // Below 32 the five levels that --depth 0 has at least would not fit.
    { "crop-size", PIX_OPTION_SIZE, FIELD(crop_size), 32, TABLE_CROP_MAX, NULL, "SIZE",
      "what the networks see: the random crop, N or WxH", false, false },
    { "load-size", PIX_OPTION_SIZE, FIELD(load_size), 0, LOAD_MAX, NULL, "SIZE",
      "size before the crop, N or WxH; 0: 286/256 of it", false, false },
    { "no-flip", PIX_OPTION_FLAG, FIELD(no_flip), 0, 0, NULL, NULL,
      "never mirror images", false, false },
    { "serial-batches", PIX_OPTION_FLAG, FIELD(serial_batches), 0, 0, NULL, NULL,
      "images in the order of their names, not shuffled", false, false },
    { "max-dataset-size", PIX_OPTION_UINT32, FIELD(max_dataset_size), 0, UINT32_MAX,
      NULL, "N", "use only the first N images; 0: all", false, false },
    // Samples are drawn by their number (data/order.c), whoever decodes them.
    { "threads", PIX_OPTION_UINT32, FIELD(threads), 0, 256, NULL, "N",
      "decoder threads; 0: as many as useful", true, false },
    { "rotate", PIX_OPTION_FLAG, FIELD(rotate), 0, 0, NULL, NULL,
      "turn pairs by 90 degrees and more, by 180 where crops are not square", false,
      false, "Augmentation" },
    { "flip-vertical", PIX_OPTION_FLAG, FIELD(flip_vertical), 0, 0, NULL, NULL,
      "mirror pairs top to bottom too", false, false },
    { "scale-jitter", PIX_OPTION_REAL, FIELD(scale_jitter), 0, 0.5, NULL, "X",
      "scale pairs by 1-X to 1+X", false, false },
    { "aspect-jitter", PIX_OPTION_REAL, FIELD(aspect_jitter), 0, 1, NULL, "X",
      "stretch pairs by up to 1+X, in width or height", false, false },
    { "brightness", PIX_OPTION_REAL, FIELD(brightness), 0, 1, NULL, "X",
      "inputs: add up to X of the range, or take it", false, false },
    { "contrast", PIX_OPTION_REAL, FIELD(contrast), 0, 1, NULL, "X",
      "inputs: contrast times 1-X to 1+X", false, false },
    { "noise", PIX_OPTION_REAL, FIELD(noise), 0, 255, NULL, "X",
      "inputs: standard deviation of Gaussian noise, of 255", false, false },
    { "gan-mode", PIX_OPTION_CHOICE, FIELD(gan_mode), 0, 0,
      "vanilla|lsgan|hinge|wgangp|none", "NAME",
      "vanilla, lsgan, hinge, wgangp or none", false, false, "Losses" },
    { "lambda-l1", PIX_OPTION_REAL, FIELD(lambda_l1), 0, 1e6, NULL, "X",
      "weight of the L1 loss; 0: none", false, false },
    { "lambda-ce", PIX_OPTION_REAL, FIELD(lambda_ce), 0, 1e6, NULL, "X",
      "segment: weight of the cross entropy of output labels; 0: none", false, false },
    { "lambda-gp", PIX_OPTION_REAL, FIELD(lambda_gp), 0, 1e6, NULL, "X",
      "weight of the gradient penalty of --gan-mode wgangp", false, false },
    { "gp-alpha", PIX_OPTION_REAL, FIELD(gp_alpha), -1, 1, NULL, "X",
      "where it is taken, 0 fake to 1 real; negative: random", false, false },
    // Not 0, which in objective_options stands for the default.
    { "d-loss-weight", PIX_OPTION_REAL, FIELD(d_loss_weight), 0.001, 1000, NULL, "X",
      "weight of D's loss", false, false },
    { "update-order", PIX_OPTION_CHOICE, FIELD(update_order), 0, 0, "fresh|reuse",
      "NAME", "fresh: G sees the updated D; reuse: D's earlier pass", false, false },
    { "batch-size", PIX_OPTION_UINT32, FIELD(batch_size), 1, 4096, NULL, "N",
      "images per batch", false, false, "Optimisation" },
    { "accumulate", PIX_OPTION_UINT32, FIELD(accumulate), 1, 4096, NULL, "N",
      "batches per step: their gradients are added up", false, false },
    // The exceptions: the learning rate follows from them, but to train longer is what
    // runs are resumed for. Steps that were taken are not taken again.
    { "n-epochs", PIX_OPTION_UINT32, FIELD(n_epochs), 0, 1000000, NULL, "N",
      "epochs at the full learning rate", true, false },
    { "n-epochs-decay", PIX_OPTION_UINT32, FIELD(n_epochs_decay), 0, 1000000, NULL, "N",
      "epochs of decay to zero", true, false },
    { "lr-policy", PIX_OPTION_CHOICE, FIELD(lr_policy), 0, 0,
      "linear|step|cosine|plateau", "NAME", "linear, step, cosine or plateau", false,
      false },
    { "lr-decay-iters", PIX_OPTION_UINT32, FIELD(lr_decay_iters), 1, 1000000, NULL, "N",
      "epochs between steps of --lr-policy step", false, false },
    { "optimizer", PIX_OPTION_CHOICE, FIELD(optimizer), 0, 0, "adam|sgd", "NAME",
      "adam or sgd", false, false },
    { "lr", PIX_OPTION_REAL, FIELD(lr), 0, 10, NULL, "X", "learning rate", false,
      false },
    // Decays stay below 1. At 1 Adam's correction 1 - beta1^t would divide by 0,
    // momentum would never fade, and the average would never leave the first weights.
    { "beta1", PIX_OPTION_REAL, FIELD(beta1), 0, 0.9999, NULL, "X", "Adam's beta1",
      false, false },
    { "momentum", PIX_OPTION_REAL, FIELD(momentum), 0, 0.9999, NULL, "X",
      "SGD momentum", false, false },
    { "ema", PIX_OPTION_REAL, FIELD(ema), 0, 0.999999, NULL, "X",
      "decay of the average of G's weights; 0: no average", false, false },
    { "precision", PIX_OPTION_CHOICE, FIELD(precision), 0, 0, "f32|f16|bf16|auto",
      "NAME",
      "activations and products in f32, f16, bf16, or auto: f16 on matrix units", false,
      false },
    { "seed", PIX_OPTION_UINT64, FIELD(seed), 0, WHOLE_MAX, NULL, "N",
      "seed for weights, order, crops and dropout", false, false },
    // When to stop, when to write and what to keep: no step computes anything else for
    // it. A count of 1e15 steps is still exact in the doubles of schedule.c.
    { "steps", PIX_OPTION_UINT64, FIELD(steps), 0, 1e15, NULL, "N",
      "stop after N steps in total; 0: after all epochs", true, false, "Run" },
    { "save-freq", PIX_OPTION_UINT64, FIELD(save_freq), 0, 1e15, NULL, "N",
      "steps between checkpoints; 0: only at the end", true, false },
    { "log-freq", PIX_OPTION_UINT64, FIELD(log_freq), 1, 1e15, NULL, "N",
      "steps between lines of metrics.jsonl", true, false },
    { "sample-freq", PIX_OPTION_UINT64, FIELD(sample_freq), 0, 1e15, NULL, "N",
      "steps between sample grids; 0: only at the end", true, false },
    // Neither may change but for what is only reported, and how long a run may go on:
    // --lr-policy plateau lowers the rate by what validations found.
    { "val-freq", PIX_OPTION_UINT32, FIELD(val_freq), 0, 1000000, NULL, "N",
      "epochs between validations; 0: none, or 1 if needed", false, false },
    { "val-metrics", PIX_OPTION_TEXT, FIELD(val_metrics), 0, 0, NULL, "LIST",
      "what they compute: l1,mse,psnr,ssim,ms_ssim,lpips", true, false },
    { "lpips", PIX_OPTION_TEXT, FIELD(lpips), 0, 0, NULL, "FILE",
      "weights for LPIPS, made by convert --lpips; auto: those in the user's data folder",
      true, false },
    { "best", PIX_OPTION_CHOICE, FIELD(best), 0, 0,
      "none|l1|mse|psnr|ssim|ms_ssim|lpips|lpips_alex|lpips_squeeze|lpips_vgg",
      "METRIC", "keep the best checkpoint by a metric of validations", false, false },
    { "patience", PIX_OPTION_UINT32, FIELD(patience), 0, 1000000, NULL, "N",
      "end after N validations that are no better; 0: never", true, false },
    { "keep", PIX_OPTION_UINT32, FIELD(keep), 1, 1000000, NULL, "N",
      "checkpoints to keep", true, false },
    // Neither changes a number: a run stops or goes on with what it has.
    { "on-nan", PIX_OPTION_CHOICE, FIELD(on_nan), 0, 0, "stop|continue", "NAME",
      "a number that is not finite: stop, or continue", true, false },
    // An order for one start. What the run uses of a tuning is in its own tuning.json.
    { "continue", PIX_OPTION_FLAG, FIELD(continue_run), 0, 0, NULL, NULL,
      "resume the run in --out with its options", false, true },
    { "data-changed", PIX_OPTION_FLAG, FIELD(data_changed), 0, 0, NULL, NULL,
      "resume although the images are no longer those of the run", false, true },
    { "tuning", PIX_OPTION_TEXT, FIELD(tuning), 0, 0, NULL, "FILE",
      "kernels: auto (measured once on a GPU), on, off, or a tuning file", false,
      true },
};

const struct pix_option *table_rows(size_t *count)
{
    *count = ARRAY_LEN(table);
    return table;
}

// Names of options in the PyTorch port have '_' where these have '-'; both work.
static bool same_name(const char *a, const char *b)
{
    while (*a && (*a == '_' ? '-' : *a) == (*b == '_' ? '-' : *b))
        a++, b++;
    return *a == *b;
}

const struct pix_option *table_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (same_name(table[i].name, name))
            return &table[i];
    return NULL;
}

void *table_field(const struct pix_option *row, struct pix_train_options *o)
{
    return (char *)o + row->offset;
}

const void *table_field_const(const struct pix_option *row,
                              const struct pix_train_options *o)
{
    return (const char *)o + row->offset;
}

bool table_is_text(const struct pix_option *row)
{
    return row->type == PIX_OPTION_TEXT || row->type == PIX_OPTION_CHOICE ||
           row->type == PIX_OPTION_RANGE || row->type == PIX_OPTION_RATIO;
}

const char *table_text(const struct pix_option *row, const struct pix_train_options *o)
{
    assert(table_is_text(row));
    return *(const char *const *)table_field_const(row, o);
}

bool table_is_recipe(const struct pix_option *row)
{
    return row->offset == FIELD(recipe);
}

const char *table_describe(const struct pix_option *row, char *text, size_t size)
{
    switch (row->type) {
    case PIX_OPTION_FLAG:
        snprintf(text, size, "true or false");
        break;
    case PIX_OPTION_UINT32:
    case PIX_OPTION_UINT64:
        // Printed as a number, WHOLE_MAX would be 2^63, which is refused.
        if (row->max > EXACT_MAX)
            snprintf(text, size, "a whole number from %.0f to 2^63 - 1", row->min);
        else
            snprintf(text, size, "a whole number from %.0f to %.0f", row->min,
                     row->max);
        break;
    case PIX_OPTION_REAL:
        snprintf(text, size, "a number from %g to %g", row->min, row->max);
        break;
    case PIX_OPTION_TEXT:
        snprintf(text, size, "a non-empty text");
        break;
    case PIX_OPTION_CHOICE:
        snprintf(text, size, "one of %s", row->choices);
        break;
    case PIX_OPTION_SIZE:
        snprintf(text, size, "N or WIDTHxHEIGHT with sides from %.0f to %.0f", row->min,
                 row->max);
        break;
    case PIX_OPTION_RANGE:
        snprintf(text, size, "two numbers, LO:HI with LO below HI, or one of %s",
                 row->choices);
        break;
    case PIX_OPTION_RATIO:
        snprintf(text, size,
                 "three shares that are not all 0, for train, val and test, as "
                 "0.8:0.1:0.1");
        break;
    }
    return text;
}

// A text with '|' in it is none, though several choices in a row would equal it.
bool table_has_choice(const struct pix_option *row, const char *text)
{
    const size_t length = strcspn(text, "|");
    if (length == 0 || text[length])
        return false;
    for (const char *c = row->choices; c;
         c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
        if (strncmp(c, text, length) == 0 && (c[length] == '|' || c[length] == 0))
            return true;
    return false;
}

bool table_takes_text(const struct pix_option *row, const char *text)
{
    struct pixel_range range;
    struct split_ratio ratio;
    switch (row->type) {
    case PIX_OPTION_TEXT:
        return *text;
    case PIX_OPTION_CHOICE:
        return table_has_choice(row, text);
    case PIX_OPTION_RANGE:
        return table_has_choice(row, text) || range_parse(text, &range);
    case PIX_OPTION_RATIO:
        return split_ratio_parse(text, &ratio);
    default:
        return false;
    }
}

bool table_in_range(const struct pix_option *row, double value)
{
    return value >= row->min && value <= row->max;    // false for NaN
}

// 0 stands for a default, of both sides.
bool table_has_size(const struct pix_option *row, struct pix_size size)
{
    return table_in_range(row, size.width) && table_in_range(row, size.height) &&
           (size.width == 0) == (size.height == 0);
}
