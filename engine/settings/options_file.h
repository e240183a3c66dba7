// SPDX-License-Identifier: MIT
//
// Training options in files: RUN/config.json, the metadata of weights, and the
// configuration files that users write.

#ifndef SETTINGS_OPTIONS_FILE_H
#define SETTINGS_OPTIONS_FILE_H

#include "base/base.h"
#include "base/json.h"
#include "pix2pix.h"
#include "settings/settings.h"

// One flat object, names as on the command line ("crop-size"), without the rows that
// are run state. A path that is not UTF-8 has a second member, "data-bytes" for "data":
// its bytes as hexadecimal digits, which are what is read back; "data" itself has '?'
// for each byte that is not ASCII. To be passed to json_text, which accepts NULL: out
// of memory.
json_t *options_to_json(const struct pix_train_options *o);

// Takes an option out of such an object, which may be NULL.
void options_drop_from_json(json_t *object, const char *name);

// Reads such an object over `o`, which must have been initialised and is freed with
// options_finish. Unknown names, which a newer version may have written, are warned
// about; wrong types and values out of range are errors. False after a message.
bool options_read_json(json_t *object, struct pix_train_options *o);

// Reads the options that a file of weights stores as JSON text over s->options, and
// resolves the settings. False after one message, which begins with `what` and names
// the file.
bool options_read_stored(const char *text, const char *what, const char *path,
                         struct settings *s);

// See pix_train_options_read_file and pix_train_options_read.
bool options_read_file(const char *path, struct pix_train_options *o);
bool options_read_run(const char *run, struct pix_train_options *o);

// The settings of a run, resolved. False after a message, with nothing to finish.
bool settings_read_run(const char *run, struct settings *s);

#endif
