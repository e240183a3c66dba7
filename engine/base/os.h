// SPDX-License-Identifier: MIT
//
// Everything the engine needs from the operating system: threads, files and folders,
// locks, time. Each system has files of its own: os_posix*.c, os_win32*.c. Paths are
// UTF-8. Functions that can fail return false or NULL, without a message;
// os_error_text() has the reason. They may be called by several threads at the same
// time.

#ifndef BASE_OS_H
#define BASE_OS_H

#include "base/base.h"

#include <stdio.h>

// Threads

struct os_thread;
struct os_mutex;
struct os_condition;

// Runs run(user) on a new thread, whose stack is large enough for a driver's shader
// compiler.
struct os_thread *os_thread_create(void (*run)(void *user), void *user);
void os_thread_join(struct os_thread *thread);    // and frees it; NULL is fine

struct os_mutex *os_mutex_create(void);
void os_mutex_destroy(struct os_mutex *mutex);    // NULL is fine
void os_mutex_lock(struct os_mutex *mutex);
void os_mutex_unlock(struct os_mutex *mutex);

struct os_condition *os_condition_create(void);
void os_condition_destroy(struct os_condition *condition);    // NULL is fine
// Waits until the condition is signalled, or for no reason: callers check in a loop.
// The calling thread holds the mutex, which is free while it waits.
void os_condition_wait(struct os_condition *condition, struct os_mutex *mutex);
void os_condition_signal_all(struct os_condition *condition);

uint32_t os_core_count(void);    // at least 1
uint32_t os_process_id(void);
// The system, its version and the architecture: "Linux 6.1.0 x86_64". Valid until the
// next call on this thread.
const char *os_system_name(void);
bool os_process_exists(uint32_t id);    // true if unknown

// One lock for the whole process, around calls of libraries that keep state in globals.
// Not recursive.
void os_global_lock(void);
void os_global_unlock(void);

// Time

double os_seconds(void);    // monotonic, from an arbitrary start

// Files. `mode` as for fopen. Processes that the program starts inherit none of them.

enum os_kind {
    OS_KIND_NONE,
    OS_KIND_FILE,
    OS_KIND_FOLDER,
    OS_KIND_OTHER,
    OS_KIND_LINK
};

FILE *os_file_open(const char *path, const char *mode);
FILE *os_file_create(const char *path,
                     bool *exists);    // to write and read; must be new
// Opens a regular file to read it, and has its size. Never waits, as opening a pipe
// may. NULL: *kind is what it is instead, or else os_error_text() has the reason.
FILE *os_file_open_regular(const char *path, uint64_t *size, enum os_kind *kind);
bool os_file_sync(FILE *stream);                          // flush and sync to the disk
bool os_file_rename(const char *from, const char *to);    // replaces `to`
// Opens a file to read and to append, and makes it if absent, in a folder that may be
// somebody else's work: neither a link is followed nor a file changed that has a second
// name elsewhere. NULL: *reason says why, for messages; if it is NULL, os_error_text.
FILE *os_file_open_own(const char *path, const char **reason);
bool os_file_cut(FILE *stream, uint64_t size);    // nothing of it is buffered
bool os_file_size(FILE *stream, uint64_t *size);
bool os_file_seek(FILE *stream, uint64_t offset);    // from the beginning
bool os_file_remove(const char *path);
bool os_folder_sync(const char *path);    // makes renames in it lasting
// One level; existing is fine. Private: nobody but the user may look into a new one.
bool os_folder_make(const char *path, bool is_private);
enum os_kind os_path_kind(const char *path);     // follows links
enum os_kind os_entry_kind(const char *path);    // OS_KIND_LINK for a symbolic link
// Whether it leads to a folder that the user owns. On Windows: to any folder, since
// access goes by lists there, and a group owns what an administrator makes.
bool os_folder_is_own(const char *path);
// Whether the system says that nothing has this name. OS_KIND_NONE may also mean that
// it could not look; then, and for a link to nothing, this is false.
bool os_path_is_absent(const char *path);
// As os_path_kind, but false if the system could not look, for a reason that may pass.
bool os_path_look(const char *path, enum os_kind *kind);

// What a path leads to, whichever of its names that is. False if there is nothing.
struct os_file_id {
    uint64_t volume, file;
};
bool os_file_find_id(const char *path, struct os_file_id *id);

// The absolute path, without "." and "..", of something that must exist. Links are
// followed, so that all paths of one folder give the same text (but on disks of Windows
// that have no final names, as some RAM disks). Caller frees.
char *os_path_absolute(const char *path);

// This program's folder inside the user's cache folder; it need not exist yet. Caller
// frees. NULL where the system names no cache folder, where the user's home folder does
// not exist, or out of memory.
char *os_cache_folder(void);

// The same for what a user keeps for the program: on Windows it is that folder.
char *os_data_folder(void);

// A lock on a folder, through a file in it that is created if absent. Removing or
// replacing that file does not release it (but on file systems that cannot lock a
// folder, as NFS). It is released when the process ends, even by a crash. NULL with
// *held set: this process or another has it.
struct os_lock;
struct os_lock *os_lock_take(const char *folder, const char *name, bool *held);
void os_lock_release(struct os_lock *lock);    // NULL is fine; the file stays
// Whether the path still leads to the folder that was locked, which may have been
// removed or renamed, also with another one made in its place. True where it is
// unknown.
bool os_lock_is_of(const struct os_lock *lock, const char *folder);

// Calls `entry` for each name in a folder except "." and ".."; stops when it returns
// false, which is not a failure.
bool os_folder_list(const char *path, bool (*entry)(void *user, const char *name),
                    void *user);

// Bytes that this user may still write to the disk that a folder is on.
bool os_free_bytes(const char *folder, uint64_t *bytes);

// This thread's last system error: its text for messages, and what it says of the path.
enum os_error {
    OS_ERROR_ABSENT,     // it leads to nothing
    OS_ERROR_PATH,       // it can never be opened: too long, a loop, a folder
    OS_ERROR_PASSING,    // nothing: the same call may succeed later
};
const char *os_error_text(void);
enum os_error os_error_kind(void);
// Whether it says that there is no room: disk full, quota, or a limit to file sizes.
bool os_error_is_no_room(void);

#endif
