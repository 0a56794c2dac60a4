#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The kernels on an instruction set that this machine lacks: compiled for 64-bit Arm (NEON, with and without the dot
# product) and run against their naive twins by qemu. Not among the tests of `make check`, for it wants a compiler of
# another architecture (Debian: gcc-aarch64-linux-gnu qemu-user-static); scripts/test runs it.
# Usage: tests/unit/kernels-aarch64.sh [BUILD [ROOT]]
#   BUILD: a configured build folder (config.h), "build" unless given
#   ROOT: a folder with Arm's cmocka; unless given, its two packages are fetched by apt into BUILD/arm64, which leaves
#         the machine's own list of packages as it is
# Exit status: 0 right, 1 not, 77 where something is missing (the last line says what)
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build} out=$(mktemp -d)
root=${2:-$build/arm64}
trap 'rm -rf "$out"' EXIT
skip() {
        echo "$1"
        exit 77
}
command -v aarch64-linux-gnu-gcc >/dev/null || skip "the Debian package gcc-aarch64-linux-gnu is needed"
command -v qemu-aarch64-static >/dev/null || skip "the Debian package qemu-user-static is needed"
[ -f "$build/config.h" ] || skip "$build is no configured build folder"
lib=$root/usr/lib/aarch64-linux-gnu

# apt with lists, cache and status of its own, as if this were an Arm machine without any package
fetch_cmocka() {
        local apt
        mkdir -p "$root/apt/state/lists/partial" "$root/apt/cache/archives/partial"
        : >"$root/apt/status"
        apt=$(cd "$root/apt" && pwd)
        apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State=$apt/state"
                -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=)
        "${apt[@]}" update && (cd "$root/apt" && "${apt[@]}" download libcmocka-dev libcmocka0) || return 1
        for p in "$root"/apt/libcmocka*.deb; do dpkg -x "$p" "$root"; done
        rm -rf "$root/apt"
}
[ -e "$lib/libcmocka.so" ] || fetch_cmocka || skip "Arm's libcmocka-dev could not be fetched"

cc() { aarch64-linux-gnu-gcc -std=gnu11 -O2 -D_GNU_SOURCE -I. -I"$build" -I"$root/usr/include" "$@"; }

# compile NAME SOURCES FLAGS...: as nn/kernels/local.mk does for each of its libraries
compile() {
        local name=$1 sources=$2 s
        shift 2
        for s in $sources; do cc "$@" -c "nn/kernels/$s.c" -o "$out/$name-$s.o"; done
}
# sources VARIABLE: the files that nn/kernels/local.mk lists there, on one line or on several
sources() {
        sed -n "/^$1 = /{:more; /\\\\\$/{N; b more}; s/\\\\\\n//g; p}" nn/kernels/local.mk | tr -s ' \t' '\n' |
                sed -n 's|^nn/kernels/\([a-z0-9-]*\)\.c$|\1|p'
}
simd=$(sources nn_simd_sources)
compile portable "$simd int8-tile" -DNN_SIMD_PORTABLE
compile neon "$simd int8-tile $(sources nn_warp_sources)" -DNN_SIMD_NEON
compile dot int8-tile -DNN_SIMD_NEON -DNN_SIMD_DOT -march=armv8.2-a+dotprod
compile any "$(sources libnnkernels_la_SOURCES) $(sources libnnisa_la_SOURCES)"
for s in pool image; do cc -c "nn/$s.c" -o "$out/$s.o"; done

for t in kernels-vec kernels-pool kernels-fc kernels-conv kernels-int8 image; do
        cc "tests/unit/test-$t.c" "$out"/*.o -o "$out/test" -L"$lib" -lcmocka -lm -lpthread
        qemu-aarch64-static -cpu max,sve=off -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$lib" "$out/test"
done
