#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Instructions of one pass of networks on 64-bit Arm, counted under qemu: what can be said of an Arm CPU without one. It
# tells nothing of memory, caches and how many instructions a CPU begins at once.
# Usage: tests/bench/arm-instructions.sh [BUILD [MODEL...]]
#   BUILD: a configured build folder (config.h, nn/onnx.pb-c.c), "build" unless given; MODEL: those of models/ unless given
# Needs Debian's gcc, gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user; libprotobuf-c for Arm is fetched by apt into
# BUILD/arm64, which leaves the machine's own list of packages as it is.
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build} out=$(mktemp -d)
[ $# -eq 0 ] || shift
root=$build/arm64
trap 'rm -rf "$out"' EXIT
skip() {
        echo "$1" >&2
        exit 77
}
command -v aarch64-linux-gnu-gcc >/dev/null || skip "the Debian package gcc-aarch64-linux-gnu is needed"
command -v qemu-aarch64 >/dev/null || skip "the Debian package qemu-user is needed"
[ -f "$build/nn/onnx.pb-c.c" ] || skip "$build is no build folder in which the engine was made"

# apt with lists, cache and status of its own, as if this were an Arm machine without any package
fetch_protobuf() {
        local apt
        mkdir -p "$root/apt/state/lists/partial" "$root/apt/cache/archives/partial"
        : >"$root/apt/status"
        apt=$(cd "$root/apt" && pwd)
        apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State=$apt/state"
                -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=)
        "${apt[@]}" update && (cd "$root/apt" && "${apt[@]}" download libprotobuf-c-dev) || return 1
        for p in "$root"/apt/libprotobuf-c-dev*.deb; do dpkg -x "$p" "$root"; done
        rm -rf "$root/apt"
}
lib=$root/usr/lib/aarch64-linux-gnu
[ -e "$lib/libprotobuf-c.a" ] || fetch_protobuf || skip "Arm's libprotobuf-c-dev could not be fetched"

# as nn/local.mk and nn/kernels/local.mk have it; sources VARIABLE FILE: the .c files that stand there
sources() {
        sed -n "/^$1 = /{:more; /\\\\\$/{N; b more}; s/\\\\\\n//g; p}" "$2" | tr -s ' \t' '\n' | grep '\.c$'
}
cc() {
        aarch64-linux-gnu-gcc -std=gnu11 -O2 -DNDEBUG -D_GNU_SOURCE -I. -I"$build" -I"$build/nn" -I"$root/usr/include" \
                -include config.h "$@"
}
compile() { # compile NAME FLAGS... -- SOURCES
        local name=$1 flags=() s
        shift
        while [ "$1" != -- ]; do flags+=("$1") && shift; done
        shift
        for s; do cc "${flags[@]}" -c "$s" -o "$out/$name-$(basename "$s" .c).o"; done
}
kernels=nn/kernels/local.mk
# shellcheck disable=SC2046
{
        compile portable -DNN_SIMD_PORTABLE -- $(sources nn_simd_sources $kernels) nn/kernels/int8-tile.c
        compile neon -DNN_SIMD_NEON -- $(sources nn_simd_sources $kernels) $(sources nn_warp_sources $kernels) \
                nn/kernels/int8-tile.c
        compile dot -DNN_SIMD_NEON -DNN_SIMD_DOT -march=armv8.2-a+dotprod -- nn/kernels/int8-tile.c
        compile any -- $(sources libnnkernels_la_SOURCES $kernels) $(sources libnnisa_la_SOURCES $kernels) \
                $(sources libnn_la_SOURCES nn/local.mk) $(sources libnnimage_la_SOURCES nn/local.mk) basic/replace-file.c \
                "$build/nn/onnx.pb-c.c" tests/bench/some-passes.c
}
aarch64-linux-gnu-gcc -static "$out"/*.o -o "$out/passes" "$lib/libprotobuf-c.a" -lm -lpthread
gcc -O2 -shared -fPIC tests/bench/count-instructions.c -o "$out/count.so"

# count CPU MODEL N: instructions of loading, planning and N passes
count() {
        qemu-aarch64 -cpu "$1" -plugin "$out/count.so" "$out/passes" "$2" "$3" 256 2>&1 >/dev/null |
                sed -n 's/^instructions //p'
}
[ $# -gt 0 ] || set -- models/*.onnx
echo "| network | million instructions a pass, with dot products of bytes | without |"
echo "|---|---|---|"
for model; do
        row=
        for cpu in max,sve=off cortex-a53; do
                one=$(count $cpu "$model" 1) three=$(count $cpu "$model" 3)
                row+=" $(awk -v a="$one" -v b="$three" 'BEGIN { printf "%.2f", (b - a) / 2e6 }') |"
        done
        echo "| $(basename "$model" .onnx) |$row"
done
