#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# emotion-nn quantize on the shipped model: what it writes, what it keeps, what it refuses; with real pictures also how
# well the result tells expressions.
tool=$EMO_BUILDDIR/emotion-nn
model=$EMO_SRCDIR/models/emotion-default.onnx
n=0
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

check() { # NAME COMMAND...: succeeds
        name=$1
        shift
        n=$((n + 1))
        if "$@" >"$work/out" 2>"$work/err"; then
                echo "ok $n - $name"
        else
                echo "not ok $n - $name"
                sed 's/^/# /' "$work/out" "$work/err"
                failed=1
        fi
}
refuses() { ! "$@"; }
plan_has() { [ "$("$tool" show --plan "$1" | grep -c "$2")" = "$3" ]; }
smaller() { [ "$(($(wc -c <"$1") * $3))" -lt "$(($(wc -c <"$2") * 100))" ]; }

# blobs on a slope, in FER2013's form
awk 'BEGIN { srand(7); print "emotion,pixels,Usage"
        for (i = 0; i < 40; i++) {
                x = 48 * rand(); y = 48 * rand(); r = 30 + 200 * rand(); s = ""
                for (p = 0; p < 2304; p++) {
                        u = p % 48; v = int(p / 48); d = (u - x) ^ 2 + (v - y) ^ 2
                        s = s (p ? " " : "") int(2 * u + v + 110 * exp(-d / r) + 8 * rand())
                }
                print i % 7 "," s "," (i % 5 ? "Training" : "PublicTest")
        } }' >"$work/blobs.csv"

check "quantize" "$tool" quantize "$model" --data "$work/blobs.csv" -o "$work/q.onnx"
check "all convolutions run on bytes" plan_has "$work/q.onnx" "Conv .* int8" 14
check "nothing but the input is quantised at run time" plan_has "$work/q.onnx" QuantizeLinear 1
check "a third of the size at most" smaller "$work/q.onnx" "$model" 300
"$tool" show "$model" | grep '^emotiond\.' >"$work/metadata"
"$tool" show "$work/q.onnx" | grep '^emotiond\.' >"$work/metadata-q"
check "metadata is kept" cmp "$work/metadata" "$work/metadata-q"
check "the same file again" "$tool" quantize "$model" --data "$work/blobs.csv" -o "$work/q2.onnx"
check "which is equal" cmp "$work/q.onnx" "$work/q2.onnx"
check "minmax" "$tool" quantize "$model" --data "$work/blobs.csv" --method minmax --rows 8 -o "$work/m.onnx"
check "it evaluates" "$tool" eval "$work/m.onnx" --data "$work/blobs.csv" --json
check "no layer is large enough for weights only" refuses "$tool" quantize "$model" --weights-only -o "$work/w.onnx"
check "no pictures" refuses "$tool" quantize "$model" -o "$work/w.onnx"
check "an unknown method" refuses "$tool" quantize "$model" --data "$work/blobs.csv" --method x -o "$work/w.onnx"
check "pictures that are none" refuses "$tool" quantize "$model" --data "$0" -o "$work/w.onnx"
check "a place that is none" refuses "$tool" quantize "$model" --data "$work/blobs.csv" -o "$work/none/w.onnx"
check "nothing was written" test ! -e "$work/w.onnx"
sed -n '1p; /PublicTest$/p' "$work/blobs.csv" >"$work/public.csv"
check "only Training rows are used" refuses "$tool" quantize "$model" --data "$work/public.csv" -o "$work/w.onnx"
# Debian's test data alone make a package that is empty
if python3 -c 'from onnx import checker' 2>/dev/null; then
        check "the onnx package finds it sound" python3 -c '
import onnx, sys
m = onnx.load(sys.argv[1])
onnx.checker.check_model(m, full_check=True)' "$work/q.onnx"
fi

echo "1..$n"
exit $failed
