// SPDX-License-Identifier: MIT
//
// The alpha of images: laid over backgrounds, against NumPy (tests/golden/alpha.py),
// and what training and translation make of it.

#define _XOPEN_SOURCE 700

#include "data/alpha.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/picture_file.h"
#include "settings/choice.h"
#include "support/golden.h"
#include "support/size.h"
#include "support/tree.h"

#define SCRATCH "test_alpha.scratch"
#include "support/tiny.h"

static void set_sample(struct picture *p, size_t i, uint32_t v)
{
    if (p->kind == PIXEL_U16)
        ((uint16_t *)p->samples)[i] = (uint16_t)v;
    else
        ((uint8_t *)p->samples)[i] = (uint8_t)v;
}

// As alpha.py makes it: one row is opaque, one is hidden.
static struct picture make_golden(enum pixel_kind kind, uint32_t channels,
                                  uint32_t width, uint32_t height)
{
    const uint32_t most = kind == PIXEL_U16 ? 65535 : 255;
    const size_t count = (size_t)width * height;
    struct picture p;
    assert_true(picture_create(&p, kind, channels, width, height));
    for (size_t i = 0; i < channels * count; i++)
        set_sample(&p, i, (uint32_t)(golden_splitmix(channels, i) % (most + 1)));
    for (size_t i = 0; i < width; i++) {
        set_sample(&p, (channels - 1) * count + i, most);
        set_sample(&p, (channels - 1) * count + width + i, 0);
    }
    return p;
}

static void test_backgrounds(void **state)
{
    json_t *golden = golden_read("alpha.json"), *c;
    const uint32_t width = golden_count(golden, "width"),
                   height = golden_count(golden, "height");
    size_t k;
    (void)state;
    json_array_foreach(json_object_get(golden, "cases"), k, c)
    {
        enum pixel_kind kind;
        assert_true(pixel_kind_find(golden_text(c, "kind"), &kind));
        struct picture p =
            make_golden(kind, golden_count(c, "channels"), width, height);
        assert_true(alpha_apply(
            &p, (enum alpha_rule)choice_value(choice_alphas, golden_text(c, "alpha"))));
        assert_int_equal(p.channels, golden_count(c, "channels") - 1);
        assert_true(p.is_transparent);
        for (size_t i = 0; i < (size_t)p.channels * width * height; i++)
            if (picture_sample(&p, i) != golden_element(c, "samples", i))
                fail_msg("%s over %s: sample %zu is %g", golden_text(c, "kind"),
                         golden_text(c, "alpha"), i, picture_sample(&p, i));
        picture_free(&p);
    }
    assert_int_equal(k, 9);
    json_decref(golden);
}

// What has no alpha, or an opaque one, says nothing of it.
static void test_opaque(void **state)
{
    (void)state;
    for (uint32_t channels = 1; channels <= 5; channels++)
        for (int rule = ALPHA_DROP; rule <= ALPHA_CHECKER; rule++) {
            struct picture p, alpha;
            const bool has = channels == 2 || channels == 4;
            assert_true(picture_create(&p, PIXEL_U8, channels, 3, 2));
            memset(p.samples, 255, picture_bytes(&p));
            assert_true(alpha_take(&p, &alpha));
            assert_int_equal(alpha.samples != NULL, has);
            assert_true(alpha_apply(&p, (enum alpha_rule)rule));
            assert_false(p.is_transparent);
            assert_int_equal(p.channels, channels - (has && rule >= ALPHA_WHITE));
            picture_free(&alpha);
            picture_free(&p);
        }
}

// ---------------------------------------------------------------------------
// Files

#define CUT SCRATCH "/cut"      // inputs with holes
#define LAID SCRATCH "/laid"    // the same over white

// A soft picture with a hole on the left, whose hidden colours are red.
static struct picture make_cut(uint32_t number, uint32_t side)
{
    struct picture p;
    const size_t count = (size_t)side * side;
    assert_true(picture_create(&p, PIXEL_U8, 4, side, side));
    for (size_t i = 0; i < count; i++) {
        const size_t x = i % side, y = i / side;
        const bool is_hole = x < side / 3;
        for (size_t c = 0; c < 3; c++)
            set_sample(&p, c * count + i,
                       is_hole ? (c == 0) * 255
                               : (uint32_t)(x * (4 + c) + y * (3 + number)) % 256);
        set_sample(&p, 3 * count + i, is_hole ? 0 : 255);
    }
    return p;
}

static void write_data(void)
{
    for (uint32_t i = 0; i < 3; i++) {
        char name[16];
        struct picture laid = make_cut(i, CROP), opaque = make_cut(i + 7, CROP);
        struct reason reason;
        assert_true(alpha_apply(&laid, ALPHA_WHITE));
        assert_true(picture_set_channels(&opaque, 3, &reason));
        snprintf(name, sizeof(name), "%u.png", (unsigned)i);
        tiny_write_picture(CUT "/train/A", name, make_cut(i, CROP));
        tiny_write_picture(LAID "/train/A", name, laid);
        for (int k = 0; k < 2; k++) {
            struct picture target;
            assert_true(picture_copy(&opaque, &target));
            tiny_write_picture(k ? CUT "/train/B" : LAID "/train/B", name, target);
        }
        picture_free(&opaque);
    }
}

static struct pix_train_options cut_options(const char *data, const char *out)
{
    struct pix_train_options o = tiny_options(data, out);
    o.steps = 2;
    return o;
}

static void test_train(void **state)
{
    (void)state;
    public_need_device();
    write_data();
    struct pix_train_options o = cut_options(LAID, SCRATCH "/expected");
    tiny_train(public_device, &o, UINT64_MAX);
    assert_string_equal(public_messages, "");
    o = cut_options(CUT, SCRATCH "/white");
    o.read.alpha = "white";
    tiny_train(public_device, &o, UINT64_MAX);
    assert_string_equal(public_messages, "");
    tiny_check_same_checkpoint(SCRATCH "/expected", SCRATCH "/white", 2);

    // What is hidden is seen, with a word.
    o = cut_options(CUT, SCRATCH "/dropped");
    tiny_train(public_device, &o, UINT64_MAX);
    public_check_message("dataset: 3 of 3 pairs have an alpha that is not opaque "
                         "everywhere, which is dropped (first: " CUT "/train/A/0.png)");

    // As a channel nothing is lost.
    o = cut_options(CUT, SCRATCH "/kept");
    o.read.alpha = "keep";
    tiny_check_refused(&o,
                       "--alpha keep needs a channel for the alpha, and --input-nc 3 "
                       "has none");
    o.input_nc = 4;
    public_messages[0] = '\0';
    tiny_train(public_device, &o, UINT64_MAX);
    assert_string_equal(public_messages, "");
}

static pix_translator *open_model(const char *run, const char *alpha)
{
    struct pix_translate_options o;
    pix_translate_options_init(&o);
    o.model = run;
    o.tuning = "off";
    o.read.alpha = alpha;
    return pix_translator_create(public_device, &o);
}

static struct picture translate(const char *run, const char *alpha, const char *input)
{
    pix_translator *t = open_model(run, alpha);
    public_messages[0] = '\0';
    return tiny_translate(t, input, SCRATCH "/translated.png");
}

static bool same_samples(const struct picture *a, const struct picture *b)
{
    return memcmp(a->samples, b->samples, MIN(picture_bytes(a), picture_bytes(b))) == 0;
}

static void test_translate(void **state)
{
    static const char input[] = CUT "/train/A/0.png";
    (void)state;
    public_need_device();
    struct picture in = make_cut(0, CROP), laid_file;
    // As trained: over white.
    struct picture white = translate(SCRATCH "/white", NULL, input);
    assert_int_equal(white.channels, 3);
    assert_string_equal(public_messages, "");
    laid_file = translate(SCRATCH "/white", NULL, LAID "/train/A/0.png");
    assert_true(same_samples(&white, &laid_file));
    // Or as the caller says.
    struct picture dropped = translate(SCRATCH "/white", "drop", input);
    public_check_message("translate: 1 of 1 input has an alpha that is not opaque "
                         "everywhere, which is dropped (first: " CUT "/train/A/0.png)");
    assert_false(same_samples(&white, &dropped));
    struct picture black = translate(SCRATCH "/white", "black", input);
    assert_false(same_samples(&white, &black) || same_samples(&dropped, &black));
    // Carried over: the colours are those of drop.
    struct picture kept = translate(SCRATCH "/white", "keep", input);
    assert_string_equal(public_messages, "");
    assert_int_equal(kept.channels, 4);
    assert_true(same_samples(&dropped, &kept));
    assert_memory_equal((char *)kept.samples + 3 * CROP * CROP,
                        (char *)in.samples + 3 * CROP * CROP, CROP * CROP);
    // Without an alpha there is nothing to carry.
    struct picture none = translate(SCRATCH "/white", "keep", LAID "/train/A/0.png");
    assert_int_equal(none.channels, 3);
    // A model that was trained with it as a channel carries nothing over by itself.
    struct picture of_kept = translate(SCRATCH "/kept", NULL, input);
    assert_int_equal(of_kept.channels, 3);
    assert_string_equal(public_messages, "");
    struct picture *const all[] = { &in,    &white, &laid_file, &dropped,
                                    &black, &kept,  &none,      &of_kept };
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        picture_free(all[i]);
}

#ifdef PIX_HAVE_TIFF
#define TIF ", .tif"
#else
#define TIF ""
#endif
#ifdef PIX_HAVE_WEBP
#define WEBP ", .webp"
#else
#define WEBP ""
#endif

// Another size, a format without alpha, and arrays.
static void test_carried(void **state)
{
    enum { SIDE = 45 };
    (void)state;
    public_need_device();
    tiny_write_picture(SCRATCH, "large.png", make_cut(1, SIDE));
    struct picture in = make_cut(1, SIDE);
    struct picture out = translate(SCRATCH "/white", "keep", SCRATCH "/large.png");
    assert_true(out.channels == 4 && out.width == SIDE && out.height == SIDE);
    assert_memory_equal((char *)out.samples + 3 * SIDE * SIDE,
                        (char *)in.samples + 3 * SIDE * SIDE, SIDE * SIDE);

    struct pix_translate_item item = { .input = SCRATCH "/large.png",
                                       .output = SCRATCH "/out.jpg" };
    pix_translator *t = open_model(SCRATCH "/white", "keep");
    assert_non_null(t);
    assert_false(pix_translator_run_many(t, &item, 1, NULL, NULL));
    public_check_message("translate: " SCRATCH
                         "/out.jpg cannot hold the alpha of " SCRATCH
                         "/large.png: name a file that can (.png" WEBP TIF
                         " or .npy), or another --alpha than keep");
    assert_false(file_exists(SCRATCH "/out.jpg"));
    item.input = LAID "/train/A/0.png";    // nothing is lost
    assert_true(pix_translator_run_many(t, &item, 1, NULL, NULL));

    struct pix_array array = picture_to_array(&in), made;
    assert_true(pix_translator_run_array(t, &array, &made));
    assert_int_equal(made.channels, 4);
    assert_memory_equal(made.data, out.samples, 4 * SIDE * SIDE);
    pix_array_free(&made);
    pix_translator_destroy(t);
    t = open_model(SCRATCH "/white", NULL);
    assert_true(pix_translator_run_array(t, &array, &made));
    assert_int_equal(made.channels, 3);
    pix_array_free(&made);
    pix_array_free(&array);
    pix_translator_destroy(t);
    picture_free(&out);
    assert_null(open_model(SCRATCH "/white", "grey"));
    public_check_message("translate: --alpha does not take \"grey\"");
}

static void keep_laid(void *user, enum pix_log_level level, const char *text)
{
    (void)level;
    if (strstr(text, "laid over"))
        snprintf(user, 256, "%s", text);
}

static void test_arrays(void **state)
{
    char said[256] = "";
    struct pix_read_options o = { .alpha = "black" };
    struct pix_array a;
    (void)state;
    tiny_write_picture(SCRATCH, "array.png", make_cut(0, 16));
    assert_true(pix_array_read_with(SCRATCH "/array.png", &o, &a));
    assert_true(a.channels == 3 && ((uint8_t *)a.data)[0] == 0);
    pix_array_free(&a);
    o.alpha = NULL;
    assert_true(pix_array_read_with(SCRATCH "/array.png", &o, &a));
    assert_true(a.channels == 4 && ((uint8_t *)a.data)[0] == 255);
    pix_array_free(&a);
    o.alpha = "red";
    assert_false(pix_array_read_with(SCRATCH "/array.png", &o, &a));
    assert_non_null(strstr(pix_last_error(), "image: --alpha does not take \"red\""));
    const struct pix_compare_options c = { .a = SCRATCH "/array.png",
                                           .b = SCRATCH "/array.png",
                                           .read.alpha = "red" };
    struct pix_evaluation e;
    assert_false(pix_compare(&c, &e));
    // The second file has the alpha.
    struct picture laid = make_cut(0, 16);
    assert_true(alpha_apply(&laid, ALPHA_WHITE));
    tiny_write_picture(SCRATCH, "white.png", laid);
    const struct pix_compare_options with = {
        .a = SCRATCH "/white.png",
        .b = SCRATCH "/array.png",
        .read.alpha = "white",
        .log = { keep_laid, said, PIX_LOG_INFO },
    };
    assert_true(pix_compare(&with, &e));
    assert_int_equal(e.broken, 0);
    pix_evaluation_free(&e);
    assert_non_null(strstr(said, "(first: " SCRATCH "/array.png)"));
}

static int begin(void **state)
{
    (void)state;
    tiny_open(SCRATCH);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backgrounds), cmocka_unit_test(test_opaque),
        cmocka_unit_test(test_train),       cmocka_unit_test(test_translate),
        cmocka_unit_test(test_carried),     cmocka_unit_test(test_arrays),
    };
    return cmocka_run_group_tests(tests, begin, public_close);
}
