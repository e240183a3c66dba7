// SPDX-License-Identifier: MIT
//
// The networks that PyTorch's fixtures describe (support/golden.h), as the engine
// builds them, and their numbers.

#ifndef SUPPORT_PARITY_H
#define SUPPORT_PARITY_H

#include "models/model.h"
#include "support/golden.h"

// What an object of the fixtures says of a generator, of a discriminator; the norm is
// that of a key.
struct generator_options parity_generator(const json_t *o);
struct discriminator_options parity_discriminator(const json_t *o, const char *norm);

// Uploads the weights that both sides of a training case start from. `letter`: "G".
void parity_start(struct weights *weights, const char *letter, double conv_scale);

#endif
