// SPDX-License-Identifier: MIT
//
// Conversion of weights from the command line.

#include "support/command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "support/onnx_runtimes.h"

static void test_convert(void **state)
{
    (void)state;
    command_need_device();
    command_make_dropped();
    RUN(0, "convert dropped G.pth");
    assert_string_equal(command_out, "G.pth\n");
    command_check_has(command_err,
                      "unet of 5 levels, ngf 4, batch norm, 3 -> 3 channels");
    RUN(0, "convert dropped/checkpoints/step-00000003.safetensors D.pth --net D");
    command_check_has(command_err, "discriminator");
    RUN(0, "convert dropped W.pth --no-ema");
    assert_int_equal(command_shell("cmp -s G.pth W.pth"), 1);

    // There and back, by every way, nothing is lost.
    RUN(0, "convert G.pth G.safetensors");
    RUN(0, "convert G.safetensors G2.pth");
    RUN(0, "convert dropped G3.safetensors");
    RUN(0, "convert G3.safetensors G3.pth");
    assert_int_equal(command_shell("cmp G.pth G2.pth && cmp G.pth G3.pth"), 0);
    RUN(0, "convert D.pth D.safetensors --net D");
    RUN(0, "convert D.safetensors D2.pth --net D");
    assert_int_equal(command_shell("cmp D.pth D2.pth"), 0);
    RUN(0, "convert G.pth G.onnx");
    RUN(0, "convert dropped G2.onnx --mode stable");
    RUN(0, "convert dropped G3.onnx --mode running");
    RUN(0, "convert D.safetensors D.onnx --net D");
    assert_int_equal(command_shell("cmp -s G2.onnx G3.onnx"), 1);
    assert_int_equal(command_shell("grep -c pix2pix G.onnx"), 0);

    // All make the same picture. The sides that a file of the port leaves open are
    // those of the port.
    RUN(0, "translate --model dropped --input real.jpg --output a.png --output-size "
           "model");
    RUN(0, "translate --model G3.safetensors --input real.jpg --output b.png "
           "--output-size model");
    assert_int_equal(command_shell("cmp a.png b.png"), 0);
    RUN(0, "translate --model dropped --preprocess none --input a.png --output c.png");
    RUN(0, "translate --model G2.pth --preprocess none --input a.png --output d.png");
    assert_int_equal(command_shell("cmp c.png d.png"), 0);

    // What bare weights do not say can be told: direction and kind of samples.
    RUN(0, "translate --model G2.pth --preprocess none --input a.png --output d.npy "
           "--output-kind f32");
    assert_int_equal(command_shell("head -c 6 d.npy | grep -q NUMPY && "
                                   "test $(wc -c <d.npy) -gt 12288"),
                     0);
    RUN(2, "translate --model G2.pth --input a.png --output d.png --output-kind f16");
    command_check_has(command_err, "u8|u16|f32");
    RUN(0, "evaluate --model G2.pth --data pairs --direction AtoB --json");
    json_t *there = command_parse(command_out);
    assert_null(strstr(command_err, "against"));
    RUN(0, "evaluate --model G.safetensors --data pairs --direction BtoA");
    assert_null(strstr(command_err, "against"));    // it is from a .pth
    RUN(0, "evaluate --model G2.pth --data pairs --direction BtoA --json");
    json_t *back = command_parse(command_out);
    assert_null(strstr(command_err, "against"));
    assert_true(command_number_at(there, "l1_mean_colour") !=
                command_number_at(back, "l1_mean_colour"));
    json_decref(there);
    json_decref(back);
    static const char *const recorded[] = { "dropped", "G3.safetensors" };
    for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
        RUN(0, "evaluate --model %s --data pairs --direction AtoB", recorded[i]);
        assert_null(strstr(command_err, "against"));
        RUN(0, "evaluate --model %s --data pairs --direction BtoA", recorded[i]);
        command_check_has(command_err, "warning: evaluate: --direction BtoA is against "
                                       "that of the model, which was trained AtoB");
    }

    // The wrong network, nothing to read, nowhere to write to.
    RUN(1, "convert D.pth no.pth");
    command_check_has(command_err, "D.pth holds a discriminator");
    RUN(1, "convert G.safetensors no.pth --net D");
    command_check_has(command_err, "G.safetensors holds a generator");
    RUN(1, "convert G.onnx no.pth");
    command_check_has(command_err, "G.onnx");
    assert_int_equal(
        command_shell("head -c 3000 G.pth >cut.pth; head -c 3000 G.safetensors "
                      ">cut2.safetensors; mkdir -p taken.pth sub"),
        0);
    RUN(1, "convert cut.pth no.pth");
    command_check_has(command_err, "cut.pth");
    RUN(1, "convert cut2.safetensors no.pth");
    command_check_has(command_err, "cut2.safetensors");
    RUN(1, "convert G.pth absent/no.safetensors");
    command_check_has(command_err, "absent/no.safetensors");
    RUN(1, "convert G.safetensors taken.pth");
    command_check_has(command_err, "taken.pth");
    RUN(1, "convert G.safetensors file/no.onnx");
    command_check_has(command_err, "file/no.onnx");
    assert_string_equal(command_out, "");
    command_check_file("no.pth", false);
    assert_int_equal(command_shell("ls -A | grep -c tmp; ls -A sub | wc -l"), 0);
    assert_string_equal(command_out, "0\n0\n");

    // A run starts from what was written.
    RUN(0, "train --data pairs --out started --init-g G.pth --init-d D.safetensors "
           "--dropout-at d1-d3 --steps 1 " SMALL);
    command_check_has(command_err, "starting from G.pth");
    command_check_has(command_err, "starting from D.safetensors");
    RUN(0, "train --out started --continue --steps 2 --init-g G.pth");
    command_check_has(command_err, "--init-g G.pth is ignored");
    RUN(1, "train --data pairs --out none --init-g G.pth --crop-size 32 --load-size 36 "
           "--ngf 8");
    command_check_has(command_err, "model.model.0.weight");
    command_check_file("none", false);
}

// The picture that the command reads, as the floats that a model takes.
static struct shape write_floats(const char *picture, const char *to)
{
    struct pix_image image = { 0 };
    char *from = command_file(picture);
    assert_true(pix_image_read(from, &image));
    const struct shape s = { 1, 3, image.height, image.width };
    float *values = check_floats(s);
    for (uint32_t c = 0; c < 3; c++)
        for (uint32_t i = 0; i < s.h * s.w; i++)
            values[c * s.h * s.w + i] = (float)image.pixels[3 * i + c] / 127.5f - 1;
    assert_true(file_write(to, values, (size_t)shape_count(s) * sizeof(float)));
    pix_image_free(&image);
    mem_free(from);
    return s;
}

// The values at the end of a .npy file.
static float *read_npy(const char *name, struct shape shape)
{
    void *data;
    size_t size;
    char *path = command_file(name);
    const size_t bytes = (size_t)shape_count(shape) * sizeof(float);
    float *values = check_floats(shape);
    assert_true(file_read(path, &data, &size));
    assert_true(size > bytes);
    memcpy(values, (char *)data + size - bytes, bytes);
    mem_free(data);
    mem_free(path);
    return values;
}

// The jobs that a runtime can read are run, and compared with what `translate` gave.
static void run_forms(const struct onnx_runtime *r, const struct onnx_job *jobs,
                      const bool *fixed, float *const *expected, size_t count)
{
    struct onnx_job some[8];
    size_t some_count = 0;
    char *folder = command_file("");
    for (size_t i = 0; i < count; i++)
        if (fixed[i] || !r->needs_fixed)
            some[some_count++] = jobs[i];
    onnx_runtime_run(r, folder, some, some_count);
    for (size_t i = 0; i < count; i++) {
        if (!fixed[i] && r->needs_fixed)
            continue;
        float *actual = onnx_job_output(&jobs[i]);
        double off = 0;
        for (uint64_t e = 0; e < shape_count(jobs[i].to); e++)
            off = fmax(off, fabs((double)actual[e] - (double)expected[i][e]));
        if (!(off <= 2e-5))
            fail_msg("%s, %s: off by %g", r->name, jobs[i].model, off);
        mem_free(actual);
    }
    mem_free(folder);
}

// Files of `convert` give in other programs what `translate` gives here.
static void test_runtimes(void **state)
{
    (void)state;
    static const char *const forms[] = { "", "--opset 15", "--size 32",
                                         "--size 32x32 --opset 15",
                                         "--mode running --size 32" };
    struct onnx_runtime runtimes[ONNX_RUNTIMES_MAX];
    struct onnx_job jobs[ARRAY_LEN(forms)];
    bool fixed[ARRAY_LEN(forms)];
    float *expected[ARRAY_LEN(forms)], *by_mode[2];
    const size_t count = onnx_runtimes_find(runtimes);
    if (count == 0) {
        print_message("skipped: neither ONNX Runtime nor OpenCV is installed\n");
        skip();
    }
    command_need_device();
    command_make_dropped();
    RUN(0, "translate --model dropped --input real.jpg --output in.png --output-size "
           "model");
    char *in = command_file("in.f32"), *folder = command_file("");
    const struct shape shape = write_floats("in.png", in);
    for (size_t i = 0; i < 2; i++) {
        RUN(0,
            "translate --model dropped --preprocess none --input in.png "
            "--output out.npy --output-kind f32 --mode %s",
            i ? "running" : "stable");
        by_mode[i] = read_npy("out.npy", shape);
    }
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct onnx_job *j = &jobs[i];
        fixed[i] = strstr(forms[i], "--size") != NULL;
        expected[i] = by_mode[strstr(forms[i], "running") != NULL];
        RUN(0, "convert dropped model%zu.onnx %s", i, forms[i]);
        assert_int_equal(strstr(command_err, "OpenCV 4") != NULL, !fixed[i]);
        *j = (struct onnx_job){ .from = shape, .to = shape };
        snprintf(j->model, sizeof(j->model), "%s/model%zu.onnx", folder, i);
        snprintf(j->in, sizeof(j->in), "%s", in);
        snprintf(j->out, sizeof(j->out), "%s/out%zu.f32", folder, i);
    }
    for (size_t i = 0; i < count; i++)
        run_forms(&runtimes[i], jobs, fixed, expected, ARRAY_LEN(forms));
    mem_free(folder);
    mem_free(in);
    RUN(1, "convert dropped model.onnx --size 40x32");
    command_check_has(command_err, "multiples of 32, for example 32x32 or 64x32");
}

static float *translate_floats(const char *model, const char *mode, struct shape shape)
{
    RUN(0,
        "translate --model %s --preprocess none --input real32.png --output out.npy "
        "--output-kind f32 --mode %s",
        model, mode);
    return read_npy("out.npy", shape);
}

// How far weights of 11 bits may be from those of 24: in units of the output, which is
// in [-1, 1]. A step of 8 bits is 8e-3.
#define HALF_TOLERANCE 1e-3

// Files of half the size work wherever weights are read, nearly like the others.
static void test_half(void **state)
{
    (void)state;
    static const char *const modes[] = { "stable", "running" };
    const struct shape shape = { 1, 3, 32, 32 };
    command_need_device();
    command_make_dropped();
    RUN(0, "convert dropped H.pth --half");
    RUN(0, "convert dropped H.safetensors --half");
    assert_null(strstr(command_err, "F16"));
    RUN(0, "convert dropped F.safetensors");
    RUN(0, "convert dropped F.pth");
    assert_int_equal(command_shell("for kind in pth safetensors; do "
                                   "test $((10 * $(wc -c <H.$kind))) -lt "
                                   "$((7 * $(wc -c <F.$kind))) || exit 1; done"),
                     0);
    RUN(0,
        "translate --model dropped --input real.jpg --output real32.png --output-size "
        "model");
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        float *full = translate_floats("F.safetensors", modes[i], shape);
        float *half = translate_floats("H.safetensors", modes[i], shape);
        assert_non_null(strstr(command_err,
                               "H.safetensors has F16 tensors, which are read as F32"));
        double off = 0;
        for (uint64_t e = 0; e < shape_count(shape); e++)
            off = fmax(off, fabs((double)half[e] - (double)full[e]));
        if (!(off > 0 && off <= HALF_TOLERANCE))
            fail_msg("%s: off by %g", modes[i], off);
    }
    RUN(0, "evaluate --model dropped --data pairs --json");
    json_t *full = command_parse(command_out);
    RUN(0, "evaluate --model H.safetensors --data pairs --json");
    json_t *half = command_parse(command_out);
    const double off = command_number_at(half, "l1") - command_number_at(full, "l1");
    assert_true(fabs(off) <= HALF_TOLERANCE);
    json_decref(full);
    json_decref(half);
    RUN(0, "train --data pairs --out halved --init-g H.pth --steps 1 " SMALL);
    command_check_has(command_err, "H.pth has F16 tensors");

    RUN(2, "convert dropped no.onnx --half");
    command_check_has(command_err, "--half applies to .pth and .safetensors only");
    RUN(2, "convert --lpips a.pth no.safetensors --half");
    command_check_has(command_err, "--half does not apply to --lpips");
}

// From the real weights, where they are there: the same file from one that convert
// made.
static void test_lpips(void **state)
{
    (void)state;
    const char *data = getenv("PIX_TEST_DATA");
    char *from = mem_printf("%s/lpips/lpips_squeeze.pth", data ? data : "");
    RUN(1, "convert --lpips none.pth out.safetensors");
    command_check_has(command_err, "none.pth does not exist");
    RUN(1, "convert --lpips real.jpg real.jpg out.safetensors");
    command_check_has(command_err, "real.jpg");
    command_check_file("out.safetensors", false);
    const bool has = data && file_exists(from);
    if (has) {
        RUN(0, "convert --lpips '%s' out.safetensors", from);
        assert_string_equal(command_out, "out.safetensors\n");
        command_check_has(command_err, "LPIPS with SqueezeNet 1.1");
        RUN(0, "convert --lpips out.safetensors again.safetensors");
        assert_int_equal(command_shell("cmp out.safetensors again.safetensors"), 0);
        RUN(1, "convert out.safetensors no.pth");
        command_check_has(command_err, "no network that this engine knows");
    }
    mem_free(from);
    if (!has) {
        print_message("skipped: PIX_TEST_DATA names no folder with lpips/\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convert),
        check_test(test_half),
        check_test(test_runtimes),
        cmocka_unit_test(test_lpips),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
