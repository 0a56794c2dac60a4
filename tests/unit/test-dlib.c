/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The dlib plugin as it was built, through the plugin host: its settings, its files, and faces in real pictures. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "picture/picture.h"
#include "tests/unit/plugin-opened.h"

#define MAX_BOXES 32
#define LANDMARKS "/usr/share/dlib/shape_predictor_68_face_landmarks.dat" /* Debian's libdlib-data */

static const char *const model_dirs[] = { NULL };

static void refuse(bool as_aligner, const char *settings, const char *reason)
{
        refuse_settings(model_dirs, "dlib", as_aligner, settings, reason);
}

static void test_settings(void **state)
{
        refuse(false, "upsample = 3;", "wrong setting");
        refuse(false, "upsample = -1;", "wrong setting");
        refuse(false, "threshold = 2.5;", "wrong setting");
        refuse(false, "threshold = -1.5;", "wrong setting");
        refuse(false, "threshold = \"low\";", "wrong setting");
        refuse(true, "landmarks = 3;", "wrong setting");
}

/* The first @size bytes of LANDMARKS, or of @bytes. */
static void write_file(char *path, const void *bytes, size_t size)
{
        FILE *to, *from = bytes ? NULL : fopen(LANDMARKS, "rb");
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        to = fdopen(fd, "wb");
        assert_non_null(to);
        for (size_t i = 0; i < size; i++)
                assert_true(fputc(from ? fgetc(from) : ((const uint8_t *)bytes)[i], to) != EOF);
        fclose(to);
        if (from)
                fclose(from);
}

static void refuse_file(const void *bytes, size_t size, const char *reason)
{
        char path[] = "/tmp/test-dlib-XXXXXX", settings[100];

        write_file(path, bytes, size);
        snprintf(settings, sizeof(settings), "landmarks = \"%s\";", path);
        refuse(true, settings, reason);
        unlink(path);
}

static void test_landmark_files(void **state)
{
        static const uint8_t other_version[] = { 1, 2 };
        /* version 1; a matrix of two rows (by -2, -1: as dlib writes it) and one column: one point, 0 and 0 */
        static const uint8_t one_point[] = { 1, 1, 0x81, 2, 0x81, 1, 1, 0, 1, 0, 1, 0, 1, 0 };

        refuse(true, "", "plugins.dlib.landmarks");
        refuse(true, "landmarks = \"\";", "plugins.dlib.landmarks");
        refuse(true, "landmarks = \"absent.dat\";", "absent.dat");
        refuse(true, "landmarks = \"/\";", "landmarks");
        refuse_file("", 0, "68 landmarks");
        refuse_file("this is no file of landmarks at all", 35, "68 landmarks");
        refuse_file(other_version, sizeof(other_version), "no file of dlib's shape_predictor");
        refuse_file(one_point, sizeof(one_point), "has 1 points");
        if (access(LANDMARKS, R_OK) == 0) {
                refuse_file(NULL, 100, "68 landmarks");
                refuse_file(NULL, 1000000, "68 landmarks");
        }
}

static struct picture *read_picture(const char *name)
{
        struct picture *p = NULL;

        assert_int_equal(picture_decode_file(name, PICTURE_GRAY8, &p), 0);
        return p;
}

static int detect(struct opened *o, const struct picture *p, const struct emo_detect_hints *hints, struct emo_box *ret,
                  size_t max)
{
        struct emo_image image = { .format = EMO_GRAY8,
                                   .width_px = p->width_px,
                                   .height_px = p->height_px,
                                   .stride_bytes = p->stride_bytes,
                                   .data = p->data };
        struct emo_error error = { 0 };
        int n = plugin_host_detect(o->host, &image, hints, ret, max, &error);

        if (n < 0)
                print_message("# %s\n", error.text);
        return n;
}

/* Best first, sure between 0 and 1, about square, and in the picture or near it. */
static void check_boxes(const struct picture *p, const struct emo_box *boxes, int n)
{
        for (int i = 0; i < n; i++) {
                const struct emo_box *b = &boxes[i];

                assert_true(b->confidence >= 0.5f && b->confidence <= 1);
                assert_true(i == 0 || b->confidence <= boxes[i - 1].confidence);
                assert_true(fabsf(b->width - b->height) <= 0.1f * b->width);
                assert_true(b->x > -b->width && b->y > -b->height);
                assert_true(b->x < (float)p->width_px && b->y < (float)p->height_px);
        }
}

static float side_px(const struct emo_box *b)
{
        return fmaxf(b->width, b->height);
}

/* The limits on size and place that a caller gives, by the best face of the whole picture. */
static void check_hints(struct opened *o, const struct picture *p, const struct emo_box *best)
{
        struct emo_detect_hints large = { .min_face_px = (uint32_t)side_px(best) + 1 };
        struct emo_detect_hints small = { .max_face_px = (uint32_t)side_px(best) - 1 };
        struct emo_detect_hints outside = { .roi_x = p->width_px, .roi_width = 100, .roi_height = 100 };
        float margin = best->width / 2, x = fmaxf(best->x - margin, 0), y = fmaxf(best->y - margin, 0);
        struct emo_detect_hints near = { .roi_x = (uint32_t)x,
                                         .roi_y = (uint32_t)y,
                                         .roi_width = (uint32_t)(best->width + 2 * margin),
                                         .roi_height = (uint32_t)(best->height + 2 * margin) };
        struct emo_box boxes[MAX_BOXES];
        int n;

        n = detect(o, p, &large, boxes, MAX_BOXES);
        for (int i = 0; i < n; i++)
                assert_true(side_px(&boxes[i]) > side_px(best));
        n = detect(o, p, &small, boxes, MAX_BOXES);
        for (int i = 0; i < n; i++)
                assert_true(side_px(&boxes[i]) < side_px(best));
        assert_int_equal(detect(o, p, &outside, boxes, MAX_BOXES), 0);
        assert_int_equal(detect(o, p, &near, boxes, 1), 1);
        assert_true(fabsf(boxes[0].x - best->x) < 0.2f * best->width);
        assert_true(fabsf(boxes[0].y - best->y) < 0.2f * best->width);
}

/* Faces found in all photographs; -1 if there are none. */
static int count_faces(const char *settings, bool hints)
{
        struct opened o;
        char pattern[600];
        glob_t files;
        int n_faces = 0;

        snprintf(pattern, sizeof(pattern), "%s/data/photos/*.jpg", getenv("EMO_SHARED") ?: "../shared");
        if (glob(pattern, 0, NULL, &files) != 0)
                return -1;
        open_host(&o, model_dirs, "dlib", "dlib", "box", settings);
        assert_null(plugin_host_error(o.host));
        for (size_t i = 0; i < files.gl_pathc; i++) {
                struct picture *p = read_picture(files.gl_pathv[i]);
                struct emo_detect_hints everywhere = { 0 };
                struct emo_box boxes[MAX_BOXES];
                int n = detect(&o, p, &everywhere, boxes, MAX_BOXES);

                assert_true(n >= 0);
                check_boxes(p, boxes, n);
                if (n > 0 && hints)
                        check_hints(&o, p, &boxes[0]);
                n_faces += n;
                picture_free(p);
        }
        globfree(&files);
        close_host(&o);
        return n_faces;
}

static void test_photographs(void **state)
{
        int n = count_faces("", true), n_sure, n_doubled;

        if (n < 0)
                skip();
        n_sure = count_faces("threshold = 1.0;", false);
        n_doubled = count_faces("upsample = 1;", false);
        print_message("# %d faces, %d of them with a score over 1; %d with the pictures doubled\n", n, n_sure,
                      n_doubled);
        /* there are 51; 16 and 51 overlap them by a half or more, and one is a false alarm */
        assert_in_range(n, 12, 25);
        assert_true(n_sure < n);
        assert_in_range(n_doubled, 45, 56);
}

static void test_landmarks(void **state)
{
        struct emo_detect_hints everywhere = { 0 };
        struct emo_alignment a;
        struct emo_error error = { 0 };
        struct emo_box box, nowhere = { .x = NAN, .width = 50, .height = 50 };
        struct opened o;
        char path[600];

        snprintf(path, sizeof(path), "%s/data/photos/justin.jpg", getenv("EMO_SHARED") ?: "../shared");
        if (access(path, R_OK) != 0 || access(LANDMARKS, R_OK) != 0)
                skip();
        open_host(&o, model_dirs, "dlib", "dlib", "dlib", "upsample = 1; landmarks = \"" LANDMARKS "\";");
        assert_null(plugin_host_error(o.host));
        struct picture *p = read_picture(path);
        struct emo_image image = { .format = EMO_GRAY8,
                                   .width_px = p->width_px,
                                   .height_px = p->height_px,
                                   .stride_bytes = p->stride_bytes,
                                   .data = p->data };

        assert_int_equal(detect(&o, p, &everywhere, &box, 1), 1);
        assert_int_equal(plugin_host_align(o.host, &image, &box, &a, &error), 0);
        assert_int_equal(a.n_points, 68);
        /* the eye on the left, the eye on the right, nose, chin */
        assert_true(a.points[36][0] < a.points[45][0]);
        assert_true(a.points[36][1] < a.points[33][1] && a.points[33][1] < a.points[8][1]);
        assert_true(fabsf(a.x - box.x - box.width / 2) < 0.3f * box.width);
        assert_true(a.side_px > 0.5f * box.width && a.side_px < 1.5f * box.width);
        assert_true(fabsf(a.roll_rad) < 0.5f);
        assert_true(plugin_host_align(o.host, &image, &nowhere, &a, &error) < 0);
        picture_free(p);
        close_host(&o);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_settings),
                cmocka_unit_test(test_landmark_files),
                cmocka_unit_test(test_photographs),
                cmocka_unit_test(test_landmarks),
        };

        return cmocka_run_group_tests_name("dlib", tests, NULL, NULL);
}
