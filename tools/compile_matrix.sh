#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Compiles the kernels for matrix units to shaders/spirv/, which is in the tree because
# the glslc of Debian 12 and Ubuntu 22.04 knows neither GL_KHR_cooperative_matrix nor, like
# that of Debian 13, GL_EXT_bfloat16.
#
#     tools/compile_matrix.sh [--check]
#
#     --check  compares with what is in the tree instead of writing
#
# Kernels of f16 and of bf16 are compiled by the first glslc each that knows their
# extensions: the one that GLSLC names (a command), the system's, those that
# tools/drivers.sh mesa and tools/drivers.sh glslc unpack. To be run after every change of
# what these kernels are made of: shaders/spirv/sources.txt has the versions of the
# compilers and a sum of each kernel's preprocessed text, which any glslc makes alike.
# --check compares these sums, and the modules themselves where there is a glslc of that
# version. What is compiled is validated where tools/drivers.sh glslc has been. Exit status:
# 0 done, or all agree; 1 they do not; 77 no glslc knows an extension, or with --check none
# is of the version, and nothing that could be compared differs.

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
    local plain=${1%_scaled}
    echo "shaders/${plain%_bf16}.comp"
}

options_of() {
    case "$1" in
    *_scaled) echo '-DPIX_16BIT -DPIX_SCALED' ;;
    *_bf16) echo '-DPIX_16BIT -DPIX_BF16' ;;
    *) echo '-DPIX_16BIT' ;;
    esac
}

# bf16 needs no loss scale, the benchmark has none.
modules_f16=bench_matrix
modules_bf16=bench_matrix_bf16
for source in shaders/conv_*_matrix.comp; do
    name=$(basename "$source" .comp)
    modules_f16="$modules_f16 $name ${name}_scaled"
    modules_bf16="$modules_bf16 ${name}_bf16"
done

# Without lines that begin with # and without spaces a text is the same for any glslc.
for name in $modules_f16 $modules_bf16; do
    # Options are several words.
    # shellcheck disable=SC2046
    sum=$(glslc --target-env=vulkan1.2 -E $(options_of "$name") -I shaders \
        "$(source_of "$name")" | sed '/^ *#/d' | tr -d ' \t\n' | sha256sum | cut -d ' ' -f 1)
    echo "$name $sum"
done >"$temporary/sums"
if [ $check = 1 ] && ! sed '/ glslc /d' $to/sources.txt | cmp -s - "$temporary/sums"; then
    sed '/ glslc /d' $to/sources.txt | diff - "$temporary/sums" | sed -n 's/^> \([^ ]*\).*/\1/p' >&2
    echo "compile_matrix: these were changed since $to was made: run tools/compile_matrix.sh" >&2
    exit 1
fi

# unpacked FOLDER PROGRAM ARGUMENTS...: a program that tools/drivers.sh has unpacked.
unpacked() {
    local usr=$PWD/build/drivers/$1/usr program=$2
    shift 2
    "$(echo "$usr"/lib64/ld-linux-*.so.*)" --library-path "$(echo "$usr"/lib/*-linux-gnu)" \
        "$usr/bin/$program" "$@"
}

# Takes from the loads and stores of the module on standard input what makes their numbers
# available and visible: glslang has all of shared memory do it under the Vulkan memory
# model, which the extension brings; here the barriers do, see lib/matrix.glsl. A module is
# words, an instruction its length and number, then what it names; these end with flags,
# 8 or 16 and 32 (NonPrivatePointer), and a scope.
leave_to_barriers() {
    printf '%b' "$(od -An -v -tu4 -w4 | awk '
        function put(word, i) {
            for (i = 0; i < 4; i++) {
                printf "\\x%02x", word % 256
                word = int(word / 256)
            }
        }
        BEGIN { flags[61] = 4; flags[62] = 3; flags[4457] = 6; flags[4458] = 5 }
        { words[NR] = $1 }
        END {
            for (i = 1; i <= NR; i += i > 5 ? count : 1) {
                count = i > 5 ? int(words[i] / 65536) : 1
                last = i + count - 1
                at = i > 5 ? flags[words[i] % 65536] : 0
                if (at && i + at + 1 == last && (words[i + at] == 40 || words[i + at] == 48)) {
                    last--
                    words[i] -= 65536
                    words[i + at] = 32
                }
                for (k = i; k <= last; k++)
                    put(words[k])
            }
        }')"
}

compile() {
    # The command of GLSLC, and the options of a module, are several words.
    # shellcheck disable=SC2046,SC2086
    $1 --target-env=vulkan1.2 -O $(options_of "$2") -I shaders -o "$temporary/all" \
        "$(source_of "$2")" && leave_to_barriers <"$temporary/all" >"$temporary/$3.spv"
}

# Sets `glslc` to the one that compiles type $1 of operands, such as module $2, and
# `version`.
choose() {
    local type=$1 found=0
    for glslc in "${GLSLC:-}" glslc 'unpacked mesa glslc' 'unpacked glslc glslc'; do
        if [ -z "$glslc" ] || ! compile "$glslc" "$2" probe >/dev/null 2>&1; then
            continue
        fi
        rm "$temporary/probe.spv"
        found=1
        version=$($glslc --version | sed -n 's/^shaderc [^0-9]*//p')
        version="$type glslc ${version:-unknown}"
        if [ $check = 0 ] || grep -qxF "$version" $to/sources.txt; then
            return
        fi
    done
    if [ $found = 1 ]; then
        echo "compile_matrix: made by $(grep "^$type glslc" $to/sources.txt), and none here is of that version: others make other modules of the same sources" >&2
    else
        echo "compile_matrix: no glslc that knows GL_KHR_cooperative_matrix (2024 and later) and, for bf16, GL_EXT_bfloat16 (2026): tools/drivers.sh mesa glslc gets them" >&2
    fi
    return 77
}

status=0
for type in f16 bf16; do
    modules=modules_$type
    modules=${!modules}
    if ! choose $type "${modules%% *}"; then
        status=77
        continue
    fi
    echo "$version" >>"$temporary/versions"
    for name in $modules; do
        compile "$glslc" "$name" "$name"
        if [ -f build/drivers/glslc/complete ]; then
            unpacked glslc spirv-val --target-env vulkan1.2 "$temporary/$name.spv"
        fi
        if [ $check = 1 ] && ! cmp -s "$to/$name.spv" "$temporary/$name.spv"; then
            echo "compile_matrix: $to/$name.spv is not what its source makes" >&2
            exit 1
        fi
    done
done
if [ $check = 0 ] && [ $status = 0 ]; then
    mkdir -p $to
    rm -f $to/*.spv
    cp "$temporary"/*.spv $to
    cat "$temporary/versions" "$temporary/sums" >$to/sources.txt
fi
exit $status
