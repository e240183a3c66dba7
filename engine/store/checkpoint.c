// SPDX-License-Identifier: MIT
//
// Reading a checkpoint, whose parts checkpoint_write.c has. See checkpoint.h.

#include "store/checkpoint_inside.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "formats/safetensors.h"
#include "settings/options.h"
#include "settings/options_file.h"
#include "settings/settings.h"
#include "store/weight_names.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct checkpoint {
    char *path;
    struct safetensors *file;
    struct checkpoint_state state;
    struct settings settings;
    bool is_damaged;    // the content is known to be wrong
    bool told;          // that tensors are not F32
    char not_finite[CHECKPOINT_NAME_SIZE];
};

// ---------------------------------------------------------------------------
// Of writing and reading

// Infinities and NaN have all bits of the exponent set. There is no branch inside, so
// that compilers look at several numbers at once.
bool checkpoint_all_finite(const void *data, uint64_t bytes)
{
    const uint32_t exponent = 0x7f800000;
    const char *at = data;
    uint32_t found = 0;
    for (uint64_t i = 0; i < bytes / sizeof(uint32_t); i++) {
        uint32_t bits;
        memcpy(&bits, at + i * sizeof(bits), sizeof(bits));
        found |= (bits & exponent) == exponent;
    }
    return !found;
}

// What the port counts beside each running mean. D runs on fake and on real images and,
// unless G's loss reuses the first of these runs, once more after its update.
uint64_t checkpoint_batches(const struct checkpoint_state *state, const char *network)
{
    const struct settings *s = state->settings;
    const uint64_t looks = s->reuse ? 2 : 3;
    return state->step * s->options.accumulate *
           (strcmp(network, "D") == 0 ? looks : 1);
}

char *checkpoint_counter_name(const char *network, const struct weight *w)
{
    char *name = weight_names_counter(w);
    char *full = name ? mem_printf("%s.%s", network, name) : NULL;
    mem_free(name);
    return full;
}

// ---------------------------------------------------------------------------
// The state

static bool foreign(struct checkpoint *c, const char *why)
{
    log_error("checkpoint: %s is not a checkpoint of this program: %s", c->path, why);
    c->is_damaged = true;
    return false;
}

// Digits only: strtoull would accept signs and spaces.
static bool parse_step(const char *text, uint64_t *step)
{
    size_t length = strspn(text, "0123456789");
    // 18 digits fit 64 bits.
    if (length == 0 || length > 18 || text[length])
        return false;
    *step = strtoull(text, NULL, 10);
    return true;
}

// What a file does not have is not compared.
static bool read_images(struct checkpoint *c, const char *text)
{
    json_t *document = json_parse(text, strlen(text), c->path);
    uint64_t images = 0;
    if (!document)
        return false;
    json_to_u64(json_object_get(document, "images"), &images);
    c->state.images = (uint32_t)MIN(images, (uint64_t)UINT32_MAX);
    const char *names = json_string_value(json_object_get(document, "names"));
    if (names)
        snprintf(c->state.image_names, sizeof(c->state.image_names), "%s", names);
    const char *mask = json_string_value(json_object_get(document, "mask"));
    if (mask)
        snprintf(c->state.mask, sizeof(c->state.mask), "%s", mask);
    json_decref(document);
    return true;
}

// Files of older versions have no plateau and no best validation. Scores are null
// before the first validation, which leaves the initial value, and where older versions
// had an infinite PSNR, which is that value too.
static bool read_schedule(struct checkpoint *c, const char *text)
{
    struct schedule_plateau *p = &c->state.plateau;
    struct schedule_best *b = &c->state.best;
    json_t *document = json_parse(text, strlen(text), c->path);
    uint64_t bad = 0;
    if (!document)
        return false;
    json_to_double(json_object_get(document, "plateau_best"), &p->best);
    json_to_double(json_object_get(document, "plateau_factor"), &p->factor);
    json_to_u64(json_object_get(document, "plateau_bad"), &bad);
    p->bad = (uint32_t)MIN(bad, (uint64_t)UINT32_MAX);
    bad = 0;
    json_to_double(json_object_get(document, "best_score"), &b->score);
    json_to_u64(json_object_get(document, "best_step"), &b->step);
    json_to_u64(json_object_get(document, "best_bad"), &bad);
    b->bad = (uint32_t)MIN(bad, (uint64_t)UINT32_MAX);
    json_decref(document);
    return true;
}

// The scale is a power of two that is not about to be doubled, and each step of the run
// was an update or was left out.
static bool read_scaler(const struct checkpoint *c, const json_t *object,
                        struct scaler_block *b)
{
    double scale, beta1, beta2;
    uint64_t good, skipped, steps;
    int exponent;
    if (!json_to_double(json_object_get(object, "scale"), &scale) ||
        !json_to_double(json_object_get(object, "beta1_power"), &beta1) ||
        !json_to_double(json_object_get(object, "beta2_power"), &beta2) ||
        !json_to_u64(json_object_get(object, "good"), &good) ||
        !json_to_u64(json_object_get(object, "skipped"), &skipped) ||
        !json_to_u64(json_object_get(object, "steps"), &steps))
        return false;
    if (!(scale >= SCALER_LEAST && scale <= SCALER_MOST && beta1 >= 0 && beta1 <= 1 &&
          beta2 >= 0 && beta2 <= 1) ||
        frexp(scale, &exponent) != 0.5 || good >= SCALER_PATIENCE || good > steps ||
        skipped > c->state.step || steps != c->state.step - skipped)
        return false;
    *b = (struct scaler_block){
        .scale = (float)scale,
        .good = (uint32_t)good,
        .skipped = (uint32_t)skipped,
        .steps = (uint32_t)steps,
        .beta1_power = (float)beta1,
        .beta2_power = (float)beta2,
    };
    return true;
}

// A run in f16 has one for each network.
static bool read_scalers(struct checkpoint *c)
{
    const char *text = safetensors_metadata(c->file, "pix2pix.scaler");
    if (strcmp(c->settings.options.precision, "f16") != 0)
        return true;
    json_t *document = text ? json_parse(text, strlen(text), c->path) : NULL;
    if (text && !document)
        return false;
    const bool ok =
        read_scaler(c, json_object_get(document, "G"), &c->state.scaler_g) &&
        (strcmp(c->settings.options.gan_mode, "none") == 0 ||
         read_scaler(c, json_object_get(document, "D"), &c->state.scaler_d));
    json_decref(document);
    return ok || foreign(c, "its pix2pix.scaler is not the loss scale of a run in f16");
}

// Only the step and the options are required: files of older versions lack the others.
static bool read_metadata(struct checkpoint *c)
{
    const char *step = safetensors_metadata(c->file, CHECKPOINT_STEP);
    const char *options = safetensors_metadata(c->file, CHECKPOINT_OPTIONS);
    const char *sampler = safetensors_metadata(c->file, "pix2pix.sampler");
    const char *schedule = safetensors_metadata(c->file, "pix2pix.schedule");
    const char *tuning = safetensors_metadata(c->file, "pix2pix.tuning");
    const char *decoder = safetensors_metadata(c->file, "pix2pix.jpeg");
    bool ok = true;

    if (!step || !options)
        ok = foreign(c, "its metadata has no pix2pix.step and pix2pix.options");
    else if (!parse_step(step, &c->state.step))
        ok = foreign(c, "its pix2pix.step is not a number");
    snprintf(c->state.jpeg_decoder, sizeof(c->state.jpeg_decoder), "%s",
             decoder ? decoder : "stb");
    if (tuning)
        snprintf(c->state.tuning, sizeof(c->state.tuning), "%s", tuning);
    // From here on texts of the file are parsed, which fails by their content or for
    // want of memory.
    const uint64_t failures = mem_failures();
    ok = ok && options_read_stored(options, "checkpoint", c->path, &c->settings) &&
         (!sampler || read_images(c, sampler)) &&
         (!schedule || read_schedule(c, schedule)) && read_scalers(c);
    if (!ok && mem_failures() == failures)
        c->is_damaged = true;
    return ok;
}

struct checkpoint *checkpoint_open(const char *path)
{
    bool is_damaged;
    return checkpoint_examine(path, &is_damaged);
}

struct checkpoint *checkpoint_examine(const char *path, bool *is_damaged)
{
    struct checkpoint *c = mem_zalloc(sizeof(*c));
    *is_damaged = false;
    if (!c)
        return NULL;
    options_init(&c->settings.options);
    c->state.settings = &c->settings;
    c->state.plateau = (struct schedule_plateau)SCHEDULE_PLATEAU_START;
    c->state.best = (struct schedule_best)SCHEDULE_BEST_START;
    c->path = mem_strdup(path);
    c->file = c->path ? safetensors_examine(path, &c->is_damaged) : NULL;
    if (c->file && read_metadata(c))
        return c;
    *is_damaged = c->is_damaged;
    checkpoint_close(c);
    return NULL;
}

bool checkpoint_is_damaged(const struct checkpoint *c)
{
    return c->is_damaged;
}

void checkpoint_close(struct checkpoint *c)
{
    if (!c)
        return;
    safetensors_close(c->file);
    settings_finish(&c->settings);
    mem_free(c->path);
    mem_free(c);
}

const struct checkpoint_state *checkpoint_get_state(const struct checkpoint *c)
{
    return &c->state;
}

// ---------------------------------------------------------------------------
// Tensors

// With a transfer, checked tensors are read and uploaded as well.
struct transfer {
    struct gpu_device *device;
    bool (*upload)(struct gpu_device *device, struct tensor *t, const void *data);
    void *scratch;
};

// Reads what a check has passed.
static bool read_entry(struct checkpoint *c, const struct safetensors_entry *e,
                       void *data)
{
    bool ok = safetensors_read(c->file, e, data);
    c->is_damaged = !ok && safetensors_is_damaged(c->file);
    return ok;
}

static void report_kind(const struct checkpoint *c, const struct safetensors_entry *e,
                        bool is_alone)
{
    if (is_alone)
        log_error("checkpoint: %s: tensor %s is %s, not F32, F16 or BF16", c->path,
                  e->name, e->kind);
    else
        log_error("checkpoint: %s: tensor %s is %s, and a run continues from F32 "
                  "only%s",
                  c->path, e->name, e->kind,
                  safetensors_has_floats(e) ? ": start a new one with --init-g" : "");
}

// The entry of a tensor, which has the sides of a weight. It is F32, or where it
// `is_alone`, read without the moments of its run, what another program has made of it:
// F16 or BF16. NULL after a message.
static const struct safetensors_entry *find_entry(struct checkpoint *c,
                                                  const char *name,
                                                  const struct weight *w, bool is_alone)
{
    uint64_t sides[WEIGHT_NAMES_RANK];
    char have[SAFETENSORS_SIDES_TEXT_SIZE], want[SAFETENSORS_SIDES_TEXT_SIZE];
    const uint32_t rank = weight_names_sides(w, sides);
    const struct safetensors_entry *e = safetensors_find(c->file, name);
    if (!e)
        log_error("checkpoint: %s has no tensor %s, which the network needs", c->path,
                  name);
    else if (is_alone ? !safetensors_has_floats(e) : strcmp(e->kind, "F32") != 0)
        report_kind(c, e, is_alone);
    else if (e->rank != rank || memcmp(e->sides, sides, rank * sizeof(*sides)) != 0)
        log_error("checkpoint: %s: tensor %s is %s, but the network needs %s", c->path,
                  name, safetensors_sides_text(e->sides, e->rank, have),
                  safetensors_sides_text(sides, rank, want));
    else
        return e;
    c->is_damaged = true;
    return NULL;
}

// Checks a tensor of a run that goes on. Frees `name`, which may be NULL.
static bool take(struct checkpoint *c, char *name, const struct weight *w,
                 struct tensor *t, const struct transfer *transfer)
{
    const struct safetensors_entry *e = name ? find_entry(c, name, w, false) : NULL;
    bool ok = false;
    if (e) {
        c->is_damaged = false;
        assert(e->end - e->begin == tensor_bytes(&w->value));
        ok = !transfer || (read_entry(c, e, transfer->scratch) &&
                           transfer->upload(transfer->device, t, transfer->scratch));
        if (ok && transfer && !c->not_finite[0] &&
            !checkpoint_all_finite(transfer->scratch, e->end - e->begin))
            snprintf(c->not_finite, sizeof(c->not_finite), "%s", name);
    }
    mem_free(name);
    return ok;
}

// The counters follow from the step, so their values are not used: a checkpoint in
// which one has changed is damaged all the same.
static bool read_counter(struct checkpoint *c, const char *network,
                         const struct weight *w)
{
    uint64_t value;
    char *name = checkpoint_counter_name(network, w);
    const struct safetensors_entry *e = name ? safetensors_find(c->file, name) : NULL;
    const bool ok =
        name && (!e || e->end - e->begin != sizeof(value) || read_entry(c, e, &value));
    mem_free(name);
    return ok;
}

static bool take_all(struct checkpoint *c, const char *network,
                     const struct weights *weights, const struct transfer *transfer)
{
    for (size_t i = 0; i < weights->count; i++) {
        struct weight *w = weights->items[i];
        if (!take(c, mem_printf("%s.%s", network, w->name), w, &w->value, transfer))
            return false;
        if (transfer && !weights->inference && w->kind == WEIGHT_RUNNING_MEAN &&
            !read_counter(c, network, w))
            return false;
        // Running statistics have no moments, and inference needs none.
        if (weights->inference || !weight_is_trained(w))
            continue;
        if (!take(c, mem_printf("adam.%s.%s.m", network, w->name), w, &w->m,
                  transfer) ||
            !take(c, mem_printf("adam.%s.%s.v", network, w->name), w, &w->v,
                  transfer) ||
            (weights->keeps_average &&
             !take(c, mem_printf("ema.%s.%s", network, w->name), w, &w->average,
                   transfer)))
            return false;
    }
    return true;
}

bool checkpoint_check(struct checkpoint *c, const char *network,
                      const struct weights *weights)
{
    return take_all(c, network, weights, NULL);
}

// Whether a tensor of the network, without the "G." of its name, is one of the weights
// or the counter beside one.
static bool is_known(const char *name, const struct weights *weights)
{
    bool found = false;
    for (size_t i = 0; i < weights->count && !found; i++) {
        char *counter = weight_names_counter(weights->items[i]);
        found = strcmp(name, weights->items[i]->name) == 0 ||
                (counter && strcmp(name, counter) == 0);
        mem_free(counter);
    }
    return found;
}

static bool check_entry(struct checkpoint *c, const char *name, const struct weight *w)
{
    const struct safetensors_entry *e = find_entry(c, name, w, true);
    if (!e)
        return false;
    if (strcmp(e->kind, "F32") != 0 && !c->told) {
        c->told = true;
        log_info("checkpoint: %s has %s tensors, which are read as F32, which changes "
                 "no value",
                 c->path, e->kind);
    }
    return true;
}

// Checks a weight and, where the file has it, its moving average.
static bool check_value(struct checkpoint *c, const char *network,
                        const struct weight *w)
{
    char *average = mem_printf("ema.%s.%s", network, w->name);
    const bool ok = average && check_entry(c, average + strlen("ema."), w) &&
                    (!safetensors_find(c->file, average) || check_entry(c, average, w));
    mem_free(average);
    return ok;
}

bool checkpoint_check_values(struct checkpoint *c, const char *network,
                             const struct weights *weights)
{
    const size_t length = strlen(network);
    const uint64_t failures = mem_failures();
    for (size_t i = 0; i < weights->count; i++)
        if (!check_value(c, network, weights->items[i]))
            return false;
    for (size_t i = 0; i < safetensors_count(c->file); i++) {
        const char *name = safetensors_at(c->file, i)->name;
        if (strncmp(name, network, length) == 0 && name[length] == '.' &&
            !is_known(name + length + 1, weights)) {
            c->is_damaged = mem_failures() == failures;
            if (!c->is_damaged)
                return false;
            log_error("checkpoint: %s has a tensor %s, which the network does not have",
                      c->path, name);
            return false;
        }
    }
    return true;
}

bool checkpoint_load(struct checkpoint *c, const char *network,
                     const struct weights *weights, struct gpu_device *device,
                     bool (*upload)(struct gpu_device *device, struct tensor *t,
                                    const void *data))
{
    struct transfer transfer = { .device = device, .upload = upload };
    transfer.scratch = mem_alloc((size_t)MAX(weights_largest(weights), (uint64_t)1));
    bool ok = transfer.scratch && take_all(c, network, weights, &transfer);
    mem_free(transfer.scratch);
    return ok;
}

const char *checkpoint_not_finite(const struct checkpoint *c)
{
    return c->not_finite;
}

// Whether a tensor is a weight of this network or the average of one. NULL: any is.
static bool is_of(const struct safetensors_entry *e, const char *network)
{
    const size_t length = network ? strlen(network) : 0;
    const char *name = strncmp(e->name, "ema.", 4) == 0 ? e->name + 4 : e->name;
    return !network || (strncmp(name, network, length) == 0 && name[length] == '.');
}

// Reads the tensors of a network, which compares them with their sums. With is_finite
// it ends at the first one that has an infinity or a NaN.
static bool read_each(struct checkpoint *c, const char *network, bool *is_finite)
{
    void *data = NULL;
    size_t capacity = 0;
    bool ok = true, goes_on = true;
    for (size_t i = 0; i < safetensors_count(c->file) && ok && goes_on; i++) {
        const struct safetensors_entry *e = safetensors_at(c->file, i);
        const uint64_t bytes = e->end - e->begin;
        if (!is_of(e, network))
            continue;
        ok = mem_grow(&data, &capacity, (size_t)bytes, 1) && read_entry(c, e, data);
        if (ok && is_finite && strcmp(e->kind, "F32") == 0)
            goes_on = *is_finite = checkpoint_all_finite(data, bytes);
    }
    mem_free(data);
    return ok;
}

bool checkpoint_find_finite(struct checkpoint *c, bool *is_finite)
{
    *is_finite = true;
    const bool ok = read_each(c, NULL, is_finite);
    *is_finite = *is_finite && ok;
    return ok;
}

bool checkpoint_verify(struct checkpoint *c, const char *network)
{
    return !safetensors_has_sums(c->file) || read_each(c, network, NULL);
}

bool checkpoint_read(struct checkpoint *c, const char *network, const struct weight *w,
                     bool average, float *values)
{
    char *name = mem_printf("ema.%s.%s", network, w->name);
    const struct safetensors_entry *e = NULL;
    // The moving average, if there is one: not in runs without averages, and never of
    // running statistics.
    if (name && average)
        e = safetensors_find(c->file, name);
    if (name && !e)
        e = safetensors_find(c->file, name + strlen("ema."));
    mem_free(name);
    const bool ok = e && safetensors_read_floats(c->file, e, values);
    c->is_damaged = !ok && safetensors_is_damaged(c->file);
    return ok;
}
