// SPDX-License-Identifier: MIT
//
// Validation during training and the plateau that follows it.

#include "support/words.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "settings/schedule.h"
#include "store/checkpoint.h"
#include "store/checkpoint_folder.h"
#include "support/evaluated.h"

#define SCRATCH "test_validation.scratch"

// One epoch a step. The weights hardly change, so that the error stays where it is.
#define PLATEAU                                                                        \
    "max-dataset-size=1 n-epochs=100 lr=1e-5 lr-policy=plateau keep=100 steps=20 "

static void test_plateau(void **state)
{
    static const char run[] = SCRATCH "/plateau", stopped[] = SCRATCH "/plateau_stop";
    double errors[STEPS_MAX], rates[STEPS_MAX], again[STEPS_MAX];
    struct schedule_plateau p = SCHEDULE_PLATEAU_START;
    struct words_setup s;
    struct words_result r;
    (void)state;
    public_need_device();
    r = words_train(run, PLATEAU);
    assert_int_equal(words_read_metrics(run, "val_l1", errors), 20);
    assert_int_equal(words_read_metrics(run, "lr", rates), 20);
    for (int i = 0; i < 20; i++) {
        assert_true(r.m[i].has_val && r.m[i].val[PIX_METRIC_L1] == errors[i] &&
                    errors[i] > 0);
        assert_true(r.m[i].epoch == (uint64_t)i + 1 && r.m[i].lr == rates[i]);
        if (rates[i] != 1e-5 * p.factor)
            fail_msg("epoch %d: the rate is %g, not %g", i + 1, rates[i],
                     1e-5 * p.factor);
        schedule_plateau_update(&p, errors[i], false);
    }
    assert_true(rates[19] < 1e-5 && errors[0] != errors[19]);

    // Stopped between two falls, after a checkpoint and two steps more, with bad epochs
    // counted.
    words_set(&s, stopped, PLATEAU "save-freq=9");
    words_train_until(&s.o, 11, &r);
    words_continue(stopped, PLATEAU);
    words_check_same_run(run, stopped, 20);
    assert_int_equal(words_read_metrics(stopped, "val_l1", again), 20);
    assert_memory_equal(again, errors, 20 * sizeof(errors[0]));
    assert_int_equal(words_read_metrics(stopped, "lr", again), 20);
    assert_memory_equal(again, rates, 20 * sizeof(rates[0]));

    words_check_refused("data=" EXACT " lr-policy=plateau", "--lr-policy plateau");
    public_check_message("exact/val");
}

static struct evaluated evaluate(const char *model)
{
    struct pix_translate_options t;
    struct evaluated e;
    pix_translate_options_init(&t);
    t.tuning = "off";
    t.model = model;
    pix_translator *translator = pix_translator_create(public_device, &t);
    assert_non_null(translator);
    assert_true(evaluated_find(translator, DATA, "val", NULL, 0, &e));
    pix_translator_destroy(translator);
    return e;
}

static void test_validation(void **state)
{
    static const char run[] = SCRATCH "/validated", words[] = "batch-size=2 steps=10 "
                                                              "val-freq=2";
    double errors[STEPS_MAX], rates[STEPS_MAX];
    uint64_t count = 0;
    (void)state;
    public_need_device();
    // Epochs of two batches and a half: they end with steps 3, 5, 8 and 10.
    const struct words_result r = words_train(run, words);
    assert_int_equal(words_read_metrics(run, "val_l1", errors), 10);
    assert_int_equal(words_read_metrics(run, "lr", rates), 10);
    for (uint64_t i = 0; i < 10; i++) {
        const bool is_due = i + 1 == 5 || i + 1 == 10;
        assert_int_equal(r.m[i].has_val, is_due);
        assert_int_equal(isnan(errors[i]), !is_due);
        assert_true(rates[i] == 0.0002);
        count += is_due;
    }
    assert_int_equal(count, 2);

    // It is what evaluation says.
    const struct evaluated e = evaluate(run);
    assert_int_equal(e.pairs, 2);
    words_check_near(errors[9], e.l1, 1e-12);
    // So is the mean colour, but for the size at which it is taken.
    words_check_near(r.m[9].val_mean_colour[PIX_METRIC_L1], e.l1_mean_colour, 1e-3);
    assert_true(r.m[9].val_mean_colour[PIX_METRIC_L1] ==
                r.m[4].val_mean_colour[PIX_METRIC_L1]);
    assert_true(isnan(r.m[3].val_mean_colour[PIX_METRIC_L1]));
    const struct words_result exact =
        words_train(SCRATCH "/unscaled", "steps=5 val-freq=1 load-size=32 "
                                         "val-metrics=psnr");
    words_check_near(exact.m[4].val_mean_colour[PIX_METRIC_L1],
                     evaluate(SCRATCH "/unscaled").l1_mean_colour, 1e-12);
    assert_true(exact.m[4].val_mean_colour[PIX_METRIC_PSNR] > 0);

    // Parts of unscaled images: the middle is compared, with the mean colour of all.
    const struct words_result parts =
        words_train(SCRATCH "/parts", "steps=5 val-freq=1 preprocess=crop");
    const struct evaluated middle = evaluate(SCRATCH "/parts");
    words_check_near(parts.m[4].val[PIX_METRIC_L1], middle.l1, 1e-12);
    words_check_near(parts.m[4].val_mean_colour[PIX_METRIC_L1], middle.l1_mean_colour,
                     1e-12);
    if (fabs(middle.l1_mean_colour - e.l1_mean_colour) < 1e-4)
        fail_msg("the pairs were resized");
    assert_true(isnan(exact.m[4].val_mean_colour[PIX_METRIC_SSIM]));

    // And leaves no trace in the weights.
    words_train(SCRATCH "/not_validated", "batch-size=2 steps=10");
    words_check_same_run(run, SCRATCH "/not_validated", 10);

    // Lines for validations come between those that are due.
    words_train(SCRATCH "/seldom", "batch-size=2 steps=10 val-freq=2 log-freq=4");
    void *data;
    size_t size;
    assert_true(file_read(SCRATCH "/seldom/metrics.jsonl", &data, &size));
    assert_non_null(strstr(data, "\"step\": 5"));
    assert_non_null(strstr(data, "\"step\": 10"));
    assert_null(strstr(data, "\"step\": 3"));
    mem_free(data);

    words_check_refused("data=" EXACT " val-freq=1", "--val-freq asks for validation");
}

// An epoch of one step, whose weights change much.
#define FAST "max-dataset-size=1 n-epochs=100 lr=0.02 steps=20 "

// What a run knows of its best validation when it is resumed.
static bool find_best(const char *out, const char *words,
                      struct pix_best_validation *best)
{
    struct words_setup s;
    words_set(&s, out, words);
    s.o.continue_run = true;
    pix_trainer *trainer = pix_trainer_create(public_device, &s.o);
    assert_non_null(trainer);
    public_messages[0] = '\0';
    const bool has = pix_trainer_get_best(trainer, best);
    pix_trainer_destroy(trainer);
    return has;
}

static void test_best_is_kept(void **state)
{
    static const char run[] = SCRATCH "/kept", words[] = FAST "steps=3 best=psnr",
                      path[] = SCRATCH "/kept/checkpoints/best.safetensors";
    struct pix_best_validation best;
    (void)state;
    public_need_device();
    const struct words_result r = words_train(run, words);
    assert_true(find_best(run, words, &best));
    assert_true(best.step >= 1 && best.step <= 3 && best.metric == PIX_METRIC_PSNR);
    assert_true(best.score == r.m[best.step - 1].val[PIX_METRIC_PSNR] && best.is_kept);

    // Another step, a damaged file, none.
    const uint64_t step = best.step;
    char *newest = checkpoint_path(run, 3);
    void *data;
    size_t size;
    assert_true(file_read(newest, &data, &size) && file_write(path, data, size));
    assert_true(find_best(run, words, &best) && best.step == step);
    assert_int_equal(best.is_kept, step == 3);
    assert_true(file_write(path, data, 100));
    assert_true(find_best(run, words, &best) && best.step == step && !best.is_kept);
    public_check_message("whether the best checkpoint is kept is not known: ");
    assert_int_equal(remove(path), 0);
    assert_true(find_best(run, words, &best) && best.step == step && !best.is_kept);
    assert_string_equal(public_messages, "");
    mem_free(data);
    mem_free(newest);

    words_train(SCRATCH "/unjudged", "steps=1");
    assert_false(find_best(SCRATCH "/unjudged", "steps=1", &best));
}

// The best validation is kept whatever comes later, and the run ends when there are too
// many that are no better; all of it the same after an interruption.
static void test_best(void **state)
{
    static const char run[] = SCRATCH "/best", stopped[] = SCRATCH "/best_stopped",
                      best[] = SCRATCH "/best/checkpoints/best.safetensors";
    static const char words[] = FAST "best=ssim patience=3 keep=1 save-freq=2 "
                                     "val-metrics=psnr,ms_ssim";
    struct words_setup s;
    struct words_result r;
    uint64_t at = 0, end = 0;
    (void)state;
    public_need_device();
    r = words_train(run, words);
    for (uint64_t i = 0; i < r.steps; i++) {
        const double *val = r.m[i].val;
        const bool is_best =
            at == 0 || val[PIX_METRIC_SSIM] > r.m[at - 1].val[PIX_METRIC_SSIM];
        assert_true(r.m[i].has_val && r.m[i].is_best == is_best);
        assert_true(val[PIX_METRIC_L1] > 0 && val[PIX_METRIC_PSNR] > 0 &&
                    val[PIX_METRIC_MS_SSIM] > 0 && isnan(val[PIX_METRIC_MSE]));
        if (is_best)
            at = i + 1;
        else if (end == 0 && i + 1 - at == 3)
            end = i + 1;
    }
    assert_true(at > 0 && end == at + 3 && r.steps == end && end < 20);
    assert_int_equal(r.m[end - 1].steps, end);

    // The file is that of the step, and the score that of an evaluation.
    struct checkpoint *c = checkpoint_open(best);
    assert_non_null(c);
    assert_int_equal(checkpoint_get_state(c)->step, at);
    checkpoint_close(c);
    words_check_near(evaluate(best).l1, r.m[at - 1].val[PIX_METRIC_L1], 1e-12);
    words_check_near(evaluate(run).l1, r.m[end - 1].val[PIX_METRIC_L1], 1e-12);
    double numbers[STEPS_MAX];
    assert_int_equal(words_read_metrics(run, "val_ssim", numbers), end);
    assert_true(numbers[at - 1] == r.m[at - 1].val[PIX_METRIC_SSIM]);

    // Interrupted one step before its end, two after a checkpoint.
    words_set(&s, stopped, words);
    words_train_until(&s.o, end - 1, &r);
    assert_int_equal(words_continue(stopped, words).steps, end);
    words_check_same_run(run, stopped, end);

    // A run that is over stays so, unless there is more patience.
    assert_int_equal(words_continue(run, words).steps, 0);
    assert_true(words_continue(run, FAST "best=ssim patience=9 keep=1 save-freq=2 "
                                         "val-metrics=psnr,ms_ssim")
                    .steps > end);
    c = checkpoint_open(best);
    assert_non_null(c);
    checkpoint_close(c);

    // By its name, in every command that reads a run.
    struct pix_translate_options t;
    pix_translate_options_init(&t);
    t.tuning = "off";
    t.model = run;
    t.checkpoint = "best";
    pix_translator *translator = pix_translator_create(public_device, &t);
    struct evaluated e;
    assert_non_null(translator);
    assert_true(evaluated_find(translator, DATA, "val", NULL, 0, &e));
    pix_translator_destroy(translator);
    words_check_near(e.l1, evaluate(best).l1, 0);
    static const struct {
        const char *model, *checkpoint, *message;
    } refused[] = {
        { run, "worst",
          "a checkpoint is \"newest\", \"best\" or a step, not \"worst\"" },
        { run, "1", "has no checkpoint of step 1, there are: " },
        { run, "1", ", and best; a run keeps as many as train --keep says" },
        { SCRATCH "/validated", "best", "a run has it with train --best METRIC" },
        { best, "newest", "is a file, and a checkpoint can be chosen of a run" },
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        t.model = refused[i].model;
        t.checkpoint = refused[i].checkpoint;
        assert_null(pix_translator_create(public_device, &t));
        public_check_message(refused[i].message);
    }
}

// What is validated is what `translate` uses: the average, where there is one.
static void test_average(void **state)
{
    static const char run[] = SCRATCH "/average";
    (void)state;
    public_need_device();
    const struct words_result r = words_train(run, FAST "steps=3 ema=0.9 val-freq=1");
    words_check_near(evaluate(run).l1, r.m[2].val[PIX_METRIC_L1], 1e-12);
}

#define EACH "max-dataset-size=1 "    // an epoch a step

// The patience of a run may change, also where nothing else asks for validations; those
// of --best stay what they are.
static void test_patience(void **state)
{
    static const char run[] = SCRATCH "/patient", best[] = SCRATCH "/best_only";
    void *config;
    size_t size;
    (void)state;
    public_need_device();
    assert_false(words_train(run, EACH "steps=2").m[1].has_val);
    assert_true(words_continue(run, EACH "steps=4 patience=9").m[3].has_val);
    assert_false(words_continue(run, EACH "steps=6").m[5].has_val);
    assert_true(words_train(best, EACH "steps=2 best=l1").m[1].has_val);
    assert_true(file_read(SCRATCH "/best_only/config.json", &config, &size));
    assert_non_null(strstr(config, "\"val-freq\": 1"));
    mem_free(config);
    assert_true(words_continue(best, EACH "steps=4 best=l1 val-freq=1").m[3].has_val);
}

static void test_refusals(void **state)
{
    (void)state;
    public_need_device();
    words_check_refused("val-freq=1 val-metrics=l1,sssim",
                        "has \"sssim\": choose from");
    words_check_refused("val-freq=1 val-metrics=l1,,psnr", "has \"\"");
    words_check_refused("data=" EXACT " best=psnr", "--best asks for validation");
    words_check_refused("data=" EXACT " patience=2", "--patience asks for validation");
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
        cmocka_unit_test(test_plateau),  cmocka_unit_test(test_validation),
        cmocka_unit_test(test_best),     cmocka_unit_test(test_best_is_kept),
        cmocka_unit_test(test_average),  cmocka_unit_test(test_patience),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
