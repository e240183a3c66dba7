// SPDX-License-Identifier: MIT
//
// Whole runs in 16 bits: other numbers than in 32, the same bits each time, also in
// parts, and a loss scale that the checkpoint has.

#include "support/words.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/checkpoint_folder.h"
#include "support/tree.h"

#define SCRATCH "test_train_precision.scratch"

static bool has_storage(void)
{
    struct words_setup s;
    words_set(&s, SCRATCH "/probe", "precision=bf16");
    struct pix_plan plan;
    const bool has = pix_train_plan(public_device, &s.o, &plan);
    if (!has)
        public_check_message("needs buffers of 16-bit numbers");
    public_messages[0] = 0;
    return has;
}

// Losses as in floats, up to what 16 bits lose, and not the same.
static void check_run(const char *name, const char *more, double tolerance)
{
    char out[64], parts[64], full[64], words[256];
    snprintf(full, sizeof(full), SCRATCH "/full-%s-%zu", name, strlen(more));
    snprintf(out, sizeof(out), SCRATCH "/%s-%zu", name, strlen(more));
    snprintf(parts, sizeof(parts), SCRATCH "/parts-%s-%zu", name, strlen(more));
    const struct words_result f = words_train(full, more);
    snprintf(words, sizeof(words), "precision=%s %s", name, more);
    const struct words_result r = words_train(out, words);
    assert_int_equal(r.steps, STEPS);
    for (uint64_t i = 0; i < r.steps; i++) {
        assert_true(r.m[i].loss_g_l1 != f.m[i].loss_g_l1);
        // Of the first step: later ones differ by what was learned.
        if (i == 0)
            words_check_near(r.m[i].loss_g_l1, f.m[i].loss_g_l1,
                             tolerance * f.m[i].loss_g_l1);
    }

    struct words_setup s;
    struct words_result part;
    words_set(&s, parts, words);
    words_train_until(&s.o, 1, &part);
    s.o.continue_run = true;
    words_train_until(&s.o, UINT64_MAX, &part);
    words_check_same_run(out, parts, STEPS);

    const bool is_f16 = strcmp(name, "f16") == 0;
    double scales[STEPS_MAX];
    if (is_f16)
        assert_int_equal(words_read_metrics(out, "loss_scale_g", scales), STEPS);
    for (uint64_t i = 0; i < r.steps; i++) {
        const struct pix_step_metrics *m = &r.m[i];
        assert_int_equal(m->has_scale, is_f16);
        if (!is_f16)
            continue;
        // Halved at each overflow, and no time to double.
        assert_true(m->scale_g == ldexp(65536, -(int)m->skipped_g));
        assert_true(scales[i] == m->scale_g);
        assert_true(!m->has_gan || m->scale_d == ldexp(65536, -(int)m->skipped_d));
    }
}

// The first place of one text by another one of the same length.
static void replace(char *bytes, size_t size, const char *from, const char *to)
{
    const size_t length = strlen(from);
    assert_int_equal(strlen(to), length);
    for (size_t i = 0; i + length <= size; i++)
        if (memcmp(bytes + i, from, length) == 0) {
            memcpy(bytes + i, to, length);
            return;
        }
    fail_msg("nothing is %s", from);
}

static void test_runs(void **state)
{
    (void)state;
    public_need_device();
    if (!has_storage())
        skip();
    check_run("f16", "", 0.01);
    check_run("bf16", "", 0.05);
    check_run("f16", "accumulate=2 gan-mode=lsgan ema=0.9", 0.01);
    check_run("f16", "optimizer=sgd update-order=reuse norm=instance", 0.01);
    check_run("bf16", "gan-mode=wgangp", 0.05);
}

// The loss scale of a checkpoint is what a resumed run goes on with.
static void test_checkpoint(void **state)
{
    (void)state;
    public_need_device();
    if (!has_storage())
        skip();
    // A loss so large that updates are left out.
    const char *words = "precision=f16 lambda-l1=1000000 no-dropout=true";
    const struct words_result r = words_train(SCRATCH "/large", words);
    assert_true(r.m[STEPS - 1].skipped_g > 0);
    struct words_setup s;
    struct words_result more;
    words_set(&s, SCRATCH "/large", words);
    s.o.continue_run = true;
    s.o.steps = STEPS + 1;
    words_train_until(&s.o, UINT64_MAX, &more);
    assert_int_equal(more.steps, STEPS + 1);
    const struct pix_step_metrics *m = &more.m[STEPS];
    assert_true(m->skipped_g >= r.m[STEPS - 1].skipped_g);
    assert_true(m->scale_g == ldexp(65536, -(int)m->skipped_g));
    struct safetensors *file = words_open_tensors(SCRATCH "/large", STEPS);
    const char *text = safetensors_metadata(file, "pix2pix.scaler");
    char expected[64];
    snprintf(expected, sizeof(expected), "\"skipped\": %d",
             (int)r.m[STEPS - 1].skipped_g);
    assert_non_null(text);
    assert_non_null(strstr(text, expected));
    safetensors_close(file);
}

// A loss scale that is not one of the run's: without sums, which would show a change.
static void test_damage(void **state)
{
    static const struct {
        const char *from, *to;
        bool is_good;
    } cases[] = {
        { "pix2pix.scaler", "pix2pix.scaler", true },
        { "pix2pix.scaler", "pix2pix.scalez", false },
        { "\\\"D\\\": {\\\"scale", "\\\"E\\\": {\\\"scale", false },
        { "\\\"scale\\\": ", "\\\"scale\\\":9", false },
        { "\\\"scale\\\": ", "\\\"scale\\\":-", false },
        { "\\\"good\\\"", "\\\"gold\\\"", false },
        { "\\\"good\\\": ", "\\\"good\\\":9", false },
        { "\\\"skipped\\\": ", "\\\"skipped\\\":9", false },
        { "\\\"beta1_power", "\\\"beta1_powet", false },
        { "\\\"beta2_power\\\": ", "\\\"beta2_power\\\":7", false },
    };
    (void)state;
    public_need_device();
    if (!has_storage())
        skip();
    const char *words = "precision=f16 steps=2";
    words_train(SCRATCH "/damage", words);
    char *path = checkpoint_path(SCRATCH "/damage", 2);
    void *data;
    size_t size;
    assert_true(file_read(path, &data, &size));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *bytes = mem_alloc(size);
        assert_non_null(bytes);
        memcpy(bytes, data, size);
        replace(bytes, size, "pix2pix.sums", "pix2pix.none");
        replace(bytes, size, cases[i].from, cases[i].to);
        assert_true(file_write(path, bytes, size));
        mem_free(bytes);
        struct words_setup s;
        words_set(&s, SCRATCH "/damage", words);
        s.o.continue_run = true;
        s.o.steps = 3;
        public_messages[0] = 0;
        pix_trainer *t = pix_trainer_create(public_device, &s.o);
        if ((t != NULL) != cases[i].is_good)
            fail_msg("%s: %s", cases[i].to, public_messages);
        if (!t)
            public_check_message("its pix2pix.scaler is not the loss scale");
        pix_trainer_destroy(t);
    }
    public_messages[0] = 0;
    mem_free(data);
    mem_free(path);
}

// Gradients that f16 can hold at no scale: no update is made, and a warning says so.
static void test_left_out(void **state)
{
    (void)state;
    public_need_device();
    if (!has_storage())
        skip();
    const struct words_result r =
        words_train(SCRATCH "/none", "precision=f16 steps=24 gan-mode=none norm=none "
                                     "init-gain=100 on-nan=continue");
    assert_int_equal(r.m[r.steps - 1].skipped_g, r.steps);
    assert_true(r.m[r.steps - 1].scale_g == 1);
    assert_non_null(strstr(public_messages, "the last 20 updates of the generator"));
    public_messages[0] = 0;

    // Without --on-nan continue the loss ends the run, and the advice is the range.
    struct words_setup w;
    words_set(&w, SCRATCH "/stop",
              "precision=f16 steps=2 gan-mode=none norm=none init-gain=100");
    pix_trainer *t = pix_trainer_create(public_device, &w.o);
    struct pix_step_metrics m;
    assert_non_null(t);
    assert_int_equal(pix_trainer_step(t, &m), PIX_STEP_FAILED);
    pix_trainer_destroy(t);
    public_check_message("with a lower --lr or --precision bf16, whose range");
}

static void test_choice(void **state)
{
    (void)state;
    public_need_device();
    words_check_refused("precision=f16 gan-mode=wgangp", "use bf16 or f32");
    // What auto stood for is what the run keeps.
    words_train(SCRATCH "/auto", "precision=auto");
    struct pix_train_options stored;
    assert_true(pix_train_options_read(SCRATCH "/auto", &stored));
    assert_true(strcmp(stored.precision, "f32") == 0 ||
                strcmp(stored.precision, "f16") == 0);
    pix_train_options_finish(&stored);
    struct words_setup s;
    words_set(&s, SCRATCH "/auto", "precision=bf16");
    s.o.continue_run = true;
    assert_null(pix_trainer_create(public_device, &s.o));
    public_check_message("--precision bf16 differs from the run's");
    if (!has_storage())
        return;
    // The command that began a run resumes it, whatever auto would be elsewhere.
    words_train(SCRATCH "/given", "precision=bf16");
    words_continue(SCRATCH "/given", "precision=auto steps=4");
    assert_true(pix_train_options_read(SCRATCH "/given", &stored));
    assert_string_equal(stored.precision, "bf16");
    pix_train_options_finish(&stored);
}

// A generator that was trained in floats, in others: near, and not the same.
static void test_translation(void **state)
{
    static const struct {
        const char *name;
        int most;    // levels
    } precisions[] = { { "f16", 2 }, { "bf16", 12 } };
    (void)state;
    public_need_device();
    if (!has_storage())
        skip();
    words_train(SCRATCH "/floats", "");
    struct pix_image full = words_translate(SCRATCH "/floats", NULL, false);
    for (size_t i = 0; i < ARRAY_LEN(precisions); i++) {
        struct pix_image half =
            words_translate(SCRATCH "/floats", precisions[i].name, false);
        int largest = 0;
        for (size_t k = 0; k < (size_t)CROP * CROP * 3; k++)
            largest = MAX(largest, abs(half.pixels[k] - full.pixels[k]));
        if (largest == 0 || largest > precisions[i].most)
            fail_msg("%s: the largest difference is %d", precisions[i].name, largest);
        pix_image_free(&half);
    }
    pix_image_free(&full);
    struct pix_translate_options t;
    pix_translate_options_init(&t);
    t.model = SCRATCH "/floats";
    t.precision = "f8";
    assert_null(pix_translator_create(public_device, &t));
    public_check_message("--precision takes f32, f16, bf16 or auto, not \"f8\"");
}

static void note_promise(void *user, enum pix_log_level level, const char *text)
{
    (void)level;
    if (strstr(text, "is not faster"))
        *(bool *)user = true;
}

// A run in f16 on a device that has none: one message, with the way out of its folder.
static void test_other_device(void **state)
{
    (void)state;
    public_need_device();
    if (!has_storage())
        skip();
    words_train(SCRATCH "/elsewhere", "precision=f16 steps=2");
    bool promises = false;
    pix_device *minimum = pix_device_create(&(struct pix_device_options){
        .log = { note_promise, &promises, PIX_LOG_INFO }, .minimum_limits = true });
    assert_non_null(minimum);
    struct words_setup s;
    words_set(&s, SCRATCH "/elsewhere", "precision=f16");
    s.o.continue_run = true;
    s.o.steps = 3;
    assert_null(pix_trainer_create(minimum, &s.o));
    assert_false(promises);
    assert_non_null(strstr(pix_last_error(), "f16 needs buffers of 16-bit numbers"));
    assert_non_null(
        strstr(pix_last_error(), "--init-g " SCRATCH "/elsewhere --init-d "));
    pix_device_destroy(minimum);
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
        cmocka_unit_test(test_runs),         cmocka_unit_test(test_checkpoint),
        cmocka_unit_test(test_left_out),     cmocka_unit_test(test_choice),
        cmocka_unit_test(test_translation),  cmocka_unit_test(test_damage),
        cmocka_unit_test(test_other_device),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
