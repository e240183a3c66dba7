// SPDX-License-Identifier: MIT
//
// Checkpoints: RUN/checkpoints/step-00000020.safetensors. The file is self-describing:
// the weights and running statistics of both networks under the PyTorch port's names,
// the optimiser's moments, and in its metadata the step, the options and all else that
// a run needs to go on. Reading trusts nothing in the file.

#ifndef STORE_CHECKPOINT_H
#define STORE_CHECKPOINT_H

#include "base/hash.h"
#include "pix2pix.h"
#include "settings/schedule.h"
#include "tensor/weights.h"

// The metadata that tells a checkpoint from other files of its container.
#define CHECKPOINT_STEP "pix2pix.step"

// The options of a run, or of a file of one network, as JSON.
#define CHECKPOINT_OPTIONS "pix2pix.options"

// What is stored beside the tensors.
struct checkpoint_state {
    uint64_t step;      // steps done
    uint64_t epoch;     // of the last step, from 1
    uint32_t images;    // in the data: the stream of samples depends on it
    // Hash of the table of kernels (tuning.h); "" in files of older versions.
    char tuning[HASH_TEXT_SIZE];
    struct schedule_plateau plateau;
    const struct pix_train_options *options;    // resolved
};

// Writes beside, syncs, renames. Values come through `download` (tensor_download), one
// tensor at a time.
bool checkpoint_write(const char *path, const struct checkpoint_state *state,
                      const struct weights *generator,
                      const struct weights *discriminator, struct gpu_device *device,
                      bool (*download)(struct gpu_device *device,
                                       const struct tensor *t, void *data));

struct checkpoint;

// Opens a file and checks everything that can be checked without knowing the networks.
// NULL after one message.
struct checkpoint *checkpoint_open(const char *path);
void checkpoint_close(struct checkpoint *c);    // NULL is fine

// The options are resolved and owned by the checkpoint.
const struct checkpoint_state *checkpoint_get_state(const struct checkpoint *c);

// Checks that the file has every tensor of a network, "G" or "D", with its shape; the
// moments too unless the weights are for inference. Names the first that does not fit.
bool checkpoint_check(const struct checkpoint *c, const char *network,
                      const struct weights *weights);

// Checks that the file has the values of a network, every tensor with its shape and no
// other. Names the first that does not fit.
bool checkpoint_check_values(const struct checkpoint *c, const char *network,
                             const struct weights *weights);

// Reads them; they must have been checked. `upload` is tensor_upload.
bool checkpoint_load(struct checkpoint *c, const char *network,
                     const struct weights *weights, struct gpu_device *device,
                     bool (*upload)(struct gpu_device *device, struct tensor *t,
                                    const void *data));

// One weight's values, or their moving average where the file has it; checked before.
bool checkpoint_read(const struct checkpoint *c, const char *network,
                     const struct weight *w, bool average, float *values);

// The number of training forwards that a batch norm of the network has seen.
uint64_t checkpoint_batches(const struct checkpoint_state *state, const char *network);

#endif
