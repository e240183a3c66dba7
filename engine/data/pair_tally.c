// SPDX-License-Identifier: MIT
//
// See pair_tally.h.

#include "data/pair_tally.h"

#include "base/log.h"
#include "data/alpha.h"
#include "data/picture_file.h"

#include <inttypes.h>
#include <stdio.h>

// Nobody sees a difference in shape of less than a tenth.
enum { SHAPE_TOLERANCE = 10 };

// Whether two sizes differ in shape: whether w / h and w2 / h2 are too far apart.
static bool shapes_differ(uint64_t w, uint64_t h, uint64_t w2, uint64_t h2)
{
    const uint64_t a = w * h2, b = w2 * h;
    return MAX(a, b) - MIN(a, b) > MAX(a, b) / SHAPE_TOLERANCE;
}

// A file of a task has one image, of which both sides are made.
static bool has_images(const struct pair_tally *t)
{
    return task_makes_sides(&(struct task){ .kind = t->task });
}

// Of all that were looked at.
static const char *subject(const struct pair_tally *t)
{
    return pair_noun(has_images(t), t->total);
}

static void notice(struct pair_notice *n, const char *path,
                   const struct pair_notes *notes)
{
    if (n->count++ > 0)
        return;
    n->first = *notes;
    n->path = path;
}

// What becomes of the sizes of a pair.
static void count_sizes(struct pair_tally *t, const struct pair_file *file,
                        const struct pair_notes *n)
{
    // Two halves have one shape, which should be that of what they become.
    if (!file->b &&
        shapes_differ(n->a.width, n->a.height, n->scaled.width, n->scaled.height))
        notice(&t->halves, file->a, n);
    if (file->b && shapes_differ(n->a.width, n->a.height, n->b.width, n->b.height)) {
        notice(&t->sides, file->a, n);
        t->exchanged += n->a.width == n->b.height && n->a.height == n->b.width;
    }
    if (fit_pads(&n->fit, n->scaled))
        notice(&t->padded, file->a, n);
    if (fit_cuts(&n->fit, n->scaled))
        notice(&t->cut, file->a, n);
}

void pair_tally_add(struct pair_tally *t, const struct pair_file *file,
                    const struct pair_notes *notes)
{
    const struct pair_notes *n = notes;
    t->total++;
    file_tally_add(&t->files, &n->files);
    if (n->transparent)
        notice(&t->transparent, n->transparent, n);
    if (n->enlarged)
        notice(&t->enlarged, n->enlarged, n);
    if (n->narrow)
        notice(&t->narrow, n->narrow, n);
    if (n->refusal == PAIR_INPUT_KIND)
        notice(&t->input_kind, n->refused, n);
    if (n->refusal == PAIR_TARGET_KIND)
        notice(&t->target_kind, n->refused, n);
    if (n->refusal == PAIR_INPUT_CHANNELS)
        notice(&t->channels[0], n->refused, n);
    if (n->refusal == PAIR_TARGET_CHANNELS)
        notice(&t->channels[1], n->refused, n);
    for (int side = 0; side < 2; side++) {
        if (n->repeated[side])
            notice(&t->repeated[side], n->repeated[side], n);
        if (n->greyed[side])
            notice(&t->greyed[side], n->greyed[side], n);
        if (n->strange[side])
            notice(&t->strange[side], file->name, n);
        t->label_pixels[side] += n->label_pixels[side];
        t->strange_pixels[side] += n->strange[side];
    }
    if (n->a.width)    // it was read
        count_sizes(t, file, n);
}

// What pairs are stretched to.
static const char *shape_text(struct pix_size size, char text[SIZE_TEXT_SIZE])
{
    return size.width == size.height ? "squares" : size_text(size, text);
}

// `option` names the other kind: "input" or "output".
static void report_kind(const struct pair_tally *t, const struct pair_notice *n,
                        const char *side, const char *option)
{
    if (n->count > 0)
        log_warn("dataset: skipping %" PRIu32 " of %" PRIu32
                 " pair%s: their %s is not %s (first: %s, which is %s). All pairs have "
                 "one kind of %s, that of most files unless --%s-kind names another: "
                 "convert the files",
                 n->count, t->total, PLURAL(t->total), side,
                 pixel_kind_name(n->first.wanted), n->path,
                 pixel_kind_name(n->first.found), side, option);
}

// Of a task, whose images are targets.
static void report_image_kind(const struct pair_tally *t)
{
    const struct pair_notice *n = &t->target_kind;
    if (n->count > 0)
        log_warn("dataset: skipping %" PRIu32 " of %" PRIu32
                 " %s not of %s (first: %s, which is %s). All images have one kind, "
                 "that of most files unless --output-kind names another: convert the "
                 "files",
                 n->count, t->total, subject(t), pixel_kind_name(n->first.wanted),
                 n->path, pixel_kind_name(n->first.found));
}

// The same. Images that colours are learnt from have three channels in any case.
static void report_image_channels(const struct pair_tally *t)
{
    const struct pair_notice *refused = &t->channels[1];
    const struct pair_notice *repeated = &t->repeated[1];
    const struct pair_notice *greyed = &t->greyed[1];
    const bool is_colour = t->task == TASK_COLORIZE;
    char hint[64] = "";
    if (!is_colour)
        snprintf(hint, sizeof(hint), ": --output-nc %" PRIu32 " takes such files",
                 refused->first.found_channels);
    if (refused->count > 0)
        log_warn("dataset: skipping %" PRIu32 " of %" PRIu32 " %s without %" PRIu32
                 " channel%s (first: %s, which has %" PRIu32 ")%s",
                 refused->count, t->total, subject(t), refused->first.wanted_channels,
                 PLURAL(refused->first.wanted_channels), refused->path,
                 refused->first.found_channels, hint);
    if (repeated->count > 0 && is_colour)
        log_warn("dataset: %" PRIu32 " of %" PRIu32
                 " %s %s grey (first: %s): networks learn from them that there are no "
                 "colours",
                 repeated->count, t->total, subject(t),
                 repeated->count == 1 ? "is" : "are", repeated->path);
    else if (repeated->count > 0)
        log_info("dataset: %" PRIu32 " of %" PRIu32
                 " %s %s grey, which is repeated for red, green and blue (first: %s); "
                 "--output-nc 1 takes grey alone",
                 repeated->count, t->total, subject(t),
                 repeated->count == 1 ? "is" : "are", repeated->path);
    if (greyed->count > 0)
        log_info("dataset: %" PRIu32 " of %" PRIu32
                 " %s %s in colours, and made grey (first: %s); --output-nc 3 keeps "
                 "them",
                 greyed->count, t->total, subject(t), greyed->count == 1 ? "is" : "are",
                 greyed->path);
}

static void report_channels(const struct pair_tally *t, int side, const char *have)
{
    const char *name = side == 0 ? "input" : "target";
    const char *option = side == 0 ? "input" : "output";
    const struct pair_notice *refused = &t->channels[side];
    const struct pair_notice *repeated = &t->repeated[side];
    const struct pair_notice *greyed = &t->greyed[side];
    const char *s = PLURAL(t->total);
    if (refused->count > 0)
        log_warn("dataset: skipping %" PRIu32 " of %" PRIu32
                 " pair%s: their %s does not have %" PRIu32
                 " channel%s (first: %s, which has %" PRIu32 "): --%s-nc %" PRIu32
                 " takes such files",
                 refused->count, t->total, s, name, refused->first.wanted_channels,
                 PLURAL(refused->first.wanted_channels), refused->path,
                 refused->first.found_channels, option, refused->first.found_channels);
    if (repeated->count > 0)
        log_info("dataset: %" PRIu32 " of %" PRIu32
                 " pair%s %s a grey %s, which is repeated for red, green and blue "
                 "(first: %s); --%s-nc 1 takes grey alone",
                 repeated->count, t->total, s, have, name, repeated->path, option);
    if (greyed->count > 0)
        log_info("dataset: %" PRIu32 " of %" PRIu32
                 " pair%s %s %s %s in colours, which is made grey (first: %s); "
                 "--%s-nc 3 keeps them",
                 greyed->count, t->total, s, have, side == 0 ? "an" : "a", name,
                 greyed->path, option);
}

static void report_strange(const struct pair_tally *t, int side)
{
    const struct pair_notice *n = &t->strange[side];
    if (n->count > 0)
        log_warn("dataset: %.3g %% of the pixels of the %ss have a colour that the "
                 "palette does not have, in %" PRIu32 " of %" PRIu32
                 " pair%s (first: %s), and count as the nearest that it has: check "
                 "--palette, and keep label maps as PNG, not as JPEG",
                 100.0 * (double)t->strange_pixels[side] /
                     (double)t->label_pixels[side],
                 side == 0 ? "input" : "target", n->count, t->total, PLURAL(t->total),
                 n->path);
}

static void report_halves(const struct pair_tally *t)
{
    const struct pair_notes *n = &t->halves.first;
    char shape[SIZE_TEXT_SIZE];
    if (t->halves.count > 0 && has_images(t))
        log_warn("dataset: %" PRIu32 " of %" PRIu32
                 " %s %s stretched to %s (first: %s, %" PRIu32 "x%" PRIu32 ")%s",
                 t->halves.count, t->total, subject(t),
                 t->halves.count == 1 ? "is" : "are", shape_text(n->scaled, shape),
                 t->halves.path, n->a.width, n->a.height,
                 n->fit.mode == FIT_RESIZE
                     ? ": --preprocess crop or scale_width_and_crop keeps their shapes"
                     : "");
    else if (t->halves.count > 0)
        log_warn("dataset: in %" PRIu32 " of %" PRIu32
                 " image%s the halves A and B are stretched to %s (first: %s, halves "
                 "of %" PRIu32 "x%" PRIu32
                 "): check that each image is a pair, with A on the left and B on the "
                 "right",
                 t->halves.count, t->total, PLURAL(t->total),
                 shape_text(n->scaled, shape), t->halves.path, n->a.width, n->a.height);
}

static void report_sides(const struct pair_tally *t)
{
    const struct pair_notes *n = &t->sides.first;
    char shape[SIZE_TEXT_SIZE], how[64] = "B is stretched to the shape of A";
    char turned[160] = "";
    if (t->sides.count == 0)
        return;
    if (n->fit.mode == FIT_RESIZE)
        snprintf(how, sizeof(how), "are stretched to %s, each in its own way",
                 shape_text(n->scaled, shape));
    if (t->exchanged > 0)
        snprintf(turned, sizeof(turned),
                 ". In %" PRIu32 " of them width and height are exchanged: A or B has "
                 "probably lost its EXIF orientation and has to be turned upright",
                 t->exchanged);
    log_warn("dataset: in %" PRIu32 " of %" PRIu32
             " pair%s A and B differ in shape and %s (first: %s, A is %" PRIu32
             "x%" PRIu32 ", B %" PRIu32 "x%" PRIu32
             "): check that they show the same%s",
             t->sides.count, t->total, PLURAL(t->total), how, t->sides.path, n->a.width,
             n->a.height, n->b.width, n->b.height, turned);
}

static void report_enlarged(const struct pair_tally *t)
{
    const struct pair_notes *n = &t->enlarged.first;
    if (t->enlarged.count > 0)
        log_warn("dataset: in %" PRIu32 " of %" PRIu32
                 " pair%s the target is smaller than the input by a whole factor and "
                 "enlarged to its size (first: %s, A is %" PRIu32 "x%" PRIu32
                 ", B %" PRIu32 "x%" PRIu32 ")",
                 t->enlarged.count, t->total, PLURAL(t->total), t->enlarged.path,
                 n->a.width, n->a.height, n->b.width, n->b.height);
}

// "40x30", or "scaled to 40x30".
static const char *fitted_text(const struct pair_notes *n, char text[40])
{
    snprintf(text, 40, "%s%" PRIu32 "x%" PRIu32,
             size_equals(n->scaled, n->a) ? "" : "scaled to ", n->scaled.width,
             n->scaled.height);
    return text;
}

static void report_padded(const struct pair_tally *t)
{
    const struct pair_notes *n = &t->padded.first;
    char text[40];
    if (t->padded.count > 0)
        log_warn("dataset: %" PRIu32 " of %" PRIu32 " %s %s smaller than %" PRIu32
                 "x%" PRIu32 " and padded by reflection (first: %s, %s)",
                 t->padded.count, t->total, subject(t),
                 t->padded.count == 1 ? "is" : "are", n->fit.crop.width,
                 n->fit.crop.height, t->padded.path, fitted_text(n, text));
}

// Where pairs are compared it is what the mode asks for; where they are trained on,
// some of them is lost.
static void report_cut(const struct pair_tally *t)
{
    const struct pair_notes *n = &t->cut.first;
    char text[40];
    if (t->cut.count == 0)
        return;
    fitted_text(n, text);
    if (n->fit.centred)
        log_info("dataset: of %" PRIu32 " of %" PRIu32 " %s the middle, %" PRIu32
                 "x%" PRIu32 ", is compared (first: %s, %s)",
                 t->cut.count, t->total, subject(t), n->fit.crop.width,
                 n->fit.crop.height, t->cut.path, text);
    else
        log_warn("dataset: of %" PRIu32 " of %" PRIu32 " %s only the middle, %" PRIu32
                 "x%" PRIu32
                 ", is used (first: %s, %s): choose a larger --crop-size, or "
                 "--preprocess scale_width_and_crop",
                 t->cut.count, t->total, subject(t), n->fit.crop.width,
                 n->fit.crop.height, t->cut.path, text);
}

// In words of training, not as file_tally_report has it. What a file has: the image of
// a task, or one of a pair.
static void report_files(const struct pair_tally *t, const char *have)
{
    const struct file_tally *f = &t->files;
    const char *what = subject(t);
    const char *is = has_images(t) ? t->total == 1 ? "was" : "were" : have;
    const char *image = has_images(t) ? "" : " an image that was";
    const char *file = has_images(t) ? "a file" : "an image";
    if (f->turned.count > 0)
        log_info("dataset: %zu of %" PRIu32
                 " %s %s%s turned upright, as its EXIF orientation asks for (first: "
                 "%s, orientation %" PRIu32 ")" PICTURE_KEEP,
                 f->turned.count, t->total, what, is, image, f->turned.first.path,
                 f->turned.first.number);
    if (f->cut_short.count > 0)
        log_warn("dataset: %zu of %" PRIu32
                 " %s %s %s that ends early (first: %s): what is missing is grey, "
                 "and networks learn it",
                 f->cut_short.count, t->total, what, have, file,
                 f->cut_short.first.path);
    if (f->paged.count > 0)
        log_info("dataset: %zu of %" PRIu32
                 " %s %s a file of several pages, of which the first is used (first: "
                 "%s, %" PRIu32 " pages); --page N uses another",
                 f->paged.count, t->total, what, have, f->paged.first.path,
                 f->paged.first.number);
}

void pair_tally_report(const struct pair_tally *t)
{
    const char *have = t->total == 1 ? "has" : "have";
    if (has_images(t)) {
        report_image_kind(t);
        report_image_channels(t);
    } else {
        report_kind(t, &t->input_kind, "input", "input");
        report_kind(t, &t->target_kind, "target", "output");
        for (int side = 0; side < 2; side++)
            report_channels(t, side, have);
    }
    for (int side = 0; side < 2; side++)
        report_strange(t, side);
    report_halves(t);
    report_sides(t);
    report_enlarged(t);
    report_padded(t);
    report_cut(t);
    report_files(t, have);
    alpha_report(t->alpha, "dataset", t->transparent.count, t->total,
                 has_images(t) ? "image" : "pair", t->transparent.path);
    if (t->narrow.count > 0)
        log_warn("dataset: %" PRIu32 " of %" PRIu32
                 " %s %s an array of integers that are not u1, though none is "
                 "above 255 (first: %s). They are read as 0 to 65535, where 255 is "
                 "nearly black: save arrays of 0 to 255 as u1",
                 t->narrow.count, t->total, subject(t), have, t->narrow.path);
}
