// SPDX-License-Identifier: MIT
//
// See progress.h.

#include "base/progress.h"

#include "base/log.h"
#include "base/os.h"

#include <stdio.h>

#define VIEW_SECONDS 0.1     // between two lines on a terminal
#define FIRST_SECONDS 2.0    // until the first line in a log
#define LOG_SECONDS 10.0     // and between two of them

static void show(struct progress *p, size_t done)
{
    char text[80];
    snprintf(text, sizeof(text), "%s: %zu of %zu", p->what, done, p->count);
    if (p->view.show)
        p->view.show(p->view.user, text);
    else
        log_info("%s: %s in %s", p->area, text, p->folder);
    p->shown = os_seconds();
    p->pause = p->view.show ? VIEW_SECONDS : LOG_SECONDS;
}

void progress_begin(struct progress *p)
{
    p->shown = os_seconds();
    p->pause = FIRST_SECONDS;
    if (p->view.show)
        show(p, 0);
}

void progress_update(struct progress *p, size_t done)
{
    if (os_seconds() - p->shown >= p->pause)
        show(p, done);
}
