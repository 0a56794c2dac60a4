/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/macro.h"
#include "train/task/detect-target.h"

#define OWN 0.25  /* of width and height from the centre: cells of the face */
#define NEAR 0.45 /* left alone */

/* Sizes in strides that a level answers for, and those beyond at which it is left alone. The finest has no
 * least size, the coarsest no greatest. */
static bool size_is_within(double size, unsigned stride, double slack)
{
        double lo = stride == detect_strides[0] ? 0 : 2.2, hi = stride == detect_strides[DETECT_LEVELS - 1] ? 1e9 : 4.4;

        return size * slack >= lo * stride && size <= hi * stride * slack;
}

/* Raises cells in a share of the face's box to @value. */
static void mark(const struct scene_face *f, double share, unsigned stride, unsigned w, unsigned h, unsigned char value,
                 unsigned char *ret)
{
        double cx = (double)(f->x + f->w / 2), cy = (double)(f->y + f->h / 2);

        for (unsigned row = 0; row < h; row++) {
                if (fabs((row + 0.5) * stride - cy) > share * (double)f->h)
                        continue;
                for (unsigned col = 0; col < w; col++)
                        if (fabs((col + 0.5) * stride - cx) <= share * (double)f->w &&
                            (value >= DETECT_FACE || ret[(size_t)row * w + col] < value))
                                ret[(size_t)row * w + col] = value;
        }
}

static double area(const struct detect_truth *t, unsigned i)
{
        return (double)t->faces[i].face.w * (double)t->faces[i].face.h;
}

void detect_assign(const struct detect_truth *t, unsigned stride, unsigned w, unsigned h, unsigned char *ret)
{
        unsigned order[DETECT_MAX_FACES];

        memset(ret, DETECT_NONE, (size_t)w * h);
        /* largest first, so that smaller ones overwrite */
        for (unsigned i = 0; i < t->n; i++) {
                unsigned k = i;

                for (; k > 0 && area(t, order[k - 1]) < area(t, i); k--)
                        order[k] = order[k - 1];
                order[k] = i;
        }
        for (unsigned k = 0; k < t->n; k++) {
                const struct scene_face *f = &t->faces[order[k]].face;
                double size = sqrt(area(t, order[k])), cx = (double)(f->x + f->w / 2), cy = (double)(f->y + f->h / 2);
                unsigned char own = (unsigned char)(DETECT_FACE + order[k]);

                if (t->faces[order[k]].ignored) {
                        mark(f, 0.5, stride, w, h, DETECT_IGNORED, ret);
                        continue;
                }
                if (size_is_within(size, stride, 1.45))
                        mark(f, NEAR, stride, w, h, DETECT_IGNORED, ret);
                if (!size_is_within(size, stride, 1.1))
                        continue;
                mark(f, OWN, stride, w, h, own, ret);
                if (cx >= 0 && cy >= 0 && cx < w * stride && cy < h * stride)
                        ret[(size_t)(cy / stride) * w + (size_t)(cx / stride)] = own;
        }
}
