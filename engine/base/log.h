// SPDX-License-Identifier: MIT
//
// Messages of the engine. A library inside a product owns nothing of the process, so
// there is no global log: each thread has a current sink, set at the public API's
// border from the object that is used, and handed on to the threads that object starts.

#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/base.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_sink {
    void (*callback)(void *user, enum log_level level, const char *text);
    void *user;
    enum log_level level;    // messages above it are dropped before they are formatted
};

// Makes `sink` the current one of this thread (NULL: silent) and returns the one
// before.
const struct log_sink *log_use(const struct log_sink *sink);
const struct log_sink *log_current(void);

// One line each, no newline, starting with the module: "device: ...". Errors are also
// kept for log_last_error, callback or not.
void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);

// Text of this thread's last error, "" if none. log_clear_error forgets it.
const char *log_last_error(void);
void log_clear_error(void);

#endif
