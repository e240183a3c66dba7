// SPDX-License-Identifier: MIT
//
// See public.h.

#include "support/public.h"

#include <stdio.h>
#include <string.h>

#include "support/tree.h"

pix_device *public_device;
char public_messages[16384];

static const char *scratch;
static bool no_execute;    // the driver runs nothing
static uint32_t
    reports;    // of the validation layer, about devices before public_device

const char *public_folder(void)
{
    return scratch;
}

void public_keep_message(void *user, enum pix_log_level level, const char *text)
{
    size_t used = strlen(public_messages);
    (void)user;
    if (level <= PIX_LOG_WARN)
        snprintf(public_messages + used, sizeof(public_messages) - used, "%s\n", text);
}

void public_check_message(const char *part)
{
    if (!strstr(public_messages, part))
        fail_msg("no message has \"%s\": %s", part, public_messages);
}

static pix_device *open_device(public_log *callback, enum pix_log_level level,
                               double submission_seconds)
{
    const struct pix_device_options options = {
        .log = { callback, NULL, level },
        .validation = test_validates(),
        .minimum_limits = test_is_set("PIX_TEST_MINIMUM_LIMITS"),
        .submission_seconds = submission_seconds,
    };
    return pix_device_create(&options);
}

pix_device *public_open_device(double submission_seconds)
{
    return open_device(public_keep_message, PIX_LOG_INFO, submission_seconds);
}

static void close_device(void)
{
    reports += public_device ? pix_device_validation_count(public_device) : 0;
    pix_device_destroy(public_device);
    public_device = NULL;
}

void public_open_again(public_log *callback, enum pix_log_level level)
{
    if (!public_device)
        return;
    close_device();
    public_device = open_device(callback, level, 0);
    assert_non_null(public_device);
}

bool public_has_device(void)
{
    return public_device && !no_execute;
}

void public_need_device(void)
{
    if (!public_has_device())
        skip();
    public_messages[0] = '\0';
}

void public_open(const char *folder)
{
    scratch = folder;
    assert_true(test_remove_tree(scratch));
    no_execute = test_is_set("PIX_TEST_NO_EXECUTE");
    public_device = public_open_device(0);
    if (!public_device)
        printf("skipped, no device: %s\n", pix_last_error());
}

int public_close(void **state)
{
    (void)state;
    close_device();
    assert_true(test_remove_tree(scratch));
    test_fail_on_messages(reports);
    return 0;
}
