// SPDX-License-Identifier: MIT
//
// Measuring ceilings. See ceiling.h.
//
// A ceiling is only useful if kernels could reach it, so each kernel here is as simple
// as a driver's compiler can make it, and the better of two ways of copying counts.

#include "bench/ceiling.h"

#include "base/mem.h"
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
_Static_assert(TURNS % 2 == 0, "bench_matrix_bf16 makes two at a time");

// A dispatch is made longer until it takes this long or fills the grid: far more than a
// submission costs, far less than a watchdog allows.
#define LONG_ENOUGH 0.02

// Larger than the caches of most devices, and no more than every device can bind.
#define COPY_BYTES ((uint64_t)128 << 20)
#define COPY_BYTES_CPU ((uint64_t)32 << 20)

// Runs of each ceiling beside what is compared with it.
#define TAKEN 3

// In one submission, so that each shows what a dispatch with its barrier costs.
#define EMPTY_DISPATCHES 200

static const struct ceiling_entry names[CEILING_COUNT] = {
    [CEILING_SUBMISSION] = { .name = "empty submission", .kernel = "" },
    [CEILING_FMA_F32] = { .name = "multiply-add, f32", .kernel = "bench_fma" },
    [CEILING_FMA_F16] = { .name = "multiply-add, f16", .kernel = "bench_fma_f16" },
    [CEILING_MATRIX_F16] = { .name = "matrix products, f16 to f32",
                             .kernel = "bench_matrix" },
    [CEILING_MATRIX_BF16] = { .name = "matrix products, bf16 to f32",
                              .kernel = "bench_matrix_bf16" },
    [CEILING_COPY] = { .name = "copy by a kernel", .kernel = "bench_copy" },
    [CEILING_COPY_16] = { .name = "copy of single 16-bit numbers",
                          .kernel = "bench_copy_16" },
    [CEILING_TRANSFER] = { .name = "copy by the driver", .kernel = "" },
    [CEILING_DISPATCH] = { .name = "empty dispatch", .kernel = "bench_empty" },
    [CEILING_OVERLAP] = { .name = "empty dispatch, no barrier",
                          .kernel = "bench_empty" },
};

// What is run for a ceiling.
struct work {
    struct gpu_device *device;
    const struct measure_clock *clock;
    struct gpu_kernel *kernel;    // NULL: nothing is dispatched
    bool overlaps;                // a barrier after the last dispatch only
    bool copies;                  // from one binding to the other, without a kernel
    struct gpu_binding bindings[2];
    struct bench_params params;
    uint32_t groups;
    uint32_t repeats;
};

struct ceilings {
    struct gpu_device *device;
    struct measure_clock clock;
    struct ceiling_entry entries[CEILING_COUNT];
    struct work works[CEILING_COUNT];
    struct gpu_buffer *result, *from, *to;
};

// ---------------------------------------------------------------------------
// One kernel, a number of times

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
        if (!w->overlaps || i + 1 == w->repeats)
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

// `formats` of the buffers, as SHADER_SPEC_FORMATS has them.
static struct gpu_kernel *kernel_for(struct gpu_device *device, enum shader shader,
                                     uint32_t buffers, uint32_t formats)
{
    return gpu_kernel_get(device, &(struct gpu_kernel_key){
                                      .shader = shader,
                                      .spec = { WORKGROUP },
                                      .spec_count = 1,
                                      .formats = formats,
                                      .buffers = buffers,
                                      .params_size = sizeof(struct bench_params),
                                  });
}

static struct gpu_kernel *kernel(struct gpu_device *device, enum shader shader,
                                 uint32_t buffers)
{
    return kernel_for(device, shader, buffers, 0);
}

// ---------------------------------------------------------------------------
// The ceilings

const struct ceiling_entry *ceilings_entry(const struct ceilings *c, enum ceiling which)
{
    return &c->entries[which];
}

const struct measure_clock *ceilings_clock(const struct ceilings *c)
{
    return &c->clock;
}

static bool measure(struct ceilings *c, enum ceiling which, double aim)
{
    return measure_run(once, &c->works[which], aim, &c->entries[which].time);
}

// An empty submission, which all others subtract.
static bool measure_submission(struct ceilings *c, double aim)
{
    struct ceiling_entry *entry = &c->entries[CEILING_SUBMISSION];
    if (!measure_run(once_by_host, &c->works[CEILING_SUBMISSION], aim, &entry->time))
        return false;
    c->clock.submission = entry->time.median;
    return true;
}

// The faster one of two runs: one alone may have waited for another program.
static bool run_twice(const struct work *w, double *wall, double *stamped)
{
    double other_wall, other_stamped;
    if (!run(w, wall, stamped) || !run(w, &other_wall, &other_stamped))
        return false;
    if (other_wall < *wall) {
        *wall = other_wall;
        *stamped = other_stamped;
    }
    return true;
}

// Doubles the grid until a dispatch is long enough. *wall and *stamped are the last
// one's.
static bool lengthen(struct work *w, double *wall, double *stamped)
{
    w->groups = 16;
    // Some drivers compile when a kernel first runs.
    if (!run(w, wall, stamped))
        return false;
    for (;;) {
        if (!run_twice(w, wall, stamped))
            return false;
        if (*wall >= LONG_ENOUGH || w->groups == MOST_GROUPS)
            return true;
        w->groups = MIN(2 * w->groups, MOST_GROUPS);
    }
}

// Multiply-adds in registers: chains that depend on themselves, several at once, so
// that latency is hidden and the rate is that of the arithmetic units. `judges`: the
// device's timestamps are judged by it.
static bool measure_fma(struct ceilings *c, enum ceiling which, enum shader shader,
                        double aim, bool judges)
{
    struct work *w = &c->works[which];
    double wall, stamped;
    w->kernel = kernel(w->device, shader, 1);
    // x = 0.5 x + 1 settles at 2: no overflow and no denormals, which some devices slow
    // down for.
    w->params = (struct bench_params){ .count = TURNS, .a = 0.5f, .b = 1, .never = -1 };
    if (!w->kernel || !lengthen(w, &wall, &stamped))
        return false;
    // Some drivers write timestamps when the work is queued, some have a wrong period.
    if (judges)
        c->clock.stamps =
            stamped > 0.7 * (wall - c->clock.submission) && stamped < wall;
    c->entries[which].flops =
        (uint64_t)2 * TURNS * BENCH_UNROLL * BENCH_CHAINS * WORKGROUP * w->groups;
    return measure(c, which, aim);
}

// Products of matrices in registers, as bench_fma has numbers.
static bool measure_matrices(struct ceilings *c, enum ceiling which, enum shader shader,
                             const struct gpu_matrix_product *product, double aim)
{
    const struct gpu_matrix *units = &gpu_device_limits(c->device)->matrix;
    struct work *w = &c->works[which];
    double wall, stamped;
    // A driver that wants the sizes in the code has kernels of its own, of one size.
    if (!product->m || units->literal || shader_table[shader].size == 0)
        return true;
    const uint32_t subgroups = MAX(WORKGROUP / units->subgroup, 1u);
    w->kernel = gpu_kernel_get(
        c->device,
        &(struct gpu_kernel_key){
            .shader = shader,
            .spec = { subgroups * units->subgroup, product->m, product->n, product->k },
            .spec_count = 4,
            .buffers = 1,
            .subgroup = units->subgroup,
            .params_size = sizeof(struct bench_params),
        });
    // All that is computed is a multiple of 0.25, which the sum is never a half of.
    w->params = (struct bench_params){
        .count = TURNS, .a = 0.5f, .b = 0.5f, .never = 0.03125f
    };
    if (!w->kernel || !lengthen(w, &wall, &stamped))
        return false;
    c->entries[which].flops = (uint64_t)2 * product->m * product->n * product->k *
                              BENCH_MATRICES * TURNS * subgroups * w->groups;
    return measure(c, which, aim);
}

static bool measure_dispatches(struct ceilings *c, double aim)
{
    struct work *w = &c->works[CEILING_DISPATCH];
    w->kernel = kernel(c->device, SHADER_BENCH_EMPTY, 1);
    w->params = (struct bench_params){ .never = 1 };
    w->groups = 1;
    w->repeats = EMPTY_DISPATCHES;
    c->works[CEILING_OVERLAP] = *w;
    c->works[CEILING_OVERLAP].overlaps = true;
    return w->kernel && measure(c, CEILING_DISPATCH, aim) &&
           measure(c, CEILING_OVERLAP, aim);
}

// `w` is that of another copy, which moves the same bytes. What it reads are zeros.
static bool measure_copy_16(struct ceilings *c, const struct work *w, double aim)
{
    struct work *single = &c->works[CEILING_COPY_16];
    const uint32_t f16 = FORMAT_F16 | FORMAT_F16 << FORMAT_BITS;
    if (!gpu_device_limits(c->device)->storage16)
        return true;
    *single = *w;
    single->kernel = kernel_for(c->device, SHADER_BENCH_COPY_16, 2, f16);
    single->params.count *= 8;
    c->entries[CEILING_COPY_16].bytes = c->entries[CEILING_COPY].bytes;
    return single->kernel && measure(c, CEILING_COPY_16, aim);
}

// A copy reads and writes every byte once: 2 * bytes move.
static bool measure_copies(struct ceilings *c, double aim)
{
    const struct gpu_limits *limits = gpu_device_limits(c->device);
    struct work *w = &c->works[CEILING_COPY], *transfer = &c->works[CEILING_TRANSFER];
    uint64_t bytes = limits->is_cpu ? COPY_BYTES_CPU : COPY_BYTES;
    bytes = MIN(MIN(bytes, limits->max_binding),
                MIN(limits->max_block, limits->memory / 16));
    // Whole pages, and with them whole vectors of 16 bytes, which the kernel copies.
    bytes &= ~(uint64_t)4095;
    c->from = gpu_buffer_create(c->device, bytes, GPU_DEVICE);
    c->to = gpu_buffer_create(c->device, bytes, GPU_DEVICE);
    w->kernel = kernel(c->device, SHADER_BENCH_COPY, 2);
    if (!c->from || !c->to || !w->kernel || !gpu_buffer_zero(c->from) ||
        !gpu_buffer_zero(c->to))
        return false;
    w->bindings[0] = (struct gpu_binding){ c->from, 0, bytes };
    w->bindings[1] = (struct gpu_binding){ c->to, 0, bytes };
    w->params = (struct bench_params){ .count = (uint32_t)(bytes / 16) };
    w->groups = (uint32_t)MIN(DIV_UP(bytes / 16, WORKGROUP), MOST_GROUPS);
    w->params.stride = w->groups * WORKGROUP;
    *transfer = *w;
    transfer->kernel = NULL;
    transfer->copies = true;
    c->entries[CEILING_COPY].bytes = c->entries[CEILING_TRANSFER].bytes = 2 * bytes;
    return measure(c, CEILING_COPY, aim) && measure(c, CEILING_TRANSFER, aim) &&
           measure_copy_16(c, w, aim);
}

struct ceilings *ceilings_create(struct gpu_device *device, double aim)
{
    struct ceilings *c = mem_array(1, sizeof(*c));
    if (!c)
        return NULL;
    *c = (struct ceilings){ .device = device,
                            .result = gpu_buffer_create(device, 256, GPU_DEVICE) };
    memcpy(c->entries, names, sizeof(names));
    for (int i = 0; i < CEILING_COUNT; i++)
        c->works[i] = (struct work){ .device = device,
                                     .clock = &c->clock,
                                     .bindings = { { c->result, 0, 256 } },
                                     .repeats = 1 };
    const struct gpu_matrix *units = &gpu_device_limits(device)->matrix;
    const bool has_f16 = gpu_device_limits(device)->float16 &&
                         shader_table[SHADER_BENCH_FMA_F16].size > 0;
    if (c->result && measure_submission(c, aim) &&
        measure_fma(c, CEILING_FMA_F32, SHADER_BENCH_FMA, aim, true) &&
        (!has_f16 ||
         measure_fma(c, CEILING_FMA_F16, SHADER_BENCH_FMA_F16, aim, false)) &&
        measure_matrices(c, CEILING_MATRIX_F16, SHADER_BENCH_MATRIX, &units->f16,
                         aim) &&
        measure_matrices(c, CEILING_MATRIX_BF16, SHADER_BENCH_MATRIX_BF16, &units->bf16,
                         aim) &&
        measure_dispatches(c, aim) && measure_copies(c, aim))
        return c;
    ceilings_destroy(c);
    return NULL;
}

void ceilings_destroy(struct ceilings *c)
{
    if (!c)
        return;
    gpu_buffer_destroy(c->result);
    gpu_buffer_destroy(c->from);
    gpu_buffer_destroy(c->to);
    mem_free(c);
}

// Seconds of the fastest run.
static bool take(const struct ceilings *c, enum ceiling which, double *least)
{
    double seconds;
    for (int i = 0; i < TAKEN; i++) {
        if (!once((void *)&c->works[which], &seconds))
            return false;
        *least = i == 0 ? seconds : MIN(*least, seconds);
    }
    return true;
}

// Raises the rate of products of one type to that of matrix units, where there are any.
static bool take_matrices(const struct ceilings *c, enum ceiling which, double *flops)
{
    double seconds;
    if (c->entries[which].time.samples == 0)
        return true;
    if (!take(c, which, &seconds))
        return false;
    *flops = MAX(*flops, (double)c->entries[which].flops / seconds);
    return true;
}

bool ceilings_take(const struct ceilings *c, struct rates *out)
{
    // The faster way of copying shows what the memory can do.
    const struct ceiling_entry *e = c->entries;
    const enum ceiling copy =
        e[CEILING_COPY].time.median < e[CEILING_TRANSFER].time.median
            ? CEILING_COPY
            : CEILING_TRANSFER;
    double fma, moving;
    *out = (struct rates){ 0 };
    if (!take(c, CEILING_FMA_F32, &fma) || !take(c, copy, &moving) ||
        !take(c, CEILING_DISPATCH, &out->launch) ||
        !take(c, CEILING_OVERLAP, &out->overlapped))
        return false;
    // Products of 16 bits are summed in f32.
    for (int i = 0; i < ARITHMETIC_COUNT; i++)
        out->flops[i] = (double)e[CEILING_FMA_F32].flops / fma;
    out->bytes = (double)e[copy].bytes / moving;
    return take_matrices(c, CEILING_MATRIX_F16, &out->flops[ARITHMETIC_F16]) &&
           take_matrices(c, CEILING_MATRIX_BF16, &out->flops[ARITHMETIC_BF16]);
}
