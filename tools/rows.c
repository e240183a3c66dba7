// SPDX-License-Identifier: MIT
//
// See rows.h.

#include "rows.h"

#include "pix2pix.h"

#include <stdio.h>
#include <string.h>

const struct argument rows_device[ROWS_DEVICE_COUNT] = {
    { "device", ARGUMENT_TEXT, NULL, "N|NAME", "device by number or part of its name",
      NULL, "best" },
    { "verbose", ARGUMENT_FLAG, NULL, NULL, "print limits, plans and times" },
    { "validation", ARGUMENT_FLAG, NULL, NULL,
      "run under the Vulkan validation layer" },
    { "no-matrix-units", ARGUMENT_FLAG, NULL, NULL,
      "multiply in 16 bits without the device's matrix units" },
};

static const struct {
    int code;
    const char *meaning;
} exit_codes[] = {
    { EXIT_DONE, "done" },
    { EXIT_FAILED, "failed" },
    { EXIT_USAGE, "wrong command line" },
    { EXIT_INTERRUPTED, "interrupted" },
};

bool rows_get_own(const struct command *c, size_t i, struct help_row *row)
{
    const struct argument *a = NULL;
    if (i < c->count)
        a = &c->arguments[i];
    else if (c->device && i - c->count < ROWS_DEVICE_COUNT)
        a = &rows_device[i - c->count];
    if (!a)
        return false;
    *row = (struct help_row){
        .name = a->name, .value = a->value, .help = a->help, .initial = a->initial
    };
    return true;
}

bool rows_get_training(size_t i, struct help_row *row)
{
    size_t count;
    const struct pix_option *table = pix_train_option_table(&count);
    struct pix_train_options initial;
    if (i >= count)
        return false;
    *row = (struct help_row){ .group = table[i].group,
                              .name = table[i].name,
                              .value = table[i].value,
                              .help = table[i].help };
    if (table[i].type == PIX_OPTION_FLAG)
        return true;
    pix_train_options_init(&initial);
    row->initial =
        pix_train_options_get(&initial, row->name, row->text, sizeof(row->text));
    if (row->initial && !*row->initial)
        row->initial = NULL;
    return true;
}

bool rows_get_recipe(size_t i, char *name, char *text, size_t size)
{
    size_t count;
    const struct pix_option *table = pix_train_option_table(&count);
    const char *choice = "";
    for (size_t k = 0; k < count; k++)
        if (strcmp(table[k].name, "recipe") == 0)
            choice = table[k].choices;
    while (i-- > 0 && *choice) {
        choice += strcspn(choice, "|");
        choice += *choice == '|';
    }
    snprintf(name, size, "%.*s", (int)strcspn(choice, "|"), choice);
    return *name && pix_train_recipe(name, text, size);
}

const char *rows_get_exit_code(size_t i, int *code)
{
    if (i >= sizeof(exit_codes) / sizeof(exit_codes[0]))
        return NULL;
    *code = exit_codes[i].code;
    return exit_codes[i].meaning;
}
