# SPDX-License-Identifier: LGPL-2.1-or-later
# Detection and alignment backends, each a module NAME.so that exports emo_plugin and nothing else.
include_HEADERS += plugins/emo-plugin.h

plugins/emotiond-plugin.pc: plugins/emotiond-plugin.pc.in Makefile
	$(AM_V_GEN)$(MKDIR_P) plugins && $(SUBSTITUTE) $(srcdir)/plugins/emotiond-plugin.pc.in > $@.tmp && mv $@.tmp $@
pkgconfig_DATA += plugins/emotiond-plugin.pc
CLEANFILES += plugins/emotiond-plugin.pc

PLUGIN_CPPFLAGS = $(AM_CPPFLAGS) -DPLUGIN_VERSION='"$(VERSION)"'
# A module hides all but its descriptor and leaves no symbol open; the sanitizers' own are resolved by the program.
if SANITIZED
PLUGIN_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared
else
PLUGIN_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -Wl,-z,defs
endif

plugin_LTLIBRARIES += plugins/box.la
plugins_box_la_SOURCES = plugins/box/box.c plugins/emo-plugin.h
plugins_box_la_CPPFLAGS = $(PLUGIN_CPPFLAGS)
plugins_box_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
plugins_box_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_box_la_LIBADD = -lm

if HAVE_OPENCV
plugin_LTLIBRARIES += plugins/haar.la
endif
plugins_haar_la_SOURCES = plugins/haar/haar.c plugins/haar/cascade.cpp plugins/haar/cascade.h plugins/emo-plugin.h
plugins_haar_la_CPPFLAGS = $(PLUGIN_CPPFLAGS) $(OPENCV_CFLAGS)
plugins_haar_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
plugins_haar_la_CXXFLAGS = $(AM_CXXFLAGS) -fvisibility=hidden -fvisibility-inlines-hidden
plugins_haar_la_LDFLAGS = $(PLUGIN_LDFLAGS)
plugins_haar_la_LIBADD = $(OPENCV_LIBS) -lm

include plugins/cnn/local.mk
include plugins/dlib/local.mk

# libtool's .la files serve nobody in a folder of modules
install-data-hook:
	rm -f $(plugin_LTLIBRARIES:plugins/%=$(DESTDIR)$(plugindir)/%)
uninstall-hook:
	rm -f $(plugin_LTLIBRARIES:plugins/%.la=$(DESTDIR)$(plugindir)/%.so)

EXTRA_DIST += plugins/emotiond-plugin.pc.in plugins/box/README.md plugins/box/measure.py plugins/haar/README.md
