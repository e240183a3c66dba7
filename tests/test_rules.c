// SPDX-License-Identifier: MIT
//
// The rules between training options: levels of the U-Net, what is refused, what is
// completed, and what has no effect.

#include "support/given.h"
#include "support/size.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "settings/options.h"
#include "settings/rules.h"
#include "settings/settings.h"

static void test_levels(void **state)
{
    (void)state;
    static const struct {
        const char *net_g;
        uint32_t depth;
        const char *crop;
        uint32_t levels;
        const char *message;
    } cases[] = {
        { "unet", 0, "32", 5, NULL },
        { "unet", 0, "64", 6, NULL },
        { "unet", 0, "96", 5, NULL },
        { "unet", 0, "128", 7, NULL },
        { "unet", 0, "256", 8, NULL },
        { "unet", 0, "1024", 8, NULL },
        { "unet", 9, "512", 9, NULL },
        { "unet", 10, "1024", 10, NULL },
        { "unet", 5, "256", 5, NULL },
        { "unet_256", 0, "256", 8, NULL },
        { "unet_256", 8, "512", 8, NULL },
        { "unet_128", 0, "384", 7, NULL },
        { "unet", 0, "100", 0, "96 or 128" },
        { "unet", 0, "48", 0, "32 or 64" },
        { "unet", 9, "256", 0, "512" },
        { "unet", 2, "32", 2, NULL },
        { "unet", 1, "256", 0, "2 to 10" },
        { "unet", 11, "2048", 0, "2 to 10" },
        { "encoder_decoder", 0, "256", 8, NULL },
        { "encoder_decoder", 6, "64", 6, NULL },
        { "resnet_6blocks", 0, "100", 2, NULL },
        { "resnet_9blocks", 0, "102", 0, "100 or 104" },
        { "resnet_9blocks", 8, "256", 0, "--depth" },
        { "unet_256", 0, "128", 0, "use 256" },
        { "unet_256", 0, "300", 0, "256 or 512" },
        { "unet_128", 0, "64", 0, "use 128" },
        { "unet_128", 6, "128", 0, "--depth" },
        // As many as both sides can be halved.
        { "unet", 0, "512x256", 8, NULL },
        { "unet", 0, "256x64", 6, NULL },
        { "unet", 0, "64x32", 5, NULL },
        { "unet", 0, "32x64", 5, NULL },
        { "unet", 0, "96x1024", 5, NULL },
        { "unet_256", 0, "512x256", 8, NULL },
        { "resnet_9blocks", 0, "100x36", 2, NULL },
        { "unet", 0, "512x100", 0,
          "--crop-size 512x100 does not fit --net-g unet with 5 levels, which needs multiples of 32: use 512x96 or 512x128" },
        { "unet", 0, "100x512", 0, "use 96x512 or 128x512" },
        { "unet_256", 0, "512x128", 0, "use 512x256" },
        { "unet", 9, "16384x256", 0, "use 16384x512" },
        { "unet", 10, "15872x16384", 0, "use 15360x16384 or 16384" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pix_train_options o;
        pix_train_options_init(&o);
        o.net_g = cases[i].net_g;
        o.depth = cases[i].depth;
        assert_true(options_parse_size(cases[i].crop, &o.crop_size));
        struct settings s = { .options = o };
        settings_parse(&s);
        const uint32_t levels = settings_check_levels(&s) ? s.generator.levels : 0;
        if (levels != cases[i].levels)
            fail_msg("%s depth %u crop %s: %u levels, expected %u", cases[i].net_g,
                     (unsigned)cases[i].depth, cases[i].crop, (unsigned)levels,
                     (unsigned)cases[i].levels);
        if (cases[i].message)
            given_check_says(cases[i].message);
    }
}

static void test_check(void **state)
{
    (void)state;
    struct pix_train_options o;

#define REFUSED(change, part)                                                          \
    do {                                                                               \
        pix_train_options_init(&o);                                                    \
        o.data = "data";                                                               \
        o.out = "run";                                                                 \
        assert_true(options_check(&o, true));                                          \
        change;                                                                        \
        assert_false(options_check(&o, true));                                         \
        given_check_says(part);                                                        \
    } while (0)

    REFUSED(o.batch_size = 0, "--batch-size");
    REFUSED(o.crop_size = SQUARE(16), "--crop-size");
    REFUSED(o.load_size = SQUARE(128), "--load-size 128 is smaller");
    REFUSED(o.beta1 = 1, "--beta1");
    REFUSED(o.lr = -1, "--lr");
    REFUSED(o.lr = 0.0 / (o.lr - o.lr), "--lr");
    REFUSED(o.keep = 0, "--keep");
    REFUSED(o.log_freq = 0, "--log-freq");
    REFUSED(o.net_g = "resnet", "--net-g");
    REFUSED(o.net_g = NULL, "--net-g");
    REFUSED(o.direction = "CtoD", "--direction");
    REFUSED(o.n_epochs = o.n_epochs_decay = 0, "--n-epochs");
    REFUSED(o.ngf = 100000, "--ngf");
    REFUSED((o.gan_mode = "none", o.lambda_l1 = 0), "nothing to learn");
    REFUSED((o.gan_mode = "wgangp", o.norm_d = "batch"), "wgangp");
    REFUSED((o.gan_mode = "wgangp", o.norm_d = "instance"), "wgangp");
    REFUSED((o.update_order = "reuse", o.accumulate = 2), "--batch-size 2");
    REFUSED((o.batch_size = 4096, o.accumulate = 17), "65536");
    REFUSED((o.net_d = "n_layers", o.n_layers_d = 6, o.crop_size = SQUARE(128)),
            "--n-layers-d 5, or --crop-size 192");
    REFUSED((o.net_d = "n_layers", o.n_layers_d = 6,
             o.crop_size = (struct pix_size){ 128, 512 }),
            "--n-layers-d 5, or --crop-size 192x512");
    REFUSED(o.crop_size.height = 16, "--crop-size takes N or WIDTHxHEIGHT");
    REFUSED(o.load_size = ((struct pix_size){ 0, 512 }), "--load-size takes");
    REFUSED(o.load_size = ((struct pix_size){ 512, 128 }),
            "--load-size 512x128 is smaller than --crop-size 256: a crop is cut from "
            "the resized image, so use 512x256 or more");
    REFUSED(o.load_size = ((struct pix_size){ 255, 300 }), "use 256x300 or more");
    REFUSED((o.preprocess = "scale_width", o.load_size = SQUARE(512)),
            "--load-size 512 must be the width of --crop-size, which is 256");
    REFUSED((o.preprocess = "scale_width_and_crop", o.load_size = SQUARE(255)),
            "--load-size 255 is less than the width of --crop-size 256");
    REFUSED((o.preprocess = "scale_width_and_crop",
             o.load_size = (struct pix_size){ 512, 300 }),
            "use --load-size 512, not 512x300");
    REFUSED(o.n_layers_d = 7, "--n-layers-d");
    REFUSED(o.input_nc = 0, "--input-nc");
    REFUSED(o.gp_alpha = 1.5, "--gp-alpha");
    REFUSED(o.init_type = "zeros", "--init-type");
    REFUSED(o.seed = (uint64_t)INT64_MAX + 1, "--seed");
    REFUSED(o.scale_jitter = 0.6, "--scale-jitter");
    REFUSED(o.noise = -1, "--noise");
    REFUSED(
        (o.task = "denoise", o.noise = 5),
        "--task denoise takes no --noise, which would change inputs after they were "
        "made of images: leave it out; --rotate and --flip-vertical can be used, and "
        "--sigma for noise");
    REFUSED((o.task = "superres", o.scale_jitter = 0.1), "no --scale-jitter");
    REFUSED((o.task = "edges", o.aspect_jitter = 0.1), "no --aspect-jitter");
    REFUSED((o.task = "inpaint", o.brightness = 0.1), "no --brightness");
    REFUSED((o.task = "inpaint", o.contrast = 0.1), "no --contrast");
    REFUSED((o.task = "segment", o.palette = "auto", o.labels = "both", o.noise = 1),
            "--labels both takes no --brightness");
    REFUSED(o.data = NULL, "--data");
    REFUSED(o.out = "", "--out");
#undef REFUSED

    o.data = o.out = NULL;
    assert_true(options_check(&o, false));

    // Turns and flips suit every task, and lightness is taken as it comes.
    o.rotate = o.flip_vertical = true;
    o.palette = "#000000,#ffffff";
    for (const struct choice *c = choice_tasks; c->name; c++) {
        o.task = c->name;
        assert_true(options_check(&o, false));
    }
    o.task = "colorize";
    o.scale_jitter = o.aspect_jitter = o.brightness = o.contrast = o.noise = 0.1;
    assert_true(options_check(&o, false));
}

static void test_resolve(void **state)
{
    (void)state;
    struct pix_train_options o;
    pix_train_options_init(&o);
    o.crop_size = SQUARE(64);
    assert_true(options_resolve(&o));
    assert_size(o.load_size, 72, 72);    // 71.5 rounded
    assert_int_equal(o.depth, 6);
    const struct pix_train_options once = o;
    assert_true(options_resolve(&o));
    assert_memory_equal(&once, &o, sizeof(o));

    pix_train_options_init(&o);
    o.load_size = SQUARE(256);
    assert_true(options_resolve(&o));
    assert_size(o.load_size, 256, 256);

    pix_train_options_init(&o);
    o.crop_size = (struct pix_size){ 512, 64 };
    assert_true(options_resolve(&o));
    assert_size(o.load_size, 572, 72);
    assert_int_equal(o.depth, 6);

    pix_train_options_init(&o);
    o.preprocess = "none";
    assert_true(options_resolve(&o));
    assert_size(o.load_size, 256, 256);
    assert_string_equal(given_warnings, "");
    o.load_size = SQUARE(286);
    assert_true(options_resolve(&o));
    assert_size(o.load_size, 256, 256);
    assert_non_null(strstr(given_warnings, "--preprocess none does not resize images: "
                                           "--load-size 286 is ignored"));

    pix_train_options_init(&o);
    o.preprocess = "crop";
    o.crop_size = (struct pix_size){ 96, 64 };
    assert_true(options_resolve(&o) && options_resolve(&o));
    assert_size(o.load_size, 96, 64);
    o.preprocess = "scale_width";
    o.load_size = SQUARE(0);
    assert_true(options_resolve(&o) && options_resolve(&o));
    assert_size(o.load_size, 96, 96);
    o.preprocess = "scale_width_and_crop";
    o.load_size = SQUARE(0);
    assert_true(options_resolve(&o) && options_resolve(&o));
    assert_size(o.load_size, 107, 107);
    o.load_size = SQUARE(96);
    assert_true(options_resolve(&o));
    assert_size(o.load_size, 96, 96);

    pix_train_options_init(&o);
    o.crop_size = SQUARE(100);
    assert_false(options_resolve(&o));
    assert_size(o.load_size, 0, 0);
    assert_int_equal(o.depth, 0);
}

// What a run does is what its options say: validations that another option needs.
static void test_validations(void **state)
{
    static const struct {
        const char *name, *value;
        uint32_t every;
    } cases[] = {
        { "best", "psnr", 1 },         { "patience", "3", 1 },
        { "lr-policy", "plateau", 1 }, { "val-metrics", "psnr", 0 },
        { "val-freq", "4", 4 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pix_train_options o;
        pix_train_options_init(&o);
        assert_true(pix_train_options_set(&o, cases[i].name, cases[i].value));
        assert_true(options_resolve(&o));
        assert_int_equal(o.val_freq, cases[i].every);
        o.val_freq = 6;
        assert_true(options_resolve(&o));
        assert_int_equal(o.val_freq, 6);
    }
}

// A resumed run may change its patience, and with it what it validates for that alone.
static void test_patience(void **state)
{
    struct pix_train_options a, b;
    (void)state;
    pix_train_options_init(&a);
    pix_train_options_init(&b);
    b.patience = 3;
    assert_true(options_resolve(&a) && options_resolve(&b));
    assert_null(options_find_difference(&a, &b));
    assert_null(options_find_difference(&b, &a));
    b.patience = 0;
    assert_string_equal(options_find_difference(&a, &b)->name, "val-freq");
    b.patience = 3;
    b.val_freq = 2;
    assert_string_equal(options_find_difference(&a, &b)->name, "val-freq");
    a.val_freq = 1;
    assert_string_equal(options_find_difference(&a, &b)->name, "val-freq");
}

static void test_unused(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        { "gan-mode", "none", "net-d" },
        { "gan-mode", "none", "no-condition" },
        { "optimizer", "sgd", "beta1" },
        { "optimizer", "adam", "momentum" },
        { "no-dropout", "true", "dropout-at" },
        { "net-g", "resnet_6blocks", "concat" },
        { "net-g", "encoder_decoder", "concat" },
        { "norm", "none", "norm-innermost" },
        { "lr-policy", "cosine", "lr-decay-iters" },
        { "gan-mode", "hinge", "lambda-gp" },
        { "val-metrics", "psnr", "lpips" },
        { "preprocess", "crop", "resize-filter" },
        { "preprocess", "none", "resize-filter" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pix_train_options o;
        pix_train_options_init(&o);
        o.net_d = "pixel";
        o.no_condition = o.norm_innermost = true;
        o.beta1 = o.momentum = 0.25;
        o.dropout_at = "d1-d3";
        o.concat = "decoder_first";
        o.lr_decay_iters = 7;
        o.lambda_gp = 3;
        o.resize_filter = "area";
        o.lpips = "weights.safetensors";
        assert_true(pix_train_options_set(&o, cases[i][0], cases[i][1]));
        struct settings s;
        assert_true(settings_init(&s, &o));
        given_warnings[0] = 0;
        settings_warn_about_unused(&s);
        settings_finish(&s);
        char part[64];
        snprintf(part, sizeof(part), "--%s ", cases[i][2]);
        if (!strstr(given_warnings, part))
            fail_msg("no warning of %sin \"%s\"", part, given_warnings);
    }
    // Where nothing is resized in training, "nearest" is still that of outputs.
    static const char *const used[][2] = {
        { "crop", "nearest" },
        { "none", "nearest" },
        { "resize_and_crop", "area" },
        { "scale_width", "area" },
        { "scale_width_and_crop", "area" },
    };
    for (size_t i = 0; i < ARRAY_LEN(used); i++) {
        struct pix_train_options o;
        struct settings s;
        pix_train_options_init(&o);
        o.preprocess = used[i][0];
        o.resize_filter = used[i][1];
        assert_true(settings_init(&s, &o));
        given_warnings[0] = 0;
        settings_warn_about_unused(&s);
        settings_finish(&s);
        assert_string_equal(given_warnings, "");
    }
    // What a recipe sets needs no warning, and the defaults need none.
    static const char *const recipes[] = { "pytorch", "lua", "affinelayer" };
    for (size_t i = 0; i < ARRAY_LEN(recipes); i++) {
        struct pix_train_options o;
        pix_train_options_init(&o);
        assert_true(pix_train_options_set(&o, "recipe", recipes[i]));
        o.net_g = "resnet_9blocks";
        struct settings s;
        assert_true(settings_init(&s, &o));
        given_warnings[0] = 0;
        settings_warn_about_unused(&s);
        settings_finish(&s);
        assert_string_equal(given_warnings, "");
    }
}

// Where augmentation does less than its options say, or more.
static void test_augment(void **state)
{
    (void)state;
    static const struct {
        const char *words, *warning;    // NULL: none
    } cases[] = {
        { "rotate=true", NULL },
        { "rotate=true crop-size=512x256",
          "--rotate makes half turns alone of crops of 512x256" },
        { "scale-jitter=0.1", NULL },
        { "scale-jitter=0.2",
          "--scale-jitter 0.2 scales by 0.895 to 1.2, not by 0.8 and more, which would "
          "show what is beyond the edges of images: a larger --load-size leaves" },
        { "scale-jitter=0.2 load-size=320", NULL },
        { "scale-jitter=0.2 load-size=400x300", "scales by 0.853 to 1.2" },
        { "scale-jitter=0.2 preprocess=crop",
          "scales by 1 to 1.2, not by 0.8 and more, which would show what is beyond the "
          "edges of images: --preprocess resize_and_crop with a larger --load-size" },
        { "aspect-jitter=0.2", NULL },
        { "aspect-jitter=0.3",
          "--aspect-jitter 0.3 also enlarges images, by up to 1.02, where" },
        { "flip-vertical=true brightness=0.1 contrast=0.1 noise=5", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pix_train_options o;
        struct settings s;
        char words[128];
        pix_train_options_init(&o);
        snprintf(words, sizeof(words), "%s", cases[i].words);
        for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
            char *value = strchr(word, '=');
            *value = 0;
            assert_true(pix_train_options_set(&o, word, value + 1));
        }
        assert_true(settings_init(&s, &o));
        given_warnings[0] = 0;
        settings_warn_about_unused(&s);
        settings_finish(&s);
        if (cases[i].warning ? !strstr(given_warnings, cases[i].warning)
                             : given_warnings[0] != 0)
            fail_msg("%s: \"%s\"", cases[i].words, given_warnings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_levels, given_setup),
        cmocka_unit_test_setup(test_check, given_setup),
        cmocka_unit_test_setup(test_resolve, given_setup),
        cmocka_unit_test_setup(test_validations, given_setup),
        cmocka_unit_test_setup(test_patience, given_setup),
        cmocka_unit_test_setup(test_unused, given_setup),
        cmocka_unit_test_setup(test_augment, given_setup),
    };
    return cmocka_run_group_tests(tests, given_open, NULL);
}
