// SPDX-License-Identifier: MIT
//
// The operating system through the Windows API: threads, processes, time, errors, and
// texts as the system has them. See os_win32_inside.h.

#include "base/os_win32_inside.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// stdio reports failures in errno, the system in GetLastError. After a failed call of
// the second kind its code is kept here and errno has this mark, so that os_error_text
// knows which one counts.
enum { ERRNO_IS_SYSTEM = 10000 };

#ifndef ERROR_DISK_QUOTA_EXCEEDED
#define ERROR_DISK_QUOTA_EXCEEDED 1295    // since Windows 8, not in older headers
#endif

static _Thread_local DWORD system_error;

bool os_win32_fail(DWORD code)
{
    system_error = code;
    errno = ERRNO_IS_SYSTEM;
    return false;
}

DWORD os_win32_error(void)
{
    return system_error;
}

wchar_t *os_win32_to_wide(const char *text)
{
    int count = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
    if (count <= 0) {
        os_win32_fail(GetLastError());
        return NULL;
    }
    wchar_t *wide = mem_array((size_t)count, sizeof(*wide));
    if (!wide) {
        os_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, count);
    return wide;
}

char *os_win32_to_utf8(const wchar_t *wide)
{
    int count = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    if (count <= 0) {
        os_win32_fail(GetLastError());
        return NULL;
    }
    char *text = mem_alloc((size_t)count);
    if (!text) {
        os_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, count, NULL, NULL);
    return text;
}

// Threads

struct os_thread {
    HANDLE handle;
    void (*run)(void *user);
    void *user;
};

struct os_mutex {
    CRITICAL_SECTION section;
};

struct os_condition {
    CONDITION_VARIABLE variable;
};

// As on the other systems; the default is whatever the program was linked with.
#define THREAD_STACK ((SIZE_T)8 << 20)

static DWORD WINAPI thread_main(void *p)
{
    struct os_thread *thread = p;
    thread->run(thread->user);
    return 0;
}

struct os_thread *os_thread_create(void (*run)(void *user), void *user)
{
    struct os_thread *thread = mem_zalloc(sizeof(*thread));
    if (!thread) {
        os_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    thread->run = run;
    thread->user = user;
    // Without the flag all of the stack would be committed and not only reserved.
    thread->handle = CreateThread(NULL, THREAD_STACK, thread_main, thread,
                                  STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (!thread->handle) {
        os_win32_fail(GetLastError());
        mem_free(thread);
        return NULL;
    }
    return thread;
}

void os_thread_join(struct os_thread *thread)
{
    if (!thread)
        return;
    WaitForSingleObject(thread->handle, INFINITE);
    CloseHandle(thread->handle);
    mem_free(thread);
}

struct os_mutex *os_mutex_create(void)
{
    struct os_mutex *mutex = mem_zalloc(sizeof(*mutex));
    if (!mutex) {
        os_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    InitializeCriticalSection(&mutex->section);    // cannot fail since Windows Vista
    return mutex;
}

void os_mutex_destroy(struct os_mutex *mutex)
{
    if (!mutex)
        return;
    DeleteCriticalSection(&mutex->section);
    mem_free(mutex);
}

void os_mutex_lock(struct os_mutex *mutex)
{
    EnterCriticalSection(&mutex->section);
}

void os_mutex_unlock(struct os_mutex *mutex)
{
    LeaveCriticalSection(&mutex->section);
}

struct os_condition *os_condition_create(void)
{
    struct os_condition *condition = mem_zalloc(sizeof(*condition));
    if (!condition) {
        os_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    InitializeConditionVariable(&condition->variable);
    return condition;
}

void os_condition_destroy(struct os_condition *condition)
{
    mem_free(condition);    // the system keeps nothing for it
}

void os_condition_wait(struct os_condition *condition, struct os_mutex *mutex)
{
    SleepConditionVariableCS(&condition->variable, &mutex->section, INFINITE);
}

void os_condition_signal_all(struct os_condition *condition)
{
    WakeAllConditionVariable(&condition->variable);
}

// Not created by anybody: it has to work before the first object exists.
static SRWLOCK global_lock = SRWLOCK_INIT;

void os_global_lock(void)
{
    AcquireSRWLockExclusive(&global_lock);
}

void os_global_unlock(void)
{
    ReleaseSRWLockExclusive(&global_lock);
}

// Those of one processor group: at most 64, on larger machines too.
uint32_t os_core_count(void)
{
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwNumberOfProcessors > 1 ? info.dwNumberOfProcessors : 1;
}

uint32_t os_process_id(void)
{
    return GetCurrentProcessId();
}

// GetVersionEx tells programs without a manifest of an old version, this one does not.
typedef LONG(WINAPI *get_version)(OSVERSIONINFOW *info);

const char *os_system_name(void)
{
    static _Thread_local char text[64];
    SYSTEM_INFO info;
    OSVERSIONINFOW version = { .dwOSVersionInfoSize = sizeof(version) };
    const HMODULE library = GetModuleHandleW(L"ntdll.dll");
    const FARPROC function = library ? GetProcAddress(library, "RtlGetVersion") : NULL;
    get_version get = NULL;
    memcpy(&get, &function, sizeof(get));
    if (!get || get(&version) != 0)
        return "Windows";
    GetNativeSystemInfo(&info);
    const WORD a = info.wProcessorArchitecture;
    snprintf(text, sizeof(text), "Windows %lu.%lu.%lu %s", version.dwMajorVersion,
             version.dwMinorVersion, version.dwBuildNumber,
             a == PROCESSOR_ARCHITECTURE_AMD64   ? "x86_64"
             : a == PROCESSOR_ARCHITECTURE_INTEL ? "x86"
             : a == 12                           ? "arm64"
                                                 : "unknown");
    return text;
}

// A process that has ended can be opened as long as somebody has a handle of it.
// Without the right to open it, it exists.
bool os_process_exists(uint32_t id)
{
    HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, id);
    if (!process)
        return GetLastError() != ERROR_INVALID_PARAMETER;
    bool runs = WaitForSingleObject(process, 0) != WAIT_OBJECT_0;
    CloseHandle(process);
    return runs;
}

// Time

double os_seconds(void)
{
    LARGE_INTEGER now, frequency;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    return (double)now.QuadPart / (double)frequency.QuadPart;
}

// Errors

bool os_error_is_no_room(void)
{
    if (errno != ERRNO_IS_SYSTEM)
        return errno == ENOSPC || errno == EFBIG;
    return system_error == ERROR_DISK_FULL || system_error == ERROR_HANDLE_DISK_FULL ||
           system_error == ERROR_FILE_TOO_LARGE ||
           system_error == ERROR_DISK_QUOTA_EXCEEDED;
}

// Everything passes that is not known to stay, as in os_posix.c.
enum os_error os_error_kind(void)
{
    switch (errno) {
    case ERRNO_IS_SYSTEM:
        break;
    case ENOENT:
    case ENOTDIR:
        return OS_ERROR_ABSENT;
    case EISDIR:
    case EINVAL:    // a name that Windows does not allow
    case EILSEQ:
    case ENAMETOOLONG:
    case EFBIG:
        return OS_ERROR_PATH;
    default:
        return OS_ERROR_PASSING;
    }
    switch (system_error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return OS_ERROR_ABSENT;
    case ERROR_INVALID_NAME:
    case ERROR_BAD_PATHNAME:
    case ERROR_FILENAME_EXCED_RANGE:
    case ERROR_DIRECTORY:
    case ERROR_CANT_RESOLVE_FILENAME:    // links in a circle
    case ERROR_NO_UNICODE_TRANSLATION:
        return OS_ERROR_PATH;
    default:
        return OS_ERROR_PASSING;
    }
}

const char *os_error_text(void)
{
    static _Thread_local char text[512];
    wchar_t wide[256];

    if (errno != ERRNO_IS_SYSTEM) {
        snprintf(text, sizeof(text), "%s", strerror(errno));
        return text;
    }
    DWORD flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS;
    DWORD length =
        FormatMessageW(flags, NULL, system_error, 0, wide, ARRAY_LEN(wide), NULL);
    while (length > 0 && (wide[length - 1] <= L' ' || wide[length - 1] == L'.'))
        wide[--length] = L'\0';    // the system ends its texts with ".\r\n"
    if (length == 0 ||
        !WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, sizeof(text), NULL, NULL))
        snprintf(text, sizeof(text), "system error %u", (unsigned)system_error);
    return text;
}
