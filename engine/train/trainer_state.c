// SPDX-License-Identifier: MIT
//
// What a run resumes from: its checkpoints, or the weights that it begins with. See
// trainer_inside.h.

#include "train/trainer.h"
#include "train/trainer_inside.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/random.h"
#include "data/dataset.h"
#include "data/picture_file.h"
#include "evaluate/metrics.h"
#include "program/tuned.h"
#include "settings/options.h"
#include "store/checkpoint.h"
#include "store/checkpoint_folder.h"
#include "store/network_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// Sequences of random numbers drawn from the seed here. Changing one changes every run.
#define SEQUENCE_GENERATOR 0x47
#define SEQUENCE_DISCRIMINATOR 0x44

// ---------------------------------------------------------------------------
// Checkpoints

// The newest checkpoint without infinities and NaN is never removed: after --on-nan
// continue it may be the only one of use.
static void note_saved(struct trainer *t, const char *not_finite)
{
    const struct pix_train_options *o = &t->settings.options;
    t->saved = t->step;
    if (run_output_done(&t->run.checkpoints))
        log_info("train: step %" PRIu64 " is saved: checkpoints are written again",
                 t->step);
    if (!not_finite[0]) {
        t->finite = t->step;
    } else if (!t->warned_state) {
        char kept[80] = "there is none without them";
        if (t->finite > 0)
            snprintf(kept, sizeof(kept),
                     "the newest one without them (step %" PRIu64 ") is kept",
                     t->finite);
        t->warned_state = true;
        log_warn("train: the checkpoint of step %" PRIu64 " has numbers that are not "
                 "finite, first in tensor %s; by --on-nan continue it is written, and "
                 "%s",
                 t->step, not_finite, kept);
    }
    checkpoint_prune(o->out, t->step, o->keep, t->finite);
}

static bool download_scaler(struct trainer *t, const struct weights *weights,
                            struct scaler_block *block)
{
    return !weights_has_scaler(weights) ||
           tensor_download(t->device, &weights->scaler, block);
}

static bool upload_scaler(struct trainer *t, struct weights *weights,
                          const struct scaler_block *block)
{
    return !weights_has_scaler(weights) ||
           tensor_upload(t->device, &weights->scaler, block);
}

// The state after the newest step that is done, as a file. False after a message, and
// with scan->tensor where that is why.
static bool write_file(struct trainer *t, const char *path, bool writes_all,
                       struct checkpoint_scan *scan)
{
    struct checkpoint_state state = {
        .step = t->step,
        .epoch = t->epoch,
        .images = dataset_count(t->data),
        .plateau = t->plateau,
        .best = t->best,
        .settings = &t->settings,
    };
    *scan = (struct checkpoint_scan){ .writes_all = writes_all };
    tuning_hash(&t->tuning, state.tuning);
    snprintf(state.jpeg_decoder, sizeof(state.jpeg_decoder), "%s",
             picture_jpeg_decoder());
    dataset_hash(t->data, state.image_names);
    task_hash_mask(&t->settings.task, state.mask);
    bool ok = path && download_scaler(t, t->generator, &state.scaler_g) &&
              download_scaler(t, t->discriminator, &state.scaler_d) &&
              run_make_folder(&t->run, RUN_CHECKPOINTS) &&
              checkpoint_write(path, &state, t->generator, t->discriminator, t->device,
                               tensor_download, scan);
    if (ok)
        log_debug("train: wrote %s", path);
    return ok;
}

bool trainer_write_state(struct trainer *t)
{
    struct checkpoint_scan scan;
    struct log_capture capture;
    // The metrics up to this step come to the disk first, since a resumed run cuts the
    // file back to its checkpoint. If they cannot be written the checkpoint is still
    // worth more.
    run_sync_metrics(&t->run);
    char *path = checkpoint_path(t->settings.options.out, t->step);
    log_capture_begin(&capture);
    bool ok = write_file(t, path, t->settings.ignores_nan, &scan);
    const char *error = log_capture_end(&capture);
    mem_free(path);
    if (ok) {
        note_saved(t, scan.tensor);
    } else if (scan.tensor[0] && !scan.writes_all) {
        char advice[TRAINER_ADVICE_SIZE];
        t->is_corrupt = true;
        log_error("train: after step %" PRIu64
                  " the tensor %s has numbers that are not "
                  "finite, so this state is not saved and the run ends: %s",
                  t->step, scan.tensor, trainer_advice(t, advice));
    } else {
        log_error("%s", error);
    }
    return ok;
}

// Numbers that are not finite are left to the next checkpoint, which ends the run or,
// by --on-nan continue, has them.
void trainer_write_best(struct trainer *t)
{
    struct checkpoint_scan scan;
    struct log_capture capture;
    char *path = checkpoint_best_path(t->settings.options.out);
    log_capture_begin(&capture);
    bool ok = write_file(t, path, false, &scan);
    const char *error = log_capture_end(&capture);
    if (!ok && scan.tensor[0])
        log_warn("train: step %" PRIu64 " has the best validation so far but is not "
                 "kept as best.safetensors: the tensor %s has numbers that are not "
                 "finite",
                 t->step, scan.tensor);
    else if (!ok)
        log_warn("train: step %" PRIu64 " has the best validation so far but is not "
                 "kept as best.safetensors: %s",
                 t->step, error);
    mem_free(path);
}

// Whether best.safetensors is of a step. It may be missing, or of another one: what
// could not be written was a warning, and a run that was killed may have been further.
static bool keeps_step(const struct trainer *t, uint64_t step)
{
    char *path = checkpoint_best_path(t->settings.options.out);
    struct log_capture capture;
    log_capture_begin(&capture);
    struct checkpoint *c =
        path && !os_path_is_absent(path) ? checkpoint_open(path) : NULL;
    const char *error = log_capture_end(&capture);
    const bool is_kept = c && checkpoint_get_state(c)->step == step;
    if (error[0])
        log_warn("train: whether the best checkpoint is kept is not known: %s", error);
    checkpoint_close(c);
    mem_free(path);
    return is_kept;
}

bool trainer_get_best(const struct trainer *t, struct pix_best_validation *best)
{
    if (t->best.step == 0)
        return false;
    *best = (struct pix_best_validation){
        .metric = t->settings.judge,
        .step = t->best.step,
        .score = t->best.score,
        .is_kept = t->settings.keeps_best && keeps_step(t, t->best.step),
    };
    return true;
}

// Whether a checkpoint is this run's and of this step. One that was copied from another
// run, or renamed, would silently continue something else.
static bool belongs(const struct trainer *t, const struct checkpoint *c,
                    const char *path, uint64_t step)
{
    const struct checkpoint_state *state = checkpoint_get_state(c);
    const struct pix_option *row =
        options_find_difference(&t->settings.options, &state->settings->options);
    if (state->step != step)
        log_error("train: %s contains step %" PRIu64 ", which does not match its name",
                  path, state->step);
    else if (row)
        log_error("train: %s was trained with a different --%s than this run", path,
                  row->name);
    return state->step == step && !row;
}

// Older versions, and --on-nan continue, write checkpoints with infinities and NaN.
static bool may_use_numbers(const struct trainer *t, const struct checkpoint *c,
                            const char *path)
{
    const char *tensor = checkpoint_not_finite(c);
    if (!tensor[0])
        return true;
    if (t->settings.ignores_nan)
        log_warn("train: %s has numbers that are not finite, first in tensor %s: by "
                 "--on-nan continue the run goes on with them",
                 path, tensor);
    else
        log_error("train: %s has numbers that are not finite, first in tensor %s (with "
                  "--on-nan continue it would be used all the same)",
                  path, tensor);
    return t->settings.ignores_nan;
}

enum load_result {
    LOAD_DONE,
    LOAD_UNUSABLE,      // by its content: an older one may be tried
    LOAD_NOT_FINITE,    // the same, but --on-nan continue would use it
    LOAD_FAILED,        // this time; the file may be good
};

static bool may_go_back(enum load_result r)
{
    return r == LOAD_UNUSABLE || r == LOAD_NOT_FINITE;
}

// Of a checkpoint that was not read, and why.
static void report_unread(const char *path, const char *error)
{
    log_error("train: the checkpoint %s could not be read this time: %s: nothing was "
              "changed; resume again when the cause is gone",
              path, error);
}

// Shapes are checked before anything is loaded. What is loaded of a file that turns out
// to be damaged later is replaced by an older one, or the start fails.
static enum load_result load(struct trainer *t, const char *path, uint64_t step)
{
    bool is_damaged = false;
    struct checkpoint *c = checkpoint_examine(path, &is_damaged);
    if (!c)
        return is_damaged ? LOAD_UNUSABLE : LOAD_FAILED;
    if (!belongs(t, c, path, step)) {
        checkpoint_close(c);
        return LOAD_UNUSABLE;
    }
    bool ok = checkpoint_check(c, "G", t->generator) &&
              checkpoint_check(c, "D", t->discriminator) &&
              checkpoint_load(c, "G", t->generator, t->device, tensor_upload) &&
              checkpoint_load(c, "D", t->discriminator, t->device, tensor_upload) &&
              upload_scaler(t, t->generator, &checkpoint_get_state(c)->scaler_g) &&
              upload_scaler(t, t->discriminator, &checkpoint_get_state(c)->scaler_d);
    is_damaged = checkpoint_is_damaged(c);
    const bool is_refused = ok && !may_use_numbers(t, c, path);
    if (ok && !is_refused) {
        const struct checkpoint_state *state = checkpoint_get_state(c);
        t->step = t->saved = state->step;
        t->finite = checkpoint_not_finite(c)[0] ? 0 : state->step;
        t->images = state->images;
        t->plateau = state->plateau;
        t->best = state->best;
        // Older versions had no limit for the PSNR of equal images.
        if (t->best.step > 0 && isinf(t->best.score))
            t->best.score = METRICS_PSNR_MOST;
        memcpy(t->trained_with, state->tuning, sizeof(t->trained_with));
        memcpy(t->jpeg_decoder, state->jpeg_decoder, sizeof(t->jpeg_decoder));
        memcpy(t->image_names, state->image_names, sizeof(t->image_names));
        memcpy(t->mask_hash, state->mask, sizeof(t->mask_hash));
    }
    checkpoint_close(c);
    return is_refused   ? LOAD_NOT_FINITE
           : ok         ? LOAD_DONE
           : is_damaged ? LOAD_UNUSABLE
                        : LOAD_FAILED;
}

// What is wrong with a file is a warning, since there may be an older checkpoint. A
// failure of another kind (memory, open files, the disk, the device) says nothing about
// the file, and the older one would take steps back for no reason.
static enum load_result try_load(struct trainer *t, const char *path, uint64_t step)
{
    struct log_capture capture;
    log_capture_begin(&capture);
    enum load_result result = load(t, path, step);
    const char *error = log_capture_end(&capture);
    if (may_go_back(result))
        log_warn("%s", error);
    else if (result == LOAD_FAILED)
        report_unread(path, error);
    return result;
}

// The newest checkpoint of those given whose numbers are all finite; 0: none. The files
// are read for it, which a run does that resumes from one with other numbers. False
// after a message if one could not be read this time: it may be the one that is to be
// kept.
static bool find_finite(const char *run, const uint64_t *steps, size_t count,
                        uint64_t *found)
{
    bool ok = true;
    *found = 0;
    for (size_t i = 0; ok && i < count && !*found; i++) {
        bool is_finite = false, is_damaged = false;
        struct log_capture capture;    // a damaged one is none
        log_capture_begin(&capture);
        char *path = checkpoint_path(run, steps[i]);
        struct checkpoint *c = path ? checkpoint_examine(path, &is_damaged) : NULL;
        if (c && !checkpoint_find_finite(c, &is_finite))
            is_damaged = checkpoint_is_damaged(c);
        else if (c)
            is_damaged = !is_finite;
        checkpoint_close(c);
        const char *error = log_capture_end(&capture);
        ok = is_finite || is_damaged;
        if (is_finite)
            *found = steps[i];
        else if (!ok)
            report_unread(path ? path : run, error);
        mem_free(path);
    }
    return ok;
}

// A name beside a checkpoint that no file has. NULL if there is none.
static char *name_aside(const char *path, const char *what)
{
    enum { TRIES = 1000 };
    char *aside = mem_printf("%s.%s", path, what);
    for (int i = 2; aside && !os_path_is_absent(aside); i++) {
        mem_free(aside);
        aside = i < TRIES ? mem_printf("%s.%s-%d", path, what, i) : NULL;
    }
    return aside;
}

// Renames checkpoints newer than the one that could be read: the next start would take
// them for the newest of the run. They are kept, since they may be of use to a person.
static void set_aside(const char *run, const uint64_t *steps,
                      const enum load_result *results, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const bool is_whole = results[i] == LOAD_NOT_FINITE;
        char *path = checkpoint_path(run, steps[i]);
        char *aside =
            path ? name_aside(path, is_whole ? "not-finite" : "unreadable") : NULL;
        if (!aside)
            log_warn("train: no name was found to set aside the checkpoint of step "
                     "%" PRIu64,
                     steps[i]);
        else if (!os_file_rename(path, aside))
            log_warn("train: cannot rename %s: %s", path, os_error_text());
        else if (is_whole)
            log_warn("train: %s has numbers that are not finite and is now %s: give it "
                     "its name back to go on from it with --on-nan continue",
                     path, file_name(aside));
        else
            log_warn("train: %s cannot be used and is now %s", path, file_name(aside));
        mem_free(aside);
        mem_free(path);
    }
}

// Whether a resumed run has the kernels it was begun with, or the user chose others.
// Another kernel adds in another order, so the bits would differ from here on.
static bool keeps_tuning(const struct trainer *t)
{
    const struct pix_train_options *o = &t->settings.options;
    char now[HASH_TEXT_SIZE];
    if (!t->trained_with[0] ||
        strcmp(tuning_hash(&t->tuning, now), t->trained_with) == 0)
        return true;
    if (tuned_uses_cache(t->settings.tuning))
        log_error("train: %s/tuning.json is not the table of kernels that the run was "
                  "trained with: put back the one of %s (this is %s), or resume with "
                  "--tuning %s/tuning.json or --tuning off (same results up to "
                  "rounding)",
                  o->out, t->trained_with, now, o->out);
    else
        log_info(
            "train: --tuning %s differs from the run's kernel table; rounding changes "
            "from here on",
            o->tuning);
    return !tuned_uses_cache(t->settings.tuning);
}

// Loads the newest checkpoint that is not damaged. If there is none at all the run
// starts from the beginning, and *found is false; if there are some and none can be
// used, that is an error: starting again would bury them. So is one that could not be
// read this time.
static bool resume(struct trainer *t, bool *found)
{
    const char *run = t->settings.options.out;
    uint64_t *steps = NULL;
    size_t count = 0, i = 0;
    enum load_result *results = NULL, result = LOAD_UNUSABLE;
    bool ok = false;
    *found = false;
    if (!checkpoint_list(run, &steps, &count) ||
        !(results = mem_array(count, sizeof(*results))))
        goto done;
    for (; i < count && may_go_back(result); i++) {
        char *path = checkpoint_path(run, steps[i]);
        results[i] = result = path ? try_load(t, path, steps[i]) : LOAD_FAILED;
        if (result == LOAD_DONE)
            log_info("train: resuming from %s", path);
        mem_free(path);
    }
    if (result == LOAD_DONE && t->finite == 0 &&
        !find_finite(run, steps + i, count - i, &t->finite))
        goto done;
    *found = result == LOAD_DONE;
    ok = *found || count == 0;
    if (*found)
        set_aside(run, steps, results, i - 1);
    else if (count > 0 && may_go_back(result))
        log_error("train: none of %zu checkpoint%s in %s can be used: the warnings "
                  "before say why; move them away to start from the beginning",
                  count, PLURAL(count), run);
    else if (count == 0)
        log_info("train: %s has no checkpoint yet: starting from the beginning", run);

done:
    mem_free(results);
    mem_free(steps);
    return ok && (!*found || keeps_tuning(t));
}

// Loads the weights of a file, whose concatenations may have the other order.
static bool start_from(struct trainer *t, enum network network,
                       const struct weights *weights, const char *path)
{
    struct network_file *f = network_file_open_to_load(path, NULL, network, "train");
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
        log_warn("train: --gan-mode none has no discriminator: --init-d %s is ignored",
                 file);
    random_init(&r, o->seed,
                network == NETWORK_G ? SEQUENCE_GENERATOR : SEQUENCE_DISCRIMINATOR);
    return weights_initialise(weights, t->device, &r, t->settings.law, o->init_gain);
}

// A resumed run has the weights of its checkpoint.
static void warn_of_initial(const struct pix_train_options *o)
{
    const char *const files[][2] = { { "--init-g", o->init_g },
                                     { "--init-d", o->init_d } };
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        if (files[i][1] && *files[i][1])
            log_warn("train: %s resumes with its own weights: %s %s is ignored", o->out,
                     files[i][0], files[i][1]);
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
    if (!*found && !initialise(t))
        return false;
    if (*found)
        warn_of_initial(&t->settings.options);
    return weights_refresh_copies(t->generator, t->device) &&
           weights_refresh_copies(t->discriminator, t->device);
}
