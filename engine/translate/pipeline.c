// SPDX-License-Identifier: MIT
//
// A ring of slots, each for one image on its way. Workers load images into free slots
// in rising order and store what the calling thread has run; storing goes first, since
// it frees slots. The calling thread takes loaded images in order, so which images run
// together does not depend on the timing of threads. Where no thread can be created,
// the calling thread does the workers' part itself. See pipeline.h.

#include "translate/pipeline.h"

#include "base/log.h"
#include "base/log_queue.h"
#include "base/mem.h"
#include "base/os.h"
#include "data/alpha.h"
#include "data/file_notes.h"
#include "translate/conversion.h"
#include "translate/translator.h"

#include <string.h>

enum { MAX_THREADS = 64, USEFUL_THREADS = 8 };

// Bytes that the pixels under way may take: nothing is loaded ahead beyond it. The
// image that runs next is loaded in any case, so that there is always progress.
#define USUAL_BYTES ((uint64_t)512 << 20)

// A batch may take one of BATCH_SHARE parts of it: one batch is gathered, up to two are
// on the device, one is stored.
#define BATCH_SHARE 4

enum stage {
    STAGE_FREE,
    STAGE_LOADING,
    STAGE_LOADED,
    STAGE_RUN,    // and to be stored
    STAGE_STORING,
    STAGE_DONE,
};

struct slot {
    enum stage stage;
    // For whoever has the slot at its stage.
    enum pix_translate_result result;
    struct translator_form form;      // from STAGE_LOADED on
    struct translator_notes notes;    // of the input
    struct file_notes file;           // of the one that it was read from
    struct frame frame;               // likewise
    struct picture image;             // the input, from STAGE_RUN on the output
    struct picture_tags *tags;        // from the input to the output
    uint64_t bytes;                   // of it, as counted
    struct log_queue messages;        // about this image, reported when it is done
};

// Images that run together.
struct flight {
    struct slot **slots;
    uint32_t count;
};

struct pipeline {
    struct translator *translator;
    const struct pipeline_ends *ends;
    struct frame_rule rule;
    size_t count;
    uint32_t batch;
    uint64_t most_bytes;
    // Of the calling thread: those under way, oldest first.
    struct flight flights[TRANSLATOR_SLOTS];
    uint32_t in_flight;
    const struct picture **in;    // scratch, of a batch
    struct picture *out;
    struct slot *slots;
    size_t slot_count;
    struct os_thread *threads[MAX_THREADS];
    uint32_t thread_count;
    bool failed;    // an image was not translated
    struct conversions conversions;
    struct frame_tally resized;
    uint32_t transparent;    // images
    size_t first_transparent;
    struct file_tally files;

    // Under the mutex from here on: next_done <= next_run <= next_load, and the stages.
    struct os_mutex *mutex;
    struct os_condition *changed;
    size_t next_load, next_run, next_done;
    bool stop;
    uint64_t bytes, largest;    // of all images in slots; of the largest so far
    uint32_t loading;
};

// ---------------------------------------------------------------------------
// Workers

static struct slot *slot_of(struct pipeline *p, size_t index)
{
    return &p->slots[index % p->slot_count];
}

static uint64_t image_bytes(const struct picture *image)
{
    return image->samples ? picture_bytes(image) : 0;
}

// Under the mutex: frees the image of a slot, if it has one, and counts it no more.
static void drop_image(struct pipeline *p, struct slot *s)
{
    picture_free(&s->image);
    picture_tags_free(s->tags);
    s->tags = NULL;
    p->bytes -= s->bytes;
    s->bytes = 0;
}

// Under the mutex: whether the next image may be loaded. Those that are being loaded
// are taken to be as large as any before.
static bool may_load(const struct pipeline *p)
{
    // A slot is free again when its image is reported, not when it is stored.
    if (p->next_load == p->count || p->next_load == p->next_done + p->slot_count)
        return false;
    if (p->ends->has && p->loading)
        return false;
    return p->next_load == p->next_run ||
           p->bytes + (p->loading + (uint64_t)1) * p->largest <= p->most_bytes;
}

// Reads and prepares an image, so that resizing happens in threads too. So it does
// after the translation, see store.
static void load(struct pipeline *p, size_t index, struct slot *s)
{
    s->result = PIX_TRANSLATE_NOT_READ;
    const struct pipeline_ends *ends = p->ends;
    enum pixel_kind output = PIXEL_KINDS;
    s->notes = (struct translator_notes){ 0 };
    s->file = (struct file_notes){ .turned = { NULL, 0 } };
    if (!ends->load(ends->user, index, &s->image, &output))
        return;
    if (ends->path)
        file_notes_add(&s->file, &translator_get_settings(p->translator)->reading,
                       &s->image, ends->path(ends->user, index));
    s->tags = s->image.tags;
    s->image.tags = NULL;
    s->result = translator_prepare(p->translator, &p->rule, &s->image, output, &s->form,
                                   &s->frame, &s->notes)
                    ? PIX_TRANSLATE_DONE
                    : PIX_TRANSLATE_NOT_TRANSLATED;
}

static void store(struct pipeline *p, size_t index, struct slot *s)
{
    const bool ok = frame_cut(&p->rule, &s->frame, &s->image);
    s->image.tags = s->tags;
    s->tags = NULL;
    if (!ok)
        s->result = PIX_TRANSLATE_NOT_TRANSLATED;
    else if (!p->ends->store(p->ends->user, index, &s->image))
        s->result = PIX_TRANSLATE_NOT_WRITTEN;
}

// Under the mutex: does one load or store without it. False: there is nothing to do.
static bool work_once(struct pipeline *p)
{
    size_t index = p->next_done;
    while (index < p->next_run && slot_of(p, index)->stage != STAGE_RUN)
        index++;
    bool is_store = index < p->next_run;
    if (!is_store) {
        if (!may_load(p))
            return false;
        index = p->next_load++;
        p->loading++;
    }
    struct slot *s = slot_of(p, index);
    s->stage = is_store ? STAGE_STORING : STAGE_LOADING;
    os_mutex_unlock(p->mutex);

    log_queue_begin(&s->messages);
    const bool is_there =
        is_store || !p->ends->has || p->ends->has(p->ends->user, index);
    if (is_store)
        store(p, index, s);
    else if (is_there)
        load(p, index, s);
    log_queue_end(&s->messages);

    os_mutex_lock(p->mutex);
    s->stage = is_store ? STAGE_DONE : is_there ? STAGE_LOADED : STAGE_FREE;
    if (is_store) {
        drop_image(p, s);
    } else if (!is_there) {
        p->count = p->next_load = index;    // no later one is being loaded
        p->loading--;
    } else {
        s->bytes = image_bytes(&s->image);
        p->bytes += s->bytes;
        p->largest = MAX(p->largest, s->bytes);
        p->loading--;
    }
    os_condition_signal_all(p->changed);
    return true;
}

static void work(void *user)
{
    struct pipeline *p = user;
    os_mutex_lock(p->mutex);
    while (!p->stop) {
        if (!work_once(p))
            os_condition_wait(p->changed, p->mutex);
    }
    os_mutex_unlock(p->mutex);
}

// ---------------------------------------------------------------------------
// The calling thread

// Under the mutex: reports the images that are done, in order. False: to be stopped.
static bool report_done(struct pipeline *p)
{
    while (!p->stop && p->next_done < p->next_run &&
           slot_of(p, p->next_done)->stage == STAGE_DONE) {
        struct slot *s = slot_of(p, p->next_done);
        os_mutex_unlock(p->mutex);
        log_queue_flush(&s->messages);
        p->failed |= s->result != PIX_TRANSLATE_DONE;
        if (s->result == PIX_TRANSLATE_DONE) {
            conversion_count(&p->conversions, s->notes.kind, s->form.staging.input,
                             s->notes.exceeds);
            p->conversions.narrow += s->notes.is_narrow;
            p->conversions.samples += s->notes.samples;
            p->conversions.outside += s->notes.outside;
            frame_tally_add(&p->resized, &s->frame);
            if (p->ends->path)
                translator_note_ranges(
                    p->translator, s->notes.samples > 0,
                    pixel_range_is_set(s->form.staging.output_range));
            if (s->notes.is_transparent && p->transparent++ == 0)
                p->first_transparent = p->next_done;
        }
        file_tally_add(&p->files, &s->file);
        bool go_on = p->ends->done(p->ends->user, p->next_done, s->result);
        os_mutex_lock(p->mutex);
        s->stage = STAGE_FREE;
        p->next_done++;
        p->stop = !go_on;
        os_condition_signal_all(p->changed);
    }
    return !p->stop;
}

// Under the mutex: waits for the oldest run without it, and hands its images on.
static void land(struct pipeline *p)
{
    struct flight f = p->flights[0];
    os_mutex_unlock(p->mutex);
    // What concerns the whole run is reported once, with its first image.
    log_queue_begin(&f.slots[0]->messages);
    bool ok = true;
    for (uint32_t i = 0; i < f.count; i++) {
        p->out[i] = (struct picture){ 0 };
        ok = ok &&
             translator_create_output(p->translator, &f.slots[i]->form, &p->out[i]);
    }
    ok = translator_wait(p->translator, ok ? p->out : NULL) && ok;
    for (uint32_t i = 0; i < f.count; i++) {
        struct slot *s = f.slots[i];
        picture_free(ok ? &s->image : &p->out[i]);
        if (ok)
            s->image = p->out[i];
        else
            s->result = PIX_TRANSLATE_NOT_TRANSLATED;
    }
    log_queue_end(&f.slots[0]->messages);
    // Its array is free for a later one.
    memmove(p->flights, p->flights + 1, sizeof(f) * (ARRAY_LEN(p->flights) - 1));
    p->flights[ARRAY_LEN(p->flights) - 1] = (struct flight){ f.slots, 0 };
    p->in_flight--;

    os_mutex_lock(p->mutex);
    for (uint32_t i = 0; i < f.count; i++) {
        f.slots[i]->stage = ok ? STAGE_RUN : STAGE_DONE;
        if (!ok)
            drop_image(p, f.slots[i]);
    }
    os_condition_signal_all(p->changed);
}

// Under the mutex: something may have changed after it. What the device has done is
// fetched before anything is waited for.
static void wait_or_work(struct pipeline *p)
{
    if (p->in_flight)
        land(p);
    else if (p->thread_count)
        os_condition_wait(p->changed, p->mutex);
    else
        work_once(p);
}

// Under the mutex: the image that the next one to run is, when it is loaded. NULL: to
// be stopped, or it turned out that there is none.
static struct slot *wait_loaded(struct pipeline *p)
{
    while (report_done(p) && p->next_run < p->count) {
        struct slot *s = slot_of(p, p->next_run);
        if (p->next_run < p->next_load && s->stage == STAGE_LOADED)
            return s;
        wait_or_work(p);
    }
    return NULL;
}

// Whether a loaded image can be run.
static bool accept(struct pipeline *p, struct slot *s)
{
    if (s->result != PIX_TRANSLATE_DONE)
        return false;
    log_queue_begin(&s->messages);
    if (s->notes.is_pair)
        translator_warn_of_pair(p->translator);
    log_queue_end(&s->messages);
    return true;
}

// Images of one form that run together.
static uint32_t most_of(const struct pipeline *p, const struct slot *s)
{
    uint64_t room =
        MAX(p->most_bytes / BATCH_SHARE / image_bytes(&s->image), (uint64_t)1);
    uint32_t most = translator_most(p->translator, &s->form);
    return (uint32_t)MIN((uint64_t)most, room);
}

// Under the mutex: collects images of one form, at most a batch. Those between them
// that failed are passed over. False: to be stopped.
static bool gather(struct pipeline *p, struct slot **batch, uint32_t *count)
{
    size_t first = p->next_run;
    uint32_t most = p->batch;
    *count = 0;
    while (*count < most && p->next_run < p->count) {
        // The slots of failed ones are not free before the first of the batch is.
        if (*count && p->next_run - first >= 2 * (size_t)p->batch)
            break;
        struct slot *s = wait_loaded(p);
        if (!s)
            return !p->stop;
        if (s->result == PIX_TRANSLATE_DONE && *count &&
            !translator_same_form(&s->form, &batch[0]->form))
            break;
        if (*count == 0)
            first = p->next_run;
        if (!accept(p, s)) {
            s->stage = STAGE_DONE;
            drop_image(p, s);
        } else {
            // Batches are limited by their bytes too: fewer large images run together.
            if (*count == 0)
                most = most_of(p, s);
            batch[(*count)++] = s;
        }
        p->next_run++;
        os_condition_signal_all(p->changed);    // the one after it may be loaded
    }
    return true;
}

// Under the mutex: begins to run images of one form, in as many runs as it takes.
static void take_off(struct pipeline *p, struct slot **batch, uint32_t count)
{
    struct translator *t = p->translator;
    const struct translator_form form = batch[0]->form;
    while (count) {
        uint32_t images = MIN(count, translator_most(t, &form));
        // With fewer in flight it is ready, or may be made so.
        while (p->in_flight && !translator_is_ready(t, images, &form))
            land(p);
        os_mutex_unlock(p->mutex);
        struct flight *f = &p->flights[p->in_flight];
        for (uint32_t i = 0; i < images; i++)
            p->in[i] = &batch[i]->image;
        log_queue_begin(&batch[0]->messages);
        // Of a device that was lost enough was said.
        uint32_t taken =
            translator_is_lost(t) ? 0 : translator_submit(t, p->in, images, &form);
        log_queue_end(&batch[0]->messages);
        os_mutex_lock(p->mutex);
        if (taken) {
            images = taken;
            memcpy(f->slots, batch, images * sizeof(*batch));
            f->count = images;
            p->in_flight++;
        } else {
            for (uint32_t i = 0; i < images; i++) {
                batch[i]->result = PIX_TRANSLATE_NOT_TRANSLATED;
                batch[i]->stage = STAGE_DONE;
                drop_image(p, batch[i]);
            }
        }
        batch += images;
        count -= images;
    }
}

static void run_all(struct pipeline *p, struct slot **batch)
{
    uint32_t count;
    os_mutex_lock(p->mutex);
    bool go_on = true;
    while (go_on && p->next_run < p->count && gather(p, batch, &count)) {
        if (count)
            take_off(p, batch, count);
        go_on = !translator_is_lost(p->translator);
    }
    // All of them, unless the device was lost.
    while (report_done(p) && p->next_done < p->next_run)
        wait_or_work(p);
    while (p->in_flight)
        land(p);    // after a stop
    p->stop = true;
    os_condition_signal_all(p->changed);
    os_mutex_unlock(p->mutex);
}

uint32_t pipeline_threads(uint32_t most)
{
    uint32_t useful = most ? most : MIN(os_core_count(), (uint32_t)USEFUL_THREADS);
    return MIN(useful, (uint32_t)MAX_THREADS);
}

// Threads that help: none for a single image, which has nothing to overlap with. While
// one waits for the next image, another one stores those before it.
static uint32_t useful_threads(uint32_t most, const struct pipeline *p)
{
    const uint32_t threads = pipeline_threads(most);
    if (p->ends->has)
        return MAX(threads, 2u);
    return p->count == 1 ? 0 : (uint32_t)MIN(threads, p->count);
}

size_t pipeline_most_under_way(const struct translator *t)
{
    return (TRANSLATOR_SLOTS + 2) * (size_t)translator_batch_size(t);
}

// The work of those that cannot be had is done by the threads there are.
static void start_threads(struct pipeline *p, uint32_t count)
{
    struct os_thread *thread = NULL;
    struct log_capture capture;
    log_capture_begin(&capture);
    while (p->thread_count < count && (thread = os_thread_create(work, p)))
        p->threads[p->thread_count++] = thread;
    log_capture_end(&capture);
    if (p->thread_count < count)
        log_debug("%s: cannot start a thread: %s", translator_command(p->translator),
                  os_error_text());
}

// What happened to the images on the way, and what did not.
static void report_images(const struct pipeline *p)
{
    const struct pipeline_ends *ends = p->ends;
    const enum pixel_kind wanted = translator_kinds(p->translator).input;
    const char *command = translator_command(p->translator);
    if (!ends->path)
        return;
    conversion_report_narrow(&p->conversions, command, "input");
    conversion_report_outside(&p->conversions, command, "input",
                              translator_get_settings(p->translator)->input_range,
                              CONVERSION_CLAMPED);
    if (wanted != PIXEL_KINDS)
        conversion_report(&p->conversions, command, "input", wanted,
                          translator_kind_reason(p->translator, false));
    else
        conversion_report_range(&p->conversions, command, "input");
    translator_warn_of_ranges(p->translator);
    if (p->transparent)
        alpha_report(translator_get_settings(p->translator)->reading.alpha, command,
                     p->transparent, p->conversions.images, "input",
                     ends->path(ends->user, p->first_transparent));
    frame_tally_report(&p->resized, &p->rule, ends->has ? "frames" : "images", command);
    file_tally_report(&p->files, p->next_done, "image");
}

bool pipeline_run(struct translator *t, uint32_t most_threads, size_t count,
                  const struct pipeline_ends *ends)
{
    struct pipeline p = { .translator = t, .ends = ends, .count = count };
    bool ok = false;
    if (count == 0)
        return true;
    translator_begin_images(t);
    p.rule = translator_frame_rule(t, ends->has_model_size);
    p.batch = (uint32_t)MIN((size_t)translator_batch_size(t), count);
    p.most_bytes = ends->bytes ? ends->bytes : USUAL_BYTES;
    struct slot **batch = mem_array(p.batch, sizeof(*batch));
    bool has_flights = true;
    for (size_t i = 0; i < ARRAY_LEN(p.flights); i++) {
        p.flights[i].slots = mem_array(p.batch, sizeof(*batch));
        has_flights = has_flights && p.flights[i].slots;
    }
    p.in = mem_array(p.batch, sizeof(*p.in));
    p.out = mem_array(p.batch, sizeof(*p.out));
    uint32_t threads = useful_threads(most_threads, &p);
    // Batches are under way and stored; twice a batch is what gather needs.
    size_t wanted = (TRANSLATOR_SLOTS + 2) * (size_t)p.batch + threads;
    p.slot_count = ends->has ? pipeline_most_under_way(t) : MIN(wanted, count);
    p.slots = mem_array(p.slot_count, sizeof(*p.slots));
    p.mutex = os_mutex_create();
    p.changed = os_condition_create();
    if (batch && has_flights && p.in && p.out && p.slots && p.mutex && p.changed) {
        // Here, since a queue takes what the sink of this thread takes: workers have
        // none.
        for (size_t i = 0; i < p.slot_count; i++)
            log_queue_init(&p.slots[i].messages);
        start_threads(&p, threads);
        run_all(&p, batch);
        for (uint32_t i = 0; i < p.thread_count; i++)
            os_thread_join(p.threads[i]);
        report_images(&p);
        ok = !p.failed && p.next_done == p.count;
    }
    for (size_t i = 0; p.slots && i < p.slot_count; i++) {
        log_queue_finish(&p.slots[i].messages);
        drop_image(&p, &p.slots[i]);
    }
    mem_free(p.slots);
    os_condition_destroy(p.changed);
    os_mutex_destroy(p.mutex);
    for (size_t i = 0; i < ARRAY_LEN(p.flights); i++)
        mem_free(p.flights[i].slots);
    mem_free(batch);
    mem_free(p.in);
    mem_free(p.out);
    return ok;
}
