// SPDX-License-Identifier: MIT
//
// Planes of bytes, 16-bit numbers and floats to floats with crop and mirror, and back;
// odd sizes, so that rows and planes start at every place in a word.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "support/gpu.h"
#include "support/reference.h"

static const struct pixel_range none = { 0, 0 };

// Within what fill makes, so that samples lie on both sides of them.
static const struct pixel_range inner[PIXEL_KINDS] = { { 30, 200 },
                                                       { 10007, 50001 },
                                                       { -0.25f, 0.7f } };

// Anything, but floats are numbers.
static void fill(struct random *r, enum pixel_kind kind, uint8_t *to, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 4) {
        uint32_t word = random_u32(r);
        float number = (float)(2 * random_uniform(r) - 1);
        memcpy(to + i, kind == PIXEL_F32 ? (void *)&number : (void *)&word, 4);
    }
}

// Samples of two pictures, each of a kind and of channels of its own. Unpacks one.
static void run_unpack_some(uint32_t n, uint32_t first_sample, uint32_t samples,
                            const enum pixel_kind kinds[2], const uint32_t channels[2],
                            int which, uint32_t side_h, uint32_t side_w, uint32_t h,
                            uint32_t w, struct pixel_range range)
{
    check_case("unpack %u of %u samples, picture %d, %u channels of %s from %g to %g, "
               "%ux%u of %ux%u",
               (unsigned)samples, (unsigned)n, which, (unsigned)channels[which],
               pixel_kind_name(kinds[which]), (double)range.low, (double)range.high,
               (unsigned)h, (unsigned)w, (unsigned)side_h, (unsigned)side_w);
    const uint32_t first =
        (uint32_t)pixel_staged_bytes(kinds[0], channels[0], side_w, side_h);
    const uint32_t second =
        (uint32_t)pixel_staged_bytes(kinds[1], channels[1], side_w, side_h);
    const struct pixels_attributes attr = {
        .kind = kinds[which],
        .range = range,
        .channels = channels[which],
        .side_h = side_h,
        .side_w = side_w,
        .offset_bytes = which ? first : 0,
        .sample_bytes = first + second,
        .first_sample = first_sample,
        .samples = samples == n ? 0 : samples,
    };
    const struct shape staged = { n, attr.sample_bytes, 1, 1 };
    const struct shape out = { samples, attr.channels, h, w },
                       jitter_shape = { n, 1, 1, 4 };
    struct harness harness;
    harness_begin(&harness);
    struct random r;
    random_init(&r, 21, shape_count(staged));
    uint8_t *pixels = check_memory((size_t)shape_count(staged));
    uint32_t *jitter = check_memory(n * 4 * sizeof(jitter[0]));
    for (uint32_t i = 0; i < n; i++) {
        fill(&r, kinds[0], pixels + (size_t)i * attr.sample_bytes, first);
        fill(&r, kinds[1], pixels + (size_t)i * attr.sample_bytes + first, second);
        // The corners first, then anywhere.
        uint32_t most_x = side_w - w, most_y = side_h - h;
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
}

static void run_unpack(uint32_t n, const enum pixel_kind kinds[2],
                       const uint32_t channels[2], int which, uint32_t side_h,
                       uint32_t side_w, uint32_t h, uint32_t w)
{
    run_unpack_some(n, 0, n, kinds, channels, which, side_h, side_w, h, w, none);
}

static void test_unpack(void **state)
{
    (void)state;
    const uint32_t rgb[2] = { 3, 3 }, other[2] = { 1, 4 }, many[2] = { 16, 2 };
    for (int kind = 0; kind < PIXEL_KINDS; kind++) {
        const enum pixel_kind same[2] = { kind, kind };
        const enum pixel_kind mixed[2] = { kind, (kind + 1) % PIXEL_KINDS };
        for (int which = 0; which < 2; which++) {
            run_unpack(1, same, rgb, which, 1, 1, 1, 1);
            run_unpack(3, same, rgb, which, 5, 7, 3, 4);
            run_unpack(2, mixed, other, which, 9, 3, 9, 3);
            run_unpack(2, mixed, many, which, 7, 7, 6, 5);
        }
        run_unpack(5, same, rgb, 1, 37, 33, 32, 32);
        // Some of the staged samples.
        for (uint32_t i = 0; i < 3; i++)
            run_unpack_some(4, i, 1 + i % 2, mixed, other, 1, 5, 7, 3, 5,
                            i == 1 ? inner[mixed[1]] : none);
        run_unpack_some(2, 0, 2, same, rgb, 0, 7, 5, 6, 5, inner[kind]);
    }
}

// 16-bit numbers may differ in the last place: the reference divides. Floats of a range
// are computed, and a device may round them otherwise.
static bool is_near(const uint8_t *a, const uint8_t *b, enum pixel_kind kind,
                    bool ranged)
{
    float x, y;
    if (kind == PIXEL_U16)
        return abs((a[0] | a[1] << 8) - (b[0] | b[1] << 8)) <= 1;
    if (kind == PIXEL_U8 || !ranged)
        return memcmp(a, b, pixel_bytes(kind)) == 0;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return fabsf(x - y) <= 1e-6f;
}

static void run_pack(struct shape s, enum pixel_kind kind, struct pixel_range range,
                     const float *x)
{
    char text[SHAPE_TEXT_SIZE];
    check_case("pack %s to %s from %g to %g", shape_text(s, text),
               pixel_kind_name(kind), (double)range.low, (double)range.high);
    size_t count = s.n * (size_t)pixel_staged_bytes(kind, s.c, s.w, s.h);
    struct harness h;
    harness_begin(&h);
    uint8_t *bytes = check_memory(count), *expected = check_memory(count);
    struct tensor *y =
        graph_pixels_pack(h.graph, harness_input(&h, "x", s, x), kind, range);
    assert_int_equal(tensor_bytes(y), count);
    harness_keep(&h, y);
    harness_run(&h);
    harness_read_bytes(&h, y, bytes);
    harness_end(&h);
    reference_pixels_pack(s, kind, range, x, expected);
    for (size_t i = 0; i < count; i += pixel_bytes(kind))
        if (!is_near(bytes + i, expected + i, kind, pixel_range_is_set(range)))
            fail_msg("%s: the sample at byte %zu differs, %u instead of %u",
                     check_case_name(), i, (unsigned)bytes[i], (unsigned)expected[i]);
}

static void test_pack(void **state)
{
    (void)state;
    const struct shape shapes[] = { { 1, 3, 1, 1 },  { 3, 3, 5, 7 },   { 2, 3, 1, 3 },
                                    { 3, 1, 5, 1 },  { 1, 3, 32, 32 }, { 2, 4, 3, 3 },
                                    { 2, 16, 3, 5 }, { 3, 2, 3, 1 } };
    struct random r;
    random_init(&r, 22, 0);
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        for (int kind = 0; kind < PIXEL_KINDS; kind++) {
            float *x = check_floats(shapes[i]);
            for (size_t k = 0; k < shape_count(shapes[i]); k++)
                x[k] = (float)(2 * random_uniform(&r) - 1);
            run_pack(shapes[i], kind, i % 2 ? inner[kind] : none, x);
        }
    // The fraction is cut off: 0 is 127.5, one step below 1 is 254.
    const float special[12] = { -1.0f, 0.0f, 1.0f,     0.99999994f, -0.9999f, 1.5f,
                                -3.0f, NAN,  INFINITY, -INFINITY,   0.5f,     -0.0f };
    for (int kind = 0; kind < PIXEL_F32; kind++)
        for (int ranged = 0; ranged < 2; ranged++)
            run_pack((struct shape){ 1, 3, 2, 2 }, kind, ranged ? inner[kind] : none,
                     special);
}

// A slice of another tensor's channels.
static void test_pack_slice(void **state)
{
    (void)state;
    const struct shape a_shape = { 2, 1, 3, 3 }, b_shape = { 2, 3, 3, 3 };
    float *a = check_floats(a_shape), *b = check_floats(b_shape);
    for (size_t i = 0; i < shape_count(b_shape); i++)
        b[i] = (float)i / 27 - 1;
    for (int kind = 0; kind < PIXEL_KINDS; kind++) {
        uint8_t bytes[2 * 27 * 4 + 8], expected[2 * 27 * 4 + 8];
        struct harness h;
        harness_begin(&h);
        struct tensor *x = graph_tanh(h.graph, harness_input(&h, "b", b_shape, b));
        struct tensor *joined = graph_concat(
            h.graph, graph_tanh(h.graph, harness_input(&h, "a", a_shape, a)), x);
        struct tensor *y = graph_pixels_pack(h.graph, x, kind, none);
        assert_non_null(x->parent);
        harness_keep(&h, joined);
        harness_keep(&h, y);
        harness_run(&h);
        harness_read_bytes(&h, y, bytes);
        float *whole = check_floats((struct shape){ 2, 4, 3, 3 });
        harness_read(&h, joined, whole);
        harness_end(&h);
        float part[2 * 27];
        for (size_t n = 0; n < 2; n++)
            memcpy(part + n * 27, whole + n * 36 + 9, 27 * sizeof(float));
        reference_pixels_pack(b_shape, kind, none, part, expected);
        size_t count = 2 * (size_t)pixel_staged_bytes(kind, 3, 3, 3);
        for (size_t i = 0; i < count; i += pixel_bytes(kind)) {
            if (kind == PIXEL_U16)
                assert_true(abs((bytes[i] | bytes[i + 1] << 8) -
                                (expected[i] | expected[i + 1] << 8)) <= 1);
            else
                assert_memory_equal(bytes + i, expected + i, pixel_bytes(kind));
        }
    }
}

// Every byte survives the way to a float and back, but for the cut fraction: what the
// port's own way loses is one at most. So does every 16-bit number, and a float is the
// same.
static void test_round_trip(void **state)
{
    (void)state;
    enum { SIDE = 16, BYTES = 3 * SIDE * SIDE * 4 };
    const struct shape jitter_shape = { 1, 1, 1, 4 };
    uint8_t in[BYTES], out[BYTES];
    struct random r;
    random_init(&r, 5, 5);
    for (int kind = 0; kind < PIXEL_KINDS; kind++) {
        const uint32_t bytes =
            (uint32_t)pixel_staged_bytes((enum pixel_kind)kind, 3, SIDE, SIDE);
        const struct pixels_attributes attr = { .kind = (enum pixel_kind)kind,
                                                .channels = 3,
                                                .side_h = SIDE,
                                                .side_w = SIDE,
                                                .sample_bytes = bytes };
        fill(&r, attr.kind, in, bytes);
        struct harness h;
        harness_begin(&h);
        struct tensor *x = graph_pixels_unpack(
            h.graph,
            harness_input_bytes(&h, "pixels", (struct shape){ 1, bytes, 1, 1 }, in),
            harness_input(&h, "jitter", jitter_shape, NULL), SIDE, SIDE, attr);
        struct tensor *y = graph_pixels_pack(h.graph, x, attr.kind, attr.range);
        harness_keep(&h, y);
        harness_run(&h);
        harness_read_bytes(&h, y, out);
        harness_end(&h);
        for (size_t i = 0; i < bytes; i += pixel_bytes(attr.kind)) {
            if (kind == PIXEL_U8)
                assert_true(out[i] == in[i] || out[i] + 1 == in[i]);
            else if (kind == PIXEL_U16)
                assert_in_range((in[i] | in[i + 1] << 8) - (out[i] | out[i + 1] << 8),
                                0, 1);
            else
                assert_memory_equal(in + i, out + i, 4);
        }
    }
}

// 12 bits in 16, and 14: what lies in the range comes back as it was, what lies outside
// becomes its end.
static void test_round_trip_of_range(void **state)
{
    (void)state;
    enum { SIDE = 64, COUNT = SIDE * SIDE };
    static const struct pixel_range ranges[] = { { 0, 4095 }, { 143, 16383 } };
    static uint16_t in[COUNT], out[COUNT];
    for (size_t k = 0; k < ARRAY_LEN(ranges); k++) {
        const struct pixel_range range = ranges[k];
        const struct pixels_attributes attr = { .kind = PIXEL_U16,
                                                .range = range,
                                                .channels = 1,
                                                .side_h = SIDE,
                                                .side_w = SIDE,
                                                .sample_bytes = sizeof(in) };
        for (size_t i = 0; i < COUNT; i++)
            in[i] = (uint16_t)(k == 0 ? i : 13 * i);
        struct harness h;
        harness_begin(&h);
        struct tensor *x = graph_pixels_unpack(
            h.graph,
            harness_input_bytes(&h, "pixels", (struct shape){ 1, sizeof(in), 1, 1 },
                                (const uint8_t *)in),
            harness_input(&h, "jitter", (struct shape){ 1, 1, 1, 4 }, NULL), SIDE, SIDE,
            attr);
        struct tensor *y = graph_pixels_pack(h.graph, x, attr.kind, range);
        harness_keep(&h, y);
        harness_run(&h);
        harness_read_bytes(&h, y, (uint8_t *)out);
        harness_end(&h);
        for (size_t i = 0; i < COUNT; i++)
            assert_int_equal(out[i], MIN(MAX(in[i], (int)range.low), (int)range.high));
    }
}

static void test_misfits(void **state)
{
    (void)state;
    const struct pixels_attributes good = {
        .channels = 3, .side_h = 8, .side_w = 8, .sample_bytes = 192
    };
    struct pixels_attributes wide = good, late = good, empty = good, other = good;
    wide.kind = PIXEL_U16;
    late.offset_bytes = 4;
    empty.channels = 0;
    other.sample_bytes = 196;
    struct pixels_attributes outside[] = { good, good, good, good };
    for (uint32_t i = 0; i < 4; i++) {
        static const uint32_t wrong[][2] = { { 2, 0 }, { 1, 2 }, { 0, 3 }, { 1, 0 } };
        outside[i].first_sample = wrong[i][0];
        outside[i].samples = wrong[i][1];
    }
    const struct {
        struct pixels_attributes attr;
        uint32_t h;
        const char *named;
    } cases[] = {
        { good, 9, "9x8" },
        { good, 0, "0x8" },
        { wide, 8, "3x8x8 image of u16, 0 bytes into samples of 192" },
        { late, 8, "4 bytes into samples of 192" },
        { empty, 8, "0x8x8 image" },
        { other, 8, "pixels of shape 1x192x1x1" },
        { outside[0], 8, "the 1 samples from 2 on are not among the 1 staged ones" },
        { outside[1], 8, "the 2 samples from 1 on" },
        { outside[2], 8, "the 3 samples from 0 on" },
        { outside[3], 8, "the 1 samples from 1 on" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct harness h;
        harness_begin_without_device(&h);
        struct tensor *pixels =
            harness_input_bytes(&h, "pixels", (struct shape){ 1, 192, 1, 1 }, NULL);
        struct tensor *jitter =
            harness_input(&h, "jitter", (struct shape){ 1, 1, 1, 4 }, NULL);
        const struct log_sink *sink = log_use(NULL);
        graph_pixels_unpack(h.graph, pixels, jitter, cases[i].h, 8, cases[i].attr);
        log_use(sink);
        assert_true(graph_failed(h.graph));
        if (!strstr(log_last_error(), cases[i].named))
            fail_msg("\"%s\" does not say \"%s\"", log_last_error(), cases[i].named);
        harness_end(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_unpack),
        check_test(test_pack),
        check_test(test_pack_slice),
        check_test(test_round_trip),
        check_test(test_round_trip_of_range),
        check_test(test_misfits),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
