// SPDX-License-Identifier: MIT
//
// Files that PyTorch wrote, of every kind, are read; other files and damaged ones are
// refused.

#include "formats/pth.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/os.h"
#include "support/pth_files.h"
#include "support/tree.h"

static void test_reads_networks(void **state)
{
    static const char *const paths[] = {
        PTH_FIXTURE("network.pth"),          PTH_FIXTURE("network_legacy.pth"),
        PTH_FIXTURE("protocol3.pth"),        PTH_FIXTURE("protocol4.pth"),
        PTH_FIXTURE("protocol5.pth"),        PTH_FIXTURE("unsummed.pth"),
        PTH_FIXTURE("protocol4_legacy.pth"),
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct pth *p = pth_open_good(paths[i]);
        pth_check_network(p, true);
        pth_close(p);
    }
}

static void test_refuses_other_files(void **state)
{
    (void)state;
    pth_check_refused(PTH_FIXTURE("no_dictionary.pth"), "a tensor without a name");
    pth_check_refused(PTH_FIXTURE("complex.pth"), "torch.ComplexFloatStorage");
    pth_check_refused(PTH_FIXTURE("deflated.pth"), "compressed");
    pth_check_refused(PTH_FIXTURE("missing.pth"), "does not exist");
    pth_check_refused(pth_folder(), "is not a file");
    pth_check_refused(TEST_FIXTURES "/make_pth.py", "not a zip or legacy");
    assert_false(pth_looks_like(TEST_FIXTURES "/make_pth.py"));
    assert_false(pth_looks_like(pth_folder()));
    assert_false(pth_looks_like(PTH_FIXTURE("missing.pth")));
    assert_true(file_write(pth_scratch(), "", 0));
    pth_check_refused(pth_scratch(), "not a zip or legacy");
    assert_false(pth_looks_like(pth_scratch()));
}

// ---------------------------------------------------------------------------
// Damage

static void test_truncated(void **state)
{
    static const char *const paths[] = { PTH_FIXTURE("network.pth"),
                                         PTH_FIXTURE("network_legacy.pth"),
                                         PTH_FIXTURE("nested.pth") };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        void *data;
        size_t size;
        assert_true(file_read(paths[i], &data, &size));
        pth_write_scratch(data, size);
        assert_true(pth_try_scratch());
        for (size_t length = size; length-- > 0;) {
            assert_true(test_resize_file(pth_scratch(), length));
            if (pth_try_scratch())
                fail_msg("%s is read from %d bytes", paths[i], (int)length);
        }
        mem_free(data);
    }
}

static void test_flipped(void **state)
{
    static const char *const paths[] = { PTH_FIXTURE("network.pth"),
                                         PTH_FIXTURE("network_legacy.pth"),
                                         PTH_FIXTURE("views_legacy.pth"),
                                         PTH_FIXTURE("nested.pth") };
    static const uint8_t masks[] = { 0xff, 0x01, 0x10 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        uint8_t *data;
        size_t size, taken = 0;
        void *bytes;
        assert_true(file_read(paths[i], &bytes, &size));
        data = bytes;
        pth_write_scratch(data, size);
        for (size_t at = 0; at < size; at++) {
            for (size_t k = 0; k < ARRAY_LEN(masks); k++) {
                pth_patch_scratch(at, data[at] ^ masks[k]);
                taken += pth_try_scratch();
            }
            pth_patch_scratch(at, data[at]);
        }
        // Not all of a file matters, but much of it does.
        assert_true(taken > 0 && taken < size * ARRAY_LEN(masks));
        mem_free(data);
    }
}

int main(void)
{
    pth_use_folder("test_pth.scratch");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads_networks, pth_setup, pth_teardown),
        cmocka_unit_test_setup_teardown(test_refuses_other_files, pth_setup,
                                        pth_teardown),
        cmocka_unit_test_setup_teardown(test_truncated, pth_setup, pth_teardown),
        cmocka_unit_test_setup_teardown(test_flipped, pth_setup, pth_teardown),
    };
    return cmocka_run_group_tests_name("pth", tests, NULL, NULL);
}
