// SPDX-License-Identifier: MIT
//
// From a graph to runs. See program.h.
//
// What the trainer, the translator, the validation, the benchmark and the tuner would
// otherwise each put together: limits and tuning table for the graph, plan and sums,
// memory, recorded commands, and the host's side of every copy.

#include "program/program.h"

#include "base/mem.h"
#include "graph/exec.h"
#include "program/footprint.h"

#include <assert.h>
#include <string.h>

// A tensor that is copied to or from the host with every run, or the flags of weights.
struct copy {
    struct tensor *tensor;
    const struct weights *flags;
    bool is_upload;
    const void *memory;    // of slot 0, mapped; NULL until the program is started
};

struct program {
    struct gpu_device *device;
    double submission_seconds;
    uint32_t slots;
    struct op_limits limits;
    const char *hint;
    struct graph *graph;
    struct plan *plan;
    struct exec *exec;
    struct copy *copies;
    size_t copy_count, copy_capacity;
    bool (*check)(struct gpu_device *device, const struct conv_variant *v,
                  const struct conv_shape *shape, bool *is_right);
    bool failed;    // out of memory for a declaration, or a check, which was logged
};

// A device that is lost, or memory that is missing, is no answer: the plan will fail.
static bool trusts(void *user, const struct conv_variant *v, const struct conv_shape *s)
{
    struct program *p = user;
    bool is_right = false;
    if (!p->failed && !p->check(p->device, v, s, &is_right))
        p->failed = true;
    return is_right;
}

struct program *program_create(const struct program_options *options)
{
    struct program *p = mem_zalloc(sizeof(*p));
    if (!p)
        return NULL;
    assert(options->device || (options->limits && !options->check));
    p->device = options->device;
    p->submission_seconds = options->submission_seconds;
    p->slots = MAX(options->slots, 1u);
    p->hint = options->hint;
    p->limits = options->limits ? *options->limits : plan_op_limits(options->device);
    if (options->tuning)
        p->limits.tuning = options->tuning;
    p->check = options->check;
    if (p->check) {
        p->limits.trusts = trusts;
        p->limits.trusts_user = p;
    }
    p->graph = graph_create(&p->limits);
    if (!p->graph) {
        program_destroy(p);
        return NULL;
    }
    return p;
}

void program_destroy(struct program *p)
{
    if (!p)
        return;
    exec_destroy(p->exec);
    plan_destroy(p->plan);
    graph_destroy(p->graph);
    mem_free(p->copies);
    mem_free(p);
}

struct graph *program_graph(struct program *p)
{
    return p->graph;
}

const struct op_limits *program_limits(const struct program *p)
{
    return &p->limits;
}

// ---------------------------------------------------------------------------
// Plan

static void add_copy(struct program *p, struct copy copy)
{
    assert(!p->plan);
    if (!mem_grow(&p->copies, &p->copy_capacity, p->copy_count + 1,
                  sizeof(p->copies[0]))) {
        p->failed = true;
        return;
    }
    p->copies[p->copy_count++] = copy;
}

static uint64_t copy_bytes(const struct copy *c)
{
    return c->flags ? c->flags->count * sizeof(float) : tensor_bytes(c->tensor);
}

void program_upload(struct program *p, struct tensor *t)
{
    if (t)
        add_copy(p, (struct copy){ .tensor = t, .is_upload = true });
}

void program_download(struct program *p, struct tensor *t)
{
    if (t)
        add_copy(p, (struct copy){ .tensor = t });
}

void program_watch(struct program *p, const struct weights *weights)
{
    if (weights->count > 0)
        add_copy(p, (struct copy){ .flags = weights });
}

bool program_has_failed(const struct program *p)
{
    return p->failed;
}

// Whether any kernel reads the numbers that change from step to step.
static bool uses_step_block(const struct graph *g)
{
    for (size_t i = 0; i < graph_call_count(g); i++)
        if (graph_call(g, i)->uses_step)
            return true;
    return false;
}

bool program_plan(struct program *p, struct weights *const *networks, size_t count,
                  struct pix_plan *out)
{
    struct plan_limits limits = plan_device_limits(p->device);
    struct pix_plan sums = { 0 };
    uint64_t *const trained[] = { &sums.weights_g, &sums.weights_d };
    assert(count <= ARRAY_LEN(trained));
    limits.hint = p->hint;
    if (p->failed)
        return false;
    // Weights that another program placed stay where they are.
    for (size_t i = 0; i < count; i++)
        if (networks[i] && !weights_place(networks[i], limits.max_block))
            return false;
    if (!p->plan)
        p->plan = plan_build(p->graph, &limits);
    if (!p->plan)
        return false;
    for (size_t i = 0; i < count; i++)
        if (networks[i]) {
            sums.state_bytes += weights_bytes(networks[i]);
            *trained[i] = weights_trained_count(networks[i]);
        }
    for (size_t i = 0; i < p->copy_count; i++)
        sums.staging_bytes += copy_bytes(&p->copies[i]);
    if (uses_step_block(p->graph))
        sums.step_block_bytes = footprint_step_block();
    if (!footprint_sum_up(p->device, p->submission_seconds, p->graph, p->plan, &sums))
        return false;
    if (out)
        *out = sums;
    return true;
}

const struct plan *program_get_plan(const struct program *p)
{
    return p->plan;
}

// ---------------------------------------------------------------------------
// Runs

// Upload memory begins as zeros in every slot: a jitter that nobody writes crops and
// mirrors nothing.
static bool connect(struct program *p, struct copy *c)
{
    if (!c->is_upload) {
        c->memory = c->flags ? exec_download_flags(p->exec, c->flags)
                             : exec_download(p->exec, c->tensor);
        return c->memory != NULL;
    }
    void *memory = exec_upload(p->exec, c->tensor);
    if (!memory)
        return false;
    c->memory = memory;
    for (uint32_t i = 0; i < p->slots; i++)
        memset(exec_slot_memory(p->exec, i, memory), 0,
               (size_t)tensor_bytes(c->tensor));
    return true;
}

bool program_start(struct program *p)
{
    assert(p->plan && !p->exec);
    if (!plan_allocate(p->plan, p->device))
        return false;
    p->exec = exec_create(p->device, p->graph, p->submission_seconds, p->slots);
    bool ok = p->exec != NULL;
    for (size_t i = 0; ok && i < p->copy_count; i++)
        ok = connect(p, &p->copies[i]);
    if (!ok) {
        exec_destroy(p->exec);
        p->exec = NULL;
    }
    return ok;
}

bool program_compile(struct program *const *programs, size_t count)
{
    const struct graph **graphs = mem_array(MAX(count, 1), sizeof(const void *));
    if (!graphs)
        return false;
    for (size_t i = 0; i < count; i++) {
        assert(programs[i]->plan && programs[i]->device == programs[0]->device);
        graphs[i] = programs[i]->graph;
    }
    const bool ok =
        count == 0 || exec_create_kernels(programs[0]->device, graphs, count);
    mem_free(graphs);
    return ok;
}

bool program_is_started(const struct program *p)
{
    return p->exec != NULL;
}

static void *memory_of(const struct program *p, uint32_t slot, const struct tensor *t,
                       bool is_upload)
{
    assert(p->exec && slot < p->slots);
    for (size_t i = 0; i < p->copy_count; i++)
        if (p->copies[i].tensor == t && p->copies[i].is_upload == is_upload)
            return exec_slot_memory(p->exec, slot, p->copies[i].memory);
    assert(!"the tensor was not declared");
    return NULL;
}

void *program_input(const struct program *p, uint32_t slot, const struct tensor *t)
{
    return memory_of(p, slot, t, true);
}

const void *program_output(const struct program *p, uint32_t slot,
                           const struct tensor *t)
{
    return memory_of(p, slot, t, false);
}

const float *program_flags(const struct program *p, uint32_t slot,
                           const struct weights *weights)
{
    assert(p->exec && slot < p->slots);
    for (size_t i = 0; i < p->copy_count; i++)
        if (p->copies[i].flags == weights)
            return exec_slot_memory(p->exec, slot, p->copies[i].memory);
    return NULL;
}

bool program_run(struct program *p, const struct step_block *step)
{
    return exec_run(p->exec, step);
}

bool program_submit(struct program *p, uint32_t slot, const struct step_block *step)
{
    return exec_submit(p->exec, slot, step);
}

bool program_wait(struct program *p, uint32_t slot)
{
    return exec_wait(p->exec, slot);
}

const char *program_last_kernel(const struct program *p)
{
    return exec_last_kernel(p->exec);
}

struct exec *program_exec(struct program *p)
{
    return p->exec;
}
