// SPDX-License-Identifier: MIT
//
// Constants of SPIR-V modules. See literal.h; numbers are those of the SPIR-V
// specification.

#include "gpu/literal.h"

#include "base/mem.h"

#include <assert.h>
#include <string.h>

#define HEADER_WORDS 5
#define OP_CONSTANT 43
#define OP_SPEC_CONSTANT 50
#define OP_DECORATE 71
#define DECORATION_SPEC_ID 1

static const uint32_t *value_of(const struct gpu_kernel_key *key, uint32_t id)
{
    if (id < key->spec_count)
        return &key->spec[id];
    return id == SHADER_SPEC_FORMATS && key->formats ? &key->formats : NULL;
}

// The value of the constant that has result `id`, or NULL. Decorations come before all
// constants.
static const uint32_t *find_value(const struct gpu_kernel_key *key,
                                  const struct shader_code *code, uint32_t id)
{
    const size_t count = code->size / 4;
    for (size_t at = HEADER_WORDS; at < count; at += code->words[at] >> 16) {
        const uint32_t *w = &code->words[at];
        if ((w[0] & 0xffff) == OP_SPEC_CONSTANT)
            break;
        if ((w[0] & 0xffff) == OP_DECORATE && w[1] == id && w[2] == DECORATION_SPEC_ID)
            return value_of(key, w[3]);
    }
    return NULL;
}

uint32_t *gpu_literal_module(const struct gpu_kernel_key *key, size_t *size)
{
    const struct shader_code *code = &shader_table[key->shader];
    const size_t count = code->size / 4;
    uint32_t *words = mem_alloc(code->size);
    if (!words)
        return NULL;
    memcpy(words, code->words, HEADER_WORDS * sizeof(words[0]));
    size_t to = HEADER_WORDS;
    for (size_t at = HEADER_WORDS; at < count; at += code->words[at] >> 16) {
        const uint32_t *w = &code->words[at];
        const uint32_t length = w[0] >> 16, op = w[0] & 0xffff;
        assert(length > 0 && at + length <= count);
        if (op == OP_DECORATE && w[2] == DECORATION_SPEC_ID && value_of(key, w[3]))
            continue;
        memcpy(words + to, w, length * sizeof(words[0]));
        const uint32_t *value =
            op == OP_SPEC_CONSTANT ? find_value(key, code, w[2]) : NULL;
        if (value) {
            // A number of 32 bits: type, result, value.
            assert(length == 4);
            words[to] = length << 16 | OP_CONSTANT;
            words[to + 3] = *value;
        }
        to += length;
    }
    *size = to * sizeof(words[0]);
    return words;
}
