// SPDX-License-Identifier: MIT
//
// Which dictionary of a file is taken, and that tensors reach no further than their
// storages.

#include "formats/pth_tensors.h"

#include "support/pth_files.h"

static void test_chooses_dictionary(void **state)
{
    (void)state;
    static const char *const g[] = { "netG", "other", NULL };
    static const char *const d[] = { "other", "netD", NULL };
    // The file has one of netD, and one of netG with the prefix of a wrapper.
    struct pth *p = pth_open(PTH_FIXTURE("nested.pth"), g);
    assert_non_null(p);
    assert_int_equal(pth_count(p), 5);
    pth_check_entry(p, "module.0.weight", "F32", "3x2x2x2", 2.5f);
    pth_check_entry(p, "module.1.running_var", "F32", "3", 2.5f);
    pth_close(p);
    p = pth_open(PTH_FIXTURE("nested.pth"), d);
    assert_non_null(p);
    assert_int_equal(pth_count(p), 1);
    pth_check_entry(p, "0.weight", "F32", "4", 2.5f);
    pth_close(p);
    pth_check_refused(PTH_FIXTURE("nested.pth"), "several dictionaries");
    pth_check_refused(PTH_FIXTURE("two_parts.pth"), "(first, second)");
}

static const struct pth_hostile hostiles[] = {
    PTH_HOSTILE(PICKLE_START "}.", "holds no tensors"),
    PTH_HOSTILE(PICKLE_START "K\1.", "something else"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0aK\1s.", "holds no tensors"),
    PTH_HOSTILE(PICKLE_START "}(X\1\0\0\0a" PICKLE_GOOD "X\1\0\0\0a" PICKLE_GOOD "u.",
                "a is there twice"),
    PTH_HOSTILE(PICKLE_START "}(X\1\0\0\0a" PICKLE_GOOD
                             "X\x08\0\0\0module.a" PICKLE_GOOD "u.",
                NULL),
    PTH_HOSTILE(PICKLE_START "}K\1" PICKLE_GOOD "s.", "no usable name"),
    PTH_HOSTILE(PICKLE_START "}X\2\0\0\0a\0" PICKLE_GOOD "s.", "no usable name"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR PICKLE_STORAGE
                             "K\0K\7\x85K\1\x85" PICKLE_REST "s.",
                "beyond its storage"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR PICKLE_STORAGE
                             "K\1K\6\x85K\1\x85" PICKLE_REST "s.",
                "beyond its storage"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR PICKLE_STORAGE
                             "K\6K\1\x85K\1\x85" PICKLE_REST "s.",
                "beyond its storage"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR PICKLE_STORAGE
                             "K\0K\2\x85K\6\x85" PICKLE_REST "s.",
                "beyond its storage"),
    PTH_HOSTILE(PICKLE_START
                "}X\1\0\0\0a" PICKLE_TENSOR PICKLE_STORAGE
                "K\0K\3\x85\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85" PICKLE_REST
                "s.",
                "beyond its storage"),
    PTH_HOSTILE(PICKLE_START
                "}X\1\0\0\0a" PICKLE_TENSOR PICKLE_STORAGE
                "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\1\x85K\1\x85" PICKLE_REST
                "s.",
                "beyond its storage"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR PICKLE_STORAGE
                             "J\xff\xff\xff\xffK\6\x85K\1\x85" PICKLE_REST "s.",
                "no usable shape"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR PICKLE_STORAGE
                             "K\0J\xfa\xff\xff\xff\x85K\1\x85" PICKLE_REST "s.",
                "no usable shape"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR PICKLE_STORAGE
                             "K\0K\6\x85\x8a\1\xff\x85" PICKLE_REST "s.",
                "no usable shape"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR PICKLE_STORAGE
                             "K\0K\6\x85)" PICKLE_REST "s.",
                "no usable shape"),
    PTH_HOSTILE(
        PICKLE_START
        "}X\1\0\0\0a" PICKLE_TENSOR PICKLE_STORAGE
        "K\0(K\1K\1K\1K\1K\1K\1K\1K\1K\1t(K\1K\1K\1K\1K\1K\1K\1K\1K\1t" PICKLE_REST
        "s.",
        "no usable shape"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR PICKLE_STORAGE
                             "K\0J\xff\xff\xff\x7fJ\xff\xff\xff\x7f"
                             "J\xff\xff\xff\x7f\x87K\0K\0K\0\x87" PICKLE_REST "s.",
                "no usable shape"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR PICKLE_STORAGE
                             "K\0J\xff\xff\xff\x7f\x85K\0\x85" PICKLE_REST "s.",
                "more values than its storage"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR "K\0K\6\x85K\1\x85" PICKLE_REST
                             "s.",
                "unknown kind"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0actorch._utils\n_rebuild_tensor_v2\n)Rs.",
                "unknown kind"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0actorch._utils\n_rebuild_parameter\n)Rs.",
                "holds no tensors"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0actorch\nFloatStorage\n)Rs.",
                "holds no tensors"),
    // Storages whose size differs from the file, that do not fit it, of unknown kinds,
    // a part of another one, and one that is missing.
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR
                             "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                             "0X\3\0\0\0cpuK\5tQ"
                             "K\0K\5\x85K\1\x85" PICKLE_REST "s.",
                "size"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR
                             "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                             "0X\3\0\0\0cpuJ\xff\xff\xff\x7ftQ"
                             "K\0K\6\x85K\1\x85" PICKLE_REST "s.",
                "more than the file can hold"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR
                             "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                             "0X\3\0\0\0cpuJ\xff\xff\xff\xfftQ"
                             "K\0K\6\x85K\1\x85" PICKLE_REST "s.",
                "unknown kind"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR
                             "(X\7\0\0\0storageccollections\nOrderedDict\n"
                             "X\1\0\0\0"
                             "0X\3\0\0\0cpuK\6tQ"
                             "K\0K\6\x85K\1\x85" PICKLE_REST "s.",
                "unknown kind"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR
                             "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                             "0X\3\0\0\0cpuK\6X\1\0\0\0vtQ"
                             "K\0K\6\x85K\1\x85" PICKLE_REST "s.",
                "part of another"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR
                             "(X\7\0\0\0storagectorch\nQInt8Storage\n"
                             "X\1\0\0\0"
                             "0X\3\0\0\0cpuK\6tQ"
                             "K\0K\6\x85K\1\x85" PICKLE_REST "s.",
                "torch.QInt8Storage"),
    PTH_HOSTILE(PICKLE_START "}X\1\0\0\0a" PICKLE_TENSOR
                             "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                             "9X\3\0\0\0cpuK\6tQ"
                             "K\0K\6\x85K\1\x85" PICKLE_REST "s.",
                "no values in the file"),
};

static void test_hostile_tensors(void **state)
{
    (void)state;
    pth_check_hostile(hostiles, ARRAY_LEN(hostiles));
}

int main(void)
{
    pth_use_folder("test_pth_tensors.scratch");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_chooses_dictionary, pth_setup,
                                        pth_teardown),
        cmocka_unit_test_setup_teardown(test_hostile_tensors, pth_setup, pth_teardown),
    };
    return cmocka_run_group_tests_name("pth_tensors", tests, NULL, NULL);
}
