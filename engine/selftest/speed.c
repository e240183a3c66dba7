// SPDX-License-Identifier: MIT
//
// A short benchmark: the ceilings of the device, and a training step of the network
// that `bench --quick` trains. Rows have the names that the benchmark gives them.

#include "selftest/inside.h"

#include "bench/ceiling.h"
#include "bench/subject.h"
#include "gpu/device.h"
#include "settings/options.h"
#include "settings/rules.h"

#define CEILING_SECONDS 0.1    // for each
#define STEP_SECONDS 0.2

// Of `bench --quick`.
#define STEP_SIZE 64
#define STEP_FILTERS 16

static bool report(struct selftest *t, const char *name, const char *precision,
                   const struct measurement *time, double value, const char *unit,
                   const char *missing)
{
    const bool is_timed = time->samples > 0;
    return selftest_report(
        t, &(struct pix_selftest_row){
               .part = PIX_SELFTEST_SPEED,
               .name = name,
               .direction = "",
               .precision = precision,
               .outcome = is_timed ? PIX_SELFTEST_PASSED : PIX_SELFTEST_SKIPPED,
               .cases = time->samples,
               .text = is_timed ? "" : missing,
               .value = is_timed ? value : 0,
               .unit = unit,
           });
}

static bool report_ceiling(struct selftest *t, const struct ceiling_entry *e)
{
    const double work = (double)(e->flops ? e->flops : e->bytes);
    const double seconds = e->time.median;
    return report(t, e->name, "", &e->time,
                  work > 0 ? work / seconds * 1e-9 : seconds * 1e6,
                  e->flops   ? "GFLOP/s"
                  : e->bytes ? "GB/s"
                             : "us",
                  "not on this device");
}

static bool report_ceilings(struct selftest *t)
{
    struct ceilings *c = ceilings_create(t->device, CEILING_SECONDS);
    bool ok = c != NULL;
    for (int i = 0; ok && i < CEILING_COUNT; i++)
        ok = report_ceiling(t, ceilings_entry(c, (enum ceiling)i));
    ceilings_destroy(c);
    return ok;
}

static bool measure_step(const struct selftest *t, struct settings *s,
                         struct subject *subject, struct measurement *time)
{
    const struct subject_options options = {
        .device = t->device,
        .submission_seconds = t->submission_seconds,
        .is_training = true,
    };
    struct pix_plan plan;
    bool runs;
    return settings_resolve(s) && subject_build(subject, &options, s, &plan) &&
           subject_start(subject, "the training step", &runs) &&
           (!runs || measure_run(subject_run, subject, STEP_SECONDS, time));
}

static bool report_step(struct selftest *t, const char *precision)
{
    struct selftest_attempt attempt;
    struct settings settings = { 0 };
    struct subject subject = { 0 };
    struct measurement time = { 0 };
    char title[SUBJECT_TITLE_SIZE], missing[256] = "there is not enough memory";
    subject_title(true, STEP_SIZE, 1, title);
    if (!selftest_begin(t, title))
        return false;
    options_init(&settings.options);
    settings.options.crop_size = (struct pix_size){ STEP_SIZE, STEP_SIZE };
    settings.options.batch_size = 1;
    settings.options.ngf = settings.options.ndf = STEP_FILTERS;
    settings.options.precision = precision;
    selftest_try(&attempt);
    const bool ok = measure_step(t, &settings, &subject, &time);
    subject_finish(&subject);
    settings_finish(&settings);
    if (!selftest_catch(t, &attempt, ok, title, missing, sizeof(missing)))
        return false;
    return report(t, title, precision, &time, time.median * 1e3, "ms", missing);
}

bool speed_test(struct selftest *t)
{
    if (!selftest_wants(t, PIX_SELFTEST_SPEED, NULL))
        return true;
    const struct gpu_limits *limits = gpu_device_limits(t->device);
    bool ok = selftest_begin(t, "speed") && report_ceilings(t) && report_step(t, "f32");
    // In 16 bits where that is for speed.
    for (size_t f = 1; ok && f < SELFTEST_FORMATS; f++)
        if (limits->storage16 && !limits->is_cpu &&
            tensor_matrix_product(&limits->matrix, selftest_formats[f]))
            ok = report_step(t, selftest_format_name(selftest_formats[f]));
    return ok;
}
