// SPDX-License-Identifier: MIT
//
// What a model for a task learns from, what it gets of an image that it translates, and
// what its output becomes. Most make both sides of a pair of a single image, which has
// the target's channels, but for TASK_COLORIZE three. TASK_SEGMENT has pairs, of which
// one side or both are label maps: networks have a plane of each class
// (class_planes.h), people its colour.

#ifndef DATA_TASK_H
#define DATA_TASK_H

#include "base/hash.h"
#include "base/reason.h"
#include "data/picture.h"

enum task_kind {
    TASK_PAIRS,       // none: files are pairs
    TASK_COLORIZE,    // of L* the a* and b* (colour.h); the output gets the input's L*
    TASK_SUPERRES,    // of an image that was made `factor` times smaller, and resized
    TASK_DENOISE,     // of one with Gaussian noise
    TASK_INPAINT,     // of one with a hole and a channel that marks it
    TASK_EDGES,       // of its edges, black on white (edges.h)
    TASK_SEGMENT,     // none: files are pairs with label maps
    TASK_COUNT,
};

enum hole_kind {
    HOLE_CENTER,    // half the width and half the height, in the middle
    HOLE_RANDOM,    // a quarter to half of each, anywhere
    HOLE_MASK,      // where the mask is 128 or more
    HOLE_COUNT,
};

#define TASK_FACTOR_MAX 16u

struct task {
    enum task_kind kind;
    // 2 to TASK_FACTOR_MAX. TASK_PAIRS: inputs are so many times smaller than targets,
    // or, with 0 and 1, have their size.
    uint32_t factor;
    double sigma;    // standard deviation, of 255 levels between the range's ends
    enum hole_kind hole;
    const struct picture *mask;    // HOLE_MASK: u8, one channel, of any size
    // TASK_SEGMENT: the colours of the classes, and which sides are label maps. No
    // colours yet: nothing can be made.
    const struct palette *palette;
    bool labels_in, labels_out;
    // Images that are translated are not inputs but what inputs are made of, as in
    // training: TASK_SUPERRES, TASK_DENOISE and TASK_EDGES.
    bool makes_input;
};

// Whether there is one: outputs become images by task_complete or task_finish.
static inline bool task_is_set(const struct task *t)
{
    return t->kind != TASK_PAIRS;
}

// Whether a file is one image, of which both sides are made.
static inline bool task_makes_sides(const struct task *t)
{
    return t->kind != TASK_PAIRS && t->kind != TASK_SEGMENT;
}

// Whether files of inputs are smaller than those of targets, and enlarged before
// anything else is done with them.
static inline bool task_enlarges(const struct task *t)
{
    return t->kind == TASK_PAIRS && t->factor > 1;
}

// The size that an image of this one has when the network gets it, before it is fitted.
static inline struct pix_size task_input_size(const struct task *t,
                                              struct pix_size size)
{
    const bool enlarges = t->kind == TASK_SUPERRES && !t->makes_input;
    const uint32_t factor = enlarges || task_enlarges(t) ? t->factor : 1;
    return (struct pix_size){ size.width * factor, size.height * factor };
}

// Whether what is to be undone lies in single pixels, so that no image that is
// translated may be resized before.
static inline bool task_is_of_pixels(const struct task *t)
{
    return t->kind == TASK_SUPERRES || t->kind == TASK_DENOISE;
}

// Whether an input is made again for each sample, of noise or a hole.
static inline bool task_is_random(const struct task *t)
{
    return t->kind == TASK_DENOISE || t->kind == TASK_INPAINT;
}

// Of tasks that make sides: channels of an image, of the input and of the target, where
// a user asks for so many of outputs.
struct task_channels {
    uint32_t image, input, target;
};
struct task_channels task_channels(const struct task *t, uint32_t output_nc);

// Kinds of the sides that images of a kind give. PIXEL_KINDS stays where the image's is
// kept.
struct task_kinds {
    enum pixel_kind input, target;
};
struct task_kinds task_kinds(const struct task *t, enum pixel_kind image);

// The kind that images must have where outputs have this one; PIXEL_KINDS: any.
static inline enum pixel_kind task_image_kind(const struct task *t,
                                              enum pixel_kind output)
{
    return t->kind == TASK_COLORIZE ? PIXEL_KINDS : output;
}

static inline struct pixel_range task_image_range(const struct task *t,
                                                  struct pixel_range output)
{
    return t->kind == TASK_COLORIZE ? PIXEL_WHOLE : output;
}

// Whether images of this kind are taken. Nothing is logged.
bool task_takes(const struct task *t, enum pixel_kind image, struct reason *reason);

// Reads the image of a mask, of u8 or u16. False with the reason, also where nothing in
// it is white.
bool task_read_mask(const char *path, const struct picture_reading *reading,
                    struct picture *mask, struct reason *reason);

// Makes both sides of an image, whose samples it takes. False only without memory,
// after a message; then there is neither.
bool task_make_sides(const struct task *t, struct picture *image, struct picture *input,
                     struct picture *target);

// Hash of the mask's size and samples; "" without a mask.
const char *task_hash_mask(const struct task *t, char text[HASH_TEXT_SIZE]);

// A part of an image.
struct task_part {
    uint32_t x, y;
    struct pix_size size;
};

// Makes the input of a sample of a random task: a function of the target, the seed and
// the part that the networks see, in which holes lie. Without a part they see all of
// it.
void task_renew(const struct task *t, uint64_t seed, const struct picture *target,
                struct picture *input);
void task_renew_part(const struct task *t, uint64_t seed, const struct task_part *part,
                     const struct picture *target, struct picture *input);

// Makes of an output, or of a target, the image that it stands for: with the input's
// lightness, with what is around its hole, or in the colours of its classes. With
// TASK_COLORIZE and label maps that is u8. False only without memory, after a message.
bool task_complete(const struct task *t, const struct picture *input,
                   struct picture *side);

// Makes of an input what people see: of the planes of classes their colours. False only
// without memory, after a message.
bool task_show_input(const struct task *t, struct picture *input);

// What models have to beat, as images: one colour in all pixels of the target (`colour`
// is in its samples; of classes it is the most frequent one), and the input as it is,
// in its kind and range. Grey becomes RGB; the copy is empty where channels differ
// otherwise.
// `target` is not complete yet, and `input` is that of the same pair. False only
// without memory, after a message.
bool task_make_flat(const struct task *t, const struct picture *input,
                    const struct picture *target, const double *colour,
                    struct picture *flat);
bool task_make_copy(const struct task *t, const struct picture *input,
                    const struct picture *target, struct picture *copy);

// What an output needs of the image that it was made of. Zeroed: nothing.
struct task_rest {
    struct picture image;    // L* with TASK_COLORIZE
    struct picture hole;     // u8, one channel, not 0 in it
    enum pixel_kind kind;    // of the image
    // Of an input that is a label map: its pixels, and those with a colour that the
    // palette does not have.
    uint64_t pixels, strange;
};
void task_rest_free(struct task_rest *rest);

// Makes the input of an image in place, as training does; a random one is a function of
// the seed. False only without memory, after a message; then there is none.
bool task_make_input(const struct task *t, uint64_t seed, struct picture *image);

// Makes of an image that is to be translated what the network gets. It has as many
// channels as task_channels says, and a label map any. `seed` is that of a random hole.
// False with the reason: no memory, after a message, or not a label map.
bool task_take(const struct task *t, uint64_t seed, struct picture *image,
               struct task_rest *rest, struct reason *reason);

// The same of rows from `y` on of an image of this size, once they are as large as
// task_enlarge makes them. What it takes of them is the rows' part of what task_take
// takes.
bool task_take_rows(const struct task *t, uint64_t seed, struct pix_size size,
                    uint32_t y, struct picture *rows, struct task_rest *rest,
                    struct reason *reason);

// Makes of the network's output, resized or not, the image that is written; of rows of
// it likewise. False without memory, after a message.
bool task_finish(const struct task *t, const struct task_rest *rest,
                 struct picture *out);

// Makes an image as large as task_input_size says, as task_take does. False without
// memory, after a message.
bool task_enlarge(const struct task *t, struct picture *image);

// Whether outputs are of another kind, or of other channels, than the network's: kind
// and channels of an image of this kind. PIXEL_KINDS stays.
void task_describe_output(const struct task *t, enum pixel_kind image,
                          enum pixel_kind *kind, uint32_t *channels);

#endif
