# SPDX-License-Identifier: LGPL-2.1-or-later
# What reads outside input, fed with damaged input. See fuzz.h; a target adds itself as the ones below do.
if FUZZING
fuzz_main = tests/fuzz/fuzz.h
fuzz_tests =
else
fuzz_main = tests/fuzz/fuzz.h tests/fuzz/standalone.c
fuzz_tests = $(fuzz_targets)
endif
EXTRA_DIST += tests/fuzz/fuzz.h tests/fuzz/standalone.c
fuzz_targets = \
	tests/fuzz/fuzz-data \
	tests/fuzz/fuzz-mjpeg \
	tests/fuzz/fuzz-onnx \
	tests/fuzz/fuzz-picture \
	tests/fuzz/fuzz-plugin-about \
	tests/fuzz/fuzz-replay \
	tests/fuzz/fuzz-settings
check_PROGRAMS += $(fuzz_targets)
TESTS += $(fuzz_tests)

tests_fuzz_fuzz_picture_SOURCES = tests/fuzz/fuzz-picture.c $(fuzz_main)
tests_fuzz_fuzz_picture_CFLAGS = $(AM_CFLAGS) $(PNG_CFLAGS)
tests_fuzz_fuzz_picture_LDADD = libpicture.la $(PNG_LIBS)
tests_fuzz_fuzz_picture_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

tests_fuzz_fuzz_replay_SOURCES = tests/fuzz/fuzz-replay.c $(fuzz_main)
tests_fuzz_fuzz_replay_LDADD = libcapture.la
tests_fuzz_fuzz_replay_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

tests_fuzz_fuzz_settings_SOURCES = tests/fuzz/fuzz-settings.c $(fuzz_main)
tests_fuzz_fuzz_settings_CFLAGS = $(AM_CFLAGS) $(CONFIG_CFLAGS)
tests_fuzz_fuzz_settings_LDADD = libsettings.la $(CONFIG_LIBS)
tests_fuzz_fuzz_settings_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

tests_fuzz_fuzz_onnx_SOURCES = tests/fuzz/fuzz-onnx.c tests/unit/nn-net.h $(fuzz_main)
tests_fuzz_fuzz_onnx_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_fuzz_fuzz_onnx_LDADD = libnn.la -lm
tests_fuzz_fuzz_onnx_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=aligned_alloc

tests_fuzz_fuzz_data_SOURCES = tests/fuzz/fuzz-data.c $(fuzz_main)
tests_fuzz_fuzz_data_LDADD = libtrain.la -lm
tests_fuzz_fuzz_data_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

tests_fuzz_fuzz_mjpeg_SOURCES = tests/fuzz/fuzz-mjpeg.c $(fuzz_main)
tests_fuzz_fuzz_mjpeg_LDADD = libcapture.la libpicture.la
tests_fuzz_fuzz_mjpeg_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

tests_fuzz_fuzz_plugin_about_SOURCES = tests/fuzz/fuzz-plugin-about.c $(fuzz_main)
tests_fuzz_fuzz_plugin_about_CFLAGS = $(AM_CFLAGS) $(CONFIG_CFLAGS)
tests_fuzz_fuzz_plugin_about_LDADD = libvisioncore.la libbasic.la $(CONFIG_LIBS) -lm
tests_fuzz_fuzz_plugin_about_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
