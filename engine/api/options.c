// SPDX-License-Identifier: MIT
//
// Training options in the public API. See relay.h. Options belong to no device, so
// there is no log: messages reach the caller by pix_last_error. The contracts of
// settings/ are those of pix2pix.h here, so nothing is checked or converted.

#include "pix2pix.h"

#include "settings/options.h"
#include "settings/options_file.h"
#include "settings/recipes.h"
#include "settings/rules.h"
#include "settings/table.h"

void pix_train_options_init(struct pix_train_options *options)
{
    options_init(options);
}

bool pix_train_options_read(const char *run, struct pix_train_options *options)
{
    return options_read_run(run, options);
}

bool pix_train_options_read_file(const char *path, struct pix_train_options *options)
{
    return options_read_file(path, options);
}

void pix_train_options_finish(struct pix_train_options *options)
{
    options_finish(options);
}

bool pix_train_options_resolve(struct pix_train_options *options)
{
    return options_resolve(options);
}

bool pix_train_recipe(const char *name, char *text, size_t size)
{
    return recipes_text(name, text, size);
}

const struct pix_option *pix_train_option_table(size_t *count)
{
    return table_rows(count);
}

bool pix_train_options_set(struct pix_train_options *options, const char *name,
                           const char *text)
{
    return options_set(options, name, text);
}

const char *pix_train_options_get(const struct pix_train_options *options,
                                  const char *name, char *buffer, size_t size)
{
    return options_get(options, name, buffer, size);
}
