#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare-engines.py --build DIR [MODEL...]: our engine beside onnxruntime, oneDNN and OpenCV's dnn module.

One thread on one pinned core; the engines run in turn in every round, so that other load on the machine meets all of
them; the median over the rounds of each one's own median is shown (with --least the least time seen, for a machine that is
so busy that medians tell of its other work), in microseconds a pass, and the ratio of the
faster of onnxruntime and oneDNN to ours (above 1: ours is faster). A peer that is not there is left out, with the
reason. onnxruntime is installed from the npm package onnxruntime-node into a temporary folder, or taken from
--onnxruntime or EMO_ONNXRUNTIME (libonnxruntime.so.1).

--nets adds networks A, B, C and a VGG, written by `emotion-nn train` after one step over noise.
"""
import argparse
import glob
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
EPOCH_ROWS = 64


def capture(command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **more).stdout


class Missing(Exception):
    pass


def parse(out):
    return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)


class Bench:
    def __init__(self, args, work):
        self.args, self.work = args, work
        self.tool = os.path.join(args.build, "emotion-nn")
        self.env = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
        self.env.pop("OPENBLAS_CORETYPE", None)
        self.pin = ["taskset", "-c", str(args.core)]
        self.shapes = {}
        self.engines = {"ours": self.ours}
        for name, make in (("onnxruntime", self.onnxruntime), ("onednn", self.onednn), ("opencv", self.opencv)):
            if name not in getattr(args, "peers", name):
                continue
            try:
                self.engines[name] = make()
            except Missing as e:
                print(f"{name}: left out: {e}", file=sys.stderr)

    def shape(self, model):
        """Name of the input and of the output, dims of the input as text."""
        if model not in self.shapes:
            out = capture([self.tool, "show", model], env=self.env)
            name, dims = re.search(r"^input\s+(\S+) float32 (\S+)$", out, re.M).groups()
            self.shapes[model] = name, re.search(r"^output\s+(\S+)", out, re.M).group(1), dims.split("x")
        return self.shapes[model]

    def dims(self, model, batch):
        return [str(batch)] + self.shape(model)[2][1:]

    def with_batch(self, model, batch):
        """The file, or a copy whose fixed batch of 1 is another one, for peers that insist on what the file says."""
        if batch == 1 or self.shape(model)[2][0] == "N":
            return model
        copy = os.path.join(self.work, f"{batch}-{os.path.basename(model)}")
        if not os.path.exists(copy):
            with open(model, "rb") as f:
                data = f.read()
            # TensorShapeProto of the input, and of an output of two dims: the first Dimension { dim_value: 1 }
            dims = [int(d) for d in self.shape(model)[2]]
            shape = b"".join(b"\x0a\x02\x08" + bytes([d]) for d in dims)
            data = data.replace(shape, shape[:3] + bytes([batch]) + shape[4:])
            data = data.replace(b"\x0a\x02\x08\x01\x0a\x02\x08\x07", b"\x0a\x02\x08" + bytes([batch]) + b"\x0a\x02\x08\x07")
            with open(copy, "wb") as f:
                f.write(data)
        return copy

    def ours(self, model, batch):
        out = capture(self.pin + [self.tool, "bench", model, "--batch", str(batch), "--seconds", str(self.args.seconds),
                                  "--json"], env=self.env)
        return json.loads(out)[0]

    def onnxruntime(self):
        library = self.args.onnxruntime or os.environ.get("EMO_ONNXRUNTIME")
        if not library:
            try:
                subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "onnxruntime-node"],
                               cwd=self.work, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            except (OSError, subprocess.CalledProcessError) as e:
                raise Missing(f"npm cannot install onnxruntime-node ({e})") from e
            found = glob.glob(os.path.join(self.work, "node_modules/onnxruntime-node/bin/*/linux/x64/libonnxruntime.so*"))
            if not found:
                raise Missing("onnxruntime-node holds no library for this machine")
            library = found[0]
        peer = os.path.join(self.args.build, "tests/bench/peer-onnxruntime")
        if not os.path.exists(peer):
            raise Missing(f"{peer} is not built")

        def run(model, batch):
            names = self.shape(model)
            return parse(capture(self.pin + [peer, library, self.with_batch(model, batch), names[0], names[1],
                                             str(self.args.seconds)] + self.dims(model, batch), env=self.env))
        return run

    def onednn(self):
        peer = os.path.join(self.args.build, "tests/bench/peer-onednn")
        if not os.path.exists(peer):
            raise Missing("not built: libdnnl-dev is needed")
        return lambda model, batch: parse(capture(
            self.pin + [peer, model, str(batch), str(self.args.seconds)], env=self.env))

    def opencv(self):
        python = "/usr/bin/python3"
        if subprocess.run([python, "-c", "import cv2"], check=False, stderr=subprocess.DEVNULL).returncode != 0:
            raise Missing("python3-opencv is not installed")
        return lambda model, batch: parse(capture(
            self.pin + [python, os.path.join(HERE, "peer-opencv-dnn.py"), self.with_batch(model, batch),
                        str(self.args.seconds)] + self.dims(model, batch), env=self.env, stderr=subprocess.DEVNULL))

    def measure(self, model, batch):
        results = {name: [] for name in self.engines}
        for _ in range(self.args.rounds):
            for name, run in self.engines.items():
                if results[name] is None:
                    continue
                try:
                    results[name].append({k: float(v) for k, v in run(model, batch).items()
                                          if k in ("median_us", "min_us")})
                except subprocess.CalledProcessError as e:
                    print(f"{name}: {os.path.basename(model)}: {e}", file=sys.stderr)
                    results[name] = None
        least = self.args.least
        return {name: r and (min(x["min_us"] for x in r) if least else statistics.median(x["median_us"] for x in r))
                for name, r in results.items()}


def make_nets(bench):
    """Networks A, B, C and the VGG, trained for a step on noise: what they answer does not matter here."""
    random.seed(1)
    csv = os.path.join(bench.work, "noise.csv")
    with open(csv, "w", encoding="ascii") as f:
        f.write("emotion,pixels,Usage\n")
        for i in range(EPOCH_ROWS + 8):
            pixels = " ".join(str(random.randrange(256)) for _ in range(48 * 48))
            f.write(f"{i % 7},{pixels},{'Training' if i < EPOCH_ROWS else 'PublicTest'}\n")
    models = []
    recipes = [os.path.join(SOURCE, "recipes", f"net-{n}.conf") for n in "ab"]
    for recipe in recipes + [os.path.join(HERE, f"{n}.conf") for n in ("net-c", "vgg")]:
        name = os.path.splitext(os.path.basename(recipe))[0]
        short = os.path.join(bench.work, f"{name}.conf")
        with open(recipe, encoding="utf-8") as f:
            text = re.sub(r"\brows = \d+", f"rows = {EPOCH_ROWS}", f.read())
        with open(short, "w", encoding="utf-8") as f:
            f.write(re.sub(r"validation_rows = \d+", "validation_rows = 8", text))
        out = os.path.join(bench.work, name)
        subprocess.run([bench.tool, "train", short, "--data", csv, "--out", out, "--epochs", "1"], check=True,
                       env=bench.env, stdout=subprocess.DEVNULL)
        models.append(os.path.join(out, f"{name}.onnx"))
        os.rename(os.path.join(out, "last.onnx"), models[-1])
    return models


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("models", nargs="*")
    p.add_argument("--build", required=True, help="build folder; `make check_PROGRAMS` or `make check` has made the peers")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=0.4, help="for an engine in a round")
    p.add_argument("--batch", type=int, action="append", help="may be given several times (1 and 8)")
    p.add_argument("--core", type=int, default=0)
    p.add_argument("--onnxruntime", metavar="LIBRARY")
    p.add_argument("--nets", action="store_true")
    p.add_argument("--least", action="store_true")
    args = p.parse_args()
    args.build = os.path.abspath(args.build)
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(args, work)
        models = args.models + (make_nets(bench) if args.nets else [])
        names = list(bench.engines)
        print(f"| model | batch | {' | '.join(names)} | ratio |\n|---|---|{'---|' * len(names)}---|")
        for batch in args.batch or [1, 8]:
            for model in models:
                r = bench.measure(model, batch)
                peers = [r[n] for n in ("onnxruntime", "onednn") if r.get(n)]
                cells = [f"{r[n]:.0f}" if r[n] else "-" for n in names]
                ratio = f"{min(peers) / r['ours']:.2f}" if peers and r["ours"] else "-"
                print(f"| {os.path.splitext(os.path.basename(model))[0]} | {batch} | {' | '.join(cells)} | {ratio} |",
                      flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
