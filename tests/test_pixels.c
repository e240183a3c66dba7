// SPDX-License-Identifier: MIT
//
// Bytes to floats with crop and mirror, and back; odd sizes, so that samples start at
// every byte of a word.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "support/gpu.h"
#include "support/reference.h"

static void run_unpack(uint32_t n, struct pixels_attributes attr, uint32_t h,
                       uint32_t w)
{
    const uint32_t samples = attr.samples ? attr.samples : n;
    check_case("unpack %u of %u samples, picture %u of %u, %ux%u of %ux%u",
               (unsigned)samples, (unsigned)n, (unsigned)attr.first,
               (unsigned)attr.images, (unsigned)h, (unsigned)w, (unsigned)attr.side_h,
               (unsigned)attr.side_w);
    const struct shape staged = { n, attr.images * 3, attr.side_h, attr.side_w };
    const struct shape out = { samples, 3, h, w }, jitter_shape = { n, 1, 1, 4 };
    struct harness harness;
    harness_begin(&harness);
    struct random r;
    random_init(&r, 21, shape_count(staged));
    uint8_t *pixels = calloc(1, (size_t)shape_count(staged));
    uint32_t *jitter = calloc(n, 4 * sizeof(jitter[0]));
    assert_non_null(pixels);
    assert_non_null(jitter);
    for (size_t i = 0; i < shape_count(staged); i++)
        pixels[i] = (uint8_t)random_below(&r, 256);
    for (uint32_t i = 0; i < n; i++) {
        // The corners first, then anywhere.
        uint32_t most_x = attr.side_w - w, most_y = attr.side_h - h;
        jitter[i * 4] = i == 0 ? most_x : random_below(&r, most_x + 1);
        jitter[i * 4 + 1] = i == 0 ? most_y : random_below(&r, most_y + 1);
        jitter[i * 4 + 2] = i % 2;
    }
    float *y = check_floats(out), *jitter_floats = check_floats(jitter_shape);
    memcpy(jitter_floats, jitter, n * 4 * sizeof(jitter[0]));
    struct tensor *y_tensor = graph_pixels_unpack(
        harness.graph, harness_input_bytes(&harness, "pixels", staged, pixels),
        harness_input(&harness, "jitter", jitter_shape, jitter_floats), h, w, attr);
    harness_keep(&harness, y_tensor);
    harness_run(&harness);
    harness_read(&harness, y_tensor, y);
    harness_end(&harness);

    double *expected = check_doubles(out);
    reference_pixels_unpack(samples, attr, h, w, pixels, jitter, expected);
    const struct tolerance rounding = { "rounding", 0, 1e-6, 0 };
    check_array("y", y, expected, out, &rounding);
    free(pixels);
    free(jitter);
    free(jitter_floats);
    free(y);
    free(expected);
}

static void test_unpack(void **state)
{
    (void)state;
    run_unpack(1, (struct pixels_attributes){ .side_h = 1, .side_w = 1, .images = 1 },
               1, 1);
    for (uint32_t first = 0; first < 2; first++)
        run_unpack(3,
                   (struct pixels_attributes){
                       .side_h = 5, .side_w = 7, .first = first, .images = 2 },
                   3, 4);
    run_unpack(5,
               (struct pixels_attributes){
                   .side_h = 37, .side_w = 33, .first = 1, .images = 2 },
               32, 32);
    run_unpack(2, (struct pixels_attributes){ .side_h = 9, .side_w = 3, .images = 1 },
               9, 3);
    // Some of the staged samples.
    for (uint32_t i = 0; i < 3; i++)
        run_unpack(4,
                   (struct pixels_attributes){ .side_h = 5,
                                               .side_w = 7,
                                               .first = 1,
                                               .images = 2,
                                               .first_sample = i,
                                               .samples = 1 + i % 2 },
                   3, 5);
}

static void run_pack(struct shape s, const float *x)
{
    char text[SHAPE_TEXT_SIZE];
    check_case("pack %s", shape_text(s, text));
    size_t count = (size_t)shape_count(s);
    struct harness h;
    harness_begin(&h);
    uint8_t *bytes = calloc(1, count), *expected = calloc(1, count);
    assert_non_null(bytes);
    assert_non_null(expected);
    struct tensor *y = graph_pixels_pack(h.graph, harness_input(&h, "x", s, x));
    harness_keep(&h, y);
    harness_run(&h);
    harness_read_bytes(&h, y, bytes);
    harness_end(&h);
    reference_pixels_pack(s, x, expected);
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != expected[i])
            fail_msg("%s: byte %zu is %u instead of %u", check_case_name(), i,
                     (unsigned)bytes[i], (unsigned)expected[i]);
    free(bytes);
    free(expected);
}

static void test_pack(void **state)
{
    (void)state;
    const struct shape shapes[] = {
        { 1, 3, 1, 1 }, { 3, 3, 5, 7 }, { 2, 3, 1, 3 }, { 1, 3, 32, 32 }
    };
    struct random r;
    random_init(&r, 22, 0);
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        float *x = check_floats(shapes[i]);
        for (size_t k = 0; k < shape_count(shapes[i]); k++)
            x[k] = (float)(2 * random_uniform(&r) - 1);
        run_pack(shapes[i], x);
        free(x);
    }
    // The fraction is cut off: 0 is 127.5, one step below 1 is 254.
    const float special[12] = { -1.0f, 0.0f, 1.0f,     0.99999994f, -0.9999f, 1.5f,
                                -3.0f, NAN,  INFINITY, -INFINITY,   0.5f,     -0.0f };
    run_pack((struct shape){ 1, 3, 2, 2 }, special);
}

// Every byte survives the way to a float and back, but for the cut fraction: what the
// port's own way loses is one at most.
static void test_round_trip(void **state)
{
    (void)state;
    enum { SIDE = 16 };
    const struct shape s = { 1, 3, SIDE, SIDE }, jitter_shape = { 1, 1, 1, 4 };
    uint8_t in[3 * SIDE * SIDE], out[3 * SIDE * SIDE];
    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)i;
    struct harness h;
    harness_begin(&h);
    struct tensor *x = graph_pixels_unpack(
        h.graph, harness_input_bytes(&h, "pixels", s, in),
        harness_input(&h, "jitter", jitter_shape, NULL), SIDE, SIDE,
        (struct pixels_attributes){ .side_h = SIDE, .side_w = SIDE, .images = 1 });
    struct tensor *y = graph_pixels_pack(h.graph, x);
    harness_keep(&h, y);
    harness_run(&h);
    harness_read_bytes(&h, y, out);
    harness_end(&h);
    for (size_t i = 0; i < sizeof(in); i++)
        assert_true(out[i] == in[i] || out[i] + 1 == in[i]);
}

static void test_crop_outside(void **state)
{
    (void)state;
    struct harness h;
    harness_begin_without_device(&h);
    struct tensor *pixels =
        harness_input_bytes(&h, "pixels", (struct shape){ 1, 3, 8, 8 }, NULL);
    struct tensor *jitter =
        harness_input(&h, "jitter", (struct shape){ 1, 1, 1, 4 }, NULL);
    const struct log_sink *sink = log_use(NULL);
    graph_pixels_unpack(
        h.graph, pixels, jitter, 9, 8,
        (struct pixels_attributes){ .side_h = 8, .side_w = 8, .images = 1 });
    log_use(sink);
    assert_true(graph_failed(h.graph));
    assert_non_null(strstr(log_last_error(), "9x8"));
    harness_end(&h);
}

static void test_samples_outside(void **state)
{
    (void)state;
    static const uint32_t wrong[][2] = { { 2, 0 }, { 1, 2 }, { 0, 3 }, { 1, 0 } };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct harness h;
        harness_begin_without_device(&h);
        const struct log_sink *sink = log_use(NULL);
        graph_pixels_unpack(
            h.graph,
            harness_input_bytes(&h, "pixels", (struct shape){ 2, 3, 8, 8 }, NULL),
            harness_input(&h, "jitter", (struct shape){ 2, 1, 1, 4 }, NULL), 8, 8,
            (struct pixels_attributes){ .side_h = 8,
                                        .side_w = 8,
                                        .images = 1,
                                        .first_sample = wrong[i][0],
                                        .samples = wrong[i][1] });
        log_use(sink);
        assert_true(graph_failed(h.graph));
        assert_non_null(strstr(log_last_error(), "among the 2 staged ones"));
        harness_end(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unpack),          cmocka_unit_test(test_pack),
        cmocka_unit_test(test_round_trip),      cmocka_unit_test(test_crop_outside),
        cmocka_unit_test(test_samples_outside),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
