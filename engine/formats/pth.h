// SPDX-License-Identifier: MIT
//
// The files of torch.save, as far as they hold dictionaries of tensors: a zip archive
// since PyTorch 1.6, a sequence of pickles and raw bytes before. Reading executes
// nothing and trusts nothing in the file; each message names the file. What the tensors
// mean is the caller's business.

#ifndef FORMATS_PTH_H
#define FORMATS_PTH_H

#include "formats/pth_entry.h"

// Whether a file begins like one of these files. False also for a file that cannot be
// read; pth_open reports why.
bool pth_looks_like(const char *path);

// ---------------------------------------------------------------------------
// Reading

struct pth;

// Opens a file and checks everything except the values: names, shapes, and that each
// tensor lies within the file. NULL after one message.
//
// The dictionary of tensors may be nested in others. Where several hold tensors, their
// names decide: first those of `parts`, best first and ended by NULL, on the way to a
// dictionary ("netG"; NULL: none); then the usual names (state_dict, model, ...).
// Everything beside the tensors of the chosen one is ignored.
struct pth *pth_open(const char *path, const char *const *parts);
void pth_close(struct pth *p);    // NULL is fine

// Tensors in the order of the file, and by name (NULL if there is none). Entries and
// their names belong to `p`.
size_t pth_count(const struct pth *p);
const struct pth_entry *pth_at(const struct pth *p, size_t i);
const struct pth_entry *pth_find(const struct pth *p, const char *name);

// Reads the values of a tensor, row-major in the order of its sides, converted to
// 32-bit floats. `values` has room for e->count of them: the caller has checked the
// shape. False after one message.
bool pth_read(struct pth *p, const struct pth_entry *e, float *values);

// Reads the value of a tensor that is one whole number of 64 bits ("I64").
bool pth_read_integer(struct pth *p, const struct pth_entry *e, int64_t *value);

// ---------------------------------------------------------------------------
// Writing

struct pth_tensor {
    const char *name;
    const char *kind;    // "F32", "F16" or "I64"
    uint32_t rank;       // 0: one value
    uint64_t sides[PTH_RANK_MAX];
};

// Writes an OrderedDict of tensors in the format of PyTorch 1.6 and later, so that
// load_state_dict(torch.load(path)) accepts it. The file appears whole or not at all.
// `values` is called once per tensor, in order, to fill `data` with its values; it
// returns false after a message to give up. Only the largest tensor is held in memory.
// Equal tensors give an equal file.
bool pth_write(const char *path, const struct pth_tensor *tensors, size_t count,
               bool (*values)(void *user, size_t tensor, void *data), void *user);

#endif
