// SPDX-License-Identifier: MIT
//
// Converting the weights of one network from one kind of file to another. Needs no
// device.

#ifndef STORE_CONVERT_H
#define STORE_CONVERT_H

#include "pix2pix.h"

// See pix_convert in pix2pix.h. False after one message.
bool convert_run(const struct pix_convert_options *options);

#endif
