# SPDX-License-Identifier: LGPL-2.1-or-later
# The service's configuration, who may talk to it, and the user that it runs as.
emotiondconfdir = $(sysconfdir)/emotiond
dist_emotiondconf_DATA = conf/emotiond.conf conf/reactions.conf
dist_dbuspolicy_DATA = conf/org.emotiond.Emotion1.conf conf/org.emotiond.Reactions1.conf
EXTRA_DIST += conf/emotiond.sysusers conf/emotion-reactions.sysusers conf/emotion-bridge.sysusers conf/emotion-bridge.conf

# each file is installed under the name of the package
conf/sysusers/emotiond.conf: conf/emotiond.sysusers
	$(AM_V_GEN)$(MKDIR_P) conf/sysusers && cp $(srcdir)/conf/emotiond.sysusers $@
conf/sysusers/emotion-reactions.conf: conf/emotion-reactions.sysusers
	$(AM_V_GEN)$(MKDIR_P) conf/sysusers && cp $(srcdir)/conf/emotion-reactions.sysusers $@
sysusers_DATA = conf/sysusers/emotiond.conf conf/sysusers/emotion-reactions.conf
if HAVE_BRIDGE
emotiondconf_DATA = conf/emotion-bridge.conf
conf/sysusers/emotion-bridge.conf: conf/emotion-bridge.sysusers
	$(AM_V_GEN)$(MKDIR_P) conf/sysusers && cp $(srcdir)/conf/emotion-bridge.sysusers $@
sysusers_DATA += conf/sysusers/emotion-bridge.conf
endif
CLEANFILES += $(sysusers_DATA)

dist_bashcompletion_DATA += conf/completion/bash/emotiond conf/completion/bash/emotion-nn
dist_zshcompletion_DATA += conf/completion/zsh/_emotiond conf/completion/zsh/_emotion-nn
