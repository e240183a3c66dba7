// SPDX-License-Identifier: MIT
//
// Files, folders and locks through POSIX.

// The BSDs declare everything, flock too, unless a standard is asked for.
#if !defined(__FreeBSD__) && !defined(__NetBSD__) && !defined(__OpenBSD__) &&          \
    !defined(__DragonFly__)
#define _XOPEN_SOURCE 700
#endif
#define _DARWIN_C_SOURCE        // F_FULLFSYNC and flock on macOS
#define _FILE_OFFSET_BITS 64    // files over 2 GiB on 32-bit systems

#include "base/mem.h"
#include "base/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

// A stream of a descriptor, which is closed if there is none. fopen's "e" would be
// O_CLOEXEC as well, but not everywhere.
static FILE *stream_of(int fd, const char *mode)
{
    FILE *stream = fd < 0 ? NULL : fdopen(fd, mode);
    if (fd >= 0 && !stream) {
        int error = errno;
        close(fd);
        errno = error;
    }
    return stream;
}

FILE *os_file_open(const char *path, const char *mode)
{
    bool updates = strchr(mode, '+') != NULL;
    int flags = mode[0] == 'r'   ? 0
                : mode[0] == 'a' ? O_CREAT | O_APPEND
                                 : O_CREAT | O_TRUNC;
    flags |= updates ? O_RDWR : mode[0] == 'r' ? O_RDONLY : O_WRONLY;
    return stream_of(open(path, flags | O_CLOEXEC, 0666), mode);
}

static enum os_kind kind_of_mode(mode_t mode)
{
    return S_ISREG(mode)   ? OS_KIND_FILE
           : S_ISDIR(mode) ? OS_KIND_FOLDER
           : S_ISLNK(mode) ? OS_KIND_LINK
                           : OS_KIND_OTHER;
}

// O_NONBLOCK: a pipe is opened at once, to be found and closed. It means nothing for a
// regular file, and is taken away again for file systems that think otherwise.
FILE *os_file_open_regular(const char *path, uint64_t *size, enum os_kind *kind)
{
    struct stat info;
    *kind = OS_KIND_NONE;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &info) == 0) {
        *kind = kind_of_mode(info.st_mode);
        *size = (uint64_t)info.st_size;
        if (*kind == OS_KIND_FILE && fcntl(fd, F_SETFL, 0) == 0)
            return stream_of(fd, "rb");
    }
    int error = errno;
    close(fd);
    errno = error;
    return NULL;
}

// O_EXCL decides between two that want the same name, and does not follow a link that
// somebody has put there.
FILE *os_file_create(const char *path, bool *exists)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    *exists = fd < 0 && errno == EEXIST;
    FILE *stream = stream_of(fd, "w+b");
    if (fd >= 0 && !stream) {
        int error = errno;
        unlink(path);
        errno = error;
    }
    return stream;
}

// All is asked of the descriptor, since the path may lead elsewhere a moment later.
// O_NONBLOCK: opening a pipe would wait for its other end; regular files ignore it.
FILE *os_file_open_own(const char *path, const char **reason)
{
    struct stat info;
    const int flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int fd = open(path, flags | O_NOCTTY, 0666);
    FILE *stream = NULL;
    *reason = NULL;
    if (fd < 0) {
        // Systems have different errors for a link.
        if (os_entry_kind(path) == OS_KIND_LINK)
            *reason = "it is a symbolic link";
        return NULL;
    }
    if (fstat(fd, &info) == 0) {
        if (!S_ISREG(info.st_mode))
            *reason = "it is not a regular file";
        else if (info.st_nlink > 1)
            *reason =
                "it has a second name elsewhere (a hard link): replace it by a copy";
        else
            stream = fdopen(fd, "a+b");
    }
    if (!stream) {
        int error = errno;
        close(fd);
        errno = error;
    }
    return stream;
}

bool os_file_cut(FILE *stream, uint64_t size)
{
    return ftruncate(fileno(stream), (off_t)size) == 0;
}

// On macOS fsync leaves the data in the disk's own cache; F_FULLFSYNC does not, where
// the file system has it. Some file systems have nothing to sync and return an error.
static bool sync_descriptor(int fd)
{
    int result;
    do {
#ifdef __APPLE__
        result = fcntl(fd, F_FULLFSYNC);
        if (result != 0 && errno != EINTR)
            result = fsync(fd);
#else
        result = fsync(fd);
#endif
    } while (result != 0 && errno == EINTR);
    return result == 0 || errno == EINVAL || errno == ENOTSUP;
}

// fsync does not know of bytes that are still in the buffer of stdio.
bool os_file_sync(FILE *stream)
{
    return fflush(stream) == 0 && sync_descriptor(fileno(stream));
}

// By POSIX an existing `to` stays visible throughout, as the old file or the new one.
bool os_file_rename(const char *from, const char *to)
{
    return rename(from, to) == 0;
}

bool os_file_size(FILE *stream, uint64_t *size)
{
    struct stat info;
    if (fstat(fileno(stream), &info) != 0)
        return false;
    *size = (uint64_t)info.st_size;
    return true;
}

bool os_file_seek(FILE *stream, uint64_t offset)
{
    return fseeko(stream, (off_t)offset, SEEK_SET) == 0;
}

bool os_file_remove(const char *path)
{
    return unlink(path) == 0;
}

// A rename is an entry of the folder, which is synced through a descriptor of its own.
bool os_folder_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = sync_descriptor(fd);
    int error = errno;
    close(fd);
    errno = error;
    return ok;
}

bool os_folder_make(const char *path, bool is_private)
{
    struct stat info;
    if (mkdir(path, is_private ? 0700 : 0777) == 0)
        return true;
    // Another process may make it at the same moment, which is as good. Where that
    // cannot be seen, the reason is the error.
    if (errno != EEXIST || stat(path, &info) != 0)
        return false;
    errno = EEXIST;
    return S_ISDIR(info.st_mode);
}

// Keeps errno, so that callers can look at what failed before its reason is read.
static enum os_kind kind_of(const char *path, bool follows)
{
    struct stat info;
    int error = errno;
    bool found = (follows ? stat(path, &info) : lstat(path, &info)) == 0;
    errno = error;
    return found ? kind_of_mode(info.st_mode) : OS_KIND_NONE;
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
    struct stat info;
    bool found = stat(path, &info) == 0;
    *kind = found ? kind_of_mode(info.st_mode) : OS_KIND_NONE;
    return found || os_error_kind() != OS_ERROR_PASSING;
}

// The link itself is asked about: what it leads to may be on a disk that is not there
// at the moment.
bool os_path_is_absent(const char *path)
{
    struct stat info;
    return lstat(path, &info) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

bool os_file_find_id(const char *path, struct os_file_id *id)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return false;
    *id = (struct os_file_id){ (uint64_t)info.st_dev, (uint64_t)info.st_ino };
    return true;
}

bool os_folder_is_own(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == geteuid();
}

// The memory comes from malloc, which mem_free takes too.
char *os_path_absolute(const char *path)
{
    return realpath(path, NULL);
}

// By the XDG Base Directory Specification a relative path in such a variable is
// ignored. Without a home folder, as for a service's user, nothing is made in its
// place.
static char *user_folder(const char *variable, const char *in_home)
{
    const char *folder = getenv(variable), *home = getenv("HOME");
    if (folder && folder[0] == '/')
        return mem_printf("%s/pix2pix", folder);
    if (!home || home[0] != '/' || os_path_kind(home) != OS_KIND_FOLDER)
        return NULL;
    return mem_printf("%s/%s/pix2pix", home, in_home);
}

char *os_cache_folder(void)
{
#ifdef __APPLE__
    return user_folder("XDG_CACHE_HOME", "Library/Caches");
#else
    return user_folder("XDG_CACHE_HOME", ".cache");
#endif
}

char *os_data_folder(void)
{
#ifdef __APPLE__
    return user_folder("XDG_DATA_HOME", "Library/Application Support");
#else
    return user_folder("XDG_DATA_HOME", ".local/share");
#endif
}

struct os_lock {
    int file, folder;    // descriptors; -1: none
};

// flock, because fcntl's locks do not exclude the same process, and closing any other
// descriptor of the file would drop them. Some file systems have no locks, network ones
// none of folders: there this succeeds without one.
static bool lock_descriptor(int fd, bool *held)
{
    int result;
    do {
        result = flock(fd, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    *held = result != 0 && errno == EWOULDBLOCK;
    return !*held;
}

static bool is_file_at(int fd, const char *path)
{
    struct stat opened, named;
    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

// Between opening and locking the file may have been removed, and whoever comes next
// would lock a new one: a lock counts only if the path still names what is locked.
static int lock_file(const char *path, bool *held)
{
    enum { TRIES = 100 };
    for (int i = 0; i < TRIES; i++) {
        // A link is not followed: it would make a file elsewhere.
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd < 0)
            return -1;
        bool locked = lock_descriptor(fd, held);
        if (locked && is_file_at(fd, path))
            return fd;
        close(fd);
        if (!locked)
            return -1;
    }
    errno = EBUSY;    // somebody replaces it all the time
    return -1;
}

// The file may be removed later as well, and the lock that is held on it is then out of
// everybody's way. That on the folder is not: while a process holds it, a new file of
// the same name lets nobody in, so a folder that cannot be opened is a failure.
struct os_lock *os_lock_take(const char *folder, const char *name, bool *held)
{
    *held = false;
    struct os_lock *lock = mem_zalloc(sizeof(*lock));
    char *path = lock ? mem_printf("%s/%s", *folder ? folder : ".", name) : NULL;
    if (!path) {
        mem_free(lock);
        errno = ENOMEM;
        return NULL;
    }
    lock->folder = -1;
    lock->file = lock_file(path, held);
    if (lock->file >= 0)
        lock->folder = open(*folder ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = errno;
    mem_free(path);
    if (lock->folder < 0 || !lock_descriptor(lock->folder, held)) {
        os_lock_release(lock);
        lock = NULL;
    }
    errno = error;
    return lock;
}

// The file is not removed: another process may have opened it and lock it next, while a
// third one creates a new file of this name, and both would hold the lock.
void os_lock_release(struct os_lock *lock)
{
    if (!lock)
        return;
    if (lock->folder >= 0)
        close(lock->folder);
    if (lock->file >= 0)
        close(lock->file);
    mem_free(lock);
}

// What cannot be looked at, for a reason that may pass, is not another folder.
bool os_lock_is_of(const struct os_lock *lock, const char *folder)
{
    struct stat named;
    const char *path = *folder ? folder : ".";
    return is_file_at(lock->folder, path) ||
           (stat(path, &named) != 0 && !os_path_is_absent(path));
}

bool os_folder_list(const char *path, bool (*entry)(void *user, const char *name),
                    void *user)
{
    DIR *folder = opendir(path);
    if (!folder)
        return false;

    int error = 0;
    for (;;) {
        errno = 0;    // readdir returns NULL at the end as well
        const struct dirent *found = readdir(folder);
        if (!found) {
            error = errno;
            break;
        }
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
            continue;
        if (!entry(user, found->d_name))
            break;
    }
    closedir(folder);
    errno = error;
    return error == 0;
}

bool os_free_bytes(const char *folder, uint64_t *bytes)
{
    struct statvfs info;
    if (statvfs(folder, &info) != 0)
        return false;
    *bytes = (uint64_t)info.f_bavail * info.f_frsize;
    return true;
}
