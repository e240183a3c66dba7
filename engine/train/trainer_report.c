// SPDX-License-Identifier: MIT
//
// What the page of a run is made of beside metrics and sample grids, in its folder
// report/: run.json says what was trained on which devices and what was warned of
// (health.h), validation.json has the pairs of the newest validation
// (evaluate/gallery.h). What cannot be written is a warning. See trainer_inside.h.

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
#include <string.h>

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

// What a file has of the run before this process; NULL where there is none.
struct before {
    json_t *devices, *warnings;
};

static void before_free(struct before *b)
{
    json_decref(b->devices);
    json_decref(b->warnings);
}

static bool is_warning(const json_t *w)
{
    uint64_t step;
    return json_is_string(json_object_get(w, "sign")) &&
           json_to_u64(json_object_get(w, "step"), &step) &&
           json_is_string(json_object_get(w, "text"));
}

// Older versions wrote none, and a run without any has none.
static bool are_warnings(const json_t *list)
{
    bool ok = !list || json_is_array(list);
    for (size_t i = 0; ok && i < json_array_size(list); i++)
        ok = is_warning(json_array_get(list, i));
    return ok;
}

// Takes the parts of a document that are as they should be.
static void take_parts(const struct trainer *t, const json_t *document,
                       const char *path, struct before *before)
{
    json_t *devices = json_object_get(document, "devices");
    json_t *warnings = json_object_get(document, "warnings");
    const bool has_devices = json_is_array(devices);
    const bool has_warnings = document && are_warnings(warnings);
    before->devices = has_devices ? json_incref(devices) : NULL;
    before->warnings = has_warnings ? json_incref(warnings) : NULL;
    if (!has_devices || !has_warnings)
        log_warn("train: %s is damaged, so the report does not name the %s of the run "
                 "before step %" PRIu64,
                 path,
                 has_devices    ? "warnings"
                 : has_warnings ? "devices"
                                : "devices and warnings",
                 t->begun);
}

// A part of the run may have been trained before, on other devices. A damaged file has
// nothing of it. False after a message if the file cannot be read this time: it is not
// replaced then.
static bool read_before(const struct trainer *t, struct before *before)
{
    struct reason reason;
    void *data = NULL;
    size_t size;
    const uint64_t failures = mem_failures();
    char *folder = file_join(t->settings.options.out, "report");
    char *path = folder ? file_join(folder, "run.json") : NULL;
    const bool has = path && !os_path_is_absent(path);
    *before = (struct before){ NULL, NULL };
    if (has && !file_load(path, FILE_READ_LIMIT, &data, &size, &reason))
        log_error("train: cannot read %s: %s", path, reason.text);
    if (data) {
        struct log_capture capture;
        log_capture_begin(&capture);
        json_t *document = json_parse(data, size, path);
        const char *error = log_capture_end(&capture);
        if (!document && mem_failures() != failures)
            log_error("%s", error);
        else
            take_parts(t, document, path, before);
        json_decref(document);
    }
    const bool ok = mem_failures() == failures && (!has || data);
    mem_free(data);
    mem_free(path);
    mem_free(folder);
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

// Those before, which may be NULL, and the present device where it is another one than
// the last.
static json_t *devices_json(const struct trainer *t, json_t *before)
{
    json_t *devices = before ? json_incref(before) : json_array();
    const size_t count = json_array_size(devices);
    const json_t *last = count > 0 ? json_array_get(devices, count - 1) : NULL;
    json_t *now = device_json(t);
    const bool is_same = now && is_same_device(last, now);
    if (!is_same)
        json_add(&now, "step", json_integer((json_int_t)t->begun));
    const bool ok = devices && now && (is_same || json_array_append(devices, now) == 0);
    json_decref(now);
    if (ok)
        return devices;
    json_decref(devices);
    return NULL;
}

static bool has_sign(const json_t *list, const char *sign)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(list, i), "sign")),
                   sign) == 0)
            return true;
    return false;
}

static json_t *warning_json(const struct health_warning *w)
{
    json_t *o = json_object();
    json_add(&o, "sign", json_from_text(health_sign_name(w->sign)));
    json_add(&o, "step", json_integer((json_int_t)w->step));
    json_add(&o, "text", json_from_text(w->text));
    return o;
}

// Those before, each sign once, and those of this process. What was said after the step
// from which it resumes belongs to steps that are taken again.
static json_t *warnings_json(const struct trainer *t, const json_t *before)
{
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(before); i++) {
        json_t *w = json_array_get(before, i);
        uint64_t step;
        if (json_to_u64(json_object_get(w, "step"), &step) && step <= t->begun)
            json_append(&list, json_incref(w));
    }
    for (uint32_t i = 0; i < t->warning_count; i++)
        if (!has_sign(list, health_sign_name(t->warnings[i].sign)))
            json_append(&list, warning_json(&t->warnings[i]));
    return list;
}

static json_t *pairs_json(uint32_t pairs)
{
    json_t *o = json_object();
    json_add(&o, "pairs", json_integer(pairs));
    return o;
}

static char *run_text(const struct trainer *t, const struct before *before)
{
    json_t *o = json_object();
    json_add(&o, "steps", json_integer((json_int_t)t->steps));
    json_add(&o, "train", pairs_json(dataset_count(t->data)));
    if (t->validation)
        json_add(&o, "val", pairs_json(validation_count(t->validation)));
    json_add(&o, "weights_g", json_integer((json_int_t)t->weights_g));
    json_add(&o, "weights_d", json_integer((json_int_t)t->weights_d));
    json_add(&o, "devices", devices_json(t, before->devices));
    json_add(&o, "warnings", warnings_json(t, before->warnings));
    char *text = json_lines(o);
    json_decref(o);
    return text;
}

void trainer_describe(struct trainer *t)
{
    struct log_capture capture;
    struct before before;
    log_capture_begin(&capture);
    char *text = read_before(t, &before) ? run_text(t, &before) : NULL;
    before_free(&before);
    write_file(t, "run.json", text, &t->run.description, &capture);
}
