// SPDX-License-Identifier: MIT
//
// enc1 is the outermost encoder, dec1 the innermost decoder, so in a network of 8
// levels the input passes enc1 to enc8 and then dec1 to dec8. See affinelayer.h.

#include "store/affinelayer.h"

#include "settings/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint32_t affinelayer_levels(const struct dictionary *d)
{
    uint32_t levels = 0;
    while (levels <= TABLE_LEVELS_MAX &&
           dictionary_find(d, "enc%" PRIu32 ".conv.weight", levels + 1).rank == 4)
        levels++;
    const struct dictionary_tensor last =
        dictionary_find(d, "dec%" PRIu32 ".deconv.weight", levels);
    return last.rank == 4 ? levels : 0;
}

struct generator_options affinelayer_generator(const struct dictionary *d,
                                               uint32_t levels)
{
    const struct dictionary_tensor first = dictionary_find(d, "enc1.conv.weight");
    const struct dictionary_tensor last =
        dictionary_find(d, "dec%" PRIu32 ".deconv.weight", levels);
    return (struct generator_options){
        .kind = GENERATOR_UNET,
        .levels = levels,
        .ngf = (uint32_t)first.sides[0],
        .channels_in = (uint32_t)first.sides[1],
        .channels_out = (uint32_t)last.sides[1],
        .bias = dictionary_has(d, "enc1.conv.bias"),
        .norm_innermost =
            dictionary_find(d, "enc%" PRIu32 ".bn.weight", levels).rank == 1,
        // What names and shapes do not show is the same in all of its networks.
        .decoder_first = true,
        .dropout_inner = true,
    };
}

bool affinelayer_name(const struct generator_options *o, const char *name, char *text,
                      size_t size)
{
    static const char deeper[] = ".3.model";
    uint32_t level = 1, index;
    int used = 0;
    const char *rest = name;
    // Count the level of the weight in the port's nested name.
    if (strncmp(rest, "model.model", 11) != 0)
        return false;
    rest += 11;
    if (strncmp(rest, ".1.model", 8) == 0) {
        level = 2;
        rest += 8;
        while (strncmp(rest, deeper, sizeof(deeper) - 1) == 0) {
            level++;
            rest += sizeof(deeper) - 1;
        }
    }
    if (sscanf(rest, ".%" SCNu32 "%n", &index, &used) != 1 || rest[used] != '.')
        return false;
    rest += used;

    // Which layer of the level it is, by its index in the port's Sequential: outermost
    // conv, (submodule, ReLU,) deconv; in between ReLU, conv, norm, submodule, ReLU,
    // deconv, norm; innermost without the submodule and often without the norm after
    // conv.
    const bool is_innermost = level == o->levels;
    const uint32_t conv = level == 1 ? 0 : 1;
    const uint32_t deconv = level == 1          ? 3
                            : !is_innermost     ? 5
                            : o->norm_innermost ? 4
                                                : 3;
    // Decoders are numbered from the innermost level on.
    const uint32_t decoder = o->levels - level + 1;
    if (index == conv)
        snprintf(text, size, "enc%" PRIu32 ".conv%s", level, rest);
    else if (index == deconv)
        snprintf(text, size, "dec%" PRIu32 ".deconv%s", decoder, rest);
    else if (index == deconv + 1)
        snprintf(text, size, "dec%" PRIu32 ".bn%s", decoder, rest);
    else if (index == conv + 1)
        snprintf(text, size, "enc%" PRIu32 ".bn%s", level, rest);
    else
        return false;
    return true;
}
