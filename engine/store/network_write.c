// SPDX-License-Identifier: MIT
//
// Both kinds of file hold the same tensors in the same order: the counters of batches,
// then the weights. See network_write.h.

#include "store/network_write.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "formats/pth.h"
#include "formats/safetensors.h"
#include "settings/choice.h"
#include "settings/options_file.h"
#include "settings/settings.h"
#include "store/checkpoint.h"
#include "store/weight_names.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

// Metadata of safetensors: which network it is, "G" or "D".
#define METADATA_NETWORK "pix2pix.network"

// A tensor of the file: a weight, or the counter beside a running mean.
struct item {
    const struct weight *weight;
    char *counter;    // its name; NULL: the weight itself
};

struct output {
    const char *path;
    struct network_file *from;
    bool averages, half;
    uint64_t floats, vanished;    // written as F16, and of these what became 0
    struct item *items;
    size_t count;
    void *scratch;    // as large as the largest weight in F32
};

static void output_finish(struct output *o)
{
    for (size_t i = 0; o->items && i < o->count; i++)
        mem_free(o->items[i].counter);
    mem_free(o->items);
    mem_free(o->scratch);
}

// Counters first: they have 8 bytes, and all tensors behind them stay aligned.
static bool list_items(struct output *o, const struct weights *weights)
{
    // At most one counter for each weight.
    o->items = mem_array(2 * MAX(weights->count, 1), sizeof(o->items[0]));
    o->scratch = mem_alloc((size_t)MAX(weights_largest(weights), (uint64_t)8));
    if (!o->items || !o->scratch)
        return false;
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *w = weights->items[i];
        if (w->kind != WEIGHT_RUNNING_MEAN)
            continue;
        struct item *item = &o->items[o->count++];
        *item = (struct item){ w, weight_names_counter(w) };
        if (!item->counter)
            return false;
    }
    for (size_t i = 0; i < weights->count; i++)
        o->items[o->count++] = (struct item){ weights->items[i], NULL };
    return true;
}

static bool refuse_value(const struct output *o, const struct weight *w, float value)
{
    if (isfinite(value))
        log_error("%s: tensor %s has the value %g, beyond the largest of F16 (65504): "
                  "write %s without --half",
                  network_file_what(o->from), w->name, (double)value, o->path);
    else
        log_error("%s: tensor %s has the value %g, with which the network cannot work: "
                  "--half writes finite numbers only; convert an earlier checkpoint",
                  network_file_what(o->from), w->name, (double)value);
    return false;
}

// Writes floats as F16 to `data`, which may be where they are.
static bool round_to_half(struct output *o, const struct weight *w, const float *values,
                          uint8_t *data)
{
    const uint64_t count = shape_count(w->value.shape);
    for (uint64_t i = 0; i < count; i++) {
        const float value = values[i];
        const uint16_t bits = bytes_half_bits(value);
        if (!isfinite(bytes_half_value(bits)))
            return refuse_value(o, w, value);
        o->vanished += value != 0.0f && (bits & 0x7fff) == 0;
        bytes_put_little(data + 2 * i, 2, bits);
    }
    o->floats += count;
    return true;
}

static void report_vanished(const struct output *o)
{
    if (o->vanished > 0)
        log_warn("%s: %" PRIu64 " of %" PRIu64
                 " values are too small for F16 (at most 2^-25) and become 0 in %s: "
                 "without --half they stay",
                 network_file_what(o->from), o->vanished, o->floats, o->path);
}

// For pth_write.
static bool item_values(void *user, size_t i, void *data)
{
    struct output *o = user;
    const struct item *item = &o->items[i];
    if (item->counter)
        return network_file_read_counter(o->from, item->counter, data);
    if (!o->half)
        return network_file_read(o->from, item->weight, o->averages, data);
    return network_file_read_silently(o->from, item->weight, o->averages, o->scratch) &&
           round_to_half(o, item->weight, o->scratch, data);
}

static const char *item_kind(const struct output *o, const struct item *item)
{
    return item->counter ? "I64" : o->half ? "F16" : "F32";
}

static uint64_t item_bytes(const struct output *o, const struct item *item)
{
    const uint64_t bytes = tensor_bytes(&item->weight->value);
    return item->counter ? 8 : o->half ? bytes / 2 : bytes;
}

static const char *item_name(const struct item *item)
{
    return item->counter ? item->counter : item->weight->name;
}

static uint32_t item_sides(const struct item *item, uint64_t *sides)
{
    return item->counter ? 0 : weight_names_sides(item->weight, sides);
}

static bool write_pth(struct output *o)
{
    struct pth_tensor *tensors = mem_array(MAX(o->count, 1), sizeof(tensors[0]));
    if (!tensors)
        return false;
    for (size_t i = 0; i < o->count; i++) {
        const struct item *item = &o->items[i];
        tensors[i].name = item_name(item);
        tensors[i].kind = item_kind(o, item);
        tensors[i].rank = item_sides(item, tensors[i].sides);
    }
    bool ok = pth_write(o->path, tensors, o->count, item_values, o);
    mem_free(tensors);
    return ok;
}

// The options of the network as it is written: in the port's order, and without the
// path of the data that it was trained on.
static char *options_text(const struct network_file *f)
{
    json_t *object = options_to_json(&network_file_settings(f)->options);
    json_add(&object, "concat", json_string(choice_name(choice_concats, false)));
    options_drop_from_json(object, "data");
    return json_text(object);
}

// The metadata makes the file usable without options: see network_file.c.
static bool write_safetensors(struct output *o)
{
    struct safetensors_writer w;
    const struct network_file *f = o->from;
    safetensors_begin(&w);
    safetensors_put_metadata(&w, METADATA_NETWORK,
                             network_file_kind(f) == NETWORK_G ? "G" : "D");
    char *options = options_text(f);
    bool ok = options != NULL;
    if (ok)
        safetensors_put_metadata(&w, CHECKPOINT_OPTIONS, options);
    for (size_t i = 0; i < o->count && ok; i++) {
        uint64_t sides[WEIGHT_NAMES_RANK];
        const struct item *item = &o->items[i];
        const uint32_t rank = item_sides(item, sides);
        safetensors_describe(&w, item_name(item), item_kind(o, item), sides, rank,
                             item_bytes(o, item));
    }
    ok = ok && safetensors_begin_data(&w, o->path);
    for (size_t i = 0; i < o->count && ok; i++)
        ok = item_values(o, i, o->scratch) &&
             safetensors_put_data(&w, o->scratch, (size_t)item_bytes(o, &o->items[i]));
    // A writer that has committed is empty, so it may be aborted in any case.
    ok = ok && safetensors_commit(&w);
    safetensors_abort(&w);
    mem_free(options);
    return ok;
}

// Whether the tensors alone look like a network with instance norm, which it is not.
static bool is_taken_for_instance(const struct network_file *f)
{
    const struct settings *s = network_file_settings(f);
    return network_file_kind(f) == NETWORK_G
               ? s->generator.bias && s->generator.norm == MODEL_NORM_NONE
               : s->discriminator.bias && s->discriminator.norm == MODEL_NORM_NONE;
}

bool network_write(const char *path, struct network_file *f,
                   const struct weights *weights, bool averages, bool half)
{
    const bool is_pth = strcmp(file_extension(path), ".pth") == 0;
    struct output o = { .path = path, .from = f, .averages = averages, .half = half };
    bool ok = list_items(&o, weights);
    // The port's order, whatever that of the file is.
    network_file_set_order(f, false);
    if (is_pth && is_taken_for_instance(f))
        log_warn(
            "%s: %s cannot record that this network has biases and no norm: without "
            "that it is read as one with instance norm; keep a .safetensors file "
            "for use with this program",
            network_file_what(f), path);
    if (ok)
        ok = is_pth ? write_pth(&o) : write_safetensors(&o);
    if (ok)
        report_vanished(&o);
    output_finish(&o);
    return ok;
}
