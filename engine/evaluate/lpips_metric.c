// SPDX-License-Identifier: MIT
//
// The weights are uploaded once; the program is that of the last number of images and
// their size. See lpips_metric.h.

#include "evaluate/lpips_metric.h"

#include "base/log.h"
#include "base/mem.h"
#include "program/footprint.h"
#include "store/lpips_file.h"

#include <string.h>

// Where they need too much.
#define HINT "make the images smaller"

struct lpips_metric {
    struct program_options options;
    const char *what;    // begins messages
    enum lpips_backbone backbone;
    struct weights *weights;
    // For the last images.
    size_t count;
    uint32_t height, width;
    struct program *program;
    struct tensor *x[LPIPS_MOST], *y, *distances[LPIPS_MOST];
};

// The graph only: it names and shapes the weights too.
static bool build(struct lpips_metric *m, size_t count, uint32_t height, uint32_t width)
{
    const struct shape s = { 1, LPIPS_CHANNELS, height, width };
    m->count = count;
    m->height = height;
    m->width = width;
    m->program = program_create(&m->options);
    if (!m->program)
        return false;
    struct graph *g = program_graph(m->program);
    for (size_t k = 0; k < count; k++)
        m->x[k] = graph_input(g, "x", s, TENSOR_F32);
    m->y = graph_input(g, "y", s, TENSOR_F32);
    if (!lpips_build_all(g, m->weights, m->x, count, m->y, m->backbone, m->distances) ||
        m->weights->failed)
        return false;
    for (size_t k = 0; k < count; k++) {
        graph_keep(g, m->distances[k]);
        program_upload(m->program, m->x[k]);
        program_download(m->program, m->distances[k]);
    }
    program_upload(m->program, m->y);
    return true;
}

static void drop(struct lpips_metric *m)
{
    program_destroy(m->program);
    m->program = NULL;
}

static bool load(struct lpips_metric *m, const char *path)
{
    struct lpips_file *f = lpips_file_open(path, NULL, m->what);
    bool ok = f != NULL;
    if (ok) {
        // The weights need a graph before they have a place, of whatever size.
        m->backbone = lpips_file_backbone(f);
        ok = build(m, 1, LPIPS_SIDE_MIN, LPIPS_SIDE_MIN) &&
             program_plan(m->program, &m->weights, 1, NULL) &&
             weights_allocate(m->weights, m->options.device) &&
             lpips_file_load(f, m->weights, m->options.device, tensor_upload);
    }
    lpips_file_close(f);
    return ok;
}

static struct program_options options_of(const struct program_options *given)
{
    return (struct program_options){
        .device = given->device,
        .submission_seconds = given->submission_seconds,
        .tuning = given->tuning,
        .hint = HINT,
    };
}

struct lpips_metric *lpips_metric_create(const struct program_options *options,
                                         const char *path, const char *what)
{
    struct lpips_metric *m = mem_zalloc(sizeof(*m));
    if (!m)
        return NULL;
    m->options = options_of(options);
    m->what = what;
    m->weights = weights_create(true);
    if (m->weights && load(m, path))
        return m;
    lpips_metric_destroy(m);
    return NULL;
}

void lpips_metric_destroy(struct lpips_metric *m)
{
    if (!m)
        return;
    drop(m);
    weights_destroy(m->weights);
    mem_free(m);
}

enum lpips_backbone lpips_metric_backbone(const struct lpips_metric *m)
{
    return m->backbone;
}

bool lpips_metric_plan(const struct program_options *options,
                       enum lpips_backbone backbone, size_t count, uint32_t height,
                       uint32_t width, struct pix_plan *plan)
{
    struct lpips_metric m = {
        .options = options_of(options),
        .backbone = backbone,
        .weights = weights_create(true),
    };
    const bool ok = m.weights && build(&m, count, height, width) &&
                    program_plan(m.program, &m.weights, 1, plan);
    drop(&m);
    weights_destroy(m.weights);
    return ok;
}

static bool start(struct lpips_metric *m)
{
    struct pix_plan plan;
    return program_plan(m->program, &m->weights, 1, &plan) &&
           footprint_fits(m->options.device, &plan, "LPIPS", HINT) &&
           program_start(m->program);
}

bool lpips_metric_prepare(struct lpips_metric *m, size_t count, uint32_t height,
                          uint32_t width)
{
    if (height < LPIPS_SIDE_MIN || width < LPIPS_SIDE_MIN) {
        log_error("%s: LPIPS needs images of at least %ux%u pixels, not %ux%u", m->what,
                  LPIPS_SIDE_MIN, LPIPS_SIDE_MIN, (unsigned)width, (unsigned)height);
        return false;
    }
    const bool is_same =
        m->program && m->count == count && m->height == height && m->width == width;
    if (is_same && program_is_started(m->program))
        return true;
    if (!is_same) {
        drop(m);
        if (!build(m, count, height, width)) {
            drop(m);
            return false;
        }
    }
    if (start(m))
        return true;
    drop(m);
    return false;
}

bool lpips_metric_run(struct lpips_metric *m, const float *const *x, size_t count,
                      const float *y, uint32_t height, uint32_t width,
                      double *distances)
{
    const size_t bytes = (size_t)LPIPS_CHANNELS * height * width * sizeof(float);
    const struct step_block step = { .step = 1 };
    if (!lpips_metric_prepare(m, count, height, width))
        return false;
    for (size_t k = 0; k < count; k++)
        memcpy(program_input(m->program, 0, m->x[k]), x[k], bytes);
    memcpy(program_input(m->program, 0, m->y), y, bytes);
    if (!program_run(m->program, &step))
        return false;
    for (size_t k = 0; k < count; k++)
        distances[k] =
            (double)*(const float *)program_output(m->program, 0, m->distances[k]);
    return true;
}
