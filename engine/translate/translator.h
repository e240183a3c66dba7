// SPDX-License-Identifier: MIT
//
// A trained generator that translates images, one or a batch of one size at a time.

#ifndef TRANSLATE_TRANSLATOR_H
#define TRANSLATE_TRANSLATOR_H

#include "base/base.h"
#include "base/progress.h"
#include "data/picture.h"
#include "data/task.h"
#include "pix2pix.h"
#include "settings/settings.h"
#include "translate/frame.h"
#include "translate/tile_axis.h"

struct conv_shapes;
struct gpu_device;
struct translator;
struct tuning;

#define TRANSLATOR_MAX_BATCH 1024
#define TRANSLATOR_MAX_TILE (1 << 20)    // pixels of a side
#define TRANSLATOR_SLOTS 2               // runs that may be under way

// See pix_translator_create and the functions after it.
struct translator *translator_create(struct gpu_device *device,
                                     double submission_seconds,
                                     const struct pix_translate_options *options);
void translator_destroy(struct translator *t);    // NULL is fine
struct pix_size translator_size(const struct translator *t);
uint32_t translator_multiple(const struct translator *t);
const struct settings *translator_get_settings(const struct translator *t);
struct gpu_device *translator_device(const struct translator *t);
double translator_submission_seconds(const struct translator *t);
// What messages begin with: "translate", or as the caller says.
const char *translator_command(const struct translator *t);
const struct pix_translator_info *translator_info(const struct translator *t);
// The files that it was made from: the checkpoint, and the tuning table and the image
// of a hole that the caller named, or NULL.
const char *translator_model_path(const struct translator *t);
const char *translator_table_path(const struct translator *t);
const char *translator_mask_path(const struct translator *t);
// The kernels that it uses. What the table lacks of other convolutions, which run
// beside its own, is measured as for its own; false after a message.
const struct tuning *translator_tuning(const struct translator *t);
bool translator_tune(struct translator *t, const struct conv_shapes *shapes);
// Translates one picture whole. Takes the samples of `in`, which is empty afterwards,
// as `out` is after a failure, which was logged.
bool translator_run(struct translator *t, struct picture *in, struct picture *out);
const char *translator_extension(const struct translator *t, const char *path);
bool translator_plan(struct translator *t, uint32_t width, uint32_t height,
                     struct pix_plan *out);

// What translator_run is made of, for translate/pipeline.c.

// What images that run together have in common. The kinds are the model's, or what the
// caller chose. Where neither is known, they are those of each image: weights without
// options do not say what they were trained on.
struct translator_form {
    uint32_t width, height;
    struct staging staging;
    // Nothing is translated, but norm `measured` - 1 is measured. 0: none is.
    uint32_t measured;
};

bool translator_same_form(const struct translator_form *a,
                          const struct translator_form *b);

uint32_t translator_batch_size(const struct translator *t);    // at least 1
uint32_t translator_threads(const struct translator *t);       // 0: as many as useful
struct progress_view translator_view(const struct translator *t);

// Whether the caller wants the call to end, see `stop` of pix_translate_options.
bool translator_is_stopped(const struct translator *t);
// The kinds that all images are converted to; PIXEL_KINDS: not known.
struct staging translator_kinds(const struct translator *t);
// Of one pixel of whatever passes through: no more than this.
uint64_t translator_pixel_bytes(const struct translator *t);
// Whether the kind of outputs is that of each input, as far as a file can hold it.
bool translator_follows_kind(const struct translator *t);
// Who says so, for messages.
const char *translator_kind_reason(const struct translator *t, bool is_output);
// Images of this form that one run takes, as far as is known: at most the batch size.
uint32_t translator_most(const struct translator *t,
                         const struct translator_form *form);
bool translator_is_lost(const struct translator *t);    // its device is

// What was noticed of a picture on the way.
struct translator_notes {
    bool is_pair;                 // looked like a pair, and was not meant to be
    enum pixel_kind kind;         // what it was
    bool exceeds;                 // it has floats outside [-1, 1], and no range
    uint64_t samples, outside;    // with a range: how many, and those outside
    bool is_narrow;               // see struct picture
    bool is_transparent;          // likewise, and the model has no channel for it
};

// What an output needs of the image that it is made of: its alpha, where it is carried
// over, and what the model's task leaves to it.
struct translator_rest {
    struct picture no_data;    // where it has none, see data/no_data.h
    struct picture alpha;
    struct task_rest task;
};
void translator_rest_free(struct translator_rest *rest);    // a zeroed one is fine

// Takes it of an image, which becomes what the model's task gives the network; `name`
// is that of its file, or NULL. Any thread; false after a message.
bool translator_take_rest(const struct translator *t, const char *name,
                          struct picture *image, struct translator_rest *rest);
// The same in two parts, of rows: the channels that the model's task takes of an image;
// then, of rows from `y` on of one that has this size once it is enlarged, what the
// network gets and what their output needs.
bool translator_take_image(const struct translator *t, struct picture *image);
bool translator_take_rows(const struct translator *t, const char *name,
                          struct pix_size size, uint32_t y, struct picture *rows,
                          struct task_rest *rest);
// Makes of the network's output, at the size that it gets, the image that the task
// makes of it; then adds the alpha. Any thread; false after a message.
bool translator_put_task(const struct translator *t, const struct task_rest *rest,
                         struct picture *out);
// Warns of `strange` of the pixels of inputs that are label maps, whose colour the
// palette does not have, if there are.
void translator_report_strange(const struct translator *t, uint64_t pixels,
                               uint64_t strange, const char *first);
// The same of an image in memory, for the first one that has some.
void translator_tell_of_strange(struct translator *t, uint64_t pixels,
                                uint64_t strange);
bool translator_put_alpha(const struct translator *t, const struct picture *alpha,
                          struct picture *out);

// Finds where an image has no data by its tags, which translator_take_rest does, too;
// see data/no_data.h.
bool translator_take_no_data(const struct picture *image, struct picture *mask);
// Then writes where the image has no data what its tags say, in a file that has them,
// and keeps all other samples from being that. *moved is how many.
bool translator_put_no_data(const struct picture *no_data, struct picture *out,
                            uint64_t *moved);

// The kind and the channels of what is written of an input of this kind; PIXEL_KINDS:
// not known, and taken to be u8.
void translator_describe_written(const struct translator *t, enum pixel_kind input,
                                 enum pixel_kind *kind, uint32_t *channels);

// The channels and the kind of samples that the networks take; of some rows of an image
// too. Sets what `notes` says of them. Any thread; false after a message.
bool translator_convert(const struct translator *t, struct picture *picture,
                        struct translator_notes *notes);
// How sizes are changed, here and by frame_cut, which makes of an output what is
// wanted: as the caller wishes; or, with `fitted`, of pictures that have the size that
// the networks see, and whose outputs have it, too.
struct frame_rule translator_frame_rule(const struct translator *t, bool fitted);
// Makes a picture one that the networks take: channels, kind and size. `output` is the
// kind that is wanted where the model's is not known; PIXEL_KINDS: that of the picture.
// `form` and `frame` are set. Any thread; false after a message.
bool translator_prepare(const struct translator *t, const struct frame_rule *rule,
                        struct picture *picture, enum pixel_kind output,
                        struct translator_form *form, struct frame *frame,
                        struct translator_notes *notes);
// Forgets the statistics that follow those of images: the next one is the first.
void translator_begin_images(struct translator *t);
void translator_warn_of_pair(struct translator *t);    // the first time only
// Notes that an image was translated, and whether its samples, and those of its output,
// can have a range: those of u8 cannot. Then warns, once, of a range that the caller
// named for images of which none can.
void translator_note_ranges(struct translator *t, bool input, bool output);
void translator_warn_of_ranges(struct translator *t);
// Says how images are scaled, once, where training decides on it.
void translator_tell_scaling(struct translator *t);
// What a batch of such pictures needs. False after a message.
bool translator_plan_form(struct translator *t, const struct translator_form *form,
                          struct pix_plan *out);
// A picture of the networks' output, and one of their input.
bool translator_create_output(const struct translator *t,
                              const struct translator_form *form, struct picture *out);
bool translator_create_input(const struct translator *t,
                             const struct translator_form *form, struct picture *in);
// Whether translator_submit can take these at once, while other runs are under way.
bool translator_is_ready(const struct translator *t, uint32_t images,
                         const struct translator_form *form);
// Begins to run prepared pictures of one form. Where they are not ready, no
// run may be under way; then it may take fewer than `images`. Returns how many it took,
// 0 after a message.
uint32_t translator_submit(struct translator *t, const struct picture *const *in,
                           uint32_t images, const struct translator_form *form);
// The oldest run under way. Each out[i] is of translator_create_output; NULL: not
// wanted, also of a run that was measured.
bool translator_wait(struct translator *t, struct picture *out);

// ---------------------------------------------------------------------------
// Of a translator that was created with `tile`, for translate/tiles.c

// How images are cut into tiles. No tile: they are not.
struct translator_tiling {
    struct tile_cut cut;    // it blends where the margin is smaller than the radius
    bool measures;          // its norms use statistics of the image, which are found
    bool samples;           // first, by all tiles or by some
    bool wraps_across, wraps_down;    // see struct frame_rule
};
struct translator_tiling translator_tiling(const struct translator *t);

// The form of windows of this size, of an image of this kind; see translator_prepare.
struct translator_form translator_form_of(const struct translator *t,
                                          enum pixel_kind kind, uint32_t width,
                                          uint32_t height, enum pixel_kind output);
// Sets kind and channels of the output of such windows.
void translator_describe_output(const struct translator *t,
                                const struct translator_form *form,
                                struct picture *out);
// Then what the task makes of them, of an image of this kind and where `output` is the
// kind that is wanted of what follows the input's, or PIXEL_KINDS.
void translator_describe_image(const struct translator *t, enum pixel_kind input,
                               enum pixel_kind output, struct picture *out);
// What a window needs. False after a message with the sizes, if it cannot be planned
// or, with `fully`, the device does not have what it needs.
bool translator_plan_window(struct translator *t, const struct translator_form *form,
                            bool fully, struct pix_plan *out);
// Says once for each kind that images are converted, and once that some are clipped.
void translator_tell_of_conversion(struct translator *t,
                                   const struct translator_notes *notes,
                                   enum pixel_kind used);

// A rectangle of a window, in its pixels.
struct translator_region {
    uint32_t top, left, bottom, right;
};

// One prepared window whose form says what is measured, and of which part; then its
// mean and variance, [channels][2]. As translator_submit and translator_wait.
bool translator_submit_measured(struct translator *t, const struct picture *in,
                                const struct translator_form *form,
                                const struct translator_region *region);
bool translator_wait_moments(struct translator *t, float *moments);
// Norms whose statistics are given, and the channels of one.
uint32_t translator_norm_count(const struct translator *t);
uint32_t translator_norm_channels(const struct translator *t, uint32_t norm);
// Gives them, for all that is submitted from now on; nothing may be under way. False
// after a message.
bool translator_give_norm(struct translator *t, uint32_t norm, const float *mean,
                          const float *variance);

#endif
