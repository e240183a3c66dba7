// SPDX-License-Identifier: MIT
//
// See alpha.h.

#include "data/alpha.h"

#include "base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

enum { CHECKER_SIDE = 8 };    // pixels

static size_t plane_count(const struct picture *p)
{
    return (size_t)p->width * p->height;
}

static uint32_t opaque(const struct picture *p)
{
    return p->kind == PIXEL_U16 ? UINT16_MAX : UINT8_MAX;
}

static uint32_t sample(const struct picture *p, size_t i)
{
    return p->kind == PIXEL_U16 ? ((const uint16_t *)p->samples)[i]
                                : ((const uint8_t *)p->samples)[i];
}

static void set_sample(struct picture *p, size_t i, uint32_t value)
{
    if (p->kind == PIXEL_U16)
        ((uint16_t *)p->samples)[i] = (uint16_t)value;
    else
        ((uint8_t *)p->samples)[i] = (uint8_t)value;
}

bool alpha_is_in(const struct picture *p)
{
    return !p->is_array && p->kind != PIXEL_F32 &&
           (p->channels == 2 || p->channels == 4);
}

static bool is_transparent(const struct picture *p)
{
    const size_t count = plane_count(p), first = (p->channels - 1) * count;
    for (size_t i = 0; i < count; i++)
        if (sample(p, first + i) != opaque(p))
            return true;
    return false;
}

// Of pixel i, of all its colours.
static uint32_t background(const struct picture *p, enum alpha_rule rule, size_t i)
{
    const size_t squares = i % p->width / CHECKER_SIDE + i / p->width / CHECKER_SIDE;
    if (rule == ALPHA_BLACK)
        return 0;
    return rule == ALPHA_CHECKER && squares % 2 ? opaque(p) / 5 * 4 : opaque(p);
}

// With the channels that they have; what else is known of a picture stays.
static void exchange_samples(struct picture *a, struct picture *b)
{
    const struct picture before = *a;
    a->samples = b->samples;
    a->channels = b->channels;
    b->samples = before.samples;
    b->channels = before.channels;
}

static bool lay_over(struct picture *p, enum alpha_rule rule)
{
    struct picture to;
    const uint32_t colours = p->channels - 1;
    const size_t count = plane_count(p);
    const uint64_t most = opaque(p);
    if (!picture_create(&to, p->kind, colours, p->width, p->height))
        return false;
    for (size_t i = 0; i < colours * count; i++) {
        const uint64_t alpha = sample(p, colours * count + i % count);
        const uint64_t behind = background(p, rule, i % count);
        const uint64_t sum = sample(p, i) * alpha + behind * (most - alpha);
        set_sample(&to, i, (uint32_t)((sum + most / 2) / most));
    }
    exchange_samples(p, &to);
    picture_free(&to);
    return true;
}

bool alpha_apply(struct picture *p, enum alpha_rule rule)
{
    if (!alpha_is_in(p))
        return true;
    p->is_transparent = is_transparent(p);
    return rule < ALPHA_WHITE || lay_over(p, rule);
}

bool alpha_take(const struct picture *p, struct picture *alpha)
{
    *alpha = (struct picture){ 0 };
    if (!alpha_is_in(p))
        return true;
    if (!picture_create(alpha, p->kind, 1, p->width, p->height))
        return false;
    alpha->is_transparent = is_transparent(p);
    memcpy(alpha->samples,
           (const char *)p->samples + (p->channels - 1) * picture_bytes(alpha),
           picture_bytes(alpha));
    return true;
}

bool alpha_put(struct picture *p, const struct picture *alpha,
               enum resize_filter filter)
{
    struct picture fitting = { 0 }, to = { 0 };
    assert(p->kind != PIXEL_F32 && (p->channels == 1 || p->channels == 3));
    bool ok = size_equals(picture_size(alpha), picture_size(p))
                  ? picture_copy(alpha, &fitting)
                  : picture_resize(alpha, filter, p->width, p->height, &fitting);
    ok = ok && picture_set_kind(&fitting, p->kind, PIXEL_WHOLE) &&
         picture_create(&to, p->kind, p->channels + 1, p->width, p->height);
    if (ok) {
        memcpy(to.samples, p->samples, picture_bytes(p));
        memcpy((char *)to.samples + picture_bytes(p), fitting.samples,
               picture_bytes(&fitting));
        exchange_samples(p, &to);
    }
    picture_free(&to);
    picture_free(&fitting);
    return ok;
}

void alpha_report(enum alpha_rule rule, const char *command, uint32_t count,
                  uint32_t all, const char *what, const char *first)
{
    static const char *const backgrounds[] = {
        [ALPHA_WHITE] = "white", [ALPHA_BLACK] = "black", [ALPHA_CHECKER] = "squares"
    };
    const char *have = all == 1 ? " has" : "s have";
    if (count == 0)
        return;
    if (rule < ALPHA_WHITE)
        log_warn("%s: %" PRIu32 " of %" PRIu32 " %s%s an alpha that is not opaque "
                 "everywhere, which is dropped (first: %s): colours are seen where it "
                 "hid them; --alpha white, black or checker lays images over that",
                 command, count, all, what, have, first);
    else
        log_info("%s: %" PRIu32 " of %" PRIu32 " %s%s an alpha that is not opaque "
                 "everywhere, and %s laid over %s (first: %s)",
                 command, count, all, what, have, count == 1 ? "is" : "are",
                 backgrounds[rule], first);
}
