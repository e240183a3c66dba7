// SPDX-License-Identifier: MIT
//
// What a convolution does to an activation that it reads. See shared/conv.h. The kernel
// declares its params as p, of type conv_params or with a member `conv`, and defines
// CONV_PARAMS as the former.

layout(constant_id = CONV_SPEC_LOAD) const uint load = CONV_LOAD_PLAIN;

float conv_leaky(float v)
{
    // NaN stays. 0 for an infinity under slope 0, as PyTorch has it, not 0 times it.
    if ((load & CONV_LOAD_RELU) != 0)
        return v <= 0.0 ? 0.0 : v;
    float below = CONV_PARAMS.slope * v;    // outside ?:, which else becomes a branch
    return v > 0.0 ? v : below;
}

float conv_load_x(float v)
{
    return (load & ~CONV_LOAD_RELU) == CONV_LOAD_X ? conv_leaky(v) : v;
}

float conv_load_y(float v)
{
    return (load & ~CONV_LOAD_RELU) == CONV_LOAD_Y ? conv_leaky(v) : v;
}

// Where sample n starts.
uint conv_x(uint n)
{
    return CONV_PARAMS.x.offset + n * CONV_PARAMS.x.stride;
}

uint conv_y(uint n)
{
    return CONV_PARAMS.y.offset + n * CONV_PARAMS.y.stride;
}

uint conv_z(uint n)
{
    return CONV_PARAMS.z.offset + n * CONV_PARAMS.z.stride;
}
