// SPDX-License-Identifier: MIT
//
// See process.h.

#define _POSIX_C_SOURCE 200809L

#include "faults/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
#include "faults/inject.h"

void process_sleep(double seconds)
{
    struct timespec t = { (time_t)seconds,
                          (long)((seconds - (double)(time_t)seconds) * 1e9) };
    nanosleep(&t, NULL);
}

static void redirect(int number, const char *name)
{
    int opened = open(name, number ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY, 0666);
    if (opened >= 0 && opened != number) {
        dup2(opened, number);
        close(opened);
    }
}

// What is in LD_PRELOAD stays: the sanitizers' leg has something there.
static void set_environment(const struct process *p, bool serves)
{
    const char *before = getenv("LD_PRELOAD");
    char preload[4096];
    setenv("XDG_CACHE_HOME", p->cache, 1);
    setenv("LP_NUM_THREADS", "1", 1);    // as many processes run as there are cores
    if (!serves)
        return;
    snprintf(preload, sizeof(preload), "%s%s%s", p->inject, before ? ":" : "",
             before ? before : "");
    setenv("LD_PRELOAD", preload, 1);
    setenv("PIX_FAULT", "server", 1);
}

// In the child.
static void become(const struct process *p, bool serves)
{
    // A core file of each crash would fill the disk.
    struct rlimit none = { 0, 0 };
    char *words[WORDS_MAX + 1] = { (char *)p->command };
    for (size_t i = 0; i < WORDS_MAX && p->words[i]; i++)
        words[i + 1] = (char *)p->words[i];
    // nohup, or a script in the background, has them ignored, which the command
    // respects.
    signal(SIGHUP, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    setpgid(0, 0);
    setrlimit(RLIMIT_CORE, &none);
    if (chdir(p->folder) == 0) {
        unlink("fault.log");
        redirect(0, FAULT_INPUT);
        redirect(1, "out.txt");
        redirect(2, "err.txt");
        set_environment(p, serves);
        execv(p->command, words);
    }
    _exit(127);
}

pid_t process_start(const struct process *p)
{
    pid_t id = fork();
    if (id == 0)
        become(p, false);
    return id;
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

static void note_end(const struct process *p, int status, struct ending *e)
{
    if (WIFEXITED(status))
        e->code = WEXITSTATUS(status);
    else if (WIFSIGNALED(status))
        e->signal = WTERMSIG(status);
    e->out = read_text(p->folder, "out.txt");
    e->err = read_text(p->folder, "err.txt");
    e->log = read_text(p->folder, "fault.log");
}

void process_wait(const struct process *p, pid_t id, double seconds, struct ending *e)
{
    const double start = os_seconds();
    int status = 1 << 8;    // exit code 1
    *e = (struct ending){ .code = -1 };
    while (id > 0 && waitpid(id, &status, WNOHANG) == 0) {
        if (!e->timed_out && os_seconds() - start > seconds) {
            e->timed_out = true;
            kill(id, SIGKILL);
        }
        process_sleep(0.001);
    }
    note_end(p, status, e);
}

// ---------------------------------------------------------------------------
// Processes that serve

enum { SERVERS_MAX = 32, KEY_SIZE = 2048 };

static struct server {
    char key[KEY_SIZE];    // its words
    int in, out;           // to write requests to, and to read answers from
    pid_t process;
} servers[SERVERS_MAX];
static size_t server_count;
static pid_t server_owner;    // a worker does not use those of the process it is from

static bool start_server(const struct process *p, struct server *s)
{
    int requests[2], answers[2];
    if (pipe(requests) != 0 || pipe(answers) != 0)
        return false;
    const int kept[] = { requests[1], answers[0] };
    pid_t id = fork();
    if (id == 0) {
        dup2(requests[0], SERVER_IN);
        dup2(answers[1], SERVER_OUT);
        for (int i = 3; i < SERVER_IN; i++)
            close(i);
        become(p, true);
    }
    close(requests[0]);
    close(answers[1]);
    s->in = kept[0];
    s->out = kept[1];
    s->process = id;
    return id > 0;
}

void process_end_servers(void)
{
    for (size_t i = 0; server_owner == getpid() && i < server_count; i++) {
        close(servers[i].in);
        close(servers[i].out);
        waitpid(servers[i].process, NULL, 0);
    }
    server_count = 0;
}

static struct server *find_server(const struct process *p)
{
    char key[KEY_SIZE] = "";
    if (server_owner != getpid())
        server_count = 0;
    server_owner = getpid();
    for (size_t i = 0, used = 0; p->words[i] && used < sizeof(key); i++)
        used += (size_t)snprintf(key + used, sizeof(key) - used, "%s ", p->words[i]);
    for (size_t i = 0; i < server_count; i++)
        if (strcmp(servers[i].key, key) == 0)
            return &servers[i];
    struct server *s = &servers[server_count];
    if (server_count == SERVERS_MAX || !start_server(p, s))
        return NULL;
    memcpy(s->key, key, sizeof(key));
    server_count++;
    return s;
}

static bool read_answer(const struct server *s, struct server_answer *a)
{
    return read(s->out, a, sizeof(*a)) == (ssize_t)sizeof(*a) && a->process > 0;
}

void process_run(const struct process *p, double seconds, struct ending *e)
{
    if (!p->fault) {
        process_wait(p, process_start(p), seconds, e);
        return;
    }
    char request[SERVER_REQUEST_SIZE] = "";
    struct server *s = find_server(p);
    struct server_answer answer = { 0 };
    *e = (struct ending){ .code = -1 };
    snprintf(request, sizeof(request), "%s", p->fault);
    bool ok = s && write(s->in, request, sizeof(request)) == (ssize_t)sizeof(request) &&
              read_answer(s, &answer);
    struct pollfd waiting = { .fd = ok ? s->out : -1, .events = POLLIN };
    if (ok && poll(&waiting, 1, (int)(1e3 * seconds)) == 0) {
        e->timed_out = true;
        kill(answer.process, SIGKILL);
    }
    ok = ok && read_answer(s, &answer);
    note_end(p, ok ? answer.status : 127 << 8, e);
}

void process_forget(struct ending *e)
{
    mem_free(e->out);
    mem_free(e->err);
    mem_free(e->log);
    *e = (struct ending){ 0 };
}
