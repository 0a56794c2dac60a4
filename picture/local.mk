# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += libpicture.la
libpicture_la_SOURCES = picture/picture.h
libpicture_la_CFLAGS = $(AM_CFLAGS) $(TURBOJPEG_CFLAGS) $(PNG_CFLAGS)
libpicture_la_LIBADD = $(TURBOJPEG_LIBS) $(PNG_LIBS)
