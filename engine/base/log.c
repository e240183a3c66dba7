// SPDX-License-Identifier: MIT
//
// The current sink and the last error of each thread, and the formatting of a message
// into one line of bounded length.

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_SIZE = 2048 };

static _Thread_local const struct log_sink *current;
static _Thread_local char last_error[LINE_SIZE];

const struct log_sink *log_use(const struct log_sink *sink)
{
    const struct log_sink *before = current;
    current = sink;
    return before;
}

const struct log_sink *log_current(void)
{
    return current;
}

// A message that does not fit ends in dots. Control characters, which may come in
// through file names, would break the line or reach a terminal.
static void format_line(char line[LINE_SIZE], const char *format, va_list args)
{
    static const char dots[] = "...";

    int length = vsnprintf(line, LINE_SIZE, format, args);
    if (length < 0) {
        snprintf(line, LINE_SIZE, "log: a message can not be formatted");
    } else if (length >= LINE_SIZE) {
        size_t end = LINE_SIZE - sizeof(dots);
        while (end > 0 && ((unsigned char)line[end] & 0xc0) == 0x80)
            end--;    // back to the start of a UTF-8 character
        memcpy(line + end, dots, sizeof(dots));
    }
    for (char *c = line; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    }
}

static void deliver(enum log_level level, const char *format, va_list args)
{
    const struct log_sink *sink = current;
    bool wanted = sink && sink->callback && level <= sink->level;
    char line[LINE_SIZE];

    if (!wanted && level != LOG_ERROR)
        return;
    format_line(line, format, args);
    if (level == LOG_ERROR)
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

const char *log_last_error(void)
{
    return last_error;
}

void log_clear_error(void)
{
    last_error[0] = '\0';
}
