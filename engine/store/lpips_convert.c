// SPDX-License-Identifier: MIT
//
// See lpips_convert.h.

#include "store/lpips_convert.h"

#include "base/file.h"
#include "base/log.h"
#include "store/lpips_file.h"
#include "store/output_guard.h"

#include <string.h>

static bool check_paths(const struct pix_lpips_options *o, const char *heads)
{
    const char *const inputs[] = { o->backbone, heads };
    if (!o->backbone || !*o->backbone || !o->output || !*o->output) {
        log_error("convert: name the file of the backbone and the file to write");
        return false;
    }
    if (strcmp(file_extension(o->output), ".safetensors") != 0) {
        log_error("convert: %s must end in .safetensors", o->output);
        return false;
    }
    return output_guard_checkpoint(o->output) &&
           output_guard_inputs(o->output, inputs, ARRAY_LEN(inputs));
}

bool lpips_convert_run(const struct pix_lpips_options *options)
{
    const char *heads = options->heads && *options->heads ? options->heads : NULL;
    if (!check_paths(options, heads))
        return false;
    struct lpips_file *f = lpips_file_open(options->backbone, heads, "convert");
    const bool ok = f && lpips_file_write(f, options->output);
    if (ok)
        log_info("convert: %s is LPIPS with %s", options->output,
                 lpips_backbone_title(lpips_file_backbone(f)));
    lpips_file_close(f);
    return ok;
}
