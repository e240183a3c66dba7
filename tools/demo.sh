#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Shows what the program can do with the pairs in examples/: a generator that comes with
# them draws maps from satellite images, and another one is trained here to do so, for
# four minutes: the size of the network and the number of steps are chosen for the device,
# which is measured first.
#
#     tools/demo.sh [--device N|NAME] [--seconds N]
#
# Everything is written to demo/, which is replaced each time: grid.png, with the maps of
# both beside the true ones for places that neither has seen; the images in it; scores.csv;
# and run/ with the trained model and report.html.

set -eu -o pipefail

usage() {
    echo "usage: tools/demo.sh [--device N|NAME] [--seconds N]" >&2
    exit 2
}

cd "$(dirname "$0")/.."
seconds=240    # of training
device=''
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || usage
    case "$1" in
    --device) device=$2 ;;
    --seconds)
        seconds=$2
        case "$seconds" in '' | *[!0-9]*) usage ;; esac
        ;;
    *) usage ;;
    esac
    shift 2
done

data=examples/earth_relief2sat
trained=examples/earth_sat2relief.safetensors
pix2pix=build/pix2pix

tools/setup.sh
start=$SECONDS    # downloads are not counted

echo "demo: building"
mkdir -p build
if ! { cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DPIX_TESTS=OFF &&
    cmake --build build; } >build/demo.log 2>&1 </dev/null; then
    tail -n 40 build/demo.log >&2
    echo "demo: the build failed, see build/demo.log" >&2
    exit 1
fi
# Where building takes more than a minute, training has less, but a third at least.
late=$((SECONDS - start - 60))
[ $late -le $((seconds * 2 / 3)) ] || late=$((seconds * 2 / 3))
[ $late -le 0 ] || seconds=$((seconds - late))

"$pix2pix" devices
listed=$("$pix2pix" devices --json | tr -d '\n' | tr '}' '\n')
if ! echo "$listed" | grep -q '"usable": *true'; then
    echo "demo: pix2pix found no usable Vulkan device" >&2
    exit 1
fi

# The type of the device: of the requested one, by index or by name, or else of the
# default one.
case "$device" in
'') chosen=$(echo "$listed" | grep '"default": *true' || true) ;;
*[!0-9]*) chosen=$(echo "$listed" | grep -iF -- "$device" || true) ;;
*) chosen=$(echo "$listed" | grep "\"index\": *$device," || true) ;;
esac
kind=$(echo "$chosen" | sed -n 's/.*"type": *"\([a-z]*\)".*/\1/p' | head -n 1)

on_device() {
    local command=$1
    shift
    "$pix2pix" "$command" ${device:+--device "$device"} "$@"
}

# quietly COMMAND OPTION...: what is said beside the result goes to demo/log.txt.
quietly() {
    on_device "$@" 2>>demo/log.txt || {
        tail -n 20 demo/log.txt >&2
        return 1
    }
}

translate() {
    quietly translate --model "$1" --input examples/satellite --output "$2"
}

rm -rf demo
mkdir -p demo
echo
echo "demo: maps by $trained, which was trained for an hour"
translate $trained demo/hour

# Trains a few steps and sets `ms` to the median time of the later ones, rounded up: in
# the first ones the engine finds out how to split the work of this device.
measure() {
    # The recipe is several words.
    # shellcheck disable=SC2086
    on_device train --data $data --out demo/measure --direction BtoA $recipe \
        --steps "$1" --log-freq 1 >demo/measure.log 2>&1 || {
        tail -n 20 demo/measure.log >&2
        return 1
    }
    ms=$(sed -n 's/.*"ms": *\([0-9.]*\).*/\1/p' demo/measure/metrics.jsonl |
        tail -n $(($1 / 2)) | sort -n | awk '{ v[NR] = $1 } END { printf "%.0f", v[int((NR + 1) / 2)] + 0.5 }')
    rm -rf demo/measure
    [ -n "$ms" ]
}

# steps SECONDS: how many steps fit.
steps() {
    echo $(($1 * 1000 / ms))
}

# A software driver trains what wins most in so few steps, see docs/results.md#the-demo:
# a narrow network without transposed convolutions, at a high rate. A GPU trains the full
# network by the usual recipe, unless it is too slow or its memory too small.
quick="--ngf 16 --ndf 8 --upsample resize --lr 0.001"
few="--lambda-l1 200 --ema 0.98"
many="--lambda-l1 1000 --ema 0.99 --no-flip"
most=34000
recipe="--load-size 286 --crop-size 256"
what="256 x 256 pixels, 64 filters"
if [ "$kind" = cpu ] || ! measure 30 || [ "$ms" -ge 600 ]; then
    most=8000
    recipe="--load-size 144 --crop-size 128 $quick $few"
    what="128 x 128 pixels, 16 filters"
    measure 20
    [ "$(steps $seconds)" -lt 1600 ] || recipe="--load-size 144 --crop-size 128 $quick $many"
    if [ "$(steps $seconds)" -lt 400 ]; then
        recipe="--load-size 72 --crop-size 64 $quick $few"
        what="64 x 64 pixels, 16 filters"
        measure 20
    fi
fi

# Half of the steps at the full learning rate, half with the rate falling to zero; an
# epoch is every training pair once. Other programs may slow a machine down: training
# stops twice, to show what it has learned and to take its own time for what is left.
pairs=$(find $data/train -type f | wc -l | tr -d ' ')
reached=0 spent=0    # steps, seconds

# plan: sets `total` to the steps of the whole training, as those that are left allow,
# `constant` to the epochs before the rate falls, which are not over yet, and `decay` to
# those in which it falls.
plan() {
    total=$((reached + $(steps $((seconds - spent)))))
    [ "$total" -le "$most" ] || total=$most
    [ "$total" -ge $((2 * pairs)) ] || total=$((2 * pairs))
    constant=$((total / 2 / pairs))
    [ $((constant * pairs)) -ge "$reached" ] || constant=$(((reached + pairs - 1) / pairs))
    decay=$(((total - constant * pairs + pairs - 1) / pairs))
    [ "$decay" -ge 1 ] || decay=1
}

# The options are in the report.
leave_out_options() {
    awk '/^options:/ { inside = 1; next } inside && /^ / { next }
        { inside = 0; print; fflush() }'
}

# train_to STEPS OPTION...: goes on to that step.
train_to() {
    local to=$1 from=$SECONDS
    shift
    [ "$to" -gt "$reached" ] || return 0
    on_device train --out demo/run --n-epochs "$constant" --n-epochs-decay "$decay" \
        --steps "$to" "$@" | leave_out_options
    spent=$((spent + SECONDS - from))
    ms=$(((SECONDS - from) * 1000 / (to - reached) + 1))
    reached=$to
}

plan
echo
echo "demo: training, $what, $ms ms a step: $total steps fit"
minute=$(steps 60)
[ "$minute" -le $((constant * pairs)) ] || minute=$((constant * pairs))
# shellcheck disable=SC2086
train_to "$minute" --data $data --direction BtoA $recipe --batch-size 1 \
    --save-freq 0 --sample-freq $((total / 12 + 1)) --log-freq 50 \
    --val-freq 1 --val-metrics l1,psnr,ssim
first=$spent
translate demo/run demo/minute

plan
if [ "$reached" -lt $((constant * pairs)) ]; then
    train_to $((constant * pairs)) --continue
    plan
fi
train_to "$total" --continue
translate demo/run demo/minutes

echo
echo "demo: scores on the 12 test pairs after $spent s of training, at ${what%% pixels*}"
quietly evaluate --model demo/run --data $data --split test --csv demo/scores.csv
echo
echo "demo: scores of $trained on the same pairs, at 256 x 256, where details count more"
quietly evaluate --model $trained --data $data --split test --grid demo/grid.png \
    --beside demo/minute,demo/minutes \
    --headings "input,after $first s,after $spent s,an hour,target"

echo
echo "demo: finished after $((SECONDS - start)) s"
echo "  $PWD/demo/grid.png      maps of places that no model has seen, after $first s and"
echo "                          $spent s of training, an hour, and the true map"
echo "  $PWD/demo/run/report.html   the run in a browser: outputs, losses, options"
echo "  $PWD/demo/scores.csv    the scores of each test pair"
echo "  $PWD/demo/run/          the model; to use it:"
echo "      $pix2pix translate --model demo/run --input IMAGE --output OUTPUT.png"
