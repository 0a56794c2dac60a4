# SPDX-License-Identifier: LGPL-2.1-or-later
nn_test_cflags = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(PROTOBUF_C_CFLAGS)
nn_test_libs = libnn.la $(CMOCKA_LIBS)

check_PROGRAMS += tests/unit/test-onnx-write
TESTS += tests/unit/test-onnx-write
tests_unit_test_onnx_write_CFLAGS = $(nn_test_cflags)
tests_unit_test_onnx_write_LDADD = $(nn_test_libs)

dist_check_SCRIPTS += tests/unit/operators-doc.sh tests/unit/exported-symbols.sh tests/unit/library-example.sh
EXTRA_DIST += tests/unit/kernels-aarch64.sh
TESTS += tests/unit/operators-doc.sh tests/unit/exported-symbols.sh tests/unit/library-example.sh
EXTRA_DIST += docs/OPERATORS.md docs/howto/operator.md docs/howto/kernel.md

check_PROGRAMS += tests/unit/test-nn-plan
TESTS += tests/unit/test-nn-plan
tests_unit_test_nn_plan_SOURCES = tests/unit/test-nn-plan.c tests/unit/nn-net.h tests/unit/nn-expect.h
tests_unit_test_nn_plan_CFLAGS = $(nn_test_cflags)
tests_unit_test_nn_plan_LDADD = $(nn_test_libs) -lm
tests_unit_test_nn_plan_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc

check_PROGRAMS += tests/unit/test-nn-limits
TESTS += tests/unit/test-nn-limits
tests_unit_test_nn_limits_SOURCES = tests/unit/test-nn-limits.c tests/unit/nn-net.h tests/unit/nn-expect.h
tests_unit_test_nn_limits_CFLAGS = $(nn_test_cflags)
tests_unit_test_nn_limits_LDADD = $(nn_test_libs) -lm

check_PROGRAMS += tests/unit/test-nn-concat
TESTS += tests/unit/test-nn-concat
tests_unit_test_nn_concat_SOURCES = tests/unit/test-nn-concat.c tests/unit/nn-net.h
tests_unit_test_nn_concat_CFLAGS = $(nn_test_cflags)
tests_unit_test_nn_concat_LDADD = $(nn_test_libs) -lm

check_PROGRAMS += tests/unit/test-nn-moves
TESTS += tests/unit/test-nn-moves
tests_unit_test_nn_moves_SOURCES = tests/unit/test-nn-moves.c tests/unit/nn-net.h
tests_unit_test_nn_moves_CFLAGS = $(nn_test_cflags)
tests_unit_test_nn_moves_LDADD = $(nn_test_libs) -lm

check_PROGRAMS += tests/unit/test-nn-read
TESTS += tests/unit/test-nn-read
tests_unit_test_nn_read_SOURCES = tests/unit/test-nn-read.c tests/unit/nn-net.h
tests_unit_test_nn_read_CFLAGS = $(nn_test_cflags)
tests_unit_test_nn_read_LDADD = $(nn_test_libs)

check_PROGRAMS += tests/unit/test-npy
TESTS += tests/unit/test-npy tests/unit/emotion-nn-run.sh
tests_unit_test_npy_CFLAGS = $(nn_test_cflags)
tests_unit_test_npy_LDADD = libtrain.la $(CMOCKA_LIBS)
dist_check_SCRIPTS += tests/unit/emotion-nn-run.sh

check_PROGRAMS += tests/unit/test-nn-quant
TESTS += tests/unit/test-nn-quant tests/unit/test-quantize.sh tests/unit/test-blend.sh \
	tests/unit/test-adopt.sh
tests_unit_test_nn_quant_SOURCES = tests/unit/test-nn-quant.c tests/unit/nn-net.h
tests_unit_test_nn_quant_CFLAGS = $(nn_test_cflags)
tests_unit_test_nn_quant_LDADD = $(nn_test_libs) -lm
dist_check_SCRIPTS += tests/unit/test-quantize.sh tests/unit/test-blend.sh tests/unit/test-adopt.sh

# networks of one operator
nn_op_tests = \
	tests/unit/test-op-make \
	tests/unit/test-op-math \
	tests/unit/test-op-move \
	tests/unit/test-op-quant \
	tests/unit/test-op-resize \
	tests/unit/test-op-shape \
	tests/unit/test-op-window
check_PROGRAMS += $(nn_op_tests)
TESTS += $(nn_op_tests)
EXTRA_DIST += tests/unit/nn-case.h
tests_unit_test_op_make_CFLAGS = $(nn_test_cflags)
tests_unit_test_op_make_LDADD = $(nn_test_libs) -lm
tests_unit_test_op_math_CFLAGS = $(nn_test_cflags)
tests_unit_test_op_math_LDADD = $(nn_test_libs) -lm
tests_unit_test_op_move_CFLAGS = $(nn_test_cflags)
tests_unit_test_op_move_LDADD = $(nn_test_libs) -lm
tests_unit_test_op_quant_CFLAGS = $(nn_test_cflags)
tests_unit_test_op_quant_LDADD = $(nn_test_libs) -lm
tests_unit_test_op_resize_CFLAGS = $(nn_test_cflags)
tests_unit_test_op_resize_LDADD = $(nn_test_libs) -lm
tests_unit_test_op_shape_CFLAGS = $(nn_test_cflags)
tests_unit_test_op_shape_LDADD = $(nn_test_libs) -lm
tests_unit_test_op_window_CFLAGS = $(nn_test_cflags)
tests_unit_test_op_window_LDADD = $(nn_test_libs) -lm
