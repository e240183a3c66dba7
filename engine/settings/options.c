// SPDX-License-Identifier: MIT
//
// The struct of training options: initial values, single values by name, and the texts
// that it owns. Its rows are in table.c, the rules that options keep in rules.c.

#include "settings/options.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "data/picture.h"
#include "settings/recipes.h"
#include "settings/table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// What a step computes by default is what the port's `--model pix2pix` computes by its
// defaults. Members that are not named are 0, false or NULL; load_size, depth,
// factor and norm_d stand for what follows from other options, until these are resolved
// (rules.c).
void options_init(struct pix_train_options *options)
{
    *options = (struct pix_train_options){
        .recipe = "pytorch",
        .direction = "AtoB",
        .input_nc = 3,
        .output_nc = 3,
        .input_kind = "auto",
        .output_kind = "auto",
        .range = "full",
        .read = { .npy_order = "chw",
                  .max_pixels = PICTURE_MAX_PIXELS,
                  .truncated = "refuse",
                  .alpha = "drop" },
        .task = "pairs",
        .labels = "output",
        .sigma = 25,    // the usual middle one of denoising benchmarks: 15, 25, 50
        .hole = "center",
        .net_g = "unet",    // at this crop the port's unet_256
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
        .crop_size = { 256, 256 },
        .gan_mode = "vanilla",
        .lambda_l1 = 100,
        .lambda_ce = 100,
        .lambda_gp = 10,         // Gulrajani et al. 2017, section 4
        .gp_alpha = -1,          // drawn for each sample, as they do
        .d_loss_weight = 0.5,    // the port's 0.5 * (fake + real)
        .update_order = "fresh",
        .batch_size = 1,
        .accumulate = 1,
        .n_epochs = 100,
        .n_epochs_decay = 100,
        .lr_policy = "linear",
        .lr_decay_iters = 50,    // epochs, in spite of the port's name
        .optimizer = "adam",
        // Isola et al. 2017, section 3.3.
        .lr = 0.0002,
        .beta1 = 0.5,
        .momentum = 0.9,    // the port has Adam alone
        .precision = "f32",
        // In steps. The port counts images, and misses the multiples of a frequency
        // that its batch size does not divide.
        .save_freq = 1000,
        .log_freq = 10,
        .sample_freq = 500,
        .keep = 3,
        .val_metrics = "l1",
        .best = "none",
        .on_nan = "stop",
        .tuning = "auto",
    };
}

// ---------------------------------------------------------------------------
// Texts that belong to an option struct: a list, freed as a whole

// Nothing is freed before the end, not even a text that was replaced: a copy of the
// struct by value (options_resolve, pix_train_check) may still point to it.
struct owned_text {
    struct owned_text *next;
    char text[];
};

const char *options_own_text(struct pix_train_options *o, const char *text)
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

void options_finish(struct pix_train_options *o)
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
    size_t count;
    const struct pix_option *table = table_rows(&count);
    *to = *from;
    to->strings = NULL;    // now: after a failure only the copies are freed
    for (size_t i = 0; i < count; i++) {
        if (!table_is_text(&table[i]) || !table_text(&table[i], from))
            continue;
        const char *text = options_own_text(to, table_text(&table[i], from));
        if (!text)
            goto fail;
        *(const char **)table_field(&table[i], to) = text;
    }
    return true;

fail:
    options_finish(to);
    return false;
}

// ---------------------------------------------------------------------------
// Single values

static bool refuse(const struct pix_option *row, const char *where, const char *got)
{
    char takes[128];
    log_error("options: %s takes %s, not \"%s\"", where,
              table_describe(row, takes, sizeof(takes)), got);
    return false;
}

// Decimal digits only, as strtoull would not have it: no sign, no space. Up to
// INT64_MAX. Leaves *text behind them.
static bool take_u64(const char **text, uint64_t *out)
{
    const char *from = *text;
    uint64_t value = 0;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        const uint64_t digit = (uint64_t)(**text - '0');
        if (value > (INT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return *text > from;
}

static bool parse_u64(const char *text, uint64_t *out)
{
    return take_u64(&text, out) && !*text;
}

bool options_parse_size(const char *text, struct pix_size *size)
{
    uint64_t width, height;
    if (!take_u64(&text, &width))
        return false;
    height = width;
    if (*text == 'x') {
        text++;
        if (!take_u64(&text, &height))
            return false;
    }
    if (*text || MAX(width, height) > UINT32_MAX)
        return false;
    *size = (struct pix_size){ (uint32_t)width, (uint32_t)height };
    return true;
}

bool options_set_row(struct pix_train_options *o, const struct pix_option *row,
                     const char *text, const char *where, bool own)
{
    uint64_t whole = 0;
    double real = 0;
    struct pix_size size;
    switch (row->type) {
    case PIX_OPTION_FLAG:
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return refuse(row, where, text);
        *(bool *)table_field(row, o) = strcmp(text, "true") == 0;
        return true;
    case PIX_OPTION_UINT32:
    case PIX_OPTION_UINT64:
        if (!parse_u64(text, &whole) || !table_in_range(row, (double)whole))
            return refuse(row, where, text);
        // No UINT32 row allows more than UINT32_MAX: the cast loses nothing.
        if (row->type == PIX_OPTION_UINT32)
            *(uint32_t *)table_field(row, o) = (uint32_t)whole;
        else
            *(uint64_t *)table_field(row, o) = whole;
        return true;
    case PIX_OPTION_REAL:
        if (!number_parse_real(text, &real) || !table_in_range(row, real))
            return refuse(row, where, text);
        *(double *)table_field(row, o) = real;
        return true;
    case PIX_OPTION_SIZE:
        if (!options_parse_size(text, &size) || !table_has_size(row, size))
            return refuse(row, where, text);
        *(struct pix_size *)table_field(row, o) = size;
        return true;
    case PIX_OPTION_TEXT:
    case PIX_OPTION_CHOICE:
    case PIX_OPTION_RANGE:
    case PIX_OPTION_RATIO:
        if (!table_takes_text(row, text))
            return refuse(row, where, text);
        if (own) {
            text = options_own_text(o, text);
            if (!text)
                return false;
        }
        *(const char **)table_field(row, o) = text;
        // This calls itself for each option of the recipe; no recipe sets a recipe.
        return !table_is_recipe(row) || options_apply_recipe(o);
    }
    assert(!"a row of the table has an unknown type");
    return false;
}

// The values are literals of recipes.c, which need no owner.
bool options_apply_recipe(struct pix_train_options *o)
{
    struct recipe_setting r;
    for (size_t i = 0; recipes_setting(o->recipe, i, &r); i++)
        if (!options_set_row(o, table_find(r.option), r.value, r.option, false))
            return false;
    return true;
}

bool options_set(struct pix_train_options *options, const char *name, const char *text)
{
    const struct pix_option *row = table_find(name);
    if (!row) {
        log_error("options: there is no option --%s", name);
        return false;
    }
    char where[64];
    snprintf(where, sizeof(where), "--%s", row->name);
    // The text stays the caller's, as pix2pix.h says.
    return options_set_row(options, row, text, where, false);
}

const char *options_get(const struct pix_train_options *options, const char *name,
                        char *buffer, size_t size)
{
    const struct pix_option *row = table_find(name);
    if (!row)
        return NULL;
    const void *value = table_field_const(row, options);
    char digits[SIZE_TEXT_SIZE];
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
        // What a user wrote: 17 digits would be exact, but make 0.0002 end in a 1.
        snprintf(buffer, size, "%.15g", *(const double *)value);
        return buffer;
    case PIX_OPTION_TEXT:
    case PIX_OPTION_CHOICE:
    case PIX_OPTION_RANGE:
    case PIX_OPTION_RATIO:
        return table_text(row, options) ? table_text(row, options) : "";
    case PIX_OPTION_SIZE:
        size_text(*(const struct pix_size *)value, digits);
        snprintf(buffer, size, "%s", digits);
        return buffer;
    }
    return "";
}

// ---------------------------------------------------------------------------
// All values

// Checks what a caller of the library may have put into the struct.
static bool check_value(const struct pix_option *row, const struct pix_train_options *o)
{
    char where[64], got[64];
    snprintf(where, sizeof(where), "--%s", row->name);
    switch (row->type) {
    case PIX_OPTION_UINT32: {
        const uint32_t value = *(const uint32_t *)table_field_const(row, o);
        snprintf(got, sizeof(got), "%u", (unsigned)value);
        return table_in_range(row, value) || refuse(row, where, got);
    }
    case PIX_OPTION_UINT64: {
        const uint64_t value = *(const uint64_t *)table_field_const(row, o);
        snprintf(got, sizeof(got), "%" PRIu64, value);
        // The double of INT64_MAX + 1 is in range, since that of INT64_MAX is the same.
        return (value <= INT64_MAX && table_in_range(row, (double)value)) ||
               refuse(row, where, got);
    }
    case PIX_OPTION_REAL: {
        const double value = *(const double *)table_field_const(row, o);
        snprintf(got, sizeof(got), "%g", value);
        return table_in_range(row, value) || refuse(row, where, got);
    }
    case PIX_OPTION_SIZE: {
        const struct pix_size size =
            *(const struct pix_size *)table_field_const(row, o);
        return table_has_size(row, size) || refuse(row, where, size_text(size, got));
    }
    case PIX_OPTION_CHOICE: {
        const char *value = table_text(row, o);
        return (value && table_takes_text(row, value)) ||
               refuse(row, where, value ? value : "nothing");
    }
    // NULL: as another option says, or none.
    case PIX_OPTION_RANGE:
    case PIX_OPTION_RATIO: {
        const char *value = table_text(row, o);
        return !value || table_takes_text(row, value) || refuse(row, where, value);
    }
    // A path may be NULL: whoever needs one checks that it was given.
    case PIX_OPTION_FLAG:
    case PIX_OPTION_TEXT:
        return true;
    }
    return false;
}

bool options_check_values(const struct pix_train_options *o)
{
    size_t count;
    const struct pix_option *table = table_rows(&count);
    for (size_t i = 0; i < count; i++)
        if (!check_value(&table[i], o))
            return false;
    return true;
}

bool options_set_source(struct pix_train_options *o, const char *path)
{
    const char *text = options_own_text(o, path);
    if (text)
        *(o->pairs ? &o->pairs : &o->data) = text;
    return text != NULL;
}

static bool is_auto(const struct pix_option *row, const struct pix_train_options *o)
{
    const char *text = table_text(row, o);
    return text && strcmp(text, "auto") == 0;
}

// Whether `a` leaves to the images, or to the device, what `b` has found there: a
// resumed run is compared with its folder before its images are read, and with its
// checkpoint after that. A run without a range has not looked for one.
static bool is_open(const struct pix_option *row, const struct pix_train_options *a,
                    const struct pix_train_options *b)
{
    const bool is_kind =
        row->offset == offsetof(struct pix_train_options, input_kind) ||
        row->offset == offsetof(struct pix_train_options, output_kind);
    const bool is_range =
        row->offset == offsetof(struct pix_train_options, input_range) ||
        row->offset == offsetof(struct pix_train_options, output_range);
    const bool is_palette = row->offset == offsetof(struct pix_train_options, palette);
    const bool is_precision =
        row->offset == offsetof(struct pix_train_options, precision);
    return (is_kind || is_palette || is_precision ||
            (is_range && table_text(row, b) &&
             strcmp(table_text(row, b), "full") != 0)) &&
           is_auto(row, a);
}

// Label maps have a channel for each class, which --palette auto leaves to the images.
static bool follows_palette(const struct pix_option *row,
                            const struct pix_train_options *a)
{
    const bool is_channels =
        row->offset == offsetof(struct pix_train_options, input_nc) ||
        row->offset == offsetof(struct pix_train_options, output_nc);
    return is_channels && a->palette && strcmp(a->palette, "auto") == 0;
}

static bool same_value(const struct pix_option *row, const struct pix_train_options *a,
                       const struct pix_train_options *b)
{
    char text_a[64], text_b[64];
    if (row->type == PIX_OPTION_REAL)    // its text is rounded
        return *(const double *)table_field_const(row, a) ==
               *(const double *)table_field_const(row, b);
    return strcmp(options_get(a, row->name, text_a, sizeof(text_a)),
                  options_get(b, row->name, text_b, sizeof(text_b))) == 0;
}

// Texts are paths, but for a resolved palette.
static bool is_path(const struct pix_option *row)
{
    return row->type == PIX_OPTION_TEXT &&
           row->offset != offsetof(struct pix_train_options, palette);
}

// Resolved options validate each epoch where --patience alone asks for it, and never
// without: then the validations come and go with it, and it may change.
static bool follows_patience(const struct pix_option *row,
                             const struct pix_train_options *a,
                             const struct pix_train_options *b)
{
    const struct pix_train_options *with = a->val_freq > 0 ? a : b;
    return row->offset == offsetof(struct pix_train_options, val_freq) &&
           MIN(a->val_freq, b->val_freq) == 0 && with->val_freq == 1 &&
           with->patience > 0;
}

const struct pix_option *options_find_difference(const struct pix_train_options *a,
                                                 const struct pix_train_options *b)
{
    size_t count;
    const struct pix_option *table = table_rows(&count);
    for (size_t i = 0; i < count; i++) {
        const struct pix_option *row = &table[i];
        if (!row->may_change && !row->is_run_state && !is_path(row) &&
            !is_open(row, a, b) && !is_open(row, b, a) && !same_value(row, a, b) &&
            !follows_patience(row, a, b) && !follows_palette(row, a) &&
            !follows_palette(row, b))
            return row;
    }
    return NULL;
}
