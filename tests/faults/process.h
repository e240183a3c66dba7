// SPDX-License-Identifier: MIT
//
// Runs the command as a user does, in a folder of its own, with a fault in it or not.

#ifndef FAULTS_PROCESS_H
#define FAULTS_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/base.h"

enum { WORDS_MAX = 48 };

struct process {
    const char *command;    // the program's path
    const char *inject;     // that of the library with the faults
    const char *cache;      // the folder for XDG_CACHE_HOME
    const char *folder;    // where it runs; what it prints goes to its out.txt, err.txt
    const char *fault;     // for PIX_FAULT; NULL: the library is not loaded
    const char *words[WORDS_MAX];    // its arguments, then NULL
};

struct ending {
    int code;           // the exit code, -1 if it did not exit
    int signal;         // that ended it, or 0
    bool timed_out;     // it was killed after the limit
    char *out, *err;    // what it printed; mem_free by process_forget
    char *log;          // what the library reported, "" if nothing
};

// Starts it as the leader of its own process group, without the library; -1 if that
// fails.
pid_t process_start(const struct process *p);

// Waits for its end, at most `seconds`, and reads what it printed.
void process_wait(const struct process *p, pid_t id, double seconds, struct ending *e);

// Starts it and waits. With the library it is a copy of a process that serves, of which
// the caller's process has one for each line of words, until process_end_servers.
void process_run(const struct process *p, double seconds, struct ending *e);
void process_end_servers(void);
void process_forget(struct ending *e);

void process_sleep(double seconds);

#endif
