#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Makes the fixtures of test_lpips by PyTorch, from weights that a formula gives to both
# sides: those of photographs are nobody's to give away here. Needs Debian's
# python3-torch and python3-numpy; the tests need the file only. Run
#
#     /usr/bin/python3 tests/golden/lpips.py
#
# lpips/cases.json is an array: "name" (alex, squeeze, vgg), "shape" of both images (x is
# reference.py's formula_input, y its formula_weight of the name "y"), "distance" of each
# pair, "largest" (of the magnitude of the gradient), "gradient" (every stride-th element
# of the gradient of the sum of the distances by x), "stride", "float32" (the largest
# difference of PyTorch's own distances in f32, in parts of the distance).

import json
import os

import torch
import torch.nn.functional as F

import reference

FOLDER = os.path.dirname(os.path.abspath(__file__))
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)


def conv(w, name, x, c_out, kernel, stride=1, pad=0):
    """A convolution with a bias, then ReLU. Weights that keep magnitudes about 1."""
    shape = (c_out, x.shape[1], kernel, kernel)
    bound = (6 / (shape[1] * kernel**2)) ** 0.5
    weight = reference.formula_weight(w + "." + name + ".weight", shape, bound)
    bias = reference.formula_weight(w + "." + name + ".bias", (c_out,), 0.1)
    return F.relu(F.conv2d(x, weight.to(x), bias.to(x), stride, pad))


def fire(w, name, x, squeeze, half):
    x = conv(w, name + ".squeeze", x, squeeze, 1)
    a = conv(w, name + ".expand1x1", x, half, 1)
    return torch.cat([a, conv(w, name + ".expand3x3", x, half, 3, 1, 1)], 1)


def alex(x):
    w, maps = "alex", []
    x = conv(w, "features.0", x, 64, 11, 4, 2)
    maps.append(x)
    x = conv(w, "features.3", F.max_pool2d(x, 3, 2), 192, 5, 1, 2)
    maps.append(x)
    x = conv(w, "features.6", F.max_pool2d(x, 3, 2), 384, 3, 1, 1)
    maps.append(x)
    for i in (8, 10):
        x = conv(w, "features.%d" % i, x, 256, 3, 1, 1)
        maps.append(x)
    return maps


def squeeze(x):
    w, maps = "squeeze", []

    def pool(x):
        return F.max_pool2d(x, 3, 2, ceil_mode=True)

    x = conv(w, "features.0", x, 64, 3, 2)
    maps.append(x)
    for i, (between, half) in ((3, (16, 64)), (6, (32, 128))):
        x = fire(w, "features.%d" % i, pool(x), between, half)
        x = fire(w, "features.%d" % (i + 1), x, between, half)
        maps.append(x)
    x = pool(x)
    for i, between, half in ((9, 48, 192), (10, 48, 192), (11, 64, 256), (12, 64, 256)):
        x = fire(w, "features.%d" % i, x, between, half)
        maps.append(x)
    return maps


def vgg(x):
    maps, i = [], 0
    for count, c_out in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        if maps:
            x, i = F.max_pool2d(x, 2, 2), i + 1
        for _ in range(count):
            x, i = conv("vgg", "features.%d" % i, x, c_out, 3, 1, 1), i + 2
        maps.append(x)
    return maps


BACKBONES = {"alex": alex, "squeeze": squeeze, "vgg": vgg}
CASES = [
    ("alex", (2, 3, 64, 48)),
    ("alex", (1, 3, 32, 32)),
    ("squeeze", (1, 3, 33, 47)),
    ("squeeze", (2, 3, 32, 32)),
    ("vgg", (1, 3, 32, 34)),
]


def unit(x):
    return x / (torch.sqrt(torch.sum(x**2, 1, keepdim=True)) + 1e-10)


def distance(name, x, y):
    def look(x):
        shift = torch.tensor(SHIFT).to(x).view(1, 3, 1, 1)
        scale = torch.tensor(SCALE).to(x).view(1, 3, 1, 1)
        return BACKBONES[name]((x - shift) / scale)

    total = 0
    for k, (a, b) in enumerate(zip(look(x), look(y))):
        head = reference.formula_weight(
            "%s.lin%d.weight" % (name, k), (1, a.shape[1], 1, 1), 0.5, 0.5
        )
        d = ((unit(a) - unit(b)) ** 2 * head.to(a)).sum(1, keepdim=True)
        total = total + d.mean((2, 3), keepdim=True)
    return total.flatten()


def make(name, shape):
    x = reference.formula_input(*shape).double().requires_grad_()
    y = reference.formula_weight("y", shape, 1.0).double()
    d = distance(name, x, y)
    d.sum().backward()
    with torch.no_grad():
        f32 = distance(name, x.float(), y.float())
    gradient = x.grad.flatten()
    stride = 61
    return {
        "name": name,
        "shape": list(shape),
        "distance": d.tolist(),
        "largest": gradient.abs().max().item(),
        "stride": stride,
        "gradient": [float("%.8g" % v) for v in gradient[::stride]],
        "float32": ((f32 - d) / d).abs().max().item(),
    }


if __name__ == "__main__":
    torch.set_num_threads(2)
    os.makedirs(os.path.join(FOLDER, "lpips"), exist_ok=True)
    with open(os.path.join(FOLDER, "lpips", "cases.json"), "w") as file:
        lines = ",\n".join(json.dumps(make(*case)) for case in CASES)
        file.write("[\n" + lines + "\n]\n")
