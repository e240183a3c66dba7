#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tools/against_pytorch.sh with a torch that computes nothing (support/fake_torch): that
# both have their turns, that the line has every sample, and how it ends where something
# is missing. With PIX_TEST_FULL=1 and a real PyTorch, a step of that too.
#
#     tests/against_pytorch.sh PIX2PIX

set -u

pix2pix=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")" || exit 1
script=$PWD/../tools/against_pytorch.sh
if ! command -v python3 >/dev/null 2>&1; then
    echo "skipped: there is no python3"
    exit 77
fi
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
errors=0

complain() {
    echo "$*"
    cat "$scratch/err"
    errors=$((errors + 1))
}

# run CODE TEXT OPTION...: TEXT is in what it says. $python is the one that runs it, $out
# has what it prints.
python=python3
out=$scratch/out
run() {
    local code=$1 text=$2 got
    shift 2
    PYTHON=$python PYTHONPATH=$torch PYTHONDONTWRITEBYTECODE=1 \
        "$script" --pix2pix "$pix2pix" "$@" >"$out" 2>"$scratch/err"
    got=$?
    [ $got = "$code" ] || complain "$*: exit code $got, not $code"
    grep -qF -- "$text" "$scratch/err" || complain "$*: it does not say \"$text\""
    [ "$code" = 0 ] || [ ! -s "$out" ] || complain "$*: it prints a line"
}

# What the line must have.
check() {
    "$python" - "$scratch/out" "$@" <<'PYTHON' || complain "$*: the line is wrong"
import json
import statistics
import sys

with open(sys.argv[1]) as f:
    lines = f.readlines()
assert len(lines) == 1
line = json.loads(lines[0])
precision, turns = sys.argv[2], int(sys.argv[3])
assert line["format"] == "pix2pix against pytorch" and line["format_version"] == 1
assert line["work"]["precision"] == precision and line["work"]["size"] == 32
for who in ("pix2pix", "pytorch"):
    part = line[who]
    assert part["version"] and part["device"], part
    assert len(part["turns"]) == turns
    assert all(len(turn) >= 3 and min(turn) > 0 for turn in part["turns"])
    medians = [statistics.median(turn) for turn in part["turns"]]
    assert part["turn_medians"] == medians
    assert part["median_seconds"] == statistics.median(medians)
    assert part["weights"] == [65835, 11765]
ratio = line["pytorch"]["median_seconds"] / line["pix2pix"]["median_seconds"]
assert line["ratio"] == ratio
assert len(line["turn_ratios"]) == turns
assert line["pix2pix"]["driver_version"] and line["host"]["cores"] >= 1
PYTHON
}

tiny="--size 32 --ngf 4 --ndf 4 --quick --seconds 0"

torch=$PWD/support/fake_torch
# shellcheck disable=SC2086
{
    FAKE_TORCH=absent run 77 "No module named 'torch'" $tiny
    grep -qF pytorch.org "$scratch/err" || complain "it does not say how to get PyTorch"
    run 2 "--turns must be 5 at least" --turns 4
    run 2 "--precision" --precision f8
    run 2 "--size must be a multiple of 32" --size 100
    run 1 "no-such-command cannot be run" $tiny --pix2pix no-such-command

    if ! "$pix2pix" bench --counters --quick --only train >/dev/null 2>&1; then
        echo "skipped: there is no Vulkan device that pix2pix.c can use"
        [ $errors = 0 ] && exit 77
        exit 1
    fi
    run 1 "has written no result of bench" $tiny --pix2pix "$(command -v true)"
    run 0 "in single turns" $tiny
    check f32 5
    ! grep -qF "threads" "$scratch/err" || complain "it has all threads"
    # They take turns, and take turns at beginning.
    order=$(sed -n 's/.*turn [0-9] of 5: \(...\).*/\1/p' "$scratch/err" | tr '\n' ' ')
    [ "$order" = "PyT pix pix PyT PyT pix pix PyT PyT pix " ] || complain "turns: $order"
    FAKE_TORCH=no_bf16 run 1 "PyTorch cannot do the step in bf16 on cpu: there is no bf16" \
        $tiny --precision bf16
    ! grep -qF "more of it" "$scratch/err" || complain "an error of several lines"
    FAKE_TORCH=ancient run 1 "PyTorch cannot do the step in bf16 on cpu: " \
        $tiny --precision bf16
    ! grep -qF "Traceback" "$scratch/err" || complain "a failure of this program's"
    FAKE_TORCH=no_memory run 1 "PyTorch cannot do the step in f32 on cpu: " $tiny
    # A whole measurement each: what is said on the way, and at the end.
    if [ -e /dev/full ]; then
        FAKE_TORCH=one_thread out=/dev/full run 1 "the result cannot be written: " $tiny
        ! grep -qF "Exception ignored" "$scratch/err" || complain "a full disk"
    else
        FAKE_TORCH=one_thread run 0 "times as fast" $tiny
    fi
    if [ "$(python3 -c 'import os; print(os.cpu_count())')" -gt 1 ]; then
        grep -qF "PyTorch has 1 of" "$scratch/err" || complain "it counts no threads"
    fi
    if "$pix2pix" bench --counters --quick --precision f16 >/dev/null 2>&1; then
        run 0 "times as fast" $tiny --precision f16 --turns 6
        check f16 6
        FAKE_TORCH=old run 1 "has no loss scale for f16 on a CPU" $tiny --precision f16
    fi

    # The real one.
    torch=''
    for python in python3 /usr/bin/python3; do
        [ "${PIX_TEST_FULL:-0}" != 0 ] || break
        if "$python" -c 'import torch' 2>/dev/null; then
            run 0 "times as fast" $tiny --torch-device cpu
            check f32 5
            break
        fi
    done
}

[ $errors = 0 ]
