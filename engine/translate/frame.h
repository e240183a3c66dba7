// SPDX-License-Identifier: MIT
//
// The sizes of an image on its way: as it comes, as the network takes it, as it goes
// out.

#ifndef TRANSLATE_FRAME_H
#define TRANSLATE_FRAME_H

#include "data/fitting.h"
#include "data/picture.h"

enum frame_output {
    FRAME_INPUT,    // outputs have the size of their input
    FRAME_MODEL,    // the size at which they were translated
    FRAME_FIXED,    // a size for all of them
};

// What images have in common.
struct frame_rule {
    // How they are scaled first: FIT_RESIZE to the size `load`, FIT_WIDTH to its width
    // with the height in proportion, FIT_NOTHING not at all. No more than its filter is
    // used besides.
    struct fit scaling;
    // Sides that the network takes: multiples of one number, from another one on.
    uint32_t multiple, least;
    enum resize_filter output_filter;
    enum frame_output output;
    struct pix_size fixed;    // FRAME_FIXED
    // Left and right, top and bottom continue each other: such sides are resized to
    // what the network takes, not filled up.
    bool wraps_across, wraps_down;
};

struct frame {
    struct pix_size image;    // as it comes
    struct pix_size inner;    // as it is translated
    // The network's input, which has it in its upper left corner.
    struct pix_size run;
    struct pix_size output;
};

// Reads "input", "model", "640" or "640x480"; NULL is "input". False: it is none of
// them.
bool frame_read_output(const char *text, struct frame_rule *rule);

// Reads "x", "y" or "xy"; NULL: neither. False: it is none of them.
bool frame_read_wrap(const char *text, struct frame_rule *rule);

// Of an image of this size.
struct frame frame_of(const struct frame_rule *rule, struct pix_size image);

// Whether it is one that a picture of so many bytes a pixel may have: what only the
// width of is given may become too high. False after a message.
bool frame_check(const struct frame_rule *rule, const struct frame *frame,
                 uint64_t bytes, const char *command);

// What the rule is where the caller did not ask for one, as an info that begins with
// `command`: nothing where images are resized to the model's size, which is usual.
// `option` is that of training from which it follows, and `value` its value.
void frame_tell_rule(const struct frame_rule *rule, const char *option,
                     const char *value, const char *command);

// Makes an image the network's input: resized, or with its mirror image at the right
// and at the bottom. False only without memory, after a message; so the next one.
bool frame_place(const struct frame_rule *rule, const struct frame *frame,
                 struct picture *picture);

// Makes the network's output the image's: cut and resized.
bool frame_cut(const struct frame_rule *rule, const struct frame *frame,
               struct picture *picture);

// Images that were resized after they were translated, for one message about all.
struct frame_tally {
    uint32_t images;
    struct frame first;
    bool inner_differs, output_differs;
    bool lost;    // one was larger before it was translated
};

void frame_tally_add(struct frame_tally *tally, const struct frame *frame);
// An info, if there are any. `command` is what it begins with, `what` are images or
// frames.
void frame_tally_report(const struct frame_tally *tally, const struct frame_rule *rule,
                        const char *what, const char *command);

#endif
