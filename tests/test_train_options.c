// SPDX-License-Identifier: MIT
//
// Every training option changes something in a whole run, and nothing else than it
// says: losses, weights, sizes, rates, and files.

#include "support/words.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/safetensors.h"
#include "support/tree.h"

#define SCRATCH "test_train_options.scratch"

static size_t all_bytes(const struct safetensors *s)
{
    size_t bytes = 0;
    for (size_t i = 0; i < safetensors_count(s); i++)
        bytes += words_entry_bytes(safetensors_at(s, i));
    return bytes;
}

// What must be otherwise than in the run without the option.
enum difference {
    FIRST,      // a loss of the first step
    LATER,      // nothing in the first step, but the tensors in the end
    TENSORS,    // the tensors in the end
    SHAPES,     // how much there is in the checkpoint
    RATE,       // the learning rate of a step, and the tensors in the end
};

#define MASK DATA "/train/0.png"    // any image has some white
#define SEGMENT "task=segment palette=#000000,#808080,#ffffff"

#define EPOCHS "max-dataset-size=1 n-epochs=1 n-epochs-decay=2"    // of one step each

// The run has the words of `base` and the option, the other one those words alone.
static const struct option_case {
    const char *option, *value, *base;
    enum difference difference;
} option_cases[] = {
    { "recipe", "lua", "", FIRST },
    { "recipe", "lua", "recipe=affinelayer", SHAPES },
    { "recipe", "affinelayer", "", SHAPES },
    { "data", OTHER, "", FIRST },
    { "direction", "BtoA", "", FIRST },
    { "input-nc", "1", "", SHAPES },
    { "output-nc", "4", "", SHAPES },
    // The others are left out.
    { "input-kind", "u8", "data=" MIXED " input-kind=u16", FIRST },
    { "input-kind", "u16", "data=" MIXED, FIRST },
    { "input-kind", "f32", "data=" MIXED, FIRST },
    { "output-kind", "u8", "data=" MIXED " output-kind=f32", FIRST },
    { "output-kind", "u16", "data=" MIXED, FIRST },
    { "output-kind", "f32", "data=" MIXED, FIRST },
    { "range", "9000:30000", "data=" MIXED " input-kind=u16", FIRST },
    { "range", "auto", "data=" MIXED " output-kind=f32", FIRST },
    { "input-range", "9000:30000", "data=" MIXED " input-kind=u16", FIRST },
    { "output-range", "-0.5:0.5", "data=" MIXED " output-kind=f32", FIRST },
    { "task", "colorize", "", SHAPES },
    { "task", "superres", "", FIRST },
    { "task", "denoise", "", FIRST },
    { "task", "inpaint", "", SHAPES },
    { "task", "edges", "", SHAPES },
    { "task", "segment", "palette=#000000,#808080,#ffffff", FIRST },
    { "palette", "#000000,#ffffff", SEGMENT, SHAPES },
    { "labels", "input", SEGMENT, FIRST },
    { "labels", "both", SEGMENT, FIRST },
    { "factor", "2", "task=superres", FIRST },    // of pairs: test_train_source
    { "sigma", "50", "task=denoise", FIRST },
    { "hole", "random", "task=inpaint", FIRST },
    { "hole", "mask", "task=inpaint hole-mask=" MASK, FIRST },
    { "hole-mask", MASK, "task=inpaint hole=mask hole-mask=" DATA "/val/0.png", FIRST },
    { "net-g", "unet_128", "net-g=unet_256 crop-size=256 load-size=256", SHAPES },
    { "net-g", "unet_256", "net-g=unet_128 crop-size=256 load-size=256", SHAPES },
    { "net-g", "resnet_6blocks", "", SHAPES },
    { "net-g", "resnet_9blocks", "net-g=resnet_6blocks", SHAPES },
    { "net-g", "encoder_decoder", "", SHAPES },
    { "depth", "4", "", SHAPES },
    { "depth", "4", "net-g=encoder_decoder", SHAPES },
    { "net-d", "basic", "", SHAPES },
    { "net-d", "pixel", "n-layers-d=3", SHAPES },
    { "n-layers-d", "2", "", SHAPES },
    { "ngf", "3", "", SHAPES },
    { "ndf", "3", "", SHAPES },
    { "no-condition", "true", "", SHAPES },
    { "norm", "instance", "norm-d=batch", SHAPES },
    { "norm", "none", "norm-d=batch", SHAPES },
    { "norm", "batch", "norm=instance norm-d=batch", SHAPES },
    { "norm-d", "batch", "norm=instance", SHAPES },
    { "norm-d", "instance", "", SHAPES },
    { "norm-d", "none", "", SHAPES },
    { "upsample", "resize", "", FIRST },
    { "no-dropout", "true", "dropout-at=d1-d3", FIRST },
    { "no-dropout", "true", "net-g=resnet_6blocks", FIRST },
    { "dropout-at", "d1-d3", "", FIRST },
    { "bias", "all", "", SHAPES },
    { "norm-innermost", "true", "batch-size=2", SHAPES },
    { "concat", "decoder_first", "", FIRST },
    { "init-type", "xavier", "", FIRST },
    { "init-type", "kaiming", "", FIRST },
    { "init-type", "orthogonal", "", FIRST },
    { "init-gain", "0.1", "", FIRST },
    { "init-gain", "0.1", "init-type=xavier", FIRST },
    { "preprocess", "none", "data=" EXACT, FIRST },
    { "preprocess", "crop", "crop-size=64x32 load-size=0", FIRST },
    { "preprocess", "scale_width", "crop-size=64x32 load-size=0", FIRST },
    { "preprocess", "scale_width_and_crop", "crop-size=64x32 load-size=0", FIRST },
    { "resize-filter", "bilinear", "", FIRST },
    { "resize-filter", "area", "", FIRST },
    { "resize-filter", "nearest", "", FIRST },
    { "load-size", "40", "", FIRST },
    { "load-size", "36x40", "", FIRST },
    { "load-size", "80", "preprocess=scale_width_and_crop", FIRST },
    { "crop-size", "64", "load-size=64 depth=5", FIRST },
    { "crop-size", "64x32", "load-size=64 depth=5", FIRST },
    { "crop-size", "32x64", "preprocess=crop", FIRST },
    { "no-flip", "true", "", TENSORS },
    { "serial-batches", "true", "", TENSORS },
    { "max-dataset-size", "1", "", TENSORS },
    { "rotate", "true", "", TENSORS },
    { "flip-vertical", "true", "", FIRST },
    { "scale-jitter", "0.3", "", FIRST },
    { "aspect-jitter", "0.3", "", FIRST },
    { "brightness", "0.2", "", FIRST },
    { "contrast", "0.4", "", FIRST },
    { "noise", "20", "", FIRST },
    { "gan-mode", "lsgan", "", FIRST },
    { "gan-mode", "hinge", "", FIRST },
    { "gan-mode", "wgangp", "norm-d=none", FIRST },
    { "gan-mode", "none", "", SHAPES },
    { "lambda-l1", "10", "", FIRST },
    { "lambda-l1", "0", "", FIRST },
    { "lambda-ce", "0", SEGMENT, FIRST },
    { "lambda-ce", "10", SEGMENT, FIRST },
    { "lambda-gp", "1", "gan-mode=wgangp", FIRST },
    { "gp-alpha", "0.5", "gan-mode=wgangp", FIRST },
    { "d-loss-weight", "2", "optimizer=sgd lr=0.01", FIRST },    // by the updated D
    { "update-order", "reuse", "", FIRST },
    { "batch-size", "2", "", FIRST },
    { "accumulate", "2", "", FIRST },
    { "n-epochs", "2", EPOCHS, RATE },
    { "n-epochs-decay", "5", EPOCHS, RATE },
    { "lr-policy", "step", "lr-decay-iters=1 " EPOCHS, RATE },
    { "lr-policy", "cosine", EPOCHS, RATE },
    { "lr-policy", "plateau", EPOCHS, RATE },
    { "lr-decay-iters", "1", "lr-policy=step " EPOCHS, RATE },
    { "optimizer", "sgd", "", FIRST },    // by the updated D
    { "lr", "0.002", "", RATE },
    { "beta1", "0.9", "", TENSORS },
    { "momentum", "0.1", "optimizer=sgd", LATER },
    { "ema", "0.5", "", SHAPES },
    { "ema", "0.9", "ema=0.5", LATER },
    { "seed", "8", "", FIRST },
};

// Options that change no number of a run, or that a run takes more for than a value.
static const struct option_elsewhere {
    const char *option, *why;
} options_elsewhere[] = {
    { "out", "where the files go: every test" },
    { "pairs", "test_train_source" },
    { "split-ratio", "test_train_source" },
    { "init-g", "test_train_start" },
    { "init-d", "test_train_start" },
    { "threads",
      "the same bits with any number: test_train; the number: test_dataset" },
    { "steps", "test_files" },
    { "save-freq", "test_files" },
    { "log-freq", "test_files" },
    { "sample-freq", "test_files" },
    { "keep", "test_files" },
    { "on-nan", "test_train_failures" },
    { "val-freq", "test_validation" },
    { "val-metrics", "test_validation" },
    { "best", "test_validation; lpips: test_cli_compare" },
    { "patience", "test_validation" },
    { "lpips", "test_cli_compare" },
    { "continue", "test_files" },
    { "data-changed", "test_train_continue" },
    { "npy-order", "test_kinds" },
    { "alpha", "test_alpha" },
    { "no-orient", "test_pair_tally, test_exif" },
    { "max-pixels", "test_exif, test_cli_translate" },
    { "truncated", "test_pair_tally, test_cli_translate" },
    { "page", "test_tiff, test_pair_tally, test_cli_translate" },
    { "tuning", "the same sums in another order: test_train_tuning" },
    { "precision", "test_train_precision" },
};

static bool is_tried(const char *option, const char *value)
{
    for (size_t i = 0; i < ARRAY_LEN(option_cases); i++)
        if (strcmp(option_cases[i].option, option) == 0 &&
            (!value || strcmp(option_cases[i].value, value) == 0))
            return true;
    return false;
}

static bool is_elsewhere(const char *option)
{
    for (size_t i = 0; i < ARRAY_LEN(options_elsewhere); i++)
        if (strcmp(options_elsewhere[i].option, option) == 0)
            return true;
    return false;
}

// Every option is in one of the lists, with each of its choices but the base's.
static void test_table(void **state)
{
    size_t count;
    struct words_setup base;
    const struct pix_option *table = pix_train_option_table(&count);
    (void)state;
    words_set(&base, "", "");
    for (size_t i = 0; i < count; i++) {
        const struct pix_option *row = &table[i];
        char text[256], buffer[64];
        if (is_tried(row->name, NULL) == is_elsewhere(row->name))
            fail_msg("--%s must be in one list of this test", row->name);
        if (row->type != PIX_OPTION_CHOICE || is_elsewhere(row->name))
            continue;
        const char *now =
            pix_train_options_get(&base.o, row->name, buffer, sizeof(buffer));
        snprintf(text, sizeof(text), "%s", row->choices);
        for (char *word = strtok(text, "|"); word; word = strtok(NULL, "|"))
            if (strcmp(word, now) != 0 && !is_tried(row->name, word))
                fail_msg("--%s %s is not tried", row->name, word);
    }
    for (size_t i = 0; i < ARRAY_LEN(options_elsewhere); i++)
        assert_non_null(pix_train_options_get(&base.o, options_elsewhere[i].option,
                                              public_messages,
                                              sizeof(public_messages)));
    public_messages[0] = 0;
}

// The run of a base, which several options are compared with.
static const struct words_result *base_run(const char *words, char out[64])
{
    static struct {
        const char *words;
        struct words_result result;
    } known[ARRAY_LEN(option_cases)];
    size_t i = 0;
    while (known[i].words && strcmp(known[i].words, words) != 0)
        i++;
    snprintf(out, 64, SCRATCH "/base-%zu", i);
    if (!known[i].words) {
        known[i].result = words_train(out, words);
        known[i].words = words;
    }
    return &known[i].result;
}

static bool has_difference(const struct option_case *c, const struct words_result *a,
                           const struct words_result *b, const char *run_a,
                           const char *run_b)
{
    const bool same_first = words_same_losses(&a->m[0], &b->m[0]);
    bool same_rate = true;
    if (c->difference == FIRST)
        return !same_first;
    if (c->difference == SHAPES) {
        struct safetensors *x = words_open_tensors(run_a, STEPS);
        struct safetensors *y = words_open_tensors(run_b, STEPS);
        const bool same = all_bytes(x) == all_bytes(y);
        safetensors_close(x);
        safetensors_close(y);
        return !same;
    }
    for (uint64_t i = 0; i < STEPS; i++)
        same_rate = same_rate && a->m[i].lr == b->m[i].lr;
    return (same_first || c->difference != LATER) &&
           same_rate == (c->difference != RATE) &&
           !words_same_tensors(run_a, run_b, STEPS);
}

static void test_options(void **state)
{
    static const char *const wanted[] = {
        [FIRST] = "the losses of the first step",
        [LATER] = "the weights in the end, but not the first losses",
        [TENSORS] = "the weights in the end",
        [SHAPES] = "the size of the checkpoint",
        [RATE] = "the learning rate and the weights",
    };
    (void)state;
    public_need_device();
    for (size_t i = 0; i < ARRAY_LEN(option_cases); i++) {
        const struct option_case *c = &option_cases[i];
        char words[256], base[64];
        static const char out[] = SCRATCH "/option";
        const struct words_result *before = base_run(c->base, base);
        snprintf(words, sizeof(words), "%s %s=%s", c->base, c->option, c->value);
        const struct words_result after = words_train(out, words);
        assert_int_equal(before->steps, STEPS);
        assert_int_equal(after.steps, STEPS);
        for (int k = 0; k < STEPS; k++)
            assert_true(isfinite(after.m[k].loss_g_l1) &&
                        (!after.m[k].has_gan || isfinite(after.m[k].loss_g_gan)));
        if (!has_difference(c, before, &after, base, out))
            fail_msg("--%s %s does not change %s (%s)", c->option, c->value,
                     wanted[c->difference], c->base);
        assert_true(test_remove_tree(out));
    }
}

// The rates themselves, in epochs of one step.
static void test_rates(void **state)
{
    static const struct {
        const char *words;
        double factor[6];
    } cases[] = {
        { "n-epochs=2 n-epochs-decay=3", { 1, 1, 0.75, 0.5, 0.25, 0 } },
        { "lr-policy=step lr-decay-iters=2", { 1, 1, 0.1, 0.1, 0.01, 0.01 } },
        { "lr-policy=cosine n-epochs=2 n-epochs-decay=2",
          { 1, 0.853553390593274, 0.5, 0.146446609406726, 0, 0 } },
    };
    (void)state;
    public_need_device();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char words[256];
        double rates[STEPS_MAX];
        snprintf(words, sizeof(words), "max-dataset-size=1 steps=6 lr=0.002 %s",
                 cases[i].words);
        const struct words_result r = words_train(SCRATCH "/rates", words);
        assert_int_equal(words_read_metrics(SCRATCH "/rates", "lr", rates), 6);
        for (int k = 0; k < 6; k++) {
            assert_true(fabs(r.m[k].lr - 0.002 * cases[i].factor[k]) < 1e-15);
            assert_true(rates[k] == r.m[k].lr);
        }
        assert_true(test_remove_tree(SCRATCH "/rates"));
    }
}

static bool has_file(const char *run, const char *format, uint64_t step)
{
    char name[96];
    snprintf(name, sizeof(name), format, run, step);
    return file_exists(name);
}

static void test_files(void **state)
{
    static const char run[] = SCRATCH "/files";
    static const char tensors[] = "%s/checkpoints/step-%08" PRIu64 ".safetensors";
    static const char picture[] = "%s/samples/step-%08" PRIu64 ".png";
    struct words_setup s;
    struct words_result r;
    void *data;
    size_t size, lines = 0;
    (void)state;
    public_need_device();
    words_set(&s, run, "steps=7 save-freq=2 sample-freq=3 log-freq=2 keep=2");
    words_train_until(&s.o, UINT64_MAX, &r);
    assert_int_equal(r.steps, 7);
    for (uint64_t i = 1; i <= 7; i++) {
        assert_int_equal(has_file(run, tensors, i), i >= 6);
        assert_int_equal(has_file(run, picture, i), i % 3 == 0 || i == 7);
    }
    assert_true(file_read(SCRATCH "/files/metrics.jsonl", &data, &size));
    for (size_t i = 0; i < size; i++)
        lines += ((const char *)data)[i] == '\n';
    mem_free(data);
    assert_int_equal(lines, 3);
    public_messages[0] = '\0';
    assert_null(pix_trainer_create(public_device, &s.o));    // there is a run
    public_check_message("--continue");
    s.o.continue_run = true;
    s.o.steps = 8;
    words_train_until(&s.o, UINT64_MAX, &r);
    assert_int_equal(r.steps, 8);
    assert_false(has_file(run, tensors, 6));
}

static int open_group(void **state)
{
    (void)state;
    words_open(SCRATCH);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
