// SPDX-License-Identifier: MIT
//
// A training run. Everything random is a function of (seed, step), so the state of a
// run is its step, its weights and its moments: a run that goes on from a checkpoint
// takes exactly the steps that it would have taken without the stop.

#include "train/trainer.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/random.h"
#include "data/dataset.h"
#include "data/image.h"
#include "gpu/device.h"
#include "graph/exec.h"
#include "train/checkpoint.h"
#include "train/objective.h"
#include "train/options.h"
#include "train/schedule.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define INITIAL_GAIN 0.02         // deviation of initial weights, as the port's default
#define DISCRIMINATOR_LAYERS 3    // the 70x70 PatchGAN
#define SAMPLE_ROWS_MAX 8u        // in a sample grid, whatever the batch
#define SAMPLE_COLUMNS 3u         // input | output | target

// Sequences of random numbers drawn from the seed here. Changing one changes every run.
#define SEQUENCE_GENERATOR 0x47
#define SEQUENCE_DISCRIMINATOR 0x44

enum { LOSS_D_REAL, LOSS_D_FAKE, LOSS_G_GAN, LOSS_G_L1, LOSS_COUNT };

struct trainer {
    struct gpu_device *device;
    struct pix_train_options options;
    uint64_t step, steps;    // done, and the run's total
    uint64_t epoch;          // of the last step, from 1; 0: none yet
    uint64_t saved;          // step of the newest good checkpoint; 0: none
    uint32_t images;         // in the data when that was written; 0: not known

    struct weights *generator, *discriminator;
    struct graph *graph;
    struct plan *plan;
    struct exec *exec;
    struct objective objective;
    struct dataset *data;

    // Mapped memory of the exec.
    uint8_t *pixels;
    uint32_t *jitter;    // four numbers a sample
    const float *losses[LOSS_COUNT];
    const void *samples[SAMPLE_COLUMNS];

    FILE *metrics;
    char *metrics_path;
    bool failed;    // no more steps
    bool lost;      // nor checkpoints: what is on the device can not be trusted
    bool warned;    // of a loss that is not finite
};

// ---------------------------------------------------------------------------
// The step as a graph, and its plan

struct unet_options trainer_generator_options(const struct pix_train_options *o)
{
    return (struct unet_options){
        .levels = options_unet_levels(o),
        .ngf = o->ngf,
        .channels_in = 3,
        .channels_out = 3,
    };
}

struct op_limits trainer_op_limits(const struct gpu_device *device)
{
    const struct gpu_limits *limits = gpu_device_limits(device);
    return (struct op_limits){
        .max_invocations = limits->max_invocations,
        .shared_bytes = limits->shared_bytes,
        .is_cpu = limits->is_cpu,
    };
}

struct plan_limits trainer_plan_limits(const struct gpu_device *device)
{
    const struct gpu_limits *limits = gpu_device_limits(device);
    return (struct plan_limits){
        .max_block = limits->max_block,
        .max_binding = limits->max_binding,
    };
}

uint64_t trainer_step_block_bytes(void)
{
    return ALIGN_UP((uint64_t)sizeof(struct step_block), (uint64_t)TENSOR_ALIGNMENT);
}

void trainer_sum_up(struct gpu_device *device, double submission_seconds,
                    const struct graph *g, const struct plan *plan,
                    struct pix_plan *out)
{
    out->arena_bytes = plan->arena_bytes;
    out->arena_bytes_without_reuse = plan->arena_bytes_without_reuse;
    out->dispatches = plan->dispatches;
    out->barriers = exec_count_barriers(g);
    out->submissions = exec_estimate_submissions(g, gpu_device_limits(device)->is_cpu,
                                                 submission_seconds);
    out->flops_per_step = plan->flops;
    out->bytes_per_step = plan->bytes;
    out->device_bytes = out->state_bytes + out->arena_bytes + out->step_block_bytes +
                        out->staging_bytes;
}

static void size_text(uint64_t bytes, char *text, size_t size)
{
    double mib = (double)bytes / (1 << 20);
    if (mib >= 1024)
        snprintf(text, size, "%.2f GiB", mib / 1024);
    else
        snprintf(text, size, "%.1f MiB", mib);
}

bool trainer_memory_fits(struct gpu_device *device, const struct pix_plan *plan,
                         const char *what, const char *hint)
{
    char needs[32], has[32];
    uint64_t memory = gpu_device_limits(device)->memory;
    if (plan->device_bytes <= memory)
        return true;
    size_text(plan->device_bytes, needs, sizeof(needs));
    size_text(memory, has, sizeof(has));
    log_error("memory: %s needs %s of device memory, %s has %s: %s", what, needs,
              gpu_device_info(device)->name, has, hint);
    return false;
}

// The option that lowers what takes most.
static const char *memory_hint(const struct pix_train_options *o,
                               const struct pix_plan *plan)
{
    if (plan->state_bytes > plan->arena_bytes)
        return "lower --ngf and --ndf";
    return o->batch_size > 1 ? "lower --batch-size" : "lower --crop-size";
}

static uint64_t staging_bytes(const struct objective *o)
{
    const struct tensor *const all[] = {
        o->pixels,       o->jitter,        o->loss_d_real,
        o->loss_d_fake,  o->loss_g_gan,    o->loss_g_l1,
        o->sample_input, o->sample_output, o->sample_target,
    };
    uint64_t bytes = 0;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        bytes += tensor_bytes(all[i]);
    return bytes;
}

// Everything that needs no memory of the device.
static bool build(struct trainer *t, double submission_seconds, struct pix_plan *out)
{
    const struct pix_train_options *o = &t->options;
    const struct op_limits op_limits = trainer_op_limits(t->device);
    const struct plan_limits plan_limits = trainer_plan_limits(t->device);
    const struct objective_options objective = {
        .generator = trainer_generator_options(o),
        .discriminator = { .layers = DISCRIMINATOR_LAYERS, .ndf = o->ndf },
        .batch = o->batch_size,
        .load_h = o->load_size,
        .load_w = o->load_size,
        .crop_h = o->crop_size,
        .crop_w = o->crop_size,
        .no_dropout = o->no_dropout,
        .lambda_l1 = (float)o->lambda_l1,
        .optimizer = {
            .kind = OPTIMIZER_ADAM,
            .beta1 = o->beta1,
            .beta2 = SCHEDULE_BETA2,
            .epsilon = SCHEDULE_EPSILON,
        },
    };

    t->generator = weights_create(false);
    t->discriminator = weights_create(false);
    t->graph = graph_create(&op_limits);
    if (!t->generator || !t->discriminator || !t->graph ||
        !objective_build(t->graph, t->generator, t->discriminator, &objective,
                         &t->objective) ||
        !weights_place(t->generator, plan_limits.max_block) ||
        !weights_place(t->discriminator, plan_limits.max_block))
        return false;
    t->plan = plan_build(t->graph, &plan_limits);
    if (!t->plan)
        return false;

    *out = (struct pix_plan){
        .state_bytes = weights_bytes(t->generator) + weights_bytes(t->discriminator),
        .step_block_bytes = trainer_step_block_bytes(),
        .staging_bytes = staging_bytes(&t->objective),
        .weights_g = weights_trained_count(t->generator),
        .weights_d = weights_trained_count(t->discriminator),
    };
    trainer_sum_up(t->device, submission_seconds, t->graph, t->plan, out);
    return true;
}

bool trainer_plan(struct gpu_device *device, double submission_seconds,
                  const struct pix_train_options *options, struct pix_plan *out)
{
    struct trainer *t = mem_zalloc(sizeof(*t));
    bool ok = t && options_copy(&t->options, options) && options_resolve(&t->options);
    if (ok) {
        t->device = device;
        ok = build(t, submission_seconds, out);
    }
    trainer_destroy(t);
    return ok;
}

// ---------------------------------------------------------------------------
// The run folder

static const char temporary_config[] = "config.json.tmp";

static bool note_entry(void *user, const char *name)
{
    bool *empty = user;
    // A run killed before its first file was whole leaves this behind.
    *empty = strcmp(name, temporary_config) == 0;
    return *empty;
}

// A new run takes a folder that does not exist or is empty.
static bool check_new_run(const char *out)
{
    bool empty = true;
    if (!file_exists(out))
        return true;
    if (!file_is_folder(out)) {
        log_error("train: %s is not a folder: name another one as --out", out);
        return false;
    }
    if (!os_folder_list(out, note_entry, &empty)) {
        log_error("train: can not list folder %s: %s", out, os_error_text());
        return false;
    }
    if (!empty)
        log_error(
            "train: %s is not empty: go on with the run in it with --continue, or "
            "name another folder as --out",
            out);
    return empty;
}

static bool same_value(const struct pix_option *row, const struct pix_train_options *a,
                       const struct pix_train_options *b)
{
    const void *x = (const char *)a + row->offset, *y = (const char *)b + row->offset;
    switch (row->type) {
    case PIX_OPTION_FLAG:
        return *(const bool *)x == *(const bool *)y;
    case PIX_OPTION_UINT32:
        return *(const uint32_t *)x == *(const uint32_t *)y;
    case PIX_OPTION_UINT64:
        return *(const uint64_t *)x == *(const uint64_t *)y;
    case PIX_OPTION_REAL:
        return *(const double *)x == *(const double *)y;
    case PIX_OPTION_CHOICE:
        return strcmp(*(const char *const *)x, *(const char *const *)y) == 0;
    case PIX_OPTION_TEXT:
        return true;    // another path to the same data can not be told from other data
    }
    return false;
}

// A continued run keeps its options but those that may change.
static bool check_continued_run(struct trainer *t)
{
    const char *out = t->options.out;
    struct pix_train_options stored;
    size_t count;
    bool ok = true;

    // Options of both are resolved, so that a default and what it stands for are equal.
    if (!pix_train_options_read(out, &stored))
        return false;
    if (!options_resolve(&stored)) {
        pix_train_options_finish(&stored);
        return false;
    }
    const struct pix_option *table = pix_train_option_table(&count);
    for (size_t i = 0; i < count && ok; i++) {
        const struct pix_option *row = &table[i];
        ok = row->may_change || row->is_run_state ||
             same_value(row, &stored, &t->options);
        if (!ok)
            log_error("train: --%s is not what the run in %s was started with, and a "
                      "continued run keeps it",
                      row->name, out);
    }
    pix_train_options_finish(&stored);
    return ok;
}

static char *config_text(const struct pix_train_options *o)
{
    struct json_writer w = { 0 };
    options_write_json(&w, NULL, o);
    char *json = json_writer_finish(&w);
    char *text = json ? mem_printf("%s\n", json) : NULL;
    mem_free(json);
    return text;
}

// Writes config.json unless it says the same already.
static bool write_config(const struct pix_train_options *o)
{
    char reason[256];
    void *before = NULL;
    size_t size = 0;
    char *path = file_join(o->out, "config.json");
    char *text = path ? config_text(o) : NULL;
    bool ok = text != NULL;
    if (ok && !(file_load(path, &before, &size, reason, sizeof(reason)) &&
                size == strlen(text) && memcmp(before, text, size) == 0))
        ok = file_write(path, text, strlen(text));
    mem_free(before);
    mem_free(text);
    mem_free(path);
    return ok;
}

static bool make_folder_in(const char *run, const char *name)
{
    char *path = file_join(run, name);
    bool ok = path && file_make_folder(path);
    mem_free(path);
    return ok;
}

// Files that a killed run was writing. They are in nobody's way, so failures are not
// worth a message.
static void remove_temporaries(const char *folder)
{
    struct file_list files;
    if (!folder || !file_is_folder(folder) || !file_list_read(folder, &files))
        return;
    for (size_t i = 0; i < files.count; i++) {
        char *path = strcmp(file_extension(files.names[i]), ".tmp") == 0
                         ? file_join(folder, files.names[i])
                         : NULL;
        if (path)
            os_file_remove(path);
        mem_free(path);
    }
    file_list_free(&files);
}

static void remove_all_temporaries(const char *run)
{
    static const char *const folders[] = { "checkpoints", "samples" };
    remove_temporaries(run);
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        char *path = file_join(run, folders[i]);
        remove_temporaries(path);
        mem_free(path);
    }
}

// ---------------------------------------------------------------------------
// Metrics

// Whether a line of metrics belongs to a step up to this one.
static bool keeps_line(const char *line, size_t length, uint64_t step)
{
    uint64_t found = 0;
    const struct log_sink *before = log_use(NULL);    // a broken line is no error
    struct json_document *document = json_parse(line, length, "metrics.jsonl");
    log_use(before);
    bool keep = document &&
                json_to_u64(json_get(json_root(document), "step"), &found) &&
                found <= step;
    json_destroy(document);
    return keep;
}

// Takes back what was written after the checkpoint, and a line that was cut short.
static bool cut_metrics(const char *path, uint64_t step)
{
    void *data = NULL;
    size_t size = 0, kept = 0;
    if (!file_exists(path))
        return true;
    if (!file_read(path, &data, &size))
        return false;
    for (const char *text = data; kept < size;) {
        const char *end = memchr(text + kept, '\n', size - kept);
        size_t length = end ? (size_t)(end - (text + kept)) : 0;
        if (!end || !keeps_line(text + kept, length, step))
            break;
        kept += length + 1;
    }
    mem_free(data);
    if (kept == size || os_file_truncate(path, kept))
        return true;
    log_error("train: can not shorten %s: %s", path, os_error_text());
    return false;
}

static bool open_metrics(struct trainer *t)
{
    if (!cut_metrics(t->metrics_path, t->step))
        return false;
    t->metrics = os_file_open(t->metrics_path, "ab");
    if (!t->metrics)
        log_error("train: can not open %s: %s", t->metrics_path, os_error_text());
    return t->metrics != NULL;
}

static bool write_metrics(struct trainer *t, const struct pix_step_metrics *m)
{
    struct json_writer w = { 0 };
    json_begin_object(&w, NULL);
    json_u64(&w, "step", m->step);
    json_u64(&w, "epoch", m->epoch);
    json_double(&w, "loss_d_real", m->loss_d_real);
    json_double(&w, "loss_d_fake", m->loss_d_fake);
    json_double(&w, "loss_g_gan", m->loss_g_gan);
    json_double(&w, "loss_g_l1", m->loss_g_l1);
    json_double(&w, "lr", m->lr);
    json_double(&w, "ms", m->ms);
    json_double(&w, "images_per_s", m->images_per_s);
    json_end_object(&w);
    char *text = json_writer_finish(&w);
    if (!text)
        return false;
    bool ok = fputs(text, t->metrics) != EOF && fputc('\n', t->metrics) != EOF &&
              fflush(t->metrics) == 0;
    mem_free(text);
    if (!ok)
        log_error("train: can not write %s: %s", t->metrics_path, os_error_text());
    return ok;
}

// ---------------------------------------------------------------------------
// Sample grids

static bool write_samples(struct trainer *t)
{
    uint32_t side = t->options.crop_size;
    uint32_t rows = MIN(t->options.batch_size, SAMPLE_ROWS_MAX);
    size_t bytes = (size_t)side * side * 3;
    struct pix_image grid = { 0 }, tile = { 0 };
    char name[64];
    char *path = NULL;
    bool ok = false;

    snprintf(name, sizeof(name), "samples/step-%08" PRIu64 ".png", t->step);
    path = file_join(t->options.out, name);
    if (!path || !image_create(&grid, SAMPLE_COLUMNS * side, rows * side) ||
        !image_create(&tile, side, side))
        goto fail;
    for (uint32_t row = 0; row < rows; row++) {
        for (uint32_t column = 0; column < SAMPLE_COLUMNS; column++) {
            memcpy(tile.pixels, (const uint8_t *)t->samples[column] + row * bytes,
                   bytes);
            image_paste(&grid, &tile, column * side, row * side, 1);
        }
    }
    ok = image_write(path, &grid);

fail:
    image_free(&tile);
    image_free(&grid);
    mem_free(path);
    return ok;
}

// ---------------------------------------------------------------------------
// Checkpoints

static bool save(struct trainer *t)
{
    const struct checkpoint_state state = {
        .step = t->step,
        .epoch = t->epoch,
        .images = dataset_count(t->data),
        .options = &t->options,
    };
    // The lines up to the checkpoint's step must not be lost before the checkpoint is.
    if (!os_file_sync(t->metrics)) {
        log_error("train: can not write %s: %s", t->metrics_path, os_error_text());
        return false;
    }
    char *path = checkpoint_path(t->options.out, t->step);
    bool ok = path && checkpoint_write(path, &state, t->generator, t->discriminator,
                                       t->device, tensor_download);
    if (ok) {
        log_debug("train: wrote %s", path);
        t->saved = t->step;
        checkpoint_prune(t->options.out, t->step, t->options.keep);
    }
    mem_free(path);
    return ok;
}

// Passes errors on as warnings, while there is something left to try.
static void demote(void *user, enum log_level level, const char *text)
{
    const struct log_sink *outer = user;
    level = MAX(level, LOG_WARN);
    if (outer->callback && level <= outer->level)
        outer->callback(outer->user, level, text);
}

static bool load(struct trainer *t, const char *path)
{
    struct checkpoint *c = checkpoint_open(path);
    bool ok = c && checkpoint_check(c, "G", t->generator) &&
              checkpoint_check(c, "D", t->discriminator) &&
              checkpoint_load(c, "G", t->generator, t->device, tensor_upload) &&
              checkpoint_load(c, "D", t->discriminator, t->device, tensor_upload);
    if (ok) {
        const struct checkpoint_state *state = checkpoint_get_state(c);
        t->step = t->saved = state->step;
        t->images = state->images;
    }
    checkpoint_close(c);
    return ok;
}

static bool load_quietly(struct trainer *t, const char *path)
{
    const struct log_sink *outer = log_current();
    struct log_sink sink = { 0 };
    if (outer)
        sink = (struct log_sink){ demote, (void *)outer, outer->level };
    log_use(&sink);
    bool ok = load(t, path);
    log_use(outer);
    log_clear_error();
    return ok;
}

// Checkpoints newer than the one that could be read would be taken for the newest of
// the run, so they get another name.
static void set_aside(const char *run, const uint64_t *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *path = checkpoint_path(run, steps[i]);
        char *aside = path ? mem_printf("%s.unreadable", path) : NULL;
        if (aside && os_file_rename(path, aside))
            log_warn("train: %s can not be used and is now %s", path, file_name(aside));
        else if (aside)
            log_warn("train: can not rename %s: %s", path, os_error_text());
        mem_free(aside);
        mem_free(path);
    }
}

// Loads the newest checkpoint that can be read. None at all: the run starts from the
// beginning, *found is false.
static bool resume(struct trainer *t, bool *found)
{
    const char *run = t->options.out;
    uint64_t *steps = NULL;
    size_t count = 0, i = 0;
    *found = false;
    if (!checkpoint_list(run, &steps, &count))
        return false;
    for (; i < count && !*found; i++) {
        char *path = checkpoint_path(run, steps[i]);
        *found = path && load_quietly(t, path);
        if (*found)
            log_info("train: going on from %s", path);
        mem_free(path);
    }
    if (*found)
        set_aside(run, steps, i - 1);
    else if (count > 0)
        log_error("train: none of the %zu checkpoints in %s can be used: the warnings "
                  "before say why; move them away to start from the beginning",
                  count, run);
    else
        log_info("train: %s has no checkpoint yet: starting from the beginning", run);
    mem_free(steps);
    return *found || count == 0;
}

static bool initialise(struct trainer *t)
{
    struct random r;
    random_init(&r, t->options.seed, SEQUENCE_GENERATOR);
    if (!weights_initialise(t->generator, t->device, &r, INITIAL_GAIN))
        return false;
    random_init(&r, t->options.seed, SEQUENCE_DISCRIMINATOR);
    return weights_initialise(t->discriminator, t->device, &r, INITIAL_GAIN);
}

// ---------------------------------------------------------------------------
// Set-up

// DATA/train; caller frees.
static char *find_data(const char *data)
{
    if (!file_is_folder(data)) {
        log_error("train: the data folder %s %s", data,
                  file_exists(data) ? "is not a folder" : "does not exist");
        return NULL;
    }
    char *path = file_join(data, "train");
    if (path && !file_is_folder(path)) {
        log_error("train: the data folder %s has no folder train", data);
        mem_free(path);
        return NULL;
    }
    return path;
}

static bool open_data(struct trainer *t, const char *folder)
{
    const struct pix_train_options *o = &t->options;
    const struct dataset_options options = {
        .folder = folder,
        .swap = strcmp(o->direction, "BtoA") == 0,
        .resize = strcmp(o->preprocess, "none") != 0,
        .load_size = o->load_size,
        .crop_size = o->crop_size,
        .flip = !o->no_flip,
        .shuffle = !o->serial_batches,
        .max_size = o->max_dataset_size,
        .threads = o->threads,
        .seed = o->seed,
        .first_sample = t->step * o->batch_size,
    };
    t->data = dataset_create(&options);
    if (!t->data)
        return false;

    uint32_t images = dataset_count(t->data);
    if (t->images && t->images != images)
        log_warn("train: %s holds %" PRIu32 " usable images now, %" PRIu32
                 " when the checkpoint was written: the order of images is another "
                 "from here on",
                 folder, images, t->images);
    t->steps = schedule_steps(o, images);
    uint64_t all = schedule_all_steps(o, images);
    if (t->steps > all)
        log_warn(
            "train: the schedule ends with step %" PRIu64
            ", after it the learning rate is 0: raise --n-epochs to use all %" PRIu64
            " steps",
            all, t->steps);
    if (t->step > 0) {
        struct dataset_sample sample;
        dataset_describe(t->data, (t->step - 1) * o->batch_size, &sample);
        t->epoch = sample.epoch + 1;
    }
    return true;
}

static bool connect(struct trainer *t, double submission_seconds)
{
    const struct objective *o = &t->objective;
    struct tensor *const losses[LOSS_COUNT] = {
        [LOSS_D_REAL] = o->loss_d_real,
        [LOSS_D_FAKE] = o->loss_d_fake,
        [LOSS_G_GAN] = o->loss_g_gan,
        [LOSS_G_L1] = o->loss_g_l1,
    };
    struct tensor *const samples[SAMPLE_COLUMNS] = { o->sample_input, o->sample_output,
                                                     o->sample_target };
    t->exec = exec_create(t->device, t->graph, submission_seconds);
    if (!t->exec)
        return false;
    t->pixels = exec_upload(t->exec, o->pixels);
    t->jitter = exec_upload(t->exec, o->jitter);
    bool ok = t->pixels && t->jitter;
    for (size_t i = 0; i < LOSS_COUNT && ok; i++) {
        t->losses[i] = exec_download(t->exec, losses[i]);
        ok = t->losses[i] != NULL;
    }
    for (size_t i = 0; i < SAMPLE_COLUMNS && ok; i++) {
        t->samples[i] = exec_download(t->exec, samples[i]);
        ok = t->samples[i] != NULL;
    }
    return ok;
}

// Comes last, so that a run that can not start leaves nothing behind.
static bool open_run(struct trainer *t)
{
    const char *out = t->options.out;
    t->metrics_path = file_join(out, "metrics.jsonl");
    if (!t->metrics_path || !file_make_folder(out))
        return false;
    remove_all_temporaries(out);
    return write_config(&t->options) && make_folder_in(out, "samples") &&
           make_folder_in(out, "checkpoints") && open_metrics(t);
}

struct trainer *trainer_create(struct gpu_device *device, double submission_seconds,
                               const struct pix_train_options *options)
{
    char *folder = NULL;
    struct pix_plan plan;
    bool found = false;
    struct trainer *t = mem_zalloc(sizeof(*t));
    if (!t)
        return NULL;
    t->device = device;
    if (!options_copy(&t->options, options) || !options_check(&t->options, true) ||
        !options_resolve(&t->options))
        goto fail;

    const struct pix_train_options *o = &t->options;
    if (!(o->continue_run ? check_continued_run(t) : check_new_run(o->out)))
        goto fail;
    folder = find_data(o->data);
    if (!folder || !build(t, submission_seconds, &plan) ||
        !trainer_memory_fits(device, &plan, "training", memory_hint(o, &plan)))
        goto fail;
    if (!weights_allocate(t->generator, device) ||
        !weights_allocate(t->discriminator, device))
        goto fail;
    if (o->continue_run && !resume(t, &found))
        goto fail;
    if (!found && !initialise(t))
        goto fail;
    if (!open_data(t, folder) || !plan_allocate(t->plan, device) ||
        !connect(t, submission_seconds) || !open_run(t))
        goto fail;
    mem_free(folder);
    return t;

fail:
    mem_free(folder);
    trainer_destroy(t);
    return NULL;
}

void trainer_destroy(struct trainer *t)
{
    if (!t)
        return;
    if (t->metrics)
        fclose(t->metrics);
    mem_free(t->metrics_path);
    dataset_destroy(t->data);
    exec_destroy(t->exec);
    plan_destroy(t->plan);
    graph_destroy(t->graph);
    weights_destroy(t->discriminator);
    weights_destroy(t->generator);
    pix_train_options_finish(&t->options);
    mem_free(t);
}

const struct pix_train_options *trainer_get_options(const struct trainer *t)
{
    return &t->options;
}

// ---------------------------------------------------------------------------
// Steps

// Fills the mapped memory with a batch; *epoch is that of its first sample, from 1.
static bool next_batch(struct trainer *t, uint64_t *epoch)
{
    size_t bytes = (size_t)t->options.load_size * t->options.load_size * 6;
    for (uint32_t i = 0; i < t->options.batch_size; i++) {
        struct dataset_sample sample;
        if (!dataset_next(t->data, &sample, t->pixels + i * bytes))
            return false;
        uint32_t *jitter = t->jitter + (size_t)i * 4;
        jitter[0] = sample.crop_x;
        jitter[1] = sample.crop_y;
        jitter[2] = sample.mirror;
        jitter[3] = 0;
        if (i == 0)
            *epoch = sample.epoch + 1;
    }
    return true;
}

static void report_failed_step(struct trainer *t)
{
    char *path = t->saved ? checkpoint_path(t->options.out, t->saved) : NULL;
    const char *kernel = exec_last_kernel(t->exec);
    log_error("train: step %" PRIu64 " failed: %s %s in kernel %s; %s%s: go on with "
              "--continue",
              t->step + 1, gpu_device_info(t->device)->name,
              gpu_device_is_lost(t->device) ? "was lost" : "reported an error",
              kernel ? kernel : "(none)",
              path ? "the newest checkpoint is " : "there is no checkpoint yet",
              path ? path : "");
    mem_free(path);
}

static void warn_if_not_finite(struct trainer *t, const struct pix_step_metrics *m)
{
    if (t->warned || (isfinite(m->loss_d_real) && isfinite(m->loss_d_fake) &&
                      isfinite(m->loss_g_gan) && isfinite(m->loss_g_l1)))
        return;
    t->warned = true;
    log_warn(
        "train: a loss is not finite in step %" PRIu64
        " (d_real %g, d_fake %g, g_gan %g, g_l1 %g): the weights are likely spoilt; "
        "a lower --lr may help",
        m->step, m->loss_d_real, m->loss_d_fake, m->loss_g_gan, m->loss_g_l1);
}

// What is due after a step.
static bool write_outputs(struct trainer *t, const struct pix_step_metrics *metrics)
{
    const struct pix_train_options *o = &t->options;
    bool last = t->step == t->steps;
    if (t->step % o->log_freq == 0 && !write_metrics(t, metrics))
        return false;
    if ((last || (o->sample_freq && t->step % o->sample_freq == 0)) &&
        !write_samples(t))
        return false;
    return !(last || (o->save_freq && t->step % o->save_freq == 0)) || save(t);
}

enum pix_step_result trainer_step(struct trainer *t, struct pix_step_metrics *metrics)
{
    const struct pix_train_options *o = &t->options;
    uint64_t epoch = 1;
    if (t->failed) {
        log_error("train: a step of this run has failed: start again with --continue");
        return PIX_STEP_FAILED;
    }
    if (t->step >= t->steps)
        return PIX_STEP_FINISHED;

    // After a failure here the stream of samples or a file of the run is not where it
    // should be, and only a new trainer puts it right.
    t->failed = true;
    double start = os_seconds();
    if (!next_batch(t, &epoch))
        return PIX_STEP_FAILED;
    const struct step_block block = schedule_block(o, t->step + 1, epoch);
    if (!exec_run(t->exec, &block)) {
        t->lost = true;
        report_failed_step(t);
        return PIX_STEP_FAILED;
    }
    double seconds = os_seconds() - start;

    t->step++;
    t->epoch = epoch;
    *metrics = (struct pix_step_metrics){
        .step = t->step,
        .steps = t->steps,
        .epoch = epoch,
        .loss_d_real = *t->losses[LOSS_D_REAL],
        .loss_d_fake = *t->losses[LOSS_D_FAKE],
        .loss_g_gan = *t->losses[LOSS_G_GAN],
        .loss_g_l1 = *t->losses[LOSS_G_L1],
        .lr = o->lr * schedule_factor(o, epoch),
        .ms = seconds * 1e3,
        .images_per_s = seconds > 0 ? o->batch_size / seconds : 0,
    };
    warn_if_not_finite(t, metrics);
    if (!write_outputs(t, metrics))
        return PIX_STEP_FAILED;
    t->failed = false;
    return PIX_STEP_DONE;
}

bool trainer_save(struct trainer *t)
{
    if (t->lost) {
        log_error("train: the device has failed: there is no state to save");
        return false;
    }
    return t->step == t->saved || save(t);
}
