// SPDX-License-Identifier: MIT
//
// A file is a checkpoint of ours, or a dictionary of tensors in a safetensors or .pth
// file whose network is recognised. Options describe the network in both cases. See
// network_file.h.

#include "store/network_file.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "settings/choice.h"
#include "settings/options.h"
#include "settings/options_file.h"
#include "settings/rules.h"
#include "settings/settings.h"
#include "store/affinelayer.h"
#include "store/checkpoint_folder.h"
#include "store/name_prefix.h"
#include "store/network_order.h"
#include "store/recognise.h"
#include "store/tensor_file.h"
#include "store/weight_names.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct network_file {
    enum network network;
    const char *what;    // begins messages
    char *path;
    // One of these is open.
    struct checkpoint *checkpoint;
    struct tensor_file *tensors;

    struct recognition recognition;    // not for a checkpoint
    struct name_prefix prefix;         // of its tensors in the file
    struct settings settings;
    uint32_t channels_d;      // input channels of a discriminator
    bool swaps_halves;        // see network_file_set_order
    bool warned;              // about values that are not finite
    char description[192];    // for messages and ONNX metadata
};

// The prefix of its tensors in checkpoints.
static const char *letter(enum network network)
{
    return network == NETWORK_G ? "G" : "D";
}

static const char *noun(enum network network)
{
    return network == NETWORK_G ? "generator" : "discriminator";
}

// ---------------------------------------------------------------------------
// Tensors of a dictionary

// The port nests a U-Net's levels, eight characters each: names of ten levels have less
// than 110.
#define NAME_SIZE 256
#define LONG_NAME_SIZE (NAME_PREFIX_MAX + NAME_SIZE)

// The name in the file of a tensor of the network. False if it is too long, and then no
// tensor has it.
static bool long_name(const struct network_file *f, const char *name,
                      char text[LONG_NAME_SIZE])
{
    return (size_t)snprintf(text, LONG_NAME_SIZE, "%.*s%s", (int)f->prefix.length,
                            f->prefix.length ? f->prefix.text : "",
                            name) < LONG_NAME_SIZE;
}

// For struct name_list.
static const char *name_at(const void *user, size_t i)
{
    return tensor_file_name(user, i);
}

// For struct dictionary: by the names without their prefix.
static bool find_sides(const void *user, const char *name, uint32_t *rank,
                       uint64_t sides[DICTIONARY_RANK])
{
    const struct network_file *f = user;
    char text[LONG_NAME_SIZE];
    return long_name(f, name, text) &&
           tensor_file_find_sides(f->tensors, text, rank, sides);
}

// The name that one of our weights has in the file.
static bool name_in_file(const struct network_file *f, const struct weight *w,
                         char *text, size_t size)
{
    if (!f->recognition.is_affinelayer)
        return (size_t)snprintf(text, size, "%s", w->name) < size;
    return affinelayer_name(&f->recognition.generator, w->name, text, size);
}

// ---------------------------------------------------------------------------
// Opening

// Sets the options that describe a generator of this architecture.
static bool set_generator(struct settings *s, const struct generator_options *g)
{
    struct pix_train_options *o = &s->options;
    // A U-Net is named by its depth here: unet_128 and unet_256 are unet of depth 7
    // and 8.
    o->net_g = settings_name_generator(g, false);
    o->depth = g->kind == GENERATOR_RESNET ? 0 : g->levels;
    o->ngf = g->ngf;
    o->input_nc = g->channels_in;
    o->output_nc = g->channels_out;
    o->norm = choice_name(choice_norms, g->norm);
    o->bias = choice_name(choice_biases, g->bias);
    o->norm_innermost = g->norm_innermost;
    o->concat = choice_name(choice_concats, g->decoder_first);
    o->upsample = choice_name(choice_upsamplings, g->resize);
    o->no_dropout = g->no_dropout;
    o->dropout_at = choice_name(choice_dropouts, g->dropout_inner);
    // Files do not state a size: the port trains on 256 pixels, and on 128 with
    // unet_128.
    o->crop_size = g->kind == GENERATOR_RESNET ? 256
                   : g->levels == 7            ? 128
                                               : MAX(256u, 1u << g->levels);
    o->load_size = 0;
    return settings_resolve(s);
}

static bool set_discriminator(struct network_file *f)
{
    const struct discriminator_options *d = &f->recognition.discriminator;
    struct pix_train_options *o = &f->settings.options;
    if (f->recognition.channels_d == 0) {
        log_error("the discriminator has no input channel");
        return false;
    }
    o->net_d = choice_name(choice_nets_d, d->pixel ? NET_D_PIXEL : NET_D_N_LAYERS);
    o->n_layers_d = d->layers;
    o->ndf = d->ndf;
    o->norm_d = choice_name(choice_norms, d->norm);
    o->bias = choice_name(choice_biases, d->bias);
    o->crop_size = 512;    // large enough for the deepest one
    f->channels_d = f->recognition.channels_d;
    return settings_resolve(&f->settings);
}

// Turns what was recognised into options.
static bool set_recognised(struct network_file *f)
{
    // The message of settings_resolve names an option that the user has not given, so
    // it is made part of one that names the file.
    struct log_capture capture;
    log_capture_begin(&capture);
    const bool ok = f->network == NETWORK_G
                        ? set_generator(&f->settings, &f->recognition.generator)
                        : set_discriminator(f);
    const char *error = log_capture_end(&capture);
    if (!ok)
        log_error("%s: %s holds a %s that this version cannot use: %s", f->what,
                  f->path, noun(f->network), error);
    return ok;
}

// Options that a safetensors file of ours has in its metadata replace what was
// recognised: from names and shapes, a network with biases and no norm looks like one
// with instance norm.
static bool read_stored_options(struct network_file *f)
{
    const char *text = tensor_file_metadata(f->tensors, CHECKPOINT_OPTIONS);
    return !text || options_read_stored(text, f->what, f->path, &f->settings);
}

// What is removed from the names of the tensors, and which of them are left out.
static void tell_prefix(const struct network_file *f)
{
    const struct name_prefix *p = &f->prefix;
    if (p->length == 0)
        return;
    log_info("%s: %s: the names of the %s's tensors begin with \"%.*s\", which is "
             "removed",
             f->what, f->path, noun(f->network), (int)p->length, p->text);
    if (p->is_of_part && p->others)
        log_info("%s: %s: %zu other tensors (first: \"%s\") are not the %s's and are "
                 "not used",
                 f->what, f->path, p->others, p->first_other, noun(f->network));
}

// What the tensors are that have the prefix of this network.
static enum recognised recognise_as(struct network_file *f, enum network network)
{
    const struct dictionary d = { find_sides, f };
    const struct name_list names = { name_at, tensor_file_count(f->tensors),
                                     f->tensors };
    f->prefix = name_prefix_choose(&names, network == NETWORK_G);
    return recognise_network(&d, f->path, &f->recognition);
}

static bool recognise_tensors(struct network_file *f)
{
    const bool is_g = f->network == NETWORK_G;
    const enum recognised wanted = is_g ? RECOGNISED_G : RECOGNISED_D;
    enum recognised r = recognise_as(f, f->network);
    // For the message: a file of the other one alone, with what belongs to neither.
    if (r == RECOGNISED_NOTHING)
        r = recognise_as(f, is_g ? NETWORK_D : NETWORK_G);
    if (r == RECOGNISED_REFUSED)
        return false;
    if (r == RECOGNISED_NOTHING) {
        const size_t count = tensor_file_count(f->tensors);
        log_error(
            "%s: %s holds %zu tensor%s (first: \"%s\"), no network that this engine "
            "knows: U-Net, encoder-decoder, ResNet of 6 or 9 blocks, PatchGAN or "
            "PixelGAN, with the PyTorch port's or affinelayer's names",
            f->what, f->path, count, PLURAL(count),
            count ? tensor_file_name(f->tensors, 0) : "");
        return false;
    }
    if (r != wanted) {
        log_error("%s: %s holds a %s, not a %s", f->what, f->path,
                  noun(r == RECOGNISED_G ? NETWORK_G : NETWORK_D), noun(f->network));
        return false;
    }
    tell_prefix(f);
    return set_recognised(f) && read_stored_options(f);
}

// From the options, also for a checkpoint, so that equal networks read alike.
static void describe(struct network_file *f)
{
    if (f->network == NETWORK_G) {
        recognise_describe_g(&f->settings.generator, f->description,
                             sizeof(f->description));
    } else {
        recognise_describe_d(&f->settings.discriminator, f->channels_d, f->description,
                             sizeof(f->description));
    }
}

static bool take_checkpoint(struct network_file *f)
{
    const struct settings *s = checkpoint_get_state(f->checkpoint)->settings;
    const struct pix_train_options *o = &s->options;
    settings_finish(&f->settings);
    if (!settings_init(&f->settings, o))
        return false;
    // D sees an image beside its input, unless the run was unconditional.
    f->channels_d = o->output_nc + (o->no_condition ? 0 : o->input_nc);
    if (f->network == NETWORK_D && !settings_has_discriminator(s)) {
        log_error("%s: %s was trained without a discriminator", f->what, f->path);
        return false;
    }
    return true;
}

// Opens a checkpoint of a run and reads what it has of the network, since a damaged one
// shall not be taken.
static bool open_good(struct network_file *f, bool *is_damaged)
{
    f->checkpoint = checkpoint_examine(f->path, is_damaged);
    if (!f->checkpoint)
        return false;
    const bool ok = checkpoint_verify(f->checkpoint, letter(f->network));
    *is_damaged = !ok && checkpoint_is_damaged(f->checkpoint);
    return ok;
}

// Opens the newest checkpoint of a run, or the next older one where that is damaged. It
// is only read here: --continue sets it aside.
static bool open_newest(struct network_file *f, const char *run)
{
    uint64_t *steps = NULL;
    size_t count = 0;
    bool ok = false, is_damaged = true;
    if (!checkpoint_list(run, &steps, &count))
        return false;
    if (count == 0)
        log_error("%s: %s holds no checkpoint (checkpoints/step-*.safetensors): "
                  "name a run folder that has one or a weights file",
                  f->what, run);
    for (size_t i = 0; i < count && !ok && is_damaged; i++) {
        struct log_capture capture;
        checkpoint_close(f->checkpoint);
        f->checkpoint = NULL;
        mem_free(f->path);
        log_capture_begin(&capture);
        f->path = checkpoint_path(run, steps[i]);
        is_damaged = false;
        ok = f->path && open_good(f, &is_damaged);
        const char *error = log_capture_end(&capture);
        if (!ok && is_damaged && i + 1 < count)
            log_warn("%s: the checkpoint before %s is used instead: %s", f->what,
                     file_name(f->path), error);
        else if (!ok)
            log_error("%s", error);
    }
    mem_free(steps);
    return ok && take_checkpoint(f);
}

// The path of a checkpoint by what it is called. NULL after a message.
static char *named_path(const struct network_file *f, const char *run,
                        const char *checkpoint)
{
    const size_t digits = strspn(checkpoint, "0123456789");
    if (strcmp(checkpoint, "best") == 0)
        return checkpoint_best_path(run);
    if (digits > 0 && digits <= 18 && checkpoint[digits] == '\0')
        return checkpoint_path(run, strtoull(checkpoint, NULL, 10));
    log_error("%s: a checkpoint is \"newest\", \"best\" or a step, not \"%s\"", f->what,
              checkpoint);
    return NULL;
}

static bool open_named(struct network_file *f, const char *run, const char *checkpoint)
{
    bool is_damaged;
    f->path = named_path(f, run, checkpoint);
    if (!f->path)
        return false;
    if (os_path_is_absent(f->path)) {
        log_error("%s: there is no %s: %s", f->what, f->path,
                  strcmp(checkpoint, "best") == 0
                      ? "a run has it with train --best METRIC, from its first "
                        "validation on"
                      : "a run keeps as many as train --keep says");
        return false;
    }
    return open_good(f, &is_damaged) && take_checkpoint(f);
}

static bool refuse_choice(const struct network_file *f, const char *path)
{
    log_error("%s: %s is a file, and a checkpoint can be chosen of a run's folder only",
              f->what, path);
    return false;
}

static bool open_run(struct network_file *f, const char *run, const char *checkpoint)
{
    return checkpoint && strcmp(checkpoint, "newest") != 0
               ? open_named(f, run, checkpoint)
               : open_newest(f, run);
}

// What programs call the dictionary of a network beside others.
static const char *const *parts_of(enum network network)
{
    static const char *const g[] = { "netG", "net_G", "generator", "G", NULL };
    static const char *const d[] = { "netD", "net_D", "discriminator", "D", NULL };
    return network == NETWORK_G ? g : d;
}

// Metadata distinguishes a checkpoint from a file of one network.
static bool open_file(struct network_file *f, const char *path)
{
    f->path = mem_strdup(path);
    if (!f->path)
        return false;
    f->tensors = tensor_file_open(path, parts_of(f->network), f->what);
    if (!f->tensors)
        return false;
    if (!tensor_file_metadata(f->tensors, CHECKPOINT_STEP))
        return recognise_tensors(f);
    tensor_file_close(f->tensors);
    f->tensors = NULL;
    f->checkpoint = checkpoint_open(f->path);
    return f->checkpoint && take_checkpoint(f);
}

struct network_file *network_file_open(const char *path, enum network network,
                                       const char *what)
{
    return network_file_open_checkpoint(path, NULL, network, what);
}

struct network_file *network_file_open_checkpoint(const char *path,
                                                  const char *checkpoint,
                                                  enum network network,
                                                  const char *what)
{
    struct network_file *f = mem_zalloc(sizeof(*f));
    if (!f)
        return NULL;
    f->network = network;
    f->what = what;
    options_init(&f->settings.options);
    enum os_kind kind;
    os_path_look(path, &kind);
    bool ok = kind != OS_KIND_NONE;
    if (!ok && os_error_kind() == OS_ERROR_ABSENT)
        log_error("%s: %s does not exist", what, path);
    else if (!ok)
        log_error("%s: cannot look at %s: %s", what, path, os_error_text());
    else if (kind == OS_KIND_FOLDER)
        ok = open_run(f, path, checkpoint);
    else if (checkpoint)
        ok = refuse_choice(f, path);
    else
        ok = open_file(f, path);
    if (ok) {
        describe(f);
        return f;
    }
    network_file_close(f);
    return NULL;
}

void network_file_close(struct network_file *f)
{
    if (!f)
        return;
    checkpoint_close(f->checkpoint);
    tensor_file_close(f->tensors);
    settings_finish(&f->settings);
    mem_free(f->path);
    mem_free(f);
}

enum network network_file_kind(const struct network_file *f)
{
    return f->network;
}

const char *network_file_what(const struct network_file *f)
{
    return f->what;
}

const char *network_file_path(const struct network_file *f)
{
    return f->path;
}

const struct settings *network_file_settings(const struct network_file *f)
{
    return &f->settings;
}

uint32_t network_file_channels_d(const struct network_file *f)
{
    return f->channels_d;
}

struct checkpoint *network_file_checkpoint(const struct network_file *f)
{
    return f->checkpoint;
}

const char *network_file_description(const struct network_file *f)
{
    return f->description;
}

// ---------------------------------------------------------------------------
// Checking and reading

// The name in the file, with its prefix.
static bool full_name(const struct network_file *f, const struct weight *w,
                      char text[LONG_NAME_SIZE])
{
    char name[NAME_SIZE];
    return name_in_file(f, w, name, sizeof(name)) && long_name(f, name, text);
}

static bool check_weight(const struct network_file *f, const struct weight *w)
{
    char name[LONG_NAME_SIZE];
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
    char text[NAME_SIZE];
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
        return checkpoint_check_values(f->checkpoint, letter(f->network), weights);
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

void network_file_set_order(struct network_file *f, bool decoder_first)
{
    const struct generator_options g = f->settings.generator;
    f->swaps_halves = f->network == NETWORK_G && g.kind == GENERATOR_UNET &&
                      g.decoder_first != decoder_first;
}

static bool read_values(struct network_file *f, const struct weight *w, bool average,
                        float *values)
{
    char name[LONG_NAME_SIZE];
    if (f->checkpoint)
        return checkpoint_read(f->checkpoint, letter(f->network), w, average, values);
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

bool network_file_read(struct network_file *f, const struct weight *w, bool average,
                       float *values)
{
    bool ok = read_values(f, w, average, values);
    if (ok)
        warn_if_not_finite(f, w, values);
    // Vectors and kernels that read no concatenation stay as they are.
    if (ok && f->swaps_halves)
        network_order_swap(w, values);
    return ok;
}

bool network_file_load(struct network_file *f, const struct weights *weights,
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

bool network_file_read_counter(struct network_file *f, const char *name, int64_t *value)
{
    char text[LONG_NAME_SIZE];
    *value = 0;
    // A checkpoint has the counters too, but they follow from its step.
    if (f->checkpoint) {
        *value = (int64_t)checkpoint_batches(checkpoint_get_state(f->checkpoint),
                                             letter(f->network));
        return true;
    }
    return !long_name(f, name, text) ||
           tensor_file_read_counter(f->tensors, text, value);
}
