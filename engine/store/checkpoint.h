// SPDX-License-Identifier: MIT
//
// Checkpoints: RUN/checkpoints/step-00000020.safetensors. The file is self-describing.
// It has the weights and running statistics of both networks under the PyTorch port's
// names, prefixed with "G." or "D."; the optimiser's moments (adam.G.NAME.m and .v) and
// moving averages (ema.G.NAME); and in its metadata the step, the options and
// everything else that a run needs to resume. Reading trusts nothing in the file, and
// compares what it reads with the sums that stand in it (formats/sums.h).

#ifndef STORE_CHECKPOINT_H
#define STORE_CHECKPOINT_H

#include "base/hash.h"
#include "pix2pix.h"
#include "settings/schedule.h"
#include "shared/scaler.h"
#include "tensor/weights.h"

// The metadata that distinguishes a checkpoint from other safetensors files.
#define CHECKPOINT_STEP "pix2pix.step"

// The options of a run, or of a file of one network, as JSON.
#define CHECKPOINT_OPTIONS "pix2pix.options"

#define CHECKPOINT_DECODER_SIZE 32
#define CHECKPOINT_NAME_SIZE 192    // of a tensor in a message

// What is stored beside the tensors.
struct checkpoint_state {
    uint64_t step;      // number of steps done
    uint64_t epoch;     // of the last step, from 1
    uint32_t images;    // in the data set: the order of samples depends on it
    // Hash of their names (dataset_hash); "" in files of older versions.
    char image_names[HASH_TEXT_SIZE];
    // Hash of the mask of holes (task_hash_mask); "" without one.
    char mask[HASH_TEXT_SIZE];
    // Hash of the tuning table (tuning.h); "" in files of older versions.
    char tuning[HASH_TEXT_SIZE];
    // Who decoded JPEG files (picture_jpeg_decoder); "stb" in files of older versions.
    char jpeg_decoder[CHECKPOINT_DECODER_SIZE];
    struct schedule_plateau plateau;
    struct schedule_best best;
    // Of G and D, for runs in f16; D's only where there is one.
    struct scaler_block scaler_g, scaler_d;
    const struct settings *settings;
};

// Numbers that are not finite (infinity, NaN) in a checkpoint that is written: what to
// do about them, and the first tensor that has one, "" if all are finite.
struct checkpoint_scan {
    bool writes_all;    // write the file all the same; else it is an error
    char tensor[CHECKPOINT_NAME_SIZE];
};

// Writes a checkpoint, which appears whole or not at all. Values are fetched with
// `download`, which is tensor_download, one tensor at a time, and checked by `scan`.
// False after one message.
bool checkpoint_write(const char *path, const struct checkpoint_state *state,
                      const struct weights *generator,
                      const struct weights *discriminator, struct gpu_device *device,
                      bool (*download)(struct gpu_device *device,
                                       const struct tensor *t, void *data),
                      struct checkpoint_scan *scan);

struct checkpoint;

// Opens a file and checks everything that does not depend on the networks. NULL after
// one message.
struct checkpoint *checkpoint_open(const char *path);
void checkpoint_close(struct checkpoint *c);    // NULL is fine

// The same, and after a failure *is_damaged says whether what the file contains is
// wrong. If not, it could not be read this time (memory, too many open files, an error
// of the disk, no permission) and may be good: it must not be set aside or replaced by
// an older one.
struct checkpoint *checkpoint_examine(const char *path, bool *is_damaged);

// Whether a check, a load or a read of this checkpoint has failed because of what the
// file contains. After any other failure it may be good.
bool checkpoint_is_damaged(const struct checkpoint *c);

// Valid as long as `c`, which owns the options; they are resolved.
const struct checkpoint_state *checkpoint_get_state(const struct checkpoint *c);

// Checks that the file has every tensor of a network, "G" or "D", with its shape, and
// unless the weights are for inference its moments and averages. False after one
// message, which names the first that does not fit.
bool checkpoint_check(struct checkpoint *c, const char *network,
                      const struct weights *weights);

// Checks that the file has the weights of a network, every tensor with its shape, as
// F32, F16 or BF16, and no other; their averages as well, where it has any. False after
// one message, which names the first that does not fit.
bool checkpoint_check_values(struct checkpoint *c, const char *network,
                             const struct weights *weights);

// Reads what checkpoint_check has passed and uploads it. `upload` is tensor_upload.
bool checkpoint_load(struct checkpoint *c, const char *network,
                     const struct weights *weights, struct gpu_device *device,
                     bool (*upload)(struct gpu_device *device, struct tensor *t,
                                    const void *data));

// The first tensor among those loaded so far that has numbers that are not finite; ""
// if there is none. Such a tensor is loaded like the others.
const char *checkpoint_not_finite(const struct checkpoint *c);

// Reads the whole file and finds whether all its numbers are finite. False after one
// message if it cannot be read: checkpoint_is_damaged says whether for its content.
bool checkpoint_find_finite(struct checkpoint *c, bool *is_finite);

// Reads the values of one weight, [n, c, h, w] or [c], which a check has passed; with
// `average` their moving average where the file has one.
bool checkpoint_read(struct checkpoint *c, const char *network, const struct weight *w,
                     bool average, float *values);

// Reads the weights and averages of a network once and compares them with their sums,
// if the file has any. False after one message.
bool checkpoint_verify(struct checkpoint *c, const char *network);

// The number of batches that a batch norm of the network, "G" or "D", has seen.
uint64_t checkpoint_batches(const struct checkpoint_state *state, const char *network);

#endif
