// SPDX-License-Identifier: MIT

#include "support/parity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/pth.h"
#include "support/gpu.h"
#include "tensor/weights.h"

static enum model_norm norm_of(const char *text)
{
    if (strcmp(text, "batch") == 0)
        return MODEL_NORM_BATCH;
    if (strcmp(text, "instance") == 0)
        return MODEL_NORM_INSTANCE;
    assert_string_equal(text, "none");
    return MODEL_NORM_NONE;
}

struct generator_options parity_generator(const json_t *o)
{
    const char *kind = golden_text(o, "netg");
    struct generator_options g = {
        .kind = GENERATOR_UNET,
        .levels = golden_count(o, "levels"),
        .ngf = golden_count(o, "ngf"),
        .channels_in = golden_count(o, "input_nc"),
        .channels_out = golden_count(o, "output_nc"),
        .norm = norm_of(golden_text(o, "norm")),
        .no_dropout = !golden_bool(o, "dropout"),
    };
    const json_t *upsample = json_object_get(o, "upsample");
    g.resize = upsample && strcmp(json_string_value(upsample), "resize") == 0;
    if (strcmp(kind, "unet_256") == 0)
        g.levels = 8;
    else if (strcmp(kind, "unet_128") == 0)
        g.levels = 7;
    else if (strcmp(kind, "encoder_decoder") == 0)
        g.kind = GENERATOR_ENCODER_DECODER;
    else if (strncmp(kind, "resnet_", 7) == 0) {
        g.kind = GENERATOR_RESNET;
        g.blocks = (uint32_t)(kind[7] - '0');
    } else
        assert_string_equal(kind, "unet");
    return g;
}

struct discriminator_options parity_discriminator(const json_t *o, const char *norm)
{
    const char *kind = golden_text(o, "netd");
    struct discriminator_options d = {
        .layers = 3,
        .ndf = golden_count(o, "ndf"),
        .norm = norm_of(golden_text(o, norm)),
        .pixel = strcmp(kind, "pixel") == 0,
    };
    if (strcmp(kind, "n_layers") == 0)
        d.layers = golden_count(o, "n_layers_d");
    return d;
}

static bool is_conv(const struct weight *w)
{
    return w->kind == WEIGHT_CONV || w->kind == WEIGHT_CONV_TRANSPOSE;
}

void parity_start(struct weights *weights, const char *letter, double conv_scale)
{
    for (size_t i = 0; i < weights->count; i++) {
        struct weight *w = weights->items[i];
        char name[256];
        snprintf(name, sizeof(name), "%s.%s", letter, w->name);
        float *values = check_floats(w->value.shape);
        golden_start(name, is_conv(w),
                     w->kind == WEIGHT_NORM_SCALE || w->kind == WEIGHT_RUNNING_VARIANCE,
                     shape_count(w->value.shape), conv_scale, values);
        assert_true(tensor_upload(test_gpu(), &w->value, values));
        free(values);
    }
}

static const char count_name[] = "num_batches_tracked";

void parity_import(struct weights *weights, const char *path)
{
    struct pth *file = pth_open(path, NULL);
    assert_non_null(file);
    size_t used = 0;
    for (size_t i = 0; i < weights->count; i++) {
        struct weight *w = weights->items[i];
        const struct shape s = w->value.shape;
        const struct pth_entry *e = pth_find(file, w->name);
        if (!e)
            fail_msg("%s has no %s", path, w->name);
        const bool fits = is_conv(w) ? e->rank == 4 && e->sides[0] == s.n &&
                                           e->sides[1] == s.c && e->sides[2] == s.h &&
                                           e->sides[3] == s.w
                                     : e->rank == 1 && e->sides[0] == shape_count(s);
        if (!fits)
            fail_msg("%s: %s has another shape", path, w->name);
        float *values = check_floats(s);
        assert_true(pth_read(file, e, values));
        assert_true(tensor_upload(test_gpu(), &w->value, values));
        free(values);
        used++;
    }
    for (size_t i = 0; i < pth_count(file); i++) {
        const char *name = pth_at(file, i)->name, *last = strrchr(name, '.');
        used += last && strcmp(last + 1, count_name) == 0;
    }
    if (used != pth_count(file))
        fail_msg("%s has weights that the network has not", path);
    pth_close(file);
}

struct export_state {
    const struct weight **sources;    // NULL: a count of batches
};

static bool export_values(void *user, size_t tensor, void *data)
{
    const struct export_state *s = user;
    if (s->sources[tensor])
        return tensor_download(test_gpu(), &s->sources[tensor]->value, data);
    memset(data, 0, sizeof(int64_t));
    return true;
}

void parity_export(struct weights *weights, const char *path)
{
    struct pth_tensor *tensors = calloc(2 * weights->count, sizeof(*tensors));
    struct export_state s = { calloc(2 * weights->count, sizeof(*s.sources)) };
    char **names = calloc(weights->count, sizeof(*names));
    size_t count = 0, name_count = 0;
    assert_true(tensors && s.sources && names);
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *w = weights->items[i];
        const struct shape shape = w->value.shape;
        tensors[count] = (struct pth_tensor){
            .name = w->name, .kind = "F32", .rank = 1, .sides = { shape_count(shape) }
        };
        if (is_conv(w)) {
            tensors[count].rank = 4;
            tensors[count].sides[0] = shape.n;
            tensors[count].sides[1] = shape.c;
            tensors[count].sides[2] = shape.h;
            tensors[count].sides[3] = shape.w;
        }
        s.sources[count++] = w;
        if (w->kind == WEIGHT_RUNNING_VARIANCE) {
            const int prefix = (int)(strrchr(w->name, '.') - w->name);
            names[name_count] = mem_printf("%.*s.%s", prefix, w->name, count_name);
            tensors[count++] =
                (struct pth_tensor){ .name = names[name_count++], .kind = "I64" };
        }
    }
    assert_true(pth_write(path, tensors, count, export_values, &s));
    for (size_t i = 0; i < name_count; i++)
        mem_free(names[i]);
    free(names);
    free(s.sources);
    free(tensors);
}
