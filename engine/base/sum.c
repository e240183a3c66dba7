// SPDX-License-Identifier: MIT
//
// The library is its header: nothing is linked. See sum.h.

#include "base/sum.h"

#include "base/mem.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#if XXH_VERSION_NUMBER < 800
#error "xxHash 0.8.0 or newer is needed: sums of XXH3 differ before it"
#endif

// Vector instructions want the state at a multiple of 64 bytes, which malloc does not
// promise.
struct sum {
    XXH3_state_t *state;
    uint8_t memory[sizeof(XXH3_state_t) + 64];
};

uint64_t sum_bytes(const void *data, size_t size)
{
    return XXH3_64bits(data, size);
}

struct sum *sum_create(void)
{
    struct sum *sum = mem_zalloc(sizeof(*sum));
    if (!sum)
        return NULL;
    sum->state = (void *)ALIGN_UP((uintptr_t)sum->memory, (uintptr_t)64);
    XXH3_64bits_reset(sum->state);
    return sum;
}

void sum_destroy(struct sum *sum)
{
    mem_free(sum);
}

void sum_add(struct sum *sum, const void *data, size_t size)
{
    XXH3_64bits_update(sum->state, data, size);
}

void sum_add_text(struct sum *sum, const char *text)
{
    sum_add(sum, text, strlen(text) + 1);
}

uint64_t sum_end(struct sum *sum)
{
    const uint64_t value = XXH3_64bits_digest(sum->state);
    XXH3_64bits_reset(sum->state);
    return value;
}
