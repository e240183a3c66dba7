// SPDX-License-Identifier: MIT
//
// A generator trained by others gives the image that it gave them: edges2cats, of
// affinelayer's implementation. Its weights may not be distributed with this project:
// PIX_TEST_DATA names a folder with edges2cats/, without which the test is skipped.

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "support/gpu.h"
#include "support/size.h"
#include "translate/items.h"
#include "translate/translator.h"

// A file of edges2cats, to be freed with mem_free; NULL if there is none.
static char *data_file(const char *name)
{
    const char *folder = getenv("PIX_TEST_DATA");
    char *path =
        folder && *folder ? mem_printf("%s/edges2cats/%s", folder, name) : NULL;
    if (path && file_exists(path))
        return path;
    mem_free(path);
    return NULL;
}

static void read_image(const char *name, struct pix_image *image)
{
    char *path = data_file(name);
    assert_true(path && pix_image_read(path, image));
    mem_free(path);
}

static void test_edges2cats(void **state)
{
    (void)state;
    char *model = data_file("generator.pth");
    if (!model) {
        printf(
            "skipped: PIX_TEST_DATA names no folder with edges2cats/generator.pth\n");
        skip();
    }
    struct pix_translate_options options;
    struct pix_image in, expected, out;
    pix_translate_options_init(&options);
    options.model = model;
    options.tuning = "off";
    struct translator *t = translator_create(test_gpu(), 0.2, &options);
    assert_non_null(t);
    assert_size(translator_size(t), 256, 256);
    read_image("input.png", &in);
    read_image("expected_eps1e-5.png", &expected);
    assert_true(items_translate_image(t, &in, &out));
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
    mem_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges2cats),
    };
    return cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close);
}
