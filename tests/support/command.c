// SPDX-License-Identifier: MIT
//
// Running the command. See command.h.

#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L

#include "support/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/os.h"

char *command_out, *command_err;
long command_peak;

static const char *examples;
static char *script_path;    // a script that leaves tuning out
static char *scratch_folder;
static bool has_device;

char *command_file(const char *name)
{
    char *path = file_join(scratch_folder, name);
    assert_non_null(path);
    return path;
}

char *command_read(const char *path)
{
    void *data;
    size_t size;
    if (!file_read(path, &data, &size))
        fail_msg("%s cannot be read", path);
    return data;
}

// As system(), which says nothing of memory.
static int run_line(const char *line)
{
    struct rusage usage = { 0 };
    int status;
    const pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    assert_true(child > 0);
    while (wait4(child, &status, 0, &usage) < 0)
        assert_int_equal(errno, EINTR);
#ifdef __linux__
    command_peak = usage.ru_maxrss;
#endif
    return status;
}

int command_shell(const char *format, ...)
{
    char script[4096], line[8192];
    va_list args;
    va_start(args, format);
    assert_true(vsnprintf(script, sizeof(script), format, args) < (int)sizeof(script));
    va_end(args);
    assert_true(snprintf(line, sizeof(line),
                         "cd '%s' && { P='%s'; X='%s'; %s\n} >out.txt 2>err.txt "
                         "</dev/null",
                         scratch_folder, script_path, examples,
                         script) < (int)sizeof(line));
    const int status = run_line(line);
    mem_free(command_out);
    mem_free(command_err);
    char *out_path = command_file("out.txt"), *err_path = command_file("err.txt");
    command_out = command_read(out_path);
    command_err = command_read(err_path);
    mem_free(out_path);
    mem_free(err_path);
    if (strstr(command_err, "Sanitizer") || strstr(command_err, "runtime error"))
        fail_msg("a sanitizer speaks: %s\n%s", script, command_err);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

void command_check_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text);
}

void command_check_file(const char *name, bool exists)
{
    char *path = command_file(name);
    if (file_exists(path) != exists)
        fail_msg("%s should%s exist", name, exists ? "" : " not");
    mem_free(path);
}

size_t command_count_lines(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

double command_number_at(const json_t *object, const char *key)
{
    double value;
    if (!json_to_double(json_object_get(object, key), &value))
        fail_msg("\"%s\" is not a number", key);
    return value;
}

json_t *command_parse(const char *text)
{
    json_t *document = json_parse(text, strlen(text), "stdout");
    if (!document)
        fail_msg("not one JSON document: %s", text);
    return document;
}

void command_need_device(void)
{
    if (!has_device)
        skip();
}

void command_make_data(void)
{
    static bool made;
    if (made)
        return;
    assert_int_equal(
        command_shell(
            "mkdir -p pairs/train pairs/test && cd pairs &&"
            "for f in $(ls \"$X/earth_relief2sat/train\" | head -n 7); do "
            "  cp \"$X/earth_relief2sat/train/$f\" train/ || exit 1; done;"
            "for f in $(ls \"$X/earth_relief2sat/test\" | head -n 2); do "
            "  cp \"$X/earth_relief2sat/test/$f\" test/ || exit 1; done;"
            "f=$(ls train | head -n 1); head -c 300 \"train/$f\" >train/broken.jpg"),
        0);
    made = true;
}

void command_make_run(void)
{
    static bool made;
    command_make_data();
    if (made)
        return;
    RUN(0, "train --data pairs --out run --direction BtoA " SMALL
           "--steps 3 --log-freq 1 --save-freq 2 --sample-freq 2");
    made = true;
}

void command_make_dropped(void)
{
    static bool made;
    command_make_data();
    if (made)
        return;
    RUN(0, "train --data pairs --out dropped " SMALL
           "--steps 3 --dropout-at d1-d3 --ema 0.5 --lr 0.01");
    assert_int_equal(
        command_shell("cp \"$X/satellite/$(ls \"$X/satellite\" | grep jpg | "
                      "head -n 1)\" real.jpg"),
        0);
    made = true;
}

// Nothing is measured but where a test is about that, and the user's caches stay as
// they are.
static bool write_script(const char *command)
{
    char *folder = os_path_absolute(scratch_folder);
    char *script =
        mem_printf("#!/bin/sh\nexport XDG_CACHE_HOME='%s/caches'\n"
                   "[ -z \"$TUNE\" ] || exec '%s' \"$@\"\n"
                   "case \"$1\" in\ntrain | translate | evaluate) name=$1; shift\n"
                   "    exec '%s' \"$name\" --tuning off \"$@\" ;;\nesac\n"
                   "exec '%s' \"$@\"\n",
                   folder, command, command, command);
    script_path = mem_printf("%s/pix2pix", folder);
    bool ok = folder && script && script_path &&
              file_write(script_path, script, strlen(script)) &&
              chmod(script_path, 0755) == 0;
    mem_free(script);
    mem_free(folder);
    return ok;
}

int command_open(void **state)
{
    (void)state;
    const char *command = getenv("PIX2PIX_COMMAND");
    examples = getenv("TEST_EXAMPLES");
#ifdef PIX2PIX_COMMAND
    if (!command)
        command = PIX2PIX_COMMAND;
#endif
#ifdef TEST_EXAMPLES
    if (!examples)
        examples = TEST_EXAMPLES;
#endif
    if (!command || !examples) {
        fprintf(stderr, "PIX2PIX_COMMAND or TEST_EXAMPLES is not set\n");
        return 1;
    }
    const char *parent = getenv("TEST_SCRATCH");
    scratch_folder = file_join(parent ? parent : ".", "test_cli_XXXXXX");
    if (!scratch_folder || (parent && !file_make_folder(parent)) ||
        !mkdtemp(scratch_folder) || !write_script(command))
        return 1;
    if (command_shell("mkdir folder; echo x >file") != 0)
        return 1;
    has_device =
        command_shell("\"$P\" devices --json | grep -q '\"usable\": true'") == 0;
    if (!has_device)
        fprintf(stderr, "no usable device: its tests are skipped\n");
    return 0;
}

int command_close(void **state)
{
    (void)state;
    mem_free(command_out);
    mem_free(command_err);
    mem_free(script_path);
    char line[4096];
    snprintf(line, sizeof(line), "rm -rf '%s'", scratch_folder);
    const int code = getenv("TEST_KEEP") ? 0 : system(line);
    mem_free(scratch_folder);
    return code;
}
