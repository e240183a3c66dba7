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

// The same by so many threads, also where there are fewer cores. After each job of its
// own the calling thread calls watch(user, done) with the number of jobs that all
// threads have done.
uint32_t parallel_run_watched(size_t count, uint32_t threads,
                              void (*run)(void *user, size_t i),
                              void (*watch)(void *user, size_t done), void *user);

#endif
