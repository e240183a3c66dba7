// SPDX-License-Identifier: MIT
//
// What wrappers put before the names of tensors is found, removed and said, in both
// kinds of file, and of two networks in one file the right one is taken.

#include "store/name_prefix.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "formats/pth.h"
#include "store/convert.h"
#include "store/network_file.h"
#include "store/weight_names.h"
#include "support/network_files.h"

#define FOLDER "test_name_prefix.scratch"
#define TENSORS_MAX 64

// ---------------------------------------------------------------------------
// Names alone

static const char *at(const void *user, size_t i)
{
    return ((const char *const *)user)[i];
}

static void test_choice(void **state)
{
    (void)state;
    static const struct {
        const char *names[5];
        const char *g, *d;    // prefixes
        bool is_of_part;
        size_t others;    // beside those of g
    } cases[] = {
        { { "model.0.weight", "model.0.bias" }, "", "", false, 0 },
        { { "module.a", "module.b" }, "module.", "module.", false, 0 },
        { { "netG.a", "netD.b" }, "netG.", "netD.", true, 1 },
        { { "x.real_label", "generator.a", "discriminator.b" },
          "generator.",
          "discriminator.",
          true,
          2 },
        { { "net_D.a", "net_G.b" }, "net_G.", "net_D.", true, 1 },
        { { "module.netG._orig_mod.module.a", "module.netD.b" },
          "module.netG._orig_mod.module.",
          "module.netD.",
          true,
          1 },
        // The most frequent one; the first of equally frequent ones.
        { { "epoch", "module.a", "module.b" }, "module.", "module.", false, 1 },
        { { "module.a", "b" }, "module.", "module.", false, 1 },
        // Of the other network only: it is for the caller to say so.
        { { "epoch", "netG.a", "netG.b" }, "netG.", "", true, 1 },
        // Something is left of every name, and words are whole.
        { { "module." }, "", "", false, 0 },
        { { "module.module." }, "module.", "module.", false, 0 },
        { { "my_module.a", "netG2.a", "generators.b" }, "", "", false, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct name_list names = { at, 0, cases[i].names };
        while (names.count < ARRAY_LEN(cases[i].names) && cases[i].names[names.count])
            names.count++;
        for (size_t k = 0; k < 2; k++) {
            const struct name_prefix p = name_prefix_choose(&names, k == 0);
            const char *wanted = k == 0 ? cases[i].g : cases[i].d;
            if (p.length != strlen(wanted) || strncmp(p.text, wanted, p.length) != 0)
                fail_msg("%zu: %.*s, not %s", i, (int)p.length, p.text, wanted);
            if (k == 0) {
                assert_int_equal(p.is_of_part, cases[i].is_of_part);
                assert_int_equal(p.others, cases[i].others);
            }
        }
    }
    const struct name_list none = { at, 0, NULL };
    assert_int_equal(name_prefix_choose(&none, true).length, 0);

    // A name of nothing but prefixes, longer than the bound.
    char text[4096] = "";
    for (size_t i = 0; i < 500; i++)
        memcpy(text + 7 * i, "module.", 8);
    const char *const one[] = { text };
    const struct name_list list = { at, 1, one };
    assert_true(name_prefix_choose(&list, true).length <= NAME_PREFIX_MAX);
}

// ---------------------------------------------------------------------------
// Files

struct named {
    const struct weight *weight;    // NULL: a number that no network has
    char name[512];
};

struct content {
    struct named tensors[TENSORS_MAX];
    size_t count;
};

static void add(struct content *c, const struct weights *weights, const char *prefix)
{
    for (size_t i = 0; i < weights->count; i++) {
        assert_true(c->count < TENSORS_MAX);
        struct named *t = &c->tensors[c->count++];
        t->weight = weights->items[i];
        snprintf(t->name, sizeof(t->name), "%s%s", prefix, t->weight->name);
    }
}

static void add_number(struct content *c, const char *name)
{
    snprintf(c->tensors[c->count++].name, sizeof(c->tensors[0].name), "%s", name);
}

static bool give(void *user, size_t i, void *data)
{
    const struct weight *w = ((struct content *)user)->tensors[i].weight;
    *(float *)data = 1;
    for (size_t k = 0; w && k < shape_count(w->value.shape); k++)
        ((float *)data)[k] = network_value(w->name, k);
    return true;
}

static uint32_t sides_of(const struct named *t, uint64_t sides[WEIGHT_NAMES_RANK])
{
    sides[0] = 1;
    return t->weight ? weight_names_sides(t->weight, sides) : 1;
}

static void write_pth(const char *path, struct content *c)
{
    struct pth_tensor tensors[TENSORS_MAX];
    for (size_t i = 0; i < c->count; i++) {
        tensors[i] = (struct pth_tensor){ .name = c->tensors[i].name, .kind = "F32" };
        tensors[i].rank = sides_of(&c->tensors[i], tensors[i].sides);
    }
    assert_true(pth_write(path, tensors, c->count, give, c));
}

static void write_safetensors(const char *path, struct content *c)
{
    struct safetensors_writer w;
    static float values[1 << 16];
    safetensors_begin(&w);
    for (size_t put = 0; put < 2; put++) {
        for (size_t i = 0; i < c->count; i++) {
            uint64_t sides[WEIGHT_NAMES_RANK], bytes = 4;
            const uint32_t rank = sides_of(&c->tensors[i], sides);
            for (uint32_t k = 0; k < rank; k++)
                bytes *= sides[k];
            assert_true(bytes <= sizeof(values) && give(c, i, values));
            if (put)
                assert_true(safetensors_put_data(&w, values, (size_t)bytes));
            else
                safetensors_describe(&w, c->tensors[i].name, "F32", sides, rank, bytes);
        }
        assert_true(put || safetensors_begin_data(&w, path));
    }
    assert_true(safetensors_commit(&w));
    safetensors_abort(&w);
}

static const struct {
    const char *path;
    void (*write)(const char *path, struct content *c);
} kinds[] = {
    { FOLDER "/file.pth", write_pth },
    { FOLDER "/file.safetensors", write_safetensors },
};

static const struct generator_options generator = {
    .levels = 2, .ngf = 2, .channels_in = 3, .channels_out = 3
};
static const struct discriminator_options discriminator = { .layers = 1, .ndf = 2 };

static void check_network(const char *path, enum network network,
                          const struct weights *weights, const char *said)
{
    network_forget_messages();
    struct network_file *f = network_file_open(path, network, "test");
    if (!f || !network_file_check(f, weights))
        fail_msg("%s: %s", path, network_last_error());
    network_check_values(f, weights);
    if (!strstr(network_infos(), said))
        fail_msg("'%s' is not said in '%s'", said, network_infos());
    network_file_close(f);
}

// Whatever stands before the names, in any order, repeatedly.
static void test_wrapped(void **state)
{
    (void)state;
    static const char *const prefixes[] = {
        "module.",           "_orig_mod.",
        "module._orig_mod.", "_orig_mod.module.",
        "module.module.",    "netG.",
        "generator.",        "netG.module._orig_mod.",
        "module.generator.",
    };
    struct weights *weights = network_generator_weights(&generator);
    for (size_t i = 0; i < ARRAY_LEN(prefixes) * ARRAY_LEN(kinds); i++) {
        const char *prefix = prefixes[i / ARRAY_LEN(kinds)];
        const char *path = kinds[i % ARRAY_LEN(kinds)].path;
        struct content c = { .count = 0 };
        char said[128];
        add(&c, weights, prefix);
        kinds[i % ARRAY_LEN(kinds)].write(path, &c);
        snprintf(said, sizeof(said), "begin with \"%s\", which is removed", prefix);
        check_network(path, NETWORK_G, weights, said);
        // Once, and nothing else.
        assert_ptr_equal(strstr(network_infos(), "which is removed"),
                         strrchr(network_infos(), ',') + 2);
        assert_null(strstr(network_infos(), "not used"));
        // It is not a discriminator, and converting loses the prefix.
        assert_null(network_file_open(path, NETWORK_D, "test"));
        network_check_says("holds a generator, not a discriminator");
        const struct pix_convert_options options = {
            .input = path,
            .output = FOLDER "/plain.safetensors",
        };
        assert_true(convert_run(&options));
        check_network(options.output, NETWORK_G, weights, "");
        assert_string_equal(network_infos(), "");
    }
    weights_destroy(weights);
}

// Both networks in one file, with something that belongs to neither.
static void test_both(void **state)
{
    (void)state;
    static const char *const prefixes[][2] = {
        { "netG.", "netD." },
        { "module.netG.", "module.netD." },
        { "netD.", "netG." },    // in the other order in the file
        { "generator._orig_mod.", "discriminator._orig_mod." },
        { "net_G.", "net_D." },
    };
    struct weights *g = network_generator_weights(&generator);
    struct weights *d = network_discriminator_weights(&discriminator, 6);
    for (size_t i = 0; i < ARRAY_LEN(prefixes) * ARRAY_LEN(kinds); i++) {
        const char *const *pair = prefixes[i / ARRAY_LEN(kinds)];
        const char *path = kinds[i % ARRAY_LEN(kinds)].path;
        const bool swapped = strcmp(pair[0], "netD.") == 0;
        struct content c = { .count = 0 };
        char said[128];
        add(&c, swapped ? d : g, pair[0]);
        add(&c, swapped ? g : d, pair[1]);
        add_number(&c, "criterionGAN.real_label");
        kinds[i % ARRAY_LEN(kinds)].write(path, &c);
        snprintf(said, sizeof(said), "%zu other tensors (first: \"", d->count + 1);
        check_network(path, NETWORK_G, g, said);
        snprintf(said, sizeof(said), "begin with \"%s\"", pair[!swapped]);
        check_network(path, NETWORK_D, d, said);
    }

    // One of them with what belongs to neither is still known.
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct content c = { .count = 0 };
        add_number(&c, "criterionGAN.real_label");
        add(&c, d, "netD.");
        kinds[k].write(kinds[k].path, &c);
        assert_null(network_file_open(kinds[k].path, NETWORK_G, "test"));
        network_check_says("holds a discriminator, not a generator");
    }

    // Without a word that says whose they are, a tensor too many is a mistake.
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        struct content c = { .count = 0 };
        add(&c, g, "module.");
        add_number(&c, "extra");
        kinds[k].write(kinds[k].path, &c);
        struct network_file *f = network_file_open(kinds[k].path, NETWORK_G, "test");
        assert_non_null(f);
        assert_false(network_file_check(f, g));
        network_check_says("has a tensor extra");
        network_file_close(f);
    }
    weights_destroy(g);
    weights_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        network_test(test_wrapped),
        network_test(test_both),
    };
    return cmocka_run_group_tests_name("name_prefix", tests, NULL, NULL);
}
