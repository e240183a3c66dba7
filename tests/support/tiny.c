// SPDX-License-Identifier: MIT
//
// See tiny.h.

#include "support/tiny.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "data/picture_file.h"
#include "store/checkpoint_folder.h"
#include "support/size.h"

#define SIDE 40    // of the images

// Left: blobs of some colours; right: the same in others.
void tiny_write_pair(const char *folder, uint32_t number)
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

void tiny_write_text(const char *path, const char *text)
{
    assert_true(file_write(path, text, strlen(text)));
}

struct pix_train_options tiny_options(const char *data, const char *out)
{
    struct pix_train_options o;
    pix_train_options_init(&o);
    o.data = data;
    o.out = out;
    o.tuning = "off";
    o.ngf = 4;
    o.ndf = 4;
    o.crop_size = SQUARE(CROP);
    o.load_size = SQUARE(CROP + 4);
    o.seed = 7;
    o.steps = STEPS;
    o.save_freq = 0;
    o.sample_freq = 0;
    o.log_freq = 1;
    return o;
}

struct pix_step_metrics tiny_train(pix_device *on, const struct pix_train_options *o,
                                   uint64_t stop)
{
    struct pix_step_metrics metrics = { 0 };
    pix_trainer *trainer = pix_trainer_create(on, o);
    if (!trainer)
        fail_msg("%s", public_messages);
    while (metrics.step != stop) {
        enum pix_step_result result = pix_trainer_step(trainer, &metrics);
        assert_int_not_equal(result, PIX_STEP_FAILED);
        if (result == PIX_STEP_FINISHED)
            break;
    }
    pix_trainer_destroy(trainer);
    return metrics;
}

void tiny_check_refused(const struct pix_train_options *o, const char *message)
{
    public_messages[0] = '\0';
    assert_null(pix_trainer_create(public_device, o));
    public_check_message(message);
    assert_non_null(strstr(pix_last_error(), message));
}

void *tiny_read_tensors(const char *run, uint64_t step, size_t *size)
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

void tiny_check_same_checkpoint(const char *a, const char *b, uint64_t step)
{
    size_t size_a, size_b, different = 0;
    uint8_t *x = tiny_read_tensors(a, step, &size_a),
            *y = tiny_read_tensors(b, step, &size_b);
    assert_int_equal(size_a, size_b);
    for (size_t i = 0; i < size_a; i++)
        different += x[i] != y[i];
    if (different)
        fail_msg("%s and %s differ in %zu of %zu bytes at step %" PRIu64, a, b,
                 different, size_a, step);
    mem_free(x);
    mem_free(y);
}

bool tiny_has_checkpoint(const char *run, uint64_t step)
{
    char *path = checkpoint_path(run, step);
    bool exists = file_exists(path);
    mem_free(path);
    return exists;
}

void tiny_check_metrics(const char *run, uint64_t first, uint64_t last)
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

const char *tiny_straight(void)
{
    static char data[64], run[64];
    snprintf(data, sizeof(data), "%s/data", public_folder());
    snprintf(run, sizeof(run), "%s/straight", public_folder());
    if (!file_exists(run)) {
        struct pix_train_options o = tiny_options(data, run);
        o.threads = 1;
        tiny_train(public_device, &o, UINT64_MAX);
    }
    return run;
}

void tiny_write_picture(const char *folder, const char *name, struct picture p)
{
    char *path = file_join(folder, name);
    assert_true(file_make_folder(folder) && picture_write(path, &p));
    picture_free(&p);
    mem_free(path);
}

struct picture tiny_read_picture(const char *path)
{
    struct picture p;
    struct reason reason;
    if (!picture_read(path, &p, &reason))
        fail_msg("%s: %s", path, reason.text);
    return p;
}

pix_translator *tiny_open_model(const char *model)
{
    struct pix_translate_options o;
    pix_translate_options_init(&o);
    o.model = model;
    o.tuning = "off";
    pix_translator *t = pix_translator_create(public_device, &o);
    if (!t)
        fail_msg("%s", pix_last_error());
    return t;
}

struct picture tiny_translate(pix_translator *t, const char *input, const char *output)
{
    struct pix_translate_item item = { .input = input, .output = output };
    if (!t || !pix_translator_run_many(t, &item, 1, NULL, NULL))
        fail_msg("%s", pix_last_error());
    pix_translator_destroy(t);
    return tiny_read_picture(output);
}

static void make_folder(const char *name, uint32_t first, uint32_t count)
{
    char *path = file_join(public_folder(), name);
    assert_true(file_make_folder(path));
    for (uint32_t i = 0; i < count; i++)
        tiny_write_pair(path, first + i);
    mem_free(path);
}

static void make_text(const char *name, const char *text)
{
    char *path = file_join(public_folder(), name);
    tiny_write_text(path, text);
    mem_free(path);
}

void tiny_open(const char *folder)
{
    public_open(folder);
    make_folder("data/train", 0, PAIRS);
    make_folder("one/train", 3, 1);
    make_folder("one/test", 3, 1);
    make_folder("broken/train", 1, 2);
    make_text("broken/train/empty.png", "");
    make_text("broken/train/noise.jpg", "this is no picture");
    make_folder("bad/train", 0, 0);
    make_text("bad/train/noise.png", "this is no picture");
    make_folder("empty/train", 0, 0);
}
