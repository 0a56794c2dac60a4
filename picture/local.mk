# SPDX-License-Identifier: LGPL-2.1-or-later
# JPEG and PNG, for outside input; picture.h is for all, jpeg.h for those who decode one JPEG after another.
noinst_LTLIBRARIES += libpicture.la
libpicture_la_SOURCES = \
	picture/picture.h picture/picture.c \
	picture/jpeg.h picture/jpeg.c picture/jpeg-bytes.h picture/jpeg-bytes.c picture/orient.h picture/orient.c \
	picture/png.h picture/png.c picture/shrink.h picture/shrink.c
libpicture_la_CFLAGS = $(AM_CFLAGS) $(TURBOJPEG_CFLAGS) $(PNG_CFLAGS)
libpicture_la_LIBADD = libbasic.la $(TURBOJPEG_LIBS) $(PNG_LIBS)
