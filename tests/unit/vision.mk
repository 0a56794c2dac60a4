# SPDX-License-Identifier: LGPL-2.1-or-later
VISION_TEST_LIBS = libvisioncore.la libnnimage.la libbasic.la $(CMOCKA_LIBS) $(CONFIG_LIBS) -lm

check_PROGRAMS += tests/unit/test-tracks
TESTS += tests/unit/test-tracks
tests_unit_test_tracks_SOURCES = tests/unit/test-tracks.c
tests_unit_test_tracks_LDADD = $(VISION_TEST_LIBS)

check_PROGRAMS += tests/unit/test-life
TESTS += tests/unit/test-life
tests_unit_test_life_SOURCES = tests/unit/test-life.c
tests_unit_test_life_LDADD = $(VISION_TEST_LIBS)

check_PROGRAMS += tests/unit/test-one-euro
TESTS += tests/unit/test-one-euro
tests_unit_test_one_euro_SOURCES = tests/unit/test-one-euro.c
tests_unit_test_one_euro_LDADD = $(VISION_TEST_LIBS)

check_PROGRAMS += tests/unit/test-pose
TESTS += tests/unit/test-pose
tests_unit_test_pose_SOURCES = tests/unit/test-pose.c
tests_unit_test_pose_LDADD = $(VISION_TEST_LIBS)

check_PROGRAMS += tests/unit/test-quality
TESTS += tests/unit/test-quality
tests_unit_test_quality_SOURCES = tests/unit/test-quality.c
tests_unit_test_quality_LDADD = $(VISION_TEST_LIBS)

check_PROGRAMS += tests/unit/test-smoothing
TESTS += tests/unit/test-smoothing
tests_unit_test_smoothing_SOURCES = tests/unit/test-smoothing.c
tests_unit_test_smoothing_LDADD = $(VISION_TEST_LIBS)

check_PROGRAMS += tests/unit/test-plugin-host
TESTS += tests/unit/test-plugin-host
tests_unit_test_plugin_host_SOURCES = tests/unit/test-plugin-host.c tests/plugins/fake.h
tests_unit_test_plugin_host_LDADD = $(VISION_TEST_LIBS)

check_PROGRAMS += tests/unit/test-plugin-record
TESTS += tests/unit/test-plugin-record
tests_unit_test_plugin_record_SOURCES = tests/unit/test-plugin-record.c
tests_unit_test_plugin_record_LDADD = $(VISION_TEST_LIBS)

check_PROGRAMS += tests/unit/test-pipeline-faces
TESTS += tests/unit/test-pipeline-faces
tests_unit_test_pipeline_faces_SOURCES = tests/unit/test-pipeline-faces.c tests/unit/pipeline-world.h tests/plugins/fake.h
tests_unit_test_pipeline_faces_LDADD = $(VISION_TEST_LIBS)

# --wrap: counts the allocations of the pipeline's own objects
check_PROGRAMS += tests/unit/test-pipeline
TESTS += tests/unit/test-pipeline
tests_unit_test_pipeline_SOURCES = tests/unit/test-pipeline.c tests/unit/pipeline-world.h tests/plugins/fake.h
tests_unit_test_pipeline_LDADD = $(VISION_TEST_LIBS) -lpthread
tests_unit_test_pipeline_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

check_PROGRAMS += tests/unit/test-clips
TESTS += tests/unit/test-clips
tests_unit_test_clips_SOURCES = tests/unit/test-clips.c
tests_unit_test_clips_LDADD = libcapture.la $(VISION_TEST_LIBS)

# A plugin from outside this tree
check_PROGRAMS += tests/plugins/show-plugins
tests_plugins_show_plugins_SOURCES = tests/plugins/show-plugins.c
tests_plugins_show_plugins_LDADD = libvisioncore.la libbasic.la $(CONFIG_LIBS) -lm
dist_check_SCRIPTS += tests/plugins/test-third-party.sh
TESTS += tests/plugins/test-third-party.sh
EXTRA_DIST += tests/plugins/example/example.c

# Modules for the tests. -rpath makes libtool build them shared although they are never installed.
TEST_MODULE_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
TEST_MODULE_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
check_LTLIBRARIES += tests/plugins/fake.la tests/plugins/fake-bgr.la
tests_plugins_fake_la_SOURCES = tests/plugins/fake.c tests/plugins/fake.h
tests_plugins_fake_la_CPPFLAGS = $(AM_CPPFLAGS) -DFAKE_NAME='"fake"' -DFAKE_FORMAT=EMO_GRAY8
tests_plugins_fake_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_fake_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
tests_plugins_fake_bgr_la_SOURCES = tests/plugins/fake.c tests/plugins/fake.h
tests_plugins_fake_bgr_la_CPPFLAGS = $(AM_CPPFLAGS) -DFAKE_NAME='"fake-bgr"' -DFAKE_FORMAT=EMO_BGR24
tests_plugins_fake_bgr_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_fake_bgr_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/plugins/fake-about.la
tests_plugins_fake_about_la_SOURCES = tests/plugins/fake.c tests/plugins/fake.h
tests_plugins_fake_about_la_CPPFLAGS = $(AM_CPPFLAGS) -DFAKE_NAME='"fake-about"' -DFAKE_FORMAT=EMO_GRAY8 \
	-DFAKE_ABOUT='"detector aligner"'
tests_plugins_fake_about_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_fake_about_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_LTLIBRARIES += tests/plugins/broken-no-symbol.la
tests_plugins_broken_no_symbol_la_SOURCES = tests/plugins/broken.c
tests_plugins_broken_no_symbol_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=NO_SYMBOL -DBROKEN_NAME='"broken-no-symbol"'
tests_plugins_broken_no_symbol_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_broken_no_symbol_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
check_LTLIBRARIES += tests/plugins/broken-bad-magic.la
tests_plugins_broken_bad_magic_la_SOURCES = tests/plugins/broken.c
tests_plugins_broken_bad_magic_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=BAD_MAGIC -DBROKEN_NAME='"broken-bad-magic"'
tests_plugins_broken_bad_magic_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_broken_bad_magic_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
check_LTLIBRARIES += tests/plugins/broken-bad-abi.la
tests_plugins_broken_bad_abi_la_SOURCES = tests/plugins/broken.c
tests_plugins_broken_bad_abi_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=BAD_ABI -DBROKEN_NAME='"broken-bad-abi"'
tests_plugins_broken_bad_abi_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_broken_bad_abi_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
check_LTLIBRARIES += tests/plugins/broken-bad-size.la
tests_plugins_broken_bad_size_la_SOURCES = tests/plugins/broken.c
tests_plugins_broken_bad_size_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=BAD_SIZE -DBROKEN_NAME='"broken-bad-size"'
tests_plugins_broken_bad_size_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_broken_bad_size_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
check_LTLIBRARIES += tests/plugins/broken-other-name.la
tests_plugins_broken_other_name_la_SOURCES = tests/plugins/broken.c
tests_plugins_broken_other_name_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=OTHER_NAME -DBROKEN_NAME='"broken-other-name"'
tests_plugins_broken_other_name_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_broken_other_name_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
check_LTLIBRARIES += tests/plugins/broken-no-hook.la
tests_plugins_broken_no_hook_la_SOURCES = tests/plugins/broken.c
tests_plugins_broken_no_hook_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=NO_HOOK -DBROKEN_NAME='"broken-no-hook"'
tests_plugins_broken_no_hook_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_broken_no_hook_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
check_LTLIBRARIES += tests/plugins/broken-nothing-offered.la
tests_plugins_broken_nothing_offered_la_SOURCES = tests/plugins/broken.c
tests_plugins_broken_nothing_offered_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=NOTHING_OFFERED -DBROKEN_NAME='"broken-nothing-offered"'
tests_plugins_broken_nothing_offered_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_broken_nothing_offered_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
check_LTLIBRARIES += tests/plugins/broken-bad-format.la
tests_plugins_broken_bad_format_la_SOURCES = tests/plugins/broken.c
tests_plugins_broken_bad_format_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=BAD_FORMAT -DBROKEN_NAME='"broken-bad-format"'
tests_plugins_broken_bad_format_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_broken_bad_format_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
check_LTLIBRARIES += tests/plugins/broken-fails-open.la
tests_plugins_broken_fails_open_la_SOURCES = tests/plugins/broken.c
tests_plugins_broken_fails_open_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=FAILS_OPEN -DBROKEN_NAME='"broken-fails-open"'
tests_plugins_broken_fails_open_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_broken_fails_open_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
check_LTLIBRARIES += tests/plugins/broken-unresolved.la
tests_plugins_broken_unresolved_la_SOURCES = tests/plugins/broken.c
tests_plugins_broken_unresolved_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=UNRESOLVED -DBROKEN_NAME='"broken-unresolved"'
tests_plugins_broken_unresolved_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_broken_unresolved_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
check_LTLIBRARIES += tests/plugins/broken-not-a-descriptor.la
tests_plugins_broken_not_a_descriptor_la_SOURCES = tests/plugins/broken.c
tests_plugins_broken_not_a_descriptor_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=NOT_A_DESCRIPTOR -DBROKEN_NAME='"broken-not-a-descriptor"'
tests_plugins_broken_not_a_descriptor_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_broken_not_a_descriptor_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
check_LTLIBRARIES += tests/plugins/broken-small-ops.la
tests_plugins_broken_small_ops_la_SOURCES = tests/plugins/broken.c
tests_plugins_broken_small_ops_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=SMALL_OPS -DBROKEN_NAME='"broken-small-ops"'
tests_plugins_broken_small_ops_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_broken_small_ops_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
check_LTLIBRARIES += tests/plugins/broken-ignores-settings.la
tests_plugins_broken_ignores_settings_la_SOURCES = tests/plugins/broken.c
tests_plugins_broken_ignores_settings_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=IGNORES_SETTINGS -DBROKEN_NAME='"broken-ignores-settings"'
tests_plugins_broken_ignores_settings_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_broken_ignores_settings_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)
check_LTLIBRARIES += tests/plugins/broken-bad-text.la
tests_plugins_broken_bad_text_la_SOURCES = tests/plugins/broken.c
tests_plugins_broken_bad_text_la_CPPFLAGS = $(AM_CPPFLAGS) -DBROKEN=BAD_TEXT -DBROKEN_NAME='"broken-bad-text"'
tests_plugins_broken_bad_text_la_CFLAGS = $(TEST_MODULE_CFLAGS)
tests_plugins_broken_bad_text_la_LDFLAGS = $(TEST_MODULE_LDFLAGS)

check_PROGRAMS += tests/unit/test-classifier
TESTS += tests/unit/test-classifier
tests_unit_test_classifier_SOURCES = tests/unit/test-classifier.c
tests_unit_test_classifier_LDADD = libvision.la libnn.la $(VISION_TEST_LIBS) $(GCRYPT_LIBS)

check_PROGRAMS += tests/unit/test-crop
TESTS += tests/unit/test-crop
tests_unit_test_crop_SOURCES = tests/unit/test-crop.c
tests_unit_test_crop_LDADD = $(VISION_TEST_LIBS)

if HAVE_DLIB
check_PROGRAMS += tests/unit/test-dlib
TESTS += tests/unit/test-dlib
endif
tests_unit_test_dlib_SOURCES = tests/unit/test-dlib.c tests/unit/plugin-opened.h
tests_unit_test_dlib_LDADD = libpicture.la $(VISION_TEST_LIBS)
