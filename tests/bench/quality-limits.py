#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""quality-limits.py MODEL FER2013.CSV: where a classifier's accuracy ends when pictures get small, dark or blurred.

The limits of daemon/vision/quality.h come from this table. The pictures are every third of PublicTest; for each kind and
degree of harm: the median of the measure that quality.c takes, and the accuracy by the original labels. The model's
normalisation is taken to be "contrast".
"""
import csv
import sys

import cv2
import numpy as np

cv2.setNumThreads(1)


def read(path):
    with open(path) as f:
        rows = [r for r in csv.DictReader(f) if r["Usage"] == "PublicTest"][::3]
    return (np.array([np.array(r["pixels"].split(), np.float32).reshape(48, 48) for r in rows]),
            np.array([int(r["emotion"]) for r in rows]))


def accuracy(net, pictures, labels):
    right = 0
    for x, label in zip(pictures, labels):
        net.setInput(((x - x.mean()) / max(x.std(), 8))[None, None].astype(np.float32))
        right += net.forward().argmax() == label
    return right / len(labels)


def measures(x):
    """Mean, standard deviation, variance of the Laplacian over the variance."""
    laplacian = 4 * x[1:-1, 1:-1] - x[:-2, 1:-1] - x[2:, 1:-1] - x[1:-1, :-2] - x[1:-1, 2:]
    return x.mean(), x.std(), laplacian.var() / max(x.var(), 1)


def shrunk(x, side):
    return cv2.resize(cv2.resize(x, (side, side), interpolation=cv2.INTER_AREA), (48, 48))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    net = cv2.dnn.readNetFromONNX(sys.argv[1])
    pictures, labels = read(sys.argv[2])
    noise = np.random.default_rng(1)

    def dark(x, gain):
        return np.round(np.clip(x * gain + noise.normal(0, 2, x.shape), 0, 255)).astype(np.float32)
    kinds = [("as it is", lambda x, _: x, [0]), ("side, pixels", shrunk, [32, 24, 20, 16, 12, 8]),
             ("blur, sigma", lambda x, s: cv2.GaussianBlur(x, (0, 0), s), [0.7, 1, 1.5, 2, 3, 4]),
             ("light, factor", dark, [0.5, 0.2, 0.1, 0.05, 0.02])]
    print("| harm | degree | mean | std | Laplacian | accuracy |\n|---|---|---|---|---|---|")
    for name, harm, degrees in kinds:
        for degree in degrees:
            harmed = [harm(x, degree) for x in pictures]
            mean, std, laplacian = np.median([measures(x) for x in harmed], axis=0)
            print("| %s | %g | %.0f | %.1f | %.4f | %.1f%% |"
                  % (name, degree, mean, std, laplacian, 100 * accuracy(net, harmed, labels)), flush=True)


main()
