// SPDX-License-Identifier: MIT
//
// pix2pix.h: train and run paired image-to-image translation (pix2pix, Isola et
// al. 2017, https://arxiv.org/abs/1611.07004) on any Vulkan 1.2 device.
//
// Rules that hold for every function here:
//
// - A function that can fail returns false or NULL. The reason has then been sent to
//   the device's log and can be read with pix_last_error() on the same thread.
// - Fill an option struct with its _init function, or zero it if it has none, then
//   change fields. It and what it points to must live only until the call returns.
// - Strings are UTF-8. Paths use the system's separator or '/'.
// - A _destroy function accepts NULL. Objects are destroyed before what they were
//   created from: trainers and translators before their device.
// - One object may be used by one thread at a time, a device together with what was
//   created from it. Different devices may be used by different threads at once.
// - One translator may be used by several threads: a call waits for those of other
//   threads, so that each gets what it would get alone. Only pix_translator_create and
//   _destroy are for one thread, while no other one uses the translator.

#ifndef PIX2PIX_H
#define PIX2PIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(PIX_SHARED) && defined(_WIN32)
#ifdef PIX_BUILDING
#define PIX_API __declspec(dllexport)
#else
#define PIX_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define PIX_API __attribute__((visibility("default")))
#else
#define PIX_API
#endif

// The version of the library, "major.minor.patch".
PIX_API const char *pix_version(void);

// The kinds of image files that this build of the library reads and writes, by number
// from 0: "PNG", with the library where it depends on the build, "JPEG (stb)". The
// second function: those that other builds read and this one does not, for want of a
// library, "TIFF". NULL from their number on. The texts live as long as the program.
PIX_API const char *pix_image_kind(size_t index);
PIX_API const char *pix_image_kind_missing(size_t index);

// ---------------------------------------------------------------------------
// Log

enum pix_log_level {
    PIX_LOG_ERROR,    // the call failed
    PIX_LOG_WARN,     // the call continues, but the user should know
    PIX_LOG_INFO,     // for the user to see once
    PIX_LOG_DEBUG,    // limits, plans, times
};

// Where messages go. `callback` is called with one line without a newline, from any
// thread that works for the object it belongs to; NULL: messages are dropped.
struct pix_log {
    void (*callback)(void *user, enum pix_log_level level, const char *text);
    void *user;
    enum pix_log_level level;    // messages of later levels are dropped
};

// The text of the last error on this thread, "" if there was none. Valid until the next
// call into the library on this thread.
PIX_API const char *pix_last_error(void);

// Copies `text` into `out` of `size` bytes, at least 4, as one line that a terminal
// shows and does not obey, as messages of the library are: control characters and bytes
// that are not UTF-8 become escapes (\n, \x1b), so do marks that reorder letters
// (\u{202e}). Text that does not fit ends in "...". Returns the length of `out`.
PIX_API size_t pix_text_escape(const char *text, char *out, size_t size);

// ---------------------------------------------------------------------------
// Devices

enum pix_device_type {
    PIX_DEVICE_DISCRETE,
    PIX_DEVICE_INTEGRATED,
    PIX_DEVICE_VIRTUAL,
    PIX_DEVICE_CPU,    // a software driver: correct but slow
    PIX_DEVICE_OTHER,
};

struct pix_device_info {
    uint32_t index;    // position in the list, the number that `select` takes
    char name[256];
    enum pix_device_type type;
    uint32_t vendor_id;
    uint32_t device_id;
    char driver[256];            // driver name, "" if unknown
    char driver_version[256];    // driver's own text, or its number
    uint32_t api_version[3];     // Vulkan major, minor, patch
    uint64_t memory_bytes;       // size of the largest device-local heap
    bool is_default;             // opened when nothing is selected
    bool usable;                 // false: `reason` says why the engine cannot use it
    char reason[256];
    // Limits that the engine works within.
    uint64_t max_binding_bytes;       // one storage buffer binding
    uint64_t max_allocation_bytes;    // one memory allocation
    uint32_t max_workgroup_invocations;
    uint32_t shared_memory_bytes;    // per workgroup
    uint32_t subgroup_size;
    bool has_timestamps;
};

// Lists the Vulkan devices of this machine, usable or not. Returns true with *count 0
// where no Vulkan loader or driver is installed (logged, level info). Free the list
// with pix_device_list_free. `log` may be NULL.
PIX_API bool pix_device_list(const struct pix_log *log, struct pix_device_info **list,
                             uint32_t *count);
PIX_API void pix_device_list_free(struct pix_device_info *list);

struct pix_device_options {
    struct pix_log log;
    const char *select;    // index, or part of a name in any case; NULL: the default
    bool validation;    // Khronos validation with synchronization checks, if installed
    bool minimum_limits;    // behave as if the device had only what Vulkan guarantees
    double submission_seconds;    // target for the longest submission; 0: about 0.2 s
    bool no_overlap;         // finish each training step before the next one starts
    bool no_cache;           // do not store compiled kernels in the user's cache folder
    bool no_matrix_units;    // behave as if the device had none
};

typedef struct pix_device pix_device;

// Opens a device. Without `select` it is the best one: discrete, integrated, virtual,
// then a CPU device with a warning. `options` may be NULL.
PIX_API pix_device *pix_device_create(const struct pix_device_options *options);
PIX_API void pix_device_destroy(pix_device *device);

// Description of an open device, valid as long as the device.
PIX_API const struct pix_device_info *pix_device_get_info(const pix_device *device);

// Number of validation messages of level warning and above since the device was opened.
PIX_API uint32_t pix_device_validation_count(const pix_device *device);

// ---------------------------------------------------------------------------
// Images

// 8-bit RGB, rows top to bottom, 3 * width * height bytes, no padding.
struct pix_image {
    uint32_t width;
    uint32_t height;
    uint8_t *pixels;    // owned; freed with pix_image_free
};

// Reads a PNG, JPEG, WebP, BMP, TGA or TIFF file of any colour type as RGB. Alpha is
// dropped, grey is repeated, 16-bit samples keep their high byte. An EXIF orientation
// is applied. A TIFF of floats, or with channels that are not colours, is refused:
// pix_array_read takes it, and keeps what a file has beside its pixels.
PIX_API bool pix_image_read(const char *path, struct pix_image *image);

// Writes the format of the extension: .png .jpg .jpeg .webp .bmp .tga .tif .tiff (any
// case), as far as the build has them. The file is written completely or not at all.
PIX_API bool pix_image_write(const char *path, const struct pix_image *image);
PIX_API void pix_image_free(struct pix_image *image);

// Whether a path has one of these extensions.
PIX_API bool pix_image_has_extension(const char *path);

// Names (without the folder) of the files in a folder with one of these extensions, in
// bytewise order, without hidden files. True with *count 0 if there are none. Free with
// pix_image_list_free.
PIX_API bool pix_image_list(const char *folder, char ***names, uint32_t *count);
PIX_API void pix_image_list_free(char **names, uint32_t count);

// The type of the samples of an image.
enum pix_kind {
    PIX_KIND_U8,     // uint8_t, 0 to 255
    PIX_KIND_U16,    // uint16_t, 0 to 65535
    PIX_KIND_F32,    // float; the range of the networks is -1 to 1
};

// An image of 1 to 64 channels: planes of samples [channels, height, width], rows top
// to bottom, no padding.
struct pix_array {
    enum pix_kind kind;
    uint32_t channels, width, height;
    void *data;    // owned; freed with pix_array_free
    // Private: what the file had beside its samples, for a file that is made of them:
    // an ICC profile, of a TIFF also the georeference, resolution and layout
    // (docs/data.md). Owned; NULL: nothing, as in an array that is filled by hand.
    // Functions that read set it, pix_translator_run_array gives a copy to its output,
    // and functions that write use it, fitted to the size that the array has then.
    void *tags;
};

// Reads the files of pix_image_read, with the file's own channels (1 grey, 2 grey and
// alpha, 3 RGB, 4 RGB and alpha) and 16 bits where a PNG has them; a TIFF of 1 to 64
// channels, with 16 bits or floats where it has them (docs/data.md); or a NumPy array
// [c, h, w] or [h, w] from a .npy file: u1, u2 and f4 are the three kinds; f2 and f8
// become f32, b1 becomes u8 of 0 and 255, and other integers become u16 (i1: u8) if
// all of them are 0 to 65535, else they are refused. Floats must be finite.
PIX_API bool pix_array_read(const char *path, struct pix_array *array);

// How image files are read. Zeros are the defaults.
struct pix_read_options {
    const char *npy_order;    // axes of .npy arrays: "chw", [c, h, w], or "hwc",
                              // [h, w, c]; [h, w] is one channel in both. NULL: "chw"
    // A file of more pixels, width times height, is refused before it is decoded;
    // 0: 2^28. A translator with `tile` refuses none that it reads a few rows at a
    // time, see docs/tiles.md.
    uint64_t max_pixels;
    // Pixels as they are stored. Without it the orientation that EXIF data (JPEG, PNG,
    // WebP) or a TIFF gives is applied, so that an image is upright; width and height
    // may change places.
    bool no_orient;
    // JPEG files that end early: "refuse", or "keep": what is missing is grey, and a
    // warning says so. NULL: "refuse".
    const char *truncated;
    // Of a TIFF that has several, from 1. 0: the first; a message says that there are
    // more, where images are translated, compared or trained on.
    uint32_t page;
    // What becomes of the alpha of image files (2 and 4 channels). NULL or "drop": it
    // is a channel where 2 or 4 are asked for, else it is dropped. "white", "black" or
    // "checker" (squares of 8 x 8 pixels, white and 4/5 of it): the image is laid over
    // that, and has 1 or 3 channels. "keep": a translation of 1 or 3 channels gets the
    // alpha of its input, at its size; training takes it where input_nc is 2 or 4.
    // Where no channels are asked for (pix_array_read_with, pix_compare) it is left as
    // one.
    const char *alpha;
    // Where pix_array_read_with and pix_array_decode send messages about the file;
    // other functions have a log of their own and ignore this one.
    struct pix_log log;
};

// The same by these options.
PIX_API bool pix_array_read_with(const char *path,
                                 const struct pix_read_options *options,
                                 struct pix_array *array);

// The same of a file in memory, as it came from a network or an archive: what is read
// and what is refused is the same, and so are the messages. Its content says which kind
// of file it is; only a TGA, which has no signature, needs a `name` that ends in .tga.
// Messages call it `name`; NULL: "data in memory". The bytes are only read. `options`
// may be NULL.
PIX_API bool pix_array_decode(const void *bytes, size_t size, const char *name,
                              const struct pix_read_options *options,
                              struct pix_array *array);

// Writes the format of the extension: .npy and .tif hold any array, .png u8 and u16 of
// 1 to 4 channels, .webp u8 of these, the other image formats u8 without the alpha.
PIX_API bool pix_array_write(const char *path, const struct pix_array *array);

// How image files are written. Zeros are the defaults.
struct pix_write_options {
    const char *npy_order;    // axes of .npy arrays, as in pix_read_options
    // Where messages about the file go; also what it does not have of the tags, because
    // its format cannot hold them or they do not fit.
    struct pix_log log;
};

// The same by these options.
PIX_API bool pix_array_write_with(const char *path,
                                  const struct pix_write_options *options,
                                  const struct pix_array *array);

// Makes the same bytes in memory, in the format of the extension of `name`, which
// messages call the file: "photo.png". `options` may be NULL. The caller frees *bytes
// with free().
PIX_API bool pix_array_encode(const char *name, const struct pix_write_options *options,
                              const struct pix_array *array, void **bytes,
                              size_t *size);
PIX_API void pix_array_free(struct pix_array *array);

// Gives `to` a copy of the tags of `from`, in place of its own: as of an image to one
// that was computed from it, of the same size or resized. Without tags `to` has none
// afterwards, as it must be for a part of an image, which lies elsewhere on the earth.
PIX_API bool pix_array_copy_tags(const struct pix_array *from, struct pix_array *to);

// As pix_image_has_extension and pix_image_list, with .npy as well.
PIX_API bool pix_array_has_extension(const char *path);
PIX_API bool pix_array_list(const char *folder, char ***names, uint32_t *count);

// What pix_array_list leaves out of a folder, as a text for people that begins with
// numbers, "2 of 9 files in FOLDER: ...", cut to `size` bytes; "" if that is nothing.
PIX_API bool pix_array_list_others(const char *folder, char *text, size_t size);

// ---------------------------------------------------------------------------
// Metrics

// How far an image is from its target. Computed on the values that are written to
// files: 8 or 16 bits, or floats; relative to their range, which is that of the sample
// type unless the model, or pix_compare_options, has another one.
enum pix_metric {
    PIX_METRIC_L1,      // mean absolute difference, with pixels in [-1, 1]: 0 to 2
    PIX_METRIC_MSE,     // mean squared difference, likewise
    PIX_METRIC_PSNR,    // dB, of the whole range; infinite for equals
    // Wang et al. 2004: Gaussian window of 11 x 11, sigma 1.5, K 0.01 and 0.03, the
    // mean over channels. From 11 pixels on.
    PIX_METRIC_SSIM,
    // Wang et al. 2003, five scales. An image of less than 176 pixels has as many as
    // fit; their weights are divided by their sum.
    PIX_METRIC_MS_SSIM,
    // LPIPS 0.1 (Zhang et al. 2018), by AlexNet, SqueezeNet 1.1 and VGG-16: for 3
    // channels or grey, from 32 pixels on, where there are weights (docs/metrics.md).
    PIX_METRIC_LPIPS_ALEX,
    PIX_METRIC_LPIPS_SQUEEZE,
    PIX_METRIC_LPIPS_VGG,
    PIX_METRIC_COUNT,
};

// "l1", "mse", "psnr", "ssim", "ms_ssim", "lpips_alex", "lpips_squeeze" or "lpips_vgg".
PIX_API const char *pix_metric_name(enum pix_metric metric);
// False if no metric has this name.
PIX_API bool pix_metric_find(const char *name, enum pix_metric *metric);
// Whether larger values are better.
PIX_API bool pix_metric_is_rising(enum pix_metric metric);

// ---------------------------------------------------------------------------
// Training

// A size in pixels. As the value of an option it is "256" (256x256) or "512x256", the
// width first.
struct pix_size {
    uint32_t width, height;
};

// All options of a training run. Names and defaults are the PyTorch port's. Text fields
// point to strings of the caller, or, after pix_train_options_read and _read_file, to
// text that pix_train_options_finish frees.
struct pix_train_options {
    // "pytorch", "lua" or "affinelayer": the implementation whose recipe was chosen. To
    // choose one, set it with pix_train_options_set, which also sets the options of the
    // recipe (pix_train_recipe); this field only records it.
    const char *recipe;
    // Where
    const char *data;    // folder with train/, and perhaps val/ and test/
    // In place of `data`, a CSV file that lists the images: the columns input, target
    // and split, see docs/data.md; NULL: none.
    const char *pairs;
    // "0.8:0.1:0.1": shares for train, val and test, by which the images are divided
    // that lie in `data` itself, or those rows of `pairs` that name no split; by a hash
    // of their names. NULL: they are divided already.
    const char *split_ratio;
    const char *out;    // run folder, created if absent
    // What
    const char *direction;           // "AtoB" or "BtoA"
    uint32_t input_nc, output_nc;    // channels of input and target
    // Sample types of input and output: "u8", "u16", "f32", or "auto": that of the
    // data. Integers are mapped to [-1, 1], f32 is used unchanged.
    const char *input_kind, *output_kind;
    // The samples of u16 and f32 that are -1 and 1 to the networks, and black and white
    // where images are shown: "LO:HI" ("0:4095"), "full": 0 and 65535, and floats
    // unchanged; or "auto": what 0.1 % of the samples of the training images are below
    // and above, which a run keeps. Samples outside become LO or HI; outputs are LO to
    // HI. `range` is that of both sides, the others of one; NULL: as `range`.
    const char *range, *input_range, *output_range;
    struct pix_read_options read;    // how the files of images are read
    // What is learnt. "pairs": what the files show. Otherwise each file is one image,
    // of which both sides are made: "colorize": colours from lightness; "superres":
    // from an image made `factor` times smaller; "denoise": from one with Gaussian
    // noise; "inpaint": from one with a hole; "edges": from its edges. "segment": files
    // are pairs with label maps, see `palette`. input_nc, and
    // with "colorize" output_nc, follow. docs/tasks.md says what translations become.
    const char *task;
    // "superres": 2 to 16; 0: 4. "pairs": files of inputs are so many times smaller
    // than their targets and are enlarged first, also when they are translated; 0: they
    // are not.
    uint32_t factor;
    double sigma;    // "denoise": standard deviation of the noise, of 255 levels
    // "inpaint": "center" (half of each side), "random", or "mask": where the image
    // `hole_mask` is white; it may have any size.
    const char *hole;
    const char *hole_mask;
    // "segment": pairs of which one side is a label map, or both. The colours of the
    // classes, 2 to 64: a file as pix_evaluate_options has it, "auto": those of the
    // training pairs, or a list "#rrggbb,#rrggbb", which is what a run keeps; it begins
    // with "1:" where the file counts indices from 1. Label maps have one of these
    // colours in each pixel, or its index.
    const char *palette;
    const char *labels;    // "segment": "output", "input" or "both"
    // "unet", "unet_256", "unet_128", "resnet_6blocks", "resnet_9blocks" or
    // "encoder_decoder"
    const char *net_g;
    uint32_t depth;          // levels of "unet" and "encoder_decoder", 2 to 10; 0: as
                             // many as fit, 5 to 8
    const char *net_d;       // "basic" (3 layers), "n_layers", "pixel"
    uint32_t n_layers_d;     // of "n_layers"
    uint32_t ngf, ndf;       // filters of the first convolution of G and D
    bool no_condition;       // D sees only the target or output, not the input
    const char *norm;        // "batch", "instance", "none"
    const char *norm_d;      // D's norm; "auto": as `norm`, none for "wgangp"
    const char *upsample;    // "transpose", or "resize": nearest neighbour, then a
                             // convolution
    bool no_dropout;
    const char *dropout_at;    // decoders of the U-Net: "d2-d4" or "d1-d3"
    const char *bias;          // "auto": the port's rule; "all": every convolution
    bool norm_innermost;       // also a norm on the U-Net's smallest map
    const char *concat;        // order in the U-Net: "skip_first" or "decoder_first"
    const char *init_type;     // "normal", "xavier", "kaiming", "orthogonal"
    double init_gain;          // standard deviation or gain of the initial weights
    // Weights to start from: a run, a checkpoint, or a file that pix_convert reads.
    const char *init_g, *init_d;
    // Images
    // "resize_and_crop", "crop", "scale_width", "scale_width_and_crop" or "none": how
    // images get the size of the crop, see docs/data.md.
    const char *preprocess;
    // "bicubic", "bilinear", "area" or "nearest": of images of training, and of those
    // that are translated where they are scaled. After "nearest" outputs are, too.
    const char *resize_filter;
    // Size after resizing; 0 x 0: crop_size * 286 / 256. With "scale_width" and
    // "scale_width_and_crop" the width alone counts, and both numbers are it.
    struct pix_size load_size;
    struct pix_size crop_size;    // of the training crop: what the networks see
    bool no_flip;
    bool serial_batches;          // bytewise order of names instead of shuffling
    uint32_t max_dataset_size;    // 0: all
    uint32_t threads;             // decoder threads; 0: as many as useful
    // Augmentation, off by default; both sides of a pair alike, brightness, contrast
    // and noise of the input alone. See docs/training.md.
    bool rotate;            // by 90 degrees and more; by 180 where crops are not square
    bool flip_vertical;     // top and bottom exchanged with probability 1/2
    double scale_jitter;    // 0 to 0.5: factors of 1 - X to 1 + X
    double aspect_jitter;    // 0 to 1: width against height by 1 / (1 + X) to 1 + X
    double brightness;       // 0 to 1: up to this part of the range, either way
    double contrast;         // 0 to 1: factors of 1 - X to 1 + X
    double noise;            // standard deviation, of 255 levels
    // Losses
    const char *gan_mode;    // "vanilla", "lsgan", "hinge", "wgangp", "none"
    double lambda_l1;        // weight of the L1 loss; 0: none
    double lambda_ce;        // "segment": weight of the cross entropy; 0: none
    double lambda_gp;        // "wgangp": weight of the gradient penalty
    double gp_alpha;    // where it is taken: 0 fake to 1 real; negative: random for
                        // each sample
    double d_loss_weight;        // weight of D's loss: 0.5 halves the sum of its terms
    const char *update_order;    // "fresh": G learns from the updated D, computed
                                 // again; "reuse": from D's activations before its
                                 // update, through its new weights
    // Optimisation
    uint32_t batch_size;        // images per batch
    uint32_t accumulate;        // batches whose gradients are added up for one update
    uint32_t n_epochs;          // at the full learning rate
    uint32_t n_epochs_decay;    // after those; with "linear" the rate falls to zero
    const char *lr_policy;      // "linear", "step", "cosine", "plateau"
    uint32_t lr_decay_iters;    // "step": epochs between reductions
    const char *optimizer;      // "adam", "sgd"
    double lr, beta1;           // learning rate, Adam's beta1
    double momentum;            // "sgd"
    double ema;    // decay per step of the moving average of G's weights; 0: none
    // Activations, their gradients and what is multiplied: "f32"; "f16", "bf16": in 16
    // bits, on devices that can store them, while sums, weights, moments, statistics,
    // losses, the first and the last convolution of each network, and validations stay
    // in 32; "auto": f16 where the device has matrix units for it, else f32.
    const char *precision;
    uint64_t seed;    // for weights, order, crops and dropout; up to INT64_MAX
    // Run
    uint64_t steps;          // total number of steps; 0: all epochs
    uint64_t save_freq;      // steps between checkpoints; 0: only at the end
    uint64_t log_freq;       // steps between lines of metrics
    uint64_t sample_freq;    // steps between sample grids; 0: only at the end
    // Epochs between validations on val/; 0: none, or 1 with lr_policy "plateau",
    // `best` or `patience`.
    uint32_t val_freq;
    // What validations compute, names of enum pix_metric separated by commas:
    // "l1,ssim". `best` and L1 are always computed.
    const char *val_metrics;
    // A file of weights for LPIPS that pix_convert_lpips made; NULL or "auto": those
    // that are kept in the user's data folder. Without the weights of a metric that is
    // wanted a run does not begin. "lpips" in val_metrics is "lpips_alex".
    const char *lpips;
    // A metric by its name: its best validation is kept in
    // checkpoints/best.safetensors, beside those of `keep`, and "plateau" and
    // `patience` follow it. "none": they follow L1.
    const char *best;
    uint32_t patience;    // end after so many validations that are no better; 0: never
    uint32_t keep;        // checkpoints to keep, the newest
    // When a loss, a weight or a moment is not finite (infinity or NaN): "stop": the
    // step fails, and no checkpoint with such a number is written; "continue": warn
    // once, train on and write checkpoints. The newest checkpoint without such numbers
    // is kept in either case, beside those of `keep`.
    const char *on_nan;
    bool continue_run;    // resume from the newest checkpoint in `out`, or start the
                          // run if `out` is absent or empty
    bool data_changed;    // resume also where the images of `data` are others than when
                          // the checkpoint was written; their order changes then
    // Which kernels compute convolutions. "auto" or NULL: the fastest on the device, as
    // stored in the user's cache folder; what that lacks is measured once, which takes
    // seconds, on a GPU, and is the built-in choice on a software driver. "on":
    // measured there too. "off": the built-in choice. Otherwise a file that pix_tune or
    // a run wrote. A run stores its kernels in `out`/tuning.json; with "auto" and "on"
    // a resumed run uses those and no others.
    const char *tuning;

    // Called by pix_trainer_create, before it returns, while it checks the images,
    // which may take a while: with what is being done, several times a second. May be
    // NULL; then a line of the log (level info) says it every ten seconds.
    void (*progress)(void *user, const char *text);
    void *progress_user;

    void *strings;    // private: text read from a file
};

// Fills in the defaults.
PIX_API void pix_train_options_init(struct pix_train_options *options);

// Reads the options of an existing run (its config.json) over the defaults and sets
// `out` to the run. Free with pix_train_options_finish.
PIX_API bool pix_train_options_read(const char *run, struct pix_train_options *options);

// Reads a configuration file over options that are filled in already: one JSON object,
// or lines `name = value` with # comments. A name that is not in the table is an error.
// What was set before a failure stays set. Free with pix_train_options_finish.
PIX_API bool pix_train_options_read_file(const char *path,
                                         struct pix_train_options *options);
PIX_API void pix_train_options_finish(struct pix_train_options *options);

// Checks all options but the paths, and that they fit together, then fills in those
// that follow from others: load_size, depth, n_layers_d and norm_d. pix_trainer_create
// and pix_train_plan do the same on their own copy. Resolved options resolve to
// themselves.
PIX_API bool pix_train_options_resolve(struct pix_train_options *options);

// Writes what a recipe sets, as words of the command line: "--norm batch --bias auto
// ...", cut to `size` bytes. False if there is no recipe of that name.
PIX_API bool pix_train_recipe(const char *name, char *text, size_t size);

// One row of the table of training options: command line, configuration file, help text
// and defaults all come from it.
enum pix_option_type {
    PIX_OPTION_FLAG,    // bool
    PIX_OPTION_UINT32,
    PIX_OPTION_UINT64,
    PIX_OPTION_REAL,      // double
    PIX_OPTION_TEXT,      // const char *
    PIX_OPTION_CHOICE,    // const char *, one of `choices` separated by '|'
    PIX_OPTION_SIZE,     // struct pix_size; `min` and `max` are of each side, and where
                         // `min` is 0, both are 0 or none
    PIX_OPTION_RANGE,    // const char *, one of `choices`, or two numbers "LO:HI"
    PIX_OPTION_RATIO,    // const char *, three numbers "A:B:C", or NULL
};

struct pix_option {
    const char *name;    // with dashes, as on the command line: "crop-size"
    enum pix_option_type type;
    size_t offset;      // in struct pix_train_options
    double min, max;    // numbers only, inclusive
    const char *choices;
    const char *value;    // word for the value in help: "N", "DIR"
    const char *help;
    bool may_change;      // may differ when a run is continued
    bool is_run_state;    // describes where or whether to run: not written to
                          // config.json
    const char *group;    // heading of help that begins with this row, or NULL
};

PIX_API const struct pix_option *pix_train_option_table(size_t *count);

// Sets one option from text. `name` takes '-' or '_'. A flag takes "true" or "false".
// TEXT, CHOICE, RANGE and RATIO keep a pointer to `text`. "recipe" sets all options of
// the recipe, so it comes first.
PIX_API bool pix_train_options_set(struct pix_train_options *options, const char *name,
                                   const char *text);

// The value of one option as text: a pointer to `buffer` or to the option's own text,
// "" if there is none. A name that is not in the table gives NULL.
PIX_API const char *pix_train_options_get(const struct pix_train_options *options,
                                          const char *name, char *buffer, size_t size);

// Checks what can be known without a device and without reading the images: all
// options, and that `out` is usable: absent or empty, or with continue_run an existing
// run that differs only in options that may change. pix_trainer_create does the same.
PIX_API bool pix_train_check(const struct pix_train_options *options);

// Values of one training step, as the PyTorch port prints them: D's terms before
// d_loss_weight, loss_g_l1 times lambda_l1, and loss_d_gp and loss_g_ce times theirs.
// With on_nan "continue" a loss may be infinite or NaN; one that the run does not have
// is NaN (see has_gan, has_gp, has_ce).
struct pix_step_metrics {
    uint64_t step;     // from 1
    uint64_t steps;    // the run's total
    uint64_t epoch;    // from 1
    double loss_d_real, loss_d_fake, loss_d_gp, loss_g_gan, loss_g_l1, loss_g_ce;
    bool has_gan;    // loss_d_real, loss_d_fake and loss_g_gan; else there is no D
    bool has_gp;     // loss_d_gp
    bool has_ce;     // loss_g_ce
    // `precision` f16: the loss scales, and the updates of each network that were left
    // out so far because a gradient was too large for f16. D's are 0 without a D.
    bool has_scale;
    double scale_d, scale_g;
    uint64_t skipped_d, skipped_g;
    bool has_val;    // this step ended an epoch with validation: the next three
    bool is_best;    // no earlier validation was as good, by the option `best` or L1
    // Means over the images of val/ as translate would write them. The PSNR of an image
    // counts as at most 100 dB, that of one that equals its target too. NaN: not
    // computed, or, with its bit in val_metrics, an output is not finite.
    double val[PIX_METRIC_COUNT];
    uint32_t val_metrics;    // bit m: val[m] was computed
    // What the mean colour of the training targets scores in place of outputs: a model
    // has to beat it. NaN: as val.
    double val_mean_colour[PIX_METRIC_COUNT];
    double lr;
    // Wall time of a step, without what comes after it: the mean of the last eight that
    // this trainer took, its first one left out where there are others. Steps overlap,
    // so one alone has no time of its own.
    double ms;
    double images_per_s;    // by that time
};

// Reads the metrics.jsonl of a run, whether it is under way or not: `line` gets each
// step that was logged, in its order, and ends the reading where it returns false. Of
// the fields `steps` is 0 and `is_best` false, since lines do not have them. A last
// line that is not complete yet is left out; *damaged counts other lines that are no
// metrics. A run without the file has none.
PIX_API bool pix_run_read_metrics(const char *run,
                                  bool (*line)(void *user,
                                               const struct pix_step_metrics *metrics),
                                  void *user, uint64_t *damaged);

typedef struct pix_trainer pix_trainer;

// Prepares a run: reads and checks the images, creates or reads the run folder, plans
// and records the step. An existing run without continue_run is refused and left
// untouched, and so is a run that another trainer, in this process or another, is
// using.
PIX_API pix_trainer *pix_trainer_create(pix_device *device,
                                        const struct pix_train_options *options);
PIX_API void pix_trainer_destroy(pix_trainer *trainer);

// The resolved options (load_size and depth filled in), valid as long as the trainer.
PIX_API const struct pix_train_options *pix_trainer_get_options(
    const pix_trainer *trainer);

enum pix_step_result {
    PIX_STEP_FAILED,      // see the log; the newest checkpoint is still there
    PIX_STEP_DONE,        // one step was trained
    PIX_STEP_FINISHED,    // all steps are already trained; nothing was done
};

// Trains one step; writes metrics, sample grids and checkpoints when they are due, and
// a grid and a checkpoint after the run's last step. What cannot be written is a
// warning, and tried again later: only a last checkpoint that fails is an error, after
// which pix_trainer_save may still save the state. The next step may already be
// running when this returns, unless the device was opened with no_overlap: the next
// call reports it. Steps are reported in order, none is skipped. `metrics` may be NULL.
PIX_API enum pix_step_result pix_trainer_step(pix_trainer *trainer,
                                              struct pix_step_metrics *metrics);

// Waits for the step that is running, if there is one, and reports it like
// pix_trainer_step. PIX_STEP_FINISHED: there is none.
PIX_API enum pix_step_result pix_trainer_drain(pix_trainer *trainer,
                                               struct pix_step_metrics *metrics);

// Writes a checkpoint now, unless this step already has one. Waits for a step that is
// running: the checkpoint is of that step, which the next call of pix_trainer_step or
// pix_trainer_drain reports. Destroying a trainer discards a running step.
PIX_API bool pix_trainer_save(pix_trainer *trainer);

// The best validation of a run so far, those before it was resumed included.
struct pix_best_validation {
    enum pix_metric metric;    // of the option `best`, or L1
    uint64_t step;             // after which it was
    double score;
    bool is_kept;    // best.safetensors is of this step: the checkpoint "best"
};

// False if no validation has had a finite score yet.
PIX_API bool pix_trainer_get_best(const pix_trainer *trainer,
                                  struct pix_best_validation *best);

// ---------------------------------------------------------------------------
// Memory plan

// What a step needs, counted without running it.
struct pix_plan {
    // State + arena + step blocks + device-side staging + validation.
    uint64_t device_bytes;
    uint64_t state_bytes;    // weights, gradients, moments, running statistics
    uint64_t arena_bytes;    // temporaries, planned by lifetime
    uint64_t arena_bytes_without_reuse;
    uint64_t step_block_bytes;
    uint64_t staging_bytes;    // pixels and readback on the device
    // What validations hold beside the steps: the generator's temporaries for whole
    // images, its averaged weights, and the networks of LPIPS, which lpips_bytes has.
    uint64_t validation_bytes, lpips_bytes;
    uint32_t validation_epochs;    // epochs between validations; 0: there are none
    uint32_t dispatches, barriers, submissions;
    uint64_t flops_per_step;
    uint64_t bytes_per_step;    // for each call the bytes of each bound range it reads
                                // plus those it writes, each once
    uint64_t weights_g, weights_d;    // trainable numbers; weights_d 0 for translation
};

// Plans a training step. `data` and `out` may be NULL; nothing is written.
PIX_API bool pix_train_plan(pix_device *device, const struct pix_train_options *options,
                            struct pix_plan *plan);

// ---------------------------------------------------------------------------
// Tuning

// How one convolution of a network is computed. Its shape is a direction, the input
// n x c x h x w, the channels of the output, kernel, stride and padding.
struct pix_tune_row {
    const char *shape;       // "forward 1x64x128x128 -> 128 k4 s2 p1"
    const char *built_in;    // the kernel used where nothing was measured
    const char *chosen;      // the fastest, or `built_in` if none is clearly faster
    bool timed;              // false: it did not fit the device and was not measured
    double built_in_ms, chosen_ms;
    double gflops;    // of the chosen one, 10^9 operations per second
};

// Measures the kernels for every convolution of a training step with these options, of
// a translation, and of the networks of LPIPS that `val_metrics`, `best` and `lpips`
// name, and stores the result in the user's cache folder, where training
// and translation find it. Takes seconds on a GPU, minutes on a software driver. `row`
// is called after each of the `count` shapes and may be NULL; when it returns false,
// measuring ends, the rows so far are stored, and pix_tune returns true. *path is the
// file of the table, NULL where there is no cache folder; free it with free().
PIX_API bool pix_tune(pix_device *device, const struct pix_train_options *options,
                      bool (*row)(void *user, const struct pix_tune_row *row,
                                  uint32_t done, uint32_t count),
                      void *user, char **path);

// ---------------------------------------------------------------------------
// Translation

struct pix_translate_options {
    // Run folder (its newest checkpoint), checkpoint, or another file with the weights
    // of a generator that pix_convert reads.
    const char *model;
    // Of a run: "newest", "best" (see pix_train_options) or a step; NULL: the newest.
    const char *checkpoint;
    // The size at which images are translated. "resize": the model's; "scale_width":
    // the model's width, with the height in proportion; "none": their own. NULL: as in
    // training, as far as the file of weights records it (else "resize"), which a
    // message (level info) says where it is not "resize". That is "none" after the
    // preprocess "crop" and "none" of pix_train_options; after "scale_width" and
    // "scale_width_and_crop" it is "scale_width", whose width is then that of
    // load_size, not of the crop. With `tile` NULL is "none". Where sides are no
    // multiples of pix_translator_multiple, the network sees their mirror image at the
    // right and at the bottom, which is cut off its output. It counts in norms that use
    // the statistics of each image.
    const char *preprocess;
    // The size of outputs: NULL or "input": that of the input; "model": that at which
    // it was translated; "640x480": width x height, or one number for both, up to
    // 2^20. They are resized by bicubic interpolation, those of a model that was
    // trained with the resize_filter "nearest" by the nearest pixel. A message (level
    // info) says so: one for each call of pix_translator_run_many, and one for all
    // calls of pix_translator_run and _run_array. pix_evaluate compares at the model's
    // size.
    const char *output_size;
    // What continues each other, as in textures and panoramas: "x": left and right,
    // "y": top and bottom, "xy": both; NULL: nothing. The network sees what lies at the
    // other end in every layer, so that its output has no seam there. With preprocess
    // "none" such sides are resized to the next multiple of pix_translator_multiple;
    // with `tile` they must be one.
    const char *wrap;
    // Not 0: images of any size are translated at their own, in tiles of at most so
    // many pixels a side, rounded up to a multiple of pix_translator_multiple, of the
    // output where it is larger than the image (the task "superres", `factor`); the
    // network runs over a tile and `overlap` pixels around it. Images are read and
    // written a few rows at a time where their kind of file allows it. docs/tiles.md
    // says what that needs.
    uint32_t tile;
    // Pixels on each side of a tile, rounded up likewise. 0: as many as the network
    // sees (3 (2^n - 1) with n levels): only then the result is that of the whole
    // image, up to rounding. With fewer, neighbours are blended.
    uint32_t overlap;
    // For norms that use statistics of the image. NULL or "exact": those of the whole
    // image, found by running over all tiles once for each norm. "sample": by running
    // over at most 16 of them.
    const char *tile_statistics;
    // Where the holes of images are, for a model of the task "inpaint": "center",
    // "random" (by `seed` and the name of the file), or an image of any size that is
    // white in the hole; NULL: as trained.
    const char *hole;
    // For models of the tasks "edges", "superres" and "denoise": images are not inputs,
    // but inputs are made of them as in training, to see what becomes of images that
    // are known. Outputs have the size of their image. Noise is that of `seed` and the
    // name of the file. Without `tile`.
    bool make_input;
    // For images that follow each other, 0 to less than 1. 0: norms use the statistics
    // of each image. Else they use those of it and all before it, each with so many
    // times the weight of the one after it: outputs of frames that hardly change
    // flicker less. Each call of pix_translator_run_many and pix_translator_run_stream
    // begins again; calls of pix_translator_run and _run_array follow each other. For
    // `mode` NULL or "stable", a batch_size of 1 and no `tile`.
    double flicker;
    uint32_t batch_size;      // images per batch, of equal size; 0: one
    uint32_t threads;         // that read and write files; 0: as many as useful
    const char *tuning;       // as in pix_train_options
    const char *precision;    // as in pix_train_options; NULL: "f32", also of models
                              // that were trained in others
    // NULL or "stable": norms use each image's own statistics, no dropout. "paper":
    // with dropout, as in the paper; images run one at a time, all with the same mask.
    // "running": norms use the running statistics of training, no dropout.
    const char *mode;
    uint64_t seed;    // for the dropout mask of "paper", random holes and noise
    // Sample types of inputs and outputs: "u8", "u16" or "f32". NULL: as trained, as
    // far as the file records it. Where it does not (a .pth) each image keeps its own,
    // and its output has the same, or what the file that is written can hold.
    const char *input_kind, *output_kind;
    // Which samples of u16 and f32 are -1 and 1 to the networks, "LO:HI" or "full".
    // `range` is that of both sides, the others, unless they are NULL, are that of
    // inputs or outputs alone. All NULL: as trained, as far as the file records it
    // (else "full"). Samples of inputs outside count as LO or HI; outputs are LO to HI.
    const char *range, *input_range, *output_range;
    // How inputs are read; npy_order is that of outputs, too. NULL, 0 and false: as
    // trained, as far as the file records it, else the defaults.
    struct pix_read_options read;
    // "AtoB" or "BtoA", for pix_evaluate; NULL: as trained, as far as the file records
    // it (else AtoB).
    const char *direction;
    bool no_ema;    // use the raw weights even where their moving average is stored
    // What messages begin with; NULL: "translate".
    const char *command;

    // Called by pix_evaluate, and where images are translated in tiles, on the caller's
    // thread, with how far it is, several times a second. May be NULL; then a line of
    // the log (level info) says it every ten seconds.
    void (*progress)(void *user, const char *text);
    void *progress_user;
    // Called where images are translated in tiles, on the caller's thread, before each
    // tile. Returning true stops the call within a tile or two: the image that was on
    // its way has no output, not even a part of one, and its item and later ones stay
    // PENDING; files of earlier items stay. pix_translator_run_stream asks, on the
    // thread that reads, where its input ends within a frame or the header: true ends
    // the call without a message. May be NULL.
    bool (*stop)(void *user);
    void *stop_user;
};

typedef struct pix_translator pix_translator;

PIX_API void pix_translate_options_init(struct pix_translate_options *options);

// Loads a generator.
PIX_API pix_translator *pix_translator_create(
    pix_device *device, const struct pix_translate_options *options);
PIX_API void pix_translator_destroy(pix_translator *translator);

// The model's size in pixels, and the number that width and height of what the network
// sees are multiples of.
PIX_API struct pix_size pix_translator_size(const pix_translator *translator);
PIX_API uint32_t pix_translator_multiple(const pix_translator *translator);

// The options the model was trained with.
PIX_API const struct pix_train_options *pix_translator_get_options(
    const pix_translator *translator);

// Where the weights are from, and how they are used.
struct pix_translator_info {
    const char *path;    // the file: for a run that of its checkpoint
    bool is_checkpoint;
    uint64_t step;       // of the checkpoint, else 0
    bool is_average;     // they are the moving average
    const char *mode;    // "stable", "paper" or "running"
};

// Valid as long as the translator.
PIX_API const struct pix_translator_info *pix_translator_get_info(
    const pix_translator *translator);

// Translates one image. *out is allocated, of the size that output_size says; free with
// pix_image_free. For a model that was not trained on 8-bit RGB, the image is converted
// to its channels and sample type, and its output to RGB: 16 bits and floats to 8 bits,
// 1 or 2 channels to grey; of more than 3 channels the first 3 are used. Where the
// model has a range LO to HI, these are 0 and 255 of the images.
PIX_API bool pix_translator_run(pix_translator *translator, const struct pix_image *in,
                                struct pix_image *out);

// The same for arrays: *out has the sample type and channels that the model was trained
// on, or the sample type of the input where the file of weights does not record it, and
// a copy of the tags of the input; free with pix_array_free. The input may have any
// sample type; u8 and u16 of 1 to 4 channels count as colours and are converted like
// image files, others must have the model's number of channels. Where the model has
// ranges of samples, inputs of u16 and f32 are such numbers, 0 to 255 of u8 are the
// whole range, and outputs are LO to HI.
PIX_API bool pix_translator_run_array(pix_translator *translator,
                                      const struct pix_array *in,
                                      struct pix_array *out);

// The extension for the translation of the file `path`: its own if that format can hold
// the model's output, else ".png" or ".npy". Valid as long as `path`.
PIX_API const char *pix_translator_extension(const pix_translator *translator,
                                             const char *path);

enum pix_translate_result {
    PIX_TRANSLATE_PENDING,    // not done, or the call ended first
    PIX_TRANSLATE_DONE,
    PIX_TRANSLATE_NOT_READ,
    PIX_TRANSLATE_NOT_TRANSLATED,
    PIX_TRANSLATE_NOT_WRITTEN,
};

// An image from a file or from memory, to a file or to memory. Files may be all that
// pix_array_read and pix_array_write accept; memory is as for pix_translator_run.
// Everything in it belongs to the caller and must not change until the item is done.
struct pix_translate_item {
    const char *input;       // file to read; NULL: `in` is the image
    const char *output;      // file to write, a different one each; NULL: to `out`
    struct pix_image in;     // only read
    struct pix_image out;    // allocated here; free with pix_image_free
    enum pix_translate_result result;
};

// Called when an item is done, successfully or not, after its messages: on the thread
// that called pix_translator_run_many, in the order of the items. `result` and `out`
// are set; the callee may take over or free `out`, but must not use the translator,
// which is busy.
// Returning false stops the call: files of later items may have been written by then,
// but their `result` is PENDING.
typedef bool pix_translate_done(void *user, struct pix_translate_item *item);

// Translates many images. Threads of the call read, resize and write a few images ahead
// and behind while the device works; they end with the call. Neighbours of equal size
// run together, up to the translator's batch_size; each has its own statistics, so that
// its pixels do not depend on the others, up to rounding. Where the device has no
// memory for a batch, fewer run together, after a warning; so do large images, to limit
// the memory of the host. An image that fails stops none of the others; a lost device
// does: items not started by then stay PENDING. Nothing is translated if an output is
// the file of an input, by whatever path. `done` may be NULL. True if all images were
// translated.
PIX_API bool pix_translator_run_many(pix_translator *translator,
                                     struct pix_translate_item *items, size_t count,
                                     pix_translate_done *done, void *user);

// A stream of frames in, one of their translations out.
struct pix_stream_options {
    // Reads into `bytes` and waits until there is something: *count is how many bytes,
    // at most `size`, 0 at the end of the stream. Called by one thread at a time, which
    // need not be the caller's; the call ends when it has returned. False: it failed,
    // for *reason, a text that lives until the call ends, or NULL.
    bool (*read)(void *user, void *bytes, size_t size, size_t *count,
                 const char **reason);
    // Writes all of the bytes, on the caller's thread, perhaps while `read` is waiting.
    // False: it failed, and nothing more is written.
    bool (*write)(void *user, const void *bytes, size_t size, const char **reason);
    // Called on the caller's thread after each frame that was written, with their
    // number so far. Returning false ends the call. May be NULL.
    bool (*done)(void *user, uint64_t frames);
    void *user;
    // NULL: both streams are YUV4MPEG2. Else they are frames without headers, of
    // interleaved samples [h, w, c], the low byte first: "rgb24:640x480", "rgba",
    // "gray8", "gray16", or "f32" of as many channels as the model takes. Outputs have
    // the channels and sample type of the model, which a message (level info) says.
    const char *raw;
    // Of YUV4MPEG2, in and out: "bt601" or "bt709". NULL: bt709 for frames of at least
    // 1280 columns or more than 576 rows, else bt601.
    const char *matrix;
};

// Translates frames in order until the stream ends; docs/video.md says what formats
// there are and what becomes of them. A frame is written as soon as it is translated:
// later ones are waited for only to fill a batch, so that with the batch_size 1 none
// is, and few are read ahead. The stream ends with the first frame that fails, whose
// number a message has. *frames is how many were written; it may be NULL. True if all
// frames were.
PIX_API bool pix_translator_run_stream(pix_translator *translator,
                                       const struct pix_stream_options *options,
                                       uint64_t *frames);

// Plans a translation of batch_size images of this size; 0 x 0: of the model's. With
// the preprocess "resize" it is the same for all sizes. Sample types that neither the
// file of weights nor the options say are 8-bit.
PIX_API bool pix_translator_plan(pix_translator *translator, uint32_t width,
                                 uint32_t height, struct pix_plan *plan);

// Plans a translation of batch_size images like that of the item, as
// pix_translator_run_many would run them: of the size at which it is translated, and of
// the sample types that it gets. It is read; nothing is translated or written.
PIX_API bool pix_translator_plan_item(pix_translator *translator,
                                      const struct pix_translate_item *item,
                                      struct pix_plan *plan);

// ---------------------------------------------------------------------------
// Weights in and out

struct pix_convert_options {
    // A run (its newest checkpoint), a checkpoint, a .safetensors file, what torch.save
    // wrote of a network of the PyTorch port (zip or legacy container, possibly inside
    // other dictionaries), or a dictionary with affinelayer's names. The content
    // decides which. "module.", "_orig_mod.", "netG." and their like before the names
    // of tensors are removed. Tensors may be F32, or F16 or BF16, which are read as
    // F32.
    const char *input;
    const char *checkpoint;    // of a run, as in pix_translate_options
    // In the format of its extension: .pth, which the PyTorch port's load_state_dict
    // accepts if the port has such a network; .safetensors with the same names; .onnx.
    const char *output;
    bool discriminator;    // else the generator
    bool no_ema;           // use the raw weights even where their moving average is
                           // stored
    // .pth and .safetensors: weights and running statistics are written as F16, rounded
    // to the nearest, ties to even, as PyTorch's half() does; else as F32. A value that
    // is not finite, or 65520 and more, is an error. Counters of batches are I64.
    bool half;
    // .onnx: NULL or "stable": norms use the statistics of the current batch; or
    // "running".
    const char *mode;
    // .onnx only: the sides of the images in pixels, 1 to 16384 and possible for the
    // network, both or neither; 0: free. OpenCV 4 reads models with fixed sides only.
    uint32_t width, height;
    uint32_t batch;    // .onnx only: images, 1 to 65536; 0: free, or 1 with fixed sides
    uint32_t opset;    // .onnx only: the operator set, 13 or 15; 0: 13
    struct pix_log log;
};

// Converts the weights of one network, and logs its architecture (level info). Needs no
// device. The output is written completely or not at all; the order of its
// concatenations is always that of the PyTorch port.
PIX_API bool pix_convert(const struct pix_convert_options *options);

// The weights of LPIPS, a perceptual distance of images (docs/metrics.md).
struct pix_lpips_options {
    // torchvision's AlexNet, SqueezeNet 1.1 or VGG-16 with its weights for ImageNet, as
    // torch.save wrote its state_dict or as safetensors; which one follows from the
    // shapes. What LPIPS does not look through, as the classifier, is ignored.
    const char *backbone;
    const char
        *heads;    // the lpips package's file for it; NULL: in `backbone` as well
    const char *output;    // the .safetensors file to write
    struct pix_log log;
};

// Makes one file of both, which an evaluation reads. Needs no device. The output is
// written completely or not at all.
PIX_API bool pix_convert_lpips(const struct pix_lpips_options *options);

// ---------------------------------------------------------------------------
// Evaluation

// The scores of many images together. NaN where there are too few: none, or for the
// deviation and the interval less than two.
struct pix_statistics {
    uint32_t count;       // images with a finite score: all that follows is of these
    uint32_t infinite;    // images with an infinite one: PSNR of equal images
    double mean, median;
    double deviation;    // the standard deviation, of a sample
    double low, high;    // 95 % interval of the mean, by the bootstrap; the same in
                         // every run
};

// What is compared with a target.
enum pix_subject {
    PIX_SUBJECT_OUTPUT,         // of the model
    PIX_SUBJECT_COPY,           // the input itself; no scores if its channels differ
    PIX_SUBJECT_MEAN_COLOUR,    // the mean colour of the training targets
    PIX_SUBJECT_COUNT,
};

struct pix_image_scores {
    const char *name;    // path of the input
    // NaN: there is none, as of an image that is too small.
    double values[PIX_SUBJECT_COUNT][PIX_METRIC_COUNT];
    // The output has numbers that are infinite or NaN: its scores are all NaN.
    bool not_finite;
};

// How well label maps agree, over the pixels of all images: the share of pixels whose
// class is right; the mean of that share over the classes in the targets; the mean of
// intersection over union over the classes in either.
struct pix_label_scores {
    double pixel_accuracy, class_accuracy, mean_iou;
};

struct pix_evaluation {
    uint32_t pairs;             // compared
    uint32_t broken;            // skipped because they could not be read, see the log
    uint32_t not_finite;        // of `pairs`, those whose output is not finite
    uint32_t ms_ssim_scales;    // of all images; 0: there is no MS-SSIM
    uint32_t metrics;           // bit m: metric m was computed where images allow it
    const char *lpips_hint;     // how to get LPIPS, where there are no weights; or NULL
    // With wants_gallery: inputs, outputs and targets to look at, as one JSON object
    // like the report/validation.json of a run (docs/training.md): those of the pairs
    // with the largest L1 and of some that are evenly spread. Else NULL.
    char *gallery;
    struct pix_statistics totals[PIX_SUBJECT_COUNT][PIX_METRIC_COUNT];
    struct pix_image_scores *images;    // `pairs` of them, in the order of the pairs

    // With a palette. The class of a pixel is that of the nearest colour.
    uint32_t classes;         // 0: no palette
    uint8_t (*colours)[3];    // of the classes: red, green, blue
    struct pix_label_scores labels[PIX_SUBJECT_COUNT];
    // Pixels by the class of the target and that of the output: [classes][classes].
    uint64_t *confusion;
};

// Frees what it holds; a zeroed one is fine.
PIX_API void pix_evaluation_free(struct pix_evaluation *evaluation);

struct pix_evaluate_options {
    const char *data;     // folder, laid out as for training; or NULL, and
    const char *pairs;    // a list of images, as for training
    // "0.8:0.1:0.1": as for training; NULL: that of the model's run, unless `data` has
    // folders of splits.
    const char *split_ratio;
    const char *split;    // whose pairs are compared; NULL: "test"
    // A PNG to write with one row input | output | target per pair, at most `grid_rows`
    // rows (0: 12); NULL: none. More than four rows are arranged in two columns, and
    // tiles of less than 160 pixels are enlarged by a whole factor.
    const char *grid;
    uint32_t grid_rows;
    // Up to 8 folders, each of which is one more column between input and output: for
    // each pair in the grid the image of the same name, with any extension, resized to
    // the model's size; as those that other models have made.
    const char *const *beside;
    size_t beside_count;
    // Words above the columns, one text for each, of up to 63 letters of ASCII. NULL:
    // "input", the names of the folders, "output" and "target".
    const char *const *headings;
    size_t heading_count;
    // For label maps: a file with the colours of the classes (docs/metrics.md), or
    // "auto", which takes the colours of the targets; NULL: they are no label maps.
    const char *palette;
    // A file of weights for LPIPS that pix_convert_lpips made. NULL or "auto": all that
    // are kept in the user's data folder, of which there may be none.
    const char *lpips;
    bool wants_gallery;
    // Paths to which the caller will write of the result; NULL ones are passed over. If
    // one, or `grid`, leads to a file that is read, or to an image of any split,
    // nothing is evaluated.
    const char *const *outputs;
    size_t output_count;
};

PIX_API void pix_evaluate_options_init(struct pix_evaluate_options *options);

// Translates the pairs of a split (in the model's direction and size) and compares them
// with their targets. Pairs that cannot be read are skipped; at least one must remain.
// Free the result with pix_evaluation_free.
PIX_API bool pix_evaluate(pix_translator *translator,
                          const struct pix_evaluate_options *options,
                          struct pix_evaluation *evaluation);

// Images against images, without a model.
struct pix_compare_options {
    // Two image files, or two folders whose files are pairs where their names without
    // extensions are equal.
    const char *a, *b;
    struct pix_read_options read;    // how the images are read
    // Of u16 and f32, "LO:HI": the samples that are -1 and 1 to the metrics; NULL: 0
    // and 65535, and floats -1 and 1.
    const char *range;
    // For label maps: a file with the colours of the classes (docs/metrics.md), or
    // "auto", which takes the colours of the images of `b`; NULL: they are no label
    // maps.
    const char *palette;
    // For LPIPS, which runs on a device; NULL: without. It uses what pix_tune has
    // measured, and measures nothing itself. `lpips` as in pix_evaluate_options.
    pix_device *device;
    const char *lpips;
    // Paths to which the caller will write of the result; NULL ones are passed over. If
    // one leads to a file that is read, nothing is compared.
    const char *const *outputs;
    size_t output_count;
    uint32_t threads;    // 0: as many as the machine has cores
    struct pix_log log;
};

PIX_API void pix_compare_options_init(struct pix_compare_options *options);

// Compares each image of `a` with that of `b`: the scores are those of
// PIX_SUBJECT_OUTPUT, the others have none. Both must have the same size. Where sample
// types differ, the coarser is converted to the finer; grey is repeated where the other
// has 3 channels; both are logged. Images that cannot be read or compared are counted
// as broken; at least one pair must remain. Needs no device. Free the result with
// pix_evaluation_free.
PIX_API bool pix_compare(const struct pix_compare_options *options,
                         struct pix_evaluation *evaluation);

// ---------------------------------------------------------------------------
// Data sets

// Where the images of a data set are, and how they are read. None of the functions
// below changes anything in it.
struct pix_dataset_options {
    const char *data;           // folder, laid out as for training, or with the images
                                // themselves; or NULL, and
    const char *pairs;          // a list of images, as for training
    const char *split_ratio;    // divides them, as for training; NULL: they are divided
    const char *split;          // "train", "val" or "test"; NULL: all that there are
    bool singles;               // files are single images, as for a task
    struct pix_read_options read;
    uint32_t threads;    // 0: as many as the machine has cores
    // Called with what is being done, several times a second. May be NULL; then a line
    // of the log (level info) says it now and then.
    void (*progress)(void *user, const char *text);
    void *progress_user;
    struct pix_log log;
};

PIX_API void pix_dataset_options_init(struct pix_dataset_options *options);

// What may be wrong with images. docs/data.md has the thresholds.
enum pix_finding_kind {
    PIX_FINDING_BROKEN,         // cannot be read
    PIX_FINDING_UNREAD,         // an image of a kind that is not read
    PIX_FINDING_ALONE,          // has no partner
    PIX_FINDING_KIND,           // another sample type than most of its side
    PIX_FINDING_CHANNELS,       // other channels than most of its side
    PIX_FINDING_SIZE,           // another size than its partner, or than most
    PIX_FINDING_CUT,            // ends early
    PIX_FINDING_TURNED,         // by its EXIF orientation
    PIX_FINDING_PAGES,          // has several
    PIX_FINDING_BITS,           // uses few of its 16 bits
    PIX_FINDING_CONSTANT,       // nearly one colour
    PIX_FINDING_CLIPPED,        // many samples are the smallest or largest
    PIX_FINDING_TRANSPARENT,    // mostly
    PIX_FINDING_COLOURS,        // many more than the other label maps
    PIX_FINDING_GREY,           // has no colours, and most of its side have them
    PIX_FINDING_EQUAL,          // input and target are the same
    PIX_FINDING_DUPLICATE,      // has the samples of another one
    PIX_FINDING_SIMILAR,        // looks like another one
    PIX_FINDING_SHIFTED,        // input and target do not lie over each other
    PIX_FINDING_MISMATCHED,     // input and target have little in common
    PIX_FINDING_COUNT,
};

enum pix_finding_level {
    PIX_FINDING_ERROR,      // cannot be used, or makes training worse
    PIX_FINDING_WARNING,    // is likely a mistake
    PIX_FINDING_HINT,       // may be one: look at it
};

// "broken", "unread", ...; NULL for other numbers.
PIX_API const char *pix_finding_name(enum pix_finding_kind kind);

struct pix_finding {
    enum pix_finding_kind kind;
    enum pix_finding_level level;
    const char *split;    // "train", "val", "test"; "" where there are none
    const char *file;     // path
    const char *other;    // of the partner or of the image that it is like; or NULL
    const char *text;     // what is the matter, a sentence without its subject
    double dx, dy;        // PIX_FINDING_SHIFTED: by so many pixels of the input
    uint32_t row;         // of the sheet, from 1; 0: not in it
};

struct pix_dataset_report {
    uint64_t pairs;                  // looked at, or single images
    struct pix_finding *findings;    // by kind, then in the order of the pairs
    size_t count;
    uint32_t counts[PIX_FINDING_COUNT];
    uint32_t errors, warnings, hints;
};

// Reads all pairs and finds what is odd about them, and images that are in none.
// `sheet` is the path of a PNG with a row A | B (and the other pair that it is like)
// for the first 64 findings whose images can be read; NULL: none. It must not exist,
// nor lie in the data set. True also where something was found. Where only the sheet
// could not be written the report is complete, with `findings` that are not NULL; after
// other failures it is empty. Free it with pix_dataset_report_free.
PIX_API bool pix_dataset_check(const struct pix_dataset_options *options,
                               const char *sheet, struct pix_dataset_report *report);
PIX_API void pix_dataset_report_free(struct pix_dataset_report *report);

// Shares of samples below the quantiles that are found.
#define PIX_QUANTILE_COUNT 9
#define PIX_QUANTILES                                                                  \
    {                                                                                  \
        0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999                          \
    }
#define PIX_HISTOGRAM_BINS 64

// Of one channel, over all pixels of all images of a group, in samples of their kind.
struct pix_channel_statistics {
    double min, max, mean, deviation;
    double quantiles[PIX_QUANTILE_COUNT];      // of floats within 1/65536 of max - min
    uint64_t histogram[PIX_HISTOGRAM_BINS];    // equal parts of the group's low to high
};

// Images of one side that have one kind and as many channels.
struct pix_side_statistics {
    bool is_target;      // B, else A or single images
    const char *kind;    // "u8", "u16", "f32"
    uint32_t channels;
    uint64_t images, samples;             // samples of each channel
    struct pix_size smallest, largest;    // by pixels
    double low, high;    // ends of the histograms: 0 and 255 of u8; of others the
                         // smallest and the largest sample
    struct pix_channel_statistics *channel;    // [channels]
};

struct pix_dataset_statistics {
    uint64_t pairs, broken;    // read; left out, since they cannot be
    struct pix_side_statistics *sides;
    size_t count;
};

// Computes them from all pairs; the same whatever the number of threads. Pairs that
// cannot be read are reported and left out; at least one must remain. Free the result
// with pix_dataset_statistics_free.
PIX_API bool pix_dataset_stats(const struct pix_dataset_options *options,
                               struct pix_dataset_statistics *statistics);
PIX_API void pix_dataset_statistics_free(struct pix_dataset_statistics *statistics);

// Writes each pair of two files as one image, A on the left and B on the right, to
// `out`/SPLIT, or to `out` where there are no splits: as PNG, or .npy where that cannot
// hold the samples. Grey becomes RGB beside RGB. Pairs that cannot be joined are
// reported and counted in `failed`; the others are still written. `out` must be absent
// or an empty folder.
PIX_API bool pix_dataset_combine(const struct pix_dataset_options *options,
                                 const char *out, uint64_t *written, uint64_t *failed);

// Writes each pair that is one image as two: A to `out`/A/SPLIT, B to `out`/B/SPLIT, or
// without SPLIT where there are no splits, as PNG, or .npy where that cannot hold the
// samples. `out` is laid out for training on pairs then, `out`/A and `out`/B are for
// tasks with single images. Pairs of two files, and those that cannot be read, are
// reported and counted in `failed`; the others are still written. `out` must be absent
// or an empty folder.
PIX_API bool pix_dataset_separate(const struct pix_dataset_options *options,
                                  const char *out, uint64_t *written, uint64_t *failed);

// Copies each image, byte for byte, to `out`/train, val or test by options.split_ratio,
// which must be set; of pairs of two files to the folders A and B in these. `out` must
// be absent or an empty folder. `copied` counts pairs by split.
PIX_API bool pix_dataset_split(const struct pix_dataset_options *options,
                               const char *out, uint64_t copied[3]);

// ---------------------------------------------------------------------------
// Benchmark

enum pix_bench_kind {
    PIX_BENCH_CEILING,      // what the device can do at most, by a kernel for it
    PIX_BENCH_CALL,         // one distinct call of the training step, alone
    PIX_BENCH_TRAIN,        // a whole training step
    PIX_BENCH_TRANSLATE,    // a whole translation
};

enum pix_bench_clock {
    PIX_BENCH_NOT_TIMED,       // counted only
    PIX_BENCH_DEVICE_CLOCK,    // timestamps of the device
    PIX_BENCH_HOST_CLOCK,      // the host's clock; for calls and ceilings less the time
                               // of an empty submission
};

// What a piece of work cannot be done without, and which of it takes longest.
enum pix_bench_bound {
    PIX_BENCH_FLOPS,
    PIX_BENCH_BYTES,
    PIX_BENCH_LAUNCHES,    // of kernels
};

// One line of the result. Pointers are valid during the callback only.
struct pix_bench_row {
    enum pix_bench_kind kind;
    const char *group;     // calls: "forward", "input gradient", "weight gradient",
                           // "bias gradient", "norm", "Adam", "loss" or "other"
    const char *name;      // what is done, in the same words on every device
    const char *kernel;    // the kernel used here; "" if several or none
    // What it is computed in: "f32", "f16" or "bf16"; "": ceilings.
    const char *precision;
    bool is_simple;    // measured with the simple convolutions
    uint32_t size;     // pixels of a side; 0: ceilings
    uint32_t batch;    // images; 0: ceilings
    uint32_t count;    // calls: how many of this kind a training step has; else 1
    uint64_t flops;    // multiplications and additions
    uint64_t bytes;    // planned: each bound range read plus each written, once

    // Seconds of one: the median of the samples and their lower and upper quartile.
    // `samples` is 0 where it was only counted.
    enum pix_bench_clock clock;
    uint32_t samples;
    double median, low, high;

    // Whole steps and translations: the samples, in the order in which they were taken,
    // seconds [samples]; else NULL.
    const double *times;

    // What the flops would take at the ceiling of their arithmetic, the bytes at that
    // of copying, and the dispatches if each took as long as an empty one: seconds, 0
    // if it was not timed. The ceilings are the faster ones of those that were measured
    // just before and just after. Products of f16 numbers have the ceiling of matrix
    // units for f16, if the device has them and it is higher than that of f32, those of
    // bf16 likewise; all else has that of f32.
    double floor_flops, floor_bytes, floor_launches;
    // The longest of the three over the median; 0: not timed. Above 1 where caches are
    // faster than the copy.
    double ceiling_share;
    enum pix_bench_bound bound_by;    // which one is the longest
    // Not to be relied upon: the ceiling that bounds it differed by more than 15 %
    // before and after, or it was slower than the row.
    bool is_doubtful;

    struct pix_plan plan;    // whole steps and translations; else zeros
};

struct pix_bench_case {
    uint32_t size;     // pixels of a side
    uint32_t batch;    // images
};

struct pix_bench_options {
    // What is trained and translated; `cases` may be NULL: 256 pixels, one image. Calls
    // are measured for the first case.
    const struct pix_bench_case *cases;
    uint32_t case_count;
    // What is computed in, as pix_train_options.precision has it, or several of these
    // separated by commas, "f32,f16": their calls and steps are measured in turns. One
    // that the device does not have is left out, after a warning. NULL: "f32".
    const char *precision;
    uint32_t ngf, ndf;    // filters of the first convolution of G and D
    bool no_calls, no_train, no_translate;
    bool with_simple;    // calls and training steps also with the simple convolutions,
                         // the definition that the others are compared with
    bool no_clock;       // count only; nothing is run
    // Target for the samples of a call or ceiling; whole steps take up to eight times
    // as long, and at least three samples are always taken.
    double seconds;

    // Called with each row when it is known; returning false ends the benchmark. Must
    // not be NULL.
    bool (*row)(void *user, const struct pix_bench_row *row);
    // Called before each measurement with what is measured; may be NULL.
    void (*progress)(void *user, const char *text);
    // Called before each run of a call, step or translation; returning true ends the
    // benchmark. May be NULL.
    bool (*stop)(void *user);
    void *user;
};

// Fills in the defaults: ngf and ndf 64, 0.25 seconds.
PIX_API void pix_bench_options_init(struct pix_bench_options *options);

// Measures the ceilings, then the calls of the first case and the cases, and beside
// them, before and after each group of calls and each step, the ceilings again. A case
// that does not fit the device is only counted, after a warning; on a device that
// accepts work but executes nothing, all rows are only counted. Returns false when
// something failed, when the device has none of the precisions, or when `row` or `stop`
// ended it.
PIX_API bool pix_bench(pix_device *device, const struct pix_bench_options *options);

// ---------------------------------------------------------------------------
// Self-test

enum pix_selftest_part {
    PIX_SELFTEST_CONVOLUTION,    // a kernel of convolutions, in a direction
    PIX_SELFTEST_ROUNDING,       // reading and writing numbers of 16 bits
    PIX_SELFTEST_OPERATION,      // what is in none of the training steps
    PIX_SELFTEST_SPLIT,          // long calls, cut for the driver's watchdog
    PIX_SELFTEST_STEP,           // training steps against PyTorch's numbers
    PIX_SELFTEST_SPEED,          // what the device can do; not a test
};

// "convolution", "rounding", "operation", "split", "step" or "speed"; NULL if it is
// none of these.
PIX_API const char *pix_selftest_part_name(enum pix_selftest_part part);

enum pix_selftest_outcome {
    PIX_SELFTEST_PASSED,
    PIX_SELFTEST_FAILED,     // the device computes something else, or cannot run it
    PIX_SELFTEST_SKIPPED,    // the device does not offer it
};

// One line of the result. Texts are valid during the callback only.
struct pix_selftest_row {
    enum pix_selftest_part part;
    const char *name;         // the kernel, "shared-64x64x16-8x4", the operation,
                              // "softmax", or what was done
    const char *direction;    // convolutions: "forward", "input gradient" or "weight
                              // gradient"; else ""
    const char *precision;    // "f32", "f16", "bf16"; "" where there is none
    enum pix_selftest_outcome outcome;
    uint32_t cases;      // shapes, steps or numbers that were looked at
    double error;        // the largest error in parts of the allowed one; 0: exact
    const char *text;    // failed: what is wrong; skipped: why; else ""

    // Speed: so much of `unit` ("GFLOP/s", "GB/s", "us", "ms"); else 0 and "". Names
    // are those of pix_bench: of ceilings, and of the step that `bench --quick` trains.
    double value;
    const char *unit;
};

struct pix_selftest_options {
    // The name of a part ("rounding"), or a part of the names of kernels of
    // convolutions ("direct-") and of operations ("softmax"): only that is tested.
    // NULL: everything.
    const char *only;
    // To see the alarm: the results of this kernel of convolutions, or of this
    // operation, are corrupted in one bit before they are compared. An error where
    // nothing of it was run. NULL: none.
    const char *corrupt;

    // Called with each row when it is known; returning false ends the test. May be
    // NULL.
    bool (*row)(void *user, const struct pix_selftest_row *row);
    // Called before each part of the work with what is tested; may be NULL.
    void (*progress)(void *user, const char *text);
    // Called before each kernel; returning true ends the test. May be NULL.
    bool (*stop)(void *user);
    void *user;
};

struct pix_selftest_result {
    uint32_t passed, failed, skipped;    // rows but those of speed
    double seconds;
};

// Compares everything that the device is used for with results that are known: each
// kernel of convolutions that it offers with a convolution in double precision on the
// host and with the simple kernel, in f32 and, where the device stores 16 bits, f16 and
// bf16; roundings; training steps, and operations that these do not have, with
// PyTorch's numbers; and each with itself, run twice. Takes seconds on a GPU, about a
// minute on a software driver, and writes nothing. Returns true if all was tested: then
// `failed` of *result says whether all is well. False after a message: the device was
// lost, accepts work without executing it, memory did not suffice, or `row` or `stop`
// ended it; *result then has what was done so far. `options` may be NULL.
PIX_API bool pix_selftest(pix_device *device,
                          const struct pix_selftest_options *options,
                          struct pix_selftest_result *result);

// The operating system, its version and the processor's architecture in one line,
// "Linux 6.1.0 x86_64". Valid until the next call of it on this thread.
PIX_API const char *pix_system(void);

#ifdef __cplusplus
}
#endif

#endif
