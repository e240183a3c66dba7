// SPDX-License-Identifier: MIT
//
// Tables from files and from measuring. See tuned.h.

#include "program/tuned.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "gpu/device.h"
#include "gpu/shaders.h"

#include <stdio.h>
#include <string.h>

// Seconds between two messages about progress.
#define REPORT_SECONDS 2.0

// ---------------------------------------------------------------------------
// The cache

// What a measurement is valid for: the device, its driver, and the kernels by a hash
// over all SPIR-V.
static bool set_origin(const struct gpu_device *device, struct tuning *t)
{
    const struct pix_device_info *info = gpu_device_info(device);
    const struct gpu_limits *limits = gpu_device_limits(device);
    char shaders[HASH_TEXT_SIZE];
    uint64_t hash = HASH_START;
    for (size_t i = 0; i < SHADER_COUNT; i++)
        hash = hash_bytes(hash_text(hash, shader_table[i].name), shader_table[i].words,
                          shader_table[i].size);
    // The limits are part of the name: a device can be opened with smaller ones.
    char *name =
        mem_printf("%s, %04x:%04x, %u invocations, %u bytes shared", info->name,
                   (unsigned)info->vendor_id, (unsigned)info->device_id,
                   (unsigned)limits->max_invocations, (unsigned)limits->shared_bytes);
    char *driver = mem_printf("%s %s", info->driver, info->driver_version);
    bool ok = name && driver &&
              tuning_set_origin(t, name, driver, hash_digits(hash, shaders));
    mem_free(driver);
    mem_free(name);
    return ok;
}

// One file per device, driver and set of kernels: an update of any of them begins a new
// one, and going back finds the old one again.
static char *path_of(const struct tuning *origin)
{
    char digits[HASH_TEXT_SIZE];
    const uint64_t hash =
        hash_text(hash_text(hash_text(HASH_START, origin->device), origin->driver),
                  origin->shaders);
    char *folder = os_cache_folder();
    char *path =
        folder ? mem_printf("%s/tuning/%s.json", folder, hash_digits(hash, digits))
               : NULL;
    mem_free(folder);
    return path;
}

char *tuned_cache_path(const struct gpu_device *device)
{
    struct tuning origin = { 0 };
    char *path = set_origin(device, &origin) ? path_of(&origin) : NULL;
    tuning_finish(&origin);
    return path;
}

// The table gets this device's origin and, if the file is sound, its entries. Whatever
// is wrong with the file costs a warning (with `says`, so that it is given once) and a
// new measurement, never the run. Missing memory is nothing that is wrong with it:
// false, after a message, and the file stays.
static bool read_cache(const struct gpu_device *device, struct tuning *t, bool says)
{
    struct tuning found = { 0 };
    char reason[256];
    const uint64_t failures = mem_failures();
    if (!set_origin(device, t))
        return false;
    char *path = path_of(t);
    if (path && file_exists(path)) {
        bool ok = tuning_read(path, &found, reason, sizeof(reason));
        if (ok && !tuning_same_origin(&found, t)) {
            snprintf(reason, sizeof(reason), "it belongs to another device");
            tuning_finish(&found);
            ok = false;
        }
        if (!ok && says && mem_failures() == failures)
            log_warn("tuning: %s is ignored and will be replaced: %s", path, reason);
        if (ok) {
            tuning_finish(t);
            *t = found;
        }
    }
    mem_free(path);
    return mem_failures() == failures;
}

// Another process may have added to the file since it was read. Of two that write at
// once the later one wins, whole: the other's part is measured again.
static bool write_cache(const struct gpu_device *device, const struct tuning *t)
{
    struct tuning all = { 0 };
    bool ok = read_cache(device, &all, false);
    for (size_t i = 0; ok && i < t->count; i++) {
        const struct tuning_entry *e = &t->entries[i];
        ok = tuning_set(&all, e->shape, e->variant, e->untimed);
    }
    char *path = ok ? path_of(&all) : NULL;
    char *folder = path ? mem_strdup(path) : NULL;
    if (folder) {
        folder[strlen(path) - strlen(file_name(path)) - 1] = 0;
        struct log_capture capture;
        log_capture_begin(&capture);
        ok = file_make_private_folder(folder) && tuning_write(path, &all);
        const char *error = log_capture_end(&capture);
        if (!ok)
            log_warn("tuning: cannot save the measurements, so they will be repeated: "
                     "%s",
                     error);
    }
    mem_free(folder);
    mem_free(path);
    tuning_finish(&all);
    return ok;
}

bool tuned_uses_cache(enum tuning_mode mode)
{
    return mode == TUNING_AUTO || mode == TUNING_ON;
}

bool tuned_open(const struct gpu_device *device, enum tuning_mode mode,
                const char *path, struct tuning *t)
{
    char reason[256];
    if (tuned_uses_cache(mode))
        return read_cache(device, t, true);
    if (mode == TUNING_OFF)
        return true;
    if (!tuning_read(path, t, reason, sizeof(reason))) {
        log_error("tuning: --tuning %s cannot be used: %s: name a file that `pix2pix "
                  "tune` or a run wrote, or auto, on or off",
                  path, reason);
        return false;
    }
    // A table of another device is used as it is: it makes two devices add in one
    // order.
    struct tuning here = { 0 };
    bool ok = set_origin(device, &here);
    if (ok && !tuning_same_origin(t, &here))
        log_info("tuning: %s was measured on %s, %s, or with other kernels", path,
                 t->device, t->driver);
    tuning_finish(&here);
    return ok;
}

// ---------------------------------------------------------------------------
// Measuring

// An untimed shape is stored as well, so that nobody waits for it twice.
static bool note(struct tuning *t, const struct tune_result *r)
{
    char text[CONV_SHAPE_TEXT_SIZE];
    return tuning_set(t, conv_shape_text(&r->shape, text), r->chosen->name, !r->timed);
}

struct progress {
    const char *device;
    double start, reported;    // os_seconds()
};

static bool report_progress(void *user, const struct tune_result *result, size_t done,
                            size_t count)
{
    struct progress *p = user;
    const double now = os_seconds();
    (void)result;
    if (now - p->reported >= REPORT_SECONDS) {
        p->reported = now;
        log_info("tuning: %zu of %zu kernel%s for %s ...", done, count, PLURAL(count),
                 p->device);
    }
    return true;
}

static void report_end(const struct progress *p, const struct tune_result *results,
                       size_t count)
{
    size_t timed = 0, better = 0;
    for (size_t i = 0; i < count; i++) {
        timed += results[i].timed;
        better += results[i].timed && results[i].chosen != results[i].built_in;
    }
    log_info("tuning: %zu of %zu kernel%s timed in %.1f s; for %zu another than the "
             "built-in one is faster%s",
             timed, count, PLURAL(count), os_seconds() - p->start, better,
             timed < count ? "; `pix2pix tune` measures them all" : "");
}

static bool is_missing(const struct conv_shape *shape, const struct tuning *t)
{
    char text[CONV_SHAPE_TEXT_SIZE];
    return !tuning_entry(t, conv_shape_text(shape, text));
}

size_t tuned_missing(const struct conv_shapes *shapes, const struct tuning *t)
{
    size_t count = 0;
    for (size_t i = 0; i < shapes->count; i++)
        count += is_missing(&shapes->items[i], t);
    return count;
}

// Caller frees.
static struct conv_shape *list_missing(const struct conv_shapes *shapes,
                                       const struct tuning *t)
{
    struct conv_shape *missing = mem_array(MAX(shapes->count, 1), sizeof(missing[0]));
    for (size_t i = 0, count = 0; missing && i < shapes->count; i++)
        if (is_missing(&shapes->items[i], t))
            missing[count++] = shapes->items[i];
    return missing;
}

bool tuned_complete(struct gpu_device *device, enum tuning_mode mode,
                    double submission_seconds, double seconds,
                    const struct conv_shapes *shapes, struct tuning *t)
{
    const size_t count = tuned_missing(shapes, t);
    const bool is_cpu = gpu_device_limits(device)->is_cpu;
    struct conv_shape *missing = list_missing(shapes, t);
    struct tune_result *results = mem_array(MAX(count, 1), sizeof(results[0]));
    bool ok = missing && results;
    if (ok && count > 0 && is_cpu && mode == TUNING_AUTO) {
        log_info("tuning: %s is a software driver, for which the built-in choice of "
                 "kernels is made: nothing is measured (--tuning on does)",
                 gpu_device_info(device)->name);
    } else if (ok && count > 0 && gpu_device_limits(device)->executes) {
        struct progress progress = { .device = gpu_device_info(device)->name,
                                     .start = os_seconds() };
        const struct tune_options options = {
            .submission_seconds = submission_seconds,
            // A software driver compiles slowly and has little to gain.
            .seconds = is_cpu ? seconds / 3 : seconds,
            .report = report_progress,
            .user = &progress,
        };
        progress.reported = progress.start;
        log_info("tuning: timing %zu kernel%s for %s, once, for about %.0f s at most; "
                 "--tuning off skips this",
                 count, PLURAL(count), progress.device, options.seconds);
        ok = tune_run(device, missing, count, &options, results);
        for (size_t i = 0; ok && i < count; i++)
            ok = note(t, &results[i]);
        if (ok) {
            report_end(&progress, results, count);
            write_cache(device, t);
        }
    }
    mem_free(results);
    mem_free(missing);
    return ok;
}

bool tuned_select(const struct tuning *all, const struct conv_shapes *shapes,
                  struct tuning *part)
{
    bool ok =
        !all->device || tuning_set_origin(part, all->device, all->driver, all->shaders);
    for (size_t i = 0; ok && i < shapes->count; i++) {
        char text[CONV_SHAPE_TEXT_SIZE];
        const struct tuning_entry *e =
            tuning_entry(all, conv_shape_text(&shapes->items[i], text));
        ok = !e || tuning_set(part, e->shape, e->variant, e->untimed);
    }
    return ok;
}

bool tuned_measure(struct gpu_device *device, double submission_seconds,
                   const struct conv_shapes *shapes,
                   bool (*report)(void *user, const struct tune_result *result,
                                  size_t done, size_t count),
                   void *user)
{
    const size_t count = shapes->count;
    struct tuning t = { 0 };
    const struct tune_options options = {
        .submission_seconds = submission_seconds,
        .report = report,
        .user = user,
    };
    struct tune_result *results = mem_array(MAX(count, 1), sizeof(results[0]));
    bool ok = results && tune_run(device, shapes->items, count, &options, results);
    // What was measured before a failure, or an end, is as good.
    for (size_t i = 0; results && i < count; i++)
        if (results[i].timed)
            ok = note(&t, &results[i]) && ok;
    if (t.count > 0)
        write_cache(device, &t);
    tuning_finish(&t);
    mem_free(results);
    return ok;
}
