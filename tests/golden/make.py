#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Makes the fixtures of test_parity and test_training_parity by PyTorch. Needs Debian's
# python3-torch, python3-numpy and python3-pil; the tests need the files only. Run
#
#     /usr/bin/python3 tests/golden/make.py [forward|training|steps|pairs]
#
# Files
#
#   forward/NAME.pth            Random weights as torch.save writes a state_dict, most in
#                               the zip container, some in the legacy one.
#   forward/cases.json          Array of what the files are: "name", "file", "net" (G or
#                               D), the options that reference.py's generator() and
#                               discriminator() read, "mode" (stable: statistics of the
#                               batch, no dropout; running: running statistics),
#                               "input" and "output" (shapes; the input is reference.py's
#                               formula_input), "stride", "mean", "mean_abs", "largest"
#                               (of the output's magnitude), "float32" (the largest
#                               difference of PyTorch's own output in f32, in parts of
#                               "largest"), "prefix" (of every key in the file).
#   forward/outputs.safetensors By case every stride-th element of the output, computed
#                               in f64, from the first on.
#   pairs/train/N.png           A and B of 128x128 side by side: satellite picture and
#                               map. NASA imagery and Natural Earth, public domain.
#   training/NAME.json          Options of a case; "losses": by name arrays of 20 steps
#                               as PyTorch has them in f32; "float64": the same in f64;
#                               "tensors": after step 1, by name ("G." or "D.", then the
#                               port's) the tensor's norm in f64, how far f32 is from
#                               that ("off", in L2), and "free", true of a bias whose true
#                               gradient is zero: there rounding decides on which side
#                               Adam steps. Step k (of 0..19) takes pair k % 5.
#   training/NAME.safetensors   reference.py's sketch of every tensor after step 1 in f64.
#   ../../engine/selftest/golden_steps.c
#                               Losses, and sums of the first step's gradients, of the
#                               training steps of `pix2pix selftest`, in f64. Images
#                               are formula_input's.
#   formulas.json               A few numbers of reference.py's formulas.

import collections
import copy
import glob
import json
import os
import struct
import sys

import numpy as np
import torch
from torch import nn

import reference

FOLDER = os.path.dirname(os.path.abspath(__file__))
STEPS = 20


def path(*parts):
    os.makedirs(os.path.join(FOLDER, *parts[:-1]), exist_ok=True)
    return os.path.join(FOLDER, *parts)


def write_json(value, *parts):
    """One line for each member of the outermost array or object."""
    if isinstance(value, dict):
        lines = [json.dumps(k) + ": " + json.dumps(v) for k, v in value.items()]
        brackets = "{}"
    else:
        lines = [json.dumps(v) for v in value]
        brackets = "[]"
    with open(path(*parts), "w") as file:
        file.write(brackets[0] + "\n" + ",\n".join(lines) + "\n" + brackets[1] + "\n")


def write_safetensors(tensors, *parts):
    header, data = {}, b""
    for name, value in tensors.items():
        raw = np.asarray(value).astype("<f4").tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": [len(raw) // 4],
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path(*parts), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def load_outputs():
    with open(path("forward", "outputs.safetensors"), "rb") as file:
        data = file.read()
    (size,) = struct.unpack("<Q", data[:8])
    header, data = json.loads(data[8 : 8 + size]), data[8 + size :]
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], "<f4").copy()
        for name, entry in header.items()
    }


# ---------------------------------------------------------------------------
# Forward


def g_case(name, netg, norm="batch", size=(32, 32), n=1, **other):
    o = {
        "net": "G",
        "netg": netg,
        "levels": 5,
        "input_nc": 3,
        "output_nc": 3,
        "ngf": 2,
        "norm": norm,
        "dropout": True,
        "upsample": "transpose",
    }
    return case(name, o, size, n, other)


def d_case(name, netd, norm="batch", size=(32, 32), n=1, **other):
    o = {
        "net": "D",
        "netd": netd,
        "n_layers_d": 3,
        "input_nc": 6,
        "ndf": 2,
        "norm": norm,
    }
    return case(name, o, size, n, other)


def case(name, o, size, n, other):
    extra = {"mode": "stable", "prefix": "", "container": "zip", "counts": True}
    extra.update({"file": name})
    for key, value in other.items():
        assert key in o or key in extra, key
        (o if key in o else extra)[key] = value
    return {"name": name, "size": size, "n": n, **o, **extra}


FORWARD = [
    g_case("unet_256", "unet_256", size=(256, 256)),
    g_case(
        "unet_128_instance",
        "unet_128",
        "instance",
        (128, 128),
        ngf=1,
        container="legacy",
    ),
    g_case("unet_5", "unet", size=(32, 64), input_nc=1, output_nc=4),
    g_case(
        "unet_5_running",
        "unet",
        size=(32, 64),
        input_nc=1,
        output_nc=4,
        mode="running",
        file="unet_5",
    ),
    # As files of 2018: no counts of batches, and the prefix of DataParallel.
    g_case(
        "unet_5_old",
        "unet",
        ngf=1,
        container="legacy",
        prefix="module.",
        counts=False,
        dropout=False,
    ),
    g_case("unet_5_none", "unet", "none", ngf=1),
    g_case("unet_5_instance", "unet", "instance", (64, 32)),
    g_case("unet_6_resize", "unet", size=(64, 64), levels=6, ngf=1, upsample="resize"),
    g_case("unet_5_resize_instance", "unet", "instance", ngf=1, upsample="resize"),
    g_case("unet_5_resize_none", "unet", "none", upsample="resize", ngf=1),
    g_case("encoder_decoder", "encoder_decoder", size=(256, 256), levels=8, ngf=1),
    g_case(
        "encoder_decoder_5", "encoder_decoder", "instance", (64, 64), upsample="resize"
    ),
    g_case("resnet_6", "resnet_6blocks", size=(28, 36)),
    g_case("resnet_6_running", "resnet_6blocks", mode="running", file="resnet_6"),
    g_case("resnet_6_no_dropout", "resnet_6blocks", "instance", dropout=False),
    g_case("resnet_6_none", "resnet_6blocks", "none", container="legacy"),
    g_case("resnet_9", "resnet_9blocks", "instance", (24, 32)),
    g_case("resnet_9_no_dropout", "resnet_9blocks", ngf=1, dropout=False, input_nc=2),
    d_case("d_basic", "basic", size=(40, 56), n=2),
    d_case("d_basic_running", "basic", mode="running", file="d_basic"),
    d_case("d_basic_none", "basic", "none", n=2),
    d_case("d_basic_instance", "basic", "instance", size=(48, 48)),
    d_case("d_basic_b_alone", "basic", input_nc=3, container="legacy"),
    d_case("d_1", "n_layers", n_layers_d=1, size=(16, 24)),
    d_case("d_1_instance", "n_layers", "instance", n_layers_d=1, size=(16, 24)),
    d_case("d_2", "n_layers", n_layers_d=2, input_nc=5),
    d_case("d_4", "n_layers", n_layers_d=4, size=(64, 80)),
    d_case("d_5_instance", "n_layers", "instance", n_layers_d=5, size=(128, 128)),
    d_case("d_6", "n_layers", n_layers_d=6, size=(192, 256)),
    d_case("d_pixel", "pixel", size=(15, 9), n=2, ndf=4),
    d_case("d_pixel_instance", "pixel", "instance", ndf=4),
    d_case("d_pixel_none", "pixel", "none", ndf=4, prefix="module."),
]


def build(o):
    return (reference.generator if o["net"] == "G" else reference.discriminator)(o)


def draw(net):
    """Random weights that keep magnitudes about 1 without a norm, and statistics and
    biases that show where they are forgotten."""
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
            fan = m.in_channels * m.kernel_size[0] ** 2 / m.stride[0] ** 2
            if isinstance(m, nn.Conv2d):
                fan = m.in_channels * m.kernel_size[0] ** 2
            nn.init.normal_(m.weight, 0, (1.8 / fan) ** 0.5)
            if m.bias is not None:
                nn.init.uniform_(m.bias, -0.3, 0.3)
        elif isinstance(m, nn.BatchNorm2d):
            nn.init.normal_(m.weight, 1, 0.2)
            nn.init.normal_(m.bias, 0, 0.2)
            nn.init.normal_(m.running_mean, 0, 0.3)
            nn.init.uniform_(m.running_var, 0.5, 2)
            m.num_batches_tracked.fill_(1234)


def calm(net, o):
    """Scales the last weight until few outputs of a generator are in tanh's ends."""
    last = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    last = last[-1] if "resnet" in o["netg"] else net.model.model[3]
    seen = []
    handle = last.register_forward_hook(lambda m, x, y: seen.append(y.std().item()))
    for mode in ("stable", "running"):
        answer(net, {**o, "mode": mode}, torch.float32)
    handle.remove()  # deep copies of `last` have it too
    last.weight.data *= 0.7 / max(seen)


def answer(net, o, dtype):
    net = copy.deepcopy(net).to(dtype).train(o["mode"] == "stable")
    for m in net.modules():
        if isinstance(m, nn.Dropout):
            m.eval()
    channels = o["input_nc"]
    x = reference.formula_input(o["n"], channels, *o["size"]).to(dtype)
    with torch.no_grad():
        return net(x)


def prime_from(n):
    while n > 1 and any(n % k == 0 for k in range(2, int(n**0.5) + 1)):
        n += 1
    return n


def make_forward():
    nets, cases, outputs = {}, [], {}
    for o in FORWARD:
        if o["file"] not in nets:
            torch.manual_seed(1 + len(nets))
            net = build(o)
            draw(net)
            if o["net"] == "G":
                calm(net, o)
            nets[o["file"]] = net
            state = collections.OrderedDict(
                (o["prefix"] + key, value)
                for key, value in net.state_dict().items()
                if o["counts"] or not key.endswith("num_batches_tracked")
            )
            torch.save(
                state,
                path("forward", o["file"] + ".pth"),
                _use_new_zipfile_serialization=o["container"] == "zip",
            )
        net = nets[o["file"]]
        y = answer(net, o, torch.float64)
        largest = y.abs().max().item()
        off = (answer(net, o, torch.float32) - y).abs().max().item() / largest
        assert off < 2e-5, (o["name"], off)
        stride = prime_from(max(1, y.numel() // 600))
        outputs[o["name"]] = y.flatten()[::stride].numpy()
        shown = {
            k: v for k, v in o.items() if k not in ("size", "n", "container", "counts")
        }
        shown["file"] += ".pth"
        shown.update(
            input=[o["n"], o["input_nc"], *o["size"]],
            output=list(y.shape),
            stride=stride,
            mean=y.mean().item(),
            mean_abs=y.abs().mean().item(),
            largest=largest,
            float32=float("%.2g" % off),
        )
        cases.append(shown)
        print("%-24s largest %.3f mean %.3f f32 %.1e" % (
            o["name"], largest, y.abs().mean(), off))
    write_json(cases, "forward", "cases.json")
    write_safetensors(outputs, "forward", "outputs.safetensors")


# ---------------------------------------------------------------------------
# Training


def make_pairs(source):
    """Five pairs of 256x256 by halves, in few colours so that they stay small."""
    from PIL import Image

    for i, name in enumerate(sorted(glob.glob(os.path.join(source, "*.jpg")))[:5]):
        image = Image.open(name).convert("RGB")
        image = image.resize((256, 128), Image.Resampling.BOX)
        image = image.quantize(24, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        image.convert("RGB").quantize(24, dither=Image.Dither.NONE).save(
            path("pairs", "train", "%d.png" % (i + 1)), optimize=True
        )


def read_pairs(dtype):
    from PIL import Image

    pairs = []
    for name in sorted(glob.glob(path("pairs", "train", "*.png"))):
        pixels = np.array(Image.open(name).convert("RGB"), dtype=np.float64)
        x = torch.from_numpy(pixels / 255 * 2 - 1).permute(2, 0, 1)[None].to(dtype)
        pairs.append((x[..., :128], x[..., 128:]))
    assert len(pairs) == 5
    return pairs


UNET = {
    "netg": "unet_128",
    "levels": 7,
    "input_nc": 3,
    "output_nc": 3,
    "ngf": 8,
    "ndf": 8,
    "norm": "batch",
    "norm_d": "batch",
    "netd": "basic",
    "gan_mode": "vanilla",
    # Half widths of the uniform distributions of the convolutions' first weights. The
    # port's default is a normal one of this standard deviation.
    "g_scale": 0.0346,
    "d_scale": 0.0346,
}

TRAINING = {
    "unet_batch": {},
    "unet_instance": {"norm": "instance", "norm_d": "instance"},
    "unet_lsgan": {"gan_mode": "lsgan"},
    "unet_hinge": {"gan_mode": "hinge"},
    # With narrow weights f32 and f64 go apart by 4 % in 20 steps.
    "resnet_6": {"netg": "resnet_6blocks", "g_scale": 0.2, "d_scale": 0.1},
    "unet_wgangp": {"gan_mode": "wgangp", "norm_d": "none", "alpha": 0.3, "d_scale": 0.02},
}


def begin_training(o, dtype):
    g = reference.generator({"upsample": "transpose", **o, "dropout": False})
    d = reference.discriminator({**o, "norm": o["norm_d"], "input_nc": 6})
    g.load_state_dict(reference.formula_state(g, "G", o["g_scale"]))
    d.load_state_dict(reference.formula_state(d, "D", o["d_scale"]))
    return g, d, reference.Trainer(
        g.to(dtype), d.to(dtype), o["gan_mode"], alpha=o.get("alpha")
    )


def train(o, dtype, steps=STEPS):
    g, d, trainer = begin_training(o, dtype)
    pairs = read_pairs(dtype)
    losses, after = collections.defaultdict(list), None
    for step in range(steps):
        for name, value in trainer.step(*pairs[step % len(pairs)]).items():
            losses[name].append(value)
        if step == 0:
            after = {
                letter + "." + key: value.detach().double().clone()
                for letter, net in (("G", g), ("D", d))
                for key, value in net.state_dict().items()
                if value.is_floating_point()
            }
    return dict(losses), after, (g, d)


def free_biases(g, d):
    """Biases of convolutions directly before an instance norm."""
    free = set()
    for letter, net in (("G", g), ("D", d)):
        for prefix, m in net.named_modules():
            if isinstance(m, nn.Sequential):
                items = list(m.named_children())
                for (i, a), (_, b) in zip(items, items[1:]):
                    if isinstance(b, (nn.InstanceNorm2d, nn.BatchNorm2d)):
                        free.add("%s.%s.%s.bias" % (letter, prefix, i))
    return free


def make_training():
    for name, changes in TRAINING.items():
        o = {**UNET, **changes}
        losses32, after32, nets = train(o, torch.float32)
        losses64, after64, _ = train(o, torch.float64)
        free = free_biases(*nets)
        tensors, worst = {}, ("", 0.0)
        for key, value in after64.items():
            off = (after32[key] - value).norm().item()
            tensors[key] = {"norm": value.norm().item(), "off": float("%.2g" % off)}
            if key in free:
                tensors[key]["free"] = True
            elif off / value.norm().item() > worst[1]:
                worst = (key, off / value.norm().item())
        report = {**o, "losses": losses32, "float64": losses64, "tensors": tensors}
        write_json(report, "training", name + ".json")
        write_safetensors(
            {key: reference.sketch(value) for key, value in after64.items()},
            "training",
            name + ".safetensors",
        )
        print("%s: tensors after step 1 in f32 off by %.1e at most (%s)" % (
            name, worst[1], worst[0]))
        for key in losses32:
            a, b = np.array(losses32[key]), np.array(losses64[key])
            off = np.abs(a - b)
            print("  %-12s %8.4f .. %8.4f; f32 off: steps 1-3 %.1e, 4-10 %.1e, 11-20 "
                  "%.1e relative; %.1e absolute" % (
                key, b[0], b[-1], *((off / np.abs(b))[s].max() for s in (
                    slice(0, 3), slice(3, 10), slice(10, 20))), off.max()))


# ---------------------------------------------------------------------------
# The steps of the self-test

STEPS_OF_SELFTEST = {
    "UNET_BATCH": {"netg": "unet", "n": 2, "g_scale": 0.1, "d_scale": 0.1},
    "RESNET_INSTANCE": {
        "netg": "resnet_6blocks",
        "norm": "instance",
        "norm_d": "instance",
        "gan_mode": "lsgan",
        "n": 1,
        "g_scale": 0.2,
        "d_scale": 0.1,
    },
    "RESIZE_WGANGP": {
        "netg": "unet",
        "upsample": "resize",
        "norm_d": "none",
        "gan_mode": "wgangp",
        "alpha": 0.3,
        "n": 2,
        "g_scale": 0.15,
        "d_scale": 0.05,
    },
}
LOSSES = ("loss_d_real", "loss_d_fake", "loss_g_gan", "loss_g_l1", "loss_d_gp")
SUMS = 8


def steps_of(o, dtype, steps=3):
    g, d, trainer = begin_training(o, dtype)
    n = o["n"]
    images = reference.formula_input(2 * n, 3, 32, 32).to(dtype)
    losses, gradients = [], {}
    for step in range(steps):
        losses.append(trainer.step(images[:n], images[n:]))
        if step == 0:
            for letter, net, adam in (("G", g, trainer.adam_g), ("D", d, trainer.adam_d)):
                for key, p in net.named_parameters():
                    # The first moment after a step is half the gradient.
                    m = adam.state[p]["exp_avg"].double().numpy().ravel()
                    gradients[letter + "." + key] = 2 * m
    return losses, gradients


def make_steps():
    lines = [
        "// SPDX-License-Identifier: MIT",
        "//",
        "// Made by tests/golden/make.py, with PyTorch in double precision: do not edit.",
        "",
        '#include "selftest/golden_steps.h"',
        "",
        "// clang-format off",
    ]
    for name, changes in STEPS_OF_SELFTEST.items():
        o = {**UNET, "levels": 5, "ngf": 4, "ndf": 4, **changes}
        losses, gradients = steps_of(o, torch.float64)
        losses32, gradients32 = steps_of(o, torch.float32)
        largest = {
            letter: max(
                np.linalg.norm(v) for k, v in gradients.items() if k[0] == letter
            )
            for letter in "GD"
        }
        off = max(
            np.linalg.norm(v - gradients32[k])
            / (np.linalg.norm(v) + 1e-3 * largest[k[0]])
            for k, v in gradients.items()
        )
        print("%s: gradients in f32 off by %.1e" % (name, off))
        lines += ["", "static const struct golden_gradient %s[] = {" % name.lower()]
        for key, value in gradients.items():
            numbers = [np.linalg.norm(value), *reference.signed_sums(value, SUMS)]
            lines.append("    { UINT64_C(0x%016x), %s, { %s } },    // %s" % (
                reference.fnv1a(key), "%.8g" % numbers[0],
                ", ".join("%.8g" % x for x in numbers[1:]), key))
        lines += ["};", "", "const struct golden_steps golden_%s = {" % name.lower()]
        lines += ["    .g_scale = %g," % o["g_scale"], "    .d_scale = %g," % o["d_scale"]]
        lines += ["    .alpha = %g," % o.get("alpha", 0), "    .losses = {"]
        for a, b in zip(losses, losses32):
            lines.append("        { %s }," % ", ".join(
                "%.9g" % a.get(k, 0) for k in LOSSES))
            print("  " + " ".join("%s %.4f (%.1e)" % (
                k, a[k], abs(a[k] - b[k]) / abs(a[k])) for k in a))
        lines += ["    },", "    .gradients = %s," % name.lower()]
        lines += ["    .gradient_count = sizeof(%s) / sizeof(%s[0])," % (
            name.lower(), name.lower()), "};"]
    target = os.path.join(FOLDER, "..", "..", "engine", "selftest", "golden_steps.c")
    with open(target, "w") as file:
        file.write("\n".join(lines) + "\n")


# ---------------------------------------------------------------------------


def make_formulas():
    numbers = reference.splitmix64(reference.fnv1a("G.model.model.0.weight"), 3)
    x = reference.formula_input(2, 3, 5, 200)
    w = reference.formula_weight("D.model.3.weight", (70,), 0.05, 1.0)
    write_json(
        {
            "fnv1a": "%016x" % reference.fnv1a("G.model.model.0.weight"),
            "splitmix64": ["%016x" % int(z) for z in numbers],
            "input_shape": list(x.shape),
            "input": [x.flatten()[i].item() for i in range(0, x.numel(), 401)],
            "input_stride": 401,
            "weight_name": "D.model.3.weight",
            "weight_scale": 0.05,
            "weight_offset": 1.0,
            "weight": w.tolist(),
            "sketch": reference.sketch(w).tolist(),
        },
        "formulas.json",
    )


if __name__ == "__main__":
    torch.set_num_threads(2)
    wanted = sys.argv[1:2]
    reference.check_counts()
    if wanted == ["pairs"]:
        make_pairs(sys.argv[2])
    if wanted in ([], ["forward"]):
        make_forward()
    if wanted in ([], ["training"]):
        make_training()
    if wanted in ([], ["steps"]):
        make_steps()
    if wanted in ([], ["formulas"]):
        make_formulas()
