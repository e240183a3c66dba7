// SPDX-License-Identifier: MIT
//
// One file of LPIPS's weights from those that users can download. Needs no device.

#ifndef STORE_LPIPS_CONVERT_H
#define STORE_LPIPS_CONVERT_H

#include "pix2pix.h"

// See pix_convert_lpips in pix2pix.h. False after one message.
bool lpips_convert_run(const struct pix_lpips_options *options);

#endif
