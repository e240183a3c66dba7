// SPDX-License-Identifier: MIT
//
// Measuring ceilings. See ceiling.h.
//
// A ceiling is only useful if kernels could reach it, so each kernel here is as simple
// as a driver's compiler can make it, and the better of two ways of copying counts.

#include "bench/ceiling.h"

#include "base/os.h"
#include "gpu/device.h"
#include "gpu/stream.h"
#include "gpu/transfer.h"
#include "shared/bench.h"

#include <string.h>

#define WORKGROUP 128        // invocations, the guaranteed maximum
#define MOST_GROUPS 65535    // guaranteed too

// Turns of a multiply-add loop: enough that what stands around it does not count, far
// below the 65535 after which llvmpipe ends loops.
#define TURNS 256

// A dispatch is made longer until it takes this long or fills the grid: far more than a
// submission costs, far less than a watchdog allows.
#define LONG_ENOUGH 0.02

// Larger than the caches of most devices, and no more than every device can bind.
#define COPY_BYTES ((uint64_t)128 << 20)
#define COPY_BYTES_CPU ((uint64_t)32 << 20)

// In one submission, so that each shows what a dispatch with its barrier costs.
#define EMPTY_DISPATCHES 200

static const struct ceiling_entry names[CEILING_COUNT] = {
    [CEILING_SUBMISSION] = { .name = "empty submission", .kernel = "" },
    [CEILING_FMA_F32] = { .name = "multiply-add, f32", .kernel = "bench_fma" },
    [CEILING_FMA_F16] = { .name = "multiply-add, f16", .kernel = "bench_fma_f16" },
    [CEILING_COPY] = { .name = "copy by a kernel", .kernel = "bench_copy" },
    [CEILING_TRANSFER] = { .name = "copy by the driver", .kernel = "" },
    [CEILING_DISPATCH] = { .name = "empty dispatch", .kernel = "bench_empty" },
};

void ceilings_init(struct ceilings *c)
{
    *c = (struct ceilings){ 0 };
    memcpy(c->entries, names, sizeof(names));
}

double ceilings_share(const struct ceilings *c, uint64_t flops, uint64_t bytes,
                      double seconds, bool *by_bytes)
{
    *by_bytes = false;
    if (c->flops_per_second <= 0 || c->bytes_per_second <= 0 || seconds <= 0)
        return 0;
    double computing = (double)flops / c->flops_per_second;
    double moving = (double)bytes / c->bytes_per_second;
    *by_bytes = moving > computing;
    return MAX(computing, moving) / seconds;
}

// ---------------------------------------------------------------------------
// One kernel, a number of times

struct work {
    struct gpu_device *device;
    const struct measure_clock *clock;
    struct gpu_kernel *kernel;    // NULL: nothing is dispatched
    bool copies;                  // from one binding to the other, without a kernel
    struct gpu_binding bindings[2];
    struct bench_params params;
    uint32_t groups;
    uint32_t repeats;
};

// Records, submits and waits. *wall: seconds by the host's clock from submission to
// end; *stamped: by timestamps, -1 where there are none. Recording does not count.
static bool run(const struct work *w, double *wall, double *stamped)
{
    const uint32_t base[3] = { 0 }, count[3] = { w->groups, 1, 1 };
    bool ok = false;
    struct gpu_stream *stream =
        gpu_stream_create(w->device, w->kernel ? w->repeats : 0, 2);
    *stamped = -1;
    if (!stream || !gpu_stream_begin(stream))
        goto done;
    gpu_stream_barrier(stream);
    gpu_stream_timestamp(stream, 0);
    for (uint32_t i = 0; w->kernel && i < w->repeats; i++) {
        if (!gpu_stream_dispatch(stream, w->kernel, w->bindings, NULL, &w->params, base,
                                 count))
            goto done;
        gpu_stream_barrier(stream);
    }
    if (w->copies) {
        gpu_stream_copy(stream, w->bindings[0].buffer, 0, w->bindings[1].buffer, 0,
                        w->bindings[0].size);
        gpu_stream_barrier(stream);
    }
    gpu_stream_timestamp(stream, 1);
    if (!gpu_stream_end(stream))
        goto done;
    double start = os_seconds();
    if (!gpu_stream_submit(stream) || !gpu_stream_wait(stream))
        goto done;
    *wall = os_seconds() - start;
    if (!gpu_stream_seconds(stream, 0, 1, stamped))
        *stamped = -1;
    ok = true;

done:
    gpu_stream_destroy(stream);
    return ok;
}

// Seconds of one repeat by the clock that was chosen.
static bool once(void *user, double *seconds)
{
    const struct work *w = user;
    double wall, stamped;
    if (!run(w, &wall, &stamped))
        return false;
    *seconds = measure_net(w->clock, wall, stamped, 1) / w->repeats;
    return true;
}

static bool once_by_host(void *user, double *seconds)
{
    double stamped;
    return run(user, seconds, &stamped);
}

static struct gpu_kernel *kernel(struct gpu_device *device, enum shader shader,
                                 uint32_t buffers)
{
    return gpu_kernel_get(device, &(struct gpu_kernel_key){
                                      .shader = shader,
                                      .spec = { WORKGROUP },
                                      .spec_count = 1,
                                      .buffers = buffers,
                                      .params_size = sizeof(struct bench_params),
                                  });
}

// ---------------------------------------------------------------------------
// The ceilings

// Doubles the grid until a dispatch is long enough. *wall and *stamped are the last
// one's.
static bool lengthen(struct work *w, double *wall, double *stamped)
{
    w->groups = 16;
    // Some drivers compile when a kernel first runs.
    if (!run(w, wall, stamped))
        return false;
    for (;;) {
        if (!run(w, wall, stamped))
            return false;
        if (*wall >= LONG_ENOUGH || w->groups == MOST_GROUPS)
            return true;
        w->groups = MIN(2 * w->groups, MOST_GROUPS);
    }
}

// Multiply-adds in registers: chains that depend on themselves, several at once, so
// that latency is hidden and the rate is that of the arithmetic units. `clock`: where
// the device's timestamps are judged; NULL: they have been.
static bool measure_fma(struct work *w, enum shader shader, double aim,
                        struct measure_clock *clock, struct ceiling_entry *entry)
{
    double wall, stamped;
    w->kernel = kernel(w->device, shader, 1);
    // x = 0.5 x + 1 settles at 2: no overflow and no denormals, which some devices slow
    // down for.
    w->params = (struct bench_params){ .count = TURNS, .a = 0.5f, .b = 1, .never = -1 };
    w->repeats = 1;
    if (!w->kernel || !lengthen(w, &wall, &stamped))
        return false;
    // Some drivers write timestamps when the work is queued, some have a wrong period.
    if (clock)
        clock->stamps = stamped > 0.7 * (wall - clock->submission) && stamped < wall;
    entry->flops =
        (uint64_t)2 * TURNS * BENCH_UNROLL * BENCH_CHAINS * WORKGROUP * w->groups;
    return measure_run(once, w, aim, &entry->time);
}

// A copy reads and writes every byte once: 2 * bytes move.
static bool measure_copy(struct work *w, double aim, struct ceiling_entry *by_kernel,
                         struct ceiling_entry *by_driver)
{
    const struct gpu_limits *limits = gpu_device_limits(w->device);
    uint64_t bytes = limits->is_cpu ? COPY_BYTES_CPU : COPY_BYTES;
    bytes = MIN(MIN(bytes, limits->max_binding),
                MIN(limits->max_block, limits->memory / 16));
    // Whole pages, and with them whole vectors of 16 bytes, which the kernel copies.
    bytes &= ~(uint64_t)4095;
    struct gpu_buffer *from = gpu_buffer_create(w->device, bytes, GPU_DEVICE);
    struct gpu_buffer *to = gpu_buffer_create(w->device, bytes, GPU_DEVICE);
    bool ok = false;
    w->kernel = kernel(w->device, SHADER_BENCH_COPY, 2);
    if (!from || !to || !w->kernel || !gpu_buffer_zero(from) || !gpu_buffer_zero(to))
        goto done;
    w->bindings[0] = (struct gpu_binding){ from, 0, bytes };
    w->bindings[1] = (struct gpu_binding){ to, 0, bytes };
    w->params = (struct bench_params){ .count = (uint32_t)(bytes / 16) };
    w->groups = (uint32_t)MIN(DIV_UP(bytes / 16, WORKGROUP), MOST_GROUPS);
    w->params.stride = w->groups * WORKGROUP;
    w->repeats = 1;
    by_kernel->bytes = by_driver->bytes = 2 * bytes;
    if (!measure_run(once, w, aim, &by_kernel->time))
        goto done;
    w->kernel = NULL;
    w->copies = true;
    ok = measure_run(once, w, aim, &by_driver->time);

done:
    gpu_buffer_destroy(from);
    gpu_buffer_destroy(to);
    return ok;
}

bool ceilings_measure(struct gpu_device *device, double aim, struct ceilings *c)
{
    ceilings_init(c);
    struct gpu_buffer *buffer = gpu_buffer_create(device, 256, GPU_DEVICE);
    struct work w = { .device = device, .clock = &c->clock, .repeats = 1 };
    bool ok = false;
    w.bindings[0] = (struct gpu_binding){ buffer, 0, 256 };
    // First what a submission costs, which all others subtract; then f32, by which the
    // timestamps are judged.
    if (!buffer ||
        !measure_run(once_by_host, &w, aim, &c->entries[CEILING_SUBMISSION].time))
        goto done;
    c->clock.submission = c->entries[CEILING_SUBMISSION].time.median;
    if (!measure_fma(&w, SHADER_BENCH_FMA, aim, &c->clock,
                     &c->entries[CEILING_FMA_F32]))
        goto done;
    if (gpu_device_limits(device)->float16 &&
        shader_table[SHADER_BENCH_FMA_F16].size > 0 &&
        !measure_fma(&w, SHADER_BENCH_FMA_F16, aim, NULL, &c->entries[CEILING_FMA_F16]))
        goto done;

    w.kernel = kernel(device, SHADER_BENCH_EMPTY, 1);
    w.params = (struct bench_params){ .never = 1 };
    w.groups = 1;
    w.repeats = EMPTY_DISPATCHES;
    if (!w.kernel || !measure_run(once, &w, aim, &c->entries[CEILING_DISPATCH].time))
        goto done;
    if (!measure_copy(&w, aim, &c->entries[CEILING_COPY],
                      &c->entries[CEILING_TRANSFER]))
        goto done;
    c->flops_per_second = (double)c->entries[CEILING_FMA_F32].flops /
                          c->entries[CEILING_FMA_F32].time.median;
    // The faster way shows what the memory can do.
    c->bytes_per_second = (double)c->entries[CEILING_COPY].bytes /
                          MIN(c->entries[CEILING_COPY].time.median,
                              c->entries[CEILING_TRANSFER].time.median);
    ok = true;

done:
    gpu_buffer_destroy(buffer);
    return ok;
}
