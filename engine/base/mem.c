// SPDX-License-Identifier: MIT
//
// Host memory on top of malloc, with an error message. What comes from here may be
// given to free, and what comes from malloc to mem_free.

#include "base/mem.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local uint64_t failures;

uint64_t mem_failures(void)
{
    return failures;
}

void mem_note_failure(void)
{
    failures++;
}

// Needs no memory itself: log_error formats on the stack.
static void *report(size_t count, size_t size)
{
    mem_note_failure();
    if (count > 1)
        log_error("memory: out of memory, cannot allocate %zu times %zu bytes", count,
                  size);
    else
        log_error("memory: out of memory, cannot allocate %zu bytes", size);
    return NULL;
}

// malloc(0) may return NULL, which is not a failure: callers always get memory.
void *mem_alloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    return p ? p : report(1, size);
}

void *mem_zalloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);
    return p ? p : report(1, size);
}

void *mem_array(size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return report(count, size);
    size_t bytes = count * size;
    void *p = calloc(1, bytes ? bytes : 1);
    return p ? p : report(count, size);
}

void mem_free(void *p)
{
    free(p);
}

char *mem_strdup(const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = mem_alloc(size);
    if (copy)
        memcpy(copy, s, size);
    return copy;
}

char *mem_printf(const char *format, ...)
{
    char *text = NULL;
    va_list args, again;

    va_start(args, format);
    va_copy(again, args);    // vsnprintf uses up the arguments
    int length = vsnprintf(NULL, 0, format, args);
    if (length < 0)
        log_error("memory: a text cannot be formatted");
    else
        text = mem_alloc((size_t)length + 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

bool mem_grow(void *items, size_t *capacity, size_t count, size_t size)
{
    if (count <= *capacity)
        return true;

    // By half as much again, so that n appended items are copied O(n) times in all.
    size_t wanted = MAX(count, MAX(*capacity + *capacity / 2, (size_t)8));
    if (size && wanted > SIZE_MAX / size) {
        report(wanted, size);
        return false;
    }

    // `items` points to a pointer of any type, which may not be accessed as a void *.
    void *p;
    memcpy(&p, items, sizeof(p));
    p = realloc(p, MAX(wanted * size, (size_t)1));
    if (!p) {
        report(wanted, size);
        return false;
    }
    memcpy(items, &p, sizeof(p));
    *capacity = wanted;
    return true;
}
