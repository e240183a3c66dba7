// SPDX-License-Identifier: MIT
//
// Requests to end a training or a translation in tiles: signals by themselves, several
// at once, of a terminal that is closed; and a process that was started without its
// standard streams.
//
// TEST_BURSTS is how many runs get two signals at once.

#define _XOPEN_SOURCE 700

#include "support/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/os.h"

static void pause_ms(long ms)
{
    const struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&t, NULL);
}

static pid_t child;

// Starts the command in the scratch folder, as the leader of a group or of a session
// with a terminal, with its output in a file or at a descriptor. NULL: no terminal.
// words[0] is the command's.
static void start_words(char **words, int output, int errors, const char *terminal)
{
    char *folder = command_file("."), *script = command_file("pix2pix");
    words[0] = os_path_absolute(script);
    assert_non_null(words[0]);
    child = fork();
    if (child == 0) {
        if (terminal ? setsid() < 0 : setpgid(0, 0) != 0)
            _exit(99);
        if (terminal && (output = errors = open(terminal, O_RDWR)) < 0)
            _exit(98);
        dup2(output, 1);
        dup2(errors, 2);
        if (chdir(folder) != 0)
            _exit(97);
        signal(SIGPIPE, SIG_DFL);
        execv(words[0], words);
        _exit(96);
    }
    assert_true(child > 0);
    mem_free(words[0]);
    mem_free(script);
    mem_free(folder);
}

// A training that never ends by itself, in a new run.
static void start(const char *run, int output, int errors, const char *terminal)
{
    char *words[] = {
        NULL,          "train", "--data",        "pairs",   "--out",      (char *)run,
        "--crop-size", "32",    "--load-size",   "36",      "--ngf",      "4",
        "--ndf",       "4",     "--steps",       "1000000", "--log-freq", "1",
        "--save-freq", "0",     "--sample-freq", "0",       NULL
    };
    command_shell("rm -rf %s", run);
    start_words(words, output, errors, terminal);
}

static int open_scratch(const char *name)
{
    char *path = command_file(name);
    const int number = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    assert_true(number >= 0);
    mem_free(path);
    return number;
}

static uint64_t metrics_size(const char *run)
{
    char *name = mem_printf("%s/metrics.jsonl", run), *path = command_file(name);
    uint64_t size = 0;
    FILE *stream = os_file_open(path, "rb");
    if (stream) {
        os_file_size(stream, &size);
        fclose(stream);
    }
    mem_free(path);
    mem_free(name);
    return size;
}

// Waits until a step is in the run's metrics.
static void wait_for_step(const char *run)
{
    uint64_t size = 0;
    for (int i = 0; i < 3000 && size == 0; i++) {
        size = metrics_size(run);
        if (waitpid(child, NULL, WNOHANG) != 0)
            fail_msg("%s ended before its first step", run);
        pause_ms(20);
    }
    assert_true(size > 0);
}

// Waits until no step comes any more.
static void wait_for_standstill(const char *run)
{
    uint64_t before = 0, size = metrics_size(run);
    for (int i = 0; i < 100 && size != before; i++) {
        before = size;
        pause_ms(500);
        size = metrics_size(run);
    }
    assert_true(size == before);
}

// Waits for the end; what a shell would give as exit code. -1: it runs after 60 s.
static int wait_for_end(void)
{
    int status;
    for (int i = 0; i < 3000; i++) {
        if (waitpid(child, &status, WNOHANG) == child)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        pause_ms(20);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return -1;
}

// Whether the last step in the metrics is also that of the only checkpoint.
static bool is_saved(const char *run)
{
    return command_shell("n=$(wc -l <%s/metrics.jsonl) && "
                         "[ \"$(ls %s/checkpoints)\" = "
                         "\"$(printf 'step-%%08d.safetensors' $n)\" ]",
                         run, run) == 0;
}

static char *read_file(const char *name)
{
    char *path = command_file(name), *text = command_read(path);
    mem_free(path);
    return text;
}

// timeout(1) signals its child and the group within a few milliseconds. How far apart
// they arrive differs from run to run, and no distance may lose the steps.
static void test_burst(void **state)
{
    const char *given = getenv("TEST_BURSTS");
    const int count = given ? atoi(given) : 3;
    (void)state;
    command_need_device();
    command_make_data();
    for (int i = 0; i < count; i++) {
        const int number = i % 3 == 2 ? SIGINT : SIGTERM;
        const int output = open_scratch("burst.out"),
                  errors = open_scratch("burst.err");
        start("burst", output, errors, NULL);
        close(output);
        close(errors);
        wait_for_step("burst");
        kill(child, number);
        pause_ms(i % 2 ? 2 : 0);
        kill(-child, number);
        kill(child, SIGTERM);
        assert_int_equal(wait_for_end(), 130);
        assert_true(is_saved("burst"));
        char *text = read_file("burst.err");
        // Once, and at the beginning of a line.
        const char *notice = strstr(text, "saving after this step");
        assert_non_null(notice);
        assert_true(notice == text || notice[-1] == '\n');
        assert_null(strstr(notice + 1, "saving after"));
        mem_free(text);
    }
}

// A run whose output nobody reads stands still in a write, so that a signal is not
// acted upon for as long as the test likes. A page of the pipe is free, for what comes
// before the first step and for some steps.
static int start_blocked(const char *run)
{
    enum { PAGE = 4096 };
    int ends[2];
    char bytes[65536];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFD, FD_CLOEXEC), 0);
    // Full, from the beginning.
    memset(bytes, '\n', sizeof(bytes));
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    while (write(ends[1], bytes, sizeof(bytes)) > 0)
        continue;
    while (write(ends[1], bytes, 1) > 0)
        continue;
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    assert_int_equal(read(ends[0], bytes, PAGE), PAGE);
    const int errors = open_scratch("blocked.err");
    start(run, ends[1], errors, NULL);
    close(errors);
    close(ends[1]);
    wait_for_step(run);
    wait_for_standstill(run);
    return ends[0];
}

static void test_second_key(void **state)
{
    (void)state;
    command_need_device();
    command_make_data();
    const int reading = start_blocked("keys");
    kill(child, SIGINT);
    pause_ms(50);
    kill(child, SIGINT);    // a burst
    pause_ms(200);
    assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    pause_ms(1000);
    kill(child, SIGINT);
    assert_int_equal(wait_for_end(), 130);
    close(reading);
    assert_int_equal(command_shell("ls keys/checkpoints"), 0);
    assert_string_equal(command_out, "");
    char *text = read_file("blocked.err");
    command_check_has(text, "saving after this step; Ctrl-C again ends at once\n");
    mem_free(text);
}

// However often it is told to end: all but the key mean the end of the machine or of
// the session, which do not ask twice because they are in a hurry to lose the work.
static void test_patient_end(void **state)
{
    (void)state;
    command_need_device();
    command_make_data();
    const int reading = start_blocked("patient");
    kill(child, SIGTERM);
    pause_ms(1100);
    kill(child, SIGTERM);
    kill(child, SIGHUP);
    pause_ms(100);
    // The first key, however late.
    kill(child, SIGINT);
    pause_ms(100);
    close(reading);    // from here on each write fails
    assert_int_equal(wait_for_end(), 130);
    assert_true(is_saved("patient"));
    char *text = read_file("blocked.err");
    command_check_has(text, "saving after this step\n");
    mem_free(text);
}

// The terminal goes away: its leader gets SIGHUP, and writes to it fail.
static void test_closed_terminal(void **state)
{
    (void)state;
    command_need_device();
    command_make_data();
    const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) {
        print_message("no pseudo terminal: %s\n", strerror(errno));
        skip();
    }
    assert_int_equal(fcntl(terminal, F_SETFD, FD_CLOEXEC), 0);
    start("closed", -1, -1, ptsname(terminal));
    wait_for_step("closed");
    close(terminal);
    assert_int_equal(wait_for_end(), 130);
    assert_true(is_saved("closed"));
}

// Who has it ignored, as nohup(1) does, keeps it ignored.
static void test_ignored_hangup(void **state)
{
    (void)state;
    command_need_device();
    command_make_data();
    const int output = open_scratch("burst.out");
    signal(SIGHUP, SIG_IGN);
    start("nohup", output, output, NULL);
    signal(SIGHUP, SIG_DFL);
    close(output);
    wait_for_step("nohup");
    kill(child, SIGHUP);
    pause_ms(300);
    assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
    kill(child, SIGTERM);
    assert_int_equal(wait_for_end(), 130);
    assert_true(is_saved("nohup"));
}

// What is printed must not end up in a file that got the number of a closed stream.
static void test_closed_streams(void **state)
{
    static const char *const closed[] = { "<&- >&- 2>&-", ">&- 2>&-", "<&- >&-",
                                          "2>&-" };
    (void)state;
    command_need_device();
    command_make_data();
    for (size_t i = 0; i < ARRAY_LEN(closed); i++) {
        assert_int_equal(
            command_shell("rm -rf bare; \"$P\" train --data pairs --out bare " SMALL
                          "--steps 2 --log-freq 1 %s",
                          closed[i]),
            0);
        assert_int_equal(command_shell("grep -vc '^{\"step\": ' bare/metrics.jsonl"),
                         1);
        assert_int_equal(command_shell("wc -l <bare/metrics.jsonl; wc -c <bare/lock; "
                                       "ls bare/checkpoints"),
                         0);
        assert_string_equal(command_out, "2\n0\nstep-00000002.safetensors\n");
        assert_int_equal(command_shell("\"$P\" devices %s", closed[i]), 0);
    }
}

// Waits until the file of a name has a text in it.
static void wait_for_text(const char *name, const char *text)
{
    bool found = false;
    for (int i = 0; i < 3000 && !found; i++) {
        char *all = read_file(name);
        found = strstr(all, text) != NULL;
        mem_free(all);
        if (!found && waitpid(child, NULL, WNOHANG) != 0)
            fail_msg("ended before it said: %s", text);
        pause_ms(20);
    }
    assert_true(found);
}

static void write_image(const char *name, uint32_t side)
{
    struct pix_image image = { .width = side, .height = side };
    char *path = command_file(name);
    image.pixels = mem_zalloc((size_t)3 * side * side);
    assert_non_null(image.pixels);
    assert_true(pix_image_write(path, &image));
    mem_free(image.pixels);
    mem_free(path);
}

// Of an image in thousands of tiles no more than a tile is waited for. It has no
// output, nor a part of one; those before it have theirs.
static void test_tiles(void **state)
{
    static const struct {
        const char *input, *output, *sent, *left;
        int number;
    } cases[] = {
        { "tiled/b.png", "made/b.png", "b.png of 4096x4096", "", SIGTERM },
        { "tiled", "made", "b.png of 4096x4096", "a.png\n", SIGINT },
    };
    (void)state;
    command_need_device();
    command_make_data();
    RUN(0, "train --data pairs --out net --direction BtoA " SMALL "--steps 1");
    assert_int_equal(command_shell("mkdir -p tiled made"), 0);
    write_image("tiled/a.png", 32);
    write_image("tiled/b.png", 4096);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const int errors = open_scratch("tiles.err");
        char *words[] = { NULL,       "translate",
                          "--model",  "net",
                          "--input",  (char *)cases[i].input,
                          "--output", (char *)cases[i].output,
                          "--tile",   "32",
                          NULL };
        start_words(words, errors, errors, NULL);
        close(errors);
        wait_for_text("tiles.err", cases[i].sent);
        pause_ms(300);
        kill(child, cases[i].number);
        assert_int_equal(wait_for_end(), 130);
        char *text = read_file("tiles.err");
        command_check_has(text, "ending after this tile; the image on its way has no "
                                "output");
        command_check_has(text, "stopped on the way through tiled/b.png, which has no "
                                "output\n");
        assert_null(strstr(text, "was not translated"));
        mem_free(text);
        assert_int_equal(command_shell("ls -A made"), 0);
        assert_string_equal(command_out, cases[i].left);
    }
}

// A test that fails leaves no run behind.
static int end_child(void **state)
{
    (void)state;
    if (child > 0 && waitpid(child, NULL, WNOHANG) == 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    child = 0;
    return 0;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, end_child)
    const struct CMUnitTest tests[] = {
        TEST(test_burst),          TEST(test_second_key),
        TEST(test_patient_end),    TEST(test_closed_terminal),
        TEST(test_ignored_hangup), TEST(test_closed_streams),
        TEST(test_tiles),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
