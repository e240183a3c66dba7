// SPDX-License-Identifier: MIT
//
// Lists of pairs, and images that are divided by a ratio: which pairs a split has, that
// none moves, and what is said of lists that are malformed.

#include "data/data_source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/csv.h"
#include "support/log.h"
#include "support/tree.h"

#define DATA "test_data_source.scratch"
#define LIST DATA "/pairs.csv"

static int setup(void **state)
{
    (void)state;
    test_keep_messages(LOG_INFO);
    test_remove_tree(DATA);
    return file_make_folder(DATA) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    test_remove_tree(DATA);
    log_use(NULL);
    return 0;
}

static void write_text(const char *path, const char *text)
{
    assert_true(file_write(path, text, strlen(text)));
}

// Nothing reads the files that lists name.
static void touch(const char *name)
{
    char *path = file_join(DATA, name);
    char *folder = mem_printf("%.*s", (int)(file_name(path) - path), path);
    assert_true(file_make_folder(folder));
    write_text(path, "x");
    mem_free(folder);
    mem_free(path);
}

// ---------------------------------------------------------------------------
// CSV

// The fields of a text as "a|b/c|d/", records ending in '/'.
static bool parse(const char *text, char *found, size_t room, struct reason *reason)
{
    struct csv csv;
    struct csv_record r;
    char *copy = mem_strdup(text);
    found[0] = '\0';
    bool ok = csv_begin(&csv, copy, strlen(text), reason);
    while (ok && (ok = csv_next(&csv, &r, reason)) && r.count > 0)
        for (size_t i = 0; i < r.count; i++) {
            const size_t used = strlen(found);
            snprintf(found + used, room - used, "%s%s", r.fields[i],
                     i + 1 < r.count ? "|" : "/");
        }
    mem_free(copy);
    return ok;
}

static void test_csv(void **state)
{
    static const struct {
        const char *text, *fields;
    } cases[] = {
        { "", "" },
        { "\n\r\n\n", "" },
        { "a,b\nc,d\n", "a|b/c|d/" },
        { "a,b\r\nc,d", "a|b/c|d/" },
        { "a,b\rc,d\r", "a|b/c|d/" },
        { "\xef\xbb\xbf"
          "a,b",
          "a|b/" },
        { "\n\na\n\n", "a/" },
        { ",\n,,x\n", "|/||x/" },
        { "a,", "a|/" },
        { "\"a\",\"b, c\"\n", "a|b, c/" },
        { "\"a \"\"quoted\"\" one\",\"\"\n", "a \"quoted\" one|/" },
        { "\"two\nlines\",x\r\ny,z", "two\nlines|x/y|z/" },
        { " a , b \n", " a | b /" },
        { "\"\"\"\"", "\"/" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char found[256];
        struct reason reason;
        if (!parse(cases[i].text, found, sizeof(found), &reason))
            fail_msg("case %zu: %s", i, reason.text);
        assert_string_equal(found, cases[i].fields);
    }
}

static void test_csv_malformed(void **state)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        { "a\n\"b", "has a quotation mark in line 2 that is never closed" },
        { "a\n\"b\"c\n", "has text behind a closing quotation mark in line 2" },
        { "\"a\nb\"\nc\"d", "has a quotation mark inside a field in line 3" },
        { "\xff\xfe"
          "a",
          "is UTF-16 text" },
    };
    struct reason reason;
    struct csv csv;
    struct csv_record r;
    char found[256], nul[] = "a\0b", wide[3 * CSV_MOST_FIELDS + 1] = "";
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_false(parse(cases[i].text, found, sizeof(found), &reason));
        if (!strstr(reason.text, cases[i].reason))
            fail_msg("case %zu: %s", i, reason.text);
    }
    assert_false(csv_begin(&csv, nul, 3, &reason));
    assert_non_null(strstr(reason.text, "holds a byte 0"));
    // As many fields as there is room for, and one more.
    for (int i = 0; i < CSV_MOST_FIELDS; i++)
        strcat(wide, i ? ",x" : "x");
    assert_true(csv_begin(&csv, wide, strlen(wide), &reason));
    assert_true(csv_next(&csv, &r, &reason) && r.count == CSV_MOST_FIELDS);
    memset(wide, ',', CSV_MOST_FIELDS);
    wide[CSV_MOST_FIELDS] = '\0';
    assert_true(csv_begin(&csv, wide, strlen(wide), &reason));
    assert_false(csv_next(&csv, &r, &reason));
}

// ---------------------------------------------------------------------------
// Ratios

// The numbers are those of Python's xxhash: xxh3_64(stem).intdigest() / 2**64.
static void test_ratio(void **state)
{
    static const struct {
        const char *name;
        enum split split;
    } cases[] = {
        { "1.png", SPLIT_TRAIN },           // 0.3977
        { "2.png", SPLIT_TEST },            // 0.9828
        { "3", SPLIT_TRAIN },               // 0.4498
        { "photo-1.jpeg", SPLIT_TEST },     // 0.8630
        { "photo-1.PNG", SPLIT_TEST },      // the same
        { "img_0001.png", SPLIT_VAL },      // 0.5305
        { "\xc3\xa9.png", SPLIT_TEST },     // 0.9671
        { "e\xcc\x81.png", SPLIT_TEST },    // the same in normal form D
        { "a/1.png", SPLIT_TRAIN },         // 0.4579
    };
    struct split_ratio r;
    enum split split;
    (void)state;
    assert_true(split_ratio_parse("2:1:1", &r));
    assert_true(r.shares[0] == 0.5 && r.shares[1] == 0.25 && r.shares[2] == 0.25);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(split_ratio_find(&r, cases[i].name, &split));
        if (split != cases[i].split)
            fail_msg("%s is %s", cases[i].name, split_name(split));
    }
    // Shares of 0 have none, though sums are rounded.
    assert_true(split_ratio_parse("0.7:0:0.3", &r));
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d.png", i);
        assert_true(split_ratio_find(&r, name, &split) && split != SPLIT_VAL);
    }
    assert_true(split_ratio_parse("0.1:0.2:0", &r));
    for (int i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d.png", i);
        assert_true(split_ratio_find(&r, name, &split) && split != SPLIT_TEST);
    }
}

// The names of a split, "a b ".
static const char *names_of(const struct data_source *s, const char *split)
{
    static char names[8192];
    struct pair_list list;
    names[0] = '\0';
    if (!data_source_list(s, split, &list))
        fail_msg("no list: %s", test_messages.text);
    for (size_t i = 0; i < list.count; i++) {
        const size_t used = strlen(names);
        snprintf(names + used, sizeof(names) - used, "%s ", list.files[i].name);
    }
    pair_list_free(&list);
    return names;
}

static size_t count_of(const struct data_source *s, const char *split)
{
    struct pair_list list;
    assert_true(data_source_list(s, split, &list));
    const size_t count = list.count;
    pair_list_free(&list);
    return count;
}

static void touch_numbers(const char *folder, int first, int end)
{
    for (int i = first; i < end; i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s%d.png", folder, i);
        touch(name);
    }
}

// Every image is in one split, about as many as the shares say, and none of them moves
// when others come and go.
static void test_divided(void **state)
{
    struct data_source s = { .data = DATA, .files = DATA_IMAGES };
    char before[3][8192];
    bool has;
    (void)state;
    assert_true(split_ratio_parse("0.6:0.2:0.2", &s.ratio));
    touch_numbers("", 0, 200);
    for (int i = 0; i < SPLIT_COUNT; i++)
        strcpy(before[i], names_of(&s, split_name((enum split)i)));
    const size_t train = count_of(&s, "train"), val = count_of(&s, "val"),
                 test = count_of(&s, "test");
    assert_int_equal(train + val + test, 200);
    assert_in_range(train, 100, 140);
    assert_in_range(val, 25, 55);
    test_check_message(" of 200 images of " DATA
                       " are for train by the ratio 0.6:0.2:0.2");
    test_remove_tree(DATA "/7.png");
    touch_numbers("", 200, 300);
    for (int i = 0; i < SPLIT_COUNT; i++) {
        char *now = mem_strdup(names_of(&s, split_name((enum split)i)));
        for (char *name = strtok(before[i], " "); name; name = strtok(NULL, " ")) {
            char *word = mem_printf("%s ", name);
            if (strcmp(name, "7.png") != 0 && !strstr(now, word))
                fail_msg("%s has left %s", name, split_name((enum split)i));
            mem_free(word);
        }
        mem_free(now);
    }
    assert_true(data_source_has(&s, "val", &has) && has);
    assert_true(split_ratio_parse("1:0:1", &s.ratio));
    assert_true(data_source_has(&s, "val", &has) && !has);
    assert_true(data_source_has(&s, "more", &has) && !has);
    assert_int_equal(test_messages.warnings + test_messages.errors, 0);
}

// Both sides of a pair go together; what is left out is said once.
static void test_divided_sides(void **state)
{
    struct data_source s = { .data = DATA };
    (void)state;
    assert_true(split_ratio_parse("1:1:1", &s.ratio));
    touch_numbers("A/", 0, 20);
    touch_numbers("B/", 1, 20);
    assert_int_equal(count_of(&s, "train") + count_of(&s, "val") + count_of(&s, "test"),
                     19);
    assert_int_equal(test_messages.warnings, 1);
    test_check_message("skipping 1 of 20 files of " DATA
                       "/A: no file of the same name in " DATA "/B: 0.png");
}

static void check_refused(const struct data_source *s, const char *split,
                          const char *expected)
{
    struct pair_list list;
    test_forget_messages();
    assert_false(data_source_list(s, split, &list));
    assert_null(list.files);
    assert_int_equal(test_messages.errors, 1);
    test_check_message(expected);
}

static void test_divided_refused(void **state)
{
    struct data_source s = { .data = DATA };
    (void)state;
    assert_true(split_ratio_parse("0.9:0.1:0", &s.ratio));
    check_refused(&s, "train", "no images in " DATA ": it should hold images");
    touch("1.png");
    check_refused(&s, "val",
                  "of the 1 pair of " DATA " none is for val by the ratio "
                  "0.9:0.1:0");
    touch("val/1.png");
    check_refused(&s, "train",
                  DATA " has folders of splits (train, val or test), which "
                       "a ratio cannot divide");
}

// ---------------------------------------------------------------------------
// Lists

// Lists a split and compares the files of the pairs: "a b, a b, ".
static void check_list(const struct data_source *s, const char *split,
                       const char *expected)
{
    char found[2048] = "";
    struct pair_list list;
    if (!data_source_list(s, split, &list))
        fail_msg("no list: %s", test_messages.text);
    for (size_t i = 0; i < list.count; i++) {
        const struct pair_file *f = &list.files[i];
        const size_t used = strlen(found);
        snprintf(found + used, sizeof(found) - used, "%s%s%s, ", f->a, f->b ? " " : "",
                 f->b ? f->b : "");
    }
    assert_string_equal(found, expected);
    pair_list_free(&list);
}

static void test_list(void **state)
{
    const struct data_source s = { .list = LIST };
    bool has;
    (void)state;
    touch("in/1.png");
    touch("in/2.png");
    touch("out/1.jpg");
    touch("out/two.png");
    write_text(LIST, "in/1.png,out/1.jpg,train\nin/2.png,out/two.png,test\n");
    check_list(&s, "train", DATA "/in/1.png " DATA "/out/1.jpg, ");
    test_check_message("1 of 2 pairs of " LIST " is for train");
    check_list(&s, "test", DATA "/in/2.png " DATA "/out/two.png, ");
    assert_true(data_source_has(&s, "test", &has) && has);
    assert_true(data_source_has(&s, "val", &has) && !has);
    check_refused(&s, "val", "of the 2 pairs of " LIST " none is for val");
    // Columns by name, in any order.
    write_text(LIST, "id,Target,INPUT\n7,out/1.jpg,in/1.png\n8,out/two.png,in/2.png\n");
    test_forget_messages();
    check_list(&s, "train",
               DATA "/in/1.png " DATA "/out/1.jpg, " DATA "/in/2.png " DATA
                    "/out/two.png, ");
    test_check_message("others are not (first: id)");
    // Images with both sides, and an absolute path.
    char *whole = os_path_absolute(DATA "/in/2.png");
    char *text = mem_printf("in/1.png\n\"%s\"\n", whole);
    char *expected = mem_printf(DATA "/in/1.png, %s, ", whole);
    write_text(LIST, text);
    check_list(&s, "train", expected);
    mem_free(expected);
    mem_free(text);
    mem_free(whole);
    assert_int_equal(test_messages.warnings + test_messages.errors, 0);
}

// With a task the targets are left out, with a word.
static void test_list_of_images(void **state)
{
    const struct data_source s = { .list = LIST, .files = DATA_IMAGES };
    (void)state;
    touch("1.png");
    write_text(LIST, "1.png,nowhere.gif\n");
    check_list(&s, "train", DATA "/1.png, ");
    test_check_message("the targets in " LIST " are not used");
    write_text(LIST, "input\n1.png\n");
    test_forget_messages();
    check_list(&s, "train", DATA "/1.png, ");
    assert_null(strstr(test_messages.text, "not used"));
}

// A ratio divides the lines that name no split, by the names as the list has them.
static void test_list_divided(void **state)
{
    struct data_source s = { .list = LIST, .files = DATA_IMAGES };
    (void)state;
    assert_true(split_ratio_parse("2:1:1", &s.ratio));
    touch("a/1.png");
    touch("2.png");
    touch("3.png");
    write_text(LIST, "input,split\na/1.png,\n2.png,\n3.png,val\n");
    check_list(&s, "train", DATA "/a/1.png, ");
    check_list(&s, "val", DATA "/3.png, ");
    check_list(&s, "test", DATA "/2.png, ");
    assert_int_equal(test_messages.warnings, 0);
    write_text(LIST, "input,split\na/1.png,\n3.png,val\n");
    check_list(&s, "train", DATA "/a/1.png, ");
    test_check_message("of the 2 images of " LIST
                       " none is for test by the ratio 0.5:");
    assert_int_equal(test_messages.warnings, 1);
    test_forget_messages();
    write_text(LIST, "input,split\n3.png,train\n");
    check_list(&s, "train", DATA "/3.png, ");
    test_check_message("each line of " LIST " names a split, so that the ratio has no "
                       "effect");
    assert_int_equal(test_messages.warnings, 1);
}

static void test_list_refused(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "", LIST " lists no pairs" },
        { "input,target\n", LIST " lists no pairs" },
        { "input, Target\na.png, b.png\n", "has the column \" Target\" with spaces" },
        { "input,split \na.png,val\n", "has the column \"split \" with spaces" },
        { "1.png,1.png,other\n",
          "line 1 of " LIST " has a split other than train, val and test: other" },
        { "1.png,1.png\n\n2.png\n",
          "line 3 of " LIST " has 1 column and not the 2 of the first one" },
        { "1.png;1.png\n", "the files that" },
        { "1.png,\n", "line 1 of " LIST " has no target" },
        { "target,input\n1.png,\n", "line 2 of " LIST " has no input" },
        { "1.png,a.gif\n", "line 1 of " LIST " names the target \"a.gif\", whose "
                           "extension is not read" },
        { "1.png;a.txt\n", "(columns are separated by commas, not by ;)" },
        { "a,b,c,d\n", LIST " has 4 columns and no header" },
        { "1.png,1.png\n\"1.png,1.png\n", LIST " has a quotation mark in line 2" },
        { "1.png,1.png\n1.png,2.png\n3.png,1.png\n",
          "2 files that " LIST " lists do not exist (first: line 2, \"" DATA
          "/2.png\")" },
    };
    const struct data_source s = { .list = LIST };
    (void)state;
    touch("1.png");
    check_refused(&s, "train", "the list of pairs " LIST " cannot be read: No such");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        write_text(LIST, cases[i].text);
        if (strcmp(cases[i].message, "the files that") == 0)
            check_refused(&s, "train", "1 file that " LIST " lists does not exist");
        else
            check_refused(&s, "train", cases[i].message);
    }
}

// ---------------------------------------------------------------------------

static bool add_visit(void *user, const char *path)
{
    char *all = user;
    const size_t used = strlen(all);
    snprintf(all + used, 1024 - used, "%s ", path + strlen(DATA "/"));
    return strcmp(file_name(path), "stop.png") != 0;
}

// All that is read, whichever split is.
static void test_visit(void **state)
{
    struct data_source s = { .list = LIST };
    char all[1024] = "";
    (void)state;
    touch("A/1.png");
    touch("B/1.png");
    touch("more/2.png");
    write_text(LIST, "A/1.png,B/1.png,train\nmore/2.png,A/1.png,test\n");
    assert_true(data_source_visit(&s, add_visit, all));
    assert_string_equal(all, "pairs.csv A/1.png B/1.png more/2.png A/1.png ");
    s = (struct data_source){ .data = DATA };
    assert_true(split_ratio_parse("1:1:1", &s.ratio));
    all[0] = '\0';
    assert_true(data_source_visit(&s, add_visit, all));
    assert_string_equal(all, "more/2.png A/1.png B/1.png ");
    touch("stop.png");
    assert_false(data_source_visit(&s, add_visit, all));
    s.ratio = (struct split_ratio){ 0 };
    touch("val/3.png");
    all[0] = '\0';
    assert_true(data_source_visit(&s, add_visit, all));
    assert_string_equal(all, "val/3.png ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_csv_malformed),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test_setup_teardown(test_divided, setup, teardown),
        cmocka_unit_test_setup_teardown(test_divided_sides, setup, teardown),
        cmocka_unit_test_setup_teardown(test_divided_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list_of_images, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list_divided, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_visit, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
