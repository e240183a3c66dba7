// SPDX-License-Identifier: MIT
//
// Whole runs of a tiny model through the public API: that it learns, that the same run
// gives the same bits, that a run may be stopped or killed at any time, and that bad
// input ends in a message.

#define _XOPEN_SOURCE 700

#include "pix2pix.h"
#include "support/gpu.h"
#include "support/tree.h"

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "program/tuned.h"
#include "store/checkpoint.h"
#include "store/checkpoint_folder.h"
#include "train/objective.h"

#define SCRATCH "test_train.scratch"
#define DATA SCRATCH "/data"        // five pairs
#define ONE SCRATCH "/one"          // one pair
#define BROKEN SCRATCH "/broken"    // two pairs and two that are none

#define SIDE 40    // of the images
#define CROP 32    // the smallest the networks take
#define PAIRS 5
#define STEPS 20    // of the runs that are compared

static const char *program;    // this executable
static pix_device *device;
static bool no_execute;    // the driver runs nothing
static char messages[16384];

// ---------------------------------------------------------------------------
// Scratch folders and images

// Left: blobs of some colours; right: the same in others.
static void write_pair(const char *folder, uint32_t number)
{
    struct pix_image image = { 2 * SIDE, SIDE, malloc(2 * SIDE * SIDE * 3) };
    assert_non_null(image.pixels);
    for (uint32_t y = 0; y < SIDE; y++) {
        for (uint32_t x = 0; x < SIDE; x++) {
            uint32_t dx = x > SIDE / 2 ? x - SIDE / 2 : SIDE / 2 - x;
            uint32_t dy = y > SIDE / 2 ? y - SIDE / 2 : SIDE / 2 - y;
            bool in = dx * dx + dy * dy < (4 + 3 * number) * (4 + 3 * number);
            uint8_t *a = image.pixels + (y * 2 * SIDE + x) * 3;
            uint8_t *b = a + SIDE * 3;
            a[0] = (uint8_t)(in ? 220 : 4 * x);
            a[1] = (uint8_t)(in ? 10 * number : 5 * y);
            a[2] = (uint8_t)(30 * number);
            b[0] = (uint8_t)(in ? 30 : 200);
            b[1] = (uint8_t)(in ? 60 : 180);
            b[2] = (uint8_t)(in ? 200 : 90);
        }
    }
    char *path = mem_printf("%s/%" PRIu32 ".png", folder, number);
    assert_true(pix_image_write(path, &image));
    mem_free(path);
    pix_image_free(&image);
}

static void write_text(const char *path, const char *text)
{
    assert_true(file_write(path, text, strlen(text)));
}

static void make_data(void)
{
    assert_true(file_make_folder(DATA "/train"));
    for (uint32_t i = 0; i < PAIRS; i++)
        write_pair(DATA "/train", i);
    assert_true(file_make_folder(ONE "/train"));
    assert_true(file_make_folder(ONE "/test"));
    write_pair(ONE "/train", 3);
    write_pair(ONE "/test", 3);
    assert_true(file_make_folder(BROKEN "/train"));
    write_pair(BROKEN "/train", 1);
    write_pair(BROKEN "/train", 2);
    write_text(BROKEN "/train/empty.png", "");
    write_text(BROKEN "/train/noise.jpg", "this is no picture");
    assert_true(file_make_folder(SCRATCH "/bad/train"));
    write_text(SCRATCH "/bad/train/noise.png", "this is no picture");
    assert_true(file_make_folder(SCRATCH "/empty/train"));
}

// ---------------------------------------------------------------------------
// Device and log

static void keep_message(void *user, enum pix_log_level level, const char *text)
{
    size_t used = strlen(messages);
    (void)user;
    if (level <= PIX_LOG_WARN)
        snprintf(messages + used, sizeof(messages) - used, "%s\n", text);
}

static void assert_message(const char *part)
{
    if (!strstr(messages, part))
        fail_msg("no message has \"%s\": %s", part, messages);
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value && strcmp(value, "0") != 0;
}

static pix_device *open_device(double submission_seconds)
{
    const struct pix_device_options options = {
        .log = { keep_message, NULL, PIX_LOG_INFO },
        .validation = true,
        .minimum_limits = is_set("PIX_TEST_MINIMUM_LIMITS"),
        .submission_seconds = submission_seconds,
    };
    return pix_device_create(&options);
}

static void need_device(void)
{
    if (!device || no_execute)
        skip();
    messages[0] = '\0';
}

// ---------------------------------------------------------------------------
// Runs

static struct pix_train_options tiny(const char *data, const char *out)
{
    struct pix_train_options o;
    pix_train_options_init(&o);
    o.data = data;
    o.out = out;
    o.tuning = "off";
    o.ngf = 4;
    o.ndf = 4;
    o.crop_size = CROP;
    o.load_size = CROP + 4;
    o.seed = 7;
    o.steps = STEPS;
    o.save_freq = 0;
    o.sample_freq = 0;
    o.log_freq = 1;
    return o;
}

// Steps until `stop` or the end; the losses of the last step.
static struct pix_step_metrics train(pix_device *on, const struct pix_train_options *o,
                                     uint64_t stop)
{
    struct pix_step_metrics metrics = { 0 };
    pix_trainer *trainer = pix_trainer_create(on, o);
    if (!trainer)
        fail_msg("%s", messages);
    while (metrics.step != stop) {
        enum pix_step_result result = pix_trainer_step(trainer, &metrics);
        assert_int_not_equal(result, PIX_STEP_FAILED);
        if (result == PIX_STEP_FINISHED)
            break;
    }
    pix_trainer_destroy(trainer);
    return metrics;
}

static void assert_refused(const struct pix_train_options *o, const char *message)
{
    messages[0] = '\0';
    assert_null(pix_trainer_create(device, o));
    assert_message(message);
    assert_non_null(strstr(pix_last_error(), message));
}

// All numbers of a checkpoint: what stands behind the header.
static void *read_tensors(const char *run, uint64_t step, size_t *size)
{
    void *data;
    char *path = checkpoint_path(run, step);
    assert_true(file_read(path, &data, size));
    const uint8_t *bytes = data;
    size_t header = 8;
    for (int i = 0; i < 4; i++)
        header += (size_t)bytes[i] << (8 * i);
    assert_true(header < *size);
    *size -= header;
    memmove(data, bytes + header, *size);
    mem_free(path);
    return data;
}

static void assert_same_checkpoint(const char *a, const char *b, uint64_t step)
{
    size_t size_a, size_b, different = 0;
    uint8_t *x = read_tensors(a, step, &size_a), *y = read_tensors(b, step, &size_b);
    assert_int_equal(size_a, size_b);
    for (size_t i = 0; i < size_a; i++)
        different += x[i] != y[i];
    if (different)
        fail_msg("%s and %s differ in %zu of %zu bytes at step %" PRIu64, a, b,
                 different, size_a, step);
    mem_free(x);
    mem_free(y);
}

static bool has_checkpoint(const char *run, uint64_t step)
{
    char *path = checkpoint_path(run, step);
    bool exists = file_exists(path);
    mem_free(path);
    return exists;
}

// Checks that metrics.jsonl has the lines first, first + 1, ... last.
static void assert_metrics(const char *run, uint64_t first, uint64_t last)
{
    static const char *const names[] = { "epoch",      "loss_d_real", "loss_d_fake",
                                         "loss_g_gan", "loss_g_l1",   "lr",
                                         "ms",         "images_per_s" };
    void *data;
    size_t size;
    char *path = file_join(run, "metrics.jsonl");
    assert_true(file_read(path, &data, &size));
    char *line = data;
    for (uint64_t step = first; step <= last; step++) {
        uint64_t found;
        double number;
        char *end = strchr(line, '\n');
        assert_non_null(end);
        json_t *d = json_parse(line, (size_t)(end - line), path);
        assert_non_null(d);
        assert_true(json_to_u64(json_object_get(d, "step"), &found));
        assert_int_equal(found, step);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            assert_true(json_to_double(json_object_get(d, names[i]), &number));
        json_decref(d);
        line = end + 1;
    }
    assert_int_equal(*line, 0);
    mem_free(data);
    mem_free(path);
}

// The run that all others of STEPS steps are compared with.
static const char *straight(void)
{
    static const char run[] = SCRATCH "/straight";
    if (!file_exists(run)) {
        struct pix_train_options o = tiny(DATA, run);
        o.threads = 1;
        train(device, &o, UINT64_MAX);
    }
    return run;
}

// ---------------------------------------------------------------------------
// Learning

static void test_plan(void **state)
{
    struct pix_train_options o;
    struct pix_plan p;
    (void)state;
    if (!device)
        skip();
    pix_train_options_init(&o);
    o.tuning = "off";
    assert_true(pix_train_plan(device, &o, &p));
    assert_int_equal(p.weights_g, 54413955);
    assert_int_equal(p.weights_d, 2768705);
    assert_int_equal(p.device_bytes, p.state_bytes + p.arena_bytes +
                                         p.step_block_bytes + p.staging_bytes);
    assert_true(p.state_bytes >= (p.weights_g + p.weights_d) * 12);
    assert_true(p.device_bytes <= UINT64_C(1) << 30);
    assert_true(p.arena_bytes < p.arena_bytes_without_reuse / 2);
    assert_true(p.dispatches > 100 && p.dispatches <= 210 && p.barriers > 50 &&
                p.barriers <= p.dispatches);
    assert_true(p.submissions >= 1 && p.flops_per_step > UINT64_C(50000000000));
    assert_true(p.bytes_per_step > p.state_bytes);

    // Validation is a second graph beside that of the steps.
    struct pix_plan with;
    o.val_freq = 1;
    assert_true(pix_train_plan(device, &o, &with));
    assert_true(with.arena_bytes > p.arena_bytes);
    assert_int_equal(with.state_bytes, p.state_bytes);
    assert_int_equal(with.device_bytes, with.state_bytes + with.arena_bytes +
                                            with.step_block_bytes + with.staging_bytes);
}

static void test_overfit(void **state)
{
    static const char run[] = SCRATCH "/overfit";
    struct pix_train_options o = tiny(ONE, run);
    struct pix_step_metrics first, last;
    (void)state;
    need_device();
    o.ngf = 8;
    o.load_size = CROP;
    o.no_flip = true;
    o.no_dropout = true;
    o.lr = 0.002;
    o.n_epochs = 1000;
    o.steps = 120;
    first = train(device, &o, 1);
    assert_true(test_remove_tree(run));
    last = train(device, &o, UINT64_MAX);
    assert_int_equal(last.step, 120);
    assert_int_equal(last.epoch, 120);
    if (!(last.loss_g_l1 < 0.25 * first.loss_g_l1))
        fail_msg("L1 went from %g to %g only", first.loss_g_l1, last.loss_g_l1);

    // The model translates what it learned, and beats both baselines.
    struct pix_translate_options t;
    struct pix_evaluation e;
    struct pix_image grid;
    pix_translate_options_init(&t);
    t.tuning = "off";
    t.model = run;
    pix_translator *translator = pix_translator_create(device, &t);
    assert_non_null(translator);
    assert_int_equal(pix_translator_size(translator), CROP);
    assert_int_equal(pix_translator_multiple(translator), 32);
    assert_int_equal(pix_translator_get_options(translator)->ngf, 8);
    assert_true(pix_evaluate(translator, ONE, "test", SCRATCH "/grid.png", 12, &e));
    assert_int_equal(e.pairs, 1);
    assert_true(e.l1 < 0.5 * e.l1_mean_colour && e.l1 < 0.5 * e.l1_copy);
    assert_true(e.l1 * 100 < 2 * last.loss_g_l1);
    assert_true(pix_image_read(SCRATCH "/grid.png", &grid));
    // One row of three tiles, enlarged to at least 160 pixels each.
    assert_int_equal(grid.width, 3 * 5 * CROP);
    assert_int_equal(grid.height, 5 * CROP);
    pix_image_free(&grid);
    assert_false(pix_evaluate(translator, ONE, "val", NULL, 0, &e));
    pix_translator_destroy(translator);
}

static void test_sample_grid(void **state)
{
    static const char run[] = SCRATCH "/samples";
    struct pix_train_options o = tiny(DATA, run);
    struct pix_image grid;
    (void)state;
    need_device();
    o.steps = 3;
    o.sample_freq = 2;
    o.batch_size = 2;
    train(device, &o, UINT64_MAX);
    assert_true(pix_image_read(SCRATCH "/samples/samples/step-00000003.png", &grid));
    // Enlarged to at least 160 pixels a tile.
    assert_int_equal(grid.width, 3 * 5 * CROP);
    assert_int_equal(grid.height, 2 * 5 * CROP);
    // The target column has the colours of a right half.
    const uint8_t *p = grid.pixels + (2 * 5 * CROP) * 3;
    assert_in_range(p[0], 195, 205);
    assert_in_range(p[1], 175, 185);
    pix_image_free(&grid);
    assert_true(file_exists(SCRATCH "/samples/samples/step-00000002.png"));
    assert_false(file_exists(SCRATCH "/samples/samples/step-00000001.png"));
}

// ---------------------------------------------------------------------------
// The same bits

static void test_same_bits(void **state)
{
    struct pix_train_options o = tiny(DATA, SCRATCH "/again");
    (void)state;
    need_device();
    train(device, &o, UINT64_MAX);
    assert_same_checkpoint(straight(), o.out, STEPS);
    o.out = SCRATCH "/threads";
    o.threads = 5;
    train(device, &o, UINT64_MAX);
    assert_same_checkpoint(straight(), o.out, STEPS);

    // Another seed is another run.
    size_t size;
    o.out = SCRATCH "/seed";
    o.seed = 8;
    train(device, &o, UINT64_MAX);
    void *x = read_tensors(straight(), STEPS, &size);
    void *y = read_tensors(o.out, STEPS, &size);
    assert_memory_not_equal(x, y, size);
    mem_free(x);
    mem_free(y);
}

static void test_tiny_submissions(void **state)
{
    struct pix_train_options o = tiny(DATA, SCRATCH "/cut");
    (void)state;
    need_device();
    pix_device *other = open_device(0.001);
    assert_non_null(other);
    train(other, &o, UINT64_MAX);
    assert_int_equal(pix_device_validation_count(other), 0);
    pix_device_destroy(other);
    assert_same_checkpoint(straight(), o.out, STEPS);
}

static void test_stop_and_continue(void **state)
{
    struct pix_train_options o = tiny(DATA, SCRATCH "/stopped");
    (void)state;
    need_device();
    o.save_freq = 4;
    o.steps = 9;    // with a checkpoint at 9
    train(device, &o, UINT64_MAX);
    assert_true(has_checkpoint(o.out, 9));

    // Stopped at 14 without one, and with a line that was cut short.
    o.continue_run = true;
    o.steps = 17;
    train(device, &o, 14);
    assert_metrics(o.out, 1, 14);
    FILE *stream = fopen(SCRATCH "/stopped/metrics.jsonl", "ab");
    assert_non_null(stream);
    fputs("{\"step\": 15, \"epo", stream);
    fclose(stream);
    write_text(SCRATCH "/stopped/checkpoints/.pix2pix-1-1.tmp", "half");
    write_text(SCRATCH "/stopped/checkpoints/mine.tmp", "whole");

    o.steps = STEPS;
    o.threads = 3;
    o.keep = 2;
    struct pix_step_metrics m = train(device, &o, UINT64_MAX);
    assert_int_equal(m.step, STEPS);
    assert_metrics(o.out, 1, STEPS);
    assert_same_checkpoint(straight(), o.out, STEPS);
    assert_false(file_exists(SCRATCH "/stopped/checkpoints/.pix2pix-1-1.tmp"));
    assert_true(file_exists(SCRATCH "/stopped/checkpoints/mine.tmp"));
    assert_true(has_checkpoint(o.out, 16));
    assert_false(has_checkpoint(o.out, 12));

    // The end of a run stays the end, but fewer checkpoints may be kept.
    o.keep = 1;
    struct pix_step_metrics none;
    pix_trainer *trainer = pix_trainer_create(device, &o);
    assert_non_null(trainer);
    assert_int_equal(pix_trainer_step(trainer, &none), PIX_STEP_FINISHED);
    assert_true(pix_trainer_save(trainer));
    pix_trainer_destroy(trainer);
    assert_metrics(o.out, 1, STEPS);
    assert_true(has_checkpoint(o.out, STEPS));
    assert_false(has_checkpoint(o.out, 16));

    // What changed stands in the run's configuration.
    struct pix_train_options stored;
    assert_true(pix_train_options_read(o.out, &stored));
    assert_int_equal(stored.steps, STEPS);
    assert_int_equal(stored.keep, 1);
    assert_int_equal(stored.data[0], '/');
    pix_train_options_finish(&stored);
}

// A table that differs from the built-in choice for some shapes of tiny().
static void write_table(const char *path, const char *variant)
{
    static const char *const names[] = {
        "forward 1x3x32x32 -> 4 k4 s2 p1",
        "backward-input 1x8x8x8 -> 32 k4 s2 p1",
        "backward-weight 1x8x8x8 -> 16 k4 s2 p1",
        "backward-weight 1x16x4x4 -> 32 k4 s2 p1",
    };
    struct tuning t = { 0 };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_true(tuning_set(&t, names[i], variant, false));
    assert_true(tuning_write(path, &t));
    tuning_finish(&t);
}

// A run keeps its table of kernels and goes on with it, and with no other.
static void test_tuning(void **state)
{
    static const char table[] = SCRATCH "/table.json";
    static const char kept[] = SCRATCH "/tuned/tuning.json";
    struct pix_train_options o = tiny(DATA, SCRATCH "/tuned_straight");
    char *steps_file, other[] = SCRATCH "/other.json";
    (void)state;
    need_device();
    write_table(table, "simple");
    o.tuning = table;
    o.steps = 6;
    train(device, &o, UINT64_MAX);

    o.out = SCRATCH "/tuned";
    o.steps = 3;
    train(device, &o, UINT64_MAX);
    assert_true(file_remove(table));    // the run has its own
    o.tuning = "auto";
    o.continue_run = true;
    o.steps = 4;
    train(device, &o, UINT64_MAX);
    o.tuning = NULL;
    o.steps = 6;
    train(device, &o, UINT64_MAX);
    assert_same_checkpoint(SCRATCH "/tuned_straight", o.out, 6);

    // Not with a table that was altered, damaged or lost.
    o.tuning = "auto";
    o.steps = 8;
    void *data;
    size_t size;
    assert_true(file_read(kept, &data, &size));
    write_table(kept, "direct-8x32-8x4");
    assert_refused(&o, "is not the table of kernels");
    write_text(kept, "{");
    assert_refused(&o, "tuning.json can not be used");
    assert_true(file_remove(kept));
    assert_refused(&o, "is not the table of kernels");
    assert_true(file_write(kept, data, size));
    mem_free(data);
    train(device, &o, 7);

    // But with another one that the user names, from then on.
    write_table(other, "direct-8x32-8x4");
    o.tuning = other;
    o.steps = 8;
    train(device, &o, UINT64_MAX);
    o.tuning = "auto";
    o.steps = 9;
    train(device, &o, UINT64_MAX);
    o.tuning = "off";
    o.steps = 10;
    train(device, &o, UINT64_MAX);
    o.tuning = "auto";    // which is off for this run now
    o.steps = 11;
    train(device, &o, UINT64_MAX);

    // A bad table is refused before there is a run.
    o = tiny(DATA, SCRATCH "/untuned");
    o.tuning = SCRATCH "/missing.json";
    assert_refused(&o, "missing.json can not be used");
    assert_false(file_exists(o.out));
    steps_file = checkpoint_path(SCRATCH "/tuned", 11);
    assert_true(file_exists(steps_file));
    mem_free(steps_file);
}

// The user's cache is read, and a run takes from it what concerns it.
static void test_tuning_cache(void **state)
{
    struct pix_train_options o = tiny(DATA, SCRATCH "/cached");
    struct tuning all = { 0 }, t = { 0 };
    char reason[256];
    (void)state;
    need_device();
    // Complete, so that nothing is measured.
    o.tuning = "off";
    o.steps = 1;
    struct gpu_device *gpu = gpu_device_create(&(struct gpu_device_options){
        .minimum_limits = is_set("PIX_TEST_MINIMUM_LIMITS") });
    struct op_limits limits = plan_op_limits(gpu);
    struct graph *g = graph_create(&limits);
    struct weights *weights[] = { weights_create(false), weights_create(false) };
    struct objective objective;
    const struct objective_options options = {
        .generator = { 5, o.ngf, 3, 3 },
        .discriminator = { 3, o.ndf },
        .batch = 1,
        .load_h = o.load_size,
        .load_w = o.load_size,
        .crop_h = o.crop_size,
        .crop_w = o.crop_size,
        .lambda_l1 = 100,
        .optimizer = { OPTIMIZER_ADAM, 0.5, 0.999, 1e-8, 0 },
    };
    assert_true(objective_build(g, weights[0], weights[1], &options, &objective));
    char *here = os_path_absolute(SCRATCH);
    assert_int_equal(setenv("XDG_CACHE_HOME", here, 1), 0);
    char *path = tuned_cache_path(gpu);
    assert_true(tuned_open(gpu, "auto", &all));
    assert_int_equal(all.count, 0);
    size_t count;
    const struct conv_shape *shapes = graph_products(g, &count);
    assert_true(count > 20);
    for (size_t i = 0; i < count; i++) {
        char text[CONV_SHAPE_TEXT_SIZE];
        assert_true(
            tuning_set(&all, conv_shape_text(&shapes[i], text), "simple", false));
    }
    assert_true(tuning_set(&all, "another network", "simple", false));
    assert_true(file_make_folder(SCRATCH "/pix2pix/tuning"));
    assert_true(tuning_write(path, &all));

    o.tuning = "auto";
    train(device, &o, UINT64_MAX);
    assert_true(tuning_read(SCRATCH "/cached/tuning.json", &t, reason, sizeof(reason)));
    assert_int_equal(t.count, count);
    assert_string_equal(t.device, all.device);
    assert_null(tuning_entry(&t, "another network"));
    // The same bits as a run for which that table is named.
    o.out = SCRATCH "/named";
    o.tuning = SCRATCH "/cached/tuning.json";
    train(device, &o, UINT64_MAX);
    assert_same_checkpoint(SCRATCH "/cached", SCRATCH "/named", 1);

    mem_free(path);
    mem_free(here);
    tuning_finish(&t);
    tuning_finish(&all);
    graph_destroy(g);
    weights_destroy(weights[0]);
    weights_destroy(weights[1]);
    gpu_device_destroy(gpu);
    unsetenv("XDG_CACHE_HOME");
}

static void test_saved_by_hand(void **state)
{
    struct pix_train_options o = tiny(DATA, SCRATCH "/hand");
    struct pix_step_metrics m;
    (void)state;
    need_device();
    pix_trainer *trainer = pix_trainer_create(device, &o);
    assert_non_null(trainer);
    assert_true(pix_trainer_save(trainer));    // nothing to save yet
    for (int i = 0; i < 6; i++)
        assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
    assert_int_equal(m.step, 6);
    assert_int_not_equal(pix_trainer_drain(trainer, &m), PIX_STEP_FAILED);
    assert_int_equal(pix_trainer_drain(trainer, NULL), PIX_STEP_FINISHED);
    assert_true(pix_trainer_save(trainer));
    assert_true(pix_trainer_save(trainer));
    pix_trainer_destroy(trainer);
    assert_true(has_checkpoint(o.out, m.step));
    assert_metrics(o.out, 1, m.step);
    assert_false(has_checkpoint(o.out, 0));
    o.continue_run = true;
    train(device, &o, UINT64_MAX);
    assert_same_checkpoint(straight(), o.out, STEPS);
}

// ---------------------------------------------------------------------------
// Killed

static int run_child(const char *out)
{
    struct pix_train_options o = tiny(DATA, out);
    struct pix_step_metrics metrics;
    pix_device *own = open_device(0);
    o.save_freq = 2;
    pix_trainer *trainer = own ? pix_trainer_create(own, &o) : NULL;
    while (trainer && pix_trainer_step(trainer, &metrics) == PIX_STEP_DONE)
        ;
    return 0;    // not reached where the parent is in time
}

static void wait_a_little(void)
{
    const struct timespec pause = { 0, 2000000 };
    nanosleep(&pause, NULL);
}

static void test_killed(void **state)
{
    // The moments: while it starts, after some checkpoints.
    static const uint64_t moments[] = { 0, 4, 12 };
    char out[64];
    (void)state;
    need_device();
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        snprintf(out, sizeof(out), SCRATCH "/killed%zu", i);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            execl(program, program, "child", out, (char *)NULL);
            _exit(1);
        }
        char *config = file_join(out, "config.json");
        while (!file_exists(config) ||
               (moments[i] && !has_checkpoint(out, moments[i]))) {
            if (waitpid(child, NULL, WNOHANG) == child) {
                child = 0;
                break;
            }
            wait_a_little();
        }
        mem_free(config);
        if (child == 0)
            fail_msg("the child ended before it was killed");
        wait_a_little();
        kill(child, SIGKILL);
        assert_true(waitpid(child, NULL, 0) == child);

        struct pix_train_options o = tiny(DATA, out);
        o.save_freq = 2;
        o.continue_run = true;
        train(device, &o, UINT64_MAX);
        assert_metrics(out, 1, STEPS);
        assert_same_checkpoint(straight(), out, STEPS);
    }
}

// ---------------------------------------------------------------------------
// Bad input

static void test_broken_images(void **state)
{
    struct pix_train_options o = tiny(BROKEN, SCRATCH "/broken_run");
    (void)state;
    need_device();
    o.steps = 2;
    struct pix_step_metrics m = train(device, &o, UINT64_MAX);
    assert_int_equal(m.epoch, 1);    // two of the four images are there
    assert_message("empty.png");
    assert_message("noise.jpg");
    assert_null(strstr(messages, "1.png"));

    o.data = SCRATCH "/bad";
    o.out = SCRATCH "/none";
    assert_refused(&o, "bad/train");
    o.data = SCRATCH "/empty";
    assert_refused(&o, "empty/train");
    o.data = SCRATCH "/missing";
    assert_refused(&o, "missing");
    o.data = DATA "/train";
    assert_refused(&o, "no folder train");
    assert_false(file_exists(SCRATCH "/none"));
}

static void test_refused_runs(void **state)
{
    struct pix_train_options o = tiny(DATA, straight());
    void *before, *after;
    size_t size_before, size_after;
    (void)state;
    need_device();
    char *config = file_join(o.out, "config.json");
    assert_true(file_read(config, &before, &size_before));
    assert_refused(&o, "--continue");
    o.out = DATA "/train/0.png";
    assert_refused(&o, "not a folder");
    o.out = DATA;
    assert_refused(&o, "not a run");
    o.continue_run = true;
    assert_refused(&o, "not a run");
    assert_false(pix_train_check(&o));

    o.out = straight();
    o.lr = 0.1;
    assert_refused(&o, "--lr");
    o = tiny(DATA, straight());
    o.continue_run = true;
    o.no_flip = true;
    assert_refused(&o, "--no-flip");
    o.continue_run = false;
    o.crop_size = 33;
    assert_refused(&o, "crop-size");
    o.crop_size = CROP;
    o.out = NULL;
    assert_refused(&o, "--out");
    assert_true(file_read(config, &after, &size_after));
    assert_int_equal(size_before, size_after);
    assert_memory_equal(before, after, size_before);
    mem_free(before);
    mem_free(after);
    mem_free(config);

    // A folder that is there but empty is fine, also with what a killed start left.
    o = tiny(DATA, SCRATCH "/fresh");
    o.steps = 1;
    assert_true(file_make_folder(o.out));
    write_text(SCRATCH "/fresh/.pix2pix-1-1.tmp", "{");
    write_text(SCRATCH "/fresh/lock", "");
    assert_true(pix_train_check(&o));
    train(device, &o, UINT64_MAX);
    assert_false(file_exists(SCRATCH "/fresh/.pix2pix-1-1.tmp"));
}

// Going on with what was killed before it began is beginning.
static void test_continue_nothing(void **state)
{
    struct pix_train_options o = tiny(DATA, SCRATCH "/absent");
    (void)state;
    need_device();
    o.continue_run = true;
    o.steps = 2;
    assert_true(pix_train_check(&o));
    assert_int_equal(train(device, &o, UINT64_MAX).step, 2);
    assert_metrics(o.out, 1, 2);
    o.out = SCRATCH "/begun";
    assert_true(file_make_folder(o.out));
    write_text(SCRATCH "/begun/.pix2pix-77-0.tmp", "{");
    assert_int_equal(train(device, &o, UINT64_MAX).step, 2);
}

static void test_locked(void **state)
{
    struct pix_train_options o = tiny(DATA, SCRATCH "/locked");
    struct pix_step_metrics m;
    (void)state;
    need_device();
    o.steps = 2;
    pix_trainer *trainer = pix_trainer_create(device, &o);
    assert_non_null(trainer);
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
    o.continue_run = true;
    assert_refused(&o, "trained already");
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
    pix_trainer_destroy(trainer);
    assert_metrics(o.out, 1, 2);
    train(device, &o, UINT64_MAX);
}

// The configuration names the data from the root; data that moved are found again.
static void test_moved_data(void **state)
{
    static const char here[] = SCRATCH "/data_here", there[] = SCRATCH "/data_there";
    struct pix_train_options o = tiny(here, SCRATCH "/moved"), stored;
    (void)state;
    need_device();
    assert_true(file_make_folder(SCRATCH "/data_here/train"));
    write_pair(SCRATCH "/data_here/train", 1);
    o.steps = 1;
    train(device, &o, UINT64_MAX);
    assert_true(pix_train_options_read(o.out, &stored));
    char *absolute = os_path_absolute(here);
    assert_string_equal(stored.data, absolute);
    mem_free(absolute);
    pix_train_options_finish(&stored);

    o.continue_run = true;
    o.data = SCRATCH "/./data_here/";
    assert_true(pix_train_check(&o));
    o.data = DATA;
    assert_refused(&o, "--data");
    assert_true(os_file_rename(here, there));
    o.data = there;
    o.steps = 2;
    assert_int_equal(train(device, &o, UINT64_MAX).step, 2);
    assert_true(pix_train_options_read(o.out, &stored));
    assert_non_null(strstr(stored.data, "data_there"));
    pix_train_options_finish(&stored);
}

// A checkpoint under another step's name, and one of another run.
static void test_foreign_checkpoints(void **state)
{
    struct pix_train_options o = tiny(DATA, SCRATCH "/foreign");
    struct pix_train_options other = tiny(DATA, SCRATCH "/foreign_lr");
    static const char bad_line[] = "{\"step\": 1, no}\n";
    size_t bad_size = strlen(bad_line);
    void *data;
    size_t size;
    (void)state;
    need_device();
    o.save_freq = 2;
    o.keep = 9;
    train(device, &o, 4);
    char *two = checkpoint_path(o.out, 2), *eight = checkpoint_path(o.out, 8);
    assert_true(file_read(two, &data, &size));
    assert_true(file_write(eight, data, size));
    mem_free(data);
    other.lr = 0.001;
    other.steps = 6;
    train(device, &other, UINT64_MAX);
    char *from = checkpoint_path(other.out, 6), *six = checkpoint_path(o.out, 6);
    assert_true(file_read(from, &data, &size));
    assert_true(file_write(six, data, size));
    mem_free(data);
    mem_free(from);
    mem_free(two);

    // A whole line that is none does not end the metrics.
    char *metrics = file_join(o.out, "metrics.jsonl");
    assert_true(file_read(metrics, &data, &size));
    char *damaged = mem_printf("%s%s", bad_line, (const char *)data);
    write_text(metrics, damaged);
    mem_free(damaged);
    mem_free(data);

    o.continue_run = true;
    messages[0] = '\0';
    train(device, &o, UINT64_MAX);
    assert_message("not that of its name");
    assert_message("another --lr");
    assert_same_checkpoint(straight(), o.out, STEPS);
    assert_true(file_read(metrics, &data, &size));
    assert_true(strncmp(data, bad_line, bad_size) == 0);
    write_text(metrics, (const char *)data + bad_size);
    assert_metrics(o.out, 1, STEPS);
    mem_free(data);
    mem_free(metrics);
    mem_free(six);
    mem_free(eight);
}

static void test_no_memory(void **state)
{
    struct pix_train_options o = tiny(DATA, SCRATCH "/large");
    struct pix_plan plan;
    (void)state;
    need_device();
    o.crop_size = 4096;
    o.load_size = 4096;
    o.batch_size = 4096;
    assert_refused(&o, "smaller");

    // The first batch that the device could address but not hold, if there is one.
    uint64_t memory = pix_device_get_info(device)->memory_bytes;
    o.crop_size = 256;
    o.load_size = 256;
    o.ngf = 8;
    o.ndf = 8;
    for (o.batch_size = 1; o.batch_size <= 4096; o.batch_size *= 2) {
        if (!pix_train_plan(device, &o, &plan))
            break;
        if (plan.device_bytes > memory) {
            assert_refused(&o, "lower --batch-size");
            assert_message(pix_device_get_info(device)->name);
            break;
        }
    }
    assert_false(file_exists(o.out));
}

static void damage(const char *run, uint64_t step)
{
    char *path = checkpoint_path(run, step);
    assert_true(os_file_truncate(path, 5000));
    mem_free(path);
}

static void test_damaged_checkpoints(void **state)
{
    struct pix_train_options o = tiny(DATA, SCRATCH "/damaged");
    (void)state;
    need_device();
    o.save_freq = 2;
    train(device, &o, 6);
    damage(o.out, 6);
    o.continue_run = true;
    o.keep = 1;
    train(device, &o, 8);
    assert_message("cut short");
    assert_message("unreadable");
    assert_true(has_checkpoint(o.out, 8));
    assert_string_equal(pix_last_error(), "");

    damage(o.out, 8);
    assert_refused(&o, "none of the 1 checkpoints");
    assert_true(has_checkpoint(o.out, 8));
    assert_metrics(o.out, 1, 8);

    struct pix_translate_options t;
    pix_translate_options_init(&t);
    t.tuning = "off";
    t.model = o.out;
    messages[0] = '\0';
    assert_null(pix_translator_create(device, &t));
    assert_message("cut short");
}

// The last moment in the file becomes NaN, then a weight of D, then its losses.
static void test_not_finite(void **state)
{
    struct pix_train_options o = tiny(DATA, SCRATCH "/nan");
    void *data;
    size_t size;
    (void)state;
    need_device();
    o.steps = 2;
    train(device, &o, UINT64_MAX);
    char *path = checkpoint_path(o.out, 2);
    assert_true(file_read(path, &data, &size));
    memset((char *)data + size - 4, 0xff, 4);
    assert_true(file_write(path, data, size));
    mem_free(data);
    mem_free(path);

    o.continue_run = true;
    o.steps = 6;
    struct pix_step_metrics m = train(device, &o, UINT64_MAX);
    assert_int_equal(m.step, 6);
    const char *first = strstr(messages, "is not finite in step 3");
    assert_non_null(first);
    assert_null(strstr(first + 1, "is not finite"));
    assert_true(file_read(SCRATCH "/nan/metrics.jsonl", &data, &size));
    assert_non_null(strstr(data, "\"loss_d_real\": null"));
    mem_free(data);
}

// More pairs than are kept in memory; the last one goes while the run is under way.
static void test_vanished_image(void **state)
{
    enum { FILES = 86, BATCH = 10 };    // 85 pairs of this size are kept
    static const char data[] = SCRATCH "/many";
    struct pix_train_options o = tiny(data, SCRATCH "/vanished");
    struct pix_step_metrics m;
    void *bytes;
    size_t size;
    (void)state;
    need_device();
    assert_true(file_make_folder(SCRATCH "/many/train"));
    assert_true(file_read(DATA "/train/1.png", &bytes, &size));
    for (int i = 0; i < FILES; i++) {
        char *path = mem_printf("%s/train/%02d.png", data, i);
        assert_true(file_write(path, bytes, size));
        mem_free(path);
    }
    o.load_size = 1024;
    o.batch_size = BATCH;
    o.serial_batches = true;
    o.threads = 1;
    pix_trainer *trainer = pix_trainer_create(device, &o);
    assert_non_null(trainer);
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
    assert_true(file_remove(SCRATCH "/many/train/85.png"));
    while (pix_trainer_step(trainer, &m) == PIX_STEP_DONE)
        ;
    assert_int_equal(m.step, FILES / BATCH);
    assert_message("85.png");
    assert_true(has_checkpoint(o.out, FILES / BATCH));
    pix_trainer_destroy(trainer);

    // It comes back, and the run goes on.
    assert_true(file_write(SCRATCH "/many/train/85.png", bytes, size));
    mem_free(bytes);
    o.continue_run = true;
    o.steps = FILES / BATCH + 1;
    assert_int_equal(train(device, &o, UINT64_MAX).step, o.steps);
    assert_metrics(o.out, 1, o.steps);
    assert_true(test_remove_tree(data));
}

// Nothing more may be written to the file of metrics; what the disk then holds has no
// checkpoint that is ahead of it.
static void test_failed_metrics(void **state)
{
    struct pix_train_options o = tiny(DATA, SCRATCH "/unlogged");
    struct pix_step_metrics m;
    struct rlimit all, none;
    (void)state;
    need_device();
    pix_trainer *trainer = pix_trainer_create(device, &o);
    assert_non_null(trainer);
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    none = (struct rlimit){ 1, all.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    enum pix_step_result result = pix_trainer_step(trainer, &m);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
    signal(SIGXFSZ, before);
    assert_int_equal(result, PIX_STEP_FAILED);
    assert_message("metrics.jsonl");
    assert_false(pix_trainer_save(trainer));
    assert_false(has_checkpoint(o.out, 2));
    pix_trainer_destroy(trainer);
    o.continue_run = true;
    train(device, &o, UINT64_MAX);
    assert_metrics(o.out, 1, STEPS);
}

// A folder stands where the file would be.
static void test_failed_checkpoint(void **state)
{
    struct pix_train_options o = tiny(DATA, SCRATCH "/full");
    struct pix_step_metrics m;
    (void)state;
    need_device();
    o.save_freq = 2;
    pix_trainer *trainer = pix_trainer_create(device, &o);
    assert_non_null(trainer);
    assert_true(
        file_make_folder(SCRATCH "/full/checkpoints/step-00000004.safetensors"));
    for (int i = 0; i < 3; i++)
        assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_FAILED);
    assert_message("step-00000004");
    assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_FAILED);

    // What was trained is not lost once there is room.
    assert_true(
        test_remove_tree(SCRATCH "/full/checkpoints/step-00000004.safetensors"));
    assert_true(has_checkpoint(o.out, 2));
    assert_true(pix_trainer_save(trainer));
    pix_trainer_destroy(trainer);
    o.continue_run = true;
    train(device, &o, UINT64_MAX);
    assert_same_checkpoint(straight(), o.out, STEPS);
}

static void test_translate(void **state)
{
    struct pix_translate_options t;
    struct pix_image in = { 0 }, out, again;
    struct pix_plan plan;
    (void)state;
    need_device();
    pix_translate_options_init(&t);
    t.tuning = "off";
    t.model = straight();
    pix_translator *translator = pix_translator_create(device, &t);
    assert_non_null(translator);
    assert_true(pix_image_read(DATA "/train/1.png", &in));
    assert_true(pix_translator_run(translator, &in, &out));
    assert_int_equal(out.width, CROP);
    assert_int_equal(out.height, CROP);
    assert_true(pix_translator_run(translator, &in, &again));
    assert_memory_equal(out.pixels, again.pixels, CROP * CROP * 3);
    pix_image_free(&out);
    pix_image_free(&again);
    assert_true(pix_translator_plan(translator, 0, 0, &plan));
    assert_int_equal(plan.weights_d, 0);
    assert_true(plan.device_bytes ==
                plan.state_bytes + plan.arena_bytes + plan.staging_bytes);
    pix_translator_destroy(translator);

    // As it is: 80 x 40 does not fit, 64 x 32 does.
    char *path = checkpoint_path(straight(), STEPS);
    t.model = path;
    t.preprocess = "none";
    translator = pix_translator_create(device, &t);
    assert_non_null(translator);
    messages[0] = '\0';
    assert_false(pix_translator_run(translator, &in, &out));
    assert_message("64x32");
    assert_message("96x64");
    in.width = 64;
    in.height = 32;
    assert_true(pix_translator_run(translator, &in, &out));
    assert_int_equal(out.width, 64);
    assert_int_equal(out.height, 32);
    pix_image_free(&out);
    in.width = in.height = 32;
    assert_true(pix_translator_run(translator, &in, &out));
    pix_image_free(&out);
    pix_image_free(&in);
    pix_translator_destroy(translator);

    t.preprocess = "crop";
    assert_null(pix_translator_create(device, &t));
    t.preprocess = NULL;
    t.model = SCRATCH "/nothing";
    assert_null(pix_translator_create(device, &t));
    assert_message("does not exist");
    t.model = DATA;
    assert_null(pix_translator_create(device, &t));
    assert_message("no checkpoint");
    t.model = DATA "/train/1.png";
    assert_null(pix_translator_create(device, &t));
    assert_message("not a file of weights");
    mem_free(path);
}

// Two images do not fit into a binding: they are translated one after the other.
static void test_translate_large_batch(void **state)
{
    enum { WIDTH = 32, HEIGHT = 32 * 5504 };
    struct pix_train_options o = tiny(ONE, SCRATCH "/thin");
    struct pix_translate_item items[2] = { 0 };
    struct pix_translate_options t;
    (void)state;
    need_device();
    if (pix_device_get_info(device)->max_binding_bytes > UINT64_C(128) << 20)
        skip();
    o.ngf = 1;
    o.steps = 1;
    train(device, &o, UINT64_MAX);
    pix_translate_options_init(&t);
    t.tuning = "off";
    t.model = o.out;
    t.preprocess = "none";
    t.batch_size = 2;
    pix_translator *translator = pix_translator_create(device, &t);
    assert_non_null(translator);
    for (int i = 0; i < 2; i++) {
        items[i].in = (struct pix_image){ WIDTH, HEIGHT, calloc(WIDTH * HEIGHT, 3) };
        assert_non_null(items[i].in.pixels);
    }
    assert_true(pix_translator_run_many(translator, items, 2, NULL, NULL));
    assert_message("translated 1 at a time");
    assert_memory_equal(items[0].out.pixels, items[1].out.pixels, WIDTH * HEIGHT * 3);
    for (int i = 0; i < 2; i++) {
        pix_image_free(&items[i].in);
        pix_image_free(&items[i].out);
    }
    pix_translator_destroy(translator);
}

// ---------------------------------------------------------------------------

static int open_group(void **state)
{
    (void)state;
    assert_true(test_remove_tree(SCRATCH));
    make_data();
    no_execute = is_set("PIX_TEST_NO_EXECUTE");
    device = open_device(0);
    if (!device)
        printf("skipped, no device: %s\n", pix_last_error());
    return 0;
}

static int close_group(void **state)
{
    (void)state;
    uint32_t count = device ? pix_device_validation_count(device) : 0;
    pix_device_destroy(device);
    assert_true(test_remove_tree(SCRATCH));
    test_fail_on_messages(count);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_overfit),
        cmocka_unit_test(test_sample_grid),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_tiny_submissions),
        cmocka_unit_test(test_stop_and_continue),
        cmocka_unit_test(test_tuning),
        cmocka_unit_test(test_tuning_cache),
        cmocka_unit_test(test_saved_by_hand),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_broken_images),
        cmocka_unit_test(test_refused_runs),
        cmocka_unit_test(test_continue_nothing),
        cmocka_unit_test(test_locked),
        cmocka_unit_test(test_moved_data),
        cmocka_unit_test(test_foreign_checkpoints),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_damaged_checkpoints),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_vanished_image),
        cmocka_unit_test(test_failed_metrics),
        cmocka_unit_test(test_failed_checkpoint),
        cmocka_unit_test(test_translate),
        cmocka_unit_test(test_translate_large_batch),
    };
    program = argv[0];
    if (argc == 3 && strcmp(argv[1], "child") == 0)
        return run_child(argv[2]);
    return cmocka_run_group_tests(tests, open_group, close_group);
}
