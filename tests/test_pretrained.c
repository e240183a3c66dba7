// SPDX-License-Identifier: MIT
//
// A generator that others have trained gives the picture that it gave them: edges2cats,
// of affinelayer's implementation. It is not ours to give away, so the test is skipped
// where the folder of data beside the project is absent.

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "support/gpu.h"
#include "translate/translator.h"

#define DATA TEST_DATA "/edges2cats"

static void test_edges2cats(void **state)
{
    (void)state;
    if (!file_exists(DATA "/generator.pth")) {
        printf("skipped: there is no pretrained generator here (edges2cats)\n");
        skip();
    }
    struct pix_translate_options options;
    struct pix_image in, expected, out;
    pix_translate_options_init(&options);
    options.model = DATA "/generator.pth";
    options.tuning = "off";
    struct translator *t = translator_create(test_gpu(), 0.2, &options);
    assert_non_null(t);
    assert_int_equal(translator_size(t), 256);
    assert_true(pix_image_read(DATA "/input.png", &in));
    assert_true(pix_image_read(DATA "/expected_eps1e-5.png", &expected));
    assert_true(translator_run(t, &in, &out));
    assert_int_equal(out.width, expected.width);
    assert_int_equal(out.height, expected.height);

    const size_t count = (size_t)out.width * out.height * 3;
    int largest = 0;
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        const int off = abs(out.pixels[i] - expected.pixels[i]);
        largest = off > largest ? off : largest;
        sum += off;
    }
    printf("edges2cats: largest difference %d/255, mean %.4f/255\n", largest,
           sum / (double)count);
    assert_true(largest <= 2);
    assert_true(sum / (double)count <= 0.2);
    pix_image_free(&in);
    pix_image_free(&expected);
    pix_image_free(&out);
    translator_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges2cats),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
