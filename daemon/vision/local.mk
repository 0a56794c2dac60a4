# SPDX-License-Identifier: LGPL-2.1-or-later
# The way of a frame. libvisioncore.la is all but the classifier, so that tests can put another in its place.
# the configuration checks zones, too
noinst_LTLIBRARIES += libzones.la libvisioncore.la libvision.la
libzones_la_SOURCES = daemon/vision/zones.c daemon/vision/zones.h
libzones_la_LIBADD = -lm
libvisioncore_la_SOURCES = \
	daemon/vision/attention.c daemon/vision/attention.h \
	daemon/vision/assignment.c daemon/vision/assignment.h \
	daemon/vision/crop.c daemon/vision/crop.h \
	daemon/vision/decision.c daemon/vision/decision.h \
	daemon/vision/face.h \
	daemon/vision/life.c daemon/vision/life.h \
	daemon/vision/look.c \
	daemon/vision/one-euro.c daemon/vision/one-euro.h \
	daemon/vision/pipeline.c daemon/vision/pipeline.h \
	daemon/vision/plugin-about.c daemon/vision/plugin-about.h \
	daemon/vision/plugin-check.c daemon/vision/plugin-check.h \
	daemon/vision/plugin-folder.c daemon/vision/plugin-folder.h \
	daemon/vision/plugin-host.c daemon/vision/plugin-host.h \
	daemon/vision/plugin-load.c daemon/vision/plugin-load.h \
	daemon/vision/plugin-record.c daemon/vision/plugin-record.h \
	daemon/vision/plugin-settings.c daemon/vision/plugin-settings.h \
	daemon/vision/pose.c daemon/vision/pose.h \
	daemon/vision/quality.c daemon/vision/quality.h \
	daemon/vision/recognise.c \
	daemon/vision/smoothing.c daemon/vision/smoothing.h \
	daemon/vision/stage.c daemon/vision/stage.h \
	daemon/vision/still.c \
	daemon/vision/tracks.c daemon/vision/tracks.h
libvisioncore_la_CFLAGS = $(AM_CFLAGS) $(CONFIG_CFLAGS)
libvisioncore_la_LIBADD = libzones.la libnnimage.la libbasic.la $(CONFIG_LIBS) -ldl -lm

# Programs that link it link libemotion-nn.la too.
libvision_la_SOURCES = daemon/vision/classifier.c daemon/vision/classifier.h
libvision_la_CFLAGS = $(AM_CFLAGS) $(CONFIG_CFLAGS) $(GCRYPT_CFLAGS)
libvision_la_LIBADD = libvisioncore.la $(GCRYPT_LIBS)
