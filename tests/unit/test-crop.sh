#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# emotion-nn crop on pictures of the synthetic clip's drawn face, with the networks that are shipped.
. "${EMO_SRCDIR:-.}/tests/unit/tap.sh"
models=${EMO_SRCDIR:-.}/models
crop() { "$tool" crop --detector "$models/detect.onnx" --landmarks "$models/landmarks.onnx" "$@"; }

"$tool" clip "$models/meanfaces.png" --output "$dir/clip.avi" --order happiness --hold 0.2 --morph 0.2 --width 320 --height 240 --face 120 \
        >"$dir/out" 2>"$dir/err"
ok $? "a clip to take pictures from"

# pictures of the clip, and what is none
cat >"$dir/pictures.py" <<'END'
import os
import sys
clip, out = sys.argv[1:]
data = open(clip, "rb").read()
at = data.index(b"\xff\xd8\xff")
frame = data[at:data.index(b"\xff\xd9", at) + 2]
for folder in ("happiness", "neutral/more"):
    os.makedirs(f"{out}/{folder}")
open(f"{out}/happiness/anna 1.jpg", "wb").write(frame)
open(f"{out}/neutral/more/ben.jpeg", "wb").write(frame)
open(f"{out}/neutral/cut.jpg", "wb").write(frame[:200])
open(f"{out}/neutral/notes.txt", "w").write("no picture")
open(f"{out}/.hidden.jpg", "wb").write(frame)
END
python3 "$dir/pictures.py" "$dir/clip.avi" "$dir/in" || exit 1
# a picture without a face: nothing but grey
python3 - "$dir/in/neutral/empty.png" <<'END' || exit 1
import struct
import sys
import zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
rows = b"".join(b"\0" + b"\x80" * 160 for _ in range(120))
open(sys.argv[1], "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 160, 120, 8, 0, 0, 0, 0)) +
                              chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
END

works "crop" crop --data "$dir/in" --output "$dir/faces"
grep -q '^2 faces; pictures without a face 1, not readable 1$' "$dir/out"
ok $? "the sum says what became of each picture"
grep -q 'neutral/empty.png: no face found' "$dir/err" && grep -q 'neutral/cut.jpg: not a PNG or JPEG, or broken' "$dir/err"
ok $? "pictures without a face and broken ones are named"
[ -s "$dir/faces/happiness/anna 1.jpg.png" ] && [ -s "$dir/faces/neutral/more/ben.jpeg.png" ] &&
        [ "$(find "$dir/faces" -name '*.png' | wc -l)" -eq 2 ]
ok $? "each face lies in the folder of its picture"
[ "$(wc -l <"$dir/faces/faces.csv")" -eq 3 ] && grep -q '^"happiness/anna 1.jpg.png","happiness/anna 1.jpg",' "$dir/faces/faces.csv"
ok $? "faces.csv says where each comes from"
# the drawn face is 120 pixels wide, in the middle of 320 x 240
awk -F, 'NR == 2 { x = $3 + $5 / 2; y = $4 + $6 / 2; exit !(x > 140 && x < 180 && y > 90 && y < 150 && $5 > 80 && $5 < 180 &&
        $7 > 0.5 && $8 > 0.5) }' "$dir/faces/faces.csv"
ok $? "its box lies about the face"
grep -q '^similarity 36-41:' "$dir/faces/template.txt"
ok $? "the template goes with the faces"
works "the result is a data set" "$tool" data "$dir/faces"
grep -q happiness "$dir/out"
ok $? "its folders are the classes"

refused "a folder that is not empty" 'is not empty: --force' crop --data "$dir/in" --output "$dir/faces"
works "--force writes into it" crop --data "$dir/in" --output "$dir/faces" --force --size 64
python3 -c 'import struct, sys; sys.exit(struct.unpack(">II", open(sys.argv[1], "rb").read()[16:24]) != (64, 64))' \
        "$dir/faces/happiness/anna 1.jpg.png"
ok $? "--size"
works "a threshold that no face reaches" crop --data "$dir/in" --output "$dir/none" --threshold 1
grep -q '^0 faces; pictures without a face 3,' "$dir/out"
ok $? "leaves none"
mkdir "$dir/nothing"
refused "no pictures" 'no PNG or JPEG in it' crop --data "$dir/nothing" --output "$dir/x"
refused "no folder" 'missing' crop --data "$dir/missing" --output "$dir/x"
refused "no detector" 'landmarks.onnx' crop --data "$dir/in" --output "$dir/x" --detector "$models/landmarks.onnx"
[ ! -e "$dir/x" ]
ok $? "what is refused leaves no folder"
echo "1..$n"
exit $status
