// SPDX-License-Identifier: MIT
//
// Whole files, atomic replacement, folders and paths; host memory.

#define _XOPEN_SOURCE 700

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "support/log.h"
#include "support/tree.h"

#define SCRATCH "test_file.scratch"

static int setup(void **state)
{
    (void)state;
    test_keep_messages(LOG_INFO);
    test_forget_error();
    return test_remove_tree(SCRATCH) && file_make_folder(SCRATCH) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    log_use(NULL);
    return test_remove_tree(SCRATCH) ? 0 : -1;
}

static void assert_content(const char *path, const char *expected)
{
    void *data;
    size_t size;
    assert_true(file_read(path, &data, &size));
    assert_int_equal(size, strlen(expected));
    assert_string_equal(data, expected);    // also proves the 0 behind the last byte
    mem_free(data);
}

static bool count_temporary(void *user, const char *name)
{
    int *count = user;
    *count += file_is_temporary(name);
    return true;
}

static int count_temporaries(void)
{
    int count = 0;
    assert_true(os_folder_list(SCRATCH, count_temporary, &count));
    return count;
}

static void test_round_trip(void **state)
{
    enum { BIG = 1000003 };
    void *data;
    size_t size;
    (void)state;

    assert_true(file_write(SCRATCH "/a", "hello", 5));
    assert_content(SCRATCH "/a", "hello");
    assert_true(file_write(SCRATCH "/a", "", 0));
    assert_content(SCRATCH "/a", "");

    char *big = mem_alloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)(i * 7 + i / 251);
    assert_true(file_write(SCRATCH "/b\xc3\xa4r", big, BIG));
    assert_true(file_read(SCRATCH "/b\xc3\xa4r", &data, &size));
    assert_int_equal(size, BIG);
    assert_memory_equal(data, big, BIG);
    mem_free(data);
    mem_free(big);
    assert_int_equal(count_temporaries(), 0);
    assert_int_equal(test_messages.errors, 0);
}

static void test_replace(void **state)
{
    struct file_writer w;
    (void)state;

    assert_true(file_write(SCRATCH "/a", "old", 3));
    assert_true(file_writer_begin(&w, SCRATCH "/a", true));
    assert_true(file_writer_write(&w, "new", 3));
    assert_content(SCRATCH "/a", "old");
    file_writer_abort(&w);
    file_writer_abort(&w);
    assert_content(SCRATCH "/a", "old");
    assert_int_equal(count_temporaries(), 0);

    assert_true(file_writer_begin(&w, SCRATCH "/a", true));
    assert_true(file_writer_write(&w, "ne", 2));
    assert_true(file_writer_write(&w, "w", 1));
    assert_true(file_writer_commit(&w));
    file_writer_abort(&w);
    assert_content(SCRATCH "/a", "new");
    assert_int_equal(count_temporaries(), 0);
}

static void test_failures(void **state)
{
    void *data;
    size_t size;
    struct reason reason;
    (void)state;

    assert_false(file_read(SCRATCH "/absent", &data, &size));
    assert_int_equal(test_messages.errors, 1);
    assert_non_null(strstr(log_last_error(), SCRATCH "/absent"));
    assert_false(file_read(SCRATCH, &data, &size));
    assert_non_null(strstr(log_last_error(), "folder"));
    assert_false(file_write(SCRATCH "/absent/a", "x", 1));
    assert_non_null(strstr(log_last_error(), SCRATCH "/absent/a"));
    assert_int_equal(test_messages.errors, 3);

    assert_false(file_load(SCRATCH "/absent", 99, &data, &size, &reason));
    assert_true(strlen(reason.text) > 0);
    assert_int_equal(reason.kind, REASON_ABSENT);
    assert_int_equal(test_messages.errors, 3);

    // A folder cannot be replaced by a file; nothing is left beside it.
    assert_true(file_make_folder(SCRATCH "/folder"));
    assert_false(file_write(SCRATCH "/folder", "x", 1));
    assert_int_equal(test_messages.errors, 4);
    assert_int_equal(count_temporaries(), 0);
}

// A limit on the size of files acts as a full disk.
static void test_full_disk(void **state)
{
    char big[100000] = { 0 };
    struct rlimit all;
    (void)state;
    assert_true(file_write(SCRATCH "/a", "old", 3));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
    signal(SIGXFSZ, SIG_IGN);

    // Small data fails when it is flushed, much at once, with and without a sync.
    for (int i = 0; i < 4; i++) {
        struct rlimit few = { 5, all.rlim_max };
        struct file_writer w;
        test_messages.errors = 0;
        assert_true(file_writer_begin(&w, SCRATCH "/a", i % 2));
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
        bool ok = file_writer_write(&w, big, i < 2 ? 10 : sizeof(big));
        if (ok)
            ok = file_writer_commit(&w);
        else
            file_writer_abort(&w);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
        assert_false(ok);
        assert_int_equal(test_messages.errors, 1);
        assert_non_null(strstr(test_messages.last, SCRATCH "/a: "));
        assert_content(SCRATCH "/a", "old");
        assert_int_equal(count_temporaries(), 0);
    }
    signal(SIGXFSZ, SIG_DFL);
}

// No name of a user's file collides with that of a temporary file, and a file with the
// longest possible name can be written.
static void test_temporaries(void **state)
{
    struct file_writer w[3];
    char path[sizeof(SCRATCH) + 1 + 255] = SCRATCH "/";
    (void)state;
    memset(path + strlen(path), 'n', 255);
    path[sizeof(path) - 1] = '\0';
    assert_true(file_write(path, "long", 4));
    assert_content(path, "long");

    assert_true(file_write(SCRATCH "/a.tmp", "mine", 4));
    assert_true(file_write(SCRATCH "/a", "new", 3));
    assert_content(SCRATCH "/a.tmp", "mine");

    // A file left by a killed process with the same number is kept, later removed.
    for (size_t i = 0; i < ARRAY_LEN(w); i++)
        assert_true(file_writer_begin(&w[i], SCRATCH "/a", false));
    assert_string_not_equal(w[0].temporary, w[1].temporary);
    assert_string_not_equal(w[1].temporary, w[2].temporary);
    assert_int_equal(count_temporaries(), 3);
    file_writer_abort(&w[1]);
    assert_int_equal(count_temporaries(), 2);
    // One of a process that has ended, beside those of one that runs.
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    snprintf(path, sizeof(path), SCRATCH "/.pix2pix-%d-0.tmp", (int)child);
    assert_true(file_write(path, "", 0));
    assert_int_equal(count_temporaries(), 3);
    file_remove_orphans(SCRATCH);
    assert_false(file_exists(path));
    assert_int_equal(count_temporaries(), 2);
    file_remove_temporaries(SCRATCH);
    assert_int_equal(count_temporaries(), 0);
    file_writer_abort(&w[0]);
    file_writer_abort(&w[2]);
    assert_content(SCRATCH "/a", "new");
    assert_content(SCRATCH "/a.tmp", "mine");
    assert_false(file_is_temporary(".pix2pix.tmp"));
    assert_false(file_is_temporary("a.tmp"));
}

static void check_too_large(const char *path, uint64_t limit, const char *text)
{
    struct reason reason;
    void *data = &reason;
    size_t size = 1;
    assert_false(file_load(path, limit, &data, &size, &reason));
    assert_null(data);
    assert_int_equal(size, 0);
    assert_int_equal(reason.kind, REASON_CONTENT);
    if (!strstr(reason.text, text))
        fail_msg("%s: \"%s\" instead of \"%s\"", path, reason.text, text);
}

// A file is refused by its size, before memory is asked for: one of 4 TB has none of it
// on the disk. One that has no size, or grows, is refused when the limit is reached.
static void test_limits(void **state)
{
    static const char path[] = SCRATCH "/large", endless[] = "/proc/self/maps";
    struct reason reason;
    void *data;
    size_t size;
    (void)state;
    assert_true(file_write(path, "0123456789", 10));
    assert_true(file_load(path, 10, &data, &size, &reason));
    assert_int_equal(size, 10);
    assert_memory_equal(data, "0123456789", 11);
    mem_free(data);
    check_too_large(path, 9, "is too large: 10 bytes, at most 9 are read");
    check_too_large(path, 0, "is too large: 10 bytes, at most 0 are read");
    assert_true(test_resize_file(path, (uint64_t)4 << 40));
    check_too_large(path, (uint64_t)1 << 30,
                    "is too large: 4398046511104 bytes, at most 1073741824 are read");
    assert_false(file_read(path, &data, &size));
    assert_non_null(strstr(log_last_error(), "4398046511104 bytes, at most 16777216"));
    assert_true(file_write(path, "", 0));
    assert_true(file_load(path, 0, &data, &size, &reason));
    assert_int_equal(size, 0);
    mem_free(data);
    if (file_exists(endless)) {
        check_too_large(endless, 100, "is too large: more than 100 bytes, at most 100");
        assert_true(file_load(endless, 1 << 24, &data, &size, &reason));
        assert_true(size > 100);
        mem_free(data);
    }
}

// A name may be that of something else by the time it is opened: that is found without
// waiting for the other end of a pipe.
static void test_open_regular(void **state)
{
    static const char pipe[] = SCRATCH "/pipe", path[] = SCRATCH "/some";
    enum os_kind kind;
    uint64_t size;
    (void)state;
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_null(os_file_open_regular(pipe, &size, &kind));
    assert_int_equal(kind, OS_KIND_OTHER);
    assert_true(os_file_remove(pipe));
    assert_null(os_file_open_regular(SCRATCH, &size, &kind));
    assert_int_equal(kind, OS_KIND_FOLDER);
    assert_null(os_file_open_regular("/dev/null", &size, &kind));
    assert_int_equal(kind, OS_KIND_OTHER);
    assert_null(os_file_open_regular(SCRATCH "/absent", &size, &kind));
    assert_int_equal(kind, OS_KIND_NONE);
    assert_true(file_write(path, "12345", 5));
    FILE *stream = os_file_open_regular(path, &size, &kind);
    assert_non_null(stream);
    assert_int_equal(kind, OS_KIND_FILE);
    assert_int_equal(size, 5);
    assert_int_equal(fgetc(stream), '1');
    fclose(stream);
}

static void test_list(void **state)
{
    static const char *const names[] = { "b", "a10", "a9", "B", ".hidden", "\xc3\xa4" };
    static const char *const expected[] = { "B", "a10", "a9", "b", "\xc3\xa4" };
    struct file_list list;
    (void)state;

    assert_true(file_make_folder(SCRATCH "/list/inner"));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *path = file_join(SCRATCH "/list", names[i]);
        assert_true(file_write(path, "", 0));
        mem_free(path);
    }
    assert_true(file_list_read(SCRATCH "/list", &list));
    assert_int_equal(list.count, ARRAY_LEN(expected));
    for (size_t i = 0; i < list.count; i++)
        assert_string_equal(list.names[i], expected[i]);
    file_list_free(&list);
    assert_int_equal(list.count, 0);

    // Only folders are left out; what else cannot be read is listed; reading has a
    // reason.
    static const char *const odd[] = { SCRATCH "/list/zlink", SCRATCH "/list/zpipe" };
    assert_int_equal(symlink("nothing", odd[0]), 0);
    assert_int_equal(mkfifo(odd[1], 0600), 0);
    assert_true(file_list_read(SCRATCH "/list", &list));
    assert_int_equal(list.count, ARRAY_LEN(expected) + 2);
    file_list_free(&list);
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        struct reason reason;
        void *data;
        size_t size;
        assert_false(file_load(odd[i], 99, &data, &size, &reason));
        assert_true(strlen(reason.text) > 0);
        assert_int_equal(reason.kind, i ? REASON_CONTENT : REASON_ABSENT);
        assert_true(os_file_remove(odd[i]));
    }

    assert_true(file_list_read(SCRATCH "/list/inner", &list));
    assert_int_equal(list.count, 0);
    file_list_free(&list);

    assert_int_equal(test_messages.errors, 0);
    assert_false(file_list_read(SCRATCH "/absent", &list));
    assert_int_equal(test_messages.errors, 1);
    file_list_free(&list);
    assert_true(test_remove_tree(SCRATCH "/list/.hidden"));
    assert_true(test_remove_tree(SCRATCH "/list"));
}

static void test_folders(void **state)
{
    (void)state;
    assert_true(file_make_folder(SCRATCH "/one/two//three/"));
    assert_true(file_is_folder(SCRATCH "/one/two/three"));
    assert_true(file_make_folder(SCRATCH "/one/two/three"));
    assert_true(file_make_folder("."));
    struct stat info;
    assert_true(file_make_private_folder(SCRATCH "/own/inner"));
    assert_int_equal(stat(SCRATCH "/own", &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(stat(SCRATCH "/own/inner", &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_true(file_write(SCRATCH "/one/file", "", 0));
    assert_true(file_exists(SCRATCH "/one/file"));
    assert_false(file_is_folder(SCRATCH "/one/file"));
    assert_int_equal(test_messages.errors, 0);
    assert_false(file_make_folder(SCRATCH "/one/file"));
    assert_int_equal(test_messages.errors, 1);
    assert_false(file_make_folder(SCRATCH "/one/file/four"));
    assert_int_equal(test_messages.errors, 2);
    assert_true(test_remove_tree(SCRATCH "/one/file"));
}

static void check_stream(FILE *stream)
{
    assert_non_null(stream);
    assert_true(fcntl(fileno(stream), F_GETFD) & FD_CLOEXEC);
}

// Modes are those of fopen, and nothing is inherited by processes that are started.
static void test_open(void **state)
{
    char text[8] = "";
    bool exists;
    const char *reason;
    (void)state;
    FILE *stream = os_file_open(SCRATCH "/a", "wb");
    check_stream(stream);
    assert_true(fputs("one", stream) >= 0);
    fclose(stream);
    stream = os_file_open(SCRATCH "/a", "r+b");
    check_stream(stream);
    assert_true(fputs("O", stream) >= 0);
    fclose(stream);
    stream = os_file_open(SCRATCH "/a", "ab");
    check_stream(stream);
    assert_true(fputs(",2", stream) >= 0);
    fclose(stream);
    stream = os_file_open_own(SCRATCH "/a", &reason);
    check_stream(stream);
    assert_true(fputs(",3", stream) >= 0);
    assert_true(os_file_seek(stream, 0));
    assert_int_equal(fread(text, 1, sizeof(text), stream), 7);
    assert_memory_equal(text, "One,2,3", 7);
    assert_true(os_file_cut(stream, 3));
    fclose(stream);
    assert_content(SCRATCH "/a", "One");
    stream = os_file_open(SCRATCH "/a", "rb");
    check_stream(stream);
    fclose(stream);
    assert_null(os_file_open(SCRATCH "/absent", "rb"));
    assert_null(os_file_open(SCRATCH "/absent", "r+b"));
    stream = os_file_create(SCRATCH "/new", &exists);
    check_stream(stream);
    fclose(stream);

    // Neither a link nor a second name is touched, and a pipe is not waited for.
    assert_int_equal(symlink("a", SCRATCH "/link"), 0);
    assert_null(os_file_open_own(SCRATCH "/link", &reason));
    assert_string_equal(reason, "it is a symbolic link");
    assert_int_equal(mkfifo(SCRATCH "/pipe", 0600), 0);
    assert_null(os_file_open_own(SCRATCH "/pipe", &reason));
    assert_string_equal(reason, "it is not a regular file");
    assert_null(os_file_open_own(SCRATCH "/absent/a", &reason));
    assert_null(reason);
    assert_int_equal(link(SCRATCH "/a", SCRATCH "/hard"), 0);
    assert_null(os_file_open_own(SCRATCH "/a", &reason));
    assert_non_null(strstr(reason, "a second name"));
    assert_content(SCRATCH "/a", "One");
    assert_int_equal(os_entry_kind(SCRATCH "/link"), OS_KIND_LINK);
    assert_int_equal(os_path_kind(SCRATCH "/link"), OS_KIND_FILE);
    assert_int_equal(os_entry_kind(SCRATCH "/a"), OS_KIND_FILE);
    assert_int_equal(os_entry_kind(SCRATCH "/absent"), OS_KIND_NONE);
}

// What is asked of a path is asked of what it leads to, but for the kind of an entry
// and for its absence.
static void test_links(void **state)
{
    enum os_kind kind;
    (void)state;
    assert_true(file_make_folder(SCRATCH "/folder"));
    assert_int_equal(symlink("folder", SCRATCH "/link"), 0);
    assert_int_equal(symlink("gone", SCRATCH "/nowhere"), 0);
    assert_int_equal(symlink("circle", SCRATCH "/circle"), 0);

    assert_int_equal(os_path_kind(SCRATCH "/link"), OS_KIND_FOLDER);
    assert_int_equal(os_entry_kind(SCRATCH "/link"), OS_KIND_LINK);
    assert_true(os_path_look(SCRATCH "/link", &kind) && kind == OS_KIND_FOLDER);
    assert_true(os_folder_is_own(SCRATCH "/link"));
    char *folder = os_path_absolute(SCRATCH "/folder");
    char *link = os_path_absolute(SCRATCH "/link/.");
    assert_string_equal(link, folder);
    mem_free(folder);
    mem_free(link);

    static const char *const broken[] = { SCRATCH "/nowhere", SCRATCH "/circle" };
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        assert_int_equal(os_path_kind(broken[i]), OS_KIND_NONE);
        assert_int_equal(os_entry_kind(broken[i]), OS_KIND_LINK);
        assert_true(os_path_look(broken[i], &kind) && kind == OS_KIND_NONE);
        assert_false(os_path_is_absent(broken[i]));
        assert_false(os_folder_is_own(broken[i]));
        assert_null(os_path_absolute(broken[i]));
    }
    assert_true(os_path_is_absent(SCRATCH "/gone"));
}

static void test_paths(void **state)
{
    static const struct {
        const char *path, *name, *extension;
    } cases[] = {
        { "a/b.png", "b.png", ".png" },
        { "b.tar.gz", "b.tar.gz", ".gz" },
        { "a.b/c", "c", "" },
        { "a/.hidden", ".hidden", "" },
        { "a/", "", "" },
        { "", "", "" },
        { "/x.", "x.", "." },
    };
    static const char *const joins[][3] = {
        { "a", "b", "a/b" },
        { "a/", "b", "a/b" },
        { "/", "b", "/b" },
        { "", "b", "b" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(file_name(cases[i].path), cases[i].name);
        assert_string_equal(file_extension(cases[i].path), cases[i].extension);
    }
    for (size_t i = 0; i < ARRAY_LEN(joins); i++) {
        char *path = file_join(joins[i][0], joins[i][1]);
        assert_string_equal(path, joins[i][2]);
        mem_free(path);
    }
}

// The variable decides, as long as it names an absolute path.
static void check_user_folder(const char *variable, char *(*find)(void))
{
    char *home = mem_strdup(getenv("HOME") ? getenv("HOME") : "");
    char *before = mem_strdup(getenv(variable) ? getenv(variable) : "");
    char *mine = os_path_absolute(SCRATCH);
    assert_non_null(mine);
    setenv("HOME", mine, 1);
    setenv(variable, "/else/where", 1);
    char *folder = find();
    assert_string_equal(folder, "/else/where/pix2pix");
    mem_free(folder);
    setenv(variable, "no/root", 1);
    folder = find();
    assert_int_equal(strncmp(folder, mine, strlen(mine)), 0);
    assert_string_equal(file_name(folder), "pix2pix");
    mem_free(folder);
    mem_free(mine);
    // A missing home folder is not created.
    setenv("HOME", "/of/mine", 1);
    assert_null(find());
    unsetenv(variable);
    setenv("HOME", "", 1);
    assert_null(find());
    unsetenv("HOME");
    assert_null(find());
    assert_int_equal(test_messages.errors, 0);
    if (*home)
        setenv("HOME", home, 1);
    if (*before)
        setenv(variable, before, 1);
    mem_free(before);
    mem_free(home);
}

static void test_user_folders(void **state)
{
    (void)state;
    check_user_folder("XDG_CACHE_HOME", os_cache_folder);
    check_user_folder("XDG_DATA_HOME", os_data_folder);
}

// A lock outlives its file, whatever becomes of it.
static void test_lock(void **state)
{
    bool held = true;
    (void)state;
    struct os_lock *first = os_lock_take(SCRATCH, "lock", &held);
    assert_non_null(first);
    assert_false(held);
    assert_null(os_lock_take(SCRATCH, "lock", &held));
    assert_true(held);
    assert_true(os_lock_is_of(first, SCRATCH));

    // On a file system without locks for folders this one cannot be seen.
    assert_true(os_file_remove(SCRATCH "/lock"));
    assert_null(os_lock_take(SCRATCH, "lock", &held));
    assert_true(held);
    assert_true(file_write(SCRATCH "/other", "x", 1));
    assert_true(os_file_rename(SCRATCH "/other", SCRATCH "/lock"));
    assert_null(os_lock_take(SCRATCH, "lock", &held));
    assert_true(held);
    os_lock_release(first);

    struct os_lock *second = os_lock_take(SCRATCH, "lock", &held);
    assert_non_null(second);
    assert_false(held);
    os_lock_release(second);

    // Another folder of the same name.
    assert_true(test_remove_tree(SCRATCH "/locked"));
    assert_true(test_remove_tree(SCRATCH "/renamed"));
    assert_true(file_make_folder(SCRATCH "/locked"));
    struct os_lock *third = os_lock_take(SCRATCH "/locked", "lock", &held);
    assert_non_null(third);
    assert_true(os_file_rename(SCRATCH "/locked", SCRATCH "/renamed"));
    assert_true(os_lock_is_of(third, SCRATCH "/renamed"));
    assert_false(os_lock_is_of(third, SCRATCH "/locked"));
    // A disk that is not there at the moment.
    assert_int_equal(symlink("nowhere", SCRATCH "/locked"), 0);
    assert_true(os_lock_is_of(third, SCRATCH "/locked"));
    assert_true(os_file_remove(SCRATCH "/locked"));
    assert_true(file_make_folder(SCRATCH "/locked"));
    assert_false(os_lock_is_of(third, SCRATCH "/locked"));
    os_lock_release(third);
    assert_null(os_lock_take(SCRATCH "/absent", "lock", &held));
    assert_false(held);

    // The folder is the second file that it opens: without it there is no lock.
    struct rlimit before, limit;
    const int next = dup(STDIN_FILENO);
    assert_true(next >= 0 && close(next) == 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = (rlim_t)next + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    second = os_lock_take(SCRATCH, "lock", &held);
    const int error = errno;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_null(second);
    assert_false(held);
    assert_int_equal(error, EMFILE);
    assert_int_equal(test_messages.errors, 0);
}

// What is needed is left out where it is not known, and what a file that is removed has
// taken is free.
static void test_no_room(void **state)
{
    char text[FILE_REASON_SIZE];
    (void)state;
    errno = ENOSPC;
    file_write_reason(SCRATCH "/full", 0, 0, text);
    assert_null(strstr(text, "needed"));
    assert_non_null(strstr(text, " free)"));
    errno = ENOSPC;
    file_write_reason(SCRATCH "/full", 7, (uint64_t)1 << 60, text);
    assert_non_null(strstr(text, "(7 bytes needed, "));
    assert_true(strtod(strstr(text, "needed, ") + 8, NULL) > 1e12);    // in MiB
    errno = EACCES;
    file_write_reason(SCRATCH "/full", 7, 0, text);
    assert_null(strstr(text, "free"));
}

static void test_memory(void **state)
{
    uint32_t *items = NULL;
    size_t capacity = 0;
    (void)state;

    for (uint32_t i = 0; i < 1000; i++) {
        assert_true(mem_grow(&items, &capacity, i + 1, sizeof(*items)));
        assert_true(capacity >= i + 1);
        items[i] = i;
    }
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    assert_int_equal(test_messages.errors, 0);
    size_t before = capacity;
    assert_false(mem_grow(&items, &capacity, SIZE_MAX / 2, sizeof(*items)));
    assert_int_equal(capacity, before);
    assert_int_equal(items[999], 999);
    mem_free(items);

    assert_null(mem_array(SIZE_MAX / 2, 3));
    assert_int_equal(test_messages.errors, 2);
    char *text = mem_printf("%s-%d", "x", 7);
    assert_string_equal(text, "x-7");
    mem_free(text);
    void *nothing = mem_array(0, 8);
    assert_non_null(nothing);
    mem_free(nothing);
}

// What the system refuses at the moment says nothing of the file.
static void test_passing_reasons(void **state)
{
    struct rlimit all, none;
    struct reason reason;
    void *data;
    size_t size;
    (void)state;
    assert_true(file_write(SCRATCH "/a", "x", 1));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
    none = (struct rlimit){ 0, all.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    bool ok = file_load(SCRATCH "/a", FILE_READ_LIMIT, &data, &size, &reason);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
    assert_false(ok);
    assert_int_equal(reason.kind, REASON_PASSING);
    assert_true(strlen(reason.text) > 0);

    // A file of Linux that opens and cannot be read.
    if (os_path_kind("/proc/self/mem") == OS_KIND_FILE) {
        assert_false(
            file_load("/proc/self/mem", FILE_READ_LIMIT, &data, &size, &reason));
        assert_int_equal(reason.kind, REASON_PASSING);
    }

    char name[400];
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_false(file_load(name, FILE_READ_LIMIT, &data, &size, &reason));
    assert_int_equal(reason.kind, REASON_CONTENT);
    assert_false(file_load(SCRATCH "/a/b", FILE_READ_LIMIT, &data, &size, &reason));
    assert_int_equal(reason.kind, REASON_ABSENT);
    assert_false(file_load(SCRATCH, FILE_READ_LIMIT, &data, &size, &reason));
    assert_int_equal(reason.kind, REASON_CONTENT);
    assert_int_equal(test_messages.errors, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),   TEST(test_replace),
        TEST(test_failures),     TEST(test_full_disk),
        TEST(test_temporaries),  TEST(test_list),
        TEST(test_folders),      TEST(test_no_room),
        TEST(test_paths),        TEST(test_links),
        TEST(test_user_folders), TEST(test_lock),
        TEST(test_memory),       TEST(test_passing_reasons),
        TEST(test_limits),       TEST(test_open_regular),
        TEST(test_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
