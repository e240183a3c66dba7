// SPDX-License-Identifier: MIT
//
// The tensors of a file by name, whichever kind of file it is: safetensors, or what
// torch.save wrote. Needs no device.

#ifndef STORE_TENSOR_FILE_H
#define STORE_TENSOR_FILE_H

#include "store/dictionary.h"

struct tensor_file;

// Opens a file of either kind, by its content: files of torch.save are called .pth,
// .pt, .bin or .ckpt. `parts` as for pth_open; `what` begins the messages ("translate")
// and must outlive the result. NULL after one message.
struct tensor_file *tensor_file_open(const char *path, const char *const *parts,
                                     const char *what);
void tensor_file_close(struct tensor_file *f);    // NULL is fine
const char *tensor_file_path(const struct tensor_file *f);

// A text of a safetensors file's metadata, valid as long as `f`; NULL if there is none.
const char *tensor_file_metadata(const struct tensor_file *f, const char *key);

// `kind` ("F32") and `sides` belong to `f`.
struct tensor_entry {
    const char *kind;
    uint32_t rank;
    const uint64_t *sides;
};

size_t tensor_file_count(const struct tensor_file *f);
const char *tensor_file_name(const struct tensor_file *f, size_t i);
// False if there is none of this name.
bool tensor_file_find(const struct tensor_file *f, const char *name,
                      struct tensor_entry *out);

// For struct dictionary: `user` is a struct tensor_file.
bool tensor_file_find_sides(const void *user, const char *name, uint32_t *rank,
                            uint64_t sides[DICTIONARY_RANK]);

// Whether the file has a tensor of this name and these sides whose values can be read
// as floats. False after one message, in which `network` says what needs it. Of other
// kinds than F32 it is said once that they become F32.
bool tensor_file_check(struct tensor_file *f, const char *name, const uint64_t *sides,
                       uint32_t rank, const char *network);

// Reads the values of a tensor that tensor_file_check has passed. False after one
// message.
bool tensor_file_read(struct tensor_file *f, const char *name, float *values);

// A counter, a single whole number of 64 bits, or the float that another program has
// made of it; 0 if the file has none.
bool tensor_file_read_counter(struct tensor_file *f, const char *name, int64_t *value);

#endif
