#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Whether PyTorch takes the files that tests/test_pth_write.c has written, one of F32 and
# one of F16: loads them, also in the way that runs nothing, and strictly into the network
# that they are for. Value i of each tensor is i / 4. Exit code 77: there is no PyTorch.

import sys

try:
    import torch
except ImportError:
    sys.exit(77)

for path, dtype in zip(sys.argv[1:], (torch.float32, torch.float16)):
    state = torch.load(path)
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 2, bias=False),
                              torch.nn.BatchNorm2d(3))
    assert list(state) == list(net.state_dict()), list(state)
    for key, value in state.items():
        if key.endswith("num_batches_tracked"):
            assert value.dtype == torch.int64 and value.shape == ()
            assert value == 5_000_000_000
        else:
            wanted = torch.arange(value.numel(), dtype=torch.float32) / 4
            assert value.dtype == dtype
            assert torch.equal(value.flatten().float(), wanted), key
    net.load_state_dict(state, strict=True)
    net.half().load_state_dict(state, strict=True)
    try:
        safe = torch.load(path, weights_only=True)
    except TypeError:    # before 1.13
        safe = state
    assert list(safe) == list(state)
