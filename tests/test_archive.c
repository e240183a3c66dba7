// SPDX-License-Identifier: MIT
//
// Zip archives whose directory or checksums are wrong are refused.

#include "formats/archive.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "support/pth_files.h"

static void put_little(uint8_t *to, uint64_t number, int size)
{
    for (int i = 0; i < size; i++)
        to[i] = (uint8_t)(number >> (8 * i));
}

static void test_hostile_archives(void **state)
{
    static const char good[] = PICKLE_START "}X\1\0\0\0a" PICKLE_GOOD "s.";
    static const uint32_t sizes[] = { 0xfffffff0u, 0x7fffffffu, 25, 23, 0 };
    uint8_t *bytes;
    void *data;
    size_t size;
    (void)state;
    pth_write_archive(good, sizeof(good) - 1);
    assert_true(pth_try_scratch());
    assert_true(file_read(pth_scratch(), &data, &size));
    bytes = data;
    // Sizes of each record in the directory, packed, unpacked or both; the first record
    // is the pickle, which may end after its end.
    for (size_t at = 0, record = 0; at + 46 < size; at++) {
        if (memcmp(bytes + at, "PK\1\2", 4) != 0)
            continue;
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            for (int which = 1; which <= 3; which++) {
                uint8_t kept[8];
                memcpy(kept, bytes + at + 20, 8);
                if (which & 1)
                    put_little(bytes + at + 20, sizes[i], 4);
                if (which & 2)
                    put_little(bytes + at + 24, sizes[i], 4);
                pth_write_scratch(data, size);
                bool taken = pth_try_scratch();
                if (taken && record < 2)
                    fail_msg("record %d may have %u bytes", (int)record, sizes[i]);
                memcpy(bytes + at + 20, kept, 8);
            }
        }
        record++;
    }
    // How many records there are.
    size_t end = size - 22;
    assert_memory_equal(bytes + end, "PK\5\6", 4);
    put_little(bytes + end + 8, 0xfffe, 2);
    put_little(bytes + end + 10, 0xfffe, 2);
    pth_write_scratch(data, size);
    assert_false(pth_try_scratch());
    mem_free(data);
    // No record at all, and none that matters.
    pth_write_scratch("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
    pth_check_refused(pth_scratch(), "no data.pkl");
    const struct archive_part other = { "data.pkl", 2 };
    struct pth_parts other_bytes = { { "3\n" } };
    assert_true(archive_write(pth_scratch(), &other, 1, pth_part_bytes, &other_bytes));
    pth_check_refused(pth_scratch(), "no data.pkl");
}

static void test_damaged_values(void **state)
{
    // Values of a record do not match its checksum: the last bytes of 0.weight.
    void *data;
    size_t size, at = 0;
    (void)state;
    assert_true(file_read(PTH_FIXTURE("network.pth"), &data, &size));
    const float last = 21.5f - 1;
    uint8_t *bytes = data, wanted[4];
    memcpy(wanted, &last, sizeof(wanted));
    while (at + 4 <= size && memcmp(bytes + at, wanted, 4) != 0)
        at++;
    assert_true(at + 4 <= size);
    bytes[at] ^= 1;
    pth_write_scratch(data, size);
    assert_false(pth_try_scratch());
    assert_non_null(strstr(pth_last_message(), "CRC"));
    mem_free(data);
}

int main(void)
{
    pth_use_folder("test_archive.scratch");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hostile_archives, pth_setup, pth_teardown),
        cmocka_unit_test_setup_teardown(test_damaged_values, pth_setup, pth_teardown),
    };
    return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
