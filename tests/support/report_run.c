// SPDX-License-Identifier: MIT
//
// See report_run.h.

#include "support/report_run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/random.h"
#include "data/image.h"
#include "evaluate/gallery.h"
#include "support/check.h"
#include "train/metrics_file.h"

static void write_text(const char *folder, const char *name, const char *text)
{
    char *path = file_join(folder, name);
    assert_non_null(path);
    assert_true(file_write(path, text, strlen(text)));
    mem_free(path);
}

static void write_metrics(const char *folder)
{
    struct metrics_file f = { 0 };
    assert_true(metrics_file_open(&f, folder, 0));
    for (uint32_t step = 1; step <= REPORT_RUN_STEPS; step++) {
        const double t = step / (double)REPORT_RUN_STEPS, wave = sin(step * 0.7);
        struct pix_step_metrics m = {
            .step = step,
            .epoch = (step - 1) / 500 + 1,
            .loss_d_real = step == 1234 ? 99.5 : 0.6 - 0.2 * t + 0.1 * wave,
            .loss_d_fake = 0.6 - 0.1 * t - 0.1 * wave,
            .loss_d_gp = NAN,
            .loss_g_gan = 1 + 0.5 * wave * t,
            .loss_g_l1 = 60 * exp(-4 * t) + 8 + 3 * wave,
            .has_gan = true,
            .has_scale = true,
            .scale_d = step < 2000 ? 4096 : 8192,
            .scale_g = step < 7      ? 65536 / (1 << (step - 1))
                       : step < 2007 ? 1024
                                     : 2048,
            .skipped_d = 4,
            .skipped_g = step < 7 ? step - 1 : 6,
            .lr = 2e-4 * (t < 0.5 ? 1 : 2 - 2 * t),
            .ms = 100 + 10 * wave,
            .images_per_s = 10 - wave,
        };
        for (int i = 0; i < PIX_METRIC_COUNT; i++)
            m.val[i] = NAN;
        if (step % 500 == 0) {
            m.val[PIX_METRIC_L1] = 0.3 - 0.2 * t;
            m.val[PIX_METRIC_PSNR] = 14 + 8 * t;
            m.val_metrics = 1u << PIX_METRIC_L1 | 1u << PIX_METRIC_PSNR;
        }
        metrics_file_add(&f, &m);
    }
    assert_true(metrics_file_append(&f, false));
    metrics_file_close(&f);
}

static void write_sample(const char *folder, uint32_t step)
{
    char name[64];
    struct pix_image image;
    snprintf(name, sizeof(name), "samples/step-%08u.png", step);
    char *path = file_join(folder, name);
    assert_true(image_create(&image, 96, 32));
    for (size_t i = 0; i < (size_t)3 * 96 * 32; i++)
        image.pixels[i] = (uint8_t)(i / 3 % 96 * 2 + step / 40);
    assert_true(image_write(path, &image));
    image_free(&image);
    mem_free(path);
}

static void fill(struct picture *p, struct random *r, uint32_t number, int is_noise)
{
    uint8_t *samples = p->samples;
    for (size_t i = 0; i < picture_bytes(p); i++)
        samples[i] = is_noise ? (uint8_t)(random_u32(r) >> 24)
                              : (uint8_t)(i % p->width * (number % 5 + 1) + i / 97);
}

char *report_run_gallery(uint32_t pairs, uint32_t side, int is_noise)
{
    struct gallery g = { 0 };
    struct random r;
    struct picture p[3];
    random_init(&r, 7, 0);
    gallery_begin(&g, pairs, PIX_METRIC_L1,
                  METRIC_BIT(PIX_METRIC_L1) | METRIC_BIT(PIX_METRIC_PSNR));
    for (int i = 0; i < 3; i++)
        assert_true(picture_create(&p[i], PIXEL_U8, 3, side, side));
    for (uint32_t i = 0; i < pairs; i++) {
        char name[32];
        struct scores scores;
        scores_clear(&scores);
        scores.values[PIX_METRIC_L1] = i == 3 ? NAN : 0.01 + i * 37 % 101 / 200.0;
        scores.values[PIX_METRIC_PSNR] =
            i == 4 ? INFINITY : 30 - 10 * scores.values[PIX_METRIC_L1] + i % 7;
        for (int k = 0; k < 3; k++)
            fill(&p[k], &r, i + (uint32_t)k, is_noise);
        snprintf(name, sizeof(name), "pair-%03u.png", i);
        assert_true(gallery_add(&g, i == 0 ? REPORT_RUN_NAME : name, &scores, &p[0],
                                &p[1], &p[2]));
    }
    char *text = gallery_text(&g, 3000);
    assert_non_null(text);
    gallery_free(&g);
    for (int i = 0; i < 3; i++)
        picture_free(&p[i]);
    return text;
}

void report_run_write(const char *folder)
{
    static const char *const folders[] = { "samples", "report", "checkpoints" };
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        char *path = file_join(folder, folders[i]);
        assert_true(file_make_folder(path));
        mem_free(path);
    }
    write_text(folder, "config.json",
               "{\"data\": \"absent/</script><b class=hacked>\", \"crop_size\": 32, "
               "\"load_size\": 36, \"val_freq\": 1, \"depth\": 5}\n");
    write_text(
        folder, "report/run.json",
        "{\"steps\": 3007, \"train\": {\"pairs\": 500}, \"val\": {\"pairs\": "
        "120}, \"weights_g\": 1030395, \"weights_d\": 99805, \"devices\": "
        "[{\"name\": \"</script><script>window.hacked=2</script>\", \"driver\": "
        "\"d\", \"driver_version\": \"1\", \"api_version\": \"1.2.3\", \"step\": "
        "0}], \"warnings\": [{\"sign\": \"discriminator_won\", \"step\": 2000, "
        "\"text\": \"the discriminator has won </script><b class=hacked>\"}]}\n");
    write_metrics(folder);
    for (uint32_t step = 600; step <= REPORT_RUN_STEPS; step += 600)
        write_sample(folder, step);
    write_sample(folder,
                 REPORT_RUN_STEPS + 7);    // the last step has no line of metrics
    char *gallery = report_run_gallery(REPORT_RUN_PAIRS, 32, 0);
    write_text(folder, "report/validation.json", gallery);
    mem_free(gallery);
}
