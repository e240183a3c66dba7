// SPDX-License-Identifier: MIT
//
// Sums of a safetensors file, which it carries in its own metadata, so that a changed
// bit shows and other programs still read the file:
//
//     "pix2pix.sums": "{\"header\": \"0123456789abcdef\",
//                       \"tensors\": {\"NAME\": \"0123456789abcdef\", ...}}"
//
// All are XXH3 of 64 bits, as 16 hexadecimal digits (base/sum.h). That of a tensor is
// the sum of its bytes. That of the header covers what gives them their meaning: the
// other texts of the metadata whose keys begin with "pix2pix.", and the name, kind and
// shape of each tensor. It does not depend on the order or the places of the tensors,
// so that a program which rewrites the file and keeps its metadata keeps the sums
// right.

#ifndef FORMATS_SUMS_H
#define FORMATS_SUMS_H

#include "base/json.h"

#define SUMS_KEY "pix2pix.sums"
#define SUMS_METADATA "__metadata__"    // the member of a header that is no tensor

// The sum of a header, of which SUMS_KEY is not a part. False when out of memory, after
// a message.
bool sums_of_header(json_t *header, uint64_t *value);

// 16 hexadecimal digits; false if the text is something else, or NULL.
bool sums_parse(const char *text, uint64_t *value);

// Sums of tensors that are written one after the other, in pieces of any size. Zeroed,
// it is empty.
struct sums {
    struct sum *sum;    // of the tensor that is being written
    struct sums_item {
        char *name;
        uint64_t end, value;    // bytes, from the first tensor on
    } * items;
    size_t count, capacity;
    size_t done;    // tensors that are complete
    uint64_t at;    // bytes so far
};

// All tensors are added first. False when out of memory, after a message.
bool sums_add(struct sums *s, const char *name, uint64_t end);
void sums_feed(struct sums *s, const void *data, size_t size);

// The text of SUMS_KEY; its size does not depend on the values. Caller frees. NULL when
// out of memory, after a message.
char *sums_text(const struct sums *s, uint64_t header);
void sums_finish(struct sums *s);    // and empties it

#endif
