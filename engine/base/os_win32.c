// SPDX-License-Identifier: MIT
//
// The operating system through the Windows API (Windows 7 and later). Paths are UTF-8
// in the engine and UTF-16 in the system's calls, whose other form uses a code page
// that cannot hold every name.

#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0601
#endif
#define WIN32_LEAN_AND_MEAN

#include "base/mem.h"
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <string.h>
#include <sys/stat.h>
#include <wchar.h>
#include <windows.h>

// stdio reports failures in errno, the system in GetLastError. After a failed call of
// the second kind its code is kept here and errno has this mark, so that os_error_text
// knows which one counts.
enum { ERRNO_IS_SYSTEM = 10000 };

#ifndef ERROR_DISK_QUOTA_EXCEEDED
#define ERROR_DISK_QUOTA_EXCEEDED 1295    // since Windows 8, not in older headers
#endif

static _Thread_local DWORD system_error;

static bool fail(DWORD code)
{
    system_error = code;
    errno = ERRNO_IS_SYSTEM;
    return false;
}

// NULL after fail(). Caller frees; as with to_utf8.
// Bytes that are not UTF-8 fail: replaced by some character, they would name another
// file.
static wchar_t *to_wide(const char *text)
{
    int count = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
    if (count <= 0) {
        fail(GetLastError());
        return NULL;
    }
    wchar_t *wide = mem_array((size_t)count, sizeof(*wide));
    if (!wide) {
        fail(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, count);
    return wide;
}

// NTFS allows names that are not valid UTF-16, with half of a surrogate pair. That half
// is replaced here, and opening the file fails with a message.
static char *to_utf8(const wchar_t *wide)
{
    int count = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    if (count <= 0) {
        fail(GetLastError());
        return NULL;
    }
    char *text = mem_alloc((size_t)count);
    if (!text) {
        fail(ERROR_NOT_ENOUGH_MEMORY);
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
        fail(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    thread->run = run;
    thread->user = user;
    // Without the flag all of the stack would be committed and not only reserved.
    thread->handle = CreateThread(NULL, THREAD_STACK, thread_main, thread,
                                  STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (!thread->handle) {
        fail(GetLastError());
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
        fail(ERROR_NOT_ENOUGH_MEMORY);
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
        fail(ERROR_NOT_ENOUGH_MEMORY);
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

// Files

// mem_free may change errno, so it is put back afterwards, here and below.
// _O_NOINHERIT: processes that the program starts inherit nothing.
static int open_descriptor(const wchar_t *path, int flags)
{
    return _wopen(path, flags | _O_BINARY | _O_NOINHERIT, _S_IREAD | _S_IWRITE);
}

FILE *os_file_open(const char *path, const char *mode)
{
    bool updates = strchr(mode, '+') != NULL;
    int flags = mode[0] == 'r'   ? 0
                : mode[0] == 'a' ? _O_CREAT | _O_APPEND
                                 : _O_CREAT | _O_TRUNC;
    flags |= updates ? _O_RDWR : mode[0] == 'r' ? _O_RDONLY : _O_WRONLY;
    wchar_t *wide = to_wide(path);
    if (!wide)
        return NULL;
    int fd = open_descriptor(wide, flags);
    FILE *stream = fd < 0 ? NULL : _fdopen(fd, mode);
    int error = errno;
    if (fd >= 0 && !stream)
        _close(fd);
    mem_free(wide);
    errno = error;
    return stream;
}

// A folder cannot be opened this way and is an error. Only files on a disk have the
// type that is asked for: not pipes, and not the devices that names like "NUL" stand
// for.
FILE *os_file_open_regular(const char *path, uint64_t *size, enum os_kind *kind)
{
    LARGE_INTEGER length = { 0 };
    *kind = OS_KIND_NONE;
    wchar_t *wide = to_wide(path);
    if (!wide)
        return NULL;
    HANDLE file = CreateFileW(wide, GENERIC_READ,
                              FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                              NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    DWORD code = file == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    mem_free(wide);
    if (code != ERROR_SUCCESS) {
        fail(code);
        return NULL;
    }
    if (GetFileType(file) != FILE_TYPE_DISK) {
        *kind = OS_KIND_OTHER;
        CloseHandle(file);
        return NULL;
    }
    if (!GetFileSizeEx(file, &length)) {
        code = GetLastError();
        CloseHandle(file);
        fail(code);
        return NULL;
    }
    *size = (uint64_t)length.QuadPart;
    // Each step takes over what the one before it has opened.
    int fd = _open_osfhandle((intptr_t)file, _O_RDONLY | _O_BINARY | _O_NOINHERIT);
    if (fd < 0) {
        CloseHandle(file);
        return NULL;
    }
    FILE *stream = _fdopen(fd, "rb");
    if (!stream) {
        int error = errno;
        _close(fd);
        errno = error;
        return NULL;
    }
    *kind = OS_KIND_FILE;
    return stream;
}

FILE *os_file_create(const char *path, bool *exists)
{
    *exists = false;
    wchar_t *wide = to_wide(path);
    if (!wide)
        return NULL;
    int fd = open_descriptor(wide, _O_WRONLY | _O_CREAT | _O_EXCL);
    *exists = fd < 0 && errno == EEXIST;
    FILE *stream = fd < 0 ? NULL : _fdopen(fd, "wb");
    int error = errno;
    if (fd >= 0 && !stream) {
        _close(fd);
        _wunlink(wide);
    }
    mem_free(wide);
    errno = error;
    return stream;
}

// What stands for something elsewhere: symbolic links and junctions, but not the files
// of a cloud folder, which are reparse points as well.
static bool is_link_tag(DWORD attributes, DWORD tag)
{
    return (attributes & FILE_ATTRIBUTE_REPARSE_POINT) &&
           IsReparseTagNameSurrogate(tag);
}

// Whether a file is the folder's own; else *reason says why not, NULL for a failure.
// `file` is the entry itself.
static bool is_own(HANDLE file, const char **reason)
{
    FILE_ATTRIBUTE_TAG_INFO kind;
    BY_HANDLE_FILE_INFORMATION info;
    *reason = NULL;
    if (!GetFileInformationByHandleEx(file, FileAttributeTagInfo, &kind,
                                      sizeof(kind)) ||
        !GetFileInformationByHandle(file, &info))
        return fail(GetLastError());
    if (is_link_tag(kind.FileAttributes, kind.ReparseTag))
        *reason = "it is a symbolic link";
    else if (GetFileType(file) != FILE_TYPE_DISK)
        *reason = "it is not a regular file";
    else if (info.nNumberOfLinks > 1)
        *reason = "it has a second name elsewhere (a hard link): replace it by a copy";
    return !*reason;
}

// The entry is opened itself and stays open meanwhile, so that nothing else takes its
// place before it is opened as a file.
FILE *os_file_open_own(const char *path, const char **reason)
{
    const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE;
    *reason = NULL;
    wchar_t *wide = to_wide(path);
    if (!wide)
        return NULL;
    HANDLE entry = CreateFileW(wide, GENERIC_READ | GENERIC_WRITE, share, NULL,
                               OPEN_ALWAYS, FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    DWORD code = entry == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    mem_free(wide);
    if (code != ERROR_SUCCESS) {
        fail(code);
        return NULL;
    }
    FILE *stream = is_own(entry, reason) ? os_file_open(path, "a+b") : NULL;
    int error = errno;
    CloseHandle(entry);
    errno = error;
    return stream;
}

bool os_file_cut(FILE *stream, uint64_t size)
{
    int error = _chsize_s(_fileno(stream), (int64_t)size);
    if (error)
        errno = error;
    return error == 0;
}

bool os_file_sync(FILE *stream)
{
    return fflush(stream) == 0 && _commit(_fileno(stream)) == 0;
}

// rename() of the C library does not replace a file. Unlike on POSIX this fails
// while another program has `to` open, unless it shares the right to delete.
bool os_file_rename(const char *from, const char *to)
{
    bool ok = false;
    wchar_t *wide_from = to_wide(from);
    wchar_t *wide_to = wide_from ? to_wide(to) : NULL;
    if (wide_to) {
        ok = MoveFileExW(wide_from, wide_to,
                         MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) != 0;
        if (!ok)
            fail(GetLastError());
    }
    int error = errno;
    mem_free(wide_to);
    mem_free(wide_from);
    errno = error;
    return ok;
}

bool os_file_size(FILE *stream, uint64_t *size)
{
    int64_t length = _filelengthi64(_fileno(stream));
    if (length < 0)
        return false;
    *size = (uint64_t)length;
    return true;
}

bool os_file_seek(FILE *stream, uint64_t offset)
{
    return _fseeki64(stream, (int64_t)offset, SEEK_SET) == 0;
}

bool os_file_remove(const char *path)
{
    wchar_t *wide = to_wide(path);
    if (!wide)
        return false;
    bool ok = DeleteFileW(wide) != 0;
    DWORD code = GetLastError();
    mem_free(wide);
    return ok || fail(code);
}

bool os_folder_sync(const char *path)
{
    (void)path;    // MOVEFILE_WRITE_THROUGH has synced the rename
    return true;
}

// The user's profile, where private folders are made, is private by default.
bool os_folder_make(const char *path, bool is_private)
{
    (void)is_private;
    wchar_t *wide = to_wide(path);
    if (!wide)
        return false;
    bool ok = CreateDirectoryW(wide, NULL) != 0;
    DWORD code = GetLastError();
    mem_free(wide);
    if (!ok && code == ERROR_ALREADY_EXISTS)
        ok = os_path_kind(path) == OS_KIND_FOLDER;
    return ok || fail(code);
}

// Opened without any access, which is allowed while others use it: to ask what it is.
// BACKUP_SEMANTICS lets folders be opened. INVALID_HANDLE_VALUE after fail().
static HANDLE open_to_ask(const wchar_t *path, DWORD flags)
{
    const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    HANDLE file = CreateFileW(path, 0, share, NULL, OPEN_EXISTING,
                              FILE_FLAG_BACKUP_SEMANTICS | flags, NULL);
    if (file == INVALID_HANDLE_VALUE)
        fail(GetLastError());
    return file;
}

// Whether a path is a link itself. False after fail() if that cannot be seen.
static bool look_for_link(const wchar_t *path, bool *is_link)
{
    FILE_ATTRIBUTE_TAG_INFO info;
    HANDLE entry = open_to_ask(path, FILE_FLAG_OPEN_REPARSE_POINT);
    if (entry == INVALID_HANDLE_VALUE)
        return false;
    bool ok = GetFileInformationByHandleEx(entry, FileAttributeTagInfo, &info,
                                           sizeof(info)) != 0;
    DWORD code = GetLastError();
    CloseHandle(entry);
    *is_link = ok && is_link_tag(info.FileAttributes, info.ReparseTag);
    return ok || fail(code);
}

// Attributes of what a link leads to. False after fail().
static bool follow(const wchar_t *path, DWORD *attributes)
{
    BY_HANDLE_FILE_INFORMATION info = { 0 };
    HANDLE target = open_to_ask(path, 0);
    if (target == INVALID_HANDLE_VALUE)
        return false;
    bool ok = GetFileInformationByHandle(target, &info) != 0;
    DWORD code = GetLastError();
    CloseHandle(target);
    *attributes = info.dwFileAttributes;
    return ok || fail(code);
}

// What a path, or with `follows` what it leads to, is. False after fail(), with
// OS_KIND_NONE.
static bool look(const char *path, bool follows, enum os_kind *kind)
{
    bool is_link = false;
    *kind = OS_KIND_NONE;
    wchar_t *wide = to_wide(path);
    if (!wide)
        return false;
    DWORD attributes = GetFileAttributesW(wide);    // of a link its own
    bool ok = attributes != INVALID_FILE_ATTRIBUTES || fail(GetLastError());
    if (ok && attributes & FILE_ATTRIBUTE_REPARSE_POINT)
        ok = look_for_link(wide, &is_link);
    if (ok && is_link && follows)
        ok = follow(wide, &attributes);
    int error = errno;
    mem_free(wide);
    errno = error;
    if (ok)
        *kind = is_link && !follows                     ? OS_KIND_LINK
                : attributes & FILE_ATTRIBUTE_DIRECTORY ? OS_KIND_FOLDER
                : attributes & FILE_ATTRIBUTE_DEVICE    ? OS_KIND_OTHER
                                                        : OS_KIND_FILE;
    return ok;
}

// Keeps the error, so that callers can look at what failed before its reason is read.
static enum os_kind kind_of(const char *path, bool follows)
{
    enum os_kind kind;
    DWORD code = system_error;
    int error = errno;
    look(path, follows, &kind);
    system_error = code;
    errno = error;
    return kind;
}

enum os_kind os_path_kind(const char *path)
{
    return kind_of(path, true);
}

enum os_kind os_entry_kind(const char *path)
{
    return kind_of(path, false);
}

bool os_path_look(const char *path, enum os_kind *kind)
{
    return look(path, true, kind) || os_error_kind() != OS_ERROR_PASSING;
}

// A link is asked about itself.
bool os_path_is_absent(const char *path)
{
    wchar_t *wide = to_wide(path);
    if (!wide)
        return false;
    DWORD attributes = GetFileAttributesW(wide);
    DWORD code = GetLastError();
    mem_free(wide);
    if (attributes != INVALID_FILE_ATTRIBUTES)
        return false;
    fail(code);
    return code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND;
}

bool os_file_find_id(const char *path, struct os_file_id *id)
{
    BY_HANDLE_FILE_INFORMATION info;
    wchar_t *wide = to_wide(path);
    if (!wide)
        return false;
    HANDLE file = open_to_ask(wide, 0);
    int error = errno;
    mem_free(wide);
    errno = error;
    if (file == INVALID_HANDLE_VALUE)
        return false;
    bool ok = GetFileInformationByHandle(file, &info) != 0;
    DWORD code = GetLastError();
    CloseHandle(file);
    if (!ok)
        return fail(code);
    *id = (struct os_file_id){
        info.dwVolumeSerialNumber,
        (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow,
    };
    return true;
}

bool os_folder_is_own(const char *path)
{
    return os_path_kind(path) == OS_KIND_FOLDER;
}

// The path of what is open, by the name of its drive, or of its server and share. NULL
// where that has none, as on some RAM disks; caller frees.
static wchar_t *find_final_path(HANDLE file)
{
    static const wchar_t prefix[] = L"\\\\?\\", share[] = L"\\\\?\\UNC\\";
    const size_t prefix_length = ARRAY_LEN(prefix) - 1,
                 share_length = ARRAY_LEN(share) - 1;
    DWORD size = GetFinalPathNameByHandleW(file, NULL, 0, FILE_NAME_NORMALIZED);
    wchar_t *path = size ? mem_array(size, sizeof(*path)) : NULL;
    if (!path)
        return NULL;
    DWORD length = GetFinalPathNameByHandleW(file, path, size, FILE_NAME_NORMALIZED);
    if (length == 0 || length >= size) {
        mem_free(path);
        return NULL;
    }
    // Without what other functions of the system do not understand.
    if (wcsncmp(path, share, share_length) == 0)
        wmemmove(path + 2, path + share_length, length - share_length + 1);
    else if (wcsncmp(path, prefix, prefix_length) == 0)
        wmemmove(path, path + prefix_length, length - prefix_length + 1);
    return path;
}

// GetFullPathNameW only edits text and leaves links as they are, but knows all disks.
static wchar_t *find_full_path(const wchar_t *path)
{
    DWORD size = GetFullPathNameW(path, 0, NULL, NULL);
    wchar_t *full = size ? mem_array(size, sizeof(*full)) : NULL;
    if (full && GetFullPathNameW(path, size, full, NULL))
        return full;
    fail(full || !size ? GetLastError() : ERROR_NOT_ENOUGH_MEMORY);
    mem_free(full);
    return NULL;
}

char *os_path_absolute(const char *path)
{
    wchar_t *wide = to_wide(path), *full = NULL;
    HANDLE file = wide ? open_to_ask(wide, 0) : INVALID_HANDLE_VALUE;
    char *absolute = NULL;
    if (file != INVALID_HANDLE_VALUE) {
        full = find_final_path(file);
        full = full ? full : find_full_path(wide);
        CloseHandle(file);
    }
    if (full) {
        size_t length = wcslen(full);
        while (length > 3 && full[length - 1] == L'\\')    // "C:\" stays
            full[--length] = L'\0';
        absolute = to_utf8(full);
    }
    int error = errno;
    mem_free(full);
    mem_free(wide);
    errno = error;
    return absolute;
}

// The local folder and not the roaming one, which Windows copies between machines: what
// is cached fits the device of one. The environment is read as UTF-16, since getenv
// returns it in a code page.
char *os_cache_folder(void)
{
    static const wchar_t name[] = L"LOCALAPPDATA";
    DWORD size = GetEnvironmentVariableW(name, NULL, 0);
    wchar_t *wide = size > 1 ? mem_array(size, sizeof(*wide)) : NULL;
    char *base = NULL, *folder = NULL;
    if (wide && GetEnvironmentVariableW(name, wide, size) < size)
        base = to_utf8(wide);
    if (base && *base)
        folder = mem_printf("%s\\pix2pix", base);
    mem_free(base);
    mem_free(wide);
    return folder;
}

// Not the roaming one either: weights of a network are some ten megabytes.
char *os_data_folder(void)
{
    return os_cache_folder();
}

struct os_lock {
    HANDLE file;
};

// Opening without a sharing mode excludes every other opening, removing and renaming,
// until the handle is closed: the folder needs no lock of its own. The entry itself is
// opened: a link is not followed.
struct os_lock *os_lock_take(const char *folder, const char *name, bool *held)
{
    *held = false;
    struct os_lock *lock = mem_zalloc(sizeof(*lock));
    char *path = lock ? mem_printf("%s/%s", *folder ? folder : ".", name) : NULL;
    if (!path)
        fail(ERROR_NOT_ENOUGH_MEMORY);
    wchar_t *wide = path ? to_wide(path) : NULL;
    int error = errno;
    mem_free(path);
    if (!wide) {
        mem_free(lock);
        errno = error;
        return NULL;
    }
    lock->file =
        CreateFileW(wide, GENERIC_WRITE, 0, NULL, OPEN_ALWAYS,
                    FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    DWORD code = lock->file == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    mem_free(wide);
    if (code != ERROR_SUCCESS) {
        *held = code == ERROR_SHARING_VIOLATION;
        mem_free(lock);
        fail(code);
        return NULL;
    }
    return lock;
}

void os_lock_release(struct os_lock *lock)
{
    if (!lock)
        return;
    CloseHandle(lock->file);
    mem_free(lock);
}

// A folder with a file that is open is neither removed nor renamed.
bool os_lock_is_of(const struct os_lock *lock, const char *folder)
{
    (void)lock;
    (void)folder;
    return true;
}

bool os_folder_list(const char *path, bool (*entry)(void *user, const char *name),
                    void *user)
{
    WIN32_FIND_DATAW found;
    char *pattern = mem_printf("%s\\*", *path ? path : ".");
    wchar_t *wide = pattern ? to_wide(pattern) : NULL;
    mem_free(pattern);
    if (!wide)
        return false;
    HANDLE search = FindFirstFileW(wide, &found);
    DWORD code = search == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    mem_free(wide);
    // Nothing found: the root of an empty drive, which has no "." and ".." either.
    if (code != ERROR_SUCCESS)
        return code == ERROR_FILE_NOT_FOUND || fail(code);

    bool more = true;
    while (more) {
        if (wcscmp(found.cFileName, L".") != 0 && wcscmp(found.cFileName, L"..") != 0) {
            char *name = to_utf8(found.cFileName);
            if (!name) {
                code = system_error;
                break;
            }
            more = entry(user, name);
            mem_free(name);
        }
        if (more && !FindNextFileW(search, &found)) {
            more = false;
            if (GetLastError() != ERROR_NO_MORE_FILES)
                code = GetLastError();
        }
    }
    FindClose(search);
    return code == ERROR_SUCCESS || fail(code);
}

bool os_free_bytes(const char *folder, uint64_t *bytes)
{
    ULARGE_INTEGER available;
    wchar_t *wide = to_wide(folder);
    if (!wide)
        return false;
    bool ok = GetDiskFreeSpaceExW(wide, &available, NULL, NULL) != 0;
    DWORD code = GetLastError();
    mem_free(wide);
    *bytes = ok ? available.QuadPart : 0;
    return ok || fail(code);
}

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
