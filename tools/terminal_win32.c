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

// The arguments live until the process ends. The C library keeps the numbers of
// standard streams that the process was started without, so that no file gets one.
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

// ---------------------------------------------------------------------------
// Requests to end

#define BURST_MS 1000    // see terminal_posix.c
#define END_MS 60000     // how long an end that Windows wants is held up at most

static volatile LONG interrupted;
static volatile LONG interrupt_ms;    // when the first Ctrl-C came; 0: none has
static const char *volatile notice;

// Not by stdio, whose lock a thread may hold that writes to a console which is gone.
static void write_error(const char *text)
{
    DWORD written;
    WriteFile(GetStdHandle(STD_ERROR_HANDLE), text, (DWORD)strlen(text), &written,
              NULL);
}

static void request_end(bool is_key)
{
    if (InterlockedExchange(&interrupted, 1))
        return;
    write_error("\r\n");
    write_error(notice);
    write_error(is_key ? "; Ctrl-C again ends at once\r\n" : "\r\n");
}

// Windows ends the process when whoever was told of the end returns, so it stays until
// the main thread has saved and returned from main, which ends this thread too. Windows
// itself waits for a few seconds only (about 5 when a console is closed).
static void wait_for_end(void)
{
    request_end(false);
    Sleep(END_MS);
}

static BOOL WINAPI on_console(DWORD type)
{
    if (type != CTRL_C_EVENT && type != CTRL_BREAK_EVENT) {
        wait_for_end();    // closed, logged off, shut down
        return TRUE;
    }
    request_end(type == CTRL_C_EVENT);
    if (type != CTRL_C_EVENT)
        return TRUE;    // as SIGTERM: however often it comes, the run is saved
    const LONG now = (LONG)(GetTickCount() | 1);
    const LONG first = InterlockedCompareExchange(&interrupt_ms, now, 0);
    if (first && (DWORD)now - (DWORD)first > BURST_MS)
        ExitProcess(130);
    return TRUE;
}

// A query may still be answered with no by another program; the end itself cannot.
static LRESULT CALLBACK on_session(HWND window, UINT message, WPARAM w, LPARAM l)
{
    if (message == WM_QUERYENDSESSION) {
        ShutdownBlockReasonCreate(window, L"saving");
        return TRUE;
    }
    if (message == WM_ENDSESSION) {
        if (w)
            wait_for_end();
        ShutdownBlockReasonDestroy(window);
        return 0;
    }
    return DefWindowProcW(window, message, w, l);
}

// A program that has loaded user32.dll, as GPU drivers do, is told of the end of the
// session by a window and not by its console. This one is never shown.
static DWORD WINAPI watch_session(void *unused)
{
    const WNDCLASSW kind = {
        .lpfnWndProc = on_session,
        .hInstance = GetModuleHandleW(NULL),
        .lpszClassName = L"pix2pix session",
    };
    MSG message;
    (void)unused;
    if (!RegisterClassW(&kind) ||
        !CreateWindowExW(0, kind.lpszClassName, L"pix2pix", 0, 0, 0, 0, 0, NULL, NULL,
                         kind.hInstance, NULL))
        return 1;
    while (GetMessageW(&message, NULL, 0, 0) > 0)
        DispatchMessageW(&message);
    return 0;
}

void terminal_catch_interrupt(const char *text)
{
    static bool begun;
    notice = text;
    if (begun)
        return;
    begun = true;
    SetConsoleCtrlHandler(on_console, TRUE);
    HANDLE thread = CreateThread(NULL, 0, watch_session, NULL, 0, NULL);
    if (thread)
        CloseHandle(thread);
}

bool terminal_is_interrupted(void)
{
    return interrupted != 0;
}

// ---------------------------------------------------------------------------
// The terminal, time

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

// ---------------------------------------------------------------------------
// Streams of bytes

#define WAIT_MS 2    // between looks into a pipe

static volatile LONG ends_reading;

// Else a newline becomes two bytes, and byte 26 is the end.
void terminal_begin_streams(void)
{
    _setmode(_fileno(stdin), _O_BINARY);
    _setmode(_fileno(stdout), _O_BINARY);
}

void terminal_end_reading(void)
{
    InterlockedExchange(&ends_reading, 1);
}

// A pipe that has nothing yet is looked into again and again: a read of it could not be
// ended.
bool terminal_read_bytes(void *bytes, size_t size, size_t *count)
{
    const HANDLE input = handle_of(stdin);
    const bool is_pipe = GetFileType(input) == FILE_TYPE_PIPE;
    DWORD there = 0;
    *count = 0;
    while (is_pipe && PeekNamedPipe(input, NULL, 0, NULL, &there, NULL) && there == 0) {
        if (terminal_is_interrupted() || ends_reading)
            return true;
        Sleep(WAIT_MS);
    }
    if (terminal_is_interrupted() || ends_reading)
        return true;
    const int got =
        _read(_fileno(stdin), bytes, (unsigned)(size < 1u << 30 ? size : 1u << 30));
    if (got > 0)
        *count = (size_t)got;
    return got >= 0;
}

bool terminal_write_bytes(const void *bytes, size_t size)
{
    const char *from = bytes;
    while (size > 0) {
        const int done = _write(_fileno(stdout), from,
                                (unsigned)(size < 1u << 20 ? size : 1u << 20));
        if (done <= 0)
            return false;
        from += done;
        size -= (size_t)done;
    }
    return true;
}

// ---------------------------------------------------------------------------
// Paths

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

bool terminal_is_absent(const char *path)
{
    wchar_t *name = wide(path);
    if (!name)
        return false;
    const DWORD attributes = GetFileAttributesW(name);
    const DWORD code = GetLastError();
    free(name);
    return attributes == INVALID_FILE_ATTRIBUTES &&
           (code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND);
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

// _O_NOINHERIT: processes that the program starts inherit nothing.
static FILE *open_stream(const char *path, int flags, const char *mode)
{
    wchar_t *name = wide(path);
    const int number =
        name ? _wopen(name, flags | _O_BINARY | _O_NOINHERIT, _S_IREAD | _S_IWRITE)
             : -1;
    FILE *file = number < 0 ? NULL : _fdopen(number, mode);
    const int error = name ? errno : ENOMEM;
    if (number >= 0 && !file)
        _close(number);
    free(name);
    errno = error;
    return file;
}

FILE *terminal_open_file(const char *path, const char *mode)
{
    const int flags = mode[0] == 'r'   ? _O_RDONLY
                      : mode[0] == 'a' ? _O_WRONLY | _O_CREAT | _O_APPEND
                                       : _O_WRONLY | _O_CREAT | _O_TRUNC;
    return open_stream(path, flags, mode);
}

// A folder cannot be opened; a pipe (\\.\pipe\NAME) and a console are no disk files.
FILE *terminal_open_regular(const char *path, uint64_t *size, const char **reason)
{
    if (terminal_get_path_kind(path) == PATH_FOLDER) {
        *reason = "it is a folder";
        return NULL;
    }
    FILE *file = open_stream(path, _O_RDONLY, "rb");
    if (!file) {
        *reason = strerror(errno);
        return NULL;
    }
    LARGE_INTEGER length;
    const bool is_disk = GetFileType(handle_of(file)) == FILE_TYPE_DISK;
    if (is_disk && GetFileSizeEx(handle_of(file), &length)) {
        *size = (uint64_t)length.QuadPart;
        return file;
    }
    *reason = is_disk ? "its size is not known" : "it is not a regular file";
    fclose(file);
    return NULL;
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
    return open_stream(path, _O_WRONLY | _O_CREAT | _O_EXCL, "wb");
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
