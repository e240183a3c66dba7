// SPDX-License-Identifier: MIT
//
// A data set without faults, and each fault planted in it: it is found, nothing else
// is, and no file is touched.

#define _XOPEN_SOURCE 700

#include "dataset/check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/random.h"
#include "data/picture_file.h"
#include "dataset/findings.h"
#include "support/log.h"
#include "support/tree.h"

#define SCRATCH "test_dataset_check.scratch"
#define DATA SCRATCH "/data"
#define A DATA "/train/A/"
#define B DATA "/train/B/"

enum { SIDE = 96, PAIRS = 12 };

// ---------------------------------------------------------------------------
// Images

static uint8_t *sample(const struct picture *p, uint32_t c, uint32_t x, uint32_t y)
{
    return (uint8_t *)p->samples + ((size_t)c * p->height + y) * p->width + x;
}

// Soft spots of many colours, which no two seeds have in one place.
static struct picture make_scene(uint32_t seed, uint32_t side)
{
    struct picture p;
    struct random r;
    double spots[16][4];
    random_init(&r, 77, seed);
    for (size_t i = 0; i < ARRAY_LEN(spots); i++)
        for (size_t k = 0; k < 4; k++)
            spots[i][k] = random_below(&r, 1000) / 1000.0;
    assert_true(picture_create(&p, PIXEL_U8, 3, side, side));
    for (uint32_t c = 0; c < 3; c++)
        for (uint32_t y = 0; y < side; y++)
            for (uint32_t x = 0; x < side; x++) {
                double v = 0.2 + 0.001 * c;
                for (size_t i = 0; i < ARRAY_LEN(spots); i++) {
                    const double dx = (double)x / side - spots[i][0];
                    const double dy = (double)y / side - spots[i][1];
                    const double size = 0.03 + 0.1 * spots[i][2];
                    v += (dx * dx + dy * dy < size * size) * (0.2 + 0.3 * spots[i][3]) *
                         (0.8 + 0.2 * sin(9.0 * (double)(x + 2 * y) / side + c));
                }
                *sample(&p, c, x, y) = (uint8_t)(20 + 220 * MIN(v, 1.0));
            }
    return p;
}

// What is light becomes dark: a task with edges in place.
static void invert(struct picture *p)
{
    for (size_t i = 0; i < picture_bytes(p); i++)
        ((uint8_t *)p->samples)[i] =
            (uint8_t)(255 - ((uint8_t *)p->samples)[i] * 3 / 4);
}

static struct picture make_target(uint32_t seed, uint32_t side)
{
    struct picture p = make_scene(seed, side);
    invert(&p);
    return p;
}

static void write_picture(const char *folder, const char *name, struct picture p)
{
    char *path = mem_printf("%s%s", folder, name);
    if (!picture_write(path, &p))
        fail_msg("%s: %s", path, log_last_error());
    picture_free(&p);
    mem_free(path);
}

static void write_text(const char *path)
{
    assert_true(file_write(path, "no image", 8));
}

static void write_clean(void)
{
    test_remove_tree(SCRATCH);
    assert_true(file_make_folder(A) && file_make_folder(B));
    assert_true(file_make_folder(DATA "/test/A") && file_make_folder(DATA "/test/B"));
    for (uint32_t i = 0; i < PAIRS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%u.png", (unsigned)i);
        write_picture(i < 10 ? A : DATA "/test/A/", name, make_scene(i, SIDE));
        write_picture(i < 10 ? B : DATA "/test/B/", name, make_target(i, SIDE));
    }
}

// ---------------------------------------------------------------------------
// Reports

static struct pix_dataset_report check_with(const struct pix_dataset_options *o,
                                            const char *sheet)
{
    struct pix_dataset_report r;
    if (!check_dataset(o, sheet, &r))
        fail_msg("%s", test_messages.text);
    assert_int_equal(r.errors + r.warnings + r.hints, r.count);
    return r;
}

static const struct pix_finding *find(const struct pix_dataset_report *r,
                                      enum pix_finding_kind kind, const char *file)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->findings[i].kind == kind && strcmp(r->findings[i].file, file) == 0)
            return &r->findings[i];
    for (size_t i = 0; i < r->count; i++)
        print_message("%s: %s %s\n", finding_name(r->findings[i].kind),
                      r->findings[i].file, r->findings[i].text);
    fail_msg("no %s of %s", finding_name(kind), file);
    return NULL;
}

// Nothing is said of files other than those called "bad".
static void check_others(const struct pix_dataset_report *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (!strstr(file_name(r->findings[i].file), "bad"))
            fail_msg("%s: %s %s", finding_name(r->findings[i].kind),
                     r->findings[i].file, r->findings[i].text);
}

static int setup(void **state)
{
    (void)state;
    test_keep_messages(LOG_WARN);
    write_clean();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_remove_tree(SCRATCH);
    log_use(NULL);
    return 0;
}

static void expect_as(const struct pix_dataset_options *o, enum pix_finding_kind kind,
                      const char *file, const char *part)
{
    struct pix_dataset_report r = check_with(o, NULL);
    const struct pix_finding *f = find(&r, kind, file);
    if (!strstr(f->text, part))
        fail_msg("%s: \"%s\" is not in \"%s\"", file, part, f->text);
    check_others(&r);
    findings_free_report(&r);
}

static void expect_none(enum pix_finding_kind kind)
{
    const struct pix_dataset_options o = { .data = DATA };
    struct pix_dataset_report r = check_with(&o, NULL);
    assert_int_equal(r.counts[kind], 0);
    findings_free_report(&r);
}

static void expect(enum pix_finding_kind kind, const char *file, const char *part)
{
    const struct pix_dataset_options o = { .data = DATA };
    expect_as(&o, kind, file, part);
}

// ---------------------------------------------------------------------------

static void test_clean(void **state)
{
    const struct pix_dataset_options o = { .data = DATA };
    (void)state;
    struct pix_dataset_report r = check_with(&o, SCRATCH "/sheet.png");
    assert_int_equal(r.pairs, PAIRS);
    assert_int_equal(r.count, 0);
    assert_false(file_exists(SCRATCH "/sheet.png"));
    findings_free_report(&r);
    assert_string_equal(test_messages.text, "");
}

static void test_files(void **state)
{
    (void)state;
    write_text(A "bad.png");
    write_picture(B, "bad.png", make_target(50, SIDE));
    expect(PIX_FINDING_BROKEN, A "bad.png", "not an image");
    write_picture(A, "bad.png", make_scene(50, SIDE));
    write_text(B "bad.png");
    expect(PIX_FINDING_BROKEN, B "bad.png", "not an image");
    test_remove_tree(B "bad.png");
    expect(PIX_FINDING_ALONE, A "bad.png", "is in no pair");
    test_remove_tree(A "bad.png");
    write_text(A "bad.gif");
    expect(PIX_FINDING_UNREAD, A "bad.gif", "extension that is not read");
}

static void test_cut(void **state)
{
    const struct pix_dataset_options o = { .data = DATA, .read.truncated = "keep" };
    (void)state;
    write_picture(A, "bad.jpg", make_scene(50, SIDE));
    write_picture(B, "bad.png", make_target(50, SIDE));
    void *bytes;
    size_t size;
    assert_true(file_read(A "bad.jpg", &bytes, &size));
    mem_free(bytes);
    assert_true(test_resize_file(A "bad.jpg", size * 9 / 10));
    expect(PIX_FINDING_BROKEN, A "bad.jpg", "");
#ifdef PIX_HAVE_JPEG
    expect_as(&o, PIX_FINDING_CUT, A "bad.jpg", "ends early");
#endif
    (void)o;
}

// An EXIF orientation of 6, behind the first marker of a JPEG.
static void test_turned(void **state)
{
    static const uint8_t exif[] = { 0xff, 0xe1, 0,   34, 'E', 'x', 'i', 'f', 0,
                                    0,    'M',  'M', 0,  42,  0,   0,   0,   8,
                                    0,    1,    1,   18, 0,   3,   0,   0,   0,
                                    1,    0,    6,   0,  0,   0,   0,   0,   0 };
    (void)state;
    uint8_t *bytes;
    size_t size;
    write_picture(A, "bad.jpg", make_scene(50, SIDE));
    write_picture(B, "bad.png", make_target(50, SIDE));
    assert_true(file_read(A "bad.jpg", (void **)&bytes, &size));
    uint8_t *with = mem_alloc(size + sizeof(exif));
    memcpy(with, bytes, 2);
    memcpy(with + 2, exif, sizeof(exif));
    memcpy(with + 2 + sizeof(exif), bytes + 2, size - 2);
    assert_true(file_write(A "bad.jpg", with, size + sizeof(exif)));
    mem_free(with);
    mem_free(bytes);
    expect(PIX_FINDING_TURNED, A "bad.jpg", "EXIF orientation 6");
}

static void test_kinds(void **state)
{
    struct picture p = make_scene(50, SIDE);
    (void)state;
    write_picture(B, "bad.png", make_target(50, SIDE));
    assert_true(picture_set_kind(&p, PIXEL_U16, PIXEL_WHOLE));
    for (size_t i = 0; i < (size_t)3 * SIDE * SIDE; i++)
        ((uint16_t *)p.samples)[i] /= 16;
    write_picture(A, "bad.png", p);
    expect(PIX_FINDING_KIND, A "bad.png", "is u16, and most of A are u8");
    expect(PIX_FINDING_BITS, A "bad.png", "uses 12 of its 16 bits");
    test_remove_tree(A "bad.png");
    p = make_scene(50, SIDE);
    assert_true(picture_set_kind(&p, PIXEL_F32, PIXEL_WHOLE));
    ((float *)p.samples)[7] = NAN;
    write_picture(A, "bad.npy", p);
    expect(PIX_FINDING_BROKEN, A "bad.npy", "is not a finite number");
    test_remove_tree(A "bad.npy");
    struct reason reason;
    p = make_scene(50, SIDE);
    assert_true(picture_set_channels(&p, 1, &reason));
    write_picture(A, "bad.png", p);
    expect(PIX_FINDING_CHANNELS, A "bad.png", "has 1 channel, and most of A have 3");
}

static void test_sizes(void **state)
{
    (void)state;
    write_picture(A, "bad.png", make_scene(50, SIDE / 2));
    write_picture(B, "bad.png", make_target(50, SIDE));
    expect(PIX_FINDING_SIZE, A "bad.png", "48x48 and its partner 96x96");
    write_picture(B, "bad.png", make_target(50, SIDE / 2));
    expect(PIX_FINDING_SIZE, B "bad.png", "is 48x48, and most of B are 96x96");
    write_picture(A, "bad.png", make_scene(50, SIDE));
    struct picture p = make_target(50, SIDE), part;
    assert_true(picture_crop(&p, 0, 0, SIDE, SIDE / 2, &part));
    picture_free(&p);
    write_picture(B, "bad.png", part);
    expect(PIX_FINDING_SIZE, A "bad.png", "of another shape");
}

static void test_samples(void **state)
{
    struct picture p = make_scene(50, SIDE), alpha;
    (void)state;
    write_picture(B, "bad.png", make_target(50, SIDE));
    for (size_t i = 0; i < picture_bytes(&p); i++)
        ((uint8_t *)p.samples)[i] = (uint8_t)(100 + i % 2);
    write_picture(A, "bad.png", p);
    expect(PIX_FINDING_CONSTANT, A "bad.png", "is nearly constant");
    // Colours that are equally bright, as those of classes may be.
    p = make_scene(50, SIDE);
    for (size_t i = 0; i < (size_t)SIDE * SIDE; i++) {
        static const uint8_t colours[2][3] = { { 0x33, 0x66, 0xcc },
                                               { 0xdc, 0x39, 0x12 } };
        for (size_t c = 0; c < 3; c++) {
            uint8_t *x = (uint8_t *)p.samples + c * SIDE * SIDE + i;
            *x = colours[i % SIDE > 40][c];
        }
    }
    write_picture(A, "bad.png", p);
    expect_none(PIX_FINDING_CONSTANT);
    p = make_scene(50, SIDE);
    for (size_t i = 0; i < picture_bytes(&p); i++) {
        uint8_t *x = (uint8_t *)p.samples + i;
        *x = (uint8_t)MIN(MAX((*x - 110) * 4, 0), 255);
    }
    write_picture(A, "bad.png", p);
    expect(PIX_FINDING_CLIPPED, A "bad.png", "at the ends of their range");
    p = make_scene(50, SIDE);
    assert_true(picture_create(&alpha, PIXEL_U8, 4, SIDE, SIDE));
    memcpy(alpha.samples, p.samples, picture_bytes(&p));
    memset(sample(&alpha, 3, 0, 0), 255, SIDE * 9);
    picture_free(&p);
    write_picture(A, "bad.png", alpha);
    expect(PIX_FINDING_TRANSPARENT, A "bad.png", "is transparent in 91 %");
}

// A scene in 10 of 16 bits, `darker` times.
static void write_ten_bits(const char *name, uint32_t seed, uint32_t darker)
{
    struct picture p = make_scene(seed, SIDE);
    assert_true(picture_set_kind(&p, PIXEL_U16, PIXEL_WHOLE));
    for (size_t i = 0; i < picture_bytes(&p) / 2; i++)
        ((uint16_t *)p.samples)[i] /= (uint16_t)(64 * darker);
    write_picture(SCRATCH "/deep/", name, p);
}

// Contrast is that of the bits that are used: of its side for one that is nearly black.
static void test_bits(void **state)
{
    const struct pix_dataset_options o = { .data = SCRATCH "/deep", .singles = true };
    (void)state;
    assert_true(file_make_folder(SCRATCH "/deep"));
    for (uint32_t i = 0; i < 6; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%u.png", (unsigned)i);
        write_ten_bits(name, i, 1);
    }
    write_ten_bits("bad.png", 50, 32);
    write_ten_bits("worse.png", 3, 2);
    struct pix_dataset_report r = check_with(&o, NULL);
    assert_int_equal(r.counts[PIX_FINDING_BITS], 8);
    assert_int_equal(r.counts[PIX_FINDING_CONSTANT], 1);
    find(&r, PIX_FINDING_CONSTANT, SCRATCH "/deep/bad.png");
    assert_int_equal(r.counts[PIX_FINDING_SIMILAR], 1);
    find(&r, PIX_FINDING_SIMILAR, SCRATCH "/deep/worse.png");
    findings_free_report(&r);
}

// Label maps of few colours, one of which was smoothed.
static void test_colours(void **state)
{
    (void)state;
    for (uint32_t i = 0; i <= PAIRS; i++) {
        char name[16];
        struct picture p = make_target(i, SIDE);
        const char *folder = i < 10 || i == PAIRS ? B : DATA "/test/B/";
        for (size_t k = 0; i < PAIRS && k < picture_bytes(&p); k++)
            ((uint8_t *)p.samples)[k] &= 0xc0;
        snprintf(name, sizeof(name), i < PAIRS ? "%u.png" : "bad.png", (unsigned)i);
        write_picture(folder, name, p);
    }
    write_picture(A, "bad.png", make_scene(PAIRS, SIDE));
    expect(PIX_FINDING_COLOURS, B "bad.png",
           "more than 256 colours, and most of B have "
           "at most 64");
}

// A grey image, saved as RGB, among coloured ones.
static void test_grey(void **state)
{
    struct picture p = make_scene(PAIRS, SIDE);
    const size_t count = (size_t)SIDE * SIDE;
    uint8_t *x = p.samples;
    (void)state;
    for (size_t i = 0; i < count; i++) {
        x[count + i] = x[i];
        x[2 * count + i] = (uint8_t)(x[i] ^ 3);    // as JPEG leaves it
    }
    write_picture(A, "bad.png", p);
    write_picture(B, "bad.png", make_target(PAIRS, SIDE));
    expect(PIX_FINDING_GREY, A "bad.png",
           "has 3 channels, but no colours, and most of A");
    // Where all are grey, that is what they are.
    const struct pix_dataset_options o = { .data = SCRATCH "/greys", .singles = true };
    assert_true(file_make_folder(SCRATCH "/greys"));
    for (uint32_t i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%u.png", (unsigned)i);
        struct picture grey = make_scene(i, SIDE);
        for (int c = 1; c < 3; c++)
            memcpy((uint8_t *)grey.samples + c * count, grey.samples, count);
        write_picture(SCRATCH "/greys/", name, grey);
    }
    struct pix_dataset_report r = check_with(&o, NULL);
    assert_int_equal(r.counts[PIX_FINDING_GREY], 0);
    findings_free_report(&r);
}

static void copy(const char *from, const char *to)
{
    void *bytes;
    size_t size;
    assert_true(file_read(from, &bytes, &size) && file_write(to, bytes, size));
    mem_free(bytes);
}

static void test_copies(void **state)
{
    struct picture p;
    (void)state;
    write_picture(A, "bad.png", make_scene(50, SIDE));
    write_picture(B, "bad.png", make_scene(50, SIDE));
    expect(PIX_FINDING_EQUAL, A "bad.png", "is the same as its partner");
    // Whatever the file: the samples are compared.
    test_remove_tree(A "bad.png");
    p = make_scene(3, SIDE);
    write_picture(A, "bad.bmp", p);
    write_picture(B, "bad.png", make_target(3, SIDE));
    expect(PIX_FINDING_DUPLICATE, A "bad.bmp",
           "is the same pair as that of " A "3.png");
    write_picture(B, "bad.png", make_target(50, SIDE));
    expect(PIX_FINDING_DUPLICATE, A "bad.bmp",
           "is the same as " A "3.png, though their partners differ");
    // Across splits.
    test_remove_tree(A "bad.bmp");
    test_remove_tree(B "bad.png");
    copy(A "4.png", DATA "/test/A/bad.png");
    copy(B "4.png", DATA "/test/B/bad.png");
    expect(PIX_FINDING_DUPLICATE, DATA "/test/A/bad.png",
           "is the same pair as that of " A "4.png, which is for train");
}

// Brighter, smaller and as a JPEG.
static void test_similar(void **state)
{
    struct picture p = make_scene(5, SIDE);
    (void)state;
    for (size_t i = 0; i < picture_bytes(&p); i++)
        ((uint8_t *)p.samples)[i] = (uint8_t)(((uint8_t *)p.samples)[i] * 7 / 8 + 20);
    write_picture(A, "bad.jpg", p);
    write_picture(B, "bad.png", make_target(5, SIDE));
    struct pix_dataset_report r =
        check_with(&(struct pix_dataset_options){ .data = DATA }, NULL);
    const struct pix_finding *f = find(&r, PIX_FINDING_SIMILAR, A "bad.jpg");
    assert_string_equal(f->text,
                        "looks like " A "5.png, and their partners look alike");
    assert_string_equal(f->other, A "5.png");
    check_others(&r);
    findings_free_report(&r);
}

static void test_places(void **state)
{
    static const int32_t shifts[][2] = { { 6, -4 }, { -9, 0 }, { 0, 11 } };
    static const char *const texts[] = { " lies 6 pixels to the right and 4 up from ",
                                         " lies 9 pixels to the left from ",
                                         " lies 11 pixels down from " };
    (void)state;
    for (size_t k = 0; k < ARRAY_LEN(shifts); k++) {
        struct picture p = make_target(50, SIDE), moved;
        assert_true(picture_copy(&p, &moved));
        for (uint32_t c = 0; c < 3; c++)
            for (uint32_t y = 0; y < SIDE; y++)
                for (uint32_t x = 0; x < SIDE; x++)
                    *sample(&moved, c, (x + (uint32_t)(shifts[k][0] + SIDE)) % SIDE,
                            (y + (uint32_t)(shifts[k][1] + SIDE)) % SIDE) =
                        *sample(&p, c, x, y);
        picture_free(&p);
        write_picture(A, "bad.png", make_scene(50, SIDE));
        write_picture(B, "bad.png", moved);
        struct pix_dataset_report r =
            check_with(&(struct pix_dataset_options){ .data = DATA }, NULL);
        const struct pix_finding *f = find(&r, PIX_FINDING_SHIFTED, A "bad.png");
        assert_int_equal(f->level, PIX_FINDING_WARNING);
        assert_true(f->dx == shifts[k][0] && f->dy == shifts[k][1]);
        assert_string_equal(f->other, B "bad.png");
        assert_non_null(strstr(f->text, texts[k]));
        check_others(&r);
        findings_free_report(&r);
    }
    write_picture(B, "bad.png", make_target(51, SIDE));
    expect(PIX_FINDING_MISMATCHED, A "bad.png", "do they show the same?");
}

// ---------------------------------------------------------------------------

static uint64_t hash_folder(const char *folder)
{
    struct file_list files = { 0 }, folders = { 0 };
    uint64_t hash = HASH_START;
    assert_true(file_list_read_all(folder, &files, &folders));
    for (size_t i = 0; i < files.count + folders.count; i++) {
        const bool is_file = i < files.count;
        char *path = file_join(folder, is_file ? files.names[i]
                                               : folders.names[i - files.count]);
        hash = hash_text(hash, path);
        if (is_file) {
            void *bytes;
            size_t size;
            assert_true(file_read(path, &bytes, &size));
            hash = hash_bytes(hash, bytes, size);
            mem_free(bytes);
        } else {
            const uint64_t inner = hash_folder(path);
            hash = hash_bytes(hash, &inner, sizeof(inner));
        }
        mem_free(path);
    }
    file_list_free(&files);
    file_list_free(&folders);
    return hash;
}

// The same report from any number of threads, with a sheet that has a row for each
// pair, and no file is touched.
static void test_sheet(void **state)
{
    struct pix_dataset_options o = { .data = DATA, .threads = 1 };
    struct picture sheet;
    struct reason reason;
    (void)state;
    write_text(A "bad0.png");
    write_picture(B, "bad0.png", make_target(60, SIDE));
    copy(A "4.png", A "bad1.png");
    copy(B "4.png", B "bad1.png");
    write_picture(A, "bad2.png", make_scene(61, SIDE));
    write_picture(B, "bad2.png", make_scene(61, SIDE));
    const uint64_t before = hash_folder(DATA);
    struct pix_dataset_report one = check_with(&o, NULL);
    o.threads = 3;
    struct pix_dataset_report three = check_with(&o, SCRATCH "/sheet.png");
    assert_true(hash_folder(DATA) == before);
    assert_int_equal(one.count, three.count);
    for (size_t i = 0; i < one.count; i++) {
        assert_int_equal(one.findings[i].kind, three.findings[i].kind);
        assert_string_equal(one.findings[i].file, three.findings[i].file);
        assert_string_equal(one.findings[i].text, three.findings[i].text);
        assert_int_equal(one.findings[i].row, 0);
    }
    assert_int_equal(find(&three, PIX_FINDING_BROKEN, A "bad0.png")->row, 0);
    assert_int_equal(find(&three, PIX_FINDING_EQUAL, A "bad2.png")->row, 1);
    assert_int_equal(find(&three, PIX_FINDING_DUPLICATE, A "bad1.png")->row, 2);
    assert_true(picture_read(SCRATCH "/sheet.png", &sheet, &reason));
    assert_true(sheet.width >= 4 * 128 && sheet.height >= 2 * 128);
    picture_free(&sheet);
    findings_free_report(&one);
    findings_free_report(&three);
    // It is never written over anything.
    assert_false(check_dataset(&o, SCRATCH "/sheet.png", &one));
    test_check_message("exists already");
    assert_false(check_dataset(&o, A "sheet.png", &one));
    test_check_message(A "sheet.png lies in the data set");
    assert_null(one.findings);
    assert_true(hash_folder(DATA) == before);
    // Without it the rest is there.
    assert_false(check_dataset(&o, SCRATCH "/no/sheet.png", &one));
    test_check_message("cannot create " SCRATCH "/no/sheet");
    assert_int_equal(find(&one, PIX_FINDING_EQUAL, A "bad2.png")->row, 0);
    findings_free_report(&one);
}

// Images A|B, and single ones.
static void test_layouts(void **state)
{
    struct pix_dataset_options o = { .data = SCRATCH "/joined" };
    struct picture p;
    struct reason reason;
    (void)state;
    assert_true(file_make_folder(SCRATCH "/joined"));
    for (uint32_t i = 0; i < PAIRS; i++) {
        char name[16];
        struct picture a = make_scene(i, SIDE), b = make_target(i, SIDE);
        const uint32_t width = 2 * SIDE + (i == 3);
        assert_true(picture_create(&p, PIXEL_U8, 3, width, SIDE));
        for (uint32_t c = 0; c < 3; c++)
            for (uint32_t y = 0; y < SIDE; y++) {
                memcpy(sample(&p, c, 0, y), sample(&a, c, 0, y), SIDE);
                memcpy(sample(&p, c, width - SIDE, y), sample(&b, c, 0, y), SIDE);
            }
        picture_free(&a);
        picture_free(&b);
        snprintf(name, sizeof(name), i == 3 ? "bad.png" : "%u.png", (unsigned)i);
        write_picture(SCRATCH "/joined/", name, p);
    }
    expect_as(&o, PIX_FINDING_SIZE, SCRATCH "/joined/bad.png", "halves of 96 and 97");
    o = (struct pix_dataset_options){ .data = DATA "/train/A", .singles = true };
    copy(A "4.png", A "bad.png");
    expect_as(&o, PIX_FINDING_DUPLICATE, A "bad.png", "is the same as " A "4.png");
    // A sheet has columns for what there is.
    struct pix_dataset_report r = check_with(&o, SCRATCH "/singles.png");
    findings_free_report(&r);
    assert_true(picture_read(SCRATCH "/singles.png", &p, &reason));
    assert_int_equal(p.width, 2 * 256);
    picture_free(&p);
}

static void test_refused(void **state)
{
    struct pix_dataset_options o = { .data = DATA, .pairs = "x.csv" };
    struct pix_dataset_report r;
    (void)state;
    assert_false(check_dataset(&o, NULL, &r));
    test_check_message("both given");
    o = (struct pix_dataset_options){ .data = DATA, .split = "val" };
    assert_false(check_dataset(&o, NULL, &r));
    o = (struct pix_dataset_options){ .data = SCRATCH "/nowhere" };
    assert_false(check_dataset(&o, NULL, &r));
    o = (struct pix_dataset_options){ .data = DATA, .split_ratio = "1:1" };
    assert_false(check_dataset(&o, NULL, &r));
    findings_free_report(&r);
}

#define PLANTED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLANTED(test_clean),   PLANTED(test_files),  PLANTED(test_cut),
        PLANTED(test_turned),  PLANTED(test_kinds),  PLANTED(test_sizes),
        PLANTED(test_samples), PLANTED(test_bits),   PLANTED(test_colours),
        PLANTED(test_grey),    PLANTED(test_copies), PLANTED(test_similar),
        PLANTED(test_places),  PLANTED(test_sheet),  PLANTED(test_layouts),
        PLANTED(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
