// SPDX-License-Identifier: MIT
//
// The files of torch.save, as far as they hold dictionaries of tensors: a zip archive
// since PyTorch 1.6, a row of pickles and bytes before. Reading executes nothing and
// trusts nothing in the file; each message names it. What the tensors mean is their
// owner's business.

#ifndef FORMATS_PTH_H
#define FORMATS_PTH_H

#include "base/base.h"

#define PTH_RANK_MAX 8u

// Whether a file begins as one of these files does. A file that can not be read does
// not; who opens it is told why.
bool pth_looks_like(const char *path);

// ---------------------------------------------------------------------------
// Reading

struct pth;

struct pth_entry {
    const char *name;    // without the "module." of a wrapped network
    const char *kind;    // "F32", "F16", "BF16", "F64", "I64", ... as in safetensors
    uint32_t rank;
    uint64_t sides[PTH_RANK_MAX];
    uint64_t count;    // of values, the product of the sides
};

// Opens a file and checks all but the values: names, shapes, and that each tensor lies
// in the file. NULL after one message.
//
// The dictionary may lie in others: of those that hold tensors themselves it is the one
// named `part` ("netG", or "models.netG" where that is not enough), which NULL leaves
// to the usual names (state_dict, model, netG, ...). Everything beside its tensors is
// ignored.
struct pth *pth_open(const char *path, const char *part);
void pth_close(struct pth *p);    // NULL is fine

// Where the dictionary was: "" or "state_dict", "models.netG".
const char *pth_part(const struct pth *p);

// In the order of the file; by name, NULL if there is none.
size_t pth_count(const struct pth *p);
const struct pth_entry *pth_at(const struct pth *p, size_t i);
const struct pth_entry *pth_find(const struct pth *p, const char *name);

// Reads the values of a tensor in the order of its sides, as 32-bit floats, `count` of
// them: who calls has looked at that.
bool pth_read(struct pth *p, const struct pth_entry *e, float *values);

// ---------------------------------------------------------------------------
// Writing

struct pth_tensor {
    const char *name;
    const char *kind;    // "F32" or "I64"
    uint32_t rank;       // 0: one value
    uint64_t sides[PTH_RANK_MAX];
};

// Writes an OrderedDict of tensors as PyTorch 1.6 and later do, whole or not at all, so
// that load_state_dict(torch.load(path)) takes it. `values` is asked for those of each
// tensor in turn, once, and returns false after a message to give up: only the largest
// tensor is held in memory. Equal tensors give an equal file.
bool pth_write(const char *path, const struct pth_tensor *tensors, size_t count,
               bool (*values)(void *user, size_t tensor, void *data), void *user);

#endif
