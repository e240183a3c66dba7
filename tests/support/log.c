// SPDX-License-Identifier: MIT
//
// See log.h.

#include "support/log.h"

#include "support/check.h"

#include <stdio.h>
#include <string.h>

struct test_messages test_messages;

void test_forget_error(void)
{
    const struct log_sink *before = log_use(NULL);
    log_error("%s", "");
    log_use(before);
}

static void keep(void *user, enum log_level level, const char *text)
{
    struct test_messages *m = user;
    const size_t used = strlen(m->text);
    m->errors += level == LOG_ERROR;
    m->warnings += level == LOG_WARN;
    m->infos += level == LOG_INFO;
    snprintf(m->text + used, sizeof(m->text) - used, "%s\n", text);
    snprintf(m->last, sizeof(m->last), "%s", text);
}

void test_keep_messages(enum log_level level)
{
    static struct log_sink sink = { keep, &test_messages, LOG_WARN };
    sink.level = level;
    test_forget_messages();
    log_use(&sink);
}

void test_forget_messages(void)
{
    test_messages = (struct test_messages){ 0 };
}

void test_check_message(const char *expected)
{
    if (!strstr(test_messages.text, expected))
        fail_msg("\"%s\" is not in:\n%s", expected, test_messages.text);
}
