// SPDX-License-Identifier: MIT
//
// Planes of bytes, 16-bit numbers and floats to floats with crop and mirror, and back;
// odd sizes, so that rows and planes start at every place in a word.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "data/augment.h"
#include "models/staging.h"
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

// ---------------------------------------------------------------------------
// Augmentation

// Draws by the number of a sample, over all turns and flips.
static struct augment_draws draw(struct random *r, uint32_t i)
{
    return (struct augment_draws){
        .turn = i % 4 / 4.0,
        .flip = i / 4 % 2 / 2.0,
        .scale = random_uniform(r),
        .aspect = random_uniform(r),
        .x = random_uniform(r),
        .y = random_uniform(r),
        .brightness = random_uniform(r),
        .contrast = random_uniform(r),
        .key = { random_u32(r), random_u32(r) },
    };
}

// The jitter of n samples, as floats since tensors have them. Caller frees.
static float *draw_jitter(const struct augment *a, uint32_t n, struct pix_size side,
                          struct pix_size crop)
{
    float *jitter = check_floats((struct shape){ n, 1, 1, 12 });
    struct random r;
    random_init(&r, 7, n);
    memset(jitter, 0, n * 12 * sizeof(jitter[0]));
    for (uint32_t i = 0; i < n; i++) {
        const struct augment_draws draws = draw(&r, i);
        const struct augment_sample sample = augment_make(
            a, &draws, side, crop, random_below(&r, side.width - crop.width + 1),
            random_below(&r, side.height - crop.height + 1), i / 8 % 2);
        memcpy(jitter + i * 12, &sample, sizeof(sample));
    }
    return jitter;
}

static void run_augment(const struct augment *a, uint32_t n, uint32_t first_sample,
                        enum pixel_kind kind, struct pixel_range range,
                        uint32_t channels, struct pix_size side, struct pix_size crop,
                        uint32_t touched, bool nearest)
{
    check_case(
        "augment from sample %u, %u channels of %s from %g to %g, %ux%u of %ux%u, "
        "%d %d %g %g %g %g %g, touched %u%s",
        (unsigned)first_sample, (unsigned)channels, pixel_kind_name(kind),
        (double)range.low, (double)range.high, (unsigned)crop.height,
        (unsigned)crop.width, (unsigned)side.height, (unsigned)side.width, a->turns,
        a->flips, a->scale, a->aspect, a->brightness, a->contrast, a->noise,
        (unsigned)touched, nearest ? ", nearest" : "");
    const uint32_t bytes =
        (uint32_t)pixel_staged_bytes(kind, channels, side.width, side.height);
    const struct pixels_attributes attr = {
        .kind = kind,
        .range = range,
        .channels = channels,
        .side_h = side.height,
        .side_w = side.width,
        .offset_bytes = 8,
        .sample_bytes = bytes + 8,
        .first_sample = first_sample,
        .samples = n - first_sample,
        .is_augmented = true,
        .nearest = nearest,
        .touched = touched,
    };
    const struct shape staged = { n, attr.sample_bytes, 1, 1 };
    const struct shape out = { attr.samples, channels, crop.height, crop.width };
    uint8_t *pixels = check_memory((size_t)shape_count(staged));
    struct random r;
    random_init(&r, 3, bytes);
    for (uint32_t i = 0; i < n; i++)
        fill(&r, kind, pixels + (size_t)i * attr.sample_bytes, attr.sample_bytes);
    float *jitter = draw_jitter(a, n, side, crop), *y = check_floats(out);

    struct harness h;
    harness_begin(&h);
    struct tensor *y_tensor = graph_pixels_unpack(
        h.graph, harness_input_bytes(&h, "pixels", staged, pixels),
        harness_input(&h, "jitter", (struct shape){ n, 1, 1, 12 }, jitter), crop.height,
        crop.width, attr);
    harness_keep(&h, y_tensor);
    harness_run(&h);
    harness_read(&h, y_tensor, y);
    harness_end(&h);

    double *expected = check_doubles(out);
    uint32_t *words = check_memory(n * 12 * sizeof(words[0]));
    memcpy(words, jitter, n * 12 * sizeof(words[0]));
    reference_pixels_augment(attr.samples, attr, crop.height, crop.width, pixels, words,
                             expected);
    // Vulkan lets a cosine be wrong by 2^-11, times a length of up to 6.
    const double noise = touched ? a->noise * 2 / 255 * 6 / 2048 : 0;
    const struct tolerance rounding = { "rounding", 0, 4e-6, noise };
    check_array("y", y, expected, out, &rounding);
}

static void test_augment(void **state)
{
    (void)state;
    static const struct augment cases[] = {
        { .turns = true, .flips = true },
        { .scale = 0.3 },
        { .aspect = 1 },
        { .turns = true, .flips = true, .scale = 0.5, .aspect = 0.5 },
        { .brightness = 0.5 },
        { .contrast = 1 },
        { .noise = 40 },
        { true, true, 0.2, 0.2, 0.2, 0.2, 10 },
    };
    static const struct pix_size sizes[][2] = {
        { { 1, 1 }, { 1, 1 } },     { { 9, 7 }, { 5, 5 } },     { { 7, 9 }, { 7, 3 } },
        { { 33, 37 }, { 32, 32 } }, { { 13, 13 }, { 13, 13 } },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t k = 0; k < ARRAY_LEN(sizes); k++)
            for (int kind = 0; kind < PIXEL_KINDS; kind++) {
                const uint32_t channels = 1 + (uint32_t)(i + k) % 3;
                run_augment(&cases[i], 16, 3 * (k % 2), kind,
                            k % 2 ? inner[kind] : none, channels, sizes[k][0],
                            sizes[k][1],
                            augment_touches(&cases[i]) ? channels - (k == 3) : 0,
                            (i + k) % 3 == 2);
            }
}

enum { SAMPLES = 16, LOAD_SIDE = 37, CROP_SIDE = 32 };

// Both sides of pairs whose targets are the negatives of their inputs, and the input
// once more.
static void take_pairs(const struct augment *a, bool nearest, float *in, float *target,
                       float *again)
{
    const struct shape out = { SAMPLES, 3, CROP_SIDE, CROP_SIDE };
    const struct pix_size side = { LOAD_SIDE, LOAD_SIDE },
                          crop = { CROP_SIDE, CROP_SIDE };
    const size_t bytes = (size_t)pixel_staged_bytes(PIXEL_U8, 3, LOAD_SIDE, LOAD_SIDE);
    struct harness h;
    struct staged_pairs pairs = {
        .channels_in = 3,
        .channels_out = 3,
        .load_h = LOAD_SIDE,
        .load_w = LOAD_SIDE,
        .crop_h = CROP_SIDE,
        .crop_w = CROP_SIDE,
        .augment = { true, nearest, nearest, augment_touches(a) ? 3 : 0 },
    };
    harness_begin(&h);
    uint8_t *pixels = check_memory(SAMPLES * 2 * bytes);
    struct random r;
    random_init(&r, 11, 1);
    for (size_t i = 0; i < SAMPLES; i++)
        for (size_t k = 0; k < bytes; k++) {
            pixels[2 * i * bytes + k] = (uint8_t)random_below(&r, 256);
            pixels[(2 * i + 1) * bytes + k] = 255 - pixels[2 * i * bytes + k];
        }
    pairs.pixels = harness_input_bytes(
        &h, "pixels", (struct shape){ SAMPLES, 2 * (uint32_t)bytes, 1, 1 }, pixels);
    pairs.jitter = harness_input(&h, "jitter", (struct shape){ SAMPLES, 1, 1, 12 },
                                 draw_jitter(a, SAMPLES, side, crop));
    struct tensor *const made[] = {
        staging_take(h.graph, &pairs, STAGED_INPUT, 0, SAMPLES),
        staging_take(h.graph, &pairs, STAGED_TARGET, 0, SAMPLES),
        staging_take(h.graph, &pairs, STAGED_INPUT, 0, SAMPLES),
    };
    float *const to[] = { in, target, again };
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        assert_true(made[i] && shape_equal(made[i]->shape, out));
        harness_keep(&h, made[i]);
    }
    harness_run(&h);
    for (size_t i = 0; i < ARRAY_LEN(made); i++)
        harness_read(&h, made[i], to[i]);
    harness_end(&h);
}

// What holds for each pixel of a pair holds after it was turned and scaled, and what is
// the input's alone leaves the target's bits. The input has the same bits each time.
static void test_augmented_pairs(void **state)
{
    (void)state;
    static const struct augment places[] = {
        { .turns = true, .flips = true },
        { .turns = true, .flips = true, .scale = 0.4, .aspect = 0.3 },
    };
    const struct shape out = { SAMPLES, 3, CROP_SIDE, CROP_SIDE };
    const size_t count = (size_t)shape_count(out);
    float *in = check_floats(out), *target = check_floats(out),
          *again = check_floats(out);
    float *other_in = check_floats(out), *other_target = check_floats(out);
    for (size_t i = 0; i < 2 * ARRAY_LEN(places); i++) {
        struct augment a = places[i / 2];
        take_pairs(&a, i % 2, in, target, again);
        for (size_t k = 0; k < count; k++)
            assert_true(fabsf(in[k] + target[k]) < 2e-6f);
        assert_memory_equal(in, again, count * sizeof(in[0]));
        a.brightness = 0.1, a.contrast = 0.2, a.noise = 20;
        take_pairs(&a, i % 2, other_in, other_target, again);
        assert_memory_equal(target, other_target, count * sizeof(in[0]));
        assert_memory_equal(other_in, again, count * sizeof(in[0]));
        for (size_t s = 0; s < SAMPLES; s++)
            assert_memory_not_equal(in + s * count / SAMPLES,
                                    other_in + s * count / SAMPLES,
                                    count / SAMPLES * sizeof(in[0]));
    }
}

// Noise of an even grey: its mean, its deviation, and how much of it lies beyond one
// and two deviations; neither channels nor samples have the same.
static void test_noise(void **state)
{
    (void)state;
    enum { SIDE = 128, COUNT = 3 * SIDE * SIDE };
    static uint8_t grey[2 * COUNT];
    static float y[2 * COUNT];
    const struct augment a = { .noise = 12.75 };    // 0.1 in [-1, 1]
    const struct pix_size size = { SIDE, SIDE };
    const struct pixels_attributes attr = { .channels = 3,
                                            .side_h = SIDE,
                                            .side_w = SIDE,
                                            .sample_bytes = COUNT,
                                            .is_augmented = true,
                                            .touched = 3 };
    struct harness h;
    memset(grey, 128, sizeof(grey));
    harness_begin(&h);
    struct tensor *out = graph_pixels_unpack(
        h.graph,
        harness_input_bytes(&h, "pixels", (struct shape){ 2, COUNT, 1, 1 }, grey),
        harness_input(&h, "jitter", (struct shape){ 2, 1, 1, 12 },
                      draw_jitter(&a, 2, size, size)),
        SIDE, SIDE, attr);
    harness_keep(&h, out);
    harness_run(&h);
    harness_read(&h, out, y);
    harness_end(&h);
    double sum = 0, squares = 0, channels = 0, samples = 0, beyond[2] = { 0, 0 };
    const double plane = SIDE * SIDE;
    for (size_t i = 0; i < 2 * COUNT; i++) {
        const double v = (double)y[i] - 1.0 / 255;
        sum += v, squares += v * v;
        beyond[0] += fabs(v) > 0.1, beyond[1] += fabs(v) > 0.2;
        channels += i < (size_t)plane ? v * (double)y[i + (size_t)plane] : 0;
        samples += i < COUNT ? v * (double)y[i + COUNT] : 0;
    }
    assert_true(fabs(sum / (2 * COUNT)) < 0.002);
    assert_true(fabs(sqrt(squares / (2 * COUNT)) - 0.1) < 0.002);
    assert_true(fabs(beyond[0] / (2 * COUNT) - 0.3173) < 0.01);
    assert_true(fabs(beyond[1] / (2 * COUNT) - 0.0455) < 0.005);
    assert_true(fabs(channels / plane) < 0.0005 && fabs(samples / COUNT) < 0.0005);
}

// ---------------------------------------------------------------------------

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
    struct pixels_attributes wide = good, late = good, empty = good, other = good,
                             augmented = good;
    augmented.is_augmented = true;
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
        { augmented, 8, "1 samples do not match the jitter of shape 1x1x1x4" },
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
        check_test(test_augment),
        check_test(test_augmented_pairs),
        check_test(test_noise),
        check_test(test_pack),
        check_test(test_pack_slice),
        check_test(test_round_trip),
        check_test(test_round_trip_of_range),
        check_test(test_misfits),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
