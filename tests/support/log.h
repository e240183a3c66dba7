// SPDX-License-Identifier: MIT
//
// What tests of messages need beside base/log.h.

#ifndef SUPPORT_LOG_H
#define SUPPORT_LOG_H

#include "base/log.h"

// log_last_error() is "" from now on, on this thread.
void test_forget_error(void);

// The messages since test_keep_messages or test_forget_messages, of this thread and of
// those that it starts.
struct test_messages {
    uint32_t errors, warnings, infos;
    char text[16384];            // one a line
    char last[LOG_LINE_SIZE];    // of any level
};
extern struct test_messages test_messages;

// Keeps messages up to a level, until another sink is used.
void test_keep_messages(enum log_level level);
void test_forget_messages(void);
// Fails the test unless this text is among them.
void test_check_message(const char *expected);

#endif
