# SPDX-License-Identifier: LGPL-2.1-or-later
# The arithmetic of the engine. The sources in nn_simd_sources are compiled once per instruction set, each time into
# a library of its own with that set's flags; isa.c picks one at run time.
nn_simd_sources = \
	nn/kernels/depthwise.c \
	nn/kernels/lrn.c \
	nn/kernels/map.c \
	nn/kernels/panel.c \
	nn/kernels/resize.c \
	nn/kernels/simd.h \
	nn/kernels/tile.c \
	nn/kernels/vec.c \
	nn/kernels/winograd.c

# The choice, and what pictures need of the kernels: for programs that link no engine. libnnimage.la has both; what
# links kernels alone links libnnisa.la beside them.
noinst_LTLIBRARIES += libnnisa.la
libnnisa_la_SOURCES = nn/kernels/isa.c nn/kernels/isa.h
nn_warp_sources = nn/kernels/simd.h nn/kernels/warp.c nn/kernels/warp.h
nn_image_libs = libnnisa.la

noinst_LTLIBRARIES += libnnkernels.la libnnkernels-portable.la
nn_kernel_libs += libnnkernels.la
libnnkernels_la_SOURCES = \
	nn/kernels/conv.c \
	nn/kernels/conv-depthwise.c \
	nn/kernels/conv-direct.c \
	nn/kernels/conv.h \
	nn/kernels/conv-measure.c \
	nn/kernels/conv-priv.h \
	nn/kernels/conv-winograd.c \
	nn/kernels/fc.c \
	nn/kernels/fc.h \
	nn/kernels/gemm.c \
	nn/kernels/int8.c \
	nn/kernels/int8.h \
	nn/kernels/int8-conv.c \
	nn/kernels/int8-fc.c \
	nn/kernels/int8-ops.h \
	nn/kernels/kernels.c \
	nn/kernels/kernels.h \
	nn/kernels/ops.c \
	nn/kernels/ops.h \
	nn/pool.c \
	nn/pool.h
libnnkernels_la_LIBADD = libnnkernels-portable.la -lm -lpthread

libnnkernels_portable_la_SOURCES = $(nn_simd_sources)
libnnkernels_portable_la_CFLAGS = $(AM_CFLAGS) -DNN_SIMD_PORTABLE

if HOST_AARCH64
noinst_LTLIBRARIES += libnnwarp-neon.la
libnnwarp_neon_la_SOURCES = $(nn_warp_sources)
libnnwarp_neon_la_CFLAGS = $(AM_CFLAGS) -DNN_SIMD_NEON
nn_image_libs += libnnwarp-neon.la
noinst_LTLIBRARIES += libnnkernels-neon.la
libnnkernels_neon_la_SOURCES = $(nn_simd_sources)
libnnkernels_neon_la_CFLAGS = $(AM_CFLAGS) -DNN_SIMD_NEON
libnnkernels_la_LIBADD += libnnkernels-neon.la
endif

if HOST_X86_64
noinst_LTLIBRARIES += libnnwarp-avx2.la
libnnwarp_avx2_la_SOURCES = $(nn_warp_sources)
libnnwarp_avx2_la_CFLAGS = $(AM_CFLAGS) -DNN_SIMD_AVX2 -mavx2 -mfma
nn_image_libs += libnnwarp-avx2.la
noinst_LTLIBRARIES += libnnkernels-avx2.la libnnkernels-avx512.la
libnnkernels_avx2_la_SOURCES = $(nn_simd_sources)
libnnkernels_avx2_la_CFLAGS = $(AM_CFLAGS) -DNN_SIMD_AVX2 -mavx2 -mfma
libnnkernels_avx512_la_SOURCES = $(nn_simd_sources)
libnnkernels_avx512_la_CFLAGS = $(AM_CFLAGS) -DNN_SIMD_AVX512 -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl
libnnkernels_la_LIBADD += libnnkernels-avx2.la libnnkernels-avx512.la
endif

# Kernels on bytes, once per way to multiply them.
nn_int8_sources = \
	nn/kernels/int8-simd.h \
	nn/kernels/int8-tile.c

noinst_LTLIBRARIES += libnnint8-portable.la
libnnint8_portable_la_SOURCES = $(nn_int8_sources)
libnnint8_portable_la_CFLAGS = $(AM_CFLAGS) -DNN_SIMD_PORTABLE
libnnkernels_la_LIBADD += libnnint8-portable.la

if HOST_AARCH64
noinst_LTLIBRARIES += libnnint8-neon.la libnnint8-neon-dot.la
libnnint8_neon_la_SOURCES = $(nn_int8_sources)
libnnint8_neon_la_CFLAGS = $(AM_CFLAGS) -DNN_SIMD_NEON
libnnint8_neon_dot_la_SOURCES = $(nn_int8_sources)
libnnint8_neon_dot_la_CFLAGS = $(AM_CFLAGS) -DNN_SIMD_NEON -DNN_SIMD_DOT -march=armv8.2-a+dotprod
libnnkernels_la_LIBADD += libnnint8-neon.la libnnint8-neon-dot.la
endif

if HOST_X86_64
noinst_LTLIBRARIES += libnnint8-avx2.la libnnint8-avx2-dot.la libnnint8-avx512-dot.la
libnnint8_avx2_la_SOURCES = $(nn_int8_sources)
libnnint8_avx2_la_CFLAGS = $(AM_CFLAGS) -DNN_SIMD_AVX2 -mavx2 -mfma
libnnint8_avx2_dot_la_SOURCES = $(nn_int8_sources)
libnnint8_avx2_dot_la_CFLAGS = $(AM_CFLAGS) -DNN_SIMD_AVX2 -DNN_SIMD_DOT -mavx2 -mfma -mavxvnni
libnnint8_avx512_dot_la_SOURCES = $(nn_int8_sources)
libnnint8_avx512_dot_la_CFLAGS = $(AM_CFLAGS) -DNN_SIMD_AVX512 -DNN_SIMD_DOT -mavx2 -mfma -mavx512f -mavx512bw \
	-mavx512dq -mavx512vl -mavx512vnni
libnnkernels_la_LIBADD += libnnint8-avx2.la libnnint8-avx2-dot.la libnnint8-avx512-dot.la
endif
