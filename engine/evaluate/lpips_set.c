// SPDX-License-Identifier: MIT
//
// See lpips_set.h.

#include "evaluate/lpips_set.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/lpips_file.h"

#include <assert.h>
#include <math.h>

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
                const char *path, uint32_t wanted, const char *what)
{
    struct lpips_metric *m = lpips_metric_create(options, path, what);
    if (!m)
        return false;
    const enum lpips_backbone b = lpips_metric_backbone(m);
    if (set->metrics[b] || !(wanted & lpips_set_bit(b))) {
        log_debug(
            "%s: %s is not used: its network is not wanted, or another file has it",
            what, path);
        lpips_metric_destroy(m);
        return true;
    }
    set->metrics[b] = m;
    set->found |= lpips_set_bit(b);
    return true;
}

bool lpips_set_open(struct lpips_set *set, const struct program_options *options,
                    const char *path, uint32_t wanted, const char *what)
{
    struct file_list files = { 0 };
    *set = (struct lpips_set){ .found = 0 };
    bool ok = path ? add(set, options, path, wanted, what) : lpips_file_list(&files);
    for (size_t i = 0; ok && i < files.count; i++)
        ok = add(set, options, files.names[i], wanted, what);
    file_list_free(&files);
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
            planes[c * plane + i] = (float)metrics_to_range(p->kind, sample);
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
