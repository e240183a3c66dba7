// SPDX-License-Identifier: MIT
//
// A case (product_case.h) on the device: one direction of it, by one kernel.

#ifndef SELFTEST_PRODUCT_RUN_H
#define SELFTEST_PRODUCT_RUN_H

#include "selftest/inside.h"
#include "selftest/product_case.h"

struct conv_variant;

struct product_run {
    const struct product_case *of;
    struct product_roles roles;
    struct program *program;
    struct tensor *a, *b, *out;
    uint64_t count, bytes;    // of the result
};

// `seconds`: the length of submissions. *offered: the kernel computes such a product;
// nothing can be run where it does not. False after an error. Either way
// product_run_finish frees it; the case must outlive it.
bool product_run_init(struct product_run *r, const struct selftest *t, double seconds,
                      const struct conv_variant *v, const struct product_case *c,
                      enum conv_direction direction, bool *offered);

// The same without memory and kernels, which program_compile then creates; it cannot be
// run.
bool product_run_plan(struct product_run *r, const struct selftest *t, double seconds,
                      const struct conv_variant *v, const struct product_case *c,
                      enum conv_direction direction, bool *offered);
void product_run_finish(struct product_run *r);

// Computes the product of a set of operands and returns the result, which stays until
// the next run; NULL after an error.
const void *product_run_once(const struct product_run *r, enum product_data data);

#endif
