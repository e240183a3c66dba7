// SPDX-License-Identifier: MIT
//
// Row kernels: products whose operands come through uniform texel buffers and stay in
// registers. One invocation multiplies a LINE, neighbouring elements of a row of an
// image, by elements of REG_M channels of the other operand, A. Neighbouring sums meet
// the same elements of the line, so a line is fetched once and used REG_M * A_COUNT
// times, and where rows are multiples of four elements it is fetched in fours.
//
// All invocations of a workgroup need the same elements of A. With SHARE each lane of a
// subgroup of LANES fetches a part of them and gets the others by a shuffle from a lane
// whose number is a constant; without it each fetches them all.
//
// The kernel defines before including this:
//     A_COUNT                   elements of each channel of A in a step
//     LINE_FIRST, LINE_END      the elements of the line that are used; the line starts
//                               at a multiple of four
//     TENSOR_TEXELS of a and line
//     float load_a(float v), float load_line(float v)
//
// The host ensures (ops/conv_variant.c): with FOURS_A, A_COUNT and the starts of A are
// multiples of four, with FOURS_LINE the width of rows and the starts of lines are; the
// texel buffers are of four floats a texel then, else of one.

layout(local_size_x_id = 0) in;
layout(constant_id = CONV_SPEC_FOURS_A) const uint FOURS_A = 0;
layout(constant_id = CONV_SPEC_FOURS_LINE) const uint FOURS_LINE = 0;
#ifdef SHARE
layout(constant_id = CONV_SPEC_LANES) const uint LANES = 8;
#else
const uint LANES = 1;
#endif

const uint A_WIDE = FOURS_A != 0 ? 4 : 1;
const uint A_EACH = A_COUNT / A_WIDE;    // fetches a channel
const uint A_FETCHES = (REG_M * A_EACH + LANES - 1) / LANES;

uint a_starts[A_FETCHES];    // where this lane's fetches start for a step at 0,
uint a_parts[A_FETCHES];     // and which elements of the step they are
vec4 a_held[A_FETCHES];

// Channels m0 .. m0 + REG_M - 1 of `channels`, which lie `stride` apart. Beyond the last
// it repeats the last; those results are not stored.
void a_init(uint m0, uint channels, uint stride)
{
#ifdef SHARE
    uint lane = gl_SubgroupInvocationID;
#else
    uint lane = 0;
#endif
    [[unroll]] for (uint i = 0; i < A_FETCHES; i++) {
        uint place = i * LANES + lane;
        a_parts[i] = place % A_EACH * A_WIDE;
        a_starts[i] = min(m0 + place / A_EACH, channels - 1) * stride + a_parts[i];
    }
}

// The elements at `at`; those from `end` on are zeros.
void a_fetch(uint at, uint end)
{
    [[unroll]] for (uint i = 0; i < A_FETCHES; i++) {
        bool inside = a_parts[i] < end;
        vec4 v = a_texel(int(inside ? (a_starts[i] + at) / A_WIDE : 0));
        a_held[i].x = inside ? load_a(v.x) : 0.0;
        if (FOURS_A != 0) {
            a_held[i].y = inside ? load_a(v.y) : 0.0;
            a_held[i].z = inside ? load_a(v.z) : 0.0;
            a_held[i].w = inside ? load_a(v.w) : 0.0;
        }
    }
}

// Element e of channel m0 + i; both are constants after unrolling.
float a_get(uint i, uint e)
{
    uint place = i * A_EACH + e / A_WIDE;
    float v = a_held[place / LANES][e % A_WIDE];
#ifdef SHARE
    v = subgroupShuffle(v, place % LANES);
#endif
    return v;
}

float line[(LINE_END + 3) / 4 * 4];

// The line at `at`, whose first element has a place `column` in a row of `width`; what
// is outside the row, or is not `inside`, is zero. Left of the row columns wrap.
void line_fetch(uint at, uint column, uint width, bool inside)
{
    if (FOURS_LINE != 0) {
        [[unroll]] for (uint i = 0; i < LINE_END; i += 4) {
            bool here = inside && column + i < width;
            vec4 v = line_texel(int(here ? (at + i) / 4 : 0));
            line[i] = here ? load_line(v.x) : 0.0;
            line[i + 1] = here ? load_line(v.y) : 0.0;
            line[i + 2] = here ? load_line(v.z) : 0.0;
            line[i + 3] = here ? load_line(v.w) : 0.0;
        }
    } else {
        [[unroll]] for (uint i = LINE_FIRST; i < LINE_END; i++) {
            bool here = inside && column + i < width;
            float v = line_texel(int(here ? at + i : 0)).x;
            line[i] = here ? load_line(v) : 0.0;
        }
    }
}
