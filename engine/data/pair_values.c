// SPDX-License-Identifier: MIT
//
// See pair_values.h.

#include "data/pair_values.h"

#include "base/log.h"

#include <inttypes.h>

#define BITS_14 16383        // what uses no more of 16 bits is dark
#define MANY_OUTSIDE 0.01    // a share that is no longer a few hot pixels

static const char *const side_names[] = { "input", "target" };
static const char *const option_names[] = { "input", "output" };

static void add_lacking(struct pair_values *v, int side, const char *name,
                        double number)
{
    if (v->lacking[side]++ == 0) {
        v->first_lacking[side] = name;
        v->no_data_number[side] = number;
    }
    v->numbers_differ[side] |= number != v->no_data_number[side];
}

void pair_values_add(struct pair_values *v, const char *name,
                     const struct pair_notes *notes)
{
    v->pairs++;
    if (notes->exceeds[1] && v->exceeding++ == 0)
        v->first = name;
    v->is_narrow = v->is_narrow || notes->narrow;
    for (int side = 0; side < 2; side++) {
        v->largest[side] = MAX(v->largest[side], notes->largest[side]);
        v->outside[side] += notes->outside[side];
        v->samples[side] += notes->samples[side];
        v->no_data[side] += notes->no_data[side];
        v->all[side] += notes->all[side];
        if (notes->no_data[side])
            add_lacking(v, side, name, notes->no_data_number[side]);
    }
}

// Floats are used unchanged, and a generator ends in tanh: such targets cannot be
// reached.
static void report_exceeding(const struct pair_values *v)
{
    if (v->exceeding > 0)
        log_warn(
            "dataset: %" PRIu32 " of %" PRIu32
            " target%s values outside [-1, 1], which a generator cannot produce "
            "(first: %s): name the range that they have with --output-range LO:HI, "
            "or auto",
            v->exceeding, v->pairs, v->pairs == 1 ? " has" : "s have", v->first);
}

// Integers that use a small part of 16 bits are nearly black to the network.
static void report_dark(const struct pair_values *v, int side)
{
    const uint32_t largest = v->largest[side];
    if (largest > 0 && largest <= BITS_14 && !v->is_narrow)
        log_warn("dataset: no sample of the %" PRIu32 " %s%s is above %" PRIu32
                 ", so that of 0 to 65535 they are nearly black. --%s-range 0:%" PRIu32
                 ", or auto, uses the range that they have",
                 v->pairs, side_names[side], PLURAL(v->pairs), largest,
                 option_names[side], largest);
}

static void report_outside(const struct pair_values *v, int side,
                           struct pixel_range range, const char *folder)
{
    if (v->outside[side] == 0)
        return;
    const double share = (double)v->outside[side] / (double)v->samples[side];
    const bool are_many = share > MANY_OUTSIDE;
    log_message(are_many ? LOG_WARN : LOG_INFO,
                "dataset: %.2g %% of the samples of the %" PRIu32
                " %s%s of %s are outside %.9g:%.9g and count as its ends%s%s%s",
                100 * share, v->pairs, side_names[side], PLURAL(v->pairs), folder,
                (double)range.low, (double)range.high, are_many ? ": a wider --" : "",
                are_many ? option_names[side] : "",
                are_many ? "-range keeps them apart" : "");
}

// A range makes of them its nearer end, which is the least that can be done.
static void report_no_data(const struct pair_values *v, int side,
                           struct pixel_range range)
{
    if (v->lacking[side] == 0)
        return;
    log_warn("dataset: %" PRIu32 " of %" PRIu32
             " %s%s %s samples that stand for no data by the tag GDAL_NODATA of the "
             "file (%.9g%s, %.2g %% of all samples, first: %s), and the networks take "
             "them for measured ones: leave these pairs out, cut the images so that "
             "they have none, or fill them%s%s%s",
             v->lacking[side], v->pairs, side_names[side], PLURAL(v->pairs),
             v->pairs == 1 ? "has" : "have", v->no_data_number[side],
             v->numbers_differ[side] ? " and others" : "",
             100 * (double)v->no_data[side] / (double)v->all[side],
             v->first_lacking[side], pixel_range_is_set(range) ? "" : "; with --",
             pixel_range_is_set(range) ? "" : option_names[side],
             pixel_range_is_set(range) ? "" : "-range auto they count as an end of it");
}

void pair_values_report(const struct pair_values *v, const struct pair_options *o,
                        const char *folder)
{
    report_no_data(v, 0, o->input_range);
    report_no_data(v, 1, o->output_range);
    report_exceeding(v);
    for (int side = 0; side < 2; side++)
        report_dark(v, side);
    report_outside(v, 0, o->input_range, folder);
    report_outside(v, 1, o->output_range, folder);
}
