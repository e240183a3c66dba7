// SPDX-License-Identifier: MIT
//
// The table of recipes. See recipes.h.

#include "settings/recipes.h"

#include "settings/table.h"

#include <stdio.h>
#include <string.h>

// In terms of other options, as the implementation of that name has them
// (docs/training.md says what a recipe does not reproduce).
static const struct recipe_row {
    const char *option, *pytorch, *lua, *affinelayer;
} recipe_rows[] = {
    { "norm", "batch", "batch", "batch" },
    { "bias", "auto", "auto", "all" },
    { "norm-innermost", "false", "false", "true" },
    { "concat", "skip_first", "decoder_first", "decoder_first" },
    { "dropout-at", "d2-d4", "d1-d3", "d1-d3" },
    { "resize-filter", "bicubic", "bilinear", "area" },
    { "gan-mode", "vanilla", "vanilla", "vanilla" },
    { "d-loss-weight", "0.5", "1", "1" },
    { "update-order", "fresh", "reuse", "reuse" },
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
        used +=
            (size_t)snprintf(text + used, size - used, "%s--%s%s%s", used ? " " : "",
                             r.option, is_flag ? "" : " ", is_flag ? "" : r.value);
    }
    return true;
}
