# SPDX-License-Identifier: LGPL-2.1-or-later
# What the service, its clients and the services beside it share of sd-bus.
noinst_LTLIBRARIES += libbus.la
libbus_la_SOURCES = \
	bus/error.c bus/error.h \
	bus/names.c bus/names.h \
	bus/options.c bus/options.h
libbus_la_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
libbus_la_LIBADD = libbasic.la $(SYSTEMD_LIBS)

# for those who speak JSON, too
noinst_LTLIBRARIES += libbusjson.la
libbusjson_la_SOURCES = bus/json.c bus/json.h
libbusjson_la_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JSON_C_CFLAGS)
libbusjson_la_LIBADD = libbasic.la $(SYSTEMD_LIBS) $(JSON_C_LIBS)
