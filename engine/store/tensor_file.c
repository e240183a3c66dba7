// SPDX-License-Identifier: MIT
//
// One of two containers. See tensor_file.h.

#include "store/tensor_file.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "formats/pth.h"
#include "formats/safetensors.h"

#include <string.h>

struct tensor_file {
    const char *what;    // begins messages
    char *path;
    // One of these is open.
    struct safetensors *safetensors;
    struct pth *pth;
    unsigned told;    // bit i: of conversions[i]
};

// Kinds that are read as F32, and what becomes of their values.
static const struct {
    const char *kind, *effect;
} conversions[] = {
    { "F16", "which changes no value" },
    { "BF16", "which changes no value" },
    { "F64", "each value rounded to the nearest" },
};

// Both containers would say so, but as if it had been theirs.
static bool is_there(const struct tensor_file *f)
{
    enum os_kind kind;
    os_path_look(f->path, &kind);
    if (kind == OS_KIND_FOLDER)
        log_error("%s: %s is a folder: name a file of weights", f->what, f->path);
    else if (kind == OS_KIND_NONE && os_error_kind() == OS_ERROR_ABSENT)
        log_error("%s: %s does not exist", f->what, f->path);
    else if (kind == OS_KIND_NONE)
        log_error("%s: cannot look at %s: %s", f->what, f->path, os_error_text());
    return kind != OS_KIND_FOLDER && kind != OS_KIND_NONE;
}

static bool open_container(struct tensor_file *f, const char *const *parts)
{
    // An ONNX file has no mark at its beginning, so only its name shows what it is.
    if (strcmp(file_extension(f->path), ".onnx") == 0) {
        log_error(
            "%s: %s: ONNX models cannot be read: name the file that it was exported "
            "from",
            f->what, f->path);
        return false;
    }
    if (pth_looks_like(f->path))
        f->pth = pth_open(f->path, parts);
    else
        f->safetensors = safetensors_open(f->path);
    return f->pth || f->safetensors;
}

struct tensor_file *tensor_file_open(const char *path, const char *const *parts,
                                     const char *what)
{
    struct tensor_file *f = mem_zalloc(sizeof(*f));
    if (!f)
        return NULL;
    f->what = what;
    f->path = mem_strdup(path);
    if (f->path && is_there(f) && open_container(f, parts))
        return f;
    tensor_file_close(f);
    return NULL;
}

void tensor_file_close(struct tensor_file *f)
{
    if (!f)
        return;
    safetensors_close(f->safetensors);
    pth_close(f->pth);
    mem_free(f->path);
    mem_free(f);
}

const char *tensor_file_path(const struct tensor_file *f)
{
    return f->path;
}

const char *tensor_file_metadata(const struct tensor_file *f, const char *key)
{
    return f->safetensors ? safetensors_metadata(f->safetensors, key) : NULL;
}

size_t tensor_file_count(const struct tensor_file *f)
{
    return f->pth ? pth_count(f->pth) : safetensors_count(f->safetensors);
}

const char *tensor_file_name(const struct tensor_file *f, size_t i)
{
    return f->pth ? pth_at(f->pth, i)->name : safetensors_at(f->safetensors, i)->name;
}

bool tensor_file_find(const struct tensor_file *f, const char *name,
                      struct tensor_entry *out)
{
    if (f->pth) {
        const struct pth_entry *e = pth_find(f->pth, name);
        if (e)
            *out = (struct tensor_entry){ e->kind, e->rank, e->sides };
        return e != NULL;
    }
    const struct safetensors_entry *e = safetensors_find(f->safetensors, name);
    if (e)
        *out = (struct tensor_entry){ e->kind, e->rank, e->sides };
    return e != NULL;
}

// Networks have no scalars besides counters.
bool tensor_file_find_sides(const void *user, const char *name, uint32_t *rank,
                            uint64_t sides[DICTIONARY_RANK])
{
    struct tensor_entry e;
    if (!tensor_file_find(user, name, &e) || e.rank == 0 || e.rank > DICTIONARY_RANK)
        return false;
    *rank = e.rank;
    memcpy(sides, e.sides, e.rank * sizeof(sides[0]));
    return true;
}

// Once for each kind: what is computed is that of these values.
static void tell_kind(struct tensor_file *f, const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(conversions); i++) {
        if (f->told & 1u << i || strcmp(kind, conversions[i].kind) != 0)
            continue;
        f->told |= 1u << i;
        log_info("%s: %s has %s tensors, which are read as F32, %s", f->what, f->path,
                 kind, conversions[i].effect);
    }
}

bool tensor_file_check(struct tensor_file *f, const char *name, const uint64_t *sides,
                       uint32_t rank, const char *network)
{
    char have[SAFETENSORS_SIDES_TEXT_SIZE], want[SAFETENSORS_SIDES_TEXT_SIZE];
    struct tensor_entry e;
    if (!tensor_file_find(f, name, &e)) {
        log_error(
            "%s: %s (%s) has no tensor %s, required by the network, with shape %s",
            f->what, f->path, network, name, safetensors_sides_text(sides, rank, want));
        return false;
    }
    if (e.rank != rank || memcmp(e.sides, sides, rank * sizeof(sides[0])) != 0) {
        log_error("%s: %s (%s): tensor %s is %s, but the network needs %s", f->what,
                  f->path, network, name, safetensors_sides_text(e.sides, e.rank, have),
                  safetensors_sides_text(sides, rank, want));
        return false;
    }
    // A .pth file may hold any kind of number, which pth_read converts.
    if (f->safetensors &&
        !safetensors_has_floats(safetensors_find(f->safetensors, name))) {
        log_error("%s: %s: tensor %s is %s, not F32, F16 or BF16: convert it from the "
                  ".pth file",
                  f->what, f->path, name, e.kind);
        return false;
    }
    tell_kind(f, e.kind);
    return true;
}

bool tensor_file_read(struct tensor_file *f, const char *name, float *values)
{
    return f->pth ? pth_read(f->pth, pth_find(f->pth, name), values)
                  : safetensors_read_floats(
                        f->safetensors, safetensors_find(f->safetensors, name), values);
}

// A counter that another program has made a float; 0 where that is no count.
static bool read_float_counter(struct tensor_file *f, const char *name, int64_t *value)
{
    float number = 0;
    const bool ok = tensor_file_read(f, name, &number);
    *value = number >= 0 && number < 1e15f ? (int64_t)number : 0;
    return ok;
}

bool tensor_file_read_counter(struct tensor_file *f, const char *name, int64_t *value)
{
    *value = 0;
    if (f->pth) {
        const struct pth_entry *e = pth_find(f->pth, name);
        if (!e || e->count != 1)
            return true;
        return strcmp(e->kind, "I64") == 0 ? pth_read_integer(f->pth, e, value)
                                           : read_float_counter(f, name, value);
    }
    const struct safetensors_entry *e = safetensors_find(f->safetensors, name);
    const uint64_t size = e ? e->end - e->begin : 0;
    if (e && strcmp(e->kind, "I64") == 0 && size == sizeof(*value))
        return safetensors_read(f->safetensors, e, value);
    // One value of 16 or 32 bits.
    return !e || !safetensors_has_floats(e) ||
           size != (strcmp(e->kind, "F32") == 0 ? 4 : 2) ||
           read_float_counter(f, name, value);
}
