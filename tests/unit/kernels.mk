# SPDX-License-Identifier: LGPL-2.1-or-later
kernel_tests = tests/unit/test-kernels-conv
check_PROGRAMS += $(kernel_tests)
TESTS += $(kernel_tests)

tests_unit_test_kernels_conv_SOURCES = tests/unit/test-kernels-conv.c tests/unit/kernels-common.h
tests_unit_test_kernels_conv_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_kernels_conv_LDADD = libnnkernels.la $(CMOCKA_LIBS) -lm
