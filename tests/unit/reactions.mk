# SPDX-License-Identifier: LGPL-2.1-or-later
reactions_tests = \
	tests/unit/test-stats \
	tests/unit/test-stats-proof
check_PROGRAMS += $(reactions_tests)
TESTS += $(reactions_tests)
tests_unit_test_stats_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_stats_LDADD = libreactionstats.la $(CMOCKA_LIBS) -lm
# made crowds with known truth: a few here, a thousand in tests/bench/reactions-proof
stats_crowd = tests/unit/stats-crowd.c tests/unit/stats-crowd.h
tests_unit_test_stats_proof_SOURCES = tests/unit/test-stats-proof.c $(stats_crowd)
tests_unit_test_stats_proof_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_stats_proof_LDADD = libreactionstats.la $(CMOCKA_LIBS) -lm

reactions_store_tests = tests/unit/test-crowd tests/unit/test-store tests/unit/test-release
check_PROGRAMS += $(reactions_store_tests)
TESTS += $(reactions_store_tests)
tests_unit_test_crowd_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_crowd_LDADD = libreactionstore.la $(CMOCKA_LIBS)
tests_unit_test_store_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_store_LDADD = libreactionstore.la $(CMOCKA_LIBS) $(SQLITE_LIBS) -lm
tests_unit_test_release_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JSON_C_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_release_LDADD = libreactions.la libreport.la $(CMOCKA_LIBS) $(JSON_C_LIBS) -lm

check_PROGRAMS += tests/unit/test-report-csv
TESTS += tests/unit/test-report-csv
tests_unit_test_report_csv_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(JSON_C_CFLAGS)
tests_unit_test_report_csv_LDADD = libreport.la $(CMOCKA_LIBS) $(JSON_C_LIBS)

check_PROGRAMS += tests/unit/test-conf
TESTS += tests/unit/test-conf
tests_unit_test_conf_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CONFIG_CFLAGS)
tests_unit_test_conf_LDADD = libbasicconf.la $(CMOCKA_LIBS)
