#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""measure.py FER2013.CSV [COUNT]: where FER2013's pictures lie about the boxes of OpenCV's cascades (README.md)."""
import sys

import cv2
import numpy as np

UP = 4
SIDE = 48 * UP
BORDER = SIDE // 2
FOLDER = "/usr/share/opencv4/haarcascades/haarcascade_frontalface_%s.xml"
MODES = {"replicate": cv2.BORDER_REPLICATE, "mirror": cv2.BORDER_REFLECT_101, "gray": cv2.BORDER_CONSTANT}


def training_pictures(path, count):
    with open(path, encoding="ascii") as f:
        next(f)
        rows = [p for _, p, usage in (line.strip().split(",") for line in f) if usage == "Training"]
    chosen = np.random.default_rng(1).choice(len(rows), count, replace=False)
    return [np.array(rows[i].split(), dtype=np.uint8).reshape(48, 48) for i in chosen]


def measure(pictures, cascade, mode):
    result = []
    for picture in pictures:
        large = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        large = cv2.copyMakeBorder(large, BORDER, BORDER, BORDER, BORDER, MODES[mode], value=int(picture.mean()))
        boxes = cascade.detectMultiScale(large, 1.05, 4, minSize=(SIDE // 2,) * 2, maxSize=(int(SIDE * 1.6),) * 2)
        if len(boxes) == 1:
            x, y, w, h = boxes[0]
            centre = BORDER + SIDE / 2
            result.append((SIDE / w, (centre - (x + w / 2)) / w, (centre - (y + h / 2)) / w))
    return np.array(result)


def main():
    cv2.setNumThreads(1)
    pictures = training_pictures(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1500)
    for name in ("alt2", "default"):
        cascade = cv2.CascadeClassifier(FOLDER % name)
        for mode in MODES:
            r = measure(pictures, cascade, mode)
            q = np.percentile(r, [25, 50, 75], axis=0)
            print(f"{name} {mode}: {len(r)} of {len(pictures)}; side, right, down: median {np.round(q[1], 4)}, "
                  f"quartiles apart {np.round(q[2] - q[0], 3)}", flush=True)


main()
