// SPDX-License-Identifier: MIT
//
// The inside of an opened file of torch.save, for the files that read one: pth.c opens
// the newer kind, pth_legacy.c the older one; pth_tensors.c finds the tensors in what
// their pickles say; pth_values.c reads the values.

#ifndef FORMATS_PTH_TENSORS_H
#define FORMATS_PTH_TENSORS_H

#include "formats/archive.h"
#include "formats/pickle.h"
#include "formats/pth_entry.h"

// A pickle larger than this is refused, bytes; that of a large network has 50 KiB.
#define PTH_PICKLE_MAX ((uint64_t)16 << 20)

enum pth_kind {
    PTH_F32,
    PTH_F64,
    PTH_F16,
    PTH_BF16,
    PTH_I64,
    PTH_I32,
    PTH_I16,
    PTH_I8,
    PTH_U8,
    PTH_BOOL,
    PTH_KIND_COUNT,
};

// Where the values of an entry are in the file, and in which order.
struct pth_place {
    enum pth_kind kind;
    uint64_t offset;                   // of the first value in its storage, in values
    uint64_t strides[PTH_RANK_MAX];    // in values
    uint64_t extent;                   // values from the first to the last, inclusive
    bool plain;                        // row-major without gaps
    struct archive_record record;      // newer kind: the storage
    uint64_t position;                 // older kind: the storage in the file, bytes
};

// The bytes of one or several tensors.
struct pth_storage {
    const char *key;    // of `length` bytes, in the pickle
    size_t length;
    enum pth_kind kind;
    uint64_t count;       // of values
    uint64_t position;    // older kind: in the file, bytes
    bool found;           // older kind: `position` is known
};

struct pth_named {    // for pth_find
    const char *name;
    size_t index;    // of the entry
};

struct pth {
    char *path;
    uint64_t size;               // of the file, bytes
    const char *const *parts;    // of pth_open, while the file is opened; may be NULL
    // One of these is open: the older kind has a stream, the newer one an archive.
    FILE *stream;
    struct archive *archive;
    char *root;                      // folder in the archive, with its slash
    struct pth_storage *storages;    // older kind, while it is opened: sorted by key
    size_t storage_count;
    struct pth_entry *entries;
    struct pth_place *places;    // of the entries
    size_t count, capacity, place_capacity;
    struct pth_named *by_name;    // the entries, sorted
    uint8_t *chunk;               // for conversion, allocated when first needed
};

// Bytes per value.
uint32_t pth_kind_size(enum pth_kind kind);

// Each logs one message and returns false: the file contradicts itself; it is something
// else; it ends too early; the operating system cannot read it.
bool pth_report_damage(const struct pth *p, const char *format, ...) PRINTF_LIKE(2, 3);
bool pth_report_foreign(const struct pth *p, const char *why);
bool pth_report_cut(const struct pth *p, const char *where);
bool pth_report_unreadable(const struct pth *p);

// Parses a pickle with the names that such files may use. False after one message.
bool pth_parse(const struct pth *p, const void *data, size_t size, struct pickle *out);

// Key and value i of a dictionary. False after the last one.
bool pth_dictionary_item(const struct pickle_value *dictionary, size_t i,
                         const struct pickle_value **key,
                         const struct pickle_value **value);

// The storage that a reference of the pickle names. False after one message.
bool pth_read_storage(const struct pth *p, const struct pickle_value *reference,
                      struct pth_storage *s);

// The order of p->storages, and a search in it; NULL if there is none of this key.
int pth_compare_storages(const void *a, const void *b);
struct pth_storage *pth_find_storage(const struct pth *p, const char *key,
                                     size_t length);

// The order of p->by_name.
int pth_compare_names(const void *a, const void *b);

// Chooses the dictionary of tensors in `root` and fills entries, places and by_name.
// False after one message.
bool pth_add_tensors(struct pth *p, const struct pickle_value *root);

#endif
