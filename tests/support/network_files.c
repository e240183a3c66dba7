// SPDX-License-Identifier: MIT
//
// Files of one network for tests. See network_files.h.

#include "support/network_files.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "formats/pth.h"
#include "graph/graph.h"
#include "store/weight_names.h"
#include "support/gpu.h"
#include "support/tree.h"

static char last_text[4096], last_warning[4096], infos[4096];
static unsigned error_count;

static void keep_message(void *user, enum log_level level, const char *text)
{
    (void)user;
    if (level == LOG_ERROR) {
        snprintf(last_text, sizeof(last_text), "%s", text);
        error_count++;
    }
    if (level == LOG_WARN)
        snprintf(last_warning, sizeof(last_warning), "%s", text);
    if (level == LOG_INFO)
        snprintf(infos + strlen(infos), sizeof(infos) - strlen(infos), "%s\n", text);
}

static const struct log_sink sink = { keep_message, NULL, LOG_INFO };

int network_open(const char *folder)
{
    log_use(&sink);
    network_forget_messages();
    return file_make_folder(folder) ? 0 : -1;
}

int network_close(const char *folder)
{
    test_remove_tree(folder);
    log_use(NULL);
    return 0;
}

int network_setup(void **folder)
{
    return network_open(*folder);
}

int network_teardown(void **folder)
{
    return network_close(*folder);
}

unsigned network_errors(void)
{
    return error_count;
}

const char *network_last_error(void)
{
    return last_text;
}

const char *network_last_warning(void)
{
    return last_warning;
}

const char *network_infos(void)
{
    return infos;
}

void network_forget_messages(void)
{
    last_text[0] = last_warning[0] = infos[0] = '\0';
    error_count = 0;
}

void network_check_says(const char *part)
{
    if (!strstr(last_text, part))
        fail_msg("the message \"%s\" does not say \"%s\"", last_text, part);
}

// ---------------------------------------------------------------------------
// Networks and files of them

struct weights *network_generator_weights(const struct generator_options *o)
{
    const struct op_limits limits = test_guaranteed_limits();
    struct graph *g = graph_create(&limits);
    struct weights *weights = weights_create(true);
    const uint32_t side = 4 * generator_multiple(o);
    assert_non_null(generator_build(
        g, weights,
        graph_input(g, "x", (struct shape){ 1, o->channels_in, side, side },
                    TENSOR_F32),
        o, (struct model_mode){ .no_dropout = true, .keep_running = true }));
    graph_destroy(g);
    return weights;
}

struct weights *network_discriminator_weights(const struct discriminator_options *o,
                                              uint32_t channels)
{
    const struct op_limits limits = test_guaranteed_limits();
    struct graph *g = graph_create(&limits);
    struct weights *weights = weights_create(true);
    assert_non_null(discriminator_build(
        g, weights,
        graph_input(g, "x", (struct shape){ 1, channels, 256, 256 }, TENSOR_F32), o,
        (struct model_mode){ .keep_running = true }));
    graph_destroy(g);
    return weights;
}

float network_value(const char *name, size_t i)
{
    const uint64_t hash = hash_bytes(HASH_START, name, strlen(name));
    return (float)((hash ^ (i * 2654435761u)) % 100003) / 50000.0f - 1.0f;
}

bool network_dump_values(void *user, size_t i, void *data)
{
    const struct network_dump *d = user;
    const struct weight *w = d->weights->items[i];
    for (size_t k = 0; k < shape_count(w->value.shape); k++)
        ((float *)data)[k] = network_value(w->name, k);
    return true;
}

const char *network_own_name(const struct weight *w, char text[256])
{
    (void)text;
    return w->name;
}

void network_write_pth(const char *path, const struct network_dump *d)
{
    struct pth_tensor *tensors = mem_array(d->weights->count, sizeof(tensors[0]));
    char(*names)[256] = mem_array(d->weights->count, sizeof(names[0]));
    for (size_t i = 0; i < d->weights->count; i++) {
        const struct weight *w = d->weights->items[i];
        tensors[i].name = d->name(w, names[i]);
        tensors[i].kind = "F32";
        tensors[i].rank = weight_names_sides(w, tensors[i].sides);
    }
    assert_true(
        pth_write(path, tensors, d->weights->count, network_dump_values, (void *)d));
    mem_free(names);
    mem_free(tensors);
}

void network_write_safetensors(struct safetensors_writer *w, const char *path,
                               const struct network_dump *d)
{
    for (size_t i = 0; i < d->weights->count; i++) {
        uint64_t shape[SAFETENSORS_RANK_MAX];
        const struct weight *each = d->weights->items[i];
        const uint32_t rank = weight_names_sides(each, shape);
        safetensors_describe(w, each->name, "F32", shape, rank,
                             tensor_bytes(&each->value));
    }
    assert_true(safetensors_begin_data(w, path));
    for (size_t i = 0; i < d->weights->count; i++) {
        const size_t bytes = (size_t)tensor_bytes(&d->weights->items[i]->value);
        void *values = mem_alloc(bytes);
        assert_true(network_dump_values((void *)d, i, values));
        assert_true(safetensors_put_data(w, values, bytes));
        mem_free(values);
    }
    assert_true(safetensors_commit(w));
    safetensors_abort(w);
}

void network_check_values(struct network_file *f, const struct weights *weights)
{
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *w = weights->items[i];
        const size_t count = (size_t)shape_count(w->value.shape);
        float *values = mem_array(count, sizeof(values[0]));
        assert_true(network_file_read(f, w, true, values));
        for (size_t k = 0; k < count; k++)
            if (values[k] != network_value(w->name, k))
                fail_msg("%s[%zu] is %g, not %g", w->name, k, (double)values[k],
                         (double)network_value(w->name, k));
        mem_free(values);
    }
}
