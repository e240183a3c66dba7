// SPDX-License-Identifier: MIT
//
// What is worth a word about an image file beside its pixels: that it was turned
// upright, has several pages or ends early. It is noted while files are read, by any
// thread, and counted afterwards in the order of the items, so that it is one message
// with a number and an example, not one for each file.

#ifndef DATA_FILE_NOTES_H
#define DATA_FILE_NOTES_H

#include "data/picture.h"

struct file_note {
    const char *path;    // of the file; NULL: there is nothing to say
    uint32_t number;     // its EXIF orientation, or how many pages it has
};

// About the files of an item, an image or a pair: each note is of the first file that
// it is true of.
struct file_notes {
    struct file_note turned;       // by its orientation
    struct file_note paged;        // the first page was read, which nobody asked for
    struct file_note cut_short;    // what is missing is grey
};

// Notes what a picture that was read by these options says of its file; only what
// picture->samples holds is not needed. The path is kept.
void file_notes_add(struct file_notes *notes, const struct picture_reading *reading,
                    const struct picture *picture, const char *path);

// Items with a note of a kind, and that of the first one.
struct file_count {
    size_t count;
    struct file_note first;
};

struct file_tally {
    struct file_count turned, paged, cut_short;
};

// Counts an item. Items come in their order, since the first is the example.
void file_tally_add(struct file_tally *tally, const struct file_notes *notes);

// Logs what was counted of so many items, each of which is called `name`: "image".
void file_tally_report(const struct file_tally *tally, size_t items, const char *name);

// The same of a single image.
void file_notes_report(const struct picture_reading *reading,
                       const struct picture *picture, const char *path);

#endif
