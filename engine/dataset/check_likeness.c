// SPDX-License-Identifier: MIT
//
// Images that are the same as others, by a hash of their samples, or look alike. The
// second compares each image with all before it: the hashes of 100,000 images take some
// seconds. See check_inside.h.

#include "dataset/check_inside.h"

#include "base/mem.h"
#include "base/parallel.h"

#include <stdlib.h>
#include <string.h>

// An item by the sum of one side.
struct keyed {
    uint64_t sum;
    size_t item;
};

static int by_sum(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->sum != y->sum)
        return x->sum < y->sum ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

static bool is_flat(const struct features *f)
{
    return !f->has_looks;
}

// A pair whose side is that of an earlier one.
static void add_duplicate(struct check *c, size_t item, size_t first, int side)
{
    const struct entry *e = &c->entries[item], *of = &c->entries[first];
    char name[CHECK_NAME_SIZE];
    const bool same_partner =
        e->has_b && of->has_b && e->sides[!side].sum == of->sides[!side].sum;
    check_name(c, first, item, side, name);
    if (!e->has_b)
        check_add(c, PIX_FINDING_DUPLICATE, item, 0, first, "is the same as %s", name);
    else if (same_partner && side == 0)
        check_add(c, PIX_FINDING_DUPLICATE, item, 0, first,
                  "is the same pair as that of %s", name);
    // Many label maps and masks are the same where hardly anything is on them.
    else if (!same_partner && !is_flat(&e->sides[side]))
        check_add(c, PIX_FINDING_DUPLICATE, item, side, first,
                  "is the same as %s, though their partners differ", name);
}

// `is_double` is set of those whose side A another one has.
static bool find_duplicates(struct check *c, int side, bool *is_double)
{
    struct keyed *list = mem_array(MAX(c->survey.count, 1u), sizeof(*list));
    size_t count = 0;
    if (!list)
        return false;
    for (size_t i = 0; i < c->survey.count; i++)
        if (c->entries[i].is_read && (side == 0 || c->entries[i].has_b))
            list[count++] = (struct keyed){ c->entries[i].sides[side].sum, i };
    if (count > 1)
        qsort(list, count, sizeof(*list), by_sum);
    for (size_t i = 1, first = 0; i < count; i++) {
        if (list[i].sum != list[first].sum) {
            first = i;
            continue;
        }
        is_double[list[i].item] |= side == 0;
        add_duplicate(c, list[i].item, list[first].item, side);
    }
    mem_free(list);
    return true;
}

// The images that may be like others, by their hashes.
struct looks {
    const struct check *check;
    uint64_t *list;
    size_t *items, count;
    size_t *like;    // the first one before it that each is like, else its own place
};

// Called by any thread.
static void find_like(void *user, size_t place)
{
    const struct looks *l = user;
    const struct entry *e = l->check->entries;
    size_t k = 0;
    while ((k = features_find_looks(l->list, k, place, l->list[place])) < place &&
           !features_look_alike(&e[l->items[place]].sides[0], &e[l->items[k]].sides[0]))
        k++;
    l->like[place] = k;
}

// One finding for each image, about the first that it is like.
static void add_similar(struct check *c, const struct looks *l)
{
    const struct entry *e = c->entries;
    for (size_t place = 0; place < l->count; place++) {
        const size_t i = l->items[place], k = l->items[l->like[place]];
        char name[CHECK_NAME_SIZE];
        if (i != k)
            check_add(c, PIX_FINDING_SIMILAR, i, 0, k, "looks like %s%s",
                      check_name(c, k, i, false, name),
                      e[i].has_b && features_look_alike(&e[i].sides[1], &e[k].sides[1])
                          ? ", and their partners look alike"
                          : "");
    }
}

static bool find_similar(struct check *c, const bool *is_double)
{
    const size_t most = MAX(c->survey.count, 1u);
    struct looks l = { .check = c,
                       .list = mem_array(most, sizeof(*l.list)),
                       .items = mem_array(most, sizeof(*l.items)),
                       .like = mem_array(most, sizeof(*l.like)) };
    const bool ok = l.list && l.items && l.like;
    for (size_t i = 0; ok && i < c->survey.count; i++) {
        const struct features *f = &c->entries[i].sides[0];
        if (!c->entries[i].is_read || is_double[i] || is_flat(f))
            continue;
        l.list[l.count] = f->looks;
        l.items[l.count++] = i;
    }
    if (ok) {
        const uint32_t threads = c->survey.threads;
        parallel_run(l.count, threads ? threads : UINT32_MAX, find_like, &l);
        add_similar(c, &l);
    }
    mem_free(l.list);
    mem_free(l.items);
    mem_free(l.like);
    return ok;
}

bool check_likeness(struct check *c)
{
    bool *is_double = mem_array(MAX(c->survey.count, 1u), sizeof(*is_double));
    if (!is_double)
        return false;
    const bool ok = find_duplicates(c, 0, is_double) &&
                    find_duplicates(c, 1, is_double) && find_similar(c, is_double);
    mem_free(is_double);
    return ok;
}
