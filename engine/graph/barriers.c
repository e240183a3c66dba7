// SPDX-License-Identifier: MIT
//
// The ranges read and written since the last barrier. See barriers.h.

#include "graph/barriers.h"

#include "base/mem.h"

struct range {
    const struct block *block;
    uint64_t begin, end;
};

// What is bound, not what is touched: of a slice in pieces that is more, but the
// validation layer sees no more than this.
static struct range range_of(const struct tensor *t)
{
    const struct bound b = tensor_bound(t);
    return (struct range){ b.root->block, b.root->offset + b.begin,
                           b.root->offset + b.end };
}

// What was read and written since the last barrier, by ranges that may overlap. A list
// is enough, since every barrier empties it.
struct hazards {
    struct range *reads, *writes;
    size_t read_count, read_capacity, write_count, write_capacity;
    bool failed;
};

static void hazards_finish(struct hazards *h)
{
    mem_free(h->reads);
    mem_free(h->writes);
}

static bool meets(const struct range *list, size_t count, const struct range *r)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].block == r->block && list[i].begin < r->end &&
            r->begin < list[i].end)
            return true;
    return false;
}

// Adds a call and returns whether it needs a barrier before it.
static bool hazards_add(struct hazards *h, const struct call *call)
{
    bool barrier = false;
    struct range ranges[CALL_MAX_BUFFERS];
    size_t count = 0;
    for (; count < CALL_MAX_BUFFERS && call->use[count].tensor; count++) {
        enum access access = call->use[count].access;
        struct range *r = &ranges[count];
        *r = range_of(call->use[count].tensor);
        // Read or write after a write: the earlier write must be visible first.
        barrier |= meets(h->writes, h->write_count, r);
        // Write after a read: the earlier call must be done with the old bytes.
        if (access & ACCESS_WRITE)
            barrier |= meets(h->reads, h->read_count, r);
    }
    // A barrier orders everything before it, so nothing of that is remembered.
    if (barrier)
        h->read_count = h->write_count = 0;
    // True on failure too: a barrier too many is slow, one too few is wrong.
    if (!mem_grow(&h->reads, &h->read_capacity, h->read_count + count,
                  sizeof(h->reads[0])) ||
        !mem_grow(&h->writes, &h->write_capacity, h->write_count + count,
                  sizeof(h->writes[0]))) {
        h->failed = true;
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (call->use[i].access & ACCESS_READ)
            h->reads[h->read_count++] = ranges[i];
        if (call->use[i].access & ACCESS_WRITE)
            h->writes[h->write_count++] = ranges[i];
    }
    return barrier;
}

bool barriers_find(const struct graph *g, bool *before)
{
    struct hazards hazards = { 0 };
    for (size_t i = 0; i < graph_call_count(g); i++)
        before[i] = hazards_add(&hazards, graph_call(g, i));
    hazards_finish(&hazards);
    return !hazards.failed;
}

bool barriers_count(const struct graph *g, uint32_t *count)
{
    struct hazards hazards = { 0 };
    *count = 0;
    for (size_t i = 0; i < graph_call_count(g); i++)
        *count += hazards_add(&hazards, graph_call(g, i));
    hazards_finish(&hazards);
    return !hazards.failed;
}
