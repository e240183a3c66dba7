// SPDX-License-Identifier: MIT
//
// The safetensors format: eight bytes with the size of a JSON header, the header, then
// the tensors. Numbers are little-endian, as on every machine that has Vulkan. Tensors
// follow each other without gaps and 8-byte ones come first, so all are aligned.

#include "train/checkpoint.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/os.h"
#include "train/options.h"
#include "train/schedule.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_SIZE 8             // the header's size, in front of it
#define HEADER_MAX (16u << 20)    // bytes; ours has about 60 KiB
#define TENSORS_MAX 65536u        // in one file
#define RANK_MAX 8u               // of a tensor; ours have 0, 1 or 4
#define SEEK_STEP (1 << 30)       // bytes; an int everywhere
#define NAME_FORMAT "step-%08" PRIu64 ".safetensors"

struct kind {
    const char *name;
    uint32_t size;    // bytes of an element
};

static const struct kind kinds[] = {
    { "F32", 4 }, { "I64", 8 }, { "F64", 8 },  { "F16", 2 }, { "BF16", 2 },
    { "I32", 4 }, { "I16", 2 }, { "I8", 1 },   { "U64", 8 }, { "U32", 4 },
    { "U16", 2 }, { "U8", 1 },  { "BOOL", 1 },
};

// A tensor of a file that is read.
struct entry {
    char *name;
    const struct kind *kind;
    uint32_t rank;
    uint64_t sides[RANK_MAX];
    uint64_t begin, end;    // after the header
};

struct checkpoint {
    char *path;
    FILE *stream;
    uint64_t data;            // offset of the tensors in the file
    struct entry *entries;    // by name
    size_t count, capacity;
    struct checkpoint_state state;
    struct pix_train_options options;
};

static bool is_vector(const struct weight *w)
{
    return w->kind != WEIGHT_CONV && w->kind != WEIGHT_CONV_TRANSPOSE;
}

// The sides of a weight in a file; returns how many.
static uint32_t sides_of(const struct weight *w, uint64_t sides[RANK_MAX])
{
    struct shape s = w->value.shape;
    if (is_vector(w)) {
        assert(s.n == 1 && s.h == 1 && s.w == 1);
        sides[0] = s.c;
        return 1;
    }
    sides[0] = s.n;
    sides[1] = s.c;
    sides[2] = s.h;
    sides[3] = s.w;
    return 4;
}

// ---------------------------------------------------------------------------
// Writing

struct writing {
    const struct checkpoint_state *state;
    struct json_writer json;
    uint64_t offset;

    struct file_writer file;
    struct gpu_device *device;
    bool (*download)(struct gpu_device *device, const struct tensor *t, void *data);
    void *scratch;    // as large as the largest tensor
};

// A counter of batches that the port keeps beside each running mean. Its value is the
// number of training forwards: D runs three times a step, on real, on fake and for G.
static uint64_t batches(const char *network, uint64_t step)
{
    return strcmp(network, "D") == 0 ? 3 * step : step;
}

#define COUNTER_OF "running_mean"

static bool has_counter(const struct weight *w)
{
    return w->kind == WEIGHT_RUNNING_MEAN;
}

static char *counter_name(const char *network, const struct weight *w)
{
    size_t length = strlen(w->name), tail = strlen(COUNTER_OF);
    assert(length >= tail && strcmp(w->name + length - tail, COUNTER_OF) == 0);
    return mem_printf("%s.%.*snum_batches_tracked", network, (int)(length - tail),
                      w->name);
}

// Names one tensor in the header; takes `name`.
static bool describe(struct writing *w, char *name, const char *kind,
                     const uint64_t *sides, uint32_t rank, uint64_t bytes)
{
    if (!name)
        return false;
    json_begin_object(&w->json, name);
    json_string(&w->json, "dtype", kind);
    json_begin_array(&w->json, "shape");
    for (uint32_t i = 0; i < rank; i++)
        json_u64(&w->json, NULL, sides[i]);
    json_end_array(&w->json);
    json_begin_array(&w->json, "data_offsets");
    json_u64(&w->json, NULL, w->offset);
    json_u64(&w->json, NULL, w->offset + bytes);
    json_end_array(&w->json);
    json_end_object(&w->json);
    w->offset += bytes;
    mem_free(name);
    return true;
}

static bool describe_tensor(struct writing *w, char *name, const struct weight *weight)
{
    uint64_t sides[RANK_MAX];
    uint32_t rank = sides_of(weight, sides);
    return describe(w, name, "F32", sides, rank, tensor_bytes(&weight->value));
}

static bool write_tensor(struct writing *w, const struct tensor *t)
{
    return w->download(w->device, t, w->scratch) &&
           file_writer_write(&w->file, w->scratch, (size_t)tensor_bytes(t));
}

// The four passes over the weights, in the order of the file. Each either names its
// tensors in the header or writes them.

static bool pass_counters(struct writing *w, const char *network,
                          const struct weights *weights, bool header)
{
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *weight = weights->items[i];
        if (!has_counter(weight))
            continue;
        uint64_t value = batches(network, w->state->step);
        bool ok = header ? describe(w, counter_name(network, weight), "I64", NULL, 0,
                                    sizeof(value))
                         : file_writer_write(&w->file, &value, sizeof(value));
        if (!ok)
            return false;
    }
    return true;
}

static bool pass_values(struct writing *w, const char *network,
                        const struct weights *weights, bool header)
{
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *weight = weights->items[i];
        bool ok =
            header
                ? describe_tensor(w, mem_printf("%s.%s", network, weight->name), weight)
                : write_tensor(w, &weight->value);
        if (!ok)
            return false;
    }
    return true;
}

static bool pass_moments(struct writing *w, const char *network,
                         const struct weights *weights, bool header)
{
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *weight = weights->items[i];
        if (!weight_is_trained(weight))
            continue;
        bool ok =
            header
                ? describe_tensor(w, mem_printf("adam.%s.%s.m", network, weight->name),
                                  weight) &&
                      describe_tensor(
                          w, mem_printf("adam.%s.%s.v", network, weight->name), weight)
                : write_tensor(w, &weight->m) && write_tensor(w, &weight->v);
        if (!ok)
            return false;
    }
    return true;
}

static bool all_passes(struct writing *w, const struct weights *generator,
                       const struct weights *discriminator, bool header)
{
    return pass_counters(w, "G", generator, header) &&
           pass_counters(w, "D", discriminator, header) &&
           pass_values(w, "G", generator, header) &&
           pass_values(w, "D", discriminator, header) &&
           pass_moments(w, "G", generator, header) &&
           pass_moments(w, "D", discriminator, header);
}

// Metadata of safetensors is text by text, so ours is JSON inside JSON.
static bool add_text(struct json_writer *to, const char *key, struct json_writer *from)
{
    char *text = json_writer_finish(from);
    if (!text)
        return false;
    json_string(to, key, text);
    mem_free(text);
    return true;
}

static bool add_metadata(struct json_writer *to, const struct checkpoint_state *state)
{
    const struct pix_train_options *o = state->options;
    struct json_writer part = { 0 };
    char step[24];

    json_begin_object(to, "__metadata__");
    snprintf(step, sizeof(step), "%" PRIu64, state->step);
    json_string(to, "pix2pix.step", step);

    options_write_json(&part, NULL, o);
    if (!add_text(to, "pix2pix.options", &part))
        return false;

    json_begin_object(&part, NULL);
    json_string(&part, "kind", "linear");
    json_u64(&part, "epoch", state->epoch);
    json_u64(&part, "n_epochs", o->n_epochs);
    json_u64(&part, "n_epochs_decay", o->n_epochs_decay);
    json_double(&part, "lr", o->lr * schedule_factor(o, state->epoch));
    json_end_object(&part);
    if (!add_text(to, "pix2pix.schedule", &part))
        return false;

    json_begin_object(&part, NULL);
    json_u64(&part, "position", state->step * o->batch_size);
    json_u64(&part, "images", state->images);
    json_bool(&part, "shuffle", !o->serial_batches);
    json_end_object(&part);
    if (!add_text(to, "pix2pix.sampler", &part))
        return false;

    // Every random number is a function of the seed and a position.
    json_begin_object(&part, NULL);
    json_u64(&part, "seed", o->seed);
    json_u64(&part, "step", state->step);
    json_end_object(&part);
    if (!add_text(to, "pix2pix.random", &part))
        return false;
    json_end_object(to);
    return true;
}

static uint64_t largest_tensor(const struct weights *weights)
{
    uint64_t largest = 0;
    for (size_t i = 0; i < weights->count; i++)
        largest = MAX(largest, tensor_bytes(&weights->items[i]->value));
    return largest;
}

bool checkpoint_write(const char *path, const struct checkpoint_state *state,
                      const struct weights *generator,
                      const struct weights *discriminator, struct gpu_device *device,
                      bool (*download)(struct gpu_device *device,
                                       const struct tensor *t, void *data))
{
    static const char spaces[8] = "        ";
    struct writing w = { .state = state, .device = device, .download = download };
    uint8_t prefix[PREFIX_SIZE];
    char *header = NULL;

    json_begin_object(&w.json, NULL);
    bool described =
        add_metadata(&w.json, state) && all_passes(&w, generator, discriminator, true);
    json_end_object(&w.json);
    header = json_writer_finish(&w.json);    // frees what a failure left
    if (!described || !header)
        goto fail;
    size_t length = strlen(header), padded = ALIGN_UP(length, sizeof(spaces));
    for (size_t i = 0; i < PREFIX_SIZE; i++)
        prefix[i] = (uint8_t)((uint64_t)padded >> (8 * i));

    w.scratch = mem_alloc(
        (size_t)MAX(largest_tensor(generator), largest_tensor(discriminator)));
    if (!w.scratch || !file_writer_begin(&w.file, path))
        goto fail;
    if (!file_writer_write(&w.file, prefix, sizeof(prefix)) ||
        !file_writer_write(&w.file, header, length) ||
        !file_writer_write(&w.file, spaces, padded - length) ||
        !all_passes(&w, generator, discriminator, false) ||
        !file_writer_commit(&w.file))
        goto fail;
    mem_free(w.scratch);
    mem_free(header);
    return true;

fail:
    log_error("checkpoint: %s was not written; earlier checkpoints are as they were",
              path);
    file_writer_abort(&w.file);
    mem_free(w.scratch);
    mem_free(header);
    return false;
}

// ---------------------------------------------------------------------------
// Reading: the file

static bool seek(FILE *stream, uint64_t offset)
{
    if (fseek(stream, 0, SEEK_SET) != 0)
        return false;
    while (offset > 0) {
        int step = (int)MIN(offset, (uint64_t)SEEK_STEP);
        if (fseek(stream, step, SEEK_CUR) != 0)
            return false;
        offset -= (uint64_t)step;
    }
    return true;
}

// Whether a file has at least this many bytes.
static bool reaches(FILE *stream, uint64_t size)
{
    return size == 0 || (seek(stream, size - 1) && fgetc(stream) != EOF);
}

static bool foreign(const char *path, const char *why)
{
    log_error("checkpoint: %s is not a checkpoint of pix2pix: %s", path, why);
    return false;
}

// The header's text, NUL-terminated; caller frees.
static char *read_header(struct checkpoint *c, size_t *size)
{
    uint8_t prefix[PREFIX_SIZE];
    uint64_t length = 0;
    char *text = NULL;

    size_t count = fread(prefix, 1, sizeof(prefix), c->stream);
    if (ferror(c->stream)) {
        log_error("checkpoint: can not read %s: %s", c->path, os_error_text());
        return NULL;
    }
    if (count < sizeof(prefix)) {
        foreign(c->path, count ? "it has fewer than 8 bytes" : "it is empty");
        return NULL;
    }
    for (size_t i = 0; i < PREFIX_SIZE; i++)
        length |= (uint64_t)prefix[i] << (8 * i);
    int first = fgetc(c->stream);
    if (length < 2 || length > HEADER_MAX || first != '{') {
        foreign(c->path, "it does not begin as a safetensors file does");
        return NULL;
    }
    if (!reaches(c->stream, PREFIX_SIZE + length)) {
        log_error("checkpoint: %s is cut short: it ends inside its header", c->path);
        return NULL;
    }
    text = mem_alloc((size_t)length + 1);
    if (!text)
        return NULL;
    if (!seek(c->stream, PREFIX_SIZE) ||
        fread(text, 1, (size_t)length, c->stream) != (size_t)length) {
        log_error("checkpoint: can not read %s: %s", c->path, os_error_text());
        mem_free(text);
        return NULL;
    }
    text[length] = '\0';
    *size = (size_t)length;
    c->data = PREFIX_SIZE + length;
    return text;
}

// ---------------------------------------------------------------------------
// Reading: the header

static bool bad_tensor(const struct checkpoint *c, const char *name, const char *why)
{
    log_error("checkpoint: %s is damaged: tensor %s %s", c->path, name, why);
    return false;
}

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static bool read_entry(void *user, const char *key, struct json value)
{
    struct checkpoint *c = user;
    if (strcmp(key, "__metadata__") == 0)
        return true;

    struct json shape = json_get(value, "shape");
    struct json offsets = json_get(value, "data_offsets");
    struct entry e = { 0 };
    char *kind = json_to_string(json_get(value, "dtype"));
    e.kind = kind ? find_kind(kind) : NULL;
    mem_free(kind);
    if (!e.kind)
        return bad_tensor(c, key, "has no known dtype");
    if (!json_is_array(shape) || json_count(shape) > RANK_MAX)
        return bad_tensor(c, key, "has no usable shape");
    e.rank = (uint32_t)json_count(shape);
    uint64_t bytes = e.kind->size;
    for (uint32_t i = 0; i < e.rank; i++) {
        uint64_t *side = &e.sides[i];
        if (!json_to_u64(json_element(shape, i), side) ||
            (*side && bytes > (uint64_t)INT64_MAX / *side))
            return bad_tensor(c, key, "has no usable shape");
        bytes *= *side;
    }
    if (!json_is_array(offsets) || json_count(offsets) != 2 ||
        !json_to_u64(json_element(offsets, 0), &e.begin) ||
        !json_to_u64(json_element(offsets, 1), &e.end) || e.begin > e.end ||
        e.end > (uint64_t)INT64_MAX)
        return bad_tensor(c, key, "has no usable data_offsets");
    if (e.end - e.begin != bytes)
        return bad_tensor(c, key, "has data of another size than its shape");

    if (c->count == TENSORS_MAX)
        return bad_tensor(c, key, "is one too many");
    e.name = mem_strdup(key);
    if (!e.name || !mem_grow(&c->entries, &c->capacity, c->count + 1, sizeof(e))) {
        mem_free(e.name);
        return false;
    }
    c->entries[c->count++] = e;
    return true;
}

static int compare_places(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    if (left->begin != right->begin)
        return left->begin < right->begin ? -1 : 1;
    return (left->end > right->end) - (left->end < right->end);
}

static int compare_names(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    return strcmp(left->name, right->name);
}

// Places and names are checked in the order of each; the last order stays.
static bool check_entries(struct checkpoint *c)
{
    uint64_t end = 0;
    if (c->count == 0)
        return foreign(c->path, "it holds no tensors");
    qsort(c->entries, c->count, sizeof(*c->entries), compare_places);
    for (size_t i = 0; i < c->count; i++) {
        if (c->entries[i].begin < end)
            return bad_tensor(c, c->entries[i].name, "shares bytes with another");
        end = c->entries[i].end;
    }
    if (!reaches(c->stream, c->data + end)) {
        log_error("checkpoint: %s is cut short: its header names %" PRIu64
                  " bytes of tensors, the file ends before",
                  c->path, end);
        return false;
    }
    if (reaches(c->stream, c->data + end + 1)) {
        log_error("checkpoint: %s is damaged: bytes follow the last tensor", c->path);
        return false;
    }
    qsort(c->entries, c->count, sizeof(*c->entries), compare_names);
    for (size_t i = 1; i < c->count; i++)
        if (strcmp(c->entries[i - 1].name, c->entries[i].name) == 0)
            return bad_tensor(c, c->entries[i].name, "stands there twice");
    return true;
}

static bool parse_step(const char *text, uint64_t *step)
{
    size_t length = strspn(text, "0123456789");
    if (length == 0 || length > 18 || text[length])
        return false;
    *step = strtoull(text, NULL, 10);
    return true;
}

static bool read_options(struct checkpoint *c, const char *text)
{
    struct json_document *document = json_parse(text, strlen(text), c->path);
    bool ok = document && options_read_json(json_root(document), &c->options) &&
              options_resolve(&c->options);
    if (!ok)
        log_error("checkpoint: %s holds options that this version can not use: %s",
                  c->path, log_last_error());
    json_destroy(document);
    return ok;
}

// The number of images only warns when it differs, so a file without it will do.
static bool read_images(struct checkpoint *c, const char *text)
{
    struct json_document *document = json_parse(text, strlen(text), c->path);
    uint64_t images = 0;
    if (!document)
        return false;
    json_to_u64(json_get(json_root(document), "images"), &images);
    c->state.images = (uint32_t)MIN(images, (uint64_t)UINT32_MAX);
    json_destroy(document);
    return true;
}

static bool read_metadata(struct checkpoint *c, struct json metadata)
{
    char *step = json_to_string(json_get(metadata, "pix2pix.step"));
    char *options = json_to_string(json_get(metadata, "pix2pix.options"));
    char *sampler = json_to_string(json_get(metadata, "pix2pix.sampler"));
    bool ok = true;

    if (!step || !options)
        ok = foreign(c->path, "its metadata has no pix2pix.step and pix2pix.options");
    else if (!parse_step(step, &c->state.step))
        ok = foreign(c->path, "its pix2pix.step is not a number");
    ok = ok && read_options(c, options) && (!sampler || read_images(c, sampler));
    mem_free(step);
    mem_free(options);
    mem_free(sampler);
    return ok;
}

struct checkpoint *checkpoint_open(const char *path)
{
    struct json_document *document = NULL;
    char *header = NULL;
    size_t size = 0;
    struct checkpoint *c = mem_zalloc(sizeof(*c));
    if (!c)
        return NULL;
    pix_train_options_init(&c->options);
    c->state.options = &c->options;
    c->path = mem_strdup(path);
    if (!c->path)
        goto fail;

    enum os_kind kind = os_path_kind(path);
    if (kind == OS_KIND_NONE) {
        log_error("checkpoint: %s does not exist", path);
        goto fail;
    }
    if (kind != OS_KIND_FILE) {
        log_error("checkpoint: %s is not a file", path);
        goto fail;
    }
    c->stream = os_file_open(path, "rb");
    if (!c->stream) {
        log_error("checkpoint: can not open %s: %s", path, os_error_text());
        goto fail;
    }
    header = read_header(c, &size);
    if (!header)
        goto fail;
    document = json_parse(header, size, path);
    if (!document)
        goto fail;
    struct json root = json_root(document);
    if (!json_is_object(root)) {
        foreign(path, "its header is not a JSON object");
        goto fail;
    }
    if (!json_each(root, read_entry, c) || !check_entries(c) ||
        !read_metadata(c, json_get(root, "__metadata__")))
        goto fail;
    json_destroy(document);
    mem_free(header);
    return c;

fail:
    json_destroy(document);
    mem_free(header);
    checkpoint_close(c);
    return NULL;
}

void checkpoint_close(struct checkpoint *c)
{
    if (!c)
        return;
    if (c->stream)
        fclose(c->stream);
    for (size_t i = 0; i < c->count; i++)
        mem_free(c->entries[i].name);
    mem_free(c->entries);
    pix_train_options_finish(&c->options);
    mem_free(c->path);
    mem_free(c);
}

const struct checkpoint_state *checkpoint_get_state(const struct checkpoint *c)
{
    return &c->state;
}

// ---------------------------------------------------------------------------
// Reading: tensors

static const struct entry *find_entry(const struct checkpoint *c, const char *name)
{
    struct entry key = { .name = (char *)name };
    return bsearch(&key, c->entries, c->count, sizeof(key), compare_names);
}

#define SIDES_TEXT_SIZE 192

// "[64, 3, 4, 4]"
static const char *sides_text(const uint64_t *sides, uint32_t rank,
                              char text[SIDES_TEXT_SIZE])
{
    size_t used = (size_t)snprintf(text, SIDES_TEXT_SIZE, "[");
    for (uint32_t i = 0; i < rank; i++)
        used += (size_t)snprintf(text + used, SIDES_TEXT_SIZE - used, "%s%" PRIu64,
                                 i ? ", " : "", sides[i]);
    snprintf(text + used, SIDES_TEXT_SIZE - used, "]");
    return text;
}

// Takes `name`. With a transfer the tensor is read too.
struct transfer {
    struct gpu_device *device;
    bool (*upload)(struct gpu_device *device, struct tensor *t, const void *data);
    void *scratch;
};

static bool take(const struct checkpoint *c, char *name, const struct weight *w,
                 struct tensor *t, const struct transfer *transfer)
{
    bool ok = false;
    uint64_t sides[RANK_MAX];
    char have[SIDES_TEXT_SIZE], want[SIDES_TEXT_SIZE];
    if (!name)
        return false;

    uint32_t rank = sides_of(w, sides);
    const struct entry *e = find_entry(c, name);
    if (!e) {
        log_error("checkpoint: %s has no tensor %s, which its options ask for", c->path,
                  name);
    } else if (strcmp(e->kind->name, "F32") != 0) {
        log_error("checkpoint: %s: tensor %s is %s, not F32", c->path, name,
                  e->kind->name);
    } else if (e->rank != rank || memcmp(e->sides, sides, rank * sizeof(*sides)) != 0) {
        log_error("checkpoint: %s: tensor %s is %s, but the network needs %s", c->path,
                  name, sides_text(e->sides, e->rank, have),
                  sides_text(sides, rank, want));
    } else if (!transfer) {
        ok = true;
    } else {
        size_t bytes = (size_t)(e->end - e->begin);
        assert(bytes == tensor_bytes(t));
        if (!seek(c->stream, c->data + e->begin) ||
            fread(transfer->scratch, 1, bytes, c->stream) != bytes)
            log_error("checkpoint: can not read tensor %s of %s: %s", name, c->path,
                      os_error_text());
        else
            ok = transfer->upload(transfer->device, t, transfer->scratch);
    }
    mem_free(name);
    return ok;
}

static bool take_all(const struct checkpoint *c, const char *network,
                     const struct weights *weights, const struct transfer *transfer)
{
    for (size_t i = 0; i < weights->count; i++) {
        struct weight *w = weights->items[i];
        if (!take(c, mem_printf("%s.%s", network, w->name), w, &w->value, transfer))
            return false;
        if (weights->inference || !weight_is_trained(w))
            continue;
        if (!take(c, mem_printf("adam.%s.%s.m", network, w->name), w, &w->m,
                  transfer) ||
            !take(c, mem_printf("adam.%s.%s.v", network, w->name), w, &w->v, transfer))
            return false;
    }
    return true;
}

bool checkpoint_check(const struct checkpoint *c, const char *network,
                      const struct weights *weights)
{
    return take_all(c, network, weights, NULL);
}

bool checkpoint_load(struct checkpoint *c, const char *network,
                     const struct weights *weights, struct gpu_device *device,
                     bool (*upload)(struct gpu_device *device, struct tensor *t,
                                    const void *data))
{
    struct transfer transfer = { .device = device, .upload = upload };
    transfer.scratch = mem_alloc((size_t)largest_tensor(weights));
    bool ok = transfer.scratch && take_all(c, network, weights, &transfer);
    mem_free(transfer.scratch);
    return ok;
}

// ---------------------------------------------------------------------------
// The folder of checkpoints

char *checkpoint_folder(const char *run)
{
    return file_join(run, "checkpoints");
}

char *checkpoint_path(const char *run, uint64_t step)
{
    char name[64];
    char *folder = checkpoint_folder(run);
    snprintf(name, sizeof(name), NAME_FORMAT, step);
    char *path = folder ? file_join(folder, name) : NULL;
    mem_free(folder);
    return path;
}

// Takes names that checkpoint_path gives, nothing else.
static bool step_of_name(const char *name, uint64_t *step)
{
    char again[64];
    if (strncmp(name, "step-", 5) != 0)
        return false;
    size_t length = strspn(name + 5, "0123456789");
    if (length < 8 || length > 18)
        return false;
    *step = strtoull(name + 5, NULL, 10);
    snprintf(again, sizeof(again), NAME_FORMAT, *step);
    return strcmp(name, again) == 0;
}

static int newest_first(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return (*left < *right) - (*left > *right);
}

bool checkpoint_list(const char *run, uint64_t **steps, size_t *count)
{
    struct file_list files = { 0 };
    bool ok = false;
    char *folder = checkpoint_folder(run);
    *steps = NULL;
    *count = 0;
    if (!folder)
        return false;
    if (!file_exists(folder)) {
        ok = true;
        goto done;
    }
    if (!file_list_read(folder, &files))
        goto done;
    *steps = mem_array(files.count, sizeof(**steps));
    if (!*steps)
        goto done;
    for (size_t i = 0; i < files.count; i++)
        if (step_of_name(files.names[i], &(*steps)[*count]))
            ++*count;
    qsort(*steps, *count, sizeof(**steps), newest_first);
    ok = true;

done:
    file_list_free(&files);
    mem_free(folder);
    return ok;
}

void checkpoint_prune(const char *run, uint64_t newest, uint32_t keep)
{
    uint64_t *steps = NULL;
    size_t count = 0, kept = 0;
    if (!checkpoint_list(run, &steps, &count))
        return;
    for (size_t i = 0; i < count; i++) {
        if (steps[i] > newest || kept++ < keep)
            continue;
        char *path = checkpoint_path(run, steps[i]);
        if (path && !os_file_remove(path))
            log_warn("checkpoint: can not remove %s: %s", path, os_error_text());
        mem_free(path);
    }
    mem_free(steps);
}
