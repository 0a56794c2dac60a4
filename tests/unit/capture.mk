# SPDX-License-Identifier: LGPL-2.1-or-later
check_PROGRAMS += tests/unit/test-picture
TESTS += tests/unit/test-picture
tests_unit_test_picture_SOURCES = tests/unit/test-picture.c
tests_unit_test_picture_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(PNG_CFLAGS) $(TURBOJPEG_CFLAGS)
tests_unit_test_picture_LDADD = libpicture.la $(PNG_LIBS) $(TURBOJPEG_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test-strobe
TESTS += tests/unit/test-strobe
tests_unit_test_strobe_SOURCES = tests/unit/test-strobe.c
tests_unit_test_strobe_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_strobe_LDADD = libcapture.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test-replay
TESTS += tests/unit/test-replay
tests_unit_test_replay_SOURCES = tests/unit/test-replay.c
tests_unit_test_replay_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_replay_LDADD = libcapture.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test-v4l2-list
TESTS += tests/unit/test-v4l2-list
tests_unit_test_v4l2_list_SOURCES = tests/unit/test-v4l2-list.c
tests_unit_test_v4l2_list_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_v4l2_list_LDADD = libcapture.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test-v4l2
TESTS += tests/unit/test-v4l2
tests_unit_test_v4l2_SOURCES = tests/unit/test-v4l2.c
tests_unit_test_v4l2_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_v4l2_LDADD = libcapture.la $(CMOCKA_LIBS)

# not under ThreadSanitizer: that others write to what is read is what it is about
check_PROGRAMS += tests/unit/test-shared-memory
TESTS += tests/unit/test-shared-memory
tests_unit_test_shared_memory_SOURCES = tests/unit/test-shared-memory.c
tests_unit_test_shared_memory_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) -pthread
tests_unit_test_shared_memory_LDADD = libcapture.la libpicture.la $(CMOCKA_LIBS) -lpthread
