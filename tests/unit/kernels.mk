# SPDX-License-Identifier: LGPL-2.1-or-later
kernel_tests = \
	tests/unit/test-kernels-conv \
	tests/unit/test-kernels-fc \
	tests/unit/test-kernels-lrn \
	tests/unit/test-kernels-int8 \
	tests/unit/test-kernels-pool \
	tests/unit/test-kernels-vec
check_PROGRAMS += $(kernel_tests)
TESTS += $(kernel_tests)
kernel_test_cflags = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
kernel_test_libs = libnnkernels.la libnnisa.la $(CMOCKA_LIBS) -lm

tests_unit_test_kernels_conv_SOURCES = tests/unit/test-kernels-conv.c tests/unit/kernels-common.h
tests_unit_test_kernels_conv_CFLAGS = $(kernel_test_cflags)
tests_unit_test_kernels_conv_LDADD = $(kernel_test_libs)

tests_unit_test_kernels_fc_SOURCES = tests/unit/test-kernels-fc.c tests/unit/kernels-common.h
tests_unit_test_kernels_fc_CFLAGS = $(kernel_test_cflags)
tests_unit_test_kernels_fc_LDADD = $(kernel_test_libs)

tests_unit_test_kernels_lrn_SOURCES = tests/unit/test-kernels-lrn.c tests/unit/kernels-common.h
tests_unit_test_kernels_lrn_CFLAGS = $(kernel_test_cflags)
tests_unit_test_kernels_lrn_LDADD = $(kernel_test_libs)
tests_unit_test_kernels_int8_SOURCES = tests/unit/test-kernels-int8.c tests/unit/kernels-common.h
tests_unit_test_kernels_int8_CFLAGS = $(kernel_test_cflags)
tests_unit_test_kernels_int8_LDADD = $(kernel_test_libs)

tests_unit_test_kernels_pool_SOURCES = tests/unit/test-kernels-pool.c tests/unit/kernels-common.h
tests_unit_test_kernels_pool_CFLAGS = $(kernel_test_cflags)
tests_unit_test_kernels_pool_LDADD = $(kernel_test_libs)

tests_unit_test_kernels_vec_SOURCES = tests/unit/test-kernels-vec.c tests/unit/kernels-common.h
tests_unit_test_kernels_vec_CFLAGS = $(kernel_test_cflags)
tests_unit_test_kernels_vec_LDADD = $(kernel_test_libs)

# for people: built with the tests, run by hand
check_PROGRAMS += tests/bench/bench-kernels
tests_bench_bench_kernels_SOURCES = tests/bench/bench-kernels.c
tests_bench_bench_kernels_LDADD = libnnkernels.la libnnisa.la
