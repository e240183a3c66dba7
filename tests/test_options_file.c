// SPDX-License-Identifier: MIT
//
// Training options in files: the JSON form, configuration files, and that of a run.

#include "support/given.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "settings/options_file.h"
#include "support/log.h"
#include "support/size.h"
#include "support/tree.h"

static char *to_json(const struct pix_train_options *o)
{
    char *text = json_text(options_to_json(o));
    assert_non_null(text);
    return text;
}

static bool from_json(const char *text, struct pix_train_options *o)
{
    json_t *document = json_parse(text, strlen(text), "test");
    const bool ok = document && options_read_json(document, o);
    json_decref(document);
    return ok;
}

static void test_json(void **state)
{
    (void)state;
    char data[] = "a \"quoted\"\\path/\xc3\xa4";
    struct pix_train_options o, back;
    given_fill(&o, data);
    char *text = to_json(&o);
    assert_non_null(strstr(text, "\"crop-size\""));
    assert_null(strstr(text, "\"out\""));
    assert_null(strstr(text, "continue"));
    pix_train_options_init(&back);
    assert_true(from_json(text, &back));
    given_check_same(&o, &back, false);
    assert_null(back.out);
    assert_false(back.continue_run);
    pix_train_options_finish(&back);
    mem_free(text);

    // No data: the member is left out.
    pix_train_options_init(&o);
    text = to_json(&o);
    assert_null(strstr(text, "\"data\""));
    mem_free(text);
}

// Paths that are no UTF-8 keep their bytes, beside a text for people.
static void test_json_bytes(void **state)
{
    char data[] = "a?b/\xff\xfe\x01\xc3\xa4", text[256];
    struct pix_train_options o, back;
    (void)state;
    given_fill(&o, data);
    char *json = to_json(&o);
    assert_non_null(strstr(json, "\"data\": \"a?b/??\\u0001??\", "
                                 "\"data-bytes\": \"613f622ffffe01c3a4\""));
    pix_train_options_init(&back);
    assert_true(from_json(json, &back));
    given_check_same(&o, &back, false);
    assert_string_equal(back.data, data);
    pix_train_options_finish(&back);
    mem_free(json);

    // An edited text counts, and the bytes alone are enough.
    static const struct {
        const char *json, *data, *warning;
    } cases[] = {
        { "{\"data-bytes\": \"ff61\", \"data\": \"?a\"}", "\xff\x61", NULL },
        { "{\"data\": \"?b\", \"data-bytes\": \"ff61\"}", "?b", "\"?b\" is used" },
        { "{\"data-bytes\": \"ff61\"}", "\xff\x61", NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        given_setup(state);
        pix_train_options_init(&back);
        assert_true(from_json(cases[i].json, &back));
        assert_string_equal(back.data, cases[i].data);
        assert_true(cases[i].warning ? strstr(given_warnings, cases[i].warning) != NULL
                                     : !given_warnings[0]);
        pix_train_options_finish(&back);
    }
    static const char *const bad[] = { "\"\"",     "\"f\"", "\"FF\"",
                                       "\"6100\"", "7",     "null" };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        snprintf(text, sizeof(text), "{\"data\": \"x\", \"data-bytes\": %s}", bad[i]);
        pix_train_options_init(&back);
        assert_false(from_json(text, &back));
        given_check_says("hexadecimal");
        pix_train_options_finish(&back);
    }
    // Not of what is no path.
    pix_train_options_init(&back);
    assert_true(from_json("{\"ngf-bytes\": \"61\"}", &back));
    assert_non_null(strstr(given_warnings, "ngf-bytes"));
    pix_train_options_finish(&back);
}

static void test_json_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"ngf\": \"64\"}",        "{\"ngf\": -1}",
        "{\"ngf\": 1.5}",           "{\"ngf\": 0}",
        "{\"ngf\": 4294967360}",    "{\"ngf\": null}",
        "{\"no-flip\": 1}",         "{\"net-g\": 256}",
        "{\"net-g\": \"x\"}",       "{\"lr\": \"fast\"}",
        "{\"lr\": 1e400}",          "{\"data\": {}}",
        "{\"seed\": -1}",           "{\"seed\": 9223372036854775808}",
        "{\"ngf\": 8, \"ngf\": 8}",
    };
    struct pix_train_options o;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        pix_train_options_init(&o);
        test_forget_error();
        if (from_json(bad[i], &o))
            fail_msg("%s was taken", bad[i]);
        assert_true(*log_last_error() != 0);
        pix_train_options_finish(&o);
    }
    pix_train_options_init(&o);
    assert_false(from_json("[1]", &o));
    assert_true(from_json("{\"ngf\": 8, \"flux\": 1, \"ndf\": 9}", &o));
    assert_int_equal(o.ngf, 8);
    assert_int_equal(o.ndf, 9);
    assert_non_null(strstr(given_warnings, "\"flux\""));
    pix_train_options_finish(&o);
}

static char *scratch(const char *name)
{
    const char *folder = getenv("TEST_SCRATCH");
    char *path = file_join(folder ? folder : ".", name);
    assert_non_null(path);
    return path;
}

static bool read_text(const char *text, size_t size, struct pix_train_options *o)
{
    char *path = scratch("test_options.config");
    assert_true(file_write(path, text, size));
    pix_train_options_init(o);
    const bool ok = pix_train_options_read_file(path, o);
    test_remove_tree(path);
    mem_free(path);
    return ok;
}

static void test_config_lines(void **state)
{
    (void)state;
    static const char text[] = "\xef\xbb\xbf# a comment\n"
                               "\n"
                               "  crop_size=64   # another\r\n"
                               "data = some folder/a#b\n"
                               "lr = 1e-3\n"
                               "no-flip = true\n"
                               "out = \" # odd \"\n"
                               "ngf = 4";
    struct pix_train_options o;
    assert_true(read_text(text, sizeof(text) - 1, &o));
    assert_size(o.crop_size, 64, 64);
    assert_string_equal(o.data, "some folder/a#b");
    assert_string_equal(o.out, " # odd ");
    assert_true(o.lr == 1e-3 && o.no_flip);
    assert_int_equal(o.ngf, 4);
    assert_int_equal(o.ndf, 64);
    pix_train_options_finish(&o);
}

// What a recipe sets is changed by other lines, wherever they stand.
static void test_config_recipe(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "recipe = lua\nn_epochs = 7\nconcat = skip_first\n",
        "n_epochs = 7\nconcat = skip_first\nrecipe = lua\n",
        "{\"n_epochs\": 7, \"concat\": \"skip_first\", \"recipe\": \"lua\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct pix_train_options o;
        assert_true(read_text(texts[i], strlen(texts[i]), &o));
        assert_string_equal(o.recipe, "lua");
        assert_string_equal(o.update_order, "reuse");
        assert_string_equal(o.concat, "skip_first");
        assert_int_equal(o.n_epochs, 7);
        pix_train_options_finish(&o);
    }
}

static void test_config_json(void **state)
{
    (void)state;
    static const char text[] =
        "\n {\"crop_size\": 64, \"data\": \"d\", \"out\": \"r\"}\n";
    struct pix_train_options o;
    assert_true(read_text(text, sizeof(text) - 1, &o));
    assert_size(o.crop_size, 64, 64);
    assert_string_equal(o.data, "d");
    assert_string_equal(o.out, "r");
    pix_train_options_finish(&o);
}

// A square is a number, as it was when there were no others; a rectangle is a text.
static void test_sizes(void **state)
{
    static const char *const bad[] = {
        "[64, 32]", "\"64x\"", "\"64x16\"", "64.5", "-64", "4294967328", "true",
    };
    struct pix_train_options o;
    (void)state;
    pix_train_options_init(&o);
    o.load_size = (struct pix_size){ 300, 200 };
    json_t *object = options_to_json(&o);
    assert_int_equal(json_integer_value(json_object_get(object, "crop-size")), 256);
    assert_string_equal(json_string_value(json_object_get(object, "load-size")),
                        "300x200");
    o.load_size = o.crop_size = SQUARE(64);
    assert_true(options_read_json(object, &o));
    assert_size(o.crop_size, 256, 256);
    assert_size(o.load_size, 300, 200);
    json_decref(object);
    pix_train_options_finish(&o);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char text[64];
        snprintf(text, sizeof(text), "{\"crop-size\": %s}", bad[i]);
        assert_false(read_text(text, strlen(text), &o));
        given_check_says("\"crop-size\" must be N or WIDTHxHEIGHT with sides from 32");
        pix_train_options_finish(&o);
    }
}

static void test_config_bad(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "ngf 4", ":1:" },          { "ngf = 4\n\nngf = many", ":3: ngf" },
        { "flux = 4", "flux" },      { "ngf =", "ngf" },
        { "{\"flux\": 4}", "flux" }, { "{\"ngf\": 4", "test_options.config" },
    };
    struct pix_train_options o;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_false(read_text(cases[i].text, strlen(cases[i].text), &o));
        given_check_says(cases[i].message);
        pix_train_options_finish(&o);
    }
    assert_false(read_text("ngf = 4\0ndf = 4", 15, &o));
    given_check_says("not a text file");
    pix_train_options_finish(&o);
    pix_train_options_init(&o);
    assert_false(pix_train_options_read_file("no/such/file", &o));
    given_check_says("no/such/file");
    pix_train_options_finish(&o);
}

static void test_run(void **state)
{
    (void)state;
    char *run = scratch("test_options_run");
    char *path = file_join(run, "config.json");
    struct pix_train_options o, back;
    assert_true(file_make_folder(run));
    assert_true(test_remove_tree(path));
    assert_false(pix_train_options_read(run, &back));
    given_check_says("no config.json");

    char data[] = "pairs";
    given_fill(&o, data);
    char *text = to_json(&o);
    assert_true(file_write(path, text, strlen(text)));
    assert_true(pix_train_options_read(run, &back));
    given_check_same(&o, &back, false);
    assert_string_equal(back.out, run);
    assert_false(back.continue_run);
    pix_train_options_finish(&back);

    assert_true(file_write(path, text, strlen(text) / 2));
    assert_false(pix_train_options_read(run, &back));
    given_check_says("config.json");
    assert_true(test_remove_tree(path));
    mem_free(text);
    mem_free(path);
    mem_free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_json, given_setup),
        cmocka_unit_test_setup(test_json_bytes, given_setup),
        cmocka_unit_test_setup(test_json_bad, given_setup),
        cmocka_unit_test_setup(test_config_lines, given_setup),
        cmocka_unit_test_setup(test_config_recipe, given_setup),
        cmocka_unit_test_setup(test_config_json, given_setup),
        cmocka_unit_test_setup(test_sizes, given_setup),
        cmocka_unit_test_setup(test_config_bad, given_setup),
        cmocka_unit_test_setup(test_run, given_setup),
    };
    return cmocka_run_group_tests(tests, given_open, NULL);
}
