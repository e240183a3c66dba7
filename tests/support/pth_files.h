// SPDX-License-Identifier: MIT
//
// For tests of the files of torch.save: a scratch file, pickles made of pieces, and
// checks of what is read.

#ifndef SUPPORT_PTH_FILES_H
#define SUPPORT_PTH_FILES_H

// What cmocka.h needs before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "formats/pth.h"

#define PTH_FIXTURE(name) (TEST_FIXTURES "/pth/" name)

// ---------------------------------------------------------------------------
// The scratch file and the messages

// To be called first: the folder of the scratch file, one per program.
void pth_use_folder(const char *folder);
const char *pth_folder(void);
const char *pth_scratch(void);    // the file

// Setup and teardown of each test: the folder exists, messages are counted.
int pth_setup(void **state);
int pth_teardown(void **state);

// Errors since the setup or since pth_forget_errors, and the last message.
unsigned pth_errors(void);
void pth_forget_errors(void);
const char *pth_last_message(void);

void pth_write_scratch(const void *data, size_t size);
void pth_patch_scratch(size_t at, int byte);

// Opens the scratch file and reads all of it: a failure must have one message. True if
// nothing failed.
bool pth_try_scratch(void);

// ---------------------------------------------------------------------------
// Files made of pieces

// Pieces of a pickle: a storage "0" of six floats, and a tensor that shows all of them.
#define PICKLE_START "\x80\x02"
#define PICKLE_STORAGE                                                                 \
    "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"                                 \
    "0X\3\0\0\0cpuK\6tQ"
#define PICKLE_TENSOR "ctorch._utils\n_rebuild_tensor_v2\n("
#define PICKLE_REST "\x89}tR"    // after the strides
#define PICKLE_GOOD PICKLE_TENSOR PICKLE_STORAGE "K\0K\6\x85K\1\x85" PICKLE_REST

#define PICKLE_STORAGE_BYTES (6 * sizeof(float))

// For archive_write: the bytes of each record.
struct pth_parts {
    const void *bytes[3];
};
const void *pth_part_bytes(void *user, size_t part);

// Writes the scratch file: a zip archive or one of the older kind, with this pickle and
// storage "0".
void pth_write_archive(const char *pickle, size_t size);
void pth_write_legacy(const char *pickle, size_t size);

struct pth_hostile {
    const char *pickle;
    size_t size;
    const char *why;    // part of the message; NULL: the pickle is fine
};

#define PTH_HOSTILE(pickle, why)                                                       \
    {                                                                                  \
        pickle, sizeof(pickle) - 1, why                                                \
    }

// Each is refused for its reason, with one message, in both kinds of file.
void pth_check_hostile(const struct pth_hostile *hostiles, size_t count);

// ---------------------------------------------------------------------------
// Checks

struct pth *pth_open_good(const char *path);
float *pth_read_good(struct pth *p, const struct pth_entry *e);    // caller frees

// A tensor of a fixture, see make_pth.py: value i is i - first. `sides`: "3x2x2x2".
void pth_check_entry(struct pth *p, const char *name, const char *kind,
                     const char *sides, float first);
void pth_check_values(struct pth *p, const char *name, const float *wanted,
                      size_t count);

// The network of the fixtures, with or without its counter of batches.
void pth_check_network(struct pth *p, bool counted);

// Opening gives one error that has `why` in it.
void pth_check_refused(const char *path, const char *why);

#endif
