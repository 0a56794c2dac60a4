#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The kernels on an instruction set that this machine lacks: compiled for 64-bit Arm (NEON, with and without the dot
# product) and run against their naive twins by qemu. Not among the tests of `make check`, for it wants packages of
# another architecture:
#       dpkg --add-architecture arm64 && apt-get update
#       apt-get install gcc-aarch64-linux-gnu qemu-user-static && apt-get download libcmocka-dev:arm64 libcmocka0:arm64
#       for p in libcmocka*arm64.deb; do dpkg -x $p root; done
# Usage, from the top of the source: tests/unit/kernels-aarch64.sh ROOT [BUILD]
#   ROOT: where the Arm cmocka lies; BUILD: a configured build folder (config.h), "build" unless given
set -eu
root=$1 build=${2:-build} out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
lib=$root/usr/lib/aarch64-linux-gnu
cc() { aarch64-linux-gnu-gcc -std=gnu11 -O2 -D_GNU_SOURCE -I. -I"$build" -I"$root/usr/include" "$@"; }

# compile NAME SOURCES FLAGS...: as nn/kernels/local.mk does for each of its libraries
compile() {
        local name=$1 sources=$2 s
        shift 2
        for s in $sources; do cc "$@" -c "nn/kernels/$s.c" -o "$out/$name-$s.o"; done
}
simd="depthwise lrn map panel tile vec winograd"
compile portable "$simd int8-tile" -DNN_SIMD_PORTABLE
compile neon "$simd int8-tile" -DNN_SIMD_NEON
compile dot int8-tile -DNN_SIMD_NEON -DNN_SIMD_DOT -march=armv8.2-a+dotprod
compile any "conv conv-depthwise conv-direct conv-winograd fc gemm int8 int8-conv int8-fc isa kernels ops"
cc -c nn/pool.c -o "$out/pool.o"

for t in vec pool fc conv int8; do
        cc "tests/unit/test-kernels-$t.c" "$out"/*.o -o "$out/test" -L"$lib" -lcmocka -lm -lpthread
        qemu-aarch64-static -cpu max,sve=off -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$lib" "$out/test"
done
