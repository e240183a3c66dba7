// SPDX-License-Identifier: MIT
//
// Which pairs of an evaluation are kept to be looked at, and what they take.

#include "evaluate/gallery.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "support/check.h"
#include "support/report_run.h"

static json_t *read(uint32_t pairs, uint32_t side, int is_noise, size_t *size)
{
    char *text = report_run_gallery(pairs, side, is_noise);
    *size = strlen(text);
    json_t *document = json_parse(text, *size, "gallery");
    assert_non_null(document);
    assert_int_equal(json_integer_value(json_object_get(document, "pairs")), pairs);
    mem_free(text);
    return document;
}

static const json_t *shown(const json_t *document, size_t i)
{
    return json_array_get(json_object_get(document, "shown"), i);
}

static size_t count_shown(const json_t *document)
{
    return json_array_size(json_object_get(document, "shown"));
}

static double l1_of(const json_t *pair)
{
    return json_number_value(json_array_get(json_object_get(pair, "scores"), 0));
}

static bool is_worst(const json_t *pair)
{
    return json_is_true(json_object_get(pair, "worst"));
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

// All of a few pairs, the worst first, what has no score last; none is marked.
static void test_few(void **state)
{
    size_t size;
    json_t *document = read(12, 16, 0, &size);
    (void)state;
    assert_int_equal(count_shown(document), 12);
    for (size_t i = 0; i < 12; i++)
        assert_false(is_worst(shown(document, i)));
    for (size_t i = 1; i < 11; i++)
        assert_true(l1_of(shown(document, i)) <= l1_of(shown(document, i - 1)));
    assert_string_equal(json_string_value(json_object_get(shown(document, 11), "name")),
                        "pair-003.png");
    assert_true(json_is_null(
        json_array_get(json_object_get(shown(document, 11), "scores"), 0)));
    const char *image = json_string_value(json_object_get(shown(document, 0), "input"));
    assert_memory_equal(image, "data:image/png;base64,iVBORw0KGgo", 33);
    json_decref(document);
}

// Of many the 50 worst of all, and 50 others that are spread over them.
static void test_many(void **state)
{
    enum { PAIRS = 1000 };
    static double all[PAIRS];
    size_t size, worst = 0;
    uint64_t last = 0;
    double mildest = 1;
    bool seen[PAIRS] = { false };
    json_t *document = read(PAIRS, 8, 0, &size);
    (void)state;
    for (uint32_t i = 0; i < PAIRS; i++)
        all[i] = i == 3 ? 0 : 0.01 + i * 37 % 101 / 200.0;
    qsort(all, PAIRS, sizeof(all[0]), by_value);
    assert_int_equal(count_shown(document), 100);
    for (size_t i = 0; i < 100; i++) {
        const json_t *pair = shown(document, i);
        const uint64_t index =
            (uint64_t)json_integer_value(json_object_get(pair, "index"));
        assert_true(index < PAIRS && !seen[index]);
        seen[index] = true;
        if (!is_worst(pair))
            continue;
        worst++;
        mildest = l1_of(pair);
    }
    assert_int_equal(worst, 50);
    assert_true(fabs(mildest - all[49]) < 1e-12);
    // Nowhere is a long part without a pair.
    for (uint64_t i = 0; i < PAIRS; i++) {
        assert_true(i - last <= 45);
        last = seen[i] ? i : last;
    }
    json_decref(document);
}

// Large images leave room for fewer pairs: half of them are the worst.
static void test_room(void **state)
{
    size_t size, worst = 0;
    json_t *document = read(60, 320, 1, &size);
    const size_t count = count_shown(document);
    (void)state;
    assert_true(size <= GALLERY_BYTES + 10000);
    assert_in_range(count, 10, 59);
    for (size_t i = 0; i < count; i++)
        worst += is_worst(shown(document, i));
    assert_int_equal(worst, (count + 1) / 2);
    const char *image =
        json_string_value(json_object_get(shown(document, 0), "output"));
    assert_memory_equal(image, "data:image/jpeg;base64,/9j/", 27);
    json_decref(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
