// SPDX-License-Identifier: MIT
//
// See fitting.h. The modes are the PyTorch port's (get_transform in
// data/base_dataset.py) with three differences: its crops of images that are smaller
// fail or are black, its scale_width stretches what would become lower than the crop,
// and its modes without a crop make samples of many sizes, for which there is one graph
// here.

#include "data/fitting.h"

#include "data/window.h"

struct pix_size fit_sample_size(const struct fit *fit)
{
    return fit->mode == FIT_RESIZE ? fit->load : fit->crop;
}

bool fit_is_whole(const struct fit *fit)
{
    return fit->mode == FIT_RESIZE || fit->mode == FIT_WIDTH ||
           fit->mode == FIT_WHOLE || fit->centred;
}

static bool fits_width(const struct fit *fit)
{
    return fit->mode == FIT_WIDTH || fit->mode == FIT_WIDTH_CROP;
}

// The port rounds down, but never to 0.
struct pix_size fit_scaled_size(const struct fit *fit, struct pix_size a)
{
    if (fit->mode == FIT_RESIZE)
        return fit->load;
    if (!fits_width(fit))
        return a;
    const uint64_t height = (uint64_t)fit->load.width * a.height / a.width;
    return (struct pix_size){ fit->load.width,
                              (uint32_t)MAX(MIN(height, UINT32_MAX), 1u) };
}

bool fit_pads(const struct fit *fit, struct pix_size scaled)
{
    return fit->mode != FIT_NOTHING && fit->mode != FIT_RESIZE &&
           (scaled.width < fit->crop.width || scaled.height < fit->crop.height);
}

bool fit_cuts(const struct fit *fit, struct pix_size scaled)
{
    return fit->mode != FIT_NOTHING && fit->mode != FIT_RESIZE && fit_is_whole(fit) &&
           (scaled.width > fit->crop.width || scaled.height > fit->crop.height);
}

static struct pix_size padded_size(const struct fit *fit, struct pix_size scaled)
{
    if (!fit_pads(fit, scaled))
        return scaled;
    return (struct pix_size){ MAX(scaled.width, fit->crop.width),
                              MAX(scaled.height, fit->crop.height) };
}

// ---------------------------------------------------------------------------
// Which sizes can be used

// What is made of a side may be far larger than it is.
static bool check_growth(const struct fit *fit, const struct picture *a,
                         const struct picture *p, struct reason *reason)
{
    const struct pix_size size =
        padded_size(fit, fit_scaled_size(fit, picture_size(a)));
    const uint64_t pixels = (uint64_t)p->width * p->height;
    return (picture_size_is_valid(size.width, size.height,
                                  (uint64_t)p->channels * pixel_bytes(p->kind)) &&
            (uint64_t)size.width * size.height <= MAX(pixels, PICTURE_MAX_PIXELS)) ||
           reason_refuse(reason, "is %ux%u and would become %ux%u, too large an image",
                         (unsigned)p->width, (unsigned)p->height, (unsigned)size.width,
                         (unsigned)size.height);
}

static bool check_equal(const struct picture *a, const struct picture *b, bool halves,
                        struct reason *reason)
{
    if (size_equals(picture_size(a), picture_size(b)))
        return true;
    if (halves)
        return reason_refuse(
            reason,
            "has halves of %u and %u columns, which must be equal where "
            "images are not resized",
            (unsigned)a->width, (unsigned)b->width);
    return reason_refuse(reason,
                         "is %ux%u and its partner %ux%u, which must be equal where "
                         "images are not resized",
                         (unsigned)b->width, (unsigned)b->height, (unsigned)a->width,
                         (unsigned)a->height);
}

static bool check_whole(const struct fit *fit, const struct picture *a, bool halves,
                        struct reason *reason)
{
    if (fit->centred || (a->width <= fit->crop.width && a->height <= fit->crop.height))
        return true;
    return reason_refuse(reason,
                         "%s %ux%u, more than --crop-size %ux%u, and --preprocess none "
                         "cuts nothing off: use crop, or a larger --crop-size",
                         halves ? "has halves of" : "is", (unsigned)a->width,
                         (unsigned)a->height, (unsigned)fit->crop.width,
                         (unsigned)fit->crop.height);
}

bool fit_check(const struct fit *fit, const struct picture *a, const struct picture *b,
               bool halves, bool *is_b, struct reason *reason)
{
    *is_b = false;
    if (fit->mode == FIT_NOTHING || fit->mode == FIT_RESIZE)
        return true;
    if (fit->mode == FIT_WHOLE && !check_whole(fit, a, halves, reason))
        return false;
    if (!check_growth(fit, a, a, reason))
        return false;
    *is_b = !halves;
    return check_growth(fit, a, b, reason) &&
           (fits_width(fit) || check_equal(a, b, halves, reason));
}

// ---------------------------------------------------------------------------
// Pixels

// Takes what was made in place of a picture. False without memory.
static bool replace(struct picture *p, bool is_made, const struct picture *made)
{
    if (!is_made)
        return false;
    picture_free(p);
    *p = *made;
    return true;
}

static bool pad(struct picture *p, struct pix_size size)
{
    const struct window_edges edges = { WINDOW_MIRROR, WINDOW_MIRROR };
    const uint32_t left = (size.width - p->width) / 2;
    const uint32_t top = (size.height - p->height) / 2;
    struct picture padded;
    const bool ok = window_create(p, edges, -(int64_t)left, -(int64_t)top, size.width,
                                  size.height, &padded);
    return replace(p, ok, &padded);
}

static bool cut(struct picture *p, struct pix_size size)
{
    struct picture part;
    const bool ok =
        picture_crop(p, (p->width - size.width) / 2, (p->height - size.height) / 2,
                     size.width, size.height, &part);
    return replace(p, ok, &part);
}

bool fit_apply(const struct fit *fit, struct pix_size scaled, struct picture *p)
{
    struct picture resized;
    if (!size_equals(scaled, picture_size(p)) &&
        !replace(p,
                 picture_resize(p, fit->filter, scaled.width, scaled.height, &resized),
                 &resized))
        return false;
    return (!fit_pads(fit, scaled) || pad(p, padded_size(fit, scaled))) &&
           (!fit_cuts(fit, scaled) || cut(p, fit->crop));
}
