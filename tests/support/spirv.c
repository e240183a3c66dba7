// SPDX-License-Identifier: MIT
//
// Reads what test_shaders compares. Numbers of instructions and decorations are those
// of the SPIR-V specification, version 1.5.

#include "support/spirv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum {
    MAGIC = 0x07230203,
    OP_EXECUTION_MODE = 16,
    OP_CAPABILITY = 17,
    OP_TYPE_INT = 21,
    OP_TYPE_FLOAT = 22,
    OP_TYPE_IMAGE = 25,
    OP_TYPE_STRUCT = 30,
    OP_TYPE_POINTER = 32,
    OP_SPEC_CONSTANT_COMPOSITE = 51,
    OP_VARIABLE = 59,
    OP_DECORATE = 71,
    OP_MEMBER_DECORATE = 72,
    MODE_LOCAL_SIZE = 17,
    DECORATION_SPEC_ID = 1,
    DECORATION_BUFFER_BLOCK = 3,
    DECORATION_BUILT_IN = 11,
    DECORATION_NON_WRITABLE = 24,
    DECORATION_NON_READABLE = 25,
    DECORATION_BINDING = 33,
    DECORATION_DESCRIPTOR_SET = 34,
    DECORATION_OFFSET = 35,
    BUILT_IN_NUM_WORKGROUPS = 24,
    BUILT_IN_WORKGROUP_SIZE = 25,
    DIMENSION_BUFFER = 5,
    IMAGE_SAMPLED = 1,
    CLASS_UNIFORM_CONSTANT = 0,
    CLASS_UNIFORM = 2,
    CLASS_PUSH_CONSTANT = 9,
    CLASS_STORAGE_BUFFER = 12,
};

#define MAX_MEMBERS 32
#define NONE UINT32_MAX

// What is known of one id.
struct id {
    uint32_t op;
    uint32_t class, pointed;          // pointers and variables: storage class, type
    uint32_t size;                    // numbers: bytes
    uint32_t members[MAX_MEMBERS];    // structs: types; composites: parts
    uint32_t offsets[MAX_MEMBERS];
    uint32_t member_count;
    uint32_t non_writable_members, non_readable_members;    // how many
    uint32_t spec_id, binding, set, built_in;
    bool non_writable, non_readable, buffer_block;
    bool is_texel_buffer;    // images: uniform ones
};

static void read_decoration(struct id *id, const uint32_t *words, uint32_t count)
{
    uint32_t value = count > 1 ? words[1] : 0;
    switch (words[0]) {
    case DECORATION_SPEC_ID:
        id->spec_id = value;
        break;
    case DECORATION_BUFFER_BLOCK:
        id->buffer_block = true;
        break;
    case DECORATION_BUILT_IN:
        id->built_in = value;
        break;
    case DECORATION_NON_WRITABLE:
        id->non_writable = true;
        break;
    case DECORATION_NON_READABLE:
        id->non_readable = true;
        break;
    case DECORATION_BINDING:
        id->binding = value;
        break;
    case DECORATION_DESCRIPTOR_SET:
        id->set = value;
        break;
    default:
        break;
    }
}

static void read_member_decoration(struct id *id, uint32_t member,
                                   const uint32_t *words, uint32_t count)
{
    if (words[0] == DECORATION_NON_WRITABLE)
        id->non_writable_members++;
    else if (words[0] == DECORATION_NON_READABLE)
        id->non_readable_members++;
    else if (words[0] == DECORATION_OFFSET && count > 1 && member < MAX_MEMBERS)
        id->offsets[member] = words[1];
}

// Bytes of a type of numbers and structs; 0 for anything else.
static uint32_t type_size(const struct id *ids, uint32_t type)
{
    const struct id *id = &ids[type];
    if (id->op != OP_TYPE_STRUCT)
        return id->size;
    uint32_t size = 0;
    for (uint32_t i = 0; i < id->member_count; i++)
        size = MAX(size, id->offsets[i] + type_size(ids, id->members[i]));
    return size;
}

static void read_list(struct id *id, const uint32_t *words, uint32_t count)
{
    id->member_count = MIN(count, MAX_MEMBERS);
    memcpy(id->members, words, id->member_count * sizeof(words[0]));
}

static bool read_instruction(struct id *ids, uint32_t bound, const uint32_t *words,
                             uint32_t count, struct spirv_module *module)
{
    uint32_t op = words[0] & 0xffff;
    // Which word names the id that the instruction is about.
    uint32_t place = op == OP_SPEC_CONSTANT_COMPOSITE || op == OP_VARIABLE ? 2 : 1;
    switch (op) {
    case OP_EXECUTION_MODE:
        if (count >= 6 && words[2] == MODE_LOCAL_SIZE)
            memcpy(module->local_size, words + 3, sizeof(module->local_size));
        return true;
    case OP_CAPABILITY:
        if (module->capability_count < ARRAY_LEN(module->capabilities))
            module->capabilities[module->capability_count++] = words[1];
        return true;
    case OP_TYPE_INT:
    case OP_TYPE_FLOAT:
    case OP_TYPE_IMAGE:
    case OP_TYPE_STRUCT:
    case OP_TYPE_POINTER:
    case OP_SPEC_CONSTANT_COMPOSITE:
    case OP_VARIABLE:
    case OP_DECORATE:
    case OP_MEMBER_DECORATE:
        break;
    default:
        return true;
    }
    if (count <= place || words[place] >= bound)
        return false;
    struct id *id = &ids[words[place]];
    if (op == OP_DECORATE && count >= 3) {
        read_decoration(id, words + 2, count - 2);
        return true;
    }
    if (op == OP_MEMBER_DECORATE && count >= 4) {
        read_member_decoration(id, words[2], words + 3, count - 3);
        return true;
    }
    id->op = op;
    if (op == OP_TYPE_INT || op == OP_TYPE_FLOAT)
        id->size = words[2] / 8;
    else if (op == OP_TYPE_IMAGE && count >= 9)
        id->is_texel_buffer = words[3] == DIMENSION_BUFFER && words[7] == IMAGE_SAMPLED;
    else if (op == OP_TYPE_STRUCT)
        read_list(id, words + 2, count - 2);
    else if (op == OP_SPEC_CONSTANT_COMPOSITE)
        read_list(id, words + 3, count - 3);
    else if (op == OP_TYPE_POINTER || op == OP_VARIABLE) {
        // A variable's type is a pointer that came before.
        const struct id *pointer = op == OP_VARIABLE ? &ids[words[1]] : NULL;
        id->class = pointer ? pointer->class : words[2];
        id->pointed = pointer ? pointer->pointed : words[3];
        if (id->pointed >= bound)
            return false;
    }
    return true;
}

static bool read_variable(const struct id *ids, const struct id *variable,
                          struct spirv_module *module)
{
    const struct id *type = &ids[variable->pointed];
    if (variable->class == CLASS_PUSH_CONSTANT) {
        module->push_bytes = type_size(ids, variable->pointed);
        return true;
    }
    const bool is_texels = variable->class == CLASS_UNIFORM_CONSTANT &&
                           type->op == OP_TYPE_IMAGE && type->is_texel_buffer;
    if (variable->class != CLASS_UNIFORM && variable->class != CLASS_STORAGE_BUFFER &&
        !is_texels)
        return true;
    if (variable->binding >= SPIRV_MAX_BINDINGS) {
        printf("binding %u is out of range\n", (unsigned)variable->binding);
        return false;
    }
    struct spirv_binding *binding = &module->bindings[variable->binding];
    const struct spirv_binding found = {
        .exists = true,
        .is_storage = variable->class == CLASS_STORAGE_BUFFER || type->buffer_block,
        .is_fetched = is_texels,
        .non_writable = is_texels || variable->non_writable ||
                        type->non_writable_members == type->member_count,
        .non_readable =
            !is_texels && (variable->non_readable ||
                           type->non_readable_members == type->member_count),
        .set = variable->set,
    };
    // A storage buffer may be seen as two types, for loads of more than one element.
    if (binding->exists &&
        !(binding->is_storage && found.is_storage &&
          binding->non_writable == found.non_writable &&
          binding->non_readable == found.non_readable && binding->set == found.set)) {
        printf("binding %u is used twice\n", (unsigned)variable->binding);
        return false;
    }
    *binding = found;
    return true;
}

bool spirv_read(const uint32_t *words, size_t size, struct spirv_module *module)
{
    *module = (struct spirv_module){ .local_size_id = NONE };
    size_t count = size / 4;
    if (count < 5 || words[0] != MAGIC || words[3] > 1000000) {
        printf("not SPIR-V\n");
        return false;
    }
    uint32_t bound = words[3];
    struct id *ids = calloc(bound, sizeof(ids[0]));
    bool ok = ids != NULL;
    for (uint32_t i = 0; ok && i < bound; i++)
        ids[i].spec_id = ids[i].built_in = ids[i].binding = NONE;
    for (size_t at = 5; ok && at < count;) {
        uint32_t length = words[at] >> 16;
        ok = length > 0 && at + length <= count &&
             read_instruction(ids, bound, words + at, length, module);
        if (!ok)
            printf("broken instruction at word %zu\n", at);
        at += length;
    }
    for (uint32_t i = 0; ok && i < bound; i++) {
        const struct id *id = &ids[i];
        if (id->op == OP_VARIABLE)
            ok = read_variable(ids, id, module);
        if (id->built_in == BUILT_IN_NUM_WORKGROUPS)
            module->uses_num_workgroups = true;
        if (id->built_in == BUILT_IN_WORKGROUP_SIZE && id->member_count)
            module->local_size_id = ids[id->members[0]].spec_id;
        if (id->spec_id == NONE)
            continue;
        if (id->spec_id >= SPIRV_MAX_SPEC) {
            printf("constant id %u is out of range\n", (unsigned)id->spec_id);
            ok = false;
            break;
        }
        module->spec[id->spec_id] = true;
        module->spec_limit = MAX(module->spec_limit, id->spec_id + 1);
    }
    free(ids);
    return ok;
}
