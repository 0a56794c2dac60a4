#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains large classifiers on a GPU, and small ones that learn from all of them.

    teach.py fer2013.pack --teacher RECIPE:SEED... --student RECIPE... --out DIR

Learners of one kind see the same batches, whose size, number of epochs and random changes are those of the first recipe
of the kind. Every row is shown in one of two framings, FER2013's or the aligned one, as chance has it. DIR receives
for each learner its folded weights (NAME.npz, see export.py) and its log (NAME.csv), and teachers.txt with four
accuracies of each teacher and of all together (evaluate.py).
"""

import argparse
import os
import sys

import numpy as np
import onnx
import torch
from onnx import numpy_helper

import pack
import pictures
from course import Course
from evaluate import accuracy, four
from learner import Learner
from network import Frozen
from recipe import read

START_ROWS = 2048
LOG = "epoch,rate,train_loss,train_accuracy,valid_loss,valid_accuracy,seconds"


def onnx_tensors(path):
    return {t.name: numpy_helper.to_array(t).copy() for t in onnx.load(path).graph.initializer}


def open_learner(path, seed, device, train):
    recipe = read(path)
    name = os.path.splitext(os.path.basename(path))[0]
    learner = Learner(name if seed is None else f"{name}-{seed}", recipe,
                      recipe["training"]["seed"] if seed is None else seed, device)
    start = recipe["training"].get("start")
    if start:
        rows = torch.arange(0, train.n, max(train.n // START_ROWS, 1), device=device)[:START_ROWS]
        learner.start_from(onnx_tensors(os.path.join(os.path.dirname(path), start)),
                           pictures.normalise(train.pixels[rows].float()))
    return learner


def save(learner, out):
    np.savez(os.path.join(out, f"{learner.name}.npz"), **learner.net.folded())
    with open(os.path.join(out, f"{learner.name}.csv"), "w") as f:
        f.write("\n".join([LOG, *learner.log, ""]))


def teach(learners, teachers, args, train, valid):
    if not learners:
        return
    first = learners[0].training
    course = Course(learners, teachers, train, valid, min(first["batch"], train.n), first["augment"])
    course.run(args.epochs or first["epochs"], args.every)
    for learner in learners:
        save(learner, args.out)


def describe(learners, frozen, valid):
    nets = [learner.net for learner in learners]
    rows = [(learner.name, four([learner.net], valid)) for learner in learners] + [("all", four(nets, valid))]
    text = "".join(f"{name}: {' '.join(f'{v:.2f}' for v in figures)}\n" for name, figures in rows)
    return text + f"all, folded: {accuracy(frozen, valid):.2f}\n"


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", help="what pack.py wrote")
    parser.add_argument("--teacher", action="append", default=[], metavar="RECIPE:SEED")
    parser.add_argument("--student", action="append", default=[], metavar="RECIPE")
    parser.add_argument("--out", required=True, metavar="DIR")
    parser.add_argument("--epochs", type=int, help="for all, instead of the recipes' number")
    parser.add_argument("--every", type=int, default=10, help="epochs between looks at the PublicTest rows (10)")
    parser.add_argument("--rows", type=int, help="only the first so many of Training and of PublicTest")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args()


def main():
    args = parse()
    device = torch.device(args.device)
    torch.backends.cudnn.benchmark = True
    arrays = pack.load(args.pack)
    os.makedirs(args.out, exist_ok=True)
    train, valid = (pictures.Pictures(arrays, usage, args.rows, device) for usage in (0, 1))
    print(f"{train.n} Training rows, {valid.n} PublicTest rows", flush=True)
    paths = [(path, int(seed)) for path, seed in (t.rsplit(":", 1) for t in args.teacher)]
    learners = [open_learner(path, seed, device, train) for path, seed in paths]
    teach(learners, [], args, train, valid)
    teachers = [Frozen(learner.net).to(device, memory_format=torch.channels_last).eval() for learner in learners]
    if learners:
        text = describe(learners, teachers, valid)
        print(text, flush=True)
        with open(os.path.join(args.out, "teachers.txt"), "w") as f:
            f.write(text)
    teach([open_learner(path, None, device, train) for path in args.student], teachers, args, train, valid)
    return 0


if __name__ == "__main__":
    sys.exit(main())
