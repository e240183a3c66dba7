// SPDX-License-Identifier: MIT
//
// The smallest user of the installed library: trains one step and translates one image.
// Usage: use DATA RUN INPUT OUTPUT. Returns 0 if all went well.

#include <pix2pix.h>
#include <stddef.h>

int main(int argc, char **argv)
{
    struct pix_train_options o;
    struct pix_image in, out;
    pix_train_options_init(&o);
    o.data = argv[1], o.out = argv[2], o.steps = 1;
    o.ngf = o.ndf = 4, o.crop_size = 32, o.tuning = "off";
    pix_device *device = pix_device_create(NULL);
    pix_trainer *trainer = device ? pix_trainer_create(device, &o) : NULL;
    if (argc != 5 || !trainer || pix_trainer_step(trainer, NULL) != PIX_STEP_DONE)
        return 1;
    pix_trainer_destroy(trainer);
    pix_translator *translator = pix_translator_create(
        device, &(struct pix_translate_options){ .model = argv[2], .tuning = "off" });
    return !translator || !pix_image_read(argv[3], &in) ||
           !pix_translator_run(translator, &in, &out) ||
           !pix_image_write(argv[4], &out);
}
