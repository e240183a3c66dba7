// SPDX-License-Identifier: MIT
//
// LPIPS of pairs of images. With weights that a formula gives: PyTorch's distances, one
// object for several sizes, what is refused. With the real ones, from PIX_TEST_DATA:
// the values of the package and its published examples, after the files were split into
// what users download; without them the test is skipped.

#include "evaluate/lpips_metric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "data/image.h"
#include "evaluate/compare.h"
#include "formats/pth.h"
#include "gpu/inside.h"
#include "ops/tuning.h"
#include "store/lpips_convert.h"
#include "support/golden.h"
#include "support/gpu.h"
#include "support/lpips_weights.h"
#include "support/tree.h"

#define FOLDER "test_lpips_metric.scratch"
#define FORMULA FOLDER "/formula.pth"

static struct program_options options = { .submission_seconds = 0.2 };

static int setup(void **state)
{
    const int result = test_gpu_open(state) || !file_make_folder(FOLDER);
    options.device = test_gpu();
    return result;
}

static int teardown(void **state)
{
    test_remove_tree(FOLDER);
    return test_gpu_close(state);
}

static double run(struct lpips_metric *m, struct shape s, const float *x,
                  const float *y)
{
    double distance = NAN;
    assert_true(lpips_metric_run(m, &x, 1, y, s.h, s.w, &distance));
    return distance;
}

// ---------------------------------------------------------------------------
// Weights of a formula

static void test_pytorch(void **state)
{
    (void)state;
    test_gpu();
    json_t *cases = golden_read("lpips/cases.json");
    bool seen[LPIPS_BACKBONES] = { false };
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        const enum lpips_backbone b = lpips_weights_backbone(golden_text(c, "name"));
        const struct shape s = golden_shape(c, "shape");
        if (s.n != 1 || seen[b])
            continue;
        seen[b] = true;
        float *x = check_floats(s), *y = check_floats(s);
        golden_input(s, x);
        golden_weight("y", shape_count(s), 1.0, 0.0, y);
        lpips_weights_write(FORMULA, b);
        struct lpips_metric *m = lpips_metric_create(&options, FORMULA, "test");
        assert_non_null(m);
        assert_int_equal(lpips_metric_backbone(m), b);
        const double d = run(m, s, x, y), expected = golden_element(c, "distance", 0);
        if (!(fabs(d - expected) <= 1e-4 * expected))
            fail_msg("%s: %.8g, PyTorch has %.8g", lpips_backbone_title(b), d,
                     expected);
        lpips_metric_destroy(m);
    }
    for (int b = 0; b < LPIPS_BACKBONES; b++)
        assert_true(seen[b]);
    json_decref(cases);
}

// The sizes of images come in any order; the same pair gives the same bits.
static void test_sizes(void **state)
{
    (void)state;
    static const struct shape sizes[] = {
        { 1, 3, 32, 32 }, { 1, 3, 33, 61 }, { 1, 3, 33, 61 }, { 1, 3, 32, 32 }
    };
    double before[ARRAY_LEN(sizes)];
    test_gpu();
    lpips_weights_write(FORMULA, LPIPS_ALEX);
    struct lpips_metric *m = lpips_metric_create(&options, FORMULA, "test");
    assert_non_null(m);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        const struct shape s = sizes[i];
        float *x = check_floats(s), *y = check_floats(s);
        golden_input(s, x);
        golden_weight("y", shape_count(s), 1.0, 0.0, y);
        before[i] = run(m, s, x, y);
        assert_true(run(m, s, y, x) == before[i]);
        assert_true(run(m, s, x, x) == 0);
    }
    assert_true(before[0] == before[3] && before[1] == before[2]);
    assert_true(before[0] != before[1]);
    lpips_metric_destroy(m);
}

// Several images at once: the bits are those of each alone.
static void test_several(void **state)
{
    (void)state;
    static const struct shape s = { 1, 3, 33, 40 };
    test_gpu();
    for (enum lpips_backbone b = LPIPS_ALEX; b <= LPIPS_SQUEEZE; b++) {
        float *images[LPIPS_MOST + 1];
        double alone[LPIPS_MOST], together[LPIPS_MOST];
        lpips_weights_write(FORMULA, b);
        struct lpips_metric *m = lpips_metric_create(&options, FORMULA, "test");
        assert_non_null(m);
        for (size_t i = 0; i <= LPIPS_MOST; i++) {
            char name[16];
            snprintf(name, sizeof(name), "image %zu", i);
            images[i] = check_floats(s);
            golden_weight(name, shape_count(s), 1.0, 0.0, images[i]);
        }
        const float *y = images[LPIPS_MOST], *const x[] = { images[0], images[1],
                                                            images[2] };
        for (size_t i = 0; i < LPIPS_MOST; i++)
            alone[i] = run(m, s, x[i], y);
        for (size_t count = LPIPS_MOST; count > 0; count--) {
            assert_true(lpips_metric_run(m, x, count, y, s.h, s.w, together));
            assert_memory_equal(together, alone, count * sizeof(alone[0]));
        }
        assert_true(alone[0] != alone[1] && alone[1] != alone[2]);
        lpips_metric_destroy(m);
        check_release(NULL);
    }
}

// What is planned is what is held, whatever was run before.
static void test_plan(void **state)
{
    (void)state;
    static const struct shape s = { 1, 3, 40, 64 };
    test_gpu();
    lpips_weights_write(FORMULA, LPIPS_ALEX);
    float *x = check_floats(s);
    struct pix_plan plan;
    struct lpips_metric *m = lpips_metric_create(&options, FORMULA, "test");
    assert_non_null(m);
    run(m, (struct shape){ 1, 3, 32, 32 }, x, x);
    lpips_metric_destroy(m);

    const uint64_t before = test_gpu_memory();
    m = lpips_metric_create(&options, FORMULA, "test");
    assert_non_null(m);
    assert_true(lpips_metric_prepare(m, 3, 32, 32));
    assert_true(lpips_metric_prepare(m, 1, s.h, s.w));
    assert_true(lpips_metric_plan(&options, LPIPS_ALEX, 1, s.h, s.w, &plan));
    assert_int_equal(test_gpu_memory() - before, plan.device_bytes);
    assert_int_equal(plan.staging_bytes, (2 * shape_count(s) + 1) * sizeof(float));
    assert_true(plan.state_bytes > 2460000 * sizeof(float) && plan.arena_bytes > 0);
    lpips_metric_destroy(m);
    assert_int_equal(test_gpu_memory(), before);
}

// Convolutions have the kernels of a table: one that adds a sum in parts has a kernel
// more for each of the two images.
static void test_tuning(void **state)
{
    (void)state;
    static const char shape[] = "forward 1x384x1x1 -> 256 k3 s1 p1";
    static const struct shape s = { 1, 3, 32, 32 };
    const struct op_limits limits = test_gpu_limits();
    struct conv_shapes shapes = { 0 };
    struct tuning tuning = { 0 };
    struct program_options tuned = options;
    struct pix_plan plain, plan;
    bool is_listed = false;
    tuned.tuning = &tuning;
    assert_true(lpips_add_shapes(&shapes, &limits, LPIPS_ALEX, 32, 32));
    assert_int_equal(shapes.count, 5);
    for (size_t i = 0; i < shapes.count; i++) {
        char text[CONV_SHAPE_TEXT_SIZE];
        is_listed |= strcmp(conv_shape_text(&shapes.items[i], text), shape) == 0;
    }
    assert_true(is_listed);
    conv_shapes_free(&shapes);
    assert_true(tuning_set(&tuning, shape, "shared-64x4x32-4x1-16p", false));
    assert_true(lpips_metric_plan(&options, LPIPS_ALEX, 1, 32, 32, &plain));
    assert_true(lpips_metric_plan(&tuned, LPIPS_ALEX, 1, 32, 32, &plan));
    assert_int_equal(plan.dispatches, plain.dispatches + 2);

    lpips_weights_write(FORMULA, LPIPS_ALEX);
    float *x = check_floats(s), *y = check_floats(s);
    golden_input(s, x);
    golden_weight("y", shape_count(s), 1.0, 0.0, y);
    struct lpips_metric *a = lpips_metric_create(&options, FORMULA, "test");
    struct lpips_metric *b = lpips_metric_create(&tuned, FORMULA, "test");
    assert_true(a && b);
    const double expected = run(a, s, x, y), d = run(b, s, x, y);
    if (!(fabs(d - expected) <= 1e-5 * expected))
        fail_msg("%.8g, not %.8g", d, expected);
    lpips_metric_destroy(a);
    lpips_metric_destroy(b);
    tuning_finish(&tuning);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct shape small[] = { { 1, 3, 31, 64 }, { 1, 3, 64, 31 } };
    test_gpu();
    lpips_weights_write(FORMULA, LPIPS_SQUEEZE);
    struct lpips_metric *m = lpips_metric_create(&options, FORMULA, "test");
    assert_non_null(m);
    const struct log_sink *sink = log_use(NULL);
    for (size_t i = 0; i < ARRAY_LEN(small); i++) {
        const float *x = check_floats(small[i]);
        double distance;
        assert_false(lpips_metric_run(m, &x, 1, x, small[i].h, small[i].w, &distance));
        assert_non_null(strstr(log_last_error(), "at least 32x32 pixels"));
    }
    lpips_metric_destroy(m);
    assert_true(file_write(FOLDER "/none.pth", "no weights", 10));
    assert_null(lpips_metric_create(&options, FOLDER "/none.pth", "test"));
    assert_non_null(strstr(log_last_error(), "none.pth"));
    log_use(sink);
}

// Images of two sizes, one of them too small for LPIPS.
static void write_images(const char *folder, uint64_t seed)
{
    assert_true(file_make_folder(folder));
    for (uint32_t i = 0; i < 6; i++) {
        struct pix_image image;
        struct random r;
        const uint32_t width = i == 3 ? 20 : 36 + 4 * (i / 4);
        char *path = mem_printf("%s/%u.png", folder, (unsigned)i);
        random_init(&r, seed, i);
        assert_true(image_create(&image, width, 33));
        for (size_t k = 0; k < (size_t)3 * width * 33; k++)
            image.pixels[k] = (uint8_t)random_below(&r, 256);
        assert_true(pix_image_write(path, &image));
        image_free(&image);
        mem_free(path);
    }
}

// Threads that compare take turns on the device: the scores are those of one thread.
// What fails there is reported once.
static void test_compare(void **state)
{
    (void)state;
    struct gpu_device *device = test_gpu();
    struct pix_compare_options o = { .a = FOLDER "/a", .b = FOLDER "/b" };
    struct pix_evaluation one, several;
    write_images(o.a, 1);
    write_images(o.b, 2);
    lpips_weights_write(FORMULA, LPIPS_ALEX);
    o.lpips = FORMULA;
    o.threads = 1;
    assert_true(compare_images(&o, device, 0.2, &one));
    o.threads = 0;
    assert_true(compare_images(&o, device, 0.2, &several));
    assert_true(one.pairs == 6 && several.pairs == 6);
    for (uint32_t i = 0; i < 6; i++) {
        const double *a = one.images[i].values[PIX_SUBJECT_OUTPUT],
                     *b = several.images[i].values[PIX_SUBJECT_OUTPUT];
        assert_int_equal(isnan(a[PIX_METRIC_LPIPS_ALEX]), i == 3);
        assert_memory_equal(a, b, PIX_METRIC_COUNT * sizeof(a[0]));
    }
    pix_evaluation_free(&one);
    pix_evaluation_free(&several);

    const uint64_t memory = device->limits.memory;
    const struct log_sink *sink = log_use(NULL);
    device->limits.memory = 1;
    const bool ok = compare_images(&o, device, 0.2, &one);
    device->limits.memory = memory;
    log_use(sink);
    assert_false(ok);
    assert_non_null(strstr(log_last_error(), "LPIPS needs "));
    o.lpips = FOLDER "/none.pth";
    log_use(NULL);
    assert_false(compare_images(&o, device, 0.2, &one));
    log_use(sink);
    assert_non_null(strstr(log_last_error(), "none.pth"));
}

// ---------------------------------------------------------------------------
// Real weights

static char data[512];    // the folder of PIX_TEST_DATA

static bool has_data(void)
{
    const char *folder = getenv("PIX_TEST_DATA");
    snprintf(data, sizeof(data), "%s", folder ? folder : "");
    char *path = mem_printf("%s/lpips/lpips_alex.pth", data);
    const bool has = folder && file_exists(path);
    mem_free(path);
    return has;
}

static float *read_image(const char *folder, const char *name, struct shape *s)
{
    char path[1024];
    struct pix_image image = { 0 };
    snprintf(path, sizeof(path), "%s/%s/%s.png", data, folder, name);
    assert_true(pix_image_read(path, &image));
    *s = (struct shape){ 1, 3, image.height, image.width };
    const size_t plane = (size_t)s->h * s->w;
    float *x = check_floats(*s);
    for (size_t i = 0; i < 3 * plane; i++)
        x[i % 3 * plane + i / 3] = (float)image.pixels[i] / 127.5f - 1.0f;
    pix_image_free(&image);
    return x;
}

static double measure(struct lpips_metric *m, const char *folder, const char *a,
                      const char *b)
{
    struct shape s, other;
    const float *x = read_image(folder, a, &s), *y = read_image(folder, b, &other);
    assert_true(shape_equal(s, other));
    return run(m, s, x, y);
}

struct split {
    struct pth *from;
    const struct pth_entry *entries[80];
};

static bool copy_values(void *user, size_t i, void *values)
{
    const struct split *s = user;
    return pth_read(s->from, s->entries[i], values);
}

// Writes the features or the heads of a file of both, by the names of their downloads.
static void write_part(struct pth *from, bool heads, const char *path)
{
    struct split s = { .from = from };
    struct pth_tensor tensors[ARRAY_LEN(s.entries)];
    char names[ARRAY_LEN(s.entries)][64];
    size_t count = 0;
    for (size_t i = 0; i < pth_count(from); i++) {
        const struct pth_entry *e = pth_at(from, i);
        if ((strncmp(e->name, "lin", 3) == 0) != heads)
            continue;
        struct pth_tensor *t = &tensors[count];
        *t = (struct pth_tensor){ .name = names[count], .kind = "F32" };
        t->rank = heads ? 4 : e->rank;
        snprintf(names[count], sizeof(names[0]), heads ? "%.4s.model.1.weight" : "%s",
                 e->name);
        for (uint32_t k = 0; k < t->rank; k++)
            t->sides[k] = heads ? (k == 1 ? e->sides[0] : 1) : e->sides[k];
        s.entries[count++] = e;
    }
    assert_true(pth_write(path, tensors, count, copy_values, &s));
}

static struct lpips_metric *make_real(enum lpips_backbone b)
{
    const char *backbone = FOLDER "/backbone.pth", *heads = FOLDER "/heads.pth";
    const char *output = FOLDER "/lpips.safetensors";
    char path[1024];
    snprintf(path, sizeof(path), "%s/lpips/lpips_%s.pth", data, lpips_backbone_name(b));
    struct pth *both = pth_open(path, NULL);
    assert_non_null(both);
    write_part(both, false, backbone);
    write_part(both, true, heads);
    pth_close(both);
    assert_true(lpips_convert_run(
        &(struct pix_lpips_options){ backbone, heads, output, { 0 } }));
    struct lpips_metric *m = lpips_metric_create(&options, output, "test");
    assert_non_null(m);
    return m;
}

static void test_package(void **state)
{
    (void)state;
    test_gpu();
    if (!has_data()) {
        print_message("skipped: PIX_TEST_DATA names no folder with lpips/\n");
        skip();
    }
    void *text;
    size_t size;
    char *path = mem_printf("%s/metric_refs/expected.json", data);
    assert_true(file_read(path, &text, &size));
    json_t *expected = json_parse(text, size, path);
    assert_non_null(expected);
    mem_free(text);
    mem_free(path);
    for (enum lpips_backbone b = LPIPS_ALEX; b <= LPIPS_SQUEEZE; b++) {
        struct lpips_metric *m = make_real(b);
        char key[32], first[128], second[128];
        const char *name;
        json_t *value;
        double worst = 0;
        snprintf(key, sizeof(key), "lpips_%s", lpips_backbone_name(b));
        json_object_foreach(expected, name, value) {
            // The larger ones take long with the kernels of such a device, and show
            // nothing that the smaller ones do not.
            if (test_is_set("PIX_TEST_MINIMUM_LIMITS") &&
                golden_element(value, "size", 0) > 64)
                continue;
            snprintf(first, sizeof(first), "%s_a", name);
            snprintf(second, sizeof(second), "%s_b", name);
            const double d = measure(m, "metric_refs", first, second);
            const double off = fabs(d - golden_number(value, key));
            worst = fmax(worst, off);
            if (!(off <= 1e-3))
                fail_msg("%s of %s is %.6f, not %.6f", key, name, d,
                         golden_number(value, key));
            check_release(NULL);
        }
        print_message("%s: off by %.1e at most\n", lpips_backbone_title(b), worst);
        if (b == LPIPS_ALEX) {
            // As its README has them.
            assert_true(fabs(measure(m, "lpips", "ex_ref", "ex_p0") - 0.722) < 5e-4);
            assert_true(fabs(measure(m, "lpips", "ex_ref", "ex_p1") - 0.138) < 5e-4);
        }
        lpips_metric_destroy(m);
    }
    json_decref(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_pytorch), check_test(test_sizes),   check_test(test_plan),
        check_test(test_several), check_test(test_compare), check_test(test_tuning),
        check_test(test_refused), check_test(test_package),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
