// SPDX-License-Identifier: MIT
//
// Threads take the next job when they are done with one, not a fixed share: jobs may
// differ widely in the time that they take. See parallel.h.

#include "base/parallel.h"

#include "base/log.h"
#include "base/os.h"

#define MAX_THREADS 64

struct jobs {
    void (*run)(void *user, size_t i);
    void *user;
    size_t count, next;
    struct os_mutex *mutex;    // guards `next`; NULL: there is one thread
};

static void run_jobs(void *user)
{
    struct jobs *jobs = user;
    for (;;) {
        if (jobs->mutex)
            os_mutex_lock(jobs->mutex);
        const size_t i = jobs->next < jobs->count ? jobs->next++ : jobs->count;
        if (jobs->mutex)
            os_mutex_unlock(jobs->mutex);
        if (i == jobs->count)
            return;
        jobs->run(jobs->user, i);
    }
}

uint32_t parallel_run(size_t count, uint32_t most, void (*run)(void *user, size_t i),
                      void *user)
{
    struct os_thread *threads[MAX_THREADS];
    struct jobs jobs = { .run = run, .user = user, .count = count };
    const size_t cores = MIN(MIN(os_core_count(), most), (uint32_t)MAX_THREADS);
    const size_t wanted = MIN(cores, count);
    uint32_t started = 0;
    // What cannot be had is done by the threads there are.
    struct log_capture capture;
    log_capture_begin(&capture);
    if (wanted > 1)
        jobs.mutex = os_mutex_create();
    while (jobs.mutex && started + 1 < wanted) {
        threads[started] = os_thread_create(run_jobs, &jobs);
        if (!threads[started])
            break;
        started++;
    }
    log_capture_end(&capture);
    run_jobs(&jobs);
    for (uint32_t i = 0; i < started; i++)
        os_thread_join(threads[i]);
    os_mutex_destroy(jobs.mutex);
    return started + 1;
}
