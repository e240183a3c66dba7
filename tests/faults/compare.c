// SPDX-License-Identifier: MIT
//
// See compare.h.

#include "faults/compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
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
    return strncmp(path, "checkpoints/step-", 17) == 0 &&
           strcmp(file_extension(path), ".safetensors") == 0;
}

static bool is_sample(const char *path)
{
    return strncmp(path, "samples/step-", 13) == 0;
}

static bool is_report(const char *path)
{
    return strncmp(path, "report/", 7) == 0;
}

static bool is_page(const char *path)
{
    return strcmp(path, "report.html") == 0;
}

// The step that a checkpoint or a sample grid is of; 0: another file.
static uint64_t step_of(const char *path)
{
    return is_checkpoint(path) ? strtoull(path + 17, NULL, 10)
           : is_sample(path)   ? strtoull(path + 13, NULL, 10)
                               : 0;
}

struct content {
    uint8_t *data;
    size_t size;
};

static bool content_read(struct content *c, const char *folder, const char *path)
{
    char *full = file_join(folder, path);
    struct reason reason;
    void *data = NULL;
    bool ok = full && file_load(full, UINT64_MAX, &data, &c->size, &reason);
    c->data = data;
    mem_free(full);
    return ok;
}

static bool is_equal(const struct content *a, const struct content *b)
{
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

// Where the numbers of a safetensors file begin.
static size_t header_end(const struct content *c)
{
    const uint64_t end = c->size < 8 ? 0 : 8 + bytes_get_little(c->data, 8);
    return end <= c->size ? (size_t)end : 0;
}

// The header without what it says of validations, and so without its sum.
static json_t *header_read(const struct content *c)
{
    static const char *const fields[][2] = {
        { "pix2pix.schedule", "plateau_best" },
        { "pix2pix.schedule", "plateau_bad" },
        { "pix2pix.schedule", "plateau_factor" },
        { "pix2pix.schedule", "best_score" },
        { "pix2pix.schedule", "best_step" },
        { "pix2pix.schedule", "best_bad" },
        { "pix2pix.sums", "header" },
    };
    const size_t end = header_end(c);
    json_t *header =
        end > 8 ? json_parse((const char *)c->data + 8, end - 8, "header") : NULL;
    json_t *metadata = json_object_get(header, "__metadata__");
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        // JSON inside of JSON.
        const char *key = fields[i][0];
        const char *text = json_string_value(json_object_get(metadata, key));
        json_t *part = text ? json_parse(text, strlen(text), key) : NULL;
        json_object_del(part, fields[i][1]);
        char *rest = part ? json_dumps(part, 0) : NULL;
        json_object_set_new(metadata, key, rest ? json_string(rest) : json_null());
        json_decref(part);
        free(rest);
    }
    return header;
}

static bool is_equal_but_validation(const struct content *a, const struct content *b)
{
    const size_t a_at = header_end(a), b_at = header_end(b);
    json_t *a_header = header_read(a), *b_header = header_read(b);
    bool equal = a_header && b_header && json_equal(a_header, b_header) &&
                 a->size - a_at == b->size - b_at &&
                 memcmp(a->data + a_at, b->data + b_at, a->size - a_at) == 0;
    json_decref(a_header);
    json_decref(b_header);
    return equal;
}

// Whether a table has rows of another one, in their order.
static bool has_rows_of(const struct content *some, const struct content *all)
{
    const char *next = (const char *)all->data, *row = (const char *)some->data;
    while (*row) {
        const size_t length = strcspn(row, "\n") + 1;
        while (*next && strncmp(next, row, length) != 0)
            next += strcspn(next, "\n") + 1;
        if (!*next)
            return false;
        next += length;
        row += length;
    }
    return true;
}

// Of a benchmark: all but the time at which it was made.
static bool is_equal_but_when(const struct content *a, const struct content *b)
{
    json_t *x = json_parse((const char *)a->data, a->size, "bench.json");
    json_t *y = json_parse((const char *)b->data, b->size, "bench.json");
    json_object_del(x, "when");
    json_object_del(y, "when");
    bool equal = x && y && json_equal(x, y);
    json_decref(x);
    json_decref(y);
    return equal;
}

// Whether a step up to this one was not validated, and a warning says so.
static bool lacks_validation(const struct comparison *c, uint64_t step)
{
    for (uint64_t i = 1; i <= step; i++)
        if (excuses_have(c->excuses, LOSS_VALIDATION, i))
            return true;
    return false;
}

static bool is_equal_file(const struct comparison *c, const char *folder,
                          const char *path)
{
    struct content a = { 0 }, b = { 0 };
    bool equal =
        content_read(&a, folder, path) && content_read(&b, c->found, path) &&
        (is_equal(&a, &b) ||
         // Images that cannot be read are an error; the others have scores.
         (!c->is_whole && strcmp(path, "scores.csv") == 0 && has_rows_of(&b, &a)) ||
         (strcmp(path, "bench.json") == 0 && is_equal_but_when(&a, &b)) ||
         (is_checkpoint(path) && lacks_validation(c, step_of(path)) &&
          is_equal_but_validation(&a, &b)));
    mem_free(a.data);
    mem_free(b.data);
    return equal;
}

// Whether a warning says that a file of the report may be missing or old.
static bool excuses_report(const struct comparison *c, const char *path)
{
    for (size_t i = 0; i < c->excuses->count; i++) {
        const enum loss loss = c->excuses->items[i].loss;
        if (is_page(path) ? loss == LOSS_PAGE
                          : loss == LOSS_REPORT || loss == LOSS_VALIDATION)
            return true;
    }
    return false;
}

// A file of the report that is another one than expected: an earlier one, or a page,
// which has the times of its run. It is complete.
static bool is_earlier_report(const struct comparison *c, const char *path)
{
    static const char head[] = "<!DOCTYPE html>\n", tail[] = "</body>\n</html>\n";
    struct content x = { 0 };
    bool ok = content_read(&x, c->found, path);
    if (ok && is_page(path)) {
        ok = x.size > sizeof(head) + sizeof(tail) &&
             memcmp(x.data, head, sizeof(head) - 1) == 0 &&
             memcmp(x.data + x.size - (sizeof(tail) - 1), tail, sizeof(tail) - 1) == 0;
    } else if (ok) {
        json_t *document = json_parse((const char *)x.data, x.size, path);
        ok = document && (!c->is_whole || excuses_report(c, path));
        json_decref(document);
    }
    mem_free(x.data);
    return ok;
}

// ---------------------------------------------------------------------------
// Metrics

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

static void metrics_read(struct metrics *m, const char *folder)
{
    struct content c = { 0 };
    *m = (struct metrics){ 0 };
    if (folder)
        content_read(&c, folder, "metrics.jsonl");
    for (const char *line = (const char *)c.data, *end; line && *line; line = end + 1) {
        end = strchr(line, '\n');
        m->ends_in_half = !end;
        if (!end || !mem_grow(&m->lines, &m->capacity, m->count + 1, sizeof(json_t *)))
            break;
        json_t *v = json_parse(line, (size_t)(end - line), "metrics.jsonl");
        json_object_del(v, "ms");
        json_object_del(v, "images_per_s");
        m->lines[m->count++] = v;
    }
    mem_free(c.data);
}

static uint64_t line_step(const struct metrics *m, size_t i)
{
    uint64_t step = 0;
    json_to_u64(json_object_get(m->lines[i], "step"), &step);
    return step;
}

static uint64_t last_step(const struct metrics *m)
{
    return m->count > 0 ? line_step(m, m->count - 1) : 0;
}

// Takes what a validation has found, "val_l1" and the like, out of a line.
static void remove_validation(json_t *line)
{
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(line, next, key, value)
    {
        if (strncmp(key, "val_", 4) == 0)
            json_object_del(line, key);
    }
}

static bool is_equal_line(const struct comparison *c, json_t *expected, json_t *found,
                          uint64_t step)
{
    if (!json_is_number(json_object_get(found, "val_l1")) &&
        excuses_have(c->excuses, LOSS_VALIDATION, step)) {
        remove_validation(expected);
        remove_validation(found);
    }
    return json_equal(expected, found);
}

// Each line must be one of those that are expected, in their order. Before the step
// `end` none may be missing, but for as many as are lost by a warning.
static bool compare_metrics(const struct comparison *c, struct metrics *expected,
                            const struct metrics *found, uint64_t end, char *reason,
                            size_t size)
{
    const uint64_t lost = excuses_lines(c->excuses);
    uint64_t missing = 0;
    size_t next = 0, same = 0;
    for (; same < found->count; same++, next++) {
        const uint64_t step = line_step(found, same);
        for (; next < expected->count && line_step(expected, next) < step; next++)
            missing++;
        if (next == expected->count ||
            !is_equal_line(c, expected->lines[next], found->lines[same], step))
            break;
    }
    if (same < found->count) {
        snprintf(reason, size, "line %zu of metrics.jsonl is not expected there",
                 same + 1);
        return false;
    }
    for (; next < expected->count && line_step(expected, next) < end; next++)
        missing++;
    if (found->ends_in_half && !c->may_have_halves)
        snprintf(reason, size, "metrics.jsonl ends in an unfinished line");
    else if (missing > lost)
        snprintf(reason, size,
                 "metrics.jsonl lacks %" PRIu64 " lines, and warnings name %" PRIu64,
                 missing, lost);
    else if (c->is_whole && !c->is_continued && missing < lost)
        snprintf(reason, size,
                 "a warning says that %" PRIu64
                 " lines of metrics.jsonl are lost, but %" PRIu64 " are missing",
                 lost, missing);
    else
        return true;
    return false;
}

// ---------------------------------------------------------------------------
// Folders

// The trees and metrics of a comparison, and up to which step nothing may be missing
// (without that step itself).
struct parts {
    struct tree expected, before, found;
    struct metrics expected_metrics, before_metrics, found_metrics;
    uint64_t end;
};

static size_t count_newer(const struct tree *found, uint64_t step)
{
    size_t count = 0;
    for (size_t i = 0; i < found->count; i++)
        count += is_checkpoint(found->paths[i]) && step_of(found->paths[i]) > step;
    return count;
}

// One file that was found. Checkpoints that a run has removed by its end are compared
// with those that it began with.
static bool compare_file(const struct comparison *c, const struct parts *p,
                         const char *path, char *reason, size_t size)
{
    const char *name = file_name(path);
    if (strcmp(name, "lock") == 0 || strcmp(name, ".pix2pix.lock") == 0 ||
        strcmp(name, "metrics.jsonl") == 0)
        return true;
    if (file_is_temporary(name)) {
        snprintf(reason, size, "%s was left behind", path);
        return c->may_have_halves;
    }
    if (tree_has(&p->expected, path) &&
        (is_equal_file(c, c->expected, path) ||
         ((is_report(path) || is_page(path)) && is_earlier_report(c, path))))
        return true;
    const uint64_t step = step_of(path);
    const bool may_stay =
        !c->is_whole ||
        (is_checkpoint(path) && (count_newer(&p->found, step) < c->keep ||
                                 excuses_have(c->excuses, LOSS_REMOVAL, step)));
    if (may_stay && tree_has(&p->before, path) && is_equal_file(c, c->before, path))
        return true;
    snprintf(reason, size, "%s %s", path,
             tree_has(&p->expected, path) || tree_has(&p->before, path)
                 ? "differs from that of a run without a fault, or should have gone"
                 : "is not expected");
    return false;
}

// What was there before is there, but for checkpoints that have made room for as many
// newer ones as are kept.
static bool compare_before(const struct comparison *c, const struct parts *p,
                           char *reason, size_t size)
{
    for (size_t i = 0; i < p->before.count; i++) {
        const char *path = p->before.paths[i];
        if (tree_has(&p->found, path) ||
            (is_checkpoint(path) && count_newer(&p->found, step_of(path)) >= c->keep))
            continue;
        snprintf(reason, size, "%s was there before, and is gone", path);
        return false;
    }
    return true;
}

// Whether a file may be missing: it comes later, or a warning has said so, which for
// the last checkpoint is not enough.
static bool may_lack(const struct comparison *c, const struct parts *p, size_t i)
{
    const char *path = p->expected.paths[i];
    const char *next = i + 1 < p->expected.count ? p->expected.paths[i + 1] : "";
    const uint64_t step = step_of(path);
    if (!c->is_whole && (p->end == 0 || step >= p->end))
        return true;
    if (is_report(path) || is_page(path))
        return !c->is_whole || excuses_report(c, path);
    return (is_sample(path) && excuses_have(c->excuses, LOSS_SAMPLES, step)) ||
           (is_checkpoint(path) && is_checkpoint(next) &&
            excuses_have(c->excuses, LOSS_CHECKPOINT, step));
}

static bool compare_parts(const struct comparison *c, struct parts *p, char *reason,
                          size_t size)
{
    for (size_t i = 0; i < p->found.count; i++)
        if (!compare_file(c, p, p->found.paths[i], reason, size))
            return false;
    if (!compare_before(c, p, reason, size))
        return false;
    for (size_t i = 0; i < p->expected.count; i++) {
        if (tree_has(&p->found, p->expected.paths[i]) || may_lack(c, p, i))
            continue;
        snprintf(reason, size, "%s is missing, and no warning says so",
                 p->expected.paths[i]);
        return false;
    }
    return compare_metrics(c, &p->expected_metrics, &p->found_metrics, p->end, reason,
                           size);
}

bool compare_folders(const struct comparison *c, char *reason, size_t size)
{
    struct parts p = { 0 };
    struct log_capture capture;
    log_capture_begin(&capture);    // lines that are no JSON
    metrics_read(&p.expected_metrics, c->expected);
    metrics_read(&p.before_metrics, c->before);
    metrics_read(&p.found_metrics, c->found);
    // What belongs to a step is written before the line of the next one.
    p.end = c->is_whole
                ? UINT64_MAX
                : MAX(last_step(&p.before_metrics), last_step(&p.found_metrics));
    bool ok = tree_read(c->expected, &p.expected) &&
              (!c->before || tree_read(c->before, &p.before)) &&
              tree_read(c->found, &p.found);
    if (!ok)
        snprintf(reason, size, "a folder cannot be listed: %s", os_error_text());
    ok = ok && compare_parts(c, &p, reason, size);
    log_capture_end(&capture);
    metrics_free(&p.expected_metrics);
    metrics_free(&p.before_metrics);
    metrics_free(&p.found_metrics);
    tree_free(&p.expected);
    tree_free(&p.before);
    tree_free(&p.found);
    return ok;
}

uint64_t compare_state(const char *folder)
{
    struct tree tree;
    struct metrics m;
    struct log_capture capture;
    uint64_t hash = HASH_START;
    log_capture_begin(&capture);
    tree_read(folder, &tree);
    metrics_read(&m, folder);
    for (size_t i = 0; i < tree.count; i++)
        hash = hash_text(hash, file_is_temporary(file_name(tree.paths[i]))
                                   ? "temporary"
                                   : tree.paths[i]);
    for (size_t i = 0; i < m.count; i++) {
        const bool has_val = json_is_number(json_object_get(m.lines[i], "val_l1"));
        const uint64_t line = 2 * line_step(&m, i) + has_val;
        hash = hash_bytes(hash, &line, sizeof(line));
    }
    hash = hash_bytes(hash, &m.ends_in_half, sizeof(m.ends_in_half));
    metrics_free(&m);
    tree_free(&tree);
    log_capture_end(&capture);
    return hash;
}
