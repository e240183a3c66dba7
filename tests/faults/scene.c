// SPDX-License-Identifier: MIT
//
// See scene.h.

#define _DEFAULT_SOURCE    // MAP_ANONYMOUS
#define _POSIX_C_SOURCE 200809L

#include "faults/scene.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/os.h"
#include "faults/compare.h"
#include "pix2pix.h"
#include "support/tree.h"

// The smallest networks, of few kernels: most of the time of a run goes into compiling
// them. Two pairs are an epoch; with one thread calls come in the same order each time.
#define TRAIN                                                                          \
    "train --data @/data --crop-size 32 --load-size 36 --ngf 1 --ndf 1 --depth 2 "     \
    "--net-d pixel --norm none --no-dropout --tuning off --threads 1 --log-freq 1 "
#define STEPS TRAIN "--out result --steps 3 --save-freq 1 --sample-freq 2 --val-freq 1 "
#define FILL STEPS "--task inpaint --hole mask --hole-mask @/images/4.png "
#define KEEP 2    // checkpoints of the runs that remove some
#define MORE "train --out result --continue --steps 4"
#define LONG                                                                           \
    TRAIN                                                                              \
    "--out result --steps 48 --save-freq 1 --sample-freq 6 --val-freq 4 --keep 2 "
#define ENDLESS TRAIN "--out result --steps 1000000 --save-freq 0 --sample-freq 0 "

const struct scene scenes[] = {
    { "train", STEPS "--ema 0.5", NULL, STEPS "--ema 0.5 --continue" },
    { "segment", STEPS "--task segment --labels both --palette @/palette.txt" },
    { "fill", FILL, NULL, FILL "--continue" },
    { "continue", MORE, "half", MORE },
    { "translate", "translate --model @/half --input @/images --output result "
                   "--tuning off" },
    { "stream", "translate --model @/half --input - --output - --tuning off",
      .needs_folder = true, .prints = true },
    { "tiles", "translate --model @/half --input @/images --output result "
               "--tile 16 --wrap --tuning off" },
    { "colour", "translate --model @/colours --input @/images --output result "
                "--tuning off" },
    // Rows that are enlarged, and that outputs need something of.
    { "tiles-larger", "translate --model @/larger --input @/images --output result "
                      "--tile 32 --tuning off" },
    { "tiles-colour", "translate --model @/colours --input @/images --output result "
                      "--tile 16 --tuning off" },
#ifdef PIX_HAVE_TIFF
    // The georeference goes over, fitted to another size.
    { "geo",
      "translate --model @/half --input @/geo --output result --output-size model "
      "--tuning off" },
#endif
    { "evaluate",
      "evaluate --model @/half --data @/data --split val --grid result/grid.png "
      "--beside @/beside --csv result/scores.csv --report result/page.html --tuning off --json",
      .needs_folder = true, .prints = true },
    { "report", "report @/half --output result/page.html", .needs_folder = true },
    { "compare", "compare @/images @/others --csv result/scores.csv --json",
      .needs_folder = true, .prints = true },
    { "dataset", "dataset check @/data --threads 1 --json", .needs_folder = true,
      .prints = true, .writes_nothing = true },
    { "stats", "dataset stats @/data --threads 1 --json", .needs_folder = true,
      .prints = true, .writes_nothing = true },
    { "separate", "dataset separate @/data --threads 1 --out result" },
    { "split", "dataset split @/images --singles --split-ratio 1:1:1 --out result" },
    { "to-safetensors", "convert @/half result/net.safetensors", .needs_folder = true },
    { "to-pth", "convert @/half result/net.pth --net D", .needs_folder = true },
    { "to-onnx", "convert @/half result/net.onnx", .needs_folder = true },
    { "from-pth", "convert @/pth/net.pth result/net.safetensors",
      .needs_folder = true },
    { "plan", TRAIN "--plan --json", .needs_folder = true, .prints = true,
      .writes_nothing = true },
    // With kernels that were measured before.
    { "plan-tuned",
      "train --data @/data --crop-size 32 --load-size 36 --ngf 1 --ndf 1 --threads 1 "
      "--tuning on --plan --json",
      .needs_folder = true, .prints = true, .writes_nothing = true },
    // Missing memory is no kernel that fails.
    { "selftest", "selftest --only direct-32x1-4x1", .needs_folder = true,
      .writes_nothing = true, .never = "FAIL" },
    { "counters", "bench --counters --only train --json result/bench.json",
      .needs_folder = true, .prints = true },
    { "show", "bench --show @/bench/bench.json --html result/bench.html",
      .needs_folder = true, .prints = true },
};
const size_t scene_count = ARRAY_LEN(scenes);

static const struct scene kill_scene = { "kill", LONG, NULL, LONG "--continue" };

// ---------------------------------------------------------------------------
// Faults

static const struct {
    int number;
    const char *name;
} errors[FAULT_KINDS][6] = {
    [FAULT_MALLOC] = { { ENOMEM, "ENOMEM" } },
    [FAULT_WRITE] = { { ENOSPC, "ENOSPC" }, { EIO, "EIO" }, { EDQUOT, "EDQUOT" } },
    [FAULT_READ] = { { EIO, "EIO" },
                     { EMFILE, "EMFILE" },
                     { ESTALE, "ESTALE" },
                     { ENOMEM, "ENOMEM" },
                     { EACCES, "EACCES" },
                     { ENFILE, "ENFILE" } },
    [FAULT_THREAD] = { { EAGAIN, "EAGAIN" } },
};

// The errors take turns.
void fault_text(const struct fault *f, char text[FAULT_TEXT_SIZE], bool for_people)
{
    size_t count = 0;
    while (count < ARRAY_LEN(errors[0]) && errors[f->kind][count].name)
        count++;
    const size_t turn = (f->number + (size_t)f->mode) % count;
    char error[16] = "kill";
    if (f->mode != MODE_KILL && for_people)
        snprintf(error, sizeof(error), "%s", errors[f->kind][turn].name);
    else if (f->mode != MODE_KILL)
        snprintf(error, sizeof(error), "%d", errors[f->kind][turn].number);
    snprintf(text, FAULT_TEXT_SIZE, "%s:%lu%s:%s", fault_kind_names[f->kind], f->number,
             f->mode == MODE_ON ? "+" : "", error);
}

// ---------------------------------------------------------------------------
// Running the command

// A process with its words. They and the folder are freed by close_process.
struct job {
    struct process process;
    char *words, *folder, *cache, *result;
};

static bool open_job(struct job *j, const struct place *place, const char *line,
                     uint32_t worker)
{
    size_t count = 0;
    // Each @ becomes the folder.
    size_t ats = 0;
    for (const char *c = line; *c; c++)
        ats += *c == '@';
    *j = (struct job){ 0 };
    j->words = mem_alloc(strlen(line) + ats * strlen(place->root) + 1);
    j->folder = mem_printf("%s/worker-%" PRIu32, place->root, worker);
    j->cache = file_join(place->root, "cache");
    j->result = j->folder ? file_join(j->folder, "result") : NULL;
    if (!j->words || !j->folder || !j->cache || !j->result ||
        !file_make_folder(j->folder))
        return false;
    char *out = j->words;
    bool in_word = false;
    for (const char *c = line; *c; c++) {
        if (*c == ' ') {
            *out++ = '\0';
            in_word = false;
            continue;
        }
        if (!in_word && count < WORDS_MAX - 1)
            j->process.words[count++] = out;
        in_word = true;
        if (*c == '@')
            out += snprintf(out, strlen(place->root) + 1, "%s", place->root);
        else
            *out++ = *c;
    }
    *out = '\0';
    j->process.command = place->command;
    j->process.inject = place->inject;
    j->process.cache = j->cache;
    j->process.folder = j->folder;
    return true;
}

static void close_job(struct job *j)
{
    mem_free(j->words);
    mem_free(j->folder);
    mem_free(j->cache);
    mem_free(j->result);
}

static char *place_path(const struct place *place, const char *folder, const char *name)
{
    return mem_printf("%s/%s%s%s", place->root, folder, *name ? "/" : "", name);
}

// Puts the folder of the result into the state in which the scene starts.
static bool reset(const struct place *place, const struct scene *s, const struct job *j)
{
    char *before = s->before ? place_path(place, s->before, "") : NULL;
    bool ok = test_remove_tree(j->result) &&
              (!before || tree_copy(before, j->result)) &&
              (!s->needs_folder || file_make_folder(j->result));
    mem_free(before);
    return ok;
}

// ---------------------------------------------------------------------------
// Judging

// What no end of the command may have.
static bool check_ending(const struct place *place, const struct ending *e,
                         char reason[REASON_SIZE])
{
    static const char *const never[] = { "Sanitizer", "runtime error", "Assertion",
                                         "(null)", "stack smashing" };
    if (e->timed_out) {
        snprintf(reason, REASON_SIZE, "had not ended after %.0f s", place->limit);
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        if (strstr(e->err, never[i])) {
            snprintf(reason, REASON_SIZE, "printed: %.2000s", strstr(e->err, never[i]));
            return false;
        }
    if (e->signal) {
        snprintf(reason, REASON_SIZE, "was ended by signal %d", e->signal);
        return false;
    }
    if (e->code < 0 || e->code > 2) {
        snprintf(reason, REASON_SIZE, "ended with exit code %d", e->code);
        return false;
    }
    if ((e->code != 0) != (strstr(e->err, "error: ") != NULL)) {
        snprintf(reason, REASON_SIZE, "ended with exit code %d and %s error: %s",
                 e->code, e->code == 0 ? "an" : "without an", e->err);
        return false;
    }
    return true;
}

// How a process has left its result.
struct judged {
    bool is_whole, is_continued, may_have_halves;    // see struct comparison
    const struct excuses *excuses;
};

// Compares what is in the result's folder with what is expected of the scene.
static bool check_files(const struct place *place, const struct scene *s,
                        const struct job *j, const struct judged *judged,
                        char reason[REASON_SIZE])
{
    char *expected = place_path(place, "expected", s->name);
    char *before = s->before ? place_path(place, s->before, "") : NULL;
    const struct comparison c = {
        .expected = expected,
        .before = before,
        .found = j->result,
        .is_whole = judged->is_whole,
        .is_continued = judged->is_continued,
        .may_have_halves = judged->may_have_halves,
        .keep = KEEP,
        .excuses = judged->excuses,
    };
    bool ok = compare_folders(&c, reason, REASON_SIZE);
    mem_free(expected);
    mem_free(before);
    return ok;
}

// What a scene prints is compared where that is a result.
static bool check_output(const struct place *place, const struct scene *s,
                         const struct ending *e, char reason[REASON_SIZE])
{
    char *path = mem_printf("%s/expected/%s.out", place->root, s->name);
    void *text = NULL;
    size_t size;
    bool ok =
        !s->prints || (file_read(path, &text, &size) && strcmp(text, e->out) == 0);
    if (!ok)
        snprintf(reason, REASON_SIZE, "printed another result: %s", e->out);
    mem_free(text);
    mem_free(path);
    return ok;
}

// Continues a run without a fault: at the end everything must be there, but for what
// the first part of it has excused.
static bool check_resumed(const struct place *place, const struct scene *s,
                          uint32_t worker, const struct excuses *excuses,
                          char reason[REASON_SIZE])
{
    struct job j;
    struct ending e = { 0 };
    struct excuses left = *excuses;
    const struct judged judged = { true, true, false, &left };
    char why[REASON_SIZE] = "out of memory";
    bool ok = open_job(&j, place, s->resumes, worker);
    if (ok) {
        j.process.fault = "none";
        process_run(&j.process, place->limit, &e);
        ok = check_ending(place, &e, why);
        if (ok && e.code != 0) {
            snprintf(why, sizeof(why), "ended with exit code %d: %s", e.code, e.err);
            ok = false;
        }
        excuses_limit(&left, excuses_find_start(e.err));
        ok = ok && check_files(place, s, &j, &judged, why);
    }
    if (!ok)
        snprintf(reason, REASON_SIZE, "continued, it %.2000s", why);
    process_forget(&e);
    close_job(&j);
    return ok;
}

// The state of a folder whose files are known to be good, with what is excused in it.
// Many faults leave the same, which is continued once.
static uint64_t state_of(const struct scene *s, const char *folder,
                         const struct excuses *excuses)
{
    uint64_t hash = hash_text(compare_state(folder), s->name);
    for (size_t i = 0; i < excuses->count; i++) {
        const struct excuse *x = &excuses->items[i];
        const uint64_t numbers[] = { x->loss, x->first, x->last };
        hash = hash_bytes(hash, numbers, sizeof(numbers));
    }
    return hash;
}

// Those that were continued and ended well, for all workers.
enum { STATES_MAX = 65536 };
static struct states {
    atomic_uint count;
    atomic_uint_fast64_t items[STATES_MAX];
} * states;

static bool is_known_state(uint64_t state)
{
    const unsigned count = atomic_load(&states->count);
    for (size_t i = 0; i < MIN(count, (unsigned)STATES_MAX); i++)
        if (atomic_load(&states->items[i]) == state)
            return true;
    return false;
}

static void note_state(uint64_t state)
{
    const unsigned i = atomic_fetch_add(&states->count, 1);
    if (i < STATES_MAX)
        atomic_store(&states->items[i], state);
}

static bool share_states(void)
{
    void *p = mmap(NULL, sizeof(*states), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    states = p == MAP_FAILED ? NULL : p;
    return states != NULL;
}

static bool judge(const struct place *place, const struct scene *s, const struct job *j,
                  const struct fault *f, const struct ending *e, uint32_t worker,
                  char reason[REASON_SIZE])
{
    const bool killed = f->mode == MODE_KILL && e->signal == SIGKILL && !e->timed_out;
    const bool fine = !killed && e->code == 0;
    struct excuses excuses;
    const struct judged judged = {
        .is_whole = fine,
        // A process that cannot write cannot remove its temporary file either.
        .may_have_halves = killed || f->kind == FAULT_WRITE,
        .excuses = &excuses,
    };
    excuses_read(&excuses, e->err);
    if (!killed && !check_ending(place, e, reason))
        return false;
    if (!check_files(place, s, j, &judged, reason))
        return false;
    if (fine && !check_output(place, s, e, reason))
        return false;
    if (s->never && strstr(e->out, s->never)) {
        snprintf(reason, REASON_SIZE, "it prints %s: %.2000s", s->never, e->out);
        return false;
    }
    if (fine || !s->resumes)
        return true;
    // Without its folder a run has left nothing that could be continued.
    const uint64_t state = state_of(s, j->result, &excuses);
    if (!file_exists(j->result) || is_known_state(state))
        return true;
    if (!check_resumed(place, s, worker, &excuses, reason))
        return false;
    note_state(state);
    return true;
}

bool scene_try(const struct place *place, const struct scene *s, const struct fault *f,
               uint32_t worker, char reason[REASON_SIZE])
{
    struct job j;
    struct ending e = { 0 };
    char fault[FAULT_TEXT_SIZE], why[REASON_SIZE] = "";
    fault_text(f, fault, false);
    snprintf(reason, REASON_SIZE, "cannot be tried: out of memory, or no room");
    bool ok = open_job(&j, place, s->words, worker) && reset(place, s, &j);
    if (ok) {
        j.process.fault = fault;
        process_run(&j.process, place->limit, &e);
        ok = judge(place, s, &j, f, &e, worker, why);
        snprintf(reason, REASON_SIZE, "%.3000s\n%s%s", why, e.err, e.log);
    }
    process_forget(&e);
    close_job(&j);
    return ok;
}

// ---------------------------------------------------------------------------
// Kills and signals

static double kill_seconds;    // that the run takes which is killed

bool scene_try_kill(const struct place *place, double moment, uint32_t worker,
                    bool *happened, char reason[REASON_SIZE])
{
    const struct scene *s = &kill_scene;
    struct job j;
    struct ending e = { 0 };
    snprintf(reason, REASON_SIZE, "cannot be tried: out of memory, or no room");
    bool ok = open_job(&j, place, s->words, worker) && reset(place, s, &j);
    if (ok) {
        pid_t id = process_start(&j.process);
        process_sleep(moment * kill_seconds);
        if (id > 0)
            kill(id, SIGKILL);
        process_wait(&j.process, id, place->limit, &e);
        *happened = e.signal == SIGKILL;
        ok = check_resumed(place, s, worker, &(struct excuses){ 0 }, reason);
    }
    process_forget(&e);
    close_job(&j);
    return ok;
}

// The step of the newest checkpoint, and the number of lines of metrics.jsonl.
static void read_progress(const char *result, unsigned long *saved,
                          unsigned long *lines)
{
    struct tree tree;
    void *data;
    size_t size;
    char *path = file_join(result, "metrics.jsonl");
    struct reason reason;
    *saved = *lines = 0;
    tree_read(result, &tree);
    for (size_t i = 0; i < tree.count; i++)
        if (strncmp(tree.paths[i], "checkpoints/step-", 17) == 0)
            *saved = strtoul(tree.paths[i] + 17, NULL, 10);
    tree_free(&tree);
    if (file_load(path, UINT64_MAX, &data, &size, &reason)) {
        for (size_t i = 0; i < size; i++)
            *lines += ((const char *)data)[i] == '\n';
        mem_free(data);
    }
    mem_free(path);
}

static bool check_saved(const struct place *place, const struct job *j,
                        const struct ending *e, uint32_t worker,
                        char reason[REASON_SIZE])
{
    unsigned long saved, lines;
    char line[512], why[REASON_SIZE];
    read_progress(j->result, &saved, &lines);
    if (e->timed_out || e->code != 130) {
        snprintf(reason, REASON_SIZE,
                 "ended with exit code %d, signal %d; step %lu is saved of %lu\n%s",
                 e->code, e->signal, saved, lines, e->err);
        return false;
    }
    if (saved == 0 || saved != lines) {
        snprintf(reason, REASON_SIZE, "step %lu is saved, and the newest is %lu\n%s",
                 saved, lines, e->err);
        return false;
    }
    snprintf(line, sizeof(line), "train --out result --continue --steps %lu",
             saved + 1);
    struct job next;
    struct ending end = { 0 };
    bool ok = open_job(&next, place, line, worker);
    if (ok) {
        process_run(&next.process, place->limit, &end);
        ok = check_ending(place, &end, why) && end.code == 0;
        if (!ok)
            snprintf(reason, REASON_SIZE, "cannot be continued: %.2000s", end.err);
    }
    process_forget(&end);
    close_job(&next);
    return ok;
}

bool scene_try_signals(const struct place *place, uint32_t number, uint32_t worker,
                       char reason[REASON_SIZE])
{
    static const int pairs[][2] = {
        { SIGTERM, SIGTERM }, { SIGTERM, SIGINT }, { SIGINT, SIGTERM },
        { SIGINT, SIGINT },   { SIGHUP, SIGHUP },  { SIGTERM, SIGHUP },
    };
    const int *pair = pairs[number % ARRAY_LEN(pairs)];
    struct job j;
    struct ending e = { 0 };
    snprintf(reason, REASON_SIZE, "cannot be tried: out of memory, or no room");
    bool ok = open_job(&j, place, ENDLESS, worker) && test_remove_tree(j.result);
    if (ok) {
        pid_t id = process_start(&j.process);
        const double start = os_seconds();
        unsigned long saved, lines = 0;
        while (id > 0 && lines < 2 && os_seconds() - start < place->limit) {
            process_sleep(0.005);
            read_progress(j.result, &saved, &lines);
        }
        // At any moment of a step: to the process, then to its group, as timeout does.
        process_sleep(0.003 * (number % 7));
        if (id > 0) {
            kill(id, pair[0]);
            process_sleep(0.002);
            kill(-id, pair[1]);
        }
        process_wait(&j.process, id, place->limit, &e);
        ok = check_saved(place, &j, &e, worker, reason);
    }
    process_forget(&e);
    close_job(&j);
    return ok;
}

// ---------------------------------------------------------------------------
// Preparing

// A picture from a formula: A | B side by side if it is a pair.
static bool write_image(const struct place *place, const char *name, uint32_t width,
                        uint32_t number)
{
    const uint32_t height = 36;
    struct pix_image image = { width, height, mem_alloc((size_t)3 * width * height) };
    char *path = place_path(place, name, "");
    bool ok = path && image.pixels;
    for (uint32_t y = 0; ok && y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint32_t c = 0; c < 3; c++)
                image.pixels[(y * width + x) * 3 + c] =
                    (uint8_t)(x * (5 + number) + y * (3 + c) + c * 57 + x * y / 9);
    ok = ok && pix_image_write(path, &image);
    mem_free(image.pixels);
    mem_free(path);
    return ok;
}

#ifdef PIX_HAVE_TIFF
// A file of the tests' fixtures.
static bool copy_fixture(const struct place *place, const char *fixture,
                         const char *name)
{
    char *path = place_path(place, name, "");
    size_t size = 0;
    void *bytes = NULL;
    const bool ok =
        path && file_read(fixture, &bytes, &size) && file_write(path, bytes, size);
    mem_free(bytes);
    mem_free(path);
    return ok;
}
#endif

static bool write_palette(const struct place *place)
{
    static const char text[] = "#000000\n#808080\n#ffffff\n";
    char *path = place_path(place, "palette.txt", "");
    const bool ok = path && file_write(path, text, strlen(text));
    mem_free(path);
    return ok;
}

// Two frames for the standard input of all scenes, of which one reads it. No byte is 0.
static bool write_frames(const struct place *place)
{
    enum { SIDE = 36 };
    char text[64 + 2 * (8 + SIDE * SIDE * 3)];
    size_t size = (size_t)snprintf(text, sizeof(text), "YUV4MPEG2 W%d H%d F25:1 C444\n",
                                   SIDE, SIDE);
    for (uint32_t k = 0; k < 2; k++) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, "FRAME\n");
        for (uint32_t i = 0; i < SIDE * SIDE * 3; i++)
            text[size++] = (char)(60 + (i * (7 + k) + i / SIDE) % 64);
    }
    char *path = place_path(place, "stdin", "");
    const bool ok = path && file_write(path, text, size);
    mem_free(path);
    return ok;
}

static bool make_data(const struct place *place)
{
    static const char *const folders[] = { "data/train", "data/val", "images",
                                           "others",     "beside",   "geo",
                                           "expected" };
    bool ok = true;
    for (size_t i = 0; ok && i < ARRAY_LEN(folders); i++) {
        char *path = place_path(place, folders[i], "");
        ok = path && file_make_folder(path);
        mem_free(path);
    }
    return ok && write_palette(place) && write_frames(place) &&
           write_image(place, "data/train/1.png", 72, 1) &&
           write_image(place, "data/train/2.jpg", 72, 2) &&
           write_image(place, "data/val/3.png", 72, 3) &&
           write_image(place, "beside/3.bmp", 36, 3) &&
           write_image(place, "images/4.png", 36, 4) &&
           write_image(place, "images/5.jpg", 36, 5) &&
           write_image(place, "images/6.bmp", 36, 6) &&
           write_image(place, "images/7.tga", 36, 7) &&
#ifdef PIX_HAVE_TIFF
           write_image(place, "images/8.tif", 36, 8) &&
           copy_fixture(place, TEST_FIXTURES "/tiff/place-scale.tif", "geo/9.tif") &&
#endif
           write_image(place, "others/4.png", 36, 8) &&
           write_image(place, "others/5.bmp", 36, 9);
}

// Runs a command line without a fault and moves its result, or a file of it.
static bool make(const struct place *place, const struct scene *s, const char *target)
{
    struct job j;
    struct ending e = { 0 };
    char *to = place_path(place, target, ""), *out = NULL;
    bool ok = to && open_job(&j, place, s->words, 0) && reset(place, s, &j);
    if (ok) {
        process_run(&j.process, place->limit, &e);
        ok = e.code == 0 && os_file_rename(j.result, to);
        out = mem_printf("%s.out", to);
        ok = ok && file_write(out, e.out, strlen(e.out));
        if (!ok)
            fprintf(stderr,
                    "faults: without a fault, %s ends with exit code %d:\n%s%s\n",
                    s->words, e.code, e.out, e.err);
    }
    mem_free(out);
    mem_free(to);
    process_forget(&e);
    close_job(&j);
    return ok;
}

bool scene_is_asked(const char *only, const char *name)
{
    const size_t length = strlen(name);
    return !only || (strncmp(only, name, length) == 0 &&
                     (only[length] == '/' || only[length] == '\0'));
}

bool scenes_prepare(const struct place *place, const char *only)
{
    static const struct scene half = { "half", TRAIN
                                       "--out result --steps 2 --keep 2 --ema 0.5 "
                                       "--save-freq 1 --sample-freq 1" };
    static const struct scene colours = { "colours", TRAIN
                                          "--out result --steps 1 --task colorize" };
    static const struct scene larger = { "larger", TRAIN
                                         "--task superres --factor 2 --out result "
                                         "--steps 1" };
    static const struct scene pth = { "pth", "convert @/half result/net.pth",
                                      .needs_folder = true };
    static const struct scene bench = {
        "bench", "bench --counters --only train --json result/bench.json",
        .needs_folder = true
    };
    char target[64];
    bool ok = share_states() && make_data(place) && make(place, &half, "half") &&
              make(place, &larger, "larger") && make(place, &colours, "colours") &&
              make(place, &pth, "pth") && make(place, &bench, "bench");
    for (size_t i = 0; ok && i < scene_count; i++) {
        if (!scene_is_asked(only, scenes[i].name))
            continue;
        snprintf(target, sizeof(target), "expected/%s", scenes[i].name);
        ok = make(place, &scenes[i], target);
    }
    const double start = os_seconds();
    if (ok && scene_is_asked(only, kill_scene.name))
        ok = make(place, &kill_scene, "expected/kill");
    kill_seconds = os_seconds() - start;
    return ok;
}

bool scene_count_calls(const struct place *place, const struct scene *s,
                       struct fault_record **records, size_t *count)
{
    struct job j;
    struct ending e = { 0 };
    void *data = NULL;
    size_t size = 0;
    char *path = NULL;
    bool ok = open_job(&j, place, s->words, 0) && reset(place, s, &j);
    if (ok) {
        j.process.fault = "count";
        process_run(&j.process, place->limit, &e);
        path = file_join(j.folder, "fault.log");
        ok = e.code == 0 && path && file_read(path, &data, &size);
        if (!ok)
            fprintf(stderr, "faults: the calls of %s cannot be counted: code %d\n%s\n",
                    s->name, e.code, e.err);
    }
    *records = data;
    *count = size / sizeof(**records);
    mem_free(path);
    process_forget(&e);
    close_job(&j);
    return ok;
}
