// SPDX-License-Identifier: MIT
//
// The public header alone, from C and C++, and what the functions that need no device
// do with empty hands.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pix2pix.h"

const char *header_c(void);
const char *header_cpp(void);

static void test_version(void **state)
{
    unsigned major, minor, patch;
    char rest;
    (void)state;
    assert_int_equal(sscanf(pix_version(), "%u.%u.%u%c", &major, &minor, &patch, &rest),
                     3);
    assert_string_equal(header_c(), pix_version());
#ifdef HAVE_CPP
    assert_string_equal(header_cpp(), pix_version());
#endif
}

static void test_destroy_nothing(void **state)
{
    (void)state;
    pix_device_destroy(NULL);
    pix_trainer_destroy(NULL);
    pix_translator_destroy(NULL);
    pix_device_list_free(NULL);
    pix_image_free(NULL);
    pix_image_list_free(NULL, 0);
    pix_train_options_finish(NULL);
}

static void test_null_is_refused(void **state)
{
    struct pix_image image;
    struct pix_train_options options;
    uint32_t count;
    (void)state;
    pix_train_options_init(&options);
    assert_false(pix_image_read(NULL, &image));
    assert_null(image.pixels);
    assert_non_null(strstr(pix_last_error(), "path"));
    assert_false(pix_image_read("x.png", NULL));
    assert_false(pix_image_write("x.png", &image));
    assert_false(pix_image_list(".", NULL, &count));
    assert_false(pix_device_list(NULL, NULL, &count));
    assert_null(pix_trainer_create(NULL, &options));
    assert_non_null(strstr(pix_last_error(), "device"));
    assert_null(pix_translator_create(NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_destroy_nothing),
        cmocka_unit_test(test_null_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
