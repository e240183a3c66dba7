// SPDX-License-Identifier: MIT
//
// Validation during training and the plateau that follows it.

#include "support/words.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "settings/schedule.h"
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
        assert_true(r.m[i].has_val && r.m[i].val_l1 == errors[i] && errors[i] > 0);
        assert_true(r.m[i].epoch == (uint64_t)i + 1 && r.m[i].lr == rates[i]);
        if (rates[i] != 1e-5 * p.factor)
            fail_msg("epoch %d: the rate is %g, not %g", i + 1, rates[i],
                     1e-5 * p.factor);
        schedule_plateau_update(&p, errors[i]);
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

static void test_validation(void **state)
{
    static const char run[] = SCRATCH "/validated", words[] = "batch-size=2 steps=10 "
                                                              "val-freq=2";
    struct pix_translate_options t;
    struct evaluated e;
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

    // It is what evaluation says of the pictures, which are rounded to 8 bits.
    pix_translate_options_init(&t);
    t.tuning = "off";
    t.model = run;
    pix_translator *translator = pix_translator_create(public_device, &t);
    assert_non_null(translator);
    assert_true(evaluated_find(translator, DATA, "val", NULL, 0, &e));
    pix_translator_destroy(translator);
    assert_int_equal(e.pairs, 2);
    words_check_near(errors[9], e.l1, 0.01);

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

static int open_group(void **state)
{
    (void)state;
    words_open(SCRATCH);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plateau),
        cmocka_unit_test(test_validation),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
