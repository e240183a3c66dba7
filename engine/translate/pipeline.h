// SPDX-License-Identifier: MIT
//
// Many images through a translator. Threads load and store them, a few ahead of the
// device and behind it; the calling thread runs the device. What is reported, and in
// which order, does not depend on the threads.

#ifndef TRANSLATE_PIPELINE_H
#define TRANSLATE_PIPELINE_H

#include "base/base.h"
#include "data/picture.h"
#include "pix2pix.h"

struct translator;

// Where images come from and go to. Errors and warnings about an image are kept until
// it is done.
struct pipeline_ends {
    // Any thread. `picture` is empty before; its samples are the pipeline's afterwards.
    // It need not have the channels, kind or size that the networks take. *output is
    // PIXEL_KINDS; set to another kind it is that of the output, where the model's is
    // not known.
    bool (*load)(void *user, size_t index, struct picture *picture,
                 enum pixel_kind *output);
    // Any thread. May take the samples: then it leaves `picture` empty.
    bool (*store)(void *user, size_t index, struct picture *picture);
    // The calling thread, in rising order. False: the rest is left.
    bool (*done)(void *user, size_t index, enum pix_translate_result result);
    void *user;
    uint64_t bytes;    // that the images under way may take, see pipeline.c; 0: usual
    // Any thread. The file of an image, or NULL if it has none, for what is said of all
    // images at the end: what was converted, is out of range, resized or turned. The
    // path stays. No function: nothing is said; whoever changed the images before knows
    // better.
    const char *(*path)(void *user, size_t index);
    // Images have the size that the networks see, and their outputs shall have it, too,
    // whatever the translator's options say.
    bool has_model_size;
    // Not NULL: images come one after the other, and `count`, then SIZE_MAX, is no more
    // than a limit. Called before `load`, in rising order, by any thread; one image is
    // waited for and loaded at a time. False: there is none of this number.
    bool (*has)(void *user, size_t index);
};

// With `has`: the images that may be under way at once, loaded and not done.
size_t pipeline_most_under_way(const struct translator *t);

// Threads that read images where the caller wants at most `most`; 0: does not say.
uint32_t pipeline_threads(uint32_t most);

// True if all images were translated. `most_threads` 0: as many as useful.
bool pipeline_run(struct translator *t, uint32_t most_threads, size_t count,
                  const struct pipeline_ends *ends);

#endif
