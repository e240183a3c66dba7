#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs a build into a scratch folder, compiles the program of docs/c-api.md against it
# through pkg-config, once with the shared and once with the static library, and runs
# both; then its other one and those of README and docs/video.md.
#
# Usage: tests/install/run.sh BUILD SCRATCH (a path without spaces: compilers and pkg-config
# do not agree on how to write them)

set -eu

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
rm -rf "$2"
mkdir -p "$2"
scratch=$(cd "$2" && pwd)
examples=$here/../../examples
export XDG_CACHE_HOME=$scratch/cache

# install PREFIX: installs there and sets `pc` to the folder of pix2pix.pc.
install_to() {
    cmake --install "$build" --prefix "$1" >"$scratch/install.log"
    pc=$(dirname "$(find "$1" -name pix2pix.pc)")
    PKG_CONFIG_PATH=$pc
    export PKG_CONFIG_PATH
    # The prefix is another one than at configure time; the file finds it.
    read -r -a flags <<<"$(pkg-config "${@:2}" --cflags --libs pix2pix)"
}

# c_block FILE N: the Nth C program of a document, as it is written there.
c_block() {
    awk -v wanted="$2" '/^```c$/ { inside = ++number == wanted; next } /^```/ { inside = 0 }
        inside { print }' "$1"
}

# use NAME: runs program NAME on the example images.
use() {
    "$scratch/$1" "$examples/earth_relief2sat" "$scratch/run-$1" \
        "$(find "$examples/satellite" -name '*.jpg' | sort | head -n 1)" "$scratch/$1.png"
    [ -s "$scratch/$1.png" ]
}

c_block "$here/../../docs/c-api.md" 1 >"$scratch/use.c"
install_to "$scratch/prefix"
for file in bin/pix2pix include/pix2pix.h share/man/man1/pix2pix.1; do
    [ -e "$scratch/prefix/$file" ] || { echo "install: $file is missing"; exit 1; }
done
lib=$(dirname "$pc")
cc -std=c11 -Wall -Wextra -Werror "$scratch/use.c" -o "$scratch/shared" \
    "${flags[@]}" -Wl,-rpath,"$lib"
if command -v readelf >/dev/null 2>&1; then
    readelf -d "$scratch/shared" | grep -q 'NEEDED.*libpix2pix'
fi
use shared

install_to "$scratch/static-prefix" --static
find "$scratch/static-prefix" \( -name 'libpix2pix.so*' -o -name 'libpix2pix*.dylib' \) \
    -exec rm {} +
cc -std=c11 -Wall -Wextra -Werror "$scratch/use.c" -o "$scratch/static" "${flags[@]}"
use static

cmp "$scratch/shared.png" "$scratch/static.png"

c_block "$here/../../README.md" 1 >"$scratch/readme.c"
cc -std=c11 -Wall -Wextra -Werror "$scratch/readme.c" -o "$scratch/readme" "${flags[@]}"
"$scratch/readme" "$scratch/run-static" "$examples"/satellite/+0022.5_+05.6.jpg \
    "$scratch/readme.png"
[ -s "$scratch/readme.png" ]
if "$scratch/readme" no-such-model none none 2>"$scratch/readme.txt"; then
    echo "install: the program in README did not fail without a model"
    exit 1
fi
grep -q no-such-model "$scratch/readme.txt"

# Many images, one of which is none: its callback is called for each, in order.
c_block "$here/../../docs/c-api.md" 2 >"$scratch/many.c"
cc -std=c11 -Wall -Wextra -Werror "$scratch/many.c" -o "$scratch/many" "${flags[@]}"
mkdir "$scratch/many-out"
echo "no image" >"$scratch/none.png"
inputs=("$examples"/satellite/*.jpg)
inputs=("${inputs[@]:0:2}" "$scratch/none.png" "${inputs[@]:2:3}")
if "$scratch/many" "$scratch/run-static" "$scratch/many-out" "${inputs[@]}" \
    >"$scratch/many.txt" 2>"$scratch/many-errors.txt"; then
    echo "install: the program of many images took a text for one"
    exit 1
fi
grep -q 'none.png' "$scratch/many-errors.txt"
{
    for i in 0 1 2 3 4 5; do
        to=$scratch/many-out/$i.png
        [ "$i" != 2 ] || to=nothing
        echo "${inputs[$i]} -> $to"
        [ "$i" = 2 ] || [ -s "$to" ] || { echo "install: $to is missing" >&2 && exit 1; }
    done
    echo "5 of 6 images"
} | cmp - "$scratch/many.txt"

# The program of docs/video.md, on three frames of noise, with the model of before.
c_block "$here/../../docs/video.md" 1 >"$scratch/video.c"
cc -std=c11 -Wall -Wextra -Werror "$scratch/video.c" -o "$scratch/video" "${flags[@]}"
{
    printf 'YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420mpeg2\n'
    for frame in 1 2 3; do
        printf 'FRAME\n'
        tail -c $((frame * 5000)) "$examples/grid.jpg" | head -c 4608
    done
} >"$scratch/in.y4m"
"$scratch/video" "$scratch/run-static" "$scratch/in.y4m" "$scratch/out.y4m" \
    2>"$scratch/video.txt"
grep -q '^frame 3$' "$scratch/video.txt"
[ "$(head -c 62 "$scratch/out.y4m")" = \
    'YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420mpeg2 XCOLORRANGE=LIMITED' ]
[ "$(wc -c <"$scratch/out.y4m")" = $((62 + 3 * 4614)) ]

"$scratch/prefix/bin/pix2pix" devices >/dev/null
