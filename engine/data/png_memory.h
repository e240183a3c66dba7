// SPDX-License-Identifier: MIT
//
// The memory that libpng takes, for png_create_read_struct_2 and its like: ours, so
// that what is missing is reported with its size.

#ifndef DATA_PNG_MEMORY_H
#define DATA_PNG_MEMORY_H

#include "base/mem.h"

#include <png.h>

static inline png_voidp png_memory_alloc(png_structp png, png_alloc_size_t size)
{
    (void)png;
    return mem_alloc(size);
}

static inline void png_memory_free(png_structp png, png_voidp memory)
{
    (void)png;
    mem_free(memory);
}

#endif
