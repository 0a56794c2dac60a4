#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# emotion-nn adopt: what it writes, what --check finds out, what it refuses; and --shape of show and bench.
tool=$EMO_BUILDDIR/emotion-nn
model=$EMO_SRCDIR/recipes/teachers/tiny-first.onnx
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
metadata() { "$tool" show "$1" | grep '^emotiond\.'; }
seven=anger,disgust,fear,happiness,sadness,surprise,neutral
own=$(metadata "$model" | sed -n 's/^emotiond.normalisation = //p')

check "labels as people write them" "$tool" adopt "$model" -o "$work/a.onnx" --normalisation 0.5/0.25 --name "a name" \
        --labels "Angry, disgusted,FEAR,happy,5=sad,surprised,neutral"
metadata "$work/a.onnx" >"$work/metadata"
for line in "labels = $seven" "layout = nchw" "channels = gray" "size = 48x48" "normalisation = 0.5/0.25" "name = a name"; do
        check "$line" grep -qx "emotiond.$line" "$work/metadata"
done
check "each key once" test "$(sort "$work/metadata" | sed 's/ = .*//' | uniq -d)" = ""
"$tool" show "$model" | grep -v '^emotiond\.' >"$work/graph"
"$tool" show "$work/a.onnx" | grep -v '^emotiond\.' | cmp - "$work/graph"
check "the graph is as it was" test $? = 0
check "in its own place" "$tool" adopt "$work/a.onnx" -o "$work/a.onnx" --normalisation unit
check "once more" test "$(metadata "$work/a.onnx" | grep -c normalisation)" = 1

# pictures, of which the network itself says what they show
awk 'BEGIN { srand(7); for (i = 0; i < 24; i++) {
                x = 48 * rand(); y = 48 * rand(); r = 30 + 200 * rand(); s = ""
                for (p = 0; p < 2304; p++) {
                        u = p % 48; v = int(p / 48); d = (u - x) ^ 2 + (v - y) ^ 2
                        s = s (p ? " " : "") int(2 * u + v + 110 * exp(-d / r) + 8 * rand())
                }
                print s ",PublicTest"
        } }' >"$work/pictures"
echo "emotion,pixels,Usage" >"$work/set.csv"
while read -r line; do
        printf 'emotion,pixels,Usage\n0,%s\n' "$line" >"$work/one.csv"
        label=$("$tool" eval "$model" --data "$work/one.csv" |
                awk '$1 == "anger" { for (i = 2; i <= 8; i++) if ($i == 1) print i - 2 }')
        echo "$label,$line" >>"$work/set.csv"
done <"$work/pictures"

check "the right normalisation is found" "$tool" adopt "$model" -o "$work/b.onnx" --check "$work/set.csv"
check "and written" grep -qx "emotiond.normalisation = $own" <<END
$(metadata "$work/b.onnx")
END
check "a wrong one is written as is said" "$tool" adopt "$model" -o "$work/c.onnx" --normalisation none --check "$work/set.csv"
cp "$work/err" "$work/warning"
check "but the better one is named" grep -q "$own is clearly better than none" "$work/warning"
check "the right one is not doubted" "$tool" adopt "$model" -o "$work/c.onnx" --normalisation "$own" --check "$work/set.csv"
check "in silence" test ! -s "$work/err"
"$tool" adopt "$model" -o "$work/d.onnx" --normalisation "$own" --check "$work/set.csv" \
        --labels neutral,anger,disgust,fear,happy,sad,surprise >/dev/null 2>"$work/warning"
check "labels in a wrong order are suspected" grep -q "in the right order" "$work/warning"

check "two names for one class" refuses "'happiness' twice" "$tool" adopt "$model" -o "$work/x.onnx" \
        --labels angry,happy,joy,fear,sad,surprise,neutral
check "a label that is no word" refuses "cannot be used" "$tool" adopt "$model" -o "$work/x.onnx" \
        --labels "angry,happy or so,disgust,fear,sad,surprise,neutral"
check "too few labels" refuses "3 labels for 7 outputs" "$tool" adopt "$model" -o "$work/x.onnx" --labels angry,happy,sad
check "a wrong kind of answers" refuses "its answers are" "$tool" adopt "$model" -o "$work/x.onnx" \
        --answers "$(metadata "$model" | grep -q logits && echo probabilities || echo logits)"
check "an unknown normalisation" refuses "normalisation 'sepia'" "$tool" adopt "$model" -o "$work/x.onnx" --normalisation sepia
check "a wrong size" refuses "the input is 48x48" "$tool" adopt "$model" -o "$work/x.onnx" --size 64x64
check "colours of one channel" refuses "one channel" "$tool" adopt "$model" -o "$work/x.onnx" --channels rgb
check "what is no classifier" refuses "output" "$tool" adopt "$EMO_SRCDIR/models/landmarks.onnx" -o "$work/x.onnx" \
        --labels "$seven" --normalisation unit
check "a file that is none" refuses "$0" "$tool" adopt "$0" -o "$work/x.onnx"
check "nothing was written" test ! -e "$work/x.onnx"

detector=$EMO_SRCDIR/models/detect.onnx
input=$("$tool" show "$detector" | sed -n 's/^input  \([^ ]*\) .*/\1/p')
check "--shape" "$tool" show "$detector" --shape "$input=1x1x64x96"
cp "$work/out" "$work/shapes"
check "is the one that is planned" grep -q "^output cls_8 float32 1x1x8x12$" "$work/shapes"
check "--shape of bench" "$tool" bench "$detector" --shape "$input=1x1x64x96" --seconds 0.01
check "a shape that is none" refuses "is not NAME=SHAPE" "$tool" show "$detector" --shape "$input=1x-1x64x96"
check "an input that is none" refuses "no input 'nothing'" "$tool" show "$detector" --shape nothing=1x1x64x96

# what is measured goes into the file: the network is always right by its own labels
cp "$work/b.onnx" "$work/e.onnx"
present=$(cut -d, -f1 "$work/set.csv" | sort -un | wc -l)
if [ "$present" = 8 ]; then # a header and seven classes
        check "eval --write" "$tool" eval "$work/e.onnx" --data "$work/set.csv" --write --confidence 0
        metadata "$work/e.onnx" >"$work/metadata"
        check "accuracy" grep -qx "emotiond.accuracy = 1.0000" "$work/metadata"
        check "a row of decisions for each label" grep -q "^emotiond.decisions = [0-9]*,0,0,0,0,0,0,0;0,[0-9]*,0,0,0" "$work/metadata"
        check "all unsure" "$tool" eval "$work/e.onnx" --data "$work/set.csv" --write --confidence 1
        metadata "$work/e.onnx" >"$work/metadata"
        check "are in the last column" grep -q "^emotiond.decisions = 0,0,0,0,0,0,0,[0-9]*;0,0,0" "$work/metadata"
else
        check "a class without rows" refuses "no row of" "$tool" eval "$work/e.onnx" --data "$work/set.csv" --write
fi
check "--write of what is no classifier" refuses "for classifiers only" "$tool" eval "$EMO_SRCDIR/models/landmarks.onnx" \
        --data "$work/set.csv" --write

echo "1..$n"
exit $failed
