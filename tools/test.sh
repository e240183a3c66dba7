#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs every test: style, two compilers with warnings as errors, the suite on each
# Vulkan driver of the matrix, calls of the system that fail, sanitizers, the installed
# library, a build without the libraries that it may lack, a Windows build. What cannot run
# on this machine is skipped, with the reason. The last line gives the totals.
#
#     tools/test.sh             everything, of faults a sample of 30 s
#     tools/test.sh full        everything; faults tries all ways to a call, which takes
#                               long, two signals at once are sent 20 times, software
#                               drivers run every kernel on every shape, and SwiftShader
#                               runs whole networks too
#     tools/test.sh LEG...      only some: style lavapipe limits faults swiftshader matrix
#                               radv gpu install bare clang sanitizers windows
#     tools/test.sh full LEG... some, faults with all ways to a call
#
# Everything is written below build/test/ and build/drivers/; the logs of the legs are
# build/test/*.log. Where ccache is installed, it keeps what was compiled.
#
# Downloads run beside the first build, and the other builds, one after the other, beside
# the suites, on what the tests leave of the processor.

set -u

legs='style lavapipe limits faults swiftshader matrix radv gpu install bare clang sanitizers windows'
full=0
wanted=' '
for name in "$@"; do
    case " $legs full " in
    *" $name "*) ;;
    *)
        echo "usage: tools/test.sh [full] [LEG...], where LEG is one of: $legs" >&2
        exit 2
        ;;
    esac
    if [ "$name" = full ]; then
        full=1
    else
        wanted="$wanted$name "
    fi
done

cd "$(dirname "$0")/.." || exit 1
root=$PWD
out=$root/build/test
mkdir -p "$out"

# Paths of preloaded libraries and in the sanitizers' options must not contain spaces.
plain=$out
case "$out" in
*' '*)
    plain=$(mktemp -d) || exit 1
    trap 'rm -rf "$plain"' EXIT
    ;;
esac

jobs=$(nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
passed=0
failed=0
skipped=0
preload=''
table=''
spirv=''
launcher=''
! command -v ccache >/dev/null 2>&1 || launcher=ccache

# Data sets that are not ours to give away, where they lie beside the checkout.
if [ -z "${PIX_TEST_DATA:-}" ] && [ -d "$root/../shared/data" ]; then
    export PIX_TEST_DATA=$root/../shared/data
fi

# What Mesa has compiled for one leg serves the next ones and the next run.
export MESA_SHADER_CACHE_DIR=$out/mesa

# A driver or a layer chosen from outside would change what the legs prove.
unset VK_DRIVER_FILES VK_ICD_FILENAMES VK_ADD_DRIVER_FILES VK_INSTANCE_LAYERS \
    VK_LOADER_DRIVERS_SELECT VK_LOADER_DRIVERS_DISABLE

wants() {
    [ "$wanted" = ' ' ] && return 0
    case "$wanted" in
    *" $1 "*) return 0 ;;
    esac
    return 1
}

# row NAME RESULT TEXT: prints a line now and again in the table at the end.
row() {
    local line
    line=$(printf '%-22s %-8s %s' "$1" "$2" "$3")
    echo "$line"
    table="$table$line
"
}

skip() {
    skipped=$((skipped + 1))
    row "$1" skipped "$2"
}

# leg NAME COMMAND...: runs a leg that counts as one test.
leg() {
    local name=$1
    leg_run "$@"
    leg_count "$name"
}

# leg_run NAME COMMAND...: leaves exit code and seconds in a file beside the log, which
# appears whole.
leg_run() {
    local log start=$SECONDS
    log=$out/$(echo "$1" | tr ' ' '-').log
    shift
    rm -f "$log.result"
    "$@" >"$log" 2>&1 </dev/null
    echo "$? $((SECONDS - start))" >"$log.part" && mv "$log.part" "$log.result"
}

# leg_count NAME: adds the result of a leg that has run.
leg_count() {
    local name=$1 log code=1 seconds=0
    log=$out/$(echo "$name" | tr ' ' '-').log
    [ ! -f "$log.result" ] || read -r code seconds <"$log.result"
    if [ "$code" = 0 ]; then
        passed=$((passed + 1))
        row "$name" passed "$seconds s"
        return 0
    fi
    failed=$((failed + 1))
    tail -n 60 "$log"
    row "$name" failed "see ${log#"$root"/}"
    return 1
}

# Waits until the other builds have come to leg $1, and counts it.
await() {
    local result
    result=$out/$(echo "$1" | tr ' ' '-').log.result
    while [ ! -f "$result" ] && kill -0 "$builds" 2>/dev/null; do
        sleep 0.2
    done
    leg_count "$1"
}

# suite NAME BUILD ARGUMENTS...: runs a leg that is a ctest run, whose tests count.
suite() {
    local start=$SECONDS
    suite_run "$@"
    suite_count "$1" "$start"
}

# A test more than there are processors: some of them wait.
suite_run() {
    local name=$1 build=$2 log
    shift 2
    log=$out/$(echo "$name" | tr ' ' '-').log
    env ${preload:+LD_PRELOAD="$preload"} \
        ctest --test-dir "$build" --output-on-failure --no-tests=error --timeout 900 \
        -j "$((jobs + 1))" "$@" >"$log" 2>&1 </dev/null
}

# suite_count NAME START: adds the results of the run that began at second START.
suite_count() {
    local name=$1 start=$2 log summary bad all left_out good
    log=$out/$(echo "$name" | tr ' ' '-').log
    summary=$(sed -n 's/.*tests passed, \([0-9]*\) tests failed out of \([0-9]*\).*/\1 \2/p' \
        "$log" | tail -n 1)
    if [ -z "$summary" ]; then
        failed=$((failed + 1))
        tail -n 30 "$log"
        row "$name" failed "ran no test, see ${log#"$root"/}"
        return 1
    fi
    bad=${summary% *}
    all=${summary#* }
    left_out=$(grep -c '\*\*\*Skipped' "$log")
    good=$((all - bad - left_out))
    passed=$((passed + good))
    failed=$((failed + bad))
    skipped=$((skipped + left_out))
    # Tests that were skipped, and why, are part of the result.
    grep -E '^ *[0-9]+/[0-9]+ Test.*\*\*\*Skipped' "$log"
    if [ "$bad" != 0 ]; then
        tail -n 120 "$log"
        row "$name" failed "$good passed, $bad failed, $left_out skipped"
        return 1
    fi
    row "$name" passed "$good passed, $left_out skipped, $((SECONDS - start)) s"
}

# build FOLDER OPTIONS...: configures and builds below build/test/, or only $target.
target=all
build() {
    local folder=$out/$1
    shift
    cmake -S "$root" -B "$folder" -G Ninja -DPIX_WERROR=ON \
        -DPIX_TIFF=ON -DPIX_JPEG=ON -DPIX_WEBP=ON \
        -DCMAKE_C_COMPILER_LAUNCHER="$launcher" -DPIX_SPIRV="$spirv" "$@" &&
        cmake --build "$folder" -j "$jobs" --target "$target"
}

# Prints the first manifest of a driver: icd lvp.
icd() {
    local file
    for file in /usr/share/vulkan/icd.d/"$1"_icd*.json \
        /usr/local/share/vulkan/icd.d/"$1"_icd*.json \
        /etc/vulkan/icd.d/"$1"_icd*.json; do
        if [ -f "$file" ]; then
            echo "$file"
            return
        fi
    done
}

# on MANIFEST: makes this driver the only one that the Vulkan loader sees.
on() {
    export VK_DRIVER_FILES=$1 VK_ICD_FILENAMES=$1
}

on_any() {
    unset VK_DRIVER_FILES VK_ICD_FILENAMES
}

sources() {
    # Of this tree: another repository around an unpacked archive may ignore it.
    if [ -e .git ] && git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files --cached --others --exclude-standard '*.c' '*.h'
    else
        find engine include shaders tests tools -name '*.[ch]'
    fi
}

# Versions of clang-format format differently; the reference is that of Debian 12.
format() {
    local file
    [ -n "$(sources | head -n 1)" ] || {
        echo "no source files were found"
        return 1
    }
    sources | while read -r file; do
        [ ! -f "$file" ] || echo "$file"
    done | xargs "$formatter" --dry-run -Werror
}

# Kernels for matrix units, on the software driver of a newer Mesa, which runs with the C
# library that it came with. The validation layer of this system is older than it.
matrix() {
    local mesa=$root/build/drivers/mesa/usr libraries
    libraries=$(echo "$mesa"/lib/*-linux-gnu)
    env VK_DRIVER_FILES="$mesa/share/vulkan/icd.d/lvp_icd.json" \
        PIX_TEST_NO_VALIDATION=1 XDG_CACHE_HOME="$out/gcc/tests/cache" \
        "$(echo "$mesa"/lib64/ld-linux-*.so.*)" \
        --library-path "$libraries:/usr/lib/${libraries##*/}" \
        "$out/gcc/tests/test_matrix"
}

# Copies the headers that the engine needs into folder $1.
stage_windows_headers() {
    local to=$1 header dir
    rm -rf "$to"
    mkdir -p "$to"
    for header in vulkan vk_video volk.h volk.c stb xxhash.h; do
        for dir in /usr/include /usr/local/include; do
            if [ -e "$dir/$header" ]; then
                cp -R "$dir/$header" "$to/"
                break
            fi
        done
        [ -e "$to/$header" ] || echo "no $header to copy"
    done
}

# Builds library $2 for Windows from its source archive and installs it into folder $1;
# the other arguments are options for its CMakeLists.txt. None needs a compiler of C++.
stage_windows_library() {
    local to=$1 name=$2 source=$out/windows-$2
    shift 2
    rm -rf "$source"
    mkdir -p "$source"
    tar -x -f "$root/build/drivers/$name/$name.tar" -C "$source" --strip-components 1 &&
        sed -i 's/LANGUAGES C CXX/LANGUAGES C/' "$source/CMakeLists.txt" &&
        cmake -S "$source" -B "$source/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
            -DCMAKE_C_FLAGS_RELEASE='-O1 -DNDEBUG' -DCMAKE_C_COMPILER_LAUNCHER="$launcher" \
            -DCMAKE_TOOLCHAIN_FILE="$root/cmake/mingw.cmake" \
            -DPIX_DEPENDENCIES="$to" -DCMAKE_INSTALL_PREFIX="$to" "$@" &&
        cmake --build "$source/build" -j "$jobs" --target install
}

# Copies zlib into folder $1.
stage_windows_zlib() {
    mkdir -p "$1/include" "$1/lib" &&
        cp "$root"/build/drivers/zlib/*.h "$1/include" &&
        cp "$root"/build/drivers/zlib/*.a "$1/lib"
}

# Of libzip only zip archives themselves are built, without its extras; of libpng and the
# others the static library alone; of libtiff the compressions that need zlib and libjpeg.
# All at the same time: most of it is configuring, on one core each.
stage_windows_libraries() {
    local id ids ok=0
    stage_windows_zlib "$1" || return 1
    stage_windows_library "$1" jansson -DJANSSON_BUILD_DOCS=OFF \
        -DJANSSON_EXAMPLES=OFF -DJANSSON_WITHOUT_TESTS=ON &
    ids=$!
    stage_windows_library "$1" libzip -DBUILD_SHARED_LIBS=OFF \
        -DENABLE_COMMONCRYPTO=OFF -DENABLE_GNUTLS=OFF -DENABLE_MBEDTLS=OFF \
        -DENABLE_OPENSSL=OFF -DENABLE_WINDOWS_CRYPTO=OFF -DENABLE_BZIP2=OFF \
        -DENABLE_LZMA=OFF -DENABLE_ZSTD=OFF -DBUILD_TOOLS=OFF \
        -DBUILD_REGRESS=OFF -DBUILD_EXAMPLES=OFF -DBUILD_DOC=OFF &
    ids="$ids $!"
    stage_windows_library "$1" utf8proc -DBUILD_SHARED_LIBS=OFF \
        -DUTF8PROC_ENABLE_TESTING=OFF &
    ids="$ids $!"
    stage_windows_library "$1" libpng -DPNG_SHARED=OFF -DPNG_EXECUTABLES=OFF \
        -DPNG_TESTS=OFF &
    ids="$ids $!"
    { stage_windows_library "$1" libjpeg-turbo -DENABLE_SHARED=OFF -DWITH_SIMD=OFF \
        -DWITH_TURBOJPEG=OFF &&
        stage_windows_library "$1" tiff -DBUILD_SHARED_LIBS=OFF -Dzlib=ON -Djpeg=ON \
            -Dlibdeflate=OFF -Djbig=OFF -Dlerc=OFF -Dlzma=OFF -Dzstd=OFF -Dwebp=OFF \
            -Dcxx=OFF -Dtiff-tools=OFF -Dtiff-tests=OFF -Dtiff-contrib=OFF \
            -Dtiff-docs=OFF; } &
    ids="$ids $!"
    for id in $ids; do
        wait "$id" || ok=1
    done
    return $ok
}

# The Windows build.
windows() {
    local to=$out/windows-dependencies
    stage_windows_headers "$to" && stage_windows_libraries "$to" &&
        build windows -DCMAKE_BUILD_TYPE=Release -DPIX_TESTS=OFF \
            -DCMAKE_C_FLAGS_RELEASE='-O1 -DNDEBUG' \
            -DCMAKE_TOOLCHAIN_FILE="$root/cmake/mingw.cmake" \
            -DPIX_DEPENDENCIES="$to" -DPIX_WEBP=OFF &&
        ls -l "$out"/windows/*.exe "$out"/windows/*.dll "$out"/windows/*.a
}

# A build without the libraries that it may lack: the tests of images. Where ccache is
# there, most comes from the first compiler's build.
build_bare() {
    local target=image_tests flags=-O1
    [ -z "$launcher" ] || flags='-O3 -DNDEBUG'
    build bare -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE="$flags" \
        -DPIX_TESTS=ON -DCMAKE_C_COMPILER="$compiler" \
        -DPIX_TIFF=OFF -DPIX_JPEG=OFF -DPIX_WEBP=OFF
}

# Its warnings do not depend on how much it optimises.
build_clang() {
    build clang -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE='-O1 -DNDEBUG' \
        -DPIX_TESTS=ON -DCMAKE_C_COMPILER=clang
}

# One test under ThreadSanitizer, whose code makes gcc warn where nothing is wrong.
build_threads() {
    local target=test_translate_threads
    build threads -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DCMAKE_C_FLAGS_RELWITHDEBINFO='-O1 -g1' -DPIX_SANITIZE=thread -DPIX_TESTS=ON \
        -DCMAKE_C_COMPILER="$compiler" -DPIX_WERROR=OFF
}

build_sanitizers() {
    build sanitizers -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DCMAKE_C_FLAGS_RELWITHDEBINFO='-O1 -g1' -DPIX_SANITIZE=ON -DPIX_TESTS=ON \
        -DCMAKE_C_COMPILER="$compiler"
}

# The libraries of the Windows build: their files below build/drivers/.
windows_files='jansson/jansson.tar libzip/libzip.tar libpng/libpng.tar
    utf8proc/utf8proc.tar libjpeg-turbo/libjpeg-turbo.tar tiff/tiff.tar zlib/libz.a'

# Prints the names of those that are missing.
windows_missing() {
    local name
    for name in $windows_files; do
        [ -f "$root/build/drivers/$name" ] || printf ' %s' "${name%%/*}"
    done
}

has_mingw() {
    command -v x86_64-w64-mingw32-gcc >/dev/null 2>&1
}

# The builds after the first one, in the order in which they are needed, with what is left
# of the processor.
other_builds() {
    renice -n 10 -p "$BASHPID" >/dev/null 2>&1
    ! wants bare || leg_run 'build bare' build_bare
    if wants clang && command -v clang >/dev/null 2>&1; then
        leg_run 'build clang' build_clang
    fi
    if wants sanitizers; then
        leg_run 'build sanitizers' build_sanitizers
        [ $full = 0 ] || [ -z "$(icd lvp)" ] || leg_run 'build threads' build_threads
    fi
    if wants windows && has_mingw && [ -z "$(windows_missing)" ]; then
        leg_run 'windows (compiled)' windows
    fi
}

# Calls of the system that fail, on lavapipe. The row has the figures.
faults() {
    local program=$out/gcc/tests/faults start=$SECONDS log=$out/faults.log all='--seconds 30'
    if [ ! -x "$program" ]; then
        skip 'faults' 'for 64-bit Linux only'
        return
    fi
    [ $full = 0 ] || all=--all
    # Options, of which there are two words.
    # shellcheck disable=SC2086
    if "$program" "$out/gcc/pix2pix" "$out/gcc/tests/faults_inject.so" $all \
        >"$log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        row 'faults' passed "$(tail -n 1 "$log"), $((SECONDS - start)) s"
    else
        failed=$((failed + 1))
        tail -n 60 "$log"
        row 'faults' failed "$(tail -n 1 "$log"), see ${log#"$root"/}"
    fi
}

# True if the default device is a real one.
has_gpu() {
    "$out/gcc/pix2pix" devices --json 2>/dev/null | tr -d '\n' | tr '}' '\n' |
        grep '"default": *true' | grep -qv '"type": *"cpu"'
}

# True if a python3 has the module.
has_module() {
    python3 -c "import $1" >/dev/null 2>&1 || /usr/bin/python3 -c "import $1" >/dev/null 2>&1
}

# Prints what tools/drivers.sh is to get for the legs that are wanted.
downloads() {
    local name
    for name in lavapipe limits swiftshader gpu clang sanitizers; do
        if wants $name; then
            echo onnxruntime browser
            break
        fi
    done
    if wants swiftshader || wants radv; then
        echo swiftshader drm-shim
    fi
    ! wants matrix || echo mesa glslc
    if wants windows && has_mingw; then
        for name in $windows_files; do
            echo "${name%%/*}"
        done
    fi
}

# Sets where the tests find ONNX Runtime, and reports which readers are missing.
# PIX_TEST_OPENCV_PYTHON may name a Python with another OpenCV than the system's.
onnx_readers() {
    local package=$root/build/drivers/onnxruntime/node_modules/onnxruntime-web
    unset PIX_TEST_ONNXRUNTIME
    if command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1; then
        if [ -d "$package" ]; then
            export PIX_TEST_ONNXRUNTIME=$package
        else
            skip 'ONNX Runtime' 'the npm package is not available'
        fi
    else
        skip 'ONNX Runtime' 'node and npm are not both installed'
    fi
    has_module onnx || skip 'ONNX checker' 'no python3 with the package onnx is installed'
    has_module cv2 || skip 'OpenCV' 'no python3 with the module cv2 is installed'
    command -v ffmpeg >/dev/null 2>&1 || skip 'video through ffmpeg' 'ffmpeg is not installed'
}

# Sets where the tests find what opens pages in Chromium, see tests/test_browser.c.
browser() {
    local packages=$root/build/drivers/browser/node_modules
    unset PIX_TEST_BROWSER
    PIX_TEST_CHROMIUM=$(command -v chromium)
    export PIX_TEST_CHROMIUM
    if [ -z "$PIX_TEST_CHROMIUM" ]; then
        skip 'pages in Chromium' 'chromium is not installed'
    elif ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
        skip 'pages in Chromium' 'node and npm are not both installed'
    else
        if [ -d "$packages" ]; then
            export PIX_TEST_BROWSER=$packages
        else
            skip 'pages in Chromium' 'the npm packages are not available'
        fi
    fi
}

# See tests/support/gpu.h.
[ $full = 0 ] || export PIX_TEST_FULL=1

start=$SECONDS
tools/setup.sh --test || exit 1

getting=$(downloads | tr '\n' ' ')
if [ -n "$getting" ]; then
    # shellcheck disable=SC2086
    tools/drivers.sh $getting >"$out/downloads.log" 2>&1 </dev/null &
    getting=$!
fi

# ---------------------------------------------------------------------------
# Style

if wants style; then
    leg 'layers' cmake -P tests/layers.cmake
    formatter=''
    for name in clang-format-14 clang-format; do
        if "$name" --version 2>/dev/null | grep -q 'version 14\.'; then
            formatter=$name
            break
        fi
    done
    if [ -n "$formatter" ]; then
        leg 'clang-format' format
    else
        skip 'clang-format' 'version 14 is not installed, others format differently'
    fi
fi

# ---------------------------------------------------------------------------
# The first build, and the programs that read what the engine writes

compiler=gcc
command -v gcc >/dev/null 2>&1 || compiler=cc
built=0
for name in lavapipe limits faults swiftshader matrix radv gpu install; do
    if wants $name; then
        leg "build $compiler" build gcc -DCMAKE_BUILD_TYPE=Release -DPIX_TESTS=ON \
            -DCMAKE_C_COMPILER="$compiler" && built=1
        break
    fi
done

if [ -n "$getting" ]; then
    wait "$getting"
    cat "$out/downloads.log"
fi
for name in lavapipe limits swiftshader gpu clang sanitizers; do
    if wants $name; then
        onnx_readers
        browser
        break
    fi
done

# ---------------------------------------------------------------------------
# The other builds, and the drivers

rm -f "$out"/*.log.result
[ $built = 0 ] || spirv=$out/gcc/generated/spirv
other_builds &
builds=$!
trap 'kill $builds 2>/dev/null; [ "$plain" = "$out" ] || rm -rf "$plain"' EXIT

lavapipe=$(icd lvp)
if [ $built = 1 ]; then
    if [ -n "$lavapipe" ]; then
        on "$lavapipe"
        if wants lavapipe; then
            [ $full = 0 ] || export TEST_BURSTS=20    # see tests/test_cli_signals.c
            suite 'lavapipe' "$out/gcc"
            unset TEST_BURSTS
        fi
        if wants limits; then
            export PIX_TEST_MINIMUM_LIMITS=1
            # Kernels that are forced, whatever the limits, were run by lavapipe's leg.
            suite 'minimum limits' "$out/gcc" -L gpu -LE host -E '^conv_variant$'
            unset PIX_TEST_MINIMUM_LIMITS
        fi
        wants faults && faults
        wants install && leg 'install' tests/install/run.sh "$out/gcc" "$plain/install"
        on_any
    else
        wants lavapipe && skip 'lavapipe' 'the driver is not installed'
        wants lavapipe && suite 'no device' "$out/gcc" -L unit
        wants limits && skip 'minimum limits' 'lavapipe is not installed'
        wants faults && skip 'faults' 'lavapipe is not installed'
        wants install && skip 'install' 'lavapipe is not installed'
    fi

    if wants swiftshader; then
        manifest=$root/build/drivers/swiftshader/vk_swiftshader_icd.json
        if [ -f "$manifest" ]; then
            on "$manifest"
            export PIX_TEST_SECOND_DRIVER=1
            if [ $full = 1 ]; then
                suite 'SwiftShader' "$out/gcc" -L gpu -LE host
            else
                suite 'SwiftShader' "$out/gcc" -L gpu -LE 'host|networks'
            fi
            unset PIX_TEST_SECOND_DRIVER
            on_any
        else
            skip 'SwiftShader' 'the driver is not available'
        fi
    fi
    if wants matrix; then
        if [ -f "$root/build/drivers/mesa/complete" ]; then
            leg 'matrix units' matrix
        else
            skip 'matrix units' 'a newer lavapipe is not available'
        fi
    fi
    if wants radv; then
        radv=$(icd radeon)
        shim=$root/build/drivers/drm-shim/libamdgpu_noop_drm_shim.so
        chips='polaris10 vega10 navi10 navi21 navi31'
        if [ -z "$radv" ]; then
            skip 'RADV' 'the driver is not installed'
        elif [ ! -f "$shim" ]; then
            skip 'RADV' 'the stand-in for the card is not available'
        else
            # A test for each chip, all at the same time.
            on "$radv"
            export PIX_TEST_NO_EXECUTE=1
            cp "$shim" "$plain/" && preload=$plain/${shim##*/}
            radv_start=$SECONDS
            ids=''
            for chip in $chips; do
                AMDGPU_GPU_ID=$chip suite_run "RADV $chip" "$out/gcc" -R dryrun &
                ids="$ids $!"
            done
            # shellcheck disable=SC2086
            wait $ids
            for chip in $chips; do
                suite_count "RADV $chip" "$radv_start"
            done
            preload=''
            unset PIX_TEST_NO_EXECUTE
            on_any
        fi
    fi
    if wants gpu; then
        if has_gpu; then
            suite 'default device' "$out/gcc" -L gpu
        else
            skip 'default device' 'this machine has no GPU'
        fi
    fi
fi

# ---------------------------------------------------------------------------
# Without libraries, the second compiler, sanitizers, Windows

if wants bare; then
    await 'build bare' && suite 'bare' "$out/bare" -L images
fi

if wants clang; then
    if command -v clang >/dev/null 2>&1; then
        await 'build clang' && suite 'clang' "$out/clang" -L unit -LE tree
    else
        skip 'clang' 'not installed'
    fi
fi

if wants sanitizers; then
    # Leaks inside the driver are not counted. Most that is allocated is the driver's
    # compiler's: of what is freed 16 MiB are watched, and five callers are remembered.
    # Vulkan calls are those that lavapipe's leg has validated.
    [ -z "$lavapipe" ] || on "$lavapipe"
    export ASAN_OPTIONS=detect_leaks=1:verify_asan_link_order=0
    ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=16:malloc_context_size=5
    export PIX_TEST_NO_VALIDATION=1
    export UBSAN_OPTIONS=print_stacktrace=1
    cp tests/support/lsan.supp "$plain/"
    export LSAN_OPTIONS=suppressions=$plain/lsan.supp:print_suppressions=0
    "$compiler" -shared -fPIC -o "$plain/keep_loaded.so" tests/support/keep_loaded.c &&
        preload=$plain/keep_loaded.so
    if await 'build sanitizers'; then
        if [ -n "$lavapipe" ]; then
            suite 'sanitizers' "$out/sanitizers" -LE 'kernels|tree|pages'
        else
            suite 'sanitizers' "$out/sanitizers" -L unit -LE tree
        fi
    fi
    preload=''
    if [ $full = 0 ]; then
        skip 'threads' 'by full: a build of its own for one test'
    elif [ -n "$lavapipe" ]; then
        await 'build threads' && suite 'threads' "$out/threads" -R '^translate_threads$'
    else
        skip 'threads' 'lavapipe is not installed'
    fi
    unset ASAN_OPTIONS UBSAN_OPTIONS LSAN_OPTIONS PIX_TEST_NO_VALIDATION
    on_any
fi

if wants windows; then
    if has_mingw; then
        missing=$(windows_missing)
        if [ -z "$missing" ]; then
            await 'windows (compiled)'
        else
            skip 'windows (compiled)' "not available:$missing"
        fi
    else
        skip 'windows (compiled)' 'x86_64-w64-mingw32-gcc is not installed'
    fi
fi

echo
echo "leg                    result   ($((SECONDS - start)) s in total)"
printf '%s' "$table"
echo
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
