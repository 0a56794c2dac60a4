#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""compare-training.py --build DIR [RECIPE...]: samples/s of our trainer beside PyTorch.

Both train the network of a recipe on the same made pictures: batch 64, the same optimiser, --threads 2. They run in
turn, --rounds times, and the best round of each is shown, with its peak memory. On a machine that does other work the
samples for each second of CPU time tell more than those for a second; both are shown. Reading the data does not
count; each round begins with two batches that do not count either. PyTorch runs with glibc's malloc kept from
returning memory to the kernel, which is faster. Without python3-torch (Debian) only ours is measured.
"""
import argparse
import csv
import json
import os
import random
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH = 64
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000",
               "MALLOC_TOP_PAD_": "268435456"}


def measure(command, env):
    """Runs @command; its output, CPU seconds and peak memory in MiB."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(write, 1)
        os.close(read)
        os.execvpe(command[0], command, env)
    os.close(write)
    with os.fdopen(read) as f:
        out = f.read()
    _, status, usage = os.wait4(pid, 0)
    if status:
        sys.exit(f"{' '.join(command)}: status {status}")
    return out, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


class Ours:
    name = "emotion-nn"

    def __init__(self, args, work):
        self.args, self.work = args, work

    def run(self, recipe, batches):
        """Seconds of @batches batches, CPU seconds and peak memory of the whole process."""
        with open(recipe) as f:
            text = f.read()
        text = re.sub(r"rows = \d+;|validation_rows = \d+;", "", text)
        text = re.sub(r"batch = \d+;", f"batch = {BATCH};", text)
        text = re.sub(r"epochs = \d+;", f"epochs = 1; rows = {batches * BATCH}; validation_rows = 1;", text)
        path = os.path.join(self.work, "recipe.conf")
        with open(path, "w") as f:
            f.write(text)
        env = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
        out = os.path.join(self.work, "out")
        _, cpu, memory = measure([os.path.join(self.args.build, "emotion-nn"), "train", path, "--data",
                                  os.path.join(self.work, "data.csv"), "--out", out, "--threads",
                                  str(self.args.threads)], env)
        with open(os.path.join(out, "log.csv")) as f:
            return float(list(csv.DictReader(f))[0]["seconds"]), cpu, memory


class PyTorch:
    name = "PyTorch"

    def __init__(self, args, work):
        self.args = args

    def run(self, recipe, batches):
        env = dict(os.environ, OMP_NUM_THREADS=str(self.args.threads), **KEEP_MEMORY)
        env.pop("OPENBLAS_CORETYPE", None)
        out, cpu, memory = measure(["/usr/bin/python3", os.path.join(HERE, "peer-torch.py"), recipe, str(BATCH),
                                    str(batches), str(self.args.threads)], env)
        return json.loads(out)["seconds"], cpu, memory


def write_data(path, rows):
    rng = random.Random(1)
    with open(path, "w") as f:
        f.write("emotion,pixels,Usage\n")
        for i in range(rows + 1):
            pixels = rng.choices(range(256), k=2304)
            f.write(f"{i % 7},{' '.join(map(str, pixels))},{'Training' if i < rows else 'PublicTest'}\n")


def compare(recipe, trainers, args):
    best = {}
    for _ in range(args.rounds):
        for t in trainers:
            # the difference of two lengths leaves out what a run needs to begin
            short, long = t.run(recipe, 2), t.run(recipe, 2 + args.batches)
            n = args.batches * BATCH
            got = n / max(long[0] - short[0], 1e-9), n / max(long[1] - short[1], 1e-9), long[2]
            old = best.get(t.name, (0, 0, 1e9))
            best[t.name] = max(old[0], got[0]), max(old[1], got[1]), min(old[2], got[2])
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=30)
    parser.add_argument("recipe", nargs="*", default=[os.path.join(HERE, n) for n in
                                                      ("net-c.conf", "vgg.conf", "resnet-like.conf")])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        write_data(os.path.join(work, "data.csv"), (args.batches + 2) * BATCH)
        trainers = [Ours(args, work)]
        if subprocess.run(["/usr/bin/python3", "-c", "import torch"], stderr=subprocess.DEVNULL).returncode:
            print("PyTorch: left out: no python3-torch", file=sys.stderr)
        else:
            trainers.append(PyTorch(args, work))
        print("| network | trainer | samples/s | samples per CPU second | peak memory |\n|---|---|---|---|---|")
        for recipe in args.recipe:
            best = compare(recipe, trainers, args)
            for name, (wall, cpu, memory) in best.items():
                print(f"| {os.path.basename(recipe)[:-5]} | {name} | {wall:.0f} | {cpu:.0f} | {memory:.0f} MiB |",
                      flush=True)
            if len(best) == 2:
                ours, theirs = best["emotion-nn"], best["PyTorch"]
                print(f"| | ratio | {ours[0] / theirs[0]:.2f} | {ours[1] / theirs[1]:.2f} | "
                      f"{ours[2] / theirs[2]:.2f} |", flush=True)


main()
