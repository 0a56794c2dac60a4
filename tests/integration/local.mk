# SPDX-License-Identifier: LGPL-2.1-or-later
# A real dbus-daemon that runs as a system bus with the shipped policy, the programs of the build tree, TAP by lib.py.
integration_tests = \
	tests/integration/test-cli.py \
	tests/integration/test-clips.py \
	tests/integration/test-man.sh \
	tests/integration/test-notify.py \
	tests/integration/test-service.py \
	tests/integration/test-units.sh
dist_check_SCRIPTS += $(integration_tests)
TESTS += $(integration_tests)
EXTRA_DIST += tests/integration/lib.py tests/integration/fake-service.py
