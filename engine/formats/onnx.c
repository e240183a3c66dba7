// SPDX-License-Identifier: MIT
//
// The messages of onnx.proto, in the order in which a file has them here:
//
//     model:  version, producer, text, graph, operator set, metadata
//     graph:  name, nodes, constants, weights, inputs, outputs
//
// Protobuf puts the size of a message in front of it. The sizes of all weights are
// known before their data, so the size of the graph can be written before it. See
// onnx.h.
//
// Format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto

#include "formats/onnx.h"

#include "base/log.h"
#include "base/mem.h"

#include <assert.h>

// The format of files since ONNX 1.8, which has operator set 13, and since ONNX 1.10,
// which has 15: readers of the older one know no later operator sets.
#define IR_VERSION 7
#define IR_VERSION_15 8

// Numbers of fields in onnx.proto.
enum { MODEL_IR_VERSION = 1, MODEL_PRODUCER };
enum { MODEL_DOC = 6, MODEL_GRAPH, MODEL_OPSET, MODEL_METADATA = 14 };
enum { OPSET_DOMAIN = 1, OPSET_VERSION };
enum { ENTRY_KEY = 1, ENTRY_VALUE };
enum { GRAPH_NODE = 1, GRAPH_NAME, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11 };
enum { GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT, NODE_NAME, NODE_TYPE, NODE_ATTRIBUTE };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_FLOAT, ATTRIBUTE_INT, ATTRIBUTE_TEXT };
enum { ATTRIBUTE_INTS = 8, ATTRIBUTE_KIND = 20 };
enum { TENSOR_SIDE = 1, TENSOR_KIND, TENSOR_NAME = 8, TENSOR_RAW };
enum { VALUE_NAME = 1, VALUE_TYPE };
enum { TYPE_TENSOR = 1 };
enum { TENSOR_TYPE_KIND = 1, TENSOR_TYPE_SHAPE };
enum { SHAPE_SIDE = 1 };
enum { SIDE_LENGTH = 1, SIDE_NAME };

// Values of ATTRIBUTE_KIND; of TENSOR_KIND and TENSOR_TYPE_KIND.
enum { HOLDS_FLOAT = 1, HOLDS_INT = 2, HOLDS_TEXT = 3, HOLDS_INTS = 7 };
enum { OF_FLOATS = 1, OF_INT64 = 7 };

// ---------------------------------------------------------------------------
// Descriptions

void onnx_begin(struct onnx_writer *w, const char *name, uint32_t opset)
{
    assert(opset >= ONNX_OPSET_MIN && opset <= ONNX_OPSET_MAX);
    *w = (struct onnx_writer){ .opset = opset };
    protobuf_put_text(&w->graph, GRAPH_NAME, name);
}

void onnx_put_metadata(struct onnx_writer *w, const char *key, const char *text)
{
    struct protobuf entry = { 0 };
    protobuf_put_text(&entry, ENTRY_KEY, key);
    protobuf_put_text(&entry, ENTRY_VALUE, text);
    protobuf_put_message(&w->metadata, MODEL_METADATA, &entry);
}

// A value's type is a tensor type with a shape, each a message of its own.
static void describe_value(struct onnx_writer *w, uint32_t field, const char *name,
                           const struct onnx_side *sides, uint32_t rank)
{
    struct protobuf shape = { 0 }, tensor = { 0 }, type = { 0 }, value = { 0 };
    for (uint32_t i = 0; i < rank; i++) {
        struct protobuf side = { 0 };
        if (sides[i].name)
            protobuf_put_text(&side, SIDE_NAME, sides[i].name);
        else
            protobuf_put_number(&side, SIDE_LENGTH, sides[i].length);
        protobuf_put_message(&shape, SHAPE_SIDE, &side);
    }
    protobuf_put_number(&tensor, TENSOR_TYPE_KIND, OF_FLOATS);
    protobuf_put_message(&tensor, TENSOR_TYPE_SHAPE, &shape);
    protobuf_put_message(&type, TYPE_TENSOR, &tensor);
    protobuf_put_text(&value, VALUE_NAME, name);
    protobuf_put_message(&value, VALUE_TYPE, &type);
    protobuf_put_message(&w->values, field, &value);
}

void onnx_describe_input(struct onnx_writer *w, const char *name,
                         const struct onnx_side *sides, uint32_t rank)
{
    describe_value(w, GRAPH_INPUT, name, sides, rank);
}

void onnx_describe_output(struct onnx_writer *w, const char *name,
                          const struct onnx_side *sides, uint32_t rank)
{
    describe_value(w, GRAPH_OUTPUT, name, sides, rank);
}

// ---------------------------------------------------------------------------
// Nodes

void onnx_begin_node(struct onnx_writer *w, const char *type, const char *name)
{
    assert(w->node.size == 0);    // the one before has ended: nodes do not nest
    protobuf_put_text(&w->node, NODE_NAME, name);
    protobuf_put_text(&w->node, NODE_TYPE, type);
}

void onnx_put_in(struct onnx_writer *w, const char *value)
{
    protobuf_put_text(&w->node, NODE_INPUT, value);
}

void onnx_put_out(struct onnx_writer *w, const char *value)
{
    protobuf_put_text(&w->node, NODE_OUTPUT, value);
}

// An attribute states its type beside its value.
static struct protobuf attribute_begin(const char *name, uint32_t kind)
{
    struct protobuf attribute = { 0 };
    protobuf_put_text(&attribute, ATTRIBUTE_NAME, name);
    protobuf_put_number(&attribute, ATTRIBUTE_KIND, kind);
    return attribute;
}

void onnx_put_int(struct onnx_writer *w, const char *attribute, int64_t value)
{
    struct protobuf a = attribute_begin(attribute, HOLDS_INT);
    protobuf_put_number(&a, ATTRIBUTE_INT, (uint64_t)value);
    protobuf_put_message(&w->node, NODE_ATTRIBUTE, &a);
}

void onnx_put_ints(struct onnx_writer *w, const char *attribute, const int64_t *values,
                   uint32_t count)
{
    struct protobuf a = attribute_begin(attribute, HOLDS_INTS);
    for (uint32_t i = 0; i < count; i++)
        protobuf_put_number(&a, ATTRIBUTE_INTS, (uint64_t)values[i]);
    protobuf_put_message(&w->node, NODE_ATTRIBUTE, &a);
}

void onnx_put_float(struct onnx_writer *w, const char *attribute, float value)
{
    struct protobuf a = attribute_begin(attribute, HOLDS_FLOAT);
    protobuf_put_float(&a, ATTRIBUTE_FLOAT, value);
    protobuf_put_message(&w->node, NODE_ATTRIBUTE, &a);
}

void onnx_put_text(struct onnx_writer *w, const char *attribute, const char *text)
{
    struct protobuf a = attribute_begin(attribute, HOLDS_TEXT);
    protobuf_put_text(&a, ATTRIBUTE_TEXT, text);
    protobuf_put_message(&w->node, NODE_ATTRIBUTE, &a);
}

void onnx_end_node(struct onnx_writer *w)
{
    protobuf_put_message(&w->graph, GRAPH_NODE, &w->node);
}

// ---------------------------------------------------------------------------
// Constants and weights

static struct protobuf tensor_begin(const char *name, uint32_t kind,
                                    const uint64_t *sides, uint32_t rank)
{
    struct protobuf tensor = { 0 };
    for (uint32_t i = 0; i < rank; i++)
        protobuf_put_number(&tensor, TENSOR_SIDE, sides[i]);
    protobuf_put_number(&tensor, TENSOR_KIND, kind);
    protobuf_put_text(&tensor, TENSOR_NAME, name);
    return tensor;
}

// Constants are small initializers: they stand before the weights, data and all. Raw
// data is little-endian (onnx.proto, raw_data), as is every machine that has Vulkan.
static void put_constant(struct onnx_writer *w, const char *name, uint32_t kind,
                         const void *values, uint32_t count, size_t size)
{
    const uint64_t side = count;
    struct protobuf tensor = tensor_begin(name, kind, &side, count > 0);
    protobuf_put_bytes(&tensor, TENSOR_RAW, values, MAX(count, 1) * size);
    protobuf_put_message(&w->graph, GRAPH_INITIALIZER, &tensor);
}

void onnx_put_constant_ints(struct onnx_writer *w, const char *name,
                            const int64_t *values, uint32_t count)
{
    put_constant(w, name, OF_INT64, values, count, sizeof(*values));
}

void onnx_put_constant_floats(struct onnx_writer *w, const char *name,
                              const float *values, uint32_t count)
{
    put_constant(w, name, OF_FLOATS, values, count, sizeof(*values));
}

void onnx_describe_weight(struct onnx_writer *w, const char *name,
                          const uint64_t *sides, uint32_t rank)
{
    uint64_t bytes = sizeof(float);
    for (uint32_t i = 0; i < rank; i++)
        bytes *= sides[i];
    if (!mem_grow(&w->weights, &w->capacity, w->count + 1, sizeof(*w->weights))) {
        w->failed = true;
        return;
    }
    struct protobuf tensor = tensor_begin(name, OF_FLOATS, sides, rank);
    protobuf_put_head(&tensor, TENSOR_RAW, bytes);
    // The size of the field covers this head and the data behind it.
    protobuf_put_head(&w->heads, GRAPH_INITIALIZER, tensor.size + bytes);
    protobuf_put_fields(&w->heads, &tensor);
    w->weights[w->count++] =
        (struct onnx_weight){ .head_end = w->heads.size, .bytes = bytes };
}

// ---------------------------------------------------------------------------
// The file

// Readers of protobuf count the bytes of a message in a signed 32-bit number. Larger
// models keep their weights in separate files, which this writer does not do.
static bool refuse(const char *path, uint64_t size)
{
    log_error(
        "onnx: %s would have %.2f GiB, and an ONNX file cannot reach 2 GiB: write "
        "a .pth or .safetensors file instead",
        path, (double)size / (1 << 30));
    return false;
}

// The bytes of a message that is complete, without a head.
static bool write_message(struct onnx_writer *w, const struct protobuf *m)
{
    return file_writer_write(&w->file, m->bytes, m->size);
}

bool onnx_begin_data(struct onnx_writer *w, const char *path, const char *producer,
                     const char *doc)
{
    // The graph: what is in memory, plus the data that follows each weight's head.
    uint64_t graph = (uint64_t)w->graph.size + w->heads.size + w->values.size;
    for (size_t i = 0; i < w->count; i++)
        graph += w->weights[i].bytes;

    struct protobuf model = { 0 }, opset = { 0 };
    protobuf_put_number(&model, MODEL_IR_VERSION,
                        w->opset < 15 ? IR_VERSION : IR_VERSION_15);
    protobuf_put_text(&model, MODEL_PRODUCER, producer);
    protobuf_put_text(&model, MODEL_DOC, doc);
    protobuf_put_text(&opset, OPSET_DOMAIN, "");
    protobuf_put_number(&opset, OPSET_VERSION, w->opset);
    protobuf_put_message(&model, MODEL_OPSET, &opset);
    protobuf_put_head(&model, MODEL_GRAPH, graph);

    const uint64_t size = model.size + graph + w->metadata.size;
    const bool failed = w->failed || model.failed || w->graph.failed ||
                        w->heads.failed || w->values.failed || w->metadata.failed;
    bool ok = !failed && (size <= PROTOBUF_MAX_SIZE || refuse(path, size)) &&
              file_writer_begin(&w->file, path, true) && write_message(w, &model) &&
              write_message(w, &w->graph);
    protobuf_free(&model);
    return ok;
}

// The heads of all weights lie in one buffer, one after another; each ends at its
// head_end, and the data goes between them.
bool onnx_put_weight(struct onnx_writer *w, const float *data)
{
    assert(w->written < w->count);
    const struct onnx_weight *weight = &w->weights[w->written];
    const size_t begin = w->written ? weight[-1].head_end : 0;
    w->written++;
    return file_writer_write(&w->file, w->heads.bytes + begin,
                             weight->head_end - begin) &&
           file_writer_write(&w->file, data, (size_t)weight->bytes);
}

static void free_descriptions(struct onnx_writer *w)
{
    struct protobuf *const messages[] = { &w->graph, &w->values, &w->metadata, &w->node,
                                          &w->heads };
    for (size_t i = 0; i < ARRAY_LEN(messages); i++)
        protobuf_free(messages[i]);
    mem_free(w->weights);
    w->weights = NULL;
}

bool onnx_commit(struct onnx_writer *w)
{
    assert(w->written == w->count);
    bool ok = write_message(w, &w->values) && write_message(w, &w->metadata) &&
              file_writer_commit(&w->file);
    if (ok)
        free_descriptions(w);
    return ok;
}

void onnx_abort(struct onnx_writer *w)
{
    file_writer_abort(&w->file);
    free_descriptions(w);
}
