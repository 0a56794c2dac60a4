/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/face-template.h"

#define MAX_STRETCH 2.5
#define N_POINTS 68

/* Eyes: medians of what OpenCV's eye cascade found in 973 of 1500 Training pictures (0.299 0.383, 0.682 0.378;
 * quartiles 0.05 apart), made symmetric; mouth: read off the mean faces of the classes. */
const struct face_template face_template_fer2013 = {
        .n = 3,
        .parts = { { 36, 41, 0.308f, 0.380f }, { 42, 47, 0.692f, 0.380f }, { 48, 67, 0.500f, 0.790f } },
};

/* Medians over 2197 frontal faces with 68 points, carried into the framing above, made symmetric. */
const struct face_template face_template_affine = {
        .affine = true,
        .n = 6,
        .parts = { { 36, 36, 0.240f, 0.376f },
                   { 39, 39, 0.385f, 0.382f },
                   { 42, 42, 0.615f, 0.382f },
                   { 45, 45, 0.760f, 0.376f },
                   { 27, 27, 0.500f, 0.385f },
                   { 31, 35, 0.500f, 0.651f } },
};

static bool take(const char **s, char c)
{
        if (**s != c)
                return false;
        ++*s;
        return true;
}

static bool take_landmark(const char **s, unsigned *ret)
{
        char *end;
        unsigned long v = strtoul(*s, &end, 10);

        if (end == *s || **s < '0' || **s > '9' || v >= N_POINTS)
                return false;
        *s = end;
        *ret = (unsigned)v;
        return true;
}

static bool take_share(const char **s, float *ret)
{
        char *end;
        double v = strtod(*s, &end);

        /* written so that a NaN fails */
        if (end == *s || !(v >= -1 && v <= 2))
                return false;
        *s = end;
        *ret = (float)v;
        return true;
}

static bool take_part(const char **s, struct face_part *ret)
{
        if (!take_landmark(s, &ret->first))
                return false;
        ret->last = ret->first;
        if (take(s, '-') && !take_landmark(s, &ret->last))
                return false;
        return ret->last >= ret->first && take(s, ':') && take_share(s, &ret->x) && take(s, ',') &&
               take_share(s, &ret->y);
}

int face_template_parse(const char *text, struct face_template *ret)
{
        static const char similarity[] = "similarity", affine[] = "affine";
        struct face_template t = { .n = 0 };
        const char *s = text;

        if (strncmp(s, affine, sizeof(affine) - 1) == 0) {
                t.affine = true;
                s += sizeof(affine) - 1;
        } else if (strncmp(s, similarity, sizeof(similarity) - 1) == 0) {
                s += sizeof(similarity) - 1;
        } else {
                return -EINVAL;
        }
        while (*s) {
                if (!take(&s, ' ') && !take(&s, '\n'))
                        return -EINVAL;
                if (!*s || *s == ' ' || *s == '\n')
                        continue;
                if (t.n == FACE_TEMPLATE_PARTS || !take_part(&s, &t.parts[t.n++]))
                        return -EINVAL;
        }
        if (t.n < (t.affine ? 3u : 2u))
                return -EINVAL;
        *ret = t;
        return 0;
}

int face_template_format(const struct face_template *t, char *ret, size_t size)
{
        int used = snprintf(ret, size, "%s", t->affine ? "affine" : "similarity");

        for (unsigned i = 0; i < t->n && used >= 0 && (size_t)used < size; i++) {
                const struct face_part *p = &t->parts[i];
                char last[16] = "";

                if (p->last > p->first)
                        snprintf(last, sizeof(last), "-%u", p->last);
                used += snprintf(ret + used, size - (size_t)used, " %u%s:%.4g,%.4g", p->first, last, (double)p->x,
                                 (double)p->y);
        }
        return used >= 0 && (size_t)used < size ? 0 : -ENOSPC;
}

/* True if one axis is stretched too much against the other: by the singular values of the linear part. */
static bool is_stretched(const struct nn_affine *map)
{
        const double *m = map->m;
        double sum = (m[0] * m[0] + m[1] * m[1] + m[3] * m[3] + m[4] * m[4]) / 2, det = m[0] * m[4] - m[1] * m[3];
        double root = sqrt(fmax(sum * sum - det * det, 0));

        return !(det > 0) || sum + root > MAX_STRETCH * MAX_STRETCH * (sum - root);
}

int face_template_map(const struct face_template *t, const float (*points)[2], unsigned width_px, unsigned height_px,
                      struct nn_affine *ret)
{
        float dst[FACE_TEMPLATE_PARTS][2], src[FACE_TEMPLATE_PARTS][2];
        unsigned side = MIN(width_px, height_px);

        for (unsigned i = 0; i < t->n; i++) {
                const struct face_part *p = &t->parts[i];
                double x = 0, y = 0, n = p->last - p->first + 1;

                for (unsigned k = p->first; k <= p->last; k++) {
                        x += (double)points[k][0];
                        y += (double)points[k][1];
                }
                src[i][0] = (float)(x / n);
                src[i][1] = (float)(y / n);
                dst[i][0] = (float)((double)p->x * side - 0.5 + (width_px - side) / 2.0);
                dst[i][1] = (float)((double)p->y * side - 0.5 + (height_px - side) / 2.0);
        }
        if (t->affine && nn_affine_fit(dst, src, t->n, ret) == 0 && !is_stretched(ret))
                return 0;
        return nn_affine_similarity(dst, src, t->n, ret);
}
