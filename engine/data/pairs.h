// SPDX-License-Identifier: MIT
//
// Pairs of input and target in files, and how one is read. data_folder.h says where
// they are.

#ifndef DATA_PAIRS_H
#define DATA_PAIRS_H

#include "data/file_notes.h"
#include "data/fitting.h"
#include "data/picture.h"
#include "data/task.h"

struct pair_file {
    char *name;     // of the file, or of the one in A; without its folder
    char *a, *b;    // paths; b NULL: both are in one image, side by side
};

struct pair_list {
    char *folder;    // DATA/train, for messages
    struct pair_file *files;
    size_t count;
};

// What is counted: where a task makes both sides, a file is an image and no pair.
static inline const char *pair_noun(bool is_image, size_t count)
{
    return is_image ? count == 1 ? "image" : "images" : count == 1 ? "pair" : "pairs";
}

void pair_file_free(struct pair_file *file);    // a zeroed one is fine
void pair_list_free(struct pair_list *list);

// Cuts an image with both sides at half of its width, rounded down, so that a column in
// the middle belongs to B. What was noted of its file is left to the caller. False with
// the reason; the caller frees both in any case.
bool pair_cut(const struct picture *whole, struct picture *a, struct picture *b,
              struct reason *reason);

struct pair_options {
    bool swap;                       // BtoA: the input is B
    uint32_t input_nc, output_nc;    // channels
    // Files of another kind are refused. PIXEL_KINDS: any kind.
    enum pixel_kind input_kind, output_kind;
    struct pixel_range input_range, output_range;    // those of the pictures
    struct picture_reading reading;
    // With a task that makes sides a file is one image. Its kind is checked by
    // output_kind, and by what the task takes; the channels are those of the task.
    // Without one, inputs may be smaller by a factor (task_enlarges). Label maps have
    // the channels of the palette's classes.
    struct task task;
    struct fit fit;
};

// What is worth a word about a pair, beside its pixels. See pair_tally.h.
struct pair_notes {
    // Of a pair that was read: how it was fitted, sizes as stored, and the size to
    // which both sides were scaled.
    struct fit fit;
    struct pix_size a, b, scaled;
    struct file_notes files;
    // The first of its files that has an alpha which is not opaque, and no channel for
    // it.
    const char *transparent;
    const char *enlarged;    // its target, where that was enlarged to the input's size
    const char *narrow;    // the first of its files that is_narrow (picture.h), or NULL
    // Of the input and the target: the file, where grey was repeated to be colours, or
    // colours were made grey; else NULL.
    const char *repeated[2], *greyed[2];
    // Of the input and the target, before resizing. Without a range: whether there are
    // floats outside [-1, 1]. With one: how many samples are outside, of how many.
    bool exceeds[2];
    uint64_t outside[2], samples[2];
    uint32_t largest[2];    // of u16 without a range: the largest sample
    // Samples that stand for no data by the tag of their file, in which nothing of the
    // above counts them; of how many in all, and which number they have.
    uint64_t no_data[2], all[2];
    double no_data_number[2];
    // Of sides that are label maps, fitted: their pixels, and those with a colour that
    // the palette does not have.
    uint64_t label_pixels[2], strange[2];
    // Why a pair was refused, where that is counted. Kinds and channels are those of
    // file `refused` and those that the options have.
    enum {
        PAIR_OTHER_REASON,
        PAIR_INPUT_KIND,
        PAIR_TARGET_KIND,
        PAIR_INPUT_CHANNELS,
        PAIR_TARGET_CHANNELS,
    } refusal;
    const char *refused;
    enum pixel_kind found, wanted;
    uint32_t found_channels, wanted_channels;
};

// Reads a pair as [channels, height, width] each, of one size unless the mode is
// FIT_NOTHING, see fitting.h; an image with both is cut at half of
// its width, rounded down, so that a column in the middle belongs to B. The caller
// frees both pictures. On failure there is none, `reason` says why, and *culprit is the
// path of the file that it is about, which the pair_file owns, as it does the paths in
// the notes. Nothing is logged. A file that is gone since its folder was listed is a
// reason that passes, a link that leads nowhere is not.
//
// Where images are not resized, a target whose sides divide those of the input is
// enlarged to its size.
//
// With a task both sides are made of the fitted image. What a random one adds is a
// function of the file's name.
bool pair_read(const struct pair_file *file, const struct pair_options *options,
               struct picture *input, struct picture *target, struct pair_notes *notes,
               const char **culprit, struct reason *reason);

// Sets the kinds of the options that are PIXEL_KINDS to what most of the first `count`
// pairs have, of equally many to that which comes first; u8 where no file can be read.
// Only the first bytes of files are read, and of thousands not of all. False, with the
// culprit and the reason as above, where a file cannot be read for a reason that
// passes: others must not decide in its place.
bool pair_list_find_kinds(const struct pair_list *list, size_t count,
                          struct pair_options *options, const char **culprit,
                          struct reason *reason);

#endif
