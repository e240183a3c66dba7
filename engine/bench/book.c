// SPDX-License-Identifier: MIT
//
// Groups of rows between two looks at the ceilings. See book.h.

#include "bench/book.h"

#include "base/os.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

// A group is not longer, but for a single row: what disturbs the device meanwhile is to
// be seen at one of its ends.
#define GROUP_SECONDS 2

// Nothing computes faster than the device, nor is it launched faster: if a row does, by
// more than clocks are wrong, something slowed the ceilings down.
#define MOST_SHARE 1.05

void book_say(const struct book *b, const char *text)
{
    if (b->options->progress)
        b->options->progress(b->options->user, text);
}

bool book_is_stopped(const struct book *b)
{
    return b->options->stop && b->options->stop(b->options->user);
}

static bool give(const struct book *b, const struct pix_bench_row *row)
{
    return b->options->row(b->options->user, row);
}

bool book_begin(struct book *b, size_t more)
{
    assert(more <= BOOK_MOST);
    if (!b->ceilings)
        return true;
    if (b->count > 0 &&
        (b->count + more > BOOK_MOST || os_seconds() - b->begun > GROUP_SECONDS) &&
        !book_end(b))
        return false;
    if (!b->is_fresh && !ceilings_take(b->ceilings, &b->before))
        return false;
    if (b->count == 0)
        b->begun = os_seconds();
    b->is_fresh = true;
    return true;
}

bool book_add(struct book *b, const struct pix_bench_row *row,
              const struct bench_work *work, const struct measure_turn *turn)
{
    if (!turn)
        return give(b, row);
    assert(b->count < BOOK_MOST);
    struct book_entry *e = &b->entries[b->count++];
    *e = (struct book_entry){ .row = *row, .work = *work };
    snprintf(e->name, sizeof(e->name), "%s", row->name);
    snprintf(e->kernel, sizeof(e->kernel), "%s", row->kernel);
    memcpy(e->times, turn->seconds, sizeof(e->times));
    e->row.name = e->name;
    e->row.kernel = e->kernel;
    e->row.times = row->kind == PIX_BENCH_CALL ? NULL : e->times;
    e->row.samples = turn->result.samples;
    e->row.median = turn->result.median;
    e->row.low = turn->result.low;
    e->row.high = turn->result.high;
    return true;
}

bool book_end(struct book *b)
{
    struct rates after;
    if (b->count == 0)
        return true;
    if (!ceilings_take(b->ceilings, &after))
        return false;
    const struct rates rates = rates_faster(&b->before, &after);
    bool ok = true;
    for (size_t i = 0; ok && i < b->count; i++) {
        struct pix_bench_row *row = &b->entries[i].row;
        const struct floor f = floor_find(&rates, &b->entries[i].work);
        row->floor_flops = f.flops;
        row->floor_bytes = f.bytes;
        row->floor_launches = f.launches;
        row->ceiling_share = floor_longest(&f, &row->bound_by) / row->median;
        row->is_doubtful =
            rates_moved(&b->before, &after, row->bound_by) ||
            (row->bound_by != PIX_BENCH_BYTES && row->ceiling_share > MOST_SHARE);
        b->doubtful += row->is_doubtful;
        b->timed++;
        ok = give(b, row);
    }
    b->count = 0;
    b->before = after;
    return ok;
}

bool book_add_ceilings(struct book *b)
{
    bool ok = true;
    for (int i = 0; ok && i < CEILING_COUNT; i++) {
        const struct ceiling_entry *entry =
            ceilings_entry(b->ceilings, (enum ceiling)i);
        const bool by_host =
            i == CEILING_SUBMISSION || !ceilings_clock(b->ceilings)->stamps;
        const struct pix_bench_row row = {
            .kind = PIX_BENCH_CEILING,
            .group = "ceiling",
            .name = entry->name,
            .kernel = entry->kernel,
            .precision = "",
            .count = 1,
            .flops = entry->flops,
            .bytes = entry->bytes,
            .clock = by_host ? PIX_BENCH_HOST_CLOCK : PIX_BENCH_DEVICE_CLOCK,
            .samples = entry->time.samples,
            .median = entry->time.median,
            .low = entry->time.low,
            .high = entry->time.high,
        };
        if (row.samples > 0)
            ok = give(b, &row);
    }
    return ok;
}
