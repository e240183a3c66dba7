// SPDX-License-Identifier: MIT
//
// Images from files or memory through a translator, to files or memory.

#ifndef TRANSLATE_ITEMS_H
#define TRANSLATE_ITEMS_H

#include "base/base.h"
#include "pix2pix.h"

struct translator;

// See pix_translator_run and pix_translator_run_array: whole or in tiles.
bool items_translate_image(struct translator *t, const struct pix_image *in,
                           struct pix_image *out);
bool items_translate_array(struct translator *t, const struct pix_array *in,
                           struct pix_array *out);

// See pix_translator_run_many.
bool items_translate(struct translator *t, struct pix_translate_item *items,
                     size_t count, pix_translate_done *done, void *user);

// See pix_translator_plan and pix_translator_plan_item.
bool items_plan_size(struct translator *t, uint32_t width, uint32_t height,
                     struct pix_plan *plan);
bool items_plan(struct translator *t, const struct pix_translate_item *item,
                struct pix_plan *plan);

#endif
