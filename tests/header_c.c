// SPDX-License-Identifier: MIT
//
// The public header as the only include of a C file.

#include "pix2pix.h"

const char *header_c(void);

const char *header_c(void)
{
    return pix_version();
}
