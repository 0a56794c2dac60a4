#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# ONNX's own test cases, where they are: Debian's package libonnx-testdata, and an archive of the converted ones.
program=$EMO_BUILDDIR/tests/conformance/test-onnx-cases
debian=/usr/share/libonnx-testdata/data
archive=$EMO_SHARED/data/onnx-cases.tar.xz
dirs=
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

for d in node simple pytorch-converted pytorch-operator; do
        [ -d "$debian/$d" ] && dirs="$dirs $debian/$d"
done
if [ -r "$archive" ]; then
        tar -C "$work" -xf "$archive" || exit 1
        for d in "$work"/*/; do
                # the same cases as Debian's, where both are here
                [ -d "$debian/$(basename "$d")" ] || dirs="$dirs ${d%/}"
        done
fi
if [ -z "$dirs" ]; then
        echo "1..0 # SKIP neither libonnx-testdata nor onnx-cases.tar.xz is here"
        exit 0
fi
# shellcheck disable=SC2086
"$program" $dirs
