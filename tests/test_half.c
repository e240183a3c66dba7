// SPDX-License-Identifier: MIT
//
// Floats of 16 bits: how they are rounded, that `convert` writes what PyTorch's half()
// gives, and that they are read from files of every kind.

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sum.h"
#include "formats/pth.h"
#include "formats/safetensors.h"
#include "store/convert.h"
#include "store/tensor_file.h"
#include "store/weight_names.h"
#include "support/network_files.h"
#include "support/tree.h"

#define FOLDER "test_half.scratch"
#define FULL FOLDER "/full.pth"
#define HALF_PTH FOLDER "/half.pth"
#define HALF_SAFE FOLDER "/half.safetensors"
#define AGAIN_PTH FOLDER "/again.pth"
#define AGAIN_SAFE FOLDER "/again.safetensors"

// ---------------------------------------------------------------------------
// Rounding

// By IEEE 754, without the sign; 0x7c00 as if exponents went on.
static double half_value(uint32_t bits)
{
    const int exponent = (int)(bits >> 10), fraction = (int)(bits & 0x3ff);
    return exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
}

static void check_bits(float value, uint32_t bits)
{
    if (bytes_half_bits(value) != bits || bytes_half_bits(-value) != (bits | 0x8000))
        fail_msg("%a becomes %#x and, negative, %#x, not %#x", (double)value,
                 bytes_half_bits(value), bytes_half_bits(-value), (unsigned)bits);
}

// At every half, half way to the next one, and beside that.
static void test_rounding(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x7c00; bits++) {
        const float value = (float)half_value(bits);
        const float middle = (float)((half_value(bits) + half_value(bits + 1)) / 2);
        assert_true(bytes_half_value((uint16_t)bits) == value);
        assert_true(bytes_half_value((uint16_t)(bits | 0x8000)) == -value);
        check_bits(value, bits);
        check_bits(middle, bits + bits % 2);
        check_bits(nextafterf(middle, 0), bits);
        check_bits(nextafterf(middle, INFINITY), bits + 1);
    }
    check_bits(FLT_TRUE_MIN, 0);
    check_bits(FLT_MIN, 0);
    check_bits(65536, 0x7c00);
    check_bits(FLT_MAX, 0x7c00);
    check_bits(INFINITY, 0x7c00);
    assert_true(isnan(bytes_half_value(bytes_half_bits(NAN))));
    assert_true(isinf(bytes_half_value(0x7c00)));
    assert_true(signbit(bytes_half_value(0x8000)));
}

static void test_bfloat16(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x7f80; bits++) {
        const int exponent = (int)(bits >> 7), fraction = (int)(bits & 0x7f);
        const double value =
            exponent ? ldexp(128 + fraction, exponent - 134) : ldexp(fraction, -133);
        assert_true((double)bytes_bfloat16_value((uint16_t)bits) == value);
        assert_true((double)bytes_bfloat16_value((uint16_t)(bits | 0x8000)) == -value);
    }
    assert_true(isinf(bytes_bfloat16_value(0xff80)));
    assert_true(isnan(bytes_bfloat16_value(0x7fc0)));
}

// ---------------------------------------------------------------------------
// Files

// A U-Net with norms, by its own names or affinelayer's.
static const struct generator_options options = {
    .levels = 5, .ngf = 2, .channels_in = 3, .channels_out = 3
};

#define BATCHES 5000000001

// The weights of a network, with one value that is given.
struct content {
    struct weights *weights;
    float given;
};

// From below the smallest half to the largest binade.
static float content_value(const struct content *c, size_t weight, size_t i)
{
    const char *name = c->weights->items[weight]->name;
    if (weight == 3 && i == 1)
        return c->given;
    return ldexpf(network_value(name, i), (int)(i % 44) - 28);
}

static bool fill(void *user, size_t i, void *data)
{
    const struct content *c = user;
    const int64_t batches = BATCHES;
    if (i >= c->weights->count) {
        memcpy(data, &batches, sizeof(batches));
        return true;
    }
    const uint64_t count = shape_count(c->weights->items[i]->value.shape);
    for (size_t k = 0; k < count; k++)
        ((float *)data)[k] = content_value(c, i, k);
    return true;
}

// FULL, with counters.
static void write_full(struct content *c)
{
    const struct weights *weights = c->weights;
    struct pth_tensor *tensors = mem_array(2 * weights->count, sizeof(tensors[0]));
    char **counters = mem_array(weights->count, sizeof(counters[0]));
    size_t count = 0;
    for (size_t i = 0; i < weights->count; i++, count++) {
        tensors[i].name = weights->items[i]->name;
        tensors[i].kind = "F32";
        tensors[i].rank = weight_names_sides(weights->items[i], tensors[i].sides);
    }
    for (size_t i = 0; i < weights->count; i++) {
        counters[i] = weight_names_counter(weights->items[i]);
        if (counters[i])
            tensors[count++] =
                (struct pth_tensor){ .name = counters[i], .kind = "I64" };
    }
    assert_true(pth_write(FULL, tensors, count, fill, c));
    for (size_t i = 0; i < weights->count; i++)
        mem_free(counters[i]);
    mem_free(counters);
    mem_free(tensors);
}

static bool convert(const char *from, const char *to, bool half)
{
    network_forget_messages();
    return convert_run(
        &(struct pix_convert_options){ .input = from, .output = to, .half = half });
}

static void check_convert(const char *from, const char *to, bool half)
{
    if (!convert(from, to, half))
        fail_msg("%s", network_last_error());
    assert_string_equal(network_last_warning(), "");
}

// From floats: those that become 0 are counted.
static void check_rounded(const struct content *c, const char *to)
{
    size_t all = 0, lost = 0;
    char text[64];
    for (size_t i = 0; i < c->weights->count; i++)
        for (size_t k = 0; k < shape_count(c->weights->items[i]->value.shape); k++) {
            const float value = content_value(c, i, k);
            all++;
            lost += value != 0 && fabsf(value) <= 0x1p-25f;
        }
    if (!convert(FULL, to, true))
        fail_msg("%s", network_last_error());
    assert_true(lost > 0);
    snprintf(text, sizeof(text), "%zu of %zu values are too small for F16", lost, all);
    if (!strstr(network_last_warning(), text))
        fail_msg("\"%s\" is not in \"%s\"", text, network_last_warning());
}

// All tensors have this kind but the counters, and the values are those of `c` rounded.
static void check_file(const char *path, const struct content *c, const char *kind)
{
    struct tensor_file *t = tensor_file_open(path, NULL, "test");
    size_t counters = 0;
    assert_non_null(t);
    for (size_t i = 0; i < tensor_file_count(t); i++) {
        const char *name = tensor_file_name(t, i);
        struct tensor_entry e;
        int64_t batches;
        assert_true(tensor_file_find(t, name, &e));
        if (!weight_names_end_with(name, ".num_batches_tracked")) {
            assert_string_equal(e.kind, kind);
            continue;
        }
        assert_string_equal(e.kind, "I64");
        assert_true(tensor_file_read_counter(t, name, &batches));
        assert_int_equal(batches, BATCHES);
        counters++;
    }
    assert_int_equal(counters, 7);
    tensor_file_close(t);

    struct network_file *f = network_file_open(path, NETWORK_G, "test");
    assert_non_null(f);
    assert_true(network_file_check(f, c->weights));
    for (size_t i = 0; i < c->weights->count; i++) {
        const struct weight *w = c->weights->items[i];
        const size_t count = (size_t)shape_count(w->value.shape);
        float *values = mem_array(count, sizeof(values[0]));
        assert_true(network_file_read(f, w, true, values));
        for (size_t k = 0; k < count; k++)
            assert_true(values[k] ==
                        bytes_half_value(bytes_half_bits(content_value(c, i, k))));
        mem_free(values);
    }
    network_file_close(f);
}

static void check_same_file(const char *a, const char *b)
{
    void *data[2];
    size_t size[2];
    assert_true(file_read(a, &data[0], &size[0]) && file_read(b, &data[1], &size[1]));
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(data[0], data[1], size[0]);
    mem_free(data[0]);
    mem_free(data[1]);
}

static size_t count_texts(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

static void test_files(void **state)
{
    (void)state;
    struct content c = { network_generator_weights(&options), 65519.996f };
    write_full(&c);
    check_rounded(&c, HALF_PTH);
    assert_null(strstr(network_infos(), "F16"));
    check_rounded(&c, HALF_SAFE);
    check_file(HALF_PTH, &c, "F16");
    check_file(HALF_SAFE, &c, "F16");
    // What is F16 stays as it is, and wide files have the same values; it is said once.
    check_convert(HALF_SAFE, AGAIN_PTH, true);
    assert_int_equal(count_texts(network_infos(), "has F16 tensors, which are read as "
                                                  "F32, which changes no value"),
                     1);
    check_same_file(HALF_PTH, AGAIN_PTH);
    check_convert(HALF_PTH, AGAIN_SAFE, true);
    assert_int_equal(count_texts(network_infos(), "has F16 tensors"), 1);
    check_file(AGAIN_SAFE, &c, "F16");
    check_convert(HALF_SAFE, AGAIN_PTH, false);
    check_file(AGAIN_PTH, &c, "F32");
    check_convert(HALF_PTH, AGAIN_SAFE, false);
    check_file(AGAIN_SAFE, &c, "F32");
    weights_destroy(c.weights);
}

// Sums are those of the bytes in the file.
static void test_sums(void **state)
{
    (void)state;
    struct content c = { network_generator_weights(&options), 1 };
    write_full(&c);
    check_rounded(&c, HALF_SAFE);
    struct safetensors *s = safetensors_open(HALF_SAFE);
    const char *name = c.weights->items[0]->name;
    const struct safetensors_entry *e = safetensors_find(s, name);
    const size_t count = (size_t)shape_count(c.weights->items[0]->value.shape);
    float *values = mem_array(count, sizeof(values[0]));
    assert_true(safetensors_has_sums(s));
    assert_int_equal(e->end - e->begin, 2 * count);
    assert_true(safetensors_read(s, e, values));
    assert_true(sum_bytes(values, 2 * count) == e->sum);
    assert_true(safetensors_read_floats(s, e, values));
    safetensors_close(s);

    // The last byte is one of the last weight.
    void *data;
    size_t size;
    assert_true(file_read(HALF_SAFE, &data, &size));
    ((uint8_t *)data)[size - 1] ^= 1;
    assert_true(file_write(HALF_SAFE, data, size));
    mem_free(data);
    assert_false(convert(HALF_SAFE, AGAIN_PTH, false));
    assert_int_equal(network_errors(), 1);
    network_check_says("have changed since");
    network_check_says(c.weights->items[c.weights->count - 1]->name);
    mem_free(values);
    weights_destroy(c.weights);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        float value;
        const char *says;
    } cases[] = {
        { 65520, "has the value 65520, beyond the largest of F16 (65504): write " },
        { -1e30f, "has the value -1e+30, beyond" },
        { INFINITY, "has the value inf, with which the network cannot work" },
        { NAN, "convert an earlier checkpoint" },
    };
    static const char *const outputs[] = { HALF_PTH, HALF_SAFE };
    struct content c = { network_generator_weights(&options), 0 };
    for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
        const char *output = outputs[i % 2];
        c.given = cases[i / 2].value;
        write_full(&c);
        assert_false(convert(FULL, output, true));
        assert_int_equal(network_errors(), 1);
        assert_string_equal(network_last_warning(), "");
        network_check_says(c.weights->items[3]->name);
        network_check_says(cases[i / 2].says);
        assert_false(file_exists(output));
        // Without it the file is written.
        assert_true(convert(FULL, AGAIN_SAFE, false));
    }
    assert_false(convert(FULL, FOLDER "/half.onnx", true));
    network_check_says("--half applies to .pth and .safetensors only");
    assert_false(file_exists(FOLDER "/half.onnx"));
    weights_destroy(c.weights);
}

// ---------------------------------------------------------------------------
// What others write

static uint16_t other_bits(size_t i)
{
    const uint16_t bits = (uint16_t)(40503 * i + 77);
    return bits & 0x3fff;    // finite in both kinds
}

// HALF_SAFE without metadata: tensors F16 and BF16 in turns, or all `kind`.
static void write_other(const struct weights *weights, const char *kind)
{
    struct safetensors_writer w;
    const size_t size = kind ? 8 : 2;
    safetensors_begin(&w);
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *each = weights->items[i];
        uint64_t sides[SAFETENSORS_RANK_MAX];
        const uint32_t rank = weight_names_sides(each, sides);
        safetensors_describe(&w, each->name,
                             kind    ? kind
                             : i % 2 ? "BF16"
                                     : "F16",
                             sides, rank, size * shape_count(each->value.shape));
    }
    assert_true(safetensors_begin_data(&w, HALF_SAFE));
    for (size_t i = 0; i < weights->count; i++)
        for (size_t k = 0; k < shape_count(weights->items[i]->value.shape); k++) {
            uint8_t bytes[8] = { 0 };
            bytes_put_little(bytes, 2, other_bits(k));
            assert_true(safetensors_put_data(&w, bytes, size));
        }
    assert_true(safetensors_commit(&w));
    safetensors_abort(&w);
}

static void test_others(void **state)
{
    (void)state;
    struct weights *weights = network_generator_weights(&options);
    write_other(weights, NULL);
    network_forget_messages();
    struct network_file *f = network_file_open(HALF_SAFE, NETWORK_G, "test");
    assert_non_null(f);
    assert_true(network_file_check(f, weights));
    assert_int_equal(count_texts(network_infos(), " has F16 tensors"), 1);
    assert_int_equal(count_texts(network_infos(), " has BF16 tensors"), 1);
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *w = weights->items[i];
        const size_t count = (size_t)shape_count(w->value.shape);
        float *values = mem_array(count, sizeof(values[0]));
        assert_true(network_file_read(f, w, true, values));
        for (size_t k = 0; k < count; k++)
            assert_true(values[k] == (i % 2 ? bytes_bfloat16_value(other_bits(k))
                                            : bytes_half_value(other_bits(k))));
        mem_free(values);
    }
    network_file_close(f);
    // Values that a float does not hold.
    write_other(weights, "F64");
    assert_false(convert(HALF_SAFE, AGAIN_PTH, false));
    assert_int_equal(network_errors(), 1);
    network_check_says("is F64, not F32, F16 or BF16");
    weights_destroy(weights);
}

static const struct counter {
    struct pth_tensor tensor;
    uint64_t bits, size;    // of the value, in bytes
    int64_t count;
} counters[] = {
    { { "whole", "I64", 0, { 0 } }, BATCHES, 8, BATCHES },
    { { "half", "F16", 0, { 0 } }, 0x4700, 2, 7 },
    { { "full", "F32", 0, { 0 } }, 0x4b000001, 4, 8388609 },
    { { "negative", "F16", 0, { 0 } }, 0xc700, 2, 0 },
    { { "infinite", "F16", 0, { 0 } }, 0x7c00, 2, 0 },
    { { "many", "F16", 1, { 2 } }, 0x47004700, 4, 0 },
};

static bool fill_counter(void *user, size_t i, void *data)
{
    (void)user;
    bytes_put_little(data, (size_t)counters[i].size, counters[i].bits);
    return true;
}

// Whole numbers of any size, and what is left of them where all tensors were rounded.
static void test_counters(void **state)
{
    (void)state;
    struct pth_tensor tensors[ARRAY_LEN(counters)];
    struct safetensors_writer w;
    safetensors_begin(&w);
    for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
        const struct pth_tensor *t = &counters[i].tensor;
        tensors[i] = *t;
        safetensors_describe(&w, t->name, t->kind, t->sides, t->rank, counters[i].size);
    }
    assert_true(safetensors_begin_data(&w, HALF_SAFE));
    for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
        uint8_t bytes[8];
        assert_true(fill_counter(NULL, i, bytes) &&
                    safetensors_put_data(&w, bytes, (size_t)counters[i].size));
    }
    assert_true(safetensors_commit(&w));
    safetensors_abort(&w);
    assert_true(pth_write(HALF_PTH, tensors, ARRAY_LEN(tensors), fill_counter, NULL));
    for (int k = 0; k < 2; k++) {
        struct tensor_file *t =
            tensor_file_open(k ? HALF_SAFE : HALF_PTH, NULL, "test");
        int64_t count = 1;
        assert_non_null(t);
        for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
            assert_true(tensor_file_read_counter(t, counters[i].tensor.name, &count));
            assert_int_equal(count, counters[i].count);
        }
        assert_true(tensor_file_read_counter(t, "none", &count));
        assert_int_equal(count, 0);
        tensor_file_close(t);
    }
}

// PyTorch reads both files and finds what its own half() makes.
static void test_pytorch(void **state)
{
    (void)state;
    struct content c = { network_generator_weights(&options), -65519 };
    write_full(&c);
    check_rounded(&c, HALF_PTH);
    check_rounded(&c, HALF_SAFE);
    weights_destroy(c.weights);
    // Libraries that are preloaded for this program are not meant for Python.
    const int status = system("unset LD_PRELOAD; [ -x /usr/bin/python3 ] || exit 77; "
                              "/usr/bin/python3 '" TEST_SUPPORT "/load_half.py' " FULL
                              " " HALF_PTH " " HALF_SAFE);
    if (status == 77 << 8) {
        print_message("skipped: there is no PyTorch to read the files\n");
        skip();
    }
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounding), cmocka_unit_test(test_bfloat16),
        network_test(test_files),        network_test(test_sums),
        network_test(test_refused),      network_test(test_others),
        network_test(test_counters),     network_test(test_pytorch),
    };
    return cmocka_run_group_tests_name("half", tests, NULL, NULL);
}
