#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Holds the documents against the program and the tree: links lead somewhere, files and
# options that are named exist, the table of training options is the one that the program
# prints, README stays short. (tests/test_manual.c looks at the manual page.)
#
#     tests/docs.sh PIX2PIX             looks
#     tests/docs.sh PIX2PIX --update    writes the table and the manual page

set -u

pix2pix=$1
cd "$(dirname "$0")/.." || exit 1
errors=0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# docs/training.md with the table that the program prints today.
"$pix2pix" train --help=markdown >"$scratch/options" || exit 1
awk -v table="$scratch/options" '
    /^<!-- options -->$/ {
        print
        print ""
        while ((getline line <table) > 0)
            print line
        print ""
        inside = 1
    }
    /^<!-- \/options -->$/ { inside = 0 }
    !inside && !/^<!-- options -->$/ { print }' docs/training.md >"$scratch/training.md"
if [ "${2-}" = --update ]; then
    "$pix2pix" --help=man >"$scratch/pix2pix.1" || exit 1
    cp "$scratch/training.md" docs/training.md
    cp "$scratch/pix2pix.1" docs/pix2pix.1
    exit
fi

complain() {
    echo "$*"
    errors=$((errors + 1))
}

documents=$(ls ./*.md docs/*.md engine/README.md shaders/README.md examples/README.md |
    sed 's|^\./||')

# The text of a document without blocks of code.
prose() {
    awk '/^```/ { inside = !inside; next } !inside && !/^    / { print }' "$1"
}

# A heading as the anchor that it gets: "## C library" is #c-library.
anchors() {
    awk '/^```/ { inside = !inside } !inside && /^#+ / { print }' "$1" |
        sed -e 's/^#* //' -e 's/[^A-Za-z0-9 _-]//g' -e 's/ /-/g' | tr 'A-Z' 'a-z'
}

# ---------------------------------------------------------------------------
# What the program prints

cmp -s "$scratch/training.md" docs/training.md ||
    complain "docs/training.md: its options differ from the program's: build the target \
manual"

# ---------------------------------------------------------------------------
# Links

for document in $documents; do
    folder=$(dirname "$document")
    for link in $(prose "$document" | grep -oE '\]\([^) ]+\)' | sed 's/^](//; s/)$//'); do
        case "$link" in http*) continue ;; esac
        file=${link%%#*}
        target=$document
        [ -z "$file" ] || target=$folder/$file
        if [ ! -e "$target" ]; then
            complain "$document: the link $link leads to no file"
        elif [ "$link" != "$file" ] &&
            ! anchors "$target" | grep -qxF -- "${link#*#}"; then
            complain "$document: the link $link leads to no heading of $target"
        fi
    done
done

# ---------------------------------------------------------------------------
# Files: what stands in back quotes and has a folder of the tree in front

exists() {
    local name=$1 base
    for base in "$name" "engine/$name"; do
        compgen -G "$base" >/dev/null || compgen -G "$base.[ch]" >/dev/null && return 0
    done
    return 1
}

rooms=$(cd engine && ls -d */ | tr -d / | tr '\n' '|')
for document in $documents; do
    case "$document" in NEWS.md) continue ;; esac
    for name in $(prose "$document" | grep -oE '`[A-Za-z_./*<>]+/[A-Za-z0-9_.*<>]*`' |
        tr -d '`'); do
        echo "$name" | grep -qE "^(${rooms}engine|tests|tools|docs|cmake|include)/" ||
            continue
        case "$name" in *'<'*) continue ;; esac    # `tests/test_<stem>.c`
        exists "$name" || complain "$document: there is no $name"
    done
done

# ---------------------------------------------------------------------------
# Options: of the commands, of our scripts, and of the tools in the text

commands=$("$pix2pix" --help | awk '/^  [a-z]+  / { print $1 }')
help=$("$pix2pix" --help
for command in $commands; do
    "$pix2pix" $command --help 2>&1
done)
scripts=$(cat tools/*.sh tools/*.py tools/isa_report tests/*.sh tests/golden/*.py)
for document in README.md docs/*.md; do
    for option in $(grep -oE '(^|[^A-Za-z0-9-])--[a-z][a-z0-9-]+' "$document" |
        grep -oE -- '--[a-z0-9-]+' | sort -u); do
        case "$option" in --build | --install | --static | --cflags | --libs) continue ;; esac
        case "$option" in --eval | --separable) continue ;; esac    # of others
        echo "$help $scripts" | grep -qE -- "$option([^a-z0-9-]|$)" ||
            complain "$document: no command has $option"
    done
done

# ---------------------------------------------------------------------------
# Licences: of each library that the build looks for, and of what is bundled

libraries=$(grep -oE '(find_library|find_optional|find_path)\([A-Z0-9]+' CMakeLists.txt |
    sed -e 's/.*(//' -e 's/_.*//' | tr 'A-Z' 'a-z' | sort -u)
for library in $libraries volk vulkan uplot; do
    grep -iqE "^(## |- ).*$library" docs/licences.md ||
        complain "docs/licences.md has nothing of $library"
done
tr -d '\r' <tools/page/uplot/LICENSE | grep '^Copyright' | sed 's/^Copyright (c) //' |
    while read -r holder; do
        grep -qF "$holder" docs/licences.md || echo "$holder"
    done | grep . && complain "docs/licences.md lacks a holder of uPlot's copyright"

# ---------------------------------------------------------------------------
# README

lines=$(wc -l <README.md)
[ "$lines" -le 180 ] || complain "README.md has $lines lines: a page of docs/ is the place"
first=$(grep -n '^## ' README.md | head -n 1 | cut -d: -f1)
[ "$first" -le 41 ] || complain "README.md: its first screen has $((first - 1)) lines"

[ "$errors" = 0 ] && echo "docs: $(echo "$documents" | wc -w) documents are true"
[ "$errors" = 0 ]
