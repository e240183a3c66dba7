#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# CIE L*a*b* of colours by scikit-image (D65, 2 degrees), which tests/test_colour.c
# compares with.
#
#     tests/golden/colour.py > tests/golden/colour.json       (scikit-image 0.19)

import json

import numpy as np
from skimage.color import lab2rgb, rgb2lab

COUNT = 96


def main():
    random = np.random.default_rng(1)
    rgb = random.integers(0, 256, (COUNT, 3))
    # The corners of the cube, and the knee of sRGB's curve.
    rgb[:8] = [[255 * (i >> 2 & 1), 255 * (i >> 1 & 1), 255 * (i & 1)] for i in range(8)]
    rgb[8:12] = [[10, 10, 10], [11, 11, 11], [1, 2, 3], [12, 0, 9]]
    lab = rgb2lab(rgb[None] / 255)[0]
    # Also colours that sRGB does not have, and those near the knee of L*.
    wide = np.stack([random.uniform(0, 100, COUNT), random.uniform(-110, 110, COUNT),
                     random.uniform(-110, 110, COUNT)], 1)
    wide[:4] = [[0, 0, 0], [100, 0, 0], [7.9, 1, -1], [8.1, -1, 1]]
    # scikit-image says on stderr where it clips.
    back = np.floor(lab2rgb(wide[None])[0] * 65535 + 0.5).astype(int)
    print(json.dumps({
        "rgb": rgb.T.ravel().tolist(),
        "lab": lab.T.ravel().tolist(),
        "wide": wide.T.ravel().tolist(),
        "back": back.T.ravel().tolist(),
    }, indent=1))


if __name__ == "__main__":
    main()
