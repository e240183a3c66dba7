// SPDX-License-Identifier: MIT
//
// Kinds of files that rows.c can open: one reader or writer each. Readers say in
// `is_held` that rows are of no use for this file. NULL with the reason; writers log
// messages.

#ifndef DATA_ROWS_FILE_H
#define DATA_ROWS_FILE_H

#include "data/rows.h"

struct row_reader *rows_png_open(const char *path,
                                 const struct picture_reading *reading,
                                 struct reason *reason);
struct row_writer *rows_png_create(const char *path, const struct picture *form);
struct row_reader *rows_npy_open(const char *path,
                                 const struct picture_reading *reading,
                                 struct reason *reason);
struct row_writer *rows_npy_create(const char *path, const struct picture *form,
                                   enum array_order order);
struct row_reader *rows_tiff_open(const char *path,
                                  const struct picture_reading *reading,
                                  struct reason *reason);
struct row_writer *rows_tiff_create(const char *path, const struct picture *form);

#endif
