#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""peer-opencv-dnn.py MODEL SECONDS DIM...: times OpenCV's dnn module, one thread; prints KEY=VALUE lines."""
import resource
import statistics
import sys
import time

import cv2
import numpy


def main():
    model, seconds, dims = sys.argv[1], float(sys.argv[2]), [int(d) for d in sys.argv[3:]]
    cv2.setNumThreads(1)
    start = time.perf_counter()
    net = cv2.dnn.readNetFromONNX(model)
    n = int(numpy.prod(dims))
    x = ((numpy.arange(n, dtype=numpy.uint64) * 2654435761 % 1000) / 1000).astype(numpy.float32).reshape(dims)
    net.setInput(x)
    net.forward()
    load = time.perf_counter() - start
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 10 or time.perf_counter() < end:
        t0 = time.perf_counter()
        net.setInput(x)
        net.forward()
        times.append(time.perf_counter() - t0)
    print(f"median_us={statistics.median(times) * 1e6:.2f}\nmin_us={min(times) * 1e6:.2f}\nload_ms={load * 1e3:.3f}")
    print(f"peak_kb={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}\nversion={cv2.__version__}")


main()
