#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Makes engine/selftest/golden_operations.c: what operations that are in no training step
# of `pix2pix selftest` (make.py) give, by PyTorch in doubles. Operands are formula_weight's
# by their names. Random bits are those of Philox 4x32-10 (Salmon et al. 2011), which is
# checked against the table of known answers of Random123 first. Run
#
#     /usr/bin/python3 tests/golden/operations.py      (Debian's python3-torch)

import os

import numpy as np
import torch
import torch.nn.functional as F

import reference

TARGET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "engine",
                      "selftest", "golden_operations.c")

SHAPE = (2, 5, 6, 7)
COUNT = int(np.prod(SHAPE))

# As engine/selftest/operations.c has them.
STEP, SEED_LOW, SEED_HIGH = 3, 0x01234567, 0x89ABCDEF
DROPOUT = 0.3
CROSS_ENTROPY = 2.5
RATES = (20.0, 15.0, 10.0)
MOMENTUM = 0.9
DECAY = 0.8
IMAGE, CROP = (9, 11), (8, 7)
MATRICES = ((0.0, 0.83, -0.71, 0.0, 1.1, 7.9), (0.9, 0.2, -0.15, 1.2, -0.6, 0.45))
GAIN, SHIFT, NOISE, TOUCHED = (1.25, 0.8), (-0.1, 0.2), (0.1, 0.05), 2
KEYS = ((0x9E3779B9, 7), (3, 0xFFFFFFFE))


def philox(counter, key):
    counter, key = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [b >> 32 ^ counter[1] ^ key[0], b & 0xFFFFFFFF,
                   a >> 32 ^ counter[3] ^ key[1], a & 0xFFFFFFFF]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return counter


def check_philox():
    assert philox([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert philox([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
                  [0xA4093822, 0x299F31D0]) == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


def weight(name, scale, shape=SHAPE, offset=0.0):
    return reference.formula_weight(name, shape, scale, offset).double()


def dropout_mask(probability, count, stream):
    words = []
    for block in range((count + 3) // 4):
        words += philox([block, STEP, stream, 0], [SEED_LOW, SEED_HIGH])
    keep = np.array(words[:count]) >= int(probability * 2**32)
    return torch.from_numpy(keep / (1 - probability)).reshape(SHAPE)


def with_gradient(name, scale, function, shape=SHAPE):
    """function(x) gives what is looked at, and the loss."""
    x = weight(name, scale, shape).requires_grad_()
    y, loss = function(x)
    loss.backward()
    return [y.detach(), x.grad]


# ---------------------------------------------------------------------------
# Operations: arrays in the order of operations.c


def softmax():
    def run(x):
        y = 2 * torch.softmax(x, 1) - 1
        return y, F.mse_loss(y, weight("softmax.target", 1))

    return with_gradient("softmax.x", 4, run)


def cross_entropy():
    numbers = reference.splitmix64(reference.fnv1a("classes"), 2 * 6 * 7)
    classes = torch.from_numpy((numbers % np.uint64(5)).astype(np.int64)).reshape(2, 6, 7)

    def run(x):
        loss = CROSS_ENTROPY * F.cross_entropy(x, classes)
        return loss, loss

    return with_gradient("softmax.x", 4, run)


def dropout():
    def run(x):
        y = x * dropout_mask(DROPOUT, COUNT, 0)
        return y, F.mse_loss(y, torch.zeros_like(y))

    return with_gradient("dropout.x", 1, run)


def dropout_of_norm():
    """As the networks have it: norm, ReLU and dropout in one."""

    def run(x):
        y = F.batch_norm(x, None, None, weight("norm.scale", 0.5, (5,), 1.0),
                         weight("norm.shift", 0.5, (5,)), True, 0.1, 1e-5)
        y = F.relu(y) * dropout_mask(DROPOUT, COUNT, 0)
        return y, F.mse_loss(y, weight("dropout.target", 1))

    return with_gradient("dropout.x", 1, run)


def descend():
    """The weight and the momentum after the last step, and the moving average."""
    w = weight("sgd.w", 1).requires_grad_()
    average = w.detach().clone()
    optimizer = torch.optim.SGD([w], lr=1, momentum=MOMENTUM)
    for rate in RATES:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        F.mse_loss(w, weight("sgd.target", 1)).backward()
        optimizer.step()
        average.lerp_(w.detach(), 1 - DECAY)
    return w.detach(), optimizer.state[w]["momentum_buffer"], average


def sgd():
    return list(descend()[:2])


def average():
    return [descend()[2]]


def augmentation():
    """The same two samples of three channels, bilinear and nearest."""
    h, w = IMAGE
    count = 2 * 3 * h * w
    numbers = reference.splitmix64(reference.fnv1a("augmentation"), count)
    pixels = torch.from_numpy((numbers >> np.uint64(56)).astype(np.float64))
    x = (pixels / 255 - 0.5).reshape(2, 3, h, w) / 0.5
    number = lambda v: float(np.float32(v))
    places = []
    for matrix in MATRICES:
        a, b, c, d, e, f = map(number, matrix)
        rows, columns = np.mgrid[0 : CROP[0], 0 : CROP[1]] + 0.5
        across = a * columns + b * rows + e
        down = c * columns + d * rows + f
        # No place is in doubt between two pixels.
        for v in (across, down):
            assert np.abs(v - np.round(v)).min() > 1e-4
        places.append(np.stack([2 * across / w - 1, 2 * down / h - 1], -1))
    grid = torch.from_numpy(np.stack(places))
    results = []
    for mode in "bilinear", "nearest":
        y = F.grid_sample(x, grid, mode=mode, padding_mode="border", align_corners=False)
        for n in range(2):
            noise = []
            for i in range(TOUCHED * CROP[0] * CROP[1]):
                words = philox([i, 0, 0, 0], KEYS[n])
                u, v = ((words[0] >> 8) + 0.5) / 2**24, (words[1] >> 8) / 2**24 - 0.5
                noise.append(np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v))
            noise = torch.tensor(noise).reshape(TOUCHED, *CROP)
            y[n, :TOUCHED] = y[n, :TOUCHED] * number(GAIN[n]) + number(SHIFT[n])
            y[n, :TOUCHED] += noise * number(NOISE[n])
        results.append(y.clamp(-1, 1))
    return results


def distance():
    """What LPIPS has beside convolutions: constants, pools, units, and distances."""
    shape = (2, 3, 9, 12)
    scale = weight("distance.scale", 0.5, (1, 3, 1, 1), 2.0)
    shift = weight("distance.shift", 0.5, (1, 3, 1, 1))

    def features(x):
        x = F.max_pool2d(x * scale + shift, 3, 2, ceil_mode=True)
        return x / (x.pow(2).sum(1, keepdim=True).sqrt() + 1e-10)

    def run(x):
        off = features(x) - features(weight("distance.b", 1, shape))
        heads = weight("distance.w", 0.5, (1, 3, 1, 1), 1.0)
        y = (off.pow(2) * heads).sum(1).mean((1, 2))
        return y, y.sum()

    return with_gradient("distance.a", 1, run, shape)


# ---------------------------------------------------------------------------


def main():
    check_philox()
    lines = [
        "// SPDX-License-Identifier: MIT",
        "//",
        "// Made by tests/golden/operations.py, with PyTorch in double precision: do not "
        "edit.",
        "",
        '#include "selftest/golden_operations.h"',
        "",
        "// clang-format off",
    ]
    for function in (softmax, cross_entropy, dropout, dropout_of_norm, sgd, average,
                     augmentation, distance):
        name = function.__name__
        results = [np.asarray(r, np.float64).ravel() for r in function()]
        for i, result in enumerate(results):
            lines += ["", "static const float %s_%d[] = {" % (name, i)]
            for at in range(0, len(result), 6):
                lines.append("    " + ", ".join(
                    number_text(v) for v in result[at : at + 6]) + ",")
            lines.append("};")
        lines += ["", "const struct golden_operation golden_%s = { {" % name]
        for i in range(len(results)):
            lines.append("    { %s_%d, sizeof(%s_%d) / sizeof(%s_%d[0]) }," % (
                (name, i) * 3))
        lines.append("} };")
        print("%s: %s numbers" % (name, " + ".join(str(len(r)) for r in results)))
    with open(TARGET, "w") as file:
        file.write("\n".join(lines) + "\n")


def number_text(v):
    text = "%.9g" % v
    return (text if "." in text or "e" in text else text + ".0") + "f"


if __name__ == "__main__":
    main()
