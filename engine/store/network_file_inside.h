// SPDX-License-Identifier: MIT
//
// The inside of a network file, for the files that are one: network_file.c opens it and
// finds out which network it holds, network_file_read.c checks and reads its weights.

#ifndef STORE_NETWORK_FILE_INSIDE_H
#define STORE_NETWORK_FILE_INSIDE_H

#include "store/name_prefix.h"
#include "store/network_file.h"
#include "store/recognise.h"
#include "store/tensor_file.h"

struct network_file {
    enum network network;
    const char *what;    // begins messages
    char *path;
    // One of these is open.
    struct checkpoint *checkpoint;
    struct tensor_file *tensors;
    // Of a run whose newest checkpoint is wanted: its checkpoints, the newest first,
    // and how many of them have been opened.
    uint64_t *steps;
    size_t step_count, opened;
    char *run;
    bool is_loaded;    // see network_file_open_to_load

    struct recognition recognition;    // not for a checkpoint
    struct name_prefix prefix;         // of its tensors in the file
    struct settings settings;
    uint32_t channels_d;      // input channels of a discriminator
    bool swaps_halves;        // see network_file_set_order
    bool warned;              // about values that are not finite
    char description[192];    // for messages and ONNX metadata
};

// The prefix of the network's tensors in checkpoints, "G" or "D".
const char *network_file_letter(const struct network_file *f);

// The port nests a U-Net's levels, eight characters each: names of ten levels have less
// than 110.
#define NETWORK_FILE_NAME_SIZE 256
#define NETWORK_FILE_LONG_NAME_SIZE (NAME_PREFIX_MAX + NETWORK_FILE_NAME_SIZE)

// The name in the file of a tensor of the network. False if it is too long, and then no
// tensor has it.
bool network_file_long_name(const struct network_file *f, const char *name,
                            char text[NETWORK_FILE_LONG_NAME_SIZE]);

// Opens the next checkpoint of a run, or an older one where that is damaged. False
// after a message, and where there is none.
bool network_file_open_next(struct network_file *f);

// Reports why the checkpoint cannot be used: a warning where an older one may be.
void network_file_tell_unused(const struct network_file *f, bool is_damaged,
                              const char *error);

#endif
