# SPDX-License-Identifier: MIT
#
# Cross-compiles command and library for 64-bit Windows with mingw-w64:
#
#     cmake -S . -B build/mingw -G Ninja -DCMAKE_TOOLCHAIN_FILE=cmake/mingw.cmake
#           -DPIX_DEPENDENCIES=FOLDER -DPIX_TESTS=OFF
#
# FOLDER holds copies of vulkan/, vk_video/, volk.h, volk.c, stb/ and xxhash.h, and in
# include/ and lib/ Jansson, libzip, libpng, utf8proc, zlib and, where wanted,
# libjpeg-turbo and libtiff built for Windows, and nothing else: the cross compiler must
# not see the headers of this system. tools/test.sh makes it.

set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)

# Programs such as glslc run here; libraries and headers are the target's. A path below
# one of these roots is taken as it is.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES PIX_DEPENDENCIES)
set(CMAKE_FIND_ROOT_PATH /usr/x86_64-w64-mingw32 ${PIX_DEPENDENCIES})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# One file to copy to the other machine: nothing of the compiler's own beside it.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-static")
