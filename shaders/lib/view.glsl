// SPDX-License-Identifier: MIT
//
// Index of element i of a tensor whose samples have `run` elements. See struct view in
// shared/base.h.

uint view_index(view v, uint run, uint i)
{
    return v.offset + (v.stride == run ? i : i / run * v.stride + i % run);
}
