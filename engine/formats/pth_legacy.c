// SPDX-License-Identifier: MIT
//
// The older kind of file: five pickles one after another (a magic number, the version
// of the protocol, the system, the saved object, the list of storages), then for each
// storage of the list its number of values and the values. See pth_legacy.h.

#include "formats/pth_legacy.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "base/os.h"

#include <stdlib.h>
#include <string.h>

#define PROTOCOL_VERSION 1001

enum { PART_MAGIC, PART_PROTOCOL, PART_SYSTEM, PART_OBJECT, PART_KEYS, PART_COUNT };

// 0x1950a86a20f9469cfc6c, lowest byte first.
static const char magic[10] = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

bool pth_legacy_looks_like(const uint8_t head[PTH_LEGACY_HEAD])
{
    // A pickle of the magic number, which newer protocols put in a frame.
    const uint8_t *number = head + (head[2] == 0x95 ? 11 : 2);
    return head[0] == 0x80 && number[0] == 0x8a && number[1] == sizeof(magic) &&
           memcmp(number + 2, magic, sizeof(magic)) == 0;
}

// ---------------------------------------------------------------------------
// Storages

// Lists the storages that the references of the object's pickle name, each once.
static bool list_storages(struct pth *p, const struct pickle *pickle)
{
    size_t used = 0;
    p->storages = mem_array(pickle->reference_count, sizeof(*p->storages));
    if (!p->storages)
        return false;
    for (size_t i = 0; i < pickle->reference_count; i++)
        if (!pth_read_storage(p, pickle->references[i], &p->storages[i]))
            return false;
    if (pickle->reference_count > 0)
        qsort(p->storages, pickle->reference_count, sizeof(*p->storages),
              pth_compare_storages);
    for (size_t i = 0; i < pickle->reference_count; i++) {
        const struct pth_storage *s = &p->storages[i];
        const struct pth_storage *last = used > 0 ? &p->storages[used - 1] : NULL;
        if (!last || pth_compare_storages(s, last) != 0)
            p->storages[used++] = *s;
        else if (s->kind != last->kind || s->count != last->count)
            return pth_report_damage(p, "storage %.*s has two sizes", (int)s->length,
                                     s->key);
    }
    p->storage_count = used;
    return true;
}

// Finds the storages of the list: they follow the last pickle, at `position` bytes,
// each with its number of values in 8 bytes before the values.
static bool place_storages(struct pth *p, const struct pickle_value *keys,
                           uint64_t position)
{
    if (keys->type != PICKLE_LIST)
        return pth_report_damage(p, "it has no list of storages");
    for (size_t i = 0; i < keys->count; i++) {
        const struct pickle_value *key = keys->items[i];
        struct pth_storage *s =
            key->type == PICKLE_TEXT ? pth_find_storage(p, key->text, key->size) : NULL;
        if (!s || s->found)
            return pth_report_damage(p, "item %zu of its list of storages is %s", i,
                                     s ? "there twice" : "used by no tensor");
        const uint32_t size = pth_kind_size(s->kind);
        uint8_t prefix[8];
        if (p->size - position < sizeof(prefix))
            return pth_report_cut(p, "its storages");
        if (!os_file_seek(p->stream, position) ||
            fread(prefix, 1, sizeof(prefix), p->stream) != sizeof(prefix))
            return pth_report_unreadable(p);
        if (bytes_get_little(prefix, sizeof(prefix)) != s->count)
            return pth_report_damage(p, "storage %.*s has two sizes", (int)s->length,
                                     s->key);
        s->position = position + sizeof(prefix);
        s->found = true;
        // pth_read_storage has compared the count with the size of the file.
        if (s->count * size > p->size - s->position)
            return pth_report_cut(p, "its storages");
        position = s->position + s->count * size;
    }
    return true;
}

// ---------------------------------------------------------------------------
// Opening

static bool check_system(const struct pth *p, const struct pickle_value *system)
{
    const struct pickle_value *key, *value;
    if (system->type != PICKLE_DICTIONARY)
        return pth_report_damage(p, "it does not state its byte order");
    for (size_t i = 0; pth_dictionary_item(system, i, &key, &value); i++)
        if (pickle_text_is(key, "little_endian") && value->type == PICKLE_BOOL &&
            !value->integer)
            return pth_report_foreign(
                p, "its numbers are big-endian; save it on a little-endian machine");
    return true;
}

bool pth_legacy_open(struct pth *p)
{
    struct pickle parts[PART_COUNT] = { 0 };
    size_t size = (size_t)MIN(p->size, PTH_PICKLE_MAX), at = 0;
    uint8_t *data = mem_alloc(size);
    bool ok = data != NULL;
    if (ok && (!os_file_seek(p->stream, 0) || fread(data, 1, size, p->stream) != size))
        ok = pth_report_unreadable(p);
    for (size_t i = 0; ok && i < PART_COUNT; i++) {
        const struct pickle_value *root;
        ok = pth_parse(p, data + at, size - at, &parts[i]);
        if (!ok)
            break;
        at += parts[i].size;
        root = parts[i].root;
        if (i == PART_MAGIC)
            ok = (root->type == PICKLE_LONG && root->size == sizeof(magic) &&
                  memcmp(root->text, magic, sizeof(magic)) == 0) ||
                 pth_report_foreign(p, "it is a pickle of something else");
        if (i == PART_PROTOCOL)
            ok = (root->type == PICKLE_INTEGER && root->integer == PROTOCOL_VERSION) ||
                 pth_report_foreign(p, "its version is unknown");
        if (i == PART_SYSTEM)
            ok = check_system(p, root);
    }
    ok = ok && list_storages(p, &parts[PART_OBJECT]) &&
         place_storages(p, parts[PART_KEYS].root, at) &&
         pth_add_tensors(p, parts[PART_OBJECT].root);
    for (size_t i = 0; i < PART_COUNT; i++)
        pickle_free(&parts[i]);
    // Their keys point into the pickle.
    mem_free(p->storages);
    p->storages = NULL;
    p->storage_count = 0;
    mem_free(data);
    return ok;
}
