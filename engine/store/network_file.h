// SPDX-License-Identifier: MIT
//
// The weights of one network as a file: a checkpoint of ours, safetensors, or what
// torch.save wrote. Says which architecture it is, by the names and shapes of its
// tensors, and gives their values by the names of our own weights. And writes such
// files. Needs no device.

#ifndef STORE_NETWORK_FILE_H
#define STORE_NETWORK_FILE_H

#include "pix2pix.h"
#include "store/checkpoint.h"

enum network { NETWORK_G, NETWORK_D };

struct network_file;

// Opens a run (its newest checkpoint), a checkpoint, a .safetensors or a .pth file and
// finds out what its network is. `what` begins the messages ("translate"). NULL after
// one message.
struct network_file *network_file_open(const char *path, enum network network,
                                       const char *what);
void network_file_close(struct network_file *f);    // NULL is fine

// What it was opened as.
enum network network_file_kind(const struct network_file *f);
const char *network_file_what(const struct network_file *f);

// The file that was read: of a run its checkpoint.
const char *network_file_path(const struct network_file *f);

// Options that describe the network, resolved: those of its checkpoint, or defaults
// with what was recognised. Of a discriminator that stands alone, net_d and what
// belongs to it; the channels it takes are network_file_channels_d.
const struct pix_train_options *network_file_options(const struct network_file *f);
uint32_t network_file_channels_d(const struct network_file *f);

// The checkpoint, NULL if it is none.
struct checkpoint *network_file_checkpoint(const struct network_file *f);

// "unet_256, ngf 64, batch norm, 3 -> 3 channels"
const char *network_file_description(const struct network_file *f);

// Whether the file has every tensor of the network with its shape, and no other. Names
// the first that does not fit.
bool network_file_check(const struct network_file *f, const struct weights *weights);

// The order of a U-Net's concatenations in which weights are wanted from now on,
// whatever that of the file is: the input channels of its decoders are in this order.
// At first it is that of the file.
void network_file_set_order(struct network_file *f, bool decoder_first);

// The values of a weight, in its order. It has been checked. With `average` the moving
// average, where the file has it.
bool network_file_read(struct network_file *f, const struct weight *w, bool average,
                       float *values);

// Uploads all; they have been checked. `upload` is tensor_upload.
bool network_file_load(struct network_file *f, const struct weights *weights,
                       bool averages, struct gpu_device *device,
                       bool (*upload)(struct gpu_device *device, struct tensor *t,
                                      const void *data));

// A counter of batches by its name, see weight_names_counter; 0 if the file has none.
bool network_file_read_counter(struct network_file *f, const char *name,
                               int64_t *value);

#endif
