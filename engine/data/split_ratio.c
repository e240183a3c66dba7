// SPDX-License-Identifier: MIT
//
// FNV-1a, which base/hash.h has too, would not do: the last byte hardly reaches the
// upper bits of its hash, so that numbered images would lie together. See
// split_ratio.h.

#include "data/split_ratio.h"

#include "base/mem.h"
#include "base/number.h"
#include "base/sum.h"
#include "data/stems.h"

#include <float.h>
#include <string.h>

static const char *const names[SPLIT_COUNT] = { "train", "val", "test" };

const char *split_name(enum split split)
{
    return names[split];
}

bool split_find(const char *name, enum split *split)
{
    for (int i = 0; i < SPLIT_COUNT; i++) {
        if (strcmp(name, names[i]) == 0) {
            *split = (enum split)i;
            return true;
        }
    }
    return false;
}

bool split_ratio_parse(const char *text, struct split_ratio *ratio)
{
    double sum = 0;
    *ratio = (struct split_ratio){ 0 };
    for (int i = 0; i < SPLIT_COUNT; i++) {
        char number[32];
        const size_t length = strcspn(text, ":");
        if (length >= sizeof(number) || (text[length] == ':') != (i + 1 < SPLIT_COUNT))
            return false;
        memcpy(number, text, length);
        number[length] = '\0';
        if (!number_parse_real(number, &ratio->shares[i]) ||
            !(ratio->shares[i] >= 0 && ratio->shares[i] <= (double)FLT_MAX))
            return false;
        sum += ratio->shares[i];
        text += length + 1;
    }
    for (int i = 0; i < SPLIT_COUNT; i++)
        ratio->shares[i] /= sum > 0 ? sum : 1;
    return sum > 0;
}

bool split_ratio_find(const struct split_ratio *ratio, const char *name,
                      enum split *split)
{
    char *key = stem_make_key(name, false);
    if (!key)
        return false;
    // The upper 53 bits are exact as a double.
    const double place = (double)(sum_bytes(key, strlen(key)) >> 11) / 0x1p53;
    mem_free(key);
    double below = 0;
    for (int i = 0; i < SPLIT_COUNT; i++) {
        if (ratio->shares[i] == 0)
            continue;
        // Where shares add up to a little less than 1, the last one has the rest.
        *split = (enum split)i;
        below += ratio->shares[i];
        if (place < below)
            break;
    }
    return true;
}
