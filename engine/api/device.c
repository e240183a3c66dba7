// SPDX-License-Identifier: MIT
//
// Devices in the public API. See relay.h.

#include "api/relay.h"

#include "base/mem.h"
#include "gpu/device.h"

#include <math.h>

bool pix_device_list(const struct pix_log *log, struct pix_device_info **list,
                     uint32_t *count)
{
    struct relay relay;
    if (!api_check_given(list, "pix_device_list", "list") ||
        !api_check_given(count, "pix_device_list", "count"))
        return false;
    // On the stack: listing devices leaves nothing behind that could log later.
    relay_init(&relay, log);
    const struct log_sink *before = log_use(&relay.sink);
    bool ok = gpu_device_list(list, count);
    log_use(before);
    return ok;
}

void pix_device_list_free(struct pix_device_info *list)
{
    mem_free(list);
}

pix_device *pix_device_create(const struct pix_device_options *options)
{
    const struct pix_device_options defaults = { 0 };
    if (!options)
        options = &defaults;
    // Before anything that may fail, so that the reason reaches the caller's log. The
    // lasting one is a part of the device because threads keep the address of its sink.
    struct relay early;
    relay_init(&early, &options->log);
    const struct log_sink *before = log_use(&early.sink);
    pix_device *device = mem_zalloc(sizeof(*device));
    if (!device) {
        log_use(before);
        return NULL;
    }
    relay_init(&device->relay, &options->log);
    log_use(&device->relay.sink);
    const struct gpu_device_options gpu = {
        .select = options->select,
        .validation = options->validation,
        .minimum_limits = options->minimum_limits,
        .no_matrix_units = options->no_matrix_units,
        .no_cache = options->no_cache,
    };
    if (isfinite(options->submission_seconds) && options->submission_seconds >= 0) {
        device->submission_seconds = options->submission_seconds;
        device->no_overlap = options->no_overlap;
        device->gpu = gpu_device_create(&gpu);
    } else {
        log_error("device: submission_seconds must be a number from 0, not %g",
                  options->submission_seconds);
    }
    if (device->gpu && gpu_device_info(device->gpu)->type == PIX_DEVICE_CPU)
        log_warn("device: %s is a software device: results are correct, but it is slow",
                 gpu_device_info(device->gpu)->name);
    log_use(before);    // before the memory of the sink may be freed
    if (!device->gpu) {
        mem_free(device);
        device = NULL;
    }
    return device;
}

void pix_device_destroy(pix_device *device)
{
    if (!device)
        return;
    const struct log_sink *before = log_use(&device->relay.sink);
    gpu_device_destroy(device->gpu);
    // Before the memory of the sink is freed.
    log_use(before);
    mem_free(device);
}

// Queries cannot fail: they need no log.
const struct pix_device_info *pix_device_get_info(const pix_device *device)
{
    return gpu_device_info(device->gpu);
}

uint32_t pix_device_validation_count(const pix_device *device)
{
    return gpu_device_message_count(device->gpu);
}
