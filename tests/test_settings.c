// SPDX-License-Identifier: MIT
//
// What the training options do in whole runs: every option changes something, batches
// in parts are the whole batch, the average, the plateau, runs without a discriminator,
// and weights to start from.

#define _XOPEN_SOURCE 700

#include "pix2pix.h"
#include "support/gpu.h"
#include "support/tree.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "data/image.h"
#include "data/picture.h"
#include "formats/safetensors.h"
#include "settings/schedule.h"
#include "store/checkpoint.h"
#include "store/checkpoint_folder.h"

#define SCRATCH "test_settings.scratch"
#define DATA SCRATCH "/data"      // pairs of SIDE pixels, and two in val/
#define OTHER SCRATCH "/other"    // other pairs
#define EXACT SCRATCH "/exact"    // pairs of CROP pixels, no val/
#define MIXED SCRATCH "/mixed"    // pairs of several kinds of samples

#define SIDE 40
#define CROP 32
#define PAIRS 5
#define STEPS 3
#define STEPS_MAX 24

// Networks of a few thousand weights. Every run of this file begins with these words,
// then come its own.
#define BASE                                                                           \
    "data=" DATA " ngf=2 ndf=2 crop-size=32 load-size=36 net-d=n_layers "              \
    "n-layers-d=1 seed=7 steps=3 save-freq=0 sample-freq=0 log-freq=1 tuning=off "

static pix_device *device;
static bool no_execute;    // the driver runs nothing
static char messages[16384];

// ---------------------------------------------------------------------------
// Scratch folders and images

// Noise in coarse squares, so that resizing leaves something of it.
static void write_pairs(const char *folder, uint32_t side, uint32_t count,
                        uint32_t seed)
{
    assert_true(file_make_folder(folder));
    for (uint32_t i = 0; i < count; i++) {
        struct pix_image image;
        struct random r;
        uint8_t squares[8][16][3];
        char *path = mem_printf("%s/%" PRIu32 ".png", folder, i);
        random_init(&r, seed, i);
        for (size_t k = 0; k < sizeof(squares); k++)
            (&squares[0][0][0])[k] = (uint8_t)random_below(&r, 256);
        assert_true(image_create(&image, 2 * side, side));
        for (uint32_t y = 0; y < side; y++)
            for (uint32_t x = 0; x < 2 * side; x++)
                memcpy(image.pixels + ((size_t)y * 2 * side + x) * 3,
                       squares[y * 8 / side][x * 8 / side], 3);
        assert_true(image_write(path, &image));
        image_free(&image);
        mem_free(path);
    }
}

// A file of one side, with samples of this kind.
static void write_side(const char *path, enum pixel_kind kind, uint32_t seed)
{
    struct picture p;
    struct random r;
    random_init(&r, seed, 0);
    assert_true(picture_create(&p, PIXEL_U8, 3, SIDE, SIDE));
    for (size_t i = 0; i < 3 * SIDE * SIDE; i++)
        ((uint8_t *)p.samples)[i] = (uint8_t)random_below(&r, 256);
    assert_true(picture_set_kind(&p, kind) && picture_write(path, &p));
    picture_free(&p);
}

// The first pair says what the data are; each of the others has another kind on one
// side.
static void write_mixed(void)
{
    static const enum pixel_kind kinds[][2] = {
        { PIXEL_U8, PIXEL_U8 },  { PIXEL_U16, PIXEL_U8 }, { PIXEL_F32, PIXEL_U8 },
        { PIXEL_U8, PIXEL_U16 }, { PIXEL_U8, PIXEL_F32 },
    };
    assert_true(file_make_folder(MIXED "/train/A"));
    assert_true(file_make_folder(MIXED "/train/B"));
    for (uint32_t i = 0; i < ARRAY_LEN(kinds); i++)
        for (uint32_t k = 0; k < 2; k++) {
            char path[96];
            snprintf(path, sizeof(path), MIXED "/train/%c/%" PRIu32 "%s", k ? 'B' : 'A',
                     i, kinds[i][k] == PIXEL_F32 ? ".npy" : ".png");
            write_side(path, kinds[i][k], 10 + 2 * i + k);
        }
}

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && *value && strcmp(value, "0") != 0;
}

static void keep_message(void *user, enum pix_log_level level, const char *text)
{
    size_t used = strlen(messages);
    (void)user;
    if (level <= PIX_LOG_WARN)
        snprintf(messages + used, sizeof(messages) - used, "%s\n", text);
}

static void need_device(void)
{
    if (!device || no_execute)
        skip();
    messages[0] = '\0';
}

static void assert_message(const char *part)
{
    if (!strstr(messages, part))
        fail_msg("no message has \"%s\": %s", part, messages);
}

// ---------------------------------------------------------------------------
// Runs

// Options from words "name=value name=value", which it holds.
struct setup {
    struct pix_train_options o;
    char out[64], words[1024];
};

static void set_words(struct setup *s, const char *out, const char *words)
{
    char *at = s->words, *end;
    pix_train_options_init(&s->o);
    snprintf(s->out, sizeof(s->out), "%s", out);
    s->o.out = s->out;
    assert_true(snprintf(s->words, sizeof(s->words), "%s%s ", BASE, words) <
                (int)sizeof(s->words));
    for (; (end = strchr(at, ' ')) != NULL; at = end + 1) {
        char *value = strchr(at, '=');
        *end = 0;
        if (end == at)
            continue;
        assert_true(value && value < end);
        *value++ = 0;
        if (!pix_train_options_set(&s->o, at, value))
            fail_msg("%s", pix_last_error());
    }
}

struct result {
    uint64_t steps;
    struct pix_step_metrics m[STEPS_MAX];
};

// Trains until `stop` or the end.
static void train_until(const struct pix_train_options *o, uint64_t stop,
                        struct result *r)
{
    struct pix_step_metrics m = { 0 };
    r->steps = 0;
    pix_trainer *trainer = pix_trainer_create(device, o);
    if (!trainer)
        fail_msg("%s: %s", o->out, messages);
    while (m.step != stop) {
        enum pix_step_result result = pix_trainer_step(trainer, &m);
        if (result == PIX_STEP_FINISHED)
            break;
        if (result == PIX_STEP_FAILED)
            fail_msg("%s: %s", o->out, messages);
        assert_true(m.step >= 1 && m.step <= STEPS_MAX);
        r->m[m.step - 1] = m;
        r->steps = m.step;
    }
    pix_trainer_destroy(trainer);
}

static struct result train(const char *out, const char *words)
{
    struct setup s;
    struct result r;
    set_words(&s, out, words);
    train_until(&s.o, UINT64_MAX, &r);
    return r;
}

static struct result go_on(const char *out, const char *words)
{
    struct setup s;
    struct result r;
    set_words(&s, out, words);
    s.o.continue_run = true;
    train_until(&s.o, UINT64_MAX, &r);
    return r;
}

// Nothing is left of a run that could not begin.
static void assert_refused(const char *words, const char *message)
{
    struct setup s;
    set_words(&s, SCRATCH "/refused", words);
    messages[0] = '\0';
    assert_null(pix_trainer_create(device, &s.o));
    assert_message(message);
    assert_non_null(strstr(pix_last_error(), message));
    assert_false(file_exists(s.out));
}

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool same_losses(const struct pix_step_metrics *a,
                        const struct pix_step_metrics *b)
{
    return same_number(a->loss_d_real, b->loss_d_real) &&
           same_number(a->loss_d_fake, b->loss_d_fake) &&
           same_number(a->loss_d_gp, b->loss_d_gp) &&
           same_number(a->loss_g_gan, b->loss_g_gan) &&
           same_number(a->loss_g_l1, b->loss_g_l1);
}

static struct safetensors *open_tensors(const char *run, uint64_t step)
{
    char *path = checkpoint_path(run, step);
    struct safetensors *s = safetensors_open(path);
    if (!s)
        fail_msg("%s can not be read", path);
    mem_free(path);
    return s;
}

static size_t entry_bytes(const struct safetensors_entry *e)
{
    return (size_t)(e->end - e->begin);
}

static size_t all_bytes(const struct safetensors *s)
{
    size_t bytes = 0;
    for (size_t i = 0; i < safetensors_count(s); i++)
        bytes += entry_bytes(safetensors_at(s, i));
    return bytes;
}

// Caller frees with mem_free.
static void *read_entry(struct safetensors *s, const struct safetensors_entry *e)
{
    void *data = mem_alloc(MAX(entry_bytes(e), 1));
    assert_true(data && safetensors_read(s, e, data));
    return data;
}

// Whether two checkpoints have the same tensors, bit by bit; their headers name the
// folder.
static bool same_tensors(const char *run_a, const char *run_b, uint64_t step)
{
    struct safetensors *a = open_tensors(run_a, step), *b = open_tensors(run_b, step);
    bool same = safetensors_count(a) == safetensors_count(b);
    for (size_t i = 0; same && i < safetensors_count(a); i++) {
        const struct safetensors_entry *x = safetensors_at(a, i);
        const struct safetensors_entry *y = safetensors_at(b, i);
        same = strcmp(x->name, y->name) == 0 && entry_bytes(x) == entry_bytes(y);
        if (!same)
            break;
        void *data_x = read_entry(a, x), *data_y = read_entry(b, y);
        same = memcmp(data_x, data_y, entry_bytes(x)) == 0;
        mem_free(data_x);
        mem_free(data_y);
    }
    safetensors_close(a);
    safetensors_close(b);
    return same;
}

static void assert_same_run(const char *a, const char *b, uint64_t step)
{
    if (!same_tensors(a, b, step))
        fail_msg("%s and %s differ at step %" PRIu64, a, b, step);
}

// The numbers of a member in metrics.jsonl; null is NaN. Returns the lines.
static uint64_t read_metrics(const char *run, const char *member,
                             double numbers[STEPS_MAX])
{
    void *data;
    size_t size;
    uint64_t lines = 0;
    char *path = file_join(run, "metrics.jsonl"), *end;
    assert_true(file_read(path, &data, &size));
    for (char *line = data; *line; line = end + 1) {
        uint64_t step;
        end = strchr(line, '\n');
        assert_true(end && lines < STEPS_MAX);
        json_t *d = json_parse(line, (size_t)(end - line), path);
        const json_t *value = json_object_get(d, member);
        assert_true(json_to_u64(json_object_get(d, "step"), &step));
        assert_int_equal(step, lines + 1);
        numbers[lines] = NAN;
        assert_true(value &&
                    (json_is_null(value) || json_to_double(value, &numbers[lines])));
        lines++;
        json_decref(d);
    }
    mem_free(data);
    mem_free(path);
    return lines;
}

// ---------------------------------------------------------------------------
// Every option

// What must be otherwise than in the run without the option.
enum difference {
    FIRST,      // a loss of the first step
    LATER,      // nothing in the first step, but the tensors in the end
    TENSORS,    // the tensors in the end
    SHAPES,     // how much there is in the checkpoint
    RATE,       // the learning rate of a step, and the tensors in the end
};

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
    { "resize-filter", "bilinear", "", FIRST },
    { "resize-filter", "area", "", FIRST },
    { "load-size", "40", "", FIRST },
    { "crop-size", "64", "load-size=64 depth=5", FIRST },
    { "no-flip", "true", "", TENSORS },
    { "serial-batches", "true", "", TENSORS },
    { "max-dataset-size", "1", "", TENSORS },
    { "gan-mode", "lsgan", "", FIRST },
    { "gan-mode", "hinge", "", FIRST },
    { "gan-mode", "wgangp", "norm-d=none", FIRST },
    { "gan-mode", "none", "", SHAPES },
    { "lambda-l1", "10", "", FIRST },
    { "lambda-l1", "0", "", FIRST },
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
    { "init-g", "test_start" },
    { "init-d", "test_start" },
    { "threads",
      "the same bits with any number: test_train; the number: test_dataset" },
    { "steps", "test_files" },
    { "save-freq", "test_files" },
    { "log-freq", "test_files" },
    { "sample-freq", "test_files" },
    { "keep", "test_files" },
    { "val-freq", "test_validation" },
    { "continue", "test_files" },
    { "tuning", "the same sums in another order: test_train" },
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
    struct setup base;
    const struct pix_option *table = pix_train_option_table(&count);
    (void)state;
    set_words(&base, "", "");
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
                                              messages, sizeof(messages)));
    messages[0] = 0;
}

// The run of a base, which several options are compared with.
static const struct result *base_run(const char *words, char out[64])
{
    static struct {
        const char *words;
        struct result result;
    } known[ARRAY_LEN(option_cases)];
    size_t i = 0;
    while (known[i].words && strcmp(known[i].words, words) != 0)
        i++;
    snprintf(out, 64, SCRATCH "/base-%zu", i);
    if (!known[i].words) {
        known[i].result = train(out, words);
        known[i].words = words;
    }
    return &known[i].result;
}

static bool has_difference(const struct option_case *c, const struct result *a,
                           const struct result *b, const char *run_a, const char *run_b)
{
    const bool same_first = same_losses(&a->m[0], &b->m[0]);
    bool same_rate = true;
    if (c->difference == FIRST)
        return !same_first;
    if (c->difference == SHAPES) {
        struct safetensors *x = open_tensors(run_a, STEPS);
        struct safetensors *y = open_tensors(run_b, STEPS);
        const bool same = all_bytes(x) == all_bytes(y);
        safetensors_close(x);
        safetensors_close(y);
        return !same;
    }
    for (uint64_t i = 0; i < STEPS; i++)
        same_rate = same_rate && a->m[i].lr == b->m[i].lr;
    return (same_first || c->difference != LATER) &&
           same_rate == (c->difference != RATE) && !same_tensors(run_a, run_b, STEPS);
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
    need_device();
    for (size_t i = 0; i < ARRAY_LEN(option_cases); i++) {
        const struct option_case *c = &option_cases[i];
        char words[256], base[64];
        static const char out[] = SCRATCH "/option";
        const struct result *before = base_run(c->base, base);
        snprintf(words, sizeof(words), "%s %s=%s", c->base, c->option, c->value);
        const struct result after = train(out, words);
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
    need_device();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char words[256];
        double rates[STEPS_MAX];
        snprintf(words, sizeof(words), "max-dataset-size=1 steps=6 lr=0.002 %s",
                 cases[i].words);
        const struct result r = train(SCRATCH "/rates", words);
        assert_int_equal(read_metrics(SCRATCH "/rates", "lr", rates), 6);
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
    struct setup s;
    struct result r;
    void *data;
    size_t size, lines = 0;
    (void)state;
    need_device();
    set_words(&s, run, "steps=7 save-freq=2 sample-freq=3 log-freq=2 keep=2");
    train_until(&s.o, UINT64_MAX, &r);
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
    messages[0] = '\0';
    assert_null(pix_trainer_create(device, &s.o));    // there is a run
    assert_message("--continue");
    s.o.continue_run = true;
    s.o.steps = 8;
    train_until(&s.o, UINT64_MAX, &r);
    assert_int_equal(r.steps, 8);
    assert_false(has_file(run, tensors, 6));
}

// ---------------------------------------------------------------------------
// A batch in parts

static double relative_l2(const float *a, const float *b, size_t count)
{
    double difference = 0, square = 0;
    for (size_t i = 0; i < count; i++) {
        const double d = (double)a[i] - (double)b[i];
        difference += d * d;
        square += (double)b[i] * (double)b[i];
    }
    return sqrt(difference / fmax(square, 1e-30));
}

// A norm takes back what a bias in front of it adds: the true gradient is 0, and what
// there is of it is rounding, which Adam makes steps of full size of. The outermost and
// innermost convolutions of G have no norm, nor have D's first and last; with wgangp D
// has none. Of D's last bias hinge and wgangp take as much on the fake as they give on
// the real image, which is why they are compared with SGD here.
static bool is_noise(const char *name, const char *words)
{
    static const char *const free_biases[] = {
        "G.model.model.0.bias",
        "G.model.model.3.bias",
        "G.model.model.1.model.3.model.3.model.3.model.1.bias",
        "D.model.0.bias",
        "D.model.8.bias",
    };
    const bool is_wgangp = strstr(words, "wgangp") != NULL;
    if (!strstr(name, ".bias"))
        return false;
    if (strstr(name, "D.model.8.bias"))
        return is_wgangp || strstr(words, "hinge");
    if (strstr(name, "D.") && is_wgangp)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(free_biases); i++)
        if (strstr(name, free_biases[i]))
            return false;
    return true;
}

// Weights and moments of the last step. What is compared is sums in another order: each
// differs by 1e-7 to 1e-6 of it, and three steps make up to 9e-6 of that on lavapipe.
// Adam moves the biases that are noise by its full step, which norms take back, but for
// rounding; where that takes a pixel across the kink of the L1 loss, gradients change
// by one of their thousands of terms, 1e-4 and more. A sample that saw another mask,
// crop or alpha, or a scale that is wrong, is 1e-2 and more.
#define ROUNDING_SGD 1e-4
#define ROUNDING_ADAM 1e-3

static void assert_near_run(const char *run_a, const char *run_b, const char *words)
{
    struct safetensors *a = open_tensors(run_a, STEPS), *b = open_tensors(run_b, STEPS);
    const double allowed = strstr(words, "sgd") ? ROUNDING_SGD : ROUNDING_ADAM;
    assert_int_equal(safetensors_count(a), safetensors_count(b));
    for (size_t i = 0; i < safetensors_count(a); i++) {
        const struct safetensors_entry *x = safetensors_at(a, i);
        const struct safetensors_entry *y = safetensors_find(b, x->name);
        assert_non_null(y);
        assert_string_equal(x->kind, "F32");
        assert_int_equal(entry_bytes(x), entry_bytes(y));
        float *data_x = read_entry(a, x), *data_y = read_entry(b, y);
        const double d = relative_l2(data_x, data_y, entry_bytes(x) / sizeof(float));
        if (!is_noise(x->name, words) && !(d <= allowed))
            fail_msg("%s: %g of %s in %s and %s", words, d, x->name, run_a, run_b);
        mem_free(data_x);
        mem_free(data_y);
    }
    safetensors_close(a);
    safetensors_close(b);
}

static void assert_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance * fmax(fabs(b), 1e-3)))
        fail_msg("%.9g is not near %.9g", a, b);
}

static void test_accumulate(void **state)
{
    static const char *const cases[][3] = {
        { "", "batch-size=1 accumulate=3", "batch-size=3 accumulate=1" },
        { "", "batch-size=2 accumulate=2", "batch-size=4 accumulate=1" },
        { "optimizer=sgd lr=0.01", "batch-size=1 accumulate=3", "batch-size=3" },
        { "gan-mode=lsgan", "batch-size=1 accumulate=3", "batch-size=3" },
        { "gan-mode=hinge optimizer=sgd lr=0.01", "batch-size=1 accumulate=2",
          "batch-size=2" },
        { "gan-mode=wgangp optimizer=sgd lr=0.01", "batch-size=1 accumulate=3",
          "batch-size=3" },
        { "gan-mode=wgangp optimizer=sgd lr=0.01", "batch-size=2 accumulate=2",
          "batch-size=4" },
        { "gan-mode=none optimizer=sgd lr=0.01", "batch-size=1 accumulate=3",
          "batch-size=3" },
    };
    (void)state;
    need_device();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static const char parts[] = SCRATCH "/parts", whole[] = SCRATCH "/whole";
        char words[512];
        struct result r[2];
        for (int k = 0; k < 2; k++) {
            snprintf(words, sizeof(words),
                     "norm=instance dropout-at=d1-d3 n-layers-d=2 crop-size=64 "
                     "load-size=72 depth=5 ngf=4 ndf=4 %s %s",
                     cases[i][0], cases[i][1 + k]);
            r[k] = train(k ? whole : parts, words);
        }
        for (int k = 0; k < STEPS; k++) {
            const struct pix_step_metrics *a = &r[0].m[k], *b = &r[1].m[k];
            assert_int_equal(a->epoch, b->epoch);
            assert_near(a->loss_g_l1, b->loss_g_l1, ROUNDING_SGD);
            if (b->has_gan) {
                assert_near(a->loss_d_real, b->loss_d_real, ROUNDING_SGD);
                assert_near(a->loss_d_fake, b->loss_d_fake, ROUNDING_SGD);
                assert_near(a->loss_g_gan, b->loss_g_gan, ROUNDING_SGD);
            }
            if (b->has_gp)
                assert_near(a->loss_d_gp, b->loss_d_gp, ROUNDING_SGD);
        }
        assert_near_run(parts, whole, words);
        assert_true(test_remove_tree(parts));
        assert_true(test_remove_tree(whole));
    }
}

// With a discriminator G runs twice over each part, and its running statistics see it
// once, as without one.
static void test_accumulated_statistics(void **state)
{
    static const char with[] = SCRATCH "/with_d", without[] = SCRATCH "/without_d";
    size_t statistics = 0, counters = 0;
    (void)state;
    need_device();
    train(with, "accumulate=2 lr=0 dropout-at=d1-d3");
    train(without, "accumulate=2 lr=0 dropout-at=d1-d3 gan-mode=none");
    struct safetensors *a = open_tensors(with, STEPS),
                       *b = open_tensors(without, STEPS);
    for (size_t i = 0; i < safetensors_count(b); i++) {
        const struct safetensors_entry *e = safetensors_at(b, i);
        const struct safetensors_entry *f = safetensors_find(a, e->name);
        assert_non_null(f);
        int64_t *x = read_entry(a, f), *y = read_entry(b, e);
        if (strstr(e->name, ".running_")) {
            statistics++;
            if (memcmp(x, y, entry_bytes(e)) != 0)
                fail_msg("%s differs", e->name);
        } else if (strstr(e->name, ".num_batches_tracked")) {
            counters++;
            assert_true(*x == 2 * STEPS && *y == 2 * STEPS);
        }
        mem_free(x);
        mem_free(y);
    }
    assert_true(counters > 0 && statistics == 2 * counters);
    safetensors_close(a);
    safetensors_close(b);
}

// ---------------------------------------------------------------------------
// The moving average of G's weights

static void read_floats(struct safetensors *s, const char *prefix, const char *name,
                        float **values, size_t *count)
{
    char full[256];
    snprintf(full, sizeof(full), "%s%s", prefix, name);
    const struct safetensors_entry *e = safetensors_find(s, full);
    if (!e)
        fail_msg("there is no %s", full);
    *values = read_entry(s, e);
    *count = entry_bytes(e) / sizeof(float);
}

// average = decay * average + (1 - decay) * weight, in float, from one file to the
// next.
static void check_average(const char *before, uint64_t step_before, const char *prefix,
                          const char *run, uint64_t step, float decay)
{
    struct safetensors *a = open_tensors(before, step_before);
    struct safetensors *b = open_tensors(run, step);
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

static struct pix_image translate(const char *model, bool no_ema)
{
    struct pix_translate_options t;
    struct pix_image in, out;
    pix_translate_options_init(&t);
    t.tuning = "off";
    t.model = model;
    t.no_ema = no_ema;
    pix_translator *translator = pix_translator_create(device, &t);
    if (!translator)
        fail_msg("%s", messages);
    assert_true(pix_image_read(EXACT "/train/0.png", &in));
    in.width = CROP;    // some of its numbers
    assert_true(pix_translator_run(translator, &in, &out));
    pix_image_free(&in);
    pix_translator_destroy(translator);
    return out;
}

// With another weight of a tensor than its average, of the values of `from`.
static void exchange_averages(const char *run, uint64_t step)
{
    struct safetensors *s = open_tensors(run, step);
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
               entry_bytes(e));
    }
    safetensors_close(s);
    assert_true(file_write(path, data, size));
    mem_free(data);
    mem_free(path);
}

static void test_average(void **state)
{
    static const char run[] = SCRATCH "/ema", words[] = "ema=0.75 lr=0.01 save-freq=1 "
                                                        "keep=100 steps=4";
    (void)state;
    need_device();
    train(run, words);
    // A run that learns nothing has the first weights.
    train(SCRATCH "/ema_first", "lr=0 steps=1");
    check_average(SCRATCH "/ema_first", 1, "", run, 1, 0.75f);
    for (uint64_t step = 2; step <= 4; step++)
        check_average(run, step - 1, "ema.", run, step, 0.75f);

    // The average is no part of what is trained.
    train(SCRATCH "/ema_none", "lr=0.01 steps=4");
    struct safetensors *a = open_tensors(run, 4),
                       *b = open_tensors(SCRATCH "/ema_none", 4);
    for (size_t i = 0; i < safetensors_count(b); i++) {
        const struct safetensors_entry *e = safetensors_at(b, i);
        const struct safetensors_entry *f = safetensors_find(a, e->name);
        assert_non_null(f);
        void *x = read_entry(b, e), *y = read_entry(a, f);
        assert_memory_equal(x, y, entry_bytes(e));
        mem_free(x);
        mem_free(y);
    }
    safetensors_close(a);
    safetensors_close(b);

    // Stopped after two steps.
    train(SCRATCH "/ema_stopped", "ema=0.75 lr=0.01 save-freq=1 keep=100 steps=2");
    go_on(SCRATCH "/ema_stopped", words);
    assert_same_run(run, SCRATCH "/ema_stopped", 4);

    // Translation takes the average: what it makes of it is what it makes of weights
    // that are the average.
    struct pix_image average = translate(run, false), weights = translate(run, true);
    struct pix_image plain = translate(SCRATCH "/ema_none", false);
    exchange_averages(SCRATCH "/ema_stopped", 4);
    struct pix_image exchanged = translate(SCRATCH "/ema_stopped", true);
    const size_t size = (size_t)CROP * CROP * 3;
    assert_memory_not_equal(average.pixels, weights.pixels, size);
    assert_memory_equal(weights.pixels, plain.pixels, size);
    assert_memory_equal(average.pixels, exchanged.pixels, size);
    pix_image_free(&average);
    pix_image_free(&weights);
    pix_image_free(&plain);
    pix_image_free(&exchanged);
}

// ---------------------------------------------------------------------------
// Validation and the plateau

// One epoch a step. The weights hardly change, so that the error stays where it is.
#define PLATEAU                                                                        \
    "max-dataset-size=1 n-epochs=100 lr=1e-5 lr-policy=plateau keep=100 steps=20 "

static void test_plateau(void **state)
{
    static const char run[] = SCRATCH "/plateau", stopped[] = SCRATCH "/plateau_stop";
    double errors[STEPS_MAX], rates[STEPS_MAX], again[STEPS_MAX];
    struct schedule_plateau p = SCHEDULE_PLATEAU_START;
    struct setup s;
    struct result r;
    (void)state;
    need_device();
    r = train(run, PLATEAU);
    assert_int_equal(read_metrics(run, "val_l1", errors), 20);
    assert_int_equal(read_metrics(run, "lr", rates), 20);
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
    set_words(&s, stopped, PLATEAU "save-freq=9");
    train_until(&s.o, 11, &r);
    go_on(stopped, PLATEAU);
    assert_same_run(run, stopped, 20);
    assert_int_equal(read_metrics(stopped, "val_l1", again), 20);
    assert_memory_equal(again, errors, 20 * sizeof(errors[0]));
    assert_int_equal(read_metrics(stopped, "lr", again), 20);
    assert_memory_equal(again, rates, 20 * sizeof(rates[0]));

    assert_refused("data=" EXACT " lr-policy=plateau", "--lr-policy plateau");
    assert_message("exact/val");
}

static void test_validation(void **state)
{
    static const char run[] = SCRATCH "/validated", words[] = "batch-size=2 steps=10 "
                                                              "val-freq=2";
    struct pix_translate_options t;
    struct pix_evaluation e;
    double errors[STEPS_MAX], rates[STEPS_MAX];
    uint64_t count = 0;
    (void)state;
    need_device();
    // Epochs of two batches and a half: they end with steps 3, 5, 8 and 10.
    const struct result r = train(run, words);
    assert_int_equal(read_metrics(run, "val_l1", errors), 10);
    assert_int_equal(read_metrics(run, "lr", rates), 10);
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
    pix_translator *translator = pix_translator_create(device, &t);
    assert_non_null(translator);
    assert_true(pix_evaluate(translator, DATA, "val", NULL, 0, &e));
    pix_translator_destroy(translator);
    assert_int_equal(e.pairs, 2);
    assert_near(errors[9], e.l1, 0.01);

    // And leaves no trace in the weights.
    train(SCRATCH "/not_validated", "batch-size=2 steps=10");
    assert_same_run(run, SCRATCH "/not_validated", 10);

    // Lines for validations come between those that are due.
    train(SCRATCH "/seldom", "batch-size=2 steps=10 val-freq=2 log-freq=4");
    void *data;
    size_t size;
    assert_true(file_read(SCRATCH "/seldom/metrics.jsonl", &data, &size));
    assert_non_null(strstr(data, "\"step\": 5"));
    assert_non_null(strstr(data, "\"step\": 10"));
    assert_null(strstr(data, "\"step\": 3"));
    mem_free(data);

    assert_refused("data=" EXACT " val-freq=1", "--val-freq asks for validation");
}

// ---------------------------------------------------------------------------
// Losses and the order of updates

static void assert_no_network(const char *run, uint64_t step, const char *network)
{
    struct safetensors *s = open_tensors(run, step);
    size_t count = 0;
    for (size_t i = 0; i < safetensors_count(s); i++) {
        const char *name = safetensors_at(s, i)->name;
        count += strncmp(name, "G.", 2) == 0;
        if (strncmp(name, network, 2) == 0 ||
            (strncmp(name, "adam.", 5) == 0 && strncmp(name + 5, network, 2) == 0))
            fail_msg("there is a tensor %s", name);
    }
    assert_true(count > 0);
    safetensors_close(s);
}

static void test_no_discriminator(void **state)
{
    static const char run[] = SCRATCH "/l1",
                      words[] = "gan-mode=none net-d=basic n-layers-d=3 "
                                "steps=6";
    static const char *const absent[] = { "loss_d_real", "loss_d_fake", "loss_d_gp",
                                          "loss_g_gan" };
    double numbers[STEPS_MAX];
    struct pix_plan plan;
    struct setup s;
    (void)state;
    need_device();
    const struct result r = train(run, words);
    assert_string_equal(messages, "");
    assert_no_network(run, 6, "D.");
    for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
        assert_int_equal(read_metrics(run, absent[i], numbers), 6);
        for (int k = 0; k < 6; k++)
            assert_true(isnan(numbers[k]));
    }
    assert_int_equal(read_metrics(run, "loss_g_l1", numbers), 6);
    for (int k = 0; k < 6; k++) {
        assert_true(numbers[k] > 0 && numbers[k] == r.m[k].loss_g_l1);
        assert_false(r.m[k].has_gan || r.m[k].has_gp);
        assert_true(isnan(r.m[k].loss_d_real) && isnan(r.m[k].loss_g_gan));
    }
    train(SCRATCH "/l1_stopped", "gan-mode=none net-d=basic n-layers-d=3 steps=3");
    go_on(SCRATCH "/l1_stopped", words);
    assert_same_run(run, SCRATCH "/l1_stopped", 6);
    struct pix_image image = translate(run, false);
    pix_image_free(&image);
    set_words(&s, "", words);
    assert_true(pix_train_plan(device, &s.o, &plan));
    assert_int_equal(plan.weights_d, 0);
    assert_refused("gan-mode=none lambda-l1=0", "nothing to learn from");
}

static void test_no_l1(void **state)
{
    static const char run[] = SCRATCH "/gan", words[] = "lambda-l1=0 steps=6";
    double numbers[STEPS_MAX];
    (void)state;
    need_device();
    const struct result with = train(SCRATCH "/gan_l1", "steps=6");
    const struct result r = train(run, words);
    // The first loss of G that is not L1 is the same, then the runs part.
    assert_true(r.m[0].loss_g_gan == with.m[0].loss_g_gan);
    assert_true(r.m[1].loss_g_gan != with.m[1].loss_g_gan);
    assert_int_equal(read_metrics(run, "loss_g_l1", numbers), 6);
    for (int k = 0; k < 6; k++)
        assert_true(numbers[k] == 0);
    train(SCRATCH "/gan_stopped", "lambda-l1=0 steps=3");
    go_on(SCRATCH "/gan_stopped", words);
    assert_same_run(run, SCRATCH "/gan_stopped", 6);
}

// Every kind of run goes on with the same bits.
static void test_continued(void **state)
{
    static const char *const cases[] = {
        "recipe=lua",
        "recipe=affinelayer batch-size=2",
        "optimizer=sgd lr=0.01",
        "gan-mode=wgangp",
        "gan-mode=hinge norm=none",
        "accumulate=2 norm=instance dropout-at=d1-d3",
        "accumulate=2 ema=0.9",    // with running statistics
        "net-g=resnet_6blocks net-d=pixel n-layers-d=3 lr-policy=cosine",
        "upsample=resize init-type=orthogonal init-gain=1",
    };
    (void)state;
    need_device();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static const char straight[] = SCRATCH "/straight", other[] = SCRATCH "/other2";
        char words[256];
        snprintf(words, sizeof(words), "%s steps=5", cases[i]);
        train(straight, words);
        snprintf(words, sizeof(words), "%s steps=2", cases[i]);
        train(other, words);
        snprintf(words, sizeof(words), "%s steps=5", cases[i]);
        go_on(other, words);
        assert_same_run(straight, other, 5);
        assert_true(test_remove_tree(straight));
        assert_true(test_remove_tree(other));
    }
}

static void test_recipes(void **state)
{
    static const struct {
        const char *recipe, *bias, *concat, *order, *filter;
        bool norm_innermost;
        double weight;
        uint32_t constant, falling;
    } cases[] = {
        { "lua", "auto", "decoder_first", "reuse", "bilinear", false, 1, 200, 0 },
        { "affinelayer", "all", "decoder_first", "reuse", "area", true, 1, 200, 0 },
        { "pytorch", "auto", "skip_first", "fresh", "bicubic", false, 0.5, 100, 100 },
    };
    (void)state;
    need_device();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pix_train_options o;
        char words[64];
        static const char run[] = SCRATCH "/recipe";
        snprintf(words, sizeof(words), "recipe=%s", cases[i].recipe);
        train(run, words);
        assert_true(pix_train_options_read(run, &o));
        assert_string_equal(o.recipe, cases[i].recipe);
        assert_string_equal(o.bias, cases[i].bias);
        assert_string_equal(o.concat, cases[i].concat);
        assert_string_equal(o.update_order, cases[i].order);
        assert_string_equal(o.resize_filter, cases[i].filter);
        assert_int_equal(o.norm_innermost, cases[i].norm_innermost);
        assert_true(o.d_loss_weight == cases[i].weight);
        assert_int_equal(o.n_epochs, cases[i].constant);
        assert_int_equal(o.n_epochs_decay, cases[i].falling);
        pix_train_options_finish(&o);

        struct safetensors *s = open_tensors(run, STEPS);
        const bool is_affine = strcmp(cases[i].recipe, "affinelayer") == 0;
        assert_int_equal(safetensors_find(s, "G.model.model.1.model.1.bias") != NULL,
                         is_affine);
        safetensors_close(s);
        assert_true(test_remove_tree(run));
    }
}

static void test_update_order(void **state)
{
    static const char *const modes[] = { "vanilla", "lsgan", "hinge", "wgangp" };
    (void)state;
    need_device();
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        char words[128];
        struct result r[2][2];    // order, rate
        for (int k = 0; k < 4; k++) {
            snprintf(words, sizeof(words), "gan-mode=%s update-order=%s lr=%s",
                     modes[i], k & 1 ? "reuse" : "fresh", k & 2 ? "0.002" : "1e-12");
            r[k & 1][k >> 1] = train(SCRATCH "/order", words);
            assert_true(test_remove_tree(SCRATCH "/order"));
        }
        // A discriminator that stays as it is makes no difference between the orders.
        for (int k = 0; k < STEPS; k++) {
            assert_near(r[1][0].m[k].loss_g_gan, r[0][0].m[k].loss_g_gan, 1e-5);
            assert_near(r[1][0].m[k].loss_d_real, r[0][0].m[k].loss_d_real, 1e-5);
            assert_near(r[1][0].m[k].loss_d_fake, r[0][0].m[k].loss_d_fake, 1e-5);
        }
        // One that learns does, from the first step, but not in D's own loss.
        const double fresh = r[0][1].m[0].loss_g_gan, reuse = r[1][1].m[0].loss_g_gan;
        assert_true(fabs(fresh - reuse) > 1e-4 * fabs(fresh));
        assert_near(reuse, r[1][0].m[0].loss_g_gan, 1e-5);
        assert_near(r[1][1].m[0].loss_d_real, r[0][1].m[0].loss_d_real, 1e-5);
        // What wgangp gives back to each logit is a constant, and D has no norm: the
        // two orders differ only in a leaky ReLU that has changed sides.
        if (strcmp(modes[i], "wgangp") != 0)
            assert_true(r[1][1].m[2].loss_g_l1 != r[0][1].m[2].loss_g_l1);
    }
}

// ---------------------------------------------------------------------------
// Weights to start from

static void convert(const char *input, const char *output, bool discriminator)
{
    const struct pix_convert_options o = {
        .input = input,
        .output = output,
        .discriminator = discriminator,
        .log = { keep_message, NULL, PIX_LOG_WARN },
    };
    if (!pix_convert(&o))
        fail_msg("%s", messages);
}

#define FROM SCRATCH "/from"
#define FROM_FILE FROM "/checkpoints/step-00000001.safetensors"
#define G_PTH SCRATCH "/g.pth"
#define D_PTH SCRATCH "/d.pth"
#define G_TENSORS SCRATCH "/g.safetensors"
#define D_TENSORS SCRATCH "/d.safetensors"

// A run that learnt nothing holds the first weights of its seed. Another run with the
// same seed, but other random weights, starts from them and is the same run.
static void test_start(void **state)
{
    static const char *const files[][2] = {
        { FROM, FROM },           { FROM_FILE, FROM_FILE }, { G_PTH, D_PTH },
        { G_TENSORS, D_TENSORS }, { FROM, D_PTH },
    };
    static const char run[] = SCRATCH "/started";
    char words[256];
    (void)state;
    need_device();
    train(FROM, "lr=0 steps=1 bias=all");
    convert(FROM, G_PTH, false);
    convert(FROM, D_PTH, true);
    convert(FROM, G_TENSORS, false);
    convert(FROM, D_TENSORS, true);
    const struct result expected = train(SCRATCH "/expected", "bias=all");
    struct result r = train(SCRATCH "/unlike", "bias=all init-type=xavier");
    assert_false(same_losses(&r.m[0], &expected.m[0]));
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(words, sizeof(words), "bias=all init-type=xavier init-g=%s init-d=%s",
                 files[i][0], files[i][1]);
        r = train(run, words);
        for (int k = 0; k < STEPS; k++)
            if (!same_losses(&r.m[k], &expected.m[k]))
                fail_msg("%s and %s: other losses in step %d", files[i][0], files[i][1],
                         k + 1);
        assert_true(test_remove_tree(run));
    }

    // One of the two alone.
    r = train(run, "bias=all init-type=xavier init-g=" FROM);
    assert_true(r.m[0].loss_g_l1 == expected.m[0].loss_g_l1);
    assert_true(r.m[0].loss_d_real != expected.m[0].loss_d_real);
    assert_true(test_remove_tree(run));
    r = train(run, "bias=all init-type=xavier init-d=" FROM);
    assert_true(r.m[0].loss_g_l1 != expected.m[0].loss_g_l1);
    assert_true(r.m[0].loss_d_real == expected.m[0].loss_d_real);

    // A run that goes on has its own, and says so.
    messages[0] = '\0';
    go_on(run, "bias=all init-type=xavier steps=4 init-g=" FROM " init-d=" FROM);
    assert_message("--init-g " FROM " is not used");
    assert_message("--init-d " FROM " is not used");
    assert_true(test_remove_tree(run));

    // The average of a run that has one; a run that keeps one from a run that does not.
    train(SCRATCH "/averaged", "bias=all ema=0.75 lr=0.01");
    r = train(run, "bias=all ema=0.9 init-g=" SCRATCH "/averaged");
    convert(SCRATCH "/averaged", SCRATCH "/averaged.pth", false);
    assert_true(test_remove_tree(run));
    const struct result same =
        train(run, "bias=all ema=0.9 init-g=" SCRATCH "/averaged.pth");
    assert_true(same_losses(&r.m[0], &same.m[0]) && same_losses(&r.m[2], &same.m[2]));
    assert_true(test_remove_tree(run));
    r = train(run, "bias=all ema=0.9 init-type=xavier init-g=" FROM " init-d=" FROM);
    assert_true(same_losses(&r.m[2], &expected.m[2]));
    assert_true(test_remove_tree(run));

    // The other order of concatenations is put right.
    r = train(run, "bias=all concat=decoder_first init-g=" FROM " init-d=" FROM);
    assert_near(r.m[0].loss_g_l1, expected.m[0].loss_g_l1, 1e-5);
    assert_near(r.m[0].loss_d_fake, expected.m[0].loss_d_fake, 1e-5);
    assert_true(test_remove_tree(run));

    // Without a discriminator there is nothing to start.
    messages[0] = '\0';
    train(run, "gan-mode=none bias=all init-d=" FROM);
    assert_message("--init-d");
    assert_true(test_remove_tree(run));
}

static void test_start_refused(void **state)
{
    static const char *const g_files[] = { FROM, G_PTH, G_TENSORS };
    static const char *const d_files[] = { FROM, D_PTH, D_TENSORS };
    char words[256];
    (void)state;
    need_device();
    assert_true(file_exists(FROM));
    for (size_t i = 0; i < ARRAY_LEN(g_files); i++) {
        snprintf(words, sizeof(words), "bias=all ngf=3 init-g=%s", g_files[i]);
        assert_refused(words, "model.model.0.weight");
        assert_message("[2, 3, 4, 4]");
        assert_message("[3, 3, 4, 4]");
        snprintf(words, sizeof(words), "bias=all ndf=3 init-d=%s", d_files[i]);
        assert_refused(words, "model.0.weight");
        assert_message("[2, 6, 4, 4]");
        assert_message("[3, 6, 4, 4]");
        // Tensors that the network does not have.
        snprintf(words, sizeof(words), "bias=all norm=none init-g=%s", g_files[i]);
        assert_refused(words, "model.model.1.model.2.");
        snprintf(words, sizeof(words), "bias=all norm-d=none init-d=%s", d_files[i]);
        assert_refused(words, "model.");
        snprintf(words, sizeof(words), "bias=all no-condition=true init-d=%s",
                 d_files[i]);
        assert_refused(words, "[2, 3, 4, 4]");
    }
    assert_refused("bias=all init-g=" D_PTH, "holds a discriminator");
    assert_refused("bias=all init-d=" G_TENSORS, "holds a generator");
    assert_refused("init-g=" SCRATCH "/absent", "does not exist");
    assert_refused("init-g=" DATA, "no checkpoint");
    assert_refused("init-d=" DATA "/train/0.png", "0.png");
    train(SCRATCH "/no_d", "gan-mode=none steps=1");
    assert_refused("init-d=" SCRATCH "/no_d", "without a discriminator");
}

// ---------------------------------------------------------------------------

static int open_group(void **state)
{
    (void)state;
    assert_true(test_remove_tree(SCRATCH));
    write_pairs(DATA "/train", SIDE, PAIRS, 1);
    write_pairs(DATA "/val", SIDE, 2, 2);
    write_pairs(OTHER "/train", SIDE, PAIRS, 3);
    write_pairs(EXACT "/train", CROP, PAIRS, 4);
    write_mixed();
    no_execute = is_set("PIX_TEST_NO_EXECUTE");
    const struct pix_device_options options = {
        .log = { keep_message, NULL, PIX_LOG_WARN },
        .validation = true,
        .minimum_limits = is_set("PIX_TEST_MINIMUM_LIMITS"),
    };
    device = pix_device_create(&options);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_accumulate),
        cmocka_unit_test(test_accumulated_statistics),
        cmocka_unit_test(test_average),
        cmocka_unit_test(test_plateau),
        cmocka_unit_test(test_validation),
        cmocka_unit_test(test_no_discriminator),
        cmocka_unit_test(test_no_l1),
        cmocka_unit_test(test_continued),
        cmocka_unit_test(test_recipes),
        cmocka_unit_test(test_update_order),
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_start_refused),
    };
    return cmocka_run_group_tests(tests, open_group, close_group);
}
