// SPDX-License-Identifier: MIT
//
// The smallest user of the installed library: trains one step and translates one image.
// Usage: use DATA RUN INPUT OUTPUT. Returns 0 if all went well.

#include <pix2pix.h>
#include <stdio.h>

static void print(void *user, enum pix_log_level level, const char *text)
{
    (void)user;
    (void)level;
    fprintf(stderr, "%s\n", text);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    pix_device *device = pix_device_create(&(struct pix_device_options){
        .log = { .callback = print, .level = PIX_LOG_WARN } });

    struct pix_train_options train;
    pix_train_options_init(&train);
    train.data = argv[1];
    train.out = argv[2];
    train.ngf = train.ndf = 4;
    train.load_size = train.crop_size = 32;
    train.steps = 1;
    pix_trainer *trainer = device ? pix_trainer_create(device, &train) : NULL;
    struct pix_step_metrics metrics;
    bool ok = trainer && pix_trainer_step(trainer, &metrics) == PIX_STEP_DONE;
    pix_trainer_destroy(trainer);

    struct pix_translate_options translate;
    pix_translate_options_init(&translate);
    translate.model = argv[2];
    pix_translator *translator = ok ? pix_translator_create(device, &translate) : NULL;
    struct pix_image in = { 0 }, out = { 0 };
    ok = translator && pix_image_read(argv[3], &in) &&
         pix_translator_run(translator, &in, &out) && out.width == 32 &&
         pix_image_write(argv[4], &out);
    pix_image_free(&in);
    pix_image_free(&out);
    pix_translator_destroy(translator);
    pix_device_destroy(device);

    if (ok)
        printf("step %u: loss_g_l1 %.3f, translated to %s\n", (unsigned)metrics.step,
               metrics.loss_g_l1, argv[4]);
    return ok ? 0 : 1;
}
