// SPDX-License-Identifier: MIT
//
// What `--recipe NAME` sets: the options in which an implementation of pix2pix differs.

#ifndef SETTINGS_RECIPES_H
#define SETTINGS_RECIPES_H

#include "base/base.h"

struct recipe_setting {
    const char *option;    // its name, without dashes
    const char *value;
};

// Setting i of a recipe; false behind the last one. An unknown name is pytorch.
bool recipes_setting(const char *recipe, size_t i, struct recipe_setting *out);

// The settings of a recipe as on a command line, but for flags that are off. False if
// there is no recipe of this name. See pix_train_recipe.
bool recipes_text(const char *name, char *text, size_t size);

#endif
