// SPDX-License-Identifier: MIT
//
// Frames of video as pictures and back, against the formulas in NumPy
// (tests/golden/yuv.py): every format, range and matrix, with odd sides.

#include "data/yuv.h"

#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "data/y4m.h"
#include "support/golden.h"

enum { MOST = 1 << 12 };

// The format of a case, as a header says it.
static struct yuv_format format_of(const json_t *golden, const json_t *c)
{
    struct y4m_header h;
    struct reason reason;
    char line[Y4M_MAX_LINE];
    const int length =
        snprintf(line, sizeof(line), "YUV4MPEG2 W%u H%u C%s XCOLORRANGE=%s",
                 golden_count(golden, "width"), golden_count(golden, "height"),
                 golden_text(c, "name"), golden_bool(c, "full") ? "FULL" : "LIMITED");
    if (!y4m_parse(line, (size_t)length, 1000, &h, &reason))
        fail_msg("%s: %s", line, reason.text);
    h.format.matrix = golden_text(c, "matrix")[2] == '6' ? YUV_BT601 : YUV_BT709;
    return h.format;
}

static size_t count_of(const json_t *c, const char *key)
{
    return json_array_size(json_object_get(c, key));
}

static size_t put_codes(const json_t *c, const char *key, uint32_t bits, uint8_t *frame)
{
    const size_t bytes = bits > 8 ? 2 : 1, count = count_of(c, key);
    assert_true(count * bytes <= MOST);
    for (size_t i = 0; i < count; i++)
        bytes_put_little(frame + i * bytes, bytes, (uint64_t)golden_element(c, key, i));
    return count * bytes;
}

// A sample between 0 and 1.
static double share_at(const struct picture *p, size_t i)
{
    const struct pixel_ends ends = pixel_ends(p->kind, p->range);
    return (picture_sample(p, i) - ends.low) / (ends.high - ends.low);
}

static void check_picture(const json_t *c, const struct yuv_format *f,
                          const uint8_t *frame, enum pixel_kind kind,
                          struct pixel_range range, double tolerance)
{
    struct picture p;
    assert_true(yuv_to_picture(f, frame, kind, range, &p));
    assert_int_equal(p.kind, kind);
    assert_int_equal((size_t)p.channels * p.width * p.height, count_of(c, "rgb"));
    for (size_t i = 0; i < count_of(c, "rgb"); i++) {
        const double expected = golden_element(c, "rgb", i) / 65535;
        if (!(fabs(share_at(&p, i) - expected) <= tolerance))
            fail_msg("%s as %s: sample %zu is %g, expected %g", golden_text(c, "name"),
                     pixel_kind_name(kind), i, share_at(&p, i), expected);
    }
    picture_free(&p);
}

static void test_to_pictures(void **state)
{
    json_t *golden = golden_read("yuv.json"), *c;
    const struct pixel_range twelve = { 0, 4095 };
    uint8_t *frame = mem_alloc(MOST);
    size_t k;
    (void)state;
    json_array_foreach(json_object_get(golden, "cases"), k, c)
    {
        const struct yuv_format f = format_of(golden, c);
        assert_int_equal(put_codes(c, "codes", f.bits, frame), yuv_frame_bytes(&f));
        // Half a level, and the rounding of what is compared with.
        check_picture(c, &f, frame, PIXEL_U8, PIXEL_WHOLE, 0.51 / 255);
        check_picture(c, &f, frame, PIXEL_U16, PIXEL_WHOLE, 1.1 / 65535);
        check_picture(c, &f, frame, PIXEL_U16, twelve, 0.55 / 4095);
        check_picture(c, &f, frame, PIXEL_F32, PIXEL_WHOLE, 0.6 / 65535);
        check_picture(c, &f, frame, PIXEL_F32, twelve, 0.6 / 65535);
    }
    assert_int_equal(k, 14);
    mem_free(frame);
    json_decref(golden);
}

static void set_samples(const json_t *c, struct picture *p)
{
    const struct pixel_ends ends = pixel_ends(p->kind, p->range);
    for (size_t i = 0; i < count_of(c, "picture"); i++) {
        const double share = golden_element(c, "picture", i) / 65535;
        const double v = ends.low + share * (ends.high - ends.low);
        if (p->kind == PIXEL_F32)
            ((float *)p->samples)[i] = (float)v;
        else
            ((uint16_t *)p->samples)[i] = (uint16_t)(v + 0.5);
    }
}

static void test_from_pictures(void **state)
{
    json_t *golden = golden_read("yuv.json"), *c;
    uint8_t *frame = mem_alloc(MOST);
    size_t k;
    (void)state;
    json_array_foreach(json_object_get(golden, "cases"), k, c)
    {
        const struct yuv_format f = format_of(golden, c);
        const size_t bytes = f.bits > 8 ? 2 : 1;
        for (int kind = PIXEL_U16; kind <= PIXEL_F32; kind++) {
            struct picture p;
            assert_true(picture_create(&p, (enum pixel_kind)kind,
                                       f.chroma == YUV_MONO ? 1 : 3, f.width,
                                       f.height));
            set_samples(c, &p);
            memset(frame, 0xa5, MOST);
            assert_true(yuv_from_picture(&f, &p, frame));
            picture_free(&p);
            for (size_t i = 0; i < count_of(c, "made"); i++) {
                const double code = (double)bytes_get_little(frame + i * bytes, bytes);
                if (!(fabs(code - golden_element(c, "made", i)) <= 1))
                    fail_msg("%s: code %zu is %g, expected %g", golden_text(c, "name"),
                             i, code, golden_element(c, "made", i));
            }
            assert_int_equal(count_of(c, "made") * bytes, yuv_frame_bytes(&f));
            assert_int_equal(frame[yuv_frame_bytes(&f)], 0xa5);
        }
    }
    mem_free(frame);
    json_decref(golden);
}

// Black and white are the ends of both, and what is no number becomes black.
static void test_ends(void **state)
{
    (void)state;
    for (int full = 0; full < 2; full++) {
        const struct yuv_format f = {
            .width = 3, .height = 1, .chroma = YUV_MONO, .bits = 8, .is_full = full
        };
        const float samples[] = { NAN, 7, -7 };
        uint8_t frame[3];
        struct picture p;
        assert_true(picture_create(&p, PIXEL_F32, 1, 3, 1));
        memcpy(p.samples, samples, sizeof(samples));
        assert_true(yuv_from_picture(&f, &p, frame));
        assert_int_equal(frame[0], full ? 0 : 16);
        assert_int_equal(frame[1], full ? 255 : 235);
        assert_int_equal(frame[2], full ? 0 : 16);
        picture_free(&p);
    }
}

// A picture of slow changes is the same after it was a frame: chroma comes back to
// where it was, whatever its siting.
static void test_there_and_back(void **state)
{
    static const enum yuv_siting sitings[] = { YUV_CENTRE, YUV_LEFT, YUV_PALDV };
    enum { SIDE = 32 };
    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(sitings); s++) {
        const struct yuv_format f = { .width = SIDE,
                                      .height = SIDE,
                                      .chroma = YUV_420,
                                      .siting = sitings[s],
                                      .bits = 8,
                                      .is_full = true };
        uint8_t *frame = mem_alloc(yuv_frame_bytes(&f));
        struct picture p, back;
        assert_true(picture_create(&p, PIXEL_U8, 3, SIDE, SIDE));
        for (size_t i = 0; i < 3 * SIDE * SIDE; i++) {
            const size_t x = i % SIDE, y = i / SIDE % SIDE, c = i / (SIDE * SIDE);
            ((uint8_t *)p.samples)[i] = (uint8_t)(40 + (c == 0   ? 5 * x
                                                        : c == 1 ? 5 * y
                                                                 : 3 * x + 2 * y));
        }
        assert_true(yuv_from_picture(&f, &p, frame));
        assert_true(yuv_to_picture(&f, frame, PIXEL_U8, PIXEL_WHOLE, &back));
        for (size_t i = 0; i < 3 * SIDE * SIDE; i++) {
            const size_t x = i % SIDE, y = i / SIDE % SIDE;
            const double difference = picture_sample(&p, i) - picture_sample(&back, i);
            if (x > 1 && y > 1 && x < SIDE - 2 && y < SIDE - 2 && fabs(difference) > 2)
                fail_msg("siting %zu: sample %zu differs by %g", s, i, difference);
        }
        picture_free(&p);
        picture_free(&back);
        mem_free(frame);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_pictures),
        cmocka_unit_test(test_from_pictures),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
