# SPDX-License-Identifier: LGPL-2.1-or-later
# Header-only helpers (macro.h), the log, files that are replaced whole or looked for in folders; shared by every folder,
# depends on nothing of ours.
noinst_LTLIBRARIES += libbasic.la
libbasic_la_SOURCES = \
	basic/clock.h \
	basic/find-file.c basic/find-file.h \
	basic/fnv.h \
	basic/log.c basic/log.h \
	basic/macro.h \
	basic/replace-file.c basic/replace-file.h \
	basic/utf8.c basic/utf8.h \
	basic/uuid.c basic/uuid.h

# configuration files by a table; of its own because of libconfig
noinst_LTLIBRARIES += libbasicconf.la
libbasicconf_la_SOURCES = basic/conf.c basic/conf.h
libbasicconf_la_CFLAGS = $(AM_CFLAGS) $(CONFIG_CFLAGS)
libbasicconf_la_LIBADD = $(CONFIG_LIBS)

# SQLite with our errors, and files of it that survive being killed, broken or of another version
noinst_LTLIBRARIES += libbasicdb.la
libbasicdb_la_SOURCES = basic/db.c basic/db.h basic/db-file.c basic/db-file.h
libbasicdb_la_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)
libbasicdb_la_LIBADD = $(SQLITE_LIBS)
