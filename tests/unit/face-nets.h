/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Networks for the tests of faces: not trained, but written down, so that what they answer is known.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/onnx-write.h"

#define FACE_NET_SIDE 32 /* of the input of the network of landmarks */
#define FACE_NET_MASS 8.0

static inline void face_net_floats(struct onnx_writer *w, const char *name, const float *x, unsigned n_dims,
                                   const int64_t *dims)
{
        struct nn_tensor t = { .type = NN_FLOAT32, .n_dims = n_dims, .data = (void *)(uintptr_t)x };

        memcpy(t.dims, dims, n_dims * sizeof(*dims));
        onnx_writer_initializer(w, name, &t);
}

static inline void face_net_node(struct onnx_writer *w, const char *op, const char *a, const char *b, const char *c,
                                 const char *out, const struct onnx_attribute *attributes)
{
        onnx_writer_node(w, op, (const char *const[]){ a, b, c, NULL }, (const char *const[]){ out, NULL }, attributes);
}

/* What may be odd about a detector. All zero: our own form, for pictures of any size. */
struct face_detector_net {
        bool yunet;            /* three channels, lists, objectness */
        int64_t width, height; /* 0: open */
        const char *task, *normalisation, *box;
        float dx, dy, size[2]; /* of the box: shift in cells, and width and height in strides (0: 2) */
        bool no_boxes;         /* bbox_16 is missing */
        bool flat;             /* cls_8 of another shape */
        bool fixed_lists;      /* the lists fit only the size of the file */
};

/* One stride's outputs: the score of a cell is a sigmoid of the mean of its pixels, a half at @middle grey levels of
 * the normalised input, steep by @slope. */
static inline void face_net_head(struct onnx_writer *w, const struct face_detector_net *f, unsigned stride,
                                 float middle, float slope)
{
        int64_t channels = f->yunet ? 3 : 1, s = stride, n = s * s * channels;
        int64_t rows = f->height ? f->height / s : -1, columns = f->width ? f->width / s : -1;
        float *mean = calloc((size_t)(4 * n), sizeof(float));
        float bias[4] = { 0.5f + f->dx, 0.5f + f->dy, logf(f->size[0] ?: 2), logf(f->size[1] ?: 2) };
        char name[12][24];
        static const char *const what[] = { "cls", "obj", "bbox", "score", "cw",     "cb",
                                            "bw",  "bb",  "ct",   "bt",    "shape1", "shape4" };
        const struct onnx_attribute strides[] = {
                { .name = "strides", .kind = ONNX_INTS, .ints = (const int64_t[]){ s, s }, .n = 2 },
                { .name = NULL },
        };
        const struct onnx_attribute perm[] = {
                { .name = "perm", .kind = ONNX_INTS, .ints = (const int64_t[]){ 0, 2, 3, 1 }, .n = 4 },
                { .name = NULL },
        };

        for (size_t i = 0; i < ARRAY_LEN(what); i++)
                snprintf(name[i], sizeof(name[i]), "%s_%u", what[i], stride);
        for (int64_t i = 0; i < n; i++)
                mean[i] = slope / (float)n;
        face_net_floats(w, name[4], mean, 4, (const int64_t[]){ 1, channels, s, s });
        face_net_floats(w, name[5], (const float[]){ -slope * middle }, 1, (const int64_t[]){ 1 });
        memset(mean, 0, (size_t)n * sizeof(float));
        face_net_floats(w, name[6], mean, 4, (const int64_t[]){ 4, channels, s, s });
        face_net_floats(w, name[7], bias, 1, (const int64_t[]){ 4 });
        free(mean);
        face_net_node(w, "Conv", "input", name[4], name[5], name[3], strides);
        face_net_node(w, "Conv", "input", name[6], name[7], f->yunet ? name[9] : name[2], strides);
        if (!f->yunet) {
                face_net_node(w, "Sigmoid", name[3], NULL, NULL, name[0], NULL);
                onnx_writer_output(w, name[0], NN_FLOAT32, (const int64_t[]){ 1, 1, rows, columns }, 4);
                if (!f->no_boxes || stride != 16)
                        onnx_writer_output(w, name[2], NN_FLOAT32, (const int64_t[]){ 1, 4, rows, columns }, 4);
                return;
        }
        int64_t cells = f->fixed_lists ? rows * columns : -1;
        struct nn_tensor shape = { .type = NN_INT64, .n_dims = 1, .dims = { 3 } };

        shape.data = (int64_t[]){ 1, cells, 1 };
        onnx_writer_initializer(w, name[10], &shape);
        shape.data = (int64_t[]){ 1, cells, 4 };
        onnx_writer_initializer(w, name[11], &shape);
        char transposed[24], flat[24];

        snprintf(transposed, sizeof(transposed), "st_%u", stride);
        snprintf(flat, sizeof(flat), "sf_%u", stride);
        face_net_node(w, "Transpose", name[3], NULL, NULL, transposed, perm);
        face_net_node(w, "Reshape", transposed, name[10], NULL, flat, NULL);
        face_net_node(w, "Sigmoid", flat, NULL, NULL, name[0], NULL);
        face_net_node(w, "Sigmoid", flat, NULL, NULL, name[1], NULL);
        face_net_node(w, "Transpose", name[9], NULL, NULL, name[8], perm);
        face_net_node(w, "Reshape", name[8], name[11], NULL, name[2], NULL);
        for (size_t i = 0; i < 3; i++)
                onnx_writer_output(w, name[i], NN_FLOAT32, (const int64_t[]){ 1, -1, i == 2 ? 4 : 1 }, 3);
}

/* Finds white: cells of 8 pixels whose mean is over 0.9 of white. The larger strides find nothing. */
static inline int face_net_write_detector(const char *path, const struct face_detector_net *f)
{
        struct onnx_writer *w;
        float white = f->yunet && !f->normalisation ? 255 : 1;
        int r = onnx_writer_new("detector", &w);

        if (r < 0)
                return r;
        onnx_writer_input(w, "input", NN_FLOAT32,
                          (const int64_t[]){ 1, f->yunet ? 3 : 1, f->height ?: -1, f->width ?: -1 }, 4);
        face_net_head(w, f, 8, 0.9f * white, 100 / white);
        face_net_head(w, f, 16, 2 * white, 100 / white);
        face_net_head(w, f, 32, 2 * white, 100 / white);
        if (f->task)
                onnx_writer_metadata(w, "emotiond.task", f->task);
        if (f->normalisation)
                onnx_writer_metadata(w, "emotiond.normalisation", f->normalisation);
        if (f->box)
                onnx_writer_metadata(w, "emotiond.box", f->box);
        r = onnx_writer_save(w, path);
        onnx_writer_free(w);
        return r;
}

/* A network of landmarks for pictures that show two white dots on black, each of FACE_NET_MASS white pixels of the
 * crop, where the eyes of the template lie, and nothing else. The centre of gravity of each half of the crop is where an
 * eye is; the other points are those of the template as the eyes carry it. Confidence: a sigmoid of the crop's white
 * pixels, a half at one dot. */
struct face_points_net {
        double crop;                           /* 0: not written */
        const char *task;                      /* NULL: "landmarks" */
        const char *crop_text, *normalisation; /* instead */
        int64_t n_points;                      /* 0: 136 */
        int64_t side[2];                       /* 0: FACE_NET_SIDE */
        bool nan;                              /* gives no numbers */
        bool sure;                             /* sees a face everywhere */
};

/* Shares of the face's square: the eyes in 36 to 47, the mouth in 48 to 67, the rest on a circle. */
#define FACE_NET_EYE_X 0.333
#define FACE_NET_EYE_Y (0.5 - 0.32 / 2.78)
#define FACE_NET_MOUTH_Y (0.5 + 0.68 / 2.78)
static inline void face_net_template(float ret[68][2])
{
        for (unsigned i = 0; i < 68; i++) {
                double t = 2 * M_PI * i / 36;

                ret[i][0] = (float)(i < 36   ? 0.5 + 0.5 * sin(t)
                                    : i < 42 ? FACE_NET_EYE_X
                                    : i < 48 ? 1 - FACE_NET_EYE_X
                                             : 0.5);
                ret[i][1] = (float)(i < 36 ? 0.5 + 0.5 * cos(t) : i < 48 ? FACE_NET_EYE_Y : FACE_NET_MOUTH_Y);
        }
}

/* Draws the face of a square at (@x, @y) of side @side_px, turned by @roll, for a network of crop @crop: two white
 * dots with soft edges. */
static inline void face_net_draw(uint8_t *pixels, unsigned width_px, unsigned height_px, size_t stride_bytes, double x,
                                 double y, double side_px, double roll, double crop)
{
        double radius = sqrt(FACE_NET_MASS / M_PI) * side_px * crop / FACE_NET_SIDE;

        for (int i = -1; i <= 1; i += 2) {
                double u = i * (0.5 - FACE_NET_EYE_X) * side_px, v = (FACE_NET_EYE_Y - 0.5) * side_px;
                double ex = x + cos(roll) * u - sin(roll) * v, ey = y + sin(roll) * u + cos(roll) * v;

                for (unsigned row = 0; row < height_px; row++)
                        for (unsigned column = 0; column < width_px; column++) {
                                double white = CLAMP(radius + 0.5 - hypot(column - ex, row - ey), 0.0, 1.0) * 255;
                                uint8_t *p = pixels + row * stride_bytes + column;

                                *p = (uint8_t)MAX(white, (double)*p);
                        }
        }
}

/* Centres of gravity of the two halves of the crop as "centres" [1, 4]: x and y of the left one, of the right one. */
static inline void face_net_centres(struct onnx_writer *w, int64_t height, int64_t width)
{
        size_t n = (size_t)(height * width);
        float *sums = calloc(n * 4, sizeof(float)), *masses = calloc(n * 4, sizeof(float));

        for (size_t i = 0; i < n; i++) {
                size_t x = i % (size_t)width, y = i / (size_t)width, k = 2 * (x >= (size_t)width / 2);

                sums[4 * i + k] = ((float)x + 0.5f) / (float)width;
                sums[4 * i + k + 1] = ((float)y + 0.5f) / (float)height;
                masses[4 * i + k] = masses[4 * i + k + 1] = 1;
        }
        face_net_floats(w, "sums_w", sums, 2, (const int64_t[]){ (int64_t)n, 4 });
        face_net_floats(w, "masses_w", masses, 2, (const int64_t[]){ (int64_t)n, 4 });
        /* no division by nothing */
        face_net_floats(w, "masses_b", (const float[]){ 1e-3f, 1e-3f, 1e-3f, 1e-3f }, 1, (const int64_t[]){ 4 });
        face_net_node(w, "Gemm", "flat", "sums_w", NULL, "sums", NULL);
        face_net_node(w, "Gemm", "flat", "masses_w", "masses_b", "masses", NULL);
        face_net_node(w, "Div", "sums", "masses", NULL, "centres", NULL);
        free(sums);
        free(masses);
}

/* The template's points from the eyes: left eye + a * (right - left) + b * (right - left turned by 90 degrees). */
static inline void face_net_points(struct onnx_writer *w, int64_t outputs, bool nan)
{
        float *weights = calloc((size_t)outputs * 4, sizeof(float)), *bias = calloc((size_t)outputs, sizeof(float));
        float template[68][2];

        face_net_template(template);
        for (int64_t i = 0; i < outputs / 2; i++) {
                double unit = 1 - 2 * FACE_NET_EYE_X;
                float a = (float)(((double)template[i][0] - FACE_NET_EYE_X) / unit);
                float b = (float)(((double)template[i][1] - FACE_NET_EYE_Y) / unit);
                /* rows lx, ly, rx, ry; columns x, y of the point */
                const float m[4][2] = { { 1 - a, -b }, { b, 1 - a }, { a, b }, { -b, a } };

                for (size_t k = 0; k < 4; k++)
                        for (size_t c = 0; c < 2; c++)
                                weights[k * (size_t)outputs + (size_t)(2 * i) + c] = m[k][c];
        }
        if (nan)
                bias[0] = NAN;
        face_net_floats(w, "points_w", weights, 2, (const int64_t[]){ 4, outputs });
        face_net_floats(w, "points_b", bias, 1, (const int64_t[]){ outputs });
        face_net_node(w, "Gemm", "centres", "points_w", "points_b", "points", NULL);
        free(weights);
        free(bias);
}

static inline int face_net_write_points(const char *path, const struct face_points_net *f)
{
        int64_t height = f->side[0] ?: FACE_NET_SIDE, width = f->side[1] ?: FACE_NET_SIDE, n = height * width;
        int64_t outputs = f->n_points ?: 136;
        float *weights = calloc((size_t)n, sizeof(float));
        struct onnx_writer *w;
        char text[32];
        int r = weights ? onnx_writer_new("landmarks", &w) : -ENOMEM;

        if (r < 0)
                return r;
        onnx_writer_input(w, "input", NN_FLOAT32, (const int64_t[]){ 1, 1, height, width }, 4);
        onnx_writer_output(w, "points", NN_FLOAT32, (const int64_t[]){ 1, outputs }, 2);
        onnx_writer_output(w, "confidence", NN_FLOAT32, (const int64_t[]){ 1, 1 }, 2);
        face_net_node(w, "Flatten", "input", NULL, NULL, "flat", NULL);
        face_net_centres(w, height, width);
        face_net_points(w, outputs, f->nan);
        for (int64_t i = 0; i < n; i++)
                weights[i] = (float)(f->sure ? 0 : 10 / FACE_NET_MASS);
        face_net_floats(w, "confidence_w", weights, 2, (const int64_t[]){ n, 1 });
        face_net_floats(w, "confidence_b", (const float[]){ f->sure ? 5 : -10 }, 1, (const int64_t[]){ 1 });
        free(weights);
        face_net_node(w, "Gemm", "flat", "confidence_w", "confidence_b", "sum", NULL);
        face_net_node(w, "Sigmoid", "sum", NULL, NULL, "confidence", NULL);
        snprintf(text, sizeof(text), "%g", f->crop);
        if (f->crop > 0 || f->crop_text)
                onnx_writer_metadata(w, "emotiond.crop", f->crop_text ?: text);
        onnx_writer_metadata(w, "emotiond.task", f->task ?: "landmarks");
        if (f->normalisation)
                onnx_writer_metadata(w, "emotiond.normalisation", f->normalisation);
        r = onnx_writer_save(w, path);
        onnx_writer_free(w);
        return r;
}
