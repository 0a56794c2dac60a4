#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare-detectors.py --build DIR --pictures DIR: the detector plugins side by side.

DIR has boxes.csv and the pictures that it tells of. Each detector looks at them as they are, for faces from --min-face
pixels on, and is timed at 640x480 for faces from 40 pixels on, on one core, and so is the aligner of the same plugin, for each face; the
detectors run in turn, and the least of the rounds' times is shown. "clean" is how many faces each finds with the lowest
threshold at which it finds nothing else. --kept looks only at the tenth of DIR's pictures that emotion-nn keeps back.
--svg draws precision over recall as the threshold falls.
"""
import argparse
import csv
import os
import subprocess
import sys
import tempfile

ALIGNERS = {"cnn": "cnn", "dlib": "dlib"}
COLORS = ["#3b6ea5", "#e08a3c", "#6a9f58", "#a05195"]


def fnv1a(text):
    h = 0xcbf29ce484222325
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001b3 % 2**64
    return h


def write_kept(folder, to):
    """The rows of boxes.csv whose pictures' groups are kept back, as in train/data/scenes.c."""
    with open(os.path.join(folder, "sources.csv"), newline="") as f:
        groups = {row["file"]: row["group"] for row in csv.DictReader(f)}
    with open(os.path.join(folder, "boxes.csv")) as f:
        to.write(next(f))
        to.writelines(line for line in f if fnv1a(groups[line.split(",")[0]]) % 10 == 0)
    to.flush()


def look(a, detector, rounds):
    env = dict(os.environ, EMO_PLUGIN_FOLDER=os.path.join(a.build, "plugins", ".libs"), EMO_MODEL_FOLDER=a.models)
    env.pop("OPENBLAS_CORETYPE", None)
    command = [os.path.join(a.build, "tests/bench/bench-detectors"), detector, ALIGNERS.get(detector, "box"),
               str(a.min_face),
               a.table, a.pictures, str(rounds)]
    p = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if p.returncode != 0:
        print(f"{detector}: {p.stderr.strip().splitlines()[-1] if p.stderr.strip() else 'failed'}", file=sys.stderr)
        return None
    values = dict(line.split("=") for line in p.stdout.split("\n") if "=" in line)
    hits = [line.split()[1:] for line in p.stdout.split("\n") if line.startswith("hit ")]
    return {k: float(v) for k, v in values.items()}, [(float(c), int(h)) for c, h in hits]


def least(rounds, key):
    values = [r[key] for r in rounds if key in r]
    return f"{min(values):.2f}" if values else ""


def curve(hits, n_faces):
    """Points (recall, precision) from the surest find on."""
    points, right = [], 0
    for i, (_, hit) in enumerate(sorted(hits, reverse=True), 1):
        right += hit
        points.append((right / n_faces, right / i))
    return points


def clean(hits):
    surest_false = max((c for c, hit in hits if not hit), default=0)
    return sum(hit for c, hit in hits if c > surest_false)


def draw(path, curves):
    x = lambda recall: 60 + 520 * recall
    y = lambda precision: 440 - 400 * precision
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="620" height="490" font-family="sans-serif" font-size="13">',
           '<rect width="620" height="490" fill="#ffffff"/>']
    for i in range(0, 11, 2):
        out.append(f'<path d="M{x(0)} {y(i / 10)}H{x(1)}M{x(i / 10)} {y(0)}V{y(1)}" stroke="#dddddd"/>')
        out.append(f'<text x="{x(0) - 8}" y="{y(i / 10) + 4}" text-anchor="end">{i / 10:.1f}</text>')
        out.append(f'<text x="{x(i / 10)}" y="{y(0) + 18}" text-anchor="middle">{i / 10:.1f}</text>')
    out.append(f'<text x="{x(0.5)}" y="{y(0) + 38}" text-anchor="middle">recall</text>')
    out.append(f'<text x="{x(0)}" y="{y(1) - 12}">precision</text>')
    for i, (name, points) in enumerate(curves):
        line = " ".join(f"{x(r):.1f},{y(p):.1f}" for r, p in points)
        color = COLORS[i % len(COLORS)]
        out.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
        out.append(f'<text x="{x(0) + 12}" y="{y(0) - 12 - 18 * i}" fill="{color}">{name}</text>')
    out.append("</svg>")
    with open(path, "w", encoding="ascii") as f:
        f.write("\n".join(out) + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", required=True, help="build folder")
    p.add_argument("--models", help="folder of the networks (default: models beside tests)")
    p.add_argument("--pictures", required=True)
    p.add_argument("--kept", action="store_true")
    p.add_argument("--detectors", default="cnn,haar,dlib")
    p.add_argument("--min-face", type=int, default=20)
    p.add_argument("--rounds", type=int, default=3, help="rounds of timing; 0: none")
    p.add_argument("--svg")
    a = p.parse_args()
    a.models = a.models or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../models")
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
        a.table = os.path.join(a.pictures, "boxes.csv")
        if a.kept:
            write_kept(a.pictures, f)
            a.table = f.name
        compare(a)
    return 0


def compare(a):
    found, times = {}, {}
    for i in range(max(a.rounds, 1)):
        for name in a.detectors.split(","):
            result = look(a, name, 5 if a.rounds else 0)
            if result:
                found[name] = result
                times.setdefault(name, []).append(result[0])
    print(f"{'detector':10} {'faces':>6} {'found':>6} {'false':>6} {'clean':>6} {'recall':>7} {'precision':>9} {'ms at 640x480':>14} {'ms a face':>10}")
    for name, (v, hits) in found.items():
        finds = v["found"] + v["false"]
        print(f"{name:10} {v['faces']:6.0f} {v['found']:6.0f} {v['false']:6.0f} {clean(hits):6} {v['found'] / v['faces']:7.3f} "
              f"{v['found'] / finds if finds else 1:9.3f} {least(times[name], 'look_ms'):>14} {least(times[name], 'align_ms'):>10}")
    if a.svg:
        draw(a.svg, [(name, curve(hits, v["faces"])) for name, (v, hits) in found.items()])


sys.exit(main())
