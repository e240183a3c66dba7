// SPDX-License-Identifier: MIT
//
// What tests of messages need beside base/log.h.

#ifndef SUPPORT_LOG_H
#define SUPPORT_LOG_H

// log_last_error() is "" from now on, on this thread.
void test_forget_error(void);

#endif
