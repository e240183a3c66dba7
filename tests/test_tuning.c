// SPDX-License-Identifier: MIT
//
// Variants of convolutions by name, shapes by name, the choice, and tables of both.
// Needs no device.

#include <stdio.h>
#include <string.h>

#include "ops/tuning.h"
#include "support/gpu.h"

static const struct conv_shape shape = {
    .direction = CONV_FORWARD,
    .x = { 1, 64, 128, 96 },
    .c_out = 128,
    .kernel = 4,
    .stride = 2,
    .pad = 1,
};

// A name stands in files for years: it says what the variant is, and only once.
static void test_names(void **state)
{
    (void)state;
    size_t count;
    const struct conv_variant *table = conv_variant_table(&count);
    for (size_t i = 0; i < count; i++) {
        const struct conv_variant *v = &table[i];
        char name[96] = "simple";
        assert_ptr_equal(conv_variant_find(v->name), v);
        if (v->kind == CONV_SHARED)
            snprintf(name, sizeof(name), "shared-%ux%ux%u-%ux%u", v->m, v->n, v->k,
                     v->reg_m, v->reg_n);
        else if (v->kind == CONV_DIRECT)
            snprintf(name, sizeof(name), "direct-%ux%u-%ux%u", v->m, v->n, v->reg_m,
                     v->reg_n);
        assert_string_equal(v->name, name);
    }
    assert_null(conv_variant_find(""));
    assert_null(conv_variant_find("simpler"));
}

static void test_shapes(void **state)
{
    (void)state;
    char text[CONV_SHAPE_TEXT_SIZE];
    struct conv_shape s = shape;
    assert_string_equal(conv_shape_text(&s, text),
                        "forward 1x64x128x96 -> 128 k4 s2 p1");
    assert_true(shape_equal(conv_shape_y(&s), (struct shape){ 1, 128, 64, 48 }));
    s.direction = CONV_BACKWARD_WEIGHT;
    assert_false(conv_shape_equal(&s, &shape));
    assert_string_equal(conv_shape_text(&s, text),
                        "backward-weight 1x64x128x96 -> 128 k4 s2 p1");
    // The longest that can be.
    s = (struct conv_shape){
        CONV_BACKWARD_WEIGHT, { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX },
        UINT32_MAX,           UINT32_MAX,
        UINT32_MAX,           UINT32_MAX
    };
    assert_non_null(strstr(conv_shape_text(&s, text), "p4294967295"));
}

// A product is as large as its convolution, whichever direction.
static void test_products(void **state)
{
    (void)state;
    for (int d = CONV_FORWARD; d <= CONV_BACKWARD_WEIGHT; d++) {
        struct conv_shape s = shape;
        s.direction = (enum conv_direction)d;
        const struct conv_product p = conv_product_of(&s);
        assert_int_equal(p.m * p.n * p.inner * p.terms * p.phases,
                         (uint64_t)128 * 64 * 48 * 64 * 16);
    }
}

static void test_choice(void **state)
{
    (void)state;
    struct op_limits limits = test_guaranteed_limits();
    struct tuning tuning = { 0 };
    char text[CONV_SHAPE_TEXT_SIZE];
    const struct conv_variant *built_in = conv_variant_choose(&limits, &shape);
    assert_ptr_equal(built_in, conv_variant_built_in(&limits, &shape));
    assert_int_equal(built_in->kind, CONV_SHARED);
    limits.is_cpu = true;
    assert_int_equal(conv_variant_choose(&limits, &shape)->kind, CONV_DIRECT);
    limits.is_cpu = false;

    // What the table says, for this shape and no other.
    limits.tuning = &tuning;
    assert_ptr_equal(conv_variant_choose(&limits, &shape), built_in);
    conv_shape_text(&shape, text);
    assert_true(tuning_set(&tuning, text, "direct-8x32-8x4"));
    assert_string_equal(conv_variant_choose(&limits, &shape)->name, "direct-8x32-8x4");
    struct conv_shape other = shape;
    other.c_out++;
    assert_ptr_equal(conv_variant_choose(&limits, &other),
                     conv_variant_built_in(&limits, &other));
    // But not what the device can not do, or nobody knows.
    assert_true(tuning_set(&tuning, text, "shared-128x128x8-8x8"));
    assert_ptr_equal(conv_variant_choose(&limits, &shape), built_in);
    assert_true(tuning_set(&tuning, text, "shared-of-the-future"));
    assert_ptr_equal(conv_variant_choose(&limits, &shape), built_in);
    assert_int_equal(tuning.count, 1);
    // A test's word goes before the table's, unless it is impossible.
    limits.force = conv_variant_find("simple");
    assert_ptr_equal(conv_variant_choose(&limits, &shape), limits.force);
    limits.force = conv_variant_find("shared-128x128x8-8x8");
    assert_ptr_equal(conv_variant_choose(&limits, &shape), built_in);
    tuning_finish(&tuning);
}

static void test_table(void **state)
{
    (void)state;
    struct tuning t = { 0 };
    char text[16];
    assert_null(tuning_entry(&t, "a"));
    for (unsigned i = 0; i < 50; i++) {
        snprintf(text, sizeof(text), "%02u", i * 37 % 50);
        assert_true(tuning_set(&t, text, "simple"));
    }
    assert_true(tuning_set(&t, "17", "other"));
    assert_int_equal(t.count, 50);
    for (unsigned i = 0; i < 50; i++) {
        snprintf(text, sizeof(text), "%02u", i);
        assert_string_equal(t.entries[i].shape, text);
        assert_ptr_equal(tuning_entry(&t, text), &t.entries[i]);
    }
    assert_string_equal(tuning_entry(&t, "17")->variant, "other");
    assert_null(tuning_entry(&t, "50"));
    assert_null(tuning_entry(&t, ""));
    tuning_finish(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),    cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_products), cmocka_unit_test(test_choice),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, test_log_setup, NULL);
}
