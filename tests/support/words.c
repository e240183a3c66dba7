// SPDX-License-Identifier: MIT
//
// See words.h.

#include "support/words.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "data/image.h"
#include "data/picture_file.h"
#include "store/checkpoint_folder.h"

// Every run begins with these words, of which the data come first; then come its own.
#define BASE                                                                           \
    "data=%s/data ngf=2 ndf=2 crop-size=32 load-size=36 net-d=n_layers "               \
    "n-layers-d=1 seed=7 steps=3 save-freq=0 sample-freq=0 log-freq=1 tuning=off "

static void make_folder(const char *name)
{
    char *path = file_join(public_folder(), name);
    assert_true(file_make_folder(path));
    mem_free(path);
}

// Noise in coarse squares, so that resizing leaves something of it.
static void write_pairs(const char *folder, uint32_t side, uint32_t count,
                        uint32_t seed)
{
    make_folder(folder);
    for (uint32_t i = 0; i < count; i++) {
        struct pix_image image;
        struct random r;
        uint8_t squares[8][16][3];
        char *path = mem_printf("%s/%s/%" PRIu32 ".png", public_folder(), folder, i);
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
    assert_true(picture_set_kind(&p, kind, PIXEL_WHOLE) && picture_write(path, &p));
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
    make_folder("mixed/train/A");
    make_folder("mixed/train/B");
    for (uint32_t i = 0; i < ARRAY_LEN(kinds); i++)
        for (uint32_t k = 0; k < 2; k++) {
            char *path = mem_printf("%s/mixed/train/%c/%" PRIu32 "%s", public_folder(),
                                    k ? 'B' : 'A', i,
                                    kinds[i][k] == PIXEL_F32 ? ".npy" : ".png");
            write_side(path, kinds[i][k], 10 + 2 * i + k);
            mem_free(path);
        }
}

void words_set(struct words_setup *s, const char *out, const char *words)
{
    char *at = s->words, *end;
    pix_train_options_init(&s->o);
    snprintf(s->out, sizeof(s->out), "%s", out);
    s->o.out = s->out;
    assert_true(snprintf(s->words, sizeof(s->words), BASE "%s ", public_folder(),
                         words) < (int)sizeof(s->words));
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

void words_train_until(const struct pix_train_options *o, uint64_t stop,
                       struct words_result *r)
{
    struct pix_step_metrics m = { 0 };
    r->steps = 0;
    pix_trainer *trainer = pix_trainer_create(public_device, o);
    if (!trainer)
        fail_msg("%s: %s", o->out, public_messages);
    while (m.step != stop) {
        enum pix_step_result result = pix_trainer_step(trainer, &m);
        if (result == PIX_STEP_FINISHED)
            break;
        if (result == PIX_STEP_FAILED)
            fail_msg("%s: %s", o->out, public_messages);
        assert_true(m.step >= 1 && m.step <= STEPS_MAX);
        r->m[m.step - 1] = m;
        r->steps = m.step;
    }
    pix_trainer_destroy(trainer);
}

struct words_result words_train(const char *out, const char *words)
{
    struct words_setup s;
    struct words_result r;
    words_set(&s, out, words);
    words_train_until(&s.o, UINT64_MAX, &r);
    return r;
}

struct words_result words_continue(const char *out, const char *words)
{
    struct words_setup s;
    struct words_result r;
    words_set(&s, out, words);
    s.o.continue_run = true;
    words_train_until(&s.o, UINT64_MAX, &r);
    return r;
}

void words_check_refused(const char *words, const char *message)
{
    struct words_setup s;
    char *out = file_join(public_folder(), "refused");
    words_set(&s, out, words);
    mem_free(out);
    public_messages[0] = '\0';
    assert_null(pix_trainer_create(public_device, &s.o));
    public_check_message(message);
    assert_non_null(strstr(pix_last_error(), message));
    assert_false(file_exists(s.out));
}

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

bool words_same_losses(const struct pix_step_metrics *a,
                       const struct pix_step_metrics *b)
{
    return same_number(a->loss_d_real, b->loss_d_real) &&
           same_number(a->loss_d_fake, b->loss_d_fake) &&
           same_number(a->loss_d_gp, b->loss_d_gp) &&
           same_number(a->loss_g_gan, b->loss_g_gan) &&
           same_number(a->loss_g_ce, b->loss_g_ce) &&
           same_number(a->loss_g_l1, b->loss_g_l1);
}

struct safetensors *words_open_tensors(const char *run, uint64_t step)
{
    char *path = checkpoint_path(run, step);
    struct safetensors *s = safetensors_open(path);
    if (!s)
        fail_msg("%s cannot be read", path);
    mem_free(path);
    return s;
}

size_t words_entry_bytes(const struct safetensors_entry *e)
{
    return (size_t)(e->end - e->begin);
}

void *words_read_entry(struct safetensors *s, const struct safetensors_entry *e)
{
    void *data = mem_alloc(MAX(words_entry_bytes(e), 1));
    assert_true(data && safetensors_read(s, e, data));
    return data;
}

bool words_same_tensors(const char *run_a, const char *run_b, uint64_t step)
{
    struct safetensors *a = words_open_tensors(run_a, step),
                       *b = words_open_tensors(run_b, step);
    bool same = safetensors_count(a) == safetensors_count(b);
    for (size_t i = 0; same && i < safetensors_count(a); i++) {
        const struct safetensors_entry *x = safetensors_at(a, i);
        const struct safetensors_entry *y = safetensors_at(b, i);
        same = strcmp(x->name, y->name) == 0 &&
               words_entry_bytes(x) == words_entry_bytes(y);
        if (!same)
            break;
        void *data_x = words_read_entry(a, x), *data_y = words_read_entry(b, y);
        same = memcmp(data_x, data_y, words_entry_bytes(x)) == 0;
        mem_free(data_x);
        mem_free(data_y);
    }
    safetensors_close(a);
    safetensors_close(b);
    return same;
}

void words_check_same_run(const char *a, const char *b, uint64_t step)
{
    if (!words_same_tensors(a, b, step))
        fail_msg("%s and %s differ at step %" PRIu64, a, b, step);
}

uint64_t words_read_metrics(const char *run, const char *member,
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

void words_check_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance * fmax(fabs(b), 1e-3)))
        fail_msg("%.9g is not near %.9g", a, b);
}

struct pix_image words_translate(const char *model, const char *precision, bool no_ema)
{
    struct pix_translate_options t;
    struct pix_image in, out;
    pix_translate_options_init(&t);
    t.tuning = "off";
    t.model = model;
    t.precision = precision;
    t.no_ema = no_ema;
    pix_translator *translator = pix_translator_create(public_device, &t);
    if (!translator)
        fail_msg("%s", public_messages);
    char *path = file_join(public_folder(), "exact/train/0.png");
    assert_true(pix_image_read(path, &in));
    mem_free(path);
    in.width = CROP;    // some of its numbers
    assert_true(pix_translator_run(translator, &in, &out));
    pix_image_free(&in);
    pix_translator_destroy(translator);
    return out;
}

void words_open(const char *folder)
{
    public_open(folder);
    write_pairs("data/train", SIDE, PAIRS, 1);
    write_pairs("data/val", SIDE, 2, 2);
    write_pairs("other/train", SIDE, PAIRS, 3);
    write_pairs("exact/train", CROP, PAIRS, 4);
    write_mixed();
}
