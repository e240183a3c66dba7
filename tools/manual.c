// SPDX-License-Identifier: MIT
//
// The manual page. Commands, options, defaults, recipes and exit codes come from the
// tables that the program itself uses; the rest of the page is written here.

#include "manual.h"

#include "pix2pix.h"
#include "rows.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct entry {
    const char *term, *text;
};

static const char description[] =
    "pix2pix trains and runs paired image-to-image translation (Isola et al. 2017, "
    "\"Image-to-Image Translation with Conditional Adversarial Networks\") on any "
    "Vulkan 1.2 device: a generator learns from pairs of images to turn one kind of "
    "image into the other. Training data is a folder with train/ and, if wanted, val/ "
    "and test/, of images that hold A on the left and B on the right, or of folders A/ "
    "and B/ with files of the same names. Images are PNG, JPEG, WebP, TIFF, BMP or TGA "
    "files, or NumPy arrays [channels, height, width] as .npy files.";

static const struct entry variables[] = {
    { "XDG_CACHE_HOME",
      "parent of the folder pix2pix, which stores compiled kernels and measurements; "
      "~/.cache if it is not set. Windows uses LOCALAPPDATA. The folder can be deleted "
      "at any time." },
    { "XDG_DATA_HOME",
      "parent of the folder pix2pix with what the user keeps for the program, "
      "lpips-*.safetensors; ~/.local/share if it is not set. Windows uses LOCALAPPDATA." },
    { "VK_DRIVER_FILES",
      "manifests of the only drivers that the Vulkan loader may use, as for every "
      "Vulkan program" },
};

static const struct entry files[] = {
    { "RUN/config.json", "options of the run, from which it is resumed" },
    { "RUN/metrics.jsonl", "losses and times, one JSON object per logged step" },
    { "RUN/samples/step-*.png", "grids of input | output | target" },
    { "RUN/checkpoints/step-*.safetensors",
      "networks, optimiser and the options that describe them" },
    { "RUN/tuning.json", "kernels that the run uses" },
    { "RUN/lock", "keeps a second process out of the run" },
};

static const struct entry examples[] = {
    { "pix2pix train --data pairs --direction BtoA --out run",
      "Trains on pairs/train, from B to A. Ctrl-C writes a checkpoint and stops." },
    { "pix2pix train --out run --continue", "Resumes the run." },
    { "pix2pix evaluate --model run --data pairs --split test --grid grid.png",
      "Measures the model on images that it has not seen, and draws them." },
    { "pix2pix translate --model run --input photos --output maps",
      "Translates a folder of images." },
    { "pix2pix convert run generator.onnx", "Exports the generator." },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// ---------------------------------------------------------------------------
// Text

// Prints text within a line. A bare '-' would become a typographic hyphen, which cannot
// be copied into a shell, and a backslash begins an escape. Returns the bytes printed.
static size_t put(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '-')
            count += (size_t)printf("\\-");
        else if (text[i] == '\\')
            count += (size_t)printf("\\e");
        else
            count += (size_t)printf("%c", text[i]);
    }
    return count;
}

static void put_word(const char *word)
{
    put(word, strlen(word));
}

// Prints lines of text: one or more for each sentence, as man(7) asks for, each shorter
// than 80 bytes, where mandoc begins to complain. A line that begins with '.' or '\''
// would be taken for a macro.
static void put_text(const char *text)
{
    enum { LONGEST = 78 };
    size_t column = 0;
    while (*text) {
        const size_t length = strcspn(text, " ");
        const char *next = text + length + (text[length] == ' ');
        if (column > 0 && column + 1 + length > LONGEST) {
            putchar('\n');
            column = 0;
        }
        if (column > 0)
            column += (size_t)printf(" ");
        else if (*text == '.' || *text == '\'')
            column += (size_t)printf("\\&");
        column += put(text, length);
        if (length > 0 && text[length - 1] == '.' && isupper((unsigned char)*next)) {
            putchar('\n');
            column = 0;
        }
        text = next;
    }
    if (column > 0)
        putchar('\n');
}

// Prints a command line: words in bold, those in capitals, which stand for values, in
// italic, the brackets and bars between them in roman.
static void put_usage(const char *text)
{
    while (*text) {
        const bool is_word = isalpha((unsigned char)*text) || *text == '-';
        size_t length = 0;
        while (is_word ? isalnum((unsigned char)text[length]) || text[length] == '-' ||
                             text[length] == '.'
                       : text[length] && !isalpha((unsigned char)text[length]) &&
                             text[length] != '-')
            length++;
        const bool is_value = isupper((unsigned char)*text);
        printf("%s", !is_word ? "\\fR" : is_value ? "\\fI" : "\\fB");
        put(text, length);
        text += length;
    }
    printf("\\fR\n");
}

static void put_entries(const struct entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        printf(".TP\n.B ");
        put_word(entries[i].term);
        putchar('\n');
        put_text(entries[i].text);
    }
}

static void put_row(const struct help_row *row)
{
    char text[512];
    printf(".TP\n\\fB");
    put_word("--");
    put_word(row->name);
    if (row->value) {
        printf("\\fR \\fI");
        put_word(row->value);
    }
    printf("\\fR\n");
    snprintf(text, sizeof(text), row->initial ? "%s [%s]" : "%s", row->help,
             row->initial);
    put_text(text);
}

// ---------------------------------------------------------------------------
// Page

void manual_print_command(const struct command *c)
{
    struct help_row row;
    printf(".SS pix2pix %s\n", c->name);
    for (size_t i = 0; c->usages[i]; i++) {
        char line[256];
        snprintf(line, sizeof(line), "pix2pix %s", c->usages[i]);
        if (i > 0)
            printf(".br\n");
        put_usage(line);
    }
    printf(".PP\n");
    put_text(c->purpose);
    for (size_t i = 0; rows_get_own(c, i, &row); i++)
        put_row(&row);
    if (c->is_training)
        printf(".PP\nTakes the\n.B TRAINING OPTIONS\nas well.\n");
}

static void put_training_options(void)
{
    struct help_row row;
    char name[256], text[256];
    printf(".SH TRAINING OPTIONS\n");
    put_text(
        "Names and defaults are those of the PyTorch port of pix2pix, with dashes; "
        "underscores work as well. The same names can be used in the file of "
        "--config.");
    for (size_t i = 0; rows_get_training(i, &row); i++) {
        if (row.group)
            printf(".SS %s\n", row.group);
        put_row(&row);
    }
    printf(".SS Recipes\n");
    put_text("A recipe sets these options to the values of another implementation; "
             "options that are given as well take precedence.");
    for (size_t i = 0; rows_get_recipe(i, name, text, sizeof(name)); i++)
        put_entries(&(struct entry){ name, text }, 1);
}

void manual_print_program(const struct command_entry *entries, size_t count)
{
    char format[] = "--help=man";
    const char *meaning;
    int code;
    printf(".\\\" SPDX-License-Identifier: MIT\n"
           ".\\\" Printed by pix2pix --help=man: do not edit.\n"
           ".TH PIX2PIX 1 \"\" \"pix2pix %s\" \"User Commands\"\n"
           ".SH NAME\npix2pix \\- paired image\\-to\\-image translation on any Vulkan "
           "device\n.SH SYNOPSIS\n",
           pix_version());
    put_usage("pix2pix COMMAND [OPTION...]");
    printf(".br\n");
    put_usage("pix2pix COMMAND --help");
    printf(".br\n");
    put_usage("pix2pix --help");
    printf(".br\n");
    put_usage("pix2pix --version");
    printf(".br\n");
    put_usage("pix2pix --licences");
    printf(".SH DESCRIPTION\n");
    put_text(description);
    printf(".SH COMMANDS\nDefaults are in [brackets].\n");
    for (size_t i = 0; i < count; i++)
        entries[i].run(1, (char *[]){ format, NULL });
    put_training_options();
    printf(".SH EXIT STATUS\n");
    for (size_t i = 0; (meaning = rows_get_exit_code(i, &code)); i++)
        printf(".TP\n.B %d\n%s\n", code, meaning);
    printf(".SH ENVIRONMENT\n");
    put_entries(variables, COUNT(variables));
    printf(".SH FILES\n");
    put_entries(files, COUNT(files));
    printf(".SH EXAMPLES\n");
    put_entries(examples, COUNT(examples));
}
