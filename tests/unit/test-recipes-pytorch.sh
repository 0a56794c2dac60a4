#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# recipes/pytorch on a made set: a teacher and two students for a few steps; a student's ONNX file answers here as its
# network does in PyTorch, and `emotion-nn train` goes on from it.
. "${EMO_SRCDIR:-.}/tests/unit/tap.sh"

scripts=$(cd "${EMO_SRCDIR:-.}/recipes/pytorch" && pwd)
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$scripts OMP_NUM_THREADS=2
export PYTHONDONTWRITEBYTECODE PYTHONPATH OMP_NUM_THREADS
python=/usr/bin/python3
if ! $python -c 'import libconf, numpy, onnx, torch' 2>/dev/null; then
        echo "1..0 # SKIP python3-torch, python3-onnx or python3-libconf is not installed"
        exit 0
fi

cat > "$dir/make.py" <<'END'
import sys
import numpy as np
rng = np.random.default_rng(1)
with open(sys.argv[1] + "/fer.csv", "w") as rows, open(sys.argv[1] + "/votes.csv", "w") as votes, \
        open(sys.argv[1] + "/maps.csv", "w") as maps:
    rows.write("emotion,pixels,Usage\n")
    votes.write("Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n")
    maps.write("m0,m1,m2,m3,m4,m5\n")
    for i in range(70):
        usage = "Training" if i < 40 else "PrivateTest" if i < 50 else "PublicTest"
        x = np.kron(rng.integers(0, 256, (6, 6)), np.ones((8, 8), int)) + rng.integers(0, 2, (48, 48))
        rows.write(f"{i % 7},{' '.join(map(str, x.clip(0, 255).ravel()))},{usage}\n")
        # all of a row's votes for its class
        votes.write(f"{usage},x," + ",".join("10" if k == [4, 5, 6, 1, 3, 2, 0][i % 7] else "0" for k in range(10)) + "\n")
        maps.write("1,0,3,0,1,-2\n")
END
cat > "$dir/small.conf" <<'END'
name = "small";
input = { width = 48; height = 48; normalisation = "contrast"; };
network = (
  { type = "conv"; filters = 8; stride = 2; bias = false; },
  { type = "batchnorm"; activation = "relu"; name = "stem"; },
  { type = "conv"; filters = 8; bias = false; },
  { type = "batchnorm"; name = "residual"; },
  { type = "conv"; from = "stem"; filters = 8; kernel = 1; bias = false; },
  { type = "batchnorm"; },
  { type = "add"; with = "residual"; activation = "relu"; },
  { type = "maxpool"; },
  { type = "globalavgpool"; },
  { type = "dropout"; rate = 0.1; },
  { type = "fc"; units = 7; }
);
training = {
  epochs = 2; batch = 16; seed = 1;
  optimiser = { type = "sgd"; rate = 0.05; momentum = 0.9; nesterov = true; weight_decay = 0.0005; };
  schedule = { type = "cosine"; warmup_epochs = 1; };
  label_smoothing = 0.05; votes_task = 1.0; average = 0.9;
  distill = { share = 0.8; temperature = 2.0; };
  augment = { shift = 0.08; scale = 0.15; rotate_deg = 12; shear = 0.06; stretch = 0.08; flip = 0.5;
              contrast = 0.3; brightness = 0.1; blur_px = 0.8; noise = 4.0; cutout = 0.4; cutout_size = 0.33; };
};
END
sed -e '/^input/d; /^network = /,/^);/d; s/name = "small"/name = "on"; network_of = "small.conf"/' \
        -e 's/seed = 1;/seed = 1; start = "small.onnx";/' "$dir/small.conf" > "$dir/on.conf"
cat > "$dir/check.py" <<'END'
import sys
import numpy as np
import torch
import pack, pictures, teach
from learner import Learner
from recipe import read
where = sys.argv[1]
arrays = pack.load(where + "/set.pack")
rows = [line.split(",") for line in open(where + "/fer.csv").read().split("\n")[1:-1]]
rows = [r for r in rows if r[2] != "PrivateTest"]
assert [int(r[0]) for r in rows] == arrays["labels"].tolist()
assert all((np.array(r[1].split(), int) == x.ravel()).all() for r, x in zip(rows, arrays["pixels"]))
assert (arrays["votes"].argmax(1) == arrays["labels"]).all() and (arrays["votes"].sum(1) == 1).all()
print("# the pack holds the rows, but for PrivateTest's")

device = torch.device("cpu")
valid = pictures.Pictures(arrays, 1, None, device)
# the map leads from a pixel of the aligned picture to one of the picture
moved = pictures.warp(valid.pixels.float(), valid.maps)
assert (moved[:, :, 2:, :45] - valid.pixels.float()[:, :, :46, 3:]).abs().max() < 0.01
none = dict.fromkeys(("shift", "scale", "rotate_deg", "shear", "stretch", "flip", "contrast", "brightness", "blur_px",
                      "noise", "cutout", "cutout_size"), 0)
same = torch.eye(3)[:2].expand(valid.n, 2, 3)
plain = pictures.normalise(valid.pixels.float())
assert (pictures.augment(valid.pixels.float(), same, none) - plain).abs().max() < 1e-3
flipped = pictures.augment(valid.pixels.float(), same, dict(none, flip=1))
assert (flipped - plain.flip(3)).abs().max() < 1e-3
print("# no change leaves a picture as it is, and flip mirrors it")

learner = Learner("small", read(where + "/small.conf"), 1, device)
learner.start_from(teach.onnx_tensors(where + "/small.onnx"), plain)
learner.net.eval()
with torch.no_grad():
    np.save(where + "/x.npy", plain.numpy())
    np.save(where + "/y.npy", learner.net(plain).softmax(1).numpy())
END

$python "$dir/make.py" "$dir" || exit 1
works "pack" $python "$scripts/pack.py" "$dir/fer.csv" "$dir/votes.csv" "$dir/maps.csv" -o "$dir/set.pack"
works "teach" $python "$scripts/teach.py" "$dir/set.pack" --device cpu --teacher "$dir/small.conf:7" \
        --student "$dir/small.conf" --every 1 --out "$dir/run"
grep -q '^all, folded' "$dir/run/teachers.txt" && [ "$(wc -l < "$dir/run/small.csv")" = 3 ]
ok $? "the teachers' figures and the student's log"
works "plot its log" "$tool" plot "$dir/run/small.csv" -o "$dir/curves.svg"
works "export" $python "$scripts/export.py" "$dir/small.conf" "$dir/run/small.npz" -o "$dir/small.onnx"
works "pictures, and start from the file" $python "$dir/check.py" "$dir"
works "PyTorch's answers" "$tool" run "$dir/small.onnx" --batch 20 --input "input=$dir/x.npy" --expect "probabilities=$dir/y.npy"
works "calibrate" $python "$scripts/export.py" "$dir/small.conf" "$dir/run/small.npz" --calibrate "$dir/set.pack" \
        -o "$dir/calibrated.onnx"
temperature=$(sed -n 's/^temperature \([0-9.]*\);.*/\1/p' "$dir/out")
$python -c 'import sys, numpy as np
y = np.load(sys.argv[1]) ** (1 / float(sys.argv[2]))
np.save(sys.argv[3], y / y.sum(1, keepdims=True))' "$dir/y.npy" "$temperature" "$dir/z.npy"
works "at the temperature that it names" "$tool" run "$dir/calibrated.onnx" --batch 20 --input "input=$dir/x.npy" \
        --expect "probabilities=$dir/z.npy"
works "a student that goes on, its network of another recipe" $python "$scripts/teach.py" "$dir/set.pack" --device cpu \
        --student "$dir/on.conf" --out "$dir/run2"
sed -e 's/epochs = 2/epochs = 1/; s/  distill.*//; s/seed = 1;/seed = 1; start = "small.onnx";/' "$dir/small.conf" > "$dir/c.conf"
works "emotion-nn train goes on from it" "$tool" train "$dir/c.conf" --data "$dir/fer.csv" --ferplus "$dir/votes.csv" \
        --out "$dir/c"
sed 's/momentum = 0.9/beta2 = 0.9/' "$dir/small.conf" > "$dir/unknown.conf"
refused "an unknown key" "beta2" $python "$scripts/teach.py" "$dir/set.pack" --student "$dir/unknown.conf" --out "$dir/x"
sed 2d "$dir/votes.csv" > "$dir/short.csv"
refused "votes of other rows" "differs\|shorter" $python "$scripts/pack.py" "$dir/fer.csv" "$dir/short.csv" "$dir/maps.csv" \
        -o "$dir/x.pack"

echo "1..$n"
exit $status
