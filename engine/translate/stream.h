// SPDX-License-Identifier: MIT
//
// The ends of a pipeline that are streams of frames: YUV4MPEG2, or raw frames.

#ifndef TRANSLATE_STREAM_H
#define TRANSLATE_STREAM_H

#include "base/base.h"
#include "pix2pix.h"

struct translator;

// See pix_translator_run_stream.
bool stream_translate(struct translator *t, const struct pix_stream_options *options,
                      uint64_t *frames);

#endif
