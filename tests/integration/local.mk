# SPDX-License-Identifier: LGPL-2.1-or-later
# A real dbus-daemon that runs as a system bus with the shipped policy, the programs of the build tree, TAP by lib.py.
integration_tests = \
	tests/integration/test-alerts.py \
	tests/integration/test-bridge.py \
	tests/integration/test-cli.py \
	tests/integration/test-clients.py \
	tests/integration/test-clips.py \
	tests/integration/test-floods.py \
	tests/integration/test-man.sh \
	tests/integration/test-mounting.py \
	tests/integration/test-mqtt.py \
	tests/integration/test-notify.py \
	tests/integration/test-pages.py \
	tests/integration/test-reactions.py \
	tests/integration/test-service.py \
	tests/integration/test-summary.py \
	tests/integration/test-unit-state.py \
	tests/integration/test-units.sh \
	tests/integration/test-words.py
dist_check_SCRIPTS += $(integration_tests)
TESTS += $(integration_tests)
EXTRA_DIST += tests/integration/bridgelib.py tests/integration/brokerlib.py tests/integration/lib.py tests/integration/fake-service.py \
	tests/integration/reactionslib.py
# preloaded into the service, so that a file hangs
check_LTLIBRARIES += tests/integration/slow-file.la
tests_integration_slow_file_la_SOURCES = tests/integration/slow-file.c
tests_integration_slow_file_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
tests_integration_slow_file_la_LIBADD = -ldl
