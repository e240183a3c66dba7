// SPDX-License-Identifier: MIT
//
// The table of training options, from which the command line, configuration files, help
// and the stored form of a run's options all come. The rules that options keep are in
// rules.c.

#include "settings/options.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "settings/schedule.h"

#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOAD_MAX 32768
#define CHANNELS_MAX 64

// Every integer up to here is a double.
#define EXACT_MAX 9007199254740992.0

// A whole number in JSON is an int64_t. As a double this is one more.
#define WHOLE_MAX 9223372036854775807.0

#define FIELD(member) offsetof(struct pix_train_options, member)

static const struct pix_option table[] = {
    { "recipe", PIX_OPTION_CHOICE, FIELD(recipe), 0, 0, "pytorch|lua|affinelayer",
      "NAME", "pytorch, lua or affinelayer: sets several options", false, false,
      "Run folder and data" },
    { "data", PIX_OPTION_TEXT, FIELD(data), 0, 0, NULL, "DIR",
      "folder with train/, perhaps val/ and test/: images A|B, or A/ and B/", false,
      false },
    { "out", PIX_OPTION_TEXT, FIELD(out), 0, 0, NULL, "RUN",
      "run folder, made if absent", false, true },
    { "direction", PIX_OPTION_CHOICE, FIELD(direction), 0, 0, "AtoB|BtoA", "NAME",
      "AtoB or BtoA", false, false },
    { "input-nc", PIX_OPTION_UINT32, FIELD(input_nc), 1, CHANNELS_MAX, NULL, "N",
      "channels of the input", false, false },
    { "output-nc", PIX_OPTION_UINT32, FIELD(output_nc), 1, CHANNELS_MAX, NULL, "N",
      "channels of the output", false, false },
    { "input-kind", PIX_OPTION_CHOICE, FIELD(input_kind), 0, 0, "auto|u8|u16|f32",
      "NAME", "samples of the input: auto, u8, u16 or f32", false, false },
    { "output-kind", PIX_OPTION_CHOICE, FIELD(output_kind), 0, 0, "auto|u8|u16|f32",
      "NAME", "samples of the output: auto, u8, u16 or f32", false, false },
    { "net-g", PIX_OPTION_CHOICE, FIELD(net_g), 0, 0,
      "unet|unet_256|unet_128|resnet_6blocks|resnet_9blocks|encoder_decoder", "NAME",
      "unet, unet_256, unet_128, resnet_6blocks, resnet_9blocks or encoder_decoder",
      false, false, "Networks" },
    { "depth", PIX_OPTION_UINT32, FIELD(depth), 0, OPTIONS_LEVELS_MAX, NULL, "N",
      "levels of unet, 2 to 10; 0: as fit, 5 to 8", false, false },
    { "net-d", PIX_OPTION_CHOICE, FIELD(net_d), 0, 0, "basic|n_layers|pixel", "NAME",
      "basic (70x70), n_layers or pixel", false, false },
    { "n-layers-d", PIX_OPTION_UINT32, FIELD(n_layers_d), 1, OPTIONS_LAYERS_D_MAX, NULL,
      "N", "layers of n_layers, 1 to 6", false, false },
    { "ngf", PIX_OPTION_UINT32, FIELD(ngf), 1, 1024, NULL, "N",
      "filters in the generator's first layer", false, false },
    { "ndf", PIX_OPTION_UINT32, FIELD(ndf), 1, 1024, NULL, "N",
      "filters in the discriminator's first layer", false, false },
    { "no-condition", PIX_OPTION_FLAG, FIELD(no_condition), 0, 0, NULL, NULL,
      "discriminator sees the output alone", false, false },
    { "norm", PIX_OPTION_CHOICE, FIELD(norm), 0, 0, "batch|instance|none", "NAME",
      "batch, instance or none", false, false },
    { "norm-d", PIX_OPTION_CHOICE, FIELD(norm_d), 0, 0, "auto|batch|instance|none",
      "NAME", "the discriminator's; auto: as --norm, none for wgangp", false, false },
    { "upsample", PIX_OPTION_CHOICE, FIELD(upsample), 0, 0, "transpose|resize", "NAME",
      "transpose, or resize: nearest, then convolution", false, false },
    { "no-dropout", PIX_OPTION_FLAG, FIELD(no_dropout), 0, 0, NULL, NULL,
      "generator without dropout", false, false },
    { "dropout-at", PIX_OPTION_CHOICE, FIELD(dropout_at), 0, 0, "d2-d4|d1-d3", "NAME",
      "decoders of unet with dropout: d2-d4 or d1-d3", false, false },
    { "bias", PIX_OPTION_CHOICE, FIELD(bias), 0, 0, "auto|all", "NAME",
      "auto: not in front of batch norm; all: everywhere", false, false },
    { "norm-innermost", PIX_OPTION_FLAG, FIELD(norm_innermost), 0, 0, NULL, NULL,
      "norm on the smallest map of unet too", false, false },
    { "concat", PIX_OPTION_CHOICE, FIELD(concat), 0, 0, "skip_first|decoder_first",
      "NAME", "order in unet: skip_first or decoder_first", false, false },
    { "init-type", PIX_OPTION_CHOICE, FIELD(init_type), 0, 0,
      "normal|xavier|kaiming|orthogonal", "NAME",
      "normal, xavier, kaiming or orthogonal", false, false, "Initial weights" },
    { "init-gain", PIX_OPTION_REAL, FIELD(init_gain), 0, 100, NULL, "X",
      "deviation or gain of initial weights", false, false },
    { "init-g", PIX_OPTION_TEXT, FIELD(init_g), 0, 0, NULL, "FILE",
      "start the generator from a run or a file of weights", false, true },
    { "init-d", PIX_OPTION_TEXT, FIELD(init_d), 0, 0, NULL, "FILE",
      "start the discriminator from one", false, true },
    { "preprocess", PIX_OPTION_CHOICE, FIELD(preprocess), 0, 0, "resize_and_crop|none",
      "NAME", "resize_and_crop or none", false, false, "Images" },
    { "resize-filter", PIX_OPTION_CHOICE, FIELD(resize_filter), 0, 0,
      "bicubic|bilinear|area", "NAME", "bicubic, bilinear or area", false, false },
    { "load-size", PIX_OPTION_UINT32, FIELD(load_size), 0, LOAD_MAX, NULL, "N",
      "resize to N; 0: 286 for a crop of 256, and so on", false, false },
    { "crop-size", PIX_OPTION_UINT32, FIELD(crop_size), 32, OPTIONS_CROP_MAX, NULL, "N",
      "side of the random crop that is trained on", false, false },
    { "no-flip", PIX_OPTION_FLAG, FIELD(no_flip), 0, 0, NULL, NULL,
      "never mirror images", false, false },
    { "serial-batches", PIX_OPTION_FLAG, FIELD(serial_batches), 0, 0, NULL, NULL,
      "files in the order of their names, not shuffled", false, false },
    { "max-dataset-size", PIX_OPTION_UINT32, FIELD(max_dataset_size), 0, UINT32_MAX,
      NULL, "N", "use only the first N images; 0: all", false, false },
    { "threads", PIX_OPTION_UINT32, FIELD(threads), 0, 256, NULL, "N",
      "image decoders; 0: as many as useful", true, false },
    { "gan-mode", PIX_OPTION_CHOICE, FIELD(gan_mode), 0, 0,
      "vanilla|lsgan|hinge|wgangp|none", "NAME",
      "vanilla, lsgan, hinge, wgangp or none", false, false, "Losses" },
    { "lambda-l1", PIX_OPTION_REAL, FIELD(lambda_l1), 0, 1e6, NULL, "X",
      "weight of the L1 loss; 0: none", false, false },
    { "lambda-gp", PIX_OPTION_REAL, FIELD(lambda_gp), 0, 1e6, NULL, "X",
      "weight of the gradient penalty of wgangp", false, false },
    { "gp-alpha", PIX_OPTION_REAL, FIELD(gp_alpha), -1, 1, NULL, "X",
      "its share of the real image; below 0: random", false, false },
    { "d-loss-weight", PIX_OPTION_REAL, FIELD(d_loss_weight), 0.001, 1000, NULL, "X",
      "of the discriminator's two losses", false, false },
    { "update-order", PIX_OPTION_CHOICE, FIELD(update_order), 0, 0, "fresh|reuse",
      "NAME", "fresh: G sees the updated D; reuse: its earlier run", false, false },
    { "batch-size", PIX_OPTION_UINT32, FIELD(batch_size), 1, 4096, NULL, "N",
      "images that run together", false, false, "Optimisation" },
    { "accumulate", PIX_OPTION_UINT32, FIELD(accumulate), 1, 4096, NULL, "N",
      "batches whose gradients make one step", false, false },
    { "n-epochs", PIX_OPTION_UINT32, FIELD(n_epochs), 0, 1000000, NULL, "N",
      "epochs at the full learning rate", true, false },
    { "n-epochs-decay", PIX_OPTION_UINT32, FIELD(n_epochs_decay), 0, 1000000, NULL, "N",
      "epochs after them, falling to zero", true, false },
    { "lr-policy", PIX_OPTION_CHOICE, FIELD(lr_policy), 0, 0,
      "linear|step|cosine|plateau", "NAME", "linear, step, cosine or plateau", false,
      false },
    { "lr-decay-iters", PIX_OPTION_UINT32, FIELD(lr_decay_iters), 1, 1000000, NULL, "N",
      "epochs between steps of --lr-policy step", false, false },
    { "optimizer", PIX_OPTION_CHOICE, FIELD(optimizer), 0, 0, "adam|sgd", "NAME",
      "adam or sgd", false, false },
    { "lr", PIX_OPTION_REAL, FIELD(lr), 0, 10, NULL, "X", "learning rate", false,
      false },
    { "beta1", PIX_OPTION_REAL, FIELD(beta1), 0, 0.9999, NULL, "X", "of Adam", false,
      false },
    { "momentum", PIX_OPTION_REAL, FIELD(momentum), 0, 0.9999, NULL, "X", "of sgd",
      false, false },
    { "ema", PIX_OPTION_REAL, FIELD(ema), 0, 0.999999, NULL, "X",
      "decay of an average of G's weights; 0: none", false, false },
    { "seed", PIX_OPTION_UINT64, FIELD(seed), 0, WHOLE_MAX, NULL, "N",
      "of weights, order, crops and dropout", false, false },
    { "steps", PIX_OPTION_UINT64, FIELD(steps), 0, 1e15, NULL, "N",
      "stop after N steps in all; 0: all epochs", true, false, "Run" },
    { "save-freq", PIX_OPTION_UINT64, FIELD(save_freq), 0, 1e15, NULL, "N",
      "steps between checkpoints; 0: only at the end", true, false },
    { "log-freq", PIX_OPTION_UINT64, FIELD(log_freq), 1, 1e15, NULL, "N",
      "steps between lines of metrics", true, false },
    { "sample-freq", PIX_OPTION_UINT64, FIELD(sample_freq), 0, 1e15, NULL, "N",
      "steps between sample grids; 0: only at the end", true, false },
    { "val-freq", PIX_OPTION_UINT32, FIELD(val_freq), 0, 1000000, NULL, "N",
      "epochs between validations on val/; 0: none", false, false },
    { "keep", PIX_OPTION_UINT32, FIELD(keep), 1, 1000000, NULL, "N",
      "newest checkpoints that stay", true, false },
    { "continue", PIX_OPTION_FLAG, FIELD(continue_run), 0, 0, NULL, NULL,
      "go on with the run in --out, with its options", false, true },
    { "tuning", PIX_OPTION_TEXT, FIELD(tuning), 0, 0, NULL, "FILE",
      "kernels: auto (measured once), off, or a table", false, true },
};

static void *field(const struct pix_option *row, struct pix_train_options *o)
{
    return (char *)o + row->offset;
}

static const void *field_const(const struct pix_option *row,
                               const struct pix_train_options *o)
{
    return (const char *)o + row->offset;
}

static bool is_text(const struct pix_option *row)
{
    return row->type == PIX_OPTION_TEXT || row->type == PIX_OPTION_CHOICE;
}

static const char *text_of(const struct pix_option *row,
                           const struct pix_train_options *o)
{
    assert(is_text(row));
    return *(const char *const *)field_const(row, o);
}

// The command line of the PyTorch port has '_' where this one has '-'.
static bool same_name(const char *a, const char *b)
{
    while (*a && (*a == '_' ? '-' : *a) == (*b == '_' ? '-' : *b))
        a++, b++;
    return *a == *b;
}

// What makes a recipe, in terms of other options, as the implementation of that name
// has it.
static const struct recipe_row {
    const char *option, *pytorch, *lua, *affinelayer;
} recipe_rows[] = {
    { "norm", "batch", "batch", "batch" },
    { "bias", "auto", "auto", "all" },
    { "norm-innermost", "false", "false", "true" },
    { "concat", "skip_first", "decoder_first", "decoder_first" },
    { "dropout-at", "d2-d4", "d1-d3", "d1-d3" },
    { "resize-filter", "bicubic", "bilinear", "area" },
    { "gan-mode", "vanilla", "vanilla", "vanilla" },
    { "d-loss-weight", "0.5", "1", "1" },
    { "update-order", "fresh", "reuse", "reuse" },
    { "lr-policy", "linear", "linear", "linear" },
    { "n-epochs", "100", "200", "200" },
    { "n-epochs-decay", "100", "0", "0" },
};

static const char *recipe_value(const struct recipe_row *row, const char *recipe)
{
    return strcmp(recipe, "lua") == 0           ? row->lua
           : strcmp(recipe, "affinelayer") == 0 ? row->affinelayer
                                                : row->pytorch;
}

static const struct pix_option *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (same_name(table[i].name, name))
            return &table[i];
    return NULL;
}

// ---------------------------------------------------------------------------
// Texts that belong to an option struct: a list, freed as a whole

struct owned_text {
    struct owned_text *next;
    char text[];
};

static const char *own_text(struct pix_train_options *o, const char *text)
{
    const size_t size = strlen(text) + 1;
    struct owned_text *owned = mem_alloc(sizeof(*owned) + size);
    if (!owned)
        return NULL;
    memcpy(owned->text, text, size);
    owned->next = o->strings;
    o->strings = owned;
    return owned->text;
}

void pix_train_options_finish(struct pix_train_options *o)
{
    if (!o)
        return;
    struct owned_text *owned = o->strings;
    while (owned) {
        struct owned_text *next = owned->next;
        mem_free(owned);
        owned = next;
    }
    *o = (struct pix_train_options){ 0 };
}

bool options_copy(struct pix_train_options *to, const struct pix_train_options *from)
{
    *to = *from;
    to->strings = NULL;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (!is_text(&table[i]) || !text_of(&table[i], from))
            continue;
        const char *text = own_text(to, text_of(&table[i], from));
        if (!text)
            goto fail;
        *(const char **)field(&table[i], to) = text;
    }
    return true;

fail:
    pix_train_options_finish(to);
    return false;
}

// ---------------------------------------------------------------------------
// Single values

// What a row takes, for messages.
static const char *describe(const struct pix_option *row, char *text, size_t size)
{
    switch (row->type) {
    case PIX_OPTION_FLAG:
        snprintf(text, size, "true or false");
        break;
    case PIX_OPTION_UINT32:
    case PIX_OPTION_UINT64:
        if (row->max > EXACT_MAX)
            snprintf(text, size, "a whole number from %.0f to 2^63 - 1", row->min);
        else
            snprintf(text, size, "a whole number from %.0f to %.0f", row->min,
                     row->max);
        break;
    case PIX_OPTION_REAL:
        snprintf(text, size, "a number from %g to %g", row->min, row->max);
        break;
    case PIX_OPTION_TEXT:
        snprintf(text, size, "a text that is not empty");
        break;
    case PIX_OPTION_CHOICE:
        snprintf(text, size, "one of %s", row->choices);
        break;
    }
    return text;
}

static bool refuse(const struct pix_option *row, const char *where, const char *got)
{
    char takes[128];
    log_error("options: %s takes %s, not \"%s\"", where,
              describe(row, takes, sizeof(takes)), got);
    return false;
}

static bool is_choice(const char *choices, const char *text)
{
    const size_t length = strcspn(text, "|");
    if (length == 0 || text[length])
        return false;
    for (const char *c = choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
        if (strncmp(c, text, length) == 0 && (c[length] == '|' || c[length] == 0))
            return true;
    return false;
}

static bool in_range(const struct pix_option *row, double value)
{
    return value >= row->min && value <= row->max;    // false for NaN
}

// Decimal digits only: no sign, no space. Up to INT64_MAX.
static bool parse_u64(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        const uint64_t digit = (uint64_t)(*text - '0');
        if (value > (INT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

// A decimal number with '.', whatever the locale of the process; strtod alone would
// also take hexadecimal, "inf" and "nan".
static bool parse_real(const char *text, double *out)
{
    char copy[64];
    if (!*text || strlen(text) >= sizeof(copy) ||
        text[strspn(text, "0123456789.eE+-")] != 0)
        return false;
    strcpy(copy, text);
    char *point = strchr(copy, '.');
    if (point)
        *point = *localeconv()->decimal_point;
    char *end;
    const double value = strtod(copy, &end);
    if (*end || end == copy || !(fabs(value) <= DBL_MAX))
        return false;
    *out = value;
    return true;
}

static bool apply_recipe(struct pix_train_options *o);

// Sets one row from text; `where` names the option in messages. With `own` the struct
// keeps its own copy of a text.
static bool set_text(struct pix_train_options *o, const struct pix_option *row,
                     const char *text, const char *where, bool own)
{
    uint64_t whole = 0;
    double real = 0;
    switch (row->type) {
    case PIX_OPTION_FLAG:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return refuse(row, where, text);
        *(bool *)field(row, o) = strcmp(text, "true") == 0;
        return true;
    case PIX_OPTION_UINT32:
    case PIX_OPTION_UINT64:
        if (!parse_u64(text, &whole) || !in_range(row, (double)whole))
            return refuse(row, where, text);
        if (row->type == PIX_OPTION_UINT32)
            *(uint32_t *)field(row, o) = (uint32_t)whole;
        else
            *(uint64_t *)field(row, o) = whole;
        return true;
    case PIX_OPTION_REAL:
        if (!parse_real(text, &real) || !in_range(row, real))
            return refuse(row, where, text);
        *(double *)field(row, o) = real;
        return true;
    case PIX_OPTION_TEXT:
    case PIX_OPTION_CHOICE:
        if (!*text ||
            (row->type == PIX_OPTION_CHOICE && !is_choice(row->choices, text)))
            return refuse(row, where, text);
        if (own) {
            text = own_text(o, text);
            if (!text)
                return false;
        }
        *(const char **)field(row, o) = text;
        return row->offset != FIELD(recipe) || apply_recipe(o);
    }
    assert(!"a row of the table has an unknown type");
    return false;
}

static bool apply_recipe(struct pix_train_options *o)
{
    for (size_t i = 0; i < ARRAY_LEN(recipe_rows); i++) {
        const struct recipe_row *r = &recipe_rows[i];
        if (!set_text(o, find(r->option), recipe_value(r, o->recipe), r->option, false))
            return false;
    }
    return true;
}

// ---------------------------------------------------------------------------
// All values

// One value against its row: what a caller of the library may have put into the struct.
static bool check_value(const struct pix_option *row, const struct pix_train_options *o)
{
    char where[64], got[64];
    snprintf(where, sizeof(where), "--%s", row->name);
    switch (row->type) {
    case PIX_OPTION_UINT32: {
        const uint32_t value = *(const uint32_t *)field_const(row, o);
        snprintf(got, sizeof(got), "%u", (unsigned)value);
        return in_range(row, value) || refuse(row, where, got);
    }
    case PIX_OPTION_UINT64: {
        const uint64_t value = *(const uint64_t *)field_const(row, o);
        snprintf(got, sizeof(got), "%" PRIu64, value);
        return (value <= INT64_MAX && in_range(row, (double)value)) ||
               refuse(row, where, got);
    }
    case PIX_OPTION_REAL: {
        const double value = *(const double *)field_const(row, o);
        snprintf(got, sizeof(got), "%g", value);
        return in_range(row, value) || refuse(row, where, got);
    }
    case PIX_OPTION_CHOICE: {
        const char *value = text_of(row, o);
        return (value && is_choice(row->choices, value)) ||
               refuse(row, where, value ? value : "nothing");
    }
    case PIX_OPTION_FLAG:
    case PIX_OPTION_TEXT:
        return true;
    }
    return false;
}

bool options_check_values(const struct pix_train_options *o)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (!check_value(&table[i], o))
            return false;
    return true;
}

bool options_set_data(struct pix_train_options *o, const char *data)
{
    const char *text = own_text(o, data);
    if (text)
        o->data = text;
    return text != NULL;
}

void options_set_staging(struct pix_train_options *o, struct staging staging)
{
    o->input_kind = pixel_kind_name(staging.input);
    o->output_kind = pixel_kind_name(staging.output);
}

// Whether it is a kind that is not known yet.
static bool is_open(const struct pix_option *row, const struct pix_train_options *o)
{
    const bool is_kind =
        row->offset == offsetof(struct pix_train_options, input_kind) ||
        row->offset == offsetof(struct pix_train_options, output_kind);
    return is_kind && strcmp(text_of(row, o), "auto") == 0;
}

static bool same_value(const struct pix_option *row, const struct pix_train_options *a,
                       const struct pix_train_options *b)
{
    char text_a[64], text_b[64];
    if (row->type == PIX_OPTION_REAL)    // its text is rounded
        return *(const double *)field_const(row, a) ==
               *(const double *)field_const(row, b);
    return strcmp(pix_train_options_get(a, row->name, text_a, sizeof(text_a)),
                  pix_train_options_get(b, row->name, text_b, sizeof(text_b))) == 0;
}

const struct pix_option *options_kept_difference(const struct pix_train_options *a,
                                                 const struct pix_train_options *b)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct pix_option *row = &table[i];
        if (!row->may_change && !row->is_run_state && row->type != PIX_OPTION_TEXT &&
            !is_open(row, a) && !is_open(row, b) && !same_value(row, a, b))
            return row;
    }
    return NULL;
}

// ---------------------------------------------------------------------------
// JSON

json_t *options_to_json(const struct pix_train_options *o)
{
    json_t *object = json_object();
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct pix_option *row = &table[i];
        const void *value = field_const(row, o);
        json_t *member = NULL;
        if (row->is_run_state || (is_text(row) && !text_of(row, o)))
            continue;
        switch (row->type) {
        case PIX_OPTION_FLAG:
            member = json_boolean(*(const bool *)value);
            break;
        case PIX_OPTION_UINT32:
            member = json_integer(*(const uint32_t *)value);
            break;
        case PIX_OPTION_UINT64:
            member = json_integer((json_int_t) * (const uint64_t *)value);
            break;
        case PIX_OPTION_REAL:
            member = json_from_double(*(const double *)value);
            break;
        case PIX_OPTION_TEXT:
        case PIX_OPTION_CHOICE:
            member = json_from_text(text_of(row, o));
            break;
        }
        json_add(&object, row->name, member);
    }
    return object;
}

static bool read_member(struct pix_train_options *o, const char *key,
                        const json_t *value, const char *source, bool strict)
{
    const struct pix_option *row = find(key);
    if (!row) {
        if (strict)
            log_error("options: %s: there is no option \"%s\"", source, key);
        else
            log_warn("options: %s: \"%s\" is not known to this version and left out",
                     source, key);
        return !strict;
    }

    uint64_t whole = 0;
    double real = 0;
    const char *text = json_string_value(value);
    bool fits = false;
    switch (row->type) {
    case PIX_OPTION_FLAG:
        fits = json_is_boolean(value);
        if (fits)
            *(bool *)field(row, o) = json_is_true(value);
        break;
    case PIX_OPTION_UINT32:
        fits = json_to_u64(value, &whole) && in_range(row, (double)whole);
        if (fits)
            *(uint32_t *)field(row, o) = (uint32_t)whole;
        break;
    case PIX_OPTION_UINT64:
        fits = json_to_u64(value, &whole) && in_range(row, (double)whole);
        if (fits)
            *(uint64_t *)field(row, o) = whole;
        break;
    case PIX_OPTION_REAL:
        fits = json_to_double(value, &real) && in_range(row, real);
        if (fits)
            *(double *)field(row, o) = real;
        break;
    case PIX_OPTION_TEXT:
    case PIX_OPTION_CHOICE:
        fits = text && *text &&
               (row->type == PIX_OPTION_TEXT || is_choice(row->choices, text));
        if (fits) {
            text = own_text(o, text);
            if (!text)
                return false;
            *(const char **)field(row, o) = text;
        }
        break;
    }
    if (!fits) {
        char takes[128];
        log_error("options: %s: \"%s\" must be %s", source, key,
                  describe(row, takes, sizeof(takes)));
    }
    return fits;
}

// With `strict` names that are not known are errors.
static bool read_object(json_t *object, struct pix_train_options *o, const char *source,
                        bool strict)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object)) {
        log_error("options: %s: options must be one JSON object", source);
        return false;
    }
    // A recipe is what the other members change.
    value = json_object_get(object, "recipe");
    if (value && (!read_member(o, "recipe", value, source, strict) || !apply_recipe(o)))
        return false;
    json_object_foreach(object, key, value)
        if (strcmp(key, "recipe") != 0 && !read_member(o, key, value, source, strict))
            return false;
    return true;
}

bool options_read_json(json_t *object, struct pix_train_options *o)
{
    return read_object(object, o, "stored options", false);
}

// Errors are part of the message that follows them.
static void pass_warnings(void *user, enum log_level level, const char *text)
{
    const struct log_sink *outer = user;
    if (level > LOG_ERROR && outer->callback && level <= outer->level)
        outer->callback(outer->user, level, text);
}

bool options_read_stored(const char *text, const char *what, const char *path,
                         struct pix_train_options *o)
{
    const struct log_sink *outer = log_current();
    struct log_sink sink = { 0 };
    if (outer)
        sink = (struct log_sink){ pass_warnings, (void *)outer, outer->level };
    log_use(&sink);
    json_t *document = json_parse(text, strlen(text), path);
    const bool ok = document && options_read_json(document, o) && options_resolve(o);
    json_decref(document);
    log_use(outer);
    if (!ok)
        log_error("%s: %s holds options that this version can not use: %s", what, path,
                  log_last_error());
    return ok;
}

// ---------------------------------------------------------------------------
// Files

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

// Cuts white space off both ends, in place.
static char *trim(char *text)
{
    while (is_space(*text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && is_space(text[length - 1]))
        text[--length] = 0;
    return text;
}

// "name = value"; '#' starts a comment at the beginning or after white space, so that
// paths may contain it. Quotes around a value keep such a '#' and spaces at its ends.
// With `recipes` sets those, otherwise all but them.
static bool read_line(char *line, const char *source, bool recipes,
                      struct pix_train_options *o)
{
    bool quoted = false;
    for (char *c = line; *c; c++) {
        if (*c == '"')
            quoted = !quoted;
        if (*c == '#' && !quoted && (c == line || is_space(c[-1]))) {
            *c = 0;
            break;
        }
    }
    line = trim(line);
    if (!*line)
        return true;
    char *equals = strchr(line, '=');
    if (!equals) {
        log_error("options: %s: expected `name = value`, not \"%s\"", source, line);
        return false;
    }
    *equals = 0;
    const char *name = trim(line);
    char *value = trim(equals + 1);
    const size_t length = strlen(value);
    if (length >= 2 && value[0] == '"' && value[length - 1] == '"') {
        value[length - 1] = 0;
        value++;
    }
    const struct pix_option *row = find(name);
    if (!row) {
        log_error("options: %s: there is no option \"%s\"", source, name);
        return false;
    }
    if ((row->offset == FIELD(recipe)) != recipes)
        return true;
    char *where = mem_printf("%s: %s", source, row->name);
    const bool ok = where && set_text(o, row, value, where, true);
    mem_free(where);
    return ok;
}

static bool read_pass(char *text, const char *path, bool recipes,
                      struct pix_train_options *o)
{
    bool ok = true;
    for (unsigned number = 1; ok && text; number++) {
        char *next = strchr(text, '\n');
        if (next)
            *next++ = 0;
        char *source = mem_printf("%s:%u", path, number);
        ok = source && read_line(text, source, recipes, o);
        mem_free(source);
        text = next;
    }
    return ok;
}

// A recipe is what the other lines change, wherever it stands.
static bool read_lines(char *text, const char *path, struct pix_train_options *o)
{
    char *copy = mem_strdup(text);    // lines are cut in place
    const bool ok =
        copy && read_pass(copy, path, true, o) && read_pass(text, path, false, o);
    mem_free(copy);
    return ok;
}

static bool read_file(const char *path, struct pix_train_options *o, bool is_run)
{
    void *data = NULL;
    size_t size = 0;
    if (!file_read(path, &data, &size))
        return false;

    bool ok = false;
    char *text = data;
    json_t *document = NULL;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3, size -= 3;    // the mark that some editors put before UTF-8
    if (strlen(text) != size) {
        log_error("options: %s is not a text file", path);
        goto fail;
    }
    if (is_run || text[strspn(text, " \t\r\n")] == '{') {
        document = json_parse(text, size, path);
        ok = document && read_object(document, o, path, !is_run);
    } else {
        ok = read_lines(text, path, o);
    }

fail:
    json_decref(document);
    mem_free(data);
    return ok;
}

// ---------------------------------------------------------------------------
// Public

void pix_train_options_init(struct pix_train_options *options)
{
    *options = (struct pix_train_options){
        .recipe = "pytorch",
        .direction = "AtoB",
        .input_nc = 3,
        .output_nc = 3,
        .input_kind = "auto",
        .output_kind = "auto",
        .net_g = "unet",
        .net_d = "basic",
        .n_layers_d = 3,
        .ngf = 64,
        .ndf = 64,
        .norm = "batch",
        .norm_d = "auto",
        .upsample = "transpose",
        .dropout_at = "d2-d4",
        .bias = "auto",
        .concat = "skip_first",
        .init_type = "normal",
        .init_gain = 0.02,
        .preprocess = "resize_and_crop",
        .resize_filter = "bicubic",
        .crop_size = 256,
        .gan_mode = "vanilla",
        .lambda_l1 = 100,
        .lambda_gp = 10,
        .gp_alpha = -1,
        .d_loss_weight = 0.5,
        .update_order = "fresh",
        .batch_size = 1,
        .accumulate = 1,
        .n_epochs = 100,
        .n_epochs_decay = 100,
        .lr_policy = "linear",
        .lr_decay_iters = 50,
        .optimizer = "adam",
        .lr = 0.0002,
        .beta1 = 0.5,
        .momentum = 0.9,
        .save_freq = 1000,
        .log_freq = 10,
        .sample_freq = 500,
        .keep = 3,
        .tuning = "auto",
    };
}

const struct pix_option *pix_train_option_table(size_t *count)
{
    *count = ARRAY_LEN(table);
    return table;
}

bool pix_train_options_set(struct pix_train_options *options, const char *name,
                           const char *text)
{
    const struct pix_option *row = find(name);
    if (!row) {
        log_error("options: there is no option --%s", name);
        return false;
    }
    char where[64];
    snprintf(where, sizeof(where), "--%s", row->name);
    return set_text(options, row, text, where, false);
}

const char *pix_train_options_get(const struct pix_train_options *options,
                                  const char *name, char *buffer, size_t size)
{
    const struct pix_option *row = find(name);
    if (!row)
        return NULL;
    const void *value = field_const(row, options);
    switch (row->type) {
    case PIX_OPTION_FLAG:
        return *(const bool *)value ? "true" : "false";
    case PIX_OPTION_UINT32:
        snprintf(buffer, size, "%" PRIu32, *(const uint32_t *)value);
        return buffer;
    case PIX_OPTION_UINT64:
        snprintf(buffer, size, "%" PRIu64, *(const uint64_t *)value);
        return buffer;
    case PIX_OPTION_REAL:
        snprintf(buffer, size, "%.15g", *(const double *)value);
        return buffer;
    case PIX_OPTION_TEXT:
    case PIX_OPTION_CHOICE:
        return text_of(row, options) ? text_of(row, options) : "";
    }
    return "";
}

bool pix_train_recipe(const char *name, char *text, size_t size)
{
    const struct pix_option *recipe = find("recipe");
    size_t used = 0;
    if (size > 0)
        *text = 0;
    if (!is_choice(recipe->choices, name))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(recipe_rows) && used < size; i++) {
        const struct recipe_row *r = &recipe_rows[i];
        const char *value = recipe_value(r, name);
        const bool is_flag = find(r->option)->type == PIX_OPTION_FLAG;
        if (is_flag && strcmp(value, "false") == 0)
            continue;
        used +=
            (size_t)snprintf(text + used, size - used, "%s--%s%s%s", used ? " " : "",
                             r->option, is_flag ? "" : " ", is_flag ? "" : value);
    }
    return true;
}

bool pix_train_options_resolve(struct pix_train_options *options)
{
    return options_resolve(options);
}

bool pix_train_options_read_file(const char *path, struct pix_train_options *options)
{
    return read_file(path, options, false);
}

bool pix_train_options_read(const char *run, struct pix_train_options *options)
{
    pix_train_options_init(options);
    char *path = file_join(run, "config.json");
    if (!path)
        goto fail;
    if (!file_exists(path)) {
        log_error("options: %s has no config.json: it is not a run folder", run);
        goto fail;
    }
    if (!read_file(path, options, true))
        goto fail;
    options->out = own_text(options, run);
    options->continue_run = false;
    if (!options->out)
        goto fail;
    mem_free(path);
    return true;

fail:
    mem_free(path);
    pix_train_options_finish(options);
    return false;
}
