// SPDX-License-Identifier: MIT
//
// The pickle is the one that PyTorch writes, without its memo: each name is spelled
// out. It makes an OrderedDict and sets one item for each tensor:
//
//     NAME: torch._utils._rebuild_tensor_v2(
//               ('storage', torch.FloatStorage, KEY, 'cpu', COUNT),
//               0, SIDES, STRIDES, False, OrderedDict())
//
// KEY, a number, names the record data/KEY that has the values. See pth.h.

#include "formats/pth.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "formats/archive.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define FOLDER "archive/"
#define RECORD_NAME_MAX 48

struct text {    // a pickle in the making
    uint8_t *bytes;
    size_t size, capacity;
    bool failed;
};

static void put(struct text *t, const void *bytes, size_t size)
{
    t->failed = t->failed ||
                !mem_grow(&t->bytes, &t->capacity, t->size + size, sizeof(uint8_t));
    if (t->failed || size == 0)
        return;
    memcpy(t->bytes + t->size, bytes, size);
    t->size += size;
}

// Opcodes, and names with their line ends.
static void put_code(struct text *t, const char *code)
{
    put(t, code, strlen(code));
}

// A number of `size` bytes, lowest first.
static void put_little(struct text *t, uint64_t number, unsigned size)
{
    uint8_t bytes[8];
    bytes_put_little(bytes, size, number);
    put(t, bytes, size);
}

// BINUNICODE.
static void put_text(struct text *t, const char *text)
{
    put_code(t, "X");
    put_little(t, strlen(text), 4);
    put_code(t, text);
}

// BININT if it fits, else LONG1 of eight bytes.
static void put_count(struct text *t, uint64_t count)
{
    if (count <= INT32_MAX) {
        put_code(t, "J");
        put_little(t, count, 4);
    } else {
        put_code(t, "\x8a\x08");
        put_little(t, count, 8);
    }
}

// A tuple.
static void put_counts(struct text *t, const uint64_t *counts, uint32_t count)
{
    put_code(t, "(");
    for (uint32_t i = 0; i < count; i++)
        put_count(t, counts[i]);
    put_code(t, "t");
}

static const struct storage {
    const char *kind, *code;    // the class, as an opcode
    uint32_t size;              // bytes per value
} storages[] = {
    { "F32", "ctorch\nFloatStorage\n", 4 },
    { "F16", "ctorch\nHalfStorage\n", 2 },
    { "I64", "ctorch\nLongStorage\n", 8 },
};

static const struct storage *storage_of(const struct pth_tensor *tensor)
{
    size_t i = 0;
    while (strcmp(storages[i].kind, tensor->kind) != 0) {
        i++;
        assert(i < ARRAY_LEN(storages));
    }
    return &storages[i];
}

static uint64_t count_of(const struct pth_tensor *tensor)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < tensor->rank; i++)
        count *= tensor->sides[i];
    return count;
}

static void put_tensor(struct text *t, const struct pth_tensor *tensor, size_t index)
{
    uint64_t strides[PTH_RANK_MAX], next = 1;    // row-major
    char key[24];
    for (uint32_t i = tensor->rank; i-- > 0;) {
        strides[i] = next;
        next *= tensor->sides[i];
    }
    snprintf(key, sizeof(key), "%zu", index);
    put_text(t, tensor->name);
    put_code(t, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_text(t, "storage");
    put_code(t, storage_of(tensor)->code);
    put_text(t, key);
    put_text(t, "cpu");
    put_count(t, count_of(tensor));
    put_code(t, "tQ");
    put_count(t, 0);
    put_counts(t, tensor->sides, tensor->rank);
    put_counts(t, strides, tensor->rank);
    // requires_grad is false, backward_hooks is empty.
    put_code(t, "\x89"
                "ccollections\nOrderedDict\n)RtR");
}

// The records of the archive: the pickle, the byte order, the tensors, the version.
enum { RECORD_PICKLE, RECORD_ORDER, RECORD_TENSORS };

struct pth_writing {
    struct text pickle;
    size_t count;
    bool (*values)(void *user, size_t tensor, void *data);
    void *user;
    void *data;    // of one tensor
};

static const char order[] = "little", version[] = "3\n";

static const void *record_bytes(void *user, size_t part)
{
    struct pth_writing *w = user;
    if (part == RECORD_PICKLE)
        return w->pickle.bytes;
    if (part == RECORD_ORDER)
        return order;
    if (part == RECORD_TENSORS + w->count)
        return version;
    return w->values(w->user, part - RECORD_TENSORS, w->data) ? w->data : NULL;
}

bool pth_write(const char *path, const struct pth_tensor *tensors, size_t count,
               bool (*values)(void *user, size_t tensor, void *data), void *user)
{
    struct pth_writing w = { .count = count, .values = values, .user = user };
    // PyTorch reads the pickle first, wherever it is; the order here is PyTorch's own.
    const size_t part_count = count + RECORD_TENSORS + 1;
    struct archive_part *parts = mem_array(part_count, sizeof(*parts));
    char(*record_names)[RECORD_NAME_MAX] = mem_array(count + 1, sizeof(*record_names));
    uint64_t largest = 0;
    bool ok = parts && record_names;
    // Protocol 2, an empty OrderedDict, and a mark for the items that "u" sets.
    put_code(&w.pickle, "\x80\x02"
                        "ccollections\nOrderedDict\n)R(");
    for (size_t i = 0; ok && i < count; i++) {
        uint64_t size = count_of(&tensors[i]) * storage_of(&tensors[i])->size;
        largest = MAX(largest, size);
        put_tensor(&w.pickle, &tensors[i], i);
        snprintf(record_names[i], sizeof(record_names[i]), FOLDER "data/%zu", i);
        parts[RECORD_TENSORS + i] = (struct archive_part){ record_names[i], size };
    }
    put_code(&w.pickle, "u.");
    w.data = ok ? mem_alloc((size_t)largest) : NULL;
    ok = ok && w.data && !w.pickle.failed;
    if (ok) {
        parts[RECORD_PICKLE] =
            (struct archive_part){ FOLDER "data.pkl", w.pickle.size };
        parts[RECORD_ORDER] =
            (struct archive_part){ FOLDER "byteorder", strlen(order) };
        parts[part_count - 1] =
            (struct archive_part){ FOLDER "version", strlen(version) };
        ok = archive_write(path, parts, part_count, record_bytes, &w);
    }
    mem_free(w.pickle.bytes);
    mem_free(w.data);
    mem_free(record_names);
    mem_free(parts);
    return ok;
}
