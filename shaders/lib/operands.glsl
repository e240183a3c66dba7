// SPDX-License-Identifier: MIT
//
// Where a kernel's matrix product (lib/product.glsl) reads its operands: A from binding 1,
// B from binding 0.

// Declares both tensors and, of lib/tile.glsl, load_a and load_b; with MATRIX also bits_a,
// eight_a and bits_b of lib/matrix.glsl.
#define OPERANDS(a, b)                                                                   \
    TENSOR_READ(0, b)                                                                    \
    TENSOR_READ(1, a)                                                                    \
    float load_a(uint index) { return a##_at(index); }                                   \
    float load_b(uint index) { return b##_at(index); }                                   \
    OPERAND_BITS(a, b)

#ifdef MATRIX
#ifdef PIX_BF16
#define A_FORMAT FORMAT_BF16
#define B_FORMAT FORMAT_BF16
#else
#define A_FORMAT format_of(1)
#define B_FORMAT format_of(0)
#endif
#define OPERAND_BITS(a, b)                                                               \
    TENSOR_BITS(1, a)                                                                    \
    TENSOR_BITS(0, b)                                                                    \
    uint bits_a(uint index) { return a##_bits(index); }                                  \
    uvec4 eight_a(uint index) { return a##_eight(index); }                               \
    uint bits_b(uint index) { return b##_bits(index); }
#else
#define OPERAND_BITS(a, b)
#endif
