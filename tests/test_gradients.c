// SPDX-License-Identifier: MIT
//
// The gradients of one step of whole runs against those of PyTorch in double precision
// (golden/gradients.py): stored runs of D, recipes, batches in parts, D alone,
// channels, sides that differ.

#define _XOPEN_SOURCE 700

#include <stdlib.h>

#include "support/check.h"
#include "support/golden.h"
#include "support/gpu.h"
#include "support/tree.h"

#define SCRATCH "test_gradients.scratch"

static void test_gradients(void **state)
{
    (void)state;
    test_gpu();
    golden_python("gradients.py", "\"" PIX2PIX_COMMAND "\" " SCRATCH,
                  "gradients are not PyTorch's");
}

static int close_group(void **state)
{
    test_remove_tree(SCRATCH);
    return test_gpu_close(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_gradients) };
    return cmocka_run_group_tests_name("gradients", tests, test_gpu_open, close_group);
}
