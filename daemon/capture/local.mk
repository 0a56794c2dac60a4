# SPDX-License-Identifier: LGPL-2.1-or-later
# Where frames come from: source.h, devices.h and strobe.h are for the rest of the daemon, all else is this folder's own.
noinst_LTLIBRARIES += libcapture.la
libcapture_la_SOURCES = \
	daemon/capture/source.h daemon/capture/source-ops.h daemon/capture/source.c \
	daemon/capture/source-tools.h daemon/capture/source-tools.c \
	daemon/capture/luma.h daemon/capture/luma.c daemon/capture/strobe.h daemon/capture/strobe.c \
	daemon/capture/source-replay.c daemon/capture/container.h daemon/capture/container.c \
	daemon/capture/avi.c daemon/capture/y4m.c daemon/capture/folder.c \
	daemon/capture/source-v4l2.c daemon/capture/v4l2-io.h daemon/capture/v4l2-io.c \
	daemon/capture/devices.h daemon/capture/v4l2-device.h daemon/capture/v4l2-device.c \
	daemon/capture/v4l2-controls.h daemon/capture/v4l2-controls.c \
	daemon/capture/v4l2-negotiate.h daemon/capture/v4l2-negotiate.c
libcapture_la_CFLAGS = $(AM_CFLAGS) $(V4L2_CFLAGS)
libcapture_la_LIBADD = libpicture.la $(V4L2_LIBS) -lm
