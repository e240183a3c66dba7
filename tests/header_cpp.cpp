// SPDX-License-Identifier: MIT
//
// The public header as the only include of a C++ file.

#include "pix2pix.h"

extern "C" const char *header_cpp(void)
{
    return pix_version();
}
