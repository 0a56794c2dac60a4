# SPDX-License-Identifier: LGPL-2.1-or-later
# The service's configuration, who may talk to it, and the user that it runs as.
emotiondconfdir = $(sysconfdir)/emotiond
dist_emotiondconf_DATA = conf/emotiond.conf
dist_dbuspolicy_DATA = conf/org.emotiond.Emotion1.conf
EXTRA_DIST += conf/emotiond.sysusers

# each file is installed under the name of the package
conf/sysusers/emotiond.conf: conf/emotiond.sysusers
	$(AM_V_GEN)$(MKDIR_P) conf/sysusers && cp $(srcdir)/conf/emotiond.sysusers $@
sysusers_DATA = conf/sysusers/emotiond.conf
CLEANFILES += conf/sysusers/emotiond.conf

dist_bashcompletion_DATA += conf/completion/bash/emotiond conf/completion/bash/emotion-nn
dist_zshcompletion_DATA += conf/completion/zsh/_emotiond conf/completion/zsh/_emotion-nn
