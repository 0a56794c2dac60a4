# SPDX-License-Identifier: LGPL-2.1-or-later
# libcnn.la holds everything but the descriptor, for the tests.
noinst_LTLIBRARIES += libcnn.la
libcnn_la_SOURCES = \
	plugins/cnn/aligner.c plugins/cnn/aligner.h \
	plugins/cnn/detector.c plugins/cnn/detector.h
libcnn_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
libcnn_la_LIBADD = -lm

plugin_LTLIBRARIES += plugins/cnn.la
plugins_cnn_la_SOURCES = plugins/cnn/cnn.c plugins/emo-plugin.h
plugins_cnn_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_cnn_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
plugins_cnn_la_LDFLAGS = $(PLUGIN_LDFLAGS) -Wl,--exclude-libs,ALL
plugins_cnn_la_LIBADD = libcnn.la libfacenets.la libnnimage.la libemotion-nn.la -lm

EXTRA_DIST += plugins/cnn/README.md
