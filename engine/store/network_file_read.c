// SPDX-License-Identifier: MIT
//
// Whether a file has the weights of a network, and their values. See
// network_file_inside.h.

#include "store/network_file_inside.h"

#include "base/log.h"
#include "base/mem.h"
#include "settings/options.h"
#include "store/affinelayer.h"
#include "store/network_order.h"
#include "store/weight_names.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// ---------------------------------------------------------------------------
// Names

// The name that one of our weights has in the file, without a prefix.
static bool name_in_file(const struct network_file *f, const struct weight *w,
                         char *text, size_t size)
{
    if (!f->recognition.is_affinelayer)
        return (size_t)snprintf(text, size, "%s", w->name) < size;
    return affinelayer_name(&f->recognition.generator, w->name, text, size);
}

// With its prefix.
static bool full_name(const struct network_file *f, const struct weight *w,
                      char text[NETWORK_FILE_LONG_NAME_SIZE])
{
    char name[NETWORK_FILE_NAME_SIZE];
    return name_in_file(f, w, name, sizeof(name)) &&
           network_file_long_name(f, name, text);
}

// ---------------------------------------------------------------------------
// Checking

static bool check_weight(const struct network_file *f, const struct weight *w)
{
    char name[NETWORK_FILE_LONG_NAME_SIZE];
    uint64_t sides[WEIGHT_NAMES_RANK];
    const uint32_t rank = weight_names_sides(w, sides);
    if (!full_name(f, w, name))
        snprintf(name, sizeof(name), "%s", w->name);
    return tensor_file_check(f->tensors, name, sides, rank, f->description);
}

// Tensors that no network needs: counters of batches change nothing, and old instance
// norms have running statistics that PyTorch drops on loading.
static bool is_unused(const struct network_file *f, const char *name)
{
    const enum model_norm norm = f->network == NETWORK_G
                                     ? f->settings.generator.norm
                                     : f->settings.discriminator.norm;
    return weight_names_end_with(name, ".num_batches_tracked") ||
           (norm == MODEL_NORM_INSTANCE &&
            (weight_names_end_with(name, ".running_mean") ||
             weight_names_end_with(name, ".running_var")));
}

// Whether a tensor of the file is one of these weights or may be ignored.
static bool is_known(const struct network_file *f, const struct weights *weights,
                     const char *name)
{
    char text[NETWORK_FILE_NAME_SIZE];
    if (!name_prefix_is_of(&f->prefix, name))
        return f->prefix.is_of_part;
    name += f->prefix.length;
    for (size_t i = 0; i < weights->count; i++)
        if (name_in_file(f, weights->items[i], text, sizeof(text)) &&
            strcmp(text, name) == 0)
            return true;
    return is_unused(f, name);
}

// In both directions: a tensor too many means that another network was meant than the
// one recognised, whose output would be wrong without any sign.
bool network_file_check(const struct network_file *f, const struct weights *weights)
{
    if (f->checkpoint)
        return checkpoint_check_values(f->checkpoint, network_file_letter(f), weights);
    for (size_t i = 0; i < weights->count; i++)
        if (!check_weight(f, weights->items[i]))
            return false;
    for (size_t i = 0; i < tensor_file_count(f->tensors); i++) {
        const char *name = tensor_file_name(f->tensors, i);
        if (is_known(f, weights, name))
            continue;
        log_error("%s: %s (%s) has a tensor %s, which the network does not have",
                  f->what, f->path, f->description, name);
        return false;
    }
    return true;
}

// ---------------------------------------------------------------------------
// Reading

void network_file_set_order(struct network_file *f, bool decoder_first)
{
    const struct generator_options g = f->settings.generator;
    f->swaps_halves = f->network == NETWORK_G && g.kind == GENERATOR_UNET &&
                      g.decoder_first != decoder_first;
}

static bool read_values(struct network_file *f, const struct weight *w, bool average,
                        float *values)
{
    char name[NETWORK_FILE_LONG_NAME_SIZE];
    if (f->checkpoint)
        return checkpoint_read(f->checkpoint, network_file_letter(f), w, average,
                               values);
    return full_name(f, w, name) && tensor_file_read(f->tensors, name, values);
}

// Warns once per file: results with such weights are useless.
static void warn_if_not_finite(struct network_file *f, const struct weight *w,
                               const float *values)
{
    const uint64_t count = shape_count(w->value.shape);
    for (uint64_t i = 0; i < count && !f->warned; i++)
        if (!isfinite(values[i])) {
            f->warned = true;
            log_warn(
                "%s: %s: tensor %s has values that are not finite: the network cannot "
                "work",
                f->what, f->path, w->name);
        }
}

bool network_file_read_silently(struct network_file *f, const struct weight *w,
                                bool average, float *values)
{
    const bool ok = read_values(f, w, average, values);
    // Vectors and kernels that read no concatenation stay as they are.
    if (ok && f->swaps_halves)
        network_order_swap(w, values);
    return ok;
}

bool network_file_read(struct network_file *f, const struct weight *w, bool average,
                       float *values)
{
    const bool ok = network_file_read_silently(f, w, average, values);
    if (ok)
        warn_if_not_finite(f, w, values);
    return ok;
}

static bool load_all(struct network_file *f, const struct weights *weights,
                     bool averages, struct gpu_device *device,
                     bool (*upload)(struct gpu_device *device, struct tensor *t,
                                    const void *data))
{
    float *values = mem_alloc((size_t)MAX(weights_largest(weights), (uint64_t)1));
    bool ok = values != NULL;
    for (size_t i = 0; i < weights->count && ok; i++) {
        struct weight *w = weights->items[i];
        ok = network_file_read(f, w, averages, values) &&
             upload(device, &w->value, values);
    }
    mem_free(values);
    return ok;
}

// Opens an older checkpoint in place of one whose damage has shown. The caller has
// built a network by the settings of that one, so they must be the same.
static bool go_back(struct network_file *f, const struct weights *weights)
{
    struct checkpoint *damaged = f->checkpoint;
    const struct pix_option *row = NULL;
    f->checkpoint = NULL;
    f->warned = false;
    bool ok = network_file_open_next(f);
    if (ok)
        row = options_find_difference(
            &f->settings.options,
            &checkpoint_get_state(f->checkpoint)->settings->options);
    if (row)
        log_error("%s: %s was trained with another --%s than the damaged checkpoint "
                  "after it",
                  f->what, f->path, row->name);
    checkpoint_close(damaged);
    return ok && !row && network_file_check(f, weights);
}

bool network_file_load(struct network_file *f, const struct weights *weights,
                       bool averages, struct gpu_device *device,
                       bool (*upload)(struct gpu_device *device, struct tensor *t,
                                      const void *data))
{
    for (;;) {
        struct log_capture capture;
        log_capture_begin(&capture);
        const bool ok = load_all(f, weights, averages, device, upload);
        const char *error = log_capture_end(&capture);
        const bool is_damaged =
            !ok && f->checkpoint && checkpoint_is_damaged(f->checkpoint);
        if (ok)
            return true;
        network_file_tell_unused(f, is_damaged, error);
        if (!is_damaged || f->opened == f->step_count || !go_back(f, weights))
            return false;
    }
}

bool network_file_read_counter(struct network_file *f, const char *name, int64_t *value)
{
    char text[NETWORK_FILE_LONG_NAME_SIZE];
    *value = 0;
    // A checkpoint has the counters too, but they follow from its step.
    if (f->checkpoint) {
        *value = (int64_t)checkpoint_batches(checkpoint_get_state(f->checkpoint),
                                             network_file_letter(f));
        return true;
    }
    return !network_file_long_name(f, name, text) ||
           tensor_file_read_counter(f->tensors, text, value);
}
