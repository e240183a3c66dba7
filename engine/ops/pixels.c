// SPDX-License-Identifier: MIT
//
// Images of any kind of sample to tensors and back. The formulas are in
// shared/pixels.h. Neither has a gradient.
//
//     unpack    U8 [n, sample_bytes, 1, 1], jitter [n, 1, 1, 4] -> [n, c, h, w];
//               augmented: jitter [n, 1, 1, 12]
//     pack      [n, c, h, w] -> U8 [n, bytes, 1, 1]
//
// Crop, mirroring and the scaling to [-1, 1] happen on the device: the host uploads a
// byte for each 8-bit sample instead of four.

#include "shared/pixels.h"

#include "base/log.h"
#include "ops/op.h"

_Static_assert(sizeof(struct pixels_unpack_params) <= CALL_MAX_PARAMS,
               "push constants");
_Static_assert(sizeof(struct pixels_pack_params) <= CALL_MAX_PARAMS, "push constants");
_Static_assert((int)PIXEL_U8 == PIXELS_U8 && (int)PIXEL_U16 == PIXELS_U16 &&
                   (int)PIXEL_F32 == PIXELS_F32,
               "the kinds of shaders/shared/pixels.h");

// The kernel reads where these numbers say, so all of them are checked: a wrong one
// would read beyond the staged bytes.
static bool unpack_infer(const struct op_node *n, struct op_shapes *shapes)
{
    const struct pixels_attributes attr = n->attr.pixels;
    const struct shape pixels = n->in[0]->shape, jitter = n->in[1]->shape;
    const struct shape expected = { pixels.n, attr.sample_bytes, 1, 1 };
    const uint64_t bytes =
        pixel_staged_bytes(attr.kind, attr.channels, attr.side_w, attr.side_h);
    // Of a batch in parts each unpacks its own samples of what was staged at once.
    const uint32_t samples = attr.samples ? attr.samples : pixels.n;
    char text[SHAPE_TEXT_SIZE];
    if (n->in[0]->format != TENSOR_U8 || !shape_equal(pixels, expected) || bytes == 0 ||
        attr.offset_bytes % 4 || attr.sample_bytes % 4 ||
        attr.offset_bytes + bytes > attr.sample_bytes) {
        log_error("pixels: cannot take a %ux%ux%u image of %s, %u bytes into samples "
                  "of %u, from pixels of shape %s",
                  (unsigned)attr.channels, (unsigned)attr.side_h, (unsigned)attr.side_w,
                  pixel_kind_name(attr.kind), (unsigned)attr.offset_bytes,
                  (unsigned)attr.sample_bytes, shape_text(pixels, text));
        return false;
    }
    if (shape_count(jitter) !=
        (uint64_t)pixels.n * (attr.is_augmented ? PIXELS_AUGMENT : PIXELS_JITTER)) {
        log_error("pixels: %u samples do not match the jitter of shape %s",
                  (unsigned)pixels.n, shape_text(jitter, text));
        return false;
    }
    if (attr.first_sample >= pixels.n || samples > pixels.n - attr.first_sample) {
        log_error("pixels: the %u samples from %u on are not among the %u staged ones",
                  (unsigned)samples, (unsigned)attr.first_sample, (unsigned)pixels.n);
        return false;
    }
    if (attr.h == 0 || attr.w == 0 || attr.h > attr.side_h || attr.w > attr.side_w) {
        log_error("pixels: a crop of %ux%u does not fit into an image of %ux%u",
                  (unsigned)attr.h, (unsigned)attr.w, (unsigned)attr.side_h,
                  (unsigned)attr.side_w);
        return false;
    }
    shapes->out = (struct shape){ samples, attr.channels, attr.h, attr.w };
    return true;
}

static void unpack_forward(struct emitter *e, const struct op_node *n)
{
    const struct pixels_attributes attr = n->attr.pixels;
    const uint64_t count = shape_count(n->out->shape);
    const struct grid grid = grid_linear(count);
    const struct pixels_unpack_params params = {
        .count = (uint32_t)count,
        .stride = grid_stride(grid),
        .channels = attr.channels,
        .h = n->out->shape.h,
        .w = n->out->shape.w,
        .side_h = attr.side_h,
        .side_w = attr.side_w,
        .first_word = attr.offset_bytes / 4,
        .sample_words = attr.sample_bytes / 4,
        .first_sample = attr.first_sample,
        .low = attr.range.low,
        .width = attr.range.high - attr.range.low,
        .touched = attr.touched,
    };
    emit_call(e, &(struct call){
                     .shader = attr.is_augmented ? SHADER_PIXELS_AUGMENT
                                                 : SHADER_PIXELS_UNPACK,
                     CALL_SPEC(OP_WORKGROUP, (uint32_t)attr.kind,
                               pixel_range_is_set(attr.range), attr.nearest),
                     .use = { { n->in[0], ACCESS_READ },
                              { n->in[1], ACCESS_READ },
                              { n->out, ACCESS_WRITE,
                                CALL_VIEW(struct pixels_unpack_params, y) } },
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = (attr.is_augmented ? 24 : 3) * count,
                 });
}

static bool pack_infer(const struct op_node *n, struct op_shapes *shapes)
{
    const struct shape x = n->in[0]->shape;
    const uint64_t bytes = pixel_staged_bytes(n->attr.pixels.kind, x.c, x.w, x.h);
    if (bytes > UINT32_MAX) {
        char text[SHAPE_TEXT_SIZE];
        log_error("pixels: the shape %s is too large for an image",
                  shape_text(x, text));
        return false;
    }
    shapes->out = (struct shape){ x.n, (uint32_t)bytes, 1, 1 };
    shapes->format = TENSOR_U8;
    return true;
}

static void pack_forward(struct emitter *e, const struct op_node *n)
{
    // Staged images are padded to whole words, so that no two invocations share one.
    const uint64_t words = shape_count(n->out->shape) / 4;
    const struct pixel_range range = n->attr.pixels.range;
    const struct grid grid = grid_linear(words);
    const struct pixels_pack_params params = {
        .words = (uint32_t)words,
        .stride = grid_stride(grid),
        .run = shape_run(n->in[0]->shape),
        .sample_words = n->out->shape.c / 4,
        .low = range.low,
        .width = range.high - range.low,
    };
    emit_call(e, &(struct call){
                     .shader = SHADER_PIXELS_PACK,
                     CALL_SPEC(OP_WORKGROUP, (uint32_t)n->attr.pixels.kind,
                               pixel_range_is_set(range)),
                     .use = { { n->in[0], ACCESS_READ,
                                CALL_VIEW(struct pixels_pack_params, x) },
                              { n->out, ACCESS_WRITE } },
                     CALL_PARAMS(params),
                     .grid = grid,
                     .flops = 3 * shape_count(n->in[0]->shape),
                 });
}

const struct op op_pixels_unpack = {
    .name = "pixels_unpack",
    .infer = unpack_infer,
    .forward = unpack_forward,
};

const struct op op_pixels_pack = {
    .name = "pixels_pack",
    .infer = pack_infer,
    .forward = pack_forward,
};
