// SPDX-License-Identifier: MIT
//
// The safetensors container: named tensors and texts in one file. Eight bytes with the
// size of a JSON header, the header, then the values of the tensors. Reading trusts
// nothing in the file; each message names the file. What the tensors mean is the
// caller's business.
//
// Format: https://huggingface.co/docs/safetensors

#ifndef FORMATS_SAFETENSORS_H
#define FORMATS_SAFETENSORS_H

#include "base/file.h"
#include "base/json.h"
#include "formats/sums.h"

#define SAFETENSORS_RANK_MAX 8u

// ---------------------------------------------------------------------------
// Reading

struct safetensors;

struct safetensors_entry {
    const char *name;
    const char *kind;    // "F32", "I64", ...
    uint32_t rank;
    uint64_t sides[SAFETENSORS_RANK_MAX];
    uint64_t begin, end;    // bytes, from the end of the header
    uint64_t sum;           // of its bytes, in a file that has sums
};

// Opens a file and checks its whole header: kinds, shapes, that tensors do not overlap
// and end with the file, and its sum if it has one (sums.h). NULL after one message.
struct safetensors *safetensors_open(const char *path);
void safetensors_close(struct safetensors *s);    // NULL is fine

// The same, and after a failure *is_damaged says whether what the file contains is
// wrong. Otherwise it could not be read this time (memory, too many open files, an
// error of the disk, no permission), and nothing is known of its content.
struct safetensors *safetensors_examine(const char *path, bool *is_damaged);

// Whether safetensors_read has failed because the file is shorter than it was, or the
// tensor has not the sum that was stored for it.
bool safetensors_is_damaged(const struct safetensors *s);

// Whether the file has sums, so that reading a tensor checks it.
bool safetensors_has_sums(const struct safetensors *s);

// Tensors in the order of their names, and by name (NULL if there is none). Entries and
// their names belong to `s`.
size_t safetensors_count(const struct safetensors *s);
const struct safetensors_entry *safetensors_at(const struct safetensors *s, size_t i);
const struct safetensors_entry *safetensors_find(const struct safetensors *s,
                                                 const char *name);

// "[64, 3, 4, 4]", for messages. Returns `text`.
#define SAFETENSORS_SIDES_TEXT_SIZE 192
const char *safetensors_sides_text(const uint64_t *sides, uint32_t rank,
                                   char text[SAFETENSORS_SIDES_TEXT_SIZE]);

// Reads the end - begin bytes of a tensor, which must have the sum that was stored with
// them, if there is one. False after one message, which names the tensor.
bool safetensors_read(struct safetensors *s, const struct safetensors_entry *e,
                      void *data);

// Whether safetensors_read_floats can read a tensor: its kind is F32, F16 or BF16.
bool safetensors_has_floats(const struct safetensors_entry *e);

// Reads the values of such a tensor as 32-bit floats, which hold each of them exactly.
// The sum is still that of the bytes in the file. False after one message.
bool safetensors_read_floats(struct safetensors *s, const struct safetensors_entry *e,
                             float *values);

// A text of the metadata, valid as long as `s`; NULL if there is none.
const char *safetensors_metadata(const struct safetensors *s, const char *key);

// ---------------------------------------------------------------------------
// Writing: metadata first, then descriptions, then the data in the same order

struct safetensors_writer {
    json_t *header;    // NULL: out of memory
    struct file_writer file;
    struct sums sums;
    uint64_t header_sum;
    size_t header_size;    // bytes, without what pads it
    uint64_t offset;       // bytes of data described so far
    uint64_t written;      // bytes of data written so far
};

// Starts in memory; nothing is written before safetensors_begin_data. What a metadata
// text means, JSON for example, is up to the caller. A tensor is described by its kind
// ("F32"), its sides and its size in bytes; `sides` may be NULL with rank 0.
void safetensors_begin(struct safetensors_writer *w);
void safetensors_put_metadata(struct safetensors_writer *w, const char *key,
                              const char *text);
void safetensors_describe(struct safetensors_writer *w, const char *name,
                          const char *kind, const uint64_t *sides, uint32_t rank,
                          uint64_t bytes);

// Opens a temporary file beside the path and writes the header; put_data then takes the
// bytes of all tensors in the order of their descriptions, in pieces of any size.
// commit adds the sums and moves the file to its path. After a failure, and instead of
// commit, abort ends the writer. Each returns false after one message.
bool safetensors_begin_data(struct safetensors_writer *w, const char *path);
bool safetensors_put_data(struct safetensors_writer *w, const void *data, size_t size);
bool safetensors_commit(struct safetensors_writer *w);
void safetensors_abort(struct safetensors_writer *w);    // fine after commit

#endif
