// SPDX-License-Identifier: MIT
//
// Training and tuning from the command line: what is written and printed, going on,
// interrupts, recipes, and bad input.

#include "support/command.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static void check_metrics(const char *path, uint64_t steps)
{
    char *full = command_file(path);
    char *text = command_read(full);
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
        json_t *document = command_parse(line);
        step++;
        assert_true(command_number_at(document, "step") == (double)step);
        for (size_t i = 0; i < ARRAY_LEN(members); i++)
            command_number_at(document, members[i]);
        json_decref(document);
        line = end + 1;
    }
    assert_true(step == steps);
    mem_free(text);
    mem_free(full);
}

// Validations are printed, and what a trend is said of has a hundred steps.
static void test_progress(void **state)
{
    (void)state;
    command_need_device();
    command_make_data();
    assert_int_equal(command_shell("mkdir -p judged && cp -r pairs/train judged && "
                                   "cp -r pairs/test judged/val && "
                                   "rm -f judged/train/broken.jpg"),
                     0);
    RUN(0,
        "train --data judged --out judge " SMALL "--depth 2 --n-epochs 40 --best psnr "
        "--val-freq 8 --val-metrics ssim --log-freq 60 --steps 120 --save-freq 0");
    command_check_has(command_out, " val_psnr ");
    command_check_has(command_out, " val_ssim ");
    command_check_has(command_out, " (mean colour ");
    command_check_has(command_out, "(best psnr so far)\n");
    command_check_has(command_out, "\nbest validation: psnr ");
    command_check_has(command_out, ", kept: use it with --checkpoint best\n");
    command_check_has(command_out, " trend d_real ");
    const char *line = strstr(command_out, " step 60/120 ");
    assert_non_null(line);
    assert_true(strstr(line, " trend ") > strchr(line, '\n'));
    RUN(0, "evaluate --model judge --checkpoint best --data judged --split val");
    RUN(0, "train --out judge --continue");
    command_check_has(command_out, "no step was left to train\nbest validation: psnr ");
    RUN(0, "train --data judged --out scored " SMALL
           "--depth 2 --max-dataset-size 2 --steps 5 --val-freq 1");
    command_check_has(command_out, "(best l1 so far)\n");
    command_check_has(command_out, ", not kept: train --best l1 keeps it\n");
    // The time of the first step says nothing of the others.
    command_check_has(command_out, " left -\n");
    command_check_has(command_out, " left 0:00");
    command_check_has(command_out, "\nbest validation: l1 ");
    assert_null(strstr(command_out, "--checkpoint best"));
    RUN(0, "train --out scored --continue --json");
    json_t *document = command_parse(command_out);
    const json_t *best = json_object_get(document, "best");
    assert_string_equal(json_string_value(json_object_get(best, "metric")), "l1");
    assert_true(command_number_at(best, "score") > 0);
    assert_true(command_number_at(best, "step") > 0);
    assert_true(json_is_false(json_object_get(best, "is_kept")));
    json_decref(document);
    RUN(1, "convert judge x.pth --checkpoint 77");
    command_check_has(command_err,
                      "error: convert: judge has no checkpoint of step 77, "
                      "there are: 120, and best; a run keeps as many");
}

static void test_train(void **state)
{
    (void)state;
    command_need_device();
    command_make_run();
    command_check_has(command_out, "step 1/3");
    command_check_has(command_out, "step 3/3");
    assert_null(strchr(command_out, '\r'));
    // The device and all options come first, folded.
    assert_true(strncmp(command_out, "device: ", 8) == 0);
    command_check_has(command_out, "\noptions: --recipe pytorch");
    command_check_has(command_out, "--crop-size 32");
    command_check_has(command_err, "broken.jpg");
    check_metrics("run/metrics.jsonl", 3);
    command_check_file("run/checkpoints/step-00000002.safetensors", true);
    command_check_file("run/checkpoints/step-00000003.safetensors", true);
    assert_int_equal(command_shell("ls run/samples"), 0);
    assert_true(command_count_lines(command_out) >= 1);

    char *path = command_file("run/config.json");
    char *text = command_read(path);
    json_t *document = command_parse(text);
    const json_t *config = document;
    assert_true(command_number_at(config, "crop-size") == 32);
    assert_true(command_number_at(config, "depth") == 5);
    assert_null(json_object_get(config, "out"));
    json_decref(document);
    mem_free(text);
    mem_free(path);

    assert_int_equal(command_shell("cp -r run before"), 0);
    RUN(2, "train --data pairs --out run " SMALL);
    command_check_has(command_err, "--continue");
    RUN(2, "train --out run --continue --ngf 8");
    command_check_has(command_err, "--ngf");
    // What may change, in this message and in the help.
    static const char *const changeable[] = {
        "--threads", "--val-metrics", "--lpips", "--patience", "--keep", "--on-nan"
    };
    for (size_t i = 0; i < ARRAY_LEN(changeable); i++)
        command_check_has(command_err, changeable[i]);
    command_check_has(command_err, " may change only --");
    command_check_has(command_err, " --threads, --n-epochs, ");
    command_check_has(command_err, ", --keep and --on-nan: leave --ngf out");
    RUN(0, "train --help");
    char *intro = strstr(command_out, "may change");
    assert_non_null(intro);
    *strstr(intro, "Defaults are") = '\0';
    for (size_t i = 0; i < ARRAY_LEN(changeable); i++)
        command_check_has(intro, changeable[i]);
    RUN(2, "train --out run --continue --direction AtoB");
    RUN(2, "train --out run --continue --data folder");
    assert_int_equal(command_shell("diff -r run before && rm -r before"), 0);
}

static void test_continue(void **state)
{
    (void)state;
    command_need_device();
    command_make_run();
    // The same options again are no difference.
    assert_int_equal(
        command_shell("cp -r run more && printf '# more\\nsteps = 5\\n' >steps"), 0);
    RUN(0, "train --out more --continue --config steps --data ./pairs/ --json " SMALL);
    json_t *document = command_parse(command_out);
    assert_true(command_number_at(document, "step") == 5);
    assert_true(command_number_at(document, "trained") == 2);
    json_decref(document);
    check_metrics("more/metrics.jsonl", 5);
    command_check_file("more/checkpoints/step-00000005.safetensors", true);

    RUN(0, "train --out more --continue");
    command_check_has(command_out, "no step was left to train");

    // Only one process at a time. The first one has done a step when the second comes.
    assert_int_equal(
        command_shell(
            "\"$P\" train --data pairs --out twice " SMALL
            "--steps 100000 --log-freq 1 --save-freq 0 --sample-freq 0 >/dev/null & "
            "p=$!; i=0; while [ ! -s twice/metrics.jsonl ] && [ $i -lt 600 ]; do "
            "sleep 0.1; i=$((i+1)); done; \"$P\" train --out twice --continue; "
            "code=$?; kill -9 $p; wait $p; exit $code"),
        1);
    command_check_has(command_err, "already being trained");
    RUN(0, "train --out twice --continue --steps 1");

    // A run that was killed before its first checkpoint starts from the beginning.
    assert_int_equal(command_shell("mkdir early && cp run/config.json early"), 0);
    RUN(0, "train --out early --continue");
    check_metrics("early/metrics.jsonl", 3);
    assert_int_equal(command_shell("cmp run/checkpoints/step-00000003.safetensors "
                                   "early/checkpoints/step-00000003.safetensors"),
                     0);

    // So does one that was killed before there was anything of it, if data are given.
    RUN(0,
        "train --data pairs --out nothing_yet --continue --steps 1 --log-freq 1 " SMALL);
    command_check_has(command_err, "from the beginning");
    check_metrics("nothing_yet/metrics.jsonl", 1);
}

// Updates that f16 leaves out are not left out without a word.
static void test_scales(void **state)
{
    (void)state;
    command_need_device();
    const int code = command_shell(
        "\"$P\" train --data pairs --out halves --precision f16 --steps 2 " SMALL);
    if (code == 1 && strstr(command_err, "needs buffers of 16-bit numbers"))
        skip();
    assert_int_equal(code, 0);
    command_check_has(command_out, "\nupdates left out: ");
    command_check_has(command_out, " of G (loss scale ");
    command_check_has(command_out, " of D (");
    RUN(0,
        "train --data pairs --out none --precision f16 --gan-mode none --steps 2 " SMALL);
    command_check_has(command_out, " of G (loss scale ");
    assert_null(strstr(command_out, " of D ("));
    RUN(0, "train --data pairs --out full --steps 2 " SMALL);
    assert_null(strstr(command_out, "updates left out"));
}

// Waits until the run has trained, then sends it a signal.
#define SIGNAL(signal)                                                                 \
    "& p=$!; i=0; while [ ! -s \"$R/metrics.jsonl\" ] && [ $i -lt 600 ]; do "          \
    "sleep 0.1; i=$((i+1)); done; kill -" signal " $p; wait $p"

static void test_interrupt(void **state)
{
    (void)state;
    command_need_device();
    command_make_data();
    assert_int_equal(
        command_shell(
            "R=stopped; \"$P\" train --data pairs --out $R " SMALL
            "--steps 100000 --log-freq 1 --save-freq 0 --sample-freq 0 " SIGNAL("INT")),
        130);
    command_check_has(command_out, "interrupted at");
    assert_int_equal(command_shell("ls stopped/checkpoints"), 0);
    command_check_has(command_out, ".safetensors");
    const unsigned step = (unsigned)strtoul(command_out + strlen("step-"), NULL, 10);
    assert_true(step > 0);

    // As many steps in one go end with the same file.
    RUN(0, "train --out stopped --continue --steps %u", step + 2);
    command_check_has(command_out, "after 2 steps");
    RUN(0,
        "train --data pairs --out straight " SMALL
        "--steps %u --log-freq 1 --save-freq 0 --sample-freq 0",
        step + 2);
    assert_int_equal(command_shell("cmp stopped/checkpoints/step-%08u.safetensors "
                                   "straight/checkpoints/step-%08u.safetensors",
                                   step + 2, step + 2),
                     0);
}

// What was measured before an interrupt is kept. The real command is at work here.
static void test_tune(void **state)
{
    (void)state;
    command_need_device();
    assert_int_equal(command_shell("export TUNE=1; rm -rf caches; \"$P\" tune " SMALL
                                   "--json & p=$!; sleep 2; kill -INT $p; wait $p"),
                     130);
    char *brace = strchr(command_out, '{');
    assert_non_null(brace);
    json_t *document = command_parse(brace);
    const json_t *rows = json_object_get(document, "rows");
    const char *path = json_string_value(json_object_get(document, "table"));
    assert_true(json_array_size(rows) >= 1 && json_array_size(rows) < 35);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        command_check_has(json_string_value(json_object_get(row, "shape")), "-> ");
        assert_true(json_is_string(json_object_get(row, "built_in")));
        assert_true(json_is_string(json_object_get(row, "chosen")));
        assert_true(command_number_at(row, "chosen_ms") <=
                    command_number_at(row, "built_in_ms"));
        assert_true(command_number_at(row, "gflops") > 0);
    }
    const json_t *first = json_array_get(rows, 0);
    char *table = command_read(path);
    command_check_has(table, json_string_value(json_object_get(first, "shape")));
    mem_free(table);
    json_decref(document);
    assert_int_equal(command_shell("rm -rf caches"), 0);
}

// At any moment the code is that of an interrupt, and the run can be continued.
static void test_interrupt_early(void **state)
{
    (void)state;
    command_need_device();
    command_make_data();
    for (int tenths = 0; tenths < 4; tenths++) {
        assert_int_equal(
            command_shell(
                "rm -rf early_stop; \"$P\" train --data pairs --out early_stop " SMALL
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
    command_need_device();
    command_make_data();
    assert_int_equal(
        command_shell("(ulimit -f 64; \"$P\" train --data pairs --out cramped " SMALL
                      "--steps 2)"),
        1);
    command_check_has(command_err, "the last state of the run could not be saved");
    command_check_has(command_err, " needed, ");
    RUN(0, "train --out cramped --continue");
}

static void test_kill(void **state)
{
    (void)state;
    command_need_device();
    command_make_data();
    assert_int_equal(
        command_shell(
            "R=killed; \"$P\" train --data pairs --out $R " SMALL
            "--steps 100000 --log-freq 1 --save-freq 2 --sample-freq 1 " SIGNAL(
                "KILL")),
        128 + 9);
    assert_int_equal(command_shell("wc -l <killed/metrics.jsonl"), 0);
    const unsigned steps = (unsigned)strtoul(command_out, NULL, 10) + 3;
    RUN(0, "train --out killed --continue --steps %u", steps);
    check_metrics("killed/metrics.jsonl", steps);
}

// A recipe says what it sets; what else is given stands above it, before or after.
static void test_recipe(void **state)
{
    (void)state;
    command_need_device();
    command_make_data();
    RUN(0, "train --data pairs --out lua --d-loss-weight 0.75 --recipe lua "
           "--n-epochs 3 --steps 1 " SMALL);
    command_check_has(command_err, "recipe lua: --norm batch ");
    command_check_has(command_err, "--concat decoder_first");
    command_check_has(command_err, "--update-order reuse");
    command_check_has(command_err, "--n-epochs-decay 0");
    assert_int_equal(command_shell("cat lua/config.json"), 0);
    json_t *config = command_parse(command_out);
    assert_string_equal(json_string_value(json_object_get(config, "recipe")), "lua");
    assert_string_equal(json_string_value(json_object_get(config, "concat")),
                        "decoder_first");
    assert_true(command_number_at(config, "d-loss-weight") == 0.75);
    assert_true(command_number_at(config, "n-epochs") == 3);
    assert_true(command_number_at(config, "n-epochs-decay") == 0);
    json_decref(config);

    // In a file, too.
    assert_int_equal(
        command_shell("printf 'd_loss_weight = 0.75\\nrecipe = affinelayer\\n' "
                      ">recipe.txt"),
        0);
    RUN(0, "train --data pairs --out affine --config recipe.txt --steps 1 " SMALL);
    command_check_has(command_err, "recipe affinelayer: ");
    command_check_has(command_err, "--bias all --norm-innermost");
    assert_int_equal(command_shell("cat affine/config.json"), 0);
    config = command_parse(command_out);
    assert_true(command_number_at(config, "d-loss-weight") == 0.75);
    assert_true(json_is_true(json_object_get(config, "norm-innermost")));
    json_decref(config);

    // The default has no word to say unless it is named.
    RUN(0, "train --data pairs --out port --recipe pytorch --steps 1 " SMALL);
    command_check_has(command_err, "recipe pytorch: ");
    RUN(0, "train --out port --steps 2 --continue");
    assert_null(strstr(command_err, "recipe"));

    // A run that goes on has its recipe, and no other.
    RUN(0, "train --out lua --continue --steps 2");
    command_check_has(command_err, "recipe lua: ");
    RUN(2, "train --out lua --continue --recipe affinelayer --steps 3");
    RUN(0, "train --data pairs --out default --steps 1 " SMALL);
    assert_null(strstr(command_err, "recipe"));
}

// Messages about validation have the path of the data as it was given, as others have.
static void test_paths(void **state)
{
    (void)state;
    command_need_device();
    command_make_data();
    assert_int_equal(command_shell("mkdir given && cp -r pairs/train given/train && "
                                   "cp -r pairs/train given/val && "
                                   "echo x >given/val/x.txt"),
                     0);
    RUN(0, "train --data given --out valued --val-freq 1 --steps 1 " SMALL);
    command_check_has(command_err, " given/val");
    assert_int_equal(command_shell("grep -q '\"data\": \"/' valued/config.json"), 0);
}

static void test_bad_input(void **state)
{
    (void)state;
    command_need_device();
    command_make_run();
    // Nothing to train on.
    RUN(1, "train --data absent --out none " SMALL);
    command_check_has(command_err, "absent");
    assert_int_equal(command_shell("mkdir -p empty/train; mkdir -p bad/train && "
                                   "cp pairs/train/broken.jpg bad/train"),
                     0);
    RUN(1, "train --data empty --out none " SMALL);
    RUN(1, "train --data bad --out none " SMALL);
    command_check_has(command_err, "broken.jpg");
    command_check_file("none", false);

    // Nowhere to write to.
    RUN(1, "train --data pairs --out file/run --steps 1 " SMALL);
    command_check_has(command_err, "error: ");
    command_check_has(command_err, " file");

    // No such device.
    RUN(1, "train --data pairs --out none --device 'no such device' " SMALL);
    command_check_has(command_err, "no such device");
    command_check_file("none", false);

    // Damaged and foreign checkpoints.
    assert_int_equal(
        command_shell("head -c 5000 run/checkpoints/step-00000003.safetensors "
                      ">cut.safetensors; : >zero.safetensors"),
        0);
    static const char *const models[] = { "cut.safetensors", "zero.safetensors",
                                          "one.jpg", "empty" };
    assert_int_equal(
        command_shell("cp \"$X/satellite/$(ls \"$X/satellite\" | grep jpg | "
                      "head -n 1)\" one.jpg"),
        0);
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        RUN(1, "translate --model %s --input one.jpg --output no.png", models[i]);
        command_check_has(command_err, models[i]);
        command_check_file("no.png", false);
    }
    assert_int_equal(command_shell("cp -r run hurt && head -c 5000 cut.safetensors "
                                   ">hurt/checkpoints/step-00000003.safetensors"),
                     0);
    // The one before it is taken, and the damaged one is not deleted.
    RUN(0, "train --out hurt --continue --steps 4");
    command_check_has(command_err, "step-00000003.safetensors is cut short");
    check_metrics("hurt/metrics.jsonl", 4);

    // Networks that no device holds are refused before anything is allocated.
    RUN(1, "train --data pairs --out none --ngf 1024 --ndf 1024");
    command_check_has(command_err, "error: ");
    command_check_file("none", false);
    RUN(1, "train --plan --json --crop-size 16384 --ngf 1024 --batch-size 4096");
    assert_string_equal(command_out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress), cmocka_unit_test(test_train),
        cmocka_unit_test(test_continue), cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_tune),     cmocka_unit_test(test_interrupt_early),
        cmocka_unit_test(test_no_room),  cmocka_unit_test(test_kill),
        cmocka_unit_test(test_recipe),   cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_paths),    cmocka_unit_test(test_scales),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
