// SPDX-License-Identifier: MIT
//
// What a run goes on from: its checkpoints, or the weights that it begins with. See
// trainer_inside.h.

#include "train/trainer_inside.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/random.h"
#include "data/dataset.h"
#include "program/tuned.h"
#include "settings/options.h"
#include "store/checkpoint.h"
#include "store/checkpoint_folder.h"
#include "store/network_file.h"

#include <inttypes.h>
#include <string.h>

// Sequences of random numbers drawn from the seed here. Changing one changes every run.
#define SEQUENCE_GENERATOR 0x47
#define SEQUENCE_DISCRIMINATOR 0x44

// ---------------------------------------------------------------------------
// Checkpoints

bool trainer_write_state(struct trainer *t)
{
    struct checkpoint_state state = {
        .step = t->step,
        .epoch = t->epoch,
        .images = dataset_count(t->data),
        .plateau = t->plateau,
        .settings = &t->settings,
    };
    tuning_hash(&t->tuning, state.tuning);
    // The lines up to the checkpoint's step must not be lost before the checkpoint is.
    if (!run_sync_metrics(&t->run))
        return false;
    char *path = checkpoint_path(t->settings.options.out, t->step);
    bool ok = path && checkpoint_write(path, &state, t->generator, t->discriminator,
                                       t->device, tensor_download);
    if (ok) {
        log_debug("train: wrote %s", path);
        t->saved = t->step;
        checkpoint_prune(t->settings.options.out, t->step, t->settings.options.keep);
    }
    mem_free(path);
    return ok;
}

// A checkpoint that was put here from another run, or renamed, would go on as something
// else than it says.
static bool belongs(const struct trainer *t, const struct checkpoint *c,
                    const char *path, uint64_t step)
{
    const struct checkpoint_state *state = checkpoint_get_state(c);
    const struct pix_option *row =
        options_kept_difference(&t->settings.options, &state->settings->options);
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
    bool ok = c && belongs(t, c, path, step) &&
              checkpoint_check(c, "G", t->generator) &&
              checkpoint_check(c, "D", t->discriminator) &&
              checkpoint_load(c, "G", t->generator, t->device, tensor_upload) &&
              checkpoint_load(c, "D", t->discriminator, t->device, tensor_upload);
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

// Errors are warnings as long as there is an older checkpoint to try.
static bool try_load(struct trainer *t, const char *path, uint64_t step)
{
    struct log_capture capture;
    log_capture_demote(&capture);
    bool ok = load(t, path, step);
    log_capture_end(&capture);
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
    const struct pix_train_options *o = &t->settings.options;
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
    const char *run = t->settings.options.out;
    uint64_t *steps = NULL;
    size_t count = 0, i = 0;
    *found = false;
    if (!checkpoint_list(run, &steps, &count))
        return false;
    for (; i < count && !*found; i++) {
        char *path = checkpoint_path(run, steps[i]);
        *found = path && try_load(t, path, steps[i]);
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

// The weights of a file, which may be in another order than the run's.
static bool start_from(struct trainer *t, enum network network,
                       const struct weights *weights, const char *path)
{
    struct network_file *f = network_file_open(path, network, "train");
    bool ok = f != NULL;
    if (ok) {
        network_file_set_order(f, t->settings.generator.decoder_first);
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
    const struct pix_train_options *o = &t->settings.options;
    struct random r;
    const bool is_given = file && *file;
    if (is_given && weights->count > 0)
        return start_from(t, network, weights, file);
    if (is_given)
        log_warn("train: --gan-mode none has no discriminator: --init-d %s is not used",
                 file);
    random_init(&r, o->seed,
                network == NETWORK_G ? SEQUENCE_GENERATOR : SEQUENCE_DISCRIMINATOR);
    return weights_initialise(weights, t->device, &r, t->settings.law, o->init_gain);
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
    const struct pix_train_options *o = &t->settings.options;
    return initialise_network(t, t->generator, NETWORK_G, o->init_g) &&
           initialise_network(t, t->discriminator, NETWORK_D, o->init_d) &&
           (o->ema == 0 || weights_copy_to_average(t->generator, t->device));
}

bool trainer_begin_state(struct trainer *t, bool *found)
{
    *found = false;
    if (!t->run.is_new && !resume(t, found))
        return false;
    if (!*found)
        return initialise(t);
    warn_of_initial(&t->settings.options);
    return true;
}
