# SPDX-License-Identifier: LGPL-2.1-or-later
# emotion-decode: the process that looks at pictures from outside, so that the service does not have to.
libexec_PROGRAMS += emotion-decode
emotion_decode_SOURCES = \
	decode/answer.h \
	decode/main.c \
	decode/sandbox.c decode/sandbox.h
emotion_decode_LDADD = libpicture.la libbasic.la
