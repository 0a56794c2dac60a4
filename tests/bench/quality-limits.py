#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""quality-limits.py MODEL FER2013.CSV: where a classifier's accuracy ends when pictures get small, dark, blurred, compressed
or cut out badly.

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


def compressed(x, quality):
    """As a camera sends it: the face in 96 x 96 pixels of a JPEG."""
    camera = cv2.resize(x, (96, 96), interpolation=cv2.INTER_CUBIC)
    _, jpeg = cv2.imencode(".jpg", np.clip(camera, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.resize(cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE).astype(np.float32), (48, 48), interpolation=cv2.INTER_AREA)


def framed(x, scale, shift):
    """Scaled about the middle and moved by a share of the side to the right and down."""
    at = (1 - scale) * 23.5 + 48 * shift
    return cv2.warpAffine(x, np.array([[scale, 0, at], [0, scale, at]]), (48, 48), borderMode=cv2.BORDER_REPLICATE)


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
             ("light, factor", dark, [0.5, 0.2, 0.1, 0.05, 0.02]), ("JPEG, quality", compressed, [90, 70, 50, 30, 15, 5]),
             ("framing, factor", lambda x, s: framed(x, s, 0), [0.8, 0.9, 1.1, 1.2]),
             ("framing, shift", lambda x, s: framed(x, 1, s), [0.05, 0.1, 0.15])]
    print("| harm | degree | mean | std | Laplacian | accuracy |\n|---|---|---|---|---|---|")
    for name, harm, degrees in kinds:
        for degree in degrees:
            harmed = [harm(x, degree) for x in pictures]
            mean, std, laplacian = np.median([measures(x) for x in harmed], axis=0)
            print("| %s | %g | %.0f | %.1f | %.4f | %.1f%% |"
                  % (name, degree, mean, std, laplacian, 100 * accuracy(net, harmed, labels)), flush=True)


main()
