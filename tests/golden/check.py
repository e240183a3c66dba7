#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Loads files that the engine wrote into PyTorch's networks, strictly, and compares what
# they compute:
#
#     check.py FOLDER
#
# FOLDER holds NAME.pth for every case of forward/cases.json. Ends with 0 if all is well,
# with 1 after a message for each file that is not, with 77 where there is no torch.

import json
import os
import sys

try:
    import torch
except ImportError:
    sys.exit(77)

import reference
from make import FOLDER, answer, build, load_outputs

LARGEST_DIFFERENCE = 1e-4  # in parts of the largest magnitude


def check(case, expected, path):
    """What is wrong with a file; None if nothing is."""
    net = build(case)
    try:
        state = torch.load(path, map_location="cpu")
        net.load_state_dict(state, strict=True)
    except Exception as problem:
        return "not loaded: %s" % problem
    for key, value in state.items():
        wanted = net.state_dict()[key]
        if value.dtype != wanted.dtype or value.shape != wanted.shape:
            return "%s is %s %s" % (key, value.dtype, tuple(value.shape))
    case = {**case, "n": case["input"][0], "size": case["input"][2:]}
    y = answer(net, case, torch.float32).flatten()[:: case["stride"]]
    off = (y - expected).abs().max().item() / case["largest"]
    if not off <= LARGEST_DIFFERENCE:
        return "computes something else: off by %.1e" % off
    return None


def main():
    folder, failures = sys.argv[1], 0
    with open(os.path.join(FOLDER, "forward", "cases.json")) as file:
        cases = json.load(file)
    outputs = load_outputs()
    for case in cases:
        path = os.path.join(folder, case["name"] + ".pth")
        problem = check(case, torch.from_numpy(outputs[case["name"]]), path)
        if problem:
            failures += 1
            print("%s: %s" % (case["name"], problem))
    print("%d of %d files are right" % (len(cases) - failures, len(cases)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
