// SPDX-License-Identifier: MIT
//
// Variants of convolutions by name, shapes by name, the choice, and tables of both with
// their files. Needs no device.

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "ops/conv_choice.h"
#include "ops/tuning.h"
#include "support/gpu.h"
#include "support/tree.h"

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
        const bool has_tile = v->kind == CONV_SHARED || v->kind == CONV_MATRIX;
        if (has_tile)
            snprintf(name, sizeof(name), "%s-%ux%ux%u-%ux%u",
                     v->kind == CONV_MATRIX ? "matrix" : "shared", v->m, v->n, v->k,
                     v->reg_m, v->reg_n);
        if (has_tile && v->parts > 1)
            snprintf(name + strlen(name), sizeof(name) - strlen(name), "-%up",
                     v->parts);
        else if (v->kind == CONV_DIRECT)
            snprintf(name, sizeof(name), "direct-%ux%u-%ux%u", v->m, v->n, v->reg_m,
                     v->reg_n);
        else if (v->kind == CONV_FETCH)
            snprintf(name, sizeof(name), "fetch-%ux%u", v->reg_m, v->reg_n);
        else if (v->kind == CONV_SHARE)
            snprintf(name, sizeof(name), "share-%ux%u", v->reg_m, v->reg_n);
        else if (v->kind == CONV_VECTOR)
            snprintf(name, sizeof(name), "vector-%u-%u", v->n, v->reg_m);
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
    s.format = TENSOR_F16;
    assert_string_equal(conv_shape_text(&s, text),
                        "backward-weight 1x64x128x96 -> 128 k4 s2 p1 f16");
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
        const struct conv_product p = conv_shape_product(&s);
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
    const struct conv_variant *built_in = conv_choice_of(&limits, &shape);
    assert_ptr_equal(built_in, conv_choice_built_in(&limits, &shape));
    assert_int_equal(built_in->kind, CONV_SHARED);
    limits.is_cpu = true;
    assert_int_equal(conv_choice_of(&limits, &shape)->kind, CONV_DIRECT);
    limits.is_cpu = false;

    // What the table says, for this shape and no other.
    limits.tuning = &tuning;
    assert_ptr_equal(conv_choice_of(&limits, &shape), built_in);
    conv_shape_text(&shape, text);
    assert_true(tuning_set(&tuning, text, "direct-8x32-8x4", false));
    assert_string_equal(conv_choice_of(&limits, &shape)->name, "direct-8x32-8x4");
    struct conv_shape other = shape;
    other.c_out++;
    assert_ptr_equal(conv_choice_of(&limits, &other),
                     conv_choice_built_in(&limits, &other));
    // But not what the device cannot do, or nobody knows.
    assert_true(tuning_set(&tuning, text, "shared-128x128x8-8x8", false));
    assert_ptr_equal(conv_choice_of(&limits, &shape), built_in);
    assert_true(tuning_set(&tuning, text, "shared-of-the-future", false));
    assert_ptr_equal(conv_choice_of(&limits, &shape), built_in);
    assert_int_equal(tuning.count, 1);
    // A test's word goes before the table's, unless it is impossible.
    limits.force = conv_variant_find("simple");
    assert_ptr_equal(conv_choice_of(&limits, &shape), limits.force);
    limits.force = conv_variant_find("shared-128x128x8-8x8");
    assert_ptr_equal(conv_choice_of(&limits, &shape), built_in);
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
        assert_true(tuning_set(&t, text, "simple", false));
    }
    assert_true(tuning_set(&t, "17", "other", false));
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

// ---------------------------------------------------------------------------
// Files

#define PATH "test_tuning.scratch.json"

static void expect_refused(const void *bytes, size_t size, const char *why)
{
    struct tuning t = { 0 };
    char reason[256] = "";
    assert_true(file_write(PATH, bytes, size));
    if (tuning_read(PATH, &t, reason, sizeof(reason)))
        fail_msg("accepted, expected '%s'", why);
    if (!strstr(reason, why))
        fail_msg("'%s' does not say '%s'", reason, why);
    assert_int_equal(t.count, 0);
    assert_null(t.entries);
    assert_null(t.device);
    assert_string_equal(log_last_error(), "");
}

static void test_file(void **state)
{
    (void)state;
    struct tuning t = { 0 }, back = { 0 }, empty = { 0 };
    char reason[256], a[HASH_TEXT_SIZE], b[HASH_TEXT_SIZE];
    assert_true(tuning_set_origin(&t, "a \"device\"", "driver 1", "0123"));
    assert_true(tuning_set(&t, "forward 1x1x1x1 -> 1 k1 s1 p0", "simple", false));
    assert_true(tuning_set(&t, "backward of the future", "unheard-of", true));
    assert_true(tuning_write(PATH, &t));
    assert_true(tuning_read(PATH, &back, reason, sizeof(reason)));
    assert_true(tuning_same_origin(&t, &back));
    assert_false(tuning_same_origin(&t, &empty));
    assert_int_equal(back.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(back.entries[i].shape, t.entries[i].shape);
        assert_string_equal(back.entries[i].variant, t.entries[i].variant);
        assert_int_equal(back.entries[i].untimed, t.entries[i].untimed);
    }

    // The hash is that of the choice: of shapes and variants, not of where it was made.
    assert_string_equal(tuning_hash(&t, a), tuning_hash(&back, b));
    assert_true(tuning_set_origin(&back, "another", "driver 2", ""));
    assert_true(tuning_set(&back, "backward of the future", "unheard-of", false));
    assert_string_equal(a, tuning_hash(&back, b));
    assert_true(tuning_set(&back, "backward of the future", "heard-of", false));
    assert_string_not_equal(a, tuning_hash(&back, b));
    assert_string_not_equal(a, tuning_hash(&empty, b));

    // Whatever is cut off, the file is refused and nothing is left of it.
    void *data;
    size_t size;
    assert_true(file_read(PATH, &data, &size));
    for (size_t length = 0; length + 2 < size; length++)
        expect_refused(data, length, "");
    mem_free(data);
    tuning_finish(&back);

    // An empty table is one too.
    assert_true(tuning_write(PATH, &empty));
    assert_true(tuning_read(PATH, &back, reason, sizeof(reason)));
    assert_int_equal(back.count, 0);
    tuning_finish(&back);
    tuning_finish(&t);
    assert_true(test_remove_tree(PATH));
}

static void test_bad_files(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "\x7f"
          "ELF",
          "line 1" },
        { "[]", "format" },
        { "3", "format" },
        { "{}", "format" },
        { "{\"format\": 1}", "format" },
        { "{\"format\": \"pix2pix tuning 2\", \"kernels\": {}}", "format" },
        { "{\"format\": \"pix2pix tuning 1\"}", "kernels" },
        { "{\"format\": \"pix2pix tuning 1\", \"kernels\": []}", "kernels" },
        { "{\"format\": \"pix2pix tuning 1\", \"kernels\": {\"a\": \"b\", \"c\": 3}}",
          "not a string" },
        { "{\"format\": \"pix2pix tuning 1\", \"kernels\": {\"a\": \"b\", \"a\": "
          "\"c\"}}",
          "line 1" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect_refused(cases[i][0], strlen(cases[i][0]), cases[i][1]);
    struct tuning t = { 0 };
    char reason[256] = "";
    // What is strange but harmless is left out.
    static const char strange[] =
        "{\"format\": \"pix2pix tuning 1\", \"device\": 7, "
        "\"kernels\": {\"a\": \"b\"}, \"untimed\": [1, \"c\"], "
        "\"more\": null}";
    assert_true(file_write(PATH, strange, strlen(strange)));
    assert_true(tuning_read(PATH, &t, reason, sizeof(reason)));
    assert_int_equal(t.count, 1);
    assert_false(t.entries[0].untimed);
    assert_string_equal(t.device, "");
    tuning_finish(&t);
    assert_true(test_remove_tree(PATH));
    assert_false(tuning_read(PATH, &t, reason, sizeof(reason)));
    assert_true(reason[0]);
    assert_false(tuning_read(".", &t, reason, sizeof(reason)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),     cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_products),  cmocka_unit_test(test_choice),
        cmocka_unit_test(test_table),     cmocka_unit_test(test_file),
        cmocka_unit_test(test_bad_files),
    };
    return cmocka_run_group_tests(tests, test_log_setup, NULL);
}
