// SPDX-License-Identifier: MIT
//
// Which pairs are evenly spread is known beforehand; the worst of the others push each
// other out. See gallery.h.

#include "evaluate/gallery.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/picture_file.h"
#include "settings/choice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT, OUTPUT, TARGET, SIDES };

static const char *const side_names[SIDES] = { "input", "output", "target" };

struct gallery_pair {
    char *name;
    uint64_t index;    // among all pairs
    double values[PIX_METRIC_COUNT];
    double badness;    // by the judge, larger is worse
    bool is_spread, is_worst;
    char *images[SIDES];    // as URLs: "data:image/png;base64,..."
};

static void free_pair(struct gallery_pair *p)
{
    mem_free(p->name);
    for (int i = 0; i < SIDES; i++)
        mem_free(p->images[i]);
}

void gallery_free(struct gallery *g)
{
    for (size_t i = 0; i < g->kept; i++)
        free_pair(&g->pairs[i]);
    mem_free(g->pairs);
    *g = (struct gallery){ 0 };
}

void gallery_begin(struct gallery *g, uint64_t most, enum pix_metric judge,
                   uint32_t metrics)
{
    gallery_free(g);
    g->most = most;
    g->judge = judge;
    g->metrics = metrics | METRIC_BIT(judge);
}

// ---------------------------------------------------------------------------
// Images

// RFC 4648, behind `head`.
static char *base64(const char *head, const uint8_t *data, size_t size)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t length = strlen(head);
    char *text = mem_alloc(length + (size + 2) / 3 * 4 + 1), *to = text + length;
    if (!text)
        return NULL;
    memcpy(text, head, length);
    for (size_t i = 0; i < size; i += 3) {
        const size_t left = size - i;
        const uint32_t v = (uint32_t)data[i] << 16 |
                           (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                           (left > 2 ? data[i + 2] : 0u);
        *to++ = digits[v >> 18 & 63];
        *to++ = digits[v >> 12 & 63];
        *to++ = left > 1 ? digits[v >> 6 & 63] : '=';
        *to++ = left > 2 ? digits[v & 63] : '=';
    }
    *to = '\0';
    return text;
}

static char *image_url(const struct picture *picture, const char *name)
{
    const bool as_jpeg = MAX(picture->width, picture->height) > GALLERY_PNG_SIDE;
    void *data;
    size_t size;
    if (!picture_encode(picture, as_jpeg, name, &data, &size))
        return NULL;
    char *url = base64(as_jpeg ? "data:image/jpeg;base64," : "data:image/png;base64,",
                       data, size);
    mem_free(data);
    return url;
}

// ---------------------------------------------------------------------------
// Pairs

static bool is_spread(const struct gallery *g, uint64_t index)
{
    if (g->most <= GALLERY_WORST + GALLERY_SPREAD)
        return true;
    // The first index of each of equal parts.
    const uint64_t part = index * GALLERY_SPREAD / g->most;
    return index == 0 || (index - 1) * GALLERY_SPREAD / g->most != part;
}

// Where a pair that is not spread goes: the end, or the place of the best of the worst.
// `kept`: nowhere.
static bool find_place(const struct gallery *g, double badness, size_t *place)
{
    size_t count = 0, best = 0;
    for (size_t i = 0; i < g->kept; i++) {
        if (g->pairs[i].is_spread)
            continue;
        if (count == 0 || g->pairs[i].badness < g->pairs[best].badness)
            best = i;
        count++;
    }
    *place = count < GALLERY_WORST ? g->kept : best;
    return count < GALLERY_WORST || badness > g->pairs[best].badness;
}

// Nothing is worse than numbers that are not finite. A score that there is not is no
// reason to look.
static double badness_of(const struct gallery *g, const struct scores *scores)
{
    if (scores->not_finite)
        return INFINITY;
    const double value = scores->values[g->judge];
    return isnan(value) ? -INFINITY : choice_metric_rises(g->judge) ? -value : value;
}

bool gallery_add(struct gallery *g, const char *name, const struct scores *scores,
                 const struct picture *input, const struct picture *output,
                 const struct picture *target)
{
    const struct picture *const pictures[SIDES] = { input, output, target };
    struct gallery_pair p = {
        .index = g->count,
        .badness = badness_of(g, scores),
        .is_spread = is_spread(g, g->count),
    };
    size_t place = g->kept;
    g->count++;
    if (!p.is_spread && !find_place(g, p.badness, &place))
        return true;
    memcpy(p.values, scores->values, sizeof(p.values));
    bool ok = mem_grow(&g->pairs, &g->capacity, g->kept + 1, sizeof(g->pairs[0])) &&
              (p.name = mem_strdup(name)) != NULL;
    for (int i = 0; ok && i < SIDES; i++)
        ok = (p.images[i] = image_url(pictures[i], name)) != NULL;
    if (!ok) {
        free_pair(&p);
        return false;
    }
    if (place < g->kept)
        free_pair(&g->pairs[place]);
    else
        g->kept++;
    g->pairs[place] = p;
    return true;
}

// ---------------------------------------------------------------------------
// The whole

static int by_badness(const void *a, const void *b)
{
    const struct gallery_pair *x = a, *y = b;
    if (x->badness != y->badness)
        return x->badness < y->badness ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

static uint64_t pair_bytes(const struct gallery_pair *p)
{
    uint64_t bytes = 0;
    for (int i = 0; i < SIDES; i++)
        bytes += strlen(p->images[i]);
    return bytes;
}

// Marks the worst, and leaves out pairs until the rest have room: half of those that
// have are the worst, the others are every n-th of the rest.
static void choose(struct gallery *g)
{
    uint64_t all = 0, largest = 1;
    if (g->kept > 1)
        qsort(g->pairs, g->kept, sizeof(g->pairs[0]), by_badness);
    for (size_t i = 0; i < g->kept; i++) {
        const uint64_t bytes = pair_bytes(&g->pairs[i]);
        all += bytes;
        largest = MAX(largest, bytes);
    }
    const size_t most = all <= GALLERY_BYTES
                            ? g->kept
                            : (size_t)MIN((uint64_t)g->kept, GALLERY_BYTES / largest);
    const bool is_some = most < g->kept || g->count > g->kept;
    const size_t worst = most < g->kept ? (most + 1) / 2 : MIN(most, GALLERY_WORST);
    const size_t others = g->kept - worst, wanted = most - worst;
    size_t kept = 0;
    for (size_t i = 0; i < g->kept; i++) {
        const size_t k = i - worst;    // among the others
        struct gallery_pair *p = &g->pairs[i];
        p->is_worst = is_some && i < worst;
        if (i < worst || (k + 1) * wanted / others != k * wanted / others)
            g->pairs[kept++] = *p;
        else
            free_pair(p);
    }
    g->kept = kept;
}

static json_t *scores_json(const struct gallery *g, const struct gallery_pair *p)
{
    json_t *list = json_array();
    for (int m = 0; m < PIX_METRIC_COUNT; m++)
        if (g->metrics & METRIC_BIT(m))
            json_append(&list, isinf(p->values[m]) ? json_from_text("inf")
                                                   : json_from_double(p->values[m]));
    return list;
}

static json_t *pair_json(const struct gallery *g, const struct gallery_pair *p)
{
    json_t *o = json_object();
    json_add(&o, "name", json_from_text(p->name));
    json_add(&o, "index", json_integer((json_int_t)p->index));
    json_add(&o, "worst", json_boolean(p->is_worst));
    json_add(&o, "scores", scores_json(g, p));
    for (int i = 0; i < SIDES; i++)
        json_add(&o, side_names[i], json_from_text(p->images[i]));
    return o;
}

char *gallery_text(struct gallery *g, uint64_t step)
{
    json_t *o = json_object(), *metrics = json_array(), *shown = json_array();
    choose(g);
    for (int m = 0; m < PIX_METRIC_COUNT; m++)
        if (g->metrics & METRIC_BIT(m))
            json_append(&metrics, json_from_text(choice_name(choice_metrics, m)));
    for (size_t i = 0; i < g->kept; i++)
        json_append(&shown, pair_json(g, &g->pairs[i]));
    if (step > 0)
        json_add(&o, "step", json_integer((json_int_t)step));
    json_add(&o, "pairs", json_integer((json_int_t)g->count));
    json_add(&o, "judge", json_from_text(choice_name(choice_metrics, (int)g->judge)));
    json_add(&o, "metrics", metrics);
    json_add(&o, "shown", shown);
    char *line = json_text(o);
    char *text = line ? mem_printf("%s\n", line) : NULL;
    mem_free(line);
    return text;
}
