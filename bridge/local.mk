# SPDX-License-Identifier: LGPL-2.1-or-later
# emotion-bridge: numbers for pages, Prometheus and MQTT. Where its libraries are missing it is left out.
bridge_sources = \
	bridge/bridge-service.c bridge/bridge-service.h \
	bridge/bridge-settings.c bridge/bridge-settings.h \
	bridge/discovery.c bridge/discovery.h \
	bridge/events.c bridge/events.h \
	bridge/http.c bridge/http.h \
	bridge/http-answer.c bridge/http-private.h \
	bridge/http-request.c \
	bridge/http-stream.c \
	bridge/link.h \
	bridge/metrics.c bridge/metrics.h \
	bridge/mqtt.c bridge/mqtt.h \
	bridge/queue.c bridge/queue.h \
	bridge/request.c bridge/request.h \
	bridge/showing.c bridge/showing.h \
	bridge/tell.c bridge/tell.h \
	bridge/view.c bridge/view.h \
	bridge/watch.c bridge/watch.h \
	bridge/window.c bridge/window.h
EXTRA_DIST += bridge/board.html bridge/emotion.js bridge/emotion.d.ts docs/emotion-bridge.8 docs/emotion-bridge.conf.5
if HAVE_BRIDGE
noinst_LTLIBRARIES += libbridge.la
libbridge_la_SOURCES = $(bridge_sources)
if HAVE_MQTT
libbridge_la_SOURCES += bridge/link.c
else
libbridge_la_SOURCES += bridge/link-none.c
endif
libbridge_la_CFLAGS = $(AM_CFLAGS) $(CONFIG_CFLAGS) $(JSON_C_CFLAGS) $(MICROHTTPD_CFLAGS) $(MOSQUITTO_CFLAGS) $(SQLITE_CFLAGS) $(SYSTEMD_CFLAGS) -pthread
libbridge_la_LIBADD = libbusjson.la libbus.la libbasicconf.la libbasicdb.la libbasic.la $(JSON_C_LIBS) $(MICROHTTPD_LIBS) $(MOSQUITTO_LIBS) $(SQLITE_LIBS) $(SYSTEMD_LIBS) -lpthread

sbin_PROGRAMS += emotion-bridge
emotion_bridge_SOURCES = bridge/main.c
emotion_bridge_CPPFLAGS = $(AM_CPPFLAGS) -DEMO_BRIDGE_DIR='"$(bridgedir)"'
emotion_bridge_LDADD = libbridge.la
man_MANS = docs/emotion-bridge.8 docs/emotion-bridge.conf.5
bridge_DATA = bridge/board.html bridge/emotion.js bridge/emotion.d.ts
endif
