// SPDX-License-Identifier: MIT
//
// The weights of LPIPS in files: what users can download, torchvision's network in one
// file and the lpips package's heads in another, and what `pix2pix convert --lpips`
// makes of them, one safetensors file. Needs no device.

#ifndef STORE_LPIPS_FILE_H
#define STORE_LPIPS_FILE_H

#include "base/file.h"
#include "models/lpips.h"

struct lpips_file;

// Opens the weights of a backbone and its heads, and checks names and shapes of all.
// The files may be safetensors or what torch.save wrote; `heads` NULL: the backbone's
// file has them too. Which backbone it is follows from the shapes. Names:
// "features.N.weight" as torchvision's, or "net.sliceM.N.weight" as in the package's
// LPIPS module; "linK.model.1.weight" [1, c, 1, 1] as the package's, or "linK.weight"
// [c]. What else the files hold, as torchvision's "classifier", is ignored, which is
// logged. `what` begins the messages ("evaluate") and must outlive the result. NULL
// after one message.
struct lpips_file *lpips_file_open(const char *backbone, const char *heads,
                                   const char *what);
void lpips_file_close(struct lpips_file *f);    // NULL is fine

enum lpips_backbone lpips_file_backbone(const struct lpips_file *f);

// Reads all weights of a network that lpips_build has made for this backbone and
// uploads them. `upload` is tensor_upload. False after one message, also where a value
// is not finite.
bool lpips_file_load(struct lpips_file *f, const struct weights *weights,
                     struct gpu_device *device,
                     bool (*upload)(struct gpu_device *device, struct tensor *t,
                                    const void *data));

// Writes one safetensors file with names as "features.0.weight" and "lin0.weight",
// whose metadata say what it is. It appears whole or not at all.
bool lpips_file_write(struct lpips_file *f, const char *path);

// The files that are taken where the user names none: lpips-*.safetensors in the
// program's folder for the user's data (os_data_folder), as paths, in the order of
// their names. True with none of them where there is no such folder; false after one
// message where it cannot be read. file_list_free.
bool lpips_file_list(struct file_list *paths);

// Whether an option names a file: it is not NULL, "" or "auto", which stand for these.
bool lpips_file_is_named(const char *path);

// What to do where there are none, for people: a sentence without its full stop.
const char *lpips_file_hint(void);

#endif
