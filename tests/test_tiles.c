// SPDX-License-Identifier: MIT
//
// Images in tiles against the same images as a whole: without statistics of the image,
// with exact ones, with some, with blended edges; how far a network sees.

#include "support/network_files.h"
#include "support/tiny.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/random.h"
#include "models/model.h"

#define SCRATCH "test_tiles.scratch"

// A network that is set by its first step of training; weights keep the size of what
// goes through them, so that pixels far away matter.
struct net {
    const char *name, *kind, *norm;
    uint32_t levels;
    const char *upsample;
};

static const char *train(const struct net *n)
{
    static char run[256];
    snprintf(run, sizeof(run), SCRATCH "/%s", n->name);
    if (tiny_has_checkpoint(run, 1))
        return run;
    struct pix_train_options o = tiny_options(ONE, run);
    o.net_g = n->kind;
    o.norm = n->norm;
    o.depth = n->levels;
    o.ngf = n->levels > 6 ? 2 : 4;
    o.ndf = 2;
    const uint32_t side = MAX(32u, n->levels ? 1u << n->levels : 32u);
    o.crop_size = o.load_size = (struct pix_size){ side, side };
    o.init_type = "kaiming";
    o.steps = 1;
    if (n->upsample)
        o.upsample = n->upsample;
    tiny_train(public_device, &o, UINT64_MAX);
    return run;
}

static struct pix_translate_options options(const char *run)
{
    struct pix_translate_options t;
    pix_translate_options_init(&t);
    t.tuning = "off";
    t.model = run;
    t.preprocess = "none";
    t.output_kind = "f32";
    return t;
}

// Waves of several lengths and noise, brighter to the right: no part is like the whole.
static struct pix_array make_image(uint32_t width, uint32_t height)
{
    struct pix_array a = {
        .kind = PIX_KIND_U8, .channels = 3, .width = width, .height = height
    };
    uint8_t *samples = malloc((size_t)3 * width * height);
    struct random r;
    random_init(&r, 5, 5);
    assert_non_null(samples);
    a.data = samples;
    for (uint32_t c = 0; c < 3; c++)
        for (uint32_t y = 0; y < height; y++)
            for (uint32_t x = 0; x < width; x++)
                *samples++ = (uint8_t)(100 * x / width + 60 +
                                       40 * sin(0.02 * (c + 1) * y) * cos(0.05 * x) +
                                       50 * random_uniform(&r));
    return a;
}

// The largest difference of two outputs of [-1, 1].
static double difference(const struct pix_array *a, const struct pix_array *b)
{
    const float *x = a->data, *y = b->data;
    double most = 0;
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (size_t i = 0; i < (size_t)a->channels * a->width * a->height; i++)
        most = fmax(most, fabs((double)x[i] - (double)y[i]));
    return most;
}

static struct pix_array run(const struct pix_translate_options *t,
                            const struct pix_array *in)
{
    struct pix_array out = { PIX_KIND_U8, 0, 0, 0, NULL };
    pix_translator *translator = pix_translator_create(public_device, t);
    if (!translator || !pix_translator_run_array(translator, in, &out))
        fail_msg("%s", public_messages);
    pix_translator_destroy(translator);
    return out;
}

// An image that continues at its other end as `wrap` says, as a whole and in tiles.
static double compare_wrapped(const struct net *n, const char *wrap, const char *mode,
                              uint32_t width, uint32_t height, uint32_t tile,
                              uint32_t overlap, const char *statistics)
{
    struct pix_translate_options t = options(train(n));
    struct pix_array in = make_image(width, height);
    t.mode = mode;
    t.wrap = wrap;
    struct pix_array whole = run(&t, &in);
    t.tile = tile;
    t.overlap = overlap;
    t.tile_statistics = statistics;
    struct pix_array tiled = run(&t, &in);
    const double most = difference(&whole, &tiled);
    print_message("%s, %s, %ux%u, wrap %s, tile %u, overlap %u, %s: %.3g of 1/255\n",
                  n->name, mode, width, height, wrap ? wrap : "-", tile, overlap,
                  statistics ? statistics : "-", most * 127.5);
    free(in.data);
    pix_array_free(&whole);
    pix_array_free(&tiled);
    return most;
}

// An image as a whole and in tiles, by this mode.
static double compare(const struct net *n, const char *mode, uint32_t width,
                      uint32_t height, uint32_t tile, uint32_t overlap,
                      const char *statistics)
{
    return compare_wrapped(n, NULL, mode, width, height, tile, overlap, statistics);
}

static const struct net unet5 = { "unet5", "unet", "batch", 5 };
static const struct net instance5 = { "instance5", "unet", "instance", 5 };
static const struct net none5 = { "none5", "unet", "none", 5 };
static const struct net unet6 = { "unet6", "unet", "batch", 6 };
static const struct net unet7 = { "unet7", "unet", "batch", 7 };
static const struct net coder5 = { "coder5", "encoder_decoder", "none", 5 };
static const struct net resize5 = { "resize5", "unet", "none", 5, "resize" };
static const struct net resnet = { "resnet", "resnet_6blocks", "instance" };
static const struct net resnet_none = { "resnet_none", "resnet_6blocks", "none" };

// Each pixel of a tile's core has seen what it sees in the whole image; with a unit
// less around it, it has not, so that the deepest level counts.
static void test_without_statistics(void **state)
{
    (void)state;
    public_need_device();
    assert_true(compare(&unet5, "running", 300, 61, 64, 0, NULL) < 1e-5);
    assert_true(compare(&unet5, "running", 320, 64, 64, 64, NULL) > 1e-3);
    assert_true(compare(&none5, "stable", 64, 320, 64, 0, NULL) < 1e-5);
    assert_true(compare(&unet6, "running", 448, 64, 64, 0, NULL) < 1e-5);
    assert_true(compare(&unet6, "running", 448, 64, 64, 128, NULL) > 1e-3);
    assert_true(compare(&unet7, "running", 1024, 128, 128, 0, NULL) < 1e-5);
    assert_true(compare(&unet7, "running", 1024, 128, 128, 256, NULL) > 1e-3);
    // A row of tiles that lies behind the image: the network takes no fewer than 8
    // rows.
    assert_true(compare(&resnet_none, "stable", 30, 3, 4, 0, NULL) < 1e-5);
}

// The statistics of the whole image, rounded otherwise.
static void test_exact_statistics(void **state)
{
    (void)state;
    public_need_device();
    assert_true(compare(&unet5, "stable", 320, 128, 64, 0, "exact") < 1e-4);
    assert_true(compare(&instance5, "stable", 33, 290, 64, 0, NULL) < 1e-4);
    assert_true(compare(&unet7, "stable", 1024, 128, 128, 0, NULL) < 1e-4);
    assert_true(compare(&resnet, "stable", 157, 21, 32, 0, NULL) < 1e-4);
}

// A tile at the edge sees what lies at the other end, which the whole network has in
// every layer; also where it sees the image twice, and where it has no neighbour.
static void test_wrap(void **state)
{
    (void)state;
    public_need_device();
    assert_true(compare_wrapped(&unet5, "x", "running", 320, 61, 64, 0, NULL) < 1e-5);
    assert_true(compare_wrapped(&unet5, "y", "running", 61, 320, 64, 0, NULL) < 1e-5);
    assert_true(compare_wrapped(&unet5, "xy", "running", 64, 32, 64, 0, NULL) < 1e-5);
    assert_true(compare_wrapped(&unet5, "xy", "stable", 192, 128, 64, 0, NULL) < 1e-4);
    assert_true(compare_wrapped(&resnet, "xy", "stable", 156, 20, 32, 0, NULL) < 1e-4);
    // Blended across the edge.
    for (uint32_t width = 64; width <= 160; width += 96) {
        const double close =
            compare_wrapped(&unet5, "x", "running", width, 64, 64, 64, NULL);
        assert_true(close > 1e-3 && close < 0.05);
    }
}

// Those of some tiles are those of all where there are not more.
static void test_sampled_statistics(void **state)
{
    (void)state;
    public_need_device();
    assert_true(compare(&unet5, "stable", 256, 64, 64, 0, "sample") < 1e-4);
    const double few = compare(&unet5, "stable", 320, 64, 64, 0, "sample");
    assert_true(few > 1e-3 && few < 1);
}

// The largest step between neighbouring columns, on average over their pixels.
static double largest_step(const struct pix_array *a)
{
    const float *samples = a->data;
    double most = 0;
    for (uint32_t x = 0; x + 1 < a->width; x++) {
        double sum = 0;
        for (size_t row = 0; row < (size_t)a->channels * a->height; row++)
            sum += fabs((double)samples[row * a->width + x + 1] -
                        (double)samples[row * a->width + x]);
        most = fmax(most, sum / (double)(a->channels * a->height));
    }
    return most;
}

// Where tiles do not agree they are blended: no edge is steeper than those that the
// image has.
static void test_blending(void **state)
{
    (void)state;
    public_need_device();
    struct pix_translate_options t = options(train(&unet5));
    struct pix_array in = make_image(320, 64);
    t.mode = "running";
    struct pix_array whole = run(&t, &in);
    t.tile = 64;
    t.overlap = 32;
    public_messages[0] = '\0';
    struct pix_array tiled = run(&t, &in);
    assert_true(largest_step(&tiled) < 1.1 * largest_step(&whole));
    free(in.data);
    pix_array_free(&whole);
    pix_array_free(&tiled);
}

// Columns of the output that change with a column of the input, as the largest distance
// from it.
static uint32_t seen_from(pix_translator *translator, const struct pix_array *in,
                          const struct pix_array *before, uint32_t column)
{
    struct pix_array after;
    uint8_t *samples = in->data;
    uint32_t most = 0;
    for (size_t row = 0; row < (size_t)3 * in->height; row++)
        samples[row * in->width + column] ^= 255;
    assert_true(pix_translator_run_array(translator, in, &after));
    for (size_t row = 0; row < (size_t)3 * in->height; row++)
        samples[row * in->width + column] ^= 255;
    const float *x = before->data, *y = after.data;
    for (size_t row = 0; row < (size_t)3 * in->height; row++)
        for (uint32_t i = 0; i < in->width; i++)
            if (x[row * in->width + i] < y[row * in->width + i] ||
                x[row * in->width + i] > y[row * in->width + i])
                most = MAX(most, i > column ? i - column : column - i);
    pix_array_free(&after);
    return most;
}

static void check_radius(const struct net *n, uint32_t width, uint32_t first,
                         uint32_t count, const struct generator_options *o)
{
    struct pix_translate_options t = options(train(n));
    struct pix_array in = make_image(width, 32), out;
    uint32_t most = 0;
    pix_translator *translator = pix_translator_create(public_device, &t);
    assert_non_null(translator);
    assert_true(pix_translator_run_array(translator, &in, &out));
    for (uint32_t i = 0; i < count; i++)
        most = MAX(most, seen_from(translator, &in, &out, first + i));
    if (most != generator_radius(o))
        fail_msg("%s sees %u pixels, not %u", n->name, most, generator_radius(o));
    pix_translator_destroy(translator);
    pix_array_free(&out);
    free(in.data);
}

// How far the formula says a network sees is how far it does, over all places of a
// pixel on the grid of its strides.
static void test_radius(void **state)
{
    (void)state;
    public_need_device();
    check_radius(&none5, 288, 128, 32, &(struct generator_options){ .levels = 5 });
    check_radius(
        &coder5, 288, 128, 32,
        &(struct generator_options){ .levels = 5, .kind = GENERATOR_ENCODER_DECODER });
    check_radius(&resize5, 288, 128, 32,
                 &(struct generator_options){ .levels = 5, .resize = true });
    check_radius(&resnet_none, 160, 80, 4,
                 &(struct generator_options){ .blocks = 6, .kind = GENERATOR_RESNET });
}

// An input whose end cannot be read, which is found when the output is open.
static void check_damaged(pix_translator *translator, const char *path,
                          const char *output)
{
    struct pix_translate_item item = { .input = SCRATCH "/damaged.png",
                                       .output = output };
    void *data;
    size_t size;
    assert_true(file_read(path, &data, &size));
    ((uint8_t *)data)[size / 2] ^= 255;
    assert_true(file_write(item.input, data, size));
    mem_free(data);
    assert_false(pix_translator_run_many(translator, &item, 1, NULL, NULL));
    assert_int_equal(item.result, PIX_TRANSLATE_NOT_READ);
}

// What is read and written by rows is what is read and written whole.
static void check_files(const struct pix_translate_options *t, uint32_t width,
                        uint32_t height)
{
    static const char *const inputs[] = { "in.png", "in.tif", "in.npy", "in.bmp" };
    static const char *const outputs[] = { "out.tif", "out.png", "out.npy" };
    struct pix_array in = make_image(width, height);
    pix_translator *translator = pix_translator_create(public_device, t);
    struct pix_array expected, made;
    assert_non_null(translator);
    assert_true(pix_translator_run_array(translator, &in, &expected));
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
        char from[64], to[64];
        snprintf(from, sizeof(from), SCRATCH "/%s", inputs[i]);
        snprintf(to, sizeof(to), SCRATCH "/%s", outputs[i % ARRAY_LEN(outputs)]);
#ifndef PIX_HAVE_TIFF
        if (strstr(from, ".tif") || strstr(to, ".tif"))
            continue;
#endif
        assert_true(pix_array_write(from, &in));
        struct pix_translate_item item = { .input = from, .output = to };
        assert_true(pix_translator_run_many(translator, &item, 1, NULL, NULL));
        assert_true(pix_array_read(to, &made));
        assert_int_equal(made.width, width);
        assert_int_equal(made.height, height);
        assert_memory_equal(made.data, expected.data, (size_t)3 * width * height);
        pix_array_free(&made);
    }
    check_damaged(translator, SCRATCH "/in.png", SCRATCH "/out.tif");
    pix_translator_destroy(translator);
    pix_array_free(&expected);
    free(in.data);
}

static void test_files(void **state)
{
    (void)state;
    public_need_device();
    struct pix_translate_options t = options(train(&unet5));
    t.output_kind = NULL;
    t.tile = 64;
    t.overlap = 32;
    check_files(&t, 300, 161);
    // The last rows come first, also of a file that is read from its beginning.
    t.overlap = 0;
    t.wrap = "y";
    check_files(&t, 70, 192);
}

static void refuse(struct pix_translate_options t, const char *message)
{
    public_messages[0] = '\0';
    assert_null(pix_translator_create(public_device, &t));
    public_check_message(message);
}

// A side that the network does not take cannot be filled up where it continues.
static void check_side_refused(const struct pix_translate_options *t)
{
    struct pix_array in = make_image(61, 100), out;
    struct pix_plan plan;
    pix_translator *translator = pix_translator_create(public_device, t);
    assert_non_null(translator);
    public_messages[0] = '\0';
    assert_false(pix_translator_run_array(translator, &in, &out));
    public_check_message("a height of 100 pixels: the network needs a multiple of 32; "
                         "resize it to 128");
    assert_false(pix_translator_plan(translator, 61, 100, &plan));
    assert_true(pix_translator_plan(translator, 61, 128, &plan));
    pix_translator_destroy(translator);
    free(in.data);
}

static void test_refusals(void **state)
{
    (void)state;
    public_need_device();
    struct pix_translate_options t = options(train(&unet5));
    struct pix_translate_options changed = t;
    changed.overlap = 32;
    refuse(changed, "--overlap has no effect without --tile");
    changed = t;
    changed.tile_statistics = "exact";
    refuse(changed, "--tile-statistics has no effect without --tile");
    t.tile = 64;
    changed = t;
    changed.preprocess = "resize";
    refuse(changed, "leave out --preprocess");
    changed = t;
    changed.wrap = "y";
    changed.overlap = 64;
    refuse(changed, "leave out --overlap, or pass --wrap x");
    changed.overlap = 96;
    check_side_refused(&changed);
    changed = t;
    changed.output_size = "40x30";
    refuse(changed, "leave out --output-size");
    changed = t;
    changed.batch_size = 2;
    refuse(changed, "leave out --batch-size");
    changed = t;
    changed.mode = "paper";
    refuse(changed, "use --mode stable");
    changed = t;
    changed.tile_statistics = "some";
    refuse(changed, "--tile-statistics takes exact or sample");
    changed = t;
    changed.tile_statistics = "exact";
    changed.mode = "running";
    refuse(changed, "--tile-statistics has no effect");
    changed = t;
    changed.tile = 1u << 21;
    refuse(changed, "at most");
}

// Tiles have the image's own scale, which another model has not seen.
static void test_scale(void **state)
{
    struct pix_train_options o = tiny_options(ONE, SCRATCH "/width");
    (void)state;
    public_need_device();
    o.ngf = 1;
    o.gan_mode = "none";
    o.preprocess = "scale_width_and_crop";
    o.steps = 1;
    tiny_train(public_device, &o, UINT64_MAX);
    struct pix_translate_options t = options(o.out);
    t.preprocess = NULL;
    t.tile = 64;
    pix_translator_destroy(pix_translator_create(public_device, &t));
    public_check_message("was trained on images that were scaled to a width of 36");
}

// What the device cannot do is said with the sizes, before anything runs.
static void test_too_large(void **state)
{
    struct pix_plan small, large;
    (void)state;
    public_need_device();
    struct pix_translate_options t = options(train(&unet5));
    t.tile = 64;
    t.mode = "running";
    pix_translator *translator = pix_translator_create(public_device, &t);
    assert_non_null(translator);
    assert_true(pix_translator_plan(translator, 0, 0, &small));
    assert_true(pix_translator_plan(translator, 100000, 70000, &large));
    assert_int_equal(small.device_bytes, large.device_bytes);
    pix_translator_destroy(translator);
    if (pix_device_get_info(public_device)->max_binding_bytes > UINT64_C(128) << 20)
        skip();
    t.tile = 1u << 20;
    translator = pix_translator_create(public_device, &t);
    assert_non_null(translator);
    assert_false(pix_translator_plan(translator, 0, 0, &large));
    pix_translator_destroy(translator);
}

// The bytes that are bound at once, at 2048x2048 pixels and at 2560x2560: 32 channels
// of the largest images that are joined. The least that a device has is enough for 512.
static void test_unet_256(void **state)
{
    const struct generator_options g = {
        .levels = 8, .ngf = 16, .channels_in = 3, .channels_out = 3
    };
    struct pix_plan plan;
    (void)state;
    public_need_device();
    struct weights *weights = network_generator_weights(&g);
    network_write_pth(SCRATCH "/unet_256.pth",
                      &(struct network_dump){ weights, network_own_name });
    weights_destroy(weights);
    struct pix_translate_options t = options(SCRATCH "/unet_256.pth");
    t.mode = "running";
    t.tile = 512;
    pix_translator *translator = pix_translator_create(public_device, &t);
    assert_non_null(translator);
    assert_true(pix_translator_plan(translator, 0, 0, &plan));
    pix_translator_destroy(translator);
    t.tile = 1024;
    translator = pix_translator_create(public_device, &t);
    assert_non_null(translator);
    public_messages[0] = '\0';
    if (pix_device_get_info(public_device)->max_binding_bytes >= UINT64_C(200) << 20) {
        assert_true(pix_translator_plan(translator, 0, 0, &plan));
    } else {
        assert_false(pix_translator_plan(translator, 0, 0, &plan));
        public_check_message("cannot run this network over 2560x2560 pixels, which are "
                             "a tile of --tile 1024 with --overlap 768 around it: ");
        public_check_message("1x32x1280x1280, 200.0 MiB; the device binds at most ");
        public_check_message("at once: lower --tile or, ");
        // As many as the message names do fit, and one step more do not.
        const char *fitting = strstr(public_messages, "; --tile ");
        assert_non_null(fitting);
        const uint32_t most = (uint32_t)strtoul(fitting + 9, NULL, 10);
        assert_in_range(most, 256, 1023);
        for (uint32_t more = 0; more <= 256; more += 256) {
            pix_translator_destroy(translator);
            t.tile = most + more;
            translator = pix_translator_create(public_device, &t);
            assert_non_null(translator);
            assert_int_equal(pix_translator_plan(translator, 0, 0, &plan), more == 0);
        }
    }
    pix_translator_destroy(translator);
    // What helps is another thing without tiles.
    t.tile = 0;
    t.preprocess = "none";
    translator = pix_translator_create(public_device, &t);
    assert_non_null(translator);
    public_messages[0] = '\0';
    if (pix_device_get_info(public_device)->max_binding_bytes < UINT64_C(192) << 20) {
        assert_false(pix_translator_plan(translator, 8192, 8192, &plan));
        public_check_message("at once: use --tile");
    }
    pix_translator_destroy(translator);
}

static int open_group(void **state)
{
    (void)state;
    tiny_open(SCRATCH);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_statistics),
        cmocka_unit_test(test_exact_statistics),
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_sampled_statistics),
        cmocka_unit_test(test_blending),
        cmocka_unit_test(test_radius),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_unet_256),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
