/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/error.h"
#include "plugins/cnn/decode.h"

const unsigned decode_strides[DECODE_N_STRIDES] = { 8, 16, 32 };

static const struct nn_tensor *find(const struct nn_model *m, const struct nn_plan *p, const char *what,
                                    unsigned stride)
{
        char name[32];

        snprintf(name, sizeof(name), "%s_%u", what, stride);
        for (size_t i = 0; i < nn_model_n_outputs(m); i++)
                if (strcmp(nn_model_output_name(m, i), name) == 0)
                        return nn_plan_output(p, i);
        return NULL;
}

static bool is_map(const struct nn_tensor *t, int64_t n, const struct decode_head *h)
{
        return t && t->type == NN_FLOAT32 && t->n_dims == 4 && t->dims[0] == 1 && t->dims[1] == n &&
               t->dims[2] == h->rows && t->dims[3] == h->columns;
}

static bool is_list(const struct nn_tensor *t, int64_t n, const struct decode_head *h)
{
        return t && t->type == NN_FLOAT32 && t->n_dims == 3 && t->dims[0] == 1 &&
               t->dims[1] == (int64_t)h->rows * h->columns && t->dims[2] == n;
}

static int find_head(const struct nn_model *m, const struct nn_plan *p, struct decode_head *h, struct nn_error *error)
{
        const struct nn_tensor *cls = find(m, p, "cls", h->stride), *obj = find(m, p, "obj", h->stride);
        const struct nn_tensor *bbox = find(m, p, "bbox", h->stride);

        if (!cls || !bbox)
                return nn_fail(error, -EINVAL, "it has no output %s_%u", cls ? "bbox" : "cls", h->stride);
        h->cls = cls->data;
        h->bbox = bbox->data;
        if (!obj && is_map(cls, 1, h) && is_map(bbox, 4, h)) {
                h->cell_step = 1;
                h->value_step = (size_t)h->rows * h->columns;
                return 0;
        }
        if (is_list(cls, 1, h) && is_list(obj, 1, h) && is_list(bbox, 4, h)) {
                h->obj = obj->data;
                h->cell_step = 4;
                h->value_step = 1;
                return 0;
        }
        return nn_fail(error, -EINVAL, "its outputs for stride %u are neither maps of %u x %u (cls of 1, bbox of 4 values) "
                                    "nor lists of as many cells (cls, obj, bbox)", h->stride, h->columns, h->rows);
}

int decode_heads(const struct nn_model *m, const struct nn_plan *p, unsigned width_px, unsigned height_px,
                 struct decode_head ret[DECODE_N_STRIDES], struct nn_error *error)
{
        for (size_t i = 0; i < DECODE_N_STRIDES; i++) {
                unsigned stride = decode_strides[i];

                ret[i] = (struct decode_head){ .stride = stride,
                                               .columns = width_px / stride,
                                               .rows = height_px / stride };
                int r = find_head(m, p, &ret[i], error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void add_cell(const struct decode_head *h, unsigned column, unsigned row, float score, struct nms *ret)
{
        const float *b = h->bbox + ((size_t)row * h->columns + column) * h->cell_step;
        float s = (float)h->stride, limit = 4 * s * (float)MAX(h->columns, h->rows);
        float x = ((float)column + b[0]) * s, y = ((float)row + b[h->value_step]) * s;
        float width = expf(b[2 * h->value_step]) * s, height = expf(b[3 * h->value_step]) * s;

        /* written so that a NaN fails */
        if (!(width >= 1 && width <= limit && height >= 1 && height <= limit && fabsf(x) <= limit && fabsf(y) <= limit))
                return;
        nms_add(ret, &(struct emo_box){ .x = x - width / 2,
                                        .y = y - height / 2,
                                        .width = width,
                                        .height = height,
                                        .confidence = score });
}

void decode_boxes(const struct decode_head *h, float threshold, struct nms *ret)
{
        for (unsigned row = 0; row < h->rows; row++)
                for (unsigned column = 0; column < h->columns; column++) {
                        size_t i = (size_t)row * h->columns + column;
                        float score = h->obj ? sqrtf(CLAMP(h->cls[i], 0.f, 1.f) * CLAMP(h->obj[i], 0.f, 1.f)) :
                                               h->cls[i];

                        if (score >= threshold)
                                add_cell(h, column, row, MIN(score, 1.f), ret);
                }
}
