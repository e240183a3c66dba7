// SPDX-License-Identifier: MIT
//
// The table of recipes. See recipes.h.

#include "settings/recipes.h"

#include "settings/table.h"

#include <stdio.h>
#include <string.h>

// In terms of other options, as the implementation of that name has them
// (docs/training.md says what a recipe does not reproduce). pytorch is
// junyanz/pytorch-CycleGAN-and-pix2pix, lua phillipi/pix2pix, affinelayer
// affinelayer/pix2pix-tensorflow. Rows with three equal values are there because a
// recipe replaces whatever was set before it.
static const struct recipe_row {
    const char *option, *pytorch, *lua, *affinelayer;
} recipe_rows[] = {
    { "norm", "batch", "batch", "batch" },
    // The Lua original has biases, but sets those of convolutions to 0 in every step.
    { "bias", "auto", "auto", "all" },
    // A 1x1 map of one image is normalised to 0: affinelayer's innermost level then
    // gives its beta, whatever the image shows. So did the network of the paper's
    // experiments (phillipi/pix2pix, issue 176).
    { "norm-innermost", "false", "false", "true" },
    { "concat", "skip_first", "decoder_first", "decoder_first" },
    // The paper and both originals: the three innermost decoders.
    { "dropout-at", "d2-d4", "d1-d3", "d1-d3" },
    // PIL's BICUBIC, the default of Torch's image.scale, TensorFlow's AREA.
    { "resize-filter", "bicubic", "bilinear", "area" },
    { "gan-mode", "vanilla", "vanilla", "vanilla" },
    // The originals learn from real + fake; Lua's errD is halved when it is printed.
    { "d-loss-weight", "0.5", "1", "1" },
    // Lua keeps D's output of its own update, affinelayer has one graph for both.
    { "update-order", "fresh", "reuse", "reuse" },
    // 200 epochs at one rate: the linear policy without a decay.
    { "lr-policy", "linear", "linear", "linear" },
    { "n-epochs", "100", "200", "200" },
    { "n-epochs-decay", "100", "0", "0" },
};

bool recipes_setting(const char *recipe, size_t i, struct recipe_setting *out)
{
    if (i >= ARRAY_LEN(recipe_rows))
        return false;
    const struct recipe_row *row = &recipe_rows[i];
    out->option = row->option;
    out->value = strcmp(recipe, "lua") == 0           ? row->lua
                 : strcmp(recipe, "affinelayer") == 0 ? row->affinelayer
                                                      : row->pytorch;
    return true;
}

bool recipes_text(const char *name, char *text, size_t size)
{
    const struct pix_option *recipe = table_find("recipe");
    struct recipe_setting r;
    size_t used = 0;
    if (size > 0)
        *text = 0;
    if (!table_has_choice(recipe, name))
        return false;
    for (size_t i = 0; recipes_setting(name, i, &r) && used < size; i++) {
        const bool is_flag = table_find(r.option)->type == PIX_OPTION_FLAG;
        if (is_flag && strcmp(r.value, "false") == 0)
            continue;
        // snprintf returns the length without the cut: `used` passes `size` at the end.
        used +=
            (size_t)snprintf(text + used, size - used, "%s--%s%s%s", used ? " " : "",
                             r.option, is_flag ? "" : " ", is_flag ? "" : r.value);
    }
    return true;
}
