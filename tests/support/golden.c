// SPDX-License-Identifier: MIT

#include "support/golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/mem.h"

uint32_t golden_sketch(const float *values, uint64_t count,
                       double sketch[GOLDEN_SKETCH])
{
    if (count <= GOLDEN_SKETCH) {
        for (uint64_t i = 0; i < count; i++)
            sketch[i] = (double)values[i];
        return (uint32_t)count;
    }
    const uint64_t seed = golden_hash("sketch");
    memset(sketch, 0, GOLDEN_SKETCH * sizeof(*sketch));
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t bits = golden_splitmix(seed, i);
        const double v[2] = { (double)values[i], -(double)values[i] };
        for (uint32_t j = 0; j < GOLDEN_SKETCH; j++)
            sketch[j] += v[bits >> j & 1];
    }
    return GOLDEN_SKETCH;
}

double golden_distance(uint64_t count, const double *a, const double *b)
{
    const uint64_t rows = MIN(count, GOLDEN_SKETCH);
    double sum = 0;
    for (uint64_t j = 0; j < rows; j++)
        sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sqrt(count <= GOLDEN_SKETCH ? sum : sum / GOLDEN_SKETCH);
}

json_t *golden_read(const char *name)
{
    void *text;
    size_t size;
    char *path = file_join(TEST_GOLDEN, name);
    assert_non_null(path);
    assert_true(file_read(path, &text, &size));
    json_t *document = json_parse(text, size, name);
    assert_non_null(document);
    mem_free(text);
    mem_free(path);
    return document;
}

static const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!value)
        fail_msg("the fixture has no \"%s\"", key);
    return value;
}

const char *golden_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(member(object, key));
    assert_non_null(text);
    return text;
}

double golden_number(const json_t *object, const char *key)
{
    double value;
    assert_true(json_to_double(member(object, key), &value));
    return value;
}

uint32_t golden_count(const json_t *object, const char *key)
{
    uint64_t value;
    assert_true(json_to_u64(member(object, key), &value));
    assert_true(value <= UINT32_MAX);
    return (uint32_t)value;
}

bool golden_bool(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

double golden_element(const json_t *object, const char *key, size_t i)
{
    double value;
    assert_true(json_to_double(json_array_get(member(object, key), i), &value));
    return value;
}

struct shape golden_shape(const json_t *object, const char *key)
{
    uint32_t sides[4];
    for (size_t i = 0; i < 4; i++)
        sides[i] = (uint32_t)golden_element(object, key, i);
    return (struct shape){ sides[0], sides[1], sides[2], sides[3] };
}

float *golden_floats(struct safetensors *file, const char *name, uint64_t *count)
{
    const struct safetensors_entry *e = safetensors_find(file, name);
    if (!e || strcmp(e->kind, "F32") != 0)
        fail_msg("the fixture has no numbers of \"%s\"", name);
    *count = (e->end - e->begin) / sizeof(float);
    float *values = check_memory((size_t)(e->end - e->begin));
    assert_true(safetensors_read(file, e, values));
    return values;
}

static void check_mean(const char *name, const char *what, double actual,
                       double expected, double allowed)
{
    if (!(fabs(actual - expected) <= allowed))
        fail_msg("%s: the %s is %.8g, PyTorch has %.8g", name, what, actual, expected);
}

void golden_check_output(const json_t *c, struct safetensors *outputs, const float *y,
                         struct shape shape, double relative)
{
    const char *name = golden_text(c, "name");
    const double allowed = relative * golden_number(c, "largest");
    const uint64_t size = shape_count(shape), stride = golden_count(c, "stride");
    uint64_t count;
    float *expected = golden_floats(outputs, name, &count);
    if (!shape_equal(shape, golden_shape(c, "output")))
        fail_msg("%s: PyTorch's output has another shape", name);
    assert_int_equal(count, (size + stride - 1) / stride);
    for (uint64_t i = 0; i < count; i++) {
        const double a = (double)y[i * stride], e = (double)expected[i];
        if (!(fabs(a - e) <= allowed))
            fail_msg("%s: element %llu is %.8g, PyTorch has %.8g (allowed: %.1e)", name,
                     (unsigned long long)(i * stride), a, e, allowed);
    }
    double mean = 0, mean_abs = 0;
    for (uint64_t i = 0; i < size; i++) {
        mean += (double)y[i] / (double)size;
        mean_abs += fabs((double)y[i]) / (double)size;
    }
    check_mean(name, "mean", mean, golden_number(c, "mean"), allowed);
    check_mean(name, "mean magnitude", mean_abs, golden_number(c, "mean_abs"), allowed);
}

void golden_python(const char *script, const char *arguments, const char *failure)
{
    static const char *const programs[] = { "python3", "/usr/bin/python3" };
    for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
        char *command = mem_printf("%s -B \"%s/%s\" %s", programs[i], TEST_GOLDEN,
                                   script, arguments);
        assert_non_null(command);
        fflush(stdout);
        const int status = system(command);
        mem_free(command);
        if (status == 0)
            return;
        // 77: packages are missing, 127: no such program.
        if (!WIFEXITED(status) ||
            (WEXITSTATUS(status) != 77 && WEXITSTATUS(status) != 127))
            fail_msg("%s", failure);
    }
    print_message("skipped: no python3 has the packages that %s needs\n", script);
    skip();
}
