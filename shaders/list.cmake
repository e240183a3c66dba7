# SPDX-License-Identifier: MIT
#
# All kernels, one .comp each. The enum in engine/gpu/shaders.h is made from this list.
set(PIX_SHADERS
  activation_backward
  activation_forward
  adam
  add
  affine
  bench_copy
  bench_empty
  bench_fma
  concat
  conv_backward_bias
  conv_backward_input
  conv_backward_input_fetch
  conv_backward_input_tiled
  conv_backward_input_vector
  conv_backward_weight
  conv_backward_weight_fetch
  conv_backward_weight_tiled
  conv_forward
  conv_forward_fetch
  conv_forward_tiled
  conv_forward_vector
  conv_reduce
  conv_reduce_weight
  cross_entropy_backward
  cross_entropy_forward
  distance_backward
  distance_factors
  distance_forward
  dropout
  ema
  fill
  interpolate
  loss_backward
  loss_forward
  moments
  norm_backward
  norm_backward_affine
  norm_fixed
  norm_follow
  norm_forward
  norm_update
  pad_backward
  pad_forward
  penalty_backward
  penalty_forward
  pixels_augment
  pixels_pack
  pixels_unpack
  pool_backward
  pool_forward
  reduce_sum
  scaler
  sgd
  softmax_backward
  softmax_forward
  unit_backward
  unit_forward
  upsample_backward
  upsample_forward)

# Those of them, and of the probed ones, that read or write tensors of 16 bits: each is
# compiled a second time as NAME_16, with PIX_16BIT (lib/tensor.glsl).
set(PIX_SHADERS_16
  activation_backward
  activation_forward
  adam
  add
  bench_copy
  concat
  conv_backward_bias
  conv_backward_input
  conv_backward_input_fetch
  conv_backward_input_share
  conv_backward_input_tiled
  conv_backward_input_vector
  conv_backward_weight
  conv_backward_weight_fetch
  conv_backward_weight_share
  conv_backward_weight_tiled
  conv_forward
  conv_forward_fetch
  conv_forward_share
  conv_forward_tiled
  conv_forward_vector
  conv_reduce
  conv_reduce_weight
  dropout
  fill
  moments
  norm_backward
  norm_fixed
  norm_forward
  pad_backward
  pad_forward
  sgd
  upsample_backward
  upsample_forward)

# Kernels for matrix units. The glslc of Debian 12 cannot compile them: their SPIR-V is in
# spirv/, made by tools/compile_matrix.sh, which also makes NAME_scaled of those of
# convolutions, and NAME_bf16 of each, with PIX_BF16, for operands in bf16. These read and
# write tensors of any format.
set(PIX_SHADERS_MATRIX
  bench_matrix
  conv_backward_input_matrix
  conv_backward_weight_matrix
  conv_forward_matrix)

# Those of all that a network in f16 is trained with, compiled as NAME_scaled, with
# PIX_SCALED (lib/scaler.glsl): they say where a gradient that they store in 16 bits
# overflows, or they heed the loss scale.
set(PIX_SHADERS_MARKING
  activation_backward
  add
  concat
  conv_backward_input
  conv_backward_input_fetch
  conv_backward_input_matrix
  conv_backward_input_share
  conv_backward_input_tiled
  conv_backward_input_vector
  conv_forward
  conv_forward_fetch
  conv_forward_matrix
  conv_forward_share
  conv_forward_tiled
  conv_forward_vector
  conv_reduce
  dropout
  norm_backward
  norm_forward
  pad_backward
  upsample_backward)
set(PIX_SHADERS_UNSCALING
  adam
  conv_backward_weight
  conv_backward_weight_fetch
  conv_backward_weight_matrix
  conv_backward_weight_share
  conv_backward_weight_tiled
  conv_reduce_weight
  cross_entropy_backward
  loss_backward
  norm_update
  sgd)

# Kernels that need an extension which not every glslc knows. One that this glslc cannot
# compile has an empty entry in the table and counts as unsupported.
set(PIX_SHADERS_PROBED
  bench_fma_f16
  conv_backward_input_share
  conv_backward_weight_share
  conv_forward_share)
