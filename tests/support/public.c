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

pix_device *public_open_device(double submission_seconds)
{
    const struct pix_device_options options = {
        .log = { public_keep_message, NULL, PIX_LOG_INFO },
        .validation = test_validates(),
        .minimum_limits = test_is_set("PIX_TEST_MINIMUM_LIMITS"),
        .submission_seconds = submission_seconds,
    };
    return pix_device_create(&options);
}

void public_need_device(void)
{
    if (!public_device || no_execute)
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
    uint32_t count = public_device ? pix_device_validation_count(public_device) : 0;
    pix_device_destroy(public_device);
    assert_true(test_remove_tree(scratch));
    test_fail_on_messages(count);
    return 0;
}
