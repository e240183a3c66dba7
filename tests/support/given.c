// SPDX-License-Identifier: MIT
//
// See given.h.

#include "support/given.h"

#include <string.h>

#include "base/log.h"
#include "support/log.h"

char given_warnings[1024];

static void collect_warnings(void *user, enum log_level level, const char *text)
{
    (void)user;
    if (level != LOG_WARN)
        return;
    strncat(given_warnings, text, sizeof(given_warnings) - strlen(given_warnings) - 1);
    strncat(given_warnings, "\n", sizeof(given_warnings) - strlen(given_warnings) - 1);
}

static const struct log_sink sink = { collect_warnings, NULL, LOG_WARN };

int given_open(void **state)
{
    (void)state;
    log_use(&sink);
    return 0;
}

int given_setup(void **state)
{
    (void)state;
    given_warnings[0] = 0;
    test_forget_error();
    return 0;
}

void given_check_says(const char *part)
{
    if (!strstr(log_last_error(), part))
        fail_msg("the message \"%s\" does not say \"%s\"", log_last_error(), part);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

void given_check_same(const struct pix_train_options *a,
                      const struct pix_train_options *b, bool run_state)
{
    size_t count;
    const struct pix_option *table = pix_train_option_table(&count);
    for (size_t i = 0; i < count; i++) {
        const void *x = (const char *)a + table[i].offset;
        const void *y = (const char *)b + table[i].offset;
        bool same = false;
        if (table[i].is_run_state && !run_state)
            continue;
        switch (table[i].type) {
        case PIX_OPTION_FLAG:
            same = *(const bool *)x == *(const bool *)y;
            break;
        case PIX_OPTION_UINT32:
            same = *(const uint32_t *)x == *(const uint32_t *)y;
            break;
        case PIX_OPTION_UINT64:
            same = *(const uint64_t *)x == *(const uint64_t *)y;
            break;
        case PIX_OPTION_REAL:
            same = *(const double *)x == *(const double *)y;
            break;
        case PIX_OPTION_SIZE:
            same = memcmp(x, y, sizeof(struct pix_size)) == 0;
            break;
        case PIX_OPTION_TEXT:
        case PIX_OPTION_CHOICE:
        case PIX_OPTION_RANGE:
        case PIX_OPTION_RATIO:
            same = same_text(*(const char *const *)x, *(const char *const *)y);
            break;
        }
        if (!same)
            fail_msg("--%s differs", table[i].name);
    }
}

void given_fill(struct pix_train_options *o, char *data)
{
    pix_train_options_init(o);
    o->data = data;
    o->out = "run";
    o->split_ratio = "8:1.5:0";
    o->factor = 3;
    o->direction = "BtoA";
    o->recipe = "lua";
    o->input_nc = 4;
    o->output_nc = 1;
    o->input_kind = "u16";
    o->output_kind = "f32";
    o->range = "auto";
    o->input_range = "0:4095";
    o->output_range = "-1000:3000.5";
    o->read.npy_order = "hwc";
    o->read.truncated = "keep";
    o->read.alpha = "checker";
    o->net_d = "n_layers";
    o->n_layers_d = 2;
    o->no_condition = true;
    o->norm = "instance";
    o->norm_d = "none";
    o->upsample = "resize";
    o->dropout_at = "d1-d3";
    o->bias = "all";
    o->norm_innermost = true;
    o->concat = "decoder_first";
    o->init_type = "orthogonal";
    o->init_gain = 0.5;
    o->resize_filter = "bilinear";
    o->gan_mode = "wgangp";
    o->lambda_gp = 3;
    o->gp_alpha = 0.25;
    o->d_loss_weight = 2;
    o->accumulate = 5;
    o->lr_policy = "step";
    o->lr_decay_iters = 6;
    o->optimizer = "sgd";
    o->momentum = 0.75;
    o->ema = 0.875;
    o->val_freq = 3;
    o->net_g = "unet_128";
    o->depth = 7;
    o->ngf = 5;
    o->ndf = 6;
    o->no_dropout = true;
    o->preprocess = "none";
    o->load_size = o->crop_size = (struct pix_size){ 256, 128 };
    o->no_flip = true;
    o->serial_batches = true;
    o->max_dataset_size = 11;
    o->threads = 2;
    o->batch_size = 3;
    o->n_epochs = 7;
    o->n_epochs_decay = 9;
    o->lr = 0.1 + 0.2;    // needs all its digits
    o->beta1 = 0.25;
    o->lambda_l1 = 10;
    o->seed = INT64_MAX;
    o->steps = 123456789012;
    o->save_freq = 1;
    o->log_freq = 2;
    o->sample_freq = 4;
    o->keep = 8;
    o->continue_run = true;
}
