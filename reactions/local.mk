# SPDX-License-Identifier: LGPL-2.1-or-later
# emotion-reactions: what people showed while a content ran. The statistics are functions of sums and histograms; they
# know neither the store nor the bus.
noinst_LTLIBRARIES += libreactionstats.la
libreactionstats_la_SOURCES = \
	reactions/stats-band.c reactions/stats-band.h \
	reactions/stats-compare.c reactions/stats-compare.h \
	reactions/stats-mixture.c reactions/stats-mixture.h \
	reactions/stats-normal.c reactions/stats-normal.h \
	reactions/stats-power.c reactions/stats-power.h \
	reactions/stats-random.c reactions/stats-random.h \
	reactions/stats-sample.c reactions/stats-sample.h
libreactionstats_la_LIBADD = -lm

# who is seen while a content runs, and what is kept of it
noinst_LTLIBRARIES += libreactionstore.la
libreactionstore_la_SOURCES = \
	reactions/crowd.c reactions/crowd.h \
	reactions/store.c reactions/store.h \
	reactions/store-cells.c reactions/store-private.h \
	reactions/sums.c reactions/sums.h
libreactionstore_la_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
libreactionstore_la_LIBADD = libreactionstats.la libbasicdb.la libbasic.la -lm

# the service, all but main
noinst_LTLIBRARIES += libreactions.la
libreactions_la_SOURCES = \
	reactions/plays.c reactions/plays.h \
	reactions/query.c reactions/query.h \
	reactions/reactions-dbus.c reactions/reactions-dbus.h \
	reactions/reactions-service.c reactions/reactions-service.h \
	reactions/reactions-settings.c reactions/reactions-settings.h \
	reactions/release.c reactions/release.h \
	reactions/source-summary.c reactions/source.h
libreactions_la_CFLAGS = $(AM_CFLAGS) $(CONFIG_CFLAGS) $(JSON_C_CFLAGS) $(SQLITE_CFLAGS) $(SYSTEMD_CFLAGS) -pthread
libreactions_la_LIBADD = libreactionstore.la libbasicconf.la libbasic.la $(JSON_C_LIBS) $(SYSTEMD_LIBS) -lpthread

sbin_PROGRAMS += emotion-reactions
emotion_reactions_SOURCES = reactions/main.c
emotion_reactions_LDADD = libreactions.la

dist_dbusinterfaces_DATA += \
	reactions/org.emotiond.Reactions1.Manager.xml \
	reactions/org.emotiond.Reactions1.Play.xml
dist_man_MANS += docs/emotion-reactions.8 docs/reactions.conf.5
