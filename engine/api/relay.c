// SPDX-License-Identifier: MIT
//
// How every public call begins: the user's log becomes the sink of the thread, and
// pointers are checked. The functions that belong to no object are here as well.

#include "api/relay.h"

#include "base/log.h"
#include "base/text.h"

#ifndef PIX_VERSION
#define PIX_VERSION "0.0.0"
#endif

// Levels of the log are cast between the two enums.
_Static_assert((int)PIX_LOG_ERROR == (int)LOG_ERROR &&
                   (int)PIX_LOG_WARN == (int)LOG_WARN &&
                   (int)PIX_LOG_INFO == (int)LOG_INFO &&
                   (int)PIX_LOG_DEBUG == (int)LOG_DEBUG,
               "levels differ");

static void relay_message(void *user, enum log_level level, const char *text)
{
    const struct relay *relay = user;
    relay->log.callback(relay->log.user, (enum pix_log_level)level, text);
}

void relay_init(struct relay *relay, const struct pix_log *log)
{
    *relay = (struct relay){ 0 };
    // A sink without a callback drops messages; errors are kept for pix_last_error.
    if (!log || !log->callback)
        return;
    relay->log = *log;    // a copy: the caller's struct may end before the object
    relay->sink = (struct log_sink){ relay_message, relay, (enum log_level)log->level };
}

bool api_check_given(const void *pointer, const char *function, const char *what)
{
    if (!pointer)
        log_error("%s: %s is NULL", function, what);
    return pointer != NULL;
}

const char *pix_version(void)
{
    return PIX_VERSION;
}

const char *pix_last_error(void)
{
    return log_last_error();
}

size_t pix_text_escape(const char *text, char *out, size_t size)
{
    if (!text || !out || size < 4) {
        if (out && size > 0)
            out[0] = '\0';
        return 0;
    }
    return text_escape(text, out, size);
}
