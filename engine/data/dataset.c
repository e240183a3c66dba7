// SPDX-License-Identifier: MIT
//
// Two passes over the files. The check decodes every pair once, in parallel: it finds
// out which can be used and fills the cache. It comes before the first sample, since
// the number of usable pairs decides the order of all of them, and with it every step.
// Then decoder threads work ahead of the consumer: they fill a ring of slots in stream
// order, and the consumer takes them in that order, reads again what has failed, and
// reports it, so that log and results do not depend on timing. What a sample is follows
// from its number alone (order.h), so a thread may take any of them. If all pairs fit
// the cache, no thread is started.

#include "data/dataset.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/parallel.h"
#include "data/order.h"
#include "data/pair_tally.h"
#include "data/pair_values.h"
#include "data/pairs.h"
#include "data/picture_file.h"
#include "data/side_range.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_THREADS = 64, USEFUL_THREADS = 8, USUAL_CHANNELS = 3 };

static const uint64_t default_cache_bytes = (uint64_t)512 * 1024 * 1024;

struct item {
    struct pair_file file;
    struct pix_size size;    // of both sides, fitted
    uint8_t *pixels;         // the cached pair, NULL: decoded when its turn comes
    bool checked;
    struct pair_notes notes;
    char *reason;       // which file is not read and why; NULL: it can be used
    bool is_passing;    // the reason: nothing is known of the file
};

enum slot_state { SLOT_EMPTY, SLOT_READY, SLOT_FAILED };

// A sample decoded ahead of its turn. Sample s uses slot s % slot_count.
struct slot {
    enum slot_state state;
    uint8_t *pixels;    // pair_bytes
};

struct dataset {
    struct dataset_options options;
    struct pair_options pair;
    char *folder;
    const struct log_sink *sink;       // the creator's, used by the threads
    struct pix_size size;              // of samples
    size_t input_bytes, pair_bytes;    // of a sample: its first side, and both

    struct item *items;        // in name order; valid ones only after the check
    uint32_t count, listed;    // of items: those in use, those allocated
    // Pairs of one size: files [0, cached_files) keep their pixels. Of sizes of their
    // own: those that come first do, while there is room. What is kept changes no
    // sample.
    uint32_t cached_files;
    uint64_t cache_left;         // bytes; under the mutex
    double *sums;                // [item][output_nc] of targets; NULL: not wanted
    struct progress progress;    // of the check

    // The mutex protects the rest.
    struct os_mutex *mutex;
    struct os_condition *changed;
    struct os_thread *threads[MAX_THREADS];
    uint32_t thread_count;
    struct order *order;
    struct slot *slots;
    uint32_t slot_count;
    uint64_t next_decoded;     // first sample that no thread has taken
    uint64_t next_consumed;    // the sample that dataset_next returns
    bool stop;                 // threads return
};

static void item_free(struct item *item)
{
    pair_file_free(&item->file);
    mem_free(item->pixels);
    mem_free(item->reason);
    *item = (struct item){ 0 };
}

// Needs the mutex: order_find_image keeps the order of the newest epochs.
static void describe(const struct dataset *set, uint64_t index,
                     struct dataset_sample *sample)
{
    const struct dataset_options *o = &set->options;
    const uint32_t image = order_find_image(set->order, index);
    const struct pix_size from = set->items[image].size, crop = o->fit.crop;
    const struct order_jitter jitter = order_draw_jitter(
        set->order, index, from.width - crop.width + 1, from.height - crop.height + 1);
    const bool is_whole = fit_is_whole(&o->fit);
    *sample = (struct dataset_sample){
        .crop_x = is_whole ? jitter.crop_x : 0,
        .crop_y = is_whole ? jitter.crop_y : 0,
        .cut_x = is_whole ? 0 : jitter.crop_x,
        .cut_y = is_whole ? 0 : jitter.crop_y,
        .mirror = o->flip ? jitter.mirror : 0,
        .epoch = index / set->count,
        .image = image,
    };
    if (augment_is_set(&o->augment)) {
        const struct augment_draws draws = order_draw_augment(set->order, index);
        sample->augment = augment_make(&o->augment, &draws, set->size, crop,
                                       sample->crop_x, sample->crop_y, sample->mirror);
    }
}

// ---------------------------------------------------------------------------
// Pairs

// The input and the target of a pair.
struct sides {
    struct picture input, target;
};

static void sides_free(struct sides *s)
{
    picture_free(&s->input);
    picture_free(&s->target);
}

// Bytes of the inputs and of the targets of pairs of a size, as they are staged.
static size_t input_bytes(const struct dataset *set, struct pix_size size)
{
    const struct pair_options *o = &set->pair;
    return (size_t)pixel_staged_bytes(o->input_kind, o->input_nc, size.width,
                                      size.height);
}

static size_t target_bytes(const struct dataset *set, struct pix_size size)
{
    const struct pair_options *o = &set->pair;
    return (size_t)pixel_staged_bytes(o->output_kind, o->output_nc, size.width,
                                      size.height);
}

// Both sides of a pair of some size, as they are staged; the samples stay where they
// are.
static struct sides staged_sides(const struct dataset *set, struct pix_size size,
                                 uint8_t *pixels)
{
    const struct pair_options *o = &set->pair;
    struct sides s = {
        .input = { .kind = o->input_kind,
                   .channels = o->input_nc,
                   .width = size.width,
                   .height = size.height,
                   .samples = pixels },
        .target = { .kind = o->output_kind,
                    .channels = o->output_nc,
                    .width = size.width,
                    .height = size.height,
                    .samples = pixels + input_bytes(set, size) },
    };
    picture_set_range(&s.input, o->input_range);
    picture_set_range(&s.target, o->output_range);
    return s;
}

// Copies a sample out of its pair, pair_bytes of it.
static void stage(const struct dataset *set, const struct sides *from,
                  const struct dataset_sample *sample, uint8_t *pixels)
{
    picture_copy_part(&from->input, sample->cut_x, sample->cut_y, set->size.width,
                      set->size.height, pixels);
    picture_copy_part(&from->target, sample->cut_x, sample->cut_y, set->size.width,
                      set->size.height, pixels + set->input_bytes);
}

// The input of sample `index` of a random task, which is staged as its pair has it.
// What is cut off it on the device is not the networks' to see.
static void renew(const struct dataset *set, uint64_t index,
                  const struct dataset_sample *sample, uint8_t *pixels)
{
    struct sides s = staged_sides(set, set->size, pixels);
    const uint64_t seed = hash_bytes(HASH_START, &set->options.seed, sizeof(index));
    const struct task_part seen = { sample->crop_x, sample->crop_y,
                                    set->options.fit.crop };
    if (set->options.renews)
        task_renew_part(&set->pair.task, hash_bytes(seed, &index, sizeof(index)), &seen,
                        &s.target, &s.input);
}

// Stages a sample of its cached pair, or decodes that once more.
static bool load_sample(const struct dataset *set, const struct item *item,
                        const struct dataset_sample *sample, uint8_t *pixels,
                        const char **culprit, struct reason *reason)
{
    struct sides sides;
    struct pair_notes notes;    // the check had them
    if (item->pixels) {
        sides = staged_sides(set, item->size, item->pixels);
        stage(set, &sides, sample, pixels);
        return true;
    }
    if (!pair_read(&item->file, &set->pair, &sides.input, &sides.target, &notes,
                   culprit, reason))
        return false;
    const struct pix_size size = picture_size(&sides.input);
    const bool ok = size_equals(size, item->size);
    if (ok) {
        stage(set, &sides, sample, pixels);
    } else {
        *culprit = item->file.a;
        reason_refuse(reason, "has another size than before, %ux%u and not %ux%u",
                      (unsigned)size.width, (unsigned)size.height,
                      (unsigned)item->size.width, (unsigned)item->size.height);
    }
    sides_free(&sides);
    return ok;
}

static struct pair_options pair_options_of(const struct dataset_options *o)
{
    return (struct pair_options){
        .swap = o->swap,
        .input_nc = o->input_nc ? o->input_nc : USUAL_CHANNELS,
        .output_nc = o->output_nc ? o->output_nc : USUAL_CHANNELS,
        .input_kind = o->input_kind,
        .output_kind = o->output_kind,
        .input_range = o->input_range,
        .output_range = o->output_range,
        .reading = o->reading,
        .task = o->task,
        .fit = o->fit,
    };
}

// ---------------------------------------------------------------------------
// Threads

static bool start_threads(struct dataset *set, void (*run)(void *user), uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct os_thread *thread = os_thread_create(run, set);
        if (!thread) {
            log_error("dataset: cannot start a decoder thread: %s", os_error_text());
            return false;
        }
        set->threads[set->thread_count++] = thread;
    }
    return true;
}

static void join_threads(struct dataset *set)
{
    for (uint32_t i = 0; i < set->thread_count; i++)
        os_thread_join(set->threads[i]);
    set->thread_count = 0;
}

static void request_stop(struct dataset *set)
{
    os_mutex_lock(set->mutex);
    set->stop = true;
    os_condition_signal_all(set->changed);
    os_mutex_unlock(set->mutex);
}

// ---------------------------------------------------------------------------
// The check

static bool is_stopped(struct dataset *set)
{
    os_mutex_lock(set->mutex);
    const bool stop = set->stop;
    os_mutex_unlock(set->mutex);
    return stop;
}

// What a pair adds to the mean of the targets.
static void add_target(struct dataset *set, size_t index, const struct picture *target)
{
    if (set->sums)
        picture_add_sums(target, set->size, set->sums + index * set->pair.output_nc);
}

static bool may_keep(struct dataset *set, size_t index, size_t bytes)
{
    if (fit_is_whole(&set->pair.fit))
        return index < set->cached_files;
    os_mutex_lock(set->mutex);
    const bool fits = bytes <= set->cache_left;
    set->cache_left -= fits ? bytes : 0;
    os_mutex_unlock(set->mutex);
    return fits;
}

// Keeps the pixels of a pair, if there is room. False without memory.
static bool keep(struct dataset *set, size_t index, const struct sides *sides)
{
    struct item *item = &set->items[index];
    const size_t input = input_bytes(set, item->size);
    const size_t bytes = input + target_bytes(set, item->size);
    if (!may_keep(set, index, bytes))
        return true;
    item->pixels = mem_zalloc(bytes);
    if (!item->pixels)
        return false;
    memcpy(item->pixels, sides->input.samples, picture_bytes(&sides->input));
    memcpy(item->pixels + input, sides->target.samples, picture_bytes(&sides->target));
    return true;
}

// Any thread. Out of memory leaves the file unchecked, which check_all reports; it ends
// the check, as does a file that cannot be read for a reason that passes.
static void check_file(void *user, size_t index)
{
    struct dataset *set = user;
    struct item *item = &set->items[index];
    struct reason reason;
    const char *culprit;

    struct sides sides;

    if (is_stopped(set))
        return;
    log_use(set->sink);
    if (pair_read(&item->file, &set->pair, &sides.input, &sides.target, &item->notes,
                  &culprit, &reason)) {
        item->size = picture_size(&sides.input);
        add_target(set, index, &sides.target);
        item->checked = keep(set, index, &sides);
        sides_free(&sides);
    } else {
        item->reason = mem_printf("%s: %s", culprit, reason.text);
        item->is_passing = reason.kind == REASON_PASSING;
        item->checked = item->reason != NULL;
    }
    if (!item->checked || item->is_passing)
        request_stop(set);
}

static void show_check(void *user, size_t done)
{
    struct dataset *set = user;
    progress_update(&set->progress, done);
}

// What was noticed about the pairs. Those of another kind may be many, and are counted
// as well.
static void report_notes(const struct dataset *set)
{
    struct pair_tally tally = { .alpha = set->pair.reading.alpha,
                                .task = set->pair.task.kind };
    for (uint32_t i = 0; i < set->count; i++)
        pair_tally_add(&tally, &set->items[i].file, &set->items[i].notes);
    pair_tally_report(&tally);
}

// A data set without an image that was unreadable for a moment is another data set.
static bool refuse_passing(const char *reason)
{
    log_error("dataset: cannot read %s. Only what is damaged is skipped, and this says "
              "nothing about the image: remove the cause (access, memory, open files, "
              "a disk or server, a program that changes the folder) and start again",
              reason);
    return false;
}

// Whether the check came to its end; false after a message.
static bool check_is_whole(const struct dataset *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (set->items[i].is_passing && set->items[i].reason)
            return refuse_passing(set->items[i].reason);
    for (uint32_t i = 0; i < set->count; i++)
        if (!set->items[i].checked) {
            log_error("dataset: out of memory while reading the pairs of %s",
                      set->folder);
            return false;
        }
    return true;
}

// Of an item that moves to the front.
static void keep_sums(struct dataset *set, uint32_t from, uint32_t to)
{
    const size_t channels = set->pair.output_nc;
    if (set->sums)
        memmove(set->sums + to * channels, set->sums + from * channels,
                channels * sizeof(double));
}

// Decodes every file once, reports and drops those that cannot be used. Reports come
// after the threads have ended, in name order.
static bool check_all(struct dataset *set)
{
    uint32_t valid = 0, total = set->count;
    struct pair_values values = { 0 };

    set->progress = (struct progress){
        .view = set->options.view,
        .area = "dataset",
        .what = "checking images",
        .folder = set->folder,
        .count = total,
    };
    progress_begin(&set->progress);
    parallel_run_watched(total, set->options.threads, check_file, show_check, set);
    if (!check_is_whole(set))
        return false;

    report_notes(set);
    // Valid items move to the front, so that samples index them without gaps.
    for (uint32_t i = 0; i < total; i++) {
        struct item item = set->items[i];
        if (item.reason) {
            if (item.notes.refusal == PAIR_OTHER_REASON)
                log_warn("dataset: skipping %s", item.reason);
            else
                log_debug("dataset: skipping %s", item.reason);
            item_free(&item);
            set->items[i] = (struct item){ .checked = true };
            continue;
        }
        set->items[i] = (struct item){ .checked = true };
        keep_sums(set, i, valid);
        set->items[valid++] = item;
    }
    set->count = valid;
    if (valid == 0) {
        log_error("dataset: none of %" PRIu32 " %s of %s can be used: the warnings say "
                  "why",
                  total, pair_noun(task_makes_sides(&set->pair.task), total),
                  set->folder);
        return false;
    }
    for (uint32_t i = 0; i < set->count; i++)
        pair_values_add(&values, set->items[i].file.name, &set->items[i].notes);
    pair_values_report(&values, &set->pair, set->folder);
    return true;
}

// ---------------------------------------------------------------------------
// Decoding ahead

// What is cached and stays as it is needs none.
static bool needs_slot(const struct dataset *set, const struct item *item)
{
    return !item->pixels || set->options.renews;
}

// A decoder thread: fills slots until `stop`. Samples are taken in stream order, at
// most slot_count ahead of the consumer; one whose pair is cached needs no slot.
static void decode_ahead(void *user)
{
    struct dataset *set = user;

    log_use(set->sink);
    os_mutex_lock(set->mutex);
    for (;;) {
        while (!set->stop && set->next_decoded >= set->next_consumed + set->slot_count)
            os_condition_wait(set->changed, set->mutex);
        if (set->stop)
            break;
        uint64_t index = set->next_decoded++;
        struct slot *slot = &set->slots[index % set->slot_count];
        struct dataset_sample sample;
        const char *culprit;    // reported when its turn has come
        struct reason reason;
        describe(set, index, &sample);
        const struct item *item = &set->items[sample.image];
        if (!needs_slot(set, item))
            continue;

        os_mutex_unlock(set->mutex);
        bool ok = load_sample(set, item, &sample, slot->pixels, &culprit, &reason);
        if (ok)
            renew(set, index, &sample, slot->pixels);
        os_mutex_lock(set->mutex);
        slot->state = ok ? SLOT_READY : SLOT_FAILED;
        os_condition_signal_all(set->changed);
    }
    os_mutex_unlock(set->mutex);
}

static bool start_ahead(struct dataset *set)
{
    const uint32_t slot_count = 2 * set->options.threads + 8;
    set->slots = mem_array(slot_count, sizeof(*set->slots));
    if (!set->slots)
        return false;
    set->slot_count = slot_count;
    for (uint32_t i = 0; i < slot_count; i++) {
        set->slots[i].pixels = mem_zalloc(set->pair_bytes);
        if (!set->slots[i].pixels)
            return false;
    }
    return start_threads(set, decode_ahead, set->options.threads);
}

// ---------------------------------------------------------------------------
// Creation

static size_t file_limit(const struct dataset_options *o)
{
    return o->max_size ? o->max_size : UINT32_MAX;
}

// Takes the files out of the list, up to the limit of the options.
static bool take_files(struct dataset *set, struct pair_list *list)
{
    const size_t count = MIN(list->count, file_limit(&set->options));
    set->folder = mem_strdup(list->folder);
    set->items = mem_array(list->count, sizeof(*set->items));
    if (!set->folder || !set->items)
        return false;
    for (size_t i = 0; i < count; i++) {
        set->items[i].file = list->files[i];
        list->files[i] = (struct pair_file){ 0 };
    }
    set->count = set->listed = (uint32_t)count;
    if (set->options.sums_targets)
        set->sums = mem_array(count * set->pair.output_nc, sizeof(*set->sums));
    return set->sums || !set->options.sums_targets;
}

static bool needs_threads(const struct dataset *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (needs_slot(set, &set->items[i]))
            return true;
    }
    return false;
}

static void set_sizes(struct dataset *set)
{
    uint64_t budget = set->options.cache_bytes;
    set->size = fit_sample_size(&set->pair.fit);
    set->input_bytes = input_bytes(set, set->size);
    set->pair_bytes = set->input_bytes + target_bytes(set, set->size);
    if (!budget)
        budget = default_cache_bytes;
    set->cached_files = (uint32_t)MIN(budget / set->pair_bytes, UINT32_MAX);
    set->cache_left = budget;
}

static bool refuse_culprit(const char *culprit, const struct reason *reason)
{
    char *text = mem_printf("%s: %s", culprit, reason->text);
    if (text)
        refuse_passing(text);
    mem_free(text);
    return false;
}

static bool find_kinds(const struct pair_list *list,
                       const struct dataset_options *options, struct pair_options *pair)
{
    const char *culprit;
    struct reason reason;
    return pair_list_find_kinds(list, file_limit(options), pair, &culprit, &reason) ||
           refuse_culprit(culprit, &reason);
}

bool dataset_find_ranges(const struct dataset_options *options,
                         const struct pair_list *list, struct side_range sides[2])
{
    const struct pair_options pair = pair_options_of(options);
    const char *culprit;
    struct reason reason;
    return side_range_find(list, file_limit(options), &pair, sides, &culprit,
                           &reason) ||
           refuse_culprit(culprit, &reason);
}

bool dataset_find_kinds(const struct dataset_options *options,
                        const struct pair_list *list, enum pixel_kind *input_kind,
                        enum pixel_kind *output_kind)
{
    struct pair_options pair = pair_options_of(options);
    if (!find_kinds(list, options, &pair))
        return false;
    *input_kind = pair.input_kind;
    *output_kind = pair.output_kind;
    return true;
}

struct dataset *dataset_create(const struct dataset_options *options,
                               struct pair_list *list)
{
    const struct pix_size crop = options->fit.crop,
                          size = fit_sample_size(&options->fit);
    assert(crop.width > 0 && crop.height > 0 && crop.width <= size.width &&
           crop.height <= size.height);
    (void)crop, (void)size;

    struct dataset *set = mem_zalloc(sizeof(*set));
    if (!set)
        return NULL;
    set->options = *options;
    if (options->threads == 0)
        set->options.threads = MIN(os_core_count(), (uint32_t)USEFUL_THREADS);
    set->options.threads = MIN(set->options.threads, (uint32_t)MAX_THREADS);
    set->sink = log_current();
    set->pair = pair_options_of(options);
    set->next_decoded = set->next_consumed = options->first_sample;

    set->mutex = os_mutex_create();
    set->changed = os_condition_create();
    if (!set->mutex || !set->changed || !find_kinds(list, options, &set->pair) ||
        !take_files(set, list))
        goto fail;
    set_sizes(set);
    if (!check_all(set))
        goto fail;
    set->order = order_create(options->seed, set->count, options->shuffle);
    if (!set->order || (needs_threads(set) && !start_ahead(set)))
        goto fail;
    return set;

fail:
    dataset_destroy(set);
    return NULL;
}

void dataset_destroy(struct dataset *set)
{
    if (!set)
        return;
    if (set->thread_count)
        request_stop(set);
    join_threads(set);
    for (uint32_t i = 0; i < set->slot_count; i++)
        mem_free(set->slots[i].pixels);
    mem_free(set->slots);
    // Behind the valid items the check leaves empty ones, which are freed without
    // effect.
    for (uint32_t i = 0; set->items && i < set->listed; i++)
        item_free(&set->items[i]);
    mem_free(set->items);
    mem_free(set->sums);
    order_destroy(set->order);
    mem_free(set->folder);
    os_condition_destroy(set->changed);
    os_mutex_destroy(set->mutex);
    mem_free(set);
}

// ---------------------------------------------------------------------------
// Samples

uint32_t dataset_count(const struct dataset *set)
{
    return set->count;
}

const char *dataset_name(const struct dataset *set, uint32_t image)
{
    assert(image < set->count);
    return set->items[image].file.name;
}

const char *dataset_hash(const struct dataset *set, char text[HASH_TEXT_SIZE])
{
    uint64_t hash = HASH_START;
    for (uint32_t i = 0; i < set->count; i++)
        hash = hash_text(hash, set->items[i].file.name);
    return hash_digits(hash, text);
}

bool dataset_has_jpeg(const struct dataset *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        const struct pair_file *file = &set->items[i].file;
        if (picture_has_jpeg_extension(file->a) ||
            (file->b && picture_has_jpeg_extension(file->b)))
            return true;
    }
    return false;
}

// Sums are added in the order of the images, whichever thread took them.
void dataset_target_mean(const struct dataset *set, double *mean)
{
    const struct pair_options *o = &set->pair;
    assert(set->sums);
    for (uint32_t c = 0; c < o->output_nc; c++) {
        double sum = 0;
        for (uint32_t i = 0; i < set->count; i++)
            sum += set->sums[(size_t)i * o->output_nc + c];
        mean[c] = sum / ((double)set->count * set->size.width * set->size.height);
    }
}

size_t dataset_sample_bytes(const struct dataset *set)
{
    return set->pair_bytes;
}

// Reads a sample whose turn has come and that failed ahead of it: the reason may have
// passed. No thread reuses the slot before next_consumed has passed its sample.
static bool load_again(struct dataset *set, const struct item *item,
                       const struct dataset_sample *sample, struct slot *slot)
{
    const char *culprit;
    struct reason reason;
    const bool ok = load_sample(set, item, sample, slot->pixels, &culprit, &reason);
    if (ok) {
        renew(set, set->next_consumed, sample, slot->pixels);
        slot->state = SLOT_READY;
    } else
        log_error("dataset: %s is no longer readable: %s", culprit, reason.text);
    return ok;
}

bool dataset_next(struct dataset *set, struct dataset_sample *sample, uint8_t *pixels)
{
    os_mutex_lock(set->mutex);
    describe(set, set->next_consumed, sample);
    const struct item *item = &set->items[sample->image];
    struct slot *slot = NULL;
    if (needs_slot(set, item)) {
        slot = &set->slots[set->next_consumed % set->slot_count];
        while (slot->state == SLOT_EMPTY)
            os_condition_wait(set->changed, set->mutex);
    }
    os_mutex_unlock(set->mutex);

    if (slot && slot->state == SLOT_FAILED && !load_again(set, item, sample, slot))
        return false;
    if (slot) {
        memcpy(pixels, slot->pixels, set->pair_bytes);
    } else {
        const struct sides sides = staged_sides(set, item->size, item->pixels);
        stage(set, &sides, sample, pixels);
    }

    os_mutex_lock(set->mutex);
    if (slot)
        slot->state = SLOT_EMPTY;
    set->next_consumed++;
    os_condition_signal_all(set->changed);
    os_mutex_unlock(set->mutex);
    return true;
}

void dataset_describe(const struct dataset *set, uint64_t index,
                      struct dataset_sample *sample)
{
    os_mutex_lock(set->mutex);
    describe(set, index, sample);
    os_mutex_unlock(set->mutex);
}
