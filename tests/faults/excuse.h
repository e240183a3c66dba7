// SPDX-License-Identifier: MIT
//
// What the command says that it has not done, as its messages name it. Whatever else is
// missing is lost without a word.

#ifndef FAULTS_EXCUSE_H
#define FAULTS_EXCUSE_H

#include "base/base.h"

// Of a run. All but the lines have a step.
enum loss {
    LOSS_SAMPLES,       // the sample grid of a step
    LOSS_CHECKPOINT,    // its checkpoint
    LOSS_VALIDATION,    // its val_l1, and what its checkpoints say of it
    LOSS_LINES,         // some lines of metrics.jsonl
    LOSS_REMOVAL,       // its checkpoint is still there, and should have gone
    LOSS_REPORT,        // files in report/, and which pairs they are of
    LOSS_PAGE,          // report.html
    LOSS_COUNT
};

enum { EXCUSES_MAX = 64 };

// The steps from `first` to `last`, or a number of lines (`first`).
struct excuse {
    enum loss loss;
    uint64_t first, last;
};

struct excuses {
    struct excuse items[EXCUSES_MAX];
    size_t count;
};

// Reads the messages of a process. More than there is room for excuse nothing.
void excuses_read(struct excuses *e, const char *messages);

// Only steps up to this one count from here on: a run that was continued from there has
// taken all others itself, has removed what is to be removed, and has written its page.
void excuses_limit(struct excuses *e, uint64_t step);

bool excuses_have(const struct excuses *e, enum loss loss, uint64_t step);
uint64_t excuses_lines(const struct excuses *e);    // that may be missing

// The step that a run has begun after, as its messages say.
uint64_t excuses_find_start(const char *messages);

#endif
