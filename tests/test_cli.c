// SPDX-License-Identifier: MIT
//
// The command, run as a user runs it: help, exit codes, JSON documents, and training,
// translation and evaluation of small networks on real images from end to end.
//
// PIX2PIX_COMMAND is the path of the command, TEST_EXAMPLES the folder of example
// images; both may be given by the build and by the environment, which wins. Files go
// into TEST_SCRATCH, or into a folder under the current one.

#define _POSIX_C_SOURCE 200809L

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/os.h"
#include "pix2pix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

// A network that trains in milliseconds.
#define SMALL "--crop-size 32 --load-size 36 --ngf 4 --ndf 4 "

static const char *examples;
static char *command_path;    // a script that leaves tuning out
static char *scratch_folder;
static bool has_device;

// What the last command printed.
static char *out, *err;

static char *in_scratch(const char *name)
{
    char *path = file_join(scratch_folder, name);
    assert_non_null(path);
    return path;
}

static char *slurp(const char *path)
{
    void *data;
    size_t size;
    if (!file_read(path, &data, &size))
        fail_msg("%s can not be read", path);
    return data;
}

// Runs a shell script inside the scratch folder, with the command as $P and the example
// images as $X. Returns its exit code.
static int shell(const char *format, ...) PRINTF_LIKE(1, 2);
static int shell(const char *format, ...)
{
    char script[4096], line[8192];
    va_list args;
    va_start(args, format);
    assert_true(vsnprintf(script, sizeof(script), format, args) < (int)sizeof(script));
    va_end(args);
    assert_true(snprintf(line, sizeof(line),
                         "cd '%s' && { P='%s'; X='%s'; %s\n} >out.txt 2>err.txt "
                         "</dev/null",
                         scratch_folder, command_path, examples,
                         script) < (int)sizeof(line));
    const int status = system(line);
    mem_free(out);
    mem_free(err);
    char *out_path = in_scratch("out.txt"), *err_path = in_scratch("err.txt");
    out = slurp(out_path);
    err = slurp(err_path);
    mem_free(out_path);
    mem_free(err_path);
    if (strstr(err, "Sanitizer") || strstr(err, "runtime error"))
        fail_msg("a sanitizer speaks: %s\n%s", script, err);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

// Runs the command with these arguments and checks its exit code.
#define RUN(code, ...)                                                                 \
    do {                                                                               \
        const int got = shell("\"$P\" " __VA_ARGS__);                                  \
        if (got != (code))                                                             \
            fail_msg("exit code %d, expected %d\nstdout: %s\nstderr: %s", got, (code), \
                     out, err);                                                        \
    } while (0)

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text);
}

static void assert_kind(const char *name, bool exists)
{
    char *path = in_scratch(name);
    if (file_exists(path) != exists)
        fail_msg("%s should%s exist", name, exists ? "" : " not");
    mem_free(path);
}

static size_t count_lines(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static double number_at(const json_t *object, const char *key)
{
    double value;
    if (!json_to_double(json_object_get(object, key), &value))
        fail_msg("\"%s\" is not a number", key);
    return value;
}

static json_t *parse(const char *text)
{
    json_t *document = json_parse(text, strlen(text), "stdout");
    if (!document)
        fail_msg("not one JSON document: %s", text);
    return document;
}

// ---------------------------------------------------------------------------
// Without a device

static void test_help(void **state)
{
    (void)state;
    static const char *const commands[] = { "",         "devices", "train", "translate",
                                            "evaluate", "convert", "bench", "tune" };
    size_t count;
    const struct pix_option *table = pix_train_option_table(&count);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        // A screen, but for the table of options.
        const bool has_table =
            strcmp(commands[i], "train") == 0 || strcmp(commands[i], "tune") == 0;
        RUN(0, "%s --help", commands[i]);
        assert_string_equal(err, "");
        assert_has(out, "usage: pix2pix");
        assert_true(count_lines(out) <= 40 + (has_table ? count : 0));
        size_t column = 0;
        for (const char *c = out; *c; c++) {
            column = *c == '\n' ? 0 : column + 1;
            if (column > 80)
                fail_msg("a line of help of \"%s\" is too long", commands[i]);
        }
    }
    RUN(0, "train --help");
    for (size_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof(name), "  --%s ", table[i].name);
        assert_has(out, name);
    }
    assert_has(out, "[0.0002]");
    assert_has(out, "--device");
    RUN(0, "--version");
    assert_has(out, "pix2pix ");
    RUN(2, " ");
    RUN(2, "paint");
    assert_has(err, "paint");
    assert_int_equal(shell("\"$P\" train --help >/dev/full"), 1);
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
        { "evaluate --model none", "--data" },
        { "evaluate --model none --data folder --rows 0", "--rows" },
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
        { "convert file none.pth --mode running", "--mode" },
        { "convert file none.pth --json", "--json" },
    };
    assert_int_equal(shell("mkdir -p folder; echo x >file"), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        RUN(2, "%s", cases[i][0]);
        assert_string_equal(out, "");
        assert_has(err, cases[i][1]);
    }
    assert_kind("none", false);

    // Missing files are not a matter of the command line.
    RUN(1, "translate --model none --input absent.png --output o.png");
    assert_has(err, "absent.png");
    RUN(1, "translate --model none --input file --output o.png");
    assert_has(err, "none");
    RUN(1, "evaluate --model file --data absent");
    assert_has(err, "absent");
    RUN(1, "convert absent none.pth");
    assert_has(err, "absent");
    RUN(1, "convert file none.pth");
    assert_has(err, "file");
    RUN(1, "convert folder none.pth --net D");
    assert_has(err, "no checkpoint");
    assert_string_equal(out, "");
    assert_kind("none.pth", false);
}

static void test_config_errors(void **state)
{
    (void)state;
    assert_int_equal(shell("echo 'ngf = many' >a; echo '{\"flux\": 1}' >b"), 0);
    RUN(2, "train --data d --out none --config a");
    assert_has(err, "a:1: ngf");
    RUN(2, "train --data d --out none --config b");
    assert_has(err, "flux");
    assert_kind("none", false);
}

// A folder that is not a run is not touched.
static void test_foreign_out(void **state)
{
    (void)state;
    assert_int_equal(shell("mkdir -p foreign/checkpoints other; echo x >other/thesis"),
                     0);
    RUN(2, "train --data d --out foreign");
    assert_has(err, "not a run");
    RUN(2, "train --data d --out foreign --continue");
    RUN(2, "train --data d --out other");
    RUN(2, "train --data d --out other/thesis");
    assert_int_equal(shell("ls -A foreign other"), 0);
    assert_string_equal(out, "foreign:\ncheckpoints\n\nother:\nthesis\n");

    // A run whose configuration is bad is no matter of the command line; one that
    // leaves everything to its default is none at all.
    assert_int_equal(shell("mkdir bent terse; echo '{\"depth\": 99}' >bent/config.json;"
                           "echo '{\"data\": \"d\"}' >terse/config.json"),
                     0);
    RUN(1, "train --out bent --continue");
    assert_has(err, "depth");
    RUN(2, "train --out terse --continue --data d --ngf 3");
    assert_has(err, "--ngf: 3 differs from the run's 64");
}

#define NO_DRIVER "VK_DRIVER_FILES=/nonexistent VK_ICD_FILENAMES=/nonexistent "

static void test_no_driver(void **state)
{
    (void)state;
    assert_int_equal(shell(NO_DRIVER "\"$P\" devices --json"), 0);
    json_t *document = parse(out);
    assert_true(json_is_array(document));
    assert_int_equal(json_array_size(document), 0);
    json_decref(document);
    assert_int_equal(shell(NO_DRIVER "\"$P\" devices"), 0);
    assert_string_equal(out, "");

    assert_int_equal(
        shell(NO_DRIVER "\"$P\" train --data \"$X/earth_relief2sat\" --out none"), 1);
    assert_has(err, "error: ");
    assert_string_equal(out, "");
    assert_kind("none", false);
    assert_int_equal(shell(NO_DRIVER "\"$P\" train --plan --json"), 1);
    assert_string_equal(out, "");
}

// ---------------------------------------------------------------------------
// With a device

static void test_devices(void **state)
{
    (void)state;
    RUN(0, "devices --json");
    json_t *document = parse(out);
    assert_true(json_is_array(document));
    int defaults = 0;
    for (size_t i = 0; i < json_array_size(document); i++) {
        const json_t *device = json_array_get(document, i);
        static const char *const texts[] = { "name", "type", "driver", "driver_version",
                                             "api_version" };
        for (size_t k = 0; k < ARRAY_LEN(texts); k++)
            assert_true(json_is_string(json_object_get(device, texts[k])));
        assert_true(number_at(device, "index") == (double)i);
        number_at(device, "vendor_id");
        number_at(device, "device_id");
        number_at(device, "memory_bytes");
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

static bool needs_device(void)
{
    if (!has_device)
        skip();
    return has_device;
}

static void test_plan(void **state)
{
    (void)state;
    if (!needs_device())
        return;
    static const char *const members[] = {
        "device_bytes",     "state_bytes",    "arena_bytes",
        "step_block_bytes", "staging_bytes",  "arena_bytes_without_reuse",
        "dispatches",       "barriers",       "submissions",
        "flops_per_step",   "bytes_per_step",
    };
    RUN(0, "train --plan --json");
    json_t *document = parse(out);
    const json_t *plan = document;
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        assert_true(number_at(plan, members[i]) > 0);
    assert_true(number_at(plan, "weights_g") == 54413955);
    assert_true(number_at(plan, "weights_d") == 2768705);
    assert_true(number_at(plan, "device_bytes") <= 1024.0 * 1024 * 1024);
    assert_true(number_at(plan, "device_bytes") ==
                number_at(plan, "state_bytes") + number_at(plan, "arena_bytes") +
                    number_at(plan, "step_block_bytes") +
                    number_at(plan, "staging_bytes"));
    json_decref(document);
    RUN(1, "train --plan --crop-size 16384");
    assert_has(err, "--crop-size");
    RUN(0, "train --plan --data absent --out none " SMALL);
    assert_has(out, "device memory");
    assert_kind("none", false);
}

// Eight real pairs, one of them in a file that is cut off.
static void make_data(void)
{
    static bool made;
    if (made)
        return;
    assert_int_equal(
        shell("mkdir -p pairs/train pairs/test && cd pairs &&"
              "for f in $(ls \"$X/earth_relief2sat/train\" | head -n 7); do "
              "  cp \"$X/earth_relief2sat/train/$f\" train/ || exit 1; done;"
              "for f in $(ls \"$X/earth_relief2sat/test\" | head -n 2); do "
              "  cp \"$X/earth_relief2sat/test/$f\" test/ || exit 1; done;"
              "f=$(ls train | head -n 1); head -c 300 \"train/$f\" >train/broken.jpg"),
        0);
    made = true;
}

// A finished run of three steps in "run", which later tests use.
static void make_run(void)
{
    static bool made;
    make_data();
    if (made)
        return;
    RUN(0, "train --data pairs --out run --direction BtoA " SMALL
           "--steps 3 --log-freq 1 --save-freq 2 --sample-freq 2");
    made = true;
}

static void check_metrics(const char *path, uint64_t steps)
{
    char *full = in_scratch(path);
    char *text = slurp(full);
    static const char *const members[] = {
        "epoch",     "loss_d_real", "loss_d_fake", "loss_g_gan",
        "loss_g_l1", "lr",          "ms",          "images_per_s",
    };
    uint64_t step = 0;
    char *line = text;
    while (*line) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = 0;
        json_t *document = parse(line);
        step++;
        assert_true(number_at(document, "step") == (double)step);
        for (size_t i = 0; i < ARRAY_LEN(members); i++)
            number_at(document, members[i]);
        json_decref(document);
        line = end + 1;
    }
    assert_true(step == steps);
    mem_free(text);
    mem_free(full);
}

static void test_train(void **state)
{
    (void)state;
    if (!needs_device())
        return;
    make_run();
    assert_has(out, "step 1/3");
    assert_has(out, "step 3/3");
    assert_null(strchr(out, '\r'));
    assert_has(err, "broken.jpg");
    check_metrics("run/metrics.jsonl", 3);
    assert_kind("run/checkpoints/step-00000002.safetensors", true);
    assert_kind("run/checkpoints/step-00000003.safetensors", true);
    assert_int_equal(shell("ls run/samples"), 0);
    assert_true(count_lines(out) >= 1);

    char *path = in_scratch("run/config.json");
    char *text = slurp(path);
    json_t *document = parse(text);
    const json_t *config = document;
    assert_true(number_at(config, "crop-size") == 32);
    assert_true(number_at(config, "depth") == 5);
    assert_null(json_object_get(config, "out"));
    json_decref(document);
    mem_free(text);
    mem_free(path);

    assert_int_equal(shell("cp -r run before"), 0);
    RUN(2, "train --data pairs --out run " SMALL);
    assert_has(err, "--continue");
    RUN(2, "train --out run --continue --ngf 8");
    assert_has(err, "--ngf");
    RUN(2, "train --out run --continue --direction AtoB");
    RUN(2, "train --out run --continue --data folder");
    assert_int_equal(shell("diff -r run before && rm -r before"), 0);
}

static void test_continue(void **state)
{
    (void)state;
    if (!needs_device())
        return;
    make_run();
    // The same options again are no difference.
    assert_int_equal(shell("cp -r run more && printf '# more\\nsteps = 5\\n' >steps"),
                     0);
    RUN(0, "train --out more --continue --config steps --data ./pairs/ --json " SMALL);
    json_t *document = parse(out);
    assert_true(number_at(document, "step") == 5);
    assert_true(number_at(document, "trained") == 2);
    json_decref(document);
    check_metrics("more/metrics.jsonl", 5);
    assert_kind("more/checkpoints/step-00000005.safetensors", true);

    RUN(0, "train --out more --continue");
    assert_has(out, "trained already");

    // Only one process at a time. The first one has done a step when the second comes.
    assert_int_equal(
        shell("\"$P\" train --data pairs --out twice " SMALL
              "--steps 100000 --log-freq 1 --save-freq 0 --sample-freq 0 >/dev/null & "
              "p=$!; i=0; while [ ! -s twice/metrics.jsonl ] && [ $i -lt 600 ]; do "
              "sleep 0.1; i=$((i+1)); done; \"$P\" train --out twice --continue; "
              "code=$?; kill -9 $p; wait $p; exit $code"),
        1);
    assert_has(err, "trained already");
    RUN(0, "train --out twice --continue --steps 1");

    // A run that was killed before its first checkpoint starts from the beginning.
    assert_int_equal(shell("mkdir early && cp run/config.json early"), 0);
    RUN(0, "train --out early --continue");
    check_metrics("early/metrics.jsonl", 3);
    assert_int_equal(shell("cmp run/checkpoints/step-00000003.safetensors "
                           "early/checkpoints/step-00000003.safetensors"),
                     0);

    // So does one that was killed before there was anything of it, if data are given.
    RUN(0,
        "train --data pairs --out nothing_yet --continue --steps 1 --log-freq 1 " SMALL);
    assert_has(err, "from the beginning");
    check_metrics("nothing_yet/metrics.jsonl", 1);
}

// Waits until the run has trained, then sends it a signal.
#define SIGNAL(signal)                                                                 \
    "& p=$!; i=0; while [ ! -s \"$R/metrics.jsonl\" ] && [ $i -lt 600 ]; do "          \
    "sleep 0.1; i=$((i+1)); done; kill -" signal " $p; wait $p"

static void test_interrupt(void **state)
{
    (void)state;
    if (!needs_device())
        return;
    make_data();
    assert_int_equal(
        shell(
            "R=stopped; \"$P\" train --data pairs --out $R " SMALL
            "--steps 100000 --log-freq 1 --save-freq 0 --sample-freq 0 " SIGNAL("INT")),
        130);
    assert_has(out, "interrupted at");
    assert_int_equal(shell("ls stopped/checkpoints"), 0);
    assert_has(out, ".safetensors");
    const unsigned step = (unsigned)strtoul(out + strlen("step-"), NULL, 10);
    assert_true(step > 0);

    // As many steps in one go end with the same file.
    RUN(0, "train --out stopped --continue --steps %u", step + 2);
    assert_has(out, "after 2 steps");
    RUN(0,
        "train --data pairs --out straight " SMALL
        "--steps %u --log-freq 1 --save-freq 0 --sample-freq 0",
        step + 2);
    assert_int_equal(shell("cmp stopped/checkpoints/step-%08u.safetensors "
                           "straight/checkpoints/step-%08u.safetensors",
                           step + 2, step + 2),
                     0);
}

// What was measured before an interrupt is kept. The real command is at work here.
static void test_tune(void **state)
{
    (void)state;
    if (!needs_device())
        return;
    assert_int_equal(shell("export TUNE=1; rm -rf caches; \"$P\" tune " SMALL
                           "--json & p=$!; sleep 2; kill -INT $p; wait $p"),
                     130);
    char *brace = strchr(out, '{');
    assert_non_null(brace);
    json_t *document = parse(brace);
    const json_t *rows = json_object_get(document, "rows");
    const char *path = json_string_value(json_object_get(document, "table"));
    assert_true(json_array_size(rows) >= 1 && json_array_size(rows) < 35);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        assert_has(json_string_value(json_object_get(row, "shape")), "-> ");
        assert_true(json_is_string(json_object_get(row, "built_in")));
        assert_true(json_is_string(json_object_get(row, "chosen")));
        assert_true(number_at(row, "chosen_ms") <= number_at(row, "built_in_ms"));
        assert_true(number_at(row, "gflops") > 0);
    }
    const json_t *first = json_array_get(rows, 0);
    char *table = slurp(path);
    assert_has(table, json_string_value(json_object_get(first, "shape")));
    mem_free(table);
    json_decref(document);
    assert_int_equal(shell("rm -rf caches"), 0);
}

// At any moment the code is that of an interrupt, and the run can be continued.
static void test_interrupt_early(void **state)
{
    (void)state;
    if (!needs_device())
        return;
    make_data();
    for (int tenths = 0; tenths < 4; tenths++) {
        assert_int_equal(
            shell("rm -rf early_stop; \"$P\" train --data pairs --out early_stop " SMALL
                  "--steps 100000 & p=$!; sleep 0.%d; "
                  "while kill -INT $p; do sleep 0.05; done 2>/dev/null; wait $p",
                  tenths),
            130);
        RUN(0, "train --data pairs --out early_stop --continue --steps 1 " SMALL);
    }
}

// The limit on the size of a file stands for a full disk: an error, not a signal.
static void test_no_room(void **state)
{
    (void)state;
    if (!needs_device())
        return;
    make_data();
    assert_int_equal(
        shell("(ulimit -f 64; \"$P\" train --data pairs --out cramped " SMALL
              "--steps 2)"),
        1);
    assert_has(err, "was not written");
    RUN(0, "train --out cramped --continue");
}

static void test_kill(void **state)
{
    (void)state;
    if (!needs_device())
        return;
    make_data();
    assert_int_equal(
        shell("R=killed; \"$P\" train --data pairs --out $R " SMALL
              "--steps 100000 --log-freq 1 --save-freq 2 --sample-freq 1 " SIGNAL(
                  "KILL")),
        128 + 9);
    assert_int_equal(shell("wc -l <killed/metrics.jsonl"), 0);
    const unsigned steps = (unsigned)strtoul(out, NULL, 10) + 3;
    RUN(0, "train --out killed --continue --steps %u", steps);
    check_metrics("killed/metrics.jsonl", steps);
}

static void test_translate(void **state)
{
    (void)state;
    if (!needs_device())
        return;
    make_run();
    assert_int_equal(shell("mkdir -p in && for f in $(ls \"$X/satellite\" | grep jpg | "
                           "head -n 2); do cp \"$X/satellite/$f\" in/ || exit 1; done; "
                           "cp \"$(ls in/*.jpg | head -n 1)\" one.jpg"),
                     0);
    RUN(0, "translate --model run --input one.jpg --output one.png");
    char *path = in_scratch("one.png");
    struct pix_image image;
    assert_true(pix_image_read(path, &image));
    assert_int_equal(image.width, 32);
    assert_int_equal(image.height, 32);
    pix_image_free(&image);
    mem_free(path);

    RUN(0, "translate --model run/checkpoints/step-00000003.safetensors --input in "
           "--output new/results");
    assert_int_equal(shell("ls in >a; ls new/results >b; cmp a b"), 0);

    // Alone or in a folder, an image has the same translation.
    RUN(0, "translate --model run --input one.jpg --output alone.jpg");
    assert_int_equal(shell("cmp alone.jpg \"new/results/$(ls in | head -n 1)\""), 0);

    // In a batch, too.
    RUN(0, "translate --model run --input in --output batch --batch-size 2");
    assert_int_equal(shell("diff -r batch new/results"), 0);
    RUN(1, "translate --model run --input in --output batch --batch-size 5000");
    assert_has(err, "--batch-size takes 1 to 1024");

    // A broken image is named, the others are translated. Messages are in order.
    assert_int_equal(shell("head -c 300 one.jpg >in/0broken.jpg; "
                           "head -c 300 one.jpg >in/zbroken.jpg"),
                     0);
    RUN(1, "translate --model run --input in --output partly --batch-size 2");
    assert_has(err, "0broken.jpg");
    assert_has(err, "zbroken.jpg");
    assert_true(strstr(err, "0broken.jpg") < strstr(err, "zbroken.jpg"));
    assert_has(out, "2 of 4 images");
    assert_int_equal(shell("ls partly >b; cmp a b; diff -r partly batch; "
                           "rm in/zbroken.jpg"),
                     0);
    // Nowhere to write to: an error each, no output.
    assert_int_equal(shell("for f in $(ls in); do mkdir -p \"taken/$f\"; done"), 0);
    RUN(1, "translate --model run --input in --output taken --batch-size 2");
    assert_has(out, "0 of 3 images");
    assert_int_equal(shell("rm in/0broken.jpg; mkfifo in/pipe.png; "
                           "ln -s nowhere in/link.png"),
                     0);
    RUN(1, "translate --model run --input in --output partly");
    assert_has(err, "in/pipe.png: is not a regular file");
    assert_has(err, "in/link.png: ");
    assert_int_equal(shell("rm in/pipe.png in/link.png; head -c 300 one.jpg "
                           ">in/0broken.jpg"),
                     0);
    RUN(1, "translate --model run --input in/0broken.jpg --output broken.png");
    assert_kind("broken.png", false);
    RUN(1, "translate --model run --input one.jpg --output file/one.png");
    assert_int_equal(shell("mkdir -p nothing"), 0);
    RUN(1, "translate --model run --input nothing --output nowhere");
    assert_kind("nowhere", false);

    // 32 fits, 48 does not.
    RUN(0, "translate --model run --preprocess none --input one.png --output same.png");
    struct pix_image odd = { 48, 40, calloc(48 * 40, 3) };
    assert_non_null(odd.pixels);
    path = in_scratch("odd.png");
    assert_true(pix_image_write(path, &odd));
    free(odd.pixels);
    mem_free(path);
    RUN(1, "translate --model run --preprocess none --input odd.png --output no.png");
    assert_has(err, "32");
    assert_kind("no.png", false);

    RUN(1, "translate --model run --plan --input absent.png");
    assert_has(err, "absent.png");
    RUN(0, "translate --model run --plan --json");
    json_t *document = parse(out);
    assert_true(number_at(document, "device_bytes") > 0);
    assert_true(number_at(document, "weights_d") == 0);
    json_decref(document);
}

// The images that are on their way are finished, no others begun, and no half ones
// left.
// A run with dropout, for what translation and conversion do with it.
static void make_dropped(void)
{
    static bool made;
    make_data();
    if (made)
        return;
    RUN(0, "train --data pairs --out dropped " SMALL
           "--steps 3 --dropout-at d1-d3 --ema 0.5 --lr 0.01");
    assert_int_equal(shell("cp \"$X/satellite/$(ls \"$X/satellite\" | grep jpg | "
                           "head -n 1)\" real.jpg"),
                     0);
    made = true;
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
    if (!needs_device())
        return;
    make_dropped();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        RUN(0, "translate --model dropped --input real.jpg --output mode_%s.png %s",
            cases[i][0], cases[i][1]);
    // The default is stable, which draws nothing; the others are all different.
    assert_int_equal(shell("cmp mode_plain.png mode_stable.png && "
                           "cmp mode_plain.png mode_stable_2.png && "
                           "cmp mode_paper.png mode_paper_1.png"),
                     0);
    assert_int_equal(shell("cksum mode_plain.png mode_paper.png mode_paper_2.png "
                           "mode_running.png mode_weights.png | cut -d ' ' -f 1 | "
                           "sort -u"),
                     0);
    assert_int_equal(count_lines(out), 5);
    // Without dropout the paper's mode is the stable one.
    make_run();
    RUN(0, "translate --model run --input real.jpg --output a.png --mode paper");
    RUN(0, "translate --model run --input real.jpg --output b.png");
    assert_int_equal(shell("cmp a.png b.png"), 0);
}

static void test_convert(void **state)
{
    (void)state;
    if (!needs_device())
        return;
    make_dropped();
    RUN(0, "convert dropped G.pth");
    assert_string_equal(out, "G.pth\n");
    assert_has(err, "unet of 5 levels, ngf 4, batch norm, 3 -> 3 channels");
    RUN(0, "convert dropped/checkpoints/step-00000003.safetensors D.pth --net D");
    assert_has(err, "discriminator");
    RUN(0, "convert dropped W.pth --no-ema");
    assert_int_equal(shell("cmp -s G.pth W.pth"), 1);

    // There and back, by every way, nothing is lost.
    RUN(0, "convert G.pth G.safetensors");
    RUN(0, "convert G.safetensors G2.pth");
    RUN(0, "convert dropped G3.safetensors");
    RUN(0, "convert G3.safetensors G3.pth");
    assert_int_equal(shell("cmp G.pth G2.pth && cmp G.pth G3.pth"), 0);
    RUN(0, "convert D.pth D.safetensors --net D");
    RUN(0, "convert D.safetensors D2.pth --net D");
    assert_int_equal(shell("cmp D.pth D2.pth"), 0);
    RUN(0, "convert G.pth G.onnx");
    RUN(0, "convert dropped G2.onnx --mode stable");
    RUN(0, "convert dropped G3.onnx --mode running");
    RUN(0, "convert D.safetensors D.onnx --net D");
    assert_int_equal(shell("cmp -s G2.onnx G3.onnx"), 1);
    assert_int_equal(shell("grep -c pix2pix G.onnx"), 0);

    // All make the same picture. The sides that a file of the port leaves open are
    // those of the port.
    RUN(0, "translate --model dropped --input real.jpg --output a.png");
    RUN(0, "translate --model G3.safetensors --input real.jpg --output b.png");
    assert_int_equal(shell("cmp a.png b.png"), 0);
    RUN(0, "translate --model dropped --preprocess none --input a.png --output c.png");
    RUN(0, "translate --model G2.pth --preprocess none --input a.png --output d.png");
    assert_int_equal(shell("cmp c.png d.png"), 0);

    // What bare weights do not say can be told: direction and kind of samples.
    RUN(0, "translate --model G2.pth --preprocess none --input a.png --output d.npy "
           "--output-kind f32");
    assert_int_equal(shell("head -c 6 d.npy | grep -q NUMPY && "
                           "test $(wc -c <d.npy) -gt 12288"),
                     0);
    RUN(2, "translate --model G2.pth --input a.png --output d.png --output-kind f16");
    assert_has(err, "u8|u16|f32");
    RUN(0, "evaluate --model G2.pth --data pairs --direction AtoB --json");
    json_t *there = parse(out);
    RUN(0, "evaluate --model G2.pth --data pairs --direction BtoA --json");
    json_t *back = parse(out);
    assert_true(number_at(there, "l1_mean_colour") !=
                number_at(back, "l1_mean_colour"));
    json_decref(there);
    json_decref(back);

    // The wrong network, nothing to read, nowhere to write to.
    RUN(1, "convert D.pth no.pth");
    assert_has(err, "D.pth holds a discriminator");
    RUN(1, "convert G.safetensors no.pth --net D");
    assert_has(err, "G.safetensors holds a generator");
    RUN(1, "convert G.onnx no.pth");
    assert_has(err, "G.onnx");
    assert_int_equal(shell("head -c 3000 G.pth >cut.pth; head -c 3000 G.safetensors "
                           ">cut2.safetensors; mkdir -p taken.pth sub"),
                     0);
    RUN(1, "convert cut.pth no.pth");
    assert_has(err, "cut.pth");
    RUN(1, "convert cut2.safetensors no.pth");
    assert_has(err, "cut2.safetensors");
    RUN(1, "convert G.pth absent/no.safetensors");
    assert_has(err, "absent/no.safetensors");
    RUN(1, "convert G.safetensors taken.pth");
    assert_has(err, "taken.pth");
    RUN(1, "convert G.safetensors file/no.onnx");
    assert_has(err, "file/no.onnx");
    assert_string_equal(out, "");
    assert_kind("no.pth", false);
    assert_int_equal(shell("ls -A | grep -c tmp; ls -A sub | wc -l"), 0);
    assert_string_equal(out, "0\n0\n");

    // A run starts from what was written.
    RUN(0, "train --data pairs --out started --init-g G.pth --init-d D.safetensors "
           "--dropout-at d1-d3 --steps 1 " SMALL);
    assert_has(err, "starting from G.pth");
    assert_has(err, "starting from D.safetensors");
    RUN(0, "train --out started --continue --steps 2 --init-g G.pth");
    assert_has(err, "--init-g G.pth is not used");
    RUN(1, "train --data pairs --out none --init-g G.pth --crop-size 32 --load-size 36 "
           "--ngf 8");
    assert_has(err, "model.model.0.weight");
    assert_kind("none", false);
}

// A recipe says what it sets; what else is given stands above it, before or after.
static void test_recipe(void **state)
{
    (void)state;
    if (!needs_device())
        return;
    make_data();
    RUN(0, "train --data pairs --out lua --d-loss-weight 0.75 --recipe lua "
           "--n-epochs 3 --steps 1 " SMALL);
    assert_has(err, "recipe lua: --norm batch ");
    assert_has(err, "--concat decoder_first");
    assert_has(err, "--update-order reuse");
    assert_has(err, "--n-epochs-decay 0");
    assert_int_equal(shell("cat lua/config.json"), 0);
    json_t *config = parse(out);
    assert_string_equal(json_string_value(json_object_get(config, "recipe")), "lua");
    assert_string_equal(json_string_value(json_object_get(config, "concat")),
                        "decoder_first");
    assert_true(number_at(config, "d-loss-weight") == 0.75);
    assert_true(number_at(config, "n-epochs") == 3);
    assert_true(number_at(config, "n-epochs-decay") == 0);
    json_decref(config);

    // In a file, too.
    assert_int_equal(shell("printf 'd_loss_weight = 0.75\\nrecipe = affinelayer\\n' "
                           ">recipe.txt"),
                     0);
    RUN(0, "train --data pairs --out affine --config recipe.txt --steps 1 " SMALL);
    assert_has(err, "recipe affinelayer: ");
    assert_has(err, "--bias all --norm-innermost");
    assert_int_equal(shell("cat affine/config.json"), 0);
    config = parse(out);
    assert_true(number_at(config, "d-loss-weight") == 0.75);
    assert_true(json_is_true(json_object_get(config, "norm-innermost")));
    json_decref(config);

    // The default has no word to say unless it is named.
    RUN(0, "train --data pairs --out port --recipe pytorch --steps 1 " SMALL);
    assert_has(err, "recipe pytorch: ");
    RUN(0, "train --out port --steps 2 --continue");
    assert_null(strstr(err, "recipe"));

    // A run that goes on has its recipe, and no other.
    RUN(0, "train --out lua --continue --steps 2");
    assert_has(err, "recipe lua: ");
    RUN(2, "train --out lua --continue --recipe affinelayer --steps 3");
    RUN(0, "train --data pairs --out default --steps 1 " SMALL);
    assert_null(strstr(err, "recipe"));
}

static void test_translate_interrupt(void **state)
{
    (void)state;
    if (!needs_device())
        return;
    make_run();
    assert_int_equal(
        shell("mkdir many && cp \"$X/satellite/$(ls \"$X/satellite\" | grep jpg | "
              "head -n 1)\" many/0.jpg && i=1; while [ $i -lt 500 ]; do "
              "ln many/0.jpg many/$i.jpg; i=$((i+1)); done; "
              "\"$P\" translate --model run --input many --output few & "
              "p=$!; i=0; while [ ! -e few/0.jpg ] && [ $i -lt 3000 ]; do "
              "sleep 0.02; i=$((i+1)); done; kill -INT $p; wait $p"),
        130);
    assert_has(out, " of 500 images");
    assert_int_equal(shell("ls -A few | wc -l; ls -A few | grep -c tmp"), 1);
    char *rest;
    const unsigned long written = strtoul(out, &rest, 10);
    assert_true(written > 0 && written < 500);
    assert_string_equal(rest, "\n0\n");
    assert_int_equal(shell("rm -r many few"), 0);
}

// A flat array of 3 channels of floats.
static void write_array(const char *name, float value)
{
    float data[3 * 32 * 32];
    const struct pix_array array = { PIX_KIND_F32, 3, 32, 32, data };
    for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++)
        data[i] = value;
    char *path = in_scratch(name);
    assert_true(pix_array_write(path, &array));
    mem_free(path);
}

// Files of a model's translations are of its kind, whatever its input was.
static void test_translate_arrays(void **state)
{
    (void)state;
    if (!needs_device())
        return;
    assert_int_equal(
        shell("mkdir -p arrays/train/A arrays/train/B mixed; "
              "cp \"$(ls \"$X\"/satellite/*.jpg | head -n 1)\" mixed/a.jpg"),
        0);
    write_array("arrays/train/A/1.npy", 0.5f);
    write_array("arrays/train/B/1.npy", -0.25f);
    write_array("mixed/b.npy", 0.5f);
    RUN(0, "train --data arrays --out floats " SMALL "--preprocess none --load-size 0 "
           "--steps 1");
    RUN(0, "translate --model floats --input mixed --output made");
    assert_int_equal(shell("ls made"), 0);
    assert_string_equal(out, "a.npy\nb.npy\n");
    RUN(0, "translate --model floats --input mixed/a.jpg --output alone.npy");
    assert_int_equal(shell("cmp alone.npy made/a.npy"), 0);
    RUN(0, "translate --model floats --input mixed/b.npy --plan --preprocess none");
    RUN(1, "translate --model floats --input mixed/a.jpg --output no.png");
    assert_has(err, "--output no.png can not hold what this model makes: name a .npy");
    assert_kind("no.png", false);

    // Two inputs, one output.
    assert_int_equal(shell("cp mixed/a.jpg mixed/b.jpg"), 0);
    RUN(1, "translate --model floats --input mixed --output collide");
    assert_has(err, "would both become");
    assert_has(err, "mixed/b.jpg");
    assert_has(err, "mixed/b.npy");
    assert_kind("collide", false);

    // Where the model makes bytes each file stays what it is.
    make_run();
    RUN(0, "translate --model run --input mixed --output bytes");
    assert_int_equal(shell("ls bytes"), 0);
    assert_string_equal(out, "a.jpg\nb.jpg\nb.npy\n");
    RUN(0, "evaluate --model floats --data arrays --split train");
    assert_has(out, "pairs 1");
}

static void test_evaluate(void **state)
{
    (void)state;
    if (!needs_device())
        return;
    make_run();
    RUN(0, "evaluate --model run --data pairs --json --grid grid.png --rows 1");
    json_t *document = parse(out);
    const json_t *result = document;
    assert_true(number_at(result, "pairs") == 2);
    assert_true(number_at(result, "l1") > 0 && number_at(result, "l1") < 2);
    assert_true(number_at(result, "l1_copy") > 0);
    assert_true(number_at(result, "l1_mean_colour") > 0);
    assert_true(number_at(result, "broken") == 0);
    const double l1 = number_at(result, "l1");
    json_decref(document);
    char *path = in_scratch("grid.png");
    struct pix_image grid;
    assert_true(pix_image_read(path, &grid));
    assert_true(grid.height >= 160 && grid.width == 3 * grid.height);
    pix_image_free(&grid);
    mem_free(path);
    RUN(1, "evaluate --model run --data pairs --split val");
    assert_has(err, "val");

    // A broken pair is named and stops none of the others.
    assert_int_equal(shell("mkdir pairs/val && cp pairs/test/* pairs/val && "
                           "cp pairs/train/broken.jpg pairs/val/+broken.jpg"),
                     0);
    RUN(1, "evaluate --model run --data pairs --split val --json --grid grid.png");
    assert_has(err, "+broken.jpg");
    document = parse(out);
    assert_true(number_at(document, "pairs") == 2);
    assert_true(number_at(document, "broken") == 1);
    assert_true(number_at(document, "l1") == l1);
    json_decref(document);
    assert_kind("grid.png", true);
    assert_int_equal(shell("rm grid.png; for f in pairs/val/*; do : >\"$f\"; done"), 0);
    RUN(1, "evaluate --model run --data pairs --split val --json --grid grid.png");
    assert_string_equal(out, "");
    assert_has(err, "no image in pairs/val can be read");
    assert_kind("grid.png", false);
    assert_int_equal(shell("rm -r pairs/val"), 0);
}

static void test_bad_input(void **state)
{
    (void)state;
    if (!needs_device())
        return;
    make_run();
    // Nothing to train on.
    RUN(1, "train --data absent --out none " SMALL);
    assert_has(err, "absent");
    assert_int_equal(shell("mkdir -p empty/train; mkdir -p bad/train && "
                           "cp pairs/train/broken.jpg bad/train"),
                     0);
    RUN(1, "train --data empty --out none " SMALL);
    RUN(1, "train --data bad --out none " SMALL);
    assert_has(err, "broken.jpg");
    assert_kind("none", false);

    // Nowhere to write to.
    RUN(1, "train --data pairs --out file/run --steps 1 " SMALL);
    assert_has(err, "error: ");
    assert_has(err, " file");

    // No such device.
    RUN(1, "train --data pairs --out none --device 'no such device' " SMALL);
    assert_has(err, "no such device");
    assert_kind("none", false);

    // Damaged and foreign checkpoints.
    assert_int_equal(shell("head -c 5000 run/checkpoints/step-00000003.safetensors "
                           ">cut.safetensors; : >zero.safetensors"),
                     0);
    static const char *const models[] = { "cut.safetensors", "zero.safetensors",
                                          "one.jpg", "empty" };
    assert_int_equal(shell("cp \"$X/satellite/$(ls \"$X/satellite\" | grep jpg | "
                           "head -n 1)\" one.jpg"),
                     0);
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        RUN(1, "translate --model %s --input one.jpg --output no.png", models[i]);
        assert_has(err, models[i]);
        assert_kind("no.png", false);
    }
    assert_int_equal(shell("cp -r run hurt && head -c 5000 cut.safetensors "
                           ">hurt/checkpoints/step-00000003.safetensors"),
                     0);
    // The one before it is taken, and the damaged one is not deleted.
    RUN(0, "train --out hurt --continue --steps 4");
    assert_has(err, "step-00000003.safetensors is cut short");
    check_metrics("hurt/metrics.jsonl", 4);

    // Networks that no device holds are refused before anything is allocated.
    RUN(1, "train --data pairs --out none --ngf 1024 --ndf 1024");
    assert_has(err, "error: ");
    assert_kind("none", false);
    RUN(1, "train --plan --json --crop-size 16384 --ngf 1024 --batch-size 4096");
    assert_string_equal(out, "");
}

// ---------------------------------------------------------------------------

// Nothing is measured but where a test is about that, and the user's caches stay as
// they are.
static bool write_command(const char *command)
{
    char *folder = os_path_absolute(scratch_folder);
    char *script =
        mem_printf("#!/bin/sh\nexport XDG_CACHE_HOME='%s/caches'\n"
                   "[ -z \"$TUNE\" ] || exec '%s' \"$@\"\n"
                   "case \"$1\" in\ntrain | translate | evaluate) name=$1; shift\n"
                   "    exec '%s' \"$name\" --tuning off \"$@\" ;;\nesac\n"
                   "exec '%s' \"$@\"\n",
                   folder, command, command, command);
    command_path = mem_printf("%s/pix2pix", folder);
    bool ok = folder && script && command_path &&
              file_write(command_path, script, strlen(script)) &&
              chmod(command_path, 0755) == 0;
    mem_free(script);
    mem_free(folder);
    return ok;
}

static int group_setup(void **state)
{
    (void)state;
    const char *command = getenv("PIX2PIX_COMMAND");
    examples = getenv("TEST_EXAMPLES");
#ifdef PIX2PIX_COMMAND
    if (!command)
        command = PIX2PIX_COMMAND;
#endif
#ifdef TEST_EXAMPLES
    if (!examples)
        examples = TEST_EXAMPLES;
#endif
    if (!command || !examples) {
        fprintf(stderr, "test_cli: PIX2PIX_COMMAND or TEST_EXAMPLES is not set\n");
        return 1;
    }
    const char *parent = getenv("TEST_SCRATCH");
    scratch_folder = file_join(parent ? parent : ".", "test_cli_XXXXXX");
    if (!scratch_folder || (parent && !file_make_folder(parent)) ||
        !mkdtemp(scratch_folder) || !write_command(command))
        return 1;
    has_device = shell("\"$P\" devices --json | grep -q '\"usable\": true'") == 0;
    if (!has_device)
        fprintf(stderr, "test_cli: no usable device; its tests are skipped\n");
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    mem_free(out);
    mem_free(err);
    mem_free(command_path);
    char line[4096];
    snprintf(line, sizeof(line), "rm -rf '%s'", scratch_folder);
    const int code = getenv("TEST_KEEP") ? 0 : system(line);
    mem_free(scratch_folder);
    return code;
}

// ---------------------------------------------------------------------------
// Benchmark

// Every element is closed, in order; nothing is loaded from anywhere.
static void check_page(const char *path)
{
    static const char *const foreign[] = { "http:", "https:",    "src=",    "href=",
                                           "url(",  "@import",   "<script", "<link",
                                           "<img",  "javascript" };
    char *full = in_scratch(path), *page = slurp(full);
    char stack[64][16];
    size_t depth = 0, charts = 0;
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
        if (strstr(page, foreign[i]))
            fail_msg("%s has %s", path, foreign[i]);
    assert_true(strncmp(page, "<!DOCTYPE html>", 15) == 0);
    for (size_t at = 15; page[at]; at++) {
        if (page[at] != '<')
            continue;
        const bool closes = page[at + 1] == '/';
        const char *name = page + at + 1 + closes;
        const size_t length = strcspn(name, " />\n"),
                     end = at + strcspn(page + at, ">");
        assert_true(page[end] == '>');
        assert_true(length > 0 && length < sizeof(stack[0]));
        if (closes) {
            assert_true(depth > 0);
            depth--;
            if (strlen(stack[depth]) != length || strncmp(stack[depth], name, length))
                fail_msg("</%.*s> closes <%s>", (int)length, name, stack[depth]);
        } else if (page[end - 1] != '/' && strncmp(name, "meta", length) != 0) {
            assert_true(depth < ARRAY_LEN(stack));
            snprintf(stack[depth++], sizeof(stack[0]), "%.*s", (int)length, name);
            charts += length == 3 && strncmp(name, "svg", 3) == 0;
        }
        at = end;
    }
    assert_int_equal(depth, 0);
    assert_true(charts >= 3);
    assert_null(strstr(page, "nan"));
    assert_null(strstr(page, "inf"));
    mem_free(page);
    mem_free(full);
}

#define TINY "--sizes 32 --ngf 4 --ndf 4 --quick "

static void test_bench(void **state)
{
    (void)state;
    if (!needs_device())
        return;
    RUN(0, "bench " TINY "--batches 1,2 --json bench.json --html bench.html");
    assert_has(out, "multiply-add, f32");
    assert_has(out, "weight gradient");
    assert_has(out, "training step, 32 px, 2 images");
    assert_has(out, "how it was measured");
    check_page("bench.html");

    char *path = in_scratch("bench.json"), *text = slurp(path);
    json_t *document = parse(text);
    const json_t *device = json_array_get(json_object_get(document, "devices"), 0);
    const json_t *rows = json_object_get(device, "rows");
    assert_true(json_is_true(json_object_get(device, "complete")));
    assert_true(json_array_size(json_object_get(document, "method")) > 3);
    assert_true(json_array_size(rows) > 50);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        assert_true(number_at(row, "seconds") > 0);
        assert_true(number_at(row, "samples") >= 3);
        assert_true(number_at(row, "count") > 0);
    }
    json_decref(document);
    mem_free(text);
    mem_free(path);

    // Counted only, and all devices there are.
    RUN(0, "bench --counters --device all --json counted.json --html counted.html");
    assert_has(out, "dispatches");
    path = in_scratch("counted.json");
    text = slurp(path);
    document = parse(text);
    device = json_array_get(json_object_get(document, "devices"), 0);
    rows = json_object_get(device, "rows");
    double dispatches = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        assert_true(number_at(row, "samples") == 0);
        assert_null(json_object_get(row, "seconds"));
        if (json_object_get(row, "plan"))
            dispatches += number_at(json_object_get(row, "plan"), "dispatches");
    }
    assert_true(dispatches > 50);
    json_decref(document);
    mem_free(text);
    mem_free(path);
    RUN(1, "bench --counters --json absent/b.json");
    assert_has(err, "absent/b.json");
    assert_string_equal(out, "");
}

static void test_bench_compare(void **state)
{
    static const char *const bad[][2] = {
        { "", "not a result" },
        { "words", "not a result" },
        { "[]", "format" },
        { "{}", "format" },
        { "{\\\"format\\\": \\\"pix2pix bench\\\"}", "format_version" },
        { "{\\\"format\\\": \\\"pix2pix bench\\\", \\\"format_version\\\": 99}",
          "another version" },
        { "{\\\"format\\\": \\\"pix2pix bench\\\", \\\"format_version\\\": 1}",
          "devices" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(shell("printf '%%s' \"%s\" >bad.json", bad[i][0]), 0);
        RUN(1, "bench --show bad.json");
        assert_has(err, bad[i][1]);
        RUN(1, "bench --compare bad.json bad.json");
        assert_has(err, "bad.json");
        assert_has(err, bad[i][1]);
        assert_string_equal(out, "");
    }
    RUN(1, "bench --compare missing.json bad.json");
    assert_has(err, "missing.json");
    if (!needs_device())
        return;

    RUN(0, "bench " TINY "--only train --json one.json");
    RUN(0, "bench --compare one.json one.json");
    assert_has(out, "training step, 32 px, 1 image");
    assert_has(out, "      1.00");
    assert_null(strstr(out, "only in"));
    RUN(0, "bench --show one.json --html one.html");
    assert_has(out, "training step, 32 px, 1 image");
    assert_kind("one.html", true);
    // A page that can not be finished leaves the one before.
    assert_int_equal(shell("cp one.html two.html; ulimit -f 2; \"$P\" bench --show "
                           "one.json --html one.html >/dev/null"),
                     1);
    assert_has(err, "one.html");
    assert_int_equal(shell("cmp one.html two.html && ! ls -A | grep '[.]tmp$'"), 0);
    // A row of another name has no partner.
    assert_int_equal(shell("sed -e 's/training step, 32/step, 32/' "
                           "-e 's/empty dispatch/nothing/' one.json >two.json"),
                     0);
    RUN(0, "bench --compare one.json two.json");
    assert_has(out, "only in A\n  ceiling: empty dispatch\n");
    assert_has(out, "only in B\n  ceiling: nothing\n");
    // A counter that differs is shown.
    assert_int_equal(
        shell("sed -e 's/\"barriers\": /\"barriers\": 1/' one.json >two.json"), 0);
    RUN(0, "bench --compare one.json two.json");
    assert_has(out, "barriers");
    assert_null(strstr(out, "bytes of the arena"));
    // A file that is cut, and one that lies.
    assert_int_equal(shell("head -c 2000 one.json >bad.json"), 0);
    RUN(1, "bench --compare one.json bad.json");
    assert_has(err, "bad.json");
    assert_int_equal(shell("sed 's/\"seconds\": /\"seconds\": -/' one.json >bad.json"),
                     0);
    RUN(1, "bench --compare bad.json one.json");
    assert_has(err, "\"seconds\" is not a time");
    assert_int_equal(
        shell("sed 's/\"seconds\": .*/\"seconds\": 1e-300,/' one.json >bad.json"), 0);
    RUN(1, "bench --show bad.json --html bad.html");
    assert_has(err, "\"seconds\" is not a time");
    assert_kind("bad.html", false);
    assert_int_equal(shell("sed 's/\"batch\": 1/\"batch\": 0/' one.json >bad.json"), 0);
    RUN(1, "bench --show bad.json");
    assert_has(err, "\"batch\"");
    // Of two equal devices each has its own partner.
    assert_int_equal(
        shell("tr -d '\\n' <one.json >flat.json; "
              "sed 's/\"devices\": *\\[\\(.*\\)\\]}$/\"devices\": [\\1, \\1]}/; "
              "s/\\(.*\\)step, 32/\\1second, 32/' flat.json >two.json"),
        0);
    RUN(0, "bench --compare two.json two.json");
    assert_null(strstr(out, "only in"));
    // Escapes do not reach the terminal.
    assert_int_equal(shell("sed 's/empty dispatch/em\\\\u001bpty/' one.json >bad.json"),
                     0);
    RUN(0, "bench --show bad.json");
    assert_has(out, "em pty");
    assert_null(strchr(out, '\x1b'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_usage_errors),
        cmocka_unit_test(test_config_errors),
        cmocka_unit_test(test_foreign_out),
        cmocka_unit_test(test_no_driver),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_train),
        cmocka_unit_test(test_continue),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_interrupt_early),
        cmocka_unit_test(test_tune),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_translate),
        cmocka_unit_test(test_translate_modes),
        cmocka_unit_test(test_convert),
        cmocka_unit_test(test_recipe),
        cmocka_unit_test(test_translate_interrupt),
        cmocka_unit_test(test_translate_arrays),
        cmocka_unit_test(test_evaluate),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_bench),
        cmocka_unit_test(test_bench_compare),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
