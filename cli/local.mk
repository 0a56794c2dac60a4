# SPDX-License-Identifier: LGPL-2.1-or-later
# emotionctl talks D-Bus only; of this project it links no more than basic/, bus/, report/ and the header of a picture.
bin_PROGRAMS += emotionctl
emotionctl_SOURCES = \
	cli/bus.c \
	cli/bus.h \
	cli/canvas.c \
	cli/canvas.h \
	cli/ctl.h \
	cli/json.c \
	cli/main.c \
	cli/page.c \
	cli/page.h \
	cli/pager.c \
	cli/table.c \
	cli/reactions.c \
	cli/reactions.h \
	cli/text.c \
	cli/text.h \
	cli/unit.c \
	cli/unit.h \
	cli/verb-cameras.c \
	cli/verb-classify.c \
	cli/verb-clients.c \
	cli/verb-content.c \
	cli/verb-control.c \
	cli/verb-faces.c \
	cli/verb-notice.c \
	cli/verb-plugins.c \
	cli/verb-preview.c \
	cli/verb-report.c \
	cli/verb-run.c \
	cli/verb-show.c \
	cli/verb-status.c \
	cli/verb-watch.c
emotionctl_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JSON_C_CFLAGS)
emotionctl_LDADD = libreport.la libpicture.la libbusjson.la libbus.la libbasic.la $(SYSTEMD_LIBS) $(JSON_C_LIBS) -lm

bashcompletiondir = $(datadir)/bash-completion/completions
dist_bashcompletion_DATA = conf/completion/bash/emotionctl
zshcompletiondir = $(datadir)/zsh/site-functions
dist_zshcompletion_DATA = conf/completion/zsh/_emotionctl
