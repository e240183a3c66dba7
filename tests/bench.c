// SPDX-License-Identifier: MIT
//
// A benchmark, not a test: where the time of a training step goes, by kernel, and how
// the chosen convolutions compare with the simple ones in one run.
//
//     bench [crop] [ngf] [batch]        default 64 16 1
//
// Each call is timed alone, after whole warm-up steps: device timestamps give the
// shares, the host's clock the sum. Medians of three passes.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gpu/device.h"
#include "graph/exec.h"
#include "ops/conv_variant.h"
#include "train/objective.h"

#define PASSES 3

struct row {
    const char *name;
    double seconds, flops, bytes;
    uint32_t calls;
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool measure(struct gpu_device *device, const struct conv_variant *variant,
                    uint32_t crop, uint32_t ngf, uint32_t batch,
                    struct row rows[SHADER_COUNT], double *step_seconds)
{
    struct op_limits limits = plan_op_limits(device);
    const struct plan_limits plan_limits = plan_device_limits(device);
    uint32_t levels = 0;
    while (levels < 8 && crop % (2u << levels) == 0)
        levels++;
    const struct objective_options options = {
        .generator = { levels, ngf, 3, 3 },
        .discriminator = { 3, ngf },
        .batch = batch,
        .load_h = crop,
        .load_w = crop,
        .crop_h = crop,
        .crop_w = crop,
        .lambda_l1 = 100,
        .optimizer = { OPTIMIZER_ADAM, 0.5, 0.999, 1e-8, 0 },
    };
    const struct step_block step = { .step = 1,
                                     .adam_step_size = 1e-4f,
                                     .adam_root = 1 };
    bool ok = false;
    struct exec *x = NULL;
    struct plan *plan = NULL;
    double *seconds = NULL;
    limits.force = variant;
    struct graph *g = graph_create(&limits);
    struct weights *networks[] = { weights_create(false), weights_create(false) };
    struct objective o;
    if (!objective_build(g, networks[0], networks[1], &options, &o))
        goto done;
    plan = plan_build(g, &plan_limits);
    if (!plan)
        goto done;
    for (int i = 0; i < 2; i++)
        if (!weights_place(networks[i], plan_limits.max_block) ||
            !weights_allocate(networks[i], device))
            goto done;
    x = plan_allocate(plan, device) ? exec_create(device, g, 0) : NULL;
    size_t calls = graph_call_count(g);
    seconds = malloc(PASSES * calls * sizeof(seconds[0]));
    if (!x || !seconds || !exec_run(x, &step) || !exec_run(x, &step) ||
        !exec_run(x, &step))
        goto done;
    *step_seconds = exec_seconds(x);
    for (size_t p = 0; p < PASSES; p++)
        if (!exec_profile(x, &step, seconds + p * calls))
            goto done;
    memset(rows, 0, SHADER_COUNT * sizeof(rows[0]));
    for (size_t i = 0; i < calls; i++) {
        const struct call *call = graph_call(g, i);
        struct row *row = &rows[call->shader];
        double samples[PASSES];
        for (size_t p = 0; p < PASSES; p++)
            samples[p] = seconds[p * calls + i];
        qsort(samples, PASSES, sizeof(samples[0]), by_value);
        row->name = shader_table[call->shader].name;
        row->seconds += samples[PASSES / 2];
        row->flops += (double)call->flops;
        row->calls++;
        for (size_t k = 0; k < CALL_MAX_BUFFERS && call->use[k].tensor; k++)
            row->bytes += (double)tensor_bytes(call->use[k].tensor) *
                          (call->use[k].access == ACCESS_READ_WRITE ? 2 : 1);
        if (getenv("BENCH_CALLS"))
            printf("  %9.3f ms %8.3f GFLOP/s %-28s %s\n", 1e3 * samples[PASSES / 2],
                   (double)call->flops / samples[PASSES / 2] * 1e-9, row->name,
                   call->label);
    }
    ok = true;

done:
    exec_destroy(x);
    plan_destroy(plan);
    graph_destroy(g);
    weights_destroy(networks[0]);
    weights_destroy(networks[1]);
    free(seconds);
    return ok;
}

static void print_log(void *user, enum log_level level, const char *text)
{
    (void)user;
    (void)level;
    fprintf(stderr, "%s\n", text);
}

int main(int argc, char **argv)
{
    const struct log_sink sink = { .callback = print_log, .level = LOG_WARN };
    uint32_t crop = argc > 1 ? (uint32_t)atoi(argv[1]) : 64;
    uint32_t ngf = argc > 2 ? (uint32_t)atoi(argv[2]) : 16;
    uint32_t batch = argc > 3 ? (uint32_t)atoi(argv[3]) : 1;
    log_use(&sink);
    struct gpu_device *device = gpu_device_create(&(struct gpu_device_options){ 0 });
    if (!device)
        return 1;
    printf("%s, %u px, ngf %u, batch %u\n", gpu_device_info(device)->name, crop, ngf,
           batch);
    static const char *const names[] = { "built-in choice", "simple" };
    const struct conv_variant *const variants[] = { NULL, conv_variant_find("simple") };
    bool ok = true;
    for (int i = 0; ok && i < 2; i++) {
        struct row rows[SHADER_COUNT];
        double step_seconds = 0;
        ok = measure(device, variants[i], crop, ngf, batch, rows, &step_seconds);
        if (!ok)
            break;
        printf("\n%s: step %.1f ms\n%-28s %6s %10s %10s %10s\n", names[i],
               1e3 * step_seconds, "kernel", "calls", "ms", "GFLOP/s", "GB/s");
        for (int k = 0; k < SHADER_COUNT; k++)
            if (rows[k].calls)
                printf("%-28s %6u %10.3f %10.3f %10.3f\n", rows[k].name, rows[k].calls,
                       1e3 * rows[k].seconds, rows[k].flops / rows[k].seconds * 1e-9,
                       rows[k].bytes / rows[k].seconds * 1e-9);
    }
    gpu_device_destroy(device);
    return ok ? 0 : 1;
}
