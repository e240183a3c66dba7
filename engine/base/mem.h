// SPDX-License-Identifier: MIT
//
// Host memory. Each function that fails logs the size and returns NULL or false.

#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/base.h"

void *mem_alloc(size_t size);                  // at least 1 byte
void *mem_zalloc(size_t size);                 // zeroed
void *mem_array(size_t count, size_t size);    // zeroed; overflow of the product fails
void mem_free(void *p);                        // NULL is fine
char *mem_strdup(const char *s);
char *mem_printf(const char *format, ...) PRINTF_LIKE(1, 2);    // caller frees

// Makes room for `count` items of `size` bytes in *items, a growable array that has
// room for *capacity. New room is not zeroed. On failure the array is unchanged.
bool mem_grow(void *items, size_t *capacity, size_t count, size_t size);

// How often memory has run out on this thread. A caller compares it before and after a
// call that failed: content is not at fault where memory was missing. mem_note_failure
// counts a failure in a library with an allocator of its own.
uint64_t mem_failures(void);
void mem_note_failure(void);

#endif
