// SPDX-License-Identifier: MIT
//
// The network in the file is built as a graph, which gives names and shapes of its
// weights and the computation for ONNX. The graph is never planned or run. See
// convert.h.

#include "store/convert.h"

#include "base/file.h"
#include "base/log.h"
#include "settings/choice.h"
#include "settings/range.h"
#include "settings/settings.h"
#include "settings/table.h"
#include "store/network_write.h"
#include "store/onnx_export.h"
#include "store/output_guard.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define OPSET 13u          // which readers of some age know
#define OPSET_NEWER 15u    // which Unity asks for
#define BATCH_MAX 65536u
#define LOSS_SIZE 512    // options that a file does not record
#define VALUES_SIZE 128

struct conversion {
    const struct pix_convert_options *options;
    struct network_file *from;
    struct graph *graph;
    struct weights *weights;
    int mode;    // TRANSLATION_STABLE or TRANSLATION_RUNNING
    struct tensor *input, *output;
    uint32_t multiple;
    struct shape shape;    // of the input
};

static bool is_extension(const char *path, const char *extension)
{
    return strcmp(file_extension(path), extension) == 0;
}

// The paper's mode is left out: its dropout needs the engine's random numbers.
static bool find_mode(const char *name, int *mode)
{
    *mode = TRANSLATION_STABLE;
    if (!name || (choice_find(choice_translation_modes, name, mode) &&
                  *mode != TRANSLATION_PAPER))
        return true;
    log_error("convert: --mode takes stable or running, not \"%s\"", name);
    return false;
}

// The numbers of an .onnx file, and what it cannot be.
static bool check_numbers(const struct pix_convert_options *o)
{
    const bool is_onnx = is_extension(o->output, ".onnx");
    if (is_onnx && o->half) {
        log_error("convert: --half applies to .pth and .safetensors only, not to %s",
                  o->output);
        return false;
    }
    if (!is_onnx && (o->width || o->height || o->batch || o->opset)) {
        log_error("convert: --size, --batch and --opset apply to .onnx only, not to %s",
                  o->output);
        return false;
    }
    if (!o->width != !o->height || o->width > TABLE_CROP_MAX ||
        o->height > TABLE_CROP_MAX) {
        log_error("convert: --size takes a width and a height of 1 to %d pixels, not "
                  "%ux%u",
                  TABLE_CROP_MAX, (unsigned)o->width, (unsigned)o->height);
        return false;
    }
    if (o->batch > BATCH_MAX) {
        log_error("convert: --batch takes 1 to %u images, not %u", BATCH_MAX,
                  (unsigned)o->batch);
        return false;
    }
    if (o->opset && o->opset != OPSET && o->opset != OPSET_NEWER) {
        log_error("convert: --opset takes %u or %u, not %u", OPSET, OPSET_NEWER,
                  (unsigned)o->opset);
        return false;
    }
    return true;
}

// The smallest side that leaves a discriminator a logit.
static uint32_t smallest_side(const struct discriminator_options *o)
{
    uint32_t side = 1;
    while (discriminator_output_side(o, side) == 0)
        side++;
    return side;
}

// Whether images of the size that was asked for can pass the network.
static bool check_size(const struct conversion *c)
{
    const struct settings *s = network_file_settings(c->from);
    const uint32_t w = c->shape.w, h = c->shape.h, multiple = c->multiple;
    if (c->options->discriminator) {
        const uint32_t least = smallest_side(&s->discriminator);
        if (w >= least && h >= least)
            return true;
        log_error("convert: --size %ux%u is too small for %s: it needs a width and a "
                  "height of %u or more",
                  (unsigned)w, (unsigned)h, network_file_description(c->from),
                  (unsigned)least);
        return false;
    }
    if (w % multiple == 0 && h % multiple == 0)
        return true;
    // A side is at least one multiple.
    const uint32_t below_w = MAX(w / multiple, 1u) * multiple;
    const uint32_t below_h = MAX(h / multiple, 1u) * multiple;
    const uint32_t above_w = ALIGN_UP(w, multiple), above_h = ALIGN_UP(h, multiple);
    char other[32] = "";
    if (above_w != below_w || above_h != below_h)
        snprintf(other, sizeof(other), " or %ux%u", (unsigned)above_w,
                 (unsigned)above_h);
    log_error("convert: --size %ux%u does not fit %s: width and height must be "
              "multiples of %u, for example %ux%u%s",
              (unsigned)w, (unsigned)h, network_file_description(c->from),
              (unsigned)multiple, (unsigned)below_w, (unsigned)below_h, other);
    return false;
}

// The input: of the size that was asked for, or of the one that the network was trained
// for, which in ONNX stays free.
static void choose_shape(struct conversion *c)
{
    const struct pix_convert_options *o = c->options;
    const struct settings *s = network_file_settings(c->from);
    const struct pix_size size = s->options.crop_size;
    c->multiple = o->discriminator ? 1 : generator_multiple(&s->generator);
    c->shape = (struct shape){
        .n = MAX(o->batch, 1u),
        .c = o->discriminator ? network_file_channels_d(c->from)
                              : s->generator.channels_in,
        .h = o->width ? o->height : size.height,
        .w = o->width ? o->width : size.width,
    };
}

static bool build_graph(struct conversion *c)
{
    // "stable": norms use the statistics of their input, of a batch over all its
    // images.
    const struct model_mode mode = {
        .no_dropout = true,
        .keep_running = true,
        .statistics =
            c->mode == TRANSLATION_RUNNING ? STATISTICS_RUNNING : STATISTICS_BATCH,
    };
    const struct settings *s = network_file_settings(c->from);
    c->graph = graph_create(&op_limits_guaranteed);
    c->weights = weights_create(true);
    if (!c->graph || !c->weights)
        return false;
    c->input = graph_input(c->graph, "input", c->shape, TENSOR_F32);
    c->output =
        c->options->discriminator
            ? discriminator_build(c->graph, c->weights, c->input, &s->discriminator,
                                  mode)
            : generator_build(c->graph, c->weights, c->input, &s->generator, mode);
    return !graph_failed(c->graph);
}

static bool build(struct conversion *c)
{
    choose_shape(c);
    if (c->options->width && !check_size(c))
        return false;
    // An op that refuses a shape does not know where it comes from.
    struct log_capture capture;
    log_capture_begin(&capture);
    const bool ok = build_graph(c);
    const char *error = log_capture_end(&capture);
    if (!ok)
        log_error("convert: %s cannot be built for %ux%u pixels and a batch of %u: %s",
                  network_file_description(c->from), (unsigned)c->shape.w,
                  (unsigned)c->shape.h, (unsigned)c->shape.n, error);
    return ok;
}

// For onnx_export_write.
static bool read_weight(void *user, const struct weight *w, float *values)
{
    const struct conversion *c = user;
    return network_file_read(c->from, w, !c->options->no_ema, values);
}

// What the values are, and which samples stand for -1 and 1 where a range says it.
static const char *describe_values(const char *what, enum pixel_kind kind,
                                   struct pixel_range range, char text[VALUES_SIZE])
{
    snprintf(text, VALUES_SIZE, "%s in [-1, 1]", what);
    if (pixel_range_is_set(range))
        snprintf(text, VALUES_SIZE,
                 "%s in [-1, 1], which are %s samples from %.9g to %.9g", what,
                 pixel_kind_name(kind), (double)range.low, (double)range.high);
    return text;
}

static bool write(struct conversion *c)
{
    const struct pix_convert_options *o = c->options;
    const struct staging s = settings_staging(network_file_settings(c->from));
    const bool is_of_classes = network_file_settings(c->from)->generator.classes;
    char input[VALUES_SIZE], output[VALUES_SIZE];
    if (!is_extension(o->output, ".onnx"))
        return network_write(o->output, c->from, c->weights, !o->no_ema, o->half);
    const struct onnx_description description = {
        .network = o->discriminator ? "D" : "G",
        .architecture = network_file_description(c->from),
        .mode = choice_name(choice_translation_modes, c->mode),
        .input = describe_values("values", s.input, s.input_range, input),
        .output =
            o->discriminator
                ? "logits"
                : describe_values(is_of_classes ? "2 p - 1 of each class" : "an image",
                                  s.output, s.output_range, output),
        .multiple = c->multiple,
        .opset = o->opset ? o->opset : OPSET,
        .fixes_batch = o->batch || o->width,
        .fixes_sides = o->width > 0,
    };
    return onnx_export_write(o->output, c->graph, c->input, c->output, &description,
                             read_weight, c);
}

static bool check_paths(const struct pix_convert_options *o)
{
    if (!o->input || !*o->input || !o->output || !*o->output) {
        log_error("convert: name the file to read and the file to write");
        return false;
    }
    if (!output_guard_checkpoint(o->output))
        return false;
    if (is_extension(o->output, ".onnx") || is_extension(o->output, ".pth") ||
        is_extension(o->output, ".safetensors"))
        return true;
    log_error("convert: %s must end in .pth, .safetensors or .onnx", o->output);
    return false;
}

static void add_text(char text[LOSS_SIZE], const char *format, ...)
{
    const size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, LOSS_SIZE - used, format, args);
    va_end(args);
}

static void add_range(char text[LOSS_SIZE], const char *before,
                      struct pixel_range range)
{
    char numbers[RANGE_TEXT_SIZE];
    if (pixel_range_is_set(range))
        add_text(text, "%s%s", before, range_text(range, numbers));
}

// What translate does not do by itself where it does not know how images were scaled.
static void add_scaling(char text[LOSS_SIZE], const struct settings *s)
{
    const struct fit fit = settings_fit_to_translate(s, s->preprocess);
    const char *before = text[0] ? ", and " : "";
    if (fit.mode == FIT_NOTHING)
        add_text(text, "%stranslate --preprocess none", before);
    else if (fit.mode == FIT_WIDTH)
        add_text(text, "%stranslate --preprocess none with images of %u pixels' width",
                 before, (unsigned)fit.load.width);
}

static void warn_of_loss_pth(const struct settings *s, const char *path,
                             const struct staging *staging, bool has_kinds)
{
    char options[LOSS_SIZE] = "", all[LOSS_SIZE] = "";
    // Both kinds: without them an output has the kind of its input.
    if (has_kinds)
        add_text(options, " --input-kind %s --output-kind %s",
                 pixel_kind_name(staging->input), pixel_kind_name(staging->output));
    add_range(options, " --input-range ", staging->input_range);
    add_range(options, " --output-range ", staging->output_range);
    if (s->reading.order != ARRAY_CHW)
        add_text(options, " --npy-order %s", array_order_name(s->reading.order));
    if (s->reading.alpha >= ALPHA_WHITE)
        add_text(options, " --alpha %s", choice_name(choice_alphas, s->reading.alpha));
    if (s->swap)
        add_text(all, "evaluate --direction BtoA");
    if (options[0])
        add_text(all, "%stranslate and evaluate%s", all[0] ? ", and " : "", options);
    add_scaling(all, s);
    log_warn("convert: %s does not record how the generator was trained: pass %s, or "
             "write .safetensors",
             path, all);
}

static void warn_of_loss_onnx(const struct settings *s, const char *path,
                              const struct staging *staging)
{
    char input[LOSS_SIZE] = "", output[LOSS_SIZE] = "";
    add_range(input, " of ", staging->input_range);
    add_range(output, " of ", staging->output_range);
    log_warn("convert: %s does not record that it turns %s, and that its inputs "
             "stand for %s%s and its outputs in [-1, 1] for %s%s samples: whoever runs "
             "it has to know",
             path, s->swap ? "B into A" : "A into B", pixel_kind_name(staging->input),
             input, pixel_kind_name(staging->output), output);
}

// What a task makes of inputs and outputs is not in the network, and of label maps not
// even all of the network is in its weights.
static void warn_of_task(const struct settings *s, const char *path)
{
    log_warn(
        "convert: %s does not record --task %s: what translate does before and after "
        "the network%s is left to whoever runs it; write .safetensors to keep it",
        path, s->options.task,
        s->generator.classes && is_extension(path, ".pth")
            ? ", and the softmax that it ends in,"
            : "");
}

// Options of a generator that .pth and .onnx files cannot hold are lost.
static void warn_of_loss(const struct conversion *c)
{
    const struct settings *s = network_file_settings(c->from);
    const char *path = c->options->output;
    const struct staging staging = settings_staging(s);
    const bool has_kinds = staging.input != PIXEL_U8 || staging.output != PIXEL_U8;
    if (c->options->discriminator || is_extension(path, ".safetensors"))
        return;
    if (task_is_set(&s->task))
        warn_of_task(s, path);
    // Arrays are no matter of an .onnx file: its axes are written in it.
    if (is_extension(path, ".onnx") && (s->swap || has_kinds))
        warn_of_loss_onnx(s, path, &staging);
    else if (is_extension(path, ".pth") &&
             (s->swap || has_kinds || s->preprocess != FIT_RESIZE ||
              s->reading.order != ARRAY_CHW || s->reading.alpha >= ALPHA_WHITE))
        warn_of_loss_pth(s, path, &staging, has_kinds);
}

// OpenCV 4 cannot parse a model whose sides are free, and says something else.
static void tell_of_free_sides(const struct conversion *c)
{
    const struct pix_convert_options *o = c->options;
    if (is_extension(o->output, ".onnx") && !o->width)
        log_info("convert: %s takes images of any size that fits the network; OpenCV 4 "
                 "reads models of one size only: for it, add --size, for example "
                 "--size %ux%u",
                 o->output, (unsigned)c->shape.w, (unsigned)c->shape.h);
}

bool convert_run(const struct pix_convert_options *options)
{
    struct conversion c = { .options = options };
    bool ok = check_paths(options) && check_numbers(options) &&
              find_mode(options->mode, &c.mode);
    if (ok) {
        c.from = network_file_open_checkpoint(
            options->input, options->checkpoint,
            options->discriminator ? NETWORK_D : NETWORK_G, "convert");
        const char *input = c.from ? network_file_path(c.from) : NULL;
        ok = c.from && output_guard_inputs(options->output, &input, 1) && build(&c) &&
             network_file_check(c.from, c.weights);
    }
    if (ok)
        log_info("convert: %s is %s", network_file_path(c.from),
                 network_file_description(c.from));
    ok = ok && write(&c);
    if (ok) {
        tell_of_free_sides(&c);
        warn_of_loss(&c);
    }
    network_file_close(c.from);
    graph_destroy(c.graph);
    weights_destroy(c.weights);
    return ok;
}
