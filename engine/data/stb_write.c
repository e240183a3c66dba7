// SPDX-License-Identifier: MIT
//
// The code of stb_image_write.h, which other files only declare: its writers of JPEG,
// BMP and TGA, through a function. Those ask for no memory. What does, the writers of
// PNG and HDR, does not check it and must not be called: here it finds none.

#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-value"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wundef"
#endif

#include <stdlib.h>

#define STBIW_MALLOC(size) (abort(), (void *)0)
#define STBIW_REALLOC(old, size) (abort(), (void *)0)
#define STBIW_FREE(old) ((void)(old))

#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
