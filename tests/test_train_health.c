// SPDX-License-Identifier: MIT
//
// Whole runs that go wrong although their numbers are finite, and what is said of them.

#include "support/words.h"

#include <string.h>

#define SCRATCH "test_train_health.scratch"

// Trains to the end, whatever the number of steps. How often a text was said.
static int train(const char *out, const char *words, const char *said)
{
    struct words_setup s;
    struct pix_step_metrics m;
    enum pix_step_result result;
    int count = 0;
    public_messages[0] = '\0';
    words_set(&s, out, words);
    pix_trainer *trainer = pix_trainer_create(public_device, &s.o);
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
    assert_int_equal(train(SCRATCH "/validations",
                           DULL "sample-freq=0 max-dataset-size=1 val-freq=40 "
                                "n-epochs=1000",
                           "one colour"),
                     1);
    public_check_message("one colour since step 40 ");
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

static int open_group(void **state)
{
    (void)state;
    words_open(SCRATCH);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_colour),
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_overfit),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
