#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Points of softmax and cross entropy by PyTorch, in doubles, as test_softmax.c has them:
# logits, 2 softmax - 1, the loss by class 1, its gradient.
#
#     /usr/bin/python3 tests/golden/softmax.py      (Debian's python3-torch)

import torch
from torch.nn.functional import cross_entropy

POINTS = [[0.25, -1.5, 2.0, 0.0], [-3.0, 4.0, 0.5, 1.0], [80.0, -90.0, 0.0, 79.0],
          [1000.0, -1000.0, 999.0, 0.0], [-1e30, -1e30, -1e30, -1e30],
          [1e-20, 0.0, -1e-20, 0.0]]


def text(values):
    return "{ " + ", ".join("%.9g" % v for v in values) + " }"


for point in POINTS:
    x = torch.tensor([point], dtype=torch.float64, requires_grad=True)
    loss = cross_entropy(x, torch.tensor([1]))
    loss.backward()
    y = 2 * torch.softmax(x, 1) - 1
    print("{ %s,\n  %s,\n  %.9g,\n  %s },"
          % (text(point), text(y[0].tolist()), loss.item(), text(x.grad[0].tolist())))
