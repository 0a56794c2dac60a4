# SPDX-License-Identifier: LGPL-2.1-or-later
nn_test_cflags = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(PROTOBUF_C_CFLAGS)
nn_test_libs = libnn.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test-onnx-write
TESTS += tests/unit/test-onnx-write
tests_unit_test_onnx_write_CFLAGS = $(nn_test_cflags)
tests_unit_test_onnx_write_LDADD = $(nn_test_libs)

dist_check_SCRIPTS += tests/unit/operators-doc.sh tests/unit/exported-symbols.sh
TESTS += tests/unit/operators-doc.sh tests/unit/exported-symbols.sh
EXTRA_DIST += docs/OPERATORS.md
