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
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

bool terminal_init(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    return true;
}

static void on_interrupt(int number)
{
    (void)number;
    if (interrupted)
        _exit(130);
    interrupted = 1;
}

void terminal_catch_interrupt(void)
{
    struct sigaction action = { 0 };
    action.sa_handler = on_interrupt;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);    // of batch systems and service managers
}

bool terminal_interrupted(void)
{
    return interrupted != 0;
}

bool terminal_is_interactive(FILE *stream)
{
    return isatty(fileno(stream)) == 1;
}

int terminal_columns(FILE *stream)
{
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

double terminal_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

enum path_kind terminal_path_kind(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return PATH_NONE;
    if (S_ISREG(status.st_mode))
        return PATH_FILE;
    return S_ISDIR(status.st_mode) ? PATH_FOLDER : PATH_OTHER;
}

bool terminal_same_path(const char *a, const char *b)
{
    struct stat status_a, status_b;
    return stat(a, &status_a) == 0 && stat(b, &status_b) == 0 &&
           status_a.st_dev == status_b.st_dev && status_a.st_ino == status_b.st_ino;
}

FILE *terminal_open_file(const char *path, const char *mode)
{
    return fopen(path, mode);
}

static bool is_separator(char c)
{
    return c == '/';
}

static unsigned long process_number(void)
{
    return (unsigned long)getpid();
}

// Without links.
static char *final_path(const char *path)
{
    return terminal_path_kind(path) == PATH_NONE ? strdup(path) : realpath(path, NULL);
}

// NULL if there is one already.
static FILE *create_file(const char *path)
{
    const int number = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return number < 0 ? NULL : fdopen(number, "wb");
}

static bool move_file(const char *from, const char *to)
{
    return rename(from, to) == 0;
}

static void remove_file(const char *path)
{
    unlink(path);
}

bool terminal_begin_replacement(struct replacement *r, const char *path)
{
    *r = (struct replacement){ 0 };
    const enum path_kind kind = terminal_path_kind(path);
    if (kind == PATH_OTHER) {
        r->file = terminal_open_file(path, "wb");
        return r->file != NULL;
    }
    if (kind == PATH_FOLDER) {
        errno = EISDIR;
        return false;
    }
    r->target = final_path(path);
    const size_t size = r->target ? strlen(r->target) + 64 : 0;
    r->temporary = r->target ? malloc(size) : NULL;
    if (r->temporary) {
        // A short name: the file's own may be as long as names can be.
        size_t folder = strlen(r->target);
        while (folder > 0 && !is_separator(r->target[folder - 1]))
            folder--;
        snprintf(r->temporary, size, "%.*s.pix2pix-bench-%lu.tmp", (int)folder,
                 r->target, process_number());
        r->file = create_file(r->temporary);
    }
    if (r->file)
        return true;
    const int error = errno;
    free(r->target);
    free(r->temporary);
    *r = (struct replacement){ 0 };
    errno = error;
    return false;
}

bool terminal_end_replacement(struct replacement *r, bool keep)
{
    int error = errno;
    bool ok = !ferror(r->file);
    if (fclose(r->file) != 0) {
        error = errno;
        ok = false;
    }
    if (r->temporary) {
        if (ok && keep && !move_file(r->temporary, r->target)) {
            error = errno;
            ok = false;
        }
        if (!ok || !keep)
            remove_file(r->temporary);
    }
    free(r->target);
    free(r->temporary);
    *r = (struct replacement){ 0 };
    errno = error;
    return ok;
}

static bool make_one(const char *path)
{
    if (mkdir(path, 0777) == 0)
        return true;
    const int error = errno;
    const bool exists = terminal_path_kind(path) == PATH_FOLDER;
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
