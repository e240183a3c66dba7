// SPDX-License-Identifier: MIT
//
// Messages that are kept in order, to be reported later: several threads work at the
// same time, and the user reads together what belongs together.

#ifndef BASE_LOG_QUEUE_H
#define BASE_LOG_QUEUE_H

#include "base/log.h"

struct log_queue {
    struct log_sink sink;
    const struct log_sink *outer;    // the sink before
    struct log_queue_entry *entries;
    size_t count, capacity;
    // The first message that there was no memory for, or the first error among them.
    bool has_spare;
    enum log_level spare_level;
    char spare[LOG_LINE_SIZE];
    bool is_busy;    // keeping a message may itself fail with one
};

// The queue will take what the current sink of this thread takes. It stays in place
// while it is used, by one thread at a time.
void log_queue_init(struct log_queue *q);

// From _begin to _end the messages of this thread are kept. Infos and debug messages
// pass at once where the thread has a sink: they say what is being done now.
void log_queue_begin(struct log_queue *q);
void log_queue_end(struct log_queue *q);

// Reports the messages to the current sink of this thread, in the order in which they
// came, and forgets them.
void log_queue_flush(struct log_queue *q);

// Forgets messages that were not reported. A zeroed queue is fine.
void log_queue_finish(struct log_queue *q);

#endif
