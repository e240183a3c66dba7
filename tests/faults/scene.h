// SPDX-License-Identifier: MIT
//
// What the command is asked to do while something fails, and what may come of it:
//
// - it ends, and not by a signal, with exit code 0, 1 or 2;
// - with 0 its results are those of a run without a fault, but for what its warnings
//   name (excuse.c): sample grids and validations of steps, numbers of lines of
//   metrics, and checkpoints of steps, of which the last one may not be missing; else
//   there is an error message;
// - whatever there is of results and checkpoints is whole and equal to those of a run
//   without a fault, and nothing is gone: no good checkpoint, and, where a run ends
//   early, nothing that comes before its last line of metrics;
// - a run that is then continued, without a fault, ends with the same files, but for
//   what was excused before.

#ifndef FAULTS_SCENE_H
#define FAULTS_SCENE_H

#include "faults/inject.h"
#include "faults/process.h"

struct place {
    const char *command, *inject;
    const char *root;    // the scratch folder, an absolute path
    double limit;        // seconds until a process counts as one that hangs
};

struct scene {
    const char *name;
    const char *words;      // the command line; @ stands for the scratch folder
    const char *before;     // the folder that it starts from; NULL: none
    const char *resumes;    // for a run: continues what is there; NULL: not a run
    bool needs_folder;      // for its result
    bool prints;            // what it prints is a result as well
    bool writes_nothing;
    const char *never;    // what it may not print, whatever fails
};

extern const struct scene scenes[];
extern const size_t scene_count;

enum fault_mode { MODE_ONCE, MODE_ON, MODE_KILL };

struct fault {
    enum fault_kind kind;
    enum fault_mode mode;
    unsigned long number;    // of the call
};

enum { REASON_SIZE = 4096, FAULT_TEXT_SIZE = 64 };

// As PIX_FAULT has it, and for people: "write:12+:ENOSPC".
void fault_text(const struct fault *f, char text[FAULT_TEXT_SIZE], bool for_people);

// Whether a name is that of the scene asked for, or of a part of it; NULL asks for all.
bool scene_is_asked(const char *only, const char *name);

// Makes the data, a model, and the results of the scenes asked for without a fault.
// False after a message.
bool scenes_prepare(const struct place *place, const char *only);

// All calls of a scene that count, in their order: an array of records; mem_free.
bool scene_count_calls(const struct place *place, const struct scene *s,
                       struct fault_record **records, size_t *count);

// Each in a folder of the worker with this number. False with the reason.
bool scene_try(const struct place *place, const struct scene *s, const struct fault *f,
               uint32_t worker, char reason[REASON_SIZE]);

// A run that is killed at a moment of its time, a number in [0, 1), and continued.
// *happened is false if it had ended before.
bool scene_try_kill(const struct place *place, double moment, uint32_t worker,
                    bool *happened, char reason[REASON_SIZE]);

// A run that gets two signals within 2 ms, of six pairs of SIGTERM, SIGINT and SIGHUP
// that of this number: the newest step is saved, and can be continued.
bool scene_try_signals(const struct place *place, uint32_t number, uint32_t worker,
                       char reason[REASON_SIZE]);

#endif
