// SPDX-License-Identifier: MIT
//
// The container is formats/safetensors. The order in the file is: counters of batches,
// the only 8-byte numbers, first so that all tensors are aligned; weights of G and D;
// moments of both; averages of G. All metadata is text:
//
//     pix2pix.step      the step
//     pix2pix.options   all options, resolved
//     pix2pix.schedule  learning rate, epochs, state of the plateau
//     pix2pix.sampler   position in the stream of samples, number of images, hash of
//                       their names
//     pix2pix.tuning    hash of the tuning table
//     pix2pix.jpeg      the library that decoded JPEG files
//     pix2pix.random    seed and step, from which every random number follows
//     pix2pix.sums      see formats/sums.h
//
// See checkpoint.h.

#include "store/checkpoint_inside.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "formats/safetensors.h"
#include "settings/options_file.h"
#include "settings/settings.h"
#include "store/weight_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct writing {
    const struct checkpoint_state *state;
    struct safetensors_writer file;
    struct gpu_device *device;
    bool (*download)(struct gpu_device *device, const struct tensor *t, void *data);
    void *scratch;    // as large as the largest tensor
    struct checkpoint_scan *scan;
};

// Frees `name`, which may be NULL.
static bool describe(struct writing *w, char *name, const char *kind,
                     const uint64_t *sides, uint32_t rank, uint64_t bytes)
{
    if (name)
        safetensors_describe(&w->file, name, kind, sides, rank, bytes);
    mem_free(name);
    return name != NULL;
}

// Moments and averages have the shape of their weight.
static bool describe_tensor(struct writing *w, char *name, const struct weight *weight)
{
    uint64_t sides[WEIGHT_NAMES_RANK];
    uint32_t rank = weight_names_sides(weight, sides);
    return describe(w, name, "F32", sides, rank, tensor_bytes(&weight->value));
}

// Whether a fetched tensor may be written.
static bool scan_tensor(struct writing *w, const char *name, uint64_t bytes)
{
    struct checkpoint_scan *scan = w->scan;
    if (checkpoint_all_finite(w->scratch, bytes))
        return true;
    if (!scan->tensor[0])
        snprintf(scan->tensor, sizeof(scan->tensor), "%s", name);
    if (!scan->writes_all)
        log_error("checkpoint: tensor %s has numbers that are not finite", name);
    return scan->writes_all;
}

// Fetches a tensor from the device and writes it. Frees `name`, which may be NULL.
static bool write_tensor(struct writing *w, char *name, const struct tensor *t)
{
    const uint64_t bytes = tensor_bytes(t);
    bool ok = name && w->download(w->device, t, w->scratch) &&
              scan_tensor(w, name, bytes) &&
              safetensors_put_data(&w->file, w->scratch, (size_t)bytes);
    mem_free(name);
    return ok;
}

// In the header or after it.
static bool put_tensor(struct writing *w, char *name, const struct weight *weight,
                       const struct tensor *t, bool header)
{
    return header ? describe_tensor(w, name, weight) : write_tensor(w, name, t);
}

// Four passes over the weights, in the order of the file. Each is made twice: once to
// describe its tensors in the header, once to write them. The same function does both,
// so that header and data cannot disagree in their order.

static bool pass_counters(struct writing *w, const char *network,
                          const struct weights *weights, bool header)
{
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *weight = weights->items[i];
        if (weight->kind != WEIGHT_RUNNING_MEAN)
            continue;
        uint64_t value = checkpoint_batches(w->state, network);
        bool ok = header ? describe(w, checkpoint_counter_name(network, weight), "I64",
                                    NULL, 0, sizeof(value))
                         : safetensors_put_data(&w->file, &value, sizeof(value));
        if (!ok)
            return false;
    }
    return true;
}

static bool pass_values(struct writing *w, const char *network,
                        const struct weights *weights, bool header)
{
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *weight = weights->items[i];
        if (!put_tensor(w, mem_printf("%s.%s", network, weight->name), weight,
                        &weight->value, header))
            return false;
    }
    return true;
}

// "adam.G.model.model.0.weight.m" and ".v": Adam's first and second moments, or with
// SGD the momentum in m. Running statistics are not trained and have none.
static bool pass_moments(struct writing *w, const char *network,
                         const struct weights *weights, bool header)
{
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *weight = weights->items[i];
        if (!weight_is_trained(weight))
            continue;
        if (!put_tensor(w, mem_printf("adam.%s.%s.m", network, weight->name), weight,
                        &weight->m, header) ||
            !put_tensor(w, mem_printf("adam.%s.%s.v", network, weight->name), weight,
                        &weight->v, header))
            return false;
    }
    return true;
}

// "ema.G.model.model.0.weight": trained weights only, since running statistics are
// averages already.
static bool pass_averages(struct writing *w, const char *network,
                          const struct weights *weights, bool header)
{
    for (size_t i = 0; weights->keeps_average && i < weights->count; i++) {
        const struct weight *weight = weights->items[i];
        if (!weight_is_trained(weight))
            continue;
        if (!put_tensor(w, mem_printf("ema.%s.%s", network, weight->name), weight,
                        &weight->average, header))
            return false;
    }
    return true;
}

static bool all_passes(struct writing *w, const struct weights *generator,
                       const struct weights *discriminator, bool header)
{
    return pass_counters(w, "G", generator, header) &&
           pass_counters(w, "D", discriminator, header) &&
           pass_values(w, "G", generator, header) &&
           pass_values(w, "D", discriminator, header) &&
           pass_moments(w, "G", generator, header) &&
           pass_moments(w, "D", discriminator, header) &&
           pass_averages(w, "G", generator, header);
}

// Metadata of safetensors maps texts to texts, so ours is JSON inside JSON.
static bool add_json(struct safetensors_writer *to, const char *key, json_t *object)
{
    char *text = json_text(object);
    bool ok = text != NULL;
    if (ok)
        safetensors_put_metadata(to, key, text);
    mem_free(text);
    return ok;
}

static json_t *scaler_to_json(const struct scaler_block *b)
{
    json_t *object = json_object();
    json_add(&object, "scale", json_from_double((double)b->scale));
    json_add(&object, "good", json_integer(b->good));
    json_add(&object, "skipped", json_integer(b->skipped));
    json_add(&object, "steps", json_integer(b->steps));
    json_add(&object, "beta1_power", json_from_double((double)b->beta1_power));
    json_add(&object, "beta2_power", json_from_double((double)b->beta2_power));
    return object;
}

static bool add_scalers(struct safetensors_writer *to,
                        const struct checkpoint_state *state)
{
    if (state->settings->precision != PRECISION_F16)
        return true;
    json_t *both = json_object();
    json_add(&both, "G", scaler_to_json(&state->scaler_g));
    if (state->settings->gan != GAN_NONE)
        json_add(&both, "D", scaler_to_json(&state->scaler_d));
    return add_json(to, "pix2pix.scaler", both);
}

static bool add_metadata(struct safetensors_writer *to,
                         const struct checkpoint_state *state)
{
    const struct pix_train_options *o = &state->settings->options;
    char step[24];

    snprintf(step, sizeof(step), "%" PRIu64, state->step);
    safetensors_put_metadata(to, CHECKPOINT_STEP, step);
    if (!add_json(to, CHECKPOINT_OPTIONS, options_to_json(o)))
        return false;

    json_t *part = json_object();
    json_add(&part, "kind", json_string(o->lr_policy));
    json_add(&part, "epoch", json_integer((json_int_t)state->epoch));
    json_add(&part, "n_epochs", json_integer(o->n_epochs));
    json_add(&part, "n_epochs_decay", json_integer(o->n_epochs_decay));
    json_add(&part, "lr",
             json_from_double(o->lr * schedule_factor(state->settings, state->epoch,
                                                      &state->plateau)));
    json_add(&part, "plateau_best", json_from_double(state->plateau.best));
    json_add(&part, "plateau_bad", json_integer(state->plateau.bad));
    json_add(&part, "plateau_factor", json_from_double(state->plateau.factor));
    json_add(&part, "best_score", json_from_double(state->best.score));
    json_add(&part, "best_step", json_integer((json_int_t)state->best.step));
    json_add(&part, "best_bad", json_integer(state->best.bad));
    if (!add_json(to, "pix2pix.schedule", part) || !add_scalers(to, state))
        return false;

    part = json_object();
    json_add(&part, "position",
             json_integer((json_int_t)(state->step *
                                       settings_images_per_step(state->settings))));
    json_add(&part, "images", json_integer(state->images));
    if (state->image_names[0])
        json_add(&part, "names", json_string(state->image_names));
    if (state->mask[0])
        json_add(&part, "mask", json_string(state->mask));
    json_add(&part, "shuffle", json_boolean(!o->serial_batches));
    if (!add_json(to, "pix2pix.sampler", part))
        return false;

    if (state->tuning[0])
        safetensors_put_metadata(to, "pix2pix.tuning", state->tuning);
    if (state->jpeg_decoder[0])
        safetensors_put_metadata(to, "pix2pix.jpeg", state->jpeg_decoder);

    // Every random number is a function of the seed and a position.
    part = json_object();
    json_add(&part, "seed", json_integer((json_int_t)o->seed));
    json_add(&part, "step", json_integer((json_int_t)state->step));
    return add_json(to, "pix2pix.random", part);
}

bool checkpoint_write(const char *path, const struct checkpoint_state *state,
                      const struct weights *generator,
                      const struct weights *discriminator, struct gpu_device *device,
                      bool (*download)(struct gpu_device *device,
                                       const struct tensor *t, void *data),
                      struct checkpoint_scan *scan)
{
    struct writing w = {
        .state = state, .device = device, .download = download, .scan = scan
    };
    struct log_capture capture;
    scan->tensor[0] = '\0';
    log_capture_begin(&capture);
    safetensors_begin(&w.file);
    // One tensor at a time: a checkpoint is several times larger than its largest
    // tensor.
    w.scratch = mem_alloc(
        (size_t)MAX(weights_largest(generator), weights_largest(discriminator)));
    bool ok = w.scratch && add_metadata(&w.file, state) &&
              all_passes(&w, generator, discriminator, true) &&
              safetensors_begin_data(&w.file, path) &&
              all_passes(&w, generator, discriminator, false) &&
              safetensors_commit(&w.file);
    if (!ok)
        safetensors_abort(&w.file);
    mem_free(w.scratch);
    const char *error = log_capture_end(&capture);
    if (!ok)
        log_error("checkpoint: %s could not be written; earlier checkpoints are "
                  "unchanged: %s",
                  path, error);
    return ok;
}
