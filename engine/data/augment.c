// SPDX-License-Identifier: MIT
//
// A crop is a window of the image, of the crop's size divided by the factors, which is
// seen turned and flipped. Without factors all numbers are whole or halves, and exact:
// each pixel of the crop is one of the image. See augment.h.

#include "data/augment.h"

#include <math.h>

bool augment_scales(const struct augment *a)
{
    return a->scale > 0 || a->aspect > 0;
}

bool augment_touches(const struct augment *a)
{
    return a->brightness > 0 || a->contrast > 0 || a->noise > 0;
}

bool augment_is_set(const struct augment *a)
{
    return a->turns || a->flips || augment_scales(a) || augment_touches(a);
}

double augment_least_scale(struct pix_size load, struct pix_size crop)
{
    return MAX((double)crop.width / load.width, (double)crop.height / load.height);
}

// Where [0, 1) is `low` to `high`.
static double spread(double u, double low, double high)
{
    return low + u * (high - low);
}

// Part of the image, in pixels.
struct window {
    double x, y, width, height;
};

static struct window scaled_window(const struct augment *a,
                                   const struct augment_draws *draws,
                                   struct pix_size load, struct pix_size crop)
{
    const double stretch = exp(spread(draws->aspect, -0.5, 0.5) * log1p(a->aspect));
    // That of a crop of this shape.
    const double least =
        MAX(crop.width / stretch / load.width, crop.height * stretch / load.height);
    const double low = MAX(1 - a->scale, least), high = MAX(1 + a->scale, low);
    const double scale = spread(draws->scale, low, high);
    struct window w = { 0, 0, crop.width / (scale * stretch),
                        crop.height / scale * stretch };
    w.width = MIN(w.width, load.width);
    w.height = MIN(w.height, load.height);
    w.x = draws->x * (load.width - w.width);
    w.y = draws->y * (load.height - w.height);
    return w;
}

// A point of the unit square, (u, v) = (across * p + down * q + start) in each.
struct axis {
    double across, down, start;
};

static struct axis reversed(struct axis a)
{
    return (struct axis){ -a.across, -a.down, 1 - a.start };
}

struct augment_sample augment_make(const struct augment *a,
                                   const struct augment_draws *draws,
                                   struct pix_size load, struct pix_size crop,
                                   uint32_t crop_x, uint32_t crop_y, bool mirror)
{
    const uint32_t quarters = (uint32_t)(draws->turn * 4);
    const bool is_square = crop.width == crop.height;
    const uint32_t turns = !a->turns ? 0 : is_square ? quarters : quarters / 2 * 2;
    struct axis x = { 1, 0, 0 }, y = { 0, 1, 0 };
    for (uint32_t i = 0; i < turns; i++) {
        const struct axis was = x;
        x = reversed(y);
        y = was;
    }
    // The crop is mirrored as it is seen, so what lay across it is followed backwards.
    if (mirror) {
        x.start += x.across, x.across = -x.across;
        y.start += y.across, y.across = -y.across;
    }
    if (a->flips && draws->flip >= 0.5) {
        x.start += x.down, x.down = -x.down;
        y.start += y.down, y.down = -y.down;
    }
    const struct window w =
        augment_scales(a) ? scaled_window(a, draws, load, crop)
                          : (struct window){ crop_x, crop_y, crop.width, crop.height };
    return (struct augment_sample){
        .matrix = { (float)(x.across * w.width / crop.width),
                    (float)(x.down * w.width / crop.height),
                    (float)(y.across * w.height / crop.width),
                    (float)(y.down * w.height / crop.height) },
        .place = { (float)(w.x + x.start * w.width),
                   (float)(w.y + y.start * w.height) },
        .gain = (float)spread(draws->contrast, 1 - a->contrast, 1 + a->contrast),
        // The range is 2 wide.
        .shift = (float)(2 * spread(draws->brightness, -a->brightness, a->brightness)),
        .noise = (float)(2 * a->noise / 255),
        .key = { draws->key[0], draws->key[1] },
    };
}
