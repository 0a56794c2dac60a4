# SPDX-License-Identifier: LGPL-2.1-or-later
check_PROGRAMS += tests/conformance/test-onnx-cases
tests_conformance_test_onnx_cases_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_conformance_test_onnx_cases_LDADD = libnn.la
dist_check_SCRIPTS += tests/conformance/onnx-cases.sh
TESTS += tests/conformance/onnx-cases.sh
