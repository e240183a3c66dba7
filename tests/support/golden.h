// SPDX-License-Identifier: MIT
//
// The fixtures that PyTorch made; tests/golden/make.py tells what the files hold. The
// formulas that give images and first weights to both sides are in selftest/golden.h.

#ifndef SUPPORT_GOLDEN_H
#define SUPPORT_GOLDEN_H

#include "base/json.h"
#include "formats/safetensors.h"
#include "selftest/golden.h"
#include "support/check.h"

// At most 64 numbers that stand for a tensor: itself if it is no larger, else 64 sums
// of all values with signs. The distance of two tensors of `count` elements is exact
// for small ones, else estimated (about 9 % standard deviation).
#define GOLDEN_SKETCH 64u
uint32_t golden_sketch(const float *values, uint64_t count,
                       double sketch[GOLDEN_SKETCH]);
double golden_distance(uint64_t count, const double *a, const double *b);

// Reading fixtures: a file of the folder "golden", parsed. Every function fails the
// test when it fails.
json_t *golden_read(const char *name);    // json_decref
const char *golden_text(const json_t *object, const char *key);
double golden_number(const json_t *object, const char *key);
uint32_t golden_count(const json_t *object, const char *key);
bool golden_bool(const json_t *object, const char *key);    // absent is false
double golden_element(const json_t *object, const char *key, size_t i);
struct shape golden_shape(const json_t *object, const char *key);

// F32 numbers of a safetensors file by name, and their count. They live until the end
// of the test, see check_memory.
float *golden_floats(struct safetensors *file, const char *name, uint64_t *count);

// Fails the test unless an output is PyTorch's: within `relative` of the case's largest
// magnitude at every stored element, and its means.
void golden_check_output(const json_t *c, struct safetensors *outputs, const float *y,
                         struct shape shape, double relative);

// Runs a script of tests/golden, "gradients.py", with the first python3 that has the
// packages it needs and with the arguments as a shell reads them. Fails the test with
// `failure` if the script ends with anything but 0; skips it, with a word, where there
// is no such python3.
void golden_python(const char *script, const char *arguments, const char *failure);

#endif
