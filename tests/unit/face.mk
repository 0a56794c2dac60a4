# SPDX-License-Identifier: LGPL-2.1-or-later
FACE_TEST_LIBS = libfacenets.la libnn.la libbasic.la $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/test-landmarks
TESTS += tests/unit/test-landmarks
tests_unit_test_landmarks_SOURCES = tests/unit/test-landmarks.c tests/unit/face-nets.h
tests_unit_test_landmarks_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_landmarks_LDADD = $(FACE_TEST_LIBS)

check_PROGRAMS += tests/unit/test-detect
TESTS += tests/unit/test-detect
tests_unit_test_detect_SOURCES = tests/unit/test-detect.c
tests_unit_test_detect_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_detect_LDADD = $(FACE_TEST_LIBS)

check_PROGRAMS += tests/unit/test-cnn
TESTS += tests/unit/test-cnn
tests_unit_test_cnn_SOURCES = tests/unit/test-cnn.c tests/unit/face-nets.h
tests_unit_test_cnn_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_cnn_LDADD = libcnn.la $(FACE_TEST_LIBS)

check_PROGRAMS += tests/unit/test-cnn-plugin
TESTS += tests/unit/test-cnn-plugin
tests_unit_test_cnn_plugin_SOURCES = tests/unit/test-cnn-plugin.c tests/unit/face-nets.h tests/unit/plugin-opened.h
tests_unit_test_cnn_plugin_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CONFIG_CFLAGS)
tests_unit_test_cnn_plugin_LDADD = libvisioncore.la $(FACE_TEST_LIBS) $(CONFIG_LIBS)

check_PROGRAMS += tests/unit/test-image
TESTS += tests/unit/test-image
tests_unit_test_image_SOURCES = tests/unit/test-image.c
tests_unit_test_image_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_image_LDADD = libnnimage.la $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/test-face-template
TESTS += tests/unit/test-face-template
tests_unit_test_face_template_SOURCES = tests/unit/test-face-template.c
tests_unit_test_face_template_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_face_template_LDADD = libnnimage.la $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/write-landmarks
tests_unit_write_landmarks_SOURCES = tests/unit/write-landmarks.c tests/unit/face-nets.h
tests_unit_write_landmarks_LDADD = libnn.la libbasic.la -lm
dist_check_SCRIPTS += tests/unit/test-align.sh tests/unit/test-crop.sh
TESTS += tests/unit/test-align.sh tests/unit/test-crop.sh

check_PROGRAMS += tests/unit/test-faces
TESTS += tests/unit/test-faces
tests_unit_test_faces_SOURCES = tests/unit/test-faces.c
tests_unit_test_faces_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CONFIG_CFLAGS)
tests_unit_test_faces_LDADD = libvisioncore.la libpicture.la libbasic.la $(CMOCKA_LIBS) $(CONFIG_LIBS) -lm

dist_check_SCRIPTS += tests/unit/test-train-dlib.sh
if HAVE_DLIB
TESTS += tests/unit/test-train-dlib.sh
endif
