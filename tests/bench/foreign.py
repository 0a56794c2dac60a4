#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""foreign.py FOLDER --build DIR: each ONNX file of a folder, below it too, in our engine and in onnxruntime.

One thread on one pinned core, one image a pass; the two run in turn in every round, so that other load on the machine meets
both. Shown are the medians over the rounds of each one's own median, in microseconds a pass (with --least the least times
seen), and the ratio of onnxruntime's to ours: above 1 ours is faster. At the end stand the median ratio and how many files
are slower here. A file that is refused, or whose input is no single tensor of floats, is listed with the reason. Sizes that
a file leaves open are taken from --side.

onnxruntime comes from the npm package onnxruntime-node, or from --onnxruntime or EMO_ONNXRUNTIME (libonnxruntime.so.1).
"""
import argparse
import importlib.util
import os
import re
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def load_engines():
    spec = importlib.util.spec_from_file_location("compare_engines", os.path.join(HERE, "compare-engines.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


engines = load_engines()


class Refused(Exception):
    pass


class Foreign(engines.Bench):
    """Files of any shape: sizes that are open are filled in, and given to both engines."""

    def show(self, model, *more):
        r = subprocess.run([self.tool, "show", model, *more], env=self.env, capture_output=True, text=True, check=False)
        return r.stdout, r.stderr.strip().splitlines()[-1:] if r.returncode else None

    def shape(self, model):
        if model in self.shapes:
            return self.shapes[model]
        out, error = self.show(model)
        if error and "--shape" not in str(error):
            side = self.args.side
            for dims in (f"1x3x{side}x{side}", f"1x1x{side}x{side}", f"1x{side}x{side}x3"):
                name = re.search(r"input '([^']+)'", str(error))
                if name:
                    out, error = self.show(model, "--shape", f"{name.group(1)}={dims}")
                if not error:
                    break
        if error:
            raise Refused(" ".join(error).split(": ", 2)[-1])
        inputs = re.findall(r"^input\s+(\S+) (\S+) (\S+)$", out, re.M)
        if len(inputs) != 1 or inputs[0][1] != "float32":
            raise Refused(f"{len(inputs)} inputs, the first of {inputs[0][1] if inputs else 'nothing'}")
        dims = [d if d.isdigit() else "1" if i == 0 else str(self.args.side) for i, d in enumerate(inputs[0][2].split("x"))]
        self.shapes[model] = inputs[0][0], re.search(r"^output\s+(\S+)", out, re.M).group(1), dims
        return self.shapes[model]

    def with_batch(self, model, batch):
        return model

    def ours(self, model, batch):
        name, _, dims = self.shape(model)
        out = engines.capture(self.pin + [self.tool, "bench", model, "--shape", f"{name}={'x'.join(dims)}", "--seconds",
                                          str(self.args.seconds), "--json"], env=self.env)
        return engines.json.loads(out)[0]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("folder")
    p.add_argument("--build", required=True, help="build folder, in which `make check_PROGRAMS` has made the peer")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=0.4, help="for an engine in a round")
    p.add_argument("--side", type=int, default=224, help="for sizes that a file leaves open")
    p.add_argument("--core", type=int, default=0)
    p.add_argument("--least", action="store_true")
    p.add_argument("--onnxruntime", metavar="LIBRARY")
    args = p.parse_args()
    args.build = os.path.abspath(args.build)
    args.peers = ["onnxruntime"]
    files = sorted(os.path.join(d, f) for d, _, names in os.walk(args.folder) for f in names if f.endswith(".onnx"))
    ratios = []
    with tempfile.TemporaryDirectory() as work:
        bench = Foreign(args, work)
        if "onnxruntime" not in bench.engines:
            return 1
        print("| file | ours | onnxruntime | ratio |\n|---|---|---|---|")
        for f in files:
            name = os.path.relpath(f, args.folder)
            try:
                bench.shape(f)
            except Refused as e:
                print(f"| {name} | refused: {e} | | |", flush=True)
                continue
            r = bench.measure(f, 1)
            if not r["ours"] or not r["onnxruntime"]:
                print(f"| {name} | failed in {'ours' if not r['ours'] else 'onnxruntime'} | | |", flush=True)
                continue
            ratios.append(r["onnxruntime"] / r["ours"])
            print(f"| {name} | {r['ours']:.0f} | {r['onnxruntime']:.0f} | {ratios[-1]:.2f} |", flush=True)
    if ratios:
        print(f"\n{len(ratios)} of {len(files)} files timed; median ratio {statistics.median(ratios):.2f}; "
              f"{sum(x < 1 for x in ratios)} slower than onnxruntime")
    return 0


if __name__ == "__main__":
    sys.exit(main())
