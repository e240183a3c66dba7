// SPDX-License-Identifier: MIT
//
// translate --input - --output -: frames through pipes, alone and between two programs
// of ffmpeg, where it is installed.

#include "support/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

#define STREAM "translate --model run --input - --output - "
#define SIDE 48
#define FRAMES 300
#define FRAME_BYTES ((size_t)3 * SIDE * SIDE)

static void need_ffmpeg(void)
{
    if (command_shell("command -v ffmpeg") == 0)
        return;
    print_message("[   NOTE   ] ffmpeg is not installed\n");
    skip();
}

// Seven frames of noise, "in.y4m"; a frame has 64 * 64 * 3 / 2 bytes and its line.
static void make_clip(void)
{
    command_need_device();
    command_make_run();
    assert_int_equal(
        command_shell(
            "printf 'YUV4MPEG2 W64 H64 F25:1 Ip A1:1 C420jpeg\\n' >in.y4m; "
            "cat \"$X/grid.jpg\" \"$X\"/satellite/*.jpg | head -c 43008 >noise; "
            "for i in 0 1 2 3 4 5 6; do printf 'FRAME\\n'; "
            "tail -c +$((i * 6144 + 1)) noise | head -c 6144; done >>in.y4m; "
            "test $(wc -c <in.y4m) = 43091"),
        0);
}

// All messages are on stderr; what is cut or not wanted any more is an error.
static void test_pipes(void **state)
{
    (void)state;
    make_clip();
    RUN(0, STREAM "<in.y4m >out.y4m");
    command_check_has(command_err,
                      "frames of 64x64, C420jpeg, limited range (not said), "
                      "matrix bt601 (by their size; see --matrix)");
    command_check_has(command_err, "\n7 frames in ");
    command_check_has(command_err, " frames/s");
    assert_int_equal(command_shell("head -n 1 out.y4m; test $(wc -c <out.y4m) = 43111"),
                     0);
    assert_string_equal(
        command_out, "YUV4MPEG2 W64 H64 F25:1 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED\n");

    RUN(0, STREAM "--matrix bt709 <in.y4m >other.y4m");
    assert_int_equal(command_shell("cmp -s out.y4m other.y4m"), 1);
    RUN(0, STREAM "--output-size 32x64 <in.y4m | head -n 1");
    command_check_has(command_out, "W32 H64 F25:1 Ip A2:1 C420jpeg");

    // Cut: what was whole is there.
    assert_int_equal(command_shell("head -c 20000 in.y4m | \"$P\" " STREAM ">cut.y4m"),
                     1);
    command_check_has(command_err, "the input ends within frame 4: it has ");
    assert_int_equal(
        command_shell("head -c $((61 + 3 * 6150)) out.y4m | cmp - cut.y4m"), 0);

    // The reader has enough: one message, no crash. Whoever writes is not waited for.
    // There is more than a pipe holds, so that the end of its reader is seen.
    assert_int_equal(
        command_shell("mkfifo in.pipe && { (cat in.y4m; for i in 1 2 3 4 5 6 "
                      "7; do tail -c +42 in.y4m; done; exec sleep 600) >in.pipe & "
                      "(\"$P\" " STREAM "<in.pipe; echo $? >code) | head -c 100 >few; "
                      "cat code; kill $!; }"),
        0);
    assert_string_equal(command_out, "1\n");
    command_check_has(command_err, "its reader is gone");
    assert_null(strstr(strstr(command_err, "error: ") + 1, "error: "));
    RUN(1, STREAM "<in.y4m >/dev/full");
    command_check_has(command_err, "the output cannot be written: ");
}

// Shell: waits until a command is true, a minute at most.
#define UNTIL(command)                                                                 \
    "n=0; until " command "; do n=$((n + 1)); [ $n = 600 ] && break; sleep 0.1; done; "

// A request to end is no fault of the input, wherever it comes: before the header, in
// it, within a frame. Nor has it to wait for a reader that takes nothing.
static void test_interrupted(void **state)
{
    static const int given[] = { 0, 20, 41, 3000, 6191, 15000 };
    (void)state;
    make_clip();
    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        const int written = given[i] < 41 ? 0 : 61 + (given[i] - 41) / 6150 * 6150;
        char expected[32];
        assert_int_equal(
            command_shell(
                "rm -f in.pipe few; mkfifo in.pipe; : >few; { head -c %d "
                "in.y4m; exec sleep 600; } >in.pipe & w=$!; "
                "\"$P\" " STREAM "<in.pipe >few 2>notes & p=$!; " UNTIL(
                    "grep -q 'unet of' notes && test $(wc -c <few) = %d") "sleep 0.3; kill $p; wait $p; echo $? $(wc -c <few); kill $w; "
                                                                          "cat notes >&2",
                given[i], written),
            0);
        snprintf(expected, sizeof(expected), "130 %d\n", written);
        assert_string_equal(command_out, expected);
        command_check_has(command_err, "ending after the frames that are on their way");
        assert_null(strstr(command_err, "error: "));
    }
    // A frame is more than a pipe holds.
    assert_int_equal(
        command_shell(
            "rm -f in.pipe; mkfifo in.pipe out.pipe; sleep 600 <out.pipe & "
            "r=$!; (while cat noise; do :; done) >in.pipe 2>/dev/null & "
            "\"$P\" " STREAM "--raw rgb24:256x256 <in.pipe >out.pipe "
            "2>notes & p=$!; " UNTIL(
                "grep -q 'output frames are' notes") "sleep 1; kill $p; wait $p; echo $?; kill $r; cat notes >&2"),
        0);
    assert_string_equal(command_out, "130\n");
    command_check_has(command_err, ": its reader takes nothing\n");
}

// Each frame is given when the one before it is in the file that is written.
static void test_latency(void **state)
{
    (void)state;
    make_clip();
    RUN(0, STREAM "<in.y4m >out.y4m");
    assert_int_equal(
        command_shell(
            "rm -f late.y4m; (head -c 41 in.y4m; for k in 0 1 2 3 4 5 6; do "
            "n=0; until [ $(($(wc -c <late.y4m))) -ge $((k ? 61 + k * 6150 : 0)) ]; do "
            "n=$((n + 1)); [ $n = 600 ] && exit; sleep 0.1; done; "
            "tail -c +$((42 + k * 6150)) in.y4m | head -c 6150; done) | "
            "\"$P\" " STREAM ">late.y4m"),
        0);
    assert_int_equal(command_shell("cmp out.y4m late.y4m"), 0);
}

static void test_refused(void **state)
{
    (void)state;
    make_clip();
    RUN(2, "translate --model run --input - --output out.png <in.y4m");
    command_check_has(command_err,
                      "--input - is a stream of frames, so --output must be -");
    RUN(2, "translate --model run --input in --output - >/dev/null");
    command_check_has(command_err, "so --input must be - too");
    RUN(2, "translate --model run --input a.png --output b.png --raw rgb24:8x8");
    command_check_has(command_err, "--raw requires --input - --output -");
    RUN(2, "translate --model run --input a.png --output b.png --matrix bt601");
    RUN(2, "translate --model run --plan --input - <in.y4m");
    command_check_has(command_err, "--plan cannot read a stream");
    RUN(2, STREAM "--matrix bt2020 <in.y4m");
    RUN(1, STREAM "<noise");
    command_check_has(command_err,
                      "it is not a YUV4MPEG2 stream: convert it (ffmpeg -f "
                      "yuv4mpegpipe), or name the format of raw frames");
    RUN(1, STREAM "--raw rgb24:64x99 <noise >out.rgb");
    command_check_has(command_err, "; is --raw what the frames are?");
    assert_int_equal(command_shell("cp noise clip.MP4"), 0);
    RUN(2, "translate --model run --input clip.MP4 --output out.mp4");
    command_check_has(command_err,
                      "is a video: translate takes its frames from a pipe");
    RUN(1, STREAM "--raw rgb24:48 <noise");
    command_check_has(command_err, "--raw rgb24:48: takes rgb24, rgba, gray8");
    RUN(1, STREAM "--tile 32 <in.y4m");
    RUN(1, STREAM "<&-");
    command_check_has(command_err, "the input is empty");
    assert_string_equal(command_out, "");
}

static uint8_t *read_all(const char *name, size_t size)
{
    char *path = command_file(name);
    void *bytes = NULL;
    size_t got = 0;
    if (!file_read(path, &bytes, &got) || got != size)
        fail_msg("%s has %zu bytes, expected %zu", name, got, size);
    mem_free(path);
    return bytes;
}

static double distance(const uint8_t *a, const uint8_t *b)
{
    double sum = 0;
    for (size_t i = 0; i < FRAME_BYTES; i++)
        sum += abs(a[i] - b[i]);
    return sum / (double)FRAME_BYTES;
}

// 300 frames through ffmpeg both ways: all there, in order. Without headers they are
// what the same frames become as a folder of images; as YUV4MPEG2 each is near to that,
// and none of its neighbours is.
static void test_ffmpeg(void **state)
{
    (void)state;
    need_ffmpeg();
    make_clip();
    assert_int_equal(
        command_shell(
            "ffmpeg -v error -y -f lavfi -i "
            "testsrc=size=48x48:rate=25,noise=alls=60:allf=t:all_seed=1 "
            "-frames:v 300 -pix_fmt rgb24 -f rawvideo clip.rgb && mkdir -p png "
            "&& ffmpeg -v error -y -f rawvideo -pix_fmt rgb24 -s 48x48 -i "
            "clip.rgb png/%%03d.png"),
        0);
    RUN(0, "translate --model run --input png --output made");
    assert_int_equal(
        command_shell("ffmpeg -v error -y -i made/%%03d.png -pix_fmt rgb24 "
                      "-f rawvideo made.rgb"),
        0);
    RUN(0, STREAM "--raw rgb24:48x48 <clip.rgb >raw.rgb");
    command_check_has(command_err,
                      "output frames are 48x48, 3 interleaved channels of u8 "
                      "(ffmpeg -pix_fmt rgb24)");
    command_check_has(command_err, "\n300 frames in ");
    assert_int_equal(command_shell("cmp raw.rgb made.rgb"), 0);

    assert_int_equal(
        command_shell("ffmpeg -v error -f rawvideo -pix_fmt rgb24 -s 48x48 -r 25 -i "
                      "clip.rgb -pix_fmt yuv444p -f yuv4mpegpipe - | \"$P\" " STREAM
                      "| ffmpeg -v error -y -f yuv4mpegpipe -i - -pix_fmt rgb24 -f "
                      "rawvideo piped.rgb"),
        0);
    command_check_has(command_err, "C444, limited range, matrix bt601");
    uint8_t *made = read_all("made.rgb", FRAMES * FRAME_BYTES);
    uint8_t *piped = read_all("piped.rgb", FRAMES * FRAME_BYTES);
    for (size_t i = 0; i < FRAMES; i++) {
        const uint8_t *frame = piped + i * FRAME_BYTES;
        const double same = distance(frame, made + i * FRAME_BYTES);
        if (same > 2)
            fail_msg("frame %zu differs by %g", i, same);
        for (size_t k = i ? i - 1 : 1; k <= i + 1 && k < FRAMES; k += 2)
            if (distance(frame, made + k * FRAME_BYTES) < same)
                fail_msg("frame %zu is nearer to %zu", i, k);
    }
    mem_free(made);
    mem_free(piped);
}

// What ffmpeg writes of each format is read, and it reads what comes out.
static void test_ffmpeg_formats(void **state)
{
    static const char *const formats[] = { "yuv420p",     "yuv422p",     "yuv444p",
                                           "yuv420p10le", "yuv444p16le", "yuvj420p",
                                           "gray",        "gray16le" };
    (void)state;
    need_ffmpeg();
    make_clip();
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        const int code = command_shell(
            "ffmpeg -v error -f lavfi -i testsrc=size=50x34:rate=30000/1001 -frames:v 5 "
            "-pix_fmt %s -strict -1 -f yuv4mpegpipe - | \"$P\" " STREAM
            "| ffmpeg -v error -f yuv4mpegpipe -i - -f framemd5 - | grep -vc '^#'",
            formats[i]);
        if (code != 0 || strcmp(command_out, "5\n") != 0)
            fail_msg("%s: %s%s", formats[i], command_out, command_err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipes),   cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_latency), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_ffmpeg),  cmocka_unit_test(test_ffmpeg_formats),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
