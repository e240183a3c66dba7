// SPDX-License-Identifier: MIT
//
// See lpips_set.h.

#include "evaluate/lpips_set.h"

#include "base/log.h"
#include "base/mem.h"
#include "settings/choice.h"
#include "store/lpips_file.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static_assert(METRICS_MOST_SUBJECTS <= LPIPS_MOST, "one run compares all subjects");

static const enum pix_metric metric_of[LPIPS_BACKBONES] = {
    [LPIPS_ALEX] = PIX_METRIC_LPIPS_ALEX,
    [LPIPS_SQUEEZE] = PIX_METRIC_LPIPS_SQUEEZE,
    [LPIPS_VGG] = PIX_METRIC_LPIPS_VGG,
};

uint32_t lpips_set_bit(enum lpips_backbone backbone)
{
    return METRIC_BIT(metric_of[backbone]);
}

static bool add(struct lpips_set *set, const struct program_options *options,
                const char *path, const char *what, enum lpips_backbone *backbone)
{
    struct lpips_metric *m = lpips_metric_create(options, path, what);
    if (!m)
        return false;
    *backbone = lpips_metric_backbone(m);
    set->metrics[*backbone] = m;
    set->found |= lpips_set_bit(*backbone);
    return true;
}

// What is wanted by name has to be in the file that the user names.
static bool open_named(struct lpips_set *set, const struct program_options *options,
                       const char *path, uint32_t wanted, const char *what)
{
    enum lpips_backbone found;
    if (!add(set, options, path, what, &found))
        return false;
    for (int b = 0; wanted != UINT32_MAX && b < LPIPS_BACKBONES; b++) {
        if (!(wanted & ~set->found & lpips_set_bit(b)))
            continue;
        log_error(
            "%s: %s holds %s, and %s is wanted: name a file of %s with --lpips, or "
            "leave --lpips out to use those of the user's data folder",
            what, path, lpips_backbone_title(found),
            choice_name(choice_metrics, (int)metric_of[b]), lpips_backbone_title(b));
        return false;
    }
    return true;
}

// The network of a file, if it can be used: else *why says why not. False after a
// message: no memory.
static bool look(const char *path, const char *what, enum lpips_backbone *b,
                 bool *usable, char why[LOG_LINE_SIZE])
{
    const uint64_t failures = mem_failures();
    struct log_capture capture;
    log_capture_begin(&capture);
    struct lpips_file *f = lpips_file_open(path, NULL, what);
    snprintf(why, LOG_LINE_SIZE, "%s", log_capture_end(&capture));
    *usable = f != NULL;
    if (f)
        *b = lpips_file_backbone(f);
    lpips_file_close(f);
    if (f || mem_failures() == failures)
        return true;
    log_error("%s", why);
    return false;
}

// The files that are kept for the program. One that cannot be used may be what is
// missing: only where nothing is, it is passed over.
struct kept {
    const char *of[LPIPS_BACKBONES];    // the file of each network
    const char *unusable;               // the first one
    char why[LOG_LINE_SIZE];
};

static bool take_kept(struct lpips_set *set, struct kept *kept,
                      const struct program_options *options, const char *path,
                      uint32_t wanted, const char *what)
{
    enum lpips_backbone b;
    bool usable;
    char why[LOG_LINE_SIZE];
    if (!look(path, what, &b, &usable, why))
        return false;
    if (!usable) {
        if (!kept->unusable)
            memcpy(kept->why, why, sizeof(why));
        kept->unusable = kept->unusable ? kept->unusable : path;
        return true;
    }
    if (!(wanted & lpips_set_bit(b))) {
        log_debug("%s: %s is not used: %s is not wanted", what, path,
                  lpips_backbone_title(b));
        return true;
    }
    if (set->metrics[b]) {
        log_warn(
            "%s: %s is not used: %s has %s too: move one of them away, or name one "
            "with --lpips",
            what, path, kept->of[b], lpips_backbone_title(b));
        return true;
    }
    kept->of[b] = path;
    return add(set, options, path, what, &b);
}

static bool open_kept(struct lpips_set *set, const struct program_options *options,
                      uint32_t wanted, const char *what)
{
    struct kept kept = { .unusable = NULL };
    struct file_list files;
    bool ok = lpips_file_list(&files);
    for (size_t i = 0; ok && i < files.count; i++)
        ok = take_kept(set, &kept, options, files.names[i], wanted, what);
    if (ok && kept.unusable) {
        ok = (wanted & ~set->found) == 0;
        log_message(
            ok ? LOG_WARN : LOG_ERROR,
            "%s: the LPIPS weights %s cannot be used (%s): move the file away, or "
            "name one with --lpips",
            what, kept.unusable, kept.why);
    }
    file_list_free(&files);
    return ok;
}

bool lpips_set_open(struct lpips_set *set, const struct program_options *options,
                    const char *path, uint32_t wanted, const char *what)
{
    *set = (struct lpips_set){ .found = 0 };
    const bool ok = lpips_file_is_named(path)
                        ? open_named(set, options, path, wanted, what)
                        : open_kept(set, options, wanted, what);
    if (!ok)
        lpips_set_close(set);
    return ok;
}

void lpips_set_close(struct lpips_set *set)
{
    for (int b = 0; b < LPIPS_BACKBONES; b++)
        lpips_metric_destroy(set->metrics[b]);
    *set = (struct lpips_set){ .found = 0 };
}

bool lpips_set_plan(const struct program_options *options, uint32_t wanted,
                    uint32_t height, uint32_t width, uint64_t *bytes)
{
    *bytes = 0;
    for (int b = 0; b < LPIPS_BACKBONES; b++) {
        struct pix_plan plan;
        if (!(wanted & lpips_set_bit(b)))
            continue;
        if (!lpips_metric_plan(options, b, 1, height, width, &plan))
            return false;
        *bytes += plan.device_bytes;
    }
    return true;
}

bool lpips_set_add_shapes(struct conv_shapes *list, const struct op_limits *limits,
                          uint32_t wanted, uint32_t height, uint32_t width)
{
    for (int b = 0; b < LPIPS_BACKBONES; b++)
        if ((wanted & lpips_set_bit(b)) &&
            !lpips_add_shapes(list, limits, b, height, width))
            return false;
    return true;
}

bool lpips_set_prepare(struct lpips_set *set, uint32_t height, uint32_t width)
{
    for (int b = 0; b < LPIPS_BACKBONES; b++)
        if (set->metrics[b] && !lpips_metric_prepare(set->metrics[b], 1, height, width))
            return false;
    return true;
}

bool lpips_set_may_compare(const struct picture *p)
{
    return (p->channels == 1 || p->channels == LPIPS_CHANNELS) &&
           p->width >= LPIPS_SIDE_MIN && p->height >= LPIPS_SIDE_MIN;
}

// Three planes of floats in [-1, 1], of a picture like `p`; `flat` is a colour for each
// channel in place of its samples, or NULL.
static void fill_planes(const struct picture *p, const double *flat, float *planes)
{
    const size_t plane = (size_t)p->width * p->height;
    for (uint32_t c = 0; c < LPIPS_CHANNELS; c++) {
        const uint32_t from = p->channels == 1 ? 0 : c;
        for (size_t i = 0; i < plane; i++) {
            const double sample =
                flat ? flat[from] : picture_sample(p, from * plane + i);
            planes[c * plane + i] = (float)metrics_to_range(p->kind, p->range, sample);
        }
    }
}

static bool run(struct lpips_set *set, const float *const *x,
                const struct subject *subjects, size_t count, const float *y,
                const struct picture *target)
{
    for (int b = 0; b < LPIPS_BACKBONES; b++) {
        double distances[METRICS_MOST_SUBJECTS];
        if (!set->metrics[b])
            continue;
        if (!lpips_metric_run(set->metrics[b], x, count, y, target->height,
                              target->width, distances))
            return false;
        for (size_t k = 0; k < count; k++)
            subjects[k].scores->values[metric_of[b]] =
                subjects[k].scores->not_finite ? NAN : distances[k];
    }
    return true;
}

bool lpips_set_compare(struct lpips_set *set, const struct subject *subjects,
                       size_t count, const struct picture *target)
{
    const size_t size = LPIPS_CHANNELS * (size_t)target->width * target->height;
    const float *x[METRICS_MOST_SUBJECTS];
    assert(count <= METRICS_MOST_SUBJECTS);
    if (set->found == 0 || !lpips_set_may_compare(target))
        return true;
    float *planes = mem_array((count + 1) * size, sizeof(float));
    if (!planes)
        return false;
    for (size_t k = 0; k < count; k++) {
        const struct subject *s = &subjects[k];
        fill_planes(s->picture ? s->picture : target, s->colour, planes + k * size);
        x[k] = planes + k * size;
    }
    fill_planes(target, NULL, planes + count * size);
    const bool ok = run(set, x, subjects, count, planes + count * size, target);
    mem_free(planes);
    return ok;
}
