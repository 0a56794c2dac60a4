# SPDX-License-Identifier: LGPL-2.1-or-later

# emotiond's way of a frame beside a loop in python3-opencv; not run by make check
check_PROGRAMS += tests/bench/bench-pipeline
tests_bench_bench_pipeline_SOURCES = tests/bench/bench-pipeline.c
tests_bench_bench_pipeline_CFLAGS = $(AM_CFLAGS) $(CONFIG_CFLAGS)
tests_bench_bench_pipeline_LDADD = libvision.la libcapture.la libemotion-nn.la libnnimage.la libbasic.la \
	$(CONFIG_LIBS) $(GCRYPT_LIBS) -lm
EXTRA_DIST += tests/bench/attack.py tests/bench/compare-pipeline.py tests/bench/latency.py tests/bench/quality-limits.py tests/bench/peer-opencv.py \
	tests/bench/quarters.py tests/bench/reactions-load.py

# our engine beside others: compare-engines.py; nor is this run by make check
check_PROGRAMS += tests/bench/peer-onnxruntime
tests_bench_peer_onnxruntime_SOURCES = tests/bench/peer-onnxruntime.c tests/bench/timing.h
tests_bench_peer_onnxruntime_LDADD = -ldl
if HAVE_DNNL
check_PROGRAMS += tests/bench/peer-onednn
tests_bench_peer_onednn_SOURCES = tests/bench/peer-onednn.c tests/bench/timing.h
tests_bench_peer_onednn_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_bench_peer_onednn_LDADD = libnn.la -ldnnl -lm
endif
EXTRA_DIST += tests/bench/compare-engines.py tests/bench/face-nets.py tests/bench/foreign.py tests/bench/peer-opencv-dnn.py tests/bench/vgg.conf

# counted under qemu, by hand; the script compiles both for what it needs
EXTRA_DIST += tests/bench/arm-instructions.sh tests/bench/count-instructions.c tests/bench/some-passes.c

# the detector plugins side by side
check_PROGRAMS += tests/bench/bench-detectors
tests_bench_bench_detectors_SOURCES = tests/bench/bench-detectors.c
tests_bench_bench_detectors_CFLAGS = $(AM_CFLAGS) $(CONFIG_CFLAGS)
tests_bench_bench_detectors_LDADD = libvisioncore.la libpicture.la libbasic.la $(CONFIG_LIBS) -lm
EXTRA_DIST += tests/bench/compare-detectors.py

check_PROGRAMS += tests/bench/first-result
tests_bench_first_result_SOURCES = tests/bench/first-result.c tests/bench/timing.h
tests_bench_first_result_LDADD = libemotion-nn.la

# our trainer beside PyTorch; not run by make check
EXTRA_DIST += tests/bench/compare-training.py tests/bench/peer-torch.py tests/bench/net-c.conf tests/bench/resnet-like.conf

# in how many of 1,000 made crowds the intervals of reactions/ hold: the table of docs/REACTIONS.md
check_PROGRAMS += tests/bench/reactions-proof
tests_bench_reactions_proof_SOURCES = tests/bench/reactions-proof.c $(stats_crowd)
tests_bench_reactions_proof_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit
tests_bench_reactions_proof_LDADD = libreactionstats.la -lm
