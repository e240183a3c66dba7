// SPDX-License-Identifier: MIT
//
// The pairs of a folder as a stream of samples for training. The stream is a pure
// function of (files, options, seed, position): the number of threads and timing do not
// matter. Sample s (from 0 over the whole run) belongs to epoch s / count and has its
// own crop and mirror. Batches take consecutive samples, so one may span two epochs;
// every image comes exactly once in an epoch.

#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include "base/hash.h"
#include "base/pixel.h"
#include "base/progress.h"
#include "data/augment.h"
#include "data/fitting.h"
#include "data/picture.h"
#include "data/side_range.h"

struct dataset_options {
    bool swap;                       // BtoA: the input is B
    uint32_t input_nc, output_nc;    // channels, 1 to 64; 0: 3
    // Files of another kind are skipped. PIXEL_KINDS: what most files are.
    enum pixel_kind input_kind, output_kind;
    struct pixel_range input_range, output_range;    // PIXEL_WHOLE: none
    struct picture_reading reading;
    struct task task;
    // The inputs of a random task are made again for each sample; else they are a
    // function of the name.
    bool renews;
    struct fit fit;    // see fitting.h; `load` of FIT_RESIZE is no smaller than `crop`
    bool flip;         // mirror with probability 1/2
    struct augment augment;
    bool shuffle;         // a new order in every epoch; false: the order of the list
    uint32_t max_size;    // use the first files only; 0: all
    uint32_t threads;     // that decode; 0: one for each core, at most 8
    uint64_t seed;
    uint64_t first_sample;        // where the stream starts (a resumed run)
    uint64_t cache_bytes;         // for decoded pairs in memory; 0: 512 MiB
    bool sums_targets;            // for dataset_target_mean
    struct progress_view view;    // where dataset_create shows how far it is
};

// What a sample of the stream is. Crop, mirror and augmentation are not applied to its
// pixels: kernels do that.
struct dataset_sample {
    uint32_t crop_x, crop_y;    // upper left corner of the crop
    uint32_t cut_x, cut_y;      // that of the sample in its pair, of a size of its own
    uint32_t mirror;            // 1: left and right are exchanged after the crop
    // With the option augment: crop, mirror and all else.
    struct augment_sample augment;
    uint64_t epoch;    // from 0
    uint32_t image;    // index into the valid images
};

struct dataset;

// The kinds that dataset_create will find with these options, see
// pair_list_find_kinds. False after a message.
bool dataset_find_kinds(const struct dataset_options *options,
                        const struct pair_list *list, enum pixel_kind *input_kind,
                        enum pixel_kind *output_kind);

// The ranges that these options leave open, see side_range_find. False after a message.
bool dataset_find_ranges(const struct dataset_options *options,
                         const struct pair_list *list, struct side_range sides[2]);

// Decodes every pair of the list once, in parallel; reports each one that is broken or
// does not fit, with the reason, as a warning and skips it; counts what is odd about
// others, see pair_tally.h. NULL after a message if none is left, or if one cannot be
// read for a reason that passes (base/reason.h). Resized pairs are kept in memory up to
// cache_bytes; the rest is decoded again when its turn comes, ahead of use, by the
// decoder threads. Takes files out of the list, which can only be freed afterwards,
// also after a failure.
struct dataset *dataset_create(const struct dataset_options *options,
                               struct pair_list *list);
void dataset_destroy(struct dataset *set);    // NULL is fine

uint32_t dataset_count(const struct dataset *set);                      // valid images
const char *dataset_name(const struct dataset *set, uint32_t image);    // file name

bool dataset_has_jpeg(const struct dataset *set);    // among their files

// Hash of the names of the valid images, in their order: what the stream is made of.
const char *dataset_hash(const struct dataset *set, char text[HASH_TEXT_SIZE]);

// The mean of each channel over all targets, in samples of their kind; each image has
// the same weight. `mean` has room for output_nc numbers. With the option sums_targets
// only.
void dataset_target_mean(const struct dataset *set, double *mean);

// Bytes of a sample: the planes of the input, then those of the target, each side
// [c, height, width] of fit_sample_size, of its kind and pixel_staged_bytes long.
size_t dataset_sample_bytes(const struct dataset *set);

// The next sample; its bytes are copied into `pixels`. Fails after a message if the
// file is not readable when its turn has come; the next call tries it again.
bool dataset_next(struct dataset *set, struct dataset_sample *sample, uint8_t *pixels);

// What dataset_next would return for any sample, without pixels: a pure function.
void dataset_describe(const struct dataset *set, uint64_t index,
                      struct dataset_sample *sample);

#endif
