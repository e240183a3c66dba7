// SPDX-License-Identifier: MIT
//
// The commands of docs/tasks.md, from the bundled files to evaluated outputs of every
// task: each is run as it is written there, with fewer steps of smaller networks. And
// what is said there of folders without splits.

#include "support/command.h"

#include <stdio.h>
#include <string.h>

#define HEADING "\n## From raw files to a picture\n"
#define PREFIX "    build/pix2pix "
#define FEWER                                                                          \
    " --steps 2 --crop-size 32 --load-size 36 --ngf 2 --ndf 2 --depth 2 --net-d pixel"

static const char *const tasks[] = { "colorize", "edges",    "inpaint",
                                     "segment",  "superres", "denoise" };

// The section, whose lines that end in a backslash are joined with the next one. Caller
// frees with mem_free.
static char *read_section(void)
{
    char *text = command_read(TEST_DOCS "/tasks.md");
    char *at = strstr(text, HEADING);
    if (!at)
        fail_msg("docs/tasks.md has no section%s", HEADING);
    at += strlen(HEADING);
    char *end = strstr(at, "\n## ");
    assert_non_null(end);
    end[1] = '\0';
    char *section = mem_strdup(at);
    mem_free(text);
    for (char *c = section; (c = strstr(c, "\\\n")) != NULL;)
        c[0] = c[1] = ' ';
    return section;
}

// "build/pix2pix" is $P here.
static void run_line(const char *line)
{
    const char *rest = line + strlen(PREFIX);
    const bool trains = strncmp(rest, "train ", 6) == 0;
    const int code = command_shell("ln -sfn \"$X\" examples; \"$P\" %s%s", rest,
                                   trains ? FEWER : "");
    if (code != 0)
        fail_msg("%s: exit code %d\nstdout: %s\nstderr: %s", line, code, command_out,
                 command_err);
    if (strncmp(rest, "evaluate ", 9) == 0) {
        command_check_has(command_out, "copied input");
        command_check_has(command_out, "mean colour");
    }
}

// A file that a line of the section says it writes.
static void check_outputs(const char *task)
{
    char name[64];
    snprintf(name, sizeof(name), "runs/%s.png", task);    // the grid
    command_check_file(name, true);
    snprintf(name, sizeof(name), "runs/%s_test/+0022.5_+05.6.jpg", task);
    if (strcmp(task, "segment") == 0)
        strcpy(strrchr(name, '.'), ".png");
    if (strcmp(task, "edges") == 0)
        snprintf(name, sizeof(name), "runs/edges_test/bell-pepper.png");
    command_check_file(name, true);
}

static void test_documented(void **state)
{
    (void)state;
    command_need_device();
    char *section = read_section(), *rest = section, *line;
    while ((line = rest) != NULL) {
        rest = strchr(line, '\n');
        if (rest)
            *rest++ = '\0';
        if (strncmp(line, PREFIX, strlen(PREFIX)) == 0)
            run_line(line);
    }
    mem_free(section);
    for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++)
        check_outputs(tasks[i]);
}

// A folder as it comes, without splits: training divides it, and evaluate finds the
// images that dataset split puts into test/.
static void test_unprepared(void **state)
{
    static const char *const made[] = { "colorize", "inpaint" };
    (void)state;
    command_need_device();
    RUN(0, "dataset split \"$X\"/satellite --singles --split-ratio 1:1:2 --out divided "
           "--json");
    json_t *document = command_parse(command_out);
    const double count = command_number_at(document, "test");
    json_decref(document);
    assert_true(count > 1);
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        RUN(0,
            "train --data \"$X\"/satellite --split-ratio 1:1:2 --task %s --out raw_%s" FEWER,
            made[i], made[i]);
        RUN(0, "evaluate --model raw_%s --data \"$X\"/satellite --json", made[i]);
        document = command_parse(command_out);
        assert_true(command_number_at(document, "pairs") == count);
        json_decref(document);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documented),
        cmocka_unit_test(test_unprepared),
    };
    return cmocka_run_group_tests(tests, command_open, command_close);
}
