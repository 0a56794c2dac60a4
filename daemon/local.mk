# SPDX-License-Identifier: LGPL-2.1-or-later
# emotiond. libservice.la holds everything but main, for the tests; libsettings.la what needs neither bus nor threads.
include daemon/vision/local.mk
include daemon/capture/local.mk

noinst_LTLIBRARIES += libsettings.la libservicecore.la libservice.la
libsettings_la_SOURCES = \
	daemon/hours.c daemon/hours.h \
	daemon/settings.c daemon/settings.h \
	daemon/settings-table.c daemon/settings-table.h \
	daemon/settings-zones.c daemon/settings-zones.h
libsettings_la_CFLAGS = $(AM_CFLAGS) $(CONFIG_CFLAGS)
libsettings_la_LIBADD = libzones.la libbasic.la $(CONFIG_LIBS) -lm

# the main thread's side, which tests join to a worker made of variables
libservicecore_la_SOURCES = \
	daemon/append-dbus.c daemon/append-dbus.h \
	daemon/bus-face.c daemon/bus-face.h \
	daemon/camera.c daemon/camera.h \
	daemon/camera-dbus.c daemon/camera-dbus.h \
	daemon/claims.c daemon/claims.h \
	daemon/clients-dbus.c daemon/clients-dbus.h \
	daemon/engine-report.c daemon/engine-report.h \
	daemon/manager.c daemon/manager.h \
	daemon/manager-dbus.c daemon/manager-dbus.h \
	daemon/manager-properties.c \
	daemon/messages.h \
	daemon/options-dbus.c daemon/options-dbus.h \
	daemon/peers-dbus.c daemon/peers-dbus.h \
	daemon/preview-dbus.c daemon/preview-dbus.h \
	daemon/shares-dbus.c daemon/shares-dbus.h \
	daemon/signals-dbus.c daemon/signals-dbus.h \
	daemon/summary.c daemon/summary.h \
	daemon/worker.h
libservicecore_la_CFLAGS = $(AM_CFLAGS) $(CONFIG_CFLAGS) $(SYSTEMD_CFLAGS)
libservicecore_la_LIBADD = libsettings.la libbus.la libbasic.la $(SYSTEMD_LIBS)

libservice_la_SOURCES = \
	daemon/check.c daemon/check.h \
	daemon/decoder-process.c daemon/decoder-process.h \
	daemon/engine.c daemon/engine.h \
	daemon/hidden.c daemon/hidden.h \
	daemon/hotplug.c daemon/hotplug.h \
	daemon/mailbox.c daemon/mailbox.h \
	daemon/mounting.c daemon/mounting.h \
	daemon/picture-reader.c daemon/picture-reader.h \
	daemon/preview.c daemon/preview.h \
	daemon/service.c daemon/service.h \
	daemon/worker.c \
	daemon/worker-camera.c \
	daemon/worker-state.h \
	daemon/worker-summary.c \
	daemon/worker-thread.c
libservice_la_CFLAGS = $(AM_CFLAGS) $(CONFIG_CFLAGS) $(SYSTEMD_CFLAGS) -pthread
libservice_la_LIBADD = libservicecore.la libsettings.la libbasic.la $(SYSTEMD_LIBS) -lpthread

sbin_PROGRAMS += emotiond
emotiond_SOURCES = daemon/main.c
emotiond_CFLAGS = $(AM_CFLAGS) $(CONFIG_CFLAGS)
emotiond_LDADD = libservice.la libvision.la libcapture.la libpicture.la libbasic.la libemotion-nn.la

dist_dbusinterfaces_DATA = \
	daemon/org.emotiond.Emotion1.Camera.xml \
	daemon/org.emotiond.Emotion1.Manager.xml
dist_man_MANS += docs/emotiond.8 docs/emotiond.conf.5
