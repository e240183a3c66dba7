// SPDX-License-Identifier: MIT
//
// What the command does when the world fails: every call for memory, every write, every
// read and every start of a thread that a short run makes fails in turn, once and from
// then on; runs are killed at every write and at random moments; two signals come close
// together. scene.h says what may come of it, inject.c how a call is made to fail.
//
//     faults PIX2PIX LIBRARY [OPTION...]
//
//     --all            all ways to a call; of a loop its first call, the last one and
//                      some between. Without it a sample, as long as --seconds
//     --every          with --all, every call of a loop
//     --seconds N      [60]
//     --seed N         which sample, and at which moments runs are killed [the time]
//     --jobs N         processes at the same time [as many as the machine has cores]
//     --only SCENE     one command line, or `kill` or `signals`
//     --only SCENE/KIND        of its faults those of one kind
//     --only SCENE/KIND:N[+]   one, as a failure is reported; its output is printed
//     --keep           leave the scratch folder
//
// The last line has the figures: how many of the faults that were tried held. The exit
// code is 1 if one did not.

#define _DEFAULT_SOURCE    // MAP_ANONYMOUS
#define _XOPEN_SOURCE 700

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/random.h"
#include "faults/compare.h"
#include "faults/scene.h"
#include "support/tree.h"

enum {
    KILLS = 30,
    SIGNALS = 20,
    SAMPLE_KILLS = 3,
    SAMPLE_SIGNALS = 6,
    JOBS_MAX = 64,
    TRIES_MAX = 20,    // until a run is killed before it ends
};

// A thing to try. What is not a fault has another column than the faults.
enum column {
    COLUMN_KILL = FAULT_KINDS,
    COLUMN_SIGNALS,
    COLUMN_KILL_AT_WRITE,
    COLUMNS
};

static const char *const column_names[COLUMNS] = {
    [FAULT_MALLOC] = "malloc",
    [FAULT_WRITE] = "write",
    [FAULT_READ] = "read",
    [FAULT_THREAD] = "thread",
    [COLUMN_KILL] = "kill",
    [COLUMN_SIGNALS] = "signals",
    [COLUMN_KILL_AT_WRITE] = "kill at a write",
};

struct trial {
    enum column column;
    uint32_t scene;
    struct fault fault;
    uint32_t number;    // of a kill or a pair of signals
};

struct settings {
    struct place place;
    bool all, every, keeps;
    double seconds;
    uint64_t seed;
    uint32_t jobs;
    const char *only;
};

struct trials {
    struct trial *items;
    size_t count, capacity;
};

// What the workers share.
struct shared {
    atomic_size_t next;
    atomic_uint tried[COLUMNS], held[COLUMNS];
};

// ---------------------------------------------------------------------------
// What there is to try

static void trial_name(const struct trial *t, char *text, size_t size)
{
    char fault[FAULT_TEXT_SIZE];
    if (t->column == COLUMN_KILL || t->column == COLUMN_SIGNALS) {
        snprintf(text, size, "%s/%" PRIu32, column_names[t->column], t->number);
        return;
    }
    fault_text(&t->fault, fault, true);
    snprintf(text, size, "%s/%s", scenes[t->scene].name, fault);
}

// Whether --only asks for it: the name begins with that, and a part ends there.
static bool is_asked(const struct settings *s, const struct trial *t)
{
    char name[128];
    size_t length = s->only ? strlen(s->only) : 0;
    trial_name(t, name, sizeof(name));
    return !s->only ||
           (strncmp(name, s->only, length) == 0 && strchr("/:", name[length]) != NULL);
}

static bool add(const struct settings *s, struct trials *list, const struct trial *t)
{
    if (!is_asked(s, t))
        return true;
    if (!mem_grow(&list->items, &list->capacity, list->count + 1, sizeof(*t)))
        return false;
    list->items[list->count++] = *t;
    return true;
}

// A way to a call: the place that makes it, with all its callers. A loop makes many
// calls by one way.
struct way {
    struct fault_record record;
    size_t total, seen;    // calls
};

struct ways {
    struct way *items;
    size_t count, capacity;
};

static struct way *find_way(struct ways *ways, const struct fault_record *r)
{
    for (size_t i = 0; i < ways->count; i++)
        if (memcmp(&ways->items[i].record, r, sizeof(*r)) == 0)
            return &ways->items[i];
    if (!mem_grow(&ways->items, &ways->capacity, ways->count + 1, sizeof(struct way)))
        return NULL;
    ways->items[ways->count] = (struct way){ .record = *r };
    return &ways->items[ways->count++];
}

// Whether a call is tried: the first and the last of its way, and some between, evenly.
// Those of other libraries are their authors' affair: few are enough to see what the
// program makes of it.
static bool is_tried(const struct settings *s, const struct way *w,
                     enum fault_mode mode)
{
    const size_t most = mode == MODE_ON ? 1 : w->record.is_library ? 3 : 15;
    const size_t step = DIV_UP(w->total, most);
    return s->every || w->seen % step == 0 || w->seen + 1 == w->total;
}

static bool add_call(const struct settings *s, uint32_t scene, const struct way *w,
                     size_t number, struct trials *list)
{
    struct trial t = { .column = (enum column)w->record.kind, .scene = scene };
    t.fault.kind = (enum fault_kind)w->record.kind;
    t.fault.number = number;
    bool ok = true;
    for (int mode = MODE_ONCE; ok && mode <= MODE_KILL; mode++) {
        t.fault.mode = (enum fault_mode)mode;
        if (mode == MODE_KILL)
            t.column = COLUMN_KILL_AT_WRITE;
        if ((mode == MODE_KILL && t.fault.kind != FAULT_WRITE) ||
            !is_tried(s, w, t.fault.mode))
            continue;
        ok = add(s, list, &t);
    }
    return ok;
}

// The faults of one scene: of each way one in `first`, all others in `rest`.
static bool add_faults(const struct settings *s, uint32_t scene, struct trials *first,
                       struct trials *rest)
{
    struct fault_record *records = NULL;
    struct ways ways = { 0 };
    size_t count = 0, numbers[FAULT_KINDS] = { 0 };
    bool ok = scene_count_calls(&s->place, &scenes[scene], &records, &count);
    for (size_t i = 0; ok && i < count; i++) {
        struct way *w = find_way(&ways, &records[i]);
        ok = w != NULL;
        if (ok)
            w->total++;
    }
    for (size_t i = 0; ok && i < count; i++) {
        struct way *w = find_way(&ways, &records[i]);
        ok = add_call(s, scene, w, ++numbers[records[i].kind],
                      w->seen == 0 ? first : rest);
        w->seen++;
    }
    // Otherwise no call is intercepted.
    if (ok && (!numbers[FAULT_MALLOC] || !numbers[FAULT_READ] ||
               !numbers[FAULT_WRITE] != scenes[scene].writes_nothing)) {
        fprintf(stderr,
                "faults: %s: no call is intercepted for malloc (%zu), write (%zu) or "
                "read (%zu)\n",
                scenes[scene].name, numbers[FAULT_MALLOC], numbers[FAULT_WRITE],
                numbers[FAULT_READ]);
        ok = false;
    }
    if (ok)
        printf("%-15s %zu malloc, %zu write, %zu read, %zu thread, by %zu ways\n",
               scenes[scene].name, numbers[FAULT_MALLOC], numbers[FAULT_WRITE],
               numbers[FAULT_READ], numbers[FAULT_THREAD], ways.count);
    mem_free(ways.items);
    mem_free(records);
    return ok;
}

static void shuffle(struct random *r, struct trials *list)
{
    for (size_t i = list->count; i > 1; i--) {
        size_t k = random_below(r, (uint32_t)i);
        struct trial t = list->items[i - 1];
        list->items[i - 1] = list->items[k];
        list->items[k] = t;
    }
}

// Kills and signals come first, then one fault of each way, then the others.
static bool list_trials(const struct settings *s, struct trials *list)
{
    struct trials first = { 0 }, rest = { 0 };
    struct random r;
    bool ok = true;
    random_init(&r, s->seed, 0x46);
    for (uint32_t i = 0; ok && i < (uint32_t)(s->all ? SIGNALS : SAMPLE_SIGNALS); i++)
        ok = add(s, list, &(struct trial){ .column = COLUMN_SIGNALS, .number = i });
    for (uint32_t i = 0; ok && i < (uint32_t)(s->all ? KILLS : SAMPLE_KILLS); i++)
        ok = add(s, list, &(struct trial){ .column = COLUMN_KILL, .number = i });
    for (uint32_t i = 0; ok && i < scene_count; i++)
        if (scene_is_asked(s->only, scenes[i].name))
            ok = add_faults(s, i, &first, &rest);
    shuffle(&r, &first);
    shuffle(&r, &rest);
    for (size_t i = 0; ok && i < first.count; i++)
        ok = add(s, list, &first.items[i]);
    for (size_t i = 0; ok && i < rest.count; i++)
        ok = add(s, list, &rest.items[i]);
    mem_free(first.items);
    mem_free(rest.items);
    return ok;
}

// ---------------------------------------------------------------------------
// Trying

static bool try_kill(const struct settings *s, const struct trial *t, uint32_t worker,
                     char reason[REASON_SIZE])
{
    struct random r;
    bool happened = false;
    random_init(&r, s->seed, 0x4b00 + t->number);
    for (int i = 0; i < TRIES_MAX && !happened; i++)
        if (!scene_try_kill(&s->place, random_uniform(&r), worker, &happened, reason))
            return false;
    snprintf(reason, REASON_SIZE, "the run has always ended before it was killed");
    return happened;
}

static bool try_one(const struct settings *s, const struct trial *t, uint32_t worker,
                    char reason[REASON_SIZE])
{
    if (t->column == COLUMN_KILL)
        return try_kill(s, t, worker, reason);
    if (t->column == COLUMN_SIGNALS)
        return scene_try_signals(&s->place, t->number, worker, reason);
    return scene_try(&s->place, &scenes[t->scene], &t->fault, worker, reason);
}

// One line for what did not hold, with what the command has printed below it.
static void report(const struct trial *t, bool ok, const char *reason)
{
    char name[128], text[REASON_SIZE + 256];
    trial_name(t, name, sizeof(name));
    int length = snprintf(text, sizeof(text), "%s %s: %s\n", ok ? "held" : "FAILED",
                          name, reason);
    // In one piece: workers write at the same time.
    if (write(STDOUT_FILENO, text, (size_t)MIN(length, (int)sizeof(text) - 1)) < 0)
        exit(1);
}

static void work(const struct settings *s, const struct trials *list,
                 struct shared *shared, uint32_t worker, double end)
{
    char reason[REASON_SIZE];
    while (s->all || os_seconds() < end) {
        size_t i = atomic_fetch_add(&shared->next, 1);
        if (i >= list->count)
            break;
        const struct trial *t = &list->items[i];
        bool ok = try_one(s, t, worker, reason);
        atomic_fetch_add(&shared->tried[t->column], 1);
        atomic_fetch_add(&shared->held[t->column], ok);
        if (!ok || list->count == 1)
            report(t, ok, reason);
    }
}

static bool run_workers(const struct settings *s, const struct trials *list,
                        struct shared *shared)
{
    const double end = os_seconds() + s->seconds;
    pid_t ids[JOBS_MAX];
    bool ok = true;
    fflush(stdout);
    process_end_servers();
    for (uint32_t i = 0; i < s->jobs; i++) {
        ids[i] = fork();
        if (ids[i] == 0) {
            work(s, list, shared, i, end);
            process_end_servers();
            _exit(0);
        }
    }
    for (uint32_t i = 0; i < s->jobs; i++) {
        int status = 1;
        ok = ids[i] > 0 && waitpid(ids[i], &status, 0) == ids[i] && status == 0 && ok;
    }
    return ok;
}

// True if everything held that was tried, and something was.
static bool print_figures(const struct settings *s, const struct trials *list,
                          const struct shared *shared)
{
    size_t all[COLUMNS] = { 0 };
    bool ok = true, any = false;
    int first = COLUMNS;
    for (size_t i = 0; i < list->count; i++)
        all[list->items[i].column]++;
    for (int c = 0; c < COLUMNS; c++) {
        unsigned tried = shared->tried[c], held = shared->held[c];
        if (all[c] == 0)
            continue;
        first = MIN(first, c);
        printf("%s%s %u of %u", c > first ? ", " : "", column_names[c], held, tried);
        if (tried < all[c])
            printf(" (there are %zu)", all[c]);
        ok = ok && held == tried && (!s->all || tried == all[c]);
        any = any || tried > 0;
    }
    printf("\n");
    return ok && any;
}

// ---------------------------------------------------------------------------
// The command line

static bool read_arguments(int argc, char **argv, struct settings *s)
{
    *s = (struct settings){
        .seconds = 60,
        .seed = (uint64_t)time(NULL) % 1000000,
        .jobs = os_core_count(),
    };
    if (argc < 3)
        return false;
    for (int i = 3; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--all") == 0) {
            s->all = true;
            continue;
        }
        if (strcmp(argv[i], "--every") == 0) {
            s->every = true;
            continue;
        }
        if (strcmp(argv[i], "--keep") == 0) {
            s->keeps = true;
            continue;
        }
        if (!value)
            return false;
        if (strcmp(argv[i], "--seconds") == 0)
            s->seconds = strtod(value, NULL);
        else if (strcmp(argv[i], "--seed") == 0)
            s->seed = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--jobs") == 0)
            s->jobs = (uint32_t)strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--only") == 0)
            s->only = value;
        else
            return false;
        i++;
    }
    s->jobs = MAX(1, MIN(s->jobs, JOBS_MAX));
    s->place.limit = 300;
    return true;
}

// The program and the library are copied into the scratch folder: a build may replace
// them meanwhile, and a path that is preloaded may hold no space.
static bool open_place(struct settings *s, char **argv)
{
    const char *parent = getenv("TMPDIR");
    char *root =
        file_join(parent && *parent ? parent : P_tmpdir, "pix2pix-faults-XXXXXX");
    if (!root || !mkdtemp(root)) {
        fprintf(stderr, "faults: no scratch folder can be made: %s\n", os_error_text());
        return false;
    }
    char *command = file_join(root, "pix2pix"), *library = file_join(root, "inject.so");
    s->place.command = command;
    s->place.inject = library;
    s->place.root = root;
    return command && library && tree_copy_file(argv[1], command) &&
           tree_copy_file(argv[2], library) && chmod(command, 0755) == 0;
}

int main(int argc, char **argv)
{
    struct settings s;
    struct trials list = { 0 };
    if (!read_arguments(argc, argv, &s)) {
        fprintf(
            stderr,
            "usage: faults PIX2PIX LIBRARY [--all [--every]] [--seconds N] [--seed N] "
            "[--jobs N] [--only SCENE[/KIND[:N]]] [--keep]\n");
        return 2;
    }
    struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || !open_place(&s, argv))
        return 1;
    printf("faults: seed %" PRIu64 "\n", s.seed);
    bool ok = scenes_prepare(&s.place, s.only) && list_trials(&s, &list) &&
              run_workers(&s, &list, shared);
    if (!ok)
        printf("faults: not all of it could be tried\n");
    ok = print_figures(&s, &list, shared) && ok;
    if (s.keeps)
        printf("faults: see %s\n", s.place.root);
    else
        test_remove_tree(s.place.root);
    mem_free(list.items);
    mem_free((char *)s.place.command);
    mem_free((char *)s.place.inject);
    mem_free((char *)s.place.root);
    return ok ? 0 : 1;
}
