#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Edges by scikit-image, which tests/test_edges.c compares with: of an image of smooth
# shapes that the test makes from the same formula, as a text for each row.
#
#     tests/golden/edges.py > tests/golden/edges.json         (scikit-image 0.19)

import json

import numpy as np
from skimage.feature import canny

WIDTH, HEIGHT = 61, 47


def image():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    waves = 37 * x * x + 11 * x * y + 5 * y * y * y
    levels = (waves // 997) % 7 * 30 + (x * y) % 11
    levels[(x - 20) ** 2 + (y - 22) ** 2 < 150] = 240
    return levels.astype(np.uint8)


def main():
    edges = canny(image() / 255, sigma=2, low_threshold=0.1, high_threshold=0.2,
                  mode="nearest")
    print(json.dumps({
        "width": WIDTH, "height": HEIGHT,
        "rows": ["".join(".#"[int(v)] for v in row) for row in edges],
    }, indent=1))


if __name__ == "__main__":
    main()
