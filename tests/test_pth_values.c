// SPDX-License-Identifier: MIT
//
// Every kind of number becomes a float, and every order of values is followed.

#include "formats/pth.h"

#include <math.h>

#include "support/pth_files.h"

static void test_reads_kinds(void **state)
{
    static const char *const paths[] = { PTH_FIXTURE("kinds.pth"),
                                         PTH_FIXTURE("kinds_legacy.pth") };
    static const float bytes[] = { 0, 1, 2, 3, 4, 5 }, truths[] = { 1, 0, 1 };
    static const float halves[] = {
        0.0f,     -0.0f,     5.9604644775390625e-8f, 65504.0f,
        INFINITY, -INFINITY, 6.198883056640625e-5f,  0.333251953125f,
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct pth *p = pth_open_good(paths[i]);
        assert_int_equal(pth_count(p), 11);
        pth_check_entry(p, "float32", "F32", "2x3", 2.5f);
        pth_check_entry(p, "float64", "F64", "2x3", 2.5f);
        pth_check_entry(p, "float16", "F16", "2x3", 2.5f);
        pth_check_entry(p, "bfloat16", "BF16", "2x3", 2.5f);
        pth_check_entry(p, "int64", "I64", "2x3", 2);
        pth_check_entry(p, "int32", "I32", "2x3", 2);
        pth_check_entry(p, "int16", "I16", "2x3", 2);
        pth_check_entry(p, "int8", "I8", "2x3", 2);
        pth_check_values(p, "uint8", bytes, 6);
        pth_check_values(p, "bool", truths, 3);
        pth_check_values(p, "half_edges", halves, ARRAY_LEN(halves));
        pth_close(p);
    }
}

static void test_reads_views(void **state)
{
    static const char *const paths[] = { PTH_FIXTURE("views.pth"),
                                         PTH_FIXTURE("views_legacy.pth") };
    static const float column[] = { -0.5f, 5.5f, 11.5f, 17.5f };
    static const float repeated[] = { -2.5f, -2.5f, -2.5f, -2.5f, -2.5f };
    static const float every_other[] = { -1.5f, 0.5f, 2.5f, 10.5f, 12.5f, 14.5f };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct pth *p = pth_open_good(paths[i]);
        float transposed[24], rows[12];
        for (int k = 0; k < 24; k++)
            transposed[k] = (float)(k % 4 * 6 + k / 4) - 2.5f;
        for (int k = 0; k < 12; k++)
            rows[k] = (float)k + 3.5f;
        pth_check_entry(p, "whole", "F32", "4x6", 2.5f);
        pth_check_values(p, "transposed", transposed, 24);
        pth_check_values(p, "column", column, 4);
        pth_check_values(p, "rows", rows, 12);
        pth_check_values(p, "every_other", every_other, 6);
        pth_check_values(p, "repeated", repeated, 5);
        pth_check_entry(p, "channels_last", "F32", "2x3x2x2", 2.5f);
        pth_check_entry(p, "scalar", "F32", "", 2.5f);
        pth_check_entry(p, "empty", "F32", "0x3", 0);
        pth_check_entry(p, "parameter", "F32", "2x2", 2.5f);
        pth_close(p);
    }
}

int main(void)
{
    pth_use_folder("test_pth_values.scratch");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads_kinds, pth_setup, pth_teardown),
        cmocka_unit_test_setup_teardown(test_reads_views, pth_setup, pth_teardown),
    };
    return cmocka_run_group_tests_name("pth_values", tests, NULL, NULL);
}
