# SPDX-License-Identifier: MIT
#
# The networks, losses and the training step of pix2pix's PyTorch port, as torch modules
# whose state_dict has the port's keys: what the engine is compared with. Needs Debian's
# python3-torch. make.py makes the fixtures of the tests with it, check.py loads weights
# that the engine wrote. Run by itself it counts parameters.
#
# Beyond the port: encoder_decoder (the same names without skips, so that a decoder reads
# as many channels as the level below it gives), upsample="resize" (doubling by nearest
# neighbour, then a 3x3 convolution whose weight has the place of the transposed one's),
# the hinge loss, and a gradient penalty that is applied.

import torch
import torch.nn.functional as F
from torch import nn


def norm_of(kind, channels):
    if kind == "batch":
        return nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1)
    if kind == "instance":
        return nn.InstanceNorm2d(channels, eps=1e-5)
    assert kind == "none"
    return nn.Identity()


def has_bias(kind):
    """The port gives a convolution that may stand before a norm a bias with instance
    norm only: not with batch norm, and not without any norm either."""
    return kind == "instance"


class ResizeConv(nn.Conv2d):
    """In the place of a transposed convolution 4x4 of stride 2."""

    def __init__(self, c_in, c_out, bias):
        super().__init__(c_in, c_out, 3, padding=1, bias=bias)

    def forward(self, x):
        return super().forward(F.interpolate(x, scale_factor=2, mode="nearest"))


# ---------------------------------------------------------------------------
# Generators


class UnetLevel(nn.Module):
    """Level k of the U-Net around level k + 1 (None: innermost)."""

    def __init__(self, level, levels, c_around, c, inner, o):
        super().__init__()
        self.joins = o["skips"] and level > 1
        bias = has_bias(o["norm"])
        first, last = level == 1, level == levels
        c_joint = c if last or not o["skips"] else 2 * c

        def up(c_out, with_bias):
            if o["upsample"] == "resize":
                return ResizeConv(c_joint, c_out, with_bias)
            return nn.ConvTranspose2d(c_joint, c_out, 4, 2, 1, bias=with_bias)

        c_in, c_out = (o["input_nc"], o["output_nc"]) if first else (c_around,) * 2
        parts = [] if first else [nn.LeakyReLU(0.2)]
        parts.append(nn.Conv2d(c_in, c, 4, 2, 1, bias=bias))
        if not first and not last:
            parts.append(norm_of(o["norm"], c))
        if not last:
            parts.append(inner)
        parts += [nn.ReLU(), up(c_out, first or bias)]
        if first:
            parts.append(nn.Tanh())
        else:
            parts.append(norm_of(o["norm"], c_out))
            # The levels between the four outer ones and the innermost.
            if o["dropout"] and 5 <= level < levels:
                parts.append(nn.Dropout(0.5))
        self.model = nn.Sequential(*parts)

    def forward(self, x):
        y = self.model(x)
        return torch.cat((x, y), 1) if self.joins else y


class UnetGenerator(nn.Module):
    """num_downs is 8 for unet_256, 7 for unet_128; 5 at least."""

    def __init__(
        self,
        num_downs,
        input_nc=3,
        output_nc=3,
        ngf=64,
        norm="batch",
        dropout=True,
        skips=True,
        upsample="transpose",
    ):
        super().__init__()
        o = {
            "input_nc": input_nc,
            "output_nc": output_nc,
            "norm": norm,
            "dropout": dropout,
            "skips": skips,
            "upsample": upsample,
        }
        assert num_downs >= 5
        widths = [0] + [ngf * min(2**i, 8) for i in range(num_downs)]
        level = None
        for k in range(num_downs, 0, -1):
            level = UnetLevel(k, num_downs, widths[k - 1], widths[k], level, o)
        self.model = level

    def forward(self, x):
        return self.model(x)


class ResnetBlock(nn.Module):
    def __init__(self, c, norm, dropout):
        super().__init__()
        bias = has_bias(norm)
        parts = [nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3, bias=bias)]
        parts += [norm_of(norm, c), nn.ReLU()]
        if dropout:
            parts.append(nn.Dropout(0.5))
        parts += [nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3, bias=bias)]
        parts.append(norm_of(norm, c))
        self.conv_block = nn.Sequential(*parts)

    def forward(self, x):
        return x + self.conv_block(x)


class ResnetGenerator(nn.Module):
    def __init__(
        self, blocks, input_nc=3, output_nc=3, ngf=64, norm="batch", dropout=True
    ):
        super().__init__()
        bias = has_bias(norm)
        parts = [nn.ReflectionPad2d(3), nn.Conv2d(input_nc, ngf, 7, bias=bias)]
        parts += [norm_of(norm, ngf), nn.ReLU()]
        for c in (ngf, 2 * ngf):
            parts.append(nn.Conv2d(c, 2 * c, 3, 2, 1, bias=bias))
            parts += [norm_of(norm, 2 * c), nn.ReLU()]
        parts += [ResnetBlock(4 * ngf, norm, dropout) for _ in range(blocks)]
        for c in (4 * ngf, 2 * ngf):
            parts.append(nn.ConvTranspose2d(c, c // 2, 3, 2, 1, 1, bias=bias))
            parts += [norm_of(norm, c // 2), nn.ReLU()]
        parts += [nn.ReflectionPad2d(3), nn.Conv2d(ngf, output_nc, 7), nn.Tanh()]
        self.model = nn.Sequential(*parts)

    def forward(self, x):
        return self.model(x)


def generator(o):
    """By the engine's names of options: netg, levels (of unet and encoder_decoder),
    input_nc, output_nc, ngf, norm, dropout, upsample."""
    shared = {k: o[k] for k in ("input_nc", "output_nc", "ngf", "norm", "dropout")}
    kind = o["netg"]
    if kind.startswith("resnet_"):
        return ResnetGenerator({"6": 6, "9": 9}[kind[7]], **shared)
    downs = {"unet_128": 7, "unet_256": 8}.get(kind) or o["levels"]
    skips = kind != "encoder_decoder"
    return UnetGenerator(downs, skips=skips, upsample=o["upsample"], **shared)


# ---------------------------------------------------------------------------
# Discriminators


class NLayerDiscriminator(nn.Module):
    def __init__(self, input_nc=6, ndf=64, n_layers=3, norm="batch"):
        super().__init__()
        bias = has_bias(norm)
        parts = [nn.Conv2d(input_nc, ndf, 4, 2, 1), nn.LeakyReLU(0.2)]
        c = ndf
        for i in range(1, n_layers + 1):
            wider = ndf * min(2**i, 8)
            stride = 1 if i == n_layers else 2
            parts.append(nn.Conv2d(c, wider, 4, stride, 1, bias=bias))
            parts += [norm_of(norm, wider), nn.LeakyReLU(0.2)]
            c = wider
        parts.append(nn.Conv2d(c, 1, 4, 1, 1))
        self.model = nn.Sequential(*parts)

    def forward(self, x):
        return self.model(x)


class PixelDiscriminator(nn.Module):
    def __init__(self, input_nc=6, ndf=64, norm="batch"):
        super().__init__()
        bias = has_bias(norm)
        self.net = nn.Sequential(
            nn.Conv2d(input_nc, ndf, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(ndf, 2 * ndf, 1, bias=bias),
            norm_of(norm, 2 * ndf),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * ndf, 1, 1, bias=bias),
        )

    def forward(self, x):
        return self.net(x)


def discriminator(o):
    """netd (basic, n_layers, pixel), n_layers_d, input_nc (of D: A's and B's channels
    together, B's alone if it is unconditional), ndf, norm."""
    if o["netd"] == "pixel":
        return PixelDiscriminator(o["input_nc"], o["ndf"], o["norm"])
    layers = 3 if o["netd"] == "basic" else o["n_layers_d"]
    return NLayerDiscriminator(o["input_nc"], o["ndf"], layers, o["norm"])


# ---------------------------------------------------------------------------
# Losses and the step


def gan_loss(mode, x, is_real, for_d):
    """What D says of real or fake images; of G's images G wants D to say real."""
    if mode == "vanilla":
        return F.binary_cross_entropy_with_logits(x, torch.full_like(x, float(is_real)))
    if mode == "lsgan":
        return F.mse_loss(x, torch.full_like(x, float(is_real)))
    if mode == "hinge" and for_d:
        return F.relu(1 - x if is_real else 1 + x).mean()
    assert mode in ("hinge", "wgangp")
    return -x.mean() if is_real else x.mean()


def gradient_penalty(d, real, fake, alpha, weight=10.0):
    """As the port's helper, over everything that D sees: the norm over all elements of
    a sample of D's gradient at alpha * real + (1 - alpha) * fake should be 1."""
    x = (alpha * real + (1 - alpha) * fake).detach().requires_grad_(True)
    (dx,) = torch.autograd.grad(d(x).sum(), x, create_graph=True)
    length = (dx.flatten(1) + 1e-16).norm(2, dim=1)
    return weight * ((length - 1) ** 2).mean()


class Trainer:
    """The port's step. For gan_mode "wgangp" D's loss has a gradient penalty of fixed
    alpha besides, which the port leaves out."""

    def __init__(self, g, d, gan_mode="vanilla", lambda_l1=100.0, alpha=None, lr=2e-4):
        self.g, self.d = g.train(), d.train()
        self.gan_mode, self.lambda_l1, self.alpha = gan_mode, lambda_l1, alpha
        self.adam_g, self.adam_d = (
            torch.optim.Adam(net.parameters(), lr=lr, betas=(0.5, 0.999), eps=1e-8)
            for net in (g, d)
        )

    def step(self, a, b):
        fake = self.g(a)
        fake_pair, real_pair = torch.cat((a, fake), 1), torch.cat((a, b), 1)

        self.adam_d.zero_grad()
        d_fake = gan_loss(self.gan_mode, self.d(fake_pair.detach()), False, True)
        d_real = gan_loss(self.gan_mode, self.d(real_pair), True, True)
        loss = (d_fake + d_real) * 0.5
        losses = {"loss_d_real": d_real.item(), "loss_d_fake": d_fake.item()}
        if self.gan_mode == "wgangp":
            gp = gradient_penalty(self.d, real_pair, fake_pair.detach(), self.alpha)
            losses["loss_d_gp"] = gp.item()
            loss = loss + gp
        loss.backward()
        self.adam_d.step()

        for weight in self.d.parameters():
            weight.requires_grad_(False)
        self.adam_g.zero_grad()
        g_gan = gan_loss(self.gan_mode, self.d(fake_pair), True, False)
        g_l1 = F.l1_loss(fake, b) * self.lambda_l1
        (g_gan + g_l1).backward()
        self.adam_g.step()
        for weight in self.d.parameters():
            weight.requires_grad_(True)
        losses["loss_g_gan"], losses["loss_g_l1"] = g_gan.item(), g_l1.item()
        return losses


# ---------------------------------------------------------------------------
# Formulas that the tests in C (support/golden.c) compute to the same bits

MASK = (1 << 64) - 1


def fnv1a(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h


def splitmix64(seed, count):
    """Outputs 0..count-1 of the generator that starts at `seed`, as u64."""
    import numpy as np

    z = np.arange(1, count + 1, dtype=np.uint64)
    z = np.uint64(seed) + z * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def formula_input(n, c, h, w):
    """The deterministic image, f32 in [-1, 1]."""
    import numpy as np

    i, y, x = np.meshgrid(np.arange(n * c), np.arange(h), np.arange(w), indexing="ij")
    i = (i // c) * 7 + i % c
    k = (i * 131 + y * 31 + x * 17 + (x * y) % 97) % 256
    value = (k / 127.5 - 1).astype(np.float32)
    return torch.from_numpy(value.reshape(n, c, h, w))


def formula_weight(name, shape, scale, offset=0.0):
    """Uniform in [offset - scale, offset + scale), by the tensor's name."""
    import numpy as np

    count = int(np.prod(shape))
    k = (splitmix64(fnv1a(name), count) >> np.uint64(40)).astype(np.float64)
    value = (offset + (k / 8388608.0 - 1) * scale).astype(np.float32)
    return torch.from_numpy(value.reshape(shape))


def formula_state(net, letter, scale):
    """Every tensor of a network: weights of convolutions within scale, all else within
    0.05 of where the port starts it; counts of batches are 0."""
    norms = {k for k, m in net.named_modules() if isinstance(m, nn.BatchNorm2d)}
    state = {}
    for name, value in net.state_dict().items():
        owner, _, leaf = name.rpartition(".")
        if leaf == "num_batches_tracked":
            state[name] = torch.zeros_like(value)
            continue
        one = leaf == "running_var" or (leaf == "weight" and owner in norms)
        s = scale if value.dim() == 4 else 0.05
        state[name] = formula_weight(
            letter + "." + name, tuple(value.shape), s, float(one)
        )
    return state


SKETCH_ROWS = 64


def signed_sums(values, rows):
    """`rows` sums of all values with signs, as sketch() has them; of a flat array."""
    import numpy as np

    bits = splitmix64(fnv1a("sketch"), values.size)
    return np.array(
        [
            np.where((bits >> np.uint64(j)) & np.uint64(1), -values, values).sum()
            for j in range(rows)
        ]
    )


def sketch(values):
    """64 sums of all values with signs: bit j of output i is the sign of value i in sum
    j (set: minus). The mean square of the difference of two tensors' sums estimates the
    square of their distance. Up to 64 values are their own sketch."""
    values = values.detach().double().numpy().ravel()
    return values if values.size <= SKETCH_ROWS else signed_sums(values, SKETCH_ROWS)


# ---------------------------------------------------------------------------


def count(net):
    return sum(p.numel() for p in net.parameters())


def check_counts():
    """Parameter counts that the port prints, and that follow from its layers."""
    for downs, expected in ((8, 54413955), (7, 41828995), (9, 66998915)):
        assert count(UnetGenerator(downs)) == expected
    for blocks, norm, expected in (
        (6, "batch", 7841411),
        (6, "instance", 7837699),
        (9, "batch", 11383427),
        (9, "instance", 11378179),
    ):
        assert count(ResnetGenerator(blocks, norm=norm)) == expected
    for layers, expected in enumerate(
        (139585, 666433, 2768705, 6964033, 11159361, 15354689), start=1
    ):
        assert count(NLayerDiscriminator(n_layers=layers)) == expected
    assert count(PixelDiscriminator()) == 9024
    assert len(UnetGenerator(8).state_dict()) == 82
    assert len(UnetGenerator(8, norm="instance").state_dict()) == 32
    assert len(NLayerDiscriminator().state_dict()) == 22
    keys = set(ResnetGenerator(9, ngf=1).state_dict())
    assert {"model.10.conv_block.6.weight", "model.26.bias"} <= keys
    keys = set(ResnetGenerator(6, ngf=1, dropout=False).state_dict())
    assert {"model.15.conv_block.5.weight", "model.23.bias"} <= keys


if __name__ == "__main__":
    check_counts()
    print("parameter counts and keys are the port's")
