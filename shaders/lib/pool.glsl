// SPDX-License-Identifier: MIT
//
// Where the maximum of a window is. See shared/pool.h. The kernel declares p and x.

layout(constant_id = POOL_SPEC_KERNEL) const uint kernel = 2;
layout(constant_id = POOL_SPEC_STRIDE) const uint stride = 2;

// The plane of a channel of a sample: where its first element is.
uint pool_plane(view v, uint plane, uint size)
{
    return v.offset + plane / p.channels * v.stride + plane % p.channels * size;
}

// The element of a plane that the window of row r and column q of y has for its maximum;
// `first` is that plane's first element in x.
uint pool_argmax(uint first, uint r, uint q)
{
    uint best = r * stride * p.w + q * stride;
    float most = x[first + best];
    uint rows = min(kernel, p.h - r * stride);
    uint columns = min(kernel, p.w - q * stride);
    for (uint a = 0; a < rows; a++)
        for (uint b = 0; b < columns; b++) {
            uint at = (r * stride + a) * p.w + q * stride + b;
            float v = x[first + at];
            if (v > most || isnan(v)) {
                best = at;
                most = v;
            }
        }
    return best;
}
