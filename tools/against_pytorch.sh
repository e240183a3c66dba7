#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Measures the training step of pix2pix in PyTorch and in pix2pix.c on this machine, in
# turns, and prints one line of JSON with every sample and what one needs to trust it:
#
#     tools/against_pytorch.sh --batch 8 --precision f16 > result.json
#
# The step is that of the PyTorch port with its defaults: U-Net of 256 pixels, PatchGAN of
# 70 x 70, batch norm, dropout, cross-entropy and L1, Adam (tests/golden/reference.py).
# tools/against_pytorch.py says what is timed, and has --help.
#
# Exit code: 0 measured, 1 something failed, 2 wrong options, 77 there is no Python 3 or
# no PyTorch: the message says how to get it.

set -u

folder=$(cd "$(dirname "$0")" && pwd) || exit 1
found=''
tried=''
for python in ${PYTHON:+"$PYTHON"} python3 /usr/bin/python3; do
    command -v "$python" >/dev/null 2>&1 || continue
    found=$python
    # Loading it may fail for other reasons than that it is not there.
    if reason=$("$python" -c 'import torch' 2>&1); then
        exec "$python" "$folder/against_pytorch.py" "$@"
    fi
    tried="$tried
    $python: $(echo "$reason" | tail -n 1)"
    [ -z "${PYTHON:-}" ] || break
done

if [ -z "$found" ]; then
    echo "against_pytorch: there is no Python 3: install it, with PyTorch, or name one with PYTHON=..." >&2
else
    echo "against_pytorch: PyTorch cannot be loaded:$tried
Install it (https://pytorch.org/get-started says how for each GPU; for a processor
\"apt install python3-torch\" or \"pip install torch\"), or name the Python that has it with
PYTHON=..." >&2
fi
exit 77
