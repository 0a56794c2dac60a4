/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A set of landmarks: what `emotion-nn points` writes is read again, and wrong files are refused by line. */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "basic/macro.h"
#include "nn/landmarks.h"
#include "nn/onnx-write.h"
#include "train/cmd/cmd.h"
#include "train/data/dataset.h"

#define SIDE 16

static char folder[] = "/tmp/emotion-points-XXXXXX";
static char model[64], pictures[64], out[64];

/* A face's points as shares of the crop: a ring with eyes and a mouth in their places. */
static void make_face(float *p)
{
        for (unsigned i = 0; i < 68; i++) {
                p[2 * i] = (float)(0.5 + 0.3 * cos(i));
                p[2 * i + 1] = (float)(0.5 + 0.35 * sin(i));
        }
        for (unsigned i = 36; i < 48; i++) {
                p[2 * i] = i < 42 ? 0.33f : 0.67f;
                p[2 * i + 1] = 0.38f;
        }
        for (unsigned i = 48; i < 68; i++) {
                p[2 * i] = (float)(0.5 + 0.15 * cos((i - 48) * M_PI / 6 + M_PI));
                p[2 * i + 1] = 0.74f;
        }
}

/* A network that sees that face, as surely as @confidence, in every crop. */
static void write_model(float confidence)
{
        static float zeros[SIDE * SIDE * 136];
        const int64_t in[] = { 1, 1, SIDE, SIDE }, points[] = { 1, 136 }, one[] = { 1, 1 };
        const struct onnx_attribute transposed[] = { { .name = "transB", .kind = ONNX_INT, .i = 1 }, { 0 } };
        struct nn_tensor w = { .type = NN_FLOAT32, .n_dims = 2, .dims = { 136, SIDE * SIDE }, .data = zeros };
        struct nn_tensor b = { .type = NN_FLOAT32, .n_dims = 1, .dims = { 136 } };
        struct onnx_writer *writer = NULL;
        float face[136];

        make_face(face);
        assert_int_equal(onnx_writer_new("face", &writer), 0);
        onnx_writer_input(writer, "x", NN_FLOAT32, in, 4);
        b.data = face;
        onnx_writer_initializer(writer, "w", &w);
        onnx_writer_initializer(writer, "b", &b);
        w.dims[0] = b.dims[0] = 1;
        b.data = &confidence;
        onnx_writer_initializer(writer, "v", &w);
        onnx_writer_initializer(writer, "c", &b);
        onnx_writer_node(writer, "Flatten", (const char *[]){ "x", NULL }, (const char *[]){ "flat", NULL }, NULL);
        onnx_writer_node(writer, "Gemm", (const char *[]){ "flat", "w", "b", NULL }, (const char *[]){ "points", NULL },
                         transposed);
        onnx_writer_node(writer, "Gemm", (const char *[]){ "flat", "v", "c", NULL },
                         (const char *[]){ "confidence", NULL }, transposed);
        onnx_writer_output(writer, "points", NN_FLOAT32, points, 2);
        onnx_writer_output(writer, "confidence", NN_FLOAT32, one, 2);
        onnx_writer_metadata(writer, "emotiond.task", "landmarks");
        assert_int_equal(onnx_writer_save(writer, model), 0);
        onnx_writer_free(writer);
}

static void write_text(const char *path, const char *text)
{
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        fputs(text, f);
        assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
        FILE *f;

        if (!mkdtemp(folder))
                return -1;
        snprintf(model, sizeof(model), "%s/model.onnx", folder);
        snprintf(pictures, sizeof(pictures), "%s/pictures.csv", folder);
        snprintf(out, sizeof(out), "%s/out.csv", folder);
        f = fopen(pictures, "we");
        if (!f)
                return -1;
        fprintf(f, "emotion,pixels,Usage\n");
        for (unsigned i = 0; i < 5; i++) {
                fprintf(f, "%u,", i);
                for (unsigned p = 0; p < 48 * 48; p++)
                        fprintf(f, "%s%u", p ? " " : "", (p * 7 + i) % 256);
                fprintf(f, ",%s\n", i == 4 ? "PublicTest" : "Training");
        }
        return fclose(f);
}

static int tear_down(void **state)
{
        unlink(model);
        unlink(pictures);
        unlink(out);
        return rmdir(folder);
}

static int points(const char *option)
{
        char *argv[] = { (char *)(uintptr_t) "points", model, (char *)(uintptr_t) "--data", pictures,
                         (char *)(uintptr_t) "-o",     out,   (char *)(uintptr_t)option,    NULL };

        return cmd_points.run(option ? 7 : 6, argv);
}

static void load(const char *path, struct dataset **ret)
{
        struct dataset_error error = { "" };

        if (dataset_load(path, NULL, ret, &error) < 0)
                fail_msg("%s", error.text);
}

static void test_points(void **state)
{
        _cleanup_(dataset_freep) struct dataset *d = NULL;
        float face[136];
        double scale = 0;

        write_model(0.9f);
        assert_int_equal(points(NULL), 0);
        load(out, &d);
        assert_int_equal(d->n, 5);
        assert_int_equal(d->width_px, 136);
        assert_int_equal(d->height_px, 1);
        assert_int_equal(d->classes[3], 3);
        assert_int_equal(d->usage[4], DATASET_PUBLIC_TEST);
        /* whatever square they were found in, they have the face's shape */
        make_face(face);
        for (unsigned i = 0; i < 68; i++)
                scale += ((double)face[2 * i] - 0.5) * (d->pixels[2 * i] - 127.5);
        assert_true(scale > 0);
        for (unsigned i = 1; i < 68; i++) {
                double a = (double)(face[2 * i] - face[0]), b = d->pixels[2 * i] - d->pixels[0];
                double c = (double)(face[2 * i + 1] - face[1]), e = d->pixels[2 * i + 1] - d->pixels[1];

                /* one scale for both axes; a grey level is rounded */
                assert_true(fabs(a * e - b * c) < 2.0);
        }
}

/* The first look is at the square in which FER2013 has a face: the network sees one there that needs no second. */
static void test_first_square(void **state)
{
        const double side = landmarks_square_of_crop(48).side_px;
        float face[136];
        char line[4096];
        double x, y;
        FILE *f;

        write_model(0.9f);
        assert_int_equal(points(NULL), 0);
        f = fopen(out, "re");
        assert_non_null(f);
        assert_non_null(fgets(line, sizeof(line), f));
        assert_non_null(fgets(line, sizeof(line), f));
        fclose(f);
        make_face(face);
        assert_int_equal(sscanf(line, "0,%lf %lf", &x, &y), 2);
        assert_true(fabs(x - (23.5 + ((double)face[0] - 0.5) * side)) < 0.01);
        assert_true(fabs(y - (23.5 + ((double)face[1] - 0.5) * side)) < 0.01);
}

static void test_no_face(void **state)
{
        struct dataset_error error;
        struct dataset *none = NULL;

        write_model(0.1f);
        assert_int_equal(points(NULL), 0);
        assert_int_equal(dataset_load(out, NULL, &none, &error), -EINVAL);
        assert_int_equal(points("--confidence=0.05"), 0);
        load(out, &none);
        assert_int_equal(none->n, 5);
        dataset_free(none);
}

static void refuse(const char *row, const char *part)
{
        struct dataset_error error = { "" };
        struct dataset *d = NULL;
        char *text = NULL;

        assert_true(asprintf(&text, "emotion,points,Usage\n%s\n", row) > 0);
        write_text(out, text);
        free(text);
        assert_true(dataset_load(out, NULL, &d, &error) < 0);
        assert_non_null(strstr(error.text, out));
        assert_non_null(strstr(error.text, part));
}

static void test_refused(void **state)
{
        char row[2048], *p = row;

        p += sprintf(p, "3,");
        for (unsigned i = 0; i < 136; i++)
                p += sprintf(p, "%s5", i ? " " : "");
        sprintf(p, ",Training");
        refuse(row, ":2: all points are one");
        refuse("3,1 2 3,Training", "136");
        refuse("3,1 x 3,Training", "136");
        refuse("3,1 nan,Training", "136");
        refuse("9,1 2,Training", "emotion");
        refuse("3,1 2", "columns");
        sprintf(p, " 5,Training");
        refuse(row, "136");
        write_text(model, "nothing");
        assert_int_not_equal(points(NULL), 0);
        write_model(0.9f);
        assert_int_not_equal(points("--confidence=2"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_points),
                cmocka_unit_test(test_first_square),
                cmocka_unit_test(test_no_face),
                cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
