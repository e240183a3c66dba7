#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# What NumPy makes of frames of video and of pictures, by the formulas of ITU-R BT.601
# and BT.709 in doubles, which tests/test_yuv.c compares with. Chroma is interpolated by
# numpy.interp over the places of its samples, and filtered by sums of shifted rows.
#
#     tests/golden/yuv.py > tests/golden/yuv.json     (NumPy 1.24)

import json

import numpy as np

MASK = (1 << 64) - 1
WIDTH, HEIGHT = 7, 5
# Of 4:2:0: places of Cb and Cr in rows and columns of luma.
SITES = {
    "420jpeg": ((0.5, 0.5), (0.5, 0.5)),
    "420mpeg2": ((0.5, 0.0), (0.5, 0.0)),
    "420paldv": ((1.0, 0.0), (0.0, 0.0)),
}
SITES["420p"] = SITES["420mpeg2"]
KERNELS = {0.0: (0, 1, 2, 1), 0.5: (0, 0, 1, 1), 1.0: (0, 0, 1, 2, 1)}  # from row -2 on


def splitmix(seed, index):
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def numbers(seed, count, low, high):
    return np.array([low + splitmix(seed, i) % (high - low + 1) for i in range(count)], float)


class Format:
    def __init__(self, name, bits, full, matrix):
        self.name, self.bits, self.full, self.matrix = name, bits, full, matrix
        self.down = 2 if name.startswith("420") else 1
        self.across = 2 if name[:3] in ("420", "422") else 1
        self.planes = 1 if name.startswith("mono") else 3
        self.shape = (-(-HEIGHT // self.down), -(-WIDTH // self.across))
        self.sites = SITES.get(name.rstrip("0123456789") if bits > 8 else name,
                               ((0.0, 0.0), (0.0, 0.0)))
        most = 2 ** bits - 1
        step = 2 ** (bits - 8)
        self.luma = (0, most) if full else (16 * step, 219 * step)
        self.chroma = (128 * step, most) if full else (128 * step, 224 * step)
        self.most = most


def weights(matrix):
    red, blue = (0.299, 0.114) if matrix == "bt601" else (0.2126, 0.0722)
    return np.array([red, 1 - red - blue, blue])


def along(axis, plane, step, site, size):
    places = np.arange(plane.shape[axis]) * step + site
    return np.apply_along_axis(lambda v: np.interp(np.arange(size), places, v), axis, plane)


def to_rgb(f, planes):
    y = (planes[0] - f.luma[0]) / f.luma[1]
    if f.planes == 1:
        return np.clip(y, 0, 1)[None]
    wide = []
    for plane, site in zip(planes[1:], f.sites):
        plane = (plane - f.chroma[0]) / f.chroma[1]
        if f.down == 2:
            plane = along(0, plane, 2, site[0], HEIGHT)
        if f.across == 2:
            plane = along(1, plane, 2, site[1], WIDTH)
        wide.append(plane)
    k = weights(f.matrix)
    red = y + 2 * (1 - k[0]) * wide[1]
    blue = y + 2 * (1 - k[2]) * wide[0]
    green = (y - k[0] * red - k[2] * blue) / k[1]
    return np.clip([red, green, blue], 0, 1)


def thin(plane, site):
    """Every other row, filtered around its place."""
    kernel = KERNELS[site]
    count = -(-plane.shape[0] // 2)
    rows = [sum(share * plane[min(max(2 * i + at - 2, 0), plane.shape[0] - 1)]
                for at, share in enumerate(kernel)) / sum(kernel) for i in range(count)]
    return np.array(rows)


def from_rgb(f, rgb):
    if f.planes == 1:
        return [np.floor(f.luma[0] + rgb[0] * f.luma[1] + 0.5)]
    k = weights(f.matrix)
    y = np.tensordot(k, rgb, 1)
    planes = [f.luma[0] + y * f.luma[1]]
    for c, site in ((2, f.sites[0]), (0, f.sites[1])):
        chroma = (rgb[c] - y) / (2 * (1 - k[c]))
        if f.across == 2:
            chroma = thin(chroma.T, site[1]).T
        if f.down == 2:
            chroma = thin(chroma, site[0])
        planes.append(f.chroma[0] + chroma * f.chroma[1])
    return [np.clip(np.floor(p + 0.5), 0, f.most) for p in planes]


def main():
    formats = [
        ("420jpeg", 8, False, "bt601"), ("420jpeg", 8, True, "bt709"),
        ("420mpeg2", 8, False, "bt601"), ("420paldv", 8, False, "bt601"),
        ("422", 8, False, "bt709"), ("444", 8, False, "bt601"), ("444", 8, True, "bt601"),
        ("mono", 8, False, "bt601"), ("mono", 8, True, "bt601"),
        ("420p10", 10, False, "bt709"), ("422p12", 12, True, "bt601"),
        ("444p16", 16, False, "bt709"), ("420p16", 16, True, "bt601"),
        ("mono16", 16, False, "bt601"),
    ]
    cases = []
    for seed, (name, bits, full, matrix) in enumerate(formats):
        f = Format(name, bits, full, matrix)
        codes = [numbers(4 * seed, HEIGHT * WIDTH, 0, f.most).reshape(HEIGHT, WIDTH)]
        for c in range(1, f.planes):
            middle, reach = f.chroma[0], f.most // 6
            codes.append(numbers(4 * seed + c, f.shape[0] * f.shape[1], middle - reach,
                                 middle + reach).reshape(f.shape))
        rgb = to_rgb(f, codes)
        picture = numbers(4 * seed + 3, f.planes * HEIGHT * WIDTH, 0, 65535)
        picture = picture.reshape(f.planes, HEIGHT, WIDTH)
        made = from_rgb(f, picture / 65535)
        cases.append({
            "name": name, "full": full, "matrix": matrix,
            "codes": np.concatenate([c.flatten() for c in codes]).astype(int).tolist(),
            "rgb": np.floor(rgb * 65535 + 0.5).astype(int).flatten().tolist(),
            "picture": picture.astype(int).flatten().tolist(),
            "made": np.concatenate([m.flatten() for m in made]).astype(int).tolist(),
        })
    rows = ",\n".join(json.dumps(c) for c in cases)
    print('{"width": %d, "height": %d, "cases": [\n%s\n]}' % (WIDTH, HEIGHT, rows))


main()
