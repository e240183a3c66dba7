// SPDX-License-Identifier: MIT
//
// The stream of training pairs. Everything random about sample s is drawn from numbers
// made of (seed, purpose, s or its epoch) alone, so that decoder threads may work on
// any sample at any time. They fill a ring of slots in stream order; the consumer takes
// them in that order and is the one who tells of failures. If all pairs fit the cache
// there is nothing to do ahead, and no thread.

#include "data/dataset.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/random.h"
#include "data/image.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_THREADS = 64, USEFUL_THREADS = 8, REASON_SIZE = 160 };

// What numbers are drawn for. Changing one changes every run.
enum purpose { PURPOSE_ORDER = 1, PURPOSE_JITTER = 2 };

static const uint64_t default_cache_bytes = (uint64_t)512 * 1024 * 1024;

struct item {
    char *name;
    uint8_t *pixels;    // cached pair or NULL
    bool checked;
    char *reason;    // why it is left out, or NULL
};

// The order of images in one epoch. Threads may stand in two epochs at once.
struct order {
    uint64_t epoch;
    bool valid;
    uint32_t *images;
};

enum slot_state { SLOT_EMPTY, SLOT_READY, SLOT_FAILED };

struct slot {
    enum slot_state state;
    uint8_t *pixels;
    char reason[REASON_SIZE];
};

struct dataset {
    struct dataset_options options;
    char *folder;
    const struct log_sink *sink;    // for the threads
    size_t pair_bytes;

    struct item *items;    // files by name; after the check the valid ones only
    uint32_t count, skipped;
    uint32_t cached_files;    // files [0, cached_files) keep their pixels

    // Under the mutex from here on.
    struct os_mutex *mutex;
    struct os_condition *changed;
    struct os_thread *threads[MAX_THREADS];
    uint32_t thread_count;
    struct order *orders;    // two, by parity of the epoch
    uint32_t next_file;      // to check
    struct slot *slots;
    uint32_t slot_count;
    uint64_t next_decoded;     // first sample that no thread has taken
    uint64_t next_consumed;    // what dataset_next gives
    bool stop;
};

// Numbers

// A bijection that scatters neighbouring numbers (the finalizer of SplitMix64).
static uint64_t scatter(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static struct random make_random(uint64_t seed, enum purpose purpose, uint64_t n)
{
    struct random r;
    uint64_t key = scatter(scatter(seed) + (uint64_t)purpose);
    uint64_t state = scatter(key + n);
    random_init(&r, state, scatter(state ^ key));
    return r;
}

// Called under the mutex.
static const uint32_t *find_order(const struct dataset *set, uint64_t epoch)
{
    struct order *order = &set->orders[epoch & 1];
    if (!order->valid || order->epoch != epoch) {
        for (uint32_t i = 0; i < set->count; i++)
            order->images[i] = i;
        if (set->options.shuffle) {
            struct random r = make_random(set->options.seed, PURPOSE_ORDER, epoch);
            random_shuffle(&r, order->images, set->count);
        }
        order->epoch = epoch;
        order->valid = true;
    }
    return order->images;
}

static void describe(const struct dataset *set, uint64_t index,
                     struct dataset_sample *sample)
{
    const struct dataset_options *o = &set->options;
    struct random r = make_random(o->seed, PURPOSE_JITTER, index);
    uint32_t offsets = o->load_size - o->crop_size + 1;

    sample->epoch = index / set->count;
    sample->image = find_order(set, sample->epoch)[index % set->count];
    sample->crop_x = random_below(&r, offsets);
    sample->crop_y = random_below(&r, offsets);
    uint32_t mirror = random_u32(&r) >> 31;
    sample->mirror = o->flip ? mirror : 0;
}

// Pairs

// Puts one half where it belongs, at the loading size.
static bool load_half(const struct dataset *set, const struct pix_image *image,
                      uint32_t x, uint32_t width, uint8_t *to)
{
    uint32_t side = set->options.load_size;
    struct pix_image half, resized;

    if (!image_crop(image, x, 0, width, image->height, &half))
        return false;
    bool ok = image_resize(&half, side, side, &resized);
    image_free(&half);
    if (!ok)
        return false;
    memcpy(to, resized.pixels, set->pair_bytes / 2);
    image_free(&resized);
    return true;
}

static bool load_pair(const struct dataset *set, const char *name, uint8_t *pixels,
                      char reason[REASON_SIZE])
{
    const struct dataset_options *o = &set->options;
    struct pix_image image = { 0 };
    bool ok = false;

    char *path = file_join(set->folder, name);
    if (!path) {
        snprintf(reason, REASON_SIZE, "out of memory");
        return false;
    }
    if (!image_read(path, &image, reason, REASON_SIZE))
        goto fail;
    uint32_t half = image.width / 2;
    if (half == 0) {
        snprintf(reason, REASON_SIZE, "is %ux%u, too narrow for a pair side by side",
                 (unsigned)image.width, (unsigned)image.height);
        goto fail;
    }
    if (!o->resize &&
        (image.width != o->load_size * 2 || image.height != o->load_size)) {
        snprintf(reason, REASON_SIZE,
                 "is %ux%u, needs %ux%u where images are not resized",
                 (unsigned)image.width, (unsigned)image.height,
                 (unsigned)o->load_size * 2, (unsigned)o->load_size);
        goto fail;
    }
    uint8_t *left = pixels + (o->swap ? set->pair_bytes / 2 : 0);
    uint8_t *right = pixels + (o->swap ? 0 : set->pair_bytes / 2);
    ok = load_half(set, &image, 0, half, left) &&
         load_half(set, &image, half, image.width - half, right);
    if (!ok)
        snprintf(reason, REASON_SIZE, "out of memory");

fail:
    image_free(&image);
    mem_free(path);
    return ok;
}

// Threads

static bool start_threads(struct dataset *set, void (*run)(void *user), uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct os_thread *thread = os_thread_create(run, set);
        if (!thread) {
            log_error("dataset: can not start a decoder thread: %s", os_error_text());
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

// Checks files until none is left. A file that is not to be cached is decoded into
// memory of this thread.
static void check_files(void *user)
{
    struct dataset *set = user;
    uint8_t *scratch = NULL;

    log_use(set->sink);
    for (;;) {
        os_mutex_lock(set->mutex);
        uint32_t file = set->stop ? set->count : set->next_file;
        if (file < set->count)
            set->next_file++;
        os_mutex_unlock(set->mutex);
        if (file == set->count)
            break;

        struct item *item = &set->items[file];
        char reason[REASON_SIZE];
        bool keep = file < set->cached_files;
        uint8_t *pixels = keep ? NULL : scratch;
        if (!pixels) {
            pixels = mem_alloc(set->pair_bytes);
            if (!pixels)
                break;    // the file stays unchecked
        }
        if (!load_pair(set, item->name, pixels, reason)) {
            item->reason = mem_strdup(reason);
            if (!item->reason) {
                mem_free(pixels);
                scratch = keep ? scratch : NULL;
                break;
            }
        }
        item->checked = true;
        if (!keep)
            scratch = pixels;
        else if (item->reason)
            mem_free(pixels);
        else
            item->pixels = pixels;
    }
    mem_free(scratch);
}

static bool check_all(struct dataset *set)
{
    uint32_t valid = 0, total = set->count;

    bool ok = start_threads(set, check_files, MIN(set->options.threads, total));
    if (!ok)
        request_stop(set);
    join_threads(set);
    if (!ok)
        return false;

    // The valid ones move together; names of the others go.
    for (uint32_t i = 0; i < total; i++) {
        struct item item = set->items[i];
        if (!item.checked) {
            log_error("dataset: not enough memory to read the images of %s",
                      set->folder);
            return false;
        }
        if (item.reason) {
            log_warn("dataset: skipping %s/%s: %s", set->folder, item.name,
                     item.reason);
            mem_free(item.reason);
            mem_free(item.name);
            set->items[i] = (struct item){ .checked = true };
            continue;
        }
        set->items[i] = (struct item){ .checked = true };
        set->items[valid++] = item;
    }
    set->skipped = total - valid;
    set->count = valid;
    if (valid == 0) {
        log_error("dataset: none of the %" PRIu32 " images in %s can be used", total,
                  set->folder);
        return false;
    }
    return true;
}

// Fills slots until told to stop. Samples are taken in stream order; one whose pair is
// cached needs no slot.
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
        describe(set, index, &sample);
        const struct item *item = &set->items[sample.image];
        if (item->pixels)
            continue;

        os_mutex_unlock(set->mutex);
        bool ok = load_pair(set, item->name, slot->pixels, slot->reason);
        os_mutex_lock(set->mutex);
        slot->state = ok ? SLOT_READY : SLOT_FAILED;
        os_condition_signal_all(set->changed);
    }
    os_mutex_unlock(set->mutex);
}

// Interface

static bool list_files(struct dataset *set)
{
    struct file_list list = { 0 };

    if (!file_is_folder(set->folder)) {
        log_error("dataset: %s is not a folder; it should hold images (.png .jpg .jpeg "
                  ".bmp .tga), each with A on the left and B on the right",
                  set->folder);
        return false;
    }
    if (!file_list_read(set->folder, &list))
        return false;

    // Names move from the list to the items; those that stay are freed with the list.
    size_t limit = set->options.max_size ? set->options.max_size : UINT32_MAX;
    set->items = mem_array(list.count, sizeof(*set->items));
    for (size_t i = 0; set->items && i < list.count && set->count < limit; i++) {
        if (image_has_known_extension(list.names[i])) {
            set->items[set->count++].name = list.names[i];
            list.names[i] = NULL;
        }
    }
    file_list_free(&list);
    if (!set->items)
        return false;
    if (set->count == 0) {
        log_error("dataset: no images in %s; it should hold images (.png .jpg .jpeg "
                  ".bmp .tga), each with A on the left and B on the right",
                  set->folder);
        return false;
    }
    return true;
}

static bool all_cached(const struct dataset *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (!set->items[i].pixels)
            return false;
    }
    return true;
}

struct dataset *dataset_create(const struct dataset_options *options)
{
    assert(options->crop_size > 0 && options->crop_size <= options->load_size);

    struct dataset *set = mem_zalloc(sizeof(*set));
    if (!set)
        return NULL;
    set->options = *options;
    set->options.folder = NULL;    // the caller's; `folder` is ours
    if (options->threads == 0)
        set->options.threads = MIN(os_core_count(), (uint32_t)USEFUL_THREADS);
    set->options.threads = MIN(set->options.threads, (uint32_t)MAX_THREADS);
    set->sink = log_current();
    set->pair_bytes = (size_t)6 * options->load_size * options->load_size;
    uint64_t budget = options->cache_bytes ? options->cache_bytes : default_cache_bytes;
    set->cached_files = (uint32_t)MIN(budget / set->pair_bytes, UINT32_MAX);
    set->next_decoded = set->next_consumed = options->first_sample;

    set->mutex = os_mutex_create();
    set->changed = os_condition_create();
    set->folder = mem_strdup(options->folder);
    set->orders = mem_array(2, sizeof(*set->orders));
    if (!set->mutex || !set->changed || !set->folder || !set->orders)
        goto fail;
    if (!list_files(set) || !check_all(set))
        goto fail;
    for (int i = 0; i < 2; i++) {
        set->orders[i].images = mem_array(set->count, sizeof(uint32_t));
        if (!set->orders[i].images)
            goto fail;
    }
    if (all_cached(set))
        return set;

    uint32_t slot_count = 2 * set->options.threads + 8;
    set->slots = mem_array(slot_count, sizeof(*set->slots));
    if (!set->slots)
        goto fail;
    set->slot_count = slot_count;
    for (uint32_t i = 0; i < slot_count; i++) {
        set->slots[i].pixels = mem_alloc(set->pair_bytes);
        if (!set->slots[i].pixels)
            goto fail;
    }
    if (!start_threads(set, decode_ahead, set->options.threads))
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
    // The check leaves what it skipped, and what it moved, empty behind the valid ones.
    for (uint32_t i = 0; set->items && i < set->count + set->skipped; i++) {
        mem_free(set->items[i].name);
        mem_free(set->items[i].pixels);
        mem_free(set->items[i].reason);
    }
    mem_free(set->items);
    if (set->orders) {
        mem_free(set->orders[0].images);
        mem_free(set->orders[1].images);
    }
    mem_free(set->orders);
    mem_free(set->folder);
    os_condition_destroy(set->changed);
    os_mutex_destroy(set->mutex);
    mem_free(set);
}

uint32_t dataset_count(const struct dataset *set)
{
    return set->count;
}

uint32_t dataset_skipped(const struct dataset *set)
{
    return set->skipped;
}

const char *dataset_name(const struct dataset *set, uint32_t image)
{
    assert(image < set->count);
    return set->items[image].name;
}

bool dataset_next(struct dataset *set, struct dataset_sample *sample, uint8_t *pixels)
{
    bool ok = true;

    os_mutex_lock(set->mutex);
    describe(set, set->next_consumed, sample);
    const struct item *item = &set->items[sample->image];
    const uint8_t *from = item->pixels;
    struct slot *slot = NULL;
    if (!from) {
        slot = &set->slots[set->next_consumed % set->slot_count];
        while (slot->state == SLOT_EMPTY)
            os_condition_wait(set->changed, set->mutex);
        ok = slot->state == SLOT_READY;
        from = slot->pixels;
    }
    os_mutex_unlock(set->mutex);

    if (!ok) {
        // The slot stays as it is: asking again gives the same answer.
        log_error("dataset: %s/%s can no longer be read: %s", set->folder, item->name,
                  slot->reason);
        return false;
    }
    memcpy(pixels, from, set->pair_bytes);

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
