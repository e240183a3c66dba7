// SPDX-License-Identifier: MIT
//
// Conversion of weights from the command line.

#include "support/command.h"

#include "base/json.h"

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
    RUN(0, "translate --model dropped --input real.jpg --output a.png");
    RUN(0, "translate --model G3.safetensors --input real.jpg --output b.png");
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
    RUN(0, "evaluate --model G2.pth --data pairs --direction BtoA --json");
    json_t *back = command_parse(command_out);
    assert_true(command_number_at(there, "l1_mean_colour") !=
                command_number_at(back, "l1_mean_colour"));
    json_decref(there);
    json_decref(back);

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convert),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
