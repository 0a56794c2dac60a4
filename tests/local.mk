# SPDX-License-Identifier: LGPL-2.1-or-later
# Each area adds its tests in a fragment of its own.
EXTRA_DIST += tests/run-test tests/lsan.supp
dist_check_SCRIPTS += tests/gate/test-gate.sh
TESTS += tests/gate/test-gate.sh

# first those that take longest, so that none of them is left over at the end of a parallel run
include tests/integration/local.mk
include tests/unit/nn.mk
include tests/unit/kernels.mk
include tests/unit/train.mk
include tests/unit/capture.mk
include tests/unit/vision.mk
include tests/unit/face.mk
include tests/unit/service.mk
include tests/unit/reactions.mk
include tests/conformance/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk
include tests/vm/local.mk

THREADED_TESTS += tests/unit/test-kernels-conv tests/unit/test-kernels-pool tests/unit/test-mailbox \
	tests/unit/test-nn-plan tests/unit/test-pipeline tests/unit/test-pipeline-faces tests/unit/test-distill \
	tests/unit/test-trainer tests/unit/test-worker tests/unit/test-picture-reader tests/unit/test-conv-ways
