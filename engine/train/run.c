// SPDX-License-Identifier: MIT
//
// The folder of a run: configuration, metrics, what a killed run left. See run.h.

#include "train/run.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "train/options.h"

#include <string.h>

// ---------------------------------------------------------------------------
// The folder

static const char temporary_config[] = "config.json.tmp";

static bool note_entry(void *user, const char *name)
{
    bool *empty = user;
    // A run killed before its first file was whole leaves this behind.
    *empty = strcmp(name, temporary_config) == 0;
    return *empty;
}

bool run_check_new(const char *out)
{
    bool empty = true;
    if (!file_exists(out))
        return true;
    if (!file_is_folder(out)) {
        log_error("train: %s is not a folder: name another one as --out", out);
        return false;
    }
    if (!os_folder_list(out, note_entry, &empty)) {
        log_error("train: can not list folder %s: %s", out, os_error_text());
        return false;
    }
    if (!empty)
        log_error(
            "train: %s is not empty: go on with the run in it with --continue, or "
            "name another folder as --out",
            out);
    return empty;
}

static bool same_value(const struct pix_option *row, const struct pix_train_options *a,
                       const struct pix_train_options *b)
{
    const void *x = (const char *)a + row->offset, *y = (const char *)b + row->offset;
    switch (row->type) {
    case PIX_OPTION_FLAG:
        return *(const bool *)x == *(const bool *)y;
    case PIX_OPTION_UINT32:
        return *(const uint32_t *)x == *(const uint32_t *)y;
    case PIX_OPTION_UINT64:
        return *(const uint64_t *)x == *(const uint64_t *)y;
    case PIX_OPTION_REAL:
        return *(const double *)x == *(const double *)y;
    case PIX_OPTION_CHOICE:
        return strcmp(*(const char *const *)x, *(const char *const *)y) == 0;
    case PIX_OPTION_TEXT:
        return true;    // another path to the same data can not be told from other data
    }
    return false;
}

bool run_check_continued(const struct pix_train_options *o)
{
    const char *out = o->out;
    struct pix_train_options stored;
    size_t count;
    bool ok = true;

    // Options of both are resolved, so that a default and what it stands for are equal.
    if (!pix_train_options_read(out, &stored))
        return false;
    if (!options_resolve(&stored)) {
        pix_train_options_finish(&stored);
        return false;
    }
    const struct pix_option *table = pix_train_option_table(&count);
    for (size_t i = 0; i < count && ok; i++) {
        const struct pix_option *row = &table[i];
        ok = row->may_change || row->is_run_state || same_value(row, &stored, o);
        if (!ok)
            log_error("train: --%s is not what the run in %s was started with, and a "
                      "continued run keeps it",
                      row->name, out);
    }
    pix_train_options_finish(&stored);
    return ok;
}

static char *config_text(const struct pix_train_options *o)
{
    char *json = json_text(options_to_json(o));
    char *text = json ? mem_printf("%s\n", json) : NULL;
    mem_free(json);
    return text;
}

// Writes config.json unless it says the same already.
static bool write_config(const struct pix_train_options *o)
{
    char reason[256];
    void *before = NULL;
    size_t size = 0;
    char *path = file_join(o->out, "config.json");
    char *text = path ? config_text(o) : NULL;
    bool ok = text != NULL;
    if (ok && !(file_load(path, &before, &size, reason, sizeof(reason)) &&
                size == strlen(text) && memcmp(before, text, size) == 0))
        ok = file_write(path, text, strlen(text));
    mem_free(before);
    mem_free(text);
    mem_free(path);
    return ok;
}

static bool make_folder_in(const char *run, const char *name)
{
    char *path = file_join(run, name);
    bool ok = path && file_make_folder(path);
    mem_free(path);
    return ok;
}

// Files that a killed run was writing. They are in nobody's way, so failures are not
// worth a message.
static void remove_temporaries(const char *folder)
{
    struct file_list files;
    if (!folder || !file_is_folder(folder) || !file_list_read(folder, &files))
        return;
    for (size_t i = 0; i < files.count; i++) {
        char *path = strcmp(file_extension(files.names[i]), ".tmp") == 0
                         ? file_join(folder, files.names[i])
                         : NULL;
        if (path)
            os_file_remove(path);
        mem_free(path);
    }
    file_list_free(&files);
}

static void remove_all_temporaries(const char *run)
{
    static const char *const folders[] = { "checkpoints", "samples" };
    remove_temporaries(run);
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        char *path = file_join(run, folders[i]);
        remove_temporaries(path);
        mem_free(path);
    }
}

// ---------------------------------------------------------------------------
// Metrics

// Whether a line of metrics belongs to a step up to this one.
static bool keeps_line(const char *line, size_t length, uint64_t step)
{
    uint64_t found = 0;
    const struct log_sink *before = log_use(NULL);    // a broken line is no error
    json_t *document = json_parse(line, length, "metrics.jsonl");
    log_use(before);
    bool keep = json_to_u64(json_object_get(document, "step"), &found) && found <= step;
    json_decref(document);
    return keep;
}

// Takes back what was written after the checkpoint, and a line that was cut short.
static bool cut_metrics(const char *path, uint64_t step)
{
    void *data = NULL;
    size_t size = 0, kept = 0;
    if (!file_exists(path))
        return true;
    if (!file_read(path, &data, &size))
        return false;
    for (const char *text = data; kept < size;) {
        const char *end = memchr(text + kept, '\n', size - kept);
        size_t length = end ? (size_t)(end - (text + kept)) : 0;
        if (!end || !keeps_line(text + kept, length, step))
            break;
        kept += length + 1;
    }
    mem_free(data);
    if (kept == size || os_file_truncate(path, kept))
        return true;
    log_error("train: can not shorten %s: %s", path, os_error_text());
    return false;
}

bool run_write_metrics(struct run *r, const struct pix_step_metrics *m)
{
    json_t *line = json_object();
    json_add(&line, "step", json_integer((json_int_t)m->step));
    json_add(&line, "epoch", json_integer((json_int_t)m->epoch));
    json_add(&line, "loss_d_real", json_from_double(m->loss_d_real));
    json_add(&line, "loss_d_fake", json_from_double(m->loss_d_fake));
    json_add(&line, "loss_g_gan", json_from_double(m->loss_g_gan));
    json_add(&line, "loss_g_l1", json_from_double(m->loss_g_l1));
    json_add(&line, "lr", json_from_double(m->lr));
    json_add(&line, "ms", json_from_double(m->ms));
    json_add(&line, "images_per_s", json_from_double(m->images_per_s));
    char *text = json_text(line);
    if (!text)
        return false;
    bool ok = fputs(text, r->metrics) != EOF && fputc('\n', r->metrics) != EOF &&
              fflush(r->metrics) == 0;
    mem_free(text);
    if (!ok)
        log_error("train: can not write %s: %s", r->metrics_path, os_error_text());
    return ok;
}

bool run_sync_metrics(struct run *r)
{
    if (os_file_sync(r->metrics))
        return true;
    log_error("train: can not write %s: %s", r->metrics_path, os_error_text());
    return false;
}

// ---------------------------------------------------------------------------
// The whole

bool run_open(struct run *r, const struct pix_train_options *o, uint64_t step)
{
    *r = (struct run){ .metrics_path = file_join(o->out, "metrics.jsonl") };
    if (!r->metrics_path || !file_make_folder(o->out))
        return false;
    remove_all_temporaries(o->out);
    if (!write_config(o) || !make_folder_in(o->out, "samples") ||
        !make_folder_in(o->out, "checkpoints") || !cut_metrics(r->metrics_path, step))
        return false;
    r->metrics = os_file_open(r->metrics_path, "ab");
    if (!r->metrics)
        log_error("train: can not open %s: %s", r->metrics_path, os_error_text());
    return r->metrics != NULL;
}

void run_close(struct run *r)
{
    if (r->metrics)
        fclose(r->metrics);
    mem_free(r->metrics_path);
    *r = (struct run){ 0 };
}
