// SPDX-License-Identifier: MIT
//
// A sorted list. See tuning.h.

#include "ops/tuning.h"

#include "base/mem.h"

#include <string.h>

void tuning_finish(struct tuning *t)
{
    for (size_t i = 0; i < t->count; i++) {
        mem_free(t->entries[i].shape);
        mem_free(t->entries[i].variant);
    }
    mem_free(t->entries);
    *t = (struct tuning){ 0 };
}

// The first entry that is not before `shape`.
static size_t place_of(const struct tuning *t, const char *shape)
{
    size_t low = 0, high = t->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(t->entries[middle].shape, shape) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct tuning *t, size_t place, const char *shape)
{
    return place < t->count && strcmp(t->entries[place].shape, shape) == 0;
}

const struct tuning_entry *tuning_entry(const struct tuning *t, const char *shape)
{
    const size_t place = place_of(t, shape);
    return is_at(t, place, shape) ? &t->entries[place] : NULL;
}

bool tuning_set(struct tuning *t, const char *shape, const char *variant)
{
    const size_t place = place_of(t, shape);
    const bool exists = is_at(t, place, shape);
    char *name = mem_strdup(variant);
    char *key = name && !exists ? mem_strdup(shape) : NULL;
    if (!name || (!exists && (!key || !mem_grow(&t->entries, &t->capacity, t->count + 1,
                                                sizeof(t->entries[0]))))) {
        mem_free(key);
        mem_free(name);
        return false;
    }
    struct tuning_entry *entry = &t->entries[place];
    if (exists) {
        mem_free(entry->variant);
        entry->variant = name;
        return true;
    }
    memmove(entry + 1, entry, (t->count - place) * sizeof(*entry));
    *entry = (struct tuning_entry){ key, name };
    t->count++;
    return true;
}

const struct conv_variant *tuning_find(const struct tuning *t,
                                       const struct conv_shape *s)
{
    char text[CONV_SHAPE_TEXT_SIZE];
    const struct tuning_entry *entry =
        t && t->count ? tuning_entry(t, conv_shape_text(s, text)) : NULL;
    return entry ? conv_variant_find(entry->variant) : NULL;
}
