// SPDX-License-Identifier: MIT
//
// Images from files or memory through a translator, to files or memory.

#ifndef TRANSLATE_ITEMS_H
#define TRANSLATE_ITEMS_H

#include "base/base.h"
#include "pix2pix.h"

struct translator;

// See pix_translator_run_many.
bool items_translate(struct translator *t, struct pix_translate_item *items,
                     size_t count, pix_translate_done *done, void *user);

// See pix_translator_plan_item.
bool items_plan(struct translator *t, const struct pix_translate_item *item,
                struct pix_plan *plan);

#endif
