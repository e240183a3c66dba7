// SPDX-License-Identifier: MIT
//
// Names and groups of calls. See kinds.h.

#include "bench/kinds.h"

#include "base/mem.h"
#include "ops/conv_choice.h"
#include "shared/conv.h"

#include <stdio.h>
#include <string.h>

// What a kernel does, by the beginning of its name: the longest that fits.
static const struct {
    const char *prefix, *group;
} families[] = {
    { "conv_forward", "forward" },
    { "conv_backward_input", "input gradient" },
    { "conv_backward_weight", "weight gradient" },
    { "conv_backward_bias", "bias gradient" },
    { "norm", "norm" },
    { "adam", "Adam" },
    { "loss", "loss" },
    { "", "other" },    // fits every name: the search ends here
};

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

// A transposed convolution runs forward by the kernels of the input gradient, and the
// other way round: the group is what is done for the layer.
static const char *group_of(const struct call *call)
{
    const char *name = shader_table[call->shader].name;
    bool transposed = begins_with(call->label, "conv_transpose");
    // The two first rows are each other's transposed direction.
    size_t i = 0;
    while (!begins_with(name, families[i].prefix))
        i++;
    if (transposed && i < 2)
        i = 1 - i;
    return families[i].group;
}

const char *kinds_group(size_t index)
{
    return index < ARRAY_LEN(families) ? families[index].group : NULL;
}

// How both factors of a convolution are stored, which stand first in each direction;
// floats if one of them is.
static enum tensor_format product_format(const struct call *call)
{
    const struct tensor *a = call->use[0].tensor, *b = call->use[1].tensor;
    return a->format == b->format ? a->format : TENSOR_F32;
}

// Only where both factors have 16 bits can a unit for such numbers multiply them.
enum arithmetic kinds_arithmetic(const struct call *call)
{
    if (!kinds_is_product(group_of(call)))
        return ARITHMETIC_F32;
    const enum tensor_format format = product_format(call);
    return format == TENSOR_F16    ? ARITHMETIC_F16
           : format == TENSOR_BF16 ? ARITHMETIC_BF16
                                   : ARITHMETIC_F32;
}

bool kinds_is_product(const char *group)
{
    return strcmp(group, "forward") == 0 || strcmp(group, "input gradient") == 0 ||
           strcmp(group, "weight gradient") == 0;
}

// The params of a call that is a convolution in one of its directions; else NULL.
static const struct conv_params *product_of(const struct call *call, const char *group)
{
    if (!kinds_is_product(group))
        return NULL;
    if (call->params_size == sizeof(struct conv_weight_params))
        return &((const struct conv_weight_params *)call->params)->conv;
    return call->params_size == sizeof(struct conv_params) ? call->params : NULL;
}

// Of the names of kernels for tensors of 16 bits, and of those that heed a loss scale.
static const char *const endings[] = { "_16", "_scaled" };

// A name that does not depend on the device or the kernel chosen there, nor on the
// precision.
static void name_call(const struct call *call, const char *group,
                      char name[CALL_NAME_SIZE])
{
    const struct conv_params *p = product_of(call, group);
    if (p) {
        bool transposed = begins_with(call->label, "conv_transpose");
        char x[48], y[48];
        snprintf(x, sizeof(x), "%ux%ux%u", p->c_in, p->h_in, p->w_in);
        snprintf(y, sizeof(y), "%ux%ux%u", p->c_out, p->h_out, p->w_out);
        snprintf(name, CALL_NAME_SIZE, "%s %s to %s, k%u s%u, %u image%s",
                 transposed ? "transposed" : "conv", transposed ? y : x,
                 transposed ? x : y, call->spec[CONV_SPEC_KERNEL],
                 call->spec[CONV_SPEC_STRIDE], p->n, p->n == 1 ? "" : "s");
        return;
    }
    // The largest tensor says what size the work has.
    const struct tensor *largest = NULL;
    char shape[SHAPE_TEXT_SIZE];
    for (size_t i = 0; i < CALL_MAX_BUFFERS && call->use[i].tensor; i++)
        if (!largest || tensor_bytes(call->use[i].tensor) > tensor_bytes(largest))
            largest = call->use[i].tensor;
    // Without what tells kernels for other numbers from it.
    const char *shader = shader_table[call->shader].name;
    size_t length = strlen(shader);
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (length > strlen(endings[i]) &&
            strcmp(shader + length - strlen(endings[i]), endings[i]) == 0)
            length -= strlen(endings[i]);
    snprintf(name, CALL_NAME_SIZE, "%.*s %s", (int)length, shader,
             largest ? shape_text(largest->shape, shape) : "");
}

void kinds_kernel_name(const struct op_limits *limits, const struct call *call,
                       const char *group, char name[CALL_NAME_SIZE])
{
    const char *shader = shader_table[call->shader].name;
    snprintf(name, CALL_NAME_SIZE, "%s", shader);
    const struct conv_params *p = product_of(call, group);
    if (!p)
        return;
    const struct conv_shape shape = {
        .direction = begins_with(shader, "conv_forward") ? CONV_FORWARD
                     : begins_with(shader, "conv_backward_input")
                         ? CONV_BACKWARD_INPUT
                         : CONV_BACKWARD_WEIGHT,
        .x = { p->n, p->c_in, p->h_in, p->w_in },
        .c_out = p->c_out,
        .kernel = call->spec[CONV_SPEC_KERNEL],
        .stride = call->spec[CONV_SPEC_STRIDE],
        .pad = call->spec[CONV_SPEC_PAD],
        .format = product_format(call),
    };
    // Parts of other ops that the kernel does while it stores.
    static const char *const stores[] = { [CONV_STORE_PLAIN] = "",
                                          [CONV_STORE_TANH] = ", tanh",
                                          [CONV_STORE_DERIVATIVE] = ", derivative",
                                          [CONV_STORE_ADAM] = ", Adam" };
    const bool activates = call->spec[CONV_SPEC_LOAD] != CONV_LOAD_PLAIN;
    const uint32_t store = call->spec[CONV_SPEC_STORE];
    snprintf(name, CALL_NAME_SIZE, "%s %s%s%s%s", shader,
             conv_choice_of(limits, &shape)->name, activates ? ", leaky" : "",
             store < ARRAY_LEN(stores) ? stores[store] : "",
             call->spec[CONV_SPEC_ACCUMULATE] ? ", adds" : "");
}

// The shapes are compared through the name, the choice of kernel through the constants.
// Groups are compared by address, being the literals of `families`.
static bool same_kind(const struct graph *g, const struct call_kind *a,
                      const struct call_kind *b)
{
    const struct call *x = graph_call(g, a->first), *y = graph_call(g, b->first);
    return x->shader == y->shader && x->spec_count == y->spec_count &&
           memcmp(x->spec, y->spec, x->spec_count * sizeof(x->spec[0])) == 0 &&
           x->grid.x == y->grid.x && x->grid.y == y->grid.y && x->grid.z == y->grid.z &&
           x->flops == y->flops && a->bytes == b->bytes && a->group == b->group &&
           strcmp(a->name, b->name) == 0;
}

struct call_kind *kinds_find(const struct graph *g, size_t *count)
{
    size_t calls = graph_call_count(g);
    struct call_kind *kinds = mem_array(MAX(calls, 1), sizeof(kinds[0]));
    *count = 0;
    for (size_t c = 0; kinds && c < calls; c++) {
        const struct call *call = graph_call(g, c);
        // Written behind the last kind, where it stays if there is no equal one.
        struct call_kind *new = &kinds[*count];
        *new = (struct call_kind){
            .first = c, .group = group_of(call), .bytes = call_bytes(call), .count = 1
        };
        name_call(call, new->group, new->name);
        size_t k = 0;
        while (k < *count && !same_kind(g, &kinds[k], new))
            k++;
        if (k < *count)
            kinds[k].count++;
        else
            (*count)++;
    }
    // The same work done in different ways (one sets, another adds) has one name so
    // far: number it, because stored results are compared by name.
    for (size_t i = 0; kinds && i < *count; i++) {
        size_t length = strlen(kinds[i].name);
        uint32_t same = 1;
        for (size_t k = 0; k < i; k++)
            same += kinds[k].group == kinds[i].group &&
                    strncmp(kinds[k].name, kinds[i].name, length) == 0 &&
                    (kinds[k].name[length] == '\0' ||
                     strncmp(kinds[k].name + length, " #", 2) == 0);
        if (same > 1)
            snprintf(kinds[i].name + length, CALL_NAME_SIZE - length, " #%u",
                     (unsigned)same);
    }
    return kinds;
}
