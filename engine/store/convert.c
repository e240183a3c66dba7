// SPDX-License-Identifier: MIT
//
// The network in the file is built as a graph, which gives names and shapes of its
// weights and the computation for ONNX. The graph is never planned or run. See
// convert.h.

#include "store/convert.h"

#include "base/file.h"
#include "base/log.h"
#include "base/os.h"
#include "formats/safetensors.h"
#include "settings/choice.h"
#include "settings/settings.h"
#include "store/checkpoint.h"
#include "store/network_write.h"
#include "store/onnx_export.h"

#include <string.h>

// The limits that Vulkan guarantees, so that no device is needed.
static const struct op_limits limits = {
    .max_invocations = 128,
    .shared_bytes = 16384,
    .max_texels = 65536,
    .max_binding = 128u << 20,
};

struct conversion {
    const struct pix_convert_options *options;
    struct network_file *from;
    struct graph *graph;
    struct weights *weights;
    int mode;    // TRANSLATION_STABLE or TRANSLATION_RUNNING
    struct tensor *input, *output;
    uint32_t multiple;
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

// Builds the network at the size that it was trained for; in ONNX the size stays free.
static bool build(struct conversion *c)
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
    const uint32_t side = s->options.crop_size;
    c->graph = graph_create(&limits);
    c->weights = weights_create(true);
    if (!c->graph || !c->weights)
        return false;
    if (c->options->discriminator) {
        const uint32_t channels = network_file_channels_d(c->from);
        c->input = graph_input(c->graph, "input",
                               (struct shape){ 1, channels, side, side }, TENSOR_F32);
        c->output = discriminator_build(c->graph, c->weights, c->input,
                                        &s->discriminator, mode);
        c->multiple = 1;
    } else {
        c->input = graph_input(
            c->graph, "input",
            (struct shape){ 1, s->generator.channels_in, side, side }, TENSOR_F32);
        c->output =
            generator_build(c->graph, c->weights, c->input, &s->generator, mode);
        c->multiple = generator_multiple(&s->generator);
    }
    return !graph_failed(c->graph);
}

// For onnx_export_write.
static bool read_weight(void *user, const struct weight *w, float *values)
{
    const struct conversion *c = user;
    return network_file_read(c->from, w, !c->options->no_ema, values);
}

static bool write(struct conversion *c)
{
    const struct pix_convert_options *o = c->options;
    if (!is_extension(o->output, ".onnx"))
        return network_write(o->output, c->from, c->weights, !o->no_ema);
    const struct onnx_description description = {
        .network = o->discriminator ? "D" : "G",
        .architecture = network_file_description(c->from),
        .mode = choice_name(choice_translation_modes, c->mode),
        .output = o->discriminator ? "logits" : "an image in [-1, 1]",
        .multiple = c->multiple,
    };
    return onnx_export_write(o->output, c->graph, c->input, c->output, &description,
                             read_weight, c);
}

// Whether the path is a checkpoint, which must not be overwritten: its run could not be
// resumed.
static bool is_checkpoint(const char *path)
{
    if (!file_exists(path) || file_is_folder(path))
        return false;
    // Any other file, readable or not, is about to be replaced, so errors do not
    // matter.
    struct log_capture capture;
    log_capture_begin(&capture);
    struct safetensors *s = safetensors_open(path);
    const bool found = s && safetensors_metadata(s, CHECKPOINT_STEP);
    safetensors_close(s);
    log_capture_end(&capture);
    return found;
}

static bool check_paths(const struct pix_convert_options *o)
{
    if (!o->input || !*o->input || !o->output || !*o->output) {
        log_error("convert: name the file to read and the file to write");
        return false;
    }
    if (is_checkpoint(o->output)) {
        log_error(
            "convert: %s is a checkpoint, which its run needs to resume: name another "
            "file",
            o->output);
        return false;
    }
    if (is_extension(o->output, ".onnx") || is_extension(o->output, ".pth") ||
        is_extension(o->output, ".safetensors"))
        return true;
    log_error("convert: %s must end in .pth, .safetensors or .onnx", o->output);
    return false;
}

// Options of a generator that .pth and .onnx files cannot hold are lost.
static void warn_of_loss(const struct conversion *c)
{
    const struct settings *s = network_file_settings(c->from);
    const bool other = s->output_kind != PIXEL_KINDS && s->output_kind != PIXEL_U8;
    if (c->options->discriminator || is_extension(c->options->output, ".safetensors") ||
        (!s->swap && !other))
        return;
    log_warn(
        "convert: %s does not record that the generator was trained %s and outputs "
        "%s: %s",
        c->options->output, choice_name(choice_directions, s->swap),
        pixel_kind_name(other ? s->output_kind : PIXEL_U8),
        is_extension(c->options->output, ".onnx")
            ? "whoever runs it has to know"
            : "pass evaluate --direction and translate --output-kind, or write "
              ".safetensors");
}

static bool keeps_input(const struct conversion *c)
{
    struct os_file_id from, to;
    const char *input = network_file_path(c->from), *output = c->options->output;
    if (!os_file_find_id(input, &from) || !os_file_find_id(output, &to) ||
        from.volume != to.volume || from.file != to.file)
        return true;
    log_error("convert: %s is the input %s, which would be overwritten: name another "
              "file",
              output, input);
    return false;
}

bool convert_run(const struct pix_convert_options *options)
{
    struct conversion c = { .options = options };
    bool ok = check_paths(options) && find_mode(options->mode, &c.mode);
    if (ok) {
        c.from = network_file_open(
            options->input, options->discriminator ? NETWORK_D : NETWORK_G, "convert");
        ok = c.from && keeps_input(&c) && build(&c) &&
             network_file_check(c.from, c.weights);
    }
    if (ok)
        log_info("convert: %s is %s", network_file_path(c.from),
                 network_file_description(c.from));
    ok = ok && write(&c);
    if (ok)
        warn_of_loss(&c);
    network_file_close(c.from);
    graph_destroy(c.graph);
    weights_destroy(c.weights);
    return ok;
}
