// SPDX-License-Identifier: MIT
//
// See images.h.

#include "report/images.h"

#include "options.h"
#include "page/html.h"
#include "page/script.h"
#include "terminal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char no_memory[] = "out of memory";

// Opens samples/NAME. NULL with the reason.
static FILE *open_sample(const char *run, const char *name, uint64_t *size,
                         const char **reason)
{
    char *folder = options_join_path(run, "samples");
    char *path = folder ? options_join_path(folder, name) : NULL;
    *reason = no_memory;
    FILE *file = path ? terminal_open_regular(path, size, reason) : NULL;
    free(path);
    free(folder);
    return file;
}

// "step-00000100.png"; another file there is none of the run's.
static bool find_step(const char *name, uint64_t *step)
{
    char *end;
    if (strncmp(name, "step-", 5) != 0)
        return false;
    *step = strtoull(name + 5, &end, 10);
    return end > name + 5 && strcmp(end, ".png") == 0;
}

// Puts what is no grid of the run behind those that are.
static void sort_out(struct samples *s)
{
    for (uint32_t i = 0; i < s->all; i++) {
        uint64_t step;
        char *name = s->names[i];
        if (!find_step(name, &step))
            continue;
        s->names[i] = s->names[s->count];
        s->names[s->count++] = name;
    }
}

static bool measure(struct samples *s, const char *run, const char **reason)
{
    s->digits = calloc(s->count ? s->count : 1, sizeof(s->digits[0]));
    *reason = no_memory;
    if (!s->digits)
        return false;
    for (uint32_t i = 0; i < s->count; i++) {
        uint64_t size = 0;
        FILE *file = open_sample(run, s->names[i], &size, reason);
        if (!file)
            return false;
        fclose(file);
        s->digits[i] = (size + 2) / 3 * 4;
    }
    return true;
}

bool samples_read(struct samples *s, const char *run, const char **reason)
{
    *s = (struct samples){ 0 };
    char *folder = options_join_path(run, "samples");
    *reason = no_memory;
    const bool has = folder && !terminal_is_absent(folder);
    bool ok = folder && (!has || pix_image_list(folder, &s->names, &s->all));
    if (folder && !ok)
        *reason = pix_last_error();
    free(folder);
    if (ok)
        sort_out(s);
    return ok && measure(s, run, reason);
}

void samples_free(struct samples *s)
{
    if (s->names)
        pix_image_list_free(s->names, s->all);
    free(s->digits);
    *s = (struct samples){ 0 };
}

uint32_t samples_thin(const uint64_t *digits, uint32_t count, uint32_t most,
                      uint64_t room)
{
    for (uint32_t every = 1; every <= count; every++) {
        uint64_t sum = 0;
        uint32_t taken = 0;
        for (uint32_t i = count; i-- > 0;)
            if ((count - 1 - i) % every == 0) {
                sum += digits[i];
                taken++;
            }
        if (sum <= room && taken <= most)
            return every;
    }
    return 0;
}

bool images_put_base64(FILE *to, FILE *from)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char in[3 * 1024];
    char out[4 * 1024];
    size_t got;
    // Only the last piece may be no multiple of three.
    while ((got = fread(in, 1, sizeof(in), from)) > 0) {
        size_t used = 0;
        memset(in + got, 0, got < sizeof(in) ? (3 - got % 3) % 3 : 0);
        for (size_t i = 0; i < got; i += 3) {
            const uint32_t v =
                (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
            for (int shift = 18; shift >= 0; shift -= 6)
                out[used++] = digits[v >> shift & 63];
        }
        for (size_t i = 0; i < (3 - got % 3) % 3; i++)
            out[used - 1 - i] = '=';
        fwrite(out, 1, used, to);
    }
    return !ferror(from);
}

static bool write_sample(FILE *f, const char *run, const char *name,
                         const char **reason)
{
    uint64_t size, step = 0;
    FILE *file = open_sample(run, name, &size, reason);
    if (!file)
        return false;
    find_step(name, &step);
    html_put(f, "{\"step\":%" PRIu64 ",\"data\":\"", step);
    *reason = "a sample grid cannot be read to its end";
    const bool ok = images_put_base64(f, file);
    fclose(file);
    html_put(f, "\"}");
    return ok;
}

bool samples_write(FILE *f, const struct samples *s, const char *run, uint32_t every,
                   const char **reason)
{
    bool begun = false;
    html_put(f, "[");
    for (uint32_t i = 0; every > 0 && i < s->count; i++) {
        if ((s->count - 1 - i) % every != 0)
            continue;
        html_put(f, begun ? ",\n" : "\n");
        if (!write_sample(f, run, s->names[i], reason))
            return false;
        begun = true;
    }
    html_put(f, "]");
    return true;
}
