// SPDX-License-Identifier: MIT
//
// See training_log.h.

#include "training_log.h"

#include "terminal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// ---------------------------------------------------------------------------
// Trends

// A trend is the distance of a short average from a long one, in steps of this many.
#define TREND_SHORT 20.0
#define TREND_LONG 100.0
// Below this share of the long average nothing can be said: losses of single images
// differ by much more than they fall in so few steps.
#define TREND_LEVEL 0.02
#define TREND_STEPS 100u    // before these there is no trend

static void trend_add(struct trend *t, double value)
{
    t->count++;
    // The first steps are plain means, so that the start has no weight of its own.
    t->brief += (value - t->brief) / fmin((double)t->count, TREND_SHORT);
    t->lasting += (value - t->lasting) / fmin((double)t->count, TREND_LONG);
}

enum trend_direction { TREND_NONE, TREND_FALLING, TREND_EVEN, TREND_RISING };

static enum trend_direction trend_find(const struct trend *t)
{
    const double level = TREND_LEVEL * fabs(t->lasting);
    if (t->count < TREND_STEPS || !isfinite(t->brief) || !isfinite(t->lasting))
        return TREND_NONE;
    return t->brief < t->lasting - level   ? TREND_FALLING
           : t->brief > t->lasting + level ? TREND_RISING
                                           : TREND_EVEN;
}

// One column for the live line.
static const char *trend_sign(const struct trend *t)
{
    static const char *const signs[] = { "", "\xe2\x86\x93", "\xe2\x86\x92",
                                         "\xe2\x86\x91" };
    return signs[trend_find(t)];
}

static const char *trend_word(const struct trend *t)
{
    static const char *const words[] = { "-", "falling", "even", "rising" };
    return words[trend_find(t)];
}

// ---------------------------------------------------------------------------
// The head

enum { COLUMNS = 80, TEXT_SIZE = 1024 };

// Adds a word to a paragraph that is folded, the lines after the first indented.
static void print_word(FILE *stream, const char *word, int *column)
{
    const int length = (int)strlen(word);
    if (*column + 1 + length >= COLUMNS && *column > 4) {
        output_print(stream, "\n   ");
        *column = 3;
    }
    output_print(stream, " %s", word);
    *column += 1 + length;
}

void training_log_print_head(FILE *stream, const struct pix_device_info *device,
                             const struct pix_train_options *o)
{
    size_t count;
    const struct pix_option *rows = pix_train_option_table(&count);
    int column = (int)strlen("options:");
    char version[64];
    output_print(stream, "device: %s, driver %s %s, Vulkan %s\n", device->name,
                 *device->driver ? device->driver : "?", device->driver_version,
                 output_format_api_version(device, version));
    output_print(stream, "options:");
    for (size_t i = 0; i < count; i++) {
        char buffer[64], text[TEXT_SIZE];
        const char *value =
            pix_train_options_get(o, rows[i].name, buffer, sizeof(buffer));
        const bool is_flag = rows[i].type == PIX_OPTION_FLAG;
        // What was not given, and orders for this start alone, are no configuration.
        if (!value || !*value || (is_flag && strcmp(value, "true") != 0) ||
            strcmp(rows[i].name, "continue") == 0)
            continue;
        snprintf(text, sizeof(text), is_flag ? "--%s" : "--%s %s", rows[i].name, value);
        print_word(stream, text, &column);
    }
    output_print(stream, "\n");
    fflush(stream);
}

// ---------------------------------------------------------------------------
// Steps

// L1, unless the option best names another metric.
static enum pix_metric find_judge(const struct pix_train_options *o)
{
    enum pix_metric judge;
    return pix_metric_find(o->best, &judge) ? judge : PIX_METRIC_L1;
}

void training_log_begin(struct training_log *p, FILE *stream,
                        const struct pix_train_options *o)
{
    *p = (struct training_log){
        .stream = stream,
        .live = terminal_is_interactive(stream),
        .log_freq = o->log_freq,
        .judge = find_judge(o),
        .start = terminal_get_seconds(),
    };
    p->last = p->start;
    if (p->live)
        output_begin_live(stream);
}

struct losses {
    char *text;    // of `size` bytes
    size_t size, used;
    int decimals;
};

// Appends "NAME VALUE" with a sign after it, and `end`.
static void add_loss(struct losses *l, const char *name, double value, const char *sign,
                     const char *end)
{
    char number[32];
    if (fabs(value) < 1e4)    // of one width, however small
        snprintf(number, sizeof(number), "%.*f", l->decimals, value);
    else
        output_format_number(value, l->decimals, number);
    if (l->used < l->size)
        l->used += (size_t)snprintf(l->text + l->used, l->size - l->used, "%s %s%s%s",
                                    name, number, sign, end);
}

// Formats the losses that the step has, with the signs of their trends. Both forms hold
// the same numbers; the short one is for terminals of 80 columns.
static const char *losses_text(const struct training_log *p, bool is_short, char *text,
                               size_t size)
{
    const struct pix_step_metrics *m = &p->metrics;
    const struct trend *t = p->trends;
    struct losses l = { text, size, 0, is_short ? 2 : 3 };
    text[0] = 0;
    if (m->has_gan) {
        add_loss(&l, is_short ? "D" : "D real", m->loss_d_real,
                 trend_sign(&t[TREND_D_REAL]), is_short ? "" : " fake");
        add_loss(&l, "", m->loss_d_fake, trend_sign(&t[TREND_D_FAKE]),
                 is_short ? " " : "  ");
    }
    if (m->has_gp)
        add_loss(&l, "gp", m->loss_d_gp, "", is_short ? " " : "  ");
    if (m->has_gan)
        add_loss(&l, is_short ? "G" : "G gan", m->loss_g_gan,
                 trend_sign(&t[TREND_G_GAN]), " ");
    add_loss(&l,
             is_short     ? "L1"
             : m->has_gan ? "l1"
                          : "G l1",
             m->loss_g_l1, trend_sign(&t[TREND_G_L1]), m->has_ce ? " " : "");
    if (m->has_ce)
        add_loss(&l, is_short ? "CE" : "ce", m->loss_g_ce, "", "");
    return text;
}

// Columns of a text in UTF-8 whose characters have one each.
static int column_count(const char *text)
{
    int count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static void add_trends(struct training_log *p, const struct pix_step_metrics *m)
{
    if (m->has_gan) {
        trend_add(&p->trends[TREND_D_REAL], m->loss_d_real);
        trend_add(&p->trends[TREND_D_FAKE], m->loss_d_fake);
        trend_add(&p->trends[TREND_G_GAN], m->loss_g_gan);
    }
    trend_add(&p->trends[TREND_G_L1], m->loss_g_l1);
}

static void print_live(const struct training_log *p, const char *left)
{
    const struct pix_step_metrics *m = &p->metrics;
    char line[320], losses[128], rate[32];
    snprintf(line, sizeof(line),
             "epoch %" PRIu64 "  step %" PRIu64 "/%" PRIu64
             "  %s  %s images/s  %s left",
             m->epoch, m->step, m->steps, losses_text(p, false, losses, sizeof(losses)),
             output_format_rate(m->images_per_s, rate), left);
    if (column_count(line) >= terminal_get_columns(p->stream))
        snprintf(line, sizeof(line),
                 "ep %" PRIu64 " %" PRIu64 "/%" PRIu64 " %s %s img/s %s left", m->epoch,
                 m->step, m->steps, losses_text(p, true, losses, sizeof(losses)), rate,
                 left);
    output_show_live(line);
}

static void print_trends(const struct training_log *p)
{
    output_print(p->stream, " trend");
    if (p->metrics.has_gan)
        output_print(p->stream, " d_real %s d_fake %s g_gan %s",
                     trend_word(&p->trends[TREND_D_REAL]),
                     trend_word(&p->trends[TREND_D_FAKE]),
                     trend_word(&p->trends[TREND_G_GAN]));
    output_print(p->stream, " g_l1 %s", trend_word(&p->trends[TREND_G_L1]));
}

static void print_loss(const struct training_log *p, const char *name, double value)
{
    char text[32];
    output_print(p->stream, " loss_%s %s", name, output_format_number(value, 4, text));
}

// Prints one line, for a file or a pipe.
static void print_plain(const struct training_log *p, const char *left)
{
    char rate[32];
    const struct pix_step_metrics *m = &p->metrics;
    output_print(p->stream, "epoch %" PRIu64 " step %" PRIu64 "/%" PRIu64, m->epoch,
                 m->step, m->steps);
    if (m->has_gan) {
        print_loss(p, "d_real", m->loss_d_real);
        print_loss(p, "d_fake", m->loss_d_fake);
    }
    if (m->has_gp)
        print_loss(p, "d_gp", m->loss_d_gp);
    if (m->has_gan)
        print_loss(p, "g_gan", m->loss_g_gan);
    print_loss(p, "g_l1", m->loss_g_l1);
    if (m->has_ce)
        print_loss(p, "g_ce", m->loss_g_ce);
    output_print(p->stream, " images/s %s left %s",
                 output_format_rate(m->images_per_s, rate), left);
    if (p->trained >= TREND_STEPS)
        print_trends(p);
    output_print(p->stream, "\n");
    fflush(p->stream);
}

static void print_validation(const struct training_log *p)
{
    const struct pix_step_metrics *m = &p->metrics;
    char text[32], flat[32];
    output_end_live();
    output_print(p->stream, "epoch %" PRIu64, m->epoch);
    for (int i = 0; i < PIX_METRIC_COUNT; i++)
        if (m->val_metrics >> i & 1)
            output_print(p->stream, " val_%s %s (mean colour %s)",
                         pix_metric_name((enum pix_metric)i),
                         output_format_number(m->val[i], 4, text),
                         output_format_number(m->val_mean_colour[i], 3, flat));
    output_print(p->stream, " lr %.3g", m->lr);
    if (m->is_best)
        output_print(p->stream, " (best %s so far)", pix_metric_name(p->judge));
    output_print(p->stream, "\n");
    fflush(p->stream);
    if (p->live)
        output_begin_live(p->stream);
}

void training_log_step(struct training_log *p, const struct pix_step_metrics *m)
{
    // The first step of a process compiles pipelines: its time says nothing of others.
    const double now = terminal_get_seconds();
    const double seconds = now - p->last;
    p->last = now;
    p->metrics = *m;
    p->trained++;
    add_trends(p, m);
    if (p->trained <= 2)
        p->step_seconds = seconds;
    else
        p->step_seconds += (seconds - p->step_seconds) * (p->trained < 20 ? 0.2 : 0.05);

    const bool last = m->step == m->steps;
    char left[32];
    if (p->trained == 1 && !last)
        snprintf(left, sizeof(left), "-");
    else
        output_format_duration(p->step_seconds * (double)(m->steps - m->step), left);
    if (m->has_val)
        print_validation(p);
    if (p->live) {
        if (!last && now - p->shown < 0.1)
            return;
        p->shown = now;
        print_live(p, left);
    } else if (m->step % p->log_freq == 0 || p->trained == 1 || last) {
        print_plain(p, left);
    }
}

static json_t *best_json(const struct pix_best_validation *best)
{
    json_t *o = json_object();
    output_add_member(&o, "metric", output_make_text(pix_metric_name(best->metric)));
    output_add_member(&o, "score", output_make_real(best->score));
    output_add_member(&o, "step", output_make_uint(best->step));
    output_add_member(&o, "is_kept", json_boolean(best->is_kept));
    return o;
}

static void print_best(const struct pix_best_validation *best, bool wants_best)
{
    char text[32];
    const char *metric = pix_metric_name(best->metric);
    output_print(stdout, "best validation: %s %s after step %" PRIu64, metric,
                 output_format_number(best->score, 4, text), best->step);
    if (best->is_kept)
        output_print(stdout, ", kept: use it with --checkpoint best\n");
    else if (!wants_best)
        output_print(stdout, ", not kept: train --best %s keeps it\n", metric);
    else
        output_print(stdout, "\n");
}

// Updates of f16 that were left out so far, and where the loss scales ended.
static void print_skipped(const struct pix_step_metrics *m)
{
    char scale[32];
    output_print(stdout, "updates left out: %" PRIu64 " of G (loss scale %s)",
                 m->skipped_g, output_format_rate(m->scale_g, scale));
    if (m->has_gan)
        output_print(stdout, ", %" PRIu64 " of D (%s)", m->skipped_d,
                     output_format_rate(m->scale_d, scale));
    output_print(stdout, "\n");
}

bool training_log_print_summary(const struct training_log *p,
                                const struct pix_train_options *o,
                                const struct pix_best_validation *best,
                                bool interrupted, bool json)
{
    const struct pix_step_metrics *m = &p->metrics;
    const double seconds = p->last - p->start;
    char text[32], rate[32];
    if (json) {
        json_t *document = json_object();
        output_add_member(&document, "out", output_make_text(o->out));
        output_add_member(&document, "interrupted", json_boolean(interrupted));
        output_add_member(&document, "trained", output_make_uint(p->trained));
        output_add_member(&document, "seconds", output_make_real(seconds));
        output_add_member(&document, "best", best ? best_json(best) : json_null());
        if (p->trained > 0) {
            output_add_member(&document, "step", output_make_uint(m->step));
            output_add_member(&document, "steps", output_make_uint(m->steps));
            output_add_member(&document, "epoch", output_make_uint(m->epoch));
            output_add_member(&document, "loss_d_real",
                              output_make_real(m->loss_d_real));
            output_add_member(&document, "loss_d_fake",
                              output_make_real(m->loss_d_fake));
            output_add_member(&document, "loss_d_gp", output_make_real(m->loss_d_gp));
            output_add_member(&document, "loss_g_gan", output_make_real(m->loss_g_gan));
            output_add_member(&document, "loss_g_l1", output_make_real(m->loss_g_l1));
            if (m->has_ce)
                output_add_member(&document, "loss_g_ce",
                                  output_make_real(m->loss_g_ce));
            if (m->has_scale) {
                output_add_member(&document, "loss_scale_d",
                                  output_make_real(m->scale_d));
                output_add_member(&document, "loss_scale_g",
                                  output_make_real(m->scale_g));
                output_add_member(&document, "skipped_d",
                                  output_make_uint(m->skipped_d));
                output_add_member(&document, "skipped_g",
                                  output_make_uint(m->skipped_g));
            }
            output_add_member(&document, "images_per_s",
                              output_make_real(m->images_per_s));
        }
        return output_print_json(document);
    }
    if (p->trained == 0) {
        output_print(stdout, "%s: %s\n", o->out,
                     interrupted ? "interrupted before the first step"
                                 : "no step was left to train");
    } else {
        output_print(stdout,
                     "%s: %s step %" PRIu64 "/%" PRIu64 " after %" PRIu64
                     " step%s in %s, %s images/s\n",
                     o->out, interrupted ? "interrupted at" : "finished at", m->step,
                     m->steps, p->trained, p->trained == 1 ? "" : "s",
                     output_format_duration(seconds, text),
                     output_format_rate(seconds > 0
                                            ? (double)p->trained * o->batch_size *
                                                  o->accumulate / seconds
                                            : 0.0,
                                        rate));
        if (m->has_scale)
            print_skipped(m);
    }
    if (best)
        print_best(best, o->best && strcmp(o->best, "none") != 0);
    if (interrupted)
        output_print(stdout, "resume with: pix2pix train --out %s --continue\n",
                     o->out);
    return true;
}
