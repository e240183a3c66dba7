// SPDX-License-Identifier: MIT
//
// For tests of files of one network: weights of any network, files with values that
// follow from their names, and the messages about them.

#ifndef SUPPORT_NETWORK_FILES_H
#define SUPPORT_NETWORK_FILES_H

// What cmocka.h needs before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "formats/safetensors.h"
#include "models/model.h"
#include "store/network_file.h"

// ---------------------------------------------------------------------------
// Messages

// Collects them from one to the other. The folder of the test's files is made and, with
// all that is in it, removed. Both return 0, or what cmocka takes for a failure.
int network_open(const char *folder);
int network_close(const char *folder);

// The same as fixtures of a test whose first state is the folder, and such a test: the
// file that has it names the folder FOLDER.
int network_setup(void **folder);
int network_teardown(void **folder);
#define network_test(f)                                                                \
    cmocka_unit_test_prestate_setup_teardown(f, network_setup, network_teardown,       \
                                             (void *)FOLDER)

// Errors since network_forget_messages, the last one, the last warning, and all of
// level info, each with a newline.
unsigned network_errors(void);
const char *network_last_error(void);
const char *network_last_warning(void);
const char *network_infos(void);
void network_forget_messages(void);

// The last error has `part` in it.
void network_check_says(const char *part);

// ---------------------------------------------------------------------------
// Networks and files of them

// The weights of a network, to be destroyed by the caller.
struct weights *network_generator_weights(const struct generator_options *o);
struct weights *network_discriminator_weights(const struct discriminator_options *o,
                                              uint32_t channels);

// The value of an element of a weight: of any scale, and unlike any other.
float network_value(const char *name, size_t i);

// What a file is made of: weights, and their names in it.
struct network_dump {
    const struct weights *weights;
    const char *(*name)(const struct weight *w, char text[256]);
};

const char *network_own_name(const struct weight *w, char text[256]);

// For pth_write, with a dump as `user`: network_value of each element.
bool network_dump_values(void *user, size_t i, void *data);

// Writes a file as torch.save would.
void network_write_pth(const char *path, const struct network_dump *d);

// Writes a file with the metadata that the writer has been given.
void network_write_safetensors(struct safetensors_writer *w, const char *path,
                               const struct network_dump *d);

// Every weight that is read has the values of network_value.
void network_check_values(struct network_file *f, const struct weights *weights);

#endif
