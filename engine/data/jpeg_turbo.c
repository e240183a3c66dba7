// SPDX-License-Identifier: MIT
//
// JPEG files by libjpeg-turbo. Its messages become reasons; none of its functions ends
// the process or writes to the terminal. See jpeg_library.h.

#include "base/mem.h"
#include "data/codec.h"
#include "data/encoded.h"
#include "data/jpeg_library.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h>    // whose numbers depend on what jpeglib.h defines

#ifndef LIBJPEG_TURBO_VERSION
#error "this jpeglib.h is not libjpeg-turbo's: configure with -DPIX_JPEG=OFF"
#endif

enum { BUFFER = 16 * 1024, COLOURS = 4 };

struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr input;
    jmp_buf back;    // where errors lead
    struct source *source;
    uint64_t at;
    bool keep, is_cut;
    struct reason *reason;
    uint8_t *row;    // [width][components]
    uint8_t buffer[BUFFER];
};

// ---------------------------------------------------------------------------
// Errors: libjpeg must not return from one, and jumps out of itself.

static void on_error(j_common_ptr jpeg)
{
    struct decoder *d = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    if (jpeg->err->msg_code == JERR_OUT_OF_MEMORY) {
        mem_note_failure();
        reason_refuse_memory(d->reason);
    } else {
        jpeg->err->format_message(jpeg, text);
        reason_refuse(d->reason, "damaged or unsupported JPEG: %s", text);
    }
    longjmp(d->back, 1);
}

// Warnings are errors where pixels depend on them. A scan that ends early is filled
// with grey.
static void on_message(j_common_ptr jpeg, int level)
{
    struct decoder *d = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    const int code = jpeg->err->msg_code;
    if (level >= 0)    // for those who look for faults in libjpeg
        return;
    const bool is_cut = code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER;
    const bool is_damage = code == JWRN_HUFF_BAD_CODE || code == JWRN_ARITH_BAD_CODE ||
                           code == JWRN_MUST_RESYNC;
    d->is_cut = d->is_cut || (is_cut && d->keep);
    if ((!is_cut && !is_damage) || d->is_cut)
        return;
    if (is_cut) {
        codec_check_state(CODEC_TRUNCATED, "JPEG", d->reason);
    } else {
        jpeg->err->format_message(jpeg, text);
        reason_refuse(d->reason, "damaged JPEG: %s", text);
    }
    longjmp(d->back, 1);
}

static void on_output(j_common_ptr jpeg)
{
    (void)jpeg;
}

static struct jpeg_error_mgr *set_errors(struct jpeg_error_mgr *errors)
{
    jpeg_std_error(errors);
    errors->error_exit = on_error;
    errors->emit_message = on_message;
    errors->output_message = on_output;
    return errors;
}

// ---------------------------------------------------------------------------
// The file

static void on_begin(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

// Where a file is cut, libjpeg is given an end of image.
static boolean on_read(j_decompress_ptr jpeg)
{
    static const JOCTET end[] = { 0xff, JPEG_EOI };
    struct decoder *d = jpeg->client_data;
    size_t got;
    if (!source_read(d->source, d->at, d->buffer, sizeof(d->buffer), &got, d->reason))
        longjmp(d->back, 1);
    d->at += got;
    d->input.next_input_byte = d->buffer;
    d->input.bytes_in_buffer = got;
    if (got == 0) {
        WARNMS(jpeg, JWRN_JPEG_EOF);
        d->input.next_input_byte = end;
        d->input.bytes_in_buffer = sizeof(end);
    }
    return TRUE;
}

static void on_skip(j_decompress_ptr jpeg, long count)
{
    struct decoder *d = jpeg->client_data;
    const size_t skipped = count > 0 ? (size_t)count : 0;
    const size_t here = MIN(skipped, d->input.bytes_in_buffer);
    d->input.next_input_byte += here;
    d->input.bytes_in_buffer -= here;
    d->at += skipped - here;
}

static void on_end(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

// ---------------------------------------------------------------------------
// Reading

static bool read_header(struct decoder *d, const struct jpeg_frame *frame)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    if (setjmp(d->back))
        return false;
    jpeg_create_decompress(jpeg);
    jpeg->src = &d->input;
    jpeg_read_header(jpeg, TRUE);
    const int components = jpeg->num_components;
    if (jpeg->image_width != frame->width || jpeg->image_height != frame->height)
        return codec_check_state(CODEC_DAMAGED, "JPEG", d->reason);
    if (components != 1 && components != 3 && components != COLOURS)
        return reason_refuse(d->reason,
                             "a JPEG of %d components: grey, three and four "
                             "colours are read",
                             components);
    // The same numbers on every machine, and those of Pillow.
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->do_fancy_upsampling = TRUE;
    jpeg->out_color_space = components == 1   ? JCS_GRAYSCALE
                            : components == 3 ? JCS_RGB
                                              : JCS_CMYK;
    return true;
}

// a * b / 255, rounded, for 0 to 255.
static uint32_t scale(uint32_t a, uint32_t b)
{
    const uint32_t product = a * b + 128;
    return ((product >> 8) + product) >> 8;
}

// Ink becomes light without a colour profile, as in Pillow. Programs of Adobe, which
// leave their segment in a file, store light in place of ink.
static void take_inks(const uint8_t *row, uint32_t width, bool is_inverted,
                      uint8_t *rgb)
{
    const uint8_t flip = is_inverted ? 255 : 0;
    for (uint32_t x = 0; x < width; x++, row += COLOURS, rgb += 3) {
        const uint32_t light = 255u - (row[3] ^ flip);
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)(light - scale((uint8_t)(row[c] ^ flip), light));
    }
}

static bool read_rows(struct decoder *d, bool is_inverted, struct picture *picture)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    if (setjmp(d->back))
        return false;
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        const uint32_t y = jpeg->output_scanline;
        jpeg_read_scanlines(jpeg, &d->row, 1);
        codec_count_rows(1);
        if (jpeg->out_color_space == JCS_CMYK)
            take_inks(d->row, picture->width, is_inverted, d->row);
        picture_set_row(picture, y, d->row);
    }
    jpeg_finish_decompress(jpeg);
    return true;
}

static bool decode(struct decoder *d, const struct jpeg_frame *frame,
                   struct picture *picture)
{
    if (!read_header(d, frame))
        return false;
    const uint32_t components = (uint32_t)d->jpeg.num_components;
    d->row = mem_array(frame->width, components);
    if (!d->row || !picture_create(picture, PIXEL_U8, MIN(components, 3), frame->width,
                                   frame->height))
        return reason_refuse_memory(d->reason);
    if (!read_rows(d, frame->has_adobe, picture)) {
        picture_free(picture);
        return false;
    }
    picture->is_cut = d->is_cut;
    return true;
}

bool jpeg_library_decode(struct source *source, const struct jpeg_frame *frame,
                         bool keep, struct picture *picture, struct reason *reason)
{
    struct decoder *d = mem_zalloc(sizeof(*d));
    if (!d)
        return reason_refuse_memory(reason);
    d->source = source;
    d->keep = keep;
    d->reason = reason;
    d->jpeg.err = set_errors(&d->errors);
    d->jpeg.client_data = d;
    d->input.init_source = on_begin;
    d->input.fill_input_buffer = on_read;
    d->input.skip_input_data = on_skip;
    d->input.resync_to_restart = jpeg_resync_to_restart;
    d->input.term_source = on_end;
    const bool ok = decode(d, frame, picture);
    jpeg_destroy_decompress(&d->jpeg);
    mem_free(d->row);
    mem_free(d);
    return ok;
}

// ---------------------------------------------------------------------------
// Writing

struct encoder {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr output;
    jmp_buf back;
    struct encoded *to;
    uint8_t buffer[BUFFER];
    uint8_t segment[JPEG_MAX_SEGMENT];
};

static void on_encoder_error(j_common_ptr jpeg)
{
    struct encoder *e = jpeg->client_data;
    if (jpeg->err->msg_code == JERR_OUT_OF_MEMORY)
        mem_note_failure();
    longjmp(e->back, 1);
}

static void on_encoder_message(j_common_ptr jpeg, int level)
{
    (void)jpeg;
    (void)level;
}

static void on_begin_output(j_compress_ptr jpeg)
{
    struct encoder *e = jpeg->client_data;
    e->output.next_output_byte = e->buffer;
    e->output.free_in_buffer = sizeof(e->buffer);
}

static boolean on_write(j_compress_ptr jpeg)
{
    struct encoder *e = jpeg->client_data;
    encoded_write(e->to, e->buffer, sizeof(e->buffer));
    on_begin_output(jpeg);
    return TRUE;
}

static void on_end_output(j_compress_ptr jpeg)
{
    struct encoder *e = jpeg->client_data;
    encoded_write(e->to, e->buffer,
                  (int)(sizeof(e->buffer) - e->output.free_in_buffer));
}

static void write_profile(struct encoder *e, const struct picture_tags *tags)
{
    size_t size, count;
    const void *profile = picture_tags_profile(tags, 3, &size);
    for (size_t i = 0;
         profile && (count = jpeg_profile_segment(profile, size, i, e->segment)) > 0;
         i++)
        jpeg_write_marker(&e->jpeg, JPEG_PROFILE_MARKER, e->segment, (unsigned)count);
}

static bool encode(struct encoder *e, const struct picture *p, const uint8_t *rgb)
{
    struct jpeg_compress_struct *jpeg = &e->jpeg;
    if (setjmp(e->back))
        return false;
    jpeg_create_compress(jpeg);
    jpeg->dest = &e->output;
    jpeg->image_width = (JDIMENSION)p->width;
    jpeg->image_height = (JDIMENSION)p->height;
    jpeg->input_components = 3;
    jpeg->in_color_space = JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, JPEG_QUALITY, TRUE);
    jpeg->comp_info[0].h_samp_factor = 1;    // colours keep their resolution
    jpeg->comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(jpeg, TRUE);
    write_profile(e, p->tags);
    while (jpeg->next_scanline < jpeg->image_height) {
        JSAMPROW row = (JSAMPROW)(rgb + (size_t)jpeg->next_scanline * p->width * 3);
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
    return true;
}

bool jpeg_library_encode(struct encoded *to, const struct picture *picture,
                         const uint8_t *rgb)
{
    struct encoder *e = mem_zalloc(sizeof(*e));
    if (!e)
        return false;
    e->to = to;
    e->jpeg.err = set_errors(&e->errors);
    e->errors.error_exit = on_encoder_error;
    e->errors.emit_message = on_encoder_message;
    e->jpeg.client_data = e;
    e->output.init_destination = on_begin_output;
    e->output.empty_output_buffer = on_write;
    e->output.term_destination = on_end_output;
    const bool ok = encode(e, picture, rgb);
    jpeg_destroy_compress(&e->jpeg);
    mem_free(e);
    return ok;
}
