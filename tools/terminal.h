// SPDX-License-Identifier: MIT
//
// What the command asks of the operating system beside the library: its arguments,
// interrupts, the terminal, time, and what a path names. One file per system:
// terminal_posix.c, terminal_win32.c. Paths and arguments are UTF-8.

#ifndef TOOLS_TERMINAL_H
#define TOOLS_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

// Call first: makes arguments and output UTF-8 where they are not already, and signals
// of failed writes into errors, which are handled.
bool terminal_init(int *argc, char ***argv);

// After this an interrupt (Ctrl-C) only sets what terminal_interrupted returns. A
// second one ends the process at once with exit code 130.
void terminal_catch_interrupt(void);
bool terminal_interrupted(void);

bool terminal_is_interactive(FILE *stream);
int terminal_columns(FILE *stream);    // 80 where it can not be known

double terminal_seconds(void);    // monotonic

enum path_kind { PATH_NONE, PATH_FILE, PATH_FOLDER, PATH_OTHER };
enum path_kind terminal_path_kind(const char *path);    // follows links

// Whether two paths name the same existing file or folder.
bool terminal_same_path(const char *a, const char *b);

// fopen. NULL: errno says why.
FILE *terminal_open_file(const char *path, const char *mode);

// A file that replaces another when it is whole. begin: opens a new one beside `path`,
// or beside what a link leads to; what is no regular file is opened itself. end closes
// it and puts it in place; if it can not, or not `keep`, what was there stays. False or
// NULL: errno says why.
struct replacement {
    FILE *file;
    char *target, *temporary;    // NULL where the file itself is open
};
bool terminal_begin_replacement(struct replacement *r, const char *path);
bool terminal_end_replacement(struct replacement *r, bool keep);

// Makes a folder with its parents; an existing one is fine. False: errno says why.
bool terminal_make_folder(const char *path);

#endif
