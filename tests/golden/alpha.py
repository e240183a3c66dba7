#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# What NumPy makes of images that are laid over a background, which tests/test_alpha.c
# compares with; white and black of 8 bits are Pillow's too, within its rounding.
#
#     tests/golden/alpha.py > tests/golden/alpha.json     (NumPy 1.24, Pillow 9.4)

import json

import numpy as np
from PIL import Image

MASK = (1 << 64) - 1
WIDTH, HEIGHT = 10, 9


def splitmix(seed, index):
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def image(channels, most):
    count = channels * HEIGHT * WIDTH
    flat = [splitmix(channels, i) % (most + 1) for i in range(count)]
    planes = np.array(flat, np.float64).reshape(channels, HEIGHT, WIDTH)
    planes[-1, 0] = most     # opaque
    planes[-1, 1] = 0        # hidden
    return planes


def background(name, most):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    if name == "checker":
        return np.where((x // 8 + y // 8) % 2 == 0, most, most // 5 * 4)
    return np.full((HEIGHT, WIDTH), most if name == "white" else 0)


def lay(planes, name, most):
    alpha = planes[-1] / most
    over = planes[:-1] * alpha + background(name, most) * (1 - alpha)
    return np.floor(over + 0.5).astype(int)


def check_pillow(planes, name, laid):
    rgba = Image.fromarray(np.moveaxis(planes.astype(np.uint8), 0, 2), "RGBA")
    under = Image.new("RGBA", rgba.size, (255 if name == "white" else 0,) * 3 + (255,))
    theirs = np.asarray(Image.alpha_composite(under, rgba)).astype(int)[..., :3]
    assert np.abs(np.moveaxis(theirs, 2, 0) - laid).max() <= 1


def main():
    cases = []
    for kind, channels, most in (("u8", 4, 255), ("u8", 2, 255), ("u16", 4, 65535)):
        planes = image(channels, most)
        for name in ("white", "black", "checker"):
            laid = lay(planes, name, most)
            if kind == "u8" and channels == 4 and name != "checker":
                check_pillow(planes, name, laid)
            cases.append({"kind": kind, "channels": channels, "alpha": name,
                          "samples": laid.flatten().tolist()})
    rows = ",\n".join(json.dumps(c) for c in cases)
    print('{"width": %d, "height": %d, "cases": [\n%s\n]}' % (WIDTH, HEIGHT, rows))


main()
