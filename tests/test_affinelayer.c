// SPDX-License-Identifier: MIT
//
// affinelayer's names and order: its files are read, and written in the port's order.

#include "store/affinelayer.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "settings/settings.h"
#include "store/convert.h"
#include "store/network_file.h"
#include "support/network_files.h"

#define FOLDER "test_affinelayer.scratch"
#define FIRST FOLDER "/first.pth"
#define SECOND FOLDER "/second.safetensors"
#define THIRD FOLDER "/third.pth"

static const struct generator_options affinelayer = {
    .levels = 8,
    .ngf = 2,
    .channels_in = 3,
    .channels_out = 3,
    .bias = true,
    .norm_innermost = true,
    .decoder_first = true,
};

static const char *name_of_affinelayer(const struct weight *w, char text[256])
{
    assert_true(affinelayer_name(&affinelayer, w->name, text, 256));
    return text;
}

static void test_affinelayer(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        { "model.model.0.weight", "enc1.conv.weight" },
        { "model.model.1.model.1.bias", "enc2.conv.bias" },
        { "model.model.1.model.2.running_mean", "enc2.bn.running_mean" },
        { "model.model.1.model.3.model.3.model.1.weight", "enc4.conv.weight" },
        { "model.model.1.model.3.model.3.model.3.model.3.model.3.model.3.model.1.bias",
          "enc8.conv.bias" },
        { "model.model.1.model.3.model.3.model.3.model.3.model.3.model.3.model.2.bias",
          "enc8.bn.bias" },
        { "model.model.1.model.3.model.3.model.3.model.3.model.3.model.3.model.4.weight",
          "dec1.deconv.weight" },
        { "model.model.1.model.3.model.3.model.3.model.3.model.3.model.3.model.5.bias",
          "dec1.bn.bias" },
        { "model.model.1.model.5.weight", "dec7.deconv.weight" },
        { "model.model.1.model.6.running_var", "dec7.bn.running_var" },
        { "model.model.3.bias", "dec8.deconv.bias" },
    };
    char text[256];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_true(affinelayer_name(&affinelayer, names[i][0], text, 256));
        assert_string_equal(text, names[i][1]);
    }
    assert_false(affinelayer_name(&affinelayer, "model.1.weight", text, 256));

    struct weights *weights = network_generator_weights(&affinelayer);
    const struct network_dump d = { weights, name_of_affinelayer };
    network_write_pth(FIRST, &d);
    struct network_file *f = network_file_open(FIRST, NETWORK_G, "test");
    if (!f)
        fail_msg("%s", network_last_error());
    const struct generator_options found = network_file_settings(f)->generator;
    assert_true(found.decoder_first && found.norm_innermost && found.bias &&
                found.dropout_inner && found.levels == 8);
    assert_true(network_file_check(f, weights));
    network_check_values(f, weights);
    network_file_close(f);

    // It is written in the port's order: the input channels of decoders that read a
    // concatenation have changed places, and the options say so.
    const struct pix_convert_options options = { .input = FIRST, .output = THIRD };
    assert_true(convert_run(&options));
    f = network_file_open(THIRD, NETWORK_G, "test");
    assert_non_null(f);
    assert_false(network_file_settings(f)->generator.decoder_first);
    assert_true(network_file_check(f, weights));
    const struct weight *joint = weights_find(weights, "model.model.1.model.5.weight");
    const struct weight *innermost = weights_find(
        weights,
        "model.model.1.model.3.model.3.model.3.model.3.model.3.model.3.model.4.weight");
    const size_t count = (size_t)shape_count(joint->value.shape);
    float *values =
        mem_array(shape_count(innermost->value.shape) + count, sizeof(values[0]));
    assert_true(network_file_read(f, joint, true, values));
    assert_true(values[0] == network_value(joint->name, count / 2));
    assert_true(values[count / 2] == network_value(joint->name, 0));
    assert_true(network_file_read(f, innermost, true, values));
    assert_true(values[0] == network_value(innermost->name, 0));
    // Read in the other order, it is as it was.
    network_file_set_order(f, true);
    network_check_values(f, weights);
    network_file_close(f);

    // As F16 too: the halves change places before they are rounded.
    const struct pix_convert_options half = { .input = FIRST,
                                              .output = SECOND,
                                              .half = true };
    assert_true(convert_run(&half));
    f = network_file_open(SECOND, NETWORK_G, "test");
    assert_non_null(f);
    assert_true(network_file_check(f, weights));
    assert_true(network_file_read(f, joint, true, values));
    for (size_t i = 0; i < count; i++)
        assert_true(values[i] == bytes_half_value(bytes_half_bits(network_value(
                                     joint->name, (i + count / 2) % count))));
    mem_free(values);
    network_file_close(f);
    weights_destroy(weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        network_test(test_affinelayer),
    };
    return cmocka_run_group_tests_name("affinelayer", tests, NULL, NULL);
}
