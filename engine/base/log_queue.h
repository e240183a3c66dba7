// SPDX-License-Identifier: MIT
//
// Messages that are kept in order, to be reported later: several threads work at the
// same time, and the user reads what belongs together together.

#ifndef BASE_LOG_QUEUE_H
#define BASE_LOG_QUEUE_H

#include "base/log.h"

struct log_queue {
    struct log_sink sink;    // for log_use: keeps what it gets
    struct log_queue_entry *entries;
    size_t count, capacity;
    bool is_busy;    // keeping a message may itself fail with one
};

// Keeps what the current sink of this thread would take. The queue stays in place while
// its sink is in use.
void log_queue_init(struct log_queue *q);

// Reports the messages to the current sink of this thread, in the order in which they
// came, and forgets them.
void log_queue_flush(struct log_queue *q);

// Forgets messages that were not reported. A zeroed queue is fine.
void log_queue_finish(struct log_queue *q);

#endif
