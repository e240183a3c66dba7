#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# What scikit-image computes for pairs of images made by a formula, which
# tests/test_metrics.c makes too: PSNR and SSIM with the options of Wang et al. 2004
# (its own defaults are others), and MS-SSIM from its pieces, which scikit-image lacks.
#
#     tests/golden/metrics.py > tests/golden/metrics.json     (scikit-image 0.19)
#
# Exit code 77 if numpy, scipy or scikit-image are missing.

import json
import sys

try:
    import numpy as np
    from scipy.ndimage import gaussian_filter
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit(77)

RANGE = {"u8": 255, "u16": 65535, "f32": 65535}
EXPONENTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
MASK = (1 << 64) - 1


def splitmix(seed, index):
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


# A wave of both axes with noise, and the same with other noise, in whole steps of the
# range; floats are those steps over [-1, 1].
def make(seed, width, height, channels, kind, noise):
    top = RANGE[kind]
    a = np.zeros((height, width, channels), np.int64)
    b = np.zeros_like(a)
    for c in range(channels):
        for y in range(height):
            for x in range(width):
                i = (c * height + y) * width + x
                wave = ((x * (3 + seed % 5) + y * (2 + c) + c * 40) % 128)
                wave = wave if wave < 64 else 127 - wave
                value = top * (16 + wave) // 96
                n = top * noise // 100
                a[y, x, c] = value
                b[y, x, c] = value + splitmix(seed, i) % (2 * n + 1) - n
    b = np.clip(b, 0, top)
    return a, b


# Counted from the sample that is black: SSIM depends on it.
def samples(kind, image, low):
    if kind == "f32":
        return (np.float32(image) / np.float32(65535) * np.float32(2) - np.float32(1)
                ).astype(np.float64) - low
    return image.astype(np.float64) - low


def window(image):
    return gaussian_filter(image, 1.5, truncate=3.5)[5:-5, 5:-5]


def contrast(a, b, data_range):
    c2 = (0.03 * data_range) ** 2
    ma, mb = window(a), window(b)
    va, vb = window(a * a) - ma * ma, window(b * b) - mb * mb
    return np.mean((2 * (window(a * b) - ma * mb) + c2) / (va + vb + c2))


def halve(image):
    h, w = image.shape
    image = np.pad(image, ((0, h % 2), (0, w % 2)), mode="edge")
    return (image[0::2, 0::2] + image[0::2, 1::2] + image[1::2, 0::2] +
            image[1::2, 1::2]) / 4


def ssim(a, b, data_range):
    return structural_similarity(a, b, gaussian_weights=True, sigma=1.5,
                                 use_sample_covariance=False, data_range=data_range)


def ms_ssim(a, b, data_range, scales):
    total = sum(EXPONENTS[:scales])
    product = 1.0
    for i in range(scales):
        last = i + 1 == scales
        value = ssim(a, b, data_range) if last else contrast(a, b, data_range)
        product *= max(value, 0) ** (EXPONENTS[i] / total)
        if not last:
            a, b = halve(a), halve(b)
    return product


def scale_count(width, height):
    side, scales = min(width, height), 0
    while scales < 5 and side >= 11:
        side //= 2
        scales += 1
    return scales


SIZES = [(11, 11), (12, 11), (13, 29), (21, 22), (23, 23), (31, 17), (37, 41), (43, 45),
         (44, 44), (47, 89), (53, 25), (63, 65), (87, 88), (95, 111), (11, 131), (177, 23),
         (176, 176), (181, 179)]


def cases():
    for i, (width, height) in enumerate(SIZES):
        for kind, channels in (("u8", 1), ("u8", 3), ("u16", 1), ("f32", 1 + i % 2)):
            if width * height * channels > 40000 and kind == "u16":
                continue
            yield (i * 4 + channels, width, height, channels, kind,
                   (1, 5, 20, 60)[i % 4], None)
    # With a range, outside of which some samples are.
    for i, (width, height) in enumerate(SIZES[:12:3]):
        yield 90 + i, width, height, 1, "u16", 20, (9000, 50001)
        yield 95 + i, width, height, 2, "f32", 5, (-0.625, 0.75)


def main():
    result = []
    for seed, width, height, channels, kind, noise, ends in cases():
        a, b = make(seed, width, height, channels, kind, noise)
        whole = (-1, 1) if kind == "f32" else (0, RANGE[kind])
        low, high = ends or whole
        a, b = samples(kind, a, low), samples(kind, b, low)
        data_range = float(high - low)
        scales = scale_count(width, height)
        planes = range(channels)
        result.append({
            "seed": seed, "width": width, "height": height, "channels": channels,
            "kind": kind, "noise": noise, "scales": scales,
            **({"low": low, "high": high} if ends else {}),
            "l1": float(np.mean(np.abs(a - b)) / data_range * 2),
            "mse": float(np.mean((a - b) ** 2) / data_range ** 2 * 4),
            "psnr": float(peak_signal_noise_ratio(a, b, data_range=data_range)),
            "ssim": float(np.mean([ssim(a[..., c], b[..., c], data_range)
                                   for c in planes])),
            "ms_ssim": float(np.mean([ms_ssim(a[..., c], b[..., c], data_range, scales)
                                      for c in planes])),
        })
    lines = ",\n".join(json.dumps(case) for case in result)
    print('{"cases": [\n%s\n]}' % lines)


main()
