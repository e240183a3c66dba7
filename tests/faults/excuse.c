// SPDX-License-Identifier: MIT
//
// The table of messages that excuse something. See excuse.h.

#include "faults/excuse.h"

#include <stdlib.h>
#include <string.h>

// A message that begins one of these lines. What fails again and again is reported when
// it begins and when it is over, so such a loss lasts from one message to the other.
// '#' stands for a number: the step, or the lines.
static const struct {
    enum loss loss;
    enum { ONE_STEP, ALL_STEPS, BEGINS, ENDS, LINES } means;
    const char *text;
} messages[] = {
    { LOSS_SAMPLES, BEGINS,
      "warning: train: there is no sample grid of step #, and the run goes on: " },
    { LOSS_SAMPLES, ENDS, "train: sample grids are written again, from step # on" },
    { LOSS_CHECKPOINT, BEGINS,
      "warning: train: step # is not saved, and the run goes on; it is tried again" },
    { LOSS_CHECKPOINT, ENDS, "train: step # is saved: checkpoints are written again" },
    { LOSS_VALIDATION, ONE_STEP,
      "warning: train: step # is not validated, and the run goes on: " },
    { LOSS_REPORT, BEGINS, "warning: train: after step # report/" },
    { LOSS_PAGE, ALL_STEPS,
      "warning: report: result/report.html is not written, and the run goes on: " },
    { LOSS_LINES, LINES, "warning: train: # line of metrics could not be written to " },
    { LOSS_LINES, LINES,
      "warning: train: # lines of metrics could not be written to " },
    { LOSS_REMOVAL, ONE_STEP,
      "warning: checkpoint: cannot remove the old checkpoint of step # in result: " },
    { LOSS_REMOVAL, ALL_STEPS,
      "warning: checkpoint: cannot list the checkpoints in result, so old ones stay: " },
};

// Whether a line begins with a text.
static bool matches(const char *line, const char *text, uint64_t *number)
{
    for (; *text; text++) {
        if (*text != '#') {
            if (*line++ != *text)
                return false;
            continue;
        }
        char *end;
        *number = strtoull(line, &end, 10);
        if (end == line)
            return false;
        line = end;
    }
    return true;
}

static void note(struct excuses *e, size_t row, uint64_t number)
{
    const enum loss loss = messages[row].loss;
    struct excuse *last = NULL;
    for (size_t i = 0; i < e->count; i++)
        if (e->items[i].loss == loss)
            last = &e->items[i];
    if (messages[row].means == ENDS) {
        if (last && number > 0)
            last->last = MIN(last->last, number - 1);
        return;
    }
    // Another cause of a failure that goes on.
    if (messages[row].means == BEGINS && last && last->last == UINT64_MAX)
        return;
    if (e->count == EXCUSES_MAX)
        return;
    struct excuse *added = &e->items[e->count++];
    *added = (struct excuse){ .loss = loss, .first = number, .last = number };
    if (messages[row].means == BEGINS || messages[row].means == ALL_STEPS)
        added->last = UINT64_MAX;
}

void excuses_read(struct excuses *e, const char *text)
{
    *e = (struct excuses){ 0 };
    for (const char *line = text; *line;
         line += strcspn(line, "\n"), line += *line != 0)
        for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
            uint64_t number = 0;
            if (matches(line, messages[i].text, &number))
                note(e, i, number);
        }
}

void excuses_limit(struct excuses *e, uint64_t step)
{
    size_t kept = 0;
    for (size_t i = 0; i < e->count; i++) {
        struct excuse x = e->items[i];
        if (x.loss != LOSS_LINES)
            x.last = MIN(x.last, step);
        if (x.loss != LOSS_REMOVAL && x.loss != LOSS_PAGE &&
            (x.loss == LOSS_LINES || x.first <= x.last))
            e->items[kept++] = x;
    }
    e->count = kept;
}

bool excuses_have(const struct excuses *e, enum loss loss, uint64_t step)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->items[i].loss == loss && step >= e->items[i].first &&
            step <= e->items[i].last)
            return true;
    return false;
}

uint64_t excuses_lines(const struct excuses *e)
{
    uint64_t count = 0;
    for (size_t i = 0; i < e->count; i++)
        if (e->items[i].loss == LOSS_LINES)
            count += e->items[i].first;
    return count;
}

uint64_t excuses_find_start(const char *text)
{
    static const char before[] = "train: resuming from ", name[] = "/step-";
    const char *at = strstr(text, before);
    at = at ? strstr(at, name) : NULL;
    return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}
