// SPDX-License-Identifier: MIT
//
// Where a kernel's matrix product (lib/product.glsl) reads its operands: A from binding 1,
// B from binding 0.

// Declares both tensors and, of lib/tile.glsl, load_a and load_b; with MATRIX also number_a,
// eight_a and number_b of lib/matrix.glsl.
#define OPERANDS(a, b)                                                                   \
    TENSOR_READ(0, b)                                                                    \
    TENSOR_READ(1, a)                                                                    \
    float load_a(uint index) { return a##_at(index); }                                   \
    float load_b(uint index) { return b##_at(index); }                                   \
    OPERAND_NUMBERS(a, b)

#ifdef MATRIX
#define OPERAND_NUMBERS(a, b)                                                               \
    TENSOR_NUMBERS(1, a)                                                                    \
    TENSOR_NUMBERS(0, b)                                                                    \
    float16_t number_a(uint index) { return a##_number(index); }                        \
    uvec4 eight_a(uint index) { return a##_eight(index); }                               \
    float16_t number_b(uint index) { return b##_number(index); }
#else
#define OPERAND_NUMBERS(a, b)
#endif
