// SPDX-License-Identifier: MIT
//
// The loss scale, see shared/scaler.h, in kernels that are compiled with PIX_SCALED. They
// define SCALER_BINDING, and SCALER_MARKS if they may find an overflow.

#ifndef LIB_SCALER
#define LIB_SCALER

#ifdef PIX_SCALED
#include "shared/scaler.h"
#ifdef SCALER_MARKS
layout(binding = SCALER_BINDING) buffer Scaler { scaler_block scaler; };
#else
layout(binding = SCALER_BINDING) readonly buffer Scaler { scaler_block scaler; };
#endif
#endif

// What the gradient of a loss is multiplied by.
float scaler_scale()
{
#ifdef PIX_SCALED
    return scaler.scale;
#else
    return 1.0;
#endif
}

// What a gradient of a weight is multiplied by.
float scaler_inverse()
{
#ifdef PIX_SCALED
    return scaler.inverse;
#else
    return 1.0;
#endif
}

bool scaler_skips()
{
#ifdef PIX_SCALED
    return scaler.skip != 0;
#else
    return false;
#endif
}

#endif
