# SPDX-License-Identifier: LGPL-2.1-or-later

# emotiond's way of a frame beside a loop in python3-opencv; not run by make check
check_PROGRAMS += tests/bench/bench-pipeline
tests_bench_bench_pipeline_SOURCES = tests/bench/bench-pipeline.c
tests_bench_bench_pipeline_CFLAGS = $(AM_CFLAGS) $(CONFIG_CFLAGS)
tests_bench_bench_pipeline_LDADD = libvision.la libcapture.la libemotion-nn.la libnnimage.la libbasic.la \
	$(CONFIG_LIBS) $(GCRYPT_LIBS) -lm
EXTRA_DIST += tests/bench/compare-pipeline.py tests/bench/peer-opencv.py
