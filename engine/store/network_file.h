// SPDX-License-Identifier: MIT
//
// Reading the weights of one network from a file of any kind: a checkpoint of ours,
// safetensors, or a file of torch.save. The architecture follows from a checkpoint's
// options or from names and shapes of the tensors. Values are asked for by the names of
// our own weights, and are converted to floats and to the wanted order. Needs no
// device.

#ifndef STORE_NETWORK_FILE_H
#define STORE_NETWORK_FILE_H

#include "settings/settings.h"
#include "store/checkpoint.h"

enum network { NETWORK_G, NETWORK_D };

struct network_file;

// Opens a run (its newest checkpoint that is not damaged), a checkpoint, a .safetensors
// or a .pth file and determines its network, which must be of the kind asked for.
// `what` begins the messages ("translate") and must outlive the result. NULL after one
// message.
struct network_file *network_file_open(const char *path, enum network network,
                                       const char *what);
// The same with another checkpoint of a run: "best", that of the best validation, or
// the digits of a step; no other is taken in its place. NULL and "newest" are as above.
struct network_file *network_file_open_checkpoint(const char *path,
                                                  const char *checkpoint,
                                                  enum network network,
                                                  const char *what);

// The same for network_file_load alone. Of a run's checkpoint only the header is read:
// whether it is damaged shows when it is loaded, and the older one is taken then.
struct network_file *network_file_open_to_load(const char *path, const char *checkpoint,
                                               enum network network, const char *what);
void network_file_close(struct network_file *f);    // NULL is fine

// The arguments that it was opened with.
enum network network_file_kind(const struct network_file *f);
const char *network_file_what(const struct network_file *f);

// The path of the file that is read: for a run that of its checkpoint.
const char *network_file_path(const struct network_file *f);

// Settings that describe the network: those of its checkpoint, or defaults with what
// was recognised. For a discriminator without a checkpoint only net_d and what
// belongs to it are meaningful; network_file_channels_d has its number of input
// channels.
const struct settings *network_file_settings(const struct network_file *f);
uint32_t network_file_channels_d(const struct network_file *f);
// Whether these are options of a training, with its direction and sample types: a .pth
// has none, and neither has what was converted from it.
bool network_file_records_training(const struct network_file *f);

// The checkpoint; NULL if the file is not one.
struct checkpoint *network_file_checkpoint(const struct network_file *f);

// "unet_256, ngf 64, batch norm, 3 -> 3 channels"
const char *network_file_description(const struct network_file *f);

// Whether the file has every tensor of the network with its shape, and no other. False
// after one message, which names the first that does not fit.
bool network_file_check(const struct network_file *f, const struct weights *weights);

// Sets the order of a U-Net's concatenations (decoder first or skip connection first)
// that the values read from now on shall have: it is the order of the input channels of
// its decoders. Until then it is the order of the file.
void network_file_set_order(struct network_file *f, bool decoder_first);

// Reads the values of a weight, [n, c, h, w] or [c], which network_file_check has
// passed; with `average` its moving average where the file has one. False after one
// message.
bool network_file_read(struct network_file *f, const struct weight *w, bool average,
                       float *values);

// The same without a warning of values that are not finite, which the caller reports.
bool network_file_read_silently(struct network_file *f, const struct weight *w,
                                bool average, float *values);

// Reads all weights and uploads them; they have been checked. `upload` is
// tensor_upload. Where the newest checkpoint of a run is damaged it goes on with the
// one before, of which the path and the checkpoint are then: its settings are those
// that were there before. False after one message.
bool network_file_load(struct network_file *f, const struct weights *weights,
                       bool averages, struct gpu_device *device,
                       bool (*upload)(struct gpu_device *device, struct tensor *t,
                                      const void *data));

// A counter of batches by its name, see weight_names_counter; 0 if the file has none.
bool network_file_read_counter(struct network_file *f, const char *name,
                               int64_t *value);

#endif
