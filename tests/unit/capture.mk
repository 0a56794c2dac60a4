# SPDX-License-Identifier: LGPL-2.1-or-later
check_PROGRAMS += tests/unit/test-picture
TESTS += tests/unit/test-picture
tests_unit_test_picture_SOURCES = tests/unit/test-picture.c
tests_unit_test_picture_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(PNG_CFLAGS)
tests_unit_test_picture_LDADD = libpicture.la $(PNG_LIBS) $(CMOCKA_LIBS)
