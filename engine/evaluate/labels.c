// SPDX-License-Identifier: MIT
//
// See labels.h.

#include "evaluate/labels.h"

#include "base/log.h"
#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

bool confusion_create(struct confusion *c, uint32_t classes)
{
    *c = (struct confusion){
        .classes = classes,
        .pixels = mem_array((size_t)classes * classes, sizeof(uint64_t)),
    };
    return c->pixels != NULL;
}

void confusion_free(struct confusion *c)
{
    mem_free(c->pixels);
    *c = (struct confusion){ 0 };
}

void confusion_add(struct confusion *sum, const struct confusion *c)
{
    for (size_t i = 0; i < (size_t)c->classes * c->classes; i++)
        sum->pixels[i] += c->pixels[i];
    sum->strange += c->strange;
}

bool labels_palette_is_named(const char *palette)
{
    return palette && strcmp(palette, "auto") != 0;
}

bool labels_read_palette(const char *path, const char *command, struct palette *palette)
{
    struct reason reason;
    if (palette_read(path, palette, &reason))
        return true;
    log_error("%s: the palette %s cannot be used: %s", command, path, reason.text);
    return false;
}

bool labels_check_palette(const struct palette *palette, const char *command)
{
    if (palette->count != 1)
        return true;
    log_error(
        "%s: the palette has one colour, #%02x%02x%02x, so that every pixel would "
        "be right: label maps have two or more",
        command, palette->colours[0][0], palette->colours[0][1],
        palette->colours[0][2]);
    return false;
}

void labels_report(const struct confusion *c, const char *command)
{
    uint64_t all = 0;
    for (size_t i = 0; i < (size_t)c->classes * c->classes; i++)
        all += c->pixels[i];
    if (c->strange > 0)
        log_warn("%s: %.3g %% of the pixels of the targets (%" PRIu64 " of %" PRIu64
                 ") have a colour that the palette does not have, and count as the "
                 "nearest that it has: check the palette, and keep label maps as PNG, "
                 "not as JPEG",
                 command, 100.0 * (double)c->strange / (double)all, c->strange, all);
}

bool labels_may_be(enum pixel_kind kind, uint32_t channels)
{
    return kind == PIXEL_U8 && (channels == 1 || channels == 3);
}

// Classes of pixels one after another: neighbours mostly have one colour.
struct reader {
    const struct palette *palette;
    const struct picture *picture;
    uint8_t last[3];
    uint32_t class;
    bool is_strange;    // its colour is not that of its class
};

static void get_colour(const struct picture *p, size_t i, uint8_t colour[3])
{
    const size_t plane = p->channels == 3 ? (size_t)p->width * p->height : 0;
    const uint8_t *samples = p->samples;
    for (size_t c = 0; c < 3; c++)
        colour[c] = samples[c * plane + i];
}

static uint32_t find_class(const struct palette *palette, const uint8_t colour[3])
{
    return palette_find(palette, colour[0], colour[1], colour[2]);
}

static void reader_take(struct reader *r, const uint8_t colour[3])
{
    memcpy(r->last, colour, 3);
    r->class = find_class(r->palette, colour);
    r->is_strange = memcmp(r->palette->colours[r->class], colour, 3) != 0;
}

static struct reader reader_begin(const struct palette *palette,
                                  const struct picture *picture)
{
    struct reader r = { .palette = palette, .picture = picture };
    uint8_t colour[3];
    get_colour(picture, 0, colour);
    reader_take(&r, colour);
    return r;
}

static uint32_t class_at(struct reader *r, size_t i)
{
    uint8_t colour[3];
    get_colour(r->picture, i, colour);
    if (memcmp(colour, r->last, 3) != 0)
        reader_take(r, colour);
    return r->class;
}

void labels_compare(const struct palette *palette, const struct picture *x,
                    const struct picture *target, struct confusion *c)
{
    const size_t count = (size_t)target->width * target->height;
    struct reader a = reader_begin(palette, x), b = reader_begin(palette, target);
    for (size_t i = 0; i < count; i++) {
        c->pixels[(size_t)class_at(&b, i) * c->classes + class_at(&a, i)]++;
        c->strange += b.is_strange;
    }
}

void labels_compare_colour(const struct palette *palette, const double *colour,
                           const struct picture *target, struct confusion *c)
{
    const size_t count = (size_t)target->width * target->height;
    struct reader b = reader_begin(palette, target);
    uint8_t rounded[3];
    for (uint32_t i = 0; i < 3; i++)
        rounded[i] = (uint8_t)lround(colour[target->channels == 3 ? i : 0]);
    const uint32_t class = find_class(palette, rounded);
    for (size_t i = 0; i < count; i++)
        c->pixels[(size_t)class_at(&b, i) * c->classes + class]++;
}

struct pix_label_scores labels_score(const struct confusion *c)
{
    struct pix_label_scores s = { NAN, NAN, NAN };
    uint64_t all = 0, right = 0;
    uint32_t in_targets = 0, in_either = 0;
    double accuracies = 0, ious = 0;
    for (uint32_t k = 0; k < c->classes; k++) {
        const uint64_t hit = c->pixels[(size_t)k * c->classes + k];
        uint64_t row = 0, column = 0;
        for (uint32_t i = 0; i < c->classes; i++) {
            row += c->pixels[(size_t)k * c->classes + i];
            column += c->pixels[(size_t)i * c->classes + k];
        }
        all += row;
        right += hit;
        if (row > 0) {
            in_targets++;
            accuracies += (double)hit / (double)row;
        }
        if (row + column > 0) {
            in_either++;
            ious += (double)hit / (double)(row + column - hit);
        }
    }
    if (all == 0)
        return s;
    s.pixel_accuracy = (double)right / (double)all;
    s.class_accuracy = accuracies / in_targets;
    s.mean_iou = ious / in_either;
    return s;
}
