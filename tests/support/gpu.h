// SPDX-License-Identifier: MIT
//
// A device for the tests of a group, and a harness that runs a graph on it.
//
// The device is opened once for the group, with validation where the layer is
// installed. PIX_TEST_MINIMUM_LIMITS=1 pretends that it has only the guaranteed limits.
// Tests are skipped, and the reason printed, where there is no device, or where
// PIX_TEST_NO_EXECUTE=1 says that the driver runs nothing.

#ifndef SUPPORT_GPU_H
#define SUPPORT_GPU_H

#include "gpu/device.h"
#include "program/program.h"
#include "support/check.h"

// What a test program returns when it could run nothing (SKIP_RETURN_CODE of ctest).
#define TEST_SKIPPED 77

// Group setup and teardown:
// cmocka_run_group_tests(tests, test_gpu_open, test_gpu_close).
// Opening ends the program with TEST_SKIPPED where there is no device; closing ends it
// with 1 if the validation layers said anything, also about objects left behind.
int test_gpu_open(void **state);
int test_gpu_close(void **state);

// Ends the program with 1 unless there were none.
void test_fail_on_messages(uint32_t messages);

// The device; skips the calling test if there is none.
struct gpu_device *test_gpu(void);

// The bytes of all buffers that there are on the device, of those made since the first
// call.
uint64_t test_gpu_memory(void);

// From test_watch_pipelines to test_unwatch_pipelines the pipelines that the device is
// asked for are counted, and refused with another result than VK_SUCCESS. Both may be
// set between.
extern struct test_pipelines {
    _Atomic int asked;    // by several threads
    int result;           // a VkResult
} test_pipelines;
void test_watch_pipelines(void);    // from 0 and VK_SUCCESS
void test_unwatch_pipelines(void);

// Whether an environment variable is set, to something else than 0.
bool test_is_set(const char *variable);

// Whether devices are opened with the validation layer: unless PIX_TEST_NO_VALIDATION=1
// says that another run of the same tests has it.
bool test_validates(void);

// Software drivers take about a second to compile a large kernel, so that tests leave
// out what other cases show as well, unless they are told not to by PIX_TEST_FULL=1.
// True for a GPU.
bool test_is_thorough(void);

// Whether this device does the i-th of a list of kernels: a GPU all of them; a software
// driver every other one, and the second one, PIX_TEST_SECOND_DRIVER=1, those that the
// first leaves out. Either all of them with PIX_TEST_FULL=1.
bool test_takes(size_t i);

// Prints messages of the engine. test_log_setup is a group setup for tests without a
// device.
int test_log_setup(void **state);
extern const struct log_sink test_log_sink;

// What ops may assume, of the open device, or of a made-up one with the guaranteed
// limits.
struct op_limits test_gpu_limits(void);
struct op_limits test_guaranteed_limits(void);

#define HARNESS_MAX 64

// One graph with its weights, plan, memory and recorded step:
//
//     struct harness h;
//     harness_begin(&h);
//     x = harness_weight(&h, "x", shape, data);
//     y = graph_relu(h.graph, x);
//     harness_keep(&h, y);
//     graph_backward(h.graph, graph_mse(h.graph, y, target), h.weights);
//     harness_run(&h);
//     harness_read(&h, y, values);
//     harness_read_gradient(&h, x, gradient);
//     harness_end(&h);
//
// An input that needs a gradient is made a weight. Every function fails the test when
// what it does fails.
struct harness {
    struct program *program;
    struct graph *graph;    // of the program
    struct weights *weights;
    struct step_block step;    // as run() uses it; starts as step 1, seed 1 2, lr 0.01
    struct op_limits limits;
    struct harness_data {
        struct tensor *tensor;
        void *data;      // NULL: not uploaded
        void *upload;    // mapped, once prepared
        const void *download;
    } inputs[HARNESS_MAX], outputs[HARNESS_MAX];
    size_t input_count, output_count;
};

void harness_begin(struct harness *h);    // skips without a device
// Other limits than what it began with, before anything is built. An open device must
// allow them.
void harness_set_limits(struct harness *h, struct op_limits limits);
void harness_begin_without_device(struct harness *h);    // graph and weights only
void harness_end(struct harness *h);

// A graph input and its data, which are copied.
struct tensor *harness_input(struct harness *h, const char *name, struct shape shape,
                             const float *data);
struct tensor *harness_input_bytes(struct harness *h, const char *name,
                                   struct shape shape, const uint8_t *data);
// The weights of a normalisation of c channels; any of the four arrays may be NULL.
struct tensor *harness_norm(struct harness *h, uint32_t c, const float *scale,
                            const float *shift, const float *mean,
                            const float *variance);
// A trained weight and its value, which is copied; also for inputs whose gradient is
// wanted.
struct tensor *harness_weight(struct harness *h, const char *name, struct shape shape,
                              const float *data);
// Any kind of weight.
struct tensor *harness_weight_kind(struct harness *h, enum weight_kind kind,
                                   const char *name, struct shape shape,
                                   const float *data);

// Two inputs of shapes that `build` cannot bring together: the graph fails and the
// message names the shape `named`. Needs no device.
void harness_check_misfit(struct tensor *(*build)(struct graph *g, struct tensor *a,
                                                  struct tensor *b),
                          struct shape a, struct shape b, const char *named);

// Makes a tensor readable after the run (any tensor of the graph, also gradients).
void harness_keep(struct harness *h, struct tensor *t);

// Plans, allocates, records, uploads the weights' values. Called by the first run;
// weights that the harness was given no value for are zero until the caller uploads.
void harness_prepare(struct harness *h);
void harness_run(struct harness *h);

// Appends the loss mse(y, random target) and its backward pass, runs, and reads y and
// its gradient. With `accumulate` the loss has mse(w, 0) added for every trained weight
// w, so that whatever else adds to dw has to add to what is there: see
// harness_add_accumulated.
void harness_run_backward(struct harness *h, struct tensor *y, bool accumulate,
                          float *y_data, float *dy_data);
// What `accumulate` adds to the gradient of a weight.
void harness_add_accumulated(struct shape shape, const float *w, double *dw);

// New data for an input or a weight, between runs.
void harness_write(struct harness *h, struct tensor *t, const float *data);

// Kept tensors of any format of numbers, and weights.
void harness_read(struct harness *h, const struct tensor *t, float *data);
void harness_read_bytes(struct harness *h, const struct tensor *t, uint8_t *data);
// Of a weight, after a run with graph_backward.
void harness_read_gradient(struct harness *h, const struct tensor *t, float *data);

#endif
