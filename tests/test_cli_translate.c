// SPDX-License-Identifier: MIT
//
// Translation and evaluation from the command line: one image, folders, modes, arrays,
// interrupts, and broken images.

#include "support/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "data/picture_file.h"

static void check_size(const char *name, uint32_t width, uint32_t height)
{
    char *path = command_file(name);
    struct pix_image image;
    assert_true(pix_image_read(path, &image));
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    pix_image_free(&image);
    mem_free(path);
}

static void test_translate(void **state)
{
    (void)state;
    command_need_device();
    command_make_run();
    assert_int_equal(
        command_shell("mkdir -p in && for f in $(ls \"$X/satellite\" | grep jpg | "
                      "head -n 2); do cp \"$X/satellite/$f\" in/ || exit 1; done; "
                      "cp \"$(ls in/*.jpg | head -n 1)\" one.jpg"),
        0);
    RUN(0, "translate --model run --input one.jpg --output full.png");
    check_size("full.png", 256, 256);    // as one.jpg
    command_check_has(command_err, "translated at 32x32, resized to 256x256; "
                                   "--preprocess none translates at full size");
    RUN(0, "translate --model run --input one.jpg --output fixed.png --output-size "
           "40x20");
    check_size("fixed.png", 40, 20);
    RUN(1, "translate --model run --input one.jpg --output no.png --output-size large");
    command_check_has(command_err,
                      "--output-size takes input, model, or width x height");
    RUN(0,
        "translate --model run --input one.jpg --output one.png --output-size model");
    assert_null(strstr(command_err, "resized"));
    check_size("one.png", 32, 32);

    RUN(0, "translate --model run/checkpoints/step-00000003.safetensors --input in "
           "--output new/results");
    assert_int_equal(command_shell("ls in >a; ls new/results >b; cmp a b"), 0);

    // Alone or in a folder, an image has the same translation.
    RUN(0, "translate --model run --input one.jpg --output alone.jpg");
    assert_int_equal(
        command_shell("cmp alone.jpg \"new/results/$(ls in | head -n 1)\""), 0);

    // In a batch, too.
    RUN(0, "translate --model run --input in --output batch --batch-size 2");
    assert_int_equal(command_shell("diff -r batch new/results"), 0);
    RUN(1, "translate --model run --input in --output batch --batch-size 5000");
    command_check_has(command_err, "--batch-size takes 1 to 1024");

    // A broken image is named, the others are translated. Messages are in order.
    assert_int_equal(command_shell("head -c 300 one.jpg >in/0broken.jpg; "
                                   "head -c 300 one.jpg >in/zbroken.jpg"),
                     0);
    RUN(1, "translate --model run --input in --output partly --batch-size 2");
    command_check_has(command_err, "0broken.jpg");
    command_check_has(command_err, "zbroken.jpg");
    assert_true(strstr(command_err, "0broken.jpg") <
                strstr(command_err, "zbroken.jpg"));
    command_check_has(command_out, "2 of 4 images");
    assert_int_equal(command_shell("ls partly >b; cmp a b; diff -r partly batch; "
                                   "rm in/zbroken.jpg"),
                     0);
    // Nowhere to write to: an error each, no output.
    assert_int_equal(command_shell("for f in $(ls in); do mkdir -p \"taken/$f\"; done"),
                     0);
    RUN(1, "translate --model run --input in --output taken --batch-size 2");
    command_check_has(command_out, "0 of 3 images");
    assert_int_equal(command_shell("rm in/0broken.jpg; mkfifo in/pipe.png; "
                                   "ln -s nowhere in/link.png"),
                     0);
    RUN(1, "translate --model run --input in --output partly");
    command_check_has(command_err, "in/pipe.png: is not a regular file");
    command_check_has(command_err, "in/link.png: ");
    assert_int_equal(command_shell("rm in/pipe.png in/link.png; head -c 300 one.jpg "
                                   ">in/0broken.jpg"),
                     0);
    RUN(1, "translate --model run --input in/0broken.jpg --output broken.png");
    command_check_file("broken.png", false);
    RUN(1, "translate --model run --input one.jpg --output file/one.png");
    assert_int_equal(command_shell("mkdir -p nothing"), 0);
    RUN(1, "translate --model run --input nothing --output nowhere");
    command_check_file("nowhere", false);

    // 32 is what the network takes, 48 and 40 are filled up for it.
    RUN(0, "translate --model run --preprocess none --input one.png --output same.png");
    struct pix_image odd = { 48, 40, calloc(48 * 40, 3) };
    assert_non_null(odd.pixels);
    char *path = command_file("odd.png");
    assert_true(pix_image_write(path, &odd));
    free(odd.pixels);
    mem_free(path);
    RUN(0, "translate --model run --preprocess none --input odd.png --output odd2.png");
    check_size("odd2.png", 48, 40);

    // An axis, or without one both.
    RUN(0, "translate --model run --input odd.png --wrap --output wrap.png");
    RUN(0, "translate --model run --input odd.png --output wrap_x.png --wrap x");
    RUN(0, "translate --model run --input odd.png --output wrap_xy.png --wrap=xy");
    assert_int_equal(command_shell("cmp wrap.png wrap_xy.png && ! cmp -s wrap_x.png "
                                   "wrap.png"),
                     0);
    RUN(2, "translate --model run --input odd.png --output no.png --wrap z");
    RUN(2, "translate --model run --input odd.png --output no.png --wrap=z");
    command_check_has(command_err, "--wrap takes one of x|y|xy");

    RUN(1, "translate --model run --plan --input absent.png");
    command_check_has(command_err, "absent.png");
    RUN(0, "translate --model run --plan --json");
    json_t *document = command_parse(command_out);
    assert_true(command_number_at(document, "device_bytes") > 0);
    assert_true(command_number_at(document, "weights_d") == 0);
    json_decref(document);
}

static void test_translate_modes(void **state)
{
    static const char *const cases[][2] = {
        { "plain", "" },
        { "stable", "--mode stable" },
        { "stable_2", "--mode stable --seed 2" },
        { "paper", "--mode paper" },
        { "paper_1", "--mode paper --seed 1" },
        { "paper_2", "--mode paper --seed 2" },
        { "running", "--mode running" },
        { "weights", "--no-ema" },
    };
    (void)state;
    command_need_device();
    command_make_dropped();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        RUN(0, "translate --model dropped --input real.jpg --output mode_%s.png %s",
            cases[i][0], cases[i][1]);
    // The default is stable, which draws nothing; the others are all different.
    assert_int_equal(command_shell("cmp mode_plain.png mode_stable.png && "
                                   "cmp mode_plain.png mode_stable_2.png && "
                                   "cmp mode_paper.png mode_paper_1.png"),
                     0);
    assert_int_equal(
        command_shell("cksum mode_plain.png mode_paper.png mode_paper_2.png "
                      "mode_running.png mode_weights.png | cut -d ' ' -f 1 | "
                      "sort -u"),
        0);
    assert_int_equal(command_count_lines(command_out), 5);
    // Without dropout the paper's mode is the stable one.
    command_make_run();
    RUN(0, "translate --model run --input real.jpg --output a.png --mode paper");
    RUN(0, "translate --model run --input real.jpg --output b.png");
    assert_int_equal(command_shell("cmp a.png b.png"), 0);
}

// The images that are on their way are finished, no others begun, and no half ones
// left.
static void test_translate_interrupt(void **state)
{
    (void)state;
    command_need_device();
    command_make_run();
    assert_int_equal(
        command_shell(
            "mkdir many && cp \"$X/satellite/$(ls \"$X/satellite\" | grep jpg | "
            "head -n 1)\" many/0.jpg && i=1; while [ $i -lt 500 ]; do "
            "ln many/0.jpg many/$i.jpg; i=$((i+1)); done; "
            "\"$P\" translate --model run --input many --output few & "
            "p=$!; i=0; while [ ! -e few/0.jpg ] && [ $i -lt 3000 ]; do "
            "sleep 0.02; i=$((i+1)); done; kill -TERM $p; wait $p"),
        130);
    command_check_has(command_out, " of 500 images");
    assert_int_equal(command_shell("ls -A few | wc -l; ls -A few | grep -c tmp"), 1);
    char *rest;
    const unsigned long written = strtoul(command_out, &rest, 10);
    assert_true(written > 0 && written < 500);
    assert_string_equal(rest, "\n0\n");
    assert_int_equal(command_shell("rm -r many few"), 0);
}

// A flat array of 3 channels of floats.
static void write_array(const char *name, float value)
{
    float data[3 * 32 * 32];
    const struct pix_array array = { PIX_KIND_F32, 3, 32, 32, data };
    for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++)
        data[i] = value;
    char *path = command_file(name);
    assert_true(pix_array_write(path, &array));
    mem_free(path);
}

// Files of a model's translations are of its kind, whatever its input was.
static void test_translate_arrays(void **state)
{
    (void)state;
    command_need_device();
    assert_int_equal(
        command_shell("mkdir -p arrays/train/A arrays/train/B mixed; "
                      "cp \"$(ls \"$X\"/satellite/*.jpg | head -n 1)\" mixed/a.jpg"),
        0);
    write_array("arrays/train/A/1.npy", 0.5f);
    write_array("arrays/train/B/1.npy", -0.25f);
    write_array("mixed/b.npy", 0.5f);
    RUN(0, "train --data arrays --out floats " SMALL "--preprocess none --load-size 0 "
           "--steps 1");
    command_check_has(command_err,
                      "train: 1 pair of arrays/train/A and arrays/train/B, input ");
    RUN(0, "translate --model floats --input mixed --output made");
    assert_int_equal(command_shell("ls made"), 0);
    assert_string_equal(command_out, "a.npy\nb.npy\n");
    RUN(0, "translate --model floats --input mixed/a.jpg --output alone.npy");
    assert_int_equal(command_shell("cmp alone.npy made/a.npy"), 0);
    RUN(0, "translate --model floats --input mixed/b.npy --plan --preprocess none");
    // Other ranges than those of the model, of both sides or of one.
    RUN(0, "translate --model floats --input mixed/b.npy --output r0.npy");
    RUN(0, "translate --model floats --input mixed/b.npy --output r1.npy --range 0:2");
    RUN(0, "translate --model floats --input mixed/b.npy --output r2.npy "
           "--input-range 0:2 --output-range 0:2");
    RUN(0, "translate --model floats --input mixed/b.npy --output r3.npy --range 0:2 "
           "--output-range 0:9");
    assert_int_equal(command_shell("cmp r1.npy r2.npy && ! cmp -s r0.npy r1.npy && "
                                   "! cmp -s r1.npy r3.npy"),
                     0);
    RUN(0, "evaluate --model floats --data arrays --split train >e0.txt");
    RUN(0, "evaluate --model floats --data arrays --split train --range -1:3 >e1.txt");
    RUN(0, "evaluate --model floats --data arrays --split train --input-range -1:3 "
           "--output-range -1:3 >e2.txt");
    RUN(0, "evaluate --model floats --data arrays --split train --range -1:3 "
           "--input-range -1:9 >e3.txt");
    assert_int_equal(command_shell("cmp e1.txt e2.txt && ! cmp -s e0.txt e1.txt && "
                                   "! cmp -s e1.txt e3.txt"),
                     0);
    RUN(1, "translate --model floats --input mixed/a.jpg --output no.png");
    command_check_has(command_err,
                      "--output no.png cannot hold this model's output: use .npy");
    command_check_file("no.png", false);

    // Two inputs, one output.
    assert_int_equal(command_shell("cp mixed/a.jpg mixed/b.jpg"), 0);
    RUN(1, "translate --model floats --input mixed --output collide");
    command_check_has(command_err, "would both become");
    command_check_has(command_err, "mixed/b.jpg");
    command_check_has(command_err, "mixed/b.npy");
    command_check_file("collide", false);

    // Where the model makes bytes each file stays what it is. Files that are not read
    // are counted, and a photo that lies on its side is named.
    command_make_run();
    assert_int_equal(
        command_shell(
            "touch mixed/c.gif mixed/d.GIF mixed/e.txt; "
            "(head -c 2 mixed/a.jpg; printf '\\377\\341\\0\\42Exif\\0\\0MM\\0*"
            "\\0\\0\\0\\10\\0\\1\\1\\22\\0\\3\\0\\0\\0\\1\\0\\6\\0\\0\\0\\0\\0\\0'; "
            "tail -c +3 mixed/a.jpg) >mixed/turned.jpg"),
        0);
    RUN(0, "translate --model run --input mixed --output bytes");
    command_check_has(command_err, "passing over 3 of 7 files in mixed: 2 .gif, 1 .txt "
                                   "(first: c.gif). Only .png");
    command_check_has(command_err,
                      "1 of 4 images was turned upright, as its EXIF orientation "
                      "asks for (first: mixed/turned.jpg, orientation 6)");
    assert_int_equal(command_shell("ls bytes"), 0);
    assert_string_equal(command_out, "a.jpg\nb.jpg\nb.npy\nturned.jpg\n");
    // Once for all.
    assert_int_equal(command_shell("cp mixed/turned.jpg mixed/turned2.jpg"), 0);
    RUN(0, "translate --model run --input mixed --output bytes");
    command_check_has(command_err, "image: 2 of 5 images were turned upright");
    command_check_has(command_err, "(first: mixed/turned.jpg, orientation 6)");
    assert_null(strstr(command_err, "turned2.jpg"));
    assert_int_equal(command_shell("rm mixed/turned2.jpg"), 0);
    assert_int_equal(command_shell("cp bytes/turned.jpg upright.jpg"), 0);
    RUN(0, "translate --model run --input mixed --output bytes --no-orient");
    assert_null(strstr(command_err, "turned"));
    assert_int_equal(command_shell("cmp -s bytes/turned.jpg upright.jpg"), 1);
    RUN(1, "translate --model run --input mixed/a.jpg --output a.png --max-pixels 10");
    command_check_has(command_err, "allow more with --max-pixels");
    assert_int_equal(command_shell("head -c -9 mixed/a.jpg >cut.jpg"), 0);
    RUN(1, "translate --model run --input cut.jpg --output a.png");
    command_check_has(command_err, "image: cut.jpg: truncated JPEG");
    RUN(0, "translate --model run --input cut.jpg --output a.png --truncated keep");
    command_check_has(command_err,
                      "image: cut.jpg ends early: what is missing is grey");
    RUN(0, "translate --model run --input cut.jpg --output b.png --truncated keep "
           "--tile 64 --mode running");
    command_check_has(command_err,
                      "image: cut.jpg ends early: what is missing is grey");
    RUN(0, "translate --model run --input mixed/turned.jpg --output b.png --no-orient "
           "--tile 64 --mode running");
    assert_null(strstr(command_err, "turned upright"));
    RUN(0, "compare cut.jpg mixed/a.jpg --truncated keep");
    command_check_has(command_err, "image: cut.jpg ends early");
    RUN(1, "compare cut.jpg mixed/a.jpg --truncated refuse");
    command_check_has(command_err, "truncated JPEG");
    // The training pairs are listed once, also where they are what is compared.
    assert_int_equal(command_shell("touch arrays/train/A/note.txt"), 0);
    RUN(0, "evaluate --model floats --data arrays --split train");
    const char *said = strstr(command_err, "passing over 1 of 2 files in arrays");
    assert_non_null(said);
    assert_null(strstr(said + 1, "passing over"));
    command_check_has(command_out, "pairs 1");

    // What is converted is said, and what a file of weights does not say is asked of
    // the images.
    RUN(0,
        "translate --model floats --input mixed/a.jpg --output a.npy --npy-order hwc "
        "--preprocess resize --output-size model");
    command_check_has(command_err,
                      "the input is u8, converted to f32, which the model");
    RUN(1, "translate --model floats --input a.npy --output no.npy");
    command_check_has(command_err, "it may be of the other --npy-order");
    RUN(0, "translate --model floats --input a.npy --output b.npy --npy-order hwc");
    RUN(0, "convert floats floats.pth");
    // The plan is that of the input's own samples, as the run has it.
    RUN(0, "translate --model floats --plan --json --preprocess none --input "
           "mixed/b.npy >run.json");
    RUN(0, "translate --model floats.pth --plan --json --preprocess none --input "
           "mixed/b.npy >own.json");
    assert_int_equal(command_shell("cmp run.json own.json"), 0);
    RUN(0, "translate --model floats.pth --plan --json --preprocess none --input "
           "mixed/b.npy --output own.png >held.json");
    assert_int_equal(command_shell("cmp -s held.json own.json"), 1);
    assert_int_equal(command_shell("mkdir one && cp mixed/b.npy one"), 0);
    RUN(0, "translate --model floats.pth --plan --json --preprocess none --input one "
           ">own.json");
    assert_int_equal(command_shell("cmp run.json own.json"), 0);
    RUN(1, "translate --model floats.pth --plan --input arrays");
    command_check_has(command_err, "--input arrays contains no .png");
    RUN(0,
        "translate --model floats.pth --preprocess none --input mixed/b.npy --output "
        "own.npy");
    RUN(0, "translate --model floats --preprocess none --input mixed/b.npy --output "
           "as_run.npy");
    assert_int_equal(command_shell("cmp own.npy as_run.npy"), 0);
    RUN(0,
        "translate --model floats.pth --preprocess none --input mixed/b.npy --output "
        "bytes.npy --input-kind u8 --output-kind u8");
    command_check_has(command_err, "converted to u8, as --input-kind says");
    assert_int_equal(command_shell("test $(wc -c <bytes.npy) -lt 4000"), 0);
    RUN(0, "evaluate --model floats.pth --data arrays --split train --input-kind u16 "
           "--output-kind u16");
    command_check_has(command_err, "the target is f32, converted to u16, as --output");
}

// What goes from a TIFF to the TIFF that is made of it, and what is lost elsewhere.
static void test_translate_tiff(void **state)
{
    (void)state;
#ifndef PIX_HAVE_TIFF
    print_message("skipped: this build is without libtiff\n");
    skip();
#endif
    command_need_device();
    command_make_run();
    assert_int_equal(
        command_shell("mkdir tiffs && cd tiffs && cp %s/place-scale.tif a.tif "
                      "&& cp %s/place-matrix.tif %s/place-turned.tif "
                      "%s/pages.tif %s/rgb16-none-be.tif .",
                      TEST_FIXTURES "/tiff", TEST_FIXTURES "/tiff",
                      TEST_FIXTURES "/tiff", TEST_FIXTURES "/tiff",
                      TEST_FIXTURES "/tiff"),
        0);
    RUN(0, "translate --model run --input tiffs --output made_tiffs");
    command_check_has(command_err,
                      "1 of 5 images has several pages, of which the first "
                      "is used (first: tiffs/pages.tif, 3 pages)");
    command_check_has(command_err, "1 of 5 images was turned upright");
    command_check_has(command_err,
                      "1 of 5 outputs were written without the georeference of the "
                      "input, which is that of pixels as they are stored");
    command_check_has(command_err, "(first: that of tiffs/place-turned.tif)");
    command_check_has(command_err, "1 of 5 outputs were written compressed by deflate");
    assert_int_equal(command_shell("grep -c 'WGS 84' made_tiffs/*"), 0);
    assert_string_equal(command_out, "made_tiffs/a.tif:1\nmade_tiffs/pages.tif:0\n"
                                     "made_tiffs/place-matrix.tif:1\n"
                                     "made_tiffs/place-turned.tif:0\n"
                                     "made_tiffs/rgb16-none-be.tif:0\n");
    // Whoever names the first page is not told of it.
    RUN(0, "translate --model run --input tiffs/pages.tif --output page.tif --page 1");
    assert_null(strstr(command_err, "pages, of which"));
    assert_int_equal(command_shell("cmp page.tif made_tiffs/pages.tif"), 0);
    RUN(0, "translate --model run --input tiffs/pages.tif --output page.tif --tile 64 "
           "--mode running --page 1");
    assert_null(strstr(command_err, "pages, of which"));
    RUN(0, "compare tiffs/pages.tif tiffs/pages.tif");
    command_check_has(command_err, "image: tiffs/pages.tif has 3 pages, of which the");
    RUN(0, "compare tiffs/pages.tif tiffs/pages.tif --page 1");
    assert_null(strstr(command_err, "pages, of which"));
    // Another page is another image; a PNG does not say where it lies.
    RUN(0, "translate --model run --input tiffs/pages.tif --output page.tif --page 2");
    assert_null(strstr(command_err, "pages, of which"));
    assert_int_equal(command_shell("cmp -s page.tif made_tiffs/pages.tif"), 1);
    RUN(0, "translate --model run --input tiffs/pages.tif --output page.tif --tile 64 "
           "--mode running");
    command_check_has(command_err, "image: tiffs/pages.tif has 3 pages, of which the");
    RUN(1, "translate --model run --input tiffs/pages.tif --output page.tif --page 4");
    command_check_has(command_err, "has no page 4: it has 3");
    RUN(0, "translate --model run --input tiffs/a.tif --output a.png");
    command_check_has(command_err, "the output was written without the georeference of "
                                   "the input, which the format of the output cannot");
}

// The ICC profile of an input goes to its output, where that can have it: whole images
// and tiles; what is left out is counted.
static void test_translate_profiles(void **state)
{
    static const char *const ways[] = { "", " --tile 64 --mode running" };
    (void)state;
    command_need_device();
    command_make_run();
    assert_int_equal(
        command_shell(
            "mkdir profiles && cd profiles && cp %s/rgb.jpg %s/rgb-palette.png "
            "%s/grey.png %s/damaged-bytes.png %s/damaged-missing.jpg .",
            TEST_FIXTURES "/profiles", TEST_FIXTURES "/profiles",
            TEST_FIXTURES "/profiles", TEST_FIXTURES "/profiles",
            TEST_FIXTURES "/profiles"),
        0);
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        RUN(0, "translate --model run --input profiles --output made_profiles%s",
            ways[i]);
        // The model makes colours of all of them.
        command_check_has(command_err,
                          "1 of 5 outputs were written without the ICC profile of the "
                          "input, which is of other colours (first: that of "
                          "profiles/grey.png)");
        command_check_has(command_err,
                          "2 of 5 outputs were written without a tag or ICC profile of "
                          "the input that is malformed");
        assert_int_equal(
            command_shell("cd made_profiles && grep -c -a -e ICC_PROFILE -e iCCP *; "
                          "rm *"),
            0);
        assert_string_equal(command_out, "damaged-bytes.png:0\n"
                                         "damaged-missing.jpg:0\n"
                                         "grey.png:0\n"
                                         "rgb-palette.png:1\n"
                                         "rgb.jpg:1\n");
        RUN(0, "translate --model run --input profiles/rgb.jpg --output a.bmp%s",
            ways[i]);
        command_check_has(command_err, "the output was written without the ICC profile "
                                       "of the input, which the format of the output "
                                       "cannot hold");
    }
}

// How many pixels of a grid have the colour of the image in the folder "red".
static uint32_t count_red(const struct pix_image *grid)
{
    uint32_t count = 0;
    for (size_t i = 0; i < (size_t)grid->width * grid->height; i++) {
        const uint8_t *p = grid->pixels + 3 * i;
        count += p[0] == 250 && p[1] == 3 && p[2] == 7;
    }
    return count;
}

// More columns: an image of the pair's name, of any size and kind of file. Where it is
// missing or damaged there is no grid, and none is overwritten.
static void check_beside(void)
{
    enum { SIDE = 3, TILE = 160 };
    uint8_t pixels[SIDE * SIDE * 3];
    struct pix_image grid, red = { SIDE, SIDE, pixels };
    char *path = command_file("grid.png"), *bmp = command_file("red/x.bmp");
    for (size_t i = 0; i < sizeof(pixels); i += 3)
        pixels[i] = 250, pixels[i + 1] = 3, pixels[i + 2] = 7;
    assert_int_equal(command_shell("mkdir red"), 0);
    assert_true(pix_image_write(bmp, &red));
    assert_int_equal(command_shell("first=$(ls pairs/test | head -1) && "
                                   "mv red/x.bmp \"red/${first%%.*}.bmp\" && "
                                   "cp -r red damaged && mkdir empty && "
                                   "for f in damaged/*; do echo >\"$f\"; done"),
                     0);
    RUN(0,
        "evaluate --model run --data pairs --grid grid.png --rows 1 --beside red,red "
        "--headings in,one,two,out,true");
    assert_true(pix_image_read(path, &grid));
    assert_int_equal(grid.width, 5 * TILE);
    assert_int_equal(count_red(&grid), 2 * TILE * TILE);
    const uint8_t *middle =
        grid.pixels + ((size_t)(grid.height - 1) * grid.width + 2 * TILE) * 3;
    assert_int_equal(middle[0], 250);
    pix_image_free(&grid);

    assert_int_equal(command_shell("rm grid.png"), 0);
    RUN(1, "evaluate --model run --data pairs --grid grid.png --beside empty");
    command_check_has(command_err, "--beside empty has no image for the pair ");
    RUN(1, "evaluate --model run --data pairs --grid grid.png --beside damaged");
    command_check_has(command_err, "evaluate: damaged/");
    RUN(1, "evaluate --model run --data pairs --grid grid.png --beside red,");
    command_check_has(command_err, "there is a comma too many");
    RUN(1, "evaluate --model run --data pairs --grid grid.png --beside nowhere");
    command_check_has(command_err, "nowhere");
    RUN(1, "evaluate --model run --data pairs --grid grid.png --headings a,b");
    command_check_has(command_err, "--headings has 2 texts and the grid 3 columns");
    RUN(1,
        "evaluate --model run --data pairs --grid grid.png --headings \"a,$(printf '\\303\\251'),c\"");
    command_check_has(command_err, "cannot be drawn");
    RUN(2, "evaluate --model run --data pairs --beside red");
    command_check_has(command_err, "--beside is for the picture that --grid writes");
    command_check_file("grid.png", false);
    assert_int_equal(command_shell("mv damaged/* damaged/own.png"), 0);
    RUN(1, "evaluate --model run --data pairs --grid damaged/own.png --beside damaged");
    command_check_has(command_err, "the output damaged/own.png is the input ");
    RUN(0, "evaluate --model run --data pairs --grid grid.png");
    mem_free(path);
    mem_free(bmp);
}

static void test_evaluate(void **state)
{
    (void)state;
    command_need_device();
    command_make_run();
    RUN(0, "evaluate --model run --data pairs --json --grid grid.png --rows 1");
    command_check_has(command_err, " of pairs/train for the mean colour\n");
    command_check_has(command_err,
                      "1 of 8 training targets cannot be read and is not in "
                      "the mean colour (first: pairs/train/broken.jpg: ");
    json_t *document = command_parse(command_out);
    const json_t *result = document;
    assert_true(command_number_at(result, "pairs") == 2);
    assert_true(command_number_at(result, "l1") > 0 &&
                command_number_at(result, "l1") < 2);
    assert_true(command_number_at(result, "l1_copy") > 0);
    assert_true(command_number_at(result, "l1_mean_colour") > 0);
    assert_true(command_number_at(result, "broken") == 0);
    const double l1 = command_number_at(result, "l1");
    const json_t *ssim = json_object_get(json_object_get(result, "metrics"), "ssim"),
                 *images = json_object_get(result, "images"),
                 *first = json_array_get(images, 0);
    assert_true(command_number_at(json_object_get(ssim, "output"), "count") == 2);
    assert_true(command_number_at(json_object_get(ssim, "mean_colour"), "mean") < 1);
    assert_int_equal(json_array_size(images), 2);
    assert_true(command_number_at(json_object_get(first, "psnr"), "copy") > 0);
    json_decref(document);
    RUN(0, "evaluate --model run --data pairs --csv scores.csv");
    command_check_has(command_out, "95 % of the mean");
    assert_int_equal(
        command_shell("test $(wc -l <scores.csv) = 3 && "
                      "grep -q '^\"pairs/test/.*jpg\",[0-9]' scores.csv && "
                      "head -1 scores.csv | tr , '\\n' | wc -l"),
        0);
    assert_string_equal(command_out, "16\n");
    // Photographs are no label maps, unless a palette says so.
    RUN(1, "evaluate --model run --data pairs --palette auto");
    command_check_has(command_err,
                      "--palette auto cannot take the colours of the target");
    assert_int_equal(command_shell("printf '#000000\\n#ffffff\\n' >two.txt"), 0);
    RUN(0, "evaluate --model run --data pairs --palette two.txt");
    command_check_has(command_out,
                      "2 classes       output        copied input  mean col");
    command_check_has(command_out, "\npixel accuracy  0.");
    char *path = command_file("grid.png");
    struct pix_image grid;
    assert_true(pix_image_read(path, &grid));
    assert_true(grid.height > 160 && grid.width >= 3 * 160 && grid.width % 3 == 0);
    pix_image_free(&grid);
    check_beside();
    mem_free(path);
    RUN(1, "evaluate --model run --data pairs --split val");
    command_check_has(command_err,
                      "the data folder pairs has no folder val; choose with "
                      "--split which pairs are compared, here there are: "
                      "train, test\n");

    // What is shared with translate does not say that this is it.
    static const char *const refused[] = {
        "--model run --checkpoint 77",
        "--model run --checkpoint worst",
        "--model pairs",
        "--model grid.png",
        "--model cut.safetensors",
        "--model cut.pth",
    };
    assert_int_equal(command_shell("head -c 3000 run/checkpoints/step-00000003.safe* "
                                   ">cut.safetensors && cp cut.safetensors cut.pth"),
                     0);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        RUN(1, "evaluate --data pairs %s", refused[i]);
        assert_null(strstr(command_err, "translate: "));
    }
    RUN(1, "evaluate --data pairs --model run --checkpoint 77");
    command_check_has(command_err, "error: evaluate: ");
    RUN(0, "evaluate --data pairs --model run");
    assert_null(strstr(command_err, "translate: "));
    command_check_has(command_err, "evaluate: run/checkpoints/step-00000003.safe");

    // A broken pair is named and stops none of the others.
    assert_int_equal(command_shell("mkdir pairs/val && cp pairs/test/* pairs/val && "
                                   "cp pairs/train/broken.jpg pairs/val/+broken.jpg"),
                     0);
    RUN(1, "evaluate --model run --data pairs --split val --json --grid grid.png");
    command_check_has(command_err, "+broken.jpg");
    document = command_parse(command_out);
    assert_true(command_number_at(document, "pairs") == 2);
    assert_true(command_number_at(document, "broken") == 1);
    assert_true(command_number_at(document, "l1") == l1);
    json_decref(document);
    command_check_file("grid.png", true);
    assert_int_equal(
        command_shell("rm grid.png; for f in pairs/val/*; do : >\"$f\"; done"), 0);
    RUN(1, "evaluate --model run --data pairs --split val --json --grid grid.png");
    assert_string_equal(command_out, "");
    command_check_has(command_err, "no image in pairs/val can be read");
    command_check_file("grid.png", false);
    assert_int_equal(command_shell("rm -r pairs/val"), 0);
}

// Stripes of black and white, narrower than pixels of the model, are never grey: a
// filter would make grey of them, which the palette has too.
static void test_label_targets(void **state)
{
    (void)state;
    struct picture p;
    command_need_device();
    command_make_run();
    assert_int_equal(command_shell("mkdir -p maps/train maps/test"), 0);
    assert_true(picture_create(&p, PIXEL_U8, 3, 130, 65));
    for (size_t i = 0; i < picture_bytes(&p); i++)
        ((uint8_t *)p.samples)[i] = i % 130 / 3 % 2 ? 255 : 0;
    char *path = command_file("maps/train/1.png");
    assert_true(picture_write(path, &p));
    picture_free(&p);
    mem_free(path);
    assert_int_equal(command_shell("cp maps/train/1.png maps/test; printf "
                                   "'#000000\\n#808080\\n#ffffff\\n' >grey.txt"),
                     0);
    RUN(0, "evaluate --model run --data maps --palette grey.txt --json");
    assert_true(!strstr(command_err, "palette"));
    json_t *document = command_parse(command_out);
    const json_t *rows =
        json_object_get(json_object_get(document, "labels"), "confusion");
    long long sums[3] = { 0 };
    for (size_t i = 0; i < 9; i++)
        sums[i / 3] +=
            json_integer_value(json_array_get(json_array_get(rows, i / 3), i % 3));
    assert_true(sums[0] > 300 && sums[1] == 0 && sums[2] > 300);
    assert_true(sums[0] + sums[2] == 32 * 32);
    json_decref(document);
}

// By whatever path it is named: an input stays what it is.
static void test_inputs_stay(void **state)
{
    static const char *const cases[] = {
        "translate --model run --input keep/in --output keep/new/../in",
        "translate --model run --input keep/in --output keep/other/../in/",
        "translate --model run --input keep/in --output keep/turned",
        "translate --model run --input keep/in --output keep/linked",
        "translate --model run --input keep/in --output keep/hard",
        "translate --model run --input keep/far --output keep/in",
        "translate --model run --input keep/in/1.jpg --output keep/hard/2.jpg",
        "evaluate --model run --data keep --grid keep/test/1.png",
        "evaluate --model run --data keep --grid keep/train.png",
        "evaluate --model run --data keep --grid keep/val/1.png",
        "evaluate --model run --data keep --grid keep/valA/1.png",
        "evaluate --model run --data keep --palette keep/more/c.png --grid keep/more/c.png",
        "evaluate --model run --data keep --grid keep/model.png",
        "evaluate --model run --data keep --csv keep/test.csv",
        "evaluate --model run --data keep --report keep/test.html",
        "evaluate --model run --data keep --lpips keep/more/c.png --csv keep/more.csv",
    };
    (void)state;
    command_need_device();
    command_make_run();
    // An output that is the link to an input of this or another name, and an input that
    // is the link to an output.
    assert_int_equal(
        command_shell(
            "mkdir -p keep/in keep/linked keep/hard keep/far keep/train keep/test && "
            "mkdir keep/val keep/valA keep/more && cp one.png keep/val && cp one.png keep/valA && "
            "mv keep/val/one.png keep/val/1.png && mv keep/valA/one.png keep/valA/1.png && "
            "cp one.png keep/more/c.png && ln -s test/1.png keep/test.csv && "
            "ln -s test/1.png keep/test.html && "
            "ln -s ../run/checkpoints/step-00000003.safetensors keep/model.png && "
            "ln keep/more/c.png keep/more.csv && "
            "cp \"$(ls \"$X\"/satellite/*.jpg | head -n 1)\" keep/in/1.jpg && "
            "cp keep/in/1.jpg keep/in/2.jpg && ln -s in keep/turned && "
            "ln -s ../in/2.jpg keep/linked/1.jpg && ln keep/in/1.jpg keep/hard/2.jpg && "
            "ln -s ../in/1.jpg keep/far/1.jpg && cp one.png keep/train/1.png && "
            "cp one.png keep/test/1.png && ln -s train/1.png keep/train.png && "
            "cksum keep/*/*.jpg keep/*/*.png >before"),
        0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (command_shell("\"$P\" %s", cases[i]) == 0)
            fail_msg("%s is done", cases[i]);
        command_check_has(command_err, "would be overwritten");
        if (command_shell("cksum keep/*/*.jpg keep/*/*.png | cmp - before") != 0)
            fail_msg("%s has changed a file", cases[i]);
    }
    RUN(2, "convert run/checkpoints/step-00000003.safetensors "
           "run/checkpoints/../checkpoints/step-00000003.safetensors");

    // An image's name for a folder is a mistake, unless it is meant.
    RUN(2, "translate --model run --input keep/in --output keep/x.png");
    command_check_has(command_err, "looks like an image");
    command_check_file("keep/x.png", false);
    RUN(0, "translate --model run --input keep/in --output keep/x.png/");
    RUN(0, "translate --model run --input keep/in --output keep/x.png");
    command_check_has(command_out, "2 of 2 images");
    assert_int_equal(command_shell("rm -r keep"), 0);
}

// Names are shown and not obeyed: ESC, U+009B and U+202E, in messages, on stdout and in
// JSON.
static void test_strange_names(void **state)
{
    static const char shown[] = "odd\\x1b[31m\\u{9b}\\u{202e}\\n";
    (void)state;
    command_need_device();
    command_make_run();
    assert_int_equal(
        command_shell(
            "n=$(printf 'odd\\033[31m\\302\\233\\342\\200\\256\\n.'); n=${n%%.}; "
            "rm -rf strange; mkdir strange && mkdir \"strange/$n\" && "
            "echo x >\"strange/$n/$n.png\" && cp one.png \"strange/$n/a.png\" && "
            "\"$P\" translate --model run --input \"strange/$n\" "
            "--output \"strange/$n/$n\"; \"$P\" bench --show \"$n\"; "
            "\"$P\" \"$n\"; \"$P\" evaluate --model run --data pairs --json "
            "--grid \"strange/$n.png\" | grep grid; \"$P\" convert run "
            "\"strange/$n.pth\""),
        0);
    for (const char *text = command_out;;) {
        assert_null(strchr(text, '\x1b'));
        assert_null(strstr(text, "\xc2\x9b"));
        assert_null(strstr(text, "\xe2\x80\xae"));
        if (text == command_err)
            break;
        text = command_err;
    }
    char part[256];
    snprintf(part, sizeof(part), "strange/%s/%s.png: ", shown, shown);
    command_check_has(command_err, part);
    snprintf(part, sizeof(part), "strange/%s/%s: 1 of 2 images", shown, shown);
    command_check_has(command_out, part);
    snprintf(part, sizeof(part), "%s cannot be read", shown);
    command_check_has(command_err, part);
    snprintf(part, sizeof(part), "unknown command \"%s\"", shown);
    command_check_has(command_err, part);
    snprintf(part, sizeof(part), "strange/%s.pth\n", shown);
    command_check_has(command_out, part);
    command_check_has(command_out,
                      "\"grid\": \"strange/odd\\u001B[31m\\u009B\\u202E\\n.png\"");
    assert_int_equal(command_shell("rm -r strange"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_translate),
        cmocka_unit_test(test_translate_modes),
        cmocka_unit_test(test_translate_interrupt),
        cmocka_unit_test(test_translate_arrays),
        cmocka_unit_test(test_translate_tiff),
        cmocka_unit_test(test_translate_profiles),
        cmocka_unit_test(test_evaluate),
        cmocka_unit_test(test_label_targets),
        cmocka_unit_test(test_inputs_stay),
        cmocka_unit_test(test_strange_names),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
