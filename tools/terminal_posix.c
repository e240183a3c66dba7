// SPDX-License-Identifier: MIT
//
// terminal.h on POSIX systems.

#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#else
#define _DEFAULT_SOURCE    // struct winsize
#define _POSIX_C_SOURCE 200809L
#endif

#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// A later file would get the number of a stream that is closed at the start, and what
// is printed would go into it: a run's metrics.jsonl, or its lock.
static bool open_standard_streams(void)
{
    for (int number = 0; number <= STDERR_FILENO; number++) {
        if (fcntl(number, F_GETFD) != -1 || errno != EBADF)
            continue;
        // The smallest free number is taken, which is this one.
        if (open("/dev/null", O_RDWR) != number)
            return false;
    }
    return true;
}

bool terminal_init(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return open_standard_streams();
}

// ---------------------------------------------------------------------------
// Requests to end

// Whoever ends a process may do so several times: timeout(1) signals its child and then
// the whole group, within a few milliseconds, and a shell that goes away may send
// SIGHUP beside the system. A person who means it presses the key again after this
// time.
#define BURST_MS 1000

// Lock-free atomics: a driver's threads handle signals too, perhaps two at a time.
static atomic_int interrupted;
static atomic_uint interrupt_ms;    // when the first SIGINT came; 0: none has
static _Atomic(const char *) notice;
static atomic_int is_terminal;    // whether stderr is one

static unsigned milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned)now.tv_sec * 1000u + (unsigned)(now.tv_nsec / 1000000);
}

// Functions of stdio are not allowed here. A live line may stand on the terminal, and
// ^C behind it, so the notice begins a new one. That it cannot be written is no matter:
// the terminal may be gone.
static void print_notice(int number)
{
    static const char again[] = "; Ctrl-C again ends at once";
    const char *text = atomic_load(&notice);
    char line[256];
    size_t length = 0;
    if (atomic_load(&is_terminal))
        line[length++] = '\n';
    for (; *text && length + sizeof(again) + 1 < sizeof(line); text++)
        line[length++] = *text;
    for (text = number == SIGINT ? again : ""; *text; text++)
        line[length++] = *text;
    line[length++] = '\n';
    const ssize_t written = write(STDERR_FILENO, line, length);
    (void)written;
}

static void on_request(int number)
{
    const int error = errno;
    unsigned first = 0;
    if (atomic_exchange(&interrupted, 1) == 0)
        print_notice(number);
    if (number == SIGINT) {
        const unsigned now = milliseconds() | 1u;
        if (!atomic_compare_exchange_strong(&interrupt_ms, &first, now) &&
            now - first > BURST_MS)
            _exit(130);
    }
    errno = error;
}

void terminal_catch_interrupt(const char *text)
{
    struct sigaction action = { 0 }, before;
    atomic_store(&notice, text);
    atomic_store(&is_terminal, isatty(STDERR_FILENO) == 1);
    action.sa_handler = on_request;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);    // sent by batch systems and service managers
    // nohup(1) has it ignored.
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &action, NULL);
}

bool terminal_is_interrupted(void)
{
    return atomic_load(&interrupted) != 0;
}

// ---------------------------------------------------------------------------
// The terminal, time

bool terminal_is_interactive(FILE *stream)
{
    return isatty(fileno(stream)) == 1;
}

int terminal_get_columns(FILE *stream)
{
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

double terminal_get_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// ---------------------------------------------------------------------------
// Streams of bytes

// Between looks for a request to end, which does not end poll in every thread.
#define WAIT_MS 100

// That a reader has to take something after a request to end.
#define PATIENCE_MS 2000

static atomic_int ends_reading;
static size_t most_at_once;    // bytes that can be written, when poll says so

void terminal_begin_streams(void)
{
    struct stat status;
    most_at_once = fstat(STDOUT_FILENO, &status) == 0 && S_ISREG(status.st_mode)
                       ? SIZE_MAX
                       : PIPE_BUF;
}

void terminal_end_reading(void)
{
    atomic_store(&ends_reading, 1);
}

bool terminal_read_bytes(void *bytes, size_t size, size_t *count)
{
    struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
    *count = 0;
    for (;;) {
        const int ready = poll(&input, 1, WAIT_MS);
        if (terminal_is_interrupted() || atomic_load(&ends_reading))
            return true;
        if (ready == 0 || (ready < 0 && errno == EINTR))
            continue;
        const ssize_t got = read(STDIN_FILENO, bytes, size);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got > 0)
            *count = (size_t)got;
        return got >= 0;
    }
}

// Waits in poll alone, so that a reader which takes nothing cannot keep the process
// from ending.
bool terminal_write_bytes(const void *bytes, size_t size)
{
    const char *from = bytes;
    int waited_ms = 0;
    while (size > 0) {
        struct pollfd output = { .fd = STDOUT_FILENO, .events = POLLOUT };
        const int ready = poll(&output, 1, WAIT_MS);
        if (ready == 0 || (ready < 0 && errno == EINTR)) {
            waited_ms += terminal_is_interrupted() ? WAIT_MS : 0;
            if (waited_ms < PATIENCE_MS)
                continue;
            errno = ETIMEDOUT;
            return false;
        }
        const ssize_t done =
            write(STDOUT_FILENO, from, size < most_at_once ? size : most_at_once);
        // EAGAIN: somebody made the pipe one that does not wait.
        if (done < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (done > 0) {
            waited_ms = 0;
            from += done;
            size -= (size_t)done;
        }
    }
    return true;
}

// ---------------------------------------------------------------------------
// Paths

enum path_kind terminal_get_path_kind(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return PATH_NONE;
    if (S_ISREG(status.st_mode))
        return PATH_FILE;
    return S_ISDIR(status.st_mode) ? PATH_FOLDER : PATH_OTHER;
}

bool terminal_is_absent(const char *path)
{
    struct stat status;
    return stat(path, &status) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

bool terminal_is_same_path(const char *a, const char *b)
{
    struct stat status_a, status_b;
    return stat(a, &status_a) == 0 && stat(b, &status_b) == 0 &&
           status_a.st_dev == status_b.st_dev && status_a.st_ino == status_b.st_ino;
}

static FILE *open_stream(const char *path, int flags, const char *mode)
{
    const int number = open(path, flags | O_CLOEXEC, 0666);
    FILE *file = number < 0 ? NULL : fdopen(number, mode);
    if (number >= 0 && !file) {
        const int error = errno;
        close(number);
        errno = error;
    }
    return file;
}

FILE *terminal_open_file(const char *path, const char *mode)
{
    const int flags = mode[0] == 'r'   ? O_RDONLY
                      : mode[0] == 'a' ? O_WRONLY | O_CREAT | O_APPEND
                                       : O_WRONLY | O_CREAT | O_TRUNC;
    return open_stream(path, flags, mode);
}

// O_NONBLOCK, because opening a pipe waits for its other end. Regular files ignore it.
FILE *terminal_open_regular(const char *path, uint64_t *size, const char **reason)
{
    struct stat status = { 0 };
    FILE *file = open_stream(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, "rb");
    if (!file) {
        *reason = strerror(errno);
        return NULL;
    }
    if (fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode)) {
        *size = (uint64_t)status.st_size;
        return file;
    }
    *reason = S_ISDIR(status.st_mode) ? "it is a folder" : "it is not a regular file";
    fclose(file);
    return NULL;
}

bool terminal_is_separator(char c)
{
    return c == '/';
}

unsigned long terminal_get_process_number(void)
{
    return (unsigned long)getpid();
}

char *terminal_resolve_path(const char *path)
{
    return terminal_get_path_kind(path) == PATH_NONE ? strdup(path)
                                                     : realpath(path, NULL);
}

FILE *terminal_create_file(const char *path)
{
    return open_stream(path, O_WRONLY | O_CREAT | O_EXCL, "wb");
}

bool terminal_move_file(const char *from, const char *to)
{
    return rename(from, to) == 0;
}

void terminal_remove_file(const char *path)
{
    unlink(path);
}

static bool make_one(const char *path)
{
    if (mkdir(path, 0777) == 0)
        return true;
    const int error = errno;
    const bool exists = terminal_get_path_kind(path) == PATH_FOLDER;
    errno = error;
    return exists;
}

bool terminal_make_folder(const char *path)
{
    char *copy = strdup(path);
    bool ok = copy != NULL;
    for (char *c = copy; ok && *c; c++) {
        if (*c != '/' || c == copy)
            continue;
        *c = 0;
        ok = make_one(copy);
        *c = '/';
    }
    ok = ok && make_one(copy);
    const int error = errno;
    free(copy);
    errno = error;
    return ok;
}
