// SPDX-License-Identifier: MIT
//
// The manual page, the Markdown tables and the licences that the command prints: the
// pages in docs/ are what the command prints today, and both of the first name every
// option.
//
// PIX2PIX_COMMAND is the path of the command, TEST_DOCS the folder docs/.

#define _POSIX_C_SOURCE 200809L

#include "base/file.h"
#include "base/mem.h"
#include "pix2pix.h"
#include "support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What the command prints with these arguments; freed by the caller.
static char *run(const char *arguments)
{
    char *line = mem_printf("'%s' %s", PIX2PIX_COMMAND, arguments);
    FILE *pipe = popen(line, "r");
    size_t size = 0, capacity = (size_t)1 << 18;
    char *text = mem_alloc(capacity);
    assert_non_null(pipe);
    for (size_t got; (got = fread(text + size, 1, capacity - 1 - size, pipe)) > 0;)
        size += got;
    assert_true(size + 1 < capacity);
    assert_int_equal(pclose(pipe), 0);
    text[size] = 0;
    mem_free(line);
    return text;
}

static bool prints_file(const char *arguments, const char *path)
{
    void *stored;
    size_t size;
    char *printed = run(arguments);
    assert_true(file_read(path, &stored, &size));
    bool same = strlen(printed) == size && memcmp(printed, stored, size) == 0;
    mem_free(stored);
    mem_free(printed);
    return same;
}

static void test_page_is_current(void **state)
{
    (void)state;
    if (!prints_file("--help=man", TEST_DOCS "/pix2pix.1"))
        fail_msg("docs/pix2pix.1 is not what pix2pix --help=man prints: build the "
                 "target manual");
}

static void test_licences(void **state)
{
    (void)state;
    assert_true(prints_file("--licences", TEST_DOCS "/licences.md"));
}

static void test_page_names_options(void **state)
{
    (void)state;
    size_t count;
    const struct pix_option *table = pix_train_option_table(&count);
    char *page = run("--help=man");
    for (size_t i = 0; i < count; i++) {
        // Hyphens are escaped.
        char name[128] = "\n\\fB\\-\\-";
        size_t length = strlen(name);
        for (const char *c = table[i].name; *c; c++)
            length += (size_t)snprintf(name + length, sizeof(name) - length,
                                       *c == '-' ? "\\-" : "%c", *c);
        snprintf(name + length, sizeof(name) - length, "\\fR");
        if (!strstr(page, name))
            fail_msg("--%s is not on the page", table[i].name);
    }
    mem_free(page);
}

// Every row of a table has three cells, in whatever command.
static void test_markdown_tables(void **state)
{
    (void)state;
    size_t count;
    const struct pix_option *table = pix_train_option_table(&count);
    char *text = run("train --help=markdown");
    for (size_t i = 0; i < count; i++) {
        char name[64];
        snprintf(name, sizeof(name), "\n| `--%s%s", table[i].name,
                 table[i].value ? " " : "`");
        if (!strstr(text, name))
            fail_msg("--%s is not in the tables", table[i].name);
    }
    mem_free(text);
    text = run("--help=markdown");
    for (const char *line = text; *line;) {
        const size_t length = strcspn(line, "\n");
        size_t bars = 0;
        for (size_t i = 0; i < length; i++)
            bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\');
        if (strncmp(line, "| `--", 5) == 0)
            assert_int_equal(bars, 4);
        line += length + (line[length] == '\n');
    }
    mem_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_is_current),
        cmocka_unit_test(test_licences),
        cmocka_unit_test(test_page_names_options),
        cmocka_unit_test(test_markdown_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
