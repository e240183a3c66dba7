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
    size_t count, next, done;
    struct os_mutex *mutex;    // guards `next` and `done`; NULL: there is one thread
};

static void run_jobs(struct jobs *jobs, void (*watch)(void *user, size_t done))
{
    size_t finished = 0;    // jobs of this thread that `done` does not have yet
    for (;;) {
        if (jobs->mutex)
            os_mutex_lock(jobs->mutex);
        const size_t done = jobs->done += finished;
        const size_t i = jobs->next < jobs->count ? jobs->next++ : jobs->count;
        if (jobs->mutex)
            os_mutex_unlock(jobs->mutex);
        if (watch && finished)
            watch(jobs->user, done);
        if (i == jobs->count)
            return;
        jobs->run(jobs->user, i);
        finished = 1;
    }
}

static void help(void *user)
{
    run_jobs(user, NULL);
}

uint32_t parallel_run_watched(size_t count, uint32_t threads,
                              void (*run)(void *user, size_t i),
                              void (*watch)(void *user, size_t done), void *user)
{
    struct os_thread *helpers[MAX_THREADS];
    struct jobs jobs = { .run = run, .user = user, .count = count };
    const size_t wanted = MIN(MIN(threads, (uint32_t)MAX_THREADS), count);
    uint32_t started = 0;
    // What cannot be had is done by the threads there are.
    struct log_capture capture;
    log_capture_begin(&capture);
    if (wanted > 1)
        jobs.mutex = os_mutex_create();
    while (jobs.mutex && started + 1 < wanted) {
        helpers[started] = os_thread_create(help, &jobs);
        if (!helpers[started])
            break;
        started++;
    }
    log_capture_end(&capture);
    run_jobs(&jobs, watch);
    for (uint32_t i = 0; i < started; i++)
        os_thread_join(helpers[i]);
    os_mutex_destroy(jobs.mutex);
    return started + 1;
}

uint32_t parallel_run(size_t count, uint32_t most, void (*run)(void *user, size_t i),
                      void *user)
{
    return parallel_run_watched(count, MIN(os_core_count(), most), run, NULL, user);
}
