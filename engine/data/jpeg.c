// SPDX-License-Identifier: MIT
//
// JPEG files: what is looked at before a library decodes them. Markers and segments are
// those of ITU-T T.81, annex B. See codec.h.

#include "base/mem.h"
#include "data/codec.h"
#include "data/encoded.h"
#include "data/jpeg_library.h"

#include <inttypes.h>
#include <string.h>

enum {
    BUFFER = 16 * 1024,
    MAX_SEGMENT = 65535 - 2,
    // Each scan goes over all of the image. Progressive files have about ten; one for
    // each bit of each coefficient would be possible.
    MAX_SCANS = 100,
};

bool jpeg_is(const uint8_t *data, size_t size)
{
    return size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff;
}

// ---------------------------------------------------------------------------
// Bytes of a source, one after another

struct walk {
    struct source *source;
    uint64_t at;    // behind the buffer
    size_t used, count;
    const struct picture_reading *reading;
    bool is_refused;    // with a reason, which stays
    struct reason *reason;
    uint8_t buffer[BUFFER];
    uint8_t segment[MAX_SEGMENT];
};

// -1 at the end, and where the system fails.
static int next_byte(struct walk *w)
{
    if (w->is_refused)
        return -1;
    if (w->used == w->count) {
        w->used = 0;
        w->is_refused = !source_read(w->source, w->at, w->buffer, sizeof(w->buffer),
                                     &w->count, w->reason);
        w->at += w->count;
        if (w->is_refused || w->count == 0)
            return -1;
    }
    return w->buffer[w->used++];
}

static uint64_t bytes_left(const struct walk *w)
{
    return w->source->size - (w->at - w->count + w->used);
}

static void pass_over(struct walk *w, size_t count)
{
    const size_t here = MIN(count, w->count - w->used);
    w->used += here;
    w->at += count - here;
    if (here < count)
        w->used = w->count = 0;
}

// False where the file ends or fails before.
static bool read_segment(struct walk *w, size_t count)
{
    int byte = 0;
    for (size_t i = 0; i < count && (byte = next_byte(w)) >= 0; i++)
        w->segment[i] = (uint8_t)byte;
    return byte >= 0;
}

// The next marker. Inside the compressed data of a scan, 0xff comes before 0, a restart
// marker, another 0xff, or the marker that ends the scan. -1 at the end.
static int next_marker(struct walk *w)
{
    int byte = next_byte(w);
    while (byte >= 0 && byte != 0xff) {
        const uint8_t *from = w->buffer + w->used;
        const uint8_t *found = memchr(from, 0xff, w->count - w->used);
        w->used = found ? (size_t)(found - w->buffer) : w->count;
        byte = next_byte(w);
    }
    while (byte == 0xff)
        byte = next_byte(w);
    return byte;
}

// ---------------------------------------------------------------------------
// Segments

// Huffman tables: each has a class, 16 counts of codes by length, then the codes'
// symbols. stb trusts the counts; more than 256 symbols would overrun its tables.
static bool huffman_tables_are_sane(const uint8_t *data, size_t size)
{
    while (size >= 17) {
        uint32_t symbols = 0;
        for (int i = 1; i <= 16; i++)
            symbols += data[i];
        if (symbols > 256 || size - 17 < symbols)
            return false;
        data += 17 + symbols;
        size -= 17 + symbols;
    }
    return size == 0;
}

static bool is_frame(int marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
           marker != 0xcc;
}

static void note_segment(int marker, const uint8_t *data, size_t size,
                         struct jpeg_frame *frame)
{
    static const char exif[] = "Exif\0";    // and the 0 that ends the literal
    if (is_frame(marker) && size >= 6) {
        if (frame->components == 0) {
            frame->height = (uint32_t)data[1] << 8 | data[2];
            frame->width = (uint32_t)data[3] << 8 | data[4];
        }
        frame->components = data[5];
    }
    if (marker == 0xee && size >= 12 && memcmp(data, "Adobe", 5) == 0) {
        frame->has_adobe = true;
        frame->transform = data[11];
    }
    if (marker == 0xe1 && frame->orientation == 0 && size >= sizeof(exif) &&
        memcmp(data, exif, sizeof(exif)) == 0)
        frame->orientation = exif_orientation(data + sizeof(exif), size - sizeof(exif));
}

static bool is_of_interest(int marker)
{
    return is_frame(marker) || marker == 0xc4 || marker == 0xe1 || marker == 0xee;
}

// A frame without a size is left to the library.
static bool check_size(const struct jpeg_frame *f,
                       const struct picture_reading *reading, struct reason *reason)
{
    return f->width == 0 || f->height == 0 ||
           codec_check_size(f->width, f->height, false, reading, reason);
}

// One segment, whose marker was read.
static enum codec_state take_segment(struct walk *w, int marker,
                                     struct jpeg_frame *frame)
{
    if (!read_segment(w, 2))
        return CODEC_TRUNCATED;
    size_t length = (size_t)w->segment[0] << 8 | w->segment[1];
    if (length < 2)
        return CODEC_DAMAGED;
    length -= 2;
    if (bytes_left(w) < length)
        return CODEC_TRUNCATED;
    if (!is_of_interest(marker)) {
        pass_over(w, length);
        return CODEC_WHOLE;
    }
    if (!read_segment(w, length))
        return CODEC_TRUNCATED;
    if (marker == 0xc4 && !huffman_tables_are_sane(w->segment, length))
        return CODEC_DAMAGED;
    note_segment(marker, w->segment, length, frame);
    w->is_refused = is_frame(marker) && !check_size(frame, w->reading, w->reason);
    return w->is_refused ? CODEC_DAMAGED : CODEC_WHOLE;
}

// Walks the markers up to the end of the image.
static enum codec_state walk(struct walk *w, struct jpeg_frame *frame)
{
    pass_over(w, 2);
    for (;;) {
        const int marker = next_marker(w);
        if (marker < 0) {
            frame->end = w->source->size;
            return CODEC_TRUNCATED;
        }
        if (marker == 0xd9)
            return CODEC_WHOLE;
        if (marker == 0 && frame->components == 0)
            return CODEC_DAMAGED;    // no marker, and there are no data yet
        if (marker <= 1 || (marker >= 0xd0 && marker <= 0xd8))
            continue;
        frame->scans += marker == 0xda;
        frame->end = w->source->size - bytes_left(w) - 2;
        const enum codec_state state = take_segment(w, marker, frame);
        if (state != CODEC_WHOLE)
            return state;
    }
}

// ---------------------------------------------------------------------------
// Reading

// A file that is cut is one whose frame and first scan are there.
static bool check(const struct jpeg_frame *f, enum codec_state state,
                  const struct picture_reading *reading, struct reason *reason)
{
    const bool keeps = state == CODEC_TRUNCATED && reading->keep_truncated && f->scans;
    if (!keeps && !codec_check_state(state, "JPEG", reason))
        return false;
    if (f->scans > MAX_SCANS)
        return reason_refuse(reason,
                             "a JPEG with %" PRIu32 " scans; at most %d are decoded",
                             f->scans, MAX_SCANS);
    if (f->components == 4 && f->has_adobe && f->transform != 0 && f->transform != 2)
        return reason_refuse(reason,
                             "a JPEG of four colours (CMYK) that does not say how "
                             "they are meant: save it as RGB");
    return true;
}

static bool find_frame(struct source *source, const struct picture_reading *reading,
                       struct jpeg_frame *frame, struct reason *reason)
{
    struct walk *w = mem_zalloc(sizeof(*w));
    *frame = (struct jpeg_frame){ 0 };
    if (!w)
        return reason_refuse_memory(reason);
    w->source = source;
    w->reading = reading;
    w->reason = reason;
    const enum codec_state state = walk(w, frame);
    frame->is_cut = state == CODEC_TRUNCATED;
    const bool ok = !w->is_refused && check(frame, state, reading, reason);
    mem_free(w);
    return ok;
}

bool jpeg_decode(struct source *source, const struct picture_reading *reading,
                 struct picture *picture, struct reason *reason)
{
    struct jpeg_frame frame;
    *picture = (struct picture){ 0 };
    if (!find_frame(source, reading, &frame, reason))
        return false;
    if (frame.is_cut)
        source->size = frame.end;
    if (!jpeg_library_decode(source, &frame, reading->keep_truncated, picture, reason))
        return false;
    picture->orientation = frame.orientation;
    return true;
}

// ---------------------------------------------------------------------------
// Writing

bool jpeg_encode(struct encoded *to, const struct picture *picture, const char *path)
{
    return codec_encode_rgb(to, picture, path, jpeg_library_encode);
}
