// SPDX-License-Identifier: MIT
//
// Whole files, atomic replacement, folders and parts of paths, over os.h and stdio.

#include "base/file.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// ".pix2pix-PROCESS-NUMBER.tmp". The name of the file that is written is not part of
// it: that one may be as long as the file system allows.
#define TEMPORARY_HEAD ".pix2pix-"
#define TEMPORARY_TAIL ".tmp"

// Windows takes both; elsewhere a backslash is a character of a name.
bool file_is_separator(char c)
{
#ifdef _WIN32
    return c == '/' || c == '\\';
#else
    return c == '/';
#endif
}

// Reading

// Some systems open a folder like a file, opening a pipe may block for ever, and
// opening a device may do something. The name is asked first, then what was opened,
// which is meanwhile perhaps something else.
FILE *file_open_regular(const char *path, uint64_t *size, struct reason *reason)
{
    enum os_kind kind = os_path_kind(path);
    FILE *stream = NULL;
    if (kind != OS_KIND_FOLDER && kind != OS_KIND_OTHER)
        stream = os_file_open_regular(path, size, &kind);
    if (stream)
        return stream;
    if (kind == OS_KIND_FOLDER || kind == OS_KIND_OTHER)
        reason_refuse(reason,
                      kind == OS_KIND_FOLDER ? "is a folder" : "is not a regular file");
    else
        reason_refuse_system(reason);
    return NULL;
}

static void refuse_size(uint64_t size, uint64_t limit, struct reason *reason)
{
    reason_refuse(reason,
                  "is too large: %s%" PRIu64 " bytes, at most %" PRIu64 " are read",
                  size > limit ? "" : "more than ", size, limit);
}

bool file_load(const char *path, uint64_t limit, void **data, size_t *size,
               struct reason *reason)
{
    char *bytes = NULL;
    size_t used = 0, capacity = 0;
    uint64_t known;

    *data = NULL;
    *size = 0;
    limit = MIN(limit, SIZE_MAX / 2);
    FILE *stream = file_open_regular(path, &known, reason);
    if (!stream)
        return false;
    if (known > limit) {
        refuse_size(known, limit, reason);
        goto fail;
    }
    // Files of /proc have no size, and others grow meanwhile: they are read to their
    // end as well. A byte more than expected shows that this is the end, and another
    // one is for the 0 behind the content.
    size_t room = known ? (size_t)known + 1 : 64 * 1024;
    for (;;) {
        room = (size_t)MIN((uint64_t)room, limit - used + 1);
        struct log_capture capture;    // the reason says it
        log_capture_begin(&capture);
        const bool has_room = mem_grow(&bytes, &capacity, used + room + 1, 1);
        log_capture_end(&capture);
        if (!has_room) {
            reason_refuse_memory(reason);
            goto fail;
        }
        size_t count = fread(bytes + used, 1, room, stream);
        used += count;
        if (used > limit) {
            refuse_size(limit, limit, reason);
            goto fail;
        }
        if (count < room)
            break;
        // At least as much again, so that a large file is copied a few times only.
        room = MAX((size_t)64 * 1024, used);
    }
    // A short count is the end or an error. The reason comes before fclose, which may
    // set errno again.
    if (ferror(stream)) {
        reason_refuse_system(reason);
        goto fail;
    }
    fclose(stream);
    bytes[used] = '\0';
    *data = bytes;
    *size = used;
    return true;

fail:
    fclose(stream);
    mem_free(bytes);
    return false;
}

bool file_read(const char *path, void **data, size_t *size)
{
    struct reason reason;
    if (file_load(path, FILE_READ_LIMIT, data, size, &reason))
        return true;
    log_error("file: cannot read %s: %s", path, reason.text);
    return false;
}

bool file_load_head(const char *path, void *bytes, size_t size, size_t *count,
                    struct reason *reason)
{
    uint64_t known;
    FILE *stream = file_open_regular(path, &known, reason);
    if (!stream)
        return false;
    *count = fread(bytes, 1, size, stream);
    bool ok = !ferror(stream) || reason_refuse_system(reason);
    fclose(stream);
    return ok;
}

// Writing

// Folder of a path, "." if it names none; that of "/name" is "/". Caller frees.
static char *parent_of(const char *path)
{
    size_t length = (size_t)(file_name(path) - path);
    while (length > 1 && file_is_separator(path[length - 1]))
        length--;
    return length ? mem_printf("%.*s", (int)length, path) : mem_strdup(".");
}

static const char *size_text(uint64_t bytes, char text[32])
{
    if (bytes < (uint64_t)10 << 20)
        snprintf(text, 32, "%" PRIu64 " bytes", bytes);
    else
        snprintf(text, 32, "%.1f MiB", (double)bytes / (1 << 20));
    return text;
}

const char *file_write_reason(const char *path, uint64_t needed, uint64_t released,
                              char text[FILE_REASON_SIZE])
{
    char needed_text[48] = "", size[32], free_text[32];
    uint64_t room = 0;
    const bool no_room = os_error_is_no_room();
    snprintf(text, FILE_REASON_SIZE, "%s", os_error_text());
    char *folder = no_room ? parent_of(path) : NULL;
    if (folder && os_free_bytes(folder, &room)) {
        const size_t used = strlen(text);
        if (needed)
            snprintf(needed_text, sizeof(needed_text), "%s needed, ",
                     size_text(needed, size));
        snprintf(text + used, FILE_REASON_SIZE - used, " (%s%s free)", needed_text,
                 size_text(room + released, free_text));
    }
    mem_free(folder);
    return text;
}

// What the temporary file has taken is free again when the writer is aborted.
static void report_write(const struct file_writer *w)
{
    char reason[FILE_REASON_SIZE];
    uint64_t taken = 0;
    const int error = errno;
    if (w->stream && !os_file_size(w->stream, &taken))
        taken = 0;
    errno = error;
    log_error("file: cannot write %s: %s", w->path,
              file_write_reason(w->path, MAX(w->expected, w->size), taken, reason));
}

bool file_write(const char *path, const void *data, size_t size)
{
    struct file_writer w;
    if (!file_writer_begin(&w, path, true))
        return false;
    w.expected = size;
    if (!file_writer_write(&w, data, size)) {
        file_writer_abort(&w);
        return false;
    }
    return file_writer_commit(&w);
}

// Opens a new file beside another one: a rename is atomic within one file system only.
static FILE *create_temporary(const char *path, char **temporary)
{
    // For each thread, so without a lock: two threads that come to the same number are
    // told apart by os_file_create, which takes only new names.
    static _Thread_local uint32_t number;
    FILE *stream = NULL;
    bool taken = true;
    // The name may be taken by another thread, or by a process that was killed: process
    // numbers are used again.
    while (!stream && taken) {
        mem_free(*temporary);
        *temporary =
            mem_printf("%.*s" TEMPORARY_HEAD "%" PRIu32 "-%" PRIu32 TEMPORARY_TAIL,
                       (int)(file_name(path) - path), path, os_process_id(), number++);
        if (!*temporary)
            return NULL;
        stream = os_file_create(*temporary, &taken);
    }
    if (!stream) {
        char reason[FILE_REASON_SIZE];
        log_error("file: cannot create %s: %s", path,
                  file_write_reason(path, 0, 0, reason));
        mem_free(*temporary);    // whatever has the name is not ours to remove
        *temporary = NULL;
    }
    return stream;
}

bool file_writer_begin(struct file_writer *w, const char *path, bool lasting)
{
    *w = (struct file_writer){ .lasting = lasting };
    w->path = mem_strdup(path);
    w->stream = w->path ? create_temporary(path, &w->temporary) : NULL;
    if (w->stream)
        return true;
    file_writer_abort(w);
    return false;
}

// `data` may be NULL if there is nothing to write, which fwrite does not allow. A full
// disk may show only when the buffer is flushed, so commit checks again.
bool file_writer_write(struct file_writer *w, const void *data, size_t size)
{
    w->size += size;
    if (size == 0 || fwrite(data, 1, size, w->stream) == size)
        return true;
    report_write(w);
    return false;
}

bool file_writer_replace(struct file_writer *w, uint64_t offset, const void *data,
                         size_t size)
{
    if (os_file_seek(w->stream, offset) && fwrite(data, 1, size, w->stream) == size)
        return true;
    report_write(w);
    return false;
}

// A file that was renamed is in place and readable; only a power cut could undo that.
static void sync_parent(const char *path)
{
    struct log_capture capture;
    log_capture_begin(&capture);
    char *folder = parent_of(path);
    const bool ok = folder && os_folder_sync(folder);
    if (folder && !ok)
        log_error("%s", os_error_text());
    mem_free(folder);
    const char *error = log_capture_end(&capture);
    if (!ok)
        log_warn("file: cannot sync the folder of %s: %s", path, error);
}

bool file_writer_commit(struct file_writer *w)
{
    // Synced before the rename: after a power cut some file systems have the new name
    // but not yet its content. fclose frees the stream even where it fails.
    bool synced = !w->lasting || os_file_sync(w->stream);
    FILE *stream = w->stream;
    if (synced)
        w->stream = NULL;
    // Network file systems may report a full disk as late as when a file is closed.
    if (!synced || fclose(stream) != 0) {
        report_write(w);
        goto fail;
    }
    if (!os_file_rename(w->temporary, w->path)) {
        log_error("file: cannot rename %s to %s: %s", w->temporary, w->path,
                  os_error_text());
        goto fail;
    }
    if (w->lasting)
        sync_parent(w->path);
    mem_free(w->temporary);
    mem_free(w->path);
    *w = (struct file_writer){ 0 };
    return true;

fail:
    file_writer_abort(w);
    return false;
}

void file_writer_abort(struct file_writer *w)
{
    // Closed before it is removed: Windows does not remove open files.
    if (w->stream)
        fclose(w->stream);
    if (w->temporary)
        os_file_remove(w->temporary);
    mem_free(w->temporary);
    mem_free(w->path);
    *w = (struct file_writer){ 0 };
}

bool file_is_temporary(const char *name)
{
    size_t head = strlen(TEMPORARY_HEAD), tail = strlen(TEMPORARY_TAIL);
    size_t length = strlen(name);
    return length > head + tail && strncmp(name, TEMPORARY_HEAD, head) == 0 &&
           strcmp(name + length - tail, TEMPORARY_TAIL) == 0;
}

// True in any case, so that the listing goes on: other files may be removable.
static bool remove_temporary(void *user, const char *name)
{
    const char *folder = user;
    char *path = file_is_temporary(name) ? file_join(folder, name) : NULL;
    if (path)
        os_file_remove(path);
    mem_free(path);
    return true;
}

// What cannot be removed now, for lack of memory too, is by a later call.
static void remove_some(const char *folder,
                        bool (*remove)(void *user, const char *name))
{
    struct log_capture capture;
    log_capture_begin(&capture);
    os_folder_list(folder, remove, (void *)folder);
    log_capture_end(&capture);
}

void file_remove_temporaries(const char *folder)
{
    remove_some(folder, remove_temporary);
}

// A process that still runs may be about to rename its file. The number behind the head
// is that of the process, see create_temporary.
// If another process has that number by now, the file stays until a later call.
static bool remove_orphan(void *user, const char *name)
{
    uint32_t id;
    if (!file_is_temporary(name) ||
        sscanf(name + strlen(TEMPORARY_HEAD), "%" SCNu32 "-", &id) != 1 ||
        os_process_exists(id))
        return true;
    return remove_temporary(user, name);
}

void file_remove_orphans(const char *folder)
{
    remove_some(folder, remove_orphan);
}

// Folders

struct listing {
    const char *folder;
    struct file_list *files, *folders;    // `folders` NULL: not wanted
    size_t file_capacity, folder_capacity;
    bool failed;
};

// False stops the listing, after a failure only.
static bool add_entry(void *user, const char *name)
{
    struct listing *l = user;
    // Besides our own temporaries: macOS leaves "._photo.png" beside "photo.png" on
    // foreign file systems, with the extension of an image but something else inside.
    if (name[0] == '.')
        return true;

    char *path = file_join(l->folder, name);
    char *copy = NULL;
    if (!path)
        goto fail;
    // A folder that cannot be looked at for the moment must not be taken for a file.
    enum os_kind kind;
    const bool looked = os_path_look(path, &kind);
    if (!looked)
        log_error("file: cannot look at %s: %s", path, os_error_text());
    mem_free(path);
    if (!looked)
        goto fail;
    struct file_list *to = kind == OS_KIND_FOLDER ? l->folders : l->files;
    if (!to)
        return true;
    copy = mem_strdup(name);
    if (!copy ||
        !mem_grow(&to->names, to == l->files ? &l->file_capacity : &l->folder_capacity,
                  to->count + 1, sizeof(*to->names)))
        goto fail;
    to->names[to->count++] = copy;
    return true;

fail:
    mem_free(copy);
    l->failed = true;
    return false;
}

// By bytes and not by the locale: the order of a folder decides which samples a step
// takes, and the same seed and data give the same run everywhere.
static int compare_names(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return strcmp(*left, *right);
}

// `names` is NULL for an empty list, which qsort does not allow.
static void sort_names(struct file_list *list)
{
    if (list->count > 1)
        qsort(list->names, list->count, sizeof(*list->names), compare_names);
}

static bool read_names(struct listing *l)
{
    bool ok = os_folder_list(l->folder, add_entry, l);
    if (!ok)
        log_error("file: cannot list folder %s: %s", l->folder, os_error_text());
    return ok && !l->failed;
}

bool file_list_read(const char *folder, struct file_list *list)
{
    struct listing l = { .folder = folder, .files = list };
    *list = (struct file_list){ 0 };
    if (!read_names(&l)) {
        file_list_free(list);
        return false;
    }
    sort_names(list);
    return true;
}

bool file_list_read_all(const char *folder, struct file_list *files,
                        struct file_list *folders)
{
    struct listing l = { .folder = folder, .files = files, .folders = folders };
    *files = *folders = (struct file_list){ 0 };
    if (!read_names(&l)) {
        file_list_free(files);
        file_list_free(folders);
        return false;
    }
    sort_names(files);
    sort_names(folders);
    return true;
}

void file_list_free(struct file_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        mem_free(list->names[i]);
    mem_free(list->names);
    *list = (struct file_list){ 0 };
}

bool file_exists(const char *path)
{
    return os_path_kind(path) != OS_KIND_NONE;
}

bool file_is_folder(const char *path)
{
    return os_path_kind(path) == OS_KIND_FOLDER;
}

// Makes path[0..length) after its parents. `path` is cut there meanwhile and restored.
static bool make_folders(char *path, size_t length, bool is_private)
{
    while (length > 1 && file_is_separator(path[length - 1]))
        length--;
    char after = path[length];
    path[length] = '\0';

    // Nothing is left of a relative path: its parent is the current folder.
    bool ok = length == 0 || file_is_folder(path);
    if (!ok) {
        size_t parent = length;
        while (parent > 0 && !file_is_separator(path[parent - 1]))
            parent--;
        ok = make_folders(path, parent, is_private);
        if (ok && !os_folder_make(path, is_private)) {
            log_error("file: cannot make folder %s: %s", path, os_error_text());
            ok = false;
        }
    }
    path[length] = after;
    return ok;
}

static bool make_folder(const char *path, bool is_private)
{
    char *copy = mem_strdup(path);
    if (!copy)
        return false;
    bool ok = make_folders(copy, strlen(copy), is_private);
    mem_free(copy);
    return ok;
}

bool file_make_folder(const char *path)
{
    return make_folder(path, false);
}

// Parents that are missing are private too, as the XDG Base Directory Specification has
// it for folders that a program makes there.
bool file_make_private_folder(const char *path)
{
    return make_folder(path, true);
}

// Paths

char *file_join(const char *folder, const char *name)
{
    // "" is the current folder; "/name" would be at the root.
    size_t length = strlen(folder);
    if (length == 0)
        return mem_strdup(name);
    return mem_printf("%s%s%s", folder,
                      file_is_separator(folder[length - 1]) ? "" : "/", name);
}

const char *file_name(const char *path)
{
    const char *name = path;
    // "C:name" names a file of the current folder of that drive.
#ifdef _WIN32
    bool is_drive = path[0] && path[1] == ':';
#else
    bool is_drive = false;
#endif
    for (const char *c = path; *c; c++) {
        if (file_is_separator(*c) || (is_drive && c == path + 1))
            name = c + 1;
    }
    return name;
}

const char *file_extension(const char *path)
{
    const char *name = file_name(path);
    const char *dot = strrchr(name, '.');    // that of ".hidden" begins no extension
    return dot && dot != name ? dot : name + strlen(name);
}
