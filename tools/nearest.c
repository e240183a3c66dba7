// SPDX-License-Identifier: MIT
//
// Near is by the distance of Damerau and Levenshtein: letters that are added, left out,
// changed or exchanged with their neighbour. See nearest.h.

#include "nearest.h"

#include <pix2pix.h>

#include "rows.h"

#include <string.h>

// Options of pytorch-CycleGAN-and-pix2pix that have another name here, or none. Those
// that only have '_' for '-' are understood as they are. A hint is for commands that
// have `option`, NULL: for the others too; the first that fits is given.
static const struct {
    const char *name, *option, *hint;
} port[] = {
    { "dataroot", "data", "the data folder is --data here" },
    { "dataroot", "input", "the folder of images is --input here" },
    { "dataroot", NULL, "leave it out, no data are read here" },
    { "name", "out", "a run is a folder, named with --out" },
    { "name", "model", "a run is a folder, named with --model" },
    { "name", "net", "a run is a folder, named without an option" },
    { "name", NULL, "leave it out, no run is read here" },
    { "checkpoints_dir", "out", "a run is a folder, named with --out" },
    { "checkpoints_dir", "model", "a run is a folder, named with --model" },
    { "checkpoints_dir", "net", "a run is a folder, named without an option" },
    { "checkpoints_dir", NULL, "leave it out, no run is read here" },
    { "results_dir", "output", "results are written to --output" },
    { "results_dir", "grid", "images to look at are written to --grid" },
    { "results_dir", NULL, "it belongs to `pix2pix translate`, as --output" },
    { "gpu_ids", "device",
      "a device is chosen with --device (`pix2pix devices` lists them)" },
    { "gpu_ids", NULL, "leave it out, no device is used here" },
    { "model", NULL, "leave it out, there is only pix2pix" },
    { "dataset_mode", NULL, "leave it out, data are always pairs" },
    { "netG", "net-g", "it is --net-g here" },
    { "netG", "model", "leave it out, the file says which network it is" },
    { "netG", "net", "leave it out, the file says which network it is" },
    { "netD", "net-d", "it is --net-d here" },
    { "netD", "net", "leave it out, the file says which network it is" },
    { "n_layers_D", "n-layers-d", "it is --n-layers-d here" },
    { "n_layers_D", "net", "leave it out, the file says which network it is" },
    { "lambda_L1", "lambda-l1", "it is --lambda-l1 here" },
    { "num_threads", "threads", "it is --threads here" },
    { "print_freq", "log-freq", "it is --log-freq here, in steps" },
    { "display_freq", "sample-freq", "it is --sample-freq here, in steps" },
    { "update_html_freq", "sample-freq", "it is --sample-freq here, in steps" },
    { "save_latest_freq", "save-freq", "it is --save-freq here, in steps" },
    { "save_epoch_freq", "save-freq", "it is --save-freq here, in steps" },
    { "continue_train", "continue", "it is --continue here" },
    { "epoch_count", "continue", "leave it out, --continue knows the epoch" },
    { "epoch", "model", "name a checkpoint file with --model" },
    { "epoch", "continue", "leave it out, --continue takes the newest checkpoint" },
    { "epoch", "net", "name a checkpoint file instead of a run" },
    { "epoch", NULL, "leave it out, no run is read here" },
    { "load_iter", "model", "name a checkpoint file with --model" },
    { "load_iter", "continue", "leave it out, --continue takes the newest checkpoint" },
    { "load_iter", "net", "name a checkpoint file instead of a run" },
    { "load_iter", NULL, "leave it out, no run is read here" },
    { "phase", "split", "it is --split here" },
    { "phase", "input", "leave it out, --input names the folder of images itself" },
    { "phase", "continue", "leave it out, train/ is what is trained on" },
    { "phase", NULL, "it belongs to `pix2pix evaluate`, as --split" },
    { "pool_size", NULL, "leave it out, pix2pix has no pool of images" },
    { "eval", "mode", "it is --mode running here" },
    { "eval", NULL, "it belongs to `pix2pix translate`, as --mode running" },
    { "display_id", "sample-freq", "there is no display server, see --sample-freq" },
    { "display_id", NULL, "leave it out, there is no display server" },
    { "display_port", "sample-freq", "there is no display server, see --sample-freq" },
    { "display_port", NULL, "leave it out, there is no display server" },
    { "display_server", "sample-freq",
      "there is no display server, see --sample-freq" },
    { "display_server", NULL, "leave it out, there is no display server" },
    { "no_html", NULL, "leave it out, there is no such page" },
    { "use_wandb", NULL, "leave it out, losses are in metrics.jsonl of the run" },
};

static bool has_option(const struct command *c, const char *name)
{
    size_t count;
    const struct pix_option *table = pix_train_option_table(&count);
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->arguments[i].name, name) == 0)
            return true;
    for (size_t i = 0; c->device && i < ROWS_DEVICE_COUNT; i++)
        if (strcmp(rows_device[i].name, name) == 0)
            return true;
    for (size_t i = 0; c->is_training && i < count; i++)
        if (strcmp(table[i].name, name) == 0)
            return true;
    return false;
}

const char *nearest_of_port(const struct command *c, const char *name, size_t length)
{
    bool found = false;
    for (size_t i = 0; i < sizeof(port) / sizeof(port[0]); i++) {
        if (strlen(port[i].name) != length || strncmp(port[i].name, name, length) != 0)
            continue;
        if (!port[i].option || has_option(c, port[i].option))
            return port[i].hint;
        found = true;
    }
    return found ? "it belongs to `pix2pix train`" : NULL;
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
