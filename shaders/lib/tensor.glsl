// SPDX-License-Identifier: MIT
//
// Tensors whose elements may have 16 bits: TENSOR_READ(0, x) declares binding 0, with
// x_at(i) for element i as a float; TENSOR_WRITE(1, y) has y_set(i, value), TENSOR(2, z)
// has both. A kernel that includes this is compiled twice: for floats, and with
// PIX_16BIT for tensors of any format, which the constant says for each binding. The
// numbers that are stored are rounded to nearest; what f16 cannot hold becomes infinite.

#ifndef LIB_TENSOR
#define LIB_TENSOR

#include "lib/scaler.glsl"

#ifdef PIX_16BIT

layout(constant_id = SPEC_FORMATS) const uint formats = 0;

uint format_of(uint place)
{
    return formats >> FORMAT_BITS * place & ((1 << FORMAT_BITS) - 1);
}

// From the bits of a number in any format.
float number_from(uint bits, uint format)
{
    return format == FORMAT_F32   ? uintBitsToFloat(bits)
           : format == FORMAT_F16 ? unpackHalf2x16(bits).x
                                  : uintBitsToFloat(bits << 16);
}

// To those of 16. To nearest, ties to even; NaN stays NaN.
uint number_to_16(float v, uint format)
{
    if (format == FORMAT_F16)
        return packHalf2x16(vec2(v, 0.0)) & 0xffff;
    uint bits = floatBitsToUint(v);
    bool is_nan = (bits & 0x7fffffff) > 0x7f800000;
    return is_nan ? bits >> 16 | 0x40 : bits + 0x7fff + (bits >> 16 & 1) >> 16;
}

// Says that a gradient or an activation of these bits is not finite.
void number_mark(uint bits, uint format)
{
#ifdef SCALER_MARKS
#ifdef PIX_SCALED
    if (format == FORMAT_F16 && (bits & 0x7c00) == 0x7c00)
        scaler.overflow = 1;
#endif
#endif
}

#define TENSOR_BLOCKS(place, name, qualifier)                                            \
    layout(binding = place) qualifier buffer name##_floats_block { float name##_floats[]; }; \
    layout(binding = place) qualifier buffer name##_halves_block { uint16_t name##_halves[]; };
#define TENSOR_AT(place, name)                                                           \
    float name##_at(uint i)                                                              \
    {                                                                                    \
        if (format_of(place) == FORMAT_F32)                                              \
            return name##_floats[i];                                                     \
        return number_from(uint(name##_halves[i]), format_of(place));                    \
    }
#define TENSOR_SET(place, name)                                                          \
    void name##_set(uint i, float v)                                                     \
    {                                                                                    \
        if (format_of(place) == FORMAT_F32) {                                            \
            name##_floats[i] = v;                                                        \
        } else {                                                                         \
            uint bits = number_to_16(v, format_of(place));                               \
            number_mark(bits, format_of(place));                                         \
            name##_halves[i] = uint16_t(bits);                                           \
        }                                                                                \
    }

#else

#define TENSOR_BLOCKS(place, name, qualifier)                                            \
    layout(binding = place) qualifier buffer name##_floats_block { float name##_floats[]; };
#define TENSOR_AT(place, name)                                                           \
    float name##_at(uint i)                                                              \
    {                                                                                    \
        return name##_floats[i];                                                         \
    }
#define TENSOR_SET(place, name)                                                          \
    void name##_set(uint i, float v)                                                     \
    {                                                                                    \
        name##_floats[i] = v;                                                            \
    }

#endif

#define TENSOR_READ(place, name) TENSOR_BLOCKS(place, name, readonly) TENSOR_AT(place, name)
#define TENSOR_WRITE(place, name) TENSOR_BLOCKS(place, name, writeonly) TENSOR_SET(place, name)
#define TENSOR(place, name)                                                              \
    TENSOR_BLOCKS(place, name, ) TENSOR_AT(place, name) TENSOR_SET(place, name)

// What TENSOR_READ has declared, of f16, as it is stored: name_number(i), one element, and
// name_eight(i), eight neighbours at a multiple of eight.
#ifdef PIX_16BIT
#define TENSOR_NUMBERS(place, name)                                                      \
    layout(binding = place) readonly buffer name##_numbers_block { float16_t name##_numbers[]; }; \
    layout(binding = place) readonly buffer name##_eights_block { uvec4 name##_eights[]; }; \
    float16_t name##_number(uint i)                                                      \
    {                                                                                    \
        return name##_numbers[i];                                                        \
    }                                                                                    \
    uvec4 name##_eight(uint i)                                                           \
    {                                                                                    \
        return name##_eights[i / 8];                                                     \
    }
#endif

// As TENSOR_READ, of a uniform texel buffer of one or four numbers a texel: name_texel(i).
#ifdef PIX_16BIT
#define TENSOR_TEXELS(place, name)                                                       \
    layout(binding = place) uniform utextureBuffer name##_texels;                        \
    vec4 name##_texel(int i)                                                             \
    {                                                                                    \
        uvec4 bits = texelFetch(name##_texels, i);                                       \
        uint f = format_of(place);                                                       \
        return vec4(number_from(bits.x, f), number_from(bits.y, f),                      \
                    number_from(bits.z, f), number_from(bits.w, f));                     \
    }
#else
#define TENSOR_TEXELS(place, name)                                                       \
    layout(binding = place) uniform textureBuffer name##_texels;                         \
    vec4 name##_texel(int i)                                                             \
    {                                                                                    \
        return texelFetch(name##_texels, i);                                             \
    }
#endif

#endif
