#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Compiles the kernels for matrix units to shaders/spirv/, which is in the tree because
# the glslc of Debian 12 and Ubuntu 22.04 does not know GL_KHR_cooperative_matrix.
#
#     tools/compile_matrix.sh [--check]
#
#     --check  compares with what is in the tree instead of writing
#
# GLSLC may name a command; else the system's glslc is taken, or the one that
# tools/drivers.sh mesa unpacks. To be run after every change of what these kernels are
# made of: shaders/spirv/sources.txt has the version of the compiler and a sum of each
# kernel's preprocessed text, which any glslc makes alike. --check compares these sums, and
# the modules themselves where there is a glslc of that version. Exit status: 0 done, or
# all agree; 1 they do not; 77 no glslc knows the extension, and nothing that could be
# compared differs.

set -eu

cd "$(dirname "$0")/.."
check=0
case "${1:-}" in
'') ;;
--check) check=1 ;;
*)
    sed -n 's/^#     \(tools.*\)/usage: \1/p' "$0" >&2
    exit 2
    ;;
esac

to=shaders/spirv
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT

# Of a module: its source and how it is compiled.
source_of() {
    echo "shaders/${1%_scaled}.comp"
}

options_of() {
    case "$1" in
    *_scaled) echo '-DPIX_16BIT -DPIX_SCALED' ;;
    *) echo '-DPIX_16BIT' ;;
    esac
}

modules=bench_matrix    # without a loss scale
for source in shaders/conv_*_matrix.comp; do
    name=$(basename "$source" .comp)
    modules="$modules $name ${name}_scaled"
done

# Without lines that begin with # and without spaces a text is the same for any glslc.
for name in $modules; do
    # Options are several words.
    # shellcheck disable=SC2046
    sum=$(glslc --target-env=vulkan1.2 -E $(options_of "$name") -I shaders \
        "$(source_of "$name")" | sed '/^ *#/d' | tr -d ' \t\n' | sha256sum | cut -d ' ' -f 1)
    echo "$name $sum"
done >"$temporary/sums"
if [ $check = 1 ] && ! sed 1d $to/sources.txt | cmp -s - "$temporary/sums"; then
    sed 1d $to/sources.txt | diff - "$temporary/sums" | sed -n 's/^> \([^ ]*\).*/\1/p' >&2
    echo "compile_matrix: these were changed since $to was made: run tools/compile_matrix.sh" >&2
    exit 1
fi

# Whether a command compiles the extension.
knows() {
    "$@" --target-env=vulkan1.2 -DPIX_16BIT -I shaders -o "$temporary/probe" \
        shaders/conv_forward_matrix.comp >/dev/null 2>&1
}

mesa=$PWD/build/drivers/mesa/usr
unpacked() {
    "$(echo "$mesa"/lib64/ld-linux-*.so.*)" --library-path "$(echo "$mesa"/lib/*-linux-gnu)" \
        "$mesa/bin/glslc" "$@"
}

if [ -n "${GLSLC:-}" ]; then
    # A command with its arguments.
    # shellcheck disable=SC2206
    glslc=($GLSLC)
elif knows glslc; then
    glslc=(glslc)
else
    glslc=(unpacked)
fi
if ! knows "${glslc[@]}"; then
    echo "compile_matrix: no glslc that knows GL_KHR_cooperative_matrix (2024 and later); tools/drivers.sh mesa gets one" >&2
    exit 77
fi
version=$("${glslc[@]}" --version | sed -n 's/^shaderc [^0-9]*//p')
version="glslc ${version:-unknown}"
if [ $check = 1 ] && [ "$(head -n 1 $to/sources.txt)" != "$version" ]; then
    echo "compile_matrix: made by $(head -n 1 $to/sources.txt), this is $version, which makes other modules of the same sources" >&2
    exit 77
fi
for name in $modules; do
    # shellcheck disable=SC2046
    "${glslc[@]}" --target-env=vulkan1.2 -O $(options_of "$name") -I shaders \
        -o "$temporary/$name.spv" "$(source_of "$name")"
    if [ $check = 1 ] && ! cmp -s "$to/$name.spv" "$temporary/$name.spv"; then
        echo "compile_matrix: $to/$name.spv is not what its source makes" >&2
        exit 1
    fi
done
if [ $check = 0 ]; then
    mkdir -p $to
    rm -f $to/*.spv
    cp "$temporary"/*.spv $to
    { echo "$version"; cat "$temporary/sums"; } >$to/sources.txt
fi
