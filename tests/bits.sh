#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Records the bits that a build computes: ten short training runs over networks, norms,
# GAN modes, accumulation, moving averages and resuming, and ten translations,
# evaluations and conversions, on PNG and .npy data that it makes itself. It prints one
# line per result, a SHA-256 and a name, so two builds of one driver are compared with
#
#     tests/bits.sh OLD/pix2pix FOLDER > old.txt
#     tests/bits.sh NEW/pix2pix FOLDER > new.txt
#     diff old.txt new.txt
#
# Both must be given the same FOLDER, which is replaced: checkpoints hold its path. Needs
# python3 and a Vulkan device; takes about a minute on a software driver.

set -eu

if [ $# -ne 2 ]; then
    echo "usage: tests/bits.sh PIX2PIX FOLDER" >&2
    exit 2
fi
command=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
rm -rf "$2"
mkdir -p "$2"
cd "$2"

# Pairs from a formula: PNG with 8 bits, A | B; arrays of floats and of 16 bits, A/ and B/.
python3 - <<'PYTHON'
import os
import struct
import zlib


def value(x, y, c, n):
    return (x * (5 + n) + y * (3 + c) + c * 57 + x * y * (n + 1) // 9 + n * 31) & 255


def write_png(path, width, height, n):
    rows = b"".join(
        b"\0" + bytes(value(x, y, c, n) for x in range(width) for c in range(3))
        for y in range(height))
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data +
                struct.pack(">I", zlib.crc32(kind + data)))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" +
                chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
                chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def write_npy(path, kind, channels, side, n):
    header = "{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d, %d), }" % (
        kind, channels, side, side)
    header += " " * (63 - (len(header) + 10) % 64) + "\n"
    values = [value(x, y, c, n) for c in range(channels) for y in range(side)
              for x in range(side)]
    if kind == "<f4":
        data = struct.pack("<%df" % len(values), *(v / 127.5 - 1 for v in values))
    else:
        data = struct.pack("<%dH" % len(values), *(v * 257 for v in values))
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) +
                header.encode() + data)


for split, first, count in (("train", 0, 5), ("val", 5, 2), ("test", 7, 3)):
    os.makedirs("png/" + split)
    for n in range(first, first + count):
        write_png("png/%s/%d.png" % (split, n), 80, 40, n)
    for folder, kind, sides in (("f32", "<f4", (("A", 5), ("B", 2))),
                                ("u16", "<u2", (("A", 1), ("B", 3)))):
        for side, channels in sides:
            os.makedirs("%s/%s/%s" % (folder, split, side))
            for n in range(first, first + count):
                write_npy("%s/%s/%s/%d.npy" % (folder, split, side, n), kind, channels,
                          36, n + ord(side))
os.makedirs("inputs")
for n in range(5):
    write_png("inputs/%d.png" % n, 64 if n < 3 else 40, 64, n + 20)
PYTHON

log=$PWD/log.txt
common='--tuning off --crop-size 32 --ngf 8 --ndf 8 --steps 6 --save-freq 3 --log-freq 1'

# run NAME DATA OPTIONS...: trains, and prints the sums of all that the run leaves but
# the times in its metrics.
run() {
    local name=$1 data=$2
    shift 2
    # shellcheck disable=SC2086
    "$command" train --data "$data" --out "$name" $common "$@" >>"$log" 2>&1
    sha256sum "$name"/checkpoints/*.safetensors "$name"/samples/*.png
}

# told NAME COMMAND...: the sum of what a command prints.
told() {
    local name=$1
    shift
    "$@" >"$name" 2>>"$log"
    sha256sum "$name"
}

run r1 png
run r2 png --norm instance --gan-mode lsgan --ema 0.9 --batch-size 2
run r3 png --net-g resnet_6blocks --norm instance --gan-mode hinge --direction BtoA
run r4 png --net-g encoder_decoder --accumulate 2 --norm-d instance --init-type xavier
run r5 png --norm none --gan-mode wgangp --norm-innermost --init-type kaiming
run r6 png --net-g resnet_9blocks --gan-mode none --ema 0.5 --optimizer sgd --lr 0.01
run r7 png --recipe affinelayer --upsample resize --depth 4 --preprocess resize_and_crop
run r8 f32 --recipe lua --input-nc 5 --output-nc 2 --val-freq 1 --lr-policy cosine \
    --n-epochs 2
run r9 u16 --input-nc 1 --net-d pixel --accumulate 2 --ema 0.9 --norm instance --steps 3
run r9 u16 --continue --steps 6
run r10 png --net-d n_layers --n-layers-d 1 --no-condition --lr-policy plateau \
    --n-epochs 2 --lambda-l1 10 --init-g r1 --batch-size 2 --steps 2
run r10 png --continue --steps 5

translate() {
    local name=$1
    shift
    "$command" translate --tuning off --output "$name" "$@" >>"$log" 2>&1
    sha256sum "$name"/*
}

translate t1 --model r1 --input inputs
translate t2 --model r2 --input inputs --batch-size 4
translate t3 --model r3 --input inputs --mode running --preprocess none
translate t4 --model r4 --input inputs --mode paper --seed 7
translate t5 --model r6 --input inputs --no-ema --batch-size 2
translate t6 --model r8 --input f32/test/A
translate t7 --model r9 --input u16/test/A
told e1.json "$command" evaluate --tuning off --model r2 --data png --json --grid e1.png
sha256sum e1.png
told e2.json "$command" evaluate --tuning off --model r8 --data f32 --split val --json
for pair in r1:c1.pth r7:c2.safetensors r7:c3.onnx r9:c4.pth r3:c5.onnx; do
    "$command" convert "${pair%%:*}" "${pair#*:}" >>"$log" 2>&1
    sha256sum "${pair#*:}"
done
translate t8 --model c2.safetensors --input inputs
