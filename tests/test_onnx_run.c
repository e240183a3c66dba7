// SPDX-License-Identifier: MIT
//
// Programs that run ONNX models compute the same as the engine: models of all forms,
// those with free sides written from graphs of one size and run at another. Those that
// are not installed are skipped, see support/onnx_runtimes.h.

#include "store/onnx_export.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "support/gpu.h"
#include "support/onnx_cases.h"
#include "support/onnx_runtimes.h"
#include "support/tree.h"

#define SCRATCH "test_onnx_run.scratch"
#define JOBS_MAX 128

// Of the largest value, and of 1 where that is less.
#define TOLERANCE 2e-5

static struct onnx_runtime runtimes[ONNX_RUNTIMES_MAX];
static size_t runtime_count;

static int setup(void **state)
{
    runtime_count = onnx_runtimes_find(runtimes);
    if (runtime_count == 0) {
        printf("skipped: neither PIX_TEST_ONNXRUNTIME names the npm package "
               "onnxruntime-web, nor has python3 the module cv2\n");
        exit(TEST_SKIPPED);
    }
    return file_make_folder(SCRATCH) ? test_gpu_open(state) : -1;
}

static int teardown(void **state)
{
    test_remove_tree(SCRATCH);
    return test_gpu_close(state);
}

// Filters that carry a signal, vectors that are neither zero nor one.
static bool weight_values(void *user, const struct weight *w, float *values)
{
    (void)user;
    return tensor_download(test_gpu(), &w->value, values);
}

static void fill_weight(struct weight *w, struct random *r)
{
    float *values = check_random_floats(r, w->value.shape);
    for (uint64_t i = 0; i < shape_count(w->value.shape); i++) {
        if (w->kind == WEIGHT_CONV || w->kind == WEIGHT_CONV_TRANSPOSE)
            values[i] *= 0.2f;
        if (w->kind == WEIGHT_RUNNING_VARIANCE)
            values[i] = 0.1f + fabsf(values[i]);
    }
    assert_true(tensor_upload(test_gpu(), &w->value, values));
}

// What the engine computes for a case is written as `actual`, and the case in all forms
// as models, each a job.
static size_t write_case(size_t index, struct onnx_job *jobs)
{
    const struct onnx_case *c = &onnx_cases[index];
    struct harness h;
    struct random r;
    check_case("%s", c->name);
    harness_begin(&h);
    random_init(&r, 7, shape_count(c->run));
    float *data = check_random_floats(&r, c->run);
    struct tensor *x = harness_input(&h, "x", c->run, data);
    struct tensor *y = c->build(c, h.graph, h.weights, x);
    assert_false(graph_failed(h.graph));
    harness_keep(&h, y);
    harness_prepare(&h);
    for (size_t i = 0; i < h.weights->count; i++)
        fill_weight(h.weights->items[i], &r);
    harness_run(&h);
    float *actual = check_floats(y->shape);
    harness_read(&h, y, actual);

    for (size_t i = 0; i < onnx_form_count; i++) {
        struct onnx_job *j = &jobs[i];
        *j = (struct onnx_job){ .from = c->run, .to = y->shape };
        snprintf(j->model, sizeof(j->model), SCRATCH "/%zu_%zu.onnx", index, i);
        snprintf(j->in, sizeof(j->in), SCRATCH "/%zu.in", index);
        snprintf(j->out, sizeof(j->out), SCRATCH "/%zu_%zu.out", index, i);
        onnx_write(j->model, c, &onnx_forms[i], h.weights, weight_values, NULL);
    }
    char path[128];
    assert_true(file_write(jobs->in, data, (size_t)shape_count(c->run) * 4));
    snprintf(path, sizeof(path), SCRATCH "/%zu.actual", index);
    assert_true(file_write(path, actual, (size_t)shape_count(y->shape) * 4));
    harness_end(&h);
    return onnx_form_count;
}

// Returns the largest difference, in units of the tolerance.
static double compare(const char *runtime, size_t index, const struct onnx_form *form,
                      const struct onnx_job *job)
{
    char path[128];
    void *data;
    size_t size;
    snprintf(path, sizeof(path), SCRATCH "/%zu.actual", index);
    assert_true(file_read(path, &data, &size));
    assert_int_equal(size, shape_count(job->to) * 4);
    const float *actual = data;
    float *expected = onnx_job_output(job);
    double largest = 0.0, off = 0.0;
    for (size_t i = 0; i < shape_count(job->to); i++) {
        largest = fmax(largest, fabs((double)expected[i]));
        off = fmax(off, fabs((double)actual[i] - (double)expected[i]));
        if (isnan(actual[i]) || isnan(expected[i]))
            off = INFINITY;
    }
    mem_free(data);
    mem_free(expected);
    if (largest <= 1e-3 || off > TOLERANCE * fmax(largest, 1.0))
        fail_msg("%s, '%s', %s: off by %.2g of %.2g", runtime, onnx_cases[index].name,
                 form->name, off, largest);
    return off / fmax(largest, 1.0);
}

// Whether a runtime can read a form of a case.
static bool takes(const struct onnx_runtime *r, size_t job)
{
    const struct onnx_case *c = &onnx_cases[job / onnx_form_count];
    const bool fixed = onnx_forms[job % onnx_form_count].fixed;
    return (fixed || !r->needs_fixed) &&
           !(r->needs_one && c->own_statistics && c->run.n > 1);
}

static void run_with(const struct onnx_runtime *r, const struct onnx_job *jobs,
                     size_t count)
{
    static struct onnx_job some[JOBS_MAX];
    size_t some_count = 0;
    double worst = 0.0;
    for (size_t i = 0; i < count; i++)
        if (takes(r, i))
            some[some_count++] = jobs[i];
    onnx_runtime_run(r, SCRATCH, some, some_count);
    for (size_t i = 0; i < count; i++)
        if (takes(r, i))
            worst = fmax(worst, compare(r->name, i / onnx_form_count,
                                        &onnx_forms[i % onnx_form_count], &jobs[i]));
    print_message("%s: %zu models, off by %.2g at most%s\n", r->name, some_count, worst,
                  r->needs_one ? "; batches with instance norms are skipped" : "");
}

static void test_cases(void **state)
{
    (void)state;
    static struct onnx_job jobs[JOBS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < onnx_case_count; i++) {
        assert_true(count + onnx_form_count <= JOBS_MAX);
        count += write_case(i, &jobs[count]);
    }
    for (size_t i = 0; i < runtime_count; i++)
        run_with(&runtimes[i], jobs, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        check_test(test_cases),
    };
    return cmocka_run_group_tests_name("onnx_run", tests, setup, teardown);
}
