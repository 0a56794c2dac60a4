# SPDX-License-Identifier: LGPL-2.1-or-later
if HAVE_DLIB
plugin_LTLIBRARIES += plugins/dlib.la
endif
plugins_dlib_la_SOURCES = plugins/dlib/dlib.cc plugins/dlib/landmarks.cc plugins/dlib/landmarks.h plugins/dlib/gray-view.h \
	plugins/emo-plugin.h
plugins_dlib_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_dlib_la_CXXFLAGS = $(AM_CXXFLAGS) -fvisibility=hidden -fvisibility-inlines-hidden
plugins_dlib_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_dlib_la_LIBADD = $(DLIB_LIBS)

EXTRA_DIST += plugins/dlib/README.md
