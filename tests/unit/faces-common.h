/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Made faces and folders for the tests of landmark networks and detectors. Include after cmocka.h. */

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/macro.h"
#include "picture/picture.h"
#include "train/data/landmark-shape.h"
#include "train/net/random.h"

static inline void arc(float (*points)[2], unsigned from, unsigned n, double x, double y, double rx, double ry,
                       double begin, double end)
{
        for (unsigned i = 0; i < n; i++) {
                double a = begin + (end - begin) * i / (n > 1 ? n - 1 : 1);

                points[from + i][0] = (float)(x + rx * cos(a));
                points[from + i][1] = (float)(y + ry * sin(a));
        }
}

/* A face of the 68 points about (@x, @y), @size from brows to chin. */
static inline void make_shape(double x, double y, double size, float (*ret)[2])
{
        double s = size;

        arc(ret, 0, 17, x, y, 0.4 * s, 0.6 * s, M_PI, 0);
        arc(ret, 17, 5, x - 0.2 * s, y - 0.3 * s, 0.13 * s, 0.05 * s, M_PI, 2 * M_PI);
        arc(ret, 22, 5, x + 0.2 * s, y - 0.3 * s, 0.13 * s, 0.05 * s, M_PI, 2 * M_PI);
        for (unsigned i = 0; i < 4; i++) {
                ret[27 + i][0] = (float)x;
                ret[27 + i][1] = (float)(y - 0.15 * s + 0.08 * s * i);
        }
        arc(ret, 31, 5, x, y + 0.12 * s, 0.09 * s, 0.03 * s, M_PI, 0);
        arc(ret, 36, 4, x - 0.19 * s, y - 0.17 * s, 0.08 * s, 0.04 * s, M_PI, 2 * M_PI);
        arc(ret, 40, 2, x - 0.19 * s, y - 0.17 * s, 0.06 * s, 0.03 * s, M_PI / 3, 2 * M_PI / 3);
        arc(ret, 42, 4, x + 0.19 * s, y - 0.17 * s, 0.08 * s, 0.04 * s, M_PI, 2 * M_PI);
        arc(ret, 46, 2, x + 0.19 * s, y - 0.17 * s, 0.06 * s, 0.03 * s, M_PI / 3, 2 * M_PI / 3);
        arc(ret, 48, 7, x, y + 0.32 * s, 0.18 * s, 0.07 * s, M_PI, 2 * M_PI);
        arc(ret, 55, 5, x, y + 0.32 * s, 0.15 * s, 0.07 * s, M_PI / 6, 5 * M_PI / 6);
        arc(ret, 60, 5, x, y + 0.32 * s, 0.13 * s, 0.03 * s, M_PI, 2 * M_PI);
        arc(ret, 65, 3, x, y + 0.32 * s, 0.1 * s, 0.03 * s, M_PI / 4, 3 * M_PI / 4);
}

static inline void fill_disc(uint8_t *px, unsigned w, unsigned h, double x, double y, double rx, double ry, uint8_t v)
{
        for (unsigned j = 0; j < h; j++)
                for (unsigned i = 0; i < w; i++) {
                        double a = (i + 0.5 - x) / rx, b = (j + 0.5 - y) / ry;

                        if (a * a + b * b <= 1)
                                px[(size_t)j * w + i] = v;
                }
}

static inline void write_grey(const char *dir, const char *name, uint8_t *px, unsigned w, unsigned h)
{
        struct picture p = { .format = PICTURE_GRAY8, .width_px = w, .height_px = h, .stride_bytes = w, .data = px };
        char path[512];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        assert_int_equal(picture_write_png(path, &p), 0);
}

/* A bright oval with dark eyes and mouth, the same shape as make_shape(). */
static inline void draw_face(uint8_t *px, unsigned w, unsigned h, double x, double y, double size)
{
        fill_disc(px, w, h, x, y + 0.05 * size, 0.42 * size, 0.6 * size, 200);
        fill_disc(px, w, h, x - 0.19 * size, y - 0.17 * size, 0.08 * size, 0.05 * size, 20);
        fill_disc(px, w, h, x + 0.19 * size, y - 0.17 * size, 0.08 * size, 0.05 * size, 20);
        fill_disc(px, w, h, x, y + 0.32 * size, 0.18 * size, 0.06 * size, 40);
}

static inline void noise(uint8_t *px, size_t n, struct rng *rng, unsigned base, unsigned spread)
{
        for (size_t i = 0; i < n; i++)
                px[i] = (uint8_t)(base + rng_below(rng, spread));
}

static inline char *make_folder(char *template)
{
        assert_non_null(mkdtemp(template));
        return template;
}

static inline void remove_folder(const char *dir)
{
        char command[600];

        snprintf(command, sizeof(command), "rm -rf '%s'", dir);
        assert_int_equal(system(command), 0);
}

static inline FILE *open_table(const char *dir, const char *name)
{
        char path[512];
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        f = fopen(path, "we");
        assert_non_null(f);
        return f;
}

#define LANDMARK_HEADER "file,width,height"
static inline void write_landmark_header(FILE *f)
{
        fputs(LANDMARK_HEADER, f);
        for (unsigned i = 0; i < LANDMARKS; i++)
                fprintf(f, ",x%u,y%u", i, i);
        fputc('\n', f);
}

static inline void write_landmark_row(FILE *f, const char *file, unsigned w, unsigned h, const float (*points)[2])
{
        fprintf(f, "%s,%u,%u", file, w, h);
        for (unsigned i = 0; i < LANDMARKS; i++)
                fprintf(f, ",%.3f,%.3f", (double)points[i][0] - 0.5, (double)points[i][1] - 0.5);
        fputc('\n', f);
}

/* @n faces of as many persons. */
static inline void make_landmark_folder(const char *dir, unsigned n)
{
        FILE *f = open_table(dir, "train.csv");
        struct rng rng;

        rng_seed(&rng, 4);
        write_landmark_header(f);
        for (unsigned i = 0; i < n; i++) {
                unsigned w = 90, h = 96;
                double x = rng_range(&rng, 42, 48), y = rng_range(&rng, 44, 50), size = rng_range(&rng, 34, 44);
                uint8_t px[90 * 96];
                float points[LANDMARKS][2];
                char name[64];

                noise(px, sizeof(px), &rng, 60, 40);
                draw_face(px, w, h, x, y, size);
                make_shape(x, y, size, points);
                snprintf(name, sizeof(name), "person%u_01.png", i);
                write_grey(dir, name, px, w, h);
                write_landmark_row(f, name, w, h, (const float(*)[2])points);
        }
        assert_int_equal(fclose(f), 0);
}

/* @n pictures with one face and as many without, each of a group of its own. */
static inline void make_scene_folder(const char *dir, unsigned n)
{
        FILE *f = open_table(dir, "boxes.csv"), *g = open_table(dir, "sources.csv");
        struct rng rng;

        rng_seed(&rng, 6);
        fputs("file,source,origin,group,note\n", g);
        fputs("file,width,height,face_index,x,y,w,h,confidence,left_eye_x,left_eye_y,right_eye_x,right_eye_y,"
              "nose_x,nose_y,"
              "mouth_left_x,mouth_left_y,mouth_right_x,mouth_right_y,judges\n",
              f);
        for (unsigned i = 0; i < 2 * n; i++) {
                double x = rng_range(&rng, 40, 80), y = rng_range(&rng, 45, 60), s = rng_range(&rng, 30, 50);
                uint8_t px[120 * 100];
                char name[64];

                snprintf(name, sizeof(name), "scene%u.png", i);
                noise(px, sizeof(px), &rng, 40, 50);
                fprintf(g, "%s,made,%u,group%u,%s\n", name, i, i, i % 4 == 1 ? "hard" : "");
                if (i % 2)
                        fprintf(f, "%s,120,100,-1,,,,,,,,,,,,,,,,\n", name);
                else {
                        draw_face(px, 120, 100, x, y, s);
                        fprintf(f,
                                "%s,120,100,0,%.2f,%.2f,%.2f,%.2f,0.9,%.2f,%.2f,%.2f,%.2f,%.2f,%.2f,%.2f,%."
                                "2f,%.2f,%.2f,both\n",
                                name, x - 0.42 * s, y - 0.55 * s, 0.84 * s, 1.2 * s, x - 0.19 * s, y - 0.17 * s,
                                x + 0.19 * s, y - 0.17 * s, x, y + 0.1 * s, x - 0.18 * s, y + 0.32 * s, x + 0.18 * s,
                                y + 0.32 * s);
                }
                write_grey(dir, name, px, 120, 100);
        }
        assert_int_equal(fclose(f), 0);
        assert_int_equal(fclose(g), 0);
}
