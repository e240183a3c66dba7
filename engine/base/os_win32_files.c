// SPDX-License-Identifier: MIT
//
// Files and locks through the Windows API. See os_win32_inside.h.

#include "base/os_win32_inside.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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
    wchar_t *wide = os_win32_to_wide(path);
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
    wchar_t *wide = os_win32_to_wide(path);
    if (!wide)
        return NULL;
    HANDLE file = CreateFileW(wide, GENERIC_READ,
                              FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                              NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    DWORD code = file == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    mem_free(wide);
    if (code != ERROR_SUCCESS) {
        os_win32_fail(code);
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
        os_win32_fail(code);
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
    wchar_t *wide = os_win32_to_wide(path);
    if (!wide)
        return NULL;
    int fd = open_descriptor(wide, _O_RDWR | _O_CREAT | _O_EXCL);
    *exists = fd < 0 && errno == EEXIST;
    FILE *stream = fd < 0 ? NULL : _fdopen(fd, "w+b");
    int error = errno;
    if (fd >= 0 && !stream) {
        _close(fd);
        _wunlink(wide);
    }
    mem_free(wide);
    errno = error;
    return stream;
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
        return os_win32_fail(GetLastError());
    if (os_win32_is_link_tag(kind.FileAttributes, kind.ReparseTag))
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
    wchar_t *wide = os_win32_to_wide(path);
    if (!wide)
        return NULL;
    HANDLE entry = CreateFileW(wide, GENERIC_READ | GENERIC_WRITE, share, NULL,
                               OPEN_ALWAYS, FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    DWORD code = entry == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    mem_free(wide);
    if (code != ERROR_SUCCESS) {
        os_win32_fail(code);
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
    wchar_t *wide_from = os_win32_to_wide(from);
    wchar_t *wide_to = wide_from ? os_win32_to_wide(to) : NULL;
    if (wide_to) {
        ok = MoveFileExW(wide_from, wide_to,
                         MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) != 0;
        if (!ok)
            os_win32_fail(GetLastError());
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
    wchar_t *wide = os_win32_to_wide(path);
    if (!wide)
        return false;
    bool ok = DeleteFileW(wide) != 0;
    DWORD code = GetLastError();
    mem_free(wide);
    return ok || os_win32_fail(code);
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
        os_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
    wchar_t *wide = path ? os_win32_to_wide(path) : NULL;
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
        os_win32_fail(code);
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
