# SPDX-License-Identifier: LGPL-2.1-or-later
EXTRA_DIST += systemd/emotiond.service.in systemd/org.emotiond.Emotion1.service.in \
	systemd/emotion-bridge.service.in systemd/emotion-reactions.service.in systemd/org.emotiond.Reactions1.service.in

systemd/emotiond.service: systemd/emotiond.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && $(SUBSTITUTE) $(srcdir)/systemd/emotiond.service.in > $@.tmp && mv $@.tmp $@
systemd/org.emotiond.Emotion1.service: systemd/org.emotiond.Emotion1.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && $(SUBSTITUTE) $(srcdir)/$@.in > $@.tmp && mv $@.tmp $@
systemd/emotion-reactions.service: systemd/emotion-reactions.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && $(SUBSTITUTE) $(srcdir)/$@.in > $@.tmp && mv $@.tmp $@
systemd/org.emotiond.Reactions1.service: systemd/org.emotiond.Reactions1.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && $(SUBSTITUTE) $(srcdir)/$@.in > $@.tmp && mv $@.tmp $@
systemdsystemunit_DATA = systemd/emotiond.service systemd/emotion-reactions.service
if HAVE_BRIDGE
systemd/emotion-bridge.service: systemd/emotion-bridge.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && $(SUBSTITUTE) $(srcdir)/systemd/emotion-bridge.service.in > $@.tmp && mv $@.tmp $@
systemdsystemunit_DATA += systemd/emotion-bridge.service
endif
dbussystemservices_DATA = systemd/org.emotiond.Emotion1.service systemd/org.emotiond.Reactions1.service
CLEANFILES += $(systemdsystemunit_DATA) $(dbussystemservices_DATA)
