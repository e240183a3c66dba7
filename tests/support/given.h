// SPDX-License-Identifier: MIT
//
// Training options that a test is given, and what the engine says of them.

#ifndef SUPPORT_GIVEN_H
#define SUPPORT_GIVEN_H

#include "pix2pix.h"
#include "support/check.h"

// Warnings since the setup, one a line.
extern char given_warnings[1024];

// Setup of the group and of each test.
int given_open(void **state);
int given_setup(void **state);

// That the last error has this part.
void given_check_says(const char *part);

// Options that differ from their defaults, nearly all. They point to `data`.
void given_fill(struct pix_train_options *o, char *data);

// That two have the same values; the state of a run only on demand.
void given_check_same(const struct pix_train_options *a,
                      const struct pix_train_options *b, bool run_state);

#endif
