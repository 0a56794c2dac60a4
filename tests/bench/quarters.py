#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""quarters.py CLIP X Y OUT.avi: a clip of 640x480 each of whose quarters shows the same 320x240 of CLIP, from (X, Y) on.

So a clip with one face becomes one with four, and its wall one with none. The quarters begin at different frames, and
two are mirrored.
"""
import sys

import cv2
import numpy


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__.splitlines()[0])
    source, x, y = cv2.VideoCapture(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    parts = []
    while True:
        ok, frame = source.read()
        if not ok:
            break
        parts.append(frame[y:y + 240, x:x + 320])
    if not parts or parts[0].shape[:2] != (240, 320):
        sys.exit("%s does not reach 320x240 from (%d, %d) on" % (sys.argv[1], x, y))
    out = cv2.VideoWriter(sys.argv[4], cv2.VideoWriter_fourcc(*"MJPG"), source.get(cv2.CAP_PROP_FPS), (640, 480))
    n = len(parts)
    for i in range(n):
        a, b, c, d = (parts[(i + k * n // 4) % n] for k in range(4))
        out.write(numpy.vstack((numpy.hstack((a, b[:, ::-1])), numpy.hstack((c[:, ::-1], d)))))
    out.release()


main()
