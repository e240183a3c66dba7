// SPDX-License-Identifier: MIT
//
// See name_prefix.h.

#include "store/name_prefix.h"

#include <string.h>

#define PREFIXES_MAX 16u    // different ones in a file; later ones count as others

enum owner { OWNER_NOBODY, OWNER_G, OWNER_D };

static const struct {
    const char *text;
    enum owner owner;
} words[] = {
    { "module.", OWNER_NOBODY }, { "_orig_mod.", OWNER_NOBODY }, { "netG.", OWNER_G },
    { "net_G.", OWNER_G },       { "generator.", OWNER_G },      { "netD.", OWNER_D },
    { "net_D.", OWNER_D },       { "discriminator.", OWNER_D },
};

struct found {
    const char *name;
    size_t length, count;
    enum owner owner;
};

// The prefix of one name. Behind it there is always something left.
static struct found find_prefix(const char *name)
{
    struct found f = { .name = name, .count = 1 };
    for (size_t i = 0; i < ARRAY_LEN(words);) {
        const char *rest = name + f.length;
        const size_t length = strlen(words[i].text);
        if (strncmp(rest, words[i].text, length) != 0 || !rest[length] ||
            f.length + length > NAME_PREFIX_MAX) {
            i++;
            continue;
        }
        f.length += length;
        if (words[i].owner != OWNER_NOBODY)
            f.owner = words[i].owner;
        i = 0;
    }
    return f;
}

// How well tensors of this owner fit.
static unsigned rank_of(enum owner owner, enum owner wanted)
{
    return owner == wanted ? 2 : owner == OWNER_NOBODY ? 1 : 0;
}

struct name_prefix name_prefix_choose(const struct name_list *names, bool generator)
{
    const enum owner wanted = generator ? OWNER_G : OWNER_D;
    struct found all[PREFIXES_MAX], best = { 0 };
    size_t count = 0;
    for (size_t i = 0; i < names->count; i++) {
        const struct found f = find_prefix(names->at(names->user, i));
        size_t k = 0;
        while (k < count && (all[k].length != f.length ||
                             memcmp(all[k].name, f.name, f.length) != 0))
            k++;
        if (k < count)
            all[k].count++;
        else if (count < PREFIXES_MAX)
            all[count++] = f;
    }
    for (size_t k = 0; k < count; k++) {
        const unsigned rank = rank_of(all[k].owner, wanted);
        const unsigned best_rank = rank_of(best.owner, wanted);
        if (k == 0 || rank > best_rank ||
            (rank == best_rank && all[k].count > best.count))
            best = all[k];
    }
    struct name_prefix prefix = {
        .text = best.name,
        .length = best.length,
        .is_of_part = best.owner != OWNER_NOBODY,
    };
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->at(names->user, i);
        if (name_prefix_is_of(&prefix, name))
            continue;
        prefix.first_other = prefix.others++ ? prefix.first_other : name;
    }
    return prefix;
}

bool name_prefix_is_of(const struct name_prefix *prefix, const char *name)
{
    return find_prefix(name).length == prefix->length &&
           memcmp(name, prefix->text, prefix->length) == 0;
}
