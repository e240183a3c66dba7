// SPDX-License-Identifier: MIT
//
// What is written can be read back, and by PyTorch where it is installed.

#include "formats/pth.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "support/pth_files.h"
#include "support/tree.h"

#define FOLDER "test_pth_write.scratch"

static struct pth_tensor written[] = {
    { "0.weight", "F32", 4, { 3, 2, 2, 2 } },
    { "1.weight", "F32", 1, { 3 } },
    { "1.bias", "F32", 1, { 3 } },
    { "1.running_mean", "F32", 1, { 3 } },
    { "1.running_var", "F32", 1, { 3 } },
    { "1.num_batches_tracked", "I64", 0, { 0 } },
};

struct asked {
    size_t count, broken;
};

// What is written from now on: "F32" or "F16".
static void choose_kind(const char *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(written); i++)
        if (strcmp(written[i].kind, "I64") != 0)
            written[i].kind = kind;
}

// Value i of each is i / 4.
static bool give_values(void *user, size_t tensor, void *data)
{
    struct asked *a = user;
    assert_int_equal(tensor, a->count++);
    if (tensor == a->broken) {
        log_error("no values");
        return false;
    }
    if (strcmp(written[tensor].kind, "I64") == 0) {
        const int64_t steps = 5000000000;
        memcpy(data, &steps, sizeof(steps));
        return true;
    }
    size_t count = 1;
    for (uint32_t i = 0; i < written[tensor].rank; i++)
        count *= written[tensor].sides[i];
    for (size_t i = 0; i < count; i++)
        if (strcmp(written[tensor].kind, "F16") == 0)
            ((uint16_t *)data)[i] = bytes_half_bits((float)i / 4);
        else
            ((float *)data)[i] = (float)i / 4;
    return true;
}

static void write_network(const char *path)
{
    struct asked a = { 0, SIZE_MAX };
    if (!pth_write(path, written, ARRAY_LEN(written), give_values, &a))
        fail_msg("%s", pth_last_message());
    assert_int_equal(a.count, ARRAY_LEN(written));
    assert_int_equal(pth_errors(), 0);
}

static void check_round_trip(void)
{
    write_network(pth_scratch());
    struct pth *p = pth_open_good(pth_scratch());
    assert_int_equal(pth_count(p), ARRAY_LEN(written));
    for (size_t i = 0; i < ARRAY_LEN(written); i++) {
        const struct pth_entry *e = pth_at(p, i);
        assert_string_equal(e->name, written[i].name);
        assert_string_equal(e->kind, written[i].kind);
        assert_int_equal(e->rank, written[i].rank);
        for (uint32_t k = 0; k < e->rank; k++)
            assert_int_equal(e->sides[k], written[i].sides[k]);
        float *values = pth_read_good(p, e);
        for (size_t k = 0; k < e->count; k++)
            assert_true(values[k] == (e->rank ? (float)k / 4 : 5e9f));
        free(values);
    }
    pth_close(p);
}

static void test_round_trip(void **state)
{
    (void)state;
    check_round_trip();
    choose_kind("F16");
    check_round_trip();
    choose_kind("F32");
}

static void test_writes_the_same(void **state)
{
    void *first, *second;
    size_t size, second_size, records = 0;
    (void)state;
    write_network(pth_scratch());
    assert_true(file_read(pth_scratch(), &first, &size));
    write_network(pth_scratch());
    assert_true(file_read(pth_scratch(), &second, &second_size));
    assert_int_equal(size, second_size);
    assert_memory_equal(first, second, size);
    // Where the values of each record begin.
    const uint8_t *bytes = first;
    for (size_t at = 0; at + 30 < size; at++) {
        if (memcmp(bytes + at, "PK\3\4", 4) != 0)
            continue;
        size_t name = bytes[at + 26] + 256u * bytes[at + 27];
        size_t extra = bytes[at + 28] + 256u * bytes[at + 29];
        assert_int_equal((at + 30 + name + extra) % 64, 0);
        records++;
    }
    assert_int_equal(records, ARRAY_LEN(written) + 3);
    mem_free(first);
    mem_free(second);
}

// Counts hidden files too.
static bool count_name(void *user, const char *name)
{
    *(size_t *)user += strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
    return true;
}

static void test_gives_up(void **state)
{
    void *before, *after;
    size_t size, size_after;
    (void)state;
    write_network(pth_scratch());
    assert_true(file_read(pth_scratch(), &before, &size));
    for (size_t broken = 0; broken < ARRAY_LEN(written); broken++) {
        struct asked a = { 0, broken };
        pth_forget_errors();
        assert_false(
            pth_write(pth_scratch(), written, ARRAY_LEN(written), give_values, &a));
        assert_int_equal(pth_errors(), 1);
        assert_string_equal(pth_last_message(), "no values");
    }
    // The old file is unchanged, and there is no other.
    assert_true(file_read(pth_scratch(), &after, &size_after));
    assert_int_equal(size, size_after);
    assert_memory_equal(before, after, size);
    size_t names = 0;
    assert_true(os_folder_list(pth_folder(), count_name, &names));
    assert_int_equal(names, 1);
    mem_free(before);
    mem_free(after);

    struct asked a = { 0, SIZE_MAX };
    pth_forget_errors();
    assert_false(pth_write(FOLDER "/none/file.pth", written, ARRAY_LEN(written),
                           give_values, &a));
    assert_int_equal(pth_errors(), 1);
    assert_int_equal(a.count, 0);
}

static void test_pytorch_reads(void **state)
{
    (void)state;
    write_network(pth_scratch());
    assert_true(os_file_rename(pth_scratch(), FOLDER "/full.pth"));
    choose_kind("F16");
    write_network(pth_scratch());
    choose_kind("F32");
    // Libraries that are preloaded for this program are not meant for Python.
    int status = system("unset LD_PRELOAD; [ -x /usr/bin/python3 ] || exit 77; "
                        "/usr/bin/python3 '" TEST_SUPPORT "/load_pth.py' " FOLDER
                        "/full.pth " FOLDER "/file.pth");
    assert_true(test_remove_tree(FOLDER "/full.pth"));
    if (status == 77 << 8) {
        print_message("skipped: there is no PyTorch to read the file\n");
        skip();
    }
    assert_int_equal(status, 0);
}

int main(void)
{
    pth_use_folder(FOLDER);
    test_remove_tree(FOLDER);    // what a test that failed has left
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, pth_setup, pth_teardown),
        cmocka_unit_test_setup_teardown(test_writes_the_same, pth_setup, pth_teardown),
        cmocka_unit_test_setup_teardown(test_gives_up, pth_setup, pth_teardown),
        cmocka_unit_test_setup_teardown(test_pytorch_reads, pth_setup, pth_teardown),
    };
    return cmocka_run_group_tests_name("pth_write", tests, NULL, NULL);
}
