// SPDX-License-Identifier: MIT
//
// Products on the device. See product_run.h.

#include "selftest/product_run.h"

#include "ops/conv_variant.h"
#include "program/program.h"

// Whether the calls are of the kernel: one that does not fit is replaced when calls are
// emitted.
static bool is_kernel(const struct graph *g, enum shader shader)
{
    const enum shader emitted = graph_call(g, 0)->shader;
    return emitted == shader || emitted == shader_table[shader].halves;
}

bool product_run_plan(struct product_run *r, const struct selftest *t, double seconds,
                      const struct conv_variant *v, const struct product_case *c,
                      enum conv_direction direction, bool *offered)
{
    const struct product_roles roles = product_case_roles(c, direction);
    struct conv_shape shape = c->shape;
    struct op_limits limits = plan_op_limits(t->device);
    limits.force = v;
    const struct program_options options = {
        .device = t->device,
        .submission_seconds = seconds,
        .limits = &limits,
    };
    shape.direction = direction;
    *offered = false;
    *r = (struct product_run){ .of = c,
                               .roles = roles,
                               .program = program_create(&options) };
    if (!r->program)
        return false;
    struct graph *g = program_graph(r->program);
    r->a = graph_input(g, "a", c->sides[roles.a].shape, c->format);
    r->b = graph_input(g, "b", c->sides[roles.b].shape, c->format);
    // Written by the host as well: what the kernel leaves out shows.
    r->out = graph_input(g, "out", c->sides[roles.out].shape, roles.out_format);
    if (graph_failed(g))
        return false;
    graph_product(g, &shape, r->a, r->b, r->out);
    graph_keep(g, r->out);
    if (graph_failed(g))
        return false;
    *offered = is_kernel(g, conv_variant_shader(v, direction, c->format));
    if (!*offered)
        return true;
    r->count = shape_count(r->out->shape);
    r->bytes = tensor_bytes(r->out);
    program_upload(r->program, r->a);
    program_upload(r->program, r->b);
    program_upload(r->program, r->out);
    program_download(r->program, r->out);
    return program_plan(r->program, NULL, 0, NULL);
}

bool product_run_init(struct product_run *r, const struct selftest *t, double seconds,
                      const struct conv_variant *v, const struct product_case *c,
                      enum conv_direction direction, bool *offered)
{
    return product_run_plan(r, t, seconds, v, c, direction, offered) &&
           (!*offered || program_start(r->program));
}

void product_run_finish(struct product_run *r)
{
    program_destroy(r->program);
    *r = (struct product_run){ 0 };
}

const void *product_run_once(const struct product_run *r, enum product_data data)
{
    const struct product_numbers *sides = r->of->sides;
    const struct program *p = r->program;
    product_case_encode(sides[r->roles.a].operand[data], shape_count(r->a->shape),
                        r->a->format, program_input(p, 0, r->a));
    product_case_encode(sides[r->roles.b].operand[data], shape_count(r->b->shape),
                        r->b->format, program_input(p, 0, r->b));
    product_case_erase(r->count, r->out->format, program_input(p, 0, r->out));
    return program_run(r->program, NULL) ? program_output(p, 0, r->out) : NULL;
}
