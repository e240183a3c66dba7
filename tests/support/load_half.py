#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Whether PyTorch takes the F16 files that tests/test_half.c has written, FULL.pth as
# HALF.pth and HALF.safetensors: every tensor of floats is what half() makes of the full
# one, to the bit, and every counter is as it was. The safetensors file is read by what
# the format's page says, without its library. Exit code 77: there is no PyTorch.

import json
import struct
import sys

try:
    import torch
except ImportError:
    sys.exit(77)


def load_safetensors(path):
    dtypes = {"F16": torch.float16, "I64": torch.int64}
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = bytearray(file.read())
    state = {}
    for name, e in header.items():
        if name != "__metadata__":
            begin, end = e["data_offsets"]
            flat = torch.frombuffer(data, dtype=torch.uint8)[begin:end].clone()
            state[name] = flat.view(dtypes[e["dtype"]]).reshape(e["shape"])
    return state


full = torch.load(sys.argv[1])
for half in torch.load(sys.argv[2]), load_safetensors(sys.argv[3]):
    assert set(half) == set(full)
    for key, value in full.items():
        wanted = value.half() if value.is_floating_point() else value
        assert half[key].dtype == wanted.dtype and half[key].shape == wanted.shape, key
        # Signs of zeros too.
        bits = torch.int16 if value.is_floating_point() else torch.int64
        assert torch.equal(half[key].view(bits), wanted.view(bits)), key

# Into modules of either kind: what is F16 is widened where the module is F32.
key = next(k[:-len("running_var")] for k in half if k.endswith("running_var"))
state = {k[len(key):]: v for k, v in half.items() if k.startswith(key)}
for dtype in torch.float32, torch.float16:
    net = torch.nn.BatchNorm2d(len(state["running_var"])).to(dtype)
    net.load_state_dict(state, strict=True)
    for name, value in net.state_dict().items():
        assert torch.equal(value, state[name].to(value.dtype)), name
