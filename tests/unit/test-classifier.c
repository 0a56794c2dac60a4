/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The classifier on models that the test writes: the mean of the picture, times a weight for each label. */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "daemon/vision/classifier.h"
#include "nn/onnx-write.h"

#define SIDE 8
#define MAX_LABELS 20

static char folder[64];

static const char *path_of(const char *name)
{
        static char path[128];

        snprintf(path, sizeof(path), "%s/%s", folder, name);
        return path;
}

/* What may be odd about a model. */
struct model {
        int64_t batch, channels, side; /* 0: -1, 1 and SIDE */
        bool nhwc;                     /* 1 or 3 channels behind the picture, each of which has an output */
        const char *channels_text, *accuracy, *decisions;
        unsigned n_outputs; /* 0: 3 */
        const char *labels, *normalisation, *output;
        float weights[MAX_LABELS];
        bool softmax;
        bool no_labels;
        bool heavy; /* so large that several faces are taken at a time */
        bool mixes; /* but cannot be: its faces would meet */
        bool left;  /* the mean of the left half instead */
};

static const char *write_model(const struct model *m)
{
        const char *path = path_of("model.onnx");
        int64_t channels = m->channels ? m->channels : 1, side = m->side ? m->side : SIDE;
        int64_t batch = m->batch ? m->batch : -1, n = m->n_outputs ? m->n_outputs : 3;
        int64_t in_dims[] = { batch, channels, side, side }, out_dims[] = { batch, n };
        const int64_t last_dims[] = { batch, side, side, channels };
        float weights[SIDE * SIDE * MAX_LABELS] = { 0 };
        const struct onnx_attribute axis[] = { { .name = "axis", .kind = ONNX_INT, .i = m->mixes ? 0 : 1 }, { 0 } };
        struct nn_tensor w = { .type = NN_FLOAT32, .n_dims = 2, .dims = { channels, n }, .data = weights };
        struct onnx_writer *o;

        if (m->left)
                w.dims[0] = SIDE * SIDE;
        for (int64_t k = 0; channels == 3 && k < 3; k++)
                weights[k * n + k] = 1; /* output k is the mean of channel k */
        for (int64_t i = 0; channels != 3 && i < (m->left ? SIDE * SIDE : 1); i++)
                if (i % SIDE < SIDE / 2)
                        for (int64_t k = 0; k < n; k++)
                                weights[i * n + k] = m->weights[k] / (m->left ? SIDE * SIDE / 2 : 1);
        assert_int_equal(onnx_writer_new("test", &o), 0);
        onnx_writer_input(o, "x", NN_FLOAT32, m->nhwc ? last_dims : in_dims, 4);
        onnx_writer_output(o, "y", NN_FLOAT32, out_dims, 2);
        onnx_writer_initializer(o, "w", &w);
        if (m->nhwc)
                onnx_writer_node(
                        o, "Transpose", (const char *[]){ "x", NULL }, (const char *[]){ "t", NULL },
                        (const struct onnx_attribute[]){
                                { .name = "perm", .kind = ONNX_INTS, .ints = (int64_t[]){ 0, 3, 1, 2 }, .n = 4 },
                                { 0 } });
        if (!m->left)
                onnx_writer_node(o, "GlobalAveragePool", (const char *[]){ m->nhwc ? "t" : "x", NULL },
                                 (const char *[]){ "a", NULL }, NULL);
        if (m->heavy) {
                struct nn_tensor ballast = { .type = NN_FLOAT32, .n_dims = 1, .dims = { 9 << 18 } };

                ballast.data = calloc(9 << 18, sizeof(float));
                onnx_writer_take_initializer(o, "ballast", &ballast);
        }
        onnx_writer_node(o, "Flatten", (const char *[]){ m->left ? "x" : "a", NULL }, (const char *[]){ "b", NULL },
                         axis);
        onnx_writer_node(o, "Gemm", (const char *[]){ "b", "w", NULL },
                         (const char *[]){ m->softmax ? "c" : "y", NULL }, NULL);
        if (m->softmax)
                onnx_writer_node(o, "Softmax", (const char *[]){ "c", NULL }, (const char *[]){ "y", NULL }, NULL);
        if (!m->no_labels)
                onnx_writer_metadata(o, "emotiond.labels", m->labels ?: "one, two,three");
        if (m->normalisation)
                onnx_writer_metadata(o, "emotiond.normalisation", m->normalisation);
        if (m->output)
                onnx_writer_metadata(o, "emotiond.output", m->output);
        if (m->accuracy)
                onnx_writer_metadata(o, "emotiond.accuracy", m->accuracy);
        if (m->decisions)
                onnx_writer_metadata(o, "emotiond.decisions", m->decisions);
        if (m->channels_text)
                onnx_writer_metadata(o, "emotiond.channels", m->channels_text);
        onnx_writer_metadata(o, "emotiond.name", "a test");
        assert_int_equal(onnx_writer_save(o, path), 0);
        onnx_writer_free(o);
        return path;
}

/* What the settings say beside the file. */
static struct nn_form_text said;

static struct classifier *load_for(const struct model *m, unsigned max_batch, unsigned threads)
{
        struct classifier_error error = { "" };
        struct classifier *c = NULL;
        int r = classifier_new(write_model(m), &said, max_batch, threads, &c, &error);

        if (r < 0)
                fail_msg("%d: %s", r, error.text);
        return c;
}

static struct classifier *load(const struct model *m, unsigned max_batch)
{
        return load_for(m, max_batch, 1);
}

static void fill(struct classifier *c, unsigned i, float value)
{
        for (size_t k = 0; k < SIDE * SIDE; k++)
                classifier_input(c, i)[k] = value;
}

static const struct model logits = { .output = "logits", .weights = { 1, 2, -1 } };

static void test_info(void **state)
{
        struct classifier *c = load(&logits, 4);
        const struct classifier_info *info = classifier_get_info(c);
        char command[256], line[128] = "";
        FILE *f;

        assert_int_equal(info->n_labels, 3);
        assert_string_equal(info->labels[0], "one");
        assert_string_equal(info->labels[1], "two");
        assert_string_equal(info->labels[2], "three");
        assert_string_equal(info->name, "a test");
        assert_string_equal(info->licence, "");
        assert_int_equal(info->width_px, SIDE);
        assert_int_equal(info->height_px, SIDE);
        assert_int_equal(info->max_batch, 4);
        snprintf(command, sizeof(command), "sha256sum %s", info->file);
        f = popen(command, "re");
        assert_non_null(f);
        assert_non_null(fgets(line, sizeof(line), f));
        pclose(f);
        line[64] = '\0';
        assert_string_equal(info->sha256, line);
        classifier_free(c);
}

/* Faces of one call do not meet, however many are computed at a time. */
static void test_batches(void **state)
{
        static const struct {
                int64_t batch;
                bool heavy, mixes;
                unsigned threads;
        } cases[] = { { 0, false, false, 1 }, { 1, false, false, 1 }, { 0, true, false, 1 }, { 1, true, false, 1 },
                      { 1, true, true, 1 },   { 0, false, false, 2 }, { 1, false, false, 2 } };

        for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
                struct model m = logits;
                float scores[32][EMOTION_MAX];

                m.batch = cases[k].batch;
                m.heavy = cases[k].heavy;
                m.mixes = cases[k].mixes;
                struct classifier *c = load_for(&m, 32, cases[k].threads);
                for (unsigned n = 1; n <= 32; n = n < 8 ? n + 1 : n + 5) {
                        for (unsigned i = 0; i < n; i++)
                                fill(c, i, (float)(i * 8));
                        assert_int_equal(classifier_run(c, n, scores), 0);
                        for (unsigned i = 0; i < n; i++) {
                                double mean = i * 8 / 255.0;
                                double sum = exp(mean) + exp(2 * mean) + exp(-mean);

                                assert_float_equal(scores[i][0], exp(mean) / sum, 1e-5);
                                assert_float_equal(scores[i][1], exp(2 * mean) / sum, 1e-5);
                                assert_float_equal(scores[i][2], exp(-mean) / sum, 1e-5);
                        }
                }
                assert_int_equal(classifier_run(c, 33, scores), -EINVAL);
                assert_int_equal(classifier_run(c, 0, scores), 0);
                classifier_free(c);
        }
}

/* The mean of what a face and its mirror image give, of each face by itself, however many are taken at a time. */
static void test_mirror(void **state)
{
        for (unsigned heavy = 0; heavy < 2; heavy++) {
                struct model m = { .weights = { 1, 2, -1 }, .normalisation = "unit", .output = "logits", .left = true };
                float scores[7][EMOTION_MAX];
                struct classifier *c = load_for(&m, 7, heavy ? 2 : 1);

                for (unsigned mirror = 0; mirror < 3; mirror++) {
                        if (mirror) /* on, and off again */
                                classifier_set_mirror(c, mirror == 1);
                        for (unsigned i = 0; i < 7; i++)
                                for (size_t k = 0; k < SIDE * SIDE; k++)
                                        classifier_input(c, i)[k] = k % SIDE < SIDE / 2 ? (float)(30 * i) : 255.f;
                        assert_int_equal(classifier_run(c, 7, scores), 0);
                        for (unsigned i = 0; i < 7; i++) {
                                double l = 30 * i / 255.0, sum = exp(l) + exp(2 * l) + exp(-l);
                                double whole = M_E + M_E * M_E + 1 / M_E, mean = exp(2 * l) / sum;

                                if (mirror == 1)
                                        mean = (mean + M_E * M_E / whole) / 2;
                                assert_float_equal(scores[i][1], mean, 1e-5);
                                assert_float_equal(scores[i][0] + scores[i][1] + scores[i][2], 1, 1e-5);
                        }
                }
                classifier_free(c);
        }
}

static void test_outputs(void **state)
{
        struct model m = { .softmax = true, .weights = { 1, 2, -1 }, .normalisation = "none" };
        float scores[1][EMOTION_MAX];
        struct classifier *c = load(&m, 1);
        double sum = exp(1) + exp(2) + exp(-1);

        fill(c, 0, 1);
        assert_int_equal(classifier_run(c, 1, scores), 0);
        assert_float_equal(scores[0][1], exp(2) / sum, 1e-5);
        classifier_free(c);

        /* "probabilities" that are none: made to be, negative ones cut */
        m = (struct model){ .weights = { 3, 1, -1 }, .normalisation = "none" };
        c = load(&m, 1);
        fill(c, 0, 1);
        assert_int_equal(classifier_run(c, 1, scores), 0);
        assert_float_equal(scores[0][0], 0.75, 1e-6);
        assert_float_equal(scores[0][2], 0, 0);
        classifier_free(c);
}

/* Three channels, of which each has an output: what reaches which. */
static void test_colour(void **state)
{
        static const struct {
                const char *channels;
                float seen[3]; /* of red 20, green 40, blue 60 and gray 100 */
        } cases[] = { { NULL, { 20, 40, 60 } }, { "bgr", { 60, 40, 20 } }, { "gray", { 100, 100, 100 } } };

        for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
                struct model m = { .channels = 3,
                                   .nhwc = i % 2,
                                   .channels_text = cases[i / 2].channels,
                                   .normalisation = "0.1,0.2,0.3/0.5,0.25,1",
                                   .output = "logits" };
                const float mean[] = { 0.1f, 0.2f, 0.3f }, std[] = { 0.5f, 0.25f, 1 };
                struct classifier *c = load(&m, 2);
                float scores[2][EMOTION_MAX];
                double z[3], sum = 0;

                assert_int_equal(classifier_get_info(c)->colour, i / 2 != 2);
                for (unsigned k = 0; k < 2; k++) {
                        fill(c, k, 100);
                        for (size_t p = 0; classifier_planes(c, k) && p < 3 * SIDE * SIDE; p++)
                                classifier_planes(c, k)[p] = 20.f * (float)(1 + p / (SIDE * SIDE));
                }
                assert_int_equal(classifier_run(c, 2, scores), 0);
                for (unsigned k = 0; k < 3; k++)
                        sum += z[k] = exp((double)((cases[i / 2].seen[k] / 255 - mean[k]) / std[k]));
                for (unsigned k = 0; k < 3; k++) {
                        assert_float_equal(scores[0][k], z[k] / sum, 1e-5);
                        assert_float_equal(scores[1][k], z[k] / sum, 1e-5);
                }
                classifier_free(c);
        }
}

/* What is said beside the file wins, and is refused where it cannot be. */
static void test_said(void **state)
{
        static const struct {
                struct nn_form_text text;
                const char *words;
        } bad[] = {
                { { .labels = "Happy,joy,sad" }, "'happiness' twice: outputs 0 and 1" },
                { { .labels = "a,b,c d" }, "'c d' cannot be used" },
                { { .size = "9x8" }, "the input is 8x8" },
                { { .size = "8" }, "not a size" },
                { { .layout = "nhwc" }, "8 channels, not 1 or 3" },
                { { .channels = "bgr" }, "one channel" },
                { { .face_template = "eyes" }, "not a template" },
        };
        struct model m = logits;
        struct classifier *c;

        said = (struct nn_form_text){ .labels = "Angry, Happy,x=sad",
                                      .normalisation = "none",
                                      .output = "probabilities" };
        m.no_labels = true;
        c = load(&m, 1);
        assert_string_equal(classifier_get_info(c)->labels[0], "anger");
        assert_string_equal(classifier_get_info(c)->labels[1], "happiness");
        assert_string_equal(classifier_get_info(c)->labels[2], "sadness");
        float scores[1][EMOTION_MAX];

        fill(c, 0, 1);
        assert_int_equal(classifier_run(c, 1, scores), 0);
        assert_float_equal(scores[0][1], 2. / 3, 1e-6); /* of 1, 2 and a negative one */
        classifier_free(c);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct classifier_error error = { "" };

                assert_int_equal(classifier_new(write_model(&logits), &bad[i].text, 1, 1, &c, &error), -EINVAL);
                if (!strstr(error.text, bad[i].words))
                        fail_msg("'%s' instead of '%s'", error.text, bad[i].words);
        }
        /* sides that the file leaves open */
        said = (struct nn_form_text){ .size = "8x8" };
        m = logits;
        m.side = -1;
        c = load(&m, 1);
        assert_int_equal(classifier_get_info(c)->width_px, 8);
        classifier_free(c);
        said = (struct nn_form_text){ 0 };
}

/* What was measured, if the file has it in full. */
static void test_measured(void **state)
{
        static const struct {
                const char *accuracy, *decisions;
                double wanted;
                unsigned n;
        } cases[] = {
                { "0.75", "1,2,3,4;5,6,7,8;9,10,11,12", 0.75, 12 }, { NULL, NULL, 0, 0 },
                { "1.5", "1,2,3,4;5,6,7,8;9,10,11", 0, 0 },         { "nan", "1,2,3;4,5,6;7,8,9", 0, 0 },
                { "-1", "1,2,3,4;5,6,7,8;9,10,11,-12", 0, 0 },      { "1", "1,2,3,4;5,6,7,8;9,10,11,12,13", 1, 0 },
                { "", "1,2,3,4,5,6,7,8;9,10,11,12", 0, 0 },         { "x", ";;", 0, 0 }
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct model m = logits;

                m.accuracy = cases[i].accuracy;
                m.decisions = cases[i].decisions;
                struct classifier *c = load(&m, 1);
                const struct classifier_info *info = classifier_get_info(c);

                assert_float_equal(info->accuracy, cases[i].wanted, 1e-9);
                assert_int_equal(info->n_decisions, cases[i].n);
                for (unsigned k = 0; k < cases[i].n; k++)
                        assert_int_equal(info->decisions[k], k + 1);
                classifier_free(c);
        }
}

static void test_broken_numbers(void **state)
{
        static const float bad[] = { NAN, INFINITY, -INFINITY };
        static const char *const outputs[] = { "logits", "probabilities" };

        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                for (size_t k = 0; k < ARRAY_LEN(outputs); k++) {
                        struct model m = { .weights = { 1, bad[i], 1 }, .output = outputs[k] };
                        float scores[1][EMOTION_MAX];
                        struct classifier *c = load(&m, 1);

                        fill(c, 0, 100);
                        assert_int_equal(classifier_run(c, 1, scores), 0);
                        for (size_t l = 0; l < 3; l++)
                                assert_float_equal(scores[0][l], 1. / 3, 1e-6);
                        classifier_free(c);
                }
        /* no score above zero */
        struct model m = { .weights = { 0, 0, 0 } };
        float scores[1][EMOTION_MAX];
        struct classifier *c = load(&m, 1);

        fill(c, 0, 100);
        assert_int_equal(classifier_run(c, 1, scores), 0);
        assert_float_equal(scores[0][2], 1. / 3, 1e-6);
        classifier_free(c);
}

static void assert_refused(const char *path, int expected, const char *words)
{
        struct classifier_error error = { "" };
        struct classifier *c = NULL;
        int r = classifier_new(path, NULL, 2, 1, &c, &error);

        if (r != expected || !strstr(error.text, words))
                fail_msg("%s: %d '%s', not %d '%s'", path, r, error.text, expected, words);
        assert_null(c);
}

static void test_refused_models(void **state)
{
        static const struct {
                struct model m;
                const char *words;
        } cases[] = {
                { { .no_labels = true }, "no metadata emotiond.labels" },
                { { .labels = "one" }, "fewer than two" },
                { { .labels = "" }, "fewer than two" },
                { { .labels = "a,b,a" }, "'a' twice" },
                { { .labels = "a,unsure,b" }, "'unsure'" },
                { { .labels = "a,B\n,c" }, "cannot be used" },
                { { .labels = "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", .n_outputs = 17 }, "more than 16" },
                { { .labels = "a,b" }, "output must be" },
                { { .normalisation = "sepia" }, "normalisation 'sepia'" },
                { { .output = "guesses" }, "'guesses'" },
                { { .channels = 2 }, "no picture of one channel or three" },
                { { .channels = 3, .channels_text = "cmyk" }, "'cmyk'" },
                { { .channels_text = "rgb" }, "one channel" },
                { { .normalisation = "0.5/0" }, "standard deviation" },
                { { .normalisation = "0.5,0.5/1" }, "normalisation '0.5,0.5/1'" },
                { { .normalisation = "0.5/nan" }, "normalisation '0.5/nan'" },
                { { .side = 2000 }, "sides" },
                { { .side = -1 }, "sides" },
                { { .side = 4 }, "sides" },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                assert_refused(write_model(&cases[i].m), -EINVAL, cases[i].words);
}

static void test_refused_files(void **state)
{
        FILE *f;

        assert_refused("/nonexistent/model.onnx", -ENOENT, "No such file");
        assert_refused(folder, -EINVAL, "is not a file");
        assert_refused("/dev/zero", -EINVAL, "is not a file");
        assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
        assert_refused(path_of("fifo"), -EINVAL, "is not a file");
        f = fopen(path_of("garbage"), "we");
        assert_non_null(f);
        fputs("this is no protocol buffer at all, and never was", f);
        fclose(f);
        assert_refused(path_of("garbage"), -EBADMSG, "garbage");
        f = fopen(path_of("empty"), "we");
        assert_non_null(f);
        fclose(f);
        assert_refused(path_of("empty"), -EBADMSG, "empty");
        /* cut in the middle */
        write_model(&logits);
        assert_int_equal(truncate(path_of("model.onnx"), 150), 0);
        assert_refused(path_of("model.onnx"), -EBADMSG, "model.onnx");

        struct classifier *c;
        struct classifier_error error;

        write_model(&logits);
        assert_int_equal(classifier_new(path_of("model.onnx"), NULL, 0, 1, &c, &error), -EINVAL);
        assert_int_equal(classifier_new(path_of("model.onnx"), NULL, 1, 65, &c, &error), -EINVAL);
        assert_int_equal(classifier_new(path_of("model.onnx"), NULL, 100000, 1, &c, &error), -EINVAL);
}

static int set_up(void **state)
{
        strcpy(folder, "/tmp/test-classifier-XXXXXX");
        return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
        static const char *const files[] = { "model.onnx", "fifo", "garbage", "empty" };

        for (size_t i = 0; i < ARRAY_LEN(files); i++)
                unlink(path_of(files[i]));
        return rmdir(folder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_info),           cmocka_unit_test(test_batches),
                cmocka_unit_test(test_mirror),         cmocka_unit_test(test_outputs),
                cmocka_unit_test(test_broken_numbers), cmocka_unit_test(test_refused_models),
                cmocka_unit_test(test_refused_files),  cmocka_unit_test(test_colour),
                cmocka_unit_test(test_said),           cmocka_unit_test(test_measured),
        };

        return cmocka_run_group_tests_name("classifier", tests, set_up, tear_down);
}
