#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Trains the same networks twice, by reference.py's step of the PyTorch port and by
# `pix2pix train`, and compares how good they become: the tables of docs/results.md.
# Needs Debian's python3-torch, python3-pil and python3-scipy.
#
#     tests/golden/results.py --pix2pix build/pix2pix --lpips lpips-alex.safetensors \
#         --out OUT examples/earth_relief2sat=5 examples/earth_sat2map=3
#
# DATA=N trains on DATA/train with the seeds 1 to N and evaluates on DATA/test.
#
# The same on both sides: the initial weights (drawn by torch from the seed), the images
# (made small by Pillow, as PNG) and their order (drawn once; no crops, no mirroring), the
# number of steps, the learning rate (constant), and the command that evaluates: both
# networks are files with the same description. Not the same: which elements dropout
# takes, as each side has its own random numbers.
#
# OUT is kept, and a second call makes only what is missing:
#
#     settings.json               what everything in OUT was made with
#     SET/data/{train,test}/      the small pairs
#     SET/SEED/g.pth, d.pth       initial weights
#     SET/SEED/run/               the run of `pix2pix train`
#     SET/SEED/SIDE.safetensors   its generator; SIDE is pytorch or pix2pix
#     SET/SEED/SIDE.json, .png    what `pix2pix evaluate` says of it, and outputs

import argparse
import glob
import json
import math
import os
import random
import struct
import subprocess
import sys

try:
    import numpy as np
    import torch
    from PIL import Image
    from scipy import stats
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit(77)

import reference

SIDES = {"pytorch": "PyTorch", "pix2pix": "pix2pix.c"}
# Name in evaluate's document, heading, decimals, whether more is better.
METRICS = (
    ("l1", "L1", 4, False),
    ("psnr", "PSNR, dB", 2, True),
    ("ssim", "SSIM", 4, True),
    ("lpips_alex", "LPIPS", 4, False),
)


# ---------------------------------------------------------------------------
# Images and initial weights


def make_data(source, folder, size):
    """Pairs of size x 2 size pixels. The order of the names is the order of training, so
    neighbours are shuffled."""
    for split in ("train", "test"):
        files = sorted(glob.glob(os.path.join(source, split, "*")))
        if not files:
            sys.exit("%s/%s has no images" % (source, split))
        random.Random(0).shuffle(files)
        os.makedirs(os.path.join(folder, split), exist_ok=True)
        for i, name in enumerate(files):
            pair = Image.open(name).convert("RGB")
            small = Image.new("RGB", (2 * size, size))
            middle = pair.width // 2
            for k in (0, 1):
                half = pair.crop((k * middle, 0, (k + 1) * middle, pair.height))
                half = half.resize((size, size), Image.Resampling.BICUBIC)
                small.paste(half, (k * size, 0))
            small.save(os.path.join(folder, split, "%04d.png" % i))


def read_pairs(folder):
    pairs = []
    for name in sorted(glob.glob(os.path.join(folder, "train", "*.png"))):
        pixels = np.array(Image.open(name), dtype=np.float32)
        x = torch.from_numpy(pixels / 255 * 2 - 1).permute(2, 0, 1)[None]
        pairs.append(tuple(half.contiguous() for half in x.chunk(2, 3)))
    return pairs


def draw(net):
    """The port's initial weights."""
    for m in net.modules():
        if isinstance(m, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            torch.nn.init.normal_(m.weight, 0, 0.02)
            if m.bias is not None:
                torch.nn.init.zeros_(m.bias)
        elif isinstance(m, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(m.weight, 1, 0.02)
            torch.nn.init.zeros_(m.bias)
    return net


def networks(o):
    shared = {"norm": "batch", "upsample": "transpose", "dropout": not o["no_dropout"]}
    shape = {"netg": "unet", "levels": o["levels"], "ngf": o["width"]}
    g = reference.generator({**shared, **shape, "input_nc": 3, "output_nc": 3})
    d = reference.discriminator(
        {**shared, "netd": "basic", "ndf": o["width"], "input_nc": 6}
    )
    return g, d


# ---------------------------------------------------------------------------
# Training


def run(command, log):
    """The command's standard output; what it says otherwise is in the file `log`."""
    with open(log, "w") as file:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=file)
    if done.returncode:
        sys.exit("%s\nends with %d, see %s" % (" ".join(command), done.returncode, log))
    return done.stdout


def train_pix2pix(o, folder, seed):
    command = [o["pix2pix"], "train", "--data", os.path.join(folder, "..", "data")]
    command += ["--out", os.path.join(folder, "run")]
    if os.path.exists(os.path.join(folder, "run", "config.json")):
        command += ["--continue"]
    else:
        for letter in "gd":
            command += ["--init-" + letter, os.path.join(folder, letter + ".pth")]
        command += ["--preprocess", "none", "--no-flip", "--serial-batches"]
        command += ["--crop-size", str(o["size"]), "--depth", str(o["levels"])]
        command += ["--ngf", str(o["width"]), "--ndf", str(o["width"])]
        command += ["--no-dropout"] if o["no_dropout"] else []
        # All epochs at the full learning rate.
        command += ["--n-epochs", str(o["steps"]), "--n-epochs-decay", "0"]
        command += ["--steps", str(o["steps"]), "--seed", str(seed)]
        command += ["--save-freq", "500", "--keep", "1", "--sample-freq", "0"]
        command += ["--tuning", "off"]
    run(command, os.path.join(folder, "train.log"))
    to = os.path.join(folder, "pix2pix.safetensors")
    run([o["pix2pix"], "convert", os.path.join(folder, "run"), to],
        os.path.join(folder, "convert.log"))


def write_like(path, like, state):
    """`state` as a file that differs from the safetensors file `like` in the numbers, and
    in that it has no sums of them."""
    with open(like, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(size)), bytearray(file.read())
    del header["__metadata__"]["pix2pix.sums"]
    entries = {k: v for k, v in header.items() if k != "__metadata__"}
    assert entries.keys() == state.keys()
    for name, entry in entries.items():
        value = state[name].detach().numpy()
        assert list(value.shape) == entry["shape"], name
        assert {"F32": "float32", "I64": "int64"}[entry["dtype"]] == value.dtype, name
        data[slice(*entry["data_offsets"])] = value.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".tmp", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
    os.replace(path + ".tmp", path)


def train_pytorch(o, folder, seed):
    g, d = networks(o)
    for net, letter in ((g, "g"), (d, "d")):
        net.load_state_dict(torch.load(os.path.join(folder, letter + ".pth")))
    torch.manual_seed(seed)
    trainer = reference.Trainer(g, d)
    pairs = read_pairs(os.path.join(folder, "..", "data"))
    with open(os.path.join(folder, "pytorch.jsonl"), "w") as log:
        for step in range(o["steps"]):
            losses = trainer.step(*pairs[step % len(pairs)])
            if (step + 1) % 10 == 0:
                print(json.dumps({"step": step + 1, **losses}), file=log)
    like = os.path.join(folder, "pix2pix.safetensors")
    write_like(os.path.join(folder, "pytorch.safetensors"), like, g.state_dict())


def evaluate(o, folder, side):
    path = os.path.join(folder, side)
    command = [o["pix2pix"], "evaluate", "--model", path + ".safetensors"]
    command += ["--data", os.path.join(folder, "..", "data"), "--split", "test"]
    command += ["--lpips", o["lpips"], "--tuning", "off", "--json"]
    text = run(command + ["--grid", path + ".png"], path + ".log")
    with open(path + ".json.tmp", "wb") as file:
        file.write(text)
    os.replace(path + ".json.tmp", path + ".json")


def make(o, folder, seed):
    """Everything of one seed that is not there; what evaluate says of both sides."""
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(os.path.join(folder, "d.pth")):
        torch.manual_seed(seed)
        for net, letter in zip(networks(o), "gd"):
            path = os.path.join(folder, letter + ".pth")
            torch.save(draw(net).state_dict(), path + ".tmp")
            os.replace(path + ".tmp", path)
    # In this order: PyTorch's file gets its description from the other.
    for side, train in (("pix2pix", train_pix2pix), ("pytorch", train_pytorch)):
        path = os.path.join(folder, side)
        if not os.path.exists(path + ".safetensors"):
            train(o, folder, seed)
        if not os.path.exists(path + ".json"):
            evaluate(o, folder, side)
    documents = {}
    for side in SIDES:
        with open(os.path.join(folder, side + ".json")) as file:
            documents[side] = json.load(file)
        assert not documents[side]["broken"]
    return documents


# ---------------------------------------------------------------------------
# Tables


class Cell:
    """One metric of one set: the means over the test images, a number for each seed."""

    def __init__(self, documents, metric):
        self.name, self.heading, self.digits, self.more_is_better = metric
        self.of = {
            side: np.array(
                [d[side]["metrics"][self.name]["output"]["mean"] for d in documents]
            )
            for side in SIDES
        }
        first = documents[0]["pix2pix"]["metrics"][self.name]
        self.copy, self.mean_colour = (
            first[k]["mean"] for k in ("copy", "mean_colour")
        )
        a, b = self.of["pix2pix"], self.of["pytorch"]
        self.difference = a.mean() - b.mean()
        # Welch: the two sides need not have the same variance.
        va, vb = (x.var(ddof=1) / len(x) for x in (a, b))
        self.error = math.sqrt(va + vb)
        freedom = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
        self.half = stats.t.ppf(0.975, freedom) * self.error
        self.by_chance = 2 * stats.t.sf(2, freedom)

    def ratio(self):
        return self.difference / self.error

    def is_large(self):
        return abs(self.ratio()) > 2

    def is_better(self):
        return (self.difference > 0) == self.more_is_better


def print_row(name, texts):
    print("| %s | %s |" % (name, " | ".join(texts)))


def print_table(name, seeds, cells):
    def plain(values):
        return ["%.*f" % (c.digits, v) for c, v in zip(cells, values)]

    print("\n### %s\n" % name)
    print_row("%d seeds" % seeds, [c.heading for c in cells])
    print_row("---", ["---:"] * len(cells))
    print_row("the input, copied", plain(c.copy for c in cells))
    print_row("the mean colour", plain(c.mean_colour for c in cells))
    for side, shown in SIDES.items():
        means = plain(c.of[side].mean() for c in cells)
        spread = plain(c.of[side].std(ddof=1) for c in cells)
        print_row(shown, ["%s ± %s" % both for both in zip(means, spread)])
    print_row("difference", ["%+.*f" % (c.digits, c.difference) for c in cells])
    ends = [
        "%+.*f .. %+.*f" % (c.digits, c.difference - c.half, c.digits, c.difference + c.half)
        for c in cells
    ]
    print_row("its 95 % interval", ends)
    print_row("in pooled standard errors", ["%+.1f" % c.ratio() for c in cells])


def print_check(cells):
    large = [c for c in cells if c.is_large()]
    better = sum(c.is_better() for c in cells)
    print(
        "\n%d of %d differences are larger than two pooled standard errors (%.1f by chance). "
        "pix2pix.c is better in %d of %d cells."
        % (len(large), len(cells), sum(c.by_chance for c in cells), better, len(cells))
    )
    return len(large) * 10 <= len(cells) and 0 < better < len(cells)


# ---------------------------------------------------------------------------


def read_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("sets", nargs="+", metavar="DATA=SEEDS")
    parser.add_argument("--pix2pix", required=True, help="the program")
    parser.add_argument("--lpips", required=True, help="made by convert --lpips")
    parser.add_argument("--out", required=True, help="folder, which is kept")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--width", type=int, default=16, help="ngf and ndf")
    parser.add_argument("--no-dropout", action="store_true")
    o = vars(parser.parse_args())
    # As many levels as `pix2pix train` takes by itself: down to one pixel, 5 to 8.
    o["levels"] = min(max(o["size"].bit_length() - 1, 5), 8)
    return o


def check_settings(o):
    os.makedirs(o["out"], exist_ok=True)
    path = os.path.join(o["out"], "settings.json")
    settings = {k: o[k] for k in ("steps", "size", "width", "levels", "no_dropout")}
    if not os.path.exists(path):
        with open(path, "w") as file:
            json.dump(settings, file)
    with open(path) as file:
        found = json.load(file)
    if found != settings:
        sys.exit("%s was made with %s" % (o["out"], found))


def main():
    o = read_arguments()
    check_settings(o)
    # With more threads PyTorch is slower for networks of this size.
    torch.set_num_threads(1)
    everything = []
    for word in o["sets"]:
        source, _, seeds = word.rpartition("=")
        name, seeds = os.path.basename(source.rstrip("/")), int(seeds)
        if seeds < 2:
            sys.exit("%s: two seeds are the least" % word)
        folder = os.path.join(o["out"], name)
        if not os.path.exists(os.path.join(folder, "data")):
            make_data(source, os.path.join(folder, "data.tmp"), o["size"])
            os.rename(os.path.join(folder, "data.tmp"), os.path.join(folder, "data"))
        documents = [
            make(o, os.path.join(folder, str(seed)), seed)
            for seed in range(1, seeds + 1)
        ]
        cells = [Cell(documents, metric) for metric in METRICS]
        print_table(name, seeds, cells)
        sys.stdout.flush()
        everything += cells
    sys.exit(0 if print_check(everything) else 1)


if __name__ == "__main__":
    main()
