// SPDX-License-Identifier: MIT
//
// The check of matrix units. See matrix_check.h.

#include "program/matrix_check.h"

#include "base/log.h"
#include "base/mem.h"
#include "gpu/device.h"
#include "graph/plan.h"
#include "ops/op.h"
#include "program/program.h"
#include "program/tune_subject.h"

// Seconds; the product takes microseconds.
#define SUBMISSION 0.2

static const struct step_block no_step = { 0 };

// Across the edges of most tiles, with rows of whole runs of eight in a weight
// gradient.
static const struct conv_shape product = {
    .x = { 1, 40, 16, 32 },
    .c_out = 72,
    .kernel = 4,
    .stride = 2,
    .pad = 1,
};

// By which number a device keeps that a kernel was checked; false: it does not.
static bool find_number(const struct conv_variant *v, uint32_t *kernel)
{
    size_t count;
    const struct conv_variant *table = conv_variant_table(&count);
    *kernel = 0;
    for (size_t i = 0; i < count; i++) {
        if (&table[i] == v)
            return *kernel < 64;
        *kernel += table[i].kind == CONV_MATRIX;
    }
    return false;
}

void matrix_check_mark(struct gpu_device *device, const struct conv_variant *v,
                       const struct conv_shape *s)
{
    uint32_t kernel;
    if (v->kind == CONV_MATRIX && find_number(v, &kernel))
        gpu_device_mark_matrix(device, s->format == TENSOR_BF16, s->direction, kernel);
}

static bool is_marked(const struct gpu_matrix_product *units,
                      const struct conv_variant *v, const struct conv_shape *s)
{
    uint32_t kernel;
    return find_number(v, &kernel) && (units->checked[s->direction] >> kernel & 1) != 0;
}

// Whether the kernel is wrong, or cannot be run at all; *ok is false where the
// reference could not be made.
static bool is_wrong(struct tune_subject *s, const struct conv_variant *v, bool *ok)
{
    bool wrong = false;
    *ok = tune_subject_begin(s) && tune_subject_refer(s);
    if (!*ok)
        return false;
    struct program *p = NULL;
    const bool runs = tune_subject_erase(s) &&
                      (p = tune_subject_program(s, v, 1)) != NULL &&
                      program_run(p, &no_step) && tune_subject_check(s, &wrong);
    program_destroy(p);
    return wrong || !runs;
}

bool matrix_check(struct gpu_device *device, const struct conv_variant *v,
                  const struct conv_shape *shape, bool *is_right)
{
    const struct gpu_limits *limits = gpu_device_limits(device);
    const struct op_limits op_limits = plan_op_limits(device);
    const struct gpu_matrix_product *units =
        tensor_matrix_product(&limits->matrix, shape->format);
    const bool is_bf16 = shape->format == TENSOR_BF16;
    *is_right = false;
    if (!units)
        return true;
    *is_right = !limits->executes || is_marked(units, v, shape);
    if (*is_right)
        return true;
    const uint64_t failures = mem_failures();
    struct conv_shape small = product;
    small.direction = shape->direction;
    small.format = shape->format;
    if (!conv_variant_fits(v, &op_limits, &small))
        small = *shape;
    struct tune_subject s = { .device = device,
                              .submission_seconds = SUBMISSION,
                              .shape = &small };
    struct log_capture capture;
    bool ok;
    // What a driver refuses is no error of the user's.
    log_capture_begin(&capture);
    const bool wrong = is_wrong(&s, v, &ok);
    tune_subject_finish(&s);
    const char *error = log_capture_end(&capture);
    if (gpu_device_is_lost(device) || mem_failures() != failures || !ok) {
        log_error("%s", error);
        return false;
    }
    *is_right = !wrong;
    if (!wrong) {
        matrix_check_mark(device, v, shape);
        return true;
    }
    log_warn(
        "device: kernel %s for matrix units computes wrongly in %s on %s, or not at "
        "all: they are not used for it from here on, and --precision f32 may be "
        "faster",
        v->name, is_bf16 ? "bf16" : "f16", gpu_device_info(device)->name);
    gpu_device_leave_matrix(device, is_bf16, "their numbers were wrong in a check");
    return true;
}
