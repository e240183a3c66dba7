// SPDX-License-Identifier: MIT
//
// See log_queue.h.

#include "base/log_queue.h"

#include "base/mem.h"

#include <assert.h>
#include <stdio.h>

struct log_queue_entry {
    enum log_level level;
    char *text;
};

// Of the messages that there is no memory for one is kept: what failed is not without a
// reason.
static void keep_spare(struct log_queue *q, enum log_level level, const char *text)
{
    if (q->has_spare && q->spare_level <= level)
        return;
    q->has_spare = true;
    q->spare_level = level;
    snprintf(q->spare, sizeof(q->spare), "%s", text);
}

// The message that there is no memory for another one is dropped.
static void keep(void *user, enum log_level level, const char *text)
{
    struct log_queue *q = user;
    const struct log_sink *outer = q->outer;
    if (level >= LOG_INFO && outer) {
        if (outer->callback && level <= outer->level)
            outer->callback(outer->user, level, text);
        return;
    }
    if (q->is_busy)
        return;
    q->is_busy = true;
    char *copy = mem_strdup(text);
    if (copy &&
        mem_grow(&q->entries, &q->capacity, q->count + 1, sizeof(*q->entries))) {
        q->entries[q->count++] = (struct log_queue_entry){ level, copy };
    } else {
        keep_spare(q, level, text);
        mem_free(copy);
    }
    q->is_busy = false;
}

// Messages will be flushed to the sink that this thread has now, so what it drops need
// not be kept.
void log_queue_init(struct log_queue *q)
{
    const struct log_sink *sink = log_current();
    *q = (struct log_queue){ .sink = { keep, q, sink ? sink->level : LOG_ERROR } };
}

void log_queue_begin(struct log_queue *q)
{
    q->outer = log_use(&q->sink);
}

void log_queue_end(struct log_queue *q)
{
    const struct log_sink *sink = log_use(q->outer);
    assert(sink == &q->sink);
    (void)sink;
    q->outer = NULL;
}

// Keeps the entries' memory: a queue is used again for the next image.
static void clear(struct log_queue *q)
{
    for (size_t i = 0; i < q->count; i++)
        mem_free(q->entries[i].text);
    q->count = 0;
    q->has_spare = false;
}

// Reported as if they were new, so an error of another thread becomes the last error of
// this one, where the user's call fails.
void log_queue_flush(struct log_queue *q)
{
    for (size_t i = 0; i < q->count; i++)
        log_message(q->entries[i].level, "%s", q->entries[i].text);
    if (q->has_spare)
        log_message(q->spare_level, "%s", q->spare);
    clear(q);
}

void log_queue_finish(struct log_queue *q)
{
    clear(q);
    mem_free(q->entries);
    *q = (struct log_queue){ 0 };
}
