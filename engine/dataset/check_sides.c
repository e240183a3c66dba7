// SPDX-License-Identifier: MIT
//
// Images by themselves, beside the others of their side, and beside their partners. The
// thresholds are in docs/data.md. See check_inside.h.

#include "dataset/check_inside.h"

#include "base/mem.h"
#include "base/quantile.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CONSTANT_DEVIATION 2.0    // of 255 levels
#define CLIPPED_SHARE 0.25
#define HIDDEN_SHARE 0.5
#define MAJORITY 0.8
#define LABEL_COLOURS 64
#define LABEL_MAJORITY 0.75
#define PHOTO_COLOURS 256

static const char *side_name(const struct check *c, int side)
{
    return check_is_of_singles(c) ? "the images" : side == 0 ? "A" : "B";
}

// ---------------------------------------------------------------------------
// By themselves

// `bits` are those that the side uses: an image that is nearly black among others has
// fewer of its own.
static void check_samples(struct check *c, size_t i, int side, const struct features *f,
                          uint32_t bits)
{
    const double deviation = f->kind == PIXEL_U16
                                 ? ldexp(f->deviation, (int)f->bits - (int)bits)
                                 : f->deviation;
    if (deviation < CONSTANT_DEVIATION)
        check_add(c, PIX_FINDING_CONSTANT, i, side, FOUND_NONE,
                  "is nearly constant: its standard deviation is %.2f of 255 levels",
                  deviation);
    else if (f->clipped > CLIPPED_SHARE && f->hidden <= HIDDEN_SHARE &&
             (f->colours == 0 || f->colours > PHOTO_COLOURS))
        check_add(c, PIX_FINDING_CLIPPED, i, side, FOUND_NONE,
                  "has %.0f %% of its samples at the ends of their range: over- or "
                  "underexposed?",
                  100 * f->clipped);
    if (f->hidden > HIDDEN_SHARE)
        check_add(c, PIX_FINDING_TRANSPARENT, i, side, FOUND_NONE,
                  "is transparent in %.0f %% of its pixels", 100 * f->hidden);
    if (f->kind == PIXEL_U16 && f->bits <= 14)
        check_add(c, PIX_FINDING_BITS, i, side, FOUND_NONE,
                  "uses %" PRIu32 " of its 16 bits: the largest sample is %" PRIu32
                  "; train with --range, or save 8 bits as 8",
                  f->bits, f->largest);
}

static void check_file(struct check *c, size_t i, int side, const struct features *f)
{
    const struct picture_reading *r = &c->survey.reading;
    if (f->is_cut)
        check_add(c, PIX_FINDING_CUT, i, side, FOUND_NONE,
                  "ends early: what is missing is grey");
    if (f->orientation && !r->as_stored)
        check_add(c, PIX_FINDING_TURNED, i, side, FOUND_NONE,
                  "is turned upright, as its EXIF orientation %" PRIu32
                  " asks for: other programs may not do it",
                  f->orientation);
    if (f->pages > 1 && r->page == 0)
        check_add(c, PIX_FINDING_PAGES, i, side, FOUND_NONE,
                  "has %" PRIu32 " pages, of which the first is used", f->pages);
}

// ---------------------------------------------------------------------------
// Beside the others

// How often each of a few numbers comes.
struct votes {
    uint64_t values[64];
    size_t counts[64], count, total;
};

static void vote(struct votes *v, uint64_t value)
{
    size_t i = 0;
    while (i < v->count && v->values[i] != value)
        i++;
    v->total++;
    if (i == ARRAY_LEN(v->values))
        return;    // so many numbers have no majority
    if (i == v->count) {
        v->values[v->count] = value;
        v->counts[v->count++] = 0;
    }
    v->counts[i]++;
}

// The number that at least this share has. False: there is none.
static bool find_majority(const struct votes *v, double share, uint64_t *value)
{
    for (size_t i = 0; i < v->count; i++)
        if ((double)v->counts[i] >= share * (double)v->total) {
            *value = v->values[i];
            return true;
        }
    return false;
}

static bool has_side(const struct entry *e, int side)
{
    return e->is_read && (side == 0 || e->has_b);
}

static uint64_t size_number(const struct features *f)
{
    return (uint64_t)f->size.width << 32 | f->size.height;
}

// What the widths and heights of A and B are to each other, in lowest terms; 0: two
// shapes.
static uint64_t ratio_number(const struct entry *e)
{
    const struct pix_size a = e->sides[0].size, b = e->sides[1].size;
    const uint64_t x = greatest_divisor(a.width, b.width);
    return (uint64_t)a.width * b.height == (uint64_t)b.width * a.height
               ? a.width / x << 32 | b.width / x
               : 0;
}

// That of most pairs, or 1:1.
static uint64_t find_usual_ratio(const struct check *c)
{
    struct votes votes = { 0 };
    uint64_t most;
    for (size_t i = 0; i < c->survey.count; i++)
        if (has_side(&c->entries[i], 1))
            vote(&votes, ratio_number(&c->entries[i]));
    return find_majority(&votes, MAJORITY, &most) && most ? most
                                                          : (uint64_t)1 << 32 | 1;
}

static bool fits_partner(const struct entry *e, uint64_t usual)
{
    return !e->has_b || ratio_number(e) == usual;
}

static void compare_with_most(struct check *c, size_t i, int side, uint64_t usual,
                              const struct votes votes[5])
{
    const struct features *f = &c->entries[i].sides[side];
    uint64_t kind, channels, size, few, coloured;
    if (find_majority(&votes[0], 0.5, &kind) && kind != (uint64_t)f->kind)
        check_add(c, PIX_FINDING_KIND, i, side, FOUND_NONE,
                  "is %s, and most of %s are %s: it is not trained on",
                  pixel_kind_name(f->kind), side_name(c, side),
                  pixel_kind_name((enum pixel_kind)kind));
    if (find_majority(&votes[1], MAJORITY, &channels) && channels != f->channels)
        check_add(c, PIX_FINDING_CHANNELS, i, side, FOUND_NONE,
                  "has %" PRIu32 " channel%s, and most of %s have %" PRIu64,
                  f->channels, PLURAL(f->channels), side_name(c, side), channels);
    // Where the sides of a pair differ, that is said of both.
    if (find_majority(&votes[2], MAJORITY, &size) && size != size_number(f) &&
        fits_partner(&c->entries[i], usual))
        check_add(c, PIX_FINDING_SIZE, i, side, FOUND_NONE,
                  "is %" PRIu32 "x%" PRIu32 ", and most of %s are %" PRIu64 "x%" PRIu64,
                  f->size.width, f->size.height, side_name(c, side), size >> 32,
                  size & UINT32_MAX);
    if (find_majority(&votes[3], LABEL_MAJORITY, &few) && few &&
        f->colours > PHOTO_COLOURS)
        check_add(c, PIX_FINDING_COLOURS, i, side, FOUND_NONE,
                  "has more than %d colours, and most of %s have at most %d, as label "
                  "maps do: saved as JPEG, or resized with smoothing?",
                  PHOTO_COLOURS, side_name(c, side), LABEL_COLOURS);
    if (f->is_grey && f->deviation >= CONSTANT_DEVIATION &&
        find_majority(&votes[4], MAJORITY, &coloured) && coloured)
        check_add(c, PIX_FINDING_GREY, i, side, FOUND_NONE,
                  "has %" PRIu32
                  " channels, but no colours, and most of %s have them: networks learn "
                  "from it that there are none",
                  f->channels, side_name(c, side));
}

void check_images(struct check *c)
{
    const uint64_t usual = find_usual_ratio(c);
    for (int side = 0; side < 2; side++) {
        struct votes votes[5] = { 0 };
        uint32_t bits = 0;
        for (size_t i = 0; i < c->survey.count; i++) {
            const struct features *f = &c->entries[i].sides[side];
            if (!has_side(&c->entries[i], side))
                continue;
            bits = MAX(bits, f->bits);
            vote(&votes[0], (uint64_t)f->kind);
            vote(&votes[1], f->channels);
            vote(&votes[2], size_number(f));
            vote(&votes[3], f->colours > 0 && f->colours <= LABEL_COLOURS);
            vote(&votes[4], f->channels >= 3 && !f->is_grey);
        }
        for (size_t i = 0; i < c->survey.count; i++) {
            const struct features *f = &c->entries[i].sides[side];
            if (!has_side(&c->entries[i], side))
                continue;
            check_file(c, i, side, f);
            check_samples(c, i, side, f, bits);
            compare_with_most(c, i, side, usual, votes);
        }
    }
}

// ---------------------------------------------------------------------------
// Partners

static void check_pair_sizes(struct check *c, size_t i, uint64_t usual)
{
    const struct entry *e = &c->entries[i];
    const struct pix_size a = e->sides[0].size, b = e->sides[1].size;
    const bool halves = !c->survey.items[i].file->b;
    if (fits_partner(e, usual))
        return;
    if (halves)
        check_add(c, PIX_FINDING_SIZE, i, 0, FOUND_NONE,
                  "is %" PRIu32 " pixels wide: halves of %" PRIu32 " and %" PRIu32,
                  a.width + b.width, a.width, b.width);
    else
        check_add(c, PIX_FINDING_SIZE, i, 0, FOUND_NONE,
                  "is %" PRIu32 "x%" PRIu32 " and its partner %" PRIu32 "x%" PRIu32
                  "%s",
                  a.width, a.height, b.width, b.height,
                  ratio_number(e) ? "" : ", of another shape");
}

static void check_ratios(struct check *c)
{
    const uint64_t usual = find_usual_ratio(c);
    for (size_t i = 0; i < c->survey.count; i++)
        if (has_side(&c->entries[i], 1))
            check_pair_sizes(c, i, usual);
}

// What the correlations of all pairs have in common.
struct usual {
    size_t known;
    double median, spread;    // of the best correlations
    // The shift that at least half of the pairs have, within SHIFT_LEAST.
    bool is_shifted;
    double dx, dy;
    size_t shifted;    // how many
};

#define SHIFT_LEAST 2.0    // pixels
#define SURE 0.6           // correlation

static double find_median(const struct check *c, double *room,
                          double (*value)(const struct alignment *a))
{
    size_t known = 0;
    for (size_t i = 0; i < c->survey.count; i++)
        if (c->entries[i].alignment.is_known)
            room[known++] = value(&c->entries[i].alignment);
    quantile_sort(room, known);
    return known ? quantile_find(room, known, 0.5) : 0;
}

static double best_of(const struct alignment *a)
{
    return a->best;
}

static double dx_of(const struct alignment *a)
{
    return a->dx;
}

static double dy_of(const struct alignment *a)
{
    return a->dy;
}

static bool has_shift(const struct alignment *a, double dx, double dy)
{
    return fabs(a->dx - dx) < SHIFT_LEAST && fabs(a->dy - dy) < SHIFT_LEAST;
}

// `room` is for as many numbers as there are pairs.
static struct usual find_usual(const struct check *c, double *room)
{
    struct usual u = { .median = find_median(c, room, best_of) };
    size_t known = 0;
    for (size_t i = 0; i < c->survey.count; i++)
        if (c->entries[i].alignment.is_known)
            room[known++] = fabs(c->entries[i].alignment.best - u.median);
    quantile_sort(room, known);
    u.known = known;
    u.spread = known ? 1.4826 * quantile_find(room, known, 0.5) : 0;
    u.dx = find_median(c, room, dx_of);
    u.dy = find_median(c, room, dy_of);
    for (size_t i = 0; i < c->survey.count; i++)
        u.shifted += c->entries[i].alignment.is_known &&
                     has_shift(&c->entries[i].alignment, u.dx, u.dy);
    u.is_shifted = known >= 8 && 2 * u.shifted >= known &&
                   MAX(fabs(u.dx), fabs(u.dy)) >= SHIFT_LEAST;
    return u;
}

// A shift that fits so much better than none that it is hardly an accident.
static bool is_shifted(const struct alignment *a)
{
    return MAX(fabs(a->dx), fabs(a->dy)) >= SHIFT_LEAST && a->best >= 0.3 &&
           a->best - a->here >= 0.2 && a->here < 0.5 * a->best;
}

static void set_hint(struct check *c)
{
    if (c->findings.count > 0)
        c->findings.list[c->findings.count - 1].finding.level = PIX_FINDING_HINT;
}

// Where something lies that is moved by whole pixels: "3 pixels to the left and 8
// down".
static const char *place_text(double dx, double dy, char text[64])
{
    const double x = floor(fabs(dx) + 0.5), y = floor(fabs(dy) + 0.5);
    const double first = x > 0 ? x : y;
    char second[16] = "";
    if (x > 0 && y > 0)
        snprintf(second, sizeof(second), " and %.0f", y);
    snprintf(text, 64, "%.0f pixel%s%s%s%s", first, PLURAL(first),
             x == 0   ? ""
             : dx > 0 ? " to the right"
                      : " to the left",
             second,
             y == 0   ? ""
             : dy > 0 ? " down"
                      : " up");
    return text;
}

static void check_alignment(struct check *c, size_t i, const struct usual *u)
{
    const struct alignment *a = &c->entries[i].alignment;
    char place[64];
    if (u->is_shifted && has_shift(a, u->dx, u->dy)) {
        check_add(
            c, PIX_FINDING_SHIFTED, i, 0, FOUND_NONE,
            "has a partner that lies %s from where it fits, as in %zu of %zu pairs "
            "(correlation of edges %.2f, in place %.2f)",
            place_text(a->dx, a->dy, place), u->shifted, u->known, a->best, a->here);
    } else if (is_shifted(a)) {
        check_add(c, PIX_FINDING_SHIFTED, i, 0, FOUND_NONE,
                  "has a partner that lies %s from where it fits (correlation of edges "
                  "%.2f, in place %.2f)",
                  place_text(a->dx, a->dy, place), a->best, a->here);
        if (a->best < SURE)
            set_hint(c);
    } else if (u->known >= 8 && u->median >= 0.3 && a->best < 0.5 * u->median &&
               a->best < u->median - 4 * u->spread) {
        check_add(c, PIX_FINDING_MISMATCHED, i, 0, FOUND_NONE,
                  "has edges that correlate with those of its partner by %.2f, where "
                  "the median of all pairs is %.2f: do they show the same?",
                  a->best, u->median);
    }
}

static bool check_alignments(struct check *c)
{
    double *room = mem_array(MAX(c->survey.count, 1u), sizeof(*room));
    if (!room)
        return false;
    const struct usual usual = find_usual(c, room);
    for (size_t i = 0; i < c->survey.count; i++)
        if (c->entries[i].alignment.is_known)
            check_alignment(c, i, &usual);
    mem_free(room);
    return true;
}

bool check_sides(struct check *c)
{
    check_ratios(c);
    for (size_t i = 0; i < c->survey.count; i++) {
        const struct entry *e = &c->entries[i];
        if (has_side(e, 1) && e->sides[0].sum == e->sides[1].sum)
            check_add(c, PIX_FINDING_EQUAL, i, 0, FOUND_NONE,
                      "is the same as its partner: nothing can be learnt from it");
    }
    return check_alignments(c);
}
