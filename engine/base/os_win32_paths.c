// SPDX-License-Identifier: MIT
//
// Folders, and what paths lead to, through the Windows API. See os_win32_inside.h.

#include "base/os_win32_inside.h"

#include "base/mem.h"

#include <errno.h>

bool os_folder_sync(const char *path)
{
    (void)path;    // MOVEFILE_WRITE_THROUGH has synced the rename
    return true;
}

// The user's profile, where private folders are made, is private by default.
bool os_folder_make(const char *path, bool is_private)
{
    (void)is_private;
    wchar_t *wide = os_win32_to_wide(path);
    if (!wide)
        return false;
    bool ok = CreateDirectoryW(wide, NULL) != 0;
    DWORD code = GetLastError();
    mem_free(wide);
    if (!ok && code == ERROR_ALREADY_EXISTS)
        ok = os_path_kind(path) == OS_KIND_FOLDER;
    return ok || os_win32_fail(code);
}

bool os_win32_is_link_tag(DWORD attributes, DWORD tag)
{
    return (attributes & FILE_ATTRIBUTE_REPARSE_POINT) &&
           IsReparseTagNameSurrogate(tag);
}

// BACKUP_SEMANTICS lets folders be opened.
HANDLE os_win32_open_to_ask(const wchar_t *path, DWORD flags)
{
    const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    HANDLE file = CreateFileW(path, 0, share, NULL, OPEN_EXISTING,
                              FILE_FLAG_BACKUP_SEMANTICS | flags, NULL);
    if (file == INVALID_HANDLE_VALUE)
        os_win32_fail(GetLastError());
    return file;
}

// Whether a path is a link itself. False after os_win32_fail() if that cannot be seen.
static bool look_for_link(const wchar_t *path, bool *is_link)
{
    FILE_ATTRIBUTE_TAG_INFO info;
    HANDLE entry = os_win32_open_to_ask(path, FILE_FLAG_OPEN_REPARSE_POINT);
    if (entry == INVALID_HANDLE_VALUE)
        return false;
    bool ok = GetFileInformationByHandleEx(entry, FileAttributeTagInfo, &info,
                                           sizeof(info)) != 0;
    DWORD code = GetLastError();
    CloseHandle(entry);
    *is_link = ok && os_win32_is_link_tag(info.FileAttributes, info.ReparseTag);
    return ok || os_win32_fail(code);
}

// Attributes of what a link leads to. False after os_win32_fail().
static bool follow(const wchar_t *path, DWORD *attributes)
{
    BY_HANDLE_FILE_INFORMATION info = { 0 };
    HANDLE target = os_win32_open_to_ask(path, 0);
    if (target == INVALID_HANDLE_VALUE)
        return false;
    bool ok = GetFileInformationByHandle(target, &info) != 0;
    DWORD code = GetLastError();
    CloseHandle(target);
    *attributes = info.dwFileAttributes;
    return ok || os_win32_fail(code);
}

// What a path, or with `follows` what it leads to, is. False after os_win32_fail(),
// with OS_KIND_NONE.
static bool look(const char *path, bool follows, enum os_kind *kind)
{
    bool is_link = false;
    *kind = OS_KIND_NONE;
    wchar_t *wide = os_win32_to_wide(path);
    if (!wide)
        return false;
    DWORD attributes = GetFileAttributesW(wide);    // of a link its own
    bool ok = attributes != INVALID_FILE_ATTRIBUTES || os_win32_fail(GetLastError());
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
    DWORD code = os_win32_error();
    int error = errno;
    look(path, follows, &kind);
    os_win32_fail(code);
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
    wchar_t *wide = os_win32_to_wide(path);
    if (!wide)
        return false;
    DWORD attributes = GetFileAttributesW(wide);
    DWORD code = GetLastError();
    mem_free(wide);
    if (attributes != INVALID_FILE_ATTRIBUTES)
        return false;
    os_win32_fail(code);
    return code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND;
}

bool os_file_find_id(const char *path, struct os_file_id *id)
{
    BY_HANDLE_FILE_INFORMATION info;
    wchar_t *wide = os_win32_to_wide(path);
    if (!wide)
        return false;
    HANDLE file = os_win32_open_to_ask(wide, 0);
    int error = errno;
    mem_free(wide);
    errno = error;
    if (file == INVALID_HANDLE_VALUE)
        return false;
    bool ok = GetFileInformationByHandle(file, &info) != 0;
    DWORD code = GetLastError();
    CloseHandle(file);
    if (!ok)
        return os_win32_fail(code);
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
    os_win32_fail(full || !size ? GetLastError() : ERROR_NOT_ENOUGH_MEMORY);
    mem_free(full);
    return NULL;
}

char *os_path_absolute(const char *path)
{
    wchar_t *wide = os_win32_to_wide(path), *full = NULL;
    HANDLE file = wide ? os_win32_open_to_ask(wide, 0) : INVALID_HANDLE_VALUE;
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
        absolute = os_win32_to_utf8(full);
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
        base = os_win32_to_utf8(wide);
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

bool os_folder_list(const char *path, bool (*entry)(void *user, const char *name),
                    void *user)
{
    WIN32_FIND_DATAW found;
    char *pattern = mem_printf("%s\\*", *path ? path : ".");
    wchar_t *wide = pattern ? os_win32_to_wide(pattern) : NULL;
    mem_free(pattern);
    if (!wide)
        return false;
    HANDLE search = FindFirstFileW(wide, &found);
    DWORD code = search == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    mem_free(wide);
    // Nothing found: the root of an empty drive, which has no "." and ".." either.
    if (code != ERROR_SUCCESS)
        return code == ERROR_FILE_NOT_FOUND || os_win32_fail(code);

    bool more = true;
    while (more) {
        if (wcscmp(found.cFileName, L".") != 0 && wcscmp(found.cFileName, L"..") != 0) {
            char *name = os_win32_to_utf8(found.cFileName);
            if (!name) {
                code = os_win32_error();
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
    return code == ERROR_SUCCESS || os_win32_fail(code);
}

bool os_free_bytes(const char *folder, uint64_t *bytes)
{
    ULARGE_INTEGER available;
    wchar_t *wide = os_win32_to_wide(folder);
    if (!wide)
        return false;
    bool ok = GetDiskFreeSpaceExW(wide, &available, NULL, NULL) != 0;
    DWORD code = GetLastError();
    mem_free(wide);
    *bytes = ok ? available.QuadPart : 0;
    return ok || os_win32_fail(code);
}
