#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""FER2013's csv, the votes of FER+ and the maps of `emotion-nn align` as one small file for another machine.

    pack.py fer2013.csv fer2013new.csv aligned/maps.csv -o fer2013.pack

Pixels are kept without loss. Rows marked PrivateTest are left out.
"""

import argparse
import io
import lzma

import numpy as np

SIDE = 48
USAGES = ["Training", "PublicTest"]
# FER+'s columns from the third on, by FER2013's number of the class
VOTE_COLUMNS = [4, 5, 6, 1, 3, 2, 0]


def neighbours(x, column, row):
    """What the pixel is likely to be: the median of left, above and left + above - above left (as in JPEG-LS)."""
    left = x[:, row, column - 1] if column else np.zeros(len(x), np.int16)
    above = x[:, row - 1, column] if row else left
    if not column:
        return above
    corner = x[:, row - 1, column - 1] if row else left
    return np.clip(left + above - corner, np.minimum(left, above), np.maximum(left, above))


def differences(pixels):
    x = pixels.astype(np.int16)
    ret = np.empty_like(pixels)
    for row in range(SIDE):
        for column in range(SIDE):
            ret[:, row, column] = (x[:, row, column] - neighbours(x, column, row)) & 255
    return ret


def pixels_of(differences_):
    x = np.zeros(differences_.shape, np.int16)
    for row in range(SIDE):
        for column in range(SIDE):
            x[:, row, column] = (neighbours(x, column, row) + differences_[:, row, column]) & 255
    return x.astype(np.uint8)


def read(fer, ferplus, maps):
    pixels, labels, usages, votes, places = [], [], [], [], []
    with open(fer) as rows, open(ferplus) as tags, open(maps) as lines:
        for file, header in ((rows, "emotion,pixels,Usage"), (tags, "Usage,Image name,neutral,"), (lines, "m0,m1,")):
            if not next(file, "").startswith(header):
                raise ValueError(f"{file.name}: the first line does not begin with {header}")
        for number, (row, tag, line) in enumerate(zip(rows, tags, lines, strict=True), 2):
            label, text, usage = row.rstrip("\n").split(",")
            tag_usage, _, *counts = tag.rstrip("\n").split(",")
            if tag_usage != usage:
                raise ValueError(f"{ferplus}:{number}: Usage differs from that of {fer}")
            if usage not in USAGES:
                continue
            numbers = np.array([int(v) for v in counts])[VOTE_COLUMNS]
            pixels.append(np.array(text.split(), dtype=np.uint8).reshape(SIDE, SIDE))
            labels.append(int(label))
            usages.append(USAGES.index(usage))
            votes.append(numbers / max(numbers.sum(), 1))
            places.append(np.array(line.split(","), dtype=np.float32).reshape(2, 3))
    return {"pixels": np.stack(pixels), "labels": np.array(labels, np.uint8), "usage": np.array(usages, np.uint8),
            "votes": np.stack(votes).astype(np.float32), "maps": np.stack(places)}


def load(path):
    with lzma.open(path) as f:
        arrays = dict(np.load(io.BytesIO(f.read())))
    arrays["pixels"] = pixels_of(arrays["pixels"])
    return arrays


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("fer")
    parser.add_argument("ferplus")
    parser.add_argument("maps")
    parser.add_argument("-o", "--output", required=True)
    args = parser.parse_args()
    arrays = read(args.fer, args.ferplus, args.maps)
    arrays["pixels"] = differences(arrays["pixels"])
    raw = io.BytesIO()
    np.savez(raw, **arrays)
    with lzma.open(args.output, "w", filters=[{"id": lzma.FILTER_LZMA2, "preset": 6, "lc": 0, "lp": 0, "pb": 0}]) as f:
        f.write(raw.getvalue())
    print(f"{len(arrays['labels'])} rows")


if __name__ == "__main__":
    main()
