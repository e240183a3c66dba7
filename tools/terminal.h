// SPDX-License-Identifier: MIT
//
// What the command needs of the operating system beside the library: its arguments,
// interrupts, the terminal, time, and what is at a path. One file per system:
// terminal_posix.c, terminal_win32.c. Paths and arguments are UTF-8.

#ifndef TOOLS_TERMINAL_H
#define TOOLS_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

// Call first: makes arguments and output UTF-8 where they are not already, turns
// signals of failed writes into errors, which are handled, and opens the null device in
// place of standard streams that are closed. False: one of these failed.
bool terminal_init(int *argc, char ***argv);

// After this a request to end only makes terminal_is_interrupted true: Ctrl-C, SIGTERM,
// SIGHUP (its terminal was closed); on Windows Ctrl-Break, closing the console, logging
// off and shutting down too. The first one prints `notice`, which says what is still
// done and lives until the process ends. Those that follow change nothing, however
// close together they come, except Ctrl-C more than a second after the first Ctrl-C: it
// ends the process immediately with exit code 130. A later call replaces the notice.
// SIGHUP that is ignored before it stays so.
void terminal_catch_interrupt(const char *notice);
bool terminal_is_interrupted(void);

bool terminal_is_interactive(FILE *stream);
int terminal_get_columns(FILE *stream);    // 80 where it is unknown

double terminal_get_seconds(void);    // monotonic

// Standard input and output as streams of bytes, after terminal_begin_streams: nothing
// else may read or write them. Reading waits for at least one byte; *count is 0 at the
// end, and when it waits after terminal_is_interrupted or terminal_end_reading. Writing
// gives up (ETIMEDOUT) where the reader takes nothing for two seconds after
// terminal_is_interrupted; not on Windows. False: errno says why.
void terminal_begin_streams(void);
bool terminal_read_bytes(void *bytes, size_t size, size_t *count);
bool terminal_write_bytes(const void *bytes, size_t size);
void terminal_end_reading(void);

enum path_kind { PATH_NONE, PATH_FILE, PATH_FOLDER, PATH_OTHER };
enum path_kind terminal_get_path_kind(const char *path);    // follows links

// Whether the system says that a path leads to nothing. PATH_NONE may also mean that it
// could not look.
bool terminal_is_absent(const char *path);

// Whether two paths name the same existing file or folder.
bool terminal_is_same_path(const char *a, const char *b);

// fopen; processes that the program starts do not inherit the file. NULL: errno says
// why.
FILE *terminal_open_file(const char *path, const char *mode);

// Opens a file to read. What is not a regular file is refused: a pipe may never end, or
// never begin. *size is how many bytes it has. NULL: *reason says why; it lives until
// the next call.
FILE *terminal_open_regular(const char *path, uint64_t *size, const char **reason);

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
