// SPDX-License-Identifier: MIT
//
// See lpips_file.h. The backbone's network is built once without a device: it names and
// shapes the weights that the files have to hold.

#include "store/lpips_file.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "formats/safetensors.h"
#include "store/tensor_file.h"
#include "store/weight_names.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// Metadata of safetensors: that it is LPIPS, and with which backbone.
#define METADATA_NETWORK "pix2pix.network"
#define METADATA_BACKBONE "pix2pix.backbone"

#define NAME_SIZE 128
#define SLICES 7    // of the package's networks

struct lpips_file {
    const char *what;    // begins messages
    // The second is NULL where the first holds the heads as well.
    struct tensor_file *backbone_file, *heads_file;
    enum lpips_backbone backbone;
    struct weights *weights;    // names and shapes alone
    char description[64];
};

static bool is_head(const char *name)
{
    return strncmp(name, "lin", 3) == 0 && isdigit((unsigned char)name[3]);
}

static bool is_feature(const char *name)
{
    return strncmp(name, "features.", 9) == 0 || strncmp(name, "net.slice", 9) == 0;
}

static struct tensor_file *file_of(const struct lpips_file *f, const char *name)
{
    return is_head(name) && f->heads_file ? f->heads_file : f->backbone_file;
}

// The name that one of our weights has in a file. Where there is none it is our own,
// for messages.
static bool find_name(const struct tensor_file *t, const char *name,
                      char text[NAME_SIZE])
{
    struct tensor_entry e;
    snprintf(text, NAME_SIZE, "%s", name);
    if (tensor_file_find(t, text, &e))
        return true;
    if (is_head(name)) {
        snprintf(text, NAME_SIZE, "%.*s.model.1.weight", (int)strcspn(name, "."), name);
        if (tensor_file_find(t, text, &e))
            return true;
    }
    for (unsigned slice = 1; is_feature(name) && slice <= SLICES; slice++) {
        snprintf(text, NAME_SIZE, "net.slice%u.%s", slice, strchr(name, '.') + 1);
        if (tensor_file_find(t, text, &e))
            return true;
    }
    snprintf(text, NAME_SIZE, "%s", name);
    return false;
}

// ---------------------------------------------------------------------------
// Opening

static struct dictionary_tensor find_feature(const struct lpips_file *f,
                                             const char *name)
{
    char text[NAME_SIZE];
    const struct dictionary d = { tensor_file_find_sides, f->backbone_file };
    find_name(f->backbone_file, name, text);
    return dictionary_find(&d, "%s", text);
}

static bool has_sides(const struct dictionary_tensor *t, uint64_t n, uint64_t c,
                      uint64_t k)
{
    return t->rank == 4 && t->sides[0] == n && t->sides[1] == c && t->sides[2] == k &&
           t->sides[3] == k;
}

// By the first layers: what else a file of such a network lacks is a fault of the file.
static bool recognise(struct lpips_file *f)
{
    char text[NAME_SIZE];
    const struct dictionary_tensor first = find_feature(f, "features.0.weight");
    const bool is_small = has_sides(&first, 64, LPIPS_CHANNELS, 3);
    if (has_sides(&first, 64, LPIPS_CHANNELS, 11)) {
        f->backbone = LPIPS_ALEX;
        return true;
    }
    if (is_small && find_feature(f, "features.3.squeeze.weight").rank) {
        f->backbone = LPIPS_SQUEEZE;
        return true;
    }
    if (is_small && find_feature(f, "features.2.weight").rank) {
        f->backbone = LPIPS_VGG;
        return true;
    }
    const size_t count = tensor_file_count(f->backbone_file);
    log_error("%s: %s holds %zu tensor%s (first: \"%s\"), no network that LPIPS looks "
              "through: torchvision's AlexNet, SqueezeNet 1.1 or VGG-16, whose names "
              "begin with features.%s",
              f->what, tensor_file_path(f->backbone_file), count, PLURAL(count),
              count ? tensor_file_name(f->backbone_file, 0) : "",
              find_name(f->backbone_file, "lin0.weight", text)
                  ? "; these are heads, and the backbone's file comes first"
                  : "");
    return false;
}

static bool build_weights(struct lpips_file *f)
{
    const struct shape s = { 1, LPIPS_CHANNELS, LPIPS_SIDE_MIN, LPIPS_SIDE_MIN };
    struct graph *g = graph_create(&op_limits_guaranteed);
    f->weights = weights_create(true);
    const bool ok = g && f->weights &&
                    lpips_build(g, f->weights, graph_input(g, "x", s, TENSOR_F32),
                                graph_input(g, "y", s, TENSOR_F32), f->backbone) &&
                    !f->weights->failed;
    graph_destroy(g);
    return ok;
}

static bool check_heads(const struct lpips_file *f)
{
    char text[NAME_SIZE];
    const struct tensor_file *t = file_of(f, "lin0");
    if (find_name(t, "lin0.weight", text))
        return true;
    if (f->heads_file)
        log_error("%s: %s holds no heads of LPIPS (lin0.model.1.weight): they are in "
                  "the lpips package, weights/v0.1/%s.pth",
                  f->what, tensor_file_path(t), lpips_backbone_name(f->backbone));
    else
        log_error("%s: %s holds %s without the heads of LPIPS: make a file of both: "
                  "pix2pix convert --lpips %s HEADS.pth OUT.safetensors, where "
                  "HEADS.pth is weights/v0.1/%s.pth of the lpips package",
                  f->what, tensor_file_path(t), lpips_backbone_title(f->backbone),
                  tensor_file_path(t), lpips_backbone_name(f->backbone));
    return false;
}

static bool check_weight(const struct lpips_file *f, const struct weight *w)
{
    char name[NAME_SIZE];
    uint64_t sides[WEIGHT_NAMES_RANK];
    struct tensor_entry e;
    struct tensor_file *t = file_of(f, w->name);
    uint32_t rank = weight_names_sides(w, sides);
    find_name(t, w->name, name);
    // The package's heads are convolutions, ours are vectors.
    if (is_head(name) && tensor_file_find(t, name, &e) && e.rank == 4) {
        const uint64_t kernel[] = { 1, sides[0], 1, 1 };
        memcpy(sides, kernel, sizeof(kernel));
        rank = 4;
    }
    return tensor_file_check(t, name, sides, rank, f->description);
}

static bool is_known(const struct lpips_file *f, const struct tensor_file *t,
                     const char *name)
{
    char text[NAME_SIZE];
    for (size_t i = 0; i < f->weights->count; i++) {
        const char *own = f->weights->items[i]->name;
        if (file_of(f, own) == t && find_name(t, own, text) && strcmp(text, name) == 0)
            return true;
    }
    return false;
}

// A tensor too many of those that are looked for means that another network was meant
// than the one recognised. What the files hold besides is left alone, and said.
static bool check_others(const struct lpips_file *f, const struct tensor_file *t)
{
    size_t others = 0;
    const char *first = NULL;
    for (size_t i = 0; i < tensor_file_count(t); i++) {
        const char *name = tensor_file_name(t, i);
        if (is_known(f, t, name))
            continue;
        if ((is_feature(name) && t == f->backbone_file) ||
            (is_head(name) && t == file_of(f, name))) {
            log_error("%s: %s has a tensor %s, which %s does not have", f->what,
                      tensor_file_path(t), name, f->description);
            return false;
        }
        if (others++ == 0)
            first = name;
    }
    if (others)
        log_info("%s: %s: %zu other tensor%s (first: \"%s\") %s not of %s and %s not "
                 "used",
                 f->what, tensor_file_path(t), others, PLURAL(others), first,
                 others == 1 ? "is" : "are", f->description,
                 others == 1 ? "is" : "are");
    return true;
}

static bool check(const struct lpips_file *f)
{
    if (!check_heads(f))
        return false;
    for (size_t i = 0; i < f->weights->count; i++)
        if (!check_weight(f, f->weights->items[i]))
            return false;
    return check_others(f, f->backbone_file) &&
           (!f->heads_file || check_others(f, f->heads_file));
}

struct lpips_file *lpips_file_open(const char *backbone, const char *heads,
                                   const char *what)
{
    struct lpips_file *f = mem_zalloc(sizeof(*f));
    if (!f)
        return NULL;
    f->what = what;
    f->backbone_file = tensor_file_open(backbone, NULL, what);
    if (f->backbone_file && heads)
        f->heads_file = tensor_file_open(heads, NULL, what);
    bool ok = f->backbone_file && (!heads || f->heads_file) && recognise(f);
    if (ok) {
        snprintf(f->description, sizeof(f->description), "LPIPS with %s",
                 lpips_backbone_title(f->backbone));
        ok = build_weights(f) && check(f);
    }
    if (ok)
        return f;
    lpips_file_close(f);
    return NULL;
}

void lpips_file_close(struct lpips_file *f)
{
    if (!f)
        return;
    tensor_file_close(f->backbone_file);
    tensor_file_close(f->heads_file);
    weights_destroy(f->weights);
    mem_free(f);
}

enum lpips_backbone lpips_file_backbone(const struct lpips_file *f)
{
    return f->backbone;
}

// ---------------------------------------------------------------------------
// Reading and writing

static bool read_weight(struct lpips_file *f, const struct weight *w, float *values)
{
    char name[NAME_SIZE];
    struct tensor_file *t = file_of(f, w->name);
    find_name(t, w->name, name);
    if (!tensor_file_read(t, name, values))
        return false;
    for (uint64_t i = 0; i < shape_count(w->value.shape); i++)
        if (!isfinite(values[i])) {
            log_error("%s: %s: tensor %s has values that are not finite: it cannot be "
                      "used",
                      f->what, tensor_file_path(t), name);
            return false;
        }
    return true;
}

bool lpips_file_load(struct lpips_file *f, const struct weights *weights,
                     struct gpu_device *device,
                     bool (*upload)(struct gpu_device *device, struct tensor *t,
                                    const void *data))
{
    float *values = mem_alloc((size_t)MAX(weights_largest(weights), (uint64_t)1));
    bool ok = values != NULL;
    for (size_t i = 0; i < weights->count && ok; i++) {
        struct weight *w = weights->items[i];
        ok = read_weight(f, w, values) && upload(device, &w->value, values);
    }
    mem_free(values);
    return ok;
}

bool lpips_file_write(struct lpips_file *f, const char *path)
{
    const struct weights *weights = f->weights;
    struct safetensors_writer w;
    float *values = mem_alloc((size_t)MAX(weights_largest(weights), (uint64_t)1));
    safetensors_begin(&w);
    safetensors_put_metadata(&w, METADATA_NETWORK, "LPIPS");
    safetensors_put_metadata(&w, METADATA_BACKBONE, lpips_backbone_name(f->backbone));
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *item = weights->items[i];
        uint64_t sides[WEIGHT_NAMES_RANK];
        const uint32_t rank = weight_names_sides(item, sides);
        safetensors_describe(&w, item->name, "F32", sides, rank,
                             tensor_bytes(&item->value));
    }
    bool ok = values && safetensors_begin_data(&w, path);
    for (size_t i = 0; i < weights->count && ok; i++) {
        const struct weight *item = weights->items[i];
        ok = read_weight(f, item, values) &&
             safetensors_put_data(&w, values, (size_t)tensor_bytes(&item->value));
    }
    // A writer that has committed is empty, so it may be aborted in any case.
    ok = ok && safetensors_commit(&w);
    safetensors_abort(&w);
    mem_free(values);
    return ok;
}

// ---------------------------------------------------------------------------
// The user's own

static bool is_named_lpips(const char *name)
{
    return strncmp(name, "lpips-", 6) == 0 &&
           strcmp(file_extension(name), ".safetensors") == 0;
}

// Leaves the names that are ours, as paths.
static bool keep_paths(const char *folder, struct file_list *list)
{
    size_t kept = 0;
    bool ok = true;
    for (size_t i = 0; i < list->count; i++) {
        char *name = list->names[i];
        list->names[i] = NULL;
        if (is_named_lpips(name)) {
            list->names[kept] = mem_printf("%s/%s", folder, name);
            ok = ok && list->names[kept];
            kept++;
        }
        mem_free(name);
    }
    list->count = kept;
    return ok;
}

bool lpips_file_list(struct file_list *paths)
{
    *paths = (struct file_list){ 0 };
    const uint64_t failures = mem_failures();
    char *folder = os_data_folder();    // NULL: there is none, or no memory
    const bool ok =
        folder ? os_path_is_absent(folder) ||
                     (file_list_read(folder, paths) && keep_paths(folder, paths))
               : mem_failures() == failures;
    mem_free(folder);
    if (!ok)
        file_list_free(paths);
    return ok;
}

bool lpips_file_is_named(const char *path)
{
    return path && *path && strcmp(path, "auto") != 0;
}

const char *lpips_file_hint(void)
{
    return "no LPIPS weights: make a file of them with pix2pix convert --lpips, see "
           "docs/metrics.md";
}
