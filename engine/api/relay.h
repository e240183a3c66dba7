// SPDX-License-Identifier: MIT
//
// What the files of the public API share. A function of it checks what the caller
// passes, makes the log of the object the current one of the thread, and makes one call
// into the layers below. Nothing below calls a pix_ function.

#ifndef API_RELAY_H
#define API_RELAY_H

#include "base/log.h"
#include "pix2pix.h"

// The user's callback. It is here, not in the sink, because its type names the public
// enum.
struct relay {
    struct pix_log log;
    struct log_sink sink;
};

// `log` may be NULL. `relay` must not move while its sink is in use.
void relay_init(struct relay *relay, const struct pix_log *log);

struct pix_device {
    struct relay relay;
    struct gpu_device *gpu;
    double submission_seconds;    // of GPU work in one submission; 0: the usual
    bool no_overlap;
};

// For pointers without which a function has nothing to do: logs an error if it is NULL.
bool api_given(const void *pointer, const char *function, const char *what);

#endif
