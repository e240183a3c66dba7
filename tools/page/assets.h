// SPDX-License-Identifier: MIT
//
// The files of tools/page/ that pages are made of, and docs/licences.md, as the build
// has put them into the program (cmake/embed.cmake).

#ifndef TOOLS_PAGE_ASSETS_H
#define TOOLS_PAGE_ASSETS_H

#include <stddef.h>

struct asset {
    const unsigned char *bytes;
    size_t size;
};

extern const struct asset asset_style, asset_script;    // page.css, page.js
extern const struct asset asset_uplot, asset_uplot_style, asset_uplot_licence;
extern const struct asset asset_licences;

#endif
