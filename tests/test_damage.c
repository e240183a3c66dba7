// SPDX-License-Identifier: MIT
//
// Checkpoints in which a bit has changed: whatever reads it says so and names the
// tensor, and a run goes on from an older checkpoint.

#include "support/tiny.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "formats/safetensors.h"
#include "store/checkpoint_folder.h"
#include "store/weight_names.h"
#include "support/evaluated.h"
#include "support/tree.h"

#define SCRATCH "test_damage.scratch"
#define RUN SCRATCH "/run"
#define OUT SCRATCH "/out.safetensors"
#define STEP 2

// What reads a tensor: a run that goes on all of them, translations the averages of G
// or, as they were told, the raw weights, and who asks for D that.
enum { CONTINUE = 1, AVERAGE = 2, RAW = 4, OF_D = 8, ALL = 15 };

static const struct {
    const char *head, *tail;    // of the name
    int readers;
} places[] = {
    { "G.model", ".weight", CONTINUE | RAW },
    { "G.model", ".running_var", CONTINUE | RAW | AVERAGE },
    { "G.model", ".num_batches_tracked", CONTINUE },
    { "ema.G.model", ".weight", CONTINUE | AVERAGE },
    { "adam.G.model", ".weight.m", CONTINUE },
    { "adam.G.model", ".bias.v", CONTINUE },
    { "D.model", ".weight", CONTINUE | OF_D },
    { "D.model", ".num_batches_tracked", CONTINUE },
    { "adam.D.model", ".weight.v", CONTINUE },
};

static char *path_of(uint64_t step)
{
    char *path = checkpoint_path(RUN, step);
    assert_non_null(path);
    return path;
}

static void write_good(const void *data, size_t size)
{
    char *path = path_of(STEP), *aside = mem_printf("%s.unreadable", path);
    assert_true(test_remove_tree(aside));
    assert_true(file_write(path, data, size));
    mem_free(aside);
    mem_free(path);
}

// Flips a bit of the byte at `at` from the beginning of the data, or of the file.
static void flip(const char *path, uint64_t at, bool in_data)
{
    uint8_t prefix[8];
    FILE *stream = fopen(path, "r+b");
    assert_non_null(stream);
    assert_int_equal(fread(prefix, 1, 8, stream), 8);
    if (in_data)
        at += 8 + prefix[0] + 256u * prefix[1] + 65536u * prefix[2];
    assert_int_equal(fseek(stream, (long)at, SEEK_SET), 0);
    const int was = fgetc(stream);
    assert_int_equal(fseek(stream, (long)at, SEEK_SET), 0);
    fputc(was ^ 4, stream);
    fclose(stream);
}

static char *flip_tensor(const char *path, const char *head, const char *tail)
{
    struct safetensors *s = safetensors_open(path);
    char *name = NULL;
    uint64_t at = 0;
    assert_non_null(s);
    for (size_t i = 0; i < safetensors_count(s) && !name; i++) {
        const struct safetensors_entry *e = safetensors_at(s, i);
        if (strncmp(e->name, head, strlen(head)) != 0 ||
            !weight_names_end_with(e->name, tail))
            continue;
        name = mem_strdup(e->name);
        at = (e->begin + e->end) / 2;
    }
    safetensors_close(s);
    assert_non_null(name);
    flip(path, at, true);
    return name;
}

// ---------------------------------------------------------------------------
// The readers, which all begin with no messages

static bool translates(const char *model, bool no_ema)
{
    struct pix_translate_options o;
    pix_translate_options_init(&o);
    o.model = model;
    o.no_ema = no_ema;
    public_messages[0] = '\0';
    pix_translator *translator = pix_translator_create(public_device, &o);
    pix_translator_destroy(translator);
    return translator != NULL;
}

static bool converts_to(const char *output, const char *model, bool no_ema,
                        bool discriminator)
{
    struct pix_convert_options o = { .input = model, .output = output };
    o.log = (struct pix_log){ public_keep_message, NULL, PIX_LOG_INFO };
    o.no_ema = no_ema;
    o.discriminator = discriminator;
    assert_true(test_remove_tree(output));
    public_messages[0] = '\0';
    const bool ok = pix_convert(&o);
    assert_true(ok == file_exists(output));
    return ok;
}

static bool converts(const char *model, bool no_ema, bool discriminator)
{
    const bool ok = converts_to(SCRATCH "/out.pth", model, no_ema, discriminator);
    assert_true(converts_to(OUT, model, no_ema, discriminator) == ok);
    return ok;
}

static bool starts_from(const char *g, const char *d)
{
    struct pix_train_options o = tiny_options(DATA, SCRATCH "/started");
    o.init_g = g;
    o.init_d = d;
    public_messages[0] = '\0';
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    pix_trainer_destroy(trainer);
    assert_true(test_remove_tree(SCRATCH "/started"));
    return trainer != NULL;
}

// From which step on the run goes on.
static uint64_t continues(void)
{
    struct pix_train_options o;
    struct pix_step_metrics m = { 0 };
    assert_true(pix_train_options_read(RUN, &o));
    o.continue_run = true;
    o.steps = STEP + 9;
    o.save_freq = 0;
    public_messages[0] = '\0';
    pix_trainer *trainer = pix_trainer_create(public_device, &o);
    if (trainer)
        assert_int_equal(pix_trainer_step(trainer, &m), PIX_STEP_DONE);
    pix_trainer_destroy(trainer);
    pix_train_options_finish(&o);
    return m.step - 1;
}

static void check(bool ok, bool is_reader, const char *name, const char *what)
{
    if (ok == is_reader)
        fail_msg("%s with a changed %s: %s", what, name, ok ? "goes" : public_messages);
    if (is_reader) {
        public_check_message(name);
        public_check_message("damaged");
    }
}

static void check_continue(const char *path, const char *name, bool is_reader)
{
    const uint64_t from = continues();
    check(from == STEP, is_reader, name, "--continue");
    assert_int_equal(from, is_reader ? STEP - 1 : STEP);
    char *aside = mem_printf("%s.unreadable", path);
    assert_int_equal(file_exists(aside), is_reader);
    mem_free(aside);
}

static void check_all(const char *path, const char *name, int readers)
{
    check(translates(path, false), readers & AVERAGE, name, "translate");
    check(translates(path, true), readers & RAW, name, "translate --no-ema");
    check(converts(path, false, false), readers & AVERAGE, name, "convert");
    check(converts(path, true, false), readers & RAW, name, "convert --no-ema");
    check(converts(path, false, true), readers & OF_D, name, "convert --discriminator");
    check(starts_from(path, NULL), readers & AVERAGE, name, "--init-g");
    check(starts_from(NULL, path), readers & OF_D, name, "--init-d");
    check_continue(path, name, readers & CONTINUE);
}

static void test_places(void **state)
{
    void *data;
    size_t size;
    char *path = path_of(STEP);
    (void)state;
    public_need_device();
    assert_true(file_read(path, &data, &size));
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        char *name = flip_tensor(path, places[i].head, places[i].tail);
        // What only a run reads is no concern of others.
        if (places[i].readers == CONTINUE && i > 2)
            check_continue(path, name, true);
        else
            check_all(path, name, places[i].readers);
        write_good(data, size);
        mem_free(name);
    }
    check_all(path, "nothing", 0);
    mem_free(data);
    mem_free(path);
}

// Metadata: the step, an option, the state of the schedule. All stay what they could
// be.
static void test_texts(void **state)
{
    static const char *const texts[] = {
        "pix2pix.step\": \"",   "lr\\\": 0.000", "seed\\\": ",
        "plateau_factor\\\": ", "images\\\": ",
    };
    void *data;
    size_t size;
    char *path = path_of(STEP);
    (void)state;
    public_need_device();
    assert_true(file_read(path, &data, &size));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char *bytes = data;
        size_t at = 8;
        while (at < size && strncmp(bytes + at, texts[i], strlen(texts[i])) != 0)
            at++;
        assert_true(at < size);
        flip(path, at + strlen(texts[i]), false);
        if (i == 0) {
            check_all(path, "its metadata", ALL);
        } else {
            check(translates(path, true), true, "its metadata", "translate");
            check_continue(path, "its metadata", true);
        }
        write_good(data, size);
    }
    mem_free(data);
    mem_free(path);
}

// Who is given the run takes its newest checkpoint that is good.
static void test_run(void **state)
{
    struct evaluated e;
    struct pix_translate_options o;
    void *data;
    size_t size;
    char *path = path_of(STEP), *older = path_of(STEP - 1);
    (void)state;
    public_need_device();
    assert_true(file_read(path, &data, &size));
    char *name = flip_tensor(path, "ema.G.model", ".weight");
    check(converts_to(SCRATCH "/out.onnx", path, false, false), true, name, "ONNX");
    assert_true(translates(RUN, false));
    public_check_message(name);
    public_check_message(path);
    public_check_message(
        "translate: the checkpoint before step-00000002.safetensors is used");
    pix_translate_options_init(&o);
    o.model = RUN;
    public_messages[0] = '\0';
    pix_translator *translator = pix_translator_create(public_device, &o);
    assert_true(evaluated_find(translator, ONE, "test", NULL, 0, &e));
    pix_translator_destroy(translator);
    public_check_message(name);
    assert_true(converts(RUN, false, true));    // D is as it was
    assert_string_equal(public_messages, "");
    assert_true(file_exists(path));

    // No good one is left.
    void *other;
    size_t other_size;
    assert_true(file_read(older, &other, &other_size));
    char *second = flip_tensor(older, "ema.G.model", ".weight");
    assert_false(translates(RUN, false));
    public_check_message(older);
    assert_true(file_write(older, other, other_size));
    write_good(data, size);
    mem_free(second);
    mem_free(other);
    mem_free(name);
    mem_free(data);
    mem_free(older);
    mem_free(path);
}

// The checkpoint before may be another run's, put there by hand: a network that was
// built by the damaged one does not get its weights.
static void test_other_options(void **state)
{
    static const char other[] = SCRATCH "/other";
    struct pix_train_options o = tiny_options(DATA, other);
    void *good, *older, *data;
    size_t good_size, older_size, size;
    (void)state;
    public_need_device();
    o.ema = 0.9;
    o.ngf = 8;
    o.steps = STEP - 1;
    tiny_train(public_device, &o, UINT64_MAX);
    char *path = path_of(STEP), *before = path_of(STEP - 1);
    char *from = checkpoint_path(other, STEP - 1);
    assert_true(file_read(path, &good, &good_size));
    assert_true(file_read(before, &older, &older_size));
    assert_true(file_read(from, &data, &size));
    assert_true(file_write(before, data, size));
    char *name = flip_tensor(path, "ema.G.model", ".weight");
    assert_false(translates(RUN, false));
    public_check_message("was trained with another --ngf than the damaged checkpoint");
    // What is verified first has no network yet.
    assert_true(converts(RUN, false, false));
    public_check_message(
        "convert: the checkpoint before step-00000002.safetensors is used");
    assert_true(file_write(before, older, older_size));
    write_good(good, good_size);
    mem_free(name);
    mem_free(from);
    mem_free(before);
    mem_free(path);
    mem_free(data);
    mem_free(older);
    mem_free(good);
}

// What convert writes has sums too.
static void test_converted(void **state)
{
    (void)state;
    public_need_device();
    assert_true(converts(RUN, false, false));
    assert_true(translates(OUT, false));
    char *name = flip_tensor(OUT, "model", ".weight");
    check(translates(OUT, false), true, name, "translate");
    mem_free(name);
}

static int open_group(void **state)
{
    (void)state;
    tiny_open(SCRATCH);
    if (public_has_device()) {
        struct pix_train_options o = tiny_options(DATA, RUN);
        o.ema = 0.9;
        o.steps = STEP;
        o.save_freq = 1;
        o.keep = 9;
        tiny_train(public_device, &o, UINT64_MAX);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),    cmocka_unit_test(test_texts),
        cmocka_unit_test(test_run),       cmocka_unit_test(test_other_options),
        cmocka_unit_test(test_converted),
    };
    return cmocka_run_group_tests(tests, open_group, public_close);
}
