# SPDX-License-Identifier: LGPL-2.1-or-later

train_tests = tests/unit/test-conv-kernel tests/unit/test-export tests/unit/test-gradients tests/unit/test-trainer \
	tests/unit/test-distill tests/unit/test-step tests/unit/test-conv-ways
check_PROGRAMS += $(train_tests)
TESTS += $(train_tests)
train_test_cflags = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(CONFIG_CFLAGS)
tests_unit_test_conv_kernel_CFLAGS = $(train_test_cflags)
tests_unit_test_conv_kernel_LDADD = libtrain.la $(CMOCKA_LIBS) -lm
tests_unit_test_conv_ways_CFLAGS = $(train_test_cflags)
tests_unit_test_conv_ways_LDADD = libtrain.la $(CMOCKA_LIBS) -lm
tests_unit_test_export_CFLAGS = $(train_test_cflags)
tests_unit_test_export_LDADD = libtrain.la $(CMOCKA_LIBS) -lm
tests_unit_test_gradients_CFLAGS = $(train_test_cflags)
tests_unit_test_gradients_LDADD = libtrain.la $(CMOCKA_LIBS) -lm
tests_unit_test_trainer_SOURCES = tests/unit/test-trainer.c tests/unit/trainer-run.h
tests_unit_test_distill_SOURCES = tests/unit/test-distill.c tests/unit/trainer-run.h
tests_unit_test_step_SOURCES = tests/unit/test-step.c tests/unit/trainer-run.h
tests_unit_test_step_CFLAGS = $(train_test_cflags)
tests_unit_test_step_LDADD = libtrain.la $(CMOCKA_LIBS) -lm
tests_unit_test_distill_CFLAGS = $(train_test_cflags)
tests_unit_test_distill_LDADD = libtrain.la $(CMOCKA_LIBS) -lm
tests_unit_test_trainer_CFLAGS = $(train_test_cflags)
tests_unit_test_trainer_LDADD = libtrain.la $(CMOCKA_LIBS) -lm
EXTRA_DIST += tests/unit/tap.sh
dist_check_SCRIPTS += tests/unit/includes.py tests/unit/test-train.sh
TESTS += tests/unit/includes.py tests/unit/test-train.sh

data_tests = tests/unit/test-random tests/unit/test-metrics tests/unit/test-augment tests/unit/test-dataset \
	tests/unit/test-dataset-folders tests/unit/test-points
check_PROGRAMS += $(data_tests)
TESTS += $(data_tests)
tests_unit_test_random_CFLAGS = $(train_test_cflags)
tests_unit_test_random_LDADD = libtrain.la $(CMOCKA_LIBS) -lm
tests_unit_test_metrics_CFLAGS = $(train_test_cflags)
tests_unit_test_metrics_LDADD = libtrain.la $(CMOCKA_LIBS) -lm
tests_unit_test_augment_CFLAGS = $(train_test_cflags)
tests_unit_test_augment_LDADD = libtrain.la $(CMOCKA_LIBS) -lm
tests_unit_test_dataset_CFLAGS = $(train_test_cflags)
tests_unit_test_dataset_LDADD = libtrain.la $(CMOCKA_LIBS) -lm
tests_unit_test_points_CFLAGS = $(train_test_cflags)
tests_unit_test_points_LDADD = libtrain.la $(CMOCKA_LIBS) -lm
tests_unit_test_dataset_folders_CFLAGS = $(train_test_cflags)
tests_unit_test_dataset_folders_LDADD = libtrain.la $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/test-synthetic-clip
TESTS += tests/unit/test-synthetic-clip
tests_unit_test_synthetic_clip_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_synthetic_clip_LDADD = libcapture.la libvision.la libnn.la libpicture.la libbasic.la $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/test-synthetic
TESTS += tests/unit/test-synthetic
tests_unit_test_synthetic_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_test_synthetic_LDADD = libtrain.la $(CMOCKA_LIBS) -lm
dist_check_SCRIPTS += tests/unit/test-tool-data.sh tests/unit/test-recipes-pytorch.sh
TESTS += tests/unit/test-tool-data.sh tests/unit/test-recipes-pytorch.sh

faces_tests = tests/unit/test-landmark-task tests/unit/test-detect-task
check_PROGRAMS += $(faces_tests)
TESTS += $(faces_tests)
tests_unit_test_landmark_task_SOURCES = tests/unit/test-landmark-task.c tests/unit/faces-common.h tests/unit/task-common.h
tests_unit_test_landmark_task_CFLAGS = $(train_test_cflags)
tests_unit_test_landmark_task_LDADD = libtrain.la $(CMOCKA_LIBS) -lm
tests_unit_test_detect_task_SOURCES = tests/unit/test-detect-task.c tests/unit/faces-common.h tests/unit/task-common.h
tests_unit_test_detect_task_CFLAGS = $(train_test_cflags)
tests_unit_test_detect_task_LDADD = libtrain.la $(CMOCKA_LIBS) -lm

check_PROGRAMS += tests/unit/test-options
TESTS += tests/unit/test-options
tests_unit_test_options_CFLAGS = $(train_test_cflags)
tests_unit_test_options_LDADD = libtrain.la $(CMOCKA_LIBS) -lm
