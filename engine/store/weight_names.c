// SPDX-License-Identifier: MIT
//
// The engine keeps vectors as [1, c, 1, 1] and kernels as [n, c, h, w], which is
// PyTorch's order of a kernel already. See weight_names.h.

#include "store/weight_names.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

#define MEAN "running_mean"

bool weight_names_is_vector(const struct weight *w)
{
    return w->kind != WEIGHT_CONV && w->kind != WEIGHT_CONV_TRANSPOSE;
}

uint32_t weight_names_sides(const struct weight *w, uint64_t *sides)
{
    struct shape s = w->value.shape;
    if (weight_names_is_vector(w)) {
        assert(s.n == 1 && s.h == 1 && s.w == 1);
        sides[0] = s.c;
        return 1;
    }
    sides[0] = s.n;
    sides[1] = s.c;
    sides[2] = s.h;
    sides[3] = s.w;
    return WEIGHT_NAMES_RANK;
}

char *weight_names_counter(const struct weight *w)
{
    if (w->kind != WEIGHT_RUNNING_MEAN)
        return NULL;
    assert(weight_names_end_with(w->name, MEAN));
    return mem_printf("%.*snum_batches_tracked", (int)(strlen(w->name) - strlen(MEAN)),
                      w->name);
}

bool weight_names_end_with(const char *name, const char *end)
{
    const size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}
