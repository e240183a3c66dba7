// SPDX-License-Identifier: MIT
//
// Streams of frames through the public API: what is written is what single images
// become, in order and without waiting for later frames; streams that end, are cut,
// cannot be read or are no longer wanted.

#define _XOPEN_SOURCE 700

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/os.h"
#include "data/y4m.h"

#define SCRATCH "test_stream.scratch"
#include "support/tiny.h"

#define RUN SCRATCH "/run"
#define WAIT_SECONDS 60

enum { SIDE = CROP, FRAMES = 9 };

// Both ends of a stream, in memory.
struct wire {
    uint8_t *in, *out;
    size_t size, at, written;
    size_t head, frame;    // bytes of the input before its frames, and of one
    size_t slice;          // bytes that a read gives at most; 0: any
    bool waits;            // no frame is given before all before it were written
    bool was_late;
    size_t fail_read, fail_write;    // from so many bytes on, if not 0
    uint32_t write_ms;
    uint64_t frames, stop_after;
    struct os_mutex *mutex;
};

static void sleep_ms(uint32_t ms)
{
    const struct timespec time = { ms / 1000, (long)(ms % 1000) * 1000000 };
    nanosleep(&time, NULL);
}

static uint64_t frames_of(struct wire *w)
{
    os_mutex_lock(w->mutex);
    const uint64_t frames = w->frames;
    os_mutex_unlock(w->mutex);
    return frames;
}

static bool read_wire(void *user, void *bytes, size_t size, size_t *count,
                      const char **reason)
{
    struct wire *w = user;
    const double start = os_seconds();
    if (w->fail_read && w->at >= w->fail_read) {
        *reason = "the camera fell over";
        return false;
    }
    while (w->waits && w->at > w->head && frames_of(w) < (w->at - w->head) / w->frame) {
        w->was_late = os_seconds() - start > WAIT_SECONDS;
        if (w->was_late)
            return false;
        sleep_ms(1);
    }
    *count = MIN(size, w->size - w->at);
    if (w->slice)
        *count = MIN(*count, w->slice);
    // A frame ends here, so that the next one is waited for.
    if (w->waits && w->at >= w->head)
        *count = MIN(*count, w->frame - (w->at - w->head) % w->frame);
    memcpy(bytes, w->in + w->at, *count);
    w->at += *count;
    return true;
}

static bool write_wire(void *user, const void *bytes, size_t size, const char **reason)
{
    struct wire *w = user;
    if (w->fail_write && w->written >= w->fail_write) {
        *reason = "the screen went dark";
        return false;
    }
    if (w->write_ms)
        sleep_ms(w->write_ms);
    w->out = realloc(w->out, w->written + size);
    assert_non_null(w->out);
    memcpy(w->out + w->written, bytes, size);
    w->written += size;
    return true;
}

static bool count_frame(void *user, uint64_t frames)
{
    struct wire *w = user;
    os_mutex_lock(w->mutex);
    w->frames = frames;
    os_mutex_unlock(w->mutex);
    return !w->stop_after || frames < w->stop_after;
}

// Noise, so that every frame has an output of its own.
static void open_wire(struct wire *w, const char *header, size_t frame, uint32_t frames)
{
    const size_t line = header ? Y4M_FRAME_SIZE : 0;
    uint32_t noise = 7;
    *w = (struct wire){ .head = header ? strlen(header) : 0, .frame = line + frame };
    w->size = w->head + frames * w->frame;
    w->in = mem_alloc(w->size);
    w->mutex = os_mutex_create();
    for (size_t i = 0; i < w->size; i++) {
        noise = noise * 1664525u + 1013904223u;
        w->in[i] = (uint8_t)(noise >> 24);
    }
    if (header)
        memcpy(w->in, header, w->head);
    for (uint32_t i = 0; header && i < frames; i++)
        memcpy(w->in + w->head + i * w->frame, Y4M_FRAME, Y4M_FRAME_SIZE);
}

static void rewind_wire(struct wire *w)
{
    free(w->out);
    w->out = NULL;
    w->at = w->written = 0;
    w->frames = 0;
}

static void close_wire(struct wire *w)
{
    rewind_wire(w);
    mem_free(w->in);
    os_mutex_destroy(w->mutex);
}

static pix_translator *open_following(double flicker, const char *mode, uint32_t batch,
                                      uint32_t tile)
{
    struct pix_translate_options o;
    pix_translate_options_init(&o);
    o.model = RUN;
    o.tuning = "off";
    o.flicker = flicker;
    o.mode = mode;
    o.batch_size = batch;
    o.tile = tile;
    return pix_translator_create(public_device, &o);
}

static pix_translator *open_model(uint32_t batch_size, uint32_t threads)
{
    struct pix_translate_options o;
    pix_translate_options_init(&o);
    o.model = RUN;
    o.tuning = "off";
    o.batch_size = batch_size;
    o.threads = threads;
    pix_translator *translator = pix_translator_create(public_device, &o);
    assert_non_null(translator);
    return translator;
}

static struct pix_stream_options stream_of(struct wire *w, const char *raw)
{
    return (struct pix_stream_options){ .read = read_wire,
                                        .write = write_wire,
                                        .done = count_frame,
                                        .user = w,
                                        .raw = raw };
}

#define RAW "rgb24:32x32"
#define RAW_BYTES ((size_t)3 * SIDE * SIDE)

// Frame k is what image k becomes, one at a time and in batches, with any threads and
// reads of any size, and also where the reader is slow.
static void test_same_as_images(void **state)
{
    static const struct {
        uint32_t batch, threads, write_ms;
        size_t slice;
    } cases[] = { { 1, 0, 0, 0 }, { 1, 1, 0, 1000 }, { 1, 8, 20, 0 }, { 4, 2, 0, 7 } };
    struct wire w;
    (void)state;
    public_need_device();
    open_wire(&w, NULL, RAW_BYTES, FRAMES);
    uint8_t *expected = mem_alloc(w.size);
    pix_translator *one = open_model(1, 0);
    for (size_t i = 0; i < FRAMES; i++) {
        const struct pix_image in = { SIDE, SIDE, w.in + i * RAW_BYTES };
        struct pix_image out;
        assert_true(pix_translator_run(one, &in, &out));
        memcpy(expected + i * RAW_BYTES, out.pixels, RAW_BYTES);
        pix_image_free(&out);
        assert_true(i == 0 || memcmp(expected + i * RAW_BYTES,
                                     expected + (i - 1) * RAW_BYTES, RAW_BYTES) != 0);
    }
    pix_translator_destroy(one);
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        pix_translator *t = open_model(cases[k].batch, cases[k].threads);
        const struct pix_stream_options o = stream_of(&w, RAW);
        uint64_t frames = 0;
        rewind_wire(&w);
        w.slice = cases[k].slice;
        w.write_ms = cases[k].write_ms;
        assert_true(pix_translator_run_stream(t, &o, &frames));
        assert_int_equal(frames, FRAMES);
        assert_int_equal(w.frames, FRAMES);
        assert_int_equal(w.written, w.size);
        for (size_t i = 0; i < w.size; i++)
            if (abs(w.out[i] - expected[i]) > (cases[k].batch > 1))
                fail_msg("case %zu: byte %zu is %d, expected %d", k, i, w.out[i],
                         expected[i]);
        pix_translator_destroy(t);
    }
    assert_string_equal(public_messages, "");
    mem_free(expected);
    close_wire(&w);
}

// A frame comes out before the next one is there, whatever threads there are.
static void test_latency(void **state)
{
    static const char header[] = "YUV4MPEG2 W32 H32 F25:1 C420mpeg2\n";
    struct wire w;
    (void)state;
    public_need_device();
    for (uint32_t threads = 0; threads < 3; threads++) {
        pix_translator *t = open_model(1, threads);
        for (int raw = 0; raw < 2; raw++) {
            open_wire(&w, raw ? NULL : header,
                      raw ? RAW_BYTES : (size_t)SIDE * SIDE * 3 / 2, FRAMES);
            const struct pix_stream_options o = stream_of(&w, raw ? RAW : NULL);
            w.waits = true;
            assert_true(pix_translator_run_stream(t, &o, NULL));
            assert_false(w.was_late);
            assert_int_equal(w.frames, FRAMES);
            close_wire(&w);
        }
        pix_translator_destroy(t);
    }
}

// Frames of YUV4MPEG2 are what their pictures become, and the header goes on.
static void test_y4m(void **state)
{
    static const struct {
        const char *in, *out;
        size_t in_frame, out_frame;
    } cases[] = {
        { "YUV4MPEG2 W32 H32 F30000:1001 Ip A16:9 C420paldv XYSCSS=420PALDV Xa\n",
          "YUV4MPEG2 W32 H32 F30000:1001 Ip A16:9 C420paldv XCOLORRANGE=LIMITED Xa\n",
          1536, 1536 },
        { "YUV4MPEG2 W32 H32 F25:1 Ip A1:1 C444p10 XCOLORRANGE=FULL\n",
          "YUV4MPEG2 W32 H32 F25:1 Ip A1:1 C444 XCOLORRANGE=FULL\n", 6144, 3072 },
        { "YUV4MPEG2 W32 H32 F25:1 Ip A1:1 Cmono\n",
          "YUV4MPEG2 W32 H32 F25:1 Ip A1:1 C444 XCOLORRANGE=LIMITED\n", 1024, 3072 },
    };
    (void)state;
    public_need_device();
    pix_translator *t = open_model(1, 0);
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        const size_t head = strlen(cases[k].out);
        struct wire w;
        struct y4m_header in, out;
        struct reason reason;
        struct picture p;
        open_wire(&w, cases[k].in, cases[k].in_frame, 2);
        const struct pix_stream_options o = stream_of(&w, NULL);
        assert_true(pix_translator_run_stream(t, &o, NULL));
        assert_int_equal(w.written, head + 2 * (Y4M_FRAME_SIZE + cases[k].out_frame));
        assert_memory_equal(w.out, cases[k].out, head);
        assert_true(y4m_parse(cases[k].in, w.head - 1, 1 << 20, &in, &reason));
        assert_true(y4m_parse(cases[k].out, head - 1, 1 << 20, &out, &reason));
        for (size_t i = 0; i < 2; i++) {
            uint8_t *frame = mem_alloc(cases[k].out_frame);
            const uint8_t *got =
                w.out + head + i * (Y4M_FRAME_SIZE + cases[k].out_frame);
            assert_true(yuv_to_picture(&in.format,
                                       w.in + w.head + i * w.frame + Y4M_FRAME_SIZE,
                                       PIXEL_U8, PIXEL_WHOLE, &p));
            struct pix_array array = picture_to_array(&p), made;
            assert_true(pix_translator_run_array(t, &array, &made));
            assert_true(picture_from_array(&made, &p));
            assert_true(yuv_from_picture(&out.format, &p, frame));
            assert_memory_equal(got, Y4M_FRAME, Y4M_FRAME_SIZE);
            assert_memory_equal(got + Y4M_FRAME_SIZE, frame, cases[k].out_frame);
            picture_free(&p);
            pix_array_free(&array);
            pix_array_free(&made);
            mem_free(frame);
        }
        close_wire(&w);
    }
    pix_translator_destroy(t);
}

// Grey frames are what their like without colours become, whatever the sample type that
// the model takes.
static void test_grey(void **state)
{
    static const char *const kinds[] = { "u8", "u16", "f32" };
    (void)state;
    public_need_device();
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct pix_translate_options options;
        struct wire grey, colour;
        pix_translate_options_init(&options);
        options.model = RUN;
        options.tuning = "off";
        options.input_kind = kinds[k];
        pix_translator *t = pix_translator_create(public_device, &options);
        assert_non_null(t);
        open_wire(&grey, "YUV4MPEG2 W32 H32 Cmono\n", SIDE * SIDE, 1);
        open_wire(&colour, "YUV4MPEG2 W32 H32 C444\n", 3 * SIDE * SIDE, 1);
        uint8_t *frame = colour.in + colour.head + Y4M_FRAME_SIZE;
        memcpy(frame, grey.in + grey.head + Y4M_FRAME_SIZE, SIDE * SIDE);
        memset(frame + SIDE * SIDE, 128, 2 * SIDE * SIDE);
        struct pix_stream_options o = stream_of(&grey, NULL);
        assert_true(pix_translator_run_stream(t, &o, NULL));
        o.user = &colour;
        assert_true(pix_translator_run_stream(t, &o, NULL));
        assert_int_equal(grey.written, colour.written);
        assert_memory_equal(grey.out, colour.out, colour.written);
        pix_translator_destroy(t);
        close_wire(&grey);
        close_wire(&colour);
    }
}

// A model after one step. Caller destroys.
static pix_translator *train_once(struct pix_train_options *o)
{
    o->steps = 1;
    tiny_train(public_device, o, UINT64_MAX);
    return tiny_open_model(o->out);
}

// Models of tasks finish their frames as they do images: with the lightness of the
// input, with what is around a hole, at another size.
static void test_tasks(void **state)
{
    static const char *const tasks[] = { "colorize", "inpaint", "superres" };
    (void)state;
    public_need_device();
    for (size_t k = 0; k < ARRAY_LEN(tasks); k++) {
        char run[64];
        snprintf(run, sizeof(run), SCRATCH "/%s", tasks[k]);
        struct pix_train_options train = tiny_options(DATA, run);
        struct wire w;
        train.task = tasks[k];
        pix_translator *t = train_once(&train);
        open_wire(&w, NULL, RAW_BYTES, 2);
        const struct pix_stream_options stream = stream_of(&w, RAW);
        assert_true(pix_translator_run_stream(t, &stream, NULL));
        for (size_t i = 0; i < 2; i++) {
            const struct pix_image in = { SIDE, SIDE, w.in + i * RAW_BYTES };
            struct pix_image out;
            assert_true(pix_translator_run(t, &in, &out));
            const size_t size = (size_t)3 * out.width * out.height;
            assert_int_equal(w.written, 2 * size);
            assert_memory_equal(w.out + i * size, out.pixels, size);
            pix_image_free(&out);
        }
        pix_translator_destroy(t);
        close_wire(&w);
    }
}

static void check_refused(pix_translator *t, struct wire *w, const char *raw,
                          const char *matrix, const char *message)
{
    struct pix_stream_options o = stream_of(w, raw);
    o.matrix = matrix;
    rewind_wire(w);
    public_messages[0] = 0;
    assert_false(pix_translator_run_stream(t, &o, NULL));
    public_check_message(message);
    assert_int_equal(w->written, 0);
}

// Label maps of two colours, in and out. Frames have the colours, as images do.
static void test_segment(void **state)
{
    static const char *const sides[] = { SCRATCH "/labels/train/A",
                                         SCRATCH "/labels/train/B" };
    struct pix_train_options train = tiny_options(SCRATCH "/labels", SCRATCH "/masks");
    struct wire w;
    (void)state;
    public_need_device();
    for (int k = 0; k < 2; k++) {
        struct picture p;
        assert_true(picture_create(&p, PIXEL_U8, 3, SIDE, SIDE));
        for (size_t i = 0; i < SIDE * SIDE / 2; i++)
            for (size_t c = 0; c < 3; c++)
                ((uint8_t *)p.samples)[c * SIDE * SIDE + i] = (uint8_t)(90 * c + 60);
        tiny_write_picture(sides[k], "1.png", p);
    }
    train.task = "segment";
    train.palette = "auto";
    train.labels = "both";
    pix_translator *t = train_once(&train);
    open_wire(&w, NULL, RAW_BYTES, 3);
    for (size_t i = 0; i < w.size; i++)
        w.in[i] = i / 3 % 5 < 2 + i / RAW_BYTES ? 0 : (uint8_t)(90 * (i % 3) + 60);
    const struct pix_stream_options raw = stream_of(&w, RAW);
    assert_true(pix_translator_run_stream(t, &raw, NULL));
    assert_int_equal(w.written, w.size);
    for (size_t i = 0; i < 3; i++) {
        const struct pix_image in = { SIDE, SIDE, w.in + i * RAW_BYTES };
        struct pix_image out;
        assert_true(pix_translator_run(t, &in, &out));
        assert_memory_equal(w.out + i * RAW_BYTES, out.pixels, RAW_BYTES);
        pix_image_free(&out);
    }
    for (size_t i = 0; i < w.size; i += 3)
        assert_true(memcmp(w.out + i, "\0\0\0", 3) == 0 ||
                    memcmp(w.out + i, "\x3c\x96\xf0", 3) == 0);
    check_refused(t, &w, "f32:32x32", NULL, "the model takes colours");
    pix_translator_destroy(t);
    close_wire(&w);
}

// Models of more channels than images have take floats alone.
static void test_channels(void **state)
{
    struct pix_train_options train = tiny_options(SCRATCH "/five", SCRATCH "/five-run");
    struct picture p;
    struct wire w;
    (void)state;
    public_need_device();
    assert_true(picture_create(&p, PIXEL_F32, 5, SIDE, SIDE));
    p.is_array = true;
    tiny_write_picture(SCRATCH "/five/train/A", "1.npy", p);
    assert_true(picture_create(&p, PIXEL_U8, 3, SIDE, SIDE));
    tiny_write_picture(SCRATCH "/five/train/B", "1.png", p);
    train.input_nc = 5;
    pix_translator *t = train_once(&train);
    open_wire(&w, "YUV4MPEG2 W8 H8\n", 96, 1);
    check_refused(t, &w, NULL, NULL, "takes 5 channels, and frames have so many only");
    check_refused(t, &w, RAW, NULL, "with --raw f32:WxH");
    close_wire(&w);
    open_wire(&w, NULL, (size_t)4 * 5 * SIDE * SIDE, 2);
    memset(w.in, 0, w.size);
    const struct pix_stream_options o = stream_of(&w, "f32:32x32");
    assert_true(pix_translator_run_stream(t, &o, NULL));
    assert_int_equal(w.written, 2 * RAW_BYTES);
    pix_translator_destroy(t);
    close_wire(&w);
}

// So do those of pairs whose inputs are smaller than their targets.
static void test_factor(void **state)
{
    static const char *const sides[] = { SCRATCH "/small/train/A",
                                         SCRATCH "/small/train/B" };
    struct pix_train_options train = tiny_options(SCRATCH "/small", SCRATCH "/factor");
    struct wire w;
    (void)state;
    public_need_device();
    for (uint32_t k = 0; k < 2; k++) {
        struct picture p;
        assert_true(picture_create(&p, PIXEL_U8, 3, 20 << k, 20 << k));
        tiny_write_picture(sides[k], "1.png", p);
    }
    train.factor = 2;
    pix_translator *t = train_once(&train);
    open_wire(&w, NULL, RAW_BYTES, 2);
    const struct pix_stream_options stream = stream_of(&w, RAW);
    assert_true(pix_translator_run_stream(t, &stream, NULL));
    assert_int_equal(w.written, 2 * 4 * RAW_BYTES);
    pix_translator_destroy(t);
    close_wire(&w);
}

// What a stream of six frames becomes; caller frees.
static uint8_t *translate_six(struct wire *w, pix_translator *t)
{
    const struct pix_stream_options o = stream_of(w, RAW);
    rewind_wire(w);
    assert_true(pix_translator_run_stream(t, &o, NULL));
    assert_int_equal(w->written, 6 * RAW_BYTES);
    uint8_t *out = mem_alloc(w->written);
    memcpy(out, w->out, w->written);
    return out;
}

static double distance(const uint8_t *a, const uint8_t *b)
{
    double sum = 0;
    for (size_t i = 0; i < RAW_BYTES; i++)
        sum += abs(a[i] - b[i]);
    return sum / RAW_BYTES;
}

// With statistics that follow, equal frames become what each becomes alone; after a
// change the outputs come to that step by step. Each stream begins again.
static void test_flicker(void **state)
{
    struct wire w;
    (void)state;
    public_need_device();
    open_wire(&w, NULL, RAW_BYTES, 6);
    for (size_t i = 1; i < 6; i++)
        memcpy(w.in + i * RAW_BYTES, w.in, RAW_BYTES);
    for (size_t i = 3 * RAW_BYTES; i < 6 * RAW_BYTES; i++)
        w.in[i] = (uint8_t)(w.in[i] / 4 + 180);
    pix_translator *alone = open_following(0, NULL, 1, 0);
    pix_translator *follows = open_following(0.5, "stable", 1, 0);
    assert_non_null(follows);
    uint8_t *a = translate_six(&w, alone), *b = translate_six(&w, follows);
    uint8_t *again = translate_six(&w, follows);
    assert_memory_equal(b, again, 6 * RAW_BYTES);
    double before = 0;
    for (size_t i = 0; i < 6; i++) {
        const double d = distance(a + i * RAW_BYTES, b + i * RAW_BYTES);
        if (i < 3 ? d > 0.1 : d < 0.5 || (i > 3 && d >= before))
            fail_msg("frame %zu differs by %g, the one before by %g", i, d, before);
        before = d;
    }
    // So does a list of images, and single ones follow each other.
    struct pix_translate_item items[2] = {
        { .in = { SIDE, SIDE, w.in } }, { .in = { SIDE, SIDE, w.in + 3 * RAW_BYTES } }
    };
    struct pix_image out;
    for (int k = 0; k < 2; k++) {
        assert_true(pix_translator_run_many(follows, items, 2, NULL, NULL));
        assert_memory_equal(items[0].out.pixels, b, RAW_BYTES);
        assert_memory_equal(items[1].out.pixels, b + 3 * RAW_BYTES, RAW_BYTES);
        pix_image_free(&items[0].out);
        pix_image_free(&items[1].out);
    }
    assert_true(pix_translator_run(follows, &items[1].in, &out));
    assert_true(distance(out.pixels, b + 4 * RAW_BYTES) < 0.1);
    pix_image_free(&out);
    mem_free(a);
    mem_free(b);
    mem_free(again);
    pix_translator_destroy(alone);
    pix_translator_destroy(follows);
    close_wire(&w);

    assert_null(open_following(1, NULL, 1, 0));
    public_check_message("--flicker takes a number from 0 to less than 1, not 1");
    assert_null(open_following(-0.5, NULL, 1, 0));
    assert_null(open_following(0.5, "running", 1, 0));
    public_check_message("--flicker is for --mode stable");
    assert_null(open_following(0.5, NULL, 2, 0));
    public_check_message("leave out --batch-size");
    assert_null(open_following(0.5, NULL, 1, 32));
    public_check_message("leave out --tile");
}

// Cut at any byte a stream is an error that says where, and what was whole comes out.
static void test_cut(void **state)
{
    static const char header[] = "YUV4MPEG2 W8 H8 F25:1 Cmono\n";
    struct wire w;
    (void)state;
    public_need_device();
    pix_translator *t = open_model(1, 0);
    open_wire(&w, header, 64, 2);
    const size_t whole = w.size;
    const struct pix_stream_options o = stream_of(&w, NULL);
    for (w.size = 0; w.size <= whole; w.size++) {
        const size_t frames = w.size < w.head ? 0 : (w.size - w.head) / w.frame;
        const bool is_good = w.size >= w.head && (w.size - w.head) % w.frame == 0;
        uint64_t count = 7;
        char text[64];
        // Not all places within a frame: they are alike.
        if (w.size > w.head && (w.size - w.head) % w.frame > 8 && w.size + 1 < whole)
            continue;
        rewind_wire(&w);
        public_messages[0] = 0;
        assert_int_equal(pix_translator_run_stream(t, &o, &count), is_good);
        assert_int_equal(count, frames);
        snprintf(text, sizeof(text), "ends within frame %zu", frames + 1);
        if (w.size == 0)
            public_check_message("the input is empty: pipe a YUV4MPEG2 stream into it");
        else if (w.size >= w.head && !is_good)
            public_check_message(text);
        else if (w.size == w.head)
            public_check_message("translate: the input has no frames");
        else if (is_good)
            assert_string_equal(public_messages, "");
        else
            public_check_message("translate: the input: ");
    }
    pix_translator_destroy(t);
    close_wire(&w);
}

static void test_failures(void **state)
{
    struct wire w;
    uint64_t frames;
    (void)state;
    public_need_device();
    pix_translator *t = open_model(1, 0);
    open_wire(&w, NULL, RAW_BYTES, FRAMES);
    const struct pix_stream_options o = stream_of(&w, RAW);

    w.fail_write = 3 * RAW_BYTES;
    assert_false(pix_translator_run_stream(t, &o, &frames));
    assert_int_equal(frames, 3);
    assert_string_equal(public_messages, "translate: the output ended after frame "
                                         "3: the screen went dark\n");
    // Also of the last one, after which nothing else is missing.
    rewind_wire(&w);
    w.fail_write = (FRAMES - 1) * RAW_BYTES;
    assert_false(pix_translator_run_stream(t, &o, &frames));
    assert_int_equal(frames, FRAMES - 1);
    w.fail_write = 0;

    rewind_wire(&w);
    public_messages[0] = 0;
    w.fail_read = 2 * RAW_BYTES;
    assert_false(pix_translator_run_stream(t, &o, &frames));
    assert_int_equal(frames, 2);
    assert_string_equal(public_messages, "translate: the input cannot be read: the "
                                         "camera fell over\n");
    w.fail_read = 0;

    rewind_wire(&w);
    public_messages[0] = 0;
    w.stop_after = 4;
    assert_false(pix_translator_run_stream(t, &o, &frames));
    assert_int_equal(frames, 4);
    assert_int_equal(w.written, 4 * RAW_BYTES);
    assert_string_equal(public_messages, "");
    w.stop_after = 0;

    // A line that is none, and one with parameters.
    close_wire(&w);
    open_wire(&w, "YUV4MPEG2 W8 H8 F25:1 Cmono\n", 64, 3);
    struct pix_stream_options y4m = stream_of(&w, NULL);
    memcpy(w.in + w.head + w.frame, "FRAMES", 6);
    assert_false(pix_translator_run_stream(t, &y4m, &frames));
    assert_int_equal(frames, 1);
    public_check_message("frame 2 does not begin with FRAME: the stream is damaged");
    rewind_wire(&w);
    public_messages[0] = 0;
    memcpy(w.in + w.head + w.frame, "FRAME Ip\n", 9);    // the next one begins late
    assert_false(pix_translator_run_stream(t, &y4m, &frames));
    assert_int_equal(frames, 2);
    public_check_message("parameters of frames are ignored (Ip)");
    public_check_message("frame 3 does not begin with FRAME");
    pix_translator_destroy(t);
    close_wire(&w);
}

static void test_refused(void **state)
{
    struct wire w;
    (void)state;
    public_need_device();
    pix_translator *t = open_model(1, 0);
    open_wire(&w, "YUV4MPEG2 W8 H8 F25:1 It\n", 64, 1);
    check_refused(t, &w, NULL, NULL, "it is interlaced (It): deinterlace it first");
    check_refused(t, &w, "bgr24:8x8", NULL, "--raw bgr24:8x8: takes rgb24");
    check_refused(t, &w, "rgb24:8x8", "bt601", "--matrix is for YUV4MPEG2");
    check_refused(t, &w, "gray8:8x8", NULL, "leave out --raw");
    check_refused(t, &w, "gray8:80x8", NULL, "leave out --raw");
    check_refused(t, &w, "f32:99999x99999", NULL, "more than 268435456 pixels");
    close_wire(&w);
    open_wire(&w, "YUV4MPEG2 W8 H8 F25:1\n", 96, 1);
    check_refused(t, &w, NULL, "bt2020",
                  "--matrix takes bt601 or bt709, not \"bt2020\"");
    close_wire(&w);
    char header[Y4M_MAX_LINE + 1] = "YUV4MPEG2 W8 H8";
    while (strlen(header) < Y4M_MAX_LINE - 8)
        strcat(header, " Xroom");
    strcat(header, "\n");
    open_wire(&w, header, 96, 1);
    const struct pix_stream_options full = stream_of(&w, NULL);
    assert_true(pix_translator_run_stream(t, &full, NULL));
    public_check_message("X parameters of the header do not go to the output");
    const struct pix_stream_options none = { .read = read_wire };
    assert_false(pix_translator_run_stream(t, NULL, NULL));
    assert_false(pix_translator_run_stream(t, &none, NULL));
    public_check_message("options.write");
    pix_translator_destroy(t);

    struct pix_translate_options o;
    pix_translate_options_init(&o);
    o.model = RUN;
    o.tuning = "off";
    o.tile = 32;
    t = pix_translator_create(public_device, &o);
    assert_non_null(t);
    check_refused(t, &w, NULL, NULL, "leave out --tile");
    pix_translator_destroy(t);
    close_wire(&w);
}

static int begin(void **state)
{
    (void)state;
    tiny_open(SCRATCH);
    if (public_has_device()) {
        struct pix_train_options o = tiny_options(DATA, RUN);
        o.steps = 2;
        tiny_train(public_device, &o, UINT64_MAX);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_images),
        cmocka_unit_test(test_latency),
        cmocka_unit_test(test_y4m),
        cmocka_unit_test(test_grey),
        cmocka_unit_test(test_tasks),
        cmocka_unit_test(test_segment),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_factor),
        cmocka_unit_test(test_flicker),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, begin, public_close);
}
