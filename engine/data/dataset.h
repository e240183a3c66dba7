// SPDX-License-Identifier: MIT
//
// Pairs of a folder as a stream of samples for training. The stream is a pure function
// of (folder, options, seed, position): number of threads and timing do not matter.
// Sample s (counted from 0 over the whole run) belongs to epoch s / count and has its
// own crop and mirror numbers. Batches take consecutive samples, so one may straddle
// two epochs; no image is dropped or seen twice in an epoch.

#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include "base/pixel.h"
#include "data/resize.h"

struct dataset_options {
    bool swap;                       // BtoA: the input is B
    uint32_t input_nc, output_nc;    // channels; 0: 3
    // Files of another kind are skipped. PIXEL_KINDS: that of the first usable pair.
    enum pixel_kind input_kind, output_kind;
    bool resize;    // to load_size x load_size; false: sides must be load_size
    uint32_t load_size;
    enum resize_filter filter;
    uint32_t crop_size;    // crop offsets are 0 .. load_size - crop_size
    bool flip;             // mirror with probability 1/2
    bool shuffle;          // by epoch; else byte-wise name order
    uint32_t max_size;     // 0: all; takes the first by name
    uint32_t threads;      // 0: as many as useful
    uint64_t seed;
    uint64_t first_sample;    // where the stream starts (a continued run)
    uint64_t cache_bytes;     // decoded pairs kept in memory; 0: 512 MiB
};

// One sample of the stream.
struct dataset_sample {
    uint32_t crop_x, crop_y;
    uint32_t mirror;    // 1: left and right exchanged after the crop
    uint64_t epoch;     // from 0
    uint32_t image;     // index into the valid images, in name order
};

struct dataset;
struct pair_list;

// The kinds that dataset_create will find with these options, without reading more
// files than it takes; u8 where no pair can be used.
void dataset_find_kinds(const struct dataset_options *options,
                        const struct pair_list *list, enum pixel_kind *input_kind,
                        enum pixel_kind *output_kind);

// Decodes every image of the list once, in parallel; reports each broken or odd one
// with the reason (log_warn) and skips it. Fails after a message if none is left.
// Resized pairs are kept in memory up to cache_bytes; the rest is decoded again when
// its turn comes, ahead of use, by the decoder threads. Takes files out of the list,
// which can only be freed afterwards, also after a failure.
struct dataset *dataset_create(const struct dataset_options *options,
                               struct pair_list *list);
void dataset_destroy(struct dataset *set);    // NULL is fine

uint32_t dataset_count(const struct dataset *set);                      // valid images
const char *dataset_name(const struct dataset *set, uint32_t image);    // file name

// What the samples are held as.
enum pixel_kind dataset_input_kind(const struct dataset *set);
enum pixel_kind dataset_output_kind(const struct dataset *set);

// Bytes of a sample: the planes of the input, then those of the target, each side
// pixel_staged_bytes long.
size_t dataset_sample_bytes(const struct dataset *set);

// The next sample; its bytes are copied into `pixels`. Fails after a message if the
// file can no longer be read.
bool dataset_next(struct dataset *set, struct dataset_sample *sample, uint8_t *pixels);

// What dataset_next would say of any sample, without pixels: a pure function.
void dataset_describe(const struct dataset *set, uint64_t index,
                      struct dataset_sample *sample);

#endif
