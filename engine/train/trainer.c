// SPDX-License-Identifier: MIT
//
// A training run. Everything random is a function of (seed, step), so the state of a
// run is its step, its weights and its moments: a run that goes on from a checkpoint
// takes exactly the steps that it would have taken without the stop.
//
// Steps go through a ring: the next one is prepared and submitted while one is under
// way, unless something is due after that one that needs the device as it then is.

#include "train/trainer.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/random.h"
#include "data/dataset.h"
#include "data/image.h"
#include "data/picture.h"
#include "gpu/device.h"
#include "graph/exec.h"
#include "train/checkpoint.h"
#include "train/footprint.h"
#include "train/network_file.h"
#include "train/objective.h"
#include "train/options.h"
#include "train/run.h"
#include "train/schedule.h"
#include "train/tuned.h"
#include "train/validation.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_ROWS_MAX 8u    // in a sample grid, whatever the batch
#define SAMPLE_COLUMNS 3u     // input | output | target

// Sequences of random numbers drawn from the seed here. Changing one changes every run.
#define SEQUENCE_GENERATOR 0x47
#define SEQUENCE_DISCRIMINATOR 0x44

#define RING_SLOTS 2    // one step is under way while the next is prepared

// A step that takes longer gains nothing from a prepared next one, which an interrupt
// would have to wait for.
#define AHEAD_SECONDS 5.0

#define HOST_TIMES 256    // steps of which the host's time is remembered

enum { LOSS_D_REAL, LOSS_D_FAKE, LOSS_D_GP, LOSS_G_GAN, LOSS_G_L1, LOSS_COUNT };

// A step in the ring: mapped memory of the exec, and what is known of the step.
struct ring_slot {
    uint8_t *pixels;
    uint32_t *jitter;                   // four numbers a sample
    const float *losses[LOSS_COUNT];    // NULL: the run does not have it
    uint64_t epoch;                     // from 1
    double begun;                       // when its batch was asked for
};

struct trainer {
    struct gpu_device *device;
    struct pix_train_options options;
    uint64_t step, steps;    // done, and the run's total
    uint64_t submitted;      // the newest step that is under way, or `step`
    uint64_t epoch;          // of the last step, from 1; 0: none yet
    uint64_t saved;          // step of the newest good checkpoint; 0: none
    uint32_t images;         // in the data when that was written; 0: not known

    struct weights *generator, *discriminator;
    struct tuning tuning;                 // of the run
    char trained_with[HASH_TEXT_SIZE];    // hash of the checkpoint's; "": not known
    struct graph *graph;
    struct plan *plan;
    struct exec *exec;
    struct objective objective;
    struct dataset *data;
    struct validation *validation;    // NULL: none
    struct schedule_plateau plateau;

    struct ring_slot ring[RING_SLOTS];    // step s is in slot s % ring_count
    uint32_t ring_count;
    double done_at;                    // when the last step was seen to be done
    double pace;                       // seconds that it took
    struct pix_step_metrics unseen;    // of a step that trainer_save waited for
    bool has_unseen;
    bool is_stuck;        // the next step could not be begun
    char starved[512];    // why it has no batch, "" if it has

    // Time of the host in a step, apart from waiting for the device.
    double wait_seconds, batch_seconds;    // in the present call
    float host_ms[HOST_TIMES], batch_ms[HOST_TIMES];
    uint64_t host_count, call_count;

    struct run run;
    bool failed;      // no more steps
    bool lost;        // nor checkpoints: what is on the device can not be trusted
    bool unlogged;    // nor checkpoints: the metrics of the last step are not in the
                      // file
    bool warned;      // of a loss that is not finite
};

// ---------------------------------------------------------------------------
// The step as a graph, and its plan

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
        o->pixels, o->jitter, o->loss_d, o->loss_d_gp, o->loss_g_gan, o->loss_g_l1,
    };
    uint64_t bytes = 0;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        bytes += all[i] ? tensor_bytes(all[i]) : 0;
    return bytes;
}

// What the graph refuses is too large, and it does not know of options.
static bool build_step(struct trainer *t, const struct objective_options *objective)
{
    const struct log_sink *before = log_use(NULL);
    bool ok = objective_build(t->graph, t->generator, t->discriminator, objective,
                              &t->objective);
    log_use(before);
    if (!ok)
        log_error("train: %s: lower %s", log_last_error(),
                  t->options.batch_size > 1 ? "--batch-size or --crop-size"
                                            : "--crop-size");
    return ok;
}

// The step's graph, with the kernels of the run's table.
static bool build_graph(struct trainer *t)
{
    const struct pix_train_options *o = &t->options;
    struct op_limits limits = plan_op_limits(t->device);
    const struct objective_options objective = options_objective(o);

    limits.tuning = &t->tuning;
    graph_destroy(t->graph);
    t->graph = graph_create(&limits);
    return t->graph && build_step(t, &objective);
}

// The run's table. A run that goes on has one; for a new one a first graph says which
// shapes there are. Nothing is measured for a plan.
static bool find_tuning(struct trainer *t, double submission_seconds, bool measure)
{
    const struct pix_train_options *o = &t->options;
    struct tuning all = { 0 };
    if (tuned_is_auto(o->tuning) && measure && !t->run.is_new)
        return run_read_tuning(o, &t->tuning);
    bool ok = tuned_open(t->device, o->tuning, &all);
    if (ok && tuned_is_auto(o->tuning))
        ok = build_graph(t) &&
             (!measure || tuned_complete(t->device, submission_seconds,
                                         TUNED_SECONDS_RUN, t->graph, &all)) &&
             tuned_select(&all, t->graph, &t->tuning);
    else if (ok)
        t->tuning = all;
    if (!ok || tuned_is_auto(o->tuning))
        tuning_finish(&all);
    return ok;
}

static bool create_networks(struct trainer *t)
{
    t->generator = weights_create(false);
    t->discriminator = weights_create(false);
    if (!t->generator || !t->discriminator)
        return false;
    t->generator->keeps_average = t->options.ema > 0;
    return true;
}

// Everything that needs no memory of the device, but for measuring.
static bool build(struct trainer *t, double submission_seconds, bool measure,
                  struct pix_plan *out)
{
    const struct plan_limits plan_limits = plan_device_limits(t->device);
    if (!create_networks(t) || !find_tuning(t, submission_seconds, measure) ||
        !build_graph(t) || !weights_place(t->generator, plan_limits.max_block) ||
        !weights_place(t->discriminator, plan_limits.max_block))
        return false;
    t->plan = plan_build(t->graph, &plan_limits);
    if (!t->plan)
        return false;

    *out = (struct pix_plan){
        .state_bytes = weights_bytes(t->generator) + weights_bytes(t->discriminator),
        .step_block_bytes = footprint_step_block(),
        .staging_bytes = staging_bytes(&t->objective),
        .weights_g = weights_trained_count(t->generator),
        .weights_d = weights_trained_count(t->discriminator),
    };
    footprint_sum_up(t->device, submission_seconds, t->graph, t->plan, out);
    return options_validation_epochs(&t->options) == 0 ||
           validation_add_footprint(t->device, &t->options, &t->tuning, t->generator,
                                    out);
}

bool trainer_plan(struct gpu_device *device, double submission_seconds,
                  const struct pix_train_options *options, struct pix_plan *out)
{
    struct trainer *t = mem_zalloc(sizeof(*t));
    bool ok = t && options_copy(&t->options, options) && options_resolve(&t->options);
    if (ok) {
        t->device = device;
        ok = build(t, submission_seconds, false, out);
    }
    trainer_destroy(t);
    return ok;
}

// ---------------------------------------------------------------------------
// Tuning

// Appends the shapes of a graph that are not in the list.
static bool add_products(struct conv_shape **list, size_t *count, size_t *capacity,
                         const struct graph *g)
{
    size_t all;
    const struct conv_shape *shapes = graph_products(g, &all);
    for (size_t i = 0; i < all; i++) {
        bool known = false;
        for (size_t k = 0; k < *count && !known; k++)
            known = conv_shape_equal(&(*list)[k], &shapes[i]);
        if (known)
            continue;
        if (!mem_grow(list, capacity, *count + 1, sizeof(**list)))
            return false;
        (*list)[(*count)++] = shapes[i];
    }
    return true;
}

// The step's graph and that of a translation say which shapes there are.
bool trainer_tune(struct gpu_device *device, double submission_seconds,
                  const struct pix_train_options *options,
                  bool (*report)(void *user, const struct tune_result *result,
                                 size_t done, size_t count),
                  void *user)
{
    struct conv_shape *shapes = NULL;
    size_t count = 0, capacity = 0;
    struct translation translation;
    struct graph *g = NULL;
    struct weights *generator = weights_create(true);
    struct trainer *t = mem_zalloc(sizeof(*t));
    bool ok = t && generator && options_copy(&t->options, options) &&
              options_resolve(&t->options);
    if (ok) {
        const struct op_limits limits = plan_op_limits(device);
        const struct generator_options unet = options_generator(&t->options);
        const uint32_t side = t->options.crop_size;
        t->device = device;
        g = graph_create(&limits);
        ok = create_networks(t) && g && build_graph(t) &&
             translation_build(g, generator, &unet, options_staging(&t->options),
                               TRANSLATION_STABLE, 1, side, side, &translation) &&
             add_products(&shapes, &count, &capacity, t->graph) &&
             add_products(&shapes, &count, &capacity, g) &&
             tuned_measure(device, submission_seconds, shapes, count, report, user);
    }
    mem_free(shapes);
    graph_destroy(g);
    weights_destroy(generator);
    trainer_destroy(t);
    return ok;
}

// ---------------------------------------------------------------------------
// Sample grids

// The pixels stay on the device until they are wanted here.
static bool write_samples(struct trainer *t)
{
    const struct tensor *const columns[SAMPLE_COLUMNS] = { t->objective.sample_input,
                                                           t->objective.sample_output,
                                                           t->objective.sample_target };
    uint32_t side = t->options.crop_size;
    uint32_t rows = MIN(t->options.batch_size, SAMPLE_ROWS_MAX);
    uint32_t factor = image_enlargement(side);
    const struct objective_options objective = options_objective(&t->options);
    struct pix_image grid = { 0 };
    char name[64];
    bool ok = false;

    snprintf(name, sizeof(name), "samples/step-%08" PRIu64 ".png", t->step);
    char *path = file_join(t->options.out, name);
    uint8_t *pixels =
        mem_alloc((size_t)MAX(tensor_bytes(columns[0]), tensor_bytes(columns[1])));
    if (!path || !pixels ||
        !image_create(&grid, SAMPLE_COLUMNS * side * factor, rows * side * factor))
        goto fail;
    for (uint32_t column = 0; column < SAMPLE_COLUMNS; column++) {
        if (!tensor_download(t->device, columns[column], pixels))
            goto fail;
        struct picture p = {
            .kind = column ? objective.staging.output : objective.staging.input,
            .channels = column ? objective.generator.channels_out
                               : objective.generator.channels_in,
            .width = side,
            .height = side,
        };
        for (uint32_t row = 0; row < rows; row++) {
            struct pix_image tile;
            p.samples =
                pixels + row * pixel_staged_bytes(p.kind, p.channels, side, side);
            if (!picture_show(&p, &tile))
                goto fail;
            image_paste(&grid, &tile, column * side * factor, row * side * factor,
                        factor);
            image_free(&tile);
        }
    }
    ok = image_write(path, &grid);

fail:
    image_free(&grid);
    mem_free(pixels);
    mem_free(path);
    return ok;
}

// ---------------------------------------------------------------------------
// Checkpoints

static bool save(struct trainer *t)
{
    struct checkpoint_state state = {
        .step = t->step,
        .epoch = t->epoch,
        .images = dataset_count(t->data),
        .plateau = t->plateau,
        .options = &t->options,
    };
    tuning_hash(&t->tuning, state.tuning);
    // The lines up to the checkpoint's step must not be lost before the checkpoint is.
    if (!run_sync_metrics(&t->run))
        return false;
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

// A checkpoint that was put here from another run, or renamed, would go on as something
// else than it says.
static bool belongs(const struct trainer *t, const struct checkpoint *c,
                    const char *path, uint64_t step)
{
    const struct checkpoint_state *state = checkpoint_get_state(c);
    const struct pix_option *row = options_kept_difference(&t->options, state->options);
    if (state->step != step)
        log_error("train: %s holds step %" PRIu64 ", not that of its name", path,
                  state->step);
    else if (row)
        log_error("train: %s was trained with another --%s than this run", path,
                  row->name);
    return state->step == step && !row;
}

static bool load(struct trainer *t, const char *path, uint64_t step)
{
    struct checkpoint *c = checkpoint_open(path);
    bool ok =
        c && belongs(t, c, path, step) && checkpoint_check(c, "G", t->generator) &&
        checkpoint_check(c, "D", t->discriminator) &&
        checkpoint_load(c, "G", t->generator, false, t->device, tensor_upload) &&
        checkpoint_load(c, "D", t->discriminator, false, t->device, tensor_upload);
    if (ok) {
        const struct checkpoint_state *state = checkpoint_get_state(c);
        t->step = t->saved = state->step;
        t->images = state->images;
        t->plateau = state->plateau;
        memcpy(t->trained_with, state->tuning, sizeof(t->trained_with));
    }
    checkpoint_close(c);
    return ok;
}

static bool load_quietly(struct trainer *t, const char *path, uint64_t step)
{
    const struct log_sink *outer = log_current();
    struct log_sink sink = { 0 };
    if (outer)
        sink = (struct log_sink){ demote, (void *)outer, outer->level };
    log_use(&sink);
    bool ok = load(t, path, step);
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

// A run goes on with the table it was begun with, unless the user says otherwise.
static bool keeps_tuning(const struct trainer *t)
{
    const struct pix_train_options *o = &t->options;
    char now[HASH_TEXT_SIZE];
    if (!t->trained_with[0] ||
        strcmp(tuning_hash(&t->tuning, now), t->trained_with) == 0)
        return true;
    if (tuned_is_auto(o->tuning))
        log_error("train: %s/tuning.json is not the table of kernels that the run was "
                  "trained with: put back the one of %s (this is %s), or go on with "
                  "--tuning %s/tuning.json or --tuning off (the same sums, rounded "
                  "otherwise)",
                  o->out, t->trained_with, now, o->out);
    else
        log_info(
            "train: --tuning %s is another table of kernels than before: from here "
            "on sums are rounded otherwise",
            o->tuning);
    return !tuned_is_auto(o->tuning);
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
        *found = path && load_quietly(t, path, steps[i]);
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
    return *found ? keeps_tuning(t) : count == 0;
}

static enum weights_law law_of(const char *name)
{
    return strcmp(name, "xavier") == 0       ? WEIGHTS_XAVIER
           : strcmp(name, "kaiming") == 0    ? WEIGHTS_KAIMING
           : strcmp(name, "orthogonal") == 0 ? WEIGHTS_ORTHOGONAL
                                             : WEIGHTS_NORMAL;
}

// The weights of a file, which may be in another order than the run's.
static bool start_from(struct trainer *t, enum network network,
                       const struct weights *weights, const char *path)
{
    struct network_file *f = network_file_open(path, network, "train");
    bool ok = f != NULL;
    if (ok) {
        network_file_set_order(f, options_generator(&t->options).decoder_first);
        ok = network_file_check(f, weights) &&
             network_file_load(f, weights, true, t->device, tensor_upload);
    }
    if (ok)
        log_info("train: starting from %s, %s", network_file_path(f),
                 network_file_description(f));
    network_file_close(f);
    return ok;
}

// Random weights, or those of a file.
static bool initialise_network(struct trainer *t, struct weights *weights,
                               enum network network, const char *file)
{
    const struct pix_train_options *o = &t->options;
    struct random r;
    const bool is_given = file && *file;
    if (is_given && weights->count > 0)
        return start_from(t, network, weights, file);
    if (is_given)
        log_warn("train: --gan-mode none has no discriminator: --init-d %s is not used",
                 file);
    random_init(&r, o->seed,
                network == NETWORK_G ? SEQUENCE_GENERATOR : SEQUENCE_DISCRIMINATOR);
    return weights_initialise(weights, t->device, &r, law_of(o->init_type),
                              o->init_gain);
}

// A run that goes on has the weights of its checkpoint.
static void warn_of_initial(const struct pix_train_options *o)
{
    const char *const files[][2] = { { "--init-g", o->init_g },
                                     { "--init-d", o->init_d } };
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        if (files[i][1] && *files[i][1])
            log_warn("train: %s goes on with its own weights: %s %s is not used",
                     o->out, files[i][0], files[i][1]);
}

static bool initialise(struct trainer *t)
{
    const struct pix_train_options *o = &t->options;
    return initialise_network(t, t->generator, NETWORK_G, o->init_g) &&
           initialise_network(t, t->discriminator, NETWORK_D, o->init_d) &&
           (o->ema == 0 || weights_copy_to_average(t->generator, t->device));
}

// ---------------------------------------------------------------------------
// Set-up

static bool stop_at_once(void *user, const char *name)
{
    (void)user;
    (void)name;
    return false;
}

// DATA/train; caller frees.
static char *find_data(const char *data)
{
    if (!file_is_folder(data)) {
        log_error("train: the data folder %s %s", data,
                  file_exists(data) ? "is not a folder"
                                    : "does not exist: say where it is with --data");
        return NULL;
    }
    char *path = file_join(data, "train");
    char *side = file_join(data, "A/train");
    bool has_sides = side && file_is_folder(side);
    mem_free(side);
    if (path && !has_sides && !os_folder_list(path, stop_at_once, NULL)) {
        log_error("train: the data folder %s has no folder train that can be read: %s",
                  data, os_error_text());
        mem_free(path);
        return NULL;
    }
    return path;
}

// The run's configuration names the data from the root, so that it can be continued
// from anywhere.
static bool make_data_absolute(struct pix_train_options *o)
{
    char *path = os_path_absolute(o->data);
    bool ok = !path || options_set_data(o, path);
    mem_free(path);
    return ok;
}

// What the data are of, where the options leave that open: the step is made for it.
static bool find_kinds(struct trainer *t, const char *folder)
{
    struct dataset_options options = options_dataset(&t->options);
    struct staging staging;
    options.folder = folder;
    if (!dataset_find_kinds(&options, &staging.input, &staging.output))
        return false;
    options_set_staging(&t->options, staging);
    return true;
}

static bool open_data(struct trainer *t, const char *folder)
{
    const struct pix_train_options *o = &t->options;
    struct dataset_options options = options_dataset(o);
    options.folder = folder;
    options.first_sample = t->step * options_images_per_step(o);
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
    if (t->steps > all && schedule_ends(o))
        log_warn(
            "train: the schedule ends with step %" PRIu64
            ", after it the learning rate is 0: raise --n-epochs to use all %" PRIu64
            " steps",
            all, t->steps);
    if (t->step > 0) {
        struct dataset_sample sample;
        dataset_describe(t->data, (t->step - 1) * options_images_per_step(o), &sample);
        t->epoch = sample.epoch + 1;
    }
    return true;
}

static const float *download(struct exec *x, struct tensor *loss, bool *ok)
{
    const float *memory = loss ? exec_download(x, loss) : NULL;
    *ok = *ok && (memory || !loss);
    return memory;
}

static bool connect(struct trainer *t, double submission_seconds)
{
    const struct objective *o = &t->objective;
    t->exec = exec_create_ring(t->device, t->graph, submission_seconds, t->ring_count);
    if (!t->exec)
        return false;
    bool ok = true;
    const void *pixels = exec_upload(t->exec, o->pixels);
    const void *jitter = exec_upload(t->exec, o->jitter);
    const float *const losses[LOSS_COUNT] = {
        [LOSS_D_FAKE] = download(t->exec, o->loss_d, &ok),
        [LOSS_D_GP] = download(t->exec, o->loss_d_gp, &ok),
        [LOSS_G_GAN] = download(t->exec, o->loss_g_gan, &ok),
        [LOSS_G_L1] = download(t->exec, o->loss_g_l1, &ok),
    };
    if (!pixels || !jitter || !ok)
        return false;
    for (uint32_t i = 0; i < t->ring_count; i++) {
        struct ring_slot *slot = &t->ring[i];
        slot->pixels = exec_slot_memory(t->exec, i, pixels);
        slot->jitter = exec_slot_memory(t->exec, i, jitter);
        for (uint32_t k = 0; k < LOSS_COUNT; k++)
            slot->losses[k] =
                losses[k] ? exec_slot_memory(t->exec, i, losses[k]) : NULL;
        if (slot->losses[LOSS_D_FAKE])
            slot->losses[LOSS_D_REAL] = slot->losses[LOSS_D_FAKE] + 1;
    }
    return true;
}

static bool open_validation(struct trainer *t, double submission_seconds)
{
    if (options_validation_epochs(&t->options) == 0)
        return true;
    t->validation = validation_create(t->device, submission_seconds, &t->options,
                                      &t->tuning, t->generator);
    return t->validation != NULL;
}

struct trainer *trainer_create(struct gpu_device *device, double submission_seconds,
                               bool no_overlap, const struct pix_train_options *options)
{
    char *folder = NULL;
    struct pix_plan plan;
    bool found = false;
    struct trainer *t = mem_zalloc(sizeof(*t));
    if (!t)
        return NULL;
    t->device = device;
    t->ring_count = no_overlap ? 1 : RING_SLOTS;
    t->pace = AHEAD_SECONDS;    // not known yet
    t->plateau = (struct schedule_plateau)SCHEDULE_PLATEAU_START;
    if (!options_copy(&t->options, options) || !options_check(&t->options, true) ||
        !options_resolve(&t->options))
        goto fail;

    const struct pix_train_options *o = &t->options;
    if (!run_begin(&t->run, o))
        goto fail;
    folder = find_data(o->data);
    if (!folder || !make_data_absolute(&t->options) || !find_kinds(t, folder) ||
        !build(t, submission_seconds, true, &plan) ||
        !footprint_fits(device, &plan, "training", memory_hint(o, &plan)))
        goto fail;
    if (!weights_allocate(t->generator, device) ||
        !weights_allocate(t->discriminator, device))
        goto fail;
    if (!t->run.is_new && !resume(t, &found))
        goto fail;
    if (found)
        warn_of_initial(o);
    else if (!initialise(t))
        goto fail;
    // The folder comes last, so that a run that can not start leaves nothing behind.
    if (!open_data(t, folder) || !plan_allocate(t->plan, device) ||
        !connect(t, submission_seconds) || !open_validation(t, submission_seconds) ||
        !run_open(&t->run, o, &t->tuning, t->step))
        goto fail;
    t->submitted = t->step;
    if (found)    // perhaps fewer are to be kept than before
        checkpoint_prune(o->out, t->saved, o->keep);
    mem_free(folder);
    return t;

fail:
    mem_free(folder);
    trainer_destroy(t);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void log_host_time(struct trainer *t)
{
    size_t count = (size_t)MIN(t->host_count, (uint64_t)HOST_TIMES);
    if (count == 0)
        return;
    qsort(t->host_ms, count, sizeof(t->host_ms[0]), by_value);
    qsort(t->batch_ms, count, sizeof(t->batch_ms[0]), by_value);
    log_debug("train: the host took %.3f ms for a step and %.3f ms for its batch, "
              "medians of %zu",
              (double)t->host_ms[count / 2], (double)t->batch_ms[count / 2], count);
}

// What is still under way is waited for, and forgotten.
void trainer_destroy(struct trainer *t)
{
    if (!t)
        return;
    log_host_time(t);
    run_close(&t->run);
    validation_destroy(t->validation);
    dataset_destroy(t->data);
    exec_destroy(t->exec);
    plan_destroy(t->plan);
    graph_destroy(t->graph);
    weights_destroy(t->discriminator);
    weights_destroy(t->generator);
    tuning_finish(&t->tuning);
    pix_train_options_finish(&t->options);
    mem_free(t);
}

const struct pix_train_options *trainer_get_options(const struct trainer *t)
{
    return &t->options;
}

// ---------------------------------------------------------------------------
// Steps

// Fills a slot with the next batch; its epoch is that of its first sample.
static bool next_batch(struct trainer *t, struct ring_slot *slot)
{
    size_t bytes = dataset_sample_bytes(t->data);
    for (uint32_t i = 0; i < options_images_per_step(&t->options); i++) {
        struct dataset_sample sample;
        if (!dataset_next(t->data, &sample, slot->pixels + i * bytes))
            return false;
        uint32_t *jitter = slot->jitter + (size_t)i * 4;
        jitter[0] = sample.crop_x;
        jitter[1] = sample.crop_y;
        jitter[2] = sample.mirror;
        jitter[3] = 0;
        if (i == 0)
            slot->epoch = sample.epoch + 1;
    }
    return true;
}

// Saves what is on the device when the next batch can not be had.
static void save_good_state(struct trainer *t)
{
    if (t->step > t->saved && save(t))
        log_info("train: step %" PRIu64 " is saved: go on with --continue once the "
                 "images can be read",
                 t->step);
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

static void warn_if_not_finite(struct trainer *t, const struct pix_step_metrics *m,
                               const struct ring_slot *slot)
{
    bool is_finite = true;
    for (int i = 0; i < LOSS_COUNT; i++)
        is_finite = is_finite && (!slot->losses[i] || isfinite(*slot->losses[i]));
    if (t->warned || is_finite)
        return;
    t->warned = true;
    log_warn("train: a loss is not finite in step %" PRIu64
             " (d_real %g, d_fake %g, d_gp %g, g_gan %g, g_l1 %g): the weights are "
             "likely spoilt; a lower --lr may help",
             m->step, m->loss_d_real, m->loss_d_fake, m->loss_d_gp, m->loss_g_gan,
             m->loss_g_l1);
}

static bool wants_sample(const struct trainer *t, uint64_t step)
{
    uint64_t every = t->options.sample_freq;
    return step == t->steps || (every && step % every == 0);
}

static bool wants_checkpoint(const struct trainer *t, uint64_t step)
{
    uint64_t every = t->options.save_freq;
    return step == t->steps || (every && step % every == 0);
}

// What is due after a step.
static bool write_outputs(struct trainer *t, const struct pix_step_metrics *metrics)
{
    if ((t->step % t->options.log_freq == 0 || metrics->has_val) &&
        !run_write_metrics(&t->run, metrics)) {
        t->unlogged = true;
        return false;
    }
    return (!wants_sample(t, t->step) || write_samples(t)) &&
           (!wants_checkpoint(t, t->step) || save(t));
}

// Whether validation comes after a step: it is the last of an epoch that is validated,
// the one in which its first sample lies.
static bool wants_validation(const struct trainer *t, uint64_t step)
{
    const uint64_t images = options_images_per_step(&t->options);
    const uint32_t every = options_validation_epochs(&t->options);
    struct dataset_sample sample, next;
    if (!t->validation || step == 0)
        return false;
    dataset_describe(t->data, (step - 1) * images, &sample);
    dataset_describe(t->data, step * images, &next);
    return next.epoch != sample.epoch && next.epoch / every != sample.epoch / every;
}

static struct ring_slot *slot_of(struct trainer *t, uint64_t step, uint32_t *index)
{
    *index = (uint32_t)(step % t->ring_count);
    return &t->ring[*index];
}

// Whether the next step may be submitted: there is room in the ring, and what is due
// after the steps under way does not need the device.
static bool may_begin(const struct trainer *t)
{
    if (t->submitted >= t->steps || t->is_stuck)
        return false;
    return t->submitted == t->step ||
           (t->submitted - t->step < t->ring_count && t->pace < AHEAD_SECONDS &&
            !wants_sample(t, t->submitted) && !wants_checkpoint(t, t->submitted) &&
            !wants_validation(t, t->submitted));
}

// Prepares and submits the next step. What it lacks is told of when its turn comes.
static void begin_step(struct trainer *t)
{
    uint32_t index;
    struct ring_slot *slot = slot_of(t, t->submitted + 1, &index);
    slot->begun = os_seconds();
    const struct log_sink *before = log_use(NULL);
    bool ok = next_batch(t, slot);
    log_use(before);
    if (!ok) {
        snprintf(t->starved, sizeof(t->starved), "%s", log_last_error());
        log_clear_error();
    }
    t->batch_seconds += os_seconds() - slot->begun;
    if (ok) {
        const struct step_block block =
            schedule_block(&t->options, t->submitted + 1, slot->epoch, &t->plateau);
        ok = exec_submit(t->exec, index, &block);
        t->lost = !ok;    // a part of the step may have run
    }
    if (ok)
        t->submitted++;
    t->is_stuck = !ok;
}

// Nothing is under way, and the next step could not be begun.
static void report_stuck(struct trainer *t)
{
    if (t->starved[0]) {
        log_error("%s", t->starved);
        save_good_state(t);
    } else {
        t->lost = true;
        report_failed_step(t);
    }
}

// The first calls record. Files are large.
static void note_host_time(struct trainer *t, double seconds)
{
    if (++t->call_count <= RING_SLOTS + 1 || wants_sample(t, t->step) ||
        wants_checkpoint(t, t->step) || wants_validation(t, t->step))
        return;
    size_t i = (size_t)(t->host_count++ % HOST_TIMES);
    t->host_ms[i] = (float)(1e3 * (seconds - t->wait_seconds - t->batch_seconds));
    t->batch_ms[i] = (float)(1e3 * t->batch_seconds);
}

// NaN if the run does not have it.
static double loss_of(const struct ring_slot *slot, int i)
{
    return slot->losses[i] ? (double)*slot->losses[i] : NAN;
}

// The step that ended is the newest: none is begun ahead of a validation.
static bool validate(struct trainer *t, struct pix_step_metrics *metrics)
{
    if (!wants_validation(t, t->step))
        return true;
    if (!validation_run(t->validation, &metrics->val_l1)) {
        t->lost = gpu_device_is_lost(t->device);
        t->unlogged = true;    // a run that goes on would not validate this step again
        return false;
    }
    metrics->has_val = true;
    schedule_plateau_update(&t->plateau, metrics->val_l1);
    t->done_at = os_seconds();
    return true;
}

// Waits for the oldest step under way, tells of it, and writes what is due.
static enum pix_step_result end_step(struct trainer *t,
                                     struct pix_step_metrics *metrics)
{
    const struct pix_train_options *o = &t->options;
    uint32_t index;
    const struct ring_slot *slot = slot_of(t, t->step + 1, &index);
    double start = os_seconds();
    bool ok = exec_wait(t->exec, index);
    double now = os_seconds();
    t->wait_seconds += now - start;
    if (!ok) {
        t->lost = true;
        report_failed_step(t);
        return PIX_STEP_FAILED;
    }
    // Two steps overlap by what the second has to wait for the first.
    double seconds = now - MAX(slot->begun, t->done_at);
    t->done_at = now;
    t->pace = seconds;
    t->step++;
    t->epoch = slot->epoch;
    *metrics = (struct pix_step_metrics){
        .step = t->step,
        .steps = t->steps,
        .epoch = slot->epoch,
        .loss_d_real = loss_of(slot, LOSS_D_REAL),
        .loss_d_fake = loss_of(slot, LOSS_D_FAKE),
        .loss_d_gp = loss_of(slot, LOSS_D_GP),
        .loss_g_gan = loss_of(slot, LOSS_G_GAN),
        .loss_g_l1 = slot->losses[LOSS_G_L1] ? loss_of(slot, LOSS_G_L1) : 0,
        .has_gan = slot->losses[LOSS_G_GAN] != NULL,
        .has_gp = slot->losses[LOSS_D_GP] != NULL,
        .val_l1 = NAN,
        .lr = o->lr * schedule_factor(o, slot->epoch, &t->plateau),
        .ms = seconds * 1e3,
        .images_per_s = seconds > 0 ? options_images_per_step(o) / seconds : 0,
    };
    warn_if_not_finite(t, metrics, slot);
    return validate(t, metrics) && write_outputs(t, metrics) ? PIX_STEP_DONE
                                                             : PIX_STEP_FAILED;
}

enum pix_step_result trainer_step(struct trainer *t, struct pix_step_metrics *metrics)
{
    if (t->failed) {
        log_error("train: a step of this run has failed: start again with --continue");
        return PIX_STEP_FAILED;
    }
    if (t->has_unseen)
        return trainer_drain(t, metrics);
    if (t->step >= t->steps)
        return PIX_STEP_FINISHED;

    // After a failure here the stream of samples or a file of the run is not where it
    // should be, and only a new trainer puts it right.
    t->failed = true;
    double start = os_seconds();
    t->wait_seconds = t->batch_seconds = 0;
    while (may_begin(t))
        begin_step(t);
    if (t->submitted == t->step) {
        report_stuck(t);
        return PIX_STEP_FAILED;
    }
    if (end_step(t, metrics) != PIX_STEP_DONE)
        return PIX_STEP_FAILED;
    note_host_time(t, os_seconds() - start);
    t->failed = false;
    return PIX_STEP_DONE;
}

enum pix_step_result trainer_drain(struct trainer *t, struct pix_step_metrics *metrics)
{
    if (t->failed) {
        log_error("train: a step of this run has failed: start again with --continue");
        return PIX_STEP_FAILED;
    }
    if (t->has_unseen) {
        *metrics = t->unseen;
        t->has_unseen = false;
        return PIX_STEP_DONE;
    }
    if (t->submitted == t->step)
        return PIX_STEP_FINISHED;
    enum pix_step_result result = end_step(t, metrics);
    t->failed = result == PIX_STEP_FAILED;
    return result;
}

bool trainer_save(struct trainer *t)
{
    // What is under way changes the weights: it is the step that is saved.
    if (!t->failed && t->submitted > t->step)
        t->has_unseen = trainer_drain(t, &t->unseen) == PIX_STEP_DONE;
    if (t->lost) {
        log_error("train: the device has failed: there is no state to save");
        return false;
    }
    // A checkpoint ahead of its metrics would leave a gap in them for good.
    if (t->unlogged) {
        log_error("train: the metrics of step %" PRIu64
                  " are not in the file, so it is "
                  "not saved: see to what failed before and go on with --continue",
                  t->step);
        return false;
    }
    return t->step == t->saved || save(t);
}
