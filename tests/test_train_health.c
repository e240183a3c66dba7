// SPDX-License-Identifier: MIT
//
// Whole runs that go wrong although their numbers are finite, and what is said of them.

#include "support/words.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/checkpoint_folder.h"

#define SCRATCH "test_train_health.scratch"

// Trains to the end, whatever the number of steps. How often a text was said.
static int train_options(const struct pix_train_options *o, const char *said)
{
    struct pix_step_metrics m;
    enum pix_step_result result;
    int count = 0;
    public_messages[0] = '\0';
    pix_trainer *trainer = pix_trainer_create(public_device, o);
    if (!trainer)
        fail_msg("%s", public_messages);
    while ((result = pix_trainer_step(trainer, &m)) == PIX_STEP_DONE)
        ;
    assert_int_equal(result, PIX_STEP_FINISHED);
    pix_trainer_destroy(trainer);
    for (const char *at = public_messages; (at = strstr(at, said)); at++)
        count++;
    return count;
}

static int train(const char *out, const char *words, const char *said)
{
    struct words_setup s;
    words_set(&s, out, words);
    return train_options(&s.o, said);
}

static int resume(const char *out, const char *words, const char *said)
{
    struct words_setup s;
    words_set(&s, out, words);
    s.o.continue_run = true;
    return train_options(&s.o, said);
}

// The warnings in report/run.json, of which `sign` comes once, after `step`.
static void check_report(const char *out, size_t count, const char *sign, uint64_t step)
{
    size_t found = 0, size;
    void *data;
    char *path = mem_printf("%s/report/run.json", out);
    assert_true(file_read(path, &data, &size));
    json_t *document = json_parse(data, size, path);
    const json_t *list = json_object_get(document, "warnings");
    assert_true(json_is_array(list));
    assert_int_equal(json_array_size(list), count);
    for (size_t i = 0; i < count; i++) {
        const json_t *w = json_array_get(list, i);
        if (strcmp(json_string_value(json_object_get(w, "sign")), sign) != 0)
            continue;
        assert_int_equal(json_integer_value(json_object_get(w, "step")), step);
        assert_non_null(json_string_value(json_object_get(w, "text")));
        found++;
    }
    assert_int_equal(found, count > 0);
    json_decref(document);
    mem_free(data);
    mem_free(path);
}

// Without a norm a network with small weights returns nearly nothing, and a learning
// rate of 0 leaves it so. Seen in the sample grids, and in validations.
#define DULL "norm=none init-gain=1e-4 lr=0 steps=160 "

static void test_one_colour(void **state)
{
    (void)state;
    public_need_device();
    assert_int_equal(train(SCRATCH "/grids", DULL "sample-freq=40", "one colour"), 1);
    public_check_message("one colour since step 40 ");
    public_check_message("--norm none");
    check_report(SCRATCH "/grids", 1, "one_colour", 160);
    assert_int_equal(train(SCRATCH "/validations",
                           DULL "sample-freq=0 max-dataset-size=1 val-freq=40 "
                                "n-epochs=1000",
                           "one colour"),
                     1);
    public_check_message("one colour since step 40 ");
}

#define ONWARDS "norm=none init-gain=1e-4 lr=0 sample-freq=40 save-freq=100 "

// The report has what was said before a run is resumed, once, unless it was said of
// steps that are taken again.
static void test_report(void **state)
{
    static const char run[] = SCRATCH "/onwards",
                      report[] = SCRATCH "/onwards/report/run.json";
    (void)state;
    public_need_device();
    assert_int_equal(train(run, ONWARDS "steps=170", "one colour"), 1);
    check_report(run, 1, "one_colour", 160);
    assert_int_equal(resume(run, ONWARDS "steps=350", "one colour"), 1);
    check_report(run, 1, "one_colour", 160);

    // As after a crash before the checkpoint of step 170.
    static const uint64_t later[] = { 170, 200, 300, 350 };
    for (size_t i = 0; i < ARRAY_LEN(later); i++) {
        char *path = checkpoint_path(run, later[i]);
        remove(path);
        mem_free(path);
    }
    assert_int_equal(resume(run, ONWARDS "steps=120 keep=9", "one colour"), 0);
    check_report(run, 0, "one_colour", 0);
    assert_int_equal(resume(run, ONWARDS "steps=300 keep=9", "one colour"), 1);
    check_report(run, 1, "one_colour", 280);

    // What is damaged is replaced, and the process that runs has its own.
    assert_true(file_write(report, "{\"devices\": [], \"warnings\": [3]}", 32));
    assert_int_equal(resume(run, ONWARDS "steps=460 keep=9", "one colour"), 1);
    public_check_message("is damaged, so the report does not name the warnings of the "
                         "run before step 300");
    check_report(run, 1, "one_colour", 440);
    assert_true(file_write(report, "{oops", 5));
    assert_int_equal(resume(run, ONWARDS "steps=461 keep=9", "damaged"), 1);
    public_check_message("does not name the devices and warnings of");
    check_report(run, 0, "one_colour", 0);
    // One of an older version.
    assert_true(file_write(report, "{\"devices\": []}", 15));
    assert_int_equal(resume(run, ONWARDS "steps=462 keep=9", "damaged"), 0);
    check_report(run, 0, "one_colour", 0);
}

// One that learns.
static void test_silent(void **state)
{
    (void)state;
    public_need_device();
    assert_int_equal(
        train(SCRATCH "/good", "steps=160 sample-freq=40 lr=0.002", "the generator"),
        0);
    assert_null(strstr(public_messages, "discriminator has won"));
}

// It learns one image by heart, and gets worse at others.
static void test_overfit(void **state)
{
    (void)state;
    public_need_device();
    const int said = train(SCRATCH "/overfit",
                           "steps=160 sample-freq=0 max-dataset-size=1 val-freq=4 "
                           "n-epochs=1000 lr=0.01 gan-mode=none",
                           "by heart");
    fprintf(stderr, "%s\n", public_messages);
    assert_int_equal(said, 1);
    public_check_message("--best l1");
}

// Noise cannot be foretold.
static void test_baseline(void **state)
{
    (void)state;
    public_need_device();
    assert_int_equal(train(SCRATCH "/noise",
                           "steps=1000 sample-freq=0 val-freq=50 n-epochs=1000 lr=0.01",
                           "no better than one colour"),
                     1);
    check_report(SCRATCH "/noise", 1, "mean_colour", 1000);
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
        cmocka_unit_test(test_one_colour), cmocka_unit_test(test_report),
        cmocka_unit_test(test_silent),     cmocka_unit_test(test_overfit),
        cmocka_unit_test(test_baseline),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
