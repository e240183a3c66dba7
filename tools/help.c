// SPDX-License-Identifier: MIT
//
// Help as text and as Markdown. See help.h.

#include "help.h"

#include "manual.h"
#include "page/assets.h"
#include "rows.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 80    // columns of a terminal that everyone has

bool help_is_asked(const char *word, enum help_format *format)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        *format = HELP_TEXT;
    else if (strcmp(word, "--help=man") == 0)
        *format = HELP_MAN;
    else if (strcmp(word, "--help=markdown") == 0)
        *format = HELP_MARKDOWN;
    else
        return false;
    return true;
}

// ---------------------------------------------------------------------------
// Text

// Prints words up to WIDTH columns, from `column` where the line is now; further lines
// begin at column `indent`.
static void print_folded(const char *text, size_t column, size_t indent)
{
    bool begins = column <= indent;
    for (const char *word = text; *word;) {
        const size_t length = strcspn(word, " ");
        if (!begins && column + 1 + length > WIDTH) {
            printf("\n%*s", (int)indent, "");
            column = indent;
            begins = true;
        }
        column += (size_t)printf("%s%.*s", begins ? "" : " ", (int)length, word);
        begins = false;
        word += length + strspn(word + length, " ");
    }
    putchar('\n');
}

static void print_row(const struct help_row *row)
{
    char left[64], text[512];
    snprintf(left, sizeof(left), "%s%s%s", row->name, row->value ? " " : "",
             row->value ? row->value : "");
    snprintf(text, sizeof(text), row->initial ? "%s [%s]" : "%s", row->help,
             row->initial);
    const int column = printf("  --%-20s ", left);
    print_folded(text, (size_t)column, 25);
}

static void print_command(const struct command *c)
{
    struct help_row row;
    for (size_t i = 0; c->usages[i]; i++)
        printf("%s pix2pix %s\n", i ? "      " : "usage:", c->usages[i]);
    print_folded(c->purpose, 0, 0);
    putchar('\n');
    for (size_t i = 0; c->is_training && rows_get_training(i, &row); i++) {
        if (row.group)
            printf("%s%s:\n", i ? "\n" : "", row.group);
        print_row(&row);
    }
    if (c->is_training)
        printf("\nCommand:\n");
    for (size_t i = 0; rows_get_own(c, i, &row); i++)
        print_row(&row);
}

void help_print_usage(FILE *stream, const struct command_entry *entries, size_t count)
{
    const char *meaning;
    int code;
    fprintf(stream, "usage: pix2pix COMMAND [OPTION...]\n"
                    "Paired image-to-image translation on any Vulkan device.\n\n");
    for (size_t i = 0; i < count; i++)
        fprintf(stream, "  %-12s %s\n", entries[i].name, entries[i].help);
    fprintf(stream,
            "\n  pix2pix COMMAND --help   options of a command\n"
            "  pix2pix --version        version of the library, files that it reads\n"
            "  pix2pix --licences       notices of the libraries in it\n"
            "  pix2pix --help=man       manual page (pix2pix.1)\n"
            "  pix2pix --help=markdown  options as Markdown tables\n\nexit codes:");
    for (size_t i = 0; (meaning = rows_get_exit_code(i, &code)); i++)
        fprintf(stream, "%s %d %s", i ? "," : "", code, meaning);
    fputc('\n', stream);
}

void help_print_licences(void)
{
    fwrite(asset_licences.bytes, 1, asset_licences.size, stdout);
}

// ---------------------------------------------------------------------------
// Markdown

// Prints a text into a cell of a table, where '|' would end it.
static void put_cell(const char *text)
{
    for (; *text; text++)
        printf(*text == '|' ? "\\|" : "%c", *text);
}

static void put_row(const struct help_row *row)
{
    printf("| `--%s%s", row->name, row->value ? " " : "");
    put_cell(row->value ? row->value : "");
    printf("` | %s", row->initial ? "`" : "");
    put_cell(row->initial ? row->initial : "");
    printf("%s | ", row->initial ? "`" : "");
    put_cell(row->help);
    printf(" |\n");
}

static void put_table_heading(void)
{
    printf("| option | default | meaning |\n| --- | --- | --- |\n");
}

static void put_command(const struct command *c)
{
    struct help_row row;
    char name[256], text[256];
    for (size_t i = 0; c->is_training && rows_get_training(i, &row); i++) {
        if (row.group) {
            printf("%s### %s\n\n", i ? "\n" : "", row.group);
            put_table_heading();
        }
        put_row(&row);
    }
    if (c->is_training)
        printf("\n### Command\n\n");
    put_table_heading();
    for (size_t i = 0; rows_get_own(c, i, &row); i++)
        put_row(&row);
    if (c->is_training)
        printf("\n### Recipes\n\n| recipe | sets |\n| --- | --- |\n");
    for (size_t i = 0; c->is_training && rows_get_recipe(i, name, text, sizeof(name));
         i++)
        printf("| `%s` | `%s` |\n", name, text);
}

static void put_program(const struct command_entry *entries, size_t count)
{
    char format[] = "--help=markdown";
    for (size_t i = 0; i < count; i++) {
        printf("%s## %s\n\n", i ? "\n" : "", entries[i].name);
        entries[i].run(1, (char *[]){ format, NULL });
    }
}

// ---------------------------------------------------------------------------

void help_print_command(const struct command *c, enum help_format format)
{
    if (format == HELP_MAN)
        manual_print_command(c);
    else if (format == HELP_MARKDOWN)
        put_command(c);
    else
        print_command(c);
}

void help_print_program(const struct command_entry *entries, size_t count,
                        enum help_format format)
{
    if (format == HELP_MAN)
        manual_print_program(entries, count);
    else if (format == HELP_MARKDOWN)
        put_program(entries, count);
    else
        help_print_usage(stdout, entries, count);
}
