/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cnn plugin as it was built, through the plugin host: its settings and files, and what "auto" makes of them. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/face-nets.h"
#include "tests/unit/plugin-opened.h"

static char folder[] = "/tmp/emotiond-test-cnn-XXXXXX";

static const char *path_of(const char *file)
{
        static char path[128];

        snprintf(path, sizeof(path), "%s/%s", folder, file);
        return path;
}

static void write_nets(void)
{
        assert_int_equal(
                face_net_write_detector(path_of("detect.onnx"), &(struct face_detector_net){ .size = { 4, 4 } }), 0);
        assert_int_equal(face_net_write_points(path_of("landmarks.onnx"), &(struct face_points_net){ .crop = 1.3 }), 0);
}

static void remove_nets(void)
{
        unlink(path_of("detect.onnx"));
        unlink(path_of("landmarks.onnx"));
}

static const char *const model_dirs[] = { "/nonexistent", folder, NULL };

static void open_cnn(struct opened *o, const char *detector, const char *aligner, const char *settings)
{
        open_host(o, model_dirs, "cnn", detector, aligner, settings);
}

static void refuse(bool as_aligner, const char *settings, const char *reason)
{
        refuse_settings(model_dirs, "cnn", as_aligner, settings, reason);
}

static void test_settings(void **state)
{
        write_nets();
        for (int aligner = 0; aligner < 2; aligner++) {
                refuse(aligner, "threshold = 1.5;", "threshold");
                refuse(aligner, "threshold = 0.0;", "threshold");
                refuse(aligner, "overlap = -0.1;", "overlap");
                refuse(aligner, "min_face_px = 4;", "min_face_px");
                refuse(aligner, "face_px = 1000;", "face_px");
                refuse(aligner, "max_side = 32;", "max_side");
                refuse(aligner, "max_side = 320.0;", "max_side");
                refuse(aligner, "detector = 3;", "detector");
                refuse(aligner, "landmarks = true;", "landmarks");
        }
        refuse(false, "detector = \"absent.onnx\";", "absent.onnx not found");
        refuse(true, "landmarks = \"/absent.onnx\";", "/absent.onnx not found");
        refuse(false, "detector = \"landmarks.onnx\";", "'landmarks'");
        refuse(true, "landmarks = \"detect.onnx\";", "''");
        refuse(true, "landmarks = \"/etc/passwd\";", "/etc/passwd");
        remove_nets();
}

static void test_work(void **state)
{
        static uint8_t pixels[240][320];
        struct emo_image image = { EMO_GRAY8, 320, 240, 320, &pixels[0][0] };
        struct emo_detect_hints hints = { .min_face_px = 20 };
        struct emo_alignment a;
        struct emo_error error;
        struct emo_box b[4], nowhere = { .x = NAN, .width = 10, .height = 10 };
        struct opened o;

        write_nets();
        open_cnn(&o, "cnn", "cnn",
                 "face_px = 20; threshold = 0.6; overlap = 0.4; max_side = 320; min_face_px = 30; "
                 "detector = \"detect.onnx\"; landmarks = \"landmarks.onnx\";");
        assert_null(plugin_host_error(o.host));
        assert_false(info_of(&o, "cnn")->third_party);
        for (unsigned y = 48; y < 56; y++)
                memset(&pixels[y][64], 255, 8);
        assert_int_equal(plugin_host_detect(o.host, &image, &hints, b, 4, &error), 1);
        assert_float_equal(b[0].x + b[0].width / 2, 67.5, 0.01);
        memset(pixels, 0, sizeof(pixels));
        face_net_draw(&pixels[0][0], 320, 240, 320, 160, 120, 80, 0.3, 1.3);
        b[0] = (struct emo_box){ 125, 85, 70, 70, 1 };
        assert_int_equal(plugin_host_align(o.host, &image, &b[0], &a, &error), 0);
        assert_int_equal(a.n_points, 68);
        assert_true(a.confidence > 0.9f);
        assert_float_equal(a.roll_rad, 0.3, 0.03);
        assert_true(plugin_host_align(o.host, &image, &nowhere, &a, &error) < 0);
        assert_non_null(strstr(error.text, "box"));
        close_host(&o);
        remove_nets();
}

/* What was seen in another stream, or in another picture, changes no answer. */
static void test_pictures_stand_alone(void **state)
{
        static uint8_t pixels[240][320];
        struct emo_image image = { EMO_GRAY8, 320, 240, 320, &pixels[0][0] };
        struct emo_box box = { 118, 88, 70, 70, 1 }, near = { 122, 84, 74, 74, 1 };
        struct emo_alignment fresh, second, a;
        struct emo_error error;
        uint64_t stream;
        struct opened o;

        write_nets();
        face_net_draw(&pixels[0][0], 320, 240, 320, 160, 120, 80, 0.3, 1.3);
        open_cnn(&o, "cnn", "cnn", "");
        assert_int_equal(plugin_host_align(o.host, &image, &box, &fresh, &error), 0);
        assert_true(fresh.confidence > 0.9f && fresh.confidence < 1);
        assert_int_equal(plugin_host_align(o.host, &image, &near, &second, &error), 0);
        stream = plugin_host_new_sequence(o.host);
        assert_int_equal(plugin_host_align(o.host, &image, &box, &a, &error), 0);
        assert_memory_equal(&a, &fresh, sizeof(a));
        for (int i = 0; i < 2; i++) {
                plugin_host_new_sequence(o.host);
                assert_int_equal(plugin_host_align(o.host, &image, &box, &a, &error), 0);
                assert_memory_equal(&a, &fresh, sizeof(a));
        }
        /* of the stream it remembers what it did */
        plugin_host_set_sequence(o.host, stream);
        assert_int_equal(plugin_host_align(o.host, &image, &near, &a, &error), 0);
        assert_memory_equal(&a, &second, sizeof(a));
        plugin_host_new_sequence(o.host);
        assert_int_equal(plugin_host_align(o.host, &image, &near, &a, &error), 0);
        assert_memory_not_equal(&a, &second, sizeof(a));
        close_host(&o);
        remove_nets();
}

/* "auto": the networks if they are there, else what needs none. */
static void test_auto(void **state)
{
        struct opened o;

        write_nets();
        open_cnn(&o, "auto", "auto", "");
        assert_null(plugin_host_error(o.host));
        assert_true(info_of(&o, "cnn")->used_detector && info_of(&o, "cnn")->used_aligner);
        assert_false(info_of(&o, "box")->used_aligner);
        close_host(&o);

        unlink(path_of("landmarks.onnx"));
        open_cnn(&o, "cnn", "auto", "");
        assert_null(plugin_host_error(o.host));
        assert_true(info_of(&o, "cnn")->used_detector && info_of(&o, "box")->used_aligner);
        assert_non_null(strstr(info_of(&o, "cnn")->error, "landmarks.onnx not found"));
        close_host(&o);

        /* and the reverse; whether there is another detector is not the matter here */
        write_nets();
        unlink(path_of("detect.onnx"));
        open_cnn(&o, "auto", "auto", "");
        assert_true(info_of(&o, "cnn")->used_aligner && !info_of(&o, "cnn")->used_detector);
        assert_false(info_of(&o, "box")->used_aligner);
        close_host(&o);
        open_cnn(&o, "cnn", "cnn", "");
        assert_true(info_of(&o, "cnn")->used_aligner);
        assert_non_null(strstr(plugin_host_error(o.host), "detect.onnx not found"));
        close_host(&o);

        /* a wrong setting does not go unnoticed */
        open_cnn(&o, "cnn", "auto", "threshold = 7.0;");
        assert_non_null(plugin_host_error(o.host));
        assert_non_null(strstr(plugin_host_error(o.host), "threshold"));
        assert_false(info_of(&o, "box")->used_aligner);
        close_host(&o);

        remove_nets();
        open_cnn(&o, "auto", "auto", "");
        if (info_of(&o, "haar")) {
                if (plugin_host_error(o.host)) /* without OpenCV's data it cannot open either */
                        assert_non_null(strstr(plugin_host_error(o.host), "haar"));
                else
                        assert_true(info_of(&o, "haar")->used_detector);
        } else {
                assert_non_null(plugin_host_error(o.host));
        }
        assert_true(info_of(&o, "box")->used_aligner);
        close_host(&o);
        open_cnn(&o, "auto", "cnn", "");
        if (info_of(&o, "haar") && info_of(&o, "haar")->used_detector) /* of two reasons the one that counts is given */
                assert_non_null(strstr(plugin_host_error(o.host), "landmarks.onnx not found"));
        close_host(&o);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_settings),
                cmocka_unit_test(test_work),
                cmocka_unit_test(test_pictures_stand_alone),
                cmocka_unit_test(test_auto),
        };
        int r;

        if (!mkdtemp(folder))
                return 1;
        r = cmocka_run_group_tests_name("cnn-plugin", tests, NULL, NULL);
        remove_nets();
        rmdir(folder);
        return r;
}
