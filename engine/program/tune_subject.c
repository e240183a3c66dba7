// SPDX-License-Identifier: MIT
//
// The operands of a product, its reference and the check. See tune_subject.h.

#include "program/tune_subject.h"

#include "base/mem.h"
#include "base/random.h"
#include "gpu/device.h"
#include "gpu/stream.h"
#include "gpu/transfer.h"
#include "graph/graph.h"
#include "program/program.h"
#include "tensor/weights.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

// The simple kernel is slow, so it computes only a part of a large result: boxes that
// are spread over the whole grid, since tiles go wrong at edges first.
#define CHECK_FLOPS 12e6
#define CHECK_BOXES 64

// Random numbers, repeated as often as needed; a prime, so that no shape fits it.
#define PATTERN 65521

// ---------------------------------------------------------------------------
// Operands

static bool upload_random(struct tune_subject *s, struct tensor *t,
                          const float *pattern)
{
    const size_t count = (size_t)shape_count(t->shape);
    float *values = mem_alloc(count * sizeof(values[0]));
    if (!values)
        return false;
    for (size_t i = 0; i < count; i += PATTERN)
        memcpy(values + i, pattern, MIN(count - i, PATTERN) * sizeof(values[0]));
    bool ok = tensor_upload(s->device, t, values);
    mem_free(values);
    return ok;
}

static bool upload_operands(struct tune_subject *s)
{
    struct random r;
    float *pattern = mem_alloc(2 * PATTERN * sizeof(pattern[0]));
    if (!pattern)
        return false;
    random_init(&r, 1, 0x54);
    for (size_t i = 0; i < 2 * (size_t)PATTERN; i++)
        pattern[i] = (float)(2 * random_uniform(&r) - 1);
    bool ok =
        upload_random(s, s->a, pattern) && upload_random(s, s->b, pattern + PATTERN);
    mem_free(pattern);
    return ok;
}

// Fills the result with NaN, which no kernel writes: what a candidate leaves out shows.
bool tune_subject_erase(struct tune_subject *s)
{
    const size_t count = (size_t)shape_count(s->out->shape);
    for (size_t i = 0; i < count; i++)
        s->result[i] = NAN;
    return tensor_upload(s->device, s->out, s->result);
}

void tune_subject_finish(struct tune_subject *s)
{
    weights_destroy(s->tensors);
    mem_free(s->reference);
    mem_free(s->result);
    *s = (struct tune_subject){ 0 };
}

// The operands on the device, random numbers in [-1, 1]. `out` is the third tensor of
// the product in the direction of the shape.
bool tune_subject_begin(struct tune_subject *s)
{
    const struct plan_limits limits = plan_device_limits(s->device);
    const struct shape x = s->shape->x, y = conv_shape_y(s->shape),
                       w = conv_shape_w(s->shape);
    const struct shape shapes[][3] = {
        [CONV_FORWARD] = { x, w, y },
        [CONV_BACKWARD_INPUT] = { y, w, x },
        [CONV_BACKWARD_WEIGHT] = { x, y, w },
    };
    const struct shape *of = shapes[s->shape->direction];
    s->tensors = weights_create(true);
    if (!s->tensors)
        return false;
    // Operands in 16 bits are the copies of weights.
    s->tensors->precision = s->shape->format;
    s->a = weights_add(s->tensors, WEIGHT_CONV, of[0], "a");
    s->b = weights_add(s->tensors, WEIGHT_CONV, of[1], "b");
    s->out = weights_add(s->tensors, WEIGHT_CONV, of[2], "out");
    weight_operand(s->a);
    weight_operand(s->b);
    const size_t count = (size_t)shape_count(of[2]);
    s->reference = mem_array(count, sizeof(s->reference[0]));
    s->result = mem_array(count, sizeof(s->result[0]));
    if (s->tensors->failed || !s->reference || !s->result)
        return false;
    // Operands lie in [-1, 1], so partial sums of k terms grow like the root of k, and
    // rounding errors like k. A term that is missing shows as one of its size.
    const struct conv_product p = conv_shape_product(s->shape);
    s->tolerance = FLT_EPSILON * 2 * (float)(p.inner * p.terms + 16);
    return weights_place(s->tensors, MIN(limits.max_block, limits.max_binding)) &&
           weights_allocate(s->tensors, s->device) && upload_operands(s) &&
           weights_refresh_copies(s->tensors, s->device);
}

// ---------------------------------------------------------------------------
// Programs and checks

struct program *tune_subject_program(const struct tune_subject *s,
                                     const struct conv_variant *variant,
                                     uint32_t repeats)
{
    struct op_limits limits = plan_op_limits(s->device);
    limits.force = variant;
    const struct program_options options = {
        .device = s->device,
        .submission_seconds = s->submission_seconds,
        .limits = &limits,
    };
    struct program *p = program_create(&options);
    if (!p)
        return NULL;
    for (uint32_t i = 0; i < repeats; i++)
        graph_product(program_graph(p), s->shape, weight_operand(s->a),
                      weight_operand(s->b), s->out);
    if (program_plan(p, NULL, 0, NULL) && program_start(p))
        return p;
    program_destroy(p);
    return NULL;
}

// Some boxes of a call's workgroups, spread over the grid, of about `flops`.
static bool dispatch_part(struct gpu_stream *stream, struct gpu_device *device,
                          const struct call *call, struct gpu_buffer *step_block,
                          double flops)
{
    struct gpu_kernel_key key = {
        .shader = call->shader,
        .spec_count = call->spec_count,
        .formats = call->formats,
        .uses_step = call->uses_step,
        .params_size = call->params_size,
    };
    const struct gpu_binding step = { step_block, 0, sizeof(struct step_block) };
    struct gpu_binding bindings[CALL_MAX_BUFFERS];
    memcpy(key.spec, call->spec, sizeof(key.spec));
    for (; key.buffers < CALL_MAX_BUFFERS && call->use[key.buffers].tensor;
         key.buffers++) {
        const struct bound b = tensor_bound(call->use[key.buffers].tensor);
        bindings[key.buffers] =
            (struct gpu_binding){ b.root->block->buffer, b.root->offset + b.begin,
                                  b.end - b.begin };
    }
    struct gpu_kernel *kernel = gpu_kernel_get(device, &key);
    if (!kernel)
        return false;
    assert(call->grid.y == 1 && call->grid.z == 1);    // as grid_linear makes them
    const uint32_t groups = call->grid.x;
    const double share = MIN(flops / MAX((double)call->flops, 1), 1);
    const uint32_t wanted = MAX((uint32_t)(share * groups), MIN(groups, 4));
    const uint32_t boxes = wanted == groups ? 1 : MIN(wanted, CHECK_BOXES);
    const uint32_t width = wanted / boxes;
    for (uint32_t i = 0; i < boxes; i++) {
        const uint64_t first =
            boxes == 1 ? 0 : (uint64_t)(groups - width) * i / (boxes - 1);
        const uint32_t base[3] = { (uint32_t)first, 0, 0 };
        const uint32_t size[3] = { width, 1, 1 };
        if (!gpu_stream_dispatch(stream, kernel, bindings,
                                 call->uses_step ? &step : NULL, call->params, base,
                                 size))
            return false;
    }
    return true;
}

// A part of the result by the simple kernel. Its calls are dispatched here, in boxes,
// because a program only runs whole grids.
bool tune_subject_refer(struct tune_subject *s)
{
    struct program *simple = NULL;
    struct gpu_stream *stream = NULL;
    struct gpu_buffer *step =
        gpu_buffer_create(s->device, sizeof(struct step_block), GPU_DEVICE);
    bool ok = step && gpu_buffer_zero(step) && tune_subject_erase(s);
    if (ok) {
        simple = tune_subject_program(s, conv_variant_find("simple"), 1);
        ok = simple != NULL;
    }
    const struct graph *g = ok ? program_graph(simple) : NULL;
    const size_t calls = ok ? graph_call_count(g) : 0;
    double flops = 0;
    for (size_t i = 0; i < calls; i++)
        flops += (double)graph_call(g, i)->flops;
    s->flops = (uint64_t)flops;
    if (ok) {
        stream = gpu_stream_create(s->device, (uint32_t)calls * CHECK_BOXES, 0);
        ok = stream && gpu_stream_begin(stream);
    }
    // Several calls add their parts of the sums, each in the same boxes.
    for (size_t i = 0; ok && i < calls; i++) {
        const struct call *call = graph_call(g, i);
        gpu_stream_barrier(stream);
        ok = dispatch_part(stream, s->device, call, step,
                           CHECK_FLOPS * (double)call->flops / MAX(flops, 1));
    }
    if (ok)
        gpu_stream_barrier(stream);
    ok = ok && gpu_stream_end(stream) && gpu_stream_submit(stream) &&
         gpu_stream_wait(stream) && tensor_download(s->device, s->out, s->reference);
    gpu_stream_destroy(stream);
    gpu_buffer_destroy(step);
    program_destroy(simple);
    return ok;
}

bool tune_subject_check(struct tune_subject *s, bool *is_wrong)
{
    const size_t count = (size_t)shape_count(s->out->shape);
    if (!tensor_download(s->device, s->out, s->result))
        return false;
    // A comparison with NaN is false, so what the reference lacks passes if it is
    // finite.
    *is_wrong = false;
    for (size_t i = 0; i < count && !*is_wrong; i++)
        *is_wrong = !isfinite(s->result[i]) ||
                    fabsf(s->result[i] - s->reference[i]) > s->tolerance;
    return true;
}
