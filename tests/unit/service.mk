# SPDX-License-Identifier: LGPL-2.1-or-later
# The service: settings, claims, what passes between the threads, the worker on a camera made of variables, and the
# manager with its bus face over a socket pair.
service_tests = tests/unit/test-settings tests/unit/test-claims tests/unit/test-mailbox tests/unit/test-worker \
	tests/unit/test-manager tests/unit/test-cameras tests/unit/test-summary \
	tests/unit/test-hours tests/unit/test-zones tests/unit/test-mounting tests/unit/test-picture-reader tests/unit/test-decoder
check_PROGRAMS += $(service_tests)
TESTS += $(service_tests)
service_test_cflags = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CONFIG_CFLAGS) $(SYSTEMD_CFLAGS) -pthread
service_test_libs = libbasic.la $(CMOCKA_LIBS) $(CONFIG_LIBS) $(SYSTEMD_LIBS) -lpthread

tests_unit_test_settings_CFLAGS = $(service_test_cflags)
tests_unit_test_settings_LDADD = libsettings.la $(service_test_libs)
tests_unit_test_claims_CFLAGS = $(service_test_cflags)
tests_unit_test_claims_LDADD = libservicecore.la $(service_test_libs)
tests_unit_test_hours_CFLAGS = $(service_test_cflags)
tests_unit_test_hours_LDADD = libsettings.la $(service_test_libs)
tests_unit_test_zones_CFLAGS = $(service_test_cflags)
tests_unit_test_zones_LDADD = libzones.la $(service_test_libs) -lm
tests_unit_test_mounting_CFLAGS = $(service_test_cflags)
tests_unit_test_mounting_LDADD = libservice.la libpicture.la $(service_test_libs)
tests_unit_test_summary_CFLAGS = $(service_test_cflags)
tests_unit_test_summary_LDADD = libservicecore.la $(service_test_libs)
tests_unit_test_mailbox_CFLAGS = $(service_test_cflags)
tests_unit_test_mailbox_LDADD = libservice.la $(service_test_libs)
tests_unit_test_picture_reader_CFLAGS = $(service_test_cflags)
tests_unit_test_picture_reader_LDADD = libservice.la libpicture.la $(service_test_libs)
tests_unit_test_decoder_CFLAGS = $(service_test_cflags)
tests_unit_test_decoder_LDADD = libservice.la libpicture.la $(service_test_libs)
# the worker's helpers that stand in folders which are made of variables here
tests_unit_test_worker_SOURCES = tests/unit/test-worker.c daemon/capture/strobe.c daemon/vision/plugin-record.c
tests_unit_test_worker_CFLAGS = $(service_test_cflags)
tests_unit_test_worker_LDADD = libservice.la libpicture.la $(service_test_libs)
manager_place = tests/unit/manager-place.h tests/unit/fake-worker.c tests/unit/fake-worker.h
tests_unit_test_manager_SOURCES = tests/unit/test-manager.c $(manager_place)
tests_unit_test_manager_CFLAGS = $(service_test_cflags)
tests_unit_test_manager_LDADD = libservicecore.la $(service_test_libs)
tests_unit_test_cameras_SOURCES = tests/unit/test-cameras.c $(manager_place)
tests_unit_test_cameras_CFLAGS = $(service_test_cflags)
tests_unit_test_cameras_LDADD = libservicecore.la $(service_test_libs)

check_PROGRAMS += tests/unit/test-replace-file
TESTS += tests/unit/test-replace-file
tests_unit_test_replace_file_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_replace_file_LDADD = libbasic.la $(CMOCKA_LIBS)
