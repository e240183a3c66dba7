// SPDX-License-Identifier: MIT
//
// The code of stb_image.h, which other files only declare. It reads from memory only,
// since base/file.c handles files. The header is the copy that CMakeLists.txt makes.

#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wimplicit-fallthrough"
#endif

#include "base/mem.h"

#include <stdlib.h>

// Where memory runs out while it looks for the kind of a file, stb goes on and says
// that the file is of no known one: data/codec.c asks for failures.
static void *note(void *memory)
{
    if (!memory)
        mem_note_failure();
    return memory;
}

// A JPEG may use tables that none of its segments has set. Zeroed memory makes them the
// same each time; otherwise they would be whatever the memory held before.
#define STBI_MALLOC(size) note(calloc(1, size))
#define STBI_REALLOC(old, size) note(realloc(old, size))
#define STBI_FREE(old) free(old)

#ifndef PIX_HAVE_JPEG
#define STBI_ONLY_JPEG
#endif
#define STBI_ONLY_TGA
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_FAILURE_USERMSG
#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>

#ifndef STBI_THREAD_LOCAL
#error "stb_image needs thread-local reasons: several threads decode at once"
#endif
