# SPDX-License-Identifier: LGPL-2.1-or-later
# Header-only helpers (macro.h), the log, text from outside made safe, files that are replaced whole or looked for in
# folders; shared by every folder, depends on nothing.
noinst_LTLIBRARIES += libbasic.la
libbasic_la_SOURCES = basic/macro.h basic/log.h basic/log.c basic/replace-file.h basic/replace-file.c \
	basic/find-file.h basic/find-file.c basic/utf8.h basic/utf8.c
