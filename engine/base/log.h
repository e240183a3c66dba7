// SPDX-License-Identifier: MIT
//
// Messages of the engine. A library inside a product owns nothing of the process, so
// there is no global log: each thread has a current sink. The public API sets it from
// the object that is used, and the threads which that object starts get the same one.

#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/base.h"

enum { LOG_LINE_SIZE = 2048 };    // longer messages are cut

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_sink {
    void (*callback)(void *user, enum log_level level, const char *text);
    void *user;
    enum log_level level;    // messages above it are dropped before they are formatted
};

// Makes `sink` the current one of this thread (NULL: no messages) and returns the one
// before.
const struct log_sink *log_use(const struct log_sink *sink);

// The sink for a thread that this one starts: the current one, which outlives any
// capture.
const struct log_sink *log_current(void);

// One line each, no newline, starting with the module: "device: ...". What a terminal
// would obey is shown as an escape, see text.h. Errors are also
// kept for log_last_error, callback or not.
void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);
void log_message(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

// Text of this thread's last error that was not captured, "" if none.
const char *log_last_error(void);

// An attempt that may fail: from _begin to _end the errors of this thread are kept in
// the capture, neither reported nor seen by log_last_error. Other messages pass. The
// capture stays in place meanwhile; captures nest, the inner one ends first.
struct log_capture {
    struct log_sink sink;
    const struct log_sink *outer;    // the sink before
    char text[LOG_LINE_SIZE];
};

void log_capture_begin(struct log_capture *c);

// Returns the last error's text, "" if there was none; it lives as long as `c`.
const char *log_capture_end(struct log_capture *c);

#endif
