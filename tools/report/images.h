// SPDX-License-Identifier: MIT
//
// Files of images inside a page, as the base64 digits of their bytes.

#ifndef TOOLS_REPORT_IMAGES_H
#define TOOLS_REPORT_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// What the images of a page take together, in digits: 20 MB.
#define PAGE_IMAGE_BYTES ((uint64_t)20000000)

// The sample grids of a run, in the order of their steps.
struct samples {
    char **names;    // of all images in samples/, the grids first
    uint32_t count, all;
    uint64_t *digits;    // that each takes in a page
};

// False with the reason; free in either case. A run without the folder has none.
bool samples_read(struct samples *s, const char *run, const char **reason);
void samples_free(struct samples *s);    // zeroed ones are fine

// Chooses every n-th from the last one on backwards, with the smallest n with which at
// most `most` of them take no more than `room` digits. 0: not even the last one fits.
uint32_t samples_thin(const uint64_t *digits, uint32_t count, uint32_t most,
                      uint64_t room);

// Writes an array of {"step","data"} of every n-th. False with the reason.
bool samples_write(FILE *f, const struct samples *s, const char *run, uint32_t every,
                   const char **reason);

// Base64 (RFC 4648) of what is left of a file. False if it cannot be read.
bool images_put_base64(FILE *to, FILE *from);

#endif
