// SPDX-License-Identifier: MIT
//
// The operating system through POSIX (Linux, the BSDs, macOS): threads, processes,
// time, errors. os_posix_files.c has files and folders.

// The BSDs declare everything, flock too, unless a standard is asked for.
#if !defined(__FreeBSD__) && !defined(__NetBSD__) && !defined(__OpenBSD__) &&          \
    !defined(__DragonFly__)
#define _XOPEN_SOURCE 700
#endif
#define _DARWIN_C_SOURCE        // F_FULLFSYNC and flock on macOS
#define _FILE_OFFSET_BITS 64    // files over 2 GiB on 32-bit systems

#include "base/mem.h"
#include "base/os.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

// Threads

struct os_thread {
    pthread_t id;
    void (*run)(void *user);
    void *user;
};

struct os_mutex {
    pthread_mutex_t mutex;
};

struct os_condition {
    pthread_cond_t condition;
};

// Shader compilers need more than some defaults: 128 KiB (musl), 512 KiB (macOS).
#define THREAD_STACK ((size_t)8 << 20)

static void *thread_main(void *p)
{
    struct os_thread *thread = p;
    thread->run(thread->user);
    return NULL;
}

// A signal to the process may be handled by any thread that does not block it. The
// program expects that in its own threads, so ours block all but those that report a
// fault of the thread itself.
struct os_thread *os_thread_create(void (*run)(void *user), void *user)
{
    struct os_thread *thread = mem_zalloc(sizeof(*thread));
    sigset_t blocked, before;
    pthread_attr_t attributes;
    size_t stack = 0;

    if (!thread) {
        errno = ENOMEM;
        return NULL;
    }
    thread->run = run;
    thread->user = user;

    // The thread inherits the mask of its creator. Set by the thread itself, it would
    // come too late for a signal that arrives at its start.
    sigfillset(&blocked);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGBUS);
    sigdelset(&blocked, SIGFPE);
    sigdelset(&blocked, SIGILL);
    sigdelset(&blocked, SIGABRT);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    int error = pthread_attr_init(&attributes);
    if (!error) {
        // A larger default is kept: with glibc it is what `ulimit -s` says.
        if (pthread_attr_getstacksize(&attributes, &stack) == 0 && stack < THREAD_STACK)
            pthread_attr_setstacksize(&attributes, THREAD_STACK);
        error = pthread_create(&thread->id, &attributes, thread_main, thread);
        pthread_attr_destroy(&attributes);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    // The functions of pthread return their errors and do not set errno, which
    // os_error_text reads.
    if (error) {
        mem_free(thread);
        errno = error;
        return NULL;
    }
    return thread;
}

void os_thread_join(struct os_thread *thread)
{
    if (!thread)
        return;
    pthread_join(thread->id, NULL);
    mem_free(thread);
}

struct os_mutex *os_mutex_create(void)
{
    struct os_mutex *mutex = mem_zalloc(sizeof(*mutex));
    int error = mutex ? pthread_mutex_init(&mutex->mutex, NULL) : ENOMEM;
    if (error) {
        mem_free(mutex);
        errno = error;
        return NULL;
    }
    return mutex;
}

void os_mutex_destroy(struct os_mutex *mutex)
{
    if (!mutex)
        return;
    pthread_mutex_destroy(&mutex->mutex);
    mem_free(mutex);
}

void os_mutex_lock(struct os_mutex *mutex)
{
    pthread_mutex_lock(&mutex->mutex);
}

void os_mutex_unlock(struct os_mutex *mutex)
{
    pthread_mutex_unlock(&mutex->mutex);
}

struct os_condition *os_condition_create(void)
{
    struct os_condition *condition = mem_zalloc(sizeof(*condition));
    int error = condition ? pthread_cond_init(&condition->condition, NULL) : ENOMEM;
    if (error) {
        mem_free(condition);
        errno = error;
        return NULL;
    }
    return condition;
}

void os_condition_destroy(struct os_condition *condition)
{
    if (!condition)
        return;
    pthread_cond_destroy(&condition->condition);
    mem_free(condition);
}

void os_condition_wait(struct os_condition *condition, struct os_mutex *mutex)
{
    pthread_cond_wait(&condition->condition, &mutex->mutex);
}

void os_condition_signal_all(struct os_condition *condition)
{
    pthread_cond_broadcast(&condition->condition);
}

// Not created by anybody: it has to work before the first object exists.
static pthread_mutex_t global_mutex = PTHREAD_MUTEX_INITIALIZER;

void os_global_lock(void)
{
    pthread_mutex_lock(&global_mutex);
}

void os_global_unlock(void)
{
    pthread_mutex_unlock(&global_mutex);
}

// Those that are online, even where an affinity or a container allows fewer: more
// threads than cores only cost some time. sysconf returns -1 if it does not know.
uint32_t os_core_count(void)
{
#ifdef _SC_NPROCESSORS_ONLN
    int64_t count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 1 ? (uint32_t)count : 1;
#else
    return 1;
#endif
}

uint32_t os_process_id(void)
{
    return (uint32_t)getpid();
}

const char *os_system_name(void)
{
    static _Thread_local char text[256];
    struct utsname name;
    if (uname(&name) < 0)
        return "unknown";
    snprintf(text, sizeof(text), "%s %s %s", name.sysname, name.release, name.machine);
    return text;
}

// Signal 0 is only checked, not sent. EPERM: the process is another user's.
bool os_process_exists(uint32_t id)
{
    return kill((pid_t)id, 0) == 0 || errno != ESRCH;
}

// Time

double os_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Errors

bool os_error_is_no_room(void)
{
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
}

// Everything passes that is not known to stay: a file that is left alone for no reason
// loses more than one that is tried again.
enum os_error os_error_kind(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return OS_ERROR_ABSENT;
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case EFBIG:
    case EOVERFLOW:
        return OS_ERROR_PATH;
    default:
        return OS_ERROR_PASSING;
    }
}

const char *os_error_text(void)
{
    // The strerror_r of POSIX: with _GNU_SOURCE glibc has another one, which returns
    // the text and may leave the buffer alone.
    static _Thread_local char text[256];
    int error = errno;
    if (strerror_r(error, text, sizeof(text)) != 0)
        snprintf(text, sizeof(text), "system error %d", error);
    return text;
}
