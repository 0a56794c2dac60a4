/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <stdlib.h>

#include "basic/macro.h"
#include "plugins/cnn/nms.h"

void nms_add(struct nms *c, const struct emo_box *box)
{
        size_t least = 0;

        if (c->n < NMS_MAX) {
                c->boxes[c->n++] = *box;
                return;
        }
        for (size_t i = 1; i < c->n; i++)
                if (c->boxes[i].confidence < c->boxes[least].confidence)
                        least = i;
        if (c->boxes[least].confidence < box->confidence)
                c->boxes[least] = *box;
}

float nms_overlap(const struct emo_box *a, const struct emo_box *b)
{
        float width = MIN(a->x + a->width, b->x + b->width) - MAX(a->x, b->x);
        float height = MIN(a->y + a->height, b->y + b->height) - MAX(a->y, b->y);

        if (!(width > 0 && height > 0))
                return 0;
        return width * height / (a->width * a->height + b->width * b->height - width * height);
}

static int compare(const void *a, const void *b)
{
        float x = ((const struct emo_box *)a)->confidence, y = ((const struct emo_box *)b)->confidence;

        return (x < y) - (x > y);
}

void nms_thin(struct nms *c, float overlap)
{
        size_t n = 0;

        qsort(c->boxes, c->n, sizeof(*c->boxes), compare);
        for (size_t i = 0; i < c->n; i++) {
                bool keep = true;

                for (size_t k = 0; k < n && keep; k++)
                        keep = nms_overlap(&c->boxes[k], &c->boxes[i]) <= overlap;
                if (keep)
                        c->boxes[n++] = c->boxes[i];
        }
        c->n = n;
}
