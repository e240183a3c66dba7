// SPDX-License-Identifier: MIT
//
// The scores of images: a table on stdout, a JSON document, a CSV file.

#ifndef TOOLS_SCORES_H
#define TOOLS_SCORES_H

#include "output.h"
#include "pix2pix.h"

#include <stdbool.h>

// The name of a metric's column: that of the library, for MS-SSIM with the number of
// scales where it is not five: "ms_ssim_3". `text` has room for 32.
const char *scores_get_column(const struct pix_evaluation *e, enum pix_metric metric,
                              char *text);

// One line for each metric. `with_baselines`: with the means of the copied input and of
// the mean colour.
void scores_print(const struct pix_evaluation *e, bool with_baselines);

// Adds "metrics", "images" and "not_finite" to a document. Without baselines the
// numbers of a metric are its member itself, else those of "output", "copy" and
// "mean_colour" in it.
void scores_add_members(json_t **document, const struct pix_evaluation *e,
                        bool with_baselines);

// Whether a path may be given to scores_write_csv: it ends in .csv, so that it is no
// image.
bool scores_is_csv(const char *path);

// Writes one row for each image (RFC 4180). Infinite numbers are "inf", the
// scores of an output that is not finite "nan", what there is none of is empty. False
// after a message.
bool scores_write_csv(const struct pix_evaluation *e, bool with_baselines,
                      const char *path);

#endif
