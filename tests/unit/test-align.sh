#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# emotion-nn align on faces of two dots: they are carried to where the template has the eyes, and a network that is
# trained on them says so.
. "${EMO_SRCDIR:-.}/tests/unit/tap.sh"

"${EMO_BUILDDIR:-.}/tests/unit/write-landmarks" "$dir/landmarks.onnx" || exit 1

# 28 rows: faces that are turned and shifted more and more; every seventh picture is black
awk 'BEGIN {
        print "emotion,pixels,Usage"
        for (i = 0; i < 28; i++) {
                roll = (i - 14) * 0.03; dx = i % 3 - 1; dy = i % 4 - 1.5; line = ""
                for (y = 0; y < 48; y++)
                        for (x = 0; x < 48; x++) {
                                v = 0
                                for (s = -1; s <= 1 && i % 7 != 6; s += 2) {
                                        u = s * 8.75; w = -6.03
                                        ex = 23.5 + dx + cos(roll) * u - sin(roll) * w
                                        ey = 23.5 + dy + sin(roll) * u + cos(roll) * w
                                        d = 3.4 + 0.5 - sqrt((x - ex) * (x - ex) + (y - ey) * (y - ey))
                                        d = d < 0 ? 0 : d > 1 ? 1 : d
                                        v = v > d * 255 ? v : d * 255
                                }
                                line = line (x + y ? " " : "") int(v)
                        }
                print i % 7 "," line "," (i < 20 ? "Training" : "PublicTest")
        }
}' > "$dir/set.csv"

# the centres of gravity of the two halves of each aligned picture, from the top left corner in shares of the side
cat > "$dir/check.py" <<'END'
import sys
rows = open(sys.argv[1]).read().split("\n")[1:-1]
before = open(sys.argv[2]).read().split("\n")[1:-1]
assert len(rows) == int(sys.argv[3]), len(rows)
worst = 0
for row in rows:
    label, pixels, usage = row.split(",")
    p = [int(v) for v in pixels.split()]
    assert len(p) == 2304 and usage in ("Training", "PublicTest")
    if not any(p):
        continue
    for side, want in ((0, 0.308), (24, 0.692)):
        mass = sum(p[y * 48 + x] for y in range(48) for x in range(side, side + 24))
        cx = sum((x + 0.5) * p[y * 48 + x] for y in range(48) for x in range(side, side + 24)) / mass / 48
        cy = sum((y + 0.5) * p[y * 48 + x] for y in range(48) for x in range(side, side + 24)) / mass / 48
        worst = max(worst, abs(cx - want), abs(cy - 0.38))
if len(rows) == len(before):
    assert all(a.split(",")[0::2] == b.split(",")[0::2] for a, b in zip(rows, before)), "labels"
print("# farthest from its place: %.3f of the side" % worst)
assert worst < float(sys.argv[4]), worst
END

works "similarity" "$tool" align --data "$dir/set.csv" --out "$dir/similar" --landmarks "$dir/landmarks.onnx"
grep -q '^aligned 24, left as they were 4, left out 0$' "$dir/out"
ok $? "counts"
grep -q '^similarity 36-41:0.308,0.38 42-47:0.692,0.38 48-67:0.5,0.79$' "$dir/similar/template.txt"
ok $? "template"
python3 "$dir/check.py" "$dir/similar/aligned.csv" "$dir/set.csv" 28 0.04
ok $? "eyes where they belong, rows in order"
cat > "$dir/maps.py" <<'END'
import sys
maps = [[float(v) for v in line.split(",")] for line in open(sys.argv[1] + "/maps.csv").read().split("\n")[1:-1]]
rows = open(sys.argv[1] + "/aligned.csv").read().split("\n")[1:-1]
before = open(sys.argv[2]).read().split("\n")[1:-1]
assert len(maps) == len(rows) == len(before)
for m, row, source in zip(maps, rows, before):
    p, q = ([int(v) for v in r.split(",")[1].split()] for r in (row, source))
    for y in range(8, 40, 5):
        for x in range(8, 40, 5):
            u, v = m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]
            i, j = int(u), int(v)
            near = [q[b * 48 + a] for b in (j, j + 1) for a in (i, i + 1)] if 0 <= i < 47 and 0 <= j < 47 else []
            assert not near or min(near) - 1 <= p[y * 48 + x] <= max(near) + 1, (x, y, u, v)
assert any(abs(m[1]) > 0.1 for m in maps)
END
python3 "$dir/maps.py" "$dir/similar" "$dir/set.csv"
ok $? "maps.csv leads from the aligned picture to the one before"
works "--drop" "$tool" align --data "$dir/set.csv" --out "$dir/dropped" --landmarks "$dir/landmarks.onnx" --drop
python3 "$dir/check.py" "$dir/dropped/aligned.csv" "$dir/set.csv" 24 0.04
ok $? "left out"
works "affine" "$tool" align --data "$dir/set.csv" --out "$dir/affine" --landmarks "$dir/landmarks.onnx" --fit affine
grep -q '^affine 36:' "$dir/affine/template.txt"
ok $? "affine template"
echo 'similarity 36-41:0.4,0.4 42-47:0.6,0.4' > "$dir/own.txt"
works "own template" "$tool" align --data "$dir/set.csv" --out "$dir/own" --landmarks "$dir/landmarks.onnx" \
        --template "$dir/own.txt"
grep -q '0.4,0.4 42-47:0.6,0.4' "$dir/own/template.txt"
ok $? "own template kept"

# folders
mkdir -p "$dir/tree/happy" "$dir/tree/sad"
python3 - "$dir" <<'END'
import struct, sys, zlib
d = sys.argv[1]
def png(path, w, h, rows):
    raw = b"".join(b"\0" + bytes(r) for r in rows)
    chunk = lambda t, b: struct.pack(">I", len(b)) + t + b + struct.pack(">I", zlib.crc32(t + b))
    open(path, "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 0, 0, 0, 0)) +
                           chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))
for i, row in enumerate(open(d + "/set.csv").read().split("\n")[1:5]):
    p = [int(v) for v in row.split(",")[1].split()]
    png("%s/tree/%s/%d.png" % (d, ("happy", "sad")[i % 2], i), 48, 48, [p[y * 48:y * 48 + 48] for y in range(48)])
END
works "folders" "$tool" align --data "$dir/tree" --out "$dir/tree2" --landmarks "$dir/landmarks.onnx" --size 32
[ "$(find "$dir/tree2" -name '*.png' | wc -l)" -eq 4 ] && [ -f "$dir/tree2/template.txt" ]
ok $? "a file for each"
works "a set like the first" "$tool" data "$dir/tree2"
grep -q '^4 pictures' "$dir/out"
ok $? "with as many pictures"

# the template goes into the model
cat > "$dir/recipe.conf" <<'END'
input = { width = 48; height = 48; normalisation = "unit"; };
network = ( { type = "maxpool"; kernel = 8; stride = 8; }, { type = "fc"; units = 7; } );
training = { epochs = 1; batch = 4; };
END
works "train on it" "$tool" train "$dir/recipe.conf" --data "$dir/affine/aligned.csv" --out "$dir/run"
grep -q 'affine 36:0.24,0.376' "$dir/run/last.onnx"
ok $? "the model says how it wants its faces"
works "train without" "$tool" train "$dir/recipe.conf" --data "$dir/set.csv" --out "$dir/run2"
! grep -q 'emotiond.template' "$dir/run2/last.onnx"
ok $? "and says nothing"
echo nonsense > "$dir/affine/template.txt"
refused "a broken template" "template.txt:1:" "$tool" train "$dir/recipe.conf" --data "$dir/affine/aligned.csv" \
        --out "$dir/run3"

refused "no network" "none.onnx" "$tool" align --data "$dir/set.csv" --out "$dir/x" --landmarks "$dir/none.onnx"
refused "not a network of landmarks" "landmarks" "$tool" align --data "$dir/set.csv" --out "$dir/x" \
        --landmarks "${EMO_SRCDIR:-.}/models/emotion-default.onnx"
refused "no data" "none.csv" "$tool" align --data "$dir/none.csv" --out "$dir/x" --landmarks "$dir/landmarks.onnx"
refused "unknown fit" "fit" "$tool" align --data "$dir/set.csv" --out "$dir/x" --landmarks "$dir/landmarks.onnx" --fit free
refused "no template" "none.txt" "$tool" align --data "$dir/set.csv" --out "$dir/x" --landmarks "$dir/landmarks.onnx" \
        --template "$dir/none.txt"
refused "nowhere to write" "$dir/set.csv" "$tool" align --data "$dir/set.csv" --out "$dir/set.csv" \
        --landmarks "$dir/landmarks.onnx"

echo "1..$n"
exit $status
