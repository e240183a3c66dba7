// SPDX-License-Identifier: MIT
//
// The kind of file that torch.save wrote before PyTorch 1.6, see pth_legacy.c.

#ifndef FORMATS_PTH_LEGACY_H
#define FORMATS_PTH_LEGACY_H

#include "formats/pth_tensors.h"

#define PTH_LEGACY_HEAD 23u    // bytes that pth_legacy_looks_like wants to see

// Whether a file with these first bytes is of this kind.
bool pth_legacy_looks_like(const uint8_t head[PTH_LEGACY_HEAD]);

// Fills the entries of `p`, whose stream is open. False after one message.
bool pth_legacy_open(struct pth *p);

#endif
