// SPDX-License-Identifier: MIT
//
// The order of the parts, and what they share. See inside.h.

#include "selftest/selftest.h"

#include "base/mem.h"
#include "base/os.h"
#include "gpu/device.h"
#include "ops/conv_variant.h"
#include "program/program.h"
#include "selftest/inside.h"

#include <stdio.h>
#include <string.h>

const enum tensor_format selftest_formats[SELFTEST_FORMATS] = { TENSOR_F32, TENSOR_F16,
                                                                TENSOR_BF16 };

const char *selftest_format_name(enum tensor_format format)
{
    return format == TENSOR_F16 ? "f16" : format == TENSOR_BF16 ? "bf16" : "f32";
}

const char *selftest_direction_name(enum conv_direction direction)
{
    static const char *const names[SELFTEST_DIRECTIONS] = {
        [CONV_FORWARD] = "forward",
        [CONV_BACKWARD_INPUT] = "input gradient",
        [CONV_BACKWARD_WEIGHT] = "weight gradient",
    };
    return names[direction];
}

bool selftest_has_format(const struct selftest *t, enum tensor_format format)
{
    return format == TENSOR_F32 || gpu_device_limits(t->device)->storage16;
}

static const char *const part_names[] = {
    [PIX_SELFTEST_CONVOLUTION] = "convolution",
    [PIX_SELFTEST_ROUNDING] = "rounding",
    [PIX_SELFTEST_OPERATION] = "operation",
    [PIX_SELFTEST_SPLIT] = "split",
    [PIX_SELFTEST_STEP] = "step",
    [PIX_SELFTEST_SPEED] = "speed",
};

const char *selftest_part_name(enum pix_selftest_part part)
{
    return part < ARRAY_LEN(part_names) ? part_names[part] : NULL;
}

static bool is_part(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(part_names); i++)
        if (strcmp(name, part_names[i]) == 0)
            return true;
    return false;
}

// The names of a part, NULL after the last one; other parts have none.
static const char *name_in(enum pix_selftest_part part, size_t i)
{
    size_t count;
    const struct conv_variant *table = conv_variant_table(&count);
    if (part == PIX_SELFTEST_OPERATION)
        return operations_name(i);
    return part == PIX_SELFTEST_CONVOLUTION && i < count ? table[i].name : NULL;
}

// Whether any name of a part has the text in it, or is it.
static bool names_have(enum pix_selftest_part part, const char *text, bool is_all)
{
    const char *name;
    for (size_t i = 0; (name = name_in(part, i)); i++)
        if (is_all ? strcmp(name, text) == 0 : strstr(name, text) != NULL)
            return true;
    return false;
}

// A name of a part asks for all of it, any other text for the kernels of convolutions
// and the operations that have it in their names.
bool selftest_wants(const struct selftest *t, enum pix_selftest_part part,
                    const char *name)
{
    const char *only = t->options->only;
    if (!only || strcmp(only, part_names[part]) == 0)
        return true;
    if (is_part(only))
        return false;
    return name ? strstr(name, only) != NULL : names_have(part, only, false);
}

bool selftest_report(struct selftest *t, const struct pix_selftest_row *row)
{
    struct pix_selftest_result *r = t->result;
    if (row->part != PIX_SELFTEST_SPEED) {
        r->passed += row->outcome == PIX_SELFTEST_PASSED;
        r->failed += row->outcome == PIX_SELFTEST_FAILED;
        r->skipped += row->outcome == PIX_SELFTEST_SKIPPED;
    }
    if (!t->options->row || t->options->row(t->options->user, row))
        return true;
    log_error("selftest: ended by the caller");
    return false;
}

bool selftest_begin(struct selftest *t, const char *what)
{
    if (t->options->progress)
        t->options->progress(t->options->user, what);
    if (!t->options->stop || !t->options->stop(t->options->user))
        return true;
    log_error("selftest: ended by the caller");
    return false;
}

void selftest_try(struct selftest_attempt *a)
{
    a->failures = mem_failures();
    log_capture_begin(&a->capture);
}

bool selftest_catch(const struct selftest *t, struct selftest_attempt *a, bool ok,
                    const char *what, char *text, size_t size)
{
    const char *error = log_capture_end(&a->capture);
    if (!ok && (gpu_device_is_lost(t->device) || a->failures != mem_failures())) {
        log_error("selftest: %s: %s", what, error);
        return false;
    }
    if (!ok)
        snprintf(text, size, "cannot be run: %s", error);
    return true;
}

bool selftest_compile(struct selftest *t, struct program *const *programs, size_t count)
{
    static const char what[] = "compiling kernels";
    struct selftest_attempt attempt;
    char text[64];
    if (count == 0)
        return true;
    if (!selftest_begin(t, what))
        return false;
    selftest_try(&attempt);
    const bool ok = program_compile(programs, count);
    return selftest_catch(t, &attempt, ok, what, text, sizeof(text));
}

// ---------------------------------------------------------------------------

// Whether `only` and `corrupt` name something. False after a message.
static bool check_options(const struct pix_selftest_options *o)
{
    if (o->corrupt && !names_have(PIX_SELFTEST_CONVOLUTION, o->corrupt, true) &&
        !names_have(PIX_SELFTEST_OPERATION, o->corrupt, true)) {
        log_error("selftest: \"%s\" is neither a kernel of convolutions nor an "
                  "operation",
                  o->corrupt);
        return false;
    }
    if (!o->only || is_part(o->only) ||
        names_have(PIX_SELFTEST_CONVOLUTION, o->only, false) ||
        names_have(PIX_SELFTEST_OPERATION, o->only, false))
        return true;
    log_error("selftest: \"%s\" is neither a part of the test (convolution, rounding, "
              "operation, split, step, speed) nor in the name of a kernel of "
              "convolutions or of an operation",
              o->only);
    return false;
}

bool selftest_run(struct gpu_device *device, double submission_seconds,
                  const struct pix_selftest_options *options,
                  struct pix_selftest_result *result)
{
    const double start = os_seconds();
    struct selftest t = {
        .device = device,
        .submission_seconds = submission_seconds,
        .options = options,
        .result = result,
    };
    *result = (struct pix_selftest_result){ 0 };
    if (!check_options(options))
        return false;
    if (!gpu_device_limits(device)->executes) {
        log_error("selftest: %s accepts work and executes nothing: there is nothing "
                  "to test",
                  gpu_device_info(device)->name);
        return false;
    }
    const bool ok = rounding_test(&t) && products_test(&t) && operations_test(&t) &&
                    splitting_test(&t) && steps_test(&t) && speed_test(&t);
    result->seconds = os_seconds() - start;
    if (!ok || !options->corrupt || t.has_corrupted)
        return ok;
    log_error(
        "selftest: \"%s\" was not run, so that nothing was corrupted: it is not for "
        "this device, or not among what is tested",
        options->corrupt);
    return false;
}
