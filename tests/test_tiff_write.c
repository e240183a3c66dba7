// SPDX-License-Identifier: MIT
//
// Writing TIFF: what is written is read again, in every layout; what goes from a file
// to one that is made of it; where an image of another size lies.

#define _POSIX_C_SOURCE 200809L    // popen

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/palette.h"
#include "data/picture_file.h"
#include "support/log.h"
#include "support/tree.h"

#ifdef PIX_HAVE_TIFF

#include <signal.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/encoded.h"
#include "data/tiff.h"
#include "data/tiff_tags.h"

#define FIXTURES TEST_FIXTURES "/tiff"
#define SCRATCH "test_tiff_write.tmp"
#define MADE SCRATCH "/made.tif"

enum { WIDTH = 37, HEIGHT = 53 };

static void make_picture(struct picture *p, enum pixel_kind kind, uint32_t channels)
{
    uint32_t state = channels;
    assert_true(picture_create(p, kind, channels, WIDTH, HEIGHT));
    for (size_t i = 0; i < (size_t)channels * WIDTH * HEIGHT; i++) {
        state = state * 1664525 + 1013904223;
        if (kind == PIXEL_F32)
            ((float *)p->samples)[i] = (float)(int32_t)state / 1000.0f;
        else if (kind == PIXEL_U16)
            ((uint16_t *)p->samples)[i] = (uint16_t)(state >> 16);
        else
            ((uint8_t *)p->samples)[i] = (uint8_t)(state >> 24);
    }
}

static struct picture_tags *read_tags(const char *path)
{
    struct reason reason;
    struct source source;
    assert_true(source_open(&source, path, &reason));
    struct tiff_reader *reader = tiff_reader_open(&source, 0, &reason);
    if (!reader)
        fail_msg("%s: %s", path, reason.text);
    struct picture_tags *tags = tiff_reader_tags(reader, &reason);
    assert_non_null(tags);
    tiff_reader_close(reader);
    source_close(&source);
    return tags;
}

static struct encoded file;

static struct tiff_writer *open_writer(const struct tiff_form *form)
{
    assert_true(encoded_begin(&file, MADE));
    return tiff_writer_open(&file, form, MADE);
}

static void check_read(const char *what, const struct picture *p)
{
    struct picture back;
    struct reason reason;
    if (!picture_read(MADE, &back, &reason))
        fail_msg("%s: %s", what, reason.text);
    assert_int_equal(back.kind, p->kind);
    assert_int_equal(back.channels, p->channels);
    assert_int_equal(back.width, p->width);
    assert_int_equal(back.height, p->height);
    if (memcmp(back.samples, p->samples, picture_bytes(p)) != 0)
        fail_msg("%s: other samples", what);
    picture_free(&back);
}

// ---------------------------------------------------------------------------
// Kinds and layouts

static void test_kinds(void **state)
{
    static const uint32_t channels[] = { 1, 2, 3, 4, 7, 64 };
    (void)state;
    for (int kind = 0; kind < PIXEL_KINDS; kind++)
        for (size_t i = 0; i < ARRAY_LEN(channels); i++) {
            struct picture p, back;
            struct reason reason;
            make_picture(&p, (enum pixel_kind)kind, channels[i]);
            assert_true(picture_can_be_written(MADE, p.kind, p.channels));
            assert_true(picture_write(MADE, &p));
            check_read(pixel_kind_name(p.kind), &p);
            // Alpha stays alpha.
            assert_true(picture_read(MADE, &back, &reason));
            assert_int_equal(back.is_array, kind == PIXEL_F32 || channels[i] > 4);
            struct picture_tags *tags = read_tags(MADE);
            assert_int_equal(tags->compression, 8);
            assert_int_equal(tags->predictor, kind == PIXEL_F32 ? 3 : 2);
            picture_tags_free(tags);
            picture_free(&back);
            picture_free(&p);
        }
}

// As the input was stored, as far as that can be.
static void test_layouts(void **state)
{
    static const struct {
        uint16_t compression, predictor;
        uint32_t tile;
        bool is_planar;
        uint16_t then, then_predictor;
    } cases[] = {
        { 1, 1, 0, false, 1, 1 },         { 1, 1, 16, true, 1, 1 },
        { 5, 1, 0, true, 5, 1 },          { 5, 2, 32, false, 5, 2 },
        { 8, 2, 64, true, 8, 2 },         { 32946, 3, 0, false, 32946, 2 },
        { 32773, 1, 0, false, 32773, 1 }, { 50000, 2, 16, false, 50000, 2 },
        { 7, 1, 16, false, 8, 2 },        { 4, 1, 0, false, 8, 2 },
        { 5, 2, 24, false, 5, 2 },
    };
    struct picture p;
    (void)state;
    for (int kind = 0; kind < PIXEL_KINDS; kind++)
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            make_picture(&p, (enum pixel_kind)kind, 3);
            p.tags = mem_zalloc(sizeof(*p.tags));
            assert_non_null(p.tags);
            *p.tags = (struct picture_tags){ .width = WIDTH,
                                             .height = HEIGHT,
                                             .compression = cases[i].compression,
                                             .predictor = cases[i].predictor,
                                             .kind = (enum pixel_kind)kind,
                                             .tile_width = cases[i].tile,
                                             .tile_height = cases[i].tile,
                                             .is_planar = cases[i].is_planar };
            assert_true(picture_write(MADE, &p));
            check_read("layout", &p);
            struct picture_tags *tags = read_tags(MADE);
            assert_int_equal(tags->compression, cases[i].then);
            if (cases[i].then_predictor == 2 && kind == PIXEL_F32)
                assert_int_equal(tags->predictor, 3);
            else
                assert_int_equal(tags->predictor, cases[i].then_predictor);
            assert_int_equal(tags->tile_width, cases[i].tile % 16 ? 0 : cases[i].tile);
            assert_int_equal(tags->is_planar, cases[i].is_planar);
            picture_tags_free(tags);
            picture_free(&p);
        }
}

// That samples of another kind had no predictor says nothing.
static void test_other_kind(void **state)
{
    static const uint16_t expected[] = { 1, 2, 3 };
    (void)state;
    for (int kind = 0; kind < PIXEL_KINDS; kind++) {
        struct picture p;
        make_picture(&p, (enum pixel_kind)kind, 3);
        p.tags = mem_zalloc(sizeof(*p.tags));
        assert_non_null(p.tags);
        *p.tags = (struct picture_tags){ .width = WIDTH,
                                         .height = HEIGHT,
                                         .compression = 5,
                                         .predictor = 1,
                                         .kind = PIXEL_U8 };
        assert_true(picture_write(MADE, &p));
        check_read("other kind", &p);
        struct picture_tags *tags = read_tags(MADE);
        assert_int_equal(tags->compression, 5);
        assert_int_equal(tags->predictor, expected[kind]);
        picture_tags_free(tags);
        picture_free(&p);
    }
}

static void test_rows(void **state)
{
    static const uint32_t steps[] = { 1, 5, 16, 17, HEIGHT };
    struct picture p;
    (void)state;
    make_picture(&p, PIXEL_U16, 3);
    for (uint32_t tile = 0; tile <= 16; tile += 16)
        for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
            const struct picture_tags tags = { .compression = 5,
                                               .tile_width = tile,
                                               .tile_height = tile };
            const struct tiff_form form = { PIXEL_U16, 3, WIDTH, HEIGHT, false, &tags };
            struct tiff_writer *w = open_writer(&form);
            assert_non_null(w);
            for (uint32_t y = 0; y < HEIGHT; y += steps[k])
                assert_true(tiff_writer_write(w, MIN(steps[k], HEIGHT - y),
                                              (uint16_t *)p.samples + (size_t)y * WIDTH,
                                              WIDTH * HEIGHT));
            assert_true(tiff_writer_close(w, true));
            check_read("rows", &p);
        }
    picture_free(&p);
}

static bool has_bytes(const uint8_t *bytes, size_t count)
{
    void *data;
    size_t size;
    bool has = false;
    assert_true(file_read(MADE, &data, &size));
    for (size_t i = 0; !has && i + count <= size; i++)
        has = memcmp((uint8_t *)data + i, bytes, count) == 0;
    mem_free(data);
    return has;
}

// The colours of classes are written as indices, in strips and tiles, chunky where the
// input was planar; what stands for no data in samples of the input is none of them.
static void test_palette(void **state)
{
    static const struct palette palette = {
        3, { { 200, 30, 30 }, { 0, 0, 0 }, { 10, 255, 1 } }
    };
    // The tag PhotometricInterpretation, one SHORT.
    static const uint8_t is_palette[] = { 6, 1, 3, 0, 1, 0, 0, 0, 3, 0 };
    struct picture p;
    (void)state;
    make_picture(&p, PIXEL_U8, 3);
    const size_t plane = (size_t)WIDTH * HEIGHT;
    for (size_t i = 0; i < plane; i++)
        for (size_t c = 0; c < 3; c++)
            ((uint8_t *)p.samples)[c * plane + i] =
                palette.colours[(i / 5 + i / WIDTH) % 3][c];
    for (uint32_t tile = 0; tile <= 16; tile += 16) {
        const struct picture_tags tags = { .width = WIDTH,
                                           .height = HEIGHT,
                                           .compression = 5,
                                           .predictor = 2,
                                           .tile_width = tile,
                                           .tile_height = tile,
                                           .is_planar = true,
                                           .has_no_data = true };
        const struct tiff_form form = { PIXEL_U8, 3,     WIDTH,   HEIGHT,
                                        false,    &tags, &palette };
        struct tiff_writer *w = open_writer(&form);
        assert_non_null(w);
        for (uint32_t y = 0; y < HEIGHT; y += 7)
            assert_true(tiff_writer_write(w, MIN(7, HEIGHT - y),
                                          (uint8_t *)p.samples + (size_t)y * WIDTH,
                                          plane));
        assert_true(tiff_writer_close(w, true));
        check_read("palette", &p);
        assert_true(picture_tags_lose_no_data(&tags, PIXEL_U8, &palette));
        assert_false(picture_tags_lose_no_data(&tags, PIXEL_U8, NULL));
        struct picture_tags *made = read_tags(MADE);
        assert_int_equal(made->predictor, 1);
        assert_false(made->has_no_data);
        picture_tags_free(made);
        assert_true(has_bytes(is_palette, sizeof(is_palette)));
    }
    picture_free(&p);
}

// ---------------------------------------------------------------------------
// Whole or not at all

static bool count_name(void *user, const char *name)
{
    uint32_t *count = user;
    *count += name[0] != '.' || strlen(name) > 2;
    return true;
}

static uint32_t count_files(void)
{
    uint32_t count = 0;
    assert_true(os_folder_list(SCRATCH, count_name, &count));
    return count;
}

static void test_whole(void **state)
{
    struct rlimit all;
    struct picture p;
    (void)state;
    assert_true(test_remove_tree(SCRATCH) && file_make_folder(SCRATCH));
    make_picture(&p, PIXEL_F32, 7);
    const struct tiff_form form = { PIXEL_F32, 7, WIDTH, HEIGHT, false, NULL };
    // A row is missing, or it is not wanted.
    for (int commit = 0; commit < 2; commit++) {
        struct tiff_writer *w = open_writer(&form);
        assert_non_null(w);
        assert_true(tiff_writer_write(w, HEIGHT - commit, p.samples, WIDTH * HEIGHT));
        assert_false(tiff_writer_close(w, commit));
        assert_int_equal(count_files(), 0);
    }
    // A disk that is full, at any moment: one message each.
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    bool ok = false;
    for (rlim_t room = 0; !ok; room += 3001) {
        const struct rlimit some = { room, all.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &some), 0);
        test_keep_messages(LOG_INFO);
        ok = picture_write(MADE, &p);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
        if (!ok) {
            assert_int_equal(test_messages.errors, 1);
            test_check_message("cannot write");
            assert_int_equal(count_files(), 0);
        }
    }
    signal(SIGXFSZ, before);
    check_read("room", &p);
    picture_free(&p);
}

static bool read_mark(void *user, const char *name)
{
    char path[512];
    FILE *stream;
    if (file_is_temporary(name)) {
        snprintf(path, sizeof(path), SCRATCH "/%s", name);
        stream = fopen(path, "rb");
        assert_non_null(stream);
        assert_int_equal(fread(user, 1, 4, stream), 4);
        fclose(stream);
    }
    return true;
}

// Offsets of more than 4 GiB need BigTIFF; others can be read by more programs.
static void test_big(void **state)
{
    static const struct {
        uint32_t side;
        const char *mark;
    } cases[] = { { 37000, "II*" }, { 38000, "II+" } };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const uint32_t side = cases[i].side;
        const struct tiff_form form = { PIXEL_U8, 3, side, side, false, NULL };
        struct tiff_writer *w = open_writer(&form);
        char mark[5] = "";
        assert_non_null(w);
        uint8_t *row = mem_zalloc((size_t)side * 3 * 16);
        for (uint32_t y = 0; y < 64; y += 16)    // so that something is in the file
            assert_true(tiff_writer_write(w, 16, row, (size_t)side * 16));
        mem_free(row);
        assert_true(os_folder_list(SCRATCH, read_mark, mark));
        assert_memory_equal(mark, cases[i].mark, 4);
        assert_false(tiff_writer_close(w, false));
    }
}

// ---------------------------------------------------------------------------
// What goes from file to file

static void check_tag(const struct picture_tags *from, const struct picture_tags *to,
                      uint16_t number)
{
    const struct tiff_tag *a = tiff_tags_find(from->tags, from->count, number);
    const struct tiff_tag *b = tiff_tags_find(to->tags, to->count, number);
    if (!a || !b)
        fail_msg("tag %u is missing", (unsigned)number);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->values, b->values, a->count * tiff_type_bytes(a->type));
}

// Reads a file and writes it at a size; then the tags of both.
static void carry(const char *name, uint32_t channels, uint32_t width, uint32_t height,
                  bool as_stored, struct picture_tags **from, struct picture_tags **to,
                  uint32_t *losses)
{
    const struct picture_reading reading = { .with_tags = true,
                                             .as_stored = as_stored };
    char path[512];
    struct picture in, out;
    struct reason reason;
    snprintf(path, sizeof(path), FIXTURES "/%s.tif", name);
    assert_true(picture_read_with(path, &reading, &in, &reason));
    assert_true(picture_create(&out, in.kind, channels, width, height));
    out.tags = in.tags;
    in.tags = NULL;
    *losses = picture_tags_losses(out.tags, picture_file_holds(MADE), channels, width,
                                  height);
    assert_true(picture_write(MADE, &out));
    picture_free(&in);
    picture_free(&out);
    *from = read_tags(path);
    *to = read_tags(MADE);
}

static void test_same_size(void **state)
{
    static const char *const files[] = { "place-scale", "place-point-be",
                                         "place-matrix" };
    struct picture_tags *from, *to;
    uint32_t losses;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        carry(files[i], 3, 40, 24, false, &from, &to, &losses);
        assert_int_equal(from->count, i == 2 ? 10 : 11);
        assert_int_equal(to->count, from->count);
        for (uint32_t k = 0; k < from->count; k++)
            check_tag(from, to, from->tags[k].number);
        assert_int_equal(to->compression, i == 2 ? 8 : from->compression);
        assert_int_equal(to->tile_width, from->tile_width);
        assert_int_equal(to->is_planar, from->is_planar);
        assert_int_equal(losses, i == 2 ? PICTURE_LOSES_COMPRESSION : 0);
        picture_tags_free(from);
        picture_tags_free(to);
    }
    // One channel has no use for the profile of three.
    carry(files[0], 1, 40, 24, false, &from, &to, &losses);
    assert_int_equal(losses, PICTURE_LOSES_PROFILE);
    assert_null(tiff_tags_find(to->tags, to->count, TIFF_ICC_PROFILE));
    picture_tags_free(from);
    picture_tags_free(to);
}

// The entry of a tag in a little-endian file.
static uint8_t *find_entry(void *data, size_t size, uint16_t number)
{
    uint8_t *bytes = data;
    const size_t directory = bytes[4] | (size_t)bytes[5] << 8;
    const unsigned count = bytes[directory] | (unsigned)bytes[directory + 1] << 8;
    assert_true(directory + 2 + 12 * count <= size);
    for (unsigned i = 0; i < count; i++) {
        uint8_t *entry = bytes + directory + 2 + (size_t)12 * i;
        if ((entry[0] | entry[1] << 8) == number)
            return entry;
    }
    fail_msg("there is no tag %u", (unsigned)number);
    return NULL;
}

// Changes an entry of a file and the value of another one, and writes it as it is read.
static uint32_t write_changed(const char *path, uint16_t number, uint8_t to,
                              uint16_t other, uint8_t value)
{
    const struct picture_reading reading = { .with_tags = true };
    struct picture p;
    struct reason reason;
    void *data;
    size_t size;
    assert_true(file_read(path, &data, &size));
    find_entry(data, size, number)[0] = to;
    find_entry(data, size, other)[8] = value;
    assert_true(file_write(MADE, data, size));
    mem_free(data);
    if (!picture_read_with(MADE, &reading, &p, &reason))
        fail_msg("%s", reason.text);
    const uint32_t losses = picture_tags_losses(p.tags, picture_file_holds(MADE),
                                                p.channels, p.width, p.height);
    assert_true(picture_write(MADE, &p));
    picture_free(&p);
    return losses;
}

// A unit of resolution that there is not is left out, with a word: libtiff would refuse
// to write it. One ink (InkSet 2 in place of SampleFormat) is written as grey.
static void test_odd(void **state)
{
    (void)state;
    assert_int_equal(write_changed(FIXTURES "/place-scale.tif", 296, 296 & 255, 296, 0),
                     PICTURE_LOSES_DAMAGED);
    assert_int_equal(write_changed(FIXTURES "/low-i8.tif", 339, 332 & 255, 262, 5), 0);
}

// A tag of another type than its own, and a resolution that is no number, are left out,
// with a word; all others stay, but for a resolution in one direction only.
static void test_malformed(void **state)
{
    static const struct {
        uint16_t number;
        uint8_t type, none;    // what is written; `none`: zeros as the value, too
    } cases[] = {
        { TIFF_X_RESOLUTION, 5, 1 },    { TIFF_Y_RESOLUTION, 10, 0 },
        { TIFF_Y_RESOLUTION, 12, 0 },   { TIFF_X_RESOLUTION, 4, 0 },
        { TIFF_RESOLUTION_UNIT, 1, 0 }, { TIFF_PIXEL_SCALE, 11, 0 },
        { TIFF_TIE_POINTS, 5, 0 },      { TIFF_GEO_KEYS, 8, 0 },
        { TIFF_GEO_DOUBLES, 2, 0 },     { TIFF_GEO_TEXTS, 7, 0 },
        { TIFF_ICC_PROFILE, 2, 0 },     { TIFF_GDAL_METADATA, 1, 0 },
        { TIFF_GDAL_NO_DATA, 3, 0 },
    };
    const struct picture_reading reading = { .with_tags = true };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct picture p;
        struct reason reason;
        void *data;
        size_t size;
        assert_true(file_read(FIXTURES "/place-scale.tif", &data, &size));
        uint8_t *entry = find_entry(data, size, cases[i].number);
        entry[2] = cases[i].type;
        if (cases[i].none)
            memset((uint8_t *)data + (entry[8] | entry[9] << 8), 0, 8);
        assert_true(file_write(MADE, data, size));
        mem_free(data);
        if (!picture_read_with(MADE, &reading, &p, &reason))
            fail_msg("tag %u: %s", (unsigned)cases[i].number, reason.text);
        const uint32_t count = p.tags->count;
        assert_int_equal(
            picture_tags_losses(p.tags, picture_file_holds(MADE), 3, p.width, p.height),
            PICTURE_LOSES_DAMAGED);
        assert_true(picture_write(MADE, &p));
        picture_free(&p);
        struct picture_tags *tags = read_tags(MADE);
        const bool is_half = cases[i].number == TIFF_X_RESOLUTION ||
                             cases[i].number == TIFF_Y_RESOLUTION;
        assert_int_equal(count, is_half ? 9 : 10);
        if (tags->count != count || tiff_tags_find(tags->tags, count, cases[i].number))
            fail_msg("tag %u is written", (unsigned)cases[i].number);
        picture_tags_free(tags);
    }
}

static const double *values_of(const struct picture_tags *t, uint16_t number)
{
    const struct tiff_tag *tag = tiff_tags_find(t->tags, t->count, number);
    return tag ? tag->values : NULL;
}

// Where a corner of an image lies, as GDAL computes it: GeoTIFF 1.1, annex B.6; where
// coordinates are those of points, the corner is half a pixel before the first.
static void find_corner(const struct picture_tags *t, double x, double y, double out[2])
{
    const uint16_t *keys = tiff_tags_find(t->tags, t->count, TIFF_GEO_KEYS)->values;
    const double *m = values_of(t, TIFF_MATRIX);
    const double shift = keys[11] == 2 ? 0.5 : 0;
    const double i = x - shift, j = y - shift;
    if (m) {
        out[0] = m[0] * i + m[1] * j + m[3];
        out[1] = m[4] * i + m[5] * j + m[7];
        return;
    }
    const double *tie = values_of(t, TIFF_TIE_POINTS);
    const double *scale = values_of(t, TIFF_PIXEL_SCALE);
    out[0] = tie[3] + (i - tie[0]) * scale[0];
    out[1] = tie[4] - (j - tie[1]) * scale[1];
}

static void test_other_size(void **state)
{
    static const char *const files[] = { "place-scale", "place-point-be",
                                         "place-matrix" };
    static const uint32_t sizes[][2] = { { 80, 48 }, { 256, 256 }, { 13, 7 } };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
            const uint32_t w = sizes[k][0], h = sizes[k][1];
            struct picture_tags *from, *to;
            uint32_t losses;
            carry(files[i], 3, w, h, false, &from, &to, &losses);
            assert_int_equal(losses & ~(uint32_t)PICTURE_LOSES_COMPRESSION, 0);
            for (uint32_t corner = 0; corner < 4; corner++) {
                const double x = corner & 1, y = corner >> 1;
                double before[2], after[2];
                find_corner(from, x * 40, y * 24, before);
                find_corner(to, x * w, y * h, after);
                for (int c = 0; c < 2; c++)
                    if (!(before[c] - after[c] < 1e-6 && after[c] - before[c] < 1e-6))
                        fail_msg("%s at %ux%u: corner %u lies at %.9g, not %.9g",
                                 files[i], (unsigned)w, (unsigned)h, (unsigned)corner,
                                 after[c], before[c]);
            }
            // As many pixels on the same paper.
            const uint32_t *r =
                tiff_tags_find(to->tags, to->count, TIFF_Y_RESOLUTION)->values;
            const double dots = (double)r[0] / r[1] - 144.0 * h / 24;
            assert_true(dots < 0.001 && dots > -0.001);
            check_tag(from, to, TIFF_GEO_KEYS);
            check_tag(from, to, TIFF_GDAL_NO_DATA);
            picture_tags_free(from);
            picture_tags_free(to);
        }
}

// What the program of the authors of GeoTIFF says of a file.
static void ask_listgeo(const char *path, char *text, size_t size)
{
    char command[1024];
    snprintf(command, sizeof(command),
             "listgeo '%s' 2>/dev/null | grep -E '^(Upper|Lower)'", path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    text[fread(text, 1, size - 1, pipe)] = '\0';
    pclose(pipe);
}

static void test_listgeo(void **state)
{
    static const char *const files[] = { "place-scale", "place-matrix" };
    char before[2048], after[2048];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[512];
        struct picture_tags *from, *to;
        uint32_t losses;
        snprintf(path, sizeof(path), FIXTURES "/%s.tif", files[i]);
        ask_listgeo(path, before, sizeof(before));
        if (!before[0]) {
            print_message("skipped: there is no listgeo (geotiff-bin)\n");
            skip();
        }
        for (uint32_t side = 40; side <= 80; side += 40) {
            carry(files[i], 3, side, side == 40 ? 24 : 96, false, &from, &to, &losses);
            ask_listgeo(MADE, after, sizeof(after));
            assert_string_equal(after, before);
            picture_tags_free(from);
            picture_tags_free(to);
        }
    }
}

// The georeference is that of the pixels as they are stored.
static void test_turned(void **state)
{
    struct picture_tags *from, *to;
    uint32_t losses;
    (void)state;
    carry("place-turned", 3, 24, 40, false, &from, &to, &losses);
    assert_int_equal(losses, PICTURE_LOSES_PLACE_BY_TURN);
    assert_null(tiff_tags_find(to->tags, to->count, TIFF_PIXEL_SCALE));
    assert_null(tiff_tags_find(to->tags, to->count, TIFF_GEO_KEYS));
    assert_int_equal(to->orientation, 0);
    // Width and height have changed places, and so have their resolutions.
    const uint32_t *x =
        tiff_tags_find(from->tags, from->count, TIFF_X_RESOLUTION)->values;
    const uint32_t *y = tiff_tags_find(to->tags, to->count, TIFF_Y_RESOLUTION)->values;
    assert_memory_equal(x, y, 8);
    picture_tags_free(from);
    picture_tags_free(to);
    carry("place-turned", 3, 40, 24, true, &from, &to, &losses);
    assert_int_equal(losses, 0);
    assert_non_null(tiff_tags_find(to->tags, to->count, TIFF_PIXEL_SCALE));
    assert_int_equal(to->orientation, 0);
    picture_tags_free(from);
    picture_tags_free(to);
}

static int setup(void **state)
{
    (void)state;
    return test_remove_tree(SCRATCH) && file_make_folder(SCRATCH) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),      cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_other_kind), cmocka_unit_test(test_rows),
        cmocka_unit_test(test_palette),    cmocka_unit_test(test_whole),
        cmocka_unit_test(test_big),        cmocka_unit_test(test_same_size),
        cmocka_unit_test(test_other_size), cmocka_unit_test(test_listgeo),
        cmocka_unit_test(test_turned),     cmocka_unit_test(test_odd),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests_name("tiff_write", tests, setup, NULL);
}

#else

int main(void)
{
    printf("skipped: this build is without libtiff\n");
    return 77;
}

#endif
