// SPDX-License-Identifier: MIT
//
// A worker of the pipeline reads a frame when it is its turn, others make pictures of
// frames and frames of pictures, and the calling thread writes them in order. See
// stream.h.

#include "translate/stream.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/alpha.h"
#include "data/raw_frames.h"
#include "data/task.h"
#include "data/y4m.h"
#include "settings/settings.h"
#include "translate/frame.h"
#include "translate/pipeline.h"
#include "translate/translator.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FRAME_PARAMETERS Y4M_MAX_LINE

struct stream {
    struct translator *translator;
    const struct pix_stream_options *options;
    const char *command;
    bool is_raw;
    struct raw_format raw;        // of the input
    struct y4m_header in, out;    // unless raw
    enum pixel_kind kind;         // that frames become
    struct picture output;        // without samples: what outputs are
    struct pix_size output_size;
    size_t in_bytes, out_bytes;    // of a frame; out: with its line
    // Of the one worker that reads.
    uint8_t *frame;
    size_t begun;        // bytes of the next frame, or of its line, that were read
    bool read_failed;    // by the caller's function
    const char *read_reason;
    bool dropped_parameters;
    struct translator_rest *rests;    // of inputs, for their outputs, [ring]
    uint8_t **made;                   // outputs under way, [ring]
    size_t ring;
    uint64_t written;    // frames
    bool write_failed;
};

// ---------------------------------------------------------------------------
// Bytes

// Reads until `size` bytes are there or the stream ends; returns how many.
static size_t read_bytes(struct stream *s, void *bytes, size_t size)
{
    size_t done = 0;
    while (done < size && !s->read_failed) {
        size_t count = 0;
        const char *reason = NULL;
        if (!s->options->read(s->options->user, (uint8_t *)bytes + done, size - done,
                              &count, &reason)) {
            s->read_failed = true;
            s->read_reason = reason;
        }
        if (count == 0)
            break;
        done += MIN(count, size - done);
    }
    return done;
}

// Reads up to a newline, which is not counted, after `length` bytes of the line. False:
// there is none within Y4M_MAX_LINE bytes.
static bool read_line(struct stream *s, char *line, size_t *length)
{
    while (*length < Y4M_MAX_LINE && read_bytes(s, line + *length, 1) == 1) {
        if (line[*length] == '\n')
            return true;
        ++*length;
    }
    return false;
}

static bool write_bytes(struct stream *s, const void *bytes, size_t size)
{
    const char *reason = NULL;
    if (s->options->write(s->options->user, bytes, size, &reason))
        return true;
    s->write_failed = true;
    if (s->written)
        log_error("%s: the output ended after frame %" PRIu64 "%s%s", s->command,
                  s->written, reason ? ": " : "", reason ? reason : "");
    else
        log_error("%s: the output cannot be written%s%s", s->command,
                  reason ? ": " : "", reason ? reason : "");
    return false;
}

// A stream that ends in the middle because its caller wants no more of it is no fault.
static bool was_stopped(const struct stream *s)
{
    return !s->read_failed && translator_is_stopped(s->translator);
}

static bool refuse_read(const struct stream *s)
{
    log_error("%s: the input cannot be read%s%s", s->command,
              s->read_reason ? ": " : "", s->read_reason ? s->read_reason : "");
    return false;
}

// ---------------------------------------------------------------------------
// Input

static bool has_frame(void *user, size_t index)
{
    struct stream *s = user;
    (void)index;
    s->begun = read_bytes(s, s->frame, s->is_raw ? s->in_bytes : Y4M_FRAME_SIZE);
    return s->begun > 0 || s->read_failed;
}

static bool refuse_cut(const struct stream *s, size_t index, size_t count)
{
    if (s->read_failed)
        return refuse_read(s);
    if (was_stopped(s))
        return false;
    log_error("%s: the input ends within frame %zu: it has %zu of %zu bytes%s",
              s->command, index + 1, count, s->in_bytes,
              s->is_raw ? "; is --raw what the frames are?" : "");
    return false;
}

// The line before a frame, of which the beginning was read.
static bool check_line(struct stream *s, size_t index)
{
    char line[FRAME_PARAMETERS];
    size_t length = s->begun;
    if (length < Y4M_FRAME_SIZE)
        return refuse_cut(s, index, 0);
    memcpy(line, s->frame, length);
    if (memcmp(line, Y4M_FRAME, length) == 0)
        return true;
    if (memcmp(line, "FRAME ", length) != 0 || !read_line(s, line, &length)) {
        if (s->read_failed)
            return refuse_read(s);
        if (was_stopped(s))
            return false;
        log_error("%s: frame %zu does not begin with FRAME: the stream is damaged",
                  s->command, index + 1);
        return false;
    }
    if (!s->dropped_parameters)
        log_warn("%s: parameters of frames are ignored (%.*s)", s->command,
                 (int)MIN(length - Y4M_FRAME_SIZE, (size_t)40), line + Y4M_FRAME_SIZE);
    s->dropped_parameters = true;
    return true;
}

// Whether the task makes the network's input of colours as files have them.
static bool task_takes_colours(const struct stream *s)
{
    const struct task *task = &translator_get_settings(s->translator)->task;
    return task->kind == TASK_COLORIZE || task->labels_in;
}

// What samples mean, of frames that say which colours they have.
static struct pixel_range input_range(const struct stream *s)
{
    return task_takes_colours(s) ? PIXEL_WHOLE
                                 : translator_get_settings(s->translator)->input_range;
}

static bool make_picture(struct stream *s, size_t index, struct picture *picture)
{
    struct reason reason;
    if (!s->is_raw)
        return yuv_to_picture(&s->in.format, s->frame, s->kind, input_range(s),
                              picture);
    if (raw_to_picture(&s->raw, s->frame, picture, &reason))
        return alpha_apply(picture,
                           translator_get_settings(s->translator)->reading.alpha);
    log_error("%s: frame %zu: %s", s->command, index + 1, reason.text);
    return false;
}

static bool load_frame(void *user, size_t index, struct picture *picture,
                       enum pixel_kind *output)
{
    struct stream *s = user;
    size_t count = s->begun;
    (void)output;
    if (!s->is_raw) {
        if (s->read_failed || !check_line(s, index))
            return s->read_failed ? refuse_read(s) : false;
        count = read_bytes(s, s->frame, s->in_bytes);
    }
    if (s->is_raw && index == 0 && y4m_begins(s->frame, count)) {
        log_error("%s: the input is a YUV4MPEG2 stream, whose header says what its "
                  "frames are: leave out --raw",
                  s->command);
        return false;
    }
    if (count < s->in_bytes)
        return refuse_cut(s, index, count);
    return make_picture(s, index, picture) &&
           translator_take_rest(s->translator, NULL, picture,
                                &s->rests[index % s->ring]);
}

// ---------------------------------------------------------------------------
// Output

static bool store_frame(void *user, size_t index, struct picture *picture)
{
    struct stream *s = user;
    struct translator_rest *rest = &s->rests[index % s->ring];
    uint8_t *bytes = mem_alloc(s->out_bytes);
    bool ok = bytes && translator_put_task(s->translator, &rest->task, picture) &&
              translator_put_alpha(s->translator, &rest->alpha, picture);
    translator_rest_free(rest);
    assert(!ok || (size_equals(picture_size(picture), s->output_size) &&
                   picture->channels == s->output.channels));
    if (ok && s->is_raw) {
        raw_from_picture(picture, bytes);
    } else if (ok) {
        memcpy(bytes, Y4M_FRAME, Y4M_FRAME_SIZE);
        ok = yuv_from_picture(&s->out.format, picture, bytes + Y4M_FRAME_SIZE);
    }
    if (!ok)
        mem_free(bytes);
    s->made[index % s->ring] = ok ? bytes : NULL;
    return ok;
}

// A stream without one of its frames would be another one: it ends.
static bool frame_done(void *user, size_t index, enum pix_translate_result result)
{
    struct stream *s = user;
    uint8_t *bytes = s->made[index % s->ring];
    s->made[index % s->ring] = NULL;
    translator_rest_free(&s->rests[index % s->ring]);
    if (result != PIX_TRANSLATE_DONE && result != PIX_TRANSLATE_NOT_READ)
        log_error("%s: frame %zu was not translated", s->command, index + 1);
    const bool ok = result == PIX_TRANSLATE_DONE && write_bytes(s, bytes, s->out_bytes);
    mem_free(bytes);
    if (!ok)
        return false;
    s->written++;
    return !s->options->done || s->options->done(s->options->user, s->written);
}

static const char *stream_path(void *user, size_t index)
{
    (void)user;
    (void)index;
    return "the stream";
}

// ---------------------------------------------------------------------------
// Formats

// As players do without a word in the stream.
static enum yuv_matrix usual_matrix(const struct yuv_format *f)
{
    return f->width >= 1280 || f->height > 576 ? YUV_BT709 : YUV_BT601;
}

static const char *matrix_name(enum yuv_matrix matrix)
{
    return matrix == YUV_BT601 ? "bt601" : "bt709";
}

static bool choose_matrix(struct stream *s)
{
    const char *given = s->options->matrix;
    s->in.format.matrix = usual_matrix(&s->in.format);
    if (!given)
        return true;
    if (s->is_raw) {
        log_error("%s: --matrix is for YUV4MPEG2, and raw frames have no matrix",
                  s->command);
        return false;
    }
    for (int m = YUV_BT601; m <= YUV_BT709; m++) {
        s->in.format.matrix = (enum yuv_matrix)m;
        if (strcmp(given, matrix_name(s->in.format.matrix)) == 0)
            return true;
    }
    log_error("%s: --matrix takes bt601 or bt709, not \"%s\"", s->command, given);
    return false;
}

static bool read_header(struct stream *s, uint64_t max_pixels)
{
    char line[Y4M_MAX_LINE];
    struct reason reason;
    size_t length = 0;
    const bool is_line = read_line(s, line, &length);
    if (s->read_failed)
        return refuse_read(s);
    if (!is_line && was_stopped(s))
        return false;
    if (length == 0 && !is_line) {
        log_error("%s: the input is empty: pipe a YUV4MPEG2 stream into it (ffmpeg -f "
                  "yuv4mpegpipe), or name the format of its frames with --raw",
                  s->command);
        return false;
    }
    if (!is_line && y4m_begins(line, length))
        reason_refuse(&reason, "the header of the stream does not end");
    else if (y4m_parse(line, length, max_pixels, &s->in, &reason))
        return true;
    log_error("%s: the input: %s%s", s->command, reason.text,
              length < 9 || memcmp(line, "YUV4MPEG2", 9) != 0
                  ? ": convert it (ffmpeg -f yuv4mpegpipe), or name the format of raw "
                    "frames with --raw"
                  : "");
    return false;
}

// Of frames of this size, all of them: what comes out.
static bool describe_output(struct stream *s, struct pix_size size)
{
    const struct settings *settings = translator_get_settings(s->translator);
    const struct frame_rule rule = translator_frame_rule(s->translator, false);
    const struct frame frame = frame_of(&rule, task_input_size(&settings->task, size));
    if (!frame_check(&rule, &frame, translator_pixel_bytes(s->translator), s->command))
        return false;
    const struct translator_form form = translator_form_of(
        s->translator, s->kind, frame.run.width, frame.run.height, PIXEL_KINDS);
    translator_describe_output(s->translator, &form, &s->output);
    translator_describe_image(s->translator, s->kind, PIXEL_KINDS, &s->output);
    if (s->is_raw && settings->reading.alpha == ALPHA_KEEP &&
        (s->raw.channels == 2 || s->raw.channels == 4) && s->kind != PIXEL_F32)
        s->output.channels++;
    s->output_size = frame.output;
    return true;
}

static bool prepare_raw(struct stream *s)
{
    const struct raw_format *f = &s->raw;
    char more[64] = "";
    s->in_bytes = raw_frame_bytes(f);
    s->kind = f->kind;
    if (!describe_output(s, (struct pix_size){ f->width, f->height }))
        return false;
    const struct raw_format out = { s->output.kind, s->output.channels,
                                    s->output_size.width, s->output_size.height };
    s->out_bytes = raw_frame_bytes(&out);
    if (raw_ffmpeg_name(&out))
        snprintf(more, sizeof(more), " (ffmpeg -pix_fmt %s)", raw_ffmpeg_name(&out));
    log_info("%s: output frames are %" PRIu32 "x%" PRIu32 ", %" PRIu32
             " interleaved channel%s of %s%s",
             s->command, out.width, out.height, out.channels,
             out.channels == 1 ? "" : "s", pixel_kind_name(out.kind), more);
    return true;
}

static void tell_formats(const struct stream *s)
{
    const struct yuv_format *in = &s->in.format, *out = &s->out.format;
    char names[2][16];
    const bool has_matrix = in->chroma != YUV_MONO || out->chroma != YUV_MONO;
    log_info("%s: frames of %" PRIu32 "x%" PRIu32 ", C%s%s, %s range%s%s%s%s; output "
             "%" PRIu32 "x%" PRIu32 ", C%s",
             s->command, in->width, in->height, y4m_chroma_name(in, names[0]),
             s->in.says_chroma ? "" : " (not said)", in->is_full ? "full" : "limited",
             s->in.says_range ? "" : " (not said)", has_matrix ? ", matrix " : "",
             has_matrix ? matrix_name(in->matrix) : "",
             !has_matrix || s->options->matrix ? "" : " (by their size; see --matrix)",
             out->width, out->height, y4m_chroma_name(out, names[1]));
    if (s->output.kind == PIXEL_F32)
        log_info("%s: the model's output is f32 and is written with 16 bits",
                 s->command);
}

static bool prepare_y4m(struct stream *s)
{
    const struct yuv_format *in = &s->in.format;
    const enum pixel_kind stored = in->bits > 8 ? PIXEL_U16 : PIXEL_U8;
    const enum pixel_kind wanted = translator_kinds(s->translator).input;
    s->in_bytes = yuv_frame_bytes(in);
    s->kind = wanted != PIXEL_KINDS && !task_takes_colours(s) ? wanted : stored;
    if (!describe_output(s, (struct pix_size){ in->width, in->height }))
        return false;
    const uint32_t channels = s->output.channels;
    if (channels != 1 && channels != 3) {
        log_error("%s: the model's output has %" PRIu32
                  " channels, and YUV4MPEG2 holds "
                  "1 or 3: use raw frames (--raw)",
                  s->command, channels);
        return false;
    }
    s->out = s->in;
    struct yuv_format *out = &s->out.format;
    out->width = s->output_size.width;
    out->height = s->output_size.height;
    out->bits = s->output.kind == PIXEL_U8 ? 8 : 16;
    if (channels == 1)
        out->chroma = YUV_MONO;
    else if (in->chroma == YUV_MONO)
        out->chroma = YUV_444;
    if (out->bits > 8)
        out->siting = YUV_LEFT;    // its name does not say another one
    s->out.aspect = y4m_resized_aspect(
        s->in.aspect, (struct pix_size){ in->width, in->height }, s->output_size);
    s->out_bytes = Y4M_FRAME_SIZE + yuv_frame_bytes(out);
    tell_formats(s);
    return true;
}

// Whether frames can become what the model takes: image files have at most 4 channels,
// and floats are no colours.
static bool check_channels(const struct stream *s)
{
    const struct settings *settings = translator_get_settings(s->translator);
    const bool is_float = s->is_raw && s->raw.kind == PIXEL_F32;
    if (is_float && task_takes_colours(s)) {
        log_error("%s: --raw %s: the model takes colours, and floats are none: use "
                  "rgb24 or gray16",
                  s->command, s->options->raw);
        return false;
    }
    if (is_float || settings->options.input_nc <= 4)
        return true;
    log_error("%s: the model takes %" PRIu32 " channels, and frames have so many only "
              "with --raw f32:WxH",
              s->command, settings->options.input_nc);
    return false;
}

static bool prepare(struct stream *s)
{
    const struct settings *settings = translator_get_settings(s->translator);
    const uint64_t most = picture_most_pixels(&settings->reading);
    struct reason reason;
    s->is_raw = s->options->raw != NULL;
    if (translator_tiling(s->translator).cut.tile) {
        log_error("%s: frames of a stream cannot be translated in tiles: leave out "
                  "--tile",
                  s->command);
        return false;
    }
    if (s->is_raw && !raw_parse(s->options->raw, settings->options.input_nc, most,
                                &s->raw, &reason)) {
        log_error("%s: --raw %s: %s", s->command, s->options->raw, reason.text);
        return false;
    }
    if (!check_channels(s) || (!s->is_raw && !read_header(s, most)) ||
        !choose_matrix(s))
        return false;
    if (!(s->is_raw ? prepare_raw(s) : prepare_y4m(s)))
        return false;
    s->ring = pipeline_most_under_way(s->translator);
    s->made = mem_array(s->ring, sizeof(*s->made));
    s->rests = mem_array(s->ring, sizeof(*s->rests));
    s->frame = mem_alloc(MAX(s->in_bytes, Y4M_FRAME_SIZE));
    return s->made && s->rests && s->frame;
}

static bool write_header(struct stream *s)
{
    char line[Y4M_MAX_LINE];
    if (s->is_raw)
        return true;
    bool is_whole;
    const size_t size = y4m_print(&s->out, line, &is_whole);
    if (!is_whole)
        log_warn("%s: the X parameters of the header do not go to the output: there is "
                 "no room for them",
                 s->command);
    return write_bytes(s, line, size);
}

bool stream_translate(struct translator *t, const struct pix_stream_options *options,
                      uint64_t *frames)
{
    struct stream s = { .translator = t,
                        .options = options,
                        .command = translator_command(t) };
    const struct pipeline_ends ends = {
        .load = load_frame,
        .store = store_frame,
        .done = frame_done,
        .user = &s,
        .path = stream_path,
        .has = has_frame,
    };
    bool ok = prepare(&s) && write_header(&s);
    if (ok) {
        translator_tell_scaling(t);
        // All may be translated, and the last one not be written.
        ok = pipeline_run(t, translator_threads(t), SIZE_MAX, &ends) && !s.write_failed;
        if (ok && s.written == 0)
            log_warn("%s: the input has no frames", s.command);
    }
    if (frames)
        *frames = s.written;
    for (size_t i = 0; s.made && i < s.ring; i++)
        mem_free(s.made[i]);
    for (size_t i = 0; s.rests && i < s.ring; i++)
        translator_rest_free(&s.rests[i]);
    mem_free(s.made);
    mem_free(s.rests);
    mem_free(s.frame);
    return ok;
}
