// SPDX-License-Identifier: MIT
//
// Independent jobs in several threads.

#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include "base/base.h"

#include <stddef.h>

// Calls run(user, i) once for each i < count, in any order, by as many threads as there
// are cores, but at most `most`; the calling thread is one of them. Returns when all
// calls have, with the number of threads: fewer where the system gives no more, which
// changes nothing else. Other threads have no log sink: a job keeps what failed and its
// caller reports it.
uint32_t parallel_run(size_t count, uint32_t most, void (*run)(void *user, size_t i),
                      void *user);

#endif
