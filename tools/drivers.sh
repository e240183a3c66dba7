#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Downloads what the test matrix needs beyond setup.sh to build/drivers/: all of it, or
# only what is named.
#
#     tools/drivers.sh [swiftshader] [drm-shim] [jansson] [libzip] [libpng] [utf8proc]
#                      [libjpeg-turbo] [tiff] [zlib] [mesa] [glslc] [onnxruntime]
#                      [browser] [intel]
#
#     swiftshader/  a second software implementation of Vulkan, from Debian's package
#                   chromium-common: libvk_swiftshader.so, vk_swiftshader_icd.json
#     drm-shim/     a stand-in for an AMD card under which RADV compiles and submits
#                   but nothing executes, from Debian's package mesa-drm-shim:
#                   libamdgpu_noop_drm_shim.so
#     mesa/         Mesa's drivers of a newer Debian, with stand-ins for cards, all that they
#                   need down to the C library, and its glslc: usr/, for programs that are
#                   run by usr/lib64/ld-linux-*.so.*; 80 MB, and 350 MB
#                   unpacked. Its lavapipe has matrix units
#     glslc/        the glslc and the spirv-val of a still newer Debian, in the same way; 10
#                   MB, and 50 MB unpacked. It knows bf16
#     intel/        Intel's driver of Mesa in the same way, for tools/isa_report, with a
#                   stand-in for its GPUs that is in no package: it is built from the source
#                   of that Mesa, in some minutes. Only where it is named. Needs g++, ninja,
#                   bison, flex, pkg-config, python3-venv and the headers of libdrm, zlib and
#                   expat; Meson and what else builds it comes from PyPI
#     jansson/      the source of the JSON library, to build it for Windows, from
#                   Debian's source package: jansson.tar
#     libzip/       the same of the library for zip archives: libzip.tar
#     utf8proc/     the same of the library for Unicode: utf8proc.tar
#     libpng/       the same of the library for PNG images: libpng.tar
#     libjpeg-turbo/, tiff/
#                   the same of those for JPEG and TIFF images: libjpeg-turbo.tar, tiff.tar
#     zlib/         the library that libzip, libpng and libtiff need, built for Windows,
#                   from Debian's package libz-mingw-w64-dev: libz.a, zlib.h, zconf.h
#     onnxruntime/  a runtime for ONNX models, from npm: node_modules/onnxruntime-web
#     browser/      what opens pages in the system's Chromium and looks for barriers in
#                   them, from npm: node_modules/playwright-core, node_modules/axe-core
#
# All but onnxruntime, browser and a part of intel come from the machine's own package sources and are unpacked, never
# installed: the system's packages, package lists and settings stay as they are. What
# was downloaded once is kept in the user's cache folder, by npm in its own. What is not
# available is reported and skipped; the exit code is still 0.

set -u

wanted=" $* "

# The name of the release, "bookworm".
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null | tr -d '"')

# The release whose backports have a lavapipe with matrix units.
newer=trixie

# The one whose glslc knows bf16.
newest=forky

cd "$(dirname "$0")/.." || exit 1
root=$PWD
drivers=$root/build/drivers
private=$drivers/apt
cache=${XDG_CACHE_HOME:-${HOME:-$root/build}/.cache}/pix2pix/drivers
mkdir -p "$drivers" "$cache" 2>/dev/null || cache=$drivers/cache
mkdir -p "$drivers" "$cache" || exit 1

wants() {
    case "$wanted" in
    '  ' | *" $1 "*) return 0 ;;
    esac
    return 1
}

# Writes the machine's package sources to folder $2. With a suite $1 only those that
# serve the release itself, turned to that suite.
copy_sources() {
    local suite=$1 to=$2 file
    mkdir -p "$to"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] || continue
        awk -v suite="$suite" -v codename="$codename" '
            $1 != "deb" { next }
            suite == "" { print; next }
            {
                # deb [options] uri suite component...
                at = 2
                if ($2 ~ /^\[/)
                    while ($at !~ /\]$/ && at < NF)
                        at++
                if ($2 ~ /^\[/)
                    at++
                if ($(at + 1) == codename) {
                    $(at + 1) = suite
                    print
                }
            }' "$file"
    done >"$to/copied.list"
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] || continue
        awk -v suite="$suite" -v codename="$codename" '
            BEGIN { RS = ""; FS = "\n" }
            {
                keep = 0
                text = ""
                for (i = 1; i <= NF; i++) {
                    line = $i
                    if (line ~ /^#/)
                        continue
                    if (tolower(line) ~ /^enabled:[ \t]*(no|false)/)
                        next
                    if (tolower(line) ~ /^types:/)
                        line = "Types: deb"
                    if (tolower(line) ~ /^suites:/) {
                        n = split(line, word, /[ \t]+/)
                        for (k = 2; k <= n; k++)
                            if (suite == "" || word[k] == codename)
                                keep = 1
                        if (suite != "")
                            line = "Suites: " suite
                    }
                    text = text line "\n"
                }
                if (keep)
                    print text
            }' "$file"
    done >"$to/copied.sources"
}

# Downloads package $1 into the current folder by the system's own package lists.
download_plain() {
    timeout 300 apt-get -q -o Acquire::Retries=2 download "$1"
}

# Makes a private configuration in folder $1: the machine's sources, or with $2 its
# sources of that suite; own lists, and none of the machine's hooks.
configure_private() {
    local dir=$1 suite=$2
    mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" || return 1
    copy_sources "$suite" "$dir/sources.list.d"
    grep -qs . "$dir/sources.list.d/copied.list" "$dir/sources.list.d/copied.sources" ||
        return 1
    cat >"$dir/apt.conf" <<END
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$dir/sources.list.d";
Dir::State::Lists "$dir/lists";
Dir::Cache "$dir/cache";
APT::Sandbox::User "$(id -un)";
Acquire::Retries "2";
Acquire::Languages "none";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
#clear Acquire::IndexTargets::deb::Contents-deb;
#clear Acquire::IndexTargets::deb::DEP-11;
END
}

# Downloads package $1 by such a configuration.
download_private() {
    local package=$1 suite=$2 dir
    dir=$private/${suite:-plain}
    configure_private "$dir" "$suite" &&
        timeout 300 apt-get -q -c "$dir/apt.conf" update &&
        timeout 300 apt-get -q -c "$dir/apt.conf" download "$package"
}

# Downloads the files of source package $1, of suite $2 or of the release. The update may fail for one of the machine's
# sources and still bring the list that matters.
download_source() {
    local dir=$private/source
    configure_private "$dir" "${2:-}" || return 1
    sed -i 's/^deb /deb-src /' "$dir/sources.list.d/copied.list"
    sed -i 's/^Types: deb$/Types: deb-src/' "$dir/sources.list.d/copied.sources"
    timeout 300 apt-get -q -c "$dir/apt.conf" update
    timeout 300 apt-get -q -c "$dir/apt.conf" --download-only source "$1"
}

# Puts a copy of folder $1 in the place of folder $2, whole or not at all.
copy() {
    rm -rf "$2" "$2.tmp"
    cp -R "$1" "$2.tmp" && mv "$2.tmp" "$2"
}

# True if build/drivers/$1 is there, or the cache has it.
has() {
    if [ -f "$drivers/$1/complete" ]; then
        echo "drivers: $1 is present"
    elif [ -f "$cache/$1/complete" ]; then
        copy "$cache/$1" "$drivers/$1" && echo "drivers: $1 taken from $cache"
    else
        return 1
    fi
}

# Puts the files $4... of package $2 into build/drivers/$1, from the cache or else by
# download; $3 is a suite that may have the package if the release itself has not.
get() {
    local name=$1 package=$2 suite=$3 to stage log file pattern
    shift 3
    to=$drivers/$name
    if ! wants "$name" || has "$name"; then
        return
    fi
    if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-deb >/dev/null 2>&1; then
        echo "drivers: $name skipped: it is unpacked from a Debian package," \
            "and this system has no apt"
        return
    fi

    stage=$drivers/stage-$name
    log=$drivers/$name.log
    rm -rf "$stage" "$to"
    mkdir -p "$stage" "$to"
    echo "drivers: getting $package"
    (
        cd "$stage" || exit 1
        download_plain "$package" ||
            { [ -n "$suite" ] && download_private "$package" "$suite"; } ||
            { [ -z "$suite" ] && download_private "$package" ''; }
    ) >"$log" 2>&1
    for file in "$stage"/*.deb; do
        [ -f "$file" ] || continue
        for pattern in "$@"; do
            dpkg-deb --fsys-tarfile "$file" |
                tar -x -C "$stage" --wildcards "$pattern" 2>>"$log"
        done
    done
    for pattern in "$@"; do
        # The pattern is meant to be expanded.
        # shellcheck disable=SC2086
        find "$stage" -type f -path "$stage/${pattern#./}" -exec cp {} "$to" \;
        if ! [ -f "$to/${pattern##*/}" ]; then
            echo "drivers: $name skipped: $package is not available" \
                "(see ${log#"$root"/})"
            rm -rf "$stage" "$to"
            return
        fi
    done
    rm -rf "$stage"
    touch "$to/complete"
    copy "$to" "$cache/$name"
    echo "drivers: $name unpacked to ${to#"$root"/}"
}

# Puts what the authors of a library released into build/drivers/$1, as $1.tar. Its source
# package is $2, or has the same name. The packager's own files are left out: nothing but
# tar is needed to unpack it.
get_source() {
    local name=$1 package=${2:-$1} to=$drivers/$1 stage=$drivers/stage-$1 log=$drivers/$1.log file
    if ! wants "$name" || has "$name"; then
        return
    fi
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "drivers: $name skipped: it comes as a Debian source package," \
            "and this system has no apt"
        return
    fi
    rm -rf "$stage" "$to"
    mkdir -p "$stage" "$to"
    echo "drivers: getting the source of $name"
    (cd "$stage" && download_source "$package") >"$log" 2>&1
    for file in "$stage/$package"_*.orig.tar.*; do
        case "$file" in
        *.asc) ;;
        *) [ ! -f "$file" ] || cp "$file" "$to/$name.tar" ;;
        esac
    done
    rm -rf "$stage"
    if ! [ -f "$to/$name.tar" ]; then
        echo "drivers: $name skipped: its source is not available" \
            "(see ${log#"$root"/})"
        rm -rf "$to"
        return
    fi
    touch "$to/complete"
    copy "$to" "$cache/$name"
    echo "drivers: source of $name put into ${to#"$root"/}"
}

# Puts packages $4... of newer Debians and all that they need into build/drivers/$1: as apt
# would install them into an empty system. $2 are the suites, of which the last one comes
# first; $3 is a file that must be there then. Not kept in the user's cache: it is large.
get_system() {
    local name=$1 suites=$2 needed=$3 to=$drivers/$1 log=$drivers/$1.log dir=$private/$1
    local suite file
    shift 3
    if ! wants "$name"; then
        return
    elif [ -f "$to/complete" ]; then
        echo "drivers: $name is present"
        return
    elif ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-deb >/dev/null 2>&1; then
        echo "drivers: $name skipped: it is unpacked from Debian packages," \
            "and this system has no apt"
        return
    fi
    rm -rf "$to"
    mkdir -p "$to"
    echo "drivers: getting $1 of ${suites##* }"
    (
        configure_private "$dir" "${suites%% *}" || exit 1
        for suite in $suites; do
            copy_sources "$suite" "$dir/$suite"
            for file in copied.list copied.sources; do
                cp "$dir/$suite/$file" "$dir/sources.list.d/$suite-${file#copied}"
            done
        done
        rm -f "$dir"/sources.list.d/copied.*
        for file in "$dir/sources.list.d/"*; do
            mv "$file" "$(echo "$file" | sed 's/-\.\([a-z]*\)$/.\1/')"
        done
        : >"$dir/status"
        echo "Dir::State::status \"$dir/status\";" >>"$dir/apt.conf"
        timeout 300 apt-get -q -c "$dir/apt.conf" update &&
            timeout 600 apt-get -q -y -c "$dir/apt.conf" --no-install-recommends \
                --download-only -t "${suites##* }" install "$@" || exit 1
        for file in "$dir"/cache/archives/*.deb; do
            dpkg-deb -x "$file" "$to" || exit 1
        done
    ) >"$log" 2>&1 && [ -f "$to/$needed" ] ||
        {
            echo "drivers: $name skipped: its packages are not available" \
                "(see ${log#"$root"/})"
            rm -rf "$to"
            return
        }
    touch "$to/complete"
    echo "drivers: $name unpacked to ${to#"$root"/}"
}

# Builds the stand-in for Intel's GPUs and puts it beside their driver.
get_intel() {
    local to=$drivers/intel log=$drivers/intel-shim.log stage=$drivers/stage-intel
    local shim=libintel_noop_drm_shim.so missing='' name file
    case "$wanted" in
    *' intel '*) ;;
    *) return ;;
    esac
    get_system intel "$newer" usr/share/vulkan/icd.d/intel_icd.json \
        mesa-vulkan-drivers libvulkan1
    [ -f "$to/complete" ] || return
    for file in "$to"/usr/lib/*/"$shim"; do
        [ ! -f "$file" ] || return
    done
    for name in g++ ninja bison flex pkg-config python3 xz; do
        command -v "$name" >/dev/null 2>&1 || missing="$missing $name"
    done
    for name in libdrm zlib expat; do
        pkg-config --exists "$name" 2>/dev/null || missing="$missing $name"
    done
    if [ -n "$missing" ]; then
        echo "drivers: $shim skipped: building it needs$missing"
        return
    fi
    rm -rf "$stage"
    mkdir -p "$stage/mesa"
    echo "drivers: building $shim"
    (
        cd "$stage" || exit 1
        python3 -m venv python || exit 1
        python/bin/pip -q install meson mako pyyaml packaging || exit 1
        download_source mesa "$newer"
        tar -xf mesa_*.orig.tar.xz --strip-components=1 -C mesa || exit 1
        PATH=$stage/python/bin:$PATH
        meson setup build mesa -Dplatforms= -Dvulkan-drivers= -Dgallium-drivers= \
            -Dglx=disabled -Degl=disabled -Dgbm=disabled -Dopengl=false \
            -Dgles1=disabled -Dgles2=disabled -Dtools=drm-shim,intel -Dllvm=disabled \
            -Dvideo-codecs= -Dshader-cache=disabled -Dzstd=disabled \
            -Dvalgrind=disabled -Dlibunwind=disabled || exit 1
        ninja -C build "src/intel/tools/$shim"
    ) >"$log" 2>&1 && cp "$stage/build/src/intel/tools/$shim" "$to"/usr/lib/*/ ||
        {
            echo "drivers: $shim skipped: it could not be built (see ${log#"$root"/})"
            return
        }
    rm -rf "$stage"
    echo "drivers: $shim put into ${to#"$root"/}"
}

# Puts npm packages $2... and those that they need into build/drivers/$1. No script of
# them runs.
get_npm() {
    local name=$1 to=$drivers/$1 log=$drivers/$1.log
    shift
    if ! wants "$name" || has "$name"; then
        return
    fi
    if ! command -v npm >/dev/null 2>&1; then
        echo "drivers: $name skipped: it comes from npm, which is not installed"
        return
    fi
    rm -rf "$to"
    mkdir -p "$to"
    echo "drivers: getting $*"
    if ! timeout 300 npm install --prefix "$to" --prefer-offline --ignore-scripts \
        --no-save --no-audit --no-fund "$@" >"$log" 2>&1 </dev/null; then
        echo "drivers: $name skipped: $* not available" \
            "(see ${log#"$root"/})"
        rm -rf "$to"
        return
    fi
    touch "$to/complete"
    echo "drivers: $* put into ${to#"$root"/}"
}

get swiftshader chromium-common '' \
    './usr/lib/chromium/libvk_swiftshader.so' \
    './usr/lib/chromium/vk_swiftshader_icd.json'
get drm-shim mesa-drm-shim "${codename:-stable}-backports" \
    './usr/lib/*/libamdgpu_noop_drm_shim.so'
get_source jansson
get_source libzip
get_source utf8proc
get_source libpng libpng1.6
get_source libjpeg-turbo
get_source tiff
get zlib libz-mingw-w64-dev '' \
    './usr/x86_64-w64-mingw32/lib/libz.a' \
    './usr/x86_64-w64-mingw32/include/zlib.h' \
    './usr/x86_64-w64-mingw32/include/zconf.h'
get_system mesa "$newer $newer-backports" usr/share/vulkan/icd.d/lvp_icd.json \
    mesa-vulkan-drivers mesa-drm-shim libvulkan1 glslc spirv-tools
get_system glslc "$newest" usr/bin/glslc glslc spirv-tools
get_intel
get_npm onnxruntime onnxruntime-web@1.30.0
get_npm browser playwright-core@1.65.1 axe-core@4.14.1
rm -rf "$private"
exit 0
