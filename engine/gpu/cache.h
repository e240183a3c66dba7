// SPDX-License-Identifier: MIT
//
// The pipeline cache of a device and its file, one for each device and driver, in the
// user's cache folder: what the driver compiled once is not compiled again. Nothing
// that goes wrong with it is an error.

#ifndef GPU_CACHE_H
#define GPU_CACHE_H

#include "base/base.h"

struct gpu_device;

// Opens the cache with what is in the file, when the first kernel is made.
void gpu_cache_open(struct gpu_device *device);

// Writes the file after kernels were made: `now`, or not too soon after the last time.
void gpu_cache_save(struct gpu_device *device, bool now);

void gpu_cache_close(struct gpu_device *device);    // saves first

#endif
