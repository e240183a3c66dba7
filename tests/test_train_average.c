// SPDX-License-Identifier: MIT
//
// The moving average of G's weights: its values, in runs that are stopped, and what
// translation makes of it.

#include "support/words.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/safetensors.h"
#include "formats/sums.h"
#include "store/checkpoint_folder.h"

#define SCRATCH "test_train_average.scratch"

static void read_floats(struct safetensors *s, const char *prefix, const char *name,
                        float **values, size_t *count)
{
    char full[256];
    snprintf(full, sizeof(full), "%s%s", prefix, name);
    const struct safetensors_entry *e = safetensors_find(s, full);
    if (!e)
        fail_msg("there is no %s", full);
    *values = words_read_entry(s, e);
    *count = words_entry_bytes(e) / sizeof(float);
}

// average = decay * average + (1 - decay) * weight, in float, from one file to the
// next.
static void check_average(const char *before, uint64_t step_before, const char *prefix,
                          const char *run, uint64_t step, float decay)
{
    struct safetensors *a = words_open_tensors(before, step_before);
    struct safetensors *b = words_open_tensors(run, step);
    size_t averages = 0, trained = 0;
    for (size_t i = 0; i < safetensors_count(b); i++) {
        const char *name = safetensors_at(b, i)->name;
        float *was, *is, *weight;
        size_t count;
        trained += strncmp(name, "adam.G.", 7) == 0;
        assert_null(strstr(name, "ema.D."));
        if (strncmp(name, "ema.", 4) != 0)
            continue;
        averages++;
        read_floats(a, prefix, name + 4, &was, &count);
        read_floats(b, "", name + 4, &weight, &count);
        read_floats(b, "", name, &is, &count);
        for (size_t k = 0; k < count; k++) {
            const double expected = (double)decay * (double)was[k] +
                                    (1 - (double)decay) * (double)weight[k];
            if (!(fabs((double)is[k] - expected) <= 2e-7 * fabs(expected) + 1e-9))
                fail_msg("step %" PRIu64 ": %s[%zu] is %.9g, not %.9g", step, name, k,
                         (double)is[k], expected);
        }
        mem_free(was);
        mem_free(is);
        mem_free(weight);
    }
    assert_true(averages > 10 && trained == 2 * averages);    // two moments
    safetensors_close(a);
    safetensors_close(b);
}

// Gives each weight that has an average the values of it. The file's sums, which would
// no longer be right, get another name: a file without sums is read as it is.
static void exchange_averages(const char *run, uint64_t step)
{
    struct safetensors *s = words_open_tensors(run, step);
    char *path = checkpoint_path(run, step);
    void *data;
    size_t size, header = 8;
    assert_true(file_read(path, &data, &size));
    for (int i = 0; i < 8; i++)
        header += (size_t)((uint8_t *)data)[i] << (8 * i);
    for (size_t i = 0; i < safetensors_count(s); i++) {
        const struct safetensors_entry *e = safetensors_at(s, i);
        if (strncmp(e->name, "ema.", 4) != 0)
            continue;
        const struct safetensors_entry *w = safetensors_find(s, e->name + 4);
        assert_non_null(w);
        memcpy((char *)data + header + w->begin, (char *)data + header + e->begin,
               words_entry_bytes(e));
    }
    safetensors_close(s);
    char *sums = NULL;
    for (size_t i = 0; !sums && i + strlen(SUMS_KEY) < header; i++)
        if (memcmp((char *)data + i, SUMS_KEY, strlen(SUMS_KEY)) == 0)
            sums = (char *)data + i;
    assert_non_null(sums);
    sums[0] = 'P';
    assert_true(file_write(path, data, size));
    mem_free(data);
    mem_free(path);
}

static void test_average(void **state)
{
    static const char run[] = SCRATCH "/ema", words[] = "ema=0.75 lr=0.01 save-freq=1 "
                                                        "keep=100 steps=4";
    (void)state;
    public_need_device();
    words_train(run, words);
    // A run that learns nothing has the first weights.
    words_train(SCRATCH "/ema_first", "lr=0 steps=1");
    check_average(SCRATCH "/ema_first", 1, "", run, 1, 0.75f);
    for (uint64_t step = 2; step <= 4; step++)
        check_average(run, step - 1, "ema.", run, step, 0.75f);

    // The average is no part of what is trained.
    words_train(SCRATCH "/ema_none", "lr=0.01 steps=4");
    struct safetensors *a = words_open_tensors(run, 4),
                       *b = words_open_tensors(SCRATCH "/ema_none", 4);
    for (size_t i = 0; i < safetensors_count(b); i++) {
        const struct safetensors_entry *e = safetensors_at(b, i);
        const struct safetensors_entry *f = safetensors_find(a, e->name);
        assert_non_null(f);
        void *x = words_read_entry(b, e), *y = words_read_entry(a, f);
        assert_memory_equal(x, y, words_entry_bytes(e));
        mem_free(x);
        mem_free(y);
    }
    safetensors_close(a);
    safetensors_close(b);

    // Stopped after two steps.
    words_train(SCRATCH "/ema_stopped",
                "ema=0.75 lr=0.01 save-freq=1 keep=100 steps=2");
    words_continue(SCRATCH "/ema_stopped", words);
    words_check_same_run(run, SCRATCH "/ema_stopped", 4);

    // Translation takes the average: what it makes of it is what it makes of weights
    // that are the average.
    struct pix_image average = words_translate(run, NULL, false),
                     weights = words_translate(run, NULL, true);
    struct pix_image plain = words_translate(SCRATCH "/ema_none", NULL, false);
    exchange_averages(SCRATCH "/ema_stopped", 4);
    struct pix_image exchanged = words_translate(SCRATCH "/ema_stopped", NULL, true);
    const size_t size = (size_t)CROP * CROP * 3;
    assert_memory_not_equal(average.pixels, weights.pixels, size);
    assert_memory_equal(weights.pixels, plain.pixels, size);
    assert_memory_equal(average.pixels, exchanged.pixels, size);
    pix_image_free(&average);
    pix_image_free(&weights);
    pix_image_free(&plain);
    pix_image_free(&exchanged);
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
        cmocka_unit_test(test_average),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
