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
    sigaction(SIGTERM, &action, NULL);    // sent by batch systems and service managers
}

bool terminal_is_interrupted(void)
{
    return interrupted != 0;
}

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

enum path_kind terminal_get_path_kind(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return PATH_NONE;
    if (S_ISREG(status.st_mode))
        return PATH_FILE;
    return S_ISDIR(status.st_mode) ? PATH_FOLDER : PATH_OTHER;
}

bool terminal_is_same_path(const char *a, const char *b)
{
    struct stat status_a, status_b;
    return stat(a, &status_a) == 0 && stat(b, &status_b) == 0 &&
           status_a.st_dev == status_b.st_dev && status_a.st_ino == status_b.st_ino;
}

FILE *terminal_open_file(const char *path, const char *mode)
{
    return fopen(path, mode);
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
    const int number = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return number < 0 ? NULL : fdopen(number, "wb");
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
