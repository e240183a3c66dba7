// SPDX-License-Identifier: MIT
//
// What the files that are the operating system on Windows (7 and later) share:
// os_win32.c has threads, processes, time and errors, os_win32_files.c files and locks,
// os_win32_paths.c folders and what paths lead to. Paths are UTF-8 in the engine and
// UTF-16 in the system's calls, whose other form uses a code page that cannot hold
// every name.

#ifndef BASE_OS_WIN32_INSIDE_H
#define BASE_OS_WIN32_INSIDE_H

#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0601
#endif
#define WIN32_LEAN_AND_MEAN

#include "base/os.h"

#include <wchar.h>
#include <windows.h>

// Keeps the code of a failed call for os_error_text and its like. Returns false.
bool os_win32_fail(DWORD code);
DWORD os_win32_error(void);    // the code that is kept

// The other form of a path. NULL after os_win32_fail; caller frees. Text that is not
// UTF-8 fails: replaced by some character it would name another file. Half of a
// surrogate pair, which NTFS allows in names, is replaced, and opening that file fails
// with a message.
wchar_t *os_win32_to_wide(const char *text);
char *os_win32_to_utf8(const wchar_t *wide);

// Opened without any access, which is allowed while others use it: to ask what it is.
// Folders too. INVALID_HANDLE_VALUE after os_win32_fail.
HANDLE os_win32_open_to_ask(const wchar_t *path, DWORD flags);

// What stands for something elsewhere: symbolic links and junctions, but not the files
// of a cloud folder, which are reparse points as well.
bool os_win32_is_link_tag(DWORD attributes, DWORD tag);

#endif
