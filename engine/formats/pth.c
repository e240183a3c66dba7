// SPDX-License-Identifier: MIT
//
// Opening a file of torch.save of either kind, and its list of tensors. See pth.h.

#include "formats/pth.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "formats/pth_legacy.h"
#include "formats/pth_tensors.h"

#include <stdlib.h>
#include <string.h>

// Finds the record ROOT/data.pkl, which is the pickle; ROOT is the name that the file
// had when saved.
static bool find_root(struct pth *p, uint64_t *index)
{
    static const char tail[] = "/data.pkl";
    for (uint64_t i = 0; i < archive_count(p->archive); i++) {
        const char *name = archive_name(p->archive, i);
        const char *slash = name ? strchr(name, '/') : NULL;
        if (slash && strcmp(slash, tail) == 0) {
            *index = i;
            p->root = mem_printf("%.*s", (int)(slash + 1 - name), name);
            return p->root != NULL;
        }
    }
    return pth_report_foreign(p, "the zip archive has no data.pkl");
}

// Newer files state the byte order in a record of its own.
static bool check_order(struct pth *p)
{
    struct archive_record record;
    char text[4] = "", *name = mem_printf("%sbyteorder", p->root);
    uint64_t index;
    if (!name)
        return false;
    bool found = archive_find(p->archive, name, &index);
    mem_free(name);
    if (!found)
        return true;
    if (!archive_look(p->archive, index, &record))
        return false;
    // Three bytes are enough to tell "big" from "little". The record is not read to its
    // end: archive_begin of the next one closes it.
    size_t size = (size_t)MIN(record.size, sizeof(text) - 1);
    if (!archive_begin(p->archive, &record, 0) || !archive_take(p->archive, text, size))
        return false;
    return strcmp(text, "big") != 0 ||
           pth_report_foreign(
               p, "its numbers are big-endian; save it on a little-endian machine");
}

// The newer kind of file: its pickle is in memory only until the entries are made; the
// values stay in the archive.
static bool open_archive(struct pth *p)
{
    struct archive_record record;
    struct pickle pickle = { 0 };
    uint64_t index = 0;
    FILE *stream = p->stream;
    p->stream = NULL;    // the archive owns it
    p->archive = archive_open(stream, p->size, p->path);
    if (!p->archive || !find_root(p, &index) || !check_order(p) ||
        !archive_look(p->archive, index, &record))
        return false;
    // Names and shapes only: the size does not grow with that of the tensors.
    if (record.size > PTH_PICKLE_MAX)
        return pth_report_foreign(p, "its pickle is too large");
    void *data = mem_alloc((size_t)record.size);
    bool ok = data && archive_begin(p->archive, &record, 0) &&
              archive_take(p->archive, data, (size_t)record.size) &&
              archive_end(p->archive) &&
              pth_parse(p, data, (size_t)record.size, &pickle) &&
              pth_add_tensors(p, pickle.root);
    pickle_free(&pickle);
    mem_free(data);
    return ok;
}

enum container { CONTAINER_NONE, CONTAINER_ARCHIVE, CONTAINER_LEGACY };

// The kind of file, by its first bytes: names are not reliable. An archive begins with
// the header of a record, an empty one with its end.
static enum container find_container(FILE *stream)
{
    uint8_t head[PTH_LEGACY_HEAD] = { 0 };
    size_t size = fread(head, 1, sizeof(head), stream);
    if (size >= 4 && (memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, "PK\5\6", 4) == 0))
        return CONTAINER_ARCHIVE;
    return pth_legacy_looks_like(head) ? CONTAINER_LEGACY : CONTAINER_NONE;
}

bool pth_looks_like(const char *path)
{
    // Opening a pipe could block, and reading from it would take bytes away.
    FILE *stream = os_path_kind(path) == OS_KIND_FILE ? os_file_open(path, "rb") : NULL;
    if (!stream)
        return false;
    enum container container = find_container(stream);
    fclose(stream);
    return container != CONTAINER_NONE;
}

struct pth *pth_open(const char *path, const char *const *parts)
{
    struct pth *p = mem_zalloc(sizeof(*p));
    if (!p)
        return NULL;
    p->parts = parts;
    p->path = mem_strdup(path);
    if (!p->path)
        goto fail;
    enum os_kind kind = os_path_kind(path);
    if (kind != OS_KIND_FILE) {
        log_error("pth: %s %s", path,
                  kind == OS_KIND_NONE ? "does not exist" : "is not a file");
        goto fail;
    }
    p->stream = os_file_open(path, "rb");
    if (!p->stream) {
        log_error("pth: cannot open %s: %s", path, os_error_text());
        goto fail;
    }
    if (!os_file_size(p->stream, &p->size)) {
        log_error("pth: cannot measure %s: %s", path, os_error_text());
        goto fail;
    }
    enum container container = find_container(p->stream);
    if (container == CONTAINER_NONE) {
        pth_report_foreign(p, "it is not a zip or legacy torch.save file");
        goto fail;
    }
    if (container == CONTAINER_ARCHIVE ? !open_archive(p) : !pth_legacy_open(p))
        goto fail;
    return p;

fail:
    pth_close(p);
    return NULL;
}

void pth_close(struct pth *p)
{
    if (!p)
        return;
    // Names are copies: the pickle that has them is freed once the entries are made.
    for (size_t i = 0; i < p->count; i++)
        mem_free((char *)p->entries[i].name);
    if (p->stream)
        fclose(p->stream);
    archive_close(p->archive);
    mem_free(p->root);
    mem_free(p->storages);
    mem_free(p->entries);
    mem_free(p->places);
    mem_free(p->by_name);
    mem_free(p->chunk);
    mem_free(p->path);
    mem_free(p);
}

size_t pth_count(const struct pth *p)
{
    return p->count;
}

const struct pth_entry *pth_at(const struct pth *p, size_t i)
{
    return &p->entries[i];
}

const struct pth_entry *pth_find(const struct pth *p, const char *name)
{
    const struct pth_named key = { .name = name };
    const struct pth_named *found =
        bsearch(&key, p->by_name, p->count, sizeof(key), pth_compare_names);
    return found ? &p->entries[found->index] : NULL;
}
