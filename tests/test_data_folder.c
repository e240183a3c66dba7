// SPDX-License-Identifier: MIT
//
// Where pairs lie: each layout alone, several beside each other, and what is said of
// files that no pair has.

#include "data/data_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "support/log.h"
#include "support/tree.h"

#define DATA "test_data_folder.scratch"

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

// Files in a folder of DATA, by names with a space after each. Nothing reads them.
static void make(const char *folder, const char *names)
{
    char *path = file_join(DATA, folder);
    assert_true(file_make_folder(path));
    while (*names) {
        const char *end = strchr(names, ' ');
        char *file = mem_printf("%s/%.*s", path, (int)(end - names), names);
        assert_true(file_write(file, "x", 1));
        mem_free(file);
        names = end + 1;
    }
    mem_free(path);
}

static bool has(const char *split)
{
    bool found;
    assert_true(data_folder_has(DATA, split, &found));
    return found;
}

// Lists "train" and compares the files of the pairs: "a b, a b, ", below DATA.
static void check_list(const char *expected)
{
    char found[2048] = "";
    struct pair_list list;
    assert_true(has("train"));
    if (!data_folder_list(DATA, "train", DATA_PAIRS, &list))
        fail_msg("no list: %s", test_messages.text);
    for (size_t i = 0; i < list.count; i++) {
        const struct pair_file *f = &list.files[i];
        const size_t used = strlen(found), skip = strlen(DATA "/");
        snprintf(found + used, sizeof(found) - used, "%s%s%s, ", f->a + skip,
                 f->b ? " " : "", f->b ? f->b + skip : "");
    }
    assert_string_equal(found, expected);
    assert_int_equal(test_messages.errors, 0);
    pair_list_free(&list);
}

static bool count_visit(void *user, const char *path)
{
    (void)path;
    return --*(int *)user > 0;
}

// All images of a split, also those that are in no pair; and no others.
static void test_visit(void **state)
{
    (void)state;
    int left = 100;
    make("train", "x.png notes.txt ");
    make("train/A", "a.png ");
    make("train/masks", "m.png ");
    make("A/train", "b.png ");
    make("trainA", "c.png ");
    make("train_B", "d.png ");
    make("A_train", "e.png ");
    make("val", "f.png ");
    assert_true(data_folder_visit(DATA, "train", count_visit, &left));
    assert_int_equal(100 - left, 7);
    assert_true(data_folder_visit(DATA, "test", count_visit, &left));
    assert_int_equal(100 - left, 7);
    left = 3;
    assert_false(data_folder_visit(DATA, "train", count_visit, &left));
    assert_int_equal(left, 0);
}

static void check_refused(const char *expected)
{
    struct pair_list list;
    assert_false(data_folder_list(DATA, "train", DATA_PAIRS, &list));
    assert_int_equal(test_messages.errors, 1);
    assert_null(list.files);
    test_check_message(expected);
}

static void test_layouts(void **state)
{
    static const struct {
        const char *a, *b, *pairs, *folder;
    } cases[] = {
        { "train", NULL, "train/x.jpg, train/y.png, ", DATA "/train" },
        { "train/A", "train/B",
          "train/A/x.jpg train/B/x.png, train/A/y.png train/B/y.jpg, ",
          DATA "/train/A and " DATA "/train/B" },
        { "A/train", "B/train",
          "A/train/x.jpg B/train/x.png, A/train/y.png B/train/y.jpg, ",
          DATA "/A/train and " DATA "/B/train" },
        { "trainA", "trainB", "trainA/x.jpg trainB/x.png, trainA/y.png trainB/y.jpg, ",
          DATA "/trainA and " DATA "/trainB" },
        { "train_A", "train_B",
          "train_A/x.jpg train_B/x.png, train_A/y.png train_B/y.jpg, ",
          DATA "/train_A and " DATA "/train_B" },
        { "A_train", "B_train",
          "A_train/x.jpg B_train/x.png, A_train/y.png B_train/y.jpg, ",
          DATA "/A_train and " DATA "/B_train" },
        { "train/cat", NULL, "train/cat/x.jpg, train/cat/y.png, ",
          "the folders of " DATA "/train" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pair_list list;
        setup(NULL);
        assert_false(has("train"));
        assert_false(data_folder_list(DATA, "train", DATA_PAIRS, &list));
        test_forget_messages();
        make(cases[i].a, "y.png x.jpg ");
        if (cases[i].b)
            make(cases[i].b, "y.jpg x.png ");
        check_list(cases[i].pairs);
        assert_true(data_folder_list(DATA, "train", DATA_PAIRS, &list));
        assert_string_equal(list.folder, cases[i].folder);
        assert_int_equal(test_messages.warnings + test_messages.infos, 0);
        pair_list_free(&list);
        assert_false(has("val"));
        assert_false(data_folder_list(DATA, "val", DATA_PAIRS, &list));
    }
}

// What lies beside images: files of systems, of which nothing is said, notes, folders.
static void test_litter(void **state)
{
    static const char all[] =
        "1.png ._1.png .DS_Store Thumbs.db DESKTOP.INI ehthumbs.db ";
    (void)state;
    make("train/A", all);
    make("train/B", all);
    make("train/A/@eaDir", "1.png ");
    check_list("train/A/1.png train/B/1.png, ");
    assert_int_equal(test_messages.warnings + test_messages.infos, 0);
    make("train/A", "notes.txt Thumbs.db.png ");
    make("train/A/drafts", "2.png ");
    check_list("train/A/1.png train/B/1.png, ");
    test_check_message("passing over 1 of 3 files in " DATA
                       "/train/A: 1 .txt (first: notes.txt)");
    test_check_message("no file of the same name in " DATA "/train/B: Thumbs.db.png\n");
    assert_int_equal(test_messages.warnings, 2);

    setup(NULL);
    make("train", all);
    make("train/__MACOSX", "2.png ");
    make("train/@eaDir", "3.png ");
    check_list("train/1.png, ");
    assert_int_equal(test_messages.warnings + test_messages.infos, 0);
    assert_true(test_remove_tree(DATA "/train/1.png"));
    check_refused("dataset: no images in " DATA "/train: it should hold images");
}

// Extensions differ, in kind or in case.
static void test_extensions(void **state)
{
    (void)state;
    make("train/A", "1.PNG 2.jpg 3.Jpeg 4.b.BMP ");
    make("train/B", "1.png 2.JPG 3.png 4.b.npy ");
    check_list("train/A/1.PNG train/B/1.png, train/A/2.jpg train/B/2.JPG, "
               "train/A/3.Jpeg train/B/3.png, train/A/4.b.BMP train/B/4.b.npy, ");
    assert_int_equal(test_messages.warnings + test_messages.infos, 0);
}

// Files without a partner are named in one message, as many as it has room for.
static void test_alone(void **state)
{
    (void)state;
    make("train/A", "1.png 2.png 3.png 5.png ");
    make("train/B", "3.png 4.png ");
    check_list("train/A/3.png train/B/3.png, ");
    assert_string_equal(
        test_messages.text,
        "dataset: skipping 3 of 4 files of " DATA
        "/train/A: no file of the same name in " DATA "/train/B: 1.png, 2.png, 5.png\n"
        "dataset: skipping 1 of 2 files of " DATA
        "/train/B: no file of the same name in " DATA "/train/A: 4.png\n");
    for (int i = 100; i < 300; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%d.png ", i);
        make("train/A", name);
    }
    test_forget_messages();
    check_list("train/A/3.png train/B/3.png, ");
    test_check_message("no file of the same name in " DATA
                       "/train/B: 1.png, 100.png, 101.png, ");
    test_check_message(".png and 1");
    test_check_message(" more\n");
}

// The names of images in class folders have their folders, which keeps them apart.
static void test_classes(void **state)
{
    struct pair_list list;
    (void)state;
    make("train/dog", "1.png ");
    make("train/cat", "1.png 2.png notes.txt ");
    make("train/empty", "");
    make("train/.hidden", "3.png ");
    check_list("train/cat/1.png, train/cat/2.png, train/dog/1.png, ");
    test_check_message("passing over 1 of 4 files in " DATA
                       "/train: 1 .txt (first: cat/notes.txt)");
    assert_true(data_folder_list(DATA, "train", DATA_PAIRS, &list));
    assert_string_equal(list.files[2].name, "dog/1.png");
    pair_list_free(&list);
}

// An empty folder, a stray file and other layouts hide nothing.
static void test_several(void **state)
{
    (void)state;
    make("train", "");
    make("train/A", "");
    make("train/B", "");
    make("A/train", "1.png 2.png ");
    make("B/train", "1.png 2.png ");
    check_list("A/train/1.png B/train/1.png, A/train/2.png B/train/2.png, ");
    assert_int_equal(test_messages.warnings, 0);

    make("train", "stray.png ");
    check_list("A/train/1.png B/train/1.png, A/train/2.png B/train/2.png, ");
    assert_int_equal(test_messages.warnings, 1);
    test_check_message(
        "dataset: using the 2 pairs of " DATA "/A/train and " DATA
        "/B/train; other places of this split are ignored: 1 image in " DATA
        "/train\n");

    // More pairs win; of equally many the first in the documented order.
    test_forget_messages();
    make("train/A", "1.png 2.png 3.png ");
    make("train/B", "1.png 2.png 3.png ");
    make("train/masks", "1.png 2.png 3.png 4.png ");
    make("train_A", "1.png ");
    check_list("train/A/1.png train/B/1.png, train/A/2.png train/B/2.png, "
               "train/A/3.png train/B/3.png, ");
    test_check_message("ignored: 1 image in " DATA "/train; " DATA "/A/train and " DATA
                       "/B/train (2 pairs); " DATA "/train_A (without " DATA
                       "/train_B); 4 images in the folders of " DATA "/train\n");
    // Of equally many, pairs in two folders rather than in one.
    make("train", "s.png t.png ");
    check_list("train/A/1.png train/B/1.png, train/A/2.png train/B/2.png, "
               "train/A/3.png train/B/3.png, ");
    make("train", "u.png ");
    check_list("train/s.png, train/stray.png, train/t.png, train/u.png, ");

    // Other folders in that of the split are no rivals, however many files they have.
    setup(NULL);
    make("train", "1.png ");
    make("train/masks", "1.png 2.png 3.png 4.png ");
    check_list("train/1.png, ");
    test_check_message("ignored: 4 images in the folders of " DATA "/train\n");

    // What is not read is no place to train on, but somebody's data.
    setup(NULL);
    make("train", "preview.png notes.txt ");
    make("train/A", "1.gif 2.gif 3.png ");
    make("train/B", "1.gif 2.gif 4.png ");
    make("train/labels", "1.txt ");
    make("A_train", "1.gif ");
    make("B_train", "");
    check_list("train/preview.png, ");
    test_check_message("ignored: " DATA "/train/A and " DATA
                       "/train/B (0 pairs, 4 files that are not read); " DATA
                       "/A_train and " DATA
                       "/B_train (0 pairs, 1 file that is not read)\n");
}

// trainA and trainB are no pairs where few names are in both.
static void test_unpaired(void **state)
{
    (void)state;
    make("trainA", "1.png 2.png 3.png 4.png 5.png ");
    make("trainB", "4.png 5.png 6.png ");
    check_refused(DATA "/trainA and " DATA
                       "/trainB look unpaired: of 5 and 3 images 2 have");
    assert_true(has("train"));

    test_forget_messages();
    make("trainB", "3.png ");
    check_list("trainA/3.png trainB/3.png, trainA/4.png trainB/4.png, "
               "trainA/5.png trainB/5.png, ");
    test_check_message("skipping 2 of 5 files of " DATA
                       "/trainA: no file of the same name in " DATA
                       "/trainB: 1.png, 2.png\n");
    test_check_message("skipping 1 of 4 files of " DATA "/trainB");

    // No name in both, as unpaired data usually has.
    setup(NULL);
    make("trainA", "n01.jpg n02.jpg ");
    make("trainB", "n03.jpg n04.jpg n05.txt ");
    check_refused("look unpaired: of 2 and 2 images 0 have a partner");
    test_check_message("passing over 1 of 3 files");
    assert_int_equal(test_messages.warnings, 1);

    // Partners that are not read are no sign of that.
    setup(NULL);
    make("trainA", "1.png 2.png 3.png 4.png 5.png ");
    make("trainB", "1.png 2.gif 3.gif 4.gif 5.gif ");
    check_list("trainA/1.png trainB/1.png, ");
    test_check_message("skipping 4 of 5 files of " DATA "/trainA: the partner in");

    // Unless they are few, or no images at all.
    setup(NULL);
    make("trainA", "1.png 2.png 3.png 4.png 5.png ");
    make("trainB", "1.png 2.gif 6.png 7.png ");
    check_refused("look unpaired: of 5 and 3 images 1 have");
    setup(NULL);
    make("trainA", "1.png 2.png 3.png ");
    make("trainB", "1.png 2.txt 3.txt 4.png ");
    check_refused("look unpaired: of 3 and 2 images 1 have");

    // One pair anywhere else is better than what looks unpaired.
    setup(NULL);
    make("trainA", "1.png 2.png 3.png 4.png 5.png ");
    make("trainB", "4.png 5.png 6.png ");
    make("A_train", "1.png ");
    make("B_train", "1.png ");
    check_list("A_train/1.png B_train/1.png, ");
    test_check_message("using the 1 pair of " DATA "/A_train");
    test_check_message("ignored: " DATA "/trainA and " DATA "/trainB (2 pairs)");

    // In the other layouts every pair counts.
    setup(NULL);
    make("train_A", "1.png 2.png 3.png ");
    make("train_B", "3.png 4.png 5.png ");
    check_list("train_A/3.png train_B/3.png, ");
}

static void test_unread(void **state)
{
    (void)state;
    make("train/A", "1.png 2.gif 3.PSD 4.gif README ");
    make("train/B", "1.png 2.png 3.png 4.jpg 5.jfif ");
    check_list("train/A/1.png train/B/1.png, ");
    assert_int_equal(test_messages.warnings, 3);
    test_check_message(
        "dataset: passing over 4 of 5 files in " DATA
        "/train/A: 2 .gif, 1 without an extension, 1 .psd (first: 2.gif). "
        "Only .png");
    test_check_message("dataset: passing over 1 of 5 files in " DATA
                       "/train/B: 1 .jfif (first: 5.jfif)");
    test_check_message(
        "dataset: skipping 3 of 4 files of " DATA "/train/B: the partner in " DATA
        "/train/A has an extension that is not read (first: 2.png, 2.gif)");

    test_forget_messages();
    assert_true(test_remove_tree(DATA "/train/A/1.png"));
    check_refused("dataset: no pairs in " DATA "/train/A and " DATA
                  "/train/B can be read: 3 files have a partner whose extension is not "
                  "read (first: 2.gif)");

    setup(NULL);
    make("train/A", "1.gif ");
    make("train/B", "1.gif ");
    check_refused("dataset: no images in " DATA "/train/A: there and in " DATA
                  "/train/B files of equal names are needed");

    setup(NULL);
    make("train", "1.gif 2.gif ");
    check_refused("dataset: no images in " DATA "/train: it should hold images");
    test_check_message("passing over 2 of 2 files in " DATA
                       "/train: 2 .gif (first: 1.gif)");

    setup(NULL);
    make("trainA", "1.png ");
    check_refused("dataset: there is a folder " DATA "/trainA, but no " DATA "/trainB");
}

// "é" as one character and as two. A file system that makes one name of them (macOS)
// has nothing to tell apart.
static void test_unicode(void **state)
{
    struct file_list list;
    (void)state;
    make("train/A", "caf\xc3\xa9.png x.png ");
    make("train/B", "cafe\xcc\x81.jpg x.png ");
    assert_true(file_list_read(DATA "/train/A", &list));
    const bool is_exact = strcmp(list.names[0], "caf\xc3\xa9.png") == 0;
    file_list_free(&list);
    if (!is_exact)
        skip();
    check_list("train/A/caf\xc3\xa9.png train/B/cafe\xcc\x81.jpg, "
               "train/A/x.png train/B/x.png, ");
    assert_int_equal(test_messages.warnings, 0);
    assert_int_equal(test_messages.infos, 1);
    test_check_message(
        "1 of 2 pairs have names that differ in how characters are encoded "
        "(first: caf\\xc3\\xa9.png and cafe\\xcc\\x81.jpg)");

    // Equal bytes come first; what is left over looks like a name that has a partner.
    test_forget_messages();
    make("train/A", "cafe\xcc\x81.png ");
    check_list("train/A/cafe\xcc\x81.png train/B/cafe\xcc\x81.jpg, "
               "train/A/x.png train/B/x.png, ");
    test_check_message("skipping 1 of 3 files of " DATA "/train/A: the name in " DATA
                       "/train/B differs, though only in case or in how characters are "
                       "encoded (first: caf\\xc3\\xa9.png, cafe\\xcc\\x81.jpg)");
    test_forget_messages();
    make("train/B", "caf\xc3\xa9.jpg ");
    check_list("train/A/cafe\xcc\x81.png train/B/cafe\xcc\x81.jpg, "
               "train/A/caf\xc3\xa9.png train/B/caf\xc3\xa9.jpg, "
               "train/A/x.png train/B/x.png, ");
    assert_int_equal(test_messages.warnings + test_messages.infos, 0);
}

static void test_case(void **state)
{
    (void)state;
    make("train/A", "Photo.png x.png ");
    make("train/B", "photo.png x.png ");
    check_list("train/A/x.png train/B/x.png, ");
    assert_int_equal(test_messages.warnings, 2);
    test_check_message("skipping 1 of 2 files of " DATA "/train/A: the name in " DATA
                       "/train/B differs, though only in case or in how characters are "
                       "encoded (first: Photo.png, photo.png): rename one of them");

    test_forget_messages();
    assert_true(test_remove_tree(DATA "/train/B/x.png"));
    assert_true(test_remove_tree(DATA "/train/A/x.png"));
    check_refused("no files in " DATA "/train/A and " DATA "/train/B have equal names");
}

// Folders of the data folder, and what is said of it.
static void check_level(const char *data, enum data_files files, const char *expected)
{
    struct pair_list list;
    test_messages.text[0] = '\0';
    assert_false(data_folder_list(data, "train", files, &list));
    test_check_message(expected);
}

// Sides of pairs under names of their own would be taken for images with both sides.
static void test_unnamed_sides(void **state)
{
    struct pair_list list;
    (void)state;
    make("train/grey", "a.png b.png c.png ");
    make("train/colour", "a.jpg b.jpg d.jpg ");
    check_level(DATA, DATA_PAIRS,
                DATA
                "/train has folders colour and grey with 2 files of equal names, "
                "which seem to be the two sides of pairs: call them A and B. If each "
                "image has both sides, move the images of both folders into " DATA
                "/train");
    // A task takes each of them for an image.
    assert_true(data_folder_list(DATA, "train", DATA_IMAGES, &list));
    assert_int_equal(list.count, 6);
    pair_list_free(&list);
    // Names that have little in common are not sides; nor are three folders.
    make("train/grey", "e.png f.png g.png h.png ");
    assert_true(data_folder_list(DATA, "train", DATA_PAIRS, &list));
    pair_list_free(&list);
}

static void test_wrong_level(void **state)
{
    (void)state;
    make("train/A", "a.png ");
    make("train/B", "a.png ");
    make("flat", "a.png b.png ");
    make("sides/A", "a.png ");
    make("sides/B", "a.png ");
    check_level(DATA "/train", DATA_PAIRS,
                DATA "/train is the folder of a split itself: pass the folder that it "
                     "is in, --data " DATA "\n");
    check_level(DATA "/train/", DATA_PAIRS, "is in, --data " DATA "\n");
    check_level(DATA "/sides", DATA_PAIRS,
                DATA
                "/sides has folders A and B, but no folder train: move them into " DATA
                "/sides/train, or divide their pairs with --split-ratio\n");
    check_level(DATA "/flat/", DATA_PAIRS,
                DATA "/flat/ has 2 images, but no folder train: move what belongs to "
                     "this split into " DATA
                     "/flat/train, or divide them with --split-ratio\n");
    check_level(DATA "/flat", DATA_IMAGES, DATA "/flat has 2 images, but no folder");
    check_level(DATA "/train/A/..", DATA_IMAGES, "has no folder train: it should");
    // Where pairs are, and single images are wanted.
    check_level(DATA, DATA_IMAGES,
                DATA "/train/A and " DATA
                     "/train/B hold pairs, and the task makes both "
                     "sides of single images: put the images of one side into " DATA
                     "/train\n");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_litter),      TEST(test_extensions), TEST(test_alone),
        TEST(test_layouts),     TEST(test_visit),      TEST(test_classes),
        TEST(test_several),     TEST(test_unpaired),   TEST(test_unread),
        TEST(test_unicode),     TEST(test_case),       TEST(test_unnamed_sides),
        TEST(test_wrong_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
