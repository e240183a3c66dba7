#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs the missing packages that building pix2pix needs, with the system's package
# manager; with --test also those of the tests. It asks no questions and changes nothing
# when everything is installed. Where the package manager is not apt, it prints the names
# of the packages on that system instead of installing them.

set -u

with_tests=0
case "${1-}" in
'') ;;
--test) with_tests=1 ;;
*)
    echo "usage: tools/setup.sh [--test]" >&2
    exit 2
    ;;
esac

# One line per dependency: when it is needed, how to test for it, and its package on apt,
# dnf, pacman and brew systems ('-': part of another one, '?': no package is known).
# "build" and "test" dependencies are required; without an "image" one a kind of image
# files is not read, without an "optional" one tests skip.
# libvolk-dev is a different project of the same name.
things() {
    cat <<'END'
build|command cc gcc clang|gcc|gcc|gcc|-
build|header stdio.h|libc6-dev|glibc-devel|glibc|-
build|command cmake|cmake|cmake|cmake|cmake
build|command ninja|ninja-build|ninja-build|ninja|ninja
build|command pkg-config|pkg-config|pkgconf-pkg-config|pkgconf|pkgconf
build|command glslc|glslc|glslc|shaderc|shaderc
build|header vulkan/vulkan.h|libvulkan-dev|vulkan-headers|vulkan-headers|vulkan-headers
build|header volk.h volk/volk.h|libvulkan-volk-dev|vulkan-volk-devel|volk|vulkan-volk
build|header stb/stb_image.h|libstb-dev|stb_image-devel|stb|?
build|header stb/stb_image_write.h|libstb-dev|stb_image_write-devel|stb|?
build|header stb/stb_easy_font.h|libstb-dev|stb_easy_font-devel|stb|?
build|header jansson.h|libjansson-dev|jansson-devel|jansson|jansson
build|header zip.h|libzip-dev|libzip-devel|libzip|libzip
build|header utf8proc.h|libutf8proc-dev|utf8proc-devel|libutf8proc|utf8proc
build|header xxhash.h|libxxhash-dev|xxhash-devel|xxhash|xxhash
build|header png.h|libpng-dev|libpng-devel|libpng|libpng
image|header jpeglib.h|libjpeg-dev|libjpeg-turbo-devel|libjpeg-turbo|jpeg-turbo
image|header tiffio.h|libtiff-dev|libtiff-devel|libtiff|libtiff
image|header webp/decode.h|libwebp-dev|libwebp-devel|libwebp|webp
build|loader|libvulkan1|vulkan-loader|vulkan-icd-loader|vulkan-loader
build|driver|mesa-vulkan-drivers|mesa-vulkan-drivers|vulkan-swrast|molten-vk
test|header cmocka.h|libcmocka-dev|libcmocka-devel|cmocka|cmocka
test|command listgeo|geotiff-bin|libgeotiff|libgeotiff|libgeotiff
test|lavapipe|mesa-vulkan-drivers|mesa-vulkan-drivers|vulkan-swrast|mesa
optional|layer|vulkan-validationlayers|vulkan-validation-layers|vulkan-validation-layers|vulkan-validationlayers
optional|command g++ clang++|g++|gcc-c++|gcc|-
optional|command clang|clang|clang|clang|-
optional|command ccache|ccache|ccache|ccache|ccache
optional|command clang-format clang-format-14|clang-format|clang-tools-extra|clang|clang-format
optional|command ffmpeg|ffmpeg|ffmpeg-free|ffmpeg|ffmpeg
optional|command node|nodejs|nodejs|nodejs|node
optional|command npm|npm|nodejs-npm|npm|-
optional|command chromium|chromium|chromium|chromium|-
optional|module onnx|python3-onnx|python3-onnx|python-onnx|onnx
optional|module cv2|python3-opencv|python3-opencv|python-opencv|opencv
optional|module torch|python3-torch|python3-torch|python-pytorch|pytorch
END
}

prefixes="/usr /usr/local /opt/homebrew ${VULKAN_SDK-}"

has_command() {
    local name
    for name in "$@"; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

# True if a C compiler, or without one a look into the usual folders, finds one of the
# headers.
has_header() {
    local name prefix
    for name in "$@"; do
        if has_command cc &&
            printf '#include <%s>\n' "$name" | cc -E -x c - >/dev/null 2>&1; then
            return 0
        fi
        for prefix in $prefixes; do
            [ -f "$prefix/include/$name" ] && return 0
        done
    done
    return 1
}

# A module of the system's Python.
has_module() {
    python3 -c "import $1" >/dev/null 2>&1 || /usr/bin/python3 -c "import $1" >/dev/null 2>&1
}

has_file() {
    local file
    for file in "$@"; do
        [ -e "$file" ] && return 0
    done
    return 1
}

has_loader() {
    local prefix
    for prefix in $prefixes; do
        has_file "$prefix"/lib/libvulkan.so.1 "$prefix"/lib64/libvulkan.so.1 \
            "$prefix"/lib/*/libvulkan.so.1 "$prefix"/lib/libvulkan*.dylib && return 0
    done
    return 1
}

# True if a manifest of this name lies where the Vulkan loader looks.
has_manifest() {
    local dir
    for dir in /etc /usr/share /usr/local/share /usr/local/etc /opt/homebrew/share \
        /opt/homebrew/etc "${XDG_DATA_HOME:-${HOME-}/.local/share}" "${VULKAN_SDK:-/usr}/etc"; do
        # The pattern is meant to be expanded.
        # shellcheck disable=SC2086
        has_file "$dir"/vulkan/$1 && return 0
    done
    return 1
}

has_driver() {
    [ -n "${VK_DRIVER_FILES-}${VK_ICD_FILENAMES-}" ] || has_manifest 'icd.d/*.json'
}

has_lavapipe() {
    has_manifest 'icd.d/lvp_icd*.json'
}

has_layer() {
    has_manifest 'explicit_layer.d/VkLayer_khronos_validation.json'
}

# Sets `missing` to the lines of missing dependencies, `required` and `optional` to
# their packages for package manager $1, each once.
look() {
    local kind probe apt dnf pacman brew package
    missing='' required='' optional=''
    while IFS='|' read -r kind probe apt dnf pacman brew; do
        case "$kind" in
        build | image) ;;
        *) [ $with_tests = 1 ] || continue ;;
        esac
        # The probe is a function's suffix and its arguments.
        # shellcheck disable=SC2086
        has_$probe && continue
        missing="$missing$kind|${probe##* }
"
        case "$1" in
        apt) package=$apt ;;
        dnf) package=$dnf ;;
        pacman) package=$pacman ;;
        *) package=$brew ;;
        esac
        [ "$package" != - ] || continue
        [ "$package" != '?' ] || package="(${probe##* }: no package known)"
        case "$required $optional " in
        *" $package "*) ;;
        *)
            case "$kind" in
            image | optional) optional="$optional $package" ;;
            *) required="$required $package" ;;
            esac
            ;;
        esac
    done <<END
$(things)
END
}

manager=''
for name in apt-get dnf pacman brew; do
    if has_command $name; then
        manager=${name%-get}
        break
    fi
done

look "${manager:-apt}"
if [ -z "$missing" ]; then
    echo "setup: everything is installed"
    exit 0
fi

if [ "$manager" != apt ]; then
    case "$manager" in
    dnf) install='sudo dnf install' ;;
    pacman) install='sudo pacman -S --needed' ;;
    brew) install='brew install' ;;
    *) install='install (names as in Debian):' ;;
    esac
    [ -z "$required" ] || echo "setup: please run:  $install$required"
    [ -z "$optional" ] || echo "setup: optional, see pix2pix --version and the tests that are skipped:  $install$optional"
    case "
$missing" in
    *"
build|"* | *"
test|"*) exit 1 ;;
    esac
    exit 0
fi

as_root=''
if [ "$(id -u)" != 0 ]; then
    if has_command sudo && sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        echo "setup: packages are missing and this user cannot install them" \
            "without a password; please run:" >&2
        echo "    sudo apt-get update && sudo apt-get install -y$required$optional" >&2
        [ -z "$required" ] && exit 0
        exit 1
    fi
fi

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

# Runs apt-get without questions; its output goes to the log.
apt() {
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a \
        apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" \
        >>"$log" 2>&1 </dev/null
}

echo "setup: installing$required$optional"
apt update || echo "setup: the package lists could not be refreshed, using the old ones"
# All at once is fast; one by one installs at least those that are available.
# shellcheck disable=SC2086
if ! apt install --no-install-recommends $required $optional; then
    for package in $required $optional; do
        apt install --no-install-recommends "$package"
    done
fi

look apt
for package in $optional; do
    echo "setup: cannot install $package (optional: what needs it is left out)"
done
if [ -n "$required" ]; then
    tail -n 20 "$log" >&2
    echo "setup: cannot install:$required" >&2
    echo "setup: is this machine offline, or are the package sources incomplete?" \
        "pix2pix cannot be built without them" >&2
    exit 1
fi
echo "setup: done"
