// SPDX-License-Identifier: MIT
//
// terminal.h on Windows. Compiled for it with mingw-w64; the wide functions of the
// system are used, so that paths are UTF-8 inside the program.

#include "terminal.h"

#include <windows.h>    // before what builds on it

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <shellapi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static volatile LONG interrupted;

static wchar_t *wide(const char *text)
{
    const int length = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
    wchar_t *out = length > 0 ? malloc((size_t)length * sizeof(*out)) : NULL;
    if (out)
        MultiByteToWideChar(CP_UTF8, 0, text, -1, out, length);
    return out;
}

static char *narrow(const wchar_t *text)
{
    const int length = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *out = length > 0 ? malloc((size_t)length) : NULL;
    if (out)
        WideCharToMultiByte(CP_UTF8, 0, text, -1, out, length, NULL, NULL);
    return out;
}

// The arguments live until the process ends.
bool terminal_init(int *argc, char ***argv)
{
    int count = 0;
    wchar_t **arguments = CommandLineToArgvW(GetCommandLineW(), &count);
    char **out = arguments ? calloc((size_t)count + 1, sizeof(*out)) : NULL;
    bool ok = out != NULL;
    for (int i = 0; ok && i < count; i++) {
        out[i] = narrow(arguments[i]);
        ok = out[i] != NULL;
    }
    if (arguments)
        LocalFree(arguments);
    if (!ok)
        return false;
    SetConsoleOutputCP(CP_UTF8);
    *argc = count;
    *argv = out;
    return true;
}

static BOOL WINAPI on_interrupt(DWORD type)
{
    if (type != CTRL_C_EVENT && type != CTRL_BREAK_EVENT)
        return FALSE;
    if (InterlockedExchange(&interrupted, 1))
        ExitProcess(130);
    return TRUE;
}

void terminal_catch_interrupt(void)
{
    SetConsoleCtrlHandler(on_interrupt, TRUE);
}

bool terminal_is_interrupted(void)
{
    return interrupted != 0;
}

static HANDLE handle_of(FILE *stream)
{
    return (HANDLE)_get_osfhandle(_fileno(stream));
}

bool terminal_is_interactive(FILE *stream)
{
    DWORD mode;
    return GetConsoleMode(handle_of(stream), &mode) != 0;
}

int terminal_get_columns(FILE *stream)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    if (GetConsoleScreenBufferInfo(handle_of(stream), &info))
        return info.srWindow.Right - info.srWindow.Left + 1;
    return 80;
}

double terminal_get_seconds(void)
{
    LARGE_INTEGER now, frequency;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    return (double)now.QuadPart / (double)frequency.QuadPart;
}

enum path_kind terminal_get_path_kind(const char *path)
{
    wchar_t *name = wide(path);
    const DWORD attributes =
        name ? GetFileAttributesW(name) : (DWORD)INVALID_FILE_ATTRIBUTES;
    free(name);
    if (attributes == INVALID_FILE_ATTRIBUTES)
        return PATH_NONE;
    return attributes & FILE_ATTRIBUTE_DIRECTORY ? PATH_FOLDER : PATH_FILE;
}

static bool identify(const char *path, BY_HANDLE_FILE_INFORMATION *info)
{
    wchar_t *name = wide(path);
    if (!name)
        return false;
    HANDLE file =
        CreateFileW(name, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                    NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    free(name);
    if (file == INVALID_HANDLE_VALUE)
        return false;
    const BOOL ok = GetFileInformationByHandle(file, info);
    CloseHandle(file);
    return ok != 0;
}

bool terminal_is_same_path(const char *a, const char *b)
{
    BY_HANDLE_FILE_INFORMATION info_a, info_b;
    return identify(a, &info_a) && identify(b, &info_b) &&
           info_a.dwVolumeSerialNumber == info_b.dwVolumeSerialNumber &&
           info_a.nFileIndexHigh == info_b.nFileIndexHigh &&
           info_a.nFileIndexLow == info_b.nFileIndexLow;
}

FILE *terminal_open_file(const char *path, const char *mode)
{
    wchar_t *name = wide(path), *how = wide(mode);
    FILE *file = name && how ? _wfopen(name, how) : NULL;
    const int error = name && how ? errno : ENOMEM;
    free(name);
    free(how);
    errno = error;
    return file;
}

bool terminal_is_separator(char c)
{
    return c == '/' || c == '\\' || c == ':';
}

unsigned long terminal_get_process_number(void)
{
    return GetCurrentProcessId();
}

char *terminal_resolve_path(const char *path)
{
    return _strdup(path);
}

FILE *terminal_create_file(const char *path)
{
    wchar_t *name = wide(path);
    const int number = name ? _wopen(name, _O_WRONLY | _O_CREAT | _O_EXCL | _O_BINARY,
                                     _S_IREAD | _S_IWRITE)
                            : -1;
    free(name);
    return number < 0 ? NULL : _fdopen(number, "wb");
}

bool terminal_move_file(const char *from, const char *to)
{
    wchar_t *a = wide(from), *b = wide(to);
    const bool ok = a && b && MoveFileExW(a, b, MOVEFILE_REPLACE_EXISTING);
    free(a);
    free(b);
    if (!ok)
        errno = EACCES;
    return ok;
}

void terminal_remove_file(const char *path)
{
    wchar_t *name = wide(path);
    if (name)
        DeleteFileW(name);
    free(name);
}

static bool make_one(const char *path)
{
    wchar_t *name = wide(path);
    const bool made = name && CreateDirectoryW(name, NULL);
    const DWORD code = GetLastError();
    free(name);
    if (made || terminal_get_path_kind(path) == PATH_FOLDER)
        return true;
    errno = code == ERROR_PATH_NOT_FOUND ? ENOENT : EACCES;
    return false;
}

bool terminal_make_folder(const char *path)
{
    const size_t length = strlen(path);
    char *copy = malloc(length + 1);
    bool ok = copy != NULL;
    if (ok)
        memcpy(copy, path, length + 1);
    for (size_t i = 1; ok && i < length; i++) {
        const char c = copy[i];
        if ((c != '/' && c != '\\') || copy[i - 1] == ':')
            continue;
        copy[i] = 0;
        ok = make_one(copy);
        copy[i] = c;
    }
    ok = ok && make_one(copy);
    free(copy);
    return ok;
}
