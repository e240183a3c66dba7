// SPDX-License-Identifier: MIT
//
// The public API: checks what callers pass, makes the log of the object the current one
// of the thread, and calls the layers. What concerns options alone is in
// settings/options.c.

#include "pix2pix.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "data/image.h"
#include "data/picture.h"
#include "evaluate/evaluate.h"
#include "gpu/device.h"
#include "program/tuned.h"
#include "settings/options.h"
#include "store/convert.h"
#include "train/run.h"
#include "train/trainer.h"
#include "translate/pipeline.h"
#include "translate/translator.h"

#include <math.h>

#ifndef PIX_VERSION
#define PIX_VERSION "0.0.0"
#endif

// Long enough to hide what a submission costs, short enough for any watchdog: some
// drivers give compute work two seconds.
#define SUBMISSION_SECONDS 0.2

// The levels are cast.
_Static_assert((int)PIX_LOG_ERROR == (int)LOG_ERROR &&
                   (int)PIX_LOG_WARN == (int)LOG_WARN &&
                   (int)PIX_LOG_INFO == (int)LOG_INFO &&
                   (int)PIX_LOG_DEBUG == (int)LOG_DEBUG,
               "levels differ");

// The user's callback. It is here, not in the sink, because its type names the public
// enum.
struct relay {
    struct pix_log log;
    struct log_sink sink;
};

struct pix_device {
    struct relay relay;
    struct gpu_device *gpu;
    double submission_seconds;
    bool no_overlap;
};

struct pix_trainer {
    const pix_device *device;
    struct trainer *trainer;
};

struct pix_translator {
    const pix_device *device;
    struct translator *translator;
};

static void relay_message(void *user, enum log_level level, const char *text)
{
    const struct relay *relay = user;
    relay->log.callback(relay->log.user, (enum pix_log_level)level, text);
}

// `relay` stays where it is as long as the sink is used.
static void relay_init(struct relay *relay, const struct pix_log *log)
{
    *relay = (struct relay){ 0 };
    if (!log || !log->callback)
        return;
    relay->log = *log;
    relay->sink = (struct log_sink){ relay_message, relay, (enum log_level)log->level };
}

const char *pix_version(void)
{
    return PIX_VERSION;
}

const char *pix_last_error(void)
{
    return log_last_error();
}

// For functions that take pointers without which there is nothing to do.
static bool given(const void *pointer, const char *function, const char *what)
{
    if (!pointer)
        log_error("%s: %s is NULL", function, what);
    return pointer != NULL;
}

// ---------------------------------------------------------------------------
// Devices

bool pix_device_list(const struct pix_log *log, struct pix_device_info **list,
                     uint32_t *count)
{
    struct relay relay;
    if (!given(list, "pix_device_list", "list") ||
        !given(count, "pix_device_list", "count"))
        return false;
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
    pix_device *device = mem_zalloc(sizeof(*device));
    if (!device)
        return NULL;
    relay_init(&device->relay, &options->log);
    const struct log_sink *before = log_use(&device->relay.sink);
    const struct gpu_device_options gpu = {
        .select = options->select,
        .validation = options->validation,
        .minimum_limits = options->minimum_limits,
        .no_cache = options->no_cache,
    };
    if (isfinite(options->submission_seconds) && options->submission_seconds >= 0) {
        device->submission_seconds = options->submission_seconds > 0
                                         ? options->submission_seconds
                                         : SUBMISSION_SECONDS;
        device->no_overlap = options->no_overlap;
        device->gpu = gpu_device_create(&gpu);
    } else {
        log_error("device: submission_seconds must be a number from 0, not %g",
                  options->submission_seconds);
    }
    if (device->gpu && gpu_device_info(device->gpu)->type == PIX_DEVICE_CPU)
        log_warn("device: %s is a software device: results are correct, but it is slow",
                 gpu_device_info(device->gpu)->name);
    if (!device->gpu) {
        mem_free(device);
        device = NULL;
    }
    log_use(before);
    return device;
}

void pix_device_destroy(pix_device *device)
{
    if (!device)
        return;
    const struct log_sink *before = log_use(&device->relay.sink);
    gpu_device_destroy(device->gpu);
    log_use(before);
    mem_free(device);
}

const struct pix_device_info *pix_device_get_info(const pix_device *device)
{
    return gpu_device_info(device->gpu);
}

uint32_t pix_device_validation_count(const pix_device *device)
{
    return gpu_device_messages(device->gpu);
}

// ---------------------------------------------------------------------------
// Images

bool pix_image_read(const char *path, struct pix_image *image)
{
    if (!given(image, "pix_image_read", "image"))
        return false;
    *image = (struct pix_image){ 0 };
    return given(path, "pix_image_read", "path") && image_read(path, image, NULL, 0);
}

bool pix_image_write(const char *path, const struct pix_image *image)
{
    if (!given(path, "pix_image_write", "path") ||
        !given(image, "pix_image_write", "image"))
        return false;
    if (!image->pixels || image->width == 0 || image->height == 0) {
        log_error("image: %s: there are no pixels to write", path);
        return false;
    }
    return image_write(path, image);
}

void pix_image_free(struct pix_image *image)
{
    if (image)
        image_free(image);
}

bool pix_array_read(const char *path, struct pix_array *array)
{
    struct picture picture;
    struct reason reason;
    if (!given(array, "pix_array_read", "array"))
        return false;
    *array = (struct pix_array){ 0 };
    if (!given(path, "pix_array_read", "path"))
        return false;
    if (!picture_read(path, &picture, &reason)) {
        log_error("image: %s: %s", path, reason.text);
        return false;
    }
    *array = picture_to_array(&picture);
    return true;
}

bool pix_array_write(const char *path, const struct pix_array *array)
{
    struct picture picture;
    bool ok = given(path, "pix_array_write", "path") &&
              given(array, "pix_array_write", "array") &&
              picture_from_array(array, &picture);
    if (ok) {
        ok = picture_write(path, &picture);
        picture_free(&picture);
    }
    return ok;
}

void pix_array_free(struct pix_array *array)
{
    if (!array)
        return;
    mem_free(array->data);
    *array = (struct pix_array){ 0 };
}

bool pix_array_has_extension(const char *path)
{
    return given(path, "pix_array_has_extension", "path") &&
           picture_has_known_extension(path);
}

bool pix_image_has_extension(const char *path)
{
    return given(path, "pix_image_has_extension", "path") &&
           image_has_known_extension(path);
}

static bool list_files(const char *function, const char *folder, char ***names,
                       uint32_t *count, bool (*is_wanted)(const char *name))
{
    struct file_list list;
    if (!given(folder, function, "folder") || !given(names, function, "names") ||
        !given(count, function, "count"))
        return false;
    *names = NULL;
    *count = 0;
    if (!file_list_read(folder, &list))
        return false;
    size_t kept = 0;
    for (size_t i = 0; i < list.count; i++) {
        if (is_wanted(list.names[i]) && kept < UINT32_MAX)
            list.names[kept++] = list.names[i];
        else
            mem_free(list.names[i]);
    }
    *names = list.names;
    *count = (uint32_t)kept;
    return true;
}

bool pix_image_list(const char *folder, char ***names, uint32_t *count)
{
    return list_files("pix_image_list", folder, names, count,
                      image_has_known_extension);
}

bool pix_array_list(const char *folder, char ***names, uint32_t *count)
{
    return list_files("pix_array_list", folder, names, count,
                      picture_has_known_extension);
}

void pix_image_list_free(char **names, uint32_t count)
{
    struct file_list list = { names, count };
    file_list_free(&list);
}

// ---------------------------------------------------------------------------
// Training

bool pix_train_check(const struct pix_train_options *options)
{
    bool is_new;
    if (!given(options, "pix_train_check", "options") || !options_check(options, true))
        return false;
    struct pix_train_options resolved = *options;    // adds no text of its own
    return options_resolve(&resolved) && run_check(&resolved, &is_new);
}

pix_trainer *pix_trainer_create(pix_device *device,
                                const struct pix_train_options *options)
{
    if (!given(device, "pix_trainer_create", "device") ||
        !given(options, "pix_trainer_create", "options"))
        return NULL;
    const struct log_sink *before = log_use(&device->relay.sink);
    pix_trainer *trainer = mem_zalloc(sizeof(*trainer));
    if (trainer) {
        trainer->device = device;
        trainer->trainer = trainer_create(device->gpu, device->submission_seconds,
                                          device->no_overlap, options);
        if (!trainer->trainer) {
            mem_free(trainer);
            trainer = NULL;
        }
    }
    log_use(before);
    return trainer;
}

void pix_trainer_destroy(pix_trainer *trainer)
{
    if (!trainer)
        return;
    const struct log_sink *before = log_use(&trainer->device->relay.sink);
    trainer_destroy(trainer->trainer);
    log_use(before);
    mem_free(trainer);
}

const struct pix_train_options *pix_trainer_get_options(const pix_trainer *trainer)
{
    return trainer_get_options(trainer->trainer);
}

enum pix_step_result pix_trainer_step(pix_trainer *trainer,
                                      struct pix_step_metrics *metrics)
{
    struct pix_step_metrics ignored;
    const struct log_sink *before = log_use(&trainer->device->relay.sink);
    enum pix_step_result result =
        trainer_step(trainer->trainer, metrics ? metrics : &ignored);
    log_use(before);
    return result;
}

enum pix_step_result pix_trainer_drain(pix_trainer *trainer,
                                       struct pix_step_metrics *metrics)
{
    struct pix_step_metrics ignored;
    const struct log_sink *before = log_use(&trainer->device->relay.sink);
    enum pix_step_result result =
        trainer_drain(trainer->trainer, metrics ? metrics : &ignored);
    log_use(before);
    return result;
}

bool pix_trainer_save(pix_trainer *trainer)
{
    const struct log_sink *before = log_use(&trainer->device->relay.sink);
    bool ok = trainer_save(trainer->trainer);
    log_use(before);
    return ok;
}

bool pix_train_plan(pix_device *device, const struct pix_train_options *options,
                    struct pix_plan *plan)
{
    if (!given(device, "pix_train_plan", "device") ||
        !given(options, "pix_train_plan", "options") ||
        !given(plan, "pix_train_plan", "plan"))
        return false;
    const struct log_sink *before = log_use(&device->relay.sink);
    bool ok = trainer_plan(device->gpu, device->submission_seconds, options, plan);
    log_use(before);
    return ok;
}

// ---------------------------------------------------------------------------
// Tuning

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
    if (path)
        *path = NULL;
    if (!given(device, "pix_tune", "device") || !given(options, "pix_tune", "options"))
        return false;
    const struct log_sink *before = log_use(&device->relay.sink);
    bool ok = trainer_tune(device->gpu, device->submission_seconds, options,
                           row ? relay_row : NULL, &relay) ||
              relay.ended;
    if (ok && path)
        *path = tuned_cache_path(device->gpu);
    log_use(before);
    return ok;
}

// ---------------------------------------------------------------------------
// Translation

void pix_translate_options_init(struct pix_translate_options *options)
{
    *options = (struct pix_translate_options){ 0 };
}

pix_translator *pix_translator_create(pix_device *device,
                                      const struct pix_translate_options *options)
{
    if (!given(device, "pix_translator_create", "device") ||
        !given(options, "pix_translator_create", "options"))
        return NULL;
    const struct log_sink *before = log_use(&device->relay.sink);
    pix_translator *translator = mem_zalloc(sizeof(*translator));
    if (translator) {
        translator->device = device;
        translator->translator =
            translator_create(device->gpu, device->submission_seconds, options);
        if (!translator->translator) {
            mem_free(translator);
            translator = NULL;
        }
    }
    log_use(before);
    return translator;
}

void pix_translator_destroy(pix_translator *translator)
{
    if (!translator)
        return;
    const struct log_sink *before = log_use(&translator->device->relay.sink);
    translator_destroy(translator->translator);
    log_use(before);
    mem_free(translator);
}

uint32_t pix_translator_size(const pix_translator *translator)
{
    return translator_size(translator->translator);
}

uint32_t pix_translator_multiple(const pix_translator *translator)
{
    return translator_multiple(translator->translator);
}

const struct pix_train_options *pix_translator_get_options(
    const pix_translator *translator)
{
    return translator_get_options(translator->translator);
}

bool pix_translator_run(pix_translator *translator, const struct pix_image *in,
                        struct pix_image *out)
{
    const struct log_sink *before = log_use(&translator->device->relay.sink);
    bool ok = given(in, "pix_translator_run", "in") &&
              given(out, "pix_translator_run", "out") &&
              translator_run(translator->translator, in, out);
    log_use(before);
    return ok;
}

bool pix_translator_run_array(pix_translator *translator, const struct pix_array *in,
                              struct pix_array *out)
{
    const struct log_sink *before = log_use(&translator->device->relay.sink);
    bool ok = given(in, "pix_translator_run_array", "in") &&
              given(out, "pix_translator_run_array", "out") &&
              translator_run_array(translator->translator, in, out);
    log_use(before);
    return ok;
}

const char *pix_translator_extension(const pix_translator *translator, const char *path)
{
    return translator_extension(translator->translator, path);
}

bool pix_translator_run_many(pix_translator *translator,
                             struct pix_translate_item *items, size_t count,
                             pix_translate_done *done, void *user)
{
    const struct log_sink *before = log_use(&translator->device->relay.sink);
    bool ok = (count == 0 || given(items, "pix_translator_run_many", "items")) &&
              pipeline_translate(translator->translator, items, count, done, user);
    log_use(before);
    return ok;
}

bool pix_translator_plan(pix_translator *translator, uint32_t width, uint32_t height,
                         struct pix_plan *plan)
{
    const struct log_sink *before = log_use(&translator->device->relay.sink);
    bool ok = given(plan, "pix_translator_plan", "plan") &&
              translator_plan(translator->translator, width, height, plan);
    log_use(before);
    return ok;
}

// ---------------------------------------------------------------------------
// Weights in and out

bool pix_convert(const struct pix_convert_options *options)
{
    struct relay relay;
    if (!given(options, "pix_convert", "options"))
        return false;
    relay_init(&relay, &options->log);
    const struct log_sink *before = log_use(&relay.sink);
    bool ok = convert(options);
    log_use(before);
    return ok;
}

// ---------------------------------------------------------------------------
// Evaluation

bool pix_evaluate(pix_translator *translator, const char *data, const char *split,
                  const char *grid, uint32_t grid_rows,
                  struct pix_evaluation *evaluation)
{
    const struct log_sink *before = log_use(&translator->device->relay.sink);
    bool ok = given(data, "pix_evaluate", "data") &&
              given(split, "pix_evaluate", "split") &&
              given(evaluation, "pix_evaluate", "evaluation") &&
              evaluate_pairs(translator->translator, data, split, grid, grid_rows,
                             evaluation);
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
    if (!given(device, "pix_bench", "device") ||
        !given(options, "pix_bench", "options"))
        return false;
    const struct log_sink *before = log_use(&device->relay.sink);
    bool ok = bench_run(device->gpu, device->submission_seconds, options);
    log_use(before);
    return ok;
}
