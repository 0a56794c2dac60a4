#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# emotion-nn blend: the ends are the networks themselves, what lies between differs from both, classes are weighed, answers
# calibrated; and what it refuses.
tool=$EMO_BUILDDIR/emotion-nn
first=$EMO_SRCDIR/recipes/teachers/tiny-first.onnx
second=$EMO_SRCDIR/recipes/teachers/tiny-second.onnx
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
refuses() { # WORDS COMMAND...: fails and says WORDS
        words=$1
        shift
        ! "$@" >"$work/said" 2>&1 && grep -q -- "$words" "$work/said"
}
table() { "$tool" eval "$1" --data "$work/blobs.csv" --json >"$2"; }
same() { table "$1" "$work/a.json" && table "$2" "$work/b.json" && cmp "$work/a.json" "$work/b.json"; }
# how often class $2 is given in what eval says of model $1
given() {
        table "$1" "$work/g.json" &&
                python3 -c 'import json,sys; print(sum(r[int(sys.argv[2])] for r in json.load(open(sys.argv[1]))["confusion"]))' \
                        "$work/g.json" "$2"
}
ece() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["loss"])' "$1"; }

# blobs on a slope, in FER2013's form
awk 'BEGIN { srand(7); print "emotion,pixels,Usage"
        for (i = 0; i < 60; i++) {
                x = 48 * rand(); y = 48 * rand(); r = 30 + 200 * rand(); s = ""
                for (p = 0; p < 2304; p++) {
                        u = p % 48; v = int(p / 48); d = (u - x) ^ 2 + (v - y) ^ 2
                        s = s (p ? " " : "") int(2 * u + v + 110 * exp(-d / r) + 8 * rand())
                }
                print i % 7 "," s ",PublicTest"
        } }' >"$work/blobs.csv"

check "nothing of the second" "$tool" blend "$first" "$second" --share 0 -o "$work/0.onnx"
check "is the first" same "$first" "$work/0.onnx"
check "all of the second" "$tool" blend "$first" "$second" --share 1 -o "$work/1.onnx"
check "is the second" same "$second" "$work/1.onnx"
check "half of each" "$tool" blend "$first" "$second" --share 0.5 -o "$work/half.onnx"
check "is not the first" refuses "" same "$first" "$work/half.onnx"
check "nor the second" refuses "" same "$second" "$work/half.onnx"
"$tool" show "$first" | grep '^emotiond\.' >"$work/metadata"
"$tool" show "$work/half.onnx" | grep '^emotiond\.' >"$work/metadata-half"
check "metadata is the first's" cmp "$work/metadata" "$work/metadata-half"

check "a class is weighed" "$tool" blend "$first" "$first" --share 0 --weigh fear=100,neutral=0.01 -o "$work/fear.onnx"
check "and is given more often" test "$(given "$work/fear.onnx" 2)" -gt "$(given "$first" 2)"
check "calibration" "$tool" blend "$first" "$second" --share 0.5 --data "$work/blobs.csv" -o "$work/cool.onnx"
cp "$work/out" "$work/cool.txt"
check "says the temperature" grep -q '^temperature [0-9.]* by 60 rows$' "$work/cool.txt"
table "$work/half.onnx" "$work/before.json"
table "$work/cool.onnx" "$work/after.json"
check "lowers the loss" test "$(ece "$work/after.json" | cut -c1-5 | tr -d .)" -lt "$(ece "$work/before.json" | cut -c1-5 | tr -d .)"

check "a class that the model lacks" refuses '"joy=2" is not CLASS=FACTOR' \
        "$tool" blend "$first" "$second" --share 0.5 --weigh joy=2 -o "$work/x.onnx"
check "a factor out of range" refuses "weigh" "$tool" blend "$first" "$second" --share 0.5 --weigh fear=0 -o "$work/x.onnx"
check "a share out of range" refuses "share" "$tool" blend "$first" "$second" --share 1.5 -o "$work/x.onnx"
check "no share" refuses "are needed" "$tool" blend "$first" "$second" -o "$work/x.onnx"
check "networks of other layers" refuses "other layers\|not what it is" \
        "$tool" blend "$first" "$EMO_SRCDIR/models/emotion-default.onnx" --share 0.5 -o "$work/x.onnx"
check "a file that is none" refuses "$0" "$tool" blend "$first" "$0" --share 0.5 -o "$work/x.onnx"
check "weights of what is no classifier" refuses "not CLASS=FACTOR" "$tool" blend "$EMO_SRCDIR/models/landmarks.onnx" \
        "$EMO_SRCDIR/models/landmarks.onnx" --share 0.5 --weigh fear=2 -o "$work/x.onnx"
check "nothing was written" test ! -e "$work/x.onnx"

# one row, with the label that the network gives: no temperature is the best
for label in 0 1 2 3 4 5 6; do
        sed -n "1p; 2s/^[0-9]/$label/p" "$work/blobs.csv" >"$work/one-$label.csv"
        "$tool" blend "$first" "$second" --share 0 --data "$work/one-$label.csv" -o "$work/y.onnx" >>"$work/temperatures" 2>&1
done
check "all rows right: no temperature" test "$(grep -c 'no temperature exists' "$work/temperatures")" = 1
check "one wrong row has one" test "$(grep -c '^temperature' "$work/temperatures")" = 6

# eight classes, of which the model knows seven
{
        echo "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
        awk 'BEGIN { for (i = 0; i < 60; i++) print "PublicTest,x.png,0,9,0,0,0,0,0,1,0,0" }'
} >"$work/votes.csv"
check "labels by the votes" "$tool" blend "$first" "$second" --share 0.5 --data "$work/blobs.csv" --ferplus "$work/votes.csv" \
        --majority -o "$work/v.onnx"

echo "1..$n"
exit $failed
