# SPDX-License-Identifier: LGPL-2.1-or-later
# Header-only helpers (macro.h), the log, files that are replaced whole or looked for in folders; shared by every folder,
# depends on nothing.
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
