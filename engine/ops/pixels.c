// SPDX-License-Identifier: MIT
//
// 8-bit pictures to tensors and back. The formulas are in shared/pixels.h. Neither has
// a gradient.

#include "shared/pixels.h"

#include "base/log.h"
#include "ops/op.h"

_Static_assert(sizeof(struct pixels_unpack_params) <= CALL_MAX_PARAMS,
               "push constants");
_Static_assert(sizeof(struct pixels_pack_params) <= CALL_MAX_PARAMS, "push constants");

static bool unpack_infer(const struct op_node *n, struct op_shapes *shapes)
{
    const struct pixels_attributes attr = n->attr.pixels;
    const struct shape pixels = n->in[0]->shape, jitter = n->in[1]->shape;
    const uint32_t samples = attr.samples ? attr.samples : pixels.n;
    const struct shape expected = { pixels.n, attr.images * 3, attr.side_h,
                                    attr.side_w };
    char text[SHAPE_TEXT_SIZE], expected_text[SHAPE_TEXT_SIZE];
    if (n->in[0]->format != TENSOR_U8 || !shape_equal(pixels, expected) ||
        attr.first >= attr.images) {
        log_error("pixels: cannot take picture %u of pixels of shape %s as %s",
                  (unsigned)attr.first, shape_text(pixels, text),
                  shape_text(expected, expected_text));
        return false;
    }
    if (shape_count(jitter) != (uint64_t)pixels.n * PIXELS_JITTER) {
        log_error("pixels: %u samples do not go with jitter of shape %s",
                  (unsigned)pixels.n, shape_text(jitter, text));
        return false;
    }
    if (attr.first_sample >= pixels.n || samples > pixels.n - attr.first_sample) {
        log_error("pixels: the %u samples from %u on are not among the %u staged ones",
                  (unsigned)samples, (unsigned)attr.first_sample, (unsigned)pixels.n);
        return false;
    }
    if (attr.h == 0 || attr.w == 0 || attr.h > attr.side_h || attr.w > attr.side_w) {
        log_error("pixels: a crop of %ux%u is not part of the shape %s",
                  (unsigned)attr.h, (unsigned)attr.w, shape_text(pixels, text));
        return false;
    }
    shapes->out = (struct shape){ samples, 3, attr.h, attr.w };
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
        .h = n->out->shape.h,
        .w = n->out->shape.w,
        .side_h = attr.side_h,
        .side_w = attr.side_w,
        .first = attr.first,
        .images = attr.images,
        .first_sample = attr.first_sample,
    };
    emit(e, &(struct call){
                .shader = SHADER_PIXELS_UNPACK,
                CALL_SPEC(OP_WORKGROUP),
                .use = { { n->in[0], ACCESS_READ },
                         { n->in[1], ACCESS_READ },
                         { n->out, ACCESS_WRITE,
                           CALL_VIEW(struct pixels_unpack_params, y) } },
                CALL_PARAMS(params),
                .grid = grid,
                .flops = 3 * count,
            });
}

static bool pack_infer(const struct op_node *n, struct op_shapes *shapes)
{
    if (n->in[0]->shape.c != 3) {
        char text[SHAPE_TEXT_SIZE];
        log_error("pixels: the shape %s does not have 3 channels",
                  shape_text(n->in[0]->shape, text));
        return false;
    }
    shapes->out = n->in[0]->shape;
    shapes->format = TENSOR_U8;
    return true;
}

static void pack_forward(struct emitter *e, const struct op_node *n)
{
    const uint64_t count = shape_count(n->out->shape);
    const uint64_t words = DIV_UP(count, 4);
    const struct grid grid = grid_linear(words);
    const struct pixels_pack_params params = {
        .words = (uint32_t)words,
        .stride = grid_stride(grid),
        .count = (uint32_t)count,
        .plane = n->out->shape.h * n->out->shape.w,
    };
    emit(e, &(struct call){
                .shader = SHADER_PIXELS_PACK,
                CALL_SPEC(OP_WORKGROUP),
                .use = { { n->in[0], ACCESS_READ,
                           CALL_VIEW(struct pixels_pack_params, x) },
                         { n->out, ACCESS_WRITE } },
                CALL_PARAMS(params),
                .grid = grid,
                .flops = 3 * count,
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
