#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""peer-opencv.py MODEL CLIP LOOPS: the loop that people write with python3-opencv, on the same clip and model.

Prints the same KEY=VALUE lines as bench-pipeline.
"""
import resource
import sys
import time

import cv2

CASCADE = "/usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml"


def resident_mib(field):
    with open("/proc/self/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(field)) / 1024


def main():
    model, clip, loops = sys.argv[1], sys.argv[2], int(sys.argv[3])
    cv2.setNumThreads(1)
    cascade = cv2.CascadeClassifier(CASCADE)
    net = cv2.dnn.readNetFromONNX(model)
    stages = {"source": 0.0, "detect": 0.0, "crop": 0.0, "classify": 0.0}
    frames = faces = 0
    cpu = wall = 0.0
    for loop in range(loops + 1):
        if loop == 1:  # the first is the warm-up
            stages = dict.fromkeys(stages, 0.0)
            frames = faces = 0
            cpu, wall = time.process_time(), time.monotonic()
        capture = cv2.VideoCapture(clip)
        while True:
            t0 = time.process_time()
            ok, frame = capture.read()
            if not ok:
                break
            gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
            t1 = time.process_time()
            boxes = cascade.detectMultiScale(gray, 1.1, 5, minSize=(50, 50))
            t2 = time.process_time()
            stages["source"] += t1 - t0
            stages["detect"] += t2 - t1
            for x, y, w, h in boxes:
                t3 = time.process_time()
                crop = cv2.resize(gray[y:y + h, x:x + w], (48, 48), interpolation=cv2.INTER_AREA)
                blob = cv2.dnn.blobFromImage(crop, 1 / 255)
                t4 = time.process_time()
                net.setInput(blob)
                net.forward()
                stages["crop"] += t4 - t3
                stages["classify"] += time.process_time() - t4
            frames += 1
            faces += len(boxes)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    print(f"frames={frames}\nfaces_per_frame={faces / frames:.2f}\ncpu_ms={cpu * 1e3 / frames:.3f}")
    for name, value in stages.items():
        print(f"{name}_ms={value * 1e3 / frames:.3f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"fps={frames / wall:.1f}\nrss_mib={resident_mib('VmRSS:'):.1f}\nrss_peak_mib={peak:.1f}")


main()
