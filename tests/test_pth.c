// SPDX-License-Identifier: MIT
//
// Files that PyTorch wrote, in all of its ways, are read; what is written can be read
// back, and by PyTorch where it is installed; and nothing that stands in a file does
// harm.

#include "formats/pth.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "formats/archive.h"

#define FOLDER "test_pth.scratch"
#define SCRATCH FOLDER "/file.pth"
#define FIXTURE(name) (TEST_FIXTURES "/pth/" name)

static char last_text[4096];
static unsigned errors;

static void keep_message(void *user, enum log_level level, const char *text)
{
    (void)user;
    errors += level == LOG_ERROR;
    snprintf(last_text, sizeof(last_text), "%s", text);
}

static const struct log_sink sink = { keep_message, NULL, LOG_INFO };

static int setup(void **state)
{
    (void)state;
    log_use(&sink);
    last_text[0] = '\0';
    errors = 0;
    return file_make_folder(FOLDER) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    file_remove(SCRATCH);
    log_use(NULL);
    return 0;
}

// ---------------------------------------------------------------------------
// Reading and comparing

static struct pth *open_good(const char *path, const char *part)
{
    struct pth *p = pth_open(path, part);
    if (!p)
        print_error("%s\n", last_text);
    assert_non_null(p);
    assert_int_equal(errors, 0);
    assert_true(pth_looks_like(path));
    return p;
}

static float *read_values(struct pth *p, const struct pth_entry *e)
{
    float *values = calloc(e->count + 1, sizeof(*values));
    assert_non_null(values);
    if (!pth_read(p, e, values))
        print_error("%s\n", last_text);
    assert_int_equal(errors, 0);
    return values;
}

// What fixtures hold, see make_pth.py: value i is i - first.
static void check_entry(struct pth *p, const char *name, const char *kind,
                        const char *sides, float first)
{
    char text[64] = "";
    const struct pth_entry *e = pth_find(p, name);
    if (!e)
        print_error("no %s\n", name);
    assert_non_null(e);
    assert_string_equal(e->name, name);
    assert_string_equal(e->kind, kind);
    for (uint32_t i = 0; i < e->rank; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d", i ? "x" : "",
                 (int)e->sides[i]);
    assert_string_equal(text, sides);
    float *values = read_values(p, e);
    for (uint64_t i = 0; i < e->count; i++)
        if (values[i] != (float)i - first)
            fail_msg("%s[%d] is %g", name, (int)i, (double)values[i]);
    free(values);
}

static void check_values(struct pth *p, const char *name, const float *wanted,
                         size_t count)
{
    const struct pth_entry *e = pth_find(p, name);
    assert_non_null(e);
    assert_int_equal(e->count, count);
    float *values = read_values(p, e);
    for (size_t i = 0; i < count; i++)
        if (memcmp(&values[i], &wanted[i], sizeof(*values)) != 0)
            fail_msg("%s[%d] is %.9g, not %.9g", name, (int)i, (double)values[i],
                     (double)wanted[i]);
    free(values);
}

static void check_network(struct pth *p, bool counted)
{
    static const char *const vectors[] = { "1.weight", "1.bias", "1.running_mean",
                                           "1.running_var" };
    static const float seven = 7;
    assert_int_equal(pth_count(p), counted ? 6 : 5);
    assert_string_equal(pth_at(p, 0)->name, "0.weight");    // the order of the file
    check_entry(p, "0.weight", "F32", "3x2x2x2", 2.5f);
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        check_entry(p, vectors[i], "F32", "3", 2.5f);
    if (counted) {
        check_values(p, "1.num_batches_tracked", &seven, 1);
        assert_int_equal(pth_find(p, "1.num_batches_tracked")->rank, 0);
    }
    assert_null(pth_find(p, "1.weigh"));
    assert_null(pth_find(p, ""));
}

static void test_reads_networks(void **state)
{
    static const char *const paths[] = {
        FIXTURE("network.pth"),          FIXTURE("network_legacy.pth"),
        FIXTURE("protocol3.pth"),        FIXTURE("protocol4.pth"),
        FIXTURE("protocol5.pth"),        FIXTURE("unsummed.pth"),
        FIXTURE("protocol4_legacy.pth"),
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct pth *p = open_good(paths[i], NULL);
        assert_string_equal(pth_part(p), "");
        check_network(p, true);
        pth_close(p);
    }
}

static void test_reads_kinds(void **state)
{
    static const char *const paths[] = { FIXTURE("kinds.pth"),
                                         FIXTURE("kinds_legacy.pth") };
    static const float bytes[] = { 0, 1, 2, 3, 4, 5 }, truths[] = { 1, 0, 1 };
    static const float halves[] = {
        0.0f,     -0.0f,     5.9604644775390625e-8f, 65504.0f,
        INFINITY, -INFINITY, 6.198883056640625e-5f,  0.333251953125f,
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct pth *p = open_good(paths[i], NULL);
        assert_int_equal(pth_count(p), 11);
        check_entry(p, "float32", "F32", "2x3", 2.5f);
        check_entry(p, "float64", "F64", "2x3", 2.5f);
        check_entry(p, "float16", "F16", "2x3", 2.5f);
        check_entry(p, "bfloat16", "BF16", "2x3", 2.5f);
        check_entry(p, "int64", "I64", "2x3", 2);
        check_entry(p, "int32", "I32", "2x3", 2);
        check_entry(p, "int16", "I16", "2x3", 2);
        check_entry(p, "int8", "I8", "2x3", 2);
        check_values(p, "uint8", bytes, 6);
        check_values(p, "bool", truths, 3);
        check_values(p, "half_edges", halves, ARRAY_LEN(halves));
        pth_close(p);
    }
}

static void test_reads_views(void **state)
{
    static const char *const paths[] = { FIXTURE("views.pth"),
                                         FIXTURE("views_legacy.pth") };
    static const float column[] = { -0.5f, 5.5f, 11.5f, 17.5f };
    static const float repeated[] = { -2.5f, -2.5f, -2.5f, -2.5f, -2.5f };
    static const float every_other[] = { -1.5f, 0.5f, 2.5f, 10.5f, 12.5f, 14.5f };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct pth *p = open_good(paths[i], NULL);
        float transposed[24], rows[12];
        for (int k = 0; k < 24; k++)
            transposed[k] = (float)(k % 4 * 6 + k / 4) - 2.5f;
        for (int k = 0; k < 12; k++)
            rows[k] = (float)k + 3.5f;
        check_entry(p, "whole", "F32", "4x6", 2.5f);
        check_values(p, "transposed", transposed, 24);
        check_values(p, "column", column, 4);
        check_values(p, "rows", rows, 12);
        check_values(p, "every_other", every_other, 6);
        check_values(p, "repeated", repeated, 5);
        check_entry(p, "channels_last", "F32", "2x3x2x2", 2.5f);
        check_entry(p, "scalar", "F32", "", 2.5f);
        check_entry(p, "empty", "F32", "0x3", 0);
        check_entry(p, "parameter", "F32", "2x2", 2.5f);
        pth_close(p);
    }
}

static void refused(const char *path, const char *part, const char *why)
{
    errors = 0;
    struct pth *p = pth_open(path, part);
    if (p || errors != 1 || !strstr(last_text, why))
        fail_msg("%s: %s, %u errors, not \"%s\": %s", path, p ? "taken" : "refused",
                 errors, why, last_text);
}

static void test_chooses_part(void **state)
{
    (void)state;
    struct pth *p = open_good(FIXTURE("nested.pth"), NULL);
    assert_string_equal(pth_part(p), "netG");
    check_network(p, false);    // without the wrapper's prefix
    pth_close(p);
    p = open_good(FIXTURE("nested.pth"), "netD");
    assert_string_equal(pth_part(p), "netD");
    assert_int_equal(pth_count(p), 1);
    check_entry(p, "0.weight", "F32", "4", 2.5f);
    pth_close(p);
    p = open_good(FIXTURE("two_parts.pth"), "second");
    check_network(p, false);
    pth_close(p);
    refused(FIXTURE("nested.pth"), "netX", "netX; it has some in: netD, netG");
    refused(FIXTURE("two_parts.pth"), NULL, "first, second");
}

static void test_refuses_other_files(void **state)
{
    (void)state;
    refused(FIXTURE("no_dictionary.pth"), NULL, "a tensor without a name");
    refused(FIXTURE("complex.pth"), NULL, "torch.ComplexFloatStorage");
    refused(FIXTURE("deflated.pth"), NULL, "compressed");
    refused(FIXTURE("missing.pth"), NULL, "does not exist");
    refused(FOLDER, NULL, "is not a file");
    refused(TEST_FIXTURES "/make_pth.py", NULL, "begins as neither");
    assert_false(pth_looks_like(TEST_FIXTURES "/make_pth.py"));
    assert_false(pth_looks_like(FOLDER));
    assert_false(pth_looks_like(FIXTURE("missing.pth")));
    assert_true(file_write(SCRATCH, "", 0));
    refused(SCRATCH, NULL, "begins as neither");
    assert_false(pth_looks_like(SCRATCH));
}

// ---------------------------------------------------------------------------
// Damage

static void write_scratch(const void *data, size_t size)
{
    FILE *stream = fopen(SCRATCH, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(data, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

static void patch_scratch(size_t at, int byte)
{
    FILE *stream = fopen(SCRATCH, "r+b");
    assert_non_null(stream);
    assert_int_equal(fseek(stream, (long)at, SEEK_SET), 0);
    assert_int_equal(fputc(byte, stream), byte);
    assert_int_equal(fclose(stream), 0);
}

// Opens and reads all: what fails has one message. True if nothing failed.
static bool try_scratch(void)
{
    errors = 0;
    struct pth *p = pth_open(SCRATCH, NULL);
    bool ok = p != NULL;
    for (size_t i = 0; ok && i < pth_count(p); i++) {
        const struct pth_entry *e = pth_at(p, i);
        // As an owner does who knows its shapes.
        if (e->count > 1000)
            break;
        float values[1000];
        ok = pth_read(p, e, values);
    }
    pth_close(p);
    if (errors != !ok)
        fail_msg("%u errors: %s", errors, last_text);
    return ok;
}

static void test_truncated(void **state)
{
    static const char *const paths[] = { FIXTURE("network.pth"),
                                         FIXTURE("network_legacy.pth"),
                                         FIXTURE("nested.pth") };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        void *data;
        size_t size;
        assert_true(file_read(paths[i], &data, &size));
        write_scratch(data, size);
        assert_true(try_scratch());
        for (size_t length = size; length-- > 0;) {
            assert_true(os_file_truncate(SCRATCH, length));
            if (try_scratch())
                fail_msg("%s is read from %d bytes", paths[i], (int)length);
        }
        mem_free(data);
    }
}

static void test_flipped(void **state)
{
    static const char *const paths[] = { FIXTURE("network.pth"),
                                         FIXTURE("network_legacy.pth"),
                                         FIXTURE("views_legacy.pth"),
                                         FIXTURE("nested.pth") };
    static const uint8_t masks[] = { 0xff, 0x01, 0x10 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        uint8_t *data;
        size_t size, taken = 0;
        void *bytes;
        assert_true(file_read(paths[i], &bytes, &size));
        data = bytes;
        write_scratch(data, size);
        for (size_t at = 0; at < size; at++) {
            for (size_t k = 0; k < ARRAY_LEN(masks); k++) {
                patch_scratch(at, data[at] ^ masks[k]);
                taken += try_scratch();
            }
            patch_scratch(at, data[at]);
        }
        // Not all of a file matters, but much of it does.
        assert_true(taken > 0 && taken < size * ARRAY_LEN(masks));
        mem_free(data);
    }
}

static void test_damaged_values(void **state)
{
    // Values of a record do not match its checksum: the last bytes of 0.weight.
    void *data;
    size_t size, at = 0;
    (void)state;
    assert_true(file_read(FIXTURE("network.pth"), &data, &size));
    const float last = 21.5f - 1;
    uint8_t *bytes = data, wanted[4];
    memcpy(wanted, &last, sizeof(wanted));
    while (at + 4 <= size && memcmp(bytes + at, wanted, 4) != 0)
        at++;
    assert_true(at + 4 <= size);
    bytes[at] ^= 1;
    write_scratch(data, size);
    assert_false(try_scratch());
    assert_non_null(strstr(last_text, "CRC"));
    mem_free(data);
}

// ---------------------------------------------------------------------------
// Hostile pickles

#define P2 "\x80\x02"
#define STORAGE                                                                        \
    "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"                                 \
    "0X\3\0\0\0cpuK\6tQ"
#define TENSOR "ctorch._utils\n_rebuild_tensor_v2\n("
#define REST "\x89}tR"    // behind the strides
#define GOOD TENSOR STORAGE "K\0K\6\x85K\1\x85" REST

struct hostile {
    const char *pickle;
    size_t size;
    const char *why;    // NULL: it is fine
};

#define HOSTILE(pickle, why)                                                           \
    {                                                                                  \
        pickle, sizeof(pickle) - 1, why                                                \
    }

static const struct hostile hostiles[] = {
    HOSTILE(P2 "}X\1\0\0\0a" GOOD "s.", NULL),
    HOSTILE(P2 "cos\nsystem\nX\2\0\0\0ls\x85R.", "os.system"),
    HOSTILE(P2 "X\2\0\0\0osX\6\0\0\0system\x93.", "os.system"),
    HOSTILE(P2 "c\x1b[2J\n\x07\n.", "?[2J.?"),
    HOSTILE(P2 "c__builtin__\neval\n.", "__builtin__.eval"),
    HOSTILE(P2 "cos", "cut short"),
    HOSTILE(P2 "(ios\nsystem\n.", "opcode 0x69"),
    HOSTILE(P2 "(oR.", "opcode 0x6f"),
    HOSTILE(P2 "\x82\1.", "opcode 0x82"),
    HOSTILE(P2 "P1\n.", "opcode 0x50"),
    HOSTILE("\x80\x06}.", "protocol"),
    HOSTILE(P2 "]q\0h\0a.", "contains itself"),
    HOSTILE(P2 "}q\0X\1\0\0\0ah\0s.", "contains itself"),
    HOSTILE(P2 "]q\0]q\1h\0a0h\0h\1a.", "contains itself"),
    HOSTILE(P2 "]q\0h\0Q0]q\1h\1a.", "contains itself"),
    HOSTILE(P2 ".", "value is missing"),
    HOSTILE(P2 "0.", "value is missing"),
    HOSTILE(P2 "R.", "value is missing"),
    HOSTILE(P2 "t.", "mark is missing"),
    HOSTILE(P2 "(.", "value is missing"),
    HOSTILE(P2 "(u.", "value is missing"),
    HOSTILE(P2 "}(K\1u.", "no dictionary"),
    HOSTILE(P2 "](K\1K\2u.", "no dictionary"),
    HOSTILE(P2 "}(K\1K\2e.", "no list"),
    HOSTILE(P2 "}}b.", "attributes"),
    HOSTILE(P2 "K\1K\1R.", "no name"),
    HOSTILE(P2 "h\7.", "does not have"),
    HOSTILE(P2 "}r\xff\xff\xff\xff.", "numbers too many"),
    HOSTILE(P2 "X\xff\xff\xff\xff.", "cut short"),
    HOSTILE(P2 "\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "cut short"),
    HOSTILE(P2 "\x8b\xff\xff\xff\xff.", "cut short"),
    HOSTILE(P2 "}.", "holds no tensors"),
    HOSTILE(P2 "K\1.", "something else"),
    HOSTILE(P2 "}X\1\0\0\0aK\1s.", "holds no tensors"),
    HOSTILE(P2 "}(X\1\0\0\0a" GOOD "X\1\0\0\0a" GOOD "u.", "a is there twice"),
    HOSTILE(P2 "}(X\1\0\0\0a" GOOD "X\x08\0\0\0module.a" GOOD "u.", "a is there twice"),
    HOSTILE(P2 "}K\1" GOOD "s.", "no usable name"),
    HOSTILE(P2 "}X\2\0\0\0a\0" GOOD "s.", "no usable name"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR STORAGE "K\0K\7\x85K\1\x85" REST "s.",
            "beyond its storage"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR STORAGE "K\1K\6\x85K\1\x85" REST "s.",
            "beyond its storage"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR STORAGE "K\6K\1\x85K\1\x85" REST "s.",
            "beyond its storage"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR STORAGE "K\0K\2\x85K\6\x85" REST "s.",
            "beyond its storage"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR STORAGE
               "K\0K\3\x85\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85" REST "s.",
            "beyond its storage"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR STORAGE
               "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\1\x85K\1\x85" REST "s.",
            "beyond its storage"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR STORAGE "J\xff\xff\xff\xffK\6\x85K\1\x85" REST "s.",
            "no usable shape"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR STORAGE "K\0J\xfa\xff\xff\xff\x85K\1\x85" REST "s.",
            "no usable shape"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR STORAGE "K\0K\6\x85\x8a\1\xff\x85" REST "s.",
            "no usable shape"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR STORAGE "K\0K\6\x85)" REST "s.", "no usable shape"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR STORAGE
               "K\0(K\1K\1K\1K\1K\1K\1K\1K\1K\1t(K\1K\1K\1K\1K\1K\1K\1K\1K\1t" REST
               "s.",
            "no usable shape"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR STORAGE "K\0J\xff\xff\xff\x7fJ\xff\xff\xff\x7f"
               "J\xff\xff\xff\x7f\x87K\0K\0K\0\x87" REST "s.",
            "no usable shape"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR STORAGE "K\0J\xff\xff\xff\x7f\x85K\0\x85" REST "s.",
            "more values than its storage"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR "K\0K\6\x85K\1\x85" REST "s.", "no known kind"),
    HOSTILE(P2 "}X\1\0\0\0actorch._utils\n_rebuild_tensor_v2\n)Rs.", "no known kind"),
    HOSTILE(P2 "}X\1\0\0\0actorch._utils\n_rebuild_parameter\n)Rs.",
            "holds no tensors"),
    HOSTILE(P2 "}X\1\0\0\0actorch\nFloatStorage\n)Rs.", "holds no tensors"),
    // Storages: of another size than the file has, of none, of no kind, a part.
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
               "0X\3\0\0\0cpuK\5tQ"
               "K\0K\5\x85K\1\x85" REST "s.",
            "size"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
               "0X\3\0\0\0cpuJ\xff\xff\xff\x7ftQ"
               "K\0K\6\x85K\1\x85" REST "s.",
            "more than fit the file"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
               "0X\3\0\0\0cpuJ\xff\xff\xff\xfftQ"
               "K\0K\6\x85K\1\x85" REST "s.",
            "no known kind"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR "(X\7\0\0\0storageccollections\nOrderedDict\n"
               "X\1\0\0\0"
               "0X\3\0\0\0cpuK\6tQ"
               "K\0K\6\x85K\1\x85" REST "s.",
            "no known kind"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
               "0X\3\0\0\0cpuK\6X\1\0\0\0vtQ"
               "K\0K\6\x85K\1\x85" REST "s.",
            "part of another"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR "(X\7\0\0\0storagectorch\nQInt8Storage\n"
               "X\1\0\0\0"
               "0X\3\0\0\0cpuK\6tQ"
               "K\0K\6\x85K\1\x85" REST "s.",
            "torch.QInt8Storage"),
    HOSTILE(P2 "}X\1\0\0\0a" TENSOR "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
               "9X\3\0\0\0cpuK\6tQ"
               "K\0K\6\x85K\1\x85" REST "s.",
            "no values in the file"),
};

static const float six[6] = { 0, 1, 2, 3, 4, 5 };

struct parts {
    const void *bytes[3];
};

static const void *part_bytes(void *user, size_t part)
{
    return ((const struct parts *)user)->bytes[part];
}

static void write_archive(const char *pickle, size_t size)
{
    const struct archive_part parts[] = { { "x/data.pkl", size },
                                          { "x/data/0", sizeof(six) },
                                          { "x/version", 2 } };
    struct parts bytes = { { pickle, six, "3\n" } };
    assert_true(archive_write(SCRATCH, parts, ARRAY_LEN(parts), part_bytes, &bytes));
}

static void write_legacy(const char *pickle, size_t size)
{
    static const char head[] =
        P2 "\x8a\x0al\xfc\x9c\x46\xf9\x20j\xa8\x50\x19." P2 "M\xe9\x03." P2 "}.";
    static const char keys[] = P2 "]X\1\0\0\0"
                                  "0a.\6\0\0\0\0\0\0";    // and a 0
    FILE *stream = fopen(SCRATCH, "wb");
    assert_non_null(stream);
    fwrite(head, 1, sizeof(head) - 1, stream);
    fwrite(pickle, 1, size, stream);
    fwrite(keys, 1, sizeof(keys), stream);
    fwrite(six, 1, sizeof(six), stream);
    assert_int_equal(fclose(stream), 0);
}

static void check_hostile(const struct hostile *h, bool legacy)
{
    (legacy ? write_legacy : write_archive)(h->pickle, h->size);
    errors = 0;
    struct pth *p = pth_open(SCRATCH, NULL);
    // The older kind of file has a list of storages too, and tells some things by that.
    const char *why = legacy && h->why ? "" : h->why;
    bool right = why ? !p && errors == 1 && strstr(last_text, why) : p != NULL;
    if (!right)
        fail_msg("pickle %d, %s: %s, %u errors, not \"%s\": %s", (int)(h - hostiles),
                 legacy ? "legacy" : "zip", p ? "taken" : "refused", errors,
                 why ? why : "", last_text);
    pth_close(p);
}

static void test_hostile_pickles(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hostiles); i++) {
        check_hostile(&hostiles[i], false);
        check_hostile(&hostiles[i], true);
    }
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
    write_archive(text, size);
    refused(SCRATCH, NULL, "nested too deeply");
    free(text);

    // 90 tuples, each with the one before twice: 2^90 ways lead to the first.
    text = repeat("]", "q\0h\0\x86", 5, 90, ".", &size);
    write_archive(text, size);
    refused(SCRATCH, NULL, "something else");
    free(text);

    // The same with dictionaries, which are searched for tensors.
    text = repeat("}", "q\0}(X\1\0\0\0ah\0X\1\0\0\0bh\0u", 21, 90, ".", &size);
    write_archive(text, size);
    refused(SCRATCH, NULL, "holds no tensors");
    free(text);

    text = repeat("", "N", 1, 300000, ".", &size);
    write_archive(text, size);
    refused(SCRATCH, NULL, "too many values are waiting");
    free(text);

    text = repeat("", "N0", 2, 1100000, ".", &size);
    write_archive(text, size);
    refused(SCRATCH, NULL, "too many values");
    free(text);
}

static void test_hostile_legacy(void **state)
{
    static const char good[] = P2 "}X\1\0\0\0a" GOOD "s.";
    uint8_t *bytes;
    void *data;
    size_t size, at;
    (void)state;
    write_legacy(good, sizeof(good) - 1);
    assert_true(try_scratch());
    assert_true(file_read(SCRATCH, &data, &size));
    bytes = data;
    at = size - sizeof(six) - 8;    // of the count

    bytes[at] = 7;
    write_scratch(data, size);
    refused(SCRATCH, NULL, "storage 0 has two sizes");
    memset(bytes + at, 0xff, 8);
    write_scratch(data, size);
    refused(SCRATCH, NULL, "storage 0 has two sizes");
    memset(bytes + at, 0, 8);
    bytes[at] = 6;
    bytes[at - 3] = '1';    // the key
    write_scratch(data, size);
    refused(SCRATCH, NULL, "used by no tensor");
    bytes[at - 3] = '0';
    write_scratch(data, size - 1);
    refused(SCRATCH, NULL, "cut short");
    bytes[18] ^= 1;    // the version
    write_scratch(data, size);
    refused(SCRATCH, NULL, "version");
    mem_free(data);
}

static void put_little(uint8_t *to, uint64_t number, int size)
{
    for (int i = 0; i < size; i++)
        to[i] = (uint8_t)(number >> (8 * i));
}

static void test_hostile_archives(void **state)
{
    static const char good[] = P2 "}X\1\0\0\0a" GOOD "s.";
    static const uint32_t sizes[] = { 0xfffffff0u, 0x7fffffffu, 25, 23, 0 };
    uint8_t *bytes;
    void *data;
    size_t size;
    (void)state;
    write_archive(good, sizeof(good) - 1);
    assert_true(try_scratch());
    assert_true(file_read(SCRATCH, &data, &size));
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
                write_scratch(data, size);
                bool taken = try_scratch();
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
    write_scratch(data, size);
    assert_false(try_scratch());
    mem_free(data);
    // No record at all, and none that matters.
    write_scratch("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
    refused(SCRATCH, NULL, "no data.pkl");
    const struct archive_part other = { "data.pkl", 2 };
    struct parts other_bytes = { { "3\n" } };
    assert_true(archive_write(SCRATCH, &other, 1, part_bytes, &other_bytes));
    refused(SCRATCH, NULL, "no data.pkl");
}

// ---------------------------------------------------------------------------
// Writing

static const struct pth_tensor written[] = {
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
        ((float *)data)[i] = (float)i / 4;
    return true;
}

static void write_network(const char *path)
{
    struct asked a = { 0, SIZE_MAX };
    if (!pth_write(path, written, ARRAY_LEN(written), give_values, &a))
        fail_msg("%s", last_text);
    assert_int_equal(a.count, ARRAY_LEN(written));
    assert_int_equal(errors, 0);
}

static void test_round_trip(void **state)
{
    (void)state;
    write_network(SCRATCH);
    struct pth *p = open_good(SCRATCH, NULL);
    assert_int_equal(pth_count(p), ARRAY_LEN(written));
    for (size_t i = 0; i < ARRAY_LEN(written); i++) {
        const struct pth_entry *e = pth_at(p, i);
        assert_string_equal(e->name, written[i].name);
        assert_string_equal(e->kind, written[i].kind);
        assert_int_equal(e->rank, written[i].rank);
        for (uint32_t k = 0; k < e->rank; k++)
            assert_int_equal(e->sides[k], written[i].sides[k]);
        float *values = read_values(p, e);
        for (size_t k = 0; k < e->count; k++)
            assert_true(values[k] == (e->rank ? (float)k / 4 : 5e9f));
        free(values);
    }
    pth_close(p);
}

static void test_writes_the_same(void **state)
{
    void *first, *second;
    size_t size, second_size, records = 0;
    (void)state;
    write_network(SCRATCH);
    assert_true(file_read(SCRATCH, &first, &size));
    write_network(SCRATCH);
    assert_true(file_read(SCRATCH, &second, &second_size));
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

// Hidden ones as well.
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
    write_network(SCRATCH);
    assert_true(file_read(SCRATCH, &before, &size));
    for (size_t broken = 0; broken < ARRAY_LEN(written); broken++) {
        struct asked a = { 0, broken };
        errors = 0;
        assert_false(pth_write(SCRATCH, written, ARRAY_LEN(written), give_values, &a));
        assert_int_equal(errors, 1);
        assert_string_equal(last_text, "no values");
    }
    // The old file is as it was, and alone.
    assert_true(file_read(SCRATCH, &after, &size_after));
    assert_int_equal(size, size_after);
    assert_memory_equal(before, after, size);
    size_t names = 0;
    assert_true(os_folder_list(FOLDER, count_name, &names));
    assert_int_equal(names, 1);
    mem_free(before);
    mem_free(after);

    struct asked a = { 0, SIZE_MAX };
    errors = 0;
    assert_false(pth_write(FOLDER "/none/file.pth", written, ARRAY_LEN(written),
                           give_values, &a));
    assert_int_equal(errors, 1);
    assert_int_equal(a.count, 0);
}

static void test_pytorch_reads(void **state)
{
    (void)state;
    write_network(SCRATCH);
    // What is preloaded for this program is not for another one.
    int status = system("unset LD_PRELOAD; [ -x /usr/bin/python3 ] || exit 77; "
                        "/usr/bin/python3 '" TEST_SUPPORT "/load_pth.py' " SCRATCH);
    if (status == 77 << 8) {
        print_message("skipped: there is no PyTorch to read the file\n");
        skip();
    }
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads_networks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reads_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reads_views, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chooses_part, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_other_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flipped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile_pickles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile_nesting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile_legacy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile_archives, setup, teardown),
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writes_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gives_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pytorch_reads, setup, teardown),
    };
    return cmocka_run_group_tests_name("pth", tests, NULL, NULL);
}
