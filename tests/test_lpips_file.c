// SPDX-License-Identifier: MIT
//
// The weights of LPIPS are taken from the files that users can download, in every form,
// and give the same file to the byte; what is something else is refused with one
// message.

#define _XOPEN_SOURCE 700

#include "store/lpips_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/os.h"
#include "formats/pth.h"
#include "formats/safetensors.h"
#include "store/checkpoint.h"
#include "store/lpips_convert.h"
#include "store/weight_names.h"
#include "support/lpips_weights.h"
#include "support/network_files.h"
#include "support/tree.h"

#define FOLDER "test_lpips_file.scratch"
#define BACKBONE FOLDER "/backbone.pth"
#define HEADS FOLDER "/heads.pth"
#define BOTH FOLDER "/both.pth"
#define OUT FOLDER "/out.safetensors"
#define AGAIN FOLDER "/again.safetensors"

static int setup(void **state)
{
    (void)state;
    return network_open(FOLDER);
}

static int teardown(void **state)
{
    (void)state;
    return network_close(FOLDER);
}

// ---------------------------------------------------------------------------
// Files of torch.save

#define TENSORS_MAX 80

enum { FEATURES = 1, LINEAR = 2 };

struct dump {
    struct pth_tensor tensors[TENSORS_MAX];
    char names[TENSORS_MAX][64];
    const char *values[TENSORS_MAX];    // the name that gives them
    const char *spoilt;                 // a tensor with a value that is not finite
    bool half;                          // tensors are F16
    size_t count;
};

static struct pth_tensor *add(struct dump *d, const char *name, const char *values)
{
    assert_true(d->count < TENSORS_MAX);
    const size_t i = d->count++;
    snprintf(d->names[i], sizeof(d->names[i]), "%s", name);
    d->tensors[i] = (struct pth_tensor){ .name = d->names[i], .kind = "F32" };
    d->values[i] = values;
    return &d->tensors[i];
}

static bool is_head(const char *name)
{
    return strncmp(name, "lin", 3) == 0;
}

// The slice of the package's SqueezeNet that has a layer of torchvision's.
static unsigned slice_of(const char *name)
{
    static const unsigned firsts[] = { 2, 5, 8, 10, 11, 12, 13 };
    unsigned index = (unsigned)atoi(name + strlen("features.")), slice = 0;
    while (firsts[slice] <= index)
        slice++;
    return slice + 1;
}

// Adds weights by torchvision's names and by those of the package's heads, or as in its
// module, or with the heads as vectors.
enum style { AS_DOWNLOADED, AS_MODULE, AS_VECTORS };

static void add_weights(struct dump *d, const struct weights *weights, int parts,
                        enum style style)
{
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *w = weights->items[i];
        char name[64];
        if (!(parts & (is_head(w->name) ? LINEAR : FEATURES)))
            continue;
        snprintf(name, sizeof(name), "%s", w->name);
        if (is_head(w->name) && style != AS_VECTORS)
            snprintf(name, sizeof(name), "%.4s.model.1.weight", w->name);
        else if (!is_head(w->name) && style == AS_MODULE)
            snprintf(name, sizeof(name), "net.slice%u.%s", slice_of(w->name),
                     w->name + strlen("features."));
        struct pth_tensor *t = add(d, name, w->name);
        t->rank = weight_names_sides(w, t->sides);
        if (is_head(w->name) && style != AS_VECTORS) {
            t->rank = 4;
            t->sides[1] = t->sides[0];
            t->sides[0] = t->sides[2] = t->sides[3] = 1;
        }
    }
}

static void add_vector(struct dump *d, const char *name, uint64_t count)
{
    struct pth_tensor *t = add(d, name, name);
    t->rank = 1;
    t->sides[0] = count;
}

static bool fill_values(void *user, size_t i, void *data)
{
    const struct dump *d = user;
    uint64_t count = 1;
    for (uint32_t k = 0; k < d->tensors[i].rank; k++)
        count *= d->tensors[i].sides[k];
    for (uint64_t k = 0; k < count; k++) {
        const float value = network_value(d->values[i], (size_t)k);
        if (d->half)
            ((uint16_t *)data)[k] = bytes_half_bits(value);
        else
            ((float *)data)[k] = value;
    }
    if (d->spoilt && strcmp(d->spoilt, d->names[i]) == 0)
        ((float *)data)[count / 2] = NAN;
    return true;
}

static void write_dump(const char *path, struct dump *d)
{
    for (size_t i = 0; d->half && i < d->count; i++)
        d->tensors[i].kind = "F16";
    assert_true(pth_write(path, d->tensors, d->count, fill_values, d));
}

static void write_weights(const char *path, const struct weights *weights, int parts,
                          enum style style)
{
    static struct dump d;
    d = (struct dump){ 0 };
    add_weights(&d, weights, parts, style);
    write_dump(path, &d);
}

// ---------------------------------------------------------------------------
// What is accepted

static bool convert(const char *backbone, const char *heads, const char *output)
{
    network_forget_messages();
    const struct pix_lpips_options options = { .backbone = backbone,
                                               .heads = heads,
                                               .output = output };
    const bool ok = lpips_convert_run(&options);
    assert_int_equal(network_errors(), ok ? 0 : 1);
    return ok;
}

static void check_convert(const char *backbone, const char *heads, const char *output)
{
    if (!convert(backbone, heads, output))
        fail_msg("%s", network_last_error());
}

static void check_same_file(const char *a, const char *b)
{
    void *data[2];
    size_t size[2];
    struct reason reason;
    assert_true(file_load(a, UINT32_MAX, &data[0], &size[0], &reason));
    assert_true(file_load(b, UINT32_MAX, &data[1], &size[1], &reason));
    assert_int_equal(size[0], size[1]);
    if (memcmp(data[0], data[1], size[0]) != 0)
        fail_msg("%s and %s differ", a, b);
    mem_free(data[0]);
    mem_free(data[1]);
}

static float half_value(const char *name, size_t i)
{
    return bytes_half_value(bytes_half_bits(network_value(name, i)));
}

static void check_content(const char *path, enum lpips_backbone b,
                          const struct weights *weights,
                          float (*value)(const char *name, size_t i))
{
    struct safetensors *s = safetensors_open(path);
    assert_non_null(s);
    assert_true(safetensors_has_sums(s));
    assert_string_equal(safetensors_metadata(s, "pix2pix.network"), "LPIPS");
    assert_string_equal(safetensors_metadata(s, "pix2pix.backbone"),
                        lpips_backbone_name(b));
    assert_int_equal(safetensors_count(s), weights->count);
    for (size_t i = 0; i < weights->count; i++) {
        const struct weight *w = weights->items[i];
        const uint64_t count = shape_count(w->value.shape);
        const struct safetensors_entry *e = safetensors_find(s, w->name);
        assert_non_null(e);
        assert_int_equal(e->end - e->begin, count * sizeof(float));
        float *values = mem_alloc((size_t)count * sizeof(float));
        assert_true(safetensors_read(s, e, values));
        for (uint64_t k = 0; k < count; k++)
            assert_true(values[k] == value(w->name, (size_t)k));
        mem_free(values);
    }
    safetensors_close(s);
    struct lpips_file *f = lpips_file_open(path, NULL, "test");
    assert_non_null(f);
    assert_int_equal(lpips_file_backbone(f), b);
    lpips_file_close(f);
}

// torchvision's file with its classifier and the package's heads; one file with both,
// of either kind; the package's module. All give one and the same file.
static void test_forms(void **state)
{
    (void)state;
    static struct dump d;
    for (enum lpips_backbone b = LPIPS_ALEX; b <= LPIPS_SQUEEZE; b++) {
        struct weights *weights = lpips_weights_create(b);
        d = (struct dump){ 0 };
        add_weights(&d, weights, FEATURES, AS_DOWNLOADED);
        add_vector(&d, "classifier.1.weight", 40);
        add_vector(&d, "classifier.1.bias", 10);
        write_dump(BACKBONE, &d);
        write_weights(HEADS, weights, LINEAR, AS_DOWNLOADED);
        check_convert(BACKBONE, HEADS, OUT);
        assert_non_null(strstr(network_infos(), "2 other tensors (first: "
                                                "\"classifier.1.weight\") are not"));
        assert_non_null(strstr(network_infos(), lpips_backbone_title(b)));
        check_content(OUT, b, weights, network_value);

        write_weights(BOTH, weights, FEATURES | LINEAR, AS_VECTORS);
        check_convert(BOTH, NULL, AGAIN);
        check_same_file(OUT, AGAIN);
        check_convert(OUT, "", AGAIN);
        assert_null(strstr(network_infos(), "other"));
        check_same_file(OUT, AGAIN);
        // Heads in both files: those of the second count, of the first nothing is said
        // but that they are not used.
        check_convert(BOTH, HEADS, AGAIN);
        check_same_file(OUT, AGAIN);
        weights_destroy(weights);
    }
    struct weights *weights = lpips_weights_create(LPIPS_SQUEEZE);
    d = (struct dump){ 0 };
    add_weights(&d, weights, FEATURES | LINEAR, AS_MODULE);
    add_vector(&d, "scaling_layer.shift", 3);
    add_vector(&d, "lins.0.model.1.weight", 64);
    write_dump(BOTH, &d);
    check_convert(BOTH, NULL, AGAIN);
    check_same_file(OUT, AGAIN);
    // Of F16.
    d = (struct dump){ .half = true };
    add_weights(&d, weights, FEATURES | LINEAR, AS_DOWNLOADED);
    write_dump(BOTH, &d);
    check_convert(BOTH, NULL, AGAIN);
    assert_non_null(strstr(network_infos(), "has F16 tensors, which are read as F32"));
    check_content(AGAIN, LPIPS_SQUEEZE, weights, half_value);
    weights_destroy(weights);
}

// ---------------------------------------------------------------------------
// What is not

static void check_refused(const char *backbone, const char *heads, const char *why)
{
    assert_false(convert(backbone, heads, AGAIN));
    network_check_says(why);
    network_check_says("convert: ");
    assert_false(file_exists(AGAIN));
}

static void test_refused(void **state)
{
    (void)state;
    static struct dump d;
    struct weights *weights = lpips_weights_create(LPIPS_SQUEEZE);
    struct weights *others = lpips_weights_create(LPIPS_ALEX);
    test_remove_tree(AGAIN);
    write_weights(BACKBONE, weights, FEATURES, AS_DOWNLOADED);
    write_weights(HEADS, weights, LINEAR, AS_DOWNLOADED);

    check_refused(BACKBONE, NULL, "without the heads of LPIPS: make a file of both");
    check_refused(BACKBONE, BACKBONE, "holds no heads of LPIPS");
    check_refused(HEADS, BACKBONE, "the backbone's file comes first");
    check_refused(HEADS, NULL, "no network that LPIPS looks through");
    check_refused(FOLDER "/absent.pth", HEADS, "absent.pth");
    check_refused(BACKBONE, FOLDER "/absent.pth", "absent.pth does not exist");
    check_refused(FOLDER, HEADS, FOLDER " is a folder");

    // Heads of another backbone: too few and too many.
    write_weights(BOTH, others, LINEAR, AS_DOWNLOADED);
    check_refused(BACKBONE, BOTH,
                  "tensor lin1.model.1.weight is [1, 192, 1, 1], but "
                  "the network needs [1, 128, 1, 1]");
    write_weights(BOTH, others, FEATURES, AS_DOWNLOADED);
    check_refused(BOTH, HEADS, "lin1.model.1.weight is [1, 128, 1, 1]");
    d = (struct dump){ 0 };
    add_weights(&d, weights, LINEAR, AS_DOWNLOADED);
    add_vector(&d, "lin7.weight", 512);
    write_dump(BOTH, &d);
    check_refused(BACKBONE, BOTH,
                  "has a tensor lin7.weight, which LPIPS with "
                  "SqueezeNet 1.1 does not have");

    // A layer too many, and one that is missing.
    d = (struct dump){ 0 };
    add_weights(&d, weights, FEATURES, AS_DOWNLOADED);
    add_vector(&d, "features.13.bias", 5);
    write_dump(BOTH, &d);
    check_refused(BOTH, HEADS, "has a tensor features.13.bias, which");
    d.count -= 2;
    write_dump(BOTH, &d);
    check_refused(BOTH, HEADS, "has no tensor features.12.expand3x3.bias, required");

    // VGG-16 by its first layers.
    d = (struct dump){ 0 };
    for (int i = 0; i < 3; i += 2) {
        struct pth_tensor *t =
            add(&d, i ? "features.2.weight" : "features.0.weight", "v");
        t->rank = 4;
        t->sides[0] = 64;
        t->sides[1] = i ? 64 : 3;
        t->sides[2] = t->sides[3] = 3;
    }
    add_weights(&d, weights, LINEAR, AS_DOWNLOADED);
    write_dump(BOTH, &d);
    check_refused(BOTH, NULL, "(LPIPS with VGG-16) has no tensor features.0.bias");

    d = (struct dump){ .spoilt = "features.7.squeeze.weight" };
    add_weights(&d, weights, FEATURES | LINEAR, AS_VECTORS);
    write_dump(BOTH, &d);
    check_refused(BOTH, NULL,
                  "features.7.squeeze.weight has values that are not finite");
    weights_destroy(weights);
    weights_destroy(others);
}

static void test_outputs(void **state)
{
    (void)state;
    struct weights *weights = lpips_weights_create(LPIPS_SQUEEZE);
    write_weights(BOTH, weights, FEATURES | LINEAR, AS_VECTORS);
    check_convert(BOTH, NULL, OUT);
    assert_false(convert(BOTH, NULL, FOLDER "/out.pth"));
    network_check_says("must end in .safetensors");
    assert_false(convert(NULL, NULL, OUT));
    network_check_says("name the file of the backbone");
    assert_false(convert(BOTH, NULL, ""));
    network_check_says("the file to write");
    assert_false(convert(OUT, NULL, OUT));
    network_check_says("would be overwritten");
    assert_false(convert(BOTH, FOLDER "/../" FOLDER "/out.safetensors", OUT));
    network_check_says("would be overwritten");
    assert_false(convert(BOTH, NULL, FOLDER "/none/out.safetensors"));
    network_check_says("none/out.safetensors");

    struct safetensors_writer w;
    safetensors_begin(&w);
    safetensors_put_metadata(&w, CHECKPOINT_STEP, "5");
    assert_true(safetensors_begin_data(&w, AGAIN) && safetensors_commit(&w));
    assert_false(convert(BOTH, NULL, AGAIN));
    network_check_says("is a checkpoint, which its run needs");
    weights_destroy(weights);
}

// ---------------------------------------------------------------------------

static void check_list(size_t count, const char *const *names)
{
    struct file_list list;
    assert_true(lpips_file_list(&list));
    assert_int_equal(list.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(file_name(list.names[i]), names[i]);
    for (size_t i = 0; i < count; i++)
        assert_true(file_exists(list.names[i]));
    file_list_free(&list);
}

// The files of the user's own folder, in the order of their names, and no others.
static void test_list(void **state)
{
    (void)state;
    static const char *const found[] = { "lpips-alex.safetensors",
                                         "lpips-mine.safetensors" };
    static const char *const files[] = { "lpips-mine.safetensors", "lpips-alex.pth",
                                         "lpips-alex.safetensors",
                                         "other.safetensors" };
    char *here = os_path_absolute("."),
         *before = mem_strdup(getenv("XDG_DATA_HOME") ? getenv("XDG_DATA_HOME") : "");
    char *home = mem_printf("%s/" FOLDER "/user", here);
    assert_int_equal(setenv("XDG_DATA_HOME", home, 1), 0);
    check_list(0, NULL);
    assert_true(file_make_folder(FOLDER "/user/pix2pix"));
    check_list(0, NULL);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char path[256];
        snprintf(path, sizeof(path), FOLDER "/user/pix2pix/%s", files[i]);
        assert_true(file_write(path, "x", 1));
    }
    check_list(2, found);
    // A file in the place of the folder cannot be listed.
    assert_true(test_remove_tree(FOLDER "/user/pix2pix"));
    assert_true(file_write(FOLDER "/user/pix2pix", "x", 1));
    struct file_list list;
    network_forget_messages();
    assert_false(lpips_file_list(&list));
    assert_int_equal(network_errors(), 1);
    setenv("XDG_DATA_HOME", before, 1);
    mem_free(home);
    mem_free(before);
    mem_free(here);
    assert_non_null(strstr(lpips_file_hint(), "docs/metrics.md"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
