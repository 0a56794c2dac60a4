#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare-pipeline.py --build DIR --model FILE --clip FILE: bench-pipeline beside peer-opencv.py.

The two run in turn, so that other load on the machine meets both; the least of each figure's rounds is shown (for
frames/s the most), and the ratio. Exit 1 if the goals in CPU time (half) and memory (a third) are missed.
"""
import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = ["cpu_ms", "source_ms", "detect_ms", "align_ms", "crop_ms", "classify_ms", "track_ms", "cpu_p50_ms", "cpu_p99_ms", "fps", "rss_mib",
        "rss_peak_mib", "faces_per_frame"]


def run(command, env):
    out = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
    return {k: float(v) for k, v in (line.split("=") for line in out.split())}


def best(rounds, key):
    values = [r[key] for r in rounds if key in r]
    return None if not values else max(values) if key == "fps" else min(values)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--build", required=True, help="build folder")
    p.add_argument("--model", required=True)
    p.add_argument("--clip", required=True)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--loops", type=int, default=2, help="times that the clip is played in a round")
    p.add_argument("--detect-fps", default="5")
    a = p.parse_args()
    env = dict(os.environ, EMO_PLUGIN_FOLDER=os.path.join(a.build, "plugins", ".libs"), OPENBLAS_NUM_THREADS="1")
    env.pop("OPENBLAS_CORETYPE", None)
    ours, peer = [], []
    for _ in range(a.rounds):
        ours.append(run([os.path.join(a.build, "tests/bench/bench-pipeline"), a.model, a.clip, str(a.loops),
                         a.detect_fps], env))
        peer.append(run(["/usr/bin/python3", os.path.join(HERE, "peer-opencv.py"), a.model, a.clip, str(a.loops)],
                        env))
    print(f"{'':16} {'emotiond':>10} {'opencv':>10} {'ratio':>7}")
    for key in ROWS:
        x, y = best(ours, key), best(peer, key)
        ratio = f"{x / y:7.2f}" if x is not None and y else ""
        print(f"{key:16} {x:10.2f} {'' if y is None else f'{y:10.2f}':>10} {ratio}")
    good = best(ours, "cpu_ms") <= best(peer, "cpu_ms") / 2 and best(ours, "rss_mib") <= best(peer, "rss_mib") / 3
    return 0 if good else 1


sys.exit(main())
