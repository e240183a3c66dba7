// SPDX-License-Identifier: MIT
//
// pix2pix translate: translates one image, or every image of a folder.

#include "frames.h"
#include "options.h"
#include "terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Extensions of the files that this build reads and writes.
#ifdef PIX_HAVE_WEBP
#define WEBP ".webp, "
#else
#define WEBP
#endif
#ifdef PIX_HAVE_TIFF
#define TIFF ".tif, .tiff "
#else
#define TIFF
#endif
#define EXTENSIONS(last) ".png, .jpg, .jpeg, " WEBP ".bmp, .tga, " TIFF last " .npy"

struct translation {
    const char *model;
    const char *input, *output;
    const char *preprocess, *output_size, *wrap, *hole;
    uint32_t tile, overlap;
    const char *tile_statistics;
    uint32_t batch_size;
    const char *tuning, *precision;
    const char *mode, *input_kind, *output_kind;
    const char *range, *input_range, *output_range;
    struct pix_read_options read;
    uint32_t seed;
    const char *checkpoint;
    bool no_ema, make_input;
    bool plan, json;
    struct frames frames;    // of streams
    struct device_arguments device;
};

static bool ends_in_separator(const char *path)
{
    const size_t length = strlen(path);
    return length > 0 && (path[length - 1] == '/' || path[length - 1] == '\\');
}

static bool is_video(const char *path)
{
    static const char *const endings[] = { "mp4", "mov",  "m4v", "mkv", "avi",
                                           "y4m", "webm", "mpg", "mpeg" };
    const char *dot = strrchr(path, '.');
    char ending[8] = "";
    for (size_t i = 0; dot && dot[i + 1] && i + 1 < sizeof(ending); i++)
        ending[i] = (char)(dot[i + 1] | ('A' ^ 'a'));    // letters become small
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
        if (strcmp(ending, endings[i]) == 0)
            return true;
    return false;
}

// Checks that input and output fit together; nothing is opened or created yet.
static int check_paths(const struct command *command, const struct translation *t,
                       bool *is_folder)
{
    const enum path_kind in = terminal_get_path_kind(t->input);
    const enum path_kind out = terminal_get_path_kind(t->output);
    *is_folder = in == PATH_FOLDER;
    if (in == PATH_NONE) {
        output_print_error("--input %s does not exist or cannot be read", t->input);
        return EXIT_FAILED;
    }
    if (in == PATH_FILE && is_video(t->input))
        return options_print_usage_error(
            command,
            "--input %s is a video: translate takes its frames from a pipe: ffmpeg -i "
            "%s -f yuv4mpegpipe - | pix2pix translate --model %s --input - --output - | "
            "ffmpeg -f yuv4mpegpipe -i - out.mp4",
            t->input, t->input, t->model);
    if (terminal_is_same_path(t->input, t->output))
        return options_print_usage_error(command,
                                         "--output %s is the input and would be "
                                         "overwritten: choose another name",
                                         t->output);
    if (*is_folder) {
        if (out == PATH_FILE || out == PATH_OTHER)
            return options_print_usage_error(
                command, "--input %s is a folder, so --output %s must be a folder too",
                t->input, t->output);
        // A folder of such a name would be a surprise, unless it is there.
        if (out == PATH_NONE && !ends_in_separator(t->output) &&
            pix_array_has_extension(t->output))
            return options_print_usage_error(
                command,
                "--input %s is a folder, so --output must be a folder, and %s looks like "
                "an image: name a folder (or %s/ for one of this name)",
                t->input, t->output, t->output);
        return EXIT_DONE;
    }
    if (out == PATH_FOLDER || ends_in_separator(t->output))
        return options_print_usage_error(
            command,
            "--input %s is a file, so --output %s must be a file, not a folder",
            t->input, t->output);
    if (!pix_array_has_extension(t->output))
        return options_print_usage_error(
            command, "--output %s must end in " EXTENSIONS("or"), t->output);
    return EXIT_DONE;
}

struct progress {
    uint32_t count, done;    // images, and those that were or could not be translated
};

static bool shows_live(void)
{
    return terminal_is_interactive(stderr);
}

static void show_progress(void *user, const char *text)
{
    (void)user;
    output_show_live(text);
}

// The library has logged what happened, but not to which image.
static bool image_done(void *user, struct pix_translate_item *item)
{
    struct progress *progress = user;
    char line[128];
    if (item->result == PIX_TRANSLATE_NOT_TRANSLATED)
        output_print_note("%s was not translated", item->input);
    progress->done++;
    snprintf(line, sizeof(line), "image %" PRIu32 "/%" PRIu32, progress->done,
             progress->count);
    output_show_live(line);
    return !terminal_is_interrupted();
}

static const char tile_notice[] =
    "ending after this tile; the image on its way has no output";

static bool is_stopped(void *user)
{
    (void)user;
    return terminal_is_interrupted();
}

static int translate_file(pix_translator *translator, const char *input,
                          const char *output, bool is_tiled)
{
    const char *extension = pix_translator_extension(translator, output);
    const size_t length = strlen(output), tail = strlen(extension);
    if (length < tail || strcmp(output + length - tail, extension) != 0) {
        output_print_error("--output %s cannot hold this model's output: use %s%s",
                           output, extension,
                           strcmp(extension, ".npy") ? " or .npy" : "");
        return EXIT_FAILED;
    }
    struct progress progress = { .count = 1 };
    struct pix_translate_item item = { .input = input, .output = output };
    if (shows_live())
        output_begin_live(stderr);
    // Of one that is not in tiles there is nothing to wait for: it ends at once.
    if (is_tiled)
        terminal_catch_interrupt(tile_notice);
    int code = EXIT_FAILED;
    if (pix_translator_run_many(translator, &item, 1, image_done, &progress))
        code = EXIT_DONE;
    else if (item.result == PIX_TRANSLATE_PENDING && terminal_is_interrupted())
        code = EXIT_INTERRUPTED;
    output_end_live();
    return code;
}

static void free_items(struct pix_translate_item *items, uint32_t count)
{
    for (uint32_t i = 0; items && i < count; i++) {
        free((char *)items[i].input);
        free((char *)items[i].output);
    }
    free(items);
}

// The path of the translation of a file; caller frees. The extension changes where that
// format cannot hold the output. NULL if out of memory.
static char *output_path(pix_translator *translator, const char *folder,
                         const char *name)
{
    const char *extension = pix_translator_extension(translator, name);
    const char *dot = strrchr(name, '.');
    const size_t stem = dot ? (size_t)(dot - name) : strlen(name);
    char *changed = malloc(stem + strlen(extension) + 1), *path = NULL;
    if (changed) {
        memcpy(changed, name, stem);
        strcpy(changed + stem, extension);
        path = options_join_path(folder, changed);
    }
    free(changed);
    return path;
}

static int by_output(const void *a, const void *b)
{
    const struct pix_translate_item *const *x = a, *const *y = b;
    return strcmp((*x)->output, (*y)->output);
}

// Refuses two inputs with the same output, which happens where extensions change.
static bool check_outputs(struct pix_translate_item *items, uint32_t count)
{
    struct pix_translate_item **sorted =
        calloc(count, sizeof(struct pix_translate_item *));
    bool ok = sorted != NULL;
    if (!ok)
        output_print_error("out of memory");
    for (uint32_t i = 0; ok && i < count; i++)
        sorted[i] = &items[i];
    if (ok)
        qsort(sorted, count, sizeof(struct pix_translate_item *), by_output);
    for (uint32_t i = 1; ok && i < count; i++) {
        ok = strcmp(sorted[i - 1]->output, sorted[i]->output) != 0;
        if (!ok)
            output_print_error("%s and %s would both become %s: rename one",
                               sorted[i - 1]->input, sorted[i]->input,
                               sorted[i]->output);
    }
    free(sorted);
    return ok;
}

// Makes an item for each name. NULL after a message.
static struct pix_translate_item *make_items(pix_translator *translator,
                                             const struct translation *t,
                                             char *const *names, uint32_t count)
{
    struct pix_translate_item *items = calloc(count, sizeof(*items));
    bool ok = items != NULL;
    for (uint32_t i = 0; ok && i < count; i++) {
        items[i].input = options_join_path(t->input, names[i]);
        items[i].output = output_path(translator, t->output, names[i]);
        ok = items[i].input && items[i].output;
    }
    if (!ok)
        output_print_error("out of memory");
    if (ok && check_outputs(items, count))
        return items;
    free_items(items, count);
    return NULL;
}

// The names of the images in a folder, at least one; free with pix_image_list_free.
// What it has besides is said.
static bool list_folder(const char *folder, char ***names, uint32_t *count)
{
    char others[1024];
    if (!pix_array_list(folder, names, count)) {
        output_print_error("%s", pix_last_error());
        return false;
    }
    if (pix_array_list_others(folder, others, sizeof(others)) && others[0])
        output_print_note("warning: passing over %s. Only " EXTENSIONS(
                              "and") " are read: convert other images to one of these",
                          others);
    if (*count > 0)
        return true;
    output_print_error("--input %s contains no " EXTENSIONS("or"), folder);
    pix_image_list_free(*names, *count);
    return false;
}

static int translate_folder(pix_translator *translator, const struct translation *t)
{
    char **names = NULL;
    struct pix_translate_item *items = NULL;
    struct progress progress = { 0 };
    char time[32];
    uint32_t count = 0, good = 0;
    int code = EXIT_FAILED;
    if (!list_folder(t->input, &names, &count))
        return EXIT_FAILED;
    items = make_items(translator, t, names, count);
    if (!items)
        goto end;
    if (!terminal_make_folder(t->output)) {
        output_print_error("--output %s cannot be created: %s", t->output,
                           strerror(errno));
        goto end;
    }
    // Now that it exists, it may turn out to be the input by another path.
    if (terminal_is_same_path(t->input, t->output)) {
        output_print_error(
            "--output %s is the folder --input %s, whose images would be "
            "overwritten: choose another name",
            t->output, t->input);
        code = EXIT_USAGE;
        goto end;
    }
    if (shows_live())
        output_begin_live(stderr);
    progress.count = count;
    terminal_catch_interrupt(t->tile ? tile_notice
                                     : "ending after the images that are on their way");
    const double start = terminal_get_seconds();
    if (pix_translator_run_many(translator, items, count, image_done, &progress))
        code = EXIT_DONE;
    else if (progress.done < count && terminal_is_interrupted())
        code = EXIT_INTERRUPTED;
    output_end_live();
    const double seconds = terminal_get_seconds() - start;
    for (uint32_t i = 0; i < count; i++)
        good += items[i].result == PIX_TRANSLATE_DONE;
    output_print(
        stdout, "%s: %" PRIu32 " of %" PRIu32 " image%s, %s each\n", t->output, good,
        count, count == 1 ? "" : "s",
        output_format_seconds(seconds / (progress.done ? progress.done : count), time));

end:
    free_items(items, count);
    pix_image_list_free(names, count);
    return code;
}

// An image may keep its size and sample type: the plan is for that, or for the first
// one of a folder.
static bool make_plan(pix_translator *translator, const struct translation *t,
                      struct pix_plan *plan)
{
    struct pix_translate_item item = { .input = t->input, .output = t->output };
    char **names = NULL, *path = NULL, *output = NULL;
    uint32_t count = 0;
    bool ok;
    if (!t->input)
        return pix_translator_plan(translator, 0, 0, plan);
    if (terminal_get_path_kind(t->input) != PATH_FOLDER)
        return pix_translator_plan_item(translator, &item, plan);
    if (!list_folder(t->input, &names, &count))
        return false;
    item.input = path = options_join_path(t->input, names[0]);
    item.output = output =
        t->output ? output_path(translator, t->output, names[0]) : NULL;
    ok = path && (output || !t->output) &&
         pix_translator_plan_item(translator, &item, plan);
    free(path);
    free(output);
    pix_image_list_free(names, count);
    return ok;
}

static int print_plan(pix_translator *translator, const struct translation *t)
{
    struct pix_plan plan;
    return make_plan(translator, t, &plan) && output_print_plan(&plan, t->json)
               ? EXIT_DONE
               : EXIT_FAILED;
}

// Checks everything that can be checked before a device is opened.
static int check_arguments(const struct command *command, const struct translation *t,
                           bool *is_folder)
{
    int code = EXIT_DONE;
    if (!t->model)
        return options_print_usage_error(
            command, "--model is missing: give a run or a weights file");
    if (t->plan && frames_is_stream(t->input))
        return options_print_usage_error(
            command, "--plan cannot read a stream: leave out --input, or name an image "
                     "of the size of its frames");
    code = frames_check(command, &t->frames, t->input, t->output);
    if (code != EXIT_DONE)
        return code;
    if (t->plan) {
        if (t->input && terminal_get_path_kind(t->input) == PATH_NONE) {
            output_print_error("--input %s does not exist or cannot be read", t->input);
            return EXIT_FAILED;
        }
    } else {
        if (t->json)
            return options_print_usage_error(command, "--json requires --plan");
        if (!t->input || !t->output)
            return options_print_usage_error(command, "--%s is missing",
                                             t->input ? "output" : "input");
        if (!frames_is_stream(t->input))
            code = check_paths(command, t, is_folder);
    }
    if (code == EXIT_DONE && terminal_get_path_kind(t->model) == PATH_NONE) {
        output_print_error("--model %s does not exist or cannot be read", t->model);
        return EXIT_FAILED;
    }
    return code;
}

static int run(const struct translation *t, bool is_folder)
{
    pix_device *device = options_open_device(&t->device);
    if (!device)
        return EXIT_FAILED;
    struct pix_translate_options options;
    pix_translate_options_init(&options);
    options.model = t->model;
    options.preprocess = t->preprocess;
    options.output_size = t->output_size;
    options.wrap = t->wrap;
    options.hole = t->hole;
    options.make_input = t->make_input;
    options.tile = t->tile;
    options.overlap = t->overlap;
    options.tile_statistics = t->tile_statistics;
    options.flicker = t->frames.flicker;
    options.batch_size = t->batch_size;
    options.tuning = t->tuning;
    options.precision = t->precision;
    options.mode = t->mode;
    options.seed = t->seed ? t->seed : 1;
    options.checkpoint = t->checkpoint;
    options.no_ema = t->no_ema;
    options.input_kind = t->input_kind;
    options.output_kind = t->output_kind;
    options.range = t->range;
    options.input_range = t->input_range;
    options.output_range = t->output_range;
    options.read = t->read;
    if (shows_live() && t->tile)
        options.progress = show_progress;
    options.stop = is_stopped;
    pix_translator *translator = pix_translator_create(device, &options);
    int code = EXIT_FAILED;
    if (translator && t->plan)
        code = print_plan(translator, t);
    else if (translator && frames_is_stream(t->input))
        code = frames_translate(translator, &t->frames);
    else if (translator && is_folder)
        code = translate_folder(translator, t);
    else if (translator)
        code = translate_file(translator, t->input, t->output, t->tile != 0);
    pix_translator_destroy(translator);
    return options_close_device(device, code);
}

static const char purpose[] =
    "Translates images with a trained generator. An image that "
    "cannot be read is an error; the rest of its folder is still "
    "translated. Files keep their names, except for the extension "
    "where that format cannot hold the model's output.";

#define OPTIONS_OF_TILES(t)                                                            \
    { "tile", ARGUMENT_COUNT, &(t).tile, "N",                                          \
      "translate at full size in tiles of N x N pixels" },                             \
        { "overlap",                                                                   \
          ARGUMENT_COUNT,                                                              \
          &(t).overlap,                                                                \
          "N",                                                                         \
          "pixels around a tile that are seen too",                                    \
          NULL,                                                                        \
          "all that can matter" },                                                     \
    {                                                                                  \
        "tile-statistics", ARGUMENT_CHOICE, &(t).tile_statistics, "NAME",              \
            "for norms: exact, or sample (of 16 tiles)", "exact|sample", "exact"       \
    }

int command_translate(int argc, char **argv)
{
    struct translation t = { 0 };
    const struct argument arguments[] = {
        { "model", ARGUMENT_TEXT, &t.model, "RUN|FILE",
          "run folder (its newest checkpoint) or weights file" },
        { "input", ARGUMENT_TEXT, &t.input, "FILE|DIR|-",
          "image, folder of images, or frames from stdin (-)" },
        { "output", ARGUMENT_TEXT, &t.output, "FILE|DIR|-",
          "image, folder (created if absent), or stdout (-)" },
        OPTIONS_OF_FRAMES(t.frames),
        { "preprocess", ARGUMENT_CHOICE, &t.preprocess, "NAME",
          "at the model's size (resize) or width (scale_width), or their own (none)",
          "resize|scale_width|none", "as trained; none with --tile" },
        { "output-size", ARGUMENT_TEXT, &t.output_size, "NAME|WxH",
          "size of outputs: input, model (as translated) or width x height", NULL,
          "input" },
        { "wrap", ARGUMENT_PERHAPS, &t.wrap, "[x|y]",
          "no seam between left and right (x), top and bottom (y), or both", "x|y|xy" },
        { "hole", ARGUMENT_TEXT, &t.hole, "NAME|FILE",
          "models that inpaint: center, random, or an image, white in the hole", NULL,
          "as trained" },
        { "make-input", ARGUMENT_FLAG, &t.make_input, NULL,
          "inputs are made of images, as training made them" },
        OPTIONS_OF_TILES(t),
        { "mode", ARGUMENT_CHOICE, &t.mode, "NAME",
          "stable, paper (with dropout) or running (running statistics)",
          "stable|paper|running", "stable" },
        { "seed", ARGUMENT_COUNT, &t.seed, "N",
          "seed of dropout (--mode paper), holes and noise", NULL, "1" },
        { "input-kind", ARGUMENT_CHOICE, &t.input_kind, "NAME",
          "sample type that inputs are converted to: u8, u16 or f32", "u8|u16|f32",
          "as trained, or that of each image" },
        { "output-kind", ARGUMENT_CHOICE, &t.output_kind, "NAME",
          "sample type of the output: u8, u16 or f32", "u8|u16|f32",
          "as trained, or that of the input" },
        OPTIONS_OF_RANGES(t),
        { "npy-order", ARGUMENT_CHOICE, &t.read.npy_order, "NAME",
          "axes of .npy arrays, in and out: chw or hwc", "chw|hwc",
          "as trained, or chw" },
        { "alpha", ARGUMENT_CHOICE, &t.read.alpha, "NAME",
          "transparent inputs: drop (the alpha), keep, white, black or checker",
          "drop|keep|white|black|checker", "as trained" },
        OPTIONS_OF_READING(t.read, " (--tile: unless they are read by rows)"),
        { "checkpoint", ARGUMENT_TEXT, &t.checkpoint, "NAME",
          "of a run: newest, best (see train --best) or a step", NULL, "newest" },
        { "no-ema", ARGUMENT_FLAG, &t.no_ema, NULL,
          "use weights that are not averaged" },
        { "batch-size", ARGUMENT_COUNT, &t.batch_size, "N",
          "images per batch (of equal size)", NULL, "1" },
        { "tuning", ARGUMENT_TEXT, &t.tuning, "FILE",
          "kernels: auto (measured once on a GPU), on, off, or a table", NULL, "auto" },
        { "precision", ARGUMENT_TEXT, &t.precision, "NAME",
          "f32, f16, bf16 or auto, see train", NULL, "f32" },
        { "plan", ARGUMENT_FLAG, &t.plan, NULL,
          "print what a batch needs, of images like --input; requires only --model" },
        { "json", ARGUMENT_FLAG, &t.json, NULL,
          "print the plan as one JSON document on stdout" },
    };
    const struct command command = {
        .name = "translate",
        .usages = { "translate --model RUN|FILE --input FILE|DIR --output FILE|DIR",
                    "translate --model RUN|FILE --input - --output - [--raw NAME:WxH]",
                    "translate --model RUN|FILE --plan [--json]" },
        .purpose = purpose,
        .arguments = arguments,
        .count = sizeof(arguments) / sizeof(arguments[0]),
        .device = &t.device,
    };
    bool is_folder = false;
    int code;
    if (!options_parse_words(&command, argc, argv, NULL, &code))
        return code;
    code = check_arguments(&command, &t, &is_folder);
    return code == EXIT_DONE ? run(&t, is_folder) : code;
}
