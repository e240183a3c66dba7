// SPDX-License-Identifier: MIT
//
// See compare.h.

#include "faults/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"

// ---------------------------------------------------------------------------
// Trees

struct walk {
    struct tree *tree;
    const char *root, *below;    // the folder is root/below
    bool failed;
};

static bool read_folder(struct tree *tree, const char *root, const char *below);

static bool add_entry(void *user, const char *name)
{
    struct walk *w = user;
    char *path = *w->below ? file_join(w->below, name) : mem_strdup(name);
    char *full = path ? file_join(w->root, path) : NULL;
    bool ok = full != NULL;
    if (ok && file_is_folder(full)) {
        ok = read_folder(w->tree, w->root, path);
    } else if (ok) {
        ok = mem_grow(&w->tree->paths, &w->tree->capacity, w->tree->count + 1,
                      sizeof(char *));
        if (ok) {
            w->tree->paths[w->tree->count++] = path;
            path = NULL;
        }
    }
    mem_free(full);
    mem_free(path);
    w->failed = !ok;
    return ok;
}

static bool read_folder(struct tree *tree, const char *root, const char *below)
{
    struct walk w = { .tree = tree, .root = root, .below = below };
    char *folder = *below ? file_join(root, below) : mem_strdup(root);
    bool ok = folder && os_folder_list(folder, add_entry, &w) && !w.failed;
    mem_free(folder);
    return ok;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool tree_read(const char *folder, struct tree *tree)
{
    *tree = (struct tree){ 0 };
    if (file_exists(folder) && !read_folder(tree, folder, ""))
        return false;
    if (tree->count > 1)
        qsort(tree->paths, tree->count, sizeof(char *), by_text);
    return true;
}

void tree_free(struct tree *tree)
{
    for (size_t i = 0; i < tree->count; i++)
        mem_free(tree->paths[i]);
    mem_free(tree->paths);
    *tree = (struct tree){ 0 };
}

static bool tree_has(const struct tree *tree, const char *path)
{
    return tree->count > 0 &&
           bsearch(&path, tree->paths, tree->count, sizeof(char *), by_text) != NULL;
}

bool tree_copy_file(const char *from, const char *to)
{
    void *data;
    size_t size;
    if (!file_read(from, &data, &size))
        return false;
    FILE *f = os_file_open(to, "wb");
    bool ok = f && fwrite(data, 1, size, f) == size;
    ok = f && fclose(f) == 0 && ok;
    mem_free(data);
    return ok;
}

bool tree_copy(const char *from, const char *to)
{
    struct tree tree;
    bool ok = tree_read(from, &tree) && file_make_folder(to);
    for (size_t i = 0; ok && i < tree.count; i++) {
        char *source = file_join(from, tree.paths[i]);
        char *target = file_join(to, tree.paths[i]);
        char *folder = mem_printf("%.*s", (int)(file_name(target) - target), target);
        ok = file_make_folder(folder) && tree_copy_file(source, target);
        mem_free(folder);
        mem_free(target);
        mem_free(source);
    }
    tree_free(&tree);
    return ok;
}

// ---------------------------------------------------------------------------
// Files

static bool is_checkpoint(const char *path)
{
    const char *end = file_extension(path);
    return strstr(path, "checkpoints/step-") && strcmp(end, ".safetensors") == 0;
}

// Where the numbers of a safetensors file begin: its header has a validation's result,
// which may be missing.
static size_t skip_header(const uint8_t *data, size_t size)
{
    const uint64_t header = size < 8 ? size : 8 + bytes_get_little(data, 8);
    return header < size ? (size_t)header : 0;
}

static bool is_equal_file(const char *a_folder, const char *b_folder, const char *path,
                          bool skips_header)
{
    char *a_path = file_join(a_folder, path), *b_path = file_join(b_folder, path);
    struct reason reason;
    void *a = NULL, *b = NULL;
    size_t a_size = 0, b_size = 0;
    bool equal = file_load(a_path, UINT64_MAX, &a, &a_size, &reason) &&
                 file_load(b_path, UINT64_MAX, &b, &b_size, &reason);
    const size_t a_at = equal && skips_header ? skip_header(a, a_size) : 0;
    const size_t b_at = equal && skips_header ? skip_header(b, b_size) : 0;
    equal = equal && a_size - a_at == b_size - b_at &&
            memcmp((char *)a + a_at, (char *)b + b_at, a_size - a_at) == 0;
    mem_free(a);
    mem_free(b);
    mem_free(a_path);
    mem_free(b_path);
    return equal;
}

// The lines of metrics.jsonl, without times. NULL in place of what is no JSON.
struct metrics {
    json_t **lines;
    size_t count, capacity;
    bool ends_in_half;
};

static void metrics_free(struct metrics *m)
{
    for (size_t i = 0; i < m->count; i++)
        json_decref(m->lines[i]);
    mem_free(m->lines);
}

static void metrics_read(struct metrics *m, const char *folder, bool is_excused)
{
    char *path = file_join(folder, "metrics.jsonl");
    struct reason reason;
    void *data = NULL;
    size_t size = 0;
    *m = (struct metrics){ 0 };
    file_load(path, UINT64_MAX, &data, &size, &reason);
    for (const char *line = data, *end; line && *line; line = end + 1) {
        end = strchr(line, '\n');
        m->ends_in_half = !end;
        if (!end || !mem_grow(&m->lines, &m->capacity, m->count + 1, sizeof(json_t *)))
            break;
        json_t *v = json_parse(line, (size_t)(end - line), path);
        json_object_del(v, "ms");
        json_object_del(v, "images_per_s");
        if (is_excused)
            json_object_del(v, "val_l1");
        m->lines[m->count++] = v;
    }
    mem_free(data);
    mem_free(path);
}

// Each line must be one of those that are expected, in their order.
static bool compare_metrics(const struct comparison *c, char *reason, size_t size)
{
    struct metrics expected, found;
    size_t next = 0, same = 0;
    metrics_read(&expected, c->expected, c->is_excused);
    metrics_read(&found, c->found, c->is_excused);
    for (; same < found.count; same++) {
        while (next < expected.count &&
               !json_equal(found.lines[same], expected.lines[next]))
            next++;
        if (next++ == expected.count)
            break;
    }
    bool ok = false;
    if (same < found.count)
        snprintf(reason, size, "line %zu of metrics.jsonl is not expected there",
                 same + 1);
    else if (found.ends_in_half && !c->may_have_halves)
        snprintf(reason, size, "metrics.jsonl ends in an unfinished line");
    else if (c->is_whole && !c->is_excused && found.count < expected.count)
        snprintf(reason, size,
                 "metrics.jsonl has %zu of %zu lines, and nothing says so", found.count,
                 expected.count);
    else
        ok = true;
    metrics_free(&expected);
    metrics_free(&found);
    return ok;
}

// One file that was found. Checkpoints that a run has removed by its end are compared
// with those that it began with.
static bool compare_file(const struct comparison *c, const struct tree *expected,
                         const struct tree *before, const char *path, char *reason,
                         size_t size)
{
    const char *name = file_name(path);
    if (strcmp(name, "lock") == 0 || strcmp(name, "metrics.jsonl") == 0)
        return true;
    if (file_is_temporary(name)) {
        snprintf(reason, size, "%s was left behind", path);
        return c->may_have_halves;
    }
    if (tree_has(expected, path) && is_equal_file(c->expected, c->found, path,
                                                  c->is_excused && is_checkpoint(path)))
        return true;
    if (tree_has(before, path) && is_equal_file(c->before, c->found, path, false) &&
        (!c->is_whole || c->is_excused))
        return true;
    snprintf(reason, size, "%s %s", path,
             tree_has(expected, path) || tree_has(before, path)
                 ? "differs from that of a run without a fault"
                 : "is not expected");
    return false;
}

// Whether a warning may excuse that a file is not there: samples, and a checkpoint that
// is not the last one.
static bool may_lack(const struct tree *expected, size_t i)
{
    const char *path = expected->paths[i];
    const char *next = i + 1 < expected->count ? expected->paths[i + 1] : "";
    return strncmp(path, "samples/", 8) == 0 ||
           (is_checkpoint(path) && is_checkpoint(next));
}

static bool compare_trees(const struct comparison *c, const struct tree *expected,
                          const struct tree *before, const struct tree *found,
                          char *reason, size_t size)
{
    size_t had = 0, has = 0;
    for (size_t i = 0; i < found->count; i++) {
        if (!compare_file(c, expected, before, found->paths[i], reason, size))
            return false;
        has += is_checkpoint(found->paths[i]);
    }
    for (size_t i = 0; i < before->count; i++)
        had += is_checkpoint(before->paths[i]);
    if (has < had) {
        snprintf(reason, size, "%zu good checkpoints are left of %zu", has, had);
        return false;
    }
    for (size_t i = 0; c->is_whole && i < expected->count; i++) {
        const char *path = expected->paths[i];
        if (tree_has(found, path) || (c->is_excused && may_lack(expected, i)))
            continue;
        snprintf(reason, size, "%s is missing", path);
        return false;
    }
    return tree_has(expected, "metrics.jsonl") ? compare_metrics(c, reason, size)
                                               : true;
}

bool compare_folders(const struct comparison *c, char *reason, size_t size)
{
    struct tree expected = { 0 }, before = { 0 }, found = { 0 };
    struct log_capture capture;
    bool ok = tree_read(c->expected, &expected) &&
              (!c->before || tree_read(c->before, &before)) &&
              tree_read(c->found, &found);
    if (!ok)
        snprintf(reason, size, "a folder cannot be listed: %s", os_error_text());
    log_capture_begin(&capture);    // lines that are no JSON
    ok = ok && compare_trees(c, &expected, &before, &found, reason, size);
    log_capture_end(&capture);
    tree_free(&expected);
    tree_free(&before);
    tree_free(&found);
    return ok;
}
