// SPDX-License-Identifier: MIT
//
// Images in tiles from the command line: options, what goes from a TIFF to the one that
// is made of it, and how much memory large images take.

#include "support/command.h"

#include <stdio.h>
#include <string.h>

#include "data/picture_file.h"
#include "data/rows.h"
#include "data/tiff_tags.h"

// The largest difference of two images.
static int difference(const char *a, const char *b)
{
    char *paths[] = { command_file(a), command_file(b) };
    struct pix_image x, y;
    int most = 0;
    assert_true(pix_image_read(paths[0], &x));
    assert_true(pix_image_read(paths[1], &y));
    assert_int_equal(x.width, y.width);
    assert_int_equal(x.height, y.height);
    for (size_t i = 0; i < (size_t)3 * x.width * x.height; i++) {
        const int d = x.pixels[i] - y.pixels[i];
        most = MAX(most, d < 0 ? -d : d);
    }
    pix_image_free(&x);
    pix_image_free(&y);
    mem_free(paths[0]);
    mem_free(paths[1]);
    return most;
}

// "net", whose weights keep the size of what goes through them, and "image.png" of
// 256x256.
static void make_net(void)
{
    static bool made;
    command_make_data();
    if (made)
        return;
    RUN(0, "train --data pairs --out net --direction BtoA " SMALL
           "--init-type kaiming --steps 2");
    assert_int_equal(command_shell("cp \"$(ls \"$X\"/satellite/*.jpg | head -n 1)\" "
                                   "image.jpg"),
                     0);
    made = true;
}

static void test_options(void **state)
{
    (void)state;
    command_need_device();
    make_net();
#define TRANSLATE(code, output, options)                                               \
    RUN(code, "translate --model net --input image.jpg --output " output " " options)
    TRANSLATE(0, "whole.png", "--preprocess none --mode running");
    TRANSLATE(0, "tiled.png", "--mode running --tile 32");
    command_check_has(command_err, "image.jpg of 256x256 in 64 tiles, for each of "
                                   "which the network runs over 224x224\n");
    assert_true(difference("whole.png", "tiled.png") <= 1);
    // What is read by rows has no limit.
    TRANSLATE(1, "no.png", "--mode running --tile 32 --max-pixels 10");
    command_check_has(command_err, "allow more with --max-pixels");
    RUN(0, "translate --model net --input tiled.png --output small.png --mode running "
           "--tile 32 --max-pixels 10");
    TRANSLATE(0, "same.png", "--mode running --tile 32 --overlap 96");
    assert_int_equal(command_shell("cmp tiled.png same.png"), 0);
    TRANSLATE(0, "blended.png", "--mode running --tile 32 --overlap 32");
    command_check_has(command_err,
                      "an overlap of 32 pixels is less than the 93 that this model "
                      "sees: tiles are blended, and the result is close to that of "
                      "the whole image, not equal");
    assert_true(difference("whole.png", "blended.png") > 1);
    TRANSLATE(0, "wrapped.png", "--preprocess none --mode running --wrap x");
    TRANSLATE(0, "tiled.png", "--mode running --wrap x --tile 32");
    assert_true(difference("wrapped.png", "tiled.png") <= 1);
    assert_true(difference("wrapped.png", "whole.png") > 1);

    TRANSLATE(0, "whole.png", "--preprocess none");
    TRANSLATE(0, "tiled.png", "--tile 32 --overlap 32 --tile-statistics exact");
    command_check_has(command_err, ", after 7 passes over them\n");
    TRANSLATE(0, "same.png", "--tile 32 --overlap 32");
    assert_int_equal(command_shell("cmp tiled.png same.png"), 0);
    TRANSLATE(0, "sampled.png", "--tile 32 --overlap 32 --tile-statistics sample");
    command_check_has(command_err, ", after 7 passes over some of them\n");
    assert_int_equal(command_shell("cmp -s tiled.png sampled.png"), 1);

    // Damage behind the first tiles, while some of them are under way.
    assert_int_equal(command_shell("head -c $(($(wc -c <tiled.png) / 2)) tiled.png "
                                   ">short.png"),
                     0);
    RUN(1, "translate --model net --input short.png --output no.png --tile 32 "
           "--overlap 32");
    command_check_has(command_err, "short.png");
    TRANSLATE(1, "no.png", "--overlap 32");
    command_check_has(command_err, "--overlap has no effect without --tile");
    TRANSLATE(2, "no.png", "--tile 32 --tile-statistics some");
    TRANSLATE(1, "no.png", "--tile 32 --tile-statistics exact --mode running");
    command_check_has(command_err, "--tile-statistics has no effect");
    command_check_file("no.png", false);
#undef TRANSLATE
    RUN(0, "translate --model net --plan --json --tile 64 >plan.json");
    RUN(0, "translate --model net --plan --json --tile 128 >larger.json");
    assert_int_equal(command_shell("cmp -s plan.json larger.json"), 1);
}

// ---------------------------------------------------------------------------
// Georeferences

#ifdef PIX_HAVE_TIFF
static struct picture_tags *read_tags(const char *path)
{
    const struct picture_reading reading = { .with_tags = true };
    struct picture p;
    struct reason reason;
    if (!picture_read_with(path, &reading, &p, &reason))
        fail_msg("%s: %s", path, reason.text);
    struct picture_tags *tags = p.tags;
    p.tags = NULL;
    picture_free(&p);
    assert_non_null(tags);
    return tags;
}

static void check_same_tags(const char *from, const char *to)
{
    char *path = command_file(to);
    struct picture_tags *a = read_tags(from), *b = read_tags(path);
    bool has_place = false;
    assert_int_equal(a->count, b->count);
    for (uint32_t i = 0; i < a->count; i++) {
        const struct tiff_tag *tag = a->tags + i;
        const struct tiff_tag *made = tiff_tags_find(b->tags, b->count, tag->number);
        assert_non_null(made);
        assert_int_equal(tag->type, made->type);
        assert_int_equal(tag->count, made->count);
        assert_memory_equal(tag->values, made->values,
                            tag->count * tiff_type_bytes(tag->type));
        has_place |= tag->number == TIFF_GEO_KEYS;
    }
    assert_true(has_place);
    picture_tags_free(a);
    picture_tags_free(b);
    mem_free(path);
}
#endif

// What says where a picture lies is not touched, and another program reads the same of
// it.
static void test_places(void **state)
{
    (void)state;
#ifndef PIX_HAVE_TIFF
    print_message("skipped: this build is without libtiff\n");
    skip();
#else
    static const char *const files[] = { "place-scale", "place-matrix" };
    bool has_listgeo = false;
    command_need_device();
    make_net();
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char from[512], to[64];
        snprintf(from, sizeof(from), TEST_FIXTURES "/tiff/%s.tif", files[i]);
        snprintf(to, sizeof(to), "%s.tif", files[i]);
        RUN(0, "translate --model net --tile 32 --input '%s' --output %s", from, to);
        command_check_has(command_err, " of 40x24 in 2 tiles");
        assert_null(strstr(command_err, "georeference"));
        check_same_tags(from, to);
        has_listgeo = command_shell("command -v listgeo") == 0;
        if (has_listgeo)
            assert_int_equal(
                command_shell("corners() { listgeo \"$1\" 2>/dev/null | "
                              "grep -E '^(Upper|Lower|Center)'; }; "
                              "corners '%s' >a && corners %s >b && cmp a b",
                              from, to),
                0);
    }
    if (!has_listgeo)
        print_message("not asked: listgeo (geotiff-bin), which is not installed\n");
#endif
}

#ifdef PIX_HAVE_TIFF
// How many pixels have no data, which must be those of the input; *least is the
// smallest of the other samples.
static uint32_t check_no_data(const char *from, const char *to, double *least)
{
    const struct picture_reading reading = { .with_tags = true };
    char *path = command_file(to);
    struct picture in, out;
    struct reason reason;
    double number;
    uint32_t count = 0;
    assert_true(picture_read_with(from, &reading, &in, &reason));
    assert_true(picture_read_with(path, &reading, &out, &reason));
    assert_true(picture_tags_no_data(in.tags, in.kind, &number));
    assert_true(picture_tags_no_data(out.tags, out.kind, &number));
    const size_t plane = (size_t)in.width * in.height;
    *least = 1e9;
    for (size_t i = 0; i < plane; i++) {
        bool lacks = true;
        for (uint32_t c = 0; c < in.channels; c++)
            lacks = lacks && picture_sample(&in, c * plane + i) == number;
        for (uint32_t c = 0; c < out.channels; c++) {
            const double sample = picture_sample(&out, c * plane + i);
            assert_int_equal(sample == number, lacks);
            *least = lacks ? *least : MIN(*least, sample);
        }
        count += lacks;
    }
    picture_free(&in);
    picture_free(&out);
    mem_free(path);
    return count;
}
#endif

// Where the input has no data the output has none, whole and in tiles, and nowhere
// else.
static void test_no_data(void **state)
{
    (void)state;
#ifndef PIX_HAVE_TIFF
    print_message("skipped: this build is without libtiff\n");
    skip();
#else
    static const char *const ways[] = { "", "--tile 32 --overlap 32",
                                        "--tile 32 --mode running" };
    static const char floats[] = TEST_FIXTURES "/tiff/lacking/f32.tif";
    static const char bytes[] = TEST_FIXTURES "/tiff/lacking/u8.tif";
    double least;
    command_need_device();
    make_net();
    assert_int_equal(command_shell("mkdir -p lacking/train/A lacking/train/B && "
                                   "cp '%s' lacking/train/A/a.tif && "
                                   "cp '%s' lacking/train/B/a.tif",
                                   floats, floats),
                     0);
#define LACKING "train --data lacking --input-nc 1 --output-nc 1 --steps 1 " SMALL
    RUN(0, LACKING "--out infinite");
    command_check_has(command_err, "warning: dataset: 1 of 1 target has samples that "
                                   "stand for no data by the tag GDAL_NODATA of the "
                                   "file (-9999, 3.8 % of all samples, first: a.tif)");
    RUN(0, LACKING "--out lacks --range auto");
    command_check_has(command_err, "--input-range auto is 1.");
    command_check_has(command_err, "1 of 1 input has samples that stand for no data");
    assert_null(strstr(command_err, "outside [-1, 1]"));
#undef LACKING
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        RUN(0, "translate --model lacks --input '%s' --output f.tif %s", floats,
            ways[i]);
        assert_null(strstr(command_err, " 4 % of the samples"));
        assert_int_equal(check_no_data(floats, "f.tif", &least), 36);
        assert_true(least > 0);
        RUN(0, "translate --model net --input '%s' --output b.tif %s", bytes, ways[i]);
        assert_int_equal(check_no_data(bytes, "b.tif", &least), 35);
        RUN(0,
            "translate --model lacks --output-kind u8 --input '%s' --output c.tif "
            "%s",
            floats, ways[i]);
        command_check_has(command_err, "warning: translate: the output was written "
                                       "without the number of the input that stands "
                                       "for no data (GDAL_NODATA)");
    }
#endif
}

// ---------------------------------------------------------------------------
// Memory

enum { WIDTH = 4000, STRIP = 50 };

#define SHALLOW "--crop-size 32 --load-size 32 --depth 2 --ngf 1 --ndf 1 --steps 1"

// An image of 3 channels, a few rows at a time.
static void write_large(const char *name, uint32_t width, uint32_t height)
{
    const struct picture form = {
        .kind = PIXEL_U8, .channels = 3, .width = width, .height = height
    };
    char *path = command_file(name);
    struct picture rows;
    struct row_writer *w = row_writer_create(path, &form, ARRAY_CHW);
    assert_non_null(w);
    assert_true(picture_create(&rows, PIXEL_U8, 3, width, STRIP));
    for (uint32_t y = 0; y < height; y += STRIP) {
        for (size_t i = 0; i < picture_bytes(&rows); i++)
            ((uint8_t *)rows.samples)[i] = (uint8_t)(i % width / 32 + y / 16);
        assert_true(row_writer_write(w, &rows));
    }
    assert_true(row_writer_end(w, true));
    picture_free(&rows);
    mem_free(path);
}

static long translate_large(const char *input, const char *output)
{
    RUN(0, "translate --model shallow --mode running --tile 512 --input %s --output %s",
        input, output);
    return command_peak;
}

// Peaks of memory that are the command's.
static void need_peaks(void)
{
    command_need_device();
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    print_message("skipped: sanitizers keep memory that is free\n");
    skip();
#endif
    command_make_data();
}

// Models of tasks, whose outputs need something of their input, or are larger.
static void test_memory_of_tasks(void **state)
{
    enum { SLACK = 6 * 1024, NARROW = 1000 };    // the larger image has 9 MB
    static const struct {
        const char *run, *options;
    } models[] = {
        { "labels", "--data pairs --task segment --palette '#0000ff,#00ff00,#ff0000'" },
        { "colour", "--data satellite --task colorize" },
        { "larger", "--data satellite --task superres --factor 2" },
    };
    (void)state;
    need_peaks();
    assert_int_equal(command_shell("mkdir -p satellite/train && "
                                   "cp \"$(ls \"$X\"/satellite/*.jpg | head -n 1)\" "
                                   "satellite/train"),
                     0);
    write_large("low.png", NARROW, 600);
    write_large("high.png", NARROW, 3000);
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        long peaks[3];
        RUN(0, "train --out %s %s " SHALLOW, models[i].run, models[i].options);
        for (size_t k = 0; k < 3; k++) {    // the first one compiles kernels
            RUN(0,
                "translate --model %s --mode running --tile 256 --input %s --output "
                "task.png",
                models[i].run, k < 2 ? "low.png" : "high.png");
            peaks[k] = command_peak;
        }
        if (!peaks[1])
            skip();
        print_message("%s: %ld MiB, 600 rows %ld MiB\n", models[i].run, peaks[2] / 1024,
                      peaks[1] / 1024);
        if (peaks[2] > peaks[1] + SLACK)
            fail_msg("%s takes %ld KiB, for fewer rows %ld", models[i].run, peaks[2],
                     peaks[1]);
    }
}

// An image is never whole in memory: one of four times as many rows, 48 MB of samples
// on each side, takes as much as the other, in every kind of file that has rows.
static void test_memory(void **state)
{
    enum { SLACK = 16 * 1024 };
#ifdef PIX_HAVE_TIFF
    static const char *const files[] = { "large.tif", "a.png", "b.npy", "c.tif" };
#else
    static const char *const files[] = { "large.png", "a.npy", "b.png" };
#endif
    (void)state;
    need_peaks();
    RUN(0, "train --data pairs --out shallow " SHALLOW);
    write_large("small.png", WIDTH, 1000);
    write_large(files[0], WIDTH, 4000);
    translate_large("small.png", "small.npy");    // compiles kernels, which takes more
    const long least = translate_large("small.png", "small.npy");
    if (!least)
        skip();
    for (size_t i = 0; i + 1 < ARRAY_LEN(files); i++) {
        const long peak = translate_large(files[i], files[i + 1]);
        print_message("%s to %s: %ld MiB, 1000 rows %ld MiB\n", files[i], files[i + 1],
                      peak / 1024, least / 1024);
        if (peak > least + SLACK)
            fail_msg("%s takes %ld KiB, fewer rows %ld", files[i], peak, least);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),         cmocka_unit_test(test_places),
        cmocka_unit_test(test_no_data),         cmocka_unit_test(test_memory),
        cmocka_unit_test(test_memory_of_tasks),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
