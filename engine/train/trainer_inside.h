// SPDX-License-Identifier: MIT
//
// The inside of a trainer, for the files that are one: trainer.c takes steps,
// trainer_build.c makes the step's graph, trainer_ranges.c finds the ranges of samples,
// trainer_outputs.c decides what is written
// after a step, trainer_report.c writes what its page is made of, trainer_state.c has
// what a run is continued from.

#ifndef TRAIN_TRAINER_INSIDE_H
#define TRAIN_TRAINER_INSIDE_H

#include "base/log.h"
#include "ops/tuning.h"
#include "pix2pix.h"
#include "program/program.h"
#include "settings/schedule.h"
#include "settings/settings.h"
#include "shared/scaler.h"
#include "store/checkpoint.h"
#include "train/health.h"
#include "train/objective.h"
#include "train/run.h"
#include "train/sight.h"
#include "train/step_time.h"

struct dataset;
struct pair_list;
struct validation;

#define RING_SLOTS 2    // one step is under way while the next is prepared

// A step that takes longer gains nothing from a prepared next one, which an interrupt
// would have to wait for.
#define AHEAD_SECONDS 5.0

#define HOST_TIMES 256    // steps of which the host's time is remembered

enum {
    LOSS_D_REAL,
    LOSS_D_FAKE,
    LOSS_D_GP,
    LOSS_G_GAN,
    LOSS_G_L1,
    LOSS_G_CE,
    LOSS_COUNT
};

// A step in the ring: mapped memory of the program, and what is known of the step.
struct ring_slot {
    uint8_t *pixels;
    uint32_t *jitter;                   // see shared/pixels.h
    const float *losses[LOSS_COUNT];    // NULL: the run does not have it
    const float *flags_d, *flags_g;     // of all weights; NULL: the network has none
    const struct scaler_block *scaler_d, *scaler_g;    // NULL: not f16, or no network
    uint64_t epoch;                                    // from 1
    double begun;                                      // when its batch was asked for
};

struct trainer {
    struct gpu_device *device;
    double submission_seconds;
    struct picture mask;    // of --hole mask
    struct settings settings;
    uint64_t step, steps;    // done, and the run's total
    uint64_t begun;          // the step after which this process has begun
    uint64_t submitted;      // the newest step that is under way, or `step`
    uint64_t epoch;          // of the last step, from 1; 0: none yet
    uint64_t saved;          // step of the newest good checkpoint; 0: none
    uint64_t finite;         // of the newest one without infinities and NaN; 0: none
    uint32_t images;         // in the data when that was written; 0: not known
    char image_names[HASH_TEXT_SIZE];    // hash of their names; "": not known
    char mask_hash[HASH_TEXT_SIZE];      // of the mask then; "": none, or not known

    struct weights *generator, *discriminator;
    uint64_t weights_g, weights_d;        // numbers that are trained
    struct tuning tuning;                 // of the run
    char trained_with[HASH_TEXT_SIZE];    // hash of the checkpoint's; "": not known
    char jpeg_decoder[CHECKPOINT_DECODER_SIZE];    // of the checkpoint; "": a new run
    struct program *program;
    struct objective objective;
    struct dataset *data;
    struct validation *validation;    // NULL: none
    struct schedule_plateau plateau;
    struct schedule_best best;

    struct ring_slot ring[RING_SLOTS];    // step s is in slot s % ring_count
    uint32_t ring_count;
    double done_at;                    // when the last step was seen to be done
    double pace;                       // seconds that it seemed to take
    struct step_time step_time;        // of the steps of this process
    struct pix_step_metrics unseen;    // of a step that trainer_save waited for
    bool has_unseen;
    bool is_stuck;                  // the next step could not be begun
    char starved[LOG_LINE_SIZE];    // why it has no batch, "" if it has

    // Time of the host in a step, apart from waiting for the device.
    double wait_seconds, batch_seconds;    // in the present call
    float host_ms[HOST_TIMES], batch_ms[HOST_TIMES];
    uint64_t host_count, call_count;

    struct health health;
    struct health_warning warnings[HEALTH_SIGNS];    // of this process
    uint32_t warning_count;
    struct sight sight;    // of sample grids

    struct run run;
    bool failed;            // no more steps
    bool lost;              // nor checkpoints: what is on the device cannot be trusted
    bool is_corrupt;        // nor checkpoints: numbers are not finite, and may not be
    bool warned;            // of a loss or a weight that is not finite
    bool warned_state;      // of a checkpoint with such numbers
    bool warned_outputs;    // of a validation with such outputs
};

// ---------------------------------------------------------------------------
// trainer_build.c

// Everything that needs no memory of the device, but for measuring kernels: networks,
// tuning table, the program and its plan, the validation, and what they need.
bool trainer_build(struct trainer *t, bool measure, struct pix_plan *out);

// What makes a tensor of a step smaller.
#define TRAINER_TENSOR_HINT "lower --batch-size, --crop-size, --ngf or --ndf"

// The option that lowers what takes most.
const char *trainer_memory_hint(const struct pix_train_options *o,
                                const struct pix_plan *plan);

// ---------------------------------------------------------------------------
// trainer_outputs.c

// Whether a sample grid or a checkpoint comes after a step.
bool trainer_wants_sample(const struct trainer *t, uint64_t step);
bool trainer_wants_checkpoint(const struct trainer *t, uint64_t step);

// Whether the losses and weights of the step that has just ended let the run go on.
// False after a message.
bool trainer_check_numbers(struct trainer *t, const struct pix_step_metrics *m,
                           const struct ring_slot *slot);
// Whether all weights and moments are finite after a step that has ended.
bool trainer_weights_are_finite(const struct trainer *t, const struct ring_slot *slot);

// Warns of what losses, outputs and validations show, see health.h.
void trainer_watch_losses(struct trainer *t, const struct ring_slot *slot);
void trainer_watch_scales(struct trainer *t, const struct pix_step_metrics *m);
void trainer_watch_look(struct trainer *t, const struct health_look *look);
void trainer_watch_validation(struct trainer *t, double score,
                              const struct pix_step_metrics *metrics);

// Writes what is due after a step. What cannot be written is a warning, but for the
// last state of the run. False after a message.
bool trainer_write_outputs(struct trainer *t, const struct pix_step_metrics *metrics);

// The path of the newest checkpoint that this run has written or loaded, if it is still
// there; else NULL. Caller frees.
char *trainer_newest_checkpoint(const struct trainer *t);

// What to do about numbers that are not finite, as the end of a message. Returns
// `text`.
#define TRAINER_ADVICE_SIZE LOG_LINE_SIZE    // paths may be long
const char *trainer_advice(const struct trainer *t, char text[TRAINER_ADVICE_SIZE]);

// ---------------------------------------------------------------------------
// trainer_palette.c

// Sets the classes of a run that leaves them to its label maps: those that it has had
// from its beginning, else those of its images. False after a message.
bool trainer_find_palette(struct trainer *t, const struct pair_list *pairs);

// ---------------------------------------------------------------------------
// trainer_ranges.c

// Sets the ranges of samples that the options leave to the run: those that the run has
// had from its beginning, else those of its images. False after a message.
bool trainer_find_ranges(struct trainer *t, const struct pair_list *pairs);

// ---------------------------------------------------------------------------
// trainer_report.c

// Writes report/run.json where it is not as it should be.
void trainer_describe(struct trainer *t);
// Writes report/validation.json of the validation that has just ended.
void trainer_write_gallery(struct trainer *t);

// ---------------------------------------------------------------------------
// trainer_state.c

// Writes a checkpoint of the newest step that is done; false after a message. With
// t->is_corrupt it must not be tried again.
bool trainer_write_state(struct trainer *t);

// Writes the same state as best.safetensors, but never numbers that are not finite.
// What cannot be written is a warning: the file of an earlier validation stays.
void trainer_write_best(struct trainer *t);

// Loads the newest checkpoint that can be read. If there is none, *found is false and
// the run starts from the beginning, with random weights or those of files.
bool trainer_begin_state(struct trainer *t, bool *found);

#endif
