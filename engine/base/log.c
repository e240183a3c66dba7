// SPDX-License-Identifier: MIT
//
// The current sink and the last error of each thread, the formatting of a message into
// one line of bounded length, and captures. A capture is a sink of its own, so whatever
// puts its own sink in place inside of one (a validation layer's callback, a queue of
// messages) reports as always.

#include "base/log.h"

#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local const struct log_sink *current;
static _Thread_local char last_error[LOG_LINE_SIZE];    // "" at first

const struct log_sink *log_use(const struct log_sink *sink)
{
    const struct log_sink *before = current;
    current = sink;
    return before;
}

// The sink of a capture: keeps errors and passes all else to the outer sink, which may
// be that of another capture.
static void capture_message(void *user, enum log_level level, const char *text)
{
    struct log_capture *c = user;
    const struct log_sink *outer = c->outer;
    // Of several errors the last counts, as for log_last_error.
    if (level == LOG_ERROR) {
        snprintf(c->text, sizeof(c->text), "%s", text);
        return;
    }
    if (outer && outer->callback && level <= outer->level)
        outer->callback(outer->user, level, text);
}

static bool is_capture(const struct log_sink *sink)
{
    return sink && sink->callback == capture_message;
}

// Never a capture: that is on the stack of this thread, and threads may still run when
// it has ended.
const struct log_sink *log_current(void)
{
    const struct log_sink *sink = current;
    while (is_capture(sink))
        sink = ((const struct log_capture *)sink->user)->outer;
    return sink;
}

// A message that does not fit ends in dots. File names may contain what would break the
// line or be obeyed by a terminal.
static void format_line(char line[LOG_LINE_SIZE], const char *format, va_list args)
{
    char raw[LOG_LINE_SIZE];
    int length = vsnprintf(raw, sizeof(raw), format, args);
    if (length < 0) {
        snprintf(line, LOG_LINE_SIZE, "log: a message cannot be formatted");
        return;
    }
    if (length >= LOG_LINE_SIZE) {
        static const char dots[] = "...";
        size_t end = sizeof(raw) - sizeof(dots);
        while (end > 0 && ((unsigned char)raw[end] & 0xc0) == 0x80)
            end--;    // back to the start of a UTF-8 character
        memcpy(raw + end, dots, sizeof(dots));
    }
    text_escape(raw, line, LOG_LINE_SIZE);
}

static void deliver(enum log_level level, const char *format, va_list args)
{
    const struct log_sink *sink = current;
    bool wanted = sink && sink->callback && level <= sink->level;
    char line[LOG_LINE_SIZE];    // not last_error: that may be one of the arguments

    // An error that nobody listens to is still one that log_last_error returns.
    if (!wanted && level != LOG_ERROR)
        return;
    format_line(line, format, args);
    if (level == LOG_ERROR && !is_capture(sink))
        memcpy(last_error, line, strlen(line) + 1);
    if (wanted)
        sink->callback(sink->user, level, line);
}

void log_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    deliver(LOG_ERROR, format, args);
    va_end(args);
}

void log_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    deliver(LOG_WARN, format, args);
    va_end(args);
}

void log_info(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    deliver(LOG_INFO, format, args);
    va_end(args);
}

void log_debug(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    deliver(LOG_DEBUG, format, args);
    va_end(args);
}

void log_message(enum log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    deliver(level, format, args);
    va_end(args);
}

// No success clears it: it has a meaning only after a call that failed.
const char *log_last_error(void)
{
    return last_error;
}

// Takes the levels of the outer sink, so that nothing is formatted which that would
// drop; errors in any case.
void log_capture_begin(struct log_capture *c)
{
    c->sink = (struct log_sink){ capture_message, c, LOG_ERROR };
    c->outer = log_use(&c->sink);
    if (c->outer)
        c->sink.level = c->outer->level;
    c->text[0] = '\0';
}

const char *log_capture_end(struct log_capture *c)
{
    assert(current == &c->sink);
    log_use(c->outer);
    return c->text;
}
