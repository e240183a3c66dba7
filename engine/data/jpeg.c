// SPDX-License-Identifier: MIT
//
// JPEG files: what is looked at before a library decodes them. Markers and segments are
// those of ITU-T T.81, annex B. See codec.h.

#include "base/mem.h"
#include "data/codec.h"
#include "data/encoded.h"
#include "data/jpeg_library.h"
#include "data/profile.h"

#include <inttypes.h>
#include <string.h>

enum {
    BUFFER = 16 * 1024,
    // Each scan goes over all of the image. Progressive files have about ten; one for
    // each bit of each coefficient would be possible.
    MAX_SCANS = 100,
    MAX_PARTS = 255,    // of a profile
};

bool jpeg_is(const uint8_t *data, size_t size)
{
    return size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff;
}

// ---------------------------------------------------------------------------
// Bytes of a source, one after another

// A profile, in parts that have numbers from 1, and how many there are (ICC.1:2022,
// annex B.4). Where they are in the source.
static const char profile_mark[] = "ICC_PROFILE";    // and the 0 that ends it

enum { PART_HEAD = sizeof(profile_mark) + 2 };

struct profile {
    uint32_t count;    // 0: there is none
    bool is_damaged;
    struct {
        uint64_t at;
        size_t size;
        bool is_there;
    } parts[MAX_PARTS];
};

struct walk {
    struct source *source;
    uint64_t at;    // behind the buffer
    size_t used, count;
    const struct picture_reading *reading;
    bool is_refused;    // with a reason, which stays
    struct reason *reason;
    struct profile profile;    // where tags are wanted
    uint8_t buffer[BUFFER];
    uint8_t segment[JPEG_MAX_SEGMENT];
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

// The part that was read, of which the source has come to the end.
static void note_profile(struct walk *w, size_t size)
{
    struct profile *p = &w->profile;
    if (size < PART_HEAD || memcmp(w->segment, profile_mark, sizeof(profile_mark)) != 0)
        return;
    const uint32_t number = w->segment[PART_HEAD - 2];
    const uint32_t count = w->segment[PART_HEAD - 1];
    if (number == 0 || number > count || (p->count && p->count != count) ||
        p->parts[number - 1].is_there) {
        p->is_damaged = true;
        return;
    }
    p->count = count;
    p->parts[number - 1].at = w->source->size - bytes_left(w) - (size - PART_HEAD);
    p->parts[number - 1].size = size - PART_HEAD;
    p->parts[number - 1].is_there = true;
}

static bool is_of_interest(const struct walk *w, int marker)
{
    return is_frame(marker) || marker == 0xc4 || marker == 0xe1 || marker == 0xee ||
           (marker == JPEG_PROFILE_MARKER && w->reading->with_tags);
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
    if (!is_of_interest(w, marker)) {
        pass_over(w, length);
        return CODEC_WHOLE;
    }
    if (!read_segment(w, length))
        return CODEC_TRUNCATED;
    if (marker == 0xc4 && !huffman_tables_are_sane(w->segment, length))
        return CODEC_DAMAGED;
    note_segment(marker, w->segment, length, frame);
    if (marker == JPEG_PROFILE_MARKER)
        note_profile(w, length);
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

// All parts in one piece: *bytes, NULL where some are missing, there are too many, or
// there is no profile.
static bool read_profile(struct source *source, const struct profile *p,
                         uint8_t **bytes, size_t *size, struct reason *reason)
{
    *bytes = NULL;
    *size = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        if (!p->parts[i].is_there)
            return true;
        *size += p->parts[i].size;
    }
    if (p->is_damaged || *size == 0 || *size > PROFILE_MOST_BYTES)
        return true;
    *bytes = mem_alloc(*size);
    if (!*bytes)
        return reason_refuse_memory(reason);
    bool ok = true;
    size_t at = 0, got;
    for (uint32_t i = 0; ok && i < p->count; at += p->parts[i++].size)
        ok = source_read(source, p->parts[i].at, *bytes + at, p->parts[i].size, &got,
                         reason) &&
             (got == p->parts[i].size ||
              codec_check_state(CODEC_TRUNCATED, "JPEG", reason));
    if (!ok)
        mem_free(*bytes);
    return ok;
}

static bool take_tags(struct source *source, const struct profile *profile,
                      const struct jpeg_frame *frame, struct picture_tags **tags,
                      struct reason *reason)
{
    uint8_t *bytes;
    size_t size;
    *tags = NULL;
    if (profile->count == 0 && !profile->is_damaged)
        return true;
    return read_profile(source, profile, &bytes, &size, reason) &&
           (picture_tags_create(frame->width, frame->height, frame->components, bytes,
                                size, tags) ||
            reason_refuse_memory(reason));
}

// The tags are the caller's.
static bool find_frame(struct source *source, const struct picture_reading *reading,
                       struct jpeg_frame *frame, struct picture_tags **tags,
                       struct reason *reason)
{
    *tags = NULL;
    struct walk *w = mem_zalloc(sizeof(*w));
    *frame = (struct jpeg_frame){ 0 };
    if (!w)
        return reason_refuse_memory(reason);
    w->source = source;
    w->reading = reading;
    w->reason = reason;
    const enum codec_state state = walk(w, frame);
    frame->is_cut = state == CODEC_TRUNCATED;
    const bool ok = !w->is_refused && check(frame, state, reading, reason) &&
                    take_tags(source, &w->profile, frame, tags, reason);
    mem_free(w);
    return ok;
}

bool jpeg_decode(struct source *source, const struct picture_reading *reading,
                 struct picture *picture, struct reason *reason)
{
    struct jpeg_frame frame;
    struct picture_tags *tags;
    *picture = (struct picture){ 0 };
    if (!find_frame(source, reading, &frame, &tags, reason))
        return false;
    if (frame.is_cut)
        source->size = frame.end;
    if (!jpeg_library_decode(source, &frame, reading->keep_truncated, picture,
                             reason)) {
        picture_tags_free(tags);
        return false;
    }
    picture->orientation = frame.orientation;
    picture->tags = tags;
    return true;
}

// ---------------------------------------------------------------------------
// Writing

size_t jpeg_profile_segment(const void *profile, size_t size, size_t i,
                            uint8_t segment[JPEG_MAX_SEGMENT])
{
    const size_t most = JPEG_MAX_SEGMENT - PART_HEAD, at = i * most;
    if (at >= size)
        return 0;
    const size_t count = MIN(size - at, most);
    memcpy(segment, profile_mark, sizeof(profile_mark));
    segment[PART_HEAD - 2] = (uint8_t)(i + 1);
    segment[PART_HEAD - 1] = (uint8_t)DIV_UP(size, most);
    memcpy(segment + PART_HEAD, (const uint8_t *)profile + at, count);
    return PART_HEAD + count;
}

bool jpeg_encode(struct encoded *to, const struct picture *picture, const char *path)
{
    return codec_encode_rgb(to, picture, path, jpeg_library_encode);
}
