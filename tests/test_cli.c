// SPDX-License-Identifier: MIT
//
// The command without a run: help, wrong usage, devices, and what a plan says.

#include "support/command.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

static void test_help(void **state)
{
    (void)state;
    static const char *const commands[] = { "",          "devices",  "train",
                                            "translate", "evaluate", "compare",
                                            "dataset",   "convert",  "bench",
                                            "tune" };
    size_t count;
    const struct pix_option *table = pix_train_option_table(&count);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        // A screen, but for the table of options.
        const bool has_table =
            strcmp(commands[i], "train") == 0 || strcmp(commands[i], "tune") == 0;
        RUN(0, "%s --help", commands[i]);
        assert_string_equal(command_err, "");
        command_check_has(command_out, "usage: pix2pix");
        assert_true(command_count_lines(command_out) <= 60 + (has_table ? count : 0));
        size_t column = 0;
        for (const char *c = command_out; *c; c++) {
            column = *c == '\n' ? 0 : column + 1;
            if (column > 80)
                fail_msg("a line of help of \"%s\" is too long", commands[i]);
        }
    }
    // Which files have no limit is said where one is asked for.
    RUN(0, "translate --help");
    command_check_has(strstr(command_out, "--max-pixels"), "unless they are");
    RUN(0, "evaluate --help");
    assert_null(strstr(command_out, "unless they are"));
    RUN(0, "train --help");
    for (size_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof(name), "  --%s ", table[i].name);
        command_check_has(command_out, name);
    }
    command_check_has(command_out, "[0.0002]");
    command_check_has(command_out, "--device");
    RUN(0, "--version");
    command_check_has(command_out, "pix2pix ");
    command_check_has(command_out, "\nimage files: PNG, JPEG (");
    assert_true(command_count_lines(command_out) ==
                (pix_image_kind_missing(0) ? 3 : 2));
    for (size_t i = 0; pix_image_kind_missing(i); i++)
        command_check_has(strstr(command_out, "\nnot in this build: "),
                          pix_image_kind_missing(i));
    RUN(2, " ");
    RUN(2, "paint");
    command_check_has(command_err, "paint");
    assert_int_equal(command_shell("\"$P\" train --help >/dev/full"), 1);
}

// An option that does not exist gets the name of the one that was meant.
static void test_unknown_options(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "train --netG unet_256", "unknown option --netG: it is --net-g here" },
        { "train --dataroot d", "the data folder is --data here" },
        { "train --gpu_ids 0", "is chosen with --device" },
        { "train --continue_train", "it is --continue here" },
        { "train --batchsize 4",
          "unknown option --batchsize: did you mean --batch-size?" },
        { "train --crop-sise 4", "did you mean --crop-size?" },
        { "train --Crop_Sizes=4", "did you mean --crop-size?" },
        { "train --batch 4", "did you mean --batch-size?" },
        { "train --devise 0", "did you mean --device?" },
        { "translate --modle m", "did you mean --model?" },
        // What is named is an option of this command.
        { "train --name n", "a run is a folder, named with --out\n" },
        { "train --epoch 3", "--epoch: leave it out, --continue takes the newest" },
        { "train --results_dir r", "it belongs to `pix2pix translate`, as --output\n" },
        { "train --eval", "it belongs to `pix2pix translate`, as --mode running\n" },
        { "translate --netG x", "--netG: leave it out, the file says which network" },
        { "translate --dataroot d",
          "--dataroot: the folder of images is --input here" },
        { "translate --name n", "a run is a folder, named with --model\n" },
        { "translate --eval", "it is --mode running here\n" },
        { "translate --lambda_L1 9", "it belongs to `pix2pix train`\n" },
        { "translate --display_id 0", "leave it out, there is no display server\n" },
        { "evaluate --phase val", "--phase: it is --split here\n" },
        { "evaluate --netG x", "--netG: leave it out, the file says which network" },
        { "evaluate --dataroot d", "the data folder is --data here\n" },
        { "evaluate --results_dir r", "images to look at are written to --grid\n" },
        { "evaluate --num_threads 2", "it belongs to `pix2pix train`\n" },
        { "convert --gpu_ids 0", "--gpu_ids: leave it out, no device is used here\n" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        RUN(2, "%s", cases[i][0]);
        command_check_has(command_err, cases[i][1]);
    }
    // Nothing near: no guess.
    RUN(2, "train --flux 1");
    command_check_has(command_err, "unknown option --flux\n");
    RUN(2, "translate --ngf 4");
    command_check_has(command_err, "unknown option --ngf\n");
}

static void test_usage_errors(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "train", "--out" },
        { "train --out none", "--data" },
        { "train --out none --data", "--data" },
        { "train --out --data d", "--out" },
        { "train --data d --out none --flux 1", "--flux" },
        { "train --data d --out none extra", "extra" },
        { "train --data d --out none --ngf 0", "--ngf" },
        { "train --data d --out none --ngf many", "many" },
        { "train --data d --out none --ngf 99999999999999999999", "--ngf" },
        { "train --data d --out none --lr nan", "--lr" },
        { "train --data d --out none --direction left", "AtoB" },
        { "train --data d --out none --no-flip=1", "--no-flip" },
        { "train --data d --out none --crop-size 100", "96 or 128" },
        { "train --data d --out none --net-g unet_256 --crop-size 128", "256" },
        { "train --data d --out none --load-size 100", "--load-size" },
        { "train --data d --out none --batch-size 0", "--batch-size" },
        { "train --data d --out none --depth 11", "from 0 to 10" },
        { "train --data d --out none --depth 1", "2 to 10" },
        { "train --data d --out none --config absent.txt", "absent.txt" },
        { "train --continue", "--out" },
        { "train --out none --continue", "--data" },
        { "train --plan --crop-size 100", "96 or 128" },
        { "translate", "--model" },
        { "translate --model none", "--input" },
        { "translate --model none --input in.png", "--output" },
        { "translate --model none --input file --output out.txt", ".png" },
        { "translate --model none --input file --output folder", "folder" },
        { "translate --model none --input folder --output file", "folder" },
        { "translate --model none --input file --output new/", "folder" },
        { "translate --model none --input folder --output ./folder", "overwritten" },
        { "translate --model none --input file --output ./file", "overwritten" },
        { "translate --model none --preprocess crop", "resize" },
        { "translate --model none --batch-size 0", "--batch-size" },
        { "translate --model none --input-kind u32", "u8|u16|f32" },
        { "translate --model none --npy-order whc", "chw|hwc" },
        { "evaluate --model none", "--data" },
        { "evaluate --model none --data folder --rows 0", "--rows" },
        { "evaluate --model none --data folder --output-kind auto", "u8|u16|f32" },
        { "evaluate --model none --data folder --grid g.jpg", ".png" },
        { "devices --plan", "--plan" },
        { "bench --sizes", "--sizes" },
        { "bench --sizes 64,", "64," },
        { "bench --sizes 64,no", "no" },
        { "bench --sizes 100", "96 or 128" },
        { "bench --batches 0", "--batches" },
        { "bench --batches 1,2,99999", "99999" },
        { "bench --only dancing", "calls" },
        { "bench --linear --only calls", "--linear" },
        { "bench --ngf 9999999", "ngf" },
        { "bench --ndf 9999999", "ndf" },
        { "bench --batches 1,2,3,4,5,6,7,8,9 --sizes 32,64,128,256,512,1024,2048,4096",
          "64 cases" },
        { "bench --show file --json file", "--show" },
        { "bench --show file --quick", "--show" },
        { "bench --show file --html ./file", "--html" },
        { "bench --json none --html none", "same file" },
        { "bench --compare file", "two" },
        { "bench --compare file file --quick", "--compare" },
        { "train --data d --out none --tuning", "--tuning" },
        { "tune --crop-size 100", "96 or 128" },
        { "tune --model none", "--model" },
        { "translate --model none --mode nonsense", "stable|paper|running" },
        { "translate --model none --mode paper --seed 0", "--seed" },
        { "train --data d --out none --recipe luna", "affinelayer" },
        { "convert", "file to read" },
        { "convert file", "file to write" },
        { "convert file none.pth extra", "extra" },
        { "convert file none.bin", ".safetensors" },
        { "convert file none", ".onnx" },
        { "convert file ./file", "overwritten" },
        { "convert folder folder", "overwritten" },
        { "convert file none.pth --net X", "G|D" },
        { "convert file none.onnx --mode paper", "stable|running" },
        { "convert file none.pth --mode running", "--mode applies to .onnx only" },
        { "convert file none.pth --size 256", "--size applies to .onnx only" },
        { "convert file none.safetensors --batch 1", "--batch applies to .onnx only" },
        { "convert file none.pth --opset 13", "--opset applies to .onnx only" },
        { "convert file none.onnx --opset 14", "13|15" },
        { "convert file none.onnx --batch 0", "--batch" },
        { "convert file none.onnx --size 0", "512x256" },
        { "convert file none.onnx --size 256x", "not \"256x\"" },
        { "convert file none.onnx --size x256", "not \"x256\"" },
        { "convert file none.onnx --size 256x256x3", "--size" },
        { "convert file none.onnx --size 256,256", "--size" },
        { "convert file none.onnx --size 1000000", "--size" },
        { "convert file none.pth --json", "--json" },
        { "convert --lpips", "--lpips needs the file" },
        { "convert --lpips file", "--lpips needs the file" },
        { "convert --lpips file file file none.safetensors", "none.safetensors" },
        { "convert --lpips file file none.pth", ".safetensors" },
        { "convert --lpips none file ./file", "overwritten" },
        { "convert --lpips file none.safetensors --net D", "--net does not apply" },
        { "convert --lpips file none.safetensors --opset 15", "--opset does not" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        RUN(2, "%s", cases[i][0]);
        assert_string_equal(command_out, "");
        command_check_has(command_err, cases[i][1]);
    }
    command_check_file("none", false);

    // Missing files are not a matter of the command line.
    RUN(1, "translate --model none --input absent.png --output o.png");
    command_check_has(command_err, "absent.png");
    RUN(1, "translate --model none --input file --output o.png");
    command_check_has(command_err, "none");
    RUN(1, "evaluate --model file --data absent");
    command_check_has(command_err, "absent");
    RUN(1, "convert absent none.pth");
    command_check_has(command_err, "absent");
    RUN(1, "convert file none.pth");
    command_check_has(command_err, "file");
    RUN(1, "convert folder none.pth --net D");
    command_check_has(command_err, "no checkpoint");
    assert_string_equal(command_out, "");
    command_check_file("none.pth", false);
}

static void test_config_errors(void **state)
{
    (void)state;
    assert_int_equal(command_shell("echo 'ngf = many' >a; echo '{\"flux\": 1}' >b"), 0);
    RUN(2, "train --data d --out none --config a");
    command_check_has(command_err, "a:1: ngf");
    RUN(2, "train --data d --out none --config b");
    command_check_has(command_err, "flux");
    command_check_file("none", false);
}

// A folder that is not a run is not touched.
static void test_foreign_out(void **state)
{
    (void)state;
    assert_int_equal(
        command_shell("mkdir -p foreign/checkpoints other; echo x >other/thesis"), 0);
    RUN(2, "train --data d --out foreign");
    command_check_has(command_err, "not a run");
    RUN(2, "train --data d --out foreign --continue");
    RUN(2, "train --data d --out other");
    RUN(2, "train --data d --out other/thesis");
    assert_int_equal(command_shell("ls -A foreign other"), 0);
    assert_string_equal(command_out, "foreign:\ncheckpoints\n\nother:\nthesis\n");

    // A run whose configuration is bad is no matter of the command line; one that
    // leaves everything to its default is none at all.
    assert_int_equal(
        command_shell("mkdir bent terse; echo '{\"depth\": 99}' >bent/config.json;"
                      "echo '{\"data\": \"d\"}' >terse/config.json"),
        0);
    RUN(1, "train --out bent --continue");
    command_check_has(command_err, "depth");
    // What cannot be looked at is not absent.
    assert_int_equal(
        command_shell("mkdir looped; ln -s config.json looped/config.json"), 0);
    RUN(1, "train --out looped --continue");
    command_check_has(command_err, "looped/config.json");
    RUN(2, "train --out terse --continue --data d --ngf 3");
    command_check_has(command_err, "--ngf 3 differs from the run's 64");
}

#define NO_DRIVER "VK_DRIVER_FILES=/nonexistent VK_ICD_FILENAMES=/nonexistent "

static void test_no_driver(void **state)
{
    (void)state;
    assert_int_equal(command_shell(NO_DRIVER "\"$P\" devices --json"), 0);
    json_t *document = command_parse(command_out);
    assert_true(json_is_array(document));
    assert_int_equal(json_array_size(document), 0);
    json_decref(document);
    assert_int_equal(command_shell(NO_DRIVER "\"$P\" devices"), 0);
    assert_string_equal(command_out, "");

    assert_int_equal(
        command_shell(NO_DRIVER
                      "\"$P\" train --data \"$X/earth_relief2sat\" --out none"),
        1);
    command_check_has(command_err, "error: ");
    assert_string_equal(command_out, "");
    command_check_file("none", false);
    assert_int_equal(command_shell(NO_DRIVER "\"$P\" train --plan --json"), 1);
    assert_string_equal(command_out, "");
}

// The loader believes a driver's manifest. Of one that announces 1.0 it hides what is
// newer, whatever the device says.
static void test_old_manifest(void **state)
{
    (void)state;
    if (command_shell(
            "for f in $VK_DRIVER_FILES /usr/share/vulkan/icd.d/lvp_icd*.json; do "
            "[ -f \"$f\" ] && grep -q lvp \"$f\" && "
            "sed 's/\"api_version\": *\"[^\"]*\"/\"api_version\": \"1.0.0\"/' \"$f\" "
            ">old.json && exit 0; done; exit 1") != 0)
        skip();
    assert_int_equal(command_shell("export VK_DRIVER_FILES=$PWD/old.json "
                                   "VK_ICD_FILENAMES=$PWD/old.json; \"$P\" devices && "
                                   "\"$P\" bench --quick --counters --only translate"),
                     1);
    command_check_has(command_out, "   not usable: ");
    command_check_has(command_out, "its manifest (icd.d/*.json) announces 1.0");
    command_check_has(command_err, "announces 1.0: reinstall the driver");
}

static void test_devices(void **state)
{
    (void)state;
    RUN(0, "devices --json");
    json_t *document = command_parse(command_out);
    assert_true(json_is_array(document));
    int defaults = 0;
    for (size_t i = 0; i < json_array_size(document); i++) {
        const json_t *device = json_array_get(document, i);
        static const char *const texts[] = { "name", "type", "driver", "driver_version",
                                             "api_version" };
        for (size_t k = 0; k < ARRAY_LEN(texts); k++)
            assert_true(json_is_string(json_object_get(device, texts[k])));
        assert_true(command_number_at(device, "index") == (double)i);
        command_number_at(device, "vendor_id");
        command_number_at(device, "device_id");
        command_number_at(device, "memory_bytes");
        assert_true(json_is_boolean(json_object_get(device, "default")));
        assert_true(json_is_boolean(json_object_get(device, "usable")));
        const bool is_default = json_is_true(json_object_get(device, "default"));
        const bool usable = json_is_true(json_object_get(device, "usable"));
        assert_true(json_object_get(device, "reason") != NULL);
        assert_true(json_is_string(json_object_get(device, "reason")) == !usable);
        assert_true(usable || !is_default);
        assert_int_equal(json_object_size(device), 12);
        defaults += is_default;
    }
    json_decref(document);
    assert_true(defaults <= 1);
    RUN(0, "devices");
}

static void test_plan(void **state)
{
    (void)state;
    command_need_device();
    static const char *const members[] = {
        "device_bytes",     "state_bytes",    "arena_bytes",
        "step_block_bytes", "staging_bytes",  "arena_bytes_without_reuse",
        "dispatches",       "barriers",       "submissions",
        "flops_per_step",   "bytes_per_step",
    };
    RUN(0, "train --plan --json");
    json_t *document = command_parse(command_out);
    const json_t *plan = document;
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        assert_true(command_number_at(plan, members[i]) > 0);
    assert_true(command_number_at(plan, "weights_g") == 54413955);
    assert_true(command_number_at(plan, "weights_d") == 2768705);
    assert_true(command_number_at(plan, "device_bytes") <= 1024.0 * 1024 * 1024);
    assert_true(command_number_at(plan, "device_bytes") ==
                command_number_at(plan, "state_bytes") +
                    command_number_at(plan, "arena_bytes") +
                    command_number_at(plan, "step_block_bytes") +
                    command_number_at(plan, "staging_bytes"));
    assert_true(command_number_at(plan, "validation_bytes") == 0);
    assert_true(command_number_at(plan, "validation_epochs") == 0);
    json_decref(document);
    RUN(0, "train --plan --json --val-freq 1 --val-metrics lpips");
    document = command_parse(command_out);
    assert_true(command_number_at(document, "lpips_bytes") > 0);
    assert_true(command_number_at(document, "validation_bytes") >
                command_number_at(document, "lpips_bytes"));
    json_decref(document);
    RUN(1, "train --plan --crop-size 16384");
    command_check_has(command_err, "--crop-size");
    RUN(0, "train --plan --data absent --out none " SMALL);
    command_check_has(command_out, "device memory");
    assert_null(strstr(command_out, "validation"));
    RUN(0, "train --plan --best lpips " SMALL);
    command_check_has(command_out, "\n  validation ");
    command_check_has(command_out, "\n    of which LPIPS ");
    command_check_has(command_out, "\nepochs between validations              1\n");
    command_check_file("none", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_usage_errors),
        cmocka_unit_test(test_unknown_options),
        cmocka_unit_test(test_config_errors),
        cmocka_unit_test(test_foreign_out),
        cmocka_unit_test(test_no_driver),
        cmocka_unit_test(test_old_manifest),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_plan),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
