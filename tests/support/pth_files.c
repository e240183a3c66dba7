// SPDX-License-Identifier: MIT
//
// Files of torch.save for tests. See pth_files.h.

#include "support/pth_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "formats/archive.h"
#include "support/log.h"
#include "support/tree.h"

static const char *scratch_folder;
static char scratch[256];

void pth_use_folder(const char *folder)
{
    scratch_folder = folder;
    snprintf(scratch, sizeof(scratch), "%s/file.pth", folder);
}

const char *pth_folder(void)
{
    return scratch_folder;
}

const char *pth_scratch(void)
{
    return scratch;
}

unsigned pth_errors(void)
{
    return test_messages.errors;
}

void pth_forget_errors(void)
{
    test_messages.errors = 0;
}

const char *pth_last_message(void)
{
    return test_messages.last;
}

int pth_setup(void **state)
{
    (void)state;
    test_keep_messages(LOG_INFO);
    return file_make_folder(scratch_folder) ? 0 : -1;
}

int pth_teardown(void **state)
{
    (void)state;
    test_remove_tree(scratch);
    log_use(NULL);
    return 0;
}

void pth_write_scratch(const void *data, size_t size)
{
    FILE *stream = fopen(scratch, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(data, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

void pth_patch_scratch(size_t at, int byte)
{
    FILE *stream = fopen(scratch, "r+b");
    assert_non_null(stream);
    assert_int_equal(fseek(stream, (long)at, SEEK_SET), 0);
    assert_int_equal(fputc(byte, stream), byte);
    assert_int_equal(fclose(stream), 0);
}

bool pth_try_scratch(void)
{
    static const char *const parts[] = { "netG", NULL };
    test_messages.errors = 0;
    struct pth *p = pth_open(scratch, parts);
    bool ok = p != NULL;
    for (size_t i = 0; ok && i < pth_count(p); i++) {
        const struct pth_entry *e = pth_at(p, i);
        // As a caller does that knows its shapes.
        if (e->count > 1000)
            break;
        float values[1000];
        ok = pth_read(p, e, values);
    }
    pth_close(p);
    if (test_messages.errors != !ok)
        fail_msg("%u errors: %s", test_messages.errors, test_messages.last);
    return ok;
}

// ---------------------------------------------------------------------------
// Files made of pieces

static const float six[6] = { 0, 1, 2, 3, 4, 5 };

const void *pth_part_bytes(void *user, size_t part)
{
    return ((const struct pth_parts *)user)->bytes[part];
}

void pth_write_archive(const char *pickle, size_t size)
{
    const struct archive_part parts[] = { { "x/data.pkl", size },
                                          { "x/data/0", sizeof(six) },
                                          { "x/version", 2 } };
    struct pth_parts bytes = { { pickle, six, "3\n" } };
    assert_true(
        archive_write(scratch, parts, ARRAY_LEN(parts), pth_part_bytes, &bytes));
}

void pth_write_legacy(const char *pickle, size_t size)
{
    static const char head[] =
        PICKLE_START "\x8a\x0al\xfc\x9c\x46\xf9\x20j\xa8\x50\x19." PICKLE_START
                     "M\xe9\x03." PICKLE_START "}.";
    static const char keys[] = PICKLE_START "]X\1\0\0\0"
                                            "0a.\6\0\0\0\0\0\0";    // and a 0
    FILE *stream = fopen(scratch, "wb");
    assert_non_null(stream);
    fwrite(head, 1, sizeof(head) - 1, stream);
    fwrite(pickle, 1, size, stream);
    fwrite(keys, 1, sizeof(keys), stream);
    fwrite(six, 1, sizeof(six), stream);
    assert_int_equal(fclose(stream), 0);
}

static void check_hostile(const struct pth_hostile *h, size_t index, bool legacy)
{
    (legacy ? pth_write_legacy : pth_write_archive)(h->pickle, h->size);
    test_messages.errors = 0;
    struct pth *p = pth_open(scratch, NULL);
    // The older kind of file has a list of storages too, and finds some mistakes by it.
    const char *why = legacy && h->why ? "" : h->why;
    bool right =
        why ? !p && test_messages.errors == 1 && strstr(test_messages.last, why)
            : p != NULL;
    if (!right)
        fail_msg("pickle %d, %s: %s, %u errors, not \"%s\": %s", (int)index,
                 legacy ? "legacy" : "zip", p ? "taken" : "refused",
                 test_messages.errors, why ? why : "", test_messages.last);
    pth_close(p);
}

void pth_check_hostile(const struct pth_hostile *hostiles, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_hostile(&hostiles[i], i, false);
        check_hostile(&hostiles[i], i, true);
    }
}

// ---------------------------------------------------------------------------
// Checks

struct pth *pth_open_good(const char *path)
{
    struct pth *p = pth_open(path, NULL);
    if (!p)
        print_error("%s\n", test_messages.last);
    assert_non_null(p);
    assert_int_equal(test_messages.errors, 0);
    assert_true(pth_looks_like(path));
    return p;
}

float *pth_read_good(struct pth *p, const struct pth_entry *e)
{
    float *values = calloc(e->count + 1, sizeof(*values));
    assert_non_null(values);
    if (!pth_read(p, e, values))
        print_error("%s\n", test_messages.last);
    assert_int_equal(test_messages.errors, 0);
    return values;
}

void pth_check_entry(struct pth *p, const char *name, const char *kind,
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
    float *values = pth_read_good(p, e);
    for (uint64_t i = 0; i < e->count; i++)
        if (values[i] != (float)i - first)
            fail_msg("%s[%d] is %g", name, (int)i, (double)values[i]);
    free(values);
}

void pth_check_values(struct pth *p, const char *name, const float *wanted,
                      size_t count)
{
    const struct pth_entry *e = pth_find(p, name);
    assert_non_null(e);
    assert_int_equal(e->count, count);
    float *values = pth_read_good(p, e);
    for (size_t i = 0; i < count; i++)
        if (memcmp(&values[i], &wanted[i], sizeof(*values)) != 0)
            fail_msg("%s[%d] is %.9g, not %.9g", name, (int)i, (double)values[i],
                     (double)wanted[i]);
    free(values);
}

void pth_check_network(struct pth *p, bool counted)
{
    static const char *const vectors[] = { "1.weight", "1.bias", "1.running_mean",
                                           "1.running_var" };
    static const float seven = 7;
    assert_int_equal(pth_count(p), counted ? 6 : 5);
    assert_string_equal(pth_at(p, 0)->name, "0.weight");    // the order of the file
    pth_check_entry(p, "0.weight", "F32", "3x2x2x2", 2.5f);
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
        pth_check_entry(p, vectors[i], "F32", "3", 2.5f);
    if (counted) {
        pth_check_values(p, "1.num_batches_tracked", &seven, 1);
        assert_int_equal(pth_find(p, "1.num_batches_tracked")->rank, 0);
    }
    assert_null(pth_find(p, "1.weigh"));
    assert_null(pth_find(p, ""));
}

void pth_check_refused(const char *path, const char *why)
{
    test_messages.errors = 0;
    struct pth *p = pth_open(path, NULL);
    if (p || test_messages.errors != 1 || !strstr(test_messages.last, why))
        fail_msg("%s: %s, %u errors, not \"%s\": %s", path, p ? "taken" : "refused",
                 test_messages.errors, why, test_messages.last);
}
