#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# What NumPy computes of samples with a range, which tests/test_range.c compares with:
# their values for the networks, the bytes that show them, and the percentiles of images
# that the test makes by the same formula.
#
#     tests/golden/range.py > tests/golden/range.json     (NumPy 1.24)

import json

import numpy as np

MASK = (1 << 64) - 1

RANGES = [
    ("u16", 37, 4095, [0, 36, 37, 38, 1000, 2066, 4094, 4095, 4096, 65535]),
    ("u16", 0, 16383, [0, 1, 64, 8191, 8192, 16382, 16383, 40000]),
    ("f32", -1000, 3000.5, [-2e4, -1000, -999.5, 0, 1000.25, 3000, 3000.5, 1e9]),
]


def splitmix(seed, index):
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def mapping(kind, low, high, samples):
    v = np.array(samples, np.float64)
    share = (v - low) / (high - low)
    return {
        "kind": kind, "low": low, "high": high, "samples": samples,
        "seen": (2 * share - 1).tolist(),
        "bytes": np.floor(np.clip(share, 0, 1) * 255 + 0.5).astype(int).tolist(),
    }


# Three images of 24 x 20, mostly dark, of 12 bits.
def image(number):
    flat = [splitmix(number, i) % 4096 * (splitmix(number, i + 1000) % 64) // 64
            for i in range(24 * 20)]
    return np.array(flat, np.float64)


def main():
    every = np.concatenate([image(n) for n in range(3)])
    low, high = np.percentile(every, [0.1, 99.9])
    print(json.dumps({
        "mappings": [mapping(*r) for r in RANGES],
        "u16": [float(np.floor(low)), float(np.ceil(high))],
        "f32": [float(low / 8 - 100), float(high / 8 - 100)],
    }, indent=1))


main()
