#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/examples/classify.c compiles against header, library and pkg-config file as they are installed, and runs.
echo 1..3
library=$EMO_BUILDDIR/.libs/libemotion-nn.so
skip() {
        for i in 1 2 3; do echo "ok $i # SKIP $1"; done
        exit 0
}
[ -e "$library" ] || skip "no shared library was built"
! nm -D "$library" | grep -q -E '__(asan|tsan|ubsan)_' || skip "the library needs a sanitizer's runtime"
command -v pkg-config > /dev/null || skip "no pkg-config"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/include" "$work/lib"
cp "$EMO_SRCDIR/nn/emotion-nn.h" "$work/include"
cp -P "$library"* "$work/lib"

ok() {
        if [ "$2" = 0 ]; then echo "ok $1 - $3"; else echo "not ok $1 - $3"; fi
}
flags=$(PKG_CONFIG_PATH=$EMO_BUILDDIR/nn pkg-config --define-variable=prefix="$work" \
        --define-variable=includedir="$work/include" --define-variable=libdir="$work/lib" --cflags --libs emotion-nn)
# shellcheck disable=SC2086
${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -o "$work/classify" "$EMO_SRCDIR/docs/examples/classify.c" $flags -lm
ok 1 $? "the example compiles"

{ printf 'P5\n48 48\n255\n'; awk 'BEGIN { for (i = 0; i < 2304; i++) printf "%c", 33 + (i * 7 + i / 48) % 90 }'; } > "$work/p.pgm"
LD_LIBRARY_PATH=$work/lib "$work/classify" "$EMO_SRCDIR/models/emotion-default.onnx" "$work/p.pgm" > "$work/out"
sed 's/^/# /' "$work/out"
awk '{ n++; sum += $2 } END { exit !(n == 7 && sum > 0.99 && sum < 1.01 && $1 == "neutral") }' "$work/out"
ok 2 $? "it names seven classes, whose shares sum to one"
LD_LIBRARY_PATH=$work/lib "$work/classify" "$work/p.pgm" "$work/p.pgm" 2> "$work/error"
[ $? = 1 ] && grep -q "p.pgm: " "$work/error"
ok 3 $? "it says what is wrong with a file that is no model"
