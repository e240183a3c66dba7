// SPDX-License-Identifier: MIT
//
// Near is by the distance of Damerau and Levenshtein: letters that are added, left out,
// changed or exchanged with their neighbour. See nearest.h.

#include "nearest.h"

#include <pix2pix.h>

#include "rows.h"

#include <string.h>

// Options of pytorch-CycleGAN-and-pix2pix that have another name here, or none. Those
// that only have '_' for '-' are understood as they are.
static const struct {
    const char *name, *hint;
} port[] = {
    { "dataroot", "the data folder is --data here" },
    { "name", "a run is a folder, named with --out" },
    { "checkpoints_dir", "a run is a folder, named with --out" },
    { "results_dir", "results are written to --output" },
    { "gpu_ids", "a device is chosen with --device (`pix2pix devices` lists them)" },
    { "model", "leave it out, there is only pix2pix" },
    { "dataset_mode", "leave it out, data are always pairs" },
    { "netG", "it is --net-g here" },
    { "netD", "it is --net-d here" },
    { "n_layers_D", "it is --n-layers-d here" },
    { "lambda_L1", "it is --lambda-l1 here" },
    { "num_threads", "it is --threads here" },
    { "print_freq", "it is --log-freq here, in steps" },
    { "display_freq", "it is --sample-freq here, in steps" },
    { "update_html_freq", "it is --sample-freq here, in steps" },
    { "save_latest_freq", "it is --save-freq here, in steps" },
    { "save_epoch_freq", "it is --save-freq here, in steps" },
    { "continue_train", "it is --continue here" },
    { "epoch_count", "leave it out, --continue knows the epoch" },
    { "epoch", "name a checkpoint file with --model" },
    { "load_iter", "name a checkpoint file with --model" },
    { "phase", "`evaluate` has --split, `train` trains on train/" },
    { "pool_size", "leave it out, pix2pix has no pool of images" },
    { "eval", "it is --mode running here" },
    { "display_id", "there is no display server, see --sample-freq" },
    { "display_port", "there is no display server, see --sample-freq" },
    { "display_server", "there is no display server, see --sample-freq" },
    { "no_html", "leave it out, there is no such page" },
    { "use_wandb", "leave it out, losses are in metrics.jsonl of the run" },
};

const char *nearest_of_port(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof(port) / sizeof(port[0]); i++)
        if (strlen(port[i].name) == length && strncmp(port[i].name, name, length) == 0)
            return port[i].hint;
    return NULL;
}

enum { LONGEST = 31 };    // of the names that are compared

static char plain(char c)
{
    if (c == '_')
        return '-';
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned distance(const char *a, size_t a_length, const char *b)
{
    unsigned d[LONGEST + 1][LONGEST + 1];
    const size_t b_length = strlen(b);
    if (a_length > LONGEST || b_length > LONGEST)
        return LONGEST;
    for (unsigned i = 0; i <= a_length; i++)
        d[i][0] = i;
    for (unsigned k = 0; k <= b_length; k++)
        d[0][k] = k;
    for (size_t i = 1; i <= a_length; i++)
        for (size_t k = 1; k <= b_length; k++) {
            const bool same = plain(a[i - 1]) == b[k - 1];
            d[i][k] =
                least(least(d[i - 1][k], d[i][k - 1]) + 1, d[i - 1][k - 1] + !same);
            if (i > 1 && k > 1 && plain(a[i - 1]) == b[k - 2] &&
                plain(a[i - 2]) == b[k - 1])
                d[i][k] = least(d[i][k], d[i - 2][k - 2] + 1);
        }
    return d[a_length][b_length];
}

struct search {
    const char *name;
    size_t length;
    const char *best;
    unsigned least;
};

// A name that goes on where the given one ends counts as near: --batch.
static void look_at(struct search *s, const char *name)
{
    bool begins = s->length >= 4 && s->length < strlen(name);
    for (size_t i = 0; begins && i < s->length; i++)
        begins = plain(s->name[i]) == name[i];
    const unsigned d = begins ? 1 : distance(s->name, s->length, name);
    if (d < s->least) {
        s->least = d;
        s->best = name;
    }
}

const char *nearest_option(const struct command *c, const char *name, size_t length)
{
    // A third of the letters may differ: of a short name one, and none of the shortest.
    struct search s = { name, length, NULL, (unsigned)(length / 3) + 1 };
    for (size_t i = 0; i < c->count; i++)
        look_at(&s, c->arguments[i].name);
    for (size_t i = 0; c->device && i < ROWS_DEVICE_COUNT; i++)
        look_at(&s, rows_device[i].name);
    if (c->is_training) {
        size_t count;
        const struct pix_option *table = pix_train_option_table(&count);
        for (size_t i = 0; i < count; i++)
            look_at(&s, table[i].name);
    }
    return s.best;
}
