// SPDX-License-Identifier: MIT
//
// Files of before PyTorch 1.6 whose parts contradict each other are refused.

#include "formats/pth_legacy.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "support/pth_files.h"

static void test_hostile_legacy(void **state)
{
    static const char good[] = PICKLE_START "}X\1\0\0\0a" PICKLE_GOOD "s.";
    uint8_t *bytes;
    void *data;
    size_t size, at;
    (void)state;
    pth_write_legacy(good, sizeof(good) - 1);
    assert_true(pth_try_scratch());
    assert_true(file_read(pth_scratch(), &data, &size));
    bytes = data;
    at = size - PICKLE_STORAGE_BYTES - 8;    // of the count

    bytes[at] = 7;
    pth_write_scratch(data, size);
    pth_check_refused(pth_scratch(), "storage 0 has two sizes");
    memset(bytes + at, 0xff, 8);
    pth_write_scratch(data, size);
    pth_check_refused(pth_scratch(), "storage 0 has two sizes");
    memset(bytes + at, 0, 8);
    bytes[at] = 6;
    bytes[at - 3] = '1';    // the key
    pth_write_scratch(data, size);
    pth_check_refused(pth_scratch(), "used by no tensor");
    bytes[at - 3] = '0';
    pth_write_scratch(data, size - 1);
    pth_check_refused(pth_scratch(), "cut short");
    bytes[18] ^= 1;    // the version
    pth_write_scratch(data, size);
    pth_check_refused(pth_scratch(), "version");
    mem_free(data);
}

int main(void)
{
    pth_use_folder("test_pth_legacy.scratch");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hostile_legacy, pth_setup, pth_teardown),
    };
    return cmocka_run_group_tests_name("pth_legacy", tests, NULL, NULL);
}
