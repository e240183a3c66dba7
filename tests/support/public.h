// SPDX-License-Identifier: MIT
//
// What tests of whole runs through the public API share: a scratch folder, a device
// with validation, and the messages of the engine.

#ifndef SUPPORT_PUBLIC_H
#define SUPPORT_PUBLIC_H

#include "pix2pix.h"
#include "support/gpu.h"

// NULL where there is no device, or where the driver runs nothing.
extern pix_device *public_device;
// Errors and warnings since public_need_device, one a line.
extern char public_messages[16384];

// Parts of a group's setup and its teardown. The folder is emptied; it must stay valid,
// and is removed in the end.
void public_open(const char *folder);
int public_close(void **state);
const char *public_folder(void);

// Another device like public_device, with this limit on a submission; 0: the default.
pix_device *public_open_device(double submission_seconds);

typedef void public_log(void *user, enum pix_log_level level, const char *text);

// Opens public_device again, if there is one, with a log of the test's own: messages up
// to a level. With public_keep_message and PIX_LOG_INFO it is as public_open opens it.
void public_open_again(public_log *callback, enum pix_log_level level);

// Whether there is a device that runs something. The second skips the calling test if
// there is none, and forgets the messages.
bool public_has_device(void);
void public_need_device(void);

void public_keep_message(void *user, enum pix_log_level level, const char *text);
void public_check_message(const char *part);

#endif
