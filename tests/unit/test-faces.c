/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The shipped networks of faces on real photographs: faces found and missed beside OpenCV's cascade, points where they
 * belong, and how far off a box may be. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/vision/plugin-host.h"
#include "nn/image.h"
#include "picture/picture.h"

#define MAX_PHOTOS 40
#define MAX_BOXES 64

struct face {
        struct emo_box box;
        float points[68][2];
        bool has_points;
};

struct photo {
        char name[64];
        struct picture *picture;
        struct face faces[16];
        unsigned n_faces;
};

static struct photo photos[MAX_PHOTOS];
static unsigned n_photos;

static struct photo *find_photo(const char *name)
{
        for (unsigned i = 0; i < n_photos; i++)
                if (strcmp(photos[i].name, name) == 0)
                        return &photos[i];
        return NULL;
}

static FILE *open_table(const char *name, char *folder, size_t size)
{
        char path[700];

        snprintf(folder, size, "%s/data/photos", getenv("EMO_SHARED") ?: "../shared");
        snprintf(path, sizeof(path), "%s/%s", folder, name);
        return fopen(path, "re");
}

/* file,width,height,faces,index,left,top,box_width,box_height,truth */
static void read_boxes(void)
{
        char folder[600], path[700], line[512], name[64];
        FILE *f = open_table("boxes.csv", folder, sizeof(folder));
        struct emo_box b = { .confidence = 1 };

        if (!f)
                return;
        while (fgets(line, sizeof(line), f)) {
                int n = sscanf(line, "%63[^,],%*d,%*d,%*d,%*d,%f,%f,%f,%f", name, &b.x, &b.y, &b.width, &b.height);
                struct photo *p = n >= 1 ? find_photo(name) : NULL;

                if (n < 1 || strcmp(name, "file") == 0)
                        continue;
                if (!p) {
                        assert_true(n_photos < MAX_PHOTOS);
                        p = &photos[n_photos++];
                        memcpy(p->name, name, sizeof(name));
                        snprintf(path, sizeof(path), "%s/%s", folder, name);
                        assert_int_equal(picture_decode_file(path, PICTURE_GRAY8, &p->picture), 0);
                }
                if (n == 5)
                        p->faces[p->n_faces++].box = b;
        }
        fclose(f);
}

/* file,index,x0,y0,...: what dlib's model gives, no human's marks */
static void read_points(void)
{
        char folder[600], line[4096];
        FILE *f = open_table("landmarks.csv", folder, sizeof(folder));

        while (f && fgets(line, sizeof(line), f)) {
                char *save = NULL, *name = strtok_r(line, ",", &save), *index = strtok_r(NULL, ",", &save);
                struct photo *p = name ? find_photo(name) : NULL;

                if (!p || !index)
                        continue;
                struct face *face = &p->faces[atoi(index)];

                for (unsigned i = 0; i < 136; i++)
                        face->points[i / 2][i % 2] = strtof(strtok_r(NULL, ",", &save), NULL);
                face->has_points = true;
        }
        if (f)
                fclose(f);
}

static int setup(void **state)
{
        read_boxes();
        read_points();
        return 0;
}

static int teardown(void **state)
{
        for (unsigned i = 0; i < n_photos; i++)
                picture_free(photos[i].picture);
        return 0;
}

static struct plugin_host *open_host(const char *detector, const char *aligner)
{
        static char folder[600], models[600];
        static const char *const model_dirs[] = { models, NULL };
        struct plugin_host_config config = {
                .folder = folder, .model_dirs = model_dirs, .detector = detector, .aligner = aligner
        };
        struct plugin_host *host;

        snprintf(folder, sizeof(folder), "%s/plugins/.libs", getenv("EMO_BUILDDIR") ?: ".");
        snprintf(models, sizeof(models), "%s/models", getenv("EMO_SRCDIR") ?: ".");
        assert_int_equal(plugin_host_new(&config, &host), 0);
        return host;
}

static bool has_model(const char *name)
{
        char path[700];

        snprintf(path, sizeof(path), "%s/models/%s", getenv("EMO_SRCDIR") ?: ".", name);
        return access(path, R_OK) == 0;
}

static struct emo_image image_of(const struct picture *p)
{
        return (struct emo_image){ EMO_GRAY8, p->width_px, p->height_px, p->stride_bytes, p->data };
}

/* Framings differ: the centre within half a side, the size within a factor of two. */
static bool is_same(const struct emo_box *a, const struct emo_box *b)
{
        double sa = sqrt((double)a->width * a->height), sb = sqrt((double)b->width * b->height);

        return fmax(sa, sb) < 2 * fmin(sa, sb) &&
               hypot((double)a->x + a->width / 2.0 - b->x - b->width / 2.0,
                     (double)a->y + a->height / 2.0 - b->y - b->height / 2.0) < 0.5 * fmin(sa, sb);
}

/* Faces of all photographs that a detector finds, and what it takes for faces beside them. */
static void count_faces(const char *detector, unsigned *ret_found, unsigned *ret_false)
{
        struct plugin_host *host = open_host(detector, "box");
        struct emo_detect_hints hints = { .min_face_px = 20 };

        *ret_found = *ret_false = 0;
        assert_null(plugin_host_error(host));
        for (unsigned i = 0; i < n_photos; i++) {
                struct emo_image image = image_of(photos[i].picture);
                struct emo_box b[MAX_BOXES];
                bool taken[16] = { false };
                struct emo_error error;
                int n = plugin_host_detect(host, &image, &hints, b, MAX_BOXES, &error);

                assert_true(n >= 0);
                for (int k = 0; k < n; k++) {
                        bool hit = false;

                        for (unsigned j = 0; j < photos[i].n_faces && !hit; j++)
                                if (!taken[j] && is_same(&b[k], &photos[i].faces[j].box))
                                        hit = taken[j] = true;
                        *ret_found += hit;
                        *ret_false += !hit;
                }
        }
        plugin_host_free(host);
}

static void test_detector(void **state)
{
        unsigned n = 0, found, wrong, haar_found, haar_wrong;

        if (!n_photos || !has_model("detect.onnx"))
                skip();
        for (unsigned i = 0; i < n_photos; i++)
                n += photos[i].n_faces;
        count_faces("cnn", &found, &wrong);
        print_message("# %u faces: %u found, %u false\n", n, found, wrong);
        assert_true(found >= n * 9 / 10);
        assert_true(wrong <= 3);
        struct plugin_host *host = open_host("haar", "box");
        bool haar = !plugin_host_error(host);

        plugin_host_free(host);
        if (!haar)
                return;
        count_faces("haar", &haar_found, &haar_wrong);
        print_message("# haar: %u found, %u false\n", haar_found, haar_wrong);
        assert_true(found > haar_found && wrong <= haar_wrong + 3);
}

/* A square of a photograph. @pixels, @scratch: [side * side] */
static struct emo_image cut_out(const struct photo *p, const struct nn_affine *map, unsigned side, uint8_t *pixels,
                                float *scratch)
{
        const struct picture *from = p->picture;
        const struct nn_image im = { from->data, from->width_px, from->height_px, from->stride_bytes };

        assert_int_equal(nn_image_warp(&im, map, side, side, scratch), 0);
        for (size_t i = 0; i < (size_t)side * side; i++)
                pixels[i] = (uint8_t)scratch[i];
        return (struct emo_image){ EMO_GRAY8, side, side, side, pixels };
}

/* Faces that fill a picture which is looked at closely enough for small ones: larger than any of the network's training,
 * so found in parts, if at all, were they not looked at in a smaller size, too. */
static void test_large(void **state)
{
        static uint8_t pixels[640 * 640];
        static float scratch[640 * 640];
        static const double share = 0.55;
        const struct emo_detect_hints hints = { .min_face_px = 20 };
        const float side = (float)(640 * share);
        const struct emo_box truth = { 319.5f - side / 2, 319.5f - side / 2, side, side, 1 };
        unsigned n = 0, found = 0, wrong = 0;
        struct plugin_host *host;

        if (!n_photos || !has_model("detect.onnx"))
                skip();
        host = open_host("cnn", "box");
        for (unsigned i = 0; i < n_photos; i++)
                for (unsigned k = 0; k < photos[i].n_faces; k++) {
                        const struct emo_box *f = &photos[i].faces[k].box;
                        struct nn_affine map =
                                nn_affine_from_square((double)f->x + f->width / 2.0, (double)f->y + f->height / 2.0,
                                                      (double)f->width / share, 0, 640);
                        struct emo_box b[MAX_BOXES];
                        struct emo_image image;
                        struct emo_error error;
                        int got;

                        if (f->width < 40)
                                continue; /* too coarse to be enlarged so far */
                        image = cut_out(&photos[i], &map, 640, pixels, scratch);
                        got = plugin_host_detect(host, &image, &hints, b, MAX_BOXES, &error);
                        assert_true(got >= 0);
                        n++;
                        found += got > 0 && is_same(&b[0], &truth);
                        wrong += (unsigned)got - (got > 0 && is_same(&b[0], &truth));
                }
        print_message("# %u large faces: %u found first, %u other finds\n", n, found, wrong);
        assert_true(n > 20 && found >= n * 9 / 10);
        assert_true(wrong <= n / 5); /* some are neighbours in a group */
        plugin_host_free(host);
}

/* Mean distance of the points in shares of that of the eyes' outer corners. */
static double error_of(const struct emo_alignment *a, const float (*points)[2])
{
        double sum = 0;

        for (size_t i = 0; i < 68; i++)
                sum += hypot((double)a->points[i][0] - points[i][0], (double)a->points[i][1] - points[i][1]) / 68;
        return sum / hypot((double)points[45][0] - points[36][0], (double)points[45][1] - points[36][1]);
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

struct errors {
        double e[400];
        unsigned n, n_unsure;
};

static double share(struct errors *s, double part)
{
        qsort(s->e, s->n, sizeof(s->e[0]), compare);
        return s->n ? s->e[(unsigned)(part * (s->n - 1))] : 0;
}

/* Points of @face from its box, shifted and grown by shares, in a picture. A fresh host: nothing is remembered. */
static void align(const struct emo_image *image, const float (*points)[2], struct emo_box box, struct errors *ret)
{
        struct plugin_host *host = open_host("cnn", "cnn");
        struct emo_alignment a;
        struct emo_error error;

        assert_null(plugin_host_error(host));
        assert_int_equal(plugin_host_align(host, image, &box, &a, &error), 0);
        ret->n_unsure += a.confidence < 0.5f;
        ret->e[ret->n++] = error_of(&a, points);
        plugin_host_free(host);
}

static struct emo_box moved(const struct emo_box *b, double dx, double dy, double grow)
{
        float w = b->width * (float)grow, h = b->height * (float)grow;

        return (struct emo_box){ b->x + b->width / 2 + (float)dx * b->width - w / 2,
                                 b->y + b->height / 2 + (float)dy * b->height - h / 2, w, h, 1 };
}

static void test_points(void **state)
{
        /* shares of the side, factor; the first: the box as it is */
        static const double offsets[][3] = { { 0, 0, 1 },     { 0.15, 0, 1 }, { -0.15, 0, 1 },   { 0, 0.15, 1 },
                                             { 0, -0.15, 1 }, { 0, 0, 1.15 }, { 0, 0, 1 / 1.15 } };
        static struct errors all[2];

        if (!n_photos || !has_model("landmarks.onnx") || !has_model("detect.onnx"))
                skip();
        memset(all, 0, sizeof(all));
        for (unsigned i = 0; i < n_photos; i++)
                for (unsigned k = 0; k < photos[i].n_faces; k++) {
                        struct emo_image image = image_of(photos[i].picture);
                        const struct face *f = &photos[i].faces[k];

                        for (size_t o = 0; f->has_points && o < sizeof(offsets) / sizeof(offsets[0]); o++)
                                align(&image, f->points, moved(&f->box, offsets[o][0], offsets[o][1], offsets[o][2]),
                                      &all[o > 0]);
                }
        print_message("# box as it is: median %.3f, 90 of 100 under %.3f, %u of %u unsure\n", share(&all[0], 0.5),
                      share(&all[0], 0.9), all[0].n_unsure, all[0].n);
        print_message("# off by 15%%: median %.3f, 90 of 100 under %.3f, %u of %u unsure\n", share(&all[1], 0.5),
                      share(&all[1], 0.9), all[1].n_unsure, all[1].n);
        assert_true(share(&all[0], 0.5) < 0.08);
        assert_true(share(&all[1], 0.5) < 0.09);
        assert_true(share(&all[1], 0.9) < 0.2);
}

/* The face of a photograph turned by @roll about its box's middle, cut out four boxes wide. */
static struct emo_image turn(const struct photo *p, const struct face *f, double roll, uint8_t *pixels, float *scratch,
                             float ret_points[68][2], struct emo_box *ret_box)
{
        double x = (double)f->box.x + f->box.width / 2.0, y = (double)f->box.y + f->box.height / 2.0;
        double scale = 4 * (double)f->box.width / 320;
        struct nn_affine map = nn_affine_from_square(x, y, 4 * (double)f->box.width, -roll, 320);
        float side = (float)(f->box.width / scale);

        for (size_t i = 0; i < 68; i++) {
                double dx = ((double)f->points[i][0] - x) / scale, dy = ((double)f->points[i][1] - y) / scale;

                ret_points[i][0] = (float)(159.5 + cos(roll) * dx - sin(roll) * dy);
                ret_points[i][1] = (float)(159.5 + sin(roll) * dx + cos(roll) * dy);
        }
        *ret_box = (struct emo_box){ 159.5f - side / 2, 159.5f - side / 2, side, side, 1 };
        return cut_out(p, &map, 320, pixels, scratch);
}

static void test_turned(void **state)
{
        static uint8_t pixels[320 * 320];
        static float scratch[320 * 320];
        static const double rolls[] = { M_PI / 6, -M_PI / 6 };
        static struct errors all;

        if (!n_photos || !has_model("landmarks.onnx") || !has_model("detect.onnx"))
                skip();
        memset(&all, 0, sizeof(all));
        for (unsigned i = 0; i < n_photos; i++)
                for (unsigned k = 0; k < photos[i].n_faces; k++)
                        for (size_t r = 0; photos[i].faces[k].has_points && r < 2; r++) {
                                float points[68][2];
                                struct emo_box box;
                                struct emo_image image =
                                        turn(&photos[i], &photos[i].faces[k], rolls[r], pixels, scratch, points, &box);

                                align(&image, points, box, &all);
                        }
        print_message("# turned by 30 degrees: median %.3f, 90 of 100 under %.3f, %u of %u unsure\n", share(&all, 0.5),
                      share(&all, 0.9), all.n_unsure, all.n);
        assert_true(share(&all, 0.5) < 0.09);
        assert_true(share(&all, 0.9) < 0.2);
}

/* What is no face: squares of the photographs that show none. */
static void test_no_face(void **state)
{
        struct plugin_host *host;
        unsigned n = 0, n_unsure = 0;

        if (!n_photos || !has_model("landmarks.onnx") || !has_model("detect.onnx"))
                skip();
        host = open_host("cnn", "cnn");
        for (unsigned i = 0; i < n_photos; i++) {
                struct emo_image image = image_of(photos[i].picture);

                if (photos[i].n_faces)
                        continue;
                for (uint32_t y = 0; y + 80 <= image.height_px; y += 80)
                        for (uint32_t x = 0; x + 80 <= image.width_px; x += 80) {
                                struct emo_box b = { (float)x, (float)y, 80, 80, 1 };
                                struct emo_alignment a;
                                struct emo_error error;

                                assert_int_equal(plugin_host_align(host, &image, &b, &a, &error), 0);
                                n_unsure += a.confidence < 0.5f;
                                n++;
                        }
        }
        print_message("# %u of %u squares without a face are told to be none\n", n_unsure, n);
        assert_true(n_unsure >= n * 9 / 10);
        plugin_host_free(host);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_detector), cmocka_unit_test(test_large),   cmocka_unit_test(test_points),
                cmocka_unit_test(test_turned),   cmocka_unit_test(test_no_face),
        };

        return cmocka_run_group_tests_name("faces", tests, setup, teardown);
}
