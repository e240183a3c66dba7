# SPDX-License-Identifier: MIT
#
# The measurement of tools/against_pytorch.sh.
#
# A turn of PyTorch is one step that does not count, then steps until the time for them is
# over, 3 at least; a turn of pix2pix.c is a run of `pix2pix bench`, which does the same.
# In both a step is a batch of images from the host's memory to the device, the step of D,
# the step of G, and the losses back on the host; each sample is one step by the host's
# clock, from the first to the last of these. PyTorch waits for its device only there.
# The images are noise that is in memory before; the port's data loader is not measured.
#
# Who begins changes from turn to turn. Between its turns PyTorch stays loaded and idle.

import argparse
import contextlib
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "golden"))

import torch  # noqa: E402

import reference  # noqa: E402

LEAST_TURNS = 5
LEAST_SAMPLES = 3


class Failure(Exception):
    """Printed as one line; exit code 1."""


def say(text):
    print(f"against_pytorch: {text}", file=sys.stderr, flush=True)


# ---------------------------------------------------------------------------
# PyTorch


def pick_device(wanted):
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    for name in ("xpu", "mps"):
        if (module := getattr(torch, name, None)) and module.is_available():
            return name
    mps = getattr(torch.backends, "mps", None)
    return "mps" if mps and mps.is_available() else "cpu"


def make_scaler(device):
    if device == "cpu" and not hasattr(getattr(torch, "amp", None), "GradScaler"):
        raise Failure(f"PyTorch {torch.__version__} has no loss scale for f16 on a CPU: "
                      "--precision bf16 or f32")
    amp = getattr(torch, "amp", None)
    if amp and hasattr(amp, "GradScaler"):
        return amp.GradScaler(device)
    return torch.cuda.amp.GradScaler()


class Step:
    def __init__(self, o, device, levels):
        self.device = device
        self.dtype = {"f16": torch.float16, "bf16": torch.bfloat16}.get(o.precision)
        options = {
            "netg": "unet",
            "levels": levels,
            "input_nc": 3,
            "output_nc": 3,
            "ngf": o.ngf,
            "norm": "batch",
            "dropout": True,
            "upsample": "transpose",
        }
        self.g = reference.generator(options).to(device).train()
        self.d = reference.NLayerDiscriminator(ndf=o.ndf).to(device).train()
        self.weights = [reference.count(net) for net in (self.g, self.d)]
        self.parameters_d = list(self.d.parameters())
        self.adam_g, self.adam_d = (
            torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for net in (self.g, self.d)
        )
        # Gradients that f16 cannot hold make a step that is left out, as with us.
        self.scalers = None
        if o.precision == "f16":
            self.scalers = make_scaler(device), make_scaler(device)
            if not all(scaler.is_enabled() for scaler in self.scalers):
                raise RuntimeError("it has no loss scale there")
        if o.channels_last:
            for net in (self.g, self.d):
                net.to(memory_format=torch.channels_last)
        if o.compile:
            self.g, self.d = torch.compile(self.g), torch.compile(self.d)
        shape = (o.batch, 3, o.size, o.size)
        self.host = [torch.rand(shape) * 2 - 1 for _ in range(2)]
        if device == "cuda":
            self.host = [x.pin_memory() for x in self.host]
        self.channels_last = o.channels_last

    def autocast(self):
        if self.dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device, dtype=self.dtype)

    def update(self, loss, adam, scaler):
        adam.zero_grad()
        if scaler is None:
            loss.backward()
            adam.step()
            return
        scaler.scale(loss).backward()
        scaler.step(adam)
        scaler.update()

    def run(self):
        """Seconds of one step."""
        start = time.perf_counter()
        a, b = (x.to(self.device, non_blocking=True) for x in self.host)
        if self.channels_last:
            a, b = (x.to(memory_format=torch.channels_last) for x in (a, b))
        scaler_d, scaler_g = self.scalers or (None, None)
        with self.autocast():
            fake = self.g(a)
            pair = torch.cat((a, fake), 1)
            d_fake = reference.gan_loss("vanilla", self.d(pair.detach()), False, True)
            real = torch.cat((a, b), 1)
            d_real = reference.gan_loss("vanilla", self.d(real), True, True)
            loss_d = (d_fake + d_real) * 0.5
        self.update(loss_d, self.adam_d, scaler_d)
        for weight in self.parameters_d:
            weight.requires_grad_(False)
        with self.autocast():
            g_gan = reference.gan_loss("vanilla", self.d(pair), True, False)
            g_l1 = torch.nn.functional.l1_loss(fake, b) * 100
            loss_g = g_gan + g_l1
        self.update(loss_g, self.adam_g, scaler_g)
        for weight in self.parameters_d:
            weight.requires_grad_(True)
        # Waits for everything.
        losses = [x.detach().float() for x in (d_fake, d_real, g_gan, g_l1)]
        torch.stack(losses).tolist()
        return time.perf_counter() - start

    def turn(self, seconds):
        self.run()
        samples = []
        begun = time.perf_counter()
        while len(samples) < LEAST_SAMPLES or time.perf_counter() - begun < seconds:
            samples.append(self.run())
        return samples


def describe_torch(o, device, step):
    cuda = device == "cuda"
    cudnn = torch.backends.cudnn
    return {
        "version": str(torch.__version__),
        "python": platform.python_version(),
        "device": str(torch.cuda.get_device_name(0)) if cuda else device,
        "backend": device,
        "cuda": str(torch.version.cuda) if cuda else None,
        "hip": str(getattr(torch.version, "hip", None)) if cuda else None,
        "cudnn": cudnn.version() if cuda else None,
        "cudnn_benchmark": bool(cudnn.benchmark) if cuda else None,
        "tf32": bool(cudnn.allow_tf32) if cuda else None,
        "threads": int(torch.get_num_threads()),
        "channels_last": o.channels_last,
        "compiled": o.compile,
        "weights": step.weights,
    }


# ---------------------------------------------------------------------------
# pix2pix.c


def run_ours(o, counters=False):
    """The row of the step and its device, as `bench --json` has them."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bench.json")
        command = [o.pix2pix, "bench", "--only", "train", "--json", path]
        command += ["--sizes", str(o.size), "--batches", str(o.batch)]
        command += ["--ngf", str(o.ngf), "--ndf", str(o.ndf)]
        command += ["--precision", o.precision]
        if o.device:
            command += ["--device", o.device]
        if counters:
            command.append("--counters")
        if o.quick:
            command.append("--quick")
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as e:
            raise Failure(f"{o.pix2pix} cannot be run: {e.strerror}: build it, or say "
                          "where it is with --pix2pix") from None
        if done.returncode != 0:
            raise Failure(f"{' '.join(command)} failed: {done.stderr.strip()}")
        try:
            with open(path) as f:
                document = json.load(f)
            device = document["devices"][0]
            rows = [row for row in device["rows"] if row["kind"] == "train"]
        except (OSError, ValueError, LookupError, TypeError):
            raise Failure(f"{o.pix2pix} has written no result of bench: is it pix2pix of "
                          "this version?") from None
    if len(rows) != 1 or (not counters and "all_seconds" not in rows[0]):
        raise Failure(f"{o.pix2pix} did not run the step: {done.stderr.strip()}")
    return document, device, rows[0]


def describe_ours(document, device, rows):
    keys = ("driver", "driver_version", "api_version", "type")
    return {
        "version": document["library_version"],
        "device": device["name"],
        **{key: device[key] for key in keys},
        "floor_shares": [row["ceiling_share"] for row in rows],
        "bound_by": rows[-1]["bound_by"],
        "doubtful_turns": sum(row["doubtful"] for row in rows),
        "bytes": rows[-1]["bytes"],
        "flops": rows[-1]["flops"],
        "dispatches": rows[-1]["plan"]["dispatches"],
        "weights": [rows[-1]["plan"][key] for key in ("weights_g", "weights_d")],
    }


# ---------------------------------------------------------------------------


def find_levels(size):
    """Levels of the U-Net: as many as fit, 5 to 8, as `train` has them."""
    levels = 8
    while levels > 5 and size % 2**levels:
        levels -= 1
    return levels


def load_average():
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def processor():
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def sum_up(turns):
    """A turn counts as another, however many steps it had time for."""
    medians = [statistics.median(turn) for turn in turns]
    return {
        "median_seconds": statistics.median(medians),
        "turn_medians": medians,
        "turns": turns,
    }


def same_device(ours, theirs):
    """Whether both names are those of one device: None if that cannot be said."""
    if theirs["backend"] == "cpu":
        return ours["type"] == "cpu"
    if theirs["backend"] != "cuda":
        return None
    return theirs["device"].lower() in ours["device"].lower() or (
        ours["device"].lower() in theirs["device"].lower()
    )


# An old PyTorch lacks functions, and a device memory.
@contextlib.contextmanager
def failures_of_torch(o, backend):
    try:
        yield
    except (RuntimeError, AssertionError, UserWarning, AttributeError, MemoryError) as e:
        first = (str(e).strip() or type(e).__name__).split("\n")[0]
        raise Failure(f"PyTorch cannot do the step in {o.precision} on {backend}: "
                      f"{first} (version {torch.__version__})") from None


def measure(o):
    # What PyTorch would leave out with a warning is an error.
    warnings.filterwarnings("error", message=".*[Dd]isabling")
    levels = find_levels(o.size)
    backend = pick_device(o.torch_device)
    torch.backends.cudnn.benchmark = True  # as the port does
    if o.tf32 is not None:
        torch.backends.cudnn.allow_tf32 = o.tf32 == "on"
    if o.threads:
        torch.set_num_threads(o.threads)
    _, _, counted = run_ours(o, counters=True)
    with failures_of_torch(o, backend):
        step = Step(o, backend, levels)
        say(f"PyTorch {torch.__version__} on {backend}, first step")
        step.run()
    # PyTorch takes a thread for each core, as it counts them; a software driver takes all.
    cores = os.cpu_count() or 1
    if backend == "cpu" and torch.get_num_threads() < cores:
        say(f"PyTorch has {torch.get_num_threads()} of {cores} threads: --threads {cores} "
            "gives it all, as a software driver takes them")
    weights = [counted["plan"][key] for key in ("weights_g", "weights_d")]
    if step.weights != weights:
        raise Failure(f"the networks differ: PyTorch's have {step.weights} weights, "
                      f"ours {weights}")
    load = [load_average()]
    theirs, ours, rows = [], [], []
    for turn in range(o.turns):
        for who in range(2):
            if (turn + who) % 2 == 0:
                with failures_of_torch(o, backend):
                    theirs.append(step.turn(o.seconds))
                median = statistics.median(theirs[-1])
                name = "PyTorch"
            else:
                document, device, row = run_ours(o)
                rows.append(row)
                ours.append(row["all_seconds"])
                median = row["seconds"]
                name = "pix2pix.c"
            say(f"turn {turn + 1} of {o.turns}: {name} {1e3 * median:.3f} ms")
    load.append(load_average())
    result = {
        "format": "pix2pix against pytorch",
        "format_version": 1,
        "when": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "host": {
            "system": platform.platform(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "load_average": load,
        },
        "work": {
            "what": "training step",
            "generator": f"U-Net, {levels} levels",
            "discriminator": "PatchGAN, 70 x 70",
            "size": o.size,
            "batch": o.batch,
            "ngf": o.ngf,
            "ndf": o.ndf,
            "precision": o.precision,
        },
        "pix2pix": {**describe_ours(document, device, rows), **sum_up(ours)},
        "pytorch": {**describe_torch(o, backend, step), **sum_up(theirs)},
    }
    a, b = result["pytorch"], result["pix2pix"]
    # Above 1: pix2pix.c is faster.
    result["ratio"] = a["median_seconds"] / b["median_seconds"]
    result["turn_ratios"] = [
        x / y for x, y in zip(a["turn_medians"], b["turn_medians"])
    ]
    result["same_device"] = same_device(b, a)
    if result["same_device"] is False:
        say(f"these are different devices: {a['device']} and {b['device']}; choose with "
            "--torch-device and --device")
    say(f"pix2pix.c takes {1e3 * b['median_seconds']:.3f} ms, PyTorch "
        f"{1e3 * a['median_seconds']:.3f} ms: {result['ratio']:.2f} times as fast, "
        f"{min(result['turn_ratios']):.2f} to {max(result['turn_ratios']):.2f} in single turns")
    # At the end all cores may be ours.
    if load[0] is not None and (load[0] > cores / 2 or load[1] > cores + 1):
        say(f"other programs disturb it: the load was {load[0]:.1f} at first and "
            f"{load[1]:.1f} at the end, on {cores} cores")
    try:
        print(json.dumps(result), flush=True)
    except OSError as e:
        # What is still in the buffer would be tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Failure(f"the result cannot be written: {e.strerror}") from None


def parse():
    p = argparse.ArgumentParser(
        prog="tools/against_pytorch.sh",
        description="Measures the training step of pix2pix in PyTorch and in "
        "pix2pix.c, in turns, and prints one line of JSON.",
        epilog="exit code: 0 measured, 1 something failed, 2 wrong options, 77 no "
        "Python 3 or no PyTorch",
    )
    build = os.path.join(ROOT, "build", "pix2pix")
    p.add_argument("--pix2pix", default=build, help="the command [build/pix2pix]")
    p.add_argument("--size", type=int, default=256, help="pixels of a side [256]")
    p.add_argument("--batch", type=int, default=1, help="images in a batch [1]")
    p.add_argument("--ngf", type=int, default=64, help="filters of G [64]")
    p.add_argument("--ndf", type=int, default=64, help="filters of D [64]")
    p.add_argument(
        "--precision", choices=("f32", "f16", "bf16"), default="f32",
        help="of both; in PyTorch autocast, and in f16 a loss scale each [f32]",
    )
    p.add_argument("--turns", type=int, default=LEAST_TURNS, help="of each, 5 at least [5]")
    p.add_argument("--seconds", type=float, default=2, help="of a turn of PyTorch [2]")
    p.add_argument("--quick", action="store_true", help="turns of pix2pix.c that are short")
    p.add_argument("--device", help="of pix2pix.c, as its --device [best]")
    p.add_argument(
        "--torch-device", choices=("auto", "cuda", "xpu", "mps", "cpu"), default="auto",
        help="of PyTorch; cuda is ROCm too [auto]",
    )
    p.add_argument("--tf32", choices=("on", "off"), help="of PyTorch [its default]")
    p.add_argument("--threads", type=int, default=0, help="of PyTorch [its default]")
    p.add_argument("--channels-last", action="store_true", help="PyTorch's other layout")
    p.add_argument("--compile", action="store_true", help="by torch.compile")
    o = p.parse_args()
    if o.turns < LEAST_TURNS:
        p.error(f"--turns must be {LEAST_TURNS} at least")
    if min(o.size, o.batch, o.ngf, o.ndf) < 1 or o.size % 32:
        p.error("--size must be a multiple of 32, --batch, --ngf and --ndf 1 at least")
    if not 0 <= o.seconds < 3600 or o.threads < 0:
        p.error("--seconds and --threads must be numbers from 0")
    return o


def main():
    try:
        measure(parse())
    except Failure as e:
        say(str(e))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
