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

// False if it cannot be run at all, after a message.
static bool check_variant(struct tune_subject *s, const struct conv_variant *v,
                          bool *is_wrong)
{
    struct program *p = NULL;
    bool ok = tune_subject_erase(s) && (p = tune_subject_program(s, v, 1)) != NULL &&
              program_run(p, &no_step) && tune_subject_check(s, is_wrong);
    program_destroy(p);
    return ok;
}

// The first kernel that is wrong or cannot be run, or NULL. *ok is false where the
// reference itself could not be made.
static const struct conv_variant *find_wrong(struct tune_subject *s, bool *ok)
{
    const struct op_limits limits = plan_op_limits(s->device);
    size_t count;
    const struct conv_variant *table = conv_variant_table(&count);
    *ok = tune_subject_begin(s) && tune_subject_refer(s);
    for (size_t i = 0; *ok && i < count; i++) {
        bool is_wrong = false;
        if (table[i].kind == CONV_MATRIX &&
            conv_variant_fits(&table[i], &limits, s->shape) &&
            (!check_variant(s, &table[i], &is_wrong) || is_wrong))
            return &table[i];
    }
    return NULL;
}

bool matrix_check(struct gpu_device *device, enum tensor_format format)
{
    const struct gpu_limits *limits = gpu_device_limits(device);
    const struct gpu_matrix_product *units =
        tensor_matrix_product(&limits->matrix, format);
    if (!units || units->is_checked || limits->is_cpu || !limits->executes)
        return true;
    const bool is_bf16 = format == TENSOR_BF16;
    const uint64_t failures = mem_failures();
    const struct conv_variant *wrong = NULL;
    struct log_capture capture;
    bool ok = true;
    // What a driver refuses is no error of the user's.
    log_capture_begin(&capture);
    for (int d = CONV_FORWARD; ok && !wrong && d <= CONV_BACKWARD_WEIGHT; d++) {
        struct conv_shape shape = product;
        struct tune_subject s = { .device = device,
                                  .submission_seconds = SUBMISSION,
                                  .shape = &shape };
        shape.direction = (enum conv_direction)d;
        shape.format = format;
        wrong = find_wrong(&s, &ok);
        tune_subject_finish(&s);
    }
    const char *error = log_capture_end(&capture);
    if (gpu_device_is_lost(device) || mem_failures() != failures || !ok) {
        log_error("%s", error);
        return false;
    }
    if (wrong) {
        log_warn(
            "device: kernel %s for matrix units computes wrongly in %s on %s, or not "
            "at all: they are not used for it",
            wrong->name, is_bf16 ? "bf16" : "f16", gpu_device_info(device)->name);
        gpu_device_leave_matrix(device, is_bf16, "their numbers were wrong in a check");
    }
    gpu_device_mark_matrix(device, is_bf16);
    return true;
}
