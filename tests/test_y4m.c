// SPDX-License-Identifier: MIT
//
// Headers of YUV4MPEG2 as ffmpeg and the mjpegtools write them, hostile ones, and raw
// formats.

#include "data/y4m.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "data/raw_frames.h"
#include "support/check.h"

#define MOST_PIXELS ((uint64_t)1 << 28)

static bool parse(const char *line, struct y4m_header *h, struct reason *reason)
{
    // A copy without an end, so that sanitizers see what is read beyond it.
    const size_t length = strlen(line);
    char *copy = mem_alloc(length);
    memcpy(copy, line, length);
    const bool ok = y4m_parse(copy, length, MOST_PIXELS, h, reason);
    mem_free(copy);
    return ok;
}

// Written by ffmpeg 5.1 (-f yuv4mpegpipe), but for the last ones; what we write of
// them.
static void test_headers(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420jpeg XYSCSS=420JPEG XCOLORRANGE=LIMITED",
          "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED" },
        { "YUV4MPEG2 W64 H48 F30000:1001 Ip A16:9 C420mpeg2 XYSCSS=420MPEG2",
          "YUV4MPEG2 W64 H48 F30000:1001 Ip A16:9 C420mpeg2 XCOLORRANGE=LIMITED" },
        { "YUV4MPEG2 W64 H48 F25:1 Ip A0:0 C420paldv XYSCSS=420PALDV",
          "YUV4MPEG2 W64 H48 F25:1 Ip A0:0 C420paldv XCOLORRANGE=LIMITED" },
        { "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C422 XYSCSS=422 XCOLORRANGE=FULL",
          "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C422 XCOLORRANGE=FULL" },
        { "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C444p16 XYSCSS=444P16",
          "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C444p16 XCOLORRANGE=LIMITED" },
        { "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420p10 XYSCSS=420P10",
          "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420p10 XCOLORRANGE=LIMITED" },
        { "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 Cmono XCOLORRANGE=FULL",
          "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 Cmono XCOLORRANGE=FULL" },
        { "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 Cmono16",
          "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 Cmono16 XCOLORRANGE=LIMITED" },
        { "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 XYSCSS=444",
          "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C444 XCOLORRANGE=LIMITED" },
        { "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 XYSCSS=420PALDV Xa",
          "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420paldv XCOLORRANGE=LIMITED Xa" },
        { "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 XYSCSS=411 C422",
          "YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C422 XCOLORRANGE=LIMITED" },
        { "YUV4MPEG2 H1 W2", "YUV4MPEG2 W2 H1 Ip A0:0 C420jpeg XCOLORRANGE=LIMITED" },
        { "YUV4MPEG2  W7 H9 I? C420 XCAMERA=a Xb",
          "YUV4MPEG2 W7 H9 Ip A0:0 C420jpeg XCOLORRANGE=LIMITED XCAMERA=a Xb" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct y4m_header h, again;
        struct reason reason;
        char line[Y4M_MAX_LINE + 1] = "", second[Y4M_MAX_LINE + 1] = "";
        if (!parse(cases[i].in, &h, &reason))
            fail_msg("%s: %s", cases[i].in, reason.text);
        const size_t length = y4m_print(&h, line, NULL);
        assert_int_equal(line[length - 1], '\n');
        line[length - 1] = 0;
        assert_string_equal(line, cases[i].out);
        assert_true(parse(line, &again, &reason));
        second[y4m_print(&again, second, NULL) - 1] = 0;
        assert_string_equal(second, line);
        assert_int_equal(again.format.bits, h.format.bits);
        assert_int_equal(yuv_frame_bytes(&again.format), yuv_frame_bytes(&h.format));
    }
}

static void test_fields(void **state)
{
    struct y4m_header h;
    struct reason reason;
    (void)state;
    assert_true(parse("YUV4MPEG2 W7 H5 F30000:1001 A4:3 C420p12 XCOLORRANGE=FULL", &h,
                      &reason));
    assert_int_equal(h.format.width, 7);
    assert_int_equal(h.format.height, 5);
    assert_int_equal(h.format.bits, 12);
    assert_int_equal(h.format.chroma, YUV_420);
    assert_int_equal(h.format.siting, YUV_LEFT);
    assert_true(h.format.is_full && h.says_range && h.says_chroma);
    assert_int_equal(h.rate.numerator, 30000);
    assert_int_equal(h.rate.denominator, 1001);
    assert_int_equal(h.aspect.numerator, 4);
    assert_int_equal(yuv_frame_bytes(&h.format), 2 * (7 * 5 + 2 * 4 * 3));
    assert_true(parse("YUV4MPEG2 W7 H5", &h, &reason));
    assert_true(!h.says_range && !h.says_chroma && !h.format.is_full);
    assert_int_equal(h.format.siting, YUV_CENTRE);
    assert_int_equal(yuv_frame_bytes(&h.format), 7 * 5 + 2 * 4 * 3);
}

static void test_refused(void **state)
{
    static const struct {
        const char *line, *reason;
    } cases[] = {
        { "", "not a YUV4MPEG2 stream" },
        { "YUV4MPEG W64 H64", "not a YUV4MPEG2 stream" },
        { "YUV4MPEG2W64 H64", "not a YUV4MPEG2 stream" },
        { "\x89PNG", "not a YUV4MPEG2 stream" },
        { "YUV4MPEG2", "no width" },
        { "YUV4MPEG2 H64", "no width" },
        { "YUV4MPEG2 W64", "no height" },
        { "YUV4MPEG2 W0 H64", "no width" },
        { "YUV4MPEG2 W64 H-64", "height is not a number" },
        { "YUV4MPEG2 W64x H64", "width is not a number" },
        { "YUV4MPEG2 W H64", "width is not a number" },
        { "YUV4MPEG2 W4294967297 H64", "width is not a number" },
        { "YUV4MPEG2 W999999999 H999999999", "too large" },
        { "YUV4MPEG2 W1048576 H1048576", "pixels (--max-pixels)" },
        { "YUV4MPEG2 W64 H64 F25", "frame rate is not a ratio (F25)" },
        { "YUV4MPEG2 W64 H64 F25:", "frame rate is not a ratio" },
        { "YUV4MPEG2 W64 H64 F1:0", "frame rate is not a ratio" },
        { "YUV4MPEG2 W64 H64 F99999999999:1", "frame rate is not a ratio" },
        { "YUV4MPEG2 W64 H64 A:", "aspect of pixels is not a ratio" },
        { "YUV4MPEG2 W64 H64 It", "it is interlaced (It): deinterlace it first" },
        { "YUV4MPEG2 W64 H64 Im", "it is interlaced (Im)" },
        { "YUV4MPEG2 W64 H64 C411", "not supported (C411)" },
        { "YUV4MPEG2 W64 H64 C444alpha", "not supported (C444alpha)" },
        { "YUV4MPEG2 W64 H64 C420p17", "not supported" },
        { "YUV4MPEG2 W64 H64 C420p8", "not supported" },
        { "YUV4MPEG2 W64 H64 C420p", "not supported" },
        { "YUV4MPEG2 W64 H64 C", "not supported" },
        { "YUV4MPEG2 W64 H64 XCOLORRANGE=WIDE", "must be FULL or LIMITED" },
        { "YUV4MPEG2 W64 H64 Z1", "a parameter is unknown (Z1)" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct y4m_header h;
        struct reason reason = { "", REASON_CONTENT };
        if (parse(cases[i].line, &h, &reason))
            fail_msg("accepted: %s", cases[i].line);
        if (!strstr(reason.text, cases[i].reason))
            fail_msg("%s: \"%s\"", cases[i].line, reason.text);
    }
}

// No beginning of a header, and none with a byte that is another one, does more than be
// refused or have a frame that can be held.
static void test_damaged(void **state)
{
    static const char good[] = "YUV4MPEG2 W640 H480 F30000:1001 Ip A1:1 C420paldv "
                               "XYSCSS=420PALDV XCOLORRANGE=LIMITED XA";
    struct y4m_header h;
    struct reason reason;
    char line[sizeof(good)], printed[Y4M_MAX_LINE];
    size_t accepted = 0;
    (void)state;
    for (size_t length = 0; length < sizeof(good); length++) {
        memcpy(line, good, length);
        line[length] = 0;
        accepted += parse(line, &h, &reason);
    }
    assert_true(accepted > 10 && accepted < sizeof(good) - 10);
    for (size_t at = 0; at + 1 < sizeof(good); at++) {
        for (int byte = 1; byte < 256; byte++) {
            memcpy(line, good, sizeof(good));
            line[at] = (char)byte;
            if (!parse(line, &h, &reason))
                continue;
            assert_true((uint64_t)h.format.width * h.format.height <= MOST_PIXELS);
            assert_true(yuv_frame_bytes(&h.format) > 0);
            assert_true(y4m_print(&h, printed, NULL) <= sizeof(printed));
        }
    }
}

// The longest comments there can be.
static void test_comments(void **state)
{
    struct y4m_header h;
    struct reason reason;
    char line[Y4M_MAX_LINE + 1], out[Y4M_MAX_LINE];
    bool is_whole;
    (void)state;
    const int begin = snprintf(line, sizeof(line), "YUV4MPEG2 W8 H8 F25:1 A1:1 Xa");
    memset(line + begin, 'b', sizeof(line) - (size_t)begin);
    line[Y4M_MAX_LINE] = 0;
    assert_true(parse(line, &h, &reason));
    // There is no room for them beside the range.
    assert_true(y4m_print(&h, out, &is_whole) < 100 && !is_whole);
    line[900] = 0;
    assert_true(parse(line, &h, &reason));
    assert_true(y4m_print(&h, out, &is_whole) > 900 && is_whole);
}

static void test_aspect(void **state)
{
    static const struct {
        struct y4m_ratio in;
        struct pix_size from, to;
        struct y4m_ratio out;
    } cases[] = {
        { { 1, 1 }, { 64, 48 }, { 128, 96 }, { 1, 1 } },
        { { 1, 1 }, { 1920, 1080 }, { 256, 256 }, { 16, 9 } },
        { { 16, 15 }, { 720, 576 }, { 256, 256 }, { 4, 3 } },
        { { 0, 0 }, { 64, 48 }, { 64, 64 }, { 0, 0 } },
        { { 0, 1 }, { 64, 48 }, { 64, 64 }, { 0, 1 } },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct y4m_ratio got =
            y4m_resized_aspect(cases[i].in, cases[i].from, cases[i].to);
        assert_int_equal(got.numerator, cases[i].out.numerator);
        assert_int_equal(got.denominator, cases[i].out.denominator);
    }
    // Numbers that have no small ratio stay within what a header has.
    const struct y4m_ratio huge = y4m_resized_aspect(
        (struct y4m_ratio){ 999999937, 999999929 }, (struct pix_size){ 1048573, 7 },
        (struct pix_size){ 11, 1048571 });
    assert_true(huge.numerator > 0 && huge.denominator > 0);
    assert_true(huge.numerator <= 1u << 30 && huge.denominator <= 1u << 30);
}

static void test_raw(void **state)
{
    static const char *const bad[] = {
        "",
        "rgb24",
        "rgb24:",
        "rgb24:64",
        "rgb24:64x",
        "rgb24:x6",
        "rgb24:0x64",
        "rgb24:64x64x",
        "rgb24:-4x4",
        "bgr24:64x64",
        ":64x64",
        "rgb24 :64x64",
        "gray:64x64",
        "f32:64x64 ",
        "rgb24:99999999999x1",
        "rgba:999999999x999999999",
        "f32:1048576x1048576",
    };
    struct raw_format f;
    struct reason reason;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (raw_parse(bad[i], 3, MOST_PIXELS, &f, &reason))
            fail_msg("accepted: %s", bad[i]);
    assert_true(raw_parse("f32:3x1", 2, MOST_PIXELS, &f, &reason));
    assert_int_equal(f.channels, 2);
    assert_int_equal(raw_frame_bytes(&f), 24);
    assert_null(raw_ffmpeg_name(&f));
    assert_true(raw_parse("gray16:2x2", 3, MOST_PIXELS, &f, &reason));
    assert_string_equal(raw_ffmpeg_name(&f), "gray16le");

    const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    uint8_t back[sizeof(bytes)] = { 0 };
    struct picture p;
    assert_true(raw_to_picture(&f, bytes, &p, &reason));
    assert_int_equal(((uint16_t *)p.samples)[1], 0x0403);
    raw_from_picture(&p, back);
    assert_memory_equal(back, bytes, sizeof(bytes));
    picture_free(&p);
    assert_true(raw_parse("rgba:2x1", 3, MOST_PIXELS, &f, &reason));
    assert_true(raw_to_picture(&f, bytes, &p, &reason));
    assert_int_equal(((uint8_t *)p.samples)[1], 5);    // planes
    raw_from_picture(&p, back);
    assert_memory_equal(back, bytes, sizeof(bytes));
    picture_free(&p);

    const uint8_t infinite[] = { 0, 0, 0, 0, 0, 0, 0x80, 0x7f };
    assert_true(raw_parse("f32:1x1", 2, MOST_PIXELS, &f, &reason));
    assert_false(raw_to_picture(&f, infinite, &p, &reason));
    assert_string_equal(reason.text, "sample 1 is not finite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),  cmocka_unit_test(test_fields),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_comments), cmocka_unit_test(test_aspect),
        cmocka_unit_test(test_raw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
