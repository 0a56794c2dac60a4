#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# emotion-nn's commands around data, from the outside: eval, data, plot, meanfaces, clip.
. "${EMO_SRCDIR:-.}/tests/unit/tap.sh"
models=${EMO_SRCDIR:-.}/models
has() { grep -q -- "$1" "$2"; ok $? "$3"; }

awk 'BEGIN {
        srand(5)
        print "emotion,pixels,Usage"
        for (i = 0; i < 70; i++) {
                line = ""
                for (p = 0; p < 2304; p++)
                        line = line (p ? " " : "") int(rand() * 90) + (int(p / 330) == i % 7 ? 120 : 0)
                print i % 7 "," line "," (i < 49 ? "Training" : "PublicTest")
        }
}' > "$dir/set.csv"

works "eval: table" "$tool" eval "$models/emotion-default.onnx" --data "$dir/set.csv"
has '^accuracy .* of 70' "$dir/out" "eval: all rows"
works "eval: JSON" "$tool" eval "$models/emotion-default.onnx" --data "$dir/set.csv" --usage PublicTest --json \
        --svg "$dir/confusion.svg"
python3 - "$dir/out" "$dir/confusion.svg" <<'END'
import json, sys, xml.dom.minidom
o = json.load(open(sys.argv[1]))
assert o["count"] == 21 and 0 <= o["accuracy"] <= 1
assert o["labels"] == "anger disgust fear happiness sadness surprise neutral".split()
assert sum(map(sum, o["confusion"])) == 21 and all(sum(row) == 3 for row in o["confusion"])
assert abs(o["accuracy"] - sum(o["confusion"][i][i] for i in range(7)) / 21) < 1e-9
assert len(o["recall"]) == len(o["f1"]) == len(o["precision"]) == 7 and 0 <= o["ece"] <= 1 and o["loss"] > 0
xml.dom.minidom.parse(sys.argv[2])
END
ok $? "eval: one JSON object, one picture"
if [ -c /dev/full ]; then
        "$tool" eval "$models/emotion-default.onnx" --data "$dir/set.csv" --json > /dev/full 2> "$dir/err"
        [ $? -eq 1 ] && grep -q "standard output: No space left" "$dir/err"
        ok $? "eval: a full disk is no success"
else
        n=$((n + 1))
        echo "ok $n # SKIP no /dev/full"
fi
"$tool" data "$dir/set.csv" --svg "$dir/counts.svg" > "$dir/out" && (ulimit -f 0; trap '' XFSZ
        "$tool" data "$dir/set.csv" --svg "$dir/counts.svg" > /dev/null 2>&1) ; [ $? -eq 1 ] && tail -c 8 "$dir/counts.svg" | grep -q '</svg>'
ok $? "a picture that cannot be written leaves the old one"
python3 - "$dir/set.csv" > "$dir/mirrored.csv" <<'END'
import sys
for i, line in enumerate(open(sys.argv[1])):
    label, pixels, usage = line.rstrip().split(",")
    p = pixels.split()
    print(label, pixels if i == 0 else " ".join(" ".join(p[y:y + 48][::-1]) for y in range(0, 2304, 48)), usage, sep=",")
END
for mirror in "" --mirror; do
        for set in set mirrored; do
                "$tool" eval "$models/emotion-default.onnx" --data "$dir/$set.csv" $mirror --json
        done
done > "$dir/evals"
python3 - "$dir/evals" <<'END'
import json, sys
plain, mirrored, both, both_mirrored = (json.loads(line)["loss"] for line in open(sys.argv[1]))
assert abs(plain - mirrored) > 1e-4 and abs(both - both_mirrored) < 1e-5 and abs(both - plain) > 1e-5
END
ok $? "eval: with --mirror a set is worth as much as its mirror image"
refused "eval: a model that is none" "set.csv" "$tool" eval "$dir/set.csv" --data "$dir/set.csv"
refused "eval: no data" "none.csv" "$tool" eval "$models/emotion-default.onnx" --data "$dir/none.csv"
refused "eval: unknown usage" "Sunday" "$tool" eval "$models/emotion-default.onnx" --data "$dir/set.csv" --usage Sunday
refused "eval: no row" "no row" "$tool" eval "$models/emotion-default.onnx" --data "$dir/set.csv" --usage PrivateTest
head -c 20000 "$dir/set.csv" > "$dir/cut.csv"
refused "eval: a cut file, with its line" "cut.csv:[0-9]*:" "$tool" eval "$models/emotion-default.onnx" --data "$dir/cut.csv"

works "data: counts" "$tool" data "$dir/set.csv" --svg "$dir/bars.svg" --sheet "$dir/sheet.png"
has '^disgust *7 *3 *10$' "$dir/out" "data: by class and usage"
python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1]); assert open(sys.argv[2], "rb").read(4) == b"\x89PNG"' \
        "$dir/bars.svg" "$dir/sheet.png"
ok $? "data: pictures"

works "plot: curves" "$tool" plot "$models/emotion-default.csv" "$models/emotion-default.csv" -o "$dir/curves.svg"
has '<polyline' "$dir/curves.svg" "plot: lines"
printf 'epoch,valid_loss\n1,nan\n2,\n3,inf\n' > "$dir/nan.csv"
works "plot: not a number" "$tool" plot "$dir/nan.csv" -o "$dir/nan.svg"
! grep -qi 'nan,\|,nan\|inf' "$dir/nan.svg"
ok $? "plot: leaves it out"
{
        echo "epoch,valid_loss"
        seq 1 50000 | sed 's/\(.*\)/\1,\1/'
} > "$dir/long.csv"
works "plot: a long log" "$tool" plot "$dir/long.csv" -o "$dir/long.svg"
python3 - "$dir/long.svg" <<'END'
import re, sys
text = open(sys.argv[1]).read()
line = max(re.findall(r'points="([^"]*)"', text), key=len).split()
ends = [[float(v) for v in p.split(",")] for p in (line[0], line[-1])]
assert len(text) < 100000 and len(line) < 5000, len(text)
assert ends[1][0] - ends[0][0] > 300 and abs(ends[1][1] - ends[0][1]) > 100, ends  # from one corner to the other
END
ok $? "plot: points that nobody can tell apart are one, and the last is there"
printf 'epoch,valid_loss\n1,0.5\n2\n' > "$dir/short.csv"
refused "plot: a cut log" "short.csv:3:" "$tool" plot "$dir/short.csv" -o "$dir/x.svg"
refused "plot: something else" "epoch" "$tool" plot "$dir/set.csv" "$0" -o "$dir/x.svg"

works "meanfaces" "$tool" meanfaces --data "$dir/set.csv" -o "$dir/strip.png" --size 48 --passes 1
has '^neutral *[1-7] pictures' "$dir/out" "meanfaces: from the Training rows"
works "clip" "$tool" clip "$dir/strip.png" -o "$dir/clip.avi" --truth "$dir/truth.csv" --order anger,fear --hold 0.2 \
        --morph 0.1 --fps 10 --width 160 --height 120 --face 80
[ "$(wc -l < "$dir/truth.csv")" -eq 7 ] && [ "$(head -c 4 "$dir/clip.avi")" = RIFF ]
ok $? "clip: as many frames as the truth tells of"
refused "clip: unknown label" "boredom" "$tool" clip "$dir/strip.png" -o "$dir/x.avi" --order boredom
refused "clip: not a strip" "x.avi\|set.csv" "$tool" clip "$dir/set.csv" -o "$dir/x.avi"
refused "clip: a face larger than the picture" "fit" "$tool" clip "$dir/strip.png" -o "$dir/x.avi" --face 500
refused "clip: nan" "hold" "$tool" clip "$dir/strip.png" -o "$dir/x.avi" --hold nan

echo "1..$n"
exit $status
