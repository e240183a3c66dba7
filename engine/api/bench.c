// SPDX-License-Identifier: MIT
//
// Measuring in the public API: the choice of kernels, and the benchmark. See relay.h.

#include "api/relay.h"

#include "bench/bench.h"
#include "bench/tune_all.h"
#include "program/tuned.h"

// The public callback, and whether it has ended the measuring. That is no failure: the
// rows so far are stored.
struct tune_relay {
    bool (*row)(void *user, const struct pix_tune_row *row, uint32_t done,
                uint32_t count);
    void *user;
    bool ended;
};

static bool relay_row(void *user, const struct tune_result *r, size_t done,
                      size_t count)
{
    struct tune_relay *relay = user;
    char text[CONV_SHAPE_TEXT_SIZE];
    const struct pix_tune_row row = {
        .shape = conv_shape_text(&r->shape, text),
        .built_in = r->built_in->name,
        .chosen = r->chosen->name,
        .timed = r->timed,
        .built_in_ms = r->built_in_seconds * 1e3,
        .chosen_ms = r->chosen_seconds * 1e3,
        .gflops = r->timed ? (double)r->flops / r->chosen_seconds * 1e-9 : 0,
    };
    relay->ended = !relay->row(relay->user, &row, (uint32_t)done, (uint32_t)count);
    return !relay->ended;
}

bool pix_tune(pix_device *device, const struct pix_train_options *options,
              bool (*row)(void *user, const struct pix_tune_row *row, uint32_t done,
                          uint32_t count),
              void *user, char **path)
{
    struct tune_relay relay = { row, user, false };
    // Set on every way out, so that the caller may free it.
    if (path)
        *path = NULL;
    if (!api_check_given(device, "pix_tune", "device") ||
        !api_check_given(options, "pix_tune", "options"))
        return false;
    const struct log_sink *before = log_use(&device->relay.sink);
    bool ok = tune_all_run(device->gpu, device->submission_seconds, options,
                           row ? relay_row : NULL, &relay) ||
              relay.ended;
    if (ok && path)
        *path = tuned_cache_path(device->gpu);
    log_use(before);
    return ok;
}

// ---------------------------------------------------------------------------
// Benchmark

void pix_bench_options_init(struct pix_bench_options *options)
{
    bench_options_init(options);
}

bool pix_bench(pix_device *device, const struct pix_bench_options *options)
{
    if (!api_check_given(device, "pix_bench", "device") ||
        !api_check_given(options, "pix_bench", "options"))
        return false;
    const struct log_sink *before = log_use(&device->relay.sink);
    // Its callbacks have public types and are called as they are.
    bool ok = bench_run(device->gpu, device->submission_seconds, options);
    log_use(before);
    return ok;
}
