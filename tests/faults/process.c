// SPDX-License-Identifier: MIT
//
// See process.h.

#define _POSIX_C_SOURCE 200809L

#include "faults/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/os.h"

void process_sleep(double seconds)
{
    struct timespec t = { (time_t)seconds,
                          (long)((seconds - (double)(time_t)seconds) * 1e9) };
    nanosleep(&t, NULL);
}

static void redirect(int number, const char *name)
{
    int opened = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (opened >= 0 && opened != number) {
        dup2(opened, number);
        close(opened);
    }
}

// What is in LD_PRELOAD stays: the sanitizers' leg has something there.
static void set_environment(const struct process *p)
{
    const char *before = getenv("LD_PRELOAD");
    char preload[4096];
    setenv("XDG_CACHE_HOME", p->cache, 1);
    if (!p->fault)
        return;
    snprintf(preload, sizeof(preload), "%s%s%s", p->inject, before ? ":" : "",
             before ? before : "");
    setenv("LD_PRELOAD", preload, 1);
    setenv("PIX_FAULT", p->fault, 1);
    setenv("PIX_FAULT_LOG", "fault.log", 1);
}

pid_t process_start(const struct process *p)
{
    pid_t id = fork();
    if (id != 0)
        return id;
    // A core file of each crash would fill the disk.
    struct rlimit none = { 0, 0 };
    char *words[WORDS_MAX + 1] = { (char *)p->command };
    for (size_t i = 0; i < WORDS_MAX && p->words[i]; i++)
        words[i + 1] = (char *)p->words[i];
    setpgid(0, 0);
    setrlimit(RLIMIT_CORE, &none);
    if (chdir(p->folder) == 0) {
        unlink("fault.log");
        redirect(0, "/dev/null");
        redirect(1, "out.txt");
        redirect(2, "err.txt");
        set_environment(p);
        execv(p->command, words);
    }
    _exit(127);
}

static char *read_text(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    struct reason reason;
    void *data = NULL;
    size_t size;
    if (!path || !file_load(path, UINT64_MAX, &data, &size, &reason))
        data = mem_strdup("");
    mem_free(path);
    return data;
}

void process_wait(const struct process *p, pid_t id, double seconds, struct ending *e)
{
    const double start = os_seconds();
    int status = 0;
    pid_t ended = 0;
    *e = (struct ending){ .code = -1 };
    while (id > 0 && (ended = waitpid(id, &status, WNOHANG)) == 0) {
        if (!e->timed_out && os_seconds() - start > seconds) {
            e->timed_out = true;
            kill(id, SIGKILL);
        }
        process_sleep(0.001);
    }
    if (ended > 0 && WIFEXITED(status))
        e->code = WEXITSTATUS(status);
    else if (ended > 0 && WIFSIGNALED(status))
        e->signal = WTERMSIG(status);
    e->out = read_text(p->folder, "out.txt");
    e->err = read_text(p->folder, "err.txt");
    e->log = read_text(p->folder, "fault.log");
}

void process_run(const struct process *p, double seconds, struct ending *e)
{
    process_wait(p, process_start(p), seconds, e);
}

void process_forget(struct ending *e)
{
    mem_free(e->out);
    mem_free(e->err);
    mem_free(e->log);
    *e = (struct ending){ 0 };
}
