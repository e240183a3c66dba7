// SPDX-License-Identifier: MIT
//
// Nothing in a pickle does harm: names that are not known, opcodes that data does not
// need, mistakes on the stack, values within themselves.

#include "formats/pickle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/pth_files.h"

static const struct pth_hostile hostiles[] = {
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_GOOD "s.", NULL),
    PTH_HOSTILE(PICKLE_START "cos\nsystem\nX\2\0\0\0ls\x85R.", "os.system"),
    PTH_HOSTILE(PICKLE_START "X\2\0\0\0osX\6\0\0\0system\x93.", "os.system"),
    PTH_HOSTILE(PICKLE_START "c\x1b[2J\n\x07\n.", "?[2J.?"),
    PTH_HOSTILE(PICKLE_START "c__builtin__\neval\n.", "__builtin__.eval"),
    PTH_HOSTILE(PICKLE_START "cos", "cut short"),
    PTH_HOSTILE(PICKLE_START "(ios\nsystem\n.", "opcode 0x69"),
    PTH_HOSTILE(PICKLE_START "(oR.", "opcode 0x6f"),
    PTH_HOSTILE(PICKLE_START "\x82\1.", "opcode 0x82"),
    PTH_HOSTILE(PICKLE_START "P1\n.", "opcode 0x50"),
    PTH_HOSTILE("\x80\x06}.", "protocol"),
    PTH_HOSTILE(PICKLE_START "]q\0h\0a.", "contains itself"),
    PTH_HOSTILE(PICKLE_START "}q\0X\1\0\0\0ah\0s.", "contains itself"),
    PTH_HOSTILE(PICKLE_START "]q\0]q\1h\0a0h\0h\1a.", "contains itself"),
    PTH_HOSTILE(PICKLE_START "]q\0h\0Q0]q\1h\1a.", "contains itself"),
    PTH_HOSTILE(PICKLE_START ".", "value is missing"),
    PTH_HOSTILE(PICKLE_START "0.", "value is missing"),
    PTH_HOSTILE(PICKLE_START "R.", "value is missing"),
    PTH_HOSTILE(PICKLE_START "t.", "mark is missing"),
    PTH_HOSTILE(PICKLE_START "(.", "value is missing"),
    PTH_HOSTILE(PICKLE_START "(u.", "value is missing"),
    PTH_HOSTILE(PICKLE_START "}(K\1u.", "not a dictionary"),
    PTH_HOSTILE(PICKLE_START "](K\1K\2u.", "not a dictionary"),
    PTH_HOSTILE(PICKLE_START "}(K\1K\2e.", "not a list"),
    PTH_HOSTILE(PICKLE_START "}}b.", "attributes"),
    PTH_HOSTILE(PICKLE_START "K\1K\1R.", "not a name"),
    PTH_HOSTILE(PICKLE_START "h\7.", "not memorised"),
    PTH_HOSTILE(PICKLE_START "}r\xff\xff\xff\xff.", "memorises too many"),
    PTH_HOSTILE(PICKLE_START "X\xff\xff\xff\xff.", "cut short"),
    PTH_HOSTILE(PICKLE_START "\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "cut short"),
    PTH_HOSTILE(PICKLE_START "\x8b\xff\xff\xff\xff.", "cut short"),
};

static void test_hostile_pickles(void **state)
{
    (void)state;
    pth_check_hostile(hostiles, ARRAY_LEN(hostiles));
}

// n times `piece`, between a head and a tail.
static char *repeat(const char *head, const char *piece, size_t piece_size, size_t n,
                    const char *tail, size_t *size)
{
    char *text = malloc(strlen(head) + n * piece_size + strlen(tail) + 2);
    assert_non_null(text);
    char *to = text + sprintf(text, "\x80\x02%s", head);
    for (size_t i = 0; i < n; i++, to += piece_size)
        memcpy(to, piece, piece_size);
    *size = (size_t)(to - text) + strlen(tail);
    memcpy(to, tail, strlen(tail));
    return text;
}

static void test_hostile_nesting(void **state)
{
    size_t size;
    char *text;
    (void)state;

    // Lists within lists.
    text = repeat("]", "\x85", 1, 100000, ".", &size);
    pth_write_archive(text, size);
    pth_check_refused(pth_scratch(), "nested too deeply");
    free(text);

    // 90 tuples, each with the one before twice: 2^90 ways lead to the first.
    text = repeat("]", "q\0h\0\x86", 5, 90, ".", &size);
    pth_write_archive(text, size);
    pth_check_refused(pth_scratch(), "something else");
    free(text);

    // The same with dictionaries, which are searched for tensors.
    text = repeat("}", "q\0}(X\1\0\0\0ah\0X\1\0\0\0bh\0u", 21, 90, ".", &size);
    pth_write_archive(text, size);
    pth_check_refused(pth_scratch(), "holds no tensors");
    free(text);

    text = repeat("", "N", 1, 300000, ".", &size);
    pth_write_archive(text, size);
    pth_check_refused(pth_scratch(), "too many values are waiting");
    free(text);

    text = repeat("", "N0", 2, 1100000, ".", &size);
    pth_write_archive(text, size);
    pth_check_refused(pth_scratch(), "too many values");
    free(text);
}

int main(void)
{
    pth_use_folder("test_pickle.scratch");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hostile_pickles, pth_setup, pth_teardown),
        cmocka_unit_test_setup_teardown(test_hostile_nesting, pth_setup, pth_teardown),
    };
    return cmocka_run_group_tests_name("pickle", tests, NULL, NULL);
}
