// SPDX-License-Identifier: MIT
//
// What the preloaded library of inject.c and the program of faults.c agree on.

#ifndef FAULTS_INJECT_H
#define FAULTS_INJECT_H

#include <stdint.h>
#include <sys/types.h>

// The calls that may fail: memory; everything that changes files; everything that reads
// them; the start of a thread.
enum fault_kind { FAULT_MALLOC, FAULT_WRITE, FAULT_READ, FAULT_THREAD, FAULT_KINDS };

static const char *const fault_kind_names[FAULT_KINDS] = { "malloc", "write", "read",
                                                           "thread" };

// Two descriptors of a process that serves, see inject.c: it reads requests from the
// first, in the order they come, and answers to the second with the number of the
// process, and again when that has ended.
enum { SERVER_IN = 100, SERVER_OUT = 101, SERVER_REQUEST_SIZE = 64 };
struct server_answer {
    pid_t process;
    int status;    // as waitpid has it
};

// The standard input of each process, from its folder.
#define FAULT_INPUT "../stdin"

// A call of a run in which none fails. Calls with equal ways come from the same place
// by the same callers.
struct fault_record {
    uint16_t kind;
    uint16_t is_library;    // made by a library that the program works with
    uint32_t way;
};

#endif
