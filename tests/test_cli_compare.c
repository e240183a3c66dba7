// SPDX-License-Identifier: MIT
//
// Images against images from the command line: no model and no device.

#include "support/command.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/picture_file.h"
#include "support/lpips_weights.h"

// A picture of noise in the scratch folder.
static void write_noise(const char *name, enum pixel_kind kind, uint32_t channels,
                        uint32_t width, uint32_t height, uint32_t seed)
{
    struct picture p;
    char *path = command_file(name);
    assert_true(picture_create(&p, kind, channels, width, height));
    for (size_t i = 0; i < (size_t)channels * width * height; i++) {
        seed = seed * 1664525u + 1013904223u;
        if (kind == PIXEL_U8)
            ((uint8_t *)p.samples)[i] = (uint8_t)(seed >> 24);
        else if (kind == PIXEL_F32)
            ((float *)p.samples)[i] = (float)(seed >> 8) / 8388608.0f - 1;
        else
            ((uint16_t *)p.samples)[i] = (uint16_t)(seed >> 16);
    }
    assert_true(picture_write(path, &p));
    picture_free(&p);
    mem_free(path);
}

static double mean_of(const json_t *document, const char *metric)
{
    const json_t *metrics = json_object_get(document, "metrics");
    return command_number_at(json_object_get(metrics, metric), "mean");
}

static void test_two_images(void **state)
{
    (void)state;
    write_noise("a.png", PIXEL_U8, 3, 64, 40, 1);
    write_noise("b.png", PIXEL_U8, 3, 64, 40, 2);
    RUN(0, "compare a.png b.png --json");
    json_t *document = command_parse(command_out);
    assert_true(command_number_at(document, "pairs") == 1);
    // Differences of uniform noise: a third of the range in the mean, a sixth squared.
    assert_true(fabs(mean_of(document, "l1") - 2.0 / 3) < 0.02);
    assert_true(fabs(mean_of(document, "mse") - 4.0 / 6) < 0.03);
    assert_true(fabs(mean_of(document, "psnr") - 7.78) < 0.2);
    assert_true(fabs(mean_of(document, "ssim")) < 0.05);
    const json_t *image = json_array_get(json_object_get(document, "images"), 0);
    assert_string_equal(json_string_value(json_object_get(image, "name")), "a.png");
    assert_true(command_number_at(image, "l1") == mean_of(document, "l1"));
    // 40 pixels have two scales, and the column says so.
    assert_true(json_is_real(json_object_get(image, "ms_ssim_2")));
    assert_null(json_object_get(image, "ms_ssim"));
    json_decref(document);

    // Equal images: no finite PSNR, and a word.
    RUN(0, "compare a.png a.png --csv s.csv");
    command_check_has(command_out, "ssim          1.0000");
    command_check_has(command_out, "psnr          -");
    command_check_has(command_out, "psnr is infinite in 1 of 1 images");
    char *path = command_file("s.csv"), *csv = command_read(path);
    assert_string_equal(csv, "\"name\",l1,mse,psnr,ssim,ms_ssim_2\r\n"
                             "\"a.png\",0,0,inf,1,1\r\n");
    mem_free(csv);
    mem_free(path);
}

// What is converted is said.
static void test_kinds(void **state)
{
    (void)state;
    write_noise("w.png", PIXEL_U16, 3, 64, 40, 3);
    write_noise("g.png", PIXEL_U8, 1, 64, 40, 4);
    write_noise("t.npy", PIXEL_U8, 2, 64, 40, 4);
    RUN(0, "compare a.png w.png");
    command_check_has(command_err, "1 of 1 pair has two sample types and is compared "
                                   "as u16");
    RUN(0, "compare g.png a.png");
    command_check_has(command_err, "1 of 1 pair is of a grey image and an RGB one");
    RUN(1, "compare t.npy a.png");
    command_check_has(command_err, "t.npy: 2 channels against 3 of the other image");
    assert_string_equal(command_out, "");
}

// The alpha is a fourth channel, or images are laid over a background.
static void test_alpha(void **state)
{
    static const char *const backgrounds[] = { "white", "black", "checker" };
    (void)state;
    write_noise("rgba.png", PIXEL_U8, 4, 64, 40, 5);
    RUN(1, "compare rgba.png a.png");
    command_check_has(command_err, "rgba.png: 4 channels against 3 of the other");
    RUN(1, "compare rgba.png a.png --alpha keep");
    RUN(2, "compare rgba.png a.png --alpha drop");
    RUN(0, "compare rgba.png rgba.png");
    assert_string_equal(command_err, "");
    for (size_t i = 0; i < 3; i++) {
        struct picture p;
        struct reason reason;
        char name[32];
        char *path = command_file("rgba.png");
        const struct picture_reading reading = { .alpha = (enum alpha_rule)(
                                                     ALPHA_WHITE + i) };
        assert_true(picture_read_with(path, &reading, &p, &reason));
        mem_free(path);
        snprintf(name, sizeof(name), "over_%s.png", backgrounds[i]);
        path = command_file(name);
        assert_true(picture_write(path, &p));
        picture_free(&p);
        mem_free(path);
        RUN(0, "compare %s rgba.png --alpha %s", name, backgrounds[i]);
        command_check_has(command_out, "l1            0.0000");
        command_check_has(command_err, "(first: rgba.png)");
    }
}

// Arrays: floats beyond the range and bytes that were saved as wider integers are said,
// and their axes hold for the palette too.
static void test_arrays(void **state)
{
    (void)state;
    struct picture p;
    char *path = command_file("floats.npy");
    assert_true(picture_create(&p, PIXEL_F32, 3, 40, 40));
    for (size_t i = 0; i < (size_t)3 * 40 * 40; i++)
        ((float *)p.samples)[i] = (float)(i % 200) / 100 - 1;
    assert_true(picture_write(path, &p));
    RUN(0, "compare floats.npy floats.npy && cp floats.npy within.npy");
    assert_string_equal(command_err, "");
    ((float *)p.samples)[7] = 255;
    assert_true(picture_write(path, &p));
    picture_free(&p);
    mem_free(path);
    RUN(0, "compare floats.npy floats.npy");
    command_check_has(command_err,
                      "warning: compare: 1 of 1 pair has values outside [-1, "
                      "1], which are compared unchanged (first: floats.npy)");
    // The file that has them is named, whichever side it is on.
    RUN(0, "compare within.npy floats.npy");
    command_check_has(command_err, "compared unchanged (first: floats.npy)");
    RUN(0, "compare floats.npy within.npy");
    command_check_has(command_err, "compared unchanged (first: floats.npy)");

    path = command_file("map.npy");
    assert_true(picture_create(&p, PIXEL_U8, 3, 12, 11));
    memset(p.samples, 9, 12 * 5);
    p.is_array = true;
    assert_true(picture_write_ordered(path, &p, ARRAY_HWC));
    picture_free(&p);
    mem_free(path);
    RUN(0, "compare map.npy map.npy --npy-order hwc --palette auto");
    command_check_has(command_out, "2 classes\npixel accuracy  1.0000");

    const int32_t numbers[16] = { 200, 100 };
    path = command_file("wide.npy");
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fprintf(f, "\x93NUMPY\x01%cv%c%-117s\n", 0, 0,
            "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 4, 4), }");
    assert_int_equal(fwrite(numbers, sizeof(numbers), 1, f), 1);
    assert_int_equal(fclose(f), 0);
    mem_free(path);
    RUN(0, "compare wide.npy wide.npy");
    command_check_has(command_err,
                      "the pair has integers that are not u1, though none");
}

static void test_folders(void **state)
{
    (void)state;
    assert_int_equal(command_shell("mkdir -p A B && cp a.png A/1.png && "
                                   "cp b.png B/1.png && cp a.png A/2.png && "
                                   "cp a.png B/2.bmp.png && cp a.png A/3.png && "
                                   "head -c 200 a.png >B/3.png"),
                     0);
    write_noise("B/2.png", PIXEL_U8, 3, 64, 41, 4);
    RUN(1, "compare A B --csv f.csv");
    command_check_has(command_out, "pairs 1\n");
    command_check_has(command_out, "broken 2\n");
    command_check_has(command_err,
                      "A/2.png: 64x40 pixels against 64x41 of the other image");
    command_check_has(command_err, "B/3.png: ");
    command_check_has(command_err, "no file of the same name in A: 2.bmp.png");
    assert_int_equal(command_shell("mkdir P Q && for i in 1 2 3 4 5; do cp A/2.png "
                                   "P/$i.png; cp B/2.png Q/$i.png; done; "
                                   "cp A/3.png P/6.png; cp B/3.png Q/6.png; "
                                   "cp A/3.png P/0.png; cp A/3.png Q/0.png"),
                     0);
    RUN(1, "compare P Q");
    command_check_has(
        command_err,
        "error: compare: 5 images (P/1.png, P/2.png, P/3.png, ...): 64x40 "
        "pixels against 64x41 of the other image: both must have one size: "
        "resize one side; translate writes outputs of the size of their "
        "input, unless --output-size says otherwise\nerror: compare: Q/6.png: ");
    assert_int_equal(command_count_lines(command_err), 2);
    command_check_has(command_out, "broken 6\n");
    assert_int_equal(command_shell("rm P/[345].png"), 0);
    RUN(1, "compare P Q");
    command_check_has(command_err,
                      "compare: 2 images (P/1.png, P/2.png): 64x40 pixels");
    RUN(0, "compare A A --json");
    json_t *document = command_parse(command_out);
    assert_int_equal(json_array_size(json_object_get(document, "images")), 3);
    json_decref(document);
    // Names that are not UTF-8 are told apart.
    if (command_shell("mkdir raw && cp a.png \"$(printf 'raw/\\376.png')\" && "
                      "cp a.png \"$(printf 'raw/\\377.png')\"") == 0) {
        RUN(0, "compare raw raw --json");
        document = command_parse(command_out);
        const json_t *images = json_object_get(document, "images");
        for (size_t i = 0; i < 2; i++)
            assert_string_equal(
                json_string_value(json_object_get(json_array_get(images, i), "name")),
                i ? "raw/\\xff.png" : "raw/\\xfe.png");
        json_decref(document);
    }

    // The scales are those that all images have.
    assert_int_equal(command_shell("rm B/2.png B/3.png"), 0);
    write_noise("A/4.png", PIXEL_U8, 1, 12, 90, 5);
    write_noise("B/4.png", PIXEL_U8, 1, 12, 90, 6);
    RUN(0, "compare A B --json");
    document = command_parse(command_out);
    const json_t *metrics = json_object_get(document, "metrics");
    assert_non_null(json_object_get(metrics, "ms_ssim_1"));
    assert_true(mean_of(document, "ms_ssim_1") == mean_of(document, "ssim"));
    json_decref(document);
}

// Label maps, against themselves and against one colour.
static void test_labels(void **state)
{
    (void)state;
    struct picture map, flat;
    char *path = command_file("map.png");
    assert_true(picture_create(&map, PIXEL_U8, 1, 20, 20) && picture_copy(&map, &flat));
    for (int i = 0; i < 400; i++)
        ((uint8_t *)map.samples)[i] = i % 4 ? 10 : 200;
    memset(flat.samples, 14, 400);
    assert_true(picture_write(path, &map));
    mem_free(path);
    path = command_file("flat.png");
    assert_true(picture_write(path, &flat));
    mem_free(path);
    picture_free(&map);
    picture_free(&flat);
    RUN(0, "compare flat.png map.png --palette auto --json");
    json_t *document = command_parse(command_out);
    const json_t *labels = json_object_get(document, "labels"),
                 *scores = json_object_get(labels, "output"),
                 *rows = json_object_get(labels, "confusion");
    assert_true(command_number_at(scores, "pixel_accuracy") == 0.75);
    assert_true(command_number_at(scores, "class_accuracy") == 0.5);
    assert_true(command_number_at(scores, "mean_iou") == 0.375);
    assert_true(json_integer_value(json_array_get(json_array_get(rows, 0), 1)) == 100);
    const json_t *iou = json_object_get(labels, "iou"),
                 *dice = json_object_get(labels, "dice");
    assert_true(json_real_value(json_array_get(iou, 1)) == 0.75);
    assert_true(fabs(json_real_value(json_array_get(dice, 1)) - 1.5 / 1.75) < 1e-8);
    assert_true(json_real_value(json_array_get(dice, 0)) == 0);
    json_decref(document);
    assert_int_equal(command_shell("printf '#0a0a0a\\n#c8c8c8\\n' >p.txt"), 0);
    RUN(0, "compare flat.png map.png --palette p.txt");
    command_check_has(command_out, "mean IoU        0.3750\n");
    command_check_has(command_out, "#0a0a0a   0.7500     0.8571    100.0    0.0\n");
    command_check_has(command_out, "#c8c8c8   0.0000     0.0000    100.0    0.0\n");
    // Pixels of the target that are of no class are counted, and one class is none.
    assert_true(!strstr(command_err, "palette"));
    assert_int_equal(command_shell("printf '#0a0a0a\\n#c8c8c9\\n' >near.txt; "
                                   "printf '#0a0a0a\\n' >one.txt"),
                     0);
    RUN(0, "compare flat.png map.png --palette near.txt");
    command_check_has(command_err,
                      "25 % of the pixels of the targets (100 of 400) have a "
                      "colour that the palette does not have");
    RUN(1, "compare flat.png map.png --palette one.txt");
    command_check_has(command_err, "the palette has one colour, #0a0a0a");
    RUN(1, "compare flat.png flat.png --palette auto");
    command_check_has(command_err, "the palette has one colour, #0e0e0e");
    RUN(1, "compare a.png b.png --palette auto");
    command_check_has(command_err,
                      "--palette auto cannot take the colours of b.png: it "
                      "has more than 256 colours");
    // The palette and the images stay what they are.
    assert_int_equal(command_shell("cp p.txt p.csv && ln -s map.png map.csv && "
                                   "cksum p.csv map.png >before"),
                     0);
    RUN(1, "compare flat.png map.png --palette p.csv --csv ./p.csv");
    command_check_has(command_err, "./p.csv is the input p.csv, which would be "
                                   "overwritten");
    RUN(1, "compare flat.png map.png --csv map.csv");
    command_check_has(command_err, "map.csv is the input map.png");
    assert_int_equal(command_shell("cksum p.csv map.png | cmp - before"), 0);
    RUN(1, "compare w.png w.png --palette p.txt");
    command_check_has(command_err, "label maps have 1 or 3 of u8");
    RUN(1, "compare a.png b.png --palette file");
    command_check_has(command_err, "the palette file cannot be used: line 1 is");
}

// LPIPS, with weights of a formula: by the file that is named, or by those in the
// user's folder; without any, a word and no failure.
static void test_lpips(void **state)
{
    (void)state;
    char *weights = command_file("formula.pth");
    RUN(0, "compare a.png b.png");
    command_check_has(command_out, "lpips         -         --lpips FILE, or auto");
    command_need_device();
    lpips_weights_write(weights, LPIPS_SQUEEZE);
    mem_free(weights);
    assert_int_equal(command_shell("mkdir -p without kept/pix2pix"), 0);
    RUN(0, "convert --lpips formula.pth squeeze.safetensors");
    RUN(0, "compare a.png b.png --lpips squeeze.safetensors --json");
    json_t *document = command_parse(command_out);
    const double distance = mean_of(document, "lpips_squeeze");
    assert_true(distance > 0);
    assert_null(json_object_get(json_object_get(document, "metrics"), "lpips_alex"));
    json_decref(document);
    RUN(0, "compare g.png g.png --lpips squeeze.safetensors");
    command_check_has(command_out, "lpips_squeeze 0.0000");

    assert_int_equal(
        command_shell("XDG_DATA_HOME=$PWD/without \"$P\" compare a.png b.png "
                      "--lpips auto"),
        0);
    command_check_has(command_out, "lpips         -         ");
    command_check_has(command_out, "convert --lpips");
    assert_int_equal(
        command_shell(
            "cp squeeze.safetensors kept/pix2pix/lpips-squeeze.safetensors && "
            "XDG_DATA_HOME=$PWD/kept \"$P\" compare a.png b.png --lpips auto "
            "--csv l.csv"),
        0);
    char *path = command_file("l.csv"), *csv = command_read(path), text[32];
    snprintf(text, sizeof(text), ",%.9g\r\n", distance);
    command_check_has(csv, ",lpips_squeeze\r\n");
    command_check_has(csv, text);
    mem_free(csv);
    mem_free(path);
    RUN(1, "compare a.png b.png --lpips a.png");
    command_check_has(command_err, "a.png");

    // In evaluation and validation too; what is wanted and is not there is refused.
    command_make_run();
    RUN(0, "evaluate --model run --data pairs --lpips squeeze.safetensors --json");
    document = command_parse(command_out);
    const json_t *metric =
        json_object_get(json_object_get(document, "metrics"), "lpips_squeeze");
    assert_true(command_number_at(json_object_get(metric, "output"), "mean") > 0);
    assert_true(command_number_at(json_object_get(metric, "copy"), "mean") > 0);
    assert_true(command_number_at(json_object_get(metric, "mean_colour"), "mean") > 0);
    json_decref(document);
    assert_int_equal(command_shell("mkdir -p judged && cp -r pairs/train judged && "
                                   "cp -r pairs/test judged/val"),
                     0);
    RUN(0, "train --data judged --out felt " SMALL "--depth 2 --steps 7 --val-freq 1 "
           "--max-dataset-size 3 --best lpips_squeeze --lpips squeeze.safetensors");
    command_check_has(command_out, " val_lpips_squeeze ");
    command_check_file("felt/checkpoints/best.safetensors", true);
    RUN(1, "train --data judged --out unfelt " SMALL "--depth 2 --steps 7 --val-freq 1 "
           "--val-metrics lpips --lpips squeeze.safetensors");
    command_check_has(
        command_err,
        "squeeze.safetensors holds SqueezeNet 1.1, and lpips_alex is wanted");
    command_check_file("unfelt", false);
}

// Files in the user's folder that are not what is needed: a second one of a network,
// and one that is cut off, which matters only where something is missing.
static void test_kept_lpips(void **state)
{
    (void)state;
    command_need_device();
    assert_int_equal(
        command_shell(
            "cd kept/pix2pix && cp lpips-squeeze.safetensors lpips-zz.safetensors"),
        0);
#define KEPT "XDG_DATA_HOME=$PWD/kept \"$P\" "
    assert_int_equal(
        command_shell(KEPT "evaluate --model run --data pairs --lpips auto"), 0);
    command_check_has(command_out, "lpips_squeeze ");
    command_check_has(command_err, "lpips-zz.safetensors is not used: ");
    command_check_has(command_err, "lpips-squeeze.safetensors has SqueezeNet 1.1 too");
    assert_int_equal(
        command_shell("cd kept/pix2pix && rm lpips-zz.safetensors && head -c "
                      "3000 lpips-squeeze.safetensors >lpips-alex.safetensors"),
        0);
    assert_int_equal(command_shell(KEPT "compare a.png b.png --lpips auto"), 1);
    command_check_has(command_err, "lpips-alex.safetensors cannot be used (");
    command_check_has(command_err, "move the file away, or name one with --lpips");
    assert_int_equal(command_shell(KEPT
                                   "train --data judged --out kept/run " SMALL
                                   "--depth 2 --steps 3 --val-freq 1 --val-metrics "
                                   "lpips_squeeze --max-dataset-size 3"),
                     0);
    command_check_has(command_err, "warning: train: the LPIPS weights ");
    command_check_has(command_out, " val_lpips_squeeze ");
    RUN(0, "compare a.png b.png --lpips squeeze.safetensors");
}

// A model whose numbers are no longer finite has no scores, is never the best, and is
// not what is kept.
static void test_not_finite(void **state)
{
    (void)state;
    command_need_device();
    assert_int_equal(command_shell("mkdir -p f/train/A f/train/B f/val/A f/val/B"), 0);
    for (int i = 0; i < 8; i++) {
        char name[32];
        snprintf(name, sizeof(name), "f/%s/%c/%d.npy", i / 4 ? "val" : "train",
                 "AB"[i % 2], i / 2 % 2);
        write_noise(name, PIXEL_F32, 3, 32, 32, (uint32_t)i);
    }
    RUN(0, "train --data f --out burst --crop-size 32 --load-size 32 --ngf 4 --ndf 4 "
           "--depth 2 --norm none --optimizer sgd --lr 10 --gan-mode lsgan --steps 9 "
           "--init-gain 100 --lambda-l1 1e6 --patience 2 --on-nan continue --best psnr "
           "--val-metrics ssim --log-freq 1 --save-freq 0");
    command_check_has(command_out, " val_l1 nan (mean colour ");
    command_check_has(command_out, " val_psnr nan (mean colour ");
    command_check_has(command_out, " val_ssim nan (mean colour ");
    command_check_has(command_out, " loss_g_l1 nan ");
    assert_null(strstr(command_out, " -nan"));
    command_check_has(command_err, "of 2 outputs of the validation have numbers that");
    command_check_has(command_err, "there is none without them");
    command_check_has(command_err, "none of 2 validations had a finite psnr");
    RUN(0, "train --out burst --continue --steps 20");
    command_check_has(command_err, "none of 2 validations had a finite psnr");
    command_check_has(command_out, "no step was left to train");
    RUN(0, "evaluate --model burst --data f --split val --csv n.csv");
    command_check_has(command_out, "l1            -         -");
    command_check_has(command_out, "psnr          -         -");
    command_check_has(command_out, "2 of 2 images have numbers that are not finite");
    assert_null(strstr(command_out, "infinite in"));
    char *path = command_file("n.csv"), *csv = command_read(path);
    command_check_has(csv, ".npy\",nan,nan,nan,nan,nan,");
    assert_null(strstr(csv, "inf"));
    mem_free(csv);
    mem_free(path);
    RUN(0, "evaluate --model burst --data f --split val --json");
    json_t *document = command_parse(command_out);
    assert_true(command_number_at(document, "not_finite") == 2);
    const json_t *image = json_array_get(json_object_get(document, "images"), 0);
    assert_true(
        json_is_null(json_object_get(json_object_get(image, "psnr"), "output")));
    json_decref(document);
}

// What a column is of, and numbers that are too large or small for four decimals.
static void test_columns(void **state)
{
    (void)state;
    assert_int_equal(command_shell("mkdir -p C D"), 0);
    for (uint32_t i = 0; i < 4; i++) {
        char name[2][16];
        for (uint32_t k = 0; k < 2; k++) {
            snprintf(name[k], sizeof(name[k]), "%c/%u.png", "CD"[k], (unsigned)i);
            write_noise(name[k], PIXEL_U8, 3, i < 3 ? 8 : 31, 33, i * 2 + k);
        }
    }
    RUN(0, "compare C D");
    command_check_has(command_out, "ssim is of 1 of 4 images: the others have a side "
                                   "of less than 11 pixels\n");
    command_check_has(command_out, "\nms_ssim_2 is of 1 of 4 images: ");
    assert_null(strstr(command_out, "psnr is of"));
    assert_null(strstr(command_out, "lpips is of"));
    RUN(0, "compare C/0.png D/0.png");
    command_check_has(command_out, "\nssim is of 0 of 1 images: they have ");

    struct picture p;
    const float values[] = { 0, 1e30f, 0.004f };
    for (uint32_t i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof(name), "v%u.npy", (unsigned)i);
        char *path = command_file(name);
        assert_true(picture_create(&p, PIXEL_F32, 1, 16, 16));
        for (int k = 0; k < 256; k++)
            ((float *)p.samples)[k] = values[i];
        assert_true(picture_write(path, &p));
        picture_free(&p);
        mem_free(path);
    }
    RUN(0, "compare v0.npy v1.npy");
    command_check_has(command_out, "l1            1e+30     1e+30     -");
    command_check_has(command_out, "mse           1e+60     1e+60     -");
    RUN(0, "compare v0.npy v2.npy");
    command_check_has(command_out, "l1            0.0040    0.0040    -");
    command_check_has(command_out, "mse           1.6e-05   1.6e-05   -");
}

static void test_errors(void **state)
{
    (void)state;
    RUN(2, "compare a.png");
    command_check_has(command_err, "give two images or two folders");
    RUN(2, "compare a.png b.png --csv s.png");
    command_check_has(command_err, "--csv s.png must end in .csv");
    RUN(1, "compare a.png none.png");
    command_check_has(command_err, "none.png does not exist or cannot be read");
    RUN(1, "compare A a.png");
    command_check_has(command_err, "A is a folder and a.png is not");
    assert_int_equal(command_shell("mkdir -p E"), 0);
    RUN(1, "compare A E");
    command_check_has(command_err,
                      "no image of A (4) has the same name as one of E (0)");
    RUN(1, "compare a.png file");
    command_check_has(command_err, "no pair of images could be compared");
    RUN(1, "compare a.png b.png --csv none/s.csv");
    command_check_has(command_err, "none/s.csv cannot be written: ");
    command_check_has(command_out, "pairs 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_images), cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_arrays),     cmocka_unit_test(test_folders),
        cmocka_unit_test(test_labels),     cmocka_unit_test(test_lpips),
        cmocka_unit_test(test_kept_lpips), cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_columns),    cmocka_unit_test(test_alpha),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
