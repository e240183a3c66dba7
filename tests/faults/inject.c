// SPDX-License-Identifier: MIT
//
// Preloaded into the command by faults.c: counts the calls to the C library that may
// fail, and makes one of them fail. Only calls of the program itself and of the
// libraries that it works with (Jansson, libzip, zlib, utf8proc and those of images)
// count, not those of the Vulkan loader and the driver: the slots through which an
// object of the first kind reaches other objects are pointed at the functions here. The
// program is therefore the one that users run. ELF systems only.
//
//     PIX_FAULT=KIND:N:ERROR    the Nth call of this kind fails (malloc, write, read,
//                               thread), with this errno as a number
//     PIX_FAULT=KIND:N+:ERROR   that one and all later ones fail
//     PIX_FAULT=KIND:N:kill     the process kills itself there
//     PIX_FAULT=count           none fails
//     PIX_FAULT=none            none fails, and nothing is reported
//     PIX_FAULT=server          the process reads requests, which are texts as these,
//                               and starts another one for each, see inject.h
//
// The file fault.log gets what there is to report: with `count` a struct fault_record
// for every call, else which call failed and who called it.
//
// A process that serves stops before main. By then it has all objects of the program
// and of the Vulkan driver, which takes longer than many a run. Those that it starts
// are copies of it, each of which comes to main itself; their output goes to out.txt
// and err.txt.
//
// A write that fails has written half of its bytes, a read has read half, as with a
// disk that fills up.

#define _GNU_SOURCE

#include "faults/inject.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vulkan/vulkan.h>

// What PIX_FAULT asks for.
static struct {
    bool counts, kills;
    enum fault_kind kind;
    unsigned long first, last;
    int error;
} plan;

static atomic_ulong calls[FAULT_KINDS];
static int report = -1;               // the descriptor of fault.log
static const void *self, *program;    // where this library and the program are loaded

// ---------------------------------------------------------------------------
// Reports

enum { FRAMES_MAX = 48 };

struct frame {
    const char *object;
    const void *base;
    size_t offset;    // of the return address in its object
};

// Who has made the call, from the inside out, without the functions of this file.
static int find_frames(struct frame frames[FRAMES_MAX])
{
    void *addresses[FRAMES_MAX];
    int count = backtrace(addresses, FRAMES_MAX), used = 0;
    for (int i = 0; i < count; i++) {
        Dl_info info;
        if (!dladdr(addresses[i], &info) || info.dli_fbase == self)
            continue;
        const char *slash = strrchr(info.dli_fname, '/');
        frames[used++] = (struct frame){
            .object = slash ? slash + 1 : info.dli_fname,
            .base = info.dli_fbase,
            .offset = (size_t)((char *)addresses[i] - (char *)info.dli_fbase),
        };
    }
    return used;
}

static void put(const char *text, int length)
{
    if (length > 0 && write(report, text, (size_t)length) < 0)
        report = -1;
}

// Appends a record, in one piece: threads do so at the same time. FNV-1a of the offsets
// tells one way to a call from another, wherever the objects are loaded.
static void record(enum fault_kind kind)
{
    struct frame frames[FRAMES_MAX];
    struct fault_record r = { .kind = (uint16_t)kind, .way = 2166136261u };
    int count = find_frames(frames);
    r.is_library = count > 0 && frames[0].base != program;
    for (int i = 0; i < count; i++)
        r.way = (r.way ^ (uint32_t)frames[i].offset) * 16777619u;
    put((const char *)&r, sizeof(r));
}

static void describe(const char *function, unsigned long number)
{
    char line[256];
    struct frame frames[FRAMES_MAX];
    int count = find_frames(frames);
    put(line, snprintf(line, sizeof(line), "call %lu: %s\n", number, function));
    for (int i = 0; i < count; i++)
        put(line, snprintf(line, sizeof(line), "  %.200s 0x%zx\n", frames[i].object,
                           frames[i].offset));
}

// Counts a call, and says whether it is one that fails. Sets errno then.
static bool fails(enum fault_kind kind, const char *function)
{
    int error = errno;
    unsigned long number = atomic_fetch_add(&calls[kind], 1) + 1;
    bool chosen = !plan.counts && kind == plan.kind && number >= plan.first &&
                  number <= plan.last;
    if (report >= 0 && plan.counts)
        record(kind);
    if (report >= 0 && chosen && number == plan.first)
        describe(function, number);
    if (chosen && plan.kills)
        kill(getpid(), SIGKILL);
    errno = chosen ? plan.error : error;
    return chosen;
}

// ---------------------------------------------------------------------------
// Streams. What a program prints is not what this is about: standard streams are left
// alone.

static bool is_standard(FILE *stream)
{
    return stream == stdin || stream == stdout || stream == stderr;
}

static bool is_written(FILE *stream)
{
    return (fcntl(fileno(stream), F_GETFL) & O_ACCMODE) != O_RDONLY;
}

// The streams whose error indicator is set: nothing but the library sets the real one.
enum { BROKEN_MAX = 64 };
static FILE *broken[BROKEN_MAX];
static pthread_mutex_t broken_mutex = PTHREAD_MUTEX_INITIALIZER;

// Replaces an entry that is `from` by `to`; false if there is none.
static bool swap_broken(FILE *from, FILE *to)
{
    bool found = false;
    pthread_mutex_lock(&broken_mutex);
    for (size_t i = 0; i < BROKEN_MAX && !found; i++) {
        found = broken[i] == from;
        if (found)
            broken[i] = to;
    }
    pthread_mutex_unlock(&broken_mutex);
    return found;
}

static bool stream_fails(enum fault_kind kind, const char *function, FILE *stream)
{
    if (is_standard(stream) || !fails(kind, function))
        return false;
    swap_broken(stream, NULL);
    swap_broken(NULL, stream);
    errno = plan.error;
    return true;
}

static int hook_ferror(FILE *stream)
{
    return swap_broken(stream, stream) || ferror(stream);
}

static void hook_clearerr(FILE *stream)
{
    swap_broken(stream, NULL);
    clearerr(stream);
}

static size_t hook_fwrite(const void *data, size_t size, size_t count, FILE *stream)
{
    if (!stream_fails(FAULT_WRITE, "fwrite", stream))
        return fwrite(data, size, count, stream);
    size_t done = fwrite(data, size, count / 2, stream);
    errno = plan.error;
    return done;
}

static size_t hook_fread(void *data, size_t size, size_t count, FILE *stream)
{
    if (!stream_fails(FAULT_READ, "fread", stream))
        return fread(data, size, count, stream);
    size_t done = fread(data, size, count / 2, stream);
    errno = plan.error;
    return done;
}

static int hook_fputs(const char *text, FILE *stream)
{
    if (!stream_fails(FAULT_WRITE, "fputs", stream))
        return fputs(text, stream);
    fwrite(text, 1, strlen(text) / 2, stream);
    errno = plan.error;
    return EOF;
}

static int hook_fputc(int c, FILE *stream)
{
    return stream_fails(FAULT_WRITE, "fputc", stream) ? EOF : fputc(c, stream);
}

static int hook_vfprintf(FILE *stream, const char *format, va_list arguments)
{
    return stream_fails(FAULT_WRITE, "vfprintf", stream)
               ? -1
               : vfprintf(stream, format, arguments);
}

static int hook_fprintf(FILE *stream, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = hook_vfprintf(stream, format, arguments);
    va_end(arguments);
    return length;
}

static int hook_fgetc(FILE *stream)
{
    return stream_fails(FAULT_READ, "fgetc", stream) ? EOF : fgetc(stream);
}

static char *hook_fgets(char *text, int size, FILE *stream)
{
    return stream_fails(FAULT_READ, "fgets", stream) ? NULL : fgets(text, size, stream);
}

static int hook_fseeko(FILE *stream, off64_t offset, int whence)
{
    return !is_standard(stream) && fails(FAULT_READ, "fseek")
               ? -1
               : fseeko64(stream, offset, whence);
}

static int hook_fseek(FILE *stream, long offset, int whence)
{
    return hook_fseeko(stream, offset, whence);
}

static off64_t hook_ftello(FILE *stream)
{
    return !is_standard(stream) && fails(FAULT_READ, "ftell") ? -1 : ftello64(stream);
}

static int hook_fflush(FILE *stream)
{
    return stream && stream_fails(FAULT_WRITE, "fflush", stream) ? EOF : fflush(stream);
}

// A file that was read may be closed without looking at the result.
static int hook_fclose(FILE *stream)
{
    bool bad =
        !is_standard(stream) && is_written(stream) && fails(FAULT_WRITE, "fclose");
    swap_broken(stream, NULL);
    int result = fclose(stream);
    if (bad)
        errno = plan.error;
    return bad ? EOF : result;
}

static FILE *hook_fopen(const char *path, const char *mode)
{
    bool writes = mode[0] != 'r' || strchr(mode, '+');
    return fails(writes ? FAULT_WRITE : FAULT_READ, "fopen") ? NULL
                                                             : fopen64(path, mode);
}

static FILE *hook_fdopen(int number, const char *mode)
{
    bool writes = mode[0] != 'r' || strchr(mode, '+');
    return fails(writes ? FAULT_WRITE : FAULT_READ, "fdopen") ? NULL
                                                              : fdopen(number, mode);
}

// ---------------------------------------------------------------------------
// Memory and threads

static void *hook_malloc(size_t size)
{
    return fails(FAULT_MALLOC, "malloc") ? NULL : malloc(size);
}

static void *hook_calloc(size_t count, size_t size)
{
    return fails(FAULT_MALLOC, "calloc") ? NULL : calloc(count, size);
}

static void *hook_realloc(void *old, size_t size)
{
    return fails(FAULT_MALLOC, "realloc") ? NULL : realloc(old, size);
}

static char *hook_strdup(const char *text)
{
    return fails(FAULT_MALLOC, "strdup") ? NULL : strdup(text);
}

static char *hook_strndup(const char *text, size_t length)
{
    return fails(FAULT_MALLOC, "strndup") ? NULL : strndup(text, length);
}

static int hook_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                               void *(*run)(void *user), void *user)
{
    return fails(FAULT_THREAD, "pthread_create")
               ? plan.error
               : pthread_create(thread, attributes, run, user);
}

// ---------------------------------------------------------------------------
// Files and folders

static bool open_fails(int flags)
{
    bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT);
    return fails(writes ? FAULT_WRITE : FAULT_READ, "open");
}

static int hook_openat(int folder, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) ? (mode_t)va_arg(arguments, int) : 0;
    va_end(arguments);
    return open_fails(flags) ? -1 : openat64(folder, path, flags, mode);
}

static int hook_open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) ? (mode_t)va_arg(arguments, int) : 0;
    va_end(arguments);
    return open_fails(flags) ? -1 : open64(path, flags, mode);
}

static ssize_t hook_read(int number, void *data, size_t size)
{
    return fails(FAULT_READ, "read") ? -1 : read(number, data, size);
}

static ssize_t hook_pread(int number, void *data, size_t size, off64_t offset)
{
    return fails(FAULT_READ, "pread") ? -1 : pread64(number, data, size, offset);
}

static ssize_t hook_write(int number, const void *data, size_t size)
{
    // Messages are no results; what a stream becomes is one.
    const bool counts = number != STDERR_FILENO;
    return counts && fails(FAULT_WRITE, "write") ? -1 : write(number, data, size);
}

static ssize_t hook_pwrite(int number, const void *data, size_t size, off64_t offset)
{
    return fails(FAULT_WRITE, "pwrite") ? -1 : pwrite64(number, data, size, offset);
}

static int hook_fsync(int number)
{
    return fails(FAULT_WRITE, "fsync") ? -1 : fsync(number);
}

static int hook_rename(const char *from, const char *to)
{
    return fails(FAULT_WRITE, "rename") ? -1 : rename(from, to);
}

static int hook_renameat(int from_folder, const char *from, int to_folder,
                         const char *to)
{
    return fails(FAULT_WRITE, "renameat") ? -1
                                          : renameat(from_folder, from, to_folder, to);
}

static int hook_linkat(int from_folder, const char *from, int to_folder, const char *to,
                       int flags)
{
    return fails(FAULT_WRITE, "linkat")
               ? -1
               : linkat(from_folder, from, to_folder, to, flags);
}

static int hook_truncate(const char *path, off64_t size)
{
    return fails(FAULT_WRITE, "truncate") ? -1 : truncate64(path, size);
}

static int hook_ftruncate(int number, off64_t size)
{
    return fails(FAULT_WRITE, "ftruncate") ? -1 : ftruncate64(number, size);
}

static int hook_mkdir(const char *path, mode_t mode)
{
    return fails(FAULT_WRITE, "mkdir") ? -1 : mkdir(path, mode);
}

static int hook_mkdirat(int folder, const char *path, mode_t mode)
{
    return fails(FAULT_WRITE, "mkdirat") ? -1 : mkdirat(folder, path, mode);
}

static int hook_unlink(const char *path)
{
    return fails(FAULT_WRITE, "unlink") ? -1 : unlink(path);
}

static int hook_unlinkat(int folder, const char *path, int flags)
{
    return fails(FAULT_WRITE, "unlinkat") ? -1 : unlinkat(folder, path, flags);
}

static DIR *hook_opendir(const char *path)
{
    return fails(FAULT_READ, "opendir") ? NULL : opendir(path);
}

static DIR *hook_fdopendir(int number)
{
    return fails(FAULT_READ, "fdopendir") ? NULL : fdopendir(number);
}

// The two names are one function where struct dirent has 64 bits.
static struct dirent64 *hook_readdir(DIR *folder)
{
    return fails(FAULT_READ, "readdir") ? NULL : readdir64(folder);
}

static int hook_stat(const char *path, struct stat64 *info)
{
    return fails(FAULT_READ, "stat") ? -1 : stat64(path, info);
}

static int hook_lstat(const char *path, struct stat64 *info)
{
    return fails(FAULT_READ, "lstat") ? -1 : lstat64(path, info);
}

static int hook_fstat(int number, struct stat64 *info)
{
    return fails(FAULT_READ, "fstat") ? -1 : fstat64(number, info);
}

static int hook_fstatat(int folder, const char *path, struct stat64 *info, int flags)
{
    return fails(FAULT_READ, "fstatat") ? -1 : fstatat64(folder, path, info, flags);
}

static int hook_access(const char *path, int mode)
{
    return fails(FAULT_READ, "access") ? -1 : access(path, mode);
}

static char *hook_realpath(const char *path, char *resolved)
{
    return fails(FAULT_READ, "realpath") ? NULL : realpath(path, resolved);
}

static int hook_flock(int number, int operation)
{
    return fails(FAULT_READ, "flock") ? -1 : flock(number, operation);
}

static int hook_statvfs(const char *path, struct statvfs64 *info)
{
    return fails(FAULT_READ, "statvfs") ? -1 : statvfs64(path, info);
}

static int hook_dup(int number)
{
    return fails(FAULT_READ, "dup") ? -1 : dup(number);
}

// ---------------------------------------------------------------------------
// Putting them in place

typedef void (*function)(void);

// clang-format off
#define HOOK_AS(name, hook) { #name, (function)hook_##hook }
// clang-format on
#define HOOK(name) HOOK_AS(name, name)
#define HOOK64(name) HOOK(name), HOOK_AS(name##64, name)

// With 64-bit offsets only: there the names with and without 64 are one function.
_Static_assert(sizeof(off_t) == sizeof(off64_t), "a 64-bit system");

static const struct hook {
    const char *name;
    function hook;
} hooks[] = {
    HOOK(malloc),         HOOK(calloc),         HOOK(realloc),
    HOOK(strdup),         HOOK(strndup),        HOOK_AS(__strdup, strdup),
    HOOK(pthread_create), HOOK64(fopen),        HOOK(fdopen),
    HOOK(fwrite),         HOOK(fread),          HOOK(fputs),
    HOOK(fputc),          HOOK_AS(putc, fputc), HOOK_AS(_IO_putc, fputc),
    HOOK(vfprintf),       HOOK(fprintf),        HOOK(fgetc),
    HOOK_AS(getc, fgetc), HOOK(fgets),          HOOK64(fseeko),
    HOOK(fseek),          HOOK64(ftello),       HOOK_AS(ftell, ftello),
    HOOK(fflush),         HOOK(fclose),         HOOK(ferror),
    HOOK(clearerr),       HOOK64(open),         HOOK64(openat),
    HOOK(read),           HOOK64(pread),        HOOK(write),
    HOOK64(pwrite),       HOOK(fsync),          HOOK_AS(fdatasync, fsync),
    HOOK(rename),         HOOK(renameat),       HOOK(linkat),
    HOOK64(truncate),     HOOK64(ftruncate),    HOOK(mkdir),
    HOOK(mkdirat),        HOOK(unlink),         HOOK(unlinkat),
    HOOK(opendir),        HOOK(fdopendir),      HOOK64(readdir),
    HOOK64(stat),         HOOK64(lstat),        HOOK64(fstat),
    HOOK64(fstatat),      HOOK(access),         HOOK(realpath),
    HOOK(flock),          HOOK64(statvfs),      HOOK(dup),
};

struct object {
    // libtiff 4.5 crashes where the tables of tags that it lengthens cannot grow: it
    // has lost the table then, but not how long it is (_TIFFMergeFields).
    bool never_fails_realloc;
    ElfW(Addr) base;
    const ElfW(Sym) * symbols;
    const char *names;
};

static const struct hook *find_hook(const char *name)
{
    for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
        if (strcmp(hooks[i].name, name) == 0)
            return &hooks[i];
    return NULL;
}

// Points a slot at a hook. It may lie in pages that are read-only after relocation.
static void set_slot(void **slot, function hook)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)slot & ~(page - 1);
    uintptr_t end = ((uintptr_t)(slot + 1) + page - 1) & ~(page - 1);
    if (mprotect((void *)start, end - start, PROT_READ | PROT_WRITE) == 0)
        memcpy(slot, &hook, sizeof(hook));
}

// Both kinds of relocations begin with the place and the symbol. A slot of the table of
// calls may not be resolved yet; one of the other table must hold the function's
// address, as relocations of other types do not.
static void patch(const struct object *o, ElfW(Addr) table, size_t bytes, size_t size,
                  bool calls_only)
{
    for (size_t i = 0; table && i + size <= bytes; i += size) {
        const ElfW(Rel) *r = (const ElfW(Rel) *)(table + i);
        // As ELF64_R_SYM; this file is for 64-bit systems.
        const char *name = o->names + o->symbols[r->r_info >> 32].st_name;
        const struct hook *hook = find_hook(name);
        void **slot = (void **)(o->base + r->r_offset);
        if (hook && o->never_fails_realloc && strcmp(name, "realloc") == 0)
            continue;
        if (hook && (calls_only || *slot == dlsym(RTLD_DEFAULT, name)))
            set_slot(slot, hook->hook);
    }
}

static bool is_wanted(const char *path, bool first)
{
    static const char *const libraries[] = {
        "/libjansson.",  "/libzip.",  "/libpng",   "/libz.",
        "/libutf8proc.", "/libjpeg.", "/libtiff.", "/libwebp.",
    };
    bool wanted = first;    // the program
    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
        wanted = wanted || strstr(path, libraries[i]);
    return wanted;
}

// As dladdr names it: where the first segment is.
static const void *find_base(const struct dl_phdr_info *info)
{
    Dl_info found;
    const void *base = NULL;
    for (int i = 0; !base && i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD &&
            dladdr((void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr), &found))
            base = found.dli_fbase;
    return base;
}

static int patch_object(struct dl_phdr_info *info, size_t info_size, void *user)
{
    bool *first = user;
    const ElfW(Dyn) *d = NULL;
    struct object o = { .base = info->dlpi_addr };
    ElfW(Addr) calls_table = 0, table = 0;
    size_t calls_bytes = 0, bytes = 0, size = sizeof(ElfW(Rela));
    bool wanted = is_wanted(info->dlpi_name, *first);
    o.never_fails_realloc = strstr(info->dlpi_name, "/libtiff.") != NULL;
    (void)info_size;
    if (*first)    // not its address, which is 0 in a program that is not relocated
        program = find_base(info);
    *first = false;
    for (int i = 0; wanted && i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            d = (const ElfW(Dyn) *)(o.base + info->dlpi_phdr[i].p_vaddr);
    for (; d && d->d_tag != DT_NULL; d++) {
        // Some C libraries add the base to the addresses when they load, others do not.
        ElfW(Addr) at = d->d_un.d_ptr < o.base ? o.base + d->d_un.d_ptr : d->d_un.d_ptr;
        switch (d->d_tag) {
        case DT_SYMTAB:
            o.symbols = (const ElfW(Sym) *)at;
            break;
        case DT_STRTAB:
            o.names = (const char *)at;
            break;
        case DT_JMPREL:
            calls_table = at;
            break;
        case DT_PLTRELSZ:
            calls_bytes = d->d_un.d_val;
            break;
        case DT_RELA:
            table = at;
            break;
        case DT_RELASZ:
            bytes = d->d_un.d_val;
            break;
        default:
            break;
        }
    }
    if (o.symbols && o.names) {
        patch(&o, calls_table, calls_bytes, size, true);
        patch(&o, table, bytes, size, false);
    }
    return 0;
}

static void read_plan(const char *text)
{
    plan.counts = strcmp(text, "count") == 0;
    for (int i = 0; i < FAULT_KINDS; i++) {
        size_t length = strlen(fault_kind_names[i]);
        if (strncmp(text, fault_kind_names[i], length) != 0 || text[length] != ':')
            continue;
        char *end;
        plan.kind = (enum fault_kind)i;
        plan.first = plan.last = strtoul(text + length + 1, &end, 10);
        if (*end == '+') {
            plan.last = (unsigned long)-1;
            end++;
        }
        plan.kills = strcmp(end, ":kill") == 0;
        plan.error = *end == ':' ? atoi(end + 1) : 0;
    }
}

// Follows the text of PIX_FAULT in this process.
static void follow(const char *text)
{
    read_plan(text);
    if (strcmp(text, "none") != 0)
        report = open("fault.log", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
                      0666);
    for (int i = 0; i < FAULT_KINDS; i++)
        atomic_store(&calls[i], 0);
}

// ---------------------------------------------------------------------------
// Serving

static int pin(struct dl_phdr_info *info, size_t size, void *user)
{
    (void)size;
    (void)user;
    dlopen(info->dlpi_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    return 0;
}

// Loads what the program loads later, the loader of Vulkan and its drivers, to stay.
static void load_objects(void)
{
    static const VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
    };
    void *loader = dlopen("libvulkan.so.1", RTLD_LAZY);
    PFN_vkCreateInstance create = NULL;
    PFN_vkEnumeratePhysicalDevices list = NULL;
    PFN_vkDestroyInstance destroy = NULL;
    VkInstance instance;
    uint32_t count;
    if (loader) {
        *(void **)&create = dlsym(loader, "vkCreateInstance");
        *(void **)&list = dlsym(loader, "vkEnumeratePhysicalDevices");
        *(void **)&destroy = dlsym(loader, "vkDestroyInstance");
    }
    if (!create || !list || !destroy || create(&info, NULL, &instance) != VK_SUCCESS)
        return;
    list(instance, &count, NULL);
    dl_iterate_phdr(pin, NULL);
    destroy(instance, NULL);
}

static void redirect(int number, const char *name)
{
    int opened = open(name, number ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY, 0666);
    if (opened >= 0) {
        dup2(opened, number);
        close(opened);
    }
}

// Returns in the processes that it starts alone.
static void serve(void)
{
    char text[SERVER_REQUEST_SIZE];
    while (read(SERVER_IN, text, sizeof(text)) == (ssize_t)sizeof(text)) {
        struct server_answer answer = { fork(), 0 };
        if (answer.process == 0) {
            setpgid(0, 0);
            close(SERVER_IN);
            close(SERVER_OUT);
            redirect(STDIN_FILENO, FAULT_INPUT);    // from its beginning
            redirect(STDOUT_FILENO, "out.txt");
            redirect(STDERR_FILENO, "err.txt");
            unlink("fault.log");
            follow(text);
            return;
        }
        for (int i = 0; i < 2; i++) {
            if (i == 1 && answer.process > 0)
                waitpid(answer.process, &answer.status, 0);
            if (write(SERVER_OUT, &answer, sizeof(answer)) < 0)
                _exit(1);
        }
    }
    _exit(0);
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("PIX_FAULT");
    bool first = true;
    void *frame;
    Dl_info info;
    if (!text)
        return;
    backtrace(&frame, 1);    // the first call loads a library
    if (dladdr(&plan, &info))
        self = info.dli_fbase;
    dl_iterate_phdr(patch_object, &first);
    if (strcmp(text, "server") != 0) {
        follow(text);
        return;
    }
    load_objects();
    serve();
}
