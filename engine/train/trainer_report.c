// SPDX-License-Identifier: MIT
//
// What the page of a run is made of beside metrics and sample grids, in its folder
// report/: run.json says what was trained on which devices, validation.json has the
// pairs of the newest validation (evaluate/gallery.h). What cannot be written is a
// warning. See trainer_inside.h.

#include "train/trainer_inside.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/dataset.h"
#include "gpu/device.h"
#include "train/validation.h"

#include <inttypes.h>
#include <stdio.h>

// Writes a text as a file of the report. `text` is freed; NULL: it could not be made,
// after a message.
static void write_file(struct trainer *t, const char *name, char *text,
                       struct run_output *o, struct log_capture *capture)
{
    const bool ok = text && run_write_report(&t->run, name, text);
    const char *error = log_capture_end(capture);
    mem_free(text);
    if (!ok && run_output_failed(o, error))
        log_warn("train: after step %" PRIu64
                 " report/%s is not written, and the run goes on: %s",
                 t->step, name, error);
    else if (ok && run_output_done(o))
        log_info("train: report/%s is written again, from step %" PRIu64 " on", name,
                 t->step);
}

void trainer_write_gallery(struct trainer *t)
{
    struct log_capture capture;
    log_capture_begin(&capture);
    write_file(t, "validation.json", validation_text(t->validation, t->step),
               &t->run.gallery, &capture);
}

// ---------------------------------------------------------------------------
// run.json

static json_t *device_json(const struct trainer *t)
{
    const struct pix_device_info *d = gpu_device_info(t->device);
    char version[64];
    json_t *o = json_object();
    snprintf(version, sizeof(version), "%" PRIu32 ".%" PRIu32 ".%" PRIu32,
             d->api_version[0], d->api_version[1], d->api_version[2]);
    json_add(&o, "name", json_from_text(d->name));
    json_add(&o, "driver", json_from_text(d->driver));
    json_add(&o, "driver_version", json_from_text(d->driver_version));
    json_add(&o, "api_version", json_from_text(version));
    return o;
}

// The devices before, where the file has them: a part of the run was trained there. A
// damaged file has none. False after a message if it cannot be read this time: it is
// not replaced then.
static bool read_devices(const struct trainer *t, json_t **devices)
{
    struct reason reason;
    void *data = NULL;
    size_t size;
    const uint64_t failures = mem_failures();
    char *path = run_report_path(t->settings.options.out, "run.json");
    const bool has = path && !os_path_is_absent(path);
    *devices = NULL;
    if (has && !file_load(path, FILE_READ_LIMIT, &data, &size, &reason))
        log_error("train: cannot read %s: %s", path, reason.text);
    if (data) {
        struct log_capture capture;
        log_capture_begin(&capture);
        json_t *document = json_parse(data, size, path);
        const char *error = log_capture_end(&capture);
        *devices = json_incref(json_object_get(document, "devices"));
        json_decref(document);
        if (!document && mem_failures() != failures)
            log_error("%s", error);
        else if (!json_is_array(*devices))
            log_warn("train: %s is damaged, so the report does not name the devices of "
                     "the run before step %" PRIu64,
                     path, t->begun);
    }
    const bool ok = mem_failures() == failures && (!has || data);
    mem_free(data);
    mem_free(path);
    return ok;
}

// Whether a device of the list is this one, wherever it began. Nothing is copied:
// Jansson's copies may lack members where memory is missing.
static bool is_same_device(const json_t *listed, json_t *now)
{
    const char *key;
    json_t *value;
    json_object_foreach(now, key, value) {
        if (!json_equal(json_object_get(listed, key), value))
            return false;
    }
    return json_is_object(listed);
}

// Takes `before`, which may be NULL, and adds the present device where it is another
// one than the last.
static json_t *devices_json(const struct trainer *t, json_t *before)
{
    json_t *devices = json_is_array(before) ? json_incref(before) : json_array();
    const size_t count = json_array_size(devices);
    const json_t *last = count > 0 ? json_array_get(devices, count - 1) : NULL;
    json_t *now = device_json(t);
    const bool is_same = now && is_same_device(last, now);
    if (!is_same)
        json_add(&now, "step", json_integer((json_int_t)t->begun));
    const bool ok = devices && now && (is_same || json_array_append(devices, now) == 0);
    json_decref(now);
    json_decref(before);
    if (ok)
        return devices;
    json_decref(devices);
    return NULL;
}

static json_t *pairs_json(uint32_t pairs)
{
    json_t *o = json_object();
    json_add(&o, "pairs", json_integer(pairs));
    return o;
}

static char *run_text(const struct trainer *t, json_t *before)
{
    json_t *o = json_object();
    json_add(&o, "steps", json_integer((json_int_t)t->steps));
    json_add(&o, "train", pairs_json(dataset_count(t->data)));
    if (t->validation)
        json_add(&o, "val", pairs_json(validation_count(t->validation)));
    json_add(&o, "weights_g", json_integer((json_int_t)t->weights_g));
    json_add(&o, "weights_d", json_integer((json_int_t)t->weights_d));
    json_add(&o, "devices", devices_json(t, before));
    char *text = json_lines(o);
    json_decref(o);
    return text;
}

void trainer_describe(struct trainer *t)
{
    struct log_capture capture;
    json_t *before;
    log_capture_begin(&capture);
    char *text = read_devices(t, &before) ? run_text(t, before) : NULL;
    write_file(t, "run.json", text, &t->run.description, &capture);
}
