// SPDX-License-Identifier: MIT
//
// What the command needs of the operating system beside the library: its arguments,
// interrupts, the terminal, time, and what is at a path. One file per system:
// terminal_posix.c, terminal_win32.c. Paths and arguments are UTF-8.

#ifndef TOOLS_TERMINAL_H
#define TOOLS_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

// Call first: makes arguments and output UTF-8 where they are not already, and turns
// signals of failed writes into errors, which are handled.
bool terminal_init(int *argc, char ***argv);

// After this an interrupt (Ctrl-C) only makes terminal_is_interrupted true. A second
// one ends the process immediately with exit code 130.
void terminal_catch_interrupt(void);
bool terminal_is_interrupted(void);

bool terminal_is_interactive(FILE *stream);
int terminal_get_columns(FILE *stream);    // 80 where it is unknown

double terminal_get_seconds(void);    // monotonic

enum path_kind { PATH_NONE, PATH_FILE, PATH_FOLDER, PATH_OTHER };
enum path_kind terminal_get_path_kind(const char *path);    // follows links

// Whether two paths name the same existing file or folder.
bool terminal_is_same_path(const char *a, const char *b);

// fopen. NULL: errno says why.
FILE *terminal_open_file(const char *path, const char *mode);

// For replacement.c: the path that links lead to, caller frees; a new file, NULL if the
// path exists. NULL: errno says why.
char *terminal_resolve_path(const char *path);
FILE *terminal_create_file(const char *path);
bool terminal_move_file(const char *from, const char *to);    // replaces `to`
void terminal_remove_file(const char *path);
bool terminal_is_separator(char c);
unsigned long terminal_get_process_number(void);

// Creates a folder and its parents; an existing one is fine. False: errno says why.
bool terminal_make_folder(const char *path);

#endif
