# SPDX-License-Identifier: LGPL-2.1-or-later
# emotion-nn, the tool. libtrain.la holds everything but main, for the tests.
noinst_LTLIBRARIES += libtrain.la
libtrain_la_SOURCES = \
	train/cmd.h train/random.h train/random.c train/augment.h train/augment.c train/metrics.h train/metrics.c \
	train/data/dataset.h train/data/dataset.c train/data/reader.h train/data/lines.c train/data/fer2013.c
libtrain_la_CFLAGS = $(AM_CFLAGS) $(CONFIG_CFLAGS) $(BLAS_CFLAGS) $(JSON_C_CFLAGS)
libtrain_la_LIBADD = libnn.la libpicture.la libbasic.la $(CONFIG_LIBS) $(BLAS_LIBS) $(JSON_C_LIBS) -lm

bin_PROGRAMS += emotion-nn
emotion_nn_SOURCES = train/main.c
emotion_nn_LDADD = libtrain.la
