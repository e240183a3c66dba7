// SPDX-License-Identifier: MIT
//
// The safetensors container: named tensors and texts in one file. Eight bytes with the
// size of a JSON header, the header, then the tensors. Reading trusts nothing in the
// file; each message names it. What the tensors mean is their owner's business.
//
// Format: https://huggingface.co/docs/safetensors

#ifndef FORMATS_SAFETENSORS_H
#define FORMATS_SAFETENSORS_H

#include "base/file.h"
#include "base/json.h"

#define SAFETENSORS_RANK_MAX 8u

// ---------------------------------------------------------------------------
// Reading

struct safetensors;

struct safetensors_entry {
    const char *name;
    const char *kind;    // "F32", "I64", ...
    uint32_t rank;
    uint64_t sides[SAFETENSORS_RANK_MAX];
    uint64_t begin, end;    // bytes, after the header
};

// Opens a file and checks all of its header: kinds, shapes, places that do not overlap,
// size. NULL after one message.
struct safetensors *safetensors_open(const char *path);
void safetensors_close(struct safetensors *s);    // NULL is fine

// In the order of their names; by name, NULL if there is none.
size_t safetensors_count(const struct safetensors *s);
const struct safetensors_entry *safetensors_at(const struct safetensors *s, size_t i);
const struct safetensors_entry *safetensors_find(const struct safetensors *s,
                                                 const char *name);

// "[64, 3, 4, 4]", for messages.
#define SAFETENSORS_SIDES_TEXT_SIZE 192
const char *safetensors_sides_text(const uint64_t *sides, uint32_t rank,
                                   char text[SAFETENSORS_SIDES_TEXT_SIZE]);

// Reads the bytes of a tensor, end - begin of them.
bool safetensors_read(struct safetensors *s, const struct safetensors_entry *e,
                      void *data);

// A text of the metadata, which lives as long as `s`; NULL if there is none.
const char *safetensors_metadata(const struct safetensors *s, const char *key);

// ---------------------------------------------------------------------------
// Writing: metadata first, then descriptions, then the data in the same order

struct safetensors_writer {
    json_t *header;    // NULL: there was no memory for it
    struct file_writer file;
    uint64_t offset;     // described so far, bytes
    uint64_t written;    // data so far
};

// Starts in memory; nothing is written before safetensors_begin_data. A text is JSON or
// whatever the key's owner likes.
void safetensors_begin(struct safetensors_writer *w);
void safetensors_put_metadata(struct safetensors_writer *w, const char *key,
                              const char *text);
void safetensors_describe(struct safetensors_writer *w, const char *name,
                          const char *kind, const uint64_t *sides, uint32_t rank,
                          uint64_t bytes);

// Opens the file beside its place and writes the header. After a failure, and instead
// of commit, abort ends the writer.
bool safetensors_begin_data(struct safetensors_writer *w, const char *path);
bool safetensors_put_data(struct safetensors_writer *w, const void *data, size_t size);
bool safetensors_commit(struct safetensors_writer *w);
void safetensors_abort(struct safetensors_writer *w);    // an ended one is fine

#endif
