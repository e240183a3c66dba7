// SPDX-License-Identifier: MIT
//
// What the files of the public API share. Each public function checks the pointers that
// the caller passes, makes the log of the object the current one of the thread, makes
// one call into the layers below, and restores the log. Nothing below calls a public
// function.

#ifndef API_RELAY_H
#define API_RELAY_H

#include "base/log.h"
#include "pix2pix.h"

// The user's log and the sink that calls it. base/ knows no public type, so that the
// callback cannot be the sink's own.
struct relay {
    struct pix_log log;
    struct log_sink sink;
};

// `log` may be NULL. `relay` must not move while its sink is in use.
void relay_init(struct relay *relay, const struct pix_log *log);

struct pix_device {
    struct relay relay;
    struct gpu_device *gpu;
    double submission_seconds;    // aimed length of one submission; 0: the usual one
    bool no_overlap;              // train without a second step under way
};

// False after a message if a pointer is NULL that the function cannot do without.
bool api_check_given(const void *pointer, const char *function, const char *what);

#endif
