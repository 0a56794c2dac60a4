/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the synthetic clip: mean faces, the script, the rendering, the container. */
#undef NDEBUG
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "train/cmd/avi.h"
#include "train/cmd/mean-face.h"
#include "train/cmd/synthetic.h"
#include "train/net/random.h"

enum { SIDE = 24 };

static uint8_t strip[SIDE][2 * SIDE]; /* a dark and a light face with a spot each */

static struct synthetic_config small_config(void)
{
        return (struct synthetic_config){ .width_px = 64,
                                          .height_px = 48,
                                          .rate_hz = 10,
                                          .hold_s = 1,
                                          .morph_s = 0.5,
                                          .exaggeration = { 1, 1 },
                                          .face_px = 30,
                                          .n_steps = 2,
                                          .steps = { 0, 1 } };
}

static int make_strip(void **state)
{
        for (unsigned y = 0; y < SIDE; y++)
                for (unsigned x = 0; x < SIDE; x++) {
                        strip[y][x] = y < 12 ? 100 : 50;
                        strip[y][SIDE + x] = x < 12 ? 100 : 50;
                }
        return 0;
}

static int init(struct synthetic *s, const struct synthetic_config *c)
{
        return synthetic_init(s, &strip[0][0], 2 * SIDE, SIDE, 2 * SIDE, c);
}

static void test_script(void **state)
{
        struct synthetic_config c = small_config();
        struct synthetic s;
        unsigned n_held = 0, n_changes = 0;

        assert_int_equal(init(&s, &c), 0);
        assert_int_equal(synthetic_n_frames(&s), 30);
        for (size_t i = 0; i < 30; i++) {
                struct synthetic_truth t = synthetic_truth(&s, i);

                assert_true(t.weight >= 0.5 && t.weight <= 1);
                n_held += t.weight == 1;
                n_changes += i && t.class != synthetic_truth(&s, i - 1).class;
        }
        assert_int_equal(synthetic_truth(&s, 0).class, 0);
        assert_int_equal(synthetic_truth(&s, 20).class, 1);
        assert_int_equal(synthetic_truth(&s, 29).class, 0); /* on its way back */
        assert_int_equal(n_changes, 2);
        assert_int_equal(n_held, 22);
        synthetic_done(&s);
}

static double difference(const uint8_t *a, const uint8_t *b, size_t n)
{
        double sum = 0;

        for (size_t i = 0; i < n; i++)
                sum += fabs((double)a[i] - b[i]);
        return sum / (double)n;
}

static void test_no_seam(void **state)
{
        struct synthetic_config c = small_config();
        uint8_t a[64 * 48], b[64 * 48];
        struct synthetic s;

        c.rate_hz = 50;
        assert_int_equal(init(&s, &c), 0);
        size_t n = synthetic_n_frames(&s);
        for (size_t i = 0; i < n; i++) {
                synthetic_render(&s, i, a);
                synthetic_render(&s, (i + 1) % n, b);
                assert_true(difference(a, b, sizeof(a)) < 4);
        }
        synthetic_render(&s, 0, a);
        synthetic_render(&s, n / 2, b);
        assert_true(difference(a, b, sizeof(a)) > 4);
        assert_int_equal(a[0], a[63]); /* the corners are background */
        synthetic_done(&s);
}

static void test_bad_configs(void **state)
{
        struct synthetic_config good = small_config(), c[7];
        struct synthetic s;

        for (size_t i = 0; i < 7; i++)
                c[i] = good;
        c[0].steps[1] = 2;
        c[1].face_px = 49;
        c[2].hold_s = NAN;
        c[3].exaggeration[1] = 0;
        c[4].n_steps = 0;
        c[5].rate_hz = 0;
        c[6].width_px = 1u << 30;
        for (size_t i = 0; i < 7; i++)
                assert_int_equal(init(&s, &c[i]), -EINVAL);
        assert_int_equal(synthetic_init(&s, &strip[0][0], 2 * SIDE - 1, SIDE, 2 * SIDE, &good), -EINVAL);
        assert_int_equal(synthetic_init(&s, &strip[0][0], 2 * SIDE, 0, 2 * SIDE, &good), -EINVAL);
}

/* Pictures of one pattern, each shifted: the aligned mean is nearer to the pattern than the plain one. */
static void test_alignment_sharpens(void **state)
{
        enum { PX = 48, N = 60 };
        static uint8_t pixels[N * PX * PX], classes[N], usage[N];
        static float plain[2 * PX * PX], aligned[2 * PX * PX];
        struct dataset d = { .width_px = PX,
                             .height_px = PX,
                             .n = N,
                             .n_classes = 2,
                             .labels = { "a", "b" },
                             .pixels = pixels,
                             .classes = classes,
                             .usage = usage };
        struct mean_face_config config = { .size_px = PX, .passes = 0, .keep = 1 };
        double contrast[2] = { 0 };
        size_t used[2];
        struct rng r;

        rng_seed(&r, 1);
        for (size_t i = 0; i < N; i++) {
                double cx = 23.5, cy = 23.5 + rng_range(&r, -4, 4);

                for (size_t y = 0; y < PX; y++)
                        for (size_t x = 0; x < PX; x++) {
                                double u = fabs(x - cx) - 9, v = y - cy + 6, w = y - cy - 9, h = x - cx;
                                double dark = exp(-(u * u + v * v) / 12) + exp(-(h * h / 4 + w * w) / 6);

                                pixels[(i * PX + y) * PX + x] = (uint8_t)(180 - 120 * fmin(dark, 1));
                        }
        }
        assert_int_equal(mean_faces(&d, &config, plain, used), 0);
        assert_int_equal(used[0], N);
        assert_int_equal(used[1], 0);
        config.passes = 3;
        config.keep = 0.5;
        assert_int_equal(mean_faces(&d, &config, aligned, used), 0);
        assert_true(used[0] >= N / 2 && used[0] < N);
        for (size_t i = 0; i < PX * PX; i++) {
                contrast[0] += plain[i] * plain[i];
                contrast[1] += aligned[i] * aligned[i];
                assert_true(fabsf(aligned[i] - aligned[i / PX * PX + PX - 1 - i % PX]) < 1e-4f);
                assert_true(aligned[PX * PX + i] == aligned[i]); /* an empty class looks like the others */
        }
        assert_true(contrast[1] > 1.2 * contrast[0]);
        config.keep = 0;
        assert_int_equal(mean_faces(&d, &config, plain, NULL), -EINVAL);
}

static uint32_t get32(const uint8_t *p)
{
        return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void test_avi(void **state)
{
        char path[] = "/tmp/test-synthetic-XXXXXX";
        int fd = mkstemp(path);
        _cleanup_(avi_writer_freep) struct avi_writer *w = NULL;
        uint8_t file[1024];

        assert_true(fd >= 0);
        assert_int_equal(avi_writer_new(path, 0, 48, 15, &w), -EINVAL);
        assert_int_equal(avi_writer_new("/nowhere/x.avi", 64, 48, 15, &w), -ENOENT);
        assert_int_equal(avi_writer_new(path, 64, 48, 15, &w), 0);
        assert_int_equal(avi_writer_add(w, "abc", 3), 0);
        assert_int_equal(avi_writer_add(w, "defg", 4), 0);
        assert_int_equal(avi_writer_finish(w), 0);
        size_t n = (size_t)read(fd, file, sizeof(file));
        close(fd);
        unlink(path);

        assert_true(n < sizeof(file));
        assert_memory_equal(file, "RIFF", 4);
        assert_int_equal(get32(file + 4), n - 8);
        const uint8_t *movi = memmem(file, n, "movi", 4), *index = memmem(file, n, "idx1", 4);
        assert_non_null(movi);
        assert_non_null(index);
        assert_int_equal(get32(movi - 4), index - movi);
        assert_int_equal(get32(index + 4), 32);
        assert_true(index + 8 + 32 == file + n);
        for (size_t i = 0; i < 2; i++) {
                const uint8_t *entry = index + 8 + 16 * i, *chunk = movi + get32(entry + 8);

                assert_memory_equal(chunk, "00dc", 4);
                assert_int_equal(get32(chunk + 4), 3 + i);
                assert_int_equal(get32(entry + 12), 3 + i);
                assert_memory_equal(chunk + 8, i ? "defg" : "abc", 3 + i);
        }
        assert_int_equal(get32(file + 48), 2); /* frames, in avih */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_script),      cmocka_unit_test(test_no_seam),
                cmocka_unit_test(test_bad_configs), cmocka_unit_test(test_alignment_sharpens),
                cmocka_unit_test(test_avi),
        };
        return cmocka_run_group_tests(tests, make_strip, NULL);
}
