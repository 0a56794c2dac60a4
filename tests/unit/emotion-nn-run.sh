#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# emotion-nn run: tensors in and out, comparison, and what it says of nonsense.
tool=$EMO_BUILDDIR/emotion-nn
case=/usr/share/libonnx-testdata/data/node/test_softmax_axis_1
n=0
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

check() { # NAME STATUS COMMAND...: the exit status is as expected
        name=$1 wanted=$2
        shift 2
        n=$((n + 1))
        "$@" >"$work/out" 2>"$work/err"
        status=$?
        if [ $status = "$wanted" ]; then
                echo "ok $n - $name"
        else
                echo "not ok $n - $name: exit status $status"
                sed 's/^/# /' "$work/err"
                failed=1
        fi
}

if [ ! -d $case ]; then
        echo "1..0 # SKIP libonnx-testdata is not here"
        exit 0
fi
data=$case/test_data_set_0
check "the expected output" 0 "$tool" run $case/model.onnx --input x=$data/input_0.pb --expect y=$data/output_0.pb \
        --output-dir "$work/o"
check "the output is written" 0 test -s "$work/o/y.npy"
check "a difference is told" 1 "$tool" run $case/model.onnx --input x=$data/output_0.pb --expect y=$data/output_0.pb
check "what was written is read" 0 "$tool" run $case/model.onnx --input "x=$work/o/y.npy"
check "an unknown input" 1 "$tool" run $case/model.onnx --input z=$data/input_0.pb
check "a tensor that is none" 1 "$tool" run $case/model.onnx --input x="$0"
check "a model that is none" 1 "$tool" run "$0"
check "a folder as a model" 1 "$tool" show /tmp
check "show" 0 "$tool" show $case/model.onnx --plan
check "bench" 0 "$tool" bench $case/model.onnx --seconds 0 --json
cp "$work/out" "$work/json"
check "the keys of bench" 0 python3 -c '
import json, sys
(a,) = json.load(open(sys.argv[1]))
assert set(a) == set("model batch threads median_us min_us gflops load_ms peak_kb".split()), a' "$work/json"
echo "1..$n"
exit $failed
