# SPDX-License-Identifier: LGPL-2.1-or-later
# Numbers to pictures and pages: charts for emotion-nn, reports for emotionctl. Knows neither bus nor store.
noinst_LTLIBRARIES += libsvg.la libreport.la
libsvg_la_SOURCES = report/svg.c report/svg.h
libsvg_la_LIBADD = libbasic.la
libreport_la_SOURCES = report/csv.c report/csv.h report/html-text.c report/html-text.h \
	report/html.c report/html.h report/notice.c report/notice.h report/report-json.c report/report-json.h
libreport_la_CFLAGS = $(AM_CFLAGS) $(JSON_C_CFLAGS)
libreport_la_LIBADD = libsvg.la libbasic.la $(JSON_C_LIBS) -lm
