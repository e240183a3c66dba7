// SPDX-License-Identifier: MIT
//
// Fields are those of onnx.proto. See onnx.h.

#include "support/onnx.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

// The fields of a message. Reading past their end fails the test.
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
