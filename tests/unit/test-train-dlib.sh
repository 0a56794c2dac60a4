#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Trees for the dlib plugin, trained on drawn faces: five bright spots whose places give all 68 points.
. "${EMO_SRCDIR:-.}/tests/unit/tap.sh"
train="${EMO_BUILDDIR:-.}/train-dlib-landmarks"

cat > "$dir/draw.py" <<'END'
import math, os, random, struct, sys, zlib
random.seed(5)
folder = sys.argv[1]
os.mkdir(folder)
def png(path, rows):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    raw = b"".join(b"\0" + bytes(r) for r in rows)
    open(path, "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0))
                           + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))
def shape(smile):
    p = [(-40 + 5 * i, -10 + 45 * math.sin(math.pi * i / 16)) for i in range(17)]
    p += [(-34 + 6 * i, -24) for i in range(5)] + [(10 + 6 * i, -24) for i in range(5)]
    p += [(0, -14 + 6 * i) for i in range(4)] + [(-8 + 4 * i, 8) for i in range(5)]
    for x in (-20, 20):
        p += [(x + 8 * math.cos(a), -14 - 4 * math.sin(a)) for a in (math.pi, 2.1, 1, 0, -1, -2.1)]
    for w, n in ((14, 12), (10, 8)):
        p += [(-w * math.cos(2 * math.pi * i / n), 20 - w / 3 * math.sin(2 * math.pi * i / n) - (i % (n // 2) == 0) * smile)
              for i in range(n)]
    return p
with open(folder + "/train.csv", "w") as table:
    table.write("file,width,height," + ",".join("x%d,y%d" % (i, i) for i in range(68)) + "\n")
    for k in range(120):
        s, dx, dy = random.uniform(0.8, 1.1), random.uniform(-6, 6), random.uniform(-6, 6)
        p = [(60 + dx + s * x, 60 + dy + s * y) for x, y in shape(random.uniform(-6, 6))]
        spots = [tuple(sum(q[i] for q in p[a:b]) / (b - a) for i in (0, 1)) for a, b in ((36, 42), (42, 48), (30, 31), (48, 49), (54, 55))]
        rows = [[max(min(255, int(300 * math.exp(-((x - u) ** 2 + (y - v) ** 2) / 18))) for u, v in spots) for x in range(120)]
                for y in range(120)]
        name = "person%d_%02d.png" % (k // 2, k % 2)
        png(folder + "/" + name, rows)
        table.write("%s,120,120,%s\n" % (name, ",".join("%.2f,%.2f" % q for q in p)))
END
python3 "$dir/draw.py" "$dir/faces" || exit 1

works "trained" "$train" --data "$dir/faces" --out "$dir/trees.dat" --trees 20 --oversampling 5 --depth 3
# points are whole pixels, of some 47 between the eyes' corners
awk '/those kept back/ { n++; if ($(NF - 5) > 0 && $(NF - 5) < 4) good++ } END { exit !(n == 1 && good == 1) }' "$dir/out"
ok $? "error of the faces kept back"
[ -s "$dir/trees.dat" ]
ok $? "the file is there"
works "the same again" "$train" --data "$dir/faces" --out "$dir/again.dat" --trees 20 --oversampling 5 --depth 3
cmp -s "$dir/trees.dat" "$dir/again.dat"
ok $? "the same faces give the same trees"
refused "no table" "train.csv" "$train" --data "$dir" --out "$dir/no.dat"
refused "no place for the file" "nowhere" "$train" --data "$dir/faces" --out "$dir/nowhere/x.dat" --trees 1 --oversampling 1
"$train" --data "$dir/faces" 2>"$dir/err"
[ $? -eq 2 ] && grep -q -- --out "$dir/err"
ok $? "no --out"
echo "1..$n"
exit $status
