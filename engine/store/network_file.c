// SPDX-License-Identifier: MIT
//
// A file is a checkpoint of ours, or a dictionary of tensors in a safetensors or .pth
// file whose network is recognised. Options describe the network in both cases. See
// network_file_inside.h.

#include "store/network_file_inside.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "settings/choice.h"
#include "settings/options.h"
#include "settings/options_file.h"
#include "settings/rules.h"
#include "settings/settings.h"
#include "store/checkpoint_folder.h"

#include <stdio.h>
#include <string.h>

const char *network_file_letter(const struct network_file *f)
{
    return f->network == NETWORK_G ? "G" : "D";
}

static const char *noun(enum network network)
{
    return network == NETWORK_G ? "generator" : "discriminator";
}

// ---------------------------------------------------------------------------
// Tensors of a dictionary

bool network_file_long_name(const struct network_file *f, const char *name,
                            char text[NETWORK_FILE_LONG_NAME_SIZE])
{
    return (size_t)snprintf(text, NETWORK_FILE_LONG_NAME_SIZE, "%.*s%s",
                            (int)f->prefix.length,
                            f->prefix.length ? f->prefix.text : "",
                            name) < NETWORK_FILE_LONG_NAME_SIZE;
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
    char text[NETWORK_FILE_LONG_NAME_SIZE];
    return network_file_long_name(f, name, text) &&
           tensor_file_find_sides(f->tensors, text, rank, sides);
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
    const uint32_t side = g->kind == GENERATOR_RESNET ? 256
                          : g->levels == 7            ? 128
                                                      : MAX(256u, 1u << g->levels);
    o->crop_size = (struct pix_size){ side, side };
    o->load_size = (struct pix_size){ 0, 0 };
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
    o->crop_size = (struct pix_size){ 512, 512 };    // enough for the deepest one
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
    // A run keeps colours: what else is there would be opened as a file of them.
    if (settings_finds_palette(s)) {
        log_error("%s: %s does not have the palette of its classes", f->what, f->path);
        return false;
    }
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
// shall not be taken. Where it is loaded that comes then.
static bool open_good(struct network_file *f, bool *is_damaged)
{
    f->checkpoint = checkpoint_examine(f->path, is_damaged);
    if (!f->checkpoint || f->is_loaded)
        return f->checkpoint != NULL;
    const bool ok = checkpoint_verify(f->checkpoint, network_file_letter(f));
    *is_damaged = !ok && checkpoint_is_damaged(f->checkpoint);
    return ok;
}

// A checkpoint that could not be used: a warning where an older one may be.
void network_file_tell_unused(const struct network_file *f, bool is_damaged,
                              const char *error)
{
    if (is_damaged && f->opened < f->step_count)
        log_warn("%s: the checkpoint before %s is used instead: %s", f->what,
                 file_name(f->path), error);
    else
        log_error("%s", error);
}

// Opens the next checkpoint, or an older one where that is damaged. They are only read
// here: --continue sets them aside.
bool network_file_open_next(struct network_file *f)
{
    bool ok = false, is_damaged = true;
    while (f->opened < f->step_count && !ok && is_damaged) {
        struct log_capture capture;
        checkpoint_close(f->checkpoint);
        f->checkpoint = NULL;
        mem_free(f->path);
        log_capture_begin(&capture);
        f->path = checkpoint_path(f->run, f->steps[f->opened++]);
        is_damaged = false;
        ok = f->path && open_good(f, &is_damaged);
        const char *error = log_capture_end(&capture);
        if (!ok)
            network_file_tell_unused(f, is_damaged, error);
    }
    return ok;
}

static bool open_newest(struct network_file *f, const char *run)
{
    f->run = mem_strdup(run);
    if (!f->run || !checkpoint_list(run, &f->steps, &f->step_count))
        return false;
    if (f->step_count == 0)
        log_error("%s: %s holds no checkpoint (checkpoints/step-*.safetensors): "
                  "name a run folder that has one or a weights file",
                  f->what, run);
    return network_file_open_next(f) && take_checkpoint(f);
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

static bool refuse_absent(const struct network_file *f, const char *run,
                          const char *checkpoint)
{
    const bool is_best = strcmp(checkpoint, "best") == 0;
    char *names = checkpoint_names(run);
    if (names)
        log_error("%s: %s has no checkpoint %s%s, there are: %s; %s", f->what, run,
                  is_best ? "" : "of step ", checkpoint, names,
                  is_best ? "a run has it with train --best METRIC, from its first "
                            "validation on"
                          : "a run keeps as many as train --keep says");
    mem_free(names);
    return false;
}

static bool open_named(struct network_file *f, const char *run, const char *checkpoint)
{
    bool is_damaged;
    f->path = named_path(f, run, checkpoint);
    if (!f->path)
        return false;
    if (os_path_is_absent(f->path))
        return refuse_absent(f, run, checkpoint);
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

static struct network_file *open_any(const char *path, const char *checkpoint,
                                     enum network network, const char *what,
                                     bool is_loaded)
{
    struct network_file *f = mem_zalloc(sizeof(*f));
    if (!f)
        return NULL;
    f->network = network;
    f->what = what;
    f->is_loaded = is_loaded;
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

struct network_file *network_file_open(const char *path, enum network network,
                                       const char *what)
{
    return open_any(path, NULL, network, what, false);
}

struct network_file *network_file_open_checkpoint(const char *path,
                                                  const char *checkpoint,
                                                  enum network network,
                                                  const char *what)
{
    return open_any(path, checkpoint, network, what, false);
}

struct network_file *network_file_open_to_load(const char *path, const char *checkpoint,
                                               enum network network, const char *what)
{
    return open_any(path, checkpoint, network, what, true);
}

void network_file_close(struct network_file *f)
{
    if (!f)
        return;
    checkpoint_close(f->checkpoint);
    tensor_file_close(f->tensors);
    settings_finish(&f->settings);
    mem_free(f->steps);
    mem_free(f->run);
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

// A run stores the sample types that it has found in place of "auto".
bool network_file_records_training(const struct network_file *f)
{
    return f->checkpoint || f->settings.input_kind != PIXEL_KINDS;
}

struct checkpoint *network_file_checkpoint(const struct network_file *f)
{
    return f->checkpoint;
}

const char *network_file_description(const struct network_file *f)
{
    return f->description;
}
