// SPDX-License-Identifier: MIT
//
// A generator for each purpose and number: its state is a hash of (seed, purpose,
// number), so that neither threads nor a resumed run change what is drawn. See order.h.

#include "data/order.h"

#include "base/mem.h"
#include "base/random.h"

// What numbers are drawn for. Changing one changes every run.
enum purpose { PURPOSE_ORDER = 1, PURPOSE_JITTER = 2, PURPOSE_AUGMENT = 3 };

// The images in the order of one epoch.
struct epoch_order {
    uint64_t epoch;
    bool valid;
    uint32_t *images;
};

struct order {
    uint64_t seed;
    uint32_t count;
    bool shuffle;
    struct epoch_order epochs[2];    // by parity: threads may be in two epochs at once
};

// A bijection that scatters neighbouring numbers (the finalizer of SplitMix64).
static uint64_t scatter(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

// The generator for one purpose and number.
static struct random make_random(uint64_t seed, enum purpose purpose, uint64_t n)
{
    struct random r;
    uint64_t key = scatter(scatter(seed) + (uint64_t)purpose);
    uint64_t state = scatter(key + n);
    random_init(&r, state, scatter(state ^ key));
    return r;
}

struct order *order_create(uint64_t seed, uint32_t count, bool shuffle)
{
    struct order *order = mem_zalloc(sizeof(*order));
    if (!order)
        return NULL;
    order->seed = seed;
    order->count = count;
    order->shuffle = shuffle;
    for (size_t i = 0; i < ARRAY_LEN(order->epochs); i++) {
        order->epochs[i].images = mem_array(count, sizeof(uint32_t));
        if (!order->epochs[i].images) {
            order_destroy(order);
            return NULL;
        }
    }
    return order;
}

void order_destroy(struct order *order)
{
    if (!order)
        return;
    for (size_t i = 0; i < ARRAY_LEN(order->epochs); i++)
        mem_free(order->epochs[i].images);
    mem_free(order);
}

// The images in the order of an epoch, made when it is first asked for.
static const uint32_t *find_epoch(struct order *order, uint64_t epoch)
{
    struct epoch_order *e = &order->epochs[epoch & 1];
    if (!e->valid || e->epoch != epoch) {
        for (uint32_t i = 0; i < order->count; i++)
            e->images[i] = i;
        if (order->shuffle) {
            struct random r = make_random(order->seed, PURPOSE_ORDER, epoch);
            random_shuffle(&r, e->images, order->count);
        }
        e->epoch = epoch;
        e->valid = true;
    }
    return e->images;
}

uint32_t order_find_image(struct order *order, uint64_t sample)
{
    return find_epoch(order, sample / order->count)[sample % order->count];
}

struct order_jitter order_draw_jitter(const struct order *order, uint64_t sample,
                                      uint32_t offsets_x, uint32_t offsets_y)
{
    // All three are always drawn, so that no option changes what the others draw.
    struct random r = make_random(order->seed, PURPOSE_JITTER, sample);
    struct order_jitter jitter;
    jitter.crop_x = random_below(&r, offsets_x);
    jitter.crop_y = random_below(&r, offsets_y);
    jitter.mirror = random_u32(&r) >> 31;
    return jitter;
}

struct augment_draws order_draw_augment(const struct order *order, uint64_t sample)
{
    // All are always drawn, as above.
    struct random r = make_random(order->seed, PURPOSE_AUGMENT, sample);
    struct augment_draws d;
    d.turn = random_uniform(&r);
    d.flip = random_uniform(&r);
    d.scale = random_uniform(&r);
    d.aspect = random_uniform(&r);
    d.x = random_uniform(&r);
    d.y = random_uniform(&r);
    d.brightness = random_uniform(&r);
    d.contrast = random_uniform(&r);
    d.key[0] = random_u32(&r);
    d.key[1] = random_u32(&r);
    return d;
}
