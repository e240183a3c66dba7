// SPDX-License-Identifier: MIT
//
// See curves.h.

#include "report/curves.h"

#include "page/html.h"
#include "page/script.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[CURVE_NAMED] = {
    "loss_d_real",  "loss_d_fake",  "loss_d_gp", "loss_g_gan", "loss_g_l1", "loss_g_ce",
    "loss_scale_d", "loss_scale_g", "skipped_d", "skipped_g",  "lr",        "speed",
};

static bool add_point(struct curve *c, double x, double y)
{
    if (!isfinite(y))
        return true;
    if (c->count == c->capacity) {
        const size_t capacity = c->capacity ? 2 * c->capacity : 256;
        double *more_x = realloc(c->x, capacity * sizeof(double));
        if (more_x)
            c->x = more_x;
        double *more_y = more_x ? realloc(c->y, capacity * sizeof(double)) : NULL;
        if (!more_y)
            return false;
        c->y = more_y;
        c->capacity = capacity;
    }
    c->x[c->count] = x;
    c->y[c->count++] = y;
    return true;
}

static bool add_line(void *user, const struct pix_step_metrics *m)
{
    struct curves *c = user;
    const bool has_d = m->has_scale && m->scale_d > 0, has_g = m->has_scale;
    const double values[CURVE_NAMED] = {
        m->loss_d_real,
        m->loss_d_fake,
        m->loss_d_gp,
        m->loss_g_gan,
        m->loss_g_l1,
        m->loss_g_ce,
        has_d ? m->scale_d : NAN,
        has_g ? m->scale_g : NAN,
        has_d ? (double)m->skipped_d : NAN,
        has_g ? (double)m->skipped_g : NAN,
        m->lr,
        m->images_per_s,
    };
    bool ok = true;
    for (int i = 0; i < CURVE_COUNT; i++)
        ok = ok && add_point(&c->items[i], (double)m->step,
                             i < CURVE_NAMED ? values[i] : m->val[i - CURVE_NAMED]);
    c->lines++;
    c->step = m->step;
    c->epoch = m->epoch;
    c->failed |= !ok;
    return ok;
}

bool curves_read(struct curves *c, const char *run, const char **reason)
{
    *c = (struct curves){ 0 };
    const bool ok = pix_run_read_metrics(run, add_line, c, &c->damaged);
    *reason = ok ? "out of memory" : pix_last_error();
    return ok && !c->failed;
}

void curves_free(struct curves *c)
{
    for (int i = 0; i < CURVE_COUNT; i++) {
        free(c->items[i].x);
        free(c->items[i].y);
    }
    *c = (struct curves){ 0 };
}

size_t curves_thin(const double *x, const double *y, size_t count, double *tx,
                   double *ty)
{
    const size_t parts = CURVE_POINTS / 2 - 1, inner = count - 2;
    size_t used = 0;
    if (count <= CURVE_POINTS) {
        for (; used < count; used++) {
            tx[used] = x[used];
            ty[used] = y[used];
        }
        return used;
    }
    tx[used] = x[0];
    ty[used++] = y[0];
    for (size_t part = 0; part < parts; part++) {
        const size_t begin = 1 + inner * part / parts,
                     end = 1 + inner * (part + 1) / parts;
        size_t low = begin, high = begin;
        for (size_t i = begin; i < end; i++) {
            low = y[i] < y[low] ? i : low;
            high = y[i] > y[high] ? i : high;
        }
        const size_t both[2] = { low < high ? low : high, low < high ? high : low };
        for (size_t k = low == high; k < 2; k++) {
            tx[used] = x[both[k]];
            ty[used++] = y[both[k]];
        }
    }
    tx[used] = x[count - 1];
    ty[used++] = y[count - 1];
    return used;
}

static void write_numbers(FILE *f, const double *values, size_t count, bool is_step)
{
    html_put(f, "[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            html_put(f, ",");
        if (is_step)
            html_put(f, "%.0f", values[i]);
        else
            script_put_number(f, values[i]);
    }
    html_put(f, "]");
}

static const char *name_of(int i, char text[32])
{
    if (i < CURVE_NAMED)
        return names[i];
    snprintf(text, 32, "val_%s", pix_metric_name((enum pix_metric)(i - CURVE_NAMED)));
    return text;
}

void curves_write(FILE *f, const struct curves *c)
{
    double x[CURVE_POINTS], y[CURVE_POINTS];
    bool begun = false;
    for (int i = 0; i < CURVE_COUNT; i++) {
        const struct curve *curve = &c->items[i];
        char text[32];
        if (curve->count == 0)
            continue;
        const size_t count = curves_thin(curve->x, curve->y, curve->count, x, y);
        html_put(f, "%s\n\"%s\":[", begun ? "," : "", name_of(i, text));
        write_numbers(f, x, count, true);
        html_put(f, ",");
        write_numbers(f, y, count, false);
        html_put(f, "]");
        begun = true;
    }
}
