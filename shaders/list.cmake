# SPDX-License-Identifier: MIT
#
# All kernels, one .comp each. The enum in engine/gpu/shaders.h is made from this list.
set(PIX_SHADERS
  activation_backward
  activation_forward
  adam
  add
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
  dropout
  ema
  fill
  interpolate
  loss_backward
  loss_forward
  norm_backward
  norm_backward_affine
  norm_fixed
  norm_forward
  norm_update
  pad_backward
  pad_forward
  penalty_backward
  penalty_forward
  pixels_pack
  pixels_unpack
  reduce_sum
  sgd
  upsample_backward
  upsample_forward)

# Kernels that need an extension which not every glslc knows. One that this glslc cannot
# compile has an empty entry in the table and counts as unsupported.
set(PIX_SHADERS_PROBED
  bench_fma_f16
  conv_backward_input_share
  conv_backward_weight_share
  conv_forward_share)
