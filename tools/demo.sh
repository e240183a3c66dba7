#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Trains a small model that draws maps from satellite images, on the pairs in examples/,
# and shows what it has learned. It measures the device first and chooses the size and
# the number of steps so that everything takes about four minutes.
#
#     tools/demo.sh [--device N|NAME] [--seconds N]
#
# Everything is written to demo/, which is replaced each time: grid.png (input | output
# | target of places that the model has not seen), translated/, and run/ with the model.

set -eu

usage() {
    echo "usage: tools/demo.sh [--device N|NAME] [--seconds N]" >&2
    exit 2
}

cd "$(dirname "$0")/.."
seconds=240
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

# size LOAD CROP FILTERS: the size of network and images.
size() {
    sizes="--load-size $1 --crop-size $2 --ngf $3 --ndf $3"
    what="$2 x $2 pixels, $3 filters"
}

# Trains a few steps and sets `ms` to the median time of the later ones, rounded up: in
# the first ones the engine finds out how to split the work of this device.
measure() {
    rm -rf demo/measure
    # The sizes are several words.
    # shellcheck disable=SC2086
    on_device train --data $data --out demo/measure --direction BtoA $sizes \
        --steps "$1" --log-freq 1 >demo/measure.log 2>&1 || {
        tail -n 20 demo/measure.log >&2
        return 1
    }
    ms=$(sed -n 's/.*"ms": *\([0-9.]*\).*/\1/p' demo/measure/metrics.jsonl |
        tail -n $(($1 / 2)) | sort -n | awk '{ v[NR] = $1 } END { printf "%.0f", v[int((NR + 1) / 2)] + 0.5 }')
    rm -rf demo/measure
    [ -n "$ms" ]
}

# is_faster_than MS: whether a measured step takes less.
is_faster_than() {
    awk -v ms="$ms" -v most="$1" 'BEGIN { exit !(ms < most) }'
}

mkdir -p demo
least=300 most=4000
# A GPU trains the full network, unless it is too slow or its memory too small.
size 286 256 64
if [ "$kind" != cpu ] && measure 30 && is_faster_than 600; then
    least=400 most=34000
else
    size 144 128 16
    measure 20
    if ! is_faster_than 400; then
        size 72 64 16
        measure 20
    fi
fi

# An epoch is every training pair once.
pairs=$(find $data/train -type f | wc -l | tr -d ' ')

# epochs SECONDS MS: how many whole epochs fit, at least 1.
epochs() {
    awk -v left="$1" -v ms="$2" -v pairs="$pairs" \
        'BEGIN { n = int(left * 1000 / ms / pairs); print n < 1 ? 1 : n }'
}

# Half the time at the full learning rate, half with the rate falling to zero. Other
# programs may slow a machine down: the number of epochs of the second half follows from
# the time of the first, and the run is resumed with it.
left=$((seconds - 15 - (SECONDS - start)))
constant=$(epochs $((left / 2)) "$ms")
[ $((constant * pairs)) -ge $((least / 2)) ] || constant=$((least / 2 / pairs + 1))
[ $((constant * pairs)) -le $((most / 2)) ] || constant=$((most / 2 / pairs))
echo "demo: $what, $ms ms a step: $constant epochs of $pairs steps, then about as many again"

rm -rf demo/run demo/translated demo/grid.png
began=$SECONDS
# shellcheck disable=SC2086
on_device train --data $data --out demo/run --direction BtoA $sizes --batch-size 1 \
    --n-epochs "$constant" --n-epochs-decay "$constant" --steps $((constant * pairs)) \
    --save-freq 0 --sample-freq $((constant * pairs / 2)) --log-freq 50

took=$((SECONDS - began))
left=$((seconds - 15 - (SECONDS - start)))
decay=$(epochs "$left" $((took * 1000 / (constant * pairs) + 1)))
[ "$decay" -le $((2 * constant)) ] || decay=$((2 * constant))
on_device train --out demo/run --continue --n-epochs-decay "$decay" --steps 0

echo
on_device evaluate --model demo/run --data $data --split test --grid demo/grid.png --rows 12
on_device translate --model demo/run --input examples/satellite --output demo/translated

echo
echo "demo: finished after $((SECONDS - start)) s"
echo "  $PWD/demo/grid.png      input | output | target, places the model has not seen"
echo "  $PWD/demo/translated/   translated satellite images"
echo "  $PWD/demo/run/report.html   the run in a browser: losses, samples, options"
echo "  $PWD/demo/run/          the model; to use it:"
echo "      $pix2pix translate --model demo/run --input IMAGE --output OUTPUT.png"
