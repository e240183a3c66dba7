# SPDX-License-Identifier: MIT
#
# What tools/against_pytorch.py needs of PyTorch, without any arithmetic, for
# tests/against_pytorch.sh: modules count their weights as PyTorch's have them, everything
# else is one object that does nothing. FAKE_TORCH=absent: it cannot be loaded;
# FAKE_TORCH=no_bf16: a step in bf16 fails; FAKE_TORCH=old: it is one of before 2.3, whose
# loss scale is for CUDA alone; FAKE_TORCH=ancient: one of before 1.10, without autocast;
# FAKE_TORCH=one_thread: it has one; FAKE_TORCH=no_memory: the first turn runs out of it.

import contextlib
import os
import sys
import types

if os.environ.get("FAKE_TORCH") == "absent":
    raise ModuleNotFoundError("No module named 'torch'")

__version__ = "0.0.fake"
float16, bfloat16, channels_last = "f16", "bf16", "nhwc"


class Nothing:
    def __getattr__(self, name):
        if name == "tolist":
            return lambda: [0.0] * 4
        return Nothing()

    def __call__(self, *args, **kwargs):
        return self

    def _same(self, *other):
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __neg__ = _same


class Parameter(Nothing):
    def __init__(self, count):
        self.count = count

    def numel(self):
        return self.count


class Module:
    def __init__(self, *args, **kwargs):
        pass

    def parameters(self):
        for value in vars(self).values():
            if isinstance(value, Parameter):
                yield value
            elif isinstance(value, Module):
                yield from value.parameters()
            elif isinstance(value, list):
                for part in value:
                    yield from part.parameters()

    def to(self, *args, **kwargs):
        return self

    def train(self):
        return self

    def __call__(self, x):
        return x


class Conv2d(Module):
    def __init__(self, c_in, c_out, kernel, stride=1, pad=0, bias=True, **kwargs):
        self.weight = Parameter(c_in * c_out * kernel**2)
        self.bias = Parameter(c_out if bias else 0)


class BatchNorm2d(Module):
    def __init__(self, channels, **kwargs):
        self.weight, self.bias = Parameter(channels), Parameter(channels)


class Sequential(Module):
    def __init__(self, *parts):
        self.parts = list(parts)


nn = types.ModuleType("torch.nn")
nn.Module, nn.Sequential, nn.BatchNorm2d = Module, Sequential, BatchNorm2d
nn.Conv2d = nn.ConvTranspose2d = Conv2d
nn.ReLU = nn.LeakyReLU = nn.Tanh = nn.Dropout = nn.Identity = Module
nn.functional = types.ModuleType("torch.nn.functional")
nn.functional.__getattr__ = lambda name: Nothing()
sys.modules["torch.nn"] = nn
sys.modules["torch.nn.functional"] = nn.functional

cuda = types.SimpleNamespace(is_available=lambda: False)
backends = types.SimpleNamespace(cudnn=types.SimpleNamespace(version=lambda: None))
optim = types.SimpleNamespace(Adam=lambda parameters, **kwargs: Nothing())
rand = cat = stack = full_like = set_num_threads = Nothing()


class GradScaler(Nothing):
    def __init__(self, device):
        pass

    def is_enabled(self):
        return True


amp = types.SimpleNamespace(GradScaler=GradScaler)
if os.environ.get("FAKE_TORCH") == "old":
    amp = types.SimpleNamespace()


def get_num_threads():
    return 1 if os.environ.get("FAKE_TORCH") == "one_thread" else os.cpu_count()


def autocast(device, dtype):
    if dtype == os.environ.get("FAKE_TORCH", "")[3:]:
        raise RuntimeError(f"there is no {dtype} here\nand more of it")
    return contextlib.nullcontext()


if os.environ.get("FAKE_TORCH") == "ancient":
    del autocast

if os.environ.get("FAKE_TORCH") == "no_memory":

    class Scarce(Nothing):
        calls = 0

        def __call__(self, *args, **kwargs):
            Scarce.calls += 1
            if Scarce.calls > 2:
                raise MemoryError
            return self

    stack = Scarce()
