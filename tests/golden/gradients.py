#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Compares the gradients of one training step with those that PyTorch finds in double
# precision, for what the fixtures leave out: D's stored run, recipes, batches in parts,
# unconditional and pixel discriminators, other numbers of channels, sides that differ.
#
#     gradients.py PROGRAM FOLDER [NAME...]
#
# PROGRAM is pix2pix. It makes random weights (a run with a learning rate of 0) and takes
# one step from them; the first moments of its checkpoint are half the gradients. FOLDER
# is written to. Ends with 1 after a line for each case that is off, with 77 where there
# is no torch. The networks are written here a second time, as functions of tensors by
# name, so that recipes need no modules.

import json
import os
import shutil
import struct
import subprocess
import sys

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit(77)

ALL_OFF, TENSOR_OFF = 5e-5, 2e-3  # largest distances, in parts of the norm
TENSOR_COUNTS = 1e-3  # a tensor of less than this of the whole norm is not looked at

DEFAULTS = {
    "crop-size": "32x32",
    "net-g": "unet",
    "depth": 5,
    "ngf": 4,
    "ndf": 4,
    "net-d": "n_layers",
    "n-layers-d": 1,
    "norm": "batch",
    "gan-mode": "vanilla",
    "batch-size": 2,
    "accumulate": 1,
    "d-loss-weight": 0.5,
    "lambda-l1": 1,
    "gp-alpha": 0.3,
    "lr": 0.05,
    "input-nc": 3,
    "output-nc": 3,
}
AFFINELAYER = {
    "bias": "all",
    "norm-innermost": True,
    "concat": "decoder_first",
    "d-loss-weight": 1,
    "update-order": "reuse",
}
CASES = {
    "fresh": {},
    "reuse": {"update-order": "reuse", "lambda-l1": 0},
    # Of two values a norm leaves a sign: what then is left of a gradient is rounding.
    "affinelayer": {**AFFINELAYER, "batch-size": 4},
    "reuse_wgangp": {**AFFINELAYER, "gan-mode": "wgangp", "norm-innermost": False},
    "wgangp_alone": {"gan-mode": "wgangp", "no-condition": True, "crop-size": "64x32"},
    "wgangp_pixel": {"gan-mode": "wgangp", "net-d": "pixel", "lambda-l1": 0},
    "wgangp_parts": {"gan-mode": "wgangp", "accumulate": 3, "norm": "instance"},
    "hinge_parts": {"gan-mode": "hinge", "accumulate": 2},
    "encoder_decoder": {"net-g": "encoder_decoder", "depth": 2, "upsample": "resize"},
    "layers": {
        "gan-mode": "lsgan", "n-layers-d": 2, "norm": "instance", "crop-size": "32x96"
    },
    "none_parts": {"gan-mode": "none", "accumulate": 2},
    "channels": {"input-nc": 1, "output-nc": 16, "no-condition": True},
}


# ---------------------------------------------------------------------------
# Networks: w is a dictionary of tensors


def normalise(w, name, x, kind):
    if kind == "none":
        return x
    if kind == "instance":
        return F.instance_norm(x, eps=1e-5)
    return F.batch_norm(
        x, None, None, w[name + ".weight"], w[name + ".bias"], training=True, eps=1e-5
    )


def conv(w, name, x, stride=1, pad=1):
    return F.conv2d(x, w[name + ".weight"], w.get(name + ".bias"), stride, pad)


def double(w, name, x, o):
    if o.get("upsample") == "resize":
        return conv(w, name, F.interpolate(x, scale_factor=2, mode="nearest"))
    return F.conv_transpose2d(x, w[name + ".weight"], w.get(name + ".bias"), 2, 1)


def generate(w, x, o, level=1):
    first, last = level == 1, level == o["depth"]
    innermost = last and o.get("norm-innermost", False)
    at = "model.model" if first else "model.model.1.model" + ".3.model" * (level - 2)
    down = 0 if first else 1
    up = 3 if first else 5 if not last else 4 if innermost else 3
    y = conv(w, "%s.%d" % (at, down), x if first else F.leaky_relu(x, 0.2), 2)
    if innermost or not first and not last:
        y = normalise(w, "%s.%d" % (at, down + 1), y, o["norm"])
    if not last:
        y = generate(w, y, o, level + 1)
    y = double(w, "%s.%d" % (at, up), F.relu(y), o)
    if first:
        return torch.tanh(y)
    y = normalise(w, "%s.%d" % (at, up + 1), y, o["norm"])
    if o["net-g"] == "encoder_decoder":
        return y
    return torch.cat((y, x) if o.get("concat") == "decoder_first" else (x, y), 1)


def discriminate(w, x, o):
    pixel = o["net-d"] == "pixel"
    layers = 1 if pixel else o["n-layers-d"]
    for i in range(layers + 2):
        index = 0 if i == 0 else 3 * i - 1
        if i > 0:
            x = F.leaky_relu(x, 0.2)
        name = "%s.%d" % ("net" if pixel else "model", index)
        stride = 1 if pixel or i >= layers else 2
        x = conv(w, name, x, stride, 0 if pixel else 1)
        if 0 < i <= layers:
            x = normalise(w, name.replace(str(index), str(index + 1)), x, o["norm-d"])
    return x


# ---------------------------------------------------------------------------
# The step


def gan(mode, x, is_real, for_d):
    if mode == "vanilla":
        return F.binary_cross_entropy_with_logits(x, torch.full_like(x, float(is_real)))
    if mode == "lsgan":
        return F.mse_loss(x, torch.full_like(x, float(is_real)))
    if mode == "hinge" and for_d:
        return F.relu(1 - x if is_real else 1 + x).mean()
    return -x.mean() if is_real else x.mean()


def penalty(d, real, fake, alpha):
    x = (alpha * real + (1 - alpha) * fake).detach().requires_grad_(True)
    (dx,) = torch.autograd.grad(d(x).sum(), x, create_graph=True)
    return 10 * (((dx.flatten(1) + 1e-16).norm(2, dim=1) - 1) ** 2).mean()


def gradients(o, g, d, updated_d, pairs):
    """Those of D, then those of G through the updated D."""
    mode, parts, batch = o["gan-mode"], o["accumulate"], o["batch-size"]
    reuse = o.get("update-order") == "reuse"
    d_run = lambda x: discriminate(d, x, o)
    look = lambda a, y: y if o.get("no-condition") else torch.cat((a, y), 1)
    runs, loss = [], 0
    for part in range(parts):
        a, b = (x[part * batch : (part + 1) * batch] for x in pairs)
        fake = generate(g, a, o)
        runs.append((a, b, fake, None))
        if mode == "none":
            continue
        seen, real = look(a, fake), look(a, b)
        runs[-1] = (a, b, fake, d_run(seen) if reuse else None)
        two = gan(mode, d_run(seen.detach()), False, True)
        two = two + gan(mode, d_run(real), True, True)
        loss = loss + two * o["d-loss-weight"] / parts
        if mode == "wgangp":
            gp = penalty(d_run, real, seen.detach(), o["gp-alpha"])
            loss = loss + gp / parts
    of_d = {}
    if mode != "none":
        of_d = dict(zip(d, torch.autograd.grad(loss, list(d.values()))))
        for name, value in d.items():
            # What an earlier run stored has the scale of its norms, not the new one.
            if not (reuse and value.dim() == 1 and name.endswith(".weight")):
                value.data.copy_(updated_d[name])
    loss = 0
    for a, b, fake, stored in runs:
        if mode != "none":
            logits = d_run(look(a, fake)) if stored is None else stored
            loss = loss + gan(mode, logits, True, False) / parts
        loss = loss + o["lambda-l1"] * F.l1_loss(fake, b) / parts
    return of_d, dict(zip(g, torch.autograd.grad(loss, list(g.values()))))


# ---------------------------------------------------------------------------
# The program


def make_data(folder, channels, count, width, height):
    """Smooth pictures as .npy, which keep their values and have any channels."""
    random = np.random.RandomState(1)
    result = []
    for side, c in zip("AB", channels):
        os.makedirs(os.path.join(folder, "train", side))
        x = random.randn(count, c, height, width)
        for axis in (2, 3):
            x = sum(np.roll(x, k, axis) * np.exp(-k * k / 8) for k in range(-6, 7))
        x = np.tanh(x / 8).astype("<f4")
        for i in range(count):
            np.save(os.path.join(folder, "train", side, "%02d.npy" % i), x[i])
        result.append(torch.from_numpy(x.astype(np.float64)))
    return result


def train(program, data, out, o, rate):
    words = [program, "train", "--data", data, "--out", out, "--steps", "1"]
    words += ["--preprocess", "none", "--no-flip"]
    words += ["--no-dropout", "--serial-batches", "--tuning", "off"]
    words += ["--init-gain", "0.2", "--sample-freq", "0", "--save-freq", "0"]
    for name, value in {**o, "lr": rate}.items():
        if value is not False:
            words += ["--" + name] + ([] if value is True else [str(value)])
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit("%s\n%s" % (" ".join(words), done.stdout.decode()))
    with open(os.path.join(out, "checkpoints/step-00000001.safetensors"), "rb") as file:
        raw = file.read()
    (size,) = struct.unpack("<Q", raw[:8])
    header, raw = json.loads(raw[8 : 8 + size]), raw[8 + size :]
    return {
        name: torch.from_numpy(
            np.frombuffer(raw[slice(*e["data_offsets"])], "<f4")
            .reshape(e["shape"])
            .astype(np.float64)
        )
        for name, e in header.items()
        if name != "__metadata__" and e["dtype"] == "F32"
    }


def weights_of(state, letter):
    """The trained ones of a network, by the port's names."""
    return {
        name[2:]: value.clone().requires_grad_(True)
        for name, value in state.items()
        if name.startswith(letter + ".") and ".running_" not in name
    }


def compare(letter, expected, state):
    """A text and whether all is well."""
    whole = sum(value.norm() ** 2 for value in expected.values()) ** 0.5
    off, worst = 0, 0
    for name, value in expected.items():
        distance = (2 * state["adam.%s.%s.m" % (letter, name)] - value).norm()
        off = off + distance**2
        if value.norm() > TENSOR_COUNTS * whole:
            worst = max(worst, float(distance / value.norm()))
    off = float(off**0.5 / whole)
    text = "%s off by %.1e, one tensor by %.1e" % (letter, off, worst)
    return text, off <= ALL_OFF and worst <= TENSOR_OFF


def check(program, folder, name):
    o = {**DEFAULTS, **CASES[name]}
    o.setdefault("norm-d", "none" if o["gan-mode"] == "wgangp" else o["norm"])
    here = os.path.join(folder, name)
    shutil.rmtree(here, ignore_errors=True)
    data = os.path.join(here, "data")
    count = o["batch-size"] * o["accumulate"]
    size = map(int, o["crop-size"].split("x"))
    pairs = make_data(data, (o["input-nc"], o["output-nc"]), count, *size)
    before = train(program, data, os.path.join(here, "before"), o, 0)
    after = train(program, data, os.path.join(here, "after"), o, o["lr"])
    g, d = weights_of(before, "G"), weights_of(before, "D")
    of_d, of_g = gradients(o, g, d, weights_of(after, "D"), pairs)
    results = [compare("G", of_g, after)]
    if of_d:
        results.insert(0, compare("D", of_d, after))
    well = all(result[1] for result in results)
    texts = "; ".join(result[0] for result in results)
    print("%-16s %s%s" % (name, texts, "" if well else "  WRONG"), flush=True)
    return well


def main():
    torch.set_num_threads(1)
    program, folder, names = sys.argv[1], sys.argv[2], sys.argv[3:] or list(CASES)
    return 0 if all([check(program, folder, name) for name in names]) else 1


if __name__ == "__main__":
    sys.exit(main())
