// SPDX-License-Identifier: MIT
//
// A walk over the fields of onnx.proto. See onnx.h.

#include "support/onnx.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "support/gpu.h"

// A row of fields. Reading past its end fails the test.
struct span {
    const uint8_t *at, *end;
};

struct field {
    uint32_t number, kind;
    uint64_t value;      // kind 0, and 5
    struct span part;    // kind 2
};

static uint64_t read_number(struct span *s)
{
    uint64_t value = 0;
    for (uint32_t shift = 0; shift < 64; shift += 7) {
        assert_true(s->at < s->end);
        const uint8_t byte = *s->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
    fail_msg("a number has more than ten bytes");
    return 0;
}

static bool next(struct span *s, struct field *f)
{
    if (s->at == s->end)
        return false;
    const uint64_t key = read_number(s);
    *f = (struct field){ .number = (uint32_t)(key >> 3), .kind = key & 7 };
    if (f->kind == 0) {
        f->value = read_number(s);
    } else if (f->kind == 2) {
        const uint64_t size = read_number(s);
        assert_true(size <= (uint64_t)(s->end - s->at));
        f->part = (struct span){ s->at, s->at + size };
        s->at += size;
    } else if (f->kind == 5) {
        assert_true(s->end - s->at >= 4);
        for (uint32_t i = 0; i < 4; i++)
            f->value |= (uint64_t)*s->at++ << (8 * i);
    } else {
        fail_msg("field %u is of kind %u", f->number, f->kind);
    }
    return true;
}

static const char *text(struct onnx_model *m, const struct field *f)
{
    assert_int_equal(f->kind, 2);
    const size_t size = (size_t)(f->part.end - f->part.at);
    char *copy = calloc(1, size + 1);
    assert_non_null(copy);
    assert_true(m->string_count < ARRAY_LEN(m->strings));
    m->strings[m->string_count++] = copy;
    memcpy(copy, f->part.at, size);
    assert_int_equal(strlen(copy), size);
    return copy;
}

static struct onnx_attribute read_attribute(struct onnx_model *m, struct span s)
{
    struct onnx_attribute a = { 0 };
    for (struct field f; next(&s, &f);) {
        if (f.number == 1)
            a.name = text(m, &f);
        else if (f.number == 2) {
            const uint32_t bits = (uint32_t)f.value;
            assert_int_equal(f.kind, 5);
            memcpy(&a.number, &bits, sizeof(bits));
        } else if (f.number == 3 || f.number == 8) {
            assert_int_equal(f.kind, 0);
            assert_true(a.count < ONNX_MAX_LIST);
            a.ints[a.count++] = (int64_t)f.value;
        } else if (f.number == 4)
            a.text = text(m, &f);
        else if (f.number == 20)
            a.kind = f.value;
        else
            fail_msg("an attribute has a field %u", f.number);
    }
    assert_non_null(a.name);
    return a;
}

static struct onnx_node read_node(struct onnx_model *m, struct span s)
{
    struct onnx_node n = { 0 };
    for (struct field f; next(&s, &f);) {
        assert_true(n.in_count < ONNX_MAX_LIST && n.out_count < ONNX_MAX_LIST &&
                    n.attribute_count < ONNX_MAX_LIST);
        if (f.number == 1)
            n.in[n.in_count++] = text(m, &f);
        else if (f.number == 2)
            n.out[n.out_count++] = text(m, &f);
        else if (f.number == 3)
            n.name = text(m, &f);
        else if (f.number == 4)
            n.type = text(m, &f);
        else if (f.number == 5)
            n.attributes[n.attribute_count++] = read_attribute(m, f.part);
        else
            fail_msg("a node has a field %u", f.number);
    }
    assert_non_null(n.name);
    assert_non_null(n.type);
    return n;
}

static struct onnx_tensor read_tensor(struct onnx_model *m, struct span s)
{
    struct onnx_tensor t = { 0 };
    uint64_t count = 1;
    for (struct field f; next(&s, &f);) {
        if (f.number == 1) {
            assert_true(t.rank < ONNX_MAX_LIST);
            t.sides[t.rank++] = f.value;
            count *= f.value;
        } else if (f.number == 2)
            t.kind = f.value;
        else if (f.number == 8)
            t.name = text(m, &f);
        else if (f.number == 9) {
            t.raw = f.part.at;
            t.size = (size_t)(f.part.end - f.part.at);
        } else
            fail_msg("a tensor has a field %u", f.number);
    }
    assert_non_null(t.name);
    assert_true(t.kind == 1 || t.kind == 7);
    assert_int_equal(t.size, count * (t.kind == 1 ? 4 : 8));
    return t;
}

// The only field of a message of one.
static struct span only(struct span s, uint32_t number)
{
    struct field f;
    assert_true(next(&s, &f));
    assert_int_equal(f.number, number);
    assert_int_equal(f.kind, 2);
    assert_true(s.at == s.end);
    return f.part;
}

static void read_shape(struct onnx_model *m, struct span s, struct onnx_value *v)
{
    for (struct field f; next(&s, &f); v->rank++) {
        struct field side;
        assert_int_equal(f.number, 1);
        assert_true(v->rank < ONNX_MAX_LIST);
        assert_true(next(&f.part, &side));
        assert_true(f.part.at == f.part.end);
        if (side.number == 2)
            v->sides[v->rank] = text(m, &side);
        else
            v->lengths[v->rank] = side.value;
    }
}

static struct onnx_value read_value(struct onnx_model *m, struct span s)
{
    struct onnx_value v = { 0 };
    for (struct field f; next(&s, &f);) {
        if (f.number == 1) {
            v.name = text(m, &f);
            continue;
        }
        assert_int_equal(f.number, 2);
        struct span tensor = only(f.part, 1);
        for (struct field g; next(&tensor, &g);) {
            if (g.number == 1)
                v.kind = g.value;
            else
                read_shape(m, g.part, &v);
        }
    }
    assert_non_null(v.name);
    return v;
}

static void read_graph(struct onnx_model *m, struct span s)
{
    for (struct field f; next(&s, &f);) {
        assert_true(m->node_count < ONNX_MAX && m->tensor_count < ONNX_MAX &&
                    m->input_count < ONNX_MAX_LIST && m->output_count < ONNX_MAX_LIST);
        if (f.number == 1)
            m->nodes[m->node_count++] = read_node(m, f.part);
        else if (f.number == 2)
            m->graph_name = text(m, &f);
        else if (f.number == 5)
            m->tensors[m->tensor_count++] = read_tensor(m, f.part);
        else if (f.number == 11)
            m->inputs[m->input_count++] = read_value(m, f.part);
        else if (f.number == 12)
            m->outputs[m->output_count++] = read_value(m, f.part);
        else
            fail_msg("the graph has a field %u", f.number);
    }
}

// An entry of the metadata, or of the operator sets with a number as its second field.
static void read_entry(struct onnx_model *m, struct span s, bool is_opset)
{
    const char *key = "";
    for (struct field f; next(&s, &f);) {
        if (f.number == 1)
            key = text(m, &f);
        else if (is_opset)
            m->opset = f.value;
        else {
            assert_true(m->metadata_count < ONNX_MAX_LIST);
            m->keys[m->metadata_count] = key;
            m->texts[m->metadata_count++] = text(m, &f);
        }
    }
    if (is_opset)
        assert_string_equal(key, "");
}

static uint32_t readers_of(const struct onnx_model *m, const char *value)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < m->node_count; i++)
        for (uint32_t k = 0; k < m->nodes[i].in_count; k++)
            count += strcmp(m->nodes[i].in[k], value) == 0;
    return count;
}

const struct onnx_node *onnx_maker(const struct onnx_model *m, const char *value)
{
    for (uint32_t i = 0; i < m->node_count; i++)
        for (uint32_t k = 0; k < m->nodes[i].out_count; k++)
            if (strcmp(m->nodes[i].out[k], value) == 0)
                return &m->nodes[i];
    return NULL;
}

static bool is_given(const struct onnx_model *m, const char *value)
{
    for (uint32_t i = 0; i < m->input_count; i++)
        if (strcmp(m->inputs[i].name, value) == 0)
            return true;
    return onnx_tensor(m, value) != NULL;
}

static void check_names(const struct onnx_model *m)
{
    for (uint32_t i = 0; i < m->node_count; i++) {
        const struct onnx_node *n = &m->nodes[i];
        for (uint32_t k = 0; k < n->in_count; k++) {
            const struct onnx_node *maker = onnx_maker(m, n->in[k]);
            if (n->in[k][0] && !(maker ? maker < n : is_given(m, n->in[k])))
                fail_msg("%s reads %s, which nothing makes before it", n->name,
                         n->in[k]);
        }
        assert_int_equal(n->out_count, 1);
        if (onnx_maker(m, n->out[0]) != n || is_given(m, n->out[0]))
            fail_msg("%s is made twice", n->out[0]);
        for (uint32_t k = i + 1; k < m->node_count; k++)
            assert_string_not_equal(n->name, m->nodes[k].name);
        if (strcmp(n->out[0], m->outputs[0].name) != 0 && !readers_of(m, n->out[0]))
            fail_msg("nothing reads %s", n->out[0]);
    }
    for (uint32_t i = 0; i < m->tensor_count; i++) {
        if (!readers_of(m, m->tensors[i].name))
            fail_msg("nothing reads %s", m->tensors[i].name);
        if (onnx_tensor(m, m->tensors[i].name) != &m->tensors[i])
            fail_msg("%s is there twice", m->tensors[i].name);
    }
    assert_non_null(onnx_maker(m, m->outputs[0].name));
}

struct onnx_model *onnx_read(const char *path)
{
    struct onnx_model *m = calloc(1, sizeof(*m));
    size_t size;
    assert_non_null(m);
    assert_true(file_read(path, &m->bytes, &size));
    struct span s = { m->bytes, (uint8_t *)m->bytes + size };
    for (struct field f; next(&s, &f);) {
        if (f.number == 1)
            m->ir_version = f.value;
        else if (f.number == 2)
            m->producer = text(m, &f);
        else if (f.number == 6)
            m->doc = text(m, &f);
        else if (f.number == 7)
            read_graph(m, f.part);
        else if (f.number == 8 || f.number == 14)
            read_entry(m, f.part, f.number == 8);
        else
            fail_msg("the model has a field %u", f.number);
    }
    assert_int_equal(m->input_count, 1);
    assert_int_equal(m->output_count, 1);
    check_names(m);
    return m;
}

void onnx_free(struct onnx_model *m)
{
    for (size_t i = 0; i < m->string_count; i++)
        free(m->strings[i]);
    mem_free(m->bytes);
    free(m);
}

const char *onnx_metadata(const struct onnx_model *m, const char *key)
{
    for (uint32_t i = 0; i < m->metadata_count; i++)
        if (strcmp(m->keys[i], key) == 0)
            return m->texts[i];
    return NULL;
}

const struct onnx_tensor *onnx_tensor(const struct onnx_model *m, const char *name)
{
    for (uint32_t i = 0; i < m->tensor_count; i++)
        if (strcmp(m->tensors[i].name, name) == 0)
            return &m->tensors[i];
    return NULL;
}

const struct onnx_attribute *onnx_attribute(const struct onnx_node *n, const char *name)
{
    for (uint32_t i = 0; i < n->attribute_count; i++)
        if (strcmp(n->attributes[i].name, name) == 0)
            return &n->attributes[i];
    return NULL;
}

uint32_t onnx_count(const struct onnx_model *m, const char *type)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < m->node_count; i++)
        count += strcmp(m->nodes[i].type, type) == 0;
    return count;
}

// ---------------------------------------------------------------------------
// Networks

static struct tensor *build_generator(const struct onnx_case *c, struct graph *g,
                                      struct weights *weights, struct tensor *x)
{
    return generator_build(
        g, weights, x, &c->generator,
        (struct model_mode){ .no_dropout = true, .statistics = c->statistics });
}

static struct tensor *build_discriminator(const struct onnx_case *c, struct graph *g,
                                          struct weights *weights, struct tensor *x)
{
    return discriminator_build(g, weights, x, &c->discriminator,
                               (struct model_mode){ .statistics = c->statistics });
}

// Every attribute of ops that the networks leave out.
static struct tensor *build_pieces(const struct onnx_case *c, struct graph *g,
                                   struct weights *weights, struct tensor *x)
{
    const struct norm_attributes batch = {
        .kind = NORM_BATCH,
        .fixed = c->statistics == STATISTICS_RUNNING,
        .epsilon = 1e-3f,
        .leaky = true,
        .slope = 0.1f,
    };
    const struct norm_attributes plain = { .kind = NORM_INSTANCE, .epsilon = 1e-5f };
    struct norm_attributes relu = plain;
    relu.leaky = true;
    struct tensor *w[6];
    static const struct shape shapes[] = {
        { 4, 3, 7, 7 }, { 6, 4, 3, 3 }, { 6, 6, 3, 3 },
        { 6, 5, 3, 3 }, { 2, 8, 1, 1 }, { 5, 6, 3, 3 },
    };
    for (uint32_t i = 0; i < ARRAY_LEN(w); i++)
        w[i] = weights_add(weights, i == 3 ? WEIGHT_CONV_TRANSPOSE : WEIGHT_CONV,
                           shapes[i], "model.%u.weight", i);
    struct tensor *b =
        weights_add(weights, WEIGHT_BIAS, (struct shape){ 1, 6, 1, 1 }, "model.2.bias");

    struct tensor *head = graph_pad(g, x, 3, PAD_KIND_REFLECT);
    head = graph_conv(g, head, w[0], NULL, (struct conv_attributes){ 7, 1, 0 });
    head = graph_norm(g, head, weights_add_norm(weights, 4, "model.norm"), batch);
    struct tensor *h =
        graph_conv(g, head, w[1], NULL, (struct conv_attributes){ 3, 2, 1 });
    h = graph_norm(g, h, NULL, relu);

    struct tensor *inner = graph_pad(g, h, 1, PAD_KIND_ZERO);
    inner = graph_conv(g, inner, w[2], b, (struct conv_attributes){ 3, 1, 0 });
    inner = graph_norm(g, graph_sigmoid(g, inner), NULL, plain);
    h = graph_add(g, graph_scale(g, h, 0.25f), inner);
    h = graph_leaky_relu(g, graph_detach(g, h), 0.3f);
    struct tensor *resized = graph_conv(g, graph_upsample(g, h), w[5], NULL,
                                        (struct conv_attributes){ 3, 1, 1 });
    h = graph_conv_transpose(g, h, w[3], NULL,
                             (struct conv_attributes){ 3, 2, 1, .output_pad = 1 });
    h = graph_add(g, h, resized);
    h = graph_concat(g, graph_relu(g, h), graph_tanh(g, x));
    return graph_conv(g, h, w[4], NULL,
                      (struct conv_attributes){ 1, 1, 0, .leaky = true, .slope = 0.5f,
                                                .tanh = true });
}

const struct onnx_case onnx_cases[] = {
    {
        .name = "unet",
        .build = build_generator,
        .generator = { .levels = 5, .ngf = 2, .channels_in = 3, .channels_out = 3 },
        .written = { 1, 3, 32, 32 },
        .run = { 1, 3, 64, 32 },
    },
    {
        .name = "unet, batch",
        .build = build_generator,
        .generator = { .levels = 3, .ngf = 2, .channels_in = 3, .channels_out = 3 },
        .written = { 1, 3, 8, 8 },
        .run = { 3, 3, 32, 24 },
    },
    {
        .name = "unet, each image",
        .build = build_generator,
        .generator = { .levels = 3, .ngf = 2, .channels_in = 3, .channels_out = 3 },
        .statistics = STATISTICS_PER_IMAGE,
        .written = { 1, 3, 8, 8 },
        .run = { 3, 3, 32, 24 },
    },
    {
        .name = "unet, running",
        .build = build_generator,
        .generator = { .levels = 3, .ngf = 2, .channels_in = 3, .channels_out = 3 },
        .statistics = STATISTICS_RUNNING,
        .written = { 1, 3, 8, 8 },
        .run = { 2, 3, 32, 24 },
    },
    {
        .name = "unet, instance norm, resized",
        .build = build_generator,
        .generator = { .levels = 3,
                       .ngf = 2,
                       .channels_in = 3,
                       .channels_out = 3,
                       .norm = MODEL_NORM_INSTANCE,
                       .resize = true },
        .written = { 1, 3, 32, 32 },
        .run = { 2, 3, 32, 24 },
    },
    {
        .name = "unet of affinelayer",
        .build = build_generator,
        .generator = { .levels = 3,
                       .ngf = 2,
                       .channels_in = 3,
                       .channels_out = 3,
                       .bias = true,
                       .norm_innermost = true,
                       .decoder_first = true },
        .written = { 1, 3, 32, 32 },
        .run = { 2, 3, 32, 24 },
    },
    {
        .name = "encoder_decoder, no norm",
        .build = build_generator,
        .generator = { .levels = 3,
                       .ngf = 2,
                       .channels_in = 3,
                       .channels_out = 3,
                       .kind = GENERATOR_ENCODER_DECODER,
                       .norm = MODEL_NORM_NONE },
        .written = { 1, 3, 32, 32 },
        .run = { 2, 3, 16, 24 },
    },
    {
        .name = "resnet",
        .build = build_generator,
        .generator = { .kind = GENERATOR_RESNET,
                       .blocks = 2,
                       .ngf = 2,
                       .channels_in = 3,
                       .channels_out = 3 },
        .written = { 1, 3, 16, 16 },
        .run = { 1, 3, 24, 20 },
    },
    {
        .name = "resnet, instance norm, 1 to 4 channels",
        .build = build_generator,
        .generator = { .kind = GENERATOR_RESNET,
                       .blocks = 2,
                       .ngf = 2,
                       .channels_in = 1,
                       .channels_out = 4,
                       .norm = MODEL_NORM_INSTANCE },
        .written = { 1, 1, 16, 16 },
        .run = { 2, 1, 24, 20 },
    },
    {
        .name = "basic",
        .build = build_discriminator,
        .discriminator = { .layers = 3, .ndf = 2 },
        .written = { 1, 6, 32, 32 },
        .run = { 1, 6, 40, 48 },
    },
    {
        .name = "n_layers 1, instance norm",
        .build = build_discriminator,
        .discriminator = { .layers = 1, .ndf = 2, .norm = MODEL_NORM_INSTANCE },
        .written = { 1, 6, 32, 32 },
        .run = { 2, 6, 40, 48 },
    },
    {
        .name = "pixel",
        .build = build_discriminator,
        .discriminator = { .pixel = true, .ndf = 2 },
        .written = { 1, 6, 32, 32 },
        .run = { 1, 6, 9, 11 },
    },
    {
        .name = "pieces",
        .build = build_pieces,
        .written = { 1, 3, 8, 8 },
        .run = { 2, 3, 20, 28 },
    },
    {
        .name = "pieces, running",
        .build = build_pieces,
        .statistics = STATISTICS_RUNNING,
        .written = { 1, 3, 8, 8 },
        .run = { 2, 3, 20, 28 },
    },
};
const size_t onnx_case_count = ARRAY_LEN(onnx_cases);

const struct onnx_case *onnx_case(const char *name)
{
    for (size_t i = 0; i < onnx_case_count; i++)
        if (strcmp(onnx_cases[i].name, name) == 0)
            return &onnx_cases[i];
    fail_msg("there is no case '%s'", name);
    return NULL;
}

struct onnx_network onnx_build(const struct onnx_case *c, struct weights *weights)
{
    const struct op_limits limits = test_guaranteed_limits();
    struct onnx_network n = { .graph = graph_create(&limits) };
    assert_non_null(n.graph);
    n.input = graph_input(n.graph, "x", c->written, TENSOR_F32);
    n.output = c->build(c, n.graph, weights, n.input);
    assert_false(graph_failed(n.graph));
    return n;
}
