// SPDX-License-Identifier: MIT
//
// From the bytes of a tensor to floats. Numbers are little-endian, as on every machine
// that has Vulkan. See pth.h.

#include "formats/pth.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "base/os.h"
#include "formats/pth_tensors.h"

#include <assert.h>
#include <string.h>

#define CHUNK 65536u    // bytes converted at once

#define RETURN_AS(type)                                                                \
    do {                                                                               \
        type x_;                                                                       \
        memcpy(&x_, from, sizeof(x_));                                                 \
        return (float)x_;                                                              \
    } while (0)

// One value, wherever it is aligned.
static float to_float(enum pth_kind kind, const uint8_t *from)
{
    switch (kind) {
    case PTH_F32:
        RETURN_AS(float);
    case PTH_F64:
        RETURN_AS(double);
    case PTH_F16:
        return bytes_half_value((uint16_t)(from[0] | from[1] << 8));
    case PTH_BF16:
        return bytes_bfloat16_value((uint16_t)(from[0] | from[1] << 8));
    case PTH_I64:
        RETURN_AS(int64_t);
    case PTH_I32:
        RETURN_AS(int32_t);
    case PTH_I16:
        RETURN_AS(int16_t);
    case PTH_I8:
        RETURN_AS(int8_t);
    case PTH_BOOL:
        return from[0] != 0;
    default:
        return from[0];
    }
}

// The bytes of a place, from its first value on, in either kind of file.
static bool begin_bytes(struct pth *p, const struct pth_place *place)
{
    uint64_t offset = place->offset * pth_kind_size(place->kind);
    if (p->archive)
        return archive_begin(p->archive, &place->record, offset);
    if (os_file_seek(p->stream, place->position + offset))
        return true;
    return pth_report_unreadable(p);
}

static bool take_bytes(struct pth *p, void *data, size_t size)
{
    if (p->archive)
        return archive_take(p->archive, data, size);
    if (fread(data, 1, size, p->stream) == size)
        return true;
    return pth_report_unreadable(p);
}

static bool end_bytes(struct pth *p)
{
    return !p->archive || archive_end(p->archive);
}

// Values that follow each other in the file as in the tensor.
static bool read_plain(struct pth *p, const struct pth_entry *e,
                       const struct pth_place *place, float *values)
{
    const uint32_t size = pth_kind_size(place->kind);
    // The usual case needs no conversion.
    if (place->kind == PTH_F32)
        return take_bytes(p, values, (size_t)e->count * size);
    if (!p->chunk)
        p->chunk = mem_alloc(CHUNK);
    if (!p->chunk)
        return false;
    for (uint64_t at = 0; at < e->count;) {
        size_t count = (size_t)MIN(e->count - at, CHUNK / size);
        if (!take_bytes(p, p->chunk, count * size))
            return false;
        for (size_t i = 0; i < count; i++)
            values[at + i] = to_float(place->kind, p->chunk + i * size);
        at += count;
    }
    return true;
}

// Values in any order: all bytes from the first to the last are read, then picked by an
// index that counts through the sides.
static bool read_strided(struct pth *p, const struct pth_entry *e,
                         const struct pth_place *place, float *values)
{
    const uint32_t size = pth_kind_size(place->kind);
    uint64_t index[PTH_RANK_MAX] = { 0 }, from = 0;
    // No larger than the file, see pth_read_storage.
    uint8_t *bytes = mem_array((size_t)place->extent, size);
    bool ok = bytes && take_bytes(p, bytes, (size_t)place->extent * size);
    for (uint64_t to = 0; ok && to < e->count; to++) {
        values[to] = to_float(place->kind, bytes + from * size);
        for (uint32_t i = e->rank; i-- > 0;) {
            from += place->strides[i];
            if (++index[i] < e->sides[i])
                break;
            from -= index[i] * place->strides[i];
            index[i] = 0;
        }
    }
    mem_free(bytes);
    return ok;
}

bool pth_read(struct pth *p, const struct pth_entry *e, float *values)
{
    const struct pth_place *place = &p->places[e - p->entries];
    if (e->count == 0)
        return true;
    return begin_bytes(p, place) &&
           (place->plain ? read_plain : read_strided)(p, e, place, values) &&
           end_bytes(p);
}

bool pth_read_integer(struct pth *p, const struct pth_entry *e, int64_t *value)
{
    const struct pth_place *place = &p->places[e - p->entries];
    assert(place->kind == PTH_I64 && e->count == 1);
    return begin_bytes(p, place) && take_bytes(p, value, sizeof(*value)) &&
           end_bytes(p);
}
